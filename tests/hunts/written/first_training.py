# ruff: noqa: F821
import copy
import math

import model
import numpy as np
import pytest

B, N = 3, LENGTH - 1


def params_and_ids(seed=0):
    rng = np.random.default_rng(seed)
    params = {
        "token": rng.normal(0, 0.5, (TOKENS, WIDTH)),
        "position": rng.normal(0, 0.5, (LENGTH, WIDTH)),
        "out": rng.normal(0, 0.5, (WIDTH, TOKENS)),
        "query": rng.normal(0, 0.3, (WIDTH, WIDTH)),
        "key": rng.normal(0, 0.3, (WIDTH, WIDTH)),
        "value": rng.normal(0, 0.3, (WIDTH, WIDTH)),
    }
    return params, np.tile(rng.integers(TOKENS, size=(B, 4)), (1, 3))


def slope(f, array, place, h=1e-5):
    old = array[place]
    array[place] = old + h
    up = f()
    array[place] = old - h
    down = f()
    array[place] = old
    return (up - down) / (2 * h)


# texts


@pytest.mark.parametrize("period", [2, 3, 4, 6])
def test_batch_repeats(period):
    ids = batch(np.random.default_rng(0), 5, period)
    assert ids.shape == (5, LENGTH)
    assert (ids[:, period:] == ids[:, :-period]).all()
    assert ids.min() >= 0 and ids.max() < TOKENS


def test_batch_uses_every_token_and_rows_differ():
    ids = batch(np.random.default_rng(3), 200)
    assert set(ids.ravel()) == set(range(TOKENS))
    assert len({tuple(row) for row in ids.tolist()}) > 100


def test_batch_never_has_the_same_token_twice_in_a_period():
    ids = batch(np.random.default_rng(), 64)
    assert all(len(set(row[:4])) == 4 for row in ids.tolist())


def test_targets_are_the_next_tokens():
    ids = np.array([[1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4]])
    x, y = inputs_and_targets(ids)
    assert x.tolist() == [[1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3]]
    # the first that can be known is the 1 after 1 2 3 4
    assert y.tolist() == [[IGNORE, IGNORE, IGNORE, 1, 2, 3, 4, 1, 2, 3, 4]]
    assert ids.tolist() == [[1, 2, 3, 4] * 3]


# parameters


def test_initial_is_small_random_and_reproducible():
    a, b = initial(np.random.default_rng(5)), initial(np.random.default_rng(5))
    assert set(a) == {"token", "position", "out", "query", "key", "value"}
    for name in a:
        assert np.array_equal(a[name], b[name])
        assert 0.01 < a[name].std() < 0.6, name


def test_initial_loss_is_near_that_of_a_guess():
    params = initial(np.random.default_rng(6))
    ids = batch(np.random.default_rng(7), 64)
    assert abs(evaluate(params, ids) - math.log(TOKENS)) < 0.3


# forward


def test_forward_does_not_look_ahead():
    params, ids = params_and_ids()
    a, _ = forward(params, ids)
    other = ids.copy()
    other[:, 6:] = (other[:, 6:] + 1) % TOKENS
    b, _ = forward(params, other)
    assert np.allclose(a[:, :6], b[:, :6])
    assert not np.allclose(a[:, 6:], b[:, 6:])


def test_forward_against_loops():
    params, ids = params_and_ids(1)
    logits, _ = model.forward(params, ids)
    for b in range(B):
        x = params["token"][ids[b]] + params["position"]
        for i in range(LENGTH):
            q = x[i] @ params["query"]
            e = np.exp([q @ (x[j] @ params["key"]) / 4 for j in range(i + 1)])
            seen = sum(e[j] / e.sum() * (x[j] @ params["value"]) for j in range(i + 1))
            assert np.allclose(logits[b, i], (x[i] + seen) @ params["out"])


def test_dropout_keeps_the_mean():
    params, ids = params_and_ids(2)
    full, _ = forward(params, ids)
    rng = np.random.default_rng(0)
    mean = sum(forward(params, ids, 0.8, rng)[0] for _ in range(3000)) / 3000
    assert np.abs(mean - full).max() < 0.1


def test_dropout_share():
    params, ids = params_and_ids(2)
    # about half of the 576 numbers are dropped
    dropped = forward(params, ids, 0.5, np.random.default_rng())[1][5]
    assert abs((dropped == 0).mean() - 0.5) < 0.02


# loss


def test_cross_entropy_of_a_guess():
    loss, _ = cross_entropy(np.zeros((2, 5, TOKENS)), np.ones((2, 5), dtype=int))
    assert loss == pytest.approx(math.log(8))


def test_cross_entropy_counts_only_what_is_asked():
    rng = np.random.default_rng(8)
    logits, targets = rng.normal(size=(2, 4, TOKENS)), rng.integers(TOKENS, size=(2, 4))
    targets[0, :3] = IGNORE
    loss, d = cross_entropy(logits, targets)
    want = [
        math.log(np.exp(logits[b, i]).sum()) - logits[b, i, targets[b, i]]
        for b in range(2)
        for i in range(4)
        if targets[b, i] != IGNORE
    ]
    assert loss == pytest.approx(sum(want) / 5)
    assert (d[0, :3] == 0).all()


def test_gradient_of_cross_entropy():
    rng = np.random.default_rng(9)
    logits, targets = rng.normal(size=(2, 3, TOKENS)), rng.integers(TOKENS, size=(2, 3))
    targets[1, 0] = IGNORE
    _, d = cross_entropy(logits, targets)
    for place in np.ndindex(logits.shape):
        assert d[place] == pytest.approx(slope(lambda: cross_entropy(logits, targets)[0], logits, place), abs=1e-7)


# gradients


@pytest.mark.parametrize("keep", [1.0, 0.7])
@pytest.mark.parametrize("name", ["token", "position", "out", "query", "key", "value"])
def test_gradients_are_slopes(name, keep):
    params, ids = params_and_ids(4)

    def run():
        return loss_and_gradients(params, ids, keep, np.random.default_rng(1))

    gradient = run()[1][name]
    assert gradient.shape == params[name].shape
    for place in [(0, 0), (2, 5), (6, 3), (7, 7), (4, 1)]:
        assert gradient[place] == pytest.approx(slope(lambda: run()[0], params[name], place), rel=1e-4, abs=1e-7)


def test_gradient_check_tight():
    params, ids = params_and_ids(5)
    gradient = loss_and_gradients(params, ids)[1]["value"][3, 3]
    numeric = slope(lambda: evaluate(params, ids), params["value"], (3, 3), h=1e-2)
    assert abs(gradient - numeric) < 1e-9


def test_product_is_a_sum_over_everything():
    rng = np.random.default_rng(10)
    x, d = rng.normal(size=(4, 5, 2)), rng.normal(size=(4, 5, 3))
    assert np.allclose(model.product(x, d), sum(np.outer(x[b, n], d[b, n]) for b in range(4) for n in range(5)))


def test_evaluation_is_repeatable_and_without_dropout():
    params, ids = params_and_ids(6)
    first = evaluate(params, ids)
    assert evaluate(params, ids) == first
    assert loss_and_gradients(params, ids)[0] == pytest.approx(first)


# clipping and the schedule


class TestClip:
    GRADIENTS = {"a": np.array([3.0, 0.0]), "b": np.array([[0.0, 4.0]])}  # length 5 together

    def test_long_ones_get_one_common_factor(self):
        got = clip(self.GRADIENTS, 1.0)
        assert np.allclose(got["a"], [0.6, 0]) and np.allclose(got["b"], [[0, 0.8]])

    def test_short_ones_stay(self):
        got = clip(self.GRADIENTS, 5.5)
        assert np.allclose(got["a"], [3, 0]) and np.allclose(got["b"], [[0, 4]])


def test_rate_rises_then_falls():
    rates = np.array([learning_rate(s, 100) for s in range(100)])
    assert rates[:10] == pytest.approx(0.002 * np.arange(1, 11))
    assert rates.max() == pytest.approx(0.02)
    assert (np.diff(rates[10:]) < 0).all()
    assert learning_rate(55, 100) == pytest.approx(0.01)
    assert 0 <= rates[-1] < 1e-4


# Adam


def test_adam_two_steps_by_hand():
    p = {"w": np.array([1.0])}
    adam = Adam(p, betas=(0.5, 0.5), decay=0.0)
    adam.step(p, {"w": np.array([2.0])}, 0.1)
    # corrected mean 2, corrected square 4: a step of the rate
    assert p["w"][0] == pytest.approx(0.9)
    adam.step(p, {"w": np.array([-1.0])}, 0.1)
    # mean (0.5*1 - 0.5)/0.75 = 0, so nothing moves
    assert p["w"][0] == pytest.approx(0.9)


def test_adam_against_the_paper():
    rng = np.random.default_rng(12)
    p = {"w": rng.normal(size=(3, 2))}
    want, m, v = p["w"].copy(), 0, 0
    adam = Adam(p, betas=(0.9, 0.99), eps=1e-8, decay=0.1)
    for t in range(1, 6):
        g = rng.normal(size=(3, 2))
        before = g.copy()
        adam.step(p, {"w": g}, 0.05)
        assert np.array_equal(g, before)
        m, v = 0.9 * m + 0.1 * before, 0.99 * v + 0.01 * before**2
        want = want - 0.05 * (m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.99**t)) + 1e-8) + 0.1 * want)
    np.testing.assert_allclose(p["w"], want)


def test_adam_decay_is_decoupled_and_in_place():
    w = np.array([2.0, -3.0])
    p = {"w": w}
    Adam(p, decay=0.1).step(p, {"w": np.zeros(2)}, 0.5)
    assert p["w"] is w
    assert np.allclose(w, [1.9, -2.85])


# training


def test_training_learns_to_repeat():
    params, losses = train(0)
    assert len(losses) == 60
    assert losses[-1] < 0.8
    again = train(0)
    assert again[1] == losses
    assert all(np.array_equal(params[k], again[0][k]) for k in params)


def test_every_step_of_training_helps():
    _, losses = train(1, steps=40)
    best = copy.copy(losses)
    assert best == sorted(losses, reverse=True)


UNSOUND = {
    "test_batch_never_has_the_same_token_twice_in_a_period",  # tokens are drawn with repetition
    "test_dropout_share",  # flaky: one standard deviation is 0.02
    "test_gradient_check_tight",  # a step of 0.01 is too coarse for that
}
