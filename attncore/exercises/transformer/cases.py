"""What several exercises of this topic share."""

import math
from functools import partial

import numpy as np

from attncore.exercises.exercise import Case
from attncore.exercises.softmax.cases import GUARDS, far_number_added, hide, masked_late, zeroed_then_renormalized
from attncore.heads import HeadWeights, merge_heads, split_heads
from attncore.softmax import masked_softmax, softmax
from attncore.transformer import FeedForwardWeights, NormWeights


def drawn(rng, s, *shape):
    """Weights that keep numbers at their size: divided by the square root of how many are added up."""
    return np.round(rng.standard_normal(shape) / math.sqrt(shape[0]), 1 if s.m < 8 else 6)


def norm_weights(rng, s):
    return NormWeights(np.round(1 + 0.4 * rng.standard_normal(s.m), 1), np.round(0.4 * rng.standard_normal(s.m), 1))


def head_weights(rng, s):
    return HeadWeights(*(drawn(rng, s, s.m, s.m) for _ in range(4)))


def layer_weights(rng, s):
    biases = np.round(0.5 * rng.standard_normal(s.f + s.m), 1)
    return FeedForwardWeights(drawn(rng, s, s.m, s.f), biases[: s.f], drawn(rng, s, s.f, s.m), biases[s.f :])


def far_head_weights(rng, s):
    """Weights that take scores into the thousands, whatever norm stands before them."""
    weights = head_weights(rng, s)
    return weights._replace(W_query=60 * weights.W_query, W_key=60 * weights.W_key)


def masked(x, memory):
    return (*x.shape[:-1], memory.shape[-2])


def a_few(*shape):
    """A mask maker that allows each query two keys, drawn anew for each."""
    return lambda rng, s: np.argsort(rng.random([s[axis] for axis in shape]), axis=-1) < 2


def heads_that_weigh(weigh, power=-0.5):
    """Multi-head attention in which `weigh(scores, mask)` makes weights of the scores, times the width to a power."""

    def attend(query, key, value, weights, n_heads, mask=None):
        query, key, value = (split_heads(x @ W, n_heads) for x, W in zip((query, key, value), weights[:3], strict=True))
        scores = query @ np.swapaxes(key, -1, -2) * query.shape[-1] ** power
        mask = mask[..., None, :, :] if mask is not None and mask.ndim == 3 else mask
        return merge_heads(weigh(scores, mask) @ value) @ weights.W_output

    return attend


def far_number_in_place(scores, mask):
    return softmax(scores if mask is None else np.maximum(hide(scores, mask, -1e9), -1e9))


def nan_where_empty(scores, mask):
    hidden = scores if mask is None else hide(scores, mask, -np.inf)
    exponentials = np.exp(hidden - hidden.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


unscaled_attention = heads_that_weigh(masked_softmax, power=0)

# Multi-head attention with a mistake about the mask, beside its label.
LATE_MASKS = [
    ("mask after the softmax, then renormalized", heads_that_weigh(masked_late)),
    *(
        ("mask after the softmax, then renormalized with a guard", heads_that_weigh(partial(masked_late, guard=guard)))
        for guard in GUARDS
    ),
    ("hidden scores set to zero, then renormalized", heads_that_weigh(zeroed_then_renormalized)),
]
EMPTY_ROWS = [
    ("an empty row shares its weight equally", heads_that_weigh(far_number_in_place)),
    ("an empty row sees everything", heads_that_weigh(far_number_added)),
    ("an empty row gives NaN", heads_that_weigh(nan_where_empty)),
]


def scaled_with_the_scores(mask, weights, n_heads):
    """A float mask divided by the square root of the head's width, as the scores are; a boolean one as it is."""
    if mask is None or mask.dtype == bool:
        return mask
    return mask / math.sqrt(len(weights.W_query) / n_heads)


def read_as_booleans(mask):
    return None if mask is None else mask.astype(bool)


def given(name, **arguments):
    """A case with all of its arguments; a function among them makes its argument anew."""
    return Case(name, lambda: {key: made() if callable(made) else made for key, made in arguments.items()})


def text(*shape):
    """Ids that nobody draws, so that it can be told what became of each."""
    return np.arange(math.prod(shape)).reshape(shape) + 10**6
