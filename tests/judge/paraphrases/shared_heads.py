"""Paraphrases for lesson 13."""

import math

import numpy as np
from paraphrase import paraphrase


def visible_softmax(scores, mask=None):
    if mask is not None:
        mask = np.asarray(mask)
        scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask.astype(scores.dtype)
    top = scores.max(axis=-1, keepdims=True)
    e = np.exp(scores - np.where(top == -np.inf, 0, top))
    total = e.sum(axis=-1, keepdims=True)
    return e / np.where(total > 0, total, 1)


@paraphrase("grouped_query_attention", "the key heads are dealt out in turn")
def remainder_picks_the_key_head(query, key, value, mask=None, scale=None):
    query, key, value = (1.0 * np.asarray(a) for a in (query, key, value))
    heads, groups = query.shape[-3], key.shape[-3]
    if heads % groups:
        raise ValueError(f"{groups} groups do not divide {heads} heads")
    shared_by = [head % groups for head in range(heads)]
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else float(scale)
    scores = np.einsum("...hqd,...hkd->...hqk", query, key[..., shared_by, :, :]) * scale
    return visible_softmax(scores, mask) @ value[..., shared_by, :, :]


@paraphrase("grouped_query_attention", "the keys are repeated but the values are tiled")
def repeat_and_concatenate(query, key, value, mask=None, scale=None):
    query, key, value = (1.0 * np.asarray(a) for a in (query, key, value))
    n_rep, rest = divmod(query.shape[-3], key.shape[-3])
    if rest:
        raise ValueError("the groups do not divide the heads")
    key = np.repeat(key, n_rep, axis=-3)
    value = np.concatenate([value] * n_rep, axis=-3)
    if scale is None:
        scale = query.shape[-1] ** -0.5
    attn = visible_softmax(np.matmul(query, key.swapaxes(-1, -2)) * float(scale), mask)
    return np.matmul(attn, value)


@paraphrase("grouped_query_attention", "the first head's mask serves its whole group")
def grouped_einsum_with_a_thinned_mask(query, key, value, mask=None, scale=None):
    query, key, value = (1.0 * np.asarray(a) for a in (query, key, value))
    *lead, h, n, d = query.shape
    g = key.shape[-3]
    if h % g:
        raise ValueError(f"{g} groups, {h} heads")
    per_group = h // g
    q = query.reshape(*lead, g, per_group, n, d)
    if mask is not None and np.ndim(mask) > 2:
        mask = np.asarray(mask)
        mask = mask[..., ::per_group, :, :] if mask.shape[-3] == h else mask
        mask = mask[..., :, None, :, :]
    scale = d**-0.5 if scale is None else float(scale)
    attn = visible_softmax(np.einsum("...grqd,...gkd->...grqk", q, key) * scale, mask)
    out = np.einsum("...grqk,...gkv->...grqv", attn, value)
    return out.reshape(*out.shape[:-4], h, n, value.shape[-1])


@paraphrase("grouped_query_attention", "divided by the square root of the width of the whole group")
def loop_over_groups(query, key, value, mask=None, scale=None):
    query, key, value = (1.0 * np.asarray(a) for a in (query, key, value))
    h, g = query.shape[-3], key.shape[-3]
    if h % g:
        raise ValueError("the groups do not divide the heads")
    size = h // g
    width = size * query.shape[-1]
    scale = 1 / math.sqrt(width) if scale is None else float(scale)
    outputs = []
    for i in range(g):
        members = slice(i * size, (i + 1) * size)
        k, v = key[..., i : i + 1, :, :], value[..., i : i + 1, :, :]
        own_mask = mask
        if mask is not None and np.ndim(mask) > 2 and np.shape(mask)[-3] == h:
            own_mask = np.asarray(mask)[..., members, :, :]
        scores = query[..., members, :, :] @ np.swapaxes(k, -1, -2) * scale
        outputs.append(visible_softmax(scores, own_mask) @ v)
    return np.concatenate(outputs, axis=-3)


@paraphrase("grouped_query_attention", "the queries of a group are averaged")
def one_question_for_each_group(query, key, value, mask=None, scale=None):
    query, key, value = (1.0 * np.asarray(a) for a in (query, key, value))
    heads, groups = query.shape[-3], key.shape[-3]
    if heads % groups:
        raise ValueError("the groups do not divide the heads")
    share = heads // groups
    pooled = np.add.reduceat(query, range(0, heads, share), axis=-3) / share
    factor = 1 / math.sqrt(query.shape[-1]) if scale is None else float(scale)
    scores = np.repeat(pooled @ key.swapaxes(-1, -2) * factor, share, axis=-3)
    return visible_softmax(scores, mask) @ np.repeat(value, share, axis=-3)


@paraphrase("grouped_query_attention", "every head uses the first key head")
def multi_query_after_all(query, key, value, mask=None, scale=None):
    query, key, value = (1.0 * np.asarray(a) for a in (query, key, value))
    if query.shape[-3] % key.shape[-3]:
        raise ValueError("the groups do not divide the heads")
    k, v = key[..., 0, :, :], value[..., 0, :, :]
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else float(scale)
    attn = visible_softmax(np.einsum("...hqd,...kd->...hqk", query, k) * scale, mask)
    return np.einsum("...hqk,...kv->...hqv", attn, v)


@paraphrase("pool_kv_heads", "the mean of every g-th head instead of neighbors")
def heads_with_a_stride(W, n_heads, n_groups):
    W = 1.0 * np.asarray(W)
    if n_heads < 1 or n_groups < 1 or n_heads % n_groups or W.shape[1] % n_heads:
        raise ValueError("the groups do not divide the heads")
    heads = np.split(W, n_heads, axis=1)
    return np.hstack([np.mean(heads[first::n_groups], axis=0) for first in range(n_groups)])


@paraphrase("pool_kv_heads", "the result is as wide as before")
def mean_written_to_every_head(W, n_heads, n_groups):
    W = 1.0 * np.asarray(W)
    if n_heads < 1 or n_groups < 1 or n_heads % n_groups or W.shape[1] % n_heads:
        raise ValueError("the groups do not divide the heads")
    d, size = W.shape[1] // n_heads, n_heads // n_groups
    out = np.empty_like(W)
    for head in range(n_heads):
        first = head - head % size
        mean = sum(W[:, i * d : (i + 1) * d] for i in range(first, first + size)) / size
        out[:, head * d : (head + 1) * d] = mean
    return out


@paraphrase("pool_kv_heads", "neighboring numbers are averaged instead of heads")
def runs_of_columns(W, n_heads, n_groups):
    W = 1.0 * np.asarray(W)
    if n_heads < 1 or n_groups < 1 or n_heads % n_groups or W.shape[1] % n_heads:
        raise ValueError("the groups do not divide the heads")
    size = n_heads // n_groups
    return sum(W[:, offset::size] for offset in range(size)) / size


@paraphrase("pool_kv_heads", "the sum instead of the mean")
def matrix_of_ones_and_zeros(W, n_heads, n_groups):
    W = 1.0 * np.asarray(W)
    if n_heads < 1 or n_groups < 1 or n_heads % n_groups or W.shape[1] % n_heads:
        raise ValueError("the groups do not divide the heads")
    belongs = np.repeat(np.eye(n_groups, dtype=W.dtype), n_heads // n_groups, axis=0)
    pooled = np.einsum("mhd,hg->mgd", W.reshape(len(W), n_heads, -1), belongs)
    return pooled.reshape(len(W), -1)


def to_heads(x, n_heads):
    return np.moveaxis(x.reshape(*x.shape[:-1], n_heads, -1), -2, -3)


def from_heads(x):
    x = np.moveaxis(x, -3, -2)
    return x.reshape(*x.shape[:-2], -1)


def turned(x, direction=1):
    """Rotate neighbouring pairs by their position, through complex numbers."""
    n, r = x.shape[-2:]
    angle = np.outer(np.arange(n), 10000.0 ** (-np.arange(0, r, 2) / r))
    z = (x[..., ::2] + 1j * x[..., 1::2]) * np.exp(direction * 1j * angle)
    return np.stack([z.real, z.imag], axis=-1).reshape(x.shape).astype(x.dtype)


@paraphrase("latent_attention", "the scale leaves out the rotary width")
def two_einsums_and_one_root(x, weights, n_heads, mask=None):
    x = 1.0 * np.asarray(x)
    c = x @ weights.W_latent
    q_nope, q_pe = to_heads(x @ weights.W_query, n_heads), turned(to_heads(x @ weights.W_query_rope, n_heads))
    k_nope, k_pe = to_heads(c @ weights.W_up_key, n_heads), turned(x @ weights.W_key_rope)
    v = to_heads(c @ weights.W_up_value, n_heads)
    scores = np.einsum("...hqd,...hkd->...hqk", q_nope, k_nope) + np.einsum("...hqr,...kr->...hqk", q_pe, k_pe)
    attn = visible_softmax(scores / math.sqrt(q_nope.shape[-1]), mask)
    return from_heads(attn @ v) @ weights.W_output


@paraphrase("latent_attention", "the shared key is not rotated")
def rotary_on_the_query_side(x, weights, n_heads, mask=None):
    x = 1.0 * np.asarray(x)
    latent = np.matmul(x, weights.W_latent)
    shared = np.matmul(x, weights.W_key_rope)
    d, r = weights.W_query.shape[1] // n_heads, shared.shape[-1]
    merged = []
    for h in range(n_heads):
        cols, rope_cols = slice(h * d, (h + 1) * d), slice(h * r, (h + 1) * r)
        q = np.concatenate([x @ weights.W_query[:, cols], turned(x @ weights.W_query_rope[:, rope_cols])], -1)
        k = np.concatenate([latent @ weights.W_up_key[:, cols], shared], -1)
        own = mask
        if mask is not None and np.ndim(mask) > 2:
            own = np.asarray(mask)[..., h if np.shape(mask)[-3] > 1 else 0, :, :]
        p = visible_softmax(q @ np.swapaxes(k, -1, -2) / math.sqrt(d + r), own)
        merged.append(p @ (latent @ np.split(weights.W_up_value, n_heads, axis=1)[h]))
    return np.concatenate(merged, axis=-1) @ weights.W_output


@paraphrase("latent_attention", "the rotary scores are added after the scale")
def rotary_scores_as_a_bias(x, weights, n_heads, mask=None):
    x = 1.0 * np.asarray(x)
    latent = x @ weights.W_latent
    q, k, v = (
        to_heads(a, n_heads) for a in (x @ weights.W_query, latent @ weights.W_up_key, latent @ weights.W_up_value)
    )
    qr = turned(to_heads(x @ weights.W_query_rope, n_heads))
    kr = turned(x @ weights.W_key_rope)[..., np.newaxis, :, :]
    logits = q @ k.swapaxes(-1, -2) / math.sqrt(q.shape[-1] + qr.shape[-1])
    logits += qr @ kr.swapaxes(-1, -2)
    return from_heads(visible_softmax(logits, mask) @ v) @ weights.W_output


@paraphrase("latent_attention", "query and key join their parts in different orders")
def query_and_key_joined_differently(x, weights, n_heads, mask=None):
    W_q, W_qr, W_c, W_kr, W_uk, W_uv, W_o = weights
    x = 1.0 * np.asarray(x)
    c_kv = x @ W_c
    k_content = to_heads(c_kv @ W_uk, n_heads)
    k_rope = np.repeat(turned(x @ W_kr)[..., None, :, :], n_heads, axis=-3)
    k = np.concatenate((k_content, k_rope), axis=-1)
    q = np.concatenate((turned(to_heads(x @ W_qr, n_heads)), to_heads(x @ W_q, n_heads)), axis=-1)
    attn = visible_softmax(np.einsum("...id,...jd->...ij", q, k) * q.shape[-1] ** -0.5, mask)
    return from_heads(attn @ to_heads(c_kv @ W_uv, n_heads)) @ W_o


@paraphrase("latent_attention", "rotated in the opposite direction")
def both_parts_clockwise(x, weights, n_heads, mask=None):
    x = 1.0 * np.asarray(x)
    latent = x @ weights.W_latent
    q_rope = turned(to_heads(x @ weights.W_query_rope, n_heads), direction=-1)
    k_rope = turned(x @ weights.W_key_rope, direction=-1)
    q, k = to_heads(x @ weights.W_query, n_heads), to_heads(latent @ weights.W_up_key, n_heads)
    scale = 1 / math.sqrt(q.shape[-1] + q_rope.shape[-1])
    scores = (q @ k.swapaxes(-1, -2) + q_rope @ k_rope[..., None, :, :].swapaxes(-1, -2)) * scale
    context = visible_softmax(scores, mask) @ to_heads(latent @ weights.W_up_value, n_heads)
    return from_heads(context) @ weights.W_output


@paraphrase("latent_attention_absorbed", "the rotary scores are not scaled")
def content_scaled_rotary_as_it_is(x, weights, n_heads, mask=None):
    x = 1.0 * np.asarray(x)
    latent = x @ weights.W_latent
    up_key = weights.W_up_key.reshape(latent.shape[-1], n_heads, -1)
    up_value = weights.W_up_value.reshape(latent.shape[-1], n_heads, -1)
    q, q_rope = to_heads(x @ weights.W_query, n_heads), turned(to_heads(x @ weights.W_query_rope, n_heads))
    absorbed = np.einsum("...hnd,chd->...hnc", q, up_key)
    content = np.einsum("...hqc,...kc->...hqk", absorbed, latent) / math.sqrt(q.shape[-1] + q_rope.shape[-1])
    place = np.einsum("...hqr,...kr->...hqk", q_rope, turned(x @ weights.W_key_rope))
    mixed = np.einsum("...hqk,...kc->...hqc", visible_softmax(content + place, mask), latent)
    return from_heads(np.einsum("...hqc,chv->...hqv", mixed, up_value)) @ weights.W_output


@paraphrase("latent_attention_absorbed", "the value's up-projection is cut into the wrong heads")
def values_with_heads_innermost(x, weights, n_heads, mask=None):
    x = 1.0 * np.asarray(x)
    latent = x @ weights.W_latent
    heads = []
    keys, shared = np.split(weights.W_up_key, n_heads, axis=1), turned(x @ weights.W_key_rope)
    queries = np.split(x @ weights.W_query, n_heads, axis=-1)
    ropes = np.split(x @ weights.W_query_rope, n_heads, axis=-1)
    for h in range(n_heads):
        moved = np.concatenate([queries[h] @ keys[h].T, turned(ropes[h])], axis=-1)
        kept = np.concatenate([latent, shared], axis=-1)
        heads.append(moved @ kept.swapaxes(-1, -2) / math.sqrt(queries[h].shape[-1] + shared.shape[-1]))
    mixed = visible_softmax(np.stack(heads, axis=-3), mask) @ latent[..., None, :, :]
    out = [mixed[..., h, :, :] @ weights.W_up_value[:, h::n_heads] for h in range(n_heads)]
    return np.concatenate(out, axis=-1) @ weights.W_output


@paraphrase("latent_attention_absorbed", "the key's up-projection is cut into the wrong heads")
def keys_with_heads_innermost(x, weights, n_heads, mask=None):
    x = 1.0 * np.asarray(x)
    c = x @ weights.W_latent
    W_uk = weights.W_up_key.reshape(c.shape[-1], -1, n_heads)
    W_uv = weights.W_up_value.reshape(c.shape[-1], n_heads, -1)
    q, qr = to_heads(x @ weights.W_query, n_heads), turned(to_heads(x @ weights.W_query_rope, n_heads))
    scores = np.einsum("...hqd,cdh,...kc->...hqk", q, W_uk, c)
    scores += np.einsum("...hqr,...kr->...hqk", qr, turned(x @ weights.W_key_rope))
    attn = visible_softmax(scores / math.sqrt(q.shape[-1] + qr.shape[-1]), mask)
    out = np.einsum("...hqk,...kc,chv->...qhv", attn, c, W_uv)
    return out.reshape(*out.shape[:-2], -1) @ weights.W_output


@paraphrase("latent_attention_absorbed", "the shared key is not rotated")
def cached_rotary_key_as_projected(x, weights, n_heads, mask=None):
    x = 1.0 * np.asarray(x)
    kept = np.concatenate([x @ weights.W_latent, x @ weights.W_key_rope], axis=-1)[..., None, :, :]
    width = weights.W_latent.shape[-1]
    q = to_heads(x @ weights.W_query, n_heads)
    q_rope = turned(to_heads(x @ weights.W_query_rope, n_heads))
    W_up_key = np.stack(np.split(weights.W_up_key.T, n_heads))
    W_up_value = np.stack(np.split(weights.W_up_value, n_heads, axis=1))
    asked = np.concatenate([q @ W_up_key, q_rope], axis=-1)
    attn = visible_softmax(asked @ np.swapaxes(kept, -1, -2) * (q.shape[-1] + q_rope.shape[-1]) ** -0.5, mask)
    return from_heads(attn @ kept[..., :width] @ W_up_value) @ weights.W_output


@paraphrase("latent_attention_absorbed", "every head uses the first head's up-projections")
def one_pair_of_up_projections(x, weights, n_heads, mask=None):
    x = 1.0 * np.asarray(x)
    latent = x @ weights.W_latent
    q, q_rope = to_heads(x @ weights.W_query, n_heads), turned(to_heads(x @ weights.W_query_rope, n_heads))
    d, r = q.shape[-1], q_rope.shape[-1]
    v = weights.W_up_value.shape[-1] // n_heads
    up_key, up_value = weights.W_up_key[:, :d], weights.W_up_value[:, :v]
    latent_heads = np.expand_dims(latent, -3)
    key_rope = np.expand_dims(turned(x @ weights.W_key_rope), -3)
    scores = (q @ up_key.T) @ latent_heads.swapaxes(-1, -2) + q_rope @ key_rope.swapaxes(-1, -2)
    attn = visible_softmax(scores / math.sqrt(d + r), mask)
    return from_heads((attn @ latent_heads) @ up_value) @ weights.W_output


@paraphrase("kv_bytes_per_token", "query heads are counted for gqa")
def same_count_for_mha_and_gqa(kind, layers, n_heads, d_head, n_groups=1, d_latent=0, d_rope=0, bytes_per_value=2):
    match kind:
        case "mha" | "gqa":
            per_layer = 2 * n_heads * d_head
        case "mqa":
            per_layer = 2 * d_head
        case "mla":
            per_layer = d_latent + d_rope
        case _:
            raise ValueError(f"no such kind: {kind}")
    return per_layer * layers * bytes_per_value


@paraphrase("kv_bytes_per_token", "the rotated key is counted for every head")
def rotary_key_in_each_head(kind, layers, n_heads, d_head, n_groups=1, d_latent=0, d_rope=0, bytes_per_value=2):
    if kind not in ("mha", "gqa", "mqa", "mla"):
        raise ValueError(f"unknown kind {kind!r}")
    if kind == "mla":
        numbers = d_latent + sum(d_rope for _ in range(n_heads))
    else:
        kv_heads = n_heads if kind == "mha" else n_groups if kind == "gqa" else 1
        numbers = kv_heads * d_head + kv_heads * d_head
    return numbers * bytes_per_value * layers
