"""Kernel regression."""

import numpy as np

from attncore.exercises.exercise import case, code, usual
from attncore.exercises.weighted_sum.cases import far
from attncore.weighted_sum import kernel_regression, kernel_weights, weighted_sum

exercise = code(
    kernel_regression,
    usual(width=2.0),
    case("as many queries as keys", sizes={"q": 5}, width=0.7),
    case(
        "a query far from every key",
        promise="A query far from every key still gets a mean of the values, never NaN.",
        small=True,
        width=0.5,
        **far,
    ),
)


@exercise.mistake("plain mean")
def plain_mean(query_points, key_points, values, width):
    return np.full(len(query_points), values.mean())


@exercise.mistake("only the nearest value")
def nearest_neighbor(query_points, key_points, values, width):
    return values[np.argmin(np.abs(query_points[:, None] - key_points), axis=-1)]


@exercise.mistake("weights not normalized")
def weights_not_normalized(query_points, key_points, values, width):
    return np.exp(-0.5 * ((query_points[:, None] - key_points) / width) ** 2) @ values


@exercise.mistake("weights normalized over the queries")
def weights_normalized_over_the_queries(query_points, key_points, values, width):
    bell = np.exp(-0.5 * ((query_points[:, None] - key_points) / width) ** 2)
    return bell / bell.sum(axis=0) @ values


@exercise.mistake("width taken as the variance")
def variance_instead_of_width(query_points, key_points, values, width):
    return kernel_weights(query_points, key_points, np.sqrt(width)) @ values


@exercise.mistake("no half in the exponent")
def no_half_in_the_exponent(query_points, key_points, values, width):
    return kernel_weights(query_points, key_points, width / np.sqrt(2)) @ values


@exercise.mistake("far queries get zero")
def far_queries_get_zero(query_points, key_points, values, width):
    bell = np.exp(-0.5 * ((query_points[:, None] - key_points) / width) ** 2)
    return bell @ values / (bell.sum(axis=-1) + 1e-12)


@exercise.mistake("far queries give NaN")
def far_queries_give_nan(query_points, key_points, values, width):
    bell = np.exp(-0.5 * ((query_points[:, None] - key_points) / width) ** 2)
    return bell @ values / bell.sum(axis=-1)


@exercise.another_way
def numerator_over_denominator(query_points, key_points, values, width):
    squares = (query_points[:, None] - key_points) ** 2
    bell = np.exp((squares.min(axis=1, keepdims=True) - squares) / (2 * width**2))
    return (bell * values).sum(axis=1) / bell.sum(axis=1)


@exercise.another_way
def as_a_weighted_sum(query_points, key_points, values, width):
    weights = kernel_weights(query_points, key_points, width)
    return weighted_sum(weights, values[:, None])[:, 0]
