"""Attention that prefers what is near."""

import numpy as np

from attncore.exercises.exercise import case, code, usual
from attncore.exercises.softmax.cases import some_keys
from attncore.shapes import shaped
from attncore.softmax import softmax


def penalties(n_query, n_key, slope):
    distance = np.arange(n_query)[:, None] - np.arange(n_key)
    return -slope * np.abs(distance)


@shaped("(...,q,d),(...,k,d),(...,k,v)->(...,q,v)")
def fix_distance_penalty(query, key, value, slope, visible=None):
    """Attend to all keys, with a penalty on the distance between query and key.

    The scores are dot products times 1/sqrt(d), and each place of distance takes `slope` away from a score, at every
    width. `visible` is a boolean mask: True = may attend; every query may see at least one key.
    """
    scale = 1 / np.sqrt(query.shape[-1])
    bias = penalties(query.shape[-2], key.shape[-2], slope)
    if visible is not None:
        bias = np.where(visible, bias, -np.inf)
    scores = query @ np.swapaxes(key, -1, -2)
    scores = scale * scores + bias
    weights = softmax(scores)
    return weights @ value


exercise = code(
    fix_distance_penalty,
    usual(slope=0.5),
    case("width one", sizes={"d": 1}, slope=0.5),
    case("a boolean mask", small=True, slope=0.5, visible=some_keys),
    case("a mask and a batch", lead=(2,), slope=1.0, visible=some_keys),
    case("no penalty", small=True, slope=0.0),
    case("no penalty, and a mask", slope=0.0, visible=some_keys),
    case("wide vectors", sizes={"d": 64}, slope=1.0),
    case("a steep slope", sizes={"d": 4}, slope=3.0),
    bug="penalty added before the scale",
)


@exercise.mistake("penalty added before the scale")
def penalty_added_before_the_scale(query, key, value, slope, visible=None):
    scale = 1 / np.sqrt(query.shape[-1])
    bias = penalties(query.shape[-2], key.shape[-2], slope)
    if visible is not None:
        bias = np.where(visible, bias, -np.inf)
    scores = query @ np.swapaxes(key, -1, -2)
    scores = scale * (scores + bias)
    weights = softmax(scores)
    return weights @ value


def penalized(query, key, value, slope, visible, make):
    """Attention whose weights are made by make(dot products, penalties, scale, what to add for the mask)."""
    scores = query @ np.swapaxes(key, -1, -2)
    bias = penalties(query.shape[-2], key.shape[-2], slope)
    hidden = 0.0 if visible is None else np.where(visible, 0.0, -np.inf)
    return make(scores, bias, 1 / np.sqrt(query.shape[-1]), hidden) @ value


@exercise.mistake("the scale left out")
def the_scale_left_out(query, key, value, slope, visible=None):
    return penalized(
        query, key, value, slope, visible, lambda scores, bias, scale, hidden: softmax(scores + bias + hidden)
    )


@exercise.mistake("penalty multiplied by the width")
def penalty_times_the_width(query, key, value, slope, visible=None):
    return penalized(
        query,
        key,
        value,
        slope,
        visible,
        lambda scores, bias, scale, hidden: softmax(scale * (scores + bias / scale**2) + hidden),
    )


@exercise.mistake("penalty on the finished weights")
def penalty_on_the_weights(query, key, value, slope, visible=None):
    return penalized(
        query,
        key,
        value,
        slope,
        visible,
        lambda scores, bias, scale, hidden: softmax(scale * scores + hidden) * np.exp(bias),
    )


@exercise.another_way
def the_query_scaled(query, key, value, slope, visible=None):
    scores = np.einsum("...qd,...kd->...qk", query / query.shape[-1] ** 0.5, key)
    for place in range(scores.shape[-2]):
        scores[..., place, :] -= slope * np.abs(np.arange(scores.shape[-1]) - place)
    return softmax(scores if visible is None else np.where(visible, scores, -np.inf)) @ value
