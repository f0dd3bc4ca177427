"""What several exercises of this topic share."""

import math

import numpy as np

from attncore.exercises.exercise import case
from attncore.exercises.softmax.cases import EMPTY_ROW, a_few_keys
from attncore.shared_heads import LatentWeights


def causal(rng, s):
    return np.tri(s.q, s.k, s.k - s.q, dtype=bool)


def at_random(*axes):
    """A boolean mask of these axes (letters or lengths) in which every query sees the first key."""

    def mask(rng, s):
        drawn = rng.random([s.get(axis, axis) for axis in axes]) < 0.5
        drawn[..., 0] = True
        return drawn

    return mask


def as_floats(mask):
    return lambda rng, s: np.where(mask(rng, s), 0.25 * rng.standard_normal((s.q, s.k)), -np.inf)


def an_empty_row(rng, s):
    return np.arange(s.q)[:, None] > np.zeros(s.k)


def an_empty_float_row(rng, s):
    return np.where(an_empty_row(rng, s), 0.0, -np.inf)


def latent_weights(dtype=np.float64):
    """Weights for the lengths of a case, of a size that keeps the softmax away from saturation."""

    def make(rng, s):
        shapes = [(s.m, s.h * s.d), (s.m, s.h * s.r), (s.m, s.z), (s.m, s.r)]
        shapes += [(s.z, s.h * s.d), (s.z, s.h * s.v), (s.h * s.v, s.m)]
        drawn = (rng.standard_normal(shape) / math.sqrt(shape[0]) for shape in shapes)
        return LatentWeights(*(np.round(W, 1 if s.m < 8 else 9).astype(dtype) for W in drawn))

    return make


HAS_HEADS = "A mask with four axes or more has an axis for the heads in it already."
NO_BATCH = "Raises ValueError for a mask with three axes where there is no batch."


def latent_cases():
    small_sizes = {"n": 3, "m": 5, "h": 2, "d": 2, "r": 2, "z": 3, "v": 3}
    sizes = {"n": 5, "m": 10, "h": 3, "d": 6, "r": 4, "z": 7, "v": 9}

    def of(name, small=False, dtype=np.float64, mask=None, **more):
        own = (small_sizes if small else sizes) | more.pop("sizes", {})
        own |= {"q": own["n"], "k": own["n"]}
        given = {"n_heads": own["h"], "weights": latent_weights(dtype)} | ({} if mask is None else {"mask": mask})
        return case(name, small=small, dtype=dtype, sizes=own, **given, **more)

    return [
        of("a small example", small=True),
        of("another small example", small=True),
        of("no two widths equal"),
        of("one head", small=True, sizes={"h": 1}),
        of("as many heads as tokens", sizes={"h": 5}),
        of("a batch of two", small=True, lead=(2,)),
        of("a batch of one", small=True, lead=(1,)),
        of("two leading axes", lead=(2, 4)),
        of("float32", dtype=np.float32),
        of("a causal mask, small", small=True, mask=causal),
        of("a causal mask", mask=causal),
        of("a mask on a batch", lead=(2,), mask=at_random("q", "k")),
        of("a float mask", mask=as_floats(causal)),
        of("a mask for each sequence", lead=(2,), mask=at_random(2, "q", "k")),
        of("a mask for each sequence, as many as heads", lead=(3,), mask=at_random(3, "q", "k")),
        of("large numbers", magnitude=30.0),
        of("hidden scores far above the allowed ones", small=True, mask=a_few_keys(1), magnitude=300.0),
        of("hidden scores far above, in a batch", lead=(2,), mask=a_few_keys(2), magnitude=300.0),
        of("a mask for each sequence and head", lead=(2,), mask=at_random(2, "h", "q", "k"), promise=HAS_HEADS),
        of("three axes, and no batch", mask=at_random("h", "q", "k"), promise=NO_BATCH),
        of("a query with nothing allowed", mask=an_empty_row, promise=EMPTY_ROW),
        of("a query with nothing allowed, in a batch", lead=(2,), mask=an_empty_row, promise=EMPTY_ROW),
        of("a query with nothing allowed, by a float mask", small=True, mask=an_empty_float_row, promise=EMPTY_ROW),
    ]
