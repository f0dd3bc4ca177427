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
)


@exercise.mistake("reshape without transpose")
def reshape_without_transpose(x, n_heads):
    *leading, n, m = x.shape
    return x.reshape(*leading, n_heads, n, m // n_heads)


@exercise.mistake("heads left behind the tokens")
def heads_left_behind_the_tokens(x, n_heads):
    *leading, n, m = x.shape
    return x.reshape(*leading, n, n_heads, m // n_heads)


@exercise.mistake("every h th number to a head")
def every_h_th_number_to_a_head(x, n_heads):
    *leading, n, m = x.shape
    return np.moveaxis(x.reshape(*leading, n, m // n_heads, n_heads), -1, -3)


@exercise.mistake("tokens and width transposed")
def tokens_and_width_transposed(x, n_heads):
    return np.swapaxes(split_heads(x, n_heads), -1, -2)


@exercise.mistake("heads put in front of the batch")
def heads_put_in_front_of_the_batch(x, n_heads):
    return np.moveaxis(split_heads(x, n_heads), -3, 0)


@exercise.mistake("every head gets everything")
def every_head_gets_everything(x, n_heads):
    return np.stack([x] * n_heads, axis=-3)


@exercise.mistake("width and number of heads mixed up")
def width_and_number_of_heads_mixed_up(x, n_heads):
    return split_heads(x, x.shape[-1] // n_heads)


@exercise.another_way
def slice_by_slice(x, n_heads):
    width = x.shape[-1] // n_heads
    return np.stack([x[..., i * width : (i + 1) * width] for i in range(n_heads)], axis=-3)


@exercise.another_way
def with_np_split(x, n_heads):
    return np.stack(np.split(x, n_heads, axis=-1), axis=-3)
