"""Attention through several layers as paths: tokens below, what the layers make of them above."""

from collections.abc import Sequence

import numpy as np

from attncore.look import BLUE, GREY, ORANGE
from attncore.views.style import Picture, picture
from attncore.views.svg import document, line, rect, text

STEP, RISE, LEFT, TOP, SIDE = 46, 96, 116, 26, 9  # in pixels: between tokens, between layers, margins, half a node
LEAST = 0.05  # a smaller weight has no line


def paths(tokens: Sequence[str], maps, query: int, title: str) -> Picture:
    """Follow what reaches one token: a line for each weight, those that lead to it in color.

    `maps` (layers, n, n) come first layer to last, rows are queries. From the query's place after the last layer, the
    colored lines go down: through its own column, the residual, and through every weight from 0.05 on.
    """
    maps = np.asarray(maps, dtype=float)
    layers, n = len(maps), len(tokens)
    on_path = reached(maps, query)
    parts = []
    for layer in range(layers):
        for q, k in np.argwhere(maps[layer] >= LEAST):
            color = ORANGE if on_path[layer + 1][q] else GREY
            ends = *spot(layers, layer, k, -SIDE), *spot(layers, layer + 1, q, SIDE)
            width, opacity = 1 + 5 * maps[layer, q, k], 0.45 if color == GREY else None
            shape = line(*ends, color, width, stroke_linecap="round", stroke_opacity=opacity)
            parts.append((color == ORANGE, shape))
    drawn = [shape for _, shape in sorted(parts, key=lambda part: part[0])]
    for layer in range(layers + 1):
        name = "tokens" if layer == 0 else f"after layer {layer - 1}"
        drawn.append(text(LEFT - 24, spot(layers, layer, 0, 4)[1], name, 12, "end"))
        for place in range(n):
            x, y = spot(layers, layer, place)
            color = BLUE if on_path[layer][place] else "#d5d5d5"
            drawn.append(rect(x - SIDE, y - SIDE, 2 * SIDE, 2 * SIDE, color, rx=4))
    below = spot(layers, 0, 0, 2 * SIDE + 12)[1]
    drawn += [text(spot(layers, 0, place)[0], below, str(token), 13, "middle") for place, token in enumerate(tokens)]
    svg = document(LEFT + STEP * n, TOP + RISE * layers + 50, "".join(drawn))
    return picture(svg, title, f"{title} {told(tokens, maps, query)}")


def reached(maps: np.ndarray, query: int) -> list[np.ndarray]:
    """From the tokens up: which places lead to the query, by the strongest weight of each and the residual."""
    here = np.arange(maps.shape[-1]) == query
    found = [here]
    for weights in maps[::-1]:
        strongest = (
            weights * here[:, None] >= np.maximum(weights.max(axis=-1, keepdims=True) * here[:, None], LEAST)
        ).any(axis=0)
        here = here | strongest
        found.append(here)
    return found[::-1]


def told(tokens: Sequence[str], maps: np.ndarray, query: int) -> str:
    """The strongest path in words, from the last layer down."""
    steps, at = [], query
    for layer in range(len(maps) - 1, -1, -1):
        key = int(maps[layer, at].argmax())
        steps.append(f"in layer {layer}, place {at} looks most at place {key} ({maps[layer, at, key]:.2f})")
        at = key
    listed = ", ".join(f"{place} {token}" for place, token in enumerate(tokens))
    return f"The tokens are {listed}. {'; '.join(steps).capitalize()}."


def spot(layers: int, layer: int, place: int, down: float = 0) -> tuple[float, float]:
    return LEFT + STEP * place, TOP + RISE * (layers - layer) + down
