"""The numbers and the predictions of this topic; the cards have words alone."""

import math

from attncore.exercises.configurations import (
    BERT_BASE,
    BERT_LARGE,
    GEMMA_7B,
    GPT_2,
    GPT_2_LARGE,
    GPT_2_SMALL,
    GPT_3,
    LLAMA_2_70B,
    PHI_3_MINI,
    QWEN_3_4B,
    QWEN_3_32B,
    QWEN_3_SMALL,
    T5_3B,
    T5_11B,
)
from attncore.exercises.exercise import numeric, predict
from attncore.exercises.figures import among, spelled, times
from attncore.heads import mha_parameter_count


def attention_share(model):
    return model.layers * mha_parameter_count(model.width, model.heads) / model.parameters


questions = [
    predict(
        "one-mixture",
        lambda: "(0.5, 0.5) again",
        {"roles kept apart": lambda: "(0.5, -0.5)", "both kept": lambda: "(1, 0) and (0, 1), side by side"},
    ),
    predict(
        "previous-word-head",
        lambda: "layer 0, head 2",
        {
            "it goes on to the next word": lambda: "layer 1, head 8",
            "it looks for the subject": lambda: "layer 5, head 11",
        },
    ),
    predict(
        "head-by-hand",
        lambda: "2 3, 6 7, 10 11",
        {"read in order": lambda: "6 7, 8 9, 10 11", "dealt out in turn": lambda: "1 3, 5 7, 9 11"},
    ),
    predict(
        "split-shape",
        lambda: (2, 4, 5, 3),
        {"tokens before heads": lambda: (2, 5, 4, 3), "heads before the batch": lambda: (4, 2, 5, 3)},
    ),
    predict(
        "merge-by-hand",
        lambda: "0 1 4 5",
        {"as if it were right": lambda: "0 1 2 3", "first entries only": lambda: "0 4 8 2"},
    ),
    numeric(
        "score-of-a-head",
        lambda a, b: -b,
        {"the other head": lambda a, b: a + 1, "one wide head": lambda a, b: a + 1 - b},
        first={"a": 2, "b": 3},
        draw=among(a=(2, 3, 4, 6), b=(2, 3, 5, 7)),
        worked=lambda a, b: {"first": a + 1, "whole": a + 1 - b},
    ),
    predict(
        "head-reads",
        lambda: "all eight",
        {"a slice of the token": lambda: "the first two", "training decides": lambda: "those that the softmax selects"},
    ),
    numeric(
        "head-width",
        lambda model: math.sqrt(model.head_width),
        {
            "the root of the model width": lambda model: math.sqrt(model.width),
            "the width itself": lambda model: model.head_width,
            "the factor, not the divisor": lambda model: 1 / math.sqrt(model.head_width),
        },
        first={"model": GPT_3},
        draw=among(model=(GPT_3, GPT_2_LARGE, BERT_LARGE, PHI_3_MINI, LLAMA_2_70B, BERT_BASE)),
    ),
    predict(
        "mask-meets-heads",
        lambda: "mask i goes to head i of every sequence",
        {
            "as it was meant": lambda: "mask i goes to sequence i",
            "a shape error": lambda: "an error, because the shapes differ",
        },
    ),
    predict(
        "without-w-output",
        lambda: "the first two",
        {"the whole width": lambda: "all eight", "none of its own": lambda: "none"},
    ),
    numeric(
        "output-of-two-heads",
        lambda b: 1 + 2 * b,
        {
            "head 0 alone": lambda b: 1,
            "head 1 alone": lambda b: 2 * b,
            "a row for a column": lambda b: 1 - b,
        },
        first={"b": 1},
        draw=among(b=(1, 2, 3, 4, 5)),
        worked=lambda b: {"second": 2 * b},
    ),
    numeric(
        "half-of-two",
        lambda variance: variance / 2,
        {"halved twice": lambda variance: variance / 4, "nothing brought": lambda variance: variance},
        first={"variance": 1},
        draw=among(variance=(1, 2, 3, 4, 6)),
    ),
    predict(
        "how-many-heads",
        lambda: "two and four heads solve it, one stays behind",
        {
            "width alone counts": lambda: "all three do equally well",
            "the more the better": lambda: "one is worst, four are clearly better than two",
        },
    ),
    predict(
        "sixteen-heads",
        lambda: "as many as before",
        {"twice the projections": lambda: "twice as many", "narrower heads": lambda: "half as many"},
    ),
    numeric(
        "bert-attention-parameters",
        lambda model, **_: mha_parameter_count(model.width, model.heads),
        {
            "without bias": lambda model, **_: mha_parameter_count(model.width, model.heads, bias=False),
            "times the heads": lambda model, **_: model.heads * mha_parameter_count(model.width, model.heads),
        },
        tolerance=1e-6,
        first={"model": BERT_BASE},
        draw=among(model=(BERT_BASE, BERT_LARGE, *GPT_2)),
        worked=lambda model: {
            "family": "BERT" if model.name.startswith("BERT") else "GPT-2",
            "matrices": 4 * model.width**2,
            "biases": 4 * model.width,
            "heads": spelled(model.heads),
        },
    ),
    numeric(
        "mha-share-of-gpt2",
        attention_share,
        {
            "percent without its sign": lambda model: 100 * attention_share(model),
            "one layer only": lambda model: attention_share(model) / model.layers,
        },
        first={"model": GPT_2_SMALL},
        draw=among(model=GPT_2),
        worked=lambda model: {
            "one": mha_parameter_count(model.width, model.heads),
            "all": model.layers * mha_parameter_count(model.width, model.heads),
            "embedding": {12: "nearly a third", 24: "a seventh", 36: "a twelfth", 48: "a twentieth"}[model.layers],
            "percent": 100 * attention_share(model),
            "layers": spelled(model.layers),
        },
    ),
    predict("favorite-keys", lambda: 2, {"each of them": lambda: 6, "only the largest": lambda: 1}),
    numeric(
        "more-heads",
        lambda model: model.width * model.heads * model.head_width,
        {
            "heads taken to share the model width": lambda model: model.width**2,
            "one head only": lambda model: model.width * model.head_width,
        },
        first={"model": T5_11B},
        draw=among(model=(T5_3B, T5_11B, GEMMA_7B, QWEN_3_SMALL, QWEN_3_4B, QWEN_3_32B)),
        worked=lambda model: {
            "all": model.heads * model.head_width,
            "times": times(model.heads * model.head_width / model.width),
            "narrow": model.width // model.heads,
        },
    ),
    predict(
        "either-head",
        lambda: "0 for both",
        {"shares of one": lambda: "one half each", "both are needed": lambda: "2 for both"},
    ),
    numeric(
        "largest-row-sum",
        lambda p: 1 / (1 - p),
        {"normalized again": lambda p: 1, "the share that stays": lambda p: 1 - p},
        first={"p": 0.2},
        draw=among(p=(0.1, 0.2, 0.3, 0.4, 0.5)),
        worked=lambda p: {"rest": 1 - p},
    ),
    predict(
        "torch-view",
        lambda: "an error",
        {
            "the same result": lambda: "the same as with flatten",
            "wrong numbers": lambda: "wrong numbers, without an error",
        },
    ),
]
