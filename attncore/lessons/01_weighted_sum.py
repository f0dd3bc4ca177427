# %% [markdown]
# # Attention is a weighted average that you look up
#
# A dictionary gives one value for one key. Attention asks every key how well it fits, and returns a mixture of all
# the values. At the end you have written both, and you can say why translation models stopped squeezing a sentence into
# one vector.

# %% [markdown]
# **You need** NumPy arrays and the matrix product.
# **You get** `weighted_sum`, the last step of every attention in this course, and the words query, key and value.

# %%
import numpy as np

from attncore import answer, breaks, card, check, hint, progress, reset
from attncore.views.tables import heat_map, number_map
from attncore.views.widgets.weighted_sum import kernel_picture
from attncore.weighted_sum import hard_lookup, kernel_regression, kernel_weights, weighted_sum
from attncore.words import embed, tokens

# %% [markdown]
# ## Hard lookup: one key takes all
#
# A lookup has three parts. The **query** is what we ask, the **keys** are what it is compared with, the **values**
# are what we may find. A dictionary wants the query to equal a key, and otherwise finds nothing.

# %%
royal = {"king": 1, "queen": 1, "dog": 0}
print(royal.get("king"), royal.get("prince"))

# %% [markdown]
# So we compare vectors instead of names. The dot product multiplies place by place and adds up; the better a key
# agrees with the query, the larger it gets. The first key here scores 1·1 + 0·0 + 2·2 = 5.

# %%
query = np.array([1.0, 0.0, 2.0])
keys = np.array([[1.0, 0.0, 2.0], [0.0, 5.0, 0.0], [2.0, 1.0, 0.0]])
keys @ query

# %% [markdown]
# The largest score wins, and its value is returned. This lookup always finds something. The 5 in the
# second key does not help it, since the query asks for nothing in that place.

# %%
values = np.array([[10.0], [20.0], [30.0]])
hard_lookup(query, keys, values)

# %% [markdown]
# ## What "prince" finds
#
# Now real words. Each is a vector of 384 numbers from a trained model, and nobody told it that princes have to do
# with kings. One word asks, six are offered.

# %%
offered = "king queen animal cat drink rug"
prince, keys = embed("prince")[0], embed(offered)
number_map(
    [keys @ prince],
    ["prince"],
    tokens(offered),
    title='"prince" fits "queen" and "king" about equally',
)

# %% [markdown]
# The values need not be the keys. Ours are two facts about each word: is it royal, is it female? We give the animals
# one half for the second. What does the prince learn about himself?

# %%
facts = np.array([[1, 0], [1, 1], [0, 0.5], [0, 0.5], [0, 0], [0, 0]])
hard_lookup(prince, keys, facts)

# %% [markdown]
# Royal, and a woman. "queen" leads with 0.83 to 0.82 and takes everything; "king" leaves no trace. And there is
# nothing to learn from: a small change of the query changes nothing at all, until the winner changes and the answer
# jumps. Its slope is zero wherever it has one.

# %% [markdown]
# ## Soft lookup: everyone gets a share
#
# Instead we give each key a **weight**, and take that much of its value. Three values, three weights, chosen by hand:

# %%
weights = np.array([[0.5, 0.25, 0.25]])
values = np.array([[10.0], [20.0], [40.0]])
weights[0] * values[:, 0]

# %% [markdown]
# These are three pieces. The answer is their sum, 5 + 5 + 10 = 20. In a formula, for one query and keys $j$:
#
# $$\text{output} = \sum_j w_j\, v_j$$

# %%
weighted_sum(weights, values)

# %% [markdown]
# One row of weights belongs to one query. Let us put four of them below each other: the one above; all on the first
# key; one third for every key; and one for every key, which sums to three.

# %%
weights = np.array([[0.5, 0.25, 0.25], [1, 0, 0], [1 / 3, 1 / 3, 1 / 3], [1, 1, 1]])
weighted_sum(weights, values).round(1)

# %% [markdown]
# Weights that are not negative and sum to one make an **average**, which stays between the smallest value and the
# largest. All on one key is the hard lookup. Equal weights give the plain mean. The last row sums to three, and so 70
# lies outside the range of the values.

# %% exercise="context-shape"

# %% [markdown]
# Three queries share out their attention evenly among five keys. The axis of the keys is gone, since the sum runs
# over it, and each query has one row, as wide as the values:

# %%
rng = np.random.default_rng(0)
weights, values = np.full((3, 5), 1 / 5), rng.standard_normal((5, 6))
weighted_sum(weights, values).shape

# %% [markdown]
# ## A weight is not importance
#
# Texts say that attention weighs the parts of the input by their importance. The formula says less. Here the first
# key has nine tenths of the weight; how much of the result comes from it?

# %%
weighted_sum([[0.9, 0.1]], [[0.0], [50.0]])

# %% [markdown]
# Nothing: all of the 5 comes from the light one. A weight says how much of a value is taken, and what that does
# depends on the value as well. Lesson 19 measures it in earnest.

# %% [markdown]
# ## An ancestor: 1964
#
# Who sets the weights? Nadaraya and Watson, independently, let the distance do it. To predict a value at a new point,
# take the mean of the known values, near ones counting more. For a query $q$, keys $k_j$ and a width $\sigma$:
#
# $$w_j = \frac{e^{-\frac12 \left((q - k_j)/\sigma\right)^2}}{\sum_i e^{-\frac12 \left((q - k_i)/\sigma\right)^2}}$$

# %% [markdown]
# We know the values at 0, 1 and 3, and ask at 1, with a width of one. The distances are 1, 0 and 2, so the bell has
# the heights $e^{-1/2}$, $1$ and $e^{-2}$. Divided by their sum they are weights. Far from all points every height
# rounds to 0, and 0/0 is NaN, though the ratios of the heights are still good; `kernel_weights` has to rescue them.

# %%
points, heights = np.array([0.0, 1.0, 3.0]), np.array([2.0, 4.0, 9.0])
bell = np.exp(-0.5 * (1 - points) ** 2)
bell.round(3), (bell / bell.sum()).round(3)

# %% [markdown]
# The prediction is the sum under these weights: 0.348 · 2 + 0.574 · 4 + 0.078 · 9 = 3.69. It is a soft lookup. The
# query is the point we ask about, the keys are the known points, the values are what was measured there.

# %%
kernel_regression([1.0], points, heights, width=1.0).round(2)

# %% exercise="wide-bell"

# %% [markdown]
# A narrow bell sees one point, a wide one sees all of them alike. So the width leads from the hard lookup to an
# average that no longer listens to the query.

# %%
for width in (0.1, 1.0, 100.0):
    print(f"width {width:>5}: {kernel_regression([1.0], points, heights, width)[0]:.2f}")

# %% [markdown]
# Move the query point, then the width. At the narrow end the curve is a staircase from neighbour to neighbour. At the
# wide end it flattens towards the mean. The dots are as large as their weights.

# %%
kernel_picture(kernel_regression)

# %% [markdown]
# ## The prince asks again
#
# Words have distances too. A bell needs nothing else, so we put the query at 0 and each key at its distance from it.
# Now "king" is a hair nearer, while "queen" had the larger dot product: its vector is a little longer, and a dot
# product counts length.

# %%
distance = np.linalg.norm(keys - prince, axis=1)
print(distance.round(3))
kernel_weights([0.0], distance, width=0.25).round(2)

# %% [markdown]
# Half each, and next to nothing for the rest. We let three more words ask. Rows are queries, columns are keys, as in
# every picture of this course, and each row sums to one.

# %%
asking = "prince dog tea sofa"
distances = [np.linalg.norm(keys - word, axis=1) for word in embed(asking)]
weights = np.concatenate([kernel_weights([0.0], d, width=0.25) for d in distances])
heat_map(weights, tokens(asking), tokens(offered), title='Only "prince" is torn between two keys')

# %% [markdown]
# The sum under these weights is what each word finds. The prince is royal for certain, and as for the other question,
# his neighbours disagree. The true answer is 0; 0.48 at least admits the doubt, where 1 was plainly wrong.

# %%
number_map(
    weighted_sum(weights, facts),
    tokens(asking),
    ["royal", "female"],
    title='"prince" finds royalty, the others do not',
)

# %% [markdown]
# ## Why one summary vector loses
#
# Before attention, a translation network read a sentence into one vector, and wrote the translation from that. The
# simplest such summary is the mean of the words: a weighted sum, with weights from counts. "the" comes twice among
# six.

# %%
weights = np.array([[2, 1, 1, 1, 1]]) / 6
summary = weighted_sum(weights, embed("the cat sat on mat"))
np.allclose(summary, embed("the cat sat on the mat").mean(axis=0)), summary.shape

# %% [markdown]
# No query took part, so whoever asks gets the same. And the order is lost: "the mat sat on the cat" has the same
# counts. A recurrent network, which reads word by word and updates a running state, keeps the order, but its state
# has a fixed size as well. How much goes in?

# %% [markdown]
# Give each token, a word or a piece of one, one fact: a random number. A random mixture squeezes all the facts into 8
# numbers, and the best linear reader, the pseudoinverse `pinv` of the mixture, guesses them back. The error is 1 for a
# reader who knows nothing.

# %%
for n in (4, 8, 16, 64):
    told, mixture = rng.standard_normal((1000, n)), rng.standard_normal((n, 8))
    read_back = told @ mixture @ np.linalg.pinv(mixture)
    print(f"{n:>2} tokens in 8 numbers: error {np.sqrt(np.mean((read_back - told) ** 2)):.2f}")

# %% [markdown]
# Eight facts fit. Beyond that the error is about $\sqrt{1 - 8/n}$, and for independent facts no other linear mixture
# does better. A network may pack more cleverly, but the sentence grows and the vector does not.

# %% [markdown]
# Now keep one state a token, and look up. The keys are the places in the text, the values the facts. We ask at each
# of 64 places with a narrow bell:

# %%
places, told = np.arange(64.0), rng.standard_normal(64)
found = kernel_regression(places, places, told, width=0.1)
print(f"64 tokens, one state each: largest error {np.abs(found - told).max():.2f}")

# %% [markdown]
# So attention keeps a state **for each token**, and makes a fresh weighted sum of them, the **context vector**, for
# each word that it writes. The price: memory grows with the sentence, and every word written is compared with every
# word read. Lesson 03 tells how translation came to it.

# %% [markdown]
# ## Exercises
#
# Write each function in its cell and run it. `check` compares with the reference on many inputs; `hint` opens the
# next hint.

# %% exercise="weighted_sum"

# %% exercise="hard_lookup"

# %% exercise="kernel_weights"

# %% exercise="kernel_regression"

# %% [markdown]
# This curve is drawn by your own function, and the cross by the reference. When yours is right the curve goes through
# the cross. It never leaves the range of the known values, because no average can.

# %%
kernel_picture(kernel_regression)

# %% exercise="fix_weighted_sum"

# %% exercise="fix_forecast"

# %% exercise="context-by-hand"

# %% exercise="fixed-summary"

# %% [markdown]
# ## Roads not taken
#
# A hard choice can be trained by sampling it, at the price of noisy gradients; Xu et al. (2015) compare it with the
# soft one on image captions. Graves (2013) slid Gaussian bells along a text to write it by hand, close to what we did
# with places. A larger summary only moves the length at which it overflows; models with a fixed state are back all
# the same, because they are cheap on long texts, and lesson 15 shows what they lose.

# %% [markdown]
# ## Say it in two minutes
#
# Attention is a lookup that returns an average. A query is compared with all keys; the comparison becomes weights,
# not negative, with sum one; the output is the sum of the values under them. All weight on one key is a dictionary,
# equal weights are a plain mean. It won in translation because one vector of fixed size cannot hold a sentence of any
# length, while one state for each token can be asked again for every word.

# %% [markdown]
# ## The interview corner
#
# Say your answer aloud before you open the model answer; then tick which of the key points you said. The first
# question is that of lesson 00: what would you change in your sentence?

# %% exercise="what-is-attention"

# %% exercise="query-key-value"

# %% exercise="why-not-one-vector"

# %% exercise="hard-or-soft"

# %% exercise="kernels-in-many-dimensions"

# %% [markdown]
# ## What the next lesson assumes
#
# That you can write `weighted_sum` and say what each axis means, and that a row of weights sums to one. So far
# weights come from distances. Lesson 02 makes them from any scores at all, dot products among them.

# %%
progress()
