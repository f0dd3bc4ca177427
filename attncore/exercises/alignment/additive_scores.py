"""Bahdanau's score."""

import math

import numpy as np

from attncore.alignment import additive_scores
from attncore.exercises.alignment.cases import more_cases
from attncore.exercises.exercise import code, usual
from attncore.softmax import softmax

exercise = code(
    additive_scores,
    usual(),
    *more_cases(s=4, m=4, a=4),
)


@exercise.mistake("product instead of sum")
def product_instead_of_sum(state, memory, W_state, W_memory, v):
    return np.tanh((state @ W_state.T)[..., None, :] * (memory @ W_memory.T)) @ v


@exercise.mistake("no tanh")
def no_tanh(state, memory, W_state, W_memory, v):
    return ((state @ W_state.T)[..., None, :] + memory @ W_memory.T) @ v


@exercise.mistake("tanh of each term before the sum")
def tanh_of_each_term_before_the_sum(state, memory, W_state, W_memory, v):
    return (np.tanh(state @ W_state.T)[..., None, :] + np.tanh(memory @ W_memory.T)) @ v


@exercise.mistake("tanh around the finished score")
def tanh_around_the_finished_score(state, memory, W_state, W_memory, v):
    return np.tanh(((state @ W_state.T)[..., None, :] + memory @ W_memory.T) @ v)


@exercise.mistake("state never used")
def state_never_used(state, memory, W_state, W_memory, v):
    return np.tanh(memory @ W_memory.T) @ v


@exercise.mistake("hidden units added without v")
def hidden_units_added_without_v(state, memory, W_state, W_memory, v):
    return np.tanh((state @ W_state.T)[..., None, :] + memory @ W_memory.T).sum(axis=-1)


@exercise.mistake("hidden units never added up")
def hidden_units_never_added_up(state, memory, W_state, W_memory, v):
    return np.tanh((state @ W_state.T)[..., None, :] + memory @ W_memory.T) * v


@exercise.mistake("hidden units never added up")
def hidden_units_returned(state, memory, W_state, W_memory, v):
    return np.tanh((state @ W_state.T)[..., None, :] + memory @ W_memory.T)


@exercise.mistake("sigmoid instead of tanh")
def sigmoid_instead_of_tanh(state, memory, W_state, W_memory, v):
    hidden = (state @ W_state.T)[..., None, :] + memory @ W_memory.T
    return 1 / (1 + np.exp(-hidden)) @ v


@exercise.mistake("weights applied from the right")
def weights_applied_from_the_right(state, memory, W_state, W_memory, v):
    return np.tanh((state @ W_state)[..., None, :] + memory @ W_memory) @ v


@exercise.mistake("batch lined up with the memory")
def batch_lined_up_with_the_memory(state, memory, W_state, W_memory, v):
    asked = state @ W_state.T
    offered = memory @ W_memory.T
    return np.tanh(asked + offered) @ v


@exercise.mistake("divided by the square root of the width")
def divided_by_the_square_root_of_the_width(state, memory, W_state, W_memory, v):
    return additive_scores(state, memory, W_state, W_memory, v) / math.sqrt(len(v))


@exercise.mistake("softmax already applied")
def softmax_already_applied(state, memory, W_state, W_memory, v):
    return softmax(additive_scores(state, memory, W_state, W_memory, v))


@exercise.another_way
def with_einsum(state, memory, W_state, W_memory, v):
    asked = np.einsum("as,...s->...a", W_state, state)
    offered = np.einsum("am,...km->...ka", W_memory, memory)
    hidden = np.tanh(asked[..., None, :] + offered)
    return np.einsum("a,...ka->...k", v, hidden)


@exercise.another_way
def state_by_state(state, memory, W_state, W_memory, v):
    if state.ndim > 1:
        pairs = zip(state, memory, strict=True)
        return [state_by_state(one, states, W_state, W_memory, v) for one, states in pairs]
    return [v @ np.tanh(W_state @ state + W_memory @ remembered) for remembered in memory]


@exercise.another_way
def one_matrix_for_both(state, memory, W_state, W_memory, v):
    repeated = np.repeat(state[..., None, :], memory.shape[-2], axis=-2)
    joined = np.concatenate([repeated, memory], axis=-1)
    return np.tanh(joined @ np.hstack([W_state, W_memory]).T) @ v
