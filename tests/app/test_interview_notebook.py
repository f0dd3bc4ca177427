"""The mock interview in a notebook: what is displayed, what buttons and submit do, what stays without a kernel."""

import json
import re

import pytest

from attncore.app import cell
from attncore.app.interview import notebook
from attncore.app.interview.round import current
from attncore.app.progress import progress_here


@pytest.fixture(autouse=True)
def new_kernel(monkeypatch):
    monkeypatch.setattr(notebook, "open_room", None)


@pytest.fixture
def room(here):
    return notebook.room("basic", 20, 7, "numpy")


def buttons(room):
    return {button.description: button for button in room.box().children[-2].children}


def press(room, word):
    buttons(room)[word].click()


def type_in(room, text):
    """Type, and press the button below."""
    box = room.box()
    box.children[0].value = text
    box.children[-2].children[0].click()


def test_running_the_cell_starts_no_clock_and_keeps_nothing(room, here):
    assert [*buttons(room)] == ["Begin"]
    assert "seed 7" in repr(room) and "submit() begins." in repr(room)
    assert room.clock() == notebook.NOTHING
    assert progress_here().kept_keys("interview") == []


def test_the_clock_runs_to_the_same_two_moments_whatever_is_given(room):
    press(room, "Begin")
    clock = room.clock()["text/html"]
    part, whole = (int(re.search(rf"{name} = (\d+)", clock)[1]) for name in ("part", "whole"))
    assert whole - part == 12 * 60_000
    type_in(room, "My answer.")
    assert room.clock()["text/html"] == clock
    press(room, "Pause")
    assert room.clock() == notebook.NOTHING


def test_what_is_displayed_stands_without_a_kernel_and_is_json(room):
    press(room, "Begin")
    clock, words, fields = room.bundles()
    assert "<script>" in clock["text/html"] and "20 minutes in all" in clock["text/html"]
    assert "<b" not in fields["text/html"] and "Run this cell to go on." in fields["text/html"]
    assert current(room.desk.state)["id"] and words["text/plain"].startswith("Let's start")
    json.dumps([clock, words, fields])


def test_a_field_keeps_what_is_typed_when_something_else_is_pressed(room):
    press(room, "Begin")
    box = room.box()
    box.children[0].value = "Half a thought"
    {button.description: button for button in box.children[-2].children}["End the round"].click()
    assert "Do it once more" in room.said and room.desk.running
    assert room.box().children[0].value == "Half a thought"
    press(room, "End the round")
    assert room.desk.state["parts"][0]["questions"][0]["said"] == "Half a thought"
    assert "Mock interview: basic, 20 minutes" in repr(room)
    assert room.bundles()[0] == room.bundles()[2] == notebook.NOTHING


def test_what_does_not_fit_is_said_below_and_changes_nothing(room):
    press(room, "Begin")
    type_in(room, "  ")
    assert room.said == "Answer in your own words first, if only in one sentence; or move on."
    type_in(room, "Words.")
    assert room.said == ""


def test_after_a_restart_the_cell_offers_to_go_on(room, here, monkeypatch):
    press(room, "Begin")
    type_in(room, "Words.")
    monkeypatch.setattr(notebook, "open_room", None)
    again = notebook.room("senior", 45, None, "numpy")
    assert "Or go on with another. Paused: basic, seed 7" in repr(again)
    press(again, "Go on with that one")
    assert again.desk.state["level"] == "basic" and "You said: Words." in repr(again)


def test_the_cell_run_again_shows_the_round_that_is_on(room):
    press(room, "Begin")
    assert notebook.room("senior", 45, 1, "numpy") is room


def test_submit_gives_whatever_is_asked(here, shown):
    cell.submit("too early")
    assert "No interview is on in this kernel" in shown[-1].message
    cell.interview("basic", minutes=20, seed=7)
    room = shown[-1]
    cell.submit()
    assert "The round goes on above." in shown[-1].message
    cell.submit("An answer.")
    assert current(room.desk.state)["said"] == "An answer."
    while current(room.desk.state)["kind"] != "code":
        cell.submit("/skip")
    asked = current(room.desk.state)["id"]
    assert f"submit({asked})" in shown[-1].message
    cell.submit("softmax")
    assert "Give the function itself" in shown[-1].message

    def mine(*args, **kwargs):
        return 7

    cell.submit(mine)
    assert "Not yet." in shown[-1].message
    assert current(room.desk.state)["checks"][0]["outcome"] == "wrong"


@pytest.mark.parametrize(
    "asked", [{"level": "expert"}, {"minutes": 0}, {"seed": "x"}, {"framework": "jax"}, {"length": 1}]
)
def test_what_cannot_be_asked_is_a_sentence(here, shown, asked):
    cell.interview(**asked)
    assert shown[-1].tone == "wrong" and "Traceback" not in shown[-1].message


def test_where_nothing_can_be_kept_the_round_goes_on(here, monkeypatch):
    monkeypatch.setattr(notebook, "progress_here", lambda: (_ for _ in ()).throw(OSError("read-only")))
    room = notebook.room("basic", 10, 1, "numpy")
    press(room, "Begin")
    type_in(room, "Words.")
    assert current(room.desk.state)["said"] == "Words."


def test_a_number_is_given_at_enter_and_a_bad_one_stays_in_its_field(room):
    press(room, "Begin")
    while current(room.desk.state)["kind"] != "numeric":
        room.give("/skip")
    for typed, said in (("12 foo", '"foo" is not known here'), ("", "isn't a number")):
        field = room.box().children[0]
        field.value = typed
        room.entered(field, field, {"event": "submit"}, [])
        assert said in room.said and room.box().children[0].value == typed
    assert current(room.desk.state)["checks"] == []
