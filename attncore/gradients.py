"""Lesson 11: attention backward, by hand, and the other parts of a block."""

import math

import numpy as np

from attncore.dot_product import attention_weights, scale_of
from attncore.shapes import shaped
from attncore.transformer import share_below


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

    `d_output` is the gradient of a loss with respect to the output of
    `scaled_dot_product_attention` with the same mask and scale. A boolean mask: True = may attend;
    a float mask is added to the scaled scores. A row with nothing allowed gives zeros, never NaN. A
    given `scale` multiplies the scores in place of 1/sqrt(d). Each gradient has the shape of its
    input, summed where leading axes were broadcast.
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


@shaped("(...,m),(m),(...,m)->(...,m),(m),(m)", returns="d_x, d_gain, d_bias")
def layer_norm_backward(x, gain, d_output, eps=1e-5):
    """Carry a gradient back through a layer norm: returns (d_x, d_gain, d_bias).

    `d_output` is the gradient of a loss with respect to the output of `layer_norm` with the same
    eps. The mean and the variance depend on x too, and the gradient flows through both. d_gain and
    d_bias are summed over all vectors. d_x has the shape of x, summed where leading axes were
    broadcast. `d_output` may lack leading axes of x, and then counts for each vector. Ba et al.
    (2016).
    """
    d_output = np.broadcast_to(d_output, np.broadcast_shapes(x.shape, d_output.shape))
    centered = x - x.mean(axis=-1, keepdims=True)
    deviation = np.sqrt(np.mean(centered * centered, axis=-1, keepdims=True) + eps)
    normal = centered / deviation
    d_normal = d_output * gain
    along = np.mean(d_normal * normal, axis=-1, keepdims=True)
    d_x = (d_normal - d_normal.mean(axis=-1, keepdims=True) - normal * along) / deviation
    return sum_to(d_x, x.shape), sum_to(d_output * normal, gain.shape), sum_to(d_output, gain.shape)


@shaped("(...),(...)->(...)")
def gelu_backward(x, d_output):
    """Carry a gradient back through the exact GELU: x times the share of a standard normal
    distribution that lies below x.

    Hendrycks and Gimpel (2016).
    """
    density = np.exp(-x * x / 2) / math.sqrt(2 * math.pi)
    return d_output * (share_below(x) + x * density)


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
