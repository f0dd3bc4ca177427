"""Weights from a bell."""

import numpy as np

from attncore.exercises.exercise import case, code, usual
from attncore.exercises.weighted_sum.cases import far
from attncore.weighted_sum import kernel_weights

apart = {"query_points": lambda rng, s: np.array([0.0, 3.0]), "key_points": lambda rng, s: np.array([0.0, 50.0, 1.0])}
exercise = code(
    kernel_weights,
    usual(width=2.0),
    case("as many queries as keys", sizes={"q": 5}, width=0.7),
    case("a narrow bell", width=0.3),
    case("a query far from every key", small=True, width=0.5, **far),
    case("keys far apart", small=True, width=0.5, **apart),
)


@exercise.mistake("rows not normalised")
def rows_not_normalised(query_points, key_points, width):
    return np.exp(-0.5 * ((query_points[:, None] - key_points) / width) ** 2)


@exercise.mistake("normalised over the queries")
def normalised_over_the_queries(query_points, key_points, width):
    distance = query_points[:, None] - key_points
    exponent = -0.5 * (distance / width) ** 2
    bell = np.exp(exponent - exponent.max(axis=-1, keepdims=True))
    return bell / bell.sum(axis=0, keepdims=True)


@exercise.mistake("width taken as the variance")
def width_taken_as_the_variance(query_points, key_points, width):
    exponent = -0.5 * (query_points[:, None] - key_points) ** 2 / width
    bell = np.exp(exponent - exponent.max(axis=-1, keepdims=True))
    return bell / bell.sum(axis=-1, keepdims=True)


@exercise.mistake("the half forgotten")
def the_half_forgotten(query_points, key_points, width):
    exponent = -(((query_points[:, None] - key_points) / width) ** 2)
    bell = np.exp(exponent - exponent.max(axis=-1, keepdims=True))
    return bell / bell.sum(axis=-1, keepdims=True)


@exercise.mistake("distance not squared")
def distance_not_squared(query_points, key_points, width):
    exponent = -0.5 * np.abs(query_points[:, None] - key_points) / width
    bell = np.exp(exponent - exponent.max(axis=-1, keepdims=True))
    return bell / bell.sum(axis=-1, keepdims=True)


@exercise.mistake("multiplied by the width")
def multiplied_by_the_width(query_points, key_points, width):
    exponent = -0.5 * ((query_points[:, None] - key_points) * width) ** 2
    bell = np.exp(exponent - exponent.max(axis=-1, keepdims=True))
    return bell / bell.sum(axis=-1, keepdims=True)


@exercise.mistake("far queries divide zero by zero")
def far_queries_divide_zero_by_zero(query_points, key_points, width):
    bell = np.exp(-0.5 * ((query_points[:, None] - key_points) / width) ** 2)
    return bell / bell.sum(axis=-1, keepdims=True)


@exercise.another_way
def through_the_logarithm(query_points, key_points, width):
    scores = -(np.subtract.outer(query_points, key_points) ** 2) / (2 * width**2)
    log_total = np.logaddexp.reduce(scores, axis=1, keepdims=True)
    return np.exp(scores - log_total)


@exercise.another_way
def row_by_row(query_points, key_points, width):
    rows = []
    for point in query_points:
        squares = (key_points - point) ** 2
        bell = np.exp((squares.min() - squares) / (2 * width * width))
        rows.append(bell / bell.sum())
    return rows
