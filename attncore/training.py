"""Adam and a small loop, with which lessons train before the reader's eyes."""

import math

import numpy as np

from attncore.heads import HeadWeights
from attncore.transformer import EncoderWeights, FeedForwardWeights, GPTWeights, NormWeights


def named_arrays(weights, name=""):
    """Every array of nested tuples by its name: "blocks.0.attention.W_query"."""
    if not isinstance(weights, tuple):
        return {name: weights}
    found: dict = {}
    for part, inner in zip(getattr(weights, "_fields", range(len(weights))), weights, strict=True):
        found |= named_arrays(inner, f"{name}.{part}".lstrip("."))
    return found


class Adam:
    """Move weights against their gradient, each number at its own pace.

    A step is `rate` times the mean of the gradients so far, over the root of the mean of their
    squares; both means forget, and are corrected for having begun at zero. Kingma and Ba (2014).
    """

    def __init__(self, weights, rate=1e-3, mean_decay=0.9, square_decay=0.999, eps=1e-8):
        """`weights` are arrays in nested tuples: they will change in place."""
        self.weights = named_arrays(weights)
        self.rate, self.mean_decay, self.square_decay, self.eps = rate, mean_decay, square_decay, eps
        self.means = {name: np.zeros_like(array) for name, array in self.weights.items()}
        self.squares = {name: np.zeros_like(array) for name, array in self.weights.items()}
        self.steps = 0

    def step(self, gradients):
        """Change every weight once; the gradients are nested as the weights are."""
        self.steps += 1
        mean_share, square_share = 1 - self.mean_decay**self.steps, 1 - self.square_decay**self.steps
        for name, gradient in named_arrays(gradients).items():
            mean, square = self.means[name], self.squares[name]
            mean += (1 - self.mean_decay) * (gradient - mean)
            square += (1 - self.square_decay) * (gradient * gradient - square)
            self.weights[name] -= self.rate * (mean / mean_share) / (np.sqrt(square / square_share) + self.eps)


def train(weights, backward, batches, rate=1e-2):
    """Train weights in place, a step of Adam for each batch, and return the loss at each.

    `backward(*batch)` returns the loss and its gradients, nested as the weights are.
    """
    adam, losses = Adam(weights, rate), []
    for batch in batches:
        loss, gradients = backward(*batch)
        adam.step(gradients)
        losses.append(loss)
    return losses


def start_gpt(rng, n_ids, n_positions, m, n_layers, f, dtype=np.float64):
    """Draw the weights that a GPT begins with: `GPTWeights` of n_layers blocks, f wide inside.

    Embeddings are small, every layer keeps the size of what it reads, and the more layers add to
    the residual, the less each adds. Radford et al. (2019).
    """

    def matrix(rows, columns, size=1.0):
        return (size / math.sqrt(rows) * rng.standard_normal((rows, columns))).astype(dtype)

    def norm():
        return NormWeights(np.ones(m, dtype), np.zeros(m, dtype))

    def block():
        added = 1 / math.sqrt(2 * n_layers)
        heads = HeadWeights(matrix(m, m), matrix(m, m), matrix(m, m), matrix(m, m, added))
        layers = FeedForwardWeights(matrix(m, f), np.zeros(f, dtype), matrix(f, m, added), np.zeros(m, dtype))
        return EncoderWeights(norm(), heads, norm(), layers)

    tokens, positions = (0.02 * rng.standard_normal((rows, m)).astype(dtype) for rows in (n_ids, n_positions))
    return GPTWeights(tokens, positions, tuple(block() for _ in range(n_layers)), *norm())
