"""The course out of its wheel: no checkout in sight, and `lab` opens lesson 00."""

import json
import os
import subprocess
import sys
import urllib.request
import zipfile

import pytest
from packing import wheel


@pytest.fixture
def installed(tmp_path):
    """An environment in which the wheel comes before every checkout; and a home of its own."""
    with zipfile.ZipFile(wheel(tmp_path)) as archive:
        archive.extractall(tmp_path / "site")
    home = tmp_path / "home"
    home.mkdir()
    places = {"HOME": str(home), "USERPROFILE": str(home), "PYTHONPATH": str(tmp_path / "site")}
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("ATTNCORE", "JUPYTER", "XDG"))}
    return environment | places, home


def attncore(installed, *arguments):
    environment, home = installed
    command = [sys.executable, "-m", "attncore.app.cli", *arguments]
    return subprocess.Popen(command, cwd=home, env=environment, stderr=subprocess.PIPE, text=True, encoding="utf-8")


def test_lab_makes_a_working_copy_at_home_and_opens_lesson_00(installed):
    _, home = installed
    workbook = (home / "attncore-workbook").resolve()
    with attncore(installed, "lab", "--no-browser") as server:
        try:
            lines = [server.stderr.readline()]
            while lines[-1] and "Lesson 00 is open at " not in lines[-1]:
                lines.append(server.stderr.readline())
            address = lines[-1].strip().removeprefix("Lesson 00 is open at ")
            assert lines[0] == f"Your working copy is {workbook}.\n"
            assert server.stderr.readline() == "Stop with Ctrl-C.\n"
            assert "/lab/tree/00_start.ipynb?token=" in address
            assert urllib.request.urlopen(address).status == 200
            assert trusted(address, "solutions/02_softmax.ipynb")
            with attncore(installed, "lab", "--no-browser") as second:
                assert second.stderr.read() == f"The lab is already open on this working copy, at {address}\n"
            assert second.returncode == 1
        finally:
            server.terminate()
    assert (workbook / "00_start.ipynb").exists()


def trusted(address, notebook):
    """Does JupyterLab let this notebook's pictures move?"""
    contents = address.replace("lab/tree/00_start.ipynb", f"api/contents/{notebook}")
    cells = json.load(urllib.request.urlopen(contents))["content"]["cells"]
    return all(cell["metadata"]["trusted"] for cell in cells if cell["cell_type"] == "code")


def test_the_doctor_finds_nothing_missing(installed):
    with attncore(installed, "doctor") as doctor:
        assert doctor.stderr.read() == ""
    assert doctor.returncode == 0
