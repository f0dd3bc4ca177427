"""`attncore lab`: bring the working copy up to date and open JupyterLab on lesson 00."""

import errno
import json
import os
import socket
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from attncore.app.places import NOTEBOOKS, progress_place
from attncore.app.workbook import copy_notebooks

EVERYWHERE = ("0.0.0.0", "::")  # as an address to listen on; nobody can visit it
FIRST = "lab/tree/00_start.ipynb"
SETTINGS = Path(__file__).with_name("lab_settings")  # JupyterLab asks about no news and looks for no update


def lab(workbook: Path, port: int | None, passed_on: list[str]) -> int:
    """Copy what is new, then run JupyterLab until it is stopped. `passed_on` goes to JupyterLab."""
    if problem := hindrance(workbook, port):
        print(problem, file=sys.stderr)
        return 1
    try:
        for sentence in copy_notebooks(workbook):
            print(sentence, file=sys.stderr)
    except OSError as error:
        print(
            f"The working copy {workbook} can't be written: {error.strerror}. --workbook names another folder.",
            file=sys.stderr,
        )
        return 1
    serve(workbook, port, passed_on)
    return 0


def serve(workbook: Path, port: int | None, passed_on: list[str]) -> None:
    """Run JupyterLab on a working copy, with our own word on where it is open in place of Jupyter's log."""
    from jupyterlab.labapp import LabApp
    from traitlets.config import Config

    from attncore.app.server import keep_stills

    os.environ.setdefault("ATTNCORE_PROGRESS", str(progress_place(workbook.resolve())))  # for every kernel
    server = LabApp.initialize_server(argv=passed_on, config=Config(settings(workbook, port)))
    server.contents_manager.register_pre_save_hook(keep_stills)
    trust(workbook, server.contents_manager.notary)
    address = server.local_url if server.ip in EVERYWHERE else server.public_url
    server.identity_provider.token_generated = False  # Jupyter would print the address of a token that it made
    server.io_loop.add_callback(lambda: print(greeting(workbook, address), file=sys.stderr, flush=True))
    server.start()


def settings(workbook: Path, port: int | None) -> dict[str, dict[str, Any]]:
    """What JupyterLab is told. The learner's own flags come after, and win."""
    server = {
        "root_dir": str(workbook.resolve()),
        "allow_root": True,  # in a container there is nobody else; `greeting` says what it means
        "answer_yes": True,  # Ctrl-C stops it, as `greeting` says
    }
    fixed = {} if port is None else {"port": port, "port_retries": 0}
    return {
        "Application": {"log_level": "ERROR"},
        "ServerApp": server | fixed,
        "LabApp": {
            "app_settings_dir": str(SETTINGS),
            "default_url": f"/{FIRST}",
            "expose_app_in_browser": True,  # reset() asks the open tab to save, and to read the file anew
        },
        "MappingKernelManager": {"kernel_manager_class": "attncore.app.server.CourseKernel"},
    }


def greeting(workbook: Path, address: str) -> str:
    """What a learner reads once the lab is open."""
    lines = [f"Your working copy is {workbook.resolve()}.", f"Lesson 00 is open at {address}", "Stop with Ctrl-C."]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        lines.insert(1, "You are root, so whatever runs in a notebook runs as root too.")
    return "\n".join(lines)


def trust(workbook: Path, notary: Any) -> None:
    """Sign the course's notebooks in a working copy: JupyterLab lets only the pictures of signed ones move."""
    import nbformat

    for folder in (workbook, workbook / "solutions"):
        for notebook in folder.glob("*.ipynb"):
            try:
                notary.sign(nbformat.read(notebook, as_version=4))
            except (OSError, ValueError, AttributeError, sqlite3.Error):
                continue  # a broken one stays untrusted; so do all where Jupyter can keep no signatures


def hindrance(workbook: Path, port: int | None) -> str:
    """A sentence where JupyterLab could not start here, or nothing."""
    for module in ("jupyterlab", "ipykernel"):
        if find_spec(module) is None:
            return f"{module} is not installed in this Python. In a checkout, this installs it: python course.py lab"
    if not list(NOTEBOOKS.glob("*.ipynb")):
        return f"There are no notebooks in {NOTEBOOKS}. Install the course again."
    if address := open_already(workbook):
        return f"The lab is already open on this working copy, at {address}"
    return port_trouble(port) if port is not None else ""


def open_already(workbook: Path) -> str:
    """The address of a server that runs on this working copy, or nothing."""
    here = os.path.realpath(workbook)
    return next((address_of(server) for server in servers() if server["root_dir"] == here and answers(server)), "")


def servers() -> Iterator[dict[str, Any]]:
    """The notes that Jupyter's servers leave of themselves while they run."""
    from jupyter_core.paths import jupyter_runtime_dir

    for note in Path(jupyter_runtime_dir()).glob("jpserver-*.json"):
        with suppress(OSError, ValueError):
            yield json.loads(note.read_text(encoding="utf-8"))


def answers(server: dict[str, Any]) -> bool:
    """Does it take a connection? Where a container or a machine went down, the note outlives the server."""
    host = "localhost" if server["hostname"] in EVERYWHERE else server["hostname"]
    with suppress(OSError), socket.create_connection((host, server["port"]), timeout=1):
        return True
    return False


def address_of(server: dict[str, Any]) -> str:
    token = f"?token={server['token']}" if server["token"] else ""
    return f"{server['url']}{FIRST}{token}"


def port_trouble(port: int) -> str:
    """A sentence where nothing can listen on a port, or nothing."""
    with socket.socket() as probe:
        if os.name == "posix":  # as Jupyter does: a server that was just stopped is not in the way
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("localhost", port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return f"Port {port} is taken. Leave --port out and a free one is found."
            return f"Port {port} can't be opened: {error.strerror}. Leave --port out and a free one is found."
    return ""
