"""The numbers and the predictions of this topic; the cards have words alone."""

import math

from attncore.exercises.exercise import numeric, predict

questions = [
    numeric(
        "additive-parameters",
        lambda: 1000 * 1000 + 1000 * 2000 + 1000,
        {
            "memory taken to be as wide as the state": lambda: 1000 * 1000 + 1000 * 1000 + 1000,
            "v forgotten": lambda: 1000 * 1000 + 1000 * 2000,
        },
        tolerance=1e-6,
    ),
    numeric(
        "hidden-bytes",
        lambda: 64 * 64 * 1024 * 4,
        {
            "the scores alone": lambda: 64 * 64 * 4,
            "numbers instead of bytes": lambda: 64 * 64 * 1024,
            "one target word only": lambda: 64 * 1024 * 4,
        },
    ),
    numeric("window-scores", lambda: 21, {"center left out": lambda: 20, "one side only": lambda: 11}),
    numeric(
        "height-at-the-edge",
        lambda: math.sqrt(math.log(2) / 2),
        {
            "bell as wide as the window": lambda: math.sqrt(2 * math.log(2)),
            "the 2 in the denominator forgotten": lambda: math.sqrt(math.log(2)) / 2,
            "root not taken": lambda: math.log(2) / 2,
            "a straight line": lambda: 0.5,
        },
    ),
    predict(
        "linear-additive",
        lambda: "nothing",
        {"all of it kept": lambda: "which states get the weight", "the sharpness": lambda: "how sharp the weights are"},
    ),
    predict(
        "score-shape",
        lambda: (2, 5),
        {
            "hidden layer kept": lambda: (2, 5, 4),
            "one number per hidden unit": lambda: (2, 4),
            "width of the memory": lambda: (2, 12),
        },
    ),
    predict(
        "sum-under-the-bell",
        lambda: "less than one",
        {"still one": lambda: "exactly one", "a sum above one": lambda: "more than one"},
    ),
    predict("window-at-the-edge", lambda: 3, {"window not cut": lambda: 5, "edge left out": lambda: 2}),
]
