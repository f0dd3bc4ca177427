"""The state that fills, fades and overwrites: what the script computes is what the mathematics says."""

import numpy as np
import pytest
from javascript import assert_drawn_alike, script

from attncore.recurrent import decay_attention, gated_delta_rule
from attncore.views.explorables.state import KEYS, TOLD, VALUES, state


def walked(keys, values, decay, beta, subtract):
    given = {"keys": np.array(keys).tolist(), "values": list(values), "decay": decay, "beta": beta}
    return script("state").call("walk", given | {"subtract": subtract})


@pytest.mark.parametrize("subtract", [True, False])
@pytest.mark.parametrize("decay, beta", [(1, 1), (0.5, 1), (0.9, 0.25), (0, 0.5)])
def test_what_each_token_reads_is_the_rule(decay, beta, subtract):
    keys, values = np.array(KEYS, dtype=float), np.array(VALUES, dtype=float)
    rates, decays = np.full(5, beta), np.full(5, decay)
    rows = np.array([token["now"] for token in walked(KEYS, VALUES, decay, beta, subtract)])
    got = np.sum(keys * rows, axis=1)
    if subtract:
        expected = gated_delta_rule(keys, keys, values[:, None], rates, decays)
    else:
        expected = decay_attention(keys, keys, beta * values[:, None], decays)
    np.testing.assert_allclose(got, expected[:, 0], atol=1e-12)


def test_other_beginnings_are_drawn_alike():
    assert_drawn_alike(state(values=(1, -2, 3, 0.5, 7)))


def test_it_says_what_it_starts_with():
    assert state().alt.startswith(f"The state after token 5, {TOLD[4]}, is (2, 5.6, 6), with a decay of 1")
    for wrong in ({"keys": np.eye(3)}, {"values": (1, 2)}):
        with pytest.raises(ValueError):
            state(**wrong)
