"""A state that fades and overwrites: the gated delta rule."""

import math

import numpy as np

from attncore.exercises.exercise import case, code
from attncore.exercises.recurrent.cases import (
    FORGETS,
    ONES,
    WITH_A_ZERO,
    answer,
    at,
    between,
    upside_down,
    usual_with,
    walk,
)
from attncore.recurrent import decay_attention, delta_rule, feature_map, gated_delta_rule

exercise = code(
    gated_delta_rule,
    *usual_with("beta", "decay"),
    case("a decay of 1 everywhere", small=True, beta=between(), **ONES),
    case("a beta of 1 everywhere", small=True, beta=lambda rng, s: np.ones(s.n), decay=between()),
    case("one token", small=True, sizes={"n": 1}, beta=np.array([0.5]), decay=np.array([0.4])),
    case("a decay of 0 in the middle", small=True, promise=FORGETS, beta=between(), **WITH_A_ZERO),
)


@exercise.mistake("the decay comes after the delta step")
def decay_after(query, key, value, beta, decay):
    def step(i, state, k, v):
        return at(decay, i) * (state + at(beta, i) * k * (v - answer(k, state)))

    return walk(query, key, value, step)


@exercise.mistake("the state is asked before it fades")
def asked_before_it_fades(query, key, value, beta, decay):
    def step(i, state, k, v):
        return at(decay, i) * state + at(beta, i) * k * (v - answer(k, state))

    return walk(query, key, value, step)


@exercise.mistake("only the answer fades, not the state")
def only_the_answer_fades(query, key, value, beta, decay):
    def step(i, state, k, v):
        return state + at(beta, i) * k * (v - at(decay, i) * answer(k, state))

    return walk(query, key, value, step)


@exercise.mistake("each decay comes one token late")
def decay_late(query, key, value, beta, decay):
    late = np.concatenate([np.ones_like(decay[..., :1]), decay[..., :-1]], axis=-1)
    return gated_delta_rule(query, key, value, beta, late)


@exercise.mistake("the decay is ignored")
def no_decay(query, key, value, beta, decay):
    return delta_rule(query, key, value, beta)


@exercise.mistake("beta is ignored")
def no_beta(query, key, value, beta, decay):
    return gated_delta_rule(query, key, value, np.ones_like(beta), decay)


@exercise.mistake("what is there is not subtracted")
def no_subtraction(query, key, value, beta, decay):
    return decay_attention(query, key, beta[..., None] * value, decay)


@exercise.mistake("beta and decay swapped")
def swapped_gates(query, key, value, beta, decay):
    return gated_delta_rule(query, key, value, decay, beta)


@exercise.mistake("beta on the value alone")
def beta_on_the_value(query, key, value, beta, decay):
    def step(i, state, k, v):
        state = at(decay, i) * state
        return state + k * (at(beta, i) * v - answer(k, state))

    return walk(query, key, value, step)


@exercise.mistake("the state keeps one minus the decay")
def forgets_what_is_left(query, key, value, beta, decay):
    return gated_delta_rule(query, key, value, beta, 1 - decay)


@exercise.mistake("the decay is taken for a logarithm")
def exponential_of_the_decay(query, key, value, beta, decay):
    return gated_delta_rule(query, key, value, beta, np.exp(decay))


@exercise.mistake("the state is read before the token writes")
def read_before(query, key, value, beta, decay):
    def step(i, state, k, v):
        state = at(decay, i) * state
        return state + at(beta, i) * k * (v - answer(k, state))

    return walk(query, key, value, step, read_first=True)


@exercise.mistake("the state is asked with the query before the write")
def asked_with_the_query(query, key, value, beta, decay):
    def step(i, state, k, v):
        state = at(decay, i) * state
        return state + at(beta, i) * k * (v - query[..., i, None, :] @ state)

    return walk(query, key, value, step)


@exercise.mistake("the keys are made unit length")
def unit_keys(query, key, value, beta, decay):
    return gated_delta_rule(query, key / np.linalg.norm(key, axis=-1, keepdims=True), value, beta, decay)


@exercise.mistake("queries and keys are made unit length")
def unit_both(query, key, value, beta, decay):
    query, key = (x / np.linalg.norm(x, axis=-1, keepdims=True) for x in (query, key))
    return gated_delta_rule(query, key, value, beta, decay)


@exercise.mistake("the feature map is kept")
def with_feature_map(query, key, value, beta, decay):
    return gated_delta_rule(feature_map(query), feature_map(key), value, beta, decay)


@exercise.mistake("divided by the square root of the width")
def scaled(query, key, value, beta, decay):
    return gated_delta_rule(query / math.sqrt(query.shape[-1]), key, value, beta, decay)


@exercise.mistake("query and key swapped")
def swapped(query, key, value, beta, decay):
    return gated_delta_rule(key, query, value, beta, decay)


@exercise.mistake("key and value swapped in the outer product")
def outer_product_swapped(query, key, value, beta, decay):
    def step(i, state, k, v):
        state = at(decay, i) * state
        return state + at(beta, i) * v * (k - answer(v, state))

    return upside_down(query, key, value, step)


@exercise.mistake("one minus the decay is the rate of the write")
def tied_gates(query, key, value, beta, decay):
    return gated_delta_rule(query, key, value, 1 - decay, decay)


@exercise.mistake("neither beta nor subtraction: decay alone")
def decay_alone(query, key, value, beta, decay):
    return decay_attention(query, key, value, decay)


@exercise.mistake("beta on what is there alone")
def beta_on_what_is_there(query, key, value, beta, decay):
    def step(i, state, k, v):
        state = at(decay, i) * state
        return state + k * (v - at(beta, i) * answer(k, state))

    return walk(query, key, value, step)


@exercise.mistake("the state is read before the token writes")
def read_between(query, key, value, beta, decay):
    rows, state = [], np.zeros((key.shape[-1], value.shape[-1]))
    for i in range(key.shape[-2]):
        state = at(decay, i) * state + np.zeros_like(value[..., :1, :1])
        k, v = key[..., i, :, None], value[..., i, None, :]
        rows.append(query[..., i, None, :] @ state)
        state = state + at(beta, i) * k * (v - answer(k, state))
    return np.concatenate(rows, axis=-2)


@exercise.mistake("the decay on what is written, not on the state")
def decay_on_what_is_written(query, key, value, beta, decay):
    return delta_rule(query, key, value, beta * decay)


@exercise.mistake("what is there is added instead of subtracted")
def added(query, key, value, beta, decay):
    def step(i, state, k, v):
        state = at(decay, i) * state
        return state + at(beta, i) * k * (v + answer(k, state))

    return walk(query, key, value, step)


@exercise.mistake("the answer minus the value")
def sign_turned(query, key, value, beta, decay):
    def step(i, state, k, v):
        state = at(decay, i) * state
        return state + at(beta, i) * k * (answer(k, state) - v)

    return walk(query, key, value, step)


@exercise.mistake("neither decay nor subtraction: the plain sum")
def plain_sum(query, key, value, beta, decay):
    return decay_attention(query, key, beta[..., None] * value, np.ones_like(decay))


@exercise.mistake("one minus beta is the rate of the write")
def one_minus_beta(query, key, value, beta, decay):
    return gated_delta_rule(query, key, value, 1 - beta, decay)


@exercise.another_way
def the_matrix_in_sight(query, key, value, beta, decay):
    same, state, rows = np.eye(key.shape[-1]), np.zeros((key.shape[-1], value.shape[-1])), []
    for i in range(key.shape[-2]):
        k, v, rate = key[..., i, :, None], value[..., i, None, :], beta[..., i, None, None]
        state = decay[..., i, None, None] * (same - rate * k * np.swapaxes(k, -1, -2)) @ state + rate * k * v
        rows.append(query[..., i, None, :] @ state)
    return np.concatenate(rows, axis=-2)


@exercise.another_way
def with_einsum(query, key, value, beta, decay):
    state, rows = np.zeros((key.shape[-1], value.shape[-1])), []
    for i in range(key.shape[-2]):
        state = state * decay[..., i, None, None]
        there = np.einsum("...d,...dv->...v", key[..., i, :], state)
        write = beta[..., i, None] * (value[..., i, :] - there)
        state = state + np.einsum("...d,...v->...dv", key[..., i, :], write)
        rows.append(np.einsum("...d,...dv->...v", query[..., i, :], state))
    return np.stack(rows, axis=-2)


@exercise.another_way
def state_in_lists(query, key, value, beta, decay):
    if np.ndim(query) > 2:
        return [state_in_lists(*one) for one in zip(query, key, value, beta, decay, strict=True)]
    state, out = [[0.0] * len(value[0]) for _ in key[0]], []
    for q, k, v, rate, left in zip(query, key, value, beta, decay, strict=True):
        state = [[left * m for m in row] for row in state]
        there = [sum(a * row[j] for a, row in zip(k, state, strict=True)) for j in range(len(v))]
        error = [wanted - got for wanted, got in zip(v, there, strict=True)]
        state = [[m + rate * a * e for m, e in zip(row, error, strict=True)] for row, a in zip(state, k, strict=True)]
        out.append([sum(a * row[j] for a, row in zip(q, state, strict=True)) for j in range(len(v))])
    return out
