"""Linear attention, with its weights in sight."""

import math

import numpy as np

from attncore.exercises.exercise import case, code, usual
from attncore.exercises.recurrent.cases import NO_WEIGHT, SUMS_TO_ONE, linear_with
from attncore.masks import causal_mask
from attncore.recurrent import feature_map, linear_attention
from attncore.softmax import masked_softmax

LAST_POSITIONS = "With causal=True and fewer queries than keys, the queries are the last positions."

exercise = code(
    linear_attention,
    usual(sizes={"q": 3, "k": 3}),
    case("as many tokens as the width", sizes={"q": 8, "k": 8}),
    case("causal=True", small=True, sizes={"q": 3}, causal=True),
    case("every key visible", small=True, causal=False),
    case("every key visible, no two axes of one length", causal=False),
    case("every key visible, in a batch", lead=(2,), causal=False),
    case(
        "queries and keys of zero",
        small=True,
        sizes={"q": 3},
        query=lambda rng, s: np.zeros((s.q, s.d)),
        key=lambda rng, s: np.zeros((s.k, s.d)),
    ),
    case("large numbers", sizes={"q": 5}, magnitude=200.0),
    case("fewer queries than keys", small=True, promise=LAST_POSITIONS),
    case("one query at the end", sizes={"q": 1}, promise=LAST_POSITIONS),
    case(
        "features close to zero",
        small=True,
        query=np.full((2, 2), -24.0),
        key=np.array([[-24.0, -23], [-22, -24]]),
        value=np.array([[3.0], [6]]),
        promise=SUMS_TO_ONE,
    ),
    case(
        "features close to zero, every key visible",
        small=True,
        query=lambda rng, s: rng.standard_normal((s.q, s.d)).round(1) - 24,
        key=lambda rng, s: rng.standard_normal((s.k, s.d)).round(1) - 24,
        causal=False,
        promise=SUMS_TO_ONE,
    ),
    case(
        "a query whose features round to zero",
        small=True,
        query=np.array([[-2000.0, -3000], [1, 0]]),
        key=np.array([[0.0, 1], [2, -2]]),
        value=np.array([[3.0], [6]]),
        promise=NO_WEIGHT,
    ),
    case(
        "queries whose features round to zero, every key visible",
        small=True,
        query=lambda rng, s: np.full((s.q, s.d), -2000.0),
        causal=False,
        promise=NO_WEIGHT,
    ),
    tolerance=1e-5,  # published code adds 1e-6 to the sum
)


@exercise.mistake("no feature map")
def no_feature_map(query, key, value, causal=True):
    return linear_with(lambda x: x, query, key, value, causal)


@exercise.mistake("no feature map and no division")
def no_feature_map_and_no_division(query, key, value, causal=True):
    weights = query @ np.swapaxes(key, -1, -2)
    if causal:
        weights = weights * causal_mask(query.shape[-2], key.shape[-2])
    return weights @ value


@exercise.mistake("ReLU as the feature map")
def relu_as_the_feature_map(query, key, value, causal=True):
    return linear_with(lambda x: np.maximum(x, 0), query, key, value, causal)


@exercise.mistake("elu without the one")
def elu_without_the_one(query, key, value, causal=True):
    return linear_with(lambda x: feature_map(x) - 1, query, key, value, causal)


@exercise.mistake("the one is added below zero alone")
def the_one_is_added_below_zero_alone(query, key, value, causal=True):
    return linear_with(lambda x: np.where(x > 0, x, np.exp(np.minimum(x, 0))), query, key, value, causal)


@exercise.mistake("the exponential as the feature map")
def the_exponential_as_the_feature_map(query, key, value, causal=True):
    return linear_with(np.exp, query, key, value, causal)


@exercise.mistake("the feature map applied to the scores")
def the_feature_map_applied_to_the_scores(query, key, value, causal=True):
    weights = feature_map(query @ np.swapaxes(key, -1, -2))
    if causal:
        weights = weights * causal_mask(query.shape[-2], key.shape[-2])
    total = weights.sum(axis=-1, keepdims=True)
    return weights @ value / np.where(total == 0, 1, total)


@exercise.mistake("softmax instead of a feature map")
def softmax_instead_of_a_feature_map(query, key, value, causal=True):
    mask = causal_mask(query.shape[-2], key.shape[-2]) if causal else None
    return masked_softmax(query @ np.swapaxes(key, -1, -2), mask) @ value


@exercise.mistake("not causal")
def not_causal(query, key, value, causal=True):
    return linear_attention(query, key, value, causal=False)


@exercise.mistake("a small number added to the sum")
def a_small_number_added_to_the_sum(query, key, value, causal=True):
    weights = feature_map(query) @ np.swapaxes(feature_map(key), -1, -2)
    if causal:
        weights = weights * causal_mask(query.shape[-2], key.shape[-2])
    return weights @ value / (weights.sum(axis=-1, keepdims=True) + 1e-6)


@exercise.mistake("the token itself is hidden")
def the_token_itself_is_hidden(query, key, value, causal=True):
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


@exercise.mistake("a scale before the feature map")
def a_scale_before_the_feature_map(query, key, value, causal=True):
    return linear_attention(query / math.sqrt(query.shape[-1]), key, value, causal)


@exercise.mistake("queries taken as the first positions")
def queries_taken_as_the_first_positions(query, key, value, causal=True):
    weights = feature_map(query) @ np.swapaxes(feature_map(key), -1, -2)
    if causal:
        weights = np.tril(weights)
    total = weights.sum(axis=-1, keepdims=True)
    return weights @ value / np.where(total == 0, 1, total)


@exercise.mistake("a query with no weight at all gives NaN")
def a_query_with_no_weight_at_all_gives_nan(query, key, value, causal=True):
    weights = feature_map(query) @ np.swapaxes(feature_map(key), -1, -2)
    if causal:
        weights = weights * causal_mask(query.shape[-2], key.shape[-2])
    return weights @ value / weights.sum(axis=-1, keepdims=True)


@exercise.mistake("the key skips the feature map")
def the_key_skips_the_feature_map(query, key, value, causal=True):
    weights = feature_map(query) @ np.swapaxes(key, -1, -2)
    if causal:
        weights = weights * causal_mask(query.shape[-2], key.shape[-2])
    total = weights.sum(axis=-1, keepdims=True)
    return weights @ value / np.where(total == 0, 1, total)


@exercise.mistake("the query skips the feature map")
def the_query_skips_the_feature_map(query, key, value, causal=True):
    weights = query @ np.swapaxes(feature_map(key), -1, -2)
    if causal:
        weights = weights * causal_mask(query.shape[-2], key.shape[-2])
    total = weights.sum(axis=-1, keepdims=True)
    return weights @ value / np.where(total == 0, 1, total)


@exercise.mistake("divided by the sum over the queries")
def divided_by_the_sum_over_the_queries(query, key, value, causal=True):
    weights = feature_map(query) @ np.swapaxes(feature_map(key), -1, -2)
    if causal:
        weights = weights * causal_mask(query.shape[-2], key.shape[-2])
    total = weights.sum(axis=-2, keepdims=True)
    return weights / np.where(total == 0, 1, total) @ value


@exercise.mistake("a softmax over the products of features")
def a_softmax_over_the_products_of_features(query, key, value, causal=True):
    mask = causal_mask(query.shape[-2], key.shape[-2]) if causal else None
    return masked_softmax(feature_map(query) @ np.swapaxes(feature_map(key), -1, -2), mask) @ value


@exercise.mistake("below zero one too many: exp(x) + 1")
def below_zero_one_too_many(query, key, value, causal=True):
    return linear_with(lambda x: feature_map(x) + (x <= 0), query, key, value, causal)


@exercise.mistake("a scale before the feature map")
def both_scaled_before_the_feature_map(query, key, value, causal=True):
    scale = query.shape[-1] ** -0.25
    return linear_attention(query * scale, key * scale, value, causal)


@exercise.mistake("softplus as the feature map")
def softplus_as_the_feature_map(query, key, value, causal=True):
    return linear_with(lambda x: np.logaddexp(x, 0), query, key, value, causal)


@exercise.mistake("divided by the number of keys")
def divided_by_the_number_of_keys(query, key, value, causal=True):
    weights = feature_map(query) @ np.swapaxes(feature_map(key), -1, -2)
    if causal:
        weights = weights * causal_mask(query.shape[-2], key.shape[-2])
    return weights @ value / key.shape[-2]


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
