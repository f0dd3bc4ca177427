"""What a round came to: facts, five lines of a rubric whose rules stand in one table, and what to read again."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from attncore.app.interview.plan import State
from attncore.app.interview.round import DONE, Refused, card_of, exercise_of, mistakes, used, wrong_claims
from attncore.app.places import NOTEBOOKS
from attncore.app.standing import place_of
from attncore.app.workbook import cells_of
from attncore.exercises import UnknownExercise, find
from attncore.grading.report import Panel

Facts = dict[str, Any]
TEMPLATE = Path(__file__).with_name("report.html")


@dataclass(frozen=True)
class Rule:
    """What a line of the rubric measures, and from where on it gives four, three and two points; below that, one."""

    name: str
    measures: str
    limits: tuple[float, float, float]
    unit: str = "share"

    @property
    def more_is_better(self) -> bool:
        return self.unit == "share"

    def points(self, measured: float) -> int:
        reached = [measured >= limit if self.more_is_better else measured <= limit for limit in self.limits]
        return 4 - reached.index(True) if True in reached else 1

    @property
    def text(self) -> str:
        """The rule as a learner reads it."""
        bound = "at least" if self.more_is_better else "at most"
        four, three, two = (f"{bound} {self.written(limit)}" for limit in self.limits)
        return f"{self.measures}. 4 points for {four}, 3 for {three}, 2 for {two}, 1 otherwise."

    def written(self, value: float) -> str:
        return f"{value:g}" if self.unit == "count" else f"{value:.0%}"


RULES = (
    Rule(
        "correctness",
        "How much of what was asked and can be judged came out right: claims, numbers, the function, bugs repaired;"
        " each part counts the same",
        (0.9, 0.75, 0.5),
    ),
    Rule(
        "independence", "Hints opened, and wrong answers before the right one, in numbers and code", (0, 1, 3), "count"
    ),
    Rule("speed", "Time for what came out right, of the minutes that were meant for it", (0.7, 1.0, 1.5), "time"),
    Rule("depth", "Follow-ups that came out right; those of cards by your own mark", (0.9, 0.6, 0.3)),
    Rule("numbers", "Numbers that were within tolerance at the first answer", (0.9, 0.6, 0.3)),
)


def facts(state: State, earlier: Iterable[State] = ()) -> Facts:
    """All that the report says, for the screen and for the page."""
    parts = [part_facts(state, part) for part in state["parts"]]
    return {
        "title": f"Mock interview: {state['level']}, {state['minutes']} minutes",
        "when": state["key"].replace("T", " ")[:16],
        "seed": state["seed"],
        "framework": {"numpy": "NumPy", "torch": "PyTorch"}[state["framework"]],
        "over": state["ended"] is not None,
        "time": f"{clock(used(state))} of {state['minutes']} minutes",
        "parts": parts,
        "rubric": rubric(state),
        "reread": reread(state),
        "trend": trend([*earlier, state]),
    }


def clock(seconds: float) -> str:
    """Seconds as 12:05."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def part_facts(state: State, part: State) -> Facts:
    questions = [question_facts(part, question) for question in part["questions"]]
    time = f"{clock(part['used'])} of {part['minutes']} min" if part["questions"][0]["reached"] else "not reached"
    return {"name": part["name"], "time": time, "over": part["used"] > 60 * part["minutes"], "questions": questions}


def question_facts(part: State, question: State) -> Facts:
    """One question in words: what came of it, how long it took, and what happened on the way."""
    kept = {"title": title(question), "result": result(question), "time": "", "lines": []}
    if not question["reached"]:
        return kept
    meant = f"{minutes_for(part, question):g} min"
    return kept | {
        "time": f"{clock(question['used'])} of {meant}",
        "lines": [*on_the_way(question), *asked_after(question)],
    }


def title(question: State) -> str:
    if question["kind"] == "hunt":
        count = len(question["bugs"])
        return f"A hunt: {count} bug{'' if count == 1 else 's'}, {question['id']}"
    try:
        return exercise_of(question).title
    except Refused:
        return str(question["id"])


def minutes_for(part: State, question: State) -> float:
    """The exercise's own minutes where it has them, else a share of its part's."""
    share = part["minutes"] / len(part["questions"])
    try:
        own = None if question["kind"] == "hunt" else exercise_of(question).words.get("minutes")
    except Refused:
        own = None
    return float(own) if own else round(share, 1)


def result(question: State) -> str:
    """What came of a question, in a few words."""
    if not question["reached"]:
        return "not reached"
    left_it = "moved on" if question["moved_on"] else "not finished"
    if question["kind"] == "card":
        return card_result(question, left_it)
    if question["kind"] == "hunt":
        if question["found"] is None:
            return left_it
        found, count = question["found"], len(question["bugs"])
        return f"{len(found['repaired'])} of {count} repaired, {len(found['caught'])} caught by a test"
    outcomes = [check["outcome"] for check in question["checks"]]
    if "right" in outcomes:
        return "right"
    if "edge" in outcomes:
        return "right, with an open corner"
    return f"not right, {left_it}" if outcomes else f"not answered, {left_it}"


def card_result(question: State, left_it: str) -> str:
    try:
        card = card_of(question)
    except Refused:
        return left_it
    said = "answered" if question["said"] else "not answered"
    claims = f", {share_so_far(question)} directions right" if card.claims else ""
    return said + claims + ("" if question["ticks"] is not None else f", {left_it}")


def share_so_far(question: State) -> str:
    """How many claims were chosen rightly; a choice that was never made is none."""
    claims = len(card_of(question).claims)
    return f"{len(question['choices']) - len(wrong_claims(question))} of {claims}"


def on_the_way(question: State) -> list[str]:
    """Checks, hints, mistakes by name, and tests."""
    if question["kind"] == "card":
        return card_lines(question)
    if question["kind"] == "hunt":
        return hunt_lines(question)
    first, count = first_right(question), len(question["checks"])
    if first is None:
        lines = [f"{counted(count, question)}, not right."] if count else []
    else:
        lines = [f"{counted(first, question)} before the first right one." if first else "Right at once."]
    if question["hints"]:
        lines.append(f"Hints opened: {question['hints']}.")
    lines += [f"Mistake: {label}." for label in mistakes(question)]
    if question.get("tests") is not None:
        lines.append(f"Calls of it in tests of your own, before the first check: {question['tests']}.")
    return lines


def counted(count: int, question: State) -> str:
    return f"{count} {'check' if question['kind'] == 'code' else 'answer'}{'' if count == 1 else 's'}"


def first_right(question: State) -> int | None:
    """How many checks came before the first right one; None where there is none."""
    outcomes = [check["outcome"] in DONE for check in question["checks"]]
    return outcomes.index(True) if True in outcomes else None


def card_lines(question: State) -> list[str]:
    try:
        card = card_of(question)
    except Refused:
        return ["The course no longer asks this."]
    lines = [f"Not right: {card.claims[place].ask}" for place in wrong_claims(question)]
    if question["ticks"] is not None:
        lines.append(f"Points said, by your own ticks: {len(question['ticks'])} of {len(card.points)}.")
    return lines


def hunt_lines(question: State) -> list[str]:
    found = question["found"]
    if found is None:
        return []
    lines = [f"Left in: {bug['label']} (line {bug['line']})." for bug in question["bugs"] if is_left(question, bug)]
    lines.append(f"Tests written: {found['tests']}.")
    return lines + [f"{name} fails on the healthy file, too." for name in found["false_alarms"]]


def is_left(question: State, bug: State) -> bool:
    return question["found"] is not None and bug["label"] not in question["found"]["repaired"]


def asked_after(question: State) -> list[str]:
    return [
        f"Follow-up: {follow_up['ask']} {FOLLOWED.get(follow_up['outcome'], 'Not answered')}{own_mark(follow_up)}."
        for follow_up in question["follow_ups"]
    ]


FOLLOWED = {"right": "Right", "wrong": "Not right", "not marked": "Answered, and not marked"}


def own_mark(follow_up: State) -> str:
    return ", by your own mark" if follow_up["kind"] == "text" and follow_up["outcome"] in ("right", "wrong") else ""


# The rubric


def rubric(state: State) -> list[Facts]:
    """Each rule with what was measured and its points; None where there was nothing to measure."""
    return [line(rule, MEASURES[rule.name](state)) for rule in RULES]


Measured = tuple[float, str] | str  # a figure, and how it came about; or why there is none


def line(rule: Rule, measured: Measured) -> Facts:
    if isinstance(measured, str):
        return {"name": rule.name, "points": None, "measured": measured, "rule": rule.text}
    figure, words = measured
    return {"name": rule.name, "points": rule.points(figure), "measured": words, "rule": rule.text}


def questions(state: State, *kinds: str) -> list[tuple[State, State]]:
    """The questions that were reached, each after its part."""
    every = [(part, question) for part in state["parts"] for question in part["questions"]]
    return [pair for pair in every if pair[1]["reached"] and (not kinds or pair[1]["kind"] in kinds)]


def correctness(state: State) -> Measured:
    shares: dict[str, list[float]] = {}
    for part, question in questions(state):
        right = right_share(question)
        if right is not None:
            shares.setdefault(part["name"], []).append(right)
    if not shares:
        return "nothing that can be judged was reached"
    means = {name: sum(values) / len(values) for name, values in shares.items()}
    return sum(means.values()) / len(means), ", ".join(f"{name} {mean:.0%}" for name, mean in means.items())


def right_share(question: State) -> float | None:
    """How much of a question came out right; None where there is nothing in it that can be judged."""
    if question["kind"] == "card":
        try:
            claims = len(card_of(question).claims)
        except Refused:
            return None
        return (len(question["choices"]) - len(wrong_claims(question))) / claims if claims else None
    if question["kind"] == "hunt":
        return len((question["found"] or {"repaired": []})["repaired"]) / len(question["bugs"])
    return float(first_right(question) is not None)


def independence(state: State) -> Measured:
    tried = [question for _, question in questions(state, "code", "numeric") if question["checks"] or question["hints"]]
    if not tried:
        return "no number and no function was given"
    hints = sum(question["hints"] for question in tried)
    wrong = sum(first if (first := first_right(q)) is not None else len(q["checks"]) for q in tried)
    return hints + wrong, f"{hints} hint{'' if hints == 1 else 's'}, {wrong} wrong before the right one"


def speed(state: State) -> Measured:
    done = [(time_to_right(q), 60 * minutes_for(part, q)) for part, q in questions(state) if right_share(q) == 1]
    if not done:
        return "nothing came out right as a whole"
    took, meant = (sum(times) for times in zip(*done, strict=True))
    return took / meant, f"{clock(took)} for what was meant to take {clock(meant)}"


def time_to_right(question: State) -> float:
    first = first_right(question) if "checks" in question else None
    return float(question["used"] if first is None else question["checks"][first]["used"])


def depth(state: State) -> Measured:
    every = [f for _, question in questions(state) for f in question["follow_ups"]]
    asked = [f for f in every if f["outcome"] not in (None, "not marked")]
    if not asked:
        return "no follow-up was answered"
    right = [f for f in asked if f["outcome"] == "right"]
    own = [sum(f["kind"] == "text" for f in some) for some in (right, asked)]
    words = f", among them by your own mark {own[0]} of {own[1]}" if own[1] else ""
    return len(right) / len(asked), f"{len(right)} of {len(asked)}{words}"


def numbers(state: State) -> Measured:
    asked = [question for _, question in questions(state, "numeric")]
    if not asked:
        return "no number was reached"
    right = sum(first_right(question) == 0 for question in asked)
    return right / len(asked), f"{right} of {len(asked)}"


MEASURES = {
    "correctness": correctness,
    "independence": independence,
    "speed": speed,
    "depth": depth,
    "numbers": numbers,
}


# What to read again, and how it went before


def reread(state: State) -> list[Facts]:
    """Where the lessons say what went wrong here: each place once, as its words and its address."""
    found = {}
    for _, question in questions(state):
        for text, address in places(question):
            found[text] = {"text": text, "address": address}
    return list(found.values())


def places(question: State) -> Iterable[tuple[str, str]]:
    ids = [bug["unit"] for bug in question.get("bugs", []) if is_left(question, bug)]
    ids += [f["about"][0] for f in question["follow_ups"] if f["outcome"] in ("wrong", "not answered")]
    if question["kind"] != "hunt" and (right_share(question) != 1 or mistakes_in(question)):
        ids.append(question["id"])
    for id in ids:
        try:
            exercise = find(id)
        except UnknownExercise:
            continue
        if "section" in exercise.words:
            lesson, heading = exercise.section
            yield f"{lesson}: {heading}", section_address(lesson, heading)
        elif exercise.kind != "explain":
            yield f"{exercise.lesson}: {exercise.title}", place_of(exercise)


def mistakes_in(question: State) -> bool:
    return bool(question["kind"] != "card" and mistakes(question))


def section_address(lesson: str, heading: str) -> str:
    """The address of a section, seen from the working copy, as JupyterLab follows it."""
    name = f"{lesson}.ipynb"
    try:
        cells = cells_of(NOTEBOOKS / name)
    except (OSError, ValueError):
        return name
    ids = [id for _, source, id in cells if source.partition("\n")[0].lstrip("# ") == heading]
    return f"{name}#cell-id={ids[0]}" if ids else name


def trend(states: Sequence[State]) -> list[Facts]:
    """The rounds that are over, this one the last: when, what, and the rubric's points."""
    return [
        {
            "when": state["key"].replace("T", " ")[:16],
            "what": f"{state['level']}, {state['minutes']} min",
            "points": [row["points"] for row in rubric(state)],
        }
        for state in states
        if state["ended"] is not None
    ]


# On the screen and on the page


def panel(report: Facts, page: str = "") -> Panel:
    """The report in short, as a panel or as plain text."""
    lines = [("head", f"{report['title']}, {report['time']}, seed {report['seed']}")]
    for part in report["parts"]:
        lines.append(("head", f"{part['name']}: {part['time']}"))
        lines += [("where", f"{q['title']}: {q['result']}") for q in part["questions"]]
    lines.append(("head", "The rubric"))
    lines += [("where", f"{row['name']}: {points(row['points'])} ({row['measured']})") for row in report["rubric"]]
    links = {}
    if report["reread"]:
        lines.append(("head", "To read again"))
        lines += [("where", place["text"]) for place in report["reread"]]
        links = {place["text"]: place["address"] for place in report["reread"]}
    if page:
        lines.append(("next", f"The whole report, with the rules: {page}"))
        links[page] = page
    return Panel("info", lines, links=links)


def points(given: int | None) -> str:
    return "not measured" if given is None else f"{given} of 4"


def page(report: Facts) -> str:
    """The report as one HTML file that needs nothing else."""
    from jinja2 import Environment

    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["linked"] = Panel("info").linked
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(report | {"points": points})
