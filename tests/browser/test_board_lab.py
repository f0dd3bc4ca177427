"""A workshop in real browsers: a learner in JupyterLab, a phone, the instructor's page; and a board that is killed."""

import re
import subprocess
import sys
import threading

import pytest

LESSON = "04_dot_product"
UNSCALED = """from attncore import check, join
join("{address}", "{code}", nickname="Ada")

def scaled_dot_product_attention(query, key, value, mask=None, scale=None):
    from attncore.softmax import masked_softmax
    return masked_softmax(query @ np.swapaxes(key, -1, -2), mask) @ value

check(scaled_dot_product_attention)"""


class Board:
    """A board in a process of its own, which can be killed and started again."""

    def __init__(self, file):
        self.file, self.port = file, 0
        self.start()

    def start(self):
        command = [sys.executable, "-m", "attncore.app.cli", "board", "--store", str(self.file), "--room", "morning"]
        command += ["--port", str(self.port or free_port())]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        said = [self.process.stdout.readline() for _ in range(5)]
        self.secret, self.address, self.code = re.search(
            r"for you alone +(\S+)\s+for the room +(\S+) +code (\w+)", "".join(said)
        ).groups()
        self.port = int(self.address.rpartition(":")[2])
        threading.Thread(target=self.process.stdout.read, daemon=True).start()

    def kill(self):
        self.process.kill()
        self.process.wait()


def free_port():
    import socket

    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.fixture
def board(tmp_path):
    started = Board(tmp_path / "board.sqlite")
    yield started
    started.kill()


@pytest.fixture
def opened(browser):
    """Open a page that may say nothing on its console."""
    pages = []

    def page_at(address, **how):
        page = browser.new_page(**how)
        page.complaints = []
        page.on("console", lambda message: page.complaints.append(message.text))
        page.on("pageerror", lambda problem: page.complaints.append(str(problem)))
        page.goto(address)
        pages.append(page)
        return page

    yield page_at
    for page in pages:
        page.close()


def run(page, source):
    """Run a source in the lesson's first code cell, and return that cell's output."""
    index = page.evaluate(
        """source => {
            const notebook = window.jupyterapp.shell.currentWidget.content;
            const index = notebook.widgets.findIndex(cell => cell.model.type === 'code');
            notebook.widgets[index].model.sharedModel.setSource(source);
            notebook.activeCellIndex = index;
            window.jupyterapp.commands.execute('notebook:run-cell');
            return index;
        }""",
        source,
    )
    return page.locator(f".jp-NotebookPanel:not(.lm-mod-hidden) [data-windowed-list-index='{index}'] .jp-OutputArea")


def test_a_workshop_with_a_board_that_is_killed(open_lesson, board, opened):
    instructor = opened(board.secret)
    instructor.get_by_text("No mistake that the course knows").wait_for()
    assert "secret" not in instructor.url
    learner = open_lesson(LESSON)
    shown = run(learner, "import numpy as np\n" + UNSCALED.format(address=board.address, code=board.code))
    shown.get_by_text("You're in morning, as Ada.").wait_for()
    instructor.get_by_role("button", name="1 not scaled").wait_for()
    instructor.get_by_text("The smallest that fails").wait_for()

    instructor.locator("#exercise").select_option("scaled_dot_product_attention")
    instructor.get_by_role("button", name="Open it").click()
    shown.get_by_text("10 minutes are left.").wait_for()
    shown.get_by_role("button", name="Stuck").click()
    instructor.locator("#notes").get_by_text("stuck").wait_for()

    board.kill()
    instructor.get_by_text("The board doesn’t answer. Trying again.").wait_for()
    shown.get_by_text("The board can't be reached at the moment.").wait_for()
    learner.evaluate(
        """() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.requestExecute(
            {code: 'check(lambda *a, **k: 0, "scaled_dot_product_attention")'}).done.then(() => true)"""
    )
    shown.get_by_text("1 attempt waiting.").wait_for()
    board.start()
    shown.get_by_text("didn't have it yet: 1 attempt.").wait_for(timeout=60_000)
    instructor.get_by_text("The board doesn’t answer").wait_for(state="hidden")
    instructor.locator("#notes").get_by_text("stuck").wait_for()
    assert instructor.locator("#where .place").count() == 1


def test_the_last_row_reads_the_case_and_says_itself_why(board, opened):
    instructor = opened(board.secret, viewport={"width": 1280, "height": 720})
    wrong = {"id": 1, "at": 0, "exercise": "scaled_dot_product_attention", "outcome": "edge"}
    said = {"code": board.code, "key": "k" * 24, "events": [wrong | {"labels": ["an empty row averages the values"]}]}
    assert instructor.request.post(f"{board.address}/sync", data=said).ok
    why, found = (instructor.locator(f"#case .{role}") for role in ("why", "where"))
    found.wait_for()
    instructor.get_by_role("button", name="Projector").click()
    why.wait_for(state="hidden")
    box = found.bounding_box()
    assert box["y"] + box["height"] <= 720
    for width in (1280, 1920):
        instructor.set_viewport_size({"width": width, "height": width * 9 // 16})
        sizes = instructor.locator("#mistakes .words, #case pre").evaluate_all(
            "all => all.map(each => parseFloat(getComputedStyle(each).fontSize))"
        )
        assert min(sizes) >= width / 70, "text is as large as on a slide"


def test_who_leaves_while_an_answer_is_on_its_way_has_left(board, opened):
    phone, held = opened(f"{board.address}/#{board.code}"), []
    phone.get_by_role("button", name="Join").click()
    phone.get_by_role("button", name="Done").wait_for()
    phone.route("**/sync", lambda route: held.append(route))
    with phone.expect_request("**/sync"):
        phone.get_by_role("button", name="Done").click()
    phone.get_by_role("button", name="Leave").click()
    with phone.expect_response("**/sync"):
        held[0].continue_()
    phone.evaluate("() => new Promise(done => setTimeout(done))")
    assert (
        phone.get_by_role("button", name="Join").is_visible() and phone.get_by_role("button", name="Done").is_hidden()
    )


def test_somebody_is_removed_behind_a_closed_door_by_keyboard(board, opened):
    instructor, phone = opened(board.secret), opened(f"{board.address}/#{board.code}")
    phone.get_by_label("A nickname, if you like").fill("Mallory")
    phone.get_by_role("button", name="Join").click()
    instructor.get_by_role("button", name="Close the door").press("Enter")
    instructor.get_by_text("nobody new gets in").wait_for()
    instructor.locator("summary").press("Enter")
    asked = []
    instructor.once("dialog", lambda dialog: (asked.append(dialog.message), dialog.accept()))
    instructor.get_by_role("button", name="Remove Mallory").press("Enter")
    instructor.get_by_text("Mallory").wait_for(state="detached")
    assert "Take Mallory off the board?" in asked[0]
    phone.get_by_text("The instructor has taken you off this board").wait_for()
    phone.get_by_role("button", name="Join").click()
    phone.get_by_text("The instructor has closed the door").wait_for()


def test_a_formula_is_drawn_on_the_page_to_read(board, opened):
    instructor = opened(board.secret)
    cell = {"cell_type": "markdown", "source": r"$$\frac{a}{b}$$"}
    address, ours = f"{board.address}/instructor/1/publish?title=Mine", {"X-Attncore-Board": "1"}
    sent = instructor.request.post(address, data={"cells": [cell]}, headers=ours)
    page = opened(f"{board.address}/published/{sent.json()['token']}")
    above, below = (page.locator("mi", has_text=letter).bounding_box() for letter in "ab")
    assert above["y"] + above["height"] <= below["y"] + 1 and page.complaints == []


def test_who_deletes_a_room_is_told_so(board, opened):
    instructor = opened(board.secret)
    instructor.get_by_label("Delete it now").fill("morning")
    instructor.get_by_role("button", name="Delete").click()
    instructor.get_by_text("The room is deleted").wait_for()
    assert instructor.get_by_text("the instructor's").count() == 0 and instructor.complaints == []


def test_a_phone_joins_votes_and_is_not_named_on_the_projector(board, opened):
    instructor, phone = opened(board.secret), opened(board.address, viewport={"width": 390, "height": 844})
    phone.get_by_label("The code on the screen").fill("WRONG2")
    phone.get_by_role("button", name="Join").click()
    phone.get_by_text("No workshop here has that code").wait_for()
    phone.complaints.clear()  # the browser tells of the 403
    phone.get_by_label("The code on the screen").fill(board.code.lower())
    phone.get_by_label("A nickname, if you like").fill("<i>Zoë</i>")
    phone.get_by_role("button", name="Join").press("Enter")
    phone.get_by_role("heading", name="morning: you’re <i>Zoë</i>").wait_for()
    phone.get_by_role("button", name="Done").click()
    phone.locator("#done[aria-pressed=true]").wait_for()

    instructor.locator("#question").select_option("score-shape")
    instructor.get_by_role("button", name="Ask it").click()
    phone.get_by_role("button", name="b) (2, 5)", exact=True).click()
    instructor.get_by_text("1 vote so far, 0 people here still to vote").wait_for()
    instructor.get_by_role("button", name="Close the vote").press("Enter")
    phone.get_by_text("The vote is closed. Talk it over").wait_for()
    phone.get_by_text("your vote").wait_for()
    assert phone.get_by_text("✓ right").count() == phone.locator(".bar").count() == 0
    instructor.get_by_text("The room doesn’t see these bars yet.").wait_for()
    bars = instructor.locator("#poll .bar").first
    assert bars.is_visible()
    instructor.get_by_role("button", name="Projector").click()
    assert bars.is_hidden() and instructor.locator("#poll").get_by_text("b) (2, 5)").is_visible()
    instructor.get_by_role("button", name="Controls").click()
    instructor.get_by_role("button", name="Show the bars").press("Enter")
    phone.locator(".bar").first.wait_for()
    instructor.get_by_role("button", name="Show the answer").click()
    phone.get_by_text("✓ right").wait_for()

    instructor.locator("summary").press("Enter")
    name = instructor.get_by_role("rowheader", name="<i>Zoë</i>")
    name.wait_for()
    instructor.get_by_role("button", name="Projector").press("Enter")
    name.wait_for(state="hidden")
    assert instructor.get_by_role("button", name="Delete").is_hidden()
    assert instructor.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")
    phone.reload()
    phone.get_by_role("heading", name="morning: you’re <i>Zoë</i>").wait_for()
    assert phone.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")
    assert instructor.complaints == phone.complaints == []
