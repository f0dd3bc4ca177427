"""All that is made of a graded batch, written into a folder file by file: tables, a page for every learner, and one for
the class. Every file is there whole or not at all, and only one submission is in memory at a time.
"""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from attncore.app.check_files import COUNTED, sentence
from attncore.app.graded.answers import Answer, Answers, answers, exercise_of, reread
from attncore.app.graded.roster import read_roster
from attncore.app.graded.strangers import page_name, shown, shown_name
from attncore.app.graded.tables import COLUMNS, Grades, Table, write_results
from attncore.app.graded.tally import FIRST, Room, Seen, most_first
from attncore.app.listed import prose
from attncore.grading.report import Panel
from attncore.grading.results import Result, Results

MARKS = {"right": "✓", "edge": "◧", "wrong": "✗", "raised": "!", "unattempted": "·"}
COLORS = {"right": "r", "edge": "e", "wrong": "w", "raised": "w", "unattempted": "u"}
SHORT = {"right": "right", "edge": "corner", "wrong": "wrong", "raised": "error", "unattempted": "not tried"}
WIDE = 36  # columns that fit on a sheet of paper; of more, tables are made
LISTED = 60  # rows of mistakes and of corners that are shown
Part = list[tuple[str, list[tuple[int, str]]]]  # lessons, each with the places and the ids of its exercises


@dataclass(frozen=True)
class Options:
    """How it is counted, and for whom: `edge_points` for what is right with an open corner, 1 for what is right."""

    edge_points: float = 1.0
    assignment: str = "attncore"
    roster: Path | None = None  # as exported by Canvas or Moodle


def write(results: Results, folder: Path, options: Options | None = None) -> None:
    """Write results.csv, grades.csv, learners/NAME.html and index.html.

    Raises Unusable where the roster can't be used, before anything is written; OSError where the folder can't be.
    """
    options = options or Options()
    asked: list[str] = results.noted("asked") or []
    roster = read_roster(options.roster) if options.roster else None
    (folder / "learners").mkdir(parents=True, exist_ok=True)
    room = Room(asked)
    with replaced(folder / "results.csv") as rows, replaced(folder / "grades.csv") as graded:
        table, grades = Table(rows), Grades(Table(graded), options.assignment, len(asked), roster)
        table.row(*COLUMNS)
        grades.begin(results.digests())
        for submission in results.submissions():
            found = answers(submission, asked, options.edge_points)
            write_results(table, found)
            grades.add(found)
            room.add(found)
            write_page(folder / "learners" / page_name(found.learner), "learner.html", learner_facts(found, options))
    write_page(folder / "index.html", "room.html", room_facts(room, grades, results, options))
    for page in {*(folder / "learners").glob("*.html")} - {folder / "learners" / row.page for row in room.rows}:
        page.unlink()  # of somebody who is gone, or has another name now


@contextmanager
def replaced(path: Path) -> Iterator[TextIO]:
    """A file to write that takes the place of the old one when all is written, or else leaves it as it was."""
    beside = path.with_name(f".{path.name}.part")
    try:
        with beside.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            yield file
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def write_page(path: Path, template: str, facts: dict[str, Any]) -> None:
    with replaced(path) as file:
        file.writelines(pages().get_template(template).generate(facts))


@cache
def pages() -> Environment:
    """The templates. Everything is escaped; what is Markup was escaped by our own functions."""
    loader = FileSystemLoader(Path(__file__).parent)
    environment = Environment(
        loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined
    )
    environment.filters |= {
        "named": shown_name,
        "shown": shown,
        "prose": lambda text: Markup(prose(shown(text))),
        "line": line,
        "sentence": sentence,
        "address": quote,
        "points": lambda points: f"{round(points, 2):g}",
    }
    environment.globals |= {"marks": MARKS, "colors": COLORS, "short": SHORT, "words": COUNTED}
    return environment


def line(told: tuple[str, str]) -> Markup:
    """A line of a report, (role, text), as the learner's notebook shows it."""
    role, text = told
    return Markup(Panel("info").block(role, shown(text)))


# A learner's page


def learner_facts(found: Answers, options: Options) -> dict[str, Any]:
    return {
        "learner": found.learner,
        "assignment": options.assignment,
        "file": found.submission.file,
        "told": found.submission.told,
        "unread": found.unread,
        "points": found.points,
        "possible": len(found.asked),
        "edge_points": options.edge_points,
        "counts": found.counts,
        "wrong": [answer_facts(answer) for answer in found.with_outcome("wrong", "raised")],
        "edge": [answer_facts(answer) for answer in found.with_outcome("edge")],
        "right": [answer_facts(answer) for answer in found.with_outcome("right")],
        "open": [answer_facts(answer) for answer in found.with_outcome("unattempted")],
        "others": [answer_facts(answer) for answer in found.others],
    }


def answer_facts(answer: Answer) -> dict[str, Any]:
    return {
        "id": answer.id,
        "title": answer.title,
        "outcome": answer.outcome,
        "mistake": answer.result.mistake,
        "lines": without_name(answer.result),
        "asks": next((text.partition("not attempted yet.")[2].strip() for _, text in answer.result.lines), ""),
        "reread": reread(answer.exercise) if answer.exercise else "",
    }


def without_name(result: Result) -> list[tuple[str, str]]:
    """The lines of a result under a heading of its own: "softmax: no maximum subtracted." begins with what follows."""
    names = re.compile(rf"^({re.escape(result.exercise)}: )?(not right: )?")
    return [(role, sentence(names.sub("", text, count=1)) if role == "head" else text) for role, text in result.lines]


# The page of the class


def room_facts(room: Room, grades: Grades, results: Results, options: Options) -> dict[str, Any]:
    mistakes, corners = most_first(room.mistakes), most_first(room.corners)
    named = [seen for seen in mistakes if seen.named]
    return {
        "assignment": options.assignment,
        "room": room,
        "possible": len(room.asked),
        "parts": list(in_parts(room.asked)),
        "again": room.teach_again(),
        "mistakes": mistakes[:LISTED],
        "more_mistakes": len(mistakes[LISTED:]),
        "top": [(seen, case_of(results, seen)) for seen in named[:FIRST]],
        "corners": corners[:LISTED],
        "more_corners": len(corners[LISTED:]),
        "others": results.noted("others") or [],
        "grades": grades,
        "walls": in_words(results.noted("walls") or {}),
    }


def case_of(results: Results, seen: Seen) -> list[tuple[str, str]]:
    """The reason for a mistake and its smallest case, as the first who made it was told."""
    found = (result for result in results.of(seen.example) if result.exercise == seen.exercise)
    return [told for told in without_name(next(found)) if told[0] != "next"]


def in_parts(asked: Sequence[str]) -> Iterator[Part]:
    """What was asked, in tables that fit on paper, with a lesson whole in one of them."""
    by_lesson: dict[str, list[tuple[int, str]]] = {}
    for place, id in enumerate(asked):
        exercise = exercise_of(id)
        by_lesson.setdefault(exercise.lesson if exercise else "", []).append((place, id))
    part: Part = []
    for lesson, places in by_lesson.items():
        if part and sum(len(others) for _, others in part) + len(places) > WIDE:
            yield part
            part = []
        part.append((lesson, places))
    if part:
        yield part


def in_words(walls: dict[str, bool]) -> tuple[list[str], list[str]]:
    """The walls of the sandbox that held, and those that this system doesn't have."""
    return [name for name, held in walls.items() if held], [name for name, held in walls.items() if not held]
