"""Batch and heads folded into one axis, as PyTorch's MultiheadAttention wants its mask."""

import math

import numpy as np

from attncore.exercises.exercise import case, code
from attncore.exercises.heads.cases import matrix
from attncore.heads import merge_heads, split_heads
from attncore.shapes import shaped
from attncore.softmax import masked_softmax
from attncore.weighted_sum import weighted_sum


def folded(x, n_heads):
    """(b, n, m) as (b * h, n, w)."""
    b, n, m = x.shape
    return split_heads(x, n_heads).reshape(b * n_heads, n, m // n_heads)


@shaped("(b,n,m),(b):int,(m,m),(m,m),(m,m)->(b,m)")
def fix_padded_texts(x, lengths, W_query, W_key, W_value, n_heads):
    """Turn each text of a batch into one vector: self-attention in heads, then the mean of its tokens.

    Text i has lengths[i] tokens, and padding behind them, which nobody attends to and which the mean
    leaves out: a text's vector doesn't depend on the texts beside it. No output projection. A text
    of length 0 gives zeros.
    """
    real = np.arange(x.shape[1]) < lengths[:, None]
    query, key, value = (folded(x @ W, n_heads) for W in (W_query, W_key, W_value))
    scores = query @ np.swapaxes(key, -1, -2) / math.sqrt(query.shape[-1])
    seen = np.repeat(real, n_heads, axis=0)
    mixed = weighted_sum(masked_softmax(scores, seen[:, None]), value)
    tokens = merge_heads(mixed.reshape(len(x), n_heads, *mixed.shape[1:]))
    total = np.sum(tokens * real[..., None], axis=1)
    return total / np.maximum(lengths, 1)[:, None]


def texts(name, lengths, n_heads=2, small=False, **more):
    return case(
        name,
        small=small,
        sizes={"b": len(lengths), "n": max(max(lengths), 1)},
        lengths=np.array(lengths),
        n_heads=n_heads,
        W_query=matrix("m", "m"),
        W_key=matrix("m", "m"),
        W_value=matrix("m", "m"),
        **more,
    )


exercise = code(
    fix_padded_texts,
    texts("two texts", [1, 3], small=True),
    texts("two texts, the shorter one last", [3, 2], small=True),
    texts("one text", [3], small=True),
    texts("one head", [2, 4], n_heads=1),
    texts("three texts, four heads", [5, 2, 3], n_heads=4),
    texts("as many texts as heads", [5, 1, 3], n_heads=3),
    texts("texts of one length", [4, 4, 4], n_heads=2),
    texts("float32", [6, 2, 5, 1], n_heads=6, dtype=np.float32),
    texts("large scores", [2, 5], n_heads=3, magnitude=20.0),
    texts("an empty text", [0, 3], small=True, promise="A text of length 0 gives zeros."),
    bug="the texts' masks are dealt out in turn",
)


@exercise.mistake("the texts' masks are dealt out in turn")
def dealt_out(x, lengths, W_query, W_key, W_value, n_heads):
    real = np.arange(x.shape[1]) < lengths[:, None]
    query, key, value = (folded(x @ W, n_heads) for W in (W_query, W_key, W_value))
    scores = query @ np.swapaxes(key, -1, -2) / math.sqrt(query.shape[-1])
    seen = np.tile(real, (n_heads, 1))
    mixed = weighted_sum(masked_softmax(scores, seen[:, None]), value)
    tokens = merge_heads(mixed.reshape(len(x), n_heads, *mixed.shape[1:]))
    total = np.sum(tokens * real[..., None], axis=1)
    return total / np.maximum(lengths, 1)[:, None]


def in_four_axes(x, lengths, W_query, W_key, W_value, n_heads, seen, read):
    """Without folding; `seen` is the mask (b, q, k), `read` says which tokens the mean takes, (b, n)."""
    query, key, value = (split_heads(x @ W, n_heads) for W in (W_query, W_key, W_value))
    scores = query @ np.swapaxes(key, -1, -2) / math.sqrt(query.shape[-1])
    tokens = merge_heads(masked_softmax(scores, seen[:, None]) @ value)
    return (tokens * read[..., None]).sum(axis=1) / np.maximum(read.sum(axis=1), 1)[:, None]


@exercise.mistake("the mask hides queries instead of keys")
def on_the_query_axis(x, lengths, W_query, W_key, W_value, n_heads):
    real = np.arange(x.shape[1]) < lengths[:, None]
    return in_four_axes(x, lengths, W_query, W_key, W_value, n_heads, np.expand_dims(real, -1), real)


@exercise.mistake("the padding is averaged in")
def averaged_in(x, lengths, W_query, W_key, W_value, n_heads):
    real = np.arange(x.shape[1]) < lengths[:, None]
    return in_four_axes(x, lengths, W_query, W_key, W_value, n_heads, real[:, None], np.ones_like(real))


@exercise.mistake("the first text's mask for all")
def first_for_all(x, lengths, W_query, W_key, W_value, n_heads):
    real = np.arange(x.shape[1]) < lengths[:, None]
    seen = np.broadcast_to(real[:1], real.shape)
    return in_four_axes(x, lengths, W_query, W_key, W_value, n_heads, seen[:, None], real)


@exercise.another_way
def text_by_text(x, lengths, W_query, W_key, W_value, n_heads):
    vectors = np.zeros((len(x), x.shape[-1]))
    for i, length in enumerate(lengths):
        if length > 0:
            text = x[i, :length]
            query, key, value = (split_heads(text @ W, n_heads) for W in (W_query, W_key, W_value))
            weights = masked_softmax(query @ np.swapaxes(key, -1, -2) / math.sqrt(query.shape[-1]), None)
            vectors[i] = merge_heads(weights @ value).mean(axis=0)
    return vectors
