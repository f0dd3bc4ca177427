"""The numbers and the predictions of this topic; the cards have words alone."""

from attncore.exercises.exercise import numeric, predict
from attncore.exercises.figures import among, binary, capital, placed, spelled

questions = [
    numeric(
        "what-is-left",
        lambda weights: weights[1] + weights[2],
        {
            "all of it": lambda weights: 1.0,
            "what was taken": lambda weights: weights[0],
            "their mean": lambda weights: (weights[1] + weights[2]) / 2,
        },
        first={"weights": (0.6, 0.3, 0.1)},
        draw=among(weights=((0.6, 0.3, 0.1), (0.7, 0.2, 0.1), (0.55, 0.35, 0.1), (0.8, 0.15, 0.05))),
    ),
    predict(
        "empty-row",
        lambda: "it depends on how the mask was written",
        {"NaN always": lambda: "NaN", "zeros always": lambda: "zeros", "a mean always": lambda: "equal weights"},
    ),
    predict(
        "leak-in-training",
        lambda: "the leaky one has the lower loss and can't write",
        {
            "the loss tells": lambda: "the causal one has the lower loss and writes better",
            "better at both": lambda: "the leaky one has the lower loss and writes better",
        },
    ),
    predict(
        "torch-one-query",
        lambda: "the first",
        {"as with a cache": lambda: "all four", "the last": lambda: "the last one"},
    ),
    numeric(
        "causal-count",
        lambda tokens: tokens * (tokens + 1) // 2,
        {
            "the whole square": lambda tokens: tokens * tokens,
            "diagonal forgotten": lambda tokens: tokens * (tokens - 1) // 2,
            "half of the square": lambda tokens: tokens * tokens // 2,
        },
        tolerance=0,
        first={"tokens": 100},
        draw=among(tokens=(20, 40, 60, 100, 200, 400, 1000)),
        worked=lambda tokens: {"square": tokens * tokens, "more": tokens + 1},
    ),
    numeric(
        "mask-bytes",
        lambda tokens: tokens * tokens,
        {
            "bits not bytes": lambda tokens: tokens * tokens / 8,
            "a float32 mask": lambda tokens: tokens * tokens * 4,
            "only what is True": lambda tokens: tokens * (tokens + 1) / 2,
        },
        first={"tokens": 8192},
        draw=among(tokens=(512, 1024, 2048, 4096, 8192, 16_384, 32_768)),
        worked=lambda tokens: {"size": binary(tokens * tokens)},
    ),
    numeric(
        "visible-keys",
        lambda cached, chunk, which: cached + which,
        {
            "queries counted from the start": lambda cached, chunk, which: which,
            "itself left out": lambda cached, chunk, which: cached + which - 1,
            "the whole chunk seen": lambda cached, chunk, which: cached + chunk,
        },
        first={"cached": 2, "chunk": 4, "which": 3},
        draw=among(
            lambda cached, chunk, which: which < chunk,
            cached=(2, 3, 5, 7, 10, 12, 20),
            chunk=(3, 4, 5, 6, 8),
            which=(1, 2, 3, 4, 5),
        ),
        worked=lambda cached, chunk, which: {
            "all": cached + chunk,
            "place": placed(which),
            "Cached": capital(spelled(cached)),
            "first": "first" if which == 1 else f"first {spelled(which)}",
        },
    ),
    predict(
        "masked-shape",
        lambda: (2, 1, 7),
        {
            "heads axis included": lambda: (2, 1, 1, 7),
            "a square for every text": lambda: (2, 7, 7),
            "no query axis": lambda: (2, 7),
        },
    ),
    predict(
        "mask-after-softmax",
        lambda: "NaN",
        {"as it is on paper": lambda: "one half each", "the division left out": lambda: "zero each"},
    ),
]
