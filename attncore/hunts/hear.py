"""The judge's process, as its parent sees it: what a file does, and which tests pass where."""

import tempfile
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from attncore.grading.process import Child, Ended

if TYPE_CHECKING:
    from attncore.hunts.hunt import Hunt

START, FILE, TEST = 60.0, 90.0, 10.0  # seconds of silence: until NumPy is there, for the file, for one test
WHOLE, CHILDREN = 180.0, 10


@dataclass
class Heard:
    """What was told: `departures` of the whole file, its `healthy` units, those that were `changed`.

    `tests` says of every test whether it passed, by the bug that was planted, "" for the healthy file; `endless` are
    tests that had to be stopped; `open` and `measured` are of a round that follows. `problem`: why there is no more.
    """

    departures: list[str] = field(default_factory=list)
    healthy: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    tests: dict[str, dict[str, bool]] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    endless: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    measured: str = ""
    problem: str = ""


def hear(hunt: "Hunt", source: str, tests: str, follow_up: str = "") -> Heard:
    """Try a file and its tests, in as many processes as that takes: a test that never ends costs only itself."""
    heard, until = Heard(), time.monotonic() + WHOLE
    job = {
        "kind": hunt.kind,
        "framework": hunt.framework,
        "labels": [bug.label for bug in hunt.bugs],
        "sick": hunt.source,
        "source": source,
        "tests": tests,
        "follow_up": follow_up,
    }
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(CHILDREN):
            try:
                hear_once(job | {"skip": heard.endless}, folder, heard, until)
                return heard
            except Ended as end:
                kind, *parts = end.after
                if kind != "test":
                    heard.problem = f"The file can't be judged: it {end}."
                    return heard
                heard.endless.append(parts[0])
    return heard


def hear_once(job: dict[str, Any], folder: str, heard: Heard, until: float) -> None:
    silence = {"begun": FILE, "file": FILE, "test": TEST, "tested": TEST}
    with Child(job, folder, "attncore.hunts.child") as child:
        for kind, *parts in child.messages(silence, START, until):
            if kind == "problem":
                heard.problem = parts[0]
            elif kind == "file":
                heard.departures, heard.healthy, heard.changed = parts
            elif kind == "followed":
                heard.open, heard.measured = parts
            elif kind == "tested":
                heard.tests[parts[0]], reasons = parts[1:]
                heard.reasons |= reasons if not parts[0] else {}
