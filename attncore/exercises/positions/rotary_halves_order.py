"""From neighbors to halves."""

import numpy as np

from attncore.exercises.drivers import ordered
from attncore.exercises.exercise import case, code
from attncore.positions import rotary_halves_order

exercise = code(
    rotary_halves_order,
    *[case(f"width {d}", d=d) for d in (6, 4, 2, 8, 10, 64)],
    case("a list put into the order", d=6, x=lambda rng, s: [10, 20, 30, 40, 50, 60]),
    case("width 5", promise="Raises ValueError for an odd width.", d=5),
    drive=ordered,
)


@exercise.mistake("the inverse, from halves to neighbors")
def the_way_back_from_halves_to_neighbors(d):
    return np.argsort(rotary_halves_order(d))


@exercise.mistake("odd entries first")
def odd_places_first(d):
    return np.roll(rotary_halves_order(d), d // 2)


@exercise.mistake("entries left as they are")
def places_left_as_they_are(d):
    return np.arange(d)


@exercise.mistake("halves swapped")
def halves_swapped(d):
    return np.roll(np.arange(d), d // 2)


@exercise.mistake("neighbors swapped")
def neighbors_swapped(d):
    return np.arange(d) ^ 1


@exercise.mistake("odd entries running backwards")
def odd_places_running_backwards(d):
    return np.concatenate([np.arange(0, d, 2), np.arange(1, d, 2)[::-1]])


@exercise.mistake("floats instead of integers")
def floats_instead_of_integers(d):
    return rotary_halves_order(d).astype(float)


@exercise.another_way
def a_transpose(d):
    return np.arange(d).reshape(-1, 2).T.ravel()


@exercise.another_way
def sorted_by_the_remainder(d):
    return sorted(range(d), key=lambda place: place % 2)


@exercise.another_way
def a_list_of_both(d):
    return [*range(0, d, 2), *range(1, d, 2)]
