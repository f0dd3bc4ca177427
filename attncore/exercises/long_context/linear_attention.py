"""Linear attention, with its weights in sight."""

import math

import numpy as np

from attncore.exercises.exercise import case, code, usual
from attncore.exercises.long_context.cases import linear_with
from attncore.long_context import feature_map, linear_attention
from attncore.masks import causal_mask
from attncore.softmax import masked_softmax


def linear_case(name, **more):
    return case(name, **more)


exercise = code(
    linear_attention,
    usual(),
    linear_case("as many queries as keys", small=True, sizes={"q": 3}),
    linear_case("causal, said aloud", small=True, causal=True),
    linear_case("every key visible", small=True, causal=False),
    linear_case("every key visible, in a batch", lead=(2,), causal=False),
    linear_case("one query at the end", sizes={"q": 1}),
    linear_case("more queries than keys", small=True, sizes={"q": 4, "k": 2}),
    linear_case(
        "queries and keys of zero",
        small=True,
        query=lambda rng, s: np.zeros((s.q, s.d)),
        key=lambda rng, s: np.zeros((s.k, s.d)),
    ),
    linear_case("large numbers", magnitude=200.0),
    linear_case(
        "features close to zero",
        small=True,
        query=np.full((2, 2), -9.0),
        key=np.array([[-9.0, -8], [-7, -9], [-8, -8]]),
        value=np.array([[3.0], [6], [-3]]),
    ),
    linear_case(
        "integers",
        small=True,
        query=np.array([[1, -1], [0, 2]]),
        key=np.array([[0, 1], [2, -2], [-1, 0]]),
        value=np.array([[3], [6], [-3]]),
    ),
    linear_case(
        "a query that has no feature left",
        small=True,
        query=np.array([[-2000.0, -3000], [1, 0]]),
        key=np.array([[0.0, 1], [2, -2], [-1, 0]]),
    ),
)


@exercise.mistake("no feature map")
def no_feature_map(query, key, value, causal=True):
    return linear_with(lambda x: x, query, key, value, causal)


@exercise.mistake("negative numbers cut to zero")
def negative_numbers_cut_to_zero(query, key, value, causal=True):
    return linear_with(lambda x: np.maximum(x, 0), query, key, value, causal)


@exercise.mistake("elu without the one")
def elu_without_the_one(query, key, value, causal=True):
    return linear_with(lambda x: feature_map(x) - 1, query, key, value, causal)


@exercise.mistake("exponential as the feature map")
def exponential_as_the_feature_map(query, key, value, causal=True):
    return linear_with(np.exp, query, key, value, causal)


@exercise.mistake("features of the product")
def features_of_the_product(query, key, value, causal=True):
    weights = feature_map(query @ np.swapaxes(key, -1, -2))
    if causal:
        weights = weights * causal_mask(query.shape[-2], key.shape[-2])
    total = weights.sum(axis=-1, keepdims=True)
    return weights @ value / np.where(total == 0, 1, total)


@exercise.mistake("softmax instead of features")
def softmax_instead_of_features(query, key, value, causal=True):
    mask = causal_mask(query.shape[-2], key.shape[-2]) if causal else None
    return masked_softmax(query @ np.swapaxes(key, -1, -2), mask) @ value


@exercise.mistake("future visible")
def future_visible(query, key, value, causal=True):
    return linear_attention(query, key, value, causal=False)


@exercise.mistake("small number added to the sum")
def small_number_added_to_the_sum(query, key, value, causal=True):
    weights = feature_map(query) @ np.swapaxes(feature_map(key), -1, -2)
    if causal:
        weights = weights * causal_mask(query.shape[-2], key.shape[-2])
    return weights @ value / (weights.sum(axis=-1, keepdims=True) + 1e-6)


@exercise.mistake("own token hidden")
def own_token_hidden(query, key, value, causal=True):
    weights = feature_map(query) @ np.swapaxes(feature_map(key), -1, -2)
    if causal:
        weights = weights * np.tri(query.shape[-2], key.shape[-2], key.shape[-2] - query.shape[-2] - 1)
    total = weights.sum(axis=-1, keepdims=True)
    return weights @ value / np.where(total == 0, 1, total)


@exercise.mistake("always causal")
def always_causal(query, key, value, causal=True):
    return linear_attention(query, key, value)


@exercise.mistake("not divided by the sum")
def not_divided_by_the_sum(query, key, value, causal=True):
    weights = feature_map(query) @ np.swapaxes(feature_map(key), -1, -2)
    if causal:
        weights = weights * causal_mask(query.shape[-2], key.shape[-2])
    return weights @ value


@exercise.mistake("divided by the sum over all keys")
def divided_by_the_sum_over_all_keys(query, key, value, causal=True):
    weights = feature_map(query) @ np.swapaxes(feature_map(key), -1, -2)
    total = weights.sum(axis=-1, keepdims=True)
    weights = weights / np.where(total == 0, 1, total)
    if causal:
        weights = weights * causal_mask(query.shape[-2], key.shape[-2])
    return weights @ value


@exercise.mistake("scaled before the feature map")
def scaled_before_the_feature_map(query, key, value, causal=True):
    return linear_attention(query / math.sqrt(query.shape[-1]), key, value, causal)


@exercise.mistake("queries taken as the first positions")
def queries_taken_as_the_first_positions(query, key, value, causal=True):
    weights = feature_map(query) @ np.swapaxes(feature_map(key), -1, -2)
    if causal:
        weights = np.tril(weights)
    total = weights.sum(axis=-1, keepdims=True)
    return weights @ value / np.where(total == 0, 1, total)


@exercise.mistake("nothing visible gives nan")
def nothing_visible_gives_nan(query, key, value, causal=True):
    weights = feature_map(query) @ np.swapaxes(feature_map(key), -1, -2)
    if causal:
        weights = weights * causal_mask(query.shape[-2], key.shape[-2])
    return weights @ value / weights.sum(axis=-1, keepdims=True)


@exercise.another_way
def keys_and_values_first(query, key, value, causal=True):
    n_query, n_key = query.shape[-2], key.shape[-2]
    query, key = feature_map(query), feature_map(key)
    value = np.concatenate([value, np.ones_like(value[..., :1])], axis=-1)
    rows = []
    for i in range(n_query):
        seen = max(0, n_key - n_query + i + 1) if causal else n_key
        state = np.swapaxes(key[..., :seen, :], -1, -2) @ value[..., :seen, :]
        rows.append(query[..., i : i + 1, :] @ state)
    out = np.concatenate(rows, axis=-2)
    return out[..., :-1] / np.where(out[..., -1:] == 0, 1, out[..., -1:])


@exercise.another_way
def with_einsum(query, key, value, causal=True):
    weights = np.einsum("...qd,...kd->...qk", feature_map(query), feature_map(key))
    if causal:
        weights = np.tril(weights, key.shape[-2] - query.shape[-2])
    total = np.einsum("...qk->...q", weights)[..., None]
    return np.einsum("...qk,...kv->...qv", weights, value) / np.where(total > 0, total, 1)


@exercise.another_way
def weight_by_weight(query, key, value, causal=True):
    if np.ndim(query) > 2:
        return [weight_by_weight(*one, causal) for one in zip(query, key, value, strict=True)]
    phi = [[[x + 1 if x > 0 else math.exp(x) for x in row] for row in rows] for rows in (query, key)]
    out = []
    for i, q in enumerate(phi[0]):
        seen = len(key) - len(query) + i + 1 if causal else len(key)
        weights = [sum(a * b for a, b in zip(q, k, strict=True)) for k in phi[1][: max(seen, 0)]]
        total = sum(weights) or 1
        pairs = list(zip(weights, value, strict=False))
        out.append([sum(w * v[j] for w, v in pairs) / total for j in range(len(value[0]))])
    return out
