"""Lesson 12: what attention costs, and the cache that generation lives on."""

import numpy as np

from attncore.dot_product import scaled_dot_product_attention
from attncore.heads import merge_heads, split_heads
from attncore.masks import causal_mask
from attncore.shapes import as_kind, shaped


@shaped("->()")
def attention_flops(n, d_model):
    """Count the floating-point operations of multi-head attention over n tokens.

    The four projections, the scores and the weighted sum; a multiplication and an addition are
    two. Softmax, biases and what a causal mask could save are left out.
    """
    return 8 * n * d_model**2 + 4 * n**2 * d_model


@shaped("->()")
def kv_cache_bytes(layers, kv_heads, d_head, tokens, batch=1, bytes_per_value=2):
    """Count the bytes of the keys and values that generation keeps, an integer.

    For every layer, for every token of every text of the batch, in each head that has keys.
    """
    return 2 * layers * batch * kv_heads * tokens * d_head * bytes_per_value


class KVCache:
    """Keys and values of the tokens so far, (..., h, n, d) and (..., h, n, v), not to be written to."""

    def __init__(self):
        self.length = 0
        self.rooms: list[np.ndarray] = []

    def __len__(self):
        return self.length

    def append(self, key, value):
        """Add those of new tokens. Raises ValueError where they do not continue what is held."""
        key, value = as_kind(key, "KVCache: key", "float"), as_kind(value, "KVCache: value", "float")
        if key.ndim < 2:
            raise ValueError(f"KVCache: key has shape {key.shape}, expected (..., n, d)")
        if key.shape[:-1] != value.shape[:-1]:
            raise ValueError(f"KVCache: key is {key.shape}, value is {value.shape}: tokens or heads differ")
        if not self.rooms:
            self.rooms = [np.empty_like(new) for new in (key[..., :0, :], value[..., :0, :])]
        needed = self.length + key.shape[-2]
        for i, new in enumerate((key, value)):
            room = self.rooms[i]
            if room.shape[:-2] != new.shape[:-2] or room.shape[-1] != new.shape[-1]:
                raise ValueError(f"KVCache: it holds {room.shape}, which {new.shape} does not continue")
            if needed > room.shape[-2]:
                self.rooms[i] = grown(room, self.length, max(needed, 2 * self.length))
            self.rooms[i][..., self.length : needed, :] = new
        self.length = needed

    @property
    def key(self):
        return self.kept(0)

    @property
    def value(self):
        return self.kept(1)

    def kept(self, which):
        if not self.rooms:
            raise ValueError("KVCache: it is empty, append to it first")
        return self.rooms[which][..., : self.length, :]


def grown(room, length, capacity):
    """The same first `length` tokens, with room for `capacity`.

    Since the room doubles, each number is copied a bounded number of times on average.
    """
    larger = np.empty((*room.shape[:-2], capacity, room.shape[-1]), room.dtype)
    larger[..., :length, :] = room[..., :length, :]
    return larger


@shaped("(...,n,m)->(...,n,m)", weights="(m,m),(m,m),(m,m),(m,m)")
def attend_with_cache(x, cache, weights, n_heads):
    """Attend from new tokens to all tokens so far, and keep the new keys and values.

    `cache` is a `KVCache`, which grows by n; `weights` is a `HeadWeights`. Chunks of any length,
    one after another, give the rows of one causal pass over the whole text.
    """
    query, key, value = (split_heads(x @ W, n_heads) for W in weights[:3])
    cache.append(key, value)
    mask = causal_mask(x.shape[-2], len(cache))
    return merge_heads(scaled_dot_product_attention(query, cache.key, cache.value, mask)) @ weights.W_output
