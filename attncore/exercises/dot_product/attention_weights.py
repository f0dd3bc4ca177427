"""Weights: a softmax over the keys."""

import math

import numpy as np

from attncore.dot_product import attention_scores, attention_weights
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
    attention_weights,
    usual(),
    *scale_cases(),
    case("scores in the thousands", magnitude=60.0),
    *mask_cases(scaled=True),
)


@exercise.mistake("weights not scaled")
def weights_not_scaled(query, key, mask=None, scale=None):
    return attention_weights(query, key, mask, 1.0 if scale is None else scale)


@exercise.mistake("softmax over the queries")
def softmax_over_the_queries(query, key, mask=None, scale=None):
    scores = attention_scores(query, key, scale)
    return softmax(scores if mask is None else hide(scores, mask, -np.inf), axis=-2)


@exercise.mistake("scaled after the softmax")
def scaled_after_the_softmax(query, key, mask=None, scale=None):
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    return attention_weights(query, key, mask, 1.0) * scale


@exercise.mistake("mask added before the scale")
def mask_added_before_the_scale(query, key, mask=None, scale=None):
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    scores = query @ np.swapaxes(key, -1, -2)
    if mask is not None:
        scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask
    return softmax(scores * scale)


@exercise.mistake("causal, though no mask was given")
def causal_from_the_first_key(query, key, mask=None, scale=None):
    mask = np.tri(query.shape[-2], key.shape[-2], dtype=bool) if mask is None else mask
    return attention_weights(query, key, mask, scale)


@exercise.mistake("causal, though no mask was given")
def causal_from_the_last_key(query, key, mask=None, scale=None):
    n_query, n_key = query.shape[-2], key.shape[-2]
    mask = np.tri(n_query, n_key, n_key - n_query, dtype=bool) if mask is None else mask
    return attention_weights(query, key, mask, scale)


@exercise.mistake("mask ignored")
def mask_dropped(query, key, mask=None, scale=None):
    return attention_weights(query, key, None, scale)


for turned in UPSIDE_DOWN:

    @exercise.mistake("mask upside down")
    def mask_inverted(query, key, mask=None, scale=None, turned=turned):
        mask = None if mask is None else turned(mask)
        return attention_weights(query, key, mask, scale)


@exercise.mistake("an empty row gives NaN")
def nothing_allowed_gives_nan(query, key, mask=None, scale=None):
    scores = attention_scores(query, key, scale)
    scores = scores if mask is None else hide(scores, mask, -np.inf)
    exponentials = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


@exercise.mistake("an empty row shares its weight equally")
def an_empty_row_shares_its_weight_equally(query, key, mask=None, scale=None):
    scores = attention_scores(query, key, scale)
    if mask is not None:
        scores = np.where(mask, scores, -1e9) if mask.dtype == bool else np.maximum(scores + mask, -1e9)
    return softmax(scores)


@exercise.mistake("an empty row sees everything")
def an_empty_row_sees_everything(query, key, mask=None, scale=None):
    return far_number_added(attention_scores(query, key, scale), mask)


@exercise.mistake("a given scale is ignored")
def a_given_scale_is_ignored(query, key, mask=None, scale=None):
    return attention_weights(query, key, mask)


@exercise.mistake("a given scale on top of the square root")
def given_scale_on_top(query, key, mask=None, scale=None):
    return attention_weights(query, key, mask, (1 if scale is None else scale) * query.shape[-1] ** -0.5)


@exercise.mistake("a scale of zero is taken for none")
def scale_of_zero_taken_for_none(query, key, mask=None, scale=None):
    return attention_weights(query, key, mask, scale or None)


@exercise.mistake("divided by the width")
def divided_by_the_width(query, key, mask=None, scale=None):
    return attention_weights(query, key, mask, 1 / query.shape[-1] if scale is None else scale)


@exercise.mistake("divided by the square root of the number of keys")
def divided_by_the_square_root_of_the_number_of_keys(query, key, mask=None, scale=None):
    return attention_weights(query, key, mask, 1 / math.sqrt(key.shape[-2]) if scale is None else scale)


@exercise.mistake("hidden scores set to zero")
def hidden_scores_set_to_zero(query, key, mask=None, scale=None):
    scores = attention_scores(query, key, scale)
    if mask is not None:
        scores = scores * mask if mask.dtype == bool else np.where(np.isneginf(mask), 0, scores + mask)
    return softmax(scores)


@exercise.mistake("hidden scores set to zero, then renormalized")
def hidden_scores_set_to_zero_then_renormalized(query, key, mask=None, scale=None):
    return zeroed_then_renormalized(attention_scores(query, key, scale), mask)


@exercise.mistake("mask after the softmax")
def mask_after_the_softmax(query, key, mask=None, scale=None):
    weights = attention_weights(query, key, None, scale)
    return weights if mask is None else weights * (mask if mask.dtype == bool else np.exp(mask))


@exercise.mistake("mask after the softmax, then renormalized")
def mask_after_the_softmax_then_renormalized(query, key, mask=None, scale=None):
    return masked_late(attention_scores(query, key, scale), mask)


for guard in GUARDS:

    @exercise.mistake("mask after the softmax, then renormalized with a guard")
    def mask_after_the_softmax_then_renormalized_with_a_guard(query, key, mask=None, scale=None, guard=guard):
        return masked_late(attention_scores(query, key, scale), mask, guard=guard)


@exercise.mistake("boolean mask added to the scores")
def boolean_mask_added_to_the_scores(query, key, mask=None, scale=None):
    scores = attention_scores(query, key, scale)
    return softmax(scores if mask is None else scores + mask)


@exercise.mistake("float mask read as a boolean")
def float_mask_read_as_a_boolean(query, key, mask=None, scale=None):
    return attention_weights(query, key, None if mask is None else mask.astype(bool), scale)


@exercise.mistake("softmax over queries and keys together")
def softmax_over_queries_and_keys_together(query, key, mask=None, scale=None):
    scores = attention_scores(query, key, scale)
    scores = scores if mask is None else hide(scores, mask, -np.inf)
    exponentials = np.exp(scores - scores.max(axis=(-2, -1), keepdims=True))
    return exponentials / exponentials.sum(axis=(-2, -1), keepdims=True)


@exercise.mistake("scores returned")
def scores_returned(query, key, mask=None, scale=None):
    scores = attention_scores(query, key, scale)
    return scores if mask is None else hide(scores, mask, -np.inf)


@exercise.mistake("overflow in the exponential")
def overflow_in_the_exponential(query, key, mask=None, scale=None):
    scores = attention_scores(query, key, scale)
    exponentials = np.exp(scores if mask is None else hide(scores, mask, -np.inf))
    total = exponentials.sum(axis=-1, keepdims=True)
    return exponentials / np.where(total == 0, 1, total)


for label in (
    "multiplied by the square root of the width",
    "softmax twice",
    "only the best key",
    "hidden scores set to -10",
    "hidden scores set to -100",
):

    @exercise.mistake(label)
    def weighed_in_another_way(query, key, mask=None, scale=None, weigh=WRONG_WEIGHTS[label]):
        return weigh(query, key, mask, scale)


@exercise.another_way
def all_in_one(query, key, mask=None, scale=None):
    scores = np.einsum("...id,...jd->...ij", query, key) * (query.shape[-1] ** -0.5 if scale is None else scale)
    if mask is not None:
        scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask
    weights = np.exp(scores - np.nan_to_num(scores.max(axis=-1, keepdims=True), neginf=0))
    return weights / np.maximum(weights.sum(axis=-1, keepdims=True), np.finfo(weights.dtype).tiny)


@exercise.another_way
def through_masked_softmax(query, key, mask=None, scale=None):
    scores = attention_scores(query, key, scale)
    return masked_softmax(scores, np.ones(scores.shape[-2:], dtype=bool) if mask is None else mask)
