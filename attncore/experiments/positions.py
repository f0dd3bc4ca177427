"""Lesson 08: four ways to tell where a token stands, on one task, and beyond the length that was trained."""

from typing import NamedTuple

import numpy as np

from attncore.masks import causal_mask
from attncore.positions import alibi_bias, sinusoidal_positions
from attncore.toy import start_toy, toy_backward, toy_logits
from attncore.training import train

N_HEADS, N_IDS = 4, 16


def linear_mask(n):
    """The causal mask with a linear bias for each head, to be added to the scores."""
    return np.where(causal_mask(n), alibi_bias(N_HEADS, n, n), -np.inf)


SCHEMES = {  # settings of the toy
    "none": {"base": None},
    "sinusoidal": {"base": None, "positions": sinusoidal_positions},
    "rotary": {"base": 100.0},
    "linear bias": {"base": None, "n_heads": N_HEADS, "mask": linear_mask},
}


class PositionRuns(NamedTuple):
    """What came out, by scheme: the losses, and the accuracy at each length."""

    lengths: tuple
    losses: dict
    accuracies: dict


def lagged(rng, n, batch=16):
    """Draw ids (b, n) whose targets are the ids three places before: returns (ids, targets)."""
    ids, targets = rng.integers(N_IDS, size=(batch, n)), np.full((batch, n), -100)
    targets[:, 3:] = ids[:, :-3]
    return ids, targets


def latest(rng, n, batch=16):
    """Draw ids (b, n) whose targets are the last id so far that is below 4: returns (ids, targets)."""
    ids = rng.integers(N_IDS, size=(batch, n))
    place = np.maximum.accumulate(np.where(ids < 4, np.arange(n), -1), axis=1)
    return ids, np.where(place < 0, -100, np.take_along_axis(ids, place, axis=1))


def positions_experiment(draw=lagged, schemes=SCHEMES, n=16, longer=(1, 2, 4, 8), steps=150, seed=0):
    """Train one layer of the toy on `lagged` or `latest`, with each scheme: returns `PositionRuns`.

    It trains on texts of n tokens, and its accuracy is measured on new ones that are `longer` times as long. `schemes`
    are settings of `toy_logits` by name.
    """
    lengths = tuple(n * times for times in longer)
    runs = PositionRuns(lengths, {}, {})
    for name, settings in schemes.items():
        runs.losses[name], runs.accuracies[name] = train_scheme(draw, settings, n, lengths, steps, seed)
    return runs


def train_scheme(draw, settings, n, lengths, steps, seed):
    """Train with one scheme: returns (losses, the accuracy at each length)."""
    rng = np.random.default_rng(seed)
    weights, batches = start_toy(rng, n_layers=1, n_ids=N_IDS), (draw(rng, n) for _ in range(steps))
    losses = train(weights, lambda *batch: toy_backward(*batch, weights, **settings), batches)

    def accuracy(ids, targets):
        guessed, counted = toy_logits(ids, weights, **settings).argmax(axis=-1), targets >= 0
        return float(np.mean(guessed[counted] == targets[counted]))

    return losses, [accuracy(*draw(rng, length, batch=50)) for length in lengths]
