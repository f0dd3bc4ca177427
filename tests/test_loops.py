"""Every definition in loops.py gives the numbers of the function of its name, on the cases of its exercise."""

import numpy as np
import pytest
from answered import answered

from attncore import flash, loops, masks
from attncore.authoring.consistency import WITHOUT_LOOPS, definition_problems
from attncore.exercises import exercises, find

ROW_BY_ROW = {"softmax", "log_softmax", "layer_norm", "feed_forward", "softmax_backward"}  # a loop takes one row
ROW_BY_ROW |= {
    "online_softmax",
    "merge_partials",
    "combine_masks",
    "rms_norm",
    "swiglu",
    "layer_norm_backward",
    "dequantize",
}
WITH_LOOPS = [e for e in exercises if e.kind == "code" and e.id not in WITHOUT_LOOPS and not e.drive]


def as_lists(value):
    """Lists in the place of arrays; a function of arrays becomes one of lists."""
    if isinstance(value, tuple):
        return tuple(as_lists(part) for part in value)
    if callable(value):
        return lambda *given: as_lists(value(*(np.array(part) if isinstance(part, list) else part for part in given)))
    return value.tolist() if isinstance(value, np.ndarray) else value


def is_plain(exercise, given):
    """Has a case no leading axes and no mask that broadcasts or is added, which the loops do without?"""
    inputs = exercise.reference.contract.inputs
    own = {name: [axis for axis in array.axes if axis != "..."] for name, array in inputs.items()}
    mask = given.get("mask", given.get("memory_mask"))
    fits = mask is None or mask.dtype == bool and mask.ndim == 2 and 1 not in mask.shape
    return fits and all(np.ndim(given[name]) == len(axes) for name, axes in own.items() if axes and name in given)


def in_a_tuple(value):
    return value if isinstance(value, tuple) else (value,)


@pytest.mark.parametrize("exercise", [e for e in WITH_LOOPS if e.id not in ROW_BY_ROW], ids=lambda e: e.id)
def test_the_loop_gives_the_numbers_of_the_function(exercise):
    plain = [(case.name, given) for case in answered(exercise) if is_plain(exercise, given := case.make())]
    assert plain
    for name, given in plain:
        expected = in_a_tuple(exercise.reference(**given))
        got = in_a_tuple(getattr(loops, exercise.id)(**{key: as_lists(value) for key, value in given.items()}))
        for mine, right in zip(got, expected, strict=True):
            np.testing.assert_allclose(mine, right, rtol=1e-5, atol=1e-5, err_msg=name)


def test_one_row_in_pieces_and_one_query_in_parts():
    row, value = np.array([1.0, -np.inf, 3.0, 0.5]), np.arange(8.0).reshape(4, 2)
    chunks = [row[:2], row[2:]]
    np.testing.assert_allclose(loops.online_softmax(chunks), flash.online_softmax(chunks))
    left, right = (flash.attend_to_tile(row[None, cut], value[cut]) for cut in (slice(0, 2), slice(2, 4)))
    nothing = flash.attend_to_tile(np.full((1, 2), -np.inf), value[:2])
    for pair in ((left, right), (right, left), (nothing, left), (nothing, nothing)):
        merged = loops.merge_partials(*(tuple(part[0].tolist() for part in partial) for partial in pair))
        for mine, expected in zip(merged, flash.merge_partials(*pair), strict=True):
            np.testing.assert_allclose(mine, expected[0])


def test_masks_of_one_shape():
    causal, window = masks.causal_mask(4), np.eye(4) + np.eye(4, k=-1) > 0
    expected = masks.combine_masks(causal, None, window)
    assert loops.combine_masks(causal.tolist(), None, window.tolist()) == expected.tolist()
    assert loops.combine_masks(None) is None


def test_a_function_without_a_loop_is_noticed(monkeypatch):
    monkeypatch.delattr(loops, "causal_mask")
    assert list(definition_problems(find("causal_mask"))) == [
        "causal_mask: no definition in loops.py; write it there, one number at a time"
    ]
