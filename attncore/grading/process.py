"""A child process that runs a stranger's file, as its parent sees it: messages, a time for each, and an end.

The child gets a job on its standard input and answers on a pipe of its own, in frames: a secret, a length, JSON. The
secret tells a message from what the file may write to every descriptor that it finds.
"""

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from json import dumps, loads  # by their names, since a file may change the module
from queue import Empty, SimpleQueue
from typing import IO, Any

FRAME = 2**28  # bytes, at most
SECRET = 16
# The child finds the modules that we find, and none that lies in the file's folder under the name of one of ours.
PROGRAM = "import sys; sys.path[:] = {path!r}; from {module} import main; main()"


class Ended(Exception):
    """The child ended before its work was done, `after` this message. Its text follows a place: "line 3" or "it"."""

    def __init__(self, how: str, after: list[Any]):
        super().__init__(how)
        self.after = after


class Child:
    """A child at work on a job. Use it in a with statement: at its end, nothing that the child started goes on.

    `module` has the child's side, a function `main`.
    """

    def __init__(self, job: dict[str, Any], folder: str, module: str = "attncore.grading.child"):
        self.secret = secrets.token_bytes(SECRET)
        path = [os.path.abspath(entry) for entry in sys.path]
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-c", PROGRAM.format(path=path, module=module)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env={**os.environ, "MPLBACKEND": "Agg"},  # pictures open no window
            start_new_session=True,
        )
        self.frames: SimpleQueue[bytes | None] = SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()
        self.watcher = threading.Thread(target=self._watch, daemon=True)
        self.watcher.start()
        self._give({**job, "secret": self.secret.hex()})

    def __enter__(self) -> "Child":
        return self

    def __exit__(self, *problem: object) -> None:
        self._kill()
        self._status()

    def messages(self, silence: dict[str, float], otherwise: float, until: float) -> Iterator[list[Any]]:
        """What the child says, up to "done". Raises Ended where it ends before, or is silent for too long.

        `silence` is how long that is after a message of each kind, `otherwise` after any other; `until` ends it all.
        """
        message = [""]
        while message[0] != "done":
            limit = min(silence.get(message[0], otherwise), until - time.monotonic())
            try:
                frame = self.frames.get(timeout=max(0.0, limit))
            except Empty:
                raise Ended("runs too long, and was stopped", message) from None
            if frame is None:
                raise Ended(self._how_it_ended(), message)
            message = loads(frame)
            yield message

    def _give(self, job: dict[str, Any]) -> None:
        assert self.process.stdin
        try:
            self.process.stdin.write(dumps(job).encode())
            self.process.stdin.close()
        except OSError:
            pass  # it has ended, which is told where it is listened to

    def _listen(self) -> None:
        assert self.process.stdout
        with self.process.stdout as pipe:
            while (frame := read_frame(pipe, self.secret)) is not None:
                self.frames.put(frame)
        self.frames.put(None)

    def _watch(self) -> None:
        """Once the child is gone, what it started goes too, and with it the last hold on the pipe."""
        if os.name == "posix":
            os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOWAIT)  # not reaped, so that its id stays its own
            self._kill()
        else:
            self.process.wait()

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):  # it has been quicker
            if os.name == "posix" and self.process.returncode is None:
                os.killpg(self.process.pid, signal.SIGKILL)
            else:
                self.process.kill()

    def _status(self) -> int:
        self.watcher.join()
        return self.process.wait()

    def _how_it_ended(self) -> str:
        self.watcher.join(timeout=1)
        if self.watcher.is_alive():
            self._kill()
            return "spoils the pipe on which it is heard, and was stopped"
        status = self._status()
        if status >= 0:
            return f"ends the program that it runs in, with exit status {status}"
        return f"makes Python crash ({signal_name(-status)})"


def read_frame(pipe: IO[bytes], secret: bytes) -> bytes | None:
    """The next frame; None where there is no more, or something else came."""
    head = pipe.read(SECRET + 8)
    length = int.from_bytes(head[SECRET:], "big")
    if len(head) < SECRET + 8 or head[:SECRET] != secret or length > FRAME:
        return None
    frame = pipe.read(length)
    return frame if len(frame) == length else None


def write_frame(descriptor: int, secret: bytes, message: list[Any]) -> None:
    data = dumps(message).encode()
    left = memoryview(secret + len(data).to_bytes(8, "big") + data)
    while left:
        left = left[os.write(descriptor, left) :]


def signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
