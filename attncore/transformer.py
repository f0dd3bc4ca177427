"""Lesson 09: the Transformer's blocks, and what its three families train on."""

import math
from typing import NamedTuple

import numpy as np

from attncore.heads import HeadWeights, multi_head_attention
from attncore.masks import causal_mask, prefix_mask
from attncore.shapes import shaped
from attncore.softmax import softmax

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


class SwigluWeights(NamedTuple):
    """Three layers without biases: W_gate (m, f), W_up (m, f), W_down (f, m), used as x @ W."""

    W_gate: np.ndarray
    W_up: np.ndarray
    W_down: np.ndarray


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


class GPTWeights(NamedTuple):
    """A decoder-only model: token_embedding (c, m) and position_embedding (n, m), the blocks, and the final norm.

    The token embedding has a row for each id in the vocabulary; gain and bias are those of the final norm, each (m).
    """

    token_embedding: np.ndarray
    position_embedding: np.ndarray
    blocks: tuple[EncoderWeights, ...]
    gain: np.ndarray
    bias: np.ndarray


@shaped("(...,m),(m),(m)->(...,m)")
def layer_norm(x, gain, bias, eps=1e-5):
    """Give every vector mean 0 and variance 1, then a learned gain and bias.

    The variance divides by m, and eps is added inside the root. In float32, a mean far from zero
    costs no precision. Ba et al. (2016).
    """
    centered = x - x.mean(axis=-1, keepdims=True)
    variance = np.mean(centered * centered, axis=-1, keepdims=True)
    return centered / np.sqrt(variance + eps) * gain + bias


@shaped("(...,m),(m)->(...,m)")
def rms_norm(x, gain, eps=1e-5):
    """Give every vector a mean square of 1, then a learned gain.

    The mean isn't subtracted, and there's no bias. The mean square divides by m, and eps is added
    inside the root. Zhang and Sennrich (2019).
    """
    return x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + eps) * gain


def gelu(x):
    """x times the share of a standard normal distribution below x; Hendrycks and Gimpel (2016)."""
    return x * share_below(x)


def share_below(x):
    """The share of a standard normal distribution below x, by the error function."""
    return 0.5 + 0.5 * ERF(x / math.sqrt(2)).astype(x.dtype)


@shaped("(...,m)->(...,m)", weights="(m,f),(f),(f,m),(m)")
def feed_forward(x, weights):
    """Pass every token by itself through two layers with a GELU in between.

    `weights` is a `FeedForwardWeights`; the GELU is the exact one, with the error function.
    Vaswani et al. (2017).
    """
    return gelu(x @ weights.W_in + weights.b_in) @ weights.W_out + weights.b_out


def silu(x):
    """x times the sigmoid of x, which is half of 1 + tanh(x / 2); Elfwing et al. (2017)."""
    return x * (0.5 + 0.5 * np.tanh(x / 2))


@shaped("(...,m)->(...,m)", weights="(m,f),(m,f),(f,m)")
def swiglu(x, weights):
    """Pass every token by itself through a wider layer, gated by another one, and back.

    `weights` is a `SwigluWeights`. The projection by W_gate goes through SiLU (x times the sigmoid
    of x) and multiplies the projection by W_up, entry by entry; W_down projects the product. There
    are no biases. Numbers in the thousands give no NaN. Shazeer (2020).
    """
    return (silu(x @ weights.W_gate) * (x @ weights.W_up)) @ weights.W_down


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
    random token below vocab_size, 10% stay. Targets are the ids at the chosen positions and -100
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


@shaped("(...,n):int->(...,n,c)", axes={"c": "class"})
def gpt_logits(ids, weights, n_heads):
    """Score every id in the vocabulary as the next token, at each position of a sequence.

    `weights` is a `GPTWeights`. Each id's row of the token embedding, plus the row of its position,
    counted from 0, goes through the pre-norm blocks with a causal mask and through a final layer
    norm; every eps is 1e-5. The logits are dot products with the rows of the token embedding, which
    is tied. Raises ValueError for an id that has no row, and for more ids than there are positions.
    Radford et al. (2019).
    """
    x = embed_ids(ids, weights)
    for block in weights.blocks:
        x = encoder_block(x, block, n_heads, causal_mask(x.shape[-2]))
    return layer_norm(x, weights.gain, weights.bias) @ weights.token_embedding.T


@shaped("(...,n):int->(...,n,m)")
def embed_ids(ids, weights):
    """Add the embedding of each id and the embedding of its position."""
    n, (size, _), most = ids.shape[-1], weights.token_embedding.shape, len(weights.position_embedding)
    if n > most:
        raise ValueError(f"embed_ids: there are {n} ids, expected at most {most}, one for each position")
    strangers = ids[(ids < 0) | (ids >= size)]
    if strangers.size:
        raise ValueError(f"embed_ids: an id is {strangers[0]}, expected 0 to {size - 1}")
    return weights.token_embedding[ids] + weights.position_embedding[:n]


@shaped("(c)->()", axes={"c": "class"})
def sample_token(logits, rng, temperature=1.0, top_k=None, top_p=None):
    """Draw the next token: an index, with the probabilities softmax(logits / temperature).

    `rng` is a Generator. A temperature of 0 takes the largest logit. `top_k` keeps the k most likely
    tokens. A `top_k` above their number keeps all of them. `top_p` then keeps the smallest number of
    most likely tokens whose probabilities reach a sum of p. Each of the two renormalizes what it keeps.
    Of tokens that tie, the lower index counts as the more likely one. Raises ValueError for a
    temperature below 0, a top_k below 1, and a top_p that isn't above 0 and at most 1. Fan et al.
    (2018); top-p: Holtzman et al. (2019).
    """
    if temperature < 0:
        raise ValueError(f"sample_token: temperature is {temperature}, expected at least 0")
    if top_k is not None and top_k < 1:
        raise ValueError(f"sample_token: top_k is {top_k}, expected at least 1")
    if top_p is not None and not 0 < top_p <= 1:
        raise ValueError(f"sample_token: top_p is {top_p}, expected above 0 and at most 1")
    order = np.argsort(-logits, kind="stable")[:top_k]
    if temperature == 0:
        return int(order[0])
    p = softmax(logits[order].astype(np.float64) / temperature)
    if top_p is not None:
        reached = np.append(0, np.cumsum(p)[:-1])  # by the more likely ones
        p = np.where(reached < top_p, p, 0)
    return int(rng.choice(order, p=p / p.sum()))


@shaped("_,(n):int->(t)")
def generate(next_logits, prompt, n_new, rng, temperature=1.0, top_k=None, top_p=None, stop=None):
    """Continue a sequence, one token at a time: draw it, append it, and read everything again.

    `prompt` is an array of ids, and stays as it is. `next_logits(ids)` takes all ids so far, as a
    list, and returns the logits (c) of the next one, which is drawn as `sample_token` draws. Returns
    only the new ids, as a list: n_new of them, or fewer if the id `stop` is drawn, which is then the
    last. Radford et al. (2018).
    """
    ids = prompt.tolist()
    n_prompt = len(ids)
    for _ in range(n_new):
        ids.append(sample_token(next_logits(ids), rng, temperature, top_k, top_p))
        if ids[-1] == stop:
            break
    return ids[n_prompt:]
