"""Lesson 01: weighted sums, hard and soft lookup, kernel regression."""

import numpy as np

from attncore.exercises.exercise import Lesson, case, cases
from attncore.weighted_sum import hard_lookup, kernel_regression, kernel_weights, weighted_sum

lesson = Lesson("01_weighted_sum")

sums = lesson.code(
    weighted_sum,
    cases(
        weighted_sum,
        case(weighted_sum, "as many queries as keys", sizes={"q": 5}),
        case(weighted_sum, "one query", sizes={"q": 1}),
        case(
            weighted_sum,
            "weights that sum to one",
            weights=lambda rng, s: rng.dirichlet(np.ones(s.k), s.q),
        ),
    ),
)


@sums.mistake
def never_added_up(weights, values):
    return weights[..., None] * values[..., None, :, :]


@sums.mistake
def mean_instead_of_sum(weights, values):
    return weights @ values / values.shape[-2]


@sums.mistake
def weights_normalised_first(weights, values):
    return (weights / weights.sum(axis=-1, keepdims=True)) @ values


@sums.mistake
def weights_transposed(weights, values):
    return np.swapaxes(weights, -1, -2) @ values


@sums.mistake
def only_the_heaviest_value(weights, values):
    best = np.argmax(weights, axis=-1)
    return np.take_along_axis(values, best[..., None], axis=-2)


@sums.mistake
def added_over_the_queries(weights, values):
    return weights.sum(axis=-2)[..., None] * values


@sums.mistake
def softmax_of_the_weights(weights, values):
    exponentials = np.exp(weights)
    return exponentials / exponentials.sum(axis=-1, keepdims=True) @ values


@sums.another_way
def with_einsum(weights, values):
    return np.einsum("...qk,...kv->...qv", weights, values)


@sums.another_way
def multiply_then_add(weights, values):
    products = weights[..., :, :, None] * values[..., None, :, :]
    return products.sum(axis=-2)


@sums.another_way
def lists_and_loops(weights, values):
    if np.ndim(weights) > 2:
        return [lists_and_loops(w, v) for w, v in zip(weights, values, strict=True)]
    columns = range(values.shape[1])
    return [[sum(w * value[j] for w, value in zip(row, values, strict=True)) for j in columns] for row in weights]


lookups = lesson.code(
    hard_lookup,
    cases(
        hard_lookup,
        case(
            hard_lookup,
            "two keys that match equally well",
            small=True,
            query=lambda rng, s: np.array([1.0, 0, 0, 0]),
            keys=lambda rng, s: np.array([[1.0, 0, 2, 0], [2, 1, 0, 0], [2, 0, 0, 3]]),
            values=lambda rng, s: np.array([[1.0], [2], [3]]),
        ),
        case(
            hard_lookup,
            "a long key",
            small=True,
            query=lambda rng, s: np.array([1.0, 1, 0, 0]),
            keys=lambda rng, s: np.array([[1.0, 1, 0, 0], [9, 0, 9, 0], [-20, 1, 0, 0]]),
            values=lambda rng, s: np.array([[1.0], [2], [3]]),
        ),
        case(
            hard_lookup,
            "scores all negative",
            keys=lambda rng, s: -np.abs(rng.standard_normal((s.k, s.d))),
            query=lambda rng, s: np.abs(rng.standard_normal(s.d)),
        ),
    ),
)


@lookups.mistake
def the_worst_match(query, keys, values):
    return values[np.argmin(keys @ query)]


@lookups.mistake
def the_key_instead_of_its_value(query, keys, values):
    return keys[np.argmax(keys @ query)]


@lookups.mistake
def the_index_instead_of_the_value(query, keys, values):
    return np.argmax(keys @ query)


@lookups.mistake
def the_nearest_key_instead(query, keys, values):
    return values[np.argmin(np.sum((keys - query) ** 2, axis=-1))]


@lookups.mistake
def the_last_among_equals(query, keys, values):
    scores = keys @ query
    return values[len(scores) - 1 - np.argmax(scores[::-1])]


@lookups.mistake
def cosine_instead_of_dot_product(query, keys, values):
    return values[np.argmax(keys @ query / np.linalg.norm(keys, axis=-1))]


@lookups.mistake
def the_size_of_the_score_without_its_sign(query, keys, values):
    return values[np.argmax(np.abs(keys @ query))]


@lookups.mistake
def a_soft_lookup(query, keys, values):
    exponentials = np.exp(keys @ query)
    return exponentials @ values / exponentials.sum()


@lookups.another_way
def a_python_loop(query, keys, values):
    best, best_score = 0, -np.inf
    for place, key in enumerate(keys):
        score = sum(a * b for a, b in zip(query, key, strict=True))
        if score > best_score:
            best, best_score = place, score
    return list(values[best])


@lookups.another_way
def one_hot_weights(query, keys, values):
    scores = keys @ query
    weights = np.zeros(len(keys))
    weights[scores.argmax()] = 1
    return weights @ values


apart = {"query_points": lambda rng, s: np.array([0.0, 3.0]), "key_points": lambda rng, s: np.array([0.0, 50.0, 1.0])}
far = {"query_points": lambda rng, s: np.array([0.0, 90.0]), "key_points": lambda rng, s: np.array([0.0, 1.0, 3.0])}
kernels = lesson.code(
    kernel_weights,
    cases(
        kernel_weights,
        case(kernel_weights, "as many queries as keys", sizes={"q": 5}, width=0.7),
        case(kernel_weights, "a narrow bell", width=0.3),
        case(
            kernel_weights,
            "a query far from every key",
            small=True,
            stage="a query far from every key",
            width=0.5,
            **far,
        ),
        case(kernel_weights, "keys far apart", small=True, stage="keys far apart", width=0.5, **apart),
        width=2.0,
    ),
)


@kernels.mistake
def rows_not_normalised(query_points, key_points, width):
    return np.exp(-0.5 * ((query_points[:, None] - key_points) / width) ** 2)


@kernels.mistake
def normalised_over_the_queries(query_points, key_points, width):
    distance = query_points[:, None] - key_points
    exponent = -0.5 * (distance / width) ** 2
    bell = np.exp(exponent - exponent.max(axis=-1, keepdims=True))
    return bell / bell.sum(axis=0, keepdims=True)


@kernels.mistake
def width_taken_as_the_variance(query_points, key_points, width):
    exponent = -0.5 * (query_points[:, None] - key_points) ** 2 / width
    bell = np.exp(exponent - exponent.max(axis=-1, keepdims=True))
    return bell / bell.sum(axis=-1, keepdims=True)


@kernels.mistake
def the_half_forgotten(query_points, key_points, width):
    exponent = -(((query_points[:, None] - key_points) / width) ** 2)
    bell = np.exp(exponent - exponent.max(axis=-1, keepdims=True))
    return bell / bell.sum(axis=-1, keepdims=True)


@kernels.mistake
def distance_not_squared(query_points, key_points, width):
    exponent = -0.5 * np.abs(query_points[:, None] - key_points) / width
    bell = np.exp(exponent - exponent.max(axis=-1, keepdims=True))
    return bell / bell.sum(axis=-1, keepdims=True)


@kernels.mistake
def multiplied_by_the_width(query_points, key_points, width):
    exponent = -0.5 * ((query_points[:, None] - key_points) * width) ** 2
    bell = np.exp(exponent - exponent.max(axis=-1, keepdims=True))
    return bell / bell.sum(axis=-1, keepdims=True)


@kernels.mistake
def far_queries_divide_zero_by_zero(query_points, key_points, width):
    bell = np.exp(-0.5 * ((query_points[:, None] - key_points) / width) ** 2)
    return bell / bell.sum(axis=-1, keepdims=True)


@kernels.another_way
def through_the_logarithm(query_points, key_points, width):
    scores = -(np.subtract.outer(query_points, key_points) ** 2) / (2 * width**2)
    log_total = np.logaddexp.reduce(scores, axis=1, keepdims=True)
    return np.exp(scores - log_total)


@kernels.another_way
def row_by_row(query_points, key_points, width):
    rows = []
    for point in query_points:
        squares = (key_points - point) ** 2
        bell = np.exp((squares.min() - squares) / (2 * width * width))
        rows.append(bell / bell.sum())
    return rows


regression = lesson.code(
    kernel_regression,
    cases(
        kernel_regression,
        case(kernel_regression, "as many queries as keys", sizes={"q": 5}, width=0.7),
        case(
            kernel_regression,
            "a query far from every key",
            small=True,
            stage="a query far from every key",
            width=0.5,
            **far,
        ),
        width=2.0,
    ),
)


@regression.mistake
def plain_mean(query_points, key_points, values, width):
    return np.full(len(query_points), values.mean())


@regression.mistake
def nearest_neighbour(query_points, key_points, values, width):
    return values[np.argmin(np.abs(query_points[:, None] - key_points), axis=-1)]


@regression.mistake
def weights_not_normalised(query_points, key_points, values, width):
    return np.exp(-0.5 * ((query_points[:, None] - key_points) / width) ** 2) @ values


@regression.mistake
def weights_normalised_over_the_queries(query_points, key_points, values, width):
    bell = np.exp(-0.5 * ((query_points[:, None] - key_points) / width) ** 2)
    return bell / bell.sum(axis=0) @ values


@regression.mistake
def variance_instead_of_width(query_points, key_points, values, width):
    return kernel_weights(query_points, key_points, np.sqrt(width)) @ values


@regression.mistake
def no_half_in_the_exponent(query_points, key_points, values, width):
    return kernel_weights(query_points, key_points, width / np.sqrt(2)) @ values


@regression.mistake
def far_queries_give_nan(query_points, key_points, values, width):
    bell = np.exp(-0.5 * ((query_points[:, None] - key_points) / width) ** 2)
    return bell @ values / bell.sum(axis=-1)


@regression.another_way
def numerator_over_denominator(query_points, key_points, values, width):
    squares = (query_points[:, None] - key_points) ** 2
    bell = np.exp((squares.min(axis=1, keepdims=True) - squares) / (2 * width**2))
    return (bell * values).sum(axis=1) / bell.sum(axis=1)


@regression.another_way
def as_a_weighted_sum(query_points, key_points, values, width):
    weights = kernel_weights(query_points, key_points, width)
    return weighted_sum(weights, values[:, None])[:, 0]


lesson.debug("fix_weighted_sum", sums, never_added_up)
lesson.debug("fix_kernel_weights", kernels, normalised_over_the_queries)

lesson.numeric("context-by-hand", lambda: 5, the_plain_mean=lambda: 4, only_the_heaviest=lambda: 8)
lesson.numeric(
    "fixed-summary",
    lambda: 50 * 512 * 4,
    one_vector_only=lambda: 512 * 4,
    numbers_not_bytes=lambda: 50 * 512,
)
lesson.predict(
    "context-shape", lambda: (2, 4, 3), keys_kept=lambda: (2, 4, 7, 3), one_row_for_each_key=lambda: (2, 7, 3)
)
lesson.predict("wide-bell", lambda: "the mean", the_other_end=lambda: "the nearest", nothing_left=lambda: "zero")
lesson.explain(
    "what-is-attention", "query-key-value", "why-not-one-vector", "hard-or-soft", "kernels-in-many-dimensions"
)
