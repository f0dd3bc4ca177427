"""The same small language model, served with a cache: a prompt is read in chunks, then one token at a time.

`new_caches`, `forward`, `prefill`, `probabilities`, `generate` and `serve` are called from elsewhere, so they keep
their names and arguments. Everything else in this file is yours to change.
"""

import math

import numpy as np

N_HEADS = 4


class Cache:
    """The keys and values of one layer, for all tokens so far: (h, n, d) each."""

    def __init__(self):
        self.key = self.value = None

    def __len__(self):
        return 0 if self.key is None else self.key.shape[1]

    def append(self, key, value):
        """Add the keys and values of new tokens behind the others."""
        if self.key is not None:
            key = np.concatenate([self.key, key], axis=1)
            value = np.concatenate([self.value, value], axis=1)
        self.key, self.value = key, value


def new_caches(weights):
    """An empty cache for every block."""
    return [Cache() for _ in weights.blocks]


def embed(weights, ids, start):
    """Tokens and positions of a chunk that begins at position `start`: (n) -> (n, m)."""
    positions = np.arange(start, start + len(ids))
    return weights.token_embedding[ids] + weights.position_embedding[positions]


def layer_norm(x, gain, bias):
    """Give every token mean 0 and variance 1, then the learned gain and bias."""
    centered = x - x.mean(axis=-1, keepdims=True)
    return centered / np.sqrt((centered**2).mean(axis=-1, keepdims=True) + 1e-5) * gain + bias


def softmax(x):
    exponentials = np.exp(x - x.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def split_heads(x):
    """(n, m) -> (h, n, m/h)."""
    n, m = x.shape
    return x.reshape(n, N_HEADS, m // N_HEADS).transpose(1, 0, 2)


def hide_future(scores):
    """Leave each query the keys up to its own position; the queries are the last ones."""
    n_query, n_key = scores.shape[-2:]
    allowed = np.tri(n_query, n_key, n_key - n_query, dtype=bool)
    return np.where(allowed, scores, -np.inf)


def attention(x, weights, cache):
    """Attend from a chunk to all tokens so far, itself included: (n, m) -> (n, m)."""
    query, key, value = (split_heads(x @ W) for W in weights[:3])
    cache.append(key, value)
    scores = query @ cache.key.swapaxes(-1, -2) / math.sqrt(query.shape[-1])
    heads = softmax(hide_future(scores)) @ cache.value
    return heads.transpose(1, 0, 2).reshape(x.shape) @ weights.W_output


def gelu(x):
    return 0.5 * x * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


def block(x, weights, cache):
    """A pre-norm block: each part reads the normalized x and adds to x."""
    x = x + attention(layer_norm(x, *weights.attention_norm), weights.attention, cache)
    wide = weights.feed_forward
    hidden = gelu(layer_norm(x, *weights.feed_forward_norm) @ wide.W_in + wide.b_in)
    return x + hidden @ wide.W_out + wide.b_out


def forward(weights, ids, caches):
    """Read a chunk behind what the caches hold; the logits after each of its tokens, (n) -> (n, c)."""
    x = embed(weights, ids, start=len(caches[0]))
    for layer, cache in zip(weights.blocks, caches, strict=True):
        x = block(x, layer, cache)
    return layer_norm(x, weights.gain, weights.bias) @ weights.token_embedding.T


def prefill(weights, prompt, caches, chunk=8):
    """Read a prompt chunk by chunk; the logits after its last token, (c)."""
    for begin in range(0, len(prompt), chunk):
        scores = forward(weights, prompt[begin : begin + chunk], caches)
    return scores[-1]


def probabilities(scores, temperature=1.0, top_p=1.0):
    """The distribution to draw from: the fewest tokens whose probabilities reach top_p, and nothing else."""
    p = softmax(scores / temperature)
    order = np.argsort(-p)
    before = np.cumsum(p[order]) - p[order]
    p[order[before >= top_p - 1e-12]] = 0
    return p / p.sum()


def generate(weights, prompt, n_new, rng, temperature=1.0, top_p=1.0, stop=None):
    """Continue a prompt by n_new ids, or up to the first `stop`, which is not returned."""
    caches, ids = new_caches(weights), []
    scores = prefill(weights, prompt, caches)
    for _ in range(n_new):
        p = probabilities(scores, temperature, top_p)
        token = int(rng.choice(len(p), p=p))
        if token == stop:
            break
        ids.append(token)
        scores = forward(weights, [token], caches)[-1]
    return ids


def serve(weights, prompts, n_new):
    """Continue several prompts, a token each in turn, always by the most likely one; a list of ids for each."""
    caches = [new_caches(weights) for _ in prompts]
    scores = [prefill(weights, prompt, own) for prompt, own in zip(prompts, caches, strict=True)]
    texts = [[] for _ in prompts]
    for _ in range(n_new):
        for i, text in enumerate(texts):
            text.append(int(scores[i].argmax()))
            scores[i] = forward(weights, text[-1:], caches[i])[-1]
    return texts
