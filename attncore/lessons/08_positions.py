# %% [markdown]
# # Positions: where am I
#
# Attention sees a set of words, not a text. Here we tell each token where it stands, in four ways: two that add
# something to the words, one that turns queries and keys, one that lowers the scores. At the end you have written them,
# and you can say which of them survive a text that is longer than those seen in training.

# %% [markdown]
# **You need** scaled dot-product attention (lesson 04), the float mask (06) and heads (07).
# **You get** `apply_rotary`, which most large language models of today run in every layer.

# %%
import math

import numpy as np

from attncore import answer, breaks, card, check, hint, progress, reset
from attncore.dot_product import attention_weights, scaled_dot_product_attention
from attncore.heads import split_heads
from attncore.masks import causal_mask
from attncore.positions import (
    alibi_bias,
    alibi_slopes,
    apply_rotary,
    rotary_halves_order,
    sinusoidal_positions,
)
from attncore.softmax import softmax
from attncore.views.style import beside
from attncore.views.tables import heat_map, label_grid
from attncore.views.widgets.positions import distance_picture, hands_picture
from attncore.words import embed, tokens

# %% [markdown]
# ## Two words that are one
#
# Self-attention does not know order (lesson 05). "The cat sat on the mat" has two "the", one of a cat and one of a mat,
# and both get the same vector: they ask the same question of the same set of words.

# %%
words = "the cat sat on the mat"
x = embed(words)
outputs = scaled_dot_product_attention(x, x, x)
np.allclose(outputs[0], outputs[4])

# %% [markdown]
# A causal mask helps a little: the first "the" sees one word, the second five. But what a word sees is still a set. We
# shuffle the first four words, and the last word gets what it got before.


# %%
def look_back(x):
    return scaled_dot_product_attention(x, x, x, causal_mask(len(x)))


shuffled = x[[3, 1, 0, 2, 4, 5]]
np.allclose(look_back(shuffled)[-1], look_back(x)[-1])

# %% [markdown]
# In a second layer it does notice. The words before it have meanwhile seen different pasts, and bring that along. A
# decoder can learn some order from its mask alone (Haviv et al., 2022); an encoder cannot.

# %%
np.allclose(look_back(look_back(shuffled))[-1], look_back(look_back(x))[-1])

# %% [markdown]
# So order has to be put in. It can enter at three points:
#
# | where | how often | schemes |
# |---|---|---|
# | added to the words | once, below the first layer | sinusoidal, learned |
# | into queries and keys | in every layer | rotary |
# | onto the scores | in every layer | linear bias |

# %% [markdown]
# ## A clock for a position
#
# Could we add the number of the position to each vector? Entries of our words are around 0.06 in size; position 500
# would drown them. A clock has the same task and solves it with hands: a fast one for small steps, slow ones for
# large ones.

# %% [markdown]
# Vaswani et al. (2017) give each position $d/2$ hands. Hand $i$ has the angle $\text{pos} / 10000^{2i/d}$, and a hand is
# a point on a circle: a sine and a cosine, side by side.
#
# $$P_{\text{pos},\,2i} = \sin\frac{\text{pos}}{10000^{2i/d}}, \qquad P_{\text{pos},\,2i+1} = \cos\frac{\text{pos}}{10000^{2i/d}}$$

# %%
sinusoidal_positions(4, 4).round(3)

# %% [markdown]
# Rows are positions. Entries 0 and 1 are the fast hand, one radian a step. Entries 2 and 3 are a hundred times slower,
# since $10000^{2/4}$ is 100. By hand, the slow one at position 3:

# %%
pos, i, d = 3, 1, 4
angle = pos / 10_000 ** (2 * i / d)
np.array([np.sin(angle), np.cos(angle)]).round(3)

# %% [markdown]
# Why hands and not any other pattern? Because of their dot product: it knows the distance. Positions 3 and 10 agree
# exactly as much as 103 and 110.

# %%
P = sinusoidal_positions(200, 64)
print(f"{P[3] @ P[10]:.6f}  {P[103] @ P[110]:.6f}")

# %% [markdown]
# For one pair with the angles $a$ and $b$ the reason is a formula from school, and the whole product is a sum of such
# cosines:
#
# $$\sin a \sin b + \cos a \cos b = \cos(a - b)$$
#
# Seven steps on, each hand has turned by its own seven steps, wherever it was before.

# %% [markdown]
# The rows are added to the words. Watch the sizes: our words are about 1 long, every position is $\sqrt{384/2} = 13.9$
# long. The Transformer multiplies its embeddings by $\sqrt d$ first, and then the words are the longer ones.

# %%
lengths = [np.linalg.norm(v, axis=-1) for v in (x, sinusoidal_positions(6, 384), 384**0.5 * x)]
for name, length in zip(("words", "positions", "larger words"), lengths, strict=True):
    print(f"{name:<13}", length.round(1))

# %% [markdown]
# And now the two "the" are two.

# %%
placed = 384**0.5 * x + sinusoidal_positions(6, 384)
outputs = scaled_dot_product_attention(placed, placed, placed)
np.allclose(outputs[0], outputs[4])

# %% [markdown]
# ## Or learn the table
#
# BERT and GPT-2 learn a vector for each position instead: 512 rows (Devlin et al., 2018), 1,024 rows (Radford et al.,
# 2019). Vaswani et al. tried both on English to German: 25.7 BLEU learned, 25.8 sinusoidal. The difference comes after
# the last row.

# %%
table = np.random.default_rng(0).standard_normal((1024, 64))
try:
    table[1024]
except IndexError as problem:
    print(problem)

# %% [markdown]
# A formula would go on. But defined is not trained: a model that never saw position 1,024 does not know what to make of
# it, whoever wrote the vector. We come back to that.

# %% [markdown]
# ## Turn instead of adding
#
# Su et al. (2021) keep the hands and drop the sum. They take each pair of numbers of a query or key for a hand, and turn
# it by the position. Width two, the hand to the right, four positions:

# %%
apply_rotary([[1.0, 0.0]] * 4, [0, 1, 2, 3]).round(2)

# %% [markdown]
# One radian a step, counter-clockwise. A turn by the angle $a$ is a product with a rotation matrix:
#
# $$R(a) = \begin{pmatrix} \cos a & -\sin a \\ \sin a & \cos a \end{pmatrix}$$

# %%
a = 3.0
R = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
(R @ [1.0, 0.0]).round(2)

# %% exercise="rotary-lengths"

# %%
query, key = np.random.default_rng(1).standard_normal((2, 1, 64))
turned = apply_rotary(np.repeat(query, 3, axis=0), [0, 7, 5000])
np.linalg.norm(turned, axis=-1)

# %% [markdown]
# A wider vector has more hands. Pair $i$ turns by $\text{position} \cdot \theta_i$ with $\theta_i = 10000^{-2i/d}$: the
# same speeds as before. In fact the sinusoidal table is nothing else than one row, 0 1 0 1 ..., turned. The minus comes
# from the sine that stands first.

# %%
row = np.tile([0.0, 1.0], (5, 4))
np.allclose(apply_rotary(row, -np.arange(5)), sinusoidal_positions(5, 8))

# %% [markdown]
# The query stands at position $s$, the key at $t$, and each is turned by its own. In their dot product the two
# rotations meet, and only the difference is left:
#
# $$(R_s\, q)^\top (R_t\, k) = q^\top R_s^\top R_t\, k = q^\top R_{t-s}\, k$$

# %%
for s, t in ((3, 10), (103, 110), (10, 3)):
    score = apply_rotary(query, [s]) @ apply_rotary(key, [t]).T
    print(f"query at {s:>3}, key at {t:>3}: {score.item():.6f}")

# %% [markdown]
# Seven steps ahead is not seven steps back: the third number is another. Rotary knows the direction as well as the
# distance.

# %% exercise="same-position"

# %%
sevens = np.full(6, 7)
turned = apply_rotary(x, sevens)
np.allclose(turned @ turned.T, x @ x.T)

# %% [markdown]
# Equal positions give the plain scores back: without differences, rotary is the attention of lesson 04.

# %% [markdown]
# Move the key. Both hands turn, on every dial, and the score stays. Then move the query away from it, and see which
# dials notice a step, and which notice thirty.

# %%
hands_picture()

# %% [markdown]
# On our sentence: without positions each "the" gives both the same 0.42. Turned, it gives 0.48 to itself, where the
# distance is 0, and 0.33 to the other one, four steps away.

# %%
turned = apply_rotary(x, np.arange(6))
names = tokens(words)
beside(
    heat_map(
        attention_weights(x, x, scale=3), names, names, title='Plain: both "the" weigh the same'
    ),
    heat_map(
        attention_weights(turned, turned, scale=3),
        names,
        names,
        title="Turned: each prefers itself",
    ),
)

# %% [markdown]
# ## Queries and keys, not values
#
# Values are not compared, they are added up. Let us turn them as well and move the whole text by 100 positions. An
# attention that knows differences alone must not change.


# %%
def attend(x, positions, turn_values):
    turned = apply_rotary(x, positions)
    return scaled_dot_product_attention(turned, turned, turned if turn_values else x)


for turn_values in (False, True):
    here, there = (attend(x, np.arange(6) + shift, turn_values) for shift in (0, 100))
    print(turn_values, np.allclose(here, there))

# %% [markdown]
# With values turned, the output changes with the position of the whole text: nothing turns a value back. So rotary
# belongs between the projection and the dot product, in every layer. Heads are leading axes: each turns its own 16
# pairs, at the same 16 speeds.

# %%
apply_rotary(split_heads(x, 12), np.arange(6)).shape

# %% [markdown]
# In generation a new token comes alone, and its row is row 0 of the call. It has to be told where it stands; the keys
# of earlier tokens are kept as they were turned.

# %%
alone = apply_rotary(x[5:], [5])
np.allclose(alone, turned[5:])

# %% [markdown]
# ## Two layouts
#
# Which two entries make a pair? Neighbours, say the paper and Meta's Llama. One of the first half and one of the second,
# say GPT-NeoX (Black et al., 2022) and Hugging Face. The same row in both layouts:

# %%
order = rotary_halves_order(8)
label_grid(
    [[f"x{entry}" for entry in range(8)], [f"x{entry}" for entry in order]],
    [[entry // 2 for entry in range(8)], [entry // 2 for entry in order]],
    ["neighbours", "halves"],
    range(8),
    title="One colour is one pair: beside each other, or half a width apart",
)

# %% [markdown]
# A dot product does not care in which order it adds up. If queries and keys change layout together, every score stays
# the same.

# %%
query, key = np.random.default_rng(2).standard_normal((2, 6, 8))
np.allclose(query[:, order] @ key[:, order].T, query @ key.T)

# %% [markdown]
# So weights can be converted once, in the columns of `W_query` and `W_key`, within each head; values stay. Hugging
# Face's script does that to Llama.

# %%
W_query = np.random.default_rng(3).standard_normal((384, 8))
np.allclose(x @ W_query[:, order], (x @ W_query)[:, order])

# %% [markdown]
# Converted weights under code for neighbours: every shape fits, and the scores are wrong wherever two positions differ.
# A port with the wrong layout runs without an error and writes noise.


# %%
def turned_scores(query, key):
    return apply_rotary(query, np.arange(6)) @ apply_rotary(key, np.arange(6)).T


gap = np.abs(turned_scores(query[:, order], key[:, order]) - turned_scores(query, key))
gap[:2, :2].round(2)

# %% [markdown]
# ## The base sets the slowest hand
#
# A full turn of pair $i$ takes $2\pi \cdot \text{base}^{2i/d}$ tokens. Here are the turns of five of the 64 pairs of a
# head of width 128:

# %%
i = np.array([0, 16, 32, 48, 60])
for base in (10_000, 500_000):
    print(f"base {base:>7,}:", *(f"{turn:,.0f}" for turn in 2 * np.pi * base ** (2 * i / 128)))

# %% [markdown]
# The fast hands tell neighbours apart. The slow ones hardly move: in Gemma 7B, Barbero et al. (2024) find the fast pairs
# used for positions and the slow ones for content. A hand that completes no turn in training shows only a part of its
# circle.

# %%
i = np.arange(64)
for base, trained in ((10_000, 2048), (10_000, 4096), (10_000, 8192), (500_000, 8192)):
    slow = np.sum(2 * np.pi * base ** (2 * i / 128) > trained)
    print(f"base {base:>7,}, {trained} tokens: {slow} pairs complete no turn")

# %% [markdown]
# The first two are the settings of Llama and Llama 2 (Touvron et al., 2023), the last is that of Llama 3 before its
# training on longer texts (Grattafiori et al., 2024). At one length, 8,192, the larger base leaves 29 pairs without a
# full turn in place of 14, and each of them moves more slowly.

# %% [markdown]
# ## A price for distance
#
# Press et al. (2021) have no position vectors at all. Their ALiBi, attention with linear biases, lowers each score in
# proportion to the distance, and gives each head $h$ of $H$, counted from one, another slope. The bias is a float mask
# of lesson 06.
#
# $$S_{ij} = \frac{q_i \cdot k_j}{\sqrt d} - s_h\, |i - j|, \qquad s_h = 2^{-8h/H}$$

# %% [markdown]
# What is added, for two heads and three tokens:

# %%
alibi_bias(2, 3, 3)

# %% [markdown]
# Minus distance times slope, and the two slopes are 1/16 and 1/256. With 8 heads they run from 1/2 to 1/256, each half
# of the one before.

# %%
alibi_slopes(8)

# %% [markdown]
# Twelve heads are no power of two. The published rule keeps the slopes of eight, and adds four of those that sixteen
# heads would have in between; they stand at the end, out of order.

# %%
alibi_slopes(12)[8:].round(3)

# %% exercise="bias-shape"

# %%
alibi_bias(8, 1, 6).shape

# %% [markdown]
# A lower score is a smaller factor: a key at a distance of 20 keeps $e^{-20 s}$ of its unnormalised weight. In head 1
# that is next to nothing, in head 8 nearly all. The heads are soft windows of eight widths.

# %%
np.exp(-20 * alibi_slopes(8)).round(4)

# %% [markdown]
# Where all keys are alike, only the bias speaks. One query at the end of six keys, heads 1 and 8:

# %%
softmax(alibi_bias(8, 1, 6))[[0, 7], 0].round(2)

# %% [markdown]
# A slope of 0 takes the price away, and leaves the attention that we had.

# %%
free = scaled_dot_product_attention(x, x, x, 0 * alibi_bias(8, 6, 6))
np.allclose(free, scaled_dot_product_attention(x, x, x))

# %% [markdown]
# ## Who knows the distance
#
# Four schemes. We move query and key together by a hundred positions, and ask each of them for the score.

# %% exercise="both-shifted"

# %%
query, key = np.random.default_rng(4).standard_normal((2, 64))
score = {
    "sinusoidal": lambda s, t: (query + P[s]) @ (key + P[t]),
    "learned": lambda s, t: (query + table[s]) @ (key + table[t]),
    "rotary": lambda s, t: apply_rotary([query], [s])[0] @ apply_rotary([key], [t])[0],
    "linear bias": lambda s, t: query @ key + alibi_bias(1, 111, 111)[0, s, t],
}
for name, between in score.items():
    print(f"{name:<12}{between(3, 10):8.3f}{between(103, 110):8.3f}")

# %% [markdown]
# Among themselves the sinusoids do keep the distance: the last number below. But a sum of word and position, multiplied
# with another, makes four products. Two of them are a word with a position, and those change.

# %%
for s, t in ((3, 10), (103, 110)):
    products = query @ key, query @ P[t], P[s] @ key, P[s] @ P[t]
    print(np.round(products, 2))

# %% [markdown]
# A model can learn to work around that, with its projections. Rotary and the linear bias make it unnecessary.

# %% [markdown]
# ## Past the training length
#
# Train on 4,096 tokens, then read 16,384. Choose a scheme, and look at what is new, in orange. Where there are hands,
# the curve is the score of a query and a key that start alike in every pair, of 64. What does a larger base change, and
# what does interpolation?

# %%
distance_picture()

# %% [markdown]
# The curve of rotary looks harmless, and the title does not. In the pairs that never completed a turn the hands reach
# angles that no weight was trained for. In practice **perplexity**, which is e to the mean loss of a token, climbs soon
# past the training length, with sinusoids and with rotary (Press et al., 2021; Chen et al., 2023).

# %% [markdown]
# A larger base alone does not prevent it: 32 pairs in place of 18 complete no turn in 4,096 tokens, though each of them
# moves more slowly. The remedies, below, slow the hands of a model that is already trained.

# %% [markdown]
# With the linear bias perplexity stays low on longer texts. It is worth saying why: the farther a key, the less it
# counts, so that hardly anything new comes in. Press et al. say themselves that their model may not be using contexts
# longer than those of training.

# %% [markdown]
# For rotary, Chen et al. (2023) squeeze the positions instead. Position 16,000 of the long text becomes 4,000, whose
# angles the model knows; then it is trained a little more. Squeezed by four, token 4 stands where token 1 stood:

# %%
squeezed = apply_rotary(x, np.arange(6) / 4)
np.allclose(squeezed[4], apply_rotary(x[4:5], [1]))

# %% [markdown]
# To raise the base of a trained model does it unevenly ("NTK-aware" scaling). The fastest pair keeps its speed and goes
# on telling neighbours apart, the slowest is slowed most: with a base that is $4^{128/126}$ times as large, by exactly
# four. Five of the 64 pairs:

# %%
i, base = np.arange(64), 10_000 * 4 ** (128 / 126)
slowed = (base / 10_000) ** (2 * i / 128)
slowed[[0, 16, 32, 48, 63]].round(2)

# %% [markdown]
# YaRN (Peng et al., 2023) asks each pair how many turns it completed in training. For Llama it leaves those with more
# than 32 alone, squeezes those with less than one, and mixes in between. Here are the pairs of Llama 2:

# %%
turns = 4096 / (2 * np.pi * 10_000 ** (2 * i / 128))
alone, squeezed = np.sum(turns > 32), np.sum(turns < 1)
print(f"{alone} left alone, {64 - alone - squeezed} mixed, {squeezed} squeezed")

# %% [markdown]
# ## Exercises
#
# Write each function in its cell and run it. `check` compares with the reference on many inputs; `hint` opens the next
# of three hints.

# %% exercise="sinusoidal_positions"

# %% exercise="apply_rotary"

# %% [markdown]
# These dials are turned by your own function. If the title adds a "but", your scores depend on more than the difference.

# %%
hands_picture(apply_rotary)

# %% exercise="rotary_halves_order"

# %% exercise="alibi_slopes"

# %% exercise="alibi_bias"

# %% exercise="fix_rotary_table"

# %% exercise="fix_rotary_decoding"

# %% exercise="fix_left_padding"

# %% exercise="bert-position-table"

# %% exercise="slowest-pair"

# %% exercise="pairs-without-a-turn"

# %% exercise="alibi-slope"

# %% exercise="alibi-half-weight"

# %% [markdown]
# ## Roads not taken
#
# Shaw et al. (2018) learn a vector for each distance. T5's relative bias is a learned number for each head and bucket
# of distances, added to the scores (Raffel et al., 2019). Llama 3.1 treats its pairs by their wavelength too, with
# bounds of its own. Some models turn only a part of the width: GPT-NeoX a quarter. And some decoders leave positions
# out altogether (Kazemnejad et al., 2023).

# %% [markdown]
# ## Say it in two minutes
#
# Attention does not know order, so positions are put in: added to the embeddings, sinusoidal or learned; as a rotation
# of queries and keys in every layer; or as a penalty on the scores that grows with the distance. A rotary score depends
# on the difference of positions alone, values are not turned, and two layouts of the pairs must not be mixed. A learned
# table ends; sinusoids and rotary are defined further out but not trained there; the linear bias degrades gently
# because it looks less far.

# %% [markdown]
# ## The interview corner
#
# Say your answer aloud before you open the model answer; then tick what you said.

# %% exercise="why-positions"

# %% exercise="sinusoidal-or-learned"

# %% exercise="where-rotary-turns"

# %% exercise="two-rotary-layouts"

# %% exercise="longer-than-trained"

# %% exercise="what-alibi-gives-up"

# %% [markdown]
# ## What the next lesson assumes
#
# That you can say where positions enter a Transformer. We have all its parts now but two small ones, and there we build
# it: encoder, decoder, and what each is trained on.

# %%
progress()
