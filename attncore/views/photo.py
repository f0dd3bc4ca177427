"""The photograph of the cat: what attends to what in it, and what is found in it."""

import base64
import io
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.image import imsave

from attncore.look import BLUE, GREEN, ORANGE, PINK
from attncore.recorded import photograph
from attncore.views.style import Picture, picture
from attncore.views.svg import document, element, rect, text

SIDE, SIZE = 96, 8  # of the photograph and of its patches, in pixels
GRID = SIDE // SIZE
WIDE = 288  # of a photograph on the page
COLORS = (ORANGE, BLUE, GREEN, PINK)
CRISP = {"shape_rendering": "crispEdges"}  # no seams between patches


def photo_of(pixels: np.ndarray, title: str, alt: str) -> Picture:
    """Bytes (H, W, 3) as they are."""
    return picture(photograph_with(png(pixels)), title, alt)


def photo_looks(weights, title: str, chosen: int | None = None) -> Picture:
    """The photograph, lighter where there is less weight; `weights` has one number for each patch of a square grid."""
    weights = np.asarray(weights, dtype=float)
    side = round(len(weights) ** 0.5)
    best = [f"({i // side}, {i % side}) {weights[i]:.2f}" for i in np.argsort(-weights, kind="stable")[:4]]
    alt = f"{title} The largest weights on the photograph of a cat, by row and column of the patch: {', '.join(best)}."
    over = "" if chosen is None else frame(chosen)
    return picture(photograph_with(png(photograph()), veil(weights / weights.max()), over), title, alt)


def photo_heads(looks: Mapping[tuple[int, int], np.ndarray], title: str) -> Picture:
    """The photograph once for each (layer, head), a row for a layer, lighter where the head's weights are small."""
    layers, heads = (sorted(numbers) for numbers in (map(set, zip(*looks, strict=True))))
    left, gap = 64, 6
    step = SIDE + gap
    photo, sheet = photograph(), np.full((len(layers) * step, len(heads) * step, 3), 255, np.uint8)
    for (layer, head), weights in looks.items():
        side = round(len(weights) ** 0.5)
        hidden = np.kron(hiding(weights / weights.max()).reshape(side, side), np.ones((SIDE // side, SIDE // side)))
        top, start = layers.index(layer) * step, heads.index(head) * step
        sheet[top : top + SIDE, start : start + SIDE] = photo + (255.0 - photo) * hidden[..., None]
    height, width = sheet.shape[:2]
    parts = [element("image", href=png(sheet), x=left, y=24, width=width, height=height)]
    parts += [text(left + i * step + SIDE / 2, 16, f"head {head}", anchor="middle") for i, head in enumerate(heads)]
    parts += [
        text(left - 8, 24 + i * step + SIDE / 2, f"layer {layer}", anchor="end") for i, layer in enumerate(layers)
    ]
    ten = "; ".join(f"layer {at[0]}, head {at[1]}: {np.sort(look)[-10:].sum():.2f}" for at, look in looks.items())
    alt = f"{title} What the ten strongest patches have of the weight, on the photograph of a cat. {ten}."
    return picture(document(left + width, 24 + height, "".join(parts)), title, alt)


def photo_regions(labels, names: Sequence[str], title: str) -> Picture:
    """The photograph with a color over each patch of 8 by 8, one for each of up to four names."""
    painted = "".join(
        rect(i % GRID * SIZE, i // GRID * SIZE, SIZE, SIZE, COLORS[label], fill_opacity=0.6, **CRISP)
        for i, label in enumerate(labels)
    )
    counts = ", ".join(f"{name} {np.sum(np.asarray(labels) == i)}" for i, name in enumerate(names))
    return picture(
        keyed(painted, names),
        title,
        f"{title} The photograph of a cat in patches; how many there are of each: {counts}.",
    )


def photo_spots(spots, names: Sequence[str], title: str) -> Picture:
    """The photograph with a named ring at each spot, given as a row and a column counted in patches of 8 by 8."""
    rings = "".join(
        element(
            "circle",
            cx=(column + 0.5) * SIZE,
            cy=(row + 0.5) * SIZE,
            r=5,
            fill="none",
            stroke=COLORS[i],
            stroke_width=1.6,
        )
        for i, (row, column) in enumerate(spots)
    )
    told = "; ".join(
        f"{name}: row {row:.1f}, column {column:.1f}" for name, (row, column) in zip(names, spots, strict=True)
    )
    return picture(keyed(rings, names), title, f"{title} Rings on the photograph of a cat. {told}.")


def photograph_with(address: str, *over: str) -> str:
    """The photograph with something drawn over it, in units of its pixels."""
    photo = element("image", href=address, width=SIDE, height=SIDE)
    return document(WIDE, WIDE, element("g", photo, *over, transform=f"scale({WIDE / SIDE:g})"))


def veil(lit: np.ndarray) -> str:
    """White over the patches, thinner where `lit` is nearer to one."""
    side = round(len(lit) ** 0.5)
    wide = SIDE / side
    return "".join(
        rect(i % side * wide, i // side * wide, wide, wide, "#fff", fill_opacity=f"{opacity:.2f}", **CRISP)
        for i, opacity in enumerate(hiding(lit))
    )


def hiding(lit: np.ndarray) -> np.ndarray:
    """How much of a patch is hidden, where `lit` is its share of the largest weight."""
    return 0.85 * (1 - np.sqrt(lit))


def lines() -> str:
    """White lines between the patches, so that the pieces of a shuffled photograph can be told apart."""
    at = [place * SIZE for place in range(1, GRID)]
    return "".join(rect(x - 0.3, 0, 0.6, SIDE, "#fff") + rect(0, x - 0.3, SIDE, 0.6, "#fff") for x in at)


def frame(chosen: int) -> str:
    """A frame around a patch."""
    x, y = chosen % GRID * SIZE, chosen // GRID * SIZE
    return rect(x, y, SIZE, SIZE, "none", stroke=ORANGE, stroke_width=1.4)


def keyed(over: str, names: Sequence[str]) -> str:
    """The photograph with something drawn over it, and beside it the color of each name."""
    key = "".join(
        rect(WIDE + 16, 12 + 26 * i, 16, 16, COLORS[i]) + text(WIDE + 40, 25 + 26 * i, name)
        for i, name in enumerate(names)
    )
    return document(WIDE + 140, WIDE, photograph_with(png(photograph()), over) + key)


def png(pixels: np.ndarray) -> str:
    """Pixels as the address of an image that needs no file."""
    buffer = io.BytesIO()
    imsave(buffer, np.ascontiguousarray(pixels), format="png", metadata={"Software": None})  # type: ignore[dict-item]
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
