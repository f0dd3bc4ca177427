# %% [markdown]
# # Sparse attention: reading only some keys
#
# A query meets every key in the text, and then softmax gives most of them next to nothing. Do we have to read those at
# all? Guess how many keys matter.

# %%
import numpy as np

from attncore import answer, breaks, card, check, hint, progress, reset, yours
from attncore.dot_product import scaled_dot_product_attention
from attncore.masks import causal_mask, combine_masks
from attncore.softmax import masked_softmax, softmax
from attncore.views.plots import curves

# %% exercise="keys-that-matter"

# %% [markdown]
# ## Attend to the best few
#
# So suppose somebody hands us an **index**: a number for each query and key that says how promising the key is. We keep
# the $k$ best keys of each query and do plain attention over those. First on paper.

# %% exercise="selected-by-hand"

# %% exercise="top_k_attention"

# %% [markdown]
# Here are 64 keys, one of which is the needle, and two queries. The first asks for the needle, the second for nothing
# in particular. We cheat and use the scores themselves as the index. How many keys does each query need?

# %%
rng = np.random.default_rng(17)
key, value = rng.standard_normal((2, 64, 16))
query = np.stack([3 * key[41], 0.3 * rng.standard_normal(16)])
full = yours.scaled_dot_product_attention(query, key, value)


def gaps(n_keep):
    output = yours.top_k_attention(query, key, value, query @ key.T, n_keep)
    return np.abs(output - full).max(axis=-1)


# %%
kept = np.arange(1, 65)
sharp, vague = np.transpose([gaps(n_keep) for n_keep in kept])
curves(
    {"asks for the needle": sharp, "asks for nothing": vague},
    "How wrong is the output?",
    "keys kept",
    "largest difference",
    kept,
)

# %%
for n_keep in (64, 32, 4):
    print(f"{n_keep:>2} kept: off by {gaps(n_keep)[0]:.3f} and {gaps(n_keep)[1]:.3f}")

# %% [markdown]
# Keep everything and it's full attention, to the last digit. Keep half and a sharp query hardly notices; with four keys of 64
# it's off by a tenth. A query that wants an average over the whole text is off by more than four times as much, even with the
# best possible index. Selection isn't free for every head; it's a bet that the weights are concentrated.

# %% [markdown]
# After a gather, a key's place in the selection isn't its place in the text any more. Here's what that does to a model with
# a linear bias (lesson 08).

# %% exercise="fix_selected_distance"

# %% [markdown]
# ## A cheap score to choose by
#
# Using the scores as the index was cheating: once you have the scores, you've done the work. We need something cheaper
# that puts the keys in about the same order. DeepSeek-V3.2 (2025) has a small module for that, the **lightning
# indexer**:
#
# $$I_{ts} = \sum_j w_{tj}\; \text{ReLU}(q_{tj} \cdot k_s)$$
#
# The heads $j$ have queries and weights of their own, and share one small key.

# %% exercise="index-by-hand"

# %% exercise="lightning_index"

# %% [markdown] folded="Why ReLU, and not a softmax?"
# The index only ranks, so nothing needs to sum to one, and a softmax in each head would take a pass over all keys just
# for its sum. The report gives throughput as the reason for ReLU. What's left is a product, a cutoff at zero and a sum,
# which can be done in eight bits.

# %% [markdown]
# Let's try one on our needle, with four heads of width 4, drawn at random. How many of the 64 keys rank above the
# needle?

# %%
W_query, W_key = rng.standard_normal((4, 16, 4)), rng.standard_normal((16, 4))
index = yours.lightning_index(query[:1] @ W_query, key @ W_key, np.ones((1, 4)))
int((index > index[0, 41]).sum())

# %% [markdown]
# It doesn't know what the head is looking for, so it's no better than chance. It'll have to learn, and we'll come to
# that. First a detail, and then what it costs.

# %% exercise="zeros-in-the-index"

# %% [markdown]
# A ReLU makes ties, and many libraries, `torch.topk` among them, don't say which of the tied keys they keep. Now the
# cost, at the published sizes: 128 heads of latent attention, and an indexer of 64 heads of width 128 that selects
# 2,048 keys.

# %% exercise="indexer-flops"

# %% exercise="indexer-break-even"

# %%
attending, looking = 2 * 128 * (576 + 512), 2 * 64 * 128
tokens = 2.0 ** np.arange(11, 21)
dense, indexer = attending * tokens, looking * tokens
selected = np.full(10, attending * 2048.0)

# %%
costs = {"all keys": dense, "indexer": indexer, "selected keys": selected}
curves(costs, "One token in one layer: what grows?", "tokens", "FLOPs", tokens, log="xy")

# %%
for n, gain in zip(tokens, dense / (indexer + selected), strict=True):
    print(f"{n:>9,.0f} tokens: {gain:4.1f} times fewer")

# %% [markdown]
# Look at the two lines that rise. The indexer still meets every key, so over a whole text it's **still quadratic**; it's
# just 17 times cheaper for each pair. Beyond some 35,000 tokens it costs more than the attention that it serves.

# %% [markdown]
# ## What gets smaller, and what doesn't

# %% exercise="what-shrinks"

# %% exercise="read-with-an-indexer"

# %% [markdown]
# Three things can be saved, and interviewers like to see them kept apart: FLOPs, the bytes that a step reads, and the
# bytes that are kept. An indexer saves the first two. The third grows: each token keeps 128 more bytes, one for each
# number of the indexer's key (and a scale), on top of the 1,152 of its latent.

# %% [markdown]
# ## Whole blocks at a time
#
# GPUs don't like to fetch 2,048 single keys from all over the memory. They like runs of neighbors. So cut the text into
# blocks, describe each block by one vector, and select whole blocks.

# %% exercise="compressed-shape"

# %% exercise="mean_blocks"

# %% exercise="block_mask"

# %% [markdown]
# MoBA (Lu et al., 2025) works like this: the mean of a block's keys meets the query, the best blocks are read, and each
# token's own block is read in any case. Below are our 64 keys in blocks of four, and each scheme may read 16 of them.
# The needle is key 41; does it get in?

# %%
from attncore.sparse import best

means = yours.mean_blocks(key, 4)
by_block = yours.block_mask(query[:1] @ means.T, 4, 64, 4)
by_key = best(query[:1] @ key.T, 16)
print(f"by block: {np.flatnonzero(by_block)}, by key: {np.flatnonzero(by_key)}")

# %% [markdown]
# With one strong needle that's luck as much as merit, so try others. Below are 32 keys, and each scheme reads four.
# Drag the needle, make it weaker, and find a place where the choice of blocks misses it. Then let its neighbors be
# about it, too.

# %%
from attncore.views.explorables.needle import needle

needle()

# %% exercise="needle-in-a-mean"

# %% exercise="fix_block_attention"

# %% [markdown]
# ## Who finds the needle?
#
# Now a real comparison. A finished head is sure of its needle among 512 keys. We bolt a selection onto it, with 32 keys
# to read, and leave the head as it is. Before you run it, two predictions.

# %% exercise="found-by-chance"

# %% exercise="who-finds-it"

# %%
from attncore.experiments.sparse import needle_experiment
from attncore.views.style import beside
from attncore.views.tables import bars

runs = needle_experiment()
beside(*(bars(list(f.values()), list(f), f"{kind}: read") for kind, f in runs.found.items()))

# %% [markdown]
# "Scattered" means that neighbors have nothing in common, "by topic" that half of each token is its block's topic. There
# are two controls, the last 32 keys and the untrained indexer, and both do no better than chance.

# %% [markdown] folded="So are means no good?"
# They're fine where neighbors belong together: by topic, the blocks find practically every needle, and without a single
# learned weight. On scattered texts the mean drowns the needle more than half of the time. The indexer was fitted on
# scattered texts only and finds most needles in both, with keys of width 8 where the head has 32. What we haven't shown
# is a model that was *trained* with block selection. It could learn keys whose means say what's inside, and that's how
# the authors of such methods use it.

# %% [markdown]
# ## It has to be trained with it
#
# How does an indexer learn? Not from the loss of the language model: choosing the best $k$ is a step, and a step has no
# slope. DeepSeek-V3.2 (2025) gives it a target of its own. Freeze the model, run full attention, and pull the softmax of
# the index toward the weights that attention gave:
#
# $$\mathcal L = \sum_t \text{KL}\big(p_t \,\big\|\, \text{softmax}(I_t)\big)$$

# %%
from attncore.views.plots import loss_curves

loss_curves({"indexer": runs.losses}, "KL to the head's weights, in the warm-up")

# %% [markdown]
# That's the **dense warm-up**, and it's what our experiment did. In the report it takes 1,000 steps, about 2 billion
# tokens; $p_t$ is the sum over all heads, normalized. Then the selection is switched on and the whole model trains,
# for 15,000 steps and 944 billion tokens. The indexer goes on learning from KL alone, over the selected keys, and the model
# from its own loss alone: the indexer's input is detached.
#
# Why train the model at all? It has to get used to not seeing everything. Remember the vague query.

# %% [markdown]
# ## Three branches, and a gate
#
# Native sparse attention (Yuan et al., 2025) goes further and trains that way from the first step: hence "native".
# Every query has three branches. It attends to compressed blocks, to the tokens of selected blocks, and to a window,
# and a gate for each branch, a sigmoid computed from the query's token, says how much of that branch passes.

# %% exercise="mixed_branches"


# %%
def three_branches(query, key, value, gates, block=4, n_keep=4, window=16):
    coarse = yours.mean_blocks(key, block)
    compressed = yours.scaled_dot_product_attention(query, coarse, yours.mean_blocks(value, block))
    chosen = yours.block_mask(query @ coarse.T, block, len(key), n_keep)
    selected = yours.scaled_dot_product_attention(query, key, value, chosen)
    near = np.arange(len(key))[None] >= len(key) - window
    local = yours.scaled_dot_product_attention(query, key, value, near)
    return yours.mixed_branches(np.stack([compressed, selected, local]), gates)


# %%
only = np.eye(3)[..., None] * np.ones(2)
for name, gates in zip(("compressed", "selected", "window"), only, strict=True):
    print(f"{name:>10}: off by {np.abs(three_branches(query, key, value, gates) - full).max():.2f}")
whole = three_branches(query, key, value, only[1], n_keep=16)
print("all blocks: equal to 1e-12:", np.allclose(whole, full, rtol=0, atol=1e-12))

# %% [markdown]
# One design detail is worth remembering. The selection reuses the scores of the compressed branch, and those get
# gradients, since the compressed output is part of the answer. So the choice of blocks learns without a KL. And all the
# heads that share a key head (lesson 13) select the same blocks; if each chose its own, the union would have to be
# read.

# %% [markdown]
# | | MoBA (Lu et al., 2025) | NSA (Yuan et al., 2025) | DSA (DeepSeek-V3.2, 2025) | MSA (MiniMax-M3, 2026) |
# |---|---|---|---|---|
# | selects | blocks | blocks | single tokens | blocks of 128, for each KV head |
# | by | mean of the block's keys | scores of the compressed branch | an indexer of its own | the block's best key, by an indexer |
# | learns to select | through the keys themselves | through the compressed branch | from KL to dense attention | from KL to its attention |
# | besides | the own block | compressed tokens, a window | nothing | the own block |
# | added to a finished model | with further training | trained from the start | with further training | either way |

# %% [markdown]
# ## Compress the sequence
#
# All of these keep every key. To shrink the cache as well you have to throw something away, and DeepSeek-V4 (2026) does
# it along the *sequence*. In a layer of **CSA**, compressed sparse attention, a learned pooling makes one entry for
# every 4 tokens, from windows that overlap, and a lightning indexer selects among the entries. In **HCA**, heavily
# compressed attention, it's one entry for 128 tokens, and all entries are read. Both keep a window of the last 128
# tokens besides.

# %% exercise="entries-of-a-compressed-layer"

# %% exercise="entries-kept"

# %% [markdown]
# Compare latent attention (lesson 13): it makes each token's entry *narrower* and keeps one for every token. CSA and
# HCA keep *fewer* entries. The two savings multiply. The report says that at a million tokens V4-Pro needs 27% of the
# FLOPs of V3.2 for a token, all counted as eight-bit ones, and 10% of its cache. V4.1 adds depth as a third axis: only
# some layers make compressed entries, and the layers above reuse them, with the same selection or one of their own
# (DeepSeek-V4.1, 2026).

# %% [markdown]
# ## The table that interviewers ask for
#
# "Does it keep the softmax, does it keep all keys, does it change the FLOPs?" Here's the answer for a new token at length
# $L$, a selection of $k$ keys, blocks of $b$, and a compression of $m$ to one.

# %% [markdown]
# | | softmax? | all keys kept? | FLOPs and reads grow with |
# |---|---|---|---|
# | full attention | yes | yes | $L$ |
# | FlashAttention | yes, exactly | yes | $L$; only the traffic of scores is saved |
# | window | over the window | no | nothing |
# | linear, delta rule (lesson 16) | no | no, a state | nothing |
# | top-$k$ with an indexer | over the selected | yes, and an index key | $L$ cheaply, plus $k$ |
# | best blocks by their mean | over the selected | yes, and a mean for each block | $L / b$, and $k$ |
# | compression | over the entries | no, $L / m$ entries | $L / m$; with an indexer that cheaply, plus $k$ |

# %% [markdown]
# ## The same in PyTorch
#
# Hide first, then rank. `topk` returns `n_keep` places even where fewer are visible, so the mask is needed a second
# time.
#
# ```python
# import torch
# from torch.nn.functional import scaled_dot_product_attention as attend
#
# def top_k_attention(q, k, v, index, n_keep, mask):
#     index = index.masked_fill(~mask, float("-inf"))
#     places = index.topk(n_keep, dim=-1).indices
#     chosen = torch.zeros_like(index, dtype=torch.bool).scatter(-1, places, True)
#     return attend(q, k, v, attn_mask=chosen & mask)
#
# q, k, v = torch.linspace(-2, 2, 288).mul(40).sin().view(3, 2, 6, 8)
# causal = torch.ones(6, 6, dtype=torch.bool).tril()
# for n_keep in (1, 3, 6):
#     output = top_k_attention(q, k, v, q @ k.mT, n_keep, causal)
#     gap = output - attend(q, k, v, is_causal=True)
#     print(n_keep, f"{gap.abs().max():.4f}")
# ```
#
# ```text
# 1 0.8885
# 3 0.1699
# 6 0.0000
# ```

# %% [markdown]
# ## The interview corner
#
# Say it, type it, choose, and then read. The last two cards are from lesson 15.

# %% exercise="what-sparse-attention-saves"

# %% exercise="lightning-indexer"

# %% exercise="dense-warm-up"

# %% exercise="three-branches"

# %% exercise="why-whole-blocks"

# %% exercise="csa-and-hca"

# %% again="why-sinks"

# %% again="layers-without-positions"

# %% [markdown]
# ## Say it in two minutes
#
# "We serve a model with full attention at 128k tokens, and generation is too slow. Would sparse attention help, which kind, and
# what would it not fix?" Two minutes, aloud, with a number or two. Then compare.

# %% [markdown] folded="One way to say it"
# "First I'd say what's slow: a step reads the whole cache. Selection cuts what's read and multiplied, not what's kept.
# With an indexer like DeepSeek's, every new token still looks at all of them, but only at a small key for each, in
# eight bits, and then attends to 2,048. At 128k, with DeepSeek's sizes, that's about 13 times fewer FLOPs and 8 times
# fewer bytes in attention itself, and most of what's left is the indexer. The cache gets a little larger.
#
# I wouldn't just bolt it on: an untrained selection misses needles. So I'd freeze the model, fit the indexer by KL to
# the dense weights, then train everything with the selection on. If memory is the problem, selection is the wrong tool, and
# I'd compress: a latent, or entries that stand for several tokens. And I'd test recall at every depth."

# %% [markdown]
# ## Roads not taken
#
# For each channel, Quest keeps the smallest and the largest entry among a page's keys, which bounds the score of any
# key in it, and selects at inference without training (Tang et al., 2024). Reformer hashes queries and keys into
# buckets (Kitaev et al., 2020). Differential attention subtracts a second softmax, so that weight on what doesn't
# matter cancels (Ye et al., 2024). And layers can share one cache instead of keeping fewer keys each (Brandon et al.,
# 2024).

# %% sources="here"

# %% [markdown]
# ## What the next lesson assumes
#
# That you can say, for any trick, which of the three it saves: FLOPs, reads, or what's kept. In lesson 18 many requests
# share one machine, and that's where it shows.

# %%
progress()
