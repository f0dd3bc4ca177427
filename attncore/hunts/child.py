"""The judge's process: it tries a learner's file, and runs the learner's tests on the healthy file and on each bug.

What is said goes over a pipe that the file does not know, as in attncore.grading.child.
"""

import json
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from attncore.grading.child import Send, confine, private_pipe

HEALTHY = ""  # the name of the file without a bug
BEGIN = "from model import *\n"


def main() -> None:
    """Do the job that comes on standard input."""
    job = json.load(sys.stdin)
    send = private_pipe(bytes.fromhex(job["secret"]))
    from attncore.hunts.planting import kind_named

    kind = kind_named(job["kind"], job["framework"])
    confine()
    send("begun")
    try_file(job, kind, send)
    if job["follow_up"]:
        follow_up(job, kind, send)
    elif job["tests"].strip():
        run_tests(job, kind.healthy, alone(job, kind), send)
    send("done")
    os._exit(0)


def try_file(job: dict[str, Any], kind: Any, send: Send) -> None:
    from attncore.hunts import trial

    source = job["source"]
    try:
        changed = trial.changed_units(source, job["sick"])
        module = trial.module_of(source)
    except SyntaxError as problem:
        send("problem", f"The file isn't valid Python: {problem.msg}, line {problem.lineno}.")
        return
    except BaseException as problem:
        send("problem", f"The file can't be run: it raises {type(problem).__name__}: {problem}"[:300])
        return
    expected = trial.outcomes(trial.module_of(kind.healthy), kind)
    departures = trial.departures(trial.outcomes(module, kind), expected)
    places = {bug.unit for bug in kind.bugs if bug.label in job["labels"]}
    healthy = trial.healthy_units(source, kind, places, expected) if departures else []
    send("file", departures, healthy, changed)


def alone(job: dict[str, Any], kind: Any) -> dict[str, str]:
    """The healthy file with each bug of the hunt by itself."""
    from attncore.hunts.planting import planted

    return {bug.label: planted(kind.healthy, [bug])[0] for bug in kind.bugs if bug.label in job["labels"]}


def follow_up(job: dict[str, Any], kind: Any, send: Send) -> None:
    """Judge a round that follows; then see whether the tests notice what would spoil it."""
    from attncore.grading.run import quietly
    from attncore.hunts.trial import module_of

    asked = kind.rig.FOLLOW_UPS[job["follow_up"]]
    with quietly():
        judged = asked.judge(module_of(job["source"]), module_of(kind.healthy))
    send("followed", *judged)
    if asked.spoiled and not judged.open:
        spoiled = {lines: f"{job['source']}\n\n{lines}\n" for lines in asked.spoiled}
        run_tests(job, job["source"], spoiled, send)


def run_tests(job: dict[str, Any], sound: str, sick: dict[str, str], send: Send) -> None:
    """Run the tests on the sound file, twice, since a test may hang on chance; then on each of the sick ones."""
    sys.dont_write_bytecode = True
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    path = Path.cwd() / "test_model.py"
    path.write_text(with_names(job["tests"]), encoding="utf-8")
    healthy, reasons = ran(path, sound, job["skip"], send)
    again, _ = ran(path, sound, job["skip"], send)
    send("tested", HEALTHY, {name: healthy[name] and again.get(name, False) for name in healthy}, reasons)
    for label, source in sick.items():
        send("tested", label, *ran(path, source, job["skip"], send))


def with_names(tests: str) -> str:
    """The tests with the names of the model before them; what has to come first in a file stays first."""
    import ast

    try:
        body = ast.parse(tests).body
    except SyntaxError:
        return tests
    future = [node for node in body if isinstance(node, ast.ImportFrom) and node.module == "__future__"]
    lines = tests.splitlines(keepends=True)
    end = future[-1].end_lineno if future else 0
    return "".join([*lines[:end], BEGIN, *lines[end:]])


class Watching:
    """A plugin of pytest: which test is running, which passed, and why one didn't."""

    def __init__(self, skip: list[str], send: Send):
        self.skip, self.send = skip, send
        self.passed: dict[str, bool] = {}
        self.reasons: dict[str, str] = {}

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        items[:] = [item for item in items if item.name not in self.skip]

    def pytest_runtest_logstart(self, nodeid: str, location: Any) -> None:
        self.send("test", nodeid.rpartition("::")[2])

    def pytest_collectreport(self, report: Any) -> None:
        if report.nodeid.endswith(".py"):
            self.note(report.nodeid, report)

    def pytest_runtest_logreport(self, report: Any) -> None:
        if not report.skipped:
            self.note(report.nodeid.rpartition("::")[2], report)

    def note(self, name: str, report: Any) -> None:
        self.passed[name] = self.passed.get(name, True) and not report.failed
        if report.failed:
            crash = getattr(report.longrepr, "reprcrash", None)
            self.reasons[name] = (crash.message if crash else error_in(str(report.longrepr))).strip()[:300]


def error_in(text: str) -> str:
    """Of a report without a crash, such as that of an unknown fixture, the line that says what is wrong."""
    return next((line[1:] for line in text.splitlines() if line.startswith("E ")), text)


def ran(path: Path, source: str, skip: list[str], send: Send) -> tuple[dict[str, bool], dict[str, str]]:
    """Which tests pass where `model` is this file, and why the others don't."""
    import numpy as np
    import pytest

    from attncore.hunts.trial import module_of

    module: ModuleType = module_of(source)
    module.__all__ = [name for name in vars(module) if not name.startswith("__")]  # type: ignore[attr-defined]
    sys.modules["model"] = module
    sys.modules.pop(path.stem, None)
    np.random.seed(0)
    watching = Watching(skip, send)
    pytest.main(
        [str(path), "-q", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", str(path.parent)], [watching]
    )
    return watching.passed, watching.reasons
