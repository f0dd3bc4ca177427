"""The numbers and the predictions of this topic; the cards have words alone."""

from attncore.exercises.exercise import numeric, predict

questions = [
    predict("read-a-row", lambda: "mat", {"the diagonal": lambda: "on", "another row": lambda: "cat"}),
    predict(
        "what-sums-to-one", lambda: "every row", {"the other axis": lambda: "every column", "both": lambda: "both"}
    ),
    numeric("equal-weight", lambda: 1 / 6, {"the sum of the weights": lambda: 1}),
    predict(
        "uniform-shape",
        lambda: (2, 6),
        {
            "the wrong axis is gone": lambda: (2, 5),
            "the axis is kept": lambda: (2, 1, 6),
            "one row for each key": lambda: (2, 5, 6),
        },
    ),
    predict("start-sum", lambda: (3, 6), {}),
    predict("start-shift", lambda: "not at all", {}),
    numeric("start-scale", lambda: 8, {}),
    predict("start-axis", lambda: "keys", {}),
    predict("start-order", lambda: "they swap too", {}),
    numeric("start-causal", lambda: 4, {}),
    predict("start-masked", lambda: "some rows sum to less than one", {}),
    predict("start-heads", lambda: "it stays the same", {}),
]
