"""Linear attention, as a recurrence."""

import numpy as np

from attncore.exercises.exercise import case, code, usual
from attncore.exercises.recurrent.cases import NO_WEIGHT, SUMS_TO_ONE, linear_with
from attncore.masks import causal_mask
from attncore.recurrent import feature_map, linear_attention, linear_attention_recurrent

exercise = code(
    linear_attention_recurrent,
    usual(),
    case("one token", small=True, sizes={"n": 1}),
    case("as many tokens as the width", sizes={"n": 8}),
    case("values as wide as the keys", sizes={"v": 8}),
    case("numbers in the hundreds", magnitude=200.0),
    case(
        "queries and keys of zero",
        small=True,
        query=lambda rng, s: np.zeros((s.n, s.d)),
        key=lambda rng, s: np.zeros((s.n, s.d)),
    ),
    case(
        "features close to zero",
        small=True,
        query=np.full((2, 2), -24.0),
        key=np.array([[-24.0, -23], [-22, -24]]),
        value=np.array([[3.0], [6]]),
        promise=SUMS_TO_ONE,
    ),
    case(
        "features close to zero, in a batch",
        small=True,
        lead=(2,),
        query=lambda rng, s: rng.standard_normal((2, s.n, s.d)).round(1) - 24,
        key=lambda rng, s: rng.standard_normal((2, s.n, s.d)).round(1) - 24,
        promise=SUMS_TO_ONE,
    ),
    case(
        "a first key whose features round to zero",
        small=True,
        key=lambda rng, s: np.vstack([np.full((1, s.d), -2000.0), rng.standard_normal((s.n - 1, s.d)).round(1)]),
        promise=NO_WEIGHT,
    ),
    tolerance=1e-5,  # published code adds 1e-6 to the sum
)


def walked(query, key, value, keep=1.0, divided=True):
    """The recurrence with its steps made wrong: what is kept of the state, and whether it is divided by its sum."""
    query, key = feature_map(query), feature_map(key)
    memory = total = 0.0
    rows = []
    for i in range(query.shape[-2]):
        memory = memory * keep + key[..., i, :, None] * value[..., i, None, :]
        total = total * keep + key[..., i, :]
        asked = query[..., i, None, :]
        rows.append(asked @ memory / (share_of(asked, total) if divided else 1))
    return np.concatenate(rows, axis=-2)


def share_of(asked, total):
    share = asked @ total[..., None]
    return np.where(share == 0, 1, share)


@exercise.mistake("a small number added to the sum")
def a_small_number_added_to_the_sum(query, key, value):
    weights = feature_map(query) @ np.swapaxes(feature_map(key), -1, -2) * causal_mask(query.shape[-2])
    return weights @ value / (weights.sum(axis=-1, keepdims=True) + 1e-6)


@exercise.mistake("the state is read before the token is added")
def the_state_is_read_before_the_token_is_added(query, key, value):
    query, key = feature_map(query), feature_map(key)
    memory, total = np.zeros((*key.shape[:-2], key.shape[-1], value.shape[-1])), np.zeros_like(key[..., 0, :])
    rows = []
    for i in range(query.shape[-2]):
        asked = query[..., i, None, :]
        rows.append(asked @ memory / share_of(asked, total))
        memory = memory + key[..., i, :, None] * value[..., i, None, :]
        total = total + key[..., i, :]
    return np.concatenate(rows, axis=-2)


@exercise.mistake("not divided by the sum")
def not_divided_by_the_sum(query, key, value):
    return walked(query, key, value, divided=False)


@exercise.mistake("the state is replaced instead of added to")
def the_state_is_replaced_instead_of_added_to(query, key, value):
    return walked(query, key, value, keep=0.0)


@exercise.mistake("the state decays at every step")
def the_state_decays_at_every_step(query, key, value):
    return walked(query, key, value, keep=0.5)


@exercise.mistake("no feature map")
def no_feature_map(query, key, value):
    return linear_with(lambda x: x, query, key, value, True)


@exercise.mistake("a token with no weight at all gives NaN")
def a_token_with_no_weight_at_all_gives_nan(query, key, value):
    weights = feature_map(query) @ np.swapaxes(feature_map(key), -1, -2) * causal_mask(query.shape[-2])
    return weights @ value / weights.sum(axis=-1, keepdims=True)


@exercise.mistake("no feature map and no division")
def no_feature_map_and_no_division(query, key, value):
    return (query @ np.swapaxes(key, -1, -2) * causal_mask(query.shape[-2])) @ value


@exercise.mistake("the query skips the feature map")
def the_query_skips_the_feature_map(query, key, value):
    phi = feature_map(key)
    memory = np.cumsum(phi[..., None] * value[..., None, :], axis=-3)
    total = np.sum(query * np.cumsum(phi, axis=-2), axis=-1, keepdims=True)
    return np.einsum("...nd,...ndv->...nv", query, memory) / np.where(total == 0, 1, total)


@exercise.mistake("not causal: the state holds the whole sequence")
def not_causal_the_state_holds_the_whole_sequence(query, key, value):
    return linear_attention(query, key, value, causal=False)


@exercise.mistake("divided by the sum over the whole sequence")
def divided_by_the_sum_over_the_whole_sequence(query, key, value):
    memory = np.cumsum(feature_map(key)[..., None] * value[..., None, :], axis=-3)
    total = feature_map(query) @ feature_map(key).sum(axis=-2)[..., None]
    return np.einsum("...nd,...ndv->...nv", feature_map(query), memory) / np.where(total == 0, 1, total)


@exercise.mistake("divided by the number of tokens")
def divided_by_the_number_of_tokens(query, key, value):
    count = np.arange(1, key.shape[-2] + 1)[:, None]
    return walked(query, key, value, divided=False) / count


@exercise.mistake("one state shared by the whole batch")
def one_state_shared_by_the_whole_batch(query, key, value):
    query, key = feature_map(query), feature_map(key)
    products = key[..., None] * value[..., None, :]
    together = tuple(range(key.ndim - 2))
    memory = np.cumsum(products.sum(axis=together), axis=-3)
    total = np.cumsum(key.sum(axis=together), axis=-2)
    share = (query * total).sum(axis=-1, keepdims=True)
    return np.einsum("...nd,ndv->...nv", query, memory) / np.where(share == 0, 1, share)


@exercise.mistake("the key skips the feature map")
def the_key_skips_the_feature_map(query, key, value):
    memory = np.cumsum(key[..., None] * value[..., None, :], axis=-3)
    total = np.sum(feature_map(query) * np.cumsum(key, axis=-2), axis=-1, keepdims=True)
    return np.einsum("...nd,...ndv->...nv", feature_map(query), memory) / np.where(total == 0, 1, total)


@exercise.mistake("divided by the weight of the token itself")
def divided_by_its_own_weight(query, key, value):
    query, key = feature_map(query), feature_map(key)
    memory = np.cumsum(key[..., None] * value[..., None, :], axis=-3)
    total = np.sum(query * key, axis=-1, keepdims=True)
    return np.einsum("...nd,...ndv->...nv", query, memory) / np.where(total == 0, 1, total)


@exercise.mistake("divided by the sum of the features, whatever the query is")
def divided_without_the_query(query, key, value):
    query, key = feature_map(query), feature_map(key)
    memory = np.cumsum(key[..., None] * value[..., None, :], axis=-3)
    total = np.cumsum(key, axis=-2).sum(axis=-1, keepdims=True)
    return np.einsum("...nd,...ndv->...nv", query, memory) / np.where(total == 0, 1, total)


@exercise.another_way
def all_states_at_once(query, key, value):
    query, key = feature_map(query), feature_map(key)
    memory = np.cumsum(key[..., None] * value[..., None, :], axis=-3)
    total = np.cumsum(key, axis=-2)
    asked = np.einsum("...nd,...ndv->...nv", query, memory)
    share = (query * total).sum(axis=-1, keepdims=True)
    return asked / np.where(share == 0, 1, share)


@exercise.another_way
def two_tokens_at_a_time(query, key, value):
    query, key = feature_map(query), feature_map(key)
    value = np.concatenate([value, np.ones_like(value[..., :1])], axis=-1)
    memory, rows = 0 * key[..., 0, :, None] * value[..., 0, None, :], []
    for start in range(0, key.shape[-2], 2):
        q, k, v = (x[..., start : start + 2, :] for x in (query, key, value))
        rows.append(q @ memory + np.tril(q @ k.swapaxes(-1, -2)) @ v)
        memory = memory + k.swapaxes(-1, -2) @ v
    out = np.concatenate(rows, axis=-2)
    return out[..., :-1] / np.where(out[..., -1:] == 0, 1, out[..., -1:])


@exercise.another_way
def state_in_lists(query, key, value):
    if np.ndim(query) > 2:
        return [state_in_lists(*one) for one in zip(query, key, value, strict=True)]
    width, wide = len(key[0]), len(value[0])
    memory, total, out = [[0.0] * wide for _ in range(width)], [0.0] * width, []
    for q, k, v in zip(feature_map(query), feature_map(key), value, strict=True):
        for a in range(width):
            total[a] += k[a]
            memory[a] = [m + k[a] * x for m, x in zip(memory[a], v, strict=True)]
        share = sum(q[a] * total[a] for a in range(width)) or 1
        out.append([sum(q[a] * memory[a][b] for a in range(width)) / share for b in range(wide)])
    return out
