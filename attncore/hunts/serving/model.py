"""The same small language model on a server: all requests keep their keys and values in one pool of blocks.

Requests with a common prompt share its blocks until one of them writes there. A request can be sped up by a small
draft model, whose guesses the model checks in one pass. `Pool`, `Table`, `fork`, `cut`, `forward`, `guess`, `accept`,
`serve` and `speculate` are called from elsewhere, so they keep their names and arguments, and so does `unused` of a
pool. Everything else in this file is yours to change.
"""

import math

import numpy as np

N_HEADS, BLOCK = 4, 4


class Pool:
    """A model, and room for the keys and values of its requests: n_blocks blocks of BLOCK slots, (layer, slot, m)."""

    def __init__(self, weights, n_blocks):
        self.weights, self.unused, self.holders = weights, list(range(n_blocks)), [0] * n_blocks
        shape = (len(weights.blocks), n_blocks * BLOCK, len(weights.gain))
        self.key, self.value = np.zeros(shape), np.zeros(shape)

    def take(self):
        """A block that nobody holds."""
        block = self.unused.pop(0)
        self.holders[block] = 1
        return block

    def give_back(self, block):
        """One holder less; without any, the block is unused again."""
        self.holders[block] -= 1
        if self.holders[block] == 0:
            self.unused.append(block)


class Table:
    """Where the tokens of a request lie: its blocks, in order, and how many tokens are in them."""

    def __init__(self, pool):
        self.pool, self.blocks, self.length = pool, [], 0


def slots(table):
    """The slot of each token of a request, in order: (n)."""
    token = np.arange(table.length)
    return np.array(table.blocks)[token // BLOCK] * BLOCK + token % BLOCK


def grow(table, n):
    """Make room for n more tokens. A last block that isn't full is written to, so it has to be the request's own."""
    pool, blocks = table.pool, table.blocks
    if table.length % BLOCK and pool.holders[blocks[-1]] > 1:
        blocks[-1] = copied(pool, blocks[-1])
    table.length += n
    while len(blocks) * BLOCK < table.length:
        blocks.append(pool.take())


def copied(pool, shared):
    """A block of one's own with what is in a shared one, which gets one holder less."""
    own = pool.take()
    to, of = (slice(block * BLOCK, (block + 1) * BLOCK) for block in (own, shared))
    pool.key[:, to] = pool.key[:, of]
    pool.value[:, to] = pool.value[:, of]
    pool.give_back(shared)
    return own


def fork(table):
    """A second request with the same tokens, in the same blocks."""
    second = Table(table.pool)
    second.blocks, second.length = list(table.blocks), table.length
    for block in table.blocks:
        table.pool.holders[block] += 1
    return second


def cut(table, length):
    """Keep at most the first `length` tokens of a request, and no block without one of them."""
    table.length = min(table.length, length)
    kept = math.ceil(table.length / BLOCK)
    for block in table.blocks[kept:]:
        table.pool.give_back(block)
    del table.blocks[kept:]


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


def attention(x, weights, table, layer):
    """Attend from the last tokens of a request to all of them, in their slots: (n, m) -> (n, m)."""
    pool, places = table.pool, slots(table)
    new = places[-len(x) :]
    pool.key[layer, new], pool.value[layer, new] = x @ weights.W_key, x @ weights.W_value
    seen = pool.key[layer, places], pool.value[layer, places]
    query, key, value = map(split_heads, (x @ weights.W_query, *seen))
    scores = query @ key.swapaxes(-1, -2) / math.sqrt(query.shape[-1])
    heads = softmax(hide_future(scores)) @ value
    return heads.transpose(1, 0, 2).reshape(x.shape) @ weights.W_output


def gelu(x):
    return 0.5 * x * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


def decoder_block(x, weights, table, layer):
    """A pre-norm block: each part reads the normalized x and adds to x."""
    x = x + attention(layer_norm(x, *weights.attention_norm), weights.attention, table, layer)
    wide = weights.feed_forward
    hidden = gelu(layer_norm(x, *weights.feed_forward_norm) @ wide.W_in + wide.b_in)
    return x + hidden @ wide.W_out + wide.b_out


def forward(ids, table):
    """Read new tokens of a request; the logits after each of them, (n) -> (n, c)."""
    weights = table.pool.weights
    positions = np.arange(table.length, table.length + len(ids))
    x = weights.token_embedding[ids] + weights.position_embedding[positions]
    grow(table, len(ids))
    for layer, part in enumerate(weights.blocks):
        x = decoder_block(x, part, table, layer)
    return layer_norm(x, weights.gain, weights.bias) @ weights.token_embedding.T


def serve(pool, prompts, n_texts, n_new):
    """Continue each prompt in n_texts ways, which begin with its likeliest tokens and go on with the likeliest each."""
    tables, texts = [], []
    for prompt in prompts:
        table = Table(pool)
        likeliest = np.argsort(-forward(prompt, table)[-1])[:n_texts]
        tables += [fork(table) for _ in likeliest]
        texts += [[int(token)] for token in likeliest]
        cut(table, 0)
    for _ in range(n_new - 1):
        for text, table in zip(texts, tables, strict=True):
            text.append(int(forward(text[-1:], table)[-1].argmax()))
    for table in tables:
        cut(table, 0)
    return texts


def draw(p, rng):
    return int(rng.choice(len(p), p=p))


def guess(ids, n, table, rng, temperature=1.0):
    """Draw n tokens behind a text, of which the draft has read a part; they, and their distributions, (n, c)."""
    text, q = list(ids), []
    for _ in range(n):
        q.append(softmax(forward(text[table.length :], table)[-1] / temperature))
        text.append(draw(q[-1], rng))
    return text[len(ids) :], np.stack(q)


def residual(p, q):
    """The distribution of what p has in excess of q."""
    excess = np.maximum(p - q, 0)
    return excess / excess.sum()


def accept(guesses, q, p, rng):
    """The guesses up to the first that is rejected, and one token more: all as if they were drawn from p, (n+1, c)."""
    for i, token in enumerate(guesses):
        if rng.random() * q[i, token] >= p[i, token]:
            return [*guesses[:i], draw(residual(p[i], q[i]), rng)]
    return [*guesses, draw(p[-1], rng)]


def speculate(pool, draft_pool, prompt, n_new, n_guess, rng, temperature=1.0):
    """Continue a prompt by n_new ids, from n_guess guesses of the draft a pass; the ids, and the number of passes."""
    table, draft = Table(pool), Table(draft_pool)
    ids, end, passes = list(prompt), len(prompt) + n_new, 0
    while len(ids) < end:
        guesses, q = guess(ids, min(n_guess, end - len(ids)), draft, rng, temperature)
        logits = forward([*ids, *guesses][table.length :], table)[-len(guesses) - 1 :]
        ids += accept(guesses, q, softmax(logits / temperature), rng)
        passes += 1
        cut(table, len(ids) - 1)
        cut(draft, len(ids) - 1)
    cut(table, 0)
    cut(draft, 0)
    return ids[len(prompt) : end], passes
