"""Causal: each token sees the past and itself."""

import numpy as np

from attncore.exercises.exercise import case, code
from attncore.masks import causal_mask

exercise = code(
    causal_mask,
    case("three tokens", n_query=3),
    case("five tokens, n_key given", n_query=5, n_key=5),
    case("one token", n_query=1),
    case("two queries at the end of five keys", n_query=2, n_key=5),
    case("one query at the end of six keys", n_query=1, n_key=6),
    case("four queries, six keys", n_query=4, n_key=6),
    case(
        "more queries than keys",
        n_query=5,
        n_key=3,
        promise="Where there are more queries than keys, the first rows are empty.",
    ),
)


@exercise.mistake("the diagonal is hidden")
def diagonal_hidden(n_query, n_key=None):
    n_key = n_query if n_key is None else n_key
    return np.tri(n_query, n_key, n_key - n_query - 1, dtype=bool)


@exercise.mistake("one step ahead is visible")
def one_step_ahead_visible(n_query, n_key=None):
    n_key = n_query if n_key is None else n_key
    return np.tri(n_query, n_key, n_key - n_query + 1, dtype=bool)


@exercise.mistake("the triangle is flipped")
def triangle_flipped(n_query, n_key=None):
    n_key = n_query if n_key is None else n_key
    return np.triu(np.ones((n_query, n_key), dtype=bool), k=n_key - n_query)


@exercise.mistake("queries taken as the first positions")
def queries_taken_as_the_first_positions(n_query, n_key=None):
    return np.tri(n_query, n_key, dtype=bool)


@exercise.mistake("the triangle is moved the wrong way")
def the_triangle_is_moved_the_wrong_way(n_query, n_key=None):
    n_key = n_query if n_key is None else n_key
    return np.tri(n_query, n_key, n_query - n_key, dtype=bool)


@exercise.mistake("True where a key is hidden")
def inverted(n_query, n_key=None):
    return ~causal_mask(n_query, n_key)


@exercise.mistake("all visible once there is a cache")
def all_visible_once_there_is_a_cache(n_query, n_key=None):
    if n_key is None or n_key == n_query:
        return causal_mask(n_query)
    return np.ones((n_query, n_key), dtype=bool)


@exercise.mistake("number of keys ignored")
def number_of_keys_ignored(n_query, n_key=None):
    return causal_mask(n_query)


@exercise.mistake("everything visible")
def everything_visible(n_query, n_key=None):
    return np.ones((n_query, n_key or n_query), dtype=bool)


@exercise.mistake("the first rows see everything where queries outnumber keys")
def the_first_rows_see_everything_where_queries_outnumber_keys(n_query, n_key=None):
    allowed = causal_mask(n_query, n_key)
    return allowed | ~allowed.any(axis=-1, keepdims=True)


@exercise.mistake("axes swapped")
def axes_swapped(n_query, n_key=None):
    return causal_mask(n_query, n_key).T


@exercise.other_convention("ones and zeros")
def ones_and_zeros(n_query, n_key=None):
    return causal_mask(n_query, n_key).astype(int)


@exercise.other_convention("zeros and minus infinity")
def zeros_and_minus_infinity(n_query, n_key=None):
    return np.where(causal_mask(n_query, n_key), 0.0, -np.inf)


@exercise.other_convention("zeros and -1e9")
def zeros_and_minus_a_billion(n_query, n_key=None):
    return np.where(causal_mask(n_query, n_key), 0.0, -1e9)


@exercise.other_convention("zeros and -1e10")
def zeros_and_minus_ten_billion(n_query, n_key=None):
    return np.where(causal_mask(n_query, n_key), 0.0, -1e10)


@exercise.other_convention("ones and zeros where one hides")
def ones_and_zeros_where_one_hides(n_query, n_key=None):
    return (~causal_mask(n_query, n_key)).astype(int)


@exercise.another_way
def positions_compared(n_query, n_key=None):
    n_key = n_query if n_key is None else n_key
    position = np.arange(n_key - n_query, n_key)
    return np.arange(n_key) <= position[:, None]


@exercise.another_way
def lower_triangle_of_ones(n_query, n_key=None):
    n_key = n_key or n_query
    return np.tril(np.ones((n_query, n_key)), k=n_key - n_query) == 1


@exercise.another_way
def nested_lists(n_query, n_key=None):
    n_key = n_query if n_key is None else n_key
    return [[key - (n_key - n_query) <= query for key in range(n_key)] for query in range(n_query)]
