"""A layer of a Llama: query heads that share keys, and in which order they do."""

import numpy as np

from attncore.dot_product import scaled_dot_product_attention
from attncore.exercises.exercise import case, code
from attncore.exercises.heads.cases import matrix
from attncore.heads import merge_heads, split_heads
from attncore.masks import causal_mask
from attncore.positions import apply_rotary
from attncore.shapes import shaped
from attncore.shared_heads import grouped_query_attention


def projected(x, W_query, W_key, W_value, n_heads, n_groups):
    positions = np.arange(len(x))
    query = apply_rotary(split_heads(x @ W_query, n_heads), positions)
    key = apply_rotary(split_heads(x @ W_key, n_groups), positions)
    return query, key, split_heads(x @ W_value, n_groups)


def attend_in_groups(query, key, value, mask):
    query = query.reshape(len(key), -1, *query.shape[1:])
    mixed = scaled_dot_product_attention(query, key[:, None], value[:, None], mask)
    return mixed.reshape(-1, *mixed.shape[2:])


@shaped("(n,m),(m,h*d),(m,g*d),(m,g*d),(h*d,m)->(n,m)")
def fix_grouped_layer(x, W_query, W_key, W_value, W_output, n_heads, n_groups):
    """Run one causal attention layer with rotary positions, whose query heads share n_groups key heads.

    Published weights are to fit: neighboring query heads share a key head, and its value head, as in
    Llama. No bias. Ainslie et al. (2023).
    """
    query, key, value = projected(x, W_query, W_key, W_value, n_heads, n_groups)
    mask = causal_mask(len(x))
    mixed = attend_in_groups(query, key, value, mask)
    return merge_heads(mixed) @ W_output


def layer_case(name, n, n_heads, n_groups, d=4, m=6, **more):
    small = n <= 3
    given = {
        "W_query": matrix(m, n_heads * d),
        "W_key": matrix(m, n_groups * d),
        "W_value": matrix(m, n_groups * d),
        "W_output": matrix(n_heads * d, m),
    }
    return case(name, small=small, sizes={"n": n, "m": m}, n_heads=n_heads, n_groups=n_groups, **given, **more)


exercise = code(
    fix_grouped_layer,
    layer_case("one key head", 3, 2, 1, d=2, m=3),
    layer_case("a key head for each query head", 3, 2, 2, d=2, m=3),
    layer_case("four heads, two groups", 3, 4, 2, d=2, m=2),
    layer_case("six heads, three groups", 5, 6, 3),
    layer_case("six heads, two groups", 5, 6, 2),
    layer_case("eight heads, two groups", 7, 8, 2, m=9),
    layer_case("float32", 6, 9, 3, dtype=np.float32),
    layer_case("large scores", 6, 4, 2, magnitude=8.0),
    bug="the key heads are dealt out in turn",
)


def attend_in_groups_(query, key, value, mask):
    query = query.reshape(-1, len(key), *query.shape[1:])
    mixed = scaled_dot_product_attention(query, key, value, mask)
    return mixed.reshape(-1, *mixed.shape[2:])


@exercise.mistake("the key heads are dealt out in turn")
def layer_of_a_model(x, W_query, W_key, W_value, W_output, n_heads, n_groups):
    query, key, value = projected(x, W_query, W_key, W_value, n_heads, n_groups)
    mask = causal_mask(len(x))
    mixed = attend_in_groups_(query, key, value, mask)
    return merge_heads(mixed) @ W_output


def with_heads_of(x, W_query, W_key, W_value, W_output, n_heads, n_groups, of_keys, of_values=None):
    """With the key head, and the value head, that each query head uses."""
    query, key, value = projected(x, W_query, W_key, W_value, n_heads, n_groups)
    of_values = of_keys if of_values is None else of_values
    mixed = scaled_dot_product_attention(query, key[of_keys], value[of_values], causal_mask(len(x)))
    return merge_heads(mixed) @ W_output


def blocks(n_heads, n_groups):
    return np.arange(n_heads) // (n_heads // n_groups)


def turns(n_heads, n_groups):
    return np.arange(n_heads) % n_groups


@exercise.mistake("the keys are shared by neighbors, the values dealt out in turn")
def values_in_turn(*given):
    return with_heads_of(*given, blocks(*given[-2:]), turns(*given[-2:]))


@exercise.mistake("the values are shared by neighbors, the keys dealt out in turn")
def keys_in_turn(*given):
    return with_heads_of(*given, turns(*given[-2:]), blocks(*given[-2:]))


@exercise.mistake("shared by neighbors, but the results come back in turn")
def results_in_turn(x, W_query, W_key, W_value, W_output, n_heads, n_groups):
    query, key, value = projected(x, W_query, W_key, W_value, n_heads, n_groups)
    query = query.reshape(n_groups, -1, *query.shape[1:])
    mixed = scaled_dot_product_attention(query, key[:, None], value[:, None], causal_mask(len(x)))
    return merge_heads(mixed.swapaxes(0, 1).reshape(n_heads, *mixed.shape[2:])) @ W_output


@exercise.mistake("the first key head for everyone")
def first_for_everyone(*given):
    return with_heads_of(*given, np.zeros(given[-2], dtype=int))


@exercise.another_way
def keys_repeated(x, W_query, W_key, W_value, W_output, n_heads, n_groups):
    query, key, value = projected(x, W_query, W_key, W_value, n_heads, n_groups)
    key, value = (np.repeat(heads, n_heads // n_groups, axis=0) for heads in (key, value))
    return merge_heads(scaled_dot_product_attention(query, key, value, causal_mask(len(x)))) @ W_output


@exercise.another_way
def by_the_course(x, W_query, W_key, W_value, W_output, n_heads, n_groups):
    heads = projected(x, W_query, W_key, W_value, n_heads, n_groups)
    return merge_heads(grouped_query_attention(*heads, causal_mask(len(x)))) @ W_output
