"""Answers from a drawer of notes."""

import numpy as np

from attncore.exercises.exercise import case, code, usual
from attncore.shapes import shaped
from attncore.softmax import softmax


def unit(vectors):
    squares = (vectors**2).sum(axis=-1, keepdims=True)
    return vectors / np.sqrt(squares)


def unit_(vectors):
    squares = (vectors**2).sum(axis=0, keepdims=True)
    return vectors / np.sqrt(squares)


def nearness(questions, notes):
    columns = notes.T
    return questions @ columns


def nearness_(questions, notes):
    columns = notes.reshape(notes.shape[1], -1)
    return questions @ columns


@shaped("(q,d),(k,d),(k,v)->(q,v),(q)", returns="answers, best", axes={"q": "question", "k": "note"})
def fix_retrieval(questions, notes, contents, sharpness=10.0):
    """Answer each question from the notes: the contents, weighted by how alike question and note are.

    Questions and notes are compared by their cosine; times `sharpness` it is the score, and a softmax over the notes
    makes the weights. `best` is the place of the note that weighs most. How long a question's vector is makes no
    difference, nor does what else is asked with it.
    """
    asked, offered = unit(questions), unit(notes)
    scores = sharpness * nearness(asked, offered)
    weights = softmax(scores)
    answers = weights @ contents
    best = weights.argmax(axis=-1)
    return answers, best


exercise = code(
    fix_retrieval,
    usual(),
    case(
        "two notes of width two",
        questions=np.array([[2.0, 1.0], [0.0, 3.0]]),
        notes=np.array([[1.0, 0.5], [-1.0, 2.0]]),
        contents=np.array([[10.0], [20.0]]),
    ),
    case("as many notes as the width", sizes={"k": 8}),
    case("one question", small=True, sizes={"q": 1}),
    case("vectors of length one", questions=np.eye(4)[1:3], notes=np.eye(4)[[2, 0, 1]], sizes={"k": 3}),
    case("a gentle softmax", small=True, sharpness=1.0),
    bug="two at once: keys reshaped, and lengths along the wrong axis",
)


@exercise.mistake("two at once: keys reshaped, and lengths along the wrong axis")
def both(questions, notes, contents, sharpness=10.0):
    asked, offered = unit_(questions), unit_(notes)
    scores = sharpness * nearness_(asked, offered)
    weights = softmax(scores)
    answers = weights @ contents
    best = weights.argmax(axis=-1)
    return answers, best


def answered(questions, notes, contents, sharpness, unit, compare):
    weights = softmax(sharpness * compare(unit(questions), unit(notes)))
    return weights @ contents, weights.argmax(axis=-1)


@exercise.mistake("one of two repaired: the lengths are right, the comparison isn't")
def still_reshaped(questions, notes, contents, sharpness=10.0):
    return answered(questions, notes, contents, sharpness, unit, nearness_)


@exercise.mistake("one of two repaired: the comparison is right, the lengths aren't")
def still_the_wrong_axis(questions, notes, contents, sharpness=10.0):
    return answered(questions, notes, contents, sharpness, unit_, nearness)


@exercise.mistake("lengths left out")
def lengths_left_out(questions, notes, contents, sharpness=10.0):
    return answered(questions, notes, contents, sharpness, lambda vectors: vectors, nearness)


@exercise.mistake("one length for all vectors")
def one_length_for_all(questions, notes, contents, sharpness=10.0):
    return answered(questions, notes, contents, sharpness, lambda v: v / np.sqrt((v**2).sum()), nearness)


@exercise.another_way
def lengths_divided_out_of_the_scores(questions, notes, contents, sharpness=10.0):
    lengths = np.linalg.norm(questions, axis=1)[:, None] * np.linalg.norm(notes, axis=1)
    weights = softmax(sharpness * np.einsum("qd,kd->qk", questions, notes) / lengths)
    return weights @ contents, weights.argmax(axis=1)
