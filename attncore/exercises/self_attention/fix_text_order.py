"""Texts sorted by length, encoded, and put back."""

import numpy as np

from attncore.exercises.exercise import case, code
from attncore.shapes import shaped
from attncore.softmax import softmax


def encode(x):
    scale = 1 / np.sqrt(x.shape[-1])
    weights = softmax(scale * x @ x.T)
    mixed = weights @ x
    return mixed.mean(axis=0)


@shaped("_->(b,m)", axes={"b": "text"})
def fix_text_order(texts):
    """Return a vector for each text: row i is the mean of the self-attention of text i.

    `texts` is a list of arrays (n, m), which may differ in n. To fill batches well, texts are encoded shortest first;
    the caller doesn't see that.
    """
    lengths = np.array([len(x) for x in texts])
    order = np.argsort(lengths, kind="stable")
    vectors = []
    for place in order:
        x = texts[place]
        vectors.append(encode(x))
    back = np.argsort(order)
    return np.stack(vectors)[back]


def texts_of(*lengths):
    return lambda rng, s: [np.round(rng.standard_normal((n, 2)), 1) for n in lengths]


exercise = code(
    fix_text_order,
    case("one text", texts=texts_of(3)),
    case("two texts, the longer one first", texts=texts_of(4, 2)),
    case("two texts, the shorter one first", texts=texts_of(2, 4)),
    case("three texts, the longest one first", texts=texts_of(3, 1, 2)),
    case("three texts, the shortest one last", texts=texts_of(2, 3, 1)),
    case("three texts of one length", texts=texts_of(2, 2, 2)),
    case("six texts", texts=texts_of(5, 2, 6, 1, 4, 3)),
    case("six texts, two of one length", texts=texts_of(4, 4, 1, 3, 2, 3)),
    bug="sorted once more instead of back",
)


def encoded(texts, order, back):
    return np.stack([encode(texts[place]) for place in order])[back]


def by_length(texts):
    return np.argsort([len(x) for x in texts], kind="stable")


@exercise.mistake("sorted once more instead of back")
def sorted_once_more(texts):
    lengths = np.array([len(x) for x in texts])
    order = np.argsort(lengths, kind="stable")
    vectors = []
    for place in order:
        x = texts[place]
        vectors.append(encode(x))
    back = order
    return np.stack(vectors)[back]


@exercise.mistake("left in the sorted order")
def left_sorted(texts):
    order = by_length(texts)
    return encoded(texts, order, np.arange(len(order)))


@exercise.mistake("the sorted order turned round")
def turned_round(texts):
    order = by_length(texts)
    return encoded(texts, order, order[::-1])


@exercise.another_way
def written_to_its_place(texts):
    vectors = np.zeros((len(texts), texts[0].shape[-1]))
    for place in by_length(texts):
        vectors[place] = encode(texts[place])
    return vectors
