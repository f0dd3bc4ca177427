"""The numbers and the predictions of this topic; the cards have words alone."""

from attncore.exercises.exercise import numeric, predict

questions = [
    numeric(
        "weights-kept-bytes",
        lambda: 32 * 8192 * 8192 * 2,
        {
            "one head only": lambda: 8192 * 8192 * 2,
            "numbers, not bytes": lambda: 32 * 8192 * 8192,
            "four bytes a number, as in float32": lambda: 32 * 8192 * 8192 * 4,
        },
    ),
    numeric(
        "jacobian-bytes",
        lambda: 4096 * 4096 * 4096 * 2,
        {"the Jacobian of one row only": lambda: 4096 * 4096 * 2, "numbers, not bytes": lambda: 4096**3},
    ),
    numeric(
        "backward-flops-ratio",
        lambda: 14 / 6,
        {
            "nothing is computed again": lambda: 12 / 6,
            "the forward is counted too": lambda: 20 / 6,
            "one product for each product of the forward": lambda: 1,
            "values as wide as the keys": lambda: 2.5,
        },
    ),
    numeric(
        "best-step",
        lambda: (0.5e-16) ** (1 / 3),
        {
            "the square root instead of the cube root": lambda: 1e-8,
            "where the two errors are equal": lambda: 1e-16 ** (1 / 3),
        },
        tolerance=0.05,
    ),
    predict("jacobian-shape", lambda: (6, 6), {"only the diagonal": lambda: (6,)}),
    predict(
        "gradient-of-the-total",
        lambda: "zeros",
        {"the gradient by the weights, not the scores": lambda: "ones", "the weights": lambda: "the weights"},
    ),
    predict(
        "hidden-score-gradient",
        lambda: "exactly zero",
        {
            "as if the key were visible": lambda: "the same as without the mask",
            "minus infinity is carried back": lambda: "minus infinity",
        },
    ),
]
