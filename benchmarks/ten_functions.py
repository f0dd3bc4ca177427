"""Ten answers as a learner writes them, for grade.py: exercises of lessons 02 to 09, each right in the middle."""

import numpy as np


def softmax(x, axis=-1):
    e = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def masked_softmax(scores, mask):
    scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask
    top = scores.max(-1, keepdims=True)
    e = np.exp(scores - np.where(np.isfinite(top), top, 0))
    total = e.sum(-1, keepdims=True)
    return e / np.where(total == 0, 1, total)


def log_softmax(x, axis=-1):
    x = x - x.max(axis=axis, keepdims=True)
    return x - np.log(np.exp(x).sum(axis=axis, keepdims=True))


def scaled_dot_product_attention(query, key, value, mask=None, scale=None):
    scale = 1 / np.sqrt(query.shape[-1]) if scale is None else scale
    scores = query @ np.swapaxes(key, -1, -2) * scale
    weights = softmax(scores) if mask is None else masked_softmax(scores, mask)
    return weights @ value


def causal_mask(n_query, n_key=None):
    n_key = n_query if n_key is None else n_key
    return np.tri(n_query, n_key, n_key - n_query, dtype=bool)


def padding_mask(lengths, n_key):
    return np.arange(n_key) < np.asarray(lengths)[:, None, None]


def split_heads(x, n_heads):
    *batch, n, d = x.shape
    return np.swapaxes(x.reshape(*batch, n, n_heads, d // n_heads), -2, -3)


def merge_heads(x):
    x = np.swapaxes(x, -2, -3)
    return x.reshape(*x.shape[:-2], -1)


def sinusoidal_positions(n, d_model, base=10_000):
    angles = np.arange(n)[:, None] / base ** (np.arange(0, d_model, 2) / d_model)
    out = np.empty((n, d_model))
    out[:, 0::2] = np.sin(angles)
    out[:, 1::2] = np.cos(angles[:, : d_model // 2])
    return out


def layer_norm(x, gain, bias, eps=1e-5):
    x = x - x.mean(-1, keepdims=True)
    return gain * x / np.sqrt(x.var(-1, keepdims=True) + eps) + bias
