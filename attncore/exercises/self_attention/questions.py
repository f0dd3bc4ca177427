"""The numbers and the predictions of this topic; the cards have words alone."""

import math

import numpy as np

from attncore.exercises.exercise import numeric, predict
from attncore.exercises.figures import among, apart, capital, spelled
from attncore.softmax import softmax

VALUES = np.array([6.0, 12.0, 0.0])  # of the three tokens of the lesson, and the scores of the first query
SCORES = np.array([1.0, 3.0, 1.0])


def layers(tokens, kernel):
    return math.ceil((tokens - 1) / (kernel - 1))


def layers_without_overlap(tokens, kernel):
    return tokens // kernel


def layers_dilated(tokens, kernel):
    return math.ceil(math.log(tokens) / math.log(kernel))


def layers_rounded_down(tokens, kernel):
    return (tokens - 1) // (kernel - 1)


questions = [
    predict(
        "who-needs-whom",
        lambda: "always equal",
        {
            "the longer one": lambda: "higher for the longer one",
            "the first one": lambda: "higher for the one that asks",
        },
    ),
    numeric(
        "score-one-way",
        lambda: 3,
        {"not projected": lambda: 2, "the other direction": lambda: 1},
    ),
    numeric("score-back", lambda: 1, {"symmetric": lambda: 3, "not projected": lambda: 2}),
    numeric(
        "first-output",
        lambda: float(softmax(SCORES / math.sqrt(2)) @ VALUES),
        {
            "not scaled": lambda: float(softmax(SCORES) @ VALUES),
            "the best value alone": lambda: 12.0,
            "all values alike": lambda: 6.0,
        },
        tolerance=0.01,
    ),
    predict(
        "one-matrix-for-both",
        lambda: "half at its partner, half at itself",
        {
            "no difference": lambda: "at its partner",
            "itself alone": lambda: "at itself",
            "nobody": lambda: "at everybody alike",
        },
    ),
    predict("it-in-another-text", lambda: "street", {"what a reader picks": lambda: "animal"}),
    predict(
        "cross-attention-output",
        lambda: (2, 6, 5),
        {
            "a row for each key": lambda: (2, 10, 5),
            "the weights": lambda: (2, 6, 10),
            "width of the keys": lambda: (2, 6, 8),
        },
    ),
    predict(
        "pasted-token",
        lambda: "cat",
        {"the noun behind it": lambda: "mat", "both": lambda: "cat and mat alike"},
    ),
    predict(
        "input-returned",
        lambda: "is every entry of influence True?",
        {
            "shapes": lambda: "is the output's shape right, with v = m?",
            "equivariance": lambda: "is the permutation gap 0?",
        },
    ),
    predict(
        "larger-steps",
        lambda: "five or six more",
        {"a property of the network": lambda: "the same number", "in step": lambda: "all sixty"},
    ),
    predict("linear-weight-shape", lambda: (8, 12), {"inputs first": lambda: (12, 8)}),
    numeric(
        "stream-numbers",
        lambda width, tokens: 2 * width * tokens,
        {
            "keys alone": lambda width, tokens: width * tokens,
            "the weights": lambda width, tokens: tokens * tokens,
        },
        tolerance=0,
        first={"width": 512, "tokens": 100_000},
        draw=among(width=(256, 384, 512, 768, 1024), tokens=(10_000, 50_000, 100_000, 200_000, 1_000_000)),
        worked=lambda width, tokens: {"fold": 2 * tokens},
    ),
    numeric(
        "conv-layers",
        layers,
        {
            "kernel not kernel minus one": layers_without_overlap,
            "dilated": layers_dilated,
            "rounded down": layers_rounded_down,
        },
        tolerance=0,
        first={"tokens": 1024, "kernel": 3},
        draw=among(
            apart(layers, layers_without_overlap, layers_dilated, layers_rounded_down, by=0),
            tokens=(128, 200, 256, 400, 512, 1000, 1024, 2000, 2048, 4096),
            kernel=(3, 5, 7),
        ),
        worked=lambda tokens, kernel: {
            "step": kernel - 1,
            "steps": spelled(kernel - 1),
            "whole": spelled(kernel),
            "second": 2 * kernel - 1,
            "reached": 1 + layers(tokens, kernel) * (kernel - 1),
            "fold": {3: "threefold", 5: "fivefold", 7: "sevenfold"}[kernel],
            "Dilated": capital(spelled(layers_dilated(tokens, kernel))),
            "down": (down := layers_rounded_down(tokens, kernel)),
            "span": (span := 1 + down * (kernel - 1)),
            "left": "last token takes" if tokens - span == 1 else f"last {spelled(tokens - span)} tokens take",
        },
    ),
    numeric(
        "crossover-length",
        lambda width: 2 * width,
        {"projections forgotten": lambda width: 4 * width, "by the paper's table": lambda width: width},
        tolerance=0,
        first={"width": 512},
        draw=among(width=(256, 384, 512, 768, 1024, 2048, 4096)),
    ),
    numeric(
        "self-attention-parameters",
        lambda model, head: 3 * model * head,
        {
            "one matrix only": lambda model, head: model * head,
            "output projection counted": lambda model, head: 4 * model * head,
        },
        first={"model": 768, "head": 64},
        draw=among(model=(384, 512, 768, 1024, 2048, 4096), head=(32, 48, 64, 96, 128)),
    ),
    predict("shuffled-tokens", lambda: "the same vector", {"the order matters": lambda: "another vector"}),
    predict(
        "self-attention-shape",
        lambda: (2, 5, 6),
        {"the input shape": lambda: (2, 5, 12), "width of the keys": lambda: (2, 5, 8)},
    ),
]
