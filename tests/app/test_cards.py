"""A card, step by step: said first, directions chosen, then read beside the model answer."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import ipywidgets
import pytest

from attncore.app import spoken
from attncore.app.cards import CardPanel
from attncore.app.progress import Progress, progress_place
from attncore.exercises import find

WHY_SCALE = find("why-scale")


def parts(widget, kind):
    """All widgets of a kind in it, in order."""
    found = [widget] if isinstance(widget, kind) else []
    return found + [part for child in getattr(widget, "children", ()) for part in parts(child, kind)]


def press(widget, label):
    next(button for button in parts(widget, ipywidgets.Button) if button.description == label).click()


def said_in(widget):
    return "".join(html.value for html in parts(widget, ipywidgets.HTML))


@pytest.fixture
def card(here):
    panel = CardPanel(WHY_SCALE)
    _, *panel.steps = panel.box.children
    return panel


def events(here, *names):
    return [(event.event, event.outcome) for event in Progress(progress_place(here)).events(*names)]


def test_nothing_opens_before_something_was_said(card):
    saying, choosing, reading = card.steps
    press(saying, "That's my answer")
    assert choosing.layout.display == reading.layout.display == "none"
    assert "One sentence is enough" in said_in(saying)
    card.field.value = "The scores spread with the width."
    press(saying, "That's my answer")
    assert choosing.layout.display == "flex" and reading.layout.display == "none"
    assert "so this is no mark" in said_in(saying) and card.field.disabled
    assert not any(point in said_in(saying) for point in WHY_SCALE.points)


def test_choices_are_graded_exactly_and_kept(card, here):
    saying, choosing, reading = card.steps
    card.field.value = "The scores spread with the width."
    press(saying, "That's my answer")
    buttons = parts(choosing, ipywidgets.RadioButtons)
    press(choosing, "These are my choices")
    assert "Choose one for each." in said_in(choosing) and reading.layout.display == "none"
    for place, (button, claim) in enumerate(zip(buttons, WHY_SCALE.claims, strict=True)):
        button.value = claim.right if place else next(c for c in claim.choices if c != claim.right)
    press(choosing, "These are my choices")
    number = len(WHY_SCALE.claims)
    assert said_in(choosing).count("✓") == number - 1 and said_in(choosing).count("✗") == 1
    assert reading.layout.display == "flex"
    assert events(here, "claims") == [("claims", f"{number - 1} of {number}")]
    assert events(here, "said") == [("said", "The scores spread with the width.")]


def test_ticks_are_the_learners_own(card, here):
    reading = card.steps[2]
    parts(reading, ipywidgets.Checkbox)[0].value = True
    press(reading, "Save my ticks")
    assert events(here, "marks") == [("marks", f"1 of {len(WHY_SCALE.points)}")]
    assert "Your own ticks" in said_in(reading)


def test_without_a_kernel_the_answers_are_folded():
    page = CardPanel(WHY_SCALE)._repr_html_()
    assert page.index("<details>") < page.index("Model answer") < page.index("Often said, and wrong")
    assert page.count("They may go on to ask") == 2 and "Reported in" in page


def test_words_find_a_point_that_was_said_and_no_other():
    points = ["The causal mask hides the future.", "The output projection mixes the heads."]
    assert spoken.near("I'd hide every future position with a causal mask.", points) == [True, False]
    assert spoken.near("", points) == [False, False]
    assert spoken.near("Cooking is fun", points) == [False, False]


def test_without_the_model_words_are_compared(monkeypatch, tmp_path):
    monkeypatch.setattr(spoken, "model_folder", lambda: tmp_path)
    assert not spoken.has_model()
    assert spoken.near("the output projection mixes heads", ["The output projection mixes the heads."]) == [True]


class Endpoint(BaseHTTPRequestHandler):
    """A language model that says one sentence, and keeps what it was asked."""

    asked: list = []
    says = json.dumps({"choices": [{"message": {"content": "The second claim is missing."}}]})

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.asked.append((self.path, self.headers.get("Authorization"), json.loads(body)))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.says.encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def endpoint(monkeypatch):
    server = HTTPServer(("127.0.0.1", 0), Endpoint)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("ATTNCORE_ENDPOINT", f"http://127.0.0.1:{server.server_port}/v1/")
    monkeypatch.setenv("ATTNCORE_MODEL", "small")
    monkeypatch.setenv("ATTNCORE_KEY", "secret")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    yield Endpoint
    server.shutdown()
    server.server_close()


def test_a_model_of_the_learners_own_comments_and_decides_nothing(card, here, endpoint):
    card.field.value = "The scores spread."
    card.steps[2].opens()
    assert "A language model says, and it may be wrong: The second claim is missing." in said_in(card.steps[2])
    path, key, body = endpoint.asked[-1]
    assert (path, key, body["model"]) == ("/v1/chat/completions", "Bearer secret", "small")
    assert "The scores spread." in body["messages"][0]["content"]
    assert events(here) == []


@pytest.mark.parametrize("says", ["no JSON", "{}", '{"choices": []}', '{"choices": [{"message": {"content": null}}]}'])
def test_a_model_that_answers_nonsense_is_told(card, endpoint, monkeypatch, says):
    monkeypatch.setattr(endpoint, "says", says)
    card.steps[2].opens()
    assert "Your language model said nothing" in said_in(card.steps[2])


def test_without_settings_nothing_is_sent(card, monkeypatch):
    monkeypatch.delenv("ATTNCORE_ENDPOINT", raising=False)
    monkeypatch.setattr("attncore.app.comment.urlopen", lambda *a, **k: pytest.fail("something was sent"))
    card.field.value = "The scores spread."
    card.steps[2].opens()
    assert "language model" not in said_in(card.steps[2])
