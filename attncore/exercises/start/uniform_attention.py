"""The attention that prefers nothing."""

import numpy as np

from attncore.exercises.exercise import code, usual
from attncore.start import uniform_attention

exercise = code(
    uniform_attention,
    usual(),
)


@exercise.mistake("mean over the width")
def mean_over_the_width(values):
    return values.mean(axis=-1)


@exercise.mistake("sum instead of mean")
def sum_instead_of_mean(values):
    return values.sum(axis=-2)


@exercise.mistake("mean of everything")
def mean_of_everything(values):
    return values.mean()


@exercise.mistake("mean over the first axis")
def mean_over_the_first_axis(values):
    return values.mean(axis=0)


@exercise.mistake("divided by the width")
def divided_by_the_width(values):
    return values.sum(axis=-2) / values.shape[-1]


@exercise.mistake("the axis of the keys is kept")
def the_rows_axis_kept(values):
    return values.mean(axis=-2, keepdims=True)


@exercise.mistake("median instead of mean")
def median_instead_of_mean(values):
    return np.median(values, axis=-2)


@exercise.mistake("mean over axis 1")
def mean_over_axis_one(values):
    return values.mean(axis=1)


@exercise.mistake("divided by the length of the first axis")
def divided_by_the_length_of_the_first_axis(values):
    return values.sum(axis=-2) / len(values)


@exercise.another_way
def weights_times_values(values):
    n_keys = values.shape[-2]
    weights = np.full(n_keys, 1 / n_keys)
    return weights @ values


@exercise.another_way
def one_number_at_a_time(values):
    if np.ndim(values) > 2:
        return [one_number_at_a_time(example) for example in values]
    return [sum(column) / len(column) for column in zip(*values, strict=True)]
