"""Lesson 19, its small circuit: a patch of the run itself changes nothing, and the path that it shows is the one."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from attncore.experiments.interpret import induction_experiment, patched_run, restored
from attncore.toy import start_toy, toy_logits, toy_maps
from attncore.views.paths import paths, reached


@pytest.fixture(scope="module")
def trained():
    weights, losses = induction_experiment(depths=(2,))
    return weights[2], losses[2]


def test_a_run_without_a_patch_is_the_toys(rng):
    weights, ids = start_toy(rng, n_ids=9), rng.integers(9, size=6)
    residuals, logits = patched_run(ids, weights)
    assert residuals.shape == (3, 6, 32)
    assert_allclose(logits, toy_logits(ids, weights))
    assert_allclose(patched_run(ids, weights, (1, 2, residuals[1, 2]))[1], logits)


def test_the_difference_moves_one_place_right_and_then_to_the_end(trained):
    weights, losses = trained
    assert np.mean(losses[-10:]) < 0.2 < losses[0]
    clean = np.resize(np.random.default_rng(1).permutation(20)[:7], 12)
    corrupted = clean.copy()
    corrupted[4] = next(i for i in range(20) if i not in clean)
    grid = restored(weights, clean, corrupted, clean[5], clean[2])
    assert grid.argmax(axis=-1).tolist() == [4, 5, 11]
    assert_allclose(grid.max(axis=-1), 1, atol=0.1)
    maps = toy_maps(clean, weights)[:, 0]
    assert maps[1, 11].argmax() == 5 and maps[0, 5].argmax() == 4


def test_a_path_goes_down_by_the_strongest_weight_and_by_the_residual():
    first, second = np.eye(4, k=-1), np.zeros((4, 4))
    second[3, 1] = 1
    assert [np.flatnonzero(row).tolist() for row in reached(np.stack([first, second]), 3)] == [
        [0, 1, 2, 3],
        [1, 3],
        [3],
    ]
    shown = paths(list("abcd"), np.stack([first, second]), 3, "Where from?")
    assert (
        "In layer 1, place 3 looks most at place 1 (1.00); in layer 0, place 1 looks most at place 0 (1.00)."
        in shown.alt
    )
