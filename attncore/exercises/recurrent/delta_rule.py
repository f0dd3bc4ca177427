"""A state that overwrites: the delta rule."""

import math

import numpy as np

from attncore.exercises.exercise import case, code
from attncore.exercises.recurrent.cases import answer, at, upside_down, usual_with, walk
from attncore.recurrent import decay_attention, delta_rule, feature_map

NOTHING = "A token with a beta of 0 writes nothing."
exercise = code(
    delta_rule,
    *usual_with("beta"),
    case("a beta of 1 everywhere", small=True, beta=lambda rng, s: np.ones(s.n)),
    case("one token", small=True, sizes={"n": 1}, beta=np.array([0.5])),
    case(
        "one key, written three times",
        small=True,
        key=np.array([[0.6, 0.8], [0.6, 0.8], [0.6, 0.8]]),
        query=np.array([[0.6, 0.8], [0.6, 0.8], [0.6, 0.8]]),
        value=np.array([[3.0], [6.0], [-1.0]]),
        beta=np.ones(3),
    ),
    case(
        "long keys", small=True, key=lambda rng, s: 3 * rng.standard_normal((s.n, s.d)).round(1), beta=np.full(3, 0.1)
    ),
    case(
        "a token that writes nothing",
        small=True,
        beta=np.array([0.5, 0.0, 0.9]),
        promise=NOTHING,
    ),
)


def written(query, key, value, write):
    """The recurrence from what is added to the state: write(i, k, v, what the state answers)."""
    return walk(query, key, value, lambda i, state, k, v: state + write(i, k, v, answer(k, state)))


@exercise.mistake("what is there is not subtracted")
def no_subtraction(query, key, value, beta):
    return written(query, key, value, lambda i, k, v, there: at(beta, i) * k * v)


@exercise.mistake("neither beta nor subtraction: the plain sum")
def plain_sum(query, key, value, beta):
    return decay_attention(query, key, value, np.ones_like(beta))


@exercise.mistake("the whole state fades, not what lies under the key")
def whole_state_fades(query, key, value, beta):
    return walk(query, key, value, lambda i, state, k, v: (1 - at(beta, i)) * state + at(beta, i) * k * v)


@exercise.mistake("beta on the whole state")
def beta_on_the_whole_state(query, key, value, beta):
    return walk(query, key, value, lambda i, state, k, v: at(beta, i) * (state + k * (v - answer(k, state))))


@exercise.mistake("the state is read before the token writes")
def read_before(query, key, value, beta):
    def step(i, state, k, v):
        return state + at(beta, i) * k * (v - answer(k, state))

    return walk(query, key, value, step, read_first=True)


@exercise.mistake("beta is ignored")
def no_beta(query, key, value, beta):
    return delta_rule(query, key, value, np.ones_like(beta))


@exercise.mistake("beta on the value alone")
def beta_on_the_value(query, key, value, beta):
    return written(query, key, value, lambda i, k, v, there: k * (at(beta, i) * v - there))


@exercise.mistake("beta on what is there alone")
def beta_on_what_is_there(query, key, value, beta):
    return written(query, key, value, lambda i, k, v, there: k * (v - at(beta, i) * there))


@exercise.mistake("the state is asked with the query before the write")
def asked_with_the_query(query, key, value, beta):
    def step(i, state, k, v):
        return state + at(beta, i) * k * (v - query[..., i, None, :] @ state)

    return walk(query, key, value, step)


@exercise.mistake("the keys are made unit length")
def unit_keys(query, key, value, beta):
    return delta_rule(query, key / np.linalg.norm(key, axis=-1, keepdims=True), value, beta)


@exercise.mistake("queries and keys are made unit length")
def unit_both(query, key, value, beta):
    query, key = (x / np.linalg.norm(x, axis=-1, keepdims=True) for x in (query, key))
    return delta_rule(query, key, value, beta)


@exercise.mistake("the step is divided by the squared length of the key")
def normalized_step(query, key, value, beta):
    return delta_rule(query, key, value, beta / np.square(key).sum(axis=-1))


@exercise.mistake("the answer minus the value")
def sign_turned(query, key, value, beta):
    return written(query, key, value, lambda i, k, v, there: at(beta, i) * k * (there - v))


@exercise.mistake("what is there is added instead of subtracted")
def added(query, key, value, beta):
    return written(query, key, value, lambda i, k, v, there: at(beta, i) * k * (v + there))


@exercise.mistake("the feature map is kept")
def with_feature_map(query, key, value, beta):
    return delta_rule(feature_map(query), feature_map(key), value, beta)


@exercise.mistake("divided by the square root of the width")
def scaled(query, key, value, beta):
    return delta_rule(query / math.sqrt(query.shape[-1]), key, value, beta)


@exercise.mistake("query and key swapped")
def swapped(query, key, value, beta):
    return delta_rule(key, query, value, beta)


@exercise.mistake("nothing is carried on")
def nothing_carried(query, key, value, beta):
    return walk(query, key, value, lambda i, state, k, v: at(beta, i) * k * v)


@exercise.mistake("key and value swapped in the outer product")
def outer_product_swapped(query, key, value, beta):
    return upside_down(query, key, value, lambda i, state, k, v: state + at(beta, i) * v * (k - answer(v, state)))


@exercise.mistake("the whole state fades, not what lies under the key")
def fades_and_adds(query, key, value, beta):
    return walk(query, key, value, lambda i, state, k, v: (1 - at(beta, i)) * state + k * v)


@exercise.mistake("what is there is subtracted twice")
def subtracted_twice(query, key, value, beta):
    def step(i, state, k, v):
        state = state - at(beta, i) * k * answer(k, state)
        return state + at(beta, i) * k * (v - answer(k, state))

    return walk(query, key, value, step)


@exercise.mistake("the whole state fades as well as what lies under the key")
def fades_and_subtracts(query, key, value, beta):
    def step(i, state, k, v):
        return (1 - at(beta, i)) * state + at(beta, i) * k * (v - answer(k, state))

    return walk(query, key, value, step)


@exercise.mistake("a sigmoid on beta")
def sigmoid_on_beta(query, key, value, beta):
    return delta_rule(query, key, value, 0.5 + 0.5 * np.tanh(beta / 2))


@exercise.mistake("the value is written before the old one is taken off")
def written_before_it_is_asked(query, key, value, beta):
    def step(i, state, k, v):
        state = state + at(beta, i) * k * v
        return state - at(beta, i) * k * answer(k, state)

    return walk(query, key, value, step)


@exercise.mistake("what is there is taken from a plain sum")
def corrected_once(query, key, value, beta):
    wrote = beta[..., None] * value
    wrote = wrote - beta[..., None] * (np.tril(key @ np.swapaxes(key, -1, -2), -1) @ wrote)
    return np.tril(query @ np.swapaxes(key, -1, -2)) @ wrote


@exercise.mistake("beta is doubled")
def beta_doubled(query, key, value, beta):
    return delta_rule(query, key, value, 2 * beta)


@exercise.mistake("beta on the state instead of the write")
def beta_on_the_state(query, key, value, beta):
    return walk(query, key, value, lambda i, state, k, v: at(beta, i) * state + k * (v - answer(k, state)))


@exercise.another_way
def the_matrix_in_sight(query, key, value, beta):
    same, state, rows = np.eye(key.shape[-1]), np.zeros((key.shape[-1], value.shape[-1])), []
    for i in range(key.shape[-2]):
        k, v, rate = key[..., i, :, None], value[..., i, None, :], beta[..., i, None, None]
        state = (same - rate * k * np.swapaxes(k, -1, -2)) @ state + rate * k * v
        rows.append(query[..., i, None, :] @ state)
    return np.concatenate(rows, axis=-2)


@exercise.another_way
def what_each_token_writes(query, key, value, beta):
    earlier = np.tril(key @ np.swapaxes(key, -1, -2), -1)
    rate = beta[..., None]
    wrote = np.linalg.solve(np.eye(key.shape[-2]) + rate * earlier, rate * value)
    return np.tril(query @ np.swapaxes(key, -1, -2)) @ wrote


@exercise.another_way
def state_in_lists(query, key, value, beta):
    if np.ndim(query) > 2:
        return [state_in_lists(*one) for one in zip(query, key, value, beta, strict=True)]
    state, out = [[0.0] * len(value[0]) for _ in key[0]], []
    for q, k, v, rate in zip(query, key, value, beta, strict=True):
        there = [sum(a * row[j] for a, row in zip(k, state, strict=True)) for j in range(len(v))]
        error = [wanted - got for wanted, got in zip(v, there, strict=True)]
        state = [[m + rate * a * e for m, e in zip(row, error, strict=True)] for row, a in zip(state, k, strict=True)]
        out.append([sum(a * row[j] for a, row in zip(q, state, strict=True)) for j in range(len(v))])
    return out
