"""Scores: every query against every key."""

import math

import numpy as np

from attncore.dot_product import attention_scores
from attncore.exercises.dot_product.cases import scale_cases
from attncore.exercises.exercise import case, code, usual
from attncore.softmax import softmax

exercise = code(
    attention_scores,
    usual(),
    *scale_cases(),
    case("scores in the thousands", magnitude=60.0),
)


@exercise.mistake("no scale")
def no_scale(query, key, scale=None):
    return query @ np.swapaxes(key, -1, -2) * (1 if scale is None else scale)


@exercise.mistake("divided by the width")
def divided_by_the_width(query, key, scale=None):
    return attention_scores(query, key, 1 / query.shape[-1] if scale is None else scale)


@exercise.mistake("divided by the square root of the number of keys")
def square_root_of_the_number_of_keys(query, key, scale=None):
    return attention_scores(query, key, 1 / math.sqrt(key.shape[-2]) if scale is None else scale)


@exercise.mistake("multiplied by the square root of the width")
def multiplied_by_the_square_root(query, key, scale=None):
    return attention_scores(query, key, math.sqrt(query.shape[-1]) if scale is None else scale)


@exercise.mistake("key reshaped instead of transposed")
def key_reshaped_instead_of_transposed(query, key, scale=None):
    *leading, n_keys, width = key.shape
    scale = 1 / math.sqrt(width) if scale is None else scale
    return query @ key.reshape(*leading, width, n_keys) * scale


@exercise.mistake("queries and keys swapped")
def queries_and_keys_swapped(query, key, scale=None):
    return attention_scores(key, query, scale)


@exercise.mistake("a given scale is ignored")
def given_scale_ignored(query, key, scale=None):
    return attention_scores(query, key)


@exercise.mistake("a given scale on top of the square root")
def given_scale_on_top(query, key, scale=None):
    return attention_scores(query, key) * (1 if scale is None else scale)


@exercise.mistake("a given scale divides")
def given_scale_divides(query, key, scale=None):
    return attention_scores(query, key, None if scale is None else 1 / np.float64(scale))


@exercise.mistake("a scale of zero is taken for none")
def scale_of_zero_taken_for_none(query, key, scale=None):
    return attention_scores(query, key, scale or None)


@exercise.mistake("all axes reversed")
def all_axes_reversed(query, key, scale=None):
    return query @ key.T * (1 / math.sqrt(query.shape[-1]) if scale is None else scale)


@exercise.mistake("`np.dot` pairs every batch with every other")
def np_dot_pairs_every_batch_with_every_other(query, key, scale=None):
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    return np.dot(query, np.swapaxes(key, -1, -2)) * scale


@exercise.mistake("cosine similarity")
def cosine_similarity(query, key, scale=None):
    query = query / np.linalg.norm(query, axis=-1, keepdims=True)
    key = key / np.linalg.norm(key, axis=-1, keepdims=True)
    return query @ np.swapaxes(key, -1, -2)


@exercise.mistake("softmax already applied")
def softmax_already_applied(query, key, scale=None):
    return softmax(attention_scores(query, key, scale))


@exercise.another_way
def with_einsum(query, key, scale=None):
    scores = np.einsum("...qd,...kd->...qk", query, key)
    return scores / query.shape[-1] ** 0.5 if scale is None else scores * scale


@exercise.another_way
def query_scaled_first(query, key, scale=None):
    factor = query.shape[-1] ** -0.5 if scale is None else scale
    return (query * factor) @ key.swapaxes(-1, -2)


@exercise.another_way
def dot_product_by_dot_product(query, key, scale=None):
    if np.ndim(query) > 2:
        return [dot_product_by_dot_product(q, k, scale) for q, k in zip(query, key, strict=True)]
    factor = 1 / math.sqrt(len(query[0])) if scale is None else scale
    return [[factor * sum(a * b for a, b in zip(q, k, strict=True)) for k in key] for q in query]
