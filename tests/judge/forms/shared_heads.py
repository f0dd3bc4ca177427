"""Published forms of lesson 13, retyped: what each is to be told."""

import math

import numpy as np


def softmax(x):
    exponentials = np.exp(x - np.max(x, axis=-1, keepdims=True))
    return exponentials / np.sum(exponentials, axis=-1, keepdims=True)


def attended(query, key, value, mask, scale, hide):
    scores = query @ np.swapaxes(key, -1, -2) * (1 / math.sqrt(query.shape[-1]) if scale is None else scale)
    return softmax(scores if mask is None else hide(scores, mask)) @ value


def to_infinity(scores, mask):
    return np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask


def to_minus_a_billion(scores, mask):
    return np.where(mask, scores, -1e9) if mask.dtype == bool else scores + mask


def repeat_kv(query, key, value, mask=None, scale=None):
    """Llama's repeat_kv, which copies each key head for its group."""
    share = query.shape[-3] // key.shape[-3]
    key, value = np.repeat(key, share, axis=-3), np.repeat(value, share, axis=-3)
    return attended(query, key, value, mask, scale, to_infinity)


def repeat_without_scale(query, key, value, mask=None):
    share = query.shape[-3] // key.shape[-3]
    key, value = np.repeat(key, share, axis=-3), np.repeat(value, share, axis=-3)
    return attended(query, key, value, mask, None, to_minus_a_billion)


def added_billion(query, key, value, mask=None, scale=None):
    share = query.shape[-3] // key.shape[-3]
    key, value = np.repeat(key, share, axis=-3), np.repeat(value, share, axis=-3)

    def hide(scores, mask):
        return scores + (np.where(mask, 0, -1e9) if mask.dtype == bool else mask)

    return attended(query, key, value, mask, scale, hide)


def torch_repeat(query, key, value, mask=None, scale=None):
    """x.repeat(1, share, 1, 1), which tiles, in place of repeat_interleave."""
    share = query.shape[-3] // key.shape[-3]
    key, value = np.concatenate([key] * share, axis=-3), np.concatenate([value] * share, axis=-3)
    return attended(query, key, value, mask, scale, to_infinity)


def after_the_softmax(query, key, value, mask=None, scale=None):
    share = query.shape[-3] // key.shape[-3]
    key, value = np.repeat(key, share, axis=-3), np.repeat(value, share, axis=-3)
    scores = query @ np.swapaxes(key, -1, -2) * (1 / math.sqrt(query.shape[-1]) if scale is None else scale)
    if mask is None or mask.dtype != bool:
        return softmax(scores if mask is None else scores + mask) @ value
    shares = softmax(scores) * mask
    return shares / (shares.sum(axis=-1, keepdims=True) + 1e-10) @ value


def mean_pooled(W, n_heads, n_groups):
    """Ainslie et al.: reshape, and the mean of each group."""
    m = W.shape[0]
    return W.reshape(m, n_groups, n_heads // n_groups, -1).mean(axis=2).reshape(m, -1)


def first_of_each(W, n_heads, n_groups):
    """Their control: one head of each group."""
    m = W.shape[0]
    return W.reshape(m, n_groups, n_heads // n_groups, -1)[:, :, 0].reshape(m, -1)


def turned(x, clockwise=False):
    """Rotary on adjacent pairs, by complex numbers, as DeepSeek's own code."""
    n, r = x.shape[-2:]
    angles = np.arange(n)[:, None] * 10000.0 ** (-np.arange(0, r, 2) / r)
    pairs = (x[..., 0::2] + 1j * x[..., 1::2]) * np.exp((-1j if clockwise else 1j) * angles)
    return np.stack([pairs.real, pairs.imag], axis=-1).reshape(x.shape)


def cut(x, n_heads):
    *lead, n, m = x.shape
    return np.swapaxes(x.reshape(*lead, n, n_heads, m // n_heads), -3, -2)


def deepseek(x, weights, n_heads, mask=None):
    """DeepSeek-V2's naive path: content and rotary scores added, one scale, mask added."""
    latent = x @ weights.W_latent
    q, k, v = cut(x @ weights.W_query, n_heads), cut(latent @ weights.W_up_key, n_heads), latent @ weights.W_up_value
    q_pe, k_pe = turned(cut(x @ weights.W_query_rope, n_heads)), turned(x @ weights.W_key_rope)[..., None, :, :]
    scores = (q @ np.swapaxes(k, -1, -2) + q_pe @ np.swapaxes(k_pe, -1, -2)) / math.sqrt(q.shape[-1] + q_pe.shape[-1])
    if mask is not None:
        mask = np.expand_dims(mask, -3) if mask.ndim == 3 else mask
        scores = to_infinity(scores, mask)
    heads = np.swapaxes(softmax(scores) @ cut(v, n_heads), -3, -2)
    return heads.reshape(*heads.shape[:-2], -1) @ weights.W_output


def deepseek_absorbed(x, weights, n_heads, mask=None):
    """Its absorbed path: einsums with the up-projections by head, on the latents."""
    latent = x @ weights.W_latent
    up_key, up_value = (np.reshape(W, (len(W), n_heads, -1)) for W in (weights.W_up_key, weights.W_up_value))
    q = np.einsum("...hnd,zhd->...hnz", cut(x @ weights.W_query, n_heads), up_key)
    q_pe, k_pe = turned(cut(x @ weights.W_query_rope, n_heads)), turned(x @ weights.W_key_rope)
    scores = np.einsum("...hnz,...kz->...hnk", q, latent) + np.einsum("...hnr,...kr->...hnk", q_pe, k_pe)
    scores = scores / math.sqrt(up_key.shape[-1] + q_pe.shape[-1])
    if mask is not None:
        mask = np.expand_dims(mask, -3) if mask.ndim == 3 else mask
        scores = to_minus_a_billion(scores, mask)
    mixed = np.einsum("...hnk,...kz->...hnz", softmax(scores), latent)
    heads = np.einsum("...hnz,zhv->...nhv", mixed, up_value)
    return heads.reshape(*heads.shape[:-2], -1) @ weights.W_output


def by_kind(kind, layers, n_heads, d_head, n_groups=1, d_latent=0, d_rope=0, bytes_per_value=2):
    """The table of DeepSeek-V2's paper, in elements, times bytes."""
    if kind == "mla":
        elements = (d_latent + d_rope) * layers
    else:
        elements = 2 * {"mha": n_heads, "gqa": n_groups}.get(kind, 1) * d_head * layers
    return elements * bytes_per_value


def pooled_by_a_kronecker_product(W, n_heads, n_groups):
    d = W.shape[1] // n_heads
    r = n_heads // n_groups
    P = np.kron(np.eye(n_groups), np.kron(np.ones((r, 1)), np.eye(d))) / r
    return W @ P


def bytes_by_keywords(kind, layers, n_heads, d_head, **kw):
    b = kw.get("bytes_per_value", 2)
    if kind == "mla":
        return layers * b * (kw.get("d_latent", 0) + kw.get("d_rope", 0))
    return layers * b * 2 * d_head * (n_heads if kind == "mha" else kw.get("n_groups", 1) if kind == "gqa" else 1)


FORMS = [
    ("grouped_query_attention", "Llama", repeat_kv, "edge", "an empty row gives NaN"),
    ("grouped_query_attention", "no scale parameter", repeat_without_scale, "edge", "a given scale is ignored"),
    ("grouped_query_attention", "-1e9 added", added_billion, "edge", "an empty row sees everything"),
    ("grouped_query_attention", "torch's repeat", torch_repeat, "wrong", "the key heads are dealt out in turn"),
    (
        "grouped_query_attention",
        "mask after the softmax",
        after_the_softmax,
        "wrong",
        "mask after the softmax, then renormalized with a guard",
    ),
    ("pool_kv_heads", "the mean", mean_pooled, "edge", "Raises ValueError where the groups do not divide the heads."),
    ("pool_kv_heads", "the first", first_of_each, "wrong", "only the first head of each group is kept"),
    ("latent_attention", "DeepSeek-V2", deepseek, "edge", "an empty row gives NaN"),
    (
        "latent_attention_absorbed",
        "DeepSeek-V2, absorbed",
        deepseek_absorbed,
        "edge",
        "an empty row shares its weight equally",
    ),
    ("kv_bytes_per_token", "the paper's table", by_kind, "edge", "Raises ValueError for any other kind."),
    ("pool_kv_heads", "a Kronecker product", pooled_by_a_kronecker_product, "right", None),
    ("kv_bytes_per_token", "keywords", bytes_by_keywords, "edge", "Raises ValueError for any other kind."),
]
