import copy
import math

import numpy as np
import pytest

import model as m


def params_of(seed=0):
    return m.initial(np.random.default_rng(seed))


def texts(seed=1, size=5):
    return m.batch(np.random.default_rng(seed), size)


def numeric(f, x, eps=1e-6):
    """Central differences of a scalar function that reads the array x."""
    g = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        old = x[i]
        x[i] = old + eps
        up = f()
        x[i] = old - eps
        down = f()
        x[i] = old
        g[i] = (up - down) / (2 * eps)
    return g


# --- data


@pytest.mark.parametrize("period", [2, 3, 4, 6, 12])
def test_batch_repeats(period):
    ids = m.batch(np.random.default_rng(0), 7, period)
    assert ids.shape == (7, 12)
    assert ids.min() >= 0 and ids.max() < 8
    assert np.array_equal(ids[:, period:], ids[:, :-period])


def test_batch_with_a_period_that_does_not_divide_the_length():
    ids = m.batch(np.random.default_rng(0), 3, period=5)
    assert ids.shape == (3, m.LENGTH)
    assert np.array_equal(ids[:, 5:], ids[:, :-5])


def test_targets_follow_the_inputs():
    ids = np.array([[3, 1, 4, 1] * 3])
    inputs, targets = m.inputs_and_targets(ids)
    assert inputs.tolist() == [[3, 1, 4, 1, 3, 1, 4, 1, 3, 1, 4]]
    assert targets.tolist() == [[-100, -100, -100, 3, 1, 4, 1, 3, 1, 4, 1]]
    assert ids.tolist() == [[3, 1, 4, 1] * 3]  # not written into


def test_initial_shapes_and_names():
    p = params_of()
    assert {name: value.shape for name, value in p.items()} == {
        "token": (8, 16),
        "position": (12, 16),
        "out": (16, 8),
        "query": (16, 16),
        "key": (16, 16),
        "value": (16, 16),
    }
    for value in p.values():
        assert 0.15 < value.std() < 0.35


def test_spread_of_the_start():
    for value in m.initial(np.random.default_rng()).values():
        assert value.std() == pytest.approx(1 / 4, rel=0.05)


# --- forward


def test_no_peeking():
    p = params_of()
    one = texts()[:, :-1]
    other = one.copy()
    other[:, 6:] = (other[:, 6:] + 1) % 8
    a, b = m.forward(p, one)[0], m.forward(p, other)[0]
    np.testing.assert_allclose(a[:, :6], b[:, :6])
    assert not np.allclose(a[:, 6:], b[:, 6:])


def test_the_present_is_attended():
    _, (_, _, _, _, weights, *_) = m.forward(params_of(), texts()[:, :-1])
    diagonal = np.diagonal(weights, axis1=1, axis2=2)
    assert (diagonal > 0).all()
    assert np.allclose(weights.sum(-1), 1)


def test_dropout_keeps_the_mean():
    rng = np.random.default_rng(0)
    _, saved = m.forward(params_of(), m.batch(rng, 2000)[:, :-1], 0.8, rng)
    dropped = saved[5]
    assert set(np.unique(dropped)) == {0.0, 1 / 0.8}
    assert abs(dropped.mean() - 1) < 0.01


def test_evaluation_has_no_chance_in_it():
    p = params_of()
    assert m.evaluate(p, texts()) == m.evaluate(p, texts()) == m.loss_and_gradients(p, texts())[0]


# --- loss


def test_loss_of_a_guess():
    targets = np.array([[1, -100, 7]])
    loss, d = m.cross_entropy(np.zeros((1, 3, 8)), targets)
    assert loss == pytest.approx(math.log(8))
    assert np.all(d[0, 1] == 0)
    assert d[0, 0, 1] == pytest.approx((1 / 8 - 1) / 2)
    assert d[0, 2, 0] == pytest.approx(1 / 16)


def test_gradient_of_the_loss_is_numerically_right():
    rng = np.random.default_rng(3)
    logits = rng.normal(size=(2, 4, 8))
    targets = rng.integers(8, size=(2, 4))
    targets[0, :2] = m.IGNORE
    _, d = m.cross_entropy(logits, targets)
    expected = numeric(lambda: m.cross_entropy(logits, targets)[0], logits)
    np.testing.assert_allclose(d, expected, atol=1e-8)


def test_nothing_is_asked():
    loss, d = m.cross_entropy(np.ones((1, 2, 8)), np.full((1, 2), m.IGNORE))
    assert loss == 0
    assert not d.any()


# --- gradients


@pytest.mark.parametrize("name", ["token", "position", "query", "key", "value", "out"])
def test_gradients(name):
    p, ids = params_of(2), texts(4, 3)
    _, gradients = m.loss_and_gradients(p, ids)
    expected = numeric(lambda: m.evaluate(p, ids), p[name])
    assert gradients[name].shape == p[name].shape
    np.testing.assert_allclose(gradients[name], expected, rtol=1e-4, atol=1e-8)


@pytest.mark.parametrize("name", ["value", "token"])
def test_gradients_with_dropout(name):
    p, ids = params_of(2), texts(4, 3)

    def run():
        return m.loss_and_gradients(p, ids, keep=0.6, rng=np.random.default_rng(12))

    expected = numeric(lambda: run()[0], p[name])
    np.testing.assert_allclose(run()[1][name], expected, rtol=1e-4, atol=1e-8)


def test_a_small_step_downhill_helps():
    p, ids = params_of(6), texts(7, 16)
    before, gradients = m.loss_and_gradients(p, ids)
    after = m.evaluate({name: p[name] - 0.01 * gradients[name] for name in p}, ids)
    length2 = sum((g**2).sum() for g in gradients.values())
    assert before - after == pytest.approx(0.01 * length2, rel=0.05)


# --- clip


def test_clip_shortens_to_the_limit():
    g = {"a": np.array([3.0, 0.0]), "b": np.array([[0.0, -4.0]])}
    clipped = clip(g, 2.5)
    assert clipped["a"] == pytest.approx([1.5, 0])
    assert clipped["b"] == pytest.approx(np.array([[0, -2.0]]))
    assert g["a"].tolist() == [3, 0]


def test_clip_leaves_short_ones_alone():
    g = {"a": np.array([0.3]), "b": np.array([-0.4])}
    assert clip(g, 1.0)["a"] == g["a"]
    assert clip(g, 1.0)["b"] == g["b"]


# --- schedule


def test_schedule():
    rates = [learning_rate(step, 60) for step in range(61)]
    assert rates[0] == pytest.approx(0.002)
    assert rates[9] == pytest.approx(0.02) == rates[10]
    assert rates[35] == pytest.approx(0.01)
    assert rates[60] == pytest.approx(0)
    assert all(a <= b for a, b in zip(rates[:10], rates[1:10]))
    assert all(a >= b for a, b in zip(rates[10:], rates[11:]))


def test_schedule_begins_and_ends_at_zero():
    assert learning_rate(0, 60) == 0
    assert learning_rate(59, 60) == pytest.approx(0, abs=1e-9)


# --- Adam


def test_first_step_has_the_length_of_the_rate():
    p = {"w": np.array([1.0, -2.0, 3.0])}
    adam = Adam(p, decay=0.0)
    adam.step(p, {"w": np.array([1e-3, -5.0, 700.0])}, 0.1)
    np.testing.assert_allclose(p["w"], [0.9, -1.9, 2.9], atol=1e-5)


def test_three_steps_of_adamw_by_the_book():
    w, mean, square = 0.5, 0.0, 0.0
    p = {"w": np.array([0.5])}
    adam = Adam(p, betas=(0.8, 0.95), eps=1e-6, decay=0.1)
    for t, g in enumerate([0.3, -1.2, 0.7], start=1):
        adam.step(p, {"w": np.array([g])}, 0.05)
        mean = 0.8 * mean + 0.2 * g
        square = 0.95 * square + 0.05 * g * g
        w -= 0.05 * 0.1 * w + 0.05 * mean / (1 - 0.8**t) / (math.sqrt(square / (1 - 0.95**t)) + 1e-6)
        assert p["w"][0] == pytest.approx(w, rel=1e-9)


def test_without_a_gradient_only_the_decay_acts():
    p = {"w": np.array([2.0, -4.0])}
    same = p["w"]
    Adam(p, decay=0.5).step(p, {"w": np.zeros(2)}, 0.1)
    assert p["w"] is same  # in place
    assert p["w"] == pytest.approx([1.9, -3.8])


# --- training


@pytest.fixture(scope="module")
def trained():
    return m.train(0)


def test_training_learns(trained):
    _, losses = trained
    assert len(losses) == 60
    assert losses[0] > 1.8
    assert losses[-1] < 0.5


def test_loss_goes_down_with_every_step(trained):
    losses = trained[1]
    assert all(later < earlier for earlier, later in zip(losses, losses[1:]))


def test_same_seed_same_run():
    one, other = m.train(3, steps=12), m.train(3, steps=12)
    assert one[1] == other[1]
    assert all(np.array_equal(one[0][name], other[0][name]) for name in one[0])
    assert m.train(4, steps=12)[1] != one[1]


UNSOUND = {
    "test_batch_with_a_period_that_does_not_divide_the_length",
    "test_spread_of_the_start",
    "test_nothing_is_asked",
    "test_schedule_begins_and_ends_at_zero",
    "test_loss_goes_down_with_every_step",
}
