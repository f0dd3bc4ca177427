"""The weighted sum."""

import numpy as np

from attncore.exercises.exercise import case, code, usual
from attncore.weighted_sum import weighted_sum

exercise = code(
    weighted_sum,
    usual(),
    case("as many queries as keys", sizes={"q": 5}),
    case("as many queries as keys, in a batch", sizes={"q": 5}, lead=(2,)),
    case("one query", sizes={"q": 1}),
    case("weights that sum to one", weights=lambda rng, s: rng.dirichlet(np.ones(s.k), s.q)),
)


@exercise.mistake("never added up")
def never_added_up(weights, values):
    return weights[..., None] * values[..., None, :, :]


@exercise.mistake("mean instead of sum")
def mean_instead_of_sum(weights, values):
    return weights @ values / values.shape[-2]


@exercise.mistake("weights normalized first")
def weights_normalized_first(weights, values):
    return (weights / weights.sum(axis=-1, keepdims=True)) @ values


@exercise.mistake("weights transposed")
def weights_transposed(weights, values):
    return np.swapaxes(weights, -1, -2) @ values


@exercise.mistake("only the heaviest value")
def only_the_heaviest_value(weights, values):
    best = np.argmax(weights, axis=-1)
    return np.take_along_axis(values, best[..., None], axis=-2)


@exercise.mistake("added over the queries")
def added_over_the_queries(weights, values):
    return weights.sum(axis=-2)[..., None] * values


@exercise.mistake("`np.dot` pairs every batch with every other")
def np_dot_pairs_every_batch_with_every_other(weights, values):
    return np.dot(weights, values)


@exercise.mistake("softmax of the weights")
def softmax_of_the_weights(weights, values):
    exponentials = np.exp(weights)
    return exponentials / exponentials.sum(axis=-1, keepdims=True) @ values


@exercise.mistake("values without an axis for the queries")
def values_without_an_axis_for_the_queries(weights, values):
    return (weights[..., None] * values).sum(axis=-2)


@exercise.another_way
def with_einsum(weights, values):
    return np.einsum("...qk,...kv->...qv", weights, values)


@exercise.another_way
def multiply_then_add(weights, values):
    products = weights[..., :, :, None] * values[..., None, :, :]
    return products.sum(axis=-2)


@exercise.another_way
def lists_and_loops(weights, values):
    if np.ndim(weights) > 2:
        return [lists_and_loops(w, v) for w, v in zip(weights, values, strict=True)]
    columns = range(values.shape[1])
    return [[sum(w * value[j] for w, value in zip(row, values, strict=True)) for j in columns] for row in weights]
