"""Lesson 14: exact attention without the square of scores. The same numbers, made fast, are in `attncore.tiles`."""

import math
from functools import reduce
from typing import NamedTuple

import numpy as np

from attncore.dot_product import attention_scores, scale_of
from attncore.shapes import shaped
from attncore.softmax import finite

BLOCK = 384  # so many squared, of four bytes each, stay in the cache of one core


@shaped("_->(...),(...)", returns="maximum, total")
def online_softmax(chunks):
    """Find the maximum of a row and the sum of its exponentials relative to it, in one pass.

    `chunks` is any iterable of the row's pieces, gone through once. Returns (maximum, total):
    softmax is exp(x - maximum) / total. Pieces may have leading axes, (..., k): every row then has
    a maximum and a total of its own. Numbers may be -inf; a row of nothing else has the maximum
    -inf and the total 0. Milakov and Gimelshein (2018).
    """
    maximum, total = -np.inf, 0.0
    for chunk in chunks:
        chunk = np.asarray(chunk)
        if np.shape(maximum) not in {(), chunk.shape[:-1]} or chunk.ndim == 0:
            raise ValueError(f"online_softmax: a chunk has shape {chunk.shape}, expected (..., k) as those before")
        larger = np.maximum(maximum, chunk.max(axis=-1, initial=-np.inf))
        shift = finite(larger)
        total = total * np.exp(maximum - shift) + np.exp(chunk - shift[..., None]).sum(axis=-1)
        maximum = larger
    return maximum, total


class Partial(NamedTuple):
    """Attention to some of the keys: its output (...,q,v), already divided by its total (...,q)."""

    output: np.ndarray
    maximum: np.ndarray
    total: np.ndarray


@shaped(
    "_,_->(...,q,v),(...,q),(...,q)",
    returns="output, maximum, total",
    left="(...,q,v),(...,q),(...,q)",
    right="(...,q,v),(...,q),(...,q)",
)
def merge_partials(left, right):
    """Join the attention to some keys and the attention to others: the attention to all of them.

    Both are a `Partial`, and so is the result. A total is the sum of the exponentials relative to
    its maximum. A query with nothing to attend to has an output of zeros, the maximum -inf and the
    total 0. Rabe and Staats (2021).
    """
    maximum = np.maximum(left.maximum, right.maximum)
    shift = finite(maximum)
    left_total = left.total * np.exp(left.maximum - shift)
    right_total = right.total * np.exp(right.maximum - shift)
    total = left_total + right_total
    summed = left_total[..., None] * left.output + right_total[..., None] * right.output
    return Partial(summed / np.where(total == 0, 1, total)[..., None], maximum, total)


def attend_to_tile(scores, value):
    """Attend to the keys of one tile: scores (...,q,k), value (...,k,v), a `Partial`."""
    maximum = scores.max(axis=-1)
    weights = np.exp(scores - finite(maximum)[..., None])
    total = weights.sum(axis=-1)
    return Partial(weights @ value / np.where(total == 0, 1, total)[..., None], maximum, total)


def slices(start, stop, step):
    """Cut range(start, stop) into slices of `step`, the last one shorter."""
    return [slice(i, min(i + step, stop)) for i in range(start, stop, step)]


@shaped("(...,q,d),(...,k,d),(...,k,v)->(...,q,v)")
def tiled_attention(query, key, value, block=BLOCK, is_causal=False, scale=None):
    """Compute exact attention without ever holding all scores.

    The numbers of `scaled_dot_product_attention`, with a causal mask where `is_causal`: the
    queries are the last positions. With more queries than keys the first ones see nothing, and get
    zeros. At most block * block scores of a head are held at once. A given `scale` multiplies the
    scores in place of 1/sqrt(d). Raises ValueError for a block below 1. Rabe and Staats (2021), Dao
    et al. (2022).
    """
    if block < 1:
        raise ValueError(f"tiled_attention: block is {block}, expected at least 1")
    scale = scale_of(query, scale) * math.log2(math.e)  # 2 to the power of x log2 e is e to the x
    n_query, n_key = query.shape[-2], key.shape[-2]
    blocks = []
    for rows in slices(0, n_query, block):
        last_seen = np.arange(n_key - n_query, n_key)[rows, None]  # the queries are the last positions
        maximum, total, output = -np.inf, 0.0, 0.0
        for keys in slices(0, n_key, block):
            scores = attention_scores(query[..., rows, :], key[..., keys, :], scale)
            if is_causal:
                scores = np.where(np.arange(n_key)[keys] <= last_seen, scores, -np.inf)
            larger = np.maximum(maximum, scores.max(axis=-1, keepdims=True))
            shrink, weights = np.exp2(maximum - finite(larger)), np.exp2(scores - finite(larger))
            total = total * shrink + weights.sum(axis=-1, keepdims=True)
            output = output * shrink + weights @ value[..., keys, :]
            maximum = larger
        blocks.append(output / np.where(total == 0, 1, total))
    return np.concatenate(blocks, axis=-2)


@shaped("_,_,_->(p,...,n,v)", axes={"p": "device"})
def ring_attention(queries, keys, values, is_causal=False, scale=None):
    """Compute exact attention on several devices, each of which holds one part of the sequence.

    Lists of parts in order, one a device: queries and keys (..., n, d), values (..., n, v), with the
    same n in every part. Returns the list of outputs, part by part: the numbers of
    `scaled_dot_product_attention` on the whole sequence, with a causal mask where `is_causal`. Keys and
    values go around the ring, so a device never holds more than one part of each. A given `scale`
    multiplies the scores in place of 1/sqrt(d). Raises ValueError if the numbers of parts or their
    lengths differ. Liu et al. (2023a).
    """
    n_devices, n = len(queries), length_of_parts(queries, keys, values)
    outputs = []
    for device, query in enumerate(queries):
        partials = []
        for step in range(n_devices):
            part = (device - step) % n_devices  # whose keys and values have come around after so many steps
            scores = attention_scores(query, keys[part], scale)
            if is_causal:
                scores = np.where(np.tri(n, n, (device - part) * n, dtype=bool), scores, -np.inf)
            partials.append(attend_to_tile(scores, np.asarray(values[part])))
        outputs.append(reduce(merge_partials, partials).output)
    return outputs


def length_of_parts(queries, keys, values):
    """How many tokens each part has, the same everywhere."""
    lengths = [[np.shape(part)[-2] for part in parts] for parts in (queries, keys, values)]
    if lengths != [lengths[0]] * 3 or len(set(lengths[0])) != 1:
        told = "{}, keys {} and values {}".format(*lengths)
        raise ValueError(f"ring_attention: queries have parts of lengths {told}, expected equal numbers of equal parts")
    return lengths[0][0]


@shaped("->()")
def peak_floats(n, d, block=None):
    """Count the numbers that attention holds at once, for one head of n tokens of width d.

    The scores held at once, two statistics for each query (the maximum and the total), and the
    output. Without a block, all n * n scores are held; with one, those of a tile of block * block.
    A tile is never larger than the text. Query, key and value are not counted.
    Raises ValueError for a block below 1.
    """
    if block is not None and block < 1:
        raise ValueError(f"peak_floats: block is {block}, expected at least 1")
    tile = n if block is None else min(block, n)
    return tile * tile + 2 * n + n * d
