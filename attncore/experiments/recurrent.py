"""Lesson 16: how many pairs a state gives back, by rule, and whether a second value replaces the first."""

import numpy as np

from attncore.dot_product import scaled_dot_product_attention
from attncore.recurrent import decay_attention, delta_rule, gated_delta_rule, linear_attention


def ask(rule, asked, key, value, *gates):
    """Let a rule read all tokens, and then ask its state: a row for each of `asked` (..., q, d).

    `rule` is called with query, key, value and the gates, rates or decays (..., n). Those who ask write nothing.
    """
    nothing = (*key.shape[:-2], asked.shape[-2])
    query = np.concatenate([np.zeros_like(key), asked], axis=-2)
    key = np.concatenate([key, np.zeros((*nothing, key.shape[-1]))], axis=-2)
    value = np.concatenate([value, np.zeros((*nothing, value.shape[-1]))], axis=-2)
    longer = (np.concatenate([gate, np.ones(nothing)], axis=-1) for gate in gates)
    return rule(query, key, value, *longer)[..., -asked.shape[-2] :, :]


def state_after(rule, key, value, *gates):
    """The state (d, v) that a rule has after reading these tokens: each of its rows is what one feature returns."""
    return ask(rule, np.eye(key.shape[-1]), key, value, *gates)


def history(rule, key, value, *gates):
    """The state after each token, for values of one number: a column (d) for each, (d, n)."""
    n = key.shape[-2]
    return np.hstack([state_after(rule, key[:i], value[:i], *(gate[:i] for gate in gates)) for i in range(1, n + 1)])


def pairs(rng, trials, n, width):
    """Draw keys of length one, and a value for each, both (trials, n, width)."""
    key, value = rng.standard_normal((2, trials, n, width))
    return key / np.linalg.norm(key, axis=-1, keepdims=True), value


def in_place(got, candidates):
    """For each row of `got`, whether the candidate nearest to it is the one in the same place."""
    distance = np.square(got[..., :, None, :] - candidates[..., None, :, :]).sum(axis=-1)
    return distance.argmin(axis=-1) == np.arange(got.shape[-2])


def found(got, wanted, others):
    """The share of rows in `got` that lie nearest to the value wanted, of all values in `wanted` and `others`."""
    return float(in_place(got, np.concatenate([wanted, others], axis=-2)).mean())


def recall_experiment(counts=(2, 4, 8, 16, 32), width=16, trials=100, seed=0, delta=delta_rule):
    """Store pairs, ask for each by its key, and count the right answers: a dict from arm to shares, one a count.

    Softmax is at a scale of 20, elu + 1 as sharp as it gets; the others have neither feature map nor division.
    """
    rng = np.random.default_rng(seed)
    shares: dict = {}
    for n in counts:
        key, value = pairs(rng, trials, n, width)
        ones = np.ones(key.shape[:-1])
        answers = {
            "softmax": scaled_dot_product_attention(key, key, value, scale=20),
            "elu + 1": linear_attention(1000 * key, 1000 * key, value, causal=False),
            "plain sum": ask(decay_attention, key, key, value, ones),
            "delta rule": ask(delta, key, key, value, ones),
        }
        for name, got in answers.items():
            shares.setdefault(name, []).append(found(got, value, value[..., :0, :]))
    return shares


def rewrite_experiment(counts=(2, 4, 8, 12), width=16, trials=100, decay=0.9, seed=0, delta=delta_rule):
    """Store pairs, then the same keys with new values, and ask for the new ones: a dict as `recall_experiment` gives.

    Whoever returns the old value is wrong. Softmax sees no positions, so it can't tell the old from the new.
    """
    rng = np.random.default_rng(seed)
    shares: dict = {}
    for n in counts:
        key, value = pairs(rng, trials, n, width)
        new = rng.standard_normal(value.shape)
        twice, both = np.concatenate([key, key], axis=-2), np.concatenate([value, new], axis=-2)
        ones = np.ones(twice.shape[:-1])
        answers = {
            "softmax": scaled_dot_product_attention(key, twice, both, scale=20),
            "plain sum": ask(decay_attention, key, twice, both, ones),
            "decay": ask(decay_attention, key, twice, both, decay * ones),
            "delta rule": ask(delta, key, twice, both, ones),
        }
        for name, got in answers.items():
            shares.setdefault(name, []).append(found(got, new, value))
    return shares


def half_rewritten(n=8, times=4, width=16, trials=100, decay=0.9, slow=0.99, seed=0):
    """Store pairs, give half of the keys new values several times, and ask for all: a dict from arm to two shares.

    The first is that of the rewritten keys whose latest value comes back, the second that of the keys left alone.
    """
    rng = np.random.default_rng(seed)
    key, value = pairs(rng, trials, n, width)
    half = n // 2
    later = rng.standard_normal((trials, times, half, width))
    again = np.tile(key[:, :half], (1, times, 1))
    keys, values = (
        np.concatenate([key, again], axis=1),
        np.concatenate([value, later.reshape(trials, -1, width)], axis=1),
    )
    latest, old = later[:, -1], np.concatenate([value[:, :half], later[:, :-1].reshape(trials, -1, width)], axis=1)
    wanted, ones = np.concatenate([latest, value[:, half:]], axis=1), np.ones(keys.shape[:-1])
    answers = {
        "plain sum": ask(decay_attention, key, keys, values, ones),
        "decay": ask(decay_attention, key, keys, values, decay * ones),
        "delta rule": ask(delta_rule, key, keys, values, ones),
        "gated delta rule": ask(gated_delta_rule, key, keys, values, ones, slow * ones),
    }
    everything = np.concatenate([wanted, old], axis=1)
    return {name: halves(got, everything, half) for name, got in answers.items()}


def halves(got, candidates, half):
    """How often the nearest of the candidates is the one in the same place: in the first half, and in the rest."""
    right = in_place(got, candidates)
    return float(right[:, :half].mean()), float(right[:, half:].mean())
