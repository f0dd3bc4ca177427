"""Rotary on a part of the width."""

import math

import numpy as np

from attncore.exercises.exercise import case, code, usual
from attncore.exercises.positions.apply_rotary import at
from attncore.exercises.softmax.cases import INTEGERS
from attncore.positions import apply_rotary, partial_rotary, rotary_halves_order

BAD_COUNT = "Raises ValueError for an odd n_rotated, and for one below 2 or above the width."
exercise = code(
    partial_rotary,
    usual(positions=lambda rng, s: np.arange(s.n), n_rotated=2),
    case("half of the width", sizes={"d": 8}, positions=at(0, 1, 2, 3, 4), n_rotated=4),
    case("a square of everything", sizes={"n": 4, "d": 4}, positions=at(0, 1, 2, 3), n_rotated=2),
    case("a quarter of the width, in a batch", sizes={"n": 3, "d": 16}, lead=(2,), positions=at(3, 4, 5), n_rotated=4),
    case("all but two", sizes={"d": 8}, positions=at(7, 8, 9, 10, 11), n_rotated=6),
    case("an odd rest", sizes={"d": 7}, positions=at(0, 1, 2, 3, 4), n_rotated=4),
    case("positions out of order", positions=at(17, 0, 900, 3, 64), n_rotated=6),
    case("one new token at position five", small=True, sizes={"n": 1}, positions=at(5), n_rotated=2),
    case("a base of 100", positions=at(1, 2, 3, 4, 5), n_rotated=6, base=100.0),
    case("a base of 500,000, six heads", lead=(6,), positions=at(2, 40, 800, 5, 9), n_rotated=4, base=500_000.0),
    case(
        "the whole width",
        positions=at(0, 1, 2, 3, 4),
        n_rotated=8,
        promise="With the whole width it is `apply_rotary`.",
    ),
    case(
        "integers",
        promise=INTEGERS,
        x=lambda rng, s: np.array([[1, 2, 3, 4, 5, 6], [5, 6, 7, 8, 9, 1]]),
        positions=at(1, 2),
        n_rotated=4,
    ),
    *(
        case(f"{count} of four", small=True, positions=at(0, 1, 2), n_rotated=count, promise=BAD_COUNT)
        for count in (3, 0, 6)
    ),
)


def joined(turned, rest):
    return np.concatenate([turned, rest], axis=-1)


def rotated_otherwise(label, convention=False):
    """A solution that is wrong in how it turns the first part."""

    def add(turn):
        @(exercise.other_convention if convention else exercise.mistake)(label)
        def rotary(x, positions, n_rotated, base=10000.0):
            return joined(turn(x[..., :n_rotated], positions, base, x.shape[-1]), x[..., n_rotated:])

        return turn

    return add


@rotated_otherwise("frequencies of the whole width")
def frequencies_of_the_whole_width(part, positions, base, d):
    r = part.shape[-1]
    return apply_rotary(part, positions, base ** (r / d))


@rotated_otherwise("nothing rotated")
def nothing_rotated(part, positions, base, d):
    return part


@rotated_otherwise("opposite direction")
def opposite_direction(part, positions, base, d):
    return apply_rotary(part, -positions, base)


@rotated_otherwise("exponent i over n_rotated")
def exponent_i(part, positions, base, d):
    return apply_rotary(part, positions, base**0.5)


@rotated_otherwise("positions restart at zero")
def positions_restart(part, positions, base, d):
    return apply_rotary(part, np.arange(part.shape[-2]), base)


@rotated_otherwise("positions counted from one")
def positions_from_one(part, positions, base, d):
    return apply_rotary(part, positions + 1, base)


@rotated_otherwise("base hard-coded")
def base_hard_coded(part, positions, base, d):
    return apply_rotary(part, positions)


@rotated_otherwise("every pair at the same speed")
def every_pair_at_the_same_speed(part, positions, base, d):
    return apply_rotary(part, positions, 1.0)


@rotated_otherwise("angles in degrees")
def angles_in_degrees(part, positions, base, d):
    return apply_rotary(part, np.radians(positions), base)


@rotated_otherwise("cosine and sine swapped")
def cosine_and_sine_swapped(part, positions, base, d):
    angles = positions[:, None] * base ** (-np.arange(0, part.shape[-1], 2) / part.shape[-1])
    even, odd, cos, sin = part[..., 0::2], part[..., 1::2], np.sin(angles), np.cos(angles)
    return np.stack([even * cos - odd * sin, even * sin + odd * cos], axis=-1).reshape(part.shape)


def in_halves(part, positions, base):
    order = rotary_halves_order(part.shape[-1])
    return apply_rotary(part[..., np.argsort(order)], positions, base)[..., order]


@rotated_otherwise("pairs in halves of the rotated part, as in GPT-NeoX and Hugging Face", convention=True)
def halves_of_the_part(part, positions, base, d):
    return in_halves(part, positions, base)


@rotated_otherwise("halves, and clockwise", convention=True)
def halves_clockwise(part, positions, base, d):
    return in_halves(part, -positions, base)


@exercise.mistake("the whole width rotated")
def whole_width_rotated(x, positions, n_rotated, base=10000.0):
    even = x.shape[-1] // 2 * 2
    return joined(apply_rotary(x[..., :even], positions, base), x[..., even:])


@exercise.mistake("frequencies of the part, over the whole width")
def frequencies_of_the_part_over_the_width(x, positions, n_rotated, base=10000.0):
    d = x.shape[-1] // 2 * 2
    return joined(apply_rotary(x[..., :d], positions, base ** (d / n_rotated)), x[..., d:])


@exercise.mistake("the last numbers rotated instead of the first")
def last_numbers_rotated(x, positions, n_rotated, base=10000.0):
    rest = x.shape[-1] - n_rotated
    return joined(x[..., :rest], apply_rotary(x[..., rest:], positions, base))


@exercise.mistake("the rotated part comes last")
def rotated_part_last(x, positions, n_rotated, base=10000.0):
    return joined(x[..., n_rotated:], apply_rotary(x[..., :n_rotated], positions, base))


@exercise.mistake("the rest left out")
def rest_left_out(x, positions, n_rotated, base=10000.0):
    return apply_rotary(x[..., :n_rotated], positions, base)


@exercise.mistake("the rest set to zero")
def rest_set_to_zero(x, positions, n_rotated, base=10000.0):
    return joined(apply_rotary(x[..., :n_rotated], positions, base), 0 * x[..., n_rotated:])


@exercise.mistake("n_rotated counted in pairs")
def counted_in_pairs(x, positions, n_rotated, base=10000.0):
    count = min(2 * n_rotated, x.shape[-1] // 2 * 2)
    return joined(apply_rotary(x[..., :count], positions, base), x[..., count:])


@exercise.mistake("half of n_rotated rotated")
def half_of_it_rotated(x, positions, n_rotated, base=10000.0):
    turned = apply_rotary(x[..., :n_rotated], positions, base)
    half = n_rotated // 4 * 2
    return joined(turned[..., :half], x[..., half:])


@exercise.mistake("the first tokens rotated instead of the first numbers")
def first_tokens_rotated(x, positions, n_rotated, base=10000.0):
    d = x.shape[-1] // 2 * 2
    turned = joined(apply_rotary(x[..., :d], positions, base), x[..., d:])
    return np.where(np.arange(x.shape[-2])[:, None] < n_rotated, turned, x)


@rotated_otherwise("frequencies that grow")
def frequencies_that_grow(part, positions, base, d):
    return apply_rotary(part, positions, 1 / base)


@rotated_otherwise("the second number is made of the first one's new value")
def second_made_of_the_new_first(part, positions, base, d):
    r = part.shape[-1]
    angles = positions[:, None] * float(base) ** (-np.arange(0, r, 2) / r)
    turned = np.array(part)
    turned[..., 0::2] = part[..., 0::2] * np.cos(angles) - part[..., 1::2] * np.sin(angles)
    turned[..., 1::2] = turned[..., 0::2] * np.sin(angles) + part[..., 1::2] * np.cos(angles)
    return turned


@exercise.another_way
def angles_of_zero_for_the_rest(x, positions, n_rotated, base=10000.0):
    d = x.shape[-1]
    angles = np.zeros((len(positions), d))
    angles[:, :n_rotated] = np.repeat(
        positions[:, None] * base ** (-np.arange(0, n_rotated, 2) / n_rotated), 2, axis=-1
    )
    quarter_turn = np.zeros_like(x)
    quarter_turn[..., 0:n_rotated:2] = -x[..., 1:n_rotated:2]
    quarter_turn[..., 1:n_rotated:2] = x[..., 0:n_rotated:2]
    return x * np.cos(angles) + quarter_turn * np.sin(angles)


@exercise.another_way
def complex_numbers_in_a_copy(x, positions, n_rotated, base=10000.0):
    out = np.array(x, dtype=float)
    pairs = out[..., 0:n_rotated:2] + 1j * out[..., 1:n_rotated:2]
    turned = pairs * np.exp(1j * np.outer(positions, base ** (-np.arange(0, n_rotated, 2) / n_rotated)))
    out[..., 0:n_rotated:2], out[..., 1:n_rotated:2] = turned.real, turned.imag
    return out


@exercise.another_way
def pair_by_pair(x, positions, n_rotated, base=10000.0):
    if np.ndim(x) > 2:
        return [pair_by_pair(one, positions, n_rotated, base) for one in x]
    rows = [[float(number) for number in token] for token in x]
    for row, position in zip(rows, positions, strict=True):
        for i in range(0, n_rotated, 2):
            angle = position / base ** (i / n_rotated)
            left, right = row[i], row[i + 1]
            row[i] = left * math.cos(angle) - right * math.sin(angle)
            row[i + 1] = left * math.sin(angle) + right * math.cos(angle)
    return rows
