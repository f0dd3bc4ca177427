"""What is said of weighted sums, lookups and kernel regression as courses and books write them."""

import math

import numpy as np


def mean_over_the_keys(values):
    return np.mean(values, axis=-2)


def mean_by_a_matrix_of_ones(values):
    n = values.shape[-2]
    return np.squeeze(np.ones((1, n)) / n @ values, axis=-2)


def mean_of_the_first_axis(values):
    return values.mean(0)


def sum_by_broadcasting(weights, values):
    return (weights[..., None] * values[..., None, :, :]).sum(axis=-2)


def sum_by_tensordot(weights, values):
    return np.tensordot(weights, values, axes=(-1, -2))


def sum_by_dot(weights, values):
    return np.dot(weights, values)


def lookup_by_argmax(query, keys, values):
    return values[np.argmax(np.dot(keys, query))]


def lookup_by_sorting(query, keys, values):
    return values[np.argsort(keys @ query)[-1]]


def lookup_by_cosine(query, keys, values):
    similarity = keys @ query / (np.linalg.norm(keys, axis=1) * np.linalg.norm(query))
    return values[similarity.argmax()]


def lookup_by_an_equal_score(query, keys, values):
    """All that score the best, averaged: a hard attention that splits ties."""
    scores = keys @ query
    weights = (scores == scores.max()).astype(float)
    return weights / weights.sum() @ values


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def weights_by_softmax(query_points, key_points, width):
    """As Dive into Deep Learning has it: a softmax of minus half the squared distance."""
    return softmax(-0.5 * ((query_points[:, None] - key_points[None]) / width) ** 2)


def weights_by_density(query_points, key_points, width):
    """As statistics books have it, with the constant of the normal density."""
    z = (query_points[:, None] - key_points[None]) / width
    density = np.exp(-0.5 * z**2) / (width * math.sqrt(2 * math.pi))
    return density / density.sum(axis=1, keepdims=True)


def weights_with_a_guard(query_points, key_points, width):
    kernel = np.exp(-0.5 * ((query_points[:, None] - key_points[None]) / width) ** 2)
    return kernel / (kernel.sum(axis=1, keepdims=True) + 1e-8)


def weights_by_the_radial_basis(query_points, key_points, width):
    """As libraries write the RBF kernel, with gamma = 1 / width squared."""
    kernel = np.exp(-((query_points[:, None] - key_points[None]) ** 2) / width**2)
    return kernel / kernel.sum(axis=1, keepdims=True)


def weights_times_the_width(query_points, key_points, width):
    """As an early edition learned it: a factor on the distance."""
    return softmax(-0.5 * ((query_points[:, None] - key_points[None]) * width) ** 2)


def regression_by_softmax(query_points, key_points, values, width):
    return weights_by_softmax(query_points, key_points, width) @ values


def regression_by_loops(query_points, key_points, values, width):
    out = []
    for x in query_points:
        k = [math.exp(-((x - xi) ** 2) / (2 * width**2)) for xi in key_points]
        out.append(sum(ki * yi for ki, yi in zip(k, values, strict=True)) / sum(k))
    return np.array(out)


def regression_by_densities(query_points, key_points, values, width):
    return weights_by_density(query_points, key_points, width) @ values


def lookup_by_a_sharp_softmax(query, keys, values):
    s = keys @ query * 1000000.0
    e = np.exp(s - s.max())
    w = e / e.sum()
    return w @ values


def lookup_by_the_largest_pair(query, keys, values):
    return max(zip(keys, values, strict=True), key=lambda kv: np.dot(kv[0], query))[1]


def sum_token_by_token_in_float32(first, b_):
    w = first.astype(np.float32)
    v = b_.astype(np.float32)
    context = 0
    for t in range(v.shape[-2]):
        context = context + w[..., :, t : t + 1] * v[..., t : t + 1, :]
    return context


def weights_by_logarithms_in_float32(query_points, key_points, width):
    x = query_points.astype(np.float32)[:, None]
    y = key_points.astype(np.float32)[None, :]
    z = -(((x - y) / np.float32(width)) ** 2) / 2
    z = z - np.log(np.sum(np.exp(z), axis=1, keepdims=True))
    return np.exp(z)


def weights_that_are_equal_where_all_round_to_zero(query_points, key_points, width):
    if width <= 0:
        raise ValueError("width")
    k = np.exp(-0.5 * ((query_points[:, None] - key_points) / width) ** 2)
    s = k.sum(1, keepdims=True)
    return np.where(s > 0, k / np.maximum(s, 1e-300), 1 / len(key_points))


def regression_with_a_plain_mean_far_away(query_points, key_points, values, width):
    ys = []
    for x in query_points:
        w = [math.exp(-(((x - xi) / width) ** 2) / 2) for xi in key_points]
        ys.append(np.average(values, weights=w) if sum(w) else np.mean(values))
    return ys


def regression_with_nan_to_num(query_points, key_points, values, width):
    k = np.exp(-0.5 * ((query_points[:, None] - key_points) / width) ** 2)
    return np.nan_to_num(k @ values / k.sum(1))


RAISES = "Raises ValueError unless the width is positive."
FORMS = [
    ("uniform_attention", "a mean", mean_over_the_keys, "right", None),
    ("uniform_attention", "a row of ones", mean_by_a_matrix_of_ones, "right", None),
    ("uniform_attention", "the first axis", mean_of_the_first_axis, "wrong", "mean over the first axis"),
    ("weighted_sum", "broadcasting", sum_by_broadcasting, "right", None),
    ("weighted_sum", "tensordot", sum_by_tensordot, "wrong", "`np.dot` pairs every batch with every other"),
    ("weighted_sum", "np.dot", sum_by_dot, "wrong", "`np.dot` pairs every batch with every other"),
    ("hard_lookup", "argmax", lookup_by_argmax, "right", None),
    ("hard_lookup", "sorting", lookup_by_sorting, "edge", "the last among equals"),
    ("hard_lookup", "cosine", lookup_by_cosine, "wrong", "cosine instead of dot product"),
    ("hard_lookup", "ties split", lookup_by_an_equal_score, "edge", "ties are averaged"),
    ("kernel_weights", "a softmax", weights_by_softmax, "edge", RAISES),
    ("kernel_weights", "densities", weights_by_density, "edge", "far queries divide zero by zero"),
    ("kernel_weights", "a guard", weights_with_a_guard, "edge", "far queries get no weight at all"),
    ("kernel_weights", "a radial basis", weights_by_the_radial_basis, "wrong", "no half in the exponent"),
    ("kernel_weights", "times the width", weights_times_the_width, "wrong", "multiplied by the width"),
    ("kernel_regression", "a softmax", regression_by_softmax, "right", None),
    ("kernel_regression", "loops", regression_by_loops, "edge", "far queries give NaN"),
    ("kernel_regression", "densities", regression_by_densities, "edge", "far queries give NaN"),
    ("hard_lookup", "a sharp softmax", lookup_by_a_sharp_softmax, "edge", "ties are averaged"),
    ("hard_lookup", "the largest of the pairs", lookup_by_the_largest_pair, "right", None),
    ("weighted_sum", "token by token, float32", sum_token_by_token_in_float32, "right", None),
    (
        "kernel_weights",
        "logarithms in float32",
        weights_by_logarithms_in_float32,
        "edge",
        "A query far from every key still has a row that sums to one.",
    ),
    (
        "kernel_weights",
        "equal where all round to zero",
        weights_that_are_equal_where_all_round_to_zero,
        "edge",
        "A query far from every key still has a row that sums to one.",
    ),
    (
        "kernel_regression",
        "np.average, or a plain mean",
        regression_with_a_plain_mean_far_away,
        "edge",
        "A query far from every key still gets a mean of the values, never NaN.",
    ),
    ("kernel_regression", "NaN to zero", regression_with_nan_to_num, "edge", "far queries get zero"),
]
