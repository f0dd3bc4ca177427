"""RMSNorm."""

import math

import numpy as np

from attncore.exercises.exercise import case, code, usual
from attncore.transformer import layer_norm, rms_norm

exercise = code(
    rms_norm,
    usual(),
    case("as many tokens as the width", lead=(12,)),
    case("a token of one number repeated", small=True, x=np.full((2, 4), 3.0)),
    case("an eps that is given", small=True, lead=(3,), eps=0.5),
    case("tiny numbers", lead=(3,), magnitude=1e-3, gain=np.ones(12)),
    case("numbers in the thousands", lead=(3,), magnitude=3000.0),
    case("a token of zeros", small=True, x=np.zeros((2, 4))),
)


def divided_by(length, x, gain, eps):
    return x / np.sqrt(length(x) + eps) * gain


@exercise.mistake("the mean is subtracted first")
def mean_subtracted_first(x, gain, eps=1e-5):
    return layer_norm(x, gain, np.zeros_like(gain), eps)


@exercise.mistake("divided by the standard deviation, the mean left in")
def divided_by_the_standard_deviation(x, gain, eps=1e-5):
    return divided_by(lambda x: x.var(axis=-1, keepdims=True), x, gain, eps)


@exercise.mistake("divided by the length of the vector")
def divided_by_the_length(x, gain, eps=1e-5):
    return divided_by(lambda x: np.sum(x * x, axis=-1, keepdims=True), x, gain, eps)


@exercise.mistake("divided by one less than the width")
def divided_by_one_less_than_the_width(x, gain, eps=1e-5):
    return divided_by(lambda x: np.sum(x * x, axis=-1, keepdims=True) / (x.shape[-1] - 1), x, gain, eps)


@exercise.mistake("divided by the mean square, without the root")
def divided_by_the_mean_square(x, gain, eps=1e-5):
    return x / (np.mean(x * x, axis=-1, keepdims=True) + eps) * gain


@exercise.mistake("divided by the mean of the absolute values")
def divided_by_the_mean_of_the_absolute_values(x, gain, eps=1e-5):
    return x / (np.mean(np.abs(x), axis=-1, keepdims=True) + eps) * gain


@exercise.mistake("divided by the mean of the numbers, not of their squares")
def divided_by_the_root_of_the_squared_mean(x, gain, eps=1e-5):
    return divided_by(lambda x: np.mean(x, axis=-1, keepdims=True) ** 2, x, gain, eps)


@exercise.mistake("multiplied by the root of the mean square")
def multiplied_by_the_root(x, gain, eps=1e-5):
    return x * np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + eps) * gain


@exercise.mistake("eps outside the root")
def eps_outside_the_root(x, gain, eps=1e-5):
    return x / (np.sqrt(np.mean(x * x, axis=-1, keepdims=True)) + eps) * gain


@exercise.mistake("eps added before the division by the width")
def eps_added_to_the_sum(x, gain, eps=1e-5):
    return x / np.sqrt((np.sum(x * x, axis=-1, keepdims=True) + eps) / x.shape[-1]) * gain


@exercise.mistake("no eps")
def no_eps(x, gain, eps=1e-5):
    return rms_norm(x, gain, 0.0)


for name, default in (("1e-6", 1e-6), ("1e-8", 1e-8), ("1e-12", 1e-12)):

    @exercise.mistake(f"a default eps of {name}")
    def another_default(x, gain, eps=default):
        return rms_norm(x, gain, eps)


@exercise.mistake("the given eps is not used")
def given_eps_not_used(x, gain, eps=1e-5):
    return rms_norm(x, gain)


@exercise.mistake("no gain")
def no_gain(x, gain, eps=1e-5):
    return rms_norm(x, np.ones_like(gain), eps)


@exercise.mistake("the gain is added")
def gain_added(x, gain, eps=1e-5):
    return rms_norm(x, np.ones_like(gain), eps) + gain


@exercise.mistake("the gain comes before the norm")
def gain_before_the_norm(x, gain, eps=1e-5):
    return rms_norm(x * gain, np.ones_like(gain), eps)


@exercise.mistake("statistics over the tokens")
def statistics_over_the_tokens(x, gain, eps=1e-5):
    return x / np.sqrt(np.mean(x * x, axis=0) + eps) * gain


@exercise.mistake("one mean square for everything")
def one_mean_square_for_everything(x, gain, eps=1e-5):
    return x / np.sqrt(np.mean(x * x) + eps) * gain


@exercise.mistake("divided by the gain")
def divided_by_the_gain(x, gain, eps=1e-5):
    return rms_norm(x, 1 / gain, eps)


@exercise.mistake("eps is added to the numbers")
def eps_added_to_the_numbers(x, gain, eps=1e-5):
    return x / np.sqrt(np.mean((x + eps) ** 2, axis=-1, keepdims=True)) * gain


@exercise.mistake("the larger of eps and the mean square")
def larger_of_eps_and_the_mean_square(x, gain, eps=1e-5):
    return x / np.sqrt(np.maximum(np.mean(x * x, axis=-1, keepdims=True), eps)) * gain


@exercise.other_convention("a gain that counts from one, as in Gemma")
def gain_that_counts_from_one(x, gain, eps=1e-5):
    return rms_norm(x, 1 + gain, eps)


@exercise.another_way
def root_mean_square_first(x, gain, eps=1e-5):
    mean_square = np.einsum("...m,...m->...", x, x) / x.shape[-1]
    return gain * x * (mean_square + eps)[..., None] ** -0.5


@exercise.another_way
def token_by_token(x, gain, eps=1e-5):
    if np.ndim(x) > 1:
        return [token_by_token(token, gain, eps) for token in x]
    root = math.sqrt(sum(a * a for a in x) / len(x) + eps)
    return [a / root * g for a, g in zip(x, gain, strict=True)]
