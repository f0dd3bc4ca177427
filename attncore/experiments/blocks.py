"""A block's first weights, for the lessons that train whole blocks."""

import math

import numpy as np

from attncore.heads import HeadWeights
from attncore.transformer import EncoderWeights, FeedForwardWeights, NormWeights


def start_block(rng, m, f):
    """Draw the initial weights of a block, whose norms and biases begin without effect."""

    def matrix(rows, columns):
        return rng.standard_normal((rows, columns)) / math.sqrt(rows)

    first_norm, second_norm = (NormWeights(np.ones(m), np.zeros(m)) for _ in range(2))
    heads = HeadWeights(*(matrix(m, m) for _ in range(4)))
    layers = FeedForwardWeights(matrix(m, f), np.zeros(f), matrix(f, m), np.zeros(m))
    return EncoderWeights(first_norm, heads, second_norm, layers)
