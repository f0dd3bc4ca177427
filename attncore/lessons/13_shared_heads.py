# %% [markdown]
# # Shared heads: MQA, GQA, MLA
#
# Every new token reads the whole cache (lesson 12). So let several query heads read the same keys. Say there are six
# query heads and three key heads, and neighbors form a group. Run the cell below, then say which key head query head 4
# should read.

# %%
import math

import numpy as np

from attncore import answer, breaks, card, check, hint, progress, reset, yours
from attncore.dot_product import attention_weights, scaled_dot_product_attention
from attncore.heads import merge_heads, split_heads
from attncore.positions import apply_rotary
from attncore.shared_heads import LatentWeights, by_head, rotated
from attncore.softmax import masked_softmax
from attncore.views.plots import curves
from attncore.views.tables import heat_map
from attncore.views.widgets.shared_heads import sharing_picture

# %% exercise="which-key-head"

# %% [markdown]
# ## Groups in between
#
# Why share at all? Llama 3 8B has 32 layers and 32 query heads of width 128 (Grattafiori et al., 2024). If each query
# head had a key head and a value head of its own, this is what one request of 8,192 tokens would keep, in GiB:

# %%
yours.kv_cache_bytes(layers=32, kv_heads=32, d_head=128, tokens=8192) / 2**30

# %% [markdown]
# A decode step reads all of it for one new token, and each number serves one multiplication and one addition: two FLOPs on
# two bytes, where an H100 can do about 295 FLOPs in the time that it takes to read one byte (lesson 12). Batching doesn't
# help, since every request brings a cache of its own. But a token has 32 queries, one in each head, and they're all there
# at the same time.
#
# Here are two query heads, one query each, and a single key head with three keys.

# %%
query = np.array([[[4.0, 0.0]], [[0.0, 4.0]]])
key = np.array([[[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]])
weights = attention_weights(query, key)
heat_map(weights[:, 0], ["head 0", "head 1"], ["k0", "k1", "k2"], title="Do they look at one key?")

# %% [markdown]
# Same keys, different questions. That's **multi-query attention**, MQA (Shazeer, 2019): one key head and one value
# head for all query heads. The heads axis of the key has length one, and broadcasting does the rest.
#
# One key head for all costs some quality, as we'll see. **Grouped-query attention**, GQA (Ainslie et al., 2023), keeps
# $g$ of them, and neighboring query heads share one:
#
# $$\text{key head of } i = \left\lfloor \frac{i}{h / g} \right\rfloor$$
#
# A key head together with its value head is called a **KV head**.

# %% exercise="grouped-shape"

# %% [markdown]
# Now write it, for any $g$ that divides $h$, with a batch in front if there is one, and with a mask. The check only
# compares numbers; ask yourself whether your version copies the keys.

# %% exercise="grouped_query_attention"

# %% [markdown]
# This picture runs your function to find out which key head, and which value head, each query head reads. Move the
# number of key heads, and change the model.

# %%
sharing_picture(function=yours.grouped_query_attention)

# %% [markdown]
# ## No copy is needed
#
# There are two ways to write this. One repeats each key head for its group, then attends as in lesson 07. The other
# cuts the *query's* heads axis in two, $(g, h/g)$, gives the keys an axis of length one, and lets broadcasting read
# each key head for its whole group. Same numbers. But look at what the first one has to build from the cache at every
# step, here for one layer of Llama 3 8B at 8,192 tokens, in MiB:

# %%
cached = np.zeros((8, 8192, 128), np.float16)
repeated = np.repeat(cached, 4, axis=0)
shared = np.broadcast_to(cached[:, None], (8, 4, 8192, 128))
{
    "cache": cached.nbytes / 2**20,
    "repeated": repeated.nbytes / 2**20,
    "same memory": shared.base is cached,
}

# %% [markdown]
# The repeat multiplies the very traffic that we wanted to save. And if it happens *before* the keys are appended, the
# cache itself doesn't shrink: a classic bug, which shows only in the memory.

# %% exercise="fix_grouped_layer"

# %% [markdown] folded="What does SmolLM2 write with that bug?"
# Trained weights know one order, and every shape fits in the other one as well. Asked for the capital of France, the
# right model answers "Paris". With the key heads dealt out in turn it writes `." wis"]. wisiance dow reinst."50look`. In
# PyTorch, the right order is `repeat_interleave` and the wrong one is `repeat`; in NumPy, `np.repeat` and `np.tile`.

# %% [markdown]
# ## What a group has in common
#
# SmolLM2-135M (Allal et al., 2025) has nine query heads and three KV heads in each layer. Give it fifty random tokens,
# twice. Some of its heads are **induction heads**: from a token in the second half, they look at the token that came
# *after* it in the first half. Suppose one query head of a group does that.

# %% exercise="heads-of-one-group"

# %%
from attncore.recorded import recorded_induction

scores = recorded_induction().scores
layers = [16, 17, 18, 20, 23]
names = [f"{i} (k{i // 3})" for i in range(9)]
shown = [f"layer {i}" for i in layers]
title = "How much weight for the token after?"
heat_map(scores[layers], shown, names, title, rows="layers", columns="heads")

# %% [markdown]
# In layer 17 all three readers of key head 1 are induction heads. In layer 18, two readers of key head 2 are, and the third
# looks elsewhere. Is that the shared keys, or just how the strong heads happen to fall? Take all 270 heads on one sentence.
# For two heads of a layer, measure what share of its attention a token would have to move to turn one head's row into the
# other's; then compare pairs that share a KV head with pairs that don't.

# %%
from attncore.recorded import recorded_smollm2_maps

_, maps = recorded_smollm2_maps()["When Mary and John went to the store, John gave a drink to"]
moved = np.abs(maps[:, :, None] - maps[:, None]).sum(axis=-1).mean(axis=-1) / 2
head = np.arange(9)
same = head[:, None] // 3 == head // 3
own = moved[:, same & ~np.eye(9, dtype=bool)].mean()
{"share a KV head": round(float(own), 3), "don't": round(float(moved[:, ~same].mean()), 3)}

# %% [markdown]
# Is that difference more than luck? Group the heads of each layer at random, a thousand times.

# %%
rng = np.random.default_rng(0)
orders = (rng.permuted(np.tile(head, (30, 1)), axis=1) for _ in range(1000))
layer, pairs = np.arange(30)[:, None, None], same & ~np.eye(9, dtype=bool)
by_chance = [moved[layer, order[:, :, None], order[:, None]][:, pairs].mean() for order in orders]
print(
    f"real groups {own:.3f}, random ones {np.mean(by_chance):.3f}, the closest {np.min(by_chance):.3f}"
)

# %% [markdown]
# On this sentence it isn't luck: heads on the same keys look at somewhat more similar places. (Random groups include some
# real pairs, hence their smaller difference from the rest.) They're still far from alike, since 27% of the attention would
# have to move. The keys say what can be found, and each head's queries decide what it looks for.

# %% [markdown]
# ## What it saves, and what not
#
# Llama 3 8B in fact has 8 KV heads, so its cache is a quarter of the one above. And the arithmetic of the scores?

# %% exercise="grouped-score-flops"

# %% [markdown]
# What shrinks is what's kept and read, and the two projections that make it. Each number that's read now serves $h/g$
# queries, so attention does $h/g$ FLOPs per byte instead of one. Below, find the two points for attention in decode,
# one with a KV head for each query head and one with groups. Does the batch move them? (The last of the decode dots,
# MLA, comes later in this lesson.)

# %%
from attncore.views.explorables.roofline import roofline

roofline()

# %% [markdown]
# The batch moves the matrix products and leaves attention where it is, since every request reads a cache of its own.
# Groups take it further to the right, and it's still far from the ridge: a decode step stays
# memory-bandwidth-bound, it just has less to read.

# %% exercise="llama-70b-tokens-in-20-gib"

# %% exercise="llama-8b-key-value-parameters"

# %% [markdown]
# What does it cost? Ainslie et al. (2023) measured T5-XXL, whose decoder has 64 heads. Time is in seconds a sample; the
# score is a mean over summarization, translation and question answering.
#
# | attention | time | score |
# |---|---|---|
# | multi-head | 1.51 | 47.2 |
# | 8 groups | 0.28 | 47.1 |
# | multi-query | 0.24 | 46.6 |

# %% [markdown]
# ## Eight groups for eight GPUs
#
# Why do so many models have eight? Large ones are split over several GPUs by heads (tensor parallelism). Llama 3 70B
# has 80 layers and heads of width 128. Tensor parallelism doesn't cut a KV head, so each GPU holds at least one. Here
# are the bytes a token takes on each of eight GPUs, by the number of KV heads:

# %%
per_head = yours.kv_cache_bytes(layers=80, kv_heads=1, d_head=128, tokens=1)
{groups: max(groups // 8, 1) * per_head for groups in (64, 16, 8, 4, 1)}

# %% [markdown]
# Below eight nothing is saved any more: a single KV head is copied to every GPU, and the copies eat the saving. Eight
# KV heads cost each GPU no more than one, and the model is better. Ainslie et al. (2023) give this as one reason for
# groups.

# %% [markdown]
# ## From many heads to few
#
# A trained multi-head model can be converted. Average the projections of neighboring heads, then train on; Ainslie et
# al. (2023) needed 5% of the original compute for that, and call it **uptraining**. First the average, by hand.

# %% exercise="pooled-by-hand"

# %% exercise="pool_kv_heads"

# %% [markdown]
# The projection is linear, so the pooled key is the mean of the keys. What's lost is whatever the heads disagreed on.
# How much is that in a trained model? The course has one with four heads, which writes *Alice* a character at a time.
# Pool its keys and values with your function, train nothing, and measure the loss on pages it hasn't seen. Guess first:
# its loss is about 1.4 nats, and knowing nothing at all would cost ln 39 = 3.7.

# %%
from attncore.experiments.shared_heads import pooling_experiment

losses = pooling_experiment(pool=yours.pool_kv_heads)
curves(losses, "What's left after pooling?", "key heads", "loss in nats", [4, 2, 1])

# %% [markdown]
# Two key heads more than double the loss, and with one the model is worse than knowing nothing. So the mean alone
# doesn't convert anything; it's where uptraining starts from. Notice that keeping the first head of each group does a
# little better here. After uptraining, Ainslie et al. (2023) found the mean ahead of that, and both ahead of a random
# start. Our experiment can't tell, since it doesn't train.

# %% [markdown]
# ## Another idea: keep a latent
#
# Sharing ties heads together. DeepSeek-V2 (2024) lets every head have its own keys and still keeps little: one small
# vector a token, the **latent** $c$, from which each head $i$ unpacks a key and a value by its own columns of two
# matrices. That's **multi-head latent attention**, MLA.
#
# $$c = x\,W_{\text{latent}}, \qquad K_i = c\,W_{\text{up key},\,i}, \qquad V_i = c\,W_{\text{up value},\,i}$$
#
# Positions aside, groups are a special case: there the up-projection is a matrix of zeros and ones that copies. MLA learns
# what to copy and what to mix.

# %% [markdown]
# ## Never unpack
#
# Unpacking every cached token at every step would be slow. Do one by hand, and watch for a shortcut.

# %% exercise="latent-score-by-hand"

# %% [markdown]
# You probably made the key first, $cU$, and then multiplied it by the query. You could have moved the query instead,
# and compared it with the latent itself:
#
# $$q\,(c\,U)^\top = (q\,U^\top)\,c^\top$$

# %%
q, U = np.array([[1.0, 2.0]]), np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
latents = np.array([[1.0, 0.0, 2.0], [0.0, 1.0, 1.0]])
print("keys  ", latents @ U, q @ (latents @ U).T)
print("query ", q @ U.T, (q @ U.T) @ latents.T)

# %% [markdown]
# The first line unpacks each token. The second moves the query, once a step, and never makes a key. We say that $U$ is
# **absorbed** into the query. The values go the same way: add up the latents first, then unpack the sum.
#
# $$P\,(c\,U_{\text{value}}) = (P\,c)\,U_{\text{value}}$$

# %% [markdown]
# ## Rotary stands in the way
#
# Rotary positions turn query $i$ by $R_i$ and key $j$ by $R_j$, *after* the key has been unpacked. What if we leave out
# the turning, absorb as above, and compare with the scores we should have had?

# %% exercise="rotated-and-absorbed"

# %%
positions = np.arange(5)
q, latents, U = (rng.standard_normal(shape) for shape in ((5, 4), (5, 6), (6, 4)))
turned = apply_rotary(q, positions) @ apply_rotary(latents @ U, positions).T
print(np.isclose(turned, q @ U.T @ latents.T).astype(int))

# %% [markdown]
# On the diagonal both are turned alike, and the turns cancel. Everywhere else a rotation is left in the middle, a
# different one for each distance, so there's no single matrix to absorb:
#
# $$(q_i R_i)(c_j U R_j)^\top = q_i\,R_i R_j^\top\,U^\top c_j^\top$$

# %% [markdown]
# The way out is to **decouple**: give each head two kinds of numbers to compare.
#
# - $d$ numbers **without position**. The key's come from the latent, so they can be absorbed.
# - $r$ **rotated** numbers. The key's are made from $x$ by a matrix of their own and then turned; there's one such key
#   for all heads, as in multi-query attention. Each head has its own $r$ rotated numbers for the query.
#
# A score is the sum of both dot products, divided by $\sqrt{d + r}$.

# %% exercise="what-the-latent-cache-holds"

# %% [markdown]
# Here is all of it as a flow of data, with DeepSeek-V3's sizes: unpacked on the left, absorbed on the right. Follow
# the latent out of the cache on either side, then point at `W_up_key` and see where it moves to.

# %%
from attncore.views.explorables.latent import latent

latent()

# %% [markdown]
# Now the unpacked form, which is what training and prefill run. `help(LatentWeights)` names the seven matrices and their
# shapes, and `rotated(x, weights, n_heads)` gives you the two rotated parts. It needs no cache; x is the whole sequence.

# %% exercise="latent_attention"

# %% [markdown]
# ## Two forms, one result
#
# Now the absorbed form, without ever making a key or a value. `by_head(W, n_heads)` cuts an up-projection into one
# matrix per head, `(h, z, d)`. One thing to watch: the scale belongs to the score, and the score is still the same
# number.

# %% exercise="latent_attention_absorbed"

# %% [markdown]
# Do your two functions agree? We take six random tokens, causal, with twelve heads of 32 + 8 numbers and a latent of
# 48.

# %%
sizes = [(384, 384), (384, 96), (384, 48), (384, 8), (48, 384), (48, 384), (384, 384)]
weights = LatentWeights(*(rng.standard_normal(size) / math.sqrt(size[0]) for size in sizes))
x, mask = rng.standard_normal((6, 384)), yours.causal_mask(6)
unpacked = yours.latent_attention(x, weights, 12, mask)
absorbed = yours.latent_attention_absorbed(x, weights, 12, mask)
print(f"numbers up to {np.abs(unpacked).max():.2f}")
print("equal to 1e-12:", np.allclose(unpacked, absorbed, rtol=0, atol=1e-12))

# %% [markdown]
# So one model may use both. And seen from the cache, the absorbed form is multi-query attention: all heads share one
# key of $z + r$ numbers, whose first $z$ numbers are the value as well. That's why the cache has no factor of two.

# %% exercise="fix_latent_forms"

# %% exercise="fix_latent_decoding"

# %% [markdown]
# ## What absorbing costs
#
# What do we get for it? Count what each kind of attention caches per token.

# %% exercise="kv_bytes_per_token"

# %% exercise="deepseek-v3-bytes-of-a-text"

# %% [markdown]
# DeepSeek-V3 (2024) has 61 layers, 128 heads of width 128, a latent of 512 and a rotated key of 64. In KiB a token,
# beside the same heads with keys of their own, and beside eight groups:

# %%
sizes = {"layers": 61, "n_heads": 128, "d_head": 128, "n_groups": 8, "d_latent": 512, "d_rope": 64}
{kind: yours.kv_bytes_per_token(kind, **sizes) / 1024 for kind in ("mha", "gqa", "mqa", "mla")}

# %% exercise="groups-worth-a-latent"

# %% [markdown]
# The price is arithmetic. Unpacked, a head compares 128 + 64 numbers of a token and adds up 128; absorbed, it compares
# 512 + 64 and adds up 512. In decode that's a bargain, since reading is what takes the time. When is it not?

# %% exercise="price-of-absorbing"

# %% [markdown]
# With hundreds of queries per key, in prefill and in training, unpack. In decode, absorb; speculative decoding with
# its few queries is still on that side. Absorbed MLA does about 242 FLOPs on each byte it reads, so this decode step
# isn't plainly memory-bandwidth-bound any more: it's near the ridge of an H100.
#
# Is the quality as good? The V2 report finds MLA better than multi-head attention and, in another experiment, finds
# groups worse (DeepSeek-V2, 2024). These are DeepSeek's own comparisons.

# %% [markdown]
# ### The names in the code
#
# It's worth opening [DeepSeek's own
# implementation](https://github.com/deepseek-ai/DeepSeek-V3/blob/main/inference/model.py) and knowing what's what.
#
# | there | here |
# |---|---|
# | `kv_lora_rank` | $z$, the latent's width: 512 |
# | `qk_nope_head_dim`, `v_head_dim` | $d$, the numbers without position, and the value's width: 128 each |
# | `qk_rope_head_dim` | $r$, the rotated numbers: 64 |
# | `wkv_a` | `W_latent` and `W_key_rope`, side by side |
# | `kv_norm` | an RMSNorm on the latent before it's cached; we have none |
# | `wkv_b` | `W_up_key` and `W_up_value`, side by side in each head |
# | `wq_a`, `q_norm`, `wq_b`, `q_lora_rank` | the query, from a latent of its own (1,536 wide), which nobody caches |
# | `attn_impl`: `naive`, `absorb` | our two forms, but `naive` caches the unpacked keys and values, so it saves no memory |

# %% [markdown]
# Configured for more than the trained length, it also multiplies the scale by the square of YaRN's temperature factor, at
# every position (Peng et al., 2023; lesson 08).

# %% [markdown]
# ## Who uses what
#
# As of November 2026, by the reports that describe them:
#
# | keys and values | models |
# |---|---|
# | a KV head for each query head | GPT-3 (Brown et al., 2020), Llama 2 7B (Touvron et al., 2023b), OLMo 2 13B (OLMo 2, 2024) |
# | groups | Llama 3 (Grattafiori et al., 2024), Mistral 7B (Jiang et al., 2023), Qwen3 (Qwen Team, 2025), gpt-oss, 64 query heads on 8 (OpenAI, 2025), MiniMax-M3 (2026), which reads blocks of them (lesson 17) |
# | one KV head | PaLM (Chowdhery et al., 2022), Gemma 2B (Gemma Team, 2024a) |
# | a latent | DeepSeek-V3 (2024), DeepSeek-V3.2 (2025), Kimi K2 (2025), GLM-5 (2026), every fourth layer of Kimi Linear (2025) |
# | one entry for all heads, and for several tokens at once (lesson 17) | DeepSeek-V4 (2026) |

# %% [markdown]
# ## The same in PyTorch
#
# ```python
# import torch
# import torch.nn.functional as F
#
# torch.manual_seed(0)
# query, key, value = torch.randn(6, 4, 8), torch.randn(3, 4, 8), torch.randn(3, 4, 8)
# own = F.scaled_dot_product_attention(query, key, value, is_causal=True, enable_gqa=True)
#
# def copied(heads):
#     return F.scaled_dot_product_attention(query, heads(key), heads(value), is_causal=True)
#
# right = copied(lambda a: a.repeat_interleave(2, dim=0))
# wrong = copied(lambda a: a.repeat(2, 1, 1))
# print((own - right).abs().amax(dim=(1, 2)) < 1e-6)
# print((own - wrong).abs().amax(dim=(1, 2)) < 1e-6)
# ```
#
# ```text
# tensor([True, True, True, True, True, True])
# tensor([ True, False, False, False, False,  True])
# ```
#
# Heads 0 and 5 agree in either order, so a test that looks at the first head alone passes.

# %% [markdown]
# ## The interview corner
#
# Say it, type it, choose the directions, and only then read. The last two cards are from lesson 11.

# %% exercise="repeat-or-tile"

# %% exercise="cache-did-not-shrink"

# %% exercise="heads-and-sixteen-cards"

# %% exercise="why-rotary-is-decoupled"

# %% exercise="write-the-absorbed-step"

# %% exercise="latent-or-groups"

# %% again="why-the-row-sum"

# %% again="recompute-the-weights"

# %% [markdown]
# ## Say it in two minutes
#
# "Your model's cache is too large. What can the attention itself do about it?" Two minutes, aloud, from one KV head to
# a latent, and say for each what it doesn't save.

# %% [markdown] folded="One way to say it"
# "A decode step has to read the cache, so I let query heads share what's read. With one KV head for all it's
# multi-query attention, and quality suffers; with groups, head i reads KV head i // (h/g), which divides cache and
# traffic by h/g and leaves the FLOPs of the scores as they were. Eight groups also split cleanly over eight GPUs. Or I
# keep a latent: MLA caches one small vector and one rotated key a token, and every head unpacks its own keys from it.
# In decode I never unpack; the up-projections are absorbed into the query and the output. That only works because no
# rotation stands between them, so positions travel in a few numbers of their own. It costs more arithmetic, which is
# why prefill runs the unpacked form."

# %% [markdown]
# ## Roads not taken
#
# Layers can share keys and values too (Brandon et al., 2024), and the cache can be kept in as few as two bits a number
# (Liu et al., 2024; lesson 18). A grouped model can be rewritten as a latent one and trained on (Meng et al., 2025).
# Keeping fewer tokens is lesson 15's subject, reading fewer is lesson 17's.

# %% sources="here"

# %% [markdown]
# ## What the next lesson assumes
#
# That a decode step with a KV head for each query head is limited by what it reads, and not by its arithmetic. Here we
# made the cache smaller. In lesson 14, the scores never reach the GPU's memory at all.

# %%
progress()
