"""The child's side of `attncore check`: run a stranger's file here, call its answers, and send what they did.

It knows no verdict. What is sent goes over a pipe that the file does not know; standard input is empty, and standard
output and error lead nowhere. NumPy and the course are loaded once the file has turned out to be Python.
"""

import contextlib
import json
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attncore.grading.pieces import Piece, pieces
from attncore.grading.process import write_frame
from attncore.grading.reading import Source, Unreadable

if TYPE_CHECKING:
    from attncore.grading.program import Program

MEMORY, PROCESSES, WRITTEN = 4 * 2**30, 256, 2**28  # beyond what is there when the file starts

Send = Callable[..., None]


def main() -> None:
    """Do the job that comes on standard input."""
    job = json.load(sys.stdin)
    send = private_pipe(bytes.fromhex(job["secret"]))
    source = Source(**job["source"])
    try:
        parts = pieces(source)
    except Unreadable as problem:
        send("unreadable", str(problem))
    else:
        send("read")
        work(source, parts, job, send)
    send("done")
    os._exit(0)  # whatever threads and exit handlers the file has left


def private_pipe(secret: bytes) -> Send:
    """Take standard output away from the file, and keep it for what is sent."""
    results, owner = os.dup(1), os.getpid()  # a copy is not inherited by programs that are started
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)

    def send(*message: Any) -> None:
        try:
            if os.getpid() == owner:
                write_frame(results, secret, list(message))
                return
        except OSError:
            pass
        os._exit(70)  # a fork of ours, or the file has closed the pipe: there is nobody to tell

    return send


def work(source: Source, parts: list[Piece], job: dict[str, Any], send: Send) -> None:
    """Run the pieces, then call each answer; say what comes before every step that may end the process."""
    from attncore.grading.program import Program

    program = Program(source)
    confine()
    for place, piece in enumerate(parts):
        if place not in job["skip"]:
            send("piece", place, piece.where, piece.defines, piece.answers)
            if problem := program.run(piece, job["seconds"]):
                send("failure", place, *problem)
    observe_answers(program, job["judged"], send)


def observe_answers(program: "Program", judged: list[str], send: Send) -> None:
    answers = program.answers()
    send("found", list(answers), program.functions())
    for id, answer in answers.items():
        if id not in judged:
            send("exercise", id)
            send("observed", id, program.observed(id, answer))


def confine() -> None:
    """Bound what the file may take of memory, of processes and of the disk, where the system can."""
    try:
        import resource
    except ImportError:  # Windows
        return
    limits = {resource.RLIMIT_CORE: 0, resource.RLIMIT_FSIZE: WRITTEN}
    before = resource.getrlimit(resource.RLIMIT_NPROC)
    with contextlib.suppress(OSError, LookupError, ValueError):  # only Linux has these files
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        threads = int(Path("/proc/loadavg").read_text().split("/")[1].split()[0])
        limits[resource.RLIMIT_AS] = MEMORY + pages * resource.getpagesize()
        limits[resource.RLIMIT_NPROC] = PROCESSES + threads
    for kind, limit in limits.items():
        with contextlib.suppress(OSError, ValueError):  # a lower limit may hold already
            resource.setrlimit(kind, (limit, resource.getrlimit(kind)[1]))
    try:
        threading.Thread(target=int).start()
    except RuntimeError:  # this user runs more elsewhere than is seen from here
        resource.setrlimit(resource.RLIMIT_NPROC, before)
