"""Lesson 04: the same training with the scale and without, at several widths."""

import math
from typing import NamedTuple

import numpy as np

from attncore.backpropagation import matrix_backward
from attncore.dot_product import scaled_dot_product_attention
from attncore.gradients import attention_backward
from attncore.shapes import shaped
from attncore.toy import repeated_sequences, start_toy, toy_backward
from attncore.training import train


class Projections(NamedTuple):
    """Two projections, each (d, d), used as x @ W."""

    W_query: np.ndarray
    W_key: np.ndarray


def start_projections(rng, d, start=1.0):
    """Draw two projections that keep the variance of their input, times `start`."""
    return Projections(*(start / math.sqrt(d) * rng.standard_normal((2, d, d))))


@shaped("->(b,q,d),(b,k,d),(b,k,v),(b,q,v)", returns="x, keys, value, target")
def retrievals(rng, d, batch=16, n_keys=8):
    """Draw lookups: what is looked up is one of the keys, and the target is the value of that key.

    Returns (x, keys, value, target). All are drawn from the standard normal distribution; each lookup has one query.
    """
    keys, value = rng.standard_normal((batch, n_keys, d)), rng.standard_normal((batch, n_keys, 4))
    matching = rng.integers(n_keys, size=(batch, 1, 1))
    x, target = (np.take_along_axis(array, matching, axis=1) for array in (keys, value))
    return x, keys, value, target


@shaped("(b,q,d),(b,k,d),(b,k,v),(b,q,v),_->()", returns="loss, gradients")
def retrieval_backward(x, keys, value, target, weights, scale=None):
    """Look up through two projections, and go back: returns (loss, gradients).

    The loss is the mean squared error. `weights` is a `Projections`, and so are the gradients. A given `scale`
    multiplies the scores in place of 1/sqrt(d).
    """
    query, key = x @ weights.W_query, keys @ weights.W_key
    error = scaled_dot_product_attention(query, key, value, scale=scale) - target
    d_query, d_key, _ = attention_backward(query, key, value, 2 / error.size * error, scale=scale)
    return float(np.mean(error**2)), Projections(matrix_backward(x, d_query), matrix_backward(keys, d_key))


def scale_experiment(widths=(8, 64, 256), start=1.0, steps=200, seed=0):
    """Learn to retrieve at each width, with 1/sqrt(d) and with a scale of 1: returns the losses by width and name.

    `start` multiplies the initial projections. Both trainings of a width see the same start and the same batches.
    """
    trainings, settings = {"scaled": None, "not scaled": 1.0}, (start, steps, seed)
    return {d: {name: retrieval_losses(d, scale, *settings) for name, scale in trainings.items()} for d in widths}


def retrieval_losses(d, scale, start, steps, seed):
    """The losses of one training."""
    rng = np.random.default_rng(seed)
    weights, batches = start_projections(rng, d, start), (retrievals(rng, d) for _ in range(steps))
    return train(weights, lambda *batch: retrieval_backward(*batch, weights, scale), batches, rate=1e-3)


def induction_scale_experiment(start=1.0, rate=3e-3, steps=300, seed=0):
    """Train the toy, two layers, to continue sequences that repeat, with 1/sqrt(d) and with a scale of 1.

    `start` multiplies the initial projections of queries and keys. Returns the losses by name.
    """
    settings = start, rate, steps, seed
    return {"scaled": induction_losses(None, *settings), "not scaled": induction_losses(1.0, *settings)}


def induction_losses(scale, start, rate, steps, seed):
    """The losses of one training."""
    rng = np.random.default_rng(seed)
    weights, batches = start_toy(rng, n_ids=16), (repeated_sequences(rng, 16, 16, 16) for _ in range(steps))
    for layer in weights.layers:
        layer.W_query[:] *= start
        layer.W_key[:] *= start
    return train(weights, lambda *batch: toy_backward(*batch, weights, scale=scale), batches, rate)
