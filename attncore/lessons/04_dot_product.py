# %% [markdown]
# # Scaled dot-product attention
#
# This is the one formula you'll certainly be asked for. We'll build it from three tokens, each with a query, a key and
# a value of two whole numbers, and you'll write every line of it.
#
# Before any formula, a guess. Which of three keys would *you* give to the first query? Run the cell below, then choose.

# %%
import numpy as np

from attncore import answer, breaks, card, check, hint, progress, reset, yours
from attncore.example import KEY, QUERY, VALUE
from attncore.softmax import masked_softmax, softmax
from attncore.views.explorables.arrows import arrows
from attncore.views.explorables.cell_by_cell import cell_by_cell
from attncore.views.plots import curves, loss_curves
from attncore.views.style import beside
from attncore.views.tables import heat_map, number_map
from attncore.views.widgets.dot_product import scale_picture
from attncore.weighted_sum import weighted_sum

# %% exercise="which-key"

# %% [markdown]
# ## One query, by hand
#
# A dot product is our measure of "points the same way": multiply the vectors entry by entry, add up. Drag the query
# below and watch the three scores, the three weights, and where the output goes.

# %%
arrows((1, 0), KEY, VALUE, scale=1.0)

# %% [markdown]
# The output never leaves the triangle. It's a weighted average of three values, and an average can't be more extreme
# than what it averages. Now three numbers on paper, still without any scaling.

# %% exercise="score-by-hand"

# %% exercise="weight-by-hand"

# %% exercise="output-by-hand"

# %% [markdown]
# ## All scores at once
#
# You've just done, for one query, everything that attention does: compare, share out, add up. With all queries in the
# rows of one matrix and all keys in the rows of another, the nine comparisons are a single product, $Q K^\top$: a row
# for each query, a column for each key.

# %%
number_map(
    QUERY @ KEY.T,
    ["query 0", "query 1", "query 2"],
    ["key 0", "key 1", "key 2"],
    title="Nine dot products",
)

# %% [markdown]
# Row 0 is the one you worked out. In row 1 all three keys score the same, so that query learns nothing from its keys;
# you'll meet this case again in a moment.

# %% exercise="identical-keys"

# %% [markdown]
# ## Why there is a square root
#
# So why does every implementation you've ever seen divide the scores by $\sqrt d$, where $d$ is the width of queries
# and keys? Guess before you read on.

# %% exercise="wider-vectors"

# %% [markdown]
# Let's measure. Draw two random vectors of width $d$, take their dot product, do it many times, and look at the
# standard deviation. You write the measurement.

# %% exercise="dot_product_std"

# %%
widths = [1, 4, 16, 64, 256]
rng = np.random.default_rng(0)
measured = [yours.dot_product_std(d, 5000, rng) for d in widths]
curves(
    {"measured": measured, "square root of d": np.sqrt(widths)},
    "How far do dot products spread?",
    "width d",
    "standard deviation",
    widths,
)

# %% [markdown] folded="Why exactly the square root?"
# A dot product adds up $d$ products. If the entries are independent, with mean 0 and variance 1, each product has
# variance 1 as well. Variances of independent numbers add, so the sum has variance $d$ and a standard deviation of
# $\sqrt d$. Divide by that, and the scores have a standard deviation of 1 at every width.

# %% exercise="score-std"

# %% [markdown]
# A large spread sounds harmless until you remember what comes next, a softmax. Here are eight random keys at width 512.

# %%
query, keys = rng.standard_normal(512), rng.standard_normal((8, 512))
scores = keys @ query
both = [yours.softmax(scores), yours.softmax(scores / np.sqrt(512))]
heat_map(
    both, ["not scaled", "scaled"], range(8), title="Who gets the weight, before any training?"
)

# %% [markdown]
# Turn the width up from 1 to 512. At which width do the two part ways: in their scores, in the largest weight, in the
# slopes that training would need?

# %%
scale_picture()

# %% [markdown]
# Unscaled, practically all the weight goes to one or two keys, and at initialization those are random ones. Does it
# matter once you train? Say what you expect of a model of width 256.

# %% exercise="train-without"

# %% [markdown]
# Let's not argue, let's train. A tiny model learns to retrieve the value of the one key among eight that matches; it
# learns nothing but the two matrices that make queries and keys. Same start, same batches, with the division and without.

# %%
from attncore.experiments.dot_product import scale_experiment

losses = scale_experiment(widths=(8, 256))
beside(*(loss_curves(losses[d], f"Width {d}: does it learn to retrieve?") for d in losses))

# %% [markdown]
# At width 8 the unscaled model starts a little higher and ends not far off; with another `seed=` it can end level. At
# 256 it starts with a much larger loss and is still far behind at the end, though it does keep learning.
#
# Notice what this does *not* show. The division isn't magic. Start the two matrices smaller, and see what becomes of the
# difference; then try values of your own.

# %%
loss_curves(scale_experiment(widths=(256,), start=0.25)[256], "And from a smaller start?")

# %% [markdown]
# From a small start the unscaled model learns at least as fast. So the root is an argument about day one: it makes the
# usual start right at any width, and nobody has to think about it again.
#
# An interviewer who hears "to prevent vanishing gradients" will usually go on: gradients of what, with respect to
# what, and why would they vanish? Of the weights with respect to the scores: that slope is $p(1 - p)$ (lesson 02),
# and it's nearly 0 where $p$ is nearly 0 or 1.

# %% [markdown]
# ## The function in three steps
#
# You know the parts; now write them. First the scores, with the square root in place. Axis letters stand above each
# function: `q` queries, `k` keys, `d` their width, `v` the width of the values, and `...` for batch and heads.

# %% exercise="attention_scores"

# %%
number_map(yours.attention_scores(QUERY, KEY), range(3), range(3), title="Scaled scores")

# %% [markdown]
# Next comes the softmax. A matrix has two axes it could run along, and both give you something that sums to one.

# %% exercise="what-softmax-runs-over"

# %% [markdown]
# A mask can leave a query nothing at all to look at. What *should* it get?

# %% exercise="blind-query"

# %% [markdown]
# Write the weights, mask included. A boolean mask says `True` where a query may look. Put it where a hidden key can't
# take part in any sum. (You wrote `masked_softmax` in lesson 02. The course's is imported above; your own is
# `yours.masked_softmax`.)

# %% exercise="attention_weights"

# %%
heat_map(
    yours.attention_weights(QUERY, KEY, scale=1.0),
    ["q0", "q1", "q2"],
    ["k0", "k1", "k2"],
    title="Who looks where?",
)

# %% [markdown]
# Row 0 has the number you worked out by hand. If `check` has told you "right, one corner is open", it may be the query
# that sees nothing. An open corner isn't a mistake in the idea, and the exercise counts as done. It's what the
# interviewer asks next.

# %% exercise="scaled_dot_product_attention"

# %% [markdown]
# The formula you've just written, in the same order (Vaswani et al., 2017):
#
# $$\text{attention}(Q, K, V) = \text{softmax}\left(\frac{Q K^\top}{\sqrt d}\right) V$$
#
# Here it is cell by cell, on your function. Point at a number to see what it was made of; change a value and follow it.

# %%
cell_by_cell(QUERY, KEY, VALUE, function=yours.scaled_dot_product_attention)

# %% [markdown]
# **Dot-product** attention and **scaled** dot-product attention are two different things. Luong et al. (2015) had the
# first, and trained it with 1,000 units; the Transformer has the second.

# %% [markdown]
# ## Words that ask
#
# The same function on real words: four ask, six answer. The vectors are rows of a trained model's embedding table
# (all-MiniLM-L6-v2), so their entries are far smaller than 1, and we turn the scale up to see anything. Try a word of
# your own: `attncore.words.vocabulary()` lists what's there.

# %%
from attncore.words import embed, tokens

asking, offered = "paris tea woman boat", "rome coffee man river money animal"
weights = yours.attention_weights(embed(asking), embed(offered), scale=4)
heat_map(weights, tokens(asking), tokens(offered), title="Whom do words ask?")

# %% [markdown]
# Keys say where to look, values say what's found there, and they needn't be the same thing. Let each value be a single
# number: is this a place?

# %%
place = np.array([[1.0], [0.0], [0.0], [1.0], [0.0], [0.0]])
found = yours.scaled_dot_product_attention(embed(asking), embed(offered), place, scale=4)
dict(zip(tokens(asking), found[:, 0].round(2).tolist(), strict=True))

# %% [markdown]
# ## Any number of queries
#
# Nothing in your function depends on how many queries there are, or on how wide the values are. That's why one function
# serves training, a decoding step with a cache (lesson 12) and cross-attention (lesson 05), with batch and heads as
# leading axes.

# %% exercise="output-shape"

# %% [markdown]
# ## The same in PyTorch
#
# PyTorch has the whole function, mask included. One question before you read its code.

# %% exercise="torch-mask"

# %% [markdown]
# ```python
# import torch
# import torch.nn.functional as F
#
# query, key = torch.tensor([[1.0, 1.0], [0.0, 1.0]]), torch.tensor([[2.0, 1.0], [0.0, 1.0], [-1.0, 1.0]])
# value = torch.tensor([[4.0, 0.0], [0.0, 4.0], [4.0, 4.0]])
# mask = torch.tensor([[True, True, False], [False, False, False]])
#
# scores = query @ key.transpose(-2, -1) / key.shape[-1] ** 0.5
# weights = scores.masked_fill(~mask, float("-inf")).softmax(dim=-1)
# print(weights @ value)
# print(F.scaled_dot_product_attention(query, key, value, attn_mask=mask))
# ```
#
# ```text
# tensor([[3.2177, 0.7823],
#         [   nan,    nan]])
# tensor([[3.2177, 0.7823],
#         [0.0000, 0.0000]])
# ```
#
# Three lines as you'd write them on a whiteboard, and then the library's own call. They agree, except in the corner.

# %% [markdown]
# ## What it costs
#
# Two numbers you should be able to work out while somebody watches. Count a multiplication and an addition as two
# operations.

# %% exercise="score-flops"

# %% exercise="score-bytes"

# %% [markdown] folded="And the whole of attention?"
# The second product costs as much as the first where values are as wide as keys: together $4 n^2 d$ for $n$ queries and
# $n$ keys. Lesson 12 adds the projections and asks at what length the square begins to dominate.

# %% [markdown]
# ## Find the bug
#
# Three small programs that somebody else wrote. None of them raises an error. For each, first give an input on which it
# goes wrong, then repair it.

# %% exercise="fix_attention"

# %% exercise="fix_distance_penalty"

# %% exercise="fix_retrieval"

# %% [markdown]
# ## The interview corner
#
# Say it aloud, type what you said, choose the directions, and only then read our answer. The last two cards are from
# lesson 02: you've had time to forget them.

# %% exercise="why-scale"

# %% exercise="what-the-softmax-axis-means"

# %% exercise="dot-or-scaled"

# %% exercise="dot-or-additive"

# %% exercise="exploding-scores"

# %% again="why-subtract-the-maximum"

# %% again="row-with-nothing-allowed"

# %% [markdown]
# ## Say it in two minutes
#
# "Explain scaled dot-product attention." Take two minutes by the clock, aloud, and draw while you talk. Then compare.

# %% [markdown] folded="One way to say it"
# "Every query is compared with every key by a dot product; that's one matrix product, queries by keys. We divide by
# the square root of the width, because a dot product of width d has a standard deviation of root d, and softmax would
# saturate before training has even begun. Softmax over the keys turns each row into weights that sum to one; a mask
# goes in before it, as minus infinity. The weights average the values, so the output has a row for each query, as
# wide as the values. For n queries and keys that's about $4 n^2 d$ operations, half for the scores, half for the sum."

# %% [markdown]
# ## Roads not taken
#
# Cosine similarity bounds the scores, at the price of a temperature that has to be learned. Normalizing queries and
# keys before the product does the same job in many of today's models (QK-norm; Henry et al., 2020). Additive scores
# (Bahdanau et al., 2014; lesson 03) need no scale, and pay with a small network for every pair. And dividing by $d$
# itself is what µP recommends, since trained queries and keys are no longer independent (Yang et al., 2022).

# %% sources="here"

# %% [markdown]
# ## What the next lesson assumes
#
# That you can write `scaled_dot_product_attention` from memory, mask included, and say what each axis means. In lesson
# 05, queries, keys and values all come from the same text.

# %%
progress()
