"""What is said of backward passes as courses, papers' code and libraries write them."""

import math

import numpy as np


def softmax_backward_of_pytorch(weights, d_weights):
    grad_times_output = d_weights * weights
    return grad_times_output - weights * grad_times_output.sum(-1, keepdims=True)


def softmax_backward_by_loops(weights, d_weights):
    """As in llm.c: one weight and one score at a time."""
    rows, grads = weights.reshape(-1, weights.shape[-1]), d_weights.reshape(-1, weights.shape[-1])
    d_scores = np.zeros(rows.shape)
    for row in range(len(rows)):
        for i in range(rows.shape[1]):
            for j in range(rows.shape[1]):
                indicator = 1.0 if i == j else 0.0
                d_scores[row, j] += rows[row, i] * (indicator - rows[row, j]) * grads[row, i]
    return d_scores.reshape(weights.shape)


def softmax_backward_by_a_stack_of_jacobians(weights, d_weights):
    diagonal = np.einsum("...i,ij->...ij", weights, np.eye(weights.shape[-1]))
    jacobian = diagonal - np.einsum("...i,...j->...ij", weights, weights)
    return np.einsum("...ij,...j->...i", jacobian, d_weights)


def softmax_backward_by_diagflat(weights, d_weights):
    """As many answers on the web have it: one row, and with a batch an error."""
    column = weights.reshape(-1, 1)
    return (np.diagflat(column) - np.dot(column, column.T)) @ d_weights


def softmax_backward_as_a_sigmoid(weights, d_weights):
    return d_weights * weights * (1 - weights)


def softmax_backward_after_cross_entropy(weights, d_weights):
    return weights - d_weights


def softmax_of(scores):
    exponentials = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def gradients_from(P, Q, K, V, dO, scale):
    dP = dO @ np.swapaxes(V, -1, -2)
    dS = P * (dP - np.sum(P * dP, axis=-1, keepdims=True)) * scale
    return dS @ K, np.swapaxes(dS, -1, -2) @ Q, np.swapaxes(P, -1, -2) @ dO


def attention_backward_of_a_course(Q, K, V, dO, mask=None):
    """No scale to give, and the mask by np.where: NaN where nothing is allowed, no sums over broadcast axes."""
    scale = 1 / np.sqrt(Q.shape[-1])
    S = Q @ np.swapaxes(K, -1, -2) * scale
    if mask is not None:
        S = np.where(mask, S, -np.inf) if mask.dtype == bool else S + mask
    return gradients_from(softmax_of(S), Q, K, V, dO, scale)


def attention_backward_with_a_large_negative_number(Q, K, V, dO, mask=None, scale=None):
    scale = Q.shape[-1] ** -0.5 if scale is None else scale
    S = Q @ np.swapaxes(K, -1, -2) * scale
    if mask is not None:
        S = S + ((1 - mask) * -1e9 if mask.dtype == bool else mask)
    return gradients_from(softmax_of(S), Q, K, V, dO, scale)


def attention_backward_without_a_mask(Q, K, V, dO):
    scale = Q.shape[-1] ** -0.5
    return gradients_from(softmax_of(Q @ np.swapaxes(K, -1, -2) * scale), Q, K, V, dO, scale)


def attention_backward_of_flash(Q, K, V, dO, mask=None, scale=None):
    """The weights from the log-sum-exp of each row, and the row sum from the output."""
    scale = 1 / math.sqrt(Q.shape[-1]) if scale is None else scale
    S = scale * np.einsum("...qd,...kd->...qk", Q, K)
    if mask is not None:
        S = np.where(mask, S, -np.inf) if mask.dtype == bool else S + mask
    top = S.max(-1, keepdims=True)
    L = top + np.log(np.exp(S - top).sum(-1, keepdims=True))
    P = np.exp(S - L)
    D = np.sum(dO * (P @ V), axis=-1, keepdims=True)
    dS = P * (np.einsum("...qv,...kv->...qk", dO, V) - D)
    dQ = scale * np.einsum("...qk,...kd->...qd", dS, K)
    dK = scale * np.einsum("...qk,...qd->...kd", dS, Q)
    return dQ, dK, np.einsum("...qk,...qv->...kv", P, dO)


def attention_backward_for_one_text(Q, K, V, dO, mask=None, scale=None):
    """On paper, for matrices: with a batch `.T` reverses all axes."""
    scale = 1 / np.sqrt(Q.shape[-1]) if scale is None else scale
    S = Q @ K.T * scale
    if mask is not None:
        S = np.where(mask, S, -np.inf) if mask.dtype == bool else S + mask
    P = softmax_of(S)
    dP = dO @ V.T
    dS = P * (dP - (P * dP).sum(-1, keepdims=True)) * scale
    return dS @ K, dS.T @ Q, P.T @ dO


def attention_backward_of_a_language_model(Q, K, V, dO, mask=None, scale=None):
    """As in llm.c, where attention is causal without being asked."""
    scale = 1 / math.sqrt(Q.shape[-1]) if scale is None else scale
    S = Q @ np.swapaxes(K, -1, -2) * scale
    if mask is not None:
        S = np.where(mask, S, -np.inf) if mask.dtype == bool else S + mask
    past = np.tril(np.ones((Q.shape[-2], K.shape[-2]), dtype=bool), k=K.shape[-2] - Q.shape[-2])
    return gradients_from(softmax_of(np.where(past, S, -np.inf)), Q, K, V, dO, scale)


def attention_backward_with_one_factor_of_the_scale(Q, K, V, dO, mask=None, scale=None):
    scale = 1 / math.sqrt(Q.shape[-1]) if scale is None else scale
    S = Q @ np.swapaxes(K, -1, -2) * scale
    if mask is not None:
        S = np.where(mask, S, -np.inf) if mask.dtype == bool else S + mask
    return gradients_from(softmax_of(S), Q, K, V, dO, 1.0)


def attention_backward_masked_late(Q, K, V, dO, mask=None, scale=None):
    scale = 1 / math.sqrt(Q.shape[-1]) if scale is None else scale
    P = softmax_of(Q @ np.swapaxes(K, -1, -2) * scale)
    if mask is not None:
        P = P * (mask if mask.dtype == bool else np.exp(mask))
        P = P / (P.sum(axis=-1, keepdims=True) + 1e-8)
    return gradients_from(P, Q, K, V, dO, scale)


def gradient_of_a_vision_course(f, x, h=1e-5):
    """Moves the entries of x itself and puts them back."""
    grad = np.zeros_like(x)
    it = np.nditer(x, flags=["multi_index"], op_flags=[["readwrite"]])
    while not it.finished:
        ix = it.multi_index
        oldval = x[ix]
        x[ix] = oldval + h
        fxph = f(x)
        x[ix] = oldval - h
        fxmh = f(x)
        x[ix] = oldval
        grad[ix] = (fxph - fxmh) / (2 * h)
        it.iternext()
    return grad


def gradient_in_float64(f, x, eps=1e-4):
    x = x.astype(np.float64)
    grad = np.zeros_like(x)
    for i in range(x.size):
        plus, minus = x.copy(), x.copy()
        plus.flat[i] += eps
        minus.flat[i] -= eps
        grad.flat[i] = (f(plus) - f(minus)) / (2 * eps)
    return grad


def gradient_by_forward_differences(f, x, epsilon=1.49e-8):
    """As scipy.optimize.approx_fprime does it."""
    x = np.asarray(x, dtype=float)
    f0 = f(x)
    grad = np.zeros(x.shape)
    for place in np.ndindex(x.shape):
        step = np.zeros(x.shape)
        step[place] = epsilon
        grad[place] = (f(x + step) - f0) / epsilon
    return grad


def gradient_over_one_step(f, x, eps=1e-6):
    return 2 * gradient_in_float64(f, x, eps)


GIVEN_SCALE = "A given `scale` multiplies the scores in place of 1/sqrt(d)."


def gradient_of_a_flat_copy(f, x, *, eps=1e-06):
    flat = x.ravel().copy()
    g = np.zeros(flat.shape)
    for i in range(flat.size):
        o = flat[i]
        flat[i] = o + eps
        first = f(flat.reshape(x.shape))
        flat[i] = o - eps
        b = f(flat.reshape(x.shape))
        flat[i] = o
        g[i] = (first - b) / (2 * eps)
    return g.reshape(x.shape)


def gradient_by_five_points(f, x, eps=1e-06):
    x = np.array(x, float)
    g = np.zeros_like(x)
    for i in np.ndindex(*x.shape):
        e = np.zeros_like(x)
        e[i] = eps
        g[i] = (8 * (f(x + e) - f(x - e)) - (f(x + 2 * e) - f(x - 2 * e))) / (12 * eps)
    return g


def softmax_backward_by_pairs(p, dp):
    out = np.zeros_like(p)
    k = p.shape[-1]
    for i in range(k):
        for j in range(k):
            out[..., i] += p[..., j] * ((i == j) - p[..., i]) * dp[..., j]
    return out


def layer_norm_backward_of_llm_c(x, gain, d_output, eps=1e-5):
    """llm.c's: two means over the width, then one line for each number."""
    width = x.shape[-1]
    mean = x.mean(-1, keepdims=True)
    rstd = 1 / np.sqrt(x.var(-1, keepdims=True) + eps)
    norm = (x - mean) * rstd
    dnorm = gain * d_output
    dnorm_mean = dnorm.sum(-1, keepdims=True) / width
    dnorm_norm_mean = (dnorm * norm).sum(-1, keepdims=True) / width
    dinp = (dnorm - dnorm_mean - norm * dnorm_norm_mean) * rstd
    axes = tuple(range(d_output.ndim - 1))
    return dinp, (norm * d_output).sum(axes), d_output.sum(axes)


def layer_norm_backward_of_stanford_notes(x, gain, d_output, eps=1e-5):
    """CS231n's for a batch of vectors, whose sums run over the first axis."""
    mean, var = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    std = np.sqrt(var + eps)
    normal, width = (x - mean) / std, x.shape[-1]
    d_normal = d_output * gain
    d_x = width * d_normal - d_normal.sum(-1, keepdims=True) - normal * (d_normal * normal).sum(-1, keepdims=True)
    return d_x / (width * std), (d_output * normal).sum(axis=0), d_output.sum(axis=0)


FORMS = [
    ("softmax_backward", "PyTorch", softmax_backward_of_pytorch, "right", None),
    ("softmax_backward", "llm.c", softmax_backward_by_loops, "right", None),
    ("softmax_backward", "a stack of Jacobians", softmax_backward_by_a_stack_of_jacobians, "right", None),
    (
        "softmax_backward",
        "diagflat",
        softmax_backward_by_diagflat,
        "raised",
        "one Jacobian is built for the whole batch",
    ),
    ("softmax_backward", "p (1 - p)", softmax_backward_as_a_sigmoid, "wrong", "only the diagonal of the Jacobian"),
    (
        "softmax_backward",
        "p - y",
        softmax_backward_after_cross_entropy,
        "wrong",
        "the gradient is subtracted from the weights, as for cross-entropy",
    ),
    ("attention_backward", "a course", attention_backward_of_a_course, "edge", "an empty row gives NaN"),
    ("attention_backward", "no scale to give", attention_backward_of_a_course, "edge", "a given scale is ignored"),
    (
        "attention_backward",
        "-1e9 added",
        attention_backward_with_a_large_negative_number,
        "edge",
        "an empty row sees everything",
    ),
    ("attention_backward", "no mask to give", attention_backward_without_a_mask, "wrong", "mask ignored"),
    ("attention_backward", "FlashAttention", attention_backward_of_flash, "edge", "an empty row gives NaN"),
    (
        "attention_backward",
        "one text",
        attention_backward_for_one_text,
        "raised",
        "`.T` reverses every axis of a batch",
    ),
    (
        "attention_backward",
        "causal unasked",
        attention_backward_of_a_language_model,
        "wrong",
        "causal, though no mask asks for it",
    ),
    (
        "attention_backward",
        "the scale forgotten",
        attention_backward_with_one_factor_of_the_scale,
        "wrong",
        "the scale is left out in the backward pass",
    ),
    (
        "attention_backward",
        "masked late, with an eps",
        attention_backward_masked_late,
        "wrong",
        "mask after the softmax, then renormalized with a guard",
    ),
    (
        "numerical_gradient",
        "in place",
        gradient_of_a_vision_course,
        "edge",
        "the step is taken in x's own dtype",
    ),
    ("numerical_gradient", "in float64", gradient_in_float64, "right", None),
    ("numerical_gradient", "SciPy", gradient_by_forward_differences, "wrong", "a one-sided difference"),
    ("numerical_gradient", "over one step", gradient_over_one_step, "wrong", "divided by eps instead of 2 * eps"),
    ("numerical_gradient", "a flat copy", gradient_of_a_flat_copy, "edge", "the step is taken in x's own dtype"),
    ("numerical_gradient", "five points", gradient_by_five_points, "right", None),
    ("softmax_backward", "pairs of keys", softmax_backward_by_pairs, "right", None),
    (
        "layer_norm_backward",
        "llm.c",
        layer_norm_backward_of_llm_c,
        "edge",
        "not summed where leading axes were broadcast",
    ),
    ("layer_norm_backward", "one leading axis", layer_norm_backward_of_stanford_notes, "wrong", None),
]
