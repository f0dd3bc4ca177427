"""Deal the weights out anew."""

import numpy as np

from attncore.exercises.drivers import ask_for_the_effect
from attncore.exercises.exercise import case, code
from attncore.exercises.fixtures import (
    a_constant,
    a_jump,
    equal_values_summed,
    first_query_against_second,
    squashed_weights,
    the_weights_themselves,
    wide_values_summed,
)
from attncore.exercises.interpret.cases import shares
from attncore.interpret import permutation_effect
from attncore.softmax import softmax


def two_sizes(rng, s):
    """A large weight first, then three small ones for every two middling ones."""
    return np.array([4.0] + 240 * [0.8] + 159 * [204 / 159])[None] / 400


def effect_case(name, predict, weights, **more):
    def rng_of_the_case(rng, s):
        return np.random.default_rng(16)

    return case(name, predict=lambda rng, s: predict, weights=weights, rng=rng_of_the_case, **more)


def drawn(*shape):
    return lambda rng, s: softmax(rng.standard_normal(shape))


exercise = code(
    permutation_effect,
    effect_case("equal weights", the_weights_themselves, lambda rng, s: np.full((2, 4), 0.25)),
    effect_case("a single key", the_weights_themselves, lambda rng, s: np.ones((3, 1))),
    effect_case("float32", the_weights_themselves, drawn(3, 60), dtype=np.float32),
    effect_case("a prediction that ignores the weights", a_constant, drawn(2, 5)),
    effect_case("values that are all alike", equal_values_summed, lambda rng, s: shares(rng, 2, 5)),
    effect_case(
        "a single row", the_weights_themselves, lambda rng, s: rng.permutation(np.arange(1, 60.0))[None] / 1770
    ),
    effect_case("three rows", the_weights_themselves, drawn(3, 80)),
    effect_case(
        "two equal rows, compared",
        first_query_against_second,
        lambda rng, s: np.tile(softmax(rng.standard_normal(80)), (2, 1)),
    ),
    effect_case("wide values", wide_values_summed, drawn(3, 80)),
    effect_case("heads, and a prediction that is not linear", squashed_weights, drawn(2, 3, 60)),
    effect_case("a prediction that jumps", a_jump, two_sizes, shuffles=400),
    tolerance=0.05,
    drive=ask_for_the_effect,
)


@exercise.mistake("every row is shuffled in the same order")
def every_row_shuffled_in_the_same_order(predict, weights, rng, shuffles=100):
    plain = predict(weights)
    changes = []
    for _ in range(shuffles):
        shuffled = rng.permutation(weights, axis=-1)
        changes.append(np.mean(np.abs(predict(shuffled) - plain)))
    return float(np.mean(changes))


@exercise.mistake("rows are dealt to other queries")
def rows_dealt_to_other_queries(predict, weights, rng, shuffles=100):
    plain = predict(weights)
    changes = [np.abs(predict(rng.permutation(weights, axis=-2)) - plain).mean() for _ in range(shuffles)]
    return float(np.mean(changes))


@exercise.mistake("the sign of the change is kept")
def sign_of_the_change_kept(predict, weights, rng, shuffles=100):
    plain = predict(weights)
    return float(np.mean([np.mean(predict(rng.permuted(weights, axis=-1)) - plain) for _ in range(shuffles)]))


@exercise.mistake("the absolute value is taken of the mean change")
def absolute_value_taken_of_the_mean_change(predict, weights, rng, shuffles=100):
    plain = predict(weights)
    return abs(np.mean([predict(rng.permuted(weights, axis=-1)) - plain for _ in range(shuffles)], axis=0)).mean()


@exercise.mistake("the change is squared")
def squared_change(predict, weights, rng, shuffles=100):
    plain = predict(weights)
    return float(np.mean([np.mean((predict(rng.permuted(weights, axis=-1)) - plain) ** 2) for _ in range(shuffles)]))


@exercise.mistake("the largest change instead of the mean")
def largest_change_of_all(predict, weights, rng, shuffles=100):
    plain = predict(weights)
    return float(max(np.max(np.abs(predict(rng.permuted(weights, axis=-1)) - plain)) for _ in range(shuffles)))


@exercise.mistake("the median instead of the mean")
def the_median_instead_of_the_mean(predict, weights, rng, shuffles=100):
    plain = predict(weights)
    return float(np.median([np.mean(np.abs(predict(rng.permuted(weights, axis=-1)) - plain)) for _ in range(shuffles)]))


@exercise.mistake("changes are summed over the prediction instead of averaged")
def changes_added_up_over_the_prediction(predict, weights, rng, shuffles=100):
    plain = predict(weights)
    return float(np.mean([np.sum(np.abs(predict(rng.permuted(weights, axis=-1)) - plain)) for _ in range(shuffles)]))


@exercise.mistake("half the summed change, a total variation distance")
def half_the_summed_change(predict, weights, rng, shuffles=100):
    return changes_added_up_over_the_prediction(predict, weights, rng, shuffles) / 2


@exercise.mistake("the change is divided by the prediction")
def the_change_is_divided_by_the_prediction(predict, weights, rng, shuffles=100):
    plain = predict(weights)
    dealt = [predict(rng.permuted(weights, axis=-1)) for _ in range(shuffles)]
    return float(np.mean([np.mean(np.abs(one - plain)) / np.mean(np.abs(plain)) for one in dealt]))


@exercise.mistake("the predictions are shuffled, not the weights")
def the_predictions_are_shuffled(predict, weights, rng, shuffles=100):
    plain = np.atleast_1d(predict(weights))
    return float(np.mean([np.mean(np.abs(rng.permuted(plain, axis=-1) - plain)) for _ in range(shuffles)]))


@exercise.mistake("the weights are shuffled only once")
def shuffled_only_once(predict, weights, rng, shuffles=100):
    return float(np.mean(np.abs(predict(rng.permuted(weights, axis=-1)) - predict(weights))))


@exercise.mistake("the draws don't come from rng")
def own_draws_instead_of_rng(predict, weights, rng, shuffles=100):
    return permutation_effect(predict, weights, np.random.default_rng(0), shuffles)


@exercise.mistake("the weights are made equal instead of shuffled")
def weights_made_equal_instead_of_shuffled(predict, weights, rng, shuffles=100):
    flat = np.broadcast_to(weights.mean(axis=-1, keepdims=True), weights.shape)
    return float(np.mean(np.abs(predict(flat) - predict(weights))))


@exercise.mistake("new weights are drawn instead of shuffled")
def new_weights_drawn_instead_of_shuffled(predict, weights, rng, shuffles=100):
    plain = predict(weights)
    fresh = rng.dirichlet(np.ones(weights.shape[-1]), size=(shuffles, *weights.shape[:-1]))
    return float(np.mean([np.mean(np.abs(predict(one) - plain)) for one in fresh]))


@exercise.mistake("the largest change instead of the mean")
def largest_change_of_a_shuffle(predict, weights, rng, shuffles=100):
    plain = predict(weights)
    return float(max(np.mean(np.abs(predict(rng.permuted(weights, axis=-1)) - plain)) for _ in range(shuffles)))


@exercise.mistake("the root of the mean squared change")
def root_of_the_mean_squared_change(predict, weights, rng, shuffles=100):
    plain = predict(weights)
    squares = [np.mean((predict(rng.permuted(weights, axis=-1)) - plain) ** 2) for _ in range(shuffles)]
    return float(np.sqrt(np.mean(squares)))


@exercise.mistake("half the summed change, a total variation distance")
def half_the_summed_change_of_each_row(predict, weights, rng, shuffles=100):
    plain = np.atleast_1d(predict(weights))
    changes = [np.abs(predict(rng.permuted(weights, axis=-1)) - plain).sum(axis=-1) for _ in range(shuffles)]
    return float(np.mean(changes) / 2)


@exercise.mistake("weights wander from one row to another")
def all_weights_in_one_heap(predict, weights, rng, shuffles=100):
    plain = predict(weights)
    return float(np.mean([np.abs(predict(rng.permuted(weights, axis=None)) - plain) for _ in range(shuffles)]))


@exercise.mistake("the change of the weights, not of the prediction")
def change_of_the_weights(predict, weights, rng, shuffles=100):
    return float(np.mean([np.abs(rng.permuted(weights, axis=-1) - weights) for _ in range(shuffles)]))


def measured_by(label, change, over_shuffles=np.mean):
    """A wrong solution with another measure of how far one prediction is from another."""

    @exercise.mistake(label)
    def effect(predict, weights, rng, shuffles=100):
        plain = np.asarray(predict(weights))
        changes = [change(np.asarray(predict(rng.permuted(weights, axis=-1))), plain) for _ in range(shuffles)]
        return float(over_shuffles(changes))


def largest_moves(dealt, plain):
    return np.mean(np.argmax(np.atleast_1d(dealt), axis=-1) != np.argmax(np.atleast_1d(plain), axis=-1))


measured_by("the change is squared", lambda dealt, plain: np.sum((dealt - plain) ** 2))
measured_by("the Euclidean norm of the change", lambda dealt, plain: np.linalg.norm(dealt - plain))
measured_by("the Euclidean norm of the change", lambda dealt, plain: np.mean(np.linalg.norm(dealt - plain, axis=-1)))
measured_by("changes are added up over the shuffles", lambda dealt, plain: np.mean(np.abs(dealt - plain)), np.sum)
measured_by("a count of changes, whatever their size", lambda dealt, plain: np.mean(np.abs(dealt - plain) > 1e-3))
measured_by("a count of changes, whatever their size", largest_moves)


@exercise.mistake("the spread of the predictions, without the plain one")
def spread_of_the_predictions(predict, weights, rng, shuffles=100):
    return float(np.mean(np.std([predict(rng.permuted(weights, axis=-1)) for _ in range(shuffles)], axis=0)))


@exercise.mistake("each shuffle is compared with the one before")
def compared_with_the_one_before(predict, weights, rng, shuffles=100):
    dealt = np.array([predict(rng.permuted(weights, axis=-1)) for _ in range(shuffles + 1)])
    return float(np.mean(np.abs(np.diff(dealt, axis=0))))


@exercise.mistake("the weights are turned round instead of shuffled")
def weights_turned_round(predict, weights, rng, shuffles=100):
    return float(np.mean(np.abs(predict(weights[..., ::-1]) - predict(weights))))


@exercise.mistake("the weights are set to zero instead of shuffled")
def weights_set_to_zero(predict, weights, rng, shuffles=100):
    return float(np.mean(np.abs(predict(0 * weights) - predict(weights))))


@exercise.another_way
def an_order_for_each_row(predict, weights, rng, shuffles=100):
    plain, total = predict(weights), 0.0
    for _ in range(shuffles):
        order = np.argsort(rng.random(weights.shape), axis=-1)
        total += np.abs(predict(np.take_along_axis(weights, order, axis=-1)) - plain).mean()
    return total / shuffles


@exercise.another_way
def row_by_row(predict, weights, rng, shuffles=100):
    changes = []
    for _ in range(shuffles):
        rows = [rng.permutation(row) for row in weights.reshape(-1, weights.shape[-1])]
        changes.append(np.mean(np.abs(np.array(predict(np.reshape(rows, weights.shape))) - predict(weights))))
    return sum(changes) / len(changes)


@exercise.another_way
def on_a_copy(predict, weights, rng):
    shuffled, changes = weights.copy(), []
    for _ in range(100):
        rng.permuted(shuffled, axis=-1, out=shuffled)
        changes.append(np.mean(np.abs(predict(shuffled) - predict(weights))))
    return np.mean(changes)
