"""A sliding window, with sinks."""

import numpy as np

from attncore.exercises.exercise import case, code
from attncore.long_context import sliding_window_mask
from attncore.masks import causal_mask

COVERS_ALL = "A window or a number of sinks that covers the whole sequence gives the causal mask."


def window_case(n, window, sinks=None, promise=""):
    given = {"n": n, "window": window} | ({} if sinks is None else {"sinks": sinks})
    with_sinks = "" if sinks is None else ", one sink" if sinks == 1 else f", {sinks} sinks"
    return case(f"{n} tokens, a window of {window}{with_sinks}", promise=promise, **given)


exercise = code(
    sliding_window_mask,
    window_case(4, 2),
    window_case(5, 3),
    window_case(7, 3),
    window_case(4, 1),
    window_case(6, 2, 0),
    window_case(5, 2, 1),
    window_case(6, 1, 2),
    window_case(7, 3, 2),
    window_case(4, 3, 2),
    window_case(3, 5, promise=COVERS_ALL),
    window_case(3, 2, 5, promise=COVERS_ALL),
    window_case(4, 0, promise="Raises ValueError for a window below 1."),
)


@exercise.mistake("`window` tokens before the token as well as itself")
def window_tokens_before_the_token_as_well_as_itself(n, window, sinks=0):
    return sliding_window_mask(n, window + 1, sinks)


@exercise.mistake("the token itself is hidden")
def the_token_itself_is_hidden(n, window, sinks=0):
    return sliding_window_mask(n, window, sinks) & ~np.eye(n, dtype=bool)


@exercise.mistake("the window looks ahead as well as back")
def the_window_looks_ahead_as_well_as_back(n, window, sinks=0):
    position = np.arange(n)
    near = np.abs(position[:, None] - position) < window
    return near | (causal_mask(n) & (position < sinks))


@exercise.mistake("`window` tokens on each side of the token")
def window_tokens_on_each_side_of_the_token(n, window, sinks=0):
    position = np.arange(n)
    near = np.abs(position[:, None] - position) <= window
    return near | (causal_mask(n) & (position < sinks))


@exercise.mistake("half of the window on each side of the token")
def half_of_the_window_on_each_side_of_the_token(n, window, sinks=0):
    position = np.arange(n)
    near = np.abs(position[:, None] - position) <= window // 2
    return near | (causal_mask(n) & (position < sinks))


@exercise.mistake("blocks instead of a window")
def blocks_instead_of_a_window(n, window, sinks=0):
    position = np.arange(n)
    same_block = position[:, None] // window == position // window
    return causal_mask(n) & (same_block | (position < sinks))


@exercise.mistake("the window is ignored")
def the_window_is_ignored(n, window, sinks=0):
    return causal_mask(n)


@exercise.mistake("a sink is seen by tokens that come before it")
def a_sink_is_seen_by_tokens_that_come_before_it(n, window, sinks=0):
    position = np.arange(n)
    distance = position[:, None] - position
    near = (distance >= 0) & (distance < window)
    return near | (position < sinks)


@exercise.mistake("the sinks are ignored")
def the_sinks_are_ignored(n, window, sinks=0):
    return sliding_window_mask(n, window)


@exercise.mistake("the sinks make the window shorter")
def the_sinks_make_the_window_shorter(n, window, sinks=0):
    position = np.arange(n)
    recent = position > position[:, None] - max(window - sinks, 0)
    return causal_mask(n) & (recent | (position < sinks))


@exercise.mistake("one sink too many")
def one_sink_too_many(n, window, sinks=0):
    return sliding_window_mask(n, window, sinks + 1)


@exercise.mistake("sinks instead of the window")
def sinks_instead_of_the_window(n, window, sinks=0):
    if sinks == 0:
        return sliding_window_mask(n, window)
    return causal_mask(n) & ((np.arange(n) < sinks) | np.eye(n, dtype=bool))


@exercise.mistake("queries and keys swapped")
def queries_and_keys_swapped(n, window, sinks=0):
    return sliding_window_mask(n, window, sinks).T


@exercise.mistake("True marks what is hidden")
def true_marks_what_is_hidden(n, window, sinks=0):
    return ~sliding_window_mask(n, window, sinks)


@exercise.other_convention("ones and zeros")
def ones_and_zeros(n, window, sinks=0):
    return sliding_window_mask(n, window, sinks).astype(int)


@exercise.other_convention("zeros and minus infinity")
def zeros_and_minus_infinity(n, window, sinks=0):
    return np.where(sliding_window_mask(n, window, sinks), 0.0, -np.inf)


@exercise.another_way
def one_triangle_less_another(n, window, sinks=0):
    causal = np.tri(n, dtype=bool)
    mask = causal & ~np.tri(n, k=-window, dtype=bool)
    mask[:, :sinks] = causal[:, :sinks]
    return mask


@exercise.another_way
def row_by_row(n, window, sinks=0):
    mask = np.zeros((n, n), dtype=bool)
    for i in range(n):
        mask[i, : min(sinks, i + 1)] = True
        mask[i, max(0, i + 1 - window) : i + 1] = True
    return mask


@exercise.another_way
def nested_lists(n, window, sinks=0):
    return [[j <= i and (i - j < window or j < sinks) for j in range(n)] for i in range(n)]
