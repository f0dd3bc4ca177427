"""Curves by name, in a picture of their own."""

from attncore.views.plots import curves, loss_curves


def test_the_words_tell_the_first_the_middle_and_the_last_value_of_each_line():
    picture = loss_curves({"scaled": [3.0, 1.5, 0.25], "not scaled": [3.0, 2.9, 2.8125, 2.75]}, "Which one learns?")
    assert picture.alt == (
        "Which one learns? Loss at the first, middle and last step: scaled: 3, 1.5, 0.25; not scaled: 3, 2.81, 2.75."
    )
    assert "<img" in picture.html


def test_a_line_may_have_an_x_of_its_own():
    accuracies = {"rotary": [1.0, 0.875]}
    at_lengths = curves(accuracies, "How far?", "length", "accuracy", x=[16, 128])
    assert at_lengths.alt == "How far? Accuracy at the first, middle and last length: rotary: 1, 0.875, 0.875."
    assert at_lengths.html != curves(accuracies, "How far?", "length", "accuracy").html
