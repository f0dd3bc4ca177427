"""Lesson 03: an alignment under a window."""

from collections.abc import Callable

import numpy as np

from attncore.alignment import general_scores, local_weights
from attncore.softmax import softmax
from attncore.views.live import Live, asked_of, choice, slider
from attncore.views.style import Picture, beside
from attncore.views.tables import heat_map, shade, table
from attncore.words import embed, tokens

SOURCE = "the tired cat sat on the mat"
# The translation, word by word, and what each of its words means in English.
SPANISH = {
    "el": "the",
    "gato": "cat",
    "cansado": "tired",
    "se": "sat",
    "sentó": "sat",
    "sobre": "on",
    "la": "the",
    "alfombra": "mat rug",
}
TRANSLATES = np.array([0, 2, 1, 3, 3, 4, 5, 6])  # the place in the source of each Spanish word


def alignment_picture(function: Callable = local_weights) -> Live:
    """Lesson 03: the weights of a whole translation inside a window, and how one row of them is made."""
    source, target = [f"{j} {word}" for j, word in enumerate(tokens(SOURCE))], list(SPANISH)
    dictionary = np.stack([embed(meaning).mean(axis=0) for meaning in SPANISH.values()])
    scores = general_scores(4 * np.eye(len(target)), embed(SOURCE), dictionary)

    def draw(shift: float, half_width: float, row: int) -> Picture:
        centers = np.arange(len(target)) + shift
        weights = asked_of(function, scores, centers, half_width, shape=scores.shape)
        right = weights[np.arange(len(target)), TRANSLATES]
        others = weights.copy()
        others[np.arange(len(target)), TRANSLATES] = -np.inf
        found = int(np.sum(right > others.max(axis=-1) + 1e-9))
        title = f"{found} of {len(target)} words give the most to the word that they translate"
        return beside(heat_map(weights, target, source, title), anatomy(row, centers[row], half_width, weights[row]))

    def anatomy(row: int, center: float, half_width: float, weights: np.ndarray) -> Picture:
        """One row in its parts: softmax over the whole text, inside the window, the bell, and what comes out."""
        offset = np.arange(len(source)) - center
        inside = np.abs(offset) <= half_width
        parts = {
            "softmax over all": softmax(scores[row]),
            "softmax inside": softmax(np.where(inside, scores[row], -np.inf)),
            "bell": np.where(inside, np.exp(-2 * (offset / half_width) ** 2), 0),
            "local weights": weights,
        }
        title = f'"{target[row]}", center {center:g}: {weights.sum():.2f} of one unit is left'
        cells = [[shade(x)._replace(words=f"{x:.2f}") for x in numbers] for numbers in parts.values()]
        read = "; ".join(f"{name}: {', '.join(f'{x:.2f}' for x in numbers)}" for name, numbers in parts.items())
        return table(cells, parts, source, title, f"{title}. Columns are {', '.join(source)}. {read}.")

    return Live(
        draw,
        shift=slider("center = t +", -3, 3, 0, 0.5),
        half_width=slider("half width", 0.5, 12, 2, 0.5),
        row=choice("word to take apart", [(word, row) for row, word in enumerate(target)], 6),
    )
