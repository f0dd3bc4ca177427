# %% [markdown]
# # Windows and sinks
#
# Your model reads 8,192 tokens today, and product wants 100,000. Everybody's first idea is to look only at the last few
# thousand. It's a good idea, but models that weren't trained for it break in a way that hardly anybody expects. Before
# we get there: how far does a window let you see?

# %%
import numpy as np

from attncore import answer, breaks, card, check, hint, progress, reset, yours
from attncore.dot_product import scaled_dot_product_attention
from attncore.long_context import sliding_window_mask
from attncore.masks import causal_mask
from attncore.recorded import recorded_sinks, recorded_smollm2_maps
from attncore.views.plots import curves
from attncore.views.style import beside
from attncore.views.tables import bars, heat_map, mask_map
from attncore.views.widgets.long_context import needle_picture

# %% exercise="two-window-layers"

# %% [markdown]
# ## See only the recent past
#
# In a sliding window of $w$ each token sees itself and the $w - 1$ tokens before it (Beltagy et al., 2020, for an
# encoder; Jiang et al., 2023, for Mistral 7B). Write the mask. It also takes the number of **sinks**, tokens at the
# very beginning that always stay visible; you'll soon see what they're good for.

# %% exercise="sliding_window_mask"

# %%
places = "01234567"
pictures = [
    mask_map(yours.sliding_window_mask(8, 3, sinks), places, places, title=title)
    for sinks, title in ((0, "Who sees whom?"), (2, "And with two sinks?"))
]
beside(*pictures)

# %% [markdown]
# A window as wide as the text is the causal mask of lesson 06, and a window of one is the identity. Luong's local
# attention (lesson 03) was the first of its kind, around a predicted center. The number of allowed pairs grows linearly
# with $n$.

# %% exercise="window-pairs"

# %% [markdown]
# Counting isn't saving, though. A mask on finished scores saves nothing. A kernel that skips the tiles outside the band
# saves time (lesson 14), and a cache that drops what has left the window saves memory.

# %% [markdown]
# ## Off by one
#
# "A window of 4,096" isn't one thing. Ask which of these is meant before you compare two implementations.
#
# | where | what a token sees |
# |---|---|
# | this course; the masks of Hugging Face's Transformers | $w$ tokens, itself among them |
# | the text of the Mistral paper (Jiang et al., 2023) | positions $i - W$ to $i$, so $W + 1$ tokens |
# | `window_size=(left, right)` in FlashAttention | `left` before it, itself, `right` after it |
# | Longformer (Beltagy et al., 2020) | $w / 2$ on each side, itself between them |
#
# Until August 2025, Transformers passed $w$ itself as `left`, so the same Mistral saw one token more with FlashAttention
# than without ([issue 39408](https://github.com/huggingface/transformers/issues/39408)): no error, slightly different numbers.

# %% [markdown]
# ## Layers carry further
#
# One layer sees a window, and the second looks at tokens that have already looked around. How deep does a stack have to
# be before the last token can hear of one that's far away?

# %% exercise="layers-to-reach-back"

# %% [markdown]
# So Mistral 7B, with 32 layers and a window of 4,096, has a "theoretical attention span of approximately 131K tokens",
# as its paper says. That tells you that a path exists. What arrives over it? Let every layer take the plain mean of its
# window, and look at what reaches the last token.

# %%
mask = yours.sliding_window_mask(41, 6)
means = mask / mask.sum(axis=-1, keepdims=True)
back = np.arange(40, -1, -1)
arrives = {f"{L} layers": np.linalg.matrix_power(means, L)[-1] for L in (1, 2, 4, 8)}
curves(arrives, "What share of each token arrives?", "tokens back", "share", back)

# %% [markdown]
# It's a bell. Each layer moves its center back by half a window, while its width grows only with the square root of the
# depth. Convolutions have the same "effective receptive field" (Luo et al., 2016). For Mistral's sizes the bell has a
# standard deviation of 6,689 tokens, and the farthest token arrives with a share of 3e-116.

# %% [markdown] folded="Can't a trained layer do better than a mean?"
# It can, and residual connections favor nearer tokens. But every hop has to be learned by tokens in the middle, which
# don't know what will be asked later. Mistral 7B itself dropped the window in its second version (model card of v0.2).

# %% [markdown]
# ## Local and global in turn
#
# The usual remedy is a full layer now and then: one hop to anywhere, while the windows around it gather the neighborhood.
#
# | model | local to global | window |
# |---|---|---|
# | Gemma 2 (Gemma Team, 2024b) | 1 : 1 | 4,096 |
# | Gemma 3, 4B and larger (Gemma Team, 2025) | 5 : 1 | 1,024 |
# | gpt-oss (OpenAI, 2025) | 1 : 1 | 128 |
#
# The full layers then take up most of the cache.

# %% exercise="gemma-cache-share"

# %% [markdown]
# ## The cache rolls
#
# In a local layer, a token that has left the window is never looked at again, so it can go. Write down what stays.
# Sinks stay as well, and a token that's a sink and still in the window is kept once.

# %% exercise="kept-tokens"

# %% exercise="rolling_cache"

# %% [markdown]
# Token by token: append, cut, attend. Every row should equal that of one pass under the mask, though there are never
# more than four keys.

# %%
x = np.random.default_rng(0).standard_normal((12, 8))
whole = scaled_dot_product_attention(x, x, x, yours.sliding_window_mask(12, 4))
key = value = x[:0]
rows = []
for token in np.split(x, 12):
    key, value = yours.rolling_cache(np.vstack([key, token]), np.vstack([value, token]), 4)
    rows.append(scaled_dot_product_attention(token, key, value))
print(
    len(key), "keys kept; equal to 1e-12:", np.allclose(np.vstack(rows), whole, rtol=0, atol=1e-12)
)

# %% exercise="mistral-window-bytes"

# %% [markdown]
# Real caches don't move memory at each step: token $i$ goes to slot $i \bmod w$ and overwrites the one that has just
# left. The slots of that ring are out of order, and attention doesn't mind. But $w$ slots are enough only for one token
# at a time. Read a prompt in chunks, and the ring is too small.

# %% exercise="slots-for-a-chunk"

# %% [markdown]
# ## A window for a finished model
#
# Now take a model that was trained **without** a window, and roll its cache. Here is SmolLM2-135M (Allal et al., 2025)
# on a page of text. We measure its loss, in nats per token, with all keys and with only the last 64. What would you
# expect?

# %% exercise="first-token-kept"

# %%
losses = recorded_sinks().losses
names = {(0, 0): "all keys", (64, 0): "the last 64", (64, 1): "the first and the last 63"}
names |= {
    (64, 4): "the first 4 and the last 60",
    (32, 0): "the last 32",
    (32, 1): "the first and the last 31",
}
bars([losses[kept] for kept in names], names.values(), "What does the model lose?", top=5)

# %% [markdown]
# It's one token out of 64, at the very beginning of the page, and it makes most of the difference. With it, 32 keys do
# better than 64 without it. Xiao et al. (2023) found it on Llama-2-13B: a perplexity of 5,158 with the last 1,024
# tokens, 5.40 with the first 4 and the last 1,020, and 5.60 with four line breaks in place of the first 4. So it
# doesn't matter what the token says.

# %%
share = recorded_sinks().share
print(f"heads that give the first token more than half: {np.mean(share > 0.5):.0%}")
layers = share.mean(axis=1)
curves(
    {"mean of 9 heads": layers},
    "How much does the first token get?",
    "layer",
    "share of the weight",
)

# %% [markdown]
# Here is one such head, on a short sentence.

# %%
tokens, maps = recorded_smollm2_maps()["The cat sat on the mat"]
heat_map(maps[18, 8], tokens, tokens, title="What does this head look at?")

# %% [markdown]
# Softmax has one unit to spend, even where a head has nothing to look for. So the head spends it where it does no harm:
# on a token that every query can see and whose value is nearly zero. Xiao et al. call it an **attention sink**. The
# first token is easy to tell apart, too: in the middle layers its vector becomes more than a hundred times as long as
# the others (Sun et al., 2024).

# %%
sinks = recorded_sinks()
lengths = {"first token": sinks.first_length, "others": sinks.other_length}
curves(lengths, "How long is what each layer reads?", "layer", "length", log="y")

# %% [markdown]
# What happens to a row when its sink is evicted? The other tokens share the whole unit, in their old proportions.

# %% exercise="without-the-sink"

# %% [markdown]
# So heads that had learned to be quiet suddenly get several times their usual weight. Keep the first few tokens, and
# those heads stay quiet. That doesn't extend the memory: what lies between the sinks and the window is gone.
#
# A colleague has built such a stack, with windows, sinks and full layers in turn.

# %% exercise="fix_local_layers"

# %% [markdown]
# ## Keys before or after rotary
#
# With rotary positions (lesson 08) there's a choice to make: do you cache keys rotated, or as they were before? And which
# position does a token have, its place in the text or its place in the cache?

# %% exercise="distance-to-the-sink"

# %% [markdown]
# Xiao et al. count inside the cache, so that no distance ever exceeds what the model was trained on. But a token's
# place in the cache changes whenever something in front of it goes. So they cache keys **before** rotary, and rotate
# all of them at each step. Let's see what happens otherwise, when a sink and three other tokens are left of twelve.

# %%
from attncore.positions import apply_rotary

kept, places = np.array([0, 9, 10, 11]), np.arange(4)
query, keys = x[11:], x[kept]
in_text = apply_rotary(query, kept[-1:]) @ apply_rotary(keys, kept).T
in_cache = apply_rotary(query, places[-1:]) @ apply_rotary(keys, places).T
mixed = apply_rotary(query, places[-1:]) @ apply_rotary(keys, kept).T
for name, scores in (("in the text", in_text), ("in the cache", in_cache), ("mixed", mixed)):
    print(f"positions {name:>12}: {scores[0].round(2)}")

# %% [markdown]
# Whether you count in the text or in the cache, the three tokens of the window score the same, since only differences
# count; the sink doesn't, because it has moved closer. Mix the two, old rotations under new positions, and the window's
# scores are wrong, without any error message. A rolling cache that counts positions in the text may store rotated keys,
# and most of them do.

# %% [markdown]
# ## Layers without positions
#
# Some models leave positions out of some layers: SmolLM3 (2025) skips rotary in every fourth, and Yang et al. (2025) keep it
# in the window layers and leave it out of the full ones. Can a causal layer without positions know the order of what it
# reads? Swap the first two of twelve tokens, and look at the output of the last.

# %% exercise="order-without-positions"

# %%
swapped = x[[1, 0, *range(2, 12)]]
before, after = x, swapped
for layer in (1, 2, 3):
    before, after = (
        scaled_dot_product_attention(z, z, z, causal_mask(12)) for z in (before, after)
    )
    print(f"after layer {layer} the last token differs by {np.abs(before - after)[-1].max():.2f}")

# %% [markdown]
# One layer sees a set. But by the second layer each token has seen only what came before it, and so the mask itself
# gives the order away (Kazemnejad et al., 2023). A full layer without positions meets no distance it hasn't been
# trained on, while the windows around it have positions and only ever see short distances. That's the idea behind the
# mixture.

# %% [markdown]
# ## A softmax that may attend to nothing
#
# If heads need a place for what they don't want to spend, give them one that isn't a token: one more score, also called
# a sink, that takes part in the softmax and contributes nothing.

# %% exercise="sum-with-a-sink"

# %% exercise="softmax_with_sink"

# %%
quiet, loud = np.zeros(3), np.array([0.0, 6.0, 0.0])
levels = np.linspace(-4, 8, 25)
given = {
    name: [yours.softmax_with_sink(scores[None], s).sum() for s in levels]
    for name, scores in (("three scores of 0", quiet), ("one of them 6", loud))
}
curves(given, "How much do the keys get?", "sink", "sum of the weights", levels)

# %% [markdown]
# Miller (2023) proposed a sink of 0, as "softmax off by one"; gpt-oss (OpenAI, 2025) learns one for every head. It's
# ordinary attention with one extra key whose value is zero.

# %% [markdown] folded="Read it as a gate"
# The keys keep the proportions of softmax, and one number multiplies them all: a sigmoid of how far the scores together
# rise above the sink.
#
# $$p = \text{softmax}(x) \cdot \sigma\Big(\log \sum_i e^{x_i} - s\Big)$$
#
# A kernel hardly needs anything new for it, just one more term in the running sum at the very end (lesson 14).

# %% [markdown]
# Somebody has written a layer with a sink for each head, in one pass and numerically stable. Or so they say.

# %% exercise="fix_sink_layer"

# %% [markdown]
# The other way to let a head be quiet is to gate its output. Qiu et al. (2025) put a sigmoid gate behind attention,
# computed from the token itself, and report that the first token's share fell from 46.7% to 4.8%. Qwen3-Next (2025) has
# such gates.

# %% exercise="gated_output"

# %%
ones, W_gate = np.ones((12, 4)), np.eye(8)[:, :4]
for scale in (0.1, 1, 10):
    gates = yours.gated_output(ones, scale * x, W_gate)
    print(f"x times {scale:>3}: gates from {gates.min():.3f} to {gates.max():.3f}")

# %% [markdown]
# ## Who still finds the needle?
#
# The needle is the word "paris", somewhere among 23 others, and the last token asks for it. Drag it. In a stack of
# layers only the last layer asks; those below take means, since nobody tells them what will be asked. What's gray is
# out of sight.

# %%
needle_picture(yours.sliding_window_mask)

# %% [markdown]
# More layers reach further, and what they bring is blurred. Sinks help only if the needle happens to be among the first
# tokens. So a model with windows alone stays fluent and forgets, and its perplexity hardly shows it: nearly every token
# of a text can be predicted from the ones just before it.

# %% [markdown]
# ## The same in PyTorch
#
# ```python
# import torch
# from torch.nn.attention.flex_attention import create_mask
#
# def window_with_sinks(batch, head, query, key):
#     return (query >= key) & ((query - key < 3) | (key < 1))
#
# mask = create_mask(window_with_sinks, None, None, 6, 6, device="cpu")
# print(mask[0, 0].int())
# scores, sink = torch.zeros(1, 3), torch.tensor([[0.0]])
# print(torch.cat([scores, sink], dim=-1).softmax(dim=-1)[:, :-1])
# ```
#
# ```text
# tensor([[1, 0, 0, 0, 0, 0],
#         [1, 1, 0, 0, 0, 0],
#         [1, 1, 1, 0, 0, 0],
#         [1, 1, 1, 1, 0, 0],
#         [1, 0, 1, 1, 1, 0],
#         [1, 0, 0, 1, 1, 1]], dtype=torch.int32)
# tensor([[0.2500, 0.2500, 0.2500]])
# ```
#
# FlexAttention takes such a function of indices and skips the tiles in which it's false everywhere (for that, build it
# with `create_block_mask`; `create_mask` only shows it). The last two lines are gpt-oss's softmax: append the sink, and
# drop its column.

# %% [markdown]
# ## The interview corner
#
# Say it aloud, type what you said, choose the directions, and only then read our answer. The last two cards are from
# lesson 13.

# %% exercise="reach-in-theory"

# %% exercise="why-sinks"

# %% exercise="keys-before-or-after-rotary"

# %% exercise="attending-to-nothing"

# %% exercise="long-context-budget"

# %% exercise="perplexity-is-fine"

# %% again="why-share-keys"

# %% again="why-rotary-is-decoupled"

# %% [markdown]
# ## Say it in two minutes
#
# "Can we just keep the last few thousand tokens?" Two minutes, aloud. Then compare.

# %% [markdown] folded="One way to say it"
# "A window of w costs n times w, and its cache stops growing at w tokens. In theory a stack of L layers reaches back L
# times (w - 1) tokens, but what arrives from there is blurred, so models put full layers in between. In a model trained
# without a window, dropping the first token is what breaks it: softmax has to spend its whole unit, and heads with
# nothing to say park it there. So keep the first few tokens, and count positions in the cache, which means caching keys
# before rotary. Or train the model to be quiet without a sink token, by a learned score in the softmax or a gate on the
# output. None of that brings memory back: for recall you need full layers."

# %% [markdown]
# ## Roads not taken
#
# Which tokens to keep is a question of its own. Besides the latest, H2O (Zhang et al., 2023) keeps those that have been
# given the most weight so far. Longformer and BigBird (Zaheer et al., 2020) let a few global tokens see all and be seen
# by all. And what's kept isn't always found: models with full attention have missed facts in the middle of long texts
# too (Liu et al., 2023c).

# %% sources="here"

# %% [markdown]
# ## What the next lesson assumes
#
# That you know how a rolling cache forgets: a token is there in full until it leaves the window, and then it's gone.
# Lesson 16 keeps a memory of fixed size as well, and lets it fade gradually.

# %%
progress()
