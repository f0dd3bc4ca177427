"""The state of a round and what changes it: `step(state, given)` returns the next state, and is pure.

What is given is a dict: `do`, one of DOES, the time `at`, and what belongs to it. What doesn't fit raises Refused, with
a sentence, and changes nothing. No step takes away an answer. The clock runs from step to step, but for pauses.
"""

import random
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from attncore.app.interview.plan import LEVELS, State
from attncore.exercises import Card, Exercise, UnknownExercise, find
from attncore.grading import Report, judge
from attncore.hunts.planting import kind_named

DOES = ("resume", "pause", "draft", "answer", "checked", "hunted", "hint", "move on", "end")
FOLLOW_UPS = dict(zip(LEVELS, (1, 1, 2, 2), strict=True))  # after a question, at most
DONE = ("right", "edge")
YES, NO = "yes", "no"
WHAT_IS_WRONG = "What's wrong with that?"


class Refused(ValueError):
    """What was given doesn't fit here; the message says so in a sentence."""


def step(state: State, given: State) -> State:
    """The next state. Raises Refused where what is given doesn't fit."""
    do, at = given["do"], given["at"]
    if do not in DOES:
        raise Refused(f'There is no "{do}" here.')
    state = deepcopy(state) | {"events": []}
    if state["ended"] is not None:
        raise Refused("This round is over.")
    if do == "resume":
        if not current(state)["reached"]:
            reach(state)
        return state | {"since": at}
    if state["since"] is None:
        raise Refused("The clock stands still: go on with the round first.")
    pass_time(state, at)
    if do == "pause":
        return state | {"since": None}
    if do == "draft":
        return state | {"draft": str(given["text"])}
    {
        "answer": lambda: answer(state, given["value"]),
        "checked": lambda: checked(state, given),
        "hunted": lambda: hunted(state, given),
        "hint": lambda: hint(state),
        "move on": lambda: move_on(state),
        "end": lambda: end(state),
    }[do]()
    if state["ended"] is None:
        advance(state)
    return state


def current(state: State) -> State:
    part, place = state["at"]
    question: State = state["parts"][part]["questions"][place]
    return question


def part_of(state: State) -> State:
    part: State = state["parts"][state["at"][0]]
    return part


def exercise_of(question: State) -> Exercise:
    """The exercise that a question asks, with the round's numbers. Raises Refused where the bank has it no longer."""
    try:
        return find(question["id"]).drawn(question.get("draw"))
    except UnknownExercise:
        raise Refused(f"This course no longer asks {question['id']}: move on to the next question.") from None


def card_of(question: State) -> Card:
    exercise = exercise_of(question)
    if not isinstance(exercise, Card):
        raise Refused(f"This course no longer asks {question['id']} aloud: move on to the next question.")
    return exercise


def pass_time(state: State, at: float) -> None:
    passed = max(0.0, at - state["since"])
    current(state)["used"] += passed
    part_of(state)["used"] += passed
    state["since"] = at


def used(state: State) -> float:
    return float(sum(part["used"] for part in state["parts"]))


def left(state: State) -> tuple[float, float]:
    """The seconds left in this part and in the round, at the last step; below zero where they are over."""
    whole = 60 * state["minutes"] - used(state)
    return min(60 * part_of(state)["minutes"] - part_of(state)["used"], whole), whole


def stage(question: State) -> str:
    """What a question waits for: say, claim, ticks, value, function or files; follow or mark; or nothing any more."""
    for follow_up in question["follow_ups"]:
        if follow_up["given"] is None:
            return "follow"
        if follow_up["outcome"] is None:
            return "mark"
    if question["moved_on"]:
        return ""
    if question["kind"] == "card":
        if question["said"] is None:
            return "say"
        if len(question["choices"]) < len(card_of(question).claims):
            return "claim"
        return "ticks" if question["ticks"] is None else ""
    if question["kind"] == "hunt":
        return "files" if question["found"] is None else ""
    if question["checks"] and question["checks"][-1]["outcome"] == "right":
        return ""
    return {"numeric": "value", "code": "function"}[question["kind"]]


def answer(state: State, value: Any) -> None:
    """An answer to what is asked now, other than a function or files."""
    question = current(state)
    waits_for = stage(question)
    match waits_for:
        case "say":
            question["said"] = typed(value)
            state["events"].append([question["id"], "said", question["said"], None])
        case "claim":
            claim = card_of(question).claims[len(question["choices"])]
            question["choices"].append(chosen(value, claim.choices))
            if len(question["choices"]) == len(card_of(question).claims):
                state["events"].append([question["id"], "claims", share(question), None])
        case "ticks":
            points = card_of(question).points
            question["ticks"] = ticked(value, len(points))
            state["events"].append([question["id"], "marks", f"{len(question['ticks'])} of {len(points)}", None])
        case "value":
            number(state, question, value)
            return
        case "follow" | "mark":
            followed(state, question["follow_ups"][-1], value)
            return
        case _:
            raise Refused("Give the function itself." if waits_for == "function" else "Say when the files are done.")
    state["told"], state["draft"] = [], ""


def typed(value: Any) -> str:
    text = value.strip() if isinstance(value, str) else ""
    if not text:
        raise Refused("Answer in your own words first, if only in one sentence; or move on.")
    return text


def chosen(value: Any, choices: list[str]) -> str:
    if value not in choices:
        raise Refused("That's none of the choices.")
    return str(value)


def ticked(value: Any, points: int) -> list[int]:
    if not isinstance(value, list | tuple) or not all(type(point) is int and 0 <= point < points for point in value):
        raise Refused(f"Tick points by their numbers, from 1 to {points}.")
    return sorted(set(value))


def share(question: State) -> str:
    """How many of a card's claims were chosen rightly: "2 of 3"."""
    claims = card_of(question).claims
    return f"{len(claims) - len(wrong_claims(question))} of {len(claims)}"


def wrong_claims(question: State) -> list[int]:
    pairs = zip(question["choices"], card_of(question).claims, strict=False)
    return [place for place, (choice, claim) in enumerate(pairs) if choice != claim.right]


def number(state: State, question: State, value: Any) -> None:
    """A number for a numeric question: right, or not, and once more."""
    report = judged(exercise_of(question), value)
    told = check_done(state, question, report.outcome, report.mistake, [])
    if report.outcome == "right":
        told += [["why", exercise_of(question).words["because"]]]
    elif not report.mistake:
        told = [["head", spoken(report)], ["why", "Try again, or move on."]]
    state["told"], state["draft"] = told, ""


def judged(exercise: Exercise, value: Any) -> Report:
    report = judge(exercise, value)
    if report.unread or report.outcome == "unattempted":
        raise Refused(spoken(report))
    return report


def spoken(report: Report) -> str:
    """A report's first sentence, without the name of the exercise before it."""
    text = report.lines[0][1].removeprefix(f"{report.exercise}: ")
    return text[:1].upper() + text[1:]


def checked(state: State, given: State) -> None:
    """A function that was judged: its outcome, mistake and edges, the lines to show; and how many tests it had."""
    question = current(state)
    if stage(question) != "function":
        raise Refused("No function is asked for now.")
    if given["outcome"] == "unattempted":
        raise Refused(given["lines"][0][1])
    if question["tests"] is None:
        question["tests"] = given["tests"]
    told = check_done(state, question, given["outcome"], given["mistake"], given["edges"])
    state["told"], state["draft"] = [*told, *given["lines"]], ""


def check_done(state: State, question: State, outcome: str, mistake: str | None, edges: list[str]) -> list[list[str]]:
    check = {"outcome": outcome, "mistake": mistake, "edges": list(edges), "used": question["used"]}
    question["checks"].append(check)
    state["events"].append([question["id"], "interview", outcome, mistake or "; ".join(edges) or None])
    return [["head", SAID[question["kind"], outcome]]]


SAID = {
    ("numeric", "right"): "Yes, that's right.",
    ("numeric", "wrong"): "No, that isn't it. Try again, or move on.",
    ("code", "right"): "Yes, that's right, corners included.",
    ("code", "edge"): "Right in the middle of the road. A corner is open: close it, or move on.",
    ("code", "wrong"): "Not yet. Try it on this one.",
    ("code", "raised"): "Not yet: it stops with an error.",
}


def hunted(state: State, given: State) -> None:
    """The files of a hunt, judged: the labels of bugs repaired and caught, false alarms, the number of tests."""
    question = current(state)
    if stage(question) != "files":
        raise Refused("No hunt is on now.")
    question["found"] = {key: given[key] for key in ("repaired", "caught", "false_alarms", "tests")}
    for bug in question["bugs"]:
        outcome = "repaired" if bug["label"] in given["repaired"] else "not repaired"
        outcome += ", caught by a test" if bug["label"] in given["caught"] else ""
        state["events"].append([hunt_name(question), "hunt", outcome, bug["label"]])
    state["told"], state["draft"] = list(given["lines"]), ""


def hunt_name(question: State) -> str:
    """What the store calls a hunt: nothing that the bank asks has such a name."""
    return f"hunt {question['id']} {question.get('draw')}"


def hint(state: State) -> None:
    question = current(state)
    hints = exercise_of(question).hints if stage(question) in ("value", "function") else []
    if question.get("hints", 0) >= len(hints):
        raise Refused("There's no further hint here.")
    question["hints"] += 1
    state["events"].append([question["id"], "hint", str(question["hints"]), None])
    state["told"] = [["head", f"Hint {question['hints']} of {len(hints)}"], ["why", hints[question["hints"] - 1]]]


def move_on(state: State) -> None:
    """Leave what is asked as it is. What was typed until now is kept as the answer."""
    question = current(state)
    state["told"] = []
    keep_draft(state)
    if question["follow_ups"] and (last := question["follow_ups"][-1])["outcome"] is None:
        outcome_of(state, last, "not marked" if last["given"] else "not answered")
        last["given"] = last["given"] or ""
        state["told"] = [["why", last["why"]]]
        return
    question["moved_on"] = True
    if question["kind"] == "numeric":
        state["told"] = [["why", exercise_of(question).words["because"]]]


def keep_draft(state: State) -> None:
    """What is typed and not given yet counts as said."""
    question, text = current(state), state["draft"].strip()
    if not text:
        return
    if question["follow_ups"] and question["follow_ups"][-1]["given"] is None:
        question["follow_ups"][-1]["given"] = text
    elif question["kind"] == "card" and question["said"] is None:
        question["said"] = text
    else:
        question["unjudged"] = text
    state["draft"] = ""


def end(state: State) -> None:
    """The round ends here. What is typed is kept; what was not reached stays so."""
    keep_draft(state)
    state["ended"], state["since"] = state["since"], None


def reach(state: State) -> None:
    current(state)["reached"] = True


def advance(state: State) -> None:
    """Where nothing is waited for any more: a follow-up, the next question, the next part, or the end."""
    question, (part, place) = current(state), state["at"]
    if stage(question):
        return
    time_left, whole_left = left(state)
    may_ask = whole_left > 0 and len(question["follow_ups"]) < FOLLOW_UPS[state["level"]]
    if may_ask and (asked := next_follow_up(state)):
        question["follow_ups"].append(asked)
        return
    if whole_left > 0 and time_left > 0 and place + 1 < len(part_of(state)["questions"]):
        state["at"] = [part, place + 1]
    elif whole_left > 0 and part + 1 < len(state["parts"]):
        if place + 1 < len(part_of(state)["questions"]):
            state["told"].append(["why", "That's the time for this part, so we'll leave its other questions."])
        state["at"] = [part + 1, 0]
    else:
        end(state)
        return
    reach(state)


# Follow-ups


def next_follow_up(state: State) -> State | None:
    """What to ask next: about a mistake of this round, then a card's own question, then about earlier times."""
    question = current(state)
    done = [follow_up["about"] for part in state["parts"] for q in part["questions"] for follow_up in q["follow_ups"]]
    fresh = (f for f in candidates(state, question) if f["about"] not in done)
    return next(fresh, None)


def candidates(state: State, question: State) -> Iterator[State]:
    if question["kind"] != "card":  # what is wrong in a card's claims was told a moment ago
        yield from about(state, question)
    first = not question["follow_ups"]  # one at most goes back to what was before
    for other in reached(state):
        if first and other is not question:
            yield from about(state, other)
    if question["moved_on"]:
        return
    if question["kind"] == "card":
        for asked in card_of(question).follow_ups:
            yield follow_up("text", [question["id"], asked.ask], asked.ask, why=asked.answer)
    for id, label in state["history"] if first else ():
        yield from about_label(state, id, label, "an earlier attempt at")


def reached(state: State) -> list[State]:
    return [question for part in state["parts"] for question in part["questions"] if question["reached"]]


def about(state: State, question: State) -> Iterator[State]:
    """What can be asked about the mistakes in one question of this round."""
    try:
        if question["kind"] == "card":
            card = card_of(question)
            for claim in [card.claims[place] for place in wrong_claims(question)]:
                ask = f'Back to "{card.title}", once more. {claim.ask}'
                yield follow_up("choice", [card.id, claim.ask], ask, claim.choices, claim.right, claim.why)
        elif question["kind"] == "hunt":
            yield from about_bugs(state, question)
        else:
            for label in mistakes(question):
                yield from about_label(state, question["id"], label, "your work on")
    except Refused:
        return


def mistakes(question: State) -> list[str]:
    """The labels of the mistakes in a question's checks, each once, in order."""
    labels = [label for check in question["checks"] for label in (check["mistake"], *check["edges"]) if label]
    return list(dict.fromkeys(labels))


def about_label(state: State, id: str, label: str, where: str) -> Iterator[State]:
    """A number that went wrong is asked with other numbers; of another mistake, what is wrong with it."""
    try:
        exercise = find(id)
    except UnknownExercise:
        return
    if exercise.template is not None:
        was = exercise.drawn(state["seed"]).words["question"]
        draws = range(state["seed"] + 1, state["seed"] + 9)
        other = next((d for d in draws if exercise.drawn(d).words["question"] != was), draws[0])
        ask = f"With other numbers. {exercise.drawn(other).words['question']}"
        yield follow_up("value", [id, label], ask, draw=other)
        return
    whys = exercise.words.get("why", {})
    ask = f'In {where} "{exercise.title}" there was this: {label}. {WHAT_IS_WRONG}'
    if label in whys:
        yield from which_why(state, [id, label], ask, whys[label], [why for name, why in whys.items() if name != label])


def about_bugs(state: State, question: State) -> Iterator[State]:
    found = question["found"] or {"repaired": [bug["label"] for bug in question["bugs"]]}
    planted = {bug["label"] for bug in question["bugs"]}  # what was said of these stands on the screen
    others = [bug.why for bug in kind_named(question["id"], "numpy").bugs if bug.label not in planted]
    for bug in question["bugs"]:
        if bug["label"] not in found["repaired"]:
            ask = f"There was a bug left in `{bug['unit']}`, line {bug['line']}: {bug['label']}. {WHAT_IS_WRONG}"
            yield from which_why(state, [hunt_name(question), bug["label"]], ask, bug["why"], others)


def which_why(state: State, about: list[str], ask: str, right: str, others: list[str]) -> Iterator[State]:
    """Which of up to three sentences is true of a mistake? The others are true of other mistakes."""
    rng = random.Random(f"{state['seed']} {about}")
    wrong = sorted(set(others) - {right})
    choices = [right, *rng.sample(wrong, min(2, len(wrong)))]
    if wrong:
        yield follow_up("choice", about, ask, rng.sample(choices, len(choices)), right, right)


def follow_up(
    kind: str,
    about: list[str],
    ask: str,
    choices: list[str] | None = None,
    right: str = "",
    why: str = "",
    draw: int = 0,
) -> State:
    """A question of one of three kinds: text, a choice, or a value. Its answer is hidden until one is given."""
    more = {"choices": list(choices or []), "right": right, "why": why, "draw": draw}
    return {"kind": kind, "about": about, "ask": ask, "given": None, "outcome": None} | more


def followed(state: State, asked: State, value: Any) -> None:
    """An answer to a follow-up; or, where the answer stands beside it, the learner's own mark."""
    state["told"] = []
    if asked["kind"] == "text" and asked["given"] is None:
        asked["given"] = typed(value)
    elif asked["kind"] == "text":
        outcome_of(state, asked, "right" if chosen(value, [YES, NO]) == YES else "wrong")
    elif asked["kind"] == "choice":
        asked["given"] = chosen(value, asked["choices"])
        outcome_of(state, asked, "right" if value == asked["right"] else "wrong")
        state["told"] = [["head", "Yes." if value == asked["right"] else f"No: {asked['right']}"]]
        if asked["why"] != asked["right"]:
            state["told"].append(["why", asked["why"]])
    else:
        exercise = exercise_of({"id": asked["about"][0], "draw": asked["draw"]})
        report = judged(exercise, value)
        asked["given"] = str(value)
        outcome_of(state, asked, report.outcome)
        state["told"] = [["head", "Yes." if report.outcome == "right" else "No."], ["why", exercise.words["because"]]]
    state["draft"] = ""


def outcome_of(state: State, asked: State, outcome: str) -> None:
    asked["outcome"] = outcome
    id, label = asked["about"]
    state["events"].append([id, "follow_up", outcome, label])
