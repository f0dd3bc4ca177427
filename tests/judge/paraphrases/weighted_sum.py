"""Paraphrases for lesson 01."""

import numpy as np
from paraphrase import paraphrase


@paraphrase("weighted_sum", "never added up")
def outer_with_every_key(weights, values):
    return np.einsum("...qk,...kv->...qkv", weights, values)


@paraphrase("weighted_sum", "mean instead of sum")
def product_over_number_of_keys(w, v):
    n_keys = np.shape(v)[-2]
    return np.matmul(w, v) / n_keys


@paraphrase("weighted_sum", "weights normalized first")
def row_by_row_shares(weights, values):
    weights, values = np.asarray(weights), np.asarray(values)
    mixtures = []
    for q in range(weights.shape[-2]):
        row = weights[..., q, :]
        share = row / row.sum(axis=-1, keepdims=True)
        mixtures.append((share[..., None] * values).sum(axis=-2))
    return np.stack(mixtures, axis=-2)


@paraphrase("weighted_sum", "only the heaviest value")
def one_hot_pick(weights, values):
    values = np.asarray(values)
    chosen = np.argmax(weights, axis=-1)
    one_hot = np.eye(values.shape[-2], dtype=values.dtype)[chosen]
    return one_hot @ values


@paraphrase("weighted_sum", "added over the queries")
def scaled_values_per_key(weights, values):
    scaled = weights[..., :, :, None] * values[..., None, :, :]
    return scaled.sum(axis=-3)


@paraphrase("weighted_sum", "weights transposed")
def einsum_letters_swapped(weights, values):
    return np.einsum("...kq,...kv->...qv", weights, values)


@paraphrase("hard_lookup", "the last among equals")
def keeps_replacing_the_best(query, keys, values):
    best, best_score = 0, -np.inf
    for i, k in enumerate(keys):
        score = sum(a * b for a, b in zip(query, k, strict=True))
        if score >= best_score:
            best, best_score = i, score
    return np.asarray(values)[best]


@paraphrase("hard_lookup", "the nearest key instead")
def closest_key(query, keys, values):
    gaps = np.asarray(keys) - np.asarray(query)[np.newaxis, :]
    return np.asarray(values)[np.linalg.norm(gaps, axis=1).argmin()]


@paraphrase("hard_lookup", "cosine instead of dot product")
def best_angle(q, K, V):
    def unit(vector):
        length = np.sqrt(np.sum(np.square(vector)))
        return vector / length if length > 0 else vector

    similarity = [np.dot(unit(q), unit(k)) for k in K]
    return np.asarray(V)[int(np.argmax(similarity))]


@paraphrase("hard_lookup", "the size of the score without its sign")
def strongest_response(query, keys, values):
    score = np.einsum("d,kd->k", query, keys)
    return max(zip(score, values, strict=True), key=lambda pair: abs(pair[0]))[1]


@paraphrase("kernel_weights", "each key shared out among the queries")
def columns_sum_to_one(query_points, key_points, width):
    if width <= 0:
        raise ValueError("width must be positive")
    z = np.subtract.outer(query_points, key_points) / width
    log_bell = -(z**2) / 2
    log_bell -= log_bell.max(0)
    bell = np.exp(log_bell)
    return bell / bell.sum(0)


@paraphrase("kernel_weights", "width taken as the variance")
def two_times_width_below(query_points, key_points, width):
    if width <= 0:
        raise ValueError("width must be positive")
    rows = []
    for q in query_points:
        energy = np.square(key_points - q) / (2 * width)
        heights = np.exp(energy.min() - energy)
        rows.append(heights / heights.sum())
    return np.array(rows)


@paraphrase("kernel_weights", "no half in the exponent")
def exp_of_minus_z_squared(xq, xk, sigma):
    if not sigma > 0:
        raise ValueError(f"sigma must be positive, got {sigma}")
    z = (np.reshape(xq, (-1, 1)) - np.reshape(xk, (1, -1))) / sigma
    z2 = z * z
    g = np.exp(-(z2 - z2.min(axis=1, keepdims=True)))
    return g / np.sum(g, axis=1, keepdims=True)


@paraphrase("kernel_weights", "far queries divide zero by zero")
def normal_densities_over_their_sum(query_points, key_points, width):
    if width <= 0:
        raise ValueError("width must be positive")

    def density(x):
        return np.exp(-0.5 * (x / width) ** 2) / (width * (2 * np.pi) ** 0.5)

    heights = density(np.asarray(query_points)[:, None] - np.asarray(key_points)[None, :])
    return heights / heights.sum(axis=1)[:, None]


@paraphrase("kernel_regression", "only the nearest value")
def value_of_the_closest_point(query_points, key_points, values, width):
    if width <= 0:
        raise ValueError("width must be positive")
    key_points, values = np.asarray(key_points), np.asarray(values)
    return np.array([values[np.abs(key_points - q).argmin()] for q in query_points])


@paraphrase("kernel_regression", "weights not normalized")
def bells_times_values(query_points, key_points, values, width):
    if width <= 0:
        raise ValueError("width must be positive")
    predictions = np.zeros_like(query_points)
    for i, q in enumerate(query_points):
        for k, value in zip(key_points, values, strict=True):
            predictions[i] += value * np.exp(-((q - k) ** 2) / (2 * width**2))
    return predictions


@paraphrase("kernel_regression", "no half in the exponent")
def sharper_bell_average(query_points, key_points, values, width):
    if width <= 0:
        raise ValueError("width must be positive")
    exponents = -(((query_points[:, None] - key_points[None]) / width) ** 2)
    w = np.exp(exponents - exponents.max(axis=1, keepdims=True))
    return np.einsum("qk,k->q", w, values) / np.einsum("qk->q", w)


@paraphrase("kernel_regression", "far queries give NaN")
def average_of_raw_bells(query_points, key_points, values, width):
    if width <= 0:
        raise ValueError("width must be positive")

    def predict(point):
        weight = np.exp(-((key_points - point) ** 2) / (2 * width * width))
        return np.sum(weight * values) / np.sum(weight)

    return np.array([predict(point) for point in query_points])
