"""Heads as bands: each as thick as its weight, and what is said of a word is what its row or its column holds."""

import re

import numpy as np
import pytest
from javascript import assert_drawn_alike, script

from attncore.recorded import recorded_maps
from attncore.softmax import softmax
from attncore.views.explorables.head_lines import LEAST, head_lines

LONG = recorded_maps()["The animal did not cross the street because it was too tired."]


def call(function, *arguments):
    return script("head_lines").call(function, *arguments)


def picture(state, **changes):
    return call("picture", state | changes)


def uneven(rng, h, n):
    return softmax(3 * rng.standard_normal((h, n, n)))


@pytest.mark.parametrize("made", [lambda: (LONG.tokens, LONG.maps[1]), lambda: (["one"], [[[1]]])], ids=["long", "one"])
def test_other_beginnings_are_drawn_alike(made):
    assert_drawn_alike(head_lines(*made()))


def test_a_band_is_as_thick_as_its_weight_and_the_bands_of_a_query_fill_the_height_of_one(rng):
    state = head_lines(list("abcd"), uneven(rng, 2, 4)).state
    weights = np.array(state["maps"][1])
    for query, row in enumerate(weights):
        drawn = call("rowOfBands", row, query, state["at"])
        assert [bool(band) for band in drawn] == (row >= LEAST).tolist()
        numbers = np.array([re.findall(r"-?[\d.]+", band) for band in drawn if band], dtype=float)
        high, to_high, to_low, low = numbers[:, [1, 7, 8, 14]].T
        for thick in (low - high, to_low - to_high):
            np.testing.assert_allclose(thick, state["at"]["thick"] * row[row >= LEAST], atol=0.02)
        assert low[-1] - high[0] == pytest.approx(state["at"]["thick"], abs=0.2)


def test_what_stands_beside_the_words_is_a_row_a_column_or_the_sums(rng):
    state = head_lines(list("abcd"), uneven(rng, 2, 4)).state
    weights = np.array(state["maps"][1])

    def beside(side, chosen):
        parts = picture(state, chosen=chosen)
        return [float(parts[f"{side}-{token}-says"]["text"]) for token in range(4)]

    np.testing.assert_allclose(beside("key", ["all", 0]), weights.sum(axis=0), atol=0.006)
    np.testing.assert_allclose(beside("key", ["query", 2]), weights[2], atol=0.006)
    np.testing.assert_allclose(beside("query", ["key", 3]), weights[:, 3], atol=0.006)


def test_a_word_says_where_it_looks_and_who_looks_at_it():
    state = head_lines().state | {"head": 4}
    told = [call("told", state | {"chosen": chosen}) for chosen in (["query", 1], ["key", 2])]
    assert told[0] == "“the” (token 1) looks at “cat” 0.88, “[CLS]” 0.06, “the” (token 1) 0.04"
    assert told[1].startswith("“cat” is looked at by “the” (token 1) 0.88, “[SEP]” 0.46, ")
    nobody = head_lines(["a", "b"], [[[1, 0], [1, 0]]]).state | {"chosen": ["key", 1]}
    assert call("told", nobody) == "Nobody looks at “b”"


def test_keys_walk_through_both_sides():
    assert call("stepped", ["all", 0], 0, 1, 8) == ["query", 0]
    assert call("stepped", ["query", 3], 0, 1, 8) == ["query", 4]
    assert call("stepped", ["query", 7], 1, 0, 8) == ["key", 7]
    assert call("stepped", ["key", 7], 0, 1, 8) == ["key", 7]


def test_arguments_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match="give both, or neither"):
        head_lines(["a", "b"])
    with pytest.raises(ValueError, match=r"maps has shape \(1, 2, 2\), expected \(1, 3, 3\)"):
        head_lines(list("abc"), np.eye(2)[None])
    with pytest.raises(ValueError, match="outside 0 to 1"):
        head_lines(["a", "b"], 2 * np.eye(2)[None])
    with pytest.raises(ValueError, match="names has 2 entries, expected one for each of the 1 heads"):
        head_lines(["a", "b"], np.eye(2)[None], ["one", "two"])
