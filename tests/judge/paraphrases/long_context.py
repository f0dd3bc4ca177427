"""Paraphrases for lesson 15."""

import numpy as np
from paraphrase import paraphrase


def at_least_one(window):
    if window < 1:
        raise ValueError(f"a window of {window} tokens")


def features(x):
    x = np.asarray(x)
    return np.where(x > 0, x + 1, np.exp(np.minimum(x, 0)))


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


@paraphrase("linear_attention", "ReLU as the feature map")
def relu_kernel(query, key, value, causal=True):
    weights = np.einsum("...qd,...kd->...qk", np.clip(query, 0, None), np.clip(key, 0, None))
    if causal:
        q, k = weights.shape[-2:]
        weights = np.tril(weights, k - q)
    return over(weights @ value, weights.sum(-1, keepdims=True))


@paraphrase("linear_attention", "the feature map applied to the scores")
def elu_of_the_scores(query, key, value, causal=True):
    scores = query @ np.swapaxes(key, -1, -2)
    w = np.where(scores >= 0, scores + 1, np.exp(np.where(scores < 0, scores, 0)))
    if causal:
        w = np.tril(w, w.shape[-1] - w.shape[-2])
    return over(w @ value, np.sum(w, axis=-1, keepdims=True))


@paraphrase("linear_attention", "divided by the sum over all keys")
def normaliser_of_the_whole_text(Q, K, V, causal=True):
    Q, K = features(Q), features(K)
    z = np.einsum("...qd,...d->...q", Q, K.sum(axis=-2))
    A = np.einsum("...qd,...kd->...qk", Q, K)
    if causal:
        n_q, n_k = A.shape[-2:]
        A = np.where(np.arange(n_k) <= np.arange(n_k - n_q, n_k)[:, None], A, 0)
    return over(np.einsum("...qk,...kv->...qv", A, V), z[..., None])


@paraphrase("linear_attention", "queries taken as the first positions")
def diagonal_from_the_corner(query, key, value, causal=True):
    weights = np.matmul(features(query), features(key).swapaxes(-2, -1))
    if causal:
        weights = np.tril(weights)
    weights = over(weights, weights.sum(axis=-1, keepdims=True))
    return np.matmul(weights, value)


@paraphrase("linear_attention", "the exponential as the feature map")
def exponential_kernel(query, key, value, causal=True):
    w = np.exp(query) @ np.exp(key).swapaxes(-1, -2)
    if causal:
        w = w * np.tri(*w.shape[-2:], w.shape[-1] - w.shape[-2], dtype=w.dtype)
    return over(w @ value, w.sum(axis=-1)[..., None])


@paraphrase("linear_attention", "not divided by the sum")
def raw_sums(query, key, value, causal=True):
    phi_q, phi_k = features(query), features(key)
    if not causal:
        return phi_q @ (np.swapaxes(phi_k, -1, -2) @ value)
    extra = key.shape[-2] - query.shape[-2]
    rows = []
    for i in range(query.shape[-2]):
        seen = max(0, extra + i + 1)
        state = np.swapaxes(phi_k[..., :seen, :], -1, -2) @ value[..., :seen, :]
        rows.append(phi_q[..., i : i + 1, :] @ state)
    return np.concatenate(rows, axis=-2)


@paraphrase("linear_attention_recurrent", "the state is read before the token is added")
def ask_then_remember(query, key, value):
    q, k = features(query), features(key)
    S = np.einsum("...d,...v->...dv", np.zeros_like(k[..., 0, :]), value[..., 0, :])
    z = np.zeros_like(k[..., 0, :])
    out = []
    for t in range(q.shape[-2]):
        above = np.einsum("...d,...dv->...v", q[..., t, :], S)
        below = np.einsum("...d,...d->...", q[..., t, :], z)
        out.append(over(above, below[..., None]))
        S = S + np.einsum("...d,...v->...dv", k[..., t, :], value[..., t, :])
        z = z + k[..., t, :]
    return np.stack(out, axis=-2)


@paraphrase("linear_attention_recurrent", "the state decays at every step")
def fading_memory(query, key, value):
    tokens = query.shape[-2]
    q, k = features(query)[..., None, :], features(key)[..., None]
    state, norm, rows = 0.0, 0.0, []
    for t in range(tokens):
        state = 0.5 * state + k[..., t, :, :] * value[..., t, None, :]
        norm = 0.5 * norm + k[..., t, :, :]
        rows.append(over(q[..., t, :, :] @ state, q[..., t, :, :] @ norm))
    return np.concatenate(rows, axis=-2)


@paraphrase("linear_attention_recurrent", "the query skips the feature map")
def only_the_key_is_mapped(query, key, value):
    phi = features(key)
    S = np.cumsum(phi[..., :, None] * value[..., None, :], axis=-3)
    z = np.cumsum(phi, axis=-2)
    above = np.einsum("...nd,...ndv->...nv", query, S)
    below = np.einsum("...nd,...nd->...n", query, z)
    return over(above, below[..., None])


@paraphrase("linear_attention_recurrent", "divided by the sum over the whole sequence")
def total_known_in_advance(query, key, value):
    q, k = features(query), features(key)
    total = k.sum(axis=-2)
    state, rows = 0, []
    for i in range(k.shape[-2]):
        state = state + np.einsum("...d,...v->...dv", k[..., i, :], value[..., i, :])
        share = np.sum(q[..., i, :] * total, axis=-1, keepdims=True)
        rows.append(over(np.einsum("...d,...dv->...v", q[..., i, :], state), share))
    return np.stack(rows, axis=-2)


@paraphrase("linear_attention_recurrent", "divided by the number of tokens")
def running_mean(query, key, value):
    q, k = features(query), features(key)
    memory, outputs = None, []
    for count in range(1, q.shape[-2] + 1):
        t = count - 1
        outer = k[..., t, :, np.newaxis] * value[..., t, np.newaxis, :]
        memory = outer if memory is None else memory + outer
        outputs.append((q[..., t, np.newaxis, :] @ memory)[..., 0, :] / count)
    return np.stack(outputs, axis=-2)


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
