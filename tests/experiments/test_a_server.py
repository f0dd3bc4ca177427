"""Lesson 18: what its server, its tables of numbers and its pictures claim."""

from itertools import pairwise

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
from attncore.views.serving import block_map

HOW = [
    {},
    {"is_chunked": False},
    {"budget": 64},
    {"n_blocks": 540},
    {"n_blocks": 540, "is_chunked": False},
    {"n_blocks": 510, "budget": 4096},
]


@pytest.mark.parametrize("how", HOW, ids=str)
def test_every_request_is_served_whole(how):
    steps = serve(**how).steps
    for request in ten_requests():
        times_sent = sum(request.name in step.preempted for step in steps)
        written = 1 + sum(request.name in step.decode for step in steps)  # the prompt gave the first
        assert request.output - times_sent <= written <= request.output  # read again, it writes the next
        own = [step for step in steps if request.name in {*step.prefill, *step.decode}]
        assert own[0].start >= request.arrival
        read = sum(step.prefill.get(request.name, 0) for step in own)
        assert read > request.prompt if times_sent else read == request.prompt
    assert all(one.start < one.end <= other.start for one, other in pairwise(steps))


@pytest.mark.parametrize("how", HOW, ids=str)
def test_a_step_keeps_to_its_budget_and_the_pool(how):
    for step in serve(**how).steps:
        assert step.blocks <= how.get("n_blocks", 4000)
        if how.get("is_chunked", True):
            assert len(step.decode) + sum(step.prefill.values()) <= how.get("budget", 512)
        else:
            assert not (step.decode and step.prefill) and len(step.prefill) <= 1


def test_chunks_take_away_the_pauses_and_little_else():
    whole, chunked = serve(is_chunked=False), serve(budget=512)
    assert max(chunked.gap.values()) < max(whole.gap.values()) / 10
    assert np.mean(list(chunked.ttft.values())) == pytest.approx(np.mean(list(whole.ttft.values())), rel=0.1)


def test_the_latest_gives_way_and_reads_again_with_what_it_had_written():
    served = serve(n_blocks=540)
    place, sent = next((place, step) for place, step in enumerate(served.steps) if "request 9" in step.preempted)
    before = served.steps[:place]
    assert not {*sent.prefill, *sent.decode} & {"request 9"}
    written = 1 + sum("request 9" in step.decode for step in before)  # the prompt gave the first
    assert written > 1
    again = sum(step.prefill.get("request 9", 0) for step in served.steps[place:])
    assert again == ten_requests()[9].prompt + written
    assert served.gap["request 9"] > 10 * serve().gap["request 9"]


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


def test_the_map_of_blocks_tells_what_it_shows():
    table = BlockTable(3, 2)
    table.append("a", 3)
    table.fork("a", "b")
    shown = block_map({name: table.slots(name) for name in "ab"}, 3, 2, "Who?")
    assert "holds a0, a1, b0, b1" in shown.alt and "a0 = b0" in shown.svg
