"""The numbers held at once."""

import math

from attncore.exercises.exercise import case, code
from attncore.flash import peak_floats


def count_case(name, n, d, *block, **more):
    return case(name, n=n, d=d, **({"block": block[0]} if block else {}), **more)


TOO_SMALL = "Raises ValueError for a block below 1."
exercise = code(
    peak_floats,
    count_case("all scores of six tokens", 6, 4),
    count_case("tiles of two by two", 6, 4, 2),
    count_case("tiles of one score", 6, 4, 1),
    count_case("a block that does not divide the text", 7, 3, 2),
    count_case("a block as long as the text", 6, 4, 6),
    count_case("a block longer than the text", 6, 4, 100, promise="A tile is never larger than the text."),
    count_case("one token", 1, 8),
    count_case("eight thousand tokens", 8192, 128),
    count_case("eight thousand tokens in tiles", 8192, 128, 128),
    count_case("a block of zero", 6, 4, 0, promise=TOO_SMALL),
    count_case("a block below zero", 6, 4, -2, promise=TOO_SMALL),
)


@exercise.mistake("all scores are counted, block or not")
def all_scores_counted_with_a_block_too(n, d, block=None):
    return n * n + 2 * n + n * d


@exercise.mistake("a tile larger than the text")
def tile_larger_than_the_text(n, d, block=None):
    beyond = 0 if block is None else max(block, n) ** 2 - n**2
    return peak_floats(n, d, block) + beyond


@exercise.mistake("a tile as wide as the text")
def a_tile_as_wide_as_the_text(n, d, block=None):
    tile = n if block is None else min(block, n)
    return tile * n + 2 * n + n * d


@exercise.mistake("the statistics are forgotten")
def statistics_forgotten(n, d, block=None):
    return peak_floats(n, d, block) - 2 * n


@exercise.mistake("one statistic for each query instead of two")
def one_statistic_for_each_query(n, d, block=None):
    return peak_floats(n, d, block) - n


@exercise.mistake("the output is forgotten")
def output_forgotten(n, d, block=None):
    return peak_floats(n, d, block) - n * d


@exercise.mistake("the output of one block only")
def output_of_one_block_alone(n, d, block=None):
    tile = n if block is None else min(block, n)
    return tile * tile + 2 * n + tile * d


@exercise.mistake("query, key and value are counted too")
def query_key_and_value_counted_too(n, d, block=None):
    return peak_floats(n, d, block) + 3 * n * d


@exercise.mistake("bytes of float32 instead of numbers")
def bytes_of_float32_instead_of_numbers(n, d, block=None):
    return 4 * peak_floats(n, d, block)


@exercise.mistake("statistics of one block only")
def statistics_of_one_block_only(n, d, block=None):
    tile = n if block is None else min(block, n)
    return tile * tile + 2 * tile + n * d


@exercise.mistake("the scores are counted twice, as scores and as weights")
def scores_counted_twice(n, d, block=None):
    tile = n if block is None else min(block, n)
    return 2 * tile * tile + 2 * n + n * d


@exercise.another_way
def by_shapes(n, d, block=None):
    tile = min(n, block or n)
    held = {"scores": (tile, tile), "maximum": (n,), "total": (n,), "output": (n, d)}
    return sum(math.prod(shape) for shape in held.values())


@exercise.another_way
def query_by_query_counted(n, d, block=None):
    tile = [n, block][block is not None and block < n]
    return sum(tile for _ in range(tile)) + sum(1 + 1 + d for _ in range(n))
