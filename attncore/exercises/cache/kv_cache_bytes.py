"""The bytes of a cache."""

import math

from attncore.cache import kv_cache_bytes
from attncore.exercises.drivers import bytes_counted
from attncore.exercises.exercise import case, code

exercise = code(
    kv_cache_bytes,
    case("a tiny model", layers=2, kv_heads=3, d_head=4, tokens=5),
    case("a tiny model, a batch of six", layers=2, kv_heads=3, d_head=4, tokens=5, batch=6),
    case("one token of Llama 3 8B", layers=32, kv_heads=8, d_head=128, tokens=1),
    case("GPT-2 small in float32", layers=12, kv_heads=12, d_head=64, tokens=1024, bytes_per_value=4),
    case("a batch in eight bits", layers=80, kv_heads=8, d_head=128, tokens=8192, batch=3, bytes_per_value=1),
    case(
        "the count as the length of a range",
        layers=1,
        kv_heads=2,
        d_head=4,
        tokens=1,
        places=lambda rng, s: range,
        promise="The result is an integer.",
    ),
    drive=bytes_counted,
)


@exercise.mistake("only the keys are counted")
def only_the_keys_are_counted(layers, kv_heads, d_head, tokens, batch=1, bytes_per_value=2):
    return layers * batch * kv_heads * tokens * d_head * bytes_per_value


@exercise.mistake("queries are counted too")
def queries_are_counted_too(layers, kv_heads, d_head, tokens, batch=1, bytes_per_value=2):
    return 3 * layers * batch * kv_heads * tokens * d_head * bytes_per_value


@exercise.mistake("the batch is forgotten")
def the_batch_is_forgotten(layers, kv_heads, d_head, tokens, batch=1, bytes_per_value=2):
    return 2 * layers * kv_heads * tokens * d_head * bytes_per_value


@exercise.mistake("one layer only")
def one_layer_only(layers, kv_heads, d_head, tokens, batch=1, bytes_per_value=2):
    return 2 * batch * kv_heads * tokens * d_head * bytes_per_value


@exercise.mistake("one head only")
def one_head_only(layers, kv_heads, d_head, tokens, batch=1, bytes_per_value=2):
    return 2 * layers * batch * tokens * d_head * bytes_per_value


@exercise.mistake("numbers counted instead of bytes")
def numbers_counted_instead_of_bytes(layers, kv_heads, d_head, tokens, batch=1, bytes_per_value=2):
    return 2 * layers * batch * kv_heads * tokens * d_head


@exercise.mistake("always two bytes")
def always_two_bytes(layers, kv_heads, d_head, tokens, batch=1, bytes_per_value=2):
    return 2 * layers * batch * kv_heads * tokens * d_head * 2


@exercise.mistake("bits instead of bytes")
def bits_instead_of_bytes(layers, kv_heads, d_head, tokens, batch=1, bytes_per_value=2):
    return 2 * layers * batch * kv_heads * tokens * d_head * bytes_per_value * 8


@exercise.mistake("a float instead of an integer")
def a_float_instead_of_an_integer(layers, kv_heads, d_head, tokens, batch=1, bytes_per_value=2):
    return float(kv_cache_bytes(layers, kv_heads, d_head, tokens, batch, bytes_per_value))


@exercise.mistake("scores are counted instead of keys and values")
def scores_are_counted_instead_of_keys_and_values(layers, kv_heads, d_head, tokens, batch=1, bytes_per_value=2):
    return layers * batch * kv_heads * tokens**2 * bytes_per_value


@exercise.another_way
def from_a_token_to_the_whole(layers, kv_heads, d_head, tokens, batch=1, bytes_per_value=2):
    key = kv_heads * d_head * bytes_per_value
    token = layers * (key + key)
    return batch * tokens * token


@exercise.another_way
def shape_by_shape(layers, kv_heads, d_head, tokens, batch=1, bytes_per_value=2):
    shape = (batch, kv_heads, tokens, d_head)
    return sum(math.prod(shape) * bytes_per_value for _layer in range(layers) for _kind in ("key", "value"))
