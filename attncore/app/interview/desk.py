"""A round at work: it judges what is given, keeps the state after every step, and writes the round's files."""

import ast
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import wraps
from pathlib import Path
from string import ascii_lowercase
from typing import Any

import numpy as np

from attncore.app import hunting
from attncore.app.interview.plan import State, draw, hunt_of
from attncore.app.interview.report import Facts, facts, page, panel
from attncore.app.interview.round import Refused, current, exercise_of, left, spoken, step
from attncore.app.interview.scene import Scene, folder, scene
from attncore.app.progress import NOT_KEPT, Progress
from attncore.grading import judge
from attncore.grading.report import Lines, Panel, Report
from attncore.grading.run import is_own
from attncore.hunts import Hunt

KIND = "interview"  # of the documents in the store
PAGE = "report.html"
EXAMPLE = hunting.TESTS.partition("\n\n\n")[2]  # the test that every hunt begins with is none of the learner's
COMMANDS = {"/hint": "hint", "/skip": "move on", "/pause": "pause", "/end": "end"}


class Desk:
    """One round with everything around it. `store` may be None: then nothing outlives this process."""

    def __init__(self, state: State, store: Progress | None, workbook: Path, clock: Callable[[], float] = time.time):
        self.state, self.store, self.workbook, self.clock = state, store, workbook, clock
        self.trouble = ""  # why the round could not be kept

    @property
    def scene(self) -> Scene:
        return scene(self.state)

    @property
    def folder(self) -> Path:
        return self.workbook / folder(self.state)

    @property
    def running(self) -> bool:
        return self.state["ended"] is None and self.state["since"] is not None

    def left(self) -> tuple[float, float]:
        """The seconds left in this part and in the round, now."""
        since = self.state["since"]
        passed = self.clock() - since if self.running else 0.0
        part, whole = left(self.state)
        return part - passed, whole - passed

    def give(self, value: Any = None, written: str = "") -> None:
        """Take a command, or what is expected now. Raises Refused, with a sentence, and then nothing has changed.

        `written` is the learner's code until now, in which a function's tests are counted.
        """
        if isinstance(value, str) and value.strip() in COMMANDS:
            self.do(COMMANDS[value.strip()])
            return
        now = self.scene
        match now.expects:
            case "begin" | "go on":
                self.do("resume")
            case "choice":
                self.do("answer", value=by_letter(value, now.options))
            case "ticks":
                self.do("answer", value=by_number(value))
            case "function":
                self.submit(value, written)
            case "files":
                self.judge_hunt()
            case _:
                self.do("answer", value=value)

    def do(self, do: str, **more: Any) -> None:
        """Take a step and keep it. Raises Refused, with a sentence."""
        self.state = step(self.state, {"do": do, "at": self.clock(), **more})
        self.keep()
        if self.running and current(self.state)["kind"] == "hunt":
            self.write_hunt()
        if self.state["ended"] is not None:
            self.write_report()

    def keep(self) -> None:
        if self.store is None:
            return
        try:
            self.store.keep(KIND, self.state["key"], self.state)
            for event in self.state["events"]:
                self.store.record(*event)
            self.trouble = ""
        except NOT_KEPT as problem:
            self.trouble = f"This round can't be saved at the moment ({problem}); it goes on here."

    def submit(self, function: Any, written: str) -> None:
        """Judge a function."""
        exercise = exercise_of(current(self.state))
        if isinstance(function, str):
            raise Refused(f"Give the function itself: submit({exercise.id}).")
        if not is_own(function):
            raise Refused(f"{exercise.id}: this is the course's own. Give the one that you wrote.")
        if self.state["framework"] == "torch" and callable(function):
            function = in_tensors(function)
        report = judge(exercise, function)
        self.do(
            "checked",
            outcome=report.outcome,
            mistake=report.mistake,
            edges=report.edges,
            lines=[list(line) for line in nameless(report)],
            tests=count_tests(written, exercise.id),
        )

    # The hunt

    def hunt(self) -> Hunt:
        question = current(self.state)
        bugs, state = len(question["bugs"]), self.state
        return hunt_of(state["level"], question["draw"], bugs, state["framework"], question["id"])

    def write_hunt(self) -> None:
        """Put the hunt's files into the working copy, those that are not there."""
        try:
            if not all((self.folder / name).exists() for name in hunting.FILES):
                hunting.write(self.hunt(), self.folder)
        except OSError as problem:
            self.trouble = (
                f"The hunt's files can't be written: {problem.strerror}. Mend that, and pause and go on; or move on."
            )

    def judge_hunt(self) -> None:
        """Judge the hunt's files as they are saved."""
        question = current(self.state)
        source, tests = self.read("model.py"), self.read("test_model.py").replace(EXAMPLE, "")
        hunt = self.hunt()
        if [bug.label for bug in hunt.bugs] != [bug["label"] for bug in question["bugs"]]:
            raise Refused("This course's hunts have changed since the round began; this one can't be judged. Move on.")
        report = hunt.judge(source, tests)
        if report.tone == "raised":
            raise Refused(f"{report.message.splitlines()[0]} Mend that first; nothing is counted yet.")
        self.do(
            "hunted",
            repaired=report.repaired,
            caught=report.caught,
            false_alarms=report.false_alarms,
            lines=[list(line) for line in report.lines],
            tests=count_tests(tests, ""),
        )

    # The report

    def report(self) -> Facts:
        return facts(self.state, [state for state in rounds(self.store) if state["key"] != self.state["key"]])

    def write_report(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            (self.folder / PAGE).write_text(page(self.report()), encoding="utf-8")
        except OSError as problem:
            self.trouble = f"The report can't be written: {problem.strerror}."

    def panel(self) -> Panel:
        """The report on the screen, with the way to the page where there is one."""
        return panel(self.report(), f"{folder(self.state)}/{PAGE}" if (self.folder / PAGE).exists() else "")

    def read(self, name: str) -> str:
        path = self.folder / name
        try:
            return path.read_text(encoding="utf-8")
        except FileNotFoundError:
            self.write_hunt()
            raise Refused(f"{name} was gone; it's there again as you got it, in {folder(self.state)}.") from None
        except (OSError, ValueError) as problem:
            raise Refused(f"{path} can't be read: {problem}.") from None


def begun(store: Progress | None, workbook: Path, clock: Callable[[], float] = time.time, **asked: Any) -> Desk:
    """A new round, drawn and not begun. Raises ValueError, with a sentence, for what can't be asked."""
    key = datetime.fromtimestamp(clock()).isoformat(timespec="seconds")
    return Desk(draw(**asked, key=key, history=history(store)), store, workbook, clock)


def left_open(store: Progress | None, workbook: Path, clock: Callable[[], float] = time.time) -> Desk | None:
    """The latest round that was begun and not ended, paused. What lay between its last step and now doesn't count."""
    for state in reversed(rounds(store)):
        if state["ended"] is None:
            return Desk(state | {"since": None}, store, workbook, clock)
    return None


def rounds(store: Progress | None) -> list[State]:
    """The rounds that are kept, the earliest first."""
    found: list[State] = []
    if store is not None:
        with suppress(*NOT_KEPT):
            found = [state for key in sorted(store.kept_keys(KIND)) if (state := store.kept(KIND, key))]
    return found


def history(store: Progress | None, most: int = 20) -> list[tuple[str, str]]:
    """The mistakes of this learner's earlier attempts that no follow-up was right about since, the latest first."""
    open_ones: dict[tuple[str, str], None] = {}
    if store is not None:
        with suppress(*NOT_KEPT):
            for event in store.events("attempt", "review", "interview", "follow_up"):
                for mistake in (event.mistake or "").split("; "):  # several corners may be open at once
                    open_ones.pop((event.exercise, mistake), None)
                    if mistake and not (event.event == "follow_up" and event.outcome == "right"):
                        open_ones[event.exercise, mistake] = None
    return list(open_ones)[::-1][:most]


def by_letter(value: Any, options: list[str]) -> Any:
    """The option that "b" means, or the option itself."""
    letters = dict(zip(ascii_lowercase, options, strict=False))
    return letters.get(value.strip().lower().strip(".)"), value) if isinstance(value, str) else value


def by_number(value: Any) -> Any:
    """Points counted from one, "1 3" or [1, 3], as places counted from zero."""
    if value is None or value == "":
        return []
    if isinstance(value, str):
        value = [int(part) if part.isdecimal() else part for part in value.replace(",", " ").split()]
    if isinstance(value, int):
        value = [value]
    return [point - 1 if isinstance(point, int) else point for point in value] if isinstance(value, list) else value


def nameless(report: Report) -> Lines:
    """A verdict's lines without the name of the mistake and its reason: the interviewer asks for them later."""
    kept = [(role, text) for role, text in report.lines if role not in ("head", "next")]
    if report.mistake or report.edges:
        return [(role, text) for role, text in kept if role != "why"]
    told = [] if kept and not report.convention else [("why", spoken(report))]
    return [] if report.outcome == "right" else [*told, *kept]


def count_tests(source: str, name: str) -> int:
    """How many tests a source has: functions called test..., and calls of the named one outside its own body."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return 0
    return sum(is_test(node, name) for statement in tree.body for node in outside(statement, name))


def outside(statement: ast.AST, name: str) -> list[ast.AST]:
    own = isinstance(statement, ast.FunctionDef | ast.ClassDef) and statement.name == name
    return [] if own else list(ast.walk(statement))


def is_test(node: ast.AST, name: str) -> bool:
    if isinstance(node, ast.FunctionDef):
        return node.name.startswith("test")
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name != ""


def in_tensors(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of tensors as one of arrays."""
    import torch

    def tensor(value: Any) -> Any:
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return type(value)(*map(tensor, value))
        if isinstance(value, tuple | list):
            return type(value)(map(tensor, value))
        return torch.from_numpy(value) if isinstance(value, np.ndarray) else value

    def array(value: Any) -> Any:
        if isinstance(value, tuple | list):
            return type(value)(map(array, value))
        return value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else value

    @wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        return array(function(*map(tensor, args), **{name: tensor(value) for name, value in kwargs.items()}))

    return called
