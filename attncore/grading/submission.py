"""The verdicts on a stranger's file: what its children have told, beside the references. Nothing is printed or kept."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from attncore.exercises import Code, Exercise, UnknownExercise, exercises, find
from attncore.grading.check import judge, unattempted, verdict
from attncore.grading.hear import Failure, Heard
from attncore.grading.observe import Observed
from attncore.grading.reading import Unreadable
from attncore.grading.report import Report, said
from attncore.grading.wire import unpack


@dataclass(frozen=True)
class Judged:
    """The verdicts on a file, in the order of the course, and what else is told of it.

    `broken`: a child was ended, and not everything has run.
    """

    reports: list[Report]
    told: list[str]
    broken: bool


def judged(name: str, heard: Heard) -> Judged:
    """The verdicts on a file of that name. Raises Unreadable where it holds no answer."""
    lost = lost_answers(heard)
    reports = [*known_answers(heard, lost), *(unknown(id) for id in heard.answers if not is_judged(id))]
    told = [failure.sentence for _, failure in sorted(heard.failures.items()) if failure not in lost.values()]
    told += near_names(heard, {report.exercise for report in reports})
    if heard.late:
        told.append(f"The file was not run to its end: {heard.late}.")
    if not reports:
        nothing = [] if heard.late else [f"{name} holds no answer to an exercise of the course."]
        raise Unreadable("\n".join([*nothing, *told]))
    return Judged(reports, told, bool(heard.skipped or heard.ended or heard.late))


def known_answers(heard: Heard, lost: dict[str, Failure]) -> Iterator[Report]:
    for exercise in exercises:
        if exercise.id in heard.observed:
            yield of_observed(exercise, unpack(heard.observed[exercise.id]), heard)
        elif exercise.id in heard.ended:
            yield said(exercise, "raised", f"it {heard.ended[exercise.id]}.")
        elif exercise.id in lost:
            yield said(exercise, "raised", lost[exercise.id].sentence)
        elif exercise.id in heard.answers and is_judged(exercise.id):
            yield said(exercise, "raised", f"not judged, because the file was not run to its end: {heard.late}.")


def of_observed(exercise: Exercise, observed: Any, heard: Heard) -> Report:
    if not isinstance(exercise, Code):
        return judge(exercise, observed)
    report = verdict(exercise, observed)
    if exercise.bug and report.mistake == exercise.bug:
        return unattempted(exercise)  # the broken function, as it was handed out
    if exercise.bug and observed.waits_for:
        report.tone = "unattempted"  # it may be as it was handed out
    report.lines += [("why", text) for text in causes(observed, heard)]
    return report


def causes(observed: Observed, heard: Heard) -> Iterator[str]:
    """Where a name is missing because its statement failed: why."""
    found = [re.match(r"name '(\w+)' is not", ran.message) for ran in observed.first if ran.raised == "NameError"]
    for name in dict.fromkeys(match[1] for match in found if match):
        for failure in heard.failures.values():
            if name in failure.defines:
                yield f"`{name}` is missing: {failure.sentence}"


def lost_answers(heard: Heard) -> dict[str, Failure]:
    """The exercises whose own statement failed, so that the file gives them no answer."""
    lost = {}
    for failure in heard.failures.values():
        functions = [name for name in failure.defines if is_judged(name) and isinstance(find(name), Code)]
        for id in [*functions, *filter(is_judged, failure.answers)]:
            if id not in heard.answers:
                lost[id] = failure
    return lost


def near_names(heard: Heard, told: set[str]) -> list[str]:
    """A sentence on each function whose name is nearly that of an exercise without an answer."""
    open_ids = [exercise.id for exercise in exercises if isinstance(exercise, Code) and exercise.id not in told]
    near = {name: get_close_matches(name, open_ids, n=1, cutoff=0.8) for name in heard.functions if name not in told}
    return [f'No exercise has the name {name}. Did you mean "{id}"?' for name, ids in near.items() for id in ids]


def unknown(name: str) -> Report:
    """What is said of a name that belongs to no exercise that is judged."""
    try:
        text = f'"{find(name).id}" is a card: it is answered aloud.'
    except UnknownExercise as problem:
        text = str(problem)
    return Report("raised", [("head", text)], name)


def is_judged(id: str) -> bool:
    try:
        return find(id).kind != "explain"
    except UnknownExercise:
        return False
