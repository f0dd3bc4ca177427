"""A search by summaries."""

import numpy as np

from attncore.exercises.exercise import case, code, usual
from attncore.shapes import shaped


def summary(tokens):
    return tokens.mean(axis=-2)


def summary_(tokens):
    return tokens.mean(axis=0)


def unit(vectors):
    squares = (vectors**2).sum(axis=-1, keepdims=True)
    length = np.sqrt(squares)
    return vectors / length


@shaped("(n,m),(b,k,m)->(b),(b)", returns="order, ratings", axes={"b": "text"})
def fix_search(question, texts):
    """Put texts in order, the one most like the question first, and rate each of them.

    A question is summarized by the mean of its token vectors, and so is each text. The rating of a text is the cosine
    of the two summaries; `order` holds the texts' places, best first, `ratings` belongs to the texts as they came.
    """
    asked = unit(summary(question))
    found = unit(summary(texts))
    ratings = found @ asked
    order = np.argsort(-ratings)
    return order, ratings


exercise = code(
    fix_search,
    usual(),
    case("as many texts as tokens in each", sizes={"b": 4, "k": 4}),
    case("three short texts", small=True, sizes={"b": 3, "k": 3}),
    case("a question as long as the texts", sizes={"n": 5}),
    case("a question of one token", small=True, sizes={"n": 1}),
    bug="mean over the first axis",
)


def searched(question, texts, summarize):
    asked, found = unit(summarize(question)), unit(summarize(texts))
    ratings = found @ asked
    return np.argsort(-ratings), ratings


@exercise.mistake("mean over the first axis")
def mean_over_the_first_axis(question, texts):
    asked = unit(summary_(question))
    found = unit(summary_(texts))
    ratings = found @ asked
    order = np.argsort(-ratings)
    return order, ratings


@exercise.mistake("mean over axis 1, also of the question")
def mean_over_axis_one(question, texts):
    return searched(question, texts, lambda tokens: tokens.mean(axis=1))


@exercise.mistake("mean over the width")
def mean_over_the_width(question, texts):
    return searched(question, texts, lambda tokens: tokens.mean(axis=-1))


@exercise.another_way
def text_by_text(question, texts):
    ratings = [unit(text.mean(axis=0)) @ unit(question.mean(axis=0)) for text in texts]
    return np.argsort([-rating for rating in ratings]), ratings
