"""Where a learner stands, and what is next: the lessons with their exercises, what is due, the mistakes made most."""

from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from html import escape
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING

from attncore.app.listed import Listed, link, prose
from attncore.app.places import NOTEBOOKS, SOLUTIONS
from attncore.app.progress import DONE, Progress
from attncore.app.workbook import cells_of, lesson_named
from attncore.exercises import LESSONS, Exercise, exercises, find, lessons
from attncore.look import BLUE, GREEN, GREY, ORANGE

if TYPE_CHECKING:
    from attncore.app.review import Replay

MOST = 5  # mistakes that are shown
NAME, DOTS, COUNTS = "flex:0 0 9.5em", "flex:1 1 14em;letter-spacing:.12em;overflow-wrap:anywhere", "flex:0 0 13em"
MARKS = {"right": ("■", GREEN), "edge": ("◧", BLUE), "wrong": ("✗", ORANGE), "raised": ("✗", ORANGE)}
SAID, TO_SAY, TO_DO = ("●", GREEN), ("○", GREY), ("□", GREY)
LEGEND = "■ right  ◧ right, with an open corner  ✗ tried  □ to do  ● card answered  ○ card to answer"


@dataclass(frozen=True)
class Row:
    """One lesson: how each of its exercises stands, and each of its cards."""

    lesson: str
    outcomes: dict[str, str]  # of every exercise that was tried
    told: frozenset[str]  # the cards that were answered
    here: bool = False

    @property
    def exercises(self) -> list[Exercise]:
        return [e for e in lessons[self.lesson] if e.kind != "explain" and on_a_page(e)]

    @property
    def cards(self) -> list[Exercise]:
        return [e for e in lessons[self.lesson] if e.kind == "explain"]

    def count(self, *outcomes: str) -> int:
        return sum(self.outcomes.get(exercise.id) in outcomes for exercise in self.exercises)

    @property
    def counts(self) -> str:
        told = sum(card.id in self.told for card in self.cards)
        right = [f"{self.count(*DONE)} of {len(self.exercises)} right"] if self.exercises else []
        return ", ".join([*right, f"{told} of {len(self.cards)} cards"])

    def mark(self, exercise: Exercise) -> tuple[str, str]:
        if exercise.kind == "explain":
            return SAID if exercise.id in self.told else TO_SAY
        return MARKS.get(self.outcomes.get(exercise.id, ""), TO_DO)

    def row(self) -> tuple[str, str]:
        every = [*self.exercises, *self.cards]
        marks = "".join(self.mark(exercise)[0] for exercise in every)
        linked = "".join(self.dot(exercise) for exercise in every)
        page = link(self.lesson, f"{self.lesson}.ipynb", NAME + ";font-weight:600" * self.here)
        page += f'<span style="{DOTS}">{linked}</span><span style="{COUNTS}">{self.counts}</span>'
        return f"{'> ' if self.here else '  '}{self.lesson:<17}  {self.counts:<30} {marks}", page

    def dot(self, exercise: Exercise) -> str:
        """An exercise as one mark that leads to it."""
        mark, color = self.mark(exercise)
        how = {"■": "right", "◧": "a corner is open", "✗": "tried", "●": "answered"}.get(mark, "to do")
        title = escape(f"{exercise.title}: {how}")
        style = f"color:{color};text-decoration:none"
        return f'<a href="{place_of(exercise)}" title="{title}" aria-label="{title}" style="{style}">{mark}</a>'


def standing(store: Progress, here: str = "", now: datetime | None = None) -> Listed:
    """Where the learner stands; `here` is the lesson in whose notebook that is asked."""
    from attncore.app.review import day_of, replay  # it leads back here, and loads FSRS

    now = now or datetime.now().astimezone()
    state, outcomes = replay(store.events(), now), store.outcomes()
    told = frozenset(event.exercise for event in store.events("marks", "claims"))
    rows = [Row(lesson, outcomes, told, lesson == here) for lesson, every in lessons.items() if every]
    done, corners = sum(row.count(*DONE) for row in rows), sum(row.count("edge") for row in rows)
    head = counted(done, "exercise") + " right" + (f", {corners} with an open corner" if corners else "")
    panel = Listed("info", [("head", head)])
    lead_on(panel, outcomes, here)
    remind(panel, state, day_of(now, now))
    panel.add(row.row() for row in rows)
    panel.lines.append(("where", LEGEND))
    add_mistakes(panel, state)
    if advice := where_to_begin(store):
        panel.lines.append(("where", advice))
    return panel


def lead_on(panel: Listed, outcomes: dict[str, str], here: str) -> None:
    """Say what is next, with a link to it."""
    following = next_one(outcomes, here)
    if following is None:
        panel.lines.append(("next", "Everything is right."))
        return
    where = "in this lesson" if following.lesson == here else f"in {following.lesson}"
    done = f"{here} is done. " if here and following.lesson != here else ""
    panel.lines.append(("next", f"{done}Next: {following.title} ({following.id}, {where})."))
    panel.links[following.title] = place_of(following)


def remind(panel: Listed, state: "Replay", today: date) -> None:
    """Say what is due."""
    from attncore.app.review import todays

    waiting, _ = todays(state, today)
    back = sum(bool(task.items[0].label) for task in waiting)
    if waiting:
        which = f", {back} of them for mistakes that come back" if back else ""
        text = f"To go over today: {counted(len(waiting), 'exercise')}{which}; review() has them."
        panel.lines.append(("next", text))


def add_mistakes(panel: Listed, state: "Replay") -> None:
    """The mistakes made most, by name, wherever they were made."""
    made: dict[str, list[tuple[str, int, bool]]] = {}
    for item, held in state.items.items():
        if item.label:
            made.setdefault(item.label, []).append((item.exercise, held.made, held.gone))
    most = sorted(made.items(), key=lambda both: -sum(times for _, times, _ in both[1]))
    if most:
        panel.lines.append(("head", "Mistakes made most"))
        panel.add(mistake(label, where) for label, where in most[:MOST])


def mistake(label: str, where: list[tuple[str, int, bool]]) -> tuple[str, str]:
    """A mistake, how often it was made, and where."""
    times = often(sum(times for _, times, _ in where))
    gone = ", gone since" if all(gone for _, _, gone in where) else ""
    ids = [id for id, _, _ in where]
    linked = ", ".join(link(id, place_of(find(id))) for id in ids)
    page = f'<span style="flex:1 1 15em">{prose(label)}</span><span>{times}{gone}</span><span>in {linked}</span>'
    return f"  {label}: {times}{gone}, in {', '.join(ids)}", page


def often(times: int) -> str:
    return {1: "once", 2: "twice"}.get(times, f"{times} times")


def counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def next_one(outcomes: dict[str, str], here: str = "") -> Exercise | None:
    """The first exercise that is left in this lesson, else in one where something was tried, else of all."""
    left = [e for e in exercises if e.kind != "explain" and outcomes.get(e.id) not in DONE and on_a_page(e)]
    started = {e.lesson for e in exercises if e.id in outcomes}
    of_here = (e for e in left if e.lesson == here)
    return next(of_here, None) or next((e for e in left if e.lesson in started), left[0] if left else None)


def where_to_begin(store: Progress) -> str:
    """What the first answers to the diagnostic of lesson 00 say; nothing until all of them are given."""
    asked = {e.id: lesson_named(e.words["points_to"]) for e in exercises if "points_to" in e.words}
    first = store.first_outcomes()
    if not asked.keys() <= first.keys():
        return ""
    missed = sorted(lesson for id, lesson in asked.items() if first[id] != "right")
    if not missed:
        return "The diagnostic: all right. Read the ends of the lessons, and do their exercises."
    return f"The diagnostic suggests that you begin with {missed[0]}."


def lesson_of(path: str) -> str:
    """The lesson whose notebook lies at a path, under whatever name a copy has; or nothing."""
    name = PureWindowsPath(path).name.partition(".")[0]
    return name if name in LESSONS else ""


def place_of(exercise: Exercise, folder: str = "") -> str:
    """The address of an exercise in its notebook, seen from the working copy, as JupyterLab follows it.

    What no cell asks has that of the section which answers it.
    """
    first = [f"### {exercise.title}", f'card("{exercise.id}")']
    places = [(exercise.lesson, line) for line in first]
    if "section" in exercise.words:
        lesson, heading = exercise.section
        places += [(lesson, f"## {heading}"), (lesson, f"### {heading}")]
    for lesson, line in places:
        if cell := first_lines((SOLUTIONS if folder else NOTEBOOKS) / f"{lesson}.ipynb").get(line):
            return f"{folder}{lesson}.ipynb#cell-id={cell}"
    return f"{folder}{exercise.lesson}.ipynb"


def on_a_page(exercise: Exercise) -> bool:
    """Is it somewhere in a notebook? Some drills are asked by interviews and by the review alone."""
    return exercise.kind == "explain" or place_of(exercise).startswith(f"{exercise.lesson}.ipynb#cell-id=")


@cache
def first_lines(notebook: Path) -> dict[str, str]:
    """The cells of a notebook, by their first lines."""
    try:
        return {source.partition("\n")[0]: id for _, source, id in reversed(cells_of(notebook))}
    except (OSError, ValueError):
        return {}
