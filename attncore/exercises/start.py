"""Lesson 00: the warm-up, and the diagnostic that says where to begin."""

import numpy as np

from attncore.exercises.exercise import Lesson, cases
from attncore.start import uniform_attention

lesson = Lesson("00_start")

warm_up = lesson.code(uniform_attention, cases(uniform_attention))


@warm_up.mistake
def mean_over_the_width(values):
    return values.mean(axis=-1)


@warm_up.mistake
def sum_instead_of_mean(values):
    return values.sum(axis=-2)


@warm_up.mistake
def mean_of_everything(values):
    return values.mean()


@warm_up.mistake
def mean_over_the_first_axis(values):
    return values.mean(axis=0)


@warm_up.mistake
def divided_by_the_width(values):
    return values.sum(axis=-2) / values.shape[-1]


@warm_up.mistake
def the_rows_axis_kept(values):
    return values.mean(axis=-2, keepdims=True)


@warm_up.mistake
def median_instead_of_mean(values):
    return np.median(values, axis=-2)


@warm_up.another_way
def weights_times_values(values):
    n_keys = values.shape[-2]
    weights = np.full(n_keys, 1 / n_keys)
    return weights @ values


@warm_up.another_way
def one_number_at_a_time(values):
    if np.ndim(values) > 2:
        return [one_number_at_a_time(example) for example in values]
    return [sum(column) / len(column) for column in zip(*values, strict=True)]


lesson.debug("fix_uniform_attention", warm_up, mean_over_the_first_axis)

lesson.numeric("equal-weight", lambda: 1 / 6, the_sum_of_the_weights=lambda: 1)
lesson.predict(
    "uniform-shape",
    lambda: (2, 6),
    the_wrong_axis_is_gone=lambda: (2, 5),
    the_axis_is_kept=lambda: (2, 1, 6),
    one_row_for_each_key=lambda: (2, 5, 6),
)

lesson.predict("start-sum", lambda: (3, 6))
lesson.predict("start-shift", lambda: "not at all")
lesson.numeric("start-scale", lambda: 8)
lesson.predict("start-axis", lambda: "keys")
lesson.predict("start-order", lambda: "they swap too")
lesson.numeric("start-causal", lambda: 4)
lesson.predict("start-masked", lambda: "the weights are wrong")
lesson.predict("start-heads", lambda: "it stays the same")

lesson.explain("what-will-you-say")
