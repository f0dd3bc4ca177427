"""Lesson 08: positions, added, turned, or taken off the scores."""

import math

import numpy as np

from attncore.exercises.exercise import Lesson, case, cases
from attncore.positions import (
    alibi_bias,
    alibi_slopes,
    apply_rotary,
    rotary_halves_order,
    sinusoidal_positions,
)

lesson = Lesson("08_positions")

sinusoidal = lesson.code(
    sinusoidal_positions,
    [
        case(sinusoidal_positions, "three positions, width four", n=3, d=4),
        case(sinusoidal_positions, "two positions, width six", n=2, d=6),
        case(sinusoidal_positions, "width two", n=5, d=2),
        case(sinusoidal_positions, "as many positions as places", n=8, d=8),
        case(sinusoidal_positions, "one position", n=1, d=6),
        case(sinusoidal_positions, "a width that is no power of two", n=7, d=12),
        case(sinusoidal_positions, "a long text", stage="many positions", n=600, d=10),
    ],
)


def sines_and_cosines(sine_angles, cosine_angles):
    """Interleave the sines of some angles with the cosines of others."""
    return np.stack([np.sin(sine_angles), np.cos(cosine_angles)], axis=-1).reshape(len(sine_angles), -1)


def angles_of(n, d, base=10000.0):
    return np.arange(n)[:, None] / base ** (np.arange(0, d, 2) / d)


@sinusoidal.mistake
def all_sines_first_then_all_cosines(n, d):
    angles = np.arange(n)[:, None] / 10000.0 ** (np.arange(0, d, 2) / d)
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=-1)


@sinusoidal.mistake
def sines_only(n, d):
    places = np.arange(d)
    return np.sin(np.arange(n)[:, None] / 10000.0 ** (places // 2 * 2 / d))


@sinusoidal.mistake
def sine_and_cosine_swapped(n, d):
    return sinusoidal_positions(n, d).reshape(n, -1, 2)[..., ::-1].reshape(n, d)


@sinusoidal.mistake
def positions_counted_from_one(n, d):
    return sinusoidal_positions(n + 1, d)[1:]


@sinusoidal.mistake
def base_of_1000(n, d):
    angles = angles_of(n, d, 1000.0)
    return sines_and_cosines(angles, angles)


@sinusoidal.mistake
def exponent_i_over_d(n, d):
    angles = np.arange(n)[:, None] / 10000.0 ** (np.arange(d // 2) / d)
    return sines_and_cosines(angles, angles)


@sinusoidal.mistake
def exponent_doubled_twice(n, d):
    positions = np.zeros((n, d))
    for place in range(0, d, 2):
        angles = np.arange(n) / 10000.0 ** (2 * place / d)
        positions[:, place] = np.sin(angles)
        positions[:, place + 1] = np.cos(angles)
    return positions


@sinusoidal.mistake
def cosine_with_a_frequency_of_its_own(n, d):
    angles = np.arange(n)[:, None] / 10000.0 ** (np.arange(d) / d)
    return sines_and_cosines(angles[:, 0::2], angles[:, 1::2])


@sinusoidal.mistake
def frequencies_that_grow(n, d):
    angles = np.arange(n)[:, None] * 10000.0 ** (np.arange(0, d, 2) / d)
    return sines_and_cosines(angles, angles)


@sinusoidal.mistake
def last_pair_at_exactly_one_over_10000(n, d):
    angles = np.arange(n)[:, None] / 10000.0 ** (np.arange(0, d, 2) / max(d - 2, 1))
    return sines_and_cosines(angles, angles)


@sinusoidal.mistake
def angles_in_degrees(n, d):
    angles = np.radians(angles_of(n, d))
    return sines_and_cosines(angles, angles)


@sinusoidal.another_way
def sines_a_quarter_turn_ahead(n, d):
    place = np.arange(d)
    angles = np.arange(n)[:, None] / 10000.0 ** (place // 2 * 2 / d)
    return np.sin(angles + place % 2 * np.pi / 2)


@sinusoidal.another_way
def number_by_number(n, d):
    rows = []
    for position in range(n):
        row = []
        for pair in range(d // 2):
            angle = position * math.exp(-2 * pair / d * math.log(10000))
            row += [math.sin(angle), math.cos(angle)]
        rows.append(row)
    return rows


@sinusoidal.another_way
def as_complex_exponentials(n, d):
    hands = 1j * np.exp(-1j * angles_of(n, d))
    return np.stack([hands.real, hands.imag], axis=-1).reshape(n, d)


def at(*positions):
    """Positions for a case; each call makes them afresh."""
    return lambda rng, s: np.array(positions)


rotary = lesson.code(
    apply_rotary,
    cases(
        apply_rotary,
        case(apply_rotary, "a single pair, four positions", sizes={"n": 4, "d": 2}, positions=at(0, 1, 2, 3)),
        case(apply_rotary, "a square of everything", sizes={"n": 4, "d": 4}, positions=at(0, 1, 2, 3)),
        case(apply_rotary, "a width that is no power of two", sizes={"d": 12}, positions=at(0, 1, 2, 3, 4)),
        case(
            apply_rotary,
            "all tokens at one position",
            small=True,
            stage="positions that do not start at zero",
            positions=at(3, 3, 3),
        ),
        case(
            apply_rotary,
            "one new token at position five",
            small=True,
            sizes={"n": 1},
            stage="positions that do not start at zero",
            positions=at(5),
        ),
        case(
            apply_rotary,
            "positions that start at seven",
            lead=(2,),
            stage="positions that do not start at zero",
            positions=at(7, 8, 9, 10, 11),
        ),
        case(apply_rotary, "positions out of order", stage="positions out of order", positions=at(17, 0, 900, 3, 64)),
        case(
            apply_rotary,
            "positions that are no whole numbers, and one below zero",
            stage="positions between whole numbers",
            positions=at(0.0, 0.25, 2.5, -3.0, 0.75),
        ),
        case(
            apply_rotary,
            "a base of 100",
            small=True,
            stage="another base",
            positions=at(1, 2, 3),
            base=100.0,
        ),
        case(
            apply_rotary,
            "a base of 500,000, six heads",
            lead=(6,),
            stage="another base",
            positions=at(2, 40, 800, 5, 9),
            base=500_000.0,
        ),
        positions=lambda rng, s: np.arange(s.n),
    ),
)


def pairs_turned(x, angles):
    """Adjacent pairs of x, turned counter-clockwise."""
    even, odd = x[..., 0::2], x[..., 1::2]
    cos, sin = np.cos(angles), np.sin(angles)
    return np.stack([even * cos - odd * sin, even * sin + odd * cos], axis=-1).reshape(x.shape)


def rotary_angles(d, positions, base):
    return positions[:, None] * base ** (-np.arange(0, d, 2) / d)


@rotary.mistake
def nothing_rotated(x, positions, base=10000.0):
    return x


@rotary.mistake
def opposite_direction(x, positions, base=10000.0):
    return apply_rotary(x, -positions, base)


@rotary.mistake
def cosine_and_sine_swapped(x, positions, base=10000.0):
    return pairs_turned(x, np.pi / 2 - rotary_angles(x.shape[-1], positions, base))


@rotary.mistake
def reflected_instead_of_rotated(x, positions, base=10000.0):
    angles = rotary_angles(x.shape[-1], positions, base)
    even, odd = x[..., 0::2], x[..., 1::2]
    cos, sin = np.cos(angles), np.sin(angles)
    return np.stack([even * cos + odd * sin, even * sin - odd * cos], axis=-1).reshape(x.shape)


@rotary.mistake
def exponent_i_over_d(x, positions, base=10000.0):
    d = x.shape[-1]
    return pairs_turned(x, positions[:, None] * base ** (-np.arange(d // 2) / d))


@rotary.mistake
def frequencies_that_grow(x, positions, base=10000.0):
    return apply_rotary(x, positions, 1 / base)


@rotary.mistake
def every_pair_at_one_speed(x, positions, base=10000.0):
    return apply_rotary(x, positions, 1.0)


@rotary.mistake
def base_hard_coded(x, positions, base=10000.0):
    return apply_rotary(x, positions)


@rotary.mistake
def angles_in_degrees(x, positions, base=10000.0):
    return apply_rotary(x, np.radians(positions), base)


@rotary.mistake
def positions_restart_at_zero(x, positions, base=10000.0):
    *_, n, d = x.shape
    angles = np.arange(n)[:, None] * base ** (-np.arange(0, d, 2) / d)
    even, odd = x[..., 0::2], x[..., 1::2]
    rotated = np.empty_like(x)
    rotated[..., 0::2] = even * np.cos(angles) - odd * np.sin(angles)
    rotated[..., 1::2] = even * np.sin(angles) + odd * np.cos(angles)
    return rotated


@rotary.mistake
def positions_cut_to_whole_numbers(x, positions, base=10000.0):
    return apply_rotary(x, np.trunc(positions), base)


@rotary.mistake
def second_of_each_pair_made_from_the_first_already_turned(x, positions, base=10000.0):
    angles = rotary_angles(x.shape[-1], positions, base)
    cos, sin = np.cos(angles), np.sin(angles)
    first = x[..., 0::2] * cos - x[..., 1::2] * sin
    return np.stack([first, first * sin + x[..., 1::2] * cos], axis=-1).reshape(x.shape)


@rotary.mistake
def angles_of_the_halves_on_neighbouring_pairs(x, positions, base=10000.0):
    d = x.shape[-1]
    angles = positions[:, None] * base ** (-np.arange(0, d, 2) / d)
    angles = np.concatenate([angles, angles], axis=-1)
    quarter_turn = np.stack([-x[..., 1::2], x[..., 0::2]], axis=-1).reshape(x.shape)
    return x * np.cos(angles) + quarter_turn * np.sin(angles)


@rotary.mistake
def angles_of_neighbouring_pairs_on_the_halves(x, positions, base=10000.0):
    angles = np.repeat(rotary_angles(x.shape[-1], positions, base), 2, axis=-1)
    left, right = np.split(x, 2, axis=-1)
    return x * np.cos(angles) + np.concatenate([-right, left], axis=-1) * np.sin(angles)


@rotary.mistake
def neighbours_turned_but_laid_out_in_halves(x, positions, base=10000.0):
    return apply_rotary(x, positions, base)[..., rotary_halves_order(x.shape[-1])]


@rotary.mistake
def sinusoids_added_instead_of_turning(x, positions, base=10000.0):
    angles = rotary_angles(x.shape[-1], positions, base)
    return x + sines_and_cosines(angles, angles)


@rotary.other_convention
def pairs_in_halves_as_in_GPT_NeoX_and_Hugging_Face(x, positions, base=10000.0):
    order = rotary_halves_order(x.shape[-1])
    back = np.argsort(order)
    return apply_rotary(x[..., back], positions, base)[..., order]


@rotary.another_way
def with_complex_numbers(x, positions, base=10000.0):
    pairs = x[..., 0::2] + 1j * x[..., 1::2]
    speeds = base ** (-np.arange(0, x.shape[-1], 2) / x.shape[-1])
    turned = pairs * np.exp(1j * np.outer(positions, speeds))
    return np.stack([turned.real, turned.imag], axis=-1).reshape(x.shape)


@rotary.another_way
def with_rotation_matrices(x, positions, base=10000.0):
    d = x.shape[-1]
    angles = positions[:, None] * base ** (-np.arange(0, d, 2) / d)
    cos, sin = np.cos(angles), np.sin(angles)
    R = np.moveaxis(np.array([[cos, -sin], [sin, cos]]), (0, 1), (-2, -1))
    pairs = x.reshape(*x.shape[:-1], d // 2, 2)
    return np.einsum("...nprc,...npc->...npr", R, pairs).reshape(x.shape)


@rotary.another_way
def vector_and_its_quarter_turn(x, positions, base=10000.0):
    angles = np.repeat(rotary_angles(x.shape[-1], positions, base), 2, axis=-1)
    quarter_turn = np.empty_like(x)
    quarter_turn[..., 0::2], quarter_turn[..., 1::2] = -x[..., 1::2], x[..., 0::2]
    return x * np.cos(angles) + quarter_turn * np.sin(angles)


@rotary.another_way
def pair_by_pair(x, positions, base=10000.0):
    out = np.array(x, dtype=float)
    for token, position in enumerate(positions):
        for place in range(0, x.shape[-1], 2):
            angle = position / base ** (place / x.shape[-1])
            a, b = x[..., token, place], x[..., token, place + 1]
            out[..., token, place] = a * math.cos(angle) - b * math.sin(angle)
            out[..., token, place + 1] = a * math.sin(angle) + b * math.cos(angle)
    return out


halves = lesson.code(
    rotary_halves_order,
    [case(rotary_halves_order, f"width {d}", d=d) for d in (6, 4, 2, 8, 10, 64)],
)


@halves.mistake
def the_way_back_from_halves_to_neighbours(d):
    return np.argsort(rotary_halves_order(d))


@halves.mistake
def odd_places_first(d):
    return np.roll(rotary_halves_order(d), d // 2)


@halves.mistake
def places_left_as_they_are(d):
    return np.arange(d)


@halves.mistake
def halves_swapped(d):
    return np.roll(np.arange(d), d // 2)


@halves.mistake
def neighbours_swapped(d):
    return np.arange(d) ^ 1


@halves.mistake
def odd_places_running_backwards(d):
    return np.concatenate([np.arange(0, d, 2), np.arange(1, d, 2)[::-1]])


@halves.another_way
def a_transpose(d):
    return np.arange(d).reshape(-1, 2).T.ravel()


@halves.another_way
def sorted_by_the_remainder(d):
    return sorted(range(d), key=lambda place: place % 2)


@halves.another_way
def a_list_of_both(d):
    return [*range(0, d, 2), *range(1, d, 2)]


slopes = lesson.code(
    alibi_slopes,
    [
        *(case(alibi_slopes, f"{n} heads", n_heads=n) for n in (4, 8, 2, 16)),
        case(alibi_slopes, "one head", n_heads=1),
        *(
            case(alibi_slopes, f"{n} heads", stage="a number of heads that is no power of two", n_heads=n)
            for n in (3, 6, 12, 20, 31, 40)
        ),
    ],
)


def geometric(n, first):
    """n slopes, the first 2^-first, each the same fraction of the one before."""
    return 2.0 ** (-first * np.arange(1, n + 1))


@slopes.mistake
def same_slope_for_every_head(n_heads):
    return np.full(n_heads, alibi_slopes(n_heads)[0])


@slopes.mistake
def exponent_counted_from_zero(n_heads):
    power = 2 ** math.floor(math.log2(n_heads))
    first = 2.0 ** (-8 * np.arange(power) / power)
    return np.concatenate([first, alibi_slopes(n_heads)[power:]])


@slopes.mistake
def slopes_below_zero(n_heads):
    return -alibi_slopes(n_heads)


@slopes.mistake
def plain_formula_where_n_is_no_power_of_two(n_heads):
    heads = np.arange(1, n_heads + 1)
    return 2.0 ** (-8 * heads / n_heads)


@slopes.mistake
def halved_from_head_to_head_however_many_there_are(n_heads):
    return geometric(n_heads, 1)


@slopes.mistake
def first_slopes_of_the_next_larger_power(n_heads):
    power = 2 ** math.ceil(math.log2(n_heads))
    return geometric(power, 8 / power)[:n_heads]


@slopes.mistake
def every_other_slope_taken_from_the_second(n_heads):
    power = 2 ** math.floor(math.log2(n_heads))
    return np.concatenate([alibi_slopes(power), alibi_slopes(2 * power)[1::2][: n_heads - power]])


@slopes.mistake
def slopes_put_in_order_of_size(n_heads):
    return np.sort(alibi_slopes(n_heads))[::-1]


@slopes.mistake
def steepest_head_last(n_heads):
    return alibi_slopes(n_heads)[::-1]


@slopes.mistake
def evenly_spaced_slopes(n_heads):
    return np.linspace(0.5, 2**-8, n_heads)


@slopes.another_way
def by_its_own_rule_again(n_heads):
    power = 1 << (n_heads.bit_length() - 1)
    slopes = [2 ** (-8 * head / power) for head in range(1, power + 1)]
    if n_heads > power:
        slopes += by_its_own_rule_again(2 * power)[0::2][: n_heads - power]
    return slopes


@slopes.another_way
def by_repeated_multiplication(n_heads):
    power = 2 ** int(math.log2(n_heads))
    ratio = 2 ** (-8 / power)
    first = np.cumprod(np.full(power, ratio))
    return np.append(first, (first / math.sqrt(ratio))[: n_heads - power])


bias = lesson.code(
    alibi_bias,
    [
        case(alibi_bias, "two heads, three tokens", n_heads=2, n_query=3, n_key=3),
        case(alibi_bias, "four heads, two tokens", n_heads=4, n_query=2, n_key=2),
        case(alibi_bias, "eight heads, five tokens", n_heads=8, n_query=5, n_key=5),
        case(alibi_bias, "one head", n_heads=1, n_query=4, n_key=4),
        case(alibi_bias, "six heads", n_heads=6, n_query=4, n_key=4, stage="heads that are no power of two"),
        case(alibi_bias, "two queries, five keys", n_heads=2, n_query=2, n_key=5, stage="fewer queries than keys"),
        case(alibi_bias, "one query, six keys", n_heads=4, n_query=1, n_key=6, stage="fewer queries than keys"),
        case(alibi_bias, "three queries, seven keys", n_heads=12, n_query=3, n_key=7, stage="fewer queries than keys"),
    ],
)


def steps_back(n_query, n_key):
    """How far each key lies before its query; below zero where it comes after."""
    return np.arange(n_key - n_query, n_key)[:, None] - np.arange(n_key)


def by_slope(n_heads, distance):
    return -alibi_slopes(n_heads)[:, None, None] * distance


@bias.mistake
def one_slope_for_all_heads(n_heads, n_query, n_key):
    return np.repeat(alibi_bias(n_heads, n_query, n_key)[:1], n_heads, axis=0)


@bias.mistake
def sign_flipped(n_heads, n_query, n_key):
    return -alibi_bias(n_heads, n_query, n_key)


@bias.mistake
def position_of_the_key_instead_of_the_distance(n_heads, n_query, n_key):
    return by_slope(n_heads, np.broadcast_to(np.arange(n_key), (n_query, n_key)))


@bias.mistake
def queries_taken_as_the_first_positions(n_heads, n_query, n_key):
    distance = np.abs(np.arange(n_query)[:, None] - np.arange(n_key))
    return -alibi_slopes(n_heads)[:, None, None] * distance


@bias.mistake
def later_keys_raised_instead_of_lowered(n_heads, n_query, n_key):
    return by_slope(n_heads, steps_back(n_query, n_key))


@bias.mistake
def later_keys_not_lowered(n_heads, n_query, n_key):
    return by_slope(n_heads, np.maximum(steps_back(n_query, n_key), 0))


@bias.mistake
def distance_squared(n_heads, n_query, n_key):
    return by_slope(n_heads, steps_back(n_query, n_key) ** 2)


@bias.mistake
def distance_one_too_large(n_heads, n_query, n_key):
    return by_slope(n_heads, np.abs(steps_back(n_query, n_key)) + 1)


@bias.mistake
def slopes_with_exponents_from_zero(n_heads, n_query, n_key):
    slopes = alibi_slopes(n_heads) * 2 ** (8 / 2 ** math.floor(math.log2(n_heads)))
    return -slopes[:, None, None] * np.abs(steps_back(n_query, n_key))


@bias.mistake
def plain_formula_for_any_number_of_heads(n_heads, n_query, n_key):
    slopes = geometric(n_heads, 8 / n_heads)
    return -slopes[:, None, None] * np.abs(steps_back(n_query, n_key))


@bias.mistake
def turned_into_factors(n_heads, n_query, n_key):
    return np.exp(alibi_bias(n_heads, n_query, n_key))


@bias.mistake
def heads_on_the_last_axis(n_heads, n_query, n_key):
    return np.moveaxis(alibi_bias(n_heads, n_query, n_key), 0, -1)


@bias.other_convention
def slope_times_the_position_of_the_key_as_in_BLOOM(n_heads, n_query, n_key):
    return -by_slope(n_heads, np.broadcast_to(np.arange(n_key), (n_query, n_key)))


@bias.other_convention
def the_causal_mask_already_in_it(n_heads, n_query, n_key):
    return np.where(steps_back(n_query, n_key) < 0, -np.inf, alibi_bias(n_heads, n_query, n_key))


@bias.another_way
def with_two_outer_products(n_heads, n_query, n_key):
    keys = np.arange(n_key)
    distance = np.abs(np.subtract.outer(keys[n_key - n_query :], keys))
    return np.multiply.outer(-alibi_slopes(n_heads), distance)


@bias.another_way
def nested_lists(n_heads, n_query, n_key):
    earlier = n_key - n_query
    return [
        [[-slope * abs(earlier + query - key) for key in range(n_key)] for query in range(n_query)]
        for slope in alibi_slopes(n_heads)
    ]


lesson.debug("fix_sinusoidal_positions", sinusoidal, exponent_doubled_twice)
lesson.debug("fix_apply_rotary", rotary, angles_of_the_halves_on_neighbouring_pairs)
lesson.debug("fix_rotary_decoding", rotary, positions_restart_at_zero)
lesson.debug("fix_alibi_bias", bias, queries_taken_as_the_first_positions)

lesson.numeric(
    "slowest-pair",
    lambda: 2 * math.pi * 10_000 ** (126 / 128),
    exponent_of_one=lambda: 2 * math.pi * 10_000,
    one_radian_instead_of_a_full_turn=lambda: 10_000 ** (126 / 128),
    pair_number_not_doubled=lambda: 2 * math.pi * 10_000 ** (63 / 128),
)
lesson.numeric(
    "pairs-without-a-turn",
    lambda: sum(2 * math.pi * 10_000 ** (2 * i / 64) > 2048 for i in range(32)),
    tolerance=0,
    pairs_that_do_turn=lambda: sum(2 * math.pi * 10_000 ** (2 * i / 64) <= 2048 for i in range(32)),
    one_radian_instead_of_a_full_turn=lambda: sum(10_000 ** (2 * i / 64) > 2048 for i in range(32)),
    a_head_of_width_128=lambda: sum(2 * math.pi * 10_000 ** (2 * i / 128) > 2048 for i in range(64)),
)
lesson.numeric(
    "bert-position-table",
    lambda: 512 * 768,
    one_number_for_each_position=lambda: 512,
    the_table_of_words=lambda: 30_522 * 768,
    a_table_in_every_layer=lambda: 12 * 512 * 768,
)
lesson.numeric(
    "alibi-slope",
    lambda: 2 ** (-8 * 8 / 32),
    eight_heads_instead_of_thirty_two=lambda: 1 / 256,
    heads_counted_from_zero=lambda: 2 ** (-8 * 7 / 32),
)
lesson.numeric(
    "alibi-half-weight",
    lambda: 256 * math.log(2),
    a_score_lower_by_one=lambda: 256,
    a_score_lower_by_a_half=lambda: 128,
)
lesson.predict(
    "rotary-lengths",
    lambda: "as long as before",
    grown=lambda: "longer, and more so with the position",
    shrunk=lambda: "shorter, and more so with the position",
)
lesson.predict(
    "same-position",
    lambda: "plain scores",
    turned_by_seven_steps=lambda: "scores turned by seven steps",
    nothing_to_tell_apart=lambda: "equal scores",
)
lesson.predict(
    "both-shifted",
    lambda: "rotary and linear bias",
    sinusoids_counted_in=lambda: "sinusoidal, rotary and linear bias",
    everything_counted_in=lambda: "all four",
    only_the_bias=lambda: "linear bias alone",
)
lesson.predict(
    "bias-shape",
    lambda: (8, 1, 6),
    a_square_for_each_head=lambda: (8, 6, 6),
    no_axis_for_the_heads=lambda: (1, 6),
    keys_before_queries=lambda: (8, 6, 1),
)
lesson.explain(
    "why-positions",
    "sinusoidal-or-learned",
    "where-rotary-turns",
    "two-rotary-layouts",
    "longer-than-trained",
    "what-alibi-gives-up",
)
