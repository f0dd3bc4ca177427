"""Lesson 07: two things to find at once, with one head and with several."""

import math

import numpy as np

from attncore.backpropagation import attend, attend_backward
from attncore.heads import HeadWeights
from attncore.shapes import shaped
from attncore.training import train

M = 32  # the model width, of which the last number is what a token has to give


def triples(rng, embedding, batch=32, n_groups=3):
    """Draw the tokens of a few groups of three in any order, each with a number: returns (x, targets).

    Ids 3i, 3i + 1 and 3i + 2 are a group. A token's row of x (b, n, m) is its embedding and then its number. Its
    targets (b, n, 2) are the numbers of the next one of its group and of the one after that; the last is followed by
    the first.
    """
    groups = rng.permuted(np.tile(np.arange(len(embedding) // 3), (batch, 1)), axis=1)[:, :n_groups, None]
    ids = rng.permuted((3 * groups + np.arange(3)).reshape(batch, -1), axis=1)
    numbers = rng.standard_normal(ids.shape)
    others = [ids // 3 * 3 + (ids + step) % 3 for step in (1, 2)]  # since 3i is 0 modulo 3
    places = [np.argmax(other[:, :, None] == ids[:, None], axis=-1) for other in others]
    targets = np.stack([np.take_along_axis(numbers, place, axis=1) for place in places], axis=-1)
    return np.concatenate([embedding[ids], numbers[..., None]], axis=-1), targets


@shaped("(b,n,m),(b,n,v)->()", returns="loss, gradients")
def heads_backward(x, targets, weights, n_heads):
    """Attend in several heads, and go back to the projections: returns (loss, gradients).

    The first numbers of the output are the prediction, and the loss is their mean squared error. `weights` is a
    `HeadWeights`, and so are the gradients.
    """
    output, wanted = attend(x, weights, n_heads), targets.shape[-1]
    error = output[..., :wanted] - targets
    d_output = np.zeros_like(output)
    d_output[..., :wanted] = 2 / error.size * error
    return float(np.mean(error**2)), attend_backward(x, weights, d_output, n_heads)[1]


def heads_experiment(counts=(1, 2, 4), steps=150, seed=0):
    """Learn to bring two numbers with one head, two and four, of the same total width: returns the losses by name."""
    return {f"{count} head{'s' if count > 1 else ''}": heads_losses(count, steps, seed) for count in counts}


def heads_losses(n_heads, steps, seed):
    """The losses of one training; its start and its batches are those of any number of heads."""
    rng = np.random.default_rng(seed)
    embedding = rng.standard_normal((12, M - 1))
    weights = HeadWeights(*rng.standard_normal((4, M, M)) / math.sqrt(M))
    batches = (triples(rng, embedding) for _ in range(steps))
    return train(weights, lambda *batch: heads_backward(*batch, weights, n_heads), batches)
