"""Sinusoidal positions: a row of clock hands."""

import math

import numpy as np

from attncore.exercises.exercise import case, code
from attncore.exercises.positions.cases import sines_and_cosines
from attncore.positions import sinusoidal_positions

exercise = code(
    sinusoidal_positions,
    case("three positions, width four", n=3, d=4),
    case("two positions, width six", n=2, d=6),
    case("width two", n=5, d=2),
    case("as many positions as places", n=8, d=8),
    case("one position", n=1, d=6),
    case("a width that is no power of two", n=7, d=12),
    case("a long text", n=600, d=10),
)


def angles_of(n, d, base=10000.0):
    return np.arange(n)[:, None] / base ** (np.arange(0, d, 2) / d)


@exercise.mistake("all sines first, then all cosines")
def all_sines_first_then_all_cosines(n, d):
    angles = np.arange(n)[:, None] / 10000.0 ** (np.arange(0, d, 2) / d)
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=-1)


@exercise.mistake("sines only")
def sines_only(n, d):
    places = np.arange(d)
    return np.sin(np.arange(n)[:, None] / 10000.0 ** (places // 2 * 2 / d))


@exercise.mistake("sine and cosine swapped")
def sine_and_cosine_swapped(n, d):
    return sinusoidal_positions(n, d).reshape(n, -1, 2)[..., ::-1].reshape(n, d)


@exercise.mistake("positions counted from one")
def positions_counted_from_one(n, d):
    return sinusoidal_positions(n + 1, d)[1:]


@exercise.mistake("a base of 1000")
def a_base_of_1000(n, d):
    angles = angles_of(n, d, 1000.0)
    return sines_and_cosines(angles, angles)


@exercise.mistake("exponent i over d")
def exponent_i_over_d(n, d):
    angles = np.arange(n)[:, None] / 10000.0 ** (np.arange(d // 2) / d)
    return sines_and_cosines(angles, angles)


@exercise.mistake("exponent doubled twice")
def exponent_doubled_twice(n, d):
    positions = np.zeros((n, d))
    for place in range(0, d, 2):
        angles = np.arange(n) / 10000.0 ** (2 * place / d)
        positions[:, place] = np.sin(angles)
        positions[:, place + 1] = np.cos(angles)
    return positions


@exercise.mistake("exponent 2j/d in every column j")
def exponent_2j_d_in_every_column_j(n, d):
    angles = np.arange(n)[:, None] / 10000.0 ** (2 * np.arange(d) / d)
    return sines_and_cosines(angles[:, 0::2], angles[:, 1::2])


@exercise.mistake("cosine with a frequency of its own")
def cosine_with_a_frequency_of_its_own(n, d):
    angles = np.arange(n)[:, None] / 10000.0 ** (np.arange(d) / d)
    return sines_and_cosines(angles[:, 0::2], angles[:, 1::2])


@exercise.mistake("frequencies that grow")
def frequencies_that_grow(n, d):
    angles = np.arange(n)[:, None] * 10000.0 ** (np.arange(0, d, 2) / d)
    return sines_and_cosines(angles, angles)


@exercise.mistake("slowest frequency exactly 1/10000")
def slowest_frequency_exactly_1_10000(n, d):
    angles = np.arange(n)[:, None] / 10000.0 ** (np.arange(0, d, 2) / max(d - 2, 1))
    return sines_and_cosines(angles, angles)


@exercise.mistake("angles in degrees")
def angles_in_degrees(n, d):
    angles = np.radians(angles_of(n, d))
    return sines_and_cosines(angles, angles)


def slowest_exactly(n, d):
    """The angles of the authors' code: the last pair has the frequency 1/10000, not a little more."""
    return np.arange(n)[:, None] / 10000.0 ** (np.arange(0, d, 2) / max(d - 2, 1))


@exercise.other_convention("halves, and the slowest frequency exactly 1/10000")
def halves_and_the_slowest_frequency_exactly_1_10000(n, d):
    return np.concatenate([np.sin(slowest_exactly(n, d)), np.cos(slowest_exactly(n, d))], axis=-1)


@exercise.other_convention("halves, cosines first")
def halves_cosines_first(n, d):
    return np.concatenate([np.cos(angles_of(n, d)), np.sin(angles_of(n, d))], axis=-1)


@exercise.another_way
def sines_a_quarter_turn_ahead(n, d):
    place = np.arange(d)
    angles = np.arange(n)[:, None] / 10000.0 ** (place // 2 * 2 / d)
    return np.sin(angles + place % 2 * np.pi / 2)


@exercise.another_way
def number_by_number(n, d):
    rows = []
    for position in range(n):
        row = []
        for pair in range(d // 2):
            angle = position * math.exp(-2 * pair / d * math.log(10000))
            row += [math.sin(angle), math.cos(angle)]
        rows.append(row)
    return rows


@exercise.another_way
def as_complex_exponentials(n, d):
    hands = 1j * np.exp(-1j * angles_of(n, d))
    return np.stack([hands.real, hands.imag], axis=-1).reshape(n, d)
