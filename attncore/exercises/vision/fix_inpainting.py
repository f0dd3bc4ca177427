"""Patches that are hidden, filled in from the others, and put back."""

import numpy as np

from attncore.dot_product import attention_weights
from attncore.exercises.exercise import case, code
from attncore.exercises.vision.cases import counted
from attncore.shapes import shaped
from attncore.vision import patchify, unpatchify


def fill_in(patches, hidden, positions):
    patches = patches.copy()
    if hidden.any():
        weights = attention_weights(positions[hidden], positions[~hidden])
        patches[hidden] = weights @ patches[~hidden]
    return patches


def put_back(patches, size, height, width):
    rows, columns = height // size, width // size
    grid = patches.reshape(rows, columns, size, size, -1)
    return grid.swapaxes(1, 2).reshape(height, width, -1)


@shaped("(H,W,c),(n):bool,_,(n,d)->(H,W,c)", axes={"n": "patch"})
def fix_inpainting(image, hidden, size, positions):
    """Fill in the hidden patches of an image: each becomes a mean of the visible ones.

    Patches are numbered row by row. The weights compare the positions, those of the hidden patches as
    queries and those of the visible ones as keys. At least one patch is visible. Where nothing is
    hidden the image comes back as it was.
    """
    height, width = image.shape[:2]
    patches = fill_in(patchify(image, size), hidden, positions)
    return put_back(patches, size, height, width)


def picture(name, height, width, channels, size, hidden=(), image=None, small=False, **more):
    n = height * width // size**2
    return case(
        name,
        small=small,
        sizes={"H": height, "W": width, "c": channels, "n": n, "d": 2 if small else 8},
        hidden=np.isin(np.arange(n), hidden),
        size=size,
        **({} if image is None else {"image": image}),
        **more,
    )


exercise = code(
    fix_inpainting,
    picture("a square image", 4, 4, 1, 2, hidden=[2], small=True),
    picture("a wide image", 2, 6, 1, 1, hidden=[4], small=True, image=counted(2, 6, 1, float)),
    picture("a tall image", 6, 2, 1, 1, hidden=[3, 5], small=True),
    picture("one row of patches", 2, 8, 1, 2, hidden=[1], small=True),
    picture("larger patches", 6, 9, 2, 3, hidden=[0, 4]),
    picture("no two axes of one length", 4, 10, 3, 2, hidden=[1, 2, 9]),
    picture("a square image, three channels", 6, 6, 3, 2, hidden=[0, 8]),
    picture(
        "nothing hidden",
        4,
        6,
        1,
        2,
        small=True,
        promise="Where nothing is hidden the image comes back as it was.",
    ),
    bug="rows and columns of patches exchanged",
)


def put_back_(patches, size, height, width):
    rows, columns = width // size, height // size
    grid = patches.reshape(rows, columns, size, size, -1)
    return grid.swapaxes(1, 2).reshape(height, width, -1)


@exercise.mistake("rows and columns of patches exchanged")
def filled_in(image, hidden, size, positions):
    height, width = image.shape[:2]
    patches = fill_in(patchify(image, size), hidden, positions)
    return put_back_(patches, size, height, width)


def filled(image, hidden, size, positions):
    return fill_in(patchify(image, size), hidden, positions)


@exercise.mistake("pixels of a patch transposed")
def pixels_transposed(image, hidden, size, positions):
    height, width, channels = image.shape
    grid = filled(image, hidden, size, positions).reshape(height // size, width // size, size, size, channels)
    return grid.transpose(0, 3, 1, 2, 4).reshape(height, width, channels)


@exercise.mistake("put back without exchanging the axes in the middle")
def plainly_reshaped(image, hidden, size, positions):
    return filled(image, hidden, size, positions).reshape(image.shape)


@exercise.mistake("the picture comes back on its side")
def on_its_side(image, hidden, size, positions):
    return unpatchify(filled(image, hidden, size, positions), size, *image.shape[:2]).swapaxes(0, 1)


@exercise.another_way
def patch_by_patch(image, hidden, size, positions):
    whole = np.array(image)
    columns = image.shape[1] // size
    for i, patch in enumerate(filled(image, hidden, size, positions)):
        y, x = i // columns * size, i % columns * size
        whole[y : y + size, x : x + size] = patch.reshape(size, size, -1)
    return whole
