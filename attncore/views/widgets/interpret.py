"""Lesson 19: all heads at a glance, paths through layers, two maps that say the same, and rollout."""

from collections.abc import Callable

import numpy as np

from attncore.dot_product import attention_weights
from attncore.interpret import attention_rollout, value_weighted_map
from attncore.recorded import recorded_head, recorded_maps
from attncore.views.live import Live, asked_of, choice, slider, switch
from attncore.views.paths import paths
from attncore.views.style import Picture, beside
from attncore.views.tables import bars, heat_map, shade, signed, table

TEXT = "The animal did not cross the street because it was too tired."
VIEWS = ("weights", "weights times lengths", "change of the reading without it")


def heads_map(numbers: np.ndarray, title: str) -> Picture:
    """Lesson 19: a number for each head, (layers, heads), as colors alone: from 0 to 1, or signed around zero."""
    numbers = np.asarray(numbers, dtype=float)
    most = float(np.abs(numbers).max())
    color = (lambda x: signed(x / most)) if numbers.min() < 0 else shade
    cells = [[color(x) for x in row] for row in numbers.T]
    layers, heads = numbers.shape
    strongest = [divmod(int(at), heads) for at in np.argsort(-np.abs(numbers), axis=None)[:5]]
    named = ", ".join(f"({layer}, {head}) {numbers[layer, head]:.2f}" for layer, head in strongest)
    columns = [str(layer) if layer % 5 == 0 else "" for layer in range(layers)]
    alt = f"{title} Rows are heads, columns are layers. The five farthest from zero, as (layer, head): {named}."
    return table(cells, [f"head {head}" for head in range(heads)], columns, title, alt, narrow=True)


def circuit_paths(tokens, maps) -> Live:
    """Lesson 19: by which path a token's last output gets what it needs, through the layers of a small model."""

    def draw(query: int) -> Picture:
        return paths(tokens, maps, query, f"What reaches place {query}, after the last layer?")

    return Live(draw, query=slider("look from place", 0, len(tokens) - 1, len(tokens) - 1))


def two_maps_picture() -> Live:
    """Lesson 19: a trained head's row of weights, and the farthest one that gives the same reading of its output.

    The reading is one number, 1 for what "animal" hands over and 0 for what "street" does.
    """
    head, read = recorded_head()
    x, tokens = read[TEXT], recorded_maps()[TEXT].tokens
    weights = attention_weights(x @ head.W_query + head.b_query, x @ head.W_key + head.b_key)
    value = x @ head.W_value + head.b_value
    handed_over = value @ head.W_output
    street = handed_over[tokens.index("street")]
    towards = handed_over[tokens.index("animal")] - street
    towards = towards / (towards @ towards)
    readings = (handed_over - street) @ towards
    others = [farthest(row, readings) for row in weights]
    names = [f"{place} {token}" for place, token in enumerate(tokens)]

    def draw(query: int, moved: float, view: str) -> Picture:
        rows = np.stack([weights[query], (1 - moved) * weights[query] + moved * others[query]])
        shown, top = rows, 1.0
        if view == VIEWS[1]:
            shown = value_weighted_map(rows, value, head.W_output)
        elif view == VIEWS[2]:
            shown = np.abs(rows * (handed_over @ towards))
        if view != VIEWS[0]:
            top = max(float(shown.max()), 1e-9)
        before, after = (f'most on "{tokens[np.argmax(row)]}"' for row in shown)
        share = np.abs(rows[1] - rows[0]).sum() / 2
        whole = np.linalg.norm((rows[1] - rows[0]) @ handed_over) / np.linalg.norm(rows[0] @ handed_over)
        read_off = rows @ readings
        return beside(
            bars(shown[0], names, f"Recorded: {before}", top),
            bars(shown[1], names, f"{share:.0%} of the row moved: {after}", top),
            bars(
                read_off, ("recorded", "moved"), f"The reading stays {read_off[1]:.2f}; the output moves by {whole:.0%}"
            ),
        )

    return Live(
        draw,
        query=choice("query", [(name, place) for place, name in enumerate(names)], tokens.index("it")),
        moved=slider("towards another map", 0, 1, 1, 0.05),
        view=choice("show", VIEWS, VIEWS[0]),
    )


def farthest(row: np.ndarray, readings: np.ndarray) -> np.ndarray:
    """Of all weights on two keys that have this row's reading, those that share least with it."""
    reading, best, found = row @ readings, np.inf, row
    for low in np.flatnonzero(readings < reading):
        for high in np.flatnonzero(readings >= reading):
            share = (reading - readings[low]) / (readings[high] - readings[low])
            common = min(1 - share, row[low]) + min(share, row[high])
            if common < best:
                best, found = common, np.zeros_like(row)
                found[[low, high]] = 1 - share, share
    return found


def rollout_picture(function: Callable = attention_rollout) -> Live:
    """Lesson 19: what the given rollout makes of a trained network's layers, by weights or by weighted lengths."""
    texts = {text: recorded for text, recorded in recorded_maps().items() if text in ("The cat sat on the mat", TEXT)}

    def draw(text: str, layers: int, by_length: bool) -> Picture:
        tokens, maps, lengths = texts[text]
        mean = (maps * lengths[:, :, None] if by_length else maps).mean(axis=1)
        mean = mean / mean.sum(axis=-1, keepdims=True)
        n = len(tokens)
        words = asked_of(function, mean[:layers], shape=(n, n))
        through = "one layer" if layers == 1 else f"{layers} layers"
        first, own = words[1:-1, 0].mean(), np.diag(words)[1:-1].mean()
        how = "by weighted lengths" if by_length else "by weights"
        title = f"Through {through}, {how}, words take {first:.0%} from [CLS] and keep {own:.0%} of themselves"
        if not np.allclose(words.sum(axis=-1), 1, atol=1e-3):
            low, high = words.sum(axis=-1).min(), words.sum(axis=-1).max()
            title = f"The rows sum to {low:.2f} up to {high:.2f}, not to one"
        return heat_map(words, tokens, tokens, title)

    return Live(
        draw,
        text=choice("text", list(texts), next(iter(texts))),
        layers=slider("layers", 1, 6, 6),
        by_length=switch("weights times lengths"),
    )
