"""Lesson 02: softmax under sliders."""

from collections.abc import Callable

import numpy as np

from attncore.softmax import softmax
from attncore.views.live import Live, asked_of, slider, switch
from attncore.views.style import Picture, beside
from attncore.views.tables import bars


def softmax_picture(function: Callable = softmax) -> Live:
    """Lesson 02: four scores, a temperature; the weights that the given function computes, and their slope."""

    def draw(half: bool, temperature: float, **scores: float) -> Picture:
        x = np.array(list(scores.values())) / temperature
        x = x.astype(np.float16 if half else np.float64)
        with np.errstate(all="ignore"):
            naive = np.exp(x) / np.exp(x).sum()
        weights = asked_of(function, x, shape=(4,)).astype(float)
        p = weights[weights > 0]
        bits = float(-np.sum(p * np.log2(p))) if np.isfinite(p).all() else np.nan
        finite = np.isfinite(naive).all()
        return beside(
            bars(weights, scores, f"Weights, {bits:.2f} of 2 bits"),
            bars(weights * (1 - weights), scores, "Slope p(1 - p)", top=0.25),
            bars(naive, scores, "No maximum subtracted" if finite else "No maximum: overflow"),
        )

    scores = {
        name: slider(f"score {name}", -20, 20, start, 0.5) for name, start in zip("abcd", (1, 2, 4, 0), strict=True)
    }
    return Live(draw, half=switch("float16"), temperature=slider("temperature", 0.1, 10, 1, 0.1), **scores)
