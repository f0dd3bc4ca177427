"""Lesson 04: what the scale does."""

import ipywidgets
import numpy as np

from attncore.softmax import softmax
from attncore.views import plots
from attncore.views.live import Live
from attncore.views.style import Picture, beside, canvas, figure
from attncore.views.tables import bars


def scale_picture() -> Live:
    """Lesson 04: random queries and keys of a width; scores, largest weight and slope, scaled and not."""
    rng = np.random.default_rng(0)
    draws = rng.standard_normal((2, 400, 8, 512))

    def draw(exponent: int) -> Picture:
        d = 2**exponent
        plain = np.sum(draws[0, :, :1, :d] * draws[1, :, :, :d], axis=-1)
        scaled = plain / np.sqrt(d)
        drawn, (ax,) = canvas(4.6, 2.6)
        spread = {f"plain, {plain.std():.1f}": plain.ravel(), f"scaled, {scaled.std():.1f}": scaled.ravel()}
        plots.histogram(ax, spread, np.linspace(-40, 40, 61), f"Scores at width {d}", "score")
        alt = f"At width {d} plain scores spread by {plain.std():.1f}, scaled ones by {scaled.std():.1f}."
        weights = {"plain": softmax(plain), "scaled": softmax(scaled)}
        largest = [w.max(axis=-1).mean() for w in weights.values()]
        slope = [(w * (1 - w)).sum(axis=-1).mean() for w in weights.values()]
        return beside(
            figure(drawn, alt), bars(largest, weights, "Largest of 8 weights"), bars(slope, weights, "Sum of slopes")
        )

    powers = [(str(2**k), k) for k in range(10)]
    return Live(draw, exponent=ipywidgets.SelectionSlider(options=powers, value=6, description="width d"))
