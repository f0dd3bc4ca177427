"""A slope for each head."""

import math

import numpy as np

from attncore.exercises.exercise import case, code
from attncore.exercises.positions.cases import geometric
from attncore.positions import alibi_slopes

exercise = code(
    alibi_slopes,
    *(case(f"{n} heads", n_heads=n) for n in (4, 8, 2, 16)),
    case("one head", n_heads=1),
    *(case(f"{n} heads", n_heads=n) for n in (3, 6, 12, 20, 31, 40)),
)


@exercise.mistake("same slope for every head")
def same_slope_for_every_head(n_heads):
    return np.full(n_heads, alibi_slopes(n_heads)[0])


@exercise.mistake("exponents counted from zero")
def exponents_counted_from_zero(n_heads):
    power = 2 ** math.floor(math.log2(n_heads))
    first = 2.0 ** (-8 * np.arange(power) / power)
    return np.concatenate([first, alibi_slopes(n_heads)[power:]])


@exercise.mistake("slopes below zero")
def slopes_below_zero(n_heads):
    return -alibi_slopes(n_heads)


@exercise.mistake("the plain formula where the number of heads is no power of two")
def the_plain_formula_where_the_number_of_heads_is_no_power_of_two(n_heads):
    heads = np.arange(1, n_heads + 1)
    return 2.0 ** (-8 * heads / n_heads)


@exercise.mistake("halved from head to head, however many heads there are")
def halved_from_head_to_head_however_many_heads_there_are(n_heads):
    return geometric(n_heads, 1)


@exercise.mistake("first slopes of the next larger power")
def first_slopes_of_the_next_larger_power(n_heads):
    power = 2 ** math.ceil(math.log2(n_heads))
    return geometric(power, 8 / power)[:n_heads]


@exercise.mistake("every other slope taken from the second")
def every_other_slope_taken_from_the_second(n_heads):
    power = 2 ** math.floor(math.log2(n_heads))
    return np.concatenate([alibi_slopes(power), alibi_slopes(2 * power)[1::2][: n_heads - power]])


@exercise.mistake("slopes put in order of size")
def slopes_put_in_order_of_size(n_heads):
    return np.sort(alibi_slopes(n_heads))[::-1]


@exercise.mistake("steepest head last")
def steepest_head_last(n_heads):
    return alibi_slopes(n_heads)[::-1]


@exercise.mistake("evenly spaced slopes")
def evenly_spaced_slopes(n_heads):
    return np.linspace(0.5, 2**-8, n_heads)


@exercise.another_way
def by_its_own_rule_again(n_heads):
    power = 1 << (n_heads.bit_length() - 1)
    slopes = [2 ** (-8 * head / power) for head in range(1, power + 1)]
    if n_heads > power:
        slopes += by_its_own_rule_again(2 * power)[0::2][: n_heads - power]
    return slopes


@exercise.another_way
def by_repeated_multiplication(n_heads):
    power = 2 ** int(math.log2(n_heads))
    ratio = 2 ** (-8 / power)
    first = np.cumprod(np.full(power, ratio))
    return np.append(first, (first / math.sqrt(ratio))[: n_heads - power])
