"""The needle on its strip: what each scheme reads is what the lesson's functions select."""

import numpy as np
import pytest
from javascript import assert_drawn_alike, script

from attncore.sparse import best, mean_blocks
from attncore.views.explorables.needle import needle, weights_of


def call(function, *given):
    return script("needle").call(function, *given)


@pytest.mark.parametrize("given", [(), (32, 8, 31, 2.5), (9, 4, 0, 8), (12, 1, 5, 1), (8, 8, 3, 3)], ids=str)
def test_other_beginnings_are_drawn_alike(given):
    assert_drawn_alike(needle(*given))


@pytest.mark.parametrize("related", [False, True])
@pytest.mark.parametrize("place", [0, 5, 13, 31])
@pytest.mark.parametrize("score", [1, 4.5, 8])
def test_the_weights_are_those_of_the_functions(place, score, related):
    state = needle().state | {"place": place, "score": score, "related": related}
    np.testing.assert_allclose(call("weights", state), weights_of(state), rtol=1e-12)


def test_the_best_and_the_means_are_those_of_the_lesson():
    numbers = np.array([1.0, 3, 3, -2, 0.5, 3, 0])
    for count in (1, 2, 5, 9):
        assert call("best", numbers.tolist(), count) == best(numbers[None], count)[0].tolist()
        np.testing.assert_allclose(call("means", numbers.tolist(), count), mean_blocks(numbers[:, None], count)[:, 0])


def test_a_strong_needle_is_found_by_its_neighbors_or_by_itself():
    def found(**changed):
        state = needle().state | changed
        return (weights_of(state)[:, state["place"]] > 0.5).tolist()

    assert found(score=8) == [True, False, True, True]
    assert found(score=8, place=30)[1]
    weak = [weights_of(needle().state | {"score": 2.5, "place": place})[2, place] > 0 for place in range(32)]
    related = [
        weights_of(needle().state | {"score": 2.5, "place": place, "related": True})[2, place] > 0
        for place in range(32)
    ]
    assert sum(weak) < 20 < sum(related)


def test_what_does_not_fit_is_named():
    for given, message in [((40,), "n_keys is 40"), ((32, 4, 32), "place is 32"), ((32, 0), "block is 0")]:
        with pytest.raises(ValueError, match=message):
            needle(*given)
