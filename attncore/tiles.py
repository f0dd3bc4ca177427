"""The tiles of `attncore.flash` made fast, forward and backward: the same numbers, and no lesson of its own.

What makes them fast has each its place: what a causal mask hides is not computed, and buffers are used again (`Task`);
the exponential is the processor's quickest (`quickest_base`); where queries and keys are so short that no score can be
large, no maximum is looked for (`moderate_heads`); scores lie with their keys down, and go straight from product to
product (`attend`); what must be subtracted from a product rides along in it (`attend_backward`); threads share a list
of tasks, the longest first (`threads.spread`).
"""

import math
from functools import cache
from typing import NamedTuple

import numpy as np

from attncore.dot_product import scale_of
from attncore.flash import BLOCK, Partial, slices
from attncore.gradients import sum_to
from attncore.shapes import shaped
from attncore.threads import allowed_threads, spread


@shaped("(...,q,d),(...,k,d),(...,k,v)->(...,q,v)")
def tiled_attention(query, key, value, block=BLOCK, is_causal=False, scale=None):
    """Compute exact attention without ever holding all scores.

    The numbers of `scaled_dot_product_attention`, with a causal mask where `is_causal`: the
    queries are the last positions, and one that may see nothing gets zeros. Each thread holds at
    most block * block scores; there are as many threads as BLAS is allowed. Without a scale it is
    one over the square root of d. Raises ValueError for a block below 1, and where a number is
    not finite or a sum is beyond the dtype. Rabe and Staats (2021), Dao et al. (2022).
    """
    task = prepare("tiled_attention", query, key, value, block, is_causal, scale)
    return attend(task).output.astype(np.result_type(query, key, value), copy=False)


@shaped("(...,q,d),(...,k,d),(...,k,v),(...,q,v)->(...,q,d),(...,k,d),(...,k,v)", returns="d_query, d_key, d_value")
def tiled_attention_backward(query, key, value, d_output, block=BLOCK, is_causal=False, scale=None, *, forward=None):
    """Turn the gradient of the output of `tiled_attention` into those of query, key and value.

    Returns (d_query, d_key, d_value), each of its input's shape: summed where axes broadcast. The
    scores are computed anew, tile by tile; so is the output, unless `forward` is what
    `tiled_forward` returned for the same arguments. Dao et al. (2022).
    """
    who = "tiled_attention_backward"
    task = prepare(who, query, key, value, block, is_causal, scale)
    forward = attend(task) if forward is None else forward
    if d_output.shape != forward.output.shape:
        raise ValueError(f"{who}: d_output is {d_output.shape}, the output {forward.output.shape}")
    gradients = attend_backward(task, forward, d_output.astype(task.query.dtype, copy=False))
    check_finite(who, gradients, query=query, key=key, value=value, d_output=d_output)
    return tuple(
        sum_to(gradient, array.shape).astype(array.dtype, copy=False)
        for array, gradient in zip((query, key, value), gradients, strict=True)
    )


@shaped("(...,q,d),(...,k,d),(...,k,v)->(...,q,v),(...,q),(...,q)")
def tiled_forward(query, key, value, block=BLOCK, is_causal=False, scale=None):
    """Compute what a backward can use again: the output of `tiled_attention` and its statistics.

    Returns a `Partial`. Its maximum is any number near the largest score, to the base that suits
    the head.
    """
    return attend(prepare("tiled_forward", query, key, value, block, is_causal, scale))


class Task(NamedTuple):
    """Query, key and value with common leading axes and dtype, and what is to be done with them."""

    who: str
    query: np.ndarray
    key: np.ndarray
    value: np.ndarray
    block: int
    is_causal: bool
    scale: float
    is_moderate: np.ndarray  # for each head

    def base(self, head):
        return quickest_base() if self.is_moderate[head] else NATURAL

    def query_blocks(self):
        return slices(0, self.query.shape[-2], self.block)

    def tiles(self, rows):
        """The tiles of a block of queries: which queries, which keys, and whether on the diagonal.

        What a causal mask hides is left out; a tile on the diagonal has its corner there, and is
        narrower, so that less of what is computed is hidden.
        """
        n_query, n_key = self.query.shape[-2], self.key.shape[-2]
        width = self.block**2 // (rows.stop - rows.start)
        past = n_key - n_query  # the queries are the last positions
        start, stop = max(rows.start + past, 0), rows.stop + past
        for keys in slices(0, start if self.is_causal else n_key, width):
            yield rows, keys, False
        if self.is_causal:
            for keys in slices(start, stop, -(-width // 4)):
                yield slice(keys.start - past, rows.stop), keys, True

    def buffer(self):
        """Room for the scores of one tile, used again for every tile."""
        size = min(self.block**2, self.query.shape[-2] * self.key.shape[-2])
        return np.empty(size, self.query.dtype)


def view(buffer, keys, queries):
    shape = keys.stop - keys.start, queries.stop - queries.start
    return buffer[: math.prod(shape)].reshape(shape)


def check_block(who, block):
    if block < 1 or block != int(block):
        raise ValueError(f"{who}: block is {block}, expected a whole number of tokens, at least 1")


def prepare(who, query, key, value, block, is_causal, scale):
    check_block(who, block)
    block = min(int(block), max(query.shape[-2], key.shape[-2]))
    scale = scale_of(query, scale)
    dtype = np.result_type(query, key, value, np.float32)  # float16 has too little room
    leading = np.broadcast_shapes(*(array.shape[:-2] for array in (query, key, value)))
    query, key, value = (
        np.broadcast_to(a.astype(dtype, copy=False), leading + a.shape[-2:]) for a in (query, key, value)
    )
    is_moderate = moderate_heads(query, key, value, scale)
    return Task(who, query, key, value, block, is_causal, scale, is_moderate)


class Base(NamedTuple):
    """A base of exponentials: its power, its logarithm, and the logarithm of e."""

    power: np.ufunc
    log: np.ufunc
    log_e: float


NATURAL = Base(np.exp, np.log, 1.0)
BINARY = Base(np.exp2, np.log2, math.log2(math.e))


@cache
def quickest_base():
    """Base 2 where NumPy has vector instructions for it, otherwise e.

    For moderate exponents alone: for those that round to zero, exp2 takes ten times as long.
    """
    introspect = getattr(np.lib, "introspect", None)  # NumPy 2.0 has none
    found = introspect.opt_func_info("^exp2$", "float32") if introspect else {}
    used = [kind["current"] for kind in found.get("exp2", {}).values()]
    return BINARY if used and not used[0].startswith("baseline") else NATURAL


def moderate_heads(query, key, value, scale):
    """Tell, for each head, whether all exponentials fit the dtype with no maximum subtracted.

    No score exceeds the length of its query times that of its key (Cauchy-Schwarz). Half of the
    dtype's exponents are for the scores, and a quarter for the values that they weigh.
    """
    if query.shape[-2] < 16:  # to measure the keys would take as long as to attend
        return np.zeros(query.shape[:-2], bool)
    limits = np.finfo(query.dtype)
    room = min(limits.maxexp, 1024) // 2 - 4
    squares = [np.einsum("...d,...d->...", a, a).max(axis=-1) for a in (query, key)]
    lengths = [np.sqrt(np.maximum(s, query.shape[-1] * limits.tiny)) for s in squares]
    peak = np.maximum(value.max(axis=(-2, -1)), -value.min(axis=(-2, -1)))
    bound = lengths[0] * lengths[1] * (abs(scale) * BINARY.log_e)
    return (bound <= room) & (peak <= 2.0 ** (room // 2)) & (peak >= 2.0 ** -(room // 2))


def attend(task):
    *leading, n_query, _ = task.query.shape
    output = np.empty((*leading, n_query, task.value.shape[-1]), task.query.dtype)
    result = Partial(output, *np.empty((2, *leading, n_query), task.query.dtype))

    def worker(blocks):
        buffer = task.buffer()
        for head, rows in blocks:
            for whole, part in zip(result, attend_rows(task, head, rows, buffer), strict=True):
                whole[head][rows] = part

    heads = np.ndindex(*leading)
    longest_first = [(head, rows) for head in heads for rows in reversed(task.query_blocks())]
    spread(worker, longest_first)
    check_finite(task.who, [output], query=task.query, key=task.key, value=task.value)
    return result


def attend_rows(task, head, rows, buffer):
    """Attend from one block of queries, tile after tile."""
    query, key, value = task.query[head][rows], task.key[head], task.value[head]
    is_moderate, base = task.is_moderate[head], task.base(head)
    # Keys down and queries across: what is done to each query is done to whole rows.
    scaled = np.ascontiguousarray((query * (task.scale * base.log_e)).T)
    output = np.zeros((len(query), value.shape[-1]), query.dtype)
    maximum = np.full(len(query), np.finfo(query.dtype).min)  # -inf - -inf would be NaN
    total = np.zeros(len(query), query.dtype)
    for queries, keys, on_diagonal in task.tiles(rows):
        seen = slice(queries.start - rows.start, None)
        weights = view(buffer, keys, queries)
        np.matmul(key[keys], scaled[:, seen], out=weights)
        if not is_moderate:
            if on_diagonal:
                hide_later_keys(weights, -np.inf)
            subtract_maximum(weights, output[seen], maximum[seen], total[seen])
        base.power(weights, out=weights)
        if on_diagonal:
            hide_later_keys(weights, 0)
        total[seen] += np.ones(len(weights), query.dtype) @ weights
        output[seen] += weights.T @ value[keys]
    total[total == 0] = 1  # a query that may see nothing
    output /= total[:, None]
    if is_moderate:  # the total may be of any size: the backward needs one that it can divide by
        maximum = base.log(total)
        total *= base.power(-maximum)
    return output, maximum, total


def hide_later_keys(tile, fill):
    square = tile[:, : len(tile)]
    np.copyto(square, fill, where=np.tri(len(square), square.shape[1], -1, dtype=bool))


def subtract_maximum(scores, output, maximum, total):
    """Raise the running maximum by the scores of a tile, and make all relative to it, in place."""
    larger = np.maximum(maximum, scores.max(axis=0))
    shrink = np.exp(maximum - larger)
    output *= shrink[:, None]
    total *= shrink
    maximum[:] = larger
    scores -= larger


def attend_backward(task, forward, d_output):
    heads, blocks = list(np.ndindex(task.query.shape[:-2])), task.query_blocks()
    parts = -(-allowed_threads() // len(heads))  # few heads: their queries are shared out
    d_query = np.zeros(task.query.shape, task.query.dtype)
    d_key, d_value = (np.zeros((parts, *a.shape), a.dtype) for a in (task.key, task.value))

    def worker(shares):
        buffers = task.buffer(), task.buffer()
        for part, head in shares:
            gradients = d_query[head], d_key[part][head], d_value[part][head]
            for rows in blocks[part::parts]:
                add_gradients(task, forward, d_output, head, rows, buffers, gradients)

    spread(worker, [(part, head) for part in range(parts) for head in heads])
    d_query *= task.scale
    d_key *= task.scale
    return d_query, d_key, d_value


def add_gradients(task, forward, d_output, head, rows, buffers, gradients):
    """Add what one block of queries gives to the gradients of its head, tile after tile."""
    query, key, value = task.query[head][rows], task.key[head], task.value[head]
    output, maximum, total = (array[head][rows] for array in forward)
    d_query, d_key, d_value = gradients
    d_output = d_output[head][rows] / total[:, None]
    # From the scores the maximum is subtracted, from the gradients of the weights their mean:
    # each rides along in its product, as one more row, against a column of ones.
    base = task.base(head)
    scaled = np.vstack([(query * (task.scale * base.log_e)).T, -maximum])
    centered = np.vstack([d_output.T, -np.sum(d_output * output, axis=-1)])
    for queries, keys, on_diagonal in task.tiles(rows):
        seen = slice(queries.start - rows.start, None)
        weights, d_scores = (view(buffer, keys, queries) for buffer in buffers)
        np.matmul(with_ones(key[keys]), scaled[:, seen], out=weights)
        base.power(weights, out=weights)
        if on_diagonal:
            hide_later_keys(weights, 0)
        np.matmul(with_ones(value[keys]), centered[:, seen], out=d_scores)
        d_scores *= weights
        d_value[keys] += weights @ d_output[seen]
        d_key[keys] += d_scores @ query[seen]
        d_query[queries] += d_scores.T @ key[keys]


def with_ones(array):
    return np.concatenate([array, np.ones_like(array[:, :1])], axis=1)


def check_finite(who, results, **inputs):
    """Blame an input, or the size of its numbers, for a result that is not finite."""
    if all(np.isfinite(result).all() for result in results):
        return
    for name, array in inputs.items():
        if not np.isfinite(array).all():
            raise ValueError(f"{who}: {name} holds NaN or infinity, expected finite numbers")
    raise ValueError(f"{who}: scores or sums are too large for {results[0].dtype}")
