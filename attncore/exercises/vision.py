"""Lesson 10: images as sequences of patches."""

import numpy as np

from attncore.exercises.exercise import Lesson, case
from attncore.vision import embed_patches, patchify, resize_positions, unpatchify

lesson = Lesson("10_vision")


def counted(height, width, channels, dtype=np.int64):
    """An image whose numbers count up, so that a reader sees where each one goes."""

    def make(rng, s):
        return np.arange(height * width * channels, dtype=dtype).reshape(height, width, channels)

    return make


def drawn(height, width, channels, dtype=np.float64):
    def make(rng, s):
        if dtype == np.uint8:
            return rng.integers(0, 256, (height, width, channels), dtype=np.uint8)
        return rng.standard_normal((height, width, channels))

    return make


IMAGES = {  # name: image, size, height, width
    "a small example": (counted(4, 6, 1), 2, 4, 6),
    "another small example": (counted(4, 2, 3), 2, 4, 2),
    "no two axes of one length": (drawn(8, 6, 3), 2, 8, 6),
    "patches of three, two channels": (drawn(6, 9, 2), 3, 6, 9),
    "patches of four": (drawn(8, 12, 3), 4, 8, 12),
    "a square image": (drawn(6, 6, 3), 2, 6, 6),
    "patches of one pixel": (drawn(3, 5, 2), 1, 3, 5),
    "a single patch": (drawn(4, 4, 3), 4, 4, 4),
    "bytes": (drawn(4, 8, 3, np.uint8), 2, 4, 8),
}

cut = lesson.code(
    patchify,
    [
        *(case(patchify, name, image=image, size=size) for name, (image, size, _, _) in IMAGES.items()),
        case(patchify, "float32", dtype=np.float32, sizes={"H": 4, "W": 6}, size=2),
    ],
)


@cut.mistake
def reshape_without_swapping_the_axes(image, size):
    return image.reshape(-1, size * size * image.shape[-1])


@cut.mistake
def patches_taken_column_by_column(image, size):
    height, width, channels = image.shape
    grid = image.reshape(height // size, size, width // size, size, channels)
    return grid.transpose(2, 0, 1, 3, 4).reshape(-1, size * size * channels)


@cut.mistake
def pixels_of_a_patch_transposed(image, size):
    height, width, channels = image.shape
    grid = image.reshape(height // size, size, width // size, size, channels)
    return grid.transpose(0, 2, 3, 1, 4).reshape(-1, size * size * channels)


@cut.mistake
def patches_that_overlap(image, size):
    windows = np.lib.stride_tricks.sliding_window_view(image, (size, size), axis=(0, 1))
    return np.moveaxis(windows, 2, -1).reshape(-1, size * size * image.shape[-1])


@cut.mistake
def height_and_width_mixed_up(image, size):
    height, width, channels = image.shape
    grid = image.reshape(width // size, size, height // size, size, channels)
    return grid.swapaxes(1, 2).reshape(-1, size * size * channels)


@cut.mistake
def pixels_collected_from_all_over_the_image(image, size):
    height, width, channels = image.shape
    grid = image.reshape(size, height // size, size, width // size, channels)
    return grid.transpose(1, 3, 0, 2, 4).reshape(-1, size * size * channels)


@cut.mistake
def size_taken_for_the_number_of_patches_along_a_side(image, size):
    height, width, channels = image.shape
    grid = image.reshape(size, height // size, size, width // size, channels)
    return grid.swapaxes(1, 2).reshape(size * size, -1)


@cut.mistake
def patches_left_as_squares(image, size):
    return patchify(image, size).reshape(-1, size, size, image.shape[-1])


@cut.mistake
def patches_left_in_their_grid(image, size):
    height, width, _ = image.shape
    return patchify(image, size).reshape(height // size, width // size, -1)


@cut.mistake
def pixels_divided_by_255(image, size):
    return patchify(image, size) / 255


@cut.other_convention
def channels_first_inside_a_patch(image, size):
    height, width, channels = image.shape
    grid = image.reshape(height // size, size, width // size, size, channels)
    return grid.transpose(0, 2, 4, 1, 3).reshape(-1, size * size * channels)


@cut.another_way
def square_by_square(image, size):
    height, width, _ = image.shape
    return [
        image[top : top + size, left : left + size].ravel()
        for top in range(0, height, size)
        for left in range(0, width, size)
    ]


@cut.another_way
def every_size_th_window(image, size):
    windows = np.lib.stride_tricks.sliding_window_view(image, (size, size), axis=(0, 1))
    return np.moveaxis(windows[::size, ::size], 2, -1).reshape(-1, size * size * image.shape[-1])


@cut.another_way
def split_twice(image, size):
    height, width, _ = image.shape
    strips = np.split(image, height // size, axis=0)
    return np.stack([square.reshape(-1) for strip in strips for square in np.split(strip, width // size, axis=1)])


def cut_up(image, size):
    return lambda rng, s: patchify(image(rng, s), size)


joined = lesson.code(
    unpatchify,
    [
        *(
            case(unpatchify, name, patches=cut_up(image, size), size=size, height=height, width=width)
            for name, (image, size, height, width) in IMAGES.items()
        ),
        case(
            unpatchify,
            "float32",
            dtype=np.float32,
            patches=lambda rng, s: rng.standard_normal((6, 12)),
            size=2,
            height=4,
            width=6,
        ),
    ],
)


@joined.mistake
def reshaped_without_swapping_the_axes(patches, size, height, width):
    return patches.reshape(height, width, -1)


@joined.mistake
def patches_laid_down_column_by_column(patches, size, height, width):
    rows, columns = height // size, width // size
    grid = patches.reshape(columns, rows, size, size, -1)
    return grid.transpose(1, 2, 0, 3, 4).reshape(height, width, -1)


@joined.mistake
def pixels_transposed_inside_each_patch(patches, size, height, width):
    rows, columns = height // size, width // size
    grid = patches.reshape(rows, columns, size, size, -1)
    return grid.transpose(0, 3, 1, 2, 4).reshape(height, width, -1)


@joined.mistake
def rows_and_columns_of_patches_mixed_up(patches, size, height, width):
    rows, columns = width // size, height // size
    grid = patches.reshape(rows, columns, size, size, -1)
    return grid.swapaxes(1, 2).reshape(height, width, -1)


@joined.mistake
def image_lying_on_its_side(patches, size, height, width):
    return unpatchify(patches, size, height, width).swapaxes(0, 1)


@joined.mistake
def rows_of_patches_from_the_bottom_up(patches, size, height, width):
    rows, columns = height // size, width // size
    grid = patches.reshape(rows, columns, size, size, -1)[::-1]
    return grid.swapaxes(1, 2).reshape(height, width, -1)


@joined.mistake
def three_channels_taken_for_granted(patches, size, height, width):
    grid = patches.reshape(height // size, width // size, size, size, 3)
    return grid.swapaxes(1, 2).reshape(height, width, 3)


@joined.mistake
def channels_joined_to_the_columns(patches, size, height, width):
    return unpatchify(patches, size, height, width).reshape(height, -1)


@joined.other_convention
def channels_first_in_each_patch(patches, size, height, width):
    rows, columns = height // size, width // size
    grid = patches.reshape(rows, columns, -1, size, size)
    return grid.transpose(0, 3, 1, 4, 2).reshape(height, width, -1)


@joined.another_way
def put_down_one_by_one(patches, size, height, width):
    image = np.empty((height, width, patches.shape[1] // size**2), patches.dtype)
    columns = width // size
    for i, patch in enumerate(patches):
        top, left = i // columns * size, i % columns * size
        image[top : top + size, left : left + size] = patch.reshape(size, size, -1)
    return image


@joined.another_way
def strip_by_strip(patches, size, height, width):
    squares = [patch.reshape(size, size, -1) for patch in patches]
    columns = width // size
    strips = [np.concatenate(squares[i : i + columns], axis=1) for i in range(0, len(squares), columns)]
    return np.concatenate(strips)


@joined.another_way
def pixel_by_pixel(patches, size, height, width):
    channels = len(patches[0]) // size**2

    def pixel(y, x):
        place = (y % size * size + x % size) * channels
        return patches[y // size * (width // size) + x // size][place : place + channels]

    return [[pixel(y, x) for x in range(width)] for y in range(height)]


def embed_case(name, height, width, channels, size, m, small=False, dtype=np.float64, image=None, **more):
    """A case of embed_patches; the image is drawn, or made by `image`."""
    n, p = height * width // size**2, size * size * channels

    def some(*shape):
        return lambda rng, s: np.round(rng.standard_normal(shape), 1 if small else 6) + 0.0  # no -0.0 in what is shown

    return case(
        embed_patches,
        name,
        small=small,
        dtype=dtype,
        sizes={"H": height, "W": width, "c": channels},
        size=size,
        W=some(p, m),
        class_token=some(m),
        positions=some(n + 1, m),
        **({} if image is None else {"image": image}),
        **more,
    )


embedded = lesson.code(
    embed_patches,
    [
        embed_case("a small example", 2, 4, 1, 2, 3, small=True, image=counted(2, 4, 1)),
        embed_case("another small example", 4, 2, 1, 2, 2, small=True),
        embed_case("no two axes of one length", 6, 8, 3, 2, 7),
        embed_case("patches of three", 6, 9, 2, 3, 5),
        embed_case("as wide as a patch", 4, 6, 3, 2, 12),
        embed_case("patches of one pixel", 3, 4, 2, 1, 5),
        embed_case("a single patch", 4, 4, 3, 4, 6),
        embed_case("bytes", 4, 6, 3, 2, 5, image=drawn(4, 6, 3, np.uint8)),
        embed_case("float32", 4, 6, 3, 2, 5, dtype=np.float32),
    ],
)


@embedded.mistake
def class_token_at_the_end(image, size, W, class_token, positions):
    patches = patchify(image, size)
    tokens = np.concatenate([patches @ W, class_token[None]])
    return tokens + positions


@embedded.mistake
def positions_never_added(image, size, W, class_token, positions):
    return np.concatenate([class_token[None], patchify(image, size) @ W])


@embedded.mistake
def class_token_without_a_position(image, size, W, class_token, positions):
    return np.concatenate([class_token[None], patchify(image, size) @ W + positions[1:]])


@embedded.mistake
def class_token_added_to_every_patch(image, size, W, class_token, positions):
    return patchify(image, size) @ W + class_token + positions[1:]


@embedded.mistake
def class_token_left_out(image, size, W, class_token, positions):
    return patchify(image, size) @ W + positions[1:]


@embedded.mistake
def positions_shifted_by_one(image, size, W, class_token, positions):
    return np.concatenate([class_token[None], patchify(image, size) @ W]) + np.roll(positions, -1, axis=0)


@embedded.mistake
def first_position_for_every_patch(image, size, W, class_token, positions):
    return np.concatenate([class_token[None], patchify(image, size) @ W]) + positions[:1]


@embedded.mistake
def mean_of_the_patches_in_place_of_the_class_token(image, size, W, class_token, positions):
    patches = patchify(image, size) @ W
    return np.concatenate([patches.mean(axis=0, keepdims=True), patches]) + positions


@embedded.mistake
def patches_cut_by_a_plain_reshape(image, size, W, class_token, positions):
    patches = image.reshape(-1, size * size * image.shape[-1])
    return np.concatenate([class_token[None], patches @ W]) + positions


@embedded.mistake
def pixels_transposed_before_the_projection(image, size, W, class_token, positions):
    patches = pixels_of_a_patch_transposed(image, size)
    return np.concatenate([class_token[None], patches @ W]) + positions


@embedded.mistake
def projection_transposed(image, size, W, class_token, positions):
    return embed_patches(image, size, W.T, class_token, positions)


@embedded.mistake
def image_divided_by_255(image, size, W, class_token, positions):
    return embed_patches(image / 255, size, W, class_token, positions)


@embedded.other_convention
def kernel_with_channels_first(image, size, W, class_token, positions):
    patches = channels_first_inside_a_patch(image, size)
    return np.concatenate([class_token[None], patches @ W]) + positions


@embedded.another_way
def as_a_convolution(image, size, W, class_token, positions):
    height, width, channels = image.shape
    windows = image.reshape(height // size, size, width // size, size, channels)
    kernel = W.reshape(size, size, channels, -1)
    patches = np.einsum("rycxk,yxkm->rcm", windows, kernel)
    return np.vstack([class_token, patches.reshape(-1, W.shape[1])]) + positions


@embedded.another_way
def added_in_place(image, size, W, class_token, positions):
    tokens = np.array(positions, dtype=float)
    tokens[0] += class_token
    tokens[1:] += patchify(image, size) @ W
    return tokens


@embedded.another_way
def token_by_token(image, size, W, class_token, positions):
    rows = [class_token, *(patch @ W for patch in patchify(image, size))]
    return [row + position for row, position in zip(rows, positions, strict=True)]


def resize_case(name, old, new, m, small=False, dtype=np.float64, **more):
    def positions(rng, s):
        return np.round(rng.standard_normal((old * old + 1, m)), 1 if small else 6)

    return case(resize_positions, name, dtype=dtype, positions=positions, old=old, new=new, **more)


resized = lesson.code(
    resize_positions,
    [
        resize_case("a small example", 2, 4, 1, small=True),
        resize_case("another small example", 2, 3, 2, small=True),
        resize_case("three to five", 3, 5, 4),
        resize_case("four to seven", 4, 7, 3),
        resize_case("the same grid", 3, 3, 5),
        resize_case("a smaller grid", 6, 4, 3, stage="a smaller grid"),
        resize_case("half as many", 6, 3, 2, stage="a smaller grid"),
        resize_case("from a single patch", 1, 3, 4),
        resize_case("to a single patch", 3, 1, 4, stage="a smaller grid"),
        resize_case("float32", 3, 4, 5, dtype=np.float32),
    ],
)


def stretched(positions, old, new, weights):
    """The grid of patches under (new, old) weights for its rows and columns, after the class token's row."""
    grid = positions[1:].reshape(old, old, -1)
    return np.concatenate([positions[:1], np.einsum("ai,bj,ijm->abm", weights, weights, grid).reshape(new * new, -1)])


def triangles(at, old):
    return np.maximum(0, 1 - np.abs(at[:, None] - np.arange(old)))


def centres(old, new):
    return (np.arange(new) + 0.5) * old / new - 0.5


@resized.mistake
def half_pixel_forgotten(positions, old, new):
    at = np.clip(np.arange(new) * old / new, 0, old - 1)
    weights = np.maximum(0, 1 - np.abs(at[:, None] - np.arange(old)))
    grid = positions[1:].reshape(old, old, -1)
    stretched = np.einsum("ai,bj,ijm->abm", weights, weights, grid)
    return np.concatenate([positions[:1], stretched.reshape(new * new, -1)])


@resized.mistake
def edges_not_clamped(positions, old, new):
    return stretched(positions, old, new, triangles(centres(old, new), old))


@resized.mistake
def nearest_neighbour(positions, old, new):
    nearest = np.clip(np.floor(centres(old, new) + 0.5), 0, old - 1)
    return stretched(positions, old, new, triangles(nearest, old))


@resized.mistake
def rows_and_columns_swapped(positions, old, new):
    at = np.clip(centres(old, new), 0, old - 1)
    grid = positions[1:].reshape(old, old, -1).swapaxes(0, 1)
    turned = np.concatenate([positions[:1], grid.reshape(old * old, -1)])
    return stretched(turned, old, new, triangles(at, old))


@resized.mistake
def stretched_along_the_flat_sequence(positions, old, new):
    at = np.clip(centres(old * old, new * new), 0, old * old - 1)
    return np.concatenate([positions[:1], triangles(at, old * old) @ positions[1:]])


@resized.mistake
def class_token_dropped(positions, old, new):
    return resize_positions(positions, old, new)[1:]


@resized.mistake
def last_row_taken_for_the_class_token(positions, old, new):
    turned = np.concatenate([positions[-1:], positions[:-1]])
    new_rows = resize_positions(turned, old, new)
    return np.concatenate([new_rows[1:], new_rows[:1]])


@resized.mistake
def class_token_resized_with_the_patches(positions, old, new):
    at = np.clip(centres(old * old + 1, new * new + 1), 0, old * old)
    return triangles(at, old * old + 1) @ positions


@resized.mistake
def class_token_set_to_zero(positions, old, new):
    rows = resize_positions(positions, old, new)
    return np.concatenate([np.zeros_like(rows[:1]), rows[1:]])


@resized.mistake
def old_grid_repeated_like_tiles(positions, old, new):
    grid = positions[1:].reshape(old, old, -1)
    places = np.arange(new) % old
    return np.concatenate([positions[:1], grid[places][:, places].reshape(new * new, -1)])


@resized.mistake
def only_the_columns_interpolated(positions, old, new):
    at = np.clip(centres(old, new), 0, old - 1)
    grid = positions[1:].reshape(old, old, -1)[np.round(at).astype(int)]
    rows = np.einsum("bj,ajm->abm", triangles(at, old), grid)
    return np.concatenate([positions[:1], rows.reshape(new * new, -1)])


@resized.other_convention
def corners_aligned(positions, old, new):
    return stretched(positions, old, new, triangles(np.linspace(0, old - 1, new), old))


@resized.other_convention
def smoothed_before_it_shrinks(positions, old, new):
    wide = max(1, old / new)
    distance = np.abs(centres(old, new)[:, None] - np.arange(old)) / wide
    weights = np.maximum(0, 1 - distance)
    return stretched(positions, old, new, weights / weights.sum(axis=1, keepdims=True))


@resized.another_way
def four_neighbours(positions, old, new):
    at = np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
    low = at.astype(int)
    high, share = np.minimum(low + 1, old - 1), (at - low)[:, None]
    grid = positions[1:].reshape(old, old, -1)
    rows = grid[low] * (1 - share[..., None]) + grid[high] * share[..., None]
    both = rows[:, low] * (1 - share) + rows[:, high] * share
    return np.vstack([positions[:1], both.reshape(new * new, -1)])


@resized.another_way
def column_by_column_with_interp(positions, old, new):
    at = (np.arange(new) + 0.5) * old / new - 0.5
    grid = positions[1:].reshape(old, old, -1)
    rows = np.apply_along_axis(lambda line: np.interp(at, np.arange(old), line), 0, grid)
    both = np.apply_along_axis(lambda line: np.interp(at, np.arange(old), line), 1, rows)
    return np.concatenate([positions[:1], both.reshape(new * new, -1)])


lesson.debug("fix_patchify", cut, pixels_of_a_patch_transposed)
lesson.debug("fix_unpatchify", joined, rows_and_columns_of_patches_mixed_up)
lesson.debug("fix_embed_patches", embedded, class_token_at_the_end)
lesson.debug("fix_resize_positions", resized, half_pixel_forgotten)

lesson.predict(
    "patches-of-the-photograph",
    lambda: (144, 192),
    channels_forgotten=lambda: (144, 64),
    only_the_patches_of_one_row=lambda: (12, 192),
    twelve_taken_for_the_size=lambda: (64, 432),
)
lesson.predict(
    "second-patch",
    lambda: (2, 3, 8, 9),
    the_next_four_in_reading_order=lambda: (4, 5, 6, 7),
    the_patch_below=lambda: (12, 13, 18, 19),
    columns_before_rows=lambda: (2, 8, 3, 9),
    moved_on_by_one_pixel=lambda: (1, 2, 7, 8),
)
lesson.predict(
    "shuffled-patches",
    lambda: "the same output",
    order_of_the_keys=lambda: "another output",
    the_class_token_moves_too=lambda: "the same output, its entries in another order",
)
lesson.predict(
    "stretched-position",
    lambda: 1.0,
    corners_aligned=lambda: 4 / 3,
    nearest_neighbour=lambda: 0.0,
    half_pixel_forgotten=lambda: 2.0,
)
lesson.numeric(
    "pixel-score-bytes",
    lambda: (512 * 512) ** 2 * 2,
    numbers_not_bytes=lambda: (512 * 512) ** 2,
    one_score_a_pixel=lambda: 512 * 512 * 2,
)
lesson.numeric(
    "vit-tokens-at-448",
    lambda: 32 * 32 + 1,
    tolerance=1e-4,
    class_token_forgotten=lambda: 32 * 32,
    patches_of_one_row=lambda: 32,
    tokens_at_224=lambda: 16 * 16 + 1,
)
lesson.numeric(
    "vit-patch-parameters",
    lambda: 16 * 16 * 3 * 768 + 768,
    tolerance=1e-4,
    bias_forgotten=lambda: 16 * 16 * 3 * 768,
    one_channel_only=lambda: 16 * 16 * 768 + 768,
    one_projection_for_each_patch=lambda: 196 * (16 * 16 * 3 * 768 + 768),
)
lesson.numeric(
    "vit-score-growth",
    lambda: (577 / 197) ** 2,
    tolerance=0.02,
    tokens_not_pairs=lambda: 577 / 197,
    only_one_side_of_the_image=lambda: 384 / 224,
)
lesson.numeric(
    "patches-half-as-wide",
    lambda: 16,
    tolerance=0.02,
    tokens_not_pairs=lambda: 4,
    only_one_side_of_the_patch=lambda: 2,
)

lesson.explain(
    "why-patches",
    "patches-are-a-convolution",
    "class-token-or-mean",
    "vit-and-data",
    "vit-at-another-resolution",
    "detection-and-segmentation",
)
