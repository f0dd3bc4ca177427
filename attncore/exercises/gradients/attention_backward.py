"""Back through attention."""

import math

import numpy as np

from attncore.dot_product import attention_scores, attention_weights
from attncore.exercises.dot_product.cases import scale_cases
from attncore.exercises.exercise import case, code, usual
from attncore.exercises.softmax.cases import hide, mask_cases
from attncore.gradients import attention_backward, softmax_backward, sum_to
from attncore.softmax import softmax


def drawn(*shape):
    return lambda rng, s: rng.standard_normal([s[axis] if isinstance(axis, str) else axis for axis in shape])


def causal_and_two_ahead(rng, s):
    """Two masks for one text: with them its output has a leading axis that its inputs lack."""
    return np.stack([np.tri(s.q, s.k, ahead, dtype=bool) for ahead in (0, 2)])


def broadcast_case(name, **given):
    return case(
        name, promise="Each gradient has the shape of its input, summed where leading axes were broadcast.", **given
    )


exercise = code(
    attention_backward,
    usual(),
    case("a square of everything", small=True, sizes={"q": 2, "k": 2, "d": 2, "v": 2}),
    *scale_cases(),
    case("scores in the thousands", query=lambda rng, s: 2e3 * rng.random((s.q, s.d))),
    *mask_cases(scaled=True),
    case("a causal mask", mask=lambda rng, s: np.tri(s.q, dtype=bool), sizes={"k": 3}),
    broadcast_case("one key and value for a batch", lead=(2,), key=drawn("k", "d"), value=drawn("k", "v")),
    broadcast_case("one query for a batch", lead=(2,), small=True, query=drawn("q", "d")),
    broadcast_case("a key axis of length one", lead=(2, 4), key=drawn(2, 1, "k", "d")),
    broadcast_case("two masks for one text", mask=causal_and_two_ahead, d_output=drawn(2, "q", "v")),
)


def back_to_scores(query, key, value, d_output, mask=None, scale=None):
    """The scale, the weights, and the gradient of the scaled scores: what most mistakes start from."""
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else float(scale)
    weights = attention_weights(query, key, mask, scale)
    return scale, weights, softmax_backward(weights, d_output @ np.swapaxes(value, -1, -2))


def back_to_inputs(weights, d_scores, query, key, value, d_output):
    """The three gradients, from the weights and the gradient of the scores before the scale."""
    d_query = d_scores @ key
    d_key = np.swapaxes(d_scores, -1, -2) @ query
    d_value = np.swapaxes(weights, -1, -2) @ d_output
    return sum_to(d_query, query.shape), sum_to(d_key, key.shape), sum_to(d_value, value.shape)


@exercise.mistake("the weights aren't transposed for the value gradient")
def weights_not_transposed_for_the_values(query, key, value, d_output, mask=None, scale=None):
    d_query, d_key, _ = attention_backward(query, key, value, d_output, mask, scale)
    return d_query, d_key, sum_to(attention_weights(query, key, mask, scale) @ d_output, value.shape)


@exercise.mistake("the score gradient isn't transposed for the keys")
def scores_not_transposed_for_the_keys(query, key, value, d_output, mask=None, scale=None):
    scale, weights, d_scores = back_to_scores(query, key, value, d_output, mask, scale)
    d_query, _, d_value = back_to_inputs(weights, d_scores * scale, query, key, value, d_output)
    return d_query, sum_to(d_scores @ query * scale, key.shape), d_value


@exercise.mistake("the scale is left out in the backward pass")
def no_scale_on_the_way_back(query, key, value, d_output, mask=None, scale=None):
    _, weights, d_scores = back_to_scores(query, key, value, d_output, mask, scale)
    return back_to_inputs(weights, d_scores, query, key, value, d_output)


@exercise.mistake("the scale reaches the query gradient only")
def scale_for_the_query_only(query, key, value, d_output, mask=None, scale=None):
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else float(scale)
    weights = attention_weights(query, key, mask, scale)
    d_value = np.swapaxes(weights, -1, -2) @ d_output
    d_weights = d_output @ np.swapaxes(value, -1, -2)
    d_scores = softmax_backward(weights, d_weights)
    d_query = scale * d_scores @ key
    d_key = np.swapaxes(d_scores, -1, -2) @ query
    return sum_to(d_query, query.shape), sum_to(d_key, key.shape), sum_to(d_value, value.shape)


@exercise.mistake("the scale reaches the key gradient only")
def scale_for_the_key_only(query, key, value, d_output, mask=None, scale=None):
    unscaled, _, _ = no_scale_on_the_way_back(query, key, value, d_output, mask, scale)
    return unscaled, *attention_backward(query, key, value, d_output, mask, scale)[1:]


@exercise.mistake("the scale is applied twice in the backward pass")
def scale_applied_twice(query, key, value, d_output, mask=None, scale=None):
    scale, weights, d_scores = back_to_scores(query, key, value, d_output, mask, scale)
    return back_to_inputs(weights, d_scores * scale**2, query, key, value, d_output)


@exercise.mistake("the scale multiplies the value gradient too")
def scale_for_the_values_too(query, key, value, d_output, mask=None, scale=None):
    scale, weights, d_scores = back_to_scores(query, key, value, d_output, mask, scale)
    return back_to_inputs(weights * scale, d_scores * scale, query, key, value, d_output)


@exercise.mistake("a given scale is ignored")
def given_scale_ignored(query, key, value, d_output, mask=None, scale=None):
    return attention_backward(query, key, value, d_output, mask)


@exercise.mistake("a scale of zero is taken for none")
def scale_of_zero_taken_for_none(query, key, value, d_output, mask=None, scale=None):
    return attention_backward(query, key, value, d_output, mask, scale or None)


@exercise.mistake("the weights are recomputed from unscaled scores")
def weights_of_unscaled_scores(query, key, value, d_output, mask=None, scale=None):
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else float(scale)
    _, weights, d_scores = back_to_scores(query, key, value, d_output, mask, 1.0)
    return back_to_inputs(weights, d_scores * scale, query, key, value, d_output)


@exercise.mistake("the gradients of query and key are swapped")
def gradients_of_query_and_key_swapped(query, key, value, d_output, mask=None, scale=None):
    d_query, d_key, d_value = attention_backward(query, key, value, d_output, mask, scale)
    return d_key, d_query, d_value


@exercise.mistake("the sign of the score gradient is flipped")
def sign_of_the_scores_flipped(query, key, value, d_output, mask=None, scale=None):
    d_query, d_key, d_value = attention_backward(query, key, value, d_output, mask, scale)
    return -d_query, -d_key, d_value


@exercise.mistake("only the diagonal of the softmax Jacobian")
def only_the_diagonal_of_the_jacobian(query, key, value, d_output, mask=None, scale=None):
    scale, weights, _ = back_to_scores(query, key, value, d_output, mask, scale)
    d_scores = weights * (1 - weights) * (d_output @ np.swapaxes(value, -1, -2))
    return back_to_inputs(weights, d_scores * scale, query, key, value, d_output)


@exercise.mistake("the row sum is left out of the softmax backward")
def row_sum_left_out(query, key, value, d_output, mask=None, scale=None):
    scale, weights, _ = back_to_scores(query, key, value, d_output, mask, scale)
    d_scores = weights * (d_output @ np.swapaxes(value, -1, -2))
    return back_to_inputs(weights, d_scores * scale, query, key, value, d_output)


@exercise.mistake("the softmax backward is skipped")
def softmax_stepped_over(query, key, value, d_output, mask=None, scale=None):
    scale, weights, _ = back_to_scores(query, key, value, d_output, mask, scale)
    d_scores = d_output @ np.swapaxes(value, -1, -2)
    return back_to_inputs(weights, d_scores * scale, query, key, value, d_output)


@exercise.mistake("mask ignored")
def mask_ignored(query, key, value, d_output, mask=None, scale=None):
    return attention_backward(query, key, value, d_output, None, scale)


@exercise.mistake("the mask hides gradients, but not the weights")
def mask_put_on_the_gradient_alone(query, key, value, d_output, mask=None, scale=None):
    scale, weights, d_scores = back_to_scores(query, key, value, d_output, None, scale)
    if mask is not None:
        d_scores = d_scores * (mask if mask.dtype == bool else np.isfinite(mask))
    return back_to_inputs(weights, d_scores * scale, query, key, value, d_output)


def back_from(weigh, query, key, value, d_output, mask, scale):
    """All the way back, right but for the weights, which are weigh(scores, mask)."""
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else float(scale)
    weights = weigh(attention_scores(query, key, scale), mask)
    d_scores = softmax_backward(weights, d_output @ np.swapaxes(value, -1, -2))
    return back_to_inputs(weights, d_scores * scale, query, key, value, d_output)


def exponentials_over_their_sum(scores):
    exponentials = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def renormalized(weights):
    total = weights.sum(axis=-1, keepdims=True)
    return weights / np.where(total == 0, 1, total)


def renormalized_with_a_guard(weights):
    return weights / (weights.sum(axis=-1, keepdims=True) + 1e-8)


def allowed_by(mask):
    return mask if mask.dtype == bool else np.exp(mask)


@exercise.mistake("an empty row gives NaN")
def an_empty_row_gives_nan(query, key, value, d_output, mask=None, scale=None):
    def weigh(scores, mask):
        return exponentials_over_their_sum(scores if mask is None else hide(scores, mask, -np.inf))

    return back_from(weigh, query, key, value, d_output, mask, scale)


@exercise.mistake("an empty row shares its weight equally")
def an_empty_row_shares_equally(query, key, value, d_output, mask=None, scale=None):
    def weigh(scores, mask):
        if mask is None:
            return softmax(scores)
        return softmax(np.where(mask, scores, -1e9) if mask.dtype == bool else np.maximum(scores + mask, -1e9))

    return back_from(weigh, query, key, value, d_output, mask, scale)


@exercise.mistake("an empty row sees everything")
def an_empty_row_sees_everything(query, key, value, d_output, mask=None, scale=None):
    def weigh(scores, mask):
        if mask is None:
            return softmax(scores)
        return softmax(scores + (np.where(mask, 0.0, -1e9) if mask.dtype == bool else np.maximum(mask, -1e9)))

    return back_from(weigh, query, key, value, d_output, mask, scale)


@exercise.mistake("large scores overflow")
def large_scores_overflow(query, key, value, d_output, mask=None, scale=None):
    def weigh(scores, mask):
        return renormalized(np.exp(scores if mask is None else hide(scores, mask, -np.inf)))

    return back_from(weigh, query, key, value, d_output, mask, scale)


@exercise.mistake("float mask read as a boolean")
def mask_read_as_booleans(query, key, value, d_output, mask=None, scale=None):
    return attention_backward(query, key, value, d_output, None if mask is None else mask.astype(bool), scale)


@exercise.mistake("mask upside down")
def the_mask_is_upside_down(query, key, value, d_output, mask=None, scale=None):
    upside_down = mask if mask is None or mask.dtype != bool else ~mask
    return attention_backward(query, key, value, d_output, upside_down, scale)


@exercise.mistake("mask after the softmax")
def masked_after_the_softmax(query, key, value, d_output, mask=None, scale=None):
    def weigh(scores, mask):
        return softmax(scores) * (1 if mask is None else allowed_by(mask))

    return back_from(weigh, query, key, value, d_output, mask, scale)


@exercise.mistake("mask after the softmax, then renormalized")
def masked_after_the_softmax_then_renormalized(query, key, value, d_output, mask=None, scale=None):
    def weigh(scores, mask):
        return softmax(scores) if mask is None else renormalized(softmax(scores) * allowed_by(mask))

    return back_from(weigh, query, key, value, d_output, mask, scale)


@exercise.mistake("mask after the softmax, then renormalized with a guard")
def masked_after_the_softmax_with_a_guard(query, key, value, d_output, mask=None, scale=None):
    def weigh(scores, mask):
        return softmax(scores) if mask is None else renormalized_with_a_guard(softmax(scores) * allowed_by(mask))

    return back_from(weigh, query, key, value, d_output, mask, scale)


@exercise.mistake("hidden scores set to zero")
def masked_scores_set_to_zero(query, key, value, d_output, mask=None, scale=None):
    def weigh(scores, mask):
        return softmax(scores if mask is None else scores * allowed_by(mask))

    return back_from(weigh, query, key, value, d_output, mask, scale)


@exercise.mistake("hidden scores set to zero, then renormalized")
def masked_scores_set_to_zero_weights_renormalized(query, key, value, d_output, mask=None, scale=None):
    def weigh(scores, mask):
        if mask is None:
            return softmax(scores)
        return renormalized(softmax(scores * allowed_by(mask)) * allowed_by(mask))

    return back_from(weigh, query, key, value, d_output, mask, scale)


@exercise.mistake("boolean mask added to the scores")
def a_boolean_mask_is_added(query, key, value, d_output, mask=None, scale=None):
    return attention_backward(query, key, value, d_output, None if mask is None else mask + 0.0, scale)


@exercise.mistake("mask added before the scale")
def a_float_mask_is_added_before_the_scale(query, key, value, d_output, mask=None, scale=None):
    factor = 1 / math.sqrt(query.shape[-1]) if scale is None else float(scale)
    scaled = mask if mask is None or mask.dtype == bool or factor == 0 else mask * factor
    return attention_backward(query, key, value, d_output, scaled, scale)


@exercise.mistake("causal, though no mask asks for it")
def causal_unasked(query, key, value, d_output, mask=None, scale=None):
    past = np.tri(query.shape[-2], key.shape[-2], key.shape[-2] - query.shape[-2], dtype=bool)
    if mask is not None:
        past = past & mask if mask.dtype == bool else np.where(past, mask, -np.inf)
    return attention_backward(query, key, value, d_output, past, scale)


@exercise.mistake("divided by the square root of the number of keys")
def divided_by_the_root_of_the_keys(query, key, value, d_output, mask=None, scale=None):
    scale = 1 / math.sqrt(key.shape[-2]) if scale is None else scale
    return attention_backward(query, key, value, d_output, mask, scale)


@exercise.mistake("weights not scaled")
def not_scaled_at_all(query, key, value, d_output, mask=None, scale=None):
    return attention_backward(query, key, value, d_output, mask, 1.0 if scale is None else scale)


@exercise.mistake("`.T` reverses every axis of a batch")
def all_axes_of_a_batch_reversed(query, key, value, d_output, mask=None, scale=None):
    scale, weights, _ = back_to_scores(query, key, value, d_output, mask, scale)
    d_scores = softmax_backward(weights, d_output @ value.T) * scale
    return d_scores @ key, d_scores.T @ query, weights.T @ d_output


@exercise.mistake("gradients aren't summed over broadcast axes")
def broadcast_axes_not_summed(query, key, value, d_output, mask=None, scale=None):
    scale, weights, d_scores = back_to_scores(query, key, value, d_output, mask, scale)
    d_scores = d_scores * scale
    return d_scores @ key, np.swapaxes(d_scores, -1, -2) @ query, np.swapaxes(weights, -1, -2) @ d_output


@exercise.another_way
def with_the_row_sum_from_the_output(query, key, value, d_output, mask=None, scale=None):
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    weights = attention_weights(query, key, mask, scale)
    row_sum = np.sum(d_output * (weights @ value), axis=-1, keepdims=True)
    d_scores = weights * (d_output @ value.swapaxes(-1, -2) - row_sum)
    d_query = d_scores @ (scale * key)
    d_key = d_scores.swapaxes(-1, -2) @ (scale * query)
    d_value = weights.swapaxes(-1, -2) @ d_output
    return sum_to(d_query, query.shape), sum_to(d_key, key.shape), sum_to(d_value, value.shape)


@exercise.another_way
def with_einsum(query, key, value, d_output, mask=None, scale=None):
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    weights = attention_weights(query, key, mask, scale)
    d_weights = np.einsum("...qv,...kv->...qk", d_output, value)
    mean = np.einsum("...qk,...qk->...q", weights, d_weights)
    d_scores = scale * weights * (d_weights - mean[..., None])
    d_query = np.einsum("...qk,...kd->...qd", d_scores, key)
    d_key = np.einsum("...qk,...qd->...kd", d_scores, query)
    d_value = np.einsum("...qk,...qv->...kv", weights, d_output)
    return sum_to(d_query, query.shape), sum_to(d_key, key.shape), sum_to(d_value, value.shape)


@exercise.another_way
def query_by_query(query, key, value, d_output, mask=None, scale=None):
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    weights = attention_weights(query, key, mask, scale)
    leading = np.broadcast_shapes(weights.shape[:-2], value.shape[:-2], d_output.shape[:-2])
    wide = [np.broadcast_to(a, (*leading, *a.shape[-2:])) for a in (query, key, value, d_output, weights)]
    found = [np.zeros(a.shape) for a in wide[:3]]
    for place in np.ndindex(leading):
        queries, keys, values, d_outputs, rows = (a[place] for a in wide)
        d_query, d_key, d_value = (a[place] for a in found)
        for i, p in enumerate(rows):
            d_score = (np.diag(p) - np.outer(p, p)) @ values @ d_outputs[i] * scale
            d_query[i] = keys.T @ d_score
            d_key += np.outer(d_score, queries[i])
            d_value += np.outer(p, d_outputs[i])
    return [sum_to(mine, given.shape) for mine, given in zip(found, (query, key, value), strict=True)]
