"""A lookup that says how sure it is."""

import numpy as np

from attncore.exercises.exercise import case, code, usual
from attncore.exercises.softmax.cases import some_keys
from attncore.shapes import shaped
from attncore.softmax import softmax


def compare(query, key, scale=1.0):
    return scale * (query @ np.swapaxes(key, -1, -2))


def share_out(scores, mask):
    if mask is not None:
        scores = np.where(mask, scores, -np.inf)
    return softmax(scores)


@shaped("(...,q,d),(...,k,d),(...,k,v)->(...,q,v),(...,q)", returns="output, certainty")
def fix_attention(query, key, value, mask=None):
    """Look up the values by scaled dot-product attention, and say how sure each query is.

    The certainty of a query is the largest of its weights. A boolean mask:
    True = may attend. Every query may see at least one key.
    """
    scores = compare(query, key, scale=query.shape[-1] ** -0.5)
    weights = share_out(scores, mask)
    output = weights @ value
    certainty = weights.max(axis=-1)
    return output, certainty


exercise = code(
    fix_attention,
    usual(),
    case("a boolean mask", mask=some_keys, small=True),
    case("a mask on a batch", mask=some_keys, lead=(2,)),
    case("as many keys as the width", sizes={"k": 8}),
    case("values as wide as the keys", sizes={"v": 8}),
    case("wide vectors", sizes={"d": 64}),
    bug="not scaled",
)


@exercise.mistake("not scaled")
def not_scaled(query, key, value, mask=None):
    scores = compare(query, key)
    weights = share_out(scores, mask)
    output = weights @ value
    certainty = weights.max(axis=-1)
    return output, certainty


def looked_up(query, key, value, mask, scale, after=1.0):
    weights = share_out(compare(query, key, scale), mask) * after
    return weights @ value, weights.max(axis=-1)


@exercise.mistake("scaled by the number of keys")
def scaled_by_the_number_of_keys(query, key, value, mask=None):
    return looked_up(query, key, value, mask, key.shape[-2] ** -0.5)


@exercise.mistake("divided by the width itself")
def divided_by_the_width(query, key, value, mask=None):
    return looked_up(query, key, value, mask, 1 / query.shape[-1])


@exercise.mistake("scaled after the softmax")
def scaled_after_the_softmax(query, key, value, mask=None):
    return looked_up(query, key, value, mask, 1.0, query.shape[-1] ** -0.5)


@exercise.another_way
def the_query_scaled(query, key, value, mask=None):
    return looked_up(query / np.sqrt(query.shape[-1]), key, value, mask, 1.0)
