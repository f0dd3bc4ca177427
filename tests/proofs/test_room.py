"""A room without internet: a real pack, served as an instructor does, and nothing else that can be reached."""

import os
import shutil
import socket
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from platform import machine

import pytest
from packing import PARTS, ROOT

from attncore.app.pack import SYSTEMS
from attncore.app.receipt import is_receipt

PYTHON = ".".join(map(str, sys.version_info[:2]))
HERE = (sys.platform, machine().lower())
SYSTEM = next((name for name, system in SYSTEMS.items() if (system.sys_platform, system.machine.lower()) == HERE), None)


@pytest.fixture(scope="module")
def pack(tmp_path_factory):
    if SYSTEM is None:
        pytest.skip("no pack can be made for this system")
    folder = tmp_path_factory.mktemp("room") / "pack"
    command = [sys.executable, "-m", "attncore.app.cli", "pack", folder, "--for", SYSTEM, "--python", PYTHON]
    made = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8")
    if "could not be fetched" in made.stderr:
        pytest.skip("a pack is fetched from the internet, and there is none")
    assert made.returncode == 0, made.stderr
    return folder


@pytest.fixture
def laptop(pack):
    """The instructor's laptop: its address, and what it was asked for."""
    asked = []

    class Noting(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            asked.append(self.path)

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Noting, directory=str(pack))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server, asked
        server.shutdown()


def nothing_listens():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{closed.getsockname()[1]}"


@pytest.fixture
def offline(tmp_path):
    """The environment of a learner's terminal: every index and every proxy is dead, and nothing comes from a cache."""
    dead, home = nothing_listens(), tmp_path / "home"
    home.mkdir()
    ours = ("ATTNCORE", "JUPYTER", "XDG", "PIP_", "UV_", "PYTHONPATH")
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith(ours)}
    indexes = dict.fromkeys(["PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX"], dead)
    proxies = dict.fromkeys(["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"], dead)
    quick = {"PIP_NO_CACHE_DIR": "1", "UV_NO_CACHE": "1", "PIP_NO_COMPILE": "1"}
    return kept | indexes | proxies | quick | {"HOME": str(home), "USERPROFILE": str(home)}


@pytest.fixture
def alone(tmp_path, pack):
    """What somebody has who downloaded course.py from the page."""
    folder = tmp_path / "attention"
    folder.mkdir()
    shutil.copy(pack / "course.py", folder)
    return folder


@pytest.fixture
def clone(tmp_path):
    folder = tmp_path / "clone"
    folder.mkdir()
    for part in map(ROOT.joinpath, (*PARTS, "course.py", "constraints.txt")):
        if part.is_dir():
            shutil.copytree(part, folder / part.name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
        else:
            shutil.copy(part, folder)
    return folder


@pytest.mark.parametrize("start, fetched", [("alone", "/attncore-"), ("clone", "/setuptools-")])
def test_the_course_is_installed_from_the_laptop_and_needs_it_no_more(start, fetched, laptop, offline, request):
    server, asked = laptop
    folder = request.getfixturevalue(start)
    first = doctor(folder, offline, "--receipt", "--from", f"127.0.0.1:{server.server_port}")
    assert first.returncode == 0, first.stdout + first.stderr
    assert is_receipt(first.stdout)
    assert f"({folder / '.venv'}" in first.stderr, "the Python of the environment that was made"
    assert any(path.startswith(fetched) for path in asked)

    asked.clear()
    again = doctor(folder, offline)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "Installing" not in again.stderr and asked == []


def doctor(folder: Path, environment, *arguments):
    command = [sys.executable, "course.py", "doctor", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, encoding="utf-8")
