"""Judge an answer: what was observed beside what the reference gives, in a sentence, with the smallest case.

`judge(exercise, answer)` is `verdict(exercise, observe(answer, ...))`. The first half calls the answer and knows no
reference; the second calls nothing of the learner's.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from attncore.exercises import Code, Exercise, UnknownExercise, exercises, find
from attncore.grading.compare import Difference, agree, explain, figures
from attncore.grading.diagnose import in_common, name_convention, name_edges, name_mistakes, only_number, remark
from attncore.grading.observe import Observed, calls_of, is_nothing, observe
from attncore.grading.report import Lines, Report, said, show_arguments
from attncore.grading.run import Ran
from attncore.grading.trial import Trial, trial
from attncore.grading.values import judge_value

ASKED = frozenset(exercise.id for exercise in exercises if exercise.kind == "code")
Found = dict[int, Difference]  # case by case, how the answer departs where it does


def judge(exercise: str | Exercise, answer: Any) -> Report:
    """Judge an answer to an exercise, printing nothing.

    Code and debug exercises take the function; numeric and predict ones a number, a shape or a choice.
    Raises UnknownExercise, with the nearest name, and ValueError where an exercise is not judged but marked.
    """
    exercise = find(exercise) if isinstance(exercise, str) else exercise
    if exercise.kind == "explain":
        raise ValueError(f'"{exercise.id}" is answered aloud: card("{exercise.id}") asks it')
    if answer is None or answer is ...:
        return unattempted(exercise)
    if isinstance(exercise, Code):
        return verdict(exercise, observe(answer, exercise.signature, exercise.cases))
    return judge_value(exercise, answer)


def unattempted(exercise: Exercise, ask: str = "") -> Report:
    return said(exercise, "unattempted", f"not attempted yet.{ask}")


def verdict(exercise: Code, observed: Observed) -> Report:
    """What is said of an answer that was observed. Pure: it calls nothing of the learner's."""
    if not observed.callable:
        what = "class" if isinstance(exercise.reference, type) else "function"
        return said(exercise, "wrong", f"give the {what} itself, without brackets or arguments, not what it returns.")
    known = trial(exercise)
    if observed.endless and len(observed.first) <= max(known.core):
        return endless(exercise, observed)
    if observed.endless:
        observed = stopped_in_a_corner(observed, known)
    if observed.waits_for and is_stub(observed, known):
        return waiting(exercise, observed.waits_for)
    if is_stub(observed, known):
        return unattempted(exercise, "" if observed.blank else " It returns nothing. Is the `return` missing?")
    found = departures(exercise, known, observed)
    core = {i: found[i] for i in known.core if i in found}
    if observed.waits_for and core:
        return waiting(exercise, observed.waits_for)
    if core:
        return wrong(exercise, known, observed, found, core)
    if found:
        return edge(exercise, known, observed, found)
    return said(exercise, "right", f"right, in all {len(observed.first)} cases.", *calls_told(exercise, observed))


def calls_told(exercise: Code, observed: Observed) -> Lines:
    """Of a repair: the functions of the course, or of the learner's own exercises, that the broken code didn't call."""
    if not exercise.bug:
        return []
    before = {called.rpartition(".")[2] for _, called in calls_of(exercise.wrong[exercise.bug])}
    called = [name.rpartition(".")[2] for name in reached(observed) if "." in name or is_asked(name)]
    new = [f"`{name}`" for name in dict.fromkeys(called) if name not in before | {exercise.id}]
    if not new:
        return []
    text = f"It calls {' and '.join(new)}, which the broken code didn't."
    return [("why", f"{text} An interviewer would ask all the same: which line was wrong, and why did nobody notice?")]


def reached(observed: Observed) -> list[str]:
    """What a repair calls, itself or in a helper; what the learner's earlier exercises call is theirs."""
    names = [""]
    for name in names:
        if not is_asked(name):
            names += [called for caller, called in observed.calls if caller == name and called not in names]
    return names[1:]


def is_asked(name: str) -> bool:
    """Is it the name of a function that the course asks for?"""
    return name in ASKED


def endless(exercise: Code, observed: Observed) -> Report:
    case = exercise.cases[min(len(observed.first), len(exercise.cases) - 1)]
    text = f'stopped after {observed.seconds:g} seconds, on the case "{case.name}". Is there a loop that never ends?'
    return said(exercise, "raised", text)


def stopped_in_a_corner(observed: Observed, known: Trial) -> Observed:
    """What was observed of an answer that did all core cases, and then ran on: no more than that is held against it."""
    done = len(observed.first)
    stopped = Ran(raised="TimeUp", message=STOPPED.format(observed.seconds))
    first = [*observed.first, stopped, *known.expected[done + 1 :]]
    return replace(observed, first=first, again=first, endless=False)


STOPPED = "it does not come back within {:g} seconds."


def waiting(exercise: Code, name: str) -> Report:
    try:
        lines: Lines = [("input", f"from attncore.{find(name).lesson[3:]} import {name}")]
    except UnknownExercise:  # a helper of the learner's own
        return said(exercise, "raised", f"it calls {name}, which is not written yet.")
    return said(
        exercise, "raised", f"it calls {name}, which is not written yet. Write it, or take the course's:", *lines
    )


def is_stub(observed: Observed, known: Trial) -> bool:
    asked = [ran for ran, expected in zip(observed.first, known.expected, strict=True) if expected.value is not None]
    return all(map(is_nothing, asked))


def departures(exercise: Code, known: Trial, observed: Observed) -> Found:
    each = zip(observed.first, observed.again or observed.first, known.expected, known.tolerances, strict=True)
    found = {i: depart(exercise, *four) for i, four in enumerate(each)}
    return {i: departure for i, departure in found.items() if departure}


def depart(exercise: Code, ran: Ran, again: Ran, expected: Ran, tolerance: float) -> Difference | None:
    """How one case departs from what is expected, if it does."""
    if expected.raised:
        return None if agree(ran, expected, tolerance) else Difference("error", unraised(ran, expected.raised))
    if ran.raised:
        return Difference("raised", exception(ran))
    if ran.wrote_to:
        return Difference("wrote", f"it writes to its argument `{ran.wrote_to}`; work on a copy.")
    if not agree(ran, again, tolerance):
        return Difference("changes", "the same input gives another result when it is called again.")
    if agree(ran, expected, tolerance):
        return Difference("dtype", FLOAT16) if holds_float16(ran.value) else None
    departure = explain(ran.value, expected.value, max(tolerance, ran.precision), exercise.outputs)
    lacks = f" It has no parameter `{ran.lacks[0]}`." if ran.lacks else ""
    return replace(departure, text=f"{departure.text}{lacks}")


def holds_float16(value: Any) -> bool:
    parts = value if isinstance(value, tuple) else (value,)
    return any(getattr(part, "dtype", None) == np.float16 for part in parts)


def unraised(ran: Ran, expected: str) -> str:
    did = f"it raises {ran.raised}" if ran.raised else "it returns a value"
    return f"{ran.message[:-1] if ran.raised == 'TimeUp' else did}; the prompt promises a {expected} for this input."


def exception(ran: Ran) -> str:
    if not ran.kin:  # the whole sentence is there: a signature that does not fit, recursion, exit
        return ran.message
    inside = f" in `{ran.inside}`, which it calls" if ran.inside else ""
    text = f"it raises {ran.raised}{inside}: {ran.message}" if ran.message else f"it raises {ran.raised}{inside}."
    return f"{text}\n    {ran.line}" if ran.line else text


def edge(exercise: Code, known: Trial, observed: Observed, found: Found) -> Report:
    """Right in the middle, and open in a corner: the sentence that promises it, and the smallest case."""
    corners = by_promise(exercise, known, found, found)
    named = dict(zip(corners, name_edges(known, observed.first, corners.values()), strict=True))
    lines = calls_told(exercise, observed)
    lines += [("why", f"{sentence(label)}. {exercise.why(label)}") for label in dict.fromkeys(named.values()) if label]
    lines += [("why", f'The prompt says: "{promise}"') for promise, label in named.items() if not label]
    shown = smallest(exercise, list(found), found)
    lines += proof(exercise, known, found, shown, "The smallest case that shows it")
    edges = list(dict.fromkeys(label or promise for promise, label in named.items()))
    few = "One corner is open, and an interviewer would ask about it next."
    many = f"{len(edges)} corners are open, and an interviewer would ask about them next."
    return said(exercise, "edge", f"right. {few if len(edges) == 1 else many}", *lines, edges=edges)


Corner = tuple[list[int], list[int]]  # the cases of one promise: those that fail, and those that are right


def by_promise(exercise: Code, known: Trial, failing: Iterable[int], found: Found) -> dict[str, Corner]:
    """The cases of each open corner, by the sentence of the prompt that it breaks."""
    corners: dict[str, Corner] = {}
    for i in failing:
        corners.setdefault(exercise.cases[i].promise, ([], []))[0].append(i)
    for i in known.edges:
        if i not in found and (corner := corners.get(exercise.cases[i].promise)):
            corner[1].append(i)
    return corners


def wrong(exercise: Code, known: Trial, observed: Observed, found: Found, core: Found) -> Report:
    """Name the mistake where it can be named, and show the smallest core case that proves it."""
    ran, by_value = observed.first, [i for i in core if core[i].kind not in UNCLEAN]
    convention = name_convention(known, ran) if by_value else None
    mistakes, left = ([], []) if convention or not by_value else name_mistakes(known, ran, by_value)
    if mistakes == [exercise.bug]:
        return untouched(exercise)
    unclean = [i for i in core if i not in by_value]
    if unclean and (left or not (mistakes or convention)):
        return unclean_first(exercise, known, core, min(unclean, key=lambda i: exercise.cases[i].size))
    shown = smallest(exercise, [i for i in by_value if mistakes and i not in left] or by_value, core)
    lines = reasons(exercise, known, ran, mistakes, convention, left, shown)
    edges = corners_beside(exercise, known, ran, mistakes, found)
    lines += [("why", f"And in a corner: {label}. {exercise.why(label)}") for label in edges]
    lines += proof(exercise, known, core, shown, "The smallest that fails", how_far(known, core))
    lines += [("where", f"And {core[i].text}") for i in unclean[:1]]
    outcome = "raised" if all(d.kind == "raised" for d in core.values()) else "wrong"
    mistake = mistakes[0] if mistakes else None
    return said(
        exercise,
        outcome,
        headline(exercise, mistake, convention),
        *lines,
        mistake=mistake,
        convention=convention,
        edges=edges,
    )


def untouched(exercise: Code) -> Report:
    """Neither the place nor an input that shows it is told: to find both is the exercise."""
    shows = f'An input on which it fails shows more: breaks("{exercise.id}", ...) judges one.'
    return said(exercise, "wrong", headline(exercise, exercise.bug, None), ("next", shows), mistake=exercise.bug)


def corners_beside(exercise: Code, known: Trial, ran: list[Ran], mistakes: list[str], found: Found) -> list[str]:
    """The named mistakes of corners that do not follow from those of the middle.

    Where the middle has no name, agreeing with a label in a corner says little.
    """
    told = [outputs for label, outputs in known.wrong if label in mistakes]
    explained = [i for i in known.edges if any(agree(ran[i], other[i], known.tolerances[i]) for other in told)]
    left = [i for i in known.edges if i in found and i not in explained] if told else []
    corners = by_promise(exercise, known, left, found)
    return list(dict.fromkeys(label for label in name_edges(known, ran, corners.values()) if label))


UNCLEAN = ("wrote", "changes", "dtype")  # what is wrong with an answer whose numbers may be right
FLOAT16 = "it returns float16, which holds three figures; return float32 or float64."


def headline(exercise: Code, mistake: str | None, convention: str | None) -> str:
    if mistake and mistake == exercise.bug:
        return "the bug is still there."
    if mistake:
        return f"{mistake}."
    return f"another convention, {convention}." if convention else "not yet right."


def reasons(
    exercise: Code,
    known: Trial,
    ran: list[Ran],
    mistakes: list[str],
    convention: str | None,
    left: list[int],
    shown: int,
) -> Lines:
    """Why it is wrong: the sentence of the label, of a second one, or what stands out."""
    lines: Lines = []
    if mistakes[:1] == [exercise.bug]:
        pass  # naming it would solve the exercise
    elif name := (mistakes[0] if mistakes else convention):
        lines.append(("why", exercise.why(name)))
    elif (number := only_number(known, ran)) is not None:
        lines.append(("why", f"It returns nothing but {figures(number)}, whatever the input."))
    else:
        words = in_common(known, [i for i in known.core if not agree(ran[i], known.expected[i], known.tolerances[i])])
        if words:
            lines.append(("why", f"It is wrong only {words}."))
        if not ran[shown].raised and (
            text := remark(ran[shown].value, known.expected[shown].value, known.arguments[shown])
        ):
            lines.append(("why", text))
    if len(mistakes) > 1:
        lines.append(("why", f"A second mistake: {mistakes[1]}. {exercise.why(mistakes[1])}"))
    elif mistakes and left:
        name = exercise.cases[left[0]].name
        lines.append(("why", f'That isn\'t all: the case "{name}" fails for another reason.'))
    return lines


def unclean_first(exercise: Code, known: Trial, core: Found, i: int) -> Report:
    """An argument written to, or results that change, come before anything about the numbers."""
    return said(exercise, "wrong", core[i].text, *proof(exercise, known, core, i, "Seen on")[:2])


def how_far(known: Trial, core: Found) -> str:
    right = len(known.core) - len(core)
    return f"{right} of the {len(known.core)} main cases {'is' if right == 1 else 'are'} right. " if right else ""


def smallest(exercise: Code, among: list[int], found: Found) -> int:
    """The case that shows the difference to the fewest numbers; one that differs in value before others."""
    return min(among, key=lambda i: (found[i].kind != "values", exercise.cases[i].size))


def proof(exercise: Code, known: Trial, found: Found, i: int, words: str, before: str = "") -> Lines:
    """A case that can be pasted and run, and what differs there."""
    return [
        ("case", f"{before}{words}, {exercise.cases[i].name}:"),
        ("input", show_arguments(exercise, exercise.cases[i].name, known.arguments[i])),
        ("where", sentence(found[i].text)),
    ]


def sentence(text: str) -> str:
    return text[0].upper() + text[1:]
