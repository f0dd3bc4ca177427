"""The bias: a price for distance."""

import math

import numpy as np

from attncore.exercises.exercise import case, code
from attncore.exercises.positions.cases import geometric
from attncore.positions import alibi_bias, alibi_slopes

LAST_POSITIONS = "With fewer queries than keys, the queries are the last positions."
exercise = code(
    alibi_bias,
    case("two heads, three tokens", n_heads=2, n_query=3, n_key=3),
    case("four heads, two tokens", n_heads=4, n_query=2, n_key=2),
    case("eight heads, five tokens", n_heads=8, n_query=5, n_key=5),
    case("one head", n_heads=1, n_query=4, n_key=4),
    case("six heads", n_heads=6, n_query=4, n_key=4),
    case("twelve heads, seven tokens", n_heads=12, n_query=7, n_key=7),
    case("two queries, five keys", promise=LAST_POSITIONS, n_heads=2, n_query=2, n_key=5),
    case("one query, six keys", promise=LAST_POSITIONS, n_heads=4, n_query=1, n_key=6),
    case("three queries, seven keys", promise=LAST_POSITIONS, n_heads=12, n_query=3, n_key=7),
)


def steps_back(n_query, n_key):
    """How far each key lies before its query; below zero where it comes after."""
    return np.arange(n_key - n_query, n_key)[:, None] - np.arange(n_key)


def by_slope(n_heads, distance):
    return -alibi_slopes(n_heads)[:, None, None] * distance


ONE_SLOPE = (
    lambda n_heads: alibi_slopes(n_heads)[0],
    lambda n_heads: alibi_slopes(n_heads)[-1],
    lambda n_heads: alibi_slopes(n_heads).mean(),
    lambda n_heads: 2 ** (-8 / n_heads),
    lambda n_heads: 1 / n_heads,
    *(lambda n_heads, slope=slope: slope for slope in (0.5, 0.25, 0.1, 0.0625, 2**-8)),
)
for slope in ONE_SLOPE:

    @exercise.mistake("one slope for all heads")
    def one_slope_for_all_heads(n_heads, n_query, n_key, slope=slope):
        distance = np.abs(steps_back(n_query, n_key))
        return np.repeat(-slope(n_heads) * distance[None], n_heads, axis=0)


@exercise.mistake("no slope at all")
def no_slope_at_all(n_heads, n_query, n_key):
    return np.sign(alibi_bias(n_heads, n_query, n_key)) * np.abs(
        np.arange(n_key - n_query, n_key)[:, None] - np.arange(n_key)
    )


@exercise.mistake("sign flipped")
def sign_flipped(n_heads, n_query, n_key):
    return -alibi_bias(n_heads, n_query, n_key)


@exercise.mistake("position of the key instead of the distance")
def position_of_the_key_instead_of_the_distance(n_heads, n_query, n_key):
    return by_slope(n_heads, np.broadcast_to(np.arange(n_key), (n_query, n_key)))


@exercise.mistake("queries taken as the first positions")
def queries_taken_as_the_first_positions(n_heads, n_query, n_key):
    distance = np.abs(np.arange(n_query)[:, None] - np.arange(n_key))
    return -alibi_slopes(n_heads)[:, None, None] * distance


@exercise.mistake("later keys raised instead of lowered")
def later_keys_raised_instead_of_lowered(n_heads, n_query, n_key):
    return by_slope(n_heads, steps_back(n_query, n_key))


@exercise.mistake("later keys not lowered")
def later_keys_not_lowered(n_heads, n_query, n_key):
    return by_slope(n_heads, np.maximum(steps_back(n_query, n_key), 0))


@exercise.mistake("distance squared")
def distance_squared(n_heads, n_query, n_key):
    return by_slope(n_heads, steps_back(n_query, n_key) ** 2)


@exercise.mistake("distance one too large")
def distance_one_too_large(n_heads, n_query, n_key):
    return by_slope(n_heads, np.abs(steps_back(n_query, n_key)) + 1)


@exercise.mistake("slopes with exponents from zero")
def slopes_with_exponents_from_zero(n_heads, n_query, n_key):
    slopes = alibi_slopes(n_heads) * 2 ** (8 / 2 ** math.floor(math.log2(n_heads)))
    return -slopes[:, None, None] * np.abs(steps_back(n_query, n_key))


@exercise.mistake("the plain formula for any number of heads")
def the_plain_formula_for_any_number_of_heads(n_heads, n_query, n_key):
    slopes = geometric(n_heads, 8 / n_heads)
    return -slopes[:, None, None] * np.abs(steps_back(n_query, n_key))


@exercise.mistake("the exponential of the bias")
def the_exponential_of_the_bias(n_heads, n_query, n_key):
    return np.exp(alibi_bias(n_heads, n_query, n_key))


@exercise.mistake("heads on the last axis")
def heads_on_the_last_axis(n_heads, n_query, n_key):
    return np.moveaxis(alibi_bias(n_heads, n_query, n_key), 0, -1)


@exercise.other_convention("slope times the position of the key, as in BLOOM")
def slope_times_the_position_of_the_key_as_in_BLOOM(n_heads, n_query, n_key):
    return -by_slope(n_heads, np.broadcast_to(np.arange(n_key), (n_query, n_key)))


@exercise.other_convention("the causal mask already in it")
def the_causal_mask_already_in_it(n_heads, n_query, n_key):
    return np.where(steps_back(n_query, n_key) < 0, -np.inf, alibi_bias(n_heads, n_query, n_key))


@exercise.another_way
def with_two_outer_products(n_heads, n_query, n_key):
    keys = np.arange(n_key)
    distance = np.abs(np.subtract.outer(keys[n_key - n_query :], keys))
    return np.multiply.outer(-alibi_slopes(n_heads), distance)


@exercise.another_way
def nested_lists(n_heads, n_query, n_key):
    earlier = n_key - n_query
    return [
        [[-slope * abs(earlier + query - key) for key in range(n_key)] for query in range(n_query)]
        for slope in alibi_slopes(n_heads)
    ]
