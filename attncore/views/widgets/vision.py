"""Lesson 10: a photograph cut into tokens, and where each of its patches looks."""

from collections.abc import Callable

import numpy as np

from attncore.dot_product import attention_weights
from attncore.positions import sinusoidal_positions
from attncore.recorded import photograph
from attncore.views.live import Live, asked_of, choice, slider, switch
from attncore.views.photo import GRID, SIDE, SIZE, frame, lines, photograph_with, png, veil
from attncore.views.style import Picture, beside, picture
from attncore.views.svg import document, element
from attncore.views.tables import bars
from attncore.vision import patchify, unpatchify


def cut_picture(function: Callable = patchify) -> Live:
    """Lesson 10: the tokens that the given function cuts out of the photograph, laid out in their order."""
    photo = photograph()

    def draw(size: int) -> Picture:
        columns = SIDE // size
        patches = asked_of(function, photo, size, shape=(columns**2, size * size * 3))
        right = (patches == patchify(photo, size)).all(axis=1).sum()
        what = f"{columns**2} tokens of {size * size * 3:,} numbers"
        title = f"{what}, and each is a square of the photograph"
        if right < columns**2:
            title = f"{what}, but {right or 'none'} of them equal to the square that belongs there"
        tiles = np.clip(np.nan_to_num(patches.astype(float)), 0, 255).astype(np.uint8)
        gap = 2
        sheet = np.full((columns * (size + gap), columns * (size + gap), 4), 0, np.uint8)
        for i, tile in enumerate(tiles):
            top, left = (place * (size + gap) for place in divmod(i, columns))
            sheet[top : top + size, left : left + size, :3] = tile.reshape(size, size, 3)
            sheet[top : top + size, left : left + size, 3] = 255
        alt = f"{title}. They stand in rows of {columns}, first token at the top left."
        return picture(document(384, 384, element("image", href=png(sheet), width=384, height=384)), title, alt)

    return Live(draw, size=choice("patch size", [48, 32, 24, 16, 12, 8], 16))


def look_picture() -> Live:
    """Lesson 10: where a patch of the photograph looks, whole or shuffled, with positions or without."""
    photo = photograph()
    patches = patchify(photo, SIZE)
    colors = plain_colours(patches)
    order = np.random.default_rng(3).permutation(GRID**2)
    spread, directions = np.linalg.eigh(colors.T @ colors / GRID**2)
    colors = colors @ directions / np.sqrt(spread)
    rows, columns = np.divmod(np.arange(GRID**2), GRID)
    waves = sinusoidal_positions(GRID, 8)
    places = np.concatenate([waves[rows], waves[columns]], axis=1)
    drawings = {False: png(photo), True: png(unpatchify(patches[order], SIZE, SIDE, SIDE))}

    def look(at: np.ndarray, positions: bool) -> np.ndarray:
        """The weights between pieces of the photograph, `at[piece]` being the place where a piece lies."""
        x = np.concatenate([colors, places[at]], axis=1) if positions else colors
        return attention_weights(x, x, scale=3**-0.5)

    def draw(row: int, column: int, shuffled: bool, positions: bool) -> Picture:
        piece = row * GRID + column
        home = np.arange(GRID**2)
        at = np.argsort(order) if shuffled else home
        weights = look(at, positions)[piece]
        best = np.argsort(-weights, kind="stable")[:5]
        found = "itself" if best[0] == piece else f"patch {name(best[0])}"
        title = f"Patch {name(piece)} gives most, {weights[best[0]]:.2f}, to {found}"
        if shuffled:
            change = np.abs(weights - look(home, positions)[piece]).max()
            title += f"; shuffling {what_changed(change)}"
        lit = np.zeros(GRID**2)
        lit[at] = weights / weights.max()
        alt = f"{title}. The photograph of a cat, {'shuffled' if shuffled else 'whole'}, the darker the less weight."
        drawing = photograph_with(drawings[shuffled], veil(lit), lines() if shuffled else "", frame(at[piece]))
        names = [f"({i // GRID}, {i % GRID})" for i in best]
        return beside(picture(drawing, title, alt), bars(weights[best], names, "The five largest weights"))

    return Live(
        draw,
        row=slider("row of the patch", 0, GRID - 1, 4),
        column=slider("column of the patch", 0, GRID - 1, 3),
        shuffled=switch("shuffle the patches"),
        positions=switch("add positions"),
    )


def what_changed(largest: float) -> str:
    if largest < 1e-9:
        return "moves the weights and changes none"
    if largest < 0.005:
        return "changes no weight by as much as 0.005"
    return f"changes a weight by {largest:.2f}"


def plain_colours(patches: np.ndarray) -> np.ndarray:
    """The mean red, green and blue of each patch, against those of the photograph."""
    colors = patches.reshape(len(patches), -1, 3).mean(axis=1) / 255
    return colors - colors.mean(axis=0)


def name(piece: int) -> str:
    return f"({piece // GRID}, {piece % GRID})"
