"""Query heads that share a key head."""

import math

import numpy as np

from attncore.dot_product import attention_scores, scaled_dot_product_attention
from attncore.exercises.dot_product.cases import WRONG_WEIGHTS
from attncore.exercises.exercise import case, code
from attncore.exercises.shared_heads.cases import an_empty_float_row, an_empty_row, as_floats, at_random, causal
from attncore.exercises.softmax.cases import (
    EMPTY_ROW,
    GIVEN_SCALE,
    GUARDS,
    UPSIDE_DOWN,
    a_few_keys,
    far_number_added,
    hide,
    masked_late,
    zeroed_then_renormalized,
)
from attncore.masks import causal_mask
from attncore.shared_heads import grouped_query_attention
from attncore.softmax import masked_softmax, softmax


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
    grouped_case("a causal mask, small", 4, 2, small=True, sizes={"q": 2}, mask=causal),
    grouped_case("a causal mask", mask=causal),
    grouped_case("a mask on a batch", lead=(2,), mask=at_random("q", "k")),
    grouped_case("a float mask", mask=as_floats(causal)),
    grouped_case("a mask for all heads", mask=at_random(1, "q", "k")),
    grouped_case("a mask for each head", mask=at_random("h", "q", "k")),
    grouped_case("a float mask for each head", mask=lambda rng, s: rng.standard_normal((s.h, s.q, s.k))),
    grouped_case("a mask for each head, as many sequences as heads", lead=(6,), mask=at_random("h", "q", "k")),
    grouped_case("a mask for each head, a large group", 8, 2, mask=at_random("h", "q", "k")),
    grouped_case("a mask for each sequence", lead=(2,), mask=at_random(2, 1, "q", "k")),
    grouped_case("a mask for each sequence and head", lead=(2,), mask=at_random(2, "h", "q", "k")),
    grouped_case("scores in the thousands", magnitude=60.0),
    grouped_case("hidden scores far above the allowed ones", 4, 2, small=True, mask=a_few_keys(1), magnitude=300.0),
    grouped_case("hidden scores far above, in a batch", lead=(2,), mask=a_few_keys(2), magnitude=300.0),
    grouped_case("a query with nothing allowed", mask=an_empty_row, promise=EMPTY_ROW),
    grouped_case("a query with nothing allowed, in a batch", lead=(2,), mask=an_empty_row, promise=EMPTY_ROW),
    grouped_case("a query with nothing allowed, by a float mask", mask=an_empty_float_row, promise=EMPTY_ROW),
    grouped_case("a scale that is given", 4, 2, small=True, scale=1.5, promise=GIVEN_SCALE),
    grouped_case("a scale, on a batch", lead=(2,), scale=0.1, promise=GIVEN_SCALE),
    grouped_case("a scale of zero", small=True, scale=0.0, promise=GIVEN_SCALE),
    grouped_case(
        "four heads, three groups",
        4,
        3,
        small=True,
        promise="Raises ValueError where the groups do not divide the heads.",
    ),
)


def shared(query, key, value, share_key, share_value, mask, scale):
    """Attention with the key and value heads that the two orders name."""
    return scaled_dot_product_attention(query, key[..., share_key, :, :], value[..., share_value, :, :], mask, scale)


def orders(query, key):
    """Which key head each query head uses: the neighbors' way, and dealt out in turn."""
    heads, groups = query.shape[-3], key.shape[-3]
    return np.arange(heads) // (heads // groups), np.arange(heads) % groups


@exercise.mistake("divided by the square root of the value width")
def divided_by_the_square_root_of_the_value_width(query, key, value, mask=None, scale=None):
    return grouped_query_attention(query, key, value, mask, value.shape[-1] ** -0.5 if scale is None else scale)


@exercise.mistake("a scale of zero is taken for none")
def a_scale_of_zero_is_taken_for_none(query, key, value, mask=None, scale=None):
    return grouped_query_attention(query, key, value, mask, scale or None)


@exercise.mistake("the key heads are dealt out in turn")
def the_key_heads_are_dealt_out_in_turn(query, key, value, mask=None, scale=None):
    share = query.shape[-3] // key.shape[-3]
    key = np.concatenate([key] * share, axis=-3)
    value = np.concatenate([value] * share, axis=-3)
    return scaled_dot_product_attention(query, key, value, mask, scale)


@exercise.mistake("the keys are repeated but the values are tiled")
def the_keys_are_repeated_but_the_values_are_tiled(query, key, value, mask=None, scale=None):
    neighbors, in_turn = orders(query, key)
    return shared(query, key, value, neighbors, in_turn, mask, scale)


@exercise.mistake("the values are repeated but the keys are tiled")
def the_values_are_repeated_but_the_keys_are_tiled(query, key, value, mask=None, scale=None):
    neighbors, in_turn = orders(query, key)
    return shared(query, key, value, in_turn, neighbors, mask, scale)


@exercise.mistake("the head's number is divided by the number of groups")
def the_head_s_number_is_divided_by_the_number_of_groups(query, key, value, mask=None, scale=None):
    order = np.minimum(np.arange(query.shape[-3]) // key.shape[-3], key.shape[-3] - 1)
    return shared(query, key, value, order, order, mask, scale)


@exercise.mistake("every head uses the first key head")
def every_head_uses_the_first_key_head(query, key, value, mask=None, scale=None):
    return scaled_dot_product_attention(query, key[..., :1, :, :], value[..., :1, :, :], mask, scale)


@exercise.mistake("the key and value heads are averaged")
def the_key_and_value_heads_are_averaged(query, key, value, mask=None, scale=None):
    key, value = (x.mean(axis=-3, keepdims=True) for x in (key, value))
    return scaled_dot_product_attention(query, key, value, mask, scale)


@exercise.mistake("the tokens are repeated instead of the heads")
def the_tokens_are_repeated_instead_of_the_heads(query, key, value, mask=None, scale=None):
    *leading, heads, _, _ = query.shape
    key, value = (
        np.repeat(x, heads // x.shape[-3], axis=-2).reshape(*leading, heads, *x.shape[-2:]) for x in (key, value)
    )
    return scaled_dot_product_attention(query, key, value, mask, scale)


@exercise.mistake("the queries of a group are averaged")
def the_queries_of_a_group_are_averaged(query, key, value, mask=None, scale=None):
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


@exercise.mistake("the first head's mask serves its whole group")
def the_first_head_s_mask_serves_its_whole_group(query, key, value, mask=None, scale=None):
    share = query.shape[-3] // key.shape[-3]
    if mask is not None and mask.ndim > 2 and mask.shape[-3] > 1:
        mask = np.repeat(mask[..., ::share, :, :], share, axis=-3)
    return grouped_query_attention(query, key, value, mask, scale)


@exercise.mistake("mask ignored")
def mask_ignored(query, key, value, mask=None, scale=None):
    return grouped_query_attention(query, key, value, None, scale)


for turned in UPSIDE_DOWN:

    @exercise.mistake("mask upside down")
    def mask_upside_down(query, key, value, mask=None, scale=None, turned=turned):
        mask = None if mask is None else turned(mask)
        return grouped_query_attention(query, key, value, mask, scale)


@exercise.mistake("a given scale is ignored")
def a_given_scale_is_ignored(query, key, value, mask=None, scale=None):
    return grouped_query_attention(query, key, value, mask)


@exercise.mistake("not scaled")
def not_scaled(query, key, value, mask=None, scale=None):
    return grouped_query_attention(query, key, value, mask, 1.0 if scale is None else scale)


@exercise.mistake("divided by the square root of the width of the whole group")
def divided_by_the_square_root_of_the_width_of_the_whole_group(query, key, value, mask=None, scale=None):
    width = query.shape[-1] * (query.shape[-3] // key.shape[-3])
    return grouped_query_attention(query, key, value, mask, 1 / math.sqrt(width) if scale is None else scale)


def weighed(query, key, value, mask, scale, weigh):
    """Grouped attention in which `weigh` makes weights of the scores and the mask."""
    share = query.shape[-3] // key.shape[-3]
    key, value = (np.repeat(x, share, axis=-3) for x in (key, value))
    return weigh(attention_scores(query, key, scale), mask) @ value


@exercise.mistake("causal, though no mask was given")
def causal_though_no_mask_was_given(query, key, value, mask=None, scale=None):
    mask = causal_mask(query.shape[-2], key.shape[-2]) if mask is None else mask
    return grouped_query_attention(query, key, value, mask, scale)


@exercise.mistake("causal, though no mask was given")
def causal_from_the_first_key(query, key, value, mask=None, scale=None):
    mask = np.tri(query.shape[-2], key.shape[-2], dtype=bool) if mask is None else mask
    return grouped_query_attention(query, key, value, mask, scale)


@exercise.mistake("softmax over the queries")
def softmax_over_the_queries(query, key, value, mask=None, scale=None):
    def weigh(scores, mask):
        return softmax(scores if mask is None else hide(scores, mask, -np.inf), axis=-2)

    return weighed(query, key, value, mask, scale, weigh)


@exercise.mistake("hidden scores set to zero")
def hidden_scores_set_to_zero(query, key, value, mask=None, scale=None):
    def weigh(scores, mask):
        return softmax(scores if mask is None else np.where(mask == -np.inf, 0, hide(scores, mask, 0)))

    return weighed(query, key, value, mask, scale, weigh)


@exercise.mistake("hidden scores set to zero, then renormalized")
def hidden_scores_set_to_zero_then_renormalized(query, key, value, mask=None, scale=None):
    return weighed(query, key, value, mask, scale, zeroed_then_renormalized)


@exercise.mistake("mask after the softmax")
def mask_after_the_softmax(query, key, value, mask=None, scale=None):
    def weigh(scores, mask):
        return softmax(scores) * (1 if mask is None else mask if mask.dtype == bool else np.exp(mask))

    return weighed(query, key, value, mask, scale, weigh)


@exercise.mistake("mask after the softmax, then renormalized")
def mask_after_the_softmax_then_renormalized(query, key, value, mask=None, scale=None):
    return weighed(query, key, value, mask, scale, masked_late)


for guard in GUARDS:

    @exercise.mistake("mask after the softmax, then renormalized with a guard")
    def mask_after_the_softmax_then_renormalized_with_a_guard(query, key, value, mask=None, scale=None, guard=guard):
        return weighed(query, key, value, mask, scale, lambda s, m: masked_late(s, m, guard=guard))


@exercise.mistake("mask added before the scale")
def mask_added_before_the_scale(query, key, value, mask=None, scale=None):
    if mask is not None and mask.dtype != bool:
        mask = mask * (1 / math.sqrt(query.shape[-1]) if scale is None else scale)
    return grouped_query_attention(query, key, value, mask, scale)


@exercise.mistake("an empty row shares its weight equally")
def an_empty_row_shares_its_weight_equally(query, key, value, mask=None, scale=None):
    def weigh(scores, mask):
        return softmax(scores if mask is None else np.maximum(hide(scores, mask, -1e9), -1e9))

    return weighed(query, key, value, mask, scale, weigh)


@exercise.mistake("an empty row sees everything")
def an_empty_row_sees_everything(query, key, value, mask=None, scale=None):
    if mask is not None and mask.dtype != bool:
        mask = np.maximum(mask, -1e9)
    return weighed(query, key, value, mask, scale, far_number_added)


@exercise.mistake("an empty row gives NaN")
def an_empty_row_gives_nan(query, key, value, mask=None, scale=None):
    def weigh(scores, mask):
        scores = scores if mask is None else hide(scores, mask, -np.inf)
        exponentials = np.exp(scores - scores.max(axis=-1, keepdims=True))
        return exponentials / exponentials.sum(axis=-1, keepdims=True)

    return weighed(query, key, value, mask, scale, weigh)


for label in (
    "divided by the width of a head, not by its square root",
    "divided by the square root of the number of keys",
    "multiplied by the square root of the width",
    "scaled after the softmax",
    "softmax twice",
    "no softmax",
    "only the best key",
    "large scores overflow",
    "hidden scores set to -10",
    "hidden scores set to -100",
    "hidden scores set to -10,000",
    "boolean mask added to the scores",
    "float mask read as a boolean",
    "softmax over queries and keys together",
):

    @exercise.mistake(label)
    def weighed_in_another_way(query, key, value, mask=None, scale=None, weigh=WRONG_WEIGHTS[label]):
        share = query.shape[-3] // key.shape[-3]
        key, value = (np.repeat(x, share, axis=-3) for x in (key, value))
        return weigh(query, key, mask, scale) @ value


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
