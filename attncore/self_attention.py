"""Lesson 05: self-attention, against recurrence and convolution."""

import numpy as np

from attncore.dot_product import scaled_dot_product_attention
from attncore.shapes import shaped


@shaped("(...,n,m),(m,d),(m,d),(m,v)->(...,n,v)")
def self_attention(x, W_query, W_key, W_value, mask=None):
    """Let every token look at every token: query, key and value all come from x.

    The weights are used as x @ W. The mask is that of `scaled_dot_product_attention`. A row with
    nothing allowed gives zeros, never NaN. Cheng et al. (2016) put it into a recurrent net; Vaswani
    et al. (2017) put it in place of one.
    """
    return scaled_dot_product_attention(x @ W_query, x @ W_key, x @ W_value, mask)


@shaped("_,(n,m),(n):int->()")
def permutation_gap(layer, x, order):
    """Measure how far a layer is from not caring about order: 0 where permuting commutes with
    it.

    The largest absolute difference between layer(x[order]) and layer(x)[order]; `order` is a
    permutation of the n tokens.
    """
    return float(np.max(np.abs(layer(x[order]) - layer(x)[order])))


@shaped("_,(n,m)->(n,n)")
def influence(layer, x):
    """Tell which inputs reach which outputs: (i, j) is True where moving token j changes output i.

    Booleans, by finite differences. A change of more than 1e-9 counts. `layer` takes (n, m) and
    returns one row for each token. A layer that begins with a layer norm is measured like any
    other.
    """
    x = np.array(x, dtype=float)  # finer than float32, whatever came
    step = 0.01 * np.linspace(1, 2, x.shape[-1])  # not a constant: a layer norm would undo it
    still = layer(x)
    reached = np.zeros((len(x), len(x)), dtype=bool)
    for j in range(len(x)):
        moved = x.copy()
        moved[j] += step
        reached[:, j] = ~(np.max(np.abs(layer(moved) - still), axis=-1) <= 1e-9)
    return reached


@shaped("->()")
def path_length(architecture, n, kernel=3):
    """Count the layers or steps that a signal takes between the two ends of n tokens.

    Architecture "recurrent": one step a token, n - 1. "convolutional": plain kernels stacked
    until one output spans the text, the ceiling of (n - 1) / (kernel - 1). "attention": 1.
    Raises ValueError for any other architecture. Vaswani et al. (2017), table 1.
    """
    if kernel < 2:
        raise ValueError(f"path_length: kernel is {kernel}, expected at least 2")
    if architecture == "recurrent":
        return n - 1
    if architecture == "convolutional":
        return -(-(n - 1) // (kernel - 1))
    if architecture == "attention":
        return 1
    raise ValueError(
        f'path_length: architecture is "{architecture}", expected "recurrent", "convolutional" or "attention"'
    )
