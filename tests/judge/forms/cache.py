"""Published forms of lesson 12, retyped: what each is to be told."""

import math

import numpy as np


class DynamicCache:
    """Hugging Face's: lists that are concatenated, under this course's method names."""

    def __init__(self):
        self.key = self.value = None

    def append(self, key, value):
        if self.key is None:
            self.key, self.value = key, value
        else:
            self.key = np.concatenate([self.key, key], axis=-2)
            self.value = np.concatenate([self.value, value], axis=-2)
        return self.key, self.value

    def __len__(self):
        return 0 if self.key is None else self.key.shape[-2]


class StaticCache:
    """A buffer of fixed size that is written by position, as compiled decoders keep it."""

    def __init__(self, longest=64):
        self.longest, self.position = longest, 0

    def append(self, key, value):
        if self.position == 0:
            self.keys = np.zeros((*key.shape[:-2], self.longest, key.shape[-1]), key.dtype)
            self.values = np.zeros((*value.shape[:-2], self.longest, value.shape[-1]), value.dtype)
        end = self.position + key.shape[-2]
        self.keys[..., self.position : end, :] = key
        self.values[..., self.position : end, :] = value
        self.position = end

    def __len__(self):
        return self.position

    key = property(lambda self: self.keys[..., : self.position, :])
    value = property(lambda self: self.values[..., : self.position, :])


class BatchFirstCache:
    """Written for (batch, n, d): the token axis is 1."""

    def __init__(self):
        self.key = self.value = None

    def append(self, key, value):
        self.key = key if self.key is None else np.concatenate([self.key, key], axis=1)
        self.value = value if self.value is None else np.concatenate([self.value, value], axis=1)

    def __len__(self):
        return 0 if self.key is None else self.key.shape[-2]


def softmax(scores):
    exponentials = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def cached(x, cache, weights, n_heads, hide):
    """nanoGPT's attention with a cache: split, append, masked softmax, join."""
    *lead, n, m = x.shape
    query, key, value = (np.swapaxes((x @ W).reshape(*lead, n, n_heads, m // n_heads), -3, -2) for W in weights[:3])
    cache.append(key, value)
    key, value = cache.key, cache.value
    scores = query @ np.swapaxes(key, -1, -2) / math.sqrt(key.shape[-1])
    heads = softmax(hide(scores)) @ value
    return np.swapaxes(heads, -3, -2).reshape(*lead, n, m) @ weights[3]


def visible(scores):
    n, total = scores.shape[-2:]
    return np.tri(n, total, total - n, dtype=bool)


def with_infinity(x, cache, weights, n_heads):
    return cached(x, cache, weights, n_heads, lambda s: np.where(visible(s), s, -np.inf))


def with_a_billion_added(x, cache, weights, n_heads):
    """picoGPT: (1 - tri) * -1e10, added."""
    return cached(x, cache, weights, n_heads, lambda s: s + (1 - visible(s)) * -1e10)


def square_mask(x, cache, weights, n_heads):
    return cached(x, cache, weights, n_heads, lambda s: np.where(np.tri(*s.shape[-2:], dtype=bool), s, -np.inf))


def unmasked(x, cache, weights, n_heads):
    """A decode step's attention, which needs no mask, on whole chunks."""
    return cached(x, cache, weights, n_heads, lambda s: s)


def kaplan(n, d_model):
    """2 floating-point operations a parameter and token, and the two squares."""
    return 2 * n * (4 * d_model**2) + 2 * (2 * n * n * d_model)


def multiply_accumulates(n, d_model):
    return n * 4 * d_model**2 + 2 * n * n * d_model


def megatron(n, d_model):
    """The attention's part of 24 n m^2 (1 + n / 6 m): a third of it, and the whole of the square."""
    return 24 * n * d_model**2 * (1 + n / (6 * d_model)) - 16 * n * d_model**2


def cache_formula(layers, kv_heads, d_head, tokens, batch=1, bytes_per_value=2):
    """2 x layers x heads x width x tokens x batch x bytes, as every blog post has it."""
    return 2 * layers * kv_heads * d_head * tokens * batch * bytes_per_value


def cache_by_bits(layers, kv_heads, d_head, tokens, batch=1, bytes_per_value=2):
    bits = 8 * bytes_per_value
    return 2 * layers * kv_heads * d_head * tokens * batch * bits / 8


def cache_counted_layer_by_layer(layers, kv_heads, d_head, tokens, batch=1, bytes_per_value=2):
    total = 0
    for _ in range(layers):
        for _ in ("key", "value"):
            total += int(np.prod([batch, kv_heads, tokens, d_head])) * bytes_per_value
    return total


FORMS = [
    ("KVCache", "DynamicCache", DynamicCache, "right", None),
    ("KVCache", "a static buffer", StaticCache, "right", None),
    ("KVCache", "written for (b, n, d)", BatchFirstCache, "wrong", "the token axis is counted from the front"),
    ("attend_with_cache", "minus infinity", with_infinity, "right", None),
    ("attend_with_cache", "picoGPT", with_a_billion_added, "right", None),
    ("attend_with_cache", "a square mask", square_mask, "wrong", "the queries are taken as the first positions"),
    ("attend_with_cache", "a decode step", unmasked, "wrong", "no mask at all"),
    ("attention_flops", "two for each parameter", kaplan, "right", None),
    ("attention_flops", "Megatron's", megatron, "right", None),
    (
        "attention_flops",
        "multiply-accumulates",
        multiply_accumulates,
        "wrong",
        "a multiplication with its addition counted as one",
    ),
    ("kv_cache_bytes", "the formula", cache_formula, "right", None),
    ("kv_cache_bytes", "by bits", cache_by_bits, "edge", "a float instead of an integer"),
    ("kv_cache_bytes", "layer by layer", cache_counted_layer_by_layer, "right", None),
]
