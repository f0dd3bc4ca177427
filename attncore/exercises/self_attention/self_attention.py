"""Self-attention: one text gives all three."""

import math

import numpy as np

from attncore.dot_product import scaled_dot_product_attention
from attncore.exercises.exercise import case, code, usual
from attncore.exercises.softmax.cases import mask_cases
from attncore.self_attention import self_attention
from attncore.softmax import softmax

SQUARE = {"n": 4, "m": 4, "d": 4, "v": 4}


def token_masks():
    """mask_cases speak of q and k; here both are the n tokens."""
    return mask_cases(sizes={"q": 3, "k": 3, "n": 3})


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


@exercise.mistake("square root of the model width")
def square_root_of_the_model_width(x, W_query, W_key, W_value, mask=None):
    scale = 1 / math.sqrt(x.shape[-1])
    return scaled_dot_product_attention(x @ W_query, x @ W_key, x @ W_value, mask, scale)


@exercise.mistake("weights transposed")
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


@exercise.mistake("mask dropped")
def mask_dropped(x, W_query, W_key, W_value, mask=None):
    return scaled_dot_product_attention(x @ W_query, x @ W_key, x @ W_value)


@exercise.mistake("mask inverted")
def mask_inverted(x, W_query, W_key, W_value, mask=None):
    if mask is not None:
        mask = ~mask if mask.dtype == bool else -mask
    return scaled_dot_product_attention(x @ W_query, x @ W_key, x @ W_value, mask)


@exercise.mistake("residual added")
def residual_added(x, W_query, W_key, W_value, mask=None):
    out = scaled_dot_product_attention(x @ W_query, x @ W_key, x @ W_value, mask)
    return out + x if out.shape == x.shape else out + x @ W_value


@exercise.mistake("values not mixed")
def values_not_mixed(x, W_query, W_key, W_value, mask=None):
    return x @ W_value


@exercise.another_way
def weights_folded_together(x, W_query, W_key, W_value, mask=None):
    scores = x @ (W_query @ W_key.T) @ x.swapaxes(-1, -2) / W_query.shape[1] ** 0.5
    if mask is not None:
        scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask
    return softmax(scores) @ x @ W_value


@exercise.another_way
def one_product_for_all_three(x, W_query, W_key, W_value, mask=None):
    width = W_query.shape[1]
    query, key, value = np.split(x @ np.hstack([W_query, W_key, W_value]), [width, 2 * width], axis=-1)
    return scaled_dot_product_attention(query, key, value, mask)
