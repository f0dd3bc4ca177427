"""Lesson 12: what attention costs, and the cache that generation lives on."""

import numpy as np

from attncore.dot_product import scaled_dot_product_attention
from attncore.heads import merge_heads, split_heads
from attncore.masks import causal_mask
from attncore.shapes import shaped


@shaped("->()")
def attention_flops(n, d_model):
    """Count the floating-point operations of multi-head attention over n tokens.

    The four projections, the scores and the weighted sum; a multiplication and an addition are
    two. Softmax, biases and what a causal mask could save are left out.
    """
    return 8 * n * d_model**2 + 4 * n**2 * d_model


@shaped("->()")
def kv_cache_bytes(layers, kv_heads, d_head, tokens, batch=1, bytes_per_value=2):
    """Count the bytes of the keys and values that generation keeps.

    For every layer, for every token of every sequence of the batch, in each head that has keys.
    The result is an integer.
    """
    return 2 * layers * batch * kv_heads * tokens * d_head * bytes_per_value


class KVCache:
    """Keys and values of the tokens so far: `key` is (..., h, n, d), `value` (..., h, n, v).

    `append` adds those of new tokens; len() counts the tokens, from 0 on. What was handed out
    earlier stays as it was. Raises ValueError where new tokens do not continue what is held.
    """

    def __init__(self):
        self.key = self.value = None

    def __len__(self):
        return 0 if self.key is None else self.key.shape[-2]

    @shaped("_,(...,n,d),(...,n,v)")
    def append(self, key, value):
        """Add the keys and values of new tokens behind the others."""
        if self.key is not None:
            key = np.concatenate([self.key, key], axis=-2)
            value = np.concatenate([self.value, value], axis=-2)
        self.key, self.value = key, value


@shaped("(...,n,m)->(...,n,m)", weights="(m,m),(m,m),(m,m),(m,m)")
def attend_with_cache(x, cache, weights, n_heads):
    """Attend from new tokens to all tokens so far, and keep the new keys and values.

    `cache` is a `KVCache`, which grows by n; `weights` is a `HeadWeights`. Chunks of any length,
    one after another, give the rows of one causal pass over the whole sequence.
    """
    query, key, value = (split_heads(x @ W, n_heads) for W in weights[:3])
    cache.append(key, value)
    mask = causal_mask(x.shape[-2], len(cache))
    return merge_heads(scaled_dot_product_attention(query, cache.key, cache.value, mask)) @ weights.W_output
