"""A batch of prompts, padded in front: where does a prompt begin?"""

import numpy as np

from attncore.dot_product import scaled_dot_product_attention
from attncore.exercises.exercise import case, code
from attncore.exercises.heads.cases import matrix
from attncore.masks import causal_mask
from attncore.positions import sinusoidal_positions
from attncore.shapes import shaped


def words_in_place(ids, real, E):
    n, m = ids.shape[1], E.shape[1]
    places = np.maximum(np.cumsum(real, axis=1) - 1, 0)
    return E[ids] + sinusoidal_positions(n, m)[places]


def mix_in(x, mask, W_query, W_key, W_value):
    query, key, value = x @ W_query, x @ W_key, x @ W_value
    return scaled_dot_product_attention(query, key, value, mask)


@shaped("(b,n):int,(b):int,(c,m),(m,d),(m,d),(m,m)->(b,c)", axes={"c": "vocabulary"})
def fix_left_padding(ids, lengths, E, W_query, W_key, W_value):
    """Score every word of the vocabulary as the next one, for each prompt of a batch.

    Prompt i is the last lengths[i] tokens of its row; what stands in front is padding. Sinusoidal
    positions are added to the embeddings, each prompt begins at position 0, and one causal attention
    follows, with a residual. A prompt's scores don't depend on the prompts beside it, nor on the
    padding. E is used for both ends.
    """
    n = ids.shape[1]
    real = np.arange(n) >= n - lengths[:, None]
    mask = causal_mask(n) & real[:, None]
    x = words_in_place(ids, real, E)
    x = x + mix_in(x, mask, W_query, W_key, W_value)
    return x[:, -1] @ E.T


def prompts(name, lengths, n=None, small=False, dtype=np.float64):
    n = max(lengths) if n is None else n
    return case(
        name,
        small=small,
        dtype=dtype,
        sizes={"c": 5 if small else 11, "m": 4 if small else 12},
        ids=lambda rng, s: rng.integers(s.c, size=(len(lengths), n)),
        lengths=np.array(lengths),
        E=lambda rng, s: np.round(rng.standard_normal((s.c, s.m)), 1),
        W_query=matrix("m", "d"),
        W_key=matrix("m", "d"),
        W_value=matrix("m", "m"),
    )


exercise = code(
    fix_left_padding,
    prompts("two prompts", [3, 2], small=True),
    prompts("a prompt of one token", [1, 3], small=True),
    prompts("one prompt", [3], small=True),
    prompts("one prompt behind padding", [2], n=4, small=True),
    prompts("three prompts", [5, 2, 7]),
    prompts("prompts of one length", [4, 4]),
    prompts("much padding", [1, 2, 3], n=12),
    prompts("float32", [6, 3], dtype=np.float32),
    bug="the padding is counted",
)


def words_in_place_(ids, E):
    n, m = ids.shape[1], E.shape[1]
    places = np.arange(n)
    return E[ids] + sinusoidal_positions(n, m)[places]


@exercise.mistake("the padding is counted")
def logits_of_the_next_word(ids, lengths, E, W_query, W_key, W_value):
    n = ids.shape[1]
    real = np.arange(n) >= n - lengths[:, None]
    mask = causal_mask(n) & real[:, None]
    x = words_in_place_(ids, E)
    x = x + mix_in(x, mask, W_query, W_key, W_value)
    return x[:, -1] @ E.T


def logits_at(ids, lengths, E, W_query, W_key, W_value, places, is_masked=True):
    n = ids.shape[1]
    real = np.arange(n) >= n - lengths[:, None]
    x = E[ids] + sinusoidal_positions(2 * n, E.shape[-1])[places]
    mask = causal_mask(n) & real[:, None] if is_masked else causal_mask(n)
    return (x + mix_in(x, mask, W_query, W_key, W_value))[:, -1] @ E.T


@exercise.mistake("each prompt begins at position one")
def from_one(ids, lengths, E, W_query, W_key, W_value):
    places = np.cumsum(np.arange(ids.shape[1]) >= ids.shape[1] - lengths[:, None], axis=1)
    return logits_at(ids, lengths, E, W_query, W_key, W_value, places)


@exercise.mistake("positions are counted from the end")
def from_the_end(ids, lengths, E, W_query, W_key, W_value):
    return logits_at(ids, lengths, E, W_query, W_key, W_value, np.arange(ids.shape[1])[::-1])


@exercise.mistake("the padding is read")
def padding_read(ids, lengths, E, W_query, W_key, W_value):
    n = ids.shape[1]
    places = np.maximum(np.arange(n) - (n - lengths[:, None]), 0)
    return logits_at(ids, lengths, E, W_query, W_key, W_value, places, is_masked=False)


@exercise.another_way
def prompt_by_prompt(ids, lengths, E, W_query, W_key, W_value):
    rows = []
    for row, length in zip(ids, lengths, strict=True):
        x = E[row[-length:]] + sinusoidal_positions(length, E.shape[-1])
        last = x[-1:] + scaled_dot_product_attention(x[-1:] @ W_query, x @ W_key, x @ W_value)
        rows.append(last[0] @ E.T)
    return np.stack(rows)
