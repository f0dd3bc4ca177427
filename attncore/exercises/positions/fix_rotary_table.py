"""Two files that are right, each with its own layout of a rotary pair."""

import numpy as np

from attncore.dot_product import scaled_dot_product_attention
from attncore.exercises.exercise import case, code, usual
from attncore.positions import apply_rotary, rotary_halves_order
from attncore.shapes import shaped


def angle_table(n, d, base=10000.0):
    angles = np.arange(n)[:, None] * base ** (-np.arange(0, d, 2) / d)
    angles = np.repeat(angles, 2, axis=-1)
    return np.cos(angles), np.sin(angles)


def rotate_pairs(x, cos, sin):
    crossed = np.stack([-x[..., 1::2], x[..., 0::2]], axis=-1).reshape(x.shape)
    return x * cos + crossed * sin


@shaped("(...,n,d),(...,n,d),(...,n,v),(n):int->(...,n,v)")
def fix_rotary_table(query, key, value, positions):
    """Attend with rotary positions that are looked up in a table of cosines and sines.

    Neighboring numbers, places 2i and 2i + 1, are a pair, as in the paper, and turn counter-clockwise by
    position * 10000^(-2i / d). Positions are whole numbers from 0 on, in any order; a token sees
    those at its own position and before. Su et al. (2021).
    """
    cos, sin = angle_table(positions.max() + 1, query.shape[-1])
    cos, sin = cos[positions], sin[positions]
    mask = positions[:, None] >= positions
    return scaled_dot_product_attention(rotate_pairs(query, cos, sin), rotate_pairs(key, cos, sin), value, mask)


def in_order(rng, s):
    return np.arange(s.n)


exercise = code(
    fix_rotary_table,
    usual(positions=in_order),
    case("positions from seven on", small=True, positions=np.array([7, 8, 9])),
    case("far positions", positions=lambda rng, s: 300 + np.arange(s.n)),
    case("positions out of order", positions=np.array([3, 0, 4, 1, 2])),
    case("positions with gaps", small=True, positions=np.array([0, 5, 6])),
    case("a width of two", sizes={"d": 2}, positions=in_order),
    case("a width of 16", sizes={"d": 16}, positions=in_order),
    case("large scores", positions=in_order, magnitude=6.0),
    bug="angles for halves on neighboring pairs",
)


def angle_table_(n, d, base=10000.0):
    angles = np.arange(n)[:, None] * base ** (-np.arange(0, d, 2) / d)
    angles = np.concatenate([angles, angles], axis=-1)
    return np.cos(angles), np.sin(angles)


@exercise.mistake("angles for halves on neighboring pairs")
def table_and_turn(query, key, value, positions):
    cos, sin = angle_table_(positions.max() + 1, query.shape[-1])
    cos, sin = cos[positions], sin[positions]
    mask = positions[:, None] >= positions
    return scaled_dot_product_attention(rotate_pairs(query, cos, sin), rotate_pairs(key, cos, sin), value, mask)


def attend(query, key, value, positions, turn):
    return scaled_dot_product_attention(turn(query), turn(key), value, positions[:, None] >= positions)


@exercise.mistake("the cosines are repaired and the sines are not")
def sines_left(query, key, value, positions):
    d = query.shape[-1]
    cos, sin = angle_table(positions.max() + 1, d)[0][positions], angle_table_(positions.max() + 1, d)[1][positions]
    return attend(query, key, value, positions, lambda x: rotate_pairs(x, cos, sin))


@exercise.mistake("the sines are repaired and the cosines are not")
def cosines_left(query, key, value, positions):
    d = query.shape[-1]
    cos, sin = angle_table_(positions.max() + 1, d)[0][positions], angle_table(positions.max() + 1, d)[1][positions]
    return attend(query, key, value, positions, lambda x: rotate_pairs(x, cos, sin))


@exercise.mistake("turned the other way")
def clockwise(query, key, value, positions):
    return attend(query, key, value, positions, lambda x: apply_rotary(x, -positions))


@exercise.mistake("one angle for each entry instead of each pair")
def an_angle_a_place(query, key, value, positions):
    d = query.shape[-1]
    angles = positions[:, None] * 10000.0 ** (-np.arange(d) / d)
    return attend(query, key, value, positions, lambda x: rotate_pairs(x, np.cos(angles), np.sin(angles)))


@exercise.other_convention("pairs of halves")
def halves(query, key, value, positions):
    order = rotary_halves_order(query.shape[-1])
    back = np.argsort(order)

    def turn(x):
        return apply_rotary(x[..., back], positions)[..., order]

    return attend(query, key, value, positions, turn)


@exercise.another_way
def as_complex_numbers(query, key, value, positions):
    d = query.shape[-1]
    turns = np.exp(1j * positions[:, None] * 10000.0 ** (-np.arange(0, d, 2) / d))

    def turn(x):
        pairs = (x[..., 0::2] + 1j * x[..., 1::2]) * turns
        return np.stack([pairs.real, pairs.imag], axis=-1).reshape(x.shape)

    return attend(query, key, value, positions, turn)
