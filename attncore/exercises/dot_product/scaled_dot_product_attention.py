"""Scaled dot-product attention, whole."""

import math

import numpy as np

from attncore.dot_product import attention_scores, attention_weights, scaled_dot_product_attention
from attncore.exercises.dot_product.cases import WRONG_WEIGHTS, scale_cases
from attncore.exercises.exercise import case, code, usual
from attncore.exercises.softmax.cases import (
    GUARDS,
    UPSIDE_DOWN,
    far_number_added,
    hide,
    mask_cases,
    masked_late,
    zeroed_then_renormalized,
)
from attncore.softmax import masked_softmax, softmax

exercise = code(
    scaled_dot_product_attention,
    usual(),
    *scale_cases(),
    case("scores in the thousands", magnitude=60.0),
    *mask_cases(scaled=True),
    case("all scores equal", small=True, query=lambda rng, s: np.zeros((s.q, s.d))),
    case("values as wide as the keys", sizes={"v": 8}),
    case("a square of everything", sizes={"q": 4, "k": 4, "d": 4, "v": 4}),
    case("a mask on scores in the thousands", magnitude=60.0, mask=lambda rng, s: np.tri(s.q, s.k, 2, dtype=bool)),
)


@exercise.mistake("not scaled")
def not_scaled(query, key, value, mask=None, scale=None):
    scores = query @ np.swapaxes(key, -1, -2)
    if scale is not None:
        scores = scores * scale
    return masked_softmax(scores, mask) @ value


@exercise.mistake("divided by d, not by its square root")
def divided_by_d_not_its_square_root(query, key, value, mask=None, scale=None):
    return scaled_dot_product_attention(query, key, value, mask, 1 / query.shape[-1] if scale is None else scale)


@exercise.mistake("divided by the square root of the value width")
def square_root_of_the_value_width(query, key, value, mask=None, scale=None):
    return scaled_dot_product_attention(
        query, key, value, mask, 1 / math.sqrt(value.shape[-1]) if scale is None else scale
    )


@exercise.mistake("divided by the square root of the number of keys")
def square_root_of_the_key_count(query, key, value, mask=None, scale=None):
    return scaled_dot_product_attention(
        query, key, value, mask, 1 / math.sqrt(key.shape[-2]) if scale is None else scale
    )


@exercise.mistake("multiplied by the square root of d")
def multiplied_by_the_square_root_of_d(query, key, value, mask=None, scale=None):
    return scaled_dot_product_attention(query, key, value, mask, math.sqrt(query.shape[-1]) if scale is None else scale)


@exercise.mistake("a given scale is ignored")
def scale_argument_ignored(query, key, value, mask=None, scale=None):
    return scaled_dot_product_attention(query, key, value, mask, None)


@exercise.mistake("a given scale on top of the square root")
def given_scale_on_top(query, key, value, mask=None, scale=None):
    return scaled_dot_product_attention(
        query, key, value, mask, (1 if scale is None else scale) * query.shape[-1] ** -0.5
    )


@exercise.mistake("a scale of zero is taken for none")
def scale_of_zero_taken_for_none(query, key, value, mask=None, scale=None):
    return scaled_dot_product_attention(query, key, value, mask, scale or None)


@exercise.mistake("softmax over the queries instead of the keys")
def softmax_over_the_queries_instead_of_the_keys(query, key, value, mask=None, scale=None):
    scores = attention_scores(query, key, scale)
    if mask is not None:
        scores = hide(scores, mask, -np.inf)
    return softmax(scores, axis=-2) @ value


@exercise.mistake("scaled after the softmax")
def scale_after_the_softmax(query, key, value, mask=None, scale=None):
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    return scaled_dot_product_attention(query, key, value, mask, 1.0) * scale


for turned in UPSIDE_DOWN:

    @exercise.mistake("mask upside down")
    def mask_upside_down(query, key, value, mask=None, scale=None, turned=turned):
        mask = None if mask is None else turned(mask)
        return scaled_dot_product_attention(query, key, value, mask, scale)


@exercise.mistake("hidden scores set to zero")
def masked_scores_set_to_zero(query, key, value, mask=None, scale=None):
    scores = attention_scores(query, key, scale)
    if mask is not None:
        scores = scores * mask if mask.dtype == bool else np.where(np.isneginf(mask), 0, scores + mask)
    return softmax(scores) @ value


@exercise.mistake("hidden scores set to -10")
def masked_scores_set_to_minus_ten(query, key, value, mask=None, scale=None):
    scores = attention_scores(query, key, scale)
    return softmax(scores if mask is None else hide(scores, mask, -10.0)) @ value


@exercise.mistake("mask after the softmax")
def mask_after_the_softmax(query, key, value, mask=None, scale=None):
    weights = attention_weights(query, key, None, scale)
    if mask is not None:
        weights = weights * (mask if mask.dtype == bool else np.exp(mask))
    return weights @ value


for guard in GUARDS:

    @exercise.mistake("mask after the softmax, then renormalized with a guard")
    def mask_after_the_softmax_then_renormalized_with_a_guard(query, key, value, mask=None, scale=None, guard=guard):
        return masked_late(attention_scores(query, key, scale), mask, guard=guard) @ value


@exercise.mistake("mask after the softmax, then renormalized")
def mask_after_the_softmax_then_renormalized(query, key, value, mask=None, scale=None):
    return masked_late(attention_scores(query, key, scale), mask) @ value


@exercise.mistake("hidden scores set to zero, then renormalized")
def hidden_scores_set_to_zero_then_renormalized(query, key, value, mask=None, scale=None):
    return zeroed_then_renormalized(attention_scores(query, key, scale), mask) @ value


@exercise.mistake("mask added before the scale")
def mask_added_before_the_scale(query, key, value, mask=None, scale=None):
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    scores = query @ np.swapaxes(key, -1, -2)
    if mask is not None:
        scores = hide(scores, mask, -np.inf)
    return softmax(scores * scale) @ value


@exercise.mistake("causal, though no mask was given")
def causal_though_no_mask_was_given(query, key, value, mask=None, scale=None):
    scores = attention_scores(query, key, scale)
    if mask is None:
        mask = np.tri(*scores.shape[-2:], dtype=bool)
    return masked_softmax(scores, mask) @ value


@exercise.mistake("causal, though no mask was given")
def causal_from_the_last_key(query, key, value, mask=None, scale=None):
    n_query, n_key = query.shape[-2], key.shape[-2]
    mask = np.tri(n_query, n_key, n_key - n_query, dtype=bool) if mask is None else mask
    return scaled_dot_product_attention(query, key, value, mask, scale)


@exercise.mistake("mask ignored")
def mask_ignored(query, key, value, mask=None, scale=None):
    return scaled_dot_product_attention(query, key, value, None, scale)


@exercise.mistake("an empty row averages the values")
def empty_row_averages_the_values(query, key, value, mask=None, scale=None):
    scores = attention_scores(query, key, scale)
    if mask is not None:
        scores = np.where(mask, scores, -1e9) if mask.dtype == bool else np.maximum(scores + mask, -1e9)
    return softmax(scores) @ value


@exercise.mistake("an empty row sees everything")
def an_empty_row_sees_everything(query, key, value, mask=None, scale=None):
    return far_number_added(attention_scores(query, key, scale), mask) @ value


@exercise.mistake("an empty row gives NaN")
def empty_row_gives_nan(query, key, value, mask=None, scale=None):
    scores = attention_scores(query, key, scale)
    if mask is not None:
        scores = hide(scores, mask, -np.inf)
    exponentials = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True) @ value


@exercise.mistake("boolean mask added to the scores")
def boolean_mask_added_to_the_scores(query, key, value, mask=None, scale=None):
    scores = attention_scores(query, key, scale)
    return softmax(scores if mask is None else scores + mask) @ value


@exercise.mistake("float mask read as a boolean")
def float_mask_read_as_a_boolean(query, key, value, mask=None, scale=None):
    return scaled_dot_product_attention(query, key, value, None if mask is None else mask.astype(bool), scale)


@exercise.mistake("softmax over queries and keys together")
def softmax_over_queries_and_keys_together(query, key, value, mask=None, scale=None):
    scores = attention_scores(query, key, scale)
    scores = scores if mask is None else hide(scores, mask, -np.inf)
    exponentials = np.exp(scores - scores.max(axis=(-2, -1), keepdims=True))
    return exponentials / exponentials.sum(axis=(-2, -1), keepdims=True) @ value


@exercise.mistake("key reshaped instead of transposed")
def key_reshaped_instead_of_transposed(query, key, value, mask=None, scale=None):
    *leading, n_keys, width = key.shape
    scores = query @ key.reshape(*leading, width, n_keys) * (1 / math.sqrt(width) if scale is None else scale)
    return masked_softmax(scores, mask) @ value


@exercise.mistake("`np.dot` pairs every batch with every other")
def np_dot_pairs_every_batch_with_every_other(query, key, value, mask=None, scale=None):
    scores = np.dot(query, np.swapaxes(key, -1, -2)) * (1 / math.sqrt(query.shape[-1]) if scale is None else scale)
    return np.dot(softmax(scores if mask is None else hide(scores, mask, -np.inf)), value)


@exercise.mistake("no softmax")
def no_softmax(query, key, value, mask=None, scale=None):
    scores = attention_scores(query, key, scale)
    return (scores if mask is None else hide(scores, mask, 0.0)) @ value


@exercise.mistake("softmax twice")
def softmax_twice(query, key, value, mask=None, scale=None):
    return softmax(attention_weights(query, key, mask, scale)) @ value


@exercise.mistake("weights transposed")
def weights_transposed(query, key, value, mask=None, scale=None):
    return np.swapaxes(attention_weights(query, key, mask, scale), -1, -2) @ value


@exercise.mistake("key used as value")
def key_used_as_value(query, key, value, mask=None, scale=None):
    return scaled_dot_product_attention(query, key, key, mask, scale)


@exercise.mistake("only the best key")
def only_the_best_key(query, key, value, mask=None, scale=None):
    scores = attention_scores(query, key, scale)
    scores = scores if mask is None else hide(scores, mask, -np.inf)
    return (scores == scores.max(axis=-1, keepdims=True)) / 1.0 @ value


@exercise.mistake("weights returned without the values")
def weights_returned_without_the_values(query, key, value, mask=None, scale=None):
    return attention_weights(query, key, mask, scale)


for label in ("large scores overflow", "hidden scores set to -100"):

    @exercise.mistake(label)
    def weighed_in_another_way(query, key, value, mask=None, scale=None, weigh=WRONG_WEIGHTS[label]):
        return weigh(query, key, mask, scale) @ value


@exercise.mistake("large scores overflow")
def exponentials_times_a_mask_and_a_sum_that_may_be_zero(query, key, value, mask=None, scale=None):
    exponentials = np.exp(attention_scores(query, key, scale))
    if mask is not None:
        exponentials = exponentials * (mask if mask.dtype == bool else np.exp(mask))
    total = exponentials.sum(axis=-1, keepdims=True)
    return exponentials / np.where(total == 0, 1, total) @ value


@exercise.another_way
def with_two_einsums(query, key, value, mask=None, scale=None):
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    scores = np.einsum("...qd,...kd->...qk", query, key) * scale
    weights = softmax(scores) if mask is None else masked_softmax(scores, mask)
    return np.einsum("...qk,...kv->...qv", weights, value)


@exercise.another_way
def divided_at_the_end(query, key, value, mask=None, scale=None):
    scores = query @ key.swapaxes(-1, -2) * (1 / math.sqrt(key.shape[-1]) if scale is None else scale)
    if mask is not None:
        scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask
    largest = scores.max(axis=-1, keepdims=True)
    exponentials = np.exp(scores - np.where(np.isneginf(largest), 0, largest))
    total = exponentials.sum(axis=-1, keepdims=True)
    return (exponentials @ value) / np.where(total > 0, total, 1)


@exercise.another_way
def query_by_query(query, key, value, mask=None, scale=None):
    if query.ndim > 2:
        masks = np.broadcast_to(True if mask is None else mask, (*query.shape[:-1], key.shape[-2]))
        return np.stack([query_by_query(*one, scale) for one in zip(query, key, value, masks, strict=True)])
    rows = []
    masks = np.broadcast_to(True if mask is None else mask, (len(query), len(key)))
    for one, allowed in zip(query, masks, strict=True):
        scores = key @ one * (1 / math.sqrt(len(one)) if scale is None else scale)
        scores = np.where(allowed, scores, -np.inf) if allowed.dtype == bool else scores + allowed
        rows.append(softmax(scores) @ value)
    return np.array(rows)
