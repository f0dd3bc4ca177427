# %% [markdown]
# # Masks: who may look at whom
#
# A query has three keys, and its weights for them are 0.6, 0.3 and 0.1. It must not see the first one. So you set that
# weight to zero. What do the others sum to, and is that all right?

# %%
import numpy as np

from attncore import answer, breaks, card, check, hint, progress, reset, yours
from attncore.views.style import beside
from attncore.views.tables import heat_map, mask_map

# %% exercise="what-is-left"

# %% [markdown]
# ## A hidden key gets minus infinity
#
# The mask has to act *before* the weights are handed out. Minus infinity is the one score whose exponential is exactly
# zero, so that's what goes into the scores:
#
# $$\text{weights} = \text{softmax}(S + M), \qquad M_{ij} = 0 \text{ if } i \text{ may attend to } j, \text{ else } -\infty$$

# %%
scores = np.log([[6.0, 3.0, 1.0]])
M = np.array([[-np.inf, 0.0, 0.0]])
heat_map(
    [yours.softmax(scores)[0], yours.softmax(scores + M)[0]],
    ["no mask", "masked"],
    range(3),
    "Where does 0.6 go?",
)

# %% [markdown]
# Couldn't you mask the weights and divide them by their new sum? On paper it's the same. Try it on scores where one is
# far ahead.

# %% exercise="mask-after-softmax"

# %% [markdown]
# Masked first, the hidden score has no say. That's where Vaswani et al. (2017) put the mask, and every mask in this
# lesson goes there. What remains is to write them.

# %% [markdown]
# ## Causal: nobody sees the future
#
# A language model predicts the next token. In training it answers for all positions of a text at once, row $i$ for
# token $i + 1$. So row $i$ may see the tokens up to $i$, itself included: its own token is the latest clue, not the
# answer.
#
# In generation the keys of earlier tokens are kept in a cache, and only the new tokens bring queries. Before you write the
# mask, think about that case.

# %% exercise="visible-keys"

# %% exercise="causal_mask"

# %%
whole, late = list("abcde"), list("de")
beside(
    mask_map(yours.causal_mask(5), whole, whole, "Five queries, five keys"),
    mask_map(yours.causal_mask(2, 5), late, whole, "Two new queries, five keys"),
)

# %% exercise="causal-count"

# %% [markdown]
# ## The queries are the last positions
#
# The second picture is the last two rows of the first. That's the test: a chunk with a cache must give the last rows of
# the full pass. The other alignment, `np.tri(2, 5)`, runs without an error. How far off is it?

# %%
rng = np.random.default_rng(0)
x = rng.standard_normal((5, 8))
full = yours.scaled_dot_product_attention(x, x, x, yours.causal_mask(5))[-2:]
masks = {"bottom-right": yours.causal_mask(2, 5), "top-left": np.tri(2, 5, dtype=bool)}
{
    name: round(float(np.abs(yours.scaled_dot_product_attention(x[-2:], x, x, m) - full).max()), 3)
    for name, m in masks.items()
}

# %% [markdown]
# With as many queries as keys the two are the same, so libraries could disagree unnoticed: PyTorch's `is_causal=True`
# is top-left, and FlashAttention has been bottom-right since version 2.1. Watch the mask grow, and the cache fill
# beside it.

# %%
from attncore.views.explorables.generation import generation

generation()

# %% exercise="fix_new_tokens"

# %% [markdown]
# ## Padding: nobody sees what is not there
#
# Sequences in a batch differ in length, so the short ones are padded. A key of zeros isn't harmless: its score is 0, a
# score like any other. All queries of a sequence see the same keys, so one row is enough.

# %% exercise="masked-shape"

# %% exercise="padding_mask"

# %% [markdown]
# What should a padding mask achieve? A sequence must get the same outputs in a batch as it does alone. That's the test
# to write.

# %%
batch = np.zeros((2, 5, 8))
batch[0, :3], batch[1] = x[:3], x
alone = yours.scaled_dot_product_attention(x[:3], x[:3], x[:3])
for name, mask in (("padding masked", yours.padding_mask([3, 5], 5)), ("no mask", None)):
    padded = yours.scaled_dot_product_attention(batch, batch, batch, mask)[0, :3]
    print(f"{name}: differs from alone by {np.abs(padded - alone).max():.2g}")

# %% exercise="fix_prompt_batch"

# %% [markdown]
# ## Masks combine, and broadcast
#
# A decoder needs both: a key is visible where all masks say so. The causal mask is the same for every sequence, the
# padding the same for every query, and broadcasting turns (q, k) and (b, 1, k) into (b, q, k).

# %% exercise="combine_masks"

# %%
yours.combine_masks(yours.causal_mask(5), yours.padding_mask([3, 5], 5)).shape

# %% [markdown]
# Scores with heads have one more axis, (b, h, q, k). Shapes are matched from the right, so the mask needs an axis of
# length one there: without it the padding mask's batch axis meets the heads. Lesson 07 shows what that looks like.

# %% [markdown]
# ## Packed documents
#
# Padding wastes work. Instead, several documents can share one row, end to end (Krell et al., 2021). What mask do they need?

# %% exercise="document_mask"

# %%
packed = ["the", "dog", "slept", "she", "ran", "off"]
mask_map(yours.document_mask(np.array([0, 0, 0, 1, 1, 1])), packed, packed, "Who sees whom?")

# %% [markdown]
# Positions matter too. With learned or sinusoidal ones, counting has to start again with each document. With rotary
# positions or a linear bias it doesn't, since only distances count there (lesson 08).

# %% [markdown]
# ## Prefix: the question is known
#
# A question is given whole, and only its answer is generated. So the words of the question may look ahead among
# themselves: nobody is asked to predict them. Raffel et al. (2019) call this mask "causal with prefix".

# %% exercise="prefix_mask"

# %%
dialogue = ["did", "she", "eat", "bread", "she", "did", "not"]
mask_map(yours.prefix_mask(7, 4), dialogue, dialogue, "Where does the answer begin?")

# %% exercise="fix_answering"

# %% [markdown]
# ## A row with nothing allowed
#
# Put the padding in front, as you do to generate for a batch, and combine it with the causal mask. The rows of the padding
# may see nothing: before them is padding, after them is the future. What will softmax make of such a row?

# %% exercise="empty-row"

# %%
with np.errstate(invalid="ignore"):
    shifted = np.full(4, -np.inf) - -np.inf
{
    "minus infinity": shifted,
    "-1e9": yours.softmax(np.full(4, -1e9)),
    "this course": yours.softmax(np.full(4, -np.inf)),
}

# %% [markdown]
# The course gives zeros, and so does PyTorch's `scaled_dot_product_attention` since version 2.5; its plain `softmax`
# still gives NaN. It matters even if nobody reads that row: in the next layer it's a value, and a weight of zero
# doesn't hide a NaN, because zero times NaN is NaN.

# %% [markdown]
# ## Minus infinity, or only very large
#
# A lot of code uses -1e9 to get rid of the NaN. In float16, whose largest number is 65,504, that's minus infinity again. And
# if it's *added* to the scores, what an empty row gives depends on the precision:

# %%
scores = np.log([6.0, 3.0, 1.0])
{
    str(kind): yours.softmax((scores - 1e9).astype(kind)).round(2)
    for kind in (np.dtype("f8"), np.dtype("f4"))
}

# %% [markdown]
# In float64 the scores survive, the shift cancels, and the row looks as if there were no mask. In float32 neighboring
# numbers near 1e9 lie 64 apart; the scores are gone, and you get the mean of everything that had to stay hidden.

# %% exercise="mask-bytes"

# %% [markdown]
# ## A leak, and how to catch it
#
# A leak is any path from a later token to an earlier output. You can catch one by experiment: change a later token, and
# see whether an earlier output moves.

# %% exercise="leaks_future"

# %% [markdown]
# It tests a layer, not a mask, because other things leak as well. Which of these four do you expect to leak?

# %%
layers = {
    "causal": lambda x: yours.scaled_dot_product_attention(x, x, x, yours.causal_mask(len(x))),
    "masked after the softmax": lambda x: (
        yours.attention_weights(x, x) * yours.causal_mask(len(x)) @ x
    ),
    "mean subtracted": lambda x: x - x.mean(axis=0),
    "tanh": np.tanh,
}
{
    name: "leaks" if yours.leaks_future(layer, x) else "doesn't leak"
    for name, layer in layers.items()
}

# %% [markdown]
# If you mask after the softmax, all forbidden weights are zero, and yet it leaks: each hidden score is still in the
# denominator of its row.
#
# Paint a mask of your own below. Start from "causal", allow one square above the diagonal, and change the word of its
# column.

# %%
from attncore.views.widgets.masks import mask_picture

mask_picture(yours.scaled_dot_product_attention, yours.causal_mask)

# %% [markdown]
# ## Why a leak is so tempting
#
# Two models learn to continue texts that repeat after a while. One has your causal mask; the other's mask reaches one
# token too far. The loss counts only tokens that can be known, those of the repetition.

# %% exercise="leak-in-training"

# %%
from attncore.experiments.masks import mask_experiment
from attncore.views.plots import loss_curves

runs = mask_experiment(mask=yours.causal_mask, steps=150)
loss_curves(runs.losses, "Which one would you ship after 75 steps?")

# %%
{
    "foretold": runs.foretold,
    "written": {name: round(share, 2) for name, share in runs.written.items()},
}

# %% [markdown]
# The leaky model is done in 30 steps: nearly all that's left of its loss is the last position, which has no next token
# to copy. That's why the causal one passes it in the end. In generation *every* position is the last one: "written" is
# the share of tokens that a model gets right one by one, where they can be known. "Foretold" is the share that it gets
# right where they can't, because nothing has been repeated yet. The leaky model gets all of those, in validation too,
# and that's the sign to look for.

# %% [markdown]
# ## True means yes, or no
#
# Libraries disagree about what a boolean mask means. For a square mask the wrong convention raises no error at all.
#
# | where | True means |
# |---|---|
# | this course, JAX, PyTorch's `scaled_dot_product_attention` | may attend |
# | PyTorch's `nn.MultiheadAttention`: `attn_mask` and `key_padding_mask` | hidden |
#
# Hugging Face tokenizers return an `attention_mask` of integers: 1 is a token, 0 is padding.

# %% [markdown]
# ## The same in PyTorch
#
# ```python
# import torch
# import torch.nn.functional as F
# from torch import nn
#
# x, one = torch.randn(1, 4, 8), torch.randn(1, 1, 8)
# causal = torch.ones(4, 4, dtype=torch.bool).tril()
# F.scaled_dot_product_attention(x, x, x, attn_mask=causal)  # True: may attend
#
# layer = nn.MultiheadAttention(8, 2, batch_first=True)
# output, weights = layer(x, x, x, attn_mask=~causal)  # True: hidden
# print(weights[0, 0].tolist())
#
# first = F.scaled_dot_product_attention(one, x, x, is_causal=True)  # top-left
# print(first.equal(x[:, :1]))
# ```
#
# ```text
# [1.0, 0.0, 0.0, 0.0]
# True
# ```

# %% exercise="torch-one-query"

# %% [markdown]
# ## The interview corner
#
# Say it, type it, choose, and then read. The last two cards are from lesson 04.

# %% exercise="mask-scores-not-weights"

# %% exercise="how-to-test-for-leaks"

# %% exercise="two-boolean-conventions"

# %% exercise="finite-or-infinite"

# %% exercise="left-or-right-padding"

# %% again="why-scale"

# %% again="what-the-softmax-axis-means"

# %% [markdown]
# ## Say it in two minutes
#
# "Which masks does a Transformer need, and how do you know that yours are right?" Two minutes, aloud. Then compare.

# %% [markdown] folded="One way to say it"
# "A mask says which keys a query may see. It goes into the scores as minus infinity, before the softmax, so a hidden
# key gets a weight of exactly zero and the rest still sums to one. Causal hides what comes later, and with a cache the
# queries are the last positions. Padding hides keys that aren't there; of several masks, all must allow a key. A row
# with nothing allowed gives NaN, a mean or zeros, so I decide which. I test for leaks by changing a later token and
# watching the earlier outputs, I compare a sequence in a batch with the same one alone, and I look up what True means
# before I pass a mask to a library."

# %% [markdown]
# ## Roads not taken
#
# A mask needn't be an array. A fused kernel works it out from two positions and skips the blocks that are wholly hidden,
# which is where causal attention saves half its work; a mask on finished scores saves none (lesson 14). PyTorch's
# FlexAttention compiles such a kernel from a function of two positions (Dong et al., 2024). And a float mask needn't be all
# or nothing: a linear bias lowers scores with distance (lesson 08).

# %% sources="here"

# %% [markdown]
# ## What the next lesson assumes
#
# That you know the shapes (q, k) and (b, 1, k), and where an axis for heads would go. In lesson 07 several attentions run
# side by side, under one mask.

# %%
progress()
