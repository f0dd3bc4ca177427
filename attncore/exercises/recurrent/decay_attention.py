"""A state that fades: decay attention, as in RetNet and Mamba-2."""

import math

import numpy as np

from attncore.exercises.exercise import case, code
from attncore.exercises.recurrent.cases import FORGETS, ONES, WITH_A_ZERO, at, upside_down, usual_with, walk
from attncore.recurrent import decay_attention, decay_mask, feature_map
from attncore.softmax import masked_softmax

exercise = code(
    decay_attention,
    *usual_with("decay"),
    case("a decay of 1 everywhere", small=True, **ONES),
    case("one token", small=True, sizes={"n": 1}, decay=np.array([0.5])),
    case("the same decay everywhere", sizes={"n": 9}, decay=lambda rng, s: np.full(s.n, 0.9)),
    case("numbers in the hundreds", magnitude=200.0, decay=lambda rng, s: rng.uniform(0.5, 1, s.n)),
    case("a decay of 0 in the middle", small=True, promise=FORGETS, **WITH_A_ZERO),
)


def as_square(query, key, value, left, scores=None):
    """With the weights in sight: scores times what is left."""
    scores = query @ np.swapaxes(key, -1, -2) if scores is None else scores
    return (scores * left) @ value


@exercise.mistake("the decay comes after the write")
def decay_after_the_write(query, key, value, decay):
    return walk(query, key, value, lambda i, state, k, v: at(decay, i) * (state + k * v))


@exercise.mistake("each decay comes one token late")
def decay_late(query, key, value, decay):
    late = np.concatenate([np.ones_like(decay[..., :1]), decay[..., :-1]], axis=-1)
    return decay_attention(query, key, value, late)


@exercise.mistake("the state is read before the token is added")
def read_before(query, key, value, decay):
    return walk(query, key, value, lambda i, state, k, v: at(decay, i) * state + k * v, read_first=True)


@exercise.mistake("the state fades, but the token itself is not in it")
def without_itself(query, key, value, decay):
    return as_square(query, key, value, decay_mask(decay) * ~np.eye(decay.shape[-1], dtype=bool))


@exercise.mistake("the decay is ignored")
def no_decay(query, key, value, decay):
    return decay_attention(query, key, value, np.ones_like(decay))


@exercise.mistake("the state keeps one minus the decay")
def forgets_what_is_left(query, key, value, decay):
    return decay_attention(query, key, value, 1 - decay)


@exercise.mistake("what is written is multiplied by one minus the decay")
def moving_average(query, key, value, decay):
    return decay_attention(query, key, (1 - decay[..., None]) * value, decay)


@exercise.mistake("the decay is taken for a logarithm")
def exponential_of_the_decay(query, key, value, decay):
    return decay_attention(query, key, value, np.exp(decay))


@exercise.mistake("a token's own decay, to the power of the distance")
def power_of_the_distance(query, key, value, decay):
    distance = np.subtract.outer(*[np.arange(decay.shape[-1])] * 2)
    return as_square(query, key, value, np.tril(decay[..., None] ** np.maximum(distance, 0)))


@exercise.mistake("the first decay holds for all tokens")
def first_decay(query, key, value, decay):
    return decay_attention(query, key, value, np.repeat(decay[..., :1], decay.shape[-1], axis=-1))


@exercise.mistake("the feature map is kept")
def with_feature_map(query, key, value, decay):
    return decay_attention(feature_map(query), feature_map(key), value, decay)


@exercise.mistake("divided by the sum of the weights")
def divided(query, key, value, decay):
    weights = query @ np.swapaxes(key, -1, -2) * decay_mask(decay)
    return weights @ value / weights.sum(axis=-1, keepdims=True)


@exercise.mistake("divided by the square root of the width")
def scaled(query, key, value, decay):
    return decay_attention(query / math.sqrt(query.shape[-1]), key, value, decay)


@exercise.mistake("softmax instead of a state")
def with_softmax(query, key, value, decay):
    left = decay_mask(decay)
    return masked_softmax(query @ np.swapaxes(key, -1, -2), np.tri(decay.shape[-1], dtype=bool)) * left @ value


@exercise.mistake("query and key swapped")
def swapped(query, key, value, decay):
    return decay_attention(key, query, value, decay)


@exercise.mistake("not causal")
def not_causal(query, key, value, decay):
    left = decay_mask(decay)
    return as_square(query, key, value, left + np.swapaxes(np.tril(left, -1), -1, -2))


@exercise.mistake("the decays are divided by each other, and 0 by 0 is NaN")
def by_ratios(query, key, value, decay):
    since = np.cumprod(decay, axis=-1)
    return as_square(query, key, value, np.tril(since[..., :, None] / since[..., None, :]))


@exercise.mistake("key and value swapped in the outer product")
def outer_product_swapped(query, key, value, decay):
    return upside_down(query, key, value, lambda i, state, k, v: at(decay, i) * state + v * k)


@exercise.mistake("softmax instead of a state")
def softmax_alone(query, key, value, decay):
    return masked_softmax(query @ np.swapaxes(key, -1, -2), np.tri(decay.shape[-1], dtype=bool)) @ value


@exercise.mistake("the decay is taken for a rate: exp(-decay)")
def exponential_of_minus_the_decay(query, key, value, decay):
    return decay_attention(query, key, value, np.exp(-decay))


@exercise.mistake("a sigmoid on the decay")
def sigmoid_on_the_decay(query, key, value, decay):
    return decay_attention(query, key, value, 0.5 + 0.5 * np.tanh(decay / 2))


@exercise.mistake("what a token wrote fades from the first token on")
def fades_from_the_first_token(query, key, value, decay):
    return as_square(query, key, value, np.tri(decay.shape[-1]) * np.cumprod(decay, axis=-1)[..., None])


@exercise.mistake("divided by the sum of the weights where it's more than one")
def divided_where_large(query, key, value, decay):
    weights = query @ np.swapaxes(key, -1, -2) * decay_mask(decay)
    return weights @ value / np.maximum(np.abs(weights.sum(axis=-1, keepdims=True)), 1)


@exercise.mistake("the mean decay holds for all tokens")
def mean_decay(query, key, value, decay):
    return decay_attention(query, key, value, np.broadcast_to(decay.mean(axis=-1, keepdims=True), decay.shape))


@exercise.mistake("nothing is carried on")
def nothing_carried(query, key, value, decay):
    return decay_attention(query, key, value, np.zeros_like(decay))


@exercise.mistake("the decay counts twice")
def decay_twice(query, key, value, decay):
    return decay_attention(query, key, value, decay**2)


@exercise.another_way
def as_a_masked_square(query, key, value, decay):
    n = decay.shape[-1]
    steps = np.where(np.tri(n, k=-1, dtype=bool), decay[..., None], 1)
    left = np.tril(np.cumprod(steps, axis=-2))
    return (query @ np.swapaxes(key, -1, -2) * left) @ value


@exercise.another_way
def with_einsum(query, key, value, decay):
    state, rows = np.zeros((key.shape[-1], value.shape[-1])), []
    for i in range(key.shape[-2]):
        state = np.einsum("...,...dv->...dv", decay[..., i], state)
        state = state + np.einsum("...d,...v->...dv", key[..., i, :], value[..., i, :])
        rows.append(np.einsum("...d,...dv->...v", query[..., i, :], state))
    return np.stack(rows, axis=-2)


@exercise.another_way
def state_in_lists(query, key, value, decay):
    if np.ndim(query) > 2:
        return [state_in_lists(*one) for one in zip(query, key, value, decay, strict=True)]
    state, out = [[0.0] * len(value[0]) for _ in key[0]], []
    for q, k, v, left in zip(query, key, value, decay, strict=True):
        state = [[left * m + a * b for m, b in zip(row, v, strict=True)] for row, a in zip(state, k, strict=True)]
        out.append([sum(a * row[j] for a, row in zip(q, state, strict=True)) for j in range(len(v))])
    return out
