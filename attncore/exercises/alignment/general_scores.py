"""Luong's general."""

import math

import numpy as np

from attncore.alignment import dot_scores, general_scores
from attncore.exercises.alignment.cases import more_cases
from attncore.exercises.exercise import code, usual
from attncore.softmax import softmax

exercise = code(
    general_scores,
    usual(),
    *more_cases(s=12),
)


@exercise.mistake("W transposed")
def W_transposed(state, memory, W):
    return np.einsum("...s,ms,...km->...k", state, W, memory)


@exercise.mistake("W never used")
def W_never_used(state, memory, W):
    return np.einsum("...m,...km->...k", state, memory)


@exercise.mistake("squashed by a tanh")
def squashed_by_a_tanh(state, memory, W):
    return dot_scores(np.tanh(state @ W), memory)


@exercise.mistake("tanh around the finished score")
def tanh_around_the_finished_score(state, memory, W):
    return np.tanh(general_scores(state, memory, W))


@exercise.mistake("divided by the square root of the width")
def divided_by_the_square_root_of_the_width(state, memory, W):
    return general_scores(state, memory, W) / math.sqrt(memory.shape[-1])


@exercise.mistake("batch lined up with the memory")
def batch_lined_up_with_the_memory(state, memory, W):
    return (state @ W * memory).sum(axis=-1)


@exercise.mistake("right for one sentence only")
def right_for_one_sentence_only(state, memory, W):
    return memory @ (state @ W)


@exercise.mistake("right for one sentence only")
def memory_turned_and_state_left_a_row(state, memory, W):
    return state @ W @ np.swapaxes(memory, -1, -2)


@exercise.mistake("a batch of one squeezed away")
def a_batch_of_one_squeezed_away(state, memory, W):
    return np.squeeze(memory @ (state @ W)[..., None])


@exercise.mistake("softmax already applied")
def softmax_already_applied(state, memory, W):
    return softmax(general_scores(state, memory, W))


@exercise.another_way
def memory_brought_to_the_state(state, memory, W):
    return dot_scores(state, memory @ W.T)


@exercise.another_way
def in_one_einsum(state, memory, W):
    return np.einsum("...s,sm,...km->...k", state, W, memory)


@exercise.another_way
def one_pair_after_another(state, memory, W):
    if state.ndim > 1:
        return [one_pair_after_another(one, states, W) for one, states in zip(state, memory, strict=True)]
    return [state @ W @ remembered for remembered in memory]
