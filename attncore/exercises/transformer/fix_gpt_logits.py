"""A GPT whole, with a norm that sees too much and a residual that carries too little."""

import numpy as np

from attncore.exercises.exercise import case, code
from attncore.exercises.transformer.cases import head_weights, layer_weights, norm_weights
from attncore.heads import multi_head_attention
from attncore.masks import causal_mask
from attncore.shapes import shaped
from attncore.transformer import EncoderWeights, NormWeights, encoder_block, feed_forward, layer_norm


def norm_of(x, norm, eps=1e-5):
    mean, variance = x.mean(axis=-1, keepdims=True), x.var(axis=-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + eps) * norm.gain + norm.bias


def attend(x, block, n_heads):
    normal = norm_of(x, block.attention_norm)
    return x + multi_head_attention(normal, normal, normal, block.attention, n_heads, causal_mask(len(x)))


def think(x, block):
    normal = norm_of(x, block.feed_forward_norm)
    return x + feed_forward(normal, block.feed_forward)


@shaped("(n):int,(c,m),(z,m)->(n,c)", axes={"c": "vocabulary", "z": "position"})
def fix_gpt_logits(ids, E, P, blocks, last_norm, n_heads):
    """Score the next word after each token of a text, as GPT-2 does.

    E has a row for each word and is used for both ends, P has a row for each position. `blocks` is a
    list of `EncoderWeights`: pre-norm, causal, each part reads the normalized x and adds to x.
    `last_norm` is a `NormWeights`. The row of a token depends on nothing that comes after it. The eps of the
    norms is 1e-5. Radford et al. (2019).
    """
    x = E[ids] + P[: len(ids)]
    for block in blocks:
        x = attend(x, block, n_heads)
        x = think(x, block)
    return norm_of(x, last_norm) @ E.T


def some_blocks(count):
    def make(rng, s):
        return [
            EncoderWeights(norm_weights(rng, s), head_weights(rng, s), norm_weights(rng, s), layer_weights(rng, s))
            for _ in range(count)
        ]

    return make


def a_silent_block(rng, s):
    """A block whose parts write nothing, so that the stream should pass unchanged."""
    attention, inner = head_weights(rng, s), layer_weights(rng, s)
    silent = inner._replace(W_out=np.zeros((s.f, s.m)), b_out=np.zeros(s.m))
    attention = attention._replace(W_output=np.zeros((s.m, s.m)))
    return [EncoderWeights(norm_weights(rng, s), attention, norm_weights(rng, s), silent)]


def text_of(name, n, n_heads, blocks, small=False, words=None):
    sizes = {"n": n, "c": words or (4 if small else 11), "z": n if small else n + 3}
    return case(
        name,
        small=small,
        sizes=sizes,
        ids=lambda rng, s: rng.integers(s.c, size=s.n),
        blocks=blocks,
        last_norm=norm_weights,
        n_heads=n_heads,
    )


exercise = code(
    fix_gpt_logits,
    text_of("one token", 1, 2, some_blocks(1), small=True),
    text_of("two tokens", 2, 1, some_blocks(1), small=True),
    text_of("three tokens", 3, 2, some_blocks(1), small=True),
    text_of("a block that writes nothing", 3, 2, a_silent_block, small=True),
    text_of("no block at all", 3, 2, some_blocks(0), small=True),
    text_of("two blocks", 5, 3, some_blocks(2)),
    text_of("three blocks, six heads", 7, 6, some_blocks(3)),
    bug="statistics over the whole text, and one sum that starts from the normalized x",
)


def norm_of_(x, norm, eps=1e-5):
    mean, variance = x.mean(), x.var()
    return (x - mean) / np.sqrt(variance + eps) * norm.gain + norm.bias


def attend_(x, block, n_heads):
    normal = norm_of_(x, block.attention_norm)
    return x + multi_head_attention(normal, normal, normal, block.attention, n_heads, causal_mask(len(x)))


def think_(x, block):
    x = norm_of_(x, block.feed_forward_norm)
    return x + feed_forward(x, block.feed_forward)


@exercise.mistake("statistics over the whole text, and one sum that starts from the normalized x")
def next_word_scores(ids, E, P, blocks, last_norm, n_heads):
    x = E[ids] + P[: len(ids)]
    for block in blocks:
        x = attend_(x, block, n_heads)
        x = think_(x, block)
    return norm_of_(x, last_norm) @ E.T


def stacked(ids, E, P, blocks, last_norm, n_heads, norm=norm_of, keeps_second=True, keeps_first=True):
    x = E[ids] + P[: len(ids)]
    for block in blocks:
        normal = norm(x, block.attention_norm)
        mixed = multi_head_attention(normal, normal, normal, block.attention, n_heads, causal_mask(len(x)))
        x = (x if keeps_first else normal) + mixed
        normal = norm(x, block.feed_forward_norm)
        x = (x if keeps_second else normal) + feed_forward(normal, block.feed_forward)
    return norm(x, last_norm) @ E.T


@exercise.mistake("statistics over the whole text")
def norm_left(ids, E, P, blocks, last_norm, n_heads):
    return stacked(ids, E, P, blocks, last_norm, n_heads, norm=norm_of_)


@exercise.mistake("the feed-forward layers add to the normalized x")
def sum_left(ids, E, P, blocks, last_norm, n_heads):
    return stacked(ids, E, P, blocks, last_norm, n_heads, keeps_second=False)


@exercise.mistake("statistics over the tokens, number by number")
def over_the_tokens(ids, E, P, blocks, last_norm, n_heads):
    def by_column(x, norm):
        return (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + 1e-5) * norm.gain + norm.bias

    return stacked(ids, E, P, blocks, last_norm, n_heads, norm=by_column)


@exercise.mistake("the feed-forward layers read what isn't normalized")
def reads_the_stream(ids, E, P, blocks, last_norm, n_heads):
    x = E[ids] + P[: len(ids)]
    for block in blocks:
        normal = norm_of(x, block.attention_norm)
        x = x + multi_head_attention(normal, normal, normal, block.attention, n_heads, causal_mask(len(x)))
        x = x + feed_forward(x, block.feed_forward)
    return norm_of(x, last_norm) @ E.T


@exercise.another_way
def with_encoder_block(ids, E, P, blocks, last_norm, n_heads):
    x = E[ids] + P[: len(ids)]
    for block in blocks:
        x = encoder_block(x, block, n_heads, causal_mask(len(x)))
    return layer_norm(x, *NormWeights(*last_norm)) @ E.T
