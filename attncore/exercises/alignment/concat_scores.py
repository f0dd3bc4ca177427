"""Luong's concat."""

import math

import numpy as np

from attncore.alignment import concat_scores
from attncore.exercises.alignment.cases import more_cases
from attncore.exercises.exercise import case, code, usual
from attncore.softmax import softmax

exercise = code(
    concat_scores,
    usual(),
    *more_cases(),
    case("a square W", sizes={"a": 19}),
    case("state and memory of one width", sizes={"s": 4, "m": 4, "s+m": 8}),
)


@exercise.mistake("memory first")
def memory_first(state, memory, W, v):
    repeated = np.repeat(state[..., None, :], memory.shape[-2], axis=-2)
    return np.tanh(np.concatenate([memory, repeated], axis=-1) @ W.T) @ v


@exercise.mistake("no tanh")
def no_tanh(state, memory, W, v):
    repeated = np.repeat(state[..., None, :], memory.shape[-2], axis=-2)
    return np.concatenate([repeated, memory], axis=-1) @ W.T @ v


@exercise.mistake("tanh around the finished score")
def tanh_around_the_finished_score(state, memory, W, v):
    return np.tanh(no_tanh(state, memory, W, v))


@exercise.mistake("tanh before W")
def tanh_before_W(state, memory, W, v):
    repeated = np.repeat(state[..., None, :], memory.shape[-2], axis=-2)
    return np.tanh(np.concatenate([repeated, memory], axis=-1)) @ W.T @ v


@exercise.mistake("tanh of each term before the sum")
def tanh_of_each_term_before_the_sum(state, memory, W, v):
    W_state, W_memory = np.split(W, [state.shape[-1]], axis=1)
    return (np.tanh(state @ W_state.T)[..., None, :] + np.tanh(memory @ W_memory.T)) @ v


@exercise.mistake("divided by the square root of the width")
def divided_by_the_square_root_of_the_width(state, memory, W, v):
    return concat_scores(state, memory, W, v) / math.sqrt(len(v))


@exercise.mistake("divided by the square root of the width")
def divided_by_the_square_root_of_the_joined_width(state, memory, W, v):
    return concat_scores(state, memory, W, v) / math.sqrt(W.shape[1])


@exercise.mistake("hidden units added without v")
def hidden_units_added_without_v(state, memory, W, v):
    return concat_scores(state, memory, W, np.ones_like(v))


@exercise.mistake("W applied from the right")
def W_applied_from_the_right(state, memory, W, v):
    repeated = np.repeat(state[..., None, :], memory.shape[-2], axis=-2)
    return np.tanh(np.concatenate([repeated, memory], axis=-1) @ W) @ v


@exercise.mistake("state part of W never used")
def state_part_of_W_never_used(state, memory, W, v):
    return np.tanh(memory @ W[:, state.shape[-1] :].T) @ v


@exercise.mistake("softmax already applied")
def softmax_already_applied(state, memory, W, v):
    return softmax(concat_scores(state, memory, W, v))


@exercise.another_way
def really_joined(state, memory, W, v):
    repeated = np.repeat(state[..., None, :], memory.shape[-2], axis=-2)
    joined = np.concatenate([repeated, memory], axis=-1)
    return np.tanh(joined @ W.T) @ v


@exercise.another_way
def each_pair_joined(state, memory, W, v):
    if state.ndim > 1:
        return [each_pair_joined(one, states, W, v) for one, states in zip(state, memory, strict=True)]
    return [v @ np.tanh(W @ np.concatenate([state, remembered])) for remembered in memory]


@exercise.another_way
def cut_in_two(state, memory, W, v):
    W_state, W_memory = np.split(W, [state.shape[-1]], axis=1)
    return np.tanh((state @ W_state.T)[..., None, :] + memory @ W_memory.T) @ v
