# %% [markdown]
# # Multi-head attention
#
# In "the cat sat on the mat", the word "sat" has two things to find out: who sat, and on what. A single attention has
# one softmax, so it has to share. Say that "cat" has the value (1, 0) and "mat" the value (0, 1), and that each gets
# half of the weight.

# %%
import numpy as np

from attncore import answer, breaks, card, check, hint, progress, reset, yours
from attncore.dot_product import scaled_dot_product_attention
from attncore.heads import HeadWeights
from attncore.views.explorables.head_lines import head_lines

# %% exercise="one-mixture"

# %% [markdown]
# ## Two places, for two reasons
#
# Now take two **heads**, which is to say two softmaxes. One looks at who sits, the other at what's sat on, and what they
# find is laid side by side.

# %%
cat, mat = [1, 0], [0, 1]
for who, what in ((cat, mat), (mat, cat)):
    print(
        "one head:",
        np.array([0.5, 0.5]) @ [who, what],
        "  two heads:",
        np.array([who, what]).ravel(),
    )

# %% [markdown]
# Two heads can tell the two sentences apart. Do trained heads differ like that? Here are six of the 72 in
# all-MiniLM-L6-v2, a small trained encoder, which puts [CLS] and [SEP] around our sentence. Choose a head by its map,
# then point at words.

# %%
head_lines()

# %% exercise="previous-word-head"

# %% [markdown]
# ## Cut the width into heads
#
# Two full attentions would cost twice as much. Vaswani et al. (2017) make each head narrower instead: $h$ heads share the
# model width $m$ (`d_model`, the hidden size), so each one is $m/h$ wide. Head 0 takes the first $m/h$ entries of every
# token, head 1 the next ones, and so on. Here are three tokens of width four.

# %%
tiny = np.arange(12).reshape(3, 4)
tiny

# %% exercise="head-by-hand"

# %% [markdown]
# Attention works on the last two axes, tokens and width, and treats whatever stands in front as more of the same. You used
# that for batches. So where should the heads go?

# %% exercise="split-shape"

# %% exercise="split_heads"

# %%
from attncore.views.explorables.swaps import swaps

swaps()

# %% [markdown]
# On the left is what you've just done, on the right a reshape straight to (h, n, w). That one has the right shape as
# well, which makes it the classic bug of this lesson. To see your own numbers travel on the right, run
# `swaps(function=yours.split_heads)`.
#
# And back? Take the two heads that you found by hand.

# %% exercise="merge-by-hand"

# %% exercise="merge_heads"

# %%
print(yours.merge_heads(yours.split_heads(tiny, 2)))

# %% [markdown]
# A round trip proves less than it seems to: two wrong halves can cancel.
#
# What does the cut change? One wide head adds up everything before its softmax. Two heads compare separately.

# %% exercise="score-of-a-head"

# %% [markdown]
# ## What a head reads
#
# In a real layer the cut comes *after* the projections. `HeadWeights` holds the four matrices of a layer, `W_query`,
# `W_key`, `W_value` and `W_output`, each (m, m). Here's one with four heads of width two.

# %%
rng = np.random.default_rng(0)
x = rng.standard_normal((6, 8))
weights = HeadWeights(*rng.standard_normal((4, 8, 8)) / np.sqrt(8))

# %% exercise="head-reads"

# %% [markdown]
# So a head isn't a slice of the embedding. It has its own columns of each projection, $W_i^Q$, $W_i^K$ and $W_i^V$, and
# training decides what it picks out. It then runs the attention of lesson 04 with a softmax of its own, and a scale set
# by its own width:
#
# $$\text{head}_i = \text{attention}(X W_i^Q,\; X W_i^K,\; X W_i^V)$$

# %% exercise="head-width"

# %% [markdown]
# ## Masks with heads
#
# Scores now have four axes, (batch, h, q, k). A mask from lesson 06 has no axis for heads: (q, k) if it's causal, and
# (batch, q, k) with padding. NumPy lines shapes up from the right. Which of the two is safe?

# %% exercise="mask-meets-heads"

# %% [markdown]
# Keep that in mind for the layer itself. The heads are merged at the end, and a last projection mixes them:
#
# $$\text{multi-head}(X) = [\text{head}_1 \dots \text{head}_h]\, W^O$$

# %% exercise="multi_head_attention"

# %% [markdown]
# How would you know that the mask goes to the right place? Change what stands in the padding, and see whether the real
# tokens notice.

# %%
batch = rng.standard_normal((2, 6, 8))
other = batch.copy()
other[1, 3:] += 1
for name, mask in (("padding masked", yours.padding_mask([6, 3], 6)), ("no mask", None)):
    outputs = [yours.multi_head_attention(b, b, b, weights, 4, mask) for b in (batch, other)]
    print(f"{name}: moved by {np.abs(outputs[0] - outputs[1])[1, :3].max():.2g}")

# %% [markdown]
# Some code has no axis for heads at all, and folds batch and heads into one. Here's a layer like that.

# %% exercise="fix_padded_texts"

# %% [markdown]
# ## What W_output does
#
# Why is there a fourth matrix? The merged heads are already as wide as the model.

# %% exercise="without-w-output"

# %% [markdown]
# With `W_output`, every head writes to the whole width. Let's do one token by hand: two heads of width two, so the first
# two rows of the matrix meet head 0, and the last two meet head 1.

# %% exercise="output-of-two-heads"

# %%
from attncore.views.tables import number_map

found = np.array([1, 2, 3, 1])
W = np.array([[1, 0, 1, 0], [0, 1, 0, 0], [1, 0, 0, -1], [0, 0, 2, 0]])
parts = [found[:2] @ W[:2], found[2:] @ W[2:]]
number_map(
    [*parts, found @ W], ["head 0", "head 1", "output"], range(4), "What does each head write?"
)

# %% [markdown]
# Concatenate and project, or project each head and add: it's the same product.
#
# $$[\text{head}_1 \dots \text{head}_h]\, W^O = \sum_i \text{head}_i\, W_i^O$$
#
# Does that hold for your layer too? We give each head a switch, `keep`, which multiplies its rows of `W_output` by 1 or 0.


# %%
def layer(x, keep):
    W_output = np.repeat(keep, 2)[:, None] * weights.W_output
    return yours.multi_head_attention(x, x, x, weights._replace(W_output=W_output), 4)


whole, alone = layer(x, np.ones(4)), [layer(x, one) for one in np.eye(4)]
print(f"largest entry {np.abs(whole).max():.2f}, difference {np.abs(whole - sum(alone)).max():.1g}")

# %% [markdown]
# So the layer is a **sum over heads**, and nothing else mixes them. That's why you can take a head out by dropping one
# term, and put heads on different GPUs and add up at the end. Elhage et al. (2021) build their reading of Transformers on
# it.
#
# The next layer comes with a test that passes, yet it's right only with one head.

# %% exercise="fix_fused_attention"

# %% [markdown]
# ## Does a second head help?
#
# You've seen why it could. Now a task made for the question: every token has to bring *two* numbers, from two other
# tokens, in one layer. First, how far does sharing get you?

# %% exercise="half-of-two"

# %% [markdown]
# Three models of the same total width, 32: one head of 32, two of 16, four of 8, with the same start and the same
# batches.

# %% exercise="how-many-heads"

# %%
from attncore.experiments.heads import heads_experiment
from attncore.views.plots import loss_curves

loss_curves(heads_experiment(), "Who learns to bring two numbers?")

# %% [markdown]
# Two heads solve the task, and four add nothing: there are only two places to look at. One head is far behind. It does
# get below the loss of an even mixture here, because its scores can depend on the numbers themselves; with `seed=2` it
# doesn't.
#
# Language isn't a toy. At constant computation, Vaswani et al. (2017) got 24.9 BLEU with one head, 25.5 with 4, 25.8
# with 8 and with 16, and 25.4 with 32. So heads help, though not by much, and there's such a thing as too many.

# %% [markdown]
# ## Do heads specialize?
#
# In the picture at the top, layer 0, head 2 looked at the previous word. One sentence proves little, so let's use five other
# recorded texts and all 72 heads. How much weight goes to the token before, on average?

# %%
from attncore.recorded import recorded_maps
from attncore.views.tables import heat_map

others = [read.maps for text, read in recorded_maps().items() if text != "The cat sat on the mat"]
before = np.mean([np.diagonal(maps, -1, 2, 3)[..., :-1].mean(axis=-1) for maps in others], axis=0)
layers = [f"layer {i}" for i in range(6)]
heat_map(before, layers, range(12), "How much goes to the token before?")

# %% [markdown]
# One head does nothing else, in every text; a few more lean that way. Clark et al. (2019) found such heads in BERT, and
# others that go from an object to its verb or from a determiner to its noun. But nothing in the formula asks for it, and
# for most of the 72 you won't find a name so easily.

# %% [markdown]
# ## What more heads cost
#
# Every head has columns of its own in three matrices and rows in a fourth. It sounds as if more heads had to mean more
# parameters.

# %% exercise="sixteen-heads"

# %% exercise="bert-attention-parameters"

# %% exercise="mha_parameter_count"

# %%
{n_heads: yours.mha_parameter_count(512, n_heads) for n_heads in (1, 8, 16, 512)}

# %% exercise="mha-share-of-gpt2"

# %% [markdown]
# If it's free, why not 512 heads of width 1? Think of a single head as narrow as that: its queries and keys are plain
# numbers.

# %% exercise="favorite-keys"

# %% [markdown]
# So a head of width 1 can't even say "the token before me". Take 16 random keys, ask with 10,000 random queries, and count
# how many keys are ever anyone's favorite.

# %%
from attncore.views.plots import curves


def favorites(width):
    queries, keys = rng.standard_normal((10_000, width)), rng.standard_normal((16, width))
    return len(set((queries @ keys.T).argmax(axis=-1).tolist()))


widths = [1, 2, 4, 8, 16]
counts = [np.mean([favorites(width) for _ in range(5)]) for width in widths]
curves({"favorites": counts}, "How many of 16 keys can be found?", "head width", "keys", widths)

# %% [markdown]
# Softmax can't repair that: it never changes who's first. In matrix terms the scores are (n, w) times (w, n), so their
# rank is at most w, and Bhojanapalli et al. (2020) call it the low-rank bottleneck. What also grows with the heads is
# the memory for attention weights, n² for each.
#
# | model | model width | heads | head width |
# |---|---|---|---|
# | BERT-base (Devlin et al., 2018) | 768 | 12 | 64 |
# | GPT-2 small (Radford et al., 2019) | 768 | 12 | 64 |
# | Llama 3 8B (Grattafiori et al., 2024) | 4,096 | 32 | 128 |
#
# Larger models take more heads, hardly wider ones. (Llama's 32 are query heads; it has fewer for keys and values, see
# lesson 13.) That heads times width equals the model width is only a habit:

# %% exercise="more-heads"

# %% [markdown]
# ## Leave a head out
#
# Which heads of a layer matter? Leave one out and see how far the output moves. Write that measurement for any layer with
# switches, like the `layer` above.

# %% exercise="head_importance"

# %%
from attncore.views.tables import bars

importance = yours.head_importance(layer, x, 4)
bars(importance, [f"head {i}" for i in range(4)], "How far does the output move?", max(importance))

# %% [markdown]
# In one layer, a head's importance is the largest entry of its term in the sum. Through several layers it isn't so
# simple. Say that two heads bring the same thing, and a later step keeps the larger of the two.

# %% exercise="either-head"


# %%
def either(x, keep):
    return np.maximum(keep[0] * x, keep[1] * x)


two = np.array([[1.0, 2.0]])
print("importance of each:", np.asarray(yours.head_importance(either, two, 2)))
print("output without both:", either(two, np.zeros(2))[0])

# %% [markdown]
# Both can be spared, one at a time; without both, nothing is left. An importance of zero says that the others suffice, so
# prune a little and measure again.
#
# In a trained translation model, 8 of 96 encoder heads changed BLEU significantly when removed one at a time, and half
# of those 8 *raised* it; up to 20% of the model's heads could be pruned together, and 40% of BERT's (Michel et al.,
# 2019). Yet one encoder-decoder layer, cut down to its best head, lost 13.56 BLEU. Voita et al. (2019) pruned 38 of 48
# encoder heads at a cost of 0.15 BLEU, and those that stayed longest had jobs with a name: a neighboring position, a
# syntactic relation, a rare word.

# %% [markdown]
# ## Weights dropped in training
#
# One detail that interviewers like. In training, a layer may set weights to zero at random, each with probability $p$,
# after the softmax. The survivors are divided by $1 - p$, so that each weight keeps its mean. BERT does it with $p = 0.1$
# (Devlin et al., 2018).

# %% exercise="largest-row-sum"

# %%
row = np.array([0.4, 0.3, 0.2, 0.1])
dropped = np.where(rng.random((100_000, 4)) < 0.1, 0, row / (1 - 0.1))
print("four rows sum to", dropped[:4].sum(axis=-1).round(2))
print("the weights' means are", dropped.mean(axis=0).round(2))

# %% [markdown]
# Nothing is dropped at inference, and nothing is rescaled. PyTorch's `scaled_dot_product_attention` doesn't know about
# `eval()`, though: it drops whatever `dropout_p` says.

# %% [markdown]
# ## The same in PyTorch
#
# ```python
# import torch
# from torch import nn
#
# class MultiHeadAttention(nn.Module):
#     def __init__(self, width, heads):
#         super().__init__()
#         self.heads, self.qkv, self.out = heads, nn.Linear(width, 3 * width), nn.Linear(width, width)
#
#     def forward(self, x, mask=None):  # (b, n, m)
#         parts = self.qkv(x).chunk(3, dim=-1)
#         q, k, v = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in parts)
#         found = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
#         return self.out(found.transpose(1, 2).flatten(-2))
# layer = MultiHeadAttention(512, 8)
# print(layer(torch.randn(2, 10, 512)).shape, sum(p.numel() for p in layer.parameters()))
# ```
#
# ```text
# torch.Size([2, 10, 512]) 1050624
# ```
#
# One matrix makes queries, keys and values, `chunk` takes them apart, and a mask for padding has to come as (b, 1, 1, n).

# %% exercise="torch-view"

# %% [markdown]
# ## The interview corner
#
# Say it, type it, choose, and then read. The last two cards are from lesson 05.

# %% exercise="why-many-heads"

# %% exercise="what-w-output-does"

# %% exercise="prune-heads"

# %% exercise="head-width-trade-off"

# %% exercise="attention-dropout"

# %% exercise="fused-projections"

# %% again="does-it-know-order"

# %% again="fold-query-and-key"

# %% [markdown]
# ## Say it in two minutes
#
# "Explain multi-head attention. What do the heads buy, and what do they cost?" Two minutes, aloud, with shapes. Then
# compare.

# %% [markdown] folded="One way to say it"
# "One softmax gives each token one mixture, so what it finds for two reasons gets blended. Multi-head attention
# projects queries, keys and values, cuts each into h slices of width m over h, and runs scaled dot-product attention in
# every slice: (b, n, m) becomes (b, h, n, m/h), by a reshape and then a transpose. The results go side by side and
# through W_output, which makes the layer a sum over heads, each writing through its own rows. It has four m squared
# parameters plus biases, whatever h is. The price is the width of a head: a narrow one can tell fewer keys apart.
# Trained heads partly specialize, and many can be pruned afterwards, a few at a time, by their effect on the loss."

# %% [markdown]
# ## Roads not taken
#
# Talking-heads attention lets heads mix their scores before and after the softmax (Shazeer et al., 2020). Heads may share
# their key and query projections and be told apart by a learned weighting (Cordonnier et al., 2020). A gate before
# `W_output` lets a head add nothing (Qiu et al., 2025). Or heads share keys and values, which saves memory where it hurts
# most; that's lesson 13.

# %% sources="here"

# %% [markdown]
# ## What the next lesson assumes
#
# That you can write `multi_head_attention` from memory and name the shape after each line. None of your heads knows where
# a word stands: the trained one that looks at the previous word had help. Lesson 08 gives it to you.

# %%
progress()
