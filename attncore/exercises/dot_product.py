"""Lesson 04: scores, weights, and scaled dot-product attention."""

import math
from copy import deepcopy

import numpy as np

from attncore.dot_product import (
    attention_scores,
    attention_weights,
    dot_product_std,
    scaled_dot_product_attention,
)
from attncore.exercises.exercise import Lesson, case, cases
from attncore.exercises.softmax import hide, mask_cases
from attncore.softmax import masked_softmax, softmax

lesson = Lesson("04_dot_product")


def scale_cases(reference):
    return [
        case(reference, "as many queries as keys", sizes={"q": 5}),
        case(reference, "as many keys as the width", sizes={"k": 8}),
        case(reference, "a scale that is given", small=True, stage="a scale that is given", scale=0.3),
        case(reference, "a scale of one", stage="a scale that is given", scale=1.0),
        case(reference, "a scale below zero, on a batch", stage="a scale that is given", lead=(2,), scale=-0.3),
        case(reference, "a scale, in float32", stage="a scale that is given", dtype=np.float32, scale=0.3),
        case(reference, "a scale of zero", stage="a scale of zero", scale=0.0),
        case(reference, "scores in the thousands", magnitude=60.0, stage="scores in the thousands"),
    ]


scores_exercise = lesson.code(attention_scores, cases(attention_scores, *scale_cases(attention_scores)))


@scores_exercise.mistake
def no_scale(query, key, scale=None):
    return query @ np.swapaxes(key, -1, -2) * (1 if scale is None else scale)


@scores_exercise.mistake
def divided_by_the_width(query, key, scale=None):
    return attention_scores(query, key, 1 / query.shape[-1] if scale is None else scale)


@scores_exercise.mistake
def square_root_of_the_number_of_keys(query, key, scale=None):
    return attention_scores(query, key, 1 / math.sqrt(key.shape[-2]) if scale is None else scale)


@scores_exercise.mistake
def multiplied_by_the_square_root(query, key, scale=None):
    return attention_scores(query, key, math.sqrt(query.shape[-1]) if scale is None else scale)


@scores_exercise.mistake
def key_reshaped_instead_of_transposed(query, key, scale=None):
    *leading, n_keys, width = key.shape
    scale = 1 / math.sqrt(width) if scale is None else scale
    return query @ key.reshape(*leading, width, n_keys) * scale


@scores_exercise.mistake
def queries_and_keys_swapped(query, key, scale=None):
    return attention_scores(key, query, scale)


@scores_exercise.mistake
def given_scale_ignored(query, key, scale=None):
    return attention_scores(query, key)


@scores_exercise.mistake
def given_scale_divides(query, key, scale=None):
    return attention_scores(query, key, None if scale is None else 1 / np.float64(scale))


@scores_exercise.mistake
def scale_of_zero_taken_for_none(query, key, scale=None):
    return attention_scores(query, key, scale or None)


@scores_exercise.mistake
def all_axes_reversed(query, key, scale=None):
    return query @ key.T * (1 / math.sqrt(query.shape[-1]) if scale is None else scale)


@scores_exercise.mistake
def cosine_similarity(query, key, scale=None):
    query = query / np.linalg.norm(query, axis=-1, keepdims=True)
    key = key / np.linalg.norm(key, axis=-1, keepdims=True)
    return query @ np.swapaxes(key, -1, -2)


@scores_exercise.mistake
def softmax_already_applied(query, key, scale=None):
    return softmax(attention_scores(query, key, scale))


@scores_exercise.another_way
def with_einsum(query, key, scale=None):
    scores = np.einsum("...qd,...kd->...qk", query, key)
    return scores / query.shape[-1] ** 0.5 if scale is None else scores * scale


@scores_exercise.another_way
def query_scaled_first(query, key, scale=None):
    factor = query.shape[-1] ** -0.5 if scale is None else scale
    return (query * factor) @ key.swapaxes(-1, -2)


@scores_exercise.another_way
def dot_product_by_dot_product(query, key, scale=None):
    if np.ndim(query) > 2:
        return [dot_product_by_dot_product(q, k, scale) for q, k in zip(query, key, strict=True)]
    factor = 1 / math.sqrt(len(query[0])) if scale is None else scale
    return [[factor * sum(a * b for a, b in zip(q, k, strict=True)) for k in key] for q in query]


weights_exercise = lesson.code(
    attention_weights,
    cases(attention_weights, *scale_cases(attention_weights), *mask_cases(attention_weights, scaled=True)),
)


@weights_exercise.mistake
def weights_not_scaled(query, key, mask=None, scale=None):
    return attention_weights(query, key, mask, 1.0 if scale is None else scale)


@weights_exercise.mistake
def softmax_over_the_queries(query, key, mask=None, scale=None):
    scores = attention_scores(query, key, scale)
    return softmax(scores if mask is None else hide(scores, mask, -np.inf), axis=-2)


@weights_exercise.mistake
def scaled_after_the_softmax(query, key, mask=None, scale=None):
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    return attention_weights(query, key, mask, 1.0) * scale


@weights_exercise.mistake
def mask_added_before_the_scale(query, key, mask=None, scale=None):
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    scores = query @ np.swapaxes(key, -1, -2)
    if mask is not None:
        scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask
    return softmax(scores * scale)


@weights_exercise.mistake
def mask_dropped(query, key, mask=None, scale=None):
    return attention_weights(query, key, None, scale)


@weights_exercise.mistake
def mask_inverted(query, key, mask=None, scale=None):
    if mask is not None:
        mask = ~mask if mask.dtype == bool else -mask
    return attention_weights(query, key, mask, scale)


@weights_exercise.mistake
def nothing_allowed_gives_nan(query, key, mask=None, scale=None):
    scores = attention_scores(query, key, scale)
    scores = scores if mask is None else hide(scores, mask, -np.inf)
    exponentials = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


@weights_exercise.mistake
def scores_returned(query, key, mask=None, scale=None):
    scores = attention_scores(query, key, scale)
    return scores if mask is None else hide(scores, mask, -np.inf)


@weights_exercise.mistake
def overflow_in_the_exponential(query, key, mask=None, scale=None):
    scores = attention_scores(query, key, scale)
    exponentials = np.exp(scores if mask is None else hide(scores, mask, -np.inf))
    total = exponentials.sum(axis=-1, keepdims=True)
    return exponentials / np.where(total == 0, 1, total)


@weights_exercise.another_way
def all_in_one(query, key, mask=None, scale=None):
    scores = np.einsum("...id,...jd->...ij", query, key) * (query.shape[-1] ** -0.5 if scale is None else scale)
    if mask is not None:
        scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask
    weights = np.exp(scores - np.nan_to_num(scores.max(axis=-1, keepdims=True), neginf=0))
    return weights / np.maximum(weights.sum(axis=-1, keepdims=True), np.finfo(weights.dtype).tiny)


@weights_exercise.another_way
def through_masked_softmax(query, key, mask=None, scale=None):
    scores = attention_scores(query, key, scale)
    return masked_softmax(scores, np.ones(scores.shape[-2:], dtype=bool) if mask is None else mask)


attention = lesson.code(
    scaled_dot_product_attention,
    cases(
        scaled_dot_product_attention,
        *scale_cases(scaled_dot_product_attention),
        *mask_cases(scaled_dot_product_attention, scaled=True),
        case(
            scaled_dot_product_attention,
            "all scores equal",
            small=True,
            stage="the sum over the values",
            query=lambda rng, s: np.zeros((s.q, s.d)),
        ),
        case(scaled_dot_product_attention, "values as wide as the keys", sizes={"v": 8}),
        case(scaled_dot_product_attention, "a square of everything", sizes={"q": 4, "k": 4, "d": 4, "v": 4}),
        case(
            scaled_dot_product_attention,
            "a mask on scores in the thousands",
            magnitude=60.0,
            stage="a mask on large scores",
            mask=lambda rng, s: np.tri(s.q, s.k, 2, dtype=bool),
        ),
    ),
)


@attention.mistake
def not_scaled(query, key, value, mask=None, scale=None):
    scores = query @ np.swapaxes(key, -1, -2)
    if scale is not None:
        scores = scores * scale
    return masked_softmax(scores, mask) @ value


@attention.mistake
def divided_by_d_not_its_square_root(query, key, value, mask=None, scale=None):
    return scaled_dot_product_attention(query, key, value, mask, 1 / query.shape[-1] if scale is None else scale)


@attention.mistake
def square_root_of_the_value_width(query, key, value, mask=None, scale=None):
    return scaled_dot_product_attention(
        query, key, value, mask, 1 / math.sqrt(value.shape[-1]) if scale is None else scale
    )


@attention.mistake
def square_root_of_the_key_count(query, key, value, mask=None, scale=None):
    return scaled_dot_product_attention(
        query, key, value, mask, 1 / math.sqrt(key.shape[-2]) if scale is None else scale
    )


@attention.mistake
def multiplied_by_the_square_root_of_d(query, key, value, mask=None, scale=None):
    return scaled_dot_product_attention(query, key, value, mask, math.sqrt(query.shape[-1]) if scale is None else scale)


@attention.mistake
def scale_argument_ignored(query, key, value, mask=None, scale=None):
    return scaled_dot_product_attention(query, key, value, mask, None)


@attention.mistake
def softmax_over_the_queries_instead_of_the_keys(query, key, value, mask=None, scale=None):
    scores = attention_scores(query, key, scale)
    if mask is not None:
        scores = hide(scores, mask, -np.inf)
    return softmax(scores, axis=-2) @ value


@attention.mistake
def scale_after_the_softmax(query, key, value, mask=None, scale=None):
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    return scaled_dot_product_attention(query, key, value, mask, 1.0) * scale


@attention.mistake
def mask_upside_down(query, key, value, mask=None, scale=None):
    if mask is not None:
        mask = ~mask if mask.dtype == bool else -mask
    return scaled_dot_product_attention(query, key, value, mask, scale)


@attention.mistake
def masked_scores_set_to_zero(query, key, value, mask=None, scale=None):
    scores = attention_scores(query, key, scale)
    if mask is not None:
        scores = scores * mask if mask.dtype == bool else np.where(np.isneginf(mask), 0, scores + mask)
    return softmax(scores) @ value


@attention.mistake
def masked_scores_set_to_minus_ten(query, key, value, mask=None, scale=None):
    scores = attention_scores(query, key, scale)
    return softmax(scores if mask is None else hide(scores, mask, -10.0)) @ value


@attention.mistake
def mask_after_the_softmax(query, key, value, mask=None, scale=None):
    weights = attention_weights(query, key, None, scale)
    if mask is not None:
        weights = weights * (mask if mask.dtype == bool else np.exp(mask))
    return weights @ value


@attention.mistake
def mask_after_the_softmax_then_renormalised(query, key, value, mask=None, scale=None):
    weights = attention_weights(query, key, None, scale)
    if mask is not None:
        weights = weights * (mask if mask.dtype == bool else np.exp(mask))
        total = weights.sum(axis=-1, keepdims=True)
        weights = weights / np.where(total == 0, 1, total)
    return weights @ value


@attention.mistake
def mask_ignored(query, key, value, mask=None, scale=None):
    return scaled_dot_product_attention(query, key, value, None, scale)


@attention.mistake
def empty_row_averages_the_values(query, key, value, mask=None, scale=None):
    scores = attention_scores(query, key, scale)
    if mask is not None:
        scores = np.where(mask, scores, -1e9) if mask.dtype == bool else np.maximum(scores + mask, -1e9)
    return softmax(scores) @ value


@attention.mistake
def empty_row_gives_nan(query, key, value, mask=None, scale=None):
    scores = attention_scores(query, key, scale)
    if mask is not None:
        scores = hide(scores, mask, -np.inf)
    exponentials = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True) @ value


@attention.mistake
def boolean_mask_added_to_the_scores(query, key, value, mask=None, scale=None):
    scores = attention_scores(query, key, scale)
    return softmax(scores if mask is None else scores + mask) @ value


@attention.mistake
def float_mask_read_as_a_boolean(query, key, value, mask=None, scale=None):
    return scaled_dot_product_attention(query, key, value, None if mask is None else mask.astype(bool), scale)


@attention.mistake
def no_softmax(query, key, value, mask=None, scale=None):
    scores = attention_scores(query, key, scale)
    return (scores if mask is None else hide(scores, mask, 0.0)) @ value


@attention.mistake
def softmax_twice(query, key, value, mask=None, scale=None):
    return softmax(attention_weights(query, key, mask, scale)) @ value


@attention.mistake
def weights_transposed(query, key, value, mask=None, scale=None):
    return np.swapaxes(attention_weights(query, key, mask, scale), -1, -2) @ value


@attention.mistake
def key_used_as_value(query, key, value, mask=None, scale=None):
    return scaled_dot_product_attention(query, key, key, mask, scale)


@attention.mistake
def only_the_best_key(query, key, value, mask=None, scale=None):
    scores = attention_scores(query, key, scale)
    scores = scores if mask is None else hide(scores, mask, -np.inf)
    return (scores == scores.max(axis=-1, keepdims=True)) / 1.0 @ value


@attention.mistake
def large_scores_overflow(query, key, value, mask=None, scale=None):
    scores = attention_scores(query, key, scale)
    exponentials = np.exp(scores if mask is None else hide(scores, mask, -np.inf))
    total = exponentials.sum(axis=-1, keepdims=True)
    return exponentials / np.where(total == 0, 1, total) @ value


@attention.mistake
def weights_returned_without_the_values(query, key, value, mask=None, scale=None):
    return attention_weights(query, key, mask, scale)


@attention.another_way
def with_two_einsums(query, key, value, mask=None, scale=None):
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    scores = np.einsum("...qd,...kd->...qk", query, key) * scale
    weights = softmax(scores) if mask is None else masked_softmax(scores, mask)
    return np.einsum("...qk,...kv->...qv", weights, value)


@attention.another_way
def divided_at_the_end(query, key, value, mask=None, scale=None):
    scores = query @ key.swapaxes(-1, -2) * (1 / math.sqrt(key.shape[-1]) if scale is None else scale)
    if mask is not None:
        scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask
    largest = scores.max(axis=-1, keepdims=True)
    exponentials = np.exp(scores - np.where(np.isneginf(largest), 0, largest))
    total = exponentials.sum(axis=-1, keepdims=True)
    return (exponentials @ value) / np.where(total > 0, total, 1)


@attention.another_way
def query_by_query(query, key, value, mask=None, scale=None):
    if query.ndim > 2:
        masks = np.broadcast_to(True if mask is None else mask, (*query.shape[:-1], key.shape[-2]))
        return np.stack([query_by_query(*one, scale) for one in zip(query, key, value, masks, strict=True)])
    rows = []
    masks = np.broadcast_to(True if mask is None else mask, (len(query), len(key)))
    for one, allowed in zip(query, masks, strict=True):
        scores = key @ one * (1 / math.sqrt(len(one)) if scale is None else scale)
        scores = np.where(allowed, scores, -np.inf) if allowed.dtype == bool else scores + allowed
        rows.append(softmax(scores) @ value)
    return np.array(rows)


class TwiceAsWide(np.random.Generator):
    """Every draw doubled: who does not draw from the rng that is given gives another number."""

    def __deepcopy__(self, memo):
        return TwiceAsWide(deepcopy(self.bit_generator, memo))

    def standard_normal(self, *args, **kwargs):
        return 2 * super().standard_normal(*args, **kwargs)

    def normal(self, *args, **kwargs):
        return 2 * super().normal(*args, **kwargs)

    def random(self, *args, **kwargs):
        return 2 * super().random(*args, **kwargs)


spread = lesson.code(
    dot_product_std,
    [
        *(
            case(dot_product_std, f"width {d}", d=d, trials=20_000, rng=lambda rng, s: np.random.default_rng(7))
            for d in (4, 16, 64)
        ),
        case(
            dot_product_std,
            "draws twice as wide",
            stage="draws from another rng",
            d=16,
            trials=20_000,
            rng=lambda rng, s: TwiceAsWide(np.random.PCG64(7)),
        ),
    ],
    tolerance=0.05,
)


@spread.mistake
def variance_instead_of_standard_deviation(d, trials, rng):
    return dot_product_std(d, trials, rng) ** 2


@spread.mistake
def uniform_draws(d, trials, rng):
    query, key = rng.random((2, trials, d))
    return np.std((query * key).sum(axis=-1))


@spread.mistake
def already_scaled(d, trials, rng):
    return dot_product_std(d, trials, rng) / math.sqrt(d)


@spread.mistake
def query_is_the_key(d, trials, rng):
    query = rng.standard_normal((trials, d))
    return np.std((query * query).sum(axis=-1))


@spread.mistake
def mean_instead_of_standard_deviation(d, trials, rng):
    query, key = rng.standard_normal((2, trials, d))
    return np.abs(np.mean((query * key).sum(axis=-1)))


@spread.mistake
def own_draws_instead_of_rng(d, trials, rng):
    return dot_product_std(d, trials, np.random.default_rng(0))


@spread.another_way
def root_of_the_mean_square(d, trials, rng):
    query = rng.normal(size=(trials, d))
    key = rng.normal(size=(trials, d))
    products = np.einsum("td,td->t", query, key)
    return math.sqrt(np.mean(products**2) - np.mean(products) ** 2)


lesson.debug("fix_attention", attention, not_scaled)
lesson.debug("fix_attention_weights", weights_exercise, mask_added_before_the_scale)
lesson.debug("fix_attention_scores", scores_exercise, key_reshaped_instead_of_transposed)

lesson.numeric(
    "score-flops",
    lambda: 2 * 1024 * 1024 * 64,
    multiplications_only=lambda: 1024 * 1024 * 64,
    width_forgotten=lambda: 1024 * 1024,
)
lesson.numeric(
    "score-bytes",
    lambda: 32 * 4096 * 4096 * 2,
    one_head_only=lambda: 4096 * 4096 * 2,
    numbers_not_bytes=lambda: 32 * 4096 * 4096,
)
lesson.numeric("score-std", lambda: 32, the_variance=lambda: 1024, entries_taken_to_spread_by_one=lambda: 8)
lesson.predict(
    "output-shape", lambda: (2, 3, 6), width_of_the_keys=lambda: (2, 3, 8), one_row_for_each_key=lambda: (2, 5, 6)
)
lesson.predict("identical-keys", lambda: "the mean of the values", the_first_key_wins=lambda: "the first value")
lesson.explain("why-scale", "dot-or-scaled", "dot-or-additive", "what-the-softmax-axis-means", "exploding-scores")
