"""The numbers and the predictions of this topic; the cards have words alone."""

import math

from attncore.exercises.exercise import numeric, predict
from attncore.exercises.figures import among, binary, capital, spelled

questions = [
    numeric(
        "additive-parameters",
        lambda state, hidden, **_: hidden * state + hidden * 2 * state + hidden,
        {
            "memory taken to be as wide as the state": lambda state, hidden, **_: 2 * hidden * state + hidden,
            "v forgotten": lambda state, hidden, **_: 3 * hidden * state,
        },
        tolerance=1e-6,
        first={"state": 1000, "hidden": 1000, "where": "In Bahdanau et al. (2014, appendix A.2.3)"},
        draw=among(
            state=(256, 400, 512, 600, 1024),
            hidden=(128, 256, 320, 512, 800),
            where=("In a translator like that of Bahdanau et al. (2014)",),
        ),
        worked=lambda state, **_: {"memory": 2 * state},
    ),
    numeric(
        "hidden-bytes",
        lambda target, source, hidden: target * source * hidden * 4,
        {
            "the scores alone": lambda target, source, hidden: target * source * 4,
            "numbers instead of bytes": lambda target, source, hidden: target * source * hidden,
            "one target word only": lambda target, source, hidden: source * hidden * 4,
        },
        first={"target": 64, "source": 64, "hidden": 1024},
        draw=among(target=(32, 48, 64, 96), source=(32, 64, 80, 128), hidden=(256, 512, 1024, 2048)),
        worked=lambda target, source, hidden: {
            "size": binary(target * source * hidden * 4),
            "scores": binary(target * source * 4),
        },
    ),
    numeric(
        "window-scores",
        lambda half, **_: 2 * half + 1,
        {"center left out": lambda half, **_: 2 * half, "one side only": lambda half, **_: half + 1},
        first={"half": 10, "whose": ", the value of Luong et al. (2015)"},
        draw=among(half=(5, 6, 8, 12, 15, 16, 20), whose=("",)),
        worked=lambda half, **_: {
            "words": 200 * half,
            "even": 2 * half,
            "side": spelled(half),
            "Side": capital(spelled(half)),
        },
    ),
    numeric(
        "height-at-the-edge",
        lambda fraction: math.sqrt(math.log(fraction) / 2),
        {
            "bell as wide as the window": lambda fraction: math.sqrt(2 * math.log(fraction)),
            "the 2 in the denominator forgotten": lambda fraction: math.sqrt(math.log(fraction)) / 2,
            "root not taken": lambda fraction: math.log(fraction) / 2,
            "a straight line": lambda fraction: 1 - 1 / fraction,
        },
        first={"fraction": 2},
        draw=among(fraction=(2, 3, 4, 6)),
        worked=lambda fraction: {
            "part": {2: "half", 3: "a third", 4: "a quarter", 6: "a sixth"}[fraction],
            "down": {2: "halfway down", 3: "down to 1/3", 4: "down to 1/4", 6: "down to 1/6"}[fraction],
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
