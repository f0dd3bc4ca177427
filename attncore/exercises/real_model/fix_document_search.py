"""A search through documents that come in blocks."""

import numpy as np

from attncore.exercises.exercise import case, code
from attncore.real_model import most_similar
from attncore.shapes import shaped


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def best_of(scores, count):
    return np.argsort(-scores, kind="stable")[:count]


@shaped("(m),(n,m)->(t),(t)", axes={"n": "document", "t": "place"}, returns="places, cosines")
def fix_document_search(query, documents, count, size):
    """Find the documents that point most nearly the way of the query: returns (places, cosines).

    The documents are read in blocks of `size`, the last one possibly shorter, and each block hands
    on its best. Nearness is the cosine, so lengths don't matter. The nearest comes first; a place is the
    document's row. Where there are fewer documents than `count`, all of them are returned.
    """
    places, cosines = [], []
    for start in range(0, len(documents), size):
        block = unit(documents[start : start + size])
        scores = block @ unit(query)
        best = best_of(scores, count)
        places.append(start + best)
        cosines.append(scores[best])
    places, cosines = np.concatenate(places), np.concatenate(cosines)
    best = best_of(cosines, count)
    return places[best], cosines[best]


def library(name, n, size, count, m=2, **more):
    return case(name, small=n < 8, sizes={"n": n, "m": m}, size=size, count=count, **more)


def of_length_one(rng, s):
    vectors = rng.standard_normal((s.n, s.m))
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


exercise = code(
    fix_document_search,
    library("one document", 1, 2, 1),
    library("one block", 3, 5, 2),
    library("one document a block", 4, 1, 2),
    library("two equal blocks", 4, 2, 2),
    library("a shorter last block", 5, 3, 2),
    library(
        "all the best in one block",
        6,
        3,
        2,
        documents=lambda rng, s: np.eye(2)[[1, 1, 1, 0, 0, 0]] + 0.1 * np.arange(6)[:, None],
    ),
    library("documents of length one", 23, 5, 4, m=8, documents=of_length_one),
    library("documents of all lengths", 23, 5, 4, m=8),
    library("float32", 17, 4, 3, m=8, dtype=np.float32),
    library(
        "more asked for than there are",
        5,
        2,
        9,
        promise="Where there are fewer documents than `count`, all of them are returned.",
    ),
    bug="a block of vectors is divided by one length",
)


def unit_(vectors):
    return vectors / np.linalg.norm(vectors)


@exercise.mistake("a block of vectors is divided by one length")
def nearest_documents(query, documents, count, size):
    places, cosines = [], []
    for start in range(0, len(documents), size):
        block = unit_(documents[start : start + size])
        scores = block @ unit_(query)
        best = best_of(scores, count)
        places.append(start + best)
        cosines.append(scores[best])
    places, cosines = np.concatenate(places), np.concatenate(cosines)
    best = best_of(cosines, count)
    return places[best], cosines[best]


def searched(query, documents, count, size, scores, per_block=None, offset=True):
    """With `scores(query, block)` for each block, which hands on its `per_block` best."""
    found = []
    for start in range(0, len(documents), size):
        each = scores(query, documents[start : start + size])
        best = best_of(each, per_block or count)
        found += [(each[i], start * offset + i) for i in best]
    found = sorted(found, key=lambda both: -both[0])[:count]
    return np.array([place for _, place in found]), np.array([score for score, _ in found])


def cosine(query, block):
    return unit(block) @ unit(query)


@exercise.mistake("the documents' lengths count")
def lengths_count(query, documents, count, size):
    return searched(query, documents, count, size, lambda query, block: block @ unit(query))


@exercise.mistake("each column of a block is divided by its length")
def by_columns(query, documents, count, size):
    def scores(query, block):
        return block / np.linalg.norm(block, axis=0) @ unit(query)

    return searched(query, documents, count, size, scores)


@exercise.mistake("one length for all documents together")
def one_length_for_all(query, documents, count, size):
    whole = np.linalg.norm(documents)
    return searched(query, documents, count, size, lambda query, block: block / whole @ unit(query))


@exercise.mistake("places are counted inside their block")
def inside_the_block(query, documents, count, size):
    return searched(query, documents, count, size, cosine, offset=False)


@exercise.mistake("each block hands on a single document")
def one_of_each_block(query, documents, count, size):
    return searched(query, documents, count, size, cosine, per_block=1)


@exercise.another_way
def all_at_once(query, documents, count, size):
    cosines = documents @ query / np.linalg.norm(documents, axis=-1) / np.linalg.norm(query)
    places = most_similar(query, documents, count)
    return places, cosines[places]
