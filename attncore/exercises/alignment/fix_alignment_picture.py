"""A translation, and where it looked at each step."""

import numpy as np

from attncore.exercises.exercise import case, code, usual
from attncore.shapes import shaped
from attncore.softmax import softmax


def look_back(state, memory, weights):
    scores = memory @ state
    weights[:] = softmax(scores)
    return weights @ memory


@shaped("(m),(k,m),(m,m)->(t,m),(t,k)", returns="states, alignment", axes={"t": "step"})
def fix_alignment_picture(start, memory, W_state, n_steps):
    """Run a decoder for a number of steps: return its states, and the weights with which it looked back at each step.

    At every step the state asks the memory: dot products, softmax, the weighted mean of the memory as the context. The
    next state is tanh(W_state state + context). Row t of the alignment holds the weights that led to row t of the
    states. The decoder takes at least one step.
    """
    state, weights = start, np.zeros(len(memory))
    states, alignment = [], []
    for _ in range(n_steps):
        context = look_back(state, memory, weights)
        alignment.append(weights.copy())
        state = np.tanh(W_state @ state + context)
        states.append(state)
    return np.stack(states), np.stack(alignment)


exercise = code(
    fix_alignment_picture,
    usual(n_steps=4),
    case("two steps", small=True, n_steps=2),
    case("one step", small=True, n_steps=1),
    case("one memory state", small=True, sizes={"k": 1}, n_steps=3),
    case("as many steps as words", n_steps=5),
    bug="one row kept again and again",
)


@exercise.mistake("one row kept again and again")
def one_row_again_and_again(start, memory, W_state, n_steps):
    state, weights = start, np.zeros(len(memory))
    states, alignment = [], []
    for _ in range(n_steps):
        context = look_back(state, memory, weights)
        alignment.append(weights)
        state = np.tanh(W_state @ state + context)
        states.append(state)
    return np.stack(states), np.stack(alignment)


@exercise.mistake("every row one step late")
def every_row_one_step_late(start, memory, W_state, n_steps):
    state, weights = start, np.zeros(len(memory))
    states, alignment = [], []
    for _ in range(n_steps):
        alignment.append(weights.copy())
        context = look_back(state, memory, weights)
        state = np.tanh(W_state @ state + context)
        states.append(state)
    return np.stack(states), np.stack(alignment)


@exercise.mistake("every row one step early")
def every_row_one_step_early(start, memory, W_state, n_steps):
    state, weights = start, np.zeros(len(memory))
    states, alignment = [], []
    for _ in range(n_steps):
        context = look_back(state, memory, weights)
        state = np.tanh(W_state @ state + context)
        states.append(state)
        alignment.append(softmax(memory @ state))
    return np.stack(states), np.stack(alignment)


@exercise.another_way
def a_new_row_each_time(start, memory, W_state, n_steps):
    states, alignment = [start], []
    for _ in range(n_steps):
        alignment.append(softmax(memory @ states[-1]))
        states.append(np.tanh(W_state @ states[-1] + alignment[-1] @ memory))
    return np.array(states[1:]), np.array(alignment)
