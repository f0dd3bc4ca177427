"""progress(): what it says first, where its marks lead, and that it fits."""

from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest

from attncore.app import cell
from attncore.app.places import NOTEBOOKS
from attncore.app.progress import Progress
from attncore.app.review import day_of, replay, todays
from attncore.app.standing import LEGEND, first_lines, lesson_of, next_one, on_a_page, place_of, standing
from attncore.exercises import exercises, find, lessons


class Links(HTMLParser):
    """The links of a page: their addresses, and what a screen reader says of them."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        if tag == "a":
            named = dict(attributes)
            self.found.append((named["href"], named.get("aria-label", "")))


@pytest.fixture
def store():
    store = Progress(":memory:")
    store.record("softmax", "attempt", "wrong", "no maximum subtracted")
    store.record("softmax", "attempt", "right")
    store.record("log_softmax", "attempt", "edge", "a line of -inf gives NaN")
    store.record("masked_softmax", "attempt", "wrong", "mask upside down")
    store.record("scaled_dot_product_attention", "attempt", "wrong", "mask upside down")
    store.record("why-scale", "marks", "2 of 4")
    return store


def test_each_exercise_is_a_mark_that_says_how_it_stands_and_leads_to_it(store):
    panel = standing(store)
    found = dict(reversed(Links(panel._repr_html_()).found))
    assert all(place_of(exercise) in found for exercise in exercises if on_a_page(exercise))
    assert found[place_of(find("softmax"))] == "Softmax that no input breaks: right"
    labels = [label for _, label in Links(panel._repr_html_()).found]
    for id, how in {
        "log_softmax": "a corner is open",
        "scaled_dot_product_attention": "tried",
        "why-scale": "answered",
    }.items():
        assert f"{find(id).title}: {how}" in labels
    assert f"{find('kv-bytes').title}: to do" in labels
    row = next(line for line in panel.message.splitlines() if line.startswith("  02_softmax"))
    marks = row.split()[-1]
    order = [e for e in lessons["02_softmax"] if e.kind != "explain"]
    assert [marks[order.index(find(id))] for id in ("softmax", "log_softmax", "masked_softmax")] == ["■", "◧", "✗"]
    cards = len(lessons["02_softmax"]) - len(order)
    assert f"2 of {len(order)} right, 0 of {cards} cards " in row
    assert all(mark in LEGEND for mark in "■◧✗□●○")


def test_an_exercise_leads_to_its_cell_and_so_does_a_card():
    for exercise in exercises:
        notebook, _, cell = place_of(exercise).partition("#cell-id=")
        assert cell in first_lines(NOTEBOOKS / notebook).values(), f"{exercise.id} leads to no cell"
        drill = exercise.lesson == "99_interview" and exercise.kind == "numeric"
        assert on_a_page(exercise) is not drill, "a drill is asked by interviews and the review, not by a page"


def test_the_next_one_is_that_of_the_lesson_one_is_in(store):
    assert "in this lesson" in standing(store, "12_cache").message
    assert next_one(store.outcomes(), "12_cache").lesson == "12_cache"
    assert next_one(store.outcomes()).lesson == "02_softmax"
    for exercise in lessons["12_cache"]:
        store.record(exercise.id, "attempt", "right")
    assert "12_cache is done. Next: " in standing(store, "12_cache").message
    marked = [line for line in standing(store, "12_cache").message.splitlines() if line.startswith("> ")]
    assert [line.split()[1] for line in marked] == ["12_cache"]


def test_it_says_what_is_due(store):
    assert "To go over" not in standing(store).message
    later = datetime.now(UTC) + timedelta(days=3)
    waiting, _ = todays(replay(store.events(), later), day_of(later, later))
    mistakes = sum(bool(task.items[0].label) for task in waiting)
    assert mistakes >= 2
    told = f"To go over today: {len(waiting)} exercises, {mistakes} of them for mistakes that come back; review() has"
    assert told in standing(store, now=later).message


def test_it_names_the_mistakes_made_most_and_leads_to_them(store):
    panel = standing(store)
    told = panel.message[panel.message.index("Mistakes made most") :].splitlines()
    assert told[1] == "  mask upside down: twice, in masked_softmax, scaled_dot_product_attention"
    assert "  no maximum subtracted: once, in softmax" in told
    assert len(told) <= 6
    page = panel._repr_html_()
    section = page[page.index("Mistakes made most") :]
    assert f'href="{place_of(find("scaled_dot_product_attention"))}"' in section


def test_an_empty_store_leads_to_the_first_exercise_and_names_no_mistakes():
    panel = standing(Progress(":memory:"))
    assert panel.message.startswith("0 exercises right\nNext: Read a row (read-a-row, in 00_start).")
    assert "Mistakes" not in panel.message


def test_everything_right():
    store = Progress(":memory:")
    for exercise in exercises:
        store.record(exercise.id, "attempt", "right")
    assert "Everything is right." in standing(store).message


def test_the_plain_text_fits_a_terminal(store):
    assert max(map(len, standing(store, "02_softmax").message.splitlines())) <= 100


@pytest.mark.parametrize(
    "path, lesson",
    [
        ("06_masks.ipynb", "06_masks"),
        ("/home/me/workbook/06_masks.ipynb", "06_masks"),
        ("C:\\workbook\\06_masks.old-1.ipynb", "06_masks"),
        ("notes.ipynb", ""),
        ("", ""),
    ],
)
def test_the_lesson_is_known_by_the_notebooks_name(path, lesson):
    assert lesson_of(path) == lesson


def test_progress_knows_the_notebook_it_is_called_in(here, shown, monkeypatch):
    monkeypatch.setattr(cell, "session_path", lambda: "workbook/13_shared_heads.ipynb")
    cell.progress()
    assert "in this lesson" in shown[0].message
