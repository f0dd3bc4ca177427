# %% [markdown]
# # Scaled dot-product attention
#
# We put lessons 01 and 02 together; lesson 03 showed other scores, and this is the one that stayed. A query is
# compared with every key by a dot product, softmax turns the scores into weights, and the weights add up the values.
# At the end you have written the one formula of the Transformer, and you can say why there is a square root in it.

# %% [markdown]
# **You need** the weighted sum (lesson 01) and softmax with its mask (lesson 02).
# **You get** `scaled_dot_product_attention`, which every later lesson calls.

# %%
import math

import numpy as np

from attncore import answer, breaks, card, check, hint, progress, reset
from attncore.dot_product import (
    attention_scores,
    attention_weights,
    dot_product_std,
    scaled_dot_product_attention,
)
from attncore.softmax import masked_softmax, softmax
from attncore.views.tables import heat_map, number_map
from attncore.views.widgets.dot_product import scale_picture, weights_picture
from attncore.weighted_sum import weighted_sum
from attncore.words import embed, tokens

# %% [markdown]
# ## Every query against every key
#
# Lesson 01 scored one query. With several, the product is `query @ key.T`: a row for each query, a column for each key.
# Two queries and three keys of width three are small enough to check by hand.

# %%
query = np.array([[1.0, 2.0, 0.0], [0.0, 1.0, -1.0]])
key = np.array([[1.0, 1.0, 0.0], [2.0, -1.0, 3.0], [0.0, 1.0, 1.0]])
query @ key.T

# %% [markdown]
# The second query and the second key: 0 · 2 + 1 · (-1) + (-1) · 3 = -4. The width is gone, since the product has summed
# over it.

# %% [markdown]
# ## Real words as queries and keys
#
# The vectors of lesson 01 again, 384 numbers for each word. Four words ask, six answer, and each finds the one that it
# has most to do with.

# %%
asking, offered = "paris tea woman boat", "rome coffee man river money animal"
scores = embed(asking) @ embed(offered).T
number_map(scores, tokens(asking), tokens(offered), title="Dot products know what belongs together")

# %% [markdown]
# Softmax over each row turns the scores into shares of attention. Dot products of these raw vectors lie close
# together, so we sharpen them with a factor of 4; the section on the scale says more.

# %%
weights = softmax(4 * scores)
heat_map(
    weights,
    tokens(asking),
    tokens(offered),
    title="Each query shares out one unit of attention among the keys",
)

# %% [markdown]
# The last step is the weighted sum of lesson 01. We may give each key any value that we like, here one number: is it a
# place? "paris" finds one because of "rome", "boat" because of "river".

# %%
place = np.array([[1.0], [0.0], [0.0], [1.0], [0.0], [0.0]])
weighted_sum(weights, place).round(2)

# %% [markdown]
# That is retrieval: the key says where to look, the value what is found there. The values may be of any width, and say
# something else than the keys.

# %% exercise="output-shape"

# %% [markdown]
# ## Why there is a square root
#
# A dot product adds up d products. The more of them, the further the sum strays from zero. `dot_product_std`, one of
# the exercises, draws many random pairs, every entry from the standard normal distribution, and measures.

# %%
rng = np.random.default_rng(0)
for d in (4, 64, 512):
    print(f"width {d:>3}: the dot products spread by {dot_product_std(d, 10_000, rng):5.1f}")

# %% [markdown]
# The spread is $\sqrt d$. Each product has mean 0 and variance 1, the variances of independent numbers add, and so the
# sum has variance $d$: a standard deviation of $\sqrt d$. Dividing by it brings every width back to a spread of one.

# %% exercise="score-std"

# %% [markdown]
# What does a wide spread do? It saturates the softmax. With a spread of 23, one or two of eight keys take everything,
# and the rest get nothing. Where $p$ is 0 or 1 the slope $p(1 - p)$ of lesson 02 is 0, and nothing is learned.

# %%
scores = 23 * rng.standard_normal(8)
softmax(scores).round(3), softmax(scores / 23).round(3)

# %% [markdown]
# Move the width, and watch the scores, the largest weight and the gradient, with the scale and without.

# %%
scale_picture()

# %% [markdown]
# So the formula of Vaswani et al. (2017) has three parts: compare and scale, share out, add up.
#
# $$\text{attention}(Q, K, V) = \text{softmax}\left(\frac{Q K^\top}{\sqrt d}\right) V$$

# %%
Q, K, V = rng.standard_normal((3, 4, 8))
by_the_formula = softmax(Q @ K.T / math.sqrt(8)) @ V
np.allclose(by_the_formula, scaled_dot_product_attention(Q, K, V))

# %% [markdown]
# **Dot-product** attention without the scale is Luong's, of 2015. **Scaled** dot-product attention is the Transformer's.
# They are two things, though some texts use one name for both.

# %% [markdown]
# ## The scale is a choice
#
# The rule presumes entries of variance one. Ours are raw rows of an embedding table, with a standard deviation of
# 0.06; the model adds positions, normalises and projects them before it compares. So raw word vectors need a factor,
# and each picture of this course chooses its own. Here is the row of "cat": flat by the rule alone, a hard lookup at
# a scale of 4.

# %%
words = "the cat sat on the mat"
x = embed(words)
print(f"standard deviation of the entries: {x.std():.2f}")
for scale in (None, 2, 4):
    print(f"scale {scale}:", attention_weights(x, x, scale=scale)[1].round(2))

# %% [markdown]
# Read the picture, at a scale of 2, by rows. Both "the" are the same vector, so each gives both the same: nothing here
# knows about position yet. "cat" and "mat" see themselves and hardly anything else.

# %%
heat_map(
    attention_weights(x, x, scale=2),
    tokens(words),
    tokens(words),
    title='Each word finds itself, and "the" finds two',
)

# %% exercise="identical-keys"

# %% [markdown]
# ## Any number of queries
#
# One such attention is also called a **head**; lesson 07 runs several side by side. The numbers of queries and keys
# are free, and so are the leading axes. A batch of two, four queries, seven keys, values of width three:

# %%
query, key, value = (rng.standard_normal((2, n, width)) for n, width in ((4, 8), (7, 8), (7, 3)))
scaled_dot_product_attention(query, key, value).shape

# %% [markdown]
# A query that may see nothing gets zeros; lesson 06 says why.

# %%
mask = np.ones((4, 7), dtype=bool)
mask[1] = False
scaled_dot_product_attention(query, key, value, mask)[0].round(2)

# %% [markdown]
# ## Exercises
#
# Write each function in its cell and run it. `check` compares with the reference on many inputs; `hint` opens the
# next hint.

# %% exercise="attention_scores"

# %% exercise="attention_weights"

# %% exercise="scaled_dot_product_attention"

# %% [markdown]
# This picture asks your own function. Until it is right, the rows may tell you what is wrong with it.

# %%
weights_picture(attention_weights)

# %% exercise="dot_product_std"

# %% exercise="fix_attention"

# %% exercise="fix_distance_penalty"

# %% exercise="fix_retrieval"

# %% exercise="score-flops"

# %% exercise="score-bytes"

# %% [markdown]
# Count both products of a layer whose $n$ queries meet $n$ keys. Each of the $n^2$ scores takes $d$ multiplications and
# $d$ additions, $2 n^2 d$ in all. The sum of the values takes as many again, where they are as wide: together $4 n^2
# d$.

# %% [markdown]
# ## Roads not taken
#
# Cosine similarity would bound the scores, at the price of a temperature to learn; some recent models normalise queries
# and keys for just that stability (QK-norm; Henry et al., 2020). Additive scores (lesson 03) need no scale, and cost a
# small network for every pair. Dividing by $d$ itself is right if queries and keys become aligned as they learn, and is
# what µP recommends (Yang et al., 2022).

# %% [markdown]
# ## Say it in two minutes
#
# Attention compares each query with all keys by a dot product, divides by $\sqrt d$ so that the spread does not depend
# on the width, turns each row into weights by softmax over the keys, and adds up the values with them. The output has
# one row for each query, as wide as the values. With $n$ queries and keys it takes $4 n^2 d$ floating-point operations,
# a multiplication and an addition counted as two: half for the scores, half for the sum.

# %% [markdown]
# ## The interview corner
#
# Say your answer aloud before you open the model answer; then tick what you said.

# %% exercise="why-scale"

# %% exercise="dot-or-scaled"

# %% exercise="dot-or-additive"

# %% exercise="what-the-softmax-axis-means"

# %% exercise="exploding-scores"

# %% [markdown]
# ## What the next lesson assumes
#
# That you can write `scaled_dot_product_attention` from memory, with its mask, and say what each axis means. There,
# query, key and value all come from one text.

# %%
progress()
