"""Lesson 18: what its server, its tables of numbers and its pictures claim."""

import numpy as np
import pytest

from attncore.experiments.serving import (
    Request,
    first_token,
    outlier_experiment,
    prompt_seconds,
    serve,
    sums_in_parts,
    ten_requests,
)
from attncore.serving import BlockTable
from attncore.views.serving import block_map, timeline


@pytest.mark.parametrize("how", [{}, {"is_chunked": False}, {"budget": 128}, {"n_blocks": 520}])
def test_every_request_is_served_whole(how):
    served = serve(**how)
    for request in ten_requests():
        own = [bar for bar in served.bars if bar[0] == request.name]
        assert sum(kind == "decode" for *_, kind in own) == request.output - 1  # the prompt gave the first
        assert all(start >= request.arrival - 0.01 for _, start, _, _ in own)
    ends = [(start, end) for _, start, end, kind in served.bars if kind != "preempted"]
    assert all(a <= b for _, a, b, _ in served.bars) and sorted(ends) == ends


def test_chunks_take_away_the_pauses_and_little_else():
    whole, chunked = serve(is_chunked=False), serve(budget=512)
    assert max(chunked.gap.values()) < max(whole.gap.values()) / 10
    assert np.mean(list(chunked.ttft.values())) == pytest.approx(np.mean(list(whole.ttft.values())), rel=0.1)


def test_the_latest_gives_way_and_reads_again():
    served = serve(n_blocks=520)
    preempted = {name for name, _, _, kind in served.bars if kind == "preempted"}
    assert preempted and max(served.ttft.values()) > max(serve().ttft.values())


def test_a_pool_too_small_for_anybody():
    with pytest.raises(ValueError, match="too small"):
        serve([Request("a", 0.0, 100, 5)], n_blocks=2)


def test_a_chunk_needs_the_ridge():
    times = {chunk: prompt_seconds(chunk, 20_000) for chunk in (64, 128, 295, 2048)}
    assert times[64] > times[128] > 1.2 * times[295] and times[295] == pytest.approx(times[2048], rel=0.02)


def test_the_rule_gives_the_target_and_the_mistakes_do_not():
    p = first_token([[0.7, 0.2, 0.1]] * 2, [[0.5, 0.3, 0.2]] * 3)
    np.testing.assert_allclose(p["the rule"], p["the target"], atol=1e-12)
    assert np.abs(p["redrawn"] - p["the target"]).max() > 0.05


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_outliers_make_the_axis_matter(seed):
    errors = outlier_experiment(bits=(4,), seed=seed)
    by_token, by_channel = errors["keys with outliers, by token"][4], errors["keys with outliers, by channel"][4]
    assert by_token > 2 * by_channel
    assert errors["keys without, by token"][4] < 1.1 * errors["keys without, by channel"][4]


def test_sums_depend_on_their_parts():
    assert len(set(sums_in_parts().values())) == 4


def test_the_pictures_tell_what_they_show():
    served = serve()
    alt = timeline(served.bars, {r.name: r.arrival for r in ten_requests()}, "When?").alt
    assert "10 requests" in alt and "470 pieces of decode" in alt
    table = BlockTable(3, 2)
    table.append("a", 3)
    table.fork("a", "b")
    shown = block_map({name: table.slots(name) for name in "ab"}, 3, 2, "Who?")
    assert "holds a0, a1, b0, b1" in shown.alt and "a0 = b0" in shown.svg
