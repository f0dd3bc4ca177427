"""Query and keys as arrows, values as points: one query's scores, weights and output, each as it's worked out."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from attncore.dot_product import scale_of, scaled_dot_product_attention
from attncore.example import KEY, QUERY, VALUE
from attncore.softmax import softmax
from attncore.views.explorables.frame import Explorable, array_of, asked, note, numbers
from attncore.views.explorables.parts import arrow, drawing, element, number, path, products, seen, text

TOKENS = ("blue", "green", "pink")  # key and value of a token
HALF = 92  # of a plane's side
KEYS_AT, VALUES_AT, MIDDLE = 106, 574, 132  # the middles of the planes
BARS, BAR, BLOCK = 222, 112, 68  # where the bars begin, how long the longest is, and how far apart the keys are
HELP = "Drag the tip of an arrow or a value; or press Tab until it has a ring, and move it with the arrow keys."


def arrows(
    query=QUERY[0], keys=KEY, values=VALUE, scale: float | None = None, function: Callable[..., Any] | None = None
) -> Explorable:
    """One query, three keys and three values in the plane, to be dragged: scores, weights and output follow.

    `scale` multiplies the scores, 1/sqrt(2) if it's None. `function(query, key, value)`, with a scale also
    `function(query, key, value, None, scale)`, is the learner's attention: what it gives for one query is drawn. Raises
    ValueError unless all vectors are of width two and finite.
    """
    query, keys, values = array_of("query", query, 2), array_of("keys", keys, 3, 2), array_of("values", values, 3, 2)
    given = (query[None], keys, values) if scale is None else (query[None], keys, values, None, scale)
    answer = asked(function, *given, course=scaled_dot_product_attention(*given))
    state = {
        "query": query.tolist(),
        "keys": keys.tolist(),
        "values": values.tolist(),
        "scale": scale_of(query, scale),
        "theirs": answer.state(),
        "reach": max(3, math.ceil(np.abs([query, *keys]).max())),
        "ground": [math.floor(values.min()) - 1, math.ceil(values.max()) + 1],
    }
    scores = keys @ query
    weights = softmax(state["scale"] * scores)
    output = weights @ values
    alt = (
        f"Query {numbers(query)} and keys {numbers(keys)}. Scores {numbers(scores)}, times {number(state['scale'])}; "
        f"weights {numbers(weights)}. Output {numbers(output)}, inside the triangle of the values {numbers(values)}."
    )
    drawn = drawing(290, alt, key_plane(state), bars(state, scores, weights), value_plane(state, weights, output))
    return Explorable("arrows", drawn, alt, state, note(HELP), asked=answer)


def key_plane(state: dict[str, Any]) -> str:
    """The query and the keys as arrows from the middle."""
    named = list(zip(["query", "key-0", "key-1", "key-2"], ["orange", *TOKENS], strict=True))
    vectors = [state["query"], *state["keys"]]
    shafts, grips = [], []
    for (name, color), (x, y) in zip(named, vectors, strict=True):
        tip = KEYS_AT + HALF / state["reach"] * x, MIDDLE - HALF / state["reach"] * y
        shaft = arrow(KEYS_AT, MIDDLE, *tip)
        shafts.append(element("path", part=f"{name}-arrow", d=shaft, stroke=color, fill="none", stroke_width=3))
        length = math.hypot(x, y)
        label = (16 * x / length, 5 - 16 * y / length) if length else (0, -11)
        grips.append(grip(name, *tip, color, (x, y), *label))
    below = text(KEYS_AT, 246, "q query, k keys", 12, "soft", text_anchor="middle")
    return plane(KEYS_AT, 2 * state["reach"], "Query and keys") + "".join([*reversed(shafts), *grips]) + below


def bars(state: dict[str, Any], scores: np.ndarray, weights: np.ndarray) -> str:
    """For each key the score as a sum of products, then scaled, then as a share."""
    query, scale = state["query"], state["scale"]
    scaled = scale * scores
    total, most = np.exp(scaled).sum(), max(4, *np.abs(scaled))
    drawn = [text(BARS, 28, "Scores and weights", 14, font_weight=600)]
    zero = BARS + BAR / 2
    for token, (key, color) in enumerate(zip(state["keys"], TOKENS, strict=True)):
        y, length = 54 + BLOCK * token, BAR / 2 / most * scaled[token]
        score = f"q·k{token} = {products(query, key)} = {number(scores[token])}"
        times = f"× {number(scale)} = {number(scaled[token])}"
        share = f"{number(np.exp(scaled[token]))} / {number(total)} = {number(weights[token])}"
        drawn += [
            text(BARS, y, score, part=f"score-{token}"),
            element("rect", x=BARS, y=y + 8, width=BAR, height=13, fill="wash"),
            element(
                "rect",
                part=f"scaled-{token}",
                x=zero + min(length, 0),
                y=y + 8,
                width=abs(length),
                height=13,
                fill="soft",
            ),
            element("path", d=path([(zero, y + 6), (zero, y + 23)]), stroke="ink"),
            text(BARS + BAR + 8, y + 19, times, 12, part=f"scaled-{token}-says"),
            element("rect", x=BARS, y=y + 27, width=BAR, height=13, fill="wash"),
            element(
                "rect", part=f"weight-{token}", x=BARS, y=y + 27, width=BAR * weights[token], height=13, fill=color
            ),
            text(BARS + BAR + 8, y + 38, share, 12, part=f"weight-{token}-says"),
        ]
    drawn.append(text(BARS, 246, "weight = e^score / sum of the three", 12, "soft"))
    return "".join(drawn)


def value_plane(state: dict[str, Any], weights: np.ndarray, output: np.ndarray) -> str:
    """The values as corners of a triangle, and the output tied to each of them by its weight."""
    (low, high), theirs = state["ground"], state["theirs"]
    unit = 2 * HALF / (high - low)

    def place(point) -> tuple[float, float]:
        return VALUES_AT - HALF + unit * (point[0] - low), MIDDLE + HALF - unit * (point[1] - low)

    corners, (x, y) = [place(value) for value in state["values"]], place(output)
    drawn = [plane(VALUES_AT, high - low, "Values and output")]
    drawn.append(element("path", part="triangle", d=path(corners) + "Z", fill="wash", stroke="soft"))
    for token, corner in enumerate(corners):
        tie = path([(x, y), corner])
        drawn.append(
            element("path", part=f"tie-{token}", d=tie, stroke=TOKENS[token], stroke_width=10 * weights[token])
        )
    for token, (corner, value) in enumerate(zip(corners, state["values"], strict=True)):
        drawn.append(element("circle", part=f"dot-{token}", cx=corner[0], cy=corner[1], r=5, fill=TOKENS[token]))
        drawn.append(grip(f"value-{token}", *corner, TOKENS[token], value, 0, -12))
    drawn.append(element("circle", part="output", cx=x, cy=y, r=8, fill="orange", stroke="paper", stroke_width=2))
    at = place(np.clip(theirs[0], low, high)) if theirs else (x, y)
    mark = element("path", d="M0 -13L13 0L0 13L-13 0Z", fill="none", stroke="ink", stroke_width=2)
    drawn.append(
        element("g", mark, part="theirs", transform=f"translate({at[0]} {at[1]})", visibility=seen(bool(theirs)))
    )
    legend = "◇ what your function gives" if theirs else "lines as thick as the weights"
    drawn.append(text(VALUES_AT, 246, legend, 12, "soft", text_anchor="middle", part="legend"))
    added = " + ".join(f"{number(w)}·{numbers(v)}" for w, v in zip(weights, state["values"], strict=True))
    drawn.append(element("circle", cx=22, cy=272, r=7, fill="orange"))
    drawn.append(text(36, 277, f"output = {added} = {numbers(output)}", 14, part="sum"))
    return "".join(drawn)


def plane(middle: float, units: int, title: str) -> str:
    """A square of the plane with a line at each whole number, under its title."""
    step, left, top = 2 * HALF / units, middle - HALF, MIDDLE - HALF
    lines = [path([(left + step * i, top), (left + step * i, top + 2 * HALF)]) for i in range(units + 1)]
    lines += [path([(left, top + step * i), (left + 2 * HALF, top + step * i)]) for i in range(units + 1)]
    grid = element("path", d="".join(lines), stroke="line", stroke_width=0.7, fill="none")
    return text(left, 28, title, 14, font_weight=600) + grid


def grip(name: str, x: float, y: float, color: str, vector, label_x: float, label_y: float) -> str:
    """What the reader takes hold of, with its name beside it."""
    words = name.replace("-", " ")
    short = words[0] + words[-1] if words[-1].isdigit() else words[0]
    return element(
        "g",
        element("circle", r=15, fill="transparent"),
        element("circle", r=13, fill="none", stroke=color, stroke_width=3, class_="ring", opacity=0),
        text(label_x, label_y, short, 13, text_anchor="middle", font_weight=600, part=f"{name}-label"),
        part=name,
        transform=f"translate({x} {y})",
        class_="grip",
        tabindex=0,
        role="slider",
        aria_roledescription="movable vector",
        aria_label=f"{words}, moved by the arrow keys",
        aria_valuenow=vector[0],
        aria_valuetext=f"{number(vector[0])}, {number(vector[1])}",
    )
