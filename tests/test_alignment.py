"""Alignment: scores of a decoder's state against a memory, and the context they bring."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal

from attncore import loops
from attncore.alignment import additive_scores, align, concat_scores, dot_scores, general_scores, local_weights
from attncore.softmax import softmax

pytestmark = pytest.mark.filterwarnings("error")

every_leading = pytest.mark.parametrize("leading", [(), (2,), (2, 4)])
numbers = st.floats(-1e4, 1e4)


@pytest.fixture
def draw(rng):
    """Make arrays of the shapes asked for: state 3, memory 5 by 7, scores 6 wide inside."""

    def make(*shapes):
        return [rng.standard_normal(shape) for shape in shapes]

    return make


@every_leading
def test_additive_scores_are_their_loop(by_loop, draw, leading):
    inputs = draw((*leading, 3), (*leading, 5, 7), (6, 3), (6, 7), 6)
    assert_allclose(additive_scores(*inputs), by_loop(additive_scores, *inputs))


@every_leading
def test_dot_scores_are_their_loop(by_loop, draw, leading):
    inputs = draw((*leading, 7), (*leading, 5, 7))
    assert_allclose(dot_scores(*inputs), by_loop(dot_scores, *inputs))


@every_leading
def test_general_scores_are_their_loop(by_loop, draw, leading):
    inputs = draw((*leading, 3), (*leading, 5, 7), (3, 7))
    assert_allclose(general_scores(*inputs), by_loop(general_scores, *inputs))


@every_leading
def test_concat_scores_are_their_loop(draw, leading):
    state, memory, W, v = draw((*leading, 3), (*leading, 5, 7), (6, 10), 6)
    by_loop = np.vectorize(lambda s, m: np.array(loops.concat_scores(s, m, W, v)), signature="(s),(k,m)->(k)")
    assert_allclose(concat_scores(state, memory, W, v), by_loop(state, memory))


@every_leading
@pytest.mark.parametrize("half_width", [0.5, 1, 2.5])
def test_local_weights_are_their_loop(draw, rng, leading, half_width):
    (scores,), center = draw((*leading, 5)), rng.uniform(-1, 6, leading)
    by_loop = np.vectorize(lambda s, c: np.array(loops.local_weights(s, c, half_width)), signature="(k),()->(k)")
    assert_allclose(local_weights(scores, center, half_width), by_loop(scores, center))


@every_leading
def test_align_is_its_loop(by_loop, draw, leading):
    inputs = draw((*leading, 5), (*leading, 5, 7))
    assert_allclose(align(*inputs), by_loop(align, *inputs))


def test_the_leading_axes_broadcast(by_loop, draw):
    for function, inputs in [
        (additive_scores, draw((2, 1, 3), (4, 5, 7), (6, 3), (6, 7), 6)),
        (dot_scores, draw((2, 1, 7), (4, 5, 7))),
        (general_scores, draw((2, 1, 3), (4, 5, 7), (3, 7))),
        (align, draw((2, 1, 5), (4, 5, 7))),
    ]:
        assert_allclose(function(*inputs), by_loop(function, *inputs), err_msg=function.__name__)


def test_a_memory_for_many_centers(draw):
    (scores,) = draw(5)
    both = local_weights(scores, np.array([1.0, 3.5]), 1)
    assert_allclose(both, [local_weights(scores, 1.0, 1), local_weights(scores, 3.5, 1)])


def test_the_general_score_with_the_identity_is_the_dot_score(draw):
    state, memory = draw(7, (5, 7))
    assert_allclose(general_scores(state, memory, np.eye(7)), dot_scores(state, memory))


@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 4), st.integers(1, 4))
def test_the_concat_score_with_its_matrix_cut_in_two_is_the_additive_score(state, width, inner, n):
    rng = np.random.default_rng(3)
    s, memory = rng.standard_normal(state), rng.standard_normal((n, width))
    W, v = rng.standard_normal((inner, state + width)), rng.standard_normal(inner)
    expected = additive_scores(s, memory, W[:, :state], W[:, state:], v)
    assert_allclose(concat_scores(s, memory, W, v), expected)


def test_dot_scores_are_not_scaled():
    assert_array_equal(dot_scores([1, 2, 3, 4], [[1, 0, 0, 1], [0, 0, 0, 2]]), [5, 8])


def test_an_additive_score_by_hand():
    assert_allclose(additive_scores([0.5], [[1.0], [-1.0]], [[2.0]], [[3.0]], [10.0]), 10 * np.tanh([4.0, -2.0]))


@given(arrays(float, 5, elements=numbers), arrays(float, (5, 7), elements=numbers))
def test_the_context_lies_among_the_memory(scores, memory):
    context = align(scores, memory)
    assert np.all((context >= memory.min(axis=0) - 1e-6) & (context <= memory.max(axis=0) + 1e-6))


def test_equal_scores_give_the_mean_and_a_large_one_gives_its_own(draw):
    (memory,) = draw((5, 7))
    assert_allclose(align(np.full(5, 3.0), memory), memory.mean(axis=0))
    assert_allclose(align([0, 0, 1e4, 0, 0], memory), memory[2])


def test_local_weights_by_hand():
    bell = np.exp([-2.0, -0.5, 0, -0.5, -2.0])  # half width 2: a standard deviation of 1
    assert_allclose(local_weights(np.zeros(7), 3, 2), [0, *bell / 5, 0])


@given(arrays(float, 6, elements=numbers), st.floats(-3, 9), st.floats(0.1, 10))
def test_local_weights_stay_in_the_window_and_never_exceed_softmax_inside(scores, center, half_width):
    weights = local_weights(scores, center, half_width)
    inside = np.abs(np.arange(6) - center) <= half_width
    assert np.all(weights[~inside] == 0)
    assert np.all((weights >= 0) & (weights.sum() <= 1 + 1e-12))
    if inside.any():
        assert np.all(weights[inside] <= softmax(scores[inside]) + 1e-15)


def test_both_ends_of_the_window_are_inside_and_nothing_is_normalised_again():
    weights = local_weights(np.zeros(5), 2, 1)
    assert_array_equal(weights > 0, [False, True, True, True, False])
    assert_allclose(weights.sum(), (1 + 2 * np.exp(-2)) / 3)


@pytest.mark.parametrize("center", [-3, 9.5])
def test_a_window_beside_the_memory_gives_zeros(draw, center):
    assert_array_equal(local_weights(*draw(5), center, 2), np.zeros(5))


def test_a_wide_window_is_softmax(draw):
    (scores,) = draw(5)
    assert_allclose(local_weights(scores, 2.0, 1e9), softmax(scores))


def test_scores_of_ten_thousand_give_no_nan():
    scores = np.array([1e4, -1e4, 1e4, -1e4, -1e4])
    assert_allclose(align(scores, np.eye(5)), [0.5, 0, 0.5, 0, 0])
    assert_allclose(local_weights(scores, 2, 1), [0, 0, 1, 0, 0])
    huge = additive_scores([1e4], [[1e4], [-1e4]], [[1.0]], [[2.0]], [3.0])
    assert_array_equal(huge, [3, -3])


def test_a_float64_center_leaves_float32_scores_float32():
    assert local_weights(np.zeros(5, np.float32), np.float64(2.5), 2).dtype == np.float32


@pytest.mark.parametrize("half_width", [0, -1, np.nan])
def test_a_half_width_that_is_not_positive(half_width):
    with pytest.raises(ValueError) as error:
        local_weights(np.zeros(5), 2, half_width)
    assert str(error.value) == f"local_weights: half_width is {half_width}, expected a positive number"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: dot_scores(np.ones(3), np.ones((5, 7))),
            "dot_scores: memory has model width 7, but state has 3: state is (3,), memory is (5, 7)",
        ),
        (
            lambda: general_scores(np.ones(3), np.ones((5, 7)), np.ones((7, 3))),
            "general_scores: W has state width 7, but state has 3: state is (3,), memory is (5, 7), W is (7, 3)",
        ),
        (
            lambda: additive_scores(np.ones(3), np.ones((5, 7)), np.ones((6, 3)), np.ones((6, 7)), np.ones(4)),
            "additive_scores: v has score width 4, but W_state has 6: "
            "state is (3,), memory is (5, 7), W_state is (6, 3), W_memory is (6, 7), v is (4,)",
        ),
        (
            lambda: align(np.ones(4), np.ones((5, 7))),
            "align: memory has 5 on the key axis, but scores has 4: scores is (4,), memory is (5, 7)",
        ),
        (
            lambda: local_weights(np.ones((2, 5)), np.ones(3), 2),
            "local_weights: the leading axes do not broadcast: scores is (2, 5), center is (3,)",
        ),
    ],
)
def test_shapes_that_do_not_fit(call, message):
    with pytest.raises(ValueError) as error:
        call()
    assert str(error.value) == message


@pytest.mark.parametrize("width", [2, 11])
def test_a_joined_matrix_that_is_too_wide_or_too_narrow(width):
    with pytest.raises(ValueError) as error:
        concat_scores(np.ones(3), np.ones((5, 7)), np.ones((6, width)), np.ones(6))
    expected = f"concat_scores: W has joined width {width}, expected state width 3 + model width 7: "
    assert str(error.value).startswith(expected)
