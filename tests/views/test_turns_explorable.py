"""Turns of rotary pairs: the script's frequencies are the course's, and what is said of unseen angles holds."""

import numpy as np
import pytest
from javascript import assert_drawn_alike, script

from attncore.views.explorables.turns import KINDS, frequencies, turned, turns, unseen

EACH = pytest.mark.parametrize("kind", KINDS)


@EACH
@pytest.mark.parametrize(
    "sizes", [{}, {"d": 8, "factor": 64, "trained": 512}, {"base": 500_000.0, "factor": 1}], ids=str
)
def test_other_kinds_are_drawn_alike(kind, sizes):
    assert_drawn_alike(turns(kind=kind, **sizes))


@EACH
def test_the_script_scales_as_the_course_does(kind):
    state = turns(kind=kind, factor=16).state
    np.testing.assert_allclose(script("turns").call("frequencies", state), frequencies(state), rtol=1e-12)
    np.testing.assert_allclose(script("turns").call("turned", state), turned(state), rtol=1e-12)


def test_which_pairs_meet_angles_that_they_never_saw():
    slow = turned(turns().state)[0] < 1
    assert slow.any() and not slow.all()
    assert (unseen(turns().state) == slow).all()
    assert not unseen(turns(kind="position interpolation").state).any()
    assert not unseen(turns(kind="YaRN").state).any()
    assert unseen(turns(kind="NTK-aware").state).sum() < slow.sum()
    assert not unseen(turns(factor=1).state).any()


@pytest.mark.parametrize(
    ("given", "says"),
    [({"kind": "magic"}, 'kind is "magic"'), ({"d": 7}, "d is 7"), ({"factor": 3}, "factor is 3")],
)
def test_what_cant_be_drawn_is_named(given, says):
    with pytest.raises(ValueError, match=says):
        turns(**given)
