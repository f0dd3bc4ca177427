"""The simplex: softmax at any temperature and mask, its entropy, and lines on which entropy is what they say."""

import numpy as np
import pytest
from javascript import assert_drawn_alike, script

from attncore.softmax import masked_softmax, temperature_for_entropy
from attncore.views.explorables import simplex as drawing
from attncore.views.explorables.simplex import simplex


def call(function, *arguments):
    return script("simplex").call(function, *arguments)


@pytest.mark.parametrize("hidden", [(False, False, False), (True, False, False), (True, False, True)])
@pytest.mark.parametrize("temperature", [0.01, 0.5, 1, 64])
def test_the_point_is_the_softmax(hidden, temperature):
    scores = np.array([[3.0, -2.5, 3.5]])
    expected = masked_softmax(scores / temperature, ~np.array([hidden]))[0]
    got = call("weightsAt", {"scores": scores[0].tolist(), "hidden": hidden}, temperature)
    np.testing.assert_allclose(got, expected, rtol=1e-12)


@pytest.mark.parametrize("bits", [0.4, 1.0, 1.5])
def test_entropy_is_that_of_the_lesson(bits):
    scores = np.array([2.0, 1.0, 0.0])
    state = {"scores": scores.tolist(), "hidden": [False] * 3}
    weights = call("weightsAt", state, temperature_for_entropy(scores, bits))
    assert call("entropy", weights) == pytest.approx(bits, abs=1e-9)
    assert drawing.entropy(np.array(weights)) == pytest.approx(bits, abs=1e-9)


@pytest.mark.parametrize("bits", drawing.LEVELS)
def test_a_line_has_the_entropy_that_it_says_or_is_a_side(bits):
    corners = np.vstack([np.array(drawing.CORNERS, dtype=float).T, np.ones(3)])
    for x, y in drawing.contour(bits):
        weights = np.linalg.solve(corners, [x, y, 1])
        on_a_side = weights.min() < 1e-9
        assert on_a_side or drawing.entropy(weights) == pytest.approx(bits, abs=1e-6)
        assert drawing.entropy(np.clip(weights, 0, 1)) >= bits - 1e-6


@pytest.mark.parametrize(
    "given",
    [
        {"scores": (-3, 4.5, 0)},
        {"function": lambda scores: [0.2, 0.3, 0.5]},
        {"function": lambda scores: np.exp(scores)},
    ],
    ids=["other scores", "other weights", "no weights at all"],
)
def test_other_beginnings_are_drawn_alike(given):
    assert_drawn_alike(simplex(**given))


def test_one_key_always_stays():
    drawn = call("picture", simplex().state | {"hidden": [True, False, True]})
    assert [drawn[f"hide-{key}"]["disabled"] for key in range(3)] == [False, True, False]
    assert "with key 0 and key 2 hidden" in drawn["say"]
    assert drawn["share-1"]["text"].endswith("= 1")
