"""The numbers and the predictions of this topic; the cards have words alone."""

from attncore.exercises.exercise import numeric, predict

questions = [
    numeric(
        "score-flops",
        lambda: 2 * 1024 * 1024 * 64,
        {"multiplications only": lambda: 1024 * 1024 * 64, "width forgotten": lambda: 1024 * 1024},
    ),
    numeric(
        "score-bytes",
        lambda: 32 * 4096 * 4096 * 2,
        {"one head only": lambda: 4096 * 4096 * 2, "numbers not bytes": lambda: 32 * 4096 * 4096},
    ),
    numeric("score-std", lambda: 32, {"the variance": lambda: 1024, "entries taken to spread by one": lambda: 8}),
    predict(
        "output-shape",
        lambda: (2, 3, 6),
        {"width of the keys": lambda: (2, 3, 8), "one row for each key": lambda: (2, 5, 6)},
    ),
    predict("identical-keys", lambda: "the mean of the values", {"the first key wins": lambda: "the first value"}),
]
