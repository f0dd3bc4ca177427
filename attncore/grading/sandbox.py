"""The sandbox, as its parent sees it: a warm process, and one more for each errand in a stranger's file.

The parent has the references and the results. What comes back from behind the walls is read as it is: bytes of somebody
who may know everything but the references.
"""

import json
import os
import random
import re
import select
import shutil
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import IO, Any

from attncore.exercises import Code, Exercise
from attncore.grading.given import Watched, asked, packed_cases, packed_others
from attncore.grading.observe import Observed, is_nothing
from attncore.grading.process import signal_name
from attncore.grading.run import Ran
from attncore.grading.shelf import shelf, text_of, tools
from attncore.grading.walls import keep_to_itself
from attncore.grading.warm import ENDED, GRACE, HEADER
from attncore.grading.wire import names_course, unpack

SECONDS = 2.0  # for an answer, with all that it needs
START, PATIENCE = 60.0, 10.0  # seconds until NumPy is loaded; until a guard tells how a process ended
TEXT = 500  # characters of a sentence that comes from behind the walls
RESULT = 2**23  # bytes, at most
READING = 10.0  # seconds
NOT_THERE = re.compile(r"attncore(?!\.shapes\b)")  # shapes is at hand in every process
SPOILT = "spoils the pipe on which it is heard"

Texts = Mapping[str, str]  # modules, by name


class Lost(Exception):
    """The process behind the walls ended before its work was done. The text follows "it"."""


class Gone(Exception):
    """The warm process itself is gone, or can't start; the text, where there is one, is a sentence."""


class Sandbox:
    """Processes behind walls, one after another. Use it in a with statement; `walls` says which of them stand."""

    def __init__(self, seconds: float = SECONDS):
        self.seconds = seconds
        if not hasattr(os, "fork"):
            raise Gone("The sandbox needs a system that forks, such as Linux; on Windows it runs in WSL.")
        try:
            self.start()
        except Gone:
            self.stop()
            raise

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(self, *problem: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start the warm process, and see which walls stand."""
        keep_to_itself()  # the references are here
        self.channel, theirs = socket.socketpair()
        outer = bubblewrap()
        with theirs:
            self.process = subprocess.Popen(
                [*outer, sys.executable, "-I", "-c", text_of("grading/boot"), str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env=environment(),
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        self.say(tools())
        self.told: dict[str, Code] = {}
        self.held: dict[str, bool] | None = None
        self.held = self.errand("nothing", wait=START)["walls"]
        self.walls = {"bubblewrap": bool(outer), **self.held}

    def stop(self) -> None:
        """End it; whatever it has forked ends with it."""
        self.channel.close()
        with suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()

    def restart(self) -> None:
        self.stop()
        self.start()

    def say(self, texts: dict[str, str]) -> None:
        data = json.dumps(texts).encode()
        self.channel.sendall(len(data).to_bytes(8, "big") + data)

    def errand(
        self, what: str, limit: float = 1.0, wait: float = PATIENCE, file: IO[bytes] | None = None, **more: Any
    ) -> Any:
        """Have an errand done; what came back. Raises Lost, or Gone."""
        ours, theirs = os.pipe()
        with os.fdopen(ours, "rb", 0) as result:
            try:
                files = [theirs] if file is None else [theirs, file.fileno()]
                self.send({"what": what, "walls": self.held, **more}, limit, files)
            finally:
                os.close(theirs)
            came, ended = self.listen(result, limit + GRACE + wait)
        try:
            done = json.loads(came)
            assert isinstance(done, dict)
        except (ValueError, RecursionError, AssertionError):
            raise Lost(how_it_ended(*ended)) from None
        return done

    def send(self, errand: dict[str, Any], limit: float, files: Sequence[int] = ()) -> None:
        """Without a time limit, it is the warm process's own."""
        data = json.dumps(errand).encode()
        try:
            socket.send_fds(self.channel, [HEADER.pack(len(data), limit)], files)
            self.channel.sendall(data)
        except OSError as problem:
            raise Gone from problem

    def listen(self, result: IO[bytes], patience: float) -> tuple[bytes, tuple[int, bool]]:
        """What is written to the pipe until the guard tells that the process has ended, and how it ended."""
        came, until, ended = bytearray(), time.monotonic() + patience, None
        open_: list[Any] = [result, self.channel]
        while ended is None:
            ready, _, _ = select.select(open_, [], [], max(0.0, until - time.monotonic()))
            if not ready:
                raise Gone
            if result in ready and not take(result, came):
                open_.remove(result)
            elif self.channel in ready and result not in ready:
                ended = self.channel.recv(ENDED.size, socket.MSG_WAITALL)
        if len(ended) < ENDED.size:
            raise Gone
        status, late = ENDED.unpack(ended)
        return bytes(came), (status, late)

    def read(self, file: IO[bytes], name: str, functions: list[str], values: list[str]) -> dict[str, Any]:
        """The answers of a file, each as the text of an expression and the statements it needs. Raises Lost, Gone.

        A value that is written there stands under "written"; what can't be read, in lines, under "unreadable".
        """
        suffix = Path(name).suffix.lower()
        done = self.errand("read", READING, name=name, suffix=suffix, functions=functions, values=values, file=file)
        try:
            steps = done.get("steps", [])
            answers = {
                id: {"answer": found["answer"], "steps": [steps[place] for place in found["needs"]]}
                for id, found in done.get("answers", {}).items()
            }
            for id, packed in done.get("written", {}).items():
                answers[id]["written"] = unpack(packed)
        except (AttributeError, LookupError, TypeError, ValueError):
            raise Lost(SPOILT) from None
        return {"answers": answers, "unreadable": str(done.get("unreadable", ""))[:TEXT]}

    def value(self, exercise: Exercise, found: dict[str, Any], beside: Texts) -> tuple[list[Any], list[str]]:
        """The value that a file answers a question with, alone in a list, and what went wrong on the way.

        `beside` are the learner's other modules, which the file may import.
        """
        if "written" in found:
            return [found["written"]], []
        course = shelf(exercise) if needs_course(found) else {}
        task = {"course": {**beside, **course}, "seconds": self.seconds, **found}
        return unpacked(self.errand("value", self.seconds, **task))

    def watch(self, answer: "Answer") -> "Seen":
        """What a function does in the cases of its exercise, in a process of its own."""
        work = [(answer, list(range(len(answer.exercise.cases))))]
        return Seen(answer, *self.functions(work, self.seconds, self.seconds, again=False)[0])

    def watch_again(self, seen: Sequence["Seen"], seed: int, limit: float = 0.0) -> list[Watched]:
        """What functions do in another process: in the same cases, in another order, with others among them.

        Each may take twice the time, since it does more; and all together, the limit where there is one.
        """
        seconds = 2 * self.seconds
        firsts = [one.first for one in seen if one.first]
        orders: list[list[int]] = []
        work: list[tuple[Answer, list[int | str]]] = []
        for one, first in zip(seen, firsts, strict=True):
            cases = [*range(len(first.first)), *packed_others(one.answer.exercise, seed)]
            orders.append(random.Random(seed).sample(range(len(cases)), len(cases)))
            work.append((one.answer, [cases[place] for place in orders[-1]]))
        found = self.functions(work, seconds, limit or seconds, again=True)
        return [in_order(first, order, again) for first, order, (again, _) in zip(firsts, orders, found, strict=True)]

    def functions(
        self, work: Sequence[tuple["Answer", Sequence[int | str]]], seconds: float, limit: float, again: bool
    ) -> list[tuple[Observed | None, list[str]]]:
        """What functions of a file do in one process, each in cases of its exercise, by their places, or in others.

        And what goes wrong on the way to them; None where the file comes to no function. Each has so many seconds, and
        all together the limit.
        """
        for answer, _ in work:
            self.tell_of(answer.exercise)
        tasks = [{**answer.found, "exercise": answer.exercise.id, "cases": cases} for answer, cases in work]
        course = {name: text for answer, _ in work for name, text in {**answer.beside, **answer.course}.items()}
        given: dict[str, Any] = {"course": course, "seconds": seconds, "tasks": tasks, "again": again}
        seen = self.errand("functions", limit, **given).get("seen")
        if not isinstance(seen, list) or len(seen) != len(work):
            raise Lost(SPOILT)
        return [observed(done, len(cases)) for done, (_, cases) in zip(seen, work, strict=True)]

    def tell_of(self, exercise: Code) -> None:
        """Let the warm process make, once, what every answer to an exercise is called with."""
        if self.told.get(exercise.id) is not exercise:
            self.send({"exercise": exercise.id, "asked": asked(exercise), "cases": packed_cases(exercise)}, 0)
            self.told[exercise.id] = exercise


@dataclass(frozen=True)
class Answer:
    """A function in a file: the text of an expression and the statements that it needs, and what these may import.

    That is `beside`, the learner's other modules, and the parts of the course that it can't do without.
    """

    exercise: Code
    found: dict[str, Any]
    beside: Texts

    @cached_property
    def course(self) -> Texts:
        needed = needs_course(self.found, asked(self.exercise), *packed_cases(self.exercise))
        return shelf(self.exercise) if needed else {}


@dataclass(frozen=True)
class Seen:
    """What a function did the first time, and what went wrong on the way; None where the file comes to no function."""

    answer: Answer
    first: Observed | None
    told: list[str]

    @cached_property
    def runs_again(self) -> bool:
        """Is there anything to be seen a second time? Whoever runs on in a corner isn't asked for that again."""
        if self.first is None or not self.first.callable or all(map(is_nothing, self.first.first)):
            return False
        core = [i for i, case in enumerate(self.answer.exercise.cases) if not case.promise]
        return not self.first.endless or len(self.first.first) > max(core)


def in_order(first: Observed, order: list[int], again: Observed | None) -> Watched:
    """What was seen the first time, and what the second, which was in another order."""
    ran = dict(zip(order, again.first if again else [], strict=False))
    second = [ran.get(place, NOT_AGAIN) for place in range(len(order))]
    known = len(first.first)
    return Watched(replace(first, again=second[:known]), second[known:])


NOT_AGAIN = Ran(raised="TimeUp", message="it doesn't come back when it is called again, in another order.")


def needs_course(found: dict[str, Any], *given: str) -> bool:
    """Does the answer name a part of the course that isn't there anyway, or is it handed one, or called by one?"""
    return any(NOT_THERE.search(step["text"]) for step in found["steps"]) or any(map(names_course, given))


def observed(done: Any, count: int) -> tuple[Observed | None, list[str]]:
    """What came back of an answer that was watched in so many cases; None where there is no answer. Raises Lost."""
    found, told = unpacked(done)
    if found and not (isinstance(found[0], Observed) and (found[0].endless or len(found[0].first) in (0, count))):
        raise Lost(SPOILT)
    return (found[0] if found else None), told


def unpacked(done: Any) -> tuple[list[Any], list[str]]:
    told = done.get("told") if isinstance(done, dict) else None
    if not isinstance(told, list) or not all(isinstance(text, str) for text in told):
        raise Lost(SPOILT)
    try:
        return ([unpack(done["packed"])] if "packed" in done else []), [text[:TEXT] for text in told]
    except ValueError:
        raise Lost(SPOILT) from None


def take(result: IO[bytes], came: bytearray) -> bool:
    """Take what has come; False where there is no more, or too much."""
    chunk = result.read(2**16)
    came += chunk or b""
    return bool(chunk) and len(came) <= RESULT


def how_it_ended(status: int, late: bool) -> str:
    if late:
        return "runs too long, and was stopped"
    if status < 0:
        return f"makes Python crash ({signal_name(-status)})"
    return f"ends the program that it runs in, with exit status {status}"


def environment() -> dict[str, str]:
    """One thread, no windows, and nothing of ours but what NumPy needs to know."""
    kept = {name: text for name, text in os.environ.items() if name.startswith("OPENBLAS_") or name == "LANG"}
    threads = {f"{library}_NUM_THREADS": "1" for library in ("OPENBLAS", "OMP", "MKL")}
    return {**kept, **threads, "MPLBACKEND": "Agg", "HOME": "/", "PATH": os.defpath}


def bubblewrap() -> list[str]:
    """The command that starts another behind bubblewrap, if it is here and works: nothing but Python can be seen."""
    program = shutil.which("bwrap")
    if not program:
        return []
    command = [program, "--unshare-all", "--die-with-parent", "--new-session", "--proc", "/proc", "--dev", "/dev"]
    for path in dict.fromkeys(["/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache", sys.base_prefix, sys.prefix]):
        command += ["--ro-bind-try", path, path]
    for folder in dict.fromkeys(sysconfig.get_paths()[name] for name in ("purelib", "platlib")):
        for ours in sorted(Path(folder).glob("*attncore*")):
            command += ["--tmpfs", str(ours)] if ours.is_dir() else ["--ro-bind", "/dev/null", str(ours)]
    try:
        works = subprocess.run([*command, sys.executable, "-I", "-c", "pass"], capture_output=True, timeout=START)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return command if works.returncode == 0 else []
