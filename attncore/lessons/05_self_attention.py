# %% [markdown]
# # Self-attention
#
# So far it did not matter who asks. Now one text asks itself, and each word comes back changed by what it saw. At the
# end you have written the layer, you can measure what reaches what in any layer, and you can say when a recurrent
# network is still the better choice.

# %% [markdown]
# **You need** `scaled_dot_product_attention` (lesson 04).
# **You get** `self_attention`, and `influence`, with which lesson 06 finds leaks.

# %%
import math

import numpy as np

from attncore import answer, breaks, card, check, hint, progress, reset
from attncore.dot_product import attention_weights, scaled_dot_product_attention
from attncore.self_attention import influence, path_length, permutation_gap, self_attention
from attncore.softmax import softmax
from attncore.views.style import beside
from attncore.views.tables import heat_map, mask_map
from attncore.views.widgets.self_attention import reach_picture
from attncore.words import embed, tokens

# %% [markdown]
# ## Another text asks, or the text itself
#
# Where do query, key and value come from? In **cross-attention** the queries come from one text, keys and values from
# another: a decoder asks an encoder. In **self-attention** all three come from the same text. The function is the
# same.

# %%
asking, words = "dog rug", "the cat sat on the mat"
cross = attention_weights(embed(asking), embed(words), scale=3)
itself = attention_weights(embed(words), embed(words), scale=3)
beside(
    heat_map(
        cross, tokens(asking), tokens(words), title='Cross: "dog" finds "cat", "rug" finds "mat"'
    ),
    heat_map(itself, tokens(words), tokens(words), title="Self: a word finds itself first"),
)

# %% [markdown]
# The left picture has a row for each asking word, the right one is square. Comparing a text with itself has a
# weakness. Three tokens of width two show it:

# %%
x = np.array([[1.0, 0.0], [2.0, 1.0], [0.0, 1.0]])
x @ x.T

# %% [markdown]
# The table is symmetric, since a dot product does not care which vector comes first. But "boat" may need "river" more
# than "river" needs "boat". One vector cannot ask for one thing and offer another.

# %% [markdown]
# ## Three projections, three parts to play
#
# So each token gets three vectors: what it asks for, how it is found, and what it hands over.
#
# $$Q = X W_Q, \quad K = X W_K, \quad V = X W_V$$

# %%
x = np.eye(3)
W_query = np.array([[0.0, 90.0, 0.0], [0.0, 0.0, 90.0], [90.0, 0.0, 0.0]])
W_key = np.eye(3)
W_value = np.array([[10.0], [20.0], [30.0]])
query, key, value = x @ W_query, x @ W_key, x @ W_value

# %% [markdown]
# Token 0 asks for token 1, token 1 for token 2, token 2 for token 0; the 90 makes them sure of it. They hand over 10,
# 20 and 30. Say what each of them gets, then run.
#
# $$\text{self-attention}(X) = \text{softmax}\left(\frac{Q K^\top}{\sqrt d}\right) V$$

# %%
softmax(query @ key.T / math.sqrt(3)) @ value

# %% [markdown]
# Nobody got what it brought. The function of this lesson makes the three projections and calls the attention of
# lesson 04; its mask argument waits for lesson 06.

# %%
np.allclose(
    self_attention(x, W_query, W_key, W_value), scaled_dot_product_attention(query, key, value)
)

# %% exercise="self-attention-shape"

# %% [markdown]
# ## A word becomes what it stands beside
#
# In the list of word vectors "bank" has one row, between money and river. We have no learned projections here, so we
# leave the words as they are. Only the query weights carry a factor: it takes back $1/\sqrt{384}$ and puts 2 in its
# place.

# %%
same = np.eye(384)
sharper = 2 * math.sqrt(384) * same


def attend(x):
    return self_attention(x, sharper, same, same)


# %% [markdown]
# We follow "bank" through three texts, and measure by the cosine how close it comes to "money" and to "river". Alone
# it is just its own vector.


# %%
def cosine(a, b):
    return a @ b / (np.linalg.norm(a) * np.linalg.norm(b))


money, river = embed("money river")
texts = (
    "bank",
    "the bank paid the loan",
    "the bank paid the money",
    "the boat by the river bank",
)
for text in texts:
    bank = attend(embed(text))[tokens(text).index("bank")]
    print(f"money {cosine(bank, money):.2f}   river {cosine(bank, river):.2f}   {text}")

# %% [markdown]
# Beside "money" it moves from 0.40 to 0.49, beside "river" from 0.25 to 0.33: it takes up what stands there. A loan
# moves it less, to 0.42. The output is a **contextual** vector, and the steps are small, since most of the weight
# stays on "bank" itself.

# %% [markdown]
# ## It does not know the order
#
# Two texts, the same words. In one of them a man has lunch. Does the vector of "man" differ between the two? Answer
# first the same question about shuffled words.

# %% exercise="shuffled-tokens"

# %%
lunch, horror = "the man did eat the apple", "the apple did eat the man"
man_eats = attend(embed(lunch))[tokens(lunch).index("man")]
man_eaten = attend(embed(horror))[tokens(horror).index("man")]
np.allclose(man_eats, man_eaten)

# %% [markdown]
# Each word sees the same words, wherever they stand. Shuffle the input, and the outputs are shuffled the same way and
# otherwise unchanged: self-attention is **permutation equivariant**. With a matrix $P$ that shuffles rows,
#
# $$f(P X) = P f(X)$$

# %%
x = embed(words)
order = np.array([3, 0, 5, 1, 4, 2])
P = np.eye(6)[order]
np.allclose(attend(P @ x), P @ attend(x))

# %% [markdown]
# Why? The scores become $P S P^\top$, and softmax works on each row alone. Since $P^\top P$ is the identity,
# $\text{softmax}(P S P^\top)\, P V = P\, \text{softmax}(S)\, V$. Equivariant is not invariant: the outputs move with
# their tokens; it is their mean that stays.

# %% [markdown]
# A recurrence knows the order by construction. This one forgets half of its state at each step. `permutation_gap`
# measures the largest difference between shuffling before and shuffling after.


# %%
def recurrence(x):
    state, outputs = np.zeros(x.shape[-1]), []
    for token in x:
        state = 0.5 * state + 0.5 * token
        outputs.append(state)
    return np.array(outputs)


round(permutation_gap(attend, x, order), 6), round(permutation_gap(recurrence, x, order), 6)

# %% [markdown]
# For a set, the gap of 0 is just right. For a text it is a lack, and lesson 08 mends it: the tokens are told where they
# stand.

# %% [markdown]
# ## Who reaches whom
#
# We need one more rival, a convolution of kernel 3 (three tokens wide): each output mixes its own token with the two
# beside it.


# %%
def convolution(x):
    padded = np.pad(x, ((1, 1), (0, 0)))
    return (padded[:-2] + padded[1:-1] + padded[2:]) / 3


# %% [markdown]
# Which input reaches which output? We ask by experiment: move one token a little, and see which outputs change by
# more than $10^{-9}$. `influence` does so for every token. Rows are outputs, columns are inputs.

# %%
names = tokens(words)
beside(
    mask_map(influence(recurrence, x), names, names, title="Recurrence: from the past only"),
    mask_map(influence(convolution, x), names, names, title="Convolution: from next door"),
    mask_map(influence(attend, x), names, names, title="Self-attention: from everywhere"),
)

# %% [markdown]
# Some published answers on self-attention run without error and return their input. Where the widths agree that
# passes a test on shapes, and the test on order too, with a gap of zero. The experiment sees it at once:


# %%
def returns_its_input(x):
    return x


mask_map(
    influence(returns_its_input, x),
    names,
    names,
    title="The input returned: nothing reaches anything else",
)

# %% [markdown]
# Only the diagonal is left. Such a layer leaves "bank" what it was, in every text: no token learns of any other, and
# `check` never accepts it.

# %% [markdown]
# ## How long is the path
#
# A convolution reaches further if we stack it. With a kernel of $c$ tokens each layer adds $c - 1$ to what an output
# sees, so $L$ layers span $1 + L(c - 1)$. For our six words three layers are enough:


# %%
def three_convolutions(x):
    return convolution(convolution(convolution(x)))


mask_map(
    influence(three_convolutions, x),
    names,
    names,
    title='After three layers, "sat" and "on" see both ends',
)

# %% [markdown]
# The span covers the text, so the middle sees both ends. The last word still does not see the first; a
# centred kernel reaches back by one a layer, and would take five. A kernel that only looks back takes three.

# %%
kinds = ("recurrent", "convolutional", "attention")
for n in (6, 100):
    print(n, "tokens:", {kind: path_length(kind, n) for kind in kinds})

# %% [markdown]
# What does a long way cost? Every step of our recurrence halves what came before. Here are sixty tokens: how many of
# them can the last output still feel?

# %%
far = np.random.default_rng(0).standard_normal((60, 4))
identity = np.eye(4)
in_recurrence = influence(recurrence, far)[-1].sum()
in_attention = influence(lambda x: self_attention(x, identity, identity, identity), far)[-1].sum()
print(f"recurrence {in_recurrence}   attention {in_attention}")

# %% [markdown]
# The recurrence feels 24; beyond that the change is under $10^{-9}$. Gradients fade by the same factors (Hochreiter,
# 1991; Bengio et al., 1994). One step is no promise of strength, though: attention that cannot choose gives each of n
# tokens only 1/n.

# %% [markdown]
# Move the number of tokens and of layers, and watch how strongly the first token still changes the last output. With
# seven tokens, how many layers does the convolution need before it changes at all?

# %%
reach_picture(influence)

# %% [markdown]
# ## Nobody waits
#
# A recurrence needs state 4 before state 5. In attention no row needs another row: we may compute one alone, or all
# at once in a few matrix products.

# %%
one_row = scaled_dot_product_attention(x[4:5], x, x)
np.allclose(one_row, scaled_dot_product_attention(x, x, x)[4:5])

# %% [markdown]
# That is what makes training fast. In generation it does not help: the next token needs the one before, in a
# Transformer as in a recurrence.

# %% [markdown]
# ## What it costs
#
# One layer, as in table 1 of Vaswani et al. (2017); $n$ tokens, kernel $c$, and $d$ is here the model width $m$:
#
# | layer | operations | steps in sequence | longest path |
# |---|---|---|---|
# | self-attention | $n^2 d$ | $1$ | $1$ |
# | recurrent | $n d^2$ | $n$ | $n$ |
# | convolutional | $c n d^2$ | $1$ | $n/c$ plain, $\log_c n$ dilated |
#
# These are orders, up to a constant factor: $n^2 d$ is the multiplications of one of attention's two products.
# A dilated kernel has gaps, which grow from layer to layer.

# %% exercise="crossover-length"

# %% [markdown]
# The square is on another letter. Attention pays for every pair of tokens, a recurrence for every pair of coordinates:
# $n^2 d$ against $n d^2$.

# %%
d = 512
for n in (64, 512, 4096):
    print(f"{n:>5} tokens: attention {n * n * d:>13,}   recurrence {n * d * d:>13,}")
    print(f"{'':>12}  weights {n * n:>15,}")

# %% [markdown]
# By the table attention is cheaper below $n = d$, and eight times dearer at 4,096 tokens. It also holds its $n^2$
# weights, for every head and every text: 16.8 million numbers there. Lesson 14 does without holding them.

# %% [markdown]
# The table counts only what mixes tokens. The three projections cost another $3 n d^2$, and the output projection of
# lesson 07 a fourth. So a layer of attention, $4 n d^2 + 2 n^2 d$, multiplies more than a plain recurrence,
# $2 n d^2$, at any length, and less than an LSTM, a recurrence with gates, $8 n d^2$, while $n$ is below $2 d$. What
# makes it fast in training is that nothing waits.

# %% [markdown]
# ## When the others still win
#
# A stream never ends. A recurrence keeps one state, whatever came before; attention keeps a key and a value for every
# token. Numbers held in one layer after 100,000 tokens:

# %%
state, keys_and_values = d, 2 * 100_000 * d
print(f"recurrence {state:,}   attention {keys_and_values:,}")

# %% [markdown]
# So recurrence wins in streams on small devices and, in arithmetic and memory, where $n$ is far above $d$. Convolutions
# win on little data with local structure: trained on ImageNet alone, the Vision Transformer fell behind ResNets of its
# size (Dosovitskiy et al., 2020). State-space models (S4, Gu et al., 2021; Mamba, Gu and Dao, 2023) train in parallel
# and stream in constant memory.

# %% [markdown]
# What they pay is recall. A state of fixed size must forget, and copying a long text back is where Transformers stay
# ahead (Jelassi et al., 2024). Several large models mix both kinds of layers (Jamba; Lieber et al., 2024).

# %% [markdown]
# ## Exercises
#
# Write each function in its cell and run it. `check` compares with the reference on many inputs; `hint` opens the
# next hint.

# %% exercise="self_attention"

# %% exercise="permutation_gap"

# %% exercise="influence"

# %% [markdown]
# Now the picture asks your own `influence`. While it is wrong, compare it with the maps above.

# %%
reach_picture(influence)

# %% exercise="path_length"

# %% exercise="fix_self_attention"

# %% exercise="fix_word_importance"

# %% exercise="fix_text_order"

# %% exercise="conv-layers"

# %% exercise="self-attention-parameters"

# %% [markdown]
# ## Roads not taken
#
# Query and key can share one projection (Reformer; Kitaev et al., 2020): fewer numbers, but symmetric products again.
# On sets, equivariance is the aim (Set Transformer; Lee et al., 2019). Attention alone, stacked without residuals and
# feed-forward layers, makes all tokens alike, doubly exponentially fast in the depth (Dong et al., 2021): lesson 09
# adds what prevents it. Windows cut the square down (lesson 15).

# %% [markdown]
# ## Say it in two minutes
#
# In self-attention one text gives query, key and value, through three learned projections; in cross-attention the
# queries come from another text. Any two tokens are one step apart, and all rows are computed at once. It does not
# know order: shuffle the tokens, and the outputs are shuffled alike. It costs $n^2 d$ against $n d^2$ for a
# recurrence, by the usual table, with the projections on top; what it wins is that nothing waits. For endless streams
# a fixed state wins.

# %% [markdown]
# ## The interview corner
#
# Say your answer aloud before you open the model answer; then tick what you said.

# %% exercise="self-or-cross"

# %% exercise="why-not-recurrent"

# %% exercise="when-recurrence-wins"

# %% exercise="does-it-know-order"

# %% exercise="fold-query-and-key"

# %% [markdown]
# ## What the next lesson assumes
#
# That you can read a map of who reaches whom, and that self-attention fills it all. There we empty half of it on
# purpose: a model that predicts the next word must not see it.

# %%
progress()
