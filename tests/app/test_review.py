"""What comes back, when, and as what: on events made up here, and on simulated learners."""

from datetime import UTC, datetime, timedelta
from itertools import groupby

import numpy as np
import pytest

from attncore.app import cell
from attncore.app.places import progress_place
from attncore.app.progress import Event, Progress
from attncore.app.review import (
    AT_ONCE,
    GONE,
    MISTAKES_AT_ONCE,
    OTHER_KINDS,
    Item,
    comes_back_as,
    day_of,
    due,
    replay,
    review,
    tasks,
    todays,
)
from attncore.exercises import exercises, find, lessons
from attncore.exercises.exercise import Drill

START = datetime(2026, 11, 2, 18, tzinfo=UTC)
MISTAKE = Item("softmax", "no maximum subtracted")
DRAWN = Drill(
    lambda layers: 4 * layers,
    {"one layer only": lambda layers: 4},
    {"layers": 32},
    lambda rng: {"layers": int(rng.integers(2, 99))},
    words={
        "title": "Layers",
        "question": "How many are four times {layers}?",
        "because": "{answer}.",
        "hints": [],
        "why": {"one layer only": "There are {layers}."},
    },
)


def event(day, exercise, outcome, mistake=None, name="attempt", seconds=0):
    return Event(START + timedelta(days=day, seconds=seconds), exercise, name, outcome, mistake)


def made(day=0, item=MISTAKE):
    return event(day, item.exercise, "wrong", item.label)


def at(day):
    return START + timedelta(days=day, hours=5)


def state(events, day):
    return replay(events, at(day))


def is_due(events, day, item=MISTAKE):
    return item in due(state(events, day), day_of(at(day), at(day)))


class Kept:
    def __init__(self, *events):
        self.listed = list(events)

    def events(self):
        return self.listed


# Grades


def stability(item, *events):
    return state(events, 0).items[item].memory.stability


def test_grades_are_taken_from_what_happened():
    softmax, why = Item("softmax"), Item("why-scale")
    at_once = stability(softmax, event(0, "softmax", "right"))
    after_a_hint = stability(softmax, event(0, "softmax", "1", name="hint"), event(0, "softmax", "right"))
    with_a_corner = stability(softmax, event(0, "softmax", "edge"))
    never = stability(softmax, event(0, "softmax", "wrong"))
    after_tries = stability(softmax, event(0, "softmax", "wrong"), event(0, "softmax", "right"))
    assert at_once > after_a_hint == with_a_corner > after_tries >= never
    all_claims, some, none = (stability(why, event(0, "why-scale", f"{n} of 3", name="claims")) for n in (3, 2, 1))
    assert all_claims > some > none
    assert (all_claims, some) == (at_once, after_a_hint)


@pytest.fixture
def claims(monkeypatch):
    """Give a card claims, or take them from it."""
    card = find("why-scale")

    def give(number):
        claim = {"ask": "It gets ...", "choices": ["sharper", "flatter"], "right": "sharper", "why": "It does."}
        monkeypatch.setattr(card, "words", card.words | {"claims": [claim] * number})
        card.__dict__.pop("claims", None)

    yield give
    card.__dict__.pop("claims", None)


def test_a_card_without_claims_goes_by_its_ticks_and_one_with_claims_by_these(claims):
    ticked = event(0, "why-scale", "4 of 4", name="marks")
    claims(0)
    assert Item("why-scale") in state([ticked], 0).items
    claims(2)
    assert state([ticked], 0).items == {}


def test_a_sitting_is_one_try():
    once = state([made(), event(0, "softmax", "right", seconds=60)], 0)
    often = state([made(), made(), made(), event(0, "softmax", "right", seconds=60)], 0)
    assert once.items[MISTAKE].memory == often.items[MISTAKE].memory
    assert [s.items[MISTAKE].made for s in (once, often)] == [1, 3]


def test_a_named_mistake_comes_back_in_the_place_of_its_exercise():
    assert set(state([made()], 0).items) == {MISTAKE}
    assert set(state([event(0, "softmax", "wrong")], 0).items) == {Item("softmax")}


def test_the_named_mistakes_of_open_corners_come_back_too():
    corner = event(0, "softmax", "edge", "a line of -inf gives NaN; Some sentence of the prompt.")
    assert set(state([corner], 0).items) == {Item("softmax"), Item("softmax", "a line of -inf gives NaN")}


def test_what_the_course_does_not_know_or_what_lies_ahead_is_passed_over():
    strange = [
        event(0, "no-such-exercise", "wrong", "a label"),
        event(0, "softmax", "wrong", "no such label"),
        event(0, "why-scale", "many", name="marks"),
        event(0, "why-scale", "0 of 0", name="claims"),
        event(9, "softmax", "wrong", MISTAKE.label),
    ]
    assert set(state(strange, 0).items) == {Item("softmax")}


# When a mistake comes back, and when it's gone


def test_a_mistake_comes_back_the_next_day_repaired_or_not():
    assert not is_due([made()], 0)
    assert is_due([made()], 1)
    assert is_due([made(), event(0, "softmax", "right", seconds=60)], 1)


def test_a_mistake_of_long_ago_is_still_due():
    assert is_due([made()], 300)


def test_a_day_ends_at_four_in_the_morning():
    late = Event(datetime(2026, 11, 3, 2, tzinfo=UTC), "softmax", "attempt", "wrong", MISTAKE.label)
    assert MISTAKE not in due(replay([late], at(0)), day_of(late.at, late.at))
    morning = datetime(2026, 11, 3, 9, tzinfo=UTC)
    assert MISTAKE in due(replay([late], morning), day_of(morning, morning))


def test_repairing_it_once_counts_and_running_that_cell_again_does_not():
    again = [event(day, "softmax", "right") for day in range(30)]
    held = state([made(), *again], 30).items[MISTAKE]
    assert held == state([made(), again[0]], 30).items[MISTAKE]
    assert is_due([made(), *again], 30)


def test_a_right_answer_to_another_exercise_with_that_label_counts():
    elsewhere = next(e for e in exercises if MISTAKE.label in e.wrong and e.lesson != "02_softmax" and not e.bug)
    assert not is_due([made(), event(1, elsewhere.id, "right")], 1)
    assert is_due([made(), event(1, elsewhere.id, "wrong", MISTAKE.label)], 1)


def test_a_right_answer_to_what_was_asked_counts_and_to_a_bystander_does_not():
    asked = comes_back_as(MISTAKE, 0, frozenset())
    assert not is_due([made(), event(1, asked.id, "right")], 1)
    assert is_due([made(), event(1, asked.id, "wrong")], 1)
    assert is_due([made(), event(1, "uniform-entropy", "right")], 1)


def test_a_follow_up_on_a_mistake_counts_for_that_mistake_alone():
    follow = event(1, "softmax", "right", MISTAKE.label, name="follow_up")
    assert not is_due([made(), follow], 1)
    assert set(state([made(), follow], 1).items) == {MISTAKE}
    failed = event(1, "softmax", "wrong", MISTAKE.label, name="follow_up")
    assert state([made(), failed], 1).items[MISTAKE].made == 2


def test_made_again_it_starts_again():
    events = [made()]
    for day in (1, 3):
        events += answered(events, day)
    before = state(events, 3).items[MISTAKE]
    after = state([*events, made(4)], 4).items[MISTAKE]
    assert after.memory.stability < before.memory.stability
    assert (before.made, before.times) == (1, 2)
    assert (after.made, after.times, after.repaired) == (2, 0, False)
    assert is_due([*events, made(4)], 5)


def test_made_again_it_comes_back_within_days_however_well_it_was_known():
    events = [made()]
    for day in range(1, 60):
        events += answered(events, day)
    known = state(events, 200).comes_back_as(MISTAKE)
    events += [event(200, known.id, "right"), event(200, "softmax", "wrong", MISTAKE.label, seconds=60)]
    assert state(events, 200).items[MISTAKE].memory.stability > 5
    assert is_due(events, 203)


def test_a_notebook_run_from_top_to_bottom_proves_nothing():
    ran = [event(1, id, "right", seconds=n) for n, id in enumerate(("softmax", "log_softmax", "masked_softmax"))]
    first = [event(0, e.exercise, "right", seconds=60 * n) for n, e in enumerate(ran)]
    assert state([*first, *ran], 1).items == state(first, 1).items
    slowly = [event(1, e.exercise, "right", seconds=60 * n) for n, e in enumerate(ran)]
    assert state([*first, *slowly], 1).items != state(first, 1).items
    assert len(state(ran, 1).items) == 3, "the first time, it counts"


# As what


@pytest.mark.parametrize("made_in", [e for e in exercises if e.wrong], ids=lambda e: e.id)
def test_every_mistake_of_the_course_comes_back_as_other_kinds(made_in):
    for label in made_in.wrong:
        back = [comes_back_as(Item(made_in.id, label), times, frozenset()) for times in range(4)]
        assert made_in not in back
        assert all(e.lesson == made_in.taught_in and e.kind != made_in.kind for e in back)
        assert len({e.kind for e in back}) >= 2
        assert all(first is not second for first, second in zip(back, back[1:], strict=False))


def test_the_one_is_asked_that_speaks_most_of_the_mistake():
    asked = [comes_back_as(MISTAKE, times, frozenset()).id for times in range(3)]
    assert asked[:2] == ["fix_softmax", "one-maximum"]
    assert "max" in str(find(asked[2]).words)


def test_what_is_right_already_comes_last():
    assert comes_back_as(MISTAKE, 0, frozenset({"fix_softmax"})).id == "fix_pooling"
    assert comes_back_as(MISTAKE, 0, frozenset({"fix_softmax", "fix_pooling"})).id == "fix_softmax"


# Simulated learners


def answered(events, day, right=lambda task: True, rng=None):
    """The events of a learner who does the day's review."""
    now = state(events, day)
    chosen, _ = todays(now, day_of(at(day), at(day)))
    for number, task in enumerate(chosen):
        kind, seconds = task.exercise.kind, 60 * (number + 1)
        ok = right(task)
        if kind == "explain":
            name, all_of = ("claims", task.exercise.claims) if task.exercise.claims else ("marks", task.exercise.points)
            marks = f"{len(all_of) if ok else 0} of {len(all_of)}"
            yield event(day, task.exercise.id, marks, name=name, seconds=seconds)
        elif ok:
            yield event(day, task.exercise.id, "right", seconds=seconds)
        else:
            labels = [*task.exercise.wrong, None]
            label = labels[int(rng.integers(len(labels)))]
            yield event(day, task.exercise.id, "wrong", label, seconds=seconds)


def learner(seed, days, skill):
    """Works through some lessons, makes mistakes less and less, and does each day's review."""
    rng = np.random.default_rng(seed)
    chosen = rng.choice([e for e in exercises if e.kind not in ("explain", "debug")], size=2 * days)
    events = []
    for day in range(days):
        for number, exercise in enumerate(chosen[2 * day : 2 * day + 2]):
            start = 3600 + 600 * number
            if rng.random() > skill:
                label = str(rng.choice(list(exercise.wrong))) if exercise.wrong else None
                events.append(event(day, exercise.id, "wrong", label, seconds=start))
            events.append(event(day, exercise.id, "right", seconds=start + 300))
        events += list(answered(events, day, lambda _: rng.random() < skill, rng))
    return events


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("skill", [0.5, 0.9])
def test_simulated_learners(seed, skill):
    days = 12
    events = learner(seed, days, skill)
    by_day = [list(group) for _, group in groupby(sorted(events, key=lambda e: e.at), key=lambda e: e.at.date())]
    so_far = []
    for day, happened in enumerate(by_day):
        so_far += happened
        now = state(so_far, day)
        today = day_of(at(day), at(day))
        made_today = {Item(e.exercise, e.mistake) for e in happened if e.outcome == "wrong" and e.mistake}
        for item in made_today:
            assert now.items[item].due <= today + timedelta(days=3), "a mistake comes back within days"
        chosen, left = todays(now, today)
        assert len(chosen) <= AT_ONCE
        assert len({task.exercise.id for task in chosen}) == len(chosen), "nothing is asked twice"
        assert left == 0 or len(chosen) == AT_ONCE
        assert not any(item.label and now.items[item].gone for task in chosen for item in task.items)
    assert state(events, days).items == state(list(events), days).items, "the same events, the same state"


def test_after_enough_right_answers_a_mistake_leaves_and_others_take_longer():
    events, asked = [made(), event(0, "softmax", "right", seconds=60)], []
    for day in range(1, 40):
        now = state(events, day)
        asked += [
            (day, task.exercise.kind) for task in todays(now, day_of(at(day), at(day)))[0] if MISTAKE in task.items
        ]
        events += list(answered(events, day))
    assert [day for day, _ in asked] == [1, 3, 9]
    assert [kind in kinds for (_, kind), kinds in zip(asked, OTHER_KINDS, strict=True)] == [True] * 3
    held = state(events, 40).items[MISTAKE]
    assert held.gone and held.memory.stability >= GONE
    assert not is_due(events, 400)
    slow = [made(), *(made(day) for day in (1, 2, 3))]
    for day in range(4, 13):
        slow += list(answered(slow, day))
    assert not state(slow, 13).items[MISTAKE].gone, "who made it four times needs more than one who made it once"


def test_a_learner_who_never_gets_it_right_is_asked_every_day():
    events = [made()]
    for day in range(1, 10):
        assert is_due(events, day)
        events.append(event(day, comes_back_as(MISTAKE, 0, frozenset()).id, "wrong"))


def test_equal_times_are_taken_in_the_order_of_recording():
    wrong, right = made(), event(0, "softmax", "right")
    assert wrong.at == right.at
    assert state([wrong, right], 0).items[MISTAKE].repaired
    assert not state([right, wrong], 0).items[MISTAKE].repaired
    later = event(1, "log_softmax", "right")
    assert state([later, wrong, right], 1).items == state([wrong, right, later], 1).items, "else, time decides"


# What is shown


def test_mistakes_come_first_and_leave_room():
    mistakes = [Item(e.id, label) for e in exercises if e.kind == "code" for label in list(e.wrong)[:1]]
    events = [made(0, item) for item in mistakes]
    events += [event(0, e.id, "right", seconds=9) for e in exercises if e.kind == "numeric"]
    now = state(events, 5)
    chosen, left = todays(now, day_of(at(5), at(5)))
    assert [bool(task.items[0].label) for task in chosen] == [True] * MISTAKES_AT_ONCE + [False] * 4
    assert left > 0
    only = state(events[: len(mistakes)], 5)
    assert len(todays(only, day_of(at(5), at(5)))[0]) == AT_ONCE


def test_several_mistakes_that_come_back_as_one_exercise_are_one_task():
    labels = list(find("softmax").wrong)[:6]
    now = state([made(0, Item("softmax", label)) for label in labels], 1)
    chosen = tasks(now, due(now, day_of(at(1), at(1))), day_of(at(1), at(1)))
    assert len(chosen) < len(labels) == sum(len(task.items) for task in chosen)


def test_the_panel_says_the_mistake_and_what_to_do_and_links_to_it():
    item = Item("causal_mask", "the diagonal is hidden")
    panel = review(Kept(made(0, item), event(0, "softmax", "right")), at(1))
    back = comes_back_as(item, 0, frozenset())
    assert f"1. Find the bug: {back.title}, in 06_masks: check({back.id})" in panel.message
    assert "You once had this in `causal_mask`: the diagonal is hidden. Row i predicts" in panel.message
    assert 'href="06_masks.ipynb#cell-id=' in panel._repr_html_()
    assert panel.message.splitlines()[0] == "To go over today: 1 exercise"
    assert panel.message.splitlines()[-1] == "Tomorrow 1 comes back."


def test_a_bug_to_find_is_not_told():
    panel = review(Kept(made()), at(1))
    assert "A mistake you once made in `softmax` is hidden in this one." in panel.message
    assert MISTAKE.label not in panel.message


def test_an_empty_review_says_what_comes():
    assert "Nothing to go over yet" in review(Kept(), at(0)).message
    panel = review(Kept(event(0, "softmax", "right")), at(0))
    assert (
        panel.message == "Nothing is due today.\nNothing comes back tomorrow; the next does on Wednesday, 04 November."
    )


@pytest.fixture
def drawn(monkeypatch):
    exercise = find("kv-bytes")
    monkeypatch.setattr(exercise, "template", DRAWN)
    return exercise


def test_numbers_are_drawn_anew_each_day(drawn):
    questions = []
    for day in (2, 2, 3):
        events = Kept(event(0, "kv-bytes", "wrong"))
        text = review(events, at(day)).message
        seed = day_of(at(day), at(day)).toordinal() % 1000
        assert f'answer("kv-bytes", ..., seed={seed})' in text
        assert drawn.drawn(seed).words["question"] in text
        questions.append(drawn.drawn(seed).words["question"])
    assert questions[0] == questions[1] != questions[2]


def test_an_answer_with_a_seed_is_judged_by_its_own_numbers_and_kept_as_a_review(here, shown, drawn):
    cell.answer("kv-bytes", drawn.drawn(7).reference(), seed=7)
    cell.answer("kv-bytes", 4, seed=7)
    assert [panel.outcome for panel in shown] == ["right", "wrong"]
    assert all(drawn.drawn(7).words["question"] in panel.message for panel in shown)
    kept = Progress(progress_place(here)).events()
    assert [(e.event, e.outcome, e.mistake) for e in kept] == [
        ("review", "right", None),
        ("review", "wrong", "one layer only"),
    ]
    assert Progress(progress_place(here)).outcomes() == {}, "the page's own numbers are still to be answered"


@pytest.mark.parametrize("seed", [-1, 2.5, "7", True])
def test_a_seed_that_is_none_is_told(here, shown, seed):
    cell.answer("kv-bytes", 1, seed=seed)
    assert shown[0].message.startswith("A seed is a whole number, as review() gives it, not ")


def test_review_is_a_verb(here, shown):
    cell.check(lambda x, axis=-1: x, "softmax")
    cell.review()
    assert shown[1].message.splitlines()[-1] == "Tomorrow 1 comes back."


def test_topics_have_other_kinds_to_offer():
    assert all(
        len({e.kind for e in topic} & {"debug", "numeric", "predict", "explain"}) >= 3
        for lesson, topic in lessons.items()
        if lesson != "99_interview"
    )
