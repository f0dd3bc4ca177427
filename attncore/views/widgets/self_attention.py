"""Lesson 05: which token reaches which output."""

from collections.abc import Callable

import numpy as np

from attncore.dot_product import scaled_dot_product_attention
from attncore.self_attention import influence
from attncore.views.live import Live, asked_of, slider
from attncore.views.style import Picture, beside
from attncore.views.tables import table, yes_no


def reach_picture(function: Callable = influence) -> Live:
    """Lesson 05: which token reaches which output, in a recurrence, in convolutions, in attention."""
    rng = np.random.default_rng(1)
    tokens = rng.standard_normal((12, 4))
    layers = {"Recurrence": recurrence, "Convolution": convolution, "Attention": attention}

    def draw(n: int, depth: int) -> Picture:
        maps = []
        for name, layer in layers.items():
            reached = asked_of(function, stacked(layer, depth), tokens[:n], shape=(n, n))
            maps.append(reach_map(reached, f"{name}: what reaches what?"))
        return beside(*maps)

    return Live(draw, n=slider("tokens", 3, 12, 7), depth=slider("layers", 1, 6, 1))


def recurrence(x: np.ndarray) -> np.ndarray:
    """Keep half of the state, and take half of each token."""
    outputs, state = [], np.zeros(x.shape[1])
    for token in x:
        state = 0.5 * state + 0.5 * token
        outputs.append(state)
    return np.array(outputs)


def convolution(x: np.ndarray) -> np.ndarray:
    """The mean of each token and its two neighbors."""
    padded = np.pad(x, ((1, 1), (0, 0)))
    return (padded[:-2] + padded[1:-1] + padded[2:]) / 3


def attention(x: np.ndarray) -> np.ndarray:
    return scaled_dot_product_attention(x, x, x)


def stacked(layer: Callable, depth: int) -> Callable:
    """The layer, `depth` times in a row."""

    def stack(x: np.ndarray) -> np.ndarray:
        for _ in range(depth):
            x = layer(x)
        return x

    return stack


def reach_map(reached: np.ndarray, title: str) -> Picture:
    """Outputs in rows, inputs in columns, narrow enough for three maps in a row."""
    names = [str(place) for place in range(len(reached))]
    cells = [[yes_no(bool(one)) for one in row] for row in reached]
    told = [
        f"output {i} sees {', '.join(str(j) for j in np.flatnonzero(row)) or 'nothing'}"
        for i, row in enumerate(reached)
    ]
    return table(
        cells, names, names, title, f"{title} Rows are outputs, columns are inputs. {'; '.join(told)}.", narrow=True
    )
