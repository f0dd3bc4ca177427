"""docs/instructor.md names commands, lessons, headings, exercises and mistakes: each of them exists."""

import argparse
import json
import re
import shlex
from pathlib import Path

import pytest

import attncore
import course
from attncore.app.cli import command_line
from attncore.app.handout import CONFIG
from attncore.app.workbook import lesson_named
from attncore.exercises import UnknownExercise, find

ROOT = Path(course.__file__).parent
PAGE = ROOT / "docs" / "instructor.md"
TEXT = PAGE.read_text(encoding="utf-8")

FILES = {  # what the commands make, and what a learner has
    *("index.html", "learners/", "grades.csv", "results.csv", "results.sqlite", "report/"),
    *("source/", "release/", CONFIG, "workbook/", "workbook/solutions/", ".attncore/progress.sqlite", ".ipynb"),
    *("attncore-board.sqlite", "attncore-pack", ".venv/bin/attncore", r".venv\Scripts\attncore"),
}
OTHERS = {"attncore", "course.py", "#", ".T", "ATTNCORE_ENDPOINT"}
TITLES = re.compile(r"^## (.+)$", re.MULTILINE)
LINK = re.compile(r"\]\(([^)]+)\)")
SPAN = re.compile(r"`([^`]+)`")


def block(title):
    """What stands under a heading."""
    return TEXT.split(f"\n## {title}\n")[1].split("\n## ")[0]


def rows(title):
    """The rows of the table under a heading, as lists of cells."""
    lines = [line.strip("|").split("|") for line in block(title).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line] for line in lines[2:]]


AGENDA = [row for title in TITLES.findall(TEXT) if title.endswith("in minutes") for row in rows(title)]
CODE = [line.strip() for line in re.findall(r"^    (.+)$", TEXT, re.MULTILINE)]
SPANS = SPAN.findall(TEXT)
COMMANDS = [*CODE, *(span for span in SPANS if span.startswith(("attncore ", "python3 ")))]
MISTAKES = rows("What usually goes wrong")


def lessons_in(row):
    return [Path(target).stem for target in LINK.findall(" ".join(row)) if target.endswith(".ipynb")]


def sources(lesson):
    cells = json.loads((ROOT / "notebooks" / f"{lesson}.ipynb").read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells]


def exercise(id):
    try:
        return find(id)
    except UnknownExercise:
        return None


def verbs(parser):
    """The parsers below a parser, by verb."""
    return next(action.choices for action in parser._actions if isinstance(action, argparse._SubParsersAction))


def flags():
    return {
        flag for verb in verbs(command_line()).values() for action in verb._actions for flag in action.option_strings
    }


def verb_called(span):
    """Is this a call of a learner's verb, or one that stands in the lesson beside it?"""
    call = re.fullmatch(r"(\w+)\(.*\)", span)
    lessons = {lesson for row in AGENDA if f"`{span}`" in " ".join(row) for lesson in lessons_in(row)}
    return call and (call[1] in attncore.VERBS or any(span in sources(lesson) for lesson in lessons))


def runs(command):
    """Is this a command line that its program takes?"""
    match shlex.split(command):
        case ["attncore", verb]:
            return verb in verbs(command_line())
        case ["attncore", *arguments]:
            chosen = command_line().parse_args(arguments)  # it exits where it's none
            return all(map(lesson_named, getattr(chosen, "lesson", [])))  # and this raises
        case ["python3", "course.py", verb, *arguments] if verb in course.INSTRUCTORS:
            return bool(command_line().parse_args([verb, *arguments]))
        case ["python3", "course.py", verb, *_]:
            return verb in course.LEARNERS
        case ["python3", "-m", "http.server", "--directory", _] | ["cd", _]:
            return True
        case ["nbgrader", "generate_assignment" | "autograde", lesson]:
            return lesson_named(lesson) == lesson
    return verb_called(command) or command == "from attncore import join"


def known(span):
    """Is this code span something that exists?"""
    if span.startswith("--"):
        return span in flags()
    if span in COMMANDS:
        return True  # looked at as such
    return span in {*FILES, *OTHERS, *attncore.VERBS, *course.INSTRUCTORS} or exercise(span) or verb_called(span)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_one(command):
    assert runs(command)


@pytest.mark.parametrize("span", sorted(set(SPANS)))
def test_what_is_set_as_code_exists(span):
    assert known(span)


@pytest.mark.parametrize("target", sorted(set(LINK.findall(TEXT))))
def test_links_lead_somewhere(target):
    assert target.startswith("https://") or (PAGE.parent / target).exists()


@pytest.mark.parametrize("row", AGENDA, ids=lambda row: row[0])
def test_an_agenda_shows_headings_and_asks_exercises_of_the_lesson_that_it_links(row):
    headings = {
        line.lstrip("# ") for lesson in lessons_in(row) for text in sources(lesson) for line in text.split("\n")
    }
    assert set(re.findall(r"\*([^*]+)\*", row[1])) <= headings
    asked = [found for span in SPAN.findall(" ".join(row)) if (found := exercise(span))]
    assert not lessons_in(row) or {found.lesson for found in asked} <= set(lessons_in(row))


def test_a_half_day_is_told_in_order_and_so_are_two_days():
    assert len(AGENDA) > 20
    times = [int(hour) * 60 + int(minute) for row in AGENDA for hour, minute in re.findall(r"(\d+):(\d\d)", row[0])]
    falls = [place for place, (early, late) in enumerate(zip(times, times[1:], strict=False)) if late <= early]
    assert len(falls) == 1, "time runs backwards once: from the first day to the second"


def test_every_mistake_is_a_label_of_its_exercise():
    asked, told = "", {}
    for name, label, said in MISTAKES:
        asked = SPAN.findall(name)[0] if name else asked
        assert label in find(asked).wrong and said
        told.setdefault(asked, []).append(label)
    written = {span for row in rows("A half day, in minutes") for span in SPAN.findall(row[-1])}
    functions = {id for id in written if (found := exercise(id)) and found.kind in ("code", "debug")}
    assert told.keys() == functions, "all that is written in the half day, and nothing else"
    assert all(2 <= len(labels) <= 3 for labels in told.values())


@pytest.mark.parametrize("id", sorted({span for row in AGENDA for span in SPAN.findall(row[2])}))
def test_what_is_polled_has_something_to_choose_from(id):
    asked = exercise(id)
    assert asked is None or asked.words.get("choices") or asked.wrong
