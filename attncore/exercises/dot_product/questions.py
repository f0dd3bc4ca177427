"""The numbers and the predictions of this topic; the cards have words alone."""

import math

from attncore.exercises.exercise import numeric, predict
from attncore.exercises.figures import among, binary

questions = [
    numeric(
        "score-flops",
        lambda queries, keys, width: 2 * queries * keys * width,
        {
            "multiplications only": lambda queries, keys, width: queries * keys * width,
            "width forgotten": lambda queries, keys, width: queries * keys,
        },
        first={"queries": 1024, "keys": 1024, "width": 64},
        draw=among(queries=(16, 64, 256, 512, 1024), keys=(512, 1024, 2048, 4096), width=(64, 80, 96, 128)),
    ),
    numeric(
        "score-bytes",
        lambda heads, tokens: heads * tokens * tokens * 2,
        {
            "one head only": lambda heads, tokens: tokens * tokens * 2,
            "numbers not bytes": lambda heads, tokens: heads * tokens * tokens,
        },
        first={"heads": 32, "tokens": 4096},
        draw=among(heads=(12, 16, 32, 40, 64, 96), tokens=(1024, 2048, 4096, 8192, 16_384)),
        worked=lambda heads, tokens: {"size": binary(heads * tokens * tokens * 2)},
    ),
    numeric(
        "score-std",
        lambda width, spread: spread**2 * math.isqrt(width),
        {
            "the variance": lambda width, spread: spread**4 * width,
            "entries taken to spread by one": lambda width, spread: math.isqrt(width),
        },
        first={"width": 64, "spread": 2},
        draw=among(width=(16, 36, 64, 100, 144, 256), spread=(2, 3, 4)),
        worked=lambda width, spread: {
            "variance": spread**2,
            "total": spread**4 * width,
            "grows": {2: "doubles", 3: "triples", 4: "quadruples"}[spread],
        },
    ),
    predict(
        "output-shape",
        lambda: (2, 3, 6),
        {"width of the keys": lambda: (2, 3, 8), "one row for each key": lambda: (2, 5, 6)},
    ),
    predict("identical-keys", lambda: "the mean of the values", {"the first key wins": lambda: "the first value"}),
]
