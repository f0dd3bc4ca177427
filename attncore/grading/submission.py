"""A file of answers, read, run and judged: a notebook, or a Python file.

A notebook is run cell by cell, a Python file statement by statement, so that a piece that raises costs only what it
defines. Its own calls of check and answer are noted; nothing is printed, and no attempt is kept.
"""

import ast
import io
import linecache
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import nbformat

import attncore
from attncore.exercises import Exercise, UnknownExercise, exercises, find
from attncore.grading.check import judge, unattempted
from attncore.grading.report import Report
from attncore.grading.run import TimeUp, first_line, quietly, within

SECONDS = 30.0  # for one cell, which may draw pictures
FUNCTIONS = {exercise.id: exercise for exercise in exercises if exercise.kind in ("code", "debug")}


class Unreadable(ValueError):
    """A file that holds no answers; the message says why."""


def judge_file(path: Path) -> list[Report]:
    """The verdict on every exercise that a file holds, in the order of the course. Raises Unreadable."""
    pieces = read(path)
    answers, broken = run_pieces(path, pieces)
    if not answers and not broken:
        raise Unreadable(f"{path.name} holds no answer to an exercise of the course.")
    asked = [e for e in exercises if e.id in answers or e.id in broken]
    reports = [broken.pop(e.id) if e.id in broken else verdict(e, answers[e.id]) for e in asked]
    return [*reports, *broken.values()]  # what is left names no exercise


def verdict(exercise: Exercise, answer: Any) -> Report:
    report = judge(exercise, answer)
    untouched = exercise.kind == "debug" and report.mistake == exercise.bug
    return unattempted(exercise) if untouched else report


def read(path: Path) -> list[str]:
    """The code of a file in pieces that run one after another. Raises Unreadable."""
    if path.suffix not in (".ipynb", ".py"):
        raise Unreadable(f"{path.name} is neither a notebook (.ipynb) nor a Python file (.py).")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as problem:
        raise Unreadable(f"{path} cannot be read: {problem.strerror}.") from None
    except UnicodeDecodeError:
        raise Unreadable(f"{path.name} is not text in UTF-8.") from None
    return cells(path, text) if path.suffix == ".ipynb" else statements(path, text)


def cells(path: Path, text: str) -> list[str]:
    """The code cells of a notebook, without the commands that are Jupyter's own."""
    try:
        notebook = nbformat.reads(text, as_version=4)
        sources = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    except Exception:  # nbformat lets many kinds through: JSON, schema, missing keys
        raise Unreadable(f"{path.name} is no whole notebook; it may have been cut short.") from None
    return [as_python(source) for source in sources]


def as_python(source: str) -> str:
    """A cell without Jupyter's own commands; one in another language is empty."""
    if source.startswith("%%") and not re.match(r"%%(time|timeit|capture|prun)\b", source):
        return ""
    return re.sub(r"(?m)^(\s*)[%!?].*$", r"\1pass", source)


def statements(path: Path, text: str) -> list[str]:
    try:
        lines, tree = text.splitlines(keepends=True), ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as problem:
        line = getattr(problem, "lineno", None)
        raise Unreadable(f"{path.name} is no Python{f', line {line}' if line else ''}: {reason(problem)}.") from None
    starts = [first_row(node) for node in tree.body]
    return ["".join(lines[a - 1 : b - 1]) for a, b in pairwise([*starts, len(lines) + 1])]


def first_row(node: ast.stmt) -> int:
    return min([int(node.lineno), *(int(d.lineno) for d in getattr(node, "decorator_list", []))])


def reason(problem: BaseException) -> str:
    return problem.msg if isinstance(problem, SyntaxError) else str(problem)


def run_pieces(path: Path, pieces: list[str]) -> tuple[dict[str, Any], dict[str, Report]]:
    """Run a file; the answers by exercise, and a report for each exercise whose own piece raised."""
    names: dict[str, Any] = {"__name__": "__main__", "__file__": str(path)}
    noted: dict[str, Any] = {}
    broken: dict[str, Report] = {}
    named: dict[str, Any] = {}
    with quietly(), verbs(noted, named, broken), beside(path):
        for place, source in enumerate(pieces, 1):
            if sentence := failure(source, f"<{path.name}, piece {place}>", names):
                defined = re.findall(r"^\s*(?:def|class)\s+(\w+)|^(\w+)\s*=[^=]", source, re.MULTILINE)
                lost = [id for pair in defined for id in pair if id in FUNCTIONS and id not in names]
                lost += [
                    id for id in re.findall(r"\banswer\(\s*[\"']([\w-]+)", source) if id not in noted and known(id)
                ]
                broken |= {id: Report("raised", [("head", f"{id}: {sentence}")], id) for id in lost}
    own = {id: names[id] for id in FUNCTIONS if id in names and is_own(names[id])}
    answers = named | own | noted  # the last definition counts, whatever was checked before
    return answers, {id: report for id, report in broken.items() if id not in answers}


def failure(source: str, filename: str, names: dict[str, Any]) -> str:
    """Run one piece; a sentence where it raises."""
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    try:
        within(SECONDS, lambda: exec(compile(source, filename, "exec"), names))
    except KeyboardInterrupt:
        raise
    except SyntaxError as problem:
        return f"its cell is no Python: {problem.msg}, in line {problem.lineno} of the cell."
    except TimeUp:
        return f"its cell was stopped after {SECONDS:g} seconds."
    except BaseException as problem:  # SystemExit as well
        return f"its cell raises {type(problem).__name__}: {first_line(problem)}"
    return ""


def is_own(function: Any) -> bool:
    """Not one that was imported from the course."""
    return not str(getattr(function, "__module__", "")).startswith("attncore.")


@contextmanager
def verbs(noted: dict[str, Any], named: dict[str, Any], broken: dict[str, Report]) -> Iterator[None]:
    """While a file runs, check and answer note what they are given, and the other verbs do nothing.

    `noted` is what came with an exercise's name, `named` what has one itself; a name that is none goes to `broken`.
    """

    def note_function(function: Any, exercise: str | None = None) -> None:
        name = str(exercise or getattr(function, "__name__", ""))
        if is_own(function):
            note(noted if exercise else named, name, function)

    def note_value(exercise: str, value: Any = None) -> None:
        note(noted, str(exercise), value)

    def note(where: dict[str, Any], name: str, given: Any) -> None:
        if known(name):
            where[name] = given
        else:
            broken[name] = unknown(name)

    instead: dict[str, Callable[..., Any]] = {"check": note_function, "answer": note_value}
    for verb in attncore.VERBS:
        setattr(attncore, verb, instead.get(verb, lambda *args, **kwargs: None))
    try:
        yield
    finally:
        for verb in attncore.VERBS:
            vars(attncore).pop(verb, None)


def unknown(name: str) -> Report:
    """What is said of a name that belongs to no exercise that is judged."""
    try:
        text = f'"{find(name).id}" is a card: it is answered aloud.'
    except UnknownExercise as problem:
        text = str(problem)
    return Report("raised", [("head", text)], name)


def known(id: Any) -> bool:
    try:
        return find(id).kind != "explain"
    except (UnknownExercise, TypeError):
        return False


@contextmanager
def beside(path: Path) -> Iterator[None]:
    """Modules beside the file can be imported, and nothing can be asked of whoever started it."""
    kept = sys.path[:], sys.stdin
    sys.path.insert(0, str(path.resolve().parent))
    sys.stdin = io.StringIO()
    try:
        yield
    finally:
        sys.path[:], sys.stdin = kept
