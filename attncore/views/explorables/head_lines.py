"""Heads of a trained network: bands from word to word, as thick as the weights, and each head's map beside them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from attncore.recorded import recorded_maps
from attncore.views.explorables.frame import Explorable, array_of, button, note
from attncore.views.explorables.paint import weight_color
from attncore.views.explorables.parts import decimal, drawing, element, number, seen, text

TEXT = "The cat sat on the mat"
HEADS = ((0, 2), (0, 3), (1, 8), (2, 9), (3, 1), (5, 11))  # layer and head: no two of them do the same
SHOWN = 4  # which of them at first
LEFT, RIGHT, TOP = 150, 300, 84  # between which the bands run, and the middle of the first word
MAPS_AT, MAPS_TOP, ACROSS, LABEL = 452, 60, 216, 24  # the maps, and the room for a name below each
LEAST = 0.005  # a smaller weight reads as 0, and has no band
HELP = (
    "Choose a head by its map. Point at a word on the left to see where it looks, on the right to see who looks at it. "
    "By keyboard: Tab, then the arrow keys."
)


def head_lines(words: Sequence[str] | None = None, maps=None, names: Sequence[str] | None = None) -> Explorable:
    """What heads attend to: bands from each word, the query, to every word, the key, as thick as the weight.

    `words` are a text's n tokens, `maps` the weights (h, n, n) of h heads, rows are queries, and `names` what each head
    is called. Without them, six heads of all-MiniLM-L6-v2 read "The cat sat on the mat". Raises ValueError for other
    shapes, for words without maps or maps without words, and for weights outside 0 to 1. Vig (2019).
    """
    if (words is None) != (maps is None):
        raise ValueError("words and maps belong to one text: give both, or neither")
    if words is None:
        words, maps, names = recorded_heads()
    h, n = len(maps), len(words)
    names = [f"head {i}" for i in range(h)] if names is None else list(names)
    if len(names) != h:
        raise ValueError(f"names has {len(names)} entries, expected one for each of the {h} heads")
    maps = array_of("maps", maps, h, n, n)
    if maps.min() < -1e-3 or maps.max() > 1 + 1e-3:
        raise ValueError("maps has an entry outside 0 to 1")
    state = {
        "words": list(words),
        "maps": maps.round(4).tolist(),
        "names": names,
        "head": min(SHOWN, h - 1),
        "chosen": ["all", 0],
        "at": layout(n, names),
    }
    alt = spoken(state)
    drawn = drawing(state["at"]["height"], alt, bands(state), columns(state), thumbnails(state))
    return Explorable("head_lines", drawn, alt, state, note(HELP) + button("all", "All words"))


def recorded_heads() -> tuple[list[str], np.ndarray, list[str]]:
    """The words, the maps and the names of the six heads."""
    read = recorded_maps()[TEXT]
    return read.tokens, np.stack([read.maps[head] for head in HEADS]), [f"layer {x}, head {y}" for x, y in HEADS]


def layout(n: int, names: Sequence[str]) -> dict[str, float]:
    """How far apart the words are, how thick a weight of 1 is, and how many maps of which size stand in a row."""
    across = 3 if len(names) > 6 and max(map(len, names)) <= 10 else 2
    side = ACROSS / across - 20
    maps_end = MAPS_TOP + -(-len(names) // across) * (side + LABEL)
    gap = min(38, max(17, (maps_end - TOP) / n))
    height = max(TOP + gap * n - gap / 2, maps_end) + 38
    return {"gap": gap, "thick": 0.75 * gap, "across": across, "side": side, "height": height}


def spoken(state: dict[str, Any]) -> str:
    """The alternative text: for each word where it looks most."""
    words, weights = state["words"], np.array(state["maps"][state["head"]])
    most = weights.argmax(axis=-1)
    looks = "; ".join(
        f"{called(words, i)} at {called(words, j)} {number(weights[i, j])}" for i, j in enumerate(most.tolist())
    )
    return f"Bands between words, as thick as the weights of {state['names'][state['head']]}. Most weight: {looks}."


def called(words: Sequence[str], token: int) -> str:
    """A word, with its place where it isn't the only one."""
    return f"“{words[token]}”" + (f" (token {token})" if words.count(words[token]) > 1 else "")


def bands(state: dict[str, Any]) -> str:
    """One shape for each query, all its bands; over them those of the chosen word."""
    weights, at = state["maps"][state["head"]], state["at"]
    rows = [
        element("path", part=f"row-{i}", d="".join(row_of_bands(row, i, at)), fill="blue", opacity=0.45)
        for i, row in enumerate(weights)
    ]
    return "".join(rows) + element("path", part="lit", d="M0 0h0", fill="orange", opacity=0.85)


def row_of_bands(row: Sequence[float], query: int, at: dict[str, float]) -> list[str]:
    """A query's bands: on its own side they pile up to the height of 1, on the other each meets its key's middle."""
    drawn, top = [], middle(query, at) - at["thick"] / 2
    for key, weight in enumerate(row):
        thick, end = at["thick"] * weight, middle(key, at)
        drawn.append(band(top, end - thick / 2, thick) if weight >= LEAST else "")
        top += thick
    return drawn


def middle(token: int, at: dict[str, float]) -> float:
    return TOP + at["gap"] * token


def band(y: float, to_y: float, thick: float) -> str:
    """From the left, at y, to the right, leaving and arriving level."""
    half = (LEFT + RIGHT) / 2
    there = f"M{LEFT} {decimal(y)}C{half:g} {decimal(y)} {half:g} {decimal(to_y)} {RIGHT} {decimal(to_y)}"
    y, to_y = y + thick, to_y + thick
    return f"{there}V{decimal(to_y)}C{half:g} {decimal(to_y)} {half:g} {decimal(y)} {LEFT} {decimal(y)}Z"


def columns(state: dict[str, Any]) -> str:
    """The words twice, as queries and as keys, each with its number; and which one is chosen."""
    words, at, sums = state["words"], state["at"], np.sum(state["maps"][state["head"]], axis=0)
    drawn = [
        text(20, 28, f"Where does {state['names'][state['head']]} look?", 14, font_weight=600, part="title"),
        text(LEFT - 12, TOP - 32, "query", 12, "soft", text_anchor="end"),
        text(RIGHT + 12, TOP - 32, "key", 12, "soft"),
        text(20, TOP - 32, "", 12, "soft", part="count-query"),
        text(428, TOP - 32, "sum", 12, "soft", text_anchor="end", part="count-key"),
        text(20, at["height"] - 16, told(state), 14, part="sentence"),
        cursor(at),
    ]
    for token, one in enumerate(words):
        y = middle(token, at)
        drawn += [
            text(20, y + 4, "", 12, part=f"query-{token}-says"),
            text(LEFT - 12, y + 4, one, 14, text_anchor="end"),
            text(RIGHT + 12, y + 4, one, 14),
            text(428, y + 4, number(sums[token]), 12, text_anchor="end", part=f"key-{token}-says"),
        ]
        for side, x in (("query", 14), ("key", RIGHT)):
            area = {"x": x, "y": y - at["gap"] / 2, "width": LEFT - 14, "height": at["gap"]}
            drawn.append(element("rect", part=f"{side}-{token}", **area, fill="transparent", class_="point"))
    return "".join(drawn)


def told(state: dict[str, Any]) -> str:
    """The line below the words while none of them is chosen."""
    n = len(state["words"])
    return f"Each query hands out a weight of 1, so the keys’ sums add up to {n}."


def cursor(at: dict[str, float]) -> str:
    """Around the chosen word: one stop for the keyboard, from which the arrow keys go on."""
    size: dict[str, Any] = {"width": LEFT - 14, "height": at["gap"] - 2, "rx": 4, "fill": "none", "stroke_width": 3}
    return stop(
        "cursor",
        "word",
        "Word, chosen by the arrow keys",
        0,
        "all words",
        element("rect", **size, stroke="orange", part="frame", visibility="hidden"),
        element("rect", **size, stroke="blue", class_="ring", opacity=0),
        transform=f"translate(14 {decimal(TOP - at['gap'] / 2 + 1)})",
    )


def stop(part: str, kind: str, label: str, now: int, value: str, *inside: str, **attributes: Any) -> str:
    """What takes the focus and is moved by keys."""
    role = {"tabindex": 0, "role": "slider", "aria_roledescription": kind, "aria_label": label}
    return element("g", *inside, part=part, **attributes, **role, aria_valuenow=now, aria_valuetext=value)


def thumbnails(state: dict[str, Any]) -> str:
    """Every head's map, to be chosen from; on the chosen one, the row or the column of the chosen word."""
    at, names, side = state["at"], state["names"], state["at"]["side"]
    drawn = [
        text(MAPS_AT, 28, "Heads as maps", 14, font_weight=600),
        text(MAPS_AT, 46, "rows: queries, columns: keys", 12, "soft"),
    ]
    for head, weights in enumerate(state["maps"]):
        x, y = map_place(head, at)
        place = f"translate({decimal(x)} {decimal(y)})"
        label = text(side / 2, side + 16, names[head], 12, text_anchor="middle")
        drawn.append(
            element("g", small_map(weights, side), label, part=f"head-{head}", transform=place, class_="point")
        )
    x, y = map_place(state["head"], at)
    size: dict[str, Any] = {"x": -3, "y": -3, "width": side + 6, "height": side + 6, "rx": 4, "fill": "none"}
    drawn.append(
        stop(
            "heads",
            "head",
            "Head, chosen by the arrow keys",
            state["head"],
            names[state["head"]],
            element("rect", **size, stroke="ink", stroke_width=3),
            element("rect", **size, stroke="blue", stroke_width=5, class_="ring", opacity=0),
            element(
                "rect",
                part="line",
                x=0,
                y=0,
                width=side,
                height=side / len(state["words"]),
                fill="none",
                stroke="orange",
                stroke_width=2,
                visibility=seen(False),
            ),
            transform=f"translate({decimal(x)} {decimal(y)})",
            pointer_events="none",
        )
    )
    return "".join(drawn)


def map_place(head: int, at: dict[str, float]) -> tuple[float, float]:
    """Where a head's map stands."""
    across, side = at["across"], at["side"]
    return MAPS_AT + 10 + head % across * (side + 20), MAPS_TOP + head // across * (side + LABEL)


def small_map(weights: Sequence[Sequence[float]], side: float) -> str:
    """A map without numbers: one shape for all the cells of a color."""
    size, dark = side / len(weights), weight_color(0)[0]
    shapes: dict[str, list[str]] = {}
    for i, row in enumerate(weights):
        for j, weight in enumerate(row):
            cell = f"M{decimal(size * j)} {decimal(size * i)}h{decimal(size)}v{decimal(size)}h-{decimal(size)}z"
            shapes.setdefault(weight_color(weight)[0], []).append(cell)
    shapes.pop(dark, None)
    ground = element("rect", width=side, height=side, fill=dark)
    return ground + "".join(element("path", d="".join(d), fill=color) for color, d in shapes.items())
