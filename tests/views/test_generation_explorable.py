"""Generation: what is drawn as computed are the rows of the course's masks, and the counters count them."""

import numpy as np
import pytest
from javascript import assert_drawn_alike, script

from attncore.long_context import rolling_cache, sliding_window_mask
from attncore.masks import causal_mask
from attncore.views.explorables.generation import COLORS, generation

BEGINNINGS = [(4, 5, None, 1), (1, 1, None, 1), (3, 4, 2, 2), (6, 3, 1, 4), (2, 6, 5, 1)]


def call(function, *arguments):
    return script("generation").call(function, *arguments)


def drawn_at(state, step):
    """What the picture makes of each score in a step."""
    parts, n = call("picture", state | {"step": step}), state["prompt"] + state["steps"]
    kinds = {color: kind for kind, color in COLORS.items()}
    return np.array([[kinds[parts[f"score-{i}-{j}"]["fill"]] for j in range(n)] for i in range(n)])


def mask_of(state, step):
    return sliding_window_mask(state["prompt"] + step, state["window"])


@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_other_beginnings_are_drawn_alike(beginning):
    assert_drawn_alike(generation(*beginning))


@pytest.mark.parametrize("beginning", BEGINNINGS)
@pytest.mark.parametrize("cached", [True, False])
def test_a_step_computes_the_rows_of_the_mask(beginning, cached):
    state = generation(*beginning).state | {"cached": cached}
    n = state["prompt"] + state["steps"]
    for step in range(state["steps"] + 1):
        drawn = drawn_at(state, step)
        tokens, first = state["prompt"] + step, state["prompt"] + step - 1 if cached and step else 0
        block = drawn[first:tokens, :tokens]
        np.testing.assert_array_equal(block == "now", mask_of(state, step)[first:])
        assert np.isin(block, ["now", "hidden"]).all()
        assert not (drawn[:first] == "now").any()
        assert (drawn[tokens:] == "absent").all() and (drawn[:, tokens:] == "absent").all()
        np.testing.assert_array_equal(drawn[:first] == "before", sliding_window_mask(n, state["window"])[:first])


@pytest.mark.parametrize("beginning", BEGINNINGS)
@pytest.mark.parametrize("cached", [True, False])
def test_the_counters_count_what_the_masks_allow(beginning, cached):
    state = generation(*beginning).state
    computed = [mask_of(state, step)[-1 if cached and step else 0 :] for step in range(state["steps"] + 1)]
    for step, mask in enumerate(computed):
        expected = {"queries": len(mask), "keys": mask.any(axis=0).sum(), "scores": mask.sum()}
        assert call("sizes", state, step, cached) == expected
        so_far = computed[: step + 1]
        scores, vectors = sum(one.sum() for one in so_far), 2 * sum(len(one) for one in so_far)
        assert call("totals", state, step, cached) == [scores * state["layers"], vectors * state["layers"]]


def test_one_row_after_another_makes_the_causal_mask():
    state = generation(4, 5).state
    assert call("totals", state, 5, True)[0] == causal_mask(9).sum()


def test_a_window_leaves_in_the_cache_what_the_rolling_cache_keeps():
    state = generation(3, 4, 2).state
    for step in range(5):
        positions = np.arange(3.0 + step)[:, None]
        there = [call("held", state | {"step": step}, token) in ("now", "before") for token in range(7)]
        assert np.flatnonzero(there).tolist() == rolling_cache(positions, positions, 2)[0][:, 0].tolist()


def test_without_a_cache_nothing_is_kept():
    say = call("picture", generation().state | {"cached": False})["say"]
    assert say.startswith("Step 1: all 5 tokens again, 5 queries, 5 keys: 15 scores")
    assert say.endswith("Kept for the next step: nothing.")


def test_numbers_that_do_not_fit_are_named():
    for wrong, words in (
        ({"prompt_length": 0}, "prompt_length is 0, expected at least 1 and at most 11"),
        ({"steps": 9}, "steps is 9, expected at least 1 and at most 8"),
        ({"window": 0}, "window is 0, expected at least 1$"),
        ({"n_layers": 5}, "n_layers is 5, expected at least 1 and at most 4"),
    ):
        with pytest.raises(ValueError, match=words):
            generation(**wrong)
