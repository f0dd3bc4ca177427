"""Lesson 09: blocks with the addition and without it, with the norm before a part and behind it."""

import math
from typing import NamedTuple

import numpy as np

from attncore.backpropagation import (
    attend,
    attend_backward,
    embedding_backward,
    feed_forward_backward,
    matrix_backward,
)
from attncore.experiments.blocks import start_block
from attncore.gradients import layer_norm_backward
from attncore.shapes import shaped
from attncore.softmax import cross_entropy, cross_entropy_backward
from attncore.training import named_arrays, train
from attncore.transformer import EncoderWeights, NormWeights, feed_forward, layer_norm

KINDS = ("pre-norm", "post-norm", "no addition")


class StackWeights(NamedTuple):
    """A stack of blocks: embedding (c, m), positions (n, m), the blocks, and unembedding (m, c)."""

    embedding: np.ndarray
    positions: np.ndarray
    blocks: tuple[EncoderWeights, ...]
    unembedding: np.ndarray


def start_stack(rng, n_ids, n, m, n_layers):
    """Draw a stack of blocks whose projections keep the variance of their input."""

    def matrix(*shape):
        return rng.standard_normal(shape) / math.sqrt(m)

    tables = rng.standard_normal((n_ids, m)), rng.standard_normal((n, m))
    return StackWeights(*tables, tuple(start_block(rng, m, m) for _ in range(n_layers)), matrix(m, n_ids))


def parts_of(block, n_heads):
    """The two parts of a block: norm, weights, the way forward and back, and their settings."""
    attention = block.attention_norm, block.attention, attend, attend_backward, (n_heads,)
    return attention, (block.feed_forward_norm, block.feed_forward, feed_forward, feed_forward_backward, ())


def apply_part(x, norm, weights, forward, settings, kind):
    """One part: "pre-norm" x + part(norm(x)), "post-norm" norm(x + part(x)), "no addition" part(norm(x))."""
    if kind == "post-norm":
        return layer_norm(x + forward(x, weights, *settings), *norm)
    added = forward(layer_norm(x, *norm), weights, *settings)
    return added if kind == "no addition" else x + added


def apply_part_backward(x, norm, weights, forward, backward, settings, kind, d_output):
    """Back through one part: the gradients of x, of the norm's weights and of the part's."""
    if kind == "post-norm":
        d_sum, *d_norm = layer_norm_backward(x + forward(x, weights, *settings), norm.gain, d_output)
        d_x, gradients = backward(x, weights, d_sum, *settings)
        return d_sum + d_x, NormWeights(*d_norm), gradients
    d_normal, gradients = backward(layer_norm(x, *norm), weights, d_output, *settings)
    d_x, *d_norm = layer_norm_backward(x, norm.gain, d_normal)
    return d_x if kind == "no addition" else d_output + d_x, NormWeights(*d_norm), gradients


def stack_states(ids, weights, n_heads, kind):
    """What stands between the parts, from the embeddings to the output of the last block."""
    states = [weights.embedding[ids] + weights.positions]
    for block in weights.blocks:
        for norm, part, forward, _, settings in parts_of(block, n_heads):
            states.append(apply_part(states[-1], norm, part, forward, settings, kind))
    return states


@shaped("(b,n):int,(b,n):int->()", returns="loss, gradients")
def stack_backward(ids, targets, weights, n_heads, kind):
    """Run a stack forward and backward: returns (loss, gradients).

    `kind` is "pre-norm", "post-norm" or "no addition". A last norm without gain and bias stands before the
    unembedding. `weights` is a `StackWeights`, and so are the gradients.
    """
    *states, x = stack_states(ids, weights, n_heads, kind)
    gain, bias = np.ones(x.shape[-1]), np.zeros(x.shape[-1])
    normal = layer_norm(x, gain, bias)
    logits = normal @ weights.unembedding
    d_logits = cross_entropy_backward(logits, targets)
    d_x, _, _ = layer_norm_backward(x, gain, d_logits @ weights.unembedding.T)
    d_blocks: list = []
    for block in weights.blocks[::-1]:
        gradients: list = []
        for norm, part, forward, backward, settings in parts_of(block, n_heads)[::-1]:
            d_x, *of_part = apply_part_backward(states.pop(), norm, part, forward, backward, settings, kind, d_x)
            gradients = [*of_part, *gradients]
        d_blocks.insert(0, EncoderWeights(*gradients))
    d_embedding, d_unembedding = embedding_backward(ids, d_x, weights.embedding), matrix_backward(normal, d_logits)
    return cross_entropy(logits, targets), StackWeights(d_embedding, d_x.sum(axis=0), tuple(d_blocks), d_unembedding)


def cosines(x):
    """The cosine between every two different tokens of a sequence (n, m)."""
    unit = x / np.linalg.norm(x, axis=-1, keepdims=True)
    return (unit @ unit.T)[~np.eye(len(x), dtype=bool)]


def reversals(rng, n, batch=8, n_ids=8):
    """Draw ids (b, n); the targets are the same ids, the last one first."""
    ids = rng.integers(n_ids, size=(batch, n))
    return ids, ids[:, ::-1]


def cosine_experiment(n_layers=12, m=64, n=8, seed=0):
    """Measure how alike tokens are after each block of an untrained stack.

    Returns, for each kind of block, the cosine between two different tokens: (n_layers + 1, 2), the smallest and the
    mean, of the embeddings and behind each block.
    """
    found = {}
    for kind in KINDS:
        weights = start_stack(np.random.default_rng(seed), n, n, m, n_layers)
        behind_blocks = stack_states(np.arange(n), weights, 4, kind)[::2]
        found[kind] = np.array([(cosines(x).min(), cosines(x).mean()) for x in behind_blocks])
    return found


class StackRuns(NamedTuple):
    """What came out, by kind of block: the norm of each block's gradient before the first step, and the losses."""

    gradient_norms: dict
    losses: dict


def stack_experiment(n_layers=12, steps=80, rate=1e-2, kinds=KINDS[:2], seed=0):
    """Train stacks of each kind to turn a sequence around, all from the same start: returns `StackRuns`.

    The rate is the same from the first step on: there's no warm-up.
    """
    runs = StackRuns({}, {})
    for kind in kinds:
        runs.gradient_norms[kind], runs.losses[kind] = train_stack(kind, n_layers, steps, rate, seed)
    return runs


def train_stack(kind, n_layers, steps, rate, seed):
    """Train one stack: returns (the norm of each block's gradient before the first step, losses)."""
    rng = np.random.default_rng(seed)
    weights = start_stack(rng, n_ids=8, n=6, m=32, n_layers=n_layers)
    batches = [reversals(rng, 6) for _ in range(steps)]

    def backward(*batch):
        return stack_backward(*batch, weights, 2, kind)

    norms = np.array([norm_of(block) for block in backward(*batches[0])[1].blocks])
    return norms, train(weights, backward, batches, rate)


def norm_of(gradients):
    """The length of all gradients as one long vector."""
    return math.sqrt(sum(np.sum(array**2) for array in named_arrays(gradients).values()))
