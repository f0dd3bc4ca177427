"""A layer of gpt-oss: each head has a sink of its own."""

import math

import numpy as np

from attncore.exercises.exercise import case, code
from attncore.exercises.heads.cases import matrix
from attncore.heads import merge_heads, split_heads
from attncore.long_context import softmax_with_sink
from attncore.masks import causal_mask
from attncore.shapes import shaped
from attncore.softmax import softmax


def share_out(scores, sink):
    highest = np.maximum(scores.max(axis=-1, keepdims=True), sink)
    exponentials = np.exp(scores - highest)
    total = exponentials.sum(axis=-1, keepdims=True) + np.exp(sink - highest)
    return exponentials / total


@shaped("(n,m),(m,m),(m,m),(m,m),(m,m),(h)->(n,m)")
def fix_sink_layer(x, W_query, W_key, W_value, W_output, sinks):
    """Run one causal attention layer in which each head can attend to nothing.

    There are as many heads as sinks. A head's softmax goes over the scaled scores and its sink, one more
    score that isn't scaled, whose share is dropped. Scores in the thousands don't overflow. Miller (2023);
    gpt-oss (OpenAI, 2025).
    """
    n_heads, mask = len(sinks), causal_mask(len(x))
    query, key, value = (split_heads(x @ W, n_heads) for W in (W_query, W_key, W_value))
    scores = query @ np.swapaxes(key, -1, -2) / math.sqrt(query.shape[-1])
    scores = np.where(mask, scores, -np.inf)
    weights = share_out(scores, sinks[:, None, None])
    return merge_heads(weights @ value) @ W_output


def sunk(name, n, sinks, m=8, small=False, **more):
    given = {W: matrix("m", "m") for W in ("W_query", "W_key", "W_value", "W_output")}
    return case(name, small=small, sizes={"n": n, "m": m}, sinks=np.array(sinks), **given, **more)


exercise = code(
    fix_sink_layer,
    sunk("one token, one head", 1, [0.5], m=2, small=True),
    sunk("two tokens", 2, [1.0], m=2, small=True),
    sunk("three tokens, two heads", 3, [0.0, 2.0], m=2, small=True),
    sunk("four heads, all sinks different", 6, [-1.0, 0.0, 1.0, 3.0]),
    sunk("sinks far below", 5, [-50.0, -60.0]),
    sunk("a sink above all scores", 5, [20.0, 0.0]),
    sunk("scores of size ten", 6, [2.0, 3.0], magnitude=3.0),
    sunk("float32", 6, [0.5, 1.5, 2.5, -1.0], dtype=np.float32),
    sunk(
        "scores in the thousands",
        5,
        [2.0, 2000.0],
        magnitude=40.0,
        promise="Scores in the thousands don't overflow.",
    ),
    bug="the sink keeps its height when the scores are lowered",
)


def share_out_(scores, sink):
    highest = scores.max(axis=-1, keepdims=True)
    exponentials = np.exp(scores - highest)
    total = exponentials.sum(axis=-1, keepdims=True) + np.exp(sink)
    return exponentials / total


@exercise.mistake("the sink keeps its height when the scores are lowered")
def layer_with_sinks(x, W_query, W_key, W_value, W_output, sinks):
    n_heads, mask = len(sinks), causal_mask(len(x))
    query, key, value = (split_heads(x @ W, n_heads) for W in (W_query, W_key, W_value))
    scores = query @ np.swapaxes(key, -1, -2) / math.sqrt(query.shape[-1])
    scores = np.where(mask, scores, -np.inf)
    weights = share_out_(scores, sinks[:, None, None])
    return merge_heads(weights @ value) @ W_output


def with_weights(x, W_query, W_key, W_value, W_output, sinks, weigh):
    query, key, value = (split_heads(x @ W, len(sinks)) for W in (W_query, W_key, W_value))
    scores = query @ np.swapaxes(key, -1, -2) / math.sqrt(query.shape[-1])
    weights = weigh(np.where(causal_mask(len(x)), scores, -np.inf), sinks, query.shape[-1])
    return merge_heads(weights @ value) @ W_output


@exercise.mistake("the sink is ignored")
def no_sink(*given):
    return with_weights(*given, weigh=lambda scores, sinks, d: softmax(scores))


@exercise.mistake("the sink is scaled like the scores")
def scaled_sink(*given):
    return with_weights(*given, weigh=lambda scores, sinks, d: softmax_with_sink(scores, sinks / math.sqrt(d)))


@exercise.mistake("the sink is lowered by itself, to zero")
def sink_at_zero(*given):
    return with_weights(*given, weigh=lambda scores, sinks, d: softmax_with_sink(scores, 0 * sinks))


@exercise.mistake("the sink's share is dealt out to the keys")
def dealt_out(*given):
    def weigh(scores, sinks, d):
        weights = softmax_with_sink(scores, sinks)
        missing = 1 - weights.sum(axis=-1, keepdims=True)
        seen = causal_mask(scores.shape[-1])
        return weights + missing * seen / seen.sum(axis=-1, keepdims=True)

    return with_weights(*given, weigh=weigh)


@exercise.mistake("one sink for all heads")
def first_sink(*given):
    return with_weights(*given, weigh=lambda scores, sinks, d: softmax_with_sink(scores, sinks[0]))


@exercise.another_way
def sink_as_one_more_key(*given):
    return with_weights(*given, weigh=lambda scores, sinks, d: softmax_with_sink(scores, sinks))
