"""Lesson 01: attention is a weighted average that you look up."""

import numpy as np

from attncore.shapes import shaped


@shaped("(...,q,k),(...,k,v)->(...,q,v)")
def weighted_sum(weights, values):
    """Multiply every value by its weight and add them up, once for each row of weights.

    The weights are taken as they come: they need not sum to one. The result is the context
    vector of Bahdanau et al. (2014).
    """
    return weights @ values


@shaped("(d),(k,d),(k,v)->(v)")
def hard_lookup(query, keys, values):
    """Return the value of the key whose dot product with the query is largest.

    Among equals the first key wins. This is a dictionary that always finds something: the limit
    that soft attention approaches as its scores grow.
    """
    return values[np.argmax(keys @ query)]


@shaped("(q),(k)->(q,k)")
def kernel_weights(query_points, key_points, width):
    """Weigh every key by a Gaussian bell around the query, so that each row sums to one.

    Points are positions on a line; `width` is the standard deviation of the bell, in the same
    unit. A query far from every key still has a row that sums to one. Raises ValueError unless
    the width is positive. Nadaraya (1964), Watson (1964).
    """
    if not width > 0:
        raise ValueError(f"kernel_weights: width is {width}, expected a positive number")
    distance = query_points[:, None] - key_points
    exponent = -0.5 * (distance / float(width)) ** 2
    bell = np.exp(exponent - exponent.max(axis=-1, keepdims=True))  # far away, each bell is 0
    return bell / bell.sum(axis=-1, keepdims=True)


@shaped("(q),(k),(k)->(q)")
def kernel_regression(query_points, key_points, values, width):
    """Predict a value at each query point: the mean of the known ones, near ones weighing more.

    The weights are those of `kernel_weights`: Gaussian, `width` their standard deviation. A query
    far from every key still gets a mean of the values, never NaN. Nadaraya (1964), Watson (1964).
    """
    return kernel_weights(query_points, key_points, width) @ values
