"""The numbers and the predictions of this topic; the cards have words alone."""

import math

import numpy as np

from attncore.exercises.exercise import numeric, predict
from attncore.exercises.figures import among, apart, binary
from attncore.softmax import softmax


def dot_of(a, b, c, d):
    return a * c + b * d


def sign_lost(a, b, c, d):
    return abs(a) * c + b * d


def with_itself(a, b, c, d):
    return a * a + b * b


def first_weight(scores):
    return float(softmax(np.array(scores, dtype=float))[0])


def mixed(weights, values):
    return sum(weight * value for weight, value in zip(weights, values, strict=True))


questions = [
    predict(
        "which-key", lambda: "key 0", {"the key that is shorter": lambda: "key 1", "the opposite": lambda: "key 2"}
    ),
    numeric(
        "score-by-hand",
        dot_of,
        {"a sign lost": sign_lost, "the query with itself": with_itself},
        first={"a": -1, "b": 2, "c": -1, "d": 1},
        draw=among(
            apart(dot_of, sign_lost, with_itself, by=0.1),
            a=(-3, -2, -1),
            b=(1, 2, 3),
            c=(-3, -2, -1),
            d=(1, 2, 3, 4),
        ),
    ),
    numeric(
        "weight-by-hand",
        first_weight,
        {
            "a share of the scores": lambda scores: scores[0] / sum(scores),
            "the exponential alone": lambda scores: math.exp(scores[0]),
            "scaled already": lambda scores: float(softmax(np.array(scores) / math.sqrt(2))[0]),
        },
        first={"scores": (3, 1, 0)},
        draw=among(scores=((3, 1, 0), (2, 0, 0), (3, 2, 0), (4, 3, 1), (3, 0, 1))),
        worked=lambda scores: {
            "heights": tuple(round(math.exp(s), 2) for s in scores),
            "total": sum(map(math.exp, scores)),
        },
    ),
    numeric(
        "output-by-hand",
        mixed,
        {
            "the best value alone": lambda weights, values: values[0],
            "all values alike": lambda weights, values: sum(values) / 3,
            "the last value forgotten": lambda weights, values: weights[0] * values[0] + weights[1] * values[1],
        },
        first={"weights": (0.844, 0.114, 0.042), "values": (4, 0, 4)},
        draw=among(
            weights=((0.844, 0.114, 0.042), (0.7, 0.2, 0.1), (0.5, 0.3, 0.2)), values=((4, 0, 4), (6, 1, 8), (5, 1, 3))
        ),
    ),
    predict(
        "wider-vectors",
        lambda: "twice as far",
        {"in step with the width": lambda: "four times as far", "not at all": lambda: "as far as before"},
    ),
    predict(
        "train-without",
        lambda: "it learns late, or hardly at all",
        {"no difference": lambda: "it learns just as well", "an overflow": lambda: "the loss becomes NaN"},
    ),
    predict("what-softmax-runs-over", lambda: "the keys", {"the queries": lambda: "the queries"}),
    predict(
        "blind-query",
        lambda: "zeros",
        {
            "the mean": lambda: "the mean of all values",
            "NaN": lambda: "NaN",
            "no mask": lambda: "what it would get without the mask",
        },
    ),
    predict("torch-mask", lambda: "True", {"the other convention": lambda: "False"}),
    numeric(
        "score-flops",
        lambda queries, keys, width: 2 * queries * keys * width,
        {
            "multiplications only": lambda queries, keys, width: queries * keys * width,
            "width forgotten": lambda queries, keys, width: queries * keys,
        },
        first={"queries": 1024, "keys": 1024, "width": 64},
        draw=among(queries=(16, 64, 256, 512, 1024), keys=(512, 1024, 2048, 4096), width=(64, 80, 96, 128)),
    ),
    numeric(
        "score-bytes",
        lambda heads, tokens: heads * tokens * tokens * 2,
        {
            "one head only": lambda heads, tokens: tokens * tokens * 2,
            "numbers not bytes": lambda heads, tokens: heads * tokens * tokens,
        },
        first={"heads": 32, "tokens": 4096},
        draw=among(heads=(12, 16, 32, 40, 64, 96), tokens=(1024, 2048, 4096, 8192, 16_384)),
        worked=lambda heads, tokens: {"size": binary(heads * tokens * tokens * 2)},
    ),
    numeric(
        "score-std",
        lambda width, spread: spread**2 * math.isqrt(width),
        {
            "the variance": lambda width, spread: spread**4 * width,
            "the entries' standard deviation ignored": lambda width, spread: math.isqrt(width),
        },
        first={"width": 64, "spread": 2},
        draw=among(width=(16, 36, 64, 100, 144, 256), spread=(2, 3, 4)),
        worked=lambda width, spread: {
            "variance": spread**2,
            "total": spread**4 * width,
            "grows": {2: "doubles", 3: "triples", 4: "quadruples"}[spread],
        },
    ),
    predict(
        "output-shape",
        lambda: (2, 3, 6),
        {"width of the keys": lambda: (2, 3, 8), "one row for each key": lambda: (2, 5, 6)},
    ),
    predict(
        "identical-keys",
        lambda: "the mean of the values",
        {"the first key wins": lambda: "the first value", "nothing matches": lambda: "zeros"},
    ),
]
