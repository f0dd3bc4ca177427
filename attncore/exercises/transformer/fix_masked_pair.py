"""BERT's pretraining example: two sentences, some words hidden, and what is to be guessed."""

import numpy as np

from attncore.exercises.exercise import Case, code
from attncore.shapes import shaped


def in_a_row(first, second):
    ids = np.concatenate([[101], first, [102], second, [102]])
    segments = np.repeat([0, 1], [len(first) + 2, len(second) + 1])
    return ids, segments


def corrupt(ids, chosen, fate, noise):
    hidden, swapped = chosen & (fate < 0.8), chosen & (fate >= 0.8) & (fate < 0.9)
    ids = ids.copy()
    ids[hidden] = 103
    ids[swapped] = noise[swapped]
    return ids


@shaped("(q):int,(k):int,(q+k+3),(q+k+3),(q+k+3):int->(n),(n),(n)", returns="inputs, targets, segments")
def fix_masked_pair(first, second, chance, fate, noise):
    """Make a training example of two sentences: returns (inputs, targets, segments).

    The row is [CLS] first [SEP] second [SEP], with the ids 101 and 102, which are never chosen. A
    token is chosen where its number in `chance` is below 0.15. Of the chosen, those whose number in `fate` is
    below 0.8 become [MASK], 103, those below 0.9 the id in `noise`, the others stay. Targets are
    the ids at the chosen places and -100 elsewhere. Segments are 0 up to the first [SEP], 1 behind
    it. Devlin et al. (2018).
    """
    ids, segments = in_a_row(first, second)
    chosen = (chance < 0.15) & ~np.isin(ids, [101, 102])
    inputs = corrupt(ids, chosen, fate, noise)
    targets = np.where(chosen, ids, -100)
    return inputs, targets, segments


def pair(name, first, second, share=0.5):
    """A pair of these lengths. About this share of the tokens is chosen."""

    def make():
        rng = np.random.default_rng([first, second, len(name)])
        n = first + second + 3
        return {
            "first": rng.integers(1000, 30000, size=first),
            "second": rng.integers(1000, 30000, size=second),
            "chance": np.round(rng.random(n) * 0.15 / share, 3),
            "fate": np.round(rng.permutation((np.arange(n) + 0.5) / n), 3),
            "noise": rng.integers(1000, 30000, size=n),
        }

    return Case(name, make)


def chosen_places(name, chance, fate):
    def make():
        given = {"first": np.array([2000, 2001]), "second": np.array([3000]), "noise": np.arange(7000, 7006)}
        return given | {"chance": np.array(chance), "fate": np.array(fate)}

    return Case(name, make)


exercise = code(
    fix_masked_pair,
    chosen_places("one word is hidden", [0.9, 0.1, 0.5, 0.9, 0.7, 0.8], [0.1, 0.3, 0.5, 0.2, 0.4, 0.6]),
    chosen_places("one word is swapped", [0.9, 0.4, 0.02, 0.9, 0.7, 0.8], [0.1, 0.3, 0.85, 0.2, 0.4, 0.6]),
    chosen_places("one word stays", [0.9, 0.4, 0.4, 0.9, 0.07, 0.8], [0.1, 0.3, 0.85, 0.2, 0.95, 0.6]),
    chosen_places("nothing is chosen", [0.9, 0.4, 0.4, 0.9, 0.7, 0.8], [0.1, 0.3, 0.85, 0.2, 0.95, 0.6]),
    chosen_places("all numbers are small", [0.1, 0.04, 0.04, 0.09, 0.07, 0.08], [0.1, 0.3, 0.85, 0.2, 0.95, 0.6]),
    pair("two short sentences", 4, 3),
    pair("a long and a short sentence", 30, 7),
    pair("a short and a long sentence", 5, 40),
    pair("few words are chosen", 40, 30, share=0.15),
    bug="targets read after the corruption",
)


def corrupt_(ids, chosen, fate, noise):
    hidden, swapped = chosen & (fate < 0.8), chosen & (fate >= 0.8) & (fate < 0.9)
    ids[hidden] = 103
    ids[swapped] = noise[swapped]
    return ids


@exercise.mistake("targets read after the corruption")
def training_example(first, second, chance, fate, noise):
    ids, segments = in_a_row(first, second)
    chosen = (chance < 0.15) & ~np.isin(ids, [101, 102])
    inputs = corrupt_(ids, chosen, fate, noise)
    targets = np.where(chosen, ids, -100)
    return inputs, targets, segments


def corrupted(ids, chosen, fate, noise):
    changed = np.where(fate < 0.8, 103, np.where(fate < 0.9, noise, ids))
    return np.where(chosen, changed, ids)


@exercise.mistake("the marks are to be guessed too")
def marks_chosen(first, second, chance, fate, noise):
    ids, segments = in_a_row(first, second)
    chosen = chance < 0.15
    return corrupted(ids, chosen, fate, noise), np.where(chosen, ids, -100), segments


@exercise.mistake("the words that stay are not to be guessed")
def only_what_changed(first, second, chance, fate, noise):
    ids, segments = in_a_row(first, second)
    inputs = corrupted(ids, (chance < 0.15) & (ids != 101) & (ids != 102), fate, noise)
    return inputs, np.where(inputs != ids, ids, -100), segments


@exercise.mistake("only the hidden words are to be guessed")
def only_the_masks(first, second, chance, fate, noise):
    ids, segments = in_a_row(first, second)
    inputs = corrupted(ids, (chance < 0.15) & (ids != 101) & (ids != 102), fate, noise)
    return inputs, np.where(inputs == 103, ids, -100), segments


@exercise.mistake("every word is to be guessed")
def all_of_them(first, second, chance, fate, noise):
    ids, segments = in_a_row(first, second)
    return corrupted(ids, (chance < 0.15) & (ids != 101) & (ids != 102), fate, noise), ids, segments


@exercise.mistake("nothing is hidden any more")
def the_wrong_copy(first, second, chance, fate, noise):
    ids, segments = in_a_row(first, second)
    chosen = (chance < 0.15) & (ids != 101) & (ids != 102)
    return ids, np.where(chosen, ids, -100), segments


@exercise.another_way
def token_by_token(first, second, chance, fate, noise):
    ids, segments = in_a_row(first, second)
    inputs, targets = [], []
    for i, token in enumerate(ids):
        is_chosen = chance[i] < 0.15 and token not in (101, 102)
        targets.append(token if is_chosen else -100)
        hidden = 103 if fate[i] < 0.8 else noise[i] if fate[i] < 0.9 else token
        inputs.append(hidden if is_chosen else token)
    return np.array(inputs), np.array(targets), segments
