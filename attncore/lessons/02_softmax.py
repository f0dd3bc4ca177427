# %% [markdown]
# # Softmax, under pressure
#
# Scores say how well keys match; a weighted sum needs weights. Softmax leads from one to the other. At the end you have
# written one that no input breaks, you can hide keys from it, and you can say when it stops learning.

# %% [markdown]
# **You need** weights that sum to one, and what they do to values (lesson 01).
# **You get** `softmax` and `masked_softmax`, the middle of every attention to come, and `log_softmax`.

# %%
import math

import numpy as np

from attncore import answer, breaks, card, check, hint, progress, reset
from attncore.softmax import log_softmax, masked_softmax, softmax, temperature_for_entropy
from attncore.views.tables import heat_map, number_map
from attncore.views.widgets.softmax import softmax_picture
from attncore.weighted_sum import hard_lookup, kernel_weights, weighted_sum
from attncore.words import embed, tokens

# %% [markdown]
# ## From scores to weights
#
# The word "bank" asks five others how much they have to do with it. A dot product of trained vectors answers: money
# and loan first, river and water after them. We multiply by 5, because raw dot products of these vectors lie too
# close together for softmax to tell them apart; lesson 04 says how large scores should be.

# %%
offered = "money loan river water tea"
scores = 5 * embed("bank") @ embed(offered).T
number_map(
    scores,
    ["bank"],
    tokens(offered),
    title='Scores: "bank" leans towards money, and knows the river',
)

# %% [markdown]
# Weights should be positive and sum to one. Dividing by the sum looks like the obvious way. It fails at the first
# negative score: one weight is negative, another above one. And scores that sum to zero cannot be divided at all.

# %%
x = np.array([3.0, 1.0, -2.0])
x / x.sum()

# %% [markdown]
# ## Why the exponential
#
# It makes every number positive, and it keeps their order. So we take exponentials first, then divide by their sum.
# The scores before a softmax are also called **logits**. Scores that are logarithms can be checked by hand: the
# exponentials are 1, 2 and 5, and their sum is 8.
#
# $$p_i = \frac{e^{x_i}}{\sum_j e^{x_j}}$$

# %%
x = np.log([1.0, 2.0, 5.0])
np.exp(x) / np.exp(x).sum()

# %% [markdown]
# A third property: differences of scores become ratios of weights. The sum cancels in the ratio, so what two keys are to
# each other does not depend on the rest.
#
# $$\frac{p_i}{p_j} = e^{x_i - x_j}$$

# %%
p = softmax(x)
np.allclose(p[2] / p[1], np.exp(x[2] - x[1]))

# %% [markdown]
# Back to "bank". Every key gets a share, even the tea: on paper a softmax weight is never zero, only small. The
# distribution is Boltzmann's (1868), its name Bridle's (1990).

# %%
heat_map(
    softmax(scores),
    ["bank"],
    tokens(offered),
    title='Every key gets a share; "money" gets the largest',
)

# %% [markdown]
# ## A common shift
#
# Suppose that every score of a row grows by the same large amount, or that every score is doubled. What do the
# weights do? Decide before you run anything.

# %% exercise="shifted-scores"

# %% [markdown]
# The shift becomes a factor $e^c$ in every term, above and below the line, and cancels.
#
# $$\frac{e^{x_i + c}}{\sum_j e^{x_j + c}} = \frac{e^c\, e^{x_i}}{e^c \sum_j e^{x_j}} = \frac{e^{x_i}}{\sum_j e^{x_j}}$$

# %%
np.allclose(softmax(scores), softmax(scores + 1000))

# %% [markdown]
# A common factor is another matter: 2 and 4 are further apart than 1 and 2. Softmax is invariant to shifts, not to
# scale. Dividing by the sum is the opposite, blind to scale and not to shifts.

# %%
softmax(np.array([1.0, 2.0])).round(3), softmax(np.array([2.0, 4.0])).round(3)

# %% [markdown]
# ## Overflow
#
# Floating-point numbers have a largest value, and the exponential soon passes it: between 709 and 710 in float64,
# between 88 and 89 in float32. Float16 gives up far earlier; you work out where in the exercises.

# %%
with np.errstate(over="ignore"):
    print(np.exp(np.float64([709, 710])), np.exp(np.float32([88, 89])))

# %% [markdown]
# So the formula breaks on scores of a thousand, though nothing is wrong with the weights: infinity divided by infinity
# is NaN, "not a number".

# %%
x = np.array([1000.0, 1001.0])
with np.errstate(all="ignore"):
    print(np.exp(x) / np.exp(x).sum())

# %% [markdown]
# The invariance is the cure. Take $c = -\max_j x_j$. Now the largest exponent is 0 and its exponential is 1; the sum
# lies between 1 and the number of keys. Nothing overflows, and nothing is divided by zero.

# %%
shifted = x - x.max()
np.exp(shifted) / np.exp(shifted).sum()

# %% [markdown]
# ## The axis
#
# Scores come as rows, one for each query, and each row shares out its own unit. Along axis -1 the rows sum to one;
# along axis 0 the columns do, and queries compete for keys. Leading axes, such as a batch, come along unchanged.

# %%
rows = np.array([[0.0, 1.0, 2.0], [2000.0, 2001.0, 2002.0]])
softmax(rows, axis=-1).sum(axis=-1), softmax(rows, axis=0).sum(axis=0)

# %% [markdown]
# The maximum needs the axis as well. The two rows differ by a shift, so their weights are equal. With one maximum for
# the whole array, every exponential of the first row rounds to zero, and its sum with them.

# %%
np.exp(rows - rows.max()).round(3), softmax(rows).round(3)

# %% [markdown]
# ## The logarithm
#
# A tiny weight that rounds to zero does no harm in a weighted sum. A loss, though, takes the logarithm of the weight
# of the right answer, and the logarithm of zero is -inf. In the formula the logarithm meets the exponential, and both
# go away; what is subtracted is called **log-sum-exp**.
#
# $$\log p_i = x_i - \log \sum_j e^{x_j}$$

# %%
x = np.array([0.0, -800.0])
with np.errstate(divide="ignore"):
    print(np.log(softmax(x)), log_softmax(x))

# %% [markdown]
# That is all that log-softmax is for: on paper it is the logarithm of softmax, and in a computer it keeps what softmax
# has rounded away. Where nothing rounds, the two agree.

# %%
np.allclose(log_softmax(scores), np.log(softmax(scores)))

# %% [markdown]
# ## Temperature
#
# Dividing all scores by a temperature $T$ divides their differences: $p_i / p_j = e^{(x_i - x_j) / T}$. Our factor of
# 5 was a temperature of 1/5; from here on, T comes on top of it. A base other than $e$ is a temperature as well:
# $2^x = e^{x \ln 2}$ has $T = 1 / \ln 2 \approx 1.44$.

# %% exercise="low-temperature"

# %% [markdown]
# The same query at four temperatures. The order of the keys never changes, only how much the order matters.

# %%
temperatures = (0.05, 0.5, 1, 10)
weights = np.concatenate([softmax(scores / T) for T in temperatures])
labels = [f"bank, T = {T}" for T in temperatures]
heat_map(
    weights, labels, tokens(offered), title="Cold is nearly a hard lookup, hot nearly a plain mean"
)

# %% [markdown]
# The two limits are functions of lesson 01. We number the values from 1 to 5. Cold, softmax returns what `hard_lookup`
# returns (equal best keys would share); hot, it returns the mean of all values, 3.

# %%
values = np.array([[1.0], [2.0], [3.0], [4.0], [5.0]])
hard = hard_lookup(embed("bank")[0], embed(offered), values)
(
    hard,
    weighted_sum(softmax(scores / 0.001), values),
    weighted_sum(softmax(scores / 1e6), values).round(3),
)

# %% [markdown]
# Entropy measures where we are in between. In bits, it is 0 for a sure choice and $\log_2 k$ for $k$ equal ones; four
# equal weights have 2 bits. $2^H$ reads as the effective number of keys, and so the picture in lesson 01 counts its
# points. A weight of zero counts as 0.
#
# $$H = -\sum_i p_i \log_2 p_i$$

# %%
for T, p in zip(temperatures, weights, strict=True):
    bits = -np.sum(p * np.log2(p))
    print(f"T = {T:<5} {bits:.2f} of {math.log2(5):.2f} bits, like {2**bits:.1f} equal keys")

# %% [markdown]
# Entropy only grows with $T$: its slope, in nats, is the variance of the scores under the weights over $T^3$. So we can
# turn the question round: at which temperature is "bank" as undecided as between two equal keys, 1 bit?

# %%
T = temperature_for_entropy(scores[0], bits=1.0)
print(f"T = {T:.3f}", softmax(scores[0] / T).round(3))

# %% [markdown]
# ## Saturation
#
# How much does a weight move when its own score does? The quotient rule gives two terms, $p - p^2$:
#
# $$\frac{\partial p_i}{\partial x_i} = p_i (1 - p_i)$$
#
# A small step confirms it.

# %%
x, step = np.array([0.0, 2.0]), np.array([0.0, 1e-6])
p = softmax(x)[1]
print(f"measured {(softmax(x + step)[1] - p) / 1e-6:.4f}, formula {p * (1 - p):.4f}")

# %% [markdown]
# The slope is at most 1/4, at $p = 1/2$. When one key is far ahead, it vanishes. So do the slopes across, $\partial p_i
# / \partial x_j = -p_i p_j$ for $j \ne i$, since one of the two factors is nearly 0. If it is the wrong key that leads,
# hardly any gradient is left to correct it.

# %%
for lead in (0, 2, 5, 10):
    p = softmax(np.array([0.0, lead]))[1]
    print(f"a lead of {lead:>2}: weight {p:.5f}, slope {p * (1 - p):.5f}")

# %% [markdown]
# That is why scores must not grow with the width of the vectors (lesson 04). The output layer of a classifier is
# spared: the logarithm in its loss cancels the factor, and the gradient is $p$ minus the target.

# %% [markdown]
# Four scores and a temperature. Pull one score ahead, and watch the slopes fall. Then switch to float16 and raise a
# score until the third panel, which subtracts no maximum, breaks; an exercise asks why just there.

# %%
softmax_picture(softmax)

# %% [markdown]
# ## The mask comes first
#
# Now "money" and "loan" come later in the text, and must not be seen. A hidden key gets the score -inf. Its
# exponential is exactly 0, it takes part in no sum, and the rest still sums to one.

# %%
mask = np.array([[False, False, True, True, True]])
hidden = np.where(mask, scores, -np.inf)
np.allclose(softmax(hidden), masked_softmax(scores, mask)), softmax(hidden).round(3)

# %% [markdown]
# A mask of floats is added to the scores: 0 changes nothing, -inf hides. Other numbers are a bias: minus $\ln 2$ halves
# a key's odds. Some libraries read True the other way round; here True means may attend.

# %%
as_floats = np.where(mask, 0.0, -np.inf)
np.allclose(masked_softmax(scores, as_floats), masked_softmax(scores, mask))

# %% [markdown]
# ## A row with nothing allowed
#
# A mask can hide every key from a query, for instance where short texts of a batch are filled up in front. Then the
# maximum is -inf, and -inf minus -inf is NaN. Our softmax returns zeros, and lesson 06 says why.

# %%
nobody = np.zeros((1, 5), dtype=bool)
-np.inf - -np.inf, masked_softmax(scores, nobody)

# %% [markdown]
# ## Kernel weights are a softmax
#
# The Gaussian weights of lesson 01 were a softmax all along. Their scores are minus the squared distances, over twice
# the squared width. So $2 \cdot \text{width}^2$ is a temperature: a narrow bell is a cold softmax.

# %%
query_points, key_points, width = np.array([1.0, 4.0]), np.array([0.0, 2.0, 5.0]), 1.5
squares = (query_points[:, None] - key_points) ** 2
np.allclose(softmax(-squares / (2 * width**2)), kernel_weights(query_points, key_points, width))

# %% [markdown]
# Expand the square: $-|q - k|^2 = 2\, q \cdot k - |k|^2 - |q|^2$. The last term is one shift for the whole row, and
# drops out. If all keys have the same length, $|k|^2$ is the same for all of them, and drops out too. What is left is
# a dot product, the score of lessons 03 and 04.

# %%
queries, keys = embed("bank king dog"), embed(offered)
keys = keys / np.linalg.norm(keys, axis=-1, keepdims=True)
squares = np.sum((queries[:, None] - keys) ** 2, axis=-1)
np.allclose(softmax(-squares / (2 * width**2)), softmax(queries @ keys.T / width**2))

# %% [markdown]
# ## Exercises
#
# Write each function in its cell and run it. `check` compares with the reference on many inputs, some of them under
# pressure; `hint` opens the next hint.

# %% exercise="softmax"

# %% [markdown]
# The picture again, with your own function. Raise a score in float16: your weights should stay, while the third panel
# breaks.

# %%
softmax_picture(softmax)

# %% exercise="log_softmax"

# %% exercise="masked_softmax"

# %% exercise="temperature_for_entropy"

# %% exercise="fix_softmax"

# %% exercise="fix_pooling"

# %% exercise="overflow-float16"

# %% exercise="saturated-gradient"

# %% exercise="uniform-entropy"

# %% [markdown]
# ## Roads not taken
#
# Sparsemax (Martins and Astudillo, 2016) projects the scores onto the set of weights and gives exact zeros; entmax
# (Peters et al., 2019) lies between the two. A sigmoid for each key gives up the sum of one. Hard attention picks a
# single key at random and needs another way to learn (Xu et al., 2015). And softmax is the smooth *argmax*, despite its
# name; the smooth maximum is $\log \sum_j e^{x_j}$, and softmax is its gradient.

# %% [markdown]
# ## Say it in two minutes
#
# Softmax takes exponentials and divides by their sum: weights are positive, keep the order, and turn differences of
# scores into ratios. A common shift cancels, so we subtract each row's maximum and nothing overflows. A temperature
# leads from hard lookup, 0 bits, to the plain mean, $\log_2 k$ bits. The slope $p(1 - p)$ vanishes when one key is far
# ahead. Masks put -inf into the scores, before the softmax, and a row with nothing allowed gives zeros.

# %% [markdown]
# ## The interview corner
#
# Say your answer aloud before you open the model answer; then tick what you said.

# %% exercise="why-subtract-the-maximum"

# %% exercise="what-temperature-does"

# %% exercise="why-softmax-at-all"

# %% exercise="row-with-nothing-allowed"

# %% exercise="which-precision"

# %% [markdown]
# ## What the next lesson assumes
#
# That you can turn any row of scores into weights, and know what happens to the weights when the scores grow. The next
# lessons make the scores: lesson 03 with a small network, lesson 04 with dot products.

# %%
progress()
