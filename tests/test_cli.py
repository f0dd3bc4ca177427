"""`attncore lab` without starting a server."""

import socket

import pytest

from attncore.app import author, cli
from attncore.app.workbook import NOTEBOOKS


@pytest.fixture
def launched(monkeypatch, tmp_path):
    """What JupyterLab would be started with."""
    from jupyterlab.labapp import LabApp

    calls = []
    monkeypatch.setattr(LabApp, "launch_instance", calls.append)
    monkeypatch.chdir(tmp_path)
    return calls


def test_lab_copies_the_notebooks_and_opens_lesson_00(launched, tmp_path):
    assert cli.main(["lab", "--workbook", str(tmp_path / "mine"), "--no-browser"]) == 0
    assert (tmp_path / "mine" / "00_start.ipynb").read_bytes() == (NOTEBOOKS / "00_start.ipynb").read_bytes()
    assert (tmp_path / "mine" / "solutions" / "00_start.ipynb").exists()
    assert launched[0][0] == "00_start.ipynb"
    assert "--no-browser" in launched[0]


def test_a_taken_port_is_one_sentence(launched, tmp_path, capsys):
    with socket.socket() as other:
        other.bind(("localhost", 0))
        other.listen()
        port = other.getsockname()[1]
        assert cli.main(["lab", "--workbook", str(tmp_path), "--port", str(port)]) == 1
    assert capsys.readouterr().err == f"Port {port} is taken; leave --port out and a free one is found.\n"
    assert launched == []


def test_a_missing_kernel_is_one_sentence(launched, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(cli, "find_spec", lambda name: None if name == "ipykernel" else object())
    assert cli.main(["lab", "--workbook", str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith("ipykernel is not installed in this Python")


def test_a_folder_that_cannot_be_written_is_one_sentence(launched, tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    assert cli.main(["lab", "--workbook", str(tmp_path / "file")]) == 1
    assert "could not be written" in capsys.readouterr().err


def test_an_unknown_lesson_is_not_rendered(capsys):
    assert author.main(["render", "04_dots"]) == 2
    assert "There is no lesson 04_dots" in capsys.readouterr().err
