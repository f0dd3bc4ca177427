"""Keys and values unpacked from a latent."""

import math
from functools import partial

import numpy as np

from attncore.dot_product import scaled_dot_product_attention
from attncore.exercises.exercise import code
from attncore.exercises.shared_heads.cases import latent_cases
from attncore.exercises.softmax.cases import (
    GUARDS,
    UPSIDE_DOWN,
    far_number_added,
    hide,
    masked_late,
    zeroed_then_renormalized,
)
from attncore.heads import mask_for_heads, merge_heads, split_heads
from attncore.positions import apply_rotary, rotary_halves_order
from attncore.shared_heads import latent_attention, rotated
from attncore.softmax import masked_softmax, softmax


def with_rope(x, weights, n_heads, turn_query=1, turn_key=1, order=slice(None), base=10000.0):
    """The rotary parts, each turned by its positions times a number, in a layout of its own."""
    positions = np.arange(x.shape[-2])
    query = split_heads(x @ weights.W_query_rope, n_heads)[..., order]
    key = (x @ weights.W_key_rope)[..., order]
    query, key = (apply_rotary(part, turn * positions, base) for part, turn in ((query, turn_query), (key, turn_key)))
    return query, key[..., None, :, :]


def by_scores(x, weights, n_heads, mask, rope=None, width=None, weigh=None):
    """Latent attention with another rotary part, another scale, or other weights from the two kinds of scores."""
    latent = x @ weights.W_latent
    query, key, value = (
        split_heads(y, n_heads) for y in (x @ weights.W_query, latent @ weights.W_up_key, latent @ weights.W_up_value)
    )
    query_rope, key_rope = rope or rotated(x, weights, n_heads)
    scale = 1 / math.sqrt(width or query.shape[-1] + query_rope.shape[-1])
    content, place = (q @ np.swapaxes(k, -1, -2) for q, k in ((query, key), (query_rope, key_rope)))
    mask = mask_for_heads(mask, query, key)
    weigh = weigh or (lambda content, place, scale, mask: masked_softmax((content + place) * scale, mask))
    return merge_heads(weigh(content, place, scale, mask) @ value) @ weights.W_output


exercise = code(
    latent_attention,
    *latent_cases(),
)


@exercise.mistake("rotary on the whole query and key")
def rotary_on_the_whole_query_and_key(x, weights, n_heads, mask=None):
    positions = np.arange(x.shape[-2])
    c = x @ weights.W_latent
    query = split_heads(x @ weights.W_query, n_heads)
    query = np.concatenate([query, split_heads(x @ weights.W_query_rope, n_heads)], axis=-1)
    key = split_heads(c @ weights.W_up_key, n_heads)
    shared_key = np.broadcast_to(
        (x @ weights.W_key_rope)[..., None, :, :], (*key.shape[:-1], weights.W_key_rope.shape[-1])
    )
    key = np.concatenate([key, shared_key], axis=-1)
    query, key = apply_rotary(query, positions), apply_rotary(key, positions)
    value = split_heads(c @ weights.W_up_value, n_heads)
    mask = mask_for_heads(mask, query, key)
    return merge_heads(scaled_dot_product_attention(query, key, value, mask)) @ weights.W_output


@exercise.mistake("the rotary part is left out")
def rotary_part_left_out(x, weights, n_heads, mask=None):
    width = weights.W_query.shape[-1] // n_heads
    return by_scores(x, weights, n_heads, mask, width=width, weigh=lambda c, p, scale, m: masked_softmax(c * scale, m))


@exercise.mistake("each part is divided by the root of its own width")
def each_part_by_its_own_root(x, weights, n_heads, mask=None):
    width, turned = (W.shape[-1] // n_heads for W in (weights.W_query, weights.W_query_rope))
    whole = math.sqrt(width + turned)
    query, rope = math.sqrt(whole**2 / width), math.sqrt(whole**2 / turned)
    stretched = weights._replace(W_query=weights.W_query * query, W_query_rope=weights.W_query_rope * rope)
    return latent_attention(x, stretched, n_heads, mask)


@exercise.mistake("the scale leaves out the rotary width")
def scaled_by_the_width_without_rotary(x, weights, n_heads, mask=None):
    return by_scores(x, weights, n_heads, mask, width=weights.W_query.shape[-1] // n_heads)


@exercise.mistake("the shared key is not rotated")
def shared_key_not_rotated(x, weights, n_heads, mask=None):
    return by_scores(x, weights, n_heads, mask, with_rope(x, weights, n_heads, turn_key=0))


@exercise.mistake("the query is not rotated")
def query_not_rotated(x, weights, n_heads, mask=None):
    return by_scores(x, weights, n_heads, mask, with_rope(x, weights, n_heads, turn_query=0))


@exercise.mistake("nothing is rotated")
def nothing_rotated(x, weights, n_heads, mask=None):
    return by_scores(x, weights, n_heads, mask, with_rope(x, weights, n_heads, 0, 0))


@exercise.mistake("rotated in the opposite direction")
def rotated_in_the_opposite_direction(x, weights, n_heads, mask=None):
    return by_scores(x, weights, n_heads, mask, with_rope(x, weights, n_heads, -1, -1))


@exercise.mistake("the rotary scores are added after the scale")
def rotary_scores_added_after_the_scale(x, weights, n_heads, mask=None):
    return by_scores(x, weights, n_heads, mask, weigh=lambda c, p, scale, m: masked_softmax(c * scale + p, m))


@exercise.mistake("query and key join their parts in different orders")
def parts_joined_in_different_orders(x, weights, n_heads, mask=None):
    c = x @ weights.W_latent
    query_rope, key_rope = rotated(x, weights, n_heads)
    query = np.concatenate([query_rope, split_heads(x @ weights.W_query, n_heads)], axis=-1)
    key = split_heads(c @ weights.W_up_key, n_heads)
    key = np.concatenate([key, np.broadcast_to(key_rope, (*key.shape[:-1], key_rope.shape[-1]))], axis=-1)
    value = split_heads(c @ weights.W_up_value, n_heads)
    mask = mask_for_heads(mask, query, key)
    return merge_heads(scaled_dot_product_attention(query, key, value, mask)) @ weights.W_output


@exercise.mistake("one wide head")
def one_wide_head(x, weights, n_heads, mask=None):
    tiled = np.tile(weights.W_key_rope, (1, n_heads))
    return latent_attention(x, weights._replace(W_key_rope=tiled), 1, mask)


@exercise.mistake("no output projection")
def no_output_projection(x, weights, n_heads, mask=None):
    return by_scores(x, weights._replace(W_output=np.eye(len(weights.W_output))), n_heads, mask)


@exercise.mistake("mask ignored")
def causal_mask_dropped(x, weights, n_heads, mask=None):
    return latent_attention(x, weights, n_heads)


for turned in UPSIDE_DOWN:

    @exercise.mistake("mask upside down")
    def mask_inverted(x, weights, n_heads, mask=None, turned=turned):
        mask = None if mask is None else turned(mask)
        return latent_attention(x, weights, n_heads, mask)


def with_weights(weigh):
    """Latent attention in which `weigh` makes weights of the scaled scores and the mask."""

    def attend(x, weights, n_heads, mask=None):
        def weigh_both(content, place, scale, mask):
            return weigh((content + place) * scale, mask)

        return by_scores(x, weights, n_heads, mask, weigh=weigh_both)

    return attend


def zeroed(scores, mask):
    return softmax(scores if mask is None else np.where(mask == -np.inf, 0, hide(scores, mask, 0)))


def shared_equally(scores, mask):
    return softmax(scores if mask is None else np.maximum(hide(scores, mask, -1e9), -1e9))


def sees_everything(scores, mask):
    return far_number_added(scores, mask if mask is None or mask.dtype == bool else np.maximum(mask, -1e9))


def gives_nan(scores, mask):
    scores = scores if mask is None else hide(scores, mask, -np.inf)
    exponentials = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


MASK_MISTAKES = {
    "hidden scores set to zero": zeroed,
    "hidden scores set to zero, then renormalized": zeroed_then_renormalized,
    "mask after the softmax, then renormalized": masked_late,
    "an empty row shares its weight equally": shared_equally,
    "an empty row sees everything": sees_everything,
    "an empty row gives NaN": gives_nan,
}
for label, weigh in MASK_MISTAKES.items():
    exercise.mistake(label)(with_weights(weigh))
for guard in GUARDS:
    exercise.mistake("mask after the softmax, then renormalized with a guard")(
        with_weights(partial(masked_late, guard=guard))
    )


def with_width(width_of):
    """Latent attention whose scores are divided by the square root of another width."""

    def attend(x, weights, n_heads, mask=None):
        latent, rotary = weights.W_latent.shape[-1], weights.W_key_rope.shape[-1]
        width = width_of(weights.W_query.shape[-1] // n_heads, rotary, n_heads, x.shape[-1], latent)
        return by_scores(x, weights, n_heads, mask, width=width)

    return attend


def causal_unasked(x, weights, n_heads, mask=None):
    return latent_attention(x, weights, n_heads, np.tri(x.shape[-2], dtype=bool) if mask is None else mask)


def input_added(x, weights, n_heads, mask=None):
    return x + latent_attention(x, weights, n_heads, mask)


IN_BOTH = {  # mistakes that are made with the latent unpacked or not, by their labels
    "scaled by the model width": with_width(lambda d, r, h, m, z: m),
    "scaled by the latent width": with_width(lambda d, r, h, m, z: z),
    "no scale": with_width(lambda d, r, h, m, z: 1),
    "divided by the width, not by its square root": with_width(lambda d, r, h, m, z: (d + r) ** 2),
    "the square roots of both widths are added": with_width(lambda d, r, h, m, z: (d**0.5 + r**0.5) ** 2),
    "scaled by the width of all heads": with_width(lambda d, r, h, m, z: h * (d + r)),
    "the scale counts the rotary width for every head": with_width(lambda d, r, h, m, z: d + h * r),
    "causal, though no mask was given": causal_unasked,
    "the input is added": input_added,
}
for label, mistaken in IN_BOTH.items():
    exercise.mistake(label)(mistaken)


@exercise.mistake("a batch's mask is read as one mask for each head")
def a_batchs_mask_is_read_as_one_mask_for_each_head(x, weights, n_heads, mask=None):
    return latent_attention(x, weights, n_heads, mask if mask is None else mask[None] if mask.ndim == 3 else mask)


@exercise.other_convention("halves, and clockwise")
def halves_and_clockwise(x, weights, n_heads, mask=None):
    order = np.argsort(rotary_halves_order(weights.W_key_rope.shape[-1]))
    return by_scores(x, weights, n_heads, mask, with_rope(x, weights, n_heads, -1, -1, order=order))


@exercise.other_convention("halves rotated instead of adjacent pairs")
def halves_rotated_instead_of_adjacent_pairs(x, weights, n_heads, mask=None):
    order = np.argsort(rotary_halves_order(weights.W_key_rope.shape[-1]))
    return by_scores(x, weights, n_heads, mask, with_rope(x, weights, n_heads, order=order))


@exercise.another_way
def two_scores_added(x, weights, n_heads, mask=None):
    c = x @ weights.W_latent
    query, key = split_heads(x @ weights.W_query, n_heads), split_heads(c @ weights.W_up_key, n_heads)
    query_rope, key_rope = rotated(x, weights, n_heads)
    scores = query @ np.swapaxes(key, -1, -2) + query_rope @ np.swapaxes(key_rope, -1, -2)
    scores /= math.sqrt(query.shape[-1] + query_rope.shape[-1])
    mask = np.expand_dims(mask, -3) if mask is not None and mask.ndim == 3 else mask
    value = split_heads(c @ weights.W_up_value, n_heads)
    return merge_heads(masked_softmax(scores, mask) @ value) @ weights.W_output


@exercise.another_way
def one_head_at_a_time(x, weights, n_heads, mask=None):
    c, positions = x @ weights.W_latent, np.arange(x.shape[-2])
    shared_key = apply_rotary(x @ weights.W_key_rope, positions)
    mask = mask[..., None, :, :] if mask is not None and mask.ndim == 3 else mask
    masks = np.broadcast_to(True if mask is None else mask, (*x.shape[:-2], n_heads, *[x.shape[-2]] * 2))
    parts = zip(*(np.split(W, n_heads, axis=-1) for W in (weights[0], weights[1], *weights[4:6])), strict=True)
    outputs = np.split(weights.W_output, n_heads)
    out = 0
    for head, (W_query, W_query_rope, W_up_key, W_up_value) in enumerate(parts):
        query = np.concatenate([x @ W_query, apply_rotary(x @ W_query_rope, positions)], axis=-1)
        key = np.concatenate([c @ W_up_key, shared_key], axis=-1)
        brought = scaled_dot_product_attention(query, key, c @ W_up_value, masks[..., head, :, :])
        out = out + brought @ outputs[head]
    return out
