"""Paraphrases for lesson 11."""

import math

import numpy as np
from paraphrase import paraphrase


@paraphrase("softmax_backward", "only the diagonal of the Jacobian")
def sigmoid_like_slope(weights, d_weights):
    p, g = np.asarray(weights), np.asarray(d_weights)
    return g * (p - p**2)


@paraphrase("softmax_backward", "the plain mean of the gradients is subtracted")
def centred_row_by_row(weights, d_weights):
    p, g = np.broadcast_arrays(1.0 * np.asarray(weights), 1.0 * np.asarray(d_weights))
    out = np.empty(p.shape, np.result_type(p, g))
    for row in np.ndindex(p.shape[:-1]):
        out[row] = p[row] * (g[row] - g[row].sum() / len(g[row]))
    return out


@paraphrase("softmax_backward", "the factor of the weights is left out")
def weighted_mean_taken_off(weights, d_weights):
    weights, d_weights = np.asarray(weights), np.asarray(d_weights)
    return d_weights - np.einsum("...k,...k->...", weights, d_weights)[..., np.newaxis]


@paraphrase("softmax_backward", "the sign is flipped")
def jacobian_with_its_terms_exchanged(weights, d_weights):
    p = 1.0 * np.asarray(weights)
    jacobian = p[..., :, None] * p[..., None, :] - p[..., None] * np.eye(p.shape[-1], dtype=p.dtype)
    return (jacobian @ np.asarray(d_weights)[..., None])[..., 0]


@paraphrase("softmax_backward", "the plain sum of the gradients is subtracted")
def total_gradient_taken_off(weights, d_weights):
    backward_of_a_row = np.vectorize(lambda p, g: p * (g - sum(g)), signature="(k),(k)->(k)")
    return backward_of_a_row(1.0 * np.asarray(weights), 1.0 * np.asarray(d_weights))


def safe_softmax(scores, mask=None):
    if mask is not None:
        mask = np.asarray(mask)
        scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask.astype(scores.dtype)
    top = scores.max(axis=-1, keepdims=True)
    e = np.exp(scores - np.where(np.isneginf(top), 0, top))
    z = e.sum(axis=-1, keepdims=True)
    return np.divide(e, z, out=np.zeros_like(e), where=z > 0)


def unbroadcast(grad, shape):
    while grad.ndim > len(shape):
        grad = grad.sum(axis=0)
    for axis, size in enumerate(shape):
        if size == 1 and grad.shape[axis] > 1:
            grad = grad.sum(axis=axis, keepdims=True)
    return grad


@paraphrase("attention_backward", "the scale is left out in the backward pass")
def scale_lost_in_einsum(query, key, value, d_output, mask=None, scale=None):
    q, k, v, g = (1.0 * np.asarray(a) for a in (query, key, value, d_output))
    if scale is None:
        scale = q.shape[-1] ** -0.5
    p = safe_softmax(float(scale) * np.einsum("...qd,...kd->...qk", q, k), mask)
    dp = np.einsum("...qv,...kv->...qk", g, v)
    ds = p * (dp - np.einsum("...qk,...qk->...q", p, dp)[..., None])
    dq = np.einsum("...qk,...kd->...qd", ds, k)
    dk = np.einsum("...qk,...qd->...kd", ds, q)
    dv = np.einsum("...qk,...qv->...kv", p + 0 * dp, g)
    return unbroadcast(dq, q.shape), unbroadcast(dk, k.shape), unbroadcast(dv, v.shape)


@paraphrase("attention_backward", "the scale reaches the key gradient only")
def head_by_head_with_one_scale(query, key, value, d_output, mask=None, scale=None):
    inputs = [1.0 * np.asarray(a) for a in (query, key, value, d_output)]
    n_query, n_key = inputs[0].shape[-2], inputs[1].shape[-2]
    mask = np.zeros((n_query, n_key)) if mask is None else np.asarray(mask)
    leading = np.broadcast_shapes(*(a.shape[:-2] for a in inputs), mask.shape[:-2])
    query, key, value, d_output = (np.broadcast_to(a, leading + a.shape[-2:]) for a in inputs)
    mask = np.broadcast_to(mask, (*leading, n_query, n_key))
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else float(scale)
    grads = [np.zeros(a.shape, a.dtype) for a in (query, key, value)]
    for at in np.ndindex(leading):
        p = safe_softmax(query[at] @ key[at].T * scale, mask[at])
        dp = d_output[at] @ value[at].T
        ds = p * (dp - (p * dp).sum(1, keepdims=True))
        grads[0][at] = ds @ key[at]
        grads[1][at] = ds.T @ query[at] * scale
        grads[2][at] = p.T @ d_output[at]
    return tuple(unbroadcast(g, a.shape) for g, a in zip(grads, inputs[:3], strict=True))


@paraphrase("attention_backward", "only the diagonal of the softmax Jacobian")
def slope_of_each_weight(query, key, value, d_output, mask=None, scale=None):
    query, key, value, d_output = (1.0 * np.asarray(a) for a in (query, key, value, d_output))
    factor = 1 / math.sqrt(query.shape[-1]) if scale is None else float(scale)
    attn = safe_softmax(query @ key.swapaxes(-2, -1) * factor, mask)
    grad_attn = d_output @ value.swapaxes(-2, -1)
    grad_logits = grad_attn * attn * (1 - attn)
    grad_v = attn.swapaxes(-2, -1) @ (d_output + np.zeros_like(grad_attn[..., :1]))
    grad_q = grad_logits @ key * factor
    grad_k = grad_logits.swapaxes(-2, -1) @ query * factor
    return unbroadcast(grad_q, query.shape), unbroadcast(grad_k, key.shape), unbroadcast(grad_v, value.shape)


@paraphrase("attention_backward", "the weights are recomputed from unscaled scores")
def raw_dot_products_recomputed(query, key, value, d_output, mask=None, scale=None):
    query, key, value, d_output = (1.0 * np.asarray(a) for a in (query, key, value, d_output))
    if scale is None:
        scale = 1 / math.sqrt(query.shape[-1])
    recomputed = safe_softmax(np.matmul(query, np.moveaxis(key, -1, -2)), mask)
    upstream = np.matmul(d_output, np.moveaxis(value, -1, -2))
    delta = (recomputed * upstream).sum(-1)
    d_scores = recomputed * (upstream - delta[..., None]) * float(scale)
    recomputed = np.broadcast_to(recomputed, d_scores.shape)
    return (
        unbroadcast(np.matmul(d_scores, key), query.shape),
        unbroadcast(np.matmul(np.moveaxis(d_scores, -1, -2), query), key.shape),
        unbroadcast(np.matmul(np.moveaxis(recomputed, -1, -2), d_output), value.shape),
    )


@paraphrase("attention_backward", "gradients aren't summed over broadcast axes")
def gradient_for_every_use(query, key, value, d_output, mask=None, scale=None):
    query, key, value, d_output = (1.0 * np.asarray(a) for a in (query, key, value, d_output))
    leading = np.broadcast_shapes(query.shape[:-2], key.shape[:-2], value.shape[:-2], d_output.shape[:-2])
    query, key, value, d_output = (np.broadcast_to(a, leading + a.shape[-2:]) for a in (query, key, value, d_output))
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else float(scale)
    weights = safe_softmax(np.einsum("...id,...jd->...ij", query, key) * scale, mask)
    d_weights = np.einsum("...iv,...jv->...ij", d_output, value)
    d_scores = weights * d_weights
    d_scores = (d_scores - weights * d_scores.sum(-1, keepdims=True)) * scale
    d_query = np.einsum("...ij,...jd->...id", d_scores, key)
    d_key = np.einsum("...ij,...id->...jd", d_scores, query)
    return d_query, d_key, np.einsum("...ij,...iv->...jv", weights, d_output)


@paraphrase("attention_backward", "an empty row gives NaN")
def maximum_of_an_empty_row(query, key, value, d_output, mask=None, scale=None):
    q, k, v, g = (1.0 * np.asarray(a) for a in (query, key, value, d_output))
    scale = 1 / math.sqrt(q.shape[-1]) if scale is None else float(scale)
    logits = scale * (q @ k.swapaxes(-1, -2))
    if mask is not None:
        mask = np.asarray(mask)
        bias = np.where(mask, 0, -np.inf) if mask.dtype == bool else mask
        logits = logits + bias.astype(logits.dtype)
    with np.errstate(invalid="ignore"):
        p = np.exp(logits - logits.max(-1, keepdims=True))
        p = p / p.sum(-1, keepdims=True)
    dp = g @ v.swapaxes(-1, -2)
    ds = p * (dp - (p * dp).sum(-1, keepdims=True)) * scale
    dv = np.broadcast_to(p, ds.shape).swapaxes(-1, -2) @ g
    return unbroadcast(ds @ k, q.shape), unbroadcast(ds.swapaxes(-1, -2) @ q, k.shape), unbroadcast(dv, v.shape)


@paraphrase("numerical_gradient", "a one-sided difference")
def forward_difference(f, x, eps=1e-6):
    x = np.asarray(x, dtype=float)
    here = float(f(x.copy()))
    steps = eps * np.eye(x.size).reshape(x.size, *x.shape)
    return np.array([(float(f(x + step)) - here) / eps for step in steps]).reshape(x.shape)


@paraphrase("numerical_gradient", "divided by eps instead of 2 * eps")
def two_steps_over_one(f, x, eps=1e-6):
    x = np.asarray(x, dtype=float)
    flat = x.ravel()

    def nudged(i, by):
        moved = flat.copy()
        moved[i] += by
        return float(f(moved.reshape(x.shape)))

    return np.array([(nudged(i, eps) - nudged(i, -eps)) / eps for i in range(x.size)]).reshape(x.shape)


@paraphrase("numerical_gradient", "entries that were moved are never put back")
def walked_away_from_the_point(f, x, eps=1e-6):
    x = np.array(x, dtype=np.float64)
    grad = np.zeros(x.shape)
    it = np.nditer(x, flags=["multi_index"])
    while not it.finished:
        idx = it.multi_index
        x[idx] += eps
        f_plus = f(x)
        x[idx] -= 2 * eps
        f_minus = f(x)
        grad[idx] = (f_plus - f_minus) / (2 * eps)
        it.iternext()
    return grad


@paraphrase("numerical_gradient", "the step is taken in x's own dtype")
def stepped_in_a_copy(f, x, eps=1e-6):
    x = np.asarray(x)
    grad = np.zeros(x.shape, dtype=np.float64)
    for idx, old in np.ndenumerate(x):
        plus, minus = x.copy(), x.copy()
        plus[idx] = old + eps
        minus[idx] = old - eps
        grad[idx] = (float(f(plus)) - float(f(minus))) / (2 * eps)
    return grad


def statistics(x, eps):
    deviation = np.sqrt(x.var(axis=-1, keepdims=True) + eps)
    return (x - np.mean(x, axis=-1, keepdims=True)) / deviation, deviation


def sums_over_vectors(*each):
    return tuple(part.reshape(-1, part.shape[-1]).sum(axis=0) for part in each)


@paraphrase("layer_norm_backward", "mean and variance are taken for constants")
def scaled_alone(x, gain, d_output, eps=1e-5):
    normal, deviation = statistics(x, eps)
    d_output = d_output + 0 * x
    return gain / deviation * d_output, *sums_over_vectors(d_output * normal, d_output)


@paraphrase("layer_norm_backward", "the variance is taken for a constant")
def centered_alone(x, gain, d_output, eps=1e-5):
    normal, deviation = statistics(x, eps)
    d_output = d_output + 0 * x
    g = gain * d_output / deviation
    return g - np.mean(g, axis=-1, keepdims=True), *sums_over_vectors(d_output * normal, d_output)


@paraphrase("layer_norm_backward", "no gain on the way back")
def gain_forgotten(x, gain, d_output, eps=1e-5):
    normal, deviation = statistics(x, eps)
    d, m = d_output + 0 * x, x.shape[-1]
    jacobian = (np.eye(m) - 1 / m - normal[..., :, None] * normal[..., None, :] / m) / deviation[..., None]
    return np.einsum("...i,...ij->...j", d, jacobian), *sums_over_vectors(d * normal, d)


@paraphrase("layer_norm_backward", "d_gain of x instead of the normalized x")
def gain_from_the_input(x, gain, d_output, eps=1e-5):
    normal, deviation = statistics(x, eps)
    d = d_output + 0 * x
    g = gain * d
    d_x = (g - g.mean(-1, keepdims=True) - normal * (g * normal).mean(-1, keepdims=True)) / deviation
    return d_x, *sums_over_vectors(d * x, d)
