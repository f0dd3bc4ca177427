"""`attncore board`: what it says, and why it may not start."""

import socket
import sqlite3
import sys
from types import SimpleNamespace
from unittest.mock import Mock

import pytest
import uvicorn
from uvicorn.server import ServerState

from attncore.app.board import serve
from attncore.app.board.impatient import Impatient
from attncore.app.board.store import Store
from attncore.app.cli import main
from attncore.app.progress import Progress


@pytest.fixture
def served(monkeypatch):
    """Run the command up to where it would answer; return the address that it gives learners."""
    given = []
    monkeypatch.setattr(serve, "serve", lambda store, address, listening: (given.append(address), listening.close()))
    return given


@pytest.fixture
def port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def board(tmp_path, port, *rest):
    return main(["board", "--port", str(port), "--store", str(tmp_path / "board.sqlite"), *rest])


def test_it_says_what_to_open_and_what_to_tell_the_room(tmp_path, port, served, capsys):
    assert board(tmp_path, port, "--room", "morning", "after lunch") == 0
    said, store = capsys.readouterr().out, Store(tmp_path / "board.sqlite")
    for room in store.rooms():
        assert f"http://127.0.0.1:{port}/instructor/{room.id}?secret={room.secret}" in said
        assert f'from attncore import join; join("http://127.0.0.1:{port}", "{room.code}")' in said
    assert [room.name for room in store.rooms()] == ["morning", "after lunch"]
    assert "Only this machine can reach the board." in said
    assert board(tmp_path, port) == 0
    again = capsys.readouterr().out
    assert all(room.code in again for room in store.rooms()) and "workshop" not in again, "a room keeps its code"
    store.close()


def test_the_room_is_told_an_address_that_it_can_reach_and_the_secret_stays_here(
    tmp_path, port, served, capsys, monkeypatch
):
    monkeypatch.setattr(serve, "reachable", lambda: ["192.168.1.5", "10.0.0.7"])
    assert board(tmp_path, port, "--host", "0.0.0.0") == 0
    said = capsys.readouterr().out
    assert f"http://127.0.0.1:{port}/instructor/1?secret=" in said
    assert f"http://192.168.1.5:{port}  or  http://10.0.0.7:{port}" in said
    assert f'join("http://192.168.1.5:{port}"' in said and "Only this machine" not in said
    assert served == [f"http://192.168.1.5:{port}"]


def test_an_address_of_this_machine_is_not_loopback():
    assert not any(address.startswith("127.") for address in serve.reachable())


def test_without_a_name_there_is_one_room(tmp_path, port, served, capsys):
    assert board(tmp_path, port) == 0
    assert "\nworkshop\n" in capsys.readouterr().out


def test_a_day_to_delete_is_kept(tmp_path, port, served):
    board(tmp_path, port, "--delete-after", "2")
    store = Store(tmp_path / "board.sqlite")
    (room,) = store.rooms()
    assert abs(room.until - room.created - 2 * 86_400) < 60
    store.close()


def one_sentence(capsys):
    out, err = capsys.readouterr()
    assert out == "" and len(err.strip().splitlines()) == 1
    return err


def test_without_its_packages_it_says_what_to_install(tmp_path, port, capsys, monkeypatch):
    monkeypatch.setattr(serve, "find_spec", lambda name: None)
    assert board(tmp_path, port) == 1
    assert "pip install starlette uvicorn mistune latex2mathml" in one_sentence(capsys)
    assert not list(tmp_path.iterdir())


def test_a_port_that_is_taken_is_told(tmp_path, capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert board(tmp_path, taken.getsockname()[1]) == 1
    assert "Nothing can listen on 127.0.0.1" in one_sentence(capsys)


def test_a_file_that_is_no_store_is_left_alone_and_told(tmp_path, port, capsys):
    file = tmp_path / "board.sqlite"
    file.write_text("my thesis, " * 1000)
    assert board(tmp_path, port) == 1
    assert "cannot be the board's file" in one_sentence(capsys)
    assert file.read_text().startswith("my thesis")
    with pytest.raises(sqlite3.DatabaseError):
        Store(file)


def test_another_programs_database_is_left_alone(tmp_path, port, capsys):
    Progress(tmp_path / "board.sqlite").close()
    before = (tmp_path / "board.sqlite").read_bytes()
    assert board(tmp_path, port) == 1
    assert (tmp_path / "board.sqlite").read_bytes() == before
    assert "cannot be the board's file" in one_sentence(capsys)


def test_a_file_that_cannot_be_used_is_told_in_a_sentence(tmp_path, port, capsys):
    assert main(["board", "--port", str(port), "--store", str(tmp_path)]) == 1
    said = one_sentence(capsys)
    assert said.startswith(f"{tmp_path} cannot be the board's file: ") and "Errno" not in said


@pytest.mark.skipif(sys.platform == "win32", reason="a file that is open can't be damaged there")
def test_a_damaged_file_is_told_and_left_alone(tmp_path, port, served, capsys):
    assert board(tmp_path, port) == 0
    capsys.readouterr()
    file = tmp_path / "board.sqlite"
    whole = file.read_bytes()
    damaged = whole[:4096] + b"\x55" * (len(whole) - 4096)
    file.write_bytes(damaged)
    assert board(tmp_path, port) == 1
    assert "cannot be the board's file" in one_sentence(capsys)
    assert file.read_bytes() == damaged


class Line:
    """A connection's other end, and a clock that is looked at and not waited for."""

    def __init__(self):
        self.closed, self.armed = False, []

    def call_later(self, seconds, act):
        timer = SimpleNamespace(act=act, over=False)
        timer.cancel = lambda: setattr(timer, "over", True)
        self.armed.append(timer)
        return timer

    def create_task(self, work):
        work.close()
        return Mock()

    def get_extra_info(self, name):
        return None

    def close(self):
        self.closed = True


async def nothing(scope, receive, send):
    """An application that answers nothing."""


@pytest.fixture
def line():
    """A connection on which nothing was said yet, and its protocol."""
    end = Line()
    protocol = Impatient(uvicorn.Config(nothing, ws="none"), ServerState(), {}, end)
    protocol.connection_made(end)
    return end, protocol


@pytest.mark.parametrize("said", [[], [b"GET / HTTP/1.1\r\n", b"A: b", b"c"]])
def test_a_connection_that_does_not_say_what_it_wants_is_closed(line, said):
    end, protocol = line
    for part in said:
        protocol.data_received(part)
    (timer,) = end.armed
    assert not timer.over, "a byte now and then doesn't set the clock back"
    timer.act()
    assert end.closed


def test_a_request_stops_the_clock(line):
    end, protocol = line
    protocol.data_received(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
    assert [timer.over for timer in end.armed] == [True] and not end.closed


@pytest.mark.parametrize("days", ["0", "-1", "soon", "nan", "1e9"])
def test_what_is_no_number_of_days_is_told(tmp_path, days, capsys):
    with pytest.raises(SystemExit):
        board(tmp_path, 8765, "--delete-after", days)
    assert "is not a number of days" in capsys.readouterr().err
