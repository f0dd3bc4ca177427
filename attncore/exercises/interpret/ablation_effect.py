"""Leave one head out."""

import numpy as np

from attncore.exercises.exercise import case, code
from attncore.exercises.fixtures import heads_that_add_up, heads_that_lower, heads_that_stand_in
from attncore.interpret import ablation_effect


def inputs(*shape):
    return lambda rng, s: np.round(rng.standard_normal(shape), 1)


exercise = code(
    ablation_effect,
    *[
        case(
            f"{layer.__name__.replace('_', ' ')}, without head {head}",
            layer=lambda rng, s, layer=layer: layer,
            x=inputs(rows, width),
            head=head,
        )
        for layer, head, rows, width in (
            (heads_that_add_up, 1, 2, 3),
            (heads_that_add_up, 0, 2, 3),
            (heads_that_add_up, 2, 5, 4),
            (heads_that_stand_in, 2, 2, 3),
            (heads_that_stand_in, 0, 3, 3),
            (heads_that_lower, 1, 3, 2),
            (heads_that_lower, 0, 4, 2),
        )
    ],
    case("a batch of two", layer=lambda rng, s: heads_that_add_up, x=inputs(2, 3, 4), head=1),
    case("float32", layer=lambda rng, s: heads_that_stand_in, x=inputs(3, 4), head=2, dtype=np.float32),
)


@exercise.mistake("the mean change instead of the largest")
def mean_change_instead_of_the_largest(layer, x, head):
    return float(np.mean(np.abs(layer(x, head) - layer(x, None))))


@exercise.mistake("only rises count")
def largest_rise_only(layer, x, head):
    return float(np.max(layer(x, head) - layer(x, None)))


@exercise.mistake("only falls count")
def largest_fall_only(layer, x, head):
    return float(np.max(layer(x, None) - layer(x, head)))


@exercise.mistake("the Euclidean norm of the change")
def length_of_the_change(layer, x, head):
    return float(np.linalg.norm(layer(x, head) - layer(x, None)))


@exercise.mistake("the change of the largest number")
def change_of_the_largest_number(layer, x, head):
    return float(abs(np.max(np.abs(layer(x, head))) - np.max(np.abs(layer(x, None)))))


@exercise.mistake("divided by the largest output")
def relative_to_the_largest_output(layer, x, head):
    whole = layer(x, None)
    return float(np.max(np.abs(layer(x, head) - whole)) / np.max(np.abs(whole)))


@exercise.mistake("the largest output without the head")
def size_of_the_output_without_the_head(layer, x, head):
    return float(np.max(np.abs(layer(x, head))))


@exercise.mistake("head 0 is taken for no head")
def head_zero_taken_for_the_whole_layer(layer, x, head):
    without = layer(x, head) if head else layer(x, None)
    return float(np.max(np.abs(without - layer(x, None))))


@exercise.mistake("compared with the input instead of the whole layer")
def compared_with_the_input(layer, x, head):
    return float(np.max(np.abs(layer(x, head) - x)))


@exercise.mistake("the largest mean change of a token")
def the_largest_mean_change_of_a_token(layer, x, head):
    return float(np.max(np.mean(np.abs(layer(x, head) - layer(x, None)), axis=-1)))


@exercise.mistake("the root of the mean squared change")
def the_root_of_the_mean_squared_change(layer, x, head):
    return float(np.sqrt(np.mean((layer(x, head) - layer(x, None)) ** 2)))


@exercise.mistake("the output of the layer without the head is returned")
def the_output_without_the_head(layer, x, head):
    return layer(x, head)


@exercise.mistake("the change is returned place by place")
def the_change_place_by_place(layer, x, head):
    return np.abs(layer(x, head) - layer(x, None))


@exercise.mistake("the change of the largest number")
def change_of_the_largest_number_with_its_sign(layer, x, head):
    return float(abs(np.max(layer(x, head)) - np.max(layer(x, None))))


@exercise.mistake("the changes of a token are added up")
def changes_of_a_token_added_up(layer, x, head):
    return float(np.max(np.sum(np.abs(layer(x, head) - layer(x, None)), axis=-1)))


@exercise.mistake("the largest length of a token's change")
def largest_length_of_the_change_of_a_token(layer, x, head):
    return float(np.max(np.linalg.norm(layer(x, head) - layer(x, None), axis=-1)))


@exercise.mistake("one change for each token")
def one_change_for_each_token(layer, x, head):
    return np.max(np.abs(layer(x, head) - layer(x, None)), axis=-1)


@exercise.mistake("the heads are counted from one")
def heads_counted_from_one(layer, x, head):
    return ablation_effect(layer, x, head - 1)


@exercise.mistake("the heads are counted from one")
def the_head_after_it(layer, x, head):
    return ablation_effect(layer, x, head + 1)


@exercise.mistake("a column of x is set to zero instead")
def column_of_x_set_to_zero(layer, x, head):
    changed = np.where(np.arange(x.shape[-1]) == head, 0, x)
    return float(np.max(np.abs(layer(changed, None) - layer(x, None))))


@exercise.mistake("the smallest change instead of the largest")
def smallest_change(layer, x, head):
    return float(np.min(np.abs(layer(x, head) - layer(x, None))))


@exercise.another_way
def as_a_maximum_norm(layer, x, head):
    change = layer(x, None) - layer(x, head)
    return np.linalg.norm(change.ravel(), ord=np.inf)


@exercise.another_way
def entry_by_entry(layer, x, head):
    largest = 0.0
    for whole, without in zip(layer(x, None).flat, layer(x, head).flat, strict=True):
        largest = max(largest, abs(whole - without))
    return largest
