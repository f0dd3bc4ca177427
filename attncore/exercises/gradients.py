"""Lesson 11: backward by hand, through softmax and through attention, and measured."""

import math

import numpy as np

from attncore.dot_product import attention_scores, attention_weights
from attncore.exercises.dot_product import scale_cases
from attncore.exercises.exercise import Case, Lesson, case, cases
from attncore.exercises.softmax import hide, mask_cases
from attncore.gradients import attention_backward, numerical_gradient, softmax_backward, sum_to
from attncore.softmax import softmax

lesson = Lesson("11_gradients")


def weights_case(name, lead=(), sharp=2.0, weights=None, **more):
    """A case whose weights are a softmax, or those that are given."""
    make = (lambda rng, s: softmax(sharp * rng.standard_normal((*lead, s.k)))) if weights is None else np.array(weights)
    return case(softmax_backward, name, lead=lead, weights=make, **more)


through_softmax = lesson.code(
    softmax_backward,
    [
        weights_case("a small example", weights=[0.2, 0.3, 0.5], small=True),
        weights_case("another small example", weights=[0.1, 0.6, 0.3], small=True),
        weights_case("no two axes of one length"),
        weights_case(
            "a batch of two",
            lead=(2,),
            small=True,
            weights=[[0.2, 0.3, 0.5], [0.1, 0.6, 0.3]],
            stage="more rows than one",
        ),
        weights_case("as many rows as keys", lead=(3,), small=True, stage="as many rows as keys"),
        weights_case("two leading axes", lead=(2, 4), stage="more rows than one"),
        weights_case("float32", dtype=np.float32),
        weights_case("a hidden key", weights=[0.4, 0.0, 0.6], small=True, stage="a weight of zero"),
        weights_case(
            "a row with nothing allowed",
            lead=(2,),
            weights=[[0.0, 0.0, 0.0], [0.2, 0.3, 0.5]],
            small=True,
            stage="a row of zeros",
        ),
        weights_case("a row that is decided", weights=[0.0, 1.0, 0.0], small=True, stage="a weight of one"),
        weights_case("nearly decided", sharp=12.0, lead=(3,), stage="weights close to one"),
    ],
)


@through_softmax.mistake
def only_the_slope_by_its_own_score(weights, d_weights):
    return weights * (1 - weights) * d_weights


@through_softmax.mistake
def nothing_subtracted(weights, d_weights):
    return weights * d_weights


@through_softmax.mistake
def plain_sum_subtracted(weights, d_weights):
    return weights * (d_weights - np.sum(d_weights, axis=-1, keepdims=True))


@through_softmax.mistake
def plain_mean_subtracted(weights, d_weights):
    return weights * (d_weights - np.mean(d_weights, axis=-1, keepdims=True))


@through_softmax.mistake
def sign_flipped(weights, d_weights):
    return weights * (np.sum(weights * d_weights, axis=-1, keepdims=True) - d_weights)


@through_softmax.mistake
def weights_left_out_in_front(weights, d_weights):
    return d_weights - np.sum(weights * d_weights, axis=-1, keepdims=True)


@through_softmax.mistake
def one_sum_for_all_rows(weights, d_weights):
    return weights * (d_weights - np.sum(weights * d_weights))


@through_softmax.mistake
def sum_over_the_queries(weights, d_weights):
    return weights * (d_weights - np.sum(weights * d_weights, axis=0, keepdims=True))


@through_softmax.mistake
def sum_without_keepdims(weights, d_weights):
    return weights * (d_weights - np.sum(weights * d_weights, axis=-1))


@through_softmax.mistake
def softmax_taken_again(weights, d_weights):
    return softmax_backward(softmax(weights), d_weights)


@through_softmax.mistake
def backward_of_log_softmax(weights, d_weights):
    return d_weights - weights * np.sum(d_weights, axis=-1, keepdims=True)


@through_softmax.another_way
def with_the_whole_jacobian(weights, d_weights):
    column = weights[..., None]
    jacobian = column * np.eye(weights.shape[-1]) - column * np.swapaxes(column, -1, -2)
    return np.squeeze(jacobian @ d_weights[..., None], axis=-1)


@through_softmax.another_way
def two_terms_with_einsum(weights, d_weights):
    own = np.einsum("...k,...k->...k", weights, d_weights)
    return own - weights * np.einsum("...k,...k->...", weights, d_weights)[..., None]


@through_softmax.another_way
def score_by_score(weights, d_weights):
    if np.ndim(weights) > 1:
        return [score_by_score(p, g) for p, g in zip(weights, d_weights, strict=True)]
    mean = sum(p * g for p, g in zip(weights, d_weights, strict=True))
    return [p * (g - mean) for p, g in zip(weights, d_weights, strict=True)]


def drawn(*shape):
    return lambda rng, s: rng.standard_normal([s[axis] if isinstance(axis, str) else axis for axis in shape])


def causal_and_two_ahead(rng, s):
    """Two masks for one text: with them its output has a leading axis that its inputs lack."""
    return np.stack([np.tri(s.q, s.k, ahead, dtype=bool) for ahead in (0, 2)])


def backward_case(name, stage="", **given):
    return case(attention_backward, name, stage=stage, **given)


BROADCAST = "an input that is broadcast"
through_attention = lesson.code(
    attention_backward,
    cases(
        attention_backward,
        backward_case("a square of everything", small=True, sizes={"q": 2, "k": 2, "d": 2, "v": 2}),
        backward_case("one key", small=True, sizes={"k": 1}),
        *(one for one in scale_cases(attention_backward) if one.name != "scores in the thousands"),
        backward_case(
            "scores in the thousands", "scores in the thousands", query=lambda rng, s: 2e3 * rng.random((s.q, s.d))
        ),
        *mask_cases(attention_backward, scaled=True),
        backward_case(
            "fewer queries than keys, causal", "a mask", mask=lambda rng, s: np.tri(s.q, s.k, s.k - s.q, dtype=bool)
        ),
        backward_case(
            "one key and value for a batch", BROADCAST, lead=(2,), key=drawn("k", "d"), value=drawn("k", "v")
        ),
        backward_case("one query for a batch", BROADCAST, lead=(2,), small=True, query=drawn("q", "d")),
        backward_case("a key axis of length one", BROADCAST, lead=(2, 4), key=drawn(2, 1, "k", "d")),
        backward_case("two masks for one text", BROADCAST, mask=causal_and_two_ahead, d_output=drawn(2, "q", "v")),
    ),
)


def back_to_scores(query, key, value, d_output, mask=None, scale=None):
    """The scale, the weights, and the gradient by the scaled scores: what most mistakes start from."""
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else float(scale)
    weights = attention_weights(query, key, mask, scale)
    return scale, weights, softmax_backward(weights, d_output @ np.swapaxes(value, -1, -2))


def back_to_inputs(weights, d_scores, query, key, value, d_output):
    """The three gradients, from the weights and the gradient by the scores before the scale."""
    d_query = d_scores @ key
    d_key = np.swapaxes(d_scores, -1, -2) @ query
    d_value = np.swapaxes(weights, -1, -2) @ d_output
    return sum_to(d_query, query.shape), sum_to(d_key, key.shape), sum_to(d_value, value.shape)


@through_attention.mistake
def weights_not_transposed_for_the_values(query, key, value, d_output, mask=None, scale=None):
    d_query, d_key, _ = attention_backward(query, key, value, d_output, mask, scale)
    return d_query, d_key, sum_to(attention_weights(query, key, mask, scale) @ d_output, value.shape)


@through_attention.mistake
def scores_not_transposed_for_the_keys(query, key, value, d_output, mask=None, scale=None):
    scale, weights, d_scores = back_to_scores(query, key, value, d_output, mask, scale)
    d_query, _, d_value = back_to_inputs(weights, d_scores * scale, query, key, value, d_output)
    return d_query, sum_to(d_scores @ query * scale, key.shape), d_value


@through_attention.mistake
def no_scale_on_the_way_back(query, key, value, d_output, mask=None, scale=None):
    _, weights, d_scores = back_to_scores(query, key, value, d_output, mask, scale)
    return back_to_inputs(weights, d_scores, query, key, value, d_output)


@through_attention.mistake
def scale_for_the_query_only(query, key, value, d_output, mask=None, scale=None):
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else float(scale)
    weights = attention_weights(query, key, mask, scale)
    d_value = np.swapaxes(weights, -1, -2) @ d_output
    d_weights = d_output @ np.swapaxes(value, -1, -2)
    d_scores = softmax_backward(weights, d_weights)
    d_query = scale * d_scores @ key
    d_key = np.swapaxes(d_scores, -1, -2) @ query
    return sum_to(d_query, query.shape), sum_to(d_key, key.shape), sum_to(d_value, value.shape)


@through_attention.mistake
def scale_for_the_key_only(query, key, value, d_output, mask=None, scale=None):
    unscaled, _, _ = no_scale_on_the_way_back(query, key, value, d_output, mask, scale)
    return unscaled, *attention_backward(query, key, value, d_output, mask, scale)[1:]


@through_attention.mistake
def scale_applied_twice(query, key, value, d_output, mask=None, scale=None):
    scale, weights, d_scores = back_to_scores(query, key, value, d_output, mask, scale)
    return back_to_inputs(weights, d_scores * scale**2, query, key, value, d_output)


@through_attention.mistake
def scale_for_the_values_too(query, key, value, d_output, mask=None, scale=None):
    scale, weights, d_scores = back_to_scores(query, key, value, d_output, mask, scale)
    return back_to_inputs(weights * scale, d_scores * scale, query, key, value, d_output)


@through_attention.mistake
def given_scale_ignored(query, key, value, d_output, mask=None, scale=None):
    return attention_backward(query, key, value, d_output, mask)


@through_attention.mistake
def weights_of_unscaled_scores(query, key, value, d_output, mask=None, scale=None):
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else float(scale)
    _, weights, d_scores = back_to_scores(query, key, value, d_output, mask, 1.0)
    return back_to_inputs(weights, d_scores * scale, query, key, value, d_output)


@through_attention.mistake
def gradients_of_query_and_key_swapped(query, key, value, d_output, mask=None, scale=None):
    d_query, d_key, d_value = attention_backward(query, key, value, d_output, mask, scale)
    return d_key, d_query, d_value


@through_attention.mistake
def sign_of_the_scores_flipped(query, key, value, d_output, mask=None, scale=None):
    d_query, d_key, d_value = attention_backward(query, key, value, d_output, mask, scale)
    return -d_query, -d_key, d_value


@through_attention.mistake
def only_the_diagonal_of_the_jacobian(query, key, value, d_output, mask=None, scale=None):
    scale, weights, _ = back_to_scores(query, key, value, d_output, mask, scale)
    d_scores = weights * (1 - weights) * (d_output @ np.swapaxes(value, -1, -2))
    return back_to_inputs(weights, d_scores * scale, query, key, value, d_output)


@through_attention.mistake
def row_sum_left_out(query, key, value, d_output, mask=None, scale=None):
    scale, weights, _ = back_to_scores(query, key, value, d_output, mask, scale)
    d_scores = weights * (d_output @ np.swapaxes(value, -1, -2))
    return back_to_inputs(weights, d_scores * scale, query, key, value, d_output)


@through_attention.mistake
def softmax_stepped_over(query, key, value, d_output, mask=None, scale=None):
    scale, weights, _ = back_to_scores(query, key, value, d_output, mask, scale)
    d_scores = d_output @ np.swapaxes(value, -1, -2)
    return back_to_inputs(weights, d_scores * scale, query, key, value, d_output)


@through_attention.mistake
def mask_ignored(query, key, value, d_output, mask=None, scale=None):
    return attention_backward(query, key, value, d_output, None, scale)


@through_attention.mistake
def mask_put_on_the_gradient_alone(query, key, value, d_output, mask=None, scale=None):
    scale, weights, d_scores = back_to_scores(query, key, value, d_output, None, scale)
    if mask is not None:
        d_scores = d_scores * (mask if mask.dtype == bool else np.isfinite(mask))
    return back_to_inputs(weights, d_scores * scale, query, key, value, d_output)


@through_attention.mistake
def nothing_allowed_gives_nan(query, key, value, d_output, mask=None, scale=None):
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else float(scale)
    scores = attention_scores(query, key, scale)
    scores = scores if mask is None else hide(scores, mask, -np.inf)
    exponentials = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights = exponentials / exponentials.sum(axis=-1, keepdims=True)
    d_scores = softmax_backward(weights, d_output @ np.swapaxes(value, -1, -2))
    return back_to_inputs(weights, d_scores * scale, query, key, value, d_output)


@through_attention.mistake
def large_scores_overflow(query, key, value, d_output, mask=None, scale=None):
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else float(scale)
    scores = attention_scores(query, key, scale)
    exponentials = np.exp(scores if mask is None else hide(scores, mask, -np.inf))
    total = exponentials.sum(axis=-1, keepdims=True)
    weights = exponentials / np.where(total == 0, 1, total)
    d_scores = softmax_backward(weights, d_output @ np.swapaxes(value, -1, -2))
    return back_to_inputs(weights, d_scores * scale, query, key, value, d_output)


@through_attention.mistake
def broadcast_axes_not_summed(query, key, value, d_output, mask=None, scale=None):
    scale, weights, d_scores = back_to_scores(query, key, value, d_output, mask, scale)
    d_scores = d_scores * scale
    return d_scores @ key, np.swapaxes(d_scores, -1, -2) @ query, np.swapaxes(weights, -1, -2) @ d_output


@through_attention.another_way
def with_the_row_sum_from_the_output(query, key, value, d_output, mask=None, scale=None):
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    weights = attention_weights(query, key, mask, scale)
    row_sum = np.sum(d_output * (weights @ value), axis=-1, keepdims=True)
    d_scores = weights * (d_output @ value.swapaxes(-1, -2) - row_sum)
    d_query = d_scores @ (scale * key)
    d_key = d_scores.swapaxes(-1, -2) @ (scale * query)
    d_value = weights.swapaxes(-1, -2) @ d_output
    return sum_to(d_query, query.shape), sum_to(d_key, key.shape), sum_to(d_value, value.shape)


@through_attention.another_way
def with_einsum(query, key, value, d_output, mask=None, scale=None):
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    weights = attention_weights(query, key, mask, scale)
    d_weights = np.einsum("...qv,...kv->...qk", d_output, value)
    mean = np.einsum("...qk,...qk->...q", weights, d_weights)
    d_scores = scale * weights * (d_weights - mean[..., None])
    d_query = np.einsum("...qk,...kd->...qd", d_scores, key)
    d_key = np.einsum("...qk,...qd->...kd", d_scores, query)
    d_value = np.einsum("...qk,...qv->...kv", weights, d_output)
    return sum_to(d_query, query.shape), sum_to(d_key, key.shape), sum_to(d_value, value.shape)


@through_attention.another_way
def query_by_query(query, key, value, d_output, mask=None, scale=None):
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    weights = attention_weights(query, key, mask, scale)
    leading = np.broadcast_shapes(weights.shape[:-2], value.shape[:-2], d_output.shape[:-2])
    wide = [np.broadcast_to(a, (*leading, *a.shape[-2:])) for a in (query, key, value, d_output, weights)]
    found = [np.zeros(a.shape) for a in wide[:3]]
    for place in np.ndindex(leading):
        queries, keys, values, d_outputs, rows = (a[place] for a in wide)
        d_query, d_key, d_value = (a[place] for a in found)
        for i, p in enumerate(rows):
            d_score = (np.diag(p) - np.outer(p, p)) @ values @ d_outputs[i] * scale
            d_query[i] = keys.T @ d_score
            d_key += np.outer(d_score, queries[i])
            d_value += np.outer(p, d_outputs[i])
    return [sum_to(mine, given.shape) for mine, given in zip(found, (query, key, value), strict=True)]


def sum_of_squares(x):
    return np.sum(x**2)


def sum_of_cubes(x):
    return np.sum(x**3)


def product_of_all(x):
    return np.prod(x)


def three_weights_times_8_0_4(x):
    return np.sum(softmax(x) * [8, 0, 4])


def a_billion_plus_the_sum_of_squares(x):
    return 1e9 + np.sum(x**2)


def measured_case(name, f, x, stage="", **eps):
    """A case of `numerical_gradient`, which takes a function and so has no shape line."""
    return Case(name, lambda: {"f": f, "x": np.array(x), **eps}, stage)


measured = lesson.code(
    numerical_gradient,
    [
        measured_case("a small example", sum_of_squares, [[0.5, -1.0, 2.0], [3.0, 0.1, -2.0]]),
        measured_case(
            "another small example", product_of_all, [2.0, -1.0, 3.0], "a function that ties entries together"
        ),
        measured_case("one entry", sum_of_cubes, [2.0]),
        measured_case("a loss behind softmax", three_weights_times_8_0_4, np.log([1.0, 2.0, 5.0]).round(3)),
        measured_case("three axes", sum_of_cubes, (np.arange(1.0, 25.0) / 8).reshape(2, 3, 4)),
        measured_case("a large step", sum_of_squares, [[1.0, -2.0], [0.5, 3.0]], "a step that is given", eps=0.1),
        measured_case(
            "a large step, entries tied together", product_of_all, [2.0, -1.0, 3.0], "a step that is given", eps=0.1
        ),
        measured_case(
            "a large number added to the loss",
            a_billion_plus_the_sum_of_squares,
            [1.0, -2.0, 0.5],
            "a step that is given",
            eps=0.1,
        ),
        measured_case("close to a minimum", sum_of_squares, [1e-4, -2e-4, 3e-4], "the error of the difference"),
        measured_case("integers", sum_of_squares, [[1, 2, 3], [4, -5, 6]], "integers"),
        measured_case("float32", sum_of_cubes, np.array([1.5, -0.7, 2.3], dtype=np.float32), "float32"),
    ],
    tolerance=1e-5,
)


@measured.mistake
def one_sided_difference(f, x, eps=1e-6):
    x = np.array(x, dtype=float)
    gradient = np.empty_like(x)
    for place in np.ndindex(x.shape):
        moved = x.copy()
        moved[place] += eps
        gradient[place] = (f(moved) - f(x)) / eps
    return gradient


@measured.mistake
def divided_by_one_step_instead_of_two(f, x, eps=1e-6):
    return 2 * numerical_gradient(f, x, eps)


@measured.mistake
def not_divided_by_the_step(f, x, eps=1e-6):
    return 2 * eps * numerical_gradient(f, x, eps)


@measured.mistake
def moved_entries_not_put_back(f, x, eps=1e-6):
    x = np.array(x, dtype=float)
    gradient = np.empty_like(x)
    for place in np.ndindex(x.shape):
        x[place] += eps
        above = f(x)
        x[place] -= 2 * eps
        below = f(x)
        gradient[place] = (above - below) / (2 * eps)
    return gradient


@measured.mistake
def all_entries_moved_at_once(f, x, eps=1e-6):
    x = np.asarray(x, dtype=float)
    return np.full(x.shape, (f(x + eps) - f(x - eps)) / (2 * eps))


@measured.mistake
def a_whole_row_moved_at_once(f, x, eps=1e-6):
    x = np.array(x, dtype=float)
    gradient = np.empty_like(x)
    for i in range(len(x)):
        above, below = x.copy(), x.copy()
        above[i] += eps
        below[i] -= eps
        gradient[i] = (f(above) - f(below)) / (2 * eps)
    return gradient


@measured.mistake
def moved_in_the_dtype_of_the_input(f, x, eps=1e-6):
    gradient = np.empty(x.shape)
    for place in np.ndindex(x.shape):
        above, below = x.copy(), x.copy()
        above[place] += np.array(eps).astype(x.dtype)
        below[place] -= np.array(eps).astype(x.dtype)
        gradient[place] = (f(above) - f(below)) / (2 * eps)
    return gradient


@measured.mistake
def result_kept_in_integers(f, x, eps=1e-6):
    return numerical_gradient(f, x, eps).astype(x.dtype)


@measured.mistake
def sign_turned_around(f, x, eps=1e-6):
    return -numerical_gradient(f, x, eps)


@measured.mistake
def given_step_ignored(f, x, eps=1e-6):
    return numerical_gradient(f, x)


@measured.mistake
def flattened_and_left_flat(f, x, eps=1e-6):
    return numerical_gradient(f, x, eps).ravel()


@measured.another_way
def with_a_stack_of_steps(f, x, eps=1e-6):
    x = np.asarray(x, dtype=float)
    steps = eps * np.eye(x.size).reshape(-1, *x.shape)
    differences = [f(x + step) - f(x - step) for step in steps]
    return np.reshape(differences, x.shape) / (2 * eps)


@measured.another_way
def four_points_a_place(f, x, eps=1e-6):
    x = np.asarray(x, dtype=float)
    gradient = np.zeros(x.size)
    for i in range(x.size):
        step = np.zeros(x.size)
        step[i] = eps
        step = step.reshape(x.shape)
        near, far = f(x + step) - f(x - step), f(x + 2 * step) - f(x - 2 * step)
        gradient[i] = (8 * near - far) / (12 * eps)
    return gradient.reshape(x.shape)


@measured.another_way
def slice_by_slice(f, x, eps=1e-6):
    """Each slice as a function of its own, down to single numbers; lists come back."""
    x = np.asarray(x, dtype=float)
    if x.ndim == 0:
        return (f(x + eps) - f(x - eps)) / (2 * eps)

    def with_slice(i):
        def g(part):
            moved = x.copy()
            moved[i] = part
            return f(moved)

        return g

    return [slice_by_slice(with_slice(i), x[i], eps) for i in range(len(x))]


lesson.debug("fix_softmax_backward", through_softmax, one_sum_for_all_rows)
lesson.debug("fix_attention_backward", through_attention, scale_for_the_query_only)
lesson.debug("fix_numerical_gradient", measured, moved_entries_not_put_back)

lesson.numeric(
    "weights-kept-bytes",
    lambda: 32 * 8192 * 8192 * 2,
    one_head_only=lambda: 8192 * 8192 * 2,
    numbers_not_bytes=lambda: 32 * 8192 * 8192,
    as_in_float32=lambda: 32 * 8192 * 8192 * 4,
)
lesson.numeric(
    "jacobian-bytes",
    lambda: 4096 * 4096 * 4096 * 2,
    for_one_row_only=lambda: 4096 * 4096 * 2,
    numbers_not_bytes=lambda: 4096**3,
)
lesson.numeric(
    "backward-flops-ratio",
    lambda: 14 / 6,
    nothing_computed_again=lambda: 12 / 6,
    the_forward_counted_in=lambda: 20 / 6,
    one_product_for_each_of_the_forward=lambda: 1,
    values_as_wide_as_the_keys=lambda: 2.5,
)
lesson.numeric(
    "best-step",
    lambda: (0.5e-16) ** (1 / 3),
    0.05,
    square_root_instead_of_cube_root=lambda: 1e-8,
    where_the_two_errors_are_equal=lambda: 1e-16 ** (1 / 3),
)
lesson.predict("jacobian-shape", lambda: (6, 6), only_the_diagonal=lambda: (6,))
lesson.predict(
    "gradient-of-the-total", lambda: "zeros", each_counted_by_itself=lambda: "ones", the_weights=lambda: "the weights"
)
lesson.predict(
    "hidden-score-gradient",
    lambda: "exactly zero",
    as_if_it_were_seen=lambda: "the same as without the mask",
    infinity_carried_back=lambda: "minus infinity",
)
lesson.explain(
    "derive-the-jacobian",
    "why-the-row-sum",
    "attention-backward-aloud",
    "recompute-the-weights",
    "gradient-when-saturated",
    "how-to-check-a-gradient",
)
