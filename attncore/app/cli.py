"""The command line: `attncore lab` opens the course, `attncore check` judges a file, `attncore get-model` fetches."""

import argparse
import json
import os
import socket
import sys
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

from attncore.app.workbook import COURSE, NOTEBOOKS, copy_notebooks

WORKBOOK = COURSE / "workbook"
SETTINGS = Path(__file__).with_name("lab")  # JupyterLab asks about no news and looks for no update


def main(arguments: list[str] | None = None) -> int:
    """Run a command; return its exit status."""
    parser = argparse.ArgumentParser(prog="attncore", description="The attention interview course.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    lab_parser = verbs.add_parser("lab", help="open JupyterLab on the working copy")
    lab_parser.add_argument("--port", type=int, help="the port to listen on (a free one is found without it)")
    lab_parser.add_argument("--workbook", type=Path, default=WORKBOOK, help="the folder of the working copy")
    verbs.add_parser("get-model", help="fetch the trained network of lesson 20 (84 MB)")
    check_parser = verbs.add_parser("check", help="judge the answers in a notebook or a Python file")
    check_parser.add_argument("file", type=Path, metavar="FILE")
    check_parser.add_argument("--json", action="store_true", help="the verdicts as JSON")
    chosen, passed_on = parser.parse_known_args(arguments)
    if passed_on and chosen.verb != "lab":
        parser.error(f"{chosen.verb} does not know {' '.join(passed_on)}")
    if chosen.verb == "check":
        return check(chosen.file, chosen.json)
    if chosen.verb == "get-model":
        from attncore.app.get_model import get_model

        return get_model()
    return lab(chosen.workbook, chosen.port, passed_on)


def check(path: Path, as_json: bool) -> int:
    """Judge a file and print the verdicts: 0 where all answers are right, 1 where one is not, 2 where none is found."""
    from attncore.grading.submission import Unreadable, judge_file

    try:
        reports = judge_file(path)
    except Unreadable as problem:
        print(json.dumps({"file": str(path), "error": str(problem)})) if as_json else print(problem, file=sys.stderr)
        return 2
    told = {"right": "right", "wrong": "wrong", "raised": "raised", "unattempted": "not attempted"}
    counts = Counter(report.outcome for report in reports)
    if as_json:
        keys = ("exercise", "outcome", "mistake", "convention", "message")
        results = [{key: getattr(report, key) for key in keys} for report in reports]
        print(json.dumps({"file": str(path), "results": results}, indent=2))
    else:
        for report in reports:
            if report.outcome != "unattempted":
                print(report.message, end="\n\n")
        print(", ".join(f"{counts[outcome]} {word}" for outcome, word in told.items() if counts[outcome]))
    return int(counts["right"] == 0 or counts["wrong"] + counts["raised"] > 0)


def lab(workbook: Path, port: int | None, passed_on: list[str]) -> int:
    """Copy what is new, then run JupyterLab on lesson 00 until it is stopped. `passed_on` goes to JupyterLab."""
    if problem := hindrance(port):
        print(problem, file=sys.stderr)
        return 1
    try:
        for sentence in copy_notebooks(workbook):
            print(sentence, file=sys.stderr)
    except OSError as error:
        print(f"The working copy {workbook} could not be written: {error.strerror}.", file=sys.stderr)
        return 1
    from jupyterlab.labapp import LabApp

    options = [f"--LabApp.app_settings_dir={SETTINGS}"]
    if port is not None:
        options += [f"--ServerApp.port={port}", "--ServerApp.port_retries=0"]
    os.chdir(workbook)
    LabApp.launch_instance(["00_start.ipynb", *options, *passed_on])
    return 0


def hindrance(port: int | None) -> str:
    """A sentence where JupyterLab could not start here, or nothing."""
    for module in ("jupyterlab", "ipykernel"):
        if find_spec(module) is None:
            return f"{module} is not installed in this Python; install the course with: python course.py lab"
    if not list(NOTEBOOKS.glob("*.ipynb")):
        return f"There are no notebooks in {NOTEBOOKS}; a checkout of the course has them."
    if port is not None and taken(port):
        return f"Port {port} is taken; leave --port out and a free one is found."
    return ""


def taken(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("localhost", port))
        except (OSError, OverflowError):
            return True
    return False


if __name__ == "__main__":
    sys.exit(main())
