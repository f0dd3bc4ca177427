"""Prefix: the question is seen by all."""

import numpy as np

from attncore.exercises.exercise import case, code
from attncore.masks import causal_mask, prefix_mask

exercise = code(
    prefix_mask,
    *[case(f"{n} tokens, a prefix of {prefix}", n=n, prefix=prefix) for n, prefix in ((4, 2), (3, 1), (6, 4), (3, 3))],
    case("5 tokens, no prefix", n=5, prefix=0, promise="A prefix of 0 gives the causal mask."),
)


@exercise.mistake("the prefix is causal too")
def prefix_cannot_see_itself_ahead(n, prefix):
    return causal_mask(n)


@exercise.mistake("the prefix is one token too long")
def prefix_one_too_long(n, prefix):
    return causal_mask(n) | (np.arange(n) <= prefix)


@exercise.mistake("the prefix sees everything")
def prefix_rows_see_everything(n, prefix):
    return causal_mask(n) | (np.arange(n) < prefix)[:, None]


@exercise.mistake("the text after the prefix sees the future")
def text_after_the_prefix_not_causal(n, prefix):
    token = np.arange(n)
    return (token < prefix) | (token >= prefix)[:, None]


@exercise.mistake("both permissions required")
def prefix_and_causal_both_required(n, prefix):
    return causal_mask(n) & (np.arange(n) < prefix)


@exercise.mistake("the prefix is hidden from the rest")
def prefix_hidden_from_the_rest(n, prefix):
    token = np.arange(n)
    same_part = (token < prefix) == (token < prefix)[:, None]
    return prefix_mask(n, prefix) & same_part


@exercise.other_convention("ones and zeros")
def ones_and_zeros(n, prefix):
    return prefix_mask(n, prefix).astype(int)


@exercise.other_convention("zeros and minus infinity")
def zeros_and_minus_infinity(n, prefix):
    return np.where(prefix_mask(n, prefix), 0.0, -np.inf)


@exercise.another_way
def causal_then_filled(n, prefix):
    mask = np.tril(np.ones((n, n), dtype=bool))
    mask[:, :prefix] = True
    return mask


@exercise.another_way
def nested_lists(n, prefix):
    return [[key <= query or key < prefix for key in range(n)] for query in range(n)]
