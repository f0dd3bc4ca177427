"""Lesson 06: a model that sees one token too far learns quickly, and can't write."""

from typing import NamedTuple

import numpy as np

from attncore.masks import causal_mask
from attncore.toy import repeated_sequences, start_toy, toy_backward, toy_logits
from attncore.training import train
from attncore.transformer import generate

N = 16  # the length of a text, and the number of ids


class MaskRuns(NamedTuple):
    """What came out, by mask: the losses, and two shares of right tokens.

    "foretold" are tokens that nobody can know, read off where nothing has been repeated yet. "written" are tokens that
    everybody can know, generated one by one.
    """

    losses: dict
    foretold: dict
    written: dict


def leaky_mask(n):
    """A causal mask with a mistake: it goes one token too far."""
    return np.tri(n, n, 1, dtype=bool)


def mask_experiment(mask=causal_mask, steps=200, seed=0):
    """Train the toy to continue texts that repeat, with a mask and with a leaky one: returns `MaskRuns`.

    `mask` is `causal_mask` or your own.
    """
    runs = MaskRuns({}, {}, {})
    for name, chosen in (("causal", mask), ("one too far", leaky_mask)):
        runs.losses[name], runs.foretold[name], runs.written[name] = train_with(chosen, steps, seed)
    return runs


def train_with(mask, steps, seed):
    """Train the toy with a mask: returns (losses, foretold, written)."""
    rng = np.random.default_rng(seed)
    weights, batches = start_toy(rng, n_ids=N), (repeated_sequences(rng, 16, N, N) for _ in range(steps))
    losses = train(weights, lambda *batch: toy_backward(*batch, weights, mask=mask), batches)
    ids, _ = repeated_sequences(rng, 50, N, N)
    guessed, new = toy_logits(ids, weights, mask=mask).argmax(axis=-1), slice(1, N // 3)
    foretold = np.mean(guessed[:, :-1][:, : N // 3 - 1] == ids[:, new])
    return losses, float(foretold), float(np.mean([right_tokens(text, weights, mask) for text in ids]))


def right_tokens(text, weights, mask, begin=N // 2 + 1):
    """The share of right tokens where a model goes on from the first `begin` of a text."""

    def next_logits(ids):
        return toy_logits(ids, weights, mask=mask)[-1]

    new = generate(next_logits, text[:begin], len(text) - begin, np.random.default_rng(0), temperature=0)
    return np.mean(np.array(new) == text[begin:])
