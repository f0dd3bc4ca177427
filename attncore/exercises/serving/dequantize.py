"""From codes to numbers."""

import numpy as np

from attncore.exercises.exercise import case, code
from attncore.serving import dequantize


def coded(name, codes, scale, zero, **more):
    return case(name, codes=np.array(codes, np.uint8), scale=np.array(scale, float), zero=np.array(zero, float), **more)


def codes(rng, s):
    return rng.integers(0, 16, (2, 5, 3)).astype(np.uint8)


exercise = code(
    dequantize,
    coded("one line", [0, 3, 1], [0.5], [-1.0]),
    coded("two rows", [[0, 1, 3], [2, 0, 1]], [[0.5], [2.0]], [[-1.0], [4.0]]),
    coded("columns", [[0, 1], [3, 2], [1, 3]], [[0.5, 2.0]], [[-1.0, 4.0]]),
    coded("bytes up to 255", [[255, 0, 128], [7, 200, 64]], [[0.25], [3.0]], [[10.0], [-300.0]]),
    case("heads, by channel", codes=codes, scale=np.full((2, 1, 3), 0.25), zero=np.arange(6.0).reshape(2, 1, 3)),
    case("heads, by token", codes=codes, scale=np.arange(1.0, 11).reshape(2, 5, 1), zero=np.full((2, 5, 1), -3.0)),
    case(
        "float32",
        codes=codes,
        scale=np.arange(1, 11, dtype=np.float32).reshape(2, 5, 1) / 8,
        zero=np.full((2, 5, 1), -3, np.float32),
        dtype=np.float32,
    ),
)


@exercise.mistake("the zero is left out")
def zero_left_out(codes, scale, zero):
    return codes * scale + 0 * zero


@exercise.mistake("the zero is subtracted")
def zero_subtracted(codes, scale, zero):
    return codes * scale - zero


@exercise.mistake("divided by the scale")
def divided(codes, scale, zero):
    return codes / scale + zero


@exercise.mistake("the scale is left out")
def scale_left_out(codes, scale, zero):
    return codes + 0 * scale + zero


@exercise.mistake("the zero is scaled as well")
def zero_scaled(codes, scale, zero):
    return (codes + zero) * scale


@exercise.mistake("scale and zero swapped")
def swapped(codes, scale, zero):
    return codes * zero + scale


@exercise.mistake("computed in bytes")
def in_bytes(codes, scale, zero):
    return codes * scale.astype(np.uint8) + zero


@exercise.mistake("the first scale for all lines")
def first_scale(codes, scale, zero):
    return codes * scale.flat[0] + zero


@exercise.mistake("the first zero for all lines")
def first_zero(codes, scale, zero):
    return codes * scale + zero.flat[0]


@exercise.mistake("rounded to whole numbers")
def rounded(codes, scale, zero):
    return np.round(codes * scale + zero)


@exercise.mistake("rounded to whole numbers")
def cut_off(codes, scale, zero):
    return np.trunc(codes * scale + zero)


@exercise.mistake("half a step is added")
def half_a_step(codes, scale, zero):
    return (codes + 0.5) * scale + zero


@exercise.mistake("codes counted from one")
def counted_from_one(codes, scale, zero):
    return (codes - 1.0) * scale + zero


@exercise.mistake("codes taken to lie around 128")
def around_128(codes, scale, zero):
    return (codes - 128.0) * scale + zero


@exercise.mistake("the first scale for all lines")
def first_scale_and_zero(codes, scale, zero):
    return codes * scale.flat[0] + zero.flat[0]


@exercise.mistake("the mean of scale and zero for all lines")
def mean_of_both(codes, scale, zero):
    return codes * scale.mean(dtype=scale.dtype) + zero.mean(dtype=zero.dtype)


@exercise.mistake("code 0 gives 0")
def nothing_for_code_0(codes, scale, zero):
    return np.where(codes == 0, np.zeros_like(scale), codes * scale + zero)


@exercise.other_convention("the zero is a code: (codes - zero) * scale")
def zero_is_a_code(codes, scale, zero):
    return (codes - zero) * scale


@exercise.another_way
def each_number(codes, scale, zero):
    codes, scale, zero = np.broadcast_arrays(codes, scale, zero)
    numbers = [int(c) * s + z for c, s, z in zip(codes.ravel(), scale.ravel(), zero.ravel(), strict=True)]
    return np.array(numbers).reshape(codes.shape)
