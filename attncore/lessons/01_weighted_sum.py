# %% [markdown]
# # Attention is a weighted average that you look up
#
# Under all its names, attention does one thing: it takes an average of some values, and it looks up how much of each to
# take. You'll write both halves here. We begin with the average, and with a number that you can work out in your head.

# %%
import numpy as np

from attncore import answer, breaks, card, check, hint, progress, reset, yours
from attncore.example import KEY, QUERY, VALUE
from attncore.views.explorables.arrows import arrows
from attncore.views.plots import curves
from attncore.views.tables import bars, heat_map
from attncore.views.widgets.weighted_sum import kernel_picture
from attncore.words import embed, tokens

# %% exercise="context-by-hand"

# %% [markdown]
# ## Values and weights
#
# In a network a value isn't a number but a vector. Nothing else changes: each vector is multiplied by its weight, and
# the results are added up. Here are three values of width two that will stay with us until lesson 05.

# %% exercise="vector-by-hand"

# %% [markdown]
# Now all at once. Each query has its own row of weights, so with several queries the weights are a matrix. The line
# above the function names the axes: `q` queries, `k` keys, `v` the width of the values, and `...` any axes in front of
# them, such as a batch.

# %% exercise="weighted_sum"

# %% [markdown]
# Before you run it on a few rows of weights, think about where the outputs can lie.

# %% exercise="inside-or-outside"

# %%
weights = np.array([[0.5, 0.25, 0.25], [1, 0, 0], [1 / 3, 1 / 3, 1 / 3], [1, 1, 1]])
np.round(yours.weighted_sum(weights, VALUE), 2)

# %% [markdown]
# The first row is the one you did by hand. With all the weight on one key you get its value back, untouched, and equal
# weights give the plain mean. The last row sums to three instead of one, and (8, 8) is nowhere near the values.

# %% [markdown]
# As a formula, for query $i$ and keys $j$:
#
# $$\text{output}_i = \sum_j w_{ij}\, v_j$$
#
# If the weights aren't negative and sum to one, it's an average. Bahdanau et al. (2014) call the result a **context
# vector**, and you'll hear that name for it in interviews.

# %% exercise="context-shape"

# %% [markdown]
# ## Hard lookup
#
# So what sets the weights? Think of a dictionary. You ask with a **query**; it's compared with the **keys**; and what
# you take away is the **value** that's stored under the key. If no key equals the query, you get nothing.

# %%
royal = {"king": 1, "queen": 1, "dog": 0}
royal.get("king"), royal.get("prince")

# %% [markdown]
# A prince is close enough to a king that we'd like an answer all the same. So we compare vectors instead of names, by
# their dot product: multiply entry by entry, add up. The better two vectors agree, the larger it gets. Take the best key,
# return its value, and you always find something.

# %% exercise="lookup-by-hand"

# %% exercise="hard_lookup"

# %%
np.array([yours.hard_lookup(query, KEY, VALUE) for query in QUERY])

# %% [markdown]
# The second query, (0, 1), scores 1 with all three keys, so it gets whichever comes first. That's a bit arbitrary, and
# it gets worse with real words. Each word here is a vector of 384 numbers, its row in the embedding table of a trained
# model (all-MiniLM-L6-v2).

# %%
offered = "king queen animal cat drink rug"
prince, keys = embed("prince")[0], embed(offered)
bars((keys @ prince).round(3), tokens(offered), 'Which of six words fits "prince"?')

# %% [markdown]
# A value can be anything that's worth knowing about its key. Ours are two facts for each of the six words: is it royal,
# and is it female? The two animals get one half for the second.

# %%
facts = np.array([[1, 0], [1, 1], [0, 0.5], [0, 0.5], [0, 0], [0, 0]])

# %% exercise="prince-finds"

# %%
np.array(yours.hard_lookup(prince, keys, facts))

# %% [markdown]
# The winner had 0.826 and the runner-up 0.819, and nothing in the result tells you so. Could we train the vectors so
# that it comes out better? Gradient descent would move the query a little, and look at what that does.

# %% exercise="nudged-query"

# %% [markdown]
# ## Soft lookup
#
# Here's the way out: give every key a share of the weight, the larger the better it matches, and return the weighted
# sum that you wrote. Drag the query and watch the output, the orange dot on the right. How scores become shares, in the
# middle, is lesson 02's topic.

# %%
arrows(QUERY[0], KEY, VALUE, scale=1.0)

# %% exercise="equal-shares"

# %% [markdown]
# Drag the query out to the edge, and one key takes nearly everything: that's the hard lookup again. At (0, 0) you get
# the plain mean. In between, every small move of the query moves the output a little, so there's a slope to follow. And
# the output never leaves the triangle, wherever you drag the query.

# %% [markdown]
# ## A weight is not importance
#
# You'll often read that attention weighs the inputs by their importance. The formula says less than that. Take two
# keys, the first with nine tenths of the weight:

# %% exercise="heavy-share"

# %% [markdown]
# A weight says how much of a value is taken. What that amounts to depends on the value as well, and on what later layers
# make of the output. Lesson 19 measures what a token does for a prediction, by taking it away.

# %% [markdown]
# ## Weights from a bell
#
# Soft lookup is older than neural translation. To predict a value at a new point, Nadaraya (1964) and Watson (1964)
# averaged the known values and let near points count for more. With a Gaussian bell of width $\sigma$ over the new
# point, the height over a known point is
#
# $$e^{-\frac12 \left(\text{distance} / \sigma\right)^2}$$

# %% exercise="bell-by-hand"

# %% [markdown]
# The new point is the query, the known points are the keys. Write the weights for any number of each.

# %% exercise="kernel_weights"

# %% [markdown]
# Now slide the query along the line, past three known points at 0, 1 and 3. Here's how your weights pass from one point
# to the next.

# %%
points, measured = np.array([0.0, 1.0, 3.0]), np.array([2.0, 4.0, 9.0])
asked = np.linspace(-1, 4, 101)
weights = yours.kernel_weights(asked, points, width=0.7)
curves(
    {f"point at {point:g}": row for point, row in zip(points, np.transpose(weights), strict=True)},
    "Who has the weight, and where?",
    "query point",
    "weight",
    asked,
)

# %% [markdown]
# If `check` has told you that one corner is open, or two, you've probably written what's in the textbooks, and it
# counts as done. One corner is a width of zero, where the prompt asks for an error. The other is a query far away, at
# 90 say. These are the heights over the three points:

# %%
np.exp(-0.5 * (90 - points) ** 2)

# %% [markdown]
# All of them have rounded to zero, and 0/0 is NaN, although it's perfectly clear which point is nearest. You can leave
# that open for now. Lesson 02 has the cure, and a card of this lesson asks for it in reviews.

# %% exercise="wide-bell"

# %% [markdown]
# What's left is the prediction itself, which is called **kernel regression**. The values are what was measured at the
# known points.

# %% exercise="kernel_regression"

# %%
curves(
    {f"width {w:g}": yours.kernel_regression(asked, points, measured, w) for w in (0.1, 0.7, 100)},
    "What does it predict, if 2, 4 and 9 were measured?",
    "query point",
    "prediction",
    asked,
)

# %% [markdown]
# The narrow bell makes a staircase from nearest neighbor to nearest neighbor, which is a hard lookup once more. Under the
# widest one the query has no say, and you get the mean, 5, everywhere. Move the query and the width yourself; the curve
# is drawn by your function.

# %%
kernel_picture(yours.kernel_regression)

# %% [markdown]
# Somebody else has used the same idea for the weather. Their code runs without an error, but something is off.

# %% exercise="fix_forecast"

# %% [markdown]
# ## Learning the width
#
# So which width is right? In 1964 you chose one. Today we'd let gradient descent choose: there are 100 noisy points of
# a wave, a prediction at any place is their average under the bell, and the loss is the prediction's squared error.
# What matters is where we measure it.

# %% exercise="width-on-its-own-points"

# %%
from attncore.experiments.weighted_sum import wave, width_experiment

learned = width_experiment(weigh=yours.kernel_weights)
curves(learned.widths, "Where does gradient descent take the width?", "step", "width")

# %% [markdown] folded="What happened?"
# Two of the runs measure the error on another 100 points, which no average includes. They end at the same width, one
# from a start that's far too narrow and one from a start that's far too wide. The third begins where those two ended,
# measures on the known points themselves, and goes to zero.

# %% [markdown]
# What do the three widths make of the wave? The dictionary below has the mean squared error of each against the wave
# itself, which no loss has seen.

# %%
curves(
    learned.curves | {"the wave itself": wave(learned.grid)},
    "What do three widths predict?",
    "position",
    "prediction",
    learned.grid,
)

# %%
{name: round(error, 3) for name, error in learned.errors.items()}

# %% [markdown]
# Here the learned width beats both starts by a factor of more than ten. Don't take it for a constant of nature, though:
# with other points (try `seed=1`) you get another width and a smaller gain. What carries over is that the comparison
# between query and key can be learned. In this case that's one number; in attention it's two whole matrices, which
# lesson 05 trains.

# %% [markdown]
# ## The prince asks again
#
# Words have distances as well, in 384 dimensions. All a bell sees of two points is how far apart they are. So we can
# put the query at 0 on a line and each key as far from it as its word is, and your function for points on a line will
# do.


# %%
def weights_by_distance(queries, keys, width):
    distances = np.linalg.norm(queries[:, None] - keys, axis=-1)
    return np.concatenate([yours.kernel_weights([0.0], row, width) for row in distances])


# %% exercise="prince-asks-again"

# %%
weights = weights_by_distance(embed("prince"), keys, width=0.25)
bars(weights[0].round(3), tokens(offered), 'How does "prince" share out his weight?')

# %%
np.round(yours.weighted_sum(weights, facts), 2)

# %% [markdown]
# Royal, for certain. On the other question his neighbors disagree, and the answer admits it. Did you notice that "king"
# is the nearer one now? "queen" still has the larger dot product, but its vector is a little longer, too, and that puts
# it further away. Let three more words ask:

# %%
asking = "prince dog tea sofa"
weights = weights_by_distance(embed(asking), keys, width=0.25)
heat_map(weights, tokens(asking), tokens(offered), title="Which words does each word look at?")

# %% [markdown]
# And here's the slope that the hard lookup didn't have. A query walks in a straight line from "king" to "queen" and asks
# on its way: is it female?

# %%
walk = np.linspace(embed("king")[0], embed("queen")[0], 101)
hard = [yours.hard_lookup(query, keys, facts)[1] for query in walk]
soft = np.array(yours.weighted_sum(weights_by_distance(walk, keys, width=0.25), facts))[:, 1]
curves(
    {"hard lookup": hard, "soft lookup": soft},
    "Is it female?",
    "share of the way from king to queen",
    "answer",
    np.linspace(0, 1, 101),
)

# %% [markdown]
# In a text, each token can ask all the others in this way. A colleague has built a search on that, and suspects that
# its vectors come out too short.

# %% exercise="fix_weighted_sum"

# %% [markdown]
# ## Why one vector isn't enough
#
# Before attention, a translation network read the whole sentence into one vector and wrote the translation from that
# (Sutskever et al., 2014). The simplest such summary is the mean of the words, a weighted sum in which no query takes
# part. It can't tell who paid whom:

# %%
one, other = embed("the man paid the woman"), embed("the woman paid the man")
print(f"largest difference: {np.abs(one.mean(axis=0) - other.mean(axis=0)).max():g}")

# %% [markdown]
# A recurrent network, which reads word by word and updates a running state, does keep the order. But its state has a
# fixed size too. How much fits into it?

# %% exercise="facts-in-eight-numbers"

# %% [markdown]
# Let's measure it, for 2 to 64 tokens that bring one random fact each.


# %%
def squeezed(n, rng):
    """Squeeze n facts into 8 numbers, read them back by the best linear reader: returns the error."""
    told, mixture = rng.standard_normal((1000, n)), rng.standard_normal((n, 8))
    read = told @ mixture @ np.linalg.pinv(mixture)
    return np.sqrt(np.mean((read - told) ** 2))


# %% [markdown]
# Attention keeps a state for each token and looks it up. We won't make that too easy. The keys are random vectors of
# width 8, so the more there are, the more crowded they get, and a query is only a noisy copy of the key it wants.


# %%
def looked_up(n, rng):
    """Keep n facts under n keys of width 8, and look each up with a noisy query: returns the error."""
    keys, told = rng.standard_normal((n, 8)), rng.standard_normal((n, 1000))
    queries = keys + 0.3 * rng.standard_normal((n, 8))
    found = yours.weighted_sum(weights_by_distance(queries, keys, width=0.5), told)
    return np.sqrt(np.mean((found - told) ** 2))


# %%
rng, lengths = np.random.default_rng(0), [2, 4, 8, 16, 24, 32, 48, 64]
lossy = {"one vector of 8 numbers": squeezed, "a key of 8 numbers for each token": looked_up}
errors = {
    name: [np.mean([error(n, rng) for _ in range(20)]) for n in lengths]
    for name, error in lossy.items()
}
curves(errors, "How much is lost as the text grows?", "tokens", "error (1: all of it)", lengths)

# %% [markdown]
# Eight facts fit into the vector, and beyond that its error is about $\sqrt{1 - 8/n}$; for independent facts no other
# linear mixture does better. The lookup isn't perfect either: where two keys happen to lie close together, their facts
# get mixed, and that happens more often in a longer text. But its memory grows along with the text, so it loses far
# less. That memory is also its price.

# %% exercise="fixed-summary"

# %% [markdown]
# So attention keeps a state for each token and makes a fresh weighted sum of them, a new context vector, for every word
# that it writes. And every word written is compared with every word read. Lesson 03 tells how translation got there.

# %% [markdown]
# ## The same in PyTorch
#
# ```python
# import torch
#
# weights = torch.tensor([[0.5, 0.25, 0.25], [1.0, 0.0, 0.0]])
# value = torch.tensor([[4.0, 0.0], [0.0, 4.0], [4.0, 4.0]])
# print(torch.einsum("qk,kv->qv", weights, value))
#
# points, measured = torch.tensor([0.0, 1.0, 3.0]), torch.tensor([2.0, 4.0, 9.0])
# log_width = torch.zeros((), requires_grad=True)
# distance = torch.tensor([1.0, 2.0])[:, None] - points
# predicted = torch.softmax(-0.5 * (distance / log_width.exp()) ** 2, dim=-1) @ measured
# ((predicted - 4.5) ** 2).mean().backward()
# print(predicted.detach(), log_width.grad)
# ```
#
# ```text
# tensor([[3., 2.],
#         [4., 0.]])
# tensor([3.6921, 6.0483]) tensor(-2.7441)
# ```
#
# Softmax takes exponentials and divides each row by its sum, so this is your `kernel_weights`; lesson 02 is about it.
# The width is learned through its logarithm, which may be any number while the width stays positive.

# %% [markdown]
# ## The interview corner
#
# Say it aloud, type what you said, choose the directions, and only then read our answer. The first question is the one
# that lesson 00 began with: what would you change in your sentence?

# %% exercise="what-is-attention"

# %% exercise="query-key-value"

# %% exercise="why-not-one-vector"

# %% exercise="hard-or-soft"

# %% exercise="kernels-in-many-dimensions"

# %% [markdown]
# ## Say it in two minutes
#
# "Explain attention to somebody who knows dictionaries and averages." Take two minutes by the clock, aloud, and draw
# while you talk. Then compare.

# %% [markdown] folded="One way to say it"
# "It's a lookup that returns an average. A dictionary wants the query to equal a key, and returns that key's value.
# Attention compares the query with every key, turns the comparisons into weights that aren't negative and sum to one,
# and returns the sum of the values under those weights. All the weight on one key is the dictionary; equal weights are
# the plain mean. Because the weights move smoothly with the query, you can learn what to look for, which you can't with
# a hard choice. Kernel regression did this in 1964 with distances. Attention won in translation because one vector of
# fixed size can't hold a sentence of any length, while one state for each token can be asked again for every word. The
# price is a memory that grows with the text, and a comparison for every pair."

# %% [markdown]
# ## Roads not taken
#
# A hard choice can be trained if you sample it, at the price of noisy gradients; Xu et al. (2015) try both kinds on
# image captions. Graves (2013) slid Gaussian bells along a text to write it out in generated handwriting. Kernels other
# than the bell work as well: Zhang et al. (2021) draw four of them side by side. And models with a state of fixed size
# are back, because they're cheap on long texts; lesson 16 shows what they lose.

# %% sources="here"

# %% [markdown]
# ## What the next lesson assumes
#
# That you can write `weighted_sum` and say what each axis means, and that each query's weights sum to one. So far they
# came from distances. Lesson 02 makes them from any scores at all, dot products among them.

# %%
progress()
