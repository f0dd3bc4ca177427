"""A small language model that writes one character at a time.

`logits`, `loss`, `probabilities` and `generate` are called from elsewhere, so they keep their names and arguments.
Everything else in this file is yours to change.
"""

import math

import numpy as np

N_HEADS = 4
EPS = 1e-5


def embed(weights, ids):
    """Look up the tokens and add their positions: (n) -> (n, m)."""
    positions = np.arange(len(ids))
    return weights.token_embedding[ids] + weights.position_embedding[positions]


def layer_norm(x, gain, bias):
    """Give every token mean 0 and variance 1, then the learned gain and bias."""
    centered = x - x.mean(axis=-1, keepdims=True)
    variance = (centered**2).mean(axis=-1, keepdims=True)
    return centered / np.sqrt(variance + EPS) * gain + bias


def softmax(x):
    """Turn scores into weights that sum to one along the last axis."""
    exponentials = np.exp(x - x.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def split_heads(x):
    """(n, m) -> (h, n, m/h)."""
    n, m = x.shape
    return x.reshape(n, N_HEADS, m // N_HEADS).transpose(1, 0, 2)


def merge_heads(x):
    """(h, n, d) -> (n, h*d)."""
    h, n, d = x.shape
    return x.transpose(1, 0, 2).reshape(n, h * d)


def hide_future(scores):
    """Leave each query the keys up to its own position."""
    n = scores.shape[-1]
    allowed = np.tri(n, dtype=bool)
    return np.where(allowed, scores, -1e9)


def attend(query, key, value):
    """Causal attention, (h, n, d) each."""
    scores = query @ key.swapaxes(-1, -2) / math.sqrt(query.shape[-1])
    return softmax(hide_future(scores)) @ value


def attention(x, weights):
    """Multi-head self-attention: (n, m) -> (n, m)."""
    query = split_heads(x @ weights.W_query)
    key = split_heads(x @ weights.W_key)
    value = split_heads(x @ weights.W_value)
    return merge_heads(attend(query, key, value)) @ weights.W_output


def gelu(x):
    """The activation of GPT, with the error function."""
    return 0.5 * x * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


def feed_forward(x, weights):
    """Two layers for every token by itself: (n, m) -> (n, m)."""
    hidden = gelu(x @ weights.W_in + weights.b_in)
    return hidden @ weights.W_out + weights.b_out


def block(x, weights):
    """A pre-norm block: each part reads the normalized x and adds to x."""
    x = x + attention(layer_norm(x, *weights.attention_norm), weights.attention)
    x = x + feed_forward(layer_norm(x, *weights.feed_forward_norm), weights.feed_forward)
    return x


def logits(weights, ids):
    """The scores of every next token after every position: (n) -> (n, c)."""
    x = embed(weights, ids)
    for layer in weights.blocks:
        x = block(x, layer)
    x = layer_norm(x, weights.gain, weights.bias)
    return x @ weights.token_embedding.T


def loss(weights, ids):
    """The mean surprise, in nats, at each token of a text but the first."""
    inputs, targets = ids[:-1], ids[1:]
    scores = logits(weights, inputs)
    scores = scores - scores.max(axis=-1, keepdims=True)
    log_p = scores - np.log(np.exp(scores).sum(axis=-1, keepdims=True))
    return -log_p[np.arange(len(targets)), targets].mean()


def probabilities(scores, temperature=1.0, top_k=None):
    """The distribution to draw the next token from; with top_k, over the k most likely alone."""
    scores = scores / temperature
    if top_k is not None:
        order = np.argsort(-scores, kind="stable")
        scores[order[top_k:]] = -np.inf
    return softmax(scores)


def generate(weights, prompt, n_new, rng, temperature=1.0, top_k=None):
    """Continue a list of ids by n_new of them; the model sees as much of the end as it has positions for."""
    ids = list(prompt)
    for _ in range(n_new):
        window = ids[-len(weights.position_embedding) :]
        p = probabilities(logits(weights, np.array(window))[-1], temperature, top_k)
        ids.append(int(rng.choice(len(p), p=p)))
    return ids[len(prompt) :]
