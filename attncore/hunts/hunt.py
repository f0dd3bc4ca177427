"""A hunt: which bugs a seed plants in which file, and what is said of a learner's repairs and tests."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.util import find_spec
from itertools import combinations

import numpy as np

from attncore.grading.report import Lines, Panel
from attncore.hunts.follow_ups import FollowUp
from attncore.hunts.hear import Heard, hear
from attncore.hunts.planting import FRAMEWORKS, LEVELS, Bug, Kind, kind_named, names, planted
from attncore.hunts.symptoms import told
from attncore.hunts.trial import Outcomes, departures, module_of, outcomes

TRIES = 20  # draws of bugs, until none hides behind another


@dataclass(frozen=True)
class Hunt:
    """A sick file and the bugs in it, in the order of their lines. The same seed gives the same hunt."""

    seed: int
    level: str
    file: Kind
    source: str
    bugs: tuple[Bug, ...]

    @property
    def kind(self) -> str:
        return self.file.name

    @property
    def framework(self) -> str:
        return self.file.framework

    @property
    def healthy(self) -> str:
        return self.file.healthy

    @cached_property
    def symptoms(self) -> str:
        """The report of a run of the sick file, beside what the healthy one gives."""
        return self.symptoms_of(self.source)

    def symptoms_of(self, source: str) -> str:
        """The report of a run of a file, beside what the healthy one gives."""
        return told(source, self.file)

    def judge(self, source: str, tests: str = "") -> "HuntReport":
        """Judge a repaired file, and tests written for it, in a process of their own.

        A bug is repaired where its function does what it should among healthy others, or where the whole file does. A
        test catches a bug if it fails where that bug alone is planted, and passes on the healthy file.
        """
        return verdict(self, hear(self, source, tests))

    @property
    def follow_ups(self) -> dict[str, FollowUp]:
        """The rounds that follow on the same file, by name."""
        return getattr(self.file.rig, "FOLLOW_UPS", {})

    def judge_follow_up(self, name: str, source: str, tests: str = "") -> Panel:
        """Judge a round that follows, in a process of its own. Raises ValueError where there is none of that name."""
        if name not in self.follow_ups:
            there = ", ".join(self.follow_ups) or "none"
            raise ValueError(f'This file has no round "{name}"; there are: {there}.')
        return followed(self.follow_ups[name], hear(self, source, tests, name))

    def hints(self, bug: Bug) -> list[str]:
        """Three hints at one bug, each narrower than the one before: the part of the file, the function, the line."""
        return [
            f"One bug is in this part of the file: {self.file.stages[bug.unit]}.",
            f"It's in `{bug.unit}`.",
            f"Look at line {bug.line} of the file as you got it.",
        ]


@dataclass(repr=False)
class HuntReport(Panel):
    """What is said of a file and its tests; every list but the last three holds labels of bugs.

    `missed` are those neither repaired nor caught by a test; `found` those whose place the learner has changed.
    `false_alarms` are tests that fail on the healthy file, `strange` the runs in which a file differs from the healthy
    one though each planted bug is repaired. `problem`: why the file could not be run.
    """

    repaired: list[str] = field(default_factory=list)
    caught: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    found: list[str] = field(default_factory=list)
    false_alarms: list[str] = field(default_factory=list)
    strange: list[str] = field(default_factory=list)
    problem: str = ""

    @property
    def done(self) -> bool:
        """Is everything repaired, and nothing new broken?"""
        return self.tone == "right"


def make(seed: int, bugs: int = 4, level: str = "senior", kind: str | None = None, framework: str = "numpy") -> Hunt:
    """A hunt: that many bugs of a level, or of levels below it, in one kind of file.

    Raises ValueError, in a sentence, for what there isn't.
    """
    checked(seed, bugs, level, kind, framework)
    kinds = names(framework)
    file = kind_named(kind or kinds[seed % len(kinds)], framework)
    chosen = drawn(file, bugs, level, seed)
    source, found = planted(file.healthy, chosen)
    return Hunt(seed, level, file, source, tuple(found))


def checked(seed: int, bugs: int, level: str, kind: str | None, framework: str) -> None:
    if framework not in FRAMEWORKS:
        raise ValueError(f'There are no hunts in "{framework}"; there are some in {" and ".join(FRAMEWORKS)}.')
    if framework == "torch" and find_spec("torch") is None:
        raise ValueError("PyTorch isn't installed here, and hunts in it need it: pip install torch.")
    if level not in LEVELS:
        raise ValueError(f'There is no level "{level}"; there are {", ".join(LEVELS)}.')
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise ValueError(f"The seed is a whole number from 0 on, not {seed!r}.")
    if isinstance(bugs, bool) or not isinstance(bugs, int) or bugs < 1:
        raise ValueError(f"The number of bugs is a whole number from 1 on, not {bugs!r}.")
    if kind is not None and kind not in names(framework):
        raise ValueError(f'There is no kind "{kind}"; there are {", ".join(names(framework))}.')


def drawn(file: Kind, number: int, level: str, seed: int) -> list[Bug]:
    """Bugs of different units, each visible beside the others, most of them as hard as the level says.

    One comes by turns, and that of the seed before is left out: two seeds in a row never have the same.
    """
    allowed = [bug for bug in file.bugs if LEVELS.index(bug.level) <= LEVELS.index(level)]
    hardest = max(LEVELS.index(bug.level) for bug in allowed)
    leads = [bug for bug in allowed if LEVELS.index(bug.level) == hardest]
    lead, last = leads[seed % len(leads)], leads[(seed - 1) % len(leads)]
    rng = np.random.default_rng([seed, number, LEVELS.index(level)])
    room = len({bug.unit for bug in allowed})
    for _ in range(TRIES):
        others = [bug for bug in rng.permutation(np.array(allowed, dtype=object)) if bug not in (lead, last)]
        others.sort(key=lambda bug: LEVELS.index(bug.level) < hardest - 1)
        chosen = one_a_unit([lead, *others])[:number]
        if len(chosen) == number and none_masked(file, chosen):
            return chosen
    raise ValueError(f"At this level a file of the kind {file.name} has no room for {number} bugs; {room} is the most.")


def one_a_unit(bugs: Sequence[Bug]) -> list[Bug]:
    """The bugs in order, without those whose unit has one already."""
    first: dict[str, Bug] = {}
    for bug in bugs:
        first.setdefault(bug.unit, bug)
    return list(first.values())


def none_masked(file: Kind, bugs: Sequence[Bug]) -> bool:
    """Does each bug still show when all the others are there?"""
    every = run(file, bugs)
    return all(departures(run(file, others), every) for others in combinations(bugs, len(bugs) - 1))


def run(file: Kind, bugs: Sequence[Bug]) -> Outcomes:
    return outcomes(module_of(planted(file.healthy, bugs)[0]), file)


def verdict(hunt: Hunt, heard: Heard) -> HuntReport:
    """What is said of what the judge's process has told. Pure."""
    labels = [bug.label for bug in hunt.bugs]
    if heard.problem:
        return HuntReport("raised", [("head", heard.problem)], missed=labels, problem=heard.problem)
    repaired = [bug.label for bug in hunt.bugs if not heard.departures or bug.unit in heard.healthy]
    alarms = [name for name, passed in heard.tests.get("", {}).items() if not passed]
    caught = [label for label in labels if catching(heard, label)]
    report = HuntReport(
        "wrong" if heard.departures else "right",
        repaired=repaired,
        caught=caught,
        missed=[label for label in labels if label not in (*repaired, *caught)],
        found=[bug.label for bug in hunt.bugs if bug.unit in heard.changed or bug.label in repaired],
        false_alarms=alarms,
        strange=heard.departures if len(repaired) == len(labels) else [],
    )
    report.lines = list(lines(hunt, report, heard))
    return report


def catching(heard: Heard, label: str) -> list[str]:
    """The tests that fail on this bug, and pass on the healthy file."""
    healthy = heard.tests.get("", {})
    return [name for name, passed in heard.tests.get(label, {}).items() if not passed and healthy.get(name)]


def lines(hunt: Hunt, report: HuntReport, heard: Heard) -> Lines:
    """The report in words. Of what isn't repaired it names neither bug nor place."""
    said: Lines = [("head", headline(len(report.repaired), len(hunt.bugs), report))]
    said += [
        ("why", f"Repaired, in `{bug.unit}`: {bug.label}. {bug.why}")
        for bug in hunt.bugs
        if bug.label in report.repaired
    ]
    if report.strange:
        said.append(("where", f"What still differs: {'; '.join(report.strange)}."))
    for bug in hunt.bugs:
        if bug.label in report.caught and bug.label not in report.repaired:
            tests = " and ".join(f"`{name}`" for name in catching(heard, bug.label))
            said.append(("where", f"A bug that's still there is caught by {tests}."))
        elif bug.label in report.found and bug.label not in report.repaired:
            said.append(("where", f"`{bug.unit}` had a bug, and you've changed it, but it isn't right yet."))
    if heard.tests:
        said.append(("case", f"Your tests catch {len(report.caught)} of the {len(hunt.bugs)} bugs."))
        unseen = [label for label in report.repaired if label not in report.caught]
        said += [("where", f"No test of yours fails on this one: {label}.") for label in unseen]
    for name in report.false_alarms:
        reason = heard.reasons.get(name, "it passes only sometimes").splitlines()[0]
        said.append(("where", f"`{name}` fails on the healthy file as well, so it proves nothing: {reason}"))
    said += [("where", f"`{name}` doesn't come to an end, and was stopped.") for name in heard.endless]
    return said


def headline(repaired: int, planted: int, report: HuntReport) -> str:
    every = {1: "The one bug is", 2: "Both bugs are"}.get(planted, f"All {planted} bugs are")
    if report.strange:
        return f"{every} repaired, but something else has changed: the file doesn't do what it did when it was healthy."
    if repaired == planted:
        return f"{every} repaired, and the file does what it should."
    return f"{repaired} of {planted} bug{'s' if planted > 1 else ''} {'is' if repaired == 1 else 'are'} repaired."


def followed(asked: FollowUp, heard: Heard) -> Panel:
    """What is said of a round that followed. Pure."""
    if heard.problem:
        return Panel("raised", [("head", heard.problem)])
    open = [*heard.open]
    unnoticed = sum(not catching(heard, lines) for lines in asked.spoiled)
    if unnoticed and not open:
        open.append(
            f"It works, and isn't proven: of {len(asked.spoiled)} ways to break it your tests miss {unnoticed}."
        )
    head = f"{asked.title}: {'not yet' if open else 'done'}."
    said: Lines = [("head", head), *(("where", text) for text in open)]
    return Panel(
        "wrong" if open else "right", said + ([("why", heard.measured)] if heard.measured and not open else [])
    )
