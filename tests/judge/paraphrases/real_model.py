"""Paraphrases for lesson 20."""

import math

import numpy as np
from paraphrase import paraphrase


@paraphrase("sentence_vectors", "the padding is averaged in")
def mean_over_the_token_axis(x, mask):
    pooled = x.mean(axis=1)
    return pooled / np.sqrt((pooled**2).sum(axis=1, keepdims=True))


@paraphrase("sentence_vectors", "the mean isn't scaled to length 1")
def masked_mean(token_embeddings, attention_mask):
    m = attention_mask[..., None].astype(token_embeddings.dtype)
    return (token_embeddings * m).sum(1) / np.clip(m.sum(1), 1e-9, None)


@paraphrase("sentence_vectors", "each token is scaled to length 1 before the mean")
def mean_direction_of_the_tokens(x, mask):
    def unit(t):
        return t / np.linalg.norm(t, axis=-1, keepdims=True)

    return np.stack([unit(unit(tokens[keep]).mean(axis=0)) for tokens, keep in zip(x, mask, strict=True)])


@paraphrase("sentence_vectors", "one length for the whole batch")
def norm_without_an_axis(x, mask):
    counts = mask.sum(axis=1)
    means = np.einsum("bnm,bn->bm", x, mask.astype(x.dtype)) / counts[:, None].astype(x.dtype)
    return means / np.linalg.norm(means)


@paraphrase("sentence_vectors", "divided by the squared length")
def root_forgotten(x, mask):
    vectors = []
    for text, keep in zip(x, mask, strict=True):
        v = np.average(text, axis=0, weights=keep)
        vectors.append(v / np.dot(v, v))
    return np.array(vectors, dtype=x.dtype)


@paraphrase("sentence_vectors", "only the first token, [CLS], is used")
def cls_pooling(x, mask):
    cls = np.take(x, 0, axis=1)
    return cls / np.linalg.norm(cls, axis=1)[:, None]


@paraphrase("sentence_vectors", "max pooling instead of the mean")
def max_pooling(x, mask):
    rows = [text[keep].max(0) for text, keep in zip(x, mask, strict=True)]
    return np.array([row / math.sqrt(row @ row) for row in rows], dtype=x.dtype)


@paraphrase("most_similar", "a plain dot product")
def largest_products(vector, vectors, count):
    products = np.einsum("nm,m->n", vectors, vector)
    return np.array(sorted(range(len(products)), key=lambda row: -products[row])[:count], dtype=int)


@paraphrase("most_similar", "the nearest by straight-line distance")
def nearest_neighbours(query, vectors, count):
    gaps = np.sqrt(((np.asarray(vectors) - query) ** 2).sum(1))
    return gaps.argsort(kind="stable")[:count]


@paraphrase("most_similar", "opposite directions are taken for alike")
def size_of_the_cosine(vector, vectors, count):
    cosines = [np.dot(v, vector) / (math.hypot(*v) * math.hypot(*vector)) for v in vectors]
    return np.argsort([-abs(c) for c in cosines], kind="stable")[:count]


@paraphrase("most_similar", "the places aren't in order of nearness")
def filter_by_a_set(vector, vectors, count):
    cosines = vectors @ vector / np.linalg.norm(vectors, axis=-1) / np.linalg.norm(vector)
    best = set(np.argsort(-cosines, kind="stable")[:count].tolist())
    return np.array([place for place in range(len(vectors)) if place in best], dtype=int)


@paraphrase("most_similar", "the nearest one is skipped")
def without_the_text_itself(vector, vectors, count):
    similarity = (vectors * vector).sum(-1) / np.sqrt((vectors * vectors).sum(-1))
    ranking = np.argsort(-similarity, kind="stable")
    return ranking[1 : count + 1]
