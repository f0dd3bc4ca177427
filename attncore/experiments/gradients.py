"""Lesson 11: the backward pass of a whole block, checked number by number; and then the block trains with it."""

import numpy as np

from attncore.backpropagation import (
    attend,
    attend_backward,
    encoder_block_backward,
    feed_forward_backward,
    residual_backward,
)
from attncore.experiments.blocks import start_block
from attncore.gradients import numerical_gradient
from attncore.shapes import shaped
from attncore.training import named_arrays, train
from attncore.transformer import EncoderWeights, encoder_block, layer_norm

N_HEADS = 2


def forgetful_backward(x, weights, d_output, n_heads, mask=None):
    """`encoder_block_backward` with a mistake: the gradient that goes around the feed-forward layers is forgotten."""
    first_norm, heads, second_norm, layers = weights
    between = x + attend(layer_norm(x, *first_norm), heads, n_heads, mask)
    d_between, *second = residual_backward(between, second_norm, layers, d_output, feed_forward_backward)
    d_x, *first = residual_backward(x, first_norm, heads, d_between - d_output, attend_backward, n_heads, mask)
    return d_x, EncoderWeights(*first, *second)


def gradient_gaps(backward=encoder_block_backward, seed=0):
    """Compare the gradients of a block with `numerical_gradient`: returns a number for each array of weights, by name.

    The number is the largest difference, as a share of the largest gradient in the array. `backward` is
    `encoder_block_backward` or another function that does the same.
    """
    rng = np.random.default_rng(seed)
    x, d_output = rng.standard_normal((2, 3, 4))
    weights = start_block(rng, 4, 6)
    found = named_arrays(backward(x, weights, d_output, N_HEADS)[1])

    def gap(name, array):
        kept = array.copy()

        def loss(moved):
            array[...] = moved
            return np.sum(encoder_block(x, weights, N_HEADS) * d_output)

        measured = numerical_gradient(loss, kept)
        array[...] = kept
        return float(np.max(np.abs(found[name] - measured)) / np.max(np.abs(measured)))

    return {name: gap(name, array) for name, array in named_arrays(weights).items()}


@shaped("(b,n,m),(b,n,m)->()", returns="loss, gradients")
def block_backward(x, targets, weights, backward):
    """Run a block and go back, with the function `backward`: returns (loss, gradients).

    The loss is the mean squared error. `weights` is an `EncoderWeights`, and so are the gradients.
    """
    error = encoder_block(x, weights, N_HEADS) - targets
    return float(np.mean(error**2)), backward(x, weights, 2 / error.size * error, N_HEADS)[1]


def block_experiment(backward=encoder_block_backward, steps=200, seed=0):
    """Train one block to turn six tokens around, with a right backward pass and with a forgetful one.

    Returns the losses by name. The block reads an embedding plus a position, and has to return the embedding of the
    token at the other end; both tables stay as they were drawn. `backward` is that of `gradient_gaps`.
    """
    trainings = {"right": backward, "forgetful": forgetful_backward}
    return {name: block_losses(chosen, steps, seed) for name, chosen in trainings.items()}


def block_losses(backward, steps, seed):
    """The losses of one training."""
    rng = np.random.default_rng(seed)
    embedding, positions, weights = *rng.standard_normal((2, 6, 16)), start_block(rng, 16, 32)
    drawn = rng.integers(6, size=(steps, 16, 6))
    batches = ((embedding[ids] + positions, embedding[ids[:, ::-1]]) for ids in drawn)
    return train(weights, lambda *batch: block_backward(*batch, weights, backward), batches)
