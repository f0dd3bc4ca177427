"""The command line: what `attncore` and a verb do."""

import argparse
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

from attncore.app import check_files
from attncore.app.lab import lab
from attncore.app.places import WORKBOOK

FLAGS = "Every other flag goes to JupyterLab, such as --no-browser or --ip=0.0.0.0; `jupyter lab --help` has them all."


STUDY = {
    "progress": "where you are, lesson by lesson",
    "review": "what to go over today, mistakes first",
    "plan": "what to do each day until the interview",
    "placement": "find out where to begin, in at most 20 questions",
    "cards": "the cards as a file for Anki",
}


def main(arguments: list[str] | None = None) -> int:
    """Run a command; return its exit status."""
    parser = command_line()
    chosen, passed_on = parser.parse_known_args(arguments)
    if passed_on and chosen.verb != "lab":
        parser.error(f"{chosen.verb} does not know {' '.join(passed_on)}")
    return int(chosen.run(chosen) if chosen.verb != "lab" else lab(chosen.workbook, chosen.port, passed_on))


def door(module: str) -> Any:
    """A module of this room, loaded when its verb is asked for."""
    return import_module(f"attncore.app.{module}")


def command_line() -> argparse.ArgumentParser:
    """What can be asked of `attncore`."""
    parser = argparse.ArgumentParser(prog="attncore", description="The attention interview course.")
    parser.add_argument("--version", action="version", version=f"attncore {version('attncore')}")
    verbs = parser.add_subparsers(dest="verb", required=True)
    add_lab(verbs)
    add_doctor(verbs)
    check_files.add_check(verbs)  # it loads nothing, so that a file that can't be read is told at once
    add_interview(verbs)
    add_hunt(verbs)
    add_grade(verbs)
    add_get_model(verbs)
    add_study(verbs)
    add_board(verbs)
    add_handout(verbs)
    add_pack(verbs)
    return parser


def add_lab(verbs: Any) -> None:
    parser = verbs.add_parser("lab", help="open JupyterLab on the working copy", epilog=FLAGS, allow_abbrev=False)
    parser.add_argument("--port", type=port, help="the port to listen on (without it, a free one is found)")
    add_workbook(parser)


def add_doctor(verbs: Any) -> None:
    parser = verbs.add_parser("doctor", help="say what is missing on this machine")
    text = "print six characters, and nothing else, where everything works: an instructor's board counts them"
    parser.add_argument("--receipt", action="store_true", help=text)
    add_workbook(parser)
    parser.set_defaults(run=lambda chosen: door("doctor").doctor(chosen.workbook, chosen.receipt))


def add_get_model(verbs: Any) -> None:
    text = "minilm, the network of lesson 20 (84 MB), or smollm2, that of lesson 21 (93 MB); without a name, both"
    parser = verbs.add_parser("get-model", help="fetch the trained networks of lessons 20 and 21 (177 MB)")
    parser.add_argument("models", nargs="*", metavar="MODEL", help=text)
    parser.set_defaults(run=lambda chosen: door("get_model").get_models(chosen.models))


def add_interview(verbs: Any) -> None:
    parser = verbs.add_parser("interview", help="a mock interview against the clock, and a report of facts")
    parser.add_argument("--level", default="senior", help="basic, intermediate, senior or staff (%(default)s)")
    parser.add_argument("--minutes", type=int, default=45, help="how long the round is (%(default)s)")
    parser.add_argument("--seed", type=int, help="the same seed draws the same round")
    parser.add_argument("--framework", default="numpy", help="numpy, or torch where it is installed (%(default)s)")
    text = "the folder of the working copy (the one you are in, or the course's own)"
    parser.add_argument("--workbook", type=Path, metavar="FOLDER", help=text)
    parser.set_defaults(run=lambda chosen: door("interview.terminal").interview(chosen))


def add_grade(verbs: Any) -> None:
    lesson = "a lesson, such as 02 or softmax; once for each of several (without it, what is found)"
    exercise = "an exercise, such as causal_mask; once for each of several (without it, all of the lessons)"
    edge = "for a right answer with an open corner (%(default)g)"
    parser = verbs.add_parser("grade", help="grade a folder of submissions, safely, with reports")
    add = parser.add_argument
    add("submissions", type=Path, metavar="SUBMISSIONS", help="a folder or a zip archive, with one for each learner")
    add("-o", "--output", type=Path, required=True, metavar="REPORT", help="the folder of the reports")
    add("--lesson", action="append", default=[], help=lesson)
    add("--exercise", action="append", default=[], metavar="NAME", help=exercise)
    add("--seconds", type=between(0.1, 600), default=2.0, help="what an answer may take (%(default)g)")
    add("--jobs", type=between(0, 1000, int), default=0, help="how many at a time (without it, one for each core)")
    add("--dask", metavar="ADDRESS", help="grade on the Dask cluster at this address")
    add("--edge-points", type=between(0, 1), default=1.0, help=edge)
    add("--assignment", default="attncore", metavar="NAME", help="what it is called in grades.csv (%(default)s)")
    add("--roster", type=Path, metavar="FILE", help="who is who: a CSV from Canvas or Moodle")
    parser.set_defaults(run=lambda chosen: door("graded.command").grade_all(chosen))


def add_study(verbs: Any) -> None:
    progress = verbs.add_parser("progress", help=STUDY["progress"])
    review = verbs.add_parser("review", help=STUDY["review"])
    plan = verbs.add_parser("plan", help=STUDY["plan"])
    plan.add_argument("--days", type=whole_or_text, default=7, help="how many days are left (%(default)s)")
    plan.add_argument("--hours", type=number_or_text, default=2, help="how many hours a day (%(default)s)")
    placement = verbs.add_parser("placement", help=STUDY["placement"])
    placement.add_argument("answer", nargs="?", help='the answer to the question asked; "?" if you don\'t know')
    placement.add_argument("--again", action="store_true", help="begin anew")
    cards = verbs.add_parser("cards", help=STUDY["cards"])
    cards.add_argument("--anki", required=True, metavar="FILE", help="the file to write, such as attncore.apkg")
    for parser in (progress, review, plan, placement, cards):
        parser.set_defaults(run=lambda chosen: door("study").study(chosen))


def add_hunt(verbs: Any) -> None:
    parser = verbs.add_parser("hunt", help="hunt bugs in a whole file")
    parser.add_argument("action", nargs="?", default="begin", choices=("begin", "check", "hint"))
    parser.add_argument("--seed", type=int, help="which hunt (without it, the one that goes on, or any)")
    parser.add_argument("--bugs", type=int, default=4, help="how many bugs (%(default)s)")
    parser.add_argument("--level", default="senior", help="basic, intermediate, senior or staff (%(default)s)")
    parser.add_argument("--kind", help="cached, decoder, encoder, serving or training (without it, one by the seed)")
    parser.add_argument("--framework", default="numpy", help="numpy or torch (%(default)s)")
    parser.add_argument("--follow-up", help="the round that follows on the file: cache, classifier, prefix or faster")
    parser.set_defaults(run=lambda chosen: door("study").hunt(chosen))


def add_board(verbs: Any) -> None:
    parser = verbs.add_parser("board", help="a live view of a workshop: what the room gets wrong, by name")
    parser.add_argument("--port", type=port, default=8765, help="the port to listen on (%(default)s)")
    parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0 lets the room in (%(default)s: this machine)")
    text = "the file that keeps what the rooms do (%(default)s)"
    parser.add_argument("--store", type=Path, default=Path("attncore-board.sqlite"), metavar="FILE", help=text)
    text = "the rooms (without it those in the file, or else one)"
    parser.add_argument("--room", nargs="+", default=[], metavar="NAME", help=text)
    text = "delete the rooms so many days from now (30 for a new room)"
    parser.add_argument("--delete-after", type=days, metavar="DAYS", help=text)
    parser.set_defaults(run=lambda chosen: door("board.serve").board(chosen))


def add_handout(verbs: Any) -> None:
    parser = verbs.add_parser("handout", help="write the notebooks for a class, or an nbgrader course")
    parser.add_argument("folder", type=Path, metavar="DIR", help="the folder to write to")
    text = "a lesson, such as 02 or softmax; once for each of several (without it, all lessons)"
    parser.add_argument("--lesson", action="append", default=[], help=text)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--solutions", action="store_true", help="with the solutions, in a folder of their own")
    form.add_argument(
        "--nbgrader", action="store_true", help="as the source of an nbgrader course, with its configuration"
    )
    parser.set_defaults(run=lambda chosen: door("handout").handout(chosen))


def add_pack(verbs: Any) -> None:
    text = "make a folder from which a room without internet installs the course"
    parser = verbs.add_parser("pack", help=text)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("attncore-pack"), help="%(default)s")
    text = "of linux, linux-arm, macos and windows (linux macos windows)"
    parser.add_argument("--for", dest="systems", nargs="+", default=(), metavar="SYSTEM", help=text)
    text = "such as 3.12 3.13 (every one that the course runs on)"
    parser.add_argument("--python", dest="pythons", nargs="+", default=(), metavar="PYTHON", help=text)
    parser.set_defaults(run=lambda chosen: door("pack").pack(chosen.folder, chosen.systems, chosen.pythons))


def add_workbook(parser: argparse.ArgumentParser) -> None:
    text = "the folder of the working copy (%(default)s)"
    parser.add_argument("--workbook", type=Path, default=WORKBOOK, metavar="FOLDER", help=text)


def port(text: str) -> int:
    """A port's number."""
    if text.isdecimal() and 0 < int(text) < 2**16:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text} is not a port: ports are the numbers from 1 to {2**16 - 1}")


def days(text: str) -> float:
    """A number of days: more than none, and fewer than ten years."""
    try:
        number = float(text)
    except ValueError:
        number = 0
    if 0 < number < 3650:
        return number
    raise argparse.ArgumentTypeError(f"{text} is not a number of days")


def between(least: float, most: float, kind: Callable[[str], float] = float) -> Callable[[str], float]:
    """What reads a number from `least` to `most`."""

    def number(text: str) -> float:
        with suppress(ValueError):
            if least <= (found := kind(text)) <= most:
                return found
        raise argparse.ArgumentTypeError(f"{text} is not a number from {least:g} to {most:g}")

    return number


def whole_or_text(text: str) -> int | str:
    return int(text) if text.isdecimal() else text


def number_or_text(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


if __name__ == "__main__":
    sys.exit(main())
