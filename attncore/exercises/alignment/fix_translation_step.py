"""One step of a decoder with additive attention."""

import numpy as np

from attncore.exercises.exercise import case, code, usual
from attncore.shapes import shaped
from attncore.softmax import softmax


def energies(asked, offered, v):
    hidden = np.tanh(asked + offered)
    return hidden @ v


@shaped("(s),(k,m),(a,s),(a,m),(a),(s,s+m)->(s),(k)", returns="next_state, weights")
def fix_translation_step(state, memory, W_state, W_memory, v, W_next):
    """Take one step of a decoder: return its next state, and the weights with which it looked back.

    The score of memory j is v . tanh(W_state state + W_memory memory_j), a softmax makes the weights, and the context
    is the mean of the memory under these weights. The next state is tanh(W_next [state; context]). Weights of the
    network are applied from the left. The hidden layer of the scores may be of any width.
    """
    asked = W_state @ state
    offered = memory @ W_memory.T
    scores = energies(asked, offered, v)
    weights = softmax(scores)
    context = weights @ memory
    joined = np.concatenate([state, context])
    next_state = np.tanh(W_next @ joined)
    return next_state, weights


exercise = code(
    fix_translation_step,
    usual(),
    case("a hidden layer as wide as the memory", small=True, sizes={"a": 4}),
    case("all widths equal", sizes={"s": 4, "m": 4, "a": 4, "s+m": 8}),
    case("one memory state", small=True, sizes={"k": 1}),
    bug="context from the projected memory",
)


@exercise.mistake("context from the projected memory")
def context_from_the_projected_memory(state, memory, W_state, W_memory, v, W_next):
    asked = W_state @ state
    memory = memory @ W_memory.T
    scores = energies(asked, memory, v)
    weights = softmax(scores)
    context = weights @ memory
    joined = np.concatenate([state, context])
    next_state = np.tanh(W_next @ joined)
    return next_state, weights


def stepped(state, memory, W_state, W_memory, v, W_next, make):
    """A step whose context is made by make(weights, hidden layer)."""
    asked, offered = W_state @ state, memory @ W_memory.T
    weights = softmax(energies(asked, offered, v))
    context = make(weights, np.tanh(asked + offered))
    return np.tanh(W_next @ np.concatenate([state, context])), weights


@exercise.mistake("context from the hidden layer")
def context_from_the_hidden_layer(state, memory, W_state, W_memory, v, W_next):
    return stepped(state, memory, W_state, W_memory, v, W_next, lambda weights, hidden: weights @ hidden)


@exercise.mistake("context projected and projected back")
def projected_back(state, memory, W_state, W_memory, v, W_next):
    def make(weights, hidden):
        return weights @ (memory @ W_memory.T) @ W_memory

    return stepped(state, memory, W_state, W_memory, v, W_next, make)


@exercise.mistake("the memory averaged without its weights")
def averaged_without_weights(state, memory, W_state, W_memory, v, W_next):
    return stepped(state, memory, W_state, W_memory, v, W_next, lambda weights, hidden: memory.mean(axis=0))


@exercise.another_way
def one_memory_after_the_other(state, memory, W_state, W_memory, v, W_next):
    scores = np.array([v @ np.tanh(W_state @ state + W_memory @ one) for one in memory])
    weights = softmax(scores)
    context = sum(w * one for w, one in zip(weights, memory, strict=True))
    return np.tanh(W_next[:, : len(state)] @ state + W_next[:, len(state) :] @ context), weights
