"""The numbers and the predictions of this topic; the cards have words alone."""

from attncore.exercises.configurations import BERT_BASE, BERT_LARGE, GPT_2, GPT_2_SMALL
from attncore.exercises.exercise import numeric, predict
from attncore.exercises.figures import among, apart, binary, capital, part, spelled


def share_handed_over(tenths, near, far):
    return tenths * near / (tenths * near + (10 - tenths) * far)


def share_of_weight(tenths, near, far):
    return tenths / 10


def share_of_length(tenths, near, far):
    return near / (near + far)


def share_of_squares(tenths, near, far):
    return share_handed_over(tenths, near**2, far**2)


def own_share(tokens, layers):
    return 1 / 2**layers + (1 - 1 / 2**layers) / tokens


def lead(a, b, c, d, e, f):
    return a * (c - e) + b * (d - f)


def right_alone(a, b, c, d, e, f):
    return a * c + b * d


def turned_around(a, b, c, d, e, f):
    return -lead(a, b, c, d, e, f)


def the_mean(brings, here):
    return sum(brings) / len(brings)


def change_by_mean(brings, here):
    return abs(here - the_mean(brings, here))


def change_by_zero(brings, here):
    return abs(here)


questions = [
    predict(
        "head-at-john",
        lambda: "it shrinks",
        {"it speaks for whom it looks at": lambda: "it grows", "one of 270": lambda: "it stays as it is"},
    ),
    numeric(
        "lead-by-hand",
        lead,
        {"the right word alone": right_alone, "wrong minus right": turned_around},
        first={"a": 2, "b": -1, "c": 1, "d": 0, "e": -1, "f": 3},
        draw=among(
            lambda **given: lead(**given) != 0 and apart(lead, right_alone, turned_around, by=0.1)(**given),
            a=(1, 2, 3),
            b=(-2, -1, 1),
            c=(0, 1, 2),
            d=(-1, 0, 1),
            e=(-2, -1, 1),
            f=(0, 2, 3),
        ),
    ),
    numeric(
        "mean-ablation-by-hand",
        change_by_mean,
        {
            "zero instead of the mean": change_by_zero,
            "the mean itself": the_mean,
        },
        first={"brings": (4, 6, 5, 5), "here": 6},
        draw=among(
            lambda **given: change_by_mean(**given) > 0 and apart(change_by_mean, change_by_zero, the_mean)(**given),
            brings=((4, 6, 5, 5), (7, 9, 8, 8), (3, 5, 3, 5), (9, 9, 10, 8)),
            here=(3, 6, 7, 10, 11),
        ),
        worked=lambda brings, here: {"mean": the_mean(brings, here), "total": sum(brings)},
    ),
    predict(
        "early-heads-by-mean",
        lambda: "next to nothing",
        {"zero was right": lambda: "about 2 as well", "more": lambda: "more than 2"},
    ),
    predict(
        "which-removal-hurts",
        lambda: "head 0 of layer 16",
        {"the one with the score": lambda: "head 6 of layer 18", "no difference": lambda: "about the same"},
    ),
    predict(
        "where-the-patch-works",
        lambda: "one place to the right of it",
        {"where it was changed": lambda: "at the changed token", "at the end": lambda: "at the last token"},
    ),
    numeric(
        "share-handed-over",
        share_handed_over,
        {
            "the weight alone": share_of_weight,
            "the lengths alone": share_of_length,
            "the lengths squared": share_of_squares,
        },
        first={"tenths": 9, "near": 0.2, "far": 3},
        draw=among(
            lambda **given: (
                share_handed_over(**given) < 0.5
                and apart(share_handed_over, share_of_weight, share_of_length, share_of_squares)(**given)
            ),
            tenths=(6, 7, 8, 9),
            near=(0.1, 0.2, 0.3, 0.5),
            far=(1.5, 2, 3, 4),
        ),
        worked=lambda tenths, near, far: {
            "weight": tenths / 10,
            "rest": (10 - tenths) / 10,
            "own": tenths * near / 10,
            "other": (10 - tenths) * far / 10,
            "sum": (tenths * near + (10 - tenths) * far) / 10,
            "part": spelled(tenths),
        },
    ),
    numeric(
        "own-share-after-six-layers",
        own_share,
        {
            "the residual path alone": lambda tokens, layers: 1 / 2**layers,
            "no residual": lambda tokens, layers: 1 / tokens,
        },
        first={"tokens": 8, "layers": 6},
        draw=among(
            lambda tokens, layers: tokens != 2**layers, tokens=(4, 5, 6, 8, 10, 12, 16, 20), layers=(3, 4, 5, 6)
        ),
        worked=lambda tokens, layers: {
            "Tokens": capital(spelled(tokens)),
            "all": spelled(tokens),
            "deep": spelled(layers),
            "paths": 2**layers,
            "others": 2**layers - 1,
            "part": f"{'an' if tokens == 8 else 'a'} {part(tokens)}",
        },
    ),
    numeric(
        "bytes-of-all-maps",
        lambda model, tokens: model.layers * model.heads * tokens**2 * 2,
        {
            "one layer only": lambda model, tokens: model.heads * tokens**2 * 2,
            "numbers, not bytes": lambda model, tokens: model.layers * model.heads * tokens**2,
        },
        first={"model": GPT_2_SMALL, "tokens": 1024},
        draw=among(
            lambda model, tokens: model in GPT_2 or tokens <= 512,
            model=(*GPT_2, BERT_BASE, BERT_LARGE),
            tokens=(256, 512, 1024),
        ),
        worked=lambda model, tokens: {
            "maps": model.layers * model.heads,
            "size": binary(model.layers * model.heads * tokens**2 * 2),
            "more": "more" if model.layers * model.heads * tokens**2 > model.parameters else "less",
            "layers": spelled(model.layers),
        },
    ),
    predict(
        "two-swaps",
        lambda: 0.5,
        {"the residual is forgotten": lambda: 1.0, "only one of the two ways home": lambda: 0.25},
    ),
    predict(
        "values-alike",
        lambda: "not at all",
        {"a new map, so a new output": lambda: "a great deal", "a minus": lambda: "it changes its sign"},
    ),
    predict(
        "two-copies",
        lambda: "neither changes it",
        {
            "each head matters by itself": lambda: "each changes it",
            "only the first one counts": lambda: "only the first",
        },
    ),
]
