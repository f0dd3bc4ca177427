"""Paraphrases for lesson 08."""

import math

import numpy as np
from paraphrase import paraphrase


@paraphrase("sinusoidal_positions", "all sines first, then all cosines")
def halves_of_sines_and_cosines(n, d):
    half = (d + 1) // 2
    inv_freq = 1.0 / (10000.0 ** (np.arange(half) * 2 / d))
    freqs = np.einsum("i,j->ij", np.arange(n), inv_freq)
    return np.concatenate((np.sin(freqs), np.cos(freqs)), axis=-1)[:, :d]


@paraphrase("sinusoidal_positions", "sine and cosine swapped")
def cosines_in_even_places(n, d):
    table = [[0.0] * d for _ in range(n)]
    for pos in range(n):
        for place in range(d):
            i = place // 2
            angle = pos / 10000 ** (2 * i / d)
            table[pos][place] = math.cos(angle) if place % 2 == 0 else math.sin(angle)
    return np.array(table)


@paraphrase("sinusoidal_positions", "exponent doubled twice")
def doubled_loop_variable(n, d):
    pe = np.zeros((n, d))
    for pos in range(n):
        for i in range(0, d, 2):
            pe[pos, i] = np.sin(pos / 10000 ** (2 * i / d))
            if i + 1 < d:
                pe[pos, i + 1] = np.cos(pos / 10000 ** (2 * i / d))
    return pe


@paraphrase("sinusoidal_positions", "cosine with a frequency of its own")
def exponent_of_every_place(n, d):
    column = np.arange(d)
    angle = np.arange(n).reshape(-1, 1) * np.power(10000.0, -column / d)
    return np.where(column % 2, np.cos(angle), np.sin(angle))


@paraphrase("sinusoidal_positions", "slowest frequency exactly 1/10000")
def geometric_timescales(n, d):
    pairs = math.ceil(d / 2)
    step = math.log(10000) / max(pairs - 1, 1)
    angle = np.arange(n)[:, np.newaxis] * np.exp(-step * np.arange(pairs))
    interleaved = np.stack([np.sin(angle), np.cos(angle)], axis=-1)
    return interleaved.reshape(n, 2 * pairs)[:, :d]


@paraphrase("sinusoidal_positions", "frequencies that grow")
def multiplied_by_the_power(n, d):
    out = np.zeros((n, d))
    powers = np.exp(np.log(10000.0) * np.arange(0, d, 2) / d)
    for position, row in enumerate(out):
        row[::2] = np.sin(position * powers)
        row[1::2] = np.cos(position * powers[: d // 2])
    return out


@paraphrase("apply_rotary", "opposite direction")
def complex_numbers_turned_back(x, positions, base=10000.0):
    x = 1.0 * np.asarray(x)
    if x.shape[-1] % 2:
        raise ValueError("the width must be even")
    width = x.shape[-1]
    freqs = 1.0 / base ** (np.arange(0, width, 2) / width)
    turns = np.exp(-1j * np.outer(positions, freqs))
    z = (x[..., 0::2] + 1j * x[..., 1::2]) * turns
    return np.stack([z.real, z.imag], axis=-1).reshape(x.shape).astype(x.dtype)


@paraphrase("apply_rotary", "reflected instead of rotated")
def two_by_two_matrices(x, positions, base=10000.0):
    x = 1.0 * np.asarray(x)
    d = x.shape[-1]
    if d % 2 == 1:
        raise ValueError(f"odd width {d}")
    theta = np.asarray(positions)[:, None] / base ** (np.arange(d // 2) * 2 / d)
    c, s = np.cos(theta), np.sin(theta)
    matrices = np.array([[c, s], [s, -c]]).astype(x.dtype)
    pairs = x.reshape(*x.shape[:-1], d // 2, 2)
    return np.einsum("abni,...nib->...nia", matrices, pairs).reshape(x.shape)


@paraphrase("apply_rotary", "neighbors rotated, but laid out in halves")
def joined_instead_of_interleaved(x, positions, base=10000.0):
    x = 1.0 * np.asarray(x)
    d = x.shape[-1]
    if d % 2:
        raise ValueError(f"apply_rotary needs an even width, not {d}")
    angle = np.einsum("n,i->ni", np.asarray(positions, dtype=float), float(base) ** (-np.arange(0, d, 2) / d))
    cos, sin = np.cos(angle).astype(x.dtype), np.sin(angle).astype(x.dtype)
    x1, x2 = x[..., ::2], x[..., 1::2]
    return np.concatenate([x1 * cos - x2 * sin, x2 * cos + x1 * sin], axis=-1)


@paraphrase("apply_rotary", "second number computed from the first after its rotation")
def pair_after_pair_in_place(x, positions, base=10000.0):
    out = 1.0 * np.asarray(x)
    d = out.shape[-1]
    if d % 2:
        raise ValueError("odd width")
    for row, position in enumerate(positions):
        for i in range(d // 2):
            angle = float(position) * float(base) ** (-2 * i / d)
            cos, sin = math.cos(angle), math.sin(angle)
            out[..., row, 2 * i] = out[..., row, 2 * i] * cos - out[..., row, 2 * i + 1] * sin
            out[..., row, 2 * i + 1] = out[..., row, 2 * i] * sin + out[..., row, 2 * i + 1] * cos
    return out


@paraphrase("apply_rotary", "angles for halves on neighboring pairs")
def doubled_angles_with_rotated_neighbours(x, positions, base=10000.0):
    x = 1.0 * np.asarray(x)
    dim = x.shape[-1]
    if dim % 2 != 0:
        raise ValueError("dim must be even")

    def rotate_every_two(t):
        return np.stack((-t[..., 1::2], t[..., ::2]), axis=-1).reshape(t.shape)

    inv_freq = 1.0 / (base ** (np.arange(0, dim, 2) / dim))
    freqs = np.outer(positions, inv_freq)
    emb = np.concatenate((freqs, freqs), axis=-1)
    return x * np.cos(emb).astype(x.dtype) + rotate_every_two(x) * np.sin(emb).astype(x.dtype)


@paraphrase("apply_rotary", "angles for neighboring pairs on halves")
def repeated_angles_with_rotated_halves(x, positions, base=10000.0):
    x = 1.0 * np.asarray(x)
    if x.shape[-1] % 2:
        raise ValueError("x has an odd width")
    half = x.shape[-1] // 2
    theta = np.multiply.outer(np.asarray(positions), base ** -(np.arange(half) / half))
    theta = np.repeat(theta, 2, axis=-1)
    partner = np.concatenate([-x[..., half:], x[..., :half]], axis=-1)
    return (x * np.cos(theta) + partner * np.sin(theta)).astype(x.dtype)


@paraphrase("apply_rotary", "every pair at the same speed")
def angle_is_the_position(x, positions, base=10000.0):
    x = 1.0 * np.asarray(x)
    if x.shape[-1] % 2:
        raise ValueError("x has an odd width")
    angle = np.asarray(positions, dtype=x.dtype)[:, None, None]
    pairs = x.reshape(*x.shape[:-1], -1, 2)
    a, b = np.split(pairs, 2, axis=-1)
    c, s = np.cos(angle), np.sin(angle)
    return np.concatenate([c * a - s * b, s * a + c * b], axis=-1).reshape(x.shape)


@paraphrase("rotary_halves_order", "the inverse, from halves to neighbors")
def zipped_halves(d):
    if d % 2:
        raise ValueError("d must be even")
    half = d // 2
    return np.array([place for pair in zip(range(half), range(half, d), strict=True) for place in pair])


@paraphrase("rotary_halves_order", "odd entries running backwards")
def even_up_and_odd_down(d):
    if d % 2:
        raise ValueError("d must be even")
    return np.r_[0:d:2, d - 1 : 0 : -2]


@paraphrase("rotary_halves_order", "neighbors swapped")
def last_bit_flipped(d):
    if d & 1:
        raise ValueError(f"{d} is odd")
    return np.arange(d) ^ 1


@paraphrase("alibi_slopes", "the plain formula where the number of heads is no power of two")
def one_geometric_sequence(n_heads):
    if n_heads < 1:
        raise ValueError("at least one head")
    ratio = 2 ** (-8 / n_heads)
    slopes = [ratio]
    while len(slopes) < n_heads:
        slopes.append(slopes[-1] * ratio)
    return np.array(slopes)


@paraphrase("alibi_slopes", "first slopes of the next larger power")
def rounded_up_and_cut(n_heads):
    if n_heads < 1:
        raise ValueError("at least one head")
    power = 1
    while power < n_heads:
        power *= 2
    return np.array([2 ** (-8 * (i + 1) / power) for i in range(power)])[:n_heads]


@paraphrase("alibi_slopes", "every other slope taken from the second")
def recursion_that_starts_too_late(n_heads):
    if n_heads < 1:
        raise ValueError("at least one head")

    def get_slopes_power_of_2(n):
        start = 2 ** (-(2 ** -(math.log2(n) - 3)))
        return [start * start**i for i in range(n)]

    closest = 2 ** int(math.log2(n_heads))
    extra = get_slopes_power_of_2(2 * closest)[1::2]
    return np.array(get_slopes_power_of_2(closest) + extra[: n_heads - closest])


@paraphrase("alibi_slopes", "slopes put in order of size")
def steepest_to_flattest(n_heads):
    if n_heads < 1:
        raise ValueError("at least one head")
    lower = 1 << (n_heads.bit_length() - 1)
    exponents = [8 * i / lower for i in range(1, lower + 1)]
    exponents += [4 * i / lower for i in range(1, 2 * lower, 2)][: n_heads - lower]
    return np.exp2(-np.sort(exponents))


def slopes_as_published(n):
    lower = 1 << (n.bit_length() - 1)
    exponents = [8 * i / lower for i in range(1, lower + 1)]
    exponents += [4 * (2 * i + 1) / lower for i in range(n - lower)]
    return [2.0**-e for e in exponents]


@paraphrase("alibi_bias", "queries taken as the first positions")
def rows_numbered_from_zero(n_heads, n_query, n_key):
    bias = np.zeros((n_heads, n_query, n_key))
    for h, slope in enumerate(slopes_as_published(n_heads)):
        for i in range(n_query):
            for j in range(n_key):
                bias[h, i, j] = -slope * abs(i - j)
    return bias


@paraphrase("alibi_bias", "later keys raised instead of lowered")
def signed_difference(n_heads, n_query, n_key):
    i, j = np.indices((n_query, n_key))
    relative = j - (i + n_key - n_query)
    return np.einsum("h,qk->hqk", slopes_as_published(n_heads), relative)


@paraphrase("alibi_bias", "later keys not lowered")
def past_alone(n_heads, n_query, n_key):
    ahead = np.subtract.outer(np.arange(n_query) + (n_key - n_query), np.arange(n_key))
    past = ahead.clip(min=0)
    return np.stack([-m * past for m in slopes_as_published(n_heads)])


@paraphrase("alibi_bias", "distance squared")
def gaussian_like_penalty(n_heads, n_query, n_key):
    slopes = np.array(slopes_as_published(n_heads)).reshape(n_heads, 1, 1)
    where_query = np.arange(n_key)[::-1][:n_query][::-1] if n_query <= n_key else np.arange(n_query) - n_query + n_key
    gap = where_query.reshape(1, n_query, 1) - np.arange(n_key).reshape(1, 1, n_key)
    return -slopes * gap**2


@paraphrase("alibi_bias", "heads on the last axis")
def slopes_broadcast_behind(n_heads, n_query, n_key):
    distances = [[abs(n_key - n_query + q - k) for k in range(n_key)] for q in range(n_query)]
    return -np.array(distances)[..., None] * np.array(slopes_as_published(n_heads))


def turned(x, positions, frequencies):
    pairs = x[..., 0::2] + 1j * x[..., 1::2]
    pairs = pairs * np.exp(1j * np.outer(positions, frequencies))
    return np.stack([pairs.real, pairs.imag], axis=-1).reshape(x.shape)


@paraphrase("partial_rotary", "frequencies of the whole width")
def exponent_over_the_width(x, positions, n_rotated, base=10000.0):
    part = turned(x[..., :n_rotated], positions, base ** (-np.arange(0, n_rotated, 2) / x.shape[-1]))
    return np.concatenate([part, x[..., n_rotated:]], axis=-1)


@paraphrase("partial_rotary", "the last numbers rotated instead of the first")
def rotated_behind(x, positions, n_rotated, base=10000.0):
    part = turned(x[..., -n_rotated:], positions, base ** (-np.arange(0, n_rotated, 2) / n_rotated))
    return np.concatenate([x[..., :-n_rotated], part], axis=-1)


@paraphrase("partial_rotary", "the rest left out")
def rest_forgotten(x, positions, n_rotated, base=10000.0):
    return turned(x[..., :n_rotated], positions, base ** (-np.arange(0, n_rotated, 2) / n_rotated))


@paraphrase("partial_rotary", "positions restart at zero")
def counted_anew(x, positions, n_rotated, base=10000.0):
    frequencies = base ** (-np.arange(0, n_rotated, 2) / n_rotated)
    part = turned(x[..., :n_rotated], range(x.shape[-2]), frequencies)
    return np.concatenate([part, x[..., n_rotated:]], axis=-1)


def rescaled(d, base, kind, factor, trained, kept):
    f = np.exp(-np.arange(0, d, 2) / d * math.log(base))
    if kind == "linear":
        return f / factor
    if kind == "ntk":
        return f * np.exp(-np.arange(0, d, 2) / (d - 2) * math.log(factor))
    share = kept(trained * f / (2 * math.pi), {"yarn": 32, "llama3": 4}[kind])
    return share * f + (1 - share) * f / factor


@paraphrase("scaled_frequencies", "the ramp reversed")
def fast_pairs_divided(d, base=10000.0, kind="linear", factor=1.0, trained=8192):
    return rescaled(d, base, kind, factor, trained, lambda t, high: np.interp(t, [1, high], [1, 0]))


@paraphrase("scaled_frequencies", "a step instead of a ramp")
def kept_or_divided(d, base=10000.0, kind="linear", factor=1.0, trained=8192):
    return rescaled(d, base, kind, factor, trained, lambda t, high: np.where(t < high, 0.0, 1.0))


@paraphrase("scaled_frequencies", "turns counted without 2 pi")
def radians_for_turns(d, base=10000.0, kind="linear", factor=1.0, trained=8192):
    return rescaled(d, base, kind, factor, trained, lambda t, high: np.interp(t * 2 * math.pi, [1, high], [0, 1]))
