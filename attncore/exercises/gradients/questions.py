"""The numbers and the predictions of this topic; the cards have words alone."""

from attncore.exercises.exercise import numeric, predict
from attncore.exercises.figures import among, binary, scientific, times

questions = [
    numeric(
        "weights-kept-bytes",
        lambda heads, tokens: heads * tokens * tokens * 2,
        {
            "one head only": lambda heads, tokens: tokens * tokens * 2,
            "numbers, not bytes": lambda heads, tokens: heads * tokens * tokens,
            "four bytes a number, as in float32": lambda heads, tokens: heads * tokens * tokens * 4,
        },
        first={"heads": 32, "tokens": 8192},
        draw=among(heads=(12, 16, 32, 40, 64), tokens=(2048, 4096, 8192, 16_384)),
        worked=lambda heads, tokens: {
            "size": binary(heads * tokens**2 * 2),
            "all": binary(32 * heads * tokens**2 * 2),
        },
    ),
    numeric(
        "jacobian-bytes",
        lambda tokens: tokens**3 * 2,
        {
            "the Jacobian of one row only": lambda tokens: tokens**2 * 2,
            "numbers, not bytes": lambda tokens: tokens**3,
        },
        first={"tokens": 4096},
        draw=among(tokens=(512, 1024, 2048, 4096, 8192, 16_384)),
        worked=lambda tokens: {"row": binary(tokens**2 * 2), "size": binary(tokens**3 * 2)},
    ),
    numeric(
        "backward-flops-ratio",
        lambda wide: (6 + 4 * wide) / (2 + 2 * wide),
        {
            "nothing is computed again": lambda wide: 2,
            "the forward is counted too": lambda wide: (8 + 6 * wide) / (2 + 2 * wide),
            "one product for each product of the forward": lambda wide: 1,
            "values as wide as the keys": lambda wide: 2.5,
        },
        first={"wide": 2},
        draw=among(wide=(2, 3, 4, 5)),
        worked=lambda wide: {
            "twice": 2 * wide,
            "forward": 2 + 2 * wide,
            "backward": 6 + 4 * wide,
            "times": times(wide),
        },
    ),
    numeric(
        "best-step",
        lambda exponent: (0.5 * 10.0**-exponent) ** (1 / 3),
        {
            "the square root instead of the cube root": lambda exponent: 10 ** (-exponent / 2),
            "where the two errors are equal": lambda exponent: 10 ** (-exponent / 3),
        },
        tolerance=0.05,
        first={"exponent": 16},
        draw=among(exponent=(7, 8, 10, 12, 14, 16, 19)),
        worked=lambda exponent: {
            "step": scientific((0.5 * 10.0**-exponent) ** (1 / 3), 2),
            "error": scientific(3 * (0.5 * 10.0**-exponent) ** (2 / 3), 1),
        },
    ),
    predict("jacobian-shape", lambda: (6, 6), {"only the diagonal": lambda: (6,)}),
    predict(
        "gradient-of-the-total",
        lambda: "zeros",
        {
            "the gradient with respect to the weights, not the scores": lambda: "ones",
            "the weights": lambda: "the weights",
        },
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
