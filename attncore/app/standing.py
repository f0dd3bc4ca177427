"""Where a learner stands: a row a lesson, what the diagnostic says, and what is next."""

from dataclasses import dataclass, field
from html import escape

from attncore.app.places import NOTEBOOKS, SOLUTIONS
from attncore.app.progress import DONE, Progress
from attncore.app.workbook import cells_of, lesson_named
from attncore.exercises import LESSONS, Exercise, exercises
from attncore.grading.report import Panel
from attncore.look import BLUE, WASH

ROW = "display:flex;flex-wrap:wrap;align-items:center;gap:.1em .8em;margin:.25em 0"
TRACK = f"flex:0 0 6em;height:.6em;border-radius:.3em;overflow:hidden;background:{WASH}"


@dataclass(frozen=True)
class Row:
    """One lesson: of its exercises how many are done, and how many of those with an open corner; of its cards."""

    lesson: str
    done: int
    open: int
    asked: int
    told: int
    cards: int

    @property
    def counts(self) -> str:
        corners = f", {self.open} with an open corner" if self.open else ""
        return f"{self.done:>2} of {self.asked:>2} right{corners}, {self.told} of {self.cards} cards"

    def __str__(self) -> str:
        return f"{self.lesson:<18}{'█' * round(10 * self.share):<10} {self.counts}"

    @property
    def share(self) -> float:
        return self.done / self.asked if self.asked else 0.0

    def html(self) -> str:
        bar = f'<div style="width:{self.share:.0%};height:100%;background:{BLUE}"></div>'
        return (
            f'<div role="listitem" style="{ROW}"><a style="flex:0 0 9.5em" href="{self.lesson}.ipynb">{self.lesson}</a>'
            f'<div aria-hidden="true" style="{TRACK}">{bar}</div><span>{escape(self.counts)}</span></div>'
        )


@dataclass
class Standing(Panel):
    """A panel whose rows are lines in a terminal, and in a page wrap where it is narrow."""

    rows: list[Row] = field(default_factory=list)

    def block(self, role: str, text: str, mark: str = "") -> str:
        if role != "input":
            return super().block(role, text, mark)
        return f'<div role="list">{"".join(row.html() for row in self.rows)}</div>'


def standing(store: Progress) -> Standing:
    outcomes, marks = store.outcomes(), store.marks()
    rows = [row(lesson, outcomes, marks) for lesson in LESSONS]
    done, corners = sum(row.done for row in rows), sum(row.open for row in rows)
    head = f"{done} exercise{'' if done == 1 else 's'} right" + (f", {corners} with an open corner" if corners else "")
    lines = [("head", head), ("input", "\n".join(map(str, rows)))]
    if advice := where_to_begin(store):
        lines.append(("where", advice))
    following = next_one(outcomes)
    if following is None:
        return Standing("info", [*lines, ("next", "Everything is right.")], rows=rows)
    after = f"Next: {following.title} ({following.id}, in {following.lesson})."
    links = {following.title: place_of(following)}
    return Standing("info", [*lines, ("next", after)], links=links, rows=rows)


def row(lesson: str, outcomes: dict[str, str], marks: dict[str, str]) -> Row:
    judged = [outcomes.get(e.id) for e in exercises if e.lesson == lesson and e.kind != "explain"]
    cards = [e for e in exercises if e.lesson == lesson and e.kind == "explain"]
    done = sum(outcome in DONE for outcome in judged)
    return Row(lesson, done, judged.count("edge"), len(judged), sum(e.id in marks for e in cards), len(cards))


def next_one(outcomes: dict[str, str]) -> Exercise | None:
    """The first exercise that is left in a lesson where something was tried; else the first of all that are left."""
    left = [e for e in exercises if e.kind != "explain" and outcomes.get(e.id) not in DONE]
    started = {e.lesson for e in exercises if e.id in outcomes}
    return next((e for e in left if e.lesson in started), left[0] if left else None)


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


def place_of(exercise: Exercise, folder: str = "") -> str:
    """The address of an exercise in its notebook, seen from the working copy, as JupyterLab follows it."""
    name = f"{exercise.lesson}.ipynb"
    try:
        cells = cells_of((SOLUTIONS if folder else NOTEBOOKS) / name)
    except (OSError, ValueError):
        cells = []
    heading = next((id for _, source, id in cells if source.partition("\n")[0] == f"### {exercise.title}"), None)
    return f"{folder}{name}#cell-id={heading}" if heading else f"{folder}{name}"
