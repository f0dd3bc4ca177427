"""SwiGLU: a gate in the feed-forward layer."""

import math

import numpy as np

from attncore.exercises.exercise import case, code, usual
from attncore.exercises.transformer.cases import drawn
from attncore.softmax import softmax
from attncore.transformer import SwigluWeights, gelu, silu, swiglu


def gated_weights(rng, s):
    return SwigluWeights(drawn(rng, s, s.m, s.f), drawn(rng, s, s.m, s.f), drawn(rng, s, s.f, s.m))


exercise = code(
    swiglu,
    usual(weights=gated_weights),
    case("as many tokens as the width", lead=(12,), weights=gated_weights),
    case("as wide inside as outside", sizes={"f": 12}, weights=gated_weights),
    case("large numbers", lead=(3,), magnitude=20.0, weights=gated_weights),
    case(
        "numbers in the thousands",
        promise="Numbers in the thousands give no NaN.",
        lead=(3,),
        magnitude=3000.0,
        weights=gated_weights,
    ),
)


def sigmoid(x):
    return 0.5 + 0.5 * np.tanh(x / 2)


def gated_by(gate, x, weights):
    return (gate(x @ weights.W_gate) * (x @ weights.W_up)) @ weights.W_down


@exercise.mistake("GELU instead of SiLU")
def gelu_instead_of_silu(x, weights):
    return gated_by(gelu, x, weights)


@exercise.mistake("GELU instead of SiLU")
def gelu_by_tanh_instead_of_silu(x, weights):
    return gated_by(lambda h: 0.5 * h * (1 + np.tanh(math.sqrt(2 / math.pi) * (h + 0.044715 * h**3))), x, weights)


@exercise.mistake("a sigmoid instead of SiLU")
def sigmoid_instead_of_silu(x, weights):
    return gated_by(sigmoid, x, weights)


@exercise.mistake("ReLU instead of SiLU")
def relu_instead_of_silu(x, weights):
    return gated_by(lambda h: np.maximum(h, 0), x, weights)


@exercise.mistake("a sigmoid of 1.702 x")
def sigmoid_of_a_multiple(x, weights):
    return gated_by(lambda h: h * sigmoid(1.702 * h), x, weights)


@exercise.mistake("a softmax for the gate")
def softmax_for_the_gate(x, weights):
    return gated_by(softmax, x, weights)


@exercise.mistake("no SiLU")
def no_silu(x, weights):
    return gated_by(lambda h: h, x, weights)


@exercise.mistake("SiLU of the product")
def silu_of_the_product(x, weights):
    return silu((x @ weights.W_gate) * (x @ weights.W_up)) @ weights.W_down


@exercise.mistake("SiLU on both projections")
def silu_on_both_projections(x, weights):
    return (silu(x @ weights.W_gate) * silu(x @ weights.W_up)) @ weights.W_down


@exercise.mistake("SiLU after the last projection")
def silu_after_the_last_projection(x, weights):
    return silu(((x @ weights.W_gate) * (x @ weights.W_up)) @ weights.W_down)


@exercise.mistake("SiLU before the projections")
def silu_before_the_projections(x, weights):
    return gated_by(lambda h: h, silu(x), weights)


@exercise.mistake("the projection by W_up left out")
def projection_up_left_out(x, weights):
    return silu(x @ weights.W_gate) @ weights.W_down


@exercise.mistake("the projection by W_gate left out")
def projection_by_the_gate_left_out(x, weights):
    return silu(x @ weights.W_up) @ weights.W_down


@exercise.mistake("added instead of multiplied")
def added_instead_of_multiplied(x, weights):
    return (silu(x @ weights.W_gate) + x @ weights.W_up) @ weights.W_down


@exercise.mistake("the gate comes after W_down")
def gate_after_the_last_projection(x, weights):
    gate = silu(x @ weights.W_gate) @ weights.W_down
    return gate * (x @ weights.W_up @ weights.W_down)


@exercise.mistake("no W_down")
def not_projected_back(x, weights):
    return silu(x @ weights.W_gate) * (x @ weights.W_up)


@exercise.mistake("the residual added inside")
def residual_added_inside(x, weights):
    return x + swiglu(x, weights)


@exercise.mistake("the exponential of a large number overflows")
def exponential_overflows(x, weights):
    return gated_by(lambda h: h * np.exp(h) / (1 + np.exp(h)), x, weights)


@exercise.mistake("tanh instead of SiLU")
def tanh_instead_of_silu(x, weights):
    return gated_by(np.tanh, x, weights)


@exercise.mistake("softplus instead of SiLU")
def softplus_instead_of_silu(x, weights):
    return gated_by(lambda h: np.logaddexp(0, h), x, weights)


@exercise.mistake("the sigmoid of minus x")
def sigmoid_turned_round(x, weights):
    return gated_by(lambda h: h * sigmoid(-h), x, weights)


@exercise.mistake("large gates are cut off")
def large_gates_cut_off(x, weights):
    return gated_by(lambda h: silu(np.clip(h, -5, 5)), x, weights)


@exercise.mistake("one projection times the sigmoid of the other")
def sigmoid_of_the_other(x, weights):
    return ((x @ weights.W_gate) * sigmoid(x @ weights.W_up)) @ weights.W_down


@exercise.mistake("back by a transposed projection instead of W_down")
def back_by_the_gate(x, weights):
    return gated_by(silu, x, weights._replace(W_down=weights.W_gate.T))


@exercise.mistake("back by a transposed projection instead of W_down")
def back_by_the_other(x, weights):
    return gated_by(silu, x, weights._replace(W_down=weights.W_up.T))


@exercise.other_convention("the second projection as the gate, as in PyTorch's GLU")
def second_projection_as_the_gate(x, weights):
    return swiglu(x, SwigluWeights(weights.W_up, weights.W_gate, weights.W_down))


@exercise.another_way
def both_projections_at_once(x, weights):
    both = x @ np.concatenate([weights.W_gate, weights.W_up], axis=-1)
    gate, up = np.split(both, 2, axis=-1)
    return gate / (1 + np.exp(-gate)) * up @ weights.W_down


@exercise.another_way
def neuron_after_neuron(x, weights):
    out = np.zeros_like(x)
    for gate, up, down in zip(weights.W_gate.T, weights.W_up.T, weights.W_down, strict=True):
        opening = x @ gate
        out = out + (opening / (1 + np.exp(-opening)) * (x @ up))[..., None] * down
    return out


@exercise.another_way
def number_after_number(x, weights):
    if np.ndim(x) > 1:
        return [number_after_number(token, weights) for token in x]
    out = [0.0] * len(x)
    for gate, up, row in zip(weights.W_gate.T, weights.W_up.T, weights.W_down, strict=True):
        opening = sum(a * w for a, w in zip(x, gate, strict=True))
        inner = opening * (1 + math.tanh(opening / 2)) / 2 * sum(a * w for a, w in zip(x, up, strict=True))
        out = [o + inner * w for o, w in zip(out, row, strict=True)]
    return out
