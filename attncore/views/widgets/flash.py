"""Lesson 14: a walk through the tiles, and the memory that they take."""

import tracemalloc
from collections.abc import Callable
from functools import cache, wraps
from typing import NamedTuple

import numpy as np

from attncore.dot_product import attention_scores, scaled_dot_product_attention
from attncore.flash import Partial, attend_to_tile, merge_partials, peak_floats, slices, tiled_attention
from attncore.masks import causal_mask
from attncore.softmax import masked_softmax
from attncore.views.live import Live, asked_of, choice, slider, switch
from attncore.views.style import Picture, beside
from attncore.views.tables import HIDDEN, OFF, Cell, bars, heat_map, number_map, table, yes_no
from attncore.words import embed, tokens

TEXT = "the cat slept because it was tired"


class Tile(NamedTuple):
    """Where a tile lies, whether it opens and whether it ends its block of queries."""

    rows: slice
    keys: slice
    is_first: bool
    is_last: bool


def walk(n: int, block: int, is_causal: bool) -> list[Tile]:
    """The tiles in their order, without those that a causal mask hides whole."""
    tiles = []
    for rows in slices(0, n, block):
        visible = slices(0, rows.stop if is_causal else n, block)
        tiles += [Tile(rows, keys, keys == visible[0], keys == visible[-1]) for keys in visible]
    return tiles


def tiles_picture(merge: Callable = merge_partials) -> Live:
    """Lesson 14: tile after tile, what is held and what is forgotten; the given function merges."""
    words, x = tokens(TEXT), embed(TEXT)
    n = len(words)
    scores, value = attention_scores(x, x, 3.0), np.eye(n)  # each value marks its key: the output is the weights

    def attend(tile: Tile, mask: np.ndarray) -> Partial:
        seen = np.where(mask[tile.rows, tile.keys], scores[tile.rows, tile.keys], -np.inf)
        return attend_to_tile(seen, value[tile.keys])

    def draw(step: int, block: int, is_causal: bool) -> Picture:
        mask = causal_mask(n) if is_causal else np.ones((n, n), bool)
        tiles = walk(n, block, is_causal)
        step = min(step, len(tiles))
        tile = tiles[step - 1]
        block_tiles = [t for t in tiles[:step] if t.rows == tile.rows]
        state = before = attend(block_tiles[0], mask)
        for other in block_tiles[1:]:
            before, state = state, merged(merge, state, attend(other, mask))
        queries = words[tile.rows]
        plain = masked_softmax(scores, mask)[tile.rows]
        return beside(
            score_map(scores, mask, tiles, step, words),
            meter(n, block),
            statistics(None if tile.is_first else before, state, queries),
            accumulator(state, queries, words),
            heat_map(state.output, queries, words, so_far(state.output, plain, tile)),
        )

    controls = {
        "step": slider("tile", 1, len(walk(n, 3, False)), 5),
        "block": choice("block", [1, 2, 3, 4, 7], 3),
        "is_causal": switch("causal"),
    }
    live = Live(draw, **controls)

    def fit_steps(_change) -> None:
        controls["step"].max = len(walk(n, controls["block"].value, controls["is_causal"].value))

    for name in ("block", "is_causal"):
        controls[name].observe(fit_steps, "value")
    return live


def merged(merge: Callable, left: Partial, right: Partial) -> Partial:
    """What the given function makes of two parts, as a Partial of the right shapes."""

    @wraps(merge)
    def packed(left: Partial, right: Partial):
        got = merge(left, right)
        return np.column_stack(tuple(got)) if isinstance(got, tuple | list) else got

    rows, width = left.output.shape
    got = asked_of(packed, left, right, shape=(rows, width + 2))
    return Partial(got[:, :width], got[:, width], got[:, width + 1])


def score_map(scores, mask, tiles: list[Tile], step: int, words: list[str]) -> Picture:
    """The square of scores, of which only the tile in hand is there."""
    n, (rows, keys, *_) = len(words), tiles[step - 1]
    cells = [[Cell("#ffffff", "#000000")] * n for _ in words]
    walked = np.zeros((n, n), bool)
    for place, tile in enumerate(tiles):
        walked[tile.rows, tile.keys] = True
        for i, j in np.ndindex(n, n):
            if place < step - 1 and tile.rows.start <= i < tile.rows.stop and tile.keys.start <= j < tile.keys.stop:
                cells[i][j] = OFF
    for i, j in np.argwhere(~walked):
        cells[i][j] = HIDDEN
    for i in range(rows.start, rows.stop):
        for j in range(keys.start, keys.stop):
            cells[i][j] = yes_no(True)._replace(words=f"{scores[i, j]:.1f}" if mask[i, j] else "-inf")
    held, skipped = (rows.stop - rows.start) * (keys.stop - keys.start), np.count_nonzero(~walked)
    title = f"Tile {step} of {len(tiles)}: {held} of {n * n} scores are held"
    title += f", {skipped} are never computed" if skipped else ""
    where = f"Queries {', '.join(words[rows])}; keys {', '.join(words[keys])}."
    return table(cells, words, words, title, f"{title}. Rows are queries, columns are keys. {where}")


def statistics(before: Partial | None, state: Partial, queries: list[str]) -> Picture:
    """Maximum, rescale factor and sum of each query in hand."""
    if before is None:
        columns = np.column_stack([state.maximum, state.total])
        return number_map(columns, queries, ["maximum", "sum"], "The first tile: there is nothing to rescale")
    with np.errstate(invalid="ignore"):
        factor = np.exp(before.maximum - state.maximum)
    columns = np.column_stack([before.maximum, state.maximum, factor, state.total])
    shrunk = [f'"{query}"' for query, f in zip(queries, factor, strict=True) if f < 1]
    names = ["maximum before", "maximum", "rescale by", "sum"]
    found = f"A larger score for {', '.join(shrunk)}: what was there shrinks" if shrunk else "No larger score: factor 1"
    return number_map(columns, queries, names, found)


def accumulator(state: Partial, queries: list[str], words: list[str]) -> Picture:
    """The output before its division: with marks as values, the exponentials relative to the maximum so far."""
    summed = state.output * state.total[:, None]
    fits = np.allclose(summed.sum(axis=-1), state.total)
    return heat_map(summed, queries, words, f"Accumulator: its rows {'' if fits else 'do not '}add up to the sums")


def so_far(output, plain, tile: Tile) -> str:
    """What the rows of the output are by now."""
    if tile.is_last:
        equal = np.allclose(output, plain)
        return "Output, finished: the plain softmax" if equal else "Output, finished: not the plain softmax"
    if np.allclose(output.sum(axis=-1), 1):
        return f"Output: divided by the sums, already weights over {tile.keys.stop} keys"
    return f"Output: its rows sum to {', '.join(f'{total:.2f}' for total in output.sum(axis=-1))}"


def meter(n: int, block: int) -> Picture:
    held = [peak_floats(n, n), peak_floats(n, n, block)]
    fewer = "as many as" if held[0] == held[1] else "instead of"
    return bars(held, ["whole", "in tiles"], f"Numbers held at once: {held[1]} {fewer} {held[0]}", top=held[0])


WIDTH = 64


def memory_picture(function: Callable = tiled_attention) -> Live:
    """Lesson 14: the memory that the given tiled attention takes when it runs, and what the count says."""

    def draw(n: int, block: int) -> Picture:
        whole = plain_peak(n)
        mine = peak(function, *drawn(n), block, shape=(n, WIDTH))
        counted = peak_floats(n, WIDTH, block) * 4 / 2**20
        much = f"{whole / mine:.1f} times less memory" if whole / mine > 1.05 else "no less memory"
        title = f"{n:,} tokens in blocks of {block}: {much} than the plain formula, in MiB"
        return bars([whole, mine, counted], ["plain", "in tiles", "by count"], title, top=max(whole, mine))

    lengths = [(f"{n:,} tokens", n) for n in (128, 256, 512, 1024)]
    return Live(draw, n=choice("length", lengths, 1024), block=choice("block", [128, 256, 512, 1024], 128))


@cache
def drawn(n: int) -> tuple[np.ndarray, ...]:
    return tuple(np.random.default_rng(0).standard_normal((3, n, WIDTH)).astype(np.float32))


@cache
def plain_peak(n: int) -> float:
    return peak(scaled_dot_product_attention, *drawn(n), shape=(n, WIDTH))


def peak(function: Callable, *args, shape: tuple[int, ...]) -> float:
    """The most memory that a call takes at once, beyond its arguments, in MiB."""
    tracing = tracemalloc.is_tracing()
    if not tracing:
        tracemalloc.start()
    try:
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        asked_of(function, *args, shape=shape)
        return (tracemalloc.get_traced_memory()[1] - before) / 2**20
    finally:
        if not tracing:
            tracemalloc.stop()
