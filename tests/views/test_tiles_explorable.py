"""Tiles: the sums end at exact attention, hidden tiles are never computed, and each number moved is counted."""

import numpy as np
import pytest
from javascript import assert_drawn_alike, script

from attncore.dot_product import scaled_dot_product_attention
from attncore.masks import causal_mask
from attncore.views.explorables import tiles as module
from attncore.views.explorables.tiles import BLOCKS, KEY, QUERY, VALUE, D, N, kind, tiles, walk

EACH = pytest.mark.parametrize("is_causal", [False, True])


@EACH
def test_every_step_is_drawn_alike(is_causal):
    explorable = tiles(is_causal)
    assert_drawn_alike(explorable)
    for step in range(len(walk(is_causal))):
        state = explorable.state | {"step": step}
        drawn = script("tiles").call("picture", state)
        assert drawn["say"] == module.spoken(state)
        assert drawn["cell-5-4"]["fill"] == module.COLORS[kind(state, 2, 2)]
        for name in "QKVO":
            for block in range(BLOCKS):
                assert drawn[f"{name}-{block}"]["fill"] == module.block_color(
                    state, name, block, module.finished(state)
                )
        assert [drawn[f"kept-{i}"]["text"] for i in range(3)] == module.kept(state)


@EACH
def test_the_outputs_are_those_of_attention(is_causal):
    query, key, value = (np.array(each, dtype=float) for each in (QUERY, KEY, VALUE))
    rows = [row for step in walk(is_causal) if step["output"] for row in step["output"]]
    expected = scaled_dot_product_attention(query, key, value, causal_mask(N) if is_causal else None)
    np.testing.assert_allclose(rows, expected, rtol=1e-12)


def test_what_moves():
    assert len(walk(True)) == BLOCKS * (BLOCKS + 1) // 2
    # each block of queries and outputs once, all keys and values once for each block of queries
    assert walk(False)[-1]["moved"] == 2 * N * D + BLOCKS * 2 * N * D
    # read Q and K, write S; read S, write P; read P and V, write O
    assert module.plain() == (2 * N * D + N * N) + 2 * N * N + (N * N + 2 * N * D)


def test_a_factor_shrinks_what_was_there_somewhere():
    factors = [factor for step in walk(False) for factor in step["factor"]]
    assert any(0 < factor < 1 for factor in factors)
