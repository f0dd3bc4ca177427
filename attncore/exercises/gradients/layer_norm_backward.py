"""Back through a layer norm."""

import math

import numpy as np

from attncore.exercises.exercise import case, code, usual
from attncore.gradients import layer_norm_backward, sum_to

SUMMED = "d_x has the shape of x, summed where leading axes were broadcast."


def drawn(*shape):
    return lambda rng, s: rng.standard_normal([s[axis] if isinstance(axis, str) else axis for axis in shape])


exercise = code(
    layer_norm_backward,
    usual(),
    case("one vector", lead=(), small=True, sizes={"m": 3}),
    case("as many tokens as the width", lead=(4,), small=True),
    case("an eps that is given", small=True, lead=(3,), eps=0.5),
    case("tiny numbers", lead=(3,), x=lambda rng, s: 1e-3 * rng.standard_normal((3, s.m))),
    case("numbers in the thousands", lead=(3,), x=lambda rng, s: 3000 * rng.standard_normal((3, s.m))),
    case("a mean far from zero", small=True, x=lambda rng, s: 50 + rng.standard_normal(s.m)),
    case("a vector of one number repeated", small=True, lead=(2,), x=np.full((2, 4), 3.0)),
    case("one vector, two gradients", small=True, promise=SUMMED, x=drawn("m"), d_output=drawn(2, "m")),
    case(
        "an axis of length one, two gradients", small=True, promise=SUMMED, x=drawn(1, "m"), d_output=drawn(1, 2, "m")
    ),
    case("an axis of length one", small=True, promise=SUMMED, x=drawn(2, 1, "m"), d_output=drawn(2, 3, "m")),
    case(
        "one gradient for two vectors",
        small=True,
        promise="`d_output` may lack leading axes of x, and then counts for each vector.",
        x=drawn(2, "m"),
        d_output=drawn("m"),
    ),
)


def normalized(x, eps, spare=0):
    """The normalized vectors and the deviation that they were divided by."""
    centered = x - x.mean(axis=-1, keepdims=True)
    squares = np.sum(centered * centered, axis=-1, keepdims=True)
    deviation = np.sqrt(squares / (x.shape[-1] - spare) + eps)
    return centered / deviation, deviation


def mean(numbers):
    return numbers.mean(axis=-1, keepdims=True)


def parts(normal, x, gain, d_output):
    """The gradients of gain and bias, summed over all vectors."""
    return sum_to(d_output * normal, gain.shape), sum_to(d_output, gain.shape)


def wrong_d_x(label):
    """A wrong solution that differs in d_x alone, by a function of the gradient behind the norm."""

    def add(back):
        @exercise.mistake(label)
        def backward(x, gain, d_output, eps=1e-5):
            d_output = np.broadcast_to(d_output, np.broadcast_shapes(x.shape, d_output.shape))
            normal, deviation = normalized(x, eps)
            return sum_to(back(d_output * gain, normal, deviation), x.shape), *parts(normal, x, gain, d_output)

        return back

    return add


@wrong_d_x("the mean is taken for a constant")
def mean_taken_for_a_constant(d_normal, normal, deviation):
    return (d_normal - normal * mean(d_normal * normal)) / deviation


@wrong_d_x("the variance is taken for a constant")
def variance_taken_for_a_constant(d_normal, normal, deviation):
    return (d_normal - mean(d_normal)) / deviation


@wrong_d_x("mean and variance are taken for constants")
def both_taken_for_constants(d_normal, normal, deviation):
    return d_normal / deviation


@wrong_d_x("not divided by the deviation")
def not_divided(d_normal, normal, deviation):
    return d_normal - mean(d_normal) - normal * mean(d_normal * normal)


@wrong_d_x("multiplied by the deviation")
def multiplied_by_the_deviation(d_normal, normal, deviation):
    return (d_normal - mean(d_normal) - normal * mean(d_normal * normal)) * deviation


@wrong_d_x("divided by the variance")
def divided_by_the_variance(d_normal, normal, deviation):
    return (d_normal - mean(d_normal) - normal * mean(d_normal * normal)) / deviation**2


@wrong_d_x("sums instead of means")
def sums_instead_of_means(d_normal, normal, deviation):
    m = normal.shape[-1]
    return (d_normal - m * mean(d_normal) - normal * m * mean(d_normal * normal)) / deviation


@wrong_d_x("the part along the normalized vector is added")
def sign_of_the_second_part(d_normal, normal, deviation):
    return (d_normal - mean(d_normal) + normal * mean(d_normal * normal)) / deviation


@wrong_d_x("the part along the normalized vector isn't multiplied by it")
def second_part_not_multiplied(d_normal, normal, deviation):
    return (d_normal - mean(d_normal) - mean(d_normal * normal)) / deviation


@wrong_d_x("the vector before the norm in place of the normalized one")
def vector_before_the_division(d_normal, normal, deviation):
    return (d_normal - mean(d_normal) - normal * deviation * mean(d_normal * normal * deviation)) / deviation


@exercise.mistake("no gain on the way back")
def no_gain(x, gain, d_output, eps=1e-5):
    d_x, _, d_bias = layer_norm_backward(x, np.ones_like(gain), d_output, eps)
    return d_x, layer_norm_backward(x, gain, d_output, eps)[1], d_bias


@exercise.mistake("the gain comes after the means")
def gain_after_the_means(x, gain, d_output, eps=1e-5):
    d_x, d_gain, d_bias = layer_norm_backward(x, np.ones_like(gain), d_output, eps)
    return d_x * gain, d_gain, d_bias


@exercise.mistake("d_gain of x instead of the normalized x")
def d_gain_of_x(x, gain, d_output, eps=1e-5):
    d_x, _, d_bias = layer_norm_backward(x, gain, d_output, eps)
    return d_x, sum_to(d_output * x, gain.shape), d_bias


@exercise.mistake("d_gain with the gain in it")
def d_gain_with_the_gain_in_it(x, gain, d_output, eps=1e-5):
    d_x, d_gain, d_bias = layer_norm_backward(x, gain, d_output, eps)
    return d_x, d_gain * gain, d_bias


@exercise.mistake("d_bias with the gain in it")
def d_bias_with_the_gain_in_it(x, gain, d_output, eps=1e-5):
    d_x, d_gain, d_bias = layer_norm_backward(x, gain, d_output, eps)
    return d_x, d_gain, d_bias * gain


@exercise.mistake("d_gain and d_bias averaged over the vectors")
def averaged_over_the_vectors(x, gain, d_output, eps=1e-5):
    d_x, d_gain, d_bias = layer_norm_backward(x, gain, d_output, eps)
    count = np.broadcast_to(d_output, np.broadcast_shapes(x.shape, d_output.shape)).size / x.shape[-1]
    return d_x, d_gain / count, d_bias / count


@exercise.mistake("d_gain and d_bias not summed")
def not_summed(x, gain, d_output, eps=1e-5):
    normal, _ = normalized(x, eps)
    return layer_norm_backward(x, gain, d_output, eps)[0], d_output * normal, d_output


@exercise.mistake("d_gain and d_bias summed over the tokens alone")
def summed_over_the_tokens_alone(x, gain, d_output, eps=1e-5):
    d_x, d_gain, d_bias = layer_norm_backward(x, gain, d_output, eps)
    if x.ndim < 3:
        return d_x, d_gain, d_bias
    normal, _ = normalized(x, eps)
    return d_x, np.sum(d_output * normal, axis=-2), np.sum(d_output, axis=-2)


@exercise.mistake("d_gain and d_bias exchanged")
def d_gain_and_d_bias_exchanged(x, gain, d_output, eps=1e-5):
    d_x, d_gain, d_bias = layer_norm_backward(x, gain, d_output, eps)
    return d_x, d_bias, d_gain


@exercise.mistake("statistics over the tokens")
def statistics_over_the_tokens(x, gain, d_output, eps=1e-5):
    centered = x - x.mean(axis=0)
    deviation = np.sqrt(np.mean(centered**2, axis=0) + eps)
    normal, d_normal = centered / deviation, d_output * gain
    d_x = (d_normal - d_normal.mean(axis=0) - normal * np.mean(d_normal * normal, axis=0)) / deviation
    return d_x, *parts(normal, x, gain, d_output)


@exercise.mistake("divided by one less than the width")
def divided_by_one_less_than_the_width(x, gain, d_output, eps=1e-5):
    normal, deviation = normalized(x, eps, spare=1)
    d_normal, m = d_output * gain, x.shape[-1]
    along = np.sum(d_normal * normal, axis=-1, keepdims=True) / (m - 1)
    d_x = (d_normal - mean(d_normal) - normal * along) / deviation
    return d_x, *parts(normal, x, gain, d_output)


@exercise.mistake("the given eps is not used")
def given_eps_not_used(x, gain, d_output, eps=1e-5):
    return layer_norm_backward(x, gain, d_output)


@exercise.mistake("no eps")
def no_eps(x, gain, d_output, eps=1e-5):
    return layer_norm_backward(x, gain, d_output, 0.0)


@exercise.mistake("the backward pass of RMSNorm")
def backward_of_rms_norm(x, gain, d_output, eps=1e-5):
    root = np.sqrt(mean(x * x) + eps)
    normal, d_normal = x / root, d_output * gain
    return (d_normal - normal * mean(d_normal * normal)) / root, *parts(normal, x, gain, d_output)


@exercise.mistake("the sign turned")
def sign_turned(x, gain, d_output, eps=1e-5):
    return tuple(-part for part in layer_norm_backward(x, gain, d_output, eps))


@exercise.mistake("not summed where leading axes were broadcast")
def not_summed_where_broadcast(x, gain, d_output, eps=1e-5):
    shape = np.broadcast_shapes(x.shape, d_output.shape)
    return layer_norm_backward(np.broadcast_to(x, shape), gain, d_output, eps)


@wrong_d_x("one of the two means is a sum")
def first_mean_a_sum(d_normal, normal, deviation):
    m = normal.shape[-1]
    return (d_normal - m * mean(d_normal) - normal * mean(d_normal * normal)) / deviation


@wrong_d_x("one of the two means is a sum")
def second_mean_a_sum(d_normal, normal, deviation):
    m = normal.shape[-1]
    return (d_normal - mean(d_normal) - normal * m * mean(d_normal * normal)) / deviation


@wrong_d_x("half of the part along the normalized vector")
def half_of_the_second_part(d_normal, normal, deviation):
    return (d_normal - mean(d_normal) - normal * mean(d_normal * normal) / 2) / deviation


@exercise.mistake("the vector before the norm in place of the normalized one")
def x_in_place_of_the_normalized(x, gain, d_output, eps=1e-5):
    normal, deviation = normalized(x, eps)
    d_normal = d_output * gain
    d_x = (d_normal - mean(d_normal) - x * mean(d_normal * x)) / deviation
    return sum_to(d_x, x.shape), *parts(normal, x, gain, d_output)


@exercise.mistake("eps outside the root")
def eps_outside_the_root(x, gain, d_output, eps=1e-5):
    d_output = np.broadcast_to(d_output, np.broadcast_shapes(x.shape, d_output.shape))
    deviation = x.std(axis=-1, keepdims=True) + eps
    normal, d_normal = (x - mean(x)) / deviation, d_output * gain
    d_x = (d_normal - mean(d_normal) - normal * mean(d_normal * normal)) / deviation
    return sum_to(d_x, x.shape), *parts(normal, x, gain, d_output)


@exercise.mistake("d_gain without the normalized x")
def d_gain_without_the_normalized_x(x, gain, d_output, eps=1e-5):
    d_x, _, d_bias = layer_norm_backward(x, gain, d_output, eps)
    return d_x, d_bias, d_bias


@exercise.mistake("d_gain and d_bias summed over the width")
def summed_over_the_width(x, gain, d_output, eps=1e-5):
    normal, _ = normalized(x, eps)
    return layer_norm_backward(x, gain, d_output, eps)[0], np.sum(d_output * normal, axis=-1), d_output.sum(axis=-1)


@exercise.mistake("d_gain and d_bias summed over the first axis alone")
def summed_over_the_first_axis_alone(x, gain, d_output, eps=1e-5):
    d_x, d_gain, d_bias = layer_norm_backward(x, gain, d_output, eps)
    if x.ndim < 3:
        return d_x, d_gain, d_bias
    normal, _ = normalized(x, eps)
    return d_x, np.sum(d_output * normal, axis=0), np.sum(d_output, axis=0)


@exercise.mistake("means over the tokens on the way back")
def means_over_the_tokens(x, gain, d_output, eps=1e-5):
    normal, deviation = normalized(x, eps)
    d_normal, axis = d_output * gain, 0 if x.ndim == 1 else -2
    along = np.mean(d_normal * normal, axis=axis, keepdims=True)
    d_x = (d_normal - d_normal.mean(axis=axis, keepdims=True) - normal * along) / deviation
    return d_x, *parts(normal, x, gain, d_output)


@exercise.mistake("the gradient is handed on as it came")
def handed_on_as_it_came(x, gain, d_output, eps=1e-5):
    _, d_gain, d_bias = layer_norm_backward(x, gain, d_output, eps)
    return sum_to(np.broadcast_to(d_output, np.broadcast_shapes(x.shape, d_output.shape)), x.shape), d_gain, d_bias


@exercise.mistake("divided by one less than the width")
def deviation_of_one_less_than_the_width(x, gain, d_output, eps=1e-5):
    normal, deviation = normalized(x, eps, spare=1)
    d_normal = d_output * gain
    d_x = (d_normal - mean(d_normal) - normal * mean(d_normal * normal)) / deviation
    return d_x, *parts(normal, x, gain, d_output)


@exercise.mistake("the backward pass of RMSNorm")
def d_x_of_rms_norm(x, gain, d_output, eps=1e-5):
    _, d_gain, d_bias = layer_norm_backward(x, gain, d_output, eps)
    return backward_of_rms_norm(x, gain, d_output, eps)[0], d_gain, d_bias


@exercise.another_way
def step_by_step(x, gain, d_output, eps=1e-5):
    m = x.shape[-1]
    centered = x - mean(x)
    variance = mean(centered**2)
    inverse = (variance + eps) ** -0.5
    d_output = d_output + np.zeros_like(x)
    d_normal = d_output * gain
    d_variance = np.sum(d_normal * centered, axis=-1, keepdims=True) * -0.5 * inverse**3
    d_centred = d_normal * inverse + d_variance * 2 * centered / m
    d_x = d_centred - mean(d_centred)
    return sum_to(d_x, x.shape), sum_to(d_output * centered * inverse, gain.shape), sum_to(d_output, gain.shape)


@exercise.another_way
def by_the_whole_jacobian(x, gain, d_output, eps=1e-5):
    m, (normal, deviation) = x.shape[-1], normalized(x, eps)
    outer = normal[..., :, None] * normal[..., None, :]
    jacobian = (np.eye(m) - 1 / m - outer / m) / deviation[..., None]
    d_output = np.broadcast_to(d_output, np.broadcast_shapes(x.shape, d_output.shape))
    d_x = np.einsum("...i,...ij->...j", d_output * gain, jacobian)
    return sum_to(d_x, x.shape), sum_to(d_output * normal, gain.shape), sum_to(d_output, gain.shape)


@exercise.another_way
def vector_after_vector(x, gain, d_output, eps=1e-5):
    shape = np.broadcast_shapes(np.shape(x), np.shape(d_output))
    width = shape[-1]
    d_x, d_gain, d_bias = [], [0.0] * width, [0.0] * width
    vectors = np.broadcast_to(x, shape).reshape(-1, width), np.broadcast_to(d_output, shape).reshape(-1, width)
    for vector, gradient in zip(*vectors, strict=True):
        middle = sum(vector) / width
        deviation = math.sqrt(sum((a - middle) ** 2 for a in vector) / width + eps)
        normal = [(a - middle) / deviation for a in vector]
        back = [g * d for g, d in zip(gain, gradient, strict=True)]
        along = sum(b * n for b, n in zip(back, normal, strict=True)) / width
        d_x.append([(b - sum(back) / width - n * along) / deviation for b, n in zip(back, normal, strict=True)])
        d_gain = [total + d * n for total, d, n in zip(d_gain, gradient, normal, strict=True)]
        d_bias = [total + d for total, d in zip(d_bias, gradient, strict=True)]
    return sum_to(np.array(d_x).reshape(shape), np.shape(x)), d_gain, d_bias
