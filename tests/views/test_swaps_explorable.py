"""The split of heads, number by number: where they are drawn is where `split_heads` and a reshape put them."""

import numpy as np
import pytest
from javascript import assert_drawn_alike, script

from attncore.heads import split_heads
from attncore.views.explorables.swaps import LEFT, swaps

SIZES = pytest.mark.parametrize("sizes", [(3, 2, 2), (4, 4, 1), (1, 1, 4), (2, 1, 3), (4, 2, 1)], ids=str)


def call(function, *given):
    return script("swaps").call(function, *given)


def every_other(x, n_heads):
    return np.moveaxis(x.reshape(len(x), -1, n_heads), -1, 0)


@SIZES
def test_other_sizes_are_drawn_alike(sizes):
    assert_drawn_alike(swaps(*sizes))
    assert_drawn_alike(swaps(*sizes, function=every_other))


@SIZES
def test_the_numbers_stand_where_numpy_puts_them(sizes):
    n, h, w = sizes
    x, state = np.arange(n * h * w, dtype=float).reshape(n, h * w), swaps(*sizes).state
    for side, expected in (("right", split_heads(x, h)), ("wrong", x.reshape(h, n, w))):
        for flat, place in enumerate(call("results", state)[side]):
            assert expected[tuple(place)] == flat
        assert call("order", state, side) == expected.ravel().tolist()
        for block in range(h):
            assert call("mixed", state, side, block) == np.unique(expected[block] // w % h).tolist()


@SIZES
@pytest.mark.parametrize("side", LEFT)
def test_no_number_lies_on_another_where_it_rests(sizes, side):
    for step in (0, 1, 2):
        places = call("places", swaps(*sizes).state, side, step)
        assert len(set(map(tuple, places))) == np.prod(sizes)


def test_a_reshape_moves_nothing_in_memory():
    state = swaps().state
    assert call("order", state, "wrong") == list(range(12))
    drawn = call("picture", state | {"step": 1})
    assert drawn["right-order"]["text"] == drawn["wrong-order"]["text"] == "read in order: 0 1 2 3 4 5 6 7 8 9 10 11"


def test_the_learners_split_is_drawn():
    right, other = swaps(function=lambda x, h: split_heads(x, h)), swaps(function=every_other)
    assert "Yours" in right.svg
    assert "block 1: head 1; block 0: head 0; block 1: head 1." in right.alt
    assert "block 0: heads 0 and 1" in other.alt
    assert swaps(function=lambda x, h: 0 * split_heads(x, h)).asked.told == (
        "<lambda> doesn't give every number of x once, so it can't be drawn."
    )


def test_what_is_too_large_is_named():
    with pytest.raises(ValueError, match="n_tokens is 5, expected 1 to 4"):
        swaps(5)
    with pytest.raises(ValueError, match="3 heads of 2 are 6 wide"):
        swaps(3, 3, 2)
