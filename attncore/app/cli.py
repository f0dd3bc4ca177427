"""The command line: what `attncore` and a verb do."""

import argparse
import sys
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
    if chosen.verb == "check":
        return check_files.check_files(chosen)
    if chosen.verb == "doctor":
        from attncore.app.doctor import doctor

        return doctor(chosen.workbook)
    if chosen.verb == "get-model":
        from attncore.app.get_model import get_model

        return get_model()
    if chosen.verb == "interview":
        from attncore.app.interview.terminal import interview

        return interview(chosen)
    if chosen.verb in STUDY:
        from attncore.app.study import study

        return study(chosen)
    if chosen.verb == "hunt":
        return hunt(chosen)
    return lab(chosen.workbook, chosen.port, passed_on)


def hunt(chosen: argparse.Namespace) -> int:
    """Begin a hunt, judge it or narrow it down; 0, or 1 where bugs are left, or 2 where it can't be done."""
    from attncore.app import hunting

    try:
        which = (chosen.seed, chosen.bugs, chosen.level, chosen.kind, chosen.framework)
        if chosen.action == "begin" or which != hunting.ANY:
            panel = hunting.begin(*which, chosen.follow_up)
        if chosen.action != "begin":
            panel = hunting.judged() if chosen.action == "check" else hunting.hinted()
    except (ValueError, OSError) as problem:
        print(hunting.typed(str(problem)), file=sys.stderr)
        return 2
    print(hunting.typed(panel.message))
    return int(panel.tone in ("wrong", "raised"))


def command_line() -> argparse.ArgumentParser:
    """What can be asked of `attncore`."""
    parser = argparse.ArgumentParser(prog="attncore", description="The attention interview course.")
    parser.add_argument("--version", action="version", version=f"attncore {version('attncore')}")
    verbs = parser.add_subparsers(dest="verb", required=True)
    add_lab(verbs)
    add_doctor(verbs)
    check_files.add_check(verbs)
    add_interview(verbs)
    add_hunt(verbs)
    verbs.add_parser("get-model", help="fetch the trained network of lesson 20 (84 MB)")
    add_study(verbs)
    return parser


def add_lab(verbs: Any) -> None:
    parser = verbs.add_parser("lab", help="open JupyterLab on the working copy", epilog=FLAGS, allow_abbrev=False)
    parser.add_argument("--port", type=port, help="the port to listen on (without it, a free one is found)")
    add_workbook(parser)


def add_doctor(verbs: Any) -> None:
    parser = verbs.add_parser("doctor", help="say what is missing on this machine")
    add_workbook(parser)


def add_interview(verbs: Any) -> None:
    parser = verbs.add_parser("interview", help="a mock interview against the clock, and a report of facts")
    parser.add_argument("--level", default="senior", help="basic, intermediate, senior or staff (%(default)s)")
    parser.add_argument("--minutes", type=int, default=45, help="how long the round is (%(default)s)")
    parser.add_argument("--seed", type=int, help="the same seed draws the same round")
    parser.add_argument("--framework", default="numpy", help="numpy, or torch where it is installed (%(default)s)")
    text = "the folder of the working copy (the one you are in, or the course's own)"
    parser.add_argument("--workbook", type=Path, metavar="FOLDER", help=text)


def add_study(verbs: Any) -> None:
    verbs.add_parser("progress", help=STUDY["progress"])
    verbs.add_parser("review", help=STUDY["review"])
    plan = verbs.add_parser("plan", help=STUDY["plan"])
    plan.add_argument("--days", type=whole_or_text, default=7, help="how many days are left (%(default)s)")
    plan.add_argument("--hours", type=number_or_text, default=2, help="how many hours a day (%(default)s)")
    placement = verbs.add_parser("placement", help=STUDY["placement"])
    placement.add_argument("answer", nargs="?", help='the answer to the question asked; "?" if you don\'t know')
    placement.add_argument("--again", action="store_true", help="begin anew")
    cards = verbs.add_parser("cards", help=STUDY["cards"])
    cards.add_argument("--anki", required=True, metavar="FILE", help="the file to write, such as attncore.apkg")


def add_hunt(verbs: Any) -> None:
    parser = verbs.add_parser("hunt", help="hunt bugs in a whole file")
    parser.add_argument("action", nargs="?", default="begin", choices=("begin", "check", "hint"))
    parser.add_argument("--seed", type=int, help="which hunt (without it, the one that goes on, or any)")
    parser.add_argument("--bugs", type=int, default=4, help="how many bugs (%(default)s)")
    parser.add_argument("--level", default="senior", help="basic, intermediate, senior or staff (%(default)s)")
    parser.add_argument("--kind", help="cached, decoder, encoder or training (without it, one by the seed)")
    parser.add_argument("--framework", default="numpy", help="numpy or torch (%(default)s)")
    parser.add_argument("--follow-up", help="the round that follows on the same file: cache, classifier or faster")


def add_workbook(parser: argparse.ArgumentParser) -> None:
    text = "the folder of the working copy (%(default)s)"
    parser.add_argument("--workbook", type=Path, default=WORKBOOK, metavar="FOLDER", help=text)


def port(text: str) -> int:
    """A port's number."""
    if text.isdecimal() and 0 < int(text) < 2**16:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text} is not a port: ports are the numbers from 1 to {2**16 - 1}")


def whole_or_text(text: str) -> int | str:
    return int(text) if text.isdecimal() else text


def number_or_text(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


if __name__ == "__main__":
    sys.exit(main())
