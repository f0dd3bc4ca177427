"""The mock interview in a terminal: `attncore interview`. What is typed goes to the desk, line by line."""

import argparse
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from string import ascii_lowercase
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

try:
    import readline  # input() edits its lines with it
except ImportError:  # Windows
    readline = None  # type: ignore[assignment]

from attncore.app.interview.desk import COMMANDS, PAGE, Desk, begun, left_open
from attncore.app.interview.report import clock, points
from attncore.app.interview.round import Refused, current, exercise_of
from attncore.app.interview.scene import Scene, blank
from attncore.app.places import progress_place, workbook_here
from attncore.app.progress import NOT_KEPT, progress_here
from attncore.grading.run import SECONDS, TimeUp, first_line, within

HELP = (
    "/hint opens a hint, /skip moves on, /pause stops the clock (so does Ctrl-C), /end ends the round, "
    "/edit opens the file in $EDITOR, /help says this."
)
ASKS = {
    "begin": "Press Enter to begin.",
    "go on": "Press Enter to go on.",
    "text": "Type your answer; an empty line ends it.",
    "choice": "Type its letter.",
    "ticks": "Type their numbers, such as 1 3, or press Enter for none.",
    "files": "Type done when you're done.",
    "nothing": "Type /skip to move on.",
}


def interview(chosen: argparse.Namespace) -> int:
    """Hold a round; return the exit status."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        print("An interview needs a terminal to talk in; in a notebook, interview() holds one.", file=sys.stderr)
        return 2
    workbook = (chosen.workbook or workbook_here()).resolve()
    if chosen.workbook:
        os.environ["ATTNCORE_PROGRESS"] = str(progress_place(workbook))
    store, trouble = None, ""
    try:
        store = progress_here()
    except NOT_KEPT as problem:
        trouble = f"Nothing can be kept at the moment ({problem}): a round that is paused here can't go on later."
    console = Console()
    if trouble:
        console.print(trouble)
    try:
        asked = {name: getattr(chosen, name) for name in ("level", "minutes", "seed", "framework")}
        desk = begun(store, workbook, **asked)
        if (paused := left_open(store, workbook)) and goes_on(paused, console):
            desk = paused
    except ValueError as problem:
        print(problem, file=sys.stderr)
        return 2
    except (KeyboardInterrupt, EOFError):
        return 130
    Terminal(desk, console).hold()
    return 0


def goes_on(paused: Desk, console: Console, read: Callable[[str], str] = input) -> bool:
    """Does the learner go on with the round that was left open?"""
    console.print()
    show(console, paused.scene)
    return not read("Press Enter to go on with it, or type new for another round: ").strip().lower().startswith("n")


class Terminal:
    """The interviewer's words above a prompt. Lines are read by `read`, so that a test can type."""

    def __init__(self, desk: Desk, console: Console, read: Callable[[str], str] = input):
        self.desk, self.console, self.read = desk, console, read
        self.shown: Scene | None = None

    def hold(self) -> None:
        """Ask until the round is over or paused."""
        if self.desk.scene.expects == "go on":
            self.desk.give()
        while self.desk.state["ended"] is None:
            try:
                self.once()
            except Refused as problem:
                self.console.print(f"\n{problem}", markup=False, highlight=False)
                continue
            except (KeyboardInterrupt, EOFError):
                if self.desk.running:
                    self.desk.do("pause")
            else:
                if self.desk.scene.expects != "go on":
                    continue
            self.console.print(f"\n{self.left()}")
            return
        show(self.console, self.desk.scene)
        show_report(self.console, self.desk)

    def left(self) -> str:
        """What is said when the learner leaves before the end."""
        if self.desk.scene.expects == "begin":
            return "Nothing was begun."
        again = f" {self.desk.trouble}" if self.desk.trouble else " attncore interview goes on from here."
        return f"Paused, and the clock stands still.{again}"

    def once(self) -> None:
        """Show what is new, read what is expected, and hand it over."""
        scene = self.desk.scene
        if scene != self.shown:
            show(self.console, scene, self.shown.lines if self.shown else ())
            self.shown = scene
        if self.desk.trouble:
            self.console.print(self.desk.trouble, markup=False)
        if scene.expects == "function":
            self.function()
            return
        self.console.print(f"{ASKS.get(scene.expects, '')} {help_for(scene)}".strip(), style="dim", highlight=False)
        line = self.text() if scene.expects == "text" else self.line()
        if scene.expects == "files" and line.strip() not in (*COMMANDS, "done"):
            raise Refused("Nothing is judged yet. Type done when you're done.")
        if scene.expects == "files" and line.strip() == "done":
            self.console.print("One moment, I'm running your files.", style="dim")
        if not self.command(line):
            self.desk.give(line)

    def line(self, prompt: str = "") -> str:
        """One line, after the time that is left."""
        part, whole = self.desk.left()
        return self.read(prompt or f"[{shown_time(part)} left here, {shown_time(whole)} in all] > ")

    def text(self) -> str:
        """Lines up to an empty one. What is typed when Ctrl-C comes is kept, and shown again."""
        lines = self.desk.state["draft"].splitlines()
        if lines:
            self.console.print("You had typed:\n" + "\n".join(lines), markup=False)
        prompt = ""
        try:
            while True:
                line, prompt = self.line(prompt), "... "
                if line.strip() in (*COMMANDS, "/help"):
                    self.draft(lines)
                    return line
                if not line.strip():
                    return "\n".join(lines)
                lines.append(line)
        except (KeyboardInterrupt, EOFError):
            self.draft([*lines, unfinished()])
            raise

    def draft(self, lines: list[str]) -> None:
        self.desk.do("draft", text="\n".join(lines).strip())

    def function(self) -> None:
        """A file to write in; judged whenever the learner presses Enter."""
        exercise = exercise_of(current(self.desk.state))
        path = self.desk.folder / f"{exercise.id}.py"
        imports = "import numpy as np\n" + ("import torch\n" if self.desk.state["framework"] == "torch" else "")
        if not path.exists():
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(f"{imports}\n\n{blank(exercise)}\n", encoding="utf-8")
            except OSError as problem:
                self.console.print(f"{path} can't be written: {problem.strerror}.", markup=False)
        self.console.print(
            f"Write it in {path}, save, and press Enter to have it checked.", soft_wrap=True, markup=False
        )
        self.console.print(help_for(self.desk.scene), style="dim", highlight=False)
        line = self.line()
        if line.strip() == "/edit":
            edit(path)
        elif not self.command(line):
            source, found = function_in(path, exercise.id)
            self.desk.give(found, source)

    def command(self, line: str) -> bool:
        """Do what a line that begins with a stroke says; or nothing, where it is no command."""
        if line.strip() == "/help":
            self.console.print(HELP, highlight=False)
            return True
        if line.strip() == "/end" and self.read("End the round here? yes or no: ").strip().lower() not in ("y", "yes"):
            return True
        if line.strip() in COMMANDS:
            self.desk.give(line)
            return True
        return False


def help_for(scene: Scene) -> str:
    hint = f"/hint opens one of {scene.hints}. " if scene.hints else ""
    return f"{hint}/help says what else there is." if scene.expects not in ("begin", "go on") else ""


def shown_time(seconds: float) -> str:
    return clock(seconds) if seconds > 0 else "0:00"


def unfinished() -> str:
    """What stands in the line that Ctrl-C came into."""
    return readline.get_line_buffer() if readline else ""


def edit(path: Path) -> None:
    """Open a file in the learner's editor, and wait until it is closed."""
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if not editor:
        raise Refused("No editor is named in $EDITOR; open the file in yours.")
    try:
        subprocess.run([*shlex.split(editor), str(path)], check=False)
    except (OSError, ValueError) as problem:
        raise Refused(f"The editor {editor} doesn't start: {problem}.") from None


def function_in(path: Path, name: str) -> tuple[str, Any]:
    """A file's source, and what it defines under a name. Raises Refused, with a sentence."""
    try:
        source = path.read_text(encoding="utf-8")
        names: dict[str, Any] = {"__name__": "answer", "__file__": str(path)}
        code = compile(source, str(path), "exec")
        within(SECONDS, lambda: exec(code, names))
    except TimeUp:
        raise Refused(f"{path.name} doesn't come to an end within {SECONDS:g} seconds.") from None
    except SyntaxError as problem:
        raise Refused(f"{path.name} isn't valid Python, line {problem.lineno}: {problem.msg}.") from None
    except KeyboardInterrupt:
        raise
    except BaseException as problem:  # a stranger's file may raise whatever it likes
        raise Refused(f"{path.name} stops with {type(problem).__name__}: {first_line(problem)}") from None
    if name not in names:
        raise Refused(f"{path.name} defines no {name}.")
    return source, names[name]


def show(console: Console, scene: Scene, before: Sequence[tuple[str, str]] = ()) -> None:
    """The interviewer's words, but for those that stand above already."""
    console.print()
    new = [line for line in scene.lines if line not in before]
    for place, (role, text) in enumerate(new):
        if role in ("head", "case") and place:
            console.print()
        console.print(Text(text, style="bold" if role == "head" else ""), soft_wrap=role == "input")
    if scene.expects == "choice":
        for letter, option in zip(ascii_lowercase, scene.options, strict=False):
            console.print(indented(f"{letter})", option))
    if scene.expects == "ticks":
        for number, option in enumerate(scene.options, 1):
            console.print(indented(f"{number}.", option))


def indented(mark: str, text: str) -> Table:
    """A line of a list, whose text wraps beside its mark."""
    grid = Table.grid(padding=(0, 1))
    grid.add_row("", mark, Text(text))
    return grid


def show_report(console: Console, desk: Desk) -> None:
    """The report in tables, and where the page is."""
    report = desk.report()
    console.print(Text(f"\n{report['title']}, {report['time']}, seed {report['seed']}", style="bold"))
    table = Table("part", "question", "came to", "time", show_edge=False, pad_edge=False)
    for part in report["parts"]:
        for question in part["questions"]:
            table.add_row(part["name"], *map(Text, (question["title"], question["result"], question["time"])))
    console.print(table)
    rules = Table("line", "points", "measured", show_edge=False, pad_edge=False)
    for row in report["rubric"]:
        rules.add_row(row["name"], points(row["points"]), Text(row["measured"]))
    console.print("\n", rules, "\n")
    for place in report["reread"]:
        console.print(Text(f"To read again: {place['text']}"))
    where = f"The whole report, with its rules: {desk.folder / PAGE}"
    console.print(desk.trouble or where, soft_wrap=True, highlight=False, markup=False)
