"""Query heads that share a key head."""

import math

import numpy as np

from attncore.dot_product import scaled_dot_product_attention
from attncore.exercises.exercise import case, code
from attncore.exercises.shared_heads.cases import an_empty_row, as_floats, at_random, causal
from attncore.shared_heads import grouped_query_attention
from attncore.softmax import masked_softmax


def grouped_case(name, heads=6, groups=3, small=False, **more):
    """A case of grouped attention; small ones have one query of width two."""
    sizes = {"h": heads, "g": groups} | ({"q": 1, "k": 3, "d": 2, "v": 1} if small else {}) | more.pop("sizes", {})
    return case(name, small=small, sizes=sizes, **more)


exercise = code(
    grouped_query_attention,
    grouped_case("four heads, two groups", 4, 2, small=True),
    grouped_case("six heads, three groups, small", small=True),
    grouped_case("six heads, three groups"),
    grouped_case("six heads, two groups", 6, 2),
    grouped_case("as many groups as heads", 3, 3),
    grouped_case("one group", 6, 1),
    grouped_case("eight heads, two groups", 8, 2),
    grouped_case("a batch of two", 4, 2, small=True, lead=(2,)),
    grouped_case("a batch of one", 4, 2, small=True, lead=(1,)),
    grouped_case("two leading axes", lead=(2, 4)),
    grouped_case("float32", dtype=np.float32),
    grouped_case("a scale that is given", 4, 2, small=True, scale=1.5),
    grouped_case("a scale, on a batch", lead=(2,), scale=0.1),
    grouped_case("a scale of zero", small=True, scale=0.0),
    grouped_case("a causal mask, small", 4, 2, small=True, sizes={"q": 2}, mask=causal),
    grouped_case("a causal mask", mask=causal),
    grouped_case("a mask on a batch", lead=(2,), mask=at_random("q", "k")),
    grouped_case("a float mask", mask=as_floats(causal)),
    grouped_case("a mask for all heads", mask=at_random(1, "q", "k")),
    grouped_case("a mask for each head", mask=at_random("h", "q", "k")),
    grouped_case("a float mask for each head", mask=lambda rng, s: rng.standard_normal((s.h, s.q, s.k))),
    grouped_case("a mask for each head, as many texts as heads", lead=(6,), mask=at_random("h", "q", "k")),
    grouped_case("a mask for each head, a large group", 8, 2, mask=at_random("h", "q", "k")),
    grouped_case("a mask for each text", lead=(2,), mask=at_random(2, 1, "q", "k")),
    grouped_case("a mask for each text and head", lead=(2,), mask=at_random(2, "h", "q", "k")),
    grouped_case("a query with nothing allowed", mask=an_empty_row),
    grouped_case("scores in the thousands", magnitude=60.0),
)


def shared(query, key, value, share_key, share_value, mask, scale):
    """Attention with the key and value heads that the two orders name."""
    return scaled_dot_product_attention(query, key[..., share_key, :, :], value[..., share_value, :, :], mask, scale)


def orders(query, key):
    """Which key head each query head uses: the neighbours' way, and dealt out in turn."""
    heads, groups = query.shape[-3], key.shape[-3]
    return np.arange(heads) // (heads // groups), np.arange(heads) % groups


@exercise.mistake("scaled by the width of the values")
def scaled_by_the_width_of_the_values(query, key, value, mask=None, scale=None):
    return grouped_query_attention(query, key, value, mask, value.shape[-1] ** -0.5 if scale is None else scale)


@exercise.mistake("scale of zero taken for none")
def scale_of_zero_taken_for_none(query, key, value, mask=None, scale=None):
    return grouped_query_attention(query, key, value, mask, scale or None)


@exercise.mistake("key heads dealt out in turn")
def key_heads_dealt_out_in_turn(query, key, value, mask=None, scale=None):
    share = query.shape[-3] // key.shape[-3]
    key = np.concatenate([key] * share, axis=-3)
    value = np.concatenate([value] * share, axis=-3)
    return scaled_dot_product_attention(query, key, value, mask, scale)


@exercise.mistake("keys repeated but values tiled")
def keys_repeated_but_values_tiled(query, key, value, mask=None, scale=None):
    neighbours, in_turn = orders(query, key)
    return shared(query, key, value, neighbours, in_turn, mask, scale)


@exercise.mistake("values repeated but keys tiled")
def values_repeated_but_keys_tiled(query, key, value, mask=None, scale=None):
    neighbours, in_turn = orders(query, key)
    return shared(query, key, value, in_turn, neighbours, mask, scale)


@exercise.mistake("head divided by the number of groups")
def head_divided_by_the_number_of_groups(query, key, value, mask=None, scale=None):
    order = np.minimum(np.arange(query.shape[-3]) // key.shape[-3], key.shape[-3] - 1)
    return shared(query, key, value, order, order, mask, scale)


@exercise.mistake("first key head for everyone")
def first_key_head_for_everyone(query, key, value, mask=None, scale=None):
    return scaled_dot_product_attention(query, key[..., :1, :, :], value[..., :1, :, :], mask, scale)


@exercise.mistake("key and value heads averaged")
def key_and_value_heads_averaged(query, key, value, mask=None, scale=None):
    key, value = (x.mean(axis=-3, keepdims=True) for x in (key, value))
    return scaled_dot_product_attention(query, key, value, mask, scale)


@exercise.mistake("tokens repeated instead of heads")
def tokens_repeated_instead_of_heads(query, key, value, mask=None, scale=None):
    *leading, heads, _, _ = query.shape
    key, value = (
        np.repeat(x, heads // x.shape[-3], axis=-2).reshape(*leading, heads, *x.shape[-2:]) for x in (key, value)
    )
    return scaled_dot_product_attention(query, key, value, mask, scale)


@exercise.mistake("queries of a group averaged")
def queries_of_a_group_averaged(query, key, value, mask=None, scale=None):
    *leading, heads, n, d = query.shape
    groups = key.shape[-3]
    mean = query.reshape(*leading, groups, heads // groups, n, d).mean(axis=-3)
    return grouped_query_attention(np.repeat(mean, heads // groups, axis=-3), key, value, mask, scale)


@exercise.mistake("one output for each group")
def one_output_for_each_group(query, key, value, mask=None, scale=None):
    out = grouped_query_attention(query, key, value, mask, scale)
    *leading, heads, n, v = out.shape
    groups = key.shape[-3]
    return out.reshape(*leading, groups, heads // groups, n, v).mean(axis=-3)


@exercise.mistake("mask of the first head for its whole group")
def mask_of_the_first_head_for_its_whole_group(query, key, value, mask=None, scale=None):
    share = query.shape[-3] // key.shape[-3]
    if mask is not None and mask.ndim > 2 and mask.shape[-3] > 1:
        mask = np.repeat(mask[..., ::share, :, :], share, axis=-3)
    return grouped_query_attention(query, key, value, mask, scale)


@exercise.mistake("mask dropped")
def mask_dropped(query, key, value, mask=None, scale=None):
    return grouped_query_attention(query, key, value, None, scale)


@exercise.mistake("mask upside down")
def mask_upside_down(query, key, value, mask=None, scale=None):
    if mask is not None:
        mask = ~mask if mask.dtype == bool else -mask
    return grouped_query_attention(query, key, value, mask, scale)


@exercise.mistake("scale argument ignored")
def scale_argument_ignored(query, key, value, mask=None, scale=None):
    return grouped_query_attention(query, key, value, mask)


@exercise.mistake("not scaled")
def not_scaled(query, key, value, mask=None, scale=None):
    return grouped_query_attention(query, key, value, mask, 1.0 if scale is None else scale)


@exercise.mistake("scaled by the width of the whole group")
def scaled_by_the_width_of_the_whole_group(query, key, value, mask=None, scale=None):
    width = query.shape[-1] * (query.shape[-3] // key.shape[-3])
    return grouped_query_attention(query, key, value, mask, 1 / math.sqrt(width) if scale is None else scale)


@exercise.another_way
def with_repeat(query, key, value, mask=None, scale=None):
    share = query.shape[-3] // key.shape[-3]
    key, value = (np.repeat(x, share, axis=-3) for x in (key, value))
    return scaled_dot_product_attention(query, key, value, mask, scale)


@exercise.another_way
def with_einsum(query, key, value, mask=None, scale=None):
    *leading, heads, n, d = query.shape
    groups, n_key = key.shape[-3:-1]
    grouped = query.reshape(*leading, groups, heads // groups, n, d)
    scores = np.einsum("...gsqd,...gkd->...gsqk", grouped, key) * (d**-0.5 if scale is None else scale)
    weights = masked_softmax(scores.reshape(*leading, heads, n, n_key), mask)
    weights = weights.reshape(*leading, groups, heads // groups, n, n_key)
    return np.einsum("...gsqk,...gkv->...gsqv", weights, value).reshape(*leading, heads, n, -1)


@exercise.another_way
def head_after_head(query, key, value, mask=None, scale=None):
    *leading, heads, n, _ = query.shape
    share = heads // key.shape[-3]
    masks = np.broadcast_to(True if mask is None else mask, (*leading, heads, n, key.shape[-2]))
    out = []
    for head in range(heads):
        mine, theirs = (..., head, slice(None), slice(None)), (..., head // share, slice(None), slice(None))
        out.append(scaled_dot_product_attention(query[mine], key[theirs], value[theirs], masks[mine], scale))
    return np.stack(out, axis=-3)


@exercise.another_way
def the_group_as_more_queries(query, key, value, mask=None, scale=None):
    *leading, heads, n, d = query.shape
    groups, n_key = key.shape[-3:-1]
    long = query.reshape(*leading, groups, heads // groups * n, d)
    masks = np.broadcast_to(True if mask is None else mask, (*leading, heads, n, n_key))
    masks = masks.reshape(*leading, groups, heads // groups * n, n_key)
    return scaled_dot_product_attention(long, key, value, masks, scale).reshape(*leading, heads, n, -1)
