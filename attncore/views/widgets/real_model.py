"""Lesson 20: the maps of a trained network, its heads at a glance, and a search with sentence vectors."""

from collections.abc import Callable

import numpy as np

from attncore.real_model import most_similar
from attncore.recorded import Recorded, recorded_maps, recorded_vectors
from attncore.views.live import Live, Waiting, asked_of, choice, slider, switch
from attncore.views.style import Picture
from attncore.views.tables import heat_map, shade, table

PATTERNS = {"the token before": -1, "the token after": 1, "itself": 0, "[CLS]": None, "[SEP]": None}


def given_to(pattern: str, maps: np.ndarray) -> np.ndarray:
    """How much the words, [CLS] and [SEP] left out, give to a place on average; maps are (..., n, n)."""
    words = np.arange(1, maps.shape[-1] - 1)
    step = PATTERNS[pattern]
    places = words + step if step is not None else 0 if pattern == "[CLS]" else -1
    return maps[..., words, places].mean(axis=-1)


def finding(maps: np.ndarray, names: list[str]) -> str:
    """Where one head's words look most: a pattern, or a certain token."""
    found = {pattern: float(given_to(pattern, maps)) for pattern in PATTERNS}
    tokens = maps[1:-1].mean(axis=0)
    found |= {f'"{names[place]}"': float(tokens[place]) for place in range(1, len(names) - 1)}
    most = max(found, key=lambda where: found[where])
    return f"the words give most to {most}, {found[most]:.2f} on average"


def numbered(tokens: list[str]) -> list[str]:
    """The tokens, those that come more than once with their place."""
    return [f"{token} ({place})" if tokens.count(token) > 1 else token for place, token in enumerate(tokens)]


def shown_map(recorded: Recorded, layer: int, head: int, weighted: bool) -> np.ndarray:
    """The map of a head; `weighted`, each weight times the length of its value, as a share of the row."""
    weights = recorded.maps[layer, head]
    if weighted:
        weights = weights * recorded.lengths[layer, head]
        weights = weights / weights.sum(axis=-1, keepdims=True)
    return weights


def map_picture() -> Live:
    """Lesson 20: any head of the network on any recorded text, as weights or as what is handed over."""
    recorded = recorded_maps()

    def draw(text: str, layer: int, head: int, weighted: bool) -> Picture:
        names = numbered(recorded[text].tokens)
        maps = shown_map(recorded[text], layer, head, weighted)
        kind = "By what is handed over" if weighted else "By weight"
        return heat_map(maps, names, names, f"Layer {layer}, head {head}. {kind}, {finding(maps, names)}")

    texts = list(recorded)
    return Live(
        draw,
        text=choice("text", texts, texts[0]),
        layer=slider("layer", 0, 5, 0),
        head=slider("head", 0, 11, 2),
        weighted=switch("times the length of the value"),
    )


def atlas_picture() -> Live:
    """Lesson 20: all 72 heads at a glance, colored by how much of one pattern they have."""
    recorded = recorded_maps()

    def draw(text: str, pattern: str) -> Picture:
        shares = given_to(pattern, recorded[text].maps)
        layer, head = np.unravel_index(shares.argmax(), shares.shape)
        half = int((shares >= 0.5).sum())
        count = f"{half or 'none'} of the 72 heads give{'s' if half == 1 else ''} it half or more"
        title = f"To {pattern}: {count}; the most is {shares.max():.2f}, layer {layer}, head {head}"
        cells = [[shade(share)._replace(words=f"{share:.2f}") for share in row] for row in shares]
        best = "; ".join(f"layer {i}: head {row.argmax()} ({row.max():.2f})" for i, row in enumerate(shares))
        alt = f"{title}. The most of each layer: {best}."
        return table(cells, [f"layer {i}" for i in range(6)], [f"head {j}" for j in range(12)], title, alt)

    texts = list(recorded)
    return Live(
        draw,
        pattern=choice("the words look at", list(PATTERNS), "the token before"),
        text=choice("text", texts, texts[0]),
    )


def search_picture(function: Callable = most_similar) -> Live:
    """Lesson 20: what the given function finds near a text, among vectors of one length or of several."""
    texts, vectors = list(recorded_vectors()), np.stack(list(recorded_vectors().values()))
    vectors = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)  # kept as float16, so nearly 1
    stretch = np.random.default_rng(0).uniform(0.2, 5, (len(texts), 1)).astype(np.float32)

    def draw(text: str, count: int, stretched: bool) -> Picture:
        own = texts.index(text)
        others = np.delete(np.arange(len(texts)), own)
        cosines = vectors[others] @ vectors[own]
        searched = (vectors * stretch if stretched else vectors)[others]
        places = asked_of(function, vectors[own], searched, count, shape=(count,))
        if not np.issubdtype(places.dtype, np.integer) or places.min() < 0 or places.max() >= len(others):
            raise Waiting(f"The function should return places, whole numbers from 0 to {len(others) - 1}.")
        found, nearest = cosines[places], int(cosines.argmax())
        if np.allclose(found, np.sort(cosines)[::-1][:count], atol=1e-6):
            title = f'Nearest is "{texts[others[places[0]]]}", with a cosine of {found[0]:.2f}'
        else:
            title = f'Not the nearest, in order: "{texts[others[nearest]]}" has a cosine of {cosines[nearest]:.2f}'
        cells = [[shade(max(float(c), 0))._replace(words=f"{c:.2f}")] for c in found]
        names = [texts[others[place]] for place in places]
        listed = "; ".join(f"{name}: {c:.2f}" for name, c in zip(names, found, strict=True))
        return table(cells, names, ["cosine"], title, f'{title}. Near "{text}": {listed}.')

    return Live(
        draw,
        text=choice("text", texts, texts[5]),
        count=slider("count", 1, 8, 4),
        stretched=switch("the vectors differ in length"),
    )
