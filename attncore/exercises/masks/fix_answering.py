"""A question that is read as a whole, and an answer that is written word by word."""

import numpy as np

from attncore.exercises.exercise import case, code, usual
from attncore.shapes import shaped
from attncore.softmax import softmax


def open_to(n, n_question):
    place = np.arange(n)
    causal = place <= place[:, None]
    in_question = place < n_question
    return causal | in_question


def open_to_(n, n_question):
    place = np.arange(n)
    causal = place <= place[:, None]
    in_question = place[:, None] < n_question
    return causal | in_question


def attend(x, mask):
    scores = x @ x.T / np.sqrt(x.shape[-1])
    scores = np.where(mask, scores, -np.inf)
    return softmax(scores) @ x


@shaped("(n,m)->(t,m)", axes={"t": "answer"})
def fix_answering(x, n_question, n_layers):
    """Run a text through layers of self-attention, and return what comes out for the tokens of the answer.

    The first `n_question` tokens, at least one and not all, are the question, which is read as a whole: each of its
    tokens sees all of it. A token of the answer sees the question, the answer before it, and itself. Nobody else sees
    it. Every layer adds to each token what it has looked up.
    """
    mask = open_to(len(x), n_question)
    for _ in range(n_layers):
        x = x + attend(x, mask)
    return x[n_question:]


exercise = code(
    fix_answering,
    usual(n_question=2, n_layers=2),
    case("one layer", small=True, n_question=1, n_layers=1),
    case("a question of one token", small=True, n_question=1, n_layers=2),
    case("an answer of one token", small=True, n_question=2, n_layers=2),
    case("one layer, a longer text", sizes={"n": 6}, n_question=3, n_layers=1),
    case("three layers", sizes={"n": 6}, n_question=3, n_layers=3),
    case("a long question", sizes={"n": 6}, n_question=4, n_layers=2),
    bug="the question sees everything",
)


@exercise.mistake("the question sees everything")
def question_sees_everything(x, n_question, n_layers):
    mask = open_to_(len(x), n_question)
    for _ in range(n_layers):
        x = x + attend(x, mask)
    return x[n_question:]


def answered(x, n_question, n_layers, mask):
    for _ in range(n_layers):
        x = x + attend(x, mask)
    return x[n_question:]


@exercise.mistake("the question reads word by word too")
def causal_throughout(x, n_question, n_layers):
    return answered(x, n_question, n_layers, np.tri(len(x), dtype=bool))


@exercise.mistake("the question is one token too long")
def one_too_long(x, n_question, n_layers):
    return answered(x, n_question, n_layers, open_to(len(x), n_question + 1))


@exercise.mistake("the answer doesn't see the question")
def question_hidden_from_the_answer(x, n_question, n_layers):
    in_question = np.arange(len(x)) < n_question
    return answered(x, n_question, n_layers, open_to(len(x), n_question) & (in_question == in_question[:, None]))


@exercise.another_way
def block_by_block(x, n_question, n_layers):
    mask = np.tri(len(x), dtype=bool)
    mask[:n_question, :n_question] = True
    return answered(x, n_question, n_layers, mask)
