# %% [markdown]
# # Positions: where am I
#
# "The cat sat on the mat" has the word "the" twice, once for a cat and once for a mat. Give the six word vectors to
# self-attention, with no mask and nothing else. What can you say about the outputs of the two?

# %%
import numpy as np

from attncore import answer, breaks, card, check, hint, progress, reset, yours
from attncore.views.plots import curves
from attncore.views.style import beside
from attncore.words import embed

# %% exercise="the-two-the"

# %% [markdown]
# ## Two words that are one
#
# Same vector, same question, same set of words to look at: no trained weights could ever tell them apart. A causal mask helps
# a little, because the second "the" sees more words than the first. But what it sees is still a set. Shuffle the first
# four words, and look at the last.

# %%
x = embed("the cat sat on the mat")


def look_back(x):
    return yours.scaled_dot_product_attention(x, x, x, yours.causal_mask(len(x)))


shuffled = x[[3, 1, 0, 2, 4, 5]]
once = np.abs(look_back(shuffled) - look_back(x))[-1].max()
twice = np.abs(look_back(look_back(shuffled)) - look_back(look_back(x)))[-1].max()
print(f"the last output moves by {once:.1g} after one layer, by {twice:.2g} after two")

# %% [markdown]
# One layer can't notice. A second one can: by then, the words before the last have seen different pasts. So a decoder
# can learn some order from its mask alone (Haviv et al., 2022), and an encoder can't. Most models put the order in, at
# one of three points:
#
# | where | how often | schemes |
# |---|---|---|
# | added to the embeddings | once, below the first layer | sinusoidal, learned |
# | into queries and keys | in every layer | rotary |
# | onto the scores | in every layer | linear bias |

# %% [markdown]
# ## A clock for a position
#
# Why not just add the number of the position to each vector? Position 500 would drown the word. A clock has the same problem
# and solves it with hands: a fast one for small steps, slow ones for large steps, each a point on a circle. Vaswani et al.
# (2017) give each position $d/2$ hands:
#
# $$P_{\text{pos},\,2i} = \sin\frac{\text{pos}}{10000^{2i/d}}, \qquad P_{\text{pos},\,2i+1} = \cos\frac{\text{pos}}{10000^{2i/d}}$$

# %% exercise="a-slow-hand"

# %% exercise="sinusoidal_positions"

# %%
from attncore.views.plots import texture

P = yours.sinusoidal_positions(64, 64)
texture(P, "What does the table look like?", "entry", "position")

# %% [markdown]
# On the left are the fast hands, changing from row to row; on the right, hands that hardly move within 64 positions.
# Why hands, and not some other pattern? Look at dot products. Below we compare positions 3 and 10, then 33 and 40.

# %%
print(f"{P[3] @ P[10]:.6f}  {P[33] @ P[40]:.6f}")

# %% [markdown] folded="Why are they equal?"
# For one hand at angles $a$ and $b$, the dot product is $\sin a \sin b + \cos a \cos b = \cos(a - b)$, and the whole is
# a sum of such cosines. Seven steps on, each hand has turned by seven of its own steps, wherever it was before.

# %% [markdown]
# The rows are added to the word vectors, so sizes matter: each row of the table is $\sqrt{d/2}$ long. That's probably
# why the original Transformer multiplies its embeddings by $\sqrt d$ first; the paper doesn't say.

# %% [markdown]
# ## Or learn the table
#
# BERT and GPT-2 learn one vector for each position instead: 512 rows (Devlin et al., 2018) and 1,024 (Radford et al.,
# 2019). Vaswani et al. (2017) tried both on English to German and got 25.7 BLEU with a learned table, 25.8 with the
# formula. The two differ after the last row: a table simply ends. A formula goes on, but being defined isn't being
# trained. A model that never saw position 1,024 doesn't know what to make of it, whoever wrote the vector.

# %% exercise="bert-position-table"

# %% [markdown]
# ## Turn instead of adding
#
# Let's demand more. We want to put positions $s$ and $t$ into a query and a key so that their score depends on $t - s$ and
# nothing else, *whatever* the two vectors are. In the plane there's a map that does it, and you know it from the clock: a
# rotation. If $R_s$ turns by an angle proportional to $s$, then
#
# $$(R_s\, q)^\top (R_t\, k) = q^\top R_s^\top R_t\, k = q^\top R_{t-s}\, k$$
#
# That's rotary (Su et al., 2021): cut the vector into pairs, and turn each pair at its own speed, $10000^{-2i/d}$ radians
# a step.

# %% exercise="rotary-by-hand"

# %% exercise="rotary-lengths"

# %% exercise="apply_rotary"

# %%
query, key = np.random.default_rng(1).standard_normal((2, 1, 64))
for s, t in ((3, 10), (103, 110), (10, 3)):
    score = yours.apply_rotary(query, [s]) @ yours.apply_rotary(key, [t]).T
    print(f"query at {s:>3}, key at {t:>3}: {score.item():.6f}")

# %% [markdown]
# Seven ahead is the same anywhere, and seven ahead isn't seven back: rotary knows the direction too. Move the query and
# the key below. Which dials notice one step, and which notice thirty?

# %%
from attncore.views.explorables.dials import dials

dials(function=yours.apply_rotary)

# %% exercise="same-position"

# %% [markdown]
# ## Queries and keys, not values
#
# Values aren't compared, they're added up. What if somebody turns them as well? Move the whole sequence by 100 positions and
# see what changes.


# %%
def attend(x, positions, turn_values):
    turned = yours.apply_rotary(x, positions)
    return yours.scaled_dot_product_attention(turned, turned, turned if turn_values else x)


for turn_values in (False, True):
    here, there = (attend(x, np.arange(6) + shift, turn_values) for shift in (0, 100))
    print(f"values turned: {turn_values!s:5}  output changes by {np.abs(there - here).max():.1g}")

# %% [markdown]
# Nothing ever turns a value back. So rotary sits between the projection and the dot product, in every layer. In
# generation, the keys of earlier tokens stay in the cache as they were turned.

# %% exercise="fix_rotary_decoding"

# %% exercise="fix_left_padding"

# %% [markdown]
# ## Two layouts
#
# Which two entries make a pair? Neighbors, say the paper and Meta's Llama. One from the first half and one from the
# second, say GPT-NeoX (Black et al., 2022) and Hugging Face. A dot product doesn't care about the order of its terms,
# so you can convert the weights once, by reordering the columns of `W_query` and `W_key`.

# %% exercise="rotary_halves_order"

# %%
order = yours.rotary_halves_order(8)
query, key = np.random.default_rng(2).standard_normal((2, 6, 8))


def turned_scores(query, key):
    return yours.apply_rotary(query, np.arange(6)) @ yours.apply_rotary(key, np.arange(6)).T


# %%
plain = np.abs(query[:, order] @ key[:, order].T - query @ key.T).max()
gap = np.abs(turned_scores(query[:, order], key[:, order]) - turned_scores(query, key))
print(f"plain scores change by {plain:.1g}, turned ones by up to {gap.max():.2g}")
print(f"turned ones on the diagonal, by {gap.diagonal().max():.1g}")

# %% [markdown]
# Run weights in one layout through code for the other, and every shape fits, nothing raises, and all scores between
# different positions are wrong. If you port a model and it writes nonsense, look here first.

# %% exercise="fix_rotary_table"

# %% [markdown]
# ## The base sets the slowest hand
#
# Pair $i$ makes one full turn in $2\pi \cdot \text{base}^{2i/d}$ tokens. The fast pairs tell neighbors apart. The slow ones
# hardly move: in Gemma 7B, Barbero et al. (2024) find the fast pairs used for positions and the slow ones for content.

# %% exercise="slowest-pair"

# %% exercise="pairs-without-a-turn"

# %% [markdown]
# A pair that never completes a turn in training has shown only part of its circle, and on a longer text it enters
# angles that no weight was trained for.
#
# Some models turn only part of the width and leave the rest free of positions: GPT-J and GPT-NeoX turn a quarter, and
# latent attention (lesson 13) turns a separate part.

# %% exercise="partial_rotary"

# %% [markdown]
# ## A price for distance
#
# Press et al. (2021) have no position vectors at all. Their ALiBi, attention with linear biases, lowers each score in
# proportion to the distance. It's a float mask, added to the scores, with a slope of its own for each head $h$ of $H$:
#
# $$S_{ij} = \frac{q_i \cdot k_j}{\sqrt d} - s_h\, |i - j|, \qquad s_h = 2^{-8h/H}$$

# %% exercise="alibi-slope"

# %% exercise="alibi_slopes"

# %% [markdown]
# With twelve heads, the published rule takes the slopes of eight and adds four that sixteen heads would have in
# between. That's odd, but it's what their code does, and yours has to work with their weights.

# %% exercise="bias-shape"

# %% exercise="alibi_bias"

# %%
shares = yours.softmax(yours.alibi_bias(8, 1, 40))[:, 0]
curves(
    {f"head {h + 1}": shares[h] for h in (0, 2, 4, 7)},
    "Keys all alike: who gets the weight?",
    "position",
    "weight",
)

# %% [markdown]
# The heads are soft windows, from a few tokens wide to nearly everything.

# %% exercise="alibi-half-weight"

# %% [markdown]
# ## Who knows the distance
#
# You've met four schemes. Move a query and a key together: under which of the four is the score sure to stay as it was?

# %% exercise="both-shifted"

# %%
q, k = np.random.default_rng(4).standard_normal((2, 64))
score = {
    "sinusoidal": lambda s, t: (q + P[s]) @ (k + P[t]),
    "rotary": lambda s, t: (
        yours.apply_rotary(q[None], [s])[0] @ yours.apply_rotary(k[None], [t])[0]
    ),
    "linear bias": lambda s, t: q @ k + yours.alibi_bias(1, 41, 41)[0, s, t],
}
{name: [round(float(between(s, s + 7)), 3) for s in (3, 33)] for name, between in score.items()}

# %% [markdown]
# Between themselves, the sinusoids do depend on the distance alone. But one sum of word and position times another
# makes four products, and two of those are a word times a position.

# %% [markdown]
# ## Past the training length
#
# Your model uses rotary embeddings and was trained on 8,192 tokens. Product wants 32,768 by Friday. What breaks? Let's ask
# something smaller first: a single layer, trained on 16 tokens, that has to say which token stood three places back.

# %% exercise="which-extrapolates"

# %%
from attncore.experiments.positions import lagged, latest, positions_experiment

runs = positions_experiment(lagged)
curves(runs.accuracies, "What stood three places back?", "tokens", "accuracy", runs.lengths)

# %% [markdown]
# The linear bias fails at *every* length: no slope points at exactly three back. Now a task that suits it, "which of four special
# tokens came last?".

# %%
runs = positions_experiment(latest)
curves(runs.accuracies, "Which special token came last?", "tokens", "accuracy", runs.lengths)

# %% [markdown]
# So there's no winner, and "scheme X extrapolates" isn't a fact about X alone. The linear bias stays flat because the
# farther a key is, the less it counts: hardly anything new comes in. Press et al. (2021) say themselves that their
# model may not be using contexts longer than those of training. In real models with rotary, perplexity climbs soon
# after the trained length (Chen et al., 2023a).

# %% [markdown]
# The remedies slow the hands of a model that's already trained. **Interpolation** divides all positions, so that 32,768
# looks like 8,192 (Chen et al., 2023a). **NTK-aware** scaling raises the base, which slows the slowest pair by the full
# factor and the fastest not at all (described by Peng et al., 2023). **YaRN** (Peng et al., 2023) decides pair by pair,
# by how many turns the pair made in training.

# %% exercise="scaled_frequencies"


# %%
def turns_of(kind, factor=4.0):
    return 8192 * yours.scaled_frequencies(128, kind=kind, factor=factor) / (2 * np.pi)


made = {"unscaled": turns_of("linear", 1.0)} | {
    kind: turns_of(kind) for kind in ("linear", "ntk", "yarn")
}
curves(made, "Turns in 8,192 tokens", "pair", "turns", log="y")

# %% [markdown]
# Read it from the left: the fast pairs tell neighbors apart, and only interpolation slows those down. On the right, all
# three bring the slow pairs back toward angles that the model knows. Does each of the three bring all of them back?
# Stretch the text to eight times its length, and count the orange pairs.

# %%
from attncore.views.explorables.turns import turns

turns()

# %% [markdown]
# NTK-aware scaling lets them go a little too far, unless you choose a larger factor than the text needs. After any of
# the three, the model is usually trained a little more. Why, then, do new models simply start with a base of 500,000 or
# a million? A larger base leaves *more* pairs without a full turn, but each moves so slowly that a longer text takes it
# hardly any further.

# %% [markdown]
# ## What models do now
#
# As of November 2026, rotary is the default, and mixing it with layers *without* positions is common: SmolLM3 (2025)
# leaves positions out of every fourth layer. Gemma 3 uses two bases, 10,000 in its local layers and a million in its
# global ones (Gemma Team, 2025). For images and video, Qwen2-VL splits the pairs among time, height and width (Wang et
# al., 2024).

# %% [markdown]
# ## The same in PyTorch
#
# This is the layout in halves, as in Hugging Face's code:
#
# ```python
# import torch
#
# def rotate_half(x):
#     first, second = x.chunk(2, dim=-1)
#     return torch.cat((-second, first), dim=-1)
#
# def rotary(x, positions, base=10000.0):  # pairs are (i, i + d/2)
#     frequencies = base ** (-torch.arange(0, x.shape[-1], 2) / x.shape[-1])
#     angles = torch.outer(positions.float(), frequencies).repeat(1, 2)
#     return x * angles.cos() + rotate_half(x) * angles.sin()
#
# query, key = torch.ones(2, 4, 64)
# for at in (torch.arange(4), torch.arange(4) + 100):
#     print((rotary(query, at) @ rotary(key, at).T)[0, :2])
# ```
#
# ```text
# tensor([64.0000, 61.8337])
# tensor([64.0000, 61.8337])
# ```

# %% [markdown]
# ## The interview corner
#
# Say it, type it, choose, and then read. The last two cards are from lesson 06.

# %% exercise="why-positions"

# %% exercise="sinusoidal-or-learned"

# %% exercise="where-rotary-turns"

# %% exercise="two-rotary-layouts"

# %% exercise="longer-than-trained"

# %% exercise="what-alibi-gives-up"

# %% again="mask-scores-not-weights"

# %% again="two-boolean-conventions"

# %% [markdown]
# ## Say it in two minutes
#
# "Your model was trained on 8,192 tokens, and you need 32,768. What breaks, and what do you do without retraining?" Two
# minutes, aloud, beginning with where positions enter at all. Then compare.

# %% [markdown] folded="One way to say it"
# "Attention doesn't know order, so we put positions in: as vectors added to the embeddings, as a rotation of queries
# and keys in every layer, or as a penalty on the scores. With rotary, each pair turns at its own speed and a score
# depends on the difference of positions. Past the trained length the slow pairs, which never completed a turn, reach
# angles that the weights have never seen, and perplexity climbs. I can divide the positions by four, which blurs
# neighbors; raise the base, which spares the fast pairs; or use YaRN, which leaves pairs with many turns alone and
# squeezes those with less than one. I'd expect to fine-tune briefly after that, and I'd measure retrieval at all
# depths, not only perplexity."

# %% [markdown]
# ## Roads not taken
#
# Shaw et al. (2018) learn a vector for each distance. T5 learns a number for each head and bucket of distances, and
# adds it to the scores (Raffel et al., 2019). Llama 3.1's code scales pairs by their wavelength, with bounds of its
# own: that's `kind="llama3"` in your function. And on small reasoning tasks, decoders without any positions generalize
# to longer inputs at least as well as those with them (Kazemnejad et al., 2023).

# %% sources="here"

# %% [markdown]
# ## What the next lesson assumes
#
# That you can say where positions enter a Transformer. In lesson 09 we put it together: encoder, decoder, and what each is
# trained on.

# %%
progress()
