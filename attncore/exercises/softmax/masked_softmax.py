"""Softmax over the keys that may be seen."""

from functools import wraps

import numpy as np

from attncore.exercises.exercise import case, code, usual
from attncore.exercises.softmax.cases import (
    GUARDS,
    far_number_added,
    hide,
    mask_cases,
    masked_late,
    some_keys,
    zeroed_then_renormalized,
)
from attncore.softmax import masked_softmax, softmax

exercise = code(
    masked_softmax,
    usual(mask=some_keys),
    case("nothing hidden", small=True, mask=lambda rng, s: np.ones((s.q, s.k), dtype=bool)),
    case("as many queries as keys", sizes={"q": 5}, mask=some_keys),
    *mask_cases(far=2000.0),
    case(
        "the hidden score is by far the largest",
        scores=lambda rng, s: np.array([[2000.0, 1, 2], [0, 3000, 1]]),
        mask=lambda rng, s: np.array([[False, True, True], [True, False, True]]),
    ),
    case(
        "scores all very negative",
        scores=lambda rng, s: np.array([[-2000.0, -2001, -2002], [-5000, -5001, -5003]]),
        mask=lambda rng, s: np.array([[False, True, True], [True, False, True]]),
    ),
    case("no mask at all", small=True, mask=None, promise="A mask of None allows everything."),
    case(
        "a mask of zeros and ones",
        small=True,
        mask=lambda rng, s: some_keys(rng, s).astype(int),
        promise="Raises ValueError for a mask of integers.",
    ),
)


def mask_may_be_none(function):
    """The wrong solutions below are wrong about masks, not about None or integers."""

    @wraps(function)
    def unless_none(scores, mask):
        if mask is None or mask.dtype.kind == "i":
            return masked_softmax(scores, mask)
        return function(scores, mask)

    return unless_none


@exercise.mistake("mask upside down")
@mask_may_be_none
def mask_upside_down(scores, mask):
    return masked_softmax(scores, ~mask if mask.dtype == bool else -mask)


@exercise.mistake("no maximum subtracted")
def no_maximum_subtracted(scores, mask):
    if mask is None:
        mask = np.ones(1, dtype=bool)
    heights = np.exp(scores) * mask if mask.dtype == bool else np.exp(scores + mask)
    return heights / heights.sum(axis=-1, keepdims=True)


@exercise.mistake("hidden scores set to zero")
@mask_may_be_none
def hidden_scores_set_to_zero(scores, mask):
    allowed = mask if mask.dtype == bool else mask > -np.inf
    return softmax(scores * allowed)


@exercise.mistake("hidden scores set to zero, then renormalized")
@mask_may_be_none
def hidden_scores_set_to_zero_then_renormalized(scores, mask):
    return zeroed_then_renormalized(scores, mask)


@exercise.mistake("hidden scores set to -100")
@mask_may_be_none
def hidden_scores_set_to_minus_a_hundred(scores, mask):
    return softmax(hide(scores, mask, -100.0))


@exercise.mistake("hidden scores set to -10")
@mask_may_be_none
def hidden_scores_not_low_enough(scores, mask):
    return softmax(hide(scores, mask, -10.0))


@exercise.mistake("mask after the softmax")
def mask_after_the_softmax(scores, mask):
    weights = softmax(scores)
    if mask is None:
        return weights
    return weights * (mask if mask.dtype == bool else np.exp(mask))


@exercise.mistake("mask after the softmax, then renormalized")
@mask_may_be_none
def mask_after_the_softmax_then_renormalized(scores, mask):
    return masked_late(scores, mask)


for guard in GUARDS:

    @exercise.mistake("mask after the softmax, then renormalized with a guard")
    @mask_may_be_none
    def mask_after_the_softmax_then_renormalized_with_a_guard(scores, mask, guard=guard):
        return masked_late(scores, mask, guard=guard)


@exercise.mistake("mask ignored")
@mask_may_be_none
def mask_ignored(scores, mask):
    return softmax(scores)


@exercise.mistake("an empty row shares its weight equally")
@mask_may_be_none
def empty_row_shares_equally(scores, mask):
    return softmax(hide(scores, mask, -1e9) if mask.dtype == bool else np.maximum(scores + mask, -1e9))


@exercise.mistake("an empty row sees everything")
@mask_may_be_none
def an_empty_row_sees_everything(scores, mask):
    return far_number_added(scores, mask)


@exercise.mistake("an empty row gives NaN")
@mask_may_be_none
def empty_row_is_nan(scores, mask):
    hidden = hide(scores, mask, -np.inf)
    exponentials = np.exp(hidden - hidden.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


@exercise.mistake("boolean mask added to the scores")
@mask_may_be_none
def boolean_mask_added_to_the_scores(scores, mask):
    return softmax(scores + mask)


@exercise.mistake("float mask read as a boolean")
@mask_may_be_none
def float_mask_read_as_a_boolean(scores, mask):
    return masked_softmax(scores, mask.astype(bool))


for far in (-1e4, -1e9, -1e30):

    @exercise.mistake("float mask read as ones and zeros")
    @mask_may_be_none
    def float_mask_read_as_ones_and_zeros(scores, mask, far=far):
        return softmax(scores + (1.0 - mask) * far)


@exercise.mistake("softmax over the queries")
@mask_may_be_none
def softmax_over_the_queries(scores, mask):
    return softmax(hide(scores, mask, -np.inf), axis=-2)


@exercise.another_way
def finite_scores_and_a_second_look(scores, mask):
    if mask is None:
        return softmax(scores)
    allowed = mask if mask.dtype == bool else ~np.isneginf(mask)
    shift = np.zeros(mask.shape) if mask.dtype == bool else np.where(allowed, mask, 0)
    weights = softmax(np.where(allowed, scores + shift, -1e30))
    return np.where(allowed.any(axis=-1, keepdims=True), weights, 0)


@exercise.another_way
@mask_may_be_none
def a_finite_value_and_empty_rows_set_to_zero(scores, mask):
    allowed = mask if mask.dtype == bool else ~np.isneginf(mask)
    shift = np.where(allowed, 0.0, -1e30) if mask.dtype == bool else np.maximum(mask, -1e30)
    weights = softmax(scores.astype(float) + shift)
    return np.where(allowed.any(axis=-1, keepdims=True), weights, 0)
