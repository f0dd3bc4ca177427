"""Lesson 09: the Transformer's blocks, and what its three families train on."""

import math
from typing import NamedTuple

import numpy as np

from attncore.heads import HeadWeights, multi_head_attention
from attncore.masks import causal_mask, prefix_mask
from attncore.shapes import shaped

ERF = np.frompyfunc(math.erf, 1, 1)  # NumPy has none


class NormWeights(NamedTuple):
    """Gain and bias of a layer norm, each (m)."""

    gain: np.ndarray
    bias: np.ndarray


class FeedForwardWeights(NamedTuple):
    """Two layers: W_in (m, f), b_in (f), W_out (f, m), b_out (m), used as x @ W + b."""

    W_in: np.ndarray
    b_in: np.ndarray
    W_out: np.ndarray
    b_out: np.ndarray


class EncoderWeights(NamedTuple):
    """One encoder block: a norm before attention, a norm before the feed-forward layers."""

    attention_norm: NormWeights
    attention: HeadWeights
    feed_forward_norm: NormWeights
    feed_forward: FeedForwardWeights


class DecoderWeights(NamedTuple):
    """One decoder block: a norm before each of self-attention, cross-attention, feed-forward."""

    attention_norm: NormWeights
    attention: HeadWeights
    cross_norm: NormWeights
    cross: HeadWeights
    feed_forward_norm: NormWeights
    feed_forward: FeedForwardWeights


@shaped("(...,m),(m),(m)->(...,m)")
def layer_norm(x, gain, bias, eps=1e-5):
    """Give every vector mean 0 and variance 1, then a learned gain and bias.

    The variance divides by m, and eps is added inside the root. In float32, a mean far from zero
    costs no precision. Ba et al. (2016).
    """
    centred = x - x.mean(axis=-1, keepdims=True)
    variance = np.mean(centred * centred, axis=-1, keepdims=True)
    return centred / np.sqrt(variance + eps) * gain + bias


def gelu(x):
    """x times the share of a standard normal distribution below x; Hendrycks and Gimpel (2016)."""
    return x * (0.5 + 0.5 * ERF(x / math.sqrt(2)).astype(x.dtype))


@shaped("(...,m)->(...,m)", weights="(m,f),(f),(f,m),(m)")
def feed_forward(x, weights):
    """Pass every token by itself through two layers with a GELU in between.

    `weights` is a `FeedForwardWeights`; the GELU is the exact one, with the error function.
    Vaswani et al. (2017).
    """
    return gelu(x @ weights.W_in + weights.b_in) @ weights.W_out + weights.b_out


@shaped("(...,n,m)->(...,n,m)")
def encoder_block(x, weights, n_heads, mask=None):
    """Let the tokens look at each other, then each think by itself, both added to what was there.

    `weights` is an `EncoderWeights`. Pre-norm: each part reads the normalized x and adds to x. The
    eps of the norms is 1e-5. The mask is that of `multi_head_attention`. Attention adds zeros to a
    token with nothing allowed, never NaN. Vaswani et al. (2017); pre-norm: Xiong et al. (2020).
    """
    normal = layer_norm(x, *weights.attention_norm)
    x = x + multi_head_attention(normal, normal, normal, weights.attention, n_heads, mask)
    return x + feed_forward(layer_norm(x, *weights.feed_forward_norm), weights.feed_forward)


@shaped("(...,n,m),(...,k,m)->(...,n,m)")
def decoder_block(x, memory, weights, n_heads):
    """Look back at the text so far, then at the memory, then think, each added to what was there.

    `weights` is a `DecoderWeights`. Pre-norm, with an eps of 1e-5; self-attention is causal, the
    memory is seen whole and is not normalized here. Vaswani et al. (2017).
    """
    normal = layer_norm(x, *weights.attention_norm)
    x = x + multi_head_attention(normal, normal, normal, weights.attention, n_heads, causal_mask(x.shape[-2]))
    x = x + cross_attention(layer_norm(x, *weights.cross_norm), memory, weights.cross, n_heads)
    return x + feed_forward(layer_norm(x, *weights.feed_forward_norm), weights.feed_forward)


@shaped("(...,q,m),(...,k,m)->(...,q,m)")
def cross_attention(x, memory, weights, n_heads, memory_mask=None):
    """Let x ask and the memory answer: queries from x, keys and values from the memory.

    `weights` is a `HeadWeights`; the mask says which memory each query may see, as in
    `multi_head_attention`. A row with nothing allowed gives zeros, never NaN. Vaswani et al.
    (2017).
    """
    return multi_head_attention(x, memory, memory, weights, n_heads, memory_mask)


@shaped("->(n,n)")
def mask_for(architecture, n, prefix=0):
    """Return the mask that an architecture trains with.

    Booleans, True = may attend. "bert": everything; "gpt": causal; "prefix": the first `prefix`
    tokens are seen by all, the rest is causal. Raises ValueError for any other architecture.
    """
    if architecture == "bert":
        return np.ones((n, n), dtype=bool)
    if architecture == "gpt":
        return causal_mask(n)
    if architecture == "prefix":
        return prefix_mask(n, prefix)
    raise ValueError(f'mask_for: architecture is "{architecture}", expected "bert", "gpt" or "prefix"')


@shaped("(...):int->(...),(...)", returns="inputs, targets")
def corrupt_tokens(ids, rng, rate=0.15, mask_id=103, vocab_size=30522):
    """Choose tokens to be guessed, and hide most of them: returns (inputs, targets).

    Each token is chosen with probability `rate`. Of the chosen, 80% become mask_id, 10% a
    random token below vocab_size, 10% stay. Targets are the ids at the chosen places and -100
    elsewhere. `rng` is a Generator; both results are int64. Devlin et al. (2018).
    """
    ids = ids.astype(np.int64)  # small and unsigned ids have no place for -100
    chosen = rng.random(ids.shape) < rate
    fate = rng.random(ids.shape)
    inputs = np.where(chosen & (fate < 0.8), mask_id, ids)
    random_ids = rng.integers(vocab_size, size=ids.shape)
    inputs = np.where(chosen & (fate >= 0.8) & (fate < 0.9), random_ids, inputs)
    return inputs, np.where(chosen, ids, -100)


@shaped("(...,n+1):int->(...,n),(...,n)", returns="inputs, targets")
def next_token_targets(ids):
    """Shift a text against itself: returns (inputs, targets), each one token shorter.

    Position i of the targets is the token that follows position i of the inputs. Radford et al.
    (2018).
    """
    return ids[..., :-1], ids[..., 1:]
