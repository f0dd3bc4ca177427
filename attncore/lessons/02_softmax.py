# %% [markdown]
# # Softmax, under pressure
#
# Lesson 01 left one thing open: how do scores become weights? The first query of our small example, (1, 1), scores the
# three keys 3, 1 and 0. Weights can't be negative and have to sum to one, so why not divide by the sum? That gives
# 0.75, 0.25 and 0. Before you settle on it, try it on another query.

# %%
import numpy as np

from attncore import answer, breaks, card, check, hint, progress, reset, yours
from attncore.example import KEY, QUERY
from attncore.views.explorables.simplex import simplex
from attncore.views.plots import curves
from attncore.views.tables import heat_map
from attncore.views.widgets.softmax import slope_picture, softmax_picture
from attncore.words import embed, tokens

# %% exercise="scores-over-sum"

# %% [markdown]
# ## Why the exponential
#
# So we need something that makes any score positive, the negative ones too, and keeps their order. The exponential does
# both: take e to the power of each score, then divide by the sum of the three. Try it by hand.

# %% exercise="second-weight"

# %% [markdown]
# You've just computed a **softmax** (Bridle, 1990). The scores that go into it are also called **logits**.
#
# $$p_i = \frac{e^{x_i}}{\sum_j e^{x_j}}$$
#
# Three weights that are positive and sum to one are a point in a triangle, and here's yours. Can you move it into a
# corner?

# %%
simplex((3, 1, 0))

# %% [markdown]
# You get close to a corner, but on paper you never arrive: every key keeps a share, if only a small one. With three
# equal scores you're in the middle.

# %% [markdown]
# ## A common shift
#
# Before you play any further, guess what two simple changes do.

# %% exercise="shifted-scores"

# %% [markdown]
# Try it in the triangle. From 3, 1 and 0, lower each of the three by 2, and you're back at the same point. A
# temperature of 0.5 doubles the scores, and the point moves. Dividing by the sum works the other way around: it ignores
# a factor and notices a shift.

# %% [markdown] folded="Why exactly?"
# Adding $c$ to every score puts a factor $e^c$ into every term, in the numerator and in the denominator, so it cancels:
#
# $$\frac{e^{x_i + c}}{\sum_j e^{x_j + c}} = \frac{e^c\, e^{x_i}}{e^c \sum_j e^{x_j}} = \frac{e^{x_i}}{\sum_j e^{x_j}}$$
#
# What's left is differences. Two weights have the ratio $p_i / p_j = e^{x_i - x_j}$, whatever the other keys score.

# %% [markdown]
# ## Overflow
#
# On paper a number can be as large as you like. A float can't, and the exponential soon reaches the end of the range:
# between 709 and 710 in float64, between 88 and 89 in float32.

# %%
with np.errstate(over="ignore"):
    print(np.exp(np.float64([709, 710])), np.exp(np.float32([88, 89])))

# %% [markdown]
# Half precision gives up far earlier. You can work out where.

# %% exercise="overflow-float16"

# %% [markdown]
# Now scores of 1000 and 1001. On paper there's nothing wrong with them: they differ by 1, so the weights are 0.27 and
# 0.73. Typed as it stands, the formula divides infinity by infinity, which is NaN, "not a number". Write a softmax that
# gets these right too. The triangle has shown you a change that costs nothing.

# %% exercise="softmax"

# %% [markdown]
# Here it is beside the formula as it stands. Pull a score up to 20, first as it is, then in float16, and watch which of
# the two breaks, and where.

# %%
softmax_picture(yours.softmax)

# %% [markdown]
# ## The axis
#
# In attention, scores come as a matrix, a row for each query. You know the first row of this one. Which row will give
# equal weights, and where will the third query look?

# %%
QUERY @ KEY.T

# %%
yours.softmax(QUERY @ KEY.T).round(3)

# %% [markdown]
# Each row sums to one, since each query shares out one unit among the keys. With `axis=0` the columns would, and the
# queries would compete for each key. What about the maximum, does it need the axis as well?

# %% exercise="one-maximum"

# %%
rows = np.array([[0.0, 1, 2], [2000, 2001, 2002]])
print(np.exp(rows - 2002))
print(yours.softmax(rows).round(3))

# %% [markdown]
# Overflow has a quiet twin, **underflow**: a number too small for its format becomes zero. One small weight that rounds
# to zero does no harm in a weighted sum. A whole row of them does.

# %% [markdown]
# ## The mask comes first
#
# Often some keys are off limits to a query: padding isn't text, and a language model may not read ahead. A colleague
# hides a key by setting its score to zero. Check what that does to the running example.

# %% exercise="hidden-by-zero"

# %% [markdown]
# Zero is a score like any other. In the triangle above, hide a key and look at the line where its exponential stood:
# that's the score you want. From now on a mask says `True` where a query may look.

# %% exercise="masked_softmax"

# %% [markdown]
# Let the word "bank" ask five others, by dot products of trained word vectors (all-MiniLM-L6-v2). In the second row
# "money" and "loan" come later in the text, so they're hidden. The raw scores lie so close together that all weights
# would look alike, so we divide them by 0.2. You'll see below what that does.

# %%
offered = "money loan river water tea"
scores = embed("bank") @ embed(offered).T
mask = np.array([[True] * 5, [False, False, True, True, True]])
weights = yours.masked_softmax(np.tile(scores / 0.2, (2, 1)), mask)
heat_map(weights, ["all", "masked"], tokens(offered), "Where does the bank look?", mask)

# %% [markdown]
# What the hidden keys had is shared out among the others in proportion: "river" against "water" is the same ratio in
# both rows. A float mask is added to the scores instead. Its 0 changes nothing, -inf hides, and anything between is a
# bias; minus ln 2 halves a key's odds.

# %% [markdown]
# A colleague has put a mask into a text classifier, and it works, for a single text.

# %% exercise="fix_pooling"

# %% [markdown]
# ## A row with nothing allowed
#
# A mask can hide every key from a query: a sequence in the batch may be all padding. Many people write a large negative
# number instead of minus infinity, to be on the safe side. Is it safer?

# %% exercise="all-a-billion-down"

# %%
nobody = np.zeros((1, 5), dtype=bool)
print("a billion down: ", yours.softmax(np.full(5, -1e9)).round(3))
print("minus infinity: ", yours.masked_softmax(scores, nobody)[0])
print("-inf minus -inf:", -np.inf - -np.inf)

# %% [markdown]
# With minus infinity the textbook's three lines end in NaN, because the row's maximum is -inf itself. If `check` told
# you "right, one corner is open", this is most likely the corner. It counts as done. Zeros are what this course
# returns, and lesson 06 says why.

# %% [markdown]
# ## Temperature
#
# Dividing all scores by a number $T$ divides their differences, and $p_i / p_j = e^{(x_i - x_j)/T}$. The name comes
# from physics, where the same formula shares out energy. Move the slider in the triangle if you like, then predict.

# %% exercise="low-temperature"

# %% [markdown]
# The bank again, from cold to hot. Follow one word along its line: does the order of the five ever change?

# %%
temperatures = np.linspace(0.02, 1, 99)
weights = np.array([yours.softmax(scores[0] / T) for T in temperatures])
curves(
    dict(zip(tokens(offered), weights.T, strict=True)),
    "Who has the weight, as it warms up?",
    "temperature",
    "weight",
    temperatures,
)

# %% [markdown]
# At the cold end that's the hard lookup of lesson 01; far beyond the hot end it would be the plain mean. To say where we
# are in between, people use **entropy**, in bits if the logarithm has base 2. A weight of zero counts as 0.
#
# $$H = -\sum_i p_i \log_2 p_i$$

# %% exercise="uniform-entropy"

# %% [markdown]
# So $2^H$ is a number of keys: a choice among that many equal ones would be just as undecided. It reads better than
# bits.

# %%
effective = [2.0 ** -np.sum(p * np.log2(np.maximum(p, 1e-300))) for p in weights]
curves(
    {"effective number of keys": effective},
    "Among how many does it choose?",
    "temperature",
    "keys",
    temperatures,
)

# %% [markdown]
# The curve only ever rises, so the question can be turned around: you name the bits, your function finds the
# temperature.

# %% exercise="temperature_for_entropy"

# %%
T = yours.temperature_for_entropy(scores[0], bits=1.0)
print(f"as undecided as between two keys at T = {T:.3f}:", yours.softmax(scores[0] / T).round(3))

# %% [markdown] folded="Why does entropy only rise?"
# Its slope with respect to $T$, in nats, is the variance of the scores under the weights, divided by $T^3$. A variance
# is never negative.

# %% [markdown]
# You've met a temperature before, under another name. The weights of lesson 01's bell are
# $e^{-\frac12 (d/\sigma)^2}$, divided by their sum. That's a softmax, with minus the squared distances for scores.

# %% exercise="bell-temperature"

# %%
points, width = np.array([0.0, 1, 3]), 0.7
print("your bell:  ", yours.kernel_weights(np.array([1.2]), points, width)[0].round(3))
for asked in (1.2, 90):
    exponents = -((asked - points) ** 2) / (2 * width**2)
    print(
        f"asked at {asked}: heights {np.exp(exponents).round(3)}, softmax {yours.softmax(exponents).round(3)}"
    )

# %% [markdown]
# And there's the cure that lesson 01 promised. At 90 all three heights round to zero, and 0/0 is NaN. A softmax
# subtracts the largest exponent first, so the nearest point keeps a height of 1 and gets the weight.

# %% [markdown]
# ## Saturation
#
# Training moves scores by their slopes: how much does a weight change when its own score does? Picture one score that
# falls behind, draws level and pulls ahead.

# %% exercise="steepest-slope"

# %%
lead, step = np.linspace(-8, 8, 81), 1e-6
p, moved = (yours.softmax(np.stack([x, np.zeros(81)], axis=-1))[:, 0] for x in (lead, lead + step))
curves(
    {"weight": p, "its slope, measured": (moved - p) / step},
    "What does one more point of score bring?",
    "lead over the other key",
    "weight, slope",
    lead,
)

# %% [markdown]
# For any number of keys, with the quotient rule,
#
# $$\frac{\partial p_i}{\partial x_i} = p_i (1 - p_i), \qquad \frac{\partial p_i}{\partial x_j} = -p_i p_j \quad (j \ne i)$$
#
# At most 1/4, and close to nothing when one key is far ahead. Softmax is **saturated** then.

# %% exercise="saturated-gradient"

# %% [markdown]
# Pull one of three scores ahead and watch the slopes of all of them. Then warm it up.

# %%
slope_picture(yours.softmax)

# %% [markdown]
# If the wrong key leads, hardly any slope is left to correct it. That's why scores mustn't grow with the width of the
# vectors, and lesson 04 trains a model to show it. The same danger waits at the end of a network. There it has a cure,
# and the rest of this lesson is about it.

# %% [markdown]
# ## The logarithm
#
# A network that makes predictions ends in a softmax, too: a language model gives every word a logit and turns the
# logits into probabilities. Training wants one number, the **loss**, that's small when the model does well. The usual
# one is minus the logarithm of the probability that the model gave to the word that came next.

# %% exercise="loss-by-hand"

# %% [markdown]
# Look at how the three losses differ: 0.17, 2.17 and 3.17, just as the scores 3, 1 and 0 differ. So there's no need to
# form the probability first. That's fortunate, because this is what happens when a word has no chance at all:

# %%
x = np.array([0.0, -800.0])
with np.errstate(divide="ignore"):
    print(np.log(yours.softmax(x)))

# %% [markdown]
# A probability of $e^{-800}$ is zero in float64. Its logarithm should be -800, though, and an infinite loss ends the
# training.

# %% exercise="log_softmax"

# %%
print(yours.log_softmax(x), yours.log_softmax(np.array([3.0, 1, 0])).round(2))

# %% [markdown]
# What you subtract from every score has a name of its own, **log-sum-exp**, $\log \sum_j e^{x_j}$; for 3, 1 and 0 it's
# 3.17. It's never below the largest score and exceeds it by at most $\log k$, which makes it a smooth maximum.

# %% exercise="fix_softmax"

# %% [markdown]
# ## What training makes small
#
# Averaged over many places this loss is called **cross-entropy**; as a score for forecasts it goes back to Good (1952).
# You'll write it from logits, as libraries do. In a batch some places are only padding. By PyTorch's custom their target
# is -100, and they don't count.

# %% exercise="cross_entropy"

# %% exercise="guess-loss"

# %% [markdown]
# Interviewers like that number, because it's the first thing to check when a training starts. The next one is the
# gradient: how much does the loss change with each logit? Here it's measured on the example, with the last word as the
# target, and the probabilities stand below.

# %%
logits = np.array([3.0, 1.0, 0.0])
target, step = np.array([2]), 1e-6
before = yours.cross_entropy(logits[None], target)
moved = [yours.cross_entropy(logits[None] + step * unit, target) for unit in np.eye(3)]
print("slopes:       ", ((np.array(moved) - before) / step).round(3))
print("probabilities:", yours.softmax(logits).round(3))

# %% [markdown]
# Do you see it? Two of the three are the same. Work out what has become of the third, and write the gradient for any
# number of places.

# %% exercise="cross_entropy_backward"

# %% [markdown]
# With that you can train. The smallest model there is has three logits and no input, and its text has ten places: word
# 0 six times, word 1 three times, word 2 once. Gradient descent makes the loss as small as it can.

# %% exercise="what-training-finds"

# %%
targets = np.array([0] * 6 + [1] * 3 + [2])
logits, losses = np.zeros(3), []
for _ in range(100):
    rows = np.tile(logits, (10, 1))
    losses.append(yours.cross_entropy(rows, targets))
    logits = logits - yours.cross_entropy_backward(rows, targets).sum(axis=0)
print(f"loss {losses[0]:.3f}, then {losses[-1]:.3f}; probabilities", yours.softmax(logits).round(3))
print(f"entropy of 0.6, 0.3, 0.1: {-np.sum([p * np.log(p) for p in (0.6, 0.3, 0.1)]):.3f} nats")

# %% [markdown]
# It starts at ln 3 and stops at the entropy of the text, because no guess without a context can do better. A loss that
# ends above zero doesn't mean that training has failed.

# %% [markdown]
# Back to saturation. A model is sure of the wrong word: the right one is 10 points behind. Two copies of it
# learn by gradient descent at the same rate, one with cross-entropy, the other with the squared error $(1 - p)^2$.

# %% exercise="sure-and-wrong"


# %%
def squared(logits, targets):
    p = yours.softmax(logits)[0, 0]
    return -2 * (1 - p) * p * (1 - p) * np.array([[1.0, -1.0]])


def train(gradient, behind, steps=40):
    """Let two logits learn that the first is right: returns its probability at each step."""
    logits, history = np.array([[0.0, behind]]), []
    for _ in range(steps):
        history.append(yours.softmax(logits)[0, 0])
        logits = logits - gradient(logits, np.array([0]))
    return history


# %%
losses = {"cross-entropy": yours.cross_entropy_backward, "squared error": squared}
curves(
    {f"{name}, {b} behind": train(g, b) for b in (10, 1) for name, g in losses.items()},
    "Does it find the right word?",
    "step",
    "its probability",
)

# %% [markdown]
# From 1 behind both get there, so squared error isn't wrong as such. From 10 behind it hardly moves, and would need
# thousands of steps: its gradient carries the factor $p(1 - p)$, here 0.00005. In cross-entropy the logarithm's $1/p$
# cancels the $p$, and what's left is as large as the error. Attention has no logarithm behind its softmax, so it stays
# exposed.

# %% [markdown]
# ## The same in PyTorch
#
# One question first, because the wrong answer is a bug that trains without any error.

# %% exercise="torch-loss-input"

# %% [markdown]
# ```python
# import torch
# import torch.nn.functional as F
#
# scores = torch.tensor([[3.0, 1.0, 0.0], [1000.0, 1001.0, 0.0]], requires_grad=True)
# shifted = scores - scores.max(dim=-1, keepdim=True).values
# print((shifted.exp() / shifted.exp().sum(dim=-1, keepdim=True)).detach())
#
# loss = F.cross_entropy(scores, torch.tensor([2, -100]))
# loss.backward()
# print(loss.detach(), scores.grad)
# print(torch.full((3,), -torch.inf).softmax(dim=-1))
# ```
#
# ```text
# tensor([[0.8438, 0.1142, 0.0420],
#         [0.2689, 0.7311, 0.0000]])
# tensor(3.1698) tensor([[ 0.8438,  0.1142, -0.9580],
#         [ 0.0000,  0.0000,  0.0000]])
# tensor([nan, nan, nan])
# ```
#
# You'll recognize the 3.17 and the gradient; the second row was ignored. The last line is the corner that PyTorch's
# softmax leaves open.

# %% [markdown]
# ## The interview corner
#
# Say it aloud, type what you said, choose the directions, and only then read our answer. The last two cards are from
# lesson 00.

# %% exercise="why-subtract-the-maximum"

# %% exercise="what-temperature-does"

# %% exercise="why-softmax-at-all"

# %% exercise="row-with-nothing-allowed"

# %% exercise="which-precision"

# %% exercise="log-of-softmax"

# %% again="map-without-labels"

# %% again="no-preference"

# %% [markdown]
# ## Say it in two minutes
#
# "Explain softmax, and what can go wrong with it." Two minutes by the clock, aloud, then compare.

# %% [markdown] folded="One way to say it"
# "Softmax takes e to the power of each score and divides by the sum. Weights are positive and keep the order of the
# scores, and a difference of scores becomes a ratio of weights. A common shift cancels, so we subtract each row's
# maximum: the largest exponential is one and nothing overflows. A factor doesn't cancel; it's a temperature, from a hard
# lookup at the cold end to the plain mean at the hot one. The slope is p times one minus p, so a softmax that's sure
# hardly learns. In a loss the logarithm cancels that, and the gradient is p minus the target. We compute the loss from
# logits, so that no probability rounds to zero. A mask goes in before the softmax, as minus infinity, and a row with
# nothing left is NaN unless somebody decides what it should be."

# %% [markdown]
# ## Roads not taken
#
# Sparsemax (Martins and Astudillo, 2016) and entmax (Peters et al., 2019) can give a key exactly zero. A sigmoid for each
# key gives up the sum of one, so a query may look nowhere (Ramapuram et al., 2024). And since every key keeps a share,
# a fixed lead is worth less and less as the text grows; Veličković et al. (2024) prove it, and propose a temperature that
# adapts.

# %% sources="here"

# %% [markdown]
# ## What the next lesson assumes
#
# That you can turn any row of scores into weights, mask included, and know what happens when the scores grow. Lesson 03
# makes the scores with a small network, lesson 04 with dot products.

# %%
progress()
