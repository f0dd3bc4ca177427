"""The numbers and the predictions of this topic; the cards have words alone."""

import math

from attncore.exercises.exercise import numeric, predict
from attncore.exercises.figures import among, capital, placed, spelled

questions = [
    numeric(
        "overflow-float16",
        lambda: math.log(65504),
        {"the largest float16": lambda: 65504, "base ten": lambda: math.log10(65504)},
    ),
    numeric(
        "saturated-gradient",
        lambda percent: percent / 100 * (100 - percent) / 100,
        {
            "the weight itself": lambda percent: percent / 100,
            "rounded too early": lambda percent: (100 - percent) / 100,
        },
        first={"percent": 99},
        draw=among(percent=(92, 94, 95, 96, 97, 98)),
        worked=lambda percent: {
            "weight": percent / 100,
            "rest": (100 - percent) / 100,
            "part": placed(round(2500 / (percent * (100 - percent)))),
        },
    ),
    numeric(
        "uniform-entropy",
        lambda keys: keys.bit_length() - 1,
        {"nats": lambda keys: math.log(keys)},
        first={"keys": 8},
        draw=among(keys=(4, 16, 32, 64)),
        worked=lambda keys: {"Keys": capital(spelled(keys)), "all": spelled(keys)},
    ),
    predict(
        "shifted-scores",
        lambda: "the doubling",
        {"only the adding": lambda: "the adding", "both of them": lambda: "both", "neither of them": lambda: "neither"},
    ),
    predict(
        "low-temperature",
        lambda: "hard lookup",
        {"the limit of high temperatures": lambda: "plain mean", "the weights fade to zero": lambda: "zero"},
    ),
]
