"""The numbers and the predictions of this topic; the cards have words alone."""

import math

from attncore.exercises.exercise import numeric, predict

questions = [
    numeric(
        "llama-70b-tokens-in-20-gib",
        lambda: 20 * 2**30 // (2 * 80 * 8 * 128 * 2),
        {
            "every query head cached": lambda: 20 * 2**30 // (2 * 80 * 64 * 128 * 2),
            "only the keys cached": lambda: 20 * 2**30 // (80 * 8 * 128 * 2),
        },
    ),
    numeric(
        "llama-8b-key-value-parameters",
        lambda: 32 * 2 * 4096 * (4096 - 1024),
        {
            "one layer only": lambda: 2 * 4096 * (4096 - 1024),
            "only the keys": lambda: 32 * 4096 * (4096 - 1024),
            "what is left": lambda: 32 * 2 * 4096 * 1024,
        },
    ),
    numeric(
        "deepseek-v3-bytes-of-a-text",
        lambda: 100_000 * 61 * (512 + 64) * 2,
        {
            "counted for keys and for values": lambda: 2 * 100_000 * 61 * (512 + 64) * 2,
            "rotated key forgotten": lambda: 100_000 * 61 * 512 * 2,
            "a rotated key for every head": lambda: 100_000 * 61 * (512 + 128 * 64) * 2,
            "one token only": lambda: 61 * (512 + 64) * 2,
        },
    ),
    numeric(
        "groups-worth-a-latent",
        lambda: (512 + 64) / (2 * 128),
        {"keys without values": lambda: (512 + 64) / 128, "latent without its rotated key": lambda: 512 / (2 * 128)},
    ),
    numeric(
        "price-of-absorbing",
        lambda: math.ceil(512 * (128 + 128) / ((512 + 64 + 512) - (128 + 64 + 128))),
        {
            "only the keys unpacked": lambda: math.ceil(512 * 128 / ((512 + 64 + 512) - (128 + 64 + 128))),
            "unpacked form taken for free": lambda: math.ceil(512 * (128 + 128) / (512 + 64 + 512)),
        },
    ),
    predict("which-key-head", lambda: 2, {"dealt out in turn": lambda: 1, "place within the group": lambda: 0}),
    predict(
        "grouped-shape",
        lambda: (2, 6, 3, 4),
        {"one output for each group": lambda: (2, 3, 3, 4), "width of the keys": lambda: (2, 6, 3, 8)},
    ),
    predict("grouped-score-flops", lambda: "as many", {"a quarter": lambda: "a quarter as many"}),
    predict(
        "rotated-and-absorbed",
        lambda: "on the diagonal",
        {"everywhere": lambda: "everywhere", "in the first row": lambda: "in the first row"},
    ),
    predict(
        "what-the-latent-cache-holds",
        lambda: "the latent and the rotated key",
        {"the latent alone": lambda: "the latent", "unpacked": lambda: "the keys and values of every head"},
    ),
]
