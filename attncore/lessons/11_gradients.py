# %% [markdown]
# # Backward by hand
#
# Frameworks compute gradients for you, until somebody asks you to do it on a whiteboard, or to write a fused kernel. We'll
# take attention back step by step, and measure every step before we trust it. Start with a guess.

# %%
import math

import numpy as np

from attncore import answer, breaks, card, check, hint, progress, reset, yours
from attncore.dot_product import attention_weights
from attncore.gradients import sum_to
from attncore.masks import causal_mask
from attncore.views.plots import curves, loss_curves
from attncore.views.tables import bars, number_map
from attncore.views.widgets.gradients import flow_picture, saturation_picture, step_picture
from attncore.words import embed, tokens

# %% exercise="nudge-a-score"

# %% [markdown]
# ## Measure it
#
# How far does the output fall? Call it the loss, $L$, and measure. Move one score a little up, then a little down, and
# divide the change in $L$ by the distance between the two. That's a **central difference** with step $h$:
#
# $$\frac{\partial L}{\partial x_0} \approx \frac{L(x_0 + h) - L(x_0 - h)}{2h}$$
#
# Do that for every entry and you have the **gradient** of $L$ with respect to $x$, in the shape of $x$. We write it $dx$.

# %% exercise="numerical_gradient"

# %%
x, values = np.log([1.0, 2.0, 5.0]), np.array([8.0, 0.0, 4.0])
p = yours.softmax(x)
measured = yours.numerical_gradient(lambda x: yours.softmax(x) @ values, x)
measured.round(4)

# %% [markdown]
# Now without measuring. The **chain rule** multiplies slopes along the way: first from the loss to the weights, $dp$,
# which is just the values, since $L = \sum_i p_i v_i$. Then from the weights to the scores. Is the slope $p(1-p)$
# enough for that?

# %%
dp = values
p * (1 - p) * dp

# %% [markdown]
# Not one of the three is right. The second says that its score has no effect, and you've just measured $-0.875$. Something
# is missing.

# %% [markdown]
# ## The Jacobian of softmax
#
# The slopes of all outputs with respect to all inputs, in one matrix, make up the **Jacobian**: a row for each output,
# a column for each input.

# %% exercise="jacobian-shape"

# %% [markdown]
# The quickest way to it is the logarithm. Since $\log p_i = x_i - \log \sum_k e^{x_k}$, and the slope of that log of a
# sum with respect to $x_j$ is $p_j$,
#
# $$\frac{\partial \log p_i}{\partial x_j} = [i = j] - p_j$$
#
# where $[i = j]$ is 1 if they're the same and 0 if not. And $\partial \log p_i = \partial p_i / p_i$, so multiply by $p_i$:
#
# $$J_{ij} = \frac{\partial p_i}{\partial x_j} = p_i \left([i = j] - p_j\right), \qquad J = \text{diag}(p) - p\, p^\top$$

# %%
J = np.diag(p) - np.outer(p, p)
names = ["1/8", "2/8", "5/8"]
number_map(J, names, names, title="How does each weight move with each score?")

# %% [markdown]
# Read a column: the score lifts its own weight and lowers all the others. The chain rule is a row times that matrix,
# $dx = dp\, J$. Here's what it gives, above what you measured.

# %%
np.stack([dp @ J, measured]).round(4)

# %% exercise="score-gradient-by-hand"

# %% exercise="gradient-of-the-total"

# %% [markdown] folded="So what sums to zero?"
# Every gradient that comes out of a softmax, whatever went in: shifting all scores of a row by the same amount changes
# nothing, so there's no slope in that direction. It's the first thing to check in a backward pass of your own.

# %% [markdown]
# ## The product without the matrix
#
# A row of $k$ weights has a Jacobian of $k^2$ numbers, and attention has such a row for every query.

# %% exercise="jacobian-bytes"

# %% [markdown]
# Nobody builds it. You only want its product with a vector, so put $\text{diag}(p) - p\,p^\top$ into $dp\,J$ and
# multiply out, on paper. What's left of $p\,p^\top$ once a vector multiplies it from the left? Then write the product,
# for rows of any batch.

# %% exercise="softmax_backward"

# %% [markdown]
# Here are the three keys again, with your function on the way back. Move the second score. Where does its gradient
# become nearly zero, and why?

# %%
flow_picture(yours.softmax_backward)

# %% [markdown] folded="What does the formula say in words?"
# The number you subtract, $p \cdot dp$, is the mean of the gradients under the weights; here it's 3.5, the loss itself.
# When its score rises, a key whose value lies above that mean pulls the loss up, one below pulls it down, and each
# counts by its weight.

# %% [markdown]
# Lesson 02 had a special case: with cross-entropy on top, the gradient of the logits is $p$ minus the target. Does yours
# agree? The loss is $-\log p_t$, so what goes in is $-1/p_t$ at the target and zero elsewhere.

# %%
target = np.array([0.0, 1.0, 0.0])
np.stack([yours.softmax_backward(p, -target / p), p - target])

# %% [markdown]
# ## Back through attention
#
# The forward pass has three lines, with $c = 1/\sqrt d$. We go through them from last to first, and each line hands a
# gradient to the one before.
#
# $$S = c\, Q K^\top \qquad P = \text{softmax}(S) \qquad O = P V$$
#
# Begin at the end. What comes back to a value?

# %% exercise="value-gradient-by-hand"

# %% exercise="gradient-shapes"

# %% [markdown]
# That's one half of a rule that holds for every matrix product. If $C = A B$, then
#
# $$dA = dC\, B^\top \qquad dB = A^\top dC$$
#
# When sizes differ, the shapes leave you no other choice. You have all the parts now: two products, a softmax between them,
# and a scale. Put them in the right order.
#
# You get one helper, for batches. If an input was broadcast, say one set of keys for several queries, its gradient
# comes out as large as the batch. `sum_to(gradient, key.shape)` adds it up to the shape of the input; you'll see why a
# sum is right under "Used twice, added up".

# %% exercise="attention_backward"

# %% [markdown] folded="The five lines"
# $$dV = P^\top dO \qquad dP = dO\, V^\top \qquad dS = P \left(dP - \text{rowsum}(P\, dP)\right)$$
#
# $$dQ = c\, dS\, K \qquad dK = c\, dS^\top Q$$

# %% [markdown]
# Is it right? Measuring needs a loss, that is, one number. Take the sum of $O$ times a random $dO$, entry by entry: its
# gradient with respect to $O$ is that $dO$, and with random numbers in it a mistake is unlikely to cancel.

# %%
rng = np.random.default_rng(0)
Q, K, V, dO = (rng.standard_normal(shape) for shape in [(3, 8), (5, 8), (5, 6), (3, 6)])


def loss(Q, K, V):
    return np.sum(yours.scaled_dot_product_attention(Q, K, V) * dO)


# %%
ways = [lambda x: loss(x, K, V), lambda x: loss(Q, x, V), lambda x: loss(Q, K, x)]
derived = yours.attention_backward(Q, K, V, dO)
for name, way, at, gradient in zip("QKV", ways, (Q, K, V), derived, strict=True):
    print(f"d{name}: off by {np.abs(gradient - yours.numerical_gradient(way, at)).max():.0e}")

# %% [markdown]
# Measuring took two forward passes for each of 94 numbers. The derivation took one backward pass for all of them, and
# that's why networks with billions of weights can be trained at all.

# %% [markdown]
# ## How small a step
#
# You measured with a step of $10^{-6}$. Wouldn't a smaller one be more exact?

# %% exercise="best-step"

# %%
for h in (1e-2, 1e-4, 1e-6, 1e-8, 1e-10):
    one = (np.exp(h) - np.exp(0)) / h
    two = (np.exp(h) - np.exp(-h)) / (2 * h)
    print(f"step {h:.0e}: one-sided off by {abs(one - 1):.0e}, central by {abs(two - 1):.0e}")

# %% [markdown]
# That's the slope of $e^x$ at 0. A long step sees the curve: central differences err by $h^2 f''' / 6$, one-sided ones
# by $h f'' / 2$. A short step sees the rounding of $f$, divided by $h$. So the best central step is near the cube root
# of the machine epsilon, $6 \cdot 10^{-6}$ (it depends a little on $f'''$); the best one-sided step is near the square
# root, $1.5 \cdot 10^{-8}$.

# %% [markdown]
# Your own `numerical_gradient` on attention is the cross below. Move the step. How would you tell a wrong derivation from a
# badly chosen step?

# %%
step_picture(yours.numerical_gradient)

# %% [markdown] folded="How?"
# A right derivation gives a V: the error falls, and then rounding takes over. With a wrong one (here the scale is
# forgotten) the error stays high, whatever the step.

# %% [markdown]
# ## A query that learns
#
# "bank" looks at money first, and rightly so among these five words. But suppose the text is about boats, and the output
# should be the vector of "river". The loss is half the squared distance, so $dO$ is the output minus the goal. Keys and
# values stay; the query takes small steps against its gradient.

# %%
offered = "money loan river water tea"
query, rows, goal = embed("bank"), embed(offered), embed("river")
seen = []
for _ in range(31):
    seen.append(yours.attention_weights(query, rows, scale=5)[0])
    d_output = yours.scaled_dot_product_attention(query, rows, rows, scale=5) - goal
    query = query - 0.05 * yours.attention_backward(query, rows, rows, d_output, scale=5)[0]

# %%
lines = dict(zip(tokens(offered), np.transpose(seen), strict=True))
curves(lines, "Where does the weight go?", "step", "weight")

# %% [markdown]
# ## When softmax has decided
#
# The same "bank" with the same goal, before any learning. Turn the scale up until money has all the weight. The output is as
# wrong as it can be: how much of that reaches the scores?

# %%
saturation_picture(yours.softmax_backward)

# %% [markdown] folded="How much, and why?"
# Next to nothing. What comes back to the winner is its own gradient minus the mean, and that mean *is* its own gradient by
# then; the losers had hardly any say in the output. It's the saturation of lesson 02, seen from the other end, and the reason
# for the square root in lesson 04.

# %% [markdown]
# ## What a mask lets back
#
# A mask puts minus infinity into the scores on the way forward. Does infinity come back?

# %% exercise="hidden-score-gradient"

# %% [markdown]
# So your backward pass needs no line for the mask. Here the last key is hidden from everybody, and the query in the
# middle sees nothing at all. Below is the largest entry in each row of the three gradients:

# %%
mask = np.ones((3, 5), dtype=bool)
mask[:, 4] = mask[1] = False
masked = yours.attention_backward(Q, K, V, dO, mask)
{
    name: np.abs(d).max(axis=-1).round(2).tolist()
    for name, d in zip(("dQ", "dK", "dV"), masked, strict=True)
}

# %% [markdown]
# The key, its value and that query get zeros, and everything else gets a gradient. A library in which such a row gives
# NaN sends the NaN back too, into every weight of the model.

# %% [markdown]
# ## Used twice, added up
#
# When one array is used several times, each use sends a gradient back, and they add up. Broadcasting is such a use: one
# set of keys for a batch of two queries. The backward of a broadcast is a sum over the axis that was stretched.

# %%
two = rng.standard_normal((2, 3, 8))
d_key = yours.attention_backward(two, K, V, np.stack([dO, dO]))[1]
each = [yours.attention_backward(one, K, V, dO)[1] for one in two]
d_key.shape, np.allclose(d_key, sum(each), rtol=0, atol=1e-12)

# %% [markdown]
# The case that interviewers ask about is **self-attention**. There $x$ is used three times, for queries, keys and
# values, so three gradients come back to it, each through its own matrix:
#
# $$dx = dQ\, W_Q^\top + dK\, W_K^\top + dV\, W_V^\top \qquad dW_Q = x^\top dQ$$
#
# And in a block there's a residual as well. Somebody has coded that; read it carefully.

# %% exercise="fix_block_gradient"

# %% [markdown]
# Arrays that are used twice hide elsewhere too. A language model looks up a word's embedding wherever the word occurs,
# and many models use the same table again for the logits.

# %% exercise="fix_tied_embedding"

# %% [markdown]
# ## Back through a layer norm
#
# A block has one more part with a mean in it. Before you derive anything, ask what the norm *doesn't* notice.

# %% exercise="shifted-token"

# %% [markdown]
# A softmax doesn't notice a shift, and its backward pass takes something away so that the gradient sums to zero. A
# layer norm doesn't notice a shift either, and (but for the epsilon) it doesn't notice a stretch. So how many things do
# you take away?

# %% exercise="layer_norm_backward"

# %%
token, gain = rng.standard_normal(6), rng.standard_normal(6)
d_token, _, _ = yours.layer_norm_backward(token, gain, rng.standard_normal(6))
normal = (token - token.mean()) / token.std()
print(f"sum {abs(d_token.sum()):.6f}, along the normalized token {d_token @ normal:.6f}")

# %% [markdown]
# Both zero: the first up to rounding, the second up to epsilon. A constraint on the way there becomes a projection on the way
# back.

# %% [markdown]
# ## Back through a whole block
#
# Attention, norms, additions, two plain layers: you can go back through every part of a block. Press "Run backward". At
# each addition the gradient goes on along the trunk, and a copy of it goes into the branch. Then move the norms after
# the additions and run it again: what happens to the size of the gradient, from block to block?

# %%
from attncore.views.explorables.whole import whole

whole("gpt2")

# %% [markdown]
# Here it is in code, with your two functions in it. First the heads, which are `fix_block_gradient` without its
# residual:

# %%
from attncore.backpropagation import attend, feed_forward_backward, matrix_backward
from attncore.heads import HeadWeights, merge_heads, split_heads
from attncore.transformer import EncoderWeights, NormWeights, layer_norm


def heads_backward(x, weights, d_output, n_heads, mask):
    parts = [split_heads(x @ W, n_heads) for W in weights[:3]]
    mixed = merge_heads(yours.scaled_dot_product_attention(*parts, mask))
    d_mixed = split_heads(d_output @ weights.W_output.T, n_heads)
    back = [merge_heads(d) for d in yours.attention_backward(*parts, d_mixed, mask)]
    d_x = sum(d @ W.T for d, W in zip(back, weights[:3], strict=True))
    return d_x, HeadWeights(
        *(matrix_backward(x, d) for d in back), matrix_backward(mixed, d_output)
    )


# %% [markdown]
# Then the block: forward again as far as the middle, and back through two residuals and two norms.


# %%
def block_backward(x, weights, d_output, n_heads, mask=None):
    first, heads, second, layers = weights
    middle = x + attend(layer_norm(x, *first), heads, n_heads, mask)
    d_normal, d_layers = feed_forward_backward(layer_norm(middle, *second), layers, d_output)
    d_branch, *d_second = yours.layer_norm_backward(middle, second.gain, d_normal)
    d_middle = d_output + d_branch
    d_normal, d_heads = heads_backward(layer_norm(x, *first), heads, d_middle, n_heads, mask)
    d_branch, *d_first = yours.layer_norm_backward(x, first.gain, d_normal)
    norms = NormWeights(*d_first), NormWeights(*d_second)
    return d_middle + d_branch, EncoderWeights(norms[0], d_heads, norms[1], d_layers)


# %% [markdown]
# Two places add `d_output` and `d_middle`: those are the residuals. Is every array right? Here's the gap between each
# and the measured gradient, as a share of the largest:

# %%
from attncore.experiments.gradients import block_experiment, forgetful_backward, gradient_gaps

{name: f"{gap:.0e}" for name, gap in gradient_gaps(block_backward).items()}

# %% [markdown]
# So it can train. The block gets six tokens and has to return them in reverse order. Beside it we train a control, with
# a mistake in its backward pass.

# %% exercise="forgotten-branch"

# %%
losses = block_experiment(block_backward)
loss_curves(losses, "What does a mistake in the backward pass look like?")

# %% [markdown]
# If you'd seen only the "forgetful" curve, would you have looked for a mistake? It falls, and you'd have tuned the
# learning rate. Compared with a measurement, the same mistake looks like this:

# %%
gaps = gradient_gaps(forgetful_backward)
bars(
    list(gaps.values()), list(gaps), "What is the largest gap, as a share of the largest gradient?"
)

# %% [markdown]
# The check doesn't just say that something is wrong, it says where: everywhere below the feed-forward layers. Here's
# another mistake, one that shows only on padded data.

# %% exercise="fix_accumulation"

# %% [markdown]
# ## Where the row sum comes from
#
# The number that you subtract in $dS$ seems to need a whole row of $P$ and of $dP$. But put in $dP = dO\, V^\top$ and
# swap the two sums:
#
# $$\sum_j P_{ij}\, dP_{ij} = \sum_j P_{ij} \sum_w dO_{iw} V_{jw} = \sum_w dO_{iw}\, O_{iw}$$

# %%
P = yours.attention_weights(Q, K)
np.stack([np.sum(P * (dO @ V.T), axis=-1), np.sum(dO * (P @ V), axis=-1)]).round(4)

# %% [markdown]
# That's one number for each query, from two arrays as narrow as a value. FlashAttention calls it $D$ and never needs a
# row of weights in one piece (Dao et al., 2022); its second version has $D$ ready before it looks at the first block of
# keys (Dao, 2023). Lesson 14 goes through the keys in such blocks.

# %% [markdown]
# ## Store or compute again
#
# The backward pass needs $P$. Should the forward pass keep it?

# %% exercise="weights-kept-bytes"

# %%
lengths = np.array([1024, 4096, 16_384, 32_768])
kept, linear = 32 * lengths**2 * 2, 4 * 32 * lengths * 128 * 2
curves(
    {"P": kept, "Q, K, V and O": linear},
    "What has to be kept? 32 heads of width 128, two bytes",
    "tokens",
    "bytes",
    lengths,
    log="xy",
)

# %% [markdown]
# Queries, keys, values and outputs grow with the length, the weights with its square. So your `attention_backward`
# recomputed the weights, from arrays that are there anyway. What did that cost?

# %% exercise="backward-flops-ratio"

# %% [markdown]
# With values as wide as keys: $4 n^2 d$ forward, $8 n^2 d$ back, $10 n^2 d$ with the scores recomputed. That's more
# operations, and on a GPU it's still faster, because reading and writing that square takes longer than computing it
# (Dao et al., 2022). Doing the same with whole layers is called gradient checkpointing (Chen et al., 2016).

# %% [markdown]
# ## The same in PyTorch
#
# ```python
# import torch
# import torch.nn.functional as F
#
# query, key, value = (torch.randn(n, 4, dtype=torch.float64, requires_grad=True) for n in (3, 5, 5))
# d_output = torch.randn(3, 4, dtype=torch.float64)
# F.scaled_dot_product_attention(query, key, value).backward(d_output)
#
# with torch.no_grad():
#     P = (query @ key.T / 2).softmax(dim=-1)
#     dP = d_output @ value.T
#     dS = P * (dP - (P * dP).sum(dim=-1, keepdim=True)) / 2
# print((dS @ key - query.grad).abs().max() < 1e-12, (dS.T @ query - key.grad).abs().max() < 1e-12)
# print(torch.autograd.gradcheck(F.scaled_dot_product_attention, (query, key, value)))
# ```
#
# ```text
# tensor(True) tensor(True)
# True
# ```
#
# The last line is your `numerical_gradient` in their library. It wants float64, and you know why.

# %% [markdown]
# ## The interview corner
#
# Say it, type it, choose, and then read. The last two cards are from lesson 09.

# %% exercise="derive-the-jacobian"

# %% exercise="why-the-row-sum"

# %% exercise="attention-backward-aloud"

# %% exercise="recompute-the-weights"

# %% exercise="gradient-when-saturated"

# %% exercise="how-to-check-a-gradient"

# %% again="pre-norm-or-post-norm"

# %% again="masked-or-next-token"

# %% [markdown]
# ## Say it in two minutes
#
# "Derive the backward pass of attention, and tell me how you'd know that it's right." Two minutes, aloud, with a pen. Then
# compare.

# %% [markdown] folded="One way to say it"
# "The Jacobian of softmax is diag p minus p p transposed. Times a vector that's p times the vector minus its mean under
# p, so I never build the matrix. Attention goes back in five lines: dV is P transposed dO, dP is dO V transposed, then
# the softmax step to dS, then dQ is c dS K and dK is c dS transposed Q. Masked entries get zero by themselves,
# saturated ones nearly so. Whatever is used several times gets the sum. The row sum equals that of dO times O, one
# number a query. And I recompute the weights instead of keeping them: that's two and a half times the forward's
# operations instead of two, but far less memory traffic. I check it against central differences in float64, with odd
# shapes, a mask and a random loss. A falling loss is no check."

# %% [markdown]
# ## Roads not taken
#
# Automatic differentiation does all of this from a record of the forward pass; people still write backward passes by hand
# for fused kernels. Forward mode carries slopes along with the values, one input direction per pass, which pays when inputs
# are few. The complex step takes the imaginary part of $f(x + ih)$ over $h$: it subtracts nothing, so it loses no digits
# (Squire and Trapp, 1998). And attention with a sigmoid for each key has no row sum to subtract (Ramapuram et al., 2024).

# %% sources="here"

# %% [markdown]
# ## What the next lesson assumes
#
# That you can count matrix products, and tell memory that grows with the length from memory that grows with its square. In
# lesson 12 nothing comes back: a model answers, token by token, and we count what that costs.

# %%
progress()
