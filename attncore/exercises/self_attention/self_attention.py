"""Self-attention: one text gives all three."""

import math

import numpy as np

from attncore.dot_product import attention_scores, attention_weights, scaled_dot_product_attention
from attncore.exercises.dot_product.cases import WRONG_WEIGHTS
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
from attncore.self_attention import self_attention
from attncore.softmax import softmax

SQUARE = {"n": 4, "m": 4, "d": 4, "v": 4}


def token_masks():
    """mask_cases speak of q and k; here both are the n tokens."""
    return mask_cases(far=6.0, sizes={"q": 3, "k": 3, "n": 3})


exercise = code(
    self_attention,
    usual(),
    case("a square of everything", sizes=SQUARE),
    case("larger numbers", magnitude=3.0),
    *token_masks(),
)


@exercise.mistake("input returned")
def input_returned(x, W_query, W_key, W_value, mask=None):
    return x


@exercise.mistake("no scale")
def no_scale(x, W_query, W_key, W_value, mask=None):
    return scaled_dot_product_attention(x @ W_query, x @ W_key, x @ W_value, mask, 1.0)


@exercise.mistake("divided by the square root of the model width")
def square_root_of_the_model_width(x, W_query, W_key, W_value, mask=None):
    scale = 1 / math.sqrt(x.shape[-1])
    return scaled_dot_product_attention(x @ W_query, x @ W_key, x @ W_value, mask, scale)


@exercise.mistake("divided by the square root of the value width")
def square_root_of_the_value_width(x, W_query, W_key, W_value, mask=None):
    scale = 1 / math.sqrt(W_value.shape[-1])
    return scaled_dot_product_attention(x @ W_query, x @ W_key, x @ W_value, mask, scale)


@exercise.mistake("the weight matrices are transposed")
def weights_transposed(x, W_query, W_key, W_value, mask=None):
    return scaled_dot_product_attention(x @ W_query.T, x @ W_key.T, x @ W_value.T, mask)


@exercise.mistake("query weights used for the key")
def query_weights_used_for_the_key(x, W_query, W_key, W_value, mask=None):
    return scaled_dot_product_attention(x @ W_query, x @ W_query, x @ W_value, mask)


@exercise.mistake("queries and keys swapped")
def queries_and_keys_swapped(x, W_query, W_key, W_value, mask=None):
    return scaled_dot_product_attention(x @ W_key, x @ W_query, x @ W_value, mask)


@exercise.mistake("value not projected")
def value_not_projected(x, W_query, W_key, W_value, mask=None):
    return scaled_dot_product_attention(x @ W_query, x @ W_key, x, mask)


@exercise.mistake("nothing projected")
def nothing_projected(x, W_query, W_key, W_value, mask=None):
    return scaled_dot_product_attention(x, x, x, mask)


@exercise.mistake("softmax over the queries")
def softmax_over_the_queries(x, W_query, W_key, W_value, mask=None):
    query, key, value = x @ W_query, x @ W_key, x @ W_value
    scores = query @ np.swapaxes(key, -1, -2) / math.sqrt(query.shape[-1])
    if mask is not None:
        scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask
    return softmax(scores, axis=-2) @ value


@exercise.mistake("mask ignored")
def mask_dropped(x, W_query, W_key, W_value, mask=None):
    return scaled_dot_product_attention(x @ W_query, x @ W_key, x @ W_value)


for turned in UPSIDE_DOWN:

    @exercise.mistake("mask upside down")
    def mask_inverted(x, W_query, W_key, W_value, mask=None, turned=turned):
        mask = None if mask is None else turned(mask)
        return scaled_dot_product_attention(x @ W_query, x @ W_key, x @ W_value, mask)


def scores_of(x, W_query, W_key):
    return attention_scores(x @ W_query, x @ W_key)


@exercise.mistake("divided by the square root of the number of tokens")
def divided_by_the_square_root_of_the_number_of_tokens(x, W_query, W_key, W_value, mask=None):
    scale = 1 / math.sqrt(x.shape[-2])
    return scaled_dot_product_attention(x @ W_query, x @ W_key, x @ W_value, mask, scale)


@exercise.mistake("divided by the width, not by its square root")
def divided_by_the_width_not_by_its_square_root(x, W_query, W_key, W_value, mask=None):
    return scaled_dot_product_attention(x @ W_query, x @ W_key, x @ W_value, mask, 1 / W_query.shape[-1])


@exercise.mistake("causal, though no mask was given")
def causal_though_no_mask_was_given(x, W_query, W_key, W_value, mask=None):
    mask = np.tri(x.shape[-2], dtype=bool) if mask is None else mask
    return scaled_dot_product_attention(x @ W_query, x @ W_key, x @ W_value, mask)


@exercise.mistake("hidden scores set to zero")
def hidden_scores_set_to_zero(x, W_query, W_key, W_value, mask=None):
    scores = scores_of(x, W_query, W_key)
    if mask is not None:
        scores = scores * mask if mask.dtype == bool else np.where(np.isneginf(mask), 0, scores + mask)
    return softmax(scores) @ (x @ W_value)


@exercise.mistake("hidden scores set to zero, then renormalized")
def hidden_scores_set_to_zero_then_renormalized(x, W_query, W_key, W_value, mask=None):
    return zeroed_then_renormalized(scores_of(x, W_query, W_key), mask) @ (x @ W_value)


@exercise.mistake("mask after the softmax")
def mask_after_the_softmax(x, W_query, W_key, W_value, mask=None):
    weights = softmax(scores_of(x, W_query, W_key))
    if mask is not None:
        weights = weights * (mask if mask.dtype == bool else np.exp(mask))
    return weights @ (x @ W_value)


@exercise.mistake("mask after the softmax, then renormalized")
def mask_after_the_softmax_then_renormalized(x, W_query, W_key, W_value, mask=None):
    return masked_late(scores_of(x, W_query, W_key), mask) @ (x @ W_value)


for guard in GUARDS:

    @exercise.mistake("mask after the softmax, then renormalized with a guard")
    def mask_after_the_softmax_then_renormalized_with_a_guard(x, W_query, W_key, W_value, mask=None, guard=guard):
        return masked_late(scores_of(x, W_query, W_key), mask, guard=guard) @ (x @ W_value)


@exercise.mistake("mask added before the scale")
def mask_added_before_the_scale(x, W_query, W_key, W_value, mask=None):
    root = math.sqrt(W_query.shape[-1])
    scores = scores_of(x, W_query, W_key) * root
    return softmax((scores if mask is None else hide(scores, mask, -np.inf)) / root) @ (x @ W_value)


@exercise.mistake("float mask read as a boolean")
def float_mask_read_as_a_boolean(x, W_query, W_key, W_value, mask=None):
    mask = None if mask is None else mask.astype(bool)
    return scaled_dot_product_attention(x @ W_query, x @ W_key, x @ W_value, mask)


@exercise.mistake("boolean mask added to the scores")
def boolean_mask_added_to_the_scores(x, W_query, W_key, W_value, mask=None):
    scores = scores_of(x, W_query, W_key)
    return softmax(scores if mask is None else scores + mask) @ (x @ W_value)


@exercise.mistake("an empty row averages the values")
def an_empty_row_averages_the_values(x, W_query, W_key, W_value, mask=None):
    scores = scores_of(x, W_query, W_key)
    if mask is not None:
        scores = np.where(mask, scores, -1e9) if mask.dtype == bool else np.maximum(scores + mask, -1e9)
    return softmax(scores) @ (x @ W_value)


@exercise.mistake("an empty row sees everything")
def an_empty_row_sees_everything(x, W_query, W_key, W_value, mask=None):
    return far_number_added(scores_of(x, W_query, W_key), mask) @ (x @ W_value)


@exercise.mistake("an empty row gives NaN")
def an_empty_row_gives_nan(x, W_query, W_key, W_value, mask=None):
    scores = scores_of(x, W_query, W_key)
    scores = scores if mask is None else hide(scores, mask, -np.inf)
    exponentials = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True) @ (x @ W_value)


@exercise.mistake("weights returned without the values")
def weights_returned_without_the_values(x, W_query, W_key, W_value, mask=None):
    return attention_weights(x @ W_query, x @ W_key, mask)


@exercise.mistake("residual added")
def residual_added(x, W_query, W_key, W_value, mask=None):
    out = scaled_dot_product_attention(x @ W_query, x @ W_key, x @ W_value, mask)
    return out + x if out.shape == x.shape else out + x @ W_value


@exercise.mistake("values not mixed")
def values_not_mixed(x, W_query, W_key, W_value, mask=None):
    return x @ W_value


for label in (
    "multiplied by the square root of the width",
    "scaled after the softmax",
    "softmax twice",
    "no softmax",
    "only the best key",
    "large scores overflow",
    "hidden scores set to -10",
    "hidden scores set to -100",
    "softmax over queries and keys together",
):

    @exercise.mistake(label)
    def weighed_in_another_way(x, W_query, W_key, W_value, mask=None, weigh=WRONG_WEIGHTS[label]):
        return weigh(x @ W_query, x @ W_key, mask) @ (x @ W_value)


@exercise.another_way
def one_product_for_all_three(x, W_query, W_key, W_value, mask=None):
    width = W_query.shape[1]
    query, key, value = np.split(x @ np.hstack([W_query, W_key, W_value]), [width, 2 * width], axis=-1)
    return scaled_dot_product_attention(query, key, value, mask)


@exercise.another_way
def weights_folded_together(x, W_query, W_key, W_value, mask=None):
    scores = x @ (W_query @ W_key.T) @ x.swapaxes(-1, -2) / W_query.shape[1] ** 0.5
    if mask is not None:
        scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask
    return softmax(scores) @ x @ W_value
