"""From a sequence to an image."""

import numpy as np

from attncore.exercises.drivers import put_together
from attncore.exercises.exercise import case, code
from attncore.exercises.vision.cases import BYTES_STAY, IMAGES, drawn
from attncore.vision import patchify, unpatchify


def cut_up(image, size):
    return lambda rng, s: patchify(image(rng, s), size)


FILLED = "Raises ValueError where the patches do not fill the image."
exercise = code(
    unpatchify,
    *(
        case(name, patches=cut_up(image, size), size=size, height=height, width=width)
        for name, (image, size, height, width) in IMAGES.items()
    ),
    case("float32", dtype=np.float32, patches=lambda rng, s: rng.standard_normal((6, 12)), size=2, height=4, width=6),
    case(
        "bytes, to make a negative of",
        promise=BYTES_STAY,
        patches=cut_up(drawn(4, 2, 1, np.uint8), 2),
        size=2,
        height=4,
        width=2,
        is_negative=True,
    ),
    case("a patch too few", promise=FILLED, patches=lambda rng, s: np.zeros((5, 4)), size=2, height=4, width=6),
    drive=put_together,
)


@exercise.mistake("reshaped without swapping the axes")
def reshaped_without_swapping_the_axes(patches, size, height, width):
    return patches.reshape(height, width, -1)


@exercise.mistake("patches laid down column by column")
def patches_laid_down_column_by_column(patches, size, height, width):
    rows, columns = height // size, width // size
    grid = patches.reshape(columns, rows, size, size, -1)
    return grid.transpose(1, 2, 0, 3, 4).reshape(height, width, -1)


@exercise.mistake("pixels transposed inside each patch")
def pixels_transposed_inside_each_patch(patches, size, height, width):
    rows, columns = height // size, width // size
    grid = patches.reshape(rows, columns, size, size, -1)
    return grid.transpose(0, 3, 1, 2, 4).reshape(height, width, -1)


@exercise.mistake("rows and columns of patches mixed up")
def rows_and_columns_of_patches_mixed_up(patches, size, height, width):
    rows, columns = width // size, height // size
    grid = patches.reshape(rows, columns, size, size, -1)
    return grid.swapaxes(1, 2).reshape(height, width, -1)


@exercise.mistake("image lying on its side")
def image_lying_on_its_side(patches, size, height, width):
    return unpatchify(patches, size, height, width).swapaxes(0, 1)


@exercise.mistake("rows of patches from the bottom up")
def rows_of_patches_from_the_bottom_up(patches, size, height, width):
    rows, columns = height // size, width // size
    grid = patches.reshape(rows, columns, size, size, -1)[::-1]
    return grid.swapaxes(1, 2).reshape(height, width, -1)


@exercise.mistake("three channels taken for granted")
def three_channels_taken_for_granted(patches, size, height, width):
    grid = patches.reshape(height // size, width // size, size, size, 3)
    return grid.swapaxes(1, 2).reshape(height, width, 3)


@exercise.mistake("channels joined to the columns")
def channels_joined_to_the_columns(patches, size, height, width):
    return unpatchify(patches, size, height, width).reshape(height, -1)


@exercise.mistake("bytes become floats")
def bytes_become_floats(patches, size, height, width):
    return unpatchify(patches, size, height, width).astype(float)


def put_otherwise(label, *order):
    """A wrong solution that reads the patches' numbers as rows, columns, top, left, channel, in another order."""

    @exercise.mistake(label)
    def image(patches, size, height, width):
        grid = patches.reshape(height // size, width // size, size, size, -1)
        return grid.transpose(*order).reshape(height, width, -1)


put_otherwise("the pixels of a patch are spread over the image", 2, 0, 3, 1, 4)
put_otherwise("the pixels of a patch are spread over the image", 2, 0, 1, 3, 4)


@exercise.mistake("the pixels of a patch are spread over the image")
def spread_over_the_image(patches, size, height, width):
    grid = patches.reshape(size, size, height // size, width // size, -1)
    return grid.transpose(0, 2, 1, 3, 4).reshape(height, width, -1)


@exercise.mistake("cut up once more instead of put together")
def cut_up_once_more(patches, size, height, width):
    grid = patches.reshape(height // size, size, width // size, size, -1)
    return grid.swapaxes(1, 2).reshape(height, width, -1)


@exercise.mistake("a square image is taken for granted")
def square_image_taken_for_granted(patches, size, height, width):
    side = int(len(patches) ** 0.5)
    return patches.reshape(side, side, size, size, -1).swapaxes(1, 2).reshape(side * size, side * size, -1)


@exercise.mistake("everything becomes bytes")
def everything_becomes_bytes(patches, size, height, width):
    return unpatchify(patches, size, height, width).astype(np.uint8)


@exercise.mistake("the channels come first in the image")
def channels_first_in_the_image(patches, size, height, width):
    return np.moveaxis(unpatchify(patches, size, height, width), -1, 0)


@exercise.mistake("only the first channel")
def first_channel_alone(patches, size, height, width):
    return unpatchify(patches, size, height, width)[..., 0]


@exercise.other_convention("channels first in each patch")
def channels_first_in_each_patch(patches, size, height, width):
    rows, columns = height // size, width // size
    grid = patches.reshape(rows, columns, -1, size, size)
    return grid.transpose(0, 3, 1, 4, 2).reshape(height, width, -1)


@exercise.another_way
def put_down_one_by_one(patches, size, height, width):
    image = np.empty((height, width, patches.shape[1] // size**2), patches.dtype)
    columns = width // size
    for i, patch in enumerate(patches):
        top, left = i // columns * size, i % columns * size
        image[top : top + size, left : left + size] = patch.reshape(size, size, -1)
    return image


@exercise.another_way
def strip_by_strip(patches, size, height, width):
    squares = [patch.reshape(size, size, -1) for patch in patches]
    columns = width // size
    strips = [np.concatenate(squares[i : i + columns], axis=1) for i in range(0, len(squares), columns)]
    return np.concatenate(strips)


@exercise.another_way
def pixel_by_pixel(patches, size, height, width):
    channels = len(patches[0]) // size**2

    def pixel(y, x):
        place = (y % size * size + x % size) * channels
        return patches[y // size * (width // size) + x // size][place : place + channels]

    return [[pixel(y, x) for x in range(width)] for y in range(height)]
