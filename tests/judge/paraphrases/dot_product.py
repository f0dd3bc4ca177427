"""Paraphrases for lesson 04."""

import math

import numpy as np
from paraphrase import paraphrase


@paraphrase("attention_scores", "divided by the square root of the number of keys")
def scaled_by_sequence_length(query, key, scale=None):
    if scale is None:
        scale = key.shape[-2] ** -0.5
    return np.einsum("...qd,...kd->...qk", query, key) * float(scale)


@paraphrase("attention_scores", "key reshaped instead of transposed")
def viewed_as_width_by_keys(query, key, scale=None):
    *batch, n_keys, d = key.shape
    factor = 1 / math.sqrt(d) if scale is None else float(scale)
    return factor * np.matmul(query, key.reshape(*batch, d, n_keys))


@paraphrase("attention_scores", "a given scale divides")
def temperature_argument(query, key, scale=None):
    temperature = math.sqrt(np.shape(query)[-1]) if scale is None else float(scale)
    similarity = (query[..., :, None, :] * key[..., None, :, :]).sum(-1)
    return similarity / temperature


@paraphrase("attention_scores", "a scale of zero is taken for none")
def scale_or_default(query, key, scale=None):
    scale = float(scale or query.shape[-1] ** -0.5)
    return np.einsum("...id,...jd->...ij", query * scale, key)


@paraphrase("attention_scores", "queries and keys swapped")
def rows_of_keys(query, key, scale=None):
    width = query.shape[-1]
    multiplier = float(scale) if scale is not None else width**-0.5
    return np.einsum("...qd,...kd->...kq", query, key) * multiplier


@paraphrase("attention_weights", "softmax over the queries")
def columns_share_out(query, key, mask=None, scale=None):
    scale = query.shape[-1] ** -0.5 if scale is None else float(scale)
    dots = np.einsum("...qd,...kd->...qk", query, key) * scale
    if mask is not None:
        mask = np.asarray(mask)
        dots = np.where(mask, dots, -np.inf) if mask.dtype == bool else dots + mask.astype(dots.dtype)
    peak = dots.max(axis=-2, keepdims=True)
    e = np.exp(dots - np.where(np.isneginf(peak), 0, peak))
    z = e.sum(axis=-2, keepdims=True)
    return e / np.where(z == 0, 1, z)


@paraphrase("attention_weights", "scaled after the softmax")
def weights_times_scale(query, key, mask=None, scale=None):
    logits = np.matmul(query, np.moveaxis(key, -1, -2))
    if mask is not None:
        logits = logits + (np.where(mask, 0, -np.inf) if mask.dtype == bool else mask).astype(logits.dtype)
    top = np.max(logits, axis=-1, keepdims=True)
    weights = np.exp(logits - np.where(top == -np.inf, 0, top))
    total = np.sum(weights, axis=-1, keepdims=True)
    weights = np.divide(weights, total, out=np.zeros_like(weights), where=total > 0)
    return weights / math.sqrt(query.shape[-1]) if scale is None else weights * float(scale)


@paraphrase("attention_weights", "mask added before the scale")
def bias_then_scale(query, key, mask=None, scale=None):
    scores = np.einsum("...qd,...kd->...qk", query, key)
    if mask is not None and mask.dtype != bool:
        scores = scores + mask.astype(scores.dtype)
    scores = scores / math.sqrt(key.shape[-1]) if scale is None else scores * float(scale)
    if mask is not None and mask.dtype == bool:
        scores = np.where(mask, scores, -np.inf)
    best = scores.max(-1)[..., None]
    e = np.exp(scores - np.where(np.isneginf(best), 0, best))
    total = e.sum(-1)[..., None]
    return e / np.where(total == 0, 1, total)


@paraphrase("attention_weights", "an empty row gives NaN")
def masked_fill_and_softmax(query, key, mask=None, scale=None):
    def softmax(z):
        z = np.exp(z - np.max(z, axis=-1, keepdims=True))
        return z / np.sum(z, axis=-1, keepdims=True)

    attn = query @ key.swapaxes(-2, -1) * (1 / math.sqrt(query.shape[-1]) if scale is None else float(scale))
    if mask is None:
        return softmax(attn)
    if mask.dtype == bool:
        attn = np.broadcast_to(attn, np.broadcast_shapes(attn.shape, mask.shape)).copy()
        attn[np.broadcast_to(~mask, attn.shape)] = float("-inf")
        return softmax(attn)
    return softmax(attn + mask.astype(attn.dtype))


@paraphrase("attention_weights", "mask upside down")
def true_means_hide(query, key, mask=None, scale=None):
    s = np.einsum("...qd,...kd->...qk", query, key)
    s = s * float(scale if scale is not None else query.shape[-1] ** -0.5)
    if mask is not None:
        s = np.where(mask, float("-inf"), s) if mask.dtype == np.bool_ else s + mask.astype(s.dtype)
    m = s.max(axis=-1, keepdims=True)
    p = np.exp(s - np.where(np.isfinite(m), m, 0))
    z = p.sum(axis=-1, keepdims=True)
    z[z == 0] = 1
    return p / z


@paraphrase("scaled_dot_product_attention", "divided by d, not by its square root")
def one_over_the_width(query, key, value, mask=None, scale=None):
    factor = 1 / query.shape[-1] if scale is None else float(scale)
    scores = np.einsum("...qd,...kd->...qk", query, key) * factor
    if mask is not None:
        scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask.astype(scores.dtype)
    peak = scores.max(axis=-1, keepdims=True)
    e = np.exp(scores - np.where(np.isneginf(peak), 0, peak))
    z = e.sum(axis=-1, keepdims=True)
    return np.einsum("...qk,...kv->...qv", e / np.where(z == 0, 1, z), value)


@paraphrase("scaled_dot_product_attention", "divided by the square root of the value width")
def width_read_from_the_value(query, key, value, mask=None, scale=None):
    d_v = value.shape[-1]
    scale = 1 / math.sqrt(d_v) if scale is None else float(scale)
    logits = scale * (query @ np.swapaxes(key, -1, -2))
    if mask is not None:
        logits = logits + (np.where(mask, 0, -np.inf) if mask.dtype == bool else mask).astype(logits.dtype)
    top = logits.max(-1, keepdims=True)
    e = np.exp(logits - np.where(top == -np.inf, 0, top))
    numerator, denominator = e @ value, e.sum(-1, keepdims=True)
    return numerator / np.where(denominator == 0, 1, denominator)


@paraphrase("scaled_dot_product_attention", "softmax over the queries instead of the keys")
def one_head_at_a_time(query, key, value, mask=None, scale=None):
    scale = query.shape[-1] ** -0.5 if scale is None else float(scale)

    def one_head(q, k, v, bias):
        s = q @ k.T * scale + bias
        top = s.max(axis=0)
        e = np.exp(s - np.where(np.isneginf(top), 0, top))
        total = e.sum(axis=0)
        return e / np.where(total == 0, 1, total) @ v

    bias = np.zeros((1, 1))
    if mask is not None:
        bias = np.where(mask, 0.0, -np.inf) if mask.dtype == bool else mask
    while bias.ndim < 2:
        bias = bias[None]
    lead = np.broadcast_shapes(query.shape[:-2], key.shape[:-2], value.shape[:-2], bias.shape[:-2])
    query, key, value, bias = (np.broadcast_to(a, lead + a.shape[-2:]) for a in (query, key, value, bias))
    output = np.empty((*lead, query.shape[-2], value.shape[-1]), dtype=query.dtype)
    for head in np.ndindex(lead):
        output[head] = one_head(query[head], key[head], value[head], bias[head].astype(query.dtype))
    return output


@paraphrase("scaled_dot_product_attention", "hidden scores set to -10")
def minus_ten_fill(query, key, value, mask=None, scale=None):
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else float(scale)
    scores = np.einsum("...qd,...kd->...qk", query * scale, key)
    visible = np.isfinite(scores)
    if mask is not None and mask.dtype == bool:
        visible = visible & mask
        scores = np.where(mask, scores, -10.0)
    elif mask is not None:
        scores = scores + mask.astype(scores.dtype)
        visible = scores > -np.inf
    alive = visible.any(axis=-1, keepdims=True)
    e = np.exp(scores - np.where(alive, scores.max(axis=-1, keepdims=True), 0)) * alive
    weights = e / np.where(alive, e.sum(axis=-1, keepdims=True), 1)
    return weights @ value


@paraphrase("scaled_dot_product_attention", "an empty row averages the values")
def minus_a_billion_fill(query, key, value, mask=None, scale=None):
    scores = np.matmul(query, key.swapaxes(-1, -2))
    scores = scores / math.sqrt(query.shape[-1]) if scale is None else scores * float(scale)
    if mask is not None:
        scores = np.where(mask, scores, -1e9) if mask.dtype == bool else scores + mask.astype(scores.dtype)
        scores = np.maximum(scores, -1e9)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)
    return np.matmul(weights, value)


@paraphrase("scaled_dot_product_attention", "mask after the softmax, then renormalized with a guard")
def weights_zeroed_and_rescaled(query, key, value, mask=None, scale=None):
    scale = query.shape[-1] ** -0.5 if scale is None else float(scale)
    s = np.einsum("...qd,...kd->...qk", query, key) * scale
    if mask is not None and mask.dtype != bool:
        s = s + mask.astype(s.dtype)
    m = s.max(-1, keepdims=True)
    p = np.exp(s - np.where(np.isneginf(m), 0, m))
    total = p.sum(-1, keepdims=True)
    p = p / np.where(total == 0, 1, total)
    if mask is not None and mask.dtype == bool:
        p = p * mask
        left = p.sum(-1, keepdims=True)
        p = p / np.where(left == 0, 1, left)
    return np.einsum("...qk,...kv->...qv", p, value)


@paraphrase("scaled_dot_product_attention", "key used as value")
def context_of_keys(query, key, value, mask=None, scale=None):
    keys_t = np.swapaxes(key, -1, -2)
    logits = query @ keys_t * (query.shape[-1] ** -0.5 if scale is None else float(scale))
    if mask is not None:
        logits = np.where(mask, logits, -np.inf) if mask.dtype == bool else logits + mask.astype(logits.dtype)
    top = logits.max(-1, keepdims=True)
    e = np.exp(logits - np.where(top == -np.inf, 0, top))
    z = e.sum(-1, keepdims=True)
    attn = np.divide(e, z, out=np.zeros_like(e), where=z > 0)
    return np.einsum("...qk,...kd->...qd", attn, key)


@paraphrase("scaled_dot_product_attention", "large scores overflow")
def ratio_of_two_sums(query, key, value, mask=None, scale=None):
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else float(scale)
    kernel = np.exp(np.einsum("...qd,...kd->...qk", query, key) * scale)
    if mask is not None:
        kernel = kernel * (mask if mask.dtype == bool else np.exp(mask).astype(kernel.dtype))
    norm = kernel.sum(axis=-1)[..., None]
    return np.einsum("...qk,...kv->...qv", kernel / np.where(norm == 0, 1, norm), value)


@paraphrase("scaled_dot_product_attention", "float mask read as a boolean")
def mask_as_truth_values(query, key, value, mask=None, scale=None):
    scale = query.shape[-1] ** -0.5 if scale is None else float(scale)
    logits = np.einsum("...qd,...kd->...qk", query, key) * scale
    if mask is not None:
        logits = np.where(mask != 0, logits, -np.inf)
    peak = logits.max(axis=-1, keepdims=True)
    e = np.exp(logits - np.where(np.isneginf(peak), 0, peak))
    z = e.sum(axis=-1, keepdims=True)
    return (e / np.where(z > 0, z, 1)) @ value


@paraphrase("dot_product_std", "variance instead of standard deviation")
def mean_square_deviation(d, trials, rng):
    dots = [rng.standard_normal(d) @ rng.standard_normal(d) for _ in range(trials)]
    centre = sum(dots) / trials
    return float(sum((dot - centre) ** 2 for dot in dots) / trials)


@paraphrase("dot_product_std", "already scaled")
def spread_of_attention_scores(d, trials, rng):
    q = rng.normal(size=(trials, d))
    k = rng.normal(size=(trials, d))
    return float(np.einsum("td,td->t", q, k).std() / math.sqrt(d))


@paraphrase("dot_product_std", "query is the key")
def squared_lengths(d, trials, rng):
    lengths = [np.sum(rng.standard_normal(d) ** 2) for _ in range(trials)]
    return float(np.std(lengths))
