"""The numbers and the predictions of this topic; the cards have words alone."""

import math

from attncore.exercises.exercise import numeric, predict

questions = [
    numeric(
        "slowest-pair",
        lambda: 2 * math.pi * 10_000 ** (126 / 128),
        {
            "exponent of one": lambda: 2 * math.pi * 10_000,
            "one radian instead of a full turn": lambda: 10_000 ** (126 / 128),
            "pair number not doubled": lambda: 2 * math.pi * 10_000 ** (63 / 128),
        },
    ),
    numeric(
        "pairs-without-a-turn",
        lambda: sum(2 * math.pi * 10_000 ** (2 * i / 64) > 2048 for i in range(32)),
        {
            "pairs that do turn": lambda: sum(2 * math.pi * 10_000 ** (2 * i / 64) <= 2048 for i in range(32)),
            "one radian instead of a full turn": lambda: sum(10_000 ** (2 * i / 64) > 2048 for i in range(32)),
            "a head of width 128": lambda: sum(2 * math.pi * 10_000 ** (2 * i / 128) > 2048 for i in range(64)),
        },
        tolerance=0,
    ),
    numeric(
        "bert-position-table",
        lambda: 512 * 768,
        {
            "one number for each position": lambda: 512,
            "the table of words": lambda: 30_522 * 768,
            "a table in every layer": lambda: 12 * 512 * 768,
        },
    ),
    numeric(
        "alibi-slope",
        lambda: 2 ** (-8 * 8 / 32),
        {"eight heads instead of thirty-two": lambda: 1 / 256, "heads counted from zero": lambda: 2 ** (-8 * 7 / 32)},
    ),
    numeric(
        "alibi-half-weight",
        lambda: 256 * math.log(2),
        {"a score lower by one": lambda: 256, "a score lower by a half": lambda: 128},
    ),
    predict(
        "rotary-lengths",
        lambda: "as long as before",
        {
            "grown": lambda: "longer, and more so with the position",
            "shrunk": lambda: "shorter, and more so with the position",
        },
    ),
    predict(
        "same-position",
        lambda: "plain scores",
        {
            "turned by seven steps": lambda: "scores turned by seven steps",
            "nothing to tell apart": lambda: "equal scores",
        },
    ),
    predict(
        "both-shifted",
        lambda: "rotary and linear bias",
        {
            "sinusoids counted in": lambda: "sinusoidal, rotary and linear bias",
            "everything counted in": lambda: "all four",
            "only the bias": lambda: "linear bias alone",
        },
    ),
    predict(
        "bias-shape",
        lambda: (8, 1, 6),
        {
            "a square for each head": lambda: (8, 6, 6),
            "no axis for the heads": lambda: (1, 6),
            "keys before queries": lambda: (8, 6, 1),
        },
    ),
]
