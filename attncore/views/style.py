"""One look for every picture, and the one way to show it: a true SVG with alternative text and a caption."""

import base64
import io
from dataclasses import dataclass
from html import escape
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.rcsetup import cycler

from attncore.look import BLUE, GREEN, GREY, INK, ORANGE, PINK
from attncore.views.svg import captioned, document, put_beside, text, titled, width_of

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
    """A picture as an SVG, with the sentence that stands for it where it cannot be seen, and a caption below.

    Several next to each other are its `parts`.
    """

    svg: str
    alt: str
    caption: str = ""
    parts: "tuple[Picture, ...]" = ()

    @property
    def html(self) -> str:
        """The picture on a page: an image on a card that is white in both themes."""
        if self.parts:
            body = "".join(f"<div>{part.html}</div>" for part in self.parts)
            return f'<div style="display:flex;flex-wrap:wrap;gap:1.2em;align-items:flex-start">{body}</div>'
        data = base64.b64encode(self.svg.encode()).decode()
        shown = f'<img alt="{escape(self.alt)}" style="{CARD}" src="data:image/svg+xml;base64,{data}">'
        below = f'<figcaption style="{CAPTION}">{escape(self.caption)}</figcaption>' if self.caption else ""
        return f'<figure style="margin:.3em 0">{shown}{below}</figure>'

    def _repr_mimebundle_(self, **_kwargs: Any) -> dict[str, str]:
        return {"text/html": self.html, "image/svg+xml": self.image, "text/plain": self.alt}

    @property
    def image(self) -> str:
        """The picture with its caption, as it stands where there is no page around it."""
        return captioned(self.svg, self.caption) if self.caption else self.svg

    def __repr__(self) -> str:
        return self.alt


def ink_on(color: Any) -> str:
    """Black or white, whichever reads better on a color (red, green and blue from 0 to 1)."""
    share = np.asarray(color, dtype=float)
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    dark = linear @ (0.2126, 0.7152, 0.0722) < 0.179  # where the two stand out alike (WCAG 2)
    return "#ffffff" if dark else "#000000"


def canvas(width: float = 6.4, height: float = 3.0, columns: int = 1) -> tuple[Figure, tuple[Axes, ...]]:
    """An empty figure in the course's look, with axes side by side."""
    with matplotlib.rc_context(LOOK):
        empty = Figure(figsize=(width, height))
        made = empty.subplots(1, columns, squeeze=False)[0]
        empty.subplots_adjust(0.7 / width, 0.55 / height, 1 - 0.15 / width, 1 - 0.4 / height, 0.3)
    return empty, tuple(made)


def figure(drawn: Figure, alt: str, caption: str = "") -> Picture:
    """What Matplotlib has drawn, as a picture with alternative text and a caption."""
    buffer = io.BytesIO()
    with matplotlib.rc_context(LOOK):
        drawn.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    svg = buffer.getvalue().decode()
    return Picture(svg[svg.index("<svg") :].strip(), alt, caption)


def picture(svg: str, title: str, alt: str, caption: str = "") -> Picture:
    """A drawing of our own under its title."""
    return Picture(titled(svg, title), alt, caption)


def sentence(words: str) -> Picture:
    """A sentence in the place of a picture."""
    return Picture(document(width_of(words) + 16, 32, text(8, 21, words)), words)


def beside(*pictures: Picture) -> Picture:
    """Pictures next to each other, wrapping where there is no room."""
    alt = " ".join(picture.alt for picture in pictures)
    return Picture(put_beside([picture.svg for picture in pictures]), alt, parts=pictures)
