"""What several exercises of this topic share."""

import math

import numpy as np

from attncore.exercises.exercise import Case
from attncore.heads import HeadWeights
from attncore.transformer import FeedForwardWeights, NormWeights


def drawn(rng, s, *shape):
    """Weights that keep numbers at their size: divided by the square root of how many are added up."""
    return np.round(rng.standard_normal(shape) / math.sqrt(shape[0]), 1 if s.m < 8 else 6)


def norm_weights(rng, s):
    return NormWeights(np.round(1 + 0.4 * rng.standard_normal(s.m), 1), np.round(0.4 * rng.standard_normal(s.m), 1))


def head_weights(rng, s):
    return HeadWeights(*(drawn(rng, s, s.m, s.m) for _ in range(4)))


def layer_weights(rng, s):
    biases = np.round(0.5 * rng.standard_normal(s.f + s.m), 1)
    return FeedForwardWeights(drawn(rng, s, s.m, s.f), biases[: s.f], drawn(rng, s, s.f, s.m), biases[s.f :])


def masked(x, memory):
    return (*x.shape[:-1], memory.shape[-2])


def given(name, **arguments):
    """A case with all of its arguments; a function among them makes its argument anew."""
    return Case(name, lambda: {key: made() if callable(made) else made for key, made in arguments.items()})


def text(*shape):
    """Ids that nobody draws, so that it can be told what became of each."""
    return np.arange(math.prod(shape)).reshape(shape) + 10**6
