"""A conversation over one cache: the first reply is right, the second isn't."""

import numpy as np

from attncore.cache import KVCache
from attncore.dot_product import scaled_dot_product_attention
from attncore.exercises.exercise import case, code
from attncore.exercises.heads.cases import matrix
from attncore.masks import causal_mask
from attncore.shapes import shaped
from attncore.softmax import log_softmax


def mask_of(n_new, n_all):
    return np.tri(n_new, n_all, n_all - n_new, dtype=bool)


def hear(ids, cache, E, W_key, W_value):
    x = E[ids]
    cache.append(x @ W_key, x @ W_value)
    mask = mask_of(len(x), len(cache))
    mixed = scaled_dot_product_attention(x, cache.key, cache.value, mask)
    return log_softmax((x + mixed)[-1] @ E.T)


@shaped("_,_,(c,m),(m,m),(m,m)->(n,t),(n,t)", axes={"n": "turn", "c": "class"}, returns="replies, log_p")
def fix_chat(turns, n_reply, E, W_key, W_value):
    """Hold a conversation with a small language model: returns (replies, log_p), a row of n_reply for each turn.

    Its one layer has causal attention and a cache for the whole conversation, and E is embedding
    and unembedding. A turn is a list of ids; the reply is the most likely token each time. The
    replies, and their log-probabilities, are those that reading the whole conversation so far would give.
    """
    cache, replies, said = KVCache(), [], []
    for turn in turns:
        log_p, reply, sure = hear(turn, cache, E, W_key, W_value), [], []
        while len(reply) < n_reply:
            reply.append(int(np.argmax(log_p)))
            sure.append(log_p[reply[-1]])
            log_p = hear(reply[-1:], cache, E, W_key, W_value)
        replies.append(reply)
        said.append(sure)
    return replies, said


def talk(name, turns, n_reply, words=7, **more):
    given = {"E": lambda rng, s: np.round(rng.standard_normal((s.c, s.m)), 1)}
    given |= {"W_key": matrix("m", "m"), "W_value": matrix("m", "m")}
    return case(name, small=words < 9, sizes={"c": words, "m": 4}, turns=turns, n_reply=n_reply, **given, **more)


exercise = code(
    fix_chat,
    talk("a turn of one token, a reply of one", [[2]], 1),
    talk("a turn of one token, a reply of two", [[2]], 2),
    talk("two turns of one token", [[4], [1]], 1),
    talk("a turn of three tokens, a reply of one", [[3, 1, 5]], 1),
    talk("a turn of one token, then one of two", [[2], [3, 1]], 1),
    talk("two turns of three tokens", [[3, 1, 5], [0, 6, 2]], 1),
    talk("two turns, replies of three", [[3, 1], [0, 2, 4]], 3),
    talk("four turns", [[9, 1, 4], [3], [2, 8], [5, 5, 7, 1]], 2, words=12),
    talk("a long conversation", [[11, 3, 7], [1, 2, 16, 9], [4], [13, 6]], 5, words=20),
    bug="two bugs: the mask begins at the first key, and the last token of a reply is never read",
)


def mask_of_(n_new, n_all):
    return np.tri(n_new, n_all, dtype=bool)


def hear_(ids, cache, E, W_key, W_value):
    x = E[ids]
    cache.append(x @ W_key, x @ W_value)
    mask = mask_of_(len(x), len(cache))
    mixed = scaled_dot_product_attention(x, cache.key, cache.value, mask)
    return log_softmax((x + mixed)[-1] @ E.T)


@exercise.mistake("two bugs: the mask begins at the first key, and the last token of a reply is never read")
def conversation(turns, n_reply, E, W_key, W_value):
    cache, replies, said = KVCache(), [], []
    for turn in turns:
        log_p, reply, sure = hear_(turn, cache, E, W_key, W_value), [], []
        while len(reply) < n_reply:
            if reply:
                log_p = hear_(reply[-1:], cache, E, W_key, W_value)
            reply.append(int(np.argmax(log_p)))
            sure.append(log_p[reply[-1]])
        replies.append(reply)
        said.append(sure)
    return replies, said


def chat(turns, n_reply, E, W_key, W_value, mask=mask_of, reads_last=True, new_cache=False, reads_turn_again=False):
    """The conversation with one thing changed."""
    cache, replies, said, asked = KVCache(), [], [], []

    def heard(ids):
        x = E[ids]
        cache.append(x @ W_key, x @ W_value)
        seen = mask(len(x), len(cache))
        mixed = scaled_dot_product_attention(x, cache.key, cache.value, seen)
        return log_softmax((x + mixed)[-1] @ E.T)

    for turn in turns:
        cache = KVCache() if new_cache else cache
        asked = [*asked, *turn] if reads_turn_again else turn
        log_p, reply, sure = heard(asked), [], []
        while len(reply) < n_reply:
            reply.append(int(np.argmax(log_p)))
            sure.append(log_p[reply[-1]])
            if reads_last or len(reply) < n_reply:
                log_p = heard(reply[-1:])
        replies.append(reply)
        said.append(sure)
    return replies, said


@exercise.mistake("the mask begins at the first key; the reply's last token is read")
def mask_alone(*given):
    return chat(*given, mask=mask_of_)


@exercise.mistake("the last token of a reply is never read; the mask is right")
def last_unread(*given):
    return chat(*given, reads_last=False)


@exercise.mistake("each turn begins with an empty cache")
def forgets(*given):
    return chat(*given, new_cache=True)


@exercise.mistake("the whole conversation is read again behind what is kept")
def reads_everything_again(*given):
    return chat(*given, reads_turn_again=True)


@exercise.mistake("the newest token doesn't see itself")
def strict(*given):
    return chat(*given, mask=lambda n_new, n_all: np.tri(n_new, n_all, n_all - n_new - 1, dtype=bool))


@exercise.another_way
def read_anew(turns, n_reply, E, W_key, W_value):
    ids, replies, said = [], [], []
    for turn in turns:
        ids, sure = [*ids, *turn], []
        for _ in range(n_reply):
            x = E[ids]
            mixed = scaled_dot_product_attention(x, x @ W_key, x @ W_value, causal_mask(len(ids)))
            log_p = log_softmax((x + mixed)[-1] @ E.T)
            ids.append(int(np.argmax(log_p)))
            sure.append(log_p[ids[-1]])
        replies.append(ids[-n_reply:])
        said.append(sure)
    return np.array(replies), np.array(said)
