"""The patch embedding of a published model, whose weights are kept as a convolution's."""

import numpy as np

from attncore.exercises.exercise import case, code
from attncore.exercises.vision.cases import counted
from attncore.shapes import shaped
from attncore.vision import patchify


def as_matrix(kernel):
    """(m, channels, rows, columns) as (p, m), to be used as patch @ W."""
    by_place = kernel.transpose(2, 3, 1, 0)
    return by_place.reshape(-1, len(kernel))


def prepared(image, size, mean, spread):
    height, width = (side // size * size for side in image.shape[:2])
    pixels = image[:height, :width] / 255
    return (pixels - mean) / spread


@shaped("(H,W,c):any,(m,c,w,w),(m),(c),(c)->(n,m)", axes={"n": "patch", "w": "patch side"})
def fix_published_kernel(image, kernel, bias, mean, spread):
    """Embed the patches of an image of bytes with the kernel of a published model.

    Bytes are divided by 255; then each channel has its mean subtracted and is divided by its
    spread. The kernel is that of a convolution with a stride of its own size, (m, channels, rows,
    columns), as PyTorch keeps it. Patches come row by row. What is left over at the right and the lower edge,
    less than a patch, is cut off. Dosovitskiy et al. (2020).
    """
    size = kernel.shape[-1]
    pixels = prepared(image, size, mean, spread)
    patches = patchify(pixels, size)
    return patches @ as_matrix(kernel) + bias


def kernel_case(name, height, width, size, image=None, small=False, promise="", **more):
    def byte_image(rng, s):
        return rng.integers(0, 256, (height, width, s.c), dtype=np.uint8)

    return case(
        name,
        small=small,
        promise=promise,
        sizes={"m": 2 if small else 7, "c": 1 if small else 3, "w": size},
        image=image or byte_image,
        mean=lambda rng, s: np.round(0.3 + 0.4 * rng.random(s.c), 2),
        spread=lambda rng, s: np.round(0.2 + 0.2 * rng.random(s.c), 2),
        **more,
    )


CUT_OFF = "What is left over at the right and the lower edge, less than a patch, is cut off."
exercise = code(
    fix_published_kernel,
    kernel_case("a single patch", 2, 2, 2, small=True),
    kernel_case("numbers that count up", 2, 4, 2, counted(2, 4, 1, np.uint8), small=True),
    kernel_case("one color all over", 4, 4, 2, lambda rng, s: np.full((4, 4, s.c), 128, dtype=np.uint8)),
    kernel_case("three channels", 6, 8, 2),
    kernel_case("patches of three", 9, 6, 3),
    kernel_case("patches of one pixel", 3, 4, 1),
    kernel_case("an edge that is left over", 7, 11, 3, promise=CUT_OFF),
    bug="rows and columns of the kernel exchanged",
)


def as_matrix_(kernel):
    """(m, channels, rows, columns) as (p, m), to be used as patch @ W."""
    by_place = kernel.T
    return by_place.reshape(-1, len(kernel))


@exercise.mistake("rows and columns of the kernel exchanged")
def embedded(image, kernel, bias, mean, spread):
    size = kernel.shape[-1]
    pixels = prepared(image, size, mean, spread)
    patches = patchify(pixels, size)
    return patches @ as_matrix_(kernel) + bias


def with_matrix(image, W, bias, mean, spread, size):
    return patchify(prepared(image, size, mean, spread), size) @ W + bias


@exercise.mistake("the channels come first inside a patch")
def channels_first(image, kernel, bias, mean, spread):
    return with_matrix(image, kernel.reshape(len(kernel), -1).T, bias, mean, spread, kernel.shape[-1])


@exercise.mistake("the kernel is turned around, as in a textbook's convolution")
def turned_around(image, kernel, bias, mean, spread):
    return with_matrix(image, as_matrix(kernel[..., ::-1, ::-1]), bias, mean, spread, kernel.shape[-1])


@exercise.mistake("channels before columns")
def channels_before_columns(image, kernel, bias, mean, spread):
    W = kernel.transpose(2, 1, 3, 0).reshape(-1, len(kernel))
    return with_matrix(image, W, bias, mean, spread, kernel.shape[-1])


@exercise.mistake("the kernel is reshaped without a transpose")
def plainly_reshaped(image, kernel, bias, mean, spread):
    return with_matrix(image, kernel.reshape(-1, len(kernel)), bias, mean, spread, kernel.shape[-1])


@exercise.another_way
def window_by_window(image, kernel, bias, mean, spread):
    size = kernel.shape[-1]
    pixels = np.moveaxis((image / 255 - mean) / spread, -1, 0)
    rows = []
    for y in range(0, image.shape[0] - size + 1, size):
        for x in range(0, image.shape[1] - size + 1, size):
            window = pixels[:, y : y + size, x : x + size]
            rows.append([np.sum(window * filter) for filter in kernel])
    return np.array(rows) + bias
