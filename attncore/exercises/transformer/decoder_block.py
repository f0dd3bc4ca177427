"""A block with a memory."""

import numpy as np

from attncore.exercises.exercise import case, code
from attncore.exercises.transformer.cases import (
    LATE_MASKS,
    far_head_weights,
    head_weights,
    layer_weights,
    norm_weights,
    unscaled_attention,
)
from attncore.exercises.transformer.feed_forward import GELU_by_its_tanh_formula, ReLU_instead_of_GELU
from attncore.heads import multi_head_attention
from attncore.masks import causal_mask
from attncore.transformer import (
    DecoderWeights,
    EncoderWeights,
    cross_attention,
    decoder_block,
    encoder_block,
    feed_forward,
    layer_norm,
)


def decoder_weights(rng, s):
    own, cross = (norm_weights(rng, s), head_weights(rng, s)), (norm_weights(rng, s), head_weights(rng, s))
    return DecoderWeights(*own, *cross, norm_weights(rng, s), layer_weights(rng, s))


def far_decoder_weights(rng, s):
    return decoder_weights(rng, s)._replace(attention=far_head_weights(rng, s))


def decoder_case(name, n_heads=2, weights=decoder_weights, **more):
    sizes = {"n": 3, "k": 2} if more.get("small") else {"n": 4}
    sizes |= more.pop("sizes", {})
    return case(name, n_heads=n_heads, weights=weights, sizes=sizes, **more)


exercise = code(
    decoder_block,
    decoder_case("two heads", small=True),
    decoder_case("one head", 1, small=True),
    decoder_case("three heads, no two axes of one length", 3),
    decoder_case("as many tokens as the memory has", 3, sizes={"n": 5}),
    decoder_case("a first token alone", small=True, sizes={"n": 1}),
    decoder_case("a memory of one token", small=True, sizes={"k": 1}),
    decoder_case("a batch of two", small=True, lead=(2,)),
    decoder_case("two leading axes", 4, lead=(2, 3)),
    decoder_case("float32", 4, dtype=np.float32),
    decoder_case("large numbers", 3, magnitude=60.0),
    decoder_case("tiny numbers", 3, magnitude=1e-3),
    decoder_case("scores of later tokens far above", 3, weights=far_decoder_weights),
)


def decoded(
    x,
    memory,
    weights,
    n_heads,
    mask="causal",
    memory_mask=None,
    attend=multi_head_attention,
    attend_memory=cross_attention,
    think=feed_forward,
    eps=1e-5,
):
    """The reference, with a place to change for each mistake."""
    normal = layer_norm(x, *weights.attention_norm, eps)
    mask = causal_mask(x.shape[-2]) if mask == "causal" else mask
    x = x + attend(normal, normal, normal, weights.attention, n_heads, mask)
    x = x + attend_memory(layer_norm(x, *weights.cross_norm, eps), memory, weights.cross, n_heads, memory_mask)
    return x + think(layer_norm(x, *weights.feed_forward_norm, eps), weights.feed_forward)


def post_norm(x, memory, weights, n_heads, think=feed_forward):
    x = x + multi_head_attention(x, x, x, weights.attention, n_heads, causal_mask(x.shape[-2]))
    x = layer_norm(x, *weights.attention_norm)
    x = layer_norm(x + cross_attention(x, memory, weights.cross, n_heads), *weights.cross_norm)
    return layer_norm(x + think(x, weights.feed_forward), *weights.feed_forward_norm)


@exercise.mistake("self-attention not causal")
def self_attention_not_causal(x, memory, weights, n_heads):
    return decoded(x, memory, weights, n_heads, mask=None)


@exercise.mistake("cross-attention before self-attention")
def cross_attention_before_self_attention(x, memory, weights, n_heads):
    x = x + cross_attention(layer_norm(x, *weights.cross_norm), memory, weights.cross, n_heads)
    normal = layer_norm(x, *weights.attention_norm)
    x = x + multi_head_attention(normal, normal, normal, weights.attention, n_heads, causal_mask(x.shape[-2]))
    return x + feed_forward(layer_norm(x, *weights.feed_forward_norm), weights.feed_forward)


@exercise.mistake("the query taken from before the self-attention")
def the_query_taken_from_before_the_self_attention(x, memory, weights, n_heads):
    normal = layer_norm(x, *weights.attention_norm)
    asking = layer_norm(x, *weights.cross_norm)
    x = x + multi_head_attention(normal, normal, normal, weights.attention, n_heads, causal_mask(x.shape[-2]))
    x = x + cross_attention(asking, memory, weights.cross, n_heads)
    return x + feed_forward(layer_norm(x, *weights.feed_forward_norm), weights.feed_forward)


@exercise.mistake("memory masked causally")
def memory_masked_causally(x, memory, weights, n_heads):
    return decoded(x, memory, weights, n_heads, memory_mask=np.tri(x.shape[-2], memory.shape[-2], dtype=bool))


@exercise.mistake("nothing added around the cross-attention")
def nothing_added_around_the_cross_attention(x, memory, weights, n_heads):
    normal = layer_norm(x, *weights.attention_norm)
    x = x + multi_head_attention(normal, normal, normal, weights.attention, n_heads, causal_mask(x.shape[-2]))
    x = cross_attention(layer_norm(x, *weights.cross_norm), memory, weights.cross, n_heads)
    return x + feed_forward(layer_norm(x, *weights.feed_forward_norm), weights.feed_forward)


@exercise.mistake("memory normalized as well")
def memory_normalized_as_well(x, memory, weights, n_heads):
    return decoded(x, layer_norm(memory, *weights.cross_norm), weights, n_heads)


@exercise.mistake("memory never looked at")
def memory_never_looked_at(x, memory, weights, n_heads):
    as_encoder = EncoderWeights(weights.attention_norm, weights.attention, *weights[4:])
    return encoder_block(x, as_encoder, n_heads, causal_mask(x.shape[-2]))


@exercise.mistake("cross-attention to its own text")
def cross_attention_to_its_own_text(x, memory, weights, n_heads):
    def attend(asking, memory, weights, n_heads, mask):
        return multi_head_attention(asking, asking, asking, weights, n_heads)

    return decoded(x, memory, weights, n_heads, attend_memory=attend)


@exercise.mistake("memory asks and the text answers")
def memory_asks_and_the_text_answers(x, memory, weights, n_heads):
    def attend(asking, memory, weights, n_heads, mask):
        return multi_head_attention(memory, asking, asking, weights, n_heads)

    return decoded(x, memory, weights, n_heads, attend_memory=attend)


@exercise.mistake("one set of heads for both")
def one_set_of_heads_for_both(x, memory, weights, n_heads):
    return decoder_block(x, memory, weights._replace(cross=weights.attention), n_heads)


@exercise.mistake("the first norm used for the cross-attention")
def the_first_norm_used_for_the_cross_attention(x, memory, weights, n_heads):
    return decoder_block(x, memory, weights._replace(cross_norm=weights.attention_norm), n_heads)


@exercise.mistake("norm after each addition")
def norm_after_each_addition(x, memory, weights, n_heads):
    return post_norm(x, memory, weights, n_heads)


@exercise.mistake("norm after each addition, and ReLU")
def norm_after_each_addition_and_ReLU(x, memory, weights, n_heads):
    return post_norm(x, memory, weights, n_heads, ReLU_instead_of_GELU)


@exercise.mistake("ReLU instead of GELU")
def ReLU_in_the_block(x, memory, weights, n_heads):
    return decoded(x, memory, weights, n_heads, think=ReLU_instead_of_GELU)


@exercise.mistake("each branch normalized, then added")
def each_branch_normalized_then_added(x, memory, weights, n_heads):
    own = multi_head_attention(x, x, x, weights.attention, n_heads, causal_mask(x.shape[-2]))
    x = x + layer_norm(own, *weights.attention_norm)
    x = x + layer_norm(cross_attention(x, memory, weights.cross, n_heads), *weights.cross_norm)
    return x + layer_norm(feed_forward(x, weights.feed_forward), *weights.feed_forward_norm)


@exercise.mistake("no norms")
def no_norms(x, memory, weights, n_heads):
    x = x + multi_head_attention(x, x, x, weights.attention, n_heads, causal_mask(x.shape[-2]))
    x = x + cross_attention(x, memory, weights.cross, n_heads)
    return x + feed_forward(x, weights.feed_forward)


def unscaled_cross_attention(x, memory, weights, n_heads, memory_mask):
    return unscaled_attention(x, memory, memory, weights, n_heads, memory_mask)


@exercise.mistake("attention without its scale")
def both_attentions_without_their_scale(x, memory, weights, n_heads):
    return decoded(x, memory, weights, n_heads, attend=unscaled_attention, attend_memory=unscaled_cross_attention)


@exercise.mistake("attention without its scale")
def self_attention_without_its_scale(x, memory, weights, n_heads):
    return decoded(x, memory, weights, n_heads, attend=unscaled_attention)


@exercise.mistake("attention without its scale")
def cross_attention_without_its_scale(x, memory, weights, n_heads):
    return decoded(x, memory, weights, n_heads, attend_memory=unscaled_cross_attention)


for label, wrongly in LATE_MASKS:

    @exercise.mistake(label)
    def masked_in_another_way(x, memory, weights, n_heads, attend=wrongly):
        return decoded(x, memory, weights, n_heads, attend=attend)


@exercise.other_convention("GELU by its tanh formula")
def GELU_by_tanh_in_the_block(x, memory, weights, n_heads):
    return decoded(x, memory, weights, n_heads, think=GELU_by_its_tanh_formula)


@exercise.other_convention("norms with an eps of 1e-6, as in ViT")
def norms_with_the_eps_of_ViT(x, memory, weights, n_heads):
    return decoded(x, memory, weights, n_heads, eps=1e-6)


@exercise.other_convention("norms with an eps of 1e-12, as in BERT")
def norms_with_the_eps_of_BERT(x, memory, weights, n_heads):
    return decoded(x, memory, weights, n_heads, eps=1e-12)


@exercise.another_way
def one_token_at_a_time(x, memory, weights, n_heads):
    rows = []
    for t in range(1, x.shape[-2] + 1):
        normal, last = layer_norm(x[..., :t, :], *weights.attention_norm), x[..., t - 1 : t, :]
        last = last + cross_attention(normal[..., -1:, :], normal, weights.attention, n_heads)
        asking = layer_norm(last, *weights.cross_norm)
        last = last + cross_attention(asking, memory, weights.cross, n_heads)
        asking = layer_norm(last, *weights.feed_forward_norm)
        rows.append(last + feed_forward(asking, weights.feed_forward))
    return np.concatenate(rows, axis=-2)


@exercise.another_way
def as_a_list_of_steps(x, memory, weights, n_heads):
    steps = (
        lambda z: multi_head_attention(z, z, z, weights.attention, n_heads, np.tri(z.shape[-2], dtype=bool)),
        lambda z: multi_head_attention(z, memory, memory, weights.cross, n_heads),
        lambda z: feed_forward(z, weights.feed_forward),
    )
    for norm, step in zip((weights.attention_norm, weights.cross_norm, weights.feed_forward_norm), steps, strict=True):
        x = x + step(layer_norm(x, *norm))
    return x


@exercise.another_way
def through_the_encoder_block(x, memory, weights, n_heads):
    layers = weights.feed_forward
    silent = layers._replace(W_out=np.zeros_like(layers.W_out), b_out=np.zeros_like(layers.b_out))
    own = EncoderWeights(weights.attention_norm, weights.attention, weights.feed_forward_norm, silent)
    x = encoder_block(x, own, n_heads, causal_mask(x.shape[-2]))
    x = x + cross_attention(layer_norm(x, *weights.cross_norm), memory, weights.cross, n_heads)
    return x + feed_forward(layer_norm(x, *weights.feed_forward_norm), layers)
