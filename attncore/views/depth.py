"""The residual stream by depth: a small random model, forward and backward, with the norms in two places."""

import math
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from attncore.backpropagation import attend, attend_backward, feed_forward_backward, residual_backward
from attncore.gradients import layer_norm_backward
from attncore.heads import HeadWeights
from attncore.masks import causal_mask
from attncore.softmax import cross_entropy_backward
from attncore.transformer import EncoderWeights, FeedForwardWeights, NormWeights, feed_forward, layer_norm

N_LAYERS, N_HEADS, N_TOKENS, WIDTH = 12, 4, 16, 64
MASK = causal_mask(N_TOKENS)
NORM = NormWeights(np.ones(WIDTH), np.zeros(WIDTH))


class Part(NamedTuple):
    """Attention or the feed-forward layers of one block: its weights, and the ways forward and back."""

    weights: Any
    forward: Callable[..., np.ndarray]
    backward: Callable[..., Any]
    settings: tuple[Any, ...] = ()


class Curves(NamedTuple):
    """The sizes of the stream and of its gradient, from the embedding to the last block: two steps a block."""

    sizes: list[float]
    gradients: list[float]


def size(x: np.ndarray) -> float:
    """The root of the mean square."""
    return float(np.sqrt(np.mean(x * x)))


@cache
def small_model() -> tuple[np.ndarray, list[EncoderWeights], np.ndarray]:
    """Eight random sequences, random blocks and an output layer; projections keep the variance of their input."""
    rng = np.random.default_rng(0)

    def matrix(rows: int, columns: int) -> np.ndarray:
        return rng.standard_normal((rows, columns)) / math.sqrt(rows)

    def block() -> EncoderWeights:
        heads = HeadWeights(*(matrix(WIDTH, WIDTH) for _ in range(4)))
        inner = matrix(WIDTH, 4 * WIDTH), np.zeros(4 * WIDTH), matrix(4 * WIDTH, WIDTH), np.zeros(WIDTH)
        return EncoderWeights(NORM, heads, NORM, FeedForwardWeights(*inner))

    blocks = [block() for _ in range(N_LAYERS)]
    return rng.standard_normal((8, N_TOKENS, WIDTH)), blocks, matrix(WIDTH, WIDTH)


def parts(blocks: list[EncoderWeights]) -> Iterator[Part]:
    for block in blocks:
        yield Part(block.attention, attend, attend_backward, (N_HEADS, MASK))
        yield Part(block.feed_forward, feed_forward, feed_forward_backward)


@cache
def curves_of(where: str) -> Curves:
    """Run the small model, its norms "before" each part or "after" each addition, and measure.

    The loss is that of random targets. Gradients are measured against the one that the output layer hands back.
    Xiong et al. (2020).
    """
    x, blocks, W_out = small_model()
    before, targets = where == "before", np.random.default_rng(1).integers(WIDTH, size=x.shape[:-1])
    stream, sums = [x], []
    for weights, forward, _, settings in parts(blocks):
        sums.append(x + forward(layer_norm(x, *NORM) if before else x, weights, *settings))
        x = sums[-1] if before else layer_norm(sums[-1], *NORM)
        stream.append(x)
    read = layer_norm(x, *NORM) if before else x
    handed = d = cross_entropy_backward(read @ W_out, targets) @ W_out.T
    gradients = [layer_norm_backward(x, NORM.gain, d)[0] if before else d]
    for (weights, _, backward, settings), x, total in zip(
        reversed(list(parts(blocks))), stream[-2::-1], sums[::-1], strict=True
    ):
        if before:
            d = residual_backward(x, NORM, weights, gradients[-1], backward, *settings)[0]
        else:
            d = layer_norm_backward(total, NORM.gain, gradients[-1])[0]
            d = d + backward(x, weights, d, *settings)[0]
        gradients.append(d)
    return Curves([size(x) for x in stream], [size(d) / size(handed) for d in reversed(gradients)])
