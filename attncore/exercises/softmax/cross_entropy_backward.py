"""The gradient that starts every backward pass."""

import math

import numpy as np

from attncore.exercises.exercise import code
from attncore.exercises.softmax.cases import loss_cases
from attncore.softmax import cross_entropy_backward, log_softmax, softmax

exercise = code(cross_entropy_backward, *loss_cases("Raises ValueError whenever `cross_entropy` does."))


def one_hot(logits, targets):
    """1 at the target of each place; nothing where the target is no class."""
    return (targets[..., None] == np.arange(logits.shape[-1])) * 1.0


def gradient(p, logits, targets, ignore, count=None):
    """The gradient from probabilities, with zeros where a place is ignored."""
    counted = (targets != ignore)[..., None]
    return np.where(counted, p - one_hot(logits, targets), 0) / (counted.sum() if count is None else count)


@exercise.mistake("the probabilities alone")
def probabilities_alone(logits, targets, ignore=-100):
    counted = (targets != ignore)[..., None]
    return np.where(counted, softmax(logits), 0) / counted.sum()


@exercise.mistake("the targets alone")
def targets_alone(logits, targets, ignore=-100):
    return gradient(0, logits, targets, ignore)


@exercise.mistake("not divided by the number of places")
def not_divided(logits, targets, ignore=-100):
    return gradient(softmax(logits), logits, targets, ignore, count=1)


@exercise.mistake("ignored places count in the mean")
def divided_by_all_places(logits, targets, ignore=-100):
    return gradient(softmax(logits), logits, targets, ignore, count=targets.size)


@exercise.mistake("divided by the number of entries")
def divided_by_the_number_of_entries(logits, targets, ignore=-100):
    return gradient(softmax(logits), logits, targets, ignore, count=logits.size)


@exercise.mistake("divided by the number of texts")
def divided_by_the_number_of_texts(logits, targets, ignore=-100):
    return gradient(softmax(logits), logits, targets, ignore, count=len(targets))


@exercise.mistake("ignored places have a gradient")
def ignored_places_have_a_gradient(logits, targets, ignore=-100):
    wanted = one_hot(logits, targets) * (targets != ignore)[..., None]
    return (softmax(logits) - wanted) / np.sum(targets != ignore)


@exercise.mistake("nothing is ignored")
def nothing_is_ignored(logits, targets, ignore=-100):
    return (softmax(logits) - one_hot(logits, targets)) / targets.size


@exercise.mistake("the given `ignore` is not used")
def given_ignore_not_used(logits, targets, ignore=-100):
    return gradient(softmax(logits), logits, targets, -100)


@exercise.mistake("target minus probability")
def target_minus_probability(logits, targets, ignore=-100):
    return -gradient(softmax(logits), logits, targets, ignore)


@exercise.mistake("1 subtracted from the whole row")
def one_subtracted_from_the_whole_row(logits, targets, ignore=-100):
    counted = (targets != ignore)[..., None]
    return np.where(counted, softmax(logits) - 1, 0) / counted.sum()


@exercise.mistake("1 subtracted at every target in every row")
def one_subtracted_at_every_target_in_every_row(logits, targets, ignore=-100):
    counted = targets != ignore
    rows = softmax(logits)
    rows[..., np.unique(targets[counted])] -= 1
    return np.where(counted[..., None], rows, 0) / counted.sum()


@exercise.mistake("softmax over the places instead of the classes")
def softmax_over_the_places(logits, targets, ignore=-100):
    return gradient(softmax(logits, axis=-2), logits, targets, ignore)


@exercise.mistake("no maximum subtracted")
def no_maximum_subtracted(logits, targets, ignore=-100):
    exponentials = np.exp(logits)
    return gradient(exponentials / exponentials.sum(axis=-1, keepdims=True), logits, targets, ignore)


@exercise.mistake("a sigmoid for each class")
def a_sigmoid_for_each_class(logits, targets, ignore=-100):
    return gradient(0.5 + 0.5 * np.tanh(logits / 2), logits, targets, ignore)


@exercise.mistake("the gradient with respect to the probabilities")
def gradient_with_respect_to_the_probabilities(logits, targets, ignore=-100):
    return gradient(0, logits, targets, ignore) / np.where(softmax(logits) > 0, softmax(logits), 1)


@exercise.mistake("carried back through softmax a second time")
def carried_back_a_second_time(logits, targets, ignore=-100):
    p, d_logits = softmax(logits), cross_entropy_backward(logits, targets, ignore)
    return p * (d_logits - np.sum(p * d_logits, axis=-1, keepdims=True))


@exercise.mistake("the gradient in bits")
def gradient_in_bits(logits, targets, ignore=-100):
    return cross_entropy_backward(logits, targets, ignore) / math.log(2)


@exercise.mistake("only the target's entry has a gradient")
def only_the_entry_of_the_target(logits, targets, ignore=-100):
    return cross_entropy_backward(logits, targets, ignore) * one_hot(logits, targets)


@exercise.mistake("ignored places have a gradient")
def ignored_places_taken_for_class_zero(logits, targets, ignore=-100):
    wanted = one_hot(logits, np.where(targets == ignore, 0, targets))
    return (softmax(logits) - wanted) / np.sum(targets != ignore)


@exercise.mistake("divided by the number of classes")
def divided_by_the_number_of_classes(logits, targets, ignore=-100):
    return gradient(softmax(logits), logits, targets, ignore, count=logits.shape[-1])


@exercise.mistake("each text is divided by its own places")
def each_text_by_its_own_places(logits, targets, ignore=-100):
    counted = np.sum(targets != ignore, axis=-1)[..., None, None]
    return gradient(softmax(logits), logits, targets, ignore, count=np.maximum(counted, 1))


@exercise.mistake("the logits in place of the probabilities")
def logits_in_place_of_the_probabilities(logits, targets, ignore=-100):
    return gradient(logits, logits, targets, ignore)


@exercise.mistake("log-probabilities in place of the probabilities")
def log_probabilities_in_their_place(logits, targets, ignore=-100):
    return gradient(log_softmax(logits), logits, targets, ignore)


@exercise.mistake("p times 1 - p, as for a sigmoid")
def slope_of_a_sigmoid(logits, targets, ignore=-100):
    p, counted = softmax(logits), (targets != ignore)[..., None]
    sign = 1 - 2 * one_hot(logits, targets)
    return np.where(counted, sign * p * (1 - p), 0) / counted.sum()


@exercise.mistake("twice the gradient, as of a square")
def twice_the_gradient(logits, targets, ignore=-100):
    return 2 * cross_entropy_backward(logits, targets, ignore)


@exercise.mistake("1 subtracted at the most likely class")
def one_subtracted_at_the_most_likely(logits, targets, ignore=-100):
    counted = (targets != ignore)[..., None]
    return np.where(counted, softmax(logits) - one_hot(logits, np.argmax(logits, axis=-1)), 0) / counted.sum()


@exercise.another_way
def one_subtracted_at_each_target(logits, targets, ignore=-100):
    kept = targets != ignore
    d_logits = np.zeros_like(logits)
    d_logits[kept] = softmax(logits[kept])
    d_logits[(*np.nonzero(kept), targets[kept])] -= 1
    return d_logits / kept.sum()


@exercise.another_way
def row_by_row(logits, targets, ignore=-100):
    rows, count = [], int(np.sum(np.not_equal(targets, ignore)))
    for row, target in zip(np.reshape(logits, (-1, np.shape(logits)[-1])), np.ravel(targets), strict=True):
        exponentials = [math.exp(number - max(row)) for number in row]
        p = [e / sum(exponentials) for e in exponentials]
        moves = [(p[i] - (i == target)) / count for i in range(len(row))]
        rows.append([0.0] * len(row) if target == ignore else moves)
    return np.reshape(rows, np.shape(logits)).tolist()
