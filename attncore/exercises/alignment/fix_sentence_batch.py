"""The contexts of a batch of padded sentences."""

import numpy as np

from attncore.exercises.exercise import case, code, usual
from attncore.shapes import shaped
from attncore.softmax import softmax


def compare(states, memory, W_state, W_memory, v):
    asked = states @ W_state.T
    offered = memory @ W_memory.T
    return np.tanh(asked[:, None] + offered) @ v


def compare_(states, memory, W_state, W_memory, v):
    asked = states @ W_state.T
    offered = memory @ W_memory.T
    return np.tanh(asked + offered) @ v


def hide_padding(scores, lengths):
    place = np.arange(scores.shape[-1])
    is_word = place < lengths[:, None]
    return np.where(is_word, scores, -np.inf)


@shaped("(b,s),(b,k,m),(b):int,(a,s),(a,m),(a)->(b,m)", axes={"b": "sentence"})
def fix_sentence_batch(states, memory, lengths, W_state, W_memory, v):
    """Return the context of each sentence of a batch: the mean of its memory, weighted by additive attention.

    Every sentence has a state of its own, which asks its own memory: v . tanh(W_state state + W_memory memory_j), then
    a softmax over the words. Sentences are padded at the end; `lengths` holds their true lengths, at least 1. A
    sentence gets the same context in every batch.
    """
    scores = compare(states, memory, W_state, W_memory, v)
    scores = hide_padding(scores, lengths)
    weights = softmax(scores)
    context = weights[..., None] * memory
    return context.sum(axis=1)


def some_lengths(rng, s):
    return rng.integers(1, s.k + 1, s.b)


exercise = code(
    fix_sentence_batch,
    usual(lengths=some_lengths),
    case("as many sentences as words", small=True, sizes={"b": 3}, lengths=np.array([3, 2, 3])),
    case("as many sentences as words, larger", sizes={"b": 5}, lengths=some_lengths),
    case("one sentence", small=True, sizes={"b": 1}, lengths=np.array([2])),
    bug="batch lined up with the memory",
)


def contexts(states, memory, lengths, W_state, W_memory, v, arrange):
    scores = np.tanh(arrange(states @ W_state.T) + memory @ W_memory.T) @ v
    return (softmax(hide_padding(scores, lengths))[..., None] * memory).sum(axis=1)


@exercise.mistake("batch lined up with the memory")
def batch_lined_up_with_the_memory(states, memory, lengths, W_state, W_memory, v):
    scores = compare_(states, memory, W_state, W_memory, v)
    scores = hide_padding(scores, lengths)
    weights = softmax(scores)
    context = weights[..., None] * memory
    return context.sum(axis=1)


@exercise.mistake("the first state asks for all sentences")
def first_state_asks(states, memory, lengths, W_state, W_memory, v):
    return contexts(states, memory, lengths, W_state, W_memory, v, lambda asked: asked[0])


@exercise.mistake("one state for all, the mean of the batch")
def mean_state_asks(states, memory, lengths, W_state, W_memory, v):
    return contexts(states, memory, lengths, W_state, W_memory, v, lambda asked: asked.mean(axis=0))


@exercise.another_way
def sentence_by_sentence(states, memory, lengths, W_state, W_memory, v):
    rows = []
    for state, sentence, length in zip(states, memory, lengths, strict=True):
        words = sentence[:length]
        rows.append(softmax(np.tanh(W_state @ state + words @ W_memory.T) @ v) @ words)
    return np.stack(rows)
