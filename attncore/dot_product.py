"""Lesson 04: scaled dot-product attention."""

import math

import numpy as np

from attncore.shapes import shaped
from attncore.softmax import masked_softmax
from attncore.weighted_sum import weighted_sum


@shaped("(...,q,d),(...,k,d)->(...,q,k)")
def attention_scores(query, key, scale=None):
    """Compare every query with every key: their dot products, times 1/sqrt(d).

    A given `scale` multiplies the scores in place of 1/sqrt(d). Vaswani et al. (2017).
    """
    return query @ np.swapaxes(key, -1, -2) * scale_of(query, scale)


def scale_of(query, scale=None):
    """The scale that is given, or one over the square root of the queries' width.

    A plain float: NumPy's float64, as np.sqrt gives, would turn float32 scores into float64.
    """
    return 1 / math.sqrt(query.shape[-1]) if scale is None else float(scale)


@shaped("(...,q,d),(...,k,d)->(...,q,k)")
def attention_weights(query, key, mask=None, scale=None):
    """Share out each query's attention among the keys: softmax of the scores times 1/sqrt(d).

    A boolean mask: True = may attend; a float mask is added to the scaled scores. A row with
    nothing allowed gives zeros, never NaN. A given `scale` multiplies the scores in place of
    1/sqrt(d). Vaswani et al. (2017).
    """
    return masked_softmax(attention_scores(query, key, scale), mask)


@shaped("(...,q,d),(...,k,d),(...,k,v)->(...,q,v)")
def scaled_dot_product_attention(query, key, value, mask=None, scale=None):
    """Look up, for every query, the mean of the values, weighted by how well their keys match.

    The scores are dot products times 1/sqrt(d). A boolean mask: True = may attend; a float mask is
    added to the scaled scores. A row with nothing allowed gives zeros, never NaN. A given `scale`
    multiplies the scores in place of 1/sqrt(d). Vaswani et al. (2017).
    """
    return weighted_sum(attention_weights(query, key, mask, scale), value)


@shaped("->()")
def dot_product_std(d, trials, rng):
    """Measure the standard deviation of the dot product of two random vectors of width d.

    Each of the `trials` draws both vectors from the standard normal distribution of `rng`, a
    NumPy Generator.
    """
    query, key = rng.standard_normal((2, trials, d))
    return float(np.std(np.sum(query * key, axis=-1)))
