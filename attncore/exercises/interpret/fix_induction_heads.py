"""A search for induction heads in all layers, on a text that comes three times."""

import numpy as np

from attncore.exercises.exercise import case, code
from attncore.interpret import induction_score
from attncore.shapes import shaped


def repetitions(tokens):
    """Pairs of places: a token that occurred before, and where an induction head would look."""
    last_seen, pairs = {}, []
    for place, token in enumerate(tokens):
        if token in last_seen:
            pairs.append((place, last_seen[token] + 1))
        last_seen[token] = place
    return pairs


def score_of(head, pairs):
    found = [head[query, key] for query, key in pairs]
    return float(np.mean(found)) if found else 0.0


@shaped("(l,h,n,n),_,_->(l,h),(t,c)", axes={"t": "place", "c": "layer and head"}, returns="scores, best")
def fix_induction_heads(maps, tokens, count):
    """Score every head for induction, and find the best: returns (scores, best).

    A head's score is the mean weight from each token that occurred before to the token just after
    its latest earlier occurrence. `best` holds layer and head of the `count` highest scores, the
    highest first. A text that repeats nothing scores 0. Olsson et al. (2022).
    """
    pairs = repetitions(tokens)
    scores = np.array([[score_of(head, pairs) for head in layer] for layer in maps])
    order = np.argsort(-scores, axis=None, kind="stable")[:count]
    return scores, np.stack(np.divmod(order, maps.shape[1]), axis=-1)


def searched(name, tokens, layers=2, heads=2, count=2, given=None, **more):
    n = len(tokens)

    def maps(rng, s):
        drawn = np.round(rng.dirichlet(np.ones(n), (layers, heads, n)), 3)  # no two heads have the same score
        return drawn if given is None else given(drawn)

    return case(name, small=n < 6, maps=maps, tokens=list(tokens), count=count, **more)


def a_perfect_head(period):
    """Head 1 of the first layer looks at what came after the latest occurrence, in a text of this period."""

    def make(drawn):
        n = drawn.shape[-1]
        drawn[0, 1] = np.eye(n)[np.maximum(np.arange(n) - period + 1, 0)]
        return drawn

    return make


exercise = code(
    fix_induction_heads,
    searched("one repetition", "aba", layers=1, heads=2, count=1),
    searched("a text that comes twice", "abab"),
    searched("a text that comes three times", "ababab"),
    searched("one letter three times", "aaa", layers=1),
    searched("a word here and there", ["the", "cat", "the", "mat", "the", "dog"], heads=3, count=4),
    searched("a perfect head, twice", "abcabc", given=a_perfect_head(3)),
    searched("a perfect head, three times", "abcabcabc", given=a_perfect_head(3)),
    searched("three layers, four heads", "abcadbeac", layers=3, heads=4, count=5),
    searched(
        "nothing comes again", "abcd", layers=1, heads=1, count=1, promise="A text that repeats nothing scores 0."
    ),
    bug="the first occurrence instead of the latest",
)


def repetitions_(tokens):
    """Pairs of places: a token that occurred before, and where an induction head would look."""
    pairs = []
    for place, token in enumerate(tokens):
        earlier = list(tokens).index(token)
        if earlier < place:
            pairs.append((place, earlier + 1))
    return pairs


@exercise.mistake("the first occurrence instead of the latest")
def search_for_heads(maps, tokens, count):
    pairs = repetitions_(tokens)
    scores = np.array([[score_of(head, pairs) for head in layer] for layer in maps])
    order = np.argsort(-scores, axis=None, kind="stable")[:count]
    return scores, np.stack(np.divmod(order, maps.shape[1]), axis=-1)


def with_pairs(maps, tokens, count, pairs):
    scores = np.array([[score_of(head, pairs) for head in layer] for layer in maps])
    order = np.argsort(-scores, axis=None, kind="stable")[:count]
    return scores, np.array([[place // maps.shape[1], place % maps.shape[1]] for place in order])


def latest(tokens, place):
    return next((i for i in range(place - 1, -1, -1) if tokens[i] == tokens[place]), None)


@exercise.mistake("the earlier occurrence itself instead of what followed it")
def the_same_token(maps, tokens, count):
    pairs = [(i, latest(tokens, i)) for i in range(len(tokens)) if latest(tokens, i) is not None]
    return with_pairs(maps, tokens, count, pairs)


@exercise.mistake("what followed any earlier occurrence, all of them counted")
def all_occurrences(maps, tokens, count):
    n = len(tokens)
    return with_pairs(maps, tokens, count, [(i, j + 1) for i in range(n) for j in range(i) if tokens[i] == tokens[j]])


@exercise.mistake("only the second occurrence of a token counts")
def only_the_second(maps, tokens, count):
    pairs = [(i, latest(tokens, i) + 1) for i in range(len(tokens)) if list(tokens[:i]).count(tokens[i]) == 1]
    return with_pairs(maps, tokens, count, pairs)


@exercise.mistake("from the earlier occurrence to the later one")
def the_wrong_way(maps, tokens, count):
    pairs = [(latest(tokens, i) + 1, i) for i in range(len(tokens)) if latest(tokens, i) is not None]
    return with_pairs(maps, tokens, count, pairs)


@exercise.mistake("the scores are right, and the lowest come first")
def lowest_first(maps, tokens, count):
    scores, _ = fix_induction_heads(maps, tokens, count)
    return scores, np.stack(np.divmod(np.argsort(scores, axis=None)[:count], maps.shape[1]), axis=-1)


@exercise.another_way
def by_induction_score(maps, tokens, count):
    scores = np.array([[induction_score(head, tokens) for head in layer] for layer in maps])
    places = sorted(np.ndindex(scores.shape), key=lambda place: -scores[place])[:count]
    return scores, np.array(places)
