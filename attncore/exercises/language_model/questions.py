"""The numbers and the predictions of this topic; the cards have words alone."""

import math

from attncore.cache import kv_cache_bytes
from attncore.exercises.configurations import (
    LLAMA_3_1B,
    LLAMA_3_8B,
    MISTRAL_7B,
    QWEN_3_8B,
    QWEN_3_SMALL,
    SMOLLM2_135M,
    SMOLLM2_360M,
)
from attncore.exercises.exercise import numeric, predict
from attncore.exercises.figures import among, apart, binary

WORDS = {SMOLLM2_135M: 49_152, SMOLLM2_360M: 49_152, LLAMA_3_1B: 128_256, QWEN_3_SMALL: 151_936}
MODELS = (SMOLLM2_135M, SMOLLM2_360M, LLAMA_3_1B, LLAMA_3_8B, MISTRAL_7B, QWEN_3_8B)


def projections(model):
    return model.layers * 2 * model.width * model.head_width * (model.heads + model.kv_heads)


def embedding(model):
    return WORDS[model] * model.width


def cache_of(model, bytes_each):
    return kv_cache_bytes(model.layers, model.kv_heads, model.head_width, 1, bytes_per_value=bytes_each)


def tokens_a_second(model, bandwidth, bits):
    return bandwidth * 1e9 / (model.parameters * bits / 8)


def weights_for_bytes(model, bandwidth, bits):
    return bandwidth * 1e9 / model.parameters


def arithmetic_too(model, bandwidth, bits):
    return bandwidth * 1e9 / (2 * model.parameters * bits / 8)


def stored_in_16(model, bandwidth, bits):
    return bandwidth * 1e9 / (2 * model.parameters)


def bits_a_weight(block, code, kept):
    return code + 16 * kept / block


def bits_a_byte(loss, tokens, size):
    return loss * tokens / size / math.log(2)


questions = [
    numeric(
        "weights-of-attention",
        projections,
        {
            "every query head with keys of its own": lambda model: (
                model.layers * 4 * model.width * model.heads * model.head_width
            ),
            "one layer only": lambda model: projections(model) // model.layers,
            "the output projection forgotten": lambda model: (
                model.layers * model.width * model.head_width * (model.heads + 2 * model.kv_heads)
            ),
        },
        first={"model": SMOLLM2_135M},
        draw=among(model=MODELS),
        worked=lambda model: {"share": projections(model) / model.parameters},
    ),
    numeric(
        "share-of-the-embedding",
        lambda model: embedding(model) / model.parameters,
        {
            "stored twice": lambda model: 2 * embedding(model) / (model.parameters + embedding(model)),
            "beside the rest, not of the whole": lambda model: embedding(model) / (model.parameters - embedding(model)),
        },
        first={"model": SMOLLM2_135M},
        draw=among(model=tuple(WORDS)),
        worked=lambda model: {
            "words": WORDS[model],
            "table": embedding(model),
            "untied": 2 * embedding(model) / (model.parameters + embedding(model)),
        },
    ),
    numeric(
        "cache-of-a-small-model",
        cache_of,
        {
            "keys without values": lambda model, bytes_each: cache_of(model, bytes_each) // 2,
            "all query heads counted": lambda model, bytes_each: model.group * cache_of(model, bytes_each),
            "one layer only": lambda model, bytes_each: cache_of(model, bytes_each) // model.layers,
        },
        first={"model": SMOLLM2_135M, "bytes_each": 4},
        draw=among(
            lambda model, bytes_each: model.group != 2,
            model=MODELS,
            bytes_each=(1, 2, 4),
        ),
        worked=lambda model, bytes_each: {
            "size": binary(cache_of(model, bytes_each)),
            "page": binary(1000 * cache_of(model, bytes_each)),
        },
    ),
    numeric(
        "tokens-the-memory-allows",
        tokens_a_second,
        {
            "weights taken for bytes": weights_for_bytes,
            "two operations taken for two reads": arithmetic_too,
            "two bytes a weight": stored_in_16,
        },
        first={"model": SMOLLM2_135M, "bandwidth": 20, "bits": 32},
        draw=among(
            apart(tokens_a_second, weights_for_bytes, arithmetic_too, stored_in_16),
            model=(SMOLLM2_135M, SMOLLM2_360M, LLAMA_3_1B, QWEN_3_SMALL),
            bandwidth=(12, 20, 40, 68, 100, 273),
            bits=(32, 5, 9, 4.5),
        ),
        worked=lambda model, bandwidth, bits: {
            "read": model.parameters * bits / 8e9,
            "milliseconds": model.parameters * bits / 8e6 / bandwidth,
        },
    ),
    numeric(
        "bits-of-a-packed-weight",
        bits_a_weight,
        {
            "the codes alone": lambda block, code, kept: code,
            "one byte for each number that is kept": lambda block, code, kept: code + 8 * kept / block,
            "all of them for every weight": lambda block, code, kept: code + 16 * kept,
        },
        first={"block": 32, "code": 4, "kept": 2},
        draw=among(
            apart(bits_a_weight, lambda block, code, kept: code, lambda block, code, kept: code + 8 * kept / block),
            block=(16, 32, 64, 128),
            code=(2, 3, 4, 5, 8),
            kept=(1, 2),
        ),
        worked=lambda block, code, kept: {
            "numbers": "a scale" if kept == 1 else "a scale and a smallest value",
            "packed": block * bits_a_weight(block, code, kept) / 8,
            "times": 32 / bits_a_weight(block, code, kept),
        },
    ),
    numeric(
        "bits-of-a-loss",
        bits_a_byte,
        {
            "nats for each byte": lambda loss, tokens, size: loss * tokens / size,
            "bits for each token": lambda loss, tokens, size: loss / math.log(2),
            "multiplied by ln 2": lambda loss, tokens, size: loss * tokens / size * math.log(2),
        },
        first={"loss": 3.17, "tokens": 430, "size": 1600},
        draw=among(
            loss=(2.1, 2.75, 3.17, 3.6),
            tokens=(210, 430, 980),
            size=(1600, 2400, 4100),
        ),
        worked=lambda loss, tokens, size: {"nats": loss * tokens, "each": size / tokens},
    ),
    predict(
        "halves-in-a-model",
        lambda: "the right city, and soon it goes round in circles",
        {
            "shapes that don't fit": lambda: "an error",
            "noise from the start": lambda: "gibberish from the first word on",
            "nothing to be seen": lambda: "fluent English all along",
        },
    ),
    predict(
        "pieces-of-a-year",
        lambda: "four, one for each digit",
        {
            "a word like others": lambda: "one, a number is a word",
            "pairs are merged": lambda: "two, as twenty and twenty-six",
        },
    ),
    predict(
        "everything-one-further",
        lambda: "nothing at all",
        {
            "off by one is always seen": lambda: "the text goes wrong at once",
            "only decoding goes wrong": lambda: "decoding goes wrong, a text read at once doesn't",
        },
    ),
    predict(
        "loss-with-a-leak",
        lambda: "it falls",
        {
            "a bug makes it worse": lambda: "it rises",
            "one key in many": lambda: "it stays where it is",
        },
    ),
    predict(
        "the-quiet-one",
        lambda: "layer norm in place of RMS norm",
        {
            "nearly the same curve": lambda: "GELU in place of SiLU",
            "a constant factor": lambda: "no division by the root of d",
        },
    ),
    predict(
        "test-for-a-late-bug",
        lambda: "reading a text whole and in chunks, and comparing the logits",
        {
            "whole passes only": lambda: "the loss of a large corpus, read in whole passes",
            "the first token only": lambda: "the first new token of a thousand prompts",
        },
    ),
    predict(
        "one-head-less",
        lambda: "by more than half of what the repetition had saved",
        {
            "one of 270": lambda: "hardly at all, it's one head of 270",
            "another does its work": lambda: "a little, until other heads take over its work",
        },
    ),
    predict(
        "how-it-says-mary",
        lambda: "it pushes John down",
        {
            "it points at Mary": lambda: "it pushes Mary up",
            "both go up": lambda: "it pushes both names up, Mary more",
        },
    ),
    predict(
        "half-a-window",
        lambda: "the newest 31 and the very first one",
        {
            "more context is better": lambda: "the newest 64",
            "they are alike": lambda: "both about the same",
        },
    ),
]
