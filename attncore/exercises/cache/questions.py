"""The numbers and the predictions of this topic; the cards have words alone."""

from attncore.cache import kv_cache_bytes
from attncore.exercises.configurations import (
    A100,
    CARDS,
    LLAMA_2_7B,
    LLAMA_2_13B,
    LLAMA_3_8B,
    MISTRAL_7B,
    MULTI_HEAD,
    PHI_3_MINI,
    QWEN_3_8B,
)
from attncore.exercises.exercise import numeric, predict
from attncore.exercises.figures import among, apart, binary, numbered, times


def cache_of(model, tokens):
    return kv_cache_bytes(model.layers, model.kv_heads, model.head_width, tokens)


def texts(card, model, tokens):
    return (card.bytes - model.weight_bytes) // cache_of(model, tokens)


def without_weights(card, model, tokens):
    return card.bytes // cache_of(model, tokens)


def of_light_weights(card, model, tokens):
    return (card.bytes - model.parameters) // cache_of(model, tokens)


def rounded_up(card, model, tokens):
    return -((model.weight_bytes - card.bytes) // cache_of(model, tokens))


def of_binary_bytes(card, model, tokens):
    return (card.memory * 2**30 - model.weight_bytes) // cache_of(model, tokens)


def texts_worked(card, model, tokens):
    left, each = card.bytes - model.weight_bytes, cache_of(model, tokens)
    over = left / each % 1
    return {
        "weights": model.weight_bytes / 1e9,
        "left": left / 1e9,
        "token": cache_of(model, 1),
        "each": binary(each),
        "in_gb": each / 1e9,
        "most": "most" if over > 0.6 else "about half" if over > 0.4 else "a part",
        "next": numbered(left // each + 1),
    }


def product_flops(a, b, c):
    return 2 * a * b * c


questions = [
    predict(
        "what-is-new",
        lambda: "the row of the sixth token, in every layer",
        {
            "the first layer alone": lambda: "all six rows, from the second layer on",
            "nothing is kept": lambda: "all six rows, in every layer",
        },
    ),
    predict(
        "what-to-keep",
        lambda: "keys and values",
        {
            "the query as well": lambda: "queries, keys and values",
            "the weights": lambda: "the attention weights",
            "the outputs": lambda: "the outputs",
        },
    ),
    numeric(
        "rows-without-a-cache",
        lambda prompt, new: new * prompt + new * (new - 1) // 2,
        {
            "with the cache": lambda prompt, new: prompt + new - 1,
            "the finished length at every step": lambda prompt, new: new * (prompt + new),
            "one step too many": lambda prompt, new: (new + 1) * prompt + new * (new + 1) // 2,
        },
        first={"prompt": 10, "new": 40},
        draw=among(prompt=(10, 20, 30, 100), new=(10, 20, 40, 50)),
    ),
    numeric(
        "product-flops",
        product_flops,
        {
            "multiplications only": lambda a, b, c: a * b * c,
            "entries of the result": lambda a, b, c: a * c,
            "one addition less for each entry": lambda a, b, c: a * c * (2 * b - 1),
        },
        first={"a": 2, "b": 3, "c": 4},
        draw=among(a=(2, 3, 5, 6), b=(3, 4, 7, 10), c=(2, 4, 8, 20)),
    ),
    numeric(
        "where-the-square-wins",
        lambda width: 2 * width,
        {
            "powers compared without their factors": lambda width: width,
            "scores without the sum": lambda width: 4 * width,
        },
        first={"width": 4096},
        draw=among(width=(768, 1024, 1600, 2048, 3072, 5120, 8192, 12_288)),
    ),
    numeric(
        "kv-bytes",
        lambda model: cache_of(model, 1),
        {
            "eight key heads as in Llama 3": lambda model: kv_cache_bytes(model.layers, 8, model.head_width, 1),
            "keys without values": lambda model: cache_of(model, 1) // 2,
            "one layer only": lambda model: cache_of(model, 1) // model.layers,
        },
        first={"model": LLAMA_2_7B},
        draw=among(model=MULTI_HEAD),
        worked=lambda model: {
            "size": binary(cache_of(model, 1)),
            "times": times(cache_of(model, 1) / cache_of(LLAMA_3_8B, 1)),
        },
    ),
    numeric(
        "texts-on-a-card",
        texts,
        {
            "weights forgotten": without_weights,
            "one byte a weight": of_light_weights,
            "rounded up": rounded_up,
            "GiB taken for GB": of_binary_bytes,
        },
        tolerance=0,
        first={"card": A100, "model": LLAMA_2_7B, "tokens": 4096},
        draw=among(
            lambda **given: (
                texts(**given) > 0
                and apart(texts, without_weights, of_light_weights, rounded_up, of_binary_bytes, by=0)(**given)
            ),
            card=CARDS,
            model=(LLAMA_2_7B, LLAMA_2_13B, PHI_3_MINI, LLAMA_3_8B, MISTRAL_7B, QWEN_3_8B),
            tokens=(1024, 2048, 4096, 8192),
        ),
        worked=texts_worked,
    ),
    numeric(
        "tokens-a-second",
        lambda card, billions: card.bandwidth * 1e12 / (billions * 1e9),
        {
            "two bytes a weight": lambda card, billions: card.bandwidth * 1e12 / (2 * billions * 1e9),
            "arithmetic taken for the limit": lambda card, billions: card.tflops * 1e12 / (2 * billions * 1e9),
        },
        first={"card": A100, "billions": 7.5},
        draw=among(lambda card, billions: billions < card.memory, card=CARDS, billions=(1.5, 3, 7.5, 8, 13, 32, 70)),
        worked=lambda card, billions: {
            "seconds": billions / card.bandwidth / 1e3,
            "reading": billions / card.bandwidth,
            "computing": 2 * billions / card.tflops,
        },
    ),
    numeric(
        "tokens-to-the-ridge",
        lambda card: card.tflops / card.bandwidth,
        {
            "additions forgotten": lambda card: 2 * card.tflops / card.bandwidth,
            "one byte a weight": lambda card: card.tflops / card.bandwidth / 2,
        },
        first={"card": A100},
        draw=among(card=CARDS),
    ),
    predict(
        "twice-the-text",
        lambda: "more than twice, less than four times",
        {
            "only the projections counted": lambda: "exactly twice",
            "only the square counted": lambda: "exactly four times",
        },
    ),
    predict(
        "what-stays-without-a-mask",
        lambda: "those of the first layer",
        {"the causal case": lambda: "those of all layers", "first layer overlooked": lambda: "none"},
    ),
    predict(
        "decode-scores-shape",
        lambda: (2, 3, 1, 8),
        {
            "new token forgotten": lambda: (2, 3, 1, 7),
            "all queries again": lambda: (2, 3, 8, 8),
            "no heads": lambda: (2, 1, 8),
        },
    ),
]
