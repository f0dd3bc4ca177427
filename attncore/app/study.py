"""Progress, review, plan, placement, cards and hunts in a terminal: what the verbs of a notebook say, as plain text."""

import argparse
import re
import sqlite3
import sys

from attncore.app.progress import notices, progress_here
from attncore.grading.report import Panel

CALL = r"\b(progress|review|plan|placement)\((\([^()]*\)|[^()]*)\)"


def study(chosen: argparse.Namespace) -> int:
    """Say it, and return the exit status: 1 where progress can't be read or a file not be written, 2 for bad input."""
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # a console of old
    try:
        print(re.sub(CALL, typed, str(said(chosen))))
    except (OSError, sqlite3.Error, ValueError) as problem:
        kept = isinstance(problem, sqlite3.Error)
        print(f"Progress cannot be read at the moment: {problem}." if kept else problem, file=sys.stderr)
        return 2 if isinstance(problem, ValueError) else 1
    finally:
        while notices:
            print(notices.pop(0), file=sys.stderr)
    return 0


def typed(call: re.Match[str]) -> str:
    """A call of a verb, as one types it in a terminal."""
    verb, given = call.groups()
    given = f'"{given}"' if given.startswith("(") else given.replace("again=True", "--again")
    return f"`{' '.join(filter(None, ['attncore', verb, given]))}`"


def said(chosen: argparse.Namespace) -> Panel | str:
    if chosen.verb == "cards":
        from attncore.app.anki import export

        return export(chosen.anki)
    store = progress_here()
    if chosen.verb == "progress":
        from attncore.app.standing import standing

        return standing(store)
    if chosen.verb == "review":
        from attncore.app.review import review

        return review(store)
    if chosen.verb == "plan":
        from attncore.app.plan import plan

        return plan(store, chosen.days, chosen.hours)
    from attncore.app.placement import placement

    return placement(store, chosen.answer, chosen.again)


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
