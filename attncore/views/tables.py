"""Heat maps as HTML tables: rows are queries, columns are keys, one colour a cell. Arrays in, pictures out."""

from collections.abc import Sequence
from html import escape

import matplotlib
import numpy as np
from matplotlib.colors import to_hex

from attncore.look import BLUE, GREEN, INK, ORANGE, WASH
from attncore.views.style import Picture, captioned

COLOURS = matplotlib.colormaps["viridis"]
TABLE = f"border-collapse:separate;border-spacing:2px;margin:0;font-size:.9em;{INK}"
CELL = "min-width:2.9em;height:2.1em;text-align:center;padding:0 .3em;border-radius:3px;border:0"
HEAD = "font-weight:normal;padding:.1em .5em;border:0;background:transparent;color:inherit"
BARS = f"font-size:.9em;{INK}"
TITLE = f"padding:.2em 0 .4em;font-weight:600;line-height:1.3;{INK}"


def heat_map(weights, queries, keys, title: str) -> Picture:
    """Attention weights (q, k) as a table on a scale from 0 to 1; `title` states the finding."""
    weights = np.asarray(weights, dtype=float)
    cells = [[(shade(w), f"{w:.2f}", f"{w:.4f}") for w in row] for row in weights]
    best = [
        f"{q} looks most at {keys[int(np.argmax(row))]} ({row.max():.2f})"
        for q, row in zip(queries, weights, strict=True)
    ]
    alt = f"{title}. Rows are queries, columns are keys. {'; '.join(best)}."
    return table(cells, queries, keys, title, alt)


def mask_map(mask, queries, keys, title: str) -> Picture:
    """A boolean mask (q, k): filled where the query may attend."""
    mask = np.asarray(mask, dtype=bool)
    cells = [[(yes_no(allowed), "●" if allowed else "", str(bool(allowed))) for allowed in row] for row in mask]
    seen = [
        f"{q} sees {', '.join(k for k, a in zip(keys, row, strict=True) if a) or 'nothing'}"
        for q, row in zip(queries, mask, strict=True)
    ]
    return table(cells, queries, keys, title, f"{title}. Rows are queries, columns are keys. {'; '.join(seen)}.")


def number_map(numbers, rows, columns, title: str) -> Picture:
    """Plain numbers in a table, uncoloured: scores, vectors."""
    numbers = np.asarray(numbers, dtype=float)
    cells = [[("background:rgba(128,128,128,.13)", f"{x:.2f}", f"{x:.6g}") for x in row] for row in numbers]
    read = "; ".join(f"{r}: {', '.join(f'{x:.2f}' for x in row)}" for r, row in zip(rows, numbers, strict=True))
    return table(cells, rows, columns, title, f"{title}. {read}.")


def label_grid(labels: Sequence[Sequence[str]], groups: Sequence[Sequence[int]], rows, columns, title: str) -> Picture:
    """Labelled cells, coloured by group: where each number of a small tensor has gone."""
    cells = [
        [(shade(0.12 + 0.25 * group), label, label) for label, group in zip(names, row, strict=True)]
        for names, row in zip(labels, groups, strict=True)
    ]
    read = "; ".join(f"{r}: {', '.join(names)}" for r, names in zip(rows, labels, strict=True))
    return table(cells, rows, columns, title, f"{title}. {read}.")


def bars(heights, names, title: str, top: float = 1.0) -> Picture:
    """A bar for each name, from 0 to `top`, its height beside it."""
    heights = np.asarray(heights, dtype=float)
    rows = "".join(
        f'<div style="display:flex;align-items:center;gap:.5em;height:1.6em">'
        f'<span style="min-width:4.5em;text-align:right">{escape(name)}</span>'
        f'<span style="width:9em;background:rgba(128,128,128,.18)"><span style="display:block;height:1.1em;'
        f'width:{100 * min(max(np.nan_to_num(height) / top, 0), 1):.1f}%;background:{BLUE}"></span></span>'
        f"<span>{height:.3g}</span></div>"
        for name, height in zip(names, heights, strict=True)
    )
    read = ", ".join(f"{name} {height:.3g}" for name, height in zip(names, heights, strict=True))
    alt = f"{title}: {read}."
    heading = f'<div style="{TITLE}">{escape(title)}</div>'
    body = f'{heading}<div role="img" aria-label="{escape(alt)}" style="{BARS}">{rows}</div>'
    return captioned(body, alt)


def table(cells, rows, columns, title: str, alt: str) -> Picture:
    """Cells of (style, text, hover text) under their labels."""
    head = "".join(f'<th scope="col" style="{HEAD};text-align:center">{escape(str(c))}</th>' for c in columns)
    body = "".join(
        f'<tr style="background:transparent"><th scope="row" style="{HEAD};text-align:right">{escape(str(row))}</th>'
        + "".join(
            f'<td style="{CELL};{style}" title="{escape(hover)}">{escape(text)}</td>' for style, text, hover in line
        )
        + "</tr>"
        for row, line in zip(rows, cells, strict=True)
    )
    html = (
        f'<div style="{TITLE}">{escape(title)}</div><table style="{TABLE}" aria-label="{escape(alt)}">'
        f'<tr style="background:transparent"><td style="border:0"></td>{head}</tr>{body}</table>'
    )
    return captioned(html, alt)


def shade(weight: float) -> str:
    """The colour of a weight between 0 and 1, and black or white text that reads on it."""
    if not np.isfinite(weight):
        return f"background:{ORANGE};color:#fff"
    colour = np.array(COLOURS(min(max(weight, 0.0), 1.0))[:3])
    linear = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
    dark = linear @ (0.2126, 0.7152, 0.0722) < 0.179  # where white and black stand out alike (WCAG 2)
    return f"background:{to_hex(tuple(colour))};color:{'#fff' if dark else '#000'}"


def yes_no(allowed: bool) -> str:
    return f"background:{BLUE};color:#fff" if allowed else f"background:{WASH}"


def changed_or_not(changed: bool) -> str:
    return f"background:{ORANGE if changed else GREEN};color:#000"
