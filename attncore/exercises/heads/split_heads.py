"""Split the width into heads."""

import numpy as np

from attncore.exercises.exercise import case, code, usual
from attncore.heads import split_heads

exercise = code(
    split_heads,
    usual(n_heads=2),
    case("three heads", sizes={"m": 12}, n_heads=3),
    case("one head", n_heads=1),
    case("as many heads as tokens", sizes={"n": 4, "m": 12}, n_heads=4),
    case("a square of everything", sizes={"n": 4, "m": 4}, n_heads=2),
    case(
        "three heads for a width of four",
        small=True,
        n_heads=3,
        promise="Raises ValueError where the heads do not divide the width.",
    ),
)


@exercise.mistake("reshape without transpose")
def reshape_without_transpose(x, n_heads):
    *leading, n, m = x.shape
    return x.reshape(*leading, n_heads, n, m // n_heads)


@exercise.mistake("the heads axis is left behind the tokens")
def the_heads_axis_is_left_behind_the_tokens(x, n_heads):
    *leading, n, m = x.shape
    return x.reshape(*leading, n, n_heads, m // n_heads)


@exercise.mistake("each head gets every h-th number instead of a contiguous block")
def each_head_gets_every_h_th_number_instead_of_a_contiguous_block(x, n_heads):
    *leading, n, m = x.shape
    return np.moveaxis(x.reshape(*leading, n, m // n_heads, n_heads), -1, -3)


@exercise.mistake("tokens and width are transposed")
def tokens_and_width_are_transposed(x, n_heads):
    return np.swapaxes(split_heads(x, n_heads), -1, -2)


@exercise.mistake("heads and width change places")
def heads_and_width_change_places(x, n_heads):
    *leading, n, m = x.shape
    return np.swapaxes(x.reshape(*leading, n, n_heads, m // n_heads), -1, -2)


@exercise.mistake("the heads axis is put in front of the batch")
def the_heads_axis_is_put_in_front_of_the_batch(x, n_heads):
    return np.moveaxis(split_heads(x, n_heads), -3, 0)


@exercise.mistake("every head gets the whole width")
def every_head_gets_the_whole_width(x, n_heads):
    return np.stack([x] * n_heads, axis=-3)


@exercise.mistake("the number of heads is taken for their width")
def the_number_of_heads_is_taken_for_their_width(x, n_heads):
    return split_heads(x, x.shape[-1] // n_heads)


@exercise.another_way
def slice_by_slice(x, n_heads):
    width = x.shape[-1] // n_heads
    return np.stack([x[..., i * width : (i + 1) * width] for i in range(n_heads)], axis=-3)


@exercise.another_way
def with_np_split(x, n_heads):
    return np.stack(np.split(x, n_heads, axis=-1), axis=-3)
