"""The context of one state."""

import math

import numpy as np

from attncore.alignment import align
from attncore.exercises.alignment.cases import LARGE_SCORES, more_cases
from attncore.exercises.exercise import case, code, usual
from attncore.softmax import softmax
from attncore.weighted_sum import weighted_sum

far_apart = {
    "scores": lambda rng, s: np.array([[0.0, 1, 2], [3000, 3001, 3002]]),
    "memory": lambda rng, s: np.array([[[1.0, 0], [0, 2], [3, 1]], [[2.0, 1], [0, 1], [1, 5]]]),
}
exercise = code(
    align,
    usual(),
    *more_cases(),
    case("sentences of very different scores", promise=LARGE_SCORES, **far_apart),
    case("as many states as numbers in each", sizes={"m": 5}),
    case("equal scores", small=True, scores=lambda rng, s: np.zeros(s.k)),
    case("scores in the thousands", promise=LARGE_SCORES, magnitude=3000.0),
)


@exercise.mistake("no softmax")
def no_softmax(scores, memory):
    return np.einsum("...k,...km->...m", scores, memory)


@exercise.mistake("scores divided by their sum")
def scores_divided_by_their_sum(scores, memory):
    weights = scores / scores.sum(axis=-1, keepdims=True)
    return (weights[..., None] * memory).sum(axis=-2)


@exercise.mistake("softmax over the first axis")
def softmax_over_the_first_axis(scores, memory):
    weights = softmax(scores, axis=0)
    return (weights[..., None] * memory).sum(axis=-2)


@exercise.mistake("exponentials not divided")
def exponentials_not_divided(scores, memory):
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return (weights[..., None] * memory).sum(axis=-2)


@exercise.mistake("only the best state")
def only_the_best_state(scores, memory):
    best = np.argmax(scores, axis=-1)
    return np.take_along_axis(memory, best[..., None, None], axis=-2)[..., 0, :]


@exercise.mistake("the last state, whatever the scores")
def the_last_state_whatever_the_scores(scores, memory):
    return memory[..., -1, :]


@exercise.mistake("the plain mean of the memory")
def the_plain_mean_of_the_memory(scores, memory):
    return memory.mean(axis=-2)


@exercise.mistake("mean instead of sum")
def mean_instead_of_sum(scores, memory):
    return (softmax(scores)[..., None] * memory).mean(axis=-2)


@exercise.mistake("weighted states never added up")
def weighted_states_never_added_up(scores, memory):
    return softmax(scores)[..., None] * memory


@exercise.mistake("weights of each sentence on every memory")
def weights_of_each_sentence_on_every_memory(scores, memory):
    return softmax(scores) @ memory


@exercise.mistake("a batch of one squeezed away")
def a_batch_of_one_squeezed_away(scores, memory):
    return np.squeeze(softmax(scores)[..., None, :] @ memory)


@exercise.mistake("an axis of length one left in")
def an_axis_of_length_one_left_in(scores, memory):
    return softmax(scores)[..., None, :] @ memory


@exercise.mistake("np.dot on a batch")
def np_dot_on_a_batch(scores, memory):
    return np.dot(softmax(scores), memory)


@exercise.mistake("one maximum for the whole batch")
def one_maximum_for_the_whole_batch(scores, memory):
    exponentials = np.exp(scores - scores.max())
    weights = exponentials / exponentials.sum(axis=-1, keepdims=True)
    return (weights[..., None] * memory).sum(axis=-2)


@exercise.mistake("large scores overflow")
def large_scores_overflow(scores, memory):
    exponentials = np.exp(scores)
    weights = exponentials / exponentials.sum(axis=-1, keepdims=True)
    return (weights[..., None] * memory).sum(axis=-2)


@exercise.mistake("exponentials divided by the sum of the whole batch")
def exponentials_divided_by_the_sum_of_the_whole_batch(scores, memory):
    exponentials = np.exp(scores)
    return (exponentials[..., None] * memory).sum(axis=-2) / exponentials.sum()


@exercise.mistake("exponentials divided by the sum of the whole batch")
def shifted_exponentials_divided_by_the_sum_of_the_whole_batch(scores, memory):
    exponentials = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return (exponentials[..., None] * memory).sum(axis=-2) / exponentials.sum()


@exercise.mistake("exponentials not divided")
def exponentials_neither_shifted_nor_divided(scores, memory):
    return (np.exp(scores)[..., None] * memory).sum(axis=-2)


@exercise.another_way
def as_a_weighted_sum(scores, memory):
    one_row = softmax(scores)[..., None, :]
    return weighted_sum(one_row, memory)[..., 0, :]


@exercise.another_way
def add_up_then_divide(scores, memory):
    heights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    total = np.einsum("...k,...km->...m", heights, memory)
    return total / heights.sum(axis=-1, keepdims=True)


@exercise.another_way
def lists_and_loops(scores, memory):
    if np.ndim(scores) > 1:
        return [lists_and_loops(s, m) for s, m in zip(scores, memory, strict=True)]
    top = max(scores)
    heights = [math.exp(score - top) for score in scores]
    columns = zip(*memory, strict=True)
    return [sum(h * x for h, x in zip(heights, column, strict=True)) / sum(heights) for column in columns]
