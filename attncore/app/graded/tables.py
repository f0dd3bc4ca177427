"""results.csv, a row a learner and exercise; and grades.csv, as Canvas or Moodle import it."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TextIO

from attncore.app.graded.answers import Answers
from attncore.app.graded.roster import Roster
from attncore.app.graded.strangers import shown

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # a spreadsheet would compute such a cell
COLUMNS = ("learner", "exercise", "lesson", "outcome", "mistake", "edges", "points")
CANVAS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")


def cell(value: str | float) -> str:
    """A cell that no spreadsheet takes for a formula; a number stays a number."""
    if not isinstance(value, str):
        return f"{round(value, 4):g}"
    text = " ".join(shown(value).split("\n")).replace("\t", " ")
    return f"'{text}" if value.startswith(FORMULA) else text


class Table:
    """Rows written one at a time."""

    def __init__(self, file: TextIO):
        self.writer = csv.writer(file, lineterminator="\n")

    def row(self, *cells: str | float) -> None:
        self.writer.writerow(map(cell, cells))


def write_results(table: Table, found: Answers) -> None:
    for answer in found.asked:
        result = answer.result
        edges = " | ".join(result.edges)
        table.row(found.learner, answer.id, answer.lesson, result.outcome, result.mistake or "", edges, answer.points)


@dataclass
class Grades:
    """The rows of grades.csv, in the shape of the system that the roster comes from.

    Without a roster it has Canvas's shape, with the name of the file as the student's. Canvas takes a number in
    parentheses at the end of an assignment's name for its ID, so the points stand in their row alone. Moodle has no
    such row, and refuses the whole file where one row is of nobody: who isn't on the roster isn't written.
    """

    table: Table
    assignment: str
    possible: float
    roster: Roster | None = None
    whose: dict[str, dict[str, str]] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)  # learners who are not on the roster

    def begin(self, learners: Iterable[str]) -> None:
        columns = self.roster.columns if self.roster else CANVAS
        self.whose = self.roster.match(learners) if self.roster else {}
        self.table.row(*columns, self.assignment)
        if self.roster is None or self.roster.system == "Canvas":
            self.table.row("    Points Possible", *[""] * (len(columns) - 1), self.possible)

    def add(self, found: Answers) -> None:
        if self.roster is None:
            self.table.row(student(found.learner), "", "", "", "", found.points)
        elif person := self.whose.get(found.learner):
            self.table.row(*(person.get(column, "") for column in self.roster.columns), found.points)
        else:
            self.missing.append(found.learner)

    @property
    def absent(self) -> list[str]:
        """The people of the roster of whom nothing was graded."""
        here = {id(person) for person in self.whose.values()}
        return [self.roster.name(p) for p in self.roster.people if id(p) not in here] if self.roster else []


def student(learner: str) -> str:
    """A learner's name where Canvas looks for a student's; no name may be taken for the row of the points."""
    return learner.replace("Points Possible", "points possible")
