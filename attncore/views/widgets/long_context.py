"""Lesson 15: a needle on a strip of words, and who still finds it."""

from collections.abc import Callable

import numpy as np

from attncore.long_context import sliding_window_mask
from attncore.softmax import masked_softmax, softmax
from attncore.views.live import Live, asked_of, slider
from attncore.views.style import Picture, beside
from attncore.views.tables import OFF, bars, shade, table
from attncore.words import embed, tokens

HAY = "the cat sat on the mat the dog slept on the rug he ran by the river she was in the boat it was"
NEEDLE = "paris"
SHARP = 4.0


def needle_picture(function: Callable = sliding_window_mask) -> Live:
    """Lesson 15: the last place asks for the needle; what share each scheme gives it, under the learner's own mask.

    In a stack only the last layer asks. Those below it take plain means, since nobody tells them what will be asked.
    """
    hay, needle = embed(HAY), embed(NEEDLE)
    n = len(hay)

    def draw(place: int, window: int, sinks: int, layers: int) -> Picture:
        x = hay.copy()
        x[place] = needle[0]
        local = asked_of(function, n, window, shape=(n, n)).astype(bool)
        sunk = asked_of(function, n, window, sinks, shape=(n, n)).astype(bool)
        means = local / np.maximum(local.sum(axis=-1, keepdims=True), 1)
        mixed = np.linalg.matrix_power(means, layers - 1)
        stack = f"{layers} layer{'s' * (layers > 1)}"
        rows = {
            "full": softmax(SHARP * needle @ x.T)[0],
            "window": masked_softmax(SHARP * needle @ x.T, local[-1:])[0],
            "with sinks": masked_softmax(SHARP * needle @ x.T, sunk[-1:])[0],
            stack: (masked_softmax(SHARP * needle @ (mixed @ x).T, local[-1:]) @ mixed)[0],
        }
        shares = [row[place] for row in rows.values()]
        reach = f"One window sees {local[-1].sum()} of {n} words, {stack} {np.count_nonzero(rows[stack])}"
        title = f"{n - 1 - place} back: how much does the needle get?"
        return beside(strip(rows, place, reach), bars(shares, rows, title))

    return Live(
        draw,
        place=slider("place of the needle", 0, n - 2, 8),
        window=slider("window", 1, n, 6),
        sinks=slider("sinks", 0, 6, 2),
        layers=slider("layers", 1, 8, 4),
    )


def strip(rows: dict[str, np.ndarray], place: int, title: str) -> Picture:
    """A line of cells for each scheme: how much of the last word's attention each place gets."""
    cells = [[shade(w) if w > 0 else OFF for w in row] for row in rows.values()]
    heads = ["▼" if j == place else "" for j in range(len(tokens(HAY)))]
    seen = "; ".join(f"{name} sees {np.sum(row > 0)} places and gives {row[place]:.2g}" for name, row in rows.items())
    return table(cells, rows, heads, title, f"{title}. The needle is at place {place}; {seen}.", narrow=True)
