# %% [markdown]
# # What attention costs, and the cache
#
# A model that writes reads its own text over and over. In this lesson you'll find out which part of that work can be
# kept, keep it, and then count: operations, bytes, and which of the two you're waiting for. Start with a guess.

# %%
import numpy as np

from attncore import answer, breaks, card, check, hint, progress, reset, tiny_gpt, yours
from attncore.dot_product import scaled_dot_product_attention
from attncore.heads import merge_heads, multi_head_attention, split_heads
from attncore.masks import causal_mask
from attncore.transformer import embed_ids, encoder_block, feed_forward, layer_norm
from attncore.views.plots import curves

# %% exercise="what-is-new"

# %% [markdown]
# ## Generation repeats itself
#
# Let's look inside a trained model. The course comes with a small one that writes *Alice in Wonderland*, one character
# at a time, in three layers. It reads a sentence, and then the same sentence with one more character. By how much do
# the earlier rows move, layer by layer?

# %%
model = tiny_gpt.load()
ids = np.array(tiny_gpt.encode("alice was so tired"))


def rows_of(ids, mask):
    x, read = embed_ids(ids, model), []
    for block in model.blocks:
        x = encoder_block(x, block, tiny_gpt.N_HEADS, mask)
        read.append(x)
    return read


# %%
def moved(mask):
    before, after = rows_of(ids[:-1], mask(len(ids) - 1)), rows_of(ids, mask(len(ids)))
    return [round(float(np.abs(b - a[:-1]).max()), 3) for b, a in zip(before, after, strict=True)]


moved(yours.causal_mask)

# %% [markdown]
# Nothing but rounding, in every layer. So the keys and values that each layer makes from these rows are final the moment
# they're computed. Now take the mask away.

# %% exercise="what-stays-without-a-mask"

# %%
moved(lambda n: None)

# %% [markdown]
# Those are the rows that each layer returns, so from the second layer on nothing old is valid any more. A decoder may
# keep what it computed; an encoder has to read the whole text again whenever you add a word.

# %% [markdown]
# ## What the last row needs
#
# So a step has to compute one row. What does that row need from the others?

# %% exercise="what-to-keep"

# %% [markdown]
# Here's the last row alone, in the first layer of the model, beside the last row of a full pass. It needs no mask
# either: it's the last one, and may see everything.

# %%
block = model.blocks[0]
x = layer_norm(embed_ids(ids, model), *block.attention_norm)
query, key, value = (split_heads(x @ W, tiny_gpt.N_HEADS) for W in block.attention[:3])
last = yours.scaled_dot_product_attention(query[:, -1:], key, value)
alone = merge_heads(last) @ block.attention.W_output
full = multi_head_attention(x, x, x, block.attention, tiny_gpt.N_HEADS, causal_mask(len(x)))
f"equal to 1e-5: {np.allclose(alone, full[-1:], rtol=0, atol=1e-5)}"

# %% exercise="decode-scores-shape"

# %% [markdown]
# ## The cache
#
# What you need is a container with three abilities: it takes the keys and values of new tokens, shows all of them, and knows
# how many there are. How it grows is your choice.

# %% exercise="KVCache"

# %% [markdown]
# If yours joins arrays, it copies all earlier tokens at each step. If it doubles its room whenever it's full, it copies
# about one token for each token appended, which is called **amortized** constant time; the price is empty room. Servers
# do neither: they preallocate, or use pages (more on those below).
#
# Now the attention around it. New tokens come in, one or many, and attend to everything that's there.

# %% exercise="attend_with_cache"

# %% [markdown]
# One function reads a prompt, a single token, and everything in between. The test is always the same: chunks of any sizes
# give the rows of one causal pass.

# %%
for sizes in ([18], [10, 8], [1, 7, 10], [1] * 18):
    cache, parts = yours.KVCache(), np.split(x, np.cumsum(sizes)[:-1])
    rows = [
        yours.attend_with_cache(part, cache, block.attention, tiny_gpt.N_HEADS) for part in parts
    ]
    same = np.allclose(np.concatenate(rows), full, rtol=0, atol=1e-5)
    print(f"{len(sizes):>2} chunks: {len(cache)} tokens kept, equal to 1e-5: {same}")

# %% [markdown]
# Step through a generation. What would each step have to compute without the cache? And with two layers?

# %%
from attncore.views.explorables.generation import generation

generation(n_layers=2)

# %% exercise="fix_chunked_prompt"

# %% [markdown]
# ## A model that writes
#
# Time for the real loop, which is called **autoregressive**: the model reads everything so far, and its scores decide
# the next token. First count what that takes without a cache.

# %% exercise="rows-without-a-cache"

# %% [markdown]
# Here's a whole model with a cache for each layer. It's the block of lesson 09, with your attention in it, and you tell
# it the position of its first token.


# %%
def read(ids, start, caches):
    x = model.token_embedding[ids] + model.position_embedding[start : start + len(ids)]
    for block, cache in zip(model.blocks, caches, strict=True):
        normal = layer_norm(x, *block.attention_norm)
        x = x + yours.attend_with_cache(normal, cache, block.attention, tiny_gpt.N_HEADS)
        x = x + feed_forward(layer_norm(x, *block.feed_forward_norm), block.feed_forward)
    return layer_norm(x, model.gain, model.bias) @ model.token_embedding.T


# %% [markdown]
# And here's the loop, which always takes the likeliest character. Without the cache (`keep=False`) it starts each step
# with empty ones.


# %%
def write(prompt, n_new, keep=True, position=lambda start: start):
    ids, caches, rows = tiny_gpt.encode(prompt), None, 0
    for _ in range(n_new):
        if caches is None or not keep:
            caches = [yours.KVCache() for _ in model.blocks]
        start = len(caches[0])
        logits = read(ids[start:], position(start), caches)
        rows += len(ids) - start
        ids.append(int(logits[-1].argmax()))
    return f"{rows:>4} rows: {tiny_gpt.decode(ids)!r}"


# %%
print(write("alice was ", 40, keep=False))
print(write("alice was ", 40))

# %% [markdown]
# The same text, character by character, for a twenty-fourth of the rows. (It's a small model, so don't expect much of a
# plot.) Positions have to go on counting, too. A careless loop counts each new chunk from 0:

# %%
print(write("alice was ", 40, position=lambda start: 0))

# %% [markdown]
# Such mistakes are hard to see, because people evaluate models by reading texts in one pass, and there everything's
# fine. The course has put mistakes into the parts of SmolLM2, a model of 135 million weights, and measured the loss
# both ways: of a page read at once, and of its later tokens read one by one behind a cache. The mistakes below show up
# only in the second.

# %%
from attncore.recorded import recorded_mistakes

for m in recorded_mistakes():
    if m.kind in ("right", "late"):
        mistake = f"{m.part}: {m.label}" if m.part else "no mistake"
        print(f"at once {m.whole:.2f}, decoding {m.decoding:.2f}   {mistake}")

# %% [markdown]
# One more piece of bookkeeping. Beam search keeps several texts alive at once, and they move from row to row.

# %% exercise="fix_beam_search"

# %% [markdown]
# ## Count the operations
#
# How much work was all that? Matrix products are nearly all of it.

# %% exercise="product-flops"

# %% [markdown]
# Multi-head attention makes six kinds of products: four projections, the scores, the weighted sum. Before you count
# them, say how the total grows.

# %% exercise="twice-the-text"

# %% exercise="attention_flops"

# %% exercise="where-the-square-wins"

# %%
lengths = [2**k for k in range(7, 15)]
shares = {
    f"width {m:,}": [1 - 8 * n * m**2 / yours.attention_flops(n, m) for n in lengths]
    for m in (768, 4096, 16_384)
}
curves(shares, "Which share of attention is quadratic?", "tokens", "share", lengths, log="x")

# %% [markdown]
# GPT-2 small, of width 768, reads 1,024 tokens at most (Radford et al., 2019): its square never gets to half. And a whole layer
# has more than attention. Llama 3 8B, with fewer key heads and a feed-forward part of 3 × 4,096 × 14,336 weights (Grattafiori et
# al., 2024), has 218 million weights a layer, at two operations each. Where does $4nm$ overtake them?

# %%
in_a_layer = 2 * 4096 * 4096 + 2 * 4096 * 1024 + 3 * 4096 * 14_336
2 * in_a_layer // (4 * 4096)

# %% [markdown]
# At 26,624 tokens, and at twice that if a kernel skips what the causal mask hides. "Attention is quadratic" is a statement
# about long sequences.

# %% [markdown]
# ## What a step costs with the cache
#
# A new token costs its projections, $8m^2$, the same at every step, and the comparison with all $t$ tokens so far, $4tm$. Is
# generation linear now?

# %%
ends = 10.0 ** np.arange(2, 7)
anew, kept = 8 * 768**2 * ends**2 / 2 + 4 * 768 * ends**3 / 3, 8 * 768**2 * ends + 2 * 768 * ends**2
curves(
    {"everything anew": anew, "with the cache": kept},
    "How many operations does a text take? One layer of width 768",
    "tokens",
    "FLOPs",
    ends,
    log="xy",
)

# %% [markdown] folded="What do the slopes say?"
# On the right, for each factor of ten in tokens, the upper line climbs by three factors of ten and the lower by two.
# The cache takes one power of $n$ away: cubic becomes quadratic, and nothing spares a token the comparison with
# everything before it. Still, a text written token by token takes no more arithmetic than one causal pass over it.

# %% [markdown]
# ## Bytes
#
# What you saved in operations you pay for in memory. Count it: what's kept, in all layers, for a batch of sequences?

# %% exercise="kv_cache_bytes"

# %%
shapes = {
    "GPT-2 small": (12, 12, 64),
    "SmolLM2 135M": (30, 3, 64),
    "Llama 3 8B": (32, 8, 128),
    "Llama 3 70B": (80, 8, 128),
}
{name: f"{yours.kv_cache_bytes(*shape, tokens=1):,}" for name, shape in shapes.items()}

# %% [markdown]
# These are the bytes of a single token, at two bytes a number (configurations: Radford et al., 2019; Allal et al.,
# 2025; Grattafiori et al., 2024). SmolLM2 gets by with little: nine query heads share three key heads, which is lesson
# 13. What about a model in which nobody shares?

# %% exercise="kv-bytes"

# %% [markdown]
# What fits into a GPU's memory? Below are sixteen sequences. At how many does the picture run out of room, and what
# would help more then, a smaller model or shorter sequences? Then try 24 GB: how long may a single sequence get?

# %%
from attncore.views.widgets.cache import memory_picture

memory_picture(yours.kv_cache_bytes)

# %% exercise="texts-on-a-card"

# %% [markdown]
# (A GiB is $2^{30}$ bytes, 1.074 GB. Data sheets count in GB, and so does the picture.)

# %% [markdown]
# ## Prefill and decode
#
# Reading the prompt is **prefill**: all its tokens go through the weights together, and the user waits for the first
# token (the TTFT, time to first token). Then comes **decode**, one token at a time (the TPOT, time per output token).
# Either way, a pass reads each weight from memory once. The number of operations per byte moved is called **arithmetic
# intensity**.

# %% exercise="tokens-to-the-ridge"

# %% [markdown]
# With two bytes a weight, each token brings one operation a byte. So the number you've just worked out is also the
# **ridge** of that GPU, the intensity at which reading and arithmetic take equally long. For an H100 it's $989 \cdot
# 10^{12}$ operations over $3.35 \cdot 10^{12}$ bytes a second (NVIDIA, 2023), or 295. Left of it you wait for memory,
# and the work is **memory-bandwidth-bound**; right of it you wait for arithmetic, and it's **compute-bound** (Williams
# et al., 2009). Raise the batch in the picture. Which dots move, and which never do?

# %%
from attncore.views.explorables.roofline import roofline

roofline()

# %% [markdown] folded="Which ones?"
# Matrix products in decode move right with the batch, since the weights are read once for all sequences. Attention in
# decode stays where it is: each sequence has keys of its own, and one query reads each of them once. With a key head
# for each query head that's about one operation a byte, at any batch and any length. GQA and MLA (lesson 13) move it.

# %% exercise="tokens-a-second"

# %% [markdown]
# That's a bound from a data sheet. Real programs stay below it, but no kernel gets past it.

# %% [markdown]
# ## A batch shares the weights, not the cache
#
# Decode 64 sequences together, and each weight that's read serves 64 tokens. Each sequence's keys serve that sequence alone. So
# at some point the cache takes as long to read as the weights. For Llama 3 8B:

# %%
n_weights = 8_030_261_248 - 128_256 * 4096  # the table of embeddings is only looked up
a_token = yours.kv_cache_bytes(layers=32, kv_heads=8, d_head=128, tokens=1)
2 * n_weights // a_token

# %% [markdown]
# 114,516 tokens, in all sequences together: 64 of 1,790 tokens, say. Shazeer (2019) saw it early, and let the heads share keys
# and values.
#
# How long does a step take, then? In each layer attention and the matrix products come one after the other, and the reads of one
# don't overlap with the arithmetic of the other. So it's a sum over phases, in each of which you wait for the slower of reading
# and computing (Austin et al., 2025).


# %%
def step_seconds(batch, length, flops=989e12, bandwidth=3.35e12):
    products = max(2 * n_weights / bandwidth, batch * 2 * n_weights / flops)
    attention = batch * length * max(a_token / bandwidth, 4 * 32 * 4096 / flops)
    return products + attention


# %%
batches = [2**k for k in range(11)]
rates = {
    f"{n:,} tokens each": [batch / step_seconds(batch, n) / 1000 for batch in batches]
    for n in (64, 1790, 8192)
}
curves(
    rates, "What does a larger batch bring?", "batch", "thousand tokens a second", batches, log="x"
)

# %% [markdown]
# Short sequences gain until the products reach the ridge, near a batch of 295. Long ones flatten much earlier, because
# the part that the batch doesn't share has taken over. (64 sequences of 8,192 tokens wouldn't even fit into 80 GB.) The
# times behind these curves are lower bounds, from the data sheet; lesson 18 builds schedules on them.

# %% [markdown]
# ## A long prompt in chunks
#
# A prompt of 100,000 tokens in one pass keeps the GPU busy for seconds, while everybody else waits for a token. Chunks
# behind a cache give the same rows, and let the others decode in between (Agrawal et al., 2023). The price: weights and
# earlier cache are read again for every chunk. How small may a chunk be? Count by phases, as before:


# %%
def prompt_seconds(size, n=100_000, flops=989e12, bandwidth=3.35e12):
    chunks, layers = -(-n // size), n_weights - 128_256 * 4096  # only the last token needs logits
    products = max(chunks * 2 * layers / bandwidth, n * 2 * layers / flops)
    earlier = size * sum(range(chunks)) * a_token
    return products + max(earlier / bandwidth, 4 * 32 * 4096 * n**2 / 2 / flops)


# %%
chunks = [2**k for k in range(5, 13)]
taken = {"100,000 tokens": [prompt_seconds(size) for size in chunks]}
curves(taken, "How long does the prompt take?", "tokens in a chunk", "seconds", chunks, log="x")

# %% [markdown]
# It's flat from 512 on, and climbs below. That's the ridge again: a chunk needs about as many tokens as the GPU does
# operations per byte, 295 here, or its products wait for the weights. With chunks of 512 the bound is 4.1 s, all of it
# arithmetic. With 128 it's 5.9 s: the products wait, the attention doesn't, and neither can help the other.

# %% [markdown]
# ## The cache in pages
#
# Nobody knows how long an answer will be. Reserving 2,048 slots for every request is safe and wasteful. Paging (Kwon et
# al., 2023) hands out blocks of 16 slots, a new one when the last is full. Here are five requests:

# %%
tokens = np.array([37, 810, 5, 1290, 203])
slots = {"reserved": 2048 * len(tokens), "in pages": 16 * np.ceil(tokens / 16).sum()}
{name: f"{tokens.sum() / held:.0%} in use" for name, held in slots.items()}

# %% [markdown]
# In earlier systems the paper measured 20 to 38%. A table says where each block of a request lies, so blocks may lie
# anywhere, and requests that begin alike can share them. Sharing is where it gets dangerous. You'll write the table in
# lesson 18; here's the danger.

# %% exercise="fix_shared_prefix"

# %% [markdown]
# ## The same in PyTorch
#
# ```python
# import torch
# import torch.nn.functional as F
#
# x, (W_query, W_key, W_value) = torch.randn(6, 16), torch.randn(3, 16, 16) / 4
# heads = lambda t: t.view(-1, 2, 8).transpose(0, 1)  # (n, m) to (h, n, d)
# keys = values = torch.empty(2, 0, 8)
# rows = []
# for token in x.split(1):
#     keys = torch.cat((keys, heads(token @ W_key)), dim=1)
#     values = torch.cat((values, heads(token @ W_value)), dim=1)
#     rows.append(F.scaled_dot_product_attention(heads(token @ W_query), keys, values))
# full = F.scaled_dot_product_attention(*(heads(x @ W) for W in (W_query, W_key, W_value)), is_causal=True)
# print(keys.shape, torch.allclose(torch.cat(rows, dim=1), full, atol=1e-6))
# ```
#
# ```text
# torch.Size([2, 6, 8]) True
# ```
#
# No mask in the loop, since the one query is the last position. With a chunk of several tokens you need one, aligned at
# the bottom right; `is_causal=True` is aligned at the top left (lesson 06).

# %% [markdown]
# ## The interview corner
#
# Say it, type it, choose, and then read. The last two cards are from lesson 10.

# %% exercise="why-keys-and-values"

# %% exercise="cost-of-a-cached-step"

# %% exercise="prefill-or-decode"

# %% exercise="what-batching-changes"

# %% exercise="chunked-prefill"

# %% exercise="paged-cache"

# %% again="patches-are-a-convolution"

# %% again="class-token-or-mean"

# %% [markdown]
# ## Say it in two minutes
#
# "What does it cost to generate a token, and what does the cache change?" Two minutes, aloud, with numbers. Then compare.

# %% [markdown] folded="One way to say it"
# "Attention over n tokens of width m takes 8 n m² plus 4 n² m operations; the square wins beyond n = 2m, and later if you count
# the whole layer. Under the causal mask earlier rows never change, so we keep their keys and values and compute one row a step:
# linear for a token, quadratic for the text instead of cubic. The cache holds two arrays a layer; in Llama 3 8B that's 128 KiB a
# token. Prefill is compute-bound, decode is memory-bandwidth-bound: at batch one it does one operation for each byte of weights,
# and an H100 could do 295. A batch shares the weights but not the cache, so with long sequences the cache sets the limit. A step
# is the sum of its phases, and a chunk of a prompt should have about as many tokens as the ridge."

# %% [markdown]
# ## Roads not taken
#
# Keep less of each token: fewer key heads or a latent vector (lesson 13), or fewer bits (KIVI keeps about two for each number;
# Liu et al., 2024). Keep fewer tokens: evict those that got little attention so far (H2O; Zhang et al., 2023), or all but a
# window and the first few (Xiao et al., 2023; lesson 15). Share what's the same, a prompt's beginning, between requests (Zheng
# et al., 2023), or let a small model draft several tokens that the large one checks in one pass (Leviathan et al., 2023): both in
# lesson 18.

# %% sources="here"

# %% [markdown]
# ## What the next lesson assumes
#
# That you can say how many bytes a token takes, and why decode waits for them. In lesson 13 heads share their keys and values,
# and a token takes less.

# %%
progress()
