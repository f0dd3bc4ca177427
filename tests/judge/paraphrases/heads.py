"""Paraphrases for lesson 07."""

import math

import numpy as np
from paraphrase import paraphrase


@paraphrase("split_heads", "reshape without transpose")
def viewed_as_heads(x, n_heads):
    if n_heads < 1 or x.shape[-1] % n_heads != 0:
        raise ValueError("n_heads has to divide the width")
    return x.reshape(x.shape[:-2] + (n_heads, x.shape[-2], -1))


@paraphrase("split_heads", "each head gets every h-th number instead of a contiguous block")
def dealt_like_cards(x, n_heads):
    if n_heads < 1 or x.shape[-1] % n_heads:
        raise ValueError(f"{n_heads} heads for a width of {x.shape[-1]}")
    return np.stack([x[..., h::n_heads] for h in range(n_heads)], axis=-3)


@paraphrase("split_heads", "the heads axis is put in front of the batch")
def list_of_heads(x, num_heads):
    if num_heads < 1:
        raise ValueError("at least one head")
    return np.stack(np.split(x, num_heads, axis=-1))


@paraphrase("split_heads", "tokens and width are transposed")
def columns_for_tokens(x, n_heads):
    *batch, seq, dim = x.shape
    if n_heads < 1 or dim % n_heads:
        raise ValueError("width not divisible")
    out = np.empty((*batch, n_heads, dim // n_heads, seq), dtype=x.dtype)
    for c in range(dim):
        head, place = divmod(c, dim // n_heads)
        out[..., head, place, :] = x[..., c]
    return out


@paraphrase("split_heads", "the heads axis is left behind the tokens")
def cut_and_stacked_per_token(x, n_heads):
    m = x.shape[-1]
    if n_heads < 1 or m % n_heads:
        raise ValueError("the heads do not divide the width")
    w = m // n_heads
    return np.stack([x[..., start : start + w] for start in range(0, m, w)], axis=-2)


@paraphrase("merge_heads", "the heads are interleaved number by number")
def zipped_heads(x):
    together = np.moveaxis(x, -3, -1)
    return together.reshape(*together.shape[:-2], -1)


@paraphrase("merge_heads", "the heads are put one after another as tokens")
def stacked_downwards(x):
    return np.concatenate([x[..., h, :, :] for h in range(x.shape[-3])], axis=-2)


@paraphrase("merge_heads", "merge without transpose")
def rows_filled_in_memory_order(x):
    h, n, w = x.shape[-3:]
    flat = x.reshape(*x.shape[:-3], -1)
    return np.stack([flat[..., i * h * w : (i + 1) * h * w] for i in range(n)], axis=-2)


@paraphrase("merge_heads", "the heads are averaged")
def mean_head(heads):
    return np.einsum("...hnw->...nw", heads) / heads.shape[-3]


@paraphrase("multi_head_attention", "no output projection")
def heads_concatenated_and_returned(query, key, value, weights, n_heads, mask=None):
    Q, K, V = query @ weights.W_query, key @ weights.W_key, value @ weights.W_value
    w = Q.shape[-1] // n_heads
    outputs = []
    for h in range(n_heads):
        part = slice(h * w, (h + 1) * w)
        scores = Q[..., part] @ K[..., part].swapaxes(-1, -2) / math.sqrt(w)
        if mask is not None:
            is_bool = mask.dtype == bool
            scores = np.where(mask, scores, -np.inf) if is_bool else scores + mask.astype(scores.dtype)
        top = scores.max(axis=-1, keepdims=True)
        e = np.exp(scores - np.where(top == -np.inf, 0, top))
        total = e.sum(axis=-1, keepdims=True)
        outputs.append(e / np.where(total == 0, 1, total) @ V[..., part])
    return np.concatenate(outputs, axis=-1)


@paraphrase("multi_head_attention", "scaled by the model width")
def root_of_d_model(query, key, value, weights, n_heads, mask=None):
    def project(x, W):
        d_model = x.shape[-1]
        return np.einsum("...nm,mhw->...hnw", x, W.reshape(d_model, n_heads, d_model // n_heads))

    q = project(query, weights.W_query)
    k = project(key, weights.W_key)
    v = project(value, weights.W_value)
    logits = np.einsum("...hqw,...hkw->...hqk", q, k) / math.sqrt(query.shape[-1])
    if mask is not None:
        if mask.ndim >= 3:
            mask = mask[..., None, :, :]
        bias = np.where(mask, 0, -np.inf) if mask.dtype == bool else mask
        logits = logits + bias.astype(logits.dtype)
    peak = logits.max(-1, keepdims=True)
    p = np.exp(logits - np.where(np.isneginf(peak), 0, peak))
    z = p.sum(-1, keepdims=True)
    p = np.divide(p, z, out=np.zeros_like(p), where=z != 0)
    mixed = np.einsum("...hqk,...hkw->...qhw", p, v)
    return mixed.reshape(*mixed.shape[:-2], -1) @ weights.W_output


@paraphrase("multi_head_attention", "a batch's mask is read as one mask for each head")
def mask_used_as_it_comes(query, key, value, weights, n_heads, mask=None):
    def heads(x, W):
        y = np.matmul(x, W)
        y = y.reshape(y.shape[:-1] + (n_heads, -1))
        return np.moveaxis(y, -2, -3)

    q, k, v = heads(query, weights[0]), heads(key, weights[1]), heads(value, weights[2])
    scores = np.matmul(q, np.swapaxes(k, -1, -2)) / math.sqrt(q.shape[-1])
    if mask is not None:
        bias = np.where(mask, 0.0, -np.inf) if mask.dtype == bool else mask
        scores = scores + bias.astype(scores.dtype)
    m = np.max(scores, axis=-1, keepdims=True)
    m = np.where(m == -np.inf, 0, m)
    e = np.exp(scores - m)
    s = np.sum(e, axis=-1, keepdims=True)
    context = np.moveaxis(np.matmul(e / np.where(s == 0, 1, s), v), -3, -2)
    return np.matmul(context.reshape(context.shape[:-2] + (-1,)), weights[3])


@paraphrase("multi_head_attention", "output projection transposed")
def output_as_in_a_linear_layer(query, key, value, weights, n_heads, mask=None):
    W_query, W_key, W_value, W_output = weights
    head_width = W_query.shape[1] // n_heads
    if mask is None:
        mask = np.zeros((1, 1), dtype=query.dtype)
    total = 0
    for start in range(0, W_query.shape[1], head_width):
        cols = np.arange(start, start + head_width)
        q, k, v = query @ W_query[:, cols], key @ W_key[:, cols], value @ W_value[:, cols]
        s = np.einsum("...qd,...kd->...qk", q, k) / math.sqrt(head_width)
        s = np.where(mask, s, -np.inf) if mask.dtype == bool else s + mask.astype(s.dtype)
        s = s - np.maximum(s.max(axis=-1, keepdims=True), np.finfo(s.dtype).min)
        a = np.exp(s)
        a = a / np.maximum(a.sum(axis=-1, keepdims=True), np.finfo(a.dtype).tiny)
        total = total + np.einsum("...nw,mw->...nm", a @ v, W_output[:, cols])
    return total


@paraphrase("multi_head_attention", "an empty row shares its weight equally")
def minus_a_billion(query, key, value, weights, n_heads, mask=None):
    def split(x):
        return np.stack(np.split(x, n_heads, axis=-1), axis=-3)

    q = split(query @ weights.W_query)
    k = split(key @ weights.W_key)
    v = split(value @ weights.W_value)
    scores = q @ k.swapaxes(-1, -2) / math.sqrt(q.shape[-1])
    if mask is not None:
        if mask.ndim > 2:
            mask = np.expand_dims(mask, axis=-3)
        if mask.dtype != bool:
            scores = scores + mask.astype(scores.dtype)
            mask = ~np.isneginf(mask)
        scores = np.where(mask, scores, -1e9)
    attn = np.exp(scores - scores.max(axis=-1, keepdims=True))
    attn = attn / attn.sum(axis=-1, keepdims=True)
    out = attn @ v
    return np.concatenate([out[..., h, :, :] for h in range(n_heads)], axis=-1) @ weights.W_output


@paraphrase("multi_head_attention", "the query is used as key and value")
def attends_to_itself(query, key, value, weights, n_heads, mask=None):
    packed = np.concatenate([weights.W_query, weights.W_key, weights.W_value], axis=1)
    qkv = query @ packed
    qkv = qkv.reshape(*query.shape[:-1], 3, n_heads, query.shape[-1] // n_heads)
    q, k, v = (np.swapaxes(qkv[..., i, :, :], -3, -2) for i in range(3))
    scores = np.einsum("...id,...jd->...ij", q, k) * q.shape[-1] ** -0.5
    if mask is not None:
        mask = mask if mask.ndim <= 2 else mask[..., None, :, :]
        scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask.astype(scores.dtype)
    largest = np.max(scores, axis=-1, keepdims=True)
    largest[~np.isfinite(largest)] = 0
    e = np.exp(scores - largest)
    norm = np.sum(e, axis=-1, keepdims=True)
    norm[norm == 0] = 1
    y = np.swapaxes((e / norm) @ v, -3, -2)
    return y.reshape(*y.shape[:-2], -1) @ weights.W_output


@paraphrase("multi_head_attention", "one weight matrix for all three")
def shared_projection(q_in, k_in, v_in, weights, n_heads, mask=None):
    W, W_o = weights.W_query, weights.W_output
    width = W.shape[-1] // n_heads
    q, k, v = ((t @ W).reshape(*t.shape[:-1], n_heads, width) for t in (q_in, k_in, v_in))
    scores = np.einsum("...qhw,...khw->...hqk", q, k) / math.sqrt(width)
    if mask is not None:
        mask = np.asarray(mask)
        per_head = mask[..., np.newaxis, :, :] if mask.ndim > 2 else mask
        if per_head.dtype == bool:
            scores = np.where(per_head, scores, -np.inf)
        else:
            scores = scores + per_head.astype(scores.dtype)

    def softmax(line):
        if line.max() == -np.inf:
            return np.zeros_like(line)
        e = np.exp(line - line.max())
        return e / e.sum()

    probs = np.apply_along_axis(softmax, -1, scores)
    joined = np.einsum("...hqk,...khw->...qhw", probs, v)
    return joined.reshape(*joined.shape[:-2], n_heads * width) @ W_o


@paraphrase("multi_head_attention", "softmax over the queries")
def columns_sum_to_one(query, key, value, weights, n_heads, mask=None):
    def to_heads(x):
        x = x.reshape(*x.shape[:-1], n_heads, x.shape[-1] // n_heads)
        return x.swapaxes(-3, -2)

    q = to_heads(query @ weights.W_query)
    k = to_heads(key @ weights.W_key)
    v = to_heads(value @ weights.W_value)
    scores = k @ q.swapaxes(-1, -2) / math.sqrt(q.shape[-1])  # (..., h, k, q)
    if mask is not None:
        mask = np.broadcast_to(mask, (*mask.shape[:-2], query.shape[-2], key.shape[-2])).swapaxes(-1, -2)
        if mask.ndim > 2:
            mask = mask[..., None, :, :]
        scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask.astype(scores.dtype)
    top = scores.max(axis=-1, keepdims=True)
    e = np.exp(scores - np.where(np.isneginf(top), 0, top))
    total = e.sum(axis=-1, keepdims=True)
    attention = (e / np.where(total == 0, 1, total)).swapaxes(-1, -2)
    mixed = (attention @ v).swapaxes(-3, -2)
    return mixed.reshape(*mixed.shape[:-2], -1) @ weights.W_output


@paraphrase("multi_head_attention", "one wide head")
def heads_never_split(query, key, value, weights, n_heads, mask=None):
    Q = np.dot(query, weights.W_query)
    K = np.dot(key, weights.W_key)
    V = np.dot(value, weights.W_value)
    scores = np.matmul(Q, np.swapaxes(K, -1, -2)) / math.sqrt(Q.shape[-1])
    if mask is not None:
        scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask.astype(scores.dtype)
    best = scores.max(axis=-1, keepdims=True)
    e = np.where(best == -np.inf, 0, np.exp(scores - np.where(best == -np.inf, 0, best)))
    denominator = e.sum(axis=-1, keepdims=True)
    return np.matmul(np.matmul(e, V) / np.where(denominator == 0, 1, denominator), weights.W_output)


@paraphrase("mha_parameter_count", "one bias for all four projections")
def four_matrices_and_a_bias(d_model, n_heads, bias=True):
    if n_heads < 1 or d_model % n_heads:
        raise ValueError("d_model is not a multiple of n_heads")
    return 4 * d_model**2 + bias * d_model


@paraphrase("mha_parameter_count", "no bias on the output projection")
def biases_on_the_way_in(d_model, n_heads, bias=True):
    if n_heads < 1 or d_model % n_heads:
        raise ValueError(f"{d_model} / {n_heads} is not whole")
    head_width = d_model // n_heads
    per_head = d_model * head_width + (head_width if bias else 0)
    qkv = 3 * n_heads * per_head
    output = d_model * d_model
    return qkv + output


@paraphrase("mha_parameter_count", "the output projection is forgotten")
def query_key_value_only(d_model, n_heads, bias=True):
    if n_heads < 1 or d_model % n_heads != 0:
        raise ValueError("heads must divide d_model")
    layers = {"query": (d_model, d_model), "key": (d_model, d_model), "value": (d_model, d_model)}
    return sum(rows * cols + (cols if bias else 0) for rows, cols in layers.values())


@paraphrase("head_importance", "heads that were left out stay out")
def heads_pruned_in_turn(layer, x, n_heads):
    keep = np.ones(n_heads)
    full = layer(x, keep.copy())
    importance = []
    for h in range(n_heads):
        keep[h] = 0
        importance.append(np.abs(layer(x, keep.copy()) - full).max())
    return np.array(importance)


@paraphrase("head_importance", "the mean change instead of the largest")
def average_damage(layer, x, n_heads):
    baseline = layer(x, np.ones(n_heads))
    scores = np.zeros(n_heads)
    for h in range(n_heads):
        gate = np.where(np.arange(n_heads) == h, 0.0, 1.0)
        scores[h] = np.mean(np.abs(baseline - layer(x, gate)))
    return scores


@paraphrase("head_importance", "only that head is kept")
def each_head_alone(layer, x, n_heads):
    everything = layer(x, np.ones(n_heads))

    def change(h):
        keep = np.zeros(n_heads)
        keep[h] = 1
        return np.linalg.norm(np.ravel(layer(x, keep) - everything), np.inf)

    return np.array(list(map(change, range(n_heads))))


@paraphrase("head_importance", "the size of the output instead of its change")
def what_remains(layer, x, n_heads):
    return np.array([np.abs(layer(x, np.delete(np.eye(n_heads), h, axis=0).sum(0))).max() for h in range(n_heads)])
