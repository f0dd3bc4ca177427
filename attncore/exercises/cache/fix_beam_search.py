"""Beam search over a cache: when beams change places, so must what they have read."""

import numpy as np

from attncore.dot_product import scaled_dot_product_attention
from attncore.exercises.exercise import case, code
from attncore.exercises.heads.cases import matrix
from attncore.masks import causal_mask
from attncore.shapes import shaped
from attncore.softmax import log_softmax


def next_log_p(words, keys, values, E, W_key, W_value):
    x = E[words]
    keys = np.concatenate([keys, (x @ W_key)[:, None]], axis=1)
    values = np.concatenate([values, (x @ W_value)[:, None]], axis=1)
    mixed = scaled_dot_product_attention(x[:, None], keys, values)[:, 0]
    return log_softmax((x + mixed) @ E.T), keys, values


@shaped("_,_,_,(c,m),(m,m),(m,m)->(h,n),(h)", axes={"h": "beam", "c": "vocabulary"}, returns="texts, scores")
def fix_beam_search(first, steps, beams, E, W_key, W_value):
    """Find probable continuations of one word by beam search: returns (texts, scores).

    A model of one attention layer with a cache; a word's row of E is its query. In each step all
    continuations of all beams compete, and the `beams` best go on. Texts are rows of ids, the best first; a score is
    the sum of the log-probabilities of the words behind the first, which the model gives for just this text.
    There are at least as many words as beams.
    """
    texts = np.full((beams, 1), first)
    scores = np.where(np.arange(beams) == 0, 0.0, -np.inf)
    keys = values = np.zeros((beams, 0, E.shape[1]))
    for _ in range(steps):
        log_p, keys, values = next_log_p(texts[:, -1], keys, values, E, W_key, W_value)
        totals = (scores[:, None] + log_p).ravel()
        best = np.argsort(-totals)[:beams]
        parents, words = best // len(E), best % len(E)
        texts = np.concatenate([texts[parents], words[:, None]], axis=1)
        scores, keys, values = totals[best], keys[parents], values[parents]
    return texts, scores


def search(name, words, m, first, steps, beams):
    return case(
        name,
        small=words < 6,
        sizes={"c": words, "m": m},
        first=first,
        steps=steps,
        beams=beams,
        E=lambda rng, s: np.round(rng.standard_normal((s.c, s.m)), 1),
        W_key=lambda rng, s: 2 * matrix("m", "m")(rng, s),
        W_value=lambda rng, s: 2 * matrix("m", "m")(rng, s),
    )


exercise = code(
    fix_beam_search,
    search("one beam", 3, 2, 1, 3, 1),
    search("one step", 3, 2, 0, 1, 2),
    search("two beams, two steps", 3, 2, 2, 2, 2),
    search("two beams, three steps", 4, 3, 1, 3, 2),
    search("as many beams as words", 3, 2, 0, 4, 3),
    search("four beams", 9, 5, 3, 6, 4),
    search("three beams, a longer text", 12, 6, 7, 9, 3),
    search("many words", 30, 4, 11, 5, 5),
    bug="the caches stay behind when the beams change places",
)


@exercise.mistake("the caches stay behind when the beams change places")
def probable_texts(first, steps, beams, E, W_key, W_value):
    texts = np.full((beams, 1), first)
    scores = np.where(np.arange(beams) == 0, 0.0, -np.inf)
    keys = values = np.zeros((beams, 0, E.shape[1]))
    for _ in range(steps):
        log_p, keys, values = next_log_p(texts[:, -1], keys, values, E, W_key, W_value)
        totals = (scores[:, None] + log_p).ravel()
        best = np.argsort(-totals)[:beams]
        parents, words = best // len(E), best % len(E)
        texts = np.concatenate([texts[parents], words[:, None]], axis=1)
        scores = totals[best]
    return texts, scores


def searched(first, steps, beams, E, W_key, W_value, follow, choose=lambda totals, beams: np.argsort(-totals)[:beams]):
    """With `follow(keys, values, parents)` for the caches, and `choose(totals, beams)` for who goes on."""
    texts, scores = np.full((beams, 1), first), np.where(np.arange(beams) == 0, 0.0, -np.inf)
    keys = values = np.zeros((beams, 0, E.shape[1]))
    for _ in range(steps):
        log_p, keys, values = next_log_p(texts[:, -1], keys, values, E, W_key, W_value)
        totals = (scores[:, None] + log_p).ravel()
        best = choose(totals, beams)
        parents, words = np.divmod(best, len(E))
        texts, scores = np.concatenate([texts[parents], words[:, None]], axis=1), totals[best]
        keys, values = follow(keys, values, parents)
    return texts, scores


@exercise.mistake("the keys follow their beams, the values stay behind")
def keys_alone(*given):
    return searched(*given, follow=lambda keys, values, parents: (keys[parents], values))


@exercise.mistake("the values follow their beams, the keys stay behind")
def values_alone(*given):
    return searched(*given, follow=lambda keys, values, parents: (keys, values[parents]))


@exercise.mistake("the caches change places the wrong way round")
def the_other_way(*given):
    def follow(keys, values, parents):
        places = np.argsort(parents, kind="stable")
        return keys[places], values[places]

    return searched(*given, follow=follow)


@exercise.mistake("all beams go on with the best one's cache")
def the_best_for_all(*given):
    def follow(keys, values, parents):
        return np.repeat(keys[parents[:1]], len(keys), axis=0), np.repeat(values[parents[:1]], len(keys), axis=0)

    return searched(*given, follow=follow)


@exercise.another_way
def read_anew_in_each_step(first, steps, beams, E, W_key, W_value):
    found = [(0.0, [first])]
    for _ in range(steps):
        longer = []
        for score, ids in found:
            x = E[ids]
            mixed = scaled_dot_product_attention(x, x @ W_key, x @ W_value, causal_mask(len(x)))
            log_p = log_softmax((x + mixed)[-1] @ E.T)
            longer += [(score + log_p[word], [*ids, word]) for word in range(len(E))]
        found = sorted(longer, key=lambda both: -both[0])[:beams]
    return np.array([ids for _, ids in found]), np.array([score for score, _ in found])
