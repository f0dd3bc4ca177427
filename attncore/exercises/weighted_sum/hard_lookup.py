"""Hard lookup."""

import numpy as np

from attncore.exercises.exercise import case, code, usual
from attncore.weighted_sum import hard_lookup

exercise = code(
    hard_lookup,
    usual(),
    case(
        "two keys that match equally well",
        promise="Among equals the first key wins.",
        small=True,
        query=lambda rng, s: np.array([1.0, 0, 0, 0]),
        keys=lambda rng, s: np.array([[1.0, 0, 2, 0], [2, 1, 0, 0], [2, 0, 0, 3]]),
        values=lambda rng, s: np.array([[1.0], [2], [3]]),
    ),
    case(
        "a long key",
        small=True,
        query=lambda rng, s: np.array([1.0, 1, 0, 0]),
        keys=lambda rng, s: np.array([[1.0, 1, 0, 0], [9, 0, 9, 0], [-20, 1, 0, 0]]),
        values=lambda rng, s: np.array([[1.0], [2], [3]]),
    ),
    case(
        "scores all negative",
        keys=lambda rng, s: -np.abs(rng.standard_normal((s.k, s.d))),
        query=lambda rng, s: np.abs(rng.standard_normal(s.d)),
    ),
)


@exercise.mistake("the worst match")
def the_worst_match(query, keys, values):
    return values[np.argmin(keys @ query)]


@exercise.mistake("the key instead of its value")
def the_key_instead_of_its_value(query, keys, values):
    return keys[np.argmax(keys @ query)]


@exercise.mistake("the index instead of the value")
def the_index_instead_of_the_value(query, keys, values):
    return np.argmax(keys @ query)


@exercise.mistake("the score instead of the value")
def the_score_instead_of_the_value(query, keys, values):
    return np.max(keys @ query)


@exercise.mistake("the nearest key instead")
def the_nearest_key_instead(query, keys, values):
    return values[np.argmin(np.sum((keys - query) ** 2, axis=-1))]


@exercise.mistake("the last among equals")
def the_last_among_equals(query, keys, values):
    scores = keys @ query
    return values[len(scores) - 1 - np.argmax(scores[::-1])]


@exercise.mistake("ties are averaged")
def ties_are_averaged(query, keys, values):
    best = keys @ query == np.max(keys @ query)
    return values[best].mean(axis=0)


@exercise.mistake("cosine instead of dot product")
def cosine_instead_of_dot_product(query, keys, values):
    return values[np.argmax(keys @ query / np.linalg.norm(keys, axis=-1))]


@exercise.mistake("the size of the score without its sign")
def the_size_of_the_score_without_its_sign(query, keys, values):
    return values[np.argmax(np.abs(keys @ query))]


@exercise.mistake("a soft lookup")
def a_soft_lookup(query, keys, values):
    exponentials = np.exp(keys @ query)
    return exponentials @ values / exponentials.sum()


@exercise.another_way
def a_python_loop(query, keys, values):
    best, best_score = 0, -np.inf
    for place, key in enumerate(keys):
        score = sum(a * b for a, b in zip(query, key, strict=True))
        if score > best_score:
            best, best_score = place, score
    return list(values[best])


@exercise.another_way
def one_hot_weights(query, keys, values):
    scores = keys @ query
    weights = np.zeros(len(keys))
    weights[scores.argmax()] = 1
    return weights @ values
