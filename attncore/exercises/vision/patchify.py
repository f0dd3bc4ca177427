"""From an image to a sequence."""

import numpy as np

from attncore.exercises.drivers import cut
from attncore.exercises.exercise import case, code
from attncore.exercises.vision.cases import BYTES_STAY, IMAGES, counted, drawn
from attncore.vision import patchify

NO_REMAINDER = "Raises ValueError where the size does not divide height and width."
exercise = code(
    patchify,
    *(case(name, image=image, size=size) for name, (image, size, _, _) in IMAGES.items()),
    case("float32", dtype=np.float32, sizes={"H": 4, "W": 6}, size=2),
    case("bytes, to make a negative of", promise=BYTES_STAY, image=drawn(4, 2, 1, np.uint8), size=2, is_negative=True),
    case("a size that does not divide the height", promise=NO_REMAINDER, image=counted(5, 4, 1), size=2),
    case("a size that does not divide the width", promise=NO_REMAINDER, image=counted(4, 5, 1), size=2),
    drive=cut,
)


@exercise.mistake("reshape without swapping the axes")
def reshape_without_swapping_the_axes(image, size):
    return image.reshape(-1, size * size * image.shape[-1])


@exercise.mistake("patches taken column by column")
def patches_taken_column_by_column(image, size):
    height, width, channels = image.shape
    grid = image.reshape(height // size, size, width // size, size, channels)
    return grid.transpose(2, 0, 1, 3, 4).reshape(-1, size * size * channels)


@exercise.mistake("pixels of a patch transposed")
def pixels_of_a_patch_transposed(image, size):
    height, width, channels = image.shape
    grid = image.reshape(height // size, size, width // size, size, channels)
    return grid.transpose(0, 2, 3, 1, 4).reshape(-1, size * size * channels)


@exercise.mistake("patches that overlap")
def patches_that_overlap(image, size):
    windows = np.lib.stride_tricks.sliding_window_view(image, (size, size), axis=(0, 1))
    return np.moveaxis(windows, 2, -1).reshape(-1, size * size * image.shape[-1])


@exercise.mistake("height and width mixed up")
def height_and_width_mixed_up(image, size):
    height, width, channels = image.shape
    grid = image.reshape(width // size, size, height // size, size, channels)
    return grid.swapaxes(1, 2).reshape(-1, size * size * channels)


@exercise.mistake("pixels collected from all over the image")
def pixels_collected_from_all_over_the_image(image, size):
    height, width, channels = image.shape
    grid = image.reshape(size, height // size, size, width // size, channels)
    return grid.transpose(1, 3, 0, 2, 4).reshape(-1, size * size * channels)


@exercise.mistake("size taken for the number of patches along a side")
def size_taken_for_the_number_of_patches_along_a_side(image, size):
    height, width, channels = image.shape
    grid = image.reshape(size, height // size, size, width // size, channels)
    return grid.swapaxes(1, 2).reshape(size * size, -1)


@exercise.mistake("what does not fit is cut off")
def what_does_not_fit_is_cut_off(image, size):
    height, width = image.shape[0] // size * size, image.shape[1] // size * size
    return patchify(image[:height, :width], size)


@exercise.mistake("patches left as squares")
def patches_left_as_squares(image, size):
    return patchify(image, size).reshape(-1, size, size, image.shape[-1])


@exercise.mistake("patches left in their grid")
def patches_left_in_their_grid(image, size):
    height, width, _ = image.shape
    return patchify(image, size).reshape(height // size, width // size, -1)


@exercise.mistake("pixels divided by 255")
def pixels_divided_by_255(image, size):
    return patchify(image, size) / 255


@exercise.mistake("bytes become floats")
def bytes_become_floats(image, size):
    return patchify(image, size).astype(float)


@exercise.mistake("a column for each patch")
def column_for_each_patch(image, size):
    return patchify(image, size).T


@exercise.mistake("only the first channel")
def first_channel_alone(image, size):
    return patchify(image[..., :1], size)


@exercise.mistake("the mean color of each patch")
def mean_color_of_each_patch(image, size):
    return patchify(image, size).reshape(-1, size * size, image.shape[-1]).mean(axis=1)


@exercise.mistake("every second row of patches from right to left")
def rows_there_and_back(image, size):
    grid = patches_left_in_their_grid(image, size)
    return np.concatenate([row[::-1] if i % 2 else row for i, row in enumerate(grid)])


@exercise.other_convention("channels first inside a patch")
def channels_first_inside_a_patch(image, size):
    height, width, channels = image.shape
    grid = image.reshape(height // size, size, width // size, size, channels)
    return grid.transpose(0, 2, 4, 1, 3).reshape(-1, size * size * channels)


@exercise.another_way
def square_by_square(image, size):
    height, width, _ = image.shape
    return [
        image[top : top + size, left : left + size].ravel()
        for top in range(0, height, size)
        for left in range(0, width, size)
    ]


@exercise.another_way
def split_twice(image, size):
    height, width, _ = image.shape
    strips = np.split(image, height // size, axis=0)
    return np.stack([square.reshape(-1) for strip in strips for square in np.split(strip, width // size, axis=1)])
