"""What is done behind the walls: read a stranger's file, or run what one answer needs and watch it at work."""

import ast
import builtins
import inspect
import os
import sys
import time
import types
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import numpy as np

from attncore.exercises.exercise import Case, Signature
from attncore.grading.observe import Observed, observe, repeat
from attncore.grading.pieces import FUTURE, Piece, pieces, reason, show_lines, text_shown
from attncore.grading.reading import FILE, Unreadable, source_of
from attncore.grading.run import Ran, TimeUp, first_line, last_line, quietly, within
from attncore.grading.shell import given_names
from attncore.grading.slices import Slice, calls, not_followed, slices
from attncore.grading.wire import names_course, pack, pack_given, unpack_given

T = TypeVar("T")
EXERCISES: dict[str, tuple[Callable[[], Signature], list[Case]]] = {}  # what their answers are called with
TOLD = 3  # cells that can't be read
LONGEST = 2**22  # characters that are sent back
REHEARSALS = 12  # Python makes code faster that has run some times
REHEARSED = """
import numpy as np
from attncore.shapes import shaped
WIDTH = 2
def powers(x):
    return np.exp(x - x.max(axis=-1, keepdims=True))
@shaped("(...,n)->(...,n)")
def rehearsed(x):
    shares = [powers(row) / powers(row).sum(axis=-1, keepdims=True) for row in x]
    return np.array(shares) @ np.swapaxes(np.where(x > 0, x, -np.inf), -1, 0)
print(rehearsed(np.eye(WIDTH)))
"""


def do(errand: dict[str, Any], file: int = -1) -> dict[str, Any]:
    """Do an errand; what comes back is plain, to be sent as JSON."""
    what = ERRANDS[errand.pop("what")]
    return what(**errand, **({"file": file} if file >= 0 else {}))


def nothing() -> dict[str, Any]:
    return {}


def rehearse() -> None:
    """Do what every errand does: what Python and NumPy make at the first times is there before the forks."""
    cases = [pack_given({"x": x}) for x in (np.eye(2), np.arange(3), np.float32(1.5), [1, "a", (None, True)])]
    remember("rehearsed", pack_given(("rehearsed", [("x", 1, False, None)], None, 1)), cases[:2])
    task = {"answer": "rehearsed", "exercise": "rehearsed", "cases": [1, 0, *cases[2:]]}
    for _ in range(REHEARSALS):
        steps = answers_in(REHEARSED.encode(), "rehearsal.py", ".py", ["rehearsed"], [])["steps"]
        for again in (False, True):
            functions({}, 1.0, [{"steps": steps, **task}], again)


def remember(exercise: str, asked: str, cases: list[str]) -> None:
    """Make, before the forks, what every answer to an exercise is called with. None of it is a stranger's or secret."""
    EXERCISES[exercise] = at_hand(signature_of, asked), [Case("", at_hand(unpack_given, text)) for text in cases]


def at_hand(make: Callable[[str], T], text: str) -> Callable[[], T]:
    """What is made of a text; where it needs a part of the course, which isn't here, it is made behind the walls."""
    if names_course(text):
        return partial(make, text)
    made = make(text)
    return lambda: made


def read(name: str, suffix: str, functions: list[str], values: list[str], file: int) -> dict[str, Any]:
    """The answers of a file that is open."""
    with os.fdopen(file, "rb") as bytes_:
        bytes_.seek(0)  # where somebody has read of it before
        data = bytes_.read(FILE + 1)
    return answers_in(data, name, suffix, functions, values)


def answers_in(data: bytes, name: str, suffix: str, functions: list[str], values: list[str]) -> dict[str, Any]:
    """The answers, each with the statements that it needs; and why the file, or a part of it, can't be read."""
    try:
        parts = pieces(source_of(data, name, "", suffix))
    except Unreadable as problem:
        return {"unreadable": str(problem)}
    given = list(calls(parts))
    found = slices(parts, given, functions, values)
    needed = sorted({place for slice in found.values() for place in slice.needs})
    answers = {id: {"answer": s.answer, "needs": [needed.index(place) for place in s.needs]} for id, s in found.items()}
    written = {id: pack(value[0]) for id in values if id in found and (value := literal(found[id], parts))}
    steps = [step(parts[place]) for place in needed]
    told = [*no_python(parts, needed), *filter(None, [not_followed(parts, given)])]
    return {"answers": answers, "steps": steps, "written": written, "unreadable": "\n".join(told)}


def no_python(parts: list[Piece], needed: list[int]) -> list[str]:
    """A sentence on each of the first cells that can't be read and that no answer tells of."""
    broken = [piece for place, piece in enumerate(parts) if piece.problem and place not in needed]
    return [f"{piece.where.capitalize()} {piece.problem}." for piece in broken[:TOLD]]


def literal(answer: Slice, parts: list[Piece]) -> list[Any]:
    """A value that stands there as it is, 4096 or "64 KiB" or a name for it, alone in a list: nothing has to run."""
    node: ast.AST = ast.parse(answer.answer, mode="eval").body
    last = parts[answer.needs[-1]].node if answer.needs else None
    if (
        isinstance(node, ast.Name)
        and isinstance(last, ast.Assign)
        and [ast.unparse(target) for target in last.targets] == [node.id]
    ):
        node = last.value
    try:
        return [ast.literal_eval(node)]
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return []


def step(piece: Piece) -> dict[str, Any]:
    """A statement as text, and where it stands."""
    line, text = text_shown(piece)
    return {"where": piece.where, "filename": piece.filename, "line": line, "text": text, "problem": piece.problem}


def value(course: dict[str, str], steps: list[dict[str, Any]], answer: str, seconds: float) -> dict[str, Any]:
    """The number, shape or choice that a file gives to a question."""
    bench = Bench(course, seconds)
    found = bench.answer(steps, answer)
    return packed(bench, found[0]) if found else {"told": bench.told}


def packed(bench: "Bench", value: Any) -> dict[str, Any]:
    text = pack(value)
    too_long = ["it returns more than can be looked at."] if len(text) > LONGEST else []
    return {"told": bench.told + too_long} | ({} if too_long else {"packed": text})


def functions(
    course: dict[str, str], seconds: float, tasks: list[dict[str, Any]], again: bool
) -> dict[str, list[dict[str, Any]]]:
    """What a file's functions do, one after the other."""
    return {"seen": [function(course=course, seconds=seconds, again=again, **task) for task in tasks]}


def function(
    course: dict[str, str],
    steps: list[dict[str, Any]],
    answer: str,
    seconds: float,
    exercise: str,
    cases: list[int | str],
    again: bool,
) -> dict[str, Any]:
    """What a file's function does in each of the cases: those of the exercise, by their places, and others."""
    bench = Bench(course, seconds)
    signature, known = EXERCISES[exercise]
    given = [known[case] if isinstance(case, int) else Case("", partial(unpack_given, case)) for case in cases]
    found = bench.answer(steps, answer)
    if not found:
        return {"told": bench.told}
    seen = watched(found[0], signature(), given, bench.left(), again)
    return packed(bench, replace(seen, seconds=seconds))


def signature_of(asked: str) -> Signature:
    name, parameters, drive, several = unpack_given(asked)
    made = [
        inspect.Parameter(
            own, inspect._ParameterKind(kind), default=default if has_default else inspect.Parameter.empty
        )
        for own, kind, has_default, default in parameters
    ]
    return Signature(name, inspect.Signature(made), drive, several)


def watched(answer: Any, signature: Signature, cases: list[Case], seconds: float, again: bool) -> Observed:
    try:
        return repeat(answer, signature, cases, seconds) if again else observe(answer, signature, cases, seconds, 1)
    except BaseException as problem:  # a KeyboardInterrupt, which in a kernel is the learner's own
        kin = tuple(kind.__name__ for kind in type(problem).__mro__)
        ran = [Ran(raised=kin[0], message=first_line(problem), kin=kin)] * len(cases)
        return Observed(ran)


class Bench:
    """A file's names, in which its statements run; `told` says which of them failed, and what is missing for it."""

    def __init__(self, course: dict[str, str], seconds: float):
        self.until, self.flags = time.monotonic() + seconds, 0
        self.told: list[str] = []
        self.where = ""
        sys.meta_path[0].texts |= course  # type: ignore[attr-defined]
        module = sys.modules["__main__"] = types.ModuleType("__main__")
        self.names = vars(module)  # for who imports __main__, too
        self.names |= given_names(lambda text: None)
        self.names["__builtins__"] = builtins

    def left(self) -> float:
        return max(0.01, self.until - time.monotonic())

    def answer(self, steps: list[dict[str, Any]], answer: str) -> list[Any]:
        """The answer, alone in a list; nothing where there is none, which is told."""
        show_steps(steps)
        found: list[Any] = []

        def work() -> None:
            for step in steps:
                self.where = step["where"]
                self.try_to(partial(self.execute, step))
            self.where = "the answer"
            self.try_to(lambda: found.append(eval(answer, self.names)))

        try:
            with quietly():
                within(self.left(), work)
        except TimeUp:
            self.told.append(f"{self.where} takes too long, and was stopped.")
        return found

    def execute(self, step: dict[str, Any]) -> None:
        if step["problem"]:
            self.told.append(f"{self.where} {step['problem']}.")
            return
        text = "\n" * (step["line"] - 1) + step["text"]  # where it stands in its file
        code = compile(text, step["filename"], "exec", self.flags, dont_inherit=True)
        exec(code, self.names)
        self.flags |= code.co_flags & FUTURE

    def try_to(self, work: Callable[[], Any]) -> None:
        """Do some work. Nothing that it raises gets out, but for TimeUp; it is told."""
        try:
            work()
        except TimeUp:
            raise
        except SystemExit as problem:
            self.told.append(f"{self.where} calls exit: {first_line(problem)}")
        except SyntaxError as problem:
            self.told.append(f"{self.where} isn't valid Python: {reason(problem)}.")
        except BaseException as problem:
            line, _ = last_line(problem)
            text = f"{self.where} raises {type(problem).__name__}: {first_line(problem)}"[:300].rstrip(": ")
            self.told.append(text + (f"\n    {line}" if line else ""))


def show_steps(steps: list[dict[str, Any]]) -> None:
    """Let tracebacks find the lines of all steps, each where it stands in its file."""
    files: dict[str, list[str]] = {}
    for step in steps:
        lines = files.setdefault(step["filename"], [])
        text = step["text"].split("\n")
        lines += [""] * (step["line"] - 1 + len(text) - len(lines))
        lines[step["line"] - 1 : step["line"] - 1 + len(text)] = text
    for filename, lines in files.items():
        show_lines(filename, "\n".join(lines))


ERRANDS: dict[str, Callable[..., dict[str, Any]]] = {
    "nothing": nothing,
    "read": read,
    "value": value,
    "functions": functions,
}
