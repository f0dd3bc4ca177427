"""A gate on what attention brings."""

import math

import numpy as np

from attncore.exercises.exercise import case, code, usual
from attncore.long_context import gated_output
from attncore.softmax import softmax

exercise = code(
    gated_output,
    usual(),
    case("a square of everything", small=True, sizes={"n": 4, "m": 4, "v": 4}),
    case("as many tokens as the width", sizes={"n": 12}),
    case("value width and model width alike", sizes={"v": 12}),
    case("a small output, large gates", lead=(3,), x=lambda rng, s: 6 * rng.standard_normal((3, s.n, s.m))),
    case("a gate of zeros", small=True, W_gate=lambda rng, s: np.zeros((s.m, s.v))),
    case(
        "one x for a batch of outputs",
        lead=(2,),
        promise="The leading axes broadcast.",
        x=lambda rng, s: rng.standard_normal((s.n, s.m)),
    ),
    case(
        "numbers in the thousands",
        promise="Numbers in the thousands give no NaN.",
        x=lambda rng, s: 3000 * rng.standard_normal((s.n, s.m)),
    ),
)


def sigmoid(numbers):
    return 0.5 + 0.5 * np.tanh(numbers / 2)


def gated_by(label):
    """A wrong solution with another gate, made of what a projection gives."""

    def add(gate):
        @exercise.mistake(label)
        def gated(output, x, W_gate):
            return output * gate(x @ W_gate)

        return gate

    return add


@gated_by("no sigmoid")
def no_sigmoid(projected):
    return projected


@gated_by("SiLU instead of the sigmoid")
def silu_instead(projected):
    return projected * sigmoid(projected)


@gated_by("tanh instead of the sigmoid")
def tanh_instead(projected):
    return np.tanh(projected)


@gated_by("ReLU instead of the sigmoid")
def relu_instead(projected):
    return np.maximum(projected, 0)


@gated_by("a softmax over the width")
def softmax_over_the_width(projected):
    return softmax(projected)


@gated_by("a softmax over the tokens")
def softmax_over_the_tokens(projected):
    return softmax(projected, axis=-2)


@gated_by("open where it should be closed")
def upside_down(projected):
    return sigmoid(-projected)


@gated_by("a sigmoid times two")
def twice(projected):
    return 2 * sigmoid(projected)


@gated_by("open or closed, with nothing in between")
def a_step(projected):
    return (projected > 0) * 1.0


@gated_by("one gate for all of a token")
def one_gate_for_a_token(projected):
    return sigmoid(projected.mean(axis=-1, keepdims=True))


@gated_by("one gate for all tokens")
def one_gate_for_all_tokens(projected):
    return sigmoid(projected.mean(axis=-2, keepdims=True))


@gated_by("the exponential of a large number overflows")
def exponential_overflows(projected):
    return np.exp(projected) / (1 + np.exp(projected))


@exercise.mistake("the sigmoid comes before the projection")
def sigmoid_before_the_projection(output, x, W_gate):
    return output * (sigmoid(x) @ W_gate)


@exercise.mistake("the gate is added")
def gate_added(output, x, W_gate):
    return output + sigmoid(x @ W_gate)


@exercise.mistake("the output is left in beside the gated one")
def residual_added(output, x, W_gate):
    return output + gated_output(output, x, W_gate)


@exercise.mistake("divided by the gate")
def divided_by_the_gate(output, x, W_gate):
    return output / sigmoid(x @ W_gate)


@exercise.mistake("the sigmoid of the product")
def sigmoid_of_the_product(output, x, W_gate):
    return sigmoid(output * (x @ W_gate))


@exercise.mistake("the gate alone")
def gate_alone(output, x, W_gate):
    return sigmoid(x @ W_gate) + 0 * output


@exercise.mistake("not gated")
def not_gated(output, x, W_gate):
    return output + 0 * (x @ W_gate)


@exercise.mistake("SiLU on the output")
def silu_on_the_output(output, x, W_gate):
    return gated_output(output * sigmoid(output), x, W_gate)


@gated_by("one gate for all of a token")
def first_gate_for_all(projected):
    return sigmoid(projected[..., :1])


@gated_by("a hard sigmoid")
def hard_sigmoid(projected):
    return np.clip(projected / 6 + 0.5, 0, 1)


@gated_by("a hard sigmoid")
def hard_sigmoid_of_keras(projected):
    return np.clip(0.2 * projected + 0.5, 0, 1)


@gated_by("the sigmoid twice")
def sigmoid_twice(projected):
    return sigmoid(sigmoid(projected))


@exercise.mistake("the projection is divided by the root of the width")
def divided_by_the_root_of_the_width(output, x, W_gate):
    return output * sigmoid(x @ W_gate / math.sqrt(x.shape[-1]))


@exercise.mistake("the gate is made of the output")
def gate_made_of_the_output(output, x, W_gate):
    return output * sigmoid(output @ W_gate)


@exercise.mistake("the sigmoid is on the output, not on the gate")
def sigmoid_on_the_output(output, x, W_gate):
    return sigmoid(output) * (x @ W_gate)


@exercise.mistake("the output goes into its own gate")
def output_in_its_own_gate(output, x, W_gate):
    return output * sigmoid(output * (x @ W_gate))


@exercise.mistake("x passes where the gate is closed, as in a highway layer")
def as_in_a_highway_layer(output, x, W_gate):
    gate = sigmoid(x @ W_gate)
    return gate * output + (1 - gate) * x


@exercise.another_way
def one_over_one_plus_e(output, x, W_gate):
    return output / (1 + np.exp(-np.einsum("...nm,mv->...nv", x, W_gate)))


@exercise.another_way
def number_by_number(output, x, W_gate):
    if np.ndim(output) > 2:
        xs = np.broadcast_to(x, (*np.shape(output)[:-2], *np.shape(x)[-2:]))
        return [number_by_number(one, other, W_gate) for one, other in zip(output, xs, strict=True)]
    columns = list(zip(*W_gate, strict=True))
    rows = []
    for row, token in zip(output, x, strict=True):
        opened = [sum(a * w for a, w in zip(token, column, strict=True)) for column in columns]
        rows.append([number * (1 + math.tanh(z / 2)) / 2 for number, z in zip(row, opened, strict=True)])
    return rows
