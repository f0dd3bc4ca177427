"""A softmax that may give less than one."""

import math

import numpy as np

from attncore.exercises.exercise import case, code, usual
from attncore.long_context import softmax_with_sink
from attncore.softmax import softmax


def a_sink_for_each(*shape):
    return lambda rng, s: np.round(rng.standard_normal(shape), 1)


def sink_case(name, sink, **more):
    return case(name, sink=sink, **more)


def hidden_keys(rng, s):
    scores = np.round(rng.standard_normal((s.q, s.k)), 1)
    scores[0, 1:] = -np.inf
    scores[1] = -np.inf
    return scores


exercise = code(
    softmax_with_sink,
    usual(sink=1.5),
    sink_case("a sink of zero", 0.0, small=True),
    sink_case("a sink of minus two", -2.0, small=True),
    sink_case("no sink: minus infinity", -np.inf, small=True),
    sink_case("a sink for each head", a_sink_for_each(4), lead=(4,)),
    sink_case("a sink for each head of a batch", a_sink_for_each(4), lead=(2, 4)),
    sink_case("as many heads as queries", a_sink_for_each(3), lead=(3,)),
    sink_case("a sink for each text", a_sink_for_each(2, 1), lead=(2, 4)),
    sink_case("hidden keys, and a row with nothing else", 0.5, small=True, scores=hidden_keys),
    sink_case("hidden keys and no sink", -np.inf, small=True, scores=hidden_keys),
    sink_case("scores in the thousands", 1.5, magnitude=3000.0),
    sink_case(
        "scores far below zero",
        -2000.5,
        small=True,
        scores=lambda rng, s: np.array([[-2000.0, -2001, -2002], [-1999, -2000, -2003]]),
    ),
    sink_case("a sink in the thousands", 3000.0, small=True),
    sink_case(
        "a sink among scores in the thousands",
        3000.5,
        small=True,
        scores=lambda rng, s: np.array([[3000.0, 3001, 2999], [2998, 3002, 3000]]),
    ),
)


@exercise.mistake("plain softmax")
def plain_softmax(scores, sink):
    return softmax(scores)


@exercise.mistake("sink added to every score")
def sink_added_to_every_score(scores, sink):
    return softmax(scores + np.asarray(sink)[..., None, None])


@exercise.mistake("column of the sink kept")
def column_of_the_sink_kept(scores, sink):
    column = np.broadcast_to(np.asarray(sink)[..., None, None], (*scores.shape[:-1], 1))
    return softmax(np.concatenate([scores, column], axis=-1))


@exercise.mistake("last key dropped instead of the sink")
def last_key_dropped_instead_of_the_sink(scores, sink):
    column = np.broadcast_to(np.asarray(sink)[..., None, None], (*scores.shape[:-1], 1))
    return softmax(np.concatenate([column, scores], axis=-1))[..., :-1]


@exercise.mistake("normalised again without the sink")
def normalised_again_without_the_sink(scores, sink):
    weights = softmax_with_sink(scores, sink)
    return weights / weights.sum(axis=-1, keepdims=True)


@exercise.mistake("one in the denominator whatever the sink")
def one_in_the_denominator_whatever_the_sink(scores, sink):
    return softmax_with_sink(scores, 0.0)


@exercise.mistake("sink in the denominator without its exponential")
def sink_in_the_denominator_without_its_exponential(scores, sink):
    sink = np.asarray(sink)[..., None, None]
    exponentials = np.exp(scores)
    return exponentials / (exponentials.sum(axis=-1, keepdims=True) + sink)


@exercise.mistake("no maximum subtracted")
def no_maximum_subtracted(scores, sink):
    exponentials = np.exp(scores)
    sink = np.exp(np.asarray(sink)[..., None, None])
    return exponentials / (exponentials.sum(axis=-1, keepdims=True) + sink)


@exercise.mistake("scores shifted but not the sink")
def scores_shifted_but_not_the_sink(scores, sink):
    sink = np.asarray(sink, dtype=scores.dtype)[..., None, None]
    largest = scores.max(axis=-1, keepdims=True)
    largest = np.where(largest == -np.inf, 0, largest)
    exponentials = np.exp(scores - largest)
    return exponentials / (exponentials.sum(axis=-1, keepdims=True) + np.exp(sink))


@exercise.mistake("sinks lined up with the queries")
def sinks_lined_up_with_the_queries(scores, sink):
    column = np.broadcast_to(np.asarray(sink)[..., None], (*scores.shape[:-1], 1))
    return softmax(np.concatenate([scores, column], axis=-1))[..., :-1]


@exercise.another_way
def softmax_times_a_gate(scores, sink):
    sink = np.asarray(sink)[..., None, None]
    total = np.logaddexp.reduce(scores, axis=-1, keepdims=True)
    gate = 1 / (1 + np.exp(np.where(total == -np.inf, np.inf, sink - total)))
    return softmax(scores) * gate


@exercise.another_way
def one_maximum_for_scores_and_sink(scores, sink):
    sink = np.asarray(sink)[..., None, None]
    largest = np.maximum(scores.max(axis=-1, keepdims=True), sink)
    largest = np.where(largest == -np.inf, 0, largest)
    exponentials = np.exp(scores - largest)
    total = exponentials.sum(axis=-1, keepdims=True) + np.exp(sink - largest)
    return exponentials / np.where(total == 0, 1, total)


@exercise.another_way
def number_by_number(scores, sink):
    if np.ndim(scores) > 2:
        sinks = np.broadcast_to(sink, np.shape(scores)[:-2])
        return [number_by_number(*pair) for pair in zip(scores, sinks, strict=True)]
    rows = []
    for row in scores:
        largest = max(*row, sink)
        powers = [0.0 if s == -math.inf else math.exp(s - largest) for s in (*row, sink)]
        rows.append([power / (sum(powers) or 1) for power in powers[:-1]])
    return rows
