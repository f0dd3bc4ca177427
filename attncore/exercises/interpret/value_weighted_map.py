"""Weigh a map by what is handed over."""

import numpy as np

from attncore.exercises.exercise import case, code
from attncore.exercises.interpret.cases import shares
from attncore.interpret import value_weighted_map


def rows_of_weights(*lead):
    return lambda rng, s: shares(rng, *lead, s.q, s.k)


exercise = code(
    value_weighted_map,
    case("a small example", small=True, weights=rows_of_weights()),
    case("another small example", small=True, sizes={"v": 2}, weights=rows_of_weights()),
    case("no two axes of one length", weights=rows_of_weights()),
    case("as many queries as keys", sizes={"q": 5}, weights=rows_of_weights()),
    case("as many of everything", sizes=dict.fromkeys("qkvm", 4), weights=rows_of_weights()),
    case("a batch of two", small=True, lead=(2,), weights=rows_of_weights(2)),
    case("two leading axes", lead=(2, 4), weights=rows_of_weights(2, 4)),
    case(
        "a key that hands over nothing",
        weights=rows_of_weights(),
        value=lambda rng, s: np.vstack([np.zeros((1, s.v)), rng.standard_normal((s.k - 1, s.v))]),
    ),
    case("long values", magnitude=60.0, weights=rows_of_weights()),
    case("float32", dtype=np.float32, weights=rows_of_weights()),
)


@exercise.mistake("the length is taken before W_output")
def length_before_W_output(weights, value, W_output):
    lengths = np.linalg.norm(value, axis=-1)
    return weights * lengths[..., None, :]


@exercise.mistake("the length is left squared")
def squared_length(weights, value, W_output):
    handed_over = value @ W_output
    return weights * (handed_over**2).sum(axis=-1)[..., None, :]


@exercise.mistake("absolute values added up instead of the Euclidean norm")
def absolute_numbers_added_up(weights, value, W_output):
    return weights * np.abs(value @ W_output).sum(axis=-1)[..., None, :]


@exercise.mistake("the lengths stand on the query axis")
def lengths_on_the_query_axis(weights, value, W_output):
    return weights * np.linalg.norm(value @ W_output, axis=-1)[..., :, None]


@exercise.mistake("the norm runs over the tokens")
def norm_over_the_tokens(weights, value, W_output):
    return weights * np.linalg.norm(value @ W_output, axis=-2)[..., None, :]


@exercise.mistake("one length for all keys together")
def one_length_for_all_keys_together(weights, value, W_output):
    return weights * np.linalg.norm(value @ W_output)


@exercise.mistake("rows are normalized to sum to one")
def rows_made_to_sum_to_one(weights, value, W_output):
    norms = value_weighted_map(weights, value, W_output)
    total = norms.sum(axis=-1, keepdims=True)
    return norms / np.where(total == 0, 1, total)


@exercise.mistake("the length of the whole output")
def length_of_the_whole_output(weights, value, W_output):
    return weights * np.linalg.norm(weights @ value @ W_output, axis=-1, keepdims=True)


@exercise.mistake("divided by the longest value")
def divided_by_the_longest_value(weights, value, W_output):
    lengths = np.linalg.norm(value @ W_output, axis=-1)[..., None, :]
    return weights * lengths / lengths.max(axis=-1, keepdims=True)


@exercise.mistake("the weights are left out")
def weights_left_out(weights, value, W_output):
    return np.ones_like(weights) * np.linalg.norm(value @ W_output, axis=-1)[..., None, :]


@exercise.mistake("no query axis for the lengths of a batch")
def no_query_axis_for_the_lengths_of_a_batch(weights, value, W_output):
    return weights * np.linalg.norm(value @ W_output, axis=-1)


@exercise.mistake("axis 1 is not the width in a batch")
def axis_1_of_a_batch(weights, value, W_output):
    return weights * np.linalg.norm(value @ W_output, axis=1)[..., None, :]


@exercise.mistake("the value is added to the weights")
def the_value_is_added(weights, value, W_output):
    return weights + np.linalg.norm(value @ W_output, axis=-1)[..., None, :]


@exercise.mistake("the root mean square in place of the length")
def root_mean_square(weights, value, W_output):
    return weights * np.sqrt(np.mean((value @ W_output) ** 2, axis=-1))[..., None, :]


@exercise.mistake("the numbers are added up with their signs")
def numbers_added_up_with_their_signs(weights, value, W_output):
    return weights * (value @ W_output).sum(axis=-1)[..., None, :]


@exercise.mistake("the largest number in place of the length")
def largest_number(weights, value, W_output):
    return weights * np.abs(value @ W_output).max(axis=-1)[..., None, :]


@exercise.mistake("the lengths of value and W_output are multiplied")
def two_lengths_multiplied(weights, value, W_output):
    return weights * (np.linalg.norm(value, axis=-1) * np.linalg.norm(W_output))[..., None, :]


@exercise.another_way
def each_term_then_its_length(weights, value, W_output):
    terms = weights[..., None] * (value @ W_output)[..., None, :, :]
    return np.linalg.norm(terms, axis=-1)


@exercise.another_way
def with_einsum_alone(weights, value, W_output):
    handed_over = np.einsum("...kv,vm->...km", value, W_output)
    return np.einsum("...qk,...k->...qk", weights, np.einsum("...km,...km->...k", handed_over, handed_over) ** 0.5)


@exercise.another_way
def number_by_number(weights, value, W_output):
    if weights.ndim > 2:
        return [number_by_number(*one, W_output) for one in zip(weights, value, strict=True)]
    lengths = []
    for row in value:
        handed_over = [sum(a * b for a, b in zip(row, column, strict=True)) for column in W_output.T]
        lengths.append(sum(number**2 for number in handed_over) ** 0.5)
    return [[w * length for w, length in zip(row, lengths, strict=True)] for row in weights]
