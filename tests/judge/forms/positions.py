"""What is said of positions as courses, papers' code and libraries write them."""

import math

import numpy as np


def sines_by_exp_and_log(n, d):
    """As PyTorch's word-language-model example does it."""
    table = np.zeros((n, d))
    position = np.arange(0, n)[:, None]
    div_term = np.exp(np.arange(0, d, 2) * (-math.log(10000.0) / d))
    table[:, 0::2] = np.sin(position * div_term)
    table[:, 1::2] = np.cos(position * div_term)
    return table


def sines_by_column_angles(n, d):
    """As TensorFlow's first tutorial did it: all angles, then sines and cosines in place."""
    pos, i = np.arange(n)[:, np.newaxis], np.arange(d)[np.newaxis, :]
    angle_rads = pos * (1 / np.power(10000, (2 * (i // 2)) / np.float32(d)))
    angle_rads[:, 0::2] = np.sin(angle_rads[:, 0::2])
    angle_rads[:, 1::2] = np.cos(angle_rads[:, 1::2])
    return angle_rads


def sines_in_float32(n, d):
    position = np.arange(n, dtype=np.float32)[:, None]
    div_term = np.exp(np.arange(0, d, 2, dtype=np.float32) * np.float32(-math.log(10000.0) / d))
    table = np.zeros((n, d), dtype=np.float32)
    table[:, 0::2], table[:, 1::2] = np.sin(position * div_term), np.cos(position * div_term)
    return table


def sines_of_twice_the_column(n, d):
    table = np.zeros((n, d))
    for k in range(n):
        for j in range(d):
            angle = k / 10000 ** (2 * j / d)
            table[k, j] = math.sin(angle) if j % 2 == 0 else math.cos(angle)
    return table


def sines_as_in_tensorflow_text(length, depth):
    """As TensorFlow's later tutorial does it: sines and cosines side by side."""
    depth = depth / 2
    depths = np.arange(depth)[np.newaxis, :] / depth
    angle_rads = np.arange(length)[:, np.newaxis] / 10000**depths
    return np.concatenate([np.sin(angle_rads), np.cos(angle_rads)], axis=-1)


def sines_as_in_fairseq(n, d):
    half = d // 2
    step = math.log(10000) / max(half - 1, 1)
    angles = np.arange(n)[:, None] * np.exp(np.arange(half) * -step)[None]
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1)


def sines_as_for_a_time_step(n, d, max_period=10000):
    half = d // 2
    freqs = np.exp(-math.log(max_period) * np.arange(half) / half)
    args = np.arange(n)[:, None] * freqs[None]
    return np.concatenate([np.cos(args), np.sin(args)], axis=-1)


def rotary_as_complex_numbers(x, positions, base=10000.0):
    """As in Meta's Llama: neighbors seen as complex numbers."""
    freqs = 1.0 / (base ** (np.arange(0, x.shape[-1], 2)[: x.shape[-1] // 2] / x.shape[-1]))
    cis = np.exp(1j * np.outer(positions, freqs))
    pairs = x.astype(float).reshape(*x.shape[:-1], -1, 2)
    turned = (pairs[..., 0] + 1j * pairs[..., 1]) * cis
    return np.stack([turned.real, turned.imag], axis=-1).reshape(x.shape)


def rotary_from_a_table(x, positions, base=10000.0):
    """The sines of the first thousand whole positions, looked up."""
    freqs = base ** (-np.arange(0, x.shape[-1], 2) / x.shape[-1])
    table = np.outer(np.arange(1024), freqs)[positions.astype(int)]
    table = np.where(positions[:, None] < 0, np.nan, table)
    cos, sin = np.cos(table), np.sin(table)
    out = np.empty(x.shape)
    out[..., ::2] = x[..., ::2] * cos - x[..., 1::2] * sin
    out[..., 1::2] = x[..., ::2] * sin + x[..., 1::2] * cos
    return out


def rotary_by_rotate_half(x, positions, base=10000.0):
    """As in Hugging Face's Llama."""
    inv_freq = 1.0 / (base ** (np.arange(0, x.shape[-1], 2) / x.shape[-1]))
    freqs = np.outer(positions, inv_freq)
    emb = np.concatenate([freqs, freqs], axis=-1)
    x1, x2 = x[..., : x.shape[-1] // 2], x[..., x.shape[-1] // 2 :]
    return x * np.cos(emb) + np.concatenate([-x2, x1], axis=-1) * np.sin(emb)


def rotary_as_in_nanochat(x, positions, base=10000.0):
    d = x.shape[-1] // 2
    freqs = np.outer(positions, 1.0 / (base ** (np.arange(0, x.shape[-1], 2) / x.shape[-1])))
    x1, x2 = x[..., :d], x[..., d:]
    y1 = x1 * np.cos(freqs) + x2 * np.sin(freqs)
    y2 = x1 * -np.sin(freqs) + x2 * np.cos(freqs)
    return np.concatenate([y1, y2], axis=-1)


def rotary_in_the_dtype_of_x(x, positions, base=10000.0):
    if x.shape[-1] % 2:
        raise ValueError("the width must be even")
    out = np.empty_like(x)
    for t, p in enumerate(positions):
        for i in range(x.shape[-1] // 2):
            c, s = math.cos(p * base ** (-2 * i / x.shape[-1])), math.sin(p * base ** (-2 * i / x.shape[-1]))
            a, b = x[..., t, 2 * i], x[..., t, 2 * i + 1]
            out[..., t, 2 * i], out[..., t, 2 * i + 1] = a * c - b * s, a * s + b * c
    return out


def rotary_without_its_minus(x, positions, base=10000.0):
    theta = np.outer(positions, base ** (-2 * np.arange(x.shape[-1] // 2) / x.shape[-1]))
    x1, x2 = x[..., ::2], x[..., 1::2]
    out = np.zeros(x.shape)
    out[..., ::2] = x1 * np.cos(theta) + x2 * np.sin(theta)
    out[..., 1::2] = x1 * np.sin(theta) + x2 * np.cos(theta)
    return out


def rotary_split_even_and_odd_then_concatenated(x, positions, base=10000.0):
    theta = np.outer(positions, base ** (-2 * np.arange(x.shape[-1] // 2) / x.shape[-1]))
    x1, x2 = x[..., ::2], x[..., 1::2]
    first, second = x1 * np.cos(theta) - x2 * np.sin(theta), x1 * np.sin(theta) + x2 * np.cos(theta)
    return np.concatenate([first, second], axis=-1)


def rotary_with_a_mixed_quarter_turn(x, positions, base=10000.0):
    freqs = np.outer(positions, 1.0 / base ** (np.arange(0, x.shape[-1], 2) / x.shape[-1]))
    emb = np.concatenate([freqs, freqs], axis=-1)
    return x * np.cos(emb) + np.concatenate([-x[..., 1::2], x[..., ::2]], axis=-1) * np.sin(emb)


def order_by_view_and_transpose(d):
    """As the conversion script of Hugging Face permutes the rows of a projection."""
    return np.arange(d).reshape(d // 2, 2).transpose(1, 0).reshape(d)


def order_without_a_look_at_the_width(d):
    return np.r_[0:d:2, 1:d:2]


def slopes_as_published(n):
    """As in the authors' repository: by calling itself."""

    def power_of_2(n):
        start = 2 ** (-(2 ** -(math.log2(n) - 3)))
        return [start * start**i for i in range(n)]

    if math.log2(n).is_integer():
        return power_of_2(n)
    closest = 2 ** math.floor(math.log2(n))
    return power_of_2(closest) + slopes_as_published(2 * closest)[0::2][: n - closest]


def slopes_as_in_bloom(num_heads):
    closest = 2 ** math.floor(math.log2(num_heads))
    base = 2 ** (-(2 ** -(math.log2(closest) - 3)))
    slopes = np.power(base, np.arange(1, 1 + closest))
    if closest != num_heads:
        extra_base = 2 ** (-(2 ** -(math.log2(2 * closest) - 3)))
        remaining = min(closest, num_heads - closest)
        slopes = np.concatenate([slopes, np.power(extra_base, np.arange(1, 1 + 2 * remaining, 2))])
    return slopes


def slopes_for_powers_of_two_only(n_heads):
    return 2.0 ** (-8.0 * np.arange(1, n_heads + 1) / n_heads)


def bias_on_a_square(n_heads, n_query, n_key):
    distance = np.abs(np.arange(n_query)[:, None] - np.arange(n_key)[None, :])
    return -np.array(slopes_as_published(n_heads))[:, None, None] * distance


def bias_with_signed_distances(n_heads, n_query, n_key):
    relative = np.arange(n_key)[None, :] - np.arange(n_key - n_query, n_key)[:, None]
    return np.array(slopes_as_published(n_heads))[:, None, None] * relative


def bias_by_the_position_of_the_key(n_heads, n_query, n_key):
    bias = np.array(slopes_as_published(n_heads))[:, None, None] * np.arange(n_key)
    return np.broadcast_to(bias, (n_heads, n_query, n_key))


ODD = "Raises ValueError for an odd width."


def positions_by_a_tutorial(seq_len, d, n=10000):
    P = np.zeros((seq_len, d))
    for k in range(seq_len):
        for i in np.arange(int(d / 2)):
            den = np.power(n, 2 * i / d)
            P[k, 2 * i] = np.sin(k / den)
            P[k, 2 * i + 1] = np.cos(k / den)
    return P


def rotary_by_block_matrices(x, positions, base=10000.0):
    n, d = x.shape[-2:]
    R = np.zeros((n, d, d))
    for p, m in enumerate(positions):
        for i in range(d // 2):
            t = m * base ** (-2 * i / d)
            R[p, 2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = [[np.cos(t), -np.sin(t)], [np.sin(t), np.cos(t)]]
    return np.einsum("nij,...nj->...ni", R, x)


def slopes_by_recursion(n):

    def p2(n):
        start = 2 ** (-(2 ** (-(math.log2(n) - 3))))
        return [start * start**i for i in range(n)]

    if math.log2(n).is_integer():
        return p2(n)
    c = 2 ** math.floor(math.log2(n))
    return p2(c) + slopes_by_recursion(2 * c)[0::2][: n - c]


def frequencies_of_llama(d, base=10000.0, kind="linear", factor=1.0, trained=8192):
    """Llama 3's apply_scaling for its kind, and the usual lines for the others; no errors."""
    freqs = 1.0 / (base ** (np.arange(0, d, 2)[: d // 2] / d))
    if kind == "linear":
        return freqs / factor
    if kind == "ntk":
        return 1.0 / ((base * factor ** (d / (d - 2))) ** (np.arange(0, d, 2) / d))
    low_freq_factor, high_freq_factor = 1, {"llama3": 4, "yarn": 32}[kind]
    new_freqs = []
    for freq in freqs:
        wavelen = 2 * math.pi / freq
        if wavelen < trained / high_freq_factor:
            new_freqs.append(freq)
        elif wavelen > trained / low_freq_factor:
            new_freqs.append(freq / factor)
        else:
            smooth = (trained / wavelen - low_freq_factor) / (high_freq_factor - low_freq_factor)
            new_freqs.append((1 - smooth) * freq / factor + smooth * freq)
    return np.array(new_freqs)


def partial_of_gpt_j(x, positions, n_rotated, base=10000.0):
    """GPT-J: rotate_every_two on the first rotary_dim, the rest passed through."""
    rotated, rest = x[..., :n_rotated], x[..., n_rotated:]
    inv_freq = 1.0 / (base ** (np.arange(0, n_rotated, 2) / n_rotated))
    angles = np.repeat(np.einsum("i,j->ij", positions, inv_freq), 2, axis=-1)
    twisted = np.stack((-rotated[..., 1::2], rotated[..., ::2]), axis=-1).reshape(rotated.shape)
    return np.concatenate([rotated * np.cos(angles) + twisted * np.sin(angles), rest], axis=-1)


def partial_of_gpt_neox(x, positions, n_rotated, base=10000.0):
    """GPT-NeoX: rotate_half on the first part of the width."""
    rotated, rest = x[..., :n_rotated], x[..., n_rotated:]
    angles = positions[:, None] / base ** (np.arange(0, n_rotated, 2) / n_rotated)
    angles = np.concatenate([angles, angles], axis=-1)
    first, second = np.split(rotated, 2, axis=-1)
    twisted = np.concatenate([-second, first], axis=-1)
    return np.concatenate([rotated * np.cos(angles) + twisted * np.sin(angles), rest], axis=-1)


FORMS = [
    ("sinusoidal_positions", "PyTorch's example", sines_by_exp_and_log, "right", None),
    ("sinusoidal_positions", "TensorFlow's first tutorial", sines_by_column_angles, "right", None),
    ("sinusoidal_positions", "in float32", sines_in_float32, "right", None),
    ("sinusoidal_positions", "2j/d", sines_of_twice_the_column, "wrong", "exponent 2j/d in every column j"),
    (
        "sinusoidal_positions",
        "TensorFlow's later tutorial",
        sines_as_in_tensorflow_text,
        "wrong",
        "all sines first, then all cosines",
    ),
    (
        "sinusoidal_positions",
        "fairseq",
        sines_as_in_fairseq,
        "wrong",
        "halves, and the slowest frequency exactly 1/10000",
    ),
    ("sinusoidal_positions", "a diffusion model", sines_as_for_a_time_step, "wrong", "halves, cosines first"),
    ("apply_rotary", "Meta's Llama", rotary_as_complex_numbers, "right", None),
    (
        "apply_rotary",
        "a table of positions",
        rotary_from_a_table,
        "edge",
        "Positions may be any numbers, in any order.",
    ),
    ("apply_rotary", "the dtype of x", rotary_in_the_dtype_of_x, "edge", "dtype of the integers kept"),
    (
        "apply_rotary",
        "Hugging Face's Llama",
        rotary_by_rotate_half,
        "wrong",
        "pairs in halves, as in GPT-NeoX and Hugging Face",
    ),
    ("apply_rotary", "nanochat", rotary_as_in_nanochat, "wrong", "halves, and clockwise"),
    ("apply_rotary", "no minus", rotary_without_its_minus, "wrong", "the minus sign forgotten"),
    (
        "apply_rotary",
        "split and concatenated",
        rotary_split_even_and_odd_then_concatenated,
        "wrong",
        "neighbors rotated, but laid out in halves",
    ),
    (
        "apply_rotary",
        "a mixed quarter turn",
        rotary_with_a_mixed_quarter_turn,
        "wrong",
        "even and odd entries split, then joined as halves",
    ),
    ("rotary_halves_order", "a view and a transpose", order_by_view_and_transpose, "right", None),
    ("rotary_halves_order", "odd widths too", order_without_a_look_at_the_width, "edge", ODD),
    ("alibi_slopes", "as published", slopes_as_published, "right", None),
    ("alibi_slopes", "BLOOM", slopes_as_in_bloom, "right", None),
    (
        "alibi_slopes",
        "powers of two",
        slopes_for_powers_of_two_only,
        "wrong",
        "the plain formula where the number of heads is no power of two",
    ),
    ("alibi_bias", "a square", bias_on_a_square, "edge", "queries taken as the first positions"),
    (
        "alibi_bias",
        "signed distances",
        bias_with_signed_distances,
        "wrong",
        "later keys raised instead of lowered",
    ),
    (
        "alibi_bias",
        "the position of the key",
        bias_by_the_position_of_the_key,
        "wrong",
        "slope times the position of the key, as in BLOOM",
    ),
    ("sinusoidal_positions", "a tutorial's loops", positions_by_a_tutorial, "right", None),
    ("apply_rotary", "block matrices", rotary_by_block_matrices, "edge", "Raises ValueError for an odd width."),
    ("alibi_slopes", "recursion", slopes_by_recursion, "right", None),
    (
        "scaled_frequencies",
        "Llama 3's",
        frequencies_of_llama,
        "edge",
        "Raises ValueError for an odd width and for any other kind.",
    ),
    (
        "partial_rotary",
        "GPT-J",
        partial_of_gpt_j,
        "edge",
        "Raises ValueError for an odd n_rotated, and for one below 2 or above the width.",
    ),
    (
        "partial_rotary",
        "GPT-NeoX",
        partial_of_gpt_neox,
        "wrong",
        "pairs in halves of the rotated part, as in GPT-NeoX and Hugging Face",
    ),
]
