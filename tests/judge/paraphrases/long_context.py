"""Paraphrases for lesson 15."""

import numpy as np
from paraphrase import paraphrase


def at_least_one(window):
    if window < 1:
        raise ValueError(f"a window of {window} tokens")


def over(above, below):
    """Division where nothing by nothing is nothing."""
    return above / np.where(below == 0, 1, below)


@paraphrase("sliding_window_mask", "`window` tokens before the token as well as itself")
def window_tokens_back(n, window, sinks=0):
    at_least_one(window)
    mask = np.zeros((n, n), dtype=bool)
    for i in range(n):
        mask[i, max(0, i - window) : i + 1] = True
        mask[i, : min(sinks, i + 1)] = True
    return mask


@paraphrase("sliding_window_mask", "the window looks ahead as well as back")
def band_around_the_diagonal(n, window, sinks=0):
    at_least_one(window)
    i, j = np.indices((n, n))
    return (abs(i - j) < window) | ((j < sinks) & (j <= i))


@paraphrase("sliding_window_mask", "blocks instead of a window")
def chunk_by_chunk(n, window, sinks=0):
    at_least_one(window)
    block = np.arange(n) // window
    same_block = block[:, None] == block[None, :]
    same_block[:, :sinks] = True
    return np.tril(same_block)


@paraphrase("sliding_window_mask", "a sink is seen by tokens that come before it")
def sink_columns_set_last(n, window, sinks=0):
    at_least_one(window)
    mask = np.tril(np.ones((n, n), bool)) & ~np.tril(np.ones((n, n), bool), -window)
    mask[:, :sinks] = True
    return mask


@paraphrase("sliding_window_mask", "the sinks make the window shorter")
def budget_shared_with_the_sinks(n, window, sinks=0):
    if window < 1:
        raise ValueError("window")
    recent = window - sinks
    rows = [[k <= q and (k < sinks or q - k < recent) for k in range(n)] for q in range(n)]
    return np.array(rows, dtype=bool).reshape(n, n)


@paraphrase("sliding_window_mask", "one sink too many")
def sinks_up_to_and_with(n, window, sinks=0):
    at_least_one(window)
    distance = np.subtract.outer(np.arange(n), np.arange(n))
    past = distance >= 0
    return past & np.logical_or(distance < window, np.arange(n)[None] <= sinks)


@paraphrase("sliding_window_mask", "the token itself is hidden")
def only_what_came_before(n, window, sinks=0):
    at_least_one(window)
    return np.fromfunction(lambda q, k: (k < q) & ((k > q - window) | (k < sinks)), (n, n), dtype=int)


@paraphrase("softmax_with_sink", "no maximum subtracted")
def bare_exponentials(scores, sink):
    e = np.exp(scores)
    total = e.sum(axis=-1, keepdims=True) + np.exp(np.asarray(sink, e.dtype))[..., None, None]
    return over(e, total)


@paraphrase("softmax_with_sink", "the maximum is subtracted from the scores but not from the sink")
def sink_as_it_came(scores, sink):
    s = np.asarray(sink, dtype=scores.dtype)
    peak = np.amax(scores, axis=-1, keepdims=True)
    peak[~np.isfinite(peak)] = 0
    num = np.exp(scores - peak)
    den = np.einsum("...qk->...q", num) + np.exp(s)[..., np.newaxis]
    return over(num, den[..., np.newaxis])


@paraphrase("softmax_with_sink", "the last key is dropped instead of the sink")
def sink_as_column_zero(scores, sink):
    *lead, q, k = np.broadcast_shapes(scores.shape, (*np.shape(sink), 1, 1))
    logits = np.empty((*lead, q, k + 1), dtype=scores.dtype)
    logits[..., :1] = np.asarray(sink)[..., None, None]
    logits[..., 1:] = scores
    top = logits.max(axis=-1, keepdims=True)
    p = np.exp(logits - np.where(top == -np.inf, 0, top))
    p = over(p, p.sum(axis=-1, keepdims=True))
    return p[..., :-1]


@paraphrase("softmax_with_sink", "the sink's own column is kept")
def one_column_more(scores, sink):
    sink = np.asarray(sink, scores.dtype)[..., None, None]
    lead = np.broadcast_shapes(scores.shape[:-2], sink.shape[:-2])
    q, k = scores.shape[-2:]
    joined = np.concatenate((np.broadcast_to(scores, (*lead, q, k)), np.broadcast_to(sink, (*lead, q, 1))), axis=-1)
    joined = joined - np.nan_to_num(joined.max(-1, keepdims=True), neginf=0)
    joined = np.exp(joined)
    return over(joined, joined.sum(-1, keepdims=True))


@paraphrase("softmax_with_sink", "a one in the denominator, whatever the sink is")
def softmax_one(scores, sink):
    shape = np.broadcast_shapes(scores.shape, (*np.shape(sink), 1, 1))
    scores = np.broadcast_to(scores, shape)
    highest = np.maximum(scores.max(axis=-1, keepdims=True), 0)
    e = np.exp(scores - highest)
    return e / (np.exp(-highest) + e.sum(axis=-1, keepdims=True))


@paraphrase("softmax_with_sink", "plain softmax, without the sink")
def sink_not_used(scores, sink):
    shape = np.broadcast_shapes(scores.shape, (*np.shape(sink), 1, 1))

    def row_softmax(row):
        largest = row.max()
        if largest == -np.inf:
            return np.zeros_like(row)
        e = np.exp(row - largest)
        return e / e.sum()

    return np.broadcast_to(np.apply_along_axis(row_softmax, -1, scores), shape)


@paraphrase("rolling_cache", "a token that is both sink and recent is kept twice")
def head_and_tail_glued(key, value, window, sinks=0):
    at_least_one(window)
    return tuple(np.concatenate([t[..., :sinks, :], t[..., -window:, :]], axis=-2) for t in (key, value))


@paraphrase("rolling_cache", "the sinks come after the window")
def recent_tokens_first(key, value, window, sinks=0):
    at_least_one(window)
    n = key.shape[-2]
    start = max(n - window, 0)
    kept = [*range(start, n), *range(min(sinks, start))]
    return key[..., kept, :], value[..., kept, :]


@paraphrase("rolling_cache", "the window is one token too long")
def window_and_the_newest(key, value, window, sinks=0):
    at_least_one(window)
    newest = key.shape[-2] - 1
    kept = [t for t in range(newest + 1) if t < sinks or newest - t <= window]
    return np.take(key, kept, axis=-2), np.take(value, kept, axis=-2)


@paraphrase("rolling_cache", "the values are not cut")
def keys_dropped_only(key, value, window, sinks=0):
    at_least_one(window)
    first = max(0, key.shape[-2] - window)
    if first > sinks:
        key = np.delete(key, np.s_[sinks:first], axis=-2)
    return key, value


@paraphrase("rolling_cache", "the sinks are thrown away")
def tail(keys, values, window, sinks=0):
    at_least_one(window)
    from_here = max(keys.shape[-2] - window, 0)
    return keys[..., from_here:, :], values[..., from_here:, :]


@paraphrase("rolling_cache", "cut along the first axis instead of the token axis")
def list_slices(key, value, window, sinks=0):
    at_least_one(window)

    def kept(tokens):
        start = max(len(tokens) - window, 0)
        return np.concatenate([tokens[: min(sinks, start)], tokens[start:]])

    return kept(key), kept(value)


@paraphrase("gated_output", "no sigmoid")
def linear_gate(output, x, W_gate):
    return np.einsum("...nv,...nm,mv->...nv", output, x, W_gate)


@paraphrase("gated_output", "open where it should be closed")
def gate_the_other_way(output, x, W_gate):
    return output * np.exp(-np.logaddexp(0, np.matmul(x, W_gate)))


@paraphrase("gated_output", "one gate for all of a token")
def mean_gate(output, x, W_gate):
    logits = np.mean(x @ W_gate, axis=-1, keepdims=True)
    return np.exp(-np.logaddexp(0, -logits)) * output


@paraphrase("gated_output", "the gate alone")
def gate_returned(output, x, W_gate):
    return np.exp(-np.logaddexp(0, -np.dot(x, W_gate))) + 0 * output
