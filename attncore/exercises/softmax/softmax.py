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


@exercise.mistake("the whole array normalized at once")
def whole_array_normalized(x, axis=-1):
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


@exercise.mistake("minimum subtracted instead of the maximum")
def minimum_subtracted_instead_of_the_maximum(x, axis=-1):
    exponentials = np.exp(x - np.min(x, axis=axis, keepdims=True))
    return exponentials / exponentials.sum(axis=axis, keepdims=True)


@exercise.mistake("exponentials divided by the sum of everything, without a shift")
def divided_by_the_sum_of_everything(x, axis=-1):
    return np.exp(x) / np.exp(x).sum()


@exercise.mistake("sum without keepdims")
def sum_without_keepdims(x, axis=-1):
    exponentials = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return exponentials / exponentials.sum(axis=axis)


@exercise.mistake("maximum without keepdims")
def maximum_and_sum_without_keepdims(x, axis=-1):
    exponentials = np.exp(x - np.max(x, axis=axis))
    return exponentials / exponentials.sum(axis=axis)


@exercise.mistake("maximum without keepdims")
def maximum_without_keepdims(x, axis=-1):
    exponentials = np.exp(x - np.max(x, axis=axis))
    return exponentials / exponentials.sum(axis=axis, keepdims=True)


for limit in (50, 80, 500):

    @exercise.mistake("numbers clipped before the exponential")
    def numbers_clipped(x, axis=-1, limit=limit):
        exponentials = np.exp(np.clip(x, -limit, limit))
        return exponentials / exponentials.sum(axis=axis, keepdims=True)


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


@exercise.mistake("a line of -inf gives NaN")
def nan_where_all_is_hidden(x, axis=-1):
    exponentials = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return exponentials / exponentials.sum(axis=axis, keepdims=True)


@exercise.mistake("each number by itself")
def each_number_by_itself(x, axis=-1):
    return 1 / (1 + np.exp(-x))


@exercise.mistake("smaller numbers weigh more")
def smaller_numbers_weigh_more(x, axis=-1):
    return softmax(-x, axis)


@exercise.mistake("all weight on the maximum")
def hard_maximum(x, axis=-1):
    return (x == np.max(x, axis=axis, keepdims=True)) / 1.0


@exercise.mistake("exponentials not divided by their sum")
def exponentials_not_divided_by_their_sum(x, axis=-1):
    return np.exp(x - np.max(x, axis=axis, keepdims=True))


@exercise.mistake("the sum taken without the shift")
def the_sum_taken_without_the_shift(x, axis=-1):
    return np.exp(x - np.max(x, axis=axis, keepdims=True)) / np.exp(x).sum(axis=axis, keepdims=True)


@exercise.mistake("always the first axis")
def always_the_first_axis(x, axis=-1):
    return softmax(x, axis=0)


for constant in (1e-6, 1e-5, 1e-4, 1e-3):

    @exercise.mistake("a small constant added to the sum")
    def a_small_constant_added_to_the_sum(x, axis=-1, constant=constant):
        exponentials = np.exp(x - np.max(x, axis=axis, keepdims=True))
        return exponentials / (exponentials.sum(axis=axis, keepdims=True) + constant)


@exercise.other_convention("all axes at once where none is named, as in SciPy")
def all_axes_where_none_is_named(x, axis=None):
    return softmax(np.ravel(x)).reshape(np.shape(x)) if axis is None else softmax(x, axis)


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
