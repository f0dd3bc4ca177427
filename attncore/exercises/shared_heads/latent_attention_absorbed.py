"""The same without unpacking."""

import math
from functools import partial

import numpy as np

from attncore.exercises.exercise import code
from attncore.exercises.shared_heads.cases import latent_cases
from attncore.exercises.shared_heads.latent_attention import (
    IN_BOTH,
    MASK_MISTAKES,
    a_batchs_mask_is_read_as_one_mask_for_each_head,
    halves_and_clockwise,
    halves_rotated_instead_of_adjacent_pairs,
    no_output_projection,
    nothing_rotated,
    query_not_rotated,
    rotary_scores_added_after_the_scale,
    rotated_in_the_opposite_direction,
    scaled_by_the_width_without_rotary,
    shared_key_not_rotated,
    with_weights,
)
from attncore.exercises.softmax.cases import GUARDS, UPSIDE_DOWN, masked_late
from attncore.heads import mask_for_heads, merge_heads, split_heads
from attncore.shared_heads import by_head, grouped_query_attention, latent_attention, latent_attention_absorbed, rotated
from attncore.softmax import masked_softmax

exercise = code(
    latent_attention_absorbed,
    *latent_cases(),
)


def in_the_latent_space(x, weights, n_heads, mask, up_key=None, up_value=None, weigh=None):
    """Absorbed attention with other matrices to absorb, (h, c, d) and (h, c, v), or another way to weigh."""
    c = (x @ weights.W_latent)[..., None, :, :]
    up_key = by_head(weights.W_up_key, n_heads) if up_key is None else up_key
    up_value = by_head(weights.W_up_value, n_heads) if up_value is None else up_value
    query = split_heads(x @ weights.W_query, n_heads) @ np.swapaxes(up_key, -1, -2)
    query_rope, key_rope = rotated(x, weights, n_heads)
    content, place = (q @ np.swapaxes(k, -1, -2) for q, k in ((query, c), (query_rope, key_rope)))
    scale = 1 / math.sqrt(up_key.shape[-1] + query_rope.shape[-1])
    mask = mask_for_heads(mask, query, query)
    weigh = weigh or (lambda content, place, mask: masked_softmax((content + place) * scale, mask))
    return merge_heads(weigh(content, place, mask) @ c @ up_value) @ weights.W_output


@exercise.mistake("scaled by the latent width")
def scaled_by_the_latent_width(x, weights, n_heads, mask=None):
    latent = (x @ weights.W_latent)[..., None, :, :]
    query_rope, key_rope = rotated(x, weights, n_heads)
    query = split_heads(x @ weights.W_query, n_heads)
    query = query @ np.swapaxes(by_head(weights.W_up_key, n_heads), -1, -2)
    scores = query @ np.swapaxes(latent, -1, -2) + query_rope @ np.swapaxes(key_rope, -1, -2)
    scores = scores / math.sqrt(query.shape[-1] + query_rope.shape[-1])
    mixed = masked_softmax(scores, mask_for_heads(mask, query, query)) @ latent
    return merge_heads(mixed @ by_head(weights.W_up_value, n_heads)) @ weights.W_output


@exercise.mistake("every head uses the first head's up-projections")
def first_heads_up_projections_for_everyone(x, weights, n_heads, mask=None):
    up_key, up_value = (by_head(W, n_heads)[:1] for W in (weights.W_up_key, weights.W_up_value))
    return in_the_latent_space(x, weights, n_heads, mask, up_key, np.repeat(up_value, n_heads, axis=0))


@exercise.mistake("the up-projections are reshaped without transpose")
def up_projections_reshaped_without_transpose(x, weights, n_heads, mask=None):
    up_key, up_value = (W.reshape(n_heads, len(W), -1) for W in (weights.W_up_key, weights.W_up_value))
    return in_the_latent_space(x, weights, n_heads, mask, up_key, up_value)


@exercise.mistake("the value's up-projection is cut into the wrong heads")
def value_up_projection_cut_into_the_wrong_heads(x, weights, n_heads, mask=None):
    W = weights.W_up_value
    up_value = np.moveaxis(W.reshape(len(W), -1, n_heads), -1, 0)
    return in_the_latent_space(x, weights, n_heads, mask, up_value=up_value)


@exercise.mistake("the key's up-projection is cut into the wrong heads")
def key_up_projection_cut_into_the_wrong_heads(x, weights, n_heads, mask=None):
    W = weights.W_up_key
    up_key = np.moveaxis(W.reshape(len(W), -1, n_heads), -1, 0)
    return in_the_latent_space(x, weights, n_heads, mask, up_key)


@exercise.mistake("the rotary scores are left out")
def rotary_scores_left_out(x, weights, n_heads, mask=None):
    scale = 1 / math.sqrt(weights.W_query.shape[-1] // n_heads)
    return in_the_latent_space(x, weights, n_heads, mask, weigh=lambda c, p, mask: masked_softmax(c * scale, mask))


@exercise.mistake("the rotary scores are not scaled")
def rotary_scores_not_scaled(x, weights, n_heads, mask=None):
    return rotary_scores_added_after_the_scale(x, weights, n_heads, mask)


@exercise.mistake("the scale leaves out the rotary width")
def scaled_by_the_content_width_alone(x, weights, n_heads, mask=None):
    return scaled_by_the_width_without_rotary(x, weights, n_heads, mask)


@exercise.mistake("the shared key is not rotated")
def rotary_key_not_rotated(x, weights, n_heads, mask=None):
    return shared_key_not_rotated(x, weights, n_heads, mask)


@exercise.mistake("a softmax for each kind of score")
def a_softmax_for_each_kind_of_score(x, weights, n_heads, mask=None):
    widths = weights.W_query.shape[-1] // n_heads, weights.W_key_rope.shape[-1]

    def weigh(content, place, mask):
        both = (
            masked_softmax(part / math.sqrt(width), mask) for part, width in zip((content, place), widths, strict=True)
        )
        return sum(both) / 2

    return in_the_latent_space(x, weights, n_heads, mask, weigh=weigh)


@exercise.mistake("no scale")
def no_scale_at_all(x, weights, n_heads, mask=None):
    return in_the_latent_space(x, weights, n_heads, mask, weigh=lambda c, p, mask: masked_softmax(c + p, mask))


@exercise.mistake("mask ignored")
def mask_left_out(x, weights, n_heads, mask=None):
    return latent_attention(x, weights, n_heads)


for label, wrong_weights in MASK_MISTAKES.items():
    exercise.mistake(label)(with_weights(wrong_weights))
for guard in GUARDS:
    exercise.mistake("mask after the softmax, then renormalized with a guard")(
        with_weights(partial(masked_late, guard=guard))
    )
for label, mistaken in IN_BOTH.items():
    exercise.mistake(label)(mistaken)
exercise.mistake("the query is not rotated")(query_not_rotated)
exercise.mistake("nothing is rotated")(nothing_rotated)
exercise.mistake("rotated in the opposite direction")(rotated_in_the_opposite_direction)
exercise.mistake("no output projection")(no_output_projection)

for turned in UPSIDE_DOWN:

    @exercise.mistake("mask upside down")
    def mask_turned_over(x, weights, n_heads, mask=None, turned=turned):
        return latent_attention(x, weights, n_heads, None if mask is None else turned(mask))


@exercise.mistake("a batch's mask is read as one mask for each head")
def a_mask_for_each_head(x, weights, n_heads, mask=None):
    return a_batchs_mask_is_read_as_one_mask_for_each_head(x, weights, n_heads, mask)


@exercise.other_convention("halves, and clockwise")
def clockwise_halves(x, weights, n_heads, mask=None):
    return halves_and_clockwise(x, weights, n_heads, mask)


@exercise.other_convention("halves rotated instead of adjacent pairs")
def halves_rotated_in_place_of_adjacent_pairs(x, weights, n_heads, mask=None):
    return halves_rotated_instead_of_adjacent_pairs(x, weights, n_heads, mask)


@exercise.another_way
def as_multi_query_attention(x, weights, n_heads, mask=None):
    c = x @ weights.W_latent
    query = split_heads(x @ weights.W_query, n_heads)
    query_rope, key_rope = rotated(x, weights, n_heads)
    scale = 1 / math.sqrt(query.shape[-1] + query_rope.shape[-1])
    up_key = np.swapaxes(by_head(weights.W_up_key, n_heads), -1, -2)
    query = np.concatenate([query @ up_key, query_rope], axis=-1)
    one_head = c[..., None, :, :]
    mask = np.expand_dims(mask, -3) if mask is not None and mask.ndim == 3 else mask
    key = np.concatenate([one_head, key_rope], axis=-1)
    mixed = grouped_query_attention(query, key, one_head, mask, scale)
    return merge_heads(mixed @ by_head(weights.W_up_value, n_heads)) @ weights.W_output


@exercise.another_way
def merged_before_any_token_comes(x, weights, n_heads, mask=None):
    def heads(W):
        return W.reshape(len(W), n_heads, -1)

    W_ask = np.einsum("mhd,zhd->hmz", heads(weights.W_query), heads(weights.W_up_key))
    W_tell = np.einsum("zhv,hvm->hzm", heads(weights.W_up_value), weights.W_output.reshape(n_heads, -1, x.shape[-1]))
    c = (x @ weights.W_latent)[..., None, :, :]
    query_rope, key_rope = rotated(x, weights, n_heads)
    scores = np.einsum("...qm,hmz,...kz->...hqk", x, W_ask, c[..., 0, :, :])
    scores = scores + np.einsum("...hqr,...kr->...hqk", query_rope, key_rope[..., 0, :, :])
    width = weights.W_query.shape[-1] // n_heads + weights.W_key_rope.shape[-1]
    mask = mask[..., None, :, :] if mask is not None and mask.ndim == 3 else mask
    return (masked_softmax(scores / math.sqrt(width), mask) @ c @ W_tell).sum(axis=-3)
