"""What several exercises of this topic share."""

import numpy as np

from attncore.exercises.exercise import case
from attncore.masks import causal_mask

SUMS_TO_ONE = "However small the features are, the weights of a row sum to one."
NO_WEIGHT = "A query whose weights are all zero gets zeros, never NaN."
FORGETS = "A decay of 0 forgets all that came before."
ONES = {"decay": lambda rng, s: np.ones(s.n)}
WITH_A_ZERO = {"decay": lambda rng, s: np.where(np.arange(s.n) == 1, 0.0, 0.5)}


def linear_with(phi, query, key, value, causal):
    weights = phi(query) @ np.swapaxes(phi(key), -1, -2)
    if causal:
        weights = weights * causal_mask(query.shape[-2], key.shape[-2])
    total = weights.sum(axis=-1, keepdims=True)
    return weights @ value / np.where(total == 0, 1, total)


def between(*lead):
    """Draws rates or decays between 0.3 and 1, one for each token and leading axis."""
    return lambda rng, s: rng.uniform(0.3, 1, (*lead, s.n)).round(2)


def half_as_long(rng, s):
    """Keys with which a delta rule doesn't blow up what float32 rounds off."""
    return rng.standard_normal((s.n, s.d)) / 2


def usual_with(*gates, **how):
    """The usual cases of a function that also takes a rate or a decay for each token; `how` goes into each."""
    kinds: dict = {
        "a small example": {"small": True},
        "another small example": {"small": True},
        "no two axes of one length": {},
        "a batch of two": {"small": True, "lead": (2,)},
        "two leading axes": {"lead": (2, 4)},
        "float32": {"dtype": np.float32},
        "as many tokens as the width": {"sizes": {"n": 8}, "key": half_as_long},
        "values as wide as the keys": {"sizes": {"v": 8}},
    }
    return [
        case(name, **kind, **how, **dict.fromkeys(gates, between(*kind.get("lead", ()))))
        for name, kind in kinds.items()
    ]


def walk(query, key, value, step, read_first=False):
    """A recurrence from its step: step(i, state, k, v) gives the next state, where k is a column and v a row."""
    state, rows = np.zeros((key.shape[-1], value.shape[-1])), []
    for i in range(query.shape[-2]):
        asked, before = query[..., i, None, :], state
        state = step(i, state, key[..., i, :, None], value[..., i, None, :])
        rows.append(asked @ before + np.zeros_like(value[..., :1, :]) if read_first else asked @ state)
    return np.concatenate(rows, axis=-2)


def upside_down(query, key, value, step):
    """`walk` with a state (v, d), which a query of the key's width can ask only where the widths are equal."""
    rows, state = [], np.zeros((value.shape[-1], key.shape[-1]))
    for i in range(query.shape[-2]):
        state = step(i, state, key[..., i, None, :], value[..., i, :, None])
        rows.append(query[..., i, None, :] @ state)
    return np.concatenate(rows, axis=-2)


def at(gate, i):
    """The rate or decay of token i, beside a state."""
    return gate[..., i, None, None]


def answer(key, state):
    """What the state returns for a key, which is a column."""
    return np.swapaxes(key, -1, -2) @ state
