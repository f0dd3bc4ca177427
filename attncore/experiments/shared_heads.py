"""Lesson 13: a trained model's key and value heads, pooled into fewer."""

import numpy as np

from attncore import tiny_gpt
from attncore.shared_heads import pool_kv_heads
from attncore.softmax import log_softmax
from attncore.transformer import gpt_logits


def pooling_experiment(pool=pool_kv_heads, counts=(4, 2, 1), seed=0):
    """Pool the key and value heads of the small model that ships with the course, and don't train it again.

    Returns its losses on held-out text, in nats a character, each a list by the number of key heads: with `pool`, with
    the first head of each group kept, and, as a control, with heads that are drawn at random.
    """
    weights = tiny_gpt.load()
    rng = np.random.default_rng(seed)
    ways = {"pooled": pool, "first head kept": first_of_each, "drawn at random": at_random(rng)}
    return {name: [loss(shared(weights, way, count)) for count in counts] for name, way in ways.items()}


def first_of_each(W, n_heads, n_groups):
    """The first head of each group of neighbors."""
    return W.reshape(len(W), n_groups, n_heads // n_groups, -1)[:, :, 0].reshape(len(W), -1)


def at_random(rng):
    """Heads that have learned nothing, of the same spread."""

    def draw(W, n_heads, n_groups):
        width = W.shape[-1] // n_heads * n_groups
        return (W.std() * rng.standard_normal((len(W), width))).astype(W.dtype)

    return draw


def shared(weights, pool, n_groups):
    """The model with its keys and values made by fewer heads, each of them repeated for its group."""
    heads = tiny_gpt.N_HEADS

    def repeated(W):
        pooled = np.reshape(pool(W, heads, n_groups), (len(W), n_groups, -1))
        return np.repeat(pooled, heads // n_groups, axis=1).reshape(W.shape)

    def block(one):
        own = one.attention
        return one._replace(attention=own._replace(W_key=repeated(own.W_key), W_value=repeated(own.W_value)))

    return weights._replace(blocks=tuple(map(block, weights.blocks)))


def loss(weights, n_pieces=24):
    """Nats a character on pieces of the text that the model wasn't trained on."""
    ids, n = np.array(tiny_gpt.encode(tiny_gpt.held_out())), tiny_gpt.CONTEXT
    read, following = (ids[start : start + n_pieces * n].reshape(n_pieces, n) for start in (0, 1))
    likely = log_softmax(gpt_logits(read, weights, tiny_gpt.N_HEADS).astype(float))
    return float(-np.take_along_axis(likely, following[..., None], axis=-1).mean())
