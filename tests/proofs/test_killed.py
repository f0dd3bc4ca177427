"""SIGKILL in the middle of a write loses nothing that was acknowledged."""

import os
import random
import signal
import subprocess
import sys

import pytest

from attncore.app.progress import Progress

# Forks 200 writers, one after another on one store, and kills each. It prints the numbers that were acknowledged, and
# of how many writers a transaction was cut off. A program of its own: a fork of pytest would take its threads along.
KILLER = """
import os, random, signal, sys, time
from attncore.app.progress import Progress

path, seed = sys.argv[1], int(sys.argv[2])
chance, number, cut = random.Random(seed), 0, 0
for _ in range(200):
    told, tell = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(told)
        store, n = Progress(path), number
        while True:
            store.record(f"e{n}", "attempt", "right")
            os.write(tell, b"%d\\n" % n)
            n += 1
    os.close(tell)
    read = os.read(told, 4096)  # it has begun
    time.sleep(chance.uniform(0, 0.02))
    os.kill(child, signal.SIGKILL)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    while more := os.read(told, 4096):
        read += more
    os.close(told)
    cut += os.path.exists(path + "-journal")
    for line in read.split(b"\\n"):
        if line:
            print(line.decode())
            number = int(line) + 2  # the one that was cut off may be there too, under the number between
print("cut", cut)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")
def test_what_was_acknowledged_survives_200_kills(tmp_path):
    path = str(tmp_path / "progress.sqlite")
    ran = subprocess.run([sys.executable, "-c", KILLER, path, "10"], capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    *acknowledged, last = ran.stdout.split("\n")[:-1]
    kept = [event.exercise for event in Progress(path).events()]
    assert len(acknowledged) >= 200
    assert {f"e{number}" for number in acknowledged} <= set(kept)
    assert len(kept) == len(set(kept)) <= len(acknowledged) + 200
    assert int(last.removeprefix("cut ")) >= 20, "writes were cut off in the middle, or this shows nothing"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs SIGKILL")
def test_kernels_that_write_at_once_lose_nothing_where_one_of_them_is_killed(tmp_path):
    path = str(tmp_path / "progress.sqlite")
    code = (
        "import sys; from attncore.app.progress import Progress; store = Progress(sys.argv[1])\n"
        "for n in range(int(sys.argv[3])):\n"
        "    store.record(f'{sys.argv[2]}{n}', 'attempt', 'right'); print(f'{sys.argv[2]}{n}', flush=True)"
    )
    command = [sys.executable, "-c", code, path]
    lasting = [subprocess.Popen([*command, name, "60"], stdout=subprocess.PIPE, text=True) for name in "ab"]
    killed = subprocess.Popen([*command, "c", "100000"], stdout=subprocess.PIPE, text=True)
    for _ in range(random.Random(3).randint(5, 15)):
        killed.stdout.readline()
    killed.send_signal(signal.SIGKILL)
    told = "".join(kernel.communicate()[0] for kernel in (*lasting, killed)).split()
    assert [kernel.returncode for kernel in lasting] == [0, 0]
    assert set(told) <= {event.exercise for event in Progress(path).events()}
    assert len(told) >= 120
