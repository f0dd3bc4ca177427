"""One look for every picture, and the one way to show it: HTML with alternative text and a caption."""

import base64
import io
from dataclasses import dataclass
from html import escape
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.rcsetup import cycler

from attncore.look import BLUE, GREEN, GREY, INK, ORANGE, PINK

LOOK: Any = {
    "svg.hashsalt": "attncore",  # the same drawing gives the same bytes
    "svg.fonttype": "none",
    "axes.prop_cycle": cycler(color=[BLUE, ORANGE, GREEN, PINK, GREY]),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "font.size": 10,
    "lines.linewidth": 2,
    "legend.frameon": False,
}
CARD = "background:#fff;border-radius:6px;padding:4px;max-width:100%"
CAPTION = f"font-size:.92em;line-height:1.4;margin:.3em 0;max-width:50em;{INK}"


@dataclass(frozen=True)
class Picture:
    """A picture as HTML, with the sentence that stands for it where it cannot be seen."""

    html: str
    alt: str

    def _repr_html_(self) -> str:
        return self.html

    def __repr__(self) -> str:
        return self.alt


def canvas(width: float = 6.4, height: float = 3.0, columns: int = 1) -> tuple[Figure, tuple[Axes, ...]]:
    """An empty figure in the course's look, with axes side by side."""
    with matplotlib.rc_context(LOOK):
        empty = Figure(figsize=(width, height))
        made = empty.subplots(1, columns, squeeze=False)[0]
        empty.subplots_adjust(0.52 / width, 0.55 / height, 1 - 0.15 / width, 1 - 0.4 / height, 0.3)
    return empty, tuple(made)


def figure(drawn: Figure, alt: str, caption: str = "") -> Picture:
    """A figure as an image with alternative text and a caption: the one way that a figure is shown."""
    buffer = io.BytesIO()
    with matplotlib.rc_context(LOOK):
        drawn.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return captioned(image(buffer.getvalue(), alt), alt, caption)


def image(svg: bytes, alt: str, style: str = "") -> str:
    """An SVG as an image with alternative text, on a card that is white in both themes."""
    data = base64.b64encode(svg).decode()
    return f'<img alt="{escape(alt)}" style="{CARD}{style}" src="data:image/svg+xml;base64,{data}">'


def captioned(body: str, alt: str, caption: str = "") -> Picture:
    """A picture made of HTML, under it the caption."""
    below = f'<figcaption style="{CAPTION}">{escape(caption)}</figcaption>' if caption else ""
    return Picture(f'<figure style="margin:.3em 0">{body}{below}</figure>', alt)


def beside(*pictures: Picture) -> Picture:
    """Pictures next to each other, wrapping where there is no room."""
    body = "".join(f"<div>{picture.html}</div>" for picture in pictures)
    html = f'<div style="display:flex;flex-wrap:wrap;gap:1.2em;align-items:flex-start">{body}</div>'
    return Picture(html, " ".join(picture.alt for picture in pictures))
