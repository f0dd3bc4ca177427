"""The numbers and the predictions of this topic; the cards have words alone."""

from attncore.exercises.exercise import numeric, predict
from attncore.exercises.figures import among, binary, capital, spelled, times

VITS = {  # name: patch, width, and the size in millions as the paper states it (Dosovitskiy et al., 2020, table 1)
    "ViT-B/16": (16, 768, 86),
    "ViT-L/16": (16, 1024, 307),
    "ViT-H/14": (14, 1280, 632),
}


def tokens_at(side, patch):
    return (side // patch) ** 2 + 1


def growth(patch, larger):
    return tokens_at(larger, patch) / tokens_at(224, patch)


def patch_parameters(model, channels=3):
    patch, width, _ = VITS[model]
    return patch * patch * channels * width + width


def patch_numbers(start, which):
    """The numbers of a patch of two by two, where two rows of six count up from `start`."""
    left = start + 2 * which
    return left, left + 1, left + 6, left + 7


def patch_sum(start, which):
    return sum(patch_numbers(start, which))


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
        lambda: "2, 3, 8, 9",
        {
            "the next four in reading order": lambda: "4, 5, 6, 7",
            "the patch below": lambda: "12, 13, 18, 19",
            "columns before rows": lambda: "2, 8, 3, 9",
        },
    ),
    predict(
        "moved-by-a-pixel",
        lambda: "none of them",
        {"as in a convolution": lambda: "all of them, elsewhere", "most of each patch": lambda: "about half of them"},
    ),
    numeric(
        "patch-token-by-hand",
        lambda start, which: patch_sum(start, which) + 100 * (which + 1),
        {
            "the class token's row forgotten": lambda start, which: patch_sum(start, which) + 100 * which,
            "no position": patch_sum,
            "the class token added": lambda start, which: patch_sum(start, which) + 100 * (which + 1) + 2,
        },
        tolerance=1e-4,
        first={"start": 0, "which": 1},
        draw=among(start=(0, 1, 5), which=(1, 2)),
        worked=lambda start, which: {
            "last": start + 11,
            "nth": ("second", "third")[which - 1],
            "numbers": " + ".join(map(str, patch_numbers(start, which))),
            "sum": patch_sum(start, which),
            "position": 100 * (which + 1),
        },
    ),
    predict(
        "few-images",
        lambda: "the convolution",
        {"the more general one": lambda: "the ViT", "too few for either": lambda: "neither, both guess"},
    ),
    numeric(
        "tokens-in-a-language-model",
        lambda side, merged: (side // (14 * merged)) ** 2,
        {
            "nothing merged": lambda side, merged: (side // 14) ** 2,
            "merged along one side": lambda side, merged: (side // 14) ** 2 / merged,
            "one row": lambda side, merged: side // (14 * merged),
        },
        tolerance=1e-4,
        first={"side": 1120, "merged": 2},
        draw=among(lambda side, merged: side % (14 * merged) == 0, side=(448, 672, 896, 1120, 1344), merged=(2, 4)),
        worked=lambda side, merged: {"row": side // 14, "merged_row": side // (14 * merged), "square": merged**2},
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
        lambda power: 2 * 4 ** (2 * power),
        {
            "numbers instead of bytes": lambda power: 4 ** (2 * power),
            "one score per pixel": lambda power: 2 * 4**power,
        },
        first={"power": 9},
        draw=among(power=(6, 7, 8, 9, 10, 11)),
        worked=lambda power: {
            "side": 2**power,
            "tokens": 4**power,
            "tokens_power": 2 * power,
            "pairs_power": 4 * power,
            "bytes_power": 4 * power + 1,
            "size": binary(2 * 4 ** (2 * power)),
        },
    ),
    numeric(
        "vit-tokens-at-448",
        tokens_at,
        {
            "class token forgotten": lambda side, patch: (side // patch) ** 2,
            "patches of one row": lambda side, patch: side // patch,
            "tokens at 224": lambda side, patch: tokens_at(224, patch),
        },
        tolerance=1e-4,
        first={"side": 448, "patch": 14},
        draw=among(lambda side, patch: side % patch == 0, side=(256, 336, 384, 448, 512, 518, 560), patch=(14, 16, 32)),
        worked=lambda side, patch: {"row": side // patch, "patches": (side // patch) ** 2},
    ),
    numeric(
        "vit-patch-parameters",
        patch_parameters,
        {
            "bias forgotten": lambda model: patch_parameters(model) - VITS[model][1],
            "one channel only": lambda model: patch_parameters(model, channels=1),
            "one projection for each patch": lambda model: (224 // VITS[model][0]) ** 2 * patch_parameters(model),
        },
        tolerance=1e-4,
        first={"model": "ViT-B/16"},
        draw=among(model=tuple(VITS)),
        worked=lambda model: {
            "patch": VITS[model][0],
            "width": VITS[model][1],
            "millions": VITS[model][2],
            "numbers": VITS[model][0] ** 2 * 3,
        },
    ),
    numeric(
        "vit-score-growth",
        lambda patch, larger: growth(patch, larger) ** 2,
        {
            "tokens instead of pairs": growth,
            "only one side of the image": lambda patch, larger: larger / 224,
        },
        tolerance=0.02,
        first={"patch": 16, "larger": 384},
        draw=among(
            lambda patch, larger: larger % patch == 0, patch=(14, 16), larger=(320, 336, 384, 448, 512, 518, 560)
        ),
        worked=lambda patch, larger: {
            "name": {14: "ViT-L/14", 16: "ViT-B/16"}[patch],
            "before": tokens_at(224, patch),
            "after": tokens_at(larger, patch),
            "pixels": (larger / 224) ** 2,
            "tokens": growth(patch, larger),
        },
    ),
    numeric(
        "patches-half-as-wide",
        lambda small, parts: parts**4,
        {
            "tokens instead of pairs": lambda small, parts: parts**2,
            "only one side of the patch": lambda small, parts: parts,
        },
        tolerance=0.02,
        first={"small": 8, "parts": 2},
        draw=among(small=(7, 8, 14, 16), parts=(2, 3, 4)),
        worked=lambda small, parts: {
            "large": small * parts,
            "part": {2: "half", 3: "a third", 4: "a quarter"}[parts],
            "Times": capital(times(parts)),
            "Cutting": {2: "Halving the side", 3: "A third of the side", 4: "A quarter of the side"}[parts],
            "square": parts**2,
            "squared": spelled(parts**2),
        },
    ),
]
