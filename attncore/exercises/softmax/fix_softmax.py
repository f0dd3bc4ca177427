"""How surprised a language model is."""

import numpy as np

from attncore.exercises.exercise import case, code, usual
from attncore.shapes import shaped


def log_shares(scores):
    shifted = scores - scores.max(axis=-1, keepdims=True)
    total = np.exp(shifted).sum(axis=-1, keepdims=True)
    return shifted - np.log(total)


def shares_(scores):
    exponentials = np.exp(scores)
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def pick(table, targets):
    place = np.arange(len(targets))
    return table[place, targets]


@shaped("(n,m),(m,c),(c),(n):int->(n),()", returns="surprise, average", axes={"c": "word"})
def fix_softmax(states, W_words, bias, targets):
    """Measure in bits how surprised a language model is by each next word, and on average.

    A state, times `W_words` and with `bias`, gives a score for each word of the vocabulary, and a softmax of the scores
    gives its probability. The surprise is minus the logarithm, to base 2, of the probability of the word that came.
    Finite states and weights of any size give a finite surprise.
    """
    scores = states @ W_words + bias
    log_p = log_shares(scores)
    surprise = -pick(log_p, targets) / np.log(2)
    average = surprise.mean()
    return surprise, average


def some_words(rng, s):
    return rng.integers(0, s.c, s.n)


def rows_apart(rng, s):
    """States of very different size."""
    return rng.standard_normal((s.n, s.m)) * 10.0 ** np.arange(s.n)[:, None]


exercise = code(
    fix_softmax,
    usual(targets=some_words),
    case(
        "a score of 800",
        states=np.array([[8.0]]),
        W_words=np.array([[100.0, 99.9]]),
        bias=np.zeros(2),
        targets=np.array([1]),
    ),
    case(
        "a word that was thought impossible",
        states=np.array([[4.0], [1.0]]),
        W_words=np.array([[100.0, -100.0]]),
        bias=np.zeros(2),
        targets=np.array([1, 0]),
    ),
    case(
        "scores far below zero",
        states=np.array([[-9.0]]),
        W_words=np.array([[100.0, 100.1]]),
        bias=np.zeros(2),
        targets=np.array([0]),
    ),
    case("large states", targets=some_words, magnitude=30.0),
    case("states of very different size", states=rows_apart, targets=some_words),
    bug="no maximum subtracted",
)


def surprised(states, W_words, bias, targets, log_of):
    scores = states @ W_words + bias
    surprise = -pick(log_of(scores), targets) / np.log(2)
    return surprise, surprise.mean()


def shifted_shares(scores):
    return shares_(scores - scores.max(axis=-1, keepdims=True))


@exercise.mistake("no maximum subtracted")
def no_maximum_subtracted(states, W_words, bias, targets):
    scores = states @ W_words + bias
    p = shares_(scores)
    surprise = -np.log2(pick(p, targets))
    average = surprise.mean()
    return surprise, average


@exercise.mistake("the logarithm of a zero")
def logarithm_of_a_zero(states, W_words, bias, targets):
    return surprised(states, W_words, bias, targets, lambda scores: np.log(shifted_shares(scores)))


for constant in (1e-300, 1e-15, 1e-12, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6):

    @exercise.mistake("a small constant inside the logarithm")
    def constant_inside_the_logarithm(states, W_words, bias, targets, constant=constant):
        return surprised(states, W_words, bias, targets, lambda scores: np.log(shifted_shares(scores) + constant))

    @exercise.mistake("a small constant inside the logarithm")
    def probabilities_clipped(states, W_words, bias, targets, constant=constant):
        return surprised(
            states, W_words, bias, targets, lambda scores: np.log(np.maximum(shifted_shares(scores), constant))
        )


@exercise.mistake("the sum of exponentials that aren't shifted")
def sum_of_exponentials_not_shifted(states, W_words, bias, targets):
    return surprised(
        states, W_words, bias, targets, lambda scores: scores - np.log(np.exp(scores).sum(axis=-1, keepdims=True))
    )


@exercise.mistake("surprise in nats")
def surprise_in_nats(states, W_words, bias, targets):
    surprise = -pick(log_shares(states @ W_words + bias), targets)
    return surprise, surprise.mean()


@exercise.mistake("scores clipped")
def scores_clipped(states, W_words, bias, targets):
    return surprised(states, W_words, bias, targets, lambda scores: log_shares(np.clip(scores, -500, 500)))


@exercise.mistake("one maximum for all words of the text")
def one_maximum(states, W_words, bias, targets):
    def log_of(scores):
        shifted = scores - scores.max()
        return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))

    return surprised(states, W_words, bias, targets, log_of)


@exercise.another_way
def log_sum_exp(states, W_words, bias, targets):
    scores = states @ W_words + bias
    log_total = np.logaddexp.reduce(scores, axis=-1)
    surprise = (log_total - pick(scores, targets)) / np.log(2)
    return surprise, surprise.mean()
