"""Lesson 01: the width of the bell, learned by gradient descent."""

from typing import NamedTuple

import numpy as np

from attncore.gradients import softmax_backward
from attncore.shapes import shaped
from attncore.training import train
from attncore.weighted_sum import kernel_weights


class WidthRuns(NamedTuple):
    """What came out: curves over the grid, their errors against the truth, and the learned widths, step by step."""

    grid: np.ndarray
    curves: dict
    errors: dict
    widths: dict


def noisy_wave(rng, n):
    """Draw n points between 0 and 1 and what was measured there: one wave, and noise of 0.5."""
    points = rng.uniform(0, 1, n)
    return points, wave(points) + 0.5 * rng.standard_normal(n)


def wave(points):
    return np.sin(2 * np.pi * points)


@shaped("(q),(q),(k),(k),()->(),()", returns="loss, d_log_width")
def width_backward(points, measured, key_points, values, log_width, weigh=kernel_weights):
    """Predict what was measured, and go back to the width: returns (loss, d_log_width).

    The loss is the mean squared error of `kernel_regression`. The logarithm is what is learned, since
    any value of it is a width. `weigh` is `kernel_weights` or another function that does the same.
    """
    width = float(np.exp(log_width))
    weights = weigh(points, key_points, width)
    error = weights @ values - measured
    d_weights = 2 / len(error) * error[:, None] * values
    d_exponent = softmax_backward(weights, d_weights)
    squared = ((points[:, None] - key_points) / width) ** 2
    return float(np.mean(error**2)), np.sum(d_exponent * squared)


def width_experiment(starts=(0.005, 0.5), n=100, steps=200, seed=0, weigh=kernel_weights):
    """Learn the width of the bell on points that were held out, from each start: returns `WidthRuns`.

    The control, "on its own points", begins at the first start but one and is judged on the very points that it
    averages, where each point is its own best neighbor.
    """
    rng = np.random.default_rng(seed)
    known, held_out = noisy_wave(rng, n), noisy_wave(rng, n)
    grid = np.linspace(0, 1, 201)
    widths = {f"from {start:g}": learned_widths(start, held_out, known, steps, weigh) for start in starts}
    *_, best = widths[f"from {starts[-1]:g}"]
    widths["on its own points"] = learned_widths(best, known, known, steps, weigh)
    curves = {f"width {width:.2g}": weigh(grid, known[0], width) @ known[1] for width in (starts[0], best, starts[-1])}
    errors = {name: float(np.mean((curve - wave(grid)) ** 2)) for name, curve in curves.items()}
    return WidthRuns(grid, curves, errors, widths)


def learned_widths(start, wanted, known, steps, weigh):
    """The width before each step of Adam, and after the last."""
    weights, widths = (np.array(np.log(start)),), []

    def backward(*batch):
        widths.append(float(np.exp(weights[0])))
        loss, d_log_width = width_backward(*batch, weights[0], weigh)
        return loss, (d_log_width,)

    train(weights, backward, [(*wanted, *known)] * steps, rate=0.05)
    return np.array([*widths, float(np.exp(weights[0]))])
