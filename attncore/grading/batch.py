"""Grade what many have handed in: one submission a learner, each answer in the sandbox, the results in one file.

A submission is graded whole or not at all, and from its bytes alone: so whoever is cut off goes on where it was, and
ends with the same results.
"""

import hashlib
import lzma
import os
import queue
import secrets
import tempfile
import threading
import time
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any, TypeVar

from attncore.exercises import Code, Exercise, find
from attncore.grading.check import judge, unattempted, verdict
from attncore.grading.given import Watched, is_as_known, is_steady, judging
from attncore.grading.reading import CODE, FILE, SUFFIXES
from attncore.grading.report import Report, said
from attncore.grading.results import Result, Results, Submission
from attncore.grading.sandbox import SECONDS, SPOILT, Answer, Gone, Lost, Sandbox, Seen, Texts

DONE = ("right", "edge")
# An archive's password, its compression, and what is broken in it.
UNREADABLE = (OSError, zipfile.BadZipFile, RuntimeError, zlib.error, lzma.LZMAError, EOFError, ValueError)
LONGEST = 300.0  # seconds for all that one learner has handed in, and as many for what has to be run again
T = TypeVar("T")
Spread = Callable[[list["HandedIn"], Sequence[Exercise], int, float, int], Iterator[tuple[Submission, dict[str, bool]]]]
Whose = Callable[[str], str]
OF_MOODLE = "_assignsubmission_"  # in all names that Moodle gives


@dataclass(frozen=True)
class HandedIn:
    """What one learner handed in: files in a folder, or members of a zip archive."""

    learner: str
    archive: Path | None
    names: tuple[str, ...]

    @contextmanager
    def opened(self, name: str) -> Iterator[IO[bytes]]:
        """A file, of which no more is read than is allowed and a byte. Raises OSError, or BadZipFile."""
        if self.archive is None:
            if os.path.islink(name):  # it may point to somebody else's answers, or to the solutions
                raise OSError("it is a link to another file")
            with open(name, "rb") as file:
                yield file
            return
        archive = unfolded(self.archive, self.archive.stat().st_mtime_ns)
        with archive.open(name) as member, tempfile.TemporaryFile() as file:
            file.write(member.read(FILE + 1))
            file.seek(0)
            yield file

    def digest(self) -> str:
        """Of all bytes that are looked at."""
        found = hashlib.sha256()
        for name in self.names:
            found.update(f"{Path(name).name}\0".encode(errors="replace"))
            with suppress(*UNREADABLE), self.opened(name) as file:
                for _ in range(0, FILE + 1, 2**20):
                    found.update(file.read(2**20))
        return found.hexdigest()


@lru_cache(1)
def unfolded(archive: Path, changed: int) -> zipfile.ZipFile:
    """An archive, opened once for all its members: to read where they stand takes long where there are thousands."""
    return zipfile.ZipFile(archive)


def handed_in(place: Path, whose: Whose = str) -> list[HandedIn]:
    """The submissions of a folder or a zip archive, by learner: a file each, or a folder each.

    `whose` tells of a file's name, without its suffix, whose file it is: files of one name are one learner's.
    Raises OSError, or BadZipFile, where the place can't be read.
    """
    found = {name: parts for name, parts in files_in(place).items() if Path(name).suffix.lower() in SUFFIXES}
    return by_learner(found, None if place.is_dir() else place, whose)


def passed_over(place: Path) -> list[str]:
    """Files and folders in which there is no notebook and no Python file. Raises what `handed_in` raises.

    Of somebody's files and texts in Moodle, one is enough.
    """
    looked_at: dict[str, bool] = {}
    for name, parts in files_in(place).items():
        top = parts[0].partition(OF_MOODLE)[0]
        looked_at[top] = looked_at.get(top, False) or Path(name).suffix.lower() in SUFFIXES
    return [as_text(name) for name, looked in sorted(looked_at.items()) if not looked]


def files_in(place: Path) -> dict[str, tuple[str, ...]]:
    """The files that aren't hidden, each with the parts of its name below the place."""
    if place.is_dir():
        files = [path for path in sorted(place.rglob("*")) if path.is_file() or path.is_symlink()]
        return {str(path): parts for path in files if not hidden(parts := path.relative_to(place).parts)}
    with zipfile.ZipFile(place) as archive:
        names = [info.filename for info in archive.infolist() if not info.is_dir()]
    named = {name: tuple(part for part in Path(name).parts if part not in (os.sep, os.pardir)) for name in names}
    return unwrapped({name: parts for name, parts in named.items() if parts and not hidden(parts)})


def hidden(parts: tuple[str, ...]) -> bool:
    return any(part.startswith((".", "__MACOSX")) for part in parts)


def unwrapped(named: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """The files without the folder that all of them lie in, as whoever makes an archive of a folder puts them.

    Moodle's folders, and one around a single file, are a learner's.
    """
    tops, below = {parts[0] for parts in named.values()}, {parts[1:2] for parts in named.values()}
    if len(tops) != 1 or len(below) < 2 or () in below or OF_MOODLE in tops.pop():
        return named
    return {name: parts[1:] for name, parts in named.items()}


def by_learner(named: dict[str, tuple[str, ...]], archive: Path | None, whose: Whose) -> list[HandedIn]:
    found: dict[tuple[str, str], list[str]] = {}
    for name, parts in named.items():
        stem = Path(name).stem
        owner = parts[0] if len(parts) > 1 else whose(stem)
        found.setdefault((owner, parts[0] if owner == stem and len(parts) == 1 else ""), []).append(name)
    often = Counter(learner for learner, _ in found)
    everyone: dict[str, HandedIn] = {}
    for (learner, file), names in sorted(found.items()):
        apart = as_text(f"{learner} ({file or 'a folder'})" if often[learner] > 1 else learner)
        while apart in everyone:  # somebody called a file "ann (ann.py).py"
            apart += " (another)"
        everyone[apart] = HandedIn(apart, archive, tuple(names))
    return list(everyone.values())


def as_text(name: str) -> str:
    """A name in UTF-8, whatever the bytes of the file's name are."""
    return name.encode(errors="backslashreplace").decode()


def graded(sandbox: Sandbox, handed: HandedIn, asked: Sequence[Exercise], seed: int) -> Submission:
    """Judge one submission, and tell whatever is wrong with it. Raises Gone where the sandbox can't run."""
    told: list[str] = []
    reports: dict[str, Report] = {}
    beside, until = modules_of(handed), time.monotonic() + LONGEST
    for name in handed.names:
        found = answers_in(sandbox, handed, name, asked)
        told += found["told"]
        for report in judged(sandbox, found["answers"], asked, seed, beside, until):
            reports[report.exercise] = counted(reports.get(report.exercise, report), report)
    results = [as_result(reports[exercise.id]) for exercise in asked if exercise.id in reports]
    files = as_text(", ".join(Path(name).name for name in handed.names))
    return Submission(handed.learner, files, handed.digest(), told, results)


def modules_of(handed: HandedIn) -> dict[str, str]:
    """The Python files of somebody who has handed in several, as modules for one another."""
    modules: dict[str, str] = {}
    for name in handed.names if len(handed.names) > 1 else ():
        if (stem := Path(name).stem).isidentifier() and Path(name).suffix == ".py" and stem != "attncore":
            with suppress(*UNREADABLE), handed.opened(name) as file:
                modules[stem] = file.read(CODE).decode()
    return modules


def answers_in(sandbox: Sandbox, handed: HandedIn, name: str, asked: Sequence[Exercise]) -> dict[str, Any]:
    """The answers in a file, each with what it needs; what can't be read is told."""
    file_name = Path(name).name
    functions = [exercise.id for exercise in asked if isinstance(exercise, Code)]
    values = [exercise.id for exercise in asked if exercise.kind in ("numeric", "predict")]
    try:
        with handed.opened(name) as file:
            found = twice(sandbox, lambda: sandbox.read(file, file_name, functions, values))
    except UNREADABLE as problem:
        return {"answers": {}, "told": [f"{file_name} can't be read: {problem}."]}
    except Lost as problem:
        return {"answers": {}, "told": [f"{file_name} can't be read: whoever reads it {problem}."]}
    return {"answers": found["answers"], "told": found["unreadable"].splitlines()}


def judged(
    sandbox: Sandbox, found: dict[str, Any], asked: Sequence[Exercise], seed: int, beside: Texts, until: float
) -> Iterator[Report]:
    """The verdicts on the answers of a file; `beside` are the modules that it may import.

    Every function runs in a process of its own, and all of them once more in another. What counts against one there may
    be another's doing: it is looked at again, alone. There is as much time for that once more, so that others' endless
    loops don't cost it.
    """
    seen: list[Seen] = []
    began = time.monotonic()
    for exercise in asked:
        if answer := found.get(exercise.id):
            try:
                on_time(until)
                if isinstance(exercise, Code):
                    seen.append(twice(sandbox, partial(sandbox.watch, Answer(exercise, answer, beside))))
                else:
                    value, told = twice(sandbox, partial(sandbox.value, exercise, answer, beside))
                    report = judged_value(exercise, value[0]) if value else said(exercise, "raised", NO_VALUE)
                    yield with_told(report, told)
            except Lost as problem:
                yield said(exercise, "raised", f"it {problem}.")
    again = watched_together(sandbox, seen, seed, time.monotonic() - began + sandbox.seconds)
    for one in seen:
        exercise = one.answer.exercise
        try:
            yield with_told(judged_function(sandbox, one, again.get(exercise.id), seed, until + LONGEST), one.told)
        except Lost as problem:
            yield said(exercise, "raised", f"it {problem}.")


def on_time(until: float) -> None:
    if time.monotonic() > until:
        raise Lost(f"isn't judged: this work has taken {LONGEST:g} seconds already")


def with_told(report: Report, told: list[str]) -> Report:
    """A report with what went wrong on the way, where that may be the reason."""
    if report.outcome not in DONE:
        report.lines += [("where", text[:1].upper() + text[1:]) for text in told[:TOLD]]
    return report


def judged_value(exercise: Exercise, value: Any) -> Report:
    try:
        return judge(exercise, value)
    except Exception:  # a number with 5,000 digits, an infinite length
        return said(exercise, "wrong", "that is no answer to this question.")


def watched_together(sandbox: Sandbox, seen: list[Seen], seed: int, limit: float) -> dict[str, Watched]:
    """What functions do in one process; nothing, where it doesn't come to its end within the limit, in seconds.

    Who needs a part of the course isn't among them: it may be what another is asked for.
    """
    several = [one for one in seen if one.runs_again and not one.answer.course]
    if len(several) > 1:
        with suppress(Lost):
            again = twice(sandbox, partial(sandbox.watch_again, several, seed, limit))
            return {one.answer.exercise.id: watched for one, watched in zip(several, again, strict=True)}
    return {}


def judged_function(sandbox: Sandbox, one: Seen, again: Watched | None, seed: int, until: float) -> Report:
    """The verdict on a function, which `again` was seen together with others. Raises Lost, and Gone."""
    exercise = one.answer.exercise
    if one.first is None:
        return said(exercise, "raised", NO_FUNCTION)
    if not one.runs_again:
        return verdict_on(exercise, Watched(one.first, []), seed)[0]
    if again:
        with suppress(Lost):
            report, is_clear = verdict_on(exercise, again, seed)
            if is_clear:
                return report
    on_time(until)
    (alone,) = twice(sandbox, partial(sandbox.watch_again, [one], seed))
    return verdict_on(exercise, alone, seed)[0]


def verdict_on(exercise: Code, watched: Watched, seed: int) -> tuple[Report, bool]:
    """The verdict; and is it clear, since the second time has not counted against the answer? Raises Lost."""
    try:
        with judging:
            report = verdict(exercise, watched.observed)
            known = report.outcome not in DONE or is_as_known(exercise, watched, seed, report.edges)
            is_clear = known and is_steady(exercise, watched.observed)
    except Exception as problem:  # what came was made by hand, and no answer returns such a thing
        raise Lost(SPOILT) from problem
    if exercise.bug and report.mistake == exercise.bug:
        report = unattempted(exercise)  # the broken function, as it was handed out
    return (report if known else said(exercise, "wrong", *LOOKED_UP)), is_clear


NO_VALUE, NO_FUNCTION = "there is no value.", "the file comes to no answer."
LOOKED_UP = (
    "right for the inputs that the course shows, and wrong for others of the same kind.",
    ("why", "It was tried on numbers that nobody has seen before. An answer computes; it doesn't look up."),
)
LINE = 10_000  # characters of a sentence; strangers' values stand in some
TOLD = 3  # sentences on statements that failed


def twice(sandbox: Sandbox, work: Callable[[], T]) -> T:
    """Do some work in the sandbox; where the warm process goes meanwhile, once more in a new one.

    Raises Lost where that one goes, too, and Gone where there can be no new one.
    """
    for _ in range(2):
        try:
            return work()
        except Gone:
            sandbox.restart()
    raise Lost("brings down the process that watches it")


def counted(one: Report, other: Report) -> Report:
    """Of two files with the same exercise the better answer counts; of equals, the first.

    Of two answers to a question, the worse: who hands in a file for every choice has answered nothing.
    """
    guessed = not isinstance(find(one.exercise), Code) and {one.outcome, other.outcome} == {"right", "wrong"}
    return (min if guessed else max)(one, other, key=lambda report: RANKS.index(report.outcome))


RANKS = ("unattempted", "raised", "wrong", "edge", "right")


def as_result(report: Report) -> Result:
    lines = [(role, text[:LINE]) for role, text in report.lines]
    return Result(report.exercise, report.outcome, report.mistake, report.edges, report.convention, lines)


def grade(
    place: Path,
    results: Results,
    asked: Sequence[Exercise],
    seconds: float = SECONDS,
    workers: int = 0,
    tell: Callable[[int, int], None] = lambda done, all: None,
    over: "Spread | None" = None,
    whose: Whose = str,
) -> None:
    """Grade all that was handed in and isn't graded yet; `tell` hears how many are done, of how many.

    `over` spreads the work: over this machine's cores, unless somebody knows better. `whose` is as in `handed_in`.

    Raises what `handed_in` and Results raise, and Gone where the sandbox can't run.
    """
    everyone = handed_in(place, whose)
    left = begun(results, everyone, asked)
    before = len(everyone) - len(left)
    tell(before, len(everyone))
    work = (over or spread)(left, asked, results.noted("seed"), seconds, workers)
    for count, (found, walls) in enumerate(work, before + 1):
        results.keep(found)
        if walls != results.noted("walls"):
            results.note("walls", walls)
        tell(count, len(everyone))


def begun(results: Results, everyone: list[HandedIn], asked: Sequence[Exercise]) -> list[HandedIn]:
    """What is left to be graded. Results of another edition or of other lessons, and of who is gone, are dropped."""
    course = [version("attncore"), *(exercise.id for exercise in asked)]
    if results.noted("course") != course:
        results.drop(results.digests())
        results.note("course", course)
        results.note("seed", 1 + secrets.randbelow(2**31))
    results.drop(results.digests().keys() - {handed.learner for handed in everyone})
    done = results.digests()
    return [h for h in everyone if h.learner not in done or done[h.learner] != h.digest()]


def spread(
    left: list[HandedIn], asked: Sequence[Exercise], seed: int, seconds: float, workers: int
) -> Iterator[tuple[Submission, dict[str, bool]]]:
    """Grade in several threads, each with a sandbox: the work is done in processes that they fork."""
    waiting, found = queue.SimpleQueue[HandedIn](), queue.SimpleQueue[Any]()
    for handed in left:
        waiting.put(handed)

    def work() -> None:
        try:
            with Sandbox(seconds) as sandbox, suppress(queue.Empty):
                while True:
                    found.put((graded(sandbox, waiting.get_nowait(), asked, seed), sandbox.walls))
            found.put(None)
        except BaseException as problem:
            found.put(problem)

    running = min(workers or os.cpu_count() or 1, len(left))
    for _ in range(running):
        threading.Thread(target=work, daemon=True).start()
    try:
        while running:
            came = found.get()
            if isinstance(came, BaseException):
                raise came
            if came is None:
                running -= 1
            else:
                yield came
    finally:
        with suppress(queue.Empty):  # whoever stops listening stops the work
            while True:
                waiting.get_nowait()
