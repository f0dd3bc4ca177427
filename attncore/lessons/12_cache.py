# %% [markdown]
# # What attention costs, and the cache
#
# We count what attention does and what it holds. Then we feed a layer word by word, as generation does, see the same
# work done again at every step, and keep what we would need again. At the end you have written the cache on which every
# text generator runs, and you can say what limits it: arithmetic, memory, or the way between them.

# %% [markdown]
# **You need** the causal mask for the last positions (lesson 06) and multi-head attention (lesson 07).
# **You get** `KVCache` and `attend_with_cache`, and two formulas for FLOPs and bytes.

# %%
import numpy as np

from attncore import answer, breaks, card, check, hint, progress, reset
from attncore.cache import KVCache, attend_with_cache, attention_flops, kv_cache_bytes
from attncore.dot_product import attention_weights, scaled_dot_product_attention
from attncore.heads import (
    HeadWeights,
    merge_heads,
    mha_parameter_count,
    multi_head_attention,
    split_heads,
)
from attncore.masks import causal_mask
from attncore.positions import apply_rotary
from attncore.views.tables import heat_map
from attncore.views.widgets.cache import memory_picture, step_picture
from attncore.words import embed, tokens

# %% [markdown]
# ## Six matrix products
#
# A product of (2, 3) and (3, 4) has eight entries, and each adds up three products: 24 multiplications, 24 additions.
# As in lesson 11 we count both: a product of (a, b) and (b, c) takes $2abc$ FLOPs.

# %%
a, b, c = 2, 3, 4
2 * a * b * c

# %% [markdown]
# Multi-head attention makes six products: four projections, the scores, the weighted sum. Here are n tokens of width
# m, in h heads of width m/h. Softmax, a few operations for each score, is left out.
#
# $$\underbrace{4 \cdot 2\,n\,m\,m}_{\text{projections}} + \underbrace{h \cdot 2\,n\,\tfrac{m}{h}\,n}_{\text{scores}} + \underbrace{h \cdot 2\,n\,n\,\tfrac{m}{h}}_{\text{sum}} = 8\,n\,m^2 + 4\,n^2\,m$$

# %%
n, m, h = 6, 384, 12
by_hand = 4 * 2 * n * m * m + h * 2 * n * (m // h) * n + h * 2 * n * n * (m // h)
by_hand, attention_flops(n, m)

# %% [markdown]
# The heads cancel. And the first term is an old friend: lesson 07 counted $4m^2$ weights, and each takes part in one
# multiplication and one addition for every token.

# %%
2 * n * mha_parameter_count(m, h, bias=False), 8 * n * m**2

# %% exercise="twice-the-text"

# %% [markdown]
# ## When the square wins
#
# One term grows with n, the other with its square. They are equal where $8nm^2 = 4n^2m$, that is at $n = 2m$. GPT-2
# small has m = 768 and reads 1,024 tokens at most (Radford et al., 2019). What share of its attention is the square?

# %%
for n in (128, 1024, 2 * 768, 16_384):
    share = 4 * n**2 * 768 / attention_flops(n, 768)
    print(f"{n:>6} tokens: {share:.0%}")

# %% [markdown]
# GPT-2 never gets there. Its attention is "quadratic", and most of its arithmetic is linear: at its longest text the
# square takes 40% of attention, and less of the whole layer, whose feed-forward part has twice the weights of the four
# projections.

# %% exercise="where-the-square-wins"

# %% [markdown]
# Real layers move the crossing. Llama 3 8B has that width, but narrower keys and values (lesson 13), and a feed-forward
# part of 3 by 4,096 by 14,336 weights (Grattafiori et al., 2024). At two FLOPs for each weight and token, where does
# the square overtake all of it?

# %%
one_layer = 2 * 4096 * 4096 + 2 * 4096 * 1024 + 3 * 4096 * 14_336
2 * one_layer // (4 * 4096)

# %% [markdown]
# At 26,624 tokens. That counts the whole square; a kernel that skips what the causal mask hides does half of it, and
# the crossing is twice as far. "Attention is quadratic" is a statement about long texts.

# %% [markdown]
# ## Generation repeats itself
#
# A model writes one token, appends it, and reads the text again to write the next. Suppose it computes everything anew
# each time: 1, 2, 3 tokens, up to 1,000. How much more is that than one pass over the finished text?

# %%
anew = sum(attention_flops(t, 768) for t in range(1, 1001))
round(anew / attention_flops(1000, 768))

# %% [markdown]
# The work of 435 passes. How much of it is needed? We watch one layer read five words, and then six. Its weights are
# simple: only the query is scaled up, to make the attention sharp.

# %%
same = np.eye(384)
weights = HeadWeights(20 * same, same, same, same)


def layer(x, mask):
    return x + multi_head_attention(x, x, x, weights, 4, mask)


x = embed("the cat sat on the mat")
five, six = layer(x[:5], causal_mask(5)), layer(x, causal_mask(6))
np.allclose(six[:5], five)

# %% [markdown]
# Under the causal mask the five old rows stay what they were. So do their keys and values in the next layer, which is
# made from these rows, and so on to the top. Only the last row is new.

# %% exercise="what-stays-without-a-mask"

# %% [markdown]
# The first layer reads the embeddings, which no later word can change. The second reads what the first returns. Do its
# inputs for the five old words move when the sixth arrives?

# %%
for name, mask in (("causal", causal_mask), ("no mask", lambda n: None)):
    before, after = layer(x[:5], mask(5)), layer(x, mask(6))[:5]
    print(f"{name}: they move by up to {np.abs(after - before).max():.3f}")

# %% [markdown]
# A decoder may keep what it computed. An encoder without a mask has to read the whole text again whenever a word is
# added.

# %% [markdown]
# ## What the last row needs
#
# Its own query, and the keys and values of **all** tokens. It needs no mask either: it stands at the end, and may see
# everything. Here it is, alone, beside the row of the full pass.

# %%
query, key, value = (split_heads(x @ W, 4) for W in weights[:3])
alone = merge_heads(scaled_dot_product_attention(query[:, -1:], key, value)) @ weights.W_output
np.allclose(x[-1:] + alone, six[-1:])

# %% [markdown]
# So keys and values are read again by every later token. The query of token i is used in row i and nowhere else, and
# so are its scores and its weights. We keep keys and values, and throw the rest away.

# %%
row = attention_weights(query[0, -1:], key[0])
heat_map(
    row,
    ["mat"],
    tokens("the cat sat on the mat"),
    title='One query, six keys: in head 0 "mat" looks most at itself',
)

# %% exercise="decode-scores-shape"

# %% [markdown]
# ## The cache
#
# `KVCache` holds the keys and the values of the tokens so far. `append` adds those of new tokens behind them; `key`
# and `value` show all of them; `len` counts tokens.

# %%
cache = KVCache()
cache.append(key[:, :5], value[:, :5])
cache.append(key[:, 5:], value[:, 5:])
len(cache), cache.key.shape, np.array_equal(cache.value, value)

# %% [markdown]
# `attend_with_cache` is multi-head attention with such a memory: new tokens come in, their keys and values are
# appended, and they attend to everything that is there. Word by word it gives the rows of one causal pass.

# %%
cache = KVCache()
rows = [attend_with_cache(x[i : i + 1], cache, weights, 4) for i in range(6)]
full = multi_head_attention(x, x, x, weights, 4, causal_mask(6))
np.allclose(np.concatenate(rows), full)

# %% [markdown]
# The whole text as one chunk is nothing new: multi-head attention under its causal mask. Between the two lies
# everything else, such as a prompt of four words and then two at once.

# %%
for chunks in ([6], [4, 2], [1, 3, 2]):
    cache = KVCache()
    parts = np.split(x, np.cumsum(chunks)[:-1])
    rows = np.concatenate([attend_with_cache(part, cache, weights, 4) for part in parts])
    print(chunks, np.allclose(rows, full), len(cache))

# %% [markdown]
# A chunk of two behind four needs the mask of lesson 06: two queries, six keys, and the queries are the last
# positions. With PyTorch's `is_causal=True` they would be the first, and see one key and two.

# %%
print(causal_mask(2, 6).astype(int))

# %% [markdown]
# Positions have to go on, too. A rotary score depends on the distance (lesson 08). Let "mat" look back at the five
# words from position 5, where it stands, and from position 0, where a careless loop puts each new chunk.

# %%
turned = apply_rotary(x, np.arange(6))
for position in (5, 0):
    asks = apply_rotary(x[5:], np.array([position]))
    print(f"position {position}:", (asks @ turned[:5].T).round(2))

# %% [markdown]
# Other numbers, and no error. From position 0 the first word seems to stand where "mat" is, and the others ahead of it.

# %% [markdown]
# ## A cache does not make it linear
#
# What does a new token cost now? Its projections, $8m^2$, the same at every step. And its comparison with all t tokens
# so far, $4tm$, which grows. Up to n tokens that adds up to $8nm^2 + 2n^2m$, nearly.

# %%
for n in (1_000, 10_000, 100_000):
    lengths = np.arange(1, n + 1, dtype=float)
    anew = np.sum(8 * lengths * 768**2 + 4 * lengths**2 * 768)
    kept = np.sum(8 * 768**2 + 4 * lengths * 768)
    print(f"{n:>7} tokens: anew {anew:.1e}, with the cache {kept:.1e}")

# %% [markdown]
# From 10,000 tokens to ten times as many, the right column grows 79 times and the left one 831 times: nearly a square,
# and nearly a cube. The cache takes one power of n away. Nothing in it spares a token the comparison with all that
# came before.

# %% [markdown]
# Still, 1,000 tokens generated one by one now take no more arithmetic than one pass over the finished text. They take
# less, because the half that the mask hides is never computed.

# %%
kept = sum(8 * 768**2 + 4 * t * 768 for t in range(1, 1001))
round(kept / attention_flops(1000, 768), 2)

# %% [markdown]
# ## Room to grow
#
# How is a new token appended? `KVCache` joins arrays, which copies all earlier tokens each time: 0, 1, 2, and so on. A
# faster cache makes its room twice as large whenever it is full, and copies only then. We count the tokens copied.

# %%
copied, room = 0, 1
for t in range(1000):
    if t == room:
        copied, room = copied + t, 2 * room
print(f"joined at each step: {sum(range(1000)):,}   doubled: {copied:,}")

# %% [markdown]
# Doubling copies 1 + 2 + 4 + ... + 512 tokens: about one for each token appended. One append in a while is slow, the
# mean is constant, which is called **amortized** constant. The price is room: up to half of it is empty.

# %% [markdown]
# ## Bytes
#
# Keys and values, in each layer, for each text of the batch, in each head that has keys, for each token, d numbers,
# two bytes each. Here are four layers of real arrays in float16, and the formula beside them.

# %%
held = 0
for _ in range(4):
    cache = KVCache()
    cache.append(np.ones((2, 3, 5, 8), np.float16), np.ones((2, 3, 5, 8), np.float16))
    held += cache.key.nbytes + cache.value.nbytes
held, kv_cache_bytes(layers=4, kv_heads=3, d_head=8, tokens=5, batch=2)

# %% [markdown]
# One token, in models that one can look up: GPT-2 small has 12 layers of 12 heads, width 64; Llama 3 8B has 32 layers
# and 8 key-value heads of 128, Llama 3 70B has 80 layers of the same (Grattafiori et al., 2024). Two bytes a number.

# %%
for name, shape in (("GPT-2 small", (12, 12, 64)), ("8B", (32, 8, 128)), ("70B", (80, 8, 128))):
    print(f"{name}: {kv_cache_bytes(*shape, tokens=1):,} bytes a token")

# %% [markdown]
# One token takes 128 KiB in Llama 3 8B, as much as some 20,000 words of plain text; 8,192 tokens take 1 GiB. The
# scores, 4 GiB a layer, we threw away in lesson 11. (A GiB is $2^{30}$ bytes, 1.074 GB. Cards and data sheets count in
# GB, $10^9$ bytes, and so do the pictures here.)

# %% [markdown]
# What fits on a card? We start with one text. Find the number of texts at which the cache outgrows the weights of the 8B
# model, and what is left for the cache on a card of 24 GB. All numbers have two bytes.

# %%
memory_picture()

# %% [markdown]
# ## Prefill and decode
#
# Reading the prompt is **prefill**: all its tokens go through the weights at once. Then comes **decode**: one token at
# a time. Both read each weight from memory once in a pass. What they do with it differs.

# %%
weights_read = 8_030_261_248 - 128_256 * 4096  # without the table of embeddings, which is looked up
for name, n in (("decode", 1), ("prefill", 1000)):
    flops, read = 2 * weights_read * n, 2 * weights_read
    print(f"{name}: {flops / read:.0f} operations a byte of weights")

# %% [markdown]
# That ratio, operations a byte, is the **arithmetic intensity**. A graphics card has one as well: an H100 (SXM) makes
# 989 teraFLOPs a second in dense bfloat16 and reads 3.35 terabytes a second (NVIDIA, data sheet, 2023).

# %%
989e12 / 3.35e12

# %% [markdown]
# Below 295 operations a byte the card waits for its memory, above it the memory waits (the roofline; Williams et al.,
# 2009). Prefill of a thousand tokens is **limited by arithmetic**. Decode of one text is far to the other side,
# **limited by memory**: reading takes 295 times as long as calculating.

# %%
print(f"reading {2 * weights_read / 3.35e12 * 1e3:.2f} ms")
print(f"calculating {2 * weights_read / 989e12 * 1e3:.3f} ms")

# %% [markdown]
# These are bounds from a data sheet; real programs stay below them. But with weights of two bytes no kernel can be
# faster: for one text, 223 tokens a second is the end.

# %% [markdown]
# ## A batch shares the weights, not the cache
#
# Decode 64 texts together, and each weight that is read serves 64 tokens. Each text's keys serve that text alone. In
# plain multi-head attention a key of two bytes takes part in one multiplication and one addition at each step: one
# operation a byte, whatever the batch.

# %%
a_token = kv_cache_bytes(layers=32, kv_heads=8, d_head=128, tokens=1)
2 * weights_read // a_token

# %% [markdown]
# With 114,516 tokens in the cache, all texts together, the cache takes as long to read as the weights: 64 texts of
# 1,790 tokens. There, with texts of that length, decoding has reached half of the throughput that any batch could.
# Shazeer (2019) saw it early, and let the heads share keys and values: lesson 13.

# %% [markdown]
# So a step takes as long as the slower of the two, reading or calculating. We write that down for any batch and any
# length of its texts:


# %%
def step_seconds(batch, length):
    read = 2 * weights_read + batch * length * a_token
    flops = batch * (2 * weights_read + 4 * 32 * 4096 * length)
    return max(read / 3.35e12, flops / 989e12)


for batch, length in ((1, 1790), (64, 1790), (64, 8192), (512, 64)):
    seconds = step_seconds(batch, length)
    print(
        f"{batch:>3} texts of {length:,}: {seconds * 1e3:.1f} ms, {batch / seconds:,.0f} a second"
    )

# %% [markdown]
# 64 texts of 1,790 tokens take about twice as long as one, for 64 times the tokens. Longer texts make the cache the
# slowest part, and 8,192 tokens each would not even fit on the card. Only many short texts reach the arithmetic.

# %% [markdown]
# The picture is one pass of Llama 3 8B on one H100, by the data sheet. Start from one text, one new token and a short
# cache. Raise the batch until arithmetic limits it; then give each text 8,192 tokens of cache. Then go back to one
# text, and let it read 512 new tokens at once.

# %%
step_picture()

# %% [markdown]
# ## A long prompt in chunks
#
# A prompt of 100,000 tokens in one pass keeps the card busy for seconds, while all other users wait for their next
# token. Chunks of 512 behind a cache give the same rows, as we saw, and let the others decode in between, or in the
# same pass (Agrawal et al., 2023). What is the price? Weights and the earlier cache are read again for every chunk.

# %%
for size in (512, 128):
    chunks = -(-100_000 // size)
    weights_again = chunks * 2 * weights_read / 3.35e12
    cache_again = a_token * size * sum(range(chunks)) / 3.35e12
    print(f"chunks of {size}: {weights_again:.2f} s for weights, {cache_again:.2f} s for the cache")

# %% [markdown]
# And the arithmetic? Every token goes through the layers, only the last one through the output matrix, and the causal
# square has $n^2/2$ pairs:

# %%
in_layers, pairs = weights_read - 128_256 * 4096, 100_000**2 / 2
for flops in (2 * in_layers * 100_000, 4 * 32 * 4096 * pairs):
    print(f"{flops / 989e12:.2f} s")

# %% [markdown]
# Together 4.1 s, the causal square included. In chunks of 512 the weights (0.88 s) and the earlier cache (0.38 s) are
# read again; reading and calculating overlap, and the arithmetic hides the reading. At 128 the reads come to 5.0 s, more
# than the arithmetic.

# %% [markdown]
# ## The cache in pages
#
# Nobody knows how long an answer will be. To reserve 2,048 slots for every text is safe and wasteful. Paging (Kwon et
# al., 2023) hands out blocks of 16 slots, one when the last is full. Five texts:

# %%
lengths = np.array([37, 810, 5, 1290, 203])
reserved, paged = 2048 * len(lengths), 16 * np.ceil(lengths / 16).sum()
print(
    f"in use: {lengths.sum() / reserved:.0%} of what is reserved, {lengths.sum() / paged:.0%} of the pages"
)

# %% [markdown]
# The paper measured 20 to 38% in the systems before it. The blocks of a text may lie anywhere, and a table says where.
# Here is a pool of six blocks of two slots; our six words lie in blocks 4, 0 and 3.

# %%
table, pool = [4, 0, 3], np.zeros((6, 2, 384))
pool[table] = x.reshape(3, 2, 384)
gathered = pool[table].reshape(6, 384)
np.array_equal(
    scaled_dot_product_attention(x[-1:], gathered, gathered),
    scaled_dot_product_attention(x[-1:], x, x),
)

# %% [markdown]
# The same numbers: paging moves keys and values and changes none. Texts that begin alike can share blocks, and a server
# that keeps those blocks for later requests does **prefix caching** (Zheng et al., 2023). A real kernel follows the
# table while it attends, and does not gather first.

# %% [markdown]
# ## Exercises
#
# Write each function in its cell and run it. `KVCache` is a class, judged by what it holds; how it grows is your
# choice. `check` gives your `attend_with_cache` a cache of the course's own. `hint` opens the next of three hints.

# %% exercise="attention_flops"

# %% exercise="kv_cache_bytes"

# %% [markdown]
# This picture asks your own `kv_cache_bytes`. Set it to 24 GB, one text, and Llama 3 8B: how long may the text be?

# %%
memory_picture(kv_cache_bytes)

# %% exercise="KVCache"

# %% exercise="attend_with_cache"

# %% exercise="fix_chunked_prompt"

# %% exercise="fix_shared_prefix"

# %% exercise="fix_beam_search"

# %% exercise="kv-bytes"

# %% exercise="texts-on-a-card"

# %% exercise="tokens-a-second"

# %% exercise="tokens-to-the-ridge"

# %% [markdown]
# ## Roads not taken
#
# Keep less of each token: fewer key heads or a latent vector (lesson 13), or fewer bits (KIVI, Liu et al., 2024, keeps
# about two for each number). Keep fewer tokens: evict those that get little attention (H2O; Zhang et al., 2023), or all
# but a window and the first few (Xiao et al., 2023; lesson 15). **Speculative decoding** guesses several tokens with a
# small model and checks them in one pass of the large one (Leviathan et al., 2023), which then uses each weight it
# reads more than once.

# %% [markdown]
# ## Say it in two minutes
#
# Attention over n tokens of width m takes $8nm^2 + 4n^2m$ FLOPs; the square wins beyond n = 2m, and later in a whole
# layer. In generation the causal mask leaves earlier rows untouched, so we keep their keys and values and compute one
# row a step: linear for each token, quadratic for the text, instead of cubic. The cache holds two arrays a layer; in
# Llama 3 8B that is 128 KiB a token. Prefill is limited by arithmetic, decode by memory: at batch 1 it makes one
# operation a byte of weights, and an H100 could make 295. A batch shares the weights but not the cache, which
# then sets the limit.

# %% [markdown]
# ## The interview corner
#
# Say your answer aloud before you open the model answer; then tick what you said.

# %% exercise="why-keys-and-values"

# %% exercise="cost-of-a-cached-step"

# %% exercise="prefill-or-decode"

# %% exercise="what-batching-changes"

# %% exercise="chunked-prefill"

# %% exercise="paged-cache"

# %% [markdown]
# ## What the next lesson assumes
#
# That you can say how many bytes a token takes, and why decode waits for them. There, heads share their keys and
# values, and a token takes less.

# %%
progress()
