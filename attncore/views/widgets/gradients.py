"""Lesson 11: what comes back through a softmax as it decides, and how well a step measures it."""

from collections.abc import Callable, Sequence

import numpy as np

from attncore.dot_product import scaled_dot_product_attention
from attncore.gradients import attention_backward, numerical_gradient, softmax_backward
from attncore.softmax import softmax
from attncore.views import plots
from attncore.views.live import Live, asked_of, slider
from attncore.views.style import Picture, beside, canvas, figure
from attncore.views.tables import heat_map, signed, table
from attncore.views.widgets import SENTENCE
from attncore.words import embed, tokens


def gradient_picture(function: Callable = softmax_backward) -> Live:
    """Lesson 11: the weights of a sentence and the gradient of its scores, as the temperature falls."""
    words, x = tokens(SENTENCE), embed(SENTENCE)
    scores = x @ x.T
    d_weights = np.random.default_rng(0).standard_normal((6, 6))

    def draw(temperature: float) -> Picture:
        weights = softmax(scores / temperature)
        gradient = asked_of(function, weights, d_weights, shape=(6, 6))
        quiet = [word for word, row in zip(words, gradient, strict=True) if np.abs(row).max() < 0.01]
        finding = f"hardly anything comes back to {', '.join(quiet)}" if quiet else "every row gets a gradient"
        return beside(
            heat_map(weights, words, words, f"The weights at temperature {temperature:.2f}"),
            signed_map(gradient, words, words, f"Gradient of the scores: {finding}"),
        )

    return Live(draw, temperature=slider("temperature", 0.05, 2, 1, 0.05))


def signed_map(numbers: np.ndarray, rows: Sequence[str], columns: Sequence[str], title: str) -> Picture:
    """Numbers about as large as a half, with their sign; the color is their size."""
    cells = [[signed(2 * x)._replace(words=f"{x:+.2f}") for x in row] for row in numbers]
    largest = "; ".join(f"{row}: {np.abs(line).max():.2g}" for row, line in zip(rows, numbers, strict=True))
    return table(cells, rows, columns, title, f"{title}. The largest in size of each row is {largest}.")


def one_sided(f: Callable, x: np.ndarray, eps: float) -> np.ndarray:
    steps = eps * np.eye(x.size).reshape(-1, *x.shape)
    return np.reshape([(f(x + step) - f(x)) / eps for step in steps], x.shape)


def step_picture(function: Callable = numerical_gradient) -> Live:
    """Lesson 11: how far the measured gradient of attention is from the derived one, for every step."""
    query, key, value, d_output = np.random.default_rng(0).standard_normal((4, 3, 4))
    exact = attention_backward(query, key, value, d_output)[0]
    powers = np.arange(-13, 0.5, 0.5)

    def loss(x: np.ndarray) -> float:
        return float(np.sum(scaled_dot_product_attention(x, key, value) * d_output))

    def error(measure: Callable, eps: float, derived: np.ndarray = exact) -> float:
        measured = asked_of(measure, loss, query, eps, shape=query.shape)
        return float(np.abs(measured - derived).max() / np.abs(exact).max())

    curves = {
        name: [error(measure, 10.0**power, derived) for power in powers]
        for name, measure, derived in (
            ("one-sided", one_sided, exact),
            ("central", numerical_gradient, exact),
            ("against a wrong formula", numerical_gradient, 2 * exact),  # the scale of width 4, forgotten
        )
    }
    least, best = min(curves["central"]), 10.0 ** powers[np.argmin(curves["central"])]

    def draw(power: float) -> Picture:
        err = error(function, 10.0**power)
        title = f"A step of {10.0**power:.0e} errs by {err:.0e}, the best, {best:.0e}, by {least:.0e}"
        drawn, (ax,) = canvas(5.6, 2.8)
        for name, errors in curves.items():
            ax.plot(powers, np.log10(errors), label=name)  # on plain axes: logarithmic ones take twice as long
        plots.cross(ax, power, np.log10(max(err, 1e-14)))
        plots.label(ax, title, "across: the step; up: the relative error; both as powers of ten")
        ax.set_ylim(top=2.2)
        ax.set_yticks(range(-10, 1, 2))
        ax.legend(loc="upper left", ncols=3, fontsize=9, frameon=False)
        both = ", ".join(f"{name} {np.interp(power, powers, errors):.0e}" for name, errors in curves.items())
        return figure(drawn, f"{title}. Differences at this step err by: {both}.")

    return Live(draw, power=slider("step, power of ten", -13, 0, -3, 0.5))
