"""Lesson 19: value-weighted maps, rollout, permutation, ablation, induction."""

import numpy as np

from attncore.exercises.exercise import Lesson, case, cases
from attncore.interpret import (
    ablation_effect,
    attention_rollout,
    induction_score,
    permutation_effect,
    value_weighted_map,
)
from attncore.shapes import shaped
from attncore.softmax import softmax

lesson = Lesson("19_interpret")


def shares(rng, *shape):
    """Rows of tenths that sum to one: weights that can be checked by hand."""
    return rng.multinomial(10, np.full(shape[-1], 1 / shape[-1]), size=shape[:-1]) / 10


def rows_of_weights(*lead):
    return lambda rng, s: shares(rng, *lead, s.q, s.k)


weighted = lesson.code(
    value_weighted_map,
    [
        case(value_weighted_map, "a small example", small=True, weights=rows_of_weights()),
        case(value_weighted_map, "another small example", small=True, sizes={"v": 2}, weights=rows_of_weights()),
        case(value_weighted_map, "no two axes of one length", weights=rows_of_weights()),
        case(value_weighted_map, "as many queries as keys", sizes={"q": 5}, weights=rows_of_weights()),
        case(value_weighted_map, "as many of everything", sizes=dict.fromkeys("qkvm", 4), weights=rows_of_weights()),
        case(value_weighted_map, "a batch of two", small=True, lead=(2,), weights=rows_of_weights(2)),
        case(value_weighted_map, "two leading axes", lead=(2, 4), weights=rows_of_weights(2, 4)),
        case(
            value_weighted_map,
            "a key that hands over nothing",
            stage="a key that hands over nothing",
            weights=rows_of_weights(),
            value=lambda rng, s: np.vstack([np.zeros((1, s.v)), rng.standard_normal((s.k - 1, s.v))]),
        ),
        case(value_weighted_map, "long values", magnitude=60.0, weights=rows_of_weights()),
        case(value_weighted_map, "float32", dtype=np.float32, weights=rows_of_weights()),
    ],
)


@weighted.mistake
def length_of_the_value_before_W_output(weights, value, W_output):
    lengths = np.linalg.norm(value, axis=-1)
    return weights * lengths[..., None, :]


@weighted.mistake
def squared_length(weights, value, W_output):
    handed_over = value @ W_output
    return weights * (handed_over**2).sum(axis=-1)[..., None, :]


@weighted.mistake
def absolute_numbers_added_up(weights, value, W_output):
    return weights * np.abs(value @ W_output).sum(axis=-1)[..., None, :]


@weighted.mistake
def lengths_on_the_query_axis(weights, value, W_output):
    return weights * np.linalg.norm(value @ W_output, axis=-1)[..., :, None]


@weighted.mistake
def norm_over_the_tokens(weights, value, W_output):
    return weights * np.linalg.norm(value @ W_output, axis=-2)[..., None, :]


@weighted.mistake
def one_length_for_all_keys_together(weights, value, W_output):
    return weights * np.linalg.norm(value @ W_output)


@weighted.mistake
def rows_made_to_sum_to_one(weights, value, W_output):
    norms = value_weighted_map(weights, value, W_output)
    total = norms.sum(axis=-1, keepdims=True)
    return norms / np.where(total == 0, 1, total)


@weighted.mistake
def length_of_the_whole_output(weights, value, W_output):
    return weights * np.linalg.norm(weights @ value @ W_output, axis=-1, keepdims=True)


@weighted.mistake
def divided_by_the_longest_value(weights, value, W_output):
    lengths = np.linalg.norm(value @ W_output, axis=-1)[..., None, :]
    return weights * lengths / lengths.max(axis=-1, keepdims=True)


@weighted.mistake
def weights_left_out(weights, value, W_output):
    return np.ones_like(weights) * np.linalg.norm(value @ W_output, axis=-1)[..., None, :]


@weighted.another_way
def each_term_then_its_length(weights, value, W_output):
    terms = weights[..., None] * (value @ W_output)[..., None, :, :]
    return np.linalg.norm(terms, axis=-1)


@weighted.another_way
def with_einsum_alone(weights, value, W_output):
    handed_over = np.einsum("...kv,vm->...km", value, W_output)
    return np.einsum("...qk,...k->...qk", weights, np.einsum("...km,...km->...k", handed_over, handed_over) ** 0.5)


@weighted.another_way
def number_by_number(weights, value, W_output):
    if weights.ndim > 2:
        return [number_by_number(*one, W_output) for one in zip(weights, value, strict=True)]
    lengths = []
    for row in value:
        handed_over = [sum(a * b for a, b in zip(row, column, strict=True)) for column in W_output.T]
        lengths.append(sum(number**2 for number in handed_over) ** 0.5)
    return [[w * length for w, length in zip(row, lengths, strict=True)] for row in weights]


def stacked_maps(rng, s):
    return shares(rng, s.l, s.n, s.n)


def causal_maps(rng, s):
    scores = rng.standard_normal((s.l, s.n, s.n))
    return softmax(np.where(np.tri(s.n, dtype=bool), scores, -np.inf))


rollout = lesson.code(
    attention_rollout,
    cases(
        attention_rollout,
        case(attention_rollout, "one layer", small=True, sizes={"l": 1}, maps=stacked_maps),
        case(attention_rollout, "twelve layers", sizes={"l": 12}, maps=stacked_maps, stage="many layers"),
        case(attention_rollout, "as many layers as tokens", sizes={"l": 5}, maps=stacked_maps),
        case(attention_rollout, "causal maps", maps=causal_maps),
        case(
            attention_rollout,
            "everybody looks at the first",
            maps=lambda rng, s: np.eye(s.n)[np.zeros((s.l, s.n), int)],
        ),
        maps=stacked_maps,
    ),
)


@rollout.mistake
def no_residual(maps):
    reached = np.eye(maps.shape[-1])
    for weights in maps:
        reached = weights @ reached
    return reached


@rollout.mistake
def mean_of_the_maps(maps):
    return maps.mean(axis=0)


@rollout.mistake
def first_layer_on_the_left(maps):
    n = maps.shape[-1]
    reached = np.eye(n)
    for weights in maps:
        mixed = (weights + np.eye(n)) / 2
        reached = reached @ mixed
    return reached


@rollout.mistake
def residual_added_without_the_half(maps):
    reached = np.eye(maps.shape[-1])
    for weights in maps:
        reached = (weights + np.eye(maps.shape[-1])) @ reached
    return reached


@rollout.mistake
def last_layer_only(maps):
    return 0.5 * maps[-1] + 0.5 * np.eye(maps.shape[-1])


@rollout.mistake
def residual_only_once_at_the_end(maps):
    return 0.5 * no_residual(maps) + 0.5 * np.eye(maps.shape[-1])


@rollout.mistake
def first_layer_left_out(maps):
    return attention_rollout(maps[1:]) if len(maps) > 1 else np.eye(maps.shape[-1])


@rollout.mistake
def multiplied_place_by_place(maps):
    reached = 0.5 * maps[0] + 0.5 * np.eye(maps.shape[-1])
    for weights in maps[1:]:
        reached = (0.5 * weights + 0.5 * np.eye(maps.shape[-1])) * reached
    return reached


@rollout.mistake
def inputs_on_the_rows(maps):
    return attention_rollout(maps).T


@rollout.mistake
def every_layer_kept(maps):
    return np.array([attention_rollout(maps[: i + 1]) for i in range(len(maps))])


@rollout.another_way
def residual_added_then_rows_divided(maps):
    mixed = maps + np.eye(maps.shape[-1])
    mixed /= mixed.sum(axis=-1, keepdims=True)
    reached = mixed[0]
    for layer in mixed[1:]:
        reached = layer @ reached
    return reached


@rollout.another_way
def from_the_last_layer_back(maps):
    n = maps.shape[-1]
    asked = np.eye(n)
    for weights in maps[::-1]:
        asked = np.einsum("ij,jk->ik", asked, (weights + np.eye(n)) / 2)
    return asked


@rollout.another_way
def token_by_token(maps):
    n = maps.shape[-1]
    reached = [[float(i == j) for j in range(n)] for i in range(n)]
    for weights in maps.tolist():
        looked_at = [[sum(weights[i][k] * reached[k][j] for k in range(n)) for j in range(n)] for i in range(n)]
        reached = [[(reached[i][j] + looked_at[i][j]) / 2 for j in range(n)] for i in range(n)]
    return reached


def the_weights_themselves(weights):
    return weights


def a_constant(weights):
    return np.float64(7)


def equal_values_summed(weights):
    return weights @ np.ones((weights.shape[-1], 3))


def first_query_against_second(weights):
    return weights[..., 0, :] - weights[..., 1, :]


def wide_values_summed(weights):
    keys = np.arange(1, weights.shape[-1] + 1)
    return weights @ np.sin(np.outer(keys, 0.7 * np.arange(1, 40)))


def squashed_weights(weights):
    return np.tanh(20 * weights)


@shaped("->(),()", returns="effect, draws from rng")
def ask_for_the_effect(answer, predict, weights, rng):
    before = rng.bit_generator.state
    effect = answer(predict, weights, rng)
    if effect is None:
        return None
    return effect, weights.shape[-1] == 1 or rng.bit_generator.state != before


def effect_case(name, predict, weights, stage=""):
    return case(
        permutation_effect,
        name,
        stage=stage,
        predict=lambda rng, s: predict,
        weights=weights,
        rng=lambda rng, s: np.random.default_rng(16),
    )


def drawn(*shape):
    return lambda rng, s: softmax(rng.standard_normal(shape))


permutation = lesson.code(
    permutation_effect,
    [
        effect_case("equal weights", the_weights_themselves, lambda rng, s: np.full((2, 4), 0.25)),
        effect_case("a single key", the_weights_themselves, lambda rng, s: np.ones((3, 1))),
        effect_case("a prediction that ignores the weights", a_constant, drawn(2, 5)),
        effect_case("values that are all alike", equal_values_summed, lambda rng, s: shares(rng, 2, 5)),
        effect_case(
            "a single row", the_weights_themselves, lambda rng, s: rng.permutation(np.arange(1, 40.0))[None] / 780
        ),
        effect_case("three rows", the_weights_themselves, drawn(3, 80)),
        effect_case(
            "two equal rows, compared",
            first_query_against_second,
            lambda rng, s: np.tile(softmax(rng.standard_normal(80)), (2, 1)),
            stage="a prediction that compares two queries",
        ),
        effect_case("wide values", wide_values_summed, drawn(3, 80)),
        effect_case("heads, and a prediction that is not linear", squashed_weights, drawn(2, 3, 60)),
    ],
    tolerance=0.05,
    drive=ask_for_the_effect,
)


@permutation.mistake
def every_row_shuffled_in_the_same_order(predict, weights, rng, shuffles=100):
    plain = predict(weights)
    changes = []
    for _ in range(shuffles):
        shuffled = rng.permutation(weights, axis=-1)
        changes.append(np.mean(np.abs(predict(shuffled) - plain)))
    return float(np.mean(changes))


@permutation.mistake
def rows_dealt_to_other_queries(predict, weights, rng, shuffles=100):
    plain = predict(weights)
    changes = [np.abs(predict(rng.permutation(weights, axis=-2)) - plain).mean() for _ in range(shuffles)]
    return float(np.mean(changes))


@permutation.mistake
def sign_of_the_change_kept(predict, weights, rng, shuffles=100):
    plain = predict(weights)
    return float(np.mean([np.mean(predict(rng.permuted(weights, axis=-1)) - plain) for _ in range(shuffles)]))


@permutation.mistake
def absolute_value_taken_of_the_mean_change(predict, weights, rng, shuffles=100):
    plain = predict(weights)
    return abs(np.mean([predict(rng.permuted(weights, axis=-1)) - plain for _ in range(shuffles)], axis=0)).mean()


@permutation.mistake
def squared_change(predict, weights, rng, shuffles=100):
    plain = predict(weights)
    return float(np.mean([np.mean((predict(rng.permuted(weights, axis=-1)) - plain) ** 2) for _ in range(shuffles)]))


@permutation.mistake
def largest_change_of_all(predict, weights, rng, shuffles=100):
    plain = predict(weights)
    return float(max(np.max(np.abs(predict(rng.permuted(weights, axis=-1)) - plain)) for _ in range(shuffles)))


@permutation.mistake
def changes_added_up_over_the_prediction(predict, weights, rng, shuffles=100):
    plain = predict(weights)
    return float(np.mean([np.sum(np.abs(predict(rng.permuted(weights, axis=-1)) - plain)) for _ in range(shuffles)]))


@permutation.mistake
def shuffled_only_once(predict, weights, rng, shuffles=100):
    return float(np.mean(np.abs(predict(rng.permuted(weights, axis=-1)) - predict(weights))))


@permutation.mistake
def own_draws_instead_of_rng(predict, weights, rng, shuffles=100):
    return permutation_effect(predict, weights, np.random.default_rng(0), shuffles)


@permutation.mistake
def weights_made_equal_instead_of_shuffled(predict, weights, rng, shuffles=100):
    flat = np.broadcast_to(weights.mean(axis=-1, keepdims=True), weights.shape)
    return float(np.mean(np.abs(predict(flat) - predict(weights))))


@permutation.mistake
def new_weights_drawn_instead_of_shuffled(predict, weights, rng, shuffles=100):
    plain = predict(weights)
    fresh = rng.dirichlet(np.ones(weights.shape[-1]), size=(shuffles, *weights.shape[:-1]))
    return float(np.mean([np.mean(np.abs(predict(one) - plain)) for one in fresh]))


@permutation.another_way
def an_order_for_each_row(predict, weights, rng, shuffles=100):
    plain, total = predict(weights), 0.0
    for _ in range(shuffles):
        order = np.argsort(rng.random(weights.shape), axis=-1)
        total += np.abs(predict(np.take_along_axis(weights, order, axis=-1)) - plain).mean()
    return total / shuffles


@permutation.another_way
def row_by_row(predict, weights, rng, shuffles=100):
    changes = []
    for _ in range(shuffles):
        rows = [rng.permutation(row) for row in weights.reshape(-1, weights.shape[-1])]
        changes.append(np.mean(np.abs(np.array(predict(np.reshape(rows, weights.shape))) - predict(weights))))
    return sum(changes) / len(changes)


@permutation.another_way
def on_a_copy(predict, weights, rng):
    shuffled, changes = weights.copy(), []
    for _ in range(100):
        rng.permuted(shuffled, axis=-1, out=shuffled)
        changes.append(np.mean(np.abs(predict(shuffled) - predict(weights))))
    return np.mean(changes)


def heads_that_add_up(x, head):
    """Three heads, of which the last takes away."""
    amounts = np.array([0.5, -2.0, 1.0])
    if head is not None:
        amounts[head] = 0
    return x + amounts.sum() * np.abs(x)


def heads_that_stand_in(x, head):
    """Three heads bring about the same, and the largest wins: without one, the next takes over."""
    brought = [x * (1 + 0.1 * i) for i in range(3) if i != head]
    return np.max(brought, axis=0)


def heads_that_lower(x, head):
    """Each head lowers the whole output, so that leaving it out can only raise it."""
    return x - sum(i + 1.0 for i in range(3) if i != head) * (1 + x**2)


def inputs(rows, width):
    return lambda rng, s: np.round(rng.standard_normal((rows, width)), 1)


ablation = lesson.code(
    ablation_effect,
    [
        case(
            ablation_effect,
            f"{layer.__name__.replace('_', ' ')}, without head {head}",
            layer=lambda rng, s, layer=layer: layer,
            x=inputs(rows, width),
            head=head,
        )
        for layer, head, rows, width in (
            (heads_that_add_up, 1, 2, 3),
            (heads_that_add_up, 0, 2, 3),
            (heads_that_add_up, 2, 5, 4),
            (heads_that_stand_in, 2, 2, 3),
            (heads_that_stand_in, 0, 3, 3),
            (heads_that_lower, 1, 3, 2),
            (heads_that_lower, 0, 4, 2),
        )
    ],
)


@ablation.mistake
def mean_change_instead_of_the_largest(layer, x, head):
    return float(np.mean(np.abs(layer(x, head) - layer(x, None))))


@ablation.mistake
def largest_rise_only(layer, x, head):
    return float(np.max(layer(x, head) - layer(x, None)))


@ablation.mistake
def largest_fall_only(layer, x, head):
    return float(np.max(layer(x, None) - layer(x, head)))


@ablation.mistake
def length_of_the_change(layer, x, head):
    return float(np.linalg.norm(layer(x, head) - layer(x, None)))


@ablation.mistake
def change_of_the_largest_number(layer, x, head):
    return float(abs(np.max(np.abs(layer(x, head))) - np.max(np.abs(layer(x, None)))))


@ablation.mistake
def relative_to_the_largest_output(layer, x, head):
    whole = layer(x, None)
    return float(np.max(np.abs(layer(x, head) - whole)) / np.max(np.abs(whole)))


@ablation.mistake
def size_of_the_output_without_the_head(layer, x, head):
    return float(np.max(np.abs(layer(x, head))))


@ablation.mistake
def head_zero_taken_for_the_whole_layer(layer, x, head):
    without = layer(x, head) if head else layer(x, None)
    return float(np.max(np.abs(without - layer(x, None))))


@ablation.mistake
def compared_with_the_input(layer, x, head):
    return float(np.max(np.abs(layer(x, head) - x)))


@ablation.another_way
def as_a_maximum_norm(layer, x, head):
    change = layer(x, None) - layer(x, head)
    return np.linalg.norm(change.ravel(), ord=np.inf)


@ablation.another_way
def entry_by_entry(layer, x, head):
    largest = 0.0
    for whole, without in zip(layer(x, None).flat, layer(x, head).flat, strict=True):
        largest = max(largest, abs(whole - without))
    return largest


def repeats(name, tokens, stage="", one_layout=shares):
    return case(
        induction_score,
        name,
        stage=stage,
        weights=lambda rng, s: one_layout(rng, len(tokens), len(tokens)),
        tokens=lambda rng, s: tokens,
    )


def soft_rows(rng, *shape):
    return softmax(rng.standard_normal(shape))


induction = lesson.code(
    induction_score,
    [
        repeats("one word comes back", ["the", "cat", "the"]),
        repeats("two words come back", ["the", "cat", "sat", "the", "cat"]),
        repeats("a sequence twice", [3, 1, 4, 2, 3, 1, 4, 2], one_layout=soft_rows),
        repeats(
            "a word that comes three times", ["the", "cat", "the", "mat", "the"], "a token seen more than once before"
        ),
        repeats("a word next to itself", ["the", "the", "cat", "cat"], "a token next to itself"),
        repeats("a sequence three times", [0, 5, 7] * 3, "a token seen more than once before", soft_rows),
        repeats("the last token comes back alone", [8, 0, 6, 5, 0], one_layout=soft_rows),
        repeats("ids in an array", np.array([2, 9, 9, 2, 9]), one_layout=soft_rows),
        repeats("nothing is repeated", ["the", "cat", "sat"], "nothing is repeated"),
    ],
)


def earlier(tokens):
    """For each token that occurred before: its place, and the places before it that hold the same."""
    for i in range(len(tokens)):
        before = [j for j in range(i) if tokens[j] == tokens[i]]
        if before:
            yield i, before


def mean_or_zero(found):
    return float(np.mean(found)) if found else 0.0


@induction.mistake
def weight_on_the_earlier_occurrence_itself(weights, tokens):
    return mean_or_zero([weights[i][before[-1]] for i, before in earlier(tokens)])


@induction.mistake
def first_occurrence_instead_of_the_latest(weights, tokens):
    seen: dict = {}
    found = []
    for i, token in enumerate(list(tokens)):
        if token in seen:
            found.append(weights[i][seen[token] + 1])
        else:
            seen[token] = i
    return float(np.mean(found)) if found else 0.0


@induction.mistake
def token_before_the_earlier_occurrence(weights, tokens):
    return mean_or_zero([weights[i][before[-1] - 1] for i, before in earlier(tokens)])


@induction.mistake
def tokens_seen_for_the_first_time_counted_as_zero(weights, tokens):
    return float(sum(weights[i][before[-1] + 1] for i, before in earlier(tokens)) / len(tokens))


@induction.mistake
def weights_added_up_instead_of_averaged(weights, tokens):
    return float(sum(weights[i][before[-1] + 1] for i, before in earlier(tokens)))


@induction.mistake
def rows_and_columns_swapped(weights, tokens):
    return mean_or_zero([weights[before[-1] + 1][i] for i, before in earlier(tokens)])


@induction.mistake
def share_of_rows_whose_largest_weight_is_there(weights, tokens):
    return mean_or_zero([float(np.argmax(weights[i]) == before[-1] + 1) for i, before in earlier(tokens)])


@induction.mistake
def only_the_last_repetition(weights, tokens):
    found = [weights[i][before[-1] + 1] for i, before in earlier(tokens)]
    return float(found[-1]) if found else 0.0


@induction.mistake
def not_a_number_where_nothing_is_repeated(weights, tokens):
    return float(np.mean([weights[i][before[-1] + 1] for i, before in earlier(tokens)] or [np.nan]))


@induction.mistake
def weight_on_the_token_in_front_of_it(weights, tokens):
    return mean_or_zero([weights[i][i - 1] for i, _ in earlier(tokens)])


@induction.other_convention
def the_weights_after_every_earlier_occurrence_added_up(weights, tokens):
    return mean_or_zero([sum(weights[i][j + 1] for j in before) for i, before in earlier(tokens)])


@induction.another_way
def looking_back_from_each_token(weights, tokens):
    found = []
    for i in range(len(tokens)):
        for j in range(i - 1, -1, -1):
            if tokens[j] == tokens[i]:
                found.append(weights[i, j + 1])
                break
    return sum(found) / len(found) if found else 0.0


@induction.another_way
def with_a_table_of_equal_pairs(weights, tokens):
    n = len(tokens)
    names = np.asarray(tokens)
    same = np.tril(names[:, None] == names[None, :], k=-1)
    rows = np.flatnonzero(same.any(axis=1))
    latest = n - 1 - np.argmax(same[rows, ::-1], axis=1)
    return weights[rows, latest + 1].mean() if len(rows) else 0.0


lesson.debug("fix_value_weighted_map", weighted, length_of_the_value_before_W_output)
lesson.debug("fix_attention_rollout", rollout, first_layer_on_the_left)
lesson.debug("fix_permutation_effect", permutation, every_row_shuffled_in_the_same_order)
lesson.debug("fix_induction_score", induction, first_occurrence_instead_of_the_latest)

lesson.numeric(
    "share-handed-over",
    lambda: 0.9 * 0.2 / (0.9 * 0.2 + 0.1 * 3),
    weight_alone=lambda: 0.9,
    lengths_alone=lambda: 0.2 / 3.2,
    lengths_squared=lambda: 0.9 * 0.04 / (0.9 * 0.04 + 0.1 * 9),
)
lesson.numeric(
    "own-share-after-six-layers",
    lambda: 1 / 64 + (1 - 1 / 64) / 8,
    residual_alone=lambda: 1 / 64,
    no_residual=lambda: 1 / 8,
)
lesson.numeric(
    "bytes-of-all-maps",
    lambda: 12 * 12 * 1024**2 * 2,
    one_layer_only=lambda: 12 * 1024**2 * 2,
    numbers_not_bytes=lambda: 12 * 12 * 1024**2,
)
lesson.numeric(
    "pairs-of-heads",
    lambda: 144 * 143 // 2,
    every_pair_twice=lambda: 144 * 143,
    one_head_at_a_time=lambda: 144,
    tolerance=1e-6,
)
lesson.predict(
    "street-and-animal-swapped", lambda: "street", still_the_animal=lambda: "animal", spread_evenly=lambda: "both alike"
)
lesson.predict("two-swaps", lambda: 0.5, residual_forgotten=lambda: 1.0, mixed_paths_forgotten=lambda: 0.25)
lesson.predict("values-alike", lambda: "not at all", it_must_change=lambda: "a great deal")
lesson.predict(
    "two-copies",
    lambda: "neither changes it",
    each_matters=lambda: "each changes it",
    first_one=lambda: "only the first",
)
lesson.explain(
    "is-attention-explanation",
    "what-a-permutation-test-says",
    "what-an-induction-head-is",
    "why-weight-collects-on-cls",
    "show-that-a-head-matters",
    "what-rollout-assumes",
)
