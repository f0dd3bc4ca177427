"""Does a head continue repetitions?"""

import numpy as np

from attncore.exercises.exercise import case, code
from attncore.exercises.interpret.cases import shares
from attncore.interpret import induction_score
from attncore.softmax import softmax


def repeats(name, tokens, one_layout=shares, **more):
    n = len(tokens)
    return case(name, weights=lambda rng, s: one_layout(rng, n, n), tokens=lambda rng, s: tokens, **more)


def soft_rows(rng, *shape):
    return softmax(rng.standard_normal(shape))


exercise = code(
    induction_score,
    repeats("one word comes back", ["the", "cat", "the"]),
    repeats("two words come back", ["the", "cat", "sat", "the", "cat"]),
    repeats("a sequence twice", [3, 1, 4, 2, 3, 1, 4, 2], one_layout=soft_rows),
    repeats("a word that comes three times", ["the", "cat", "the", "mat", "the"]),
    repeats("a word next to itself", ["the", "the", "cat", "cat"]),
    repeats("a sequence three times", [0, 5, 7] * 3, soft_rows),
    repeats("the last token comes back alone", [8, 0, 6, 5, 0], one_layout=soft_rows),
    repeats("ids in an array", np.array([2, 9, 9, 2, 9]), one_layout=soft_rows),
    repeats("float32", [4, 1, 4, 1, 2, 4], one_layout=soft_rows, dtype=np.float32),
    repeats("nothing is repeated", ["the", "cat", "sat"], promise="A text that repeats nothing scores 0."),
)


def earlier(tokens):
    """For each token that occurred before: its place, and the places before it that hold the same."""
    for i in range(len(tokens)):
        before = [j for j in range(i) if tokens[j] == tokens[i]]
        if before:
            yield i, before


def mean_or_zero(found):
    return float(np.mean(found)) if found else 0.0


@exercise.mistake("the weight on the earlier occurrence itself")
def weight_on_the_earlier_occurrence_itself(weights, tokens):
    return mean_or_zero([weights[i][before[-1]] for i, before in earlier(tokens)])


@exercise.mistake("the first occurrence instead of the latest")
def first_occurrence_instead_of_the_latest(weights, tokens):
    seen: dict = {}
    found = []
    for i, token in enumerate(list(tokens)):
        if token in seen:
            found.append(weights[i][seen[token] + 1])
        else:
            seen[token] = i
    return float(np.mean(found)) if found else 0.0


@exercise.mistake("the token before the earlier occurrence")
def token_before_the_earlier_occurrence(weights, tokens):
    return mean_or_zero([weights[i][before[-1] - 1] for i, before in earlier(tokens)])


@exercise.mistake("tokens seen for the first time count as zero")
def tokens_seen_for_the_first_time_counted_as_zero(weights, tokens):
    return float(sum(weights[i][before[-1] + 1] for i, before in earlier(tokens)) / len(tokens))


@exercise.mistake("the weights are added up instead of averaged")
def weights_added_up_instead_of_averaged(weights, tokens):
    return float(sum(weights[i][before[-1] + 1] for i, before in earlier(tokens)))


@exercise.mistake("rows and columns are swapped")
def rows_and_columns_swapped(weights, tokens):
    return mean_or_zero([weights[before[-1] + 1][i] for i, before in earlier(tokens)])


@exercise.mistake("a count of largest weights instead of their mean")
def share_of_rows_whose_largest_weight_is_there(weights, tokens):
    return mean_or_zero([float(np.argmax(weights[i]) == before[-1] + 1) for i, before in earlier(tokens)])


@exercise.mistake("only the last repetition counts")
def only_the_last_repetition(weights, tokens):
    found = [weights[i][before[-1] + 1] for i, before in earlier(tokens)]
    return float(found[-1]) if found else 0.0


@exercise.mistake("NaN where nothing is repeated")
def not_a_number_where_nothing_is_repeated(weights, tokens):
    return float(np.mean([weights[i][before[-1] + 1] for i, before in earlier(tokens)] or [np.nan]))


@exercise.mistake("the weight on the token just before")
def weight_on_the_token_in_front_of_it(weights, tokens):
    return mean_or_zero([weights[i][i - 1] for i, _ in earlier(tokens)])


@exercise.mistake("one diagonal, right only for a text that comes twice")
def one_diagonal(weights, tokens):
    return float(np.mean(np.diagonal(np.asarray(weights), 1 - len(tokens) // 2)))


@exercise.mistake("the mean over every earlier occurrence")
def the_mean_over_every_earlier_occurrence(weights, tokens):
    return mean_or_zero([weights[i][j + 1] for i, before in earlier(tokens) for j in before])


@exercise.mistake("the largest weight instead of the mean")
def the_largest_weight(weights, tokens):
    return float(max((weights[i][before[-1] + 1] for i, before in earlier(tokens)), default=0))


@exercise.mistake("one diagonal, right only for a text that comes twice")
def second_half_of_one_diagonal(weights, tokens):
    half = len(tokens) // 2
    return float(np.mean(np.diagonal(np.asarray(weights), 1 - half)[1:])) if half else 0.0


@exercise.mistake("a token right after itself doesn't count")
def next_to_itself_left_out(weights, tokens):
    return mean_or_zero([weights[i][before[-1] + 1] for i, before in earlier(tokens) if before[-1] + 1 < i])


@exercise.mistake("place 0 is taken for none")
def place_zero_taken_for_none(weights, tokens):
    return mean_or_zero([weights[i][before[-1] + 1] for i, before in earlier(tokens) if before[-1]])


@exercise.mistake("the places are all noted before the walk")
def places_noted_before_the_walk(weights, tokens):
    last = {token: i for i, token in enumerate(tokens)}
    return mean_or_zero([weights[i][last[token] + 1] for i, token in enumerate(tokens) if last[token] < i])


@exercise.mistake("the row of the token after the repeated one")
def row_of_the_next_token(weights, tokens):
    n = len(tokens)
    return mean_or_zero([weights[i + 1][before[-1] + 1] for i, before in earlier(tokens) if i + 1 < n])


@exercise.other_convention("the weights after every earlier occurrence are added up")
def the_weights_after_every_earlier_occurrence_added_up(weights, tokens):
    return mean_or_zero([sum(weights[i][j + 1] for j in before) for i, before in earlier(tokens)])


@exercise.another_way
def looking_back_from_each_token(weights, tokens):
    found = []
    for i in range(len(tokens)):
        for j in range(i - 1, -1, -1):
            if tokens[j] == tokens[i]:
                found.append(weights[i, j + 1])
                break
    return sum(found) / len(found) if found else 0.0


@exercise.another_way
def with_a_table_of_equal_pairs(weights, tokens):
    n = len(tokens)
    names = np.asarray(tokens)
    same = np.tril(names[:, None] == names[None, :], k=-1)
    rows = np.flatnonzero(same.any(axis=1))
    latest = n - 1 - np.argmax(same[rows, ::-1], axis=1)
    return weights[rows, latest + 1].mean() if len(rows) else 0.0
