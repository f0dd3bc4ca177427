"""Numbers as codes of a few bits."""

import numpy as np

from attncore.exercises.drivers import coded
from attncore.exercises.exercise import case, code
from attncore.serving import quantize

CONSTANT = "A line of equal numbers has scale 1 and gives its number back."


def lines(name, bits, axis, **more):
    return case(name, bits=bits, axis=axis, **more)


def numbers(*shape, shift=0.0):
    """A maker of an array of that shape; `shift` moves it away from zero."""
    return lambda rng, s: np.round(rng.standard_normal(shape) * 2 + shift, 1)


def with_outliers(rng, s):
    """Keys of which one channel is far larger than the others."""
    x = rng.standard_normal((6, 4))
    x[:, 2] *= 40
    return np.round(x, 2)


exercise = code(
    quantize,
    lines("two rows, two bits", 2, -1, x=np.array([[0.0, 1.0, 3.0, 2.0], [5.0, 8.0, 6.0, 7.0]])),
    lines("columns", 2, 0, x=np.array([[0.0, 10.0], [1.0, 40.0], [3.0, 20.0], [2.0, 30.0]])),
    lines("numbers between the codes", 3, -1, x=numbers(3, 7)),
    lines("one bit", 1, -1, x=numbers(2, 5)),
    lines("eight bits", 8, 0, x=numbers(9, 4)),
    lines("numbers that are all below zero", 4, 0, x=numbers(5, 3, shift=-20.0)),
    lines("numbers far above zero", 4, -1, x=numbers(3, 6, shift=100.0)),
    lines("an outlier channel", 4, 0, x=with_outliers),
    lines("heads, tokens, channels: by channel", 4, -2, x=numbers(2, 5, 3)),
    lines("heads, tokens, channels: by token", 4, -1, x=numbers(2, 5, 3)),
    lines("a square", 3, 0, x=numbers(4, 4)),
    lines("a single line", 3, 0, x=numbers(6)),
    lines("float32", 5, -1, x=numbers(4, 6), dtype=np.float32),
    lines("tiny numbers", 4, -1, x=lambda rng, s: 1e-6 * rng.standard_normal((3, 5))),
    lines("a line of equal numbers", 3, -1, x=np.array([[2.5, 2.5, 2.5], [0.0, 1.0, 4.0]]), promise=CONSTANT),
    lines("equal numbers everywhere", 8, 0, x=np.full((2, 3), -7.0), promise=CONSTANT),
    lines("no bits", 0, -1, x=numbers(2, 3), promise="Raises ValueError for bits below 1 or above 8."),
    lines("nine bits", 9, -1, x=numbers(2, 3), promise="Raises ValueError for bits below 1 or above 8."),
    drive=coded,
)


def codes_of(x, bits, axis, least=None, most=None, levels=None, round_=np.round, zero=None):
    """A right answer in pieces."""
    if not 1 <= bits <= 8:
        raise ValueError
    low = x.min(axis=axis, keepdims=True) if least is None else least
    high = x.max(axis=axis, keepdims=True) if most is None else most
    highest = 2**bits - 1
    scale = (high - low) / (highest if levels is None else levels)
    scale = np.where(scale == 0, 1.0, scale)
    return np.clip(round_((x - low) / scale), 0, highest), scale, low if zero is None else zero


@exercise.mistake("one scale for the whole tensor")
def whole_tensor(x, bits, axis):
    return codes_of(x, bits, tuple(range(x.ndim)))


@exercise.mistake("lines along the other axis")
def other_axis(x, bits, axis):
    return codes_of(x, bits, -1 if axis % x.ndim != x.ndim - 1 else (-2 if x.ndim > 1 else 0))


@exercise.mistake("the zero is left out")
def zero_left_out(x, bits, axis):
    codes, scale, low = codes_of(x, bits, axis)
    return codes, scale, np.zeros_like(low)


@exercise.mistake("one step too many: divided by 2^bits")
def divided_by_a_power(x, bits, axis):
    return codes_of(x, bits, axis, levels=2**bits)


@exercise.mistake("the codes go up to 2^bits")
def one_code_too_many(x, bits, axis):
    codes, scale, low = codes_of(x, bits, axis)
    scale = scale * (2**bits - 1) / 2**bits
    return np.round((x - low) / scale), scale, low


@exercise.mistake("rounded down instead of to the nearest")
def rounded_down(x, bits, axis):
    return codes_of(x, bits, axis, round_=np.floor)


@exercise.mistake("the codes aren't rounded")
def not_rounded(x, bits, axis):
    return codes_of(x, bits, axis, round_=lambda codes: codes)


@exercise.mistake("from zero to the largest: what is below zero is lost")
def from_zero(x, bits, axis):
    return codes_of(x, bits, axis, least=np.zeros_like(x.min(axis=axis, keepdims=True)))


@exercise.mistake("the same reach below zero and above")
def symmetric(x, bits, axis):
    reach = np.abs(x).max(axis=axis, keepdims=True)
    return codes_of(x, bits, axis, least=-reach, most=reach)


@exercise.mistake("codes with a sign, around zero")
def with_a_sign(x, bits, axis):
    if not 1 <= bits <= 8:
        raise ValueError
    reach = np.abs(x).max(axis=axis, keepdims=True)
    scale = reach / max(2 ** (bits - 1) - 1, 1)
    scale = np.where(scale == 0, 1.0, scale)
    return np.round(x / scale).astype(int), scale, np.zeros_like(scale)


@exercise.mistake("mean and standard deviation in place of least and largest")
def mean_and_deviation(x, bits, axis):
    mean, deviation = x.mean(axis=axis, keepdims=True), x.std(axis=axis, keepdims=True)
    return codes_of(x, bits, axis, least=mean - 2 * deviation, most=mean + 2 * deviation)


@exercise.mistake("the scale is turned over")
def scale_turned_over(x, bits, axis):
    codes, scale, low = codes_of(x, bits, axis)
    return codes, 1 / scale, low


@exercise.mistake("the axis is dropped from scale and zero")
def axis_dropped(x, bits, axis):
    codes, scale, low = codes_of(x, bits, axis)
    return codes, scale.squeeze(axis), low.squeeze(axis)


@exercise.mistake("a line of equal numbers divides by zero")
def divides_by_zero(x, bits, axis):
    low, high = x.min(axis=axis, keepdims=True), x.max(axis=axis, keepdims=True)
    scale = (high - low) / (2**bits - 1)
    return np.round((x - low) / scale), scale, low


@exercise.mistake("a small number in the scale, against zero")
def a_small_number(x, bits, axis):
    low, high = x.min(axis=axis, keepdims=True), x.max(axis=axis, keepdims=True)
    scale = (high - low) / (2**bits - 1) + 1e-3
    return np.round((x - low) / scale), scale, low


@exercise.mistake("one scale for the whole tensor")
def whole_tensor_spread(x, bits, axis):
    codes, scale, low = codes_of(x, bits, tuple(range(x.ndim)))
    shape = x.min(axis=axis, keepdims=True).shape
    return codes, np.broadcast_to(scale, shape), np.broadcast_to(low, shape)


@exercise.mistake("lines along the last axis, whatever `axis` says")
def always_the_last_axis(x, bits, axis):
    return codes_of(x, bits, -1)


@exercise.mistake("rounded up instead of to the nearest")
def rounded_up(x, bits, axis):
    return codes_of(x, bits, axis, round_=np.ceil)


@exercise.mistake("scale and zero in the wrong order")
def wrong_order(x, bits, axis):
    codes, scale, low = codes_of(x, bits, axis)
    return codes, low, scale


@exercise.mistake("the numbers given back in place of the codes")
def given_back(x, bits, axis):
    codes, scale, low = codes_of(x, bits, axis)
    return codes * scale + low, scale, low


@exercise.mistake("the codes begin below zero")
def from_below_zero(x, bits, axis):
    codes, scale, low = codes_of(x, bits, axis)
    return codes - 2 ** (bits - 1), scale, low


@exercise.mistake("the codes begin below zero")
def from_below_zero_shifted(x, bits, axis):
    codes, scale, low = codes_of(x, bits, axis)
    return codes - 2 ** (bits - 1), scale, low + scale * 2 ** (bits - 1)


@exercise.mistake("the zero with the opposite sign")
def zero_turned(x, bits, axis):
    codes, scale, low = codes_of(x, bits, axis)
    return codes, scale, -low


@exercise.mistake("divided by the number of bits")
def divided_by_the_bits(x, bits, axis):
    return codes_of(x, bits, axis, levels=bits)


@exercise.mistake("divided by the number of bits")
def divided_by_twice_the_bits(x, bits, axis):
    return codes_of(x, bits, axis, levels=2 * bits)


@exercise.mistake("one step too few: divided by 2^bits - 2")
def one_step_too_few(x, bits, axis):
    return codes_of(x, bits, axis, levels=max(2**bits - 2, 1))


@exercise.mistake("codes above 127 overflow")
def signed_bytes(x, bits, axis):
    codes, scale, low = codes_of(x, bits, axis)
    return codes.astype(np.uint8).astype(np.int8), scale, low


@exercise.mistake("the highest code wraps around to 0")
def highest_wraps(x, bits, axis):
    codes, scale, low = codes_of(x, bits, axis)
    return codes % (2**bits - 1), scale, low


@exercise.mistake("the zero is rounded to a whole number of steps")
def zero_on_the_grid(x, bits, axis):
    _, scale, low = codes_of(x, bits, axis)
    zero = np.round(-low / scale)
    return np.clip(np.round(x / scale) + zero, 0, 2**bits - 1), scale, -zero * scale


@exercise.mistake("codes for the middles of equal ranges")
def middles_of_ranges(x, bits, axis):
    if not 1 <= bits <= 8:
        raise ValueError
    low, high = x.min(axis=axis, keepdims=True), x.max(axis=axis, keepdims=True)
    scale = np.where(high == low, 1.0, (high - low) / 2**bits)
    return np.clip(np.floor((x - low) / scale), 0, 2**bits - 1), scale, low + scale / 2


@exercise.mistake("code 0 is the largest number")
def downwards(x, bits, axis):
    codes, scale, low = codes_of(-x, bits, axis)
    return codes, -scale, -low


@exercise.mistake("the largest number of the whole tensor for every line")
def largest_of_all(x, bits, axis):
    return codes_of(x, bits, axis, most=x.max())


@exercise.mistake("the range isn't divided into steps")
def not_divided(x, bits, axis):
    return codes_of(x, bits, axis, levels=1)


@exercise.other_convention("the zero is a code: (codes - zero) * scale")
def zero_is_a_code(x, bits, axis):
    _, scale, low = codes_of(x, bits, axis)
    zero = np.round(-low / scale)
    return np.clip(np.round(x / scale) + zero, 0, 2**bits - 1), scale, zero


@exercise.another_way
def line_by_line(x, bits, axis):
    if not 1 <= bits <= 8:
        raise ValueError(f"bits is {bits}")
    turned = np.moveaxis(np.asarray(x), axis, -1)
    low, high = turned.min(axis=-1), turned.max(axis=-1)
    scale = np.array((high - low) / (2**bits - 1))
    scale[scale == 0] = 1
    codes = np.rint((turned - low[..., None]) / scale[..., None]).astype(int)
    back = [np.moveaxis(each, -1, axis) for each in (codes, scale[..., None], low[..., None])]
    return tuple(back)


exercise.another_way(codes_of)
