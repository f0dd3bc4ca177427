"""Layers that see a window and a few first tokens, and now and then one that sees everything."""

import numpy as np

from attncore.dot_product import scaled_dot_product_attention
from attncore.exercises.exercise import case, code
from attncore.long_context import sliding_window_mask
from attncore.masks import causal_mask
from attncore.shapes import shaped


def local_mask(n, window, sinks):
    query, key = np.arange(n)[:, None], np.arange(n)
    near = key > query - window
    first = key < sinks
    return (near | first) & (key <= query)


def attend_once(x, W, mask):
    query, key, value = x @ W[0], x @ W[1], x @ W[2]
    return x + scaled_dot_product_attention(query, key, value, mask)


@shaped("(n,m),(l,c,m,m)->(n,m)", axes={"c": "projection"})
def fix_local_layers(x, layers, window, sinks, every):
    """Run a stack of causal attention layers, most of which see only a window and the first tokens.

    `layers` holds W_query, W_key and W_value of each layer, one head each, with a residual. Every
    `every`-th layer sees all that came before; the others see each token itself, the window - 1
    tokens before it, and those of the first `sinks` tokens that have come by then. Beltagy et al.
    (2020), Xiao et al. (2023).
    """
    for number, W in enumerate(layers, start=1):
        is_global = number % every == 0
        mask = causal_mask(len(x)) if is_global else local_mask(len(x), window, sinks)
        x = attend_once(x, W, mask)
    return x


def stack(name, n, window, sinks, every=9, count=1, m=6, **more):
    def layers(rng, s):
        return np.round(rng.standard_normal((count, 3, m, m)) / np.sqrt(m), 2)

    sizes = {"n": n, "m": m}
    return case(name, small=m < 4, sizes=sizes, layers=layers, window=window, sinks=sinks, every=every, **more)


exercise = code(
    fix_local_layers,
    stack("no sinks", 3, 2, 0, m=2),
    stack("one sink", 4, 2, 1, m=2),
    stack("two sinks", 3, 1, 2, m=2),
    stack("as many sinks as tokens", 3, 1, 3, m=2),
    stack("a window as long as the text", 4, 4, 2, m=2),
    stack("four sinks", 9, 3, 4),
    stack("a window of one", 6, 1, 0),
    stack("three layers, the second sees everything", 9, 2, 2, every=2, count=3),
    stack("all layers see everything", 5, 1, 3, every=1, count=2),
    stack("float32", 8, 3, 2, dtype=np.float32),
    bug="sinks are seen before they have come",
)


def local_mask_(n, window, sinks):
    query, key = np.arange(n)[:, None], np.arange(n)
    near = (key > query - window) & (key <= query)
    first = key < sinks
    return near | first


@exercise.mistake("sinks are seen before they have come")
def through_the_layers(x, layers, window, sinks, every):
    for number, W in enumerate(layers, start=1):
        is_global = number % every == 0
        mask = causal_mask(len(x)) if is_global else local_mask_(len(x), window, sinks)
        x = attend_once(x, W, mask)
    return x


def with_mask(x, layers, window, sinks, every, see):
    """With `see(i, j)` for the layers of a window."""
    i = np.arange(len(x))[:, None]
    for number, W in enumerate(layers, start=1):
        mask = causal_mask(len(x)) if number % every == 0 else see(i, i.T)
        x = attend_once(x, W, mask)
    return x


@exercise.mistake("the sinks are gone")
def no_sinks(x, layers, window, sinks, every):
    return with_mask(x, layers, window, sinks, every, lambda i, j: (j > i - window) & (j <= i))


@exercise.mistake("sinks see nothing but themselves")
def lonely_sinks(x, layers, window, sinks, every):
    def see(i, j):
        return np.where(i < sinks, i == j, (j <= i) & ((j > i - window) | (j < sinks)))

    return with_mask(x, layers, window, sinks, every, see)


@exercise.mistake("only tokens behind all the sinks see them")
def behind_the_sinks(x, layers, window, sinks, every):
    def see(i, j):
        return ((j > i - window) & (j <= i)) | ((j < sinks) & (i >= sinks))

    return with_mask(x, layers, window, sinks, every, see)


@exercise.mistake("a window of one token more")
def one_more(x, layers, window, sinks, every):
    return with_mask(x, layers, window, sinks, every, lambda i, j: (j <= i) & ((j >= i - window) | (j < sinks)))


@exercise.another_way
def by_sliding_window_mask(x, layers, window, sinks, every):
    return with_mask(x, layers, window, sinks, every, lambda i, j: sliding_window_mask(len(i), window, sinks))
