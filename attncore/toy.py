"""A toy model of attention alone, and a task that takes two layers: continue a sequence that repeats."""

import math
from typing import NamedTuple

import numpy as np

from attncore.backpropagation import (
    attend,
    attend_backward,
    embedding_backward,
    matrix_backward,
    project_heads,
    residual_backward,
)
from attncore.dot_product import attention_weights
from attncore.gradients import layer_norm_backward
from attncore.heads import HeadWeights
from attncore.masks import causal_mask
from attncore.shapes import shaped
from attncore.softmax import cross_entropy, cross_entropy_backward
from attncore.transformer import NormWeights, layer_norm


class ToyWeights(NamedTuple):
    """A model of attention alone: embedding (c, m), the heads of each layer, unembedding (m, c)."""

    embedding: np.ndarray
    layers: tuple[HeadWeights, ...]
    unembedding: np.ndarray


def start_toy(rng, n_layers=2, n_ids=32, m=32):
    """Draw the initial weights of the toy: `ToyWeights`, whose projections keep the variance of their input."""

    def matrix(*shape):
        return rng.standard_normal(shape) / math.sqrt(m)

    layers = tuple(HeadWeights(*matrix(4, m, m)) for _ in range(n_layers))
    return ToyWeights(rng.standard_normal((n_ids, m)), layers, matrix(m, n_ids))


@shaped("->(b,n),(b,n)", returns="ids, targets")
def repeated_sequences(rng, batch=32, n=32, n_ids=32):
    """Draw random sequences that repeat, each with a period of its own: returns (ids, targets).

    The period is between n / 3 and n / 2, and no id comes twice in it. A target is the id that
    follows, or -100 as long as nothing has been repeated: after that, you can tell what follows by
    finding where the id came before. Raises ValueError for fewer ids than n / 2. Olsson et al.
    (2022).
    """
    if n_ids < n // 2:
        raise ValueError(f"repeated_sequences: n_ids is {n_ids}, expected at least half of n, which is {n}")
    ids, targets = np.empty((batch, n + 1), dtype=int), np.full((batch, n), -100)
    for i, period in enumerate(rng.integers(n // 3, n // 2 + 1, size=batch)):
        ids[i] = np.resize(rng.permutation(n_ids)[:period], n + 1)
        targets[i, period:] = ids[i, period + 1 :]
    return ids[:, :-1], targets


def toy_layers(ids, weights, positions, *settings):
    """The input of each layer and the output of the last; and the norm, whose gain and bias do nothing."""
    n, m = ids.shape[-1], weights.embedding.shape[-1]
    norm, x = NormWeights(np.ones(m), np.zeros(m)), weights.embedding[ids]
    read = [x if positions is None else x + positions(n, m)]
    for layer in weights.layers:
        read.append(read[-1] + attend(layer_norm(read[-1], *norm), layer, *settings))
    return read, norm


@shaped("(...,n):int->(...,n,c)", axes={"c": "class"})
def toy_logits(ids, weights, n_heads=1, scale=None, base=100.0, mask=causal_mask, positions=None):
    """Score every id as the next one, at each position of a sequence, with nothing but attention.

    `weights` is a `ToyWeights`. Each layer reads x through a layer norm without gain and bias and
    adds to x. There are rotary positions of the given base, or none if that is None. A given `scale`
    multiplies the scores in place of 1/sqrt(d). `mask(n)` returns the mask for n tokens, (n, n), or
    one for each head, (h, n, n). If `positions` is given, `positions(n, m)` returns what is added to
    n embeddings of width m. Elhage et al. (2021).
    """
    read, norm = toy_layers(ids, weights, positions, n_heads, mask(ids.shape[-1]), scale, base)
    return layer_norm(read[-1], *norm) @ weights.unembedding


@shaped("(...,n):int->(...,l,h,n,n)")
def toy_maps(ids, weights, n_heads=1, scale=None, base=100.0, mask=causal_mask, positions=None):
    """Return the attention weights of every layer and head of the toy, with the settings of `toy_logits`."""
    mask = mask(ids.shape[-1])
    read, norm = toy_layers(ids, weights, positions, n_heads, mask, scale, base)
    maps = []
    for x, layer in zip(read[:-1], weights.layers, strict=True):
        query, key, _ = project_heads(layer_norm(x, *norm), layer, n_heads, base)
        maps.append(attention_weights(query, key, mask, scale))
    return np.stack(maps, axis=-4)


@shaped("(...,n):int,(...,n):int->()", returns="loss, gradients")
def toy_backward(ids, targets, weights, n_heads=1, scale=None, base=100.0, mask=causal_mask, positions=None):
    """Run the toy forward and backward: returns (loss, gradients).

    The loss is the `cross_entropy` of its `toy_logits`, which take the same settings. `weights` is a
    `ToyWeights`, and so are the gradients.
    """
    settings = n_heads, mask(ids.shape[-1]), scale, base
    (*read, x), norm = toy_layers(ids, weights, positions, *settings)
    normal = layer_norm(x, *norm)
    logits = normal @ weights.unembedding
    d_logits = cross_entropy_backward(logits, targets)
    d_x, _, _ = layer_norm_backward(x, norm.gain, d_logits @ weights.unembedding.T)
    d_layers: list = []
    for x, layer in zip(read[::-1], weights.layers[::-1], strict=True):
        d_x, _, gradients = residual_backward(x, norm, layer, d_x, attend_backward, *settings)
        d_layers.insert(0, gradients)
    d_embedding = embedding_backward(ids, d_x, weights.embedding)
    gradients = ToyWeights(d_embedding, tuple(d_layers), matrix_backward(normal, d_logits))
    return cross_entropy(logits, targets), gradients
