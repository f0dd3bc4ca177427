"""The same grading on many machines: Dask hands each submission to a worker, whose sandbox it goes through.

The workers have the course installed and are trusted; what travels are the files' bytes and what was found.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import IO

from attncore.exercises import Exercise, find
from attncore.grading.batch import UNREADABLE, HandedIn, graded
from attncore.grading.reading import FILE
from attncore.grading.results import Submission
from attncore.grading.sandbox import Gone, Sandbox

PATIENCE = 10  # seconds for a cluster to answer
AHEAD = 4  # submissions that wait at each worker's thread
here = threading.local()  # the sandbox of a worker's thread


@dataclass(frozen=True)
class Carried(HandedIn):
    """What one learner handed in, as it travels: each file's bytes, or the sentence that says why it can't be read."""

    contents: tuple[bytes | str, ...]

    @contextmanager
    def opened(self, name: str) -> Iterator[IO[bytes]]:
        found = self.contents[self.names.index(name)]
        if isinstance(found, str):
            raise OSError(found)
        with TemporaryFile() as file:
            file.write(found)
            file.seek(0)
            yield file


def carried(handed: HandedIn) -> Carried:
    contents: list[bytes | str] = []
    for name in handed.names:
        try:
            with handed.opened(name) as file:
                contents.append(file.read(FILE + 1))
        except UNREADABLE as problem:
            contents.append(str(problem))
    return Carried(handed.learner, handed.archive, handed.names, tuple(contents))


def graded_here(handed: Carried, asked: Sequence[str], seed: int, seconds: float) -> tuple[Submission, dict[str, bool]]:
    """What a worker does."""
    if getattr(here, "sandbox", None) is None:
        here.sandbox = Sandbox(seconds)
    here.sandbox.seconds = seconds
    return graded(here.sandbox, handed, [find(id) for id in asked], seed), here.sandbox.walls


def on_dask(
    address: str, left: list[HandedIn], asked: Sequence[Exercise], seed: int, seconds: float, workers: int
) -> Iterator[tuple[Submission, dict[str, bool]]]:
    """Grade on the cluster at this address. What a worker had when it died, another one does.

    Raises Gone where nobody answers there.
    """
    from distributed import Client, as_completed

    waiting, ids = iter(left), [exercise.id for exercise in asked]
    try:
        connected = Client(address, timeout=PATIENCE)
    except OSError as problem:
        raise Gone(f"Nobody answers at {address}.") from problem
    with connected as client:

        def send() -> list[object]:
            handed = next(waiting, None)
            return [client.submit(graded_here, carried(handed), ids, seed, seconds, pure=False)] if handed else []

        at_once = AHEAD * (workers or sum(client.nthreads().values()) or 1)
        working = as_completed([future for _ in range(at_once) for future in send()])
        for future in working:
            yield future.result()
            for more in send():
                working.add(more)
