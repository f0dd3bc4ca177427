"""Leave one head out."""

import numpy as np

from attncore.exercises.exercise import case, code
from attncore.heads import head_importance


def mixing_layer(x, keep):
    """Four heads that bring a different amount each; the last brings nothing."""
    parts = [np.tanh((i + 1) * x)[..., ::-1] * (3 - i) for i in range(len(keep))]
    return sum(k * part for k, part in zip(keep, parts, strict=True))


def redundant_layer(x, keep):
    """Heads that stand in for each other: the output is the largest of what is kept."""
    parts = np.stack([k * (x + 0.1 * i) for i, k in enumerate(keep)])
    return parts.max(axis=0)


def lowering_layer(x, keep):
    """Every head lowers the output, so that leaving one out raises it."""
    return x - sum(k * (i + 1) for i, k in enumerate(keep)) + 0.3 * np.sign(x) * keep[0]


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
