"""A plan for the days that are left: lessons, exercises, hunts and mock interviews, with their minutes.

What matters most is taken in first, until the time is spent; what was taken in is done from easy to hard, and the hunts
and interviews come in between and at the end. No day holds more than its minutes.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from itertools import groupby
from typing import Any

from attncore.app.listed import Listed, code, link
from attncore.app.placement import KNOWN, NEW, known, next_question, so_far
from attncore.app.progress import DONE, Progress
from attncore.app.review import day_of, due, replay
from attncore.app.standing import on_a_page, place_of
from attncore.exercises import LESSONS, STORIES, Card, Exercise, lessons

# How much a topic matters in an interview on attention, of 1, and a half where it isn't named: a judgment, no count.
MATTERS = {
    "dot_product": 1.0,
    "masks": 1.0,
    "softmax": 0.95,
    "cache": 0.95,
    "heads": 0.9,
    "self_attention": 0.9,
    "shared_heads": 0.85,
    "positions": 0.85,
    "flash": 0.8,
    "transformer": 0.8,
    "interview": 0.75,
    "weighted_sum": 0.7,
    "gradients": 0.65,
    "long_context": 0.65,
    "serving": 0.65,
    "recurrent": 0.6,
    "sparse": 0.6,
    "alignment": 0.4,
    "vision": 0.35,
    "interpret": 0.3,
    "language_model": 0.3,
    "real_model": 0.25,
    "start": 0.2,
}
MINUTES = {"code": 8, "debug": 5, "numeric": 3, "predict": 2, "explain": 4}  # where an exercise says none
DESIGN = 10  # a system to design aloud
FIRST = {"code": 1.0, "explain": 0.95, "debug": 0.85, "numeric": 0.7, "predict": 0.5}  # of a lesson, what matters more
DEPTH = {"basic": 1.0, "intermediate": 0.95, "senior": 0.8, "staff": 0.7}
READ = 110  # words a minute, with the cells run and the pictures moved
SKIM = 10  # minutes for a lesson that is known in part, or begun
HUNT, INTERVIEW = 40, 55  # minutes; ten of an interview are for its report
GAP = 10  # minutes left of a day, from which on it's filled up
PRACTICE = 0.25  # of all the time, that hunts and interviews may take while there is something else to do
REVIEW = {60: 10, 20: 5, 0: 0}  # minutes of review, by the minutes of the day
LEVELS = {0.35: "basic", 0.6: "intermediate", 0.85: "senior", 1.01: "staff"}  # by what is known, of 1
FREE = {"review": "review", "hunt": "bug hunt", "interview": "mock interview"}
CALLS = {"review": "review()", "hunt": 'hunt(level="{level}")', "interview": 'interview(level="{level}", minutes=45)'}
NAME, REST = "flex:0 0 9.5em", "flex:1 1 15em"
DAYS, HOURS = (1, 60), (0.25, 16)


@dataclass(frozen=True)
class Block:
    """Something to do in one go. `matters` says how much, of 1; `lesson` is empty for what belongs to none."""

    what: str  # read, skim, do, review, hunt or interview
    minutes: int
    lesson: str = ""
    exercise: Exercise | None = None
    matters: float = 1.0
    level: str = ""

    @property
    def reads(self) -> bool:
        return bool(self.lesson) and self.exercise is None

    @property
    def order(self) -> tuple[int, int]:
        """The place in the course; reading comes before the exercises."""
        if not self.lesson:
            return -1, 0
        among = lessons[self.lesson].index(self.exercise) + 1 if self.exercise else 0
        return LESSONS.index(self.lesson), among


@dataclass
class Day:
    room: int  # minutes
    blocks: list[Block] = field(default_factory=list)

    @property
    def minutes(self) -> int:
        return sum(block.minutes for block in self.blocks)

    def takes(self, block: Block) -> bool:
        return self.minutes + block.minutes <= self.room


@dataclass
class Plan:
    days: list[Day]
    left_out: list[Block]


@dataclass(frozen=True)
class Start:
    """Where the learner stands: what is done, and what the placement says of each lesson, if there was one."""

    done: frozenset[str] = frozenset()
    likely: Mapping[str, float] | None = None
    due: int = 0

    @property
    def level(self) -> str:
        """That of the hunts and interviews."""
        judged = [e for every in lessons.values() for e in every]
        share = sum(e.id in self.done for e in judged) / len(judged)
        if self.likely:
            share = max(share, sum(self.likely.values()) / len(self.likely))
        return next(level for most, level in LEVELS.items() if share < most)


def make(days: int, minutes: int, start: Start) -> Plan:
    """The plan for so many days of so many minutes."""
    plan = [Day(minutes) for _ in range(days)]
    if review := next(taken for least, taken in REVIEW.items() if minutes >= least):
        for day in plan if start.due else plan[1:]:
            day.blocks.append(Block("review", review))
    wanted = list(left_to_do(start))
    ends: list[list[Block]] = [[] for _ in plan]
    for number, block in practiced(days, minutes, start.level, bool(wanted)):
        ends[number].append(block)
        plan[number].room -= block.minutes
    taken = chosen(wanted, plan)
    to_read = {block.lesson for block in wanted if block.reads}
    rest = [*fill(plan, taken, to_read), *(block for block in wanted if block not in taken)]
    drop_needless_readings(plan)
    fill(plan, sorted((block for block in rest if block.exercise), key=lambda b: (-b.matters, b.order)), to_read, GAP)
    for day, last in zip(plan, ends, strict=True):
        day.room = minutes
        day.blocks = [*sorted(day.blocks, key=lambda block: block.order), *last]
    planned = {block for day in plan for block in day.blocks}
    return Plan(plan, [block for block in wanted if block not in planned])


def left_to_do(start: Start) -> Iterator[Block]:
    """All that isn't done, in the order of the course; of a lesson that is known, no reading."""
    for lesson, every in lessons.items():
        left = [exercise for exercise in every if exercise.id not in start.done and on_a_page(exercise)]
        likely = (start.likely or {}).get(lesson, 0.0)
        matters = MATTERS.get(lesson[3:], 0.5) * (0.4 if likely >= KNOWN else 1)
        if left and likely < KNOWN:
            begun = len(left) < len(every) or likely >= NEW
            yield Block("skim", SKIM, lesson) if begun else Block("read", reading(lesson), lesson)
        for exercise in left:
            usual = DESIGN if isinstance(exercise, Card) and exercise.type == "design" else MINUTES[exercise.kind]
            minutes = int(exercise.words.get("minutes", usual))
            depth = DEPTH.get(exercise.words.get("level", ""), 1.0)
            yield Block("do", minutes, lesson, exercise, matters * FIRST[exercise.kind] * depth)


@cache
def reading(lesson: str) -> int:
    """Minutes, in fives, that a lesson takes without its exercises."""
    words = (STORIES / f"{lesson}.py").read_text(encoding="utf-8").split()
    return 5 * math.ceil(len(words) / READ / 5)


def practiced(days: int, minutes: int, level: str, busy: bool) -> Iterator[tuple[int, Block]]:
    """Interviews and hunts, with the number of their day: an interview on the last, the others spread before it."""
    kinds = [Block("interview", INTERVIEW, level=level), Block("hunt", HUNT, level=level)]
    kinds = [block for block in kinds if block.minutes + REVIEW[60] <= minutes]
    share = days * minutes * (PRACTICE if busy else 1)
    found: list[Block] = []
    while kinds and len(found) < 2 * days and share >= (block := kinds[len(found) % len(kinds)]).minutes:
        found.append(block)
        share -= block.minutes
    room = [minutes - REVIEW[60]] * days
    for place, block in enumerate(found):
        number = days - 1 - place * days // len(found)
        if room[number] >= block.minutes:
            room[number] -= block.minutes
            yield number, block


def chosen(wanted: list[Block], plan: list[Day]) -> list[Block]:
    """What matters most, as long as it fits, in the order of the course; with its first exercise a lesson is read."""
    readings = {block.lesson: block for block in wanted if block.reads}
    room = sum(day.room - day.minutes for day in plan)
    longest = max(day.room - day.minutes for day in plan)
    taken: set[Block] = set()
    for block in sorted((block for block in wanted if block.exercise), key=lambda block: -block.matters):
        reading = readings.get(block.lesson)
        needed = {block} if reading is None or reading in taken else {reading, block}
        minutes = [block.minutes for block in needed]
        if sum(minutes) <= room and max(minutes) <= longest:
            taken |= needed
            room -= sum(minutes)
    return sorted(taken, key=lambda block: block.order)


def fill(plan: list[Day], blocks: list[Block], to_read: set[str], gap: int = 0) -> list[Block]:
    """Lay the blocks into the days, in their order as far as they fit; return those that don't.

    An exercise waits until its lesson was read, where it is to be read at all.
    """
    left, unread = list(blocks), set(to_read)
    for day in plan:
        unread -= {block.lesson for block in day.blocks if block.reads}
        if day.room - day.minutes < gap:
            continue
        while block := next((b for b in left if day.takes(b) and (b.reads or b.lesson not in unread)), None):
            day.blocks.append(block)
            left.remove(block)
            unread -= {block.lesson} if block.reads else set()
    return left


def drop_needless_readings(plan: list[Day]) -> None:
    """A lesson is read for its exercises: where none of them found a place, its minutes are free for others."""
    done_in = {block.lesson for day in plan for block in day.blocks if block.exercise}
    for day in plan:
        day.blocks = [block for block in day.blocks if not block.reads or block.lesson in done_in]


# What is shown


def plan(store: Progress, days: Any = 7, hours_a_day: Any = 2, now: datetime | None = None) -> Listed:
    """The plan for the days that are left."""
    now = now or datetime.now().astimezone()
    days, minutes = whole_days(days), minutes_of(hours_a_day)
    answers, _ = so_far(store)
    placed = bool(answers) and next_question(answers) is None
    done = {id for id, outcome in store.outcomes().items() if outcome in DONE}
    done |= {event.exercise for event in store.events("marks", "claims")}
    waiting = len(due(replay(store.events(), now), day_of(now, now)))
    made = make(days, minutes, Start(frozenset(done), known(answers) if placed else None, waiting))
    return shown(made, minutes, placed)


def whole_days(days: Any) -> int:
    least, most = DAYS
    if isinstance(days, bool) or not isinstance(days, int) or not least <= days <= most:
        raise ValueError(f"days is a whole number from {least} to {most}, not {days!r}.")
    return days


def minutes_of(hours: Any) -> int:
    least, most = HOURS
    if isinstance(hours, bool) or not isinstance(hours, int | float) or not least <= hours <= most:
        raise ValueError(f"hours_a_day is a number of hours from {least} to {most}, not {hours!r}.")
    return int(60 * hours)


def shown(made: Plan, minutes: int, placed: bool) -> Listed:
    every = "1 day" if len(made.days) == 1 else f"{len(made.days)} days"
    panel = Listed("info", [("head", f"A plan for {every} of {spelled(minutes)}")])
    if not placed:
        text = "It takes every lesson for new. placement() finds out which are not, in at most 20 questions."
        panel.lines.append(("where", text))
    for number, day in enumerate(made.days, 1):
        panel.lines.append(("head", f"Day {number}: {spelled(day.minutes)}"))
        if day.blocks:
            panel.add(rows(day))
    panel.lines.append(("where", leftover(made, minutes)))
    return panel


def rows(day: Day) -> Iterator[tuple[str, str]]:
    """A line for each lesson, and one for whatever belongs to none."""
    for lesson, group in groupby(day.blocks, key=lambda block: block.lesson or block.what):
        blocks = list(group)
        minutes = spelled(sum(block.minutes for block in blocks))
        if lesson in lessons:
            texts, pages = zip(*parts(blocks), strict=True)
            place = link(lesson, f"{lesson}.ipynb", NAME)
            yield (
                f"{lesson:<18}{minutes:>9}  {'; '.join(texts)}",
                f'{place}{taking(minutes)}<span style="{REST}">{"; ".join(pages)}</span>',
            )
        else:
            what, call = FREE[lesson], CALLS[lesson].format(level=blocks[0].level)
            page = f'<span style="{NAME}">{what}</span>{taking(minutes)}{code(call)}'
            yield f"{what:<18}{minutes:>9}  {call}", page


def taking(minutes: str) -> str:
    return f'<span style="flex:0 0 5.5em;white-space:nowrap">{minutes}</span>'


def parts(blocks: list[Block]) -> Iterator[tuple[str, str]]:
    """What there is to do in a lesson; functions and bugs by name, the rest by number."""
    if blocks[0].reads:
        yield (text := "look through it" if blocks[0].what == "skim" else "read it"), text
    for kind, verb in (("code", "write"), ("debug", "repair")):
        asked = [block.exercise for block in blocks if block.exercise and block.exercise.kind == kind]
        if asked:
            links = ", ".join(link(e.id, place_of(e)) for e in asked)
            yield f"{verb} {', '.join(e.id for e in asked)}", f"{verb} {links}"
    for kind, verb, kinds in (("question", "answer", ("numeric", "predict")), ("card", "say", ("explain",))):
        if count := sum(block.exercise is not None and block.exercise.kind in kinds for block in blocks):
            yield (text := f"{verb} {count} {kind}{'s' if count > 1 else ''}"), text


def leftover(made: Plan, minutes: int) -> str:
    """What is left out, or how much time is."""
    exercises = [block for block in made.left_out if block.exercise]
    if not made.left_out:
        free = sum(minutes - day.minutes for day in made.days)
        return f"Everything that was left to do is in it{f', and {spelled(free)} are free' if free >= 30 else ''}."
    planned = {block.lesson for day in made.days for block in day.blocks}
    whole = [lesson for lesson in LESSONS if any(b.lesson == lesson for b in made.left_out) and lesson not in planned]
    others = sum(block.lesson not in whole for block in exercises)
    named = [", ".join(whole)] if whole else []
    named += (
        [f"{others} exercise{'s' if others > 1 else ''} of {'other' if whole else 'these'} lessons"] if others else []
    )
    total = spelled(sum(block.minutes for block in made.left_out))
    return f"Left out, since it matters less and there isn't time: {' and '.join(named)}. It would take {total} more."


def spelled(minutes: int) -> str:
    hours, rest = divmod(minutes, 60)
    return " ".join([f"{hours} h"] * (hours > 0) + [f"{rest} min"] * (rest > 0 or not hours))
