"""Lesson 02: softmax under sliders."""

from collections.abc import Callable

import numpy as np

from attncore.softmax import softmax
from attncore.views.live import Live, asked_of, slider, switch
from attncore.views.style import Picture, beside
from attncore.views.tables import bars

KEYS = ["key 0", "key 1", "key 2"]
START = {"first": 3.0, "second": 1.0, "third": 0.0}  # the scores of the small example's first query


def softmax_picture(function: Callable = softmax) -> Live:
    """Lesson 02: three scores under the given function, beside the formula as it stands; in float16 if you like."""

    def draw(half: bool, **scores: float) -> Picture:
        x = np.array(list(scores.values()), dtype=np.float16 if half else np.float64)
        with np.errstate(all="ignore"):
            as_it_stands = np.exp(x) / np.exp(x).sum()
        weights = asked_of(function, x, shape=(3,))
        return beside(
            bars(weights.astype(float).round(3), KEYS, "softmax"),
            bars(as_it_stands.astype(float).round(3), KEYS, "The formula as it stands"),
        )

    return Live(draw, half=switch("float16"), **score_sliders(20))


def slope_picture(function: Callable = softmax) -> Live:
    """Lesson 02: three scores and a temperature; the weights of the given function, their slopes, their entropy."""

    def draw(temperature: float, **scores: float) -> Picture:
        p = asked_of(function, np.array(list(scores.values())) / temperature, shape=(3,)).astype(float)
        return beside(
            bars(p.round(3), KEYS, "Weights"),
            bars((p * (1 - p)).round(4), KEYS, "Slopes p(1 - p)", top=0.25),
            bars([entropy(p)], ["bits"], "Entropy, at most log2 3", top=np.log2(3)),
        )

    return Live(draw, **score_sliders(10), temperature=slider("temperature", 0.1, 10, 1, 0.1))


def score_sliders(reach: float) -> dict:
    return {name: slider(f"{name} score", -reach, reach, start, 0.5) for name, start in START.items()}


def entropy(p: np.ndarray) -> float:
    """In bits; NaN for what are no weights."""
    return float(-np.sum(p[p > 0] * np.log2(p[p > 0]))) if np.isfinite(p).all() else np.nan
