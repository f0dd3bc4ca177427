"""The timeline: the page serves the ten requests as the course's experiment does, and every moment is somebody's."""

import numpy as np
import pytest
from javascript import assert_drawn_alike, script

from attncore.experiments.serving import serve, ten_requests
from attncore.serving import step_time
from attncore.views.explorables.timeline import figures, spans, timeline
from attncore.views.svg import width_of

SERVERS = [
    {},
    {"is_chunked": False},
    {"budget": 64},
    {"n_blocks": 540},
    {"n_blocks": 540, "is_chunked": False},
    {"n_blocks": 510, "budget": 4096},
]
EACH = pytest.mark.parametrize("server", SERVERS, ids=str)
NAMES = [request.name for request in ten_requests()]


def without_phases(phases, flops_per_second, bytes_per_second):
    """A popular mistake: the larger of the totals, in place of the sum of the phases."""
    flops, read = map(sum, zip(*phases, strict=True))
    return max(flops / flops_per_second, read / bytes_per_second)


@EACH
def test_other_servers_are_drawn_alike(server):
    assert_drawn_alike(timeline(**server))


@EACH
def test_the_script_serves_as_the_experiment_does(server):
    served = serve(**{"n_blocks": 1200, **server})
    got = script("timeline").call("serve", timeline(**server).state)
    assert len(got["steps"]) == len(served.steps)
    for one, step in zip(got["steps"], served.steps, strict=True):
        assert (one["start"], one["end"]) == pytest.approx((step.start, step.end), rel=1e-9)
        assert {NAMES[int(name)]: n for name, n in one["prefill"].items()} == step.prefill
        assert [NAMES[name] for name in one["decode"]] == step.decode
        assert [NAMES[name] for name in one["preempted"]] == step.preempted
        assert one["blocks"] == step.blocks
    for what in ("ttft", "tpot", "gap"):
        np.testing.assert_allclose(got[what], [getattr(served, what)[name] for name in NAMES], rtol=1e-9)


def test_some_of_these_servers_send_a_writer_away():
    steps = serve(n_blocks=540).steps
    sent = {name: step.start for step in steps for name in step.preempted}
    assert any(name in step.decode for name, start in sent.items() for step in steps if step.end <= start)


@EACH
def test_a_request_is_somewhere_from_its_arrival_to_its_end(server):
    served = serve(**server)
    for request in ten_requests():
        found = spans(served, request.name)
        all_spans = sorted(span for times in found.values() for span in times)
        ends = [end for _, end in all_spans]
        assert [start for start, _ in all_spans] == [request.arrival, *ends[:-1]]
        times = np.array(found["prefill"] + found["decode"])
        assert served.ttft[request.name] > 0 and times.max() == ends[-1]


@pytest.mark.parametrize("n", [1, 2, 5, 10])
def test_the_middle_and_the_worst(n):
    times = np.random.default_rng(n).random(n)
    np.testing.assert_allclose(script("timeline").call("figures", times), [np.median(times), times.max()])


@EACH
def test_who_does_what_fits_its_place_in_every_step(server):
    state, page = timeline(**server).state, script("timeline")
    for step in range(0, len(page.call("serve", state)["steps"]), 5):
        words = {
            kind: page.call("picture", state | {"step": step})[f"who-{kind}"]["text"] for kind in ("decode", "prefill")
        }
        assert max(map(width_of, words.values())) < 350, words


def test_a_later_change_looks_at_the_same_moment():
    steps = [{"start": 0.0}, {"start": 0.5}, {"start": 0.7}]
    assert [script("timeline").call("stepAt", steps, time) for time in (-1, 0, 0.6, 0.7, 9)] == [0, 0, 1, 2, 2]


def test_the_learners_step_time_serves_the_same_requests():
    def mine(phases, flops_per_second, bytes_per_second):
        return step_time(phases, flops_per_second, bytes_per_second)

    right, wrong = timeline(function=mine), timeline(function=without_phases)
    assert right.asked.told.startswith("Computed by mine.")
    assert wrong.asked.told.startswith("without_phases gives (")
    np.testing.assert_allclose(wrong.state["theirs"], figures(serve(n_blocks=1200, timed=without_phases)))
    assert "By your function" in wrong.svg and "By your function" not in timeline(function=step_time).svg
    for one in (right, wrong):
        assert_drawn_alike(one)


@pytest.mark.parametrize("time", [-1.0, np.nan, np.inf])
def test_what_is_no_time_gives_a_sentence(time):
    assert f"<lambda> gives {time:g} seconds for a step." in timeline(function=lambda *_: time).asked.told


@pytest.mark.parametrize(
    ("given", "says"), [({"budget": 100}, "budget is 100, expected a power"), ({"n_blocks": 500}, "n_blocks is 500")]
)
def test_what_isnt_there_is_named(given, says):
    with pytest.raises(ValueError, match=says):
        timeline(**given)
