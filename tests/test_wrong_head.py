"""One wrong head: where it is, what it shows, and that it can be found in the budget, on a network always here."""

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from attncore.exercises import find
from attncore.real_model import attention_maps, encode
from attncore.wrong_head import BUDGET, MISTAKES, Network, planted, small_encoder, wrong_head

TEXTS = ["the cat sat on the mat", "the river was wide, and the animal was tired."]
SEEDS = [given["seed"] for given in find("wrong-head").template.draw.every()]
MODEL = small_encoder()


def differ(one, other):
    return np.abs(one - other).max() > 1e-4


def test_the_healthy_network_is_the_lessons():
    healthy, _ = wrong_head(0, MODEL)
    assert_allclose(healthy.vectors(TEXTS), encode(MODEL, TEXTS), atol=1e-6)
    _, maps = attention_maps(MODEL, TEXTS[0])
    assert_allclose(healthy.map(TEXTS[:1], 3, 7)[0], maps[3, 7], atol=1e-6)


@pytest.mark.parametrize("mistake", range(len(MISTAKES)), ids=list(MISTAKES))
def test_a_mistake_changes_one_head_and_what_comes_after_it(mistake):
    layer, head = 2, 5
    healthy, suspect = Network(MODEL), Network(MODEL, (layer, head, mistake))
    for at in range(7):
        assert differ(healthy.reads(TEXTS, at), suspect.reads(TEXTS, at)) == (at > layer)
    wrong = [h for h in range(12) if differ(healthy.output(TEXTS, layer, h), suspect.output(TEXTS, layer, h))]
    assert wrong == [head]
    silent = [(layer, head)]
    assert not differ(healthy.vectors(TEXTS, silent), suspect.vectors(TEXTS, silent))


def test_no_two_mistakes_show_alike():
    outputs = [Network(MODEL, (2, 5, mistake)).output(TEXTS, 2, 5) for mistake in range(len(MISTAKES))]
    assert all(differ(one, other) for one, other in itertools.combinations(outputs, 2))


def test_padding_that_is_seen_shows_in_a_batch_alone():
    healthy, suspect = Network(MODEL), Network(MODEL, (2, 5, list(MISTAKES).index("padding isn't masked")))
    assert not differ(healthy.map(TEXTS[:1], 2, 5), suspect.map(TEXTS[:1], 2, 5))
    assert differ(healthy.map(TEXTS, 2, 5), suspect.map(TEXTS, 2, 5))


def test_the_suspect_counts_and_then_is_silent():
    healthy, suspect = wrong_head(0, MODEL, budget=2)
    suspect.map(TEXTS, 0, 0)
    suspect.vectors(TEXTS)
    assert suspect.left == 0
    with pytest.raises(ValueError, match="no query is left"):
        suspect.reads(TEXTS, 1)
    with pytest.raises(ValueError, match="expected a list of strings"):
        healthy.vectors(TEXTS[0])
    assert healthy.left == np.inf


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_drawn_can_be_found_in_the_budget(seed):
    """By halving: first the layers, then the heads of one; what's left of the budget is for the mistake."""
    healthy, suspect = wrong_head(seed, MODEL)
    same, other = 0, 6
    while other - same > 1:
        middle = (same + other) // 2
        if differ(healthy.reads(TEXTS, middle), suspect.reads(TEXTS, middle)):
            other = middle
        else:
            same = middle
    heads = list(range(12))
    while len(heads) > 1:
        half = heads[: len(heads) // 2]
        without = [(same, head) for head in half]
        gap = np.abs(healthy.vectors(TEXTS, without) - suspect.vectors(TEXTS, without)).max()
        heads = half if gap < 2e-6 else heads[len(half) :]
    assert (same, heads[0]) == planted(seed)[:2]
    assert suspect.left >= 2 and BUDGET == 10


def test_a_seed_draws_the_same_again_and_others_draw_others():
    assert planted(3) == planted(3)
    assert len({planted(seed) for seed in range(40)}) > 30
    assert {mistake for *_, mistake in map(planted, range(60))} == set(range(len(MISTAKES)))
    assert_array_equal(
        small_encoder().weights["embeddings.word_embeddings.weight"], MODEL.weights["embeddings.word_embeddings.weight"]
    )
