# %% [markdown]
# # Exact attention without the square
#
# At 8,192 tokens, the scores of 32 heads take 4 GiB, for one layer of one sequence. They're made, used once and thrown
# away. Softmax seems to need a whole row of them before it can give its first weight. Does it really?
#
# Take one row, in two chunks, each of them gone once it's been read.

# %%
import math
from functools import reduce

import numpy as np

from attncore import answer, breaks, card, check, hint, progress, reset, yours
from attncore.dot_product import attention_scores
from attncore.flash import BLOCK, Partial, attend_to_tile, slices
from attncore.softmax import softmax
from attncore.views.widgets.flash import memory_picture
from attncore.words import embed

# %% exercise="total-by-hand"

# %% [markdown]
# ## What softmax waits for
#
# The plain way reads a row three times: for its maximum, for the total of its exponentials relative to that, and for
# the weights.
#
# $$p_j = \frac{e^{s_j - m}}{t}, \qquad m = \max_j s_j, \qquad t = \sum_j e^{s_j - m}$$
#
# You've just found $t$ without seeing the row again. The old total counts in units of $e^m$, for an $m$ that's no
# longer the maximum, so it has to be converted.

# %% exercise="unchanged-maximum"

# %% [markdown]
# Now as a function, for any number of chunks and many rows at once. Before you write it, ask yourself what maximum and
# total are before the first chunk, and what happens to a row whose first chunk is masked, all $-\infty$.

# %% exercise="online_softmax"

# %% [markdown] folded="As a formula"
# $$m' = \max(m, \max_j s_j), \qquad t' = t\, e^{m - m'} + \sum_j e^{s_j - m'}$$
#
# The factor $e^{m - m'}$ is never above 1, so nothing overflows, and it's 0 for the first chunk, since $m$ begins at
# $-\infty$. The trap is $-\infty - (-\infty)$, which is NaN: as long as nothing but $-\infty$ has come, subtract 0.
# This is the **online softmax** of Milakov and Gimelshein (2018).

# %%
scores = 5 * embed("bank") @ embed("money loan river water tea").T
chunks = [scores[:, keys] for keys in slices(0, 5, 2)]
maximum, total = yours.online_softmax(chunks)
weights = np.exp(scores - maximum[:, None]) / total[:, None]
print(
    weights.round(3), "equal to 1e-12:", np.allclose(weights, softmax(scores), rtol=0, atol=1e-12)
)

# %% [markdown]
# The same three lines appear in fused losses for large vocabularies, which never hold all logits. Here's one that's
# off.

# %% exercise="fix_loss_in_blocks"

# %% [markdown]
# ## The values ride along
#
# That still takes a second reading, for the weights. But attention doesn't want the weights; it wants the sum of the
# values under them. Keep a third thing from chunk to chunk, the **accumulator**: the sum of the values so far, each
# times its exponential, not divided by anything yet.

# %% exercise="output-from-two-chunks"

# %% [markdown]
# Each weight was used the moment it was made, and forgotten. What's kept is a maximum, a total and an accumulator,
# however long the row is: attention in constant extra memory for each query (Rabe and Staats, 2021).

# %% [markdown]
# ## Tiles
#
# With many queries, both sides are cut into blocks. A block of queries and a block of keys meet in a **tile** of
# scores. For each block of queries you walk along the keys, tile by tile, and keep the three things for each of its
# rows. `slices` does the cutting; the last block may be shorter.

# %%
slices(0, 7, 3)

# %% [markdown]
# One saving is free. A GPU raises 2 to a power more easily than $e$, and $e^x = 2^{x \log_2 e}$. So kernels multiply
# the scale by $\log_2 e$ once and use powers of two everywhere, as the Triton tutorial does. The weights don't change:

# %%
in_twos = np.exp2(scores * math.log2(math.e))
print(f"log2 of e is {math.log2(math.e):.4f}")
print("equal to 1e-12:", np.allclose(in_twos / in_twos.sum(), softmax(scores), rtol=0, atol=1e-12))

# %% [markdown]
# Now write the loop that interviewers ask for: maximum, total and an accumulator that isn't divided until the last
# tile of its rows. In base two, if you like. With `is_causal`, the queries are the last positions, as always (lesson
# 06).

# %% exercise="tiled_attention"

# %% [markdown]
# Step through it, on eight queries and eight keys in tiles of two by two. The right side shows what's in which memory.
# After a row's first tile, where does the factor drop below 1, and what does the causal switch do to the count of
# numbers moved?

# %%
from attncore.views.explorables.tiles import tiles

tiles()

# %% [markdown]
# Does the size of the blocks matter? Seven words attend to themselves; the plain formula is what we compare with.

# %%
x = embed("the cat slept because it was tired")
plain = yours.scaled_dot_product_attention(x, x, x, scale=3)
for block in (1, 3, 4, 7, 100):
    same = np.allclose(yours.tiled_attention(x, x, x, block, scale=3), plain, rtol=0, atol=1e-12)
    print(f"blocks of {block:>3}: equal to 1e-12: {same}")

# %% [markdown]
# It doesn't, up to rounding. FlashAttention (Dao et al., 2022) is this loop in one GPU program, a **kernel**, and
# it's **exact**: nothing is left out or approximated. Sums taken in another order differ in their last digits, and
# that's all.
#
# How much memory does it need? This picture measures the most that your function takes at once, beside the plain
# formula.

# %%
memory_picture(yours.tiled_attention)

# %% exercise="peak_floats"

# %% exercise="peak-ratio"

# %% [markdown]
# ## Two parts merge
#
# Nothing says that the tiles must come in order, or be on one machine. Let two parts of the keys be attended to separately.
# Each gives its output, already divided by its total, and two numbers that the merge will need, its maximum and its total:

# %%
row, value = np.log([[2.0, 4.0, 8.0, 2.0]]), np.array([[8.0], [4.0], [1.0], [16.0]])
left, right = attend_to_tile(row[:, :2], value[:2]), attend_to_tile(row[:, 2:], value[2:])
for name, part in (("left", left), ("right", right)):
    print(f"{name:5}", *(f"{field} {x.item():.3f}" for field, x in part._asdict().items()))

# %% [markdown]
# `attend_to_tile` is what you know, for a single tile: the maximum, the exponentials relative to it, their total, and
# the weighted mean of the values. Over all four keys the output would be 4.5, which isn't the mean of 5.33 and 4. How
# much should each part count?

# %% exercise="share-of-a-part"

# %% exercise="merge_partials"

# %% [markdown]
# Merging is associative, and the order doesn't matter. Here are the seven words again, their keys in three parts,
# merged in all six orders:

# %%
from itertools import permutations

scores = attention_scores(x, x, scale=3)
parts = [attend_to_tile(scores[:, keys], x[keys]) for keys in slices(0, 7, 3)]
merged = [reduce(yours.merge_partials, order).output for order in permutations(parts)]
print("equal to 1e-12:", *(np.allclose(o, plain, rtol=0, atol=1e-12) for o in merged))

# %% [markdown]
# So the keys of one query may lie anywhere. **Flash-Decoding** (Dao et al., 2023) uses that for one new token and a
# long cache: it splits the keys over all processors of a GPU and merges at the end, which is also called split-K.
# Here's somebody's attempt.

# %% exercise="fix_split_decode"

# %% [markdown]
# ## Tiles that need no work
#
# Under a causal mask a tile may be hidden as a whole, in part, or not at all.

# %% exercise="causal-tiles"

# %%
blocks = yours.causal_mask(12).reshape(3, 4, 3, 4)
blocks.any(axis=(1, 3)).astype(int) + blocks.all(axis=(1, 3))

# %% [markdown]
# These are twelve tokens in blocks of four: a tile marked 2 is seen as a whole, 1 is hidden in part, and 0 isn't
# visited. So a kernel runs in two phases, the tiles below the diagonal, which need no mask, and those on it, which do.
# A window (lesson 15) skips more tiles, and it's easy to skip one too many.

# %% exercise="fix_windowed_tiles"

# %% [markdown]
# ## Around a ring of devices
#
# And if the sequence itself doesn't fit on one device? Spread a million tokens over eight devices: each holds a part of
# the queries, the keys and the values. In **ring attention** (Liu et al., 2023a), one form of context parallelism,
# queries stay where they are, and keys and values go around. Each device passes them on to its neighbor while it's
# still working on them.

# %% exercise="ring_attention"

# %% [markdown]
# Take four devices of eight tokens each. Does your ring, causal, give the plain result?

# %%
rng = np.random.default_rng(0)
query, key, value = rng.standard_normal((3, 32, 16))
around = yours.ring_attention(*(np.split(a, 4) for a in (query, key, value)), is_causal=True)
whole = yours.scaled_dot_product_attention(query, key, value, yours.causal_mask(32))
print("equal to 1e-12:", np.allclose(np.concatenate(around), whole, rtol=0, atol=1e-12))

# %% [markdown]
# Exact. But is it fast? In each step, everybody waits for the device with the most visible scores. Count them, for
# three ways of dealing 64 tokens out to four devices: one stretch each, in **stripes** (Brandon et al., 2023), and in
# **zigzag**, where each gets an early stretch and a late one. A perfect balance would be 1.


# %%
def waiting(owner):
    """Scores on the critical path, over those of a perfect balance."""
    seen, devices = yours.causal_mask(64), range(4)
    work = [[seen[owner == i][:, owner == (i - s) % 4].sum() for i in devices] for s in devices]
    return np.max(work, axis=1).sum() / (seen.sum() / 4)


token, stretch = np.arange(64), np.arange(64) // 8
ways = {"stretches": token // 16, "stripes": token % 4, "zigzag": np.minimum(stretch, 7 - stretch)}
{way: round(float(waiting(owner)), 2) for way, owner in ways.items()}

# %% [markdown]
# With stretches, the first device has nothing to do in most steps while the last one is busy in all of them. Real
# systems deal the tokens out in stripes or zigzag, and then the causal mask costs next to nothing.
#
# The other way to split a sequence is **Ulysses** (Jacobs et al., 2023): right before attention the devices exchange
# tokens for heads, all to all, so that each has the whole sequence for some heads, and afterwards they swap back. Any
# kernel will do, but there can't be more devices than heads, and with more devices than KV heads, the KV heads have to
# be copied.

# %% [markdown]
# ## Fewer operations?
#
# Back to one GPU. Tiles are held one at a time, but every query still meets every key: the two products take $4 n^2 d$
# operations either way. So there aren't fewer operations. There are even a few more, since every tile rescales what's
# there.

# %% exercise="rescaling-share"

# %% [markdown]
# ## What they save: traffic
#
# Here's where the time goes. An A100 has 40 or 80 GB of large, slow memory (**HBM**), at 1.5 to 2.0 TB/s. Its cores
# sit in 108 **streaming multiprocessors** (SMs), and beside each lie 192 KB of fast memory (**SRAM**, shared memory):
# together some 19 TB/s (Dao et al., 2022). The matrix products run on **tensor cores** inside the SMs; everything
# else, like the exponential, on slower units. Threads run in groups of 32, called **warps**.

# %% exercise="score-traffic"

# %% [markdown]
# The plain formula runs as three kernels. It writes the scores to HBM, reads them for the softmax, writes the weights,
# reads them for the sum: $4 n^2$ numbers. In tiles no score leaves the SM. The price: each block of queries reads all
# keys and values again.

# %%
n, d, block = 1024, 64, 128
plain_traffic = 4 * n * n + 4 * n * d
tile_traffic = (n // block) * 2 * n * d + 2 * n * d
round(plain_traffic / tile_traffic, 2)

# %% [markdown]
# That's nearly four times less. For long sequences the ratio is $4n^2$ to $2n^2 d$ over the block: twice the block over
# $d$. The larger the tile that fits into SRAM, the less is read again. With room for $M$ numbers that's a block of
# about $M / d$ rows, and a traffic of the order of $n^2 d^2 / M$; the paper proves it (Dao et al., 2022).

# %% [markdown]
# And measured? On an A100, the attention of GPT-2 medium, forward and backward, 1,024 tokens, 16 heads of width 64,
# batch 64 (Dao et al., 2022, figure 2). For the operations we give only the ratio, since the paper counts them in
# another unit.
#
# | | operations | traffic | time |
# |---|---|---|---|
# | plain | 1 | 40.3 GB | 41.7 ms |
# | tiles | 1.13 | 4.4 GB | 7.3 ms |
#
# That's nine times less, and our count said four. Divide the traffic by the sizes of the arrays, at two bytes a
# number, to see where the difference lies:

# %%
square, array = 64 * 16 * 1024 * 1024 * 2, 64 * 16 * 1024 * 64 * 2
{"squares moved": round(40.3e9 / square, 1), "arrays moved": round(4.4e9 / array, 1)}

# %% [markdown]
# Nineteen squares in place of our four: the backward pass moves several more, and so does each separate kernel, like a
# mask or dropout. On the other side, our count gives 18 arrays for the forward pass alone, and the measurement has 33
# for both. We let every reread of keys and values go to HBM, but between HBM and the SMs an A100 has 40 MB of **L2
# cache** (NVIDIA, 2020), which can serve some of them. So the count explains the direction; for the factor, you have to
# measure.

# %% [markdown]
# ## Backward: compute it again
#
# The gradient of lesson 11 needs the weights, and they're gone. Storing them would bring the square back. What's the
# least that a forward pass has to keep?

# %% exercise="kept-for-backward"

# %% [markdown]
# With that one number, any tile of weights is a single exponential of its scores, and no other tile is needed:
#
# $$L_i = m_i + \ln t_i, \qquad P_{ij} = e^{s_{ij} - L_i}$$

# %%
maximum, total = yours.online_softmax([scores])
L = maximum + np.log(total)
tile = np.exp(scores[3:6, :3] - L[3:6, None])
same = np.allclose(tile, softmax(scores)[3:6, :3], rtol=0, atol=1e-12)
print(tile.round(3), f"equal to 1e-12: {same}", sep="\n")

# %% [markdown]
# The row sum in the gradient of softmax needs no row either, because it's $dO_i \cdot o_i$ (lesson 11). So the same
# tile becomes a tile of score gradients:
#
# $$ds_{ij} = P_{ij}\, (dO_i \cdot v_j - dO_i \cdot o_i)$$

# %%
dO = rng.standard_normal(x.shape)
row_sums = np.sum(dO * plain, axis=-1, keepdims=True)
d_tile = tile * (dO[3:6] @ x[:3].T - row_sums[3:6])
d_scores = yours.softmax_backward(softmax(scores), dO @ x.T)
same = np.allclose(d_tile, d_scores[3:6, :3], rtol=0, atol=1e-12)
print(f"gradients up to {np.abs(d_tile).max():.2f}, equal to 1e-12: {same}")

# %% [markdown]
# So the backward pass walks over the same tiles and makes the scores a second time. That costs a product and saves the
# square. Is it worth it?

# %% exercise="recompute-flops"

# %% [markdown]
# ## When it does not pay
#
# A new token behind a cache brings one query: its scores are a single row, there's no square to save, and all the time
# goes into reading keys and values. Here are the operations per byte in bfloat16, where every head has its own keys:

# %%
n, d = 8192, 128
operations, bytes_read = 4 * n * d, 2 * n * d * 2
operations / bytes_read

# %% [markdown]
# With shared heads it's $h/g$ (lesson 13), if the kernel packs the queries of a group into one tile; an H100 has time
# for 295. So in decode, split the keys, but don't expect the speedup of prefill. Short sequences have small squares. And where the weights themselves are wanted, tiles
# don't give them: PyTorch's `nn.MultiheadAttention` returns them by default and needs `need_weights=False` before it
# may use a fused kernel. A mask or bias of $n \times n$ numbers has to be read, too, and that's a square again.

# %% [markdown]
# ## Four versions of one loop
#
# The mathematics has stayed the same; the hardware hasn't. As of November 2026:
#
# | | for | what changed |
# |---|---|---|
# | 1 (Dao et al., 2022) | A100 | tiles in SRAM; keys in the outer loop |
# | 2 (Dao, 2023) | A100 | queries in the outer loop, blocks of queries over all SMs, one division at the end; 50 to 73% of the peak |
# | 3 (Shah et al., 2024) | H100 | warps that load beside warps that compute, the softmax of one tile during the products of another; 75% |
# | 4 (Zadouri et al., 2026) | B200 | part of the exponentials by a polynomial, rescaling only where it matters; up to 1,613 TFLOP/s, 71% |
#
# On a B200 the tensor cores doubled, and the exponential units didn't, so the exponential became the bottleneck.

# %% [markdown]
# Rescaling "only where it matters" sounds like an approximation. Is it? Any number may stand in for the maximum, as
# long as nothing overflows and not everything rounds to zero, because it cancels at the end. So keep the old maximum
# until a new one is larger by more than some slack; 8, in base two, is a factor of 256. How many of 256 blocks rescale,
# in random order and with rising scores?


# %%
def lazily(scores, value, slack):
    maximum, total, output, rescaled = -np.inf, 0.0, 0.0, 0
    for keys in slices(0, len(scores), 16):
        larger = max(maximum, scores[keys].max())
        if larger > maximum + slack:
            shrink, maximum, rescaled = np.exp2(maximum - larger), larger, rescaled + 1
            total, output = total * shrink, output * shrink
        weights = np.exp2(scores[keys] - maximum)
        total, output = total + weights.sum(), output + weights @ value[keys]
    return f"{output / total:.6f}, {rescaled:>3} rescalings"


# %%
drawn, value = 3 * rng.standard_normal(4096), rng.standard_normal(4096)
for name, order in {"random": np.arange(4096), "rising": np.argsort(drawn)}.items():
    for slack in (0, 8):
        print(f"{name}, slack {slack}: {lazily(drawn[order], value[order], slack)}")

# %% [markdown]
# The output is the same, with a fraction of the rescalings where scores rise. In low precision the slack has to
# leave room in the exponent, which is why it isn't larger.

# %% [markdown]
# ## The same in PyTorch
#
# ```python
# import torch
# import torch.nn.functional as F
#
# def flash(query, key, value, block=64):
#     maximum, total, output = torch.tensor(-torch.inf), 0.0, torch.zeros_like(query)
#     for k, v in zip(key.split(block, dim=-2), value.split(block, dim=-2)):
#         scores = query @ k.mT * query.shape[-1] ** -0.5
#         larger = torch.maximum(maximum, scores.amax(-1, keepdim=True))
#         shrink, weights, maximum = (maximum - larger).exp(), (scores - larger).exp(), larger
#         total = total * shrink + weights.sum(-1, keepdim=True)
#         output = output * shrink + weights @ v
#     return output / total
#
# q, k, v = torch.randn(3, 2, 300, 64, generator=torch.manual_seed(0))
# print(flash(q, k, v)[0, 0, :4], F.scaled_dot_product_attention(q, k, v)[0, 0, :4], sep="\n")
# ```
#
# ```text
# tensor([ 0.1576, -0.1014,  0.0652, -0.2339])
# tensor([ 0.1576, -0.1014,  0.0652, -0.2339])
# ```
#
# `F.scaled_dot_product_attention` picks a fused kernel where it can, and the plain formula elsewhere.

# %% [markdown]
# ## The interview corner
#
# Say it, type it, choose, and then read. The last two cards are from lesson 12.

# %% exercise="is-flash-linear"

# %% exercise="online-softmax-on-a-board"

# %% exercise="nan-in-one-tile"

# %% exercise="why-recompute"

# %% exercise="ring-attention"

# %% exercise="three-flashes"

# %% again="why-keys-and-values"

# %% again="prefill-or-decode"

# %% [markdown]
# ## Say it in two minutes
#
# "Explain FlashAttention: why is it exact, what does it save, and what doesn't it save?" Two minutes by the clock,
# aloud, with a drawing of the two memories. Then compare.

# %% [markdown] folded="One way to say it"
# "Softmax needs the maximum and the total of a row, and both can be kept as you go: when a larger maximum comes, the
# total so far is multiplied by e to the old minus the new, and so is the sum of the values. So attention can walk over
# tiles of scores and forget each one; you divide once at the end. It's exact, only the order of the sums changes. There
# are a few more operations, not fewer, and the time is still quadratic. What falls is the traffic with HBM, because the
# square never leaves the chip, and the extra memory, which is linear in n. The backward pass keeps a log-sum-exp for
# each query and computes the scores again. Partial results merge by their totals in any order, and that's how long
# caches are split and sequences spread over devices."

# %% [markdown]
# ## Roads not taken
#
# FlexAttention compiles a rule for scores or masks into such a kernel (Dong et al., 2024). Sequences of different
# lengths are packed end to end, with the offsets where each begins (lesson 06). On a GPU, the gradient of the query may
# differ from run to run in its last digits, since many tiles add to one row in no fixed order. Windows (lesson 15) and
# linear attention (lesson 16) compute a different function. The course's own fast version of this loop is in
# `attncore.tiles`.

# %% sources="here"

# %% [markdown]
# ## What the next lesson assumes
#
# That exact attention takes a number of operations quadratic in the length, however well its memory is handled. In
# lesson 15 we start to leave keys out, and ask what's lost.

# %%
progress()
