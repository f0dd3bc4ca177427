"""Lesson 05: projections learned, so that each word finds the one it belongs to."""

import math
from typing import NamedTuple

import numpy as np

from attncore.backpropagation import matrix_backward
from attncore.dot_product import attention_weights
from attncore.gradients import attention_backward
from attncore.shapes import shaped
from attncore.training import train

M = 24  # the width of x, whose last number is what a word has to give
PAIRS = [
    *("bread", "butter", "salt", "pepper", "cup", "saucer", "lock", "key"),
    *("king", "queen", "bow", "arrow", "thunder", "lightning", "needle", "thread"),
]


class TokenProjections(NamedTuple):
    """The projections of one head: W_query (m, d), W_key (m, d), W_value (m, v), used as x @ W."""

    W_query: np.ndarray
    W_key: np.ndarray
    W_value: np.ndarray


def start_token_projections(rng, m, d=16):
    """Draw projections that keep the variance of their input, with one value for each token."""
    return TokenProjections(*(rng.standard_normal((m, columns)) / math.sqrt(m) for columns in (d, d, 1)))


def paired_words(rng, embedding, batch=32, n_pairs=4):
    """Draw the words of a few pairs in any order, each with a number: returns (ids, x, targets).

    A word's row of x (b, n, m) is its embedding and then its number. Its target (b, n, 1) is the number of its partner.
    """
    pairs = rng.permuted(np.tile(np.arange(len(PAIRS) // 2), (batch, 1)), axis=1)[:, :n_pairs]
    ids = rng.permuted(np.concatenate([2 * pairs, 2 * pairs + 1], axis=1), axis=1)
    numbers = rng.standard_normal((batch, 2 * n_pairs, 1))
    partner = np.argmax(ids[:, :, None] == (ids ^ 1)[:, None], axis=1)
    return ids, np.concatenate([embedding[ids], numbers], axis=-1), np.take_along_axis(numbers, partner[..., None], 1)


@shaped("(b,n,m),(b,n,v)->()", returns="loss, gradients")
def projections_backward(x, targets, weights):
    """Attend, and go back to the projections: returns (loss, gradients).

    The loss is the mean squared error of `self_attention`. `weights` is a `TokenProjections`, and so are the gradients.
    """
    query, key, value = (x @ W for W in weights)
    error = attention_weights(query, key) @ value - targets
    d_projected = attention_backward(query, key, value, 2 / error.size * error)
    return float(np.mean(error**2)), TokenProjections(*(matrix_backward(x, part) for part in d_projected))


def shared_backward(x, targets, weights):
    """`projections_backward` for a model whose W_key is its W_query: both get the sum of their gradients."""
    loss, gradients = projections_backward(x, targets, weights)
    both = gradients.W_query + gradients.W_key
    return loss, TokenProjections(both, both, gradients.W_value)


class ProjectionRuns(NamedTuple):
    """What came out: the words of one sentence; and by model, the losses, and the maps of that sentence by step."""

    words: list
    losses: dict
    maps: dict


def projections_experiment(at=(0, 50, 300), seed=0):
    """Learn projections, and look at the map of one sentence at the steps `at`: returns `ProjectionRuns`.

    The model "one for both", the control, has a single projection for queries and keys.
    """
    runs = ProjectionRuns([], {}, {})
    for name, backward in (("two projections", projections_backward), ("one for both", shared_backward)):
        runs.words[:], runs.losses[name], runs.maps[name] = train_projections(backward, at, seed)
    return runs


def train_projections(backward, at, seed):
    """Train one model: returns (words, losses, maps by step)."""
    rng = np.random.default_rng(seed)
    embedding, maps = rng.standard_normal((len(PAIRS), M - 1)), {}
    (ids,), (x,), _ = paired_words(rng, embedding, batch=1)
    weights = start_token_projections(rng, M)
    if backward is shared_backward:
        weights.W_key[:] = weights.W_query

    def batches():
        for step in range(max(at) + 1):
            if step in at:
                maps[step] = attention_weights(x @ weights.W_query, x @ weights.W_key)
            if step < max(at):
                yield paired_words(rng, embedding)[1:]

    losses = train(weights, lambda *batch: backward(*batch, weights), batches())
    return [PAIRS[i] for i in ids], losses, maps
