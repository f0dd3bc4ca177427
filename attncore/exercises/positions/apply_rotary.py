"""Rotary: turn each pair by its position."""

import math

import numpy as np

from attncore.exercises.exercise import case, code, usual
from attncore.exercises.positions.cases import sines_and_cosines
from attncore.exercises.softmax.cases import INTEGERS
from attncore.positions import apply_rotary, rotary_halves_order


def at(*positions):
    """Positions for a case; each call makes them afresh."""
    return lambda rng, s: np.array(positions)


ANY_POSITION = "Positions may be any numbers, in any order."
exercise = code(
    apply_rotary,
    usual(positions=lambda rng, s: np.arange(s.n)),
    case("a single pair, four positions", sizes={"n": 4, "d": 2}, positions=at(0, 1, 2, 3)),
    case("a square of everything", sizes={"n": 4, "d": 4}, positions=at(0, 1, 2, 3)),
    case("a width that is no power of two", sizes={"d": 12}, positions=at(0, 1, 2, 3, 4)),
    case("all tokens at one position", small=True, positions=at(3, 3, 3)),
    case("one new token at position five", small=True, sizes={"n": 1}, positions=at(5)),
    case("positions that start at seven", lead=(2,), positions=at(7, 8, 9, 10, 11)),
    case("positions out of order", positions=at(17, 0, 900, 3, 64)),
    case(
        "positions between whole numbers, and one below zero",
        promise=ANY_POSITION,
        positions=at(0.0, 0.25, 2.5, -3.0, 0.75),
    ),
    case("a base of 100", small=True, positions=at(1, 2, 3), base=100.0),
    case("a base of 500,000, six heads", lead=(6,), positions=at(2, 40, 800, 5, 9), base=500_000.0),
    case(
        "integers",
        promise=INTEGERS,
        x=lambda rng, s: np.array([[1, 2, 3, 4], [5, 6, 7, 8]]),
        positions=at(1, 2),
    ),
    case(
        "an odd width", promise="Raises ValueError for an odd width.", small=True, sizes={"d": 5}, positions=at(0, 1, 2)
    ),
)


def pairs_turned(x, angles):
    """Adjacent pairs of x, turned counter-clockwise."""
    even, odd = x[..., 0::2], x[..., 1::2]
    cos, sin = np.cos(angles), np.sin(angles)
    return np.stack([even * cos - odd * sin, even * sin + odd * cos], axis=-1).reshape(x.shape)


def rotary_angles(d, positions, base):
    return positions[:, None] * base ** (-np.arange(0, d, 2) / d)


@exercise.mistake("nothing rotated")
def nothing_rotated(x, positions, base=10000.0):
    return x


@exercise.mistake("opposite direction")
def opposite_direction(x, positions, base=10000.0):
    return apply_rotary(x, -positions, base)


@exercise.mistake("cosine and sine swapped")
def cosine_and_sine_swapped(x, positions, base=10000.0):
    return pairs_turned(x, np.pi / 2 - rotary_angles(x.shape[-1], positions, base))


@exercise.mistake("the minus sign forgotten")
def the_minus_sign_forgotten(x, positions, base=10000.0):
    angles = rotary_angles(x.shape[-1], positions, base)
    even, odd = x[..., 0::2], x[..., 1::2]
    cos, sin = np.cos(angles), np.sin(angles)
    return np.stack([even * cos + odd * sin, even * sin + odd * cos], axis=-1).reshape(x.shape)


@exercise.mistake("halves, and the minus sign forgotten")
def halves_and_the_minus_sign_forgotten(x, positions, base=10000.0):
    angles = np.tile(rotary_angles(x.shape[-1], positions, base), 2)
    left, right = np.split(x, 2, axis=-1)
    return x * np.cos(angles) + np.concatenate([right, left], axis=-1) * np.sin(angles)


@exercise.mistake("reflected instead of rotated")
def reflected_instead_of_rotated(x, positions, base=10000.0):
    angles = rotary_angles(x.shape[-1], positions, base)
    even, odd = x[..., 0::2], x[..., 1::2]
    cos, sin = np.cos(angles), np.sin(angles)
    return np.stack([even * cos + odd * sin, even * sin - odd * cos], axis=-1).reshape(x.shape)


@exercise.mistake("exponent i over d")
def exponent_i_over_d(x, positions, base=10000.0):
    d = x.shape[-1]
    return pairs_turned(x, positions[:, None] * base ** (-np.arange(d // 2) / d))


@exercise.mistake("exponent doubled twice")
def exponent_doubled_twice(x, positions, base=10000.0):
    return apply_rotary(x, positions, base**2)


@exercise.mistake("frequencies that grow")
def frequencies_that_grow(x, positions, base=10000.0):
    return apply_rotary(x, positions, 1 / base)


@exercise.mistake("every pair at the same speed")
def every_pair_at_the_same_speed(x, positions, base=10000.0):
    return apply_rotary(x, positions, 1.0)


@exercise.mistake("base hard-coded")
def base_hard_coded(x, positions, base=10000.0):
    return apply_rotary(x, positions)


@exercise.mistake("angles in degrees")
def angles_in_degrees(x, positions, base=10000.0):
    return apply_rotary(x, np.radians(positions), base)


@exercise.mistake("positions restart at zero")
def positions_restart_at_zero(x, positions, base=10000.0):
    *_, n, d = x.shape
    angles = np.arange(n)[:, None] * base ** (-np.arange(0, d, 2) / d)
    even, odd = x[..., 0::2], x[..., 1::2]
    rotated = np.empty_like(x)
    rotated[..., 0::2] = even * np.cos(angles) - odd * np.sin(angles)
    rotated[..., 1::2] = even * np.sin(angles) + odd * np.cos(angles)
    return rotated


@exercise.mistake("positions counted from one")
def positions_counted_from_one(x, positions, base=10000.0):
    return apply_rotary(x, positions + 1, base)


@exercise.mistake("positions cut to whole numbers")
def positions_cut_to_whole_numbers(x, positions, base=10000.0):
    return apply_rotary(x, np.trunc(positions), base)


@exercise.mistake("second number computed from the first after its rotation")
def second_number_computed_from_the_first_after_its_rotation(x, positions, base=10000.0):
    angles = rotary_angles(x.shape[-1], positions, base)
    cos, sin = np.cos(angles), np.sin(angles)
    first = x[..., 0::2] * cos - x[..., 1::2] * sin
    return np.stack([first, first * sin + x[..., 1::2] * cos], axis=-1).reshape(x.shape)


@exercise.mistake("angles for halves on neighboring pairs")
def angles_for_halves_on_neighboring_pairs(x, positions, base=10000.0):
    d = x.shape[-1]
    angles = positions[:, None] * base ** (-np.arange(0, d, 2) / d)
    angles = np.concatenate([angles, angles], axis=-1)
    quarter_turn = np.stack([-x[..., 1::2], x[..., 0::2]], axis=-1).reshape(x.shape)
    return x * np.cos(angles) + quarter_turn * np.sin(angles)


@exercise.mistake("angles for neighboring pairs on halves")
def angles_for_neighboring_pairs_on_halves(x, positions, base=10000.0):
    angles = np.repeat(rotary_angles(x.shape[-1], positions, base), 2, axis=-1)
    left, right = np.split(x, 2, axis=-1)
    return x * np.cos(angles) + np.concatenate([-right, left], axis=-1) * np.sin(angles)


@exercise.mistake("the quarter turn of neighbors laid out in halves")
def the_quarter_turn_of_neighbors_laid_out_in_halves(x, positions, base=10000.0):
    angles = np.repeat(rotary_angles(x.shape[-1], positions, base), 2, axis=-1)
    quarter_turn = np.concatenate([-x[..., 1::2], x[..., 0::2]], axis=-1)
    return x * np.cos(angles) + quarter_turn * np.sin(angles)


@exercise.mistake("even and odd entries split, then joined as halves")
def even_and_odd_places_split_then_joined_as_halves(x, positions, base=10000.0):
    angles = np.tile(rotary_angles(x.shape[-1], positions, base), 2)
    quarter_turn = np.concatenate([-x[..., 1::2], x[..., 0::2]], axis=-1)
    return x * np.cos(angles) + quarter_turn * np.sin(angles)


@exercise.mistake("neighbors rotated, but laid out in halves")
def neighbors_rotated_but_laid_out_in_halves(x, positions, base=10000.0):
    return apply_rotary(x, positions, base)[..., rotary_halves_order(x.shape[-1])]


@exercise.mistake("dtype of the integers kept")
def dtype_of_the_integers_kept(x, positions, base=10000.0):
    return apply_rotary(x, positions, base).astype(x.dtype)


@exercise.mistake("sinusoids added instead of turning")
def sinusoids_added_instead_of_turning(x, positions, base=10000.0):
    angles = rotary_angles(x.shape[-1], positions, base)
    return x + sines_and_cosines(angles, angles)


@exercise.other_convention("pairs in halves, as in GPT-NeoX and Hugging Face")
def pairs_in_halves_as_in_GPT_NeoX_and_Hugging_Face(x, positions, base=10000.0):
    order = rotary_halves_order(x.shape[-1])
    back = np.argsort(order)
    return apply_rotary(x[..., back], positions, base)[..., order]


@exercise.other_convention("halves, and clockwise")
def halves_and_clockwise(x, positions, base=10000.0):
    return pairs_in_halves_as_in_GPT_NeoX_and_Hugging_Face(x, -positions, base)


@exercise.another_way
def with_complex_numbers(x, positions, base=10000.0):
    pairs = x[..., 0::2] + 1j * x[..., 1::2]
    speeds = base ** (-np.arange(0, x.shape[-1], 2) / x.shape[-1])
    turned = pairs * np.exp(1j * np.outer(positions, speeds))
    return np.stack([turned.real, turned.imag], axis=-1).reshape(x.shape)


@exercise.another_way
def with_rotation_matrices(x, positions, base=10000.0):
    d = x.shape[-1]
    angles = positions[:, None] * base ** (-np.arange(0, d, 2) / d)
    cos, sin = np.cos(angles), np.sin(angles)
    R = np.moveaxis(np.array([[cos, -sin], [sin, cos]]), (0, 1), (-2, -1))
    pairs = x.reshape(*x.shape[:-1], d // 2, 2)
    return np.einsum("...nprc,...npc->...npr", R, pairs).reshape(x.shape)


@exercise.another_way
def vector_and_its_quarter_turn(x, positions, base=10000.0):
    angles = np.repeat(rotary_angles(x.shape[-1], positions, base), 2, axis=-1)
    quarter_turn = np.empty_like(x)
    quarter_turn[..., 0::2], quarter_turn[..., 1::2] = -x[..., 1::2], x[..., 0::2]
    return x * np.cos(angles) + quarter_turn * np.sin(angles)


@exercise.another_way
def pair_by_pair(x, positions, base=10000.0):
    out = np.array(x, dtype=float)
    for token, position in enumerate(positions):
        for place in range(0, x.shape[-1], 2):
            angle = position / base ** (place / x.shape[-1])
            a, b = x[..., token, place], x[..., token, place + 1]
            out[..., token, place] = a * math.cos(angle) - b * math.sin(angle)
            out[..., token, place + 1] = a * math.sin(angle) + b * math.cos(angle)
    return out
