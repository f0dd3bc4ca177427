"""Lesson 02: softmax, its logarithm, its mask, its temperature."""

import math
from functools import wraps

import numpy as np

from attncore.exercises.exercise import Lesson, case, cases
from attncore.softmax import log_softmax, masked_softmax, softmax, temperature_for_entropy

lesson = Lesson("02_softmax")


def vector_cases(reference):
    """softmax and log_softmax take an array of any shape along any axis."""

    def of(name, x, **more):
        return case(
            reference, name, x=lambda rng, s: x if isinstance(x, np.ndarray) else rng.standard_normal(x), **more
        )

    return [
        of("three numbers", np.array([1.0, 2, 4])),
        of("two rows", np.array([[0.0, 1, 3], [-1, 2, 0.5]])),
        of("a square array", (4, 4)),
        of("more axes, all of other lengths", (2, 3, 5)),
        of("the first axis", np.array([[0.0, 1, 3], [-1, 2, 0.5]]), axis=0, stage="axis=0"),
        of("an axis in the middle", (2, 3, 5), axis=1, stage="another axis"),
        of("the last axis but one", (2, 3, 5), axis=-2, stage="another axis"),
        of("the first of three axes", (2, 3, 5), axis=0, stage="another axis"),
        of("float32", (3, 5), dtype=np.float32),
        of("float32, larger scores", np.array([100.0, 101, 103]), dtype=np.float32, stage="large scores in float32"),
        of("integers", np.array([[1, 2, 3], [3, 0, 1]]), stage="integers"),
        of("very negative scores", np.array([-1000.0, -1001, -1003]), stage="very negative scores"),
        of("scores in the thousands", np.array([3000.0, 3001, 2999]), stage="scores in the thousands"),
        of(
            "rows of very different size",
            np.array([[0.0, 1, 2], [2000, 2001, 2002]]),
            stage="rows of very different size",
        ),
        of("a score far below the others", np.array([0.0, -2000, 1]), stage="a score far below the others"),
        of("a score far above the others", np.array([0.0, 3000, 1]), stage="a score far above the others"),
        of("a score of -inf", np.array([0.0, -np.inf, 1]), stage="a score of -inf"),
        of("a row of nothing but -inf", np.array([[0.0, 1, 2], [-np.inf, -np.inf, -np.inf]]), stage="a row of -inf"),
    ]


vectors = lesson.code(softmax, vector_cases(softmax))


@vectors.mistake
def whole_array_normalised(x, axis=-1):
    exponentials = np.exp(x - np.max(x))
    return exponentials / exponentials.sum()


@vectors.mistake
def one_maximum_for_all_rows(x, axis=-1):
    exponentials = np.exp(x - np.max(x))
    return exponentials / exponentials.sum(axis=axis, keepdims=True)


@vectors.mistake
def no_maximum_subtracted(x, axis=-1):
    exponentials = np.exp(x)
    return exponentials / exponentials.sum(axis=axis, keepdims=True)


@vectors.mistake
def mean_subtracted_instead_of_the_maximum(x, axis=-1):
    exponentials = np.exp(x - np.mean(x, axis=axis, keepdims=True))
    return exponentials / exponentials.sum(axis=axis, keepdims=True)


@vectors.mistake
def sum_without_keepdims(x, axis=-1):
    exponentials = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return exponentials / exponentials.sum(axis=axis)


@vectors.mistake
def logarithm_returned(x, axis=-1):
    return log_softmax(x, axis)


@vectors.mistake
def divided_by_the_sum_without_exponential(x, axis=-1):
    return x / x.sum(axis=axis, keepdims=True)


@vectors.mistake
def base_two(x, axis=-1):
    return softmax(x * math.log(2), axis)


@vectors.mistake
def integer_dtype_kept(x, axis=-1):
    weights = np.zeros_like(x)
    weights[...] = softmax(x, axis)
    return weights


@vectors.mistake
def axis_ignored(x, axis=-1):
    return softmax(x)


@vectors.mistake
def nan_where_all_is_hidden(x, axis=-1):
    exponentials = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return exponentials / exponentials.sum(axis=axis, keepdims=True)


@vectors.mistake
def each_number_by_itself(x, axis=-1):
    return 1 / (1 + np.exp(-x))


@vectors.mistake
def smaller_numbers_weigh_more(x, axis=-1):
    return softmax(-x, axis)


@vectors.mistake
def hard_maximum(x, axis=-1):
    return (x == np.max(x, axis=axis, keepdims=True)) / 1.0


@vectors.another_way
def through_logaddexp(x, axis=-1):
    log_total = np.logaddexp.reduce(x, axis=axis, keepdims=True)
    return np.exp(x - np.where(np.isfinite(log_total), log_total, 0))


@vectors.another_way
def empty_rows_mended_afterwards(x, axis=-1):
    exponentials = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return np.nan_to_num(exponentials / exponentials.sum(axis=axis, keepdims=True))


@vectors.another_way
def one_line_at_a_time(x, axis=-1):
    def line(numbers):
        top = max(numbers)
        if top == -np.inf:
            return [0.0 for _ in numbers]
        exponentials = [math.exp(number - top) for number in numbers]
        return [e / sum(exponentials) for e in exponentials]

    return np.apply_along_axis(line, axis, np.asarray(x, dtype=float))


logs = lesson.code(log_softmax, vector_cases(log_softmax))


@logs.mistake
def logarithm_of_a_rounded_softmax(x, axis=-1):
    return np.log(softmax(x, axis))


@logs.mistake
def softmax_returned(x, axis=-1):
    return softmax(x, axis)


@logs.mistake
def overflow_in_the_sum(x, axis=-1):
    return x - np.log(np.exp(x).sum(axis=axis, keepdims=True))


@logs.mistake
def maximum_not_put_back(x, axis=-1):
    largest = np.max(x, axis=axis, keepdims=True)
    return x - np.log(np.exp(x - largest).sum(axis=axis, keepdims=True))


@logs.mistake
def logarithm_to_base_two(x, axis=-1):
    return log_softmax(x, axis) / math.log(2)


@logs.mistake
def sum_over_everything(x, axis=-1):
    return x - np.logaddexp.reduce(x, axis=None)


@logs.mistake
def always_the_last_axis(x, axis=-1):
    return log_softmax(x)


@logs.mistake
def sign_flipped(x, axis=-1):
    return -log_softmax(x, axis)


@logs.mistake
def nan_on_a_row_of_minus_infinity(x, axis=-1):
    shifted = x - np.max(x, axis=axis, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))


@logs.another_way
def minus_the_log_of_the_total(x, axis=-1):
    log_total = np.logaddexp.reduce(x, axis=axis, keepdims=True)
    return np.where(np.isneginf(log_total), -np.inf, x - log_total)


@logs.another_way
def number_by_number(x, axis=-1):
    def line(numbers):
        top = max(numbers)
        if top == -np.inf:
            return list(numbers)
        log_total = top + math.log(sum(math.exp(number - top) for number in numbers))
        return [number - log_total for number in numbers]

    return np.apply_along_axis(line, axis, np.asarray(x, dtype=float))


def some_keys(rng, s):
    """A boolean mask with at least one key allowed in every row."""
    mask = rng.random((s.q, s.k)) < 0.5
    mask[:, 0] = True
    return mask


def an_empty_row(rng, s):
    mask = some_keys(rng, s)
    mask[-1] = False
    return mask


def minus_infinity(rng, s):
    return np.where(some_keys(rng, s), 0.0, -np.inf)


def a_mask_for_each(*lead):
    """A mask maker whose leading axes all differ."""
    return lambda rng, s: np.stack([some_keys(rng, s) for _ in range(math.prod(lead))]).reshape(*lead, s.q, s.k)


def any_numbers(rng, s):
    """A float mask that hides one key of the first query and shifts the rest."""
    mask = np.round(rng.standard_normal((s.q, s.k)), 1)
    mask[0, 1] = -np.inf
    return mask


def mask_cases(reference, scaled=False, **given):
    """The masks that every function with a mask must survive; with `scaled`, also beside a scale that is given."""

    def of(name, stage, mask, **more):
        return case(reference, name, stage=stage, mask=mask, **more, **given)

    cases = [
        of("a boolean mask", "a mask", some_keys, small=True),
        of("a mask for a batch", "a mask", some_keys, lead=(2,)),
        of("one mask row for all queries", "a mask that broadcasts", lambda rng, s: some_keys(rng, s)[:1]),
        of("a mask for each text of a batch", "a mask for each text", a_mask_for_each(2), lead=(2,)),
        of(
            "a mask row for each text",
            "a mask for each text",
            lambda rng, s: a_mask_for_each(2)(rng, s)[:, :1],
            lead=(2,),
        ),
        of("a mask for each text and head", "a mask for each text", a_mask_for_each(2, 4), lead=(2, 4)),
        of("a mask for each text, with heads", "a mask for each text", a_mask_for_each(2, 1), lead=(2, 4)),
        of("a float mask of 0 and -inf", "a float mask", minus_infinity, small=True),
        of("a float mask of any numbers", "a float mask", any_numbers, small=True),
        of("a float mask on a batch, in float32", "a float mask", any_numbers, lead=(2,), dtype=np.float32),
        of("everything hidden from one query", "a row with nothing allowed", an_empty_row, small=True),
        of(
            "one text of a batch hidden whole",
            "a row with nothing allowed",
            lambda rng, s: np.array([[[True]], [[False]]]),
            lead=(2,),
        ),
        of(
            "everything hidden by a float mask",
            "a row with nothing allowed",
            lambda rng, s: np.where(an_empty_row(rng, s), 0.0, -np.inf),
        ),
    ]
    if scaled:
        cases += [
            of("a boolean mask and a scale", "a mask together with a scale", some_keys, small=True, scale=0.3),
            of("a float mask and a scale", "a mask together with a scale", any_numbers, small=True, scale=0.3),
        ]
    return cases


masked = lesson.code(
    masked_softmax,
    cases(
        masked_softmax,
        case(masked_softmax, "no mask at all", small=True, mask=None),
        case(masked_softmax, "nothing hidden", small=True, mask=lambda rng, s: np.ones((s.q, s.k), dtype=bool)),
        case(masked_softmax, "as many queries as keys", sizes={"q": 5}, mask=some_keys),
        *mask_cases(masked_softmax),
        case(
            masked_softmax,
            "the hidden score is by far the largest",
            stage="a hidden score that is very large",
            scores=lambda rng, s: np.array([[2000.0, 1, 2], [0, 3000, 1]]),
            mask=lambda rng, s: np.array([[False, True, True], [True, False, True]]),
        ),
        case(
            masked_softmax,
            "scores all very negative",
            stage="very negative scores",
            scores=lambda rng, s: np.array([[-2000.0, -2001, -2002], [-5000, -5001, -5003]]),
            mask=lambda rng, s: np.array([[False, True, True], [True, False, True]]),
        ),
        mask=some_keys,
    ),
)


def mask_may_be_none(function):
    """The wrong solutions below are wrong about masks, not about None."""

    @wraps(function)
    def unless_none(scores, mask):
        return function(scores, np.ones(scores.shape[-2:], dtype=bool) if mask is None else mask)

    return unless_none


def hide(scores, mask, value):
    """Masked scores with a value of one's own in the hidden places."""
    if mask.dtype == bool:
        return np.where(mask, scores, value)
    return scores + mask


@masked.mistake
@mask_may_be_none
def mask_upside_down(scores, mask):
    return masked_softmax(scores, ~mask if mask.dtype == bool else -mask)


@masked.mistake
@mask_may_be_none
def hidden_scores_set_to_zero(scores, mask):
    allowed = mask if mask.dtype == bool else mask > -np.inf
    return softmax(scores * allowed)


@masked.mistake
@mask_may_be_none
def hidden_scores_not_low_enough(scores, mask):
    return softmax(hide(scores, mask, -10.0))


@masked.mistake
def mask_after_the_softmax(scores, mask):
    weights = softmax(scores)
    if mask is None:
        return weights
    return weights * (mask if mask.dtype == bool else np.exp(mask))


@masked.mistake
@mask_may_be_none
def mask_after_the_softmax_then_renormalised(scores, mask):
    weights = softmax(scores) * (mask if mask.dtype == bool else np.exp(mask))
    total = weights.sum(axis=-1, keepdims=True)
    return weights / np.where(total == 0, 1, total)


@masked.mistake
@mask_may_be_none
def mask_ignored(scores, mask):
    return softmax(scores)


@masked.mistake
@mask_may_be_none
def empty_row_shares_equally(scores, mask):
    return softmax(hide(scores, mask, -1e9) if mask.dtype == bool else np.maximum(scores + mask, -1e9))


@masked.mistake
@mask_may_be_none
def empty_row_is_nan(scores, mask):
    hidden = hide(scores, mask, -np.inf)
    exponentials = np.exp(hidden - hidden.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


@masked.mistake
@mask_may_be_none
def boolean_mask_added_to_the_scores(scores, mask):
    return softmax(scores + mask)


@masked.mistake
@mask_may_be_none
def float_mask_read_as_a_boolean(scores, mask):
    return masked_softmax(scores, mask.astype(bool))


@masked.mistake
@mask_may_be_none
def softmax_over_the_queries(scores, mask):
    return softmax(hide(scores, mask, -np.inf), axis=-2)


@masked.another_way
def finite_scores_and_a_second_look(scores, mask):
    if mask is None:
        return softmax(scores)
    allowed = mask if mask.dtype == bool else ~np.isneginf(mask)
    shift = np.zeros(mask.shape) if mask.dtype == bool else np.where(allowed, mask, 0)
    weights = softmax(np.where(allowed, scores + shift, -1e30))
    return np.where(allowed.any(axis=-1, keepdims=True), weights, 0)


@masked.another_way
@mask_may_be_none
def a_finite_value_and_empty_rows_set_to_zero(scores, mask):
    allowed = mask if mask.dtype == bool else ~np.isneginf(mask)
    shift = np.where(allowed, 0.0, -1e30) if mask.dtype == bool else np.maximum(mask, -1e30)
    weights = softmax(scores.astype(float) + shift)
    return np.where(allowed.any(axis=-1, keepdims=True), weights, 0)


temperatures = lesson.code(
    temperature_for_entropy,
    [
        case(temperature_for_entropy, "three scores, one bit", scores=lambda rng, s: np.array([1.0, 2, 4]), bits=1.0),
        case(temperature_for_entropy, "almost certain", scores=lambda rng, s: np.array([1.0, 2, 4]), bits=0.05),
        case(temperature_for_entropy, "almost equal", scores=lambda rng, s: np.array([1.0, 2, 4, 0]), bits=1.99),
        case(temperature_for_entropy, "eight scores, two bits", sizes={"k": 8}, bits=2.0),
        case(
            temperature_for_entropy, "two equal scores on top", scores=lambda rng, s: np.array([3.0, 3, 1, 0]), bits=1.2
        ),
        case(
            temperature_for_entropy,
            "a common shift of ten thousand",
            scores=lambda rng, s: np.array([10001.0, 10002, 10004]),
            bits=1.0,
            stage="large scores",
        ),
        case(
            temperature_for_entropy,
            "scores in the thousands",
            scores=lambda rng, s: np.array([1e3, 2e3, 4e3]),
            bits=0.9,
            stage="scores in the thousands",
        ),
        case(temperature_for_entropy, "float32", sizes={"k": 8}, bits=1.5, dtype=np.float32),
    ],
    tolerance=1e-3,
)


@temperatures.mistake
def entropy_in_nats(scores, bits):
    return temperature_for_entropy(scores, min(bits / math.log(2), math.log2(len(scores)) - 1e-9))


@temperatures.mistake
def one_over_the_temperature(scores, bits):
    return 1 / temperature_for_entropy(scores, bits)


@temperatures.mistake
def perplexity_instead_of_bits(scores, bits):
    lowest = math.log2(np.sum(scores == scores.max()))
    return temperature_for_entropy(
        scores, min(max(math.log2(max(bits, 1e-9)), lowest + 1e-6), math.log2(len(scores)) - 1e-9)
    )


@temperatures.mistake
def entropy_as_a_share_of_the_largest(scores, bits):
    lowest, highest = math.log2(np.sum(scores == scores.max())), math.log2(len(scores))
    return temperature_for_entropy(scores, min(max(bits * highest, lowest + 1e-9), highest - 1e-9))


@temperatures.another_way
def search_in_the_open(scores, bits):
    scores = np.asarray(scores, dtype=float) - np.max(scores)
    low, high = 1e-6, 1e9
    while high / low > 1 + 1e-9:
        middle = math.sqrt(low * high)
        p = np.exp(scores / middle)
        p = p / p.sum()
        p = p[p > 0]
        if -(p * np.log2(p)).sum() < bits:
            low = middle
        else:
            high = middle
    return low


lesson.debug("fix_softmax", vectors, no_maximum_subtracted)
lesson.debug("fix_masked_softmax", masked, mask_after_the_softmax)

lesson.numeric(
    "overflow-float16", lambda: math.log(65504), the_largest_float16=lambda: 65504, base_ten=lambda: math.log10(65504)
)
lesson.numeric(
    "saturated-gradient", lambda: 0.99 * 0.01, the_weight_itself=lambda: 0.99, rounded_too_early=lambda: 0.01
)
lesson.numeric("uniform-entropy", lambda: 3, nats=lambda: math.log(8))
lesson.predict(
    "shifted-scores",
    lambda: "the doubling",
    only_the_adding=lambda: "the adding",
    both_of_them=lambda: "both",
    neither_of_them=lambda: "neither",
)
lesson.predict(
    "low-temperature", lambda: "hard lookup", the_other_end=lambda: "plain mean", nothing_left=lambda: "zero"
)
lesson.explain(
    "why-subtract-the-maximum",
    "what-temperature-does",
    "why-softmax-at-all",
    "row-with-nothing-allowed",
    "which-precision",
)
