"""Lesson 01: kernel regression under a moving query."""

from collections.abc import Callable

import ipywidgets
import numpy as np

from attncore.views import plots
from attncore.views.live import WIDE, Live, asked_of, slider
from attncore.views.style import Picture, canvas, figure
from attncore.weighted_sum import kernel_regression, kernel_weights


def kernel_picture(regression: Callable = kernel_regression) -> Live:
    """Lesson 01: known points, the curve that the given function draws through them, and one query under its bell."""
    rng = np.random.default_rng(4)
    keys = np.sort(rng.uniform(0, 10, 14))
    values = np.sin(keys) + 0.1 * keys + 0.15 * rng.standard_normal(14)
    line = np.linspace(0, 10, 201)
    floor = values.min() - 1.5

    def draw(query: float, width: float) -> Picture:
        curve = asked_of(regression, line, keys, values, width, shape=line.shape)
        weights = kernel_weights(np.array([query]), keys, width)[0]
        predicted = np.interp(query, line, curve)
        bell = np.exp(-0.5 * ((line - query) / width) ** 2)
        drawn, (ax,) = canvas(6.4, 3.4)
        for drawn_line in (curve, floor + bell):
            plots.curve(ax, line, drawn_line, "What is predicted at the query point?", "position", "value")
        plots.points(ax, keys, values, weights)
        plots.cross(ax, query, weights @ values)
        shared = (
            f"At {query:.1f} the prediction, the cross, is {predicted:.2f}. "
            "Dots: known points, as large as their weights. Below: the bell over the query."
        )
        return figure(drawn, f"A curve through 14 known points. {shared}", shared)

    width = ipywidgets.FloatLogSlider(0.5, min=-1.3, max=1.3, step=0.05, description="width of the bell", **WIDE)
    return Live(draw, query=slider("query point", 0, 10, 4, 0.1), width=width)
