"""Feed-forward: each token by itself."""

import math

import numpy as np

from attncore.exercises.exercise import case, code, usual
from attncore.exercises.transformer.cases import layer_weights
from attncore.transformer import feed_forward, gelu

exercise = code(
    feed_forward,
    usual(weights=layer_weights),
    case("as many tokens as the width", lead=(12,), weights=layer_weights),
    case("as wide inside as outside", sizes={"f": 12}, weights=layer_weights),
    case("large numbers", lead=(3,), magnitude=60.0, weights=layer_weights),
)


def with_activation(activation, x, weights):
    return activation(x @ weights.W_in + weights.b_in) @ weights.W_out + weights.b_out


@exercise.mistake("ReLU instead of GELU")
def ReLU_instead_of_GELU(x, weights):
    return np.maximum(x @ weights.W_in + weights.b_in, 0) @ weights.W_out + weights.b_out


@exercise.mistake("no activation")
def no_activation(x, weights):
    return (x @ weights.W_in + weights.b_in) @ weights.W_out + weights.b_out


@exercise.mistake("activation after the second layer too")
def activation_after_the_second_layer_too(x, weights):
    return gelu(feed_forward(x, weights))


@exercise.mistake("activation before the first layer")
def activation_before_the_first_layer(x, weights):
    return (gelu(x) @ weights.W_in + weights.b_in) @ weights.W_out + weights.b_out


@exercise.mistake("the share below x alone, not times x")
def the_share_below_x_alone_not_times_x(x, weights):
    return with_activation(lambda h: np.vectorize(math.erf)(h / math.sqrt(2)) / 2 + 0.5, x, weights)


@exercise.mistake("no square root of two in the error function")
def no_square_root_of_two_in_the_error_function(x, weights):
    return with_activation(lambda h: h * (np.vectorize(math.erf)(h) + 1) / 2, x, weights)


@exercise.mistake("Swish instead of GELU")
def Swish_instead_of_GELU(x, weights):
    return with_activation(lambda h: h / (1 + np.exp(-h)), x, weights)


@exercise.mistake("residual added inside")
def residual_added_inside(x, weights):
    return x + feed_forward(x, weights)


@exercise.mistake("biases left out")
def biases_left_out(x, weights):
    return gelu(x @ weights.W_in) @ weights.W_out


@exercise.mistake("bias added after the activation")
def bias_added_after_the_activation(x, weights):
    return (gelu(x @ weights.W_in) + weights.b_in) @ weights.W_out + weights.b_out


@exercise.other_convention("GELU by its tanh formula")
def GELU_by_its_tanh_formula(x, weights):
    def by_tanh(h):
        return 0.5 * h * (1 + np.tanh(math.sqrt(2 / math.pi) * (h + 0.044715 * h**3)))

    return with_activation(by_tanh, x, weights)


@exercise.other_convention("GELU by a sigmoid")
def GELU_by_a_sigmoid(x, weights):
    return with_activation(lambda h: h / (1 + np.exp(-1.702 * h)), x, weights)


@exercise.another_way
def neuron_by_neuron(x, weights):
    out = weights.b_out
    for i in range(len(weights.b_in)):
        fires = gelu(x @ weights.W_in[:, [i]] + weights.b_in[i])
        out = out + fires * weights.W_out[i]
    return out


@exercise.another_way
def number_after_number(x, weights):
    if np.ndim(x) > 1:
        return [number_after_number(token, weights) for token in x]
    out = list(weights.b_out)
    for column, bias, row in zip(weights.W_in.T, weights.b_in, weights.W_out, strict=True):
        h = sum(a * w for a, w in zip(x, column, strict=True)) + bias
        fires = h * math.erfc(-h / math.sqrt(2)) / 2
        out = [o + fires * w for o, w in zip(out, row, strict=True)]
    return out
