"""Elements of an SVG as text. A part is an element with a name, by which the script finds it."""

import math
from html import escape
from typing import Any

from attncore.views import svg
from attncore.views.explorables.paint import THEMES
from attncore.views.svg import FONT, decimal

WIDTH = 680  # of every drawing, in its own units: a notebook's column shows them at about their size


def element(tag: str, *inside: str, part: str = "", **attributes: Any) -> str:
    """An element as `svg.element` writes it; a color may be a name of `paint.THEMES`, which follows the theme."""
    classes = [attributes.get("class_")]
    for name, color in attributes.items():
        if name in ("fill", "stroke") and color in THEMES:
            classes.append(f"{name}-{color}")
            attributes[name] = THEMES[color][0]
    attributes["class_"] = " ".join(filter(None, classes)) or None
    return svg.element(tag, *inside, data_part=part or None, **attributes)


def text(x: float, y: float, words: str, size: float = 13, fill: str = "ink", **attributes: Any) -> str:
    """Words at a place; `text_anchor="middle"` centers them."""
    return element("text", escape(words) or " ", x=x, y=y, font_size=size, fill=fill, **attributes)


def drawing(height: float, alt: str, *inside: str) -> str:
    """A whole SVG on its card, `WIDTH` wide, which stands alone."""
    return element(
        "svg",
        element("title", escape(alt)),
        element("rect", width=WIDTH, height=height, rx=6, fill="paper"),
        *inside,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {WIDTH} {height}",
        width=WIDTH,
        height=height,
        role="img",
        font_family=FONT,
    )


def arrow(x: float, y: float, to_x: float, to_y: float, head: float = 9) -> str:
    """The path of an arrow: a shaft and two barbs. `arrow` of shared.js draws the same."""
    length = math.hypot(to_x - x, to_y - y)
    if length < 1:
        return f"M{decimal(x)} {decimal(y)}h0"
    back, side = head * (to_x - x) / length, head * (to_y - y) / length
    barbs = [(to_x - back - side / 2, to_y - side + back / 2), (to_x - back + side / 2, to_y - side - back / 2)]
    (a, b), (c, d) = barbs
    return path([(x, y), (to_x, to_y)]) + path([(a, b), (to_x, to_y), (c, d)])


def path(points: Any) -> str:
    """Straight lines through points. `path` of shared.js draws the same."""
    return "M" + "L".join(f"{decimal(x)} {decimal(y)}" for x, y in points)


def number(value: float, digits: int = 2) -> str:
    """A number to read: rounded half up, without needless zeros, with a true minus sign. `number` of shared.js too."""
    rounded = math.floor(value * 10**digits + 0.5) / 10**digits
    written = f"{rounded:.{digits}f}"
    written = written.rstrip("0").rstrip(".") if digits else written
    return written.replace("-", "−") if rounded else "0"


def cells(name: str, rows, x: float, y: float, color="", hidden=None, width: float = 40, height: float = 26) -> str:
    """A matrix as cells with their numbers, at a place; `cells` of shared.js changes them.

    `color` is a function of a number that gives the colors of the cell and of its text (`paint.weight_color`); where
    there is none, cells are gray. What `hidden` (booleans of the same shape) marks is hatched and has no number. The
    parts of the entry in row 0, column 1 are name-0-1, its box and its words name-0-1-box and name-0-1-says.
    """
    drawn = []
    for i, row in enumerate(rows):
        for j, value in enumerate(row):
            covered = hidden is not None and hidden[i][j]
            box, words = color(value) if color and not covered else ("wash", "ink")
            one = f"{name}-{i}-{j}"
            size = {"width": width - 2, "height": height - 2, "rx": 3}
            says = "" if covered else number(value)
            inside = [element("rect", part=f"{one}-box", fill=box, **size)]
            if hidden is not None:
                inside.append(hatching(width - 2, height - 2, part=f"{one}-hatch", visibility=seen(covered)))
            inside.append(
                text((width - 2) / 2, height / 2 + 4, says, 12, words, text_anchor="middle", part=f"{one}-says")
            )
            place = f"translate({decimal(x + width * j)} {decimal(y + height * i)})"
            drawn.append(element("g", *inside, part=one, transform=place))
    return "".join(drawn)


def ring(kind: str, label: str, last: int, now: int, says: str, **box: Any) -> str:
    """The one stop for the keyboard, named cursor: a ring that shows where it is, moved on by the arrow keys.

    `kind` is what it stands on ("box"), `last` the number of the last one, `now` that of this one, `says` its words.
    """
    look = {
        "fill": "none",
        "stroke": "blue",
        "stroke_width": 3,
        "pointer_events": "none",
        "class_": "ring",
        "opacity": 0,
    }
    role = {"tabindex": 0, "role": "slider", "aria_roledescription": kind, "aria_label": label}
    values = {"aria_valuemin": 0, "aria_valuemax": last, "aria_valuenow": now, "aria_valuetext": says}
    return element("rect", **box, **look, part="cursor", **role, **values)


def hatching(width: float, height: float, **attributes: Any) -> str:
    """Slanted lines over a box: what is hidden, and so has no number."""
    slants = [
        path([(max(0, a - height), min(a, height)), (min(a, width), max(0, a - width))])
        for a in range(6, int(width + height), 6)
    ]
    return element("path", d="".join(slants), stroke="soft", stroke_width=1, **attributes)


def seen(shown: bool) -> str:
    """The visibility of what may be shown."""
    return "visible" if shown else "hidden"


def products(a, b) -> str:
    """A dot product as it's worked out: 1·2 + 1·(−1). `products` of shared.js too."""
    return " + ".join(f"{number(x)}·{number(y) if y >= 0 else f'({number(y)})'}" for x, y in zip(a, b, strict=True))
