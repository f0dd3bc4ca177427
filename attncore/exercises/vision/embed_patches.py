"""Everything before the first block."""

import numpy as np

from attncore.exercises.exercise import case, code
from attncore.exercises.softmax.cases import INTEGERS
from attncore.exercises.vision.cases import counted, drawn
from attncore.exercises.vision.patchify import (
    channels_first_inside_a_patch,
    patches_taken_column_by_column,
    pixels_of_a_patch_transposed,
)
from attncore.vision import embed_patches, patchify


def embed_case(name, height, width, channels, size, m, small=False, dtype=np.float64, image=None, **more):
    """A case of embed_patches; the image is drawn, or made by `image`."""
    n, p = height * width // size**2, size * size * channels

    def some(*shape):
        return lambda rng, s: np.round(rng.standard_normal(shape), 1 if small else 6) + 0.0  # no -0.0 in what is shown

    return case(
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


exercise = code(
    embed_patches,
    embed_case("a small example", 2, 4, 1, 2, 3, small=True, image=counted(2, 4, 1, float)),
    embed_case("another small example", 4, 2, 1, 2, 2, small=True),
    embed_case("no two axes of one length", 6, 8, 3, 2, 7),
    embed_case("patches of three", 6, 9, 2, 3, 5),
    embed_case("as wide as a patch", 4, 6, 3, 2, 12),
    embed_case("patches of one pixel", 3, 4, 2, 1, 5),
    embed_case("a single patch", 4, 4, 3, 4, 6),
    embed_case("bytes", 4, 6, 3, 2, 5, image=drawn(4, 6, 3, np.uint8), promise=INTEGERS),
    embed_case("integers", 2, 4, 1, 2, 3, small=True, image=counted(2, 4, 1), promise=INTEGERS),
    embed_case("float32", 4, 6, 3, 2, 5, dtype=np.float32),
)


@exercise.mistake("class token at the end")
def class_token_at_the_end(image, size, W, class_token, positions):
    patches = patchify(image, size)
    tokens = np.concatenate([patches @ W, class_token[None]])
    return tokens + positions


@exercise.mistake("positions never added")
def positions_never_added(image, size, W, class_token, positions):
    return np.concatenate([class_token[None], patchify(image, size) @ W])


@exercise.mistake("class token without a position")
def class_token_without_a_position(image, size, W, class_token, positions):
    return np.concatenate([class_token[None], patchify(image, size) @ W + positions[1:]])


@exercise.mistake("class token added to every patch")
def class_token_added_to_every_patch(image, size, W, class_token, positions):
    return patchify(image, size) @ W + class_token + positions[1:]


@exercise.mistake("class token left out")
def class_token_left_out(image, size, W, class_token, positions):
    return patchify(image, size) @ W + positions[1:]


@exercise.mistake("positions shifted by one")
def positions_shifted_by_one(image, size, W, class_token, positions):
    return np.concatenate([class_token[None], patchify(image, size) @ W]) + np.roll(positions, -1, axis=0)


@exercise.mistake("first position for every patch")
def first_position_for_every_patch(image, size, W, class_token, positions):
    return np.concatenate([class_token[None], patchify(image, size) @ W]) + positions[:1]


@exercise.mistake("mean of the patches in place of the class token")
def mean_of_the_patches_in_place_of_the_class_token(image, size, W, class_token, positions):
    patches = patchify(image, size) @ W
    return np.concatenate([patches.mean(axis=0, keepdims=True), patches]) + positions


@exercise.mistake("patches cut by a plain reshape")
def patches_cut_by_a_plain_reshape(image, size, W, class_token, positions):
    patches = image.reshape(-1, size * size * image.shape[-1])
    return np.concatenate([class_token[None], patches @ W]) + positions


@exercise.mistake("pixels transposed before the projection")
def pixels_transposed_before_the_projection(image, size, W, class_token, positions):
    patches = pixels_of_a_patch_transposed(image, size)
    return np.concatenate([class_token[None], patches @ W]) + positions


@exercise.mistake("projection transposed")
def projection_transposed(image, size, W, class_token, positions):
    return embed_patches(image, size, W.T, class_token, positions)


@exercise.mistake("dtype of the image kept")
def dtype_of_the_image_kept(image, size, W, class_token, positions):
    return embed_patches(image, size, W, class_token, positions).astype(image.dtype)


@exercise.mistake("image divided by 255")
def image_divided_by_255(image, size, W, class_token, positions):
    return embed_patches(image / 255, size, W, class_token, positions)


def embedded(patches, W, class_token, positions):
    return np.concatenate([class_token[None], patches @ W]) + positions


@exercise.mistake("positions shifted by one")
def positions_from_the_class_token_on(image, size, W, class_token, positions):
    return np.concatenate([class_token[None], patchify(image, size) @ W + positions[:-1]])


@exercise.mistake("positions multiplied instead of added")
def positions_multiplied(image, size, W, class_token, positions):
    return np.concatenate([class_token[None], patchify(image, size) @ W]) * positions


@exercise.mistake("positions in reverse")
def positions_in_reverse(image, size, W, class_token, positions):
    return embedded(patchify(image, size), W, class_token, positions[::-1])


@exercise.mistake("class token added to every patch")
def class_token_added_to_every_patch_and_put_first(image, size, W, class_token, positions):
    patches = patchify(image, size) @ W + class_token
    return np.concatenate([class_token[None], patches]) + positions


@exercise.mistake("tokens scaled by the root of the width")
def scaled_by_the_root_of_the_width(image, size, W, class_token, positions):
    tokens = np.concatenate([class_token[None], patchify(image, size) @ W])
    return tokens * np.sqrt(W.shape[1]).astype(W.dtype) + positions


@exercise.mistake("patches taken column by column")
def patches_column_by_column(image, size, W, class_token, positions):
    return embedded(patches_taken_column_by_column(image, size), W, class_token, positions)


@exercise.mistake("zeros in place of the class token")
def zeros_in_place_of_the_class_token(image, size, W, class_token, positions):
    return embed_patches(image, size, W, 0 * class_token, positions)


@exercise.mistake("each token is normalized at the end")
def normalized_at_the_end(image, size, W, class_token, positions):
    tokens = embed_patches(image, size, W, class_token, positions)
    centered = tokens - tokens.mean(axis=-1, keepdims=True)
    return centered / np.sqrt(np.mean(centered**2, axis=-1, keepdims=True) + 1e-5)


@exercise.mistake("each token is normalized at the end")
def normalized_without_eps(image, size, W, class_token, positions):
    tokens = embed_patches(image, size, W, class_token, positions)
    return (tokens - tokens.mean(axis=-1, keepdims=True)) / tokens.std(axis=-1, keepdims=True)


@exercise.other_convention("kernel with channels first")
def kernel_with_channels_first(image, size, W, class_token, positions):
    patches = channels_first_inside_a_patch(image, size)
    return np.concatenate([class_token[None], patches @ W]) + positions


@exercise.another_way
def as_a_convolution(image, size, W, class_token, positions):
    height, width, channels = image.shape
    windows = image.reshape(height // size, size, width // size, size, channels)
    kernel = W.reshape(size, size, channels, -1)
    patches = np.einsum("rycxk,yxkm->rcm", windows, kernel)
    return np.vstack([class_token, patches.reshape(-1, W.shape[1])]) + positions


@exercise.another_way
def added_in_place(image, size, W, class_token, positions):
    tokens = np.array(positions, dtype=float)
    tokens[0] += class_token
    tokens[1:] += patchify(image, size) @ W
    return tokens


@exercise.another_way
def token_by_token(image, size, W, class_token, positions):
    rows = [class_token, *(patch @ W for patch in patchify(image, size))]
    return [row + position for row, position in zip(rows, positions, strict=True)]
