"""Lesson 08: positions, or how attention learns where it is."""

import math

import numpy as np

from attncore.shapes import shaped


@shaped("->(n,d)")
def sinusoidal_positions(n, d):
    """Give each of n positions a vector of sines and cosines of falling frequency.

    Places 2i and 2i + 1 hold the sine and the cosine of position / 10000^(2i / d); positions
    count from zero. To be added to the embeddings. Vaswani et al. (2017).
    """
    pairs = np.arange(0, d, 2)
    angles = np.arange(n)[:, None] / 10000.0 ** (pairs / d)
    positions = np.empty((n, d))
    positions[:, 0::2] = np.sin(angles)
    positions[:, 1::2] = np.cos(angles[:, : d // 2])
    return positions


@shaped("(...,n,d),(n)->(...,n,d)")
def apply_rotary(x, positions, base=10000.0):
    """Rotate each pair of neighboring numbers by an angle that grows with the position.

    Pair i, entries 2i and 2i + 1, turns counter-clockwise by position * base^(-2i / d). Positions
    may be any numbers, in any order. Integers become float64. The dot product of two rotated
    vectors depends only on the difference of their positions. Raises ValueError for an odd width.
    Su et al. (2021).
    """
    d = x.shape[-1]
    if d % 2:
        raise ValueError(f"apply_rotary: the rotary width is {d}, expected an even one")
    angles = positions[:, None] * float(base) ** (-np.arange(0, d, 2) / d)
    cos, sin = np.cos(angles).astype(x.dtype), np.sin(angles).astype(x.dtype)
    even, odd = x[..., 0::2], x[..., 1::2]
    rotated = np.empty_like(x)
    rotated[..., 0::2] = even * cos - odd * sin
    rotated[..., 1::2] = even * sin + odd * cos
    return rotated


@shaped("(...,n,d),(n)->(...,n,d)")
def partial_rotary(x, positions, n_rotated, base=10000.0):
    """Rotate the first numbers of each vector by its position, and leave the rest as it is.

    The first n_rotated numbers turn as in `apply_rotary`: adjacent pairs, counter-clockwise,
    pair i by position * base^(-2i / n_rotated). With the whole width it is `apply_rotary`. Integers
    become float64. Raises ValueError for an odd n_rotated, and for one below 2 or above the width.
    Wang and Komatsuzaki (2021), in GPT-J.
    """
    d = x.shape[-1]
    if n_rotated % 2 or not 2 <= n_rotated <= d:
        raise ValueError(f"partial_rotary: n_rotated is {n_rotated}, expected an even number from 2 to the width, {d}")
    rotated = apply_rotary(x[..., :n_rotated], positions, base)
    return np.concatenate([rotated, x[..., n_rotated:]], axis=-1)


@shaped("->(d/2)", axes={"d/2": "pair"})
def scaled_frequencies(d, base=10000.0, kind="linear", factor=1.0, trained=8192):
    """Slow the rotary pairs down, for texts `factor` times as long as the `trained` length.

    Unscaled, pair i turns by base^(-2i / d) radians a token; the result has d/2 such frequencies, the
    largest first. "linear" divides all of them by the factor (Chen et al., 2023a). "ntk" takes the base
    times factor^(d / (d - 2)) instead ("NTK-aware"). "yarn" keeps the pairs that make 32 turns or
    more in the trained length and divides those that make 1 or less; between 1 and 32 turns the share
    that is kept grows linearly (Peng et al., 2023, who also multiply the scores by
    (0.1 ln factor + 1)^2, which isn't done here). "llama3" does the same between 1 and 4 turns
    (the code of Llama 3.1). A factor of 1 changes nothing. Raises ValueError for an odd width and
    for any other kind.
    """
    if d % 2:
        raise ValueError(f"scaled_frequencies: d is {d}, expected an even width")
    frequencies = float(base) ** (-np.arange(0, d, 2) / d)
    if kind == "linear":
        return frequencies / factor
    if kind == "ntk":
        return frequencies / factor ** np.linspace(0, 1, d // 2)  # what the larger base comes to, pair by pair
    ramps = {"yarn": (1, 32), "llama3": (1, 4)}
    if kind not in ramps:
        raise ValueError(f'scaled_frequencies: kind is "{kind}", expected "linear", "ntk", "yarn" or "llama3"')
    low, high = ramps[kind]
    turns = trained * frequencies / (2 * math.pi)
    kept = np.clip((turns - low) / (high - low), 0, 1)
    return frequencies * (kept + (1 - kept) / factor)


@shaped("->(d)")
def rotary_halves_order(d):
    """Order the indices so that x[..., order] turns adjacent pairs into halves: even, then odd.

    Two layouts of the same rotation: pairs (2i, 2i + 1), as in the paper, and pairs (i, i + d/2),
    as in GPT-NeoX and in Llama's weights at Hugging Face. Raises ValueError for an odd width.
    """
    if d % 2:
        raise ValueError(f"rotary_halves_order: d is {d}, expected an even width")
    return np.concatenate([np.arange(0, d, 2), np.arange(1, d, 2)])


@shaped("->(h)")
def alibi_slopes(n_heads):
    """Give each head its slope: 2^(-8h / H) for head h of H, counted from one.

    Where H is no power of two: the slopes of the next smaller power, then every other slope of
    the next larger one. Press et al. (2021).
    """
    if n_heads < 1:
        raise ValueError(f"alibi_slopes: n_heads is {n_heads}, expected at least 1")
    power = 2 ** math.floor(math.log2(n_heads))
    slopes = 2.0 ** (-8 * np.arange(1, power + 1) / power)
    between = 2.0 ** (-4 * np.arange(1, 2 * power, 2) / power)
    return np.concatenate([slopes, between[: n_heads - power]])


@shaped("->(h,q,k)")
def alibi_bias(n_heads, n_query, n_key):
    """Lower each score in proportion to the distance between query and key.

    Minus the head's slope times the absolute distance between the two positions, to be added to
    the scores. With fewer queries than keys, the queries are the last positions. Press et al.
    (2021).
    """
    query_positions = np.arange(n_key - n_query, n_key)
    distance = np.abs(query_positions[:, None] - np.arange(n_key))
    return alibi_slopes(n_heads)[:, None, None] * -distance
