"""What is said of attention in one pass and in tiles, as papers, kernels and courses write it."""

import math
from functools import reduce

import numpy as np

from attncore.flash import Partial


def online_softmax_of_the_paper(chunks):
    """Milakov and Gimelshein's loop, number by number."""
    m, d = -np.inf, 0.0
    for chunk in chunks:
        for x in chunk:
            m_new = max(m, x)
            d = d * np.exp(m - m_new) + np.exp(x - m_new)
            m = m_new
    return m, d


def online_softmax_by_chunks(chunks):
    m, d = float("-inf"), 0.0
    for chunk in chunks:
        m_new = np.maximum(m, np.max(chunk, axis=-1))
        d = d * np.exp(m - m_new) + np.sum(np.exp(chunk - np.expand_dims(m_new, -1)), axis=-1)
        m = m_new
    return m, d


def online_softmax_from_zero(chunks):
    m, d = 0.0, 0.0
    for chunk in chunks:
        m_new = np.maximum(m, np.max(chunk, axis=-1))
        d = d * np.exp(m - m_new) + np.sum(np.exp(chunk - m_new[..., None]), axis=-1)
        m = m_new
    return m, d


def online_softmax_without_the_correction(chunks):
    m, d = -np.inf, 0.0
    for chunk in chunks:
        m = np.maximum(m, np.max(chunk, axis=-1))
        d = d + np.sum(np.exp(chunk - m[..., None]), axis=-1)
    return m, d


def merge_of_ring_attention(left, right):
    m = np.maximum(left.maximum, right.maximum)
    a, b = left.total * np.exp(left.maximum - m), right.total * np.exp(right.maximum - m)
    out = (left.output * a[..., None] + right.output * b[..., None]) / (a + b)[..., None]
    return Partial(out, m, a + b)


def merge_by_log_sum_exp(left, right):
    """As split keys are merged after decoding: by their log-sum-exp."""
    with np.errstate(divide="ignore"):
        lse_left = left.maximum + np.log(left.total)
        lse_right = right.maximum + np.log(right.total)
    lse = np.logaddexp(lse_left, lse_right)
    m = np.maximum(left.maximum, right.maximum)
    out = np.exp(lse_left - lse)[..., None] * left.output + np.exp(lse_right - lse)[..., None] * right.output
    return out, m, np.exp(lse - m)


def merge_of_accumulators(left, right):
    """Right where the outputs are not divided yet."""
    m = np.maximum(left.maximum, right.maximum)
    alpha, beta = np.exp(left.maximum - m), np.exp(right.maximum - m)
    total = alpha * left.total + beta * right.total
    out = alpha[..., None] * left.output + beta[..., None] * right.output
    return Partial(out / total[..., None], m, total)


def flash_attention_1(Q, K, V, block, is_causal=False, scale=None):
    """The first paper's loops, keys outside and queries inside, divided in every step."""
    n_q, n_k = Q.shape[-2], K.shape[-2]
    scale = 1 / math.sqrt(Q.shape[-1]) if scale is None else scale
    O = np.zeros((*Q.shape[:-1], V.shape[-1]))  # noqa: E741
    l, m = np.zeros((*Q.shape[:-1], 1)), np.full((*Q.shape[:-1], 1), -np.inf)  # noqa: E741
    for j in range(0, n_k, block):
        Kj, Vj = K[..., j : j + block, :], V[..., j : j + block, :]
        for i in range(0, n_q, block):
            rows = (..., slice(i, i + block), slice(None))
            S = Q[rows] @ np.swapaxes(Kj, -1, -2) * scale
            if is_causal:
                q_idx = np.arange(i, i + S.shape[-2])[:, None] + n_k - n_q
                S = np.where(q_idx >= np.arange(j, j + S.shape[-1]), S, -1e10)
            m_ij = S.max(axis=-1, keepdims=True)
            P = np.exp(S - m_ij)
            m_new = np.maximum(m[rows], m_ij)
            old, new = np.exp(m[rows] - m_new) * l[rows], np.exp(m_ij - m_new)
            l_new = old + new * P.sum(axis=-1, keepdims=True)
            O[rows] = (old * O[rows] + new * (P @ Vj)) / l_new
            l[rows], m[rows] = l_new, m_new
    return O


def flash_attention_2(q, k, v, block, is_causal=False, scale=None):
    """Accumulator, maximum and sum of each block of queries, divided once."""
    n_q, n_k = q.shape[-2], k.shape[-2]
    scale = q.shape[-1] ** -0.5 if scale is None else scale
    out = np.zeros((*q.shape[:-1], v.shape[-1]))
    for i in range(0, n_q, block):
        q_i = q[..., i : i + block, :]
        acc = np.zeros((*q_i.shape[:-1], v.shape[-1]))
        m_i, l_i = np.full(q_i.shape[:-1], -np.inf), np.zeros(q_i.shape[:-1])
        for j in range(0, n_k, block):
            s = np.einsum("...qd,...kd->...qk", q_i, k[..., j : j + block, :]) * scale
            if is_causal:
                visible = i + np.arange(s.shape[-2])[:, None] + n_k - n_q >= j + np.arange(s.shape[-1])
                s = np.where(visible, s, -np.inf)
            m_new = np.maximum(m_i, s.max(-1))
            p = np.exp(s - m_new[..., None])
            alpha = np.exp(m_i - m_new)
            l_i = l_i * alpha + p.sum(-1)
            acc = acc * alpha[..., None] + p @ v[..., j : j + block, :]
            m_i = m_new
        out[..., i : i + block, :] = acc / l_i[..., None]
    return out


def flash_attention_from_zero(q, k, v, block, is_causal=False, scale=None):
    """The running maximum starts at 0, where it should start at minus infinity."""
    n_q, n_k = q.shape[-2], k.shape[-2]
    scale = q.shape[-1] ** -0.5 if scale is None else scale
    blocks = []
    for i in range(0, n_q, block):
        q_i = q[..., i : i + block, :]
        m, l, acc = np.zeros((*q_i.shape[:-1], 1)), 0.0, 0.0  # noqa: E741
        for j in range(0, n_k, block):
            s = q_i @ np.swapaxes(k[..., j : j + block, :], -1, -2) * scale
            if is_causal:
                visible = i + np.arange(s.shape[-2])[:, None] + n_k - n_q >= j + np.arange(s.shape[-1])
                s = np.where(visible, s, -np.inf)
            m_new = np.maximum(m, s.max(-1, keepdims=True))
            p, alpha = np.exp(s - m_new), np.exp(m - m_new)
            l = l * alpha + p.sum(-1, keepdims=True)  # noqa: E741
            acc = acc * alpha + p @ v[..., j : j + block, :]
            m = m_new
        blocks.append(acc / l)
    return np.concatenate(blocks, axis=-2)


def flash_attention_for_prefill(q, k, v, block, is_causal=False, scale=None):
    """As tutorials of Triton have it: row 0 of the queries is position 0."""
    scale = q.shape[-1] ** -0.5 if scale is None else scale
    blocks = []
    for i in range(0, q.shape[-2], block):
        q_i = q[..., i : i + block, :]
        m, l, acc = np.full((*q_i.shape[:-1], 1), -np.inf), 0.0, 0.0  # noqa: E741
        for j in range(0, k.shape[-2], block):
            s = q_i @ np.swapaxes(k[..., j : j + block, :], -1, -2) * scale
            if is_causal:
                rows, columns = i + np.arange(s.shape[-2])[:, None], j + np.arange(s.shape[-1])
                s = np.where(rows >= columns, s, -np.inf)
            m_new = np.maximum(m, s.max(-1, keepdims=True))
            p, alpha = np.exp(s - m_new), np.exp(m - m_new)
            l = l * alpha + p.sum(-1, keepdims=True)  # noqa: E741
            acc = acc * alpha + p @ v[..., j : j + block, :]
            m = m_new
        blocks.append(acc / l)
    return np.concatenate(blocks, axis=-2)


def whole_attention(q, k, v, block, is_causal=False, scale=None):
    """No tiles at all: the numbers are those of attention, and numbers are what is judged."""
    scale = q.shape[-1] ** -0.5 if scale is None else scale
    s = q @ np.swapaxes(k, -1, -2) * scale
    if is_causal:
        s = np.where(np.tri(q.shape[-2], k.shape[-2], k.shape[-2] - q.shape[-2], dtype=bool), s, -np.inf)
    p = np.exp(s - s.max(axis=-1, keepdims=True))
    return p / p.sum(axis=-1, keepdims=True) @ v


def flash_attention_without_a_mask(q, k, v, block):
    return flash_attention_2(q, k, v, block)


def floats_without_the_smaller_of_two(n, d, block=None):
    scores = n * n if block is None else block * block
    return scores + n * d + 2 * n


def floats_of_a_row_of_tiles(n, d, block=None):
    return n * min(block or n, n) + n * d + 2 * n


ROWS = "Pieces may have leading axes, (..., k): every row then has a maximum and a total of its own."
BELOW_ONE = "Raises ValueError for a block below 1."


def online_as_a_list(stream):
    m, d = (None, None)
    for x in stream:
        mx = np.max(x, -1)
        dx = np.exp(x - mx[..., None]).sum(-1)
        if m is None:
            m, d = (mx, dx)
        else:
            mn = np.maximum(m, mx)
            d = d * np.exp(m - mn) + dx * np.exp(mx - mn)
            m = mn
    return [m, d]


def online_by_a_reduction(chunks):

    def comb(first, b):
        m = np.maximum(first[0], b[0])
        s = np.where(np.isneginf(m), 0, m)
        return (m, first[1] * np.exp(first[0] - s) + b[1] * np.exp(b[0] - s))

    def one(c):
        m = c.max(-1)
        s = np.where(np.isneginf(m), 0, m)
        return (m, np.exp(c - np.expand_dims(s, -1)).sum(-1))

    return reduce(comb, map(one, chunks))


def merged_by_log_sum_exp(left, right):
    lse1 = left.maximum + np.log(left.total)
    lse2 = right.maximum + np.log(right.total)
    lse = np.logaddexp(lse1, lse2)
    o = np.exp(lse1 - lse)[..., None] * left.output + np.exp(lse2 - lse)[..., None] * right.output
    m = np.maximum(left.maximum, right.maximum)
    return Partial(o, m, np.exp(lse - m))


def merged_by_a_ratio(left, right):
    m = np.maximum(left[1], right[1])
    ratio = np.exp(-np.abs(left[1] - right[1]))
    L = left[2] * np.where(left[1] >= m, 1, ratio)
    R = right[2] * np.where(right[1] >= m, 1, ratio)
    t = L + R
    return (left[0] + (R / t)[..., None] * (right[0] - left[0]), m, t)


def tiles_of_flash_attention_one(Q, K, V, block=64, is_causal=False, scale=None):
    n, m = (Q.shape[-2], K.shape[-2])
    c = Q.shape[-1] ** (-0.5) if scale is None else scale
    output = np.zeros(Q.shape[:-1] + V.shape[-1:], V.dtype)
    total = np.zeros(Q.shape[:-1] + (1,))
    maximum = np.full(Q.shape[:-1] + (1,), -np.inf)
    for j in range(0, m, block):
        for i in range(0, n, block):
            s = Q[..., i : i + block, :] @ np.swapaxes(K[..., j : j + block, :], -1, -2) * c
            if is_causal:
                qi = np.arange(n)[i : i + block, None] + m - n
                s = np.where(np.arange(m)[j : j + block] <= qi, s, -1e30)
            mt = s.max(-1, keepdims=True)
            mo = maximum[..., i : i + block, :]
            mn = np.maximum(mo, mt)
            p = np.exp(s - mn)
            al = np.exp(mo - mn)
            lo = total[..., i : i + block, :]
            ln = al * lo + p.sum(-1, keepdims=True)
            output[..., i : i + block, :] = (
                al * lo * output[..., i : i + block, :] + p @ V[..., j : j + block, :]
            ) / ln
            total[..., i : i + block, :] = ln
            maximum[..., i : i + block, :] = mn
    return output


def ring_of_zhuzilin(queries, keys, values, is_causal=False, scale=None):
    """ring-flash-attention's: block outputs merged by their log-sum-exp, later blocks skipped."""
    outputs = []
    for rank, query in enumerate(queries):
        out = lse = None
        for step in range(len(keys)):
            part = (rank - step) % len(keys)
            if is_causal and step > rank:
                continue
            scores = query @ np.swapaxes(keys[part], -1, -2) * (query.shape[-1] ** -0.5 if scale is None else scale)
            if is_causal and step == 0:
                scores = np.where(np.tri(scores.shape[-1], dtype=bool), scores, -np.inf)
            block_lse = np.logaddexp.reduce(scores, axis=-1, keepdims=True)
            block_out = np.exp(scores - block_lse) @ values[part]
            if out is None:
                out, lse = block_out, block_lse
            else:
                out = out - (out - block_out) / (1 + np.exp(lse - block_lse))
                lse = np.logaddexp(lse, block_lse)
        outputs.append(out)
    return outputs


def ring_with_the_mask_of_one_device(queries, keys, values, is_causal=False, scale=None):
    """A first port of such code: each step asks for is_causal, as if its part were the only one."""
    outputs = []
    for query in queries:
        lse, out = -np.inf, 0.0
        for key, value in zip(keys, values, strict=True):
            scores = query @ np.swapaxes(key, -1, -2) * (query.shape[-1] ** -0.5 if scale is None else scale)
            if is_causal:
                scores = np.where(np.tri(scores.shape[-1], dtype=bool), scores, -np.inf)
            block_lse = np.logaddexp.reduce(scores, axis=-1, keepdims=True)
            total = np.logaddexp(lse, block_lse)
            out = np.exp(lse - total) * out + np.exp(scores - total) @ value
            lse = total
        outputs.append(out)
    return outputs


FORMS = [
    ("online_softmax", "the paper", online_softmax_of_the_paper, "edge", ROWS),
    ("online_softmax", "by chunks", online_softmax_by_chunks, "edge", "-inf gives NaN"),
    ("online_softmax", "from zero", online_softmax_from_zero, "wrong", "the maximum starts at zero"),
    ("online_softmax", "no correction", online_softmax_without_the_correction, "wrong", "the sum isn't rescaled"),
    (
        "merge_partials",
        "ring attention",
        merge_of_ring_attention,
        "edge",
        "a query with nothing to attend to gives NaN",
    ),
    (
        "merge_partials",
        "log-sum-exp",
        merge_by_log_sum_exp,
        "edge",
        "a query with nothing to attend to gives NaN",
    ),
    (
        "merge_partials",
        "accumulators",
        merge_of_accumulators,
        "wrong",
        "the outputs are taken for sums that aren't divided yet",
    ),
    ("tiled_attention", "FlashAttention", flash_attention_1, "edge", "an empty row averages the values"),
    ("tiled_attention", "FlashAttention-2", flash_attention_2, "edge", "an empty row gives NaN"),
    ("tiled_attention", "from zero", flash_attention_from_zero, "wrong", "the maximum starts at zero"),
    ("tiled_attention", "prefill", flash_attention_for_prefill, "wrong", "queries taken as the first positions"),
    ("tiled_attention", "no tiles", whole_attention, "edge", "an empty row gives NaN"),
    ("tiled_attention", "no mask", flash_attention_without_a_mask, "wrong", "is_causal is ignored"),
    ("peak_floats", "block by block", floats_without_the_smaller_of_two, "edge", "a tile larger than the text"),
    ("peak_floats", "a row of tiles", floats_of_a_row_of_tiles, "wrong", "a tile as wide as the text"),
    ("online_softmax", "a list of two", online_as_a_list, "edge", "-inf gives NaN"),
    ("online_softmax", "a reduction", online_by_a_reduction, "right", None),
    ("merge_partials", "log-sum-exp", merged_by_log_sum_exp, "edge", "a query with nothing to attend to gives NaN"),
    (
        "merge_partials",
        "a ratio",
        merged_by_a_ratio,
        "edge",
        "A query with nothing to attend to has an output of zeros, the maximum -inf and the total 0.",
    ),
    (
        "tiled_attention",
        "FlashAttention's first loop order",
        tiles_of_flash_attention_one,
        "edge",
        "an empty row averages the values",
    ),
    (
        "ring_attention",
        "log-sum-exps merged",
        ring_of_zhuzilin,
        "edge",
        "Raises ValueError if the numbers of parts or their lengths differ.",
    ),
    (
        "ring_attention",
        "is_causal in every step",
        ring_with_the_mask_of_one_device,
        "wrong",
        "the mask starts anew in each part",
    ),
]
