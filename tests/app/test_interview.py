"""The mock interview: what is drawn, how a round goes in whatever order things are given, and what is reported."""

import json
from copy import deepcopy
from datetime import UTC, datetime
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attncore.app.interview import desk as desks
from attncore.app.interview import plan
from attncore.app.interview.desk import KIND, Desk, begun, count_tests, history, left_open
from attncore.app.interview.plan import LEVELS, MINUTES, SHARES, draw
from attncore.app.interview.report import RULES, facts, page, panel, rubric
from attncore.app.interview.round import DOES, FOLLOW_UPS, Refused, current, exercise_of, left, stage, step, used
from attncore.app.interview.scene import blank, scene
from attncore.app.progress import Progress
from attncore.app.review import Item, replay
from attncore.exercises import Card, exercises, find
from attncore.grading.report import Panel

START = 1_000_000.0


class Sick:
    """A hunt that needs no model: a bug is repaired where the file says its name."""

    kind, level, framework = "decoder", "senior", "numpy"
    source, healthy, symptoms = "sick = True\n", "", "It is ill."

    def __init__(self, count):
        bug = {"unit": "layer_norm", "level": "basic"}
        self.bugs = [
            SimpleNamespace(label=f"bug {n}", line=n, why=f"It does what bug {n} does.", **bug) for n in range(count)
        ]

    def judge(self, source, tests=""):
        if "1 / 0" in source:
            return Panel("raised", [("head", "It stops.")])
        labels = [bug.label for bug in self.bugs]
        report = Panel("wrong", [("head", "Judged.")])
        report.repaired = [label for label in labels if label in source]
        report.caught = [label for label in labels if label in tests]
        report.false_alarms = ["test_of_nothing"] if "test_of_nothing" in tests else []
        return report


@pytest.fixture(autouse=True)
def hunts(monkeypatch):
    monkeypatch.setattr(plan, "hunt_of", lambda level, seed, bugs, framework, kind: Sick(bugs))
    monkeypatch.setattr(desks, "hunt_of", plan.hunt_of)


def drawn(level="senior", minutes=45, seed=7, framework="numpy", **more):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "hunt_of", lambda level, seed, bugs, framework, kind: Sick(bugs))
        return draw(level, minutes, seed, framework, "2026-11-26T10:00:00", **more)


# What is drawn


@pytest.mark.parametrize("level", LEVELS)
def test_the_minutes_of_the_parts_add_up(level):
    for minutes in MINUTES:
        shares = plan.shared_out(minutes, SHARES[level])
        assert sum(shares.values()) == minutes and min(shares.values()) >= 1


@pytest.mark.parametrize("level", LEVELS)
def test_a_seed_draws_the_same_round_again_and_another_seed_another(level):
    rounds = [drawn(level, seed=seed) for seed in (7, 7, 8)]
    assert rounds[0] == rounds[1]
    asked = [[question["id"] for part in state["parts"] for question in part["questions"]] for state in rounds]
    assert not set(asked[0][:2]) & set(asked[2][:2])


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("minutes", [10, 45, 180])
def test_every_part_asks_something_of_its_level_and_nothing_twice(level, minutes):
    state = drawn(level, minutes)
    ids = [question["id"] for part in state["parts"] for question in part["questions"]]
    assert all(part["questions"] for part in state["parts"])
    assert len(ids) == len(set(ids))
    assert ("design" in [part["name"] for part in state["parts"]]) == (level in ("senior", "staff"))


def test_a_round_without_a_seed_tells_the_one_that_was_drawn():
    state = drawn(seed=None)
    assert f"seed {state['seed']}" in scene(state).lines[0][1]
    assert drawn(seed=state["seed"]) == state


@pytest.mark.parametrize(
    "asked, said",
    [
        ({"level": "expert"}, 'There is no level "expert"; there are basic, intermediate, senior, staff.'),
        ({"minutes": 0}, "A round takes 10 to 180 whole minutes, not 0."),
        ({"minutes": "45"}, "whole minutes, not '45'."),
        ({"minutes": True}, "whole minutes, not True."),
        ({"seed": -1}, "A seed is a whole number from 0 to"),
        ({"framework": "jax"}, 'There is no framework "jax"; there are numpy, torch.'),
    ],
)
def test_what_cannot_be_asked_is_a_sentence(asked, said):
    with pytest.raises(ValueError) as refused:
        drawn(**asked)
    assert said in str(refused.value)


def test_without_pytorch_its_rounds_are_refused_and_with_it_only_arrays_are_asked_for(monkeypatch):
    monkeypatch.setattr(plan, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match="PyTorch isn't installed here"):
        drawn(framework="torch")
    monkeypatch.setattr(plan, "find_spec", lambda name: object())
    for seed in range(10):
        (code,) = next(
            part["questions"] for part in drawn(framework="torch", seed=seed)["parts"] if part["name"] == "code"
        )
        assert plan.takes_tensors(find(code["id"]))
    assert not plan.takes_tensors(find("KVCache")) and not plan.takes_tensors(find("permutation_effect"))


def test_every_function_can_be_asked_from_a_blank_cell():
    for exercise in exercises:
        if exercise.kind == "code":
            source = blank(exercise)
            assert exercise.id in source and "check(" not in source
            compile(source, exercise.id, "exec")


# How a round goes


def ready(**asked):
    return step(drawn(**asked), {"do": "resume", "at": START})


def gives(value, at=START):
    return {"do": "answer", "at": at, "value": value}


def fitting(state, choose=0):
    """What fits what is asked now: right where it can be, for `choose` 0."""
    question, now = current(state), scene(state)
    match stage(question):
        case "say":
            return {"do": "answer", "value": f"an answer, {question['id']}"}
        case "claim" | "mark":
            return {"do": "answer", "value": now.options[choose % len(now.options)]}
        case "ticks":
            return {"do": "answer", "value": list(range(choose % (len(now.options) + 1)))}
        case "value":
            right = exercise_of(question).reference()
            return {"do": "answer", "value": right if choose == 0 else "0.123"}
        case "function":
            outcome = ("right", "edge", "wrong", "raised")[choose % 4]
            labels = [*find(question["id"]).wrong]
            return {
                "do": "checked",
                "outcome": outcome,
                "mistake": labels[0] if outcome == "wrong" else None,
                "edges": labels[:1] if outcome == "edge" else [],
                "lines": [["where", "There."]],
                "tests": choose,
            }
        case "files":
            labels = [bug["label"] for bug in question["bugs"]]
            found = {
                "repaired": labels[: choose % (len(labels) + 1)],
                "caught": [],
                "false_alarms": [],
                "tests": choose,
            }
            return {"do": "hunted", "lines": [], **found}
        case "follow":
            last = question["follow_ups"][-1]
            return {
                "do": "answer",
                "value": {"choice": last["choices"][:1], "value": ["1"], "text": ["so"]}[last["kind"]][0],
            }
    raise AssertionError("Nothing is asked")


def answers(state):
    """All that was ever given."""
    given = []
    for part in state["parts"]:
        for place, question in enumerate(part["questions"]):
            where = (part["name"], place)
            given += [(where, "said", question["said"])] if question.get("said") else []
            given += [(where, "choice", n, choice) for n, choice in enumerate(question.get("choices", []))]
            given += [(where, "ticks", tuple(question["ticks"]))] if question.get("ticks") is not None else []
            given += [(where, "check", n, check["outcome"]) for n, check in enumerate(question.get("checks", []))]
            given += [(where, "found", str(question["found"]))] if question.get("found") else []
            given += [(where, "hints", n) for n in range(question.get("hints", 0))]
            given += [(where, "after", n, f["given"]) for n, f in enumerate(question["follow_ups"]) if f["given"]]
    return set(given)


GIVEN = st.lists(
    st.tuples(st.sampled_from([*DOES, "fitting", "fitting", "fitting"]), st.integers(0, 5), st.floats(0, 400)),
    max_size=60,
)
VALUES = ["", "words", "yes", [0], None]


@settings(max_examples=60, deadline=None)
@given(GIVEN, st.sampled_from(LEVELS))
def test_whatever_is_given_in_whatever_order_nothing_is_lost(given, level):
    state, at = drawn(level, 20), START
    for do, choose, passed in given:
        at += passed
        before, clock = deepcopy(state), used(state)
        more = {"value": VALUES[choose % 5], "text": VALUES[choose % 2]}
        try:
            running = state["since"] is not None
            event = (
                fitting(state, choose) if do == "fitting" and running else {"do": "resume" if do == "fitting" else do}
            )
            if event["do"] in ("checked", "hunted") and do != "fitting":
                event |= {"outcome": "wrong", "mistake": None, "edges": [], "lines": [], "tests": 0}
                event |= {"repaired": [], "caught": [], "false_alarms": []}
            state = step(state, {"at": at, **more, **event})
        except Refused as problem:
            assert state == before and str(problem)[-1] in ".?!"
            continue
        assert answers(before) <= answers(state)
        assert used(state) - clock == pytest.approx(passed_since(before, at, event["do"]))
        assert json.loads(json.dumps(state)) == state
        assert all(len(q["follow_ups"]) <= FOLLOW_UPS[level] for part in state["parts"] for q in part["questions"])
        facts(state), scene(state), page(facts(state))


def passed_since(before, at, do):
    return at - before["since"] if before["since"] is not None and do != "resume" else 0


def whole_round(state, between=lambda state, at: (state, at), choose=0, seconds=20):
    """A round answered to its end."""
    at = START
    state = step(state, {"do": "resume", "at": at})
    while state["ended"] is None:
        at += seconds
        before, state = state, step(state, {"at": at, **fitting(state, choose)})
        assert answers(before) <= answers(state)
        if state["ended"] is None and stage(current(state)) in ("value", "function") and current(state)["checks"]:
            state = step(state, {"do": "move on", "at": at})
        if state["ended"] is None:
            state, at = between(state, at)
    return state


@pytest.mark.parametrize("choose", [0, 1, 2])
def test_a_round_that_is_paused_and_read_again_at_every_step_has_the_same_report(choose):
    def paused(state, at):
        state = step(state, {"do": "pause", "at": at})
        assert scene(state).expects == "go on"
        state = json.loads(json.dumps(state))
        return step(state, {"do": "resume", "at": at + 10_000}), at + 10_000

    whole, in_pieces = (whole_round(drawn(), between, choose) for between in (lambda *both: both, paused))
    assert facts(whole) == facts(in_pieces)


def test_a_round_whose_process_was_killed_goes_on_from_its_last_step(tmp_path):
    store, now = Progress(":memory:"), [START]
    desk = begun(store, tmp_path, lambda: now[0], level="senior", minutes=45, seed=7, framework="numpy")
    desk.give()
    now[0] += 60
    desk.give("Something.")
    now[0] += 5_000  # it was killed, and nobody paused it
    again = left_open(store, tmp_path, lambda: now[0])
    assert again.scene.expects == "go on"
    again.give()
    now[0] += 30
    again.do("draft", text="x")
    assert used(again.state) == 90
    assert current(again.state)["said"] == "Something."


def test_what_is_typed_and_not_given_is_kept_when_one_moves_on_or_ends():
    for do in ("move on", "end"):
        state = step(ready(), {"do": "draft", "at": START, "text": "half a tho"})
        state = step(state, {"do": do, "at": START})
        assert state["parts"][0]["questions"][0]["said"] == "half a tho"


def test_after_its_time_a_part_is_left_at_the_next_question_and_a_round_ended():
    state = ready(level="basic")
    late = START + 60 * state["parts"][0]["minutes"] + 1
    state = step(state, gives("An answer.", late))
    while state["at"] == [0, 0]:
        state = step(state, {"at": late, **fitting(state)})
    assert state["at"] == [1, 0]
    assert any("time for this part" in text for _, text in state["told"])
    over = START + 60 * 45 + 1
    state = step(state, {"at": over, **fitting(state)})
    assert state["ended"] == over and not state["parts"][2]["questions"][0]["reached"]


def test_the_time_left_is_never_more_in_a_part_than_in_the_round():
    state = step(ready(), {"do": "draft", "at": START + 44 * 60, "text": ""})
    assert left(state) == (-35 * 60, 60)


def test_the_question_of_a_follow_up_is_hidden_until_the_answer_is_given():
    state = ready(level="intermediate")
    card = find(current(state)["id"])
    while not current(state)["follow_ups"]:
        shown = " ".join(text for _, text in scene(state).lines)
        assert not any(asked.ask in shown or asked.answer in shown for asked in card.follow_ups)
        state = step(state, {"at": START, **fitting(state)})
    shown = " ".join(text for _, text in scene(state).lines)
    assert card.follow_ups[0].ask in shown
    assert card.follow_ups[0].answer not in shown
    state = step(state, gives("So."))
    assert card.follow_ups[0].answer in " ".join(text for _, text in scene(state).lines)


def at_part(name, **asked):
    """A round at the first question of a part."""
    state = ready(**asked)
    while [part["name"] for part in state["parts"]][state["at"][0]] != name:
        state = step(state, {"do": "move on", "at": START})
    return state


def test_the_mistake_in_a_function_is_asked_about_and_not_named_before():
    state = at_part("code", seed=3)
    exercise = find(current(state)["id"])
    label = [*exercise.wrong][0]
    checked = {"do": "checked", "at": START + 30, "edges": [], "lines": [["where", "There."]], "tests": 2}
    state = step(state, checked | {"outcome": "wrong", "mistake": label})
    assert label not in str(scene(state).lines)
    state = step(state, checked | {"outcome": "right", "mistake": None})
    follow_up = current(state)["follow_ups"][0]
    assert label in follow_up["ask"] and follow_up["right"] == exercise.why(label)
    state = step(state, gives(exercise.why(label)))
    report = facts(state)
    (question,) = report["parts"][2]["questions"]
    assert question["result"] == "right"
    assert any(label in line and line.endswith("Right.") for line in question["lines"])
    assert f"Mistake: {label}." in question["lines"]
    assert "1 check before the first right one." in question["lines"]
    assert [exercise.id, "follow_up", "right", label] in state["events"]


def test_an_earlier_mistake_is_asked_about_where_this_round_gave_none():
    exercise = find("softmax")
    label = [*exercise.wrong][0]
    state = at_part("code", history=[("softmax", label)])
    state = step(state, {"at": START, **fitting(state)})
    assert current(state)["follow_ups"][0]["about"] == ["softmax", label]


def test_a_claim_that_was_chosen_wrongly_comes_back_after_the_next_question():
    state = ready(level="basic")
    card = find(current(state)["id"])
    while state["at"] == [0, 0]:
        wrong = next(choice for choice in card.claims[0].choices if choice != card.claims[0].right)
        first = stage(current(state)) == "claim" and not current(state)["choices"]
        state = step(state, gives(wrong) if first else {"at": START, **fitting(state)})
    assert all(follow_up["kind"] == "text" for follow_up in state["parts"][0]["questions"][0]["follow_ups"])
    while not current(state)["follow_ups"]:
        state = step(state, {"at": START, **fitting(state)})
    assert current(state)["follow_ups"][0]["about"] == [card.id, card.claims[0].ask]
    assert ("case", "Now something from before.") in scene(state).lines
    state = step(state, gives(card.claims[0].right))
    assert [card.id, "follow_up", "right", card.claims[0].ask] in state["events"]


def test_a_follow_up_that_was_left_is_called_so_and_is_no_mark_of_the_learners():
    state = ready(level="basic")
    while not current(state)["follow_ups"]:
        state = step(state, {"at": START, **fitting(state)})
    given = step(state, gives("So."))
    for left_at, said in ((state, "Not answered."), (given, "Answered, and not marked.")):
        after = step(left_at, {"do": "move on", "at": START})
        assert facts(after)["parts"][0]["questions"][0]["lines"][-1].endswith(said)
    assert after["parts"][0]["questions"][0]["follow_ups"][0]["given"] == "So."


def test_a_hunt_with_a_bug_left_in_is_asked_about_and_told():
    state = at_part("hunt")
    found = {"repaired": ["bug 0"], "caught": ["bug 0"], "false_alarms": ["test_of_nothing"], "tests": 2, "lines": []}
    state = step(state, {"do": "hunted", "at": START, **found})
    assert "bug 1" in current(state)["follow_ups"][0]["ask"]
    (question,) = facts(state)["parts"][3]["questions"]
    assert question["result"] == "1 of 4 repaired, 1 caught by a test"
    assert "test_of_nothing fails on the healthy file, too." in question["lines"]


def test_a_question_that_the_course_asks_no_longer_can_be_left():
    state = ready()
    current(state)["id"] = "gone"
    assert scene(state).expects == "nothing" and "no longer asks gone" in scene(state).lines[-1][1]
    assert step(state, {"do": "move on", "at": START})["at"] == [0, 1]
    facts(state)


# What is reported


def test_what_was_not_reached_has_no_points_and_is_called_so():
    state = step(ready(), {"do": "end", "at": START + 5})
    report = facts(state)
    assert [part["time"] for part in report["parts"]][1:] == ["not reached"] * 4
    later = [question for part in report["parts"][1:] for question in part["questions"]]
    assert {(question["result"], question["time"]) for question in later} == {("not reached", "")}
    unmeasured = {row["name"]: row["measured"] for row in report["rubric"] if row["points"] is None}
    assert {"independence", "speed", "depth", "numbers"} <= unmeasured.keys()
    assert "not measured" in panel(report).message


def test_an_answer_that_is_right_throughout_has_four_points_and_a_wrong_one_has_not():
    right = {row["name"]: row["points"] for row in rubric(whole_round(drawn(), seconds=1))}
    assert right["independence"] == right["speed"] == right["numbers"] == 4
    wrong = {row["name"]: row["points"] for row in rubric(whole_round(drawn(), choose=2))}
    assert wrong["numbers"] == 1 and wrong["independence"] < 4


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_is_printed_as_it_is_computed(rule):
    assert [rule.points(limit) for limit in rule.limits] == [4, 3, 2]
    beyond = rule.limits[2] - 0.01 if rule.more_is_better else rule.limits[2] + 0.01
    assert rule.points(beyond) == 1
    assert all(rule.written(limit) in rule.text for limit in rule.limits)


class Read(HTMLParser):
    """The tags that are open at the end, and the text."""

    def __init__(self):
        super().__init__()
        self.open, self.text, self.links = [], "", []

    def handle_starttag(self, tag, attributes):
        if tag not in ("meta", "br", "link"):
            self.open.append(tag)
        self.links += [value for name, value in attributes if name in ("href", "src")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_the_page_is_whole_needs_nothing_else_and_says_all_of_it():
    earlier = whole_round(drawn(), choose=1)
    report = facts(whole_round(drawn(), choose=2), [earlier])
    read = Read()
    read.feed(page(report))
    assert read.open == []
    assert all(link.startswith("../../") for link in read.links)
    for row in report["rubric"]:
        assert row["rule"].split(".")[0] in read.text and row["measured"] in read.text
    for place in report["reread"]:
        assert place["text"] in read.text
    assert "Your rounds" in read.text and len(report["trend"]) == 2
    assert "color-scheme: light dark" in page(report) and "@media print" in page(report)


def test_what_a_learner_types_is_text_on_the_page():
    state = step(ready(), {"do": "draft", "at": START, "text": "x"})
    state["parts"][0]["questions"][0]["id"] = "<script>alert(1)</script>"
    assert "<script>" not in page(facts(state))


@pytest.mark.parametrize("id", ["visible-keys", "cache-of-a-context"])
def test_what_to_read_again_is_where_the_lesson_says_it(id):
    state = at_part("numeric")
    current(state)["id"] = id
    state = step(state, gives("0.123"))
    exercise = find(id)
    text = ": ".join(exercise.section) if "section" in exercise.words else f"{exercise.lesson}: {exercise.title}"
    (place,) = [place for place in facts(state)["reread"] if place["text"] == text]
    assert place["address"].startswith(f"{exercise.taught_in}.ipynb#cell-id=")


# The desk


@pytest.fixture
def desk(tmp_path):
    return begun(Progress(":memory:"), tmp_path, level="senior", minutes=45, seed=3, framework="numpy")


def to(desk, expects):
    desk.give()
    while desk.scene.expects != expects:
        desk.do("move on")
    return desk


def test_a_function_is_judged_and_its_mistake_is_kept_for_later(desk):
    to(desk, "function")
    exercise = find(current(desk.state)["id"])
    label = next(label for label in exercise.wrong if label in exercise.words["why"])
    wrong = exercise.wrong[label]
    wrong.__module__ = "__main__"
    desk.give(wrong, f"{exercise.id}(1)\nassert {exercise.id}(2) == 3\ndef {exercise.id}(x): return {exercise.id}(x)")
    question = current(desk.state)
    assert question["checks"][0]["mistake"] == label or label in question["checks"][0]["edges"]
    assert question["tests"] == 2
    assert not any(label in text for _, text in desk.scene.lines)
    assert desk.store.events("interview")[-1].mistake == label


@pytest.mark.parametrize(
    "value, said", [("softmax", "Give the function itself"), (find("softmax").reference, "the course's own")]
)
def test_what_is_no_function_of_the_learners_is_told(desk, value, said):
    to(desk, "function")
    with pytest.raises(Refused, match=said):
        desk.give(value)
    assert current(desk.state)["checks"] == []


def test_the_files_of_a_hunt_are_written_judged_and_put_back_where_they_are_gone(desk):
    to(desk, "files")
    model = desk.folder / "model.py"
    assert model.read_text() == Sick.source and "It is ill." in (desk.folder / "SYMPTOMS.md").read_text()
    model.unlink()
    (desk.folder / "test_model.py").write_text("def test_mine(): pass\n")
    with pytest.raises(Refused, match="model.py was gone"):
        desk.give("done")
    assert model.exists() and "test_mine" in (desk.folder / "test_model.py").read_text()
    model.write_text("1 / 0")
    with pytest.raises(Refused, match="It stops. Mend that first"):
        desk.give("done")
    model.write_text("bug 0, bug 1, bug 2, bug 3")
    desk.give("done")
    assert [q["found"]["tests"] for part in desk.state["parts"] for q in part["questions"] if q.get("found")] == [1]


def test_a_store_that_fails_is_told_and_the_round_goes_on(tmp_path):
    class Full(Progress):
        def keep(self, *_):
            raise OSError("disk full")

    desk = begun(Full(":memory:"), tmp_path, level="basic", minutes=10, seed=1, framework="numpy")
    desk.give()
    desk.give("An answer.")
    assert "can't be saved at the moment (disk full)" in desk.trouble
    assert current(desk.state)["said"] == "An answer."


def test_letters_and_numbers_stand_for_choices_and_points(desk):
    desk.give()
    desk.give("An answer.")
    while desk.scene.expects == "choice":
        desk.give("a")
    desk.give("1 2")
    assert desk.state["parts"][0]["questions"][0]["ticks"] == [0, 1]


@pytest.mark.parametrize("ticks", ["1 99", "one", [0], [[1]], 7.5])
def test_ticks_that_are_none_are_told(desk, ticks):
    desk.give()
    desk.give("An answer.")
    while desk.scene.expects == "choice":
        desk.give("a")
    with pytest.raises(Refused, match="Tick points by their numbers"):
        desk.give(ticks)


def test_the_report_is_written_at_the_end_with_earlier_rounds(tmp_path):
    store, now = Progress(":memory:"), [START]
    for _ in range(2):
        now[0] += 60
        desk = begun(store, tmp_path, lambda: now[0], level="basic", minutes=10, seed=1, framework="numpy")
        desk.give()
        desk.do("end")
    assert "Your rounds" in (desk.folder / "report.html").read_text()
    assert len(store.kept_keys(KIND)) == 2 and left_open(store, tmp_path) is None


def test_history_is_what_no_follow_up_was_right_about_since():
    store = Progress(":memory:")
    store.record("softmax", "attempt", "wrong", "base 2")
    store.record("causal_mask", "attempt", "edge", "one; two")
    store.record("softmax", "attempt", "right")
    store.record("causal_mask", "follow_up", "right", "one")
    assert history(store) == [("causal_mask", "two"), ("softmax", "base 2")]
    assert history(None) == []


def test_a_follow_up_speaks_of_its_mistake_alone():
    label = next(iter(find("softmax").wrong))
    store = Progress(":memory:")
    store.record("softmax", "interview", "wrong", label)
    store.record("softmax", "follow_up", "right", label)
    seen = replay(store.events(), datetime.now(UTC))
    assert "softmax" not in seen.done, "it was said what is wrong, and nothing was written"
    assert seen.items[Item("softmax", label)].times == 1


def test_the_test_that_a_hunt_begins_with_is_not_counted_as_the_learners(desk):
    to(desk, "files")
    desk.give("done")
    (found,) = (q["found"] for part in desk.state["parts"] for q in part["questions"] if q.get("found"))
    assert found["tests"] == 0


def test_calls_outside_the_function_and_test_functions_are_counted():
    source = "def f(x):\n    return f(x - 1)\n\nf(2)\nassert f(3) == f(4)\nprint(g(5))\n\ndef test_it():\n    pass\n"
    assert count_tests(source, "f") == 4
    assert count_tests(source, "") == 1
    assert count_tests("def (", "f") == 0


class Tensor:
    def __init__(self, array):
        self.array = array

    def detach(self):
        return self

    cpu = detach

    def numpy(self):
        return self.array


def test_with_pytorch_tensors_come_in_and_may_go_out(monkeypatch):
    torch = SimpleNamespace(from_numpy=Tensor, Tensor=Tensor)
    monkeypatch.setitem(__import__("sys").modules, "torch", torch)
    seen = []

    def twice(x, weights=None, mask=None):
        seen.append((type(x), weights, mask))
        return (Tensor(2 * x.array), 3)

    doubled, three = desks.in_tensors(twice)(np.ones(2), weights=[np.zeros(1)])
    assert doubled.tolist() == [2, 2] and three == 3
    assert seen[0][0] is Tensor and isinstance(seen[0][1][0], Tensor)


def test_a_card_is_a_card():
    assert all(isinstance(find(q["id"]), Card) for q in drawn()["parts"][0]["questions"])
    assert isinstance(Desk(drawn(), None, None).scene.lines, list)


@pytest.mark.parametrize(("minutes", "most"), [(30, 4), (45, 5)])
def test_the_longest_file_is_for_rounds_that_leave_time_to_read_it(minutes, most):
    kinds = set()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "hunt_of", lambda level, seed, bugs, framework, kind: kinds.add(kind) or Sick(bugs))
        for seed in range(20):
            plan.draw("senior", minutes, seed, "numpy", "key")
    assert len(kinds) == most and ("serving" in kinds) == (most == 5)
