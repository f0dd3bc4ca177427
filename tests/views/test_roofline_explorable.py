"""The roofline: intensities by the course's own counts, dots on the roof, none over another."""

import numpy as np
import pytest
from javascript import assert_drawn_alike, script

from attncore.exercises import configurations
from attncore.shared_heads import kv_bytes_per_token
from attncore.views.explorables.roofline import (
    CARDS,
    GROUP,
    HEAD_WIDTH,
    HEADS,
    LATENT,
    ROTARY,
    STEM,
    across,
    hung,
    intensities,
    reached,
    ridge,
    roofline,
)

STATES = [{}, {"card": "B200", "batch": 1024, "tokens": 16}, {"card": "A100", "batch": 64, "tokens": 131_072}]
EACH = pytest.mark.parametrize("given", STATES, ids=str)


@EACH
def test_other_cards_and_batches_are_drawn_alike(given):
    assert_drawn_alike(roofline(**given))


@EACH
def test_the_script_counts_alike(given):
    state, page = roofline(**given).state, script("roofline")
    assert page.call("intensities", state) == pytest.approx(intensities(state["batch"], state["tokens"]))
    assert page.call("hung", state) == hung(state)
    assert page.call("reached", state, 10) == pytest.approx(reached(state, 10))


def test_decode_reads_each_cached_token_once_for_all_heads_that_share_it():
    found, d = intensities(1, 2048), HEAD_WIDTH
    scores_and_sum = 2 * HEADS * 2 * d  # operations with one cached token, all heads
    assert found["C"] == scores_and_sum / kv_bytes_per_token("mha", 1, HEADS, d)
    assert found["D"] == scores_and_sum / kv_bytes_per_token("gqa", 1, HEADS, d, HEADS // GROUP)
    in_latent = 2 * HEADS * (LATENT + ROTARY + LATENT)
    assert found["E"] == in_latent / kv_bytes_per_token("mla", 1, HEADS, d, 1, LATENT, ROTARY)


def test_a_prefill_that_writes_its_scores_moves_four_squares_more():
    n, d = 4096, HEAD_WIDTH
    flops, tiles = 4 * n * n * d, 2 * 4 * n * d
    found = intensities(1, n)
    assert found["F"] == flops / tiles
    assert found["G"] == flops / (tiles + 2 * 4 * n * n)


@pytest.mark.parametrize("batch", [1, 8, 256])
def test_no_dot_covers_another(batch):
    for tokens in (16, 512, 131_072):
        state = roofline(batch=batch, tokens=tokens).state
        places = {name: across(one) for name, one in intensities(batch, tokens).items()}
        levels = hung(state)
        for one in places:
            for other in places:
                apart = abs(places[one] - places[other]) >= STEM or levels[one] != levels[other]
                assert one == other or apart


def test_the_cards_are_those_of_the_questions():
    known = {card.name: (card.tflops, card.bandwidth) for card in configurations.CARDS}
    for name, rates in CARDS.items():
        np.testing.assert_allclose(np.array(rates) / 1e12, known[name])
    np.testing.assert_allclose(ridge(roofline().state), 295, atol=0.5)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"card": "abacus"}, 'card is "abacus"'),
        ({"batch": 3}, "batch is 3, expected a power"),
        ({"tokens": 8}, "tokens is 8"),
    ],
)
def test_what_isnt_there_is_named(given, says):
    with pytest.raises(ValueError, match=says):
        roofline(**given)
