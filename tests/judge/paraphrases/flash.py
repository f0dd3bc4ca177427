"""Paraphrases for lesson 14."""

import math

import numpy as np
from paraphrase import paraphrase

from attncore.flash import Partial


@paraphrase("online_softmax", "the sum isn't rescaled")
def running_sum_left_where_it_was(chunks):
    m, s = -np.inf, 0.0
    for chunk in chunks:
        chunk = 1.0 * np.asarray(chunk)
        m = np.maximum(m, np.max(chunk, axis=-1, initial=-np.inf))
        with np.errstate(invalid="ignore"):
            terms = np.where(chunk == -np.inf, 0, np.exp(chunk - m[..., None]))
        s = s + terms.sum(axis=-1)
    return m, s


@paraphrase("online_softmax", "the sum is rescaled the wrong way round")
def factor_of_new_over_old(chunks):
    maximum, total = -np.inf, 0.0
    for chunk in chunks:
        chunk = 1.0 * np.asarray(chunk)
        previous, maximum = maximum, np.maximum(maximum, chunk.max(axis=-1, initial=-np.inf))
        base = np.where(np.isneginf(maximum), 0, maximum)
        growth = np.where(np.isneginf(previous), 0, base - previous)
        total = total * np.exp(growth) + np.exp(chunk - base[..., None]).sum(axis=-1)
    return maximum, total


@paraphrase("online_softmax", "each chunk's sum is relative to its own maximum")
def totals_of_the_chunks_added(chunks):
    maxima, totals = [], []
    for chunk in chunks:
        chunk = 1.0 * np.asarray(chunk)
        top = chunk.max(axis=-1, keepdims=True, initial=-np.inf)
        e = np.exp(chunk - np.where(top == -np.inf, 0, top))
        maxima.append(top[..., 0])
        totals.append(e.sum(axis=-1))
    if not maxima:
        return -np.inf, 0.0
    return np.max(maxima, axis=0), np.sum(totals, axis=0)


@paraphrase("online_softmax", "the maximum starts at zero")
def begun_with_two_zeros(chunks):
    m, l = 0.0, 0.0  # noqa: E741
    for x in chunks:
        x = 1.0 * np.asarray(x)
        m_new = np.maximum(m, x.max(axis=-1, initial=-np.inf))
        l = l * np.exp(m - m_new) + np.einsum("...k->...", np.exp(x - m_new[..., None]))  # noqa: E741
        m = m_new
    return m, l


@paraphrase("online_softmax", "only the sum of the last chunk is kept")
def sum_started_again(chunks):
    best, total = -np.inf, 0.0
    for chunk in chunks:
        chunk = 1.0 * np.asarray(chunk)
        for column in np.moveaxis(chunk, -1, 0):
            best = np.maximum(best, column)
        reference = np.where(best == -np.inf, 0, best)
        total = np.exp(chunk - reference[..., None]).sum(axis=-1)
    return best, total


@paraphrase("merge_partials", "a plain mean of the outputs")
def halfway_between_the_outputs(left, right):
    m = np.maximum(left.maximum, right.maximum)
    base = np.where(np.isneginf(m), 0, m)
    total = sum(part.total * np.exp(part.maximum - base) for part in (left, right))
    return Partial((left.output + right.output) / 2, m, total)


@paraphrase("merge_partials", "the totals are added without rescaling")
def totals_added_as_they_came(left, right):
    o1, m1, l1 = left
    o2, m2, l2 = right
    m = np.maximum(m1, m2)
    shift = np.where(m == -np.inf, 0, m)
    w1, w2 = l1 * np.exp(m1 - shift), l2 * np.exp(m2 - shift)
    share = np.divide(w1, w1 + w2, out=np.zeros_like(w1), where=w1 + w2 > 0)[..., None]
    return Partial(o1 * share + o2 * (1 - share), m, l1 + l2)


@paraphrase("merge_partials", "the output isn't divided by the new total")
def weighted_outputs_added_up(left, right):
    both = (left, right)
    maxima = np.stack([p.maximum for p in both])
    top = maxima.max(axis=0)
    weights = np.stack([p.total for p in both]) * np.exp(maxima - np.where(top == -np.inf, 0, top))
    output = np.einsum("p...q,p...qv->...qv", weights, np.stack([p.output for p in both]))
    return Partial(output, top, weights.sum(axis=0))


@paraphrase("merge_partials", "the outputs are taken for sums that aren't divided yet")
def accumulators_rescaled(left, right):
    maximum = np.maximum(left.maximum, right.maximum)
    safe = np.where(maximum == -np.inf, 0, maximum)
    alpha, beta = np.exp(left.maximum - safe), np.exp(right.maximum - safe)
    total = alpha * left.total + beta * right.total
    accumulated = alpha[..., None] * left.output + beta[..., None] * right.output
    with np.errstate(divide="ignore", invalid="ignore"):
        output = np.where(total[..., None] > 0, accumulated / total[..., None], 0)
    return Partial(output, maximum, total)


@paraphrase("merge_partials", "weighted by the maxima alone")
def shares_of_the_best_scores(left, right):
    maximum = np.maximum(left.maximum, right.maximum)
    base = np.where(np.isfinite(maximum), maximum, 0)
    a, b = np.exp(left.maximum - base), np.exp(right.maximum - base)
    norm = np.where(a + b == 0, 1, a + b)
    output = (a / norm)[..., None] * left.output + (b / norm)[..., None] * right.output
    return left._replace(output=output, maximum=maximum, total=a * left.total + b * right.total)


@paraphrase("merge_partials", "a query with nothing to attend to gives NaN")
def quotients_without_a_guard(left, right):
    m = np.maximum(left.maximum, right.maximum)
    with np.errstate(divide="ignore", invalid="ignore"):
        wl = left.total * np.exp(left.maximum - m)
        wr = right.total * np.exp(right.maximum - m)
        total = wl + wr
        output = (wl / total)[..., None] * left.output + (wr / total)[..., None] * right.output
    return Partial(output, m, total)


def prepared(query, key, value, block, scale):
    """Common leading axes and the scale, or a ValueError; then each head is a matrix."""
    arrays = [1.0 * np.asarray(a) for a in (query, key, value)]
    if block < 1 or not all(np.isfinite(a).all() for a in arrays):
        raise ValueError("block below 1, or numbers that are not finite")
    leading = np.broadcast_shapes(*(a.shape[:-2] for a in arrays))
    query, key, value = (np.broadcast_to(a, leading + a.shape[-2:]) for a in arrays)
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else float(scale)
    out = np.zeros((*query.shape[:-1], value.shape[-1]), np.result_type(*arrays))
    return query, key, value, scale, out


def finished(out):
    if not np.isfinite(out).all():
        raise ValueError("scores or sums are too large")
    return out


@paraphrase("tiled_attention", "the accumulator isn't rescaled")
def values_left_at_the_old_maximum(query, key, value, block=384, is_causal=False, scale=None):
    query, key, value, scale, out = prepared(query, key, value, block, scale)
    nq, nk = query.shape[-2], key.shape[-2]
    for head in np.ndindex(query.shape[:-2]):
        for i in range(0, nq, block):
            q = query[head][i : i + block]
            m = np.full(len(q), -np.inf)
            l = np.zeros(len(q))  # noqa: E741
            acc = np.zeros((len(q), value.shape[-1]))
            for j in range(0, nk, block):
                s = q @ key[head][j : j + block].T * scale
                if is_causal:
                    row = np.arange(i, i + len(q))[:, None] + nk - nq
                    s = np.where(np.arange(j, j + s.shape[1]) <= row, s, -np.inf)
                m_new = np.maximum(m, s.max(axis=1))
                safe = np.where(m_new == -np.inf, 0, m_new)
                p = np.exp(s - safe[:, None])
                l = l * np.exp(m - safe) + p.sum(axis=1)  # noqa: E741
                acc = acc + p @ value[head][j : j + block]
                m = m_new
            out[head][i : i + block] = acc / np.where(l == 0, 1, l)[:, None]
    return finished(out)


@paraphrase("tiled_attention", "the sum isn't rescaled")
def one_query_after_the_other(query, key, value, block=384, is_causal=False, scale=None):
    query, key, value, scale, out = prepared(query, key, value, block, scale)
    past = key.shape[-2] - query.shape[-2]
    for *head, i in np.ndindex(query.shape[:-1]):
        q, k, v = query[(*head, i)], key[tuple(head)], value[tuple(head)]
        stop = max(0, i + past + 1) if is_causal else len(k)
        best, norm, summed = -math.inf, 0.0, np.zeros(v.shape[-1])
        for start in range(0, stop, block):
            tile = slice(start, min(start + block, stop))
            scores = k[tile] @ q * scale
            previous, best = best, max(best, float(scores.max()))
            e = np.exp(scores - best)
            summed = math.exp(previous - best) * summed + e @ v[tile]
            norm += float(e.sum())
        if norm > 0:
            out[(*head, i)] = summed / norm
    return finished(out)


@paraphrase("tiled_attention", "a softmax in each tile, then the sum")
def whole_softmax_in_every_tile(query, key, value, block=384, is_causal=False, scale=None):
    query, key, value, scale, out = prepared(query, key, value, block, scale)
    n_query, n_key = query.shape[-2], key.shape[-2]
    positions = np.arange(n_key - n_query, n_key)

    def softmax(s):
        top = s.max(axis=-1, keepdims=True)
        e = np.exp(s - np.where(np.isneginf(top), 0, top))
        return e / np.maximum(e.sum(axis=-1, keepdims=True), np.finfo(e.dtype).tiny)

    for head in np.ndindex(out.shape[:-2]):
        for top in range(0, n_query, block):
            rows = slice(top, top + block)
            for first in range(0, n_key, block):
                columns = slice(first, first + block)
                s = np.einsum("qd,kd->qk", query[head][rows], key[head][columns]) * scale
                if is_causal:
                    s[positions[rows, None] < np.arange(n_key)[columns]] = -np.inf
                out[head][rows] += softmax(s) @ value[head][columns]
    return finished(out)


@paraphrase("tiled_attention", "tiles are skipped, but those on the diagonal aren't masked")
def early_exit_is_the_only_mask(query, key, value, block=384, is_causal=False, scale=None):
    query, key, value, scale, out = prepared(query, key, value, block, scale)
    n_query, n_key = query.shape[-2], key.shape[-2]
    for head in np.ndindex(query.shape[:-2]):
        k, v = key[head], value[head]
        for top in range(0, n_query, block):
            q = query[head][top : top + block] * scale
            last_position = top + len(q) - 1 + n_key - n_query
            m, z, o = np.full((len(q), 1), -np.inf), 0.0, 0.0
            for left in range(0, n_key, block):
                if is_causal and left > last_position:
                    break
                s = q @ k[left : left + block].T
                m_new = np.maximum(m, s.max(axis=-1, keepdims=True))
                e = np.exp(s - m_new)
                shrink = np.exp(m - m_new)
                z = z * shrink + e.sum(axis=-1, keepdims=True)
                o = o * shrink + e @ v[left : left + block]
                m = m_new
            out[head][top : top + block] = o / z if np.any(z) else 0
    return finished(out)


@paraphrase("tiled_attention", "queries taken as the first positions")
def causal_rows_counted_from_zero(query, key, value, block=384, is_causal=False, scale=None):
    query, key, value, scale, out = prepared(query, key, value, block, scale)
    n_query, n_key = query.shape[-2], key.shape[-2]
    for head in np.ndindex(query.shape[:-2]):
        for r in range(0, n_query, block):
            rows = np.arange(r, min(r + block, n_query))
            parts = []
            for c in range(0, n_key, block):
                cols = np.arange(c, min(c + block, n_key))
                s = query[head][rows] @ key[head][cols].T * scale
                if is_causal:
                    s = np.where(np.greater_equal.outer(rows, cols), s, -np.inf)
                m = s.max(axis=1)
                e = np.exp(s - np.where(m == -np.inf, 0, m)[:, None])
                parts.append((m, e.sum(axis=1), e @ value[head][cols]))
            largest = np.max([m for m, _, _ in parts], axis=0)
            factors = [np.exp(m - largest) for m, _, _ in parts]
            norm = sum(f * z for f, (_, z, _) in zip(factors, parts, strict=True))
            summed = sum(f[:, None] * o for f, (_, _, o) in zip(factors, parts, strict=True))
            out[head][rows] = summed / norm[:, None]
    return finished(out)


@paraphrase("tiled_attention", "the diagonal is hidden")
def keys_strictly_before(query, key, value, block=384, is_causal=False, scale=None):
    query, key, value, scale, out = prepared(query, key, value, block, scale)
    shift = key.shape[-2] - query.shape[-2]
    for head in np.ndindex(query.shape[:-2]):
        q, k, v = query[head], key[head], value[head]
        for top in range(0, len(q), block):
            rows = q[top : top + block]
            biggest = np.full(len(rows), np.finfo(out.dtype).min, out.dtype)
            norm = np.zeros_like(biggest)
            acc = np.zeros((v.shape[-1], len(rows)), out.dtype)
            for left in range(0, len(k), block):
                keys = k[left : left + block]
                s = keys @ rows.T * scale
                if is_causal:
                    visible = np.tri(len(rows), len(keys), top + shift - left - 1, dtype=bool)
                    s = np.where(visible.T, s, -np.inf)
                new = np.maximum(biggest, s.max(axis=0))
                e, alpha = np.exp(s - new), np.exp(biggest - new)
                norm = alpha * norm + e.sum(axis=0)
                acc = alpha * acc + v[left : left + block].T @ e
                biggest = new
            out[head][top : top + block] = (acc / np.where(norm == 0, 1, norm)).T
    return finished(out)


@paraphrase("tiled_attention", "a shorter last block of keys is dropped")
def whole_key_tiles_only(query, key, value, block=384, is_causal=False, scale=None):
    query, key, value, scale, out = prepared(query, key, value, block, scale)
    n_query, n_key = query.shape[-2], key.shape[-2]
    width = min(block, n_key)
    for head in np.ndindex(query.shape[:-2]):
        for top in range(0, n_query, block):
            q = query[head][top : top + block]
            own = np.arange(top, top + len(q)) + n_key - n_query
            log_sum, mean = np.full(len(q), -np.inf), np.zeros((len(q), value.shape[-1]))
            for tile in range(n_key // width):
                keys = np.arange(tile * width, (tile + 1) * width)
                s = (q @ key[head][keys].T) * scale
                if is_causal:
                    s = np.where(keys <= own[:, None], s, -np.inf)
                top_score = s.max(axis=1)
                safe = np.where(top_score == -np.inf, 0, top_score)
                e = np.exp(s - safe[:, None])
                z = e.sum(axis=1)
                seen = z > 0
                new_log_sum = np.logaddexp(log_sum, np.where(seen, safe + np.log(np.where(seen, z, 1)), -np.inf))
                reference = np.where(new_log_sum == -np.inf, 0, new_log_sum)
                mean = mean * np.exp(log_sum - reference)[:, None]
                mean += np.exp(safe - reference)[:, None] * (e @ value[head][keys])
                log_sum = new_log_sum
            out[head][top : top + block] = mean
    return finished(out)


@paraphrase("peak_floats", "a tile larger than the text")
def whole_block_always(n, d, block=None):
    if block is not None and block < 1:
        raise ValueError("block below 1")
    scores = n * n if block is None else block * block
    return scores + n * (d + 2)


@paraphrase("peak_floats", "one statistic for each query instead of two")
def logsumexp_alone(n, d, block=None):
    if block is not None and block < 1:
        raise ValueError("block below 1")
    side = min(n, block or n)
    return sum((side**2, n, n * d))


@paraphrase("peak_floats", "a tile as wide as the text")
def strip_of_scores(n, d, block=None):
    if block is not None and block < 1:
        raise ValueError("block below 1")
    rows = n if block is None else min(block, n)
    held = {"scores": (rows, n), "maximum": (n,), "total": (n,), "output": (n, d)}
    return sum(math.prod(shape) for shape in held.values())


def whole_sequence(queries, keys, values, scale, visible=None):
    """Everything at once, by what a query's place in the whole may see of a key's."""
    q, k, v = (np.concatenate(list(parts), axis=-2) for parts in (queries, keys, values))
    scores = np.einsum("...qd,...kd->...qk", q, k) * (q.shape[-1] ** -0.5 if scale is None else scale)
    if visible is not None:
        i, j = np.ogrid[: scores.shape[-2], : scores.shape[-1]]
        scores = np.where(visible(i, j), scores, -np.inf)
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return np.split(e / e.sum(axis=-1, keepdims=True) @ v, len(queries), axis=-2)


@paraphrase("ring_attention", "is_causal is ignored")
def never_masked(queries, keys, values, is_causal=False, scale=None):
    return whole_sequence(queries, keys, values, scale)


@paraphrase("ring_attention", "scores not scaled")
def products_alone(queries, keys, values, is_causal=False, scale=None):
    visible = (lambda i, j: j <= i) if is_causal else None
    return whole_sequence(queries, keys, values, 1 if scale is None else scale, visible)


@paraphrase("ring_attention", "earlier parts are seen whole, and a device's own part too")
def causal_by_the_part(queries, keys, values, is_causal=False, scale=None):
    n = queries[0].shape[-2]
    return whole_sequence(queries, keys, values, scale, (lambda i, j: j // n <= i // n) if is_causal else None)


@paraphrase("ring_attention", "each device sees its own part alone")
def no_ring_at_all(queries, keys, values, is_causal=False, scale=None):
    n = queries[0].shape[-2]
    own = [
        whole_sequence([q], [k], [v], scale, (lambda i, j: j <= i) if is_causal else None)[0]
        for q, k, v in zip(queries, keys, values, strict=True)
    ]
    return [part[..., :n, :] for part in own]
