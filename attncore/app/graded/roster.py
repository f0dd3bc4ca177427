"""Who a learner is in Canvas or Moodle: their exported list of people, and whose file is whose."""

import csv
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from unicodedata import normalize

from attncore.grading.batch import OF_MOODLE

Person = dict[str, str]  # a row of the roster, by column
CANVAS_NAMES = {"student", "lastname", "firstname"}
MOODLE_IDS = ("id number", "email address", "username")
# The names that the two give to the files when an instructor downloads all of them.
FROM_CANVAS = re.compile(r"([^_]*)_(?:late_)?(\d+)_(?:\d+(?:_|$)|$)", re.IGNORECASE)
FROM_MOODLE = re.compile(rf"(.+?)_\d+{OF_MOODLE}(?:file)?", re.IGNORECASE)


class Unusable(ValueError):
    """The roster can't be used; the message says why, and what would do."""


@dataclass
class Roster:
    """The people of a course. `columns` are those that grades.csv repeats for each of them."""

    system: str  # "Canvas" or "Moodle"
    columns: list[str]
    people: list[Person]
    known: dict[str, Person | None] = field(default_factory=dict)  # by every key; None where several people have it

    def __post_init__(self) -> None:
        for person in self.people:
            for name in set(self.keys(person)):
                self.known[name] = None if name in self.known else person

    def keys(self, person: Person) -> Iterator[str]:
        """All that a learner's file may be called."""
        named = {column.strip().casefold(): value for column, value in person.items()}
        last, first = named.get("last name") or named.get("surname") or named.get("lastname"), named.get("first name")
        full = named.get("student") or named.get("full name", "")
        if "," in full:  # as Canvas sorts them: "Lovelace, Ada"
            last, _, first = full.partition(",")
        names = [full, f"{first or named.get('firstname') or ''} {last or ''}"]
        logins = [named.get(column, "") for column in ("sis login id", "email address", "username")]
        ids = [named.get(column, "") for column in ("id", "sis user id", "id number")]
        yield from filter(None, map(key, [*names, *logins, *ids, *(login.partition("@")[0] for login in logins)]))

    def name(self, person: Person) -> str:
        return " ".join(filter(None, (person.get(column) for column in self.columns[:2])))

    def find(self, learner: str) -> Person | None:
        """The person of a file's name; None where nobody has it, or more than one."""
        canvas, moodle = FROM_CANVAS.match(learner), FROM_MOODLE.match(learner)
        if self.system == "Canvas" and canvas:
            return self.known.get(key(canvas[2]))
        return self.known.get(key(moodle[1] if self.system == "Moodle" and moodle else learner))

    def match(self, learners: Iterable[str]) -> dict[str, Person]:
        """Whose file is whose; where two files are one person's, neither is counted."""
        found: dict[int, list[tuple[str, Person]]] = defaultdict(list)
        for learner in learners:
            if person := self.find(learner):
                found[id(person)].append((learner, person))
        return dict(pairs[0] for pairs in found.values() if len(pairs) == 1)


def owner(file: str, roster: Roster | None = None) -> str:
    """Whose a file is, by its name: of those that Canvas or Moodle names after one person, the same for each.

    Canvas's names could be anybody's, so there the roster has to know the number.
    """
    if moodle := FROM_MOODLE.match(file):
        return moodle[0]
    canvas = FROM_CANVAS.match(file) if roster and roster.system == "Canvas" and roster.find(file) else None
    return f"{canvas[1]}_{canvas[2]}_" if canvas else file


def key(name: str) -> str:
    """A name or a login as it is compared: "Lovelace_Ada" is "lovelace ada"."""
    return " ".join(re.split(r"[\s_.,-]+", normalize("NFKC", name).casefold())).strip()


def read_roster(path: Path) -> Roster:
    """The roster as Canvas's gradebook or Moodle's grades were exported. Raises Unusable."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as problem:
        raise Unusable(f"The roster {path} can't be read: {problem.strerror}.") from None
    except UnicodeDecodeError:
        raise Unusable(f"The roster {path} isn't UTF-8 text. Export it again, or save it as CSV UTF-8.") from None
    separator = max(",;\t", key=text.partition("\n")[0].count)
    try:
        rows = [row for row in csv.reader(StringIO(text, newline=""), delimiter=separator) if any(map(str.strip, row))]
    except csv.Error as problem:
        raise Unusable(f"The roster {path} can't be read as CSV: {problem}.") from None
    if not rows:
        raise Unusable(f"The roster {path} is empty.")
    columns = [column.strip() for column in rows[0]]
    people = [dict(zip(columns, map(str.strip, row), strict=False)) for row in rows[1:]]
    found = of_canvas(columns, people) or of_moodle(columns, people)
    if not found or not found.people:
        raise Unusable(
            f"The roster {path} names nobody. Export the gradebook of Canvas (its columns begin with Student, ID) or"
            f" the grades of Moodle (with Username, Email address or ID number), with Moodle's language set to English."
        )
    return found


def of_canvas(columns: list[str], people: list[Person]) -> Roster | None:
    """All columns up to the section, as they came: by these Canvas knows its people again."""
    if columns[0].casefold() not in CANVAS_NAMES or "Section" not in columns:
        return None
    kept = columns[: columns.index("Section") + 1]
    students = [row for row in people if "Points Possible" not in row[columns[0]] and row[columns[0]]]
    return Roster("Canvas", kept, students)


def of_moodle(columns: list[str], people: list[Person]) -> Roster | None:
    """Names, and what identifies everybody.

    A column that is blank for someone is left out: of a blank one Moodle's import makes the person of the row above.
    """
    named = {column.casefold(): column for column in columns}
    ids = [named[id] for id in MOODLE_IDS if id in named and people and all(row.get(named[id]) for row in people)]
    names = [named[name] for name in ("first name", "last name", "surname") if name in named]
    return Roster("Moodle", [*names, *ids], people) if ids else None
