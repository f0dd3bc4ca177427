"""Images as sequences: patches, tokens, and positions that stretch."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from attncore import loops
from attncore.vision import embed_patches, patchify, resize_positions, unpatchify

pytestmark = pytest.mark.filterwarnings("error")

sizes = st.tuples(*[st.integers(1, 4)] * 4)  # rows and columns of patches, size, channels


def counted(height, width, channels, dtype=int):
    """An image in which every number is another."""
    return np.arange(height * width * channels, dtype=dtype).reshape(height, width, channels)


@given(sizes)
def test_patches_are_their_loop(sizes):
    rows, columns, size, channels = sizes
    image = counted(rows * size, columns * size, channels)
    patches = patchify(image, size)
    assert patches.shape == (rows * columns, size * size * channels)
    assert_array_equal(patches, loops.patchify(image, size))


@given(sizes)
def test_unpatchify_is_its_loop_and_inverts_patchify(sizes):
    rows, columns, size, channels = sizes
    image = counted(rows * size, columns * size, channels)
    patches = patchify(image, size)
    assert_array_equal(loops.unpatchify(patches, size, *image.shape[:2]), image)
    assert_array_equal(unpatchify(patches, size, *image.shape[:2]), image)


def test_patches_by_hand():
    image = [[[1], [2], [3], [4]], [[5], [6], [7], [8]]]
    assert_array_equal(patchify(image, 2), [[1, 2, 5, 6], [3, 4, 7, 8]])
    assert_array_equal(patchify([[[1, 2], [3, 4]]], 1), [[1, 2], [3, 4]])


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64, bool])
def test_the_dtype_stays(dtype):
    patches = patchify(np.ones((4, 6, 3), dtype), 2)
    assert patches.dtype == unpatchify(patches, 2, 4, 6).dtype == dtype


def test_the_image_is_left_alone_and_the_patches_are_a_copy():
    image = counted(4, 6, 3)
    patches = patchify(image, 2)
    assert not np.shares_memory(patches, image)
    image.setflags(write=False)
    patchify(image, 2), unpatchify(patches, 2, 4, 6)


def test_embedded_patches_are_their_loop(rng):
    image, W = rng.standard_normal((6, 9, 2)), rng.standard_normal((18, 7))
    class_token, positions = rng.standard_normal(7), rng.standard_normal((7, 7))
    tokens = embed_patches(image, 3, W, class_token, positions)
    assert_allclose(tokens, loops.embed_patches(image, 3, W, class_token, positions))
    assert_allclose(tokens[0], class_token + positions[0])


def test_bytes_are_embedded_without_wrapping_around():
    image, W = np.full((2, 2, 3), 255, np.uint8), np.ones((12, 4))
    assert_array_equal(embed_patches(image, 2, W, np.zeros(4), np.zeros((2, 4)))[1], [12 * 255] * 4)


@given(st.integers(1, 5), st.integers(1, 7))
def test_resized_positions_are_their_loop(old, new):
    positions = np.random.default_rng(10).standard_normal((old * old + 1, 3))
    resized = resize_positions(positions, old, new)
    assert resized.shape == (new * new + 1, 3)
    assert_allclose(resized, loops.resize_positions(positions, old, new), atol=1e-12)
    assert_array_equal(resized[0], positions[0])


@pytest.mark.parametrize("side", [1, 2, 5])
def test_resizing_to_the_same_size_changes_nothing(rng, side):
    positions = rng.standard_normal((side * side + 1, 4))
    assert_array_equal(resize_positions(positions, side, side), positions)


@given(st.integers(1, 5), st.integers(1, 9), st.floats(-10, 10))
def test_equal_positions_stay_equal_and_others_stay_between(old, new, level):
    flat = np.full((old * old + 1, 3), level)
    assert_allclose(resize_positions(flat, old, new), np.full((new * new + 1, 3), level))
    grid = np.random.default_rng(10).standard_normal((old * old + 1, 3))
    resized = resize_positions(grid, old, new)[1:]
    assert np.all((resized <= grid[1:].max(axis=0) + 1e-12) & (resized >= grid[1:].min(axis=0) - 1e-12))


def test_resizing_by_hand():
    rows = np.array([[9.0], [0], [0], [4], [4]])  # two by two: the lower row is 4
    column = resize_positions(rows, 2, 4)[1:].reshape(4, 4)
    assert_allclose(column, np.tile([[0], [1], [3], [4]], 4))  # half-pixel centres, clamped at the edges
    assert_allclose(resize_positions(rows, 2, 1), [[9], [2]])


def test_rows_and_columns_are_stretched_alike(rng):
    grid = rng.standard_normal((3, 3))
    upright, lying = (np.concatenate([[0], g.ravel()])[:, None] for g in (grid, grid.T))
    stretched = [resize_positions(positions, 3, 5)[1:].reshape(5, 5) for positions in (upright, lying)]
    assert_allclose(stretched[0], stretched[1].T)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: patchify(counted(4, 6, 3), 4), "patchify: image is 4 by 6, which patches of 4 do not divide"),
        (lambda: patchify(counted(6, 4, 3), 4), "patchify: image is 6 by 4, which patches of 4 do not divide"),
        (lambda: patchify(np.ones((4, 6)), 2), "patchify: image has shape (4, 6), expected (H, W, c)"),
        (lambda: patchify(np.ones((2, 4, 6, 3)), 2), "patchify: image has shape (2, 4, 6, 3), expected (H, W, c)"),
        (lambda: unpatchify(np.ones((5, 12)), 2, 4, 6), "unpatchify: 5 patches of 2 do not fill 4 by 6"),
        (lambda: unpatchify(np.ones((6, 12)), 2, 3, 8), "unpatchify: 6 patches of 2 do not fill 3 by 8"),
        (lambda: unpatchify(np.ones((6, 12)), 2, 8, 3), "unpatchify: 6 patches of 2 do not fill 8 by 3"),
        (
            lambda: embed_patches(counted(4, 6, 3), 2, np.ones((12, 5)), np.ones(5), np.ones((6, 5))),
            "embed_patches: positions is (6, 5), expected (7, 5)",
        ),
        (
            lambda: resize_positions(np.ones((9, 5)), 3, 4),
            "resize_positions: positions has 9 rows, expected 10",
        ),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError) as error:
        call()
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: patchify(counted(4, 6, 3), 0), "patchify: size is 0, expected at least 1"),
        (lambda: patchify(counted(4, 6, 3), -2), "patchify: size is -2, expected at least 1"),
        (lambda: unpatchify(np.ones((6, 12)), 0, 4, 6), "unpatchify: 6 patches of 0 do not fill 4 by 6"),
        (
            lambda: unpatchify(np.ones((6, 13)), 2, 4, 6),
            "unpatchify: patches has patch width 13, which 2 * 2 does not divide",
        ),
        (
            lambda: unpatchify(np.ones(6), 2, 4, 6),
            "unpatchify: patches has shape (6,), expected (n, p)",
        ),
        (
            lambda: embed_patches(counted(4, 6, 3), 2, np.ones((11, 5)), np.ones(5), np.ones((7, 5))),
            "embed_patches: W has patch width 11, but the patches have 12",
        ),
        (
            lambda: embed_patches(counted(4, 6, 3), 2, np.ones((12, 5)), np.ones(4), np.ones((7, 5))),
            "embed_patches: class_token has model width 4, but W has 5: "
            "image is (4, 6, 3), W is (12, 5), class_token is (4,), positions is (7, 5)",
        ),
        (lambda: resize_positions(np.ones((10, 5)), 3, 0), "resize_positions: new is 0, expected at least 1"),
    ],
)
def test_bad_input_that_python_would_tell_in_its_own_words(call, message):
    with pytest.raises(ValueError) as error:
        call()
    assert str(error.value) == message
