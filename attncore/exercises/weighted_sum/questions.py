"""The numbers and the predictions of this topic; the cards have words alone."""

import numpy as np

from attncore.exercises.exercise import numeric, predict
from attncore.exercises.figures import among, apart


def context(heavy, light, lightest):
    return heavy // 2 + (light + lightest) // 4


def plain_mean(heavy, light, lightest):
    return (heavy + light + lightest) / 3


def heaviest(heavy, light, lightest):
    return heavy


def share(first, second):
    """What the first key has in the output, with weights of 0.9 and 0.1."""
    return 9 * first / (9 * first + second)


def heights(left, right):
    """The bell of width 1 over the point 1, at three points."""
    return np.exp(-0.5 * (np.array([left, 1, right]) - 1.0) ** 2)


questions = [
    numeric(
        "context-by-hand",
        context,
        {"the plain mean": plain_mean, "only the heaviest": heaviest},
        first={"heavy": 8, "light": 3, "lightest": 1},
        draw=among(
            lambda heavy, light, lightest: (
                (light + lightest) % 4 == 0
                and light != lightest
                and apart(context, plain_mean, heaviest, by=0.05)(heavy=heavy, light=light, lightest=lightest)
            ),
            heavy=(4, 6, 8, 10, 12, 16, 20),
            light=(2, 3, 5, 6, 7, 9, 10),
            lightest=(1, 2, 3, 5),
        ),
        worked=lambda heavy, light, lightest: {
            "half": heavy // 2,
            "rest": (light + lightest) // 4,
            "total": heavy + light + lightest,
        },
    ),
    numeric(
        "vector-by-hand",
        lambda second, third: (second + third) // 4,
        {
            "the first entry": lambda second, third: 3,
            "the plain mean": lambda second, third: (second + third) / 3,
            "the plain sum": lambda second, third: second + third,
        },
        first={"second": 4, "third": 4},
        draw=among(
            lambda second, third: (second + third) % 4 == 0 and second + third != 12,
            second=(4, 6, 8, 10, 12, 16),
            third=(4, 6, 8, 10, 12, 20),
        ),
    ),
    predict(
        "inside-or-outside",
        lambda: "(1, 1)",
        {
            "half of two values": lambda: "(2, 2)",
            "one value alone": lambda: "(4, 4)",
            "the one worked out": lambda: "(3, 2)",
        },
    ),
    predict(
        "context-shape",
        lambda: (2, 4, 3),
        {"keys kept": lambda: (2, 4, 7, 3), "one row for each key": lambda: (2, 7, 3)},
    ),
    predict(
        "lookup-by-hand",
        lambda: "(4, 4)",
        {"the longest key": lambda: "(4, 0)", "the runner-up": lambda: "(0, 4)"},
    ),
    predict(
        "prince-finds",
        lambda: "royal, and female",
        {"the runner-up": lambda: "royal, and not female", "a mixture": lambda: "royal, and one half"},
    ),
    predict(
        "nudged-query",
        lambda: "nothing, or it jumps",
        {"a slope": lambda: "it moves a little, too", "no effect ever": lambda: "nothing, however far you go"},
    ),
    predict(
        "equal-shares",
        lambda: "anywhere on the vertical axis",
        {
            "the middle only": lambda: "at (0, 0) and nowhere else",
            "the other axis": lambda: "anywhere on the horizontal axis",
        },
    ),
    numeric(
        "heavy-share",
        share,
        {
            "the weight": lambda first, second: 0.9,
            "the other key's share": lambda first, second: 1 - share(first, second),
            "percent without its sign": lambda first, second: 100 * share(first, second),
        },
        first={"first": 2, "second": 54},
        draw=among(
            lambda first, second: share(first, second) in (0.2, 0.25, 0.4, 0.6, 0.75, 0.8),
            first=(1, 2, 3, 4, 6, 8),
            second=(6, 9, 12, 18, 24, 27, 36, 54, 81, 108),
        ),
        worked=lambda first, second: {
            "heavy": 0.9 * first,
            "light": 0.1 * second,
            "total": 0.9 * first + 0.1 * second,
            "percent": 100 * share(first, second),
        },
    ),
    numeric(
        "bell-by-hand",
        lambda left, right: float(1 / heights(left, right).sum()),
        {
            "the height itself": lambda left, right: 1.0,
            "a point left out": lambda left, right: float(1 / (1 + heights(left, right)[0])),
            "equal shares": lambda left, right: 1 / 3,
        },
        first={"left": 0, "right": 3},
        draw=among(left=(-1, 0), right=(2, 3)),
        worked=lambda left, right: {
            "low": heights(left, right)[0],
            "high": heights(left, right)[2],
            "total": heights(left, right).sum(),
        },
    ),
    predict(
        "wide-bell",
        lambda: "the mean",
        {"the limit of a narrow bell": lambda: "the nearest", "the weights fade to zero": lambda: "zero"},
    ),
    predict(
        "width-on-its-own-points",
        lambda: "to zero",
        {
            "the held-out answer": lambda: "to where the wave fits best",
            "ever wider": lambda: "it grows without end",
        },
    ),
    predict(
        "prince-asks-again",
        lambda: "about one half",
        {"the winner alone": lambda: "0", "the dot product's winner": lambda: "1"},
    ),
    predict(
        "facts-in-eight-numbers",
        lambda: "about 0.7",
        {"room for all": lambda: "about 0.1", "all is lost": lambda: "about 1"},
    ),
    numeric(
        "fixed-summary",
        lambda tokens, width: tokens * width * 4,
        {
            "one vector only": lambda tokens, width: width * 4,
            "numbers not bytes": lambda tokens, width: tokens * width,
        },
        first={"tokens": 50, "width": 512},
        draw=among(tokens=(20, 30, 40, 50, 60, 80), width=(256, 500, 512, 620, 1000, 1024)),
        worked=lambda tokens, width: {"vector": 4 * width, "long": 10 * tokens},
    ),
]
