"""The numbers and the predictions of this topic; the cards have words alone."""

from attncore.exercises.exercise import numeric, predict

questions = [
    numeric(
        "share-handed-over",
        lambda: 0.9 * 0.2 / (0.9 * 0.2 + 0.1 * 3),
        {
            "the weight alone": lambda: 0.9,
            "the lengths alone": lambda: 0.2 / 3.2,
            "the lengths squared": lambda: 0.9 * 0.04 / (0.9 * 0.04 + 0.1 * 9),
        },
    ),
    numeric(
        "own-share-after-six-layers",
        lambda: 1 / 64 + (1 - 1 / 64) / 8,
        {"the residual path alone": lambda: 1 / 64, "no residual": lambda: 1 / 8},
    ),
    numeric(
        "bytes-of-all-maps",
        lambda: 12 * 12 * 1024**2 * 2,
        {"one layer only": lambda: 12 * 1024**2 * 2, "numbers, not bytes": lambda: 12 * 12 * 1024**2},
    ),
    numeric(
        "pairs-of-heads",
        lambda: 144 * 143 // 2,
        {"every pair is counted twice": lambda: 144 * 143, "one head at a time": lambda: 144},
        tolerance=1e-6,
    ),
    predict(
        "street-and-animal-swapped",
        lambda: "street",
        {"still the animal": lambda: "animal", "the weight is spread evenly": lambda: "both alike"},
    ),
    predict(
        "two-swaps",
        lambda: 0.5,
        {"the residual is forgotten": lambda: 1.0, "only one of the two ways home": lambda: 0.25},
    ),
    predict("values-alike", lambda: "not at all", {"a new map, so a new output": lambda: "a great deal"}),
    predict(
        "two-copies",
        lambda: "neither changes it",
        {
            "each head matters by itself": lambda: "each changes it",
            "only the first one counts": lambda: "only the first",
        },
    ),
]
