"""Heat maps and other grids: rows are queries, columns are keys, one color a cell. Arrays in, pictures out."""

from typing import NamedTuple

import matplotlib
import numpy as np
from matplotlib.colors import to_hex

from attncore.look import BLUE, GREEN, ORANGE
from attncore.views.style import Picture, ink_on, picture
from attncore.views.svg import document, rect, text, width_of

COLORS = matplotlib.colormaps["viridis"]
SIGNED = matplotlib.colormaps["RdBu_r"]  # zero in the middle
ROW, GAP, SIZE = 28, 2, 13  # in pixels
HATCH = (
    '<pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect width="6" height="6" fill="#f4f4f4"/><rect width="1.5" height="6" fill="#bbb"/></pattern>'
)


class Cell(NamedTuple):
    """One cell of a grid: its colors, and what is written in it."""

    fill: str
    ink: str
    words: str = ""


def heat_map(weights, queries, keys, title: str, mask=None, rows="queries", columns="keys") -> Picture:
    """Attention weights (q, k) on a scale from 0 to 1; what a mask hides is hatched.

    Say so where rows and columns are something else.
    """
    weights = np.asarray(weights, dtype=float)
    hidden = np.zeros(weights.shape, bool) if mask is None else ~np.broadcast_to(mask, weights.shape)
    cells = [
        [HIDDEN if h else shade(w)._replace(words=f"{w:.2f}") for w, h in zip(row, hides, strict=True)]
        for row, hides in zip(weights, hidden, strict=True)
    ]
    verb = "looks most at" if rows == "queries" else "is largest at"
    best = [
        f"{q} {verb} {keys[int(np.argmax(row))]} ({row.max():.2f})" for q, row in zip(queries, weights, strict=True)
    ]
    alt = f"{sentence(title)} Rows are {rows}, columns are {columns}. {'; '.join(best)}."
    return table(cells, queries, keys, title, alt)


def mask_map(mask, queries, keys, title: str, rows="queries", columns="keys") -> Picture:
    """A boolean mask (q, k): filled where the query may attend. Say so where rows and columns are something else."""
    mask = np.asarray(mask, dtype=bool)
    cells = [[yes_no(allowed)._replace(words="●" if allowed else "") for allowed in row] for row in mask]
    seen = [
        f"{q} sees {', '.join(k for k, a in zip(keys, row, strict=True) if a) or 'nothing'}"
        for q, row in zip(queries, mask, strict=True)
    ]
    return table(
        cells, queries, keys, title, f"{sentence(title)} Rows are {rows}, columns are {columns}. {'; '.join(seen)}."
    )


def number_map(numbers, rows, columns, title: str) -> Picture:
    """Signed numbers (scores, vectors) in a grid, on a scale whose middle is zero."""
    numbers = np.asarray(numbers, dtype=float)
    largest = float(np.abs(numbers[np.isfinite(numbers)]).max(initial=0)) or 1.0
    form = "{:g}" if np.array_equal(numbers, numbers.round()) else "{:.2f}"
    cells = [[signed(x / largest)._replace(words=form.format(x)) for x in row] for row in numbers]
    read = "; ".join(f"{r}: {', '.join(map(form.format, row))}" for r, row in zip(rows, numbers, strict=True))
    return table(cells, rows, columns, title, f"{sentence(title)} {read}.")


def bars(heights, names, title: str, top: float = 1.0) -> Picture:
    """A bar for each name, from 0 to `top`, its height beside it."""
    heights = np.asarray(heights, dtype=float)
    left, wide, row = max((width_of(name) for name in names), default=0) + 14, 150, 24
    parts, written = [], alike(heights)
    for place, (name, height, words) in enumerate(zip(names, heights, written, strict=True)):
        y, share = place * row + 4, min(max(np.nan_to_num(height) / top, 0), 1)
        parts += [
            text(left - 6, y + 13, name, SIZE, "end"),
            rect(left, y, wide, 17, "#e6e6e6"),
            rect(left, y, wide * share, 17, BLUE),
            text(left + wide + 6, y + 13, words, SIZE),
        ]
    read = ", ".join(f"{name} {words}" for name, words in zip(names, written, strict=True))
    return picture(document(left + wide + 60, row * len(names) + 6, "".join(parts)), title, f"{title}: {read}.")


def alike(numbers) -> list[str]:
    """Numbers to be compared, all with as many decimals as the largest needs for three figures, and none if whole."""
    finite = np.abs(numbers[np.isfinite(numbers)])
    if np.all(finite == np.rint(finite)):
        return [f"{number:,.0f}" for number in numbers]
    decimals = max(0, 3 - int(np.ceil(np.log10(finite.max()))))
    return [f"{number:,.{decimals}f}" for number in numbers]


def table(cells, rows, columns, title: str, alt: str, narrow: bool = False) -> Picture:
    """Cells under their labels; `narrow` ones have no room for words."""
    columns, rows = [str(c) for c in columns], [str(r) for r in rows]
    written = [cell.words for line in cells for cell in line]
    wide = 16.0 if narrow else max(44.0, *(width_of(words) + 12 for words in [*columns, *written]))
    left = max((width_of(row) for row in rows), default=0) + 16
    middle = [left + place * wide + (wide - GAP) / 2 for place in range(len(columns))]
    parts = [f"<defs>{HATCH}</defs>"]
    parts += [text(x, 15, column, SIZE, "middle") for x, column in zip(middle, columns, strict=True)]
    for place, (row, line) in enumerate(zip(rows, cells, strict=True)):
        y = 22 + place * ROW
        parts.append(text(left - 8, y + 18, row, SIZE, "end"))
        for x, cell in zip(middle, line, strict=True):
            parts.append(rect(x - (wide - GAP) / 2, y, wide - GAP, ROW - GAP, cell.fill, rx=3))
            parts.append(text(x, y + 18, cell.words, SIZE, "middle", cell.ink) if cell.words else "")
    svg = document(left + wide * len(columns) + 6, 26 + ROW * len(rows), "".join(parts))
    return picture(svg, title, alt)


def shade(weight: float) -> Cell:
    """The color of a weight between 0 and 1, and black or white text that reads on it."""
    return on(COLORS(min(max(weight, 0.0), 1.0))) if np.isfinite(weight) else Cell(ORANGE, "#ffffff")


def signed(number: float) -> Cell:
    """The color of a number between -1 and 1."""
    return on(SIGNED(0.5 + 0.42 * min(max(number, -1.0), 1.0))) if np.isfinite(number) else Cell("#dddddd", "#000000")


def on(color) -> Cell:
    """A color, and black or white text that reads on it."""
    return Cell(to_hex(color[:3]), ink_on(color[:3]))


HIDDEN, OFF = Cell("url(#hatch)", "#000000"), Cell("#ececec", "#000000")


def yes_no(allowed: bool) -> Cell:
    return Cell(BLUE, "#ffffff") if allowed else OFF


def changed_or_not(changed: bool) -> Cell:
    return Cell(ORANGE if changed else GREEN, "#000000")


def sentence(title: str) -> str:
    """A title as the first sentence of an alternative text: a question keeps its mark."""
    return title if title[-1:] in "?!." else f"{title}."
