# %% [markdown]
# # Windows, sinks, linear attention
#
# Full attention compares a new token with everything before it, and keeps everything for the next one. We look at two
# ways to stop that: see only the recent past, or keep a summary of fixed size. At the end you can write both, and you
# can say what each of them can no longer find.

# %% [markdown]
# **You need** the causal mask (lesson 06), the cache and its bytes (lesson 12), and for two comparisons the kernel of
# lesson 01 and the local window of lesson 03.
# **You get** the sliding window, its rolling cache, a softmax that may attend to nothing, and linear attention in two
# forms.

# %%
import numpy as np

from attncore import answer, breaks, card, check, hint, progress, reset
from attncore.alignment import local_weights
from attncore.cache import KVCache, kv_cache_bytes
from attncore.dot_product import scaled_dot_product_attention
from attncore.long_context import (
    feature_map,
    linear_attention,
    linear_attention_recurrent,
    rolling_cache,
    sliding_window_mask,
    softmax_with_sink,
)
from attncore.masks import causal_mask
from attncore.recorded import recorded_maps
from attncore.self_attention import influence
from attncore.softmax import softmax
from attncore.views.tables import heat_map, mask_map
from attncore.views.widgets.long_context import HAY, NEEDLE, needle_picture
from attncore.weighted_sum import weighted_sum
from attncore.words import embed, tokens

# %% [markdown]
# ## See only the recent past
#
# A sliding window of $w$ lets each token see itself and the $w - 1$ tokens before it (Beltagy et al., 2020, for an
# encoder; Jiang et al., 2023, for Mistral 7B). Here is a window of four over ten words.

# %%
words = "the cat sat on the mat because it was tired"
mask_map(
    sliding_window_mask(10, 4),
    tokens(words),
    tokens(words),
    title="Each word sees itself and at most three before it",
)

# %% [markdown]
# Look at the row of "it". What it stands for is "cat", six places back and out of sight. That is the
# price.

# %% [markdown]
# At its two ends the window is nothing new. As wide as the text it is the causal mask of lesson 06; with a width of
# one, each token sees only itself.

# %%
print(np.array_equal(sliding_window_mask(10, 10), causal_mask(10)))
print(np.array_equal(sliding_window_mask(10, 1), np.eye(10, dtype=bool)))

# %% [markdown]
# The ancestor is Luong's local attention (lesson 03): a window around a predicted center. Put the center on the last
# token, with a half width of $w - 1$, and it opens the same keys as our last row.

# %%
scores = np.zeros(10)
opened = local_weights(scores, 9, half_width=3) > 0
np.array_equal(opened, sliding_window_mask(10, 4)[-1])

# %% [markdown]
# What does it save? Count the pairs. The first $w - 1$ rows are shorter, so the sum is $n w - w (w - 1) / 2$: linear
# in $n$, where the triangle has $n (n + 1) / 2$.

# %%
for n in (100, 1000, 4000):
    print(
        f"{n:>4} tokens: {sliding_window_mask(n, 64).sum():>7} of {causal_mask(n).sum():>7} pairs"
    )

# %% [markdown]
# Counting is not saving. A mask on finished scores saves nothing; a GPU kernel that skips the blocks outside the band
# does (lesson 14).

# %% [markdown]
# ## Off by one
#
# "A window of 4,096" is not one thing. Ask which of these is meant, before you compare two implementations.
#
# | where | what a token sees |
# |---|---|
# | this course; the masks of Hugging Face's Transformers | $w$ tokens, itself among them |
# | the text of the Mistral paper (Jiang et al., 2023) | positions $i - W$ to $i$, which are $W + 1$ |
# | `window_size=(left, right)` in FlashAttention | `left` before it, itself, `right` after it |
# | Longformer (Beltagy et al., 2020) | $w / 2$ on each side, itself between them |

# %% [markdown]
# Until August 2025, Transformers passed $w$ itself as `left`, so the same Mistral saw one token more with FlashAttention
# than without (issue 39408). No error, slightly other numbers.

# %% [markdown]
# ## Layers carry further
#
# One layer sees a window. But a word of the second layer looks at words which have already looked around. Before we
# measure: how far do two layers reach?

# %% exercise="two-window-layers"

# %% [markdown]
# `influence` of lesson 05 tells by experiment. Two layers of attention, each with a window of three:


# %%
def two_layers(x):
    for _ in range(2):
        x = scaled_dot_product_attention(x, x, x, sliding_window_mask(len(x), 3))
    return x


mask_map(
    influence(two_layers, embed(words)),
    tokens(words),
    tokens(words),
    title="Two windows of three: each word is reached from five",
)

# %% [markdown]
# Each layer reaches $w - 1$ further, since the token itself is in every window. After $L$ layers a token can know of
#
# $$L\,(w - 1) + 1$$
#
# tokens. The boolean product of the masks says the same, without any numbers in the layers.

# %%
mask = sliding_window_mask(30, 3)
for L in (1, 2, 6):
    reached = np.linalg.matrix_power(mask.astype(int), L)[-1] > 0
    print(f"{L} layers: {reached.sum()} tokens, by the formula {L * (3 - 1) + 1}")

# %% [markdown]
# Mistral 7B has 32 layers and a window of 4,096, and its paper names a "theoretical attention span of approximately
# 131K tokens". Theoretical it is: a path exists. What arrives over such a path? Let every layer take the plain mean of
# its window, six layers of a window of four:

# %%
mask = sliding_window_mask(25, 4)
means = mask / mask.sum(axis=-1, keepdims=True)
arrives = np.linalg.matrix_power(means, 6)[-1]
arrives.round(3)

# %% [markdown]
# A bell. Its center is $L (w - 1) / 2$ back, its standard deviation $\sqrt{L (w^2 - 1) / 12}$: the reach grows with the
# depth, the spread only with its square root. Convolutions have this "effective receptive field" too (Luo et al., 2016).
# For Mistral's sizes:

# %%
print(f"mean {32 * 4095 / 2:,.0f} back, standard deviation {np.sqrt(32 * (4096**2 - 1) / 12):,.0f}")
print(f"the farthest of {32 * 4095 + 1:,} tokens gets {4096.0**-32:.0e}")

# %% [markdown]
# A trained layer can do better than a mean, and residual connections keep nearer tokens. Yet each hop must be learned,
# by words in the middle that do not know what will be asked. The second version of Mistral 7B has no window any more
# (model card of v0.2).

# %% [markdown]
# ## Local and global in turn
#
# The usual remedy is a full layer now and then: one hop to anywhere, and the windows around it only gather the
# neighbourhood.
#
# | model | local to global | window |
# |---|---|---|
# | Gemma 2 (Gemma Team, 2024b) | 1 : 1 | 4,096 |
# | Gemma 3, 4B and larger (Gemma Team, 2025) | 5 : 1 | 1,024 |
# | gpt-oss (OpenAI, 2025) | 1 : 1 | 128 |

# %% [markdown]
# The full layers then own the cache. In gpt-oss at 131,072 tokens, a pair of layers keeps just over half of what two
# full ones would, and no window, however small, brings it below half.

# %%
full, local = (kv_cache_bytes(layers=1, kv_heads=8, d_head=64, tokens=n) for n in (131_072, 128))
(full + local) / (2 * full)

# %% [markdown]
# ## The cache rolls
#
# In a local layer, a token that has left the window is never asked again. So throw it away. `rolling_cache` keeps what
# the newest token can see, and the newest row comes out as under the mask.

# %%
x = embed(words)
key, value = rolling_cache(x, x, window=4)
under_the_mask = scaled_dot_product_attention(x, x, x, sliding_window_mask(10, 4))
key.shape, np.allclose(scaled_dot_product_attention(x[-1:], key, value), under_the_mask[-1:])

# %% [markdown]
# Token by token: append to what is left, cut, attend. Every row is that of one pass under the mask, and there are never
# more than four keys.

# %%
key = value = x[:0]
for i in range(10):
    key, value = rolling_cache(np.vstack([key, x[i : i + 1]]), np.vstack([value, x[i : i + 1]]), 4)
    row = scaled_dot_product_attention(x[i : i + 1], key, value)
    print(len(key), np.allclose(row, under_the_mask[i]))

# %% [markdown]
# With a window as long as the text nothing is thrown away, and we have the cache of lesson 12 again.

# %%
cache = KVCache()
cache.append(x, x)
key, value = rolling_cache(cache.key, cache.value, window=len(cache))
np.array_equal(key, cache.key)

# %% [markdown]
# Real caches do not move memory at each step: token $i$ goes to place $i \bmod w$, over the one that has just left. The
# order in the buffer gets lost, and attention does not mind: where position matters, it is in the keys already (rotary,
# lesson 08).

# %%
ring = np.zeros((4, 384))
for i in range(10):
    ring[i % 4] = x[i]
np.allclose(scaled_dot_product_attention(x[-1:], ring, ring), under_the_mask[-1:])

# %% [markdown]
# ## Throw away the first token, and the model breaks
#
# Now take a model trained **without** a window, and roll its cache. Xiao et al. (2023) did that to Llama-2-13B, on a
# book of 65,000 tokens. Perplexity is e to the mean loss; lower is better.
#
# | kept | perplexity |
# |---|---|
# | the last 1,024 tokens | 5,158 |
# | the first 4 and the last 1,020 | 5.40 |
# | 4 line breaks in place of the first, and the last 1,020 | 5.60 |

# %% [markdown]
# Four tokens that say nothing decide everything. To see why, here is a trained head of a sentence encoder, which
# lesson 20 will run: layer 4, head 5, counted from 0. It sees both directions, and has the same habit.

# %%
told = recorded_maps()["The cat sat on the mat"]
trained, lengths = told.maps[4, 5], told.lengths[4, 5]
heat_map(
    trained,
    told.tokens,
    told.tokens,
    title="Every token gives the first one more than three quarters",
)

# %% [markdown]
# What do they get for it? Nearly nothing: here are the lengths of what each token hands over, its value times W_output.
# The usual reading (Clark et al., 2019, on BERT): the head finds nothing to do here. Softmax must spend its one unit,
# so it goes where it does no harm. Xiao et al. call such a token an **attention sink**.

# %%
print(
    ", ".join(f"{token} {length:.2f}" for token, length in zip(told.tokens, lengths, strict=True))
)

# %% [markdown]
# Evict the sink. The others share out the whole unit, in the old proportions: each weight grows by $1 / (1 - p)$, if $p$
# was the sink's. The most that the head can hand over, weights times lengths, grows with it.

# %%
rest = trained[:, 1:] / trained[:, 1:].sum(axis=-1, keepdims=True)
with_sink, without = trained @ lengths, rest @ lengths[1:]
print(f"at most {with_sink.mean():.2f} with the sink, {without.mean():.2f} without")

# %% [markdown]
# The ceiling is more than eight times as high, in a head that had learned to be silent. In a causal model it is the
# first tokens that become sinks, since every query can see them (Xiao et al., 2023). So keep a few of them besides the
# window:

# %%
mask_map(
    sliding_window_mask(10, 3, sinks=2),
    tokens(words),
    tokens(words),
    title="Two sinks stay visible, to those that come after them",
)

# %% exercise="kept-tokens"

# %% [markdown]
# `rolling_cache` takes the same sinks. While the text is short, sink and window overlap, and a token that is both is
# kept once.

# %%
for n in (2, 4, 5, 10):
    kept, _ = rolling_cache(np.arange(n)[:, None], np.arange(n)[:, None], window=3, sinks=2)
    print(f"{n:>2} tokens: keeps {kept[:, 0].tolist()}")

# %% [markdown]
# Three remarks. Xiao et al. count positions **inside the cache**, so that the sinks never seem farther away than in
# training. In a buffer they have fixed places before the ring, which nothing overwrites. And sinks are no memory: what
# lies between them and the window is gone.

# %% [markdown]
# ## A softmax that may attend to nothing
#
# If heads need a place for what they do not want to spend, we can give them one that is no token. Add one more score,
# the sink $s$, to the softmax, and drop its share:
#
# $$p_j = \frac{e^{x_j}}{e^{s} + \sum_i e^{x_i}}$$

# %% exercise="sum-with-a-sink"

# %% [markdown]
# By hand: scores whose exponentials are 1, 1 and 2, and a sink whose exponential is 4, so that eight parts are shared
# out. Below it, no sink at all: minus infinity is plain softmax.

# %%
scores = np.log([[1.0, 1.0, 2.0]])
print(softmax_with_sink(scores, np.log(4)), softmax_with_sink(scores, np.log(4)).sum())
print(softmax_with_sink(scores, -np.inf), softmax(scores))

# %% [markdown]
# It is the attention that we know, with one key more. Its score is the sink, its value is zero.

# %%
value = np.array([[1.0], [2.0], [3.0]])
more_scores = np.append(scores, [[np.log(4)]], axis=-1)
more_values = np.append(value, [[0.0]], axis=0)
weighted_sum(softmax(more_scores), more_values), softmax_with_sink(scores, np.log(4)) @ value

# %% [markdown]
# A sink of 0 is a key of zeros: the padding that lesson 06 had to hide, here put to use. Miller (2023) proposed it, as
# "off by one", for the 1 in the denominator. gpt-oss (OpenAI, 2025) learns a sink for every head.

# %%
per_head = softmax_with_sink(np.zeros((4, 2, 3)), np.array([-np.inf, 0.0, 2.0, 5.0]))
per_head.sum(axis=-1).round(2)

# %% [markdown]
# Read it once more, as a **gate**. The proportions are those of softmax, and in front stands one number, the sigmoid of
# how far the scores together rise above the sink:
#
# $$p = \text{softmax}(x) \cdot \sigma\Big(\log \sum_i e^{x_i} - s\Big)$$

# %%
above = np.log(np.exp(scores).sum()) - np.log(4)
softmax(scores) / (1 + np.exp(-above))

# %% [markdown]
# ## A summary of fixed size
#
# The other road keeps all tokens, but not one by one. What forces attention to make a square? Without the softmax,
# nothing would: matrix products may be taken in any order.
#
# $$(Q K^\top)\, V = Q\, (K^\top V)$$

# %%
rng = np.random.default_rng(0)
Q, K, V = (
    rng.standard_normal((1000, 8)),
    rng.standard_normal((1000, 8)),
    rng.standard_normal((1000, 6)),
)
np.allclose((Q @ K.T) @ V, Q @ (K.T @ V))

# %% [markdown]
# On the left stands a square of a million numbers. What stands on the right?

# %% exercise="state-shape"

# %%
(Q @ K.T).shape, (K.T @ V).shape

# %% [markdown]
# The exponential of a product cannot be taken apart like that. So Katharopoulos et al. (2020) replace it by a product
# of **features**: $\phi(q) \cdot \phi(k)$ in place of $e^{q \cdot k}$. So that no weight is negative, all features are
# positive: $\phi(x) = \text{elu}(x) + 1$, number by number, which is $x + 1$ above zero and $e^x$ below.

# %%
feature_map(np.array([-5.0, -1.0, 0.0, 1.0, 5.0])).round(3)

# %% [markdown]
# By hand. The query (0, 1) has the features (1, 2); the keys (1, 0) and (0, 1) have (2, 1) and (1, 2). The products are
# 4 and 5, the weights 4/9 and 5/9, and of the values 0 and 9 we get 5.

# %%
query, key, value = (
    np.array([[0.0, 1.0]]),
    np.array([[1.0, 0.0], [0.0, 1.0]]),
    np.array([[0.0], [9.0]]),
)
linear_attention(query, key, value)

# %% [markdown]
# It is the kernel regression of lesson 01, with another kernel: a mean of values, weighted by how alike query and key
# are, divided by the sum. Where all features are alike, it is a plain mean, here of the values so far.

# %%
nothing = np.zeros((4, 2))
linear_attention(nothing, nothing, np.array([[1.0], [2.0], [3.0], [4.0]]))

# %% [markdown]
# Now the other order. All that a query needs of the text is a matrix $\phi(K)^\top V$ and, for the division, the sum of
# the key features. Here every query sees every key:

# %%
memory, total = feature_map(K).T @ V, feature_map(K).sum(axis=0)
by_memory = feature_map(Q) @ memory / (feature_map(Q) @ total)[:, None]
np.allclose(by_memory, linear_attention(Q, K, V, causal=False))

# %% [markdown]
# Causal, the memory is that of the tokens so far, and a new token only adds to it: an outer product of its key features
# and its value. All vectors are rows.
#
# $$S_i = S_{i-1} + \phi(k_i)^\top v_i, \qquad z_i = z_{i-1} + \phi(k_i), \qquad o_i = \frac{\phi(q_i)\, S_i}{\phi(q_i) \cdot z_i}$$

# %%
three, four = (feature_map(K[:i]).T @ V[:i] for i in (3, 4))
np.allclose(four, three + np.outer(feature_map(K[3]), V[3]))

# %% [markdown]
# That is a recurrent network, with a matrix as its state; "Transformers are RNNs" is the paper's title. Token by token
# it gives what the weights under the causal mask give.

# %%
np.allclose(linear_attention_recurrent(Q, K, V), linear_attention(Q, K, V))

# %% [markdown]
# After a million tokens the state is still $d \times v$ numbers, and $d$ for the sum. Beside it, the cache of one head,
# width 128:

# %%
state = 128 * 128 + 128
for n in (64, 1000, 1_000_000):
    print(f"{n:>9,} tokens: cache {2 * 128 * n:>11,} numbers, state {state:,}")

# %% [markdown]
# ## What is lost: sharpness
#
# The needle: the word "paris" among 23 others, and a query that is "paris" too. Softmax finds it. Linear attention,
# with the same vectors, hardly notices.

# %%
x, asked = embed(HAY), embed(NEEDLE)
x[8] = asked[0]
print(softmax(4 * asked @ x.T)[0, 8].round(3))
print(linear_attention(asked, x, np.eye(24), causal=False)[0, 8].round(3))

# %% [markdown]
# That was unfair: softmax was sharpened with a factor of 4, and the entries of our vectors are small. So sharpen the
# other one as well.

# %% exercise="sharper-queries"

# %%
for factor in (1, 5, 50, 1000, 1_000_000):
    weights = linear_attention(factor * asked, factor * x, np.eye(24), causal=False)
    print(f"times {factor:>9,}: {weights[0, 8]:.3f}")

# %% [markdown]
# It stops short of 0.17. For large numbers $\phi(x)$ is a straight line above zero and nothing below, so a factor
# multiplies all weights of a row, and the division cancels it. In softmax it becomes a **power**, and the largest
# weight wins. This feature map has no temperature.

# %% [markdown]
# ## What is lost: room
#
# Let a state read $n$ pairs, then ask it with each key. To get the $n$ values back, whatever they are, the weights would
# have to be the identity, of rank $n$. Ours are a product of (n, d) and (d, n): rank $d$ at most. The exponential of
# softmax lifts the rank (lesson 07).

# %%
keys = rng.standard_normal((40, 8))
linear = linear_attention(keys, keys, np.eye(40), causal=False)
np.linalg.matrix_rank(linear), np.linalg.matrix_rank(softmax(keys @ keys.T))

# %% [markdown]
# So a state of $d \times v$ can return at most $d$ arbitrary values exactly. How many near enough? We count how often
# the answer lies nearest to the right value.


# %%
def recall(got, values):
    distance = np.square(got[..., :, None, :] - values[..., None, :, :]).sum(axis=-1)
    return np.mean(distance.argmin(axis=-1) == np.arange(values.shape[-2]))


# %% [markdown]
# Fifty draws each: random keys of length one and width 16, a random value for every key. Softmax
# is at a scale of 20, the features as sharp as they get.

# %%
for n in (2, 4, 8, 16, 32):
    keys, values = rng.standard_normal((2, 50, n, 16))
    keys = keys / np.linalg.norm(keys, axis=-1, keepdims=True)
    by_softmax = scaled_dot_product_attention(keys, keys, values, scale=20)
    by_state = linear_attention(1000 * keys, 1000 * keys, values, causal=False)
    print(
        f"{n:>2} pairs: softmax {recall(by_softmax, values):.2f}, linear {recall(by_state, values):.2f}"
    )

# %% [markdown]
# Random keys under a fixed map are the hard case. A trained model places its keys better, and is still held by the rank.
# Softmax pays for its perfect recall with a cache that holds all pairs.

# %% [markdown]
# ## Who still finds the needle?
#
# Drag it. Gray is out of sight. "Full" and "window" are softmax at a factor of 4. In a stack of layers only the last one
# asks; the others take means, since nobody tells them what will be asked. "Linear" is as sharp as it can be. Move the
# needle into the window and to the sinks, and change the depth.

# %%
needle_picture()

# %% [markdown]
# More layers reach further, and what they bring is blurred. Sinks find only what happens to lie in the first places.
# Linear attention gives the needle about the same small share wherever it lies.

# %% [markdown]
# ## Exercises
#
# Write each function in its cell and run it. `check` compares with the reference on many inputs; `hint` opens the next
# of three hints. `feature_map` is given.

# %% exercise="sliding_window_mask"

# %% [markdown]
# The picture again, under your own mask. Until it is right, the gray cells may tell you what is wrong with it.

# %%
needle_picture(sliding_window_mask)

# %% exercise="softmax_with_sink"

# %% exercise="gated_output"

# %% exercise="rolling_cache"

# %% exercise="linear_attention"

# %% exercise="linear_attention_recurrent"

# %% exercise="fix_local_layers"

# %% exercise="fix_sink_layer"

# %% exercise="fix_chunked_linear"

# %% exercise="window-pairs"

# %% exercise="layers-to-reach-back"

# %% exercise="mistral-window-bytes"

# %% exercise="gemma-cache-share"

# %% exercise="state-in-tokens"

# %% [markdown]
# ## Roads not taken
#
# The state can learn to forget: RetNet decays it at a fixed rate for each head (Sun et al., 2023), Mamba-2 by a factor
# that each token computes (Dao and Gu, 2024). It can overwrite: the delta rule subtracts what the state returns for a
# key before it writes (Schlag et al., 2021), and Gated DeltaNet does both (Yang et al., 2024b). Most large models that
# use them keep some softmax attention: one layer in eight in Jamba (Lieber et al., 2024), one in four in Qwen3-Next and
# Kimi Linear (2025). Sparse attention picks a limited number of keys by content instead (DeepSeek-V3.2, 2025).

# %% [markdown]
# Which tokens to keep is a question of its own. H2O (Zhang et al., 2023) keeps, beside the latest, those that have been
# given most weight so far. Longformer and BigBird (Zaheer et al., 2020) let a few global tokens see all and be seen by
# all. And what is kept is not always found: models with full attention, too, have missed facts in the middle of long
# texts (Liu et al., 2023c, "Lost in the Middle").

# %% [markdown]
# ## Say it in two minutes
#
# A window of $w$ costs $n w$ instead of $n^2$, and its cache stops growing at $w$ tokens. A stack of $L$ layers reaches
# $L (w - 1) + 1$ tokens in theory; what arrives from there is blurred, so models put full layers between. Softmax must
# spend its whole unit, and heads with nothing to say park it on the first tokens: evict those and the model breaks.
# Keep them, or put a learned sink in the denominator. Linear attention replaces $e^{q \cdot k}$ by $\phi(q) \cdot
# \phi(k)$; then keys and values sum into a state of fixed size. That state returns at most $d$ values exactly, and with
# elu + 1 there is no temperature: it summarizes, and recalls badly.

# %% [markdown]
# ## The interview corner
#
# Say your answer aloud before you open the model answer; then tick what you said.

# %% exercise="reach-in-theory"

# %% exercise="why-sinks"

# %% exercise="attending-to-nothing"

# %% exercise="what-linear-attention-loses"

# %% exercise="linear-or-cache"

# %% exercise="long-context-budget"

# %% [markdown]
# ## What the next lesson assumes
#
# That you know what a sink is: a token that gets much weight and hands over little. A map of weights shows the first
# and hides the second. There, we learn to read such maps, and not to over-read them.

# %%
progress()
