"""A window in tiles: which tiles have to be visited."""

from functools import reduce

import numpy as np

from attncore.dot_product import attention_scores, scaled_dot_product_attention
from attncore.exercises.exercise import case, code
from attncore.flash import attend_to_tile, merge_partials, slices
from attncore.shapes import shaped


def tiles_seen(rows, block, window):
    first = max(0, rows.start - window + 1)
    return slices(first // block * block, rows.stop, block)


def windowed_tile(query, key, value, rows, keys, window):
    scores = attention_scores(query[rows], key[keys])
    distance = np.arange(rows.start, rows.stop)[:, None] - np.arange(keys.start, keys.stop)
    scores = np.where((distance >= 0) & (distance < window), scores, -np.inf)
    return attend_to_tile(scores, value[keys])


@shaped("(n,d),(n,d),(n,v)->(n,v)")
def fix_windowed_tiles(query, key, value, block, window):
    """Attend in tiles, each token to itself and to the window - 1 tokens before it.

    Tiles of `block` queries and `block` keys, the last ones possibly smaller. Tiles in which no
    query sees a key aren't visited, so that the cost grows with the window and not with the text.
    A window as long as the text, or longer, is plain causal attention.
    """
    outputs = []
    for rows in slices(0, len(query), block):
        parts = [windowed_tile(query, key, value, rows, keys, window) for keys in tiles_seen(rows, block, window)]
        outputs.append(reduce(merge_partials, parts).output)
    return np.concatenate(outputs)


def windowed(name, n, block, window, small=False, **more):
    return case(name, small=small, sizes={"n": n}, block=block, window=window, **more)


exercise = code(
    fix_windowed_tiles,
    windowed("one tile", 3, 4, 2, small=True),
    windowed("a window of one", 4, 2, 1, small=True),
    windowed("a window of two, blocks of one", 3, 1, 2, small=True),
    windowed("a window of two, blocks of two", 4, 2, 2, small=True),
    windowed("a window of three, blocks of two", 5, 2, 3, small=True),
    windowed("a window of as many tokens as a block", 11, 4, 4),
    windowed("a window of one more than a block", 11, 4, 5),
    windowed("a window between two blocks and three", 14, 3, 8),
    windowed("a window shorter than a block", 12, 5, 2),
    windowed("float32", 13, 4, 6, dtype=np.float32),
    windowed(
        "a window longer than the text",
        9,
        2,
        20,
        promise="A window as long as the text, or longer, is plain causal attention.",
    ),
    bug="tiles that the window cuts through are left out",
)


def tiles_seen_(rows, block, window):
    first = max(0, rows.start - window + block)
    return slices(first // block * block, rows.stop, block)


@exercise.mistake("tiles that the window cuts through are left out")
def windows_in_tiles(query, key, value, block, window):
    outputs = []
    for rows in slices(0, len(query), block):
        parts = [windowed_tile(query, key, value, rows, keys, window) for keys in tiles_seen_(rows, block, window)]
        outputs.append(reduce(merge_partials, parts).output)
    return np.concatenate(outputs)


def with_mask(query, key, value, block, window, see):
    """Without tiles, with `see(i, j, first)`: may query i see key j, where its block begins at `first`?"""
    i = np.arange(len(query))[:, None]
    mask = see(i, i.T, i // block * block) & (i >= i.T)
    return scaled_dot_product_attention(query, key, value, mask)


@exercise.mistake("the window reaches one token too far")
def one_too_far(query, key, value, block, window):
    return with_mask(query, key, value, block, window, lambda i, j, first: j >= i - window)


@exercise.mistake("a block's rows all see as far back as its first")
def as_the_first_row(query, key, value, block, window):
    return with_mask(query, key, value, block, window, lambda i, j, first: j > first - window)


@exercise.mistake("tiles that are visited are seen whole")
def seen_whole(query, key, value, block, window):
    def see(i, j, first):
        return j >= np.maximum(0, first - window + 1) // block * block

    return with_mask(query, key, value, block, window, see)


@exercise.mistake("the window begins at a multiple of the block")
def begins_at_a_block(query, key, value, block, window):
    def see(i, j, first):
        return j >= np.maximum(0, i - window + 1) // block * block

    return with_mask(query, key, value, block, window, see)


@exercise.mistake("a tile further back is missing for all but the last row of a block")
def decided_by_the_last_row(query, key, value, block, window):
    def see(i, j, first):
        last = np.minimum(first + block, len(query)) - 1
        return (j > i - window) & (j >= np.maximum(0, last - window + 1) // block * block)

    return with_mask(query, key, value, block, window, see)


@exercise.another_way
def with_one_mask(query, key, value, block, window):
    return with_mask(query, key, value, block, window, lambda i, j, first: j > i - window)


@exercise.another_way
def row_by_row(query, key, value, block, window):
    rows = []
    for i in range(len(query)):
        seen = slice(max(0, i - window + 1), i + 1)
        rows.append(scaled_dot_product_attention(query[i : i + 1], key[seen], value[seen]))
    return np.concatenate(rows)
