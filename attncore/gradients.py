"""Lesson 11: attention backward, by hand."""

import numpy as np

from attncore.dot_product import attention_weights, scale_of
from attncore.shapes import shaped


@shaped("(...,k),(...,k)->(...,k)")
def softmax_backward(weights, d_weights):
    """Carry a gradient back through softmax, from the weights to the scores.

    `weights` is what softmax returned, along the last axis. A row of zeros, where nothing was
    allowed, gives zeros.
    """
    return weights * (d_weights - np.sum(weights * d_weights, axis=-1, keepdims=True))


@shaped("(...,q,d),(...,k,d),(...,k,v),(...,q,v)->(...,q,d),(...,k,d),(...,k,v)", returns="d_query, d_key, d_value")
def attention_backward(query, key, value, d_output, mask=None, scale=None):
    """Carry a gradient back through attention: returns (d_query, d_key, d_value).

    `d_output` is the gradient of a loss by the output of `scaled_dot_product_attention` with the
    same mask and scale. A boolean mask: True = may attend; a float mask is added to the scaled
    scores. A row with nothing allowed gives zeros, never NaN. A given `scale` multiplies the scores
    in place of 1/sqrt(d). Each gradient has the shape of its input, summed where leading axes were
    broadcast.
    """
    scale = scale_of(query, scale)
    weights = attention_weights(query, key, mask, scale)
    leading = np.broadcast_shapes(weights.shape[:-2], value.shape[:-2], d_output.shape[:-2])
    d_output = np.broadcast_to(d_output, (*leading, *d_output.shape[-2:]))
    d_value = np.swapaxes(weights, -1, -2) @ d_output
    d_weights = d_output @ np.swapaxes(value, -1, -2)
    d_scores = softmax_backward(weights, d_weights) * scale
    d_query = d_scores @ key
    d_key = np.swapaxes(d_scores, -1, -2) @ query
    return sum_to(d_query, query.shape), sum_to(d_key, key.shape), sum_to(d_value, value.shape)


def sum_to(gradient, shape):
    """Add up a gradient over the axes along which its input was broadcast."""
    extra = tuple(range(gradient.ndim - len(shape)))
    gradient = gradient.sum(axis=extra)
    stretched = tuple(axis for axis, length in enumerate(shape) if length == 1 != gradient.shape[axis])
    return gradient.sum(axis=stretched, keepdims=True)


@shaped("_,(...)->(...)")
def numerical_gradient(f, x, eps=1e-6):
    """Measure the gradient of a function of an array by central differences.

    f takes an array like x and returns one number; the result has the shape of x. Steps are taken
    in float64, even where x holds float32 or integers. The error falls with eps squared until
    rounding, which grows as 1 / eps, takes over.
    """
    x = np.array(x, dtype=float)
    gradient = np.empty_like(x)
    for place in np.ndindex(x.shape):
        kept = x[place]
        x[place] = kept + eps
        above = float(f(x))
        x[place] = kept - eps
        below = float(f(x))
        x[place] = kept
        gradient[place] = (above - below) / (2 * eps)
    return gradient
