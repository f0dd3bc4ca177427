"""How much of a sentence's vector comes from each word: rollout, through all heads and layers."""

import numpy as np

from attncore.exercises.exercise import case, code
from attncore.exercises.interpret.cases import shares
from attncore.interpret import attention_rollout
from attncore.shapes import shaped


def one_layer(heads):
    mean = heads.mean(axis=0)
    return (mean + np.eye(len(mean))) / 2


def through_all(maps):
    reached = np.eye(maps.shape[-1])
    for heads in maps:
        reached = one_layer(heads) @ reached
    return reached


@shaped("(l,h,n,n)->(t)")
def fix_flow(maps):
    """Tell what share of a sentence's vector comes from each of its words.

    The maps come first layer to last, heads inside; a layer is the mean of its heads, and half of
    it is the residual. The sentence's vector is the mean of all last outputs. The first and the last token, [CLS] and
    [SEP], are left out of the result, and the shares of the words sum to one. Rollout: Abnar and Zuidema (2020).
    """
    reached = through_all(maps)
    tokens = reached.mean(axis=0)
    words = tokens[1:-1]
    return words / words.sum()


def flow(name, layers, heads, n, given=None):
    def maps(rng, s):
        drawn = shares(rng, layers, heads, n, n)
        return drawn if given is None else given(drawn)

    return case(name, small=n < 5, maps=maps)


def copying(drawn):
    """First everyone reads token 1, then everyone reads token 2."""
    maps = np.zeros_like(drawn)
    maps[0, :, :, 1] = maps[1, :, :, 2] = 1
    return maps


def all_alike(drawn):
    return np.broadcast_to(drawn[:1], drawn.shape).copy()


def one_by_one(drawn):
    """Each token reads the one before it, in every layer."""
    n = drawn.shape[-1]
    return np.broadcast_to(np.eye(n)[np.maximum(np.arange(n) - 1, 0)], drawn.shape).copy()


exercise = code(
    fix_flow,
    flow("one layer", 1, 1, 4),
    flow("two layers", 2, 1, 4),
    flow("one layer copies, the next one passes on", 2, 1, 4, copying),
    flow("two layers of two heads", 2, 2, 4),
    flow("three layers, four heads", 3, 4, 6),
    flow("layers that are alike", 3, 2, 5, all_alike),
    flow("step by step", 4, 2, 6, one_by_one),
    flow("six layers", 6, 3, 8),
    bug="the first layer is on the left",
)


def through_all_(maps):
    reached = np.eye(maps.shape[-1])
    for heads in maps:
        reached = reached @ one_layer(heads)
    return reached


@exercise.mistake("the first layer is on the left")
def shares_of_words(maps):
    reached = through_all_(maps)
    tokens = reached.mean(axis=0)
    words = tokens[1:-1]
    return words / words.sum()


def of_words(tokens):
    return tokens[1:-1] / tokens[1:-1].sum()


@exercise.mistake("the residual is left out")
def no_residual(maps):
    reached = np.eye(maps.shape[-1])
    for heads in maps:
        reached = heads.mean(axis=0) @ reached
    return of_words(reached.mean(axis=0))


@exercise.mistake("the last layer alone")
def last_layer(maps):
    return of_words(one_layer(maps[-1]).mean(axis=0))


@exercise.mistake("the mean of the layers in place of their product")
def mean_of_layers(maps):
    return of_words(np.mean([one_layer(heads) for heads in maps], axis=0).mean(axis=0))


@exercise.mistake("the vector of [CLS] alone")
def of_cls(maps):
    return of_words(through_all(maps)[0])


@exercise.mistake("the strongest head in place of the mean")
def strongest(maps):
    layers = [(heads.max(axis=0) + np.eye(maps.shape[-1])) / 2 for heads in maps]
    reached = np.eye(maps.shape[-1])
    for layer in layers:
        reached = layer @ reached
    return of_words(reached.mean(axis=0))


@exercise.another_way
def from_the_vector_back(maps):
    """One row instead of a matrix: the mean, carried down through the layers."""
    tokens = np.full(maps.shape[-1], 1 / maps.shape[-1])
    for heads in maps[::-1]:
        tokens = tokens @ one_layer(heads)
    return of_words(tokens)


@exercise.another_way
def by_attention_rollout(maps):
    return of_words(attention_rollout(maps.mean(axis=1)).mean(axis=0))
