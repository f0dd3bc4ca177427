"""Several branches of attention, each with a gate."""

import numpy as np

from attncore.exercises.exercise import case, code, usual
from attncore.softmax import softmax
from attncore.sparse import mixed_branches

exercise = code(
    mixed_branches,
    usual(),
    case("three branches", small=True, sizes={"s": 3}),
    case("three branches, a square of everything", sizes={"s": 3, "q": 3, "v": 3}),
    case("a batch of three branches", lead=(4,), sizes={"s": 3}),
    case("as many branches as the batch has texts", lead=(3,), sizes={"s": 3, "q": 3}),
    case("a single branch", small=True, sizes={"s": 1}),
    case("gates between closed and open", sizes={"s": 3}, gates=lambda rng, s: rng.random((s.s, s.q))),
    case("one branch open", small=True, sizes={"s": 3}, gates=lambda rng, s: np.eye(3)[1][:, None] * np.ones(s.q)),
    case(
        "one gate for all heads",
        lead=(4,),
        sizes={"s": 3},
        promise="The leading axes broadcast.",
        gates=lambda rng, s: rng.random((s.s, s.q)),
    ),
    case(
        "one gate for all heads, as many heads as branches",
        lead=(3,),
        sizes={"s": 3},
        promise="The leading axes broadcast.",
        gates=lambda rng, s: rng.random((s.s, s.q)),
    ),
)


@exercise.mistake("gates ignored")
def gates_ignored(outputs, gates):
    return outputs.sum(axis=0)


@exercise.mistake("gates made a softmax over the branches")
def softmax_of_the_gates(outputs, gates):
    return mixed_branches(outputs, softmax(gates, axis=0))


@exercise.mistake("gates divided by their sum")
def divided_by_their_sum(outputs, gates):
    return mixed_branches(outputs, gates / gates.sum(axis=0))


@exercise.mistake("a sigmoid on the gates")
def sigmoid_on_the_gates(outputs, gates):
    return mixed_branches(outputs, 0.5 + 0.5 * np.tanh(gates / 2))


@exercise.mistake("the mean of the branches instead of their sum")
def mean_of_the_branches(outputs, gates):
    return mixed_branches(outputs, gates) / len(outputs)


@exercise.mistake("only the branch whose gate is largest")
def largest_gate(outputs, gates):
    return mixed_branches(outputs, np.where(gates == gates.max(axis=0), gates, 0).astype(gates.dtype))


@exercise.mistake("the branch of the largest gate, ungated")
def best_branch(outputs, gates):
    return mixed_branches(outputs, (gates == gates.max(axis=0)).astype(gates.dtype))


@exercise.mistake("the gate of the first query for all of them")
def first_query(outputs, gates):
    return mixed_branches(outputs, np.broadcast_to(gates[..., :1], gates.shape))


@exercise.mistake("one gate for each branch, the mean over the queries")
def mean_over_the_queries(outputs, gates):
    return mixed_branches(outputs, np.broadcast_to(gates.mean(axis=-1, keepdims=True), gates.shape))


@exercise.mistake("the gates in the opposite order")
def opposite_order(outputs, gates):
    return mixed_branches(outputs, gates[::-1])


@exercise.mistake("the gates reshaped instead of turned")
def reshaped(outputs, gates):
    turned = gates.reshape(*gates.shape[1:], gates.shape[0])
    return mixed_branches(outputs, np.moveaxis(turned, -1, 0))


@exercise.mistake("the last branch is left out")
def last_branch_left_out(outputs, gates):
    return mixed_branches(outputs[:-1], gates[:-1]) if len(outputs) > 1 else 0 * outputs[0]


@exercise.mistake("the first branch isn't gated")
def first_not_gated(outputs, gates):
    return outputs[0] + (mixed_branches(outputs[1:], gates[1:]) if len(outputs) > 1 else 0)


@exercise.mistake("the branches are not added up")
def not_added_up(outputs, gates):
    return gates[..., None] * outputs


@exercise.mistake("the branches side by side")
def side_by_side(outputs, gates):
    return np.concatenate(list(gates[..., None] * outputs), axis=-1)


@exercise.mistake("the gates are added")
def gates_added(outputs, gates):
    return (outputs + gates[..., None]).sum(axis=0)


@exercise.mistake("multiplied branch by branch")
def product_of_the_branches(outputs, gates):
    return (gates[..., None] * outputs).prod(axis=0)


@exercise.mistake("gates for all heads are taken for those of one head each")
def branches_taken_for_heads(outputs, gates):
    return (outputs * gates[..., None]).sum(axis=0)


@exercise.mistake("a mean over the queries, where one gate serves all heads")
def mean_where_the_axes_broadcast(outputs, gates):
    missing = outputs.ndim - 1 - gates.ndim
    return mixed_branches(outputs, gates) if not missing else mean_over_the_queries(outputs, gates)


@exercise.mistake("added up over the batch instead of the branches")
def added_up_over_the_batch(outputs, gates):
    gated = gates.reshape(len(gates), *(1,) * (outputs.ndim - 1 - gates.ndim), *gates.shape[1:], 1) * outputs
    return gated.sum(axis=1 if outputs.ndim > 3 else 0)


@exercise.mistake("one minus the gate")
def one_minus_the_gate(outputs, gates):
    return mixed_branches(outputs, 1 - gates)


@exercise.another_way
def a_product_and_a_sum(outputs, gates):
    missing = outputs.ndim - 1 - gates.ndim
    gates = gates.reshape(len(gates), *(1,) * missing, *gates.shape[1:])
    return (gates[..., None] * outputs).sum(axis=0)


@exercise.another_way
def in_einsum(outputs, gates):
    outputs, gates = np.moveaxis(outputs, 0, -1), np.moveaxis(gates, 0, -1)
    return np.einsum("...qvs,...qs->...qv", outputs, gates)


@exercise.another_way
def branch_by_branch(outputs, gates):
    mixed = np.zeros(np.shape(outputs[0]))
    for branch in range(len(outputs)):
        mixed = mixed + np.asarray(outputs[branch]) * np.expand_dims(gates[branch], -1)
    return mixed
