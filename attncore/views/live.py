"""A picture that follows its controls, and stands still where no kernel runs."""

from collections.abc import Callable
from html import escape
from typing import Any

import ipywidgets
import numpy as np

from attncore.shapes import as_array
from attncore.views.style import CAPTION, Picture, sentence


class Live:
    """Controls above a picture: whenever one moves, `draw(**values)` makes the picture anew.

    A front end without a kernel shows the first picture, still; a terminal its alternative text.
    """

    def __init__(self, draw: Callable[..., Picture], **controls: ipywidgets.ValueWidget):
        self.draw, self.controls = draw, controls
        self.still = self.picture()
        self.canvas = ipywidgets.HTML(self.still.html)
        for control in controls.values():
            control.observe(self.follow, "value")
        self.box = ipywidgets.VBox([*controls.values(), self.canvas])

    def follow(self, _change: Any) -> None:
        self.canvas.value = self.picture().html

    def picture(self) -> Picture:
        return or_waiting(self.draw, **{name: control.value for name, control in self.controls.items()})

    def _repr_mimebundle_(self, **_kwargs: Any) -> dict[str, Any]:
        return bundle(self.box, self.still)


def slider(label: str, low: float, high: float, start: float, step: float = 1) -> ipywidgets.ValueWidget:
    kind = ipywidgets.IntSlider if step == int(step) else ipywidgets.FloatSlider
    return kind(start, min=low, max=high, step=step, description=label, **WIDE)


def choice(label: str, options, start: Any) -> ipywidgets.ValueWidget:
    return ipywidgets.Dropdown(options=options, value=start, description=label, **WIDE)


def switch(label: str) -> ipywidgets.ValueWidget:
    return ipywidgets.Checkbox(False, description=label, indent=False)


WIDE: dict[str, Any] = {"style": {"description_width": "11em"}, "layout": {"width": "30em"}}


class Waiting(Exception):
    """The learner's function gives nothing that could be drawn yet; the message says why."""


def asked_of(function: Callable, *args: Any, shape: tuple[int, ...]) -> np.ndarray:
    """What the learner's own function computes. Raises Waiting, with a sentence, so that no picture breaks on it."""
    name = getattr(function, "__name__", "the function")
    try:
        with np.errstate(all="ignore"):
            got = function(*args)
    except Waiting:
        raise
    except Exception as problem:  # anything may be wrong with a function in progress
        raise Waiting(f"{name} raises {type(problem).__name__}: {problem}") from None
    if got is None or got is ...:
        raise Waiting(f"{name} returns nothing yet: write it above, run its cell, and run this one again.")
    array = as_array(got)
    if array is None or array.shape != shape:
        came = "no array" if array is None else f"the shape {array.shape}"
        raise Waiting(f"{name} returns {came}, expected the shape {shape}.")
    return array


def or_waiting(draw: Callable[..., Picture], **values: Any) -> Picture:
    """The picture, or the sentence that stands for it until the learner's function works."""
    try:
        return draw(**values)
    except Waiting as waiting:
        return sentence(str(waiting))


def bundle(box: ipywidgets.Widget, still: Picture) -> dict[str, Any]:
    """What a cell shows: the widgets, and for a notebook opened again the still picture and how to wake it."""
    wake = "To move it, run the notebook's first code cell, then this one."
    asleep = f'{still.html}<p style="{CAPTION}">{escape(wake)}</p>'
    return box._repr_mimebundle_() | {"text/html": asleep, "image/svg+xml": still.image, "text/plain": still.alt}
