"""From an image to its class, through the row that the classifier reads."""

import numpy as np

from attncore.dot_product import scaled_dot_product_attention
from attncore.exercises.exercise import case, code
from attncore.exercises.heads.cases import matrix
from attncore.shapes import shaped
from attncore.softmax import softmax
from attncore.vision import embed_patches, patchify


def tokens_of(image, size, W_patch, class_token, positions):
    pixels = image / 255
    patches = patchify(pixels, size) @ W_patch
    rows = np.concatenate([class_token[None], patches])
    return rows + positions


def attend(x, W_query, W_key, W_value):
    query, key, value = x @ W_query, x @ W_key, x @ W_value
    return scaled_dot_product_attention(query, key, value)


@shaped("(H,W,c):any,_,(p,m),(m),(n+1,m),(m,d),(m,d),(m,m),(m,z)->(z)", axes={"n": "patch", "z": "class"})
def fix_image_classes(image, size, W_patch, class_token, positions, W_query, W_key, W_value, W_classes):
    """Tell how probable each class is for an image of bytes, as a small ViT does.

    Bytes are divided by 255. Published weights are to fit: the class token's row of the positions is the first, the
    patches follow row by row. One attention with a residual, then the classes are read from the
    class token. Dosovitskiy et al. (2020).
    """
    x = tokens_of(image, size, W_patch, class_token, positions)
    x = x + attend(x, W_query, W_key, W_value)
    state = x[0]
    return softmax(state @ W_classes)


def image_case(name, height, width, channels, size, small=False):
    n, p = height * width // size**2, size * size * channels

    def some(*shape):
        return lambda rng, s: np.round(rng.standard_normal([s.get(axis, axis) for axis in shape]), 1) + 0.0

    return case(
        name,
        small=small,
        sizes={"m": 4 if small else 12, "z": 3 if small else 7},
        image=lambda rng, s: rng.integers(0, 256, (height, width, channels), dtype=np.uint8),
        size=size,
        W_patch=matrix(p, "m"),
        class_token=some("m"),
        positions=some(n + 1, "m"),
        W_query=matrix("m", "d"),
        W_key=matrix("m", "d"),
        W_value=matrix("m", "m"),
        W_classes=some("m", "z"),
    )


exercise = code(
    fix_image_classes,
    image_case("a single patch", 2, 2, 1, 2, small=True),
    image_case("two patches", 2, 4, 1, 2, small=True),
    image_case("two patches, one above the other", 4, 2, 1, 2, small=True),
    image_case("no two axes of one length", 6, 8, 3, 2),
    image_case("a square image", 6, 6, 3, 3),
    image_case("patches of one pixel", 3, 5, 2, 1),
    bug="the class token stands at the end",
)


def tokens_of_(image, size, W_patch, class_token, positions):
    pixels = image / 255
    patches = patchify(pixels, size) @ W_patch
    rows = np.concatenate([patches, class_token[None]])
    return rows + positions


@exercise.mistake("the class token stands at the end")
def read_in_front(image, size, W_patch, class_token, positions, W_query, W_key, W_value, W_classes):
    x = tokens_of_(image, size, W_patch, class_token, positions)
    x = x + attend(x, W_query, W_key, W_value)
    state = x[0]
    return softmax(state @ W_classes)


def classified(x, W_query, W_key, W_value, W_classes, read=lambda x: x[0]):
    return softmax(read(x + attend(x, W_query, W_key, W_value)) @ W_classes)


@exercise.mistake("the right row is read, and the positions are off by one")
def read_at_the_end(image, size, W_patch, class_token, positions, *weights):
    return classified(tokens_of_(image, size, W_patch, class_token, positions), *weights, read=lambda x: x[-1])


@exercise.mistake("the class token has no position")
def without_a_position(image, size, W_patch, class_token, positions, *weights):
    patches = patchify(image / 255, size) @ W_patch + positions[1:]
    return classified(np.concatenate([class_token[None], patches]), *weights)


@exercise.mistake("the mean of all rows is read")
def mean_read(image, size, W_patch, class_token, positions, *weights):
    x = tokens_of(image, size, W_patch, class_token, positions)
    return classified(x, *weights, read=lambda x: x.mean(axis=0))


@exercise.mistake("the right row is read, and the positions are off by one")
def last_position_in_front(image, size, W_patch, class_token, positions, *weights):
    return classified(tokens_of(image, size, W_patch, class_token, np.roll(positions, 1, axis=0)), *weights)


@exercise.another_way
def only_the_row_that_is_read(image, size, W_patch, class_token, positions, W_query, W_key, W_value, W_classes):
    x = embed_patches(image / 255, size, W_patch, class_token, positions)
    attended = scaled_dot_product_attention(x[:1] @ W_query, x @ W_key, x @ W_value)
    return softmax((x[:1] + attended)[0] @ W_classes)
