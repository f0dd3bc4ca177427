# %% [markdown]
# # Backward by hand
#
# Training asks how the loss moves when a number moves, for every number in the network. Here we derive the answer for
# attention before we code it, and measure it before we trust it. At the end you can write the backward pass on a white
# board, and say why fast kernels compute the weights twice (a kernel here is one program on the GPU).

# %% [markdown]
# **You need** the slope of softmax (lesson 02), scaled dot-product attention (04) and masks (06).
# **You get** `softmax_backward`, `attention_backward`, and `numerical_gradient` to check them with. Lesson 14 relies on
# the row sum that we meet on the way.

# %%
import math

import numpy as np

from attncore import answer, breaks, card, check, hint, progress, reset
from attncore.dot_product import attention_weights, scaled_dot_product_attention
from attncore.gradients import attention_backward, numerical_gradient, softmax_backward, sum_to
from attncore.masks import causal_mask
from attncore.self_attention import influence
from attncore.softmax import softmax
from attncore.views.tables import number_map
from attncore.views.widgets.gradients import gradient_picture, step_picture
from attncore.weighted_sum import weighted_sum
from attncore.words import embed, tokens

# %% [markdown]
# ## Three scores and a loss
#
# The smallest attention has one query, three keys, and values that are plain numbers. Scores of log 1, 2 and 5 give
# weights of 1/8, 2/8 and 5/8. The output is one number, and we call it the **loss**, what training wants to make small.

# %%
x = np.log([1.0, 2.0, 5.0])
values = np.array([8.0, 0.0, 4.0])
p = softmax(x)
p, p @ values

# %% [markdown]
# How does the loss $L$ move with the first score? We can measure it: a little up, a little down, over the distance
# between the two. That is a **central difference**, with the step $h$.
#
# $$\frac{\partial L}{\partial x_0} \approx \frac{L(x_0 + h) - L(x_0 - h)}{2h}$$

# %%
h = np.array([1e-6, 0.0, 0.0])
(softmax(x + h) @ values - softmax(x - h) @ values) / 2e-6

# %% [markdown]
# The same for each score makes the **gradient** of the loss with respect to $x$ (we say: by $x$), an array in the shape
# of $x$, and we write it $dx$. `numerical_gradient` moves one entry after the other, as `influence` of lesson 05 did.

# %%
measured = numerical_gradient(lambda x: softmax(x) @ values, x)
measured.round(4)

# %% [markdown]
# Now without measuring. The **chain rule** multiplies slopes along the way from $x$ to $L$: first the loss by the
# weights, $dp$, then the weights by the scores. Since $L = \sum_i p_i v_i$, the first is just $v$. For the second we
# try the slope $p(1 - p)$ of lesson 02.

# %%
dp = values
p * (1 - p) * dp

# %% [markdown]
# Not one of the three is right. It says that the second score has no effect, and we measured $-0.875$. The weights share
# one unit: who gains takes from all others. Lesson 02 had a second formula, $-p_i p_j$ for another score. We need all of
# them at once; here is where both come from.

# %% exercise="jacobian-shape"

# %% [markdown]
# ## The Jacobian of softmax
#
# All slopes of all outputs by all inputs make a **Jacobian**. We derive it in two steps. First the logarithm, which
# lesson 02 wrote without a fraction, $\log p_i = x_i - \log \sum_j e^{x_j}$. The derivative of the second term by $x_j$
# is $p_j$ (check it), so
#
# $$\frac{\partial \log p_i}{\partial x_j} = [i = j] - p_j$$
#
# with $[i = j]$ for 1 where they are equal, else 0. Second, $\partial \log p_i = \partial p_i / p_i$, so we multiply by
# $p_i$:
#
# $$J_{ij} = \frac{\partial p_i}{\partial x_j} = p_i \left([i = j] - p_j\right), \qquad J = \text{diag}(p) - p\, p^\top$$

# %%
J = np.diag(p) - np.outer(p, p)
labels = ["1/8", "2/8", "5/8"]
number_map(J, labels, labels, title="A score lifts its own weight and lowers all others")

# %% [markdown]
# Rows are weights, columns are scores. The diagonal is $p(1 - p)$, the rest is $-p_i p_j$. Now the chain rule is a
# product of a row and a matrix, and all three numbers are those that we measured.
#
# $$dx = dp\, J$$

# %%
dp @ J, np.allclose(dp @ J, measured)

# %% exercise="gradient-of-the-total"

# %% [markdown]
# A gradient of ones asks for the sum of the weights, and the answer is zero, up to rounding. In the same way every
# gradient that comes out of a softmax sums to zero: a shift of all scores changes nothing.

# %%
(np.ones(3) @ J).round(12), (dp @ J).sum().round(12)

# %% [markdown]
# ## Never build it
#
# A row of $k$ weights has a Jacobian of $k^2$ numbers. We only want its product with a vector, so we multiply out: the
# diagonal gives $p\, dp$, place by place, and the outer product gives $p$ times one number, $p \cdot dp$.
#
# $$dx = p \left(dp - p \cdot dp\right)$$

# %%
p @ dp, p * (dp - p @ dp)

# %% [markdown]
# Read it in words. $p \cdot dp$ is the mean of the gradients under the weights: 3.5, which here is the loss itself. A
# key whose value lies above the mean (8, and 4) pulls the loss up when its score rises; one below it (0) pulls it down.
# And a key counts by its weight.

# %% [markdown]
# With two keys, this is lesson 02 again: $p(1 - p)$ times the difference between the two gradients. At weights of 1/4
# and 3/4 the slope is 3/16.

# %%
softmax_backward(np.array([0.25, 0.75]), np.array([1.0, 0.0])) * 16

# %% [markdown]
# Lesson 02 also promised that a classifier's loss, $-\log p_t$ for the right answer $t$, leaves $p$ minus the target.
# Its gradient by $p_t$ is $-1 / p_t$, and the weight in front cancels the fraction.

# %%
target = np.array([0.0, 1.0, 0.0])
softmax_backward(p, -target / p), p - target

# %% [markdown]
# ## Attention, in reverse
#
# The forward pass has three lines, with $c = 1 / \sqrt d$. We go through them from the last to the first, and hand a
# gradient from line to line.
#
# $$S = c\, Q K^\top \qquad P = \text{softmax}(S) \qquad O = P V$$

# %%
rng = np.random.default_rng(0)
shapes = {"Q": (3, 8), "K": (5, 8), "V": (5, 6), "dO": (3, 6)}
Q, K, V, dO = (rng.standard_normal(shape) for shape in shapes.values())
c = 1 / math.sqrt(8)
P = softmax(c * Q @ K.T)

# %% [markdown]
# The last line is $O_{iw} = \sum_j P_{ij} V_{jw}$. Moving $V_{jw}$ moves $O_{iw}$ by $P_{ij}$, for every query $i$, so
# its gradient collects from all queries. Moving $P_{ij}$ moves the whole row $O_i$, along the value $V_j$.
#
# $$dV = P^\top dO \qquad dP = dO\, V^\top$$

# %%
dV = P.T @ dO
dP = dO @ V.T
dV.shape, dP.shape

# %% [markdown]
# With no two sizes equal, the shapes leave no other choice. And the first is an old friend: a weighted sum, as in
# lesson 01, with the weights read by columns. A value gets from each query's gradient the share that it gave.

# %%
np.allclose(dV, weighted_sum(P.T, dO))

# %% [markdown]
# Next the softmax, row by row. Then the scores: a product again, so each factor gets $dS$ times the other, and both
# meet the scale.
#
# $$dS = P \left(dP - \text{rowsum}(P\, dP)\right) \qquad dQ = c\, dS\, K \qquad dK = c\, dS^\top Q$$

# %%
dS = softmax_backward(P, dP)
dQ = c * dS @ K
dK = c * dS.T @ Q
dQ.shape, dK.shape

# %% [markdown]
# Are they right? We need a loss whose gradient by $O$ is $dO$. The sum of $O$ times $dO$, place by place, is one, for
# any $dO$ that we like; with random numbers in it a mistake is unlikely to cancel.


# %%
def loss(Q, K, V):
    return np.sum(scaled_dot_product_attention(Q, K, V) * dO)


print(np.abs(dQ - numerical_gradient(lambda x: loss(x, K, V), Q)).max())
print(np.abs(dK - numerical_gradient(lambda x: loss(Q, x, V), K)).max())
print(np.abs(dV - numerical_gradient(lambda x: loss(Q, K, x), V)).max())

# %% [markdown]
# Nine decimals agree, and `attention_backward` returns the same three. Measuring took two forward passes for each of 94
# numbers; deriving took one backward pass for all of them. That is why networks can be trained at all.

# %%
derived = attention_backward(Q, K, V, dO)
[np.allclose(one, other) for one, other in zip(derived, (dQ, dK, dV), strict=True)]

# %% [markdown]
# ## A query that learns
#
# Back to the "bank" of lesson 02, which leans towards money. Suppose that the text is about boats, and the output
# should be the vector of "river". The loss is half the squared distance, so $dO$ is the output minus the goal.

# %%
offered = "money loan river water tea"
query, rows, goal = embed("bank"), embed(offered), embed("river")
output = scaled_dot_product_attention(query, rows, rows, scale=5)
d_output = output - goal
d_scores = softmax_backward(attention_weights(query, rows, scale=5), d_output @ rows.T)
number_map(
    -d_scores, ["bank"], tokens(offered), title="Descent takes from money, and gives most to river"
)

# %% [markdown]
# The minus sign is descent: against the gradient. Now the query takes small steps along $-dQ$, keys and values held
# fixed, and its attention moves from the money to the river.

# %%
for step in range(31):
    if step % 10 == 0:
        print(step, attention_weights(query, rows, scale=5)[0].round(2))
    d_output = scaled_dot_product_attention(query, rows, rows, scale=5) - goal
    query = query - 0.05 * attention_backward(query, rows, rows, d_output, scale=5)[0]

# %% [markdown]
# ## What a mask lets back
#
# A mask puts $-\infty$ into the scores on the way forward. Does infinity come back?

# %% exercise="hidden-score-gradient"

# %% [markdown]
# Every gradient of a score has its weight in front, and a hidden weight is exactly zero. So the backward needs no line
# for the mask. Here the last key is hidden from everyone and the middle query sees nothing: the key, its value and that
# query get zeros.

# %%
mask = np.ones((3, 5), dtype=bool)
mask[:, 4] = mask[1] = False
d_query, d_key, d_value = attention_backward(Q, K, V, dO, mask)
for d in (d_query, d_key, d_value):
    print(np.abs(d).max(axis=-1).round(2))

# %% [markdown]
# `influence` asks for yes or no, `numerical_gradient` for how much. Under a causal mask both say that the second token
# hears from itself and the first, and from nobody later.


# %%
def layer(x):
    return scaled_dot_product_attention(x, x, x, causal_mask(len(x)))


four = rng.standard_normal((4, 3))
slopes = numerical_gradient(lambda x: layer(x)[1].sum(), four)
influence(layer, four)[1], np.abs(slopes).max(axis=-1).round(2)

# %% [markdown]
# ## Used twice, added up
#
# Where one array serves several times, each use sends a gradient, and they add. NumPy's broadcasting is such a use: one
# set of keys for a batch of two queries. The backward of a broadcast is a sum over the axis that was stretched.

# %%
two = rng.standard_normal((2, 3, 8))
_, d_key, _ = attention_backward(two, K, V, np.stack([dO, dO]))
each = [attention_backward(one, K, V, dO)[1] for one in two]
d_key.shape, np.allclose(d_key, each[0] + each[1])

# %% [markdown]
# `sum_to` does that in one call: it adds up a gradient until it has the shape of its input. You may use it in your own
# backward.

# %%
sum_to(np.ones((2, 3, 8)), (1, 8))

# %% [markdown]
# The case that interviewers ask for is **self-attention**. There $x$ serves three times, as queries, keys and values, so
# three gradients come back to it, each through its own matrix. A matrix gets what went into it, transposed, times the
# gradient of what came out.
#
# $$dx = dQ\, W_Q^\top + dK\, W_K^\top + dV\, W_V^\top \qquad dW_Q = x^\top dQ$$

# %%
text, d_out = rng.standard_normal((4, 6)), rng.standard_normal((4, 5))
W_query, W_key, W_value = matrices = rng.standard_normal((3, 6, 5))
back = attention_backward(text @ W_query, text @ W_key, text @ W_value, d_out)
d_text = sum(d @ W.T for d, W in zip(back, matrices, strict=True))
dW_query = text.T @ back[0]


# %%
def self_loss(x, W_query):
    return np.sum(scaled_dot_product_attention(x @ W_query, x @ W_key, x @ W_value) * d_out)


print(np.abs(d_text - numerical_gradient(lambda x: self_loss(x, W_query), text)).max())
print(np.abs(dW_query - numerical_gradient(lambda W: self_loss(text, W), W_query)).max())

# %% [markdown]
# ## When softmax has decided
#
# Lesson 02 showed one slope vanish. Now we see the whole way back. The same "bank", the same goal, at growing scales:
# once money has all the weight, the gradient that should correct it is gone.

# %%
for scale in (2, 5, 20, 80):
    weights = attention_weights(embed("bank"), rows, scale=scale)
    dP = (weighted_sum(weights, rows) - goal) @ rows.T
    size = np.abs(softmax_backward(weights, dP)).max()
    print(f"scale {scale:>2}: money {weights[0, 0]:.5f}, largest gradient of a score {size:.1e}")

# %% [markdown]
# Watch it happen to a sentence, under a random gradient of the weights. As the temperature falls, rows decide one after
# the other, and theirs goes dark. All but two: "the" occurs twice, its two keys tie at one half, and a tie stays open
# at any temperature.

# %%
gradient_picture()

# %% [markdown]
# These are gradients of the scores as softmax gets them, after the division by $T$. The raw scores get one over $T$
# times as much, which is no match for an exponential.

# %% [markdown]
# ## The row sum without the row
#
# The term that we subtract needs a whole row of $P$ and $dP$. Put $dP = dO\, V^\top$ into it, exchange the two sums,
# and $P V = O$ appears.
#
# $$\sum_j P_{ij}\, dP_{ij} = \sum_j P_{ij} \sum_w dO_{iw} V_{jw} = \sum_w dO_{iw}\, O_{iw}$$

# %%
output = P @ V
np.sum(P * (dO @ V.T), axis=-1), np.sum(dO * output, axis=-1)

# %% [markdown]
# One number for each query, from arrays as narrow as a value. FlashAttention calls it $D$ and never needs a row of
# weights in one piece (Dao et al., 2022); its second version has $D$ ready before it looks at the first block of keys
# (Dao, 2023). Lesson 14 goes through the keys in such blocks.

# %% [markdown]
# ## Store or compute again
#
# The way back needs $P$. Kept from the forward, it takes a square of the length for every head; the four arrays that we
# have anyway grow with the length alone. We compare for 32 heads of width 128, in two bytes.

# %%
for n in (1024, 4096, 32768):
    kept, linear = 32 * n * n * 2, 4 * 32 * n * 128 * 2
    print(f"{n:>6,} tokens: P {kept / 2**30:6.2f} GiB, and Q, K, V, O {linear / 2**30:.2f} GiB")

# %% [markdown]
# That is for one layer and one sequence. So our `attention_backward` computes the weights again from queries and keys.
# FLOPs are cheap beside that memory: one product more.

# %%
n, d = 4096, 128
product = 2 * n * n * d  # one matrix product: a multiplication and an addition each
for name, products in (("forward", 2), ("backward, P kept", 4), ("backward, P again", 5)):
    print(f"{name:<18} {products} products, {products * product / 1e9:.1f} GFLOP a head")

# %% [markdown]
# Forward $4 n^2 d$, backward $8 n^2 d$, and $10 n^2 d$ with the scores made again. On a GPU the last is the faster way,
# because reading and writing the square takes longer than making it.

# %% [markdown]
# ## How small a step
#
# Our measurements rest on a step of $10^{-6}$. Why not smaller? We try the slope of $e^x$ at 0, which is exactly 1,
# with the one-sided and the central difference.

# %%
for h in (1e-2, 1e-4, 1e-6, 1e-8, 1e-10):
    one = (np.exp(h) - np.exp(0)) / h
    two = (np.exp(h) - np.exp(-h)) / (2 * h)
    print(f"step {h:.0e}: one-sided off by {abs(one - 1):.0e}, central by {abs(two - 1):.0e}")

# %% [markdown]
# Two errors meet. A long step sees the curve: the central difference is off by $h^2 f''' / 6$, since the terms in $h$
# cancel; one-sided, $h f'' / 2$ remains. A short step sees the rounding of $f$, about $10^{-16}$, divided by $h$. The
# best central step is near the cube root of the machine epsilon, $6 \cdot 10^{-6}$; one-sided, near its square root,
# $1.5 \cdot 10^{-8}$. The best depends on $f$; the order is what one remembers.

# %% [markdown]
# The same for the gradient of attention by its query: how far the measured one is from the derived one, as the step
# changes. The V is the mark of a right derivation. Beside a wrong one, here without its scale, the error stays high
# whatever the step.

# %%
step_picture()

# %% [markdown]
# ## Exercises
#
# Write each function in its cell and run it. `check` compares with the reference on many inputs; `hint` opens the next
# of three hints. The measuring comes first, so that you can check the others yourself.

# %% exercise="numerical_gradient"

# %% [markdown]
# Your own differences, on the V of the picture. A cross on the upper branch is a one-sided difference.

# %%
step_picture(numerical_gradient)

# %% exercise="softmax_backward"

# %% [markdown]
# The picture of the sentence, now with your function on the right.

# %%
gradient_picture(softmax_backward)

# %% exercise="attention_backward"

# %% exercise="layer_norm_backward"

# %% exercise="fix_block_gradient"

# %% exercise="fix_tied_embedding"

# %% exercise="fix_accumulation"

# %% exercise="weights-kept-bytes"

# %% exercise="jacobian-bytes"

# %% exercise="backward-flops-ratio"

# %% exercise="best-step"

# %% [markdown]
# ## Roads not taken
#
# Automatic differentiation does all of this from a record of the forward pass; one still writes backward passes by hand
# for fused kernels. Forward mode carries slopes along with the values, one input direction a pass: right where inputs
# are few. The complex step, the imaginary part of $f(x + ih)$ over $h$, subtracts nothing and so loses no figure, where
# $f$ takes complex numbers (Squire and Trapp, 1998). Attention with a sigmoid for each key has no row sum to subtract
# (Ramapuram et al., 2024).

# %% [markdown]
# ## Say it in two minutes
#
# The Jacobian of softmax is $\text{diag}(p) - p p^\top$; times a vector it is $p$ times the vector minus its mean under
# $p$, without building the matrix. Attention goes back in five lines: $dV = P^\top dO$, $dP = dO V^\top$, the softmax
# step to $dS$, then $dQ = c\, dS K$ and $dK = c\, dS^\top Q$. Masked places get zero by themselves, saturated ones
# nearly so. The row sum equals that of $dO\, O$, and the weights are cheaper to make again than to keep: 2.5 times the
# forward's FLOPs in place of 2. I check it against central differences in float64.

# %% [markdown]
# ## The interview corner
#
# Say your answer aloud before you open the model answer; then tick what you said.

# %% exercise="derive-the-jacobian"

# %% exercise="why-the-row-sum"

# %% exercise="attention-backward-aloud"

# %% exercise="recompute-the-weights"

# %% exercise="gradient-when-saturated"

# %% exercise="how-to-check-a-gradient"

# %% [markdown]
# ## What the next lesson assumes
#
# That you can count matrix products, and tell memory that grows with the length from memory that grows with its square.
# There, we count what attention costs where nothing comes back: when a model answers, token by token.

# %%
progress()
