"""Does the layer care about order?."""

import numpy as np

from attncore.exercises.exercise import case, code
from attncore.exercises.fixtures import (
    each_width_otherwise,
    first_and_last,
    neighbors,
    plain_attention,
    running_sum,
    with_positions,
)
from attncore.exercises.self_attention.cases import layer_cases
from attncore.self_attention import permutation_gap


def shuffled(rng, s):
    order = np.roll(np.arange(s.n), 1)
    order[:2] = order[1::-1]
    return order


exercise = code(
    permutation_gap,
    *layer_cases(
        (with_positions, plain_attention, running_sum, neighbors, first_and_last, each_width_otherwise), order=shuffled
    ),
    case(
        "with positions, in float32",
        layer=lambda rng, s: with_positions,
        order=shuffled,
        sizes={"n": 4, "m": 3},
        dtype=np.float32,
    ),
)


@exercise.mistake("input not permuted")
def input_not_permuted(layer, x, order):
    return np.abs(layer(x) - layer(x)[order]).max()


@exercise.mistake("output not permuted")
def output_not_permuted(layer, x, order):
    return np.abs(layer(x[order]) - layer(x)).max()


@exercise.mistake("output permuted the other way")
def output_permuted_the_other_way(layer, x, order):
    return np.abs(layer(x[order]) - layer(x)[np.argsort(order)]).max()


@exercise.mistake("mean instead of largest")
def mean_instead_of_largest(layer, x, order):
    return np.abs(layer(x[order]) - layer(x)[order]).mean()


@exercise.mistake("sign kept")
def sign_kept(layer, x, order):
    return (layer(x[order]) - layer(x)[order]).max()


@exercise.mistake("widths permuted instead of tokens")
def widths_permuted_instead_of_tokens(layer, x, order):
    columns = np.argsort(order)[: x.shape[-1]].argsort()
    return np.abs(layer(x[:, columns]) - layer(x)[:, columns]).max()


@exercise.mistake("root mean square")
def root_mean_square(layer, x, order):
    return np.sqrt(np.mean((layer(x[order]) - layer(x)[order]) ** 2))


@exercise.mistake("added up instead of the largest")
def sum_instead_of_largest(layer, x, order):
    return np.abs(layer(x[order]) - layer(x)[order]).sum()


@exercise.mistake("added up instead of the largest")
def norm_instead_of_largest(layer, x, order):
    return np.linalg.norm(layer(x[order]) - layer(x)[order])


@exercise.another_way
def with_infinity_norm(layer, x, order):
    before = layer(np.take(x, order, axis=0))
    after = np.take(layer(x), order, axis=0)
    return np.linalg.norm((before - after).ravel(), np.inf)


@exercise.another_way
def put_back_in_order(layer, x, order):
    restored = np.empty_like(x, dtype=float)
    restored[order] = layer(x[order])
    return max(abs(float(gap)) for gap in (restored - layer(x)).ravel())
