# %% [markdown]
# # Exact attention without the square
#
# Attention of n tokens makes n times n scores, and softmax wants a whole row of them before it gives its first weight.
# Here we compute the same numbers from small tiles, so that the square is never held. At the end you have written the
# idea of FlashAttention, and you can say what it saves and what it does not.

# %% [markdown]
# **You need** softmax and its maximum (lesson 02), scaled dot-product attention (04), causal masks with queries last (06),
# the row-sum term of the gradient (11) and what a cache costs (12).
# **You get** `online_softmax`, `merge_partials` and `tiled_attention`.

# %%
import math
from functools import reduce
from itertools import permutations

import numpy as np

from attncore import answer, breaks, card, check, hint, progress, reset
from attncore.dot_product import attention_scores, scaled_dot_product_attention
from attncore.flash import (
    BLOCK,
    Partial,
    attend_to_tile,
    merge_partials,
    online_softmax,
    peak_floats,
    slices,
    tiled_attention,
)
from attncore.masks import causal_mask
from attncore.softmax import softmax
from attncore.views.widgets.flash import memory_picture, tiles_picture
from attncore.words import embed, tokens

# %% [markdown]
# ## The square
#
# Lesson 11 weighed the square, there $P$, against the arrays that grow with the length alone. Again 32 heads of width
# 128, in bfloat16, two bytes a number: the scores of all heads, and the output that they are for.

# %%
for n in (1024, 8192, 65_536):
    scores, output = 32 * n * n * 2 / 2**30, 32 * n * 128 * 2 / 2**30
    print(f"{n:>6} tokens: {scores:8.3f} GiB of scores, {output:.3f} GiB of output")

# %% [markdown]
# At 8,192 tokens that is 4 GiB for one layer of one text; at 65,536 it is more than three H100 cards of 80 GB hold
# together. And the scores are no result: they are made, used and thrown away. Why must they all be there at once?

# %% [markdown]
# ## What softmax waits for
#
# One row of four scores. As logarithms they are easy to check by hand: the exponentials are 2, 4, 8 and 2. Relative to
# the largest they sum to 16 / 8, which is 2.
#
# $$p_j = \frac{e^{s_j - m}}{t}, \qquad m = \max_j s_j, \qquad t = \sum_j e^{s_j - m}$$

# %%
row = np.log([2.0, 4.0, 8.0, 2.0])
m = row.max()
t = np.exp(row - m).sum()
print(t.round(3), (np.exp(row - m) / t).round(3))

# %% [markdown]
# The first weight needs the maximum $m$ and the total $t$, and both need the last score. So the plain way reads the row
# three times: for the maximum, for the total, for the weights. Could one reading give $m$ and $t$, if the row comes in
# chunks, and each chunk is gone once it has been read?

# %%
first, second = row[:2], row[2:]
m = first.max()
t = np.exp(first - m).sum()
print(t.round(3))

# %% [markdown]
# So far the maximum is log 4, and the total is 2/4 + 4/4. The second chunk brings a larger maximum, log 8. The 1.5 that
# we have counts in fours, and from now on we count in eights: it is worth half.
#
# $$m' = \max(m, \max_j s_j), \qquad t' = t\, e^{m - m'} + \sum_j e^{s_j - m'}$$

# %%
m_new = max(m, second.max())
print((t * np.exp(m - m_new)).round(3), np.exp(second - m_new).sum().round(3))

# %% [markdown]
# 0.75 from the first chunk and 1.25 from the second make 2, the total of the whole row. The factor $e^{m - m'}$ is all that
# one pass has to add to softmax; the rest of this lesson follows from it.

# %% exercise="unchanged-maximum"

# %% [markdown]
# The factor is never above one, so that nothing overflows. It begins right as well: before the first chunk the maximum
# is $-\infty$, the total 0, and the factor $e^{-\infty}$ is 0. One trap remains. After a chunk that is wholly masked
# the maximum is still $-\infty$, and the difference is NaN.

# %%
print(np.exp(-np.inf - m), -np.inf - -np.inf)

# %% [markdown]
# On real words: "bank" asks five others, as in lesson 02, in chunks of two, two and one. With the maximum and the total
# of one pass, softmax is a single step, and it is the old one. This is the online softmax of Milakov and Gimelshein
# (2018).

# %%
scores = 5 * embed("bank") @ embed("money loan river water tea").T
maximum, total = online_softmax([scores[:, :2], scores[:, 2:4], scores[:, 4:]])
np.allclose(np.exp(scores - maximum[:, None]) / total[:, None], softmax(scores))

# %% [markdown]
# ## The values ride along
#
# That still takes a second reading, for the weights. But attention does not want the weights; it wants the sum of the
# values under them. Give our four keys the values 8, 4, 2 and 16.

# %%
value = np.array([8.0, 4.0, 2.0, 16.0])
print((softmax(row) @ value).round(3))

# %% [markdown]
# A sum of values can be rescaled like a sum of ones. We call it the **accumulator**, $a$. The first chunk leaves 8 in
# it, the larger maximum makes that 4, the second chunk adds 6.
#
# $$a' = a\, e^{m - m'} + \sum_j e^{s_j - m'}\, v_j$$

# %%
a = np.exp(first - m) @ value[:2]
a_new = a * np.exp(m - m_new) + np.exp(second - m_new) @ value[2:]
print(a.round(3), a_new.round(3), (a_new / 2).round(3))

# %% [markdown]
# Divided by the total at the end, the output is 10 / 2 = 5. Each weight was used the moment it was made, and forgotten.
# What is kept from chunk to chunk is a maximum, a total and an accumulator, however long the row: attention in constant
# extra memory for one query (Rabe and Staats, 2021).

# %% [markdown]
# ## Two parts merge
#
# Nothing says that the chunks must come in order, or to one machine. Attend to the first two keys alone, and to the
# others alone. Each gives a `Partial`: its output, already divided, with the two numbers that undo the division.

# %%
left = attend_to_tile(row[None, :2], value[:2, None])
right = attend_to_tile(row[None, 2:], value[2:, None])
print(left)
print(right)

# %% [markdown]
# The answer over all four keys was 5, and the mean of 5.33 and 4.8 is not. How much should each part count?

# %% exercise="share-of-a-part"

# %% [markdown]
# Each part counts by its total, once both are relative to the same maximum: 1.5 and 1.25, and after rescaling 0.75 and
# 1.25. The outputs are averaged with these weights.
#
# $$t'_i = t_i\, e^{m_i - m}, \qquad o = \frac{t'_1 o_1 + t'_2 o_2}{t'_1 + t'_2}$$

# %%
t1, t2 = left.total * np.exp(left.maximum - right.maximum), right.total
(t1 * left.output[0] + t2 * right.output[0]) / (t1 + t2), merge_partials(left, right).output

# %% [markdown]
# Merging is associative, and the order does not matter. Seven words attend to themselves, their keys in three parts. All
# six orders give the plain result of lesson 04. (The vectors are raw, so we sharpen with a scale of 3.)

# %%
words = "the cat slept because it was tired"
x = embed(words)
scores = attention_scores(x, x, scale=3)
parts = [attend_to_tile(scores[:, keys], x[keys]) for keys in slices(0, 7, 3)]
plain = scaled_dot_product_attention(x, x, x, scale=3)
[np.allclose(reduce(merge_partials, order).output, plain) for order in permutations(parts)]

# %% [markdown]
# So the keys of one query may lie anywhere. Flash-Decoding (Dao et al., 2023) splits a long cache among the processors
# of one card and merges; ring attention (Liu et al., 2023a) passes the keys around a ring of devices.

# %% [markdown]
# ## Tiles
#
# Many queries are cut into blocks too. A block of queries and a block of keys meet in a **tile** of scores. For each
# block of queries we walk along the keys, tile by tile: scores, the larger maximum, total and accumulator rescaled and
# added to, scores forgotten. `slices` cuts the text, the last block as short as it comes.

# %%
slices(0, 7, 3)

# %% [markdown]
# One saving costs nothing. Processors raise 2 to a power more easily than $e$, and $e^x = 2^{x \log_2 e}$: so multiply
# the scale by $\log_2 e = 1.4427$ once, and every exponential becomes a power of two. The maximum is then in the same
# unit, and the weights are what they were.

# %%
base_two = scores * math.log2(math.e)
powers = np.exp2(base_two - base_two.max(axis=-1, keepdims=True))
np.allclose(powers / powers.sum(axis=-1, keepdims=True), softmax(scores))

# %% [markdown]
# Step through it. To see inside, each key's value is a mark of its own, so that the output is the weights. At tile 5
# "because" meets itself: its maximum jumps, and what its accumulator held is multiplied by 0.05.

# %%
tiles_picture()

# %% [markdown]
# Every block size gives the same numbers. A block as long as the text is a single tile, with nothing to merge: the plain
# formula.

# %%
for block in (1, 3, 4, 7, 100):
    print(block, np.allclose(tiled_attention(x, x, x, block, scale=3), plain))

# %% [markdown]
# FlashAttention (Dao et al., 2022) makes these tiles in one program, a kernel, on a graphics card. It is **exact**:
# nothing is left out or approximated. Only the last digits differ, as they do whenever a sum is taken in another order.

# %%
single = x.astype(np.float32)
difference = tiled_attention(single, single, single, 3) - scaled_dot_product_attention(
    single, single, single
)
bool(np.abs(difference).max() < 1e-6)

# %% [markdown]
# ## Tiles that need no work
#
# Under a causal mask a tile is hidden whole, or in part, or not at all. Twelve tokens in blocks of four: first which
# tiles have anything to see, then which are seen whole.

# %%
tiles = causal_mask(12).reshape(3, 4, 3, 4)
print(tiles.any(axis=(1, 3)).astype(int))
print(tiles.all(axis=(1, 3)).astype(int))

# %% [markdown]
# Tiles above the diagonal are never computed, those below need no mask, and only those on it are masked inside. With
# many tiles that is about half of the work. The mask compares positions in the whole text, and the queries are its last
# positions, as always.

# %% [markdown]
# ## Fewer operations?
#
# Tiles are held one at a time. What becomes of the number of operations, without a mask?

# %% exercise="fewer-flops"

# %% [markdown]
# The two products take $4 n^2 d$ operations either way. On top comes the rescaling: every tile multiplies the $d$
# numbers of each of its queries once. Beside the products that is one part in four times the block.

# %%
n, d, block = 8192, 128, 128
rescaling = n * (n // block) * d
rescaling / (4 * n * n * d)

# %% [markdown]
# ## What they save: traffic
#
# A graphics card has two kinds of memory. An A100 has 40 or 80 GB of slow memory (HBM), read at 1.5 to 2.0 TB/s. Beside
# each of its 108 processors lie 192 KB of fast memory (SRAM), together some 19 TB/s (Dao et al., 2022): ten times as
# fast as the other, and two to four thousand times smaller.

# %% [markdown]
# The plain formula runs as three steps. It writes the scores to slow memory, reads them for the softmax, writes the
# weights, reads them for the sum: $4 n^2$ numbers. In tiles no score leaves fast memory. The price: each block of
# queries reads all keys and values again.

# %%
n, d, block = 8192, 64, 128
plain_traffic = 4 * n * n + 4 * n * d
tile_traffic = (n // block) * 2 * n * d + 2 * n * d
plain_traffic / tile_traffic

# %% [markdown]
# Four times less in this simple count. The leading terms are $4n^2$, and $2n^2 d$ over the block: their ratio is twice
# the block over $d$. The larger the tile that fits into fast memory, the less is read again.

# %% [markdown]
# With room for $M$ numbers, a block of about $M / d$ rows fits; put into $2n^2 d$ over the block, that gives traffic of
# the order of $n^2 d^2 / M$. The paper proves it, for $d \le M \le nd$, against $n^2 + nd$ of the plain formula.

# %% [markdown]
# The authors measured it on an A100: attention of GPT-2 medium, forward and backward, 1,024 tokens, 16 heads of width
# 64, batch 64 (Dao et al., 2022, figure 2). More operations, a ninth of the traffic, less than a fifth of the time. Of
# the operations we give the ratio, since the paper counts them in another unit than we do.
#
# | | operations | traffic | time |
# |---|---|---|---|
# | plain | 1 | 40.3 GB | 41.7 ms |
# | tiles | 1.13 | 4.4 GB | 7.3 ms |

# %% [markdown]
# ## Backward: compute it again
#
# The gradient of lesson 11 needs the weights, and they are gone. Storing them would bring the square back. What is the
# least that a forward has to keep?

# %% exercise="kept-for-backward"

# %% [markdown]
# The maximum and the total of a row join into one number, its log-sum-exp. With it, any tile of weights is one
# exponential of its scores; no other tile is needed.
#
# $$L_i = m_i + \ln t_i, \qquad P_{ij} = e^{s_{ij} - L_i}$$

# %%
maximum, total = online_softmax([scores])
L = maximum + np.log(total)
tile = np.exp(scores[3:6, :3] - L[3:6, None])
np.allclose(tile, softmax(scores)[3:6, :3])

# %% [markdown]
# The row sum in the gradient of softmax needs no row either: it is $dO_i \cdot o_i$ (lesson 11). So the same tile of
# weights becomes a tile of score gradients, and no other tile is needed.
#
# $$ds_{ij} = P_{ij}\, (dO_i \cdot v_j - dO_i \cdot o_i)$$

# %%
dO = np.random.default_rng(0).standard_normal(x.shape)
row_sums = np.sum(dO * plain, axis=-1, keepdims=True)
d_tile = tile * (dO[3:6] @ x[:3].T - row_sums[3:6])
P, dP = softmax(scores), dO @ x.T
whole = P * (dP - np.sum(P * dP, axis=-1, keepdims=True))
np.allclose(d_tile, whole[3:6, :3])

# %% [markdown]
# So backward walks over the same tiles, and each adds its part to the gradients of query, key and value. The scores are
# made a second time, which costs a product and saves the square. That is why operations rise and time falls.

# %% [markdown]
# ## When it does not pay
#
# A new token that meets a cache brings one query. Its scores are a single row, there is no square, and all time goes
# into reading keys and values: in bfloat16 one operation for each byte where every head has its own keys, h/g with
# shared ones (lesson 13). An A100 has time for some 150 operations a byte (312 TFLOP/s, 2.0 TB/s), an H100 for 295
# (lesson 12).

# %%
n, d = 8192, 128
operations, bytes_read = 4 * n * d, 2 * n * d * 2
operations / bytes_read

# %% [markdown]
# Nor does it pay for short texts, whose squares are small. It does not fit where the weights themselves are wanted:
# PyTorch's `nn.MultiheadAttention` returns them by default, and asks for `need_weights=False` before it may run a fused
# kernel. And a mask or bias of n times n numbers has to be read, which is a square again.

# %% [markdown]
# ## Exercises
#
# Write each function in its cell and run it. `check` compares with the reference on many inputs; `hint` opens the next
# of three hints.

# %% exercise="online_softmax"

# %% exercise="merge_partials"

# %% [markdown]
# The walk over the tiles again, merged by your own function. Where a block of queries is finished, the title says
# whether its rows are those of the plain softmax.

# %%
tiles_picture(merge_partials)

# %% exercise="tiled_attention"

# %% [markdown]
# This picture runs your own function and measures the memory that it takes, beside that of the plain formula and a
# count of the numbers that must be there. NumPy keeps some temporary arrays more; what matters is how it grows with the
# length.

# %%
memory_picture(tiled_attention)

# %% exercise="ring_attention"

# %% exercise="peak_floats"

# %% exercise="fix_loss_in_blocks"

# %% exercise="fix_split_decode"

# %% exercise="fix_windowed_tiles"

# %% exercise="score-traffic"

# %% exercise="peak-ratio"

# %% exercise="causal-tiles"

# %% exercise="recompute-flops"

# %% [markdown]
# ## Roads not taken
#
# Windows and linear attention (lesson 15) compute another function. The first FlashAttention has the loop over keys
# outside; version 2 (Dao, 2023) has the queries outside, as we do, and unlike our merging divides once at the end;
# version 3 (Shah et al., 2024) overlaps loading, products and softmax on the H100. The course's own `tiled_attention`
# is this walk made fast, forward and backward; the README says how fast.

# %% [markdown]
# In PyTorch, `scaled_dot_product_attention` chooses a fused kernel where it can, and the plain formula elsewhere.
# FlexAttention compiles a rule for scores or masks into such a kernel. Texts of unlike lengths are packed end to end,
# with the offsets where each begins. And on a GPU the backward may differ from run to run in its last digits: many
# tiles add to one row of $dQ$ atomically, in no fixed order.

# %% [markdown]
# ## Say it in two minutes
#
# Softmax needs the maximum and the total of a row. Both can be kept as we go: when a larger maximum comes, the total so
# far is multiplied by exp(old - new), and so is the sum of the values. So attention can walk over tiles of scores and
# forget each. The result is exact. Operations are no fewer, rather a few more; what falls is the traffic with slow
# memory, and the extra space is linear in n. Backward keeps one number for each query and computes the scores again.
# Partial results merge by their totals, in any order, which is how long caches are split.

# %% [markdown]
# ## The interview corner
#
# Say your answer aloud before you open the model answer; then tick what you said.

# %% exercise="what-flash-saves"

# %% exercise="exact-or-approximate"

# %% exercise="why-recompute"

# %% exercise="split-the-keys"

# %% exercise="three-flashes"

# %% exercise="when-tiles-do-not-pay"

# %% [markdown]
# ## What the next lesson assumes
#
# That exact attention takes a number of operations quadratic in the length, however its memory is handled. There we
# leave scores out, or replace the softmax, and ask what is lost.

# %%
progress()
