"""Weights from a bell."""

import numpy as np

from attncore.exercises.exercise import case, code, usual
from attncore.exercises.weighted_sum.cases import far
from attncore.weighted_sum import kernel_weights

apart = {"query_points": lambda rng, s: np.array([0.0, 1.5]), "key_points": lambda rng, s: np.array([0.0, 50.0, 1.0])}
near = {
    "query_points": lambda rng, s: np.array([-1.9, 0.4, 2.8]),
    "key_points": lambda rng, s: np.array([-2, -1, 0.5, 3]),
}
RAISES = "Raises ValueError unless the width is positive."
exercise = code(
    kernel_weights,
    usual(width=2.0),
    case("as many queries as keys", sizes={"q": 5}, width=0.7),
    case("a narrow bell", width=0.3, **near),
    case("keys far apart", small=True, width=0.5, **apart),
    case(
        "a query far from every key",
        promise="A query far from every key still has a row that sums to one.",
        small=True,
        width=0.5,
        **far,
    ),
    case("a width of zero", small=True, width=0.0, promise=RAISES),
    case("a width below zero", small=True, width=-1.0, promise=RAISES),
)


def bell_of(exponent):
    """Heights whose largest in each row is 1."""
    return np.exp(exponent - exponent.max(axis=-1, keepdims=True))


def shares(heights):
    return heights / heights.sum(axis=-1, keepdims=True)


def scaled_distance(query_points, key_points, width):
    if width <= 0:
        raise ValueError("the width is not positive")
    return (query_points[:, None] - key_points) / width


@exercise.mistake("rows not normalized")
def rows_not_normalized(query_points, key_points, width):
    return np.exp(-0.5 * scaled_distance(query_points, key_points, width) ** 2)


@exercise.mistake("normalized over the queries")
def normalized_over_the_queries(query_points, key_points, width):
    distance = query_points[:, None] - key_points
    exponent = -0.5 * (distance / width) ** 2
    bell = np.exp(exponent - exponent.max(axis=-1, keepdims=True))
    return bell / bell.sum(axis=0, keepdims=True)


@exercise.mistake("each key shared out among the queries")
def each_key_shared_out_among_the_queries(query_points, key_points, width):
    exponent = -0.5 * scaled_distance(query_points, key_points, width) ** 2
    bell = np.exp(exponent - exponent.max(axis=0))
    return bell / bell.sum(axis=0)


@exercise.mistake("sum without keepdims")
def sum_without_keepdims(query_points, key_points, width):
    heights = bell_of(-0.5 * scaled_distance(query_points, key_points, width) ** 2)
    return heights / heights.sum(axis=-1)


@exercise.mistake("width taken as the variance")
def width_taken_as_the_variance(query_points, key_points, width):
    return shares(bell_of(-0.5 * scaled_distance(query_points, key_points, width) ** 2 * width))


@exercise.mistake("no half in the exponent")
def no_half_in_the_exponent(query_points, key_points, width):
    return shares(bell_of(-(scaled_distance(query_points, key_points, width) ** 2)))


@exercise.mistake("distance not squared")
def distance_not_squared(query_points, key_points, width):
    return shares(bell_of(-0.5 * np.abs(scaled_distance(query_points, key_points, width))))


@exercise.mistake("no minus sign in the exponent")
def no_minus_sign_in_the_exponent(query_points, key_points, width):
    return shares(bell_of(0.5 * scaled_distance(query_points, key_points, width) ** 2))


@exercise.mistake("width not used")
def width_not_used(query_points, key_points, width):
    return shares(bell_of(-0.5 * (scaled_distance(query_points, key_points, width) * width) ** 2))


@exercise.mistake("multiplied by the width")
def multiplied_by_the_width(query_points, key_points, width):
    return shares(bell_of(-0.5 * (scaled_distance(query_points, key_points, width) * width**2) ** 2))


@exercise.mistake("far queries get no weight at all")
def far_queries_get_no_weight_at_all(query_points, key_points, width):
    bell = np.exp(-0.5 * scaled_distance(query_points, key_points, width) ** 2)
    return bell / (bell.sum(axis=-1, keepdims=True) + 1e-12)


@exercise.mistake("far queries divide zero by zero")
def far_queries_divide_zero_by_zero(query_points, key_points, width):
    return shares(np.exp(-0.5 * scaled_distance(query_points, key_points, width) ** 2))


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
