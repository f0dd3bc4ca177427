"""How far the judge can be trusted, in numbers: `python course.py judge-report`.

Nothing wrong passes: mutants of every reference, and answers that are right only by luck. Nothing right is refused:
every reference in many styles. The mistake is named: the labelled wrong solutions, and paraphrases of them that were
not used to build the judge.
"""

import sys
import tomllib
from functools import cache
from pathlib import Path

from lucky import lucky
from mutants import mutants
from paraphrase import paraphrases
from styles import LIBRARIES, styles

from attncore.exercises import Exercise, exercises
from attncore.grading import judge

CODE = [exercise for exercise in exercises if exercise.kind == "code"]
with open(Path(__file__).with_name("equivalent.toml"), "rb") as file:
    EQUIVALENT: dict[str, dict[str, str]] = tomllib.load(file)


@cache
def mutant_verdicts(exercise: Exercise) -> tuple[int, list[str]]:
    """How many mutants there are, and which of them pass."""
    verdicts = {mutant.change: judge(exercise, mutant.function).outcome for mutant in mutants(exercise)}
    return len(verdicts), [change for change, outcome in verdicts.items() if outcome == "right"]


@cache
def lucky_verdicts(exercise: Exercise) -> tuple[int, list[str]]:
    """How many answers are right only by luck, and which of them pass."""
    verdicts = {name: judge(exercise, answer).outcome for name, answer in lucky(exercise)}
    return len(verdicts), [name for name, outcome in verdicts.items() if outcome == "right"]


@cache
def style_verdicts(exercise: Exercise) -> tuple[int, list[str]]:
    """How many right answers in other styles there are, and which of them are refused."""
    verdicts = {name: judge(exercise, answer).outcome for name, answer in styles(exercise)}
    refused = [name for name, outcome in verdicts.items() if outcome != "right"]
    return len(verdicts.keys() - LIBRARIES), refused  # which libraries are installed changes no count


@cache
def label_verdicts(exercise: Exercise) -> tuple[int, list[str]]:
    """How many labelled wrong solutions there are, and which of them are not named."""
    missed = [label for label, answer in exercise.wrong.items() if judge(exercise, answer).mistake != label]
    return len(exercise.wrong), missed


@cache
def paraphrase_verdicts() -> tuple[list[str], list[str]]:
    """Of all paraphrases: those that pass, and those that are refused without the name of their mistake."""
    passed, unnamed = [], []
    for exercise, label, answer in paraphrases():
        report = judge(exercise, answer)
        if report.outcome == "right":
            passed.append(f"{exercise}: {label}")
        elif label not in (report.mistake, report.convention):
            unnamed.append(f"{exercise}: {label}, as {answer.__name__}, is called {report.mistake}")
    return passed, unnamed


def rows() -> list[tuple[str, str, str]]:
    """What was tried, how often, and what came of it: no times, so that they are the same each time."""
    changed, same = total(mutant_verdicts)
    by_luck, passed = total(lucky_verdicts)
    right, refused = total(style_verdicts)
    wrong, missed = total(label_verdicts)
    others = len(paraphrases())
    let_through, unnamed = map(len, paraphrase_verdicts())
    named = others - let_through - unnamed
    return [
        ("Mutants of the references", f"{changed:,}", f"{changed - same:,} refused, {same} equivalent with a reason"),
        ("Answers right only by luck", f"{by_luck:,}", f"{by_luck - passed:,} refused"),
        ("Right answers in other styles", f"{right:,}", f"{right - refused:,} accepted"),
        ("Labelled wrong solutions", f"{wrong:,}", f"{wrong - missed:,} refused and named"),
        (
            "Paraphrases, not used to build the judge",
            f"{others:,}",
            f"{others - let_through:,} refused, {named} named ({100 * named // others} %)",
        ),
    ]


def total(verdicts) -> tuple[int, int]:
    counts = [verdicts(exercise) for exercise in CODE]
    return sum(tried for tried, _ in counts), sum(len(left) for _, left in counts)


def table() -> str:
    """The rows as the README shows them."""
    lines = [f"| {what} | {tried} | {came} |" for what, tried, came in rows()]
    return "\n".join(["| What the judge is shown | How many | What it says |", "|---|---|---|", *lines])


def broken_promises() -> list[str]:
    """Each promise that the judge does not keep, as a sentence."""
    broken = []
    for exercise in CODE:
        reasons = EQUIVALENT.get(exercise.id, {})
        same = mutant_verdicts(exercise)[1]
        broken += [f"{exercise.id}: this mutant passes: {change}" for change in same if change not in reasons]
        broken += [f"{exercise.id}: no mutant that passes: {change}" for change in reasons if change not in same]
        broken += [f"{exercise.id}: it passes, right by luck: {name}" for name in lucky_verdicts(exercise)[1]]
        broken += [f"{exercise.id}: it is refused, though right: {name}" for name in style_verdicts(exercise)[1]]
        broken += [f"{exercise.id}: it is not named: {label}" for label in label_verdicts(exercise)[1]]
    return broken + [f"{line}: this paraphrase passes" for line in paraphrase_verdicts()[0]]


def main() -> int:
    """Print the report; the exit status tells whether the judge keeps its promises."""
    broken, unnamed = broken_promises(), paraphrase_verdicts()[1]
    print(table(), *broken, *(f"Not named: {line}" for line in unnamed), sep="\n")
    return int(bool(broken) or 20 * len(unnamed) > len(paraphrases()))


if __name__ == "__main__":
    sys.exit(main())
