"""The mock interview in a terminal: lines are typed at it, through a pseudo-terminal and without one."""

import io
import os
import select
import signal
import sys
import time

import pytest
from rich.console import Console

from attncore.app.cli import main
from attncore.app.interview import terminal
from attncore.app.interview.desk import begun, left_open
from attncore.app.interview.round import Refused, current
from attncore.app.interview.terminal import Terminal, function_in, goes_on
from attncore.app.progress import Progress


class Typed:
    """What is typed, line by line; an exception is raised, as Ctrl-C would be. The prompts are kept."""

    def __init__(self, *lines):
        self.lines, self.prompts = list(lines), []

    def __call__(self, prompt):
        self.prompts.append(prompt)
        line = self.lines.pop(0) if self.lines else KeyboardInterrupt
        if isinstance(line, str):
            return line
        raise line


@pytest.fixture
def store():
    return Progress(":memory:")


@pytest.fixture
def hold(store, tmp_path, monkeypatch):
    """Hold a round, or go on with it, with these lines; return the desk, what was shown, and the prompts."""
    monkeypatch.setattr(terminal, "readline", None)

    def held(*lines, **asked):
        desk = left_open(store, tmp_path) or begun(
            store, tmp_path, **{"level": "basic", "minutes": 20, "seed": 7, "framework": "numpy"} | asked
        )
        read, shown = Typed(*lines), io.StringIO()
        Terminal(desk, Console(file=shown, width=100), read).hold()
        return desk, shown.getvalue(), read.prompts

    return held


def test_each_prompt_says_the_time_that_is_left(hold):
    _, shown, prompts = hold("", "My answer.", "")
    assert prompts[0] == "[8:00 left here, 20:00 in all] > "
    assert "left here" in prompts[1] and prompts[2] == "... "
    assert "You said: My answer." in shown


def test_ctrl_c_pauses_and_what_was_typed_is_there_again(hold):
    _, shown, _ = hold("", "One line.", "Another.", KeyboardInterrupt)
    assert "Paused, and the clock stands still." in shown
    desk, shown, _ = hold("", KeyboardInterrupt)
    assert "You had typed:\nOne line.\nAnother." in shown
    assert current(desk.state)["said"] == "One line.\nAnother."


def test_the_end_of_the_input_pauses_too(hold):
    assert "Paused" in hold("", EOFError)[1]


def test_what_was_not_begun_is_not_kept(hold, store):
    assert "Nothing was begun." in hold(KeyboardInterrupt)[1]
    assert store.kept_keys("interview") == []


def test_commands_are_done_and_the_end_is_asked_for_twice(hold):
    desk, shown, _ = hold("", "/help", "/hint", "/skip", "/end", "no", "/end", "yes")
    assert "/edit opens the file" in shown and "There's no further hint here." in shown
    assert desk.state["at"] != [0, 0] and desk.state["ended"]
    assert "not reached" in shown and str(desk.folder / "report.html") in shown.replace("\n", "")


def to_the_function(hold):
    desk, _, _ = hold("", KeyboardInterrupt)
    while current(desk.state)["kind"] != "code":
        desk, _, _ = hold("/skip")
    return desk


def test_a_function_is_written_in_a_file_and_judged_at_each_enter(hold):
    desk = to_the_function(hold)
    name = current(desk.state)["id"]
    (path,) = desk.folder.glob(f"{name}.py")
    path.write_text(f"def {name}(*args, **kwargs):\n    return 7\n\n{name}(1)\n")
    desk, shown, _ = hold("", "/hint")
    assert "Not yet." in shown and "Hint 1 of 3" in shown
    assert [check["outcome"] for check in current(desk.state)["checks"]] == ["wrong"]
    assert current(desk.state)["tests"] == 1


@pytest.mark.parametrize(
    "source, said",
    [
        ("def (", "isn't valid Python, line 1"),
        ("1 / 0", "stops with ZeroDivisionError: division by zero"),
        ("import sys; sys.exit()", "stops with SystemExit"),
        ("x = 1", "defines no softmax"),
        ("\0", "isn't valid Python"),
    ],
)
def test_a_file_that_gives_no_function_is_told_in_a_sentence(tmp_path, source, said):
    (tmp_path / "softmax.py").write_text(source)
    with pytest.raises(Refused) as refused:
        function_in(tmp_path / "softmax.py", "softmax")
    assert said in str(refused.value)


def test_a_file_that_is_gone_or_never_ends_is_told_in_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(terminal, "SECONDS", 0.2)
    path = tmp_path / "softmax.py"
    with pytest.raises(Refused, match="FileNotFoundError"):
        function_in(path, "softmax")
    path.write_text("while True: pass")
    with pytest.raises(Refused, match="doesn't come to an end"):
        function_in(path, "softmax")


def test_without_an_editor_the_learner_is_told(monkeypatch, tmp_path):
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.delenv("EDITOR", raising=False)
    with pytest.raises(Refused, match="No editor is named"):
        terminal.edit(tmp_path)
    monkeypatch.setenv("EDITOR", "no-such-editor --wait")
    with pytest.raises(Refused, match="doesn't start"):
        terminal.edit(tmp_path)


@pytest.mark.parametrize("line, goes", [("", True), ("new", False), ("N", False)])
def test_a_round_that_was_left_is_offered(hold, store, tmp_path, line, goes):
    hold("", KeyboardInterrupt)
    shown = io.StringIO()
    assert goes_on(left_open(store, tmp_path), Console(file=shown), Typed(line)) == goes
    assert "Paused: basic, seed 7" in shown.getvalue()


def test_without_a_terminal_a_sentence_says_so(capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert main(["interview"]) == 2
    assert "An interview needs a terminal" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_through_a_real_terminal_a_line_that_ctrl_c_broke_off_is_kept(tmp_path):
    import pty

    workbook = tmp_path / "workbook"
    pid, terminal = pty.fork()
    if pid == 0:
        command = [
            "-m",
            "attncore.app.cli",
            "interview",
            "--workbook",
            str(workbook),
            "--level",
            "basic",
            "--seed",
            "7",
        ]
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # whoever runs the tests in the background ignores it
        os.execve(sys.executable, [sys.executable, *command], os.environ | {"TERM": "dumb"})
    read_until(terminal, "in all] > ")
    os.write(terminal, b"\n")
    read_until(terminal, "in all] > ")
    os.write(terminal, b"Half a thought")
    read_until(terminal, "thought")
    press_ctrl_c_until(terminal, "Paused, and the clock stands still.")
    os.close(terminal)
    os.waitpid(pid, 0)
    again = left_open(Progress(workbook / ".attncore" / "progress.sqlite"), workbook)
    assert again.state["draft"] == "Half a thought"


def read_until(terminal, text, seconds=60):
    """What the program writes, up to a text."""
    seen, until = "", time.monotonic() + seconds
    while text not in seen:
        ready, _, _ = select.select([terminal], [], [], max(0.0, until - time.monotonic()))
        assert ready, seen
        seen += os.read(terminal, 1024).decode()
    return seen


def press_ctrl_c_until(terminal, text):
    """
    A signal that comes while readline is between two keys is seen at the next one (CPython waits
    for keys alone), so whoever gets no answer presses again.
    """
    for _ in range(10):
        os.write(terminal, b"\x03")
        if select.select([terminal], [], [], 6.0)[0]:
            return read_until(terminal, text)
    pytest.fail("Ctrl-C is not heard")
