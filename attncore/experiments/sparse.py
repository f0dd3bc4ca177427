"""Lesson 17: a needle among many keys, and which way of selecting keys still finds it."""

import math
from typing import NamedTuple

import numpy as np

from attncore.dot_product import attention_scores, attention_weights
from attncore.shapes import shaped
from attncore.sparse import best, block_mask, lightning_index, mean_blocks
from attncore.training import train

M, N, BLOCK, N_KEEP = 32, 512, 16, 32  # width, keys, keys of a block, keys that are read
SCALE = 2 / math.sqrt(M)  # of a head that has learned to be sure


class Head(NamedTuple):
    """A dense head that is finished: W_query (m, d) and W_key (m, d), used as x @ W."""

    W_query: np.ndarray
    W_key: np.ndarray


class IndexerWeights(NamedTuple):
    """An indexer: W_query (h, m, d) and W_key (m, d), used as x @ W, and a weight (h) for each head.

    A model makes the weights of the heads from the token that asks; here they are the same for all.
    """

    W_query: np.ndarray
    W_key: np.ndarray
    head_weights: np.ndarray


def finished_head(rng, m=M):
    """Draw a head whose projections turn and mirror, so that an asking token looks nothing like what it asks for."""
    return Head(*(np.linalg.qr(rng.standard_normal((m, m)))[0] for _ in range(2)))


def start_indexer(rng, m=M, n_heads=2, d=8):
    """Draw the projections of an indexer, whose heads count alike at first."""
    W_query, W_key = rng.standard_normal((n_heads, m, d)), rng.standard_normal((m, d))
    return IndexerWeights(W_query / math.sqrt(m), W_key / math.sqrt(m), np.ones(n_heads))


def haystacks(rng, head, batch, n=N, asking=1, topical=0.0):
    """Draw texts, and tokens that each ask for one token of theirs: returns (asking, x, place).

    `asking` is (b, q, m), `x` is (b, n, m), and `place` (b, q) is where the needles stand. With `topical`, that share
    of each token's variance is the same for all tokens of its block.
    """
    x = rng.standard_normal((batch, n, M))
    if topical:
        topics = np.repeat(rng.standard_normal((batch, n // BLOCK, M)), BLOCK, axis=1)
        x = math.sqrt(topical) * topics + math.sqrt(1 - topical) * x
    place = rng.integers(n, size=(batch, asking))
    needles = np.take_along_axis(x, place[..., None], axis=1)
    noise = rng.standard_normal(needles.shape) / 4
    return (needles @ head.W_key + noise) @ head.W_query.T, x, place


def dense_weights(asking, x, head):
    """What the finished head gives each token."""
    return attention_weights(asking @ head.W_query, x @ head.W_key, scale=SCALE)


def index_of(asking, x, weights):
    """The index of every token, for the one that asks."""
    query, key = asking[:, None] @ weights.W_query, x @ weights.W_key
    return lightning_index(query, key, np.broadcast_to(weights.head_weights, (*asking.shape[:-1], len(query[0]))))


@shaped("(b,q,m),(b,k,m),(b,q,k)->()", returns="loss, gradients")
def warm_up_backward(asking, x, target, weights):
    """Compare the softmax of the index with a dense head's weights, and go back: returns (loss, gradients).

    The loss is the divergence KL(target || softmax(index)), the mean over the queries. `weights` is an
    `IndexerWeights`, and so are the gradients. DeepSeek-V3.2 (2025).
    """
    query, key = asking[:, None] @ weights.W_query, x @ weights.W_key
    products = query @ np.swapaxes(key, -1, -2)[:, None]
    index = index_of(asking, x, weights)
    share = index - index.max(axis=-1, keepdims=True)
    share = share - np.log(np.exp(share).sum(axis=-1, keepdims=True))
    seen = target > 0
    loss = (target[seen] * (np.log(target[seen]) - share[seen])).sum() / target[..., 0].size
    d_index = (np.exp(share) - target) / target[..., 0].size
    d_products = weights.head_weights[:, None, None] * d_index[:, None] * (products > 0)
    d_query, d_key = d_products @ key[:, None], np.einsum("bhqk,bhqd->bkd", d_products, query)
    gradients = IndexerWeights(
        np.einsum("bqm,bhqd->hmd", asking, d_query),
        np.einsum("bkm,bkd->md", x, d_key),
        np.einsum("bqk,bhqk->h", d_index, np.maximum(products, 0)),
    )
    return float(loss), gradients


def read_by(asking, x, head, indexers):
    """Which tokens each scheme reads for each token that asks, by name: `N_KEEP` of them, as booleans (b, q, n)."""
    query, key = asking @ head.W_query, x @ head.W_key
    n = x.shape[1]
    read = {
        "the last ones": np.broadcast_to(np.arange(n) >= n - N_KEEP, (*asking.shape[:-1], n)),
        "blocks by their mean": block_mask(attention_scores(query, mean_blocks(key, BLOCK)), BLOCK, n, N_KEEP // BLOCK),
    }
    return read | {name: best(index_of(asking, x, weights), N_KEEP) for name, weights in indexers.items()}


class NeedleRuns(NamedTuple):
    """What came out: the losses of the warm-up; by kind of text and by scheme, the share of needles that are read."""

    losses: list
    found: dict


def needle_experiment(steps=300, texts=50, seed=0):
    """Put four ways of reading 32 of 512 keys before a finished head, and count the needles: returns `NeedleRuns`.

    The texts are "scattered", where neighbors have nothing in common, or "by topic", where half of each token's
    variance is its block's. The indexer is fitted on scattered texts to the head's weights; the head stays as it is.
    """
    rng = np.random.default_rng(seed)
    head = finished_head(rng)
    weights = start_indexer(rng)
    indexers = {"indexer, as drawn": IndexerWeights(*(W.copy() for W in weights)), "indexer, warmed up": weights}

    def batches():
        for _ in range(steps):
            asking, x, _ = haystacks(rng, head, batch=4, n=128, asking=64)
            yield asking, x, dense_weights(asking, x, head)

    losses = train(weights, lambda *batch: warm_up_backward(*batch, weights), batches())
    found = {}
    for name, topical in (("scattered", 0.0), ("by topic", 0.5)):
        asking, x, place = haystacks(rng, head, texts, asking=8, topical=topical)
        read = read_by(asking, x, head, indexers)
        found[name] = {
            scheme: float(np.take_along_axis(chosen, place[..., None], axis=-1).mean())
            for scheme, chosen in read.items()
        }
    return NeedleRuns(losses, found)
