"""One vector for a text, each token with what it collects from the others."""

import numpy as np

from attncore.exercises.exercise import case, code, usual
from attncore.shapes import shaped


def closeness(x):
    squares = ((x[:, None] - x) ** 2).sum(axis=-1)
    bell = np.exp(-0.5 * squares)
    return bell / bell.sum(axis=-1, keepdims=True)


def collect(weights, values):
    context = weights[:, :, None] * values
    return context.sum(axis=1)


def collect_(weights, values):
    context = weights[:, :, None] * values
    return context


@shaped("(n,m)->(m)")
def fix_weighted_sum(x):
    """Summarize a text in one vector: the mean over its tokens of tanh(token + its context).

    The context of a token is the sum of all tokens, each times its weight; near tokens weigh more, by a Gaussian bell
    of width 1, and the weights of one token sum to one.
    """
    weights = closeness(x)
    context = collect(weights, x)
    mixed = np.tanh(x + context)
    summary = mixed.mean(axis=-2)
    return summary


exercise = code(
    fix_weighted_sum,
    usual(),
    case("as many tokens as the width", small=True, sizes={"n": 4}),
    case("tokens close to each other", small=True, magnitude=0.3),
    case("one token", small=True, sizes={"n": 1}),
    bug="never added up",
)


def summarized(x, context):
    return np.tanh(x + context).mean(axis=-2)


@exercise.mistake("never added up")
def never_added_up(x):
    weights = closeness(x)
    context = collect_(weights, x)
    mixed = np.tanh(x + context)
    summary = mixed.mean(axis=-2)
    return summary


@exercise.mistake("averaged once more at the end")
def averaged_at_the_end(x):
    return summarized(x, collect_(closeness(x), x)).mean(axis=0)


@exercise.mistake("averaged instead of added up")
def averaged_instead_of_added_up(x):
    return summarized(x, collect_(closeness(x), x).mean(axis=1))


@exercise.mistake("added up over the queries")
def added_up_over_the_queries(x):
    return summarized(x, collect_(closeness(x), x).sum(axis=0))


@exercise.mistake("added up over the width")
def added_up_over_the_width(x):
    return summarized(x, collect_(closeness(x), x).sum(axis=-1))


@exercise.another_way
def by_a_matrix_product(x):
    return summarized(x, closeness(x) @ x)
