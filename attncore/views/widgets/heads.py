"""Lesson 07: where the numbers go when heads are split."""

from collections.abc import Callable

import numpy as np

from attncore.heads import split_heads
from attncore.views.live import Live, asked_of, slider
from attncore.views.style import Picture, beside
from attncore.views.tables import label_grid


def split_picture(function: Callable = split_heads) -> Live:
    """Lesson 07: where each number of a tiny tensor goes, step by step, right and wrong side by side."""
    n, h, w = 3, 2, 2
    names = np.array([f"t{t} h{i} w{j}" for t in range(n) for i in range(h) for j in range(w)]).reshape(n, h * w)
    numbers = np.arange(n * h * w, dtype=float).reshape(n, h * w)

    def heads(order: np.ndarray, what: str) -> Picture:
        grids = []
        for i, head in enumerate(order):
            flat = head.astype(int)
            labels = names.ravel()[flat].tolist()
            groups = flat // w % h
            pure = len(np.unique(groups)) == 1
            title = f"{what}: block {i} is head {groups[0, 0]}" if pure else f"{what}: block {i} mixes heads"
            grids.append(label_grid(labels, groups.tolist(), range(len(flat)), range(flat.shape[1]), title))
        return beside(*grids)

    def draw(step: int) -> Picture:
        if step == 1:
            columns = [f"{j}" for j in range(h * w)]
            return label_grid(
                names.tolist(),
                [[0, 0, 1, 1]] * n,
                [f"token {t}" for t in range(n)],
                columns,
                "x is (n, m): one row a token",
            )
        if step == 2:
            rows = [f"token {t}, head {i}" for t in range(n) for i in range(h)]
            return label_grid(
                names.reshape(n * h, w).tolist(),
                [[0, 0], [1, 1]] * n,
                rows,
                range(w),
                "Reshape to (n, h, w): nothing moves, a row is cut in two",
            )
        got = asked_of(function, numbers, h, shape=(h, n, w))
        return beside(heads(got, "Transpose to (h, n, w)"), heads(numbers.reshape(h, n, w), "Reshape alone"))

    return Live(draw, step=slider("step", 1, 3, 3))
