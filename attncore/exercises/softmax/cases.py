"""What several exercises of this topic share."""

import math

import numpy as np

from attncore.exercises.exercise import case
from attncore.softmax import softmax

# Sentences of the prompts, word for word, wherever a function takes a mask, a scale or integers.
EMPTY_ROW = "A row with nothing allowed gives zeros, never NaN."
GIVEN_SCALE = "A given `scale` multiplies the scores in place of 1/sqrt(d)."
INTEGERS = "Integers become float64."


def vector_cases(empty_line):
    """softmax and log_softmax take an array of any shape along any axis; `empty_line` says what -inf alone gives."""

    def of(name, x, **more):
        return case(name, x=lambda rng, s: x if isinstance(x, np.ndarray) else rng.standard_normal(x), **more)

    return [
        of("three numbers", np.array([1.0, 2, 4])),
        of("two rows", np.array([[0.0, 1, 3], [-1, 2, 0.5]])),
        of("a square array", (4, 4)),
        of("more axes, all of other lengths", (2, 3, 5)),
        of("the first axis", np.array([[0.0, 1, 3], [-1, 2, 0.5]]), axis=0),
        of("an axis in the middle", (2, 3, 5), axis=1),
        of("the last axis but one", (2, 3, 5), axis=-2),
        of("the first of three axes", (2, 3, 5), axis=0),
        of("float32", (3, 5), dtype=np.float32),
        of("float32, larger scores", np.array([100.0, 101, 103]), dtype=np.float32),
        of("integers", np.array([[1, 2, 3], [3, 0, 1]]), promise=INTEGERS),
        of("very negative scores", np.array([-1000.0, -1001, -1003])),
        of("scores in the thousands", np.array([3000.0, 3001, 2999])),
        of("rows of very different size", np.array([[0.0, 1, 2], [2000, 2001, 2002]])),
        of("a score far below the others", np.array([0.0, -2000, 1])),
        of("a score far above the others", np.array([0.0, 3000, 1])),
        of("a high score in each of two rows", np.array([[0.0, 2000, 1], [1500, 0, -1]])),
        of("a score of -inf", np.array([0.0, -np.inf, 1])),
        of("a row of nothing but -inf", np.array([[0.0, 1, 2], [-np.inf, -np.inf, -np.inf]]), promise=empty_line),
    ]


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


def an_empty_float_row(rng, s):
    return np.where(an_empty_row(rng, s), 0.0, -np.inf)


def a_mask_for_each(*lead):
    """A mask maker whose leading axes all differ."""
    return lambda rng, s: np.stack([some_keys(rng, s) for _ in range(math.prod(lead))]).reshape(*lead, s.q, s.k)


def any_numbers(rng, s):
    """A float mask that hides one key of the first query and shifts the rest."""
    mask = np.round(rng.standard_normal((s.q, s.k)), 1)
    mask[0, 1] = -np.inf
    return mask


def a_few_keys(count):
    """A mask maker that allows each query this many keys, drawn anew for each query."""
    return lambda rng, s: np.argsort(rng.random((s.q, s.k)), axis=-1) < count


def mask_cases(scaled=False, far=60.0, **given):
    """The masks that every function with a mask must survive; with `scaled`, also beside a scale that is given.

    An empty row of the mask is a corner, and so is a given scale. `far` multiplies the arrays where hidden scores lie
    thousands above the allowed ones.
    """

    def of(name, mask, **more):
        return case(name, mask=mask, **more, **given)

    cases = [
        of("a boolean mask", some_keys, small=True),
        of("a mask for a batch", some_keys, lead=(2,)),
        of("one mask row for all queries", lambda rng, s: some_keys(rng, s)[:1]),
        of("a mask for each text of a batch", a_mask_for_each(2), lead=(2,)),
        of("a mask row for each text", lambda rng, s: a_mask_for_each(2)(rng, s)[:, :1], lead=(2,)),
        of("a mask for each text and head", a_mask_for_each(2, 4), lead=(2, 4)),
        of("a mask for each text, with heads", a_mask_for_each(2, 1), lead=(2, 4)),
        of("hidden scores far above the allowed ones", a_few_keys(1), small=True, magnitude=far),
        of("hidden scores far above, in a batch", a_few_keys(2), lead=(2,), magnitude=far),
        of("a float mask of 0 and -inf", minus_infinity, small=True),
        of("a float mask of any numbers", any_numbers, small=True),
        of("a float mask on a batch, in float32", any_numbers, lead=(2,), dtype=np.float32),
        of("everything hidden from one query", an_empty_row, small=True, promise=EMPTY_ROW),
        of("one text hidden whole", lambda rng, s: np.array([[[True]], [[False]]]), lead=(2,), promise=EMPTY_ROW),
        of("everything hidden by a float mask", an_empty_float_row, promise=EMPTY_ROW),
    ]
    if scaled:
        cases += [
            of("a boolean mask and a scale", some_keys, small=True, scale=0.3, promise=GIVEN_SCALE),
            of("a float mask and a scale", any_numbers, small=True, scale=0.3, promise=GIVEN_SCALE),
        ]
    return cases


def hide(scores, mask, value):
    """Masked scores with a value of one's own in the hidden places."""
    if mask.dtype == bool:
        return np.where(mask, scores, value)
    return scores + mask


def loss_cases(bad_targets):
    """Logits, and the class to be guessed at each place; `bad_targets` is what the prompt says of other targets."""

    def of(name, places, classes, lead=(), ignored=(), ignore=None, **more):
        def targets(rng, s):
            drawn = rng.integers(classes, size=(*lead, places))
            drawn.flat[list(ignored)] = -100 if ignore is None else ignore
            return drawn

        given = {} if ignore is None else {"ignore": ignore}
        return case(name, sizes={"t": places, "c": classes}, lead=lead, targets=targets, **given, **more)

    def by_hand(name, logits, targets, **more):
        return case(name, logits=lambda rng, s: np.array(logits), targets=lambda rng, s: np.array(targets), **more)

    rows = [[2.0, 1, 0], [0, 3, 1]]
    return [
        of("two places, three classes", 2, 3, small=True),
        of("three places, four classes", 3, 4, small=True),
        by_hand("the first class and the last", rows, [0, 2]),
        by_hand("one class wanted twice", rows, [1, 1]),
        of("a single place", 1, 5),
        of("as many places as classes", 4, 4),
        of("no two axes of one length", 5, 7),
        of("a batch of two", 3, 4, lead=(2,)),
        of("a batch of one", 3, 4, lead=(1,), small=True),
        of("two leading axes", 3, 5, lead=(2, 4)),
        of("float32", 5, 7, dtype=np.float32),
        of("a place that is ignored", 3, 4, ignored=[1], small=True),
        of("three of eight places ignored", 4, 5, lead=(2,), ignored=[1, 2, 3]),
        of("a text ignored whole", 3, 4, lead=(2,), ignored=[3, 4, 5]),
        of("ignored places in float32", 4, 5, lead=(2,), ignored=[0, 6, 7], dtype=np.float32),
        of("-1 is ignored", 4, 5, ignored=[0, 2], ignore=-1, small=True),
        by_hand("class 0 is ignored", [*rows, [1, 1, 3]], [1, 0, 2], ignore=0),
        by_hand("logits in the thousands", [[3000.0, 3001, 2999], [-2000, -2001, -2003]], [2, 0]),
        by_hand("a target far below the others", [[0.0, 2000, 1], [1, 0, 2]], [0, 2]),
        by_hand("a target far above the others", [[0.0, 40, 1], [1, 0, 2]], [1, 0]),
        by_hand("float32, larger logits", [[100.0, 0, 103], [1, 0, 2]], [1, 2], dtype=np.float32),
        by_hand("nothing to predict", rows, [-100, -100], promise=bad_targets),
        by_hand("a target beyond the last class", rows, [0, 3], promise=bad_targets),
        by_hand("a target below the first class", rows, [0, -1], promise=bad_targets),
        by_hand("a target too few", rows, [1], promise=bad_targets),
    ]


# A mask that allows what it should hide, as it happens to masks of both kinds: a boolean one is always turned over.
UPSIDE_DOWN = [
    lambda mask: ~mask if mask.dtype == bool else -mask,
    lambda mask: ~mask if mask.dtype == bool else np.where(mask == 0, -np.inf, 0),  # what is 0 is hidden
    lambda mask: ~mask if mask.dtype == bool else np.where(mask == 0, 0, -np.inf),  # what is not 0 is hidden
]
GUARDS = (1e-12, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5)  # what people add to a sum that may be zero


def masked_late(scores, mask, guard=0.0):
    """The weights of a mask that comes after the softmax, divided by the sum that is left of each row."""
    if mask is None:
        return softmax(scores)
    weights = softmax(scores) * (mask if mask.dtype == bool else np.exp(mask))
    return weights / (weights.sum(axis=-1, keepdims=True) + guard)


def zeroed_then_renormalized(scores, mask):
    """The weights of hidden scores that are set to 0, masked once more and divided by the sum that is left."""
    if mask is None:
        return softmax(scores)
    allowed = mask if mask.dtype == bool else mask > -np.inf
    weights = softmax(hide(scores, mask, 0.0) if mask.dtype == bool else np.where(allowed, scores + mask, 0)) * allowed
    return weights / (weights.sum(axis=-1, keepdims=True) + 1e-13)


def far_number_added(scores, mask):
    """The weights of hidden scores that keep their differences, a billion further down."""
    if mask is None:
        return softmax(scores)
    return softmax(scores + (np.where(mask, 0, -1e9) if mask.dtype == bool else mask))
