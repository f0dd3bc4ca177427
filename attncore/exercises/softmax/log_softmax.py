"""The logarithm of softmax, without the rounding."""

import math

import numpy as np

from attncore.exercises.exercise import code
from attncore.exercises.softmax.cases import vector_cases
from attncore.softmax import log_softmax, softmax

exercise = code(
    log_softmax,
    *vector_cases("A line of nothing but -inf stays -inf."),
)


@exercise.mistake("the logarithm of a softmax that has rounded")
def logarithm_of_a_rounded_softmax(x, axis=-1):
    return np.log(softmax(x, axis))


@exercise.mistake("softmax returned")
def softmax_returned(x, axis=-1):
    return softmax(x, axis)


@exercise.mistake("overflow in the sum")
def overflow_in_the_sum(x, axis=-1):
    return x - np.log(np.exp(x).sum(axis=axis, keepdims=True))


@exercise.mistake("maximum not put back")
def maximum_not_put_back(x, axis=-1):
    largest = np.max(x, axis=axis, keepdims=True)
    return x - np.log(np.exp(x - largest).sum(axis=axis, keepdims=True))


@exercise.mistake("maximum subtracted twice")
def maximum_subtracted_twice(x, axis=-1):
    largest = np.max(x, axis=axis, keepdims=True)
    return x - largest - np.logaddexp.reduce(x, axis=axis, keepdims=True)


@exercise.mistake("sum without keepdims")
def sum_without_keepdims(x, axis=-1):
    shifted = x - np.max(x, axis=axis, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=axis))


@exercise.mistake("one maximum for all rows")
def one_maximum_for_all_rows(x, axis=-1):
    shifted = x - np.max(x)
    return shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))


@exercise.mistake("logarithm to base two")
def logarithm_to_base_two(x, axis=-1):
    return log_softmax(x, axis) / math.log(2)


@exercise.mistake("sum over everything")
def sum_over_everything(x, axis=-1):
    return x - np.logaddexp.reduce(x, axis=None)


@exercise.mistake("always the last axis")
def always_the_last_axis(x, axis=-1):
    return log_softmax(x)


@exercise.mistake("sign flipped")
def sign_flipped(x, axis=-1):
    return -log_softmax(x, axis)


@exercise.mistake("a line of -inf gives NaN")
def nan_on_a_row_of_minus_infinity(x, axis=-1):
    shifted = x - np.max(x, axis=axis, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))


for constant in (1e-12, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5):

    @exercise.mistake("a small constant added inside the logarithm")
    def a_small_constant_added_to_softmax(x, axis=-1, constant=constant):
        return np.log(softmax(x, axis) + constant)


for constant in (1e-6, 1e-5, 1e-4, 1e-3):

    @exercise.mistake("a small constant added inside the logarithm")
    def a_small_constant_added_to_the_sum(x, axis=-1, constant=constant):
        largest = np.max(x, axis=axis, keepdims=True)
        shifted = x - np.where(largest == -np.inf, 0, largest)
        return shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True) + constant)

    @exercise.mistake("a small constant added inside the logarithm")
    def a_small_constant_added_to_softmax_and_to_its_sum(x, axis=-1, constant=constant):
        exponentials = np.exp(x - np.max(x, axis=axis, keepdims=True))
        return np.log(exponentials / (exponentials.sum(axis=axis, keepdims=True) + constant))


@exercise.other_convention("all axes at once where none is named, as in SciPy")
def all_axes_where_none_is_named(x, axis=None):
    return log_softmax(np.ravel(x)).reshape(np.shape(x)) if axis is None else log_softmax(x, axis)


@exercise.another_way
def minus_the_log_of_the_total(x, axis=-1):
    log_total = np.logaddexp.reduce(x, axis=axis, keepdims=True)
    return np.where(np.isneginf(log_total), -np.inf, x - log_total)


@exercise.another_way
def number_by_number(x, axis=-1):
    def line(numbers):
        top = max(numbers)
        if top == -np.inf:
            return list(numbers)
        log_total = top + math.log(sum(math.exp(number - top) for number in numbers))
        return [number - log_total for number in numbers]

    return np.apply_along_axis(line, axis, np.asarray(x, dtype=float))
