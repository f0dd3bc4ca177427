"""What is said of self-attention as courses write it, and of what is measured about it."""

import math

import numpy as np


def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def scores_of(x, W_query, W_key):
    query, key = x @ W_query, x @ W_key
    return query @ key.swapaxes(-1, -2) / math.sqrt(key.shape[-1])


def attention_with_infinity(x, W_query, W_key, W_value, mask=None):
    """As most courses write it in PyTorch: masked_fill with -inf."""
    scores = scores_of(x, W_query, W_key)
    if mask is not None:
        scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask
    return softmax(scores) @ (x @ W_value)


def attention_with_minus_a_billion(x, W_query, W_key, W_value, mask=None):
    scores = scores_of(x, W_query, W_key)
    if mask is not None:
        scores = np.where(mask, scores, -1e9) if mask.dtype == bool else np.maximum(scores + mask, -1e9)
    return softmax(scores) @ (x @ W_value)


def attention_with_minus_a_billion_added(x, W_query, W_key, W_value, mask=None):
    scores = scores_of(x, W_query, W_key)
    if mask is not None:
        scores = scores + ((1 - mask) * -1e9 if mask.dtype == bool else mask)
    return softmax(scores) @ (x @ W_value)


def attention_with_nan_to_zero(x, W_query, W_key, W_value, mask=None):
    scores = scores_of(x, W_query, W_key)
    if mask is not None:
        scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask
    return np.nan_to_num(softmax(scores)) @ (x @ W_value)


def attention_with_weights_of_linear_layers(x, W_query, W_key, W_value, mask=None):
    """As nn.Linear keeps its weights, outputs first."""
    return attention_with_nan_to_zero(x, W_query.T, W_key.T, W_value.T, mask)


def attention_scaled_by_the_model(x, W_query, W_key, W_value, mask=None):
    scores = scores_of(x, W_query, W_key) * math.sqrt(W_key.shape[-1] / x.shape[-1])
    if mask is not None:
        scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask
    return np.nan_to_num(softmax(scores)) @ (x @ W_value)


def attention_scaled_by_the_tokens(x, W_query, W_key, W_value, mask=None):
    scores = scores_of(x, W_query, W_key) * math.sqrt(W_key.shape[-1] / x.shape[-2])
    if mask is not None:
        scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask
    return np.nan_to_num(softmax(scores)) @ (x @ W_value)


def attention_of_a_decoder(x, W_query, W_key, W_value, mask=None):
    """Causal by itself, as the head of a small GPT is taught."""
    mask = np.tril(np.ones((x.shape[-2], x.shape[-2]), dtype=bool)) if mask is None else mask
    return attention_with_nan_to_zero(x, W_query, W_key, W_value, mask)


def attention_renormalized(x, W_query, W_key, W_value, mask=None):
    """As a book on large language models shows first, before it masks with -inf."""
    weights = softmax(scores_of(x, W_query, W_key))
    if mask is not None:
        weights = weights * (mask if mask.dtype == bool else np.exp(mask))
        weights = weights / weights.sum(axis=-1, keepdims=True)
    return weights @ (x @ W_value)


def influence_by_a_constant(layer, x):
    out = layer(x)
    reached = np.zeros((len(x), len(x)), dtype=bool)
    for j in range(len(x)):
        changed = x.copy()
        changed[j] += 1e-2
        reached[:, j] = np.abs(layer(changed) - out).max(axis=1) > 1e-9
    return reached


def influence_by_noise(layer, x):
    rng = np.random.default_rng(0)
    out = layer(x)
    columns = []
    for j in range(len(x)):
        changed = x.copy()
        changed[j] = changed[j] + rng.standard_normal(x.shape[1])
        columns.append(np.any(np.abs(layer(changed) - out) > 1e-9, axis=1))
    return np.array(columns).T


def influence_by_any_difference(layer, x):
    rng = np.random.default_rng(0)
    out = layer(x)
    columns = []
    for j in range(len(x)):
        changed = x.copy()
        changed[j] = changed[j] + rng.standard_normal(x.shape[1])
        columns.append(np.any(layer(changed) != out, axis=1))
    return np.array(columns).T


def gap_of_a_permutation(layer, x, order):
    return np.max(np.abs(layer(x[order]) - layer(x)[order]))


def gap_by_a_matrix(layer, x, order):
    P = np.eye(len(order))[order]
    return float(np.abs(layer(P @ x) - P @ layer(x)).max())


def gap_of_invariance(layer, x, order):
    return float(np.abs(layer(x[order]) - layer(x)).max())


def path_from_the_table(architecture, n, kernel=3):
    """As table 1 has it: O(n), O(log_k n), O(1)."""
    if architecture == "convolutional":
        return math.ceil(math.log(n, kernel))
    return {"recurrent": n - 1, "attention": 1}[architecture]


def path_without_a_guard(architecture, n, kernel=3):
    if architecture == "recurrent":
        return n - 1
    if architecture == "attention":
        return 1
    return math.ceil((n - 1) / (kernel - 1))


def attention_with_weights_in_args(inputs, *weights, mask=None):
    q, k, v = map(lambda W: inputs @ W, weights)
    s = q @ np.swapaxes(k, -1, -2) / q.shape[-1] ** 0.5
    if mask is not None and mask.dtype == bool:
        s = np.where(mask, s, -1000000000.0)
    elif mask is not None:
        s = s + mask
    return softmax(s) @ v


def attention_of_one_product(x, W_query, W_key, W_value, mask=None):
    s = x @ (W_query @ W_key.T) @ np.swapaxes(x, -1, -2) / math.sqrt(W_query.shape[1])
    if mask is not None:
        s = np.where(mask, s, -np.inf) if mask.dtype == bool else s + mask
    return softmax(s) @ x @ W_value


def gap_by_the_way_back(layer, x, order):
    inv = np.argsort(order)
    return np.max(np.abs(layer(x[order])[inv] - layer(x)))


def influence_by_a_jacobian(f, x):
    h = 1e-05
    n, d = x.shape
    J = np.zeros((n, n))
    for j in range(n):
        for k in range(d):
            e = np.zeros_like(x)
            e[j, k] = h
            J[:, j] += np.abs((f(x + e) - f(x - e)) / (2 * h)).sum(1)
    return J > 1e-06


def path_by_stacking(kind, n, k=3):
    if kind == "recurrent":
        return n - 1
    elif kind == "convolutional":
        layers, reach = (0, 1)
        while reach < n:
            reach += k - 1
            layers += 1
        return layers
    elif kind == "attention":
        return 1
    else:
        raise ValueError(kind)


RAISES = "Raises ValueError for any other architecture."


def gap_of_nothing(layer, x, order):
    return 0.0


FORMS = [
    ("self_attention", "NaN to zero", attention_with_nan_to_zero, "right", None),
    ("self_attention", "-inf", attention_with_infinity, "edge", "an empty row gives NaN"),
    ("self_attention", "-1e9", attention_with_minus_a_billion, "edge", "an empty row averages the values"),
    ("self_attention", "-1e9 added", attention_with_minus_a_billion_added, "edge", "an empty row sees everything"),
    (
        "self_attention",
        "linear layers",
        attention_with_weights_of_linear_layers,
        "wrong",
        "the weight matrices are transposed",
    ),
    (
        "self_attention",
        "the width of the model",
        attention_scaled_by_the_model,
        "wrong",
        "divided by the square root of the model width",
    ),
    (
        "self_attention",
        "the number of tokens",
        attention_scaled_by_the_tokens,
        "wrong",
        "divided by the square root of the number of tokens",
    ),
    ("self_attention", "a decoder", attention_of_a_decoder, "wrong", "causal, though no mask was given"),
    ("self_attention", "renormalized", attention_renormalized, "wrong", "mask after the softmax, then renormalized"),
    ("influence", "a constant", influence_by_a_constant, "edge", "a constant step, which a layer norm undoes"),
    ("influence", "noise", influence_by_noise, "right", None),
    ("influence", "any difference", influence_by_any_difference, "edge", "rounding counted as a change"),
    ("permutation_gap", "as written", gap_of_a_permutation, "right", None),
    ("permutation_gap", "a matrix", gap_by_a_matrix, "right", None),
    ("permutation_gap", "invariance", gap_of_invariance, "wrong", "output not permuted"),
    ("path_length", "the table", path_from_the_table, "wrong", "dilated kernels instead of plain ones"),
    ("path_length", "no guard", path_without_a_guard, "edge", RAISES),
    ("self_attention", "weights in *args", attention_with_weights_in_args, "edge", "an empty row averages the values"),
    ("self_attention", "W_query times W_key", attention_of_one_product, "edge", "an empty row gives NaN"),
    ("permutation_gap", "the way back", gap_by_the_way_back, "right", None),
    ("influence", "central differences", influence_by_a_jacobian, "right", None),
    ("path_length", "layers stacked", path_by_stacking, "right", None),
    ("permutation_gap", "always zero", gap_of_nothing, "wrong", None),
]
