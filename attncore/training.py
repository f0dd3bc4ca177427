"""Adam and a small training loop, for models that train in seconds while you watch."""

import math

import numpy as np

from attncore.heads import HeadWeights
from attncore.transformer import EncoderWeights, FeedForwardWeights, GPTWeights, NormWeights


def named_arrays(weights, name=""):
    """Every array in nested tuples, by name: "blocks.0.attention.W_query"."""
    if not isinstance(weights, tuple):
        return {name: weights}
    found: dict = {}
    for part, inner in zip(getattr(weights, "_fields", range(len(weights))), weights, strict=True):
        found |= named_arrays(inner, f"{name}.{part}".lstrip("."))
    return found


class Adam:
    """Move weights against their gradient, each number at its own pace.

    A step is `rate` times a running mean of the gradients, divided by the root of a running mean of
    their squares (plus eps). Both means are corrected for having started at zero. Kingma and Ba
    (2014).
    """

    def __init__(self, weights, rate=1e-3, mean_decay=0.9, square_decay=0.999, eps=1e-8):
        """`weights` are arrays in nested tuples; every step changes them in place."""
        self.weights = named_arrays(weights)
        self.rate, self.mean_decay, self.square_decay, self.eps = rate, mean_decay, square_decay, eps
        self.means = {name: np.zeros_like(array) for name, array in self.weights.items()}
        self.squares = {name: np.zeros_like(array) for name, array in self.weights.items()}
        self.steps = 0

    def step(self, gradients):
        """Take one step; the gradients are nested like the weights."""
        self.steps += 1
        mean_share, square_share = 1 - self.mean_decay**self.steps, 1 - self.square_decay**self.steps
        for name, gradient in named_arrays(gradients).items():
            mean, square = self.means[name], self.squares[name]
            mean += (1 - self.mean_decay) * (gradient - mean)
            square += (1 - self.square_decay) * (gradient * gradient - square)
            self.weights[name] -= self.rate * (mean / mean_share) / (np.sqrt(square / square_share) + self.eps)


def train(weights, backward, batches, rate=1e-2):
    """Train weights in place, one step of Adam per batch, and return the losses.

    `backward(*batch)` returns the loss and the gradients, nested like the weights.
    """
    adam, losses = Adam(weights, rate), []
    for batch in batches:
        loss, gradients = backward(*batch)
        adam.step(gradients)
        losses.append(loss)
    return losses


def start_gpt(rng, n_ids, n_positions, m, n_layers, f, dtype=np.float64):
    """Draw the initial weights of a GPT: `GPTWeights` with n_layers blocks, whose inner width is f.

    Embeddings start small, projections keep the variance of their input, and those that write to
    the residual stream are scaled down by the root of how many there are. Radford et al. (2019).
    """

    def matrix(rows, columns, size=1.0):
        return (size / math.sqrt(rows) * rng.standard_normal((rows, columns))).astype(dtype)

    def norm():
        return NormWeights(np.ones(m, dtype), np.zeros(m, dtype))

    def block():
        writes = 1 / math.sqrt(2 * n_layers)
        heads = HeadWeights(matrix(m, m), matrix(m, m), matrix(m, m), matrix(m, m, writes))
        layers = FeedForwardWeights(matrix(m, f), np.zeros(f, dtype), matrix(f, m, writes), np.zeros(m, dtype))
        return EncoderWeights(norm(), heads, norm(), layers)

    tokens, positions = (0.02 * rng.standard_normal((rows, m)).astype(dtype) for rows in (n_ids, n_positions))
    return GPTWeights(tokens, positions, tuple(block() for _ in range(n_layers)), *norm())
