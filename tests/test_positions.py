"""Positions: sinusoidal, rotary in its two layouts, and the linear bias."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal

from attncore import loops
from attncore.masks import causal_mask
from attncore.positions import (
    alibi_bias,
    alibi_slopes,
    apply_rotary,
    partial_rotary,
    rotary_halves_order,
    scaled_frequencies,
    sinusoidal_positions,
)

pytestmark = pytest.mark.filterwarnings("error")

every_leading = pytest.mark.parametrize("leading", [(), (2,), (2, 4)])
positions_of = st.integers(-1000, 1000)
vectors = arrays(float, 6, elements=st.floats(-10, 10))


@pytest.mark.parametrize(("n", "d"), [(5, 8), (7, 3), (1, 1), (300, 2)])
def test_sinusoidal_positions_are_their_loop(n, d):
    assert_allclose(sinusoidal_positions(n, d), loops.sinusoidal_positions(n, d), atol=1e-12)


def test_sinusoidal_positions_by_hand():
    second = [math.sin(1), math.cos(1), math.sin(0.01), math.cos(0.01)]  # 10000^(2 / 4) is 100
    assert_allclose(sinusoidal_positions(2, 4), [[0, 1, 0, 1], second])


@given(st.integers(0, 50), st.integers(0, 50))
def test_the_product_of_two_sinusoidal_positions_depends_on_their_distance(i, j):
    rows = sinusoidal_positions(101, 8)
    assert_allclose(rows[i] @ rows[j], rows[abs(i - j)] @ rows[0])


@every_leading
@pytest.mark.parametrize("base", [10000.0, 500.0])
def test_rotary_is_its_loop(by_loop, rng, leading, base):
    x, positions = rng.standard_normal((*leading, 5, 8)), np.array([17, 0, -3, 2.5, 900])
    assert_allclose(apply_rotary(x, positions, base), by_loop(apply_rotary, x, positions, base=base), atol=1e-12)


def test_rotary_by_hand():
    quarter = math.pi / 2  # counter-clockwise; the second pair turns a hundred times slower
    turned = apply_rotary([[1.0, 0, 1, 0], [0, 1, 0, 1]], [quarter, quarter])
    slow = [math.cos(quarter / 100), math.sin(quarter / 100)]
    assert_allclose(turned, [[0, 1, *slow], [-1, 0, -slow[1], slow[0]]], atol=1e-15)


@given(vectors, vectors, positions_of, positions_of, positions_of)
def test_rotary_scores_depend_on_the_difference_of_positions_alone(query, key, i, j, shift):
    def score(i, j):
        return (apply_rotary(query[None], [i]) @ apply_rotary(key[None], [j]).T).item()

    assert_allclose(score(i + shift, j + shift), score(i, j), atol=1e-9)


@given(vectors, positions_of)
def test_a_rotation_keeps_the_length_and_is_undone_by_its_opposite(x, position):
    turned = apply_rotary(x[None], [position])
    assert_allclose(np.linalg.norm(turned), np.linalg.norm(x), atol=1e-12)
    assert_allclose(apply_rotary(turned, [-position])[0], x, atol=1e-9)


def test_position_zero_turns_nothing_and_others_do(rng):
    x = rng.standard_normal((3, 8))
    assert_array_equal(apply_rotary(x, np.zeros(3)), x)
    assert np.all(np.abs(apply_rotary(x, [1, 2, 3]) - x)[:, 0] > 1e-3)


def test_each_row_turns_by_its_own_position_in_any_order(rng):
    x, order = rng.standard_normal((5, 8)), np.array([3, 0, 4, 1, 2])
    assert_allclose(apply_rotary(x[order], order), apply_rotary(x, np.arange(5))[order])


def rotate_halves(x, positions, base=10000.0):
    """The other layout, as GPT-NeoX writes it: place i turns with place i + d / 2."""
    d = x.shape[-1]
    angles = np.tile(np.outer(positions, base ** (-2 * np.arange(d // 2) / d)), 2)
    turned = np.concatenate([-x[..., d // 2 :], x[..., : d // 2]], axis=-1)
    return x * np.cos(angles) + turned * np.sin(angles)


@pytest.mark.parametrize("d", [2, 4, 10])
def test_the_order_of_halves_carries_one_layout_into_the_other(rng, d):
    x, positions, order = rng.standard_normal((2, 5, d)), [7, 0, 31, 2, 5], rotary_halves_order(d)
    assert_array_equal(order, loops.rotary_halves_order(d))
    assert_allclose(rotate_halves(x[..., order], positions), apply_rotary(x, positions)[..., order], atol=1e-12)


def test_the_order_of_halves_by_hand():
    assert_array_equal(rotary_halves_order(8), [0, 2, 4, 6, 1, 3, 5, 7])


def test_large_positions_in_float32_are_as_exact_as_float32(rng):
    x, positions = rng.standard_normal((4, 8)).astype(np.float32), [1234, 12345, 123456, 1234567]
    turned = apply_rotary(x, positions, base=500)
    assert turned.dtype == np.float32
    assert_allclose(turned, apply_rotary(x.astype(float), positions, base=500), atol=1e-6)


@every_leading
@pytest.mark.parametrize("n_rotated", [2, 4, 8])
def test_partial_rotary_is_its_loop(by_loop, rng, leading, n_rotated):
    x, positions = rng.standard_normal((*leading, 5, 9)), np.array([3, 0, 17, 900, 2])
    turned = partial_rotary(x, positions, n_rotated, base=500.0)
    assert_allclose(turned, by_loop(partial_rotary, x, positions, n_rotated=n_rotated, base=500.0), atol=1e-12)
    assert_array_equal(turned[..., n_rotated:], x[..., n_rotated:])


def test_partial_rotary_by_hand():
    turned = partial_rotary([[1.0, 0, 5, 7]], [2], 2)
    assert_allclose(turned, [[math.cos(2), math.sin(2), 5, 7]])


def test_rotating_the_whole_width_in_part_is_rotary(rng):
    x = rng.standard_normal((2, 3, 6))
    assert_array_equal(partial_rotary(x, [4, 1, 9], 6), apply_rotary(x, [4, 1, 9]))


def test_a_score_is_one_part_by_distance_and_one_by_content(rng):
    query, key = rng.standard_normal((2, 1, 8))
    for i, j in [(5, 2), (105, 102)]:
        turned = partial_rotary(query, [i], 4) @ partial_rotary(key, [j], 4).T
        parts = apply_rotary(query[:, :4], [3]) @ key[:, :4].T + query[:, 4:] @ key[:, 4:].T
        assert_allclose(turned, parts)


KINDS = ["linear", "ntk", "yarn", "llama3"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("d", "base", "trained"), [(2, 1e4, 8192), (8, 1e4, 8192), (128, 5e5, 8192), (64, 1e4, 300)])
@pytest.mark.parametrize("factor", [1.0, 3.0, 16.0])
def test_scaled_frequencies_are_their_loop(kind, d, base, trained, factor):
    frequencies = scaled_frequencies(d, base, kind, factor, trained)
    assert_allclose(frequencies, loops.scaled_frequencies(d, base, kind, factor, trained))
    assert np.all(np.diff(frequencies) < 0)  # the largest first


@pytest.mark.parametrize("kind", KINDS)
def test_the_frequencies_unscaled_are_those_that_rotary_turns_by(kind):
    x = np.tile([1.0, 0.0], (1, 4))
    turned = apply_rotary(x, [0.7], base=300.0)[0]
    assert_allclose(np.arctan2(turned[1::2], turned[::2]), 0.7 * scaled_frequencies(8, 300.0, kind))


def test_ntk_changes_the_base():
    larger = 1e4 * 4 ** (64 / 62)
    assert_allclose(scaled_frequencies(64, kind="ntk", factor=4.0), larger ** (-np.arange(0, 64, 2) / 64))


@pytest.mark.parametrize(("kind", "most"), [("yarn", 32), ("llama3", 4)])
def test_pairs_that_turn_often_stay_and_those_that_hardly_turn_are_divided(kind, most):
    before = scaled_frequencies(128)
    after, turns = scaled_frequencies(128, kind=kind, factor=8.0), before * 8192 / (2 * math.pi)
    assert_array_equal(after[turns >= most], before[turns >= most])
    assert_allclose(after[turns <= 1], before[turns <= 1] / 8)
    between = (turns > 1) & (turns < most)
    assert between.any()
    assert_allclose((after / before)[between], 1 / 8 + 7 / 8 * (turns[between] - 1) / (most - 1))


@pytest.mark.parametrize(
    ("n_heads", "published"),
    [
        (8, [1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 32, 1 / 64, 1 / 128, 1 / 256]),
        (16, [2 ** (-half / 2) for half in range(1, 17)]),
        (12, [2**-1, 2**-2, 2**-3, 2**-4, 2**-5, 2**-6, 2**-7, 2**-8, 2**-0.5, 2**-1.5, 2**-2.5, 2**-3.5]),
    ],
)
def test_the_published_slopes(n_heads, published):
    assert_allclose(alibi_slopes(n_heads), published)


@given(st.integers(1, 70))
def test_alibi_slopes_are_their_loop(n_heads):
    assert_allclose(alibi_slopes(n_heads), loops.alibi_slopes(n_heads))


@given(st.integers(1, 9), st.integers(1, 6), st.integers(1, 6))
def test_alibi_bias_is_its_loop(n_heads, n_query, n_key):
    assert_allclose(alibi_bias(n_heads, n_query, n_key), loops.alibi_bias(n_heads, n_query, n_key))


def test_alibi_bias_by_hand():
    assert_allclose(alibi_bias(1, 2, 3) * 2**8, [[[-1, 0, -1], [-2, -1, 0]]])  # the queries are positions 1 and 2


def test_the_bias_lowers_the_past_by_one_slope_a_step():
    past = np.where(causal_mask(4), alibi_bias(8, 4, 4), 0)
    expected = np.array([[0, 0, 0, 0], [-1, 0, 0, 0], [-2, -1, 0, 0], [-3, -2, -1, 0]])
    for head, slope in enumerate(alibi_slopes(8)):
        assert_allclose(past[head], slope * expected)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: apply_rotary(np.ones((2, 5)), [0, 1]), "apply_rotary: the rotary width is 5, expected an even one"),
        (
            lambda: apply_rotary(np.ones((2, 4)), [0, 1, 2]),
            "apply_rotary: positions has 3 on the token axis, but x has 2: x is (2, 4), positions is (3,)",
        ),
        (
            lambda: apply_rotary(np.ones((2, 4)), [[0, 1]]),
            "apply_rotary: positions has shape (1, 2), expected (n)",
        ),
        (lambda: rotary_halves_order(7), "rotary_halves_order: d is 7, expected an even width"),
        (
            lambda: partial_rotary(np.ones((1, 4)), [0], 3),
            "partial_rotary: n_rotated is 3, expected an even number from 2 to the width, 4",
        ),
        (
            lambda: partial_rotary(np.ones((1, 4)), [0], 6),
            "partial_rotary: n_rotated is 6, expected an even number from 2 to the width, 4",
        ),
        (lambda: scaled_frequencies(7), "scaled_frequencies: d is 7, expected an even width"),
        (
            lambda: scaled_frequencies(8, kind="longrope"),
            'scaled_frequencies: kind is "longrope", expected "linear", "ntk", "yarn" or "llama3"',
        ),
        (lambda: alibi_slopes(0), "alibi_slopes: n_heads is 0, expected at least 1"),
        (lambda: alibi_bias(0, 3, 5), "alibi_bias: n_heads is 0, expected at least 1"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError) as error:
        call()
    assert str(error.value) == message
