"""The standard deviation of dot products."""

import math

import numpy as np

from attncore.dot_product import dot_product_std
from attncore.exercises.exercise import case, code
from attncore.exercises.fixtures import TwiceAsWide

exercise = code(
    dot_product_std,
    *(case(f"width {d}", d=d, trials=20_000, rng=lambda rng, s: np.random.default_rng(7)) for d in (4, 16, 64)),
    case("draws twice as wide", d=16, trials=20_000, rng=lambda rng, s: TwiceAsWide(np.random.PCG64(7))),
    tolerance=0.05,
)


@exercise.mistake("variance instead of standard deviation")
def variance_instead_of_standard_deviation(d, trials, rng):
    return dot_product_std(d, trials, rng) ** 2


@exercise.mistake("uniform draws")
def uniform_draws(d, trials, rng):
    query, key = rng.random((2, trials, d))
    return np.std((query * key).sum(axis=-1))


@exercise.mistake("already scaled")
def already_scaled(d, trials, rng):
    return dot_product_std(d, trials, rng) / math.sqrt(d)


@exercise.mistake("query is the key")
def query_is_the_key(d, trials, rng):
    query = rng.standard_normal((trials, d))
    return np.std((query * query).sum(axis=-1))


@exercise.mistake("mean instead of standard deviation")
def mean_instead_of_standard_deviation(d, trials, rng):
    query, key = rng.standard_normal((2, trials, d))
    return np.abs(np.mean((query * key).sum(axis=-1)))


@exercise.mistake("own draws instead of rng")
def own_draws_instead_of_rng(d, trials, rng):
    return dot_product_std(d, trials, np.random.default_rng(0))


@exercise.another_way
def root_of_the_mean_square(d, trials, rng):
    query = rng.normal(size=(trials, d))
    key = rng.normal(size=(trials, d))
    products = np.einsum("td,td->t", query, key)
    return math.sqrt(np.mean(products**2) - np.mean(products) ** 2)
