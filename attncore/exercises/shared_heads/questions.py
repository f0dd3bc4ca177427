"""The numbers and the predictions of this topic; the cards have words alone."""

import math

from attncore.exercises.configurations import (
    DEEPSEEK_V3,
    GROUPED,
    LATENT,
    LLAMA_2_70B,
    LLAMA_3_3B,
    LLAMA_3_8B,
    LLAMA_3_70B,
    LLAMA_3_405B,
    MISTRAL_7B,
    QWEN_3_4B,
    QWEN_3_8B,
    QWEN_3_32B,
)
from attncore.exercises.exercise import numeric, predict
from attncore.exercises.figures import among, apart, spelled
from attncore.shared_heads import kv_bytes_per_token


def grouped_bytes(model, groups):
    return kv_bytes_per_token("gqa", model.layers, model.heads, model.head_width, n_groups=groups)


def latent_bytes(model, rotated):
    return kv_bytes_per_token("mla", model.layers, model.heads, model.head_width, d_latent=model.latent, d_rope=rotated)


def narrower(model, heads):
    """The parameters of keys and values in all layers with so many heads."""
    return model.layers * 2 * model.width * heads * model.head_width


def unpacking_pays(latent, width, rotated, **_):
    return math.ceil(latent * 2 * width / unpacked_saves(latent, width, rotated))


def unpacked_saves(latent, width, rotated):
    return (latent + rotated + latent) - (width + rotated + width)


def keys_alone_pay(latent, width, rotated, **_):
    return math.ceil(latent * width / unpacked_saves(latent, width, rotated))


def unpacked_for_free(latent, width, rotated, **_):
    return math.ceil(latent * 2 * width / (latent + rotated + latent))


def mean_of_neighbors(heads):
    return (heads[2] + heads[3]) / 2


def mean_of_every_other(heads):
    return (heads[1] + heads[3]) / 2


def first_of_the_group(heads):
    return heads[2]


def unpacked_score(q, c):
    """With the up-projection ((1, 0), (0, 1), (1, 1))."""
    return q[0] * (c[0] + c[2]) + q[1] * (c[1] + c[2])


def short_score(q, c):
    return q[0] * c[0] + q[1] * c[1]


questions = [
    numeric(
        "llama-70b-tokens-in-20-gib",
        lambda model, room: room * 2**30 // grouped_bytes(model, model.kv_heads),
        {
            "every query head cached": lambda model, room: room * 2**30 // grouped_bytes(model, model.heads),
            "only the keys cached": lambda model, room: room * 2**31 // grouped_bytes(model, model.kv_heads),
        },
        first={"model": LLAMA_3_70B, "room": 20},
        draw=among(model=(*GROUPED, LLAMA_2_70B, LLAMA_3_3B), room=(4, 8, 10, 16, 20, 32, 40)),
        worked=lambda model, room: {
            "token": grouped_bytes(model, model.kv_heads),
            "multi": room * 2**30 // grouped_bytes(model, model.heads),
        },
    ),
    numeric(
        "llama-8b-key-value-parameters",
        lambda model: narrower(model, model.heads - model.kv_heads),
        {
            "one layer only": lambda model: narrower(model, model.heads - model.kv_heads) // model.layers,
            "only the keys": lambda model: narrower(model, model.heads - model.kv_heads) // 2,
            "what is left": lambda model: narrower(model, model.kv_heads),
        },
        first={"model": LLAMA_3_8B},
        draw=among(
            model=(LLAMA_2_70B, LLAMA_3_8B, LLAMA_3_70B, LLAMA_3_405B, MISTRAL_7B, QWEN_3_4B, QWEN_3_8B, QWEN_3_32B)
        ),
        worked=lambda model: {
            "now": model.kv_heads * model.head_width,
            "before": model.heads * model.head_width,
            "less": (model.heads - model.kv_heads) * model.head_width,
            "spent": " Its feed-forward layers were made wider to make up for it (Touvron et al., 2023b)."
            if model is LLAMA_2_70B
            else "",
        },
    ),
    numeric(
        "deepseek-v3-bytes-of-a-text",
        lambda model, tokens: tokens * latent_bytes(model, model.rotated),
        {
            "counted for keys and for values": lambda model, tokens: 2 * tokens * latent_bytes(model, model.rotated),
            "rotated key forgotten": lambda model, tokens: tokens * latent_bytes(model, 0),
            "a rotated key for every head": lambda model, tokens: (
                tokens * latent_bytes(model, model.heads * model.rotated)
            ),
            "one token only": lambda model, tokens: latent_bytes(model, model.rotated),
        },
        first={"model": DEEPSEEK_V3, "tokens": 100_000},
        draw=among(model=LATENT, tokens=(8192, 20_000, 32_768, 50_000, 100_000, 131_072)),
        worked=lambda model, tokens: {
            "token": latent_bytes(model, model.rotated),
            "size": f"{tokens * latent_bytes(model, model.rotated) / 2**30:.1f}",
        },
    ),
    numeric(
        "groups-worth-a-latent",
        lambda latent, rotated, width, **_: (latent + rotated) / (2 * width),
        {
            "keys without values": lambda latent, rotated, width, **_: (latent + rotated) / width,
            "latent without its rotated key": lambda latent, rotated, width, **_: latent / (2 * width),
        },
        first={"latent": 512, "rotated": 64, "width": 128, "whom": "128 different heads"},
        draw=among(
            lambda latent, rotated, width, whom: (
                (2 * (latent + rotated)) % width == 0 < (latent + rotated) % (2 * width)
            ),
            latent=(256, 384, 512, 768, 1024),
            rotated=(32, 64),
            width=(64, 128),
            whom=("any number of heads",),
        ),
        worked=lambda latent, rotated, width, **_: {
            "kept": latent + rotated,
            "group": 2 * width,
            "groups": spelled((latent + rotated) // (2 * width)),
            "and": {1: "a quarter", 2: "a half", 3: "three quarters"}[(latent + rotated) * 2 // width % 4],
        },
    ),
    numeric(
        "price-of-absorbing",
        unpacking_pays,
        {"only the keys unpacked": keys_alone_pay, "unpacked form taken for free": unpacked_for_free},
        tolerance=0,
        first={"latent": 512, "width": 128, "rotated": 64, "whose": "DeepSeek-V3"},
        draw=among(
            lambda latent, width, rotated, whose: latent * 2 * width % unpacked_saves(latent, width, rotated) > 0,
            latent=(256, 320, 384, 448, 512, 768, 1024),
            width=(64, 96, 128),
            rotated=(32, 64),
            whose=("A model with a latent",),
        ),
        worked=lambda latent, width, rotated, **_: {
            "unpacking": latent * 2 * width,
            "absorbed": 2 * latent + rotated,
            "unpacked": 2 * width + rotated,
            "saves": unpacked_saves(latent, width, rotated),
        },
    ),
    predict("which-key-head", lambda: 2, {"dealt out in turn": lambda: 1, "place within the group": lambda: 0}),
    predict(
        "grouped-shape",
        lambda: (2, 6, 3, 4),
        {"one output for each group": lambda: (2, 3, 3, 4), "width of the keys": lambda: (2, 6, 3, 8)},
    ),
    predict(
        "grouped-score-flops",
        lambda: "as many",
        {"a quarter": lambda: "a quarter as many", "a half": lambda: "half as many"},
    ),
    predict(
        "heads-of-one-group",
        lambda: "each of them may or may not",
        {
            "the same keys": lambda: "both do the same",
            "shared out": lambda: "both do something else",
        },
    ),
    numeric(
        "pooled-by-hand",
        mean_of_neighbors,
        {
            "every other head": mean_of_every_other,
            "one head kept": first_of_the_group,
            "the sum": lambda heads: heads[2] + heads[3],
        },
        first={"heads": (1, 3, 10, 30)},
        draw=among(
            apart(mean_of_neighbors, mean_of_every_other, first_of_the_group),
            heads=((1, 3, 10, 30), (2, 8, 6, 4), (5, 1, 12, 2), (4, 0, 9, 5), (7, 3, 2, 12)),
        ),
    ),
    numeric(
        "latent-score-by-hand",
        unpacked_score,
        {"the last number of the latent forgotten": short_score},
        first={"q": (1, 2), "c": (1, 0, 2)},
        draw=among(
            apart(unpacked_score, short_score),
            q=((1, 2), (2, 1), (3, 1), (1, 4)),
            c=((1, 0, 2), (2, 1, 1), (0, 1, 3), (1, 2, 2)),
        ),
        worked=lambda q, c: {"key": (c[0] + c[2], c[1] + c[2]), "moved": (q[0], q[1], q[0] + q[1])},
    ),
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
