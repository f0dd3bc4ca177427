"""Lesson 11: what comes back through a softmax, and how well a step measures it."""

from collections.abc import Callable

import numpy as np

from attncore.dot_product import attention_weights, scaled_dot_product_attention
from attncore.gradients import attention_backward, numerical_gradient, softmax_backward
from attncore.look import BLUE, GREY, ORANGE
from attncore.softmax import softmax
from attncore.views import plots
from attncore.views.live import Live, asked_of, slider
from attncore.views.style import Picture, beside, canvas, figure, picture
from attncore.views.svg import document, line, rect, text
from attncore.views.tables import bars, signed, table
from attncore.words import embed, tokens

WIDE, TALL = 84, 46  # of a node, in pixels


def flow_picture(function: Callable = softmax_backward) -> Live:
    """Lesson 11: three scores, their weights and the loss as a graph: what goes forward, and what comes back."""
    values = np.array([8.0, 0.0, 4.0])

    def draw(height: float) -> Picture:
        scores = np.log([1.0, height, 5.0])
        weights = softmax(scores)
        return flow(scores, weights, values, asked_of(function, weights, values, shape=(3,)))

    return Live(draw, height=slider("exp of the second score", 1, 40, 2))


def flow(scores, weights, values, d_scores) -> Picture:
    """The graph; below each number the gradient of the loss with respect to it."""
    middle = [40 + place * 62 for place in range(len(weights))]
    parts = [text(x, 16, name, 13, "middle") for x, name in ((62, "scores"), (272, "weights"), (482, "loss"))]
    parts += [line(104, start + 5, 230, end + 5, GREY) for start in middle for end in middle]
    parts += [line(314, start + 5, 440, middle[1] + 5, GREY) for start in middle]
    for y, score, weight, d_score, value in zip(middle, scores, weights, d_scores, values, strict=True):
        parts += [node(62, y, score, d_score), node(272, y, weight, value)]
        parts.append(text(330, y + (16 if y > middle[1] else -4), f"times {value:g}", 12))
    parts.append(node(482, middle[1], weights @ values, 1.0))
    told = "; ".join(f"{s:.2f} gets {d:+.3f}" for s, d in zip(scores, d_scores, strict=True))
    alt = (
        "Scores lead to weights, each score to every weight, and the weights, times their values, to the loss, "
        f"{weights @ values:.3g}. Back come the values to the weights, and to the scores: {told}."
    )
    svg = document(540, 78 + 62 * (len(weights) - 1), "".join(parts))
    caption = "Black: what goes forward. Orange, below it: the gradient that comes back."
    return picture(svg, "What does each score get back?", alt, caption)


def node(x: float, y: float, forward: float, back: float) -> str:
    """A number of the graph, and the gradient of the loss with respect to it."""
    frame = rect(x - WIDE / 2, y - 18, WIDE, TALL, "#fff", stroke=BLUE, rx=5)
    return frame + text(x, y, f"{forward:.3g}", 14, "middle") + text(x, y + 20, f"{back:+.3f}", 14, "middle", ORANGE)


def saturation_picture(function: Callable = softmax_backward) -> Live:
    """Lesson 11: the weights of "bank", and the gradient of its scores towards "river", as the scale grows."""
    offered = "money loan river water tea"
    query, rows, goal, names = embed("bank"), embed(offered), embed("river"), tokens(offered)

    def draw(scale: float) -> Picture:
        weights = attention_weights(query, rows, scale=scale)
        gradient = asked_of(function, weights, (weights @ rows - goal) @ rows.T, shape=weights.shape)[0]
        told = "; ".join(f"{name} {number:+.1e}" for name, number in zip(names, gradient, strict=True))
        cells = [[signed(4 * number)._replace(words=f"{number:+.3f}") for number in gradient]]
        title = "What comes back to the scores?"
        return beside(
            bars(weights[0], names, f"Weights at scale {scale:g}"),
            table(cells, ["bank"], names, title, f"{title} {told}."),
        )

    return Live(draw, scale=slider("scale", 1, 80, 5))


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

    def draw(power: float) -> Picture:
        err = error(function, 10.0**power)
        title = f"How far off is a step of {10.0**power:.0e}?"
        drawn, (ax,) = canvas(5.6, 2.8)
        for name, errors in curves.items():
            ax.plot(powers, np.log10(errors), label=name)  # on plain axes: logarithmic ones take twice as long
        plots.cross(ax, power, np.log10(max(err, 1e-14)))
        plots.label(ax, title, "step, power of ten", "relative error, power of ten")
        ax.set_ylim(top=2.2)
        ax.set_xticks(range(-12, 1, 2))
        ax.set_yticks(range(-10, 1, 2))
        ax.legend(loc="upper left", ncols=3, fontsize=9, frameon=False)
        both = ", ".join(f"{name} {np.interp(power, powers, errors):.0e}" for name, errors in curves.items())
        return figure(drawn, f"{title} The measured gradient is off by {err:.0e}. At this step: {both}.")

    return Live(draw, power=slider("step, power of ten", -13, 0, -3, 0.5))
