"""Back through a block whose input is used four times."""

import numpy as np

from attncore.dot_product import scaled_dot_product_attention
from attncore.exercises.exercise import case, code, usual
from attncore.exercises.heads.cases import matrix
from attncore.gradients import attention_backward
from attncore.heads import merge_heads, split_heads
from attncore.masks import causal_mask
from attncore.shapes import shaped


def back_to_x(x, matrices, gradients, d_x):
    d_matrices = []
    for W, gradient in zip(matrices, gradients, strict=True):
        gradient = merge_heads(gradient)
        d_x = d_x + gradient @ W.T
        d_matrices.append(x.T @ gradient)
    return d_x, *d_matrices


@shaped(
    "(n,m),(m,m),(m,m),(m,m),(m,m),(n,m)->(n,m),(m,m),(m,m),(m,m),(m,m)",
    returns="d_x, d_query, d_key, d_value, d_W_output",
)
def fix_block_gradient(x, W_query, W_key, W_value, W_output, d_output, n_heads):
    """Carry a gradient back through a causal attention block: returns five gradients of a loss.

    The block is x plus the projected output of causal multi-head attention, without norms and biases.
    `d_output` is the gradient of the loss with respect to what the block returns. The five are those
    with respect to x, W_query, W_key, W_value and W_output, in this order.
    """
    matrices, mask = (W_query, W_key, W_value), causal_mask(len(x))
    query, key, value = (split_heads(x @ W, n_heads) for W in matrices)
    mixed = merge_heads(scaled_dot_product_attention(query, key, value, mask))
    d_mixed = split_heads(d_output @ W_output.T, n_heads)
    gradients = attention_backward(query, key, value, d_mixed, mask)
    return *back_to_x(x, matrices, gradients, d_output), mixed.T @ d_output


given = {
    "W_query": matrix("m", "m"),
    "W_key": matrix("m", "m"),
    "W_value": matrix("m", "m"),
    "W_output": matrix("m", "m"),
}
exercise = code(
    fix_block_gradient,
    usual(n_heads=2, **given),
    case("one head", n_heads=1, small=True, **given),
    case("one token", n_heads=2, small=True, sizes={"n": 1}, **given),
    case("as many tokens as the width", n_heads=3, sizes={"n": 6, "m": 6}, **given),
    case("more tokens than the width", n_heads=2, sizes={"n": 9, "m": 4}, **given),
    case("six heads", n_heads=6, **given),
    bug="the last path's gradient alone reaches x",
)


def back_to_x_(x, matrices, gradients, d_x):
    d_matrices = []
    for W, gradient in zip(matrices, gradients, strict=True):
        gradient = merge_heads(gradient)
        d_x = gradient @ W.T
        d_matrices.append(x.T @ gradient)
    return d_x, *d_matrices


@exercise.mistake("the last path's gradient alone reaches x")
def block_backward(x, W_query, W_key, W_value, W_output, d_output, n_heads):
    matrices, mask = (W_query, W_key, W_value), causal_mask(len(x))
    query, key, value = (split_heads(x @ W, n_heads) for W in matrices)
    mixed = merge_heads(scaled_dot_product_attention(query, key, value, mask))
    d_mixed = split_heads(d_output @ W_output.T, n_heads)
    gradients = attention_backward(query, key, value, d_mixed, mask)
    return *back_to_x_(x, matrices, gradients, d_output), mixed.T @ d_output


def with_paths(x, W_query, W_key, W_value, W_output, d_output, n_heads, join):
    """The five gradients; `join(paths, d_output)` makes the first of what query, key and value bring to x."""
    matrices, mask = (W_query, W_key, W_value), causal_mask(len(x))
    heads = [split_heads(x @ W, n_heads) for W in matrices]
    d_mixed = split_heads(d_output @ W_output.T, n_heads)
    gradients = [merge_heads(gradient) for gradient in attention_backward(*heads, d_mixed, mask)]
    mixed = merge_heads(scaled_dot_product_attention(*heads, mask))
    paths = [gradient @ W.T for gradient, W in zip(gradients, matrices, strict=True)]
    d_x = join(paths, d_output)
    return d_x, *(x.T @ gradient for gradient in gradients), mixed.T @ d_output


@exercise.mistake("the residual's gradient is lost")
def residual_lost(*given):
    return with_paths(*given, join=lambda paths, d_output: sum(paths))


@exercise.mistake("the residual's gradient is added once for each path")
def residual_thrice(*given):
    return with_paths(*given, join=lambda paths, d_output: sum(paths) + 3 * d_output)


@exercise.mistake("the last path and the residual alone")
def last_and_residual(*given):
    return with_paths(*given, join=lambda paths, d_output: paths[-1] + d_output)


@exercise.mistake("the mean of the paths")
def mean_of_the_paths(*given):
    return with_paths(*given, join=lambda paths, d_output: sum(paths) / 3 + d_output)


@exercise.mistake("the projection of the output is left out on the way to x")
def without_the_projection(x, W_query, W_key, W_value, W_output, d_output, n_heads):
    right = fix_block_gradient(x, W_query, W_key, W_value, W_output, d_output, n_heads)
    plain = fix_block_gradient(x, W_query, W_key, W_value, np.eye(len(W_output)), d_output, n_heads)
    return *plain[:4], right[4]


@exercise.another_way
def all_paths_in_one_product(x, W_query, W_key, W_value, W_output, d_output, n_heads):
    fused, mask = np.concatenate([W_query, W_key, W_value], axis=-1), causal_mask(len(x))
    heads = [split_heads(part, n_heads) for part in np.split(x @ fused, 3, axis=-1)]
    mixed = merge_heads(scaled_dot_product_attention(*heads, mask))
    d_heads = attention_backward(*heads, split_heads(d_output @ W_output.T, n_heads), mask)
    d_fused = np.concatenate([merge_heads(part) for part in d_heads], axis=-1)
    return d_fused @ fused.T + d_output, *np.split(x.T @ d_fused, 3, axis=-1), mixed.T @ d_output
