"""The plan: it holds its hours, leaves nothing unsaid, and refuses what is no number of days."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attncore.app import cell
from attncore.app.placement import KEPT, next_question
from attncore.app.places import progress_place
from attncore.app.plan import GAP, MATTERS, Start, left_to_do, make, spelled
from attncore.app.progress import Progress
from attncore.app.standing import on_a_page
from attncore.exercises import LESSONS, exercises, lessons

EVERYTHING = frozenset(e.id for e in exercises if on_a_page(e))
starts = st.builds(
    Start,
    st.sets(st.sampled_from(sorted(EVERYTHING))).map(frozenset),
    st.none() | st.fixed_dictionaries({lesson: st.floats(0, 1) for lesson in LESSONS[1:]}),
    st.integers(0, 30),
)


@given(days=st.integers(1, 14), minutes=st.integers(15, 400), start=starts)
def test_a_plan_holds_its_hours_and_leaves_nothing_unsaid(days, minutes, start):
    made = make(days, minutes, start)
    assert len(made.days) == days
    assert all(day.minutes <= minutes for day in made.days)
    planned = [block for day in made.days for block in day.blocks if block.lesson]
    assert len(set(planned)) == len(planned)
    assert {*planned, *made.left_out} == set(left_to_do(start))
    assert not set(planned) & set(made.left_out)
    assert all(block.exercise is None or block.exercise.id not in start.done for block in planned)
    read = {block.lesson for block in left_to_do(start) if block.reads}
    for number, day in enumerate(made.days):
        before = {block.lesson for earlier in made.days[:number] for block in earlier.blocks if block.reads}
        for block in day.blocks:
            before |= {block.lesson} if block.reads else set()
            assert block.lesson not in read - before or not block.exercise, "a lesson is read before its exercises"
    missed = [block for block in made.left_out if block.exercise and block.lesson not in read]
    rooms = [minutes - day.minutes for day in made.days]
    assert all(block.minutes > max(rooms) or max(rooms) < GAP for block in missed), "what fits is not left out"


@pytest.mark.parametrize("days, minutes", [(1, 15), (7, 120), (20, 300)])
def test_a_plan_is_the_same_every_time(days, minutes):
    assert make(days, minutes, Start()) == make(days, minutes, Start())


def blocks(made, what):
    return [(number, block) for number, day in enumerate(made.days) for block in day.blocks if block.what == what]


def test_a_week_of_two_hours():
    made = make(7, 120, Start())
    assert all(day.minutes >= 115 for day in made.days), "little is left of a day while there is something to do"
    assert [number for number, _ in blocks(made, "review")] == [1, 2, 3, 4, 5, 6]
    assert [number for number, _ in blocks(made, "interview")][-1] == 6
    assert made.days[6].blocks[-1].what == "interview"
    assert len(blocks(made, "interview")) >= 2 and len(blocks(made, "hunt")) >= 2
    kinds = {block.exercise.kind for day in made.days for block in day.blocks if block.exercise}
    assert {"code", "debug", "explain"} <= kinds
    planned = {block.lesson for day in made.days for block in day.blocks}
    assert {"04_dot_product", "06_masks", "02_softmax", "12_cache"} <= planned, "what matters most is in it"
    assert "20_real_model" not in planned
    firsts = [
        next(n for n, day in enumerate(made.days) if lesson in {b.lesson for b in day.blocks})
        for lesson in LESSONS
        if lesson in planned
    ]
    assert firsts == sorted(firsts), "from easy to hard"


def test_what_is_green_is_not_planned_and_what_is_known_is_not_read():
    half = Start(done=frozenset(e.id for e in lessons["02_softmax"]))
    assert "02_softmax" not in {block.lesson for block in left_to_do(half)}
    likely = dict.fromkeys(LESSONS[1:], 0.1) | {"04_dot_product": 0.9, "06_masks": 0.5}
    read = {block.lesson: block.what for block in left_to_do(Start(likely=likely)) if block.reads}
    assert "04_dot_product" not in read
    assert (read["06_masks"], read["07_heads"]) == ("skim", "read")
    begun = Start(done=frozenset({lessons["07_heads"][0].id}))
    assert {b.lesson: b.what for b in left_to_do(begun) if b.reads}["07_heads"] == "skim"


def test_with_everything_done_hunts_and_interviews_are_left():
    made = make(5, 120, Start(done=EVERYTHING))
    whats = {block.what for day in made.days for block in day.blocks}
    assert whats == {"review", "hunt", "interview"}
    assert {block.level for day in made.days for block in day.blocks if block.level} == {"staff"}
    assert made.left_out == []


def test_plenty_of_time_takes_everything():
    made = make(60, 120, Start())
    assert made.left_out == []
    assert {b.exercise.id for day in made.days for b in day.blocks if b.exercise} == EVERYTHING


def test_what_matters_names_topics():
    assert set(MATTERS) <= {lesson[3:] for lesson in LESSONS}
    assert all(0 < matters <= 1 for matters in MATTERS.values())


@pytest.mark.parametrize("minutes, text", [(0, "0 min"), (45, "45 min"), (60, "1 h"), (119, "1 h 59 min")])
def test_minutes_are_spelled_out(minutes, text):
    assert spelled(minutes) == text


# The verb


def test_plan_goes_without_a_placement_and_says_so(here, shown):
    cell.plan()
    assert shown[0].message.startswith("A plan for 7 days of 2 h\nIt takes every lesson for new. placement() finds out")
    assert "Left out, since it matters less and there isn't time: 00_start" in shown[0].message
    page = shown[0]._repr_html_()
    assert 'href="06_masks.ipynb"' in page and "#cell-id=" in page
    assert "<pre" not in page


def test_plan_uses_the_placement(here, shown):
    answers = []
    while question := next_question(answers):
        answers.append((question.id, question.about <= "08_positions"))
    Progress(progress_place(here)).keep(*KEPT, {"answers": answers, "asked": ""})
    cell.plan()
    assert "placement()" not in shown[0].message
    assert "12_cache" in shown[0].message


def test_a_placement_in_the_middle_is_none(here, shown):
    cell.placement()
    cell.placement("?")
    cell.plan()
    assert "It takes every lesson for new" in shown[-1].message


def test_one_day(here, shown):
    cell.plan(days=1, hours_a_day=1.5)
    assert shown[0].message.startswith("A plan for 1 day of 1 h 30 min")


@pytest.mark.parametrize("days", [0, -1, 61, 2.5, "7", None, True, math.nan])
def test_days_that_are_none(here, shown, days):
    cell.plan(days=days)
    assert shown[0].message == f"days is a whole number from 1 to 60, not {days!r}."


@pytest.mark.parametrize("hours", [0, 0.1, -1, 17, "two", None, True, math.nan, math.inf, 1j])
def test_hours_that_are_none(here, shown, hours):
    cell.plan(hours_a_day=hours)
    assert shown[0].message == f"hours_a_day is a number of hours from 0.25 to 16, not {hours!r}."
