"""Lesson 02: softmax, and what it does under pressure."""

import math

import numpy as np

from attncore.shapes import shaped


@shaped("(...)->(...)")
def softmax(x, axis=-1):
    """Turn numbers into positive weights that sum to one along an axis.

    Each weight is proportional to e raised to its number. No finite input, however large, gives
    NaN. A line of nothing but -inf gives zeros. Integers become float64. The distribution is
    Boltzmann's (1868); the name is Bridle's (1990).
    """
    exponentials = np.exp(x - finite(np.max(x, axis=axis, keepdims=True)))
    total = exponentials.sum(axis=axis, keepdims=True)
    return exponentials / np.where(total == 0, 1, total)


def finite(maximum):
    """A maximum that can be subtracted: 0 in the place of -inf, since -inf - -inf would be NaN."""
    return np.where(maximum == -np.inf, 0, maximum)


@shaped("(...)->(...)")
def log_softmax(x, axis=-1):
    """Return the natural logarithm of softmax, exact even where softmax itself rounds to zero.

    A line of nothing but -inf stays -inf. Integers become float64.
    """
    shifted = x - finite(np.max(x, axis=axis, keepdims=True))
    total = np.exp(shifted).sum(axis=axis, keepdims=True)
    return shifted - np.log(np.where(total == 0, 1, total))


@shaped("(...,q,k),(...,q,k)->(...,q,k)", broadcasts=("mask",))
def masked_softmax(scores, mask):
    """Softmax over the keys, where the mask says which keys each query may see.

    A boolean mask: True = may attend. A float mask is added to the scores. The mask broadcasts. A
    row with nothing allowed gives zeros, never NaN. A mask of None allows everything. Raises
    ValueError for a mask of integers.
    """
    if mask is None:
        return softmax(scores)
    if mask.dtype == bool:
        return softmax(np.where(mask, scores, -np.inf))
    return softmax(scores + mask.astype(scores.dtype))


@shaped("(k)->()")
def temperature_for_entropy(scores, bits):
    """Find the temperature T at which softmax(scores / T) has the given entropy in bits.

    Entropy is minus the sum of p log2 p: 0 bits for a sure choice, log2 k for k equal ones.
    It grows with T. The scores may be of any size, and T grows with them. Raises ValueError, with
    the range, where no temperature reaches the given bits.
    """
    if not np.isfinite(scores).all():
        raise ValueError(f"temperature_for_entropy: scores are {scores}, expected finite numbers")
    scores = scores - scores.max()
    ties = np.count_nonzero(scores == 0)
    lowest, highest = math.log2(ties), math.log2(len(scores))
    if not lowest < bits < highest:
        raise ValueError(f"temperature_for_entropy: bits is {bits}, expected between {lowest:.4g} and {highest:.4g}")
    cold, hot = -50.0, 50.0  # of ln T, in units of the spread of the scores
    spread = -scores.min()
    for _ in range(60):
        middle = (cold + hot) / 2
        log_p = log_softmax(scores / (spread * math.exp(middle)))
        p = np.exp(log_p)
        entropy = -np.sum(p * np.where(p > 0, log_p, 0)) / math.log(2)
        cold, hot = (middle, hot) if entropy < bits else (cold, middle)
    return float(spread * math.exp(middle))


@shaped("(...,t,c),(...,t):int->()", axes={"c": "class"})
def cross_entropy(logits, targets, ignore=-100):
    """Measure how surprised a model is by the targets: minus the log of the probability that it gave
    to each, averaged over the places.

    In nats, which means the natural logarithm. The probabilities are the softmax of the logits over
    the classes. No finite logits, however large, give NaN. Places whose target is `ignore` don't
    count, in the mean either. Raises ValueError if no place counts, if any other target isn't a
    class, and if there isn't one target for each place. Good (1952).
    """
    wanted = wanted_classes(logits, targets, ignore)
    return float(-log_softmax(logits)[wanted].mean())


@shaped("(...,t,c),(...,t):int->(...,t,c)", axes={"c": "class"})
def cross_entropy_backward(logits, targets, ignore=-100):
    """Return the gradient of `cross_entropy` with respect to the logits.

    A place whose target is `ignore` gets zeros. Raises ValueError whenever `cross_entropy` does.
    Bridle (1990).
    """
    wanted = wanted_classes(logits, targets, ignore)
    counted = wanted.any(axis=-1, keepdims=True)
    return np.where(counted, softmax(logits) - wanted, 0) / int(counted.sum())  # else float32 becomes float64


@shaped("(...,t,c),(...,t):int->(...,t,c)", axes={"c": "class"})
def wanted_classes(logits, targets, ignore):
    """Mark the right class at each place: True there, False for all others; a place that is ignored has none."""
    places, n_classes = logits.shape[:-1], logits.shape[-1]
    if targets.shape != places:
        raise ValueError(f"wanted_classes: targets is {targets.shape}, expected {places}, one for each place")
    counted = targets != ignore
    strangers = targets[counted & ((targets < 0) | (targets >= n_classes))]
    if strangers.size:
        raise ValueError(f"wanted_classes: a target is {strangers[0]}, expected 0 to {n_classes - 1}, or {ignore}")
    if not counted.any():
        raise ValueError(f"wanted_classes: every target is {ignore}, and nothing is left to predict")
    return counted[..., None] & (targets[..., None] == np.arange(n_classes))
