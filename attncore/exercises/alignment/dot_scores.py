"""Luong's dot."""

import math

import numpy as np

from attncore.alignment import dot_scores
from attncore.exercises.alignment.cases import more_cases
from attncore.exercises.exercise import case, code, usual
from attncore.softmax import softmax

exercise = code(
    dot_scores,
    usual(),
    *more_cases(),
    case("as wide as long", sizes={"m": 5}),
)


@exercise.mistake("divided by the square root of the width")
def divided_by_the_square_root_of_the_width(state, memory):
    return dot_scores(state, memory) / math.sqrt(state.shape[-1])


@exercise.mistake("cosine instead of dot product")
def cosine_instead_of_dot_product(state, memory):
    state = state / np.linalg.norm(state, axis=-1, keepdims=True)
    return dot_scores(state, memory / np.linalg.norm(memory, axis=-1, keepdims=True))


@exercise.mistake("products never added up")
def products_never_added_up(state, memory):
    return state[..., None, :] * memory


@exercise.mistake("batch lined up with the memory")
def batch_lined_up_with_the_memory(state, memory):
    return (state * memory).sum(axis=-1)


@exercise.mistake("distance instead of dot product")
def distance_instead_of_dot_product(state, memory):
    return np.linalg.norm(state[..., None, :] - memory, axis=-1)


@exercise.mistake("softmax already applied")
def softmax_already_applied(state, memory):
    return softmax(dot_scores(state, memory))


@exercise.mistake("right for one sentence only")
def right_for_one_sentence_only(state, memory):
    return memory @ state


@exercise.mistake("right for one sentence only")
def states_turned_for_the_whole_batch(state, memory):
    return memory @ state.T


@exercise.mistake("right for one sentence only")
def memory_turned_and_state_left_a_row(state, memory):
    return state @ np.swapaxes(memory, -1, -2)


@exercise.mistake("a batch of one squeezed away")
def a_batch_of_one_squeezed_away(state, memory):
    return np.squeeze(memory @ state[..., None])


@exercise.mistake("an axis of length one left in")
def an_axis_of_length_one_left_in(state, memory):
    return memory @ state[..., None]


@exercise.another_way
def multiply_then_add(state, memory):
    return (state[..., None, :] * memory).sum(axis=-1)


@exercise.another_way
def with_einsum(state, memory):
    return np.einsum("...m,...km->...k", state, memory)


@exercise.another_way
def one_product_after_another(state, memory):
    if state.ndim > 1:
        return [one_product_after_another(one, states) for one, states in zip(state, memory, strict=True)]
    return [sum(x * y for x, y in zip(state, remembered, strict=True)) for remembered in memory]
