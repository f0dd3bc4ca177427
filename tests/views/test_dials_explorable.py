"""The dials: hands as the course turns them, and a score that the distance alone decides."""

import numpy as np
import pytest
from javascript import assert_drawn_alike, script

from attncore.positions import apply_rotary
from attncore.views.explorables.dials import dials, score_at


def backwards(x, positions, base):
    return apply_rotary(x, -positions, base)


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({}, id="as it begins"),
        pytest.param({"positions": (0, 63)}, id="far apart"),
        pytest.param({"positions": (63, 0), "base": 10_000.0}, id="another base"),
        pytest.param({"function": backwards}, id="a wrong function"),
        pytest.param({"key": -np.arange(8.0)}, id="another key"),
    ],
)
def test_other_beginnings_are_drawn_alike(given):
    assert_drawn_alike(dials(**given))


def test_the_hands_are_turned_as_the_course_turns_them(rng):
    query, key = rng.standard_normal((2, 8))
    state = dials(query, key).state
    for place in (0, 1, 17, 63):
        got = script("dials").call("turned", state, query.tolist(), place)
        np.testing.assert_allclose(got, apply_rotary(query[None], np.array([place]), 100.0)[0], rtol=1e-9)


@pytest.mark.parametrize(("m", "n"), [(5, 2), (40, 37), (3, 0), (0, 60)])
def test_the_curve_is_the_score_at_any_two_positions_so_far_apart(rng, m, n):
    vectors = rng.standard_normal((2, 8))
    state = dials(*vectors).state
    turned = apply_rotary(vectors, np.array([m, n]), 100.0)
    assert score_at(state, m - n) == pytest.approx(turned[0] @ turned[1])
    assert script("dials").call("scoreAt", state, m - n) == pytest.approx(turned[0] @ turned[1])


def test_a_learners_hands_are_drawn_where_they_point():
    assert "apply_rotary" not in dials(function=apply_rotary).asked.told
    told = dials(function=backwards).asked.told
    assert told.startswith("backwards gives")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"positions": (1, 64)}, "positions are"),
        ({"query": (1, 2)}, "query has shape"),
        ({"base": 1}, "base is 1"),
    ],
)
def test_what_cant_be_drawn_is_named(given, says):
    with pytest.raises(ValueError, match=says):
        dials(**given)
