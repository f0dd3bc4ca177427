"""The numbers and the predictions of this topic; the cards have words alone."""

import math

from attncore.exercises.exercise import numeric, predict
from attncore.exercises.figures import among, capital, placed, spelled

THREE = {"best": 3, "second": 1}  # with a 0, the scores of the small example's first query


def three_scores(best, second):
    """The exponentials of three scores, the last of which is 0, and what follows from them, as one writes them."""
    top, height = math.exp(best), math.exp(second)
    total = top + height + 1
    return {
        "top": f"{top:.2f}",
        "height": f"{height:.2f}",
        "total": f"{total:.2f}",
        "share": f"{top / total:.2f}",
        "cost": f"{math.log(total) - best:.2f}",
    }


questions = [
    predict(
        "scores-over-sum",
        lambda: "the most",
        {"less for a worse match": lambda: "the least", "negative, like its score": lambda: "a negative weight"},
    ),
    numeric(
        "second-weight",
        lambda best, second: math.exp(second) / (math.exp(best) + math.exp(second) + 1),
        {
            "a share of the scores": lambda best, second: second / (best + second),
            "the exponential alone": lambda best, second: math.exp(second),
            "the last key left out": lambda best, second: math.exp(second) / (math.exp(best) + math.exp(second)),
        },
        first=THREE,
        draw=among(lambda best, second: second < best, best=(2, 3), second=(1, 2)),
        worked=three_scores,
    ),
    predict(
        "shifted-scores",
        lambda: "the doubling",
        {"only the adding": lambda: "the adding", "both of them": lambda: "both", "neither of them": lambda: "neither"},
    ),
    numeric(
        "overflow-float16",
        lambda: math.log(65504),
        {"the largest float16": lambda: 65504, "base ten": lambda: math.log10(65504)},
    ),
    predict(
        "one-maximum",
        lambda: "NaN in the first row",
        {
            "any shift will do": lambda: "the right weights",
            "the wrong row": lambda: "NaN in the second row",
            "one unit for both": lambda: "a sum of one over both rows",
        },
    ),
    numeric(
        "hidden-by-zero",
        lambda second: 1 / (math.exp(second) + 2),
        {
            "nothing": lambda second: 0,
            "an equal share": lambda second: 1 / 3,
            "its exponential still there": lambda second: math.exp(3) / (math.exp(3) + math.exp(second) + 1),
        },
        first={"second": 1},
        draw=among(second=(2, 3, 4)),
        worked=lambda second: {"height": f"{math.exp(second):.2f}", "total": f"{math.exp(second) + 2:.2f}"},
    ),
    predict(
        "all-a-billion-down",
        lambda: "one fifth each",
        {
            "gone, as with minus infinity": lambda: "zeros",
            "zero over zero": lambda: "NaN",
            "as if there were no mask": lambda: "what they'd be without a mask",
        },
    ),
    predict(
        "low-temperature",
        lambda: "hard lookup",
        {"the limit of high temperatures": lambda: "plain mean", "the weights fade to zero": lambda: "zero"},
    ),
    numeric(
        "uniform-entropy",
        lambda keys: keys.bit_length() - 1,
        {"nats": lambda keys: math.log(keys)},
        first={"keys": 8},
        draw=among(keys=(4, 16, 32, 64)),
        worked=lambda keys: {"Keys": capital(spelled(keys)), "all": spelled(keys)},
    ),
    numeric(
        "bell-temperature",
        lambda width: 2 * width**2,
        {"the one half forgotten": lambda width: width**2, "the width not squared": lambda width: 2 * width},
        first={"width": 1.5},
        draw=among(width=(0.5, 2.5, 3)),
        worked=lambda width: {"square": width**2},
    ),
    predict(
        "steepest-slope",
        lambda: "while it draws level",
        {
            "far behind": lambda: "while it's far behind",
            "far ahead": lambda: "while it's far ahead",
            "the same everywhere": lambda: "the same all the way",
        },
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
        "loss-by-hand",
        lambda best, second: math.log(math.exp(best) + math.exp(second) + 1),
        {
            "the cost of the best": lambda best, second: math.log(math.exp(best) + math.exp(second) + 1) - best,
            "the probability itself": lambda best, second: 1 / (math.exp(best) + math.exp(second) + 1),
            "bits": lambda best, second: math.log2(math.exp(best) + math.exp(second) + 1),
        },
        first=THREE,
        draw=among(lambda best, second: second < best, best=(2, 3), second=(1, 2)),
        worked=three_scores,
    ),
    numeric(
        "guess-loss",
        lambda words: math.log(words),
        {
            "bits": lambda words: math.log2(words),
            "base ten": lambda words: math.log10(words),
            "the probability itself": lambda words: 1 / words,
        },
        first={"words": 50_257},
        draw=among(words=(30_522, 32_000, 100_000, 128_256)),
    ),
    predict(
        "what-training-finds",
        lambda: "0.6, 0.3 and 0.1",
        {"the commonest takes all": lambda: "1, 0 and 0", "no input, no preference": lambda: "one third each"},
    ),
    predict(
        "sure-and-wrong",
        lambda: "only the one with cross-entropy",
        {
            "both": lambda: "both of them",
            "the other one": lambda: "only the one with squared error",
            "neither": lambda: "neither",
        },
    ),
    predict(
        "torch-loss-input",
        lambda: "the logits",
        {
            "softmax twice": lambda: "the probabilities, after a softmax",
            "the other function": lambda: "the logarithms of the probabilities",
        },
    ),
]
