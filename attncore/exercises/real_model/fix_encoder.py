"""An encoder for many texts: sorted by length, cut into batches, and put back in order."""

import numpy as np

from attncore.dot_product import scaled_dot_product_attention
from attncore.exercises.exercise import Case, code
from attncore.shapes import shaped


def encode_together(texts, E):
    lengths = np.array([len(text) for text in texts])
    ids = np.array([[*text, *[0] * (max(lengths) - len(text))] for text in texts])
    real = np.arange(max(lengths)) < lengths[:, None]
    x = E[ids]
    x = x + scaled_dot_product_attention(x, x, x, real[:, None])
    mean = np.sum(x * real[..., None], axis=1) / lengths[:, None]
    return mean / np.linalg.norm(mean, axis=-1, keepdims=True)


@shaped("_,(c,m)->(b,m)", axes={"c": "vocabulary"})
def fix_encoder(texts, E, size):
    """Turn each text into a vector of length 1, in batches of `size`.

    `texts` are lists of ids, rows of E; id 0 is [PAD], which no text holds. One attention layer
    with a residual, then the mean of the text's own tokens. Texts of similar length share a batch, so that there is
    little padding. Row i of the result belongs to text i, and doesn't depend on the other texts.
    """
    order = np.argsort([len(text) for text in texts], kind="stable")
    rows = []
    for start in range(0, len(texts), size):
        batch = [texts[i] for i in order[start : start + size]]
        rows.append(encode_together(batch, E))
    vectors = np.concatenate(rows)
    return vectors[np.argsort(order)]


def texts_of(name, lengths, size, words=6, m=2, dtype=np.float64):
    def make():
        rng = np.random.default_rng([*lengths, size])
        return {
            "texts": [rng.integers(1, words, size=length).tolist() for length in lengths],
            "E": np.round(rng.standard_normal((words, m)), 1).astype(dtype),
            "size": size,
        }

    return Case(name, make)


exercise = code(
    fix_encoder,
    texts_of("one text", [3], 2),
    texts_of("two texts of one length", [2, 2], 2),
    texts_of("two texts, the shorter one first", [1, 2], 2),
    texts_of("two texts, the longer one first", [3, 1], 2),
    texts_of("one text a batch, longest first", [3, 2, 1], 1),
    texts_of("one text a batch, in a circle", [2, 3, 1], 1),
    texts_of("three texts in a circle", [3, 1, 2], 2),
    texts_of("seven texts in batches of three", [4, 2, 7, 1, 5, 2, 3], 3, words=20, m=8),
    texts_of("texts of one length, in batches", [3, 3, 3, 3, 3], 2, words=20, m=8),
    texts_of("float32", [4, 2, 7, 1, 5], 2, words=20, m=8, dtype=np.float32),
    bug="the padding is averaged in, and the order is restored the wrong way",
)


def encode_together_(texts, E):
    lengths = np.array([len(text) for text in texts])
    ids = np.array([[*text, *[0] * (max(lengths) - len(text))] for text in texts])
    real = np.arange(max(lengths)) < lengths[:, None]
    x = E[ids]
    x = x + scaled_dot_product_attention(x, x, x, real[:, None])
    mean = np.mean(x, axis=1)
    return mean / np.linalg.norm(mean, axis=-1, keepdims=True)


@exercise.mistake("the padding is averaged in, and the order is restored the wrong way")
def encoded(texts, E, size):
    order = np.argsort([len(text) for text in texts], kind="stable")
    rows = []
    for start in range(0, len(texts), size):
        batch = [texts[i] for i in order[start : start + size]]
        rows.append(encode_together_(batch, E))
    vectors = np.concatenate(rows)
    return vectors[order]


def in_batches(texts, E, size, together=encode_together, back=np.argsort):
    order = np.argsort([len(text) for text in texts], kind="stable")
    batches = [order[start : start + size] for start in range(0, len(texts), size)]
    vectors = np.concatenate([together([texts[i] for i in batch], E) for batch in batches])
    return vectors[back(order)]


@exercise.mistake("the padding is averaged in")
def padding_left(texts, E, size):
    return in_batches(texts, E, size, together=encode_together_)


@exercise.mistake("the order is restored the wrong way")
def order_left(texts, E, size):
    return in_batches(texts, E, size, back=lambda order: order)


@exercise.mistake("the vectors stay in the order of the batches")
def not_restored(texts, E, size):
    return in_batches(texts, E, size, back=np.sort)


@exercise.mistake("one length for the whole batch")
def one_length(texts, E, size):
    def together(texts, E):
        means = [np.mean(encoded_alone(text, E), axis=0) for text in texts]
        return np.stack(means) / np.linalg.norm(means)

    return in_batches(texts, E, size, together=together)


@exercise.mistake("the padding is left out of the mean, and attended to")
def padding_read(texts, E, size):
    def together(texts, E):
        longest = max(len(text) for text in texts)
        x = E[np.array([[*text, *[0] * (longest - len(text))] for text in texts])]
        x = x + scaled_dot_product_attention(x, x, x)
        means = np.stack([rows[: len(text)].mean(axis=0) for rows, text in zip(x, texts, strict=True)])
        return means / np.linalg.norm(means, axis=-1, keepdims=True)

    return in_batches(texts, E, size, together=together)


def encoded_alone(text, E):
    x = E[text]
    return x + scaled_dot_product_attention(x, x, x)


@exercise.another_way
def one_by_one(texts, E, size):
    means = np.stack([encoded_alone(text, E).mean(axis=0) for text in texts])
    return means / np.linalg.norm(means, axis=-1, keepdims=True)


@exercise.another_way
def written_to_their_places(texts, E, size):
    order = np.argsort([len(text) for text in texts], kind="stable")
    vectors = np.empty((len(texts), E.shape[1]))
    for start in range(0, len(texts), size):
        batch = order[start : start + size]
        vectors[batch] = encode_together([texts[i] for i in batch], E)
    return vectors
