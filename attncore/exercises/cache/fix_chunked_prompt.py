"""A prompt that is read in chunks, through layers that each have a cache."""

import numpy as np

from attncore.cache import KVCache
from attncore.dot_product import scaled_dot_product_attention
from attncore.exercises.exercise import case, code
from attncore.exercises.heads.cases import projections
from attncore.heads import merge_heads, split_heads
from attncore.masks import causal_mask
from attncore.positions import apply_rotary
from attncore.shapes import shaped


def mask_of_chunk(n_new, n_key):
    return np.tri(n_new, n_key, n_key - n_new, dtype=bool)


def read_chunk(x, cache, weights, n_heads):
    query, key, value = (split_heads(x @ W, n_heads) for W in weights[:3])
    positions = len(cache) + np.arange(len(x))
    cache.append(apply_rotary(key, positions), value)
    mask = mask_of_chunk(len(x), len(cache))
    mixed = scaled_dot_product_attention(apply_rotary(query, positions), cache.key, cache.value, mask)
    return merge_heads(mixed) @ weights.W_output


@shaped("(n,m)->(n,m)")
def fix_chunked_prompt(x, size, layers, n_heads):
    """Read a prompt through a stack of causal attention layers, in chunks of `size` tokens.

    `layers` is a list of `HeadWeights`. Each layer has rotary positions, a residual and a cache of
    its own. The rows are those of one pass over the whole prompt, whatever the size of the chunks;
    the last chunk may be shorter.
    """
    caches = [KVCache() for _ in layers]
    rows = []
    for start in range(0, len(x), size):
        state = x[start : start + size]
        for cache, weights in zip(caches, layers, strict=True):
            state = state + read_chunk(state, cache, weights, n_heads)
        rows.append(state)
    return np.concatenate(rows)


def prompt(name, n, size, count=1, n_heads=2, small=False, **more):
    def layers(rng, s):
        return [projections(rng, s) for _ in range(count)]

    sizes = {"n": n, "m": 4 if small else 12}
    return case(name, small=small, sizes=sizes, size=size, layers=layers, n_heads=n_heads, **more)


exercise = code(
    fix_chunked_prompt,
    prompt("one token", 1, 1, small=True),
    prompt("one chunk", 3, 3, small=True),
    prompt("a chunk larger than the prompt", 3, 10, small=True),
    prompt("one token at a time", 3, 1, small=True, n_heads=1),
    prompt("two equal chunks", 4, 2, small=True),
    prompt("a shorter last chunk", 5, 3, small=True),
    prompt("two layers", 7, 3, count=2, n_heads=3),
    prompt("three layers, one token at a time", 5, 1, count=3, n_heads=6),
    prompt("large scores", 6, 2, count=1, n_heads=2, magnitude=8.0),
    bug="the mask's triangle begins at the first key",
)


def mask_of_chunk_(n_new, n_key):
    return np.tri(n_new, n_key, dtype=bool)


def read_chunk_(x, cache, weights, n_heads):
    query, key, value = (split_heads(x @ W, n_heads) for W in weights[:3])
    positions = len(cache) + np.arange(len(x))
    cache.append(apply_rotary(key, positions), value)
    mask = mask_of_chunk_(len(x), len(cache))
    mixed = scaled_dot_product_attention(apply_rotary(query, positions), cache.key, cache.value, mask)
    return merge_heads(mixed) @ weights.W_output


@exercise.mistake("the mask's triangle begins at the first key")
def prompt_in_chunks(x, size, layers, n_heads):
    caches = [KVCache() for _ in layers]
    rows = []
    for start in range(0, len(x), size):
        state = x[start : start + size]
        for cache, weights in zip(caches, layers, strict=True):
            state = state + read_chunk_(state, cache, weights, n_heads)
        rows.append(state)
    return np.concatenate(rows)


def stacked(x, layers, n_heads, mask):
    """All layers over the whole prompt, with one mask."""
    positions = np.arange(len(x))
    for weights in layers:
        query, key, value = (split_heads(x @ W, n_heads) for W in weights[:3])
        query, key = apply_rotary(query, positions), apply_rotary(key, positions)
        x = x + merge_heads(scaled_dot_product_attention(query, key, value, mask)) @ weights.W_output
    return x


def chunk_of(x, size):
    return np.arange(len(x)) // size


@exercise.mistake("no mask once there is a cache")
def no_mask_later(x, size, layers, n_heads):
    chunk = chunk_of(x, size)
    mask = np.where(chunk[:, None] == 0, causal_mask(len(x)), chunk[:, None] >= chunk)
    return stacked(x, layers, n_heads, mask)


@exercise.mistake("no mask inside a chunk")
def no_mask_inside(x, size, layers, n_heads):
    chunk = chunk_of(x, size)
    return stacked(x, layers, n_heads, chunk[:, None] >= chunk)


@exercise.mistake("a chunk sees nothing but itself")
def only_itself(x, size, layers, n_heads):
    chunk = chunk_of(x, size)
    return stacked(x, layers, n_heads, causal_mask(len(x)) & (chunk[:, None] == chunk))


@exercise.mistake("the newest key is hidden once there is a cache")
def newest_hidden(x, size, layers, n_heads):
    mask = causal_mask(len(x)) & ~(np.eye(len(x), dtype=bool) & (chunk_of(x, size) > 0)[:, None])
    return stacked(x, layers, n_heads, mask)


@exercise.another_way
def in_one_pass(x, size, layers, n_heads):
    return stacked(x, layers, n_heads, causal_mask(len(x)))
