"""The numbers and the predictions of this topic; the cards have words alone."""

from attncore.exercises.exercise import numeric, predict
from attncore.exercises.figures import among, apart, binary, scientific, times


def mean_under(weights, values):
    return sum(weight * value for weight, value in zip(weights, values, strict=True))


def first_score(weights, values):
    return weights[0] * (values[0] - mean_under(weights, values))


def own_slope_alone(weights, values):
    return weights[0] * (1 - weights[0]) * values[0]


def from_plain_mean(weights, values):
    return weights[0] * (values[0] - sum(values) / 3)


def nothing_taken_away(weights, values):
    return weights[0] * values[0]


def weight_forgotten(weights, values):
    return values[0] - mean_under(weights, values)


def turned_around(weights, values):
    return -first_score(weights, values)


def collected(a, b, g, h):
    return a * g + b * h


questions = [
    predict(
        "nudge-a-score",
        lambda: "it falls",
        {"its value is zero": lambda: "it stays as it is", "more of a key is more": lambda: "it rises"},
    ),
    numeric(
        "score-gradient-by-hand",
        first_score,
        {
            "only its own weight": own_slope_alone,
            "the plain mean": from_plain_mean,
            "nothing is taken away": nothing_taken_away,
            "its weight is forgotten": weight_forgotten,
            "the sign is turned": turned_around,
        },
        first={"weights": (0.5, 0.3, 0.2), "values": (2, 6, 4)},
        draw=among(
            apart(
                first_score,
                own_slope_alone,
                from_plain_mean,
                nothing_taken_away,
                weight_forgotten,
                turned_around,
                by=0.05,
            ),
            weights=((0.5, 0.3, 0.2), (0.2, 0.3, 0.5), (0.4, 0.5, 0.1), (0.6, 0.1, 0.3)),
            values=((2, 6, 4), (8, 2, 4), (6, 1, 10), (10, 5, 2)),
        ),
    ),
    numeric(
        "value-gradient-by-hand",
        collected,
        {
            "the first query alone": lambda a, b, g, h: a * g,
            "without the weights": lambda a, b, g, h: g + h,
            "their mean": lambda a, b, g, h: (a * g + b * h) / 2,
        },
        first={"a": 0.25, "b": 0.5, "g": 4, "h": 10},
        draw=among(
            apart(
                collected,
                lambda a, b, g, h: a * g,
                lambda a, b, g, h: g + h,
                lambda a, b, g, h: (a * g + b * h) / 2,
                by=0.05,
            ),
            a=(0.25, 0.5, 0.75),
            b=(0.1, 0.2, 0.5),
            g=(2, 4, 8),
            h=(-6, -3, 5, 10),
        ),
    ),
    predict(
        "gradient-shapes",
        lambda: "P.T @ dO",
        {"rows for queries": lambda: "P @ dO", "the wrong one is transposed": lambda: "dO.T @ P"},
    ),
    predict(
        "shifted-token",
        lambda: "zero",
        {"one": lambda: "one", "whatever the loss says": lambda: "it depends on the loss"},
    ),
    predict(
        "forgotten-branch",
        lambda: "it falls, but not as far",
        {"no learning": lambda: "it stays where it was", "no difference": lambda: "it falls just as far"},
    ),
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
