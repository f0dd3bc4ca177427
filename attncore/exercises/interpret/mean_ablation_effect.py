"""Put a head's mean in its place."""

import numpy as np

from attncore.exercises.exercise import case, code
from attncore.exercises.fixtures import (
    a_head_that_says_the_same,
    heads_that_add_up,
    heads_that_lower,
    heads_that_stand_in,
)
from attncore.interpret import ablation_effect, mean_ablation_effect


def inputs(*shape):
    return lambda rng, s: np.round(rng.standard_normal(shape), 1)


def ablated(name, layer, head, x, reference, **more):
    """A case of one layer without one head, on inputs of these shapes."""
    given = {"x": inputs(*x), "reference": inputs(*reference)}
    return case(name, layer=lambda rng, s: layer, head=head, **given, **more)


exercise = code(
    mean_ablation_effect,
    ablated("one token, one row of reference", heads_that_add_up, 1, (1, 2), (1, 2)),
    ablated("two rows of reference", heads_that_add_up, 1, (1, 2), (2, 2)),
    ablated("heads that add up, without head 0", heads_that_add_up, 0, (2, 3), (4, 3)),
    ablated("heads that add up, without head 2", heads_that_add_up, 2, (5, 4), (3, 4)),
    ablated("heads that stand in, without head 2", heads_that_stand_in, 2, (2, 3), (3, 3)),
    ablated("heads that stand in, without head 0", heads_that_stand_in, 0, (3, 3), (4, 3)),
    ablated("heads that lower, without head 1", heads_that_lower, 1, (3, 2), (5, 2)),
    ablated("heads that lower, without head 0", heads_that_lower, 0, (4, 2), (4, 2)),
    ablated("a head that brings the same everywhere", a_head_that_says_the_same, 0, (2, 3), (3, 3)),
    ablated("beside a head that brings the same everywhere", a_head_that_says_the_same, 1, (2, 3), (3, 3)),
    ablated("a batch of two", heads_that_add_up, 1, (2, 3, 4), (5, 4)),
    ablated("a reference of two texts", heads_that_lower, 0, (3, 4), (2, 3, 4)),
    ablated("two texts beside two texts", heads_that_add_up, 2, (2, 3, 4), (2, 3, 4)),
    ablated("float32", heads_that_stand_in, 2, (3, 4), (4, 4), dtype=np.float32),
)


def brings(layer, x, head):
    return layer(x, None) - layer(x, head)


def rows_of(reference):
    return tuple(range(reference.ndim - 1))


def mean_of(layer, head, reference):
    return np.mean(brings(layer, reference, head), axis=rows_of(reference))


def change(layer, x, head, reference):
    return mean_of(layer, head, reference) - brings(layer, x, head)


def largest(numbers):
    return float(np.max(np.abs(numbers)))


@exercise.mistake("zero in the head's place instead of its mean")
def zero_in_its_place(layer, x, head, reference):
    return ablation_effect(layer, x, head)


@exercise.mistake("the mean over x instead of the other inputs")
def mean_over_x(layer, x, head, reference):
    return largest(change(layer, x, head, x))


@exercise.mistake("the mean of the whole layer on the other inputs")
def mean_of_the_whole_layer(layer, x, head, reference):
    return largest(layer(x, head) + layer(reference, None).mean(axis=rows_of(reference)) - layer(x, None))


@exercise.mistake("the mean of the layer without the head on the other inputs")
def mean_of_the_layer_without_it(layer, x, head, reference):
    return largest(layer(x, head) + layer(reference, head).mean(axis=rows_of(reference)) - layer(x, None))


@exercise.mistake("the mean stands in for the whole layer")
def mean_in_place_of_the_layer(layer, x, head, reference):
    return largest(layer(reference, None).mean(axis=rows_of(reference)) - layer(x, None))


@exercise.mistake("one mean for the whole width")
def one_mean_for_the_whole_width(layer, x, head, reference):
    return largest(brings(layer, reference, head).mean() - brings(layer, x, head))


@exercise.mistake("what the head makes of the mean input")
def of_the_mean_input(layer, x, head, reference):
    mean = reference.mean(axis=rows_of(reference), keepdims=True)
    return largest(brings(layer, mean, head) - brings(layer, x, head))


@exercise.mistake("one row of the other inputs instead of the mean")
def the_first_row(layer, x, head, reference):
    first = reference.reshape(-1, reference.shape[-1])[:1]
    return largest(brings(layer, first, head) - brings(layer, x, head))


@exercise.mistake("one row of the other inputs instead of the mean")
def the_last_row(layer, x, head, reference):
    last = reference.reshape(-1, reference.shape[-1])[-1:]
    return largest(brings(layer, last, head) - brings(layer, x, head))


@exercise.mistake("the mean is taken away as well")
def mean_subtracted(layer, x, head, reference):
    return largest(mean_of(layer, head, reference) + brings(layer, x, head))


@exercise.mistake("the mean is added and the head stays")
def the_head_stays(layer, x, head, reference):
    return largest(mean_of(layer, head, reference))


@exercise.mistake("the mean change instead of the largest")
def mean_change(layer, x, head, reference):
    return float(np.mean(np.abs(change(layer, x, head, reference))))


@exercise.mistake("only rises count")
def rises_only(layer, x, head, reference):
    return float(np.max(change(layer, x, head, reference)))


@exercise.mistake("only falls count")
def falls_only(layer, x, head, reference):
    return float(np.max(-change(layer, x, head, reference)))


@exercise.mistake("the Euclidean norm of the change")
def length_of_the_change(layer, x, head, reference):
    return float(np.linalg.norm(change(layer, x, head, reference)))


@exercise.mistake("head 0 is taken for no head")
def head_zero_taken_for_no_head(layer, x, head, reference):
    return largest(change(layer, x, head or None, reference))


@exercise.mistake("a mean for each of the other texts")
def a_mean_for_each_text(layer, x, head, reference):
    return largest(brings(layer, reference, head).mean(axis=-2, keepdims=True) - brings(layer, x, head))


@exercise.mistake("the mean over the first axis alone")
def mean_over_the_first_axis(layer, x, head, reference):
    return largest(brings(layer, reference, head).mean(axis=0) - brings(layer, x, head))


@exercise.mistake("the effect on x minus the effect on the other inputs")
def difference_of_effects(layer, x, head, reference):
    return abs(ablation_effect(layer, x, head) - ablation_effect(layer, reference, head))


@exercise.mistake("the change is returned place by place")
def place_by_place(layer, x, head, reference):
    return np.abs(change(layer, x, head, reference))


@exercise.mistake("a mean for each of the other texts")
def a_mean_for_each_text_without_its_axis(layer, x, head, reference):
    return largest(brings(layer, reference, head).mean(axis=-2) - brings(layer, x, head))


@exercise.mistake("the median instead of the mean")
def median_instead(layer, x, head, reference):
    return largest(np.median(brings(layer, reference, head), axis=rows_of(reference)) - brings(layer, x, head))


@exercise.another_way
def with_the_changed_output(layer, x, head, reference):
    brought = layer(reference, None) - layer(reference, head)
    mean = brought.reshape(-1, brought.shape[-1]).mean(axis=0)
    return np.abs(layer(x, head) + mean - layer(x, None)).max()


@exercise.another_way
def number_by_number(layer, x, head, reference):
    brought = layer(reference, None) - layer(reference, head)
    rows = [row for row in brought.reshape(-1, brought.shape[-1])]
    means = [sum(column) / len(rows) for column in zip(*rows, strict=True)]
    whole, without = layer(x, None), layer(x, head)
    width = whole.shape[-1]
    pairs = zip(whole.reshape(-1, width), without.reshape(-1, width), strict=True)
    return max(abs(b + mean - a) for one, other in pairs for a, b, mean in zip(one, other, means, strict=True))
