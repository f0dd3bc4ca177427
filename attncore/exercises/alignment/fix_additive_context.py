"""A context as wide as the hidden layer."""

import numpy as np

from attncore.alignment import additive_scores, align
from attncore.exercises.alignment.cases import more_cases
from attncore.exercises.exercise import code, usual
from attncore.shapes import shaped
from attncore.softmax import softmax


@shaped("(...,s),(...,k,m),(a,s),(a,m),(a)->(...,m)")
def additive_context(state, memory, W_state, W_memory, v):
    """Return the context of one step: additive scores, softmax, the weighted mean of the memory.

    The context is as wide as the memory, however wide the hidden layer. Bahdanau et al. (2014).
    """
    return align(additive_scores(state, memory, W_state, W_memory, v), memory)


# Asked only with its bug: no mistake of a single function shows which memory the context is made of.
exercise = code(
    additive_context,
    usual(),
    *more_cases(s=4, m=4, a=4),
    id="fix_additive_context",
    bug="context from the projected memory",
)


@exercise.mistake("context from the projected memory")
def context_from_the_projected_memory(state, memory, W_state, W_memory, v):
    asked = (state @ W_state.T)[..., None, :]
    memory = memory @ W_memory.T
    scores = np.tanh(asked + memory) @ v
    return align(scores, memory)


@exercise.mistake("context from the hidden layer")
def context_from_the_hidden_layer(state, memory, W_state, W_memory, v):
    hidden = np.tanh((state @ W_state.T)[..., None, :] + memory @ W_memory.T)
    return align(hidden @ v, hidden)


@exercise.another_way
def in_three_lines(state, memory, W_state, W_memory, v):
    hidden = np.tanh((state @ W_state.T)[..., None, :] + memory @ W_memory.T)
    weights = softmax(hidden @ v)
    return (weights[..., None] * memory).sum(axis=-2)
