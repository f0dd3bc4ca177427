"""A small encoder for sentences of different lengths: padding, self-attention, a vector for each sentence.

`encode`, `sentence_vectors`, `most_similar` and `classify` are called from elsewhere, so they keep their names and
arguments; `texts` is a list of lists of token ids. Everything else in this file is yours to change.
"""

import math

import numpy as np

N_HEADS = 4
PAD = 0


def pad(texts):
    """Fill up to the longest text: ids (b, n), and which of them are real, (b, n)."""
    lengths = np.array([len(text) for text in texts])
    real = np.arange(lengths.max()) < lengths[:, None]
    ids = np.full(real.shape, PAD)
    ids[real] = np.concatenate(texts)
    return ids, real


def positions(n, m):
    """Sine and cosine of each position, at m/2 frequencies in turn: (n, m)."""
    frequencies = 10000.0 ** (-np.arange(0, m, 2) / m)
    angles = np.arange(n)[:, None] * frequencies
    table = np.empty((n, m))
    table[:, 0::2], table[:, 1::2] = np.sin(angles), np.cos(angles)
    return table


def embed(weights, ids):
    """(b, n) -> (b, n, m)."""
    x = weights.token_embedding[ids]
    return x + positions(ids.shape[1], x.shape[-1])


def layer_norm(x, gain, bias):
    """Give every token mean 0 and variance 1, then the learned gain and bias."""
    centered = x - x.mean(axis=-1, keepdims=True)
    return centered / np.sqrt((centered**2).mean(axis=-1, keepdims=True) + 1e-12) * gain + bias


def softmax(x):
    exponentials = np.exp(x - x.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def split_heads(x):
    """(b, n, m) -> (b, h, n, m/h)."""
    b, n, m = x.shape
    return x.reshape(b, n, N_HEADS, m // N_HEADS).transpose(0, 2, 1, 3)


def merge_heads(x):
    """(b, h, n, d) -> (b, n, h*d)."""
    b, h, n, d = x.shape
    return x.transpose(0, 2, 1, 3).reshape(b, n, h * d)


def attend(query, key, value, real):
    """Attention in every head, from all tokens to the real ones: (b, h, n, d) each, real (b, n)."""
    scores = query @ key.swapaxes(-1, -2) / math.sqrt(query.shape[-1])
    scores = np.where(real[:, None, None, :], scores, -np.inf)
    return softmax(scores) @ value


def attention(x, weights, real):
    """(b, n, m) -> (b, n, m)."""
    query, key, value = (split_heads(x @ W) for W in weights[:3])
    return merge_heads(attend(query, key, value, real)) @ weights.W_output


def feed_forward(x, weights):
    hidden = x @ weights.W_in + weights.b_in
    gelu = 0.5 * hidden * (1 + np.vectorize(math.erf)(hidden / math.sqrt(2)))
    return gelu @ weights.W_out + weights.b_out


def block(x, weights, real):
    """A post-norm block, as in BERT: what a part adds is normalized together with x."""
    x = layer_norm(x + attention(x, weights.attention, real), *weights.attention_norm)
    return layer_norm(x + feed_forward(x, weights.feed_forward), *weights.feed_forward_norm)


def encode(weights, texts):
    """The vector of every token, (b, n, m), and which tokens are real, (b, n)."""
    ids, real = pad(texts)
    x = embed(weights, ids)
    for layer in weights.blocks:
        x = block(x, layer, real)
    return x, real


def sentence_vectors(weights, texts):
    """The mean of each text's own tokens, at length one: (b, m)."""
    x, real = encode(weights, texts)
    mean = (x * real[..., None]).sum(axis=1) / real.sum(axis=1)[:, None]
    return mean / np.linalg.norm(mean, axis=-1, keepdims=True)


def most_similar(weights, text, texts, k):
    """The places of the k texts whose vectors have the largest cosine with that of a text, best first."""
    vectors = sentence_vectors(weights, [text, *texts])
    cosines = vectors[1:] @ vectors[0]
    return np.argsort(-cosines)[:k]


def classify(weights, texts, W):
    """The scores of each class, from the first token of each text: (b, c)."""
    x, _ = encode(weights, texts)
    return x[:, 0] @ W
