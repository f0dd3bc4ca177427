"""A narrow head beside a residual."""

import numpy as np

from attncore.exercises.exercise import case, code, usual
from attncore.shapes import shaped
from attncore.softmax import softmax


def project(x, *matrices):
    return [x @ W for W in matrices]


def mix(query, key, value, width):
    scores = query @ np.swapaxes(key, -1, -2) / np.sqrt(width)
    weights = softmax(scores)
    return weights @ value


@shaped("(...,n,m),(m,d),(m,d),(m,v),(v,m)->(...,n,m)")
def fix_self_attention(x, W_query, W_key, W_value, W_output):
    """Let every token look at every token, and add what it found to what it was.

    Queries, keys and values are projected from x, as x @ W; the scores are dot products of queries and keys, divided by
    the square root of the width of these; what is found goes through `W_output`.
    """
    query, key, value = project(x, W_query, W_key, W_value)
    width = query.shape[-1]
    mixed = mix(query, key, value, width)
    found = mixed @ W_output
    return x + found


exercise = code(
    fix_self_attention,
    usual(),
    case("a narrow head", small=True, magnitude=3.0, sizes={"n": 2, "d": 1}),
    case("heads as wide as the model", small=True, sizes={"d": 4}),
    case("a wide model, a narrow head", sizes={"m": 24, "d": 2}),
    case("a head wider than the model", sizes={"m": 2, "d": 8}),
    case("as many tokens as the head is wide", small=True, sizes={"n": 4, "m": 6}),
    case("values as wide as the model", sizes={"v": 12}),
    bug="divided by the square root of the model width",
)


def looked(x, W_query, W_key, W_value, W_output, width):
    query, key, value = project(x, W_query, W_key, W_value)
    return x + mix(query, key, value, width) @ W_output


@exercise.mistake("divided by the square root of the model width")
def divided_by_the_model_width(x, W_query, W_key, W_value, W_output):
    width = x.shape[-1]
    query, key, value = project(x, W_query, W_key, W_value)
    mixed = mix(query, key, value, width)
    found = mixed @ W_output
    return x + found


@exercise.mistake("divided by the square root of the value width")
def divided_by_the_value_width(x, W_query, W_key, W_value, W_output):
    return looked(x, W_query, W_key, W_value, W_output, W_value.shape[-1])


@exercise.mistake("divided by the square root of the number of tokens")
def divided_by_the_number_of_tokens(x, W_query, W_key, W_value, W_output):
    return looked(x, W_query, W_key, W_value, W_output, x.shape[-2])


@exercise.mistake("not scaled at all")
def not_scaled(x, W_query, W_key, W_value, W_output):
    return looked(x, W_query, W_key, W_value, W_output, 1)


@exercise.mistake("divided by the width itself")
def divided_by_the_width(x, W_query, W_key, W_value, W_output):
    return looked(x, W_query, W_key, W_value, W_output, W_query.shape[-1] ** 2)


@exercise.another_way
def the_query_scaled(x, W_query, W_key, W_value, W_output):
    scores = (x @ W_query / W_query.shape[-1] ** 0.5) @ np.swapaxes(x @ W_key, -1, -2)
    return x + softmax(scores) @ (x @ (W_value @ W_output))
