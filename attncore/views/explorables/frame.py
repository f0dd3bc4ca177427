"""The frame of an explorable: an SVG that stands alone, and a script that brings it to life.

What a notebook stores of it is alive again when it is opened, trusted, and in nbconvert's page: there is no kernel in
it, no network and no id, so several stand on one page. Where scripts are cut, the SVG stands alone, as an image.
"""

import base64
import json
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from attncore.views.explorables import paint
from attncore.views.explorables.parts import number
from attncore.views.live import Waiting, asked_of

HERE = Path(__file__).parent


class Asked(NamedTuple):
    """What the learner's own function gave, if it could be drawn, and whose numbers the picture shows."""

    array: np.ndarray | None = None
    told: str = ""
    moved: str = ""  # once the reader has moved something

    def state(self) -> list[Any] | None:
        return None if self.array is None else self.array.tolist()


@dataclass(frozen=True)
class Explorable:
    """A mechanism to take in hand: `name` is its script's, `svg` and `alt` the first state, from which `state` goes on.

    `controls` are made of `button`, `slider`, `switch`, `choice` and `note`. The page shows the whole; what can show an
    image alone, the SVG; a terminal or a screen reader, the alternative text.
    """

    name: str
    svg: str
    alt: str
    state: dict[str, Any]
    controls: str = ""
    caption: str = ""
    asked: Asked = Asked()

    def _repr_mimebundle_(self, **_kwargs: Any) -> dict[str, str]:
        return {"text/html": self.html, "image/svg+xml": self.svg, "text/plain": repr(self)}

    def __repr__(self) -> str:
        return f"{self.alt} {self.asked.told}".strip()

    @property
    def html(self) -> str:
        """The explorable as a page shows it: the still picture, in whose place the script puts what is alive.

        So nothing is left over where scripts, styles and SVG are cut, as in a notebook that isn't trusted.
        """
        key = key_of(self.name)
        data = base64.b64encode(self.svg.encode()).decode()
        still = f'<img alt="{escape(self.alt)}" style="max-width:100%" src="data:image/svg+xml;base64,{data}">'
        start = json.dumps({"state": self.state, "html": self.alive}).replace("<", "\\u003c")
        whose = f'<p data-part="whose" data-moved="{escape(self.asked.moved)}">{escape(self.asked.told)}</p>'
        caption = f"<figcaption>{escape(self.caption)}</figcaption>" if self.caption else ""
        return (
            f'<figure class="attncore-explorable" data-explorable="{key}"><div data-part="stage">{still}</div>'
            f'{whose}{caption}<script type="application/json">{start}</script></figure>'
            f'<script type="module">{source(self.name)}wake("{key}", mount);</script>'
        )

    @property
    def alive(self) -> str:
        """The drawing in the theme's colors, the controls, and what a screen reader is told of a change."""
        controls = f'<div class="controls">{self.controls}{button("reset", "Reset")}</div>'
        aloud = '<p class="aloud" data-part="aloud" aria-live="polite"></p>'
        return f"<style>{styles()}</style>{self.svg}{controls}{aloud}"


def asked(function: Callable[..., Any] | None, *args: Any, course: np.ndarray) -> Asked:
    """Ask the learner's function, once; `course` is what the course's own gives for the same arguments.

    Until the learner's is right, a lesson hands over the course's function: then there's nothing to show beside it.
    """
    if function is None or str(getattr(function, "__module__", "")).startswith("attncore."):
        return Asked()
    name = getattr(function, "__name__", "your function")
    try:
        given = asked_of(function, *deepcopy(args), shape=course.shape)
    except Waiting as sentence:
        return Asked(None, *2 * [f"{sentence} Until then you see the course's own numbers."])
    if not np.isfinite(given).all():
        return Asked(None, *2 * [f"{name} gives {numbers(given)}, which can't be drawn. You see the course's numbers."])
    moved = f"Computed in the page, by the course's definition. Reset shows what {name} gave."
    if np.allclose(given, course, rtol=1e-4, atol=1e-6):
        return Asked(given, f"Computed by {name}. When you move something, the page goes on with the course's.", moved)
    told = f"{name} gives {numbers(given)}, drawn beside the course's {numbers(course)}."
    return Asked(given, f"{told} When you move something, the page goes on with the course's.", moved)


def numbers(array) -> str:
    """A small array as its numbers are read: (1, 0.5), rows after each other."""
    array = np.asarray(array)
    if array.ndim > 1:
        return ", ".join(numbers(row) for row in array)
    said = (number(x) if np.isfinite(x) else str(x) for x in np.atleast_1d(array))
    return f"({', '.join(said)})"


def array_of(name: str, given: Any, *shape: int) -> np.ndarray:
    """An argument as floats. Raises ValueError where the shape isn't the one that is drawn, or a number is none."""
    array = np.asarray(given, dtype=float)
    if array.shape != shape:
        raise ValueError(f"{name} has shape {array.shape}, expected {shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} has an entry that isn't finite")
    return array


def button(part: str, label: str) -> str:
    return f'<button type="button" data-part="{part}">{escape(label)}</button>'


def slider(part: str, label: str, low: float, high: float, start: float, step: float = 0.1, says: str = "") -> str:
    """A slider, and beside it, on the same line, the part that says where it stands."""
    slid = (
        f'<label>{escape(label)} <input type="range" data-part="{part}" '
        f'min="{low}" max="{high}" step="{step}" value="{start}"></label>'
    )
    return f'<span class="slid">{slid} <span data-part="{says}"></span></span>' if says else slid


def switch(part: str, label: str, on: bool = False) -> str:
    return f'<label><input type="checkbox" data-part="{part}"{" checked" if on else ""}> {escape(label)}</label>'


def note(words: str) -> str:
    """How it's used: shown once it works."""
    return f'<span class="note">{escape(words)}</span>'


def field(part: str, label: str, start: float) -> str:
    """A number to type, its label read out alone."""
    return f'<input type="number" step="1" data-part="{part}" aria-label="{escape(label)}" value="{start:g}">'


def choice(part: str, label: str, options: Sequence[str], start: str) -> str:
    listed = "".join(f"<option{' selected' if option == start else ''}>{escape(option)}</option>" for option in options)
    return f'<label>{escape(label)} <select data-part="{part}">{listed}</select></label>'


@cache
def source(name: str) -> str:
    """What the script of an explorable says, after what all share."""
    scripts = [(HERE / f"{file}.js").read_text(encoding="utf-8") for file in ("shared", name)]
    return paint.constants() + "".join(scripts)


@cache
def key_of(name: str) -> str:
    """A name for what this version of a script brings to life."""
    return f"{name}-{sha256(source(name).encode()).hexdigest()[:8]}"


@cache
def styles() -> str:
    return paint.styles() + (HERE / "frame.css").read_text(encoding="utf-8")
