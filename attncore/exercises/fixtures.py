"""What a case hands to an answer beside numbers: layers, losses, a cache, a generator of random numbers.

It imports no reference, so that a stranger's process may have it. An answer gets these by name.
"""

from copy import deepcopy
from typing import Any, NamedTuple

import numpy as np


class PlainCache:
    """Keys and values of the tokens so far, joined anew each time; `join` is what a wrong one changes."""

    key: Any
    value: Any

    def __init__(self):
        self.key = self.value = None

    def __len__(self):
        return 0 if self.key is None else self.key.shape[-2]

    def append(self, key, value):
        first = self.key is None
        self.key, self.value = (key, value) if first else (self.join(self.key, key), self.join(self.value, value))

    def join(self, old, new):
        return np.concatenate([old, new], axis=-2)


def shares_of(scores):
    """Softmax over the last axis."""
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


def attend(scores, value):
    """A layer's attention: its scores, scaled by the width of the values, as weights of the values."""
    return shares_of(scores / np.sqrt(value.shape[-1])) @ value


def plain_attention(x):
    """Self-attention with fixed weights and no positions: it does not care about order."""
    return attend(x @ (0.5 * x).T, x + 1)


def with_positions(x):
    """Self-attention on tokens that carry their position."""
    place = np.arange(x.shape[-2])[:, None]
    return plain_attention(x + 0.3 * place)


def running_average(x):
    """A recurrence that forgets half at every step."""
    out = np.array(x, dtype=float)
    for i in range(1, len(out)):
        out[i] = 0.5 * out[i - 1] + 0.5 * x[i]
    return out


def neighbors(x):
    """A convolution over each token and the two beside it, zeros beyond the ends."""
    padded = np.pad(x, ((1, 1), (0, 0)))
    return 0.2 * padded[:-2] + 0.5 * padded[1:-1] + 0.3 * padded[2:]


def next_token(x):
    """Each output sees only the token after it; the last sees itself."""
    return np.vstack([x[1:], x[-1:]])


def only_itself(x):
    """A layer that mixes nothing between tokens."""
    return np.tanh(x)


def causal_average(x):
    """The mean of all tokens so far."""
    return np.cumsum(x, axis=0) / np.arange(1, len(x) + 1)[:, None]


def first_and_last(x):
    """Every output sees the first and the last token, and itself."""
    return x + x[0] - 0.5 * x[-1]


def normalized_causal(x):
    """A layer norm, then the mean so far: adding a constant to a token changes nothing."""
    normal = (x - x.mean(axis=-1, keepdims=True)) / np.sqrt(x.var(axis=-1, keepdims=True) + 1e-5)
    return causal_average(normal)


def normalized_mean(x):
    """A layer norm, then the mean of all tokens: it leaks, but no constant added to a token shows it."""
    normal = (x - x.mean(axis=-1, keepdims=True)) / np.sqrt(x.var(axis=-1, keepdims=True) + 1e-5)
    return normal + normal.mean(axis=0)


def one_coordinate(x):
    """Only the last number of a token reaches the token before it, and only its first number."""
    out = np.tanh(x)
    out[:-1, 0] += x[1:, -1]
    return out


def opposite_coordinates(x):
    """The first number of a token moves two numbers of the token before it, by amounts that cancel."""
    out = np.tanh(x)
    out[:-1, -1] += x[1:, 0]
    out[:-1, 1] -= x[1:, 0]
    return out


def first_pair(x):
    """A causal sum in which token 1 alone leaks, into output 0."""
    out = np.cumsum(x, axis=0)
    out[0] += 0.01 * x[1:2].sum(axis=0)  # nothing where a text is cut to its first token
    return out


def last_to_first(x):
    """A causal sum in which the last token alone leaks, into output 0."""
    out = np.cumsum(x, axis=0)
    out[0] += 0.01 * x[-1]
    return out


def rounding_noise(x):
    """A causal sum with a trace of everything, far below what counts."""
    return np.cumsum(x, axis=0) + 1e-13 * x.sum(axis=0)


def faint_leak(x):
    """A causal sum of large numbers with a little of everything: small beside them, and far above rounding."""
    return 100 + np.cumsum(x, axis=0) + 1e-5 * x.sum(axis=0)


def running_sum(x):
    """A recurrence: each output adds its own token to all before it."""
    return np.cumsum(x, axis=-2)


def each_width_otherwise(x):
    """A layer that mixes nothing between tokens, and treats each number of a token in another way."""
    return np.tanh(x) * np.arange(1, x.shape[-1] + 1)


def causal_attention(x):
    return attend(np.where(np.tri(len(x), dtype=bool), x @ x.T, -np.inf), x)


def one_ahead_attention(x):
    return attend(np.where(np.tri(len(x), k=1, dtype=bool), x @ x.T, -np.inf), x)


def normalized_over_queries(x):
    """Causal scores, but normalized over the queries: each column mixes later rows in."""
    scores = np.where(np.tri(len(x), dtype=bool), x @ x.T, -np.inf)
    weights = np.exp(scores - scores.max(axis=0))
    return weights / weights.sum(axis=0) @ x


def centred_on_the_text(x):
    """A causal sum after subtracting the mean of the whole text."""
    return np.cumsum(x - x.mean(axis=0), axis=0)


def one_token_late(x):
    """Only token 2 leaks, and only into output 1."""
    out = np.cumsum(x, axis=0)
    if len(x) > 2:
        out[1] += 0.01 * x[2]
    return out


def strictly_earlier(x):
    """Each output sees the tokens before its own, and not its own."""
    return np.cumsum(x, axis=0) - x


def mixing_layer(x, keep):
    """Four heads that bring a different amount each; the last brings nothing."""
    parts = [np.tanh((i + 1) * x)[..., ::-1] * (3 - i) for i in range(len(keep))]
    return sum(k * part for k, part in zip(keep, parts, strict=True))


def redundant_layer(x, keep):
    """Heads that stand in for each other: the output is the largest of what is kept."""
    parts = np.stack([k * (x + 0.1 * i) for i, k in enumerate(keep)])
    return parts.max(axis=0)


def lowering_layer(x, keep):
    """Every head lowers the output, so that leaving one out raises it."""
    return x - sum(k * (i + 1) for i, k in enumerate(keep)) + 0.3 * np.sign(x) * keep[0]


def heads_that_add_up(x, head):
    """Three heads, of which the last takes away."""
    amounts = np.array([0.5, -2.0, 1.0])
    if head is not None:
        amounts[head] = 0
    return x + amounts.sum() * np.abs(x)


def heads_that_stand_in(x, head):
    """Three heads bring about the same, and the largest wins: without one, the next takes over."""
    brought = [x * (1 + 0.1 * i) for i in range(3) if i != head]
    return np.max(brought, axis=0)


def heads_that_lower(x, head):
    """Each head lowers the whole output, so that leaving it out can only raise it."""
    return x - sum(i + 1.0 for i in range(3) if i != head) * (1 + x**2)


def a_head_that_says_the_same(x, head):
    """Head 0 brings the same long vector everywhere, head 1 something of each token."""
    always = np.linspace(-4, 5, x.shape[-1])
    return x + (head != 0) * always + (head != 1) * np.tanh(x)


def sum_of_squares(x):
    return np.sum(x**2)


def a_quarter_of_the_sum_of_squares(x):
    return np.sum(x**2) / 4


def sum_of_cubes(x):
    return np.sum(x**3)


def product_of_all(x):
    return np.prod(x)


def three_weights_times_8_0_4(x):
    return np.sum(shares_of(x) * [8, 0, 4])


def a_billion_plus_the_sum_of_squares(x):
    return 1e9 + np.sum(x**2)


def the_weights_themselves(weights):
    return weights


def a_constant(weights):
    return np.float64(7)


def equal_values_summed(weights):
    return weights @ np.ones((weights.shape[-1], 3))


def first_query_against_second(weights):
    return weights[..., 0, :] - weights[..., 1, :]


def wide_values_summed(weights):
    keys = np.arange(1, weights.shape[-1] + 1)
    return weights @ np.sin(np.outer(keys, 0.7 * np.arange(1, 40)))


def squashed_weights(weights):
    return np.tanh(20 * weights)


def a_jump(weights):
    """It looks at the first weight alone: the largest of all brings 0, a middling one 1.6, a small one 1."""
    first = weights[..., 0] * weights.shape[-1]
    return np.where(first > 3, 0.0, np.where(first > 1, 1.6, 1.0))


class TwiceAsWide(np.random.Generator):
    """Every draw doubled: who does not draw from the rng that is given gives another number."""

    def __deepcopy__(self, memo):
        return TwiceAsWide(deepcopy(self.bit_generator, memo))

    def standard_normal(self, *args, **kwargs):
        return 2 * super().standard_normal(*args, **kwargs)

    def normal(self, *args, **kwargs):
        return 2 * super().normal(*args, **kwargs)

    def random(self, *args, **kwargs):
        return 2 * super().random(*args, **kwargs)


class Mixture(NamedTuple):
    """A layer whose outputs add up the tokens by given shares; a shorter text has the first of them."""

    shares: np.ndarray

    def __call__(self, x):
        n = x.shape[-2]
        return self.shares[:n, :n] @ x


class Bowl(NamedTuple):
    """A loss: squares, each by its own steepness, added up."""

    steepness: np.ndarray

    def __call__(self, x):
        return np.sum(self.steepness * x**2)


class Readout(NamedTuple):
    """A prediction: the values, added up by the weights."""

    values: np.ndarray

    def __call__(self, weights):
        return weights @ self.values


class Habits(NamedTuple):
    """A model whose logits depend on every id so far, and more on the later ones; the table has a row for each id."""

    table: np.ndarray

    def __call__(self, ids):
        ages = np.arange(len(ids))[::-1]
        return 0.7**ages @ self.table[np.asarray(ids)]


class SameLogits(NamedTuple):
    """A model that expects the same of any text."""

    logits: np.ndarray

    def __call__(self, ids):
        return self.logits.copy()


class CachedHabits:
    """A model that keeps what it has read: its logits depend on every id so far, and more on the later ones.

    `calls` counts the ids of each call.
    """

    def __init__(self, table):
        self.table, self.state = table, 0 * table[0]
        self.ids: list[int] = []
        self.calls: list[int] = []

    def __call__(self, ids):
        rows = []
        for i in np.atleast_1d(ids).tolist():
            self.state = 0.7 * self.state + self.table[i]
            rows.append(self.state)
            self.ids.append(i)
        self.calls.append(len(rows))
        return np.array(rows)
