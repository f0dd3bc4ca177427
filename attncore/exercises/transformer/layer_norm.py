"""Layer norm."""

import math

import numpy as np

from attncore.exercises.exercise import case, code, usual
from attncore.transformer import layer_norm

exercise = code(
    layer_norm,
    usual(),
    case("as many tokens as the width", lead=(12,)),
    case("a token of one number repeated", small=True, x=np.full((2, 4), 3.0)),
    case("an eps that is given", small=True, lead=(3,), eps=0.5),
    case("tiny numbers", lead=(3,), magnitude=1e-3, gain=np.ones(12)),
    case("numbers in the thousands", lead=(3,), magnitude=3000.0),
    case(
        "float32, far from zero",
        promise="In float32, a mean far from zero costs no precision.",
        lead=(3,),
        dtype=np.float32,
        x=lambda rng, s: 300 + rng.standard_normal((3, s.m)),
        gain=np.ones(12),
        bias=np.zeros(12),
    ),
)


@exercise.mistake("divided by one less than the width")
def divided_by_one_less_than_the_width(x, gain, bias, eps=1e-5):
    mean, variance = x.mean(axis=-1, keepdims=True), x.var(axis=-1, keepdims=True, ddof=1)
    return (x - mean) / np.sqrt(variance + eps) * gain + bias


@exercise.mistake("eps outside the root")
def eps_outside_the_root(x, gain, bias, eps=1e-5):
    mean, deviation = x.mean(axis=-1, keepdims=True), x.std(axis=-1, keepdims=True)
    return (x - mean) / (deviation + eps) * gain + bias


@exercise.mistake("no eps")
def no_eps(x, gain, bias, eps=1e-5):
    return layer_norm(x, gain, bias, 0.0)


for name, default in (("1e-3", 1e-3), ("1e-6", 1e-6), ("1e-8", 1e-8), ("1e-12", 1e-12)):

    @exercise.mistake(f"a default eps of {name}")
    def another_default(x, gain, bias, eps=default):
        return layer_norm(x, gain, bias, eps)


@exercise.mistake("divided by one less than the width, and eps outside the root")
def divided_by_one_less_than_the_width_and_eps_outside_the_root(x, gain, bias, eps=1e-5):
    mean, deviation = x.mean(axis=-1, keepdims=True), x.std(axis=-1, keepdims=True, ddof=1)
    return (x - mean) / (deviation + eps) * gain + bias


@exercise.mistake("given eps ignored")
def given_eps_ignored(x, gain, bias, eps=1e-5):
    return layer_norm(x, gain, bias)


@exercise.mistake("statistics over the tokens")
def statistics_over_the_tokens(x, gain, bias, eps=1e-5):
    centered = x - x.mean(axis=0)
    variance = np.mean(centered**2, axis=0)
    return centered / np.sqrt(variance + eps) * gain + bias


@exercise.mistake("one mean and variance for everything")
def one_mean_and_variance_for_everything(x, gain, bias, eps=1e-5):
    return (x - x.mean()) / np.sqrt(x.var() + eps) * gain + bias


@exercise.mistake("no mean subtracted in the numerator")
def no_mean_subtracted_above_the_line(x, gain, bias, eps=1e-5):
    return x / np.sqrt(x.var(axis=-1, keepdims=True) + eps) * gain + bias


@exercise.mistake("no bias")
def no_bias(x, gain, bias, eps=1e-5):
    return layer_norm(x, gain, 0 * bias, eps)


@exercise.mistake("RMSNorm, with neither mean nor bias")
def with_neither_mean_nor_bias(x, gain, bias, eps=1e-5):
    return x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + eps) * gain


@exercise.mistake("no mean subtracted")
def no_mean_subtracted(x, gain, bias, eps=1e-5):
    return x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + eps) * gain + bias


@exercise.mistake("divided by the variance")
def divided_by_the_variance(x, gain, bias, eps=1e-5):
    mean, variance = x.mean(axis=-1, keepdims=True), x.var(axis=-1, keepdims=True)
    return (x - mean) / (variance + eps) * gain + bias


@exercise.mistake("gain and bias swapped")
def gain_and_bias_swapped(x, gain, bias, eps=1e-5):
    return layer_norm(x, bias, gain, eps)


@exercise.mistake("bias added before the gain")
def bias_added_before_the_gain(x, gain, bias, eps=1e-5):
    return layer_norm(x, gain, bias * gain, eps)


@exercise.mistake("no gain and no bias")
def no_gain_and_no_bias(x, gain, bias, eps=1e-5):
    return layer_norm(x, np.ones_like(gain), np.zeros_like(bias), eps)


@exercise.mistake("mean of the squares minus the squared mean")
def mean_of_the_squares_minus_the_squared_mean(x, gain, bias, eps=1e-5):
    mean = x.mean(axis=-1, keepdims=True)
    variance = np.mean(x * x, axis=-1, keepdims=True) - mean * mean
    return (x - mean) / np.sqrt(variance + eps) * gain + bias


@exercise.another_way
def with_mean_and_var(x, gain, bias, eps=1e-5):
    mean, variance = x.mean(axis=-1, keepdims=True), x.var(axis=-1, keepdims=True)
    return gain * (x - mean) / np.sqrt(variance + eps) + bias


@exercise.another_way
def number_by_number(x, gain, bias, eps=1e-5):
    if np.ndim(x) > 1:
        return [number_by_number(token, gain, bias, eps) for token in x]
    mean = sum(x) / len(x)
    deviation = math.sqrt(sum((a - mean) ** 2 for a in x) / len(x) + eps)
    return [(a - mean) / deviation * g + b for a, g, b in zip(x, gain, bias, strict=True)]


@exercise.another_way
def as_a_projection_and_a_length(x, gain, bias, eps=1e-5):
    m = x.shape[-1]
    centered = x @ (np.eye(m) - 1 / m)
    length = np.sqrt(np.einsum("...m,...m->...", centered, centered) + m * eps)
    return np.sqrt(m) * centered / length[..., None] * gain + bias
