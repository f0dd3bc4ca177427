"""Measure a gradient."""

import numpy as np

from attncore.exercises.exercise import Case, code
from attncore.exercises.fixtures import (
    a_billion_plus_the_sum_of_squares,
    a_quarter_of_the_sum_of_squares,
    product_of_all,
    sum_of_cubes,
    sum_of_squares,
    three_weights_times_8_0_4,
)
from attncore.gradients import numerical_gradient


def measured_case(name, f, x, promise="", **eps):
    """A case of `numerical_gradient`, which takes a function."""
    return Case(name, lambda: {"f": f, "x": np.array(x), **eps}, promise)


IN_FLOAT64 = "Steps are taken in float64, even where x holds float32 or integers."
exercise = code(
    numerical_gradient,
    measured_case("a small example", sum_of_squares, [[0.5, -1.0, 2.0], [3.0, 0.1, -2.0]]),
    measured_case("another small example", product_of_all, [2.0, -1.0, 3.0]),
    measured_case("one entry", sum_of_cubes, [2.0]),
    measured_case("a loss behind softmax", three_weights_times_8_0_4, np.log([1.0, 2.0, 5.0]).round(3)),
    measured_case("three axes", sum_of_cubes, (np.arange(1.0, 25.0) / 8).reshape(2, 3, 4)),
    measured_case("a large step", sum_of_squares, [[1.0, -2.0], [0.5, 3.0]], eps=0.1),
    measured_case("a large step, entries tied together", product_of_all, [2.0, -1.0, 3.0], eps=0.1),
    measured_case("a large number added to the loss", a_billion_plus_the_sum_of_squares, [1.0, -2.0, 0.5], eps=0.1),
    measured_case("close to a minimum", sum_of_squares, [1e-4, -2e-4, 3e-4]),
    measured_case("integers", a_quarter_of_the_sum_of_squares, [[1, 2, 3], [4, -5, 6]], IN_FLOAT64, eps=0.125),
    measured_case("integers in a product", product_of_all, [2, -1, 3], IN_FLOAT64, eps=0.125),
    measured_case("float32", sum_of_cubes, np.array([1.5, -0.7, 2.3], dtype=np.float32), IN_FLOAT64, eps=1e-4),
    tolerance=1e-5,
)


@exercise.mistake("a one-sided difference")
def one_sided_difference(f, x, eps=1e-6):
    x = np.array(x, dtype=float)
    gradient = np.empty_like(x)
    for place in np.ndindex(x.shape):
        moved = x.copy()
        moved[place] += eps
        gradient[place] = (f(moved) - f(x)) / eps
    return gradient


@exercise.mistake("a one-sided difference, from below")
def one_sided_from_below(f, x, eps=1e-6):
    return one_sided_difference(f, x, -eps)


@exercise.mistake("divided by eps instead of 2 * eps")
def divided_by_one_step_instead_of_two(f, x, eps=1e-6):
    return 2 * numerical_gradient(f, x, eps)


@exercise.mistake("not divided by the step")
def not_divided_by_the_step(f, x, eps=1e-6):
    return 2 * eps * numerical_gradient(f, x, eps)


@exercise.mistake("entries that were moved are never put back")
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


@exercise.mistake("all entries are moved at once")
def all_entries_moved_at_once(f, x, eps=1e-6):
    x = np.asarray(x, dtype=float)
    return np.full(x.shape, (f(x + eps) - f(x - eps)) / (2 * eps))


@exercise.mistake("a whole row is moved at once")
def a_whole_row_moved_at_once(f, x, eps=1e-6):
    x = np.array(x, dtype=float)
    gradient = np.empty_like(x)
    for i in range(len(x)):
        above, below = x.copy(), x.copy()
        above[i] += eps
        below[i] -= eps
        gradient[i] = (f(above) - f(below)) / (2 * eps)
    return gradient


@exercise.mistake("the step is taken in x's own dtype")
def moved_in_the_dtype_of_the_input(f, x, eps=1e-6):
    gradient = np.empty(x.shape)
    for place in np.ndindex(x.shape):
        above, below = x.copy(), x.copy()
        above[place] = x[place] + eps
        below[place] = x[place] - eps
        gradient[place] = (f(above) - f(below)) / (2 * eps)
    return gradient


@exercise.mistake("the gradient is kept in x's own dtype")
def result_kept_in_integers(f, x, eps=1e-6):
    return numerical_gradient(f, x, eps).astype(x.dtype)


@exercise.mistake("the sign is flipped")
def sign_turned_around(f, x, eps=1e-6):
    return -numerical_gradient(f, x, eps)


@exercise.mistake("a given eps is ignored")
def given_step_ignored(f, x, eps=1e-6):
    return numerical_gradient(f, x)


@exercise.mistake("the gradient is left flattened")
def flattened_and_left_flat(f, x, eps=1e-6):
    return numerical_gradient(f, x, eps).ravel()


@exercise.mistake("the step is a share of the entry")
def the_step_is_a_share_of_the_entry(f, x, eps=1e-6):
    x = np.asarray(x, dtype=float)
    gradient = np.empty_like(x)
    for place in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[place] = eps * x[place]
        gradient[place] = (f(x + step) - f(x - step)) / (2 * eps)
    return gradient


@exercise.another_way
def with_a_stack_of_steps(f, x, eps=1e-6):
    x = np.asarray(x, dtype=float)
    steps = eps * np.eye(x.size).reshape(-1, *x.shape)
    differences = [f(x + step) - f(x - step) for step in steps]
    return np.reshape(differences, x.shape) / (2 * eps)


@exercise.another_way
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


@exercise.another_way
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
