"""What a cell sees: check, hint, answer, card, progress, reset."""

import sqlite3
from collections.abc import Callable
from functools import wraps
from typing import Any

from IPython.display import display

from attncore.app.cards import Card
from attncore.app.progress import Progress, progress_here
from attncore.app.workbook import restore
from attncore.exercises import LESSONS, UnknownExercise, exercises, find
from attncore.grading import Report, judge
from attncore.grading.report import Panel


def verb(function: Callable[..., Any]) -> Callable[..., None]:
    """Show what a verb returns, and a sentence in place of a traceback where it was called with a wrong name."""

    @wraps(function)
    def shown(*args: Any, **kwargs: Any) -> None:
        try:
            display(function(*args, **kwargs))
        except (UnknownExercise, ValueError, OSError) as problem:
            display(Panel("wrong", [("head", str(problem))]))

    return shown


@verb
def check(function: Any, exercise: str | None = None) -> Report:
    """Judge a function: check(softmax), or check(mine, "softmax") where its name is another."""
    name = exercise or getattr(function, "__name__", None)
    if name is None:
        raise UnknownExercise('check takes a function: check(softmax), or check(mine, "softmax").')
    asked = find(name)
    if asked.kind not in ("code", "debug"):
        raise UnknownExercise(
            f'"{name}" is no function: answer it with {"card" if asked.kind == "explain" else "answer"}.'
        )
    return kept(judge(asked, function))


@verb
def answer(exercise: str, value: Any = None) -> Report:
    """Judge a number, a shape or a choice: answer("kv-bytes", 4096). Units are understood: "128 KiB"."""
    asked = find(exercise)
    if asked.kind not in ("numeric", "predict"):
        raise UnknownExercise(
            f'"{exercise}" is not answered with a value: use {"card" if asked.kind == "explain" else "check"}.'
        )
    return kept(judge(asked, value))


def kept(report: Report) -> Report:
    """Keep the attempt; where that fails, say so under the verdict."""
    asked = find(report.exercise)
    untouched = asked.kind == "debug" and report.mistake == asked.bug
    if report.outcome != "unattempted" and not untouched:
        try:
            progress_here().record(report.exercise, "attempt", report.outcome, report.mistake)
        except (OSError, sqlite3.Error) as problem:
            report.lines.append(("next", f"This attempt could not be saved: {problem}."))
    if report.outcome in ("wrong", "raised") and asked.hints:
        report.lines.append(("next", f"{hint_call(report.exercise)} opens a hint."))
    return report


def hint_call(exercise: str) -> str:
    return f"hint({exercise})" if exercise.isidentifier() else f'hint("{exercise}")'


@verb
def hint(exercise: Any) -> Panel:
    """Open the next hint of an exercise: hint(softmax) or hint("softmax")."""
    asked = find(exercise if isinstance(exercise, str) else getattr(exercise, "__name__", str(exercise)))
    if not asked.hints:
        return Panel("info", [("head", f"{asked.id} has no hints.")])
    try:
        store = progress_here()
        opened = min(store.hints(asked.id) + 1, len(asked.hints))
        store.record(asked.id, "hint", str(opened))
    except (OSError, sqlite3.Error):
        opened = len(asked.hints)
    lines = [("head", f"{asked.id}: hint {opened} of {len(asked.hints)}")]
    return Panel("info", lines + [("why", text) for text in asked.hints[:opened]])


@verb
def card(exercise: str) -> Card:
    """Ask a question to answer aloud; show the model answer, and take the learner's marks."""
    asked = find(exercise)
    if asked.kind != "explain":
        raise UnknownExercise(
            f'"{exercise}" is no card; the cards of {asked.lesson} are '
            + ", ".join(e.id for e in exercises if e.kind == "explain" and e.lesson == asked.lesson)
        )
    return Card(asked)


@verb
def progress() -> Panel:
    """Where you are, lesson by lesson, and what is next."""
    try:
        store = progress_here()
    except (OSError, sqlite3.Error) as problem:
        return Panel("wrong", [("head", f"Progress cannot be read here: {problem}.")])
    return Panel("info", standing(store))


def standing(store: Progress) -> list[tuple[str, str]]:
    """The lines of progress(): a row a lesson, the diagnostic's advice, the next exercise."""
    outcomes, marks = store.outcomes(), store.marks()
    rows = []
    for lesson in LESSONS:
        judged = [e for e in exercises if e.lesson == lesson and e.kind != "explain"]
        cards = [e for e in exercises if e.lesson == lesson and e.kind == "explain"]
        done = sum(outcomes.get(e.id) == "right" for e in judged)
        told = sum(e.id in marks for e in cards)
        bar = "█" * round(10 * done / len(judged))
        rows.append(f"{lesson:<18}{bar:<10} {done:>2} of {len(judged):>2} right, {told} of {len(cards)} cards marked")
    left = [e for e in exercises if e.kind != "explain" and outcomes.get(e.id) != "right"]
    started = {find(id).lesson for id in outcomes if any(e.id == id for e in exercises)}
    following = next((e for e in left if e.lesson in started), left[0] if left else None)
    count = sum(outcomes.get(e.id) == "right" for e in exercises)
    lines = [("head", f"{count} exercise{'' if count == 1 else 's'} right"), ("input", "\n".join(rows))]
    if advice := where_to_begin(store):
        lines.append(("where", advice))
    after = f"Next: {following.title} ({following.id}, in {following.lesson})." if following else "Everything is right."
    return [*lines, ("next", after)]


def where_to_begin(store: Progress) -> str:
    """What the first answers to the diagnostic of lesson 00 say; nothing until all of them are given."""
    asked = {e.id: e.words["points_to"] for e in exercises if "points_to" in e.words}
    first = store.first_outcomes()
    if not asked.keys() <= first.keys():
        return ""
    missed = sorted(lesson for id, lesson in asked.items() if first[id] != "right")
    if not missed:
        return "The diagnostic: all right. Read the ends of the lessons, and do their exercises."
    return f"The diagnostic: begin with {missed[0]}."


@verb
def reset(lesson: str) -> Panel:
    """Restore a notebook of the working copy as it was, keeping the old one beside it: reset("07_heads")."""
    return Panel("info", [("head", restore(lesson))])
