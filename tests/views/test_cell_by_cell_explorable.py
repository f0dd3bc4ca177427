"""Cell by cell: every stage is the mathematics', masks too, and each entry names what made it."""

import numpy as np
import pytest
from javascript import assert_drawn_alike, script

from attncore.dot_product import attention_scores, attention_weights, scaled_dot_product_attention
from attncore.masks import causal_mask
from attncore.views.explorables.cell_by_cell import cell_by_cell

MASKS = {"none": None, "causal": causal_mask(3), "a row of nothing": np.array([[1, 0, 1], [0, 0, 0], [0, 1, 0]]) == 1}


def call(function, *arguments):
    return script("cell_by_cell").call(function, *arguments)


@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
def test_each_stage_is_the_mathematics(mask, rng):
    query, key, value = rng.standard_normal((3, 3, 2))
    got = call("stages", cell_by_cell(query, key, value, mask=mask).state)
    np.testing.assert_allclose(got["scores"], attention_scores(query, key, 1), rtol=1e-12)
    np.testing.assert_allclose(got["scaled"], attention_scores(query, key), rtol=1e-12)
    np.testing.assert_allclose(got["weights"], attention_weights(query, key, mask), rtol=1e-12)
    np.testing.assert_allclose(got["output"], scaled_dot_product_attention(query, key, value, mask), rtol=1e-12)


@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
@pytest.mark.parametrize("function", [None, lambda query, key, value, mask=None: value + 1], ids=["", "the learner's"])
def test_other_beginnings_are_drawn_alike(mask, function):
    assert_drawn_alike(cell_by_cell(mask=mask, function=function))


def test_an_entry_says_what_made_it():
    state = cell_by_cell(mask=causal_mask(3)).state
    assert call("made", state, ["scores", 1, 2])["line"] == "score of query 1 and key 2 = 0·(−1) + 1·1 = 1"
    assert call("made", state, ["scaled", 1, 0])["line"] == "scaled score of query 1 and key 0 = 1 · 0.71 = 0.71"
    assert call("made", state, ["weights", 1, 0])["too"] == "= 2.03 / (2.03 + 2.03) = 0.5"
    assert call("made", state, ["weights", 1, 2])["line"].endswith("hidden by the mask, so it gets nothing")
    made = call("made", state, ["output", 2, 1])
    assert made["line"] == "output of query 2, column 1 = 0.07·0 + 0.31·4 + 0.62·4 = 3.7"
    assert made["from"] == [["weights", 2, 0, 1, 3], ["value", 0, 1, 3, 1]]


def test_keys_walk_from_stage_to_stage_and_no_further():
    assert call("stepped", ["scores", 0, 2], 1, 0, 3) == ["scaled", 0, 0]
    assert call("stepped", ["output", 0, 0], -1, 1, 3) == ["weights", 1, 2]
    assert call("stepped", ["output", 2, 1], 1, 1, 3) == ["output", 2, 1]
    assert call("stepped", ["scores", 0, 0], -1, -1, 3) == ["scores", 0, 0]
    assert call("stepped", ["scaled", 0, 2], 1, 0, 1) == ["scaled", 0, 2], "the next stage isn't shown yet"
