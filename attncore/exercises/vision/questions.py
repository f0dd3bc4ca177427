"""The numbers and the predictions of this topic; the cards have words alone."""

from attncore.exercises.exercise import numeric, predict

questions = [
    predict(
        "patches-of-the-photograph",
        lambda: (144, 192),
        {
            "channels forgotten": lambda: (144, 64),
            "only the patches of one row": lambda: (12, 192),
            "twelve taken for the size": lambda: (64, 432),
        },
    ),
    predict(
        "second-patch",
        lambda: (2, 3, 8, 9),
        {
            "the next four in reading order": lambda: (4, 5, 6, 7),
            "the patch below": lambda: (12, 13, 18, 19),
            "columns before rows": lambda: (2, 8, 3, 9),
            "moved on by one pixel": lambda: (1, 2, 7, 8),
        },
    ),
    predict(
        "shuffled-patches",
        lambda: "the same output",
        {
            "order of the keys": lambda: "another output",
            "the class token moves too": lambda: "the same output, its entries in another order",
        },
    ),
    predict(
        "stretched-position",
        lambda: 1.0,
        {"corners aligned": lambda: 4 / 3, "nearest neighbor": lambda: 0.0, "half pixel forgotten": lambda: 2.0},
    ),
    numeric(
        "pixel-score-bytes",
        lambda: (512 * 512) ** 2 * 2,
        {"numbers instead of bytes": lambda: (512 * 512) ** 2, "one score per pixel": lambda: 512 * 512 * 2},
    ),
    numeric(
        "vit-tokens-at-448",
        lambda: 32 * 32 + 1,
        {
            "class token forgotten": lambda: 32 * 32,
            "patches of one row": lambda: 32,
            "tokens at 224": lambda: 16 * 16 + 1,
        },
        tolerance=1e-4,
    ),
    numeric(
        "vit-patch-parameters",
        lambda: 16 * 16 * 3 * 768 + 768,
        {
            "bias forgotten": lambda: 16 * 16 * 3 * 768,
            "one channel only": lambda: 16 * 16 * 768 + 768,
            "one projection for each patch": lambda: 196 * (16 * 16 * 3 * 768 + 768),
        },
        tolerance=1e-4,
    ),
    numeric(
        "vit-score-growth",
        lambda: (577 / 197) ** 2,
        {"tokens instead of pairs": lambda: 577 / 197, "only one side of the image": lambda: 384 / 224},
        tolerance=0.02,
    ),
    numeric(
        "patches-half-as-wide",
        lambda: 16,
        {"tokens instead of pairs": lambda: 4, "only one side of the patch": lambda: 2},
        tolerance=0.02,
    ),
]
