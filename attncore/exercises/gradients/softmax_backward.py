"""Back through softmax."""

import numpy as np

from attncore.exercises.exercise import case, code
from attncore.gradients import softmax_backward
from attncore.softmax import softmax


def weights_case(name, lead=(), sharp=2.0, weights=None, **more):
    """A case whose weights are a softmax, or those that are given."""
    make = (lambda rng, s: softmax(sharp * rng.standard_normal((*lead, s.k)))) if weights is None else np.array(weights)
    return case(name, lead=lead, weights=make, **more)


ZEROS = "A row of zeros, where nothing was allowed, gives zeros."
exercise = code(
    softmax_backward,
    weights_case("a small example", weights=[0.2, 0.3, 0.5], small=True),
    weights_case("another small example", weights=[0.1, 0.6, 0.3], small=True),
    weights_case("no two axes of one length"),
    weights_case("a batch of two", lead=(2,), small=True, weights=[[0.2, 0.3, 0.5], [0.1, 0.6, 0.3]]),
    weights_case("as many rows as keys", lead=(3,), small=True),
    weights_case("two leading axes", lead=(2, 4)),
    weights_case("float32", dtype=np.float32),
    weights_case("a key without weight", weights=[0.4, 0.0, 0.6], small=True),
    weights_case(
        "a row with nothing allowed", lead=(2,), small=True, weights=[[0.0, 0.0, 0.0], [0.2, 0.3, 0.5]], promise=ZEROS
    ),
    weights_case("a row that is decided", weights=[0.0, 1.0, 0.0], small=True),
    weights_case("nearly decided", sharp=12.0, lead=(3,)),
)


@exercise.mistake("only the diagonal of the Jacobian")
def only_the_slope_by_its_own_score(weights, d_weights):
    return weights * (1 - weights) * d_weights


@exercise.mistake("the row sum is left out")
def nothing_subtracted(weights, d_weights):
    return weights * d_weights


@exercise.mistake("the slope of a weight by its own score, times the difference")
def slope_times_the_difference(weights, d_weights):
    return weights * (1 - weights) * (d_weights - np.sum(weights * d_weights, axis=-1, keepdims=True))


@exercise.mistake("the mean is subtracted without its weight")
def mean_without_its_weight(weights, d_weights):
    return weights * d_weights - np.sum(weights * d_weights, axis=-1, keepdims=True)


@exercise.mistake("the plain sum of the gradients is subtracted")
def plain_sum_subtracted(weights, d_weights):
    return weights * (d_weights - np.sum(d_weights, axis=-1, keepdims=True))


@exercise.mistake("the plain mean of the gradients is subtracted")
def plain_mean_subtracted(weights, d_weights):
    return weights * (d_weights - np.mean(d_weights, axis=-1, keepdims=True))


@exercise.mistake("the sign is flipped")
def sign_flipped(weights, d_weights):
    return weights * (np.sum(weights * d_weights, axis=-1, keepdims=True) - d_weights)


@exercise.mistake("the factor of the weights is left out")
def weights_left_out_in_front(weights, d_weights):
    return d_weights - np.sum(weights * d_weights, axis=-1, keepdims=True)


@exercise.mistake("one sum is subtracted from all rows")
def one_sum_for_all_rows(weights, d_weights):
    return weights * (d_weights - np.sum(weights * d_weights))


@exercise.mistake("the sum runs over the queries")
def sum_over_the_queries(weights, d_weights):
    return weights * (d_weights - np.sum(weights * d_weights, axis=0, keepdims=True))


@exercise.mistake("the sum is taken without keepdims")
def sum_without_keepdims(weights, d_weights):
    return weights * (d_weights - np.sum(weights * d_weights, axis=-1))


@exercise.mistake("softmax is applied to the weights again")
def softmax_taken_again(weights, d_weights):
    return softmax_backward(softmax(weights), d_weights)


@exercise.mistake("the backward of log-softmax")
def backward_of_log_softmax(weights, d_weights):
    return d_weights - weights * np.sum(d_weights, axis=-1, keepdims=True)


@exercise.mistake("the sum is added instead of subtracted")
def the_sum_is_added(weights, d_weights):
    return weights * (d_weights + np.sum(weights * d_weights, axis=-1, keepdims=True))


@exercise.mistake("the gradient is subtracted from the weights, as for cross-entropy")
def as_for_cross_entropy(weights, d_weights):
    return weights - d_weights


@exercise.mistake("the Jacobian is returned, without its product")
def the_jacobian_itself(weights, d_weights):
    column = weights[..., None]
    return column * np.eye(weights.shape[-1]) - column * np.swapaxes(column, -1, -2)


@exercise.mistake("np.dot multiplies a batch as matrices")
def np_dot_on_a_batch(weights, d_weights):
    return weights * (d_weights - np.dot(weights, d_weights))


@exercise.mistake("one Jacobian is built for the whole batch")
def one_jacobian_for_the_whole_batch(weights, d_weights):
    column = weights.reshape(-1, 1)
    return (np.diagflat(column) - column @ column.T) @ d_weights


@exercise.another_way
def with_the_whole_jacobian(weights, d_weights):
    column = weights[..., None]
    jacobian = column * np.eye(weights.shape[-1]) - column * np.swapaxes(column, -1, -2)
    return np.squeeze(jacobian @ d_weights[..., None], axis=-1)


@exercise.another_way
def two_terms_with_einsum(weights, d_weights):
    own = np.einsum("...k,...k->...k", weights, d_weights)
    return own - weights * np.einsum("...k,...k->...", weights, d_weights)[..., None]


@exercise.another_way
def score_by_score(weights, d_weights):
    if np.ndim(weights) > 1:
        return [score_by_score(p, g) for p, g in zip(weights, d_weights, strict=True)]
    mean = sum(p * g for p, g in zip(weights, d_weights, strict=True))
    return [p * (g - mean) for p, g in zip(weights, d_weights, strict=True)]
