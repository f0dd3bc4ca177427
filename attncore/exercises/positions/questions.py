"""The numbers and the predictions of this topic; the cards have words alone."""

import math

from attncore.exercises.configurations import BERT_BASE, BERT_LARGE, GPT_2_XL, GPT_3
from attncore.exercises.exercise import numeric, predict
from attncore.exercises.figures import among, apart, numbered, placed

TABLES = {  # rows of words, rows of positions, and the size as the paper states it
    BERT_BASE: (30_522, 512, "110 million"),
    BERT_LARGE: (30_522, 512, "340 million"),
    GPT_2_XL: (50_257, 1024, "1,542 million"),
    GPT_3: (50_257, 2048, "175,000 million"),
}


def turn(i, width, base):
    """The tokens in which a pair of a head makes one turn."""
    return 2 * math.pi * base ** (2 * i / width)


def pairs_without(tokens, base):
    return sum(turn(i, 64, base) > tokens for i in range(32))


def pairs_with(tokens, base):
    return 32 - pairs_without(tokens, base)


def pairs_within_a_radian(tokens, base):
    return pairs_without(2 * math.pi * tokens, base)


def pairs_of_a_wide_head(tokens, base):
    return sum(turn(i, 128, base) > tokens for i in range(64))


questions = [
    predict(
        "the-two-the",
        lambda: "they're identical",
        {
            "neighbors count": lambda: "they differ by their neighbors",
            "the mask knows": lambda: "they differ by their place",
        },
    ),
    numeric(
        "a-slow-hand",
        lambda d, i: 10_000 ** (-2 * i / d),
        {
            "the fast hand": lambda d, i: 1.0,
            "the exponent i/d": lambda d, i: 10_000 ** (-i / d),
            "the base itself": lambda d, i: 1 / 10_000,
        },
        first={"d": 4, "i": 1},
        draw=among(lambda d, i: 2 * i < d, d=(4, 8, 16), i=(1, 2, 4, 6)),
        worked=lambda d, i: {"hands": d // 2, "top": 2 * i},
    ),
    numeric(
        "rotary-by-hand",
        lambda x, y: -float(y),
        {
            "clockwise": lambda x, y: float(y),
            "one entry left alone": lambda x, y: float(x),
            "turned twice": lambda x, y: -float(x),
        },
        first={"x": 2, "y": 1},
        draw=among(lambda x, y: x != y, x=(1, 2, 3, 4, 5), y=(1, 2, 3, 4, 5)),
    ),
    predict(
        "which-extrapolates",
        lambda: "rotary",
        {
            "what the papers say": lambda: "the linear bias",
            "a formula for every place": lambda: "sinusoidal",
            "the mask is enough": lambda: "no positions at all",
        },
    ),
    numeric(
        "slowest-pair",
        lambda width, base, **_: turn(width // 2 - 1, width, base),
        {
            "exponent of one": lambda width, base, **_: 2 * math.pi * base,
            "one radian instead of a full turn": lambda width, base, **_: base ** ((width - 2) / width),
            "pair number not doubled": lambda width, base, **_: 2 * math.pi * base ** ((width // 2 - 1) / width),
        },
        first={"width": 128, "base": 10_000, "whose": ", that of Llama 3,"},
        draw=among(
            width=(32, 64, 96, 128, 256), base=(10_000, 20_000, 50_000, 100_000, 500_000, 1_000_000), whose=("",)
        ),
        worked=lambda width, base, **_: {
            "pairs": width // 2,
            "last": width // 2 - 1,
            "top": width - 2,
            "turn": round(turn(width // 2 - 1, width, base), -1),
            "larger": 50 * base,
            "millions": turn(width // 2 - 1, width, 50 * base) / 1e6,
            "times": 50 ** ((width - 2) / width),
            "beyond": numbered(width // 2 + 1),
        },
    ),
    numeric(
        "pairs-without-a-turn",
        pairs_without,
        {
            "pairs that do turn": pairs_with,
            "one radian instead of a full turn": pairs_within_a_radian,
            "a head of width 128": pairs_of_a_wide_head,
        },
        tolerance=0,
        first={"tokens": 2048, "base": 10_000},
        draw=among(
            apart(pairs_without, pairs_with, pairs_within_a_radian, pairs_of_a_wide_head, by=0),
            tokens=(256, 512, 1024, 2048, 4096, 8192, 16_384),
            base=(10_000, 50_000, 100_000, 500_000, 1_000_000),
        ),
        worked=lambda tokens, base: {
            "from": (start := pairs_with(tokens, base)),
            "turn": turn(start, 64, base),
        },
    ),
    numeric(
        "bert-position-table",
        lambda model: TABLES[model][1] * model.width,
        {
            "one number for each position": lambda model: TABLES[model][1],
            "the table of words": lambda model: TABLES[model][0] * model.width,
            "a table in every layer": lambda model: model.layers * TABLES[model][1] * model.width,
        },
        first={"model": BERT_BASE},
        draw=among(model=tuple(TABLES)),
        worked=lambda model: {
            "words": TABLES[model][0],
            "positions": TABLES[model][1],
            "millions": (size := TABLES[model][1] * model.width) / 1e6,
            "stated": TABLES[model][2],
            "share": f"{size / float(TABLES[model][2].split()[0].replace(',', '')) / 1e4:.1g}",
        },
    ),
    numeric(
        "alibi-slope",
        lambda heads, which: 2 ** (-8 * which / heads),
        {
            "the slope of the last head": lambda heads, which: 1 / 256,
            "heads counted from zero": lambda heads, which: 2 ** (-8 * (which - 1) / heads),
        },
        first={"heads": 32, "which": 8},
        draw=among(lambda heads, which: 2 <= heads // which <= 8, heads=(16, 32, 64), which=(2, 4, 8, 16, 32)),
        worked=lambda heads, which: {
            "place": placed(which),
            "last": numbered(heads),
            "exponent": 8 * which // heads,
            "fraction": 2 ** (8 * which // heads),
        },
    ),
    numeric(
        "alibi-half-weight",
        lambda steps: steps * math.log(2),
        {"a score lower by one": lambda steps: steps, "a score lower by a half": lambda steps: steps // 2},
        first={"steps": 256},
        draw=among(steps=(8, 16, 32, 64, 128, 256)),
    ),
    predict(
        "rotary-lengths",
        lambda: "as long as before",
        {
            "grown": lambda: "longer, and more so with the position",
            "shrunk": lambda: "shorter, and more so with the position",
        },
    ),
    predict(
        "same-position",
        lambda: "plain scores",
        {
            "turned by seven steps": lambda: "scores turned by seven steps",
            "nothing to tell apart": lambda: "equal scores",
        },
    ),
    predict(
        "both-shifted",
        lambda: "rotary and linear bias",
        {
            "sinusoids counted in": lambda: "sinusoidal, rotary and linear bias",
            "everything counted in": lambda: "all four",
            "only the bias": lambda: "linear bias alone",
        },
    ),
    predict(
        "bias-shape",
        lambda: (8, 1, 6),
        {
            "a square for each head": lambda: (8, 6, 6),
            "no axis for the heads": lambda: (1, 6),
            "keys before queries": lambda: (8, 6, 1),
        },
    ),
]
