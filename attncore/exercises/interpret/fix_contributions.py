"""What each head carries from each token to each output: parts that should add up to the whole."""

import math

import numpy as np

from attncore.dot_product import attention_weights
from attncore.exercises.exercise import case, code, usual
from attncore.exercises.heads.cases import matrix
from attncore.heads import HeadWeights, multi_head_attention, split_heads
from attncore.shapes import shaped


def rows_of_heads(W_output, n_heads):
    """(h, w, m): what turns each head's own numbers into its part of the output."""
    by_head = W_output.reshape(n_heads, -1, W_output.shape[1])
    return by_head


def carried(x, W_query, W_key, W_value, W_output, n_heads):
    query, key, value = (split_heads(x @ W, n_heads) for W in (W_query, W_key, W_value))
    weights = attention_weights(query, key)
    handed_over = value @ rows_of_heads(W_output, n_heads)
    return weights[..., None] * handed_over[:, None]


@shaped("(n,m),(m,m),(m,m),(m,m),(m,m)->(h,n,n),(n,m)", returns="lengths, output")
def fix_contributions(x, W_query, W_key, W_value, W_output, n_heads):
    """Tell what each head carries from each token to each output: returns (lengths, output).

    What a head carries is its weight times the value, projected by the head's share of W_output. `lengths`
    holds the Euclidean length of that, for each head, output and token; `output` is the sum of all that
    is carried, which is what multi-head attention returns. No mask, no bias; all matrices are used as x @ W.
    Kobayashi et al. (2020).
    """
    parts = carried(x, W_query, W_key, W_value, W_output, n_heads)
    lengths = np.linalg.norm(parts, axis=-1)
    output = parts.sum(axis=(0, 2))
    return lengths, output


given = {W: matrix("m", "m") for W in ("W_query", "W_key", "W_value", "W_output")}
exercise = code(
    fix_contributions,
    usual(n_heads=2, **given),
    case("one head", n_heads=1, small=True, **given),
    case("six heads", n_heads=6, **given),
    case("as many heads as numbers", n_heads=4, small=True, **given),
    case("a symmetric W_output", n_heads=2, small=True, **given | {"W_output": lambda rng, s: np.diag([1.0, 2, 3, 4])}),
    bug="a head takes columns of W_output in place of rows",
)


def rows_of_heads_(W_output, n_heads):
    """(h, w, m): what turns each head's own numbers into its part of the output."""
    by_head = W_output.reshape(len(W_output), n_heads, -1)
    return by_head.transpose(1, 2, 0)


def carried_(x, W_query, W_key, W_value, W_output, n_heads):
    query, key, value = (split_heads(x @ W, n_heads) for W in (W_query, W_key, W_value))
    weights = attention_weights(query, key)
    handed_over = value @ rows_of_heads_(W_output, n_heads)
    return weights[..., None] * handed_over[:, None]


@exercise.mistake("a head takes columns of W_output in place of rows")
def lengths_of_what_is_carried(x, W_query, W_key, W_value, W_output, n_heads):
    parts = carried_(x, W_query, W_key, W_value, W_output, n_heads)
    lengths = np.linalg.norm(parts, axis=-1)
    output = parts.sum(axis=(0, 2))
    return lengths, output


def with_projections(x, W_query, W_key, W_value, projections, n_heads):
    """With the (h, w, m) that each head's values are multiplied by."""
    query, key, value = (split_heads(x @ W, n_heads) for W in (W_query, W_key, W_value))
    parts = attention_weights(query, key)[..., None] * (value @ projections)[:, None]
    return np.linalg.norm(parts, axis=-1), parts.sum(axis=(0, 2))


@exercise.mistake("a head takes every h-th row of W_output")
def every_hth_row(x, W_query, W_key, W_value, W_output, n_heads):
    strided = W_output.reshape(-1, n_heads, W_output.shape[1]).swapaxes(0, 1)
    return with_projections(x, W_query, W_key, W_value, strided, n_heads)


@exercise.mistake("the output is right, the lengths are those before W_output")
def lengths_too_early(x, W_query, W_key, W_value, W_output, n_heads):
    output = multi_head_attention(x, x, x, HeadWeights(W_query, W_key, W_value, W_output), n_heads)
    query, key, value = (split_heads(x @ W, n_heads) for W in (W_query, W_key, W_value))
    return attention_weights(query, key) * np.linalg.norm(value, axis=-1)[:, None], output


@exercise.mistake("the output is right, the lengths still take columns")
def lengths_left(x, W_query, W_key, W_value, W_output, n_heads):
    output = multi_head_attention(x, x, x, HeadWeights(W_query, W_key, W_value, W_output), n_heads)
    return lengths_of_what_is_carried(x, W_query, W_key, W_value, W_output, n_heads)[0], output


@exercise.mistake("the lengths are right, the output still takes columns")
def output_left(x, W_query, W_key, W_value, W_output, n_heads):
    lengths = fix_contributions(x, W_query, W_key, W_value, W_output, n_heads)[0]
    return lengths, lengths_of_what_is_carried(x, W_query, W_key, W_value, W_output, n_heads)[1]


@exercise.another_way
def head_by_head(x, W_query, W_key, W_value, W_output, n_heads):
    w = x.shape[-1] // n_heads
    lengths, output = [], 0.0
    for head in range(n_heads):
        own = slice(head * w, (head + 1) * w)
        scores = (x @ W_query[:, own]) @ (x @ W_key[:, own]).T / math.sqrt(w)
        exponentials = np.exp(scores - scores.max(axis=-1, keepdims=True))
        weights = exponentials / exponentials.sum(axis=-1, keepdims=True)
        handed_over = x @ W_value[:, own] @ W_output[own]
        lengths.append(weights * np.linalg.norm(handed_over, axis=-1))
        output = output + weights @ handed_over
    return np.stack(lengths), output
