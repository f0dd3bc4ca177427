"""What the interviewer says in a state, and what is expected next. Pure; the front ends show it."""

import inspect
import re
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

from attncore.app.interview.plan import State
from attncore.app.interview.round import NO, YES, Refused, current, exercise_of, hunt_name, left, part_of, stage
from attncore.app.places import NOTEBOOKS
from attncore.app.workbook import cells_of
from attncore.exercises import Card, Exercise
from attncore.grading.report import Lines

OPENINGS = {
    "concept": "Let's start with what you know. Answer as you would aloud, in a few sentences.",
    "numeric": "Now a number. Paper is fine, and so are units: 128 KiB, 1/8 and 50 % are understood.",
    "code": "Now write something. You get the signature and its contract, and nothing else.",
    "hunt": "Here's a model that somebody has written, and it isn't well.",
    "design": "The last part is open-ended. Say what you'd build, what it costs, and where it breaks.",
}
ON_THAT, FROM_BEFORE = "One more on that.", "Now something from before."


@dataclass(frozen=True)
class Scene:
    """Lines to show, as a panel's, and what is expected next; `options` are choices or points.

    Expected is: begin, go on, text, choice, ticks, value, function, files; nothing, where a question can only be left;
    or "", where the round is over. `hints` is how many are left to open.
    """

    lines: Lines = field(default_factory=list)
    expects: str = ""
    options: list[str] = field(default_factory=list)
    hints: int = 0


def scene(state: State) -> Scene:
    """What is shown now."""
    if state["ended"] is not None:
        return Scene([(role, text) for role, text in state["told"]])
    if state["since"] is None:
        return waiting(state)
    told: Lines = [(role, text) for role, text in state["told"]]
    try:
        shown = asked(state)
    except Refused as problem:
        shown = Scene([("head", str(problem))], "nothing")
    return Scene([*told, *shown.lines], shown.expects, shown.options, shown.hints)


def waiting(state: State) -> Scene:
    """Before the round, and while it is paused."""
    parts = ", ".join(f"{part['name']} {part['minutes']}" for part in state["parts"])
    if not current(state)["reached"]:
        lines = [
            ("head", f"A mock interview: {state['level']}, {state['minutes']} minutes, seed {state['seed']}."),
            ("why", f"In minutes: {parts}. The clock starts when you say so, and stands still while you pause."),
        ]
        return Scene(lines, "begin")
    minutes = max(0, round(left(state)[1] / 60))
    head = f"Paused: {state['level']}, seed {state['seed']}, begun {state['key'][:16].replace('T', ' ')}."
    why = f"You're in the part {part_of(state)['name']}, with about {minutes} of {state['minutes']} minutes left."
    return Scene([("head", head), ("why", why)], "go on")


def asked(state: State) -> Scene:
    """The question, as far as it has come."""
    question, waits_for = current(state), stage(current(state))
    if waits_for in ("follow", "mark"):
        return followed(question, waits_for)
    opening: Lines = [("case", OPENINGS[part_of(state)["name"]])] if is_new(state) else []
    if waits_for == "files":
        return Scene([*opening, *hunt_lines(state, question)], "files")
    exercise = exercise_of(question)
    if isinstance(exercise, Card):
        return spoken(question, exercise, opening, waits_for)
    hints = len(exercise.hints) - question["hints"]
    if waits_for == "value":
        choices = [("why", f"One of: {', '.join(exercise.words['choices'])}")] if "choices" in exercise.words else []
        return Scene([*opening, ("head", exercise.words["question"]), *choices], "value", hints=hints)
    torch = [("why", "In PyTorch: arrays come in as tensors, and a tensor may go out.")]
    lines = [("head", f"Write `{exercise.id}`."), *(torch if state["framework"] == "torch" else [])]
    return Scene([*opening, *lines, ("input", blank(exercise))], "function", hints=hints)


def is_new(state: State) -> bool:
    """Is this the first question of its part, and nothing given yet?"""
    question = current(state)
    return state["at"][1] == 0 and not (question.get("said") or question.get("checks") or question.get("hints"))


def spoken(question: State, card: Card, opening: Lines, waits_for: str) -> Scene:
    head: Lines = [("head", card.question)]
    if waits_for == "say":
        return Scene([*opening, *head], "text")
    said: Lines = [("why", f"You said: {question['said']}")]
    if waits_for == "claim":
        claim = card.claims[len(question["choices"])]
        count = f"{len(question['choices']) + 1} of {len(card.claims)}"
        return Scene([*head, *said, ("head", f"Which way, {count}: {claim.ask}")], "choice", claim.choices)
    graded: Lines = []
    for claim, choice in zip_longest(card.claims, question["choices"]):
        verdict = "Right" if choice == claim.right else f'Not right, you chose "{choice}"'
        graded.append(("where", f"{verdict}: {claim.ask} {claim.right}. {claim.why}"))
    model: Lines = [("head", "A model answer"), *(("why", text) for text in card.answer.split("\n\n"))]
    if card.worked:
        model += [("head", "The same with its numbers"), *(("why", text) for text in card.worked.split("\n\n"))]
    tick: Lines = [("head", "Which of these did you say? The ticks are your own; nobody else judges them.")]
    return Scene([*head, *said, *graded, *model, *tick], "ticks", card.points)


def followed(question: State, waits_for: str) -> Scene:
    last = question["follow_ups"][-1]
    own = last["about"][0] in (question["id"], hunt_name(question))
    head: Lines = [("case", ON_THAT if own else FROM_BEFORE), ("head", last["ask"])]
    if waits_for == "mark":
        lines = [("why", f"You said: {last['given']}"), ("why", f"One could say: {last['why']}")]
        return Scene([*head, *lines, ("head", "Is that in what you said? It's your own mark.")], "choice", [YES, NO])
    return Scene(head, last["kind"], last["choices"])


def hunt_lines(state: State, question: State) -> Lines:
    count, where = len(question["bugs"]), folder(state)
    bugs = "One bug is" if count == 1 else f"{count} bugs are"
    return [
        ("head", f"{bugs} in {where}/model.py."),
        ("why", f"{where}/SYMPTOMS.md says what a run of it looks like. Repair the model."),
        ("why", f"For each bug write a test, in {where}/test_model.py, that fails on it and passes once it's mended."),
        ("why", "Both count. Say when you've saved them and are done: they're judged once."),
    ]


def folder(state: State) -> str:
    """Where a round's files lie, seen from the working copy."""
    return f"interviews/{state['key'].replace(':', '')}"


def blank(exercise: Exercise) -> str:
    """The cell that the exercise's lesson gives the learner, without its check."""
    cells = cells_of(NOTEBOOKS / f"{exercise.lesson}.ipynb")
    after = {source.partition("\n")[0]: cells[place : place + 2][-1] for place, (_, source, _) in enumerate(cells)}
    _, source, _ = after[f"### {exercise.title}"]
    return "\n".join([*fields(exercise), source.rpartition("check(")[0].rstrip()])


def fields(exercise: Exercise) -> list[str]:
    """The named tuples that a contract speaks of, each with its fields: nobody can know them otherwise."""
    names: dict[str, Any] = vars(inspect.getmodule(inspect.unwrap(exercise.reference)))
    found = re.findall(r"`(\w+)`", inspect.getdoc(exercise.reference) or "")
    tuples = [names[name] for name in dict.fromkeys(found) if hasattr(names.get(name), "_fields")]
    return [f"# {kind.__name__}: {', '.join(kind._fields)}" for kind in tuples]
