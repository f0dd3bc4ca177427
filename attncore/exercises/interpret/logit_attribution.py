"""What each head adds to a difference of two logits."""

import numpy as np

from attncore.exercises.exercise import case, code
from attncore.interpret import logit_attribution
from attncore.softmax import log_softmax, softmax

exercise = code(
    logit_attribution,
    case("two heads, three classes", sizes={"h": 2, "m": 3, "c": 3}, small=True, right=0, wrong=2),
    case("three heads", sizes={"h": 3, "m": 2, "c": 4}, small=True, right=2, wrong=1),
    case("no two axes of one length", right=1, wrong=2),
    case("more classes than numbers", sizes={"c": 40}, right=7, wrong=30),
    case("the last class and the first", sizes={"c": 20}, right=19, wrong=0),
    case("as many of everything", sizes=dict.fromkeys("hmc", 5), right=3, wrong=1),
    case("one head", sizes={"h": 1, "c": 5}, right=4, wrong=2),
    case("the same class twice", sizes={"c": 4}, right=2, wrong=2),
    case("long outputs", magnitude=30.0, sizes={"c": 9}, right=0, wrong=8),
    case("float32", dtype=np.float32, sizes={"c": 7}, right=5, wrong=3),
)


def lead(logits, right, wrong):
    return logits[..., right] - logits[..., wrong]


@exercise.mistake("the logit of the right class alone")
def the_right_logit_alone(head_outputs, W_unembed, right, wrong):
    return (head_outputs @ W_unembed)[:, right]


@exercise.mistake("wrong minus right")
def wrong_minus_right(head_outputs, W_unembed, right, wrong):
    return lead(head_outputs @ W_unembed, wrong, right)


@exercise.mistake("a softmax for each head")
def probabilities_of_each_head(head_outputs, W_unembed, right, wrong):
    return lead(softmax(head_outputs @ W_unembed), right, wrong)


@exercise.mistake("the absolute difference")
def absolute_difference(head_outputs, W_unembed, right, wrong):
    return np.abs(lead(head_outputs @ W_unembed, right, wrong))


@exercise.mistake("the two logits are added")
def logits_added(head_outputs, W_unembed, right, wrong):
    return lead(head_outputs @ W_unembed, right, wrong) + 2 * (head_outputs @ W_unembed)[:, wrong]


@exercise.mistake("the cosine with the direction")
def cosine_with_the_direction(head_outputs, W_unembed, right, wrong):
    direction = lead(W_unembed, right, wrong)
    lengths = np.linalg.norm(head_outputs, axis=-1) * np.linalg.norm(direction)
    return head_outputs @ direction / np.where(lengths == 0, 1, lengths)


@exercise.mistake("the direction is made length 1")
def direction_of_length_one(head_outputs, W_unembed, right, wrong):
    direction = lead(W_unembed, right, wrong)
    return head_outputs @ direction / (np.linalg.norm(direction) or 1)


@exercise.mistake("shares that sum to one")
def shares_of_the_sum(head_outputs, W_unembed, right, wrong):
    adds = lead(head_outputs @ W_unembed, right, wrong)
    return adds / (adds.sum() or 1)


@exercise.mistake("rows of W_unembed instead of columns")
def rows_instead_of_columns(head_outputs, W_unembed, right, wrong):
    return head_outputs @ (W_unembed[right] - W_unembed[wrong])


@exercise.mistake("rows of W_unembed instead of columns")
def multiplied_by_the_transposed(head_outputs, W_unembed, right, wrong):
    return lead(head_outputs @ W_unembed.T, right, wrong)


@exercise.mistake("what is left without each head")
def what_is_left_without_each(head_outputs, W_unembed, right, wrong):
    adds = lead(head_outputs @ W_unembed, right, wrong)
    return adds.sum() - adds


@exercise.mistake("all heads together")
def all_heads_together(head_outputs, W_unembed, right, wrong):
    return lead(head_outputs.sum(axis=0) @ W_unembed, right, wrong)


@exercise.mistake("the mean logit instead of the wrong class's")
def against_the_mean_logit(head_outputs, W_unembed, right, wrong):
    logits = head_outputs @ W_unembed
    return logits[:, right] - logits.mean(axis=-1)


@exercise.mistake("the logits of all classes")
def logits_of_all_classes(head_outputs, W_unembed, right, wrong):
    return head_outputs @ W_unembed


@exercise.mistake("the mean head is taken away first")
def the_mean_head_taken_away(head_outputs, W_unembed, right, wrong):
    return lead((head_outputs - head_outputs.mean(axis=0)) @ W_unembed, right, wrong)


@exercise.mistake("the sum over the heads so far")
def sum_so_far(head_outputs, W_unembed, right, wrong):
    return np.cumsum(lead(head_outputs @ W_unembed, right, wrong))


@exercise.mistake("what lowers the lead is cut to zero")
def cut_at_zero(head_outputs, W_unembed, right, wrong):
    return np.maximum(lead(head_outputs @ W_unembed, right, wrong), 0)


@exercise.mistake("each head's output is normalized first")
def normalized_first(head_outputs, W_unembed, right, wrong):
    centered = head_outputs - head_outputs.mean(axis=-1, keepdims=True)
    normal = centered / np.sqrt((centered**2).mean(axis=-1, keepdims=True) + 1e-5)
    return lead(normal @ W_unembed, right, wrong)


@exercise.mistake("each head's output is normalized first")
def root_mean_square_first(head_outputs, W_unembed, right, wrong):
    normal = head_outputs / np.sqrt((head_outputs**2).mean(axis=-1, keepdims=True) + 1e-5)
    return lead(normal @ W_unembed, right, wrong)


@exercise.mistake("the log-probability of the right class alone")
def log_probability_of_the_right_class(head_outputs, W_unembed, right, wrong):
    return log_softmax(head_outputs @ W_unembed)[:, right]


@exercise.mistake("a softmax over the heads")
def log_softmax_over_the_heads(head_outputs, W_unembed, right, wrong):
    return lead(log_softmax(head_outputs @ W_unembed, axis=0), right, wrong)


@exercise.mistake("a softmax over the heads")
def softmax_over_the_heads(head_outputs, W_unembed, right, wrong):
    return lead(softmax(head_outputs @ W_unembed, axis=0), right, wrong)


@exercise.mistake("divided by the number of heads")
def divided_by_the_number_of_heads(head_outputs, W_unembed, right, wrong):
    return lead(head_outputs @ W_unembed, right, wrong) / len(head_outputs)


@exercise.mistake("all heads together")
def all_heads_together_for_each(head_outputs, W_unembed, right, wrong):
    return np.full(len(head_outputs), lead(head_outputs.sum(axis=0) @ W_unembed, right, wrong))


@exercise.mistake("a mean over the width instead of a sum")
def mean_over_the_width(head_outputs, W_unembed, right, wrong):
    return np.mean(head_outputs * lead(W_unembed, right, wrong), axis=-1)


@exercise.mistake("the difference is squared")
def difference_squared(head_outputs, W_unembed, right, wrong):
    return lead(head_outputs @ W_unembed, right, wrong) ** 2


@exercise.another_way
def two_of_all_logits(head_outputs, W_unembed, right, wrong):
    logits = head_outputs @ W_unembed
    return logits[:, right] - logits[:, wrong]


@exercise.another_way
def from_log_probabilities(head_outputs, W_unembed, right, wrong):
    log_p = log_softmax(head_outputs @ W_unembed)  # what softmax divides by is the same for both
    return log_p[:, right] - log_p[:, wrong]


@exercise.another_way
def number_by_number(head_outputs, W_unembed, right, wrong):
    direction = [row[right] - row[wrong] for row in W_unembed]
    return [sum(a * b for a, b in zip(output, direction, strict=True)) for output in head_outputs]
