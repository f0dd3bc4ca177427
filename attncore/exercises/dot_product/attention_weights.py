"""Weights: a softmax over the keys."""

import math

import numpy as np

from attncore.dot_product import attention_scores, attention_weights
from attncore.exercises.dot_product.cases import scale_cases
from attncore.exercises.exercise import case, code, usual
from attncore.exercises.softmax.cases import hide, mask_cases
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


@exercise.mistake("mask dropped")
def mask_dropped(query, key, mask=None, scale=None):
    return attention_weights(query, key, None, scale)


@exercise.mistake("mask inverted")
def mask_inverted(query, key, mask=None, scale=None):
    if mask is not None:
        mask = ~mask if mask.dtype == bool else -mask
    return attention_weights(query, key, mask, scale)


@exercise.mistake("nothing allowed gives nan")
def nothing_allowed_gives_nan(query, key, mask=None, scale=None):
    scores = attention_scores(query, key, scale)
    scores = scores if mask is None else hide(scores, mask, -np.inf)
    exponentials = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


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
