# %% [markdown]
# # A state that doesn't grow
#
# A cache keeps every key and value, and every new token reads all of it. Suppose you may keep only one matrix, of the
# same size after ten tokens and after ten million. Every token writes into it, and every query reads from it. What
# would you write?
#
# Start with what happens when the softmax is gone. Run the cell below, then answer.

# %%
import numpy as np

from attncore import answer, breaks, card, check, hint, progress, reset, yours
from attncore.experiments.recurrent import history
from attncore.recurrent import decay_attention, feature_map
from attncore.softmax import softmax
from attncore.views.plots import curves
from attncore.views.tables import number_map

# %% exercise="state-shape"

# %% [markdown]
# ## The other order
#
# Without a softmax between them, you may multiply the three matrices in either order: $(Q K^\top) V = Q\, (K^\top
# V)$. With the 1,000 tokens below, the left side makes a square of a million numbers on the way, the right side a
# matrix of 48 numbers.

# %%
rng = np.random.default_rng(0)
Q, K, V = (rng.standard_normal((1000, width)) for width in (8, 8, 6))
print("equal to 1e-10:", np.allclose((Q @ K.T) @ V, Q @ (K.T @ V), rtol=0, atol=1e-10))

# %% [markdown]
# $K^\top V$ is a sum with one term for each token, the outer product of its key and its value. That sum is our matrix, and
# from here on we call it the **state**. Work one out.

# %% exercise="ask-the-state"

# %% [markdown]
# ## A feature map in place of the exponential
#
# With softmax this doesn't work: $e^{q \cdot k}$ can't be split into a part of $q$ and a part of $k$. Katharopoulos et
# al. (2020) replaced it with something that can, the product $\phi(q) \cdot \phi(k)$, and took a positive $\phi$ so
# that no weight is negative: elu(x) + 1.

# %%
x = np.linspace(-4, 3, 50)
curves(
    {"elu(x) + 1": feature_map(x), "exp(x)": np.exp(x).clip(max=5)},
    "How alike are the two?",
    "x",
    "feature",
    x,
)

# %% exercise="features-by-hand"

# %% [markdown]
# Everything else stays as you know it: the weights are divided by their sum and average the values. First write it with
# the weights in plain sight; `feature_map` is there for you to use.

# %% exercise="linear_attention"

# %% [markdown]
# Now the other order, which is the point of all this. In causal attention the sum is a different one at every token.
# What has to be kept from one token to the next, so that no earlier key is ever needed again?

# %% exercise="linear_attention_recurrent"

# %%
both = yours.linear_attention(Q, K, V), yours.linear_attention_recurrent(Q, K, V)
print("equal to 1e-12, over 1,000 tokens:", np.allclose(*both, rtol=0, atol=1e-12))

# %% [markdown]
# So you've written a recurrent network, with a matrix for its state. "Transformers are RNNs" is the paper's title.

# %% [markdown]
# ## What it saves
#
# How many tokens does it take before the state is smaller than the cache?

# %% exercise="state-in-tokens"

# %%
tokens = np.arange(0, 513, 8)
curves(
    {"cache": 2 * 128 * 2 * tokens / 1024, "state": np.full(65, (128 * 128 + 128) * 4 / 1024)},
    "What does one head of width 128 keep?",
    "tokens",
    "KiB",
    tokens,
)

# %% [markdown]
# Here the cache takes two bytes a number and the state four, since a sum over the whole text is usually kept in
# float32. A decoding step reads what's kept, so with a state it takes the same time at any length.

# %% [markdown]
# ## What it loses
#
# Let's store pairs and ask for them. Each key is a random vector of length one and width 16, and each value is random.
# We ask with every key, and count how often the right value is the one nearest to the answer.

# %%
from attncore.experiments.recurrent import recall_experiment

counts = [2, 4, 8, 16, 32]
recall = recall_experiment(counts)
shown = {name: recall[name] for name in ("softmax", "elu + 1")}
curves(shown, "How many pairs come back?", "pairs stored", "share found", counts)

# %% [markdown]
# Softmax finds all of them, at a scale of 20. The state loses half of 8 pairs, and nearly all of 32. Larger queries and
# keys make softmax sharper. Would they do the same here?

# %% exercise="sharper-queries"

# %%
keys = rng.standard_normal((8, 16))
for factor in (1, 10, 100, 1000):
    weights = yours.linear_attention(factor * keys, factor * keys, np.eye(8), causal=False)
    sharp = softmax(factor * keys @ keys.T / 4)
    print(
        f"times {factor:>5}: {np.diag(weights).mean():.2f} to the right key, softmax {np.diag(sharp).mean():.2f}"
    )

# %% [markdown]
# In the experiment the features were as sharp as they get. Is it running out of room, then? A matrix of 16 by 16 can
# return at most 16 arbitrary values exactly, but 8 should fit easily. So here's another suspect: take the map and the
# division away.

# %% exercise="map-dropped"

# %%
shown["plain sum"] = recall["plain sum"]
curves(shown, "And without map and division?", "pairs stored", "share found", counts)

# %% [markdown] folded="Why did the map and the division do so much harm?"
# Two random unit vectors of width 16 have a dot product of about ±0.25, so a plain sum returns the whole of the right
# value and about a quarter of each of the others, with signs that partly cancel. Put both through a positive map, and
# every product is positive: nothing cancels. The division by itself changes an answer's length and not its direction;
# with positive weights it makes an average, which lies near the mean of all values.
#
# Room is a limit as well, but only later: the weights are a product of $(n, d)$ and $(d, n)$, of rank $d$ at most, so
# no state of width 16 can return more than 16 arbitrary values exactly.

# %% [markdown]
# That's why today's models have dropped both. Qin et al. (2022) found that the division also makes gradients unbounded,
# and put a normalization of the output in its place; RetNet (Sun et al., 2023) and Mamba-2 (Dao and Gu, 2024) do without
# map and division too. (Some leave a SiLU on queries and keys, but that may be negative, so things still cancel.) What we
# keep is the plain sum.

# %% [markdown]
# ## Let it fade
#
# Here is that sum at work. Each of three names has a key with one feature of its own, and each value is a single
# number. Name a is stored twice: 8 first, and 2 at the end.

# %%
key = np.eye(3)[[0, 1, 2, 0]]
value = np.array([[8.0], [4.0], [6.0], [2.0]])
told, ones = ["a is 8", "b is 4", "c is 6", "a is 2"], np.ones(4)
plain = history(decay_attention, key, value, ones)
number_map(plain, list("abc"), told, title="What is in the state after each token?")

# %% [markdown]
# The state fills up. Ask it for a at the end and it says 10, which nobody ever told it. The simplest remedy is to
# forget: before a token writes, the whole state is multiplied by a **decay** between 0 and 1. RetNet has a fixed one
# for each head, and Mamba-2 computes one from each token.

# %% exercise="decay-by-hand"

# %% exercise="decay_attention"

# %%
fading = history(yours.decay_attention, key, value, 0.5 * ones)
number_map(fading, list("abc"), told, title="And with a decay of a half?")

# %% [markdown]
# Now a ends at 3, nearer to the 2 that was said last. But look at b and c: they have faded just as fast, and nobody said
# anything new about them.

# %% exercise="half-life"

# %% [markdown]
# Written out, what token j wrote reaches token i multiplied by all the decays since. So decay attention is masked
# attention after all, without a softmax, and with a mask of products instead of ones and zeros. Below, token 4 has
# decided to forget.

# %%
from attncore.recurrent import decay_mask

decay = np.array([0.9, 0.9, 0.9, 0.9, 0.1, 0.9, 0.9])
number_map(decay_mask(decay), range(7), range(7), title="What is left at token i of token j?")

# %% [markdown] folded="In which sense Mamba-2 is attention"
# This is what Dao and Gu (2024) call state space duality. The same layer is both a recurrence with a state and
# attention whose $Q K^\top$ is multiplied by this mask; their C, B and x are our queries, keys and values. Any block
# below the diagonal of mask times scores has at most rank $d$, which is what lets a state of width $d$ stand for
# everything before it. A softmax breaks that, so the duality doesn't reach it.

# %% [markdown]
# ## Write over what's there
#
# A decay forgets everything at the same rate. What we want is to forget the old value of a, and nothing else. So let the
# token look first: ask the state with its own key, and write only what's missing. A factor **beta** says how much of the
# correction is written.

# %% exercise="delta-by-hand"

# %% exercise="delta_rule"

# %%
written = history(yours.delta_rule, key, value, ones)
number_map(written, list("abc"), told, title="And with the delta rule?")

# %% [markdown]
# Now a is 2, and b and c are what they were. The rule is much older than attention: Widrow and Hoff (1960) trained a single
# layer with it. Schlag et al. (2021) brought it to linear attention, and Yang et al. (2024a) made it fast enough to train
# large models with.

# %% [markdown] folded="Where does the rule come from?"
# From one step of gradient descent. Let the loss be half the squared error of the state's answer for this key,
# $\tfrac12 \lVert k^\top S - v^\top \rVert^2$. Its gradient is $k\,(k^\top S - v^\top)$, and a step of size $\beta$ gives
#
# $$S \leftarrow S - \beta\, k\, (k^\top S - v^\top) = (I - \beta\, k k^\top)\, S + \beta\, k v^\top$$
#
# For a key of length one and $\beta = 1$ the matrix in front removes exactly what lies in the key's direction. With a
# longer key the step overshoots once $\beta \lVert k \rVert^2$ is more than 1, and errors grow once it's more than 2, so
# models make their keys unit length.

# %% [markdown]
# Is it better at recall, then? Go back to the experiment: every key is new, and written once.

# %% exercise="fresh-keys"

# %%
shown["delta rule"] = recall["delta rule"]
curves(shown, "Who finds most?", "pairs stored", "share found", counts)

# %% [markdown]
# And if each key is written twice, and we ask for the second value? Now the first value is a wrong answer.

# %%
from attncore.experiments.recurrent import rewrite_experiment

rewritten = rewrite_experiment([2, 4, 8, 12])
curves(rewritten, "Who returns the new value?", "keys written twice", "share found", [2, 4, 8, 12])

# %% [markdown]
# The delta rule is made for that, but a decay of 0.9 does nearly as well from 8 keys on: everything old has faded. (Softmax
# gets less than half, because nothing here tells it which of two equal keys came last. A real model has positions.) There's
# one more thing to test: the pairs that nobody has replaced.

# %% exercise="left-alone"

# %%
from attncore.experiments.recurrent import half_rewritten

for name, (new, kept) in half_rewritten().items():
    print(f"{name:>16}: {new:.0%} of the new values, {kept:.0%} of the pairs left alone")

# %% [markdown]
# Notice what these experiments don't show. The keys are random, while a trained model places its keys to suit its
# state, and chooses beta and decay token by token. For trained networks we know something coarser: recall accounts for
# 82% of the gap between gated convolutions and attention in language modeling (Arora et al., 2023).

# %% [markdown]
# ## Both at once
#
# The delta rule replaces one entry; a decay clears everything, say where a new document begins. Gated DeltaNet (Yang et
# al., 2024b) has both. The order matters: which of the two comes first?

# %% exercise="gated_delta_rule"

# %%
gated = history(yours.gated_delta_rule, key, value, ones, 0.5 * ones)
number_map(gated, list("abc"), told, title="What do both together leave?")

# %% [markdown]
# Now try all of it yourself, with five tokens this time; the fourth has a key that lies between a and b. Leave out the
# subtraction, or turn decay and beta down. What becomes of b when a is written again, and of c, which nobody mentions
# again?

# %%
from attncore.views.explorables.state import state

state()

# %% [markdown]
# Kimi Linear's KDA goes one step further: a decay for every feature of the key instead of one for the head (Kimi
# Linear, 2025). Gated DeltaNet-2 splits beta in two: one part erases, with a number for every feature of the key, and
# the other writes, with a number for every feature of the value (Hatamizadeh et al., 2026). RWKV-7 had
# much of this before both: every feature has its own rates of fading and erasing, and a token erases under one key and
# writes under another (Peng et al., 2025).

# %% [markdown]
# Two gates, and so two ways to leave a trace. Here is a layer in a server, which reads prompts of different lengths in one
# batch. First an input on which it fails, then the repair.

# %% exercise="fix_padded_prompts"

# %% [markdown]
# ## A chunk at a time
#
# A loop over a million tokens is no way to train: each step is a small outer product, and it waits for the one before.
# A square over everything is what we wanted to avoid. So cut the text into chunks: the square inside, the state
# between. Every key that a token sees has to be in exactly one of the two.

# %% exercise="chunked_decay_attention"

# %%
fades = rng.uniform(0.8, 1, 1000)
whole = yours.decay_attention(Q, K, V, fades)
for chunk in (1, 16, 64, 1000):
    parts = yours.chunked_decay_attention(Q, K, V, fades, chunk)
    print(f"chunks of {chunk:>4}: equal to 1e-12: {np.allclose(parts, whole, rtol=0, atol=1e-12)}")

# %% [markdown]
# Every chunk size gives the same numbers; only the work changes. A longer chunk means fewer steps in a row, and a
# larger square.

# %% exercise="chunk-in-balance"

# %% [markdown]
# Kernels take chunks of 64 to 256, whose products fill the tensor cores. The delta rule has a chunked form too, in which
# what each token writes comes from solving a small triangular system (Yang et al., 2024a).
#
# Here is a chunked version of linear attention that somebody wrote in a hurry. First find an input on which it fails,
# then repair it.

# %% exercise="fix_chunked_linear"

# %% [markdown]
# ## Three layers in four
#
# A state is cheap and forgets; softmax recalls everything and pays for it. So most large models that have states keep
# some layers of full attention. As of November 2026:
#
# | model | layers with a state | ratio to full attention |
# |---|---|---|
# | Jamba (Lieber et al., 2024) | Mamba | 7 : 1 |
# | MiniMax-01 (MiniMax, 2025a) | decay, as in RetNet ("lightning attention") | 7 : 1 |
# | Nemotron-H 8B (NVIDIA, 2025) | Mamba-2 | 24 : 4 |
# | Qwen3-Next (2025), Qwen3.5 (2026) | Gated DeltaNet | 3 : 1 |
# | Kimi Linear (2025) | KDA | 3 : 1, full layers latent and without positions |

# %% [markdown]
# The traffic isn't all one way. After one more hybrid, MiniMax's M2 went back to full attention in every layer; the
# team wrote that the hybrid matched it on common benchmarks and fell behind in reasoning over several steps (MiniMax,
# 2025b). M3 has no states either; it selects blocks of keys (MiniMax-M3, 2026; lesson 17). So ask what was measured
# before you believe that a hybrid loses nothing.

# %% exercise="hybrid-memory"

# %% [markdown] folded="What the server has to keep"
# Two kinds of memory, with different rules. Caches come in pages and can be shared by prefix (lesson 12). A state can't
# be cut back to an earlier token: to share a prefix, you need a copy of the state at exactly that point, and to reject
# drafted tokens (lesson 18) you need the state from before them. Layers with states usually have a short convolution in
# front, whose last few inputs are kept as well.

# %% [markdown]
# ## The same in PyTorch
#
# ```python
# import torch
# import torch.nn.functional as F
#
# def gated_delta_rule(query, key, value, beta, decay):
#     state, rows = query.new_zeros(key.shape[-1], value.shape[-1]), []
#     for q, k, v, b, a in zip(query, key, value, beta, decay):
#         state = a * state
#         state = state + b * torch.outer(k, v - k @ state)
#         rows.append(q @ state)
#     return torch.stack(rows)
#
# key = F.normalize(torch.tensor([[1.0, 0.0], [3.0, 4.0], [1.0, 0.0]]), dim=-1)
# value, ones = torch.tensor([[8.0], [5.0], [2.0]]), torch.ones(3)
# print(gated_delta_rule(key, key, value, ones, ones).T, gated_delta_rule(key, key, value, 0.5 * ones, ones).T)
# ```
#
# ```text
# tensor([[8., 5., 2.]]) tensor([[4.0000, 3.7000, 3.3900]])
# ```
#
# Libraries take the logarithm of the decay, which they can add up without losing precision, and scale the query by one
# over the root of the width. Otherwise this is what their reference loops do, and a test compares your functions with
# them.

# %% [markdown]
# ## The interview corner
#
# Say it aloud, type what you said, choose the directions, and only then read our answer. The last two cards are from
# lesson 14.

# %% exercise="linear-or-cache"

# %% exercise="what-linear-attention-loses"

# %% exercise="derive-the-delta-rule"

# %% exercise="write-a-chunked-recurrence"

# %% exercise="alpha-and-beta"

# %% exercise="which-ratio"

# %% again="what-flash-saves"

# %% again="why-recompute"

# %% [markdown]
# ## Say it in two minutes
#
# "Can attention have a memory of fixed size, and what does it cost?" Two minutes, aloud. Then compare.

# %% [markdown] folded="One way to say it"
# "Take the softmax away, and keys times values can be summed into a matrix before any query comes. That's a state of d
# by v numbers: each token adds an outer product, and each query is multiplied by it. Memory, and time per token, are
# constant. The first version had a positive feature map and a division; both hurt recall, and current models have
# neither. Three things improve the plain sum: a decay, so that old things fade; the delta rule, which subtracts what
# the state returns for a key before it writes, so that new values replace old ones; and both together, as in Gated
# DeltaNet. Training runs in chunks, a square inside and the state between, with the same numbers. It still can't hold
# more than d exact pairs, so models mix in full attention, one layer in four or eight."

# %% [markdown]
# ## Roads not taken
#
# Gated linear attention decays each feature at its own rate (Yang et al., 2023), and Mamba itself had a state for every
# channel before it was seen as attention (Gu and Dao, 2023). A window with a state behind it is another mixture: it
# keeps near things exactly and far ones roughly. Or you keep softmax and let each query read only a few keys, which is
# the next lesson.

# %% sources="here"

# %% [markdown]
# ## What the next lesson assumes
#
# That you can say of any method what it keeps, what it reads and what it computes. A state saves all three and pays in
# recall. In lesson 17 everything is kept, and the question is what a query has to read.

# %%
progress()
