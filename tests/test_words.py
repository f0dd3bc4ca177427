"""Words with real vectors."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from attncore.words import embed, tokens, vocabulary


def likeness(left, right):
    a, b = embed(f"{left} {right}")
    return a @ b / np.sqrt((a @ a) * (b @ b))


def test_the_words_of_a_text_are_in_lower_case():
    assert tokens("The  cat\nsat") == ["the", "cat", "sat"]


def test_a_row_for_each_word():
    rows = embed("The cat sat on the mat")
    assert rows.shape == (6, 384)
    assert rows.dtype == np.float64
    assert_array_equal(rows, [vocabulary()[word] for word in ("the", "cat", "sat", "on", "the", "mat")])


def test_one_word_is_one_row():
    assert embed("cat").shape == (1, 384)


def test_every_word_has_a_vector_of_its_own():
    rows = np.stack(list(vocabulary().values()))
    assert rows.shape == (len(vocabulary()), 384)
    assert np.isfinite(rows).all()
    assert len(np.unique(rows, axis=0)) == len(rows)


@pytest.mark.parametrize(
    ("word", "near", "far"),
    [("cat", "dog", "loan"), ("king", "queen", "bread"), ("paris", "france", "mat"), ("river", "water", "coffee")],
)
def test_words_that_mean_alike_have_vectors_that_look_alike(word, near, far):
    assert likeness(word, near) > likeness(word, far) + 0.05


def test_writing_into_the_rows_leaves_the_vocabulary_alone():
    before = embed("cat").copy()
    embed("cat")[:] = 0
    assert_array_equal(embed("cat"), before)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("the catt sat", 'no vector for "catt"; the nearest word that has one is "cat"'),
        ("The cat sat on the mat.", 'no vector for "mat."; the nearest word that has one is "mat"'),
        ("the xylophone", 'no vector for "xylophone"'),
    ],
)
def test_an_unknown_word_is_told_the_nearest(text, message):
    with pytest.raises(ValueError) as error:
        embed(text)
    assert str(error.value) == message
