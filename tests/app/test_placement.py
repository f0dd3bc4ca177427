"""The placement: what it asks, how it takes answers, and whom it sends where."""

import os
import subprocess
import sys

import numpy as np
import pytest

from attncore.app import cell, placement
from attncore.app.placement import KEPT, MOST, bank, begin, chance, known, next_question, ratings
from attncore.app.places import progress_place
from attncore.app.progress import Progress
from attncore.exercises import LESSONS, Card, find, lessons
from attncore.exercises.exercise import Drill

ORDER = [lesson for lesson in LESSONS[1:] if lessons[lesson] and lesson != "99_interview"]


def asked(knows, rng, slip=0.1):
    """The answers of a learner who knows some lessons, slips now and then, and guesses elsewhere."""
    answers = []
    while question := next_question(answers):
        guess = 1 / len(question.choices) if question.choices else 0.0
        right = 1 - slip if question.about in knows else guess
        answers.append((question.id, bool(rng.random() < right)))
    return answers


@pytest.mark.parametrize("first", [0, 4, 8, 13, len(ORDER)])
def test_who_knows_the_first_lessons_is_sent_to_the_next(first):
    agreed, begun = [], []
    for seed in range(12):
        answers = asked(ORDER[:first], np.random.default_rng(seed))
        assert len(answers) <= MOST
        assert len({id for id, _ in answers}) == len(answers), "nothing is asked twice"
        likely = known(answers)
        agreed.append(np.mean([(likely[lesson] >= 0.55) == (lesson in ORDER[:first]) for lesson in ORDER]))
        begun.append(ORDER.index(begin(likely)))
    assert np.mean(agreed) >= 0.93
    assert abs(np.median(begun) - min(first, len(ORDER) - 1)) <= 2


def test_who_knows_some_lessons_here_and_there_is_read_fairly_well():
    agreed = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        knows = set(rng.choice(ORDER, 9, replace=False))
        likely = known(asked(knows, rng, slip=0.05))
        agreed.append(np.mean([(likely[lesson] >= 0.55) == (lesson in knows) for lesson in ORDER]))
    assert np.mean(agreed) >= 0.75


def test_the_same_answers_lead_to_the_same_question():
    answers = asked(ORDER[:6], np.random.default_rng(0))
    for length in range(len(answers)):
        assert next_question(answers[:length]) is next_question(answers[:length])
        assert next_question(answers[:length]).id == answers[length][0]


def test_a_right_answer_speaks_for_the_lessons_before_and_a_wrong_one_against_those_after():
    id = next(id for id, question in bank().items() if question.about == "08_positions")
    right, wrong = ratings([(id, True)]), ratings([(id, False)])
    assert right["08_positions"] > right["07_heads"] > right["09_transformer"] > 0
    assert wrong["08_positions"] < wrong["09_transformer"] < wrong["07_heads"] < 0


def test_a_guess_counts_for_less():
    choice = next(question for question in bank().values() if question.choices)
    assert chance(-9.0, choice) == pytest.approx(1 / len(choice.choices), abs=0.01)


def test_what_was_answered_in_the_lessons_is_asked_last():
    first = next_question([])
    others = [q.id for q in bank().values() if q.about == first.about]
    assert next_question([], seen=set(others) - {others[-1]}).id == others[-1]


def test_claims_of_cards_are_asked_too(monkeypatch):
    card = find("why-scale")
    claim = {"ask": "Without the scale the softmax gets ...", "choices": ["sharper", "flatter"], "right": "sharper"}
    monkeypatch.setitem(card.words, "claims", [claim | {"why": "The scores spread."}])
    monkeypatch.delitem(card.__dict__, "claims", raising=False)
    bank.cache_clear()
    question = bank()["why-scale#1"]
    assert (question.choices, question.about) == (["sharper", "flatter"], "04_dot_product")
    assert question.exercise.reference() == "sharper"
    bank.cache_clear()
    del card.claims


def test_every_question_can_be_answered():
    for question in bank().values():
        assert question.exercise.words["question"]
        assert not isinstance(question.exercise, Card)
        if question.choices:
            right = str(question.exercise.reference()).lower()
            letter = "abcdefgh"[[c.lower() for c in question.choices].index(right)]
            assert str(placement.chosen(question, letter)).lower() == right
    assert {question.about for question in bank().values()} == set(ORDER)


# The verb


def right_answer(store):
    state = store.kept(*KEPT)
    return bank()[state["asked"]].exercise.drawn(len(state["answers"])).reference()


def test_it_asks_takes_answers_and_ends(here, shown):
    cell.placement()
    assert "Question 1, of at most 20\n" in shown[0].message
    store = Progress(progress_place(here))
    while store.kept(*KEPT)["asked"]:
        cell.placement(right_answer(store))
        assert shown[-1].message.startswith("Right.")
    assert len(shown) - 1 <= MOST
    assert "Begin with 20_real_model" in shown[-1].message or "known" in shown[-1].message
    assert [e.outcome for e in store.events("placement")] == ["right"] * (len(shown) - 1)
    cell.placement()
    assert shown[-1].message.startswith("That was all:")
    cell.placement(again=True)
    assert "Question 1, of at most 20\n" in shown[-1].message


def test_whoever_knows_nothing_says_so(here, shown):
    cell.placement()
    while "Question" in shown[-1].message:
        cell.placement("?")
    assert "0 right" in shown[-1].message
    assert "Begin with 01_weighted_sum" in shown[-1].message
    page = shown[-1]._repr_html_()
    assert 'href="01_weighted_sum.ipynb"' in page


def test_it_goes_on_after_a_restart(here, shown):
    cell.placement()
    cell.placement("?")
    cell.progress_here.cache_clear()
    cell.placement()
    assert shown[2].message.splitlines()[0] == next(t for r, t in shown[1].lines if r == "head")
    assert len(Progress(progress_place(here)).kept(*KEPT)["answers"]) == 1


def test_an_answer_that_cannot_be_read_is_told_and_asked_again(here, shown):
    cell.placement()
    before = Progress(progress_place(here)).kept(*KEPT)
    for strange in ("z)", "no such choice", [], {}, object(), np.arange(3)):
        cell.placement(strange)
    assert all("Question 1" in panel.message for panel in shown)
    assert Progress(progress_place(here)).kept(*KEPT) == before


def test_an_answer_before_the_question_asks_it(here, shown):
    cell.placement(128)
    assert "Question 1" in shown[0].message
    cell.placement(...)
    assert "Question 1" in shown[1].message


def test_a_question_that_is_no_more_is_passed_over(here, shown):
    store = Progress(progress_place(here))
    store.keep(*KEPT, {"answers": [["gone", True], ["kv-bytes", False]], "asked": "gone-too"})
    cell.placement()
    assert "Question 2" in shown[0].message


def test_numbers_that_are_drawn_anew_are_judged_as_asked(here, shown, monkeypatch):
    drill = Drill(
        lambda n: 3 * n,
        {},
        {"n": 1},
        lambda rng: {"n": int(rng.integers(100, 999))},
        words={"question": "Three times {n}?", "because": "", "title": ""},
    )
    monkeypatch.setattr(find("kv-bytes"), "template", drill)
    Progress(progress_place(here)).keep(*KEPT, {"answers": [], "asked": "kv-bytes"})
    cell.placement()
    number = int(shown[0].message.split("Three times ")[1].split("?")[0])
    cell.placement(3 * number)
    assert shown[1].message.startswith("Right.")


def test_no_chance_of_this_process_decides_what_is_asked():
    """Sets of strings have another order in each process."""
    code = (
        "from attncore.app.placement import next_question; answers = []\n"
        "while q := next_question(answers): answers.append((q.id, len(answers) % 3 > 0))\n"
        "print([id for id, _ in answers])"
    )
    asked = {
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=os.environ | seed).stdout
        for seed in ({"PYTHONHASHSEED": "1"}, {"PYTHONHASHSEED": "2"}, {"PYTHONHASHSEED": "3"})
    }
    assert len(asked) == 1 and len(asked.pop()) > 100
