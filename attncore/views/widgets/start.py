"""Lesson 00: the maps of a trained network, head by head, and one row of them."""

from attncore.recorded import recorded_maps
from attncore.views.live import Live, choice, slider
from attncore.views.style import Picture, beside
from attncore.views.tables import heat_map

TEXT = "The cat sat on the mat"


def reading_picture() -> Live:
    """Lesson 00: choose a head and a query, read its row."""
    recorded = recorded_maps()[TEXT]
    words = [f"{place} {token}" for place, token in enumerate(recorded.tokens)]

    def draw(layer: int, head: int, query: str) -> Picture:
        weights = recorded.maps[layer, head]
        row = weights[words.index(query)]
        return beside(
            heat_map(weights, words, words, f"Layer {layer}, head {head}"),
            heat_map(row[None], [query], words, f"Whom does {query!r} look at?"),
        )

    return Live(
        draw, layer=slider("layer", 0, 5, 3), head=slider("head", 0, 11, 1), query=choice("query", words, words[5])
    )
