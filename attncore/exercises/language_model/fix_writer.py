"""A writer that reads its prompt in chunks: the first chunk is right, and the text loops."""

import numpy as np

from attncore.cache import KVCache
from attncore.dot_product import scaled_dot_product_attention
from attncore.exercises.exercise import case, code
from attncore.exercises.heads.cases import matrix
from attncore.masks import causal_mask
from attncore.positions import apply_rotary
from attncore.shapes import shaped
from attncore.softmax import log_softmax


def read_chunk(ids, cache, E, W_query, W_key):
    x = E[ids]
    positions = len(cache) + np.arange(len(x))
    query, key = apply_rotary(x @ W_query, positions), apply_rotary(x @ W_key, positions)
    cache.append(key, x)
    mask = causal_mask(len(x), len(cache))
    mixed = scaled_dot_product_attention(query, cache.key, cache.value, mask)
    return log_softmax((x + mixed) @ E.T)[-1]


@shaped("_,_,_,(c,m),(m,d),(m,d)->(t),(t)", axes={"c": "class"}, returns="new ids, log_p")
def fix_writer(prompt, size, n_new, E, W_query, W_key):
    """Continue a prompt greedily with a small language model: returns (ids, log_p), n_new of each.

    Its one layer has causal attention, rotary positions and a cache, and E is embedding and
    unembedding. The prompt, a list of ids, is read in chunks of `size`, then each new token alone; nothing depends
    on the size. log_p are the log-probabilities of the new ids.
    """
    cache, new, said = KVCache(), [], []
    for start in range(0, len(prompt), size):
        log_p = read_chunk(prompt[start : start + size], cache, E, W_query, W_key)
    while len(new) < n_new:
        new.append(int(np.argmax(log_p)))
        said.append(log_p[new[-1]])
        log_p = read_chunk(new[-1:], cache, E, W_query, W_key)
    return new, said


def written(name, prompt, size, n_new, words=7, **more):
    sizes = {"c": words, "m": 6, "d": 4}
    given = {"E": lambda rng, s: np.round(rng.standard_normal((s.c, s.m)), 1)}
    given |= {"W_query": matrix("m", "d"), "W_key": matrix("m", "d")}
    return case(name, small=words < 9, sizes=sizes, prompt=prompt, size=size, n_new=n_new, **given, **more)


exercise = code(
    fix_writer,
    written("one new token", [3, 1, 2], 3, 1),
    written("the prompt as one chunk, two new tokens", [3, 1], 2, 2),
    written("a prompt in two chunks", [1, 4, 2, 5], 2, 1),
    written("a prompt token by token", [6, 0, 3], 1, 3),
    written("a shorter last chunk", [2, 5, 1, 1, 4], 3, 4),
    written("a longer text", [9, 4, 17, 2, 8, 11], 4, 9, words=20),
    written("a chunk longer than the prompt", [5, 3, 8], 9, 6, words=12),
    written("many chunks", [1, 7, 3, 9, 10, 2, 6, 4], 2, 5, words=11),
    bug="the positions begin at 0 in each chunk",
)


def read_chunk_(ids, cache, E, W_query, W_key):
    x = E[ids]
    positions = np.arange(len(x))
    query, key = apply_rotary(x @ W_query, positions), apply_rotary(x @ W_key, positions)
    cache.append(key, x)
    mask = causal_mask(len(x), len(cache))
    mixed = scaled_dot_product_attention(query, cache.key, cache.value, mask)
    return log_softmax((x + mixed) @ E.T)[-1]


@exercise.mistake("the positions begin at 0 in each chunk")
def most_likely_text(prompt, size, n_new, E, W_query, W_key):
    cache, new, said = KVCache(), [], []
    for start in range(0, len(prompt), size):
        log_p = read_chunk_(prompt[start : start + size], cache, E, W_query, W_key)
    while len(new) < n_new:
        new.append(int(np.argmax(log_p)))
        said.append(log_p[new[-1]])
        log_p = read_chunk_(new[-1:], cache, E, W_query, W_key)
    return new, said


def read_at(place):
    """The writer, with the positions of queries and of keys that `place(so far, new, chunk)` gives."""

    def writer(prompt, size, n_new, E, W_query, W_key):
        cache, new, said = KVCache(), [], []
        chunks = [prompt[start : start + size] for start in range(0, len(prompt), size)]
        for number in range(len(chunks) + n_new):
            ids = chunks[number] if number < len(chunks) else new[-1:]
            x = E[ids]
            asked, kept = place(len(cache), len(x), number)
            cache.append(apply_rotary(x @ W_key, kept), x)
            query = apply_rotary(x @ W_query, asked)
            mask = causal_mask(len(x), len(cache))
            mixed = scaled_dot_product_attention(query, cache.key, cache.value, mask)
            log_p = log_softmax((x + mixed) @ E.T)[-1]
            if number >= len(chunks) - 1 and len(new) < n_new:
                new.append(int(np.argmax(log_p)))
                said.append(log_p[new[-1]])
        return new, said

    return writer


def wrong(label, place):
    exercise.mistake(label)(read_at(place))


def counted(start, n):
    return start + np.arange(n)


wrong("the queries go on counting, the keys begin at 0", lambda past, n, _: (counted(past, n), counted(0, n)))
wrong("the keys go on counting, the queries begin at 0", lambda past, n, _: (counted(0, n), counted(past, n)))
wrong("the queries count from behind the chunk", lambda past, n, _: (counted(past + n, n), counted(past, n)))
wrong("all tokens of a chunk stand in one place", lambda past, n, _: (np.full(n, past), np.full(n, past)))
wrong("chunks are counted, not tokens", lambda past, n, number: (counted(number, n), counted(number, n)))
wrong("the positions count backwards", lambda past, n, _: (-counted(past, n), -counted(past, n)))


@exercise.another_way
def read_anew_each_time(prompt, size, n_new, E, W_query, W_key):
    ids, said = list(prompt), []
    for _ in range(n_new):
        x, positions = E[ids], np.arange(len(ids))
        query, key = apply_rotary(x @ W_query, positions), apply_rotary(x @ W_key, positions)
        mixed = scaled_dot_product_attention(query, key, x, causal_mask(len(ids)))
        log_p = log_softmax((x + mixed)[-1] @ E.T)
        ids.append(int(np.argmax(log_p)))
        said.append(log_p[ids[-1]])
    return ids[len(prompt) :], said
