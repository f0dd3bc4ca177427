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
    LLAMA_3_405B,
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
    numeric(
        "head-width",
        lambda model: model.width // model.heads,
        {"the model width": lambda model: model.width},
        first={"model": GPT_3},
        draw=among(model=(GPT_3, GPT_2_LARGE, BERT_LARGE, PHI_3_MINI, LLAMA_2_70B, LLAMA_3_405B)),
        worked=lambda model: {"root": math.sqrt(model.head_width)},
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
    predict("split-shape", lambda: (2, 4, 5, 3), {"tokens before heads": lambda: (2, 5, 4, 3)}),
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
]
