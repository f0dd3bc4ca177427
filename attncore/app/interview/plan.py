"""What a round asks: drawn by its seed for a level and a number of minutes. The whole state is one JSON document."""

import random
import secrets
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np

from attncore.exercises import Card, Code, Exercise, exercises
from attncore.hunts import Hunt, make
from attncore.hunts.planting import names

State = dict[str, Any]
FRAMEWORKS = ("numpy", "torch")
SHARES = {  # of a round's minutes, in percent
    "basic": {"concept": 40, "numeric": 15, "code": 25, "hunt": 20},
    "intermediate": {"concept": 30, "numeric": 15, "code": 30, "hunt": 25},
    "senior": {"concept": 20, "numeric": 10, "code": 25, "hunt": 25, "design": 20},
    "staff": {"concept": 15, "numeric": 10, "code": 20, "hunt": 25, "design": 30},
}
LEVELS = tuple(SHARES)
EACH = {"concept": 4, "numeric": 3, "code": 30, "hunt": 60, "design": 20}  # minutes for one question, about
BUGS = {"basic": 2, "intermediate": 3, "senior": 4, "staff": 5}
LONGEST, LONG_ENOUGH = "serving", 10  # a file that takes some minutes to read
MINUTES = range(10, 181)
SEEDS = range(2**32)
ENOUGH = 8  # questions of a level; where there are fewer, those of the level below come in


def draw(level: Any, minutes: Any, seed: Any, framework: Any, key: str, history: Iterable[Sequence[str]] = ()) -> State:
    """A round that has not begun. `history`: what this learner got wrong before, as (exercise, mistake), latest first.

    Raises ValueError, with a sentence, for what can't be asked.
    """
    seed = secrets.randbelow(10_000) if seed is None else seed
    refuse_unknown(level, minutes, seed, framework)
    parts = [
        {"name": name, "minutes": share, "used": 0.0, "questions": drawn(name, level, share, seed, framework)}
        for name, share in shared_out(minutes, SHARES[level]).items()
    ]
    return {
        "key": key,
        "level": level,
        "minutes": minutes,
        "seed": seed,
        "framework": framework,
        "history": [list(pair) for pair in history],
        "parts": parts,
        "at": [0, 0],  # the part, and the question in it
        "since": None,  # when the clock was last looked at; None where it stands still
        "ended": None,
        "told": [],  # what the interviewer says before the next question
        "draft": "",  # what is typed and not given yet
        "events": [],  # what the last step did, for the store
    }


def refuse_unknown(level: Any, minutes: Any, seed: Any, framework: Any) -> None:
    if level not in SHARES:
        raise ValueError(f'There is no level "{level}"; there are {", ".join(SHARES)}.')
    if not is_whole(minutes) or minutes not in MINUTES:
        raise ValueError(f"A round takes {MINUTES[0]} to {MINUTES[-1]} whole minutes, not {minutes!r}.")
    if not is_whole(seed) or seed not in SEEDS:
        raise ValueError(f"A seed is a whole number from 0 to {SEEDS[-1]}, not {seed!r}.")
    if framework not in FRAMEWORKS:
        raise ValueError(f'There is no framework "{framework}"; there are {", ".join(FRAMEWORKS)}.')
    if framework == "torch" and find_spec("torch") is None:
        raise ValueError('PyTorch isn\'t installed here. framework="numpy" asks the same in NumPy.')


def is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def shared_out(minutes: int, shares: dict[str, int]) -> dict[str, int]:
    """Whole minutes a part that add up to all of them: the largest remainders are rounded up."""
    whole = {name: minutes * share // 100 for name, share in shares.items()}
    by_remainder = sorted(shares, key=lambda name: -(minutes * shares[name] % 100))
    for name in by_remainder[: minutes - sum(whole.values())]:
        whole[name] += 1
    return whole


def drawn(part: str, level: str, minutes: int, seed: int, framework: str) -> list[State]:
    """The questions of one part, by chance and by its seed."""
    if part == "hunt":
        return [hunted(level, minutes, seed, framework)]
    rng = random.Random(f"{seed} {level} {framework} {part}")
    count = max(1, round(minutes / EACH[part]))
    return [asked(e, seed) for e in pick(rng, pool(part, level, minutes, framework), count)]


def pool(part: str, level: str, minutes: int, framework: str) -> list[Exercise]:
    """The questions that a part may ask at a level; where there are few, those of the levels below, too."""
    fits = FITS[part]
    fitting = [e for e in exercises if e.lesson != "00_start" and fits(e)]
    if part == "code":
        fitting = [e for e in fitting if framework == "numpy" or takes_tensors(e)]
        fitting = [e for e in fitting if e.words["minutes"] <= minutes] or fitting
    found: list[Exercise] = []
    for lower in reversed(LEVELS[: LEVELS.index(level) + 1]):
        found += [e for e in fitting if e.words["level"] == lower]
        if len(found) >= ENOUGH:
            break
    return found or fitting


FITS: dict[str, Callable[[Exercise], bool]] = {
    "concept": lambda e: isinstance(e, Card) and e.type != "design",
    "design": lambda e: isinstance(e, Card) and e.type == "design",
    "numeric": lambda e: e.kind == "numeric" and "points_to" not in e.words,
    "code": lambda e: e.kind == "code",
}


def takes_tensors(exercise: Exercise) -> bool:
    """Are its arguments numbers and arrays alone, so that they can come as tensors?"""
    if not isinstance(exercise, Code) or exercise.drive or isinstance(exercise.reference, type):
        return False
    return all(is_plain(value) for case in exercise.cases for value in case.make().values())


def is_plain(value: Any) -> bool:
    if isinstance(value, tuple | list):
        return all(map(is_plain, value))
    return value is None or isinstance(value, bool | int | float | str | np.ndarray | np.number)


def pick(rng: random.Random, among: list[Exercise], count: int) -> list[Exercise]:
    """Some of them by chance: numbers that can be redrawn before others, each from another lesson if possible."""
    order = sorted(rng.sample(among, len(among)), key=is_fixed)
    first = {e.lesson: e for e in reversed(order)}
    return sorted(order, key=lambda e: (is_fixed(e), first[e.lesson] is not e))[:count]


def is_fixed(exercise: Exercise) -> bool:
    """Is it a number that is the same in every round?"""
    return exercise.kind == "numeric" and exercise.template is None


def asked(exercise: Exercise, seed: int) -> State:
    if isinstance(exercise, Card):
        return question("card", exercise.id, said=None, choices=[], ticks=None)
    if isinstance(exercise, Code):
        return question("code", exercise.id, checks=[], hints=0, tests=None)
    return question("numeric", exercise.id, draw=seed, checks=[], hints=0)


def hunted(level: str, minutes: int, seed: int, framework: str) -> State:
    kinds = [kind for kind in names(written_in(framework)) if kind != LONGEST or minutes >= LONG_ENOUGH]
    hunt = hunt_of(level, seed, min(BUGS[level], max(1, minutes // 2)), framework, kinds[seed % len(kinds)])
    planted = [{"label": bug.label, "line": bug.line, "why": bug.why, "unit": bug.unit} for bug in hunt.bugs]
    return question("hunt", hunt.kind, draw=seed, bugs=planted, found=None)


@cache
def hunt_of(level: str, seed: int, bugs: int, framework: str, kind: str) -> Hunt:
    """A hunt with so many bugs, or with as many as a file has room for."""
    for number in range(bugs, 1, -1):
        with suppress(ValueError):
            return make(seed, number, level, kind, written_in(framework))
    return make(seed, 1, level, kind, written_in(framework))


def written_in(framework: str) -> str:
    """The framework of a hunt's file: NumPy where there is no other file."""
    return framework if names(framework) else "numpy"


def question(kind: str, id: str, **more: Any) -> State:
    common = {"kind": kind, "id": id, "used": 0.0, "reached": False, "moved_on": False, "follow_ups": []}
    return common | more
