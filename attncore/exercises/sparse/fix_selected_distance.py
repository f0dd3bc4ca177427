"""A bias for distance, on keys that were gathered."""

import numpy as np

from attncore.exercises.exercise import case, code
from attncore.masks import causal_mask
from attncore.shapes import shaped
from attncore.softmax import masked_softmax


def selected_places(index, n_keep):
    visible = np.where(causal_mask(len(index)), index, -np.inf)
    order = np.argsort(-visible, axis=-1, kind="stable")
    return np.sort(order[:, :n_keep], axis=-1)


def distances(places):
    return np.arange(len(places))[:, None] - places


def distances_(places):
    return places.shape[-1] - 1 - np.arange(places.shape[-1])


@shaped("(n,d),(n,d),(n,v),(n,n)->(n,v)")
def fix_selected_distance(query, key, value, index, n_keep, slope):
    """Attend, causally, each token to its n_keep keys of largest index, with a price for distance.

    The score of a key that lies s tokens back is the dot product times 1/sqrt(d), less slope * s.
    Tokens that see fewer than n_keep keys read all of them. Press et al. (2021), DeepSeek-V3.2
    (2025).
    """
    places = selected_places(index, n_keep)
    keys, values = key[places], value[places]
    scores = (keys @ query[..., None])[..., 0] / np.sqrt(query.shape[-1])
    scores = scores - slope * distances(places)
    seen = places <= np.arange(len(query))[:, None]
    weights = masked_softmax(scores, seen)
    return (weights[..., None] * values).sum(axis=1)


def of(name, n, n_keep, slope=0.5, **more):
    index = more.pop("index", lambda rng, s: rng.permuted(np.tile(np.arange(s.n), (s.n, 1)), axis=-1) * 1.0)
    return case(name, sizes={"n": n}, index=index, n_keep=n_keep, slope=slope, **more)


def far_keys(rng, s):
    """The first token is what everybody wants, and then the token itself."""
    return np.eye(s.n) + 2.0 * (np.arange(s.n) == 0)


exercise = code(
    fix_selected_distance,
    of("all keys", 3, 3, small=True),
    of("more to keep than keys", 3, 3, slope=1.0, small=True),
    of("one key", 3, 1, small=True),
    of("two of four keys", 4, 2, small=True),
    of("the first token and the token itself", 5, 2, slope=1.0, small=True, index=far_keys),
    of("three of nine keys", 9, 3),
    of("no price", 7, 3, slope=0.0),
    of("a steep price", 9, 4, slope=2.0),
    of("keys in the hundreds", 8, 3, magnitude=10.0),
    of("an index that is drawn", 9, 3, index=lambda rng, s: rng.standard_normal((s.n, s.n))),
    bug="distances counted in the selection",
)


@exercise.mistake("distances counted in the selection")
def counted_in_the_selection(query, key, value, index, n_keep, slope):
    places = selected_places(index, n_keep)
    keys, values = key[places], value[places]
    scores = (keys @ query[..., None])[..., 0] / np.sqrt(query.shape[-1])
    scores = scores - slope * distances_(places)
    seen = places <= np.arange(len(query))[:, None]
    weights = masked_softmax(scores, seen)
    return (weights[..., None] * values).sum(axis=1)


def priced(query, key, value, index, n_keep, price):
    """With `price(places)` taken off the scores."""
    places = selected_places(index, n_keep)
    scores = (key[places] @ query[..., None])[..., 0] / np.sqrt(query.shape[-1]) - price(places)
    weights = masked_softmax(scores, places <= np.arange(len(query))[:, None])
    return (weights[..., None] * value[places]).sum(axis=1)


@exercise.mistake("no price at all")
def no_price(query, key, value, index, n_keep, slope):
    return priced(query, key, value, index, n_keep, lambda places: 0 * places)


@exercise.mistake("far keys are preferred")
def far_preferred(query, key, value, index, n_keep, slope):
    return priced(query, key, value, index, n_keep, lambda places: -slope * distances(places))


@exercise.mistake("distances from the last token of the text")
def from_the_end(query, key, value, index, n_keep, slope):
    return priced(query, key, value, index, n_keep, lambda places: slope * places[::-1])


@exercise.mistake("distances to the nearest selected key")
def to_the_nearest(query, key, value, index, n_keep, slope):
    return priced(query, key, value, index, n_keep, lambda places: slope * (places[:, ::-1] - places))


@exercise.mistake("everything earlier is read")
def everything(query, key, value, index, n_keep, slope):
    return priced(query, key, value, index, len(key), lambda places: slope * distances(places))


@exercise.mistake("the price changes the selection")
def price_before_the_selection(query, key, value, index, n_keep, slope):
    n = len(query)
    back = np.arange(n)[:, None] - np.arange(n)
    places = selected_places(index - slope * back, n_keep)
    scores = (key[places] @ query[..., None])[..., 0] / np.sqrt(query.shape[-1]) - slope * distances(places)
    weights = masked_softmax(scores, places <= np.arange(n)[:, None])
    return (weights[..., None] * value[places]).sum(axis=1)


@exercise.mistake("keys that lie ahead fill the selection")
def ahead_fills_up(query, key, value, index, n_keep, slope):
    places = selected_places(index, n_keep)
    scores = (key[places] @ query[..., None])[..., 0] / np.sqrt(query.shape[-1]) - slope * distances(places)
    weights = masked_softmax(scores, np.ones(scores.shape, bool))
    return (weights[..., None] * value[places]).sum(axis=1)


@exercise.another_way
def with_a_mask(query, key, value, index, n_keep, slope):
    n = len(query)
    back = np.arange(n)[:, None] - np.arange(n)
    scores = query @ key.T / np.sqrt(query.shape[-1]) - slope * back
    visible = np.where(back >= 0, index, -np.inf)
    rank = np.argsort(np.argsort(-visible, axis=-1, kind="stable"), axis=-1)
    return masked_softmax(scores, (rank < n_keep) & (back >= 0)) @ value
