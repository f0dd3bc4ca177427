"""What several exercises of this topic share."""

from functools import partial

import numpy as np

from attncore.dot_product import attention_scores
from attncore.exercises.exercise import case
from attncore.exercises.softmax.cases import GIVEN_SCALE, hide
from attncore.softmax import softmax


def scale_cases():
    """Sizes that could be taken for the width, and, in corners, a scale that is given."""

    def given(name, scale, **more):
        return case(name, scale=scale, promise=GIVEN_SCALE, **more)

    return [
        case("as many queries as keys", sizes={"q": 5}),
        case("as many keys as the width", sizes={"k": 8}),
        given("a scale that is given", 0.3, small=True),
        given("a scale of one", 1.0),
        given("a scale below zero, on a batch", -0.3, lead=(2,)),
        given("a scale, in float32", 0.3, dtype=np.float32),
        given("a scale of zero", 0.0),
    ]


def weigh(query, key, mask=None, scale=None, power=0.0, hidden=-np.inf, shares=softmax):
    """The weights of attention with a step done otherwise.

    Scores are multiplied by the width to this power, masked with this number, made weights by this function.
    """
    scores = attention_scores(query, key, scale) * (query.shape[-1] ** power if scale is None else 1.0)
    return shares(scores if mask is None else hide(scores, mask, hidden))


def scaled_afterwards(query, key, mask=None, scale=None):
    factor = query.shape[-1] ** -0.5 if scale is None else scale
    return weigh(query, key, mask, scale=1.0) * factor


def scaled_by_the_number_of_keys(query, key, mask=None, scale=None):
    return weigh(query, key, mask, key.shape[-2] ** -0.5 if scale is None else scale)


def masked_afterwards(query, key, mask=None, scale=None):
    weights = weigh(query, key, None, scale)
    return weights if mask is None else weights * (mask if mask.dtype == bool else np.exp(mask))


def mask_added(query, key, mask=None, scale=None):
    return softmax(attention_scores(query, key, scale) + (0 if mask is None else mask))


def mask_as_booleans(query, key, mask=None, scale=None):
    return weigh(query, key, None if mask is None else mask.astype(bool), scale)


def together(scores):
    exponentials = np.exp(scores - scores.max(axis=(-2, -1), keepdims=True))
    return exponentials / exponentials.sum(axis=(-2, -1), keepdims=True)


def best_key(scores):
    return (scores == scores.max(axis=-1, keepdims=True)).astype(scores.dtype)


def unshifted(scores):
    exponentials = np.exp(scores)
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


# What people write in place of the weights, in any function with attention inside; each exercise takes what it lacks.
WRONG_WEIGHTS = {
    "no scale": partial(weigh, power=0.5),
    "divided by the width of a head, not by its square root": partial(weigh, power=-0.5),
    "divided by the square root of the number of keys": scaled_by_the_number_of_keys,
    "multiplied by the square root of the width": partial(weigh, power=1.0),
    "scaled after the softmax": scaled_afterwards,
    "softmax over the queries": partial(weigh, shares=partial(softmax, axis=-2)),
    "softmax twice": partial(weigh, shares=lambda scores: softmax(softmax(scores))),
    "no softmax": partial(weigh, shares=lambda scores: scores),
    "only the best key": partial(weigh, shares=best_key),
    "large scores overflow": partial(weigh, shares=unshifted),
    "hidden scores set to zero": partial(weigh, hidden=0.0),
    "hidden scores set to -10": partial(weigh, hidden=-10.0),
    "hidden scores set to -100": partial(weigh, hidden=-100.0),
    "hidden scores set to -10,000": partial(weigh, hidden=-1e4),
    "mask after the softmax": masked_afterwards,
    "boolean mask added to the scores": mask_added,
    "float mask read as a boolean": mask_as_booleans,
    "softmax over queries and keys together": partial(weigh, shares=together),
}
