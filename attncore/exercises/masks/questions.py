"""The numbers and the predictions of this topic; the cards have words alone."""

from attncore.exercises.exercise import numeric, predict

questions = [
    numeric(
        "causal-count",
        lambda: 5050,
        {"the whole square": lambda: 10000, "diagonal forgotten": lambda: 4950, "half of the square": lambda: 5000},
        tolerance=0,
    ),
    numeric(
        "mask-bytes",
        lambda: 8192 * 8192,
        {"bits not bytes": lambda: 8192 * 8192 / 8, "a float32 mask": lambda: 8192 * 8192 * 4},
    ),
    numeric("visible-keys", lambda: 5, {"queries counted from the start": lambda: 3, "itself left out": lambda: 4}),
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
