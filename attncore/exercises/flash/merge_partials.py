"""Two parts of the keys become one."""

import math

import numpy as np

from attncore.exercises.drivers import join_parts
from attncore.exercises.exercise import case, code
from attncore.flash import Partial, attend_to_tile, merge_partials
from attncore.softmax import softmax


def attended(scores, rng, width=2, dtype=np.float64):
    """What a real tile of these scores leaves behind, rounded so that it can be read."""
    value = np.round(rng.standard_normal((*np.shape(scores)[:-2], np.shape(scores)[-1], width)), 1)
    return Partial(*(part.astype(dtype) for part in attend_to_tile(np.array(scores, float), value)))


def parts_case(name, left, right, **more):
    """Two parts of the keys, given by their scores."""

    def make(scores):
        return lambda rng, s: attended(scores(rng, s) if callable(scores) else scores, rng)

    return case(name, left=make(left), right=make(right), **more)


def drawn_parts(name, lengths, lead=(), magnitude=1.0, dtype=np.float64, **more):
    def make(length):
        return lambda rng, s: attended(magnitude * rng.standard_normal((*lead, s.q, length)), rng, s.v, dtype)

    return case(name, left=make(lengths[0]), right=make(lengths[1]), **more)


def given_parts(name, left, right, **more):
    def make(part):
        return lambda rng, s: Partial(*(np.array(field, float) for field in part))

    return case(name, left=make(left), right=make(right), **more)


NOTHING = -np.inf
EMPTY = "A query with nothing to attend to has an output of zeros, the maximum -inf and the total 0."
exercise = code(
    merge_partials,
    given_parts("one query, totals of 1 and 3", ([[8.0]], [2.0], [1.0]), ([[4.0]], [2.0], [3.0])),
    given_parts("one query, two maxima", ([[8.0, 1]], [0.0], [1.5]), ([[4.0, 3]], [1.0], [1.25])),
    parts_case("two queries", [[0.0, 1, 2], [3, 1, 0]], [[2.0, 4], [1, 1]]),
    parts_case("the larger maximum on the left", [[3.0, 1], [4, 2]], [[0.0], [1]]),
    drawn_parts("no two axes of one length", (5, 4)),
    drawn_parts("a batch of two", (3, 2), (2,)),
    drawn_parts("two leading axes", (5, 2), (2, 4)),
    drawn_parts("float32", (5, 4), dtype=np.float32),
    drawn_parts("a tile of one key", (7, 1)),
    parts_case("maxima below zero", [[-3.0, -5], [-4, -6]], [[-4.0, -4], [-2, -9]]),
    drawn_parts("maxima in the thousands", (5, 4), magnitude=2000.0),
    parts_case("a far larger maximum on the right", [[1.0, 2], [0, 3]], [[2000.0], [3001]]),
    parts_case("a far larger maximum on the left", [[2000.0], [3001]], [[1.0, 2], [0, 3]]),
    parts_case("very negative maxima", [[-2000.0, -2001]], [[-2001.0, -1999]]),
    parts_case("nothing to see on the left", [[NOTHING, NOTHING]], [[1.0, 2]], promise=EMPTY),
    parts_case("nothing to see on the right", [[1.0, 2]], [[NOTHING, NOTHING]], promise=EMPTY),
    parts_case(
        "nothing to see on either side", [[NOTHING, NOTHING], [0, 1]], [[NOTHING, NOTHING], [1, 1]], promise=EMPTY
    ),
    drive=join_parts,
)


def over(total):
    """Something to divide by, where nothing was allowed too."""
    return np.where(total == 0, 1, total)[..., None]


def rescaled_totals(left, right):
    maximum = np.maximum(left.maximum, right.maximum)
    shift = np.where(maximum == -np.inf, 0, maximum)
    return maximum, left.total * np.exp(left.maximum - shift), right.total * np.exp(right.maximum - shift)


@exercise.mistake("a plain mean of the outputs")
def plain_mean_of_the_outputs(left, right):
    return merge_partials(left, right)._replace(output=(left.output + right.output) / 2)


@exercise.mistake("weighted by totals that forget their maxima")
def weighted_by_totals_that_forget_their_maxima(left, right):
    maximum = np.maximum(left.maximum, right.maximum)
    total = left.total + right.total
    summed = left.total[..., None] * left.output + right.total[..., None] * right.output
    return Partial(summed / np.where(total == 0, 1, total)[..., None], maximum, total)


@exercise.mistake("weighted by totals that forget their maxima")
def outputs_weighted_by_totals_that_forget_their_maxima(left, right):
    output = weighted_by_totals_that_forget_their_maxima(left, right).output
    return merge_partials(left, right)._replace(output=output)


@exercise.mistake("weighted by totals that forget their maxima")
def only_the_total_that_divides_knows_the_maxima(left, right):
    merged = merge_partials(left, right)
    summed = left.total[..., None] * left.output + right.total[..., None] * right.output
    return merged._replace(output=summed / over(merged.total))


@exercise.mistake("weighted by the maxima alone")
def weighted_by_the_maxima_alone(left, right):
    merged = merge_partials(left, right)
    shares = softmax(np.stack([left.maximum, right.maximum]), axis=0)[..., None]
    return merged._replace(output=shares[0] * left.output + shares[1] * right.output)


@exercise.mistake("the totals are added without rescaling")
def total_not_rescaled(left, right):
    return merge_partials(left, right)._replace(total=left.total + right.total)


@exercise.mistake("the output isn't divided by the new total")
def outputs_not_divided_by_the_new_total(left, right):
    maximum, left_total, right_total = rescaled_totals(left, right)
    summed = left_total[..., None] * left.output + right_total[..., None] * right.output
    return Partial(summed, maximum, left_total + right_total)


@exercise.mistake("the outputs are taken for sums that aren't divided yet")
def outputs_taken_for_sums_that_are_not_divided_yet(left, right):
    maximum, left_total, right_total = rescaled_totals(left, right)
    shift = np.where(maximum == -np.inf, 0, maximum)
    summed = (
        np.exp(left.maximum - shift)[..., None] * left.output + np.exp(right.maximum - shift)[..., None] * right.output
    )
    total = left_total + right_total
    return Partial(summed / over(total), maximum, total)


@exercise.mistake("the totals are rescaled the wrong way round")
def rescaled_the_wrong_way_round(left, right):
    maximum = np.maximum(left.maximum, right.maximum)
    shift = np.where(maximum == -np.inf, 0, maximum)
    left_total = np.where(left.total == 0, 0, left.total * np.exp(shift - left.maximum))
    right_total = np.where(right.total == 0, 0, right.total * np.exp(shift - right.maximum))
    total = left_total + right_total
    summed = left_total[..., None] * left.output + right_total[..., None] * right.output
    return Partial(summed / over(total), maximum, total)


@exercise.mistake("the maximum of the left part is kept")
def maximum_of_the_left_kept(left, right):
    shift = np.where(left.maximum == -np.inf, 0, left.maximum)
    right_total = right.total * np.exp(right.maximum - shift)
    total = left.total + right_total
    summed = left.total[..., None] * left.output + right_total[..., None] * right.output
    return Partial(summed / over(total), left.maximum, total)


@exercise.mistake("the maximum of the left part is kept")
def maximum_of_the_left_returned(left, right):
    return merge_partials(left, right)._replace(maximum=left.maximum)


@exercise.mistake("the maximum of the left part is kept")
def maximum_of_the_left_kept_for_the_left(left, right):
    maximum = left.maximum
    shift = np.where(maximum == -np.inf, 0, maximum)
    total = left.total + right.total * np.exp(right.maximum - shift)
    return merge_partials(left, right)._replace(maximum=maximum, total=total)


@exercise.mistake("the maxima are added")
def maxima_added(left, right):
    return merge_partials(left, right)._replace(maximum=left.maximum + right.maximum)


@exercise.mistake("one maximum for all queries")
def one_maximum_for_all_queries(left, right):
    largest = max(left.maximum.max(), right.maximum.max())
    shift = 0 if largest == -np.inf else largest
    left_total, right_total = (part.total * np.exp(part.maximum - shift) for part in (left, right))
    total = left_total + right_total
    summed = left_total[..., None] * left.output + right_total[..., None] * right.output
    return Partial(summed / over(total), np.full_like(total, largest), total)


@exercise.mistake("a query with nothing to attend to gives NaN")
def nothing_to_see_gives_nan(left, right):
    maximum = np.maximum(left.maximum, right.maximum)
    left_total = left.total * np.exp(left.maximum - maximum)
    right_total = right.total * np.exp(right.maximum - maximum)
    total = left_total + right_total
    summed = left_total[..., None] * left.output + right_total[..., None] * right.output
    return Partial(summed / total[..., None], maximum, total)


@exercise.mistake("a small constant added to the total")
def a_small_constant_added_to_the_total(left, right):
    maximum, left_total, right_total = rescaled_totals(left, right)
    total = left_total + right_total
    summed = left_total[..., None] * left.output + right_total[..., None] * right.output
    return Partial(summed / (total + 1e-6)[..., None], maximum, total)


@exercise.mistake("the output is divided by the totals before they are rescaled")
def divided_by_totals_before_rescaling(left, right):
    maximum, left_total, right_total = rescaled_totals(left, right)
    summed = left_total[..., None] * left.output + right_total[..., None] * right.output
    return Partial(summed / over(left.total + right.total), maximum, left_total + right_total)


@exercise.mistake("the part with the larger maximum takes all")
def the_larger_maximum_takes_all(left, right):
    is_left = left.maximum >= right.maximum
    output = np.where(is_left[..., None], left.output, right.output)
    return merge_partials(left, right)._replace(output=output)


@exercise.mistake("the log-sum-exp in place of the maximum")
def the_log_sum_exp_in_place_of_the_maximum(left, right):
    merged = merge_partials(left, right)
    return merged._replace(maximum=merged.maximum + np.log(over(merged.total)[..., 0]))


@exercise.another_way
def shares_by_a_softmax(left, right):
    with np.errstate(divide="ignore"):
        log_totals = np.stack([part.maximum + np.log(part.total) for part in (left, right)])
    shares = softmax(log_totals, axis=0)[..., None]
    maximum = np.maximum(left.maximum, right.maximum)
    log_total = np.logaddexp(*log_totals)
    total = np.exp(log_total - np.where(maximum == -np.inf, 0, maximum))
    return Partial(shares[0] * left.output + shares[1] * right.output, maximum, total)


@exercise.another_way
def query_by_query(left, right):
    if np.ndim(left.maximum) > 0:
        merged = [query_by_query(Partial(*a), Partial(*b)) for a, b in zip(zip(*left), zip(*right))]  # noqa: B905
        return tuple(np.array(part) for part in zip(*merged, strict=True))
    (first, m, s), (second, n, t) = left, right
    if s == 0 or t == 0:
        return tuple(right if s == 0 else left)
    maximum = max(m, n)
    s, t = s * math.exp(m - maximum), t * math.exp(n - maximum)
    return [(s * a + t * b) / (s + t) for a, b in zip(first, second, strict=True)], maximum, s + t
