"""Grading on a cluster, of which a worker dies in the middle: what is found is what one machine finds."""

import os
import signal
import sys

import pytest
from hostile import CALLED, RIGHT_MASK, RIGHT_SOFTMAX, inside

from attncore.exercises import find
from attncore.grading.batch import grade
from attncore.grading.cluster import on_dask
from attncore.grading.results import Results

distributed = pytest.importorskip("distributed")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox forks, and knows Linux's walls")
ASKED = [find("softmax"), find("causal_mask")]
SAMPLES = [RIGHT_SOFTMAX, RIGHT_SOFTMAX.replace("np.exp(", "np.exp2("), inside(CALLED["os._exit"]), "\n"]


@pytest.fixture
def cluster():
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        yield cluster


def found_in(results):
    return [
        (s.learner, [(r.exercise, r.outcome, r.mistake, r.lines) for r in s.results]) for s in results.submissions()
    ]


def test_a_worker_that_dies_loses_nothing(tmp_path, cluster):
    (folder := tmp_path / "submissions").mkdir()
    for number in range(16):
        (folder / f"{number:02}.py").write_text(f"import numpy as np\n{SAMPLES[number % 4]}\n{RIGHT_MASK}")
    (folder / "bytes.py").write_bytes(b"\xff")
    alone, together = (Results(tmp_path / f"{name}.sqlite") for name in ("alone", "together"))
    grade(folder, alone, ASKED)
    seen = []

    def kill_one(done, of):
        seen.append((done, of))
        if done == 3:
            os.kill(next(iter(cluster.workers.values())).pid, signal.SIGKILL)

    def over(left, asked, seed, seconds, workers):
        return on_dask(cluster.scheduler_address, left, asked, seed, seconds, 1)

    grade(folder, together, ASKED, tell=kill_one, over=over)
    assert seen[-1] == (17, 17)
    assert found_in(together) == found_in(alone)
