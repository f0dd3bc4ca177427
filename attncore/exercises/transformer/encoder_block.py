"""A block."""

import numpy as np

from attncore.exercises.exercise import case, code
from attncore.exercises.softmax.cases import UPSIDE_DOWN
from attncore.exercises.transformer.cases import (
    EMPTY_ROWS,
    LATE_MASKS,
    a_few,
    far_head_weights,
    head_weights,
    layer_weights,
    norm_weights,
    read_as_booleans,
    scaled_with_the_scores,
    unscaled_attention,
)
from attncore.exercises.transformer.feed_forward import GELU_by_its_tanh_formula, ReLU_instead_of_GELU
from attncore.heads import multi_head_attention
from attncore.masks import causal_mask
from attncore.transformer import EncoderWeights, cross_attention, encoder_block, feed_forward, layer_norm


def encoder_weights(rng, s, heads=head_weights):
    return EncoderWeights(norm_weights(rng, s), heads(rng, s), norm_weights(rng, s), layer_weights(rng, s))


def far_encoder_weights(rng, s):
    return encoder_weights(rng, s, far_head_weights)


def with_mask(make):
    """The mask of a case as it is given: a function of the lengths."""
    return {} if make is None else {"mask": lambda rng, s: make(s)}


def encoder_case(name, n_heads=2, mask=None, weights=encoder_weights, **more):
    return case(name, n_heads=n_heads, weights=weights, **with_mask(mask), **more)


NOTHING_ADDED = "Attention adds zeros to a token with nothing allowed, never NaN."
exercise = code(
    encoder_block,
    encoder_case("two heads", small=True),
    encoder_case("one head", 1, small=True),
    encoder_case("three heads, no two axes of one length", 3),
    encoder_case("as many tokens as the width", 2, sizes={"n": 4, "m": 4, "f": 3}),
    encoder_case("a batch of two", small=True, lead=(2,)),
    encoder_case("two leading axes", 4, lead=(2, 3)),
    encoder_case("float32", 4, dtype=np.float32),
    encoder_case("large numbers", 3, magnitude=60.0),
    encoder_case("tiny numbers", 3, magnitude=1e-3),
    encoder_case("a causal mask", small=True, mask=lambda s: np.tri(s.n, dtype=bool)),
    encoder_case("a mask in both directions", 3, mask=lambda s: np.eye(s.n, k=1) + np.eye(s.n) > 0),
    encoder_case("a float mask", 3, mask=lambda s: 0.7 - 0.9 * np.tri(s.n)),
    encoder_case("padding in a batch", 3, lead=(2,), mask=lambda s: np.arange(s.n) < np.array([s.n, 2])[:, None, None]),
    case(
        "hidden scores far above the allowed ones",
        n_heads=3,
        weights=far_encoder_weights,
        mask=a_few("n", "n"),
    ),
    encoder_case(
        "a token with nothing allowed", small=True, promise=NOTHING_ADDED, mask=lambda s: np.tri(s.n, k=-1, dtype=bool)
    ),
)


def encoded(x, weights, n_heads, mask, attend=multi_head_attention, think=feed_forward, eps=1e-5):
    """The reference, with another attention, other feed-forward layers or another eps of the norms."""
    normal = layer_norm(x, *weights.attention_norm, eps)
    x = x + attend(normal, normal, normal, weights.attention, n_heads, mask)
    return x + think(layer_norm(x, *weights.feed_forward_norm, eps), weights.feed_forward)


def post_norm(x, weights, n_heads, mask, think=feed_forward):
    x = x + multi_head_attention(x, x, x, weights.attention, n_heads, mask)
    x = layer_norm(x, *weights.attention_norm)
    return layer_norm(x + think(x, weights.feed_forward), *weights.feed_forward_norm)


@exercise.mistake("norm after each addition")
def norm_after_each_addition(x, weights, n_heads, mask=None):
    return post_norm(x, weights, n_heads, mask)


@exercise.mistake("norm after each addition, and ReLU")
def norm_after_each_addition_and_ReLU(x, weights, n_heads, mask=None):
    return post_norm(x, weights, n_heads, mask, ReLU_instead_of_GELU)


@exercise.mistake("ReLU instead of GELU")
def ReLU_in_the_block(x, weights, n_heads, mask=None):
    return encoded(x, weights, n_heads, mask, think=ReLU_instead_of_GELU)


@exercise.mistake("each branch normalized, then added")
def each_branch_normalized_then_added(x, weights, n_heads, mask=None):
    x = x + layer_norm(multi_head_attention(x, x, x, weights.attention, n_heads, mask), *weights.attention_norm)
    return x + layer_norm(feed_forward(x, weights.feed_forward), *weights.feed_forward_norm)


@exercise.mistake("no norms")
def no_norms(x, weights, n_heads, mask=None):
    x = x + multi_head_attention(x, x, x, weights.attention, n_heads, mask)
    return x + feed_forward(x, weights.feed_forward)


@exercise.mistake("attention without its scale")
def attention_without_its_scale(x, weights, n_heads, mask=None):
    return encoded(x, weights, n_heads, mask, unscaled_attention)


for label, wrongly in LATE_MASKS + EMPTY_ROWS:

    @exercise.mistake(label)
    def masked_in_another_way(x, weights, n_heads, mask=None, attend=wrongly):
        return encoded(x, weights, n_heads, mask, attend)


@exercise.mistake("float mask added before the scale")
def float_mask_added_before_the_scale(x, weights, n_heads, mask=None):
    return encoder_block(x, weights, n_heads, scaled_with_the_scores(mask, weights.attention, n_heads))


@exercise.mistake("float mask read as a boolean")
def float_mask_read_as_a_boolean(x, weights, n_heads, mask=None):
    return encoder_block(x, weights, n_heads, read_as_booleans(mask))


for turned in UPSIDE_DOWN:

    @exercise.mistake("mask upside down")
    def mask_upside_down(x, weights, n_heads, mask=None, turned=turned):
        mask = None if mask is None else turned(mask)
        return encoder_block(x, weights, n_heads, mask)


@exercise.mistake("added to the normalized x")
def added_to_the_normalized_x(x, weights, n_heads, mask=None):
    x = layer_norm(x, *weights.attention_norm)
    x = x + multi_head_attention(x, x, x, weights.attention, n_heads, mask)
    x = layer_norm(x, *weights.feed_forward_norm)
    return x + feed_forward(x, weights.feed_forward)


@exercise.mistake("nothing added at all")
def nothing_added_at_all(x, weights, n_heads, mask=None):
    normal = layer_norm(x, *weights.attention_norm)
    x = multi_head_attention(normal, normal, normal, weights.attention, n_heads, mask)
    return feed_forward(layer_norm(x, *weights.feed_forward_norm), weights.feed_forward)


@exercise.mistake("nothing added around attention")
def nothing_added_around_attention(x, weights, n_heads, mask=None):
    normal = layer_norm(x, *weights.attention_norm)
    x = multi_head_attention(normal, normal, normal, weights.attention, n_heads, mask)
    return x + feed_forward(layer_norm(x, *weights.feed_forward_norm), weights.feed_forward)


@exercise.mistake("nothing added around the feed-forward layers")
def nothing_added_around_the_feed_forward_layers(x, weights, n_heads, mask=None):
    normal = layer_norm(x, *weights.attention_norm)
    x = x + multi_head_attention(normal, normal, normal, weights.attention, n_heads, mask)
    return feed_forward(layer_norm(x, *weights.feed_forward_norm), weights.feed_forward)


@exercise.mistake("the feed-forward layers read x without their norm")
def the_feed_forward_layers_read_x_without_their_norm(x, weights, n_heads, mask=None):
    normal = layer_norm(x, *weights.attention_norm)
    x = x + multi_head_attention(normal, normal, normal, weights.attention, n_heads, mask)
    return x + feed_forward(x, weights.feed_forward)


@exercise.mistake("attention reads x without its norm")
def attention_reads_x_without_its_norm(x, weights, n_heads, mask=None):
    x = x + multi_head_attention(x, x, x, weights.attention, n_heads, mask)
    return x + feed_forward(layer_norm(x, *weights.feed_forward_norm), weights.feed_forward)


@exercise.mistake("only the query normalized")
def only_the_query_normalized(x, weights, n_heads, mask=None):
    x = x + multi_head_attention(layer_norm(x, *weights.attention_norm), x, x, weights.attention, n_heads, mask)
    return x + feed_forward(layer_norm(x, *weights.feed_forward_norm), weights.feed_forward)


@exercise.mistake("first norm used twice")
def first_norm_used_twice(x, weights, n_heads, mask=None):
    return encoder_block(x, weights._replace(feed_forward_norm=weights.attention_norm), n_heads, mask)


@exercise.mistake("the feed-forward layers come first")
def the_feed_forward_layers_come_first(x, weights, n_heads, mask=None):
    x = x + feed_forward(layer_norm(x, *weights.feed_forward_norm), weights.feed_forward)
    normal = layer_norm(x, *weights.attention_norm)
    return x + multi_head_attention(normal, normal, normal, weights.attention, n_heads, mask)


@exercise.mistake("mask dropped")
def mask_dropped(x, weights, n_heads, mask=None):
    return encoder_block(x, weights, n_heads)


@exercise.mistake("causal without being asked")
def causal_without_being_asked(x, weights, n_heads, mask=None):
    return encoder_block(x, weights, n_heads, causal_mask(x.shape[-2]) if mask is None else mask)


@exercise.mistake("no feed-forward layers")
def no_feed_forward_layers(x, weights, n_heads, mask=None):
    normal = layer_norm(x, *weights.attention_norm)
    return x + multi_head_attention(normal, normal, normal, weights.attention, n_heads, mask)


@exercise.other_convention("GELU by its tanh formula")
def GELU_by_tanh_in_the_block(x, weights, n_heads, mask=None):
    return encoded(x, weights, n_heads, mask, think=GELU_by_its_tanh_formula)


@exercise.other_convention("norms with an eps of 1e-6, as in ViT")
def norms_with_the_eps_of_ViT(x, weights, n_heads, mask=None):
    return encoded(x, weights, n_heads, mask, eps=1e-6)


@exercise.other_convention("norms with an eps of 1e-12, as in BERT")
def norms_with_the_eps_of_BERT(x, weights, n_heads, mask=None):
    return encoded(x, weights, n_heads, mask, eps=1e-12)


@exercise.other_convention("attention and feed-forward in parallel")
def attention_and_feed_forward_in_parallel(x, weights, n_heads, mask=None):
    normal = layer_norm(x, *weights.attention_norm)
    attended = multi_head_attention(normal, normal, normal, weights.attention, n_heads, mask)
    return x + attended + feed_forward(layer_norm(x, *weights.feed_forward_norm), weights.feed_forward)


@exercise.another_way
def as_a_list_of_steps(x, weights, n_heads, mask=None):
    def attend(z):
        return multi_head_attention(z, z, z, weights.attention, n_heads, mask)

    def think(z):
        return feed_forward(z, weights.feed_forward)

    for norm, step in ((weights.attention_norm, attend), (weights.feed_forward_norm, think)):
        x = x + step(layer_norm(x, *norm))
    return x


@exercise.another_way
def token_by_token(x, weights, n_heads, mask=None):
    n = x.shape[-2]
    normal, rows = layer_norm(x, *weights.attention_norm), []
    if mask is not None:
        mask = np.broadcast_to(mask, (*mask.shape[:-2], n, n))
    for i in range(n):
        one = slice(i, i + 1)
        seen = None if mask is None else mask[..., one, :]
        row = x[..., one, :] + cross_attention(normal[..., one, :], normal, weights.attention, n_heads, seen)
        rows.append(row + feed_forward(layer_norm(row, *weights.feed_forward_norm), weights.feed_forward))
    return np.concatenate(rows, axis=-2)
