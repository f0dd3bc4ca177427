"""The numbers and the predictions of this topic; the cards have words alone."""

import math

from attncore.exercises.exercise import numeric, predict

questions = [
    numeric(
        "overflow-float16",
        lambda: math.log(65504),
        {"the largest float16": lambda: 65504, "base ten": lambda: math.log10(65504)},
    ),
    numeric(
        "saturated-gradient",
        lambda: 0.99 * 0.01,
        {"the weight itself": lambda: 0.99, "rounded too early": lambda: 0.01},
    ),
    numeric("uniform-entropy", lambda: 3, {"nats": lambda: math.log(8)}),
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
