"""Put the heads side by side again."""

import numpy as np

from attncore.exercises.exercise import case, code, usual
from attncore.heads import merge_heads

exercise = code(
    merge_heads,
    usual(),
    case("as many heads as tokens", sizes={"h": 3, "n": 3, "w": 4}),
    case("one head", sizes={"h": 1}),
    case("a square of everything", sizes={"h": 2, "n": 2, "w": 2}),
)


@exercise.mistake("merge without transpose")
def merge_without_transpose(x):
    *leading, h, n, w = x.shape
    return x.reshape(*leading, n, h * w)


@exercise.mistake("tokens and width change places")
def tokens_and_width_change_places(x):
    *leading, h, n, w = x.shape
    return np.swapaxes(x, -1, -2).reshape(*leading, n, h * w)


@exercise.mistake("the heads are averaged")
def the_heads_are_averaged(x):
    return x.mean(axis=-3)


@exercise.mistake("the heads are added up")
def the_heads_are_added_up(x):
    return x.sum(axis=-3)


@exercise.mistake("the heads are interleaved number by number")
def the_heads_are_interleaved_number_by_number(x):
    *leading, h, n, w = x.shape
    return np.moveaxis(x, -3, -1).reshape(*leading, n, h * w)


@exercise.mistake("the heads are put one after another as tokens")
def the_heads_are_put_one_after_another_as_tokens(x):
    *leading, h, n, w = x.shape
    return x.reshape(*leading, h * n, w)


@exercise.mistake("the heads are in reverse order")
def the_heads_are_in_reverse_order(x):
    return merge_heads(x[..., ::-1, :, :])


@exercise.mistake("all axes are reversed")
def all_axes_are_reversed(x):
    *leading, h, n, w = x.shape
    return x.T.reshape(*leading, n, h * w)


@exercise.another_way
def side_by_side(x):
    return np.concatenate([x[..., i, :, :] for i in range(x.shape[-3])], axis=-1)


@exercise.another_way
def with_moveaxis(x):
    x = np.moveaxis(x, -3, -2)
    return x.reshape(*x.shape[:-2], -1)
