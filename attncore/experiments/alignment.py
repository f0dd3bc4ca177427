"""Lesson 03: an alignment learned, and one vector for the whole sentence beside it."""

import math
from typing import NamedTuple

import numpy as np

from attncore.alignment import additive_scores, dot_scores
from attncore.backpropagation import embedding_backward, matrix_backward
from attncore.gradients import softmax_backward
from attncore.shapes import shaped
from attncore.softmax import cross_entropy, cross_entropy_backward, softmax
from attncore.training import train

N_WORDS = 12


class Scorer(NamedTuple):
    """The weights of `additive_scores`: W_state (a, m), W_memory (a, m), v (a)."""

    W_state: np.ndarray
    W_memory: np.ndarray
    v: np.ndarray


class Translator(NamedTuple):
    """Words (c, m) and their places (n, m), the decoder's state at each step (n, m), how it scores, and how it speaks.

    A word is said from the context and the state, by W_context (m, m), W_state (m, m) and W_word (m, c).
    """

    words: np.ndarray
    places: np.ndarray
    states: np.ndarray
    scorer: Scorer
    W_context: np.ndarray
    W_state: np.ndarray
    W_word: np.ndarray


def start_translator(rng, n, m=32):
    """Draw the initial weights of a `Translator` of n words."""

    def matrix(*shape):
        return rng.standard_normal(shape) / math.sqrt(m)

    scorer = Scorer(matrix(m, m), matrix(m, m), matrix(m))
    words, places = rng.standard_normal((N_WORDS, m)), rng.standard_normal((n, m))
    return Translator(words, places, matrix(n, m), scorer, matrix(m, m), matrix(m, m), matrix(m, N_WORDS))


def sentences(rng, n, batch=16):
    """Draw sentences of n words and their translations: the last word first, and each word by another one."""
    ids = rng.integers(N_WORDS, size=(batch, n))
    return ids, (ids[:, ::-1] + 5) % N_WORDS


def scores_of(memory, weights, score):
    """The scores (b, n, n) of each step against each word; all alike if `score` is "one vector"."""
    if score == "additive":
        return additive_scores(weights.states, memory[:, None], *weights.scorer)
    if score == "dot":
        return dot_scores(weights.states, memory[:, None])
    return np.zeros((len(memory), len(weights.states), memory.shape[1]))


def scores_backward(memory, weights, d_scores, score):
    """From the scores back to the memory, the states and the scorer."""
    states, (W_state, W_memory, v) = weights.states, weights.scorer
    if score == "additive":
        hidden = np.tanh((states @ W_state.T)[:, None] + (memory @ W_memory.T)[:, None])
        d_inner = d_scores[..., None] * v * (1 - hidden * hidden)
        d_from_states, d_from_memory = d_inner.sum(axis=(0, 2)), d_inner.sum(axis=1)
        d_v = np.sum(d_scores[..., None] * hidden, axis=(0, 1, 2))
        d_scorer = Scorer(d_from_states.T @ states, matrix_backward(d_from_memory, memory), d_v)
        return d_from_memory @ W_memory, d_from_states @ W_state, d_scorer
    nothing = Scorer(*(np.zeros_like(part) for part in weights.scorer))
    if score == "dot":
        return np.swapaxes(d_scores, -1, -2) @ states, np.sum(d_scores @ memory, axis=0), nothing
    return np.zeros_like(memory), np.zeros_like(states), nothing


def translate(ids, weights, score):
    """The memory, the alignment (b, n, n), the context, what is said from, and the logits."""
    memory = np.tanh(weights.words[ids] + weights.places)
    alignment = softmax(scores_of(memory, weights, score))
    context = alignment @ memory
    said_from = np.tanh(context @ weights.W_context + weights.states @ weights.W_state)
    return memory, alignment, context, said_from, said_from @ weights.W_word


@shaped("(b,n):int,(b,n):int->()", returns="loss, gradients")
def translator_backward(ids, targets, weights, score):
    """Translate and go back: returns (loss, gradients).

    `score` is "additive", "dot", or "one vector": then each word is said from the same mean of the memory. `weights` is
    a `Translator`, and so are the gradients.
    """
    memory, alignment, context, said_from, logits = translate(ids, weights, score)
    d_logits = cross_entropy_backward(logits, targets)
    d_inner = d_logits @ weights.W_word.T * (1 - said_from * said_from)
    d_context, d_steps = d_inner @ weights.W_context.T, d_inner.sum(axis=0)
    d_scores = softmax_backward(alignment, d_context @ np.swapaxes(memory, -1, -2))
    d_memory, d_states, d_scorer = scores_backward(memory, weights, d_scores, score)
    d_read = (np.swapaxes(alignment, -1, -2) @ d_context + d_memory) * (1 - memory * memory)
    return cross_entropy(logits, targets), Translator(
        embedding_backward(ids, d_read, weights.words),
        d_read.sum(axis=0),
        d_states + d_steps @ weights.W_state.T,
        d_scorer,
        matrix_backward(context, d_inner),
        weights.states.T @ d_steps,
        matrix_backward(said_from, d_logits),
    )


class AlignmentRuns(NamedTuple):
    """What came out: accuracy at each length, the losses at the last length and one sentence's alignment, by score."""

    lengths: tuple
    accuracies: dict
    losses: dict
    alignments: dict


def alignment_experiment(lengths=(4, 8, 16), steps=150, seed=0):
    """Learn to translate with additive scores, with dot scores, and from one vector: returns `AlignmentRuns`.

    "one vector" is the control, and trains four times as long. At each length, all three start with the same weights.
    """
    runs = AlignmentRuns(lengths, {}, {}, {})
    for score, times in (("additive", 1), ("dot", 1), ("one vector", 4)):
        trained = [train_translator(n, score, times * steps, seed) for n in lengths]
        runs.accuracies[score] = [accuracy for _, accuracy, _ in trained]
        runs.losses[score], _, runs.alignments[score] = trained[-1]
    return runs


def train_translator(n, score, steps, seed):
    """Train on sentences of n words: returns (losses, accuracy on new ones, the alignment of one)."""
    rng = np.random.default_rng(seed)
    weights, batches = start_translator(rng, n), (sentences(rng, n) for _ in range(steps))
    losses = train(weights, lambda *batch: translator_backward(*batch, weights, score), batches)
    ids, targets = sentences(rng, n, batch=200)
    _, alignment, *_, logits = translate(ids, weights, score)
    return losses, float(np.mean(logits.argmax(axis=-1) == targets)), alignment[0]
