"""Which words a text's score depends on."""

import numpy as np

from attncore.exercises.exercise import case, code
from attncore.exercises.fixtures import causal_average, neighbors, only_itself, plain_attention
from attncore.shapes import shaped


def rate(layer, x, readout):
    outputs = layer(x)
    summary = outputs.mean(axis=0)
    return summary @ readout


@shaped("_,(n,m),(m)->(n)")
def fix_word_importance(layer, x, readout):
    """Say how much of a text's rating depends on each of its words.

    `layer` takes the words (n, m) and returns as many rows; the rating is the dot product of `readout` and the mean of
    these rows. The importance of a word is the rating of the text as it is, minus the rating of the text in which the
    mean of all its words stands in the place of this one word.
    """
    whole = rate(layer, x, readout)
    neutral = x.mean(axis=0)
    importance = []
    for place in range(len(x)):
        without = x.copy()
        without[place] = neutral
        importance.append(whole - rate(layer, without, readout))
    return np.array(importance)


def drawn(layer, n, m):
    def numbers(*shape):
        return lambda rng, s: np.round(rng.standard_normal(shape), 1)

    name = f"{layer.__name__.replace('_', ' ')}, {n} words"
    return case(name, layer=lambda rng, s: layer, x=numbers(n, m), readout=numbers(m))


exercise = code(
    fix_word_importance,
    *(drawn(layer, n, 3) for layer in (plain_attention, only_itself, neighbors, causal_average) for n in (2, 3, 6)),
    drawn(only_itself, 1, 2),
    case(
        "each word by itself",
        layer=lambda rng, s: np.tanh,
        x=np.array([[1.0, 0.0], [0.0, 2.0]]),
        readout=np.array([1.0, -1.0]),
    ),
    bug="changes left standing",
)


@exercise.mistake("changes left standing")
def changes_left_standing(layer, x, readout):
    whole = rate(layer, x, readout)
    neutral = x.mean(axis=0)
    without = x.copy()
    importance = []
    for place in range(len(x)):
        without[place] = neutral
        importance.append(whole - rate(layer, without, readout))
    return np.array(importance)


@exercise.mistake("each word counted from the one before")
def counted_from_the_one_before(layer, x, readout):
    return np.diff(changes_left_standing(layer, x, readout), prepend=0.0)


def importances(layer, x, readout, make):
    """The importance of each place, where make(text, place) changes a copy of the text."""
    whole, rows = rate(layer, x, readout), []
    for place in range(len(x)):
        without = x.copy()
        make(without, place)
        rows.append(whole - rate(layer, without, readout))
    return np.array(rows)


@exercise.mistake("zeros in the place of the word")
def zeros_in_its_place(layer, x, readout):
    def make(without, place):
        without[place] = 0.0

    return importances(layer, x, readout, make)


@exercise.mistake("the mean of the other words")
def mean_of_the_others(layer, x, readout):
    def make(without, place):
        others = np.delete(without, place, axis=0)
        without[place] = others.mean(axis=0) if len(others) else 0.0

    return importances(layer, x, readout, make)


@exercise.another_way
def put_back_afterwards(layer, x, readout):
    without, importance = x.copy(), np.zeros(len(x))
    for place, word in enumerate(x):
        without[place] = x.mean(axis=0)
        importance[place] = rate(layer, x, readout) - rate(layer, without, readout)
        without[place] = word
    return importance
