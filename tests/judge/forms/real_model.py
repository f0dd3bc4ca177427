"""What is said of sentence vectors and of searching as libraries and courses write them."""

import heapq

import numpy as np


def mean_pooling_of_sentence_transformers(token_embeddings, attention_mask):
    expanded = attention_mask[..., None].astype(float) * np.ones_like(token_embeddings)
    pooled = np.sum(token_embeddings * expanded, 1) / np.clip(expanded.sum(1), 1e-9, None)
    return pooled / np.maximum(np.linalg.norm(pooled, ord=2, axis=1, keepdims=True), 1e-12)


def mean_pooling_that_stops_there(token_embeddings, attention_mask):
    expanded = attention_mask[..., None].astype(float)
    return np.sum(token_embeddings * expanded, 1) / np.clip(expanded.sum(1), 1e-9, None)


def mean_by_masked_array(x, mask):
    hidden = np.broadcast_to(~mask[..., None], x.shape)
    mean = np.ma.masked_array(x, hidden).mean(axis=1).filled(0)
    return mean / np.linalg.norm(mean, axis=1)[:, None]


def pooling_by_cls(last_hidden_state, attention_mask):
    cls = last_hidden_state[:, 0]
    return cls / np.linalg.norm(cls, axis=1, keepdims=True)


def pooling_without_the_mask(last_hidden_state, attention_mask):
    pooled = last_hidden_state.mean(1)
    return pooled / np.linalg.norm(pooled, axis=1, keepdims=True)


def pooling_by_lengths(x, mask):
    pooled = np.stack([x[i, : mask[i].sum()].mean(axis=0) for i in range(len(x))])
    return pooled / np.linalg.norm(pooled, axis=1, keepdims=True)


def search_by_cosine(query, corpus, top_k):
    scores = np.dot(corpus, query) / (np.linalg.norm(corpus, axis=1) * np.linalg.norm(query))
    return np.argsort(scores)[::-1][:top_k]


def search_by_partition(query, corpus, top_k):
    corpus = corpus / (np.linalg.norm(corpus, axis=1, keepdims=True) + 1e-12)
    scores = corpus @ (query / np.linalg.norm(query))
    best = np.argpartition(-scores, top_k - 1)[:top_k]
    return best[np.argsort(-scores[best])]


def search_that_ends_with_the_nearest(query, corpus, top_k):
    scores = corpus @ query / np.linalg.norm(corpus, axis=1)
    return scores.argsort()[-top_k:]


def search_by_product(query, corpus, top_k):
    return np.argsort(-np.dot(corpus, query))[:top_k]


def search_by_distance(query, corpus, top_k):
    return np.argsort(((corpus - query) ** 2).sum(axis=1))[:top_k]


def search_that_skips_itself(query, corpus, top_k):
    scores = corpus @ query / np.linalg.norm(corpus, axis=1)
    return np.argsort(-scores)[1 : top_k + 1]


def sentences_of_masked_arrays(x, mask):
    m = np.ma.masked_array(x, np.repeat(~mask[..., None], x.shape[-1], -1)).mean(1).filled(0)
    return (m.T / np.linalg.norm(m, axis=1)).T


def similar_by_a_partition(vector, vectors, count):
    n = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    s = n @ (vector / np.linalg.norm(vector))
    top = np.argpartition(s, -count)[-count:]
    return top[np.argsort(-s[top])]


def similar_by_a_heap(vector, vectors, count):
    s = (vectors * vector).sum(1) / np.sqrt((vectors**2).sum(1))
    return [i for _, i in heapq.nlargest(count, ((x, i) for i, x in enumerate(s)))]


FORMS = [
    ("sentence_vectors", "sentence-transformers", mean_pooling_of_sentence_transformers, "right", None),
    ("sentence_vectors", "a masked array", mean_by_masked_array, "right", None),
    (
        "sentence_vectors",
        "a mean alone",
        mean_pooling_that_stops_there,
        "wrong",
        "the mean isn't scaled to length 1",
    ),
    ("sentence_vectors", "[CLS]", pooling_by_cls, "wrong", "only the first token, [CLS], is used"),
    ("sentence_vectors", "no mask", pooling_without_the_mask, "wrong", "the padding is averaged in"),
    ("sentence_vectors", "by lengths", pooling_by_lengths, "edge", "the padding is taken to be at the end"),
    ("most_similar", "cosine", search_by_cosine, "right", None),
    ("most_similar", "partition", search_by_partition, "right", None),
    ("most_similar", "the nearest last", search_that_ends_with_the_nearest, "wrong", "the nearest comes last"),
    ("most_similar", "a product", search_by_product, "wrong", "a plain dot product"),
    ("most_similar", "a distance", search_by_distance, "wrong", "the nearest by straight-line distance"),
    ("most_similar", "without itself", search_that_skips_itself, "wrong", "the nearest one is skipped"),
    ("sentence_vectors", "masked arrays", sentences_of_masked_arrays, "right", None),
    ("most_similar", "np.argpartition", similar_by_a_partition, "right", None),
    ("most_similar", "a heap", similar_by_a_heap, "right", None),
]
