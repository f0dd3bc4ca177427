"""Paraphrases for lesson 12."""

import math

import numpy as np
from paraphrase import paraphrase


@paraphrase("attention_flops", "the weighted sum is forgotten")
def products_listed_without_the_last(n, d_model):
    def matmul(rows, inner, columns):
        return 2 * rows * inner * columns

    query = key = value = output = matmul(n, d_model, d_model)
    scores = matmul(n, d_model, n)
    return query + key + value + scores + output


@paraphrase("attention_flops", "the output projection is forgotten")
def three_projections(n, d_model):
    qkv = 2 * n * d_model * (3 * d_model)
    attention = 2 * (2 * n * n * d_model)
    return qkv + attention


@paraphrase("attention_flops", "the tokens are squared in the projections")
def every_term_with_the_square_of_tokens(n, d_model):
    macs = n**2 * (4 * d_model**2 + 2 * d_model)
    return 2 * macs


@paraphrase("kv_cache_bytes", "queries are counted too")
def three_arrays_a_layer(layers, kv_heads, d_head, tokens, batch=1, bytes_per_value=2):
    shape = (layers, len("qkv"), batch, kv_heads, tokens, d_head)
    return math.prod(shape) * bytes_per_value


@paraphrase("kv_cache_bytes", "the batch is forgotten")
def one_text(layers, kv_heads, d_head, tokens, batch=1, bytes_per_value=2):
    per_token = kv_heads * d_head * bytes_per_value
    return sum(tokens * per_token for _ in range(layers) for _ in ("key", "value"))


def fitting(key, value):
    key, value = 1.0 * np.asarray(key), 1.0 * np.asarray(value)
    if key.shape[:-1] != value.shape[:-1]:
        raise ValueError(f"keys {key.shape} and values {value.shape} differ")
    return key, value


@paraphrase("KVCache", "new tokens are put in front of the old ones")
class NewestFirst:
    def __init__(self):
        self.key = None
        self.value = None

    def append(self, key, value):
        key, value = fitting(key, value)
        if self.key is None:
            self.key, self.value = key, value
        else:
            self.key = np.concatenate((key, self.key), axis=-2)
            self.value = np.concatenate((value, self.value), axis=-2)

    def __len__(self):
        return 0 if self.key is None else self.key.shape[-2]


@paraphrase("KVCache", "the token axis is counted from the front")
class SecondAxisGrows:
    def __init__(self):
        self.chunks = []
        self.tokens = 0

    def append(self, key, value):
        self.chunks.append(fitting(key, value))
        self.tokens += np.shape(key)[-2]

    def __len__(self):
        return self.tokens

    @property
    def key(self):
        return np.concatenate([key for key, _ in self.chunks], axis=1)

    @property
    def value(self):
        return np.concatenate([value for _, value in self.chunks], axis=1)


@paraphrase("KVCache", "len() counts the appends, not the tokens")
class ListOfChunks:
    def __init__(self):
        self.keys, self.values = [], []

    def __len__(self):
        return len(self.keys)

    def append(self, key, value):
        key, value = fitting(key, value)
        self.keys.append(key)
        self.values.append(value)

    key = property(lambda self: np.concatenate(self.keys, -2))
    value = property(lambda self: np.concatenate(self.values, -2))


@paraphrase("KVCache", "the unused room is handed out too")
class RoomOfZeros:
    def __init__(self, room=32):
        self.n = 0
        self.room = room
        self.key = self.value = None

    def append(self, key, value):
        key, value = fitting(key, value)
        stop = self.n + key.shape[-2]
        if self.key is None:
            self.key = np.zeros((*key.shape[:-2], self.room, key.shape[-1]), key.dtype)
            self.value = np.zeros((*value.shape[:-2], self.room, value.shape[-1]), value.dtype)
        while stop > self.room:
            self.key = np.concatenate([self.key, np.zeros_like(self.key)], axis=-2)
            self.value = np.concatenate([self.value, np.zeros_like(self.value)], axis=-2)
            self.room *= 2
        self.key[..., self.n : stop, :] = key
        self.value[..., self.n : stop, :] = value
        self.n = stop

    def __len__(self):
        return self.n


@paraphrase("KVCache", "old tokens are lost when the room grows")
class EmptyLargerRoom:
    def __init__(self):
        self.used = self.capacity = 0
        self.store = {}

    def __len__(self):
        return self.used

    def append(self, key, value):
        start, stop = self.used, self.used + np.shape(key)[-2]
        if stop > self.capacity:
            self.capacity = max(stop, 2 * self.capacity)
            self.store = {}
        for name, new in zip(("key", "value"), fitting(key, value), strict=True):
            if name not in self.store:
                self.store[name] = np.zeros((*new.shape[:-2], self.capacity, new.shape[-1]), new.dtype)
            self.store[name][..., start:stop, :] = new
        self.used = stop

    @property
    def key(self):
        return self.store["key"][..., : self.used, :]

    @property
    def value(self):
        return self.store["value"][..., : self.used, :]


def heads_of(x, n_heads):
    return np.stack(np.split(x, n_heads, axis=-1), axis=-3)


def side_by_side(heads):
    return np.concatenate(list(np.moveaxis(heads, -3, 0)), axis=-1)


def softmax_of_visible(scores, visible):
    scores = np.where(visible, scores, -np.inf)
    top = scores.max(-1, keepdims=True)
    e = np.exp(scores - np.where(np.isfinite(top), top, 0))
    return e / np.maximum(e.sum(-1, keepdims=True), np.finfo(e.dtype).tiny)


@paraphrase("attend_with_cache", "the queries are taken as the first positions")
def lower_triangle_from_the_corner(x, cache, weights, n_heads):
    Wq, Wk, Wv, Wo = weights
    x = 1.0 * np.asarray(x)
    q, k, v = heads_of(x @ Wq, n_heads), heads_of(x @ Wk, n_heads), heads_of(x @ Wv, n_heads)
    cache.append(k, v)
    scores = q @ cache.key.swapaxes(-1, -2) / math.sqrt(q.shape[-1])
    attn = softmax_of_visible(scores, np.tril(np.ones(scores.shape[-2:], dtype=bool)))
    return side_by_side(attn @ cache.value) @ Wo


@paraphrase("attend_with_cache", "each token is hidden from itself")
def strictly_earlier_tokens(x, cache, weights, n_heads):
    x = 1.0 * np.asarray(x)
    *lead, n, m = x.shape
    before = len(cache)

    def project(W):
        return np.moveaxis((x @ W).reshape(*lead, n, n_heads, m // n_heads), -2, -3)

    query = project(weights.W_query)
    cache.append(project(weights.W_key), project(weights.W_value))
    scores = np.einsum("...qd,...kd->...qk", query, cache.key) * (m // n_heads) ** -0.5
    position = before + np.arange(n)
    visible = np.arange(before + n) < position[:, None]
    out = np.einsum("...qk,...kd->...qd", softmax_of_visible(scores, visible), cache.value)
    return np.moveaxis(out, -3, -2).reshape(*lead, n, m) @ weights.W_output


@paraphrase("attend_with_cache", "only the new tokens attended to")
def own_chunk(x, cache, weights, n_heads):
    x = 1.0 * np.asarray(x)
    query, key, value = (heads_of(x @ W, n_heads) for W in weights[:3])
    cache.append(key, value)
    n = x.shape[-2]
    scores = query @ np.swapaxes(key, -1, -2) * (1 / math.sqrt(query.shape[-1]))
    later = np.triu(np.full((n, n), -np.inf, dtype=scores.dtype), k=1)
    e = np.exp(scores + later - np.max(scores + later, axis=-1, keepdims=True))
    return side_by_side(e @ value / e.sum(axis=-1, keepdims=True)) @ weights.W_output


@paraphrase("attend_with_cache", "no mask once there is a cache")
def mask_for_the_prompt_alone(x, cache, weights, n_heads):
    x = 1.0 * np.asarray(x)
    is_prompt = len(cache) == 0
    q = heads_of(np.matmul(x, weights.W_query), n_heads)
    cache.append(heads_of(np.matmul(x, weights.W_key), n_heads), heads_of(np.matmul(x, weights.W_value), n_heads))
    n, total = x.shape[-2], len(cache)
    visible = np.tri(n, dtype=bool) if is_prompt else np.ones((n, total), dtype=bool)
    scores = np.einsum("...hqd,...hkd->...hqk", q, cache.key) / float(np.sqrt(q.shape[-1]))
    heads = np.matmul(softmax_of_visible(scores, visible), cache.value)
    return np.matmul(side_by_side(heads), weights.W_output)


@paraphrase("attend_with_cache", "scaled by the model width")
def square_root_of_the_whole_width(x, cache, weights, n_heads):
    x = 1.0 * np.asarray(x)
    n, d_model = x.shape[-2:]
    q = heads_of(x @ weights.W_query, n_heads) / math.sqrt(d_model)
    cache.append(heads_of(x @ weights.W_key, n_heads), heads_of(x @ weights.W_value, n_heads))
    k, v = cache.key, cache.value
    rows = []
    for i in range(n):
        seen = k.shape[-2] - n + i + 1
        logits = np.einsum("...hd,...hkd->...hk", q[..., i, :], k[..., :seen, :])
        p = np.exp(logits - logits.max(-1, keepdims=True))
        p /= p.sum(-1, keepdims=True)
        context = np.einsum("...hk,...hkv->...hv", p, v[..., :seen, :])
        rows.append(context.reshape(*context.shape[:-2], d_model) @ weights.W_output)
    return np.stack(rows, axis=-2)


@paraphrase("attend_with_cache", "queries are cached instead of keys")
def wrong_array_appended(x, cache, weights, n_heads):
    x = 1.0 * np.asarray(x)
    n = x.shape[-2]
    projected = x[..., None, :, :] @ np.stack(weights[:3])
    q, k, v = (heads_of(part, n_heads) for part in np.moveaxis(projected, -3, 0))
    cache.append(q, v)
    k, v = cache.key, cache.value
    total = k.shape[-2]
    scores = np.einsum("...id,...jd->...ij", q, k) / math.sqrt(k.shape[-1])
    weights_of_rows = softmax_of_visible(scores, np.tri(n, total, total - n, dtype=bool))
    return side_by_side(weights_of_rows @ v) @ weights[3]
