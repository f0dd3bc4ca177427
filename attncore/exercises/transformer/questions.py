"""The numbers and the predictions of this topic; the cards have words alone."""

from attncore.exercises.configurations import BERT_BASE, BERT_LARGE, GPT_2, GPT_2_SMALL
from attncore.exercises.exercise import numeric, predict
from attncore.exercises.figures import among, spelled

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


questions = [
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
        lambda tokens, percent: percent / 100 * tokens,
        {
            "only the hidden ones": lambda tokens, percent: 0.8 * percent / 100 * tokens,
            "all of them": lambda tokens, percent: tokens,
        },
        first={"tokens": 512, "percent": 15},
        draw=among(tokens=(64, 128, 256, 384, 512), percent=(15, 20, 40)),
        worked=lambda tokens, percent: {
            "whose": "Devlin et al., 2018: "
            if percent == 15
            else "not 15 but "
            if percent == 20
            else "as in Wettig et al., 2022: ",
            "rate": percent / 100,
            "others": tokens - 1,
        },
    ),
    predict(
        "constant-token",
        lambda: "the bias",
        {"zero divided by zero": lambda: "not a number", "bias forgotten": lambda: "zeros"},
    ),
    predict(
        "silent-block", lambda: "x itself", {"nothing at all": lambda: "zeros", "the norm": lambda: "x normalized"}
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
