"""Softmax that no input breaks."""

import math

import numpy as np

from attncore.exercises.exercise import code
from attncore.exercises.softmax.cases import vector_cases
from attncore.softmax import log_softmax, softmax

exercise = code(
    softmax,
    *vector_cases("A line of nothing but -inf gives zeros."),
)


@exercise.mistake("whole array normalised")
def whole_array_normalised(x, axis=-1):
    exponentials = np.exp(x - np.max(x))
    return exponentials / exponentials.sum()


@exercise.mistake("one maximum for all rows")
def one_maximum_for_all_rows(x, axis=-1):
    exponentials = np.exp(x - np.max(x))
    return exponentials / exponentials.sum(axis=axis, keepdims=True)


@exercise.mistake("no maximum subtracted")
def no_maximum_subtracted(x, axis=-1):
    exponentials = np.exp(x)
    return exponentials / exponentials.sum(axis=axis, keepdims=True)


@exercise.mistake("mean subtracted instead of the maximum")
def mean_subtracted_instead_of_the_maximum(x, axis=-1):
    exponentials = np.exp(x - np.mean(x, axis=axis, keepdims=True))
    return exponentials / exponentials.sum(axis=axis, keepdims=True)


@exercise.mistake("sum without keepdims")
def sum_without_keepdims(x, axis=-1):
    exponentials = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return exponentials / exponentials.sum(axis=axis)


@exercise.mistake("logarithm returned")
def logarithm_returned(x, axis=-1):
    return log_softmax(x, axis)


@exercise.mistake("divided by the sum without exponential")
def divided_by_the_sum_without_exponential(x, axis=-1):
    return x / x.sum(axis=axis, keepdims=True)


@exercise.mistake("base two")
def base_two(x, axis=-1):
    return softmax(x * math.log(2), axis)


@exercise.mistake("integer dtype kept")
def integer_dtype_kept(x, axis=-1):
    weights = np.zeros_like(x)
    weights[...] = softmax(x, axis)
    return weights


@exercise.mistake("axis ignored")
def axis_ignored(x, axis=-1):
    return softmax(x)


@exercise.mistake("nan where all is hidden")
def nan_where_all_is_hidden(x, axis=-1):
    exponentials = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return exponentials / exponentials.sum(axis=axis, keepdims=True)


@exercise.mistake("each number by itself")
def each_number_by_itself(x, axis=-1):
    return 1 / (1 + np.exp(-x))


@exercise.mistake("smaller numbers weigh more")
def smaller_numbers_weigh_more(x, axis=-1):
    return softmax(-x, axis)


@exercise.mistake("hard maximum")
def hard_maximum(x, axis=-1):
    return (x == np.max(x, axis=axis, keepdims=True)) / 1.0


@exercise.another_way
def through_logaddexp(x, axis=-1):
    log_total = np.logaddexp.reduce(x, axis=axis, keepdims=True)
    return np.exp(x - np.where(np.isfinite(log_total), log_total, 0))


@exercise.another_way
def empty_rows_mended_afterwards(x, axis=-1):
    exponentials = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return np.nan_to_num(exponentials / exponentials.sum(axis=axis, keepdims=True))


@exercise.another_way
def one_line_at_a_time(x, axis=-1):
    def line(numbers):
        top = max(numbers)
        if top == -np.inf:
            return [0.0 for _ in numbers]
        exponentials = [math.exp(number - top) for number in numbers]
        return [e / sum(exponentials) for e in exponentials]

    return np.apply_along_axis(line, axis, np.asarray(x, dtype=float))
