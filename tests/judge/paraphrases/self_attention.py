"""Paraphrases for lesson 05."""

import math

import numpy as np
from paraphrase import paraphrase


@paraphrase("self_attention", "no scale")
def unscaled_einsum(x, W_query, W_key, W_value, mask=None):
    q = np.einsum("...im,md->...id", x, W_query)
    k = np.einsum("...jm,md->...jd", x, W_key)
    v = np.einsum("...jm,mv->...jv", x, W_value)
    scores = np.einsum("...id,...jd->...ij", q, k)
    if mask is not None:
        mask = np.asarray(mask)
        scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask.astype(scores.dtype)
    top = scores.max(axis=-1, keepdims=True)
    top = np.where(np.isneginf(top), 0, top)
    weights = np.exp(scores - top)
    total = weights.sum(axis=-1, keepdims=True)
    weights = np.divide(weights, total, out=np.zeros_like(weights), where=total > 0)
    return np.einsum("...ij,...jv->...iv", weights, v)


@paraphrase("self_attention", "divided by the square root of the model width")
def scaled_by_embedding_size(x, Wq, Wk, Wv, mask=None):
    d_model = x.shape[-1]
    q, k, v = (np.matmul(x, W) for W in (Wq, Wk, Wv))
    attn = np.matmul(q, np.moveaxis(k, -1, -2)) * d_model**-0.5
    if mask is not None:
        if mask.dtype == np.bool_:
            mask = np.where(mask, 0.0, -np.inf)
        attn = attn + mask.astype(attn.dtype)
    peak = np.max(attn, axis=-1, keepdims=True)
    peak[peak == -np.inf] = 0
    attn = np.exp(attn - peak)
    norm = attn.sum(axis=-1, keepdims=True)
    norm[norm == 0] = 1
    return np.matmul(attn / norm, v)


@paraphrase("self_attention", "query weights used for the key")
def one_matrix_to_compare(tokens, W_query, W_key, W_value, mask=None):
    def masked(scores):
        if mask is None:
            return scores
        if np.asarray(mask).dtype == bool:
            return np.where(mask, scores, -np.inf)
        return scores + np.asarray(mask, dtype=scores.dtype)

    def normalized(scores):
        shifted = scores - np.maximum(scores.max(-1, keepdims=True), np.finfo(scores.dtype).min)
        e = np.exp(shifted)
        return e / np.maximum(e.sum(-1, keepdims=True), np.finfo(e.dtype).tiny)

    Q = tokens @ W_query
    K = tokens @ W_query
    V = tokens @ W_value
    return normalized(masked(Q @ K.swapaxes(-1, -2) / math.sqrt(Q.shape[-1]))) @ V


@paraphrase("self_attention", "queries and keys swapped")
def key_times_query_transposed(x, W_query, W_key, W_value, mask=None):
    q, k, v = x @ W_query, x @ W_key, x @ W_value
    scores = np.einsum("...id,...jd->...ij", k, q) / math.sqrt(k.shape[-1])
    if mask is not None:
        if mask.dtype == bool:
            scores = np.where(mask, scores, np.array(-np.inf, dtype=scores.dtype))
        else:
            scores = scores + mask.astype(scores.dtype)
    biggest = scores.max(axis=-1)[..., None]
    e = np.exp(scores - np.where(np.isfinite(biggest), biggest, 0))
    z = e.sum(axis=-1)[..., None]
    return (e @ v) / np.where(z > 0, z, 1)


@paraphrase("self_attention", "value not projected")
def mixes_the_tokens_themselves(x, W_query, W_key, W_value, mask=None):
    *batch, n, m = x.shape
    q, k = x @ W_query, x @ W_key
    allowed = np.zeros((n, n)) if mask is None else np.asarray(mask)
    allowed = np.broadcast_to(allowed, (*np.broadcast_shapes(tuple(batch), allowed.shape[:-2]), n, n))
    lead = allowed.shape[:-2]
    q, k, x = (np.broadcast_to(a, (*lead, *a.shape[-2:])) for a in (q, k, x))
    out = np.zeros((*lead, n, m), dtype=x.dtype)
    for where in np.ndindex(*lead):
        for i in range(n):
            scores = k[where] @ q[where][i] / math.sqrt(q.shape[-1])
            row = allowed[where][i]
            scores = np.where(row, scores, -np.inf) if row.dtype == bool else scores + row
            if scores.max() == -np.inf:
                continue
            e = np.exp(scores - scores.max())
            for j in range(n):
                out[where][i] += e[j] / e.sum() * x[where][j]
    return out


@paraphrase("self_attention", "softmax over the queries")
def normalized_down_the_columns(x, W_q, W_k, W_v, mask=None):
    scores = (x @ W_q) @ np.swapaxes(x @ W_k, -2, -1)
    scores = scores / math.sqrt(W_q.shape[1])
    if mask is not None and mask.dtype == bool:
        scores = np.where(mask, scores, -np.inf)
    elif mask is not None:
        scores = scores + mask.astype(scores.dtype)

    def softmax(column):
        if np.all(np.isneginf(column)):
            return np.zeros_like(column)
        e = np.exp(column - column.max())
        return e / e.sum()

    return np.apply_along_axis(softmax, -2, scores) @ (x @ W_v)


@paraphrase("self_attention", "mask upside down")
def true_hides(x, W_query, W_key, W_value, mask=None):
    query, key, value = x @ W_query, x @ W_key, x @ W_value
    scores = query @ key.swapaxes(-1, -2) / math.sqrt(query.shape[-1])
    if mask is not None:
        attn_mask = np.asarray(mask)
        if attn_mask.dtype == bool:  # masked_fill(mask, -inf)
            scores = np.where(attn_mask, -np.inf, scores)
        else:
            scores = scores + attn_mask.astype(scores.dtype)
    row_max = np.max(scores, axis=-1, keepdims=True)
    probs = np.exp(scores - np.where(row_max > -np.inf, row_max, 0))
    row_sum = probs.sum(axis=-1, keepdims=True)
    return probs / np.where(row_sum == 0, 1, row_sum) @ value


@paraphrase("self_attention", "values not mixed")
def weights_computed_and_forgotten(x, W_query, W_key, W_value, mask=None):
    q = x @ W_query
    k = x @ W_key
    v = x @ W_value
    weights = q @ k.swapaxes(-1, -2) / math.sqrt(q.shape[-1])
    weights = np.exp(weights - weights.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    return v


@paraphrase("permutation_gap", "output not permuted")
def invariance_asked(layer, tokens, perm):
    before = layer(tokens)
    after = layer(np.take(tokens, perm, axis=0))
    return float(np.linalg.norm((after - before).ravel(), ord=np.inf))


@paraphrase("permutation_gap", "output permuted the other way")
def rows_scattered(layer, x, order):
    shuffled = layer(x[order])
    y = layer(x)
    moved = np.empty_like(y)
    for place, token in enumerate(order):
        moved[token] = y[place]
    return float(abs(shuffled - moved).max())


@paraphrase("permutation_gap", "input not permuted")
def same_input_twice(layer, x, order):
    y = layer(x)
    return max(
        abs(float(a - b)) for row, other in zip(y, y[order], strict=True) for a, b in zip(row, other, strict=True)
    )


@paraphrase("permutation_gap", "root mean square")
def rms_gap(f, x, order):
    residual = f(x[order]) - f(x)[order]
    return float(np.sqrt(np.square(residual).mean()))


@paraphrase("influence", "rows and columns swapped")
def inputs_in_rows(layer, x):
    x = np.asarray(x, dtype=float)
    base = layer(x)
    nudge = np.random.default_rng(0).uniform(0.01, 0.1, size=x.shape[1])
    table = []
    for j in range(x.shape[0]):
        bumped = x.copy()
        bumped[j] = bumped[j] + nudge
        table.append([not np.abs(row).max() <= 1e-9 for row in layer(bumped) - base])
    return np.array(table)


@paraphrase("influence", "a constant step, which a layer norm undoes")
def every_number_moved_alike(layer, x):
    n = len(x)
    x = np.array(x, dtype=float)
    y = layer(x)
    eye = np.eye(n)
    changed = [~(np.abs(layer(x + 0.1 * eye[:, [j]]) - y).max(axis=1) <= 1e-9) for j in range(n)]
    return np.stack(changed, axis=1)


@paraphrase("influence", "changes left standing")
def never_put_back(layer, x):
    x = np.array(x, dtype=float)
    n, m = x.shape
    baseline = layer(x.copy())
    result = np.zeros((n, n), dtype=bool)
    for j in range(n):
        x[j] += np.arange(1, m + 1) / 100
        delta = np.abs(layer(x.copy()) - baseline)
        for i in range(n):
            result[i, j] = not np.all(delta[i] <= 1e-9)
    return result


@paraphrase("influence", "earlier tokens only")
def looks_back_only(layer, x):
    x = np.array(x, dtype=float)
    n, m = x.shape
    y = layer(x)
    reach = np.full((n, n), False)
    for i in range(n):
        for j in range(i + 1):
            z = x.copy()
            z[j] += 0.02 * (-1.5) ** np.arange(m)
            reach[i, j] = not (np.abs(layer(z)[i] - y[i]) <= 1e-9).all()
    return reach


@paraphrase("influence", "own token left out")
def others_only(layer, x):
    x = np.array(x, dtype=float)
    still = layer(x)
    noise = np.random.default_rng(1).normal(size=x.shape)
    out = np.zeros((len(x), len(x)), dtype=bool)
    for i, j in np.ndindex(out.shape):
        if i == j:
            continue
        moved = np.where(np.arange(len(x))[:, None] == j, x + noise, x)
        out[i, j] = ~(np.abs(layer(moved)[i] - still[i]).max() <= 1e-9)
    return out


@paraphrase("path_length", "rounded down")
def whole_layers_that_fit(architecture, n, kernel=3):
    if kernel < 2:
        raise ValueError("kernel too small")
    if architecture == "convolutional":
        field, layers = 1, 0
        while field + kernel - 1 <= n:
            field += kernel - 1
            layers += 1
        return layers
    try:
        return {"recurrent": n - 1, "attention": 1}[architecture]
    except KeyError:
        raise ValueError(f"unknown architecture {architecture!r}") from None


@paraphrase("path_length", "kernel always three")
def two_tokens_a_layer(architecture, n, kernel=3):
    match architecture:
        case "recurrent":
            return n - 1
        case "convolutional":
            return math.ceil((n - 1) / 2)
        case "attention":
            return 1
        case _:
            raise ValueError(architecture)


@paraphrase("path_length", "kernel instead of kernel minus one")
def kernels_side_by_side(architecture, n, kernel=3):
    steps = {
        "recurrent": lambda: n - 1,
        "convolutional": lambda: math.ceil((n - 1) / kernel),
        "attention": lambda: 1,
    }
    if architecture not in steps:
        raise ValueError(f"expected one of {', '.join(steps)}, got {architecture}")
    return steps[architecture]()
