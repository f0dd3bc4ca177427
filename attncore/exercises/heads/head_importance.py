"""Leave one head out."""

import numpy as np

from attncore.exercises.exercise import case, code
from attncore.exercises.fixtures import lowering_layer, mixing_layer, redundant_layer
from attncore.heads import head_importance

exercise = code(
    head_importance,
    *[
        case(
            f"{f.__name__.replace('_', ' ')}, {h} heads{', a batch' * (len(shape) > 2)}",
            layer=lambda rng, s, f=f: f,
            n_heads=h,
            x=lambda rng, s, shape=shape: np.round(rng.standard_normal(shape), 1),
            **more,
        )
        for f, h, shape, more in (
            (mixing_layer, 2, (2, 3), {}),
            (mixing_layer, 4, (5, 3), {}),
            (redundant_layer, 3, (2, 3), {}),
            (redundant_layer, 2, (4, 6), {}),
            (lowering_layer, 3, (3, 2), {}),
            (mixing_layer, 3, (2, 4, 3), {}),
            (lowering_layer, 2, (3, 4), {"dtype": np.float32}),
        )
    ],
)


def without(layer, x, n_heads):
    """The outputs with each head left out in turn, and the whole output."""
    return [layer(x, 1 - one) for one in np.eye(n_heads)], layer(x, np.ones(n_heads))


@exercise.mistake("only that head is kept")
def only_that_head_is_kept(layer, x, n_heads):
    whole = layer(x, np.ones(n_heads))
    return np.array([np.abs(layer(x, one) - whole).max() for one in np.eye(n_heads)])


@exercise.mistake("only that head is kept")
def the_size_of_that_head_alone(layer, x, n_heads):
    return np.array([np.abs(layer(x, one)).max() for one in np.eye(n_heads)])


@exercise.mistake("the mean change instead of the largest")
def the_mean_change_instead_of_the_largest(layer, x, n_heads):
    outs, whole = without(layer, x, n_heads)
    return np.array([np.abs(out - whole).mean() for out in outs])


@exercise.mistake("the sign of the change is kept")
def the_sign_of_the_change_is_kept(layer, x, n_heads):
    outs, whole = without(layer, x, n_heads)
    return np.array([(whole - out).max() for out in outs])


@exercise.mistake("heads that were left out stay out")
def heads_that_were_left_out_stay_out(layer, x, n_heads):
    keep, whole, changes = np.ones(n_heads), layer(x, np.ones(n_heads)), []
    for head in range(n_heads):
        keep[head] = 0
        changes.append(np.abs(layer(x, keep) - whole).max())
    return np.array(changes)


@exercise.mistake("compared with no heads at all")
def compared_with_no_heads_at_all(layer, x, n_heads):
    outs, _ = without(layer, x, n_heads)
    nothing = layer(x, np.zeros(n_heads))
    return np.array([np.abs(out - nothing).max() for out in outs])


@exercise.mistake("shares that sum to one")
def shares_that_sum_to_one(layer, x, n_heads):
    changes = head_importance(layer, x, n_heads)
    return changes / changes.sum()


@exercise.mistake("the size of the output instead of its change")
def the_size_of_the_output_instead_of_its_change(layer, x, n_heads):
    outs, _ = without(layer, x, n_heads)
    return np.array([np.abs(out).max() for out in outs])


@exercise.mistake("largest entries subtracted, not the outputs")
def largest_entries_subtracted_not_the_outputs(layer, x, n_heads):
    outs, whole = without(layer, x, n_heads)
    return np.array([abs(np.abs(out).max() - np.abs(whole).max()) for out in outs])


@exercise.mistake("the heads in reverse order")
def the_heads_in_reverse_order(layer, x, n_heads):
    return head_importance(layer, x, n_heads)[::-1]


@exercise.another_way
def a_plain_loop(layer, x, n_heads):
    whole = layer(x, np.ones(n_heads))
    changes = []
    for head in range(n_heads):
        keep = np.ones(n_heads)
        keep[head] = 0
        changes.append(float(abs(layer(x, keep) - whole).max()))
    return changes
