"""The numbers and the predictions of this topic; the cards have words alone."""

import math

from attncore.exercises.exercise import numeric, predict

TOKEN_BYTES = 2 * 32 * 8 * 128 * 2  # Mistral 7B: keys and values, layers, key heads, width, bytes a number
questions = [
    numeric(
        "layers-to-reach-back",
        lambda: math.ceil(130_000 / 1023),
        {
            "window times layers": lambda: math.ceil(130_000 / 1024),
            "doubled by each layer": lambda: 1 + math.ceil(math.log2(130_000 / 1023)),
        },
        tolerance=0,
    ),
    numeric(
        "mistral-window-bytes",
        lambda: TOKEN_BYTES * 4096,
        {
            "the whole text": lambda: TOKEN_BYTES * 32_768,
            "keys without values": lambda: TOKEN_BYTES * 4096 // 2,
            "one layer only": lambda: TOKEN_BYTES * 4096 // 32,
            "every query head": lambda: TOKEN_BYTES * 4096 * 4,
        },
    ),
    numeric(
        "window-pairs",
        lambda: 1000 * 100 - 100 * 99 // 2,
        {"every row full": lambda: 100_000, "the whole triangle": lambda: 500_500},
        tolerance=0,
    ),
    numeric(
        "gemma-cache-share",
        lambda: (131_072 + 5 * 1024) / (6 * 131_072),
        {"one layer in six": lambda: 1 / 6, "one layer in five": lambda: (131_072 + 4 * 1024) / (5 * 131_072)},
    ),
    numeric(
        "state-in-tokens",
        lambda: (128 * 128 + 128) / (2 * 128),
        {"sum of the keys forgotten": lambda: 64, "keys without values": lambda: 129},
        tolerance=0.001,
    ),
    predict(
        "two-window-layers", lambda: 5, {"window times layers": lambda: 6, "one layer only": lambda: 3}, tolerance=0
    ),
    predict("kept-tokens", lambda: 4, {"overlap counted twice": lambda: 5, "window only": lambda: 3}, tolerance=0),
    predict("sum-with-a-sink", lambda: 0.75, {"still one": lambda: 1, "the share of the sink": lambda: 0.25}),
    predict(
        "state-shape",
        lambda: (8, 6),
        {"a row for each key": lambda: (1000, 6), "a square of the text": lambda: (1000, 1000)},
    ),
    predict(
        "sharper-queries",
        lambda: "it stays below a quarter",
        {"as with softmax": lambda: "it comes close to one", "scale cancels at once": lambda: "it does not change"},
    ),
]
