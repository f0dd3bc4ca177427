"""A decoder that asks the source before it has thought about its own words."""

import numpy as np

from attncore.exercises.exercise import case, code
from attncore.exercises.transformer.cases import head_weights, layer_weights, norm_weights
from attncore.heads import multi_head_attention
from attncore.masks import causal_mask, padding_mask
from attncore.shapes import shaped
from attncore.transformer import DecoderWeights, cross_attention, decoder_block, feed_forward, layer_norm


@shaped("(b,k,m),(b):int,(b,n):int,(c,m)->(b,n,c)", axes={"k": "source", "n": "target", "c": "vocabulary"})
def translation_logits(states, lengths, target, E, memory_norm, block, n_heads):
    """Score the next word after each word of a translation, given the encoder's states of the source.

    Source i has lengths[i] words, and padding behind them that nobody may see. The states are
    normalized once, by `memory_norm`. `block` is a `DecoderWeights`, pre-norm: the translation looks
    back at itself, then at the source, then thinks; each part reads the normalized x as it is by
    then, and adds to x. E is used for both ends. The eps of the norms is 1e-5. Vaswani et al. (2017).
    """
    memory = layer_norm(states, *memory_norm)
    seen = padding_mask(lengths, states.shape[1])
    x = E[target]
    normal = layer_norm(x, *block.attention_norm)
    x = x + multi_head_attention(normal, normal, normal, block.attention, n_heads, causal_mask(target.shape[1]))
    x = x + cross_attention(layer_norm(x, *block.cross_norm), memory, block.cross, n_heads, seen)
    x = x + feed_forward(layer_norm(x, *block.feed_forward_norm), block.feed_forward)
    return x @ E.T


def decoder_weights(rng, s):
    parts = [make(rng, s) for make in (norm_weights, head_weights) * 2]
    return DecoderWeights(*parts, norm_weights(rng, s), layer_weights(rng, s))


def sentences(name, lengths, n, n_heads, small=False, **more):
    sizes = {"b": len(lengths), "k": max(lengths), "n": n, "c": 4 if small else 11}
    return case(
        name,
        small=small,
        sizes=sizes,
        lengths=np.array(lengths),
        target=lambda rng, s: rng.integers(s.c, size=(s.b, s.n)),
        memory_norm=norm_weights,
        block=decoder_weights,
        n_heads=n_heads,
        **more,
    )


exercise = code(
    translation_logits,
    sentences("a single word", [1], 1, 1, small=True),
    sentences("one sentence", [3], 2, 2, small=True),
    sentences("two sentences, one of them padded", [2, 3], 3, 2, small=True),
    sentences("as many words as in the source", [3], 3, 2, small=True),
    sentences("three sentences, four heads", [5, 2, 7], 4, 4),
    sentences("as many sentences as heads", [5, 2, 6], 4, 3),
    sentences("long states", [4, 6], 5, 3, magnitude=40.0),
    id="fix_translator",
    bug="the source is asked before the translation has looked back",
)


@exercise.mistake("the source is asked before the translation has looked back")
def scores_of_the_next_word(states, lengths, target, E, memory_norm, block, n_heads):
    memory = layer_norm(states, *memory_norm)
    seen = padding_mask(lengths, states.shape[1])
    x = E[target]
    normal, asking = layer_norm(x, *block.attention_norm), layer_norm(x, *block.cross_norm)
    x = x + multi_head_attention(normal, normal, normal, block.attention, n_heads, causal_mask(target.shape[1]))
    x = x + cross_attention(asking, memory, block.cross, n_heads, seen)
    x = x + feed_forward(layer_norm(x, *block.feed_forward_norm), block.feed_forward)
    return x @ E.T


def decoded(states, lengths, target, E, memory_norm, block, n_heads, ask, is_kept=True):
    """With `ask(x, norm)` for what goes to the source."""
    memory, seen = layer_norm(states, *memory_norm), padding_mask(lengths, states.shape[1])
    x = E[target]
    normal = layer_norm(x, *block.attention_norm)
    mixed = multi_head_attention(normal, normal, normal, block.attention, n_heads, causal_mask(target.shape[1]))
    asking = ask(x + mixed, block.cross_norm)
    x = (x + mixed if is_kept else asking) + cross_attention(asking, memory, block.cross, n_heads, seen)
    return (x + feed_forward(layer_norm(x, *block.feed_forward_norm), block.feed_forward)) @ E.T


@exercise.mistake("the source is asked with what isn't normalized")
def asked_raw(states, lengths, target, E, memory_norm, block, n_heads):
    return decoded(states, lengths, target, E, memory_norm, block, n_heads, lambda x, norm: x)


@exercise.mistake("the answer is added to the normalized x")
def added_to_the_normal(states, lengths, target, E, memory_norm, block, n_heads):
    def ask(x, norm):
        return layer_norm(x, *norm)

    return decoded(states, lengths, target, E, memory_norm, block, n_heads, ask, is_kept=False)


@exercise.mistake("the source is asked with the norm of the self-attention")
def the_other_norm(states, lengths, target, E, memory_norm, block, n_heads):
    def ask(x, norm):
        return layer_norm(x, *block.attention_norm)

    return decoded(states, lengths, target, E, memory_norm, block, n_heads, ask)


@exercise.mistake("the source is asked with what looking back has brought, alone")
def only_the_news(states, lengths, target, E, memory_norm, block, n_heads):
    def ask(x, norm):
        return layer_norm(x - E[target], *norm)

    return decoded(states, lengths, target, E, memory_norm, block, n_heads, ask)


@exercise.another_way
def sentence_by_sentence(states, lengths, target, E, memory_norm, block, n_heads):
    rows = []
    for state, length, words in zip(states, lengths, target, strict=True):
        memory = layer_norm(state[:length], *memory_norm)
        rows.append(decoder_block(E[words], memory, block, n_heads) @ E.T)
    return np.stack(rows)
