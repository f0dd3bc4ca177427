"""The arrows: what their script computes is scaled dot-product attention, whatever is dragged."""

import re

import numpy as np
import pytest
from javascript import assert_drawn_alike, script

from attncore.dot_product import scaled_dot_product_attention
from attncore.views.explorables.arrows import arrows


@pytest.mark.parametrize("scale", [1.0, 0.7, 0.0, 5.0])
def test_they_attend(scale, rng):
    query, keys, values = rng.standard_normal((1, 2)), rng.standard_normal((3, 2)), rng.standard_normal((3, 2))
    state = {"query": query[0].tolist(), "keys": keys.tolist(), "values": values.tolist(), "scale": scale}
    expected = scaled_dot_product_attention(query, keys, values, None, scale)[0]
    np.testing.assert_allclose(script("arrows").call("attend", state)["output"], expected, rtol=1e-12)


@pytest.mark.parametrize(
    "given",
    [
        {"scale": 1},
        {"query": (0, 0), "keys": ((-3, -2.5), (0, 0), (5, 1)), "values": ((-1, -1), (0, 3), (9, 2))},
        {"function": lambda query, key, value: value[:1]},
        {"function": lambda query, key, value: np.array([[900.0, -900.0]])},
    ],
    ids=["a scale", "other numbers", "the learner's function", "far away"],
)
def test_other_beginnings_are_drawn_alike(given):
    assert_drawn_alike(arrows(**given))


def test_a_scale_is_handed_to_the_function():
    asked = []
    arrows(scale=0.25, function=lambda *given: asked.append(given))
    assert asked[0][3:] == (None, 0.25)


def test_the_learners_point_stays_in_the_picture():
    drawn = arrows(function=lambda query, key, value: np.array([[900.0, -900.0]])).svg
    x, y = map(float, re.search(r'transform="translate\((\S+) (\S+)\)" visibility="visible"', drawn).groups())
    assert 480 < x < 680
    assert 0 < y < 250


def test_the_learners_point_goes_when_something_moves():
    state = arrows(function=lambda query, key, value: value[:1]).state
    assert script("arrows").call("picture", state)["theirs"]["visibility"] == "visible"
    assert script("arrows").call("picture", state | {"theirs": None})["theirs"]["visibility"] == "hidden"
