"""A board that is killed again and again: what it acknowledged is there when it starts, and all else comes once."""

import random
import re
import signal
import socket
import subprocess
import sys

import pytest

from attncore.app.board.outbox import begin
from attncore.app.board.store import Store
from attncore.app.progress import Progress


@pytest.fixture
def board(tmp_path):
    """Start the board, or start it again; return its process, its address and its code."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = str(found.getsockname()[1])
    command = [sys.executable, "-m", "attncore.app.cli", "board", "--room", "morning", "--port", port, "--store"]
    running = []

    def started():
        process = subprocess.Popen([*command, str(tmp_path / "board.sqlite")], stdout=subprocess.PIPE, text=True)
        running.append(process)
        said = "".join(process.stdout.readline() for _ in range(5))
        return process, *re.search(r"for the room +(\S+) +code (\w+)", said).groups()

    yield started
    for process in running:
        process.kill()
        process.wait()
        process.stdout.close()


def test_nothing_is_lost_and_nothing_counts_twice(board, tmp_path):
    process, address, code = board()
    learners = [begin(Progress(tmp_path / f"{n}.sqlite"), address, code, None) for n in range(4)]
    rng, made = random.Random(0), 0
    for round in range(3):
        for _ in range(40):
            learner = rng.choice(learners)
            learner.store.record("softmax", "attempt", "wrong")
            made += 1
            if rng.random() < 0.7:
                learner.exchange()
        process.kill()
        process.wait()
        for learner in learners:
            learner.exchange()
            assert learner.trouble and learner.failed, f"round {round}: nobody answers"
        process, *_ = board()
    for learner in learners:
        learner.exchange()
        assert not learner.unsent() and not learner.trouble
    store = Store(tmp_path / "board.sqlite")
    assert len(store.attempts(store.room_of(code))) == made == 120
    store.close()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends a process without a signal")
def test_ctrl_c_stops_it_without_a_traceback(board):
    process, address, code = board()
    begin(Progress(":memory:"), address, code, None)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 0
    assert "Traceback" not in process.stdout.read()
