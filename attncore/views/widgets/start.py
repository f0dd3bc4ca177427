"""Lesson 00: a row of attention, read."""

import numpy as np

from attncore.dot_product import attention_weights
from attncore.views.live import Live, choice, slider
from attncore.views.style import Picture, beside
from attncore.views.tables import heat_map
from attncore.views.widgets import SENTENCE
from attncore.words import embed, tokens


def reading_picture() -> Live:
    """Lesson 00: choose a query, read its row."""
    x = embed(SENTENCE)
    words = [f"{place} {word}" for place, word in enumerate(tokens(SENTENCE))]

    def draw(row: str, sharpness: float) -> Picture:
        weights = attention_weights(x, x, scale=sharpness)
        one = weights[words.index(row)]
        best = words[int(np.argmax(one))]
        return beside(
            heat_map(weights, words, words, "Every row sums to one"),
            heat_map(one[:, None], words, [row], f'"{row}" gives most to "{best}"'),
        )

    return Live(draw, row=choice("query", words, words[1]), sharpness=slider("scale", 0, 6, 2, 0.5))
