# %% [markdown]
# # Serving: many requests on one machine
#
# So far one request has had the machine to itself. A server has hundreds; they come when they like, and nobody knows
# how long an answer will get. Where do you put a cache that grows, when you can't know how far?

# %%
import numpy as np

from attncore import answer, breaks, card, check, hint, progress, reset, yours

# %% [markdown]
# ## A cache in pages
#
# Reserve room for the longest answer, and most of it stays empty. So do what operating systems do (Kwon et al., 2023): cut
# the memory into **blocks** of a few slots, and hand one out whenever a request needs it. Its tokens then lie scattered, and
# a **block table** says where.
# %% exercise="slot-of-a-token"
# %% [markdown]
# The table is a list of block numbers for each request. Besides growing, a request can be **forked**: two answers to
# one prompt share its blocks, until one of them writes. Then it needs a copy of the block it writes into, and of no
# other. Write the table.
# %% exercise="BlockTable"
# %%
from attncore.views.serving import block_map
from attncore.views.style import beside

table = yours.BlockTable(6, 4)
table.append("a", 6)
table.fork("a", "b")
names = ("a", "b")
before = block_map({r: table.slots(r) for r in names}, 6, 4, "Forked: who holds what?")
table.append("b", 2)
table.append("a")
beside(before, block_map({r: table.slots(r) for r in names}, 6, 4, "And after both have written?"))

# %% [markdown]
# A gray slot has two holders. The full block stays shared; the one that's written into was copied, once, by whoever came
# first. That's **copy on write**, and counting the holders is all it takes. (Today's vLLM makes each sample a request of
# its own, which finds the prompt's full blocks by name, as below, and reads the rest itself.)

# %% exercise="blocks-after-a-fork"

# %% exercise="room-for-more"

# %% [markdown]
# ## The same numbers from scattered slots
#
# Paging moves keys around. Does attention have to know? Give it the two pools, everybody's keys and everybody's values,
# and the slots of one request.

# %% exercise="paged_attention"

# %%
from attncore.dot_product import scaled_dot_product_attention
from attncore.masks import causal_mask

rng = np.random.default_rng(18)
keys, values, query = rng.standard_normal((3, 24, 8))
slots = table.slots("b")
pieces = yours.paged_attention(query[:2], keys, values, slots)
whole = scaled_dot_product_attention(query[:2], keys[slots], values[slots], causal_mask(2, 8))
print("slots:", slots)
print("equal to one piece, to 1e-12:", np.allclose(pieces, whole, rtol=0, atol=1e-12))

# %% [markdown]
# A kernel doesn't gather first, as NumPy does here. It looks up one block after another while it reads, and merges them by a
# running maximum and sum (lesson 14). The order of the blocks doesn't matter to it, which is why paging costs so little.
#
# The next exercise puts your two functions together. Somebody shares a prompt among four samples, and one sample is
# always the best.

# %% exercise="fix_parallel_samples"

# %% [markdown]
# ## Same beginning, same blocks
#
# With a fork you know that two requests share a prefix. Usually nobody tells you: a thousand users send the same system
# prompt, each in a request of its own. To find a block that's there already you need a name for it, and the tokens
# inside aren't enough.

# %% exercise="prefix_hashes"

# %%
one = ["you", "are", "a", "helpful", "bot", ".", "what", "is", "attention", "?"]
two = ["you", "are", "a", "helpful", "bot", ".", "who", "are", "you", "?"]
words = {word: i for i, word in enumerate(sorted({*one, *two}))}
number = {}  # of each name, as it comes up
for text in (one, two):
    names = yours.prefix_hashes(np.array([words[word] for word in text]), 3)
    print([number.setdefault(name, len(number)) for name in names])

# %% [markdown]
# Two blocks are found; the third is a new one. A block's name covers its parent's name, so equal names mean that
# everything since the first token is equal. What else has to be equal? Whatever changes a key: the adapter, an image
# behind a placeholder. The vLLM page on prefix caching lists these, and a salt that keeps tenants apart.
#
# Blocks that have no holder left needn't be wiped. They wait in a queue, the least recently used first, and a request
# that comes back in time finds its prefix still there.

# %% exercise="saved-by-a-prefix"

# %% [markdown]
# ## What a step takes
#
# Now time. A step reads all the weights (strictly, all but the embedding), and then each request's cache. That makes
# two phases, each with arithmetic to do and bytes to read. Within a phase the two overlap. Do they across phases?

# %% exercise="step_time"

# %%
from attncore.views.explorables.roofline import roofline

roofline()

# %% exercise="one-decode-step"

# %% [markdown]
# A server that doesn't want long prompts in the way may cut them into **chunks**. What does a chunk cost? The ridge of
# an H100 is at 295 operations a byte, and a weight of two bytes is used for two operations a token. Commit to an answer
# first.

# %% exercise="chunks-of-128"

# %%
from attncore.experiments.serving import prompt_seconds

{chunk: round(prompt_seconds(chunk), 2) for chunk in (64, 128, 256, 295, 512, 2048)}

# %% [markdown]
# These are seconds, for a prompt of 100,000 tokens on Llama 3 8B. From about the ridge on, nothing changes; below it
# each chunk waits for the weights. That's the **chunk rule**: a chunk needs about as many tokens as the ridge. Take the
# larger of the totals instead of the sum of the phases, and the prompt in chunks of 128 looks a sixth faster than it is.
# Here's one chunk of it:

# %% exercise="one-chunk"

# %% [markdown]
# ## Ten requests on a clock
#
# **Continuous batching** (Yu et al., 2022) decides before every step who takes part in it. Requests join when they
# arrive and leave when they're done. Each step has a **token budget**: one token for each request that writes, and
# what's left goes to prompts, in chunks (Agrawal et al., 2023). What do you expect from the chunks?

# %% exercise="who-waits"

# %% [markdown]
# Here's such a server, on a simulated clock: ten requests, two of them with long documents, Llama 3 8B on an H100. A
# step takes what your `step_time` says. First without chunks: where does the blue of decoding stop, and what does that
# step hold? Then switch the chunks on. Who is interrupted now?

# %%
from attncore.views.explorables.timeline import timeline

timeline(is_chunked=False, function=yours.step_time)

# %%
from attncore.experiments.serving import serve

for name, served in (("whole prompts", serve(is_chunked=False)), ("chunks of 512", serve())):
    for what in ("ttft", "tpot", "gap"):
        times = list(getattr(served, what).values())
        print(f"{name:14} {what:5} median {np.median(times):6.1f} ms, worst {max(times):6.1f} ms")

# %% [markdown]
# TTFT is the **time to the first token**, TPOT the mean **time per output token** after that, and `gap` the longest
# pause a reader saw. With 512 tokens, chunks hardly change TTFT here. They take away the pauses: a step never has
# more tokens than its budget. (It does get longer behind a long context: 512 tokens take 8 ms at the beginning and 36
# behind 100,000 others.) This experiment can't show throughput, since arrivals set the pace; Agrawal et al. (2023)
# measured up to 1.33 times as much on one GPU. Move the budget to 128 and to 2,048, with the ridge in mind.
#
# And if the pool is full when somebody needs one more slot? Somebody has to go. Whom would you send away?

# %%
timeline(n_blocks=540)

# %% [markdown]
# The latest request is **preempted**: its blocks are freed, and later its prompt is read again, with what it had
# written (pink, then orange). As long as a request that has begun finds no room, no new one is let in. The cache could
# be copied to the host's memory instead. Recomputing costs arithmetic and swapping costs time on the bus, so which is
# cheaper depends on length and hardware.

# %% [markdown]
# ## Guess, then check
#
# A decode step reads all the weights to write one token for each request, and the arithmetic units wait. Could it check
# five tokens at the price of one? It could, if somebody guessed them: a small **draft** model, a lookup in the text, or
# extra heads.

# %% exercise="how-often-accepted"

# %% exercise="drawn-after-a-rejection"

# %% [markdown]
# Those two numbers are the whole rule (Leviathan et al., 2023; Chen et al., 2023b). A token is accepted with
# probability min(1, target / draft). The first that isn't is replaced by one drawn from the excess, max(0, target -
# draft), and what follows is thrown away. If all are accepted, the target's last row gives one more for free.

# %% exercise="speculative_accept"

# %% [markdown]
# Is it exact, or just close? Draws can't tell you, so let's go through every draft there is, with its probability. `redrawn`
# is a popular mistake: after a rejection it draws from the target as it is.

# %%
from attncore.experiments.serving import first_token

target, draft = [0.5, 0.3, 0.2], [0.7, 0.2, 0.1]
for name, p in first_token([draft, draft], [target] * 3).items():
    print(f"{name:10}", p.round(4))

# %%
rng = np.random.default_rng(0)
rows = np.array([draft]), np.array([target, target])
drawn = (rng.choice(3, p=draft) for _ in range(20_000))
firsts = [yours.speculative_accept(np.array([token]), *rows, rng)[0] for token in drawn]
np.round(np.bincount(firsts) / len(firsts), 3)

# %% [markdown] folded="Why exactly?"
# Token $x$ comes out in two ways. It's drafted and kept, with probability $q(x)\min(1, p(x)/q(x)) = \min(q(x), p(x))$,
# or something is rejected and $x$ is drawn from the excess. The chance of a rejection is $\sum_y \max(p(y)-q(y), 0)$,
# exactly what the excess is divided by, so the second way adds $\max(p(x)-q(x), 0)$. Together that's $p(x)$, whatever
# $q$ is. A bad draft costs time, never quality.

# %% [markdown]
# How much time does it save? Say each token is accepted with the same probability.

# %% exercise="expected_tokens"

# %%
from attncore.views.plots import curves

n = range(1, 13)
lines = {
    f"accepted {a:.0%}": [yours.expected_tokens(a, i) for i in n] for a in (0.5, 0.7, 0.8, 0.9)
}
curves(lines, "How long a draft is worth it?", "drafted tokens", "tokens a pass", x=n)

# %% exercise="worth-drafting"

# %% [markdown]
# The check is free only while the step waits for weights. In a large batch there's enough arithmetic to fill the time,
# and checking five tokens costs as much as writing five. At 128k tokens a single cache is as large as the
# weights of Llama 3 8B: the target still reads it once for all five, but the draft reads one of its own for each token,
# unless it looks at a window.
#
# What goes wrong is usually the bookkeeping. In this code, first find an input that shows it:

# %% exercise="fix_lookup_decoding"

# %% [markdown]
# ## A tree of guesses
#
# One wrong guess loses everything behind it. So make several guesses for a place, and check all branches in one pass: a
# tree of tokens, laid out in one row (Miao et al., 2023). Who may see whom?

# %% exercise="tree_mask"

# %%
from attncore.views.tables import mask_map

parents = np.array([-1, 0, 0, 1, 1, 2])
labels = ["the", "cat", "dog", "sat", "ran", "barked"]
beside(
    mask_map(yours.tree_mask(parents), labels, labels, "Which texts are in this tree?"),
    mask_map(yours.tree_mask(np.arange(6) - 1), labels, labels, "And in a chain?"),
)

# %% [markdown]
# A chain gives the causal mask. In the tree, "barked" sees "the dog" and not the cat.

# %% exercise="position-in-a-tree"

# %% [markdown]
# Where the guesses come from: Medusa adds heads that predict the tokens two, three and four places ahead (Cai et al.,
# 2024); EAGLE drafts with one small layer on the target's own features (Li et al., 2024); EAGLE-3 predicts tokens
# directly, from features of several layers. A model trained with **multi-token prediction** has such a head already:
# DeepSeek-V3 (2024) reports that its second token is accepted 85 to 90% of the time.

# %% [markdown]
# ## Fewer bits
#
# The other way to read less is to store less. Two bits give a number four possible values, evenly spaced from a least
# to a largest. You choose which numbers share those two.

# %% exercise="a-code-by-hand"

# %% exercise="quantize"

# %% exercise="dequantize"

# %%
key = np.round(rng.standard_normal((4, 3)), 2) * [1, 30, 1]
for axis, name in ((1, "a scale for each token"), (0, "a scale for each channel")):
    back = yours.dequantize(*yours.quantize(key, 2, axis))
    print(f"{name}: off by at most {np.abs(back - key).max(axis=0).round(2)} in the three channels")

# %% exercise="which-axis"

# %%
from attncore.experiments.serving import outlier_experiment

for name, errors in outlier_experiment().items():
    print(f"{name:30}", {f"{bits} bits": round(error, 3) for bits, error in errors.items()})

# %% [markdown]
# These are errors of the attention output, for random keys with four large channels. With outliers, a scale for each
# token is about three times as bad at 4 bits and six times at 2. Without them, the control, the two are about equal (a
# token's scale covers 64 numbers here and a channel's 256, which gives the token's a small lead). So it's the outliers,
# which Liu et al. (2024) found in the keys of real models. Values have none, and with a scale for each token a new
# value can be stored at once.

# %% exercise="bits-in-all"

# %% [markdown]
# ## Another batch, other tokens
#
# A customer complains: temperature 0, the same prompt, and a different answer in the afternoon.

# %% exercise="another-batch"

# %%
from attncore.experiments.serving import sums_in_parts

rival = np.float32(-18.1377)
for parts, total in sums_in_parts().items():
    print(
        f"{parts:2} parts: {total:.6f}, the larger logit is {'this' if total > rival else 'the rival'}"
    )

# %% [markdown]
# These are the same 4,096 products, added up in float32 in one piece or in several. A kernel picks the number of parts
# by the size of the batch, and where two logits nearly tie the choice can go the other way. He et al. (2025) ran one
# prompt 1,000 times and got 80 different answers, and a single one with **batch-invariant** kernels, which always add
# up in the same order and are somewhat slower.

# %% [markdown]
# ## Two machines instead of one
#
# Prefill waits for arithmetic, decode for memory. Put them on different machines, and neither interrupts the other (Zhong et
# al., 2024; Patel et al., 2023). The price is a cache that has to travel.

# %% exercise="ship-the-cache"

# %%
from attncore.experiments.serving import CACHED, prompt_seconds

for tokens in (1024, 8192, 65_536):
    shipped, read = tokens * CACHED / 50e9, prompt_seconds(8192, tokens)
    print(
        f"{tokens:6} tokens: {1e3 * shipped:5.1f} ms to ship, {1e3 * read:7.1f} ms to read the prompt again"
    )

# %% [markdown]
# At 50 GB a second, shipping takes a small part of the prefill's time, and if the cache is sent layer by layer, most of
# that is hidden behind the prefill. At 1 GB a second, 8,192 tokens would take seven times as long to ship as to read. A
# sequence too long for one GPU is cut instead, and keys go around a ring: that's `ring_attention` from lesson 14.

# %% [markdown]
# ## The same in PyTorch
#
# ```python
# import torch
#
# torch.manual_seed(0)
# p = torch.tensor([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]])  # the target, one row more
# q = torch.tensor([[0.7, 0.2, 0.1]])  # the draft
# firsts = torch.zeros(3)
# for token in torch.multinomial(q[0], 20_000, replacement=True):
#     if torch.rand(()) < p[0, token] / q[0, token]:
#         firsts[token] += 1  # and p[1] gives the next one for free
#     else:
#         excess = (p[0] - q[0]).clamp(min=0)
#         firsts[torch.multinomial(excess, 1)] += 1
# print((firsts / firsts.sum()).round(decimals=1))
# ```
#
# ```text
# tensor([0.5000, 0.3000, 0.2000])
# ```

# %% [markdown]
# ## The interview corner
#
# Say it, type it, choose, and then read. The last two cards are from lesson 16.

# %% exercise="walk-through-a-step"

# %% exercise="what-prefix-caching-needs"

# %% exercise="speculative-decoding"

# %% exercise="draft-that-loses"

# %% exercise="tree-attention"

# %% again="derive-the-delta-rule"

# %% again="which-ratio"

# %% [markdown]
# ## Say it in two minutes
#
# "What happens between a request and its last token, on a machine that serves a hundred at once?" Two minutes, aloud. Then
# compare.

# %% [markdown] folded="One way to say it"
# "The prompt is hashed block by block; blocks that are there already are shared and counted, and the rest is read in
# chunks, each in a step with everybody's decode tokens, within a token budget. A chunk should have about as many tokens
# as the ridge. The cache grows in blocks from a pool, copied when a shared one is written; when the pool is full the
# latest request is preempted. A step takes the sum of its phases: weights, then caches. To get more tokens for reading
# the weights once, I draft and check: accept by target over draft, replace the first rejected one from the excess, and
# the distribution is exactly the target's. Keys in few bits get a scale for each channel because of their outliers. And
# equal prompts can give different tokens in different batches, because sums are added up in a different order."

# %% [markdown]
# ## Roads not taken
#
# A radix tree instead of hashes finds prefixes of any length (Zheng et al., 2023). Keys can be quantized before the rotation,
# where outliers stay in their channel (Hooper et al., 2024). Layers with a window, layers without and recurrent states want
# blocks of different sizes in one pool: the vLLM documentation describes a hybrid manager. And a router that sends a request to the machine that
# holds its prefix can be worth more than any kernel.

# %% sources="here"

# %% [markdown]
# ## What the next lesson assumes
#
# Nothing from this one. Lesson 19 looks inside again and asks what a head is for. The pool, the drafts and the clock
# come back in lesson 21, when a real language model writes with your functions.

# %%
progress()
