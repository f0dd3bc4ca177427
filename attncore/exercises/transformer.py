"""Lesson 09: the Transformer's blocks, the masks of its families, and what they train on."""

import math
from copy import deepcopy

import numpy as np

from attncore.dot_product import scaled_dot_product_attention
from attncore.exercises.exercise import Case, Lesson, case, cases
from attncore.heads import HeadWeights, merge_heads, multi_head_attention, split_heads
from attncore.masks import causal_mask, prefix_mask
from attncore.shapes import shaped
from attncore.transformer import (
    DecoderWeights,
    EncoderWeights,
    FeedForwardWeights,
    NormWeights,
    corrupt_tokens,
    cross_attention,
    decoder_block,
    encoder_block,
    feed_forward,
    gelu,
    layer_norm,
    mask_for,
    next_token_targets,
)

lesson = Lesson("09_transformer")

norms = lesson.code(
    layer_norm,
    cases(
        layer_norm,
        case(layer_norm, "as many tokens as the width", lead=(12,)),
        case(layer_norm, "a token of one number repeated", small=True, x=np.full((2, 4), 3.0), stage="no variance"),
        case(layer_norm, "an eps that is given", small=True, lead=(3,), stage="the eps", eps=0.5),
        case(layer_norm, "tiny numbers", lead=(3,), magnitude=1e-3, stage="tiny numbers", gain=np.ones(12)),
        case(layer_norm, "numbers in the thousands", lead=(3,), magnitude=3000.0, stage="large numbers"),
        case(
            layer_norm,
            "float32, far from zero",
            lead=(3,),
            dtype=np.float32,
            stage="numbers far from zero in float32",
            x=lambda rng, s: 300 + rng.standard_normal((3, s.m)),
            gain=np.ones(12),
            bias=np.zeros(12),
        ),
    ),
)


@norms.mistake
def divided_by_one_less_than_the_width(x, gain, bias, eps=1e-5):
    mean, variance = x.mean(axis=-1, keepdims=True), x.var(axis=-1, keepdims=True, ddof=1)
    return (x - mean) / np.sqrt(variance + eps) * gain + bias


@norms.mistake
def eps_outside_the_root(x, gain, bias, eps=1e-5):
    mean, deviation = x.mean(axis=-1, keepdims=True), x.std(axis=-1, keepdims=True)
    return (x - mean) / (deviation + eps) * gain + bias


@norms.mistake
def no_eps(x, gain, bias, eps=1e-5):
    return layer_norm(x, gain, bias, 0.0)


@norms.mistake
def given_eps_ignored(x, gain, bias, eps=1e-5):
    return layer_norm(x, gain, bias)


@norms.mistake
def statistics_over_the_tokens(x, gain, bias, eps=1e-5):
    centred = x - x.mean(axis=0)
    variance = np.mean(centred**2, axis=0)
    return centred / np.sqrt(variance + eps) * gain + bias


@norms.mistake
def one_mean_and_variance_for_everything(x, gain, bias, eps=1e-5):
    return (x - x.mean()) / np.sqrt(x.var() + eps) * gain + bias


@norms.mistake
def no_mean_subtracted(x, gain, bias, eps=1e-5):
    return x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + eps) * gain + bias


@norms.mistake
def divided_by_the_variance(x, gain, bias, eps=1e-5):
    mean, variance = x.mean(axis=-1, keepdims=True), x.var(axis=-1, keepdims=True)
    return (x - mean) / (variance + eps) * gain + bias


@norms.mistake
def gain_and_bias_swapped(x, gain, bias, eps=1e-5):
    return layer_norm(x, bias, gain, eps)


@norms.mistake
def bias_added_before_the_gain(x, gain, bias, eps=1e-5):
    return layer_norm(x, gain, bias * gain, eps)


@norms.mistake
def no_gain_and_no_bias(x, gain, bias, eps=1e-5):
    return layer_norm(x, np.ones_like(gain), np.zeros_like(bias), eps)


@norms.mistake
def mean_of_the_squares_minus_the_squared_mean(x, gain, bias, eps=1e-5):
    mean = x.mean(axis=-1, keepdims=True)
    variance = np.mean(x * x, axis=-1, keepdims=True) - mean * mean
    return (x - mean) / np.sqrt(variance + eps) * gain + bias


@norms.another_way
def with_mean_and_var(x, gain, bias, eps=1e-5):
    mean, variance = x.mean(axis=-1, keepdims=True), x.var(axis=-1, keepdims=True)
    return gain * (x - mean) / np.sqrt(variance + eps) + bias


@norms.another_way
def number_by_number(x, gain, bias, eps=1e-5):
    if np.ndim(x) > 1:
        return [number_by_number(token, gain, bias, eps) for token in x]
    mean = sum(x) / len(x)
    deviation = math.sqrt(sum((a - mean) ** 2 for a in x) / len(x) + eps)
    return [(a - mean) / deviation * g + b for a, g, b in zip(x, gain, bias, strict=True)]


@norms.another_way
def as_a_projection_and_a_length(x, gain, bias, eps=1e-5):
    m = x.shape[-1]
    centred = x @ (np.eye(m) - 1 / m)
    length = np.sqrt(np.einsum("...m,...m->...", centred, centred) + m * eps)
    return np.sqrt(m) * centred / length[..., None] * gain + bias


def drawn(rng, s, *shape):
    """Weights that keep numbers at their size: divided by the square root of how many are added up."""
    return np.round(rng.standard_normal(shape) / math.sqrt(shape[0]), 1 if s.m < 8 else 6)


def norm_weights(rng, s):
    return NormWeights(np.round(1 + 0.4 * rng.standard_normal(s.m), 1), np.round(0.4 * rng.standard_normal(s.m), 1))


def head_weights(rng, s):
    return HeadWeights(*(drawn(rng, s, s.m, s.m) for _ in range(4)))


def layer_weights(rng, s):
    biases = np.round(0.5 * rng.standard_normal(s.f + s.m), 1)
    return FeedForwardWeights(drawn(rng, s, s.m, s.f), biases[: s.f], drawn(rng, s, s.f, s.m), biases[s.f :])


def encoder_weights(rng, s):
    return EncoderWeights(norm_weights(rng, s), head_weights(rng, s), norm_weights(rng, s), layer_weights(rng, s))


def decoder_weights(rng, s):
    own, cross = (norm_weights(rng, s), head_weights(rng, s)), (norm_weights(rng, s), head_weights(rng, s))
    return DecoderWeights(*own, *cross, norm_weights(rng, s), layer_weights(rng, s))


layers = lesson.code(
    feed_forward,
    cases(
        feed_forward,
        case(feed_forward, "as many tokens as the width", lead=(12,), weights=layer_weights),
        case(feed_forward, "as wide inside as outside", sizes={"f": 12}, weights=layer_weights),
        case(feed_forward, "large numbers", lead=(3,), magnitude=60.0, stage="large numbers", weights=layer_weights),
        weights=layer_weights,
    ),
)


def with_activation(activation, x, weights):
    return activation(x @ weights.W_in + weights.b_in) @ weights.W_out + weights.b_out


@layers.mistake
def relu_instead_of_gelu(x, weights):
    return np.maximum(x @ weights.W_in + weights.b_in, 0) @ weights.W_out + weights.b_out


@layers.mistake
def no_activation(x, weights):
    return (x @ weights.W_in + weights.b_in) @ weights.W_out + weights.b_out


@layers.mistake
def activation_after_the_second_layer_too(x, weights):
    return gelu(feed_forward(x, weights))


@layers.mistake
def activation_before_the_first_layer(x, weights):
    return (gelu(x) @ weights.W_in + weights.b_in) @ weights.W_out + weights.b_out


@layers.mistake
def only_the_share_below_not_times_x(x, weights):
    return with_activation(lambda h: np.vectorize(math.erf)(h / math.sqrt(2)) / 2 + 0.5, x, weights)


@layers.mistake
def no_square_root_of_two_in_the_error_function(x, weights):
    return with_activation(lambda h: h * (np.vectorize(math.erf)(h) + 1) / 2, x, weights)


@layers.mistake
def swish_instead_of_gelu(x, weights):
    return with_activation(lambda h: h / (1 + np.exp(-h)), x, weights)


@layers.mistake
def residual_added_inside(x, weights):
    return x + feed_forward(x, weights)


@layers.mistake
def biases_left_out(x, weights):
    return gelu(x @ weights.W_in) @ weights.W_out


@layers.mistake
def bias_added_after_the_activation(x, weights):
    return (gelu(x @ weights.W_in) + weights.b_in) @ weights.W_out + weights.b_out


@layers.other_convention
def gelu_by_its_tanh_formula(x, weights):
    def by_tanh(h):
        return 0.5 * h * (1 + np.tanh(math.sqrt(2 / math.pi) * (h + 0.044715 * h**3)))

    return with_activation(by_tanh, x, weights)


@layers.other_convention
def gelu_by_a_sigmoid(x, weights):
    return with_activation(lambda h: h / (1 + np.exp(-1.702 * h)), x, weights)


@layers.another_way
def neuron_by_neuron(x, weights):
    out = weights.b_out
    for i in range(len(weights.b_in)):
        fires = gelu(x @ weights.W_in[:, [i]] + weights.b_in[i])
        out = out + fires * weights.W_out[i]
    return out


@layers.another_way
def number_after_number(x, weights):
    if np.ndim(x) > 1:
        return [number_after_number(token, weights) for token in x]
    out = list(weights.b_out)
    for column, bias, row in zip(weights.W_in.T, weights.b_in, weights.W_out, strict=True):
        h = sum(a * w for a, w in zip(x, column, strict=True)) + bias
        fires = h * math.erfc(-h / math.sqrt(2)) / 2
        out = [o + fires * w for o, w in zip(out, row, strict=True)]
    return out


def with_mask(make):
    """The mask of a case as it is given: a function of the lengths."""
    return {} if make is None else {"mask": lambda rng, s: make(s)}


def encoder_case(name, n_heads=2, mask=None, **more):
    return case(encoder_block, name, n_heads=n_heads, weights=encoder_weights, **with_mask(mask), **more)


encoder = lesson.code(
    encoder_block,
    [
        encoder_case("two heads", small=True),
        encoder_case("one head", 1, small=True),
        encoder_case("three heads, no two axes of one length", 3),
        encoder_case("as many tokens as the width", 2, sizes={"n": 4, "m": 4, "f": 3}),
        encoder_case("a batch of two", small=True, lead=(2,)),
        encoder_case("two leading axes", 4, lead=(2, 3)),
        encoder_case("float32", 4, dtype=np.float32),
        encoder_case("large numbers", 3, magnitude=60.0, stage="large numbers"),
        encoder_case("tiny numbers", 3, magnitude=1e-3, stage="tiny numbers"),
        encoder_case("a causal mask", small=True, mask=lambda s: np.tri(s.n, dtype=bool), stage="a mask"),
        encoder_case("a mask in both directions", 3, mask=lambda s: np.eye(s.n, k=1) + np.eye(s.n) > 0, stage="a mask"),
        encoder_case("a float mask", 3, mask=lambda s: 0.7 - 0.9 * np.tri(s.n), stage="a float mask"),
        encoder_case(
            "padding in a batch",
            3,
            lead=(2,),
            mask=lambda s: np.arange(s.n) < np.array([s.n, 2])[:, None, None],
            stage="padding",
        ),
        encoder_case(
            "a token with nothing allowed",
            small=True,
            mask=lambda s: np.tri(s.n, k=-1, dtype=bool),
            stage="a row with nothing allowed",
        ),
    ],
)


@encoder.mistake
def norm_after_each_addition(x, weights, n_heads, mask=None):
    x = x + multi_head_attention(x, x, x, weights.attention, n_heads, mask)
    x = layer_norm(x, *weights.attention_norm)
    return layer_norm(x + feed_forward(x, weights.feed_forward), *weights.feed_forward_norm)


@encoder.mistake
def added_to_the_normalised_x(x, weights, n_heads, mask=None):
    x = layer_norm(x, *weights.attention_norm)
    x = x + multi_head_attention(x, x, x, weights.attention, n_heads, mask)
    x = layer_norm(x, *weights.feed_forward_norm)
    return x + feed_forward(x, weights.feed_forward)


@encoder.mistake
def nothing_added_around_attention(x, weights, n_heads, mask=None):
    normal = layer_norm(x, *weights.attention_norm)
    x = multi_head_attention(normal, normal, normal, weights.attention, n_heads, mask)
    return x + feed_forward(layer_norm(x, *weights.feed_forward_norm), weights.feed_forward)


@encoder.mistake
def nothing_added_around_the_feed_forward_layers(x, weights, n_heads, mask=None):
    normal = layer_norm(x, *weights.attention_norm)
    x = x + multi_head_attention(normal, normal, normal, weights.attention, n_heads, mask)
    return feed_forward(layer_norm(x, *weights.feed_forward_norm), weights.feed_forward)


@encoder.mistake
def feed_forward_reads_x_without_its_norm(x, weights, n_heads, mask=None):
    normal = layer_norm(x, *weights.attention_norm)
    x = x + multi_head_attention(normal, normal, normal, weights.attention, n_heads, mask)
    return x + feed_forward(x, weights.feed_forward)


@encoder.mistake
def attention_reads_x_without_its_norm(x, weights, n_heads, mask=None):
    x = x + multi_head_attention(x, x, x, weights.attention, n_heads, mask)
    return x + feed_forward(layer_norm(x, *weights.feed_forward_norm), weights.feed_forward)


@encoder.mistake
def only_the_query_is_normalised(x, weights, n_heads, mask=None):
    x = x + multi_head_attention(layer_norm(x, *weights.attention_norm), x, x, weights.attention, n_heads, mask)
    return x + feed_forward(layer_norm(x, *weights.feed_forward_norm), weights.feed_forward)


@encoder.mistake
def first_norm_used_twice(x, weights, n_heads, mask=None):
    return encoder_block(x, weights._replace(feed_forward_norm=weights.attention_norm), n_heads, mask)


@encoder.mistake
def feed_forward_layers_come_first(x, weights, n_heads, mask=None):
    x = x + feed_forward(layer_norm(x, *weights.feed_forward_norm), weights.feed_forward)
    normal = layer_norm(x, *weights.attention_norm)
    return x + multi_head_attention(normal, normal, normal, weights.attention, n_heads, mask)


@encoder.mistake
def mask_dropped(x, weights, n_heads, mask=None):
    return encoder_block(x, weights, n_heads)


@encoder.mistake
def causal_without_being_asked(x, weights, n_heads, mask=None):
    return encoder_block(x, weights, n_heads, causal_mask(x.shape[-2]) if mask is None else mask)


@encoder.mistake
def no_feed_forward_layers(x, weights, n_heads, mask=None):
    normal = layer_norm(x, *weights.attention_norm)
    return x + multi_head_attention(normal, normal, normal, weights.attention, n_heads, mask)


@encoder.other_convention
def attention_and_feed_forward_in_parallel(x, weights, n_heads, mask=None):
    normal = layer_norm(x, *weights.attention_norm)
    attended = multi_head_attention(normal, normal, normal, weights.attention, n_heads, mask)
    return x + attended + feed_forward(layer_norm(x, *weights.feed_forward_norm), weights.feed_forward)


@encoder.another_way
def as_a_list_of_steps(x, weights, n_heads, mask=None):
    def attend(z):
        return multi_head_attention(z, z, z, weights.attention, n_heads, mask)

    def think(z):
        return feed_forward(z, weights.feed_forward)

    for norm, step in ((weights.attention_norm, attend), (weights.feed_forward_norm, think)):
        x = x + step(layer_norm(x, *norm))
    return x


@encoder.another_way
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


def cross_case(name, n_heads=2, mask=None, **more):
    given = {} if mask is None else {"memory_mask": lambda rng, s: mask(s)}
    return case(cross_attention, name, n_heads=n_heads, weights=head_weights, **given, **more)


cross = lesson.code(
    cross_attention,
    [
        cross_case("two heads", small=True),
        cross_case("one head", 1, small=True),
        cross_case("three heads, no two axes of one length", 3),
        cross_case("as many tokens as the memory has", small=True, sizes={"q": 3}),
        cross_case("more tokens than the memory has", small=True, sizes={"q": 4, "k": 2}),
        cross_case("a batch of two", small=True, lead=(2,)),
        cross_case("two leading axes", 4, lead=(2, 3)),
        cross_case("float32", 4, dtype=np.float32),
        cross_case("large numbers", 4, magnitude=60.0, stage="large scores"),
        cross_case("a mask", small=True, mask=lambda s: np.tri(s.q, s.k, dtype=bool), stage="a mask"),
        cross_case("a mask on a square", 3, sizes={"q": 5}, mask=lambda s: ~np.tri(s.q, s.k, -2, bool), stage="a mask"),
        cross_case("a float mask", 3, mask=lambda s: 0.7 - 0.9 * np.tri(s.q, s.k), stage="a float mask"),
        cross_case(
            "padding in the memory",
            3,
            lead=(2,),
            mask=lambda s: np.arange(s.k) < np.array([s.k, 2])[:, None, None],
            stage="padding",
        ),
        cross_case(
            "a query that may see no memory",
            small=True,
            mask=lambda s: np.array([[True, False, True], [False, False, False]]),
            stage="a row with nothing allowed",
        ),
    ],
)


@cross.mistake
def memory_asks_and_x_answers(x, memory, weights, n_heads, memory_mask=None):
    mask = None if memory_mask is None else np.swapaxes(np.broadcast_to(memory_mask, masked(x, memory)), -1, -2)
    return multi_head_attention(memory, x, x, weights, n_heads, mask)


def masked(x, memory):
    return (*x.shape[:-1], memory.shape[-2])


@cross.mistake
def values_from_x(x, memory, weights, n_heads, memory_mask=None):
    return multi_head_attention(x, memory, x, weights, n_heads, memory_mask)


@cross.mistake
def keys_from_x(x, memory, weights, n_heads, memory_mask=None):
    return multi_head_attention(x, x, memory, weights, n_heads, memory_mask)


@cross.mistake
def memory_never_looked_at(x, memory, weights, n_heads, memory_mask=None):
    return multi_head_attention(x, x, x, weights, n_heads)


@cross.mistake
def own_text_put_in_front_of_the_memory(x, memory, weights, n_heads, memory_mask=None):
    both = np.concatenate([x, memory], axis=-2)
    if memory_mask is not None:
        own = np.ones((*memory_mask.shape[:-1], x.shape[-2]))
        own = own.astype(bool) if memory_mask.dtype == bool else 0 * own
        memory_mask = np.concatenate([own, memory_mask], axis=-1)
    return multi_head_attention(x, both, both, weights, n_heads, memory_mask)


@cross.mistake
def mask_ignored(x, memory, weights, n_heads, memory_mask=None):
    return cross_attention(x, memory, weights, n_heads)


@cross.mistake
def mask_upside_down(x, memory, weights, n_heads, memory_mask=None):
    if memory_mask is not None:
        memory_mask = ~memory_mask if memory_mask.dtype == bool else -memory_mask
    return cross_attention(x, memory, weights, n_heads, memory_mask)


@cross.mistake
def memory_masked_causally(x, memory, weights, n_heads, memory_mask=None):
    if memory_mask is None:
        memory_mask = np.tri(x.shape[-2], memory.shape[-2], dtype=bool)
    return cross_attention(x, memory, weights, n_heads, memory_mask)


@cross.mistake
def residual_added_inside(x, memory, weights, n_heads, memory_mask=None):
    return x + cross_attention(x, memory, weights, n_heads, memory_mask)


@cross.mistake
def input_returned(x, memory, weights, n_heads, memory_mask=None):
    return x


@cross.mistake
def query_and_key_weights_swapped(x, memory, weights, n_heads, memory_mask=None):
    swapped = weights._replace(W_query=weights.W_key, W_key=weights.W_query)
    return cross_attention(x, memory, swapped, n_heads, memory_mask)


@cross.another_way
def with_the_memory_projected_once(x, memory, weights, n_heads, memory_mask=None):
    key, value = memory @ weights.W_key, memory @ weights.W_value  # once a text, not once a token
    same = np.eye(memory.shape[-1])
    return multi_head_attention(x, key, value, weights._replace(W_key=same, W_value=same), n_heads, memory_mask)


@cross.another_way
def from_its_parts(x, memory, weights, n_heads, memory_mask=None):
    query = split_heads(x @ weights.W_query, n_heads)
    key, value = (split_heads(memory @ W, n_heads) for W in (weights.W_key, weights.W_value))
    if memory_mask is not None and memory_mask.ndim > 2:
        memory_mask = np.expand_dims(memory_mask, -3)
    return merge_heads(scaled_dot_product_attention(query, key, value, memory_mask)) @ weights.W_output


@cross.another_way
def head_after_head(x, memory, weights, n_heads, memory_mask=None):
    width, out = x.shape[-1] // n_heads, 0
    for head in range(n_heads):
        mine = slice(head * width, (head + 1) * width)
        query, key = x @ weights.W_query[:, mine], memory @ weights.W_key[:, mine]
        found = scaled_dot_product_attention(query, key, memory @ weights.W_value[:, mine], memory_mask)
        out = out + found @ weights.W_output[mine]
    return out


def decoder_case(name, n_heads=2, **more):
    sizes = {"n": 3, "k": 2} if more.get("small") else {"n": 4}
    sizes |= more.pop("sizes", {})
    return case(decoder_block, name, n_heads=n_heads, weights=decoder_weights, sizes=sizes, **more)


decoder = lesson.code(
    decoder_block,
    [
        decoder_case("two heads", small=True),
        decoder_case("one head", 1, small=True),
        decoder_case("three heads, no two axes of one length", 3),
        decoder_case("as many tokens as the memory has", 3, sizes={"n": 5}),
        decoder_case("a first token alone", small=True, sizes={"n": 1}),
        decoder_case("a memory of one token", small=True, sizes={"k": 1}),
        decoder_case("a batch of two", small=True, lead=(2,)),
        decoder_case("two leading axes", 4, lead=(2, 3)),
        decoder_case("float32", 4, dtype=np.float32),
        decoder_case("large numbers", 3, magnitude=60.0, stage="large numbers"),
        decoder_case("tiny numbers", 3, magnitude=1e-3, stage="tiny numbers"),
    ],
)


def decoded(x, memory, weights, n_heads, mask="causal", memory_mask=None, attend_memory=cross_attention):
    """The reference, with a place to change for each mistake."""
    normal = layer_norm(x, *weights.attention_norm)
    mask = causal_mask(x.shape[-2]) if mask == "causal" else mask
    x = x + multi_head_attention(normal, normal, normal, weights.attention, n_heads, mask)
    x = x + attend_memory(layer_norm(x, *weights.cross_norm), memory, weights.cross, n_heads, memory_mask)
    return x + feed_forward(layer_norm(x, *weights.feed_forward_norm), weights.feed_forward)


@decoder.mistake
def own_attention_not_causal(x, memory, weights, n_heads):
    return decoded(x, memory, weights, n_heads, mask=None)


@decoder.mistake
def memory_before_the_own_text(x, memory, weights, n_heads):
    x = x + cross_attention(layer_norm(x, *weights.cross_norm), memory, weights.cross, n_heads)
    normal = layer_norm(x, *weights.attention_norm)
    x = x + multi_head_attention(normal, normal, normal, weights.attention, n_heads, causal_mask(x.shape[-2]))
    return x + feed_forward(layer_norm(x, *weights.feed_forward_norm), weights.feed_forward)


@decoder.mistake
def query_from_before_the_own_attention(x, memory, weights, n_heads):
    normal = layer_norm(x, *weights.attention_norm)
    asking = layer_norm(x, *weights.cross_norm)
    x = x + multi_head_attention(normal, normal, normal, weights.attention, n_heads, causal_mask(x.shape[-2]))
    x = x + cross_attention(asking, memory, weights.cross, n_heads)
    return x + feed_forward(layer_norm(x, *weights.feed_forward_norm), weights.feed_forward)


@decoder.mistake
def memory_masked_causally(x, memory, weights, n_heads):
    return decoded(x, memory, weights, n_heads, memory_mask=np.tri(x.shape[-2], memory.shape[-2], dtype=bool))


@decoder.mistake
def nothing_added_around_cross_attention(x, memory, weights, n_heads):
    normal = layer_norm(x, *weights.attention_norm)
    x = x + multi_head_attention(normal, normal, normal, weights.attention, n_heads, causal_mask(x.shape[-2]))
    x = cross_attention(layer_norm(x, *weights.cross_norm), memory, weights.cross, n_heads)
    return x + feed_forward(layer_norm(x, *weights.feed_forward_norm), weights.feed_forward)


@decoder.mistake
def memory_normalised_as_well(x, memory, weights, n_heads):
    return decoded(x, layer_norm(memory, *weights.cross_norm), weights, n_heads)


@decoder.mistake
def memory_never_looked_at(x, memory, weights, n_heads):
    as_encoder = EncoderWeights(weights.attention_norm, weights.attention, *weights[4:])
    return encoder_block(x, as_encoder, n_heads, causal_mask(x.shape[-2]))


@decoder.mistake
def cross_attention_to_the_own_text(x, memory, weights, n_heads):
    def attend(asking, memory, weights, n_heads, mask):
        return multi_head_attention(asking, asking, asking, weights, n_heads)

    return decoded(x, memory, weights, n_heads, attend_memory=attend)


@decoder.mistake
def memory_asks_and_the_text_answers(x, memory, weights, n_heads):
    def attend(asking, memory, weights, n_heads, mask):
        return multi_head_attention(memory, asking, asking, weights, n_heads)

    return decoded(x, memory, weights, n_heads, attend_memory=attend)


@decoder.mistake
def one_set_of_heads_for_both(x, memory, weights, n_heads):
    return decoder_block(x, memory, weights._replace(cross=weights.attention), n_heads)


@decoder.mistake
def first_norm_used_for_the_cross_attention(x, memory, weights, n_heads):
    return decoder_block(x, memory, weights._replace(cross_norm=weights.attention_norm), n_heads)


@decoder.mistake
def norm_after_each_addition(x, memory, weights, n_heads):
    x = x + multi_head_attention(x, x, x, weights.attention, n_heads, causal_mask(x.shape[-2]))
    x = layer_norm(x, *weights.attention_norm)
    x = layer_norm(x + cross_attention(x, memory, weights.cross, n_heads), *weights.cross_norm)
    return layer_norm(x + feed_forward(x, weights.feed_forward), *weights.feed_forward_norm)


@decoder.another_way
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


@decoder.another_way
def as_a_list_of_steps(x, memory, weights, n_heads):
    steps = (
        lambda z: multi_head_attention(z, z, z, weights.attention, n_heads, np.tri(z.shape[-2], dtype=bool)),
        lambda z: multi_head_attention(z, memory, memory, weights.cross, n_heads),
        lambda z: feed_forward(z, weights.feed_forward),
    )
    for norm, step in zip((weights.attention_norm, weights.cross_norm, weights.feed_forward_norm), steps, strict=True):
        x = x + step(layer_norm(x, *norm))
    return x


@decoder.another_way
def through_the_encoder_block(x, memory, weights, n_heads):
    layers = weights.feed_forward
    silent = layers._replace(W_out=np.zeros_like(layers.W_out), b_out=np.zeros_like(layers.b_out))
    own = EncoderWeights(weights.attention_norm, weights.attention, weights.feed_forward_norm, silent)
    x = encoder_block(x, own, n_heads, causal_mask(x.shape[-2]))
    x = x + cross_attention(layer_norm(x, *weights.cross_norm), memory, weights.cross, n_heads)
    return x + feed_forward(layer_norm(x, *weights.feed_forward_norm), layers)


zoo = lesson.code(
    mask_for,
    [
        case(mask_for, "BERT, three tokens", architecture="bert", n=3),
        case(mask_for, "GPT, three tokens", architecture="gpt", n=3),
        case(mask_for, "BERT, one token", architecture="bert", n=1),
        case(mask_for, "GPT, five tokens", architecture="gpt", n=5),
        case(mask_for, "a prefix of two in five", architecture="prefix", n=5, prefix=2, stage="a prefix"),
        case(mask_for, "a prefix of four in six", architecture="prefix", n=6, prefix=4, stage="a prefix"),
        case(mask_for, "a prefix of nothing", architecture="prefix", n=4, prefix=0, stage="an empty prefix"),
        case(mask_for, "a prefix that is the whole text", architecture="prefix", n=4, prefix=4, stage="a full prefix"),
        case(
            mask_for, "GPT, with a prefix given", architecture="gpt", n=4, prefix=2, stage="a prefix that is not used"
        ),
        case(
            mask_for, "BERT, with a prefix given", architecture="bert", n=4, prefix=2, stage="a prefix that is not used"
        ),
    ],
)


@zoo.mistake
def bert_made_causal(architecture, n, prefix=0):
    return mask_for("gpt" if architecture == "bert" else architecture, n, prefix)


@zoo.mistake
def gpt_sees_everything(architecture, n, prefix=0):
    return mask_for("bert" if architecture == "gpt" else architecture, n, prefix)


@zoo.mistake
def bert_and_gpt_swapped(architecture, n, prefix=0):
    return mask_for({"bert": "gpt", "gpt": "bert"}.get(architecture, architecture), n, prefix)


@zoo.mistake
def gpt_sees_the_future_and_not_the_past(architecture, n, prefix=0):
    return mask_for("gpt", n).T if architecture == "gpt" else mask_for(architecture, n, prefix)


@zoo.mistake
def gpt_cannot_see_itself(architecture, n, prefix=0):
    return np.tri(n, k=-1, dtype=bool) if architecture == "gpt" else mask_for(architecture, n, prefix)


@zoo.mistake
def text_after_the_prefix_not_causal(architecture, n, prefix=0):
    if architecture == "prefix":
        token = np.arange(n)
        return (token < prefix) | (token >= prefix)[:, None]
    return mask_for(architecture, n)


@zoo.mistake
def prefix_one_too_long(architecture, n, prefix=0):
    return mask_for(architecture, n, prefix + 1)


@zoo.mistake
def prefix_one_too_short(architecture, n, prefix=0):
    return mask_for(architecture, n, prefix - 1)


@zoo.mistake
def prefix_ignored(architecture, n, prefix=0):
    return mask_for(architecture, n)


@zoo.mistake
def prefix_hidden_from_the_rest(architecture, n, prefix=0):
    if architecture == "prefix":
        token = np.arange(n)
        return prefix_mask(n, prefix) & ((token < prefix) == (token < prefix)[:, None])
    return mask_for(architecture, n)


@zoo.mistake
def a_prefix_given_to_gpt_as_well(architecture, n, prefix=0):
    return mask_for("prefix" if architecture == "gpt" else architecture, n, prefix)


@zoo.other_convention
def ones_and_zeros(architecture, n, prefix=0):
    return mask_for(architecture, n, prefix).astype(int)


@zoo.other_convention
def zeros_and_minus_infinity(architecture, n, prefix=0):
    return np.where(mask_for(architecture, n, prefix), 0.0, -np.inf)


@zoo.another_way
def one_rule_for_all_three(architecture, n, prefix=0):
    seen_by_all = {"bert": n, "gpt": 0, "prefix": prefix}[architecture]
    token = np.arange(n)
    return (token <= token[:, None]) | (token < seen_by_all)


@zoo.another_way
def filled_row_by_row(architecture, n, prefix=0):
    rows = []
    for query in range(n):
        sees = n if architecture == "bert" else query + 1
        if architecture == "prefix":
            sees = max(sees, prefix)
        rows.append([True] * sees + [False] * (n - sees))
    return rows


def given(name, stage="", **arguments):
    """A case with all of its arguments; a function among them makes its argument anew."""
    return Case(name, lambda: {key: made() if callable(made) else made for key, made in arguments.items()}, stage)


@shaped(
    "->(),(),(),(),(),(),(),(),(),()",
    returns="share chosen, share masked, share random, share kept, others untouched, targets right, largest random, "
    "different random, neighbours chosen, follows rng",
)
def counted(answer, ids, rng, rate=None, mask_id=None, vocab_size=None):
    """Corrupt the ids with the settings that are given, and count what became of them."""
    settings = {"rate": rate, "mask_id": mask_id, "vocab_size": vocab_size}
    settings = {name: value for name, value in settings.items() if value is not None}
    original, same_draws, other_draws = ids.copy(), deepcopy(rng), np.random.default_rng(8)
    result = answer(ids, rng, **settings)
    if result is None:
        return None
    inputs, targets = arrays_of(result, ids.shape)
    few = original[..., :50]
    first, again = (arrays_of(answer(few, deepcopy(same_draws), **settings), few.shape) for _ in range(2))
    other = arrays_of(answer(few, other_draws, **settings), few.shape)
    chosen = targets != -100
    masked = inputs == settings.get("mask_id", 103)
    kept = inputs == original
    random_ids = inputs[chosen & ~masked & ~kept]
    return (
        chosen.mean(),
        share(masked[chosen]),
        len(random_ids) / max(chosen.sum(), 1),
        share(kept[chosen]),
        share(kept[~chosen]),
        share((targets == original)[chosen]),
        float(random_ids.max(initial=0)),
        len(np.unique(random_ids)) / max(len(random_ids), 1),
        (chosen[1:] & chosen[:-1]).mean(),
        float(np.array_equal(first, again) and not np.array_equal(first, other)),
    )


def arrays_of(result, shape):
    if not isinstance(result, tuple | list) or len(result) != 2:
        raise ValueError("expected two results, (inputs, targets)")
    inputs, targets = (np.asarray(part) for part in result)
    for name, part in (("inputs", inputs), ("targets", targets)):
        if part.shape != shape:
            raise ValueError(f"{name} has shape {part.shape}, expected that of ids, {shape}")
    return inputs, targets


def share(these):
    return float(these.mean()) if these.size else 0.0


def draws():
    return np.random.default_rng(7)


def text(*shape):
    """Ids that nobody draws, so that it can be told what became of each."""
    return np.arange(math.prod(shape)).reshape(shape) + 10**6


corrupted = lesson.code(
    corrupt_tokens,
    [
        given("a rate of zero", ids=np.arange(2000, 2006), rng=draws, rate=0.0),
        given("a rate of zero, two texts", ids=np.arange(2000, 2008).reshape(2, 4), rng=draws, rate=0.0),
        given("twenty long texts", "the shares", ids=text(20, 2000), rng=draws),
        given(
            "another rate, mask and vocabulary",
            "settings that are given",
            ids=text(6, 3000),
            rng=draws,
            rate=0.5,
            mask_id=7,
            vocab_size=2000,
        ),
        given("a small vocabulary", "few ids", ids=text(5000), rng=draws, rate=1.0, mask_id=9, vocab_size=3),
        given("ids of two bytes", "ids of two bytes", ids=np.arange(2000, 60_000, dtype=np.uint16), rng=draws),
        given("a rate of one", "a rate of one", ids=text(15_000), rng=draws, rate=1.0, mask_id=3, vocab_size=5000),
    ],
    tolerance=0.15,
    drive=counted,
)


def fates(ids, rng, rate):
    ids = np.asarray(ids)
    return ids, rng.random(ids.shape) < rate, rng.random(ids.shape)


@corrupted.mistake
def targets_everywhere(ids, rng, rate=0.15, mask_id=103, vocab_size=30522):
    inputs, _ = corrupt_tokens(ids, rng, rate, mask_id, vocab_size)
    return inputs, ids


@corrupted.mistake
def targets_where_nothing_was_chosen(ids, rng, rate=0.15, mask_id=103, vocab_size=30522):
    inputs, targets = corrupt_tokens(ids, rng, rate, mask_id, vocab_size)
    return inputs, np.where(targets == -100, ids, -100)


@corrupted.mistake
def targets_only_at_the_mask(ids, rng, rate=0.15, mask_id=103, vocab_size=30522):
    inputs, _ = corrupt_tokens(ids, rng, rate, mask_id, vocab_size)
    return inputs, np.where(inputs == mask_id, ids, -100)


@corrupted.mistake
def no_target_where_the_token_was_kept(ids, rng, rate=0.15, mask_id=103, vocab_size=30522):
    inputs, _ = corrupt_tokens(ids, rng, rate, mask_id, vocab_size)
    return inputs, np.where(inputs != ids, ids, -100)


@corrupted.mistake
def targets_read_after_the_corruption(ids, rng, rate=0.15, mask_id=103, vocab_size=30522):
    ids = np.array(ids)
    chosen, fate = rng.random(ids.shape) < rate, rng.random(ids.shape)
    ids[chosen & (fate < 0.8)] = mask_id
    swapped = chosen & (fate >= 0.8) & (fate < 0.9)
    ids[swapped] = rng.integers(vocab_size, size=swapped.sum())
    return ids, np.where(chosen, ids, -100)


@corrupted.mistake
def zero_where_there_is_no_target(ids, rng, rate=0.15, mask_id=103, vocab_size=30522):
    inputs, targets = corrupt_tokens(ids, rng, rate, mask_id, vocab_size)
    return inputs, np.where(targets == -100, 0, targets)


@corrupted.mistake
def always_the_mask(ids, rng, rate=0.15, mask_id=103, vocab_size=30522):
    ids, chosen, _ = fates(ids, rng, rate)
    return np.where(chosen, mask_id, ids), np.where(chosen, ids, -100)


@corrupted.mistake
def none_of_the_chosen_kept(ids, rng, rate=0.15, mask_id=103, vocab_size=30522):
    ids, chosen, fate = fates(ids, rng, rate)
    drawn = np.where(fate < 0.8, mask_id, rng.integers(vocab_size, size=ids.shape))
    return np.where(chosen, drawn, ids), np.where(chosen, ids, -100)


@corrupted.mistake
def none_of_the_chosen_random(ids, rng, rate=0.15, mask_id=103, vocab_size=30522):
    ids, chosen, fate = fates(ids, rng, rate)
    return np.where(chosen & (fate < 0.8), mask_id, ids), np.where(chosen, ids, -100)


@corrupted.mistake
def a_tenth_of_what_is_left_made_random(ids, rng, rate=0.15, mask_id=103, vocab_size=30522):
    ids, chosen, _ = fates(ids, rng, rate)
    masked = chosen & (rng.random(ids.shape) < 0.8)
    swapped = chosen & ~masked & (rng.random(ids.shape) < 0.1)
    inputs = np.where(masked, mask_id, ids)
    inputs = np.where(swapped, rng.integers(vocab_size, size=ids.shape), inputs)
    return inputs, np.where(chosen, ids, -100)


@corrupted.mistake
def shares_of_mask_and_random_swapped(ids, rng, rate=0.15, mask_id=103, vocab_size=30522):
    ids, chosen, fate = fates(ids, rng, rate)
    drawn = np.where(fate < 0.1, mask_id, rng.integers(vocab_size, size=ids.shape))
    return np.where(chosen & (fate < 0.9), drawn, ids), np.where(chosen, ids, -100)


@corrupted.mistake
def tokens_that_were_not_chosen_made_random(ids, rng, rate=0.15, mask_id=103, vocab_size=30522):
    ids, chosen, fate = fates(ids, rng, rate)
    inputs = np.where(chosen & (fate < 0.8), mask_id, ids)
    swapped = (fate >= 0.8) & (fate < 0.9)
    return np.where(swapped, rng.integers(vocab_size, size=ids.shape), inputs), np.where(chosen, ids, -100)


@corrupted.mistake
def one_random_token_for_all_places(ids, rng, rate=0.15, mask_id=103, vocab_size=30522):
    ids, chosen, fate = fates(ids, rng, rate)
    drawn = np.where(fate < 0.8, mask_id, rng.integers(vocab_size))
    return np.where(chosen & (fate < 0.9), drawn, ids), np.where(chosen, ids, -100)


@corrupted.mistake
def the_same_places_in_every_text(ids, rng, rate=0.15, mask_id=103, vocab_size=30522):
    ids = np.asarray(ids)
    chosen, fate = rng.random(ids.shape[-1]) < rate, rng.random(ids.shape)
    drawn = np.where(fate < 0.8, mask_id, rng.integers(vocab_size, size=ids.shape))
    return np.where(chosen & (fate < 0.9), drawn, ids), np.where(chosen, ids, -100)


@corrupted.mistake
def inputs_left_as_they_were(ids, rng, rate=0.15, mask_id=103, vocab_size=30522):
    return ids, corrupt_tokens(ids, rng, rate)[1]


@corrupted.mistake
def own_draws_instead_of_rng(ids, rng, rate=0.15, mask_id=103, vocab_size=30522):
    return corrupt_tokens(ids, np.random.default_rng(0), rate, mask_id, vocab_size)


@corrupted.another_way
def place_by_place(ids, rng, rate=0.15, mask_id=103, vocab_size=30522):
    inputs, targets = np.array(ids), np.full(np.shape(ids), -100)
    chosen = rng.random(inputs.shape) < rate
    targets[chosen] = inputs[chosen]
    fate = rng.choice(["mask", "random", "keep"], size=inputs.shape, p=[0.8, 0.1, 0.1])
    inputs[chosen & (fate == "mask")] = mask_id
    swapped = chosen & (fate == "random")
    inputs[swapped] = rng.integers(vocab_size, size=swapped.sum())
    return inputs, targets


@corrupted.another_way
def token_after_token(ids, rng, rate=0.15, mask_id=103, vocab_size=30522):
    inputs, targets = [], []
    for token in np.ravel(ids).tolist():
        chosen, fate = rng.random() < rate, rng.random()
        targets.append(token if chosen else -100)
        if chosen and fate < 0.8:
            token = mask_id
        elif chosen and fate < 0.9:
            token = int(rng.integers(vocab_size))
        inputs.append(token)
    return np.reshape(inputs, np.shape(ids)), np.reshape(targets, np.shape(ids))


following = lesson.code(
    next_token_targets,
    [
        given("five tokens", ids=np.array([5, 6, 7, 8, 9])),
        given("a token that comes back", ids=np.array([4, 2, 4, 2, 1, 7])),
        given("two tokens", ids=np.array([3, 1])),
        given("two texts", "a batch", ids=np.array([[5, 6, 7, 8], [1, 2, 3, 4]])),
        given("as many texts as tokens", "a batch", ids=np.arange(9).reshape(3, 3) * 2),
        given("two leading axes", "a batch", ids=np.arange(30).reshape(2, 3, 5) % 11),
    ],
)


@following.mistake
def shifted_the_other_way(ids):
    return ids[..., 1:], ids[..., :-1]


@following.mistake
def inputs_not_cut(ids):
    return ids, ids[..., 1:]


@following.mistake
def last_target_wraps_around(ids):
    return ids, np.roll(ids, -1, axis=-1)


@following.mistake
def texts_shifted_instead_of_tokens(ids):
    return ids[:-1], ids[1:]


@following.mistake
def not_shifted_at_all(ids):
    return ids[..., :-1], ids[..., :-1]


@following.mistake
def shifted_twice(ids):
    return ids[..., :-2], ids[..., 2:]


@following.mistake
def only_the_last_token_to_be_guessed(ids):
    return ids[..., :-1], ids[..., -1:]


@following.other_convention
def full_length_with_minus_100_at_the_end(ids):
    end = np.full((*ids.shape[:-1], 1), -100)
    return ids, np.concatenate([ids[..., 1:], end], axis=-1)


@following.other_convention
def inputs_again_and_the_loss_shifts(ids):
    return ids, ids


@following.another_way
def pairs_of_neighbours(ids):
    pairs = np.lib.stride_tricks.sliding_window_view(ids, 2, axis=-1)
    return pairs[..., 0], pairs[..., 1]


@following.another_way
def with_take(ids):
    place = np.arange(np.shape(ids)[-1] - 1)
    return np.take(ids, place, axis=-1), np.take(ids, place + 1, axis=-1)


@following.another_way
def text_by_text_in_lists(ids):
    if np.ndim(ids) > 1:
        both = [text_by_text_in_lists(text) for text in ids]
        return [inputs for inputs, _ in both], [targets for _, targets in both]
    return [int(i) for i in ids[:-1]], [int(i) for i in ids[1:]]


lesson.debug("fix_layer_norm", norms, statistics_over_the_tokens)
lesson.debug("fix_encoder_block", encoder, added_to_the_normalised_x)
lesson.debug("fix_decoder_block", decoder, query_from_before_the_own_attention)
lesson.debug("fix_corrupt_tokens", corrupted, targets_read_after_the_corruption)

lesson.numeric(
    "bert-block-parameters",
    lambda: 12 * 768**2 + 4 * 768 + (3072 + 768) + 4 * 768,
    tolerance=0,
    matrices_only=lambda: 12 * 768**2,
    norms_forgotten=lambda: 12 * 768**2 + 4 * 768 + (3072 + 768),
    attention_only=lambda: 4 * 768**2 + 4 * 768,
    biases_forgotten=lambda: 12 * 768**2 + 4 * 768,
)
lesson.numeric(
    "feed-forward-share-of-gpt2",
    lambda: 12 * (8 * 768**2 + 3072 + 768) / 124_439_808,
    two_thirds_of_everything=lambda: 2 / 3,
    one_layer_only=lambda: (8 * 768**2 + 3072 + 768) / 124_439_808,
    percent_without_its_sign=lambda: 100 * 12 * (8 * 768**2 + 3072 + 768) / 124_439_808,
)
lesson.numeric(
    "decoder-block-weights",
    lambda: 4 * 512**2 + 4 * 512**2 + 2 * 512 * 2048,
    cross_attention_forgotten=lambda: 4 * 512**2 + 2 * 512 * 2048,
    cross_attention_without_keys_and_values=lambda: 6 * 512**2 + 2 * 512 * 2048,
)
lesson.numeric(
    "tokens-bert-learns-from",
    lambda: 0.15 * 512,
    only_the_hidden_ones=lambda: 0.8 * 0.15 * 512,
    all_of_them=lambda: 512,
)
lesson.predict(
    "constant-token", lambda: "the bias", zero_divided_by_zero=lambda: "not a number", bias_forgotten=lambda: "zeros"
)
lesson.predict("silent-block", lambda: "x itself", nothing_at_all=lambda: "zeros", the_norm=lambda: "x normalised")
lesson.predict("whole-prefix", lambda: "a mask that hides nothing", still_causal=lambda: "the causal mask")
lesson.predict(
    "cross-attention-shape",
    lambda: (2, 3, 12),
    one_row_for_each_token_of_the_memory=lambda: (2, 5, 12),
    one_head_only=lambda: (2, 3, 3),
    the_weights=lambda: (2, 4, 3, 5),
)
lesson.explain(
    "encoder-or-decoder",
    "who-asks-and-who-answers",
    "pre-norm-or-post-norm",
    "masked-or-next-token",
    "from-ids-to-next-token",
    "draw-llamas-block",
    "which-family-for-which-task",
    "why-decoder-only",
)
