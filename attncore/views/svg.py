"""SVG as text: elements, the few shapes that pictures are made of, and pictures put together."""

import re
from collections.abc import Sequence
from html import escape
from textwrap import wrap
from typing import Any

FONT = "system-ui,-apple-system,Segoe UI,Roboto,Helvetica,Arial,sans-serif"
LETTER = 0.6  # the mean width of a letter, of the font's size
UNITS = {"px": 1.0, "pt": 4 / 3, "in": 96.0, "": 1.0}


def document(width: float, height: float, body: str, background: str = "#fff") -> str:
    """A whole SVG on a ground of its own, so that it reads on a light page and on a dark one."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}" font-family="{FONT}">'
        f'<rect width="100%" height="100%" fill="{background}"/>{body}</svg>'
    )


def element(tag: str, *inside: str, **attributes: Any) -> str:
    """An element around others. `stroke_width=2` is `stroke-width="2"`, and `class_` is `class`.

    Numbers are rounded to hundredths; an attribute that is None is left out.
    """
    head = ""
    for name, value in attributes.items():
        if value is not None:
            written = decimal(value) if isinstance(value, int | float) else str(value)
            head += f' {name.rstrip("_").replace("_", "-")}="{escape(written)}"'
    return f"<{tag}{head}>{''.join(inside)}</{tag}>" if inside else f"<{tag}{head}/>"


def decimal(value: float) -> str:
    """A number as an attribute: at most two decimals."""
    rounded = round(value, 2) + 0.0  # -0.0 becomes 0.0
    return f"{rounded:.2f}".rstrip("0").rstrip(".")


def text(x: float, y: float, words: str, size: float = 13, anchor: str = "start", fill: str = "#000", **more) -> str:
    """A line of text whose base line is at y."""
    return element("text", escape(words), x=x, y=y, font_size=size, text_anchor=anchor, fill=fill, **more)


def rect(x: float, y: float, width: float, height: float, fill: str, **more) -> str:
    return element("rect", x=x, y=y, width=width, height=height, fill=fill, **more)


def line(x: float, y: float, to_x: float, to_y: float, color: str, width: float = 1, **more) -> str:
    return element("line", x1=x, y1=y, x2=to_x, y2=to_y, stroke=color, stroke_width=width, **more)


def width_of(words: str, size: float = 13) -> float:
    """About how wide a text will be."""
    return LETTER * size * len(words)


def titled(svg: str, title: str, size: float = 14) -> str:
    """A picture under its title, which is wrapped where it is wider than the picture."""
    width, height = size_of(svg)
    width = max(width, min(width_of(title, size) + 16, 420))
    lines = wrap(title, int((width - 12) / (LETTER * size)))
    top = 8 + 1.35 * size * len(lines)
    head = "".join(
        text(6, 4 + 1.35 * size * (place + 1) - 4, line, size, font_weight=600) for place, line in enumerate(lines)
    )
    return document(width, height + top, head + placed(svg, 0, top))


def captioned(svg: str, caption: str, size: float = 12) -> str:
    """A picture above its caption."""
    width, height = size_of(svg)
    width = max(width, 420)
    lines = wrap(caption, int((width - 12) / (LETTER * size)))
    below = "".join(text(6, height + 1.4 * size * (place + 1), line, size) for place, line in enumerate(lines))
    return document(width, height + 1.4 * size * len(lines) + 8, placed(svg, 0, 0) + below)


def put_beside(svgs: Sequence[str], widest: float = 940, gap: float = 18) -> str:
    """Pictures next to each other, and below one another where there is no room."""
    x = y = row = right = 0.0
    parts = []
    for svg in svgs:
        width, height = size_of(svg)
        if x and x + width > widest:
            x, y, row = 0.0, y + row + gap, 0.0
        parts.append(placed(svg, x, y))
        x, row = x + width + gap, max(row, height)
        right = max(right, x - gap)
    return document(right, y + row, "".join(parts))


def size_of(svg: str) -> tuple[float, float]:
    """The width and height of a picture in pixels."""
    head = svg[svg.index("<svg") : svg.index(">", svg.index("<svg"))]
    found = [re.search(rf'\b{name}="([\d.]+)(px|pt|in|)"', head) for name in ("width", "height")]
    width, height = (float(match[1]) * UNITS[match[2]] for match in found if match)
    return width, height


def placed(svg: str, x: float, y: float) -> str:
    """A picture as a part of another one, its upper left corner at (x, y)."""
    width, height = size_of(svg)
    inner = svg[svg.index("<svg") :]
    head, rest = inner.split(">", 1)
    head = re.sub(r' (width|height|x|y)="[^"]*"', "", head)
    return f'{head} x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}">{rest}'
