"""What a cell sees: the verbs of a learner's notebook."""

import inspect
import os
import sqlite3
from collections import Counter
from collections.abc import Callable
from functools import wraps
from pathlib import PureWindowsPath
from typing import Any

from IPython.display import display

from attncore.app import hunting, writing
from attncore.app.board import outbox
from attncore.app.cards import CardPanel
from attncore.app.open_tab import saved_by_its_tab, session_path
from attncore.app.places import workbook_here
from attncore.app.progress import DONE, NOT_KEPT, notices, progress_here
from attncore.app.questions import QuestionPanel
from attncore.app.standing import lesson_of, place_of, standing
from attncore.app.workbook import lesson_named, readable, restore, restore_beside
from attncore.app.yours import yours
from attncore.exercises import Card, Code, Exercise, UnknownExercise, exercises, find
from attncore.grading import Report, judge
from attncore.grading.breaks import judge_input
from attncore.grading.report import Panel
from attncore.grading.run import is_own


def verb(function: Callable[..., Any]) -> Callable[..., None]:
    """Show what a verb returns, and a sentence in place of a traceback where it was called in a wrong way."""
    signature = inspect.signature(function)

    @wraps(function)
    def shown(*args: Any, **kwargs: Any) -> None:
        if nbgrader_grades():
            grade(function, *args, **kwargs)
            return
        try:
            signature.bind(*args, **kwargs)
        except TypeError as problem:
            usage = [("head", f"{function.__name__}: {problem}."), ("why", function.__doc__ or "")]
            display(Panel("wrong", usage))
            return
        try:
            said = function(*args, **kwargs)
        except sqlite3.Error as problem:
            said = unreadable(problem)
        except (UnknownExercise, ValueError, OSError) as problem:
            said = Panel("wrong", [("head", str(problem))])
        display(said)
        while notices:  # below: a card opens the store when it is displayed
            display(Panel("wrong", [("head", notices.pop(0))]))

    return shown


class NotRight(AssertionError):
    """What check and answer raise where nbgrader grades: the report's text."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows: the report without the course's own frames."""
        return str(self).split("\n")


def nbgrader_grades() -> bool:
    """Does nbgrader run this kernel, to grade or to validate?"""
    return "NBGRADER_EXECUTION" in os.environ


def grade(function: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
    """Do what a verb does where nbgrader grades: judge in silence. Raises NotRight; every other verb does nothing."""
    if function.__name__ in ("check", "answer"):
        report = function(*args, **kwargs)
        if report.tone not in DONE:
            raise NotRight(report.message)


def unreadable(problem: Exception) -> Panel:
    return Panel("wrong", [("head", f"Progress cannot be read at the moment: {problem}.")])


@verb
def check(function: Any, exercise: str | None = None) -> Panel:
    """Judge a function: check(softmax), or check(mine, "softmax") under another name. check(hunt) judges a hunt."""
    if function is hunt:
        return hunting.judged()
    name = exercise or getattr(function, "__name__", None)
    if name is None or name == "<lambda>":
        raise UnknownExercise('check takes a function: check(softmax), or check(mine, "softmax").')
    asked = find(name)
    if asked.kind not in ("code", "debug"):
        raise UnknownExercise(
            f'"{name}" isn\'t a function: answer it with {"card" if asked.kind == "explain" else "answer"}.'
        )
    if not is_own(function):
        text = f"{asked.id}: this is the course's own, from the first cell. Run the cell in which you wrote yours."
        return Panel("unattempted", [("head", text)])
    report = judge(asked, function)
    if isinstance(asked, Code) and asked.kind == "code":
        yours._judged(asked, function, report)
    return kept(report)


@verb
def answer(exercise: str, value: Any = None, seed: int | None = None) -> "Report | QuestionPanel":
    """Judge a number, a shape or a choice: answer("kv-bytes", 4096). Units are understood: "128 KiB".

    Without a value it asks, with buttons or a field. review() gives a seed where the numbers are drawn anew.
    """
    asked = find(name_of(exercise))
    if asked.kind not in ("numeric", "predict"):
        raise UnknownExercise(
            f'"{asked.id}" is not answered with a value: use {"card" if asked.kind == "explain" else "check"}.'
        )
    if seed is None:
        if (value is None or value is ...) and not nbgrader_grades():
            return QuestionPanel(asked, lambda given: kept(judge(asked, given)))
        return kept(judge(asked, value))
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        raise ValueError(f"A seed is a whole number, as review() gives it, not {seed!r}.")
    drawn = asked.drawn(seed)
    report = kept(judge(drawn, value), "review")
    if asked.template:
        report.lines.insert(1, ("where", drawn.words["question"]))
    return report


@verb
def writes(
    prompt: str,
    n_new: int = 40,
    temperature: float = 0.0,
    top_k: int | None = None,
    top_p: float | None = None,
    seed: int = 0,
    **parts: Callable[..., Any],
) -> "writing.Written | Panel":
    """Let SmolLM2 continue a prompt: writes("Once upon a time", 60, temperature=0.7, apply_rotary=mine)."""
    return writing.written(prompt, n_new, temperature, top_k, top_p, seed, **parts)


@verb
def symptoms(**parts: Callable[..., Any]) -> Panel:
    """Measure what a function of yours does to SmolLM2: symptoms(apply_rotary=mine)."""
    return writing.shown_symptoms(**parts)


@verb
def breaks(exercise: Any, /, *given: Any, **named: Any) -> Report:
    """Show where the code of an exercise fails, by an input: breaks("fix_attention", query=np.eye(2), ...)."""
    asked = find(name_of(exercise))
    if not isinstance(asked, Code) or asked.kind != "debug":
        raise UnknownExercise(f'"{asked.id}" has no bug to show: breaks takes the exercises called fix_...')
    report = judge_input(asked, given, named)
    if report.outcome != "unattempted" and (problem := unkept(asked.id, "breaks", report.outcome)):
        report.lines.append(("next", problem))
    if report.outcome == "wrong" and asked.hints:
        offer_help(report, asked)
    return report


def name_of(exercise: Any) -> str:
    return exercise if isinstance(exercise, str) else getattr(exercise, "__name__", str(exercise))


def kept(report: Report, event: str = "attempt") -> Report:
    """Keep the attempt; where that fails, say so under the verdict. Below a wrong answer, say what helps."""
    asked = find(report.exercise)
    if report.unread or nbgrader_grades():
        return report
    untouched = asked.kind == "debug" and report.mistake == asked.bug
    if report.outcome != "unattempted" and not untouched:
        found = report.mistake or "; ".join(report.edges) or None
        if problem := unkept(report.exercise, event, report.outcome, found):
            report.lines.append(("next", problem))
    if report.outcome in ("wrong", "raised") and asked.hints:
        offer_help(report, asked)
    return report


told: set[str] = set()  # why nothing could be kept: it is said once


def unkept(*event: Any) -> str:
    """Record an event. Where that fails, return the sentence that says so, unless it was said before."""
    try:
        progress_here().record(*event)
    except NOT_KEPT as problem:
        reason = str(problem)
        if reason not in told:
            told.add(reason)
            return f"This could not be saved ({reason}), nor can what follows until that is mended."
        return ""
    outbox.wake()
    return ""


opened_here: Counter[str] = Counter()  # the hints opened in this kernel, for where nothing can be kept


def hints_opened(asked: Exercise) -> int:
    try:
        opened = progress_here().hints(asked.id)
    except NOT_KEPT:
        opened = 0
    return min(max(opened, opened_here[asked.id]), len(asked.hints))


def offer_help(panel: Panel, asked: Exercise) -> None:
    """Say which hint comes next; where all of them are open, where the solution is."""
    call = f"hint({asked.id})" if asked.id.isidentifier() else f'hint("{asked.id}")'
    opened, total = hints_opened(asked), len(asked.hints)
    if opened < total:
        which = f"hint {opened + 1} of {total}" if total > 1 else "the hint"
        panel.lines.append(("next", f"{call} opens {which}."))
        return
    every = f"All {total} hints are open" if total > 1 else "The only hint is open"
    solution = f"solutions/{asked.lesson}.ipynb"
    panel.lines.append(("next", f'{every}. The solution is in {solution}, under "{asked.title}".'))
    panel.links[solution] = place_of(asked, "solutions/")


@verb
def hint(exercise: Any) -> Panel:
    """Open the next hint of an exercise: hint(softmax) or hint("softmax"); hint(hunt) is on the hunt that goes on."""
    if exercise is hunt:
        return hunting.hinted()
    asked = find(name_of(exercise))
    if not asked.hints:
        return Panel("info", [("head", f"{asked.id} has no hints.")])
    before, total = hints_opened(asked), len(asked.hints)
    opened = min(before + 1, total)
    if opened > before:
        opened_here[asked.id] = opened
        unkept(asked.id, "hint", str(opened))
    lines = [("head", f"{asked.id}: hint {opened} of {total}")]
    panel = Panel("info", lines + [("why", text) for text in asked.hints[:opened]])
    offer_help(panel, asked)
    return panel


@verb
def card(exercise: str) -> CardPanel:
    """Ask a question to answer aloud, show the model answer, and take your marks: card("why-scale")."""
    asked = find(name_of(exercise))
    if not isinstance(asked, Card):
        raise UnknownExercise(
            f'"{asked.id}" isn\'t a card; the cards of {asked.lesson} are '
            + ", ".join(e.id for e in exercises if e.kind == "explain" and e.lesson == asked.lesson)
        )
    return CardPanel(asked)


@verb
def glossary(word: Any = "") -> Panel:
    """What a word of the trade means: glossary("logits"). glossary() lists all of them."""
    from attncore.app.glossary import glossary

    return glossary(name_of(word))


@verb
def hunt(
    seed: int | None = None,
    bugs: int = 4,
    level: str = "senior",
    kind: str | None = None,
    framework: str = "numpy",
    follow_up: str | None = None,
) -> Panel:
    """Hunt bugs in a whole file: hunt(seed=7) writes it and begins, hunt() goes on; then check(hunt) and hint(hunt)."""
    return hunting.begin(seed, bugs, level, kind, framework, follow_up)


@verb
def progress() -> Panel:
    """Where you are, lesson by lesson, and what is next: progress()."""
    try:
        return standing(progress_here(), lesson_of(session_path()))
    except NOT_KEPT as problem:
        return unreadable(problem)


@verb
def interview(level: str = "senior", minutes: int = 45, seed: int | None = None, framework: str = "numpy") -> Any:
    """Hold a mock interview against the clock, or go on with one: interview("intermediate", minutes=30)."""
    from attncore.app.interview.notebook import room

    return room(level, minutes, seed, framework)


@verb
def submit(value: Any = None) -> Panel:
    """Give the interviewer what is asked: submit(softmax), or submit("an answer")."""
    from attncore.app.interview.notebook import given

    return given(value)


@verb
def placement(value: Any = None, again: bool = False) -> Panel:
    """Find out where to begin, in at most 20 questions: placement(), and then placement(128) or placement("a")."""
    from attncore.app.placement import placement

    return placement(progress_here(), value, again)


@verb
def plan(days: Any = 7, hours_a_day: Any = 2) -> Panel:
    """What to do each day, from where you are: plan(days=7, hours_a_day=2)."""
    from attncore.app.plan import plan

    return plan(progress_here(), days, hours_a_day)


@verb
def review() -> Panel:
    """What to go over today, before you forget it; a mistake comes back until it is gone: review()."""
    from attncore.app.review import review

    return review(progress_here())


@verb
def join(address: Any = None, code: Any = None, nickname: Any = None) -> Any:
    """Join a workshop: join("http://192.168.1.5:8765", "K7RM2P"), nickname="..." at will. join() shows it again."""
    from attncore.app.board.panel import join

    return join(progress_here(), address, code, nickname)


@verb
def leave() -> Panel:
    """Leave the workshop that you joined: nothing is sent any more."""
    from attncore.app.board.panel import leave

    return leave(progress_here())


@verb
def reset(lesson: Any = None) -> Panel:
    """Put a notebook back as it was, and keep what you wrote: reset("07_heads"), or reset() for this notebook."""
    if lesson is None and not session_path():
        raise ValueError('Say which notebook to put back: reset("07_heads").')
    named = lesson_named(PureWindowsPath(session_path()).stem if lesson is None else lesson)
    workbook = workbook_here()
    notebook = workbook / f"{named}.ipynb"
    if session_path() and readable(notebook) and not saved_by_its_tab(notebook):
        return Panel("info", [("head", restore_beside(named, workbook))])
    return Panel("info", [("head", restore(named, workbook))])
