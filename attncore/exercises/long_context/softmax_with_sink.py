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
    return scores


def a_hidden_row(rng, s):
    scores = hidden_keys(rng, s)
    scores[1] = -np.inf
    return scores


BROADCASTS = "It may be any array that broadcasts over the leading axes."
NO_SINK = "A sink of -inf gives plain softmax."
HIDDEN_ROW = "A row of -inf gives zeros, never NaN, whatever the sink."

exercise = code(
    softmax_with_sink,
    usual(sink=1.5),
    sink_case("a sink of zero", 0.0, small=True),
    sink_case("a sink of minus two", -2.0, small=True),
    sink_case("a sink for each head", a_sink_for_each(4), lead=(4,)),
    sink_case("a sink for each head of a batch", a_sink_for_each(4), lead=(2, 4)),
    sink_case("as many heads as queries", a_sink_for_each(3), lead=(3,)),
    sink_case("hidden keys", 0.5, small=True, scores=hidden_keys),
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
    sink_case("one sink for each sequence of a batch", a_sink_for_each(2, 1), lead=(2, 4), promise=BROADCASTS),
    sink_case("a sink of -inf", -np.inf, small=True, promise=NO_SINK),
    sink_case("hidden keys and a sink of -inf", -np.inf, small=True, scores=hidden_keys, promise=NO_SINK),
    sink_case("a row of -inf", 0.5, small=True, scores=a_hidden_row, promise=HIDDEN_ROW),
    sink_case("a row of -inf and a sink of -inf", -np.inf, small=True, scores=a_hidden_row, promise=HIDDEN_ROW),
)


@exercise.mistake("plain softmax, without the sink")
def plain_softmax_without_the_sink(scores, sink):
    return softmax(scores)


@exercise.mistake("the sink is added to every score")
def the_sink_is_added_to_every_score(scores, sink):
    return softmax(scores + np.asarray(sink)[..., None, None])


@exercise.mistake("the sink's own column is kept")
def the_sink_s_own_column_is_kept(scores, sink):
    column = np.broadcast_to(np.asarray(sink)[..., None, None], (*scores.shape[:-1], 1))
    return softmax(np.concatenate([scores, column], axis=-1))


@exercise.mistake("the last key is dropped instead of the sink")
def the_last_key_is_dropped_instead_of_the_sink(scores, sink):
    column = np.broadcast_to(np.asarray(sink)[..., None, None], (*scores.shape[:-1], 1))
    return softmax(np.concatenate([column, scores], axis=-1))[..., :-1]


@exercise.mistake("renormalized without the sink")
def renormalized_without_the_sink(scores, sink):
    weights = softmax_with_sink(scores, sink)
    return weights / weights.sum(axis=-1, keepdims=True)


@exercise.mistake("a one in the denominator, whatever the sink is")
def a_one_in_the_denominator_whatever_the_sink_is(scores, sink):
    return softmax_with_sink(scores, 0.0)


@exercise.mistake("the sink is in the denominator without its exponential")
def the_sink_is_in_the_denominator_without_its_exponential(scores, sink):
    sink = np.asarray(sink)[..., None, None]
    exponentials = np.exp(scores)
    return exponentials / (exponentials.sum(axis=-1, keepdims=True) + sink)


@exercise.mistake("the sink is in the denominator without its exponential")
def the_sink_beside_shifted_scores_without_its_exponential(scores, sink):
    largest = scores.max(axis=-1, keepdims=True)
    exponentials = np.exp(scores - np.where(largest == -np.inf, 0, largest))
    return exponentials / (exponentials.sum(axis=-1, keepdims=True) + np.asarray(sink)[..., None, None])


@exercise.mistake("the sink is in the denominator without its exponential")
def the_shifted_sink_without_its_exponential(scores, sink):
    largest = scores.max(axis=-1, keepdims=True)
    largest = np.where(largest == -np.inf, 0, largest)
    exponentials = np.exp(scores - largest)
    return exponentials / (exponentials.sum(axis=-1, keepdims=True) + np.asarray(sink)[..., None, None] - largest)


for times in (0, 1):

    @exercise.mistake("the sink is in the denominator without its exponential")
    def a_sink_without_its_exponential_whose_maximum_is_among_the_others(scores, sink, times=times):
        sink = np.asarray(sink)[..., None, None]
        largest = np.maximum(scores.max(axis=-1, keepdims=True), sink)
        largest = np.where(largest == -np.inf, 0, largest)
        exponentials = np.exp(scores - largest)
        return exponentials / (exponentials.sum(axis=-1, keepdims=True) + sink - times * largest)


@exercise.mistake("no maximum subtracted")
def no_maximum_subtracted(scores, sink):
    exponentials = np.exp(scores)
    sink = np.exp(np.asarray(sink)[..., None, None])
    return exponentials / (exponentials.sum(axis=-1, keepdims=True) + sink)


@exercise.mistake("no maximum subtracted")
def no_maximum_subtracted_and_no_division_by_zero(scores, sink):
    exponentials = np.exp(scores)
    total = exponentials.sum(axis=-1, keepdims=True) + np.exp(np.asarray(sink, scores.dtype)[..., None, None])
    return exponentials / np.where(total == 0, 1, total)


@exercise.mistake("the maximum is subtracted from the scores but not from the sink")
def the_maximum_is_subtracted_from_the_scores_but_not_from_the_sink(scores, sink):
    sink = np.asarray(sink, dtype=scores.dtype)[..., None, None]
    largest = scores.max(axis=-1, keepdims=True)
    largest = np.where(largest == -np.inf, 0, largest)
    exponentials = np.exp(scores - largest)
    return exponentials / (exponentials.sum(axis=-1, keepdims=True) + np.exp(sink))


@exercise.mistake("the maximum is subtracted from the scores but not from the sink")
def the_sink_not_shifted_with_its_maximum_among_the_others(scores, sink):
    sink = np.asarray(sink, dtype=scores.dtype)[..., None, None]
    largest = np.maximum(scores.max(axis=-1, keepdims=True), sink)
    exponentials = np.exp(scores - np.where(largest == -np.inf, 0, largest))
    return exponentials / (exponentials.sum(axis=-1, keepdims=True) + np.exp(sink))


@exercise.mistake("a row of -inf gives NaN")
def a_row_of_inf_gives_nan(scores, sink):
    column = np.broadcast_to(np.asarray(sink)[..., None, None], (*scores.shape[:-1], 1))
    joined = np.concatenate([scores, column], axis=-1)
    exponentials = np.exp(joined - joined.max(axis=-1, keepdims=True))
    return (exponentials / exponentials.sum(axis=-1, keepdims=True))[..., :-1]


@exercise.mistake("the sinks are lined up with the queries instead of the heads")
def the_sinks_are_lined_up_with_the_queries_instead_of_the_heads(scores, sink):
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
