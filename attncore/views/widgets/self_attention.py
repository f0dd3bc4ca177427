"""Lesson 05: which token reaches which output."""

from collections.abc import Callable

import numpy as np

from attncore.dot_product import scaled_dot_product_attention
from attncore.self_attention import influence
from attncore.views.live import Live, asked_of, slider
from attncore.views.style import Picture, beside
from attncore.views.tables import mask_map


def reach_picture(function: Callable = influence) -> Live:
    """Lesson 05: which token reaches which output, in a recurrence, in convolutions, in attention."""
    rng = np.random.default_rng(1)
    x_all = rng.standard_normal((12, 4))

    def recurrence(x):
        out, state = [], np.zeros(x.shape[1])
        for token in x:
            state = 0.5 * state + 0.5 * token
            out.append(state)
        return np.array(out)

    def convolution(x):
        padded = np.pad(x, ((1, 1), (0, 0)))
        return (padded[:-2] + padded[1:-1] + padded[2:]) / 3

    def attention(x):
        return scaled_dot_product_attention(x, x, x)

    def draw(n: int, layers: int) -> Picture:
        def stacked(layer):
            def stack(x):
                for _ in range(layers):
                    x = layer(x)
                return x

            return stack

        maps, labels = [], [str(place) for place in range(n)]
        x = x_all[:n]
        moved = np.vstack([x[:1] + 1, x[1:]])
        for name, layer in (("recurrence", recurrence), ("convolution", convolution), ("attention", attention)):
            reached = asked_of(function, stacked(layer), x, shape=(n, n))
            change = float(np.abs(stacked(layer)(moved)[-1] - stacked(layer)(x)[-1]).max())
            title = f"{name}: the first moves the last by {change:.2g}"
            maps.append(mask_map(reached, labels, labels, title))
        return beside(*maps)

    return Live(draw, n=slider("tokens", 3, 12, 7), layers=slider("layers", 1, 6, 1))
