"""The process from which strangers' processes are forked: NumPy is loaded, no reference is, and nobody's code has run.

    parent ── channel ── here ── fork ── behind the walls: one errand, then the end

The parent sends an errand, as JSON, with the pipe on which it wants the result, and a file to read where there is one.
Here the time is kept, what is left at the end is ended, and the parent is told how it ended. The stranger's process has
the pipe and nothing else; it can spoil its own result, and no more.
"""

import contextlib
import gc
import json
import os
import select
import signal
import socket
import struct
import sys
import time
from importlib import import_module
from itertools import pairwise

from attncore.grading import errand
from attncore.grading.walls import OPEN, Namespaces, Walls, adopt

HEADER = struct.Struct(">Qd")  # how long the errand is, and how many seconds it may take; none, where nobody is forked
ENDED = struct.Struct(">i?")  # how it ended: an exit status, or a signal below zero; was it stopped?
GRACE = 0.5  # seconds for what catches every exception
FILES = 2  # a result, and a file to read
WEAK = 71  # the exit status where a wall doesn't stand that stood at the beginning


def main(descriptor: int) -> None:
    """Fork a process for each errand, until the parent is gone. What has no time limit is to be remembered here."""
    channel = socket.socket(fileno=descriptor)
    errand.rehearse()
    import_module("IPython.core.inputtransformer2")
    fill_the_finders()
    walls, namespaces = Walls(), Namespaces()
    adopt()
    gc.freeze()  # what is looked at is copied, in each process that is forked
    gc.disable()
    while True:
        head, files, _, _ = socket.recv_fds(channel, HEADER.size, FILES, socket.MSG_WAITALL)
        if len(head) < HEADER.size:
            return
        length, seconds = HEADER.unpack(head)
        job = bytearray(length)
        channel.recv_into(job, length, socket.MSG_WAITALL)
        if not seconds:
            errand.remember(**json.loads(job))
            continue
        apart = namespaces.renew()
        if namespaces.made and not apart:
            return
        if (stranger := os.fork()) == 0:
            channel.close()
            behind(job, files, walls, apart)
        job[:] = bytes(length)  # the next stranger finds nothing of it in memory
        for file in files:
            os.close(file)
        channel.sendall(ENDED.pack(*ended(stranger, seconds + GRACE, apart)))


def fill_the_finders() -> None:
    """Let each folder of Python be listed once: later it can't be, and whoever imports finds what was there."""
    for finder in map(sys.path_importer_cache.get, sys.path):
        if fill := getattr(finder, "_fill_cache", None):
            fill()


def ended(stranger: int, seconds: float, apart: bool) -> tuple[int, bool]:
    """How a process has ended, and whether it had to be stopped. All that it started ends with it."""
    late = not ends(stranger, seconds)
    group = stranger if apart else -stranger  # the first process of its namespace takes all others with it
    for process in (group, stranger):
        with contextlib.suppress(ProcessLookupError, PermissionError):  # it has been quicker
            os.kill(process, signal.SIGKILL)
    status = os.waitpid(stranger, 0)[1]
    end_what_fled()
    return os.waitstatus_to_exitcode(status), late


def end_what_fled() -> None:
    """End what a stranger has started and what has left its group: as orphans they are children of this process."""
    with contextlib.suppress(OSError), open(f"/proc/self/task/{os.getpid()}/children", "rb", 0) as children:
        while left := os.pread(children.fileno(), 2**16, 0).split():  # only Linux has this file
            for orphan in map(int, left):
                os.kill(orphan, signal.SIGKILL)
                os.waitpid(orphan, 0)


def ends(process: int, seconds: float) -> bool:
    """Does a child end in this time? It stays to be waited for."""
    if hasattr(os, "pidfd_open"):
        watched = os.pidfd_open(process)
        try:
            return bool(select.select([watched], [], [], seconds)[0])
        finally:
            os.close(watched)
    until = time.monotonic() + seconds
    while os.waitid(os.P_PID, process, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
        if time.monotonic() > until:
            return False
        time.sleep(0.005)
    return True


def behind(job: bytearray, files: list[int], walls: Walls, apart: bool) -> None:
    """Put up the walls, do the errand, write its result, and end."""
    if not apart:
        os.setsid()
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    held = {"namespaces": apart, **walls.stand()}
    for first, last in pairwise([2, *sorted(files), OPEN]):
        os.closerange(first + 1, last)
    asked = json.loads(job)
    if asked.pop("walls") not in (None, held):
        os._exit(WEAK)
    left = memoryview(json.dumps({"walls": held, **errand.do(asked, *files[1:])}).encode())
    while left:
        left = left[os.write(files[0], left) :]
    os._exit(0)
