# %% [markdown]
# # Multi-head attention
#
# One softmax gives each word one mixture. Here we run several attentions side by side, each in its own slice of the
# width, and mix what they bring. At the end you have written multi-head attention with its masks, and you can say what
# the heads cost, what they bought, and how many of them can go.

# %% [markdown]
# **You need** scaled dot-product attention (lesson 04), self-attention (05) and masks (06).
# **You get** `multi_head_attention`, the layer that every Transformer in this course is built from.

# %%
import math

import numpy as np

from attncore import answer, breaks, card, check, hint, progress, reset
from attncore.dot_product import attention_scores, attention_weights, scaled_dot_product_attention
from attncore.heads import (
    HeadWeights,
    head_importance,
    merge_heads,
    mha_parameter_count,
    multi_head_attention,
    split_heads,
)
from attncore.masks import padding_mask
from attncore.self_attention import self_attention
from attncore.softmax import masked_softmax, softmax
from attncore.views.style import beside
from attncore.views.tables import heat_map
from attncore.views.widgets.heads import split_picture
from attncore.weighted_sum import weighted_sum
from attncore.words import embed, tokens

# %% [markdown]
# ## Two places, for two reasons
#
# In "the cat sat on the mat", the word "sat" has two questions: who sat, and on what? Give "cat" the value (1, 0) and
# "mat" the value (0, 1). One softmax can look at both only by sharing.

# %%
cat, mat = [1.0, 0.0], [0.0, 1.0]
weighted_sum(np.array([[0.5, 0.5]]), np.array([cat, mat]))

# %% [markdown]
# Half a cat, half a mat. Let the two words change places, and the mixture is the same: it says that both were there,
# and not which of them sat.

# %%
weighted_sum(np.array([[0.5, 0.5]]), np.array([mat, cat]))

# %% [markdown]
# Two heads are two softmaxes. The first asks who and looks at "cat", the second asks where and looks at "mat". What
# they bring is laid side by side, and now the places tell the roles apart.

# %%
who, where = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])
found = weighted_sum(np.array([who, where]), np.array([cat, mat]))
np.concatenate(found, axis=-1)

# %% [markdown]
# Two full-size attentions would cost twice as much. Vaswani et al. (2017) make each head narrower instead: h heads
# share the model width m, so that a head is m/h wide, and the heads become one more leading axis.

# %% exercise="split-shape"

# %% [markdown]
# ## The split: a reshape and a transpose
#
# Three tokens, model width four, two heads. The numbers run from 0 to 11, so that we can see where each one goes.

# %%
x = np.arange(12).reshape(3, 4)
x

# %% [markdown]
# The reshape to (n, h, w) moves nothing: it cuts each token's row in two. The transpose then brings the heads to the
# front, so that each head has a matrix (n, w) of its own.

# %%
x.reshape(3, 2, 2).transpose(1, 0, 2)

# %% [markdown]
# Head 0 has the first half of every token, head 1 the second half. The tempting shortcut reshapes straight to (h, n,
# w). The shape is right. Read its first block: it holds both halves of token 0, then half of token 1.

# %%
x.reshape(2, 3, 2)

# %% [markdown]
# No error will ever tell. The same story with a label on every number: t0 h1 w0 is token 0, head 1, place 0. Move the
# slider through the three steps, and compare the transpose with the reshape alone.

# %%
split_picture()

# %% [markdown]
# ## The merge undoes the split
#
# The way back is the same two steps in reverse: transpose, then reshape. Merging what was split gives back the input.

# %%
np.array_equal(merge_heads(split_heads(x, 2)), x)

# %% [markdown]
# So code that splits, merges and never attends returns its input, in the right shape and without an error, like the
# answers of lesson 05 that return their input. `check` does not accept it.

# %% [markdown]
# ## Twelve heads on real words
#
# Now cut the word vectors of lesson 01 into 12 heads of width 32, with no projection at all. The dot product of two
# whole words is the sum of the twelve dot products of their slices: the heads share out one comparison.

# %%
words = "the cat sat on the mat"
heads = split_heads(embed(words), 12)
per_head = attention_scores(heads, heads, scale=1)
per_head.shape, np.allclose(per_head.sum(axis=0), embed(words) @ embed(words).T)

# %% [markdown]
# One softmax over the sum is one opinion. Twelve softmaxes are twelve. We hide each word from itself and, since a slice
# has a twelfth of the width, sharpen more than before. Here are two of the heads.

# %%
others = ~np.eye(6, dtype=bool)
maps = attention_weights(heads, heads, others, scale=16)
beside(
    heat_map(maps[1], tokens(words), tokens(words), title='Head 1: "cat" looks most at "sat"'),
    heat_map(maps[10], tokens(words), tokens(words), title='Head 10: "cat" looks most at "mat"'),
)

# %% [markdown]
# Where does "cat" look most, head by head? We take the largest weight of its row in all twelve, and print the word.

# %%
nearest = maps[:, 1].argmax(axis=-1)
print(*(tokens(words)[i] for i in nearest))

# %% [markdown]
# Four votes for "sat", four for "mat", three for "the", one for "on". Some are won by a hair: head 0 gives its winner
# 0.21, where an even share is 0.20.

# %%
maps[[0, 1, 10], 1].round(2)

# %% [markdown]
# Let us be honest: these slices were not trained as heads. They are runs of neighbouring coordinates, and rotating the
# space would give twelve others. They show that narrow comparisons disagree, not what heads learn. Lesson 20 shows
# trained ones.

# %% [markdown]
# ## Every head reads the whole token
#
# In a real layer the split comes **after** the projection. Head 0 owns the first columns of W_query, and each of
# those columns reads all of x. The subspace of a head is learned; it is not a slice of the embedding. `HeadWeights`
# holds the four matrices of a layer, W_query, W_key, W_value and W_output, each (m, m).

# %%
rng = np.random.default_rng(0)
x = rng.standard_normal((6, 8))
weights = HeadWeights(*rng.standard_normal((4, 8, 8)) / np.sqrt(8))
np.allclose(split_heads(x @ weights.W_query, 4)[0], x @ weights.W_query[:, :2])

# %% [markdown]
# Each head then runs the attention of lesson 04, with the scale of its own width, here $\sqrt 2$ and not $\sqrt 8$. The
# scores are dot products of width two.
#
# $$\text{head}_i = \text{attention}(X W^Q_i,\; X W^K_i,\; X W^V_i)$$
#
# The paper writes $Q$, $K$ and $V$ for the three inputs; in self-attention all three are $X$.


# %%
def attend_in_heads(x):
    query, key, value = (split_heads(x @ W, 4) for W in weights[:3])
    return scaled_dot_product_attention(query, key, value)


attend_in_heads(x).shape

# %% [markdown]
# Merge the heads, project once more by W_output, and the layer of Vaswani et al. is complete.
#
# $$\text{multi-head}(X) = [\text{head}_1 \dots \text{head}_h]\, W^O$$

# %%
by_the_formula = merge_heads(attend_in_heads(x)) @ weights.W_output
np.allclose(by_the_formula, multi_head_attention(x, x, x, weights, n_heads=4))

# %% [markdown]
# A single head as wide as the model is nothing new. It is the self-attention of lesson 05, times W_output.

# %%
one_head = multi_head_attention(x, x, x, weights, n_heads=1)
np.allclose(one_head, self_attention(x, *weights[:3]) @ weights.W_output)

# %% [markdown]
# ## What W_output does
#
# Side by side, head 0 could write only to the first places of the output. W_output lets every head write to all of
# them. Its first rows belong to head 0, the next to head 1. So cut it by rows, and multiply head by head.

# %%
rows = weights.W_output.reshape(4, 2, 8)
contributions = attend_in_heads(x) @ rows
contributions.shape

# %% [markdown]
# Each head gives a full-width contribution for every token, and the layer is their sum. Concatenate and project, or
# project and add: the same thing.
#
# $$[\text{head}_1 \dots \text{head}_h]\, W^O = \sum_i \text{head}_i\, W^O_i$$

# %%
np.allclose(contributions.sum(axis=0), by_the_formula)

# %% [markdown]
# That is worth a pause. Multi-head attention is a **sum over heads**. Nothing mixes the heads but this addition, which
# is why a head can be taken out by dropping one term. Elhage et al. (2021) build their reading of Transformers on it.

# %% [markdown]
# ## What more heads cost
#
# A layer that is 512 wide goes from 8 heads to 16. Each head has its own projections, and still nothing is added: the
# heads are half as wide. Each of the four projections is m by m, however its columns are dealt out. With biases that
# makes $4 m^2 + 4 m$, and h is not in it.

# %%
[mha_parameter_count(512, n_heads) for n_heads in (1, 8, 16)]

# %% [markdown]
# What shrinks is the width of a head, and with it what a head can express. Its scores are a product of (n, w) and (w,
# n), and such a product has rank w at most. Six tokens, one head of width eight, then four of width two:


# %%
def score_ranks(n_heads):
    query, key = (split_heads(x @ W, n_heads) for W in weights[:2])
    return np.linalg.matrix_rank(attention_scores(query, key))


score_ranks(1), score_ranks(4)

# %% [markdown]
# The softmax lifts the rank again, since it is not linear, but the patterns it can make start from those few
# dimensions. Bhojanapalli et al. (2020) call it the low-rank bottleneck.

# %%
query, key = (split_heads(x @ W, 4) for W in weights[:2])
np.linalg.matrix_rank(softmax(attention_scores(query, key)))

# %% [markdown]
# Most published models keep heads of 64 to 128 and take more of them as they grow:
#
# | model | model width | heads | head width |
# |---|---|---|---|
# | BERT-base (Devlin et al., 2018) | 768 | 12 | 64 |
# | GPT-2 small, 124,439,808 parameters (Radford et al., 2019) | 768 | 12 | 64 |
# | Llama 3 8B (Grattafiori et al., 2024) | 4,096 | 32 | 128 |
#
# Llama's 32 are query heads; its keys and values have fewer (lesson 13).

# %% [markdown]
# That h times w equals m is a habit, not a law. T5-11B has 128 heads of 128 at model width 1,024 (Raffel et al., 2019).
# There, more heads **are** more parameters.

# %% exercise="more-heads"

# %% [markdown]
# ## Masks with heads
#
# Two texts of six tokens; the second has three, then padding. The scores are (batch, h, q, k), and the mask is (batch,
# q, k): it knows no heads.

# %%
texts = np.stack([embed("the cat sat on the mat"), embed("the dog slept the the the")])
mask = padding_mask([6, 3], 6)
heads = split_heads(texts, 12)
mask.shape, attention_scores(heads, heads).shape

# %% [markdown]
# Broadcasting lines shapes up from the right, so the mask's batch of 2 would meet the 12 heads: an error. With as many
# texts as heads there is no error, and text i's mask falls on head i. The heads need an axis of their own.

# %%
mask[:, None].shape

# %% [markdown]
# `multi_head_attention` puts it in. To see that it works, we write other words into the padding: what "the dog slept"
# gets must not change.

# %%
same = HeadWeights(*[np.eye(384)] * 4)
before = multi_head_attention(texts, texts, texts, same, 12, mask)
texts[1, 3:] = embed("bank river money")
after = multi_head_attention(texts, texts, texts, same, 12, mask)
np.array_equal(before[1, :3], after[1, :3])

# %% [markdown]
# ## Leave a head out
#
# How much does a head matter? Leave it out and see what changes. We give the layer a switch for each head: `keep` holds
# a 1 or a 0.


# %%
def layer(x, keep):
    kept = attend_in_heads(x) * keep[:, None, None]
    return merge_heads(kept) @ weights.W_output


head_importance(layer, x, 4).round(2)

# %% [markdown]
# In one layer these are the largest entries of the contributions, just as the sum over heads promises: what is left out
# is one term.

# %%
np.abs(contributions).max(axis=(1, 2)).round(2)

# %% [markdown]
# Through several layers it is no longer a plain sum, and one head may stand in for another. Take two heads that bring
# the same, and a later step that keeps the larger. Each alone looks useless.


# %%
def either(x, keep):
    return np.maximum(keep[0] * x, keep[1] * x)


two = np.array([[1.0, 2.0]])
head_importance(either, two, 2), either(two, np.zeros(2))

# %% [markdown]
# Without both, nothing is left. An importance of zero says that the others suffice, not that the head does nothing;
# and of two heads that can be spared one at a time, perhaps only one can go.

# %% [markdown]
# In a trained translation model, 8 of 96 encoder heads changed BLEU, a score of translations from 0 to 100,
# significantly when removed one at a time, and half of those 8 raised it; up to 20% of that model's heads and 40% of
# BERT's could be pruned together (Michel et al., 2019). Yet one encoder-decoder layer, cut down to its best head,
# lost 13.56 BLEU.

# %% [markdown]
# Voita et al. (2019) learn which heads to close. 38 of 48 encoder heads go at a cost of 0.15 BLEU. The last to go have
# jobs one can name: a neighbouring position, a syntactic relation, a rare word. Nothing in the formula makes heads
# specialise; some do.

# %% [markdown]
# So what did many heads buy? Vaswani et al. (2017) kept the computation constant and translated with 1, 4, 8, 16 and
# 32 heads: 24.9, 25.5, 25.8, 25.8 and 25.4 BLEU. One head costs 0.9, and too many cost as well. Many heads seem to
# matter more in training than after it.

# %% [markdown]
# ## Weights dropped in training
#
# In training a layer may set some weights to zero at random, after the softmax, and divide the others by $1 - p$: each
# weight keeps its mean, and a row need not sum to one. BERT does so with $p = 0.1$. At inference nothing is dropped,
# and many large models train without it.

# %%
row = np.array([0.4, 0.3, 0.2, 0.1])
dropped = np.where(rng.random((100_000, 4)) < 0.1, 0, row / (1 - 0.1))
dropped[:4].sum(axis=-1).round(2), dropped.mean(axis=0).round(2)

# %% [markdown]
# ## Exercises
#
# Write each function in its cell and run it. `check` compares with the reference on many inputs; `hint` opens the
# next hint.

# %% exercise="split_heads"

# %% [markdown]
# The last step of this picture is what your own function makes of the tiny tensor. Until it is right, the labels tell
# where the numbers went.

# %%
split_picture(split_heads)

# %% exercise="merge_heads"

# %% exercise="multi_head_attention"

# %% exercise="mha_parameter_count"

# %% exercise="head_importance"

# %% exercise="fix_fused_attention"

# %% exercise="fix_padded_texts"

# %% exercise="head-width"

# %% exercise="bert-attention-parameters"

# %% exercise="mha-share-of-gpt2"

# %% [markdown]
# ## Roads not taken
#
# Talking-heads attention lets the heads mix their scores before and after the softmax (Shazeer et al., 2020). Heads may
# share their key and query projections and be told apart by a learned weighting (Cordonnier et al., 2020). Or they may
# share keys and values, which saves memory where it hurts most: we take that road in lesson 13.

# %% [markdown]
# ## Say it in two minutes
#
# Multi-head attention projects query, key and value, cuts each into h slices of width m/h, runs scaled dot-product
# attention in every slice with a softmax of its own, lays the results side by side and projects them by W_output. It is
# a sum over heads, each writing through its own rows of W_output. It has $4 m^2 + 4 m$ parameters, whatever h is. More
# heads mean more patterns for each token, every one from a narrower comparison. After training, many heads can be
# removed.

# %% [markdown]
# ## The interview corner
#
# Say your answer aloud before you open the model answer; then tick what you said.

# %% exercise="why-many-heads"

# %% exercise="what-w-output-does"

# %% exercise="prune-heads"

# %% exercise="head-width-trade-off"

# %% exercise="attention-dropout"

# %% exercise="fused-projections"

# %% [markdown]
# ## What the next lesson assumes
#
# That you can write `multi_head_attention` from memory and name the shape after each line. You may have noticed that no
# head knows where a word stands: both "the" still get the same output. There, we tell them.

# %%
progress()
