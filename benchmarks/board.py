"""The board with 200 learners: from the check to the instructor's tally, memory, and what a `kill -9` loses.

The learners are real ones but for their kernels: each has a progress of its own and the thread that `join` starts, here
in one process, and they reach the board over loopback. First they are undisturbed for some seconds, which is what is
timed; then the board is killed, started again a second later, and all the while they go on.
"""

import http.client
import json
import random
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from bisect import bisect_left
from pathlib import Path
from statistics import quantiles

from attncore.app.board import outbox
from attncore.app.progress import Progress
from attncore.authoring.readme import write_between
from attncore.exercises import find

LEARNERS, CHECKS = 200, 100.0  # so many learners, and so many checks a second of all of them together
UNDISTURBED, DISTURBED = 20.0, 10.0  # seconds
PATIENCE = 30.0  # seconds until everything has to be there
EXERCISE = find("scaled_dot_product_attention")
MOST_REQUESTS = 10_000


class Board:
    """A board in a process of its own."""

    def __init__(self, folder: Path):
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            self.port = found.getsockname()[1]
        command = f"-m attncore.app.cli board --room bench --port {self.port} --store".split()
        self.command = [sys.executable, *command, str(folder / "board.sqlite")]
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, text=True)
        said = "".join(self.process.stdout.readline() for _ in range(5))
        self.secret = re.search(r"secret=(\S+)", said)[1]
        self.address, self.code = re.search(r"for the room +(\S+) +code (\w+)", said).groups()

    def megabytes(self) -> float:
        """The memory that the process holds; not a number where the system doesn't say."""
        try:
            pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        except OSError:
            return float("nan")
        return pages * 4096 / 1e6

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


class Instructor(threading.Thread):
    """Looks at the board ten times a second, and notes when it showed how many attempts."""

    def __init__(self, board: Board):
        super().__init__(daemon=True)
        self.board, self.over = board, False
        self.times: list[float] = []
        self.tallies: list[int] = []
        self.people = 0

    def run(self) -> None:
        while not self.over:
            try:
                view = self.look()
                self.people = view["people"]
                self.times.append(time.perf_counter())
                self.tallies.append(view["attempts"])
            except (OSError, http.client.HTTPException):
                pass
            time.sleep(0.1)

    def look(self) -> dict:
        connection = http.client.HTTPConnection("127.0.0.1", self.board.port, timeout=5)
        cookie = f"attncore-board-{self.board.code}={self.board.secret}"
        connection.request("GET", "/instructor/1/state", headers={"Cookie": cookie})
        view = json.loads(connection.getresponse().read())
        connection.close()
        return view

    def waits_for(self, attempts: int) -> bool:
        """Is so much shown before the patience ends?"""
        end = time.perf_counter() + PATIENCE
        while not (self.tallies and self.tallies[-1] >= attempts) and time.perf_counter() < end:
            time.sleep(0.1)
        return bool(self.tallies) and self.tallies[-1] >= attempts


class Room:
    """The learners, the times of their checks, and how often they asked."""

    def __init__(self, board: Board):
        self.requests, self.checked, self.rng = 0, [], random.Random(0)
        self.boxes = [self.join(board) for _ in range(LEARNERS)]

    def join(self, board: Board) -> outbox.Outbox:
        box = outbox.begin(Progress(":memory:"), board.address, board.code, None, self.post)
        box.changed = lambda: None  # as with a panel: it follows the room
        box.start()
        return box

    def post(self, address: str, message: dict) -> dict:
        self.requests += 1
        if self.requests > MOST_REQUESTS:
            raise ConnectionError("that was enough")
        return outbox.post(address, message)

    def work(self, seconds: float) -> None:
        """Check as long as that, each time somebody else."""
        labels, end = sorted(EXERCISE.wrong), time.perf_counter() + seconds
        while time.perf_counter() < end:
            box, label = self.rng.choice(self.boxes), self.rng.choice([*labels[:5], None])
            box.store.record(EXERCISE.id, "attempt", "wrong" if label else "right", label)
            self.checked.append(time.perf_counter())
            box.wake.set()
            time.sleep(self.rng.expovariate(CHECKS))

    def close(self) -> None:
        for box in self.boxes:
            box.over = True
            box.wake.set()


def delays(checked: list[float], instructor: Instructor) -> list[float]:
    """From each check to the first look that showed as many attempts as had been made with it."""
    shown = [bisect_left(instructor.tallies, number) for number in range(1, len(checked) + 1)]
    return [instructor.times[place] - at for at, place in zip(checked, shown, strict=True)]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        board = Board(Path(folder))
        try:
            told = measured(board)
        finally:
            board.kill()
    print(told)
    if "--readme" in sys.argv:
        write_between("bench-board", told)


def measured(board: Board) -> str:
    room, instructor = Room(board), Instructor(board)
    instructor.start()
    instructor.waits_for(0)
    before = board.megabytes()
    room.work(UNDISTURBED)
    instructor.waits_for(len(room.checked))
    timed, after = delays(room.checked, instructor), board.megabytes()
    late = quantiles(timed, n=20)

    threading.Timer(DISTURBED / 3, board.kill).start()
    restart = threading.Timer(DISTURBED / 3 + 1, board.start)
    restart.start()
    room.work(DISTURBED)
    restart.join()
    instructor.waits_for(len(room.checked))
    lost = len(room.checked) - instructor.tallies[-1]
    instructor.over = True
    room.close()
    return (
        f"{LEARNERS} learners made {len(timed)} checks in {UNDISTURBED:.0f} seconds, and each was in the instructor's "
        f"tally after {late[9]:.2f} s (median), {late[18]:.2f} s (95 %). The board held {before:.0f} MB before and "
        f"{after:.0f} MB after. It was killed and started again during {len(room.checked) - len(timed)} more: {lost} "
        f"were lost, at {room.requests + len(instructor.times):,} requests in all."
    )


if __name__ == "__main__":
    main()
