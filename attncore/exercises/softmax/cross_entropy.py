"""The loss of a language model."""

import math

import numpy as np

from attncore.exercises.exercise import code
from attncore.exercises.softmax.cases import GUARDS, loss_cases
from attncore.softmax import cross_entropy, log_softmax, softmax

exercise = code(
    cross_entropy,
    *loss_cases(
        "Raises ValueError if no place counts, if any other target isn't a class, and if there isn't one target for "
        "each place."
    ),
)


def at_targets(numbers, targets, ignore):
    """The number of the class that is wanted, for each place that counts."""
    kept = targets != ignore
    return np.take_along_axis(numbers[kept], targets[kept][:, None], axis=-1)[:, 0]


@exercise.mistake("the logarithm of a softmax that has rounded to zero")
def logarithm_of_a_softmax(logits, targets, ignore=-100):
    return -np.mean(np.log(at_targets(softmax(logits), targets, ignore)))


for guard in (1e-15, *GUARDS):

    @exercise.mistake("a small number in the logarithm, against zero")
    def a_small_number_in_the_logarithm(logits, targets, ignore=-100, guard=guard):
        return -np.mean(np.log(at_targets(softmax(logits), targets, ignore) + guard))

    @exercise.mistake("a small number in the logarithm, against zero")
    def probabilities_clipped(logits, targets, ignore=-100, guard=guard):
        p = np.clip(at_targets(softmax(logits), targets, ignore), guard, 1 - guard)
        return -np.mean(np.log(p))


@exercise.mistake("no maximum subtracted")
def no_maximum_subtracted(logits, targets, ignore=-100):
    log_total = np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    return -np.mean(at_targets(logits - log_total, targets, ignore))


@exercise.mistake("no maximum subtracted")
def log_of_exponentials_that_overflow(logits, targets, ignore=-100):
    exponentials = np.exp(logits)
    p = exponentials / exponentials.sum(axis=-1, keepdims=True)
    return -np.mean(np.log(at_targets(p, targets, ignore)))


@exercise.mistake("summed, not averaged")
def summed_not_averaged(logits, targets, ignore=-100):
    return -np.sum(at_targets(log_softmax(logits), targets, ignore))


@exercise.mistake("ignored places count in the mean")
def ignored_places_count_in_the_mean(logits, targets, ignore=-100):
    return -np.sum(at_targets(log_softmax(logits), targets, ignore)) / targets.size


@exercise.mistake("nothing is ignored")
def nothing_is_ignored(logits, targets, ignore=-100):
    return -np.mean(np.take_along_axis(log_softmax(logits), targets[..., None], axis=-1))


@exercise.mistake("nothing is ignored")
def ignored_places_taken_for_class_zero(logits, targets, ignore=-100):
    return nothing_is_ignored(logits, np.where(targets == ignore, 0, targets))


@exercise.mistake("the given `ignore` is not used")
def given_ignore_not_used(logits, targets, ignore=-100):
    return -np.mean(at_targets(log_softmax(logits), targets, -100))


@exercise.mistake("the probability in place of its logarithm")
def probability_in_place_of_its_logarithm(logits, targets, ignore=-100):
    return -np.mean(at_targets(softmax(logits), targets, ignore))


@exercise.mistake("one minus the probability")
def one_minus_the_probability(logits, targets, ignore=-100):
    return 1 - np.mean(at_targets(softmax(logits), targets, ignore))


@exercise.mistake("in bits")
def in_bits(logits, targets, ignore=-100):
    return cross_entropy(logits, targets, ignore) / math.log(2)


@exercise.mistake("the logit of the target alone")
def logit_of_the_target_alone(logits, targets, ignore=-100):
    return -np.mean(at_targets(logits, targets, ignore))


@exercise.mistake("no minus sign")
def no_minus_sign(logits, targets, ignore=-100):
    return -cross_entropy(logits, targets, ignore)


@exercise.mistake("the mean of each text, then the mean of those")
def mean_of_the_means(logits, targets, ignore=-100):
    texts = zip(logits.reshape(-1, *logits.shape[-2:]), targets.reshape(-1, targets.shape[-1]), strict=True)
    return np.mean([-np.mean(at_targets(log_softmax(rows), wanted, ignore)) for rows, wanted in texts])


@exercise.mistake("softmax over the places instead of the classes")
def softmax_over_the_places(logits, targets, ignore=-100):
    return -np.mean(at_targets(log_softmax(logits, axis=-2), targets, ignore))


@exercise.mistake("softmax over the whole array")
def softmax_over_the_whole_array(logits, targets, ignore=-100):
    return -np.mean(at_targets(log_softmax(logits.ravel()).reshape(logits.shape), targets, ignore))


@exercise.mistake("averaged over the classes too")
def averaged_over_the_classes_too(logits, targets, ignore=-100):
    return cross_entropy(logits, targets, ignore) / logits.shape[-1]


@exercise.mistake("softmax twice")
def softmax_twice(logits, targets, ignore=-100):
    return cross_entropy(softmax(logits), targets, ignore)


@exercise.mistake("each class as a yes or no of its own")
def each_class_as_a_yes_or_no(logits, targets, ignore=-100):
    wanted = targets[..., None] == np.arange(logits.shape[-1])
    losses = np.logaddexp(0, np.where(wanted, -logits, logits)).sum(axis=-1)
    return losses[targets != ignore].mean()


@exercise.mistake("every row pays for every target")
def every_row_pays_for_every_target(logits, targets, ignore=-100):
    kept = targets != ignore
    return -np.mean(log_softmax(logits[kept])[:, targets[kept]])


@exercise.mistake("the entropy of the model")
def entropy_of_the_model(logits, targets, ignore=-100):
    log_p = log_softmax(logits[targets != ignore])
    return -np.mean(np.sum(np.exp(log_p) * log_p, axis=-1))


@exercise.mistake("the logarithm of the mean probability")
def logarithm_of_the_mean(logits, targets, ignore=-100):
    log_p = at_targets(log_softmax(logits), targets, ignore)
    return np.log(len(log_p)) - np.logaddexp.reduce(log_p)


@exercise.mistake("targets shifted once more")
def targets_shifted_once_more(logits, targets, ignore=-100):
    return cross_entropy(logits[..., :-1, :], targets[..., 1:], ignore)


@exercise.mistake("a loss for each place")
def a_loss_for_each_place(logits, targets, ignore=-100):
    return -at_targets(log_softmax(logits), targets, ignore)


@exercise.mistake("perplexity")
def perplexity(logits, targets, ignore=-100):
    return np.exp(cross_entropy(logits, targets, ignore))


@exercise.mistake("every negative target is ignored")
def negative_targets_ignored(logits, targets, ignore=-100):
    return -np.mean(at_targets(log_softmax(logits), np.where(targets < 0, -1, targets), -1))


@exercise.mistake("the most likely class instead of the target")
def most_likely_class(logits, targets, ignore=-100):
    return -np.mean(log_softmax(logits[targets != ignore]).max(axis=-1))


@exercise.mistake("each class as a yes or no of its own")
def each_probability_as_a_yes_or_no(logits, targets, ignore=-100):
    kept = targets != ignore
    p, wanted = softmax(logits[kept]), np.arange(logits.shape[-1]) == targets[kept][:, None]
    return -np.mean(np.sum(np.log(np.where(wanted, p, 1 - p)), axis=-1))


@exercise.another_way
def log_total_minus_the_logit(logits, targets, ignore=-100):
    kept = targets != ignore
    logits, targets = logits[kept], targets[kept]
    log_total = np.logaddexp.reduce(logits, axis=-1)
    return np.mean(log_total - logits[np.arange(len(targets)), targets])


@exercise.another_way
def one_hot_rows(logits, targets, ignore=-100):
    kept = targets != ignore
    wanted = np.eye(logits.shape[-1])[np.where(kept, targets, 0)] * kept[..., None]
    return -np.sum(wanted * log_softmax(logits)) / kept.sum()


@exercise.another_way
def place_by_place(logits, targets, ignore=-100):
    losses = []
    for row, target in zip(np.reshape(logits, (-1, np.shape(logits)[-1])), np.ravel(targets), strict=True):
        if target != ignore:
            top = max(row)
            losses.append(top + math.log(sum(math.exp(number - top) for number in row)) - row[target])
    return sum(losses) / len(losses)
