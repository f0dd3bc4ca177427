"""How far the judge can be trusted: `course.py judge-report` shows it answers that it was not made for.

Nothing wrong passes: mutants of every reference, and answers that are right only by luck. Nothing right is refused:
every reference in many styles, and real forms as libraries and courses publish them. The mistake is named: the labeled
wrong solutions, and paraphrases of them that were not used to build the judge. The paraphrases and the forms are data
of the tests, under tests/judge/.
"""

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from attncore.authoring import aloud
from attncore.authoring.author import HOME
from attncore.authoring.luck import lucky
from attncore.authoring.mutants import mutants
from attncore.authoring.readme import write_between
from attncore.authoring.styles import LIBRARIES, styles
from attncore.exercises import Code, exercises
from attncore.grading import Report, judge
from attncore.grading.trial import trial

CODE = [exercise for exercise in exercises if isinstance(exercise, Code) and exercise.kind == "code"]
ANSWERS = HOME / "tests" / "judge"
Verdicts = dict[str, Report]  # by the name of what the judge was shown


class Written(NamedTuple):
    """An answer by another hand, and what should be said of it: an outcome, and the mistake or the open edge."""

    exercise: str
    name: str
    function: Callable[..., Any]
    outcome: str
    told: str | None


@cache
def label_verdicts(exercise: Code) -> Verdicts:
    return {label: judge(exercise, answer) for label, answer in exercise.wrong.items()}


@cache
def mutant_verdicts(exercise: Code) -> Verdicts:
    return {mutant.change: judge(exercise, mutant.function) for mutant in mutants(exercise)}


@cache
def lucky_verdicts(exercise: Code) -> Verdicts:
    return {name: judge(exercise, answer) for name, answer in lucky(exercise)}


@cache
def style_verdicts(exercise: Code) -> Verdicts:
    return {name: judge(exercise, answer) for name, answer in styles(exercise)}


def problems(exercise: Code) -> Iterator[str]:
    """Each promise that the judge does not keep for an exercise, as a sentence."""
    reasons = exercise.words.get("equivalent", {})
    same = passing(mutant_verdicts(exercise))
    for change in [change for change in same if change not in reasons]:
        yield f"{exercise.id}: no case shows this change, so add one, or say why under [equivalent]: {change}"
    for change in [change for change in reasons if change not in same]:
        yield f"{exercise.id}: under [equivalent] stands a change that cases do show: {change}"
    for name in passing(lucky_verdicts(exercise)):
        yield f"{exercise.id}: an answer that is right by luck passes; add a case that breaks it: {name}"
    for name, report in style_verdicts(exercise).items():
        if report.outcome != "right" and not leaves_errors_open(exercise, report):
            yield f"{exercise.id}: it is refused, though right: {name}"


def passing(verdicts: Verdicts) -> list[str]:
    return [name for name, report in verdicts.items() if report.outcome == "right"]


def leaves_errors_open(exercise: Code, report: Report) -> bool:
    """Is all that an answer leaves open the errors that the prompt promises? Another way shows no guards."""
    expected = zip(exercise.cases, trial(exercise).expected, strict=True)
    return report.outcome == "edge" and set(report.edges) <= {case.promise for case, ran in expected if ran.raised}


@cache
def forms() -> list[Written]:
    """Real forms, as libraries, papers and courses publish them."""
    return [Written(*row) for path in sorted((ANSWERS / "forms").glob("*.py")) for row in load(path).FORMS]


@cache
def paraphrases() -> list[tuple[str, str, Callable[..., Any]]]:
    """The labeled mistakes as others would write them: exercise, label, function."""
    return list(load(ANSWERS / "paraphrase.py").paraphrases())


def load(path: Path) -> ModuleType:
    spec = spec_from_file_location(f"{path.parent.name}_{path.stem}", path)
    assert spec and spec.loader
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@cache
def form_problems() -> list[str]:
    """The published forms of which something else is said than should be."""
    found = []
    for form in forms():
        report = judge(form.exercise, form.function)
        told = [name for name in (report.mistake, report.convention, *report.edges) if name]
        if report.outcome != form.outcome or (form.told and form.told not in told):
            expected = f"{form.outcome} {form.told or ''}".strip()
            found.append(f"{form.exercise}: {form.name} is told {report.outcome} {told}, expected {expected}")
    return found


@cache
def paraphrase_verdicts() -> tuple[list[str], list[str]]:
    """Of all paraphrases: those that pass, and those that are refused without the name of their mistake."""
    passed, unnamed = [], []
    for exercise, label, answer in paraphrases():
        report = judge(exercise, answer)
        if report.outcome == "right":
            passed.append(f"{exercise}: {label}")
        elif label not in (report.mistake, report.convention, *report.edges):
            unnamed.append(f"{exercise}: {label}, as {answer.__name__}, is called {report.mistake or report.edges}")
    return passed, unnamed


def rows() -> list[tuple[str, int, str]]:
    """What was tried, how often, and what came of it: no times, so that they are the same each time."""
    refused = "{wrong:,} refused in the middle, {edge:,} told as an open corner"
    counted = [
        ("Mutants of the references", count(mutant_verdicts), f"{refused}, {{right:,}} equivalent, each for a reason"),
        ("Answers right only by luck", count(lucky_verdicts), refused),
        ("Right answers in other styles", count(style_verdicts), "{accepted:,} accepted"),
        ("Labelled wrong solutions", count(label_verdicts), f"{refused}, each by its name"),
    ]
    others, (passed, unnamed) = len(paraphrases()), paraphrase_verdicts()
    named = others - len(passed) - len(unnamed)
    return [
        *((what, said["tried"], came.format_map(said)) for what, said, came in counted),
        ("Published forms", len(forms()), f"{len(forms()) - len(form_problems())} told as they should be"),
        (
            "Paraphrases, not used to build the judge",
            others,
            f"{others - len(passed)} refused, {named} named ({100 * named // others} %)",
        ),
    ]


def count(verdicts: Callable[[Code], Verdicts]) -> dict[str, int]:
    """How often each outcome came, over all exercises; what raises is wrong too."""
    reports = [(name, report) for exercise in CODE for name, report in verdicts(exercise).items()]
    said = Counter(report.outcome for name, report in reports if name not in LIBRARIES)  # what happens to be installed
    right, edge, tried = said["right"], said["edge"], sum(said.values())
    return {"right": right, "edge": edge, "wrong": tried - right - edge, "accepted": right + edge, "tried": tried}


def table() -> str:
    """The rows as the README shows them."""
    lines = [f"| {what} | {tried:,} | {came} |" for what, tried, came in rows()]
    return "\n".join(["| What the judge is shown | How many | What it says |", "|---|---|---|", *lines])


def main() -> int:
    """Print the report and write the README's table; the exit status tells whether the judge keeps its promises."""
    broken = [problem for exercise in CODE for problem in problems(exercise)]
    passed, unnamed = paraphrase_verdicts()
    broken += [*form_problems(), *(f"{line}: this paraphrase passes" for line in passed)]
    print(table(), *broken, *(f"Not named: {line}" for line in unnamed), sep="\n")
    write_between("judge-report", table())
    aloud.write()
    broken += aloud.answer_problems()
    return int(bool(broken) or 20 * len(unnamed) > len(paraphrases()))


if __name__ == "__main__":
    sys.exit(main())
