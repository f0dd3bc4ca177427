"""The numbers and the predictions of this topic; the cards have words alone."""

from attncore.exercises.exercise import numeric, predict
from attncore.exercises.figures import among, apart


def context(heavy, light, lightest):
    return heavy // 2 + (light + lightest) // 4


def plain_mean(heavy, light, lightest):
    return (heavy + light + lightest) / 3


def heaviest(heavy, light, lightest):
    return heavy


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
    predict(
        "context-shape",
        lambda: (2, 4, 3),
        {"keys kept": lambda: (2, 4, 7, 3), "one row for each key": lambda: (2, 7, 3)},
    ),
    predict(
        "wide-bell",
        lambda: "the mean",
        {"the limit of a narrow bell": lambda: "the nearest", "the weights fade to zero": lambda: "zero"},
    ),
]
