"""Curves by name, in a picture of their own."""

from xml.etree import ElementTree

import numpy as np

from attncore.views.plots import curves, loss_curves, texture
from attncore.views.tables import heat_map


def ticks(picture, axis):
    """What is written along an axis, from its start."""
    groups = [g for g in ElementTree.fromstring(picture.svg).iter() if g.get("id", "").startswith(f"{axis}tick_")]
    return ["".join("".join(group.itertext()).split()) for group in groups]


def test_the_words_tell_the_first_the_middle_and_the_last_value_of_each_line():
    picture = loss_curves({"scaled": [3.0, 1.5, 0.25], "not scaled": [3.0, 2.9, 2.8125, 2.75]}, "Which one learns?")
    assert picture.alt == (
        "Which one learns? Loss at the first, middle and last step: scaled: 3, 1.5, 0.25; not scaled: 3, 2.81, 2.75."
    )
    assert "<img" in picture.html


def test_a_long_training_says_that_its_curve_is_smoothed():
    picture = loss_curves({"one": np.linspace(3, 1, 60)}, "Does it learn?")
    assert "mean of ten steps" in picture.alt and "loss, mean of ten steps" in picture.svg


def test_a_line_may_have_an_x_of_its_own():
    accuracies = {"rotary": [1.0, 0.875]}
    at_lengths = curves(accuracies, "How far?", "length", "accuracy", x=[16, 128])
    assert at_lengths.alt == "How far? Accuracy at the first, middle and last length: rotary: 1, 0.875, 0.875."
    assert at_lengths.html != curves(accuracies, "How far?", "length", "accuracy").html


def test_counts_have_ticks_at_whole_numbers_alone():
    assert ticks(curves({"mean": [1.4, 3.1, 4.2]}, "What's left?", "key heads", "loss", [4, 2, 1]), "x") == [
        "1",
        "2",
        "4",
    ]
    assert all("." not in tick for tick in ticks(curves({"mean": [1.4, 3.1, 4.2]}, "T", "step", "loss"), "x"))


def test_logarithmic_axes_have_powers_for_ticks():
    tokens = [128, 256, 512]
    picture = curves({"a": [20.0, 300.0, 4e7]}, "What grows?", "tokens", "FLOPs", tokens, log="xy")
    assert ticks(picture, "x") == ["128", "256", "512"]
    assert ticks(picture, "y")[:3] == ["10", "100", "1,000"] and len(ticks(picture, "y")) == 8
    assert "20, 300, 4e+07" in picture.alt
    bytes_kept = curves({"P": [2.0**26, 2.0**36]}, "What's kept?", "tokens", "bytes", [1024, 2**20], log="xy")
    assert ticks(bytes_kept, "y") == [f"10{power}" for power in range(7, 12)] and "1,024" in ticks(bytes_kept, "x")


def test_what_is_not_a_number_leaves_a_gap_in_a_texture():
    picture = texture([[1.0, np.nan, -2.0]], "Where?", "column", "row")
    assert "from -2 to 2" in picture.alt


def test_a_heat_map_says_what_its_rows_and_columns_are():
    seen = heat_map(np.eye(2), ["a", "b"], ["c", "d"], "Who looks where?")
    assert (
        seen.alt
        == "Who looks where? Rows are queries, columns are keys. a looks most at c (1.00); b looks most at d (1.00)."
    )
    other = heat_map(np.eye(2), ["a", "b"], ["c", "d"], "How much?", rows="layers", columns="heads")
    assert (
        other.alt == "How much? Rows are layers, columns are heads. a is largest at c (1.00); b is largest at d (1.00)."
    )
