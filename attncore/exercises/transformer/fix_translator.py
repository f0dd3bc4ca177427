"""A decoder that asks the source before it has thought about its own words."""

import numpy as np

from attncore.exercises.exercise import case, code
from attncore.exercises.transformer.cases import head_weights
from attncore.heads import multi_head_attention
from attncore.masks import causal_mask, padding_mask
from attncore.shapes import shaped
from attncore.softmax import softmax
from attncore.transformer import cross_attention, layer_norm


def plain_norm(x):
    ones = np.ones(x.shape[-1], x.dtype)
    return layer_norm(x, ones, 0 * ones)


def look_back(normal, weights, n_heads):
    mask = causal_mask(normal.shape[-2])
    return multi_head_attention(normal, normal, normal, weights, n_heads, mask)


@shaped(
    "(b,k,m),(b):int,(b,n):int,(c,m)->(b,n,c)",
    axes={"k": "source", "n": "target", "c": "vocabulary"},
    self_weights="(m,m),(m,m),(m,m),(m,m)",
    cross_weights="(m,m),(m,m),(m,m),(m,m)",
)
def fix_translator(states, lengths, target, E, self_weights, cross_weights, n_heads):
    """Tell how probable each word is as the next one, after each word of a translation.

    The states are an encoder's, of the source. Source i has lengths[i] words, and padding behind
    them that nobody may see. The words of the translation look back at themselves, then at the
    normalized states. Pre-norm: each part reads the normalized x as it is by then, and adds to x.
    The norms have no gain and no bias, both weights are a `HeadWeights`, and E is used for both
    ends. Vaswani et al. (2017), without the feed-forward layers.
    """
    memory = plain_norm(states)
    seen = padding_mask(lengths, states.shape[1])
    x = E[target]
    x = x + look_back(plain_norm(x), self_weights, n_heads)
    x = x + cross_attention(plain_norm(x), memory, cross_weights, n_heads, seen)
    return softmax(plain_norm(x) @ E.T)


def sentences(name, lengths, n, n_heads, small=False, **more):
    sizes = {"b": len(lengths), "k": max(lengths), "n": n, "c": 4 if small else 11}
    return case(
        name,
        small=small,
        sizes=sizes,
        lengths=np.array(lengths),
        target=lambda rng, s: rng.integers(s.c, size=(s.b, s.n)),
        E=lambda rng, s: np.round(rng.standard_normal((s.c, s.m)), 1),
        self_weights=head_weights,
        cross_weights=head_weights,
        n_heads=n_heads,
        **more,
    )


exercise = code(
    fix_translator,
    sentences("a single word", [1], 1, 1, small=True),
    sentences("one sentence", [3], 2, 2, small=True),
    sentences("two sentences, one of them padded", [2, 3], 3, 2, small=True),
    sentences("as many words as in the source", [3], 3, 2, small=True),
    sentences("three sentences, four heads", [5, 2, 7], 4, 4),
    sentences("as many sentences as heads", [5, 2, 6], 4, 3),
    sentences("long states", [4, 6], 5, 3, magnitude=40.0),
    bug="the source is asked before the translation has looked back",
)


@exercise.mistake("the source is asked before the translation has looked back")
def norms_at_the_top(states, lengths, target, E, self_weights, cross_weights, n_heads):
    memory = plain_norm(states)
    seen = padding_mask(lengths, states.shape[1])
    x = E[target]
    normal = plain_norm(x)
    x = x + look_back(normal, self_weights, n_heads)
    x = x + cross_attention(normal, memory, cross_weights, n_heads, seen)
    return softmax(plain_norm(x) @ E.T)


def decoded(states, lengths, target, E, self_weights, cross_weights, n_heads, ask, keep=lambda x, asking: x):
    """With `ask(x, news)` for what goes to the source, and `keep(x, asking)` for what its answer is added to."""
    memory, seen = plain_norm(states), padding_mask(lengths, states.shape[1])
    x = E[target]
    news = look_back(plain_norm(x), self_weights, n_heads)
    asking = ask(x + news, news)
    x = keep(x + news, asking) + cross_attention(asking, memory, cross_weights, n_heads, seen)
    return softmax(plain_norm(x) @ E.T)


@exercise.mistake("the source is asked with what isn't normalized")
def asked_raw(states, lengths, target, E, self_weights, cross_weights, n_heads):
    return decoded(states, lengths, target, E, self_weights, cross_weights, n_heads, lambda x, news: x)


@exercise.mistake("the source's answer is added to the normalized x")
def added_to_the_normal(states, lengths, target, E, self_weights, cross_weights, n_heads):
    def ask(x, news):
        return plain_norm(x)

    return decoded(states, lengths, target, E, self_weights, cross_weights, n_heads, ask, keep=lambda x, asking: asking)


@exercise.mistake("the source is asked with what looking back has brought, alone")
def only_the_news(states, lengths, target, E, self_weights, cross_weights, n_heads):
    def ask(x, news):
        return plain_norm(news)

    return decoded(states, lengths, target, E, self_weights, cross_weights, n_heads, ask)


@exercise.another_way
def sentence_by_sentence(states, lengths, target, E, self_weights, cross_weights, n_heads):
    rows = []
    for state, length, words in zip(states, lengths, target, strict=True):
        x, memory = E[words], plain_norm(state[:length])
        normal = plain_norm(x)
        x = x + multi_head_attention(normal, normal, normal, self_weights, n_heads, causal_mask(len(words)))
        normal = plain_norm(x)
        x = x + multi_head_attention(normal, memory, memory, cross_weights, n_heads)
        rows.append(softmax(plain_norm(x) @ E.T))
    return np.stack(rows)
