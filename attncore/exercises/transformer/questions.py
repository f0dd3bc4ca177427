"""The numbers and the predictions of this topic; the cards have words alone."""

import math

from attncore.exercises.configurations import BERT_BASE, BERT_LARGE, GPT_2, GPT_2_SMALL
from attncore.exercises.exercise import numeric, predict
from attncore.exercises.figures import among, apart, spelled

DECODERS = {  # model width; the inner layer is four times as wide
    "The base model of Vaswani et al. (2017)": 512,
    "The big model of Vaswani et al. (2017)": 1024,
    "Whisper tiny (Radford et al., 2022)": 384,
    "Whisper small (Radford et al., 2022)": 768,
    "Whisper large (Radford et al., 2022)": 1280,
}


def attention(m):
    return 4 * m**2 + 4 * m


def feed_forward(m):
    return 8 * m**2 + 4 * m + m


def share_of_feed_forward(model):
    return model.layers * feed_forward(model.width) / model.parameters


def centered(token):
    return token[0] - sum(token) / len(token)


def squares(token):
    mean = sum(token) / len(token)
    return sum((number - mean) ** 2 for number in token)


def normed(token):
    return centered(token) / math.sqrt(squares(token) / len(token))


def normed_as_a_sample(token):
    return centered(token) / math.sqrt(squares(token) / (len(token) - 1))


def divided_by_the_variance(token):
    return centered(token) / (squares(token) / len(token))


def divided_by_the_root_mean_square(token):
    return token[0] / math.sqrt(sum(number**2 for number in token) / len(token))


def reaching(p, top_p):
    """The most likely tokens that together reach top_p: how many they are, and their sum."""
    kept = [p[0]]
    for one in p[1:]:
        if sum(kept) >= top_p - 1e-9:
            break
        kept.append(one)
    return len(kept), sum(kept)


def nucleus_share(p, top_p):
    return p[0] / reaching(p, top_p)[1]


def nucleus_without_the_last(p, top_p):
    return p[0] / sum(p[: reaching(p, top_p)[0] - 1])


def not_renormalized(p, top_p):
    return p[0]


def divided_by_top_p(p, top_p):
    return p[0] / top_p


questions = [
    predict(
        "stacked-layers",
        lambda: "all but the same",
        {
            "as the vectors were drawn": lambda: "as different as before",
            "a single layer": lambda: "a little more alike",
        },
    ),
    numeric(
        "layer-norm-by-hand",
        normed,
        {
            "the variance of a sample": normed_as_a_sample,
            "the variance itself": divided_by_the_variance,
            "the mean left in": divided_by_the_root_mean_square,
        },
        tolerance=0.02,
        first={"token": (10, 4, 4, 2)},
        draw=among(
            apart(normed, normed_as_a_sample, divided_by_the_variance, divided_by_the_root_mean_square, by=0.05),
            token=((10, 4, 4, 2), (4, 2, 10, 4), (14, -4, -2, 4), (1, 3, 3, 9), (3, 7, 7, 3), (16, 0, 4, 4)),
        ),
        worked=lambda token: {
            "mean": sum(token) / len(token),
            "centered": centered(token),
            "variance": squares(token) / len(token),
            "std": math.sqrt(squares(token) / len(token)),
        },
    ),
    predict(
        "without-activation",
        lambda: "one matrix and one bias",
        {
            "two layers stay two": lambda: "nothing smaller, it still takes two layers",
            "nothing at all": lambda: "no layer at all, it returns x",
        },
    ),
    predict(
        "deep-from-the-start",
        lambda: "only the one with the norm in the branch",
        {
            "both of them": lambda: "both, one a little later",
            "the paper's": lambda: "only the one with the norm after the addition",
        },
    ),
    numeric(
        "nucleus-by-hand",
        nucleus_share,
        {
            "the one that crosses is left out": nucleus_without_the_last,
            "not renormalized": not_renormalized,
            "divided by p": divided_by_top_p,
        },
        tolerance=0.01,
        first={"p": (0.4, 0.3, 0.15, 0.1, 0.05), "top_p": 0.8},
        draw=among(
            apart(nucleus_share, nucleus_without_the_last, not_renormalized, divided_by_top_p, by=0.03),
            p=((0.4, 0.3, 0.15, 0.1, 0.05), (0.5, 0.2, 0.15, 0.1, 0.05), (0.35, 0.3, 0.2, 0.1, 0.05)),
            top_p=(0.6, 0.75, 0.8, 0.9),
        ),
        worked=lambda p, top_p: {
            "count": spelled(reaching(p, top_p)[0]),
            "sum": reaching(p, top_p)[1],
            "before": sum(p[: reaching(p, top_p)[0] - 1]),
        },
    ),
    numeric(
        "bert-block-parameters",
        lambda model: attention(model.width) + feed_forward(model.width) + 4 * model.width,
        {
            "matrices only": lambda model: 12 * model.width**2,
            "norms forgotten": lambda model: attention(model.width) + feed_forward(model.width),
            "attention only": lambda model: attention(model.width),
            "biases forgotten": lambda model: 12 * model.width**2 + 4 * model.width,
        },
        tolerance=0,
        first={"model": BERT_BASE},
        draw=among(model=(BERT_BASE, BERT_LARGE, *GPT_2)),
        worked=lambda model: {
            "family": "BERT" if model.name.startswith("BERT") else "GPT-2",
            "inner": 4 * model.width,
            "attention": attention(model.width),
            "feed_forward": feed_forward(model.width),
            "matrices": 12 * model.width**2,
        },
    ),
    numeric(
        "feed-forward-share-of-gpt2",
        share_of_feed_forward,
        {
            "two thirds of everything": lambda model: 2 / 3,
            "one layer only": lambda model: share_of_feed_forward(model) / model.layers,
            "percent without its sign": lambda model: 100 * share_of_feed_forward(model),
        },
        first={"model": GPT_2_SMALL},
        draw=among(model=GPT_2),
        worked=lambda model: {
            "inner": 4 * model.width,
            "all": model.layers * feed_forward(model.width),
            "embedding": 100 * 50_257 * model.width / model.parameters,
            "percent": 100 * share_of_feed_forward(model),
            "layers": spelled(model.layers),
        },
    ),
    numeric(
        "decoder-block-weights",
        lambda model: 16 * DECODERS[model] ** 2,
        {
            "cross-attention forgotten": lambda model: 12 * DECODERS[model] ** 2,
            "cross-attention without keys and values": lambda model: 14 * DECODERS[model] ** 2,
        },
        first={"model": "The base model of Vaswani et al. (2017)"},
        draw=among(model=tuple(DECODERS)),
        worked=lambda model: {"width": DECODERS[model], "inner": 4 * DECODERS[model]},
    ),
    numeric(
        "tokens-bert-learns-from",
        lambda tokens, percent: percent / 1000 * tokens,
        {
            "a tenth of all": lambda tokens, percent: tokens / 10,
            "all of the chosen": lambda tokens, percent: percent / 100 * tokens,
            "the random ones too": lambda tokens, percent: 2 * percent / 1000 * tokens,
        },
        first={"tokens": 512, "percent": 15},
        draw=among(tokens=(128, 256, 384, 512, 1024), percent=(15, 20, 40)),
        worked=lambda tokens, percent: {
            "rate": percent / 100,
            "chosen": percent / 100 * tokens,
        },
    ),
    predict(
        "constant-token",
        lambda: "the bias",
        {"zero divided by zero": lambda: "not a number", "bias forgotten": lambda: "zeros"},
    ),
    predict(
        "silent-block",
        lambda: "it normalizes them",
        {"nothing at all": lambda: "it leaves them as they are", "zeros": lambda: "it sets them to zero"},
    ),
    predict(
        "whole-prefix",
        lambda: "a mask that hides nothing",
        {"still causal": lambda: "the causal mask", "something of its own": lambda: "neither of the two"},
    ),
    predict(
        "cross-attention-shape",
        lambda: (2, 3, 12),
        {
            "one row for each token of the memory": lambda: (2, 5, 12),
            "one head only": lambda: (2, 3, 3),
            "the weights": lambda: (2, 4, 3, 5),
        },
    ),
]
