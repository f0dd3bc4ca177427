"""Multi-head attention, whole."""

import math

import numpy as np

from attncore.dot_product import attention_scores, scaled_dot_product_attention
from attncore.exercises.dot_product.cases import WRONG_WEIGHTS
from attncore.exercises.exercise import case, code
from attncore.exercises.heads.cases import projections
from attncore.exercises.softmax.cases import (
    EMPTY_ROW,
    GUARDS,
    UPSIDE_DOWN,
    a_few_keys,
    far_number_added,
    hide,
    masked_late,
    zeroed_then_renormalized,
)
from attncore.heads import HeadWeights, mask_for_heads, merge_heads, multi_head_attention, split_heads
from attncore.masks import causal_mask
from attncore.softmax import masked_softmax, softmax


def heads_case(name, n_heads=2, mask=None, **more):
    """A case of multi-head attention; `mask` is a function of the lengths, or None."""
    given = {} if mask is None else {"mask": lambda rng, s: mask(s)}
    return case(name, n_heads=n_heads, weights=projections, **given, **more)


def causal(s):
    return np.tri(s.q, s.k, s.k - s.q, dtype=bool)


exercise = code(
    multi_head_attention,
    heads_case("two heads", small=True),
    heads_case("three heads, no two axes of one length", 3),
    heads_case("one head", 1, small=True),
    heads_case("as many heads as queries", 3, sizes={"q": 3, "k": 3}),
    heads_case("a square of everything", 2, sizes={"q": 4, "k": 4, "m": 4}),
    heads_case("a batch of two", small=True, lead=(2,)),
    heads_case("two leading axes", 4, lead=(2, 3)),
    heads_case("float32", 4, dtype=np.float32),
    heads_case("large numbers", 4, magnitude=60.0),
    heads_case("a float mask of any numbers", small=True, mask=lambda s: 0.7 - 0.9 * np.tri(s.q, s.k)),
    heads_case("a causal mask", small=True, mask=causal),
    heads_case("a causal mask, three heads", 3, mask=causal),
    heads_case("a float mask", 3, mask=lambda s: np.where(causal(s), 0.0, -np.inf)),
    heads_case(
        "a mask for each sequence of the batch", 3, lead=(2,), mask=lambda s: np.stack([causal(s), causal(s)[::-1]])
    ),
    heads_case("padding in a batch", 3, lead=(2,), mask=lambda s: np.arange(s.k) < np.array([s.k, 2])[:, None, None]),
    heads_case(
        "a float mask for each sequence",
        3,
        lead=(2,),
        mask=lambda s: np.where(np.arange(s.k) < np.array([s.k, 2])[:, None, None], 0.3, -np.inf),
    ),
    heads_case(
        "as many sequences as heads", 3, lead=(3,), mask=lambda s: np.arange(s.k) < np.array([s.k, 2, 1])[:, None, None]
    ),
    case(
        "hidden scores far above the allowed ones",
        n_heads=2,
        weights=projections,
        mask=a_few_keys(1),
        small=True,
        magnitude=300.0,
    ),
    case(
        "hidden scores far above, in a batch",
        n_heads=3,
        weights=projections,
        mask=a_few_keys(2),
        lead=(2,),
        magnitude=300.0,
    ),
    heads_case(
        "a mask for each sequence and head",
        3,
        lead=(2,),
        mask=lambda s: np.arange(s.k) < np.array([[s.k, 2, 1], [1, 3, s.k]])[..., None, None],
        promise="A mask with four axes or more has an axis for the heads in it already.",
    ),
    heads_case(
        "three axes, and no batch",
        3,
        mask=lambda s: np.ones((3, s.q, s.k), bool),
        promise="Raises ValueError for a mask with three axes where there is no batch.",
    ),
    heads_case(
        "a query with nothing allowed, small",
        small=True,
        mask=lambda s: np.array([[True, False, True], [False, False, False]]),
        promise=EMPTY_ROW,
    ),
    heads_case(
        "a query with nothing allowed",
        3,
        mask=lambda s: causal(s) & (np.arange(s.q) > 0)[:, None],
        promise=EMPTY_ROW,
    ),
    heads_case(
        "a sequence of the batch hidden whole",
        3,
        lead=(2,),
        mask=lambda s: np.where(np.arange(s.k) < np.array([s.k, 0])[:, None, None], 0.0, -np.inf),
        promise=EMPTY_ROW,
    ),
)


def by_heads(query, key, value, weights, n_heads, mask, scale=None, attend=scaled_dot_product_attention):
    """Multi-head attention up to the merge, with another scale or another attention."""
    query, key, value = (split_heads(x @ W, n_heads) for x, W in zip((query, key, value), weights[:3], strict=True))
    return attend(query, key, value, mask_for_heads(mask, query, key), scale)


@exercise.mistake("split without transpose")
def split_without_transpose(query, key, value, weights, n_heads, mask=None):
    def reshape(x):
        *leading, n, m = x.shape
        return x.reshape(*leading, n_heads, n, m // n_heads)

    query, key, value = reshape(query @ weights.W_query), reshape(key @ weights.W_key), reshape(value @ weights.W_value)
    heads = scaled_dot_product_attention(query, key, value, mask_for_heads(mask, query, key))
    *leading, h, n, w = heads.shape
    return np.swapaxes(heads, -3, -2).reshape(*leading, n, h * w) @ weights.W_output


@exercise.mistake("merge without transpose")
def merge_without_transpose(query, key, value, weights, n_heads, mask=None):
    heads = by_heads(query, key, value, weights, n_heads, mask)
    *leading, h, n, w = heads.shape
    return heads.reshape(*leading, n, h * w) @ weights.W_output


@exercise.mistake("split and merge without transpose")
def split_and_merge_without_transpose(query, key, value, weights, n_heads, mask=None):
    def reshape(x):
        *leading, n, m = x.shape
        return x.reshape(*leading, n_heads, n, m // n_heads)

    query, key, value = reshape(query @ weights.W_query), reshape(key @ weights.W_key), reshape(value @ weights.W_value)
    heads = scaled_dot_product_attention(query, key, value, mask_for_heads(mask, query, key))
    *leading, h, n, w = heads.shape
    return heads.reshape(*leading, n, h * w) @ weights.W_output


@exercise.mistake("the key is used as the value")
def the_key_is_used_as_the_value(query, key, value, weights, n_heads, mask=None):
    return multi_head_attention(query, key, key, weights, n_heads, mask)


@exercise.mistake("key and value swapped")
def key_and_value_swapped(query, key, value, weights, n_heads, mask=None):
    return multi_head_attention(query, value, key, weights, n_heads, mask)


@exercise.mistake("scaled by the model width")
def scaled_by_the_model_width(query, key, value, weights, n_heads, mask=None):
    heads = by_heads(query, key, value, weights, n_heads, mask, 1 / math.sqrt(query.shape[-1]))
    return merge_heads(heads) @ weights.W_output


@exercise.mistake("no scale")
def no_scale(query, key, value, weights, n_heads, mask=None):
    return merge_heads(by_heads(query, key, value, weights, n_heads, mask, 1.0)) @ weights.W_output


def weighed(query, key, value, weights, n_heads, mask, weigh):
    """Multi-head attention in which `weigh` makes weights of the scores and the mask."""

    def attend(query, key, value, mask, scale):
        return weigh(attention_scores(query, key), mask) @ value

    return merge_heads(by_heads(query, key, value, weights, n_heads, mask, attend=attend)) @ weights.W_output


def softmax_along(axis):
    return lambda scores, mask: softmax(scores if mask is None else hide(scores, mask, -np.inf), axis=axis)


@exercise.mistake("softmax over the heads")
def softmax_over_the_heads(query, key, value, weights, n_heads, mask=None):
    return weighed(query, key, value, weights, n_heads, mask, softmax_along(-3))


@exercise.mistake("softmax over the queries")
def softmax_over_the_queries(query, key, value, weights, n_heads, mask=None):
    return weighed(query, key, value, weights, n_heads, mask, softmax_along(-2))


@exercise.mistake("divided by the width of a head, not by its square root")
def divided_by_the_width_of_a_head(query, key, value, weights, n_heads, mask=None):
    heads = by_heads(query, key, value, weights, n_heads, mask, n_heads / query.shape[-1])
    return merge_heads(heads) @ weights.W_output


@exercise.mistake("divided by the square root of the number of tokens")
def divided_by_the_square_root_of_the_number_of_tokens(query, key, value, weights, n_heads, mask=None):
    heads = by_heads(query, key, value, weights, n_heads, mask, 1 / math.sqrt(key.shape[-2]))
    return merge_heads(heads) @ weights.W_output


@exercise.mistake("causal, though no mask was given")
def causal_though_no_mask_was_given(query, key, value, weights, n_heads, mask=None):
    mask = causal_mask(query.shape[-2], key.shape[-2]) if mask is None else mask
    return multi_head_attention(query, key, value, weights, n_heads, mask)


@exercise.mistake("causal, though no mask was given")
def causal_from_the_first_key(query, key, value, weights, n_heads, mask=None):
    mask = np.tri(query.shape[-2], key.shape[-2], dtype=bool) if mask is None else mask
    return multi_head_attention(query, key, value, weights, n_heads, mask)


@exercise.mistake("hidden scores set to zero")
def hidden_scores_set_to_zero(query, key, value, weights, n_heads, mask=None):
    def weigh(scores, mask):
        return softmax(scores if mask is None else np.where(mask == -np.inf, 0, hide(scores, mask, 0)))

    return weighed(query, key, value, weights, n_heads, mask, weigh)


@exercise.mistake("hidden scores set to zero, then renormalized")
def hidden_scores_set_to_zero_then_renormalized(query, key, value, weights, n_heads, mask=None):
    return weighed(query, key, value, weights, n_heads, mask, zeroed_then_renormalized)


@exercise.mistake("mask after the softmax")
def mask_after_the_softmax(query, key, value, weights, n_heads, mask=None):
    def weigh(scores, mask):
        return softmax(scores) * (1 if mask is None else mask if mask.dtype == bool else np.exp(mask))

    return weighed(query, key, value, weights, n_heads, mask, weigh)


@exercise.mistake("mask after the softmax, then renormalized")
def mask_after_the_softmax_then_renormalized(query, key, value, weights, n_heads, mask=None):
    return weighed(query, key, value, weights, n_heads, mask, masked_late)


for guard in GUARDS:

    @exercise.mistake("mask after the softmax, then renormalized with a guard")
    def mask_after_the_softmax_then_renormalized_with_a_guard(
        query, key, value, weights, n_heads, mask=None, guard=guard
    ):
        return weighed(query, key, value, weights, n_heads, mask, lambda s, m: masked_late(s, m, guard=guard))


@exercise.mistake("mask added before the scale")
def mask_added_before_the_scale(query, key, value, weights, n_heads, mask=None):
    if mask is not None and mask.dtype != bool:
        mask = mask / math.sqrt(query.shape[-1] // n_heads)
    return multi_head_attention(query, key, value, weights, n_heads, mask)


@exercise.mistake("boolean mask added to the scores")
def boolean_mask_added_to_the_scores(query, key, value, weights, n_heads, mask=None):
    return weighed(query, key, value, weights, n_heads, mask, lambda s, m: softmax(s if m is None else s + m))


@exercise.mistake("attention over the heads instead of the tokens")
def attention_over_the_heads_instead_of_the_tokens(query, key, value, weights, n_heads, mask=None):
    def attend(query, key, value, mask, scale):
        query, key, value = (
            np.swapaxes(x, -3, -2) for x in (query, key[..., : query.shape[-2], :], value[..., : query.shape[-2], :])
        )
        return np.swapaxes(scaled_dot_product_attention(query, key, value), -3, -2)

    return merge_heads(by_heads(query, key, value, weights, n_heads, mask, attend=attend)) @ weights.W_output


@exercise.mistake("no output projection")
def no_output_projection(query, key, value, weights, n_heads, mask=None):
    return merge_heads(by_heads(query, key, value, weights, n_heads, mask))


@exercise.mistake("projections transposed")
def projections_transposed(query, key, value, weights, n_heads, mask=None):
    turned = HeadWeights(*(W.T for W in weights))
    return multi_head_attention(query, key, value, turned, n_heads, mask)


@exercise.mistake("output projection transposed")
def output_projection_transposed(query, key, value, weights, n_heads, mask=None):
    return merge_heads(by_heads(query, key, value, weights, n_heads, mask)) @ weights.W_output.T


@exercise.mistake("the heads are averaged instead of joined")
def the_heads_are_averaged_instead_of_joined(query, key, value, weights, n_heads, mask=None):
    heads = by_heads(query, key, value, weights, n_heads, mask)
    mean = heads.mean(axis=-3, keepdims=True)
    return merge_heads(np.broadcast_to(mean, heads.shape)) @ weights.W_output


@exercise.mistake("one weight matrix for all three")
def one_weight_matrix_for_all_three(query, key, value, weights, n_heads, mask=None):
    W = weights.W_query
    return multi_head_attention(query, key, value, HeadWeights(W, W, W, weights.W_output), n_heads, mask)


@exercise.mistake("mask ignored")
def mask_ignored(query, key, value, weights, n_heads, mask=None):
    return multi_head_attention(query, key, value, weights, n_heads)


for turned in UPSIDE_DOWN:

    @exercise.mistake("mask upside down")
    def mask_upside_down(query, key, value, weights, n_heads, mask=None, turned=turned):
        mask = None if mask is None else turned(mask)
        return multi_head_attention(query, key, value, weights, n_heads, mask)


@exercise.mistake("a batch's mask is read as one mask for each head")
def a_batch_s_mask_is_read_as_one_mask_for_each_head(query, key, value, weights, n_heads, mask=None):
    query = split_heads(query @ weights.W_query, n_heads)
    key = split_heads(key @ weights.W_key, n_heads)
    value = split_heads(value @ weights.W_value, n_heads)
    return merge_heads(scaled_dot_product_attention(query, key, value, mask)) @ weights.W_output


@exercise.mistake("the mask's heads axis is put in at the wrong place")
def the_mask_s_heads_axis_is_put_in_at_the_wrong_place(query, key, value, weights, n_heads, mask=None):
    query = split_heads(query @ weights.W_query, n_heads)
    key = split_heads(key @ weights.W_key, n_heads)
    value = split_heads(value @ weights.W_value, n_heads)
    mask = None if mask is None else mask[:, None]
    return merge_heads(scaled_dot_product_attention(query, key, value, mask)) @ weights.W_output


@exercise.mistake("query, key and value are not projected")
def query_key_and_value_are_not_projected(query, key, value, weights, n_heads, mask=None):
    same = np.eye(query.shape[-1])
    return multi_head_attention(query, key, value, HeadWeights(same, same, same, weights.W_output), n_heads, mask)


@exercise.mistake("a residual connection inside")
def a_residual_connection_inside(query, key, value, weights, n_heads, mask=None):
    return query + multi_head_attention(query, key, value, weights, n_heads, mask)


@exercise.mistake("the input is returned")
def the_input_is_returned(query, key, value, weights, n_heads, mask=None):
    return query


@exercise.mistake("one wide head")
def one_wide_head(query, key, value, weights, n_heads, mask=None):
    return multi_head_attention(query, key, value, weights, 1, mask)


@exercise.mistake("the query is used as key and value")
def the_query_is_used_as_key_and_value(query, key, value, weights, n_heads, mask=None):
    return multi_head_attention(query, query, query, weights, n_heads, mask)


@exercise.mistake("an empty row shares its weight equally")
def an_empty_row_shares_its_weight_equally(query, key, value, weights, n_heads, mask=None):
    def weigh(scores, mask):
        return softmax(scores if mask is None else np.maximum(hide(scores, mask, -1e9), -1e9))

    return weighed(query, key, value, weights, n_heads, mask, weigh)


@exercise.mistake("an empty row sees everything")
def an_empty_row_sees_everything(query, key, value, weights, n_heads, mask=None):
    if mask is not None and mask.dtype != bool:
        mask = np.maximum(mask, -1e9)
    return weighed(query, key, value, weights, n_heads, mask, far_number_added)


@exercise.mistake("an empty row gives NaN")
def an_empty_row_gives_nan(query, key, value, weights, n_heads, mask=None):
    def weigh(scores, mask):
        scores = scores if mask is None else hide(scores, mask, -np.inf)
        exponentials = np.exp(scores - scores.max(axis=-1, keepdims=True))
        return exponentials / exponentials.sum(axis=-1, keepdims=True)

    return weighed(query, key, value, weights, n_heads, mask, weigh)


for label in (
    "multiplied by the square root of the width",
    "scaled after the softmax",
    "softmax twice",
    "no softmax",
    "only the best key",
    "large scores overflow",
    "hidden scores set to -10",
    "hidden scores set to -100",
    "hidden scores set to -10,000",
    "float mask read as a boolean",
    "softmax over queries and keys together",
):

    @exercise.mistake(label)
    def weighed_in_another_way(query, key, value, weights, n_heads, mask=None, weigh=WRONG_WEIGHTS[label]):
        query = split_heads(query @ weights.W_query, n_heads)
        key = split_heads(key @ weights.W_key, n_heads)
        value = split_heads(value @ weights.W_value, n_heads)
        mask = mask_for_heads(mask, query, key)
        return merge_heads(weigh(query, key, mask) @ value) @ weights.W_output


@exercise.another_way
def head_after_head(query, key, value, weights, n_heads, mask=None):
    width = query.shape[-1] // n_heads
    has_heads = mask is not None and mask.ndim > 3
    masks = np.moveaxis(mask, -3, 0) if has_heads else [mask] * n_heads
    out = 0
    for head in range(n_heads):
        mine = slice(head * width, (head + 1) * width)
        projected = query @ weights.W_query[:, mine], key @ weights.W_key[:, mine], value @ weights.W_value[:, mine]
        out = out + scaled_dot_product_attention(*projected, masks[head]) @ weights.W_output[mine]
    return out


@exercise.another_way
def with_einsum(query, key, value, weights, n_heads, mask=None):
    def cut(W):
        return W.reshape(len(W), n_heads, -1)

    query = np.einsum("...qm,mhw->...hqw", query, cut(weights.W_query))
    key = np.einsum("...km,mhw->...hkw", key, cut(weights.W_key))
    value = np.einsum("...km,mhw->...hkw", value, cut(weights.W_value))
    scores = np.einsum("...hqw,...hkw->...hqk", query, key) / math.sqrt(query.shape[-1])
    mask = np.expand_dims(mask, -3) if mask is not None and mask.ndim == 3 else mask
    brought = np.einsum("...hqk,...hkw->...qhw", masked_softmax(scores, mask), value)
    return brought.reshape(*brought.shape[:-2], -1) @ weights.W_output
