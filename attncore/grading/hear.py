"""A stranger's file, run in child processes: what they tell of it. It needs neither NumPy nor a reference.

Where a child ends before its work is done, another one runs the file without the statement, or without the exercise,
in which that happened; so it costs only what stands there.
"""

import time
from dataclasses import asdict, dataclass, field
from importlib import import_module
from typing import Any

from attncore.grading.process import Child, Ended
from attncore.grading.reading import Source, Unreadable

START, PIECE, ANSWER = 60.0, 10.0, 5.0  # seconds: until NumPy is there, for a statement, for an answer
GRACE = 5.0  # beyond that, what catches every exception is ended from outside
WHOLE, CHILDREN = 120.0, 25  # for a file


@dataclass
class Failure:
    """A statement that did not run: where, what happened, its line, and what is missing without it."""

    where: str
    what: str
    line: str
    defines: list[str]
    answers: list[str]

    @property
    def sentence(self) -> str:
        text = f"{self.where} {self.what}".rstrip(".") + "."
        return text + (f"\n    {self.line}" if self.line else "")


@dataclass
class Heard:
    """What the children of a file have told: its answers, each observed and packed, and what went wrong.

    `ended` says how a child ended in an exercise, `late` why not everything was run.
    """

    answers: list[str] = field(default_factory=list)
    functions: list[str] = field(default_factory=list)
    observed: dict[str, str] = field(default_factory=dict)
    ended: dict[str, str] = field(default_factory=dict)
    pieces: dict[int, list[Any]] = field(default_factory=dict)
    failures: dict[int, Failure] = field(default_factory=dict)
    skipped: list[int] = field(default_factory=list)
    late: str = ""

    def take(self, kind: str, *parts: Any) -> None:
        """Take in one message."""
        if kind == "unreadable":
            raise Unreadable(parts[0])
        if kind == "read":
            import_module("attncore.grading.submission")  # NumPy and the course, while the child loads the same
        elif kind == "piece":
            self.pieces[parts[0]] = list(parts[1:])
        elif kind == "failure":
            self.fail(*parts)
        elif kind == "found":
            self.answers, self.functions = parts
        elif kind == "observed":
            self.observed[parts[0]] = parts[1]

    def fail(self, place: int, what: str, line: str = "") -> None:
        where, defines, answers = self.pieces[place]
        self.failures[place] = Failure(where, what, line, defines, answers)


def hear(source: Source) -> Heard:
    """Run a file to its end, in as many children as that takes. Raises Unreadable."""
    heard, until = Heard(), time.monotonic() + WHOLE
    for _ in range(CHILDREN):
        try:
            run_once(source, heard, until)
            return heard
        except Ended as end:
            if time.monotonic() > until:
                heard.late = f"it was stopped after {WHOLE:g} seconds"
                return heard
            blame(source, heard, end)
    heard.late = f"it has ended {CHILDREN} processes"
    return heard


def run_once(source: Source, heard: Heard, until: float) -> None:
    """Run a file in one child. Raises Ended where it does not come to its end."""
    silence = {"piece": PIECE + GRACE, "exercise": ANSWER + GRACE}
    job = {
        "source": asdict(source),
        "skip": heard.skipped,
        "judged": [*heard.observed, *heard.ended],
        "seconds": PIECE,
    }
    with start(job, source) as child:
        for message in child.messages(silence, START, until):
            heard.take(*message)


def start(job: dict[str, Any], source: Source) -> Child:
    try:
        return Child(job, source.folder)
    except OSError as problem:  # no memory, no processes, a folder that has gone
        raise Unreadable(f"{source.name} cannot be run: {problem.strerror}.") from None


def blame(source: Source, heard: Heard, end: Ended) -> None:
    """Leave out, from now on, the statement or the exercise in which a child has ended. Raises Unreadable."""
    kind, *parts = end.after
    if kind in ("piece", "failure"):
        heard.fail(parts[0], str(end))
        heard.skipped.append(parts[0])
    elif kind == "exercise":
        heard.ended[parts[0]] = str(end)
    elif kind in ("", "read"):
        raise Unreadable(f"{source.name} cannot be run: it {end}.")
