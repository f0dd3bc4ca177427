"""`attncore lab` without starting a server; a server starts in proofs/ and in browser/."""

import errno
import json
import os
import socket
from types import SimpleNamespace

import nbformat
import pytest
from nbformat.sign import MemorySignatureStore, NotebookNotary

from attncore.app import lab
from attncore.app.cli import main
from attncore.app.places import NOTEBOOKS, WORKBOOK


@pytest.fixture
def served(monkeypatch, tmp_path):
    """What JupyterLab would be started with; and no note of another server."""
    calls = []
    monkeypatch.setattr(lab, "serve", lambda *arguments: calls.append(arguments))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    return calls


@pytest.fixture
def listening():
    with socket.socket() as server:
        server.bind(("localhost", 0))
        server.listen()
        yield server.getsockname()[1]


def leave_note(tmp_path, text):
    (tmp_path / "runtime").mkdir(exist_ok=True)
    (tmp_path / "runtime" / "jpserver-1.json").write_text(text)


def note(workbook, port, **others):
    place = {"url": f"http://localhost:{port}/", "hostname": "localhost", "port": port, "token": "abc"}
    return json.dumps(place | {"root_dir": str(workbook.resolve())} | others)


def test_lab_copies_the_notebooks_and_hands_every_other_flag_on(served, tmp_path):
    workbook = tmp_path / "my copy"
    assert main(["lab", "--workbook", str(workbook), "--no-browser", "--ip", "0.0.0.0"]) == 0
    assert (workbook / "00_start.ipynb").read_bytes() == (NOTEBOOKS / "00_start.ipynb").read_bytes()
    assert (workbook / "solutions" / "00_start.ipynb").exists()
    assert served == [(workbook, None, ["--no-browser", "--ip", "0.0.0.0"])]


def test_help_says_that_flags_are_handed_on(capsys):
    with pytest.raises(SystemExit):
        main(["lab", "--help"])
    assert "Every other flag goes to JupyterLab, such as --no-browser" in capsys.readouterr().out


def test_a_taken_port_is_one_sentence(served, tmp_path, capsys, listening):
    assert main(["lab", "--workbook", str(tmp_path), "--port", str(listening)]) == 1
    assert capsys.readouterr().err == f"Port {listening} is taken. Leave --port out and a free one is found.\n"
    assert served == []


@pytest.mark.parametrize("port", ["99999", "0", "-1", "eighty", "65536"])
def test_what_is_no_port_is_told_so(served, tmp_path, capsys, port):
    with pytest.raises(SystemExit) as stopped:
        main(["lab", "--workbook", str(tmp_path), f"--port={port}"])
    assert stopped.value.code == 2
    assert f"{port} is not a port: ports are the numbers from 1 to 65535" in capsys.readouterr().err


def test_a_port_that_may_not_be_opened_is_not_called_taken(monkeypatch):
    def refuse(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(lab.socket.socket, "bind", refuse)
    assert lab.port_trouble(80).startswith("Port 80 can't be opened: Permission denied.")


def test_a_missing_kernel_is_one_sentence(served, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(lab, "find_spec", lambda name: None if name == "ipykernel" else object())
    assert main(["lab", "--workbook", str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith("ipykernel is not installed in this Python")


def test_a_folder_that_cannot_be_written_is_one_sentence(served, tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    assert main(["lab", "--workbook", str(tmp_path / "file")]) == 1
    assert "can't be written" in capsys.readouterr().err
    assert served == []


def test_a_second_lab_on_the_same_working_copy_is_told_where_the_first_is(served, tmp_path, capsys, listening):
    leave_note(tmp_path, note(tmp_path, listening))
    assert main(["lab", "--workbook", str(tmp_path)]) == 1
    address = f"http://localhost:{listening}/lab/tree/00_start.ipynb?token=abc"
    assert capsys.readouterr().err == f"The lab is already open on this working copy, at {address}\n"
    assert served == []


def test_a_server_on_every_address_is_found_and_one_without_a_token_has_none(tmp_path, served, listening):
    leave_note(tmp_path, note(tmp_path, listening, hostname="0.0.0.0", token=""))
    assert lab.open_already(tmp_path) == f"http://localhost:{listening}/lab/tree/00_start.ipynb"


def test_a_server_on_another_working_copy_is_no_hindrance(tmp_path, served, listening):
    leave_note(tmp_path, note(tmp_path / "other", listening))
    assert lab.open_already(tmp_path) == ""


@pytest.mark.parametrize("text", ["", "[]x", "half of a {"])
def test_a_note_that_cannot_be_read_is_no_hindrance(tmp_path, served, text):
    leave_note(tmp_path, text)
    assert lab.open_already(tmp_path) == ""


def test_a_note_that_outlived_its_server_is_no_hindrance(tmp_path, served):
    with socket.socket() as gone:
        gone.bind(("localhost", 0))  # and never listens
        leave_note(tmp_path, note(tmp_path, gone.getsockname()[1]))
        assert lab.open_already(tmp_path) == ""


def test_jupyter_is_told_the_folder_the_lesson_and_to_keep_quiet(tmp_path):
    told = lab.settings(tmp_path, port=9000)
    assert told["ServerApp"]["root_dir"] == str(tmp_path.resolve())
    assert (told["ServerApp"]["port"], told["ServerApp"]["port_retries"]) == (9000, 0)
    assert "port" not in lab.settings(tmp_path, port=None)["ServerApp"]
    assert told["LabApp"]["default_url"] == "/lab/tree/00_start.ipynb"
    assert told["Application"]["log_level"] == "ERROR"


@pytest.mark.parametrize("user, warned", [(0, True), (1000, False)])
def test_root_is_told_what_it_means(tmp_path, monkeypatch, user, warned):
    monkeypatch.setattr(lab, "os", SimpleNamespace(geteuid=lambda: user))
    lines = lab.greeting(tmp_path, "http://here").splitlines()
    assert lines[-2:] == ["Lesson 00 is open at http://here", "Stop with Ctrl-C."]
    assert ("You are root, so whatever runs in a notebook runs as root too." in lines) == warned


def test_the_working_copy_is_trusted_and_a_broken_notebook_is_passed_over(tmp_path):
    (tmp_path / "00_broken.ipynb").write_text("{")
    (tmp_path / "00_no_cells.ipynb").write_text("[]")
    picture = nbformat.v4.new_output("display_data", {"text/html": "<script>"})
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("picture", outputs=[picture])])
    nbformat.write(notebook, tmp_path / "01_picture.ipynb")
    notary = NotebookNotary(data_dir=str(tmp_path), store_factory=MemorySignatureStore, secret=b"secret")
    notebook = nbformat.read(tmp_path / "01_picture.ipynb", as_version=4)
    assert not notary.check_signature(notebook)
    lab.trust(tmp_path, notary)
    assert notary.check_signature(notebook)


def test_a_working_copy_has_its_place_in_a_checkout():
    assert NOTEBOOKS.parent / "workbook" == WORKBOOK
    assert os.path.exists(lab.SETTINGS / "overrides.json")
