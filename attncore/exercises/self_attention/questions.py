"""The numbers and the predictions of this topic; the cards have words alone."""

import math

from attncore.exercises.exercise import numeric, predict
from attncore.exercises.figures import among, apart, capital, spelled


def layers(tokens, kernel):
    return math.ceil((tokens - 1) / (kernel - 1))


def layers_without_overlap(tokens, kernel):
    return tokens // kernel


def layers_dilated(tokens, kernel):
    return math.ceil(math.log(tokens) / math.log(kernel))


def layers_rounded_down(tokens, kernel):
    return (tokens - 1) // (kernel - 1)


questions = [
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
            "fold": {3: "threefold", 5: "fivefold", 7: "sevenfold"}[kernel],
            "Dilated": capital(spelled(layers_dilated(tokens, kernel))),
            "down": (down := layers_rounded_down(tokens, kernel)),
            "span": (span := 1 + down * (kernel - 1)),
            "left": "last token takes" if tokens - span == 1 else f"last {spelled(tokens - span)} tokens take",
        },
    ),
    numeric(
        "crossover-length",
        lambda width: width,
        {"the square of the width": lambda width: width * width},
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
    predict("self-attention-shape", lambda: (2, 5, 6), {"the input shape": lambda: (2, 5, 12)}),
]
