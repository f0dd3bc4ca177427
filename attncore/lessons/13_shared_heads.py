# %% [markdown]
# # Shared heads: MQA, GQA, MLA
#
# Every new token reads the whole cache. Here several query heads read the same key head, or all of them one small latent
# vector. At the end you have written grouped-query and latent attention, and you can say what each saves, what it
# does not, and why rotary positions need a part of their own.

# %% [markdown]
# **You need** multi-head attention (lesson 07), rotary positions (08) and the cache (12).
# **You get** `grouped_query_attention`, `latent_attention` in two equal forms, and the bytes that each keeps for a token.

# %%
import math

import numpy as np

from attncore import answer, breaks, card, check, hint, progress, reset
from attncore.cache import kv_cache_bytes
from attncore.dot_product import attention_scores, attention_weights, scaled_dot_product_attention
from attncore.heads import HeadWeights, merge_heads, multi_head_attention, split_heads
from attncore.masks import causal_mask
from attncore.positions import apply_rotary
from attncore.shared_heads import (
    LatentWeights,
    by_head,
    grouped_query_attention,
    kv_bytes_per_token,
    latent_attention,
    latent_attention_absorbed,
    pool_kv_heads,
    rotated,
)
from attncore.softmax import masked_softmax, softmax
from attncore.views.widgets.shared_heads import sharing_picture
from attncore.words import embed

# %% [markdown]
# ## What a new token reads
#
# Llama 3 8B has 32 layers and 32 query heads of width 128 (Grattafiori et al., 2024). If every query head had a key
# head of its own, a text of 8,192 tokens would keep, in GiB:

# %%
kv_cache_bytes(layers=32, kv_heads=32, d_head=128, tokens=8192) / 2**30

# %% [markdown]
# All of it is read again for every new token, and each number serves one multiplication and one addition: two FLOPs on
# two bytes. An H100 has time for about 295 FLOPs a byte (lesson 12). A batch shares the weights, but each text brings a
# cache of its own.

# %% [markdown]
# So a number that has been read should serve more than one query. The queries of one token, one in each head, are there
# at the same time. Let them share.

# %% [markdown]
# ## One key head for all
#
# Two query heads with one query each, and a single key head of three keys. One query points along the first coordinate,
# the other along the second.

# %%
query = np.array([[[4.0, 0.0]], [[0.0, 4.0]]])
key = np.array([[[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]])
attention_weights(query, key).round(2)

# %% [markdown]
# The heads look at different keys, though both read the same three. What makes a head is its question as much as its
# keys. Nothing new was needed: a heads axis of length one broadcasts. This is **multi-query attention**, MQA (Shazeer,
# 2019).

# %% [markdown]
# ## Groups in between
#
# One key head for 32 query heads is the extreme, and it costs some quality. **Grouped-query attention**, GQA (Ainslie et
# al., 2023), keeps g key heads, each with its value head (a **KV head**), and neighboring query heads form the groups.

# %% exercise="which-key-head"

# %% [markdown]
# Each group has h/g query heads. Divide by that, and round down. Not by g: only where h is the square of g are the two
# the same.
#
# $$\text{key head of } i = \left\lfloor \frac{i}{h / g} \right\rfloor$$

# %%
i = np.arange(6)
i // (6 // 3)

# %% [markdown]
# With arrays, one repeats each key head for its group. `np.repeat` puts the copies side by side; `np.tile` deals the
# heads out in turn. In PyTorch the first is `repeat_interleave`, and the second is `repeat`.

# %%
np.repeat([0, 1, 2], 2), np.tile([0, 1, 2], 2)

# %% [markdown]
# Both give six heads. Trained weights know one order, the first in all models we name here. With the other, every
# shape fits and most heads, here four of six, read keys that they were never trained with.

# %%
rng = np.random.default_rng(0)
query, key, value = (
    rng.standard_normal((h, n, w)) for h, n, w in ((6, 3, 8), (3, 5, 8), (3, 5, 4))
)
expected = grouped_query_attention(query, key, value)
for order in (np.repeat([0, 1, 2], 2), np.tile([0, 1, 2], 2)):
    out = scaled_dot_product_attention(query, key[order], value[order])
    print(order, [np.allclose(out[head], expected[head]) for head in range(6)])

# %% exercise="grouped-shape"

# %% [markdown]
# ## No copy is needed
#
# A repeated key is a copy, and copies are memory traffic: the very thing we wanted to save. So we cut the queries into
# groups instead. The heads axis becomes two, (g, h/g), and the key gets an axis of length one.

# %%
in_groups = query.reshape(3, 2, 3, 8)
scores = attention_scores(in_groups, key[:, None])
scores.shape

# %% [markdown]
# Broadcasting reads each key head for both of its queries. Joined again, the scores are those of the repeated keys. The
# same care belongs to the cache: append the g KV heads to it, never the repeated h.

# %%
np.allclose(scores.reshape(6, 3, 5), attention_scores(query, np.repeat(key, 2, axis=0)))

# %% [markdown]
# ## The two ends
#
# With as many groups as heads, each head has its own keys: the attention inside lesson 07's multi-head layer. With one
# group it is multi-query attention, the broadcast above.

# %%
keys, values = rng.standard_normal((2, 6, 5, 8))
own = grouped_query_attention(query, keys, values)
one = grouped_query_attention(query, key[:1], value[:1])
print(np.allclose(own, scaled_dot_product_attention(query, keys, values)))
print(np.allclose(one, scaled_dot_product_attention(query, key[:1], value[:1])))

# %% [markdown]
# ## What it saves, and what not
#
# Llama 3 8B has 32 query heads and 8 KV heads. The cache is a quarter of what multi-head attention would keep. And the
# arithmetic of the scores?

# %% exercise="grouped-score-flops"

# %% [markdown]
# Every query head still compares with every key. What shrinks is what is kept and read, and the two projections that
# make it. The bytes that one token adds:

# %%
for kind in ("mha", "gqa", "mqa"):
    print(kind, kv_bytes_per_token(kind, layers=32, n_heads=32, d_head=128, n_groups=8))

# %% [markdown]
# A number read now meets h/g queries: with two bytes a number that is h/g FLOPs a byte. Move the number of KV heads,
# then change to Llama 3 70B and to DeepSeek-V3. The last place of the slider, the latent, comes below.

# %%
sharing_picture()

# %% [markdown]
# Ainslie et al. (2023) measured it on T5-XXL, in whose decoder 64 heads came to share keys. Time is seconds for a
# sample, the score a mean over summarisation, translation and question answering.
#
# | attention | time | score |
# |---|---|---|
# | multi-head | 1.51 | 47.2 |
# | 8 groups | 0.28 | 47.1 |
# | multi-query | 0.24 | 46.6 |

# %% [markdown]
# ## Eight groups for eight cards
#
# Large models are split over several cards by heads (tensor parallelism). Llama 3 70B on eight cards: 8 query heads and
# 1 of the 8 KV heads on each. With a single KV head, every card needs a copy of it. Bytes a token on one card, eight
# groups, then one:

# %%
llama = {"layers": 80, "n_heads": 64, "d_head": 128}
kv_bytes_per_token("gqa", **llama, n_groups=8) // 8, kv_bytes_per_token("mqa", **llama)

# %% [markdown]
# The same. On eight cards a single KV head saves nothing over eight, and eight do better work. Ainslie et al. (2023)
# give this as one reason for groups: multi-query attention wastes its saving on copies.

# %% [markdown]
# ## From many heads to few
#
# A trained multi-head model can be converted. Ainslie et al. (2023) average the projections of neighboring heads, and
# train on for 5% of the original compute, which they call **uptraining**. One row of four heads of width two, into two
# groups:

# %%
W = np.array([[1.0, 1.0, 3.0, 5.0, 10.0, 20.0, 30.0, 20.0]])
pool_kv_heads(W, n_heads=4, n_groups=2), np.array_equal(pool_kv_heads(W, 4, 4), W)

# %% [markdown]
# The heads (1, 1) and (3, 5) become (2, 3). With as many groups as heads nothing changes. The projection is linear, so
# the pooled key is the mean of the keys; what is lost is where they disagree.

# %% [markdown]
# How much is that on real words? As in lesson 07 we take twelve slices of the word vectors as heads, the projection
# being the identity, and pool the keys alone. How much of its unit of attention does a word then give to other words
# than before?

# %%
words = "the cat sat on the mat"
x, heads = embed(words), split_heads(embed(words), 12)
apart = attention_weights(heads, heads, scale=16)
for groups in (12, 6, 3, 1):
    key = split_heads(x @ pool_kv_heads(np.eye(384), 12, groups), groups)
    pooled = attention_weights(heads, np.repeat(key, 12 // groups, axis=0), scale=16)
    moved = np.abs(pooled - apart).sum(axis=-1).mean() / 2
    print(f"{groups:>2} of 12 key heads: {moved:.2f} of the weight has moved")

# %% [markdown]
# These slices were never trained to agree, so pooling hurts at once. In the trained models of Ainslie et al. (2023),
# eight groups still work reasonably before uptraining, and one does not. The mean did better than keeping one head of
# each group, and that better than a fresh start.

# %% [markdown]
# ## Another idea: keep a latent
#
# Sharing makes heads alike. DeepSeek-V2 (2024) keeps one small vector a token, the
# **latent** c, of width z, and unpacks from it another key and another value for every head i, by that head's columns
# of W_up_key and W_up_value. It is **multi-head latent attention**, MLA.
#
# $$c = x\,W_{\text{latent}}, \qquad K_i = c\,W_{\text{up key},\,i}, \qquad V_i = c\,W_{\text{up value},\,i}$$

# %%
W_latent = rng.standard_normal((384, 48)) / math.sqrt(384)
W_up_key = rng.standard_normal((48, 384)) / math.sqrt(48)
c = x @ W_latent
c.shape, split_heads(c @ W_up_key, 12).shape

# %% [markdown]
# Kept are 48 numbers for each word; the keys of twelve heads are 384. The matrix that unpacks is called an
# up-projection. Groups are a special case: there it is a matrix of zeros and ones that only copies. For four heads of
# width one in two groups:

# %%
copying = np.repeat(np.eye(2), 2, axis=1)
print(copying)
print([5, 7] @ copying)

# %% [markdown]
# The kept 5 and 7 become 5, 5, 7, 7. With heads of width two, each 1 becomes a unit matrix of two by two:

# %%
kept = rng.standard_normal((5, 6))
copying = np.kron(np.repeat(np.eye(3), 2, axis=1), np.eye(2))
np.array_equal(split_heads(kept @ copying, 6), np.repeat(split_heads(kept, 3), 2, axis=0))

# %% [markdown]
# Three key heads of width two became six. A latent as wide as the groups' cache can do what the groups do, and learns
# what to copy and what to mix. Positions aside, that is; we come to them.

# %% [markdown]
# ## Never unpack
#
# Unpacking every token at every step would be slow. But a product of three matrices may be bracketed either way. With U
# for one head's columns of W_up_key:
#
# $$q\,(c\,U)^\top = (q\,U^\top)\,c^\top$$

# %%
q, U = np.array([[1.0, 2.0]]), np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
latents = np.array([[1.0, 0.0, 2.0], [0.0, 1.0, 1.0]])
q @ (latents @ U).T, (q @ U.T) @ latents.T

# %% [markdown]
# The left side unpacks each token. The right side moves the query, once, and compares in the latent space. We say that U is
# **absorbed** into the query: W_query and U are fixed, and the head's part of W_query times $U^\top$ could be computed
# before any text comes.

# %% [markdown]
# The values go the same way. Add up the latents first, and unpack the sum: one row for each query instead of one for
# each token. Here U_value stands for one head's columns of W_up_value.
#
# $$P\,(c\,U_{\text{value}}) = (P\,c)\,U_{\text{value}}$$

# %%
P = softmax(q @ (latents @ U).T)
U_value = rng.standard_normal((3, 4))
np.allclose(P @ (latents @ U_value), (P @ latents) @ U_value)

# %% [markdown]
# Each head absorbs its own part. `by_head` cuts an up-projection, whose columns belong to heads, into one matrix a head.

# %%
by_head(W_up_key, 12).shape, np.array_equal(by_head(W_up_key, 12)[1], W_up_key[:, 32:64])

# %% [markdown]
# ## Rotary stands in the way
#
# Rotary positions turn query $i$ by $R_i$ and key $j$ by $R_j$, after the key has been unpacked. Suppose that we leave
# the turning out, absorb as above, and compare with the rotated scores.

# %% exercise="rotated-and-absorbed"

# %%
positions = np.arange(5)
q, latents, U = (rng.standard_normal(shape) for shape in ((5, 4), (5, 6), (6, 4)))
turned = apply_rotary(q, positions) @ apply_rotary(latents @ U, positions).T
np.isclose(turned, (q @ U.T) @ latents.T)

# %% [markdown]
# On the diagonal both are turned alike, and the turns cancel. Elsewhere a rotation stays in the middle, another one for
# each distance, so there is no one matrix to absorb.
#
# $$(q_i R_i)(c_j U R_j)^\top = q_i\,R_i R_j^\top\,U^\top c_j^\top$$

# %% [markdown]
# The way out is to **decouple**. Each head compares d numbers without position, which can be absorbed, and r rotated
# ones. Their key comes straight from x, and there is one for all heads: multi-query attention again. The two dot
# products are added. With 12 heads, d = 32, r = 8 and z = 48, the seven matrices have these shapes:

# %%
shapes = {
    "W_query": (384, 384),
    "W_query_rope": (384, 96),
    "W_latent": (384, 48),
    "W_key_rope": (384, 8),
    "W_up_key": (48, 384),
    "W_up_value": (48, 384),
    "W_output": (384, 384),
}

# %% [markdown]
# The rotated parts come from the two that are called rope. `rotated` projects, splits and turns.

# %%
drawn = {name: rng.standard_normal(shape) / math.sqrt(shape[0]) for name, shape in shapes.items()}
weights = LatentWeights(**drawn)
query_rope, key_rope = rotated(x, weights, n_heads=12)
query_rope.shape, key_rope.shape

# %% [markdown]
# Twelve heads of rotated queries, one of rotated keys. The scores are divided by the square root of all the numbers
# compared, d + r, here 32 + 8. Before we count: what must a decode step find in the cache?

# %% exercise="what-the-latent-cache-holds"

# %% [markdown]
# ## Two forms, one result
#
# The unpacked form makes keys and values as lesson 07 knows them. The absorbed form never does. On the words, causal,
# they agree.

# %%
unpacked = latent_attention(x, weights, 12, causal_mask(6))
np.allclose(unpacked, latent_attention_absorbed(x, weights, 12, causal_mask(6)))

# %% [markdown]
# Without the rotary part it is an old acquaintance: multi-head attention whose key and value projections are products of
# two thin matrices, of rank 48 at most. Only the scale still counts the r places.

# %%
plain = weights._replace(W_query_rope=np.zeros((384, 96)))
W_query = weights.W_query * math.sqrt(32 / 40)
W_key, W_value = weights.W_latent @ weights.W_up_key, weights.W_latent @ weights.W_up_value
as_before = multi_head_attention(
    x, x, x, HeadWeights(W_query, W_key, W_value, weights.W_output), 12
)
np.allclose(latent_attention(x, plain, 12), as_before)

# %% [markdown]
# And read from the cache, the absorbed form is multi-query attention. All heads share one key of z + r numbers, and its
# first z numbers are the value as well. That is why the cache is so small, and has no factor of two.

# %% [markdown]
# ## What absorbing costs
#
# The shared key is wide. In DeepSeek-V3 (2024) a head unpacked has 128 + 64 numbers to
# compare and 128 to add up; absorbed they are 512 + 64 and 512. More arithmetic, and much less to read: numbers a token
# and layer, of 128 heads, unpacked and absorbed.

# %%
128 * (128 + 128) + 64, 512 + 64

# %% [markdown]
# In decode, where reading is what takes the time, one absorbs. In prefill, where thousands of queries use each key that
# was unpacked once, one does not. The two forms are equal up to rounding, and so one model may use both. The cache of
# DeepSeek-V3, against that of multi-head attention with the same heads:

# %%
deepseek = {"layers": 61, "n_heads": 128, "d_head": 128, "d_latent": 512, "d_rope": 64}
round(kv_bytes_per_token("mha", **deepseek) / kv_bytes_per_token("mla", **deepseek), 1)

# %% [markdown]
# Its cache is 57 times smaller than that of 128 heads with keys and values of width 128. The V2 report (DeepSeek-V2,
# 2024) adds that, in its own comparisons, MLA also does better than multi-head attention, while groups do worse.

# %% [markdown]
# ## Who uses what
#
# | keys and values | models |
# |---|---|
# | a KV head for each query head | GPT-2, GPT-3, Llama 2 7B |
# | groups | Llama 2 70B, Llama 3, Mistral 7B, Qwen2, Qwen3, Gemma 2 |
# | one KV head | PaLM, Falcon-7B |
# | a latent | DeepSeek-V2 and V3 |

# %% [markdown]
# ## Exercises
#
# Write each function in its cell and run it. `check` compares with the reference on many inputs; `hint` opens the next
# of three hints. `help(LatentWeights)` names the seven matrices; the helpers `rotated` and `by_head` of the story may
# be used.

# %% exercise="grouped_query_attention"

# %% [markdown]
# This picture asks your own function: it measures which key head and which value head each query head reads. Crossed
# wires tell what went wrong.

# %%
sharing_picture(grouped_query_attention)

# %% exercise="pool_kv_heads"

# %% exercise="latent_attention"

# %% exercise="latent_attention_absorbed"

# %% exercise="kv_bytes_per_token"

# %% exercise="fix_grouped_layer"

# %% exercise="fix_latent_forms"

# %% exercise="fix_latent_decoding"

# %% exercise="llama-70b-tokens-in-20-gib"

# %% exercise="llama-8b-key-value-parameters"

# %% exercise="deepseek-v3-bytes-of-a-text"

# %% exercise="groups-worth-a-latent"

# %% exercise="price-of-absorbing"

# %% [markdown]
# ## Roads not taken
#
# Layers may share keys and values too (Brandon et al., 2024), and the cache may be kept in as few as two bits a number
# (KIVI; Liu et al., 2024). A grouped model can be rewritten as a latent one (Meng et al., 2025). DeepSeek also
# compresses the queries, and normalizes the latent before it is cached; neither changes the idea. Keeping fewer tokens
# is lesson 15.

# %% [markdown]
# ## Say it in two minutes
#
# Decode is limited by what it reads, for long texts the cache, so query heads share what is read. In multi-query
# attention one KV head serves all, in grouped-query attention head i uses KV head i // (h/g). That divides cache and
# traffic by h/g and leaves the score arithmetic as it is. MLA caches one latent and one rotated key a token. Each
# head's up-projections are absorbed into query and output, which works because no rotation stands between; the
# positions travel in separate places.

# %% [markdown]
# ## The interview corner
#
# Say your answer aloud before you open the model answer; then tick what you said.

# %% exercise="why-share-keys"

# %% exercise="how-many-groups"

# %% exercise="grouped-from-multi-head"

# %% exercise="what-a-latent-cache-is"

# %% exercise="why-rotary-is-decoupled"

# %% exercise="when-to-absorb"

# %% [markdown]
# ## What the next lesson assumes
#
# That you know what limits an attention step: not its arithmetic but what it reads. Here we made the cache smaller.
# There, the scores themselves never reach memory.

# %%
progress()
