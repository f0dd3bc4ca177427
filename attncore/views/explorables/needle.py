"""A needle on a strip of keys: what each scheme of sparse attention reads, and whether it finds the needle."""

from typing import Any

import numpy as np

from attncore.softmax import masked_softmax
from attncore.sparse import best, block_mask, mean_blocks
from attncore.views.explorables.frame import Explorable, note, slider, switch
from attncore.views.explorables.paint import weight_color
from attncore.views.explorables.parts import drawing, element, number, text

LEFT, TOP, WIDE, ROW, HIGH = 128, 66, 14, 36, 24
SCHEMES = ("all keys", "window", "best block", "best by index")
RELATED = 0.6  # of the needle's score, what its neighbors score if they belong to it
HELP = "Drag the needle, or press Tab and move it with the arrow keys. Then make it weaker."


def needle(n_keys: int = 32, block: int = 4, place: int = 13, score: float = 5) -> Explorable:
    """One query meets `n_keys` keys, of which one is the needle, and reads `block` of them, chosen in three ways.

    The other keys have scores that are drawn once. The block is chosen by the mean of its scores, which is the score of
    its mean; the index is a coarse copy of the scores. Raises ValueError for other than 8 to 36 keys, and for a place
    that is none of theirs. Lu et al. (2025), DeepSeek-V3.2 (2025).
    """
    if not 8 <= n_keys <= 36:
        raise ValueError(f"needle: n_keys is {n_keys}, expected 8 to 36")
    if not 0 <= place < n_keys:
        raise ValueError(f"needle: place is {place}, expected 0 to {n_keys - 1}")
    if not 1 <= block <= n_keys:
        raise ValueError(f"needle: block is {block}, expected 1 to {n_keys}")
    rng = np.random.default_rng(17)
    hay, errors = np.round(1.3 * rng.standard_normal(n_keys), 1), np.round(rng.standard_normal(n_keys), 1)
    state: dict[str, Any] = {"hay": hay.tolist(), "errors": errors.tolist(), "block": block}
    state |= {"place": place, "score": score, "related": False}
    weights = weights_of(state)
    alt = sentence(state, weights)
    drawn = [strip(row, name, weights[row], place) for row, name in enumerate(SCHEMES)]
    for start in range(0, n_keys + 1, block):
        x = LEFT + WIDE * start - 1
        drawn.append(element("path", d=f"M{x} {TOP - 6}V{TOP + ROW * 4 - 8}", stroke="line", stroke_width=1))
    drawn.append(grip(place, n_keys))
    drawn.append(text(12, TOP + ROW * 4 + 20, told(state), 12, part="says"))
    controls = note(HELP) + slider("score", "score of the needle", 1, 8, score, 0.5)
    controls += switch("related", "its neighbors are about it, too")
    return Explorable("needle", drawing(TOP + ROW * 4 + 36, alt, *drawn), alt, state, controls)


def scores_of(state: dict[str, Any]) -> np.ndarray:
    """The score of every key, the needle among them."""
    scores = np.array(state["hay"])
    if state["related"]:
        own = np.arange(len(scores)) // state["block"] == state["place"] // state["block"]
        scores[own] = RELATED * state["score"]
    scores[state["place"]] = state["score"]
    return scores


def weights_of(state: dict[str, Any]) -> np.ndarray:
    """The weights of all keys in each scheme; what isn't read has none."""
    scores, block = scores_of(state)[None], state["block"]
    n = scores.shape[-1]
    means = mean_blocks(scores.T, block).T
    read = [
        np.ones((1, n), dtype=bool),
        np.arange(n)[None] >= n - block,
        block_mask(means, block, n, 1),
        best(scores + np.array(state["errors"]), block),
    ]
    return np.concatenate([masked_softmax(scores, chosen) for chosen in read])


def sentence(state: dict[str, Any], weights: np.ndarray) -> str:
    """Who finds the needle, in words."""
    shares = [f"{name} {share(weights[row, state['place']])}" for row, name in enumerate(SCHEMES)]
    return f"{told(state)} Its weight: {', '.join(shares)}."


def told(state: dict[str, Any]) -> str:
    return f"The needle stands at {state['place']} and scores {number(state['score'])}."


def share(weight: float) -> str:
    return number(weight) if weight else "not read"


def strip(row: int, name: str, weights: np.ndarray, place: int) -> str:
    """A row of cells, one for each key, and what the needle gets."""
    y = TOP + ROW * row
    drawn = [text(12, y + 16, name, 13)]
    for key, weight in enumerate(weights):
        fill = weight_color(weight)[0] if weight else "paper"
        box = {"x": LEFT + WIDE * key, "y": y, "width": WIDE - 2, "height": HIGH, "rx": 2}
        drawn.append(element("rect", part=f"cell-{row}-{key}", fill=fill, stroke="soft", stroke_width=0.7, **box))
    end = LEFT + WIDE * len(weights) + 8
    drawn.append(text(end, y + 16, share(weights[place]), 12, part=f"share-{row}"))
    return "".join(drawn)


def grip(place: int, n_keys: int) -> str:
    """The mark over the needle, which can be dragged."""
    role = {"tabindex": 0, "role": "slider", "aria_label": "place of the needle", "class_": "grip"}
    values = {"aria_valuemin": 0, "aria_valuemax": n_keys - 1, "aria_valuenow": place}
    ring = element("circle", r=15, fill="none", stroke="blue", stroke_width=3, class_="ring", opacity=0)
    mark = element("path", d="M-8 -8H8L0 8Z", fill="orange")
    name = text(0, -18, "needle", 12, text_anchor="middle")
    shift = f"translate({LEFT + WIDE * place + 6} {TOP - 18})"
    return element("g", ring, mark, name, part="needle", transform=shift, **role, **values)
