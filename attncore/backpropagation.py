"""A whole model backward: from the loss of a small GPT to the gradient of every weight."""

import numpy as np

from attncore.dot_product import scaled_dot_product_attention
from attncore.gradients import attention_backward, gelu_backward, layer_norm_backward
from attncore.heads import HeadWeights, merge_heads, split_heads
from attncore.masks import causal_mask
from attncore.positions import apply_rotary
from attncore.shapes import shaped
from attncore.softmax import cross_entropy, cross_entropy_backward
from attncore.transformer import (
    EncoderWeights,
    FeedForwardWeights,
    GPTWeights,
    NormWeights,
    embed_ids,
    encoder_block,
    gelu,
    layer_norm,
)


def matrix_backward(x, d_output):
    """The gradient with respect to W of what x @ W was used for, summed over all tokens."""
    return x.reshape(-1, x.shape[-1]).T @ d_output.reshape(-1, d_output.shape[-1])


def bias_backward(d_output):
    """The gradient with respect to b of what x @ W + b was used for, summed over all tokens."""
    return d_output.reshape(-1, d_output.shape[-1]).sum(axis=0)


def embedding_backward(ids, d_output, embedding):
    """The gradient with respect to an embedding whose rows `ids` were read; a row that was read twice gets both."""
    one_hot = ids[..., None] == np.arange(len(embedding))  # since one_hot @ embedding is embedding[ids]
    return matrix_backward(one_hot.astype(d_output.dtype), d_output)


@shaped("(...,m),_,(...,m)->(...,m)", returns="d_x, gradients")
def feed_forward_backward(x, weights, d_output):
    """Carry a gradient back through `feed_forward`: returns (d_x, gradients).

    `weights` is a `FeedForwardWeights`, and so are the gradients.
    """
    inner = x @ weights.W_in + weights.b_in
    d_inner = gelu_backward(inner, d_output @ weights.W_out.T)
    into = matrix_backward(x, d_inner), bias_backward(d_inner)
    out = matrix_backward(gelu(inner), d_output), bias_backward(d_output)
    return d_inner @ weights.W_in.T, FeedForwardWeights(*into, *out)


def project_heads(x, weights, n_heads, base=None):
    """Query, key and value of every head; if there's a base, query and key are rotated by their positions."""
    query, key, value = (split_heads(x @ W, n_heads) for W in (weights.W_query, weights.W_key, weights.W_value))
    if base is not None:
        query, key = (apply_rotary(part, np.arange(x.shape[-2]), base) for part in (query, key))
    return query, key, value


@shaped("(...,n,m)->(...,n,m)", weights="(m,m),(m,m),(m,m),(m,m)")
def attend(x, weights, n_heads, mask=None, scale=None, base=None):
    """Let a sequence attend to itself in several heads.

    This is `multi_head_attention` with x as query, key and value, and a mask of two axes. A given
    `scale` multiplies the scores in place of 1/sqrt(d). If there's a `base`, queries and keys are
    first rotated by their positions, as `apply_rotary` does. `weights` is a `HeadWeights`.
    """
    heads = scaled_dot_product_attention(*project_heads(x, weights, n_heads, base), mask, scale)
    return merge_heads(heads) @ weights.W_output


@shaped("(...,n,m),_,(...,n,m)->(...,n,m)", returns="d_x, gradients")
def attend_backward(x, weights, d_output, n_heads, mask=None, scale=None, base=None):
    """Carry a gradient back through `attend`: returns (d_x, gradients).

    `weights` is a `HeadWeights`, and so are the gradients.
    """
    query, key, value = project_heads(x, weights, n_heads, base)
    heads = merge_heads(scaled_dot_product_attention(query, key, value, mask, scale))
    d_heads = split_heads(d_output @ weights.W_output.T, n_heads)
    d_query, d_key, d_value = attention_backward(query, key, value, d_heads, mask, scale)
    if base is not None:  # the gradient is turned back
        d_query, d_key = (apply_rotary(part, -np.arange(x.shape[-2]), base) for part in (d_query, d_key))
    d_projected = [merge_heads(part) for part in (d_query, d_key, d_value)]
    gradients = [*(matrix_backward(x, part) for part in d_projected), matrix_backward(heads, d_output)]
    d_x = sum(part @ W.T for part, W in zip(d_projected, weights[:3], strict=True))
    return d_x, HeadWeights(*gradients)


def residual_backward(x, norm, weights, d_output, backward, *settings):
    """Back through x + part(layer_norm(x)): the gradients of x, of the norm's weights and of the part's.

    `backward`, with its settings, goes back through the part.
    """
    d_normal, gradients = backward(layer_norm(x, *norm), weights, d_output, *settings)
    d_x, d_gain, d_bias = layer_norm_backward(x, norm.gain, d_normal)
    return d_output + d_x, NormWeights(d_gain, d_bias), gradients


@shaped("(...,n,m),_,(...,n,m)->(...,n,m)", returns="d_x, gradients")
def encoder_block_backward(x, weights, d_output, n_heads, mask=None):
    """Carry a gradient back through `encoder_block`: returns (d_x, gradients).

    `weights` is an `EncoderWeights`, and so are the gradients. The mask has two axes. Of the forward
    pass, only x has to be kept: everything else is recomputed. Chen et al. (2016).
    """
    first_norm, heads, second_norm, layers = weights
    between = x + attend(layer_norm(x, *first_norm), heads, n_heads, mask)
    d_between, *second = residual_backward(between, second_norm, layers, d_output, feed_forward_backward)
    d_x, *first = residual_backward(x, first_norm, heads, d_between, attend_backward, n_heads, mask)
    return d_x, EncoderWeights(*first, *second)


@shaped("(...,n):int,(...,n):int->()", returns="loss, gradients")
def gpt_backward(ids, targets, weights, n_heads, ignore=-100):
    """Run a GPT forward and backward: returns (loss, gradients).

    The loss is the `cross_entropy` of its `gpt_logits`. `weights` is a `GPTWeights`, and so are the
    gradients; the token embedding is tied, so it gets a gradient from both ends. Rumelhart et al.
    (1986).
    """
    mask, read = causal_mask(ids.shape[-1]), [embed_ids(ids, weights)]
    for block in weights.blocks:
        read.append(encoder_block(read[-1], block, n_heads, mask))
    normal = layer_norm(read[-1], weights.gain, weights.bias)
    logits = normal @ weights.token_embedding.T
    d_logits = cross_entropy_backward(logits, targets, ignore)
    d_x, d_gain, d_bias = layer_norm_backward(read[-1], weights.gain, d_logits @ weights.token_embedding)
    d_blocks: list = []
    for x, block in zip(read[-2::-1], weights.blocks[::-1], strict=True):
        d_x, gradients = encoder_block_backward(x, block, d_x, n_heads, mask)
        d_blocks.insert(0, gradients)
    d_tokens = matrix_backward(d_logits, normal) + embedding_backward(ids, d_x, weights.token_embedding)
    places = np.broadcast_to(np.arange(ids.shape[-1]), ids.shape)
    d_positions = embedding_backward(places, d_x, weights.position_embedding)
    return cross_entropy(logits, targets, ignore), GPTWeights(d_tokens, d_positions, tuple(d_blocks), d_gain, d_bias)
