"""One attention in numbers: point at an entry, and see what made it."""

from collections.abc import Callable
from typing import Any

import numpy as np

from attncore.dot_product import attention_scores, attention_weights, scale_of
from attncore.example import KEY, QUERY, VALUE
from attncore.views.explorables.frame import (
    Explorable,
    array_of,
    asked,
    button,
    field,
    note,
    numbers,
    switch,
)
from attncore.views.explorables.paint import signed_color, weight_color
from attncore.views.explorables.parts import cells, drawing, element, number, products, text

WIDTH, HEIGHT = 38, 26  # of a cell
ROWS = 152  # where the rows of the queries begin
PLACES = {  # a row of Q goes straight across; a key's column stands over its scores, a value's column over its outputs
    "query": (44, ROWS),
    "key": (150, 74),
    "scores": (150, ROWS),
    "scaled": (294, ROWS),
    "weights": (438, ROWS),
    "value": (582, 48),
    "output": (582, ROWS),
    "theirs": (582, 300),
}
HELP = "Point at an entry of the lower row, or press Tab and walk through it with the arrow keys."


def cell_by_cell(
    query=QUERY, key=KEY, value=VALUE, function: Callable[..., Any] | None = None, mask=None
) -> Explorable:
    """Scaled dot-product attention of three tokens of width two, every entry with the sum that made it.

    `function(query, key, value)`, with a mask `function(query, key, value, mask)`, is the learner's attention; its
    output is drawn beside the course's. A mask is boolean, True = may attend. Raises ValueError for other shapes.
    """
    query, key, value = (array_of(n, x, 3, 2) for n, x in (("query", query), ("key", key), ("value", value)))
    allowed = None if mask is None else array_of("mask", mask, 3, 3).astype(bool)
    weights = attention_weights(query, key, allowed)
    output = weights @ value
    given = (query, key, value) if allowed is None else (query, key, value, allowed)
    answer = asked(function, *given, course=output)
    scores, scale = attention_scores(query, key, 1), scale_of(query)
    state = {
        "query": query.tolist(),
        "key": key.tolist(),
        "value": value.tolist(),
        "mask": None if allowed is None else allowed.tolist(),
        "masked": allowed is not None,
        "scale": scale,
        "theirs": answer.state(),
        "chosen": ["output", 0, 0],
        "stage": 3,
        "places": PLACES,
    }
    made = f"output of query 0, column 0 = {products(weights[0], value[:, 0])} = {number(output[0, 0])}"
    alt = (
        f"Queries {numbers(query)}; keys {numbers(key)}; values {numbers(value)}. Scores {numbers(scores)}; times "
        f"{number(scale)}: {numbers(scale * scores)}; weights {numbers(weights)}; output {numbers(output)}. {made}."
    )
    hidden = None if allowed is None else ~allowed
    most = max(4, np.abs(scores).max())
    drawn = [
        *labels(scale),
        matrix("query", query),
        matrix("key", key.T),
        matrix("value", value),
        matrix("scores", scores, lambda x: signed_color(x, most)),
        matrix("scaled", scale * scores, lambda x: signed_color(x, most), hidden),
        matrix("weights", weights, weight_color, hidden),
        matrix("output", output),
        outline("lit-row", "weights", 0, 0, 1, 3, "orange"),
        outline("lit-column", "value", 0, 0, 3, 1, "orange"),
        cursor(made),
        text(44, 298, made, 14, part="made"),
        text(44, 320, "", 14, part="made-too"),
        theirs(output, answer.array),
    ]
    drawing_height = 388 if answer.array is not None else 336
    return Explorable("cell_by_cell", drawing(drawing_height, alt, *drawn), alt, state, controls(state), asked=answer)


def labels(scale: float) -> list[str]:
    """The names of the matrices, of their rows and of their columns."""
    named = {
        "query": ("Q", ""),
        "scores": ("scores", "Q Kᵀ"),
        "scaled": ("scaled scores", f"× {number(scale)}"),
        "weights": ("weights", "softmax of each row"),
        "output": ("output", "weights V"),
    }
    columns = {"query": 2, "scores": 3, "scaled": 3, "weights": 3, "output": 2}
    drawn = []
    for name, (title, how) in named.items():
        x = PLACES[name][0] + WIDTH * columns[name] / 2 - 1
        drawn.append(text(x, ROWS + 98, title, 13, text_anchor="middle", font_weight=600))
        drawn.append(text(x, ROWS + 115, how, 12, "soft", text_anchor="middle"))
    for token in range(3):
        drawn.append(text(38, ROWS + 17 + HEIGHT * token, f"q{token}", 12, "soft", text_anchor="end"))
        drawn.append(text(576, 65 + HEIGHT * token, f"v{token}", 12, "soft", text_anchor="end"))
        for name, y in (("key", 68), ("scaled", ROWS - 6), ("weights", ROWS - 6)):
            x = PLACES[name][0] + WIDTH * (token + 0.5) - 1
            drawn.append(text(x, y, f"k{token}", 12, "soft", text_anchor="middle"))
    drawn.append(text(207, 48, "Kᵀ", 13, text_anchor="middle", font_weight=600))
    drawn.append(text(619, 40, "V", 13, text_anchor="middle", font_weight=600))
    signs = [(135, "→"), (279, "→"), (423, "→"), (567, "→")]
    return drawn + [text(x, ROWS + 43, sign, 15, "soft", text_anchor="middle") for x, sign in signs]


def matrix(name: str, rows, color: Any = None, hidden=None) -> str:
    inside = cells(name, rows, *PLACES[name], color, hidden, WIDTH, HEIGHT)
    return element("g", inside, part=name, display="inline")


def outline(part: str, name: str, row: int, column: int, rows: int, columns: int, color: str) -> str:
    """A frame around some cells of a matrix."""
    x, y = PLACES[name]
    size = {"width": WIDTH * columns + 2, "height": HEIGHT * rows + 2, "rx": 4}
    place = {"x": x + WIDTH * column - 2, "y": y + HEIGHT * row - 2}
    return element("rect", part=part, **place, **size, fill="none", stroke=color, stroke_width=3, visibility="visible")


def cursor(made: str) -> str:
    """The entry that is looked at: one stop for the keyboard, from which the arrow keys go on."""
    x, y = PLACES["output"]
    frame = element("rect", x=-2, y=-2, width=WIDTH + 2, height=HEIGHT + 2, rx=4, fill="none", stroke_width=3)
    ring = element(
        "rect",
        x=-6,
        y=-6,
        width=WIDTH + 10,
        height=HEIGHT + 10,
        rx=7,
        fill="none",
        stroke="blue",
        stroke_width=3,
        class_="ring",
        opacity=0,
    )
    return element(
        "g",
        frame,
        ring,
        part="cursor",
        transform=f"translate({x} {y})",
        stroke="ink",
        tabindex=0,
        role="slider",
        aria_roledescription="entry",
        aria_label="Entry, chosen by the arrow keys",
        aria_valuenow=9,
        aria_valuetext=made,
    )


def theirs(output: np.ndarray, given: np.ndarray | None) -> str:
    """What the learner's function gave, where it gave something; what differs stands out."""
    if given is None:
        return element("g", part="theirs", visibility="hidden")
    heading = text(619, 292, "your function", 12, text_anchor="middle")
    wrong = ~np.isclose(given, output, rtol=1e-4, atol=1e-6)
    x, y = PLACES["theirs"]
    inside = cells("theirs", given, x, y, width=WIDTH, height=HEIGHT)
    marks = [
        element(
            "rect",
            x=x + WIDTH * j,
            y=y + HEIGHT * i,
            width=WIDTH - 2,
            height=HEIGHT - 2,
            rx=3,
            fill="none",
            stroke="orange",
            stroke_width=3,
        )
        for i, j in np.argwhere(wrong)
    ]
    return element("g", heading, inside, *marks, part="theirs", visibility="visible")


def controls(state: dict[str, Any]) -> str:
    """The stages one after another, the mask, and every number that goes in."""
    stepped = note(HELP) + button("back", "Back") + button("next", "Next stage") + '<span data-part="shown"></span>'
    masked = switch("masked", "mask", True) if state["mask"] else ""
    return stepped + masked + changed(state)


def changed(state: dict[str, Any]) -> str:
    """Fields for the queries, keys and values, folded until they're wanted."""
    tables = []
    for name in ("query", "key", "value"):
        rows = "".join(
            "<div>"
            + "".join(field(f"{name}-field-{i}-{j}", f"{name} {i}, column {j}", x) for j, x in enumerate(row))
            + "</div>"
            for i, row in enumerate(state[name])
        )
        tables.append(f"<div><b>{name[0].upper()}</b>{rows}</div>")
    return f'<details><summary>Change the numbers</summary><div class="tables">{"".join(tables)}</div></details>'
