"""A cache that does not grow."""

import numpy as np

from attncore.exercises.exercise import case, code
from attncore.long_context import rolling_cache, sliding_window_mask

COVERS_ALL = "A window or a number of sinks that covers the whole sequence keeps all of it."


def rolled_case(name, window, sinks=None, **more):
    given = {"window": window} | ({} if sinks is None else {"sinks": sinks})
    return case(name, **given, **more)


exercise = code(
    rolling_cache,
    rolled_case("three tokens, a window of two", 2, small=True),
    rolled_case("four tokens, a window of one", 1, small=True, sizes={"n": 4}),
    rolled_case("no two axes of one length", 3),
    rolled_case("a batch of two", 2, small=True, lead=(2,)),
    rolled_case("two leading axes", 3, lead=(2, 4)),
    rolled_case("float32", 3, dtype=np.float32),
    rolled_case("a sink and a window of one", 1, 1, small=True),
    rolled_case("two sinks and a window of three", 3, 2, sizes={"n": 9}),
    rolled_case("two sinks in a batch", 3, 2, lead=(2,), sizes={"n": 9}),
    rolled_case("sinks=0", 2, 0),
    rolled_case("sinks inside the window", 3, 2, small=True, sizes={"n": 4}),
    rolled_case("a window as wide as the sequence", 3, small=True, promise=COVERS_ALL),
    rolled_case("a window wider than the sequence", 5, small=True, promise=COVERS_ALL),
    rolled_case("more sinks than tokens", 2, 7, small=True, promise=COVERS_ALL),
    rolled_case("a window of zero", 0, small=True, promise="Raises ValueError for a window below 1."),
)


@exercise.mistake("the sinks are thrown away")
def the_sinks_are_thrown_away(key, value, window, sinks=0):
    return rolling_cache(key, value, window)


@exercise.mistake("a token that is both sink and recent is kept twice")
def a_token_that_is_both_sink_and_recent_is_kept_twice(key, value, window, sinks=0):
    def cut(x):
        return np.concatenate([x[..., :sinks, :], x[..., -window:, :]], axis=-2)

    return cut(key), cut(value)


@exercise.mistake("the sinks come after the window")
def the_sinks_come_after_the_window(key, value, window, sinks=0):
    n = key.shape[-2]
    recent = range(max(0, n - window), n)
    kept = [*recent, *(i for i in range(min(sinks, n)) if i not in recent)]
    return key[..., kept, :], value[..., kept, :]


@exercise.mistake("the window is one token short")
def the_window_is_one_token_short(key, value, window, sinks=0):
    position = np.arange(key.shape[-2])
    seen = (position > key.shape[-2] - window) | (position < sinks)
    return key[..., seen, :], value[..., seen, :]


@exercise.mistake("the window is one token too long")
def the_window_is_one_token_too_long(key, value, window, sinks=0):
    return rolling_cache(key, value, window + 1, sinks)


@exercise.mistake("the values are not cut")
def the_values_are_not_cut(key, value, window, sinks=0):
    return rolling_cache(key, value, window, sinks)[0], value


@exercise.mistake("the first tokens instead of the last")
def the_first_tokens_instead_of_the_last(key, value, window, sinks=0):
    return key[..., : max(window, sinks), :], value[..., : max(window, sinks), :]


@exercise.mistake("the sinks make the window shorter")
def the_sinks_make_the_window_shorter(key, value, window, sinks=0):
    position = np.arange(key.shape[-2])
    seen = (position >= len(position) - max(window - sinks, 0)) | (position < sinks)
    return key[..., seen, :], value[..., seen, :]


@exercise.mistake("cut along the first axis instead of the token axis")
def cut_along_the_first_axis_instead_of_the_token_axis(key, value, window, sinks=0):
    position = np.arange(len(key))
    seen = (position >= len(key) - window) | (position < sinks)
    return key[seen], value[seen]


@exercise.mistake("nothing is thrown away")
def nothing_is_thrown_away(key, value, window, sinks=0):
    return key.copy(), value.copy()


@exercise.mistake("a window wider than the sequence loses tokens")
def a_window_wider_than_the_sequence_loses_tokens(key, value, window, sinks=0):
    n = key.shape[-2]
    kept = [*range(min(sinks, n)), *range(n)[n - window :]]
    kept = sorted(set(kept))
    return key[..., kept, :], value[..., kept, :]


@exercise.other_convention("the order of a ring buffer")
def the_order_of_a_ring_buffer(key, value, window, sinks=0):
    n = key.shape[-2]
    first = max(n - window, min(sinks, n))
    kept = [*range(min(sinks, n)), *sorted(range(first, n), key=lambda i: i % window)]
    return key[..., kept, :], value[..., kept, :]


@exercise.another_way
def the_last_row_of_the_mask(key, value, window, sinks=0):
    seen = sliding_window_mask(key.shape[-2], window, sinks)[-1]
    return key[..., seen, :], value[..., seen, :]


@exercise.another_way
def two_slices_joined(key, value, window, sinks=0):
    first = max(key.shape[-2] - window, 0)
    cut = min(sinks, first)
    return tuple(np.concatenate([x[..., :cut, :], x[..., first:, :]], axis=-2) for x in (key, value))


@exercise.another_way
def a_list_of_places(key, value, window, sinks=0):
    n = key.shape[-2]
    places = sorted({*range(min(sinks, n)), *range(max(0, n - window), n)})
    return [np.take(key, places, axis=-2), np.take(value, places, axis=-2)]
