"""A hunt in the working copy: its files, its hints, and the judge's word on what the learner made of them."""

import re
import secrets
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from attncore.app.places import workbook_here
from attncore.app.progress import NOT_KEPT, progress_here
from attncore.grading.report import Panel
from attncore.hunts import Hunt, HuntReport, make

FILES = ("model.py", "test_model.py", "SYMPTOMS.md")
WHICH = ("seed", "bugs", "level", "kind", "framework")  # what tells one hunt from another
ANY = (None, 4, "senior", None, "numpy")  # what stands for the hunt that goes on, or else for any
NOW = "now"  # under which the hunt that goes on is kept
TESTS = '''"""Your tests. A test counts if it fails on a bug, and passes on the healthy file, which you can't see.

Call the functions of model.py by their names. Say what has to hold whatever the weights are: what a row sums to, what
mustn't change when something else does, what two ways of computing one thing have to agree on.
"""

import numpy as np

from model import *  # so that `pytest` in this folder runs them, too

# def test_weights_sum_to_one():
#     assert np.allclose(softmax(np.array([[1.0, 2.0, 3.0]])).sum(axis=-1), 1)
'''


def begin(
    seed: int | None, bugs: int, level: str, kind: str | None, framework: str, follow_up: str | None = None
) -> Panel:
    """Begin a hunt, or go on with it where its files are there already; without a seed, with the one that goes on."""
    now = kept_hunt()
    if follow_up is not None:
        return follow(follow_up)
    asked = (seed, bugs, level, kind, framework)
    if asked == ANY and now and not now.get("done"):
        seed, bugs, level, kind, framework = (now[key] for key in WHICH)
    hunt = make(secrets.randbelow(10_000) if seed is None else seed, bugs, level, kind, framework)
    folder = folder_of(hunt)
    again = (folder / FILES[0]).exists()
    write(hunt, folder)
    began = dict(zip(WHICH, (hunt.seed, bugs, level, hunt.kind, framework), strict=True))
    keep(kept_hunt(folder.name) or began | {"at": datetime.now(UTC).isoformat(), "hints": [], "checks": 0})
    return told(hunt, folder, again)


def follow(name: str) -> Panel:
    """Ask what follows on the file of now."""
    hunt, folder, now = going_on()
    if name not in hunt.follow_ups:
        raise ValueError(f'This file has no round "{name}"; it has {", ".join(hunt.follow_ups) or "none"}.')
    keep(now | {"follow_up": name})
    asked = hunt.follow_ups[name]
    lines = [("head", asked.title), ("why", asked.ask), ("next", "Write it into model.py; check(hunt) judges it.")]
    return Panel("info", lines)


def going_on() -> tuple[Hunt, Path, dict[str, Any]]:
    """The hunt of now, its folder, and what is kept of it. Raises ValueError where there is none."""
    now = kept_hunt()
    if now is None:
        raise ValueError("No hunt is going on. hunt() begins one, and hunt(seed=7) a certain one.")
    hunt = make(*(now[key] for key in WHICH))
    folder = folder_of(hunt)
    if not (folder / FILES[0]).exists():
        raise ValueError(f"{folder / FILES[0]} isn't there. hunt(seed={hunt.seed}) writes it again.")
    return hunt, folder, now


def judged() -> Panel:
    """The judge's word on the files as they stand."""
    hunt, folder, now = going_on()
    path = folder / FILES[1]
    source, tests = read(folder / FILES[0]), read(path) if path.exists() else ""
    if asked := now.get("follow_up"):
        return hunt.judge_follow_up(asked, source, tests)
    report = hunt.judge(source, tests)
    now["checks"] += 1
    if report.done and not now.get("done"):
        now["done"] = True
        record(hunt, report, now)
    keep(now)
    report.lines += [("next", text) for text in facts(hunt, report, now)]
    return report


def hinted() -> Panel:
    """The next hint at the first bug that isn't repaired: the part of the file, then the function, then the line."""
    hunt, folder, now = going_on()
    report = hunt.judge(read(folder / FILES[0]))
    left = [bug for bug in hunt.bugs if bug.label not in report.repaired]
    if not left:
        return Panel("info", [("head", "Nothing is left to find.")])
    bug = left[0]
    opened = min(now["hints"].count(bug.label) + 1, 3)
    if opened > now["hints"].count(bug.label):
        now["hints"].append(bug.label)
        keep(now)
    which = "the bug that's left" if len(left) == 1 else f"one of the {len(left)} bugs that are left"
    head = f"Hint {opened} of 3, on {which}"
    more = ["check(hunt) judges the files; hint(hunt) narrows it further."] if opened < 3 else []
    return Panel("info", [("head", head), *(("why", text) for text in hunt.hints(bug)[:opened]), *next_lines(more)])


def next_lines(texts: list[str]) -> list[tuple[str, str]]:
    return [("next", text) for text in texts]


def folder_of(hunt: Hunt) -> Path:
    framework = "" if hunt.framework == "numpy" else f"-{hunt.framework}"
    return workbook_here() / "hunts" / f"{hunt.seed}-{hunt.level}-{len(hunt.bugs)}-{hunt.kind}{framework}"


def write(hunt: Hunt, folder: Path) -> None:
    """Write the files that are not there."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in zip(FILES, (hunt.source, TESTS, f"{about(hunt)}\n\n{hunt.symptoms}\n"), strict=True):
        if not (folder / name).exists():
            (folder / name).write_text(text, encoding="utf-8")


def about(hunt: Hunt) -> str:
    bugs = "One bug has" if len(hunt.bugs) == 1 else f"{len(hunt.bugs)} bugs have"
    return f"{bugs} been planted in model.py, level {hunt.level}. This is what a run of it shows."


def read(path: Path) -> str:
    """The text of a file. Raises ValueError where it is no text."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ValueError(f"{path} isn't a text file in UTF-8.") from None


def told(hunt: Hunt, folder: Path, again: bool) -> Panel:
    """The files, the report of a run of the file as it stands, and what to do."""
    model, tests = (str((folder / name).relative_to(workbook_here())) for name in FILES[:2])
    how = "goes on" if again else "begins"
    panel = Panel(
        "info",
        [
            ("head", f"Hunt {hunt.seed} {how}. {about(hunt)}"),
            ("input", hunt.symptoms_of(read(folder / FILES[0]))),
            ("next", f"Repair {model}, and write a test for each bug in {tests}."),
            (
                "next",
                "check(hunt) judges both. hint(hunt) narrows down where a bug is. hunt() runs the file once more.",
            ),
        ],
    )
    panel.links = {model: model, tests: tests}
    return panel


def facts(hunt: Hunt, report: HuntReport, now: dict[str, Any]) -> Iterator[str]:
    """What else there is to say: the time, the hints, what comes next."""
    minutes = round((datetime.now(UTC) - datetime.fromisoformat(now["at"])).total_seconds() / 60)
    counted = ((minutes, "minute since you began"), (now["checks"], "check"), (len(now["hints"]), "hint"))
    words = [f"{number} {word if number == 1 else plural(word)}" for number, word in counted]
    yield f"Hunt {hunt.seed}, {hunt.kind}, {hunt.level}: {', '.join(words)}."
    if not report.done:
        yield "hint(hunt) narrows down where a bug is."
        return
    if len(report.caught) < len(hunt.bugs):
        yield "Not every bug has a test yet. In the interview you'd be asked for one each."
    if hunt.follow_ups:
        rounds = ", ".join(f'hunt(follow_up="{name}")' for name in hunt.follow_ups)
        yield f"What an interviewer asks next, on the same file: {rounds}."


def record(hunt: Hunt, report: HuntReport, now: dict[str, Any]) -> None:
    """Keep how each bug was found, where that can be kept."""
    for bug in hunt.bugs:
        hints = now["hints"].count(bug.label)
        outcome = f"repaired, {hints} hints" + (", caught by a test" if bug.label in report.caught else "")
        with suppress(*NOT_KEPT):
            progress_here().record(f"hunt {hunt.kind} {hunt.seed}", "hunt", outcome, bug.label)


held: dict[str, dict[str, Any]] = {}  # the hunts of this kernel, for where nothing can be kept


def kept_hunt(name: str = NOW) -> dict[str, Any] | None:
    """What is kept of a hunt: of the one that goes on, or of that in a folder of that name."""
    try:
        return progress_here().kept("hunt", name) or held.get(name)
    except NOT_KEPT:
        return held.get(name)


def keep(now: dict[str, Any]) -> None:
    """Keep it as the hunt that goes on, and under its folder's name for when somebody comes back to it."""
    for name in (NOW, folder_of(make(*(now[key] for key in WHICH))).name):
        held[name] = dict(now)
        with suppress(*NOT_KEPT):
            progress_here().keep("hunt", name, now)


def plural(words: str) -> str:
    first, _, rest = words.partition(" ")
    return f"{first}s {rest}".strip()


TYPED = {  # what is called in a cell, and how one types it in a terminal
    r"(check|hint)\(hunt\)": r"`attncore hunt \1`",
    r"hunt\(seed=(\d+)\)": r"`attncore hunt --seed \1`",
    r'hunt\(follow_up="(\w+)"\)': r"`attncore hunt --follow-up \1`",
    r"hunt\(\)": "`attncore hunt`",
}


def typed(text: str) -> str:
    """A panel's text for a terminal."""
    for call, command in TYPED.items():
        text = re.sub(call, command, text)
    return text
