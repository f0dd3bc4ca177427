"""The numbers and the predictions of this topic; the cards have words alone."""

from attncore.exercises.exercise import numeric, predict

questions = [
    numeric("context-by-hand", lambda: 5, {"the plain mean": lambda: 4, "only the heaviest": lambda: 8}),
    numeric(
        "fixed-summary",
        lambda: 50 * 512 * 4,
        {"one vector only": lambda: 512 * 4, "numbers not bytes": lambda: 50 * 512},
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
