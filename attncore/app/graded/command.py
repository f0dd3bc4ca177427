"""`attncore grade SUBMISSIONS -o REPORT`: everybody's work, graded behind walls, with a report for each and for all."""

import argparse
import sqlite3
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from typing import Any

from attncore.app.graded.report import Options, write
from attncore.app.graded.roster import owner, read_roster
from attncore.app.workbook import lesson_named
from attncore.exercises import LESSONS, Exercise, UnknownExercise, exercises, find
from attncore.grading.batch import Spread, grade, handed_in, passed_over
from attncore.grading.results import Results
from attncore.grading.sandbox import Gone

STORE = "results.sqlite"


def grade_all(chosen: argparse.Namespace) -> int:
    """Grade what is not graded yet, write the reports, and return the exit status: 1 where it could not go on."""
    try:
        asked = asked_for(chosen.lesson, chosen.exercise)
        whose = partial(owner, roster=read_roster(chosen.roster) if chosen.roster else None)
        handed, others = handed_in(chosen.submissions, whose), passed_over(chosen.submissions)
    except (ValueError, UnknownExercise) as problem:
        return told(str(problem), 2)
    except (OSError, zipfile.BadZipFile) as problem:
        return told(f"{chosen.submissions} can't be read: {getattr(problem, 'strerror', None) or problem}.", 2)
    if not handed:
        return told(f"{chosen.submissions} holds no notebook (.ipynb) and no Python file (.py).", 2)
    began = time.monotonic()
    try:
        chosen.output.mkdir(parents=True, exist_ok=True)
        with closing(Results(chosen.output / STORE)) as results, progress(sys.stderr) as tell:
            grade(chosen.submissions, results, asked, chosen.seconds, chosen.jobs, tell, over(chosen.dask), whose)
            results.note("asked", [exercise.id for exercise in asked if exercise.id in results.exercises()])
            results.note("others", others)
            write(results, chosen.output, Options(chosen.edge_points, chosen.assignment, chosen.roster))
            print(summary(results, time.monotonic() - began))
    except ModuleNotFoundError as problem:
        return told(f"{problem.name} isn't installed: `pip install attncore[cluster]` brings it.", 1)
    except Gone as problem:
        return told(str(problem) or "The sandbox can't run here: it needs a Python that can start another.", 1)
    except (OSError, sqlite3.Error) as problem:
        text = f"{chosen.output} can't be written: {getattr(problem, 'strerror', None) or problem}."
        return told(f"{text} What was graded is kept; the same command goes on.", 1)
    except KeyboardInterrupt:
        return told("Stopped. What was graded is kept; the same command goes on.", 130)
    return 0


def told(sentence: str, status: int) -> int:
    print(sentence, file=sys.stderr)
    return status


def asked_for(lessons: list[str], chosen: list[str]) -> list[Exercise]:
    """What is judged: the functions, repairs and questions of these lessons, or of all, or the chosen ones of them.

    Raises ValueError or UnknownExercise.
    """
    named = [lesson_named(name) for name in lessons] or LESSONS
    ids = {find(name).id for name in chosen}
    asked = [e for e in exercises if e.kind != "explain" and e.lesson in named and (e.id in ids or not ids)]
    if missing := ids - {exercise.id for exercise in asked}:
        where = f"in {', '.join(named)}" if lessons else "in the course"
        raise ValueError(f"Nothing of that name is graded {where}: {', '.join(sorted(missing))}.")
    return asked


def over(address: str | None) -> Spread | None:
    """How the work is spread: by Dask, where a cluster is named."""
    if address is None:
        return None
    from attncore.grading.cluster import on_dask

    return partial(on_dask, address)


@contextmanager
def progress(stream: Any) -> Iterator[Callable[[int, int], None]]:
    """A bar, where somebody watches."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("grading"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(file=stream), transient=True, disable=not stream.isatty()) as bar:
        task = bar.add_task("grading")
        yield lambda done, all: bar.update(task, completed=done, total=all)


def summary(results: Results, seconds: float) -> str:
    """How many were graded, how long it took, and which walls stood."""
    submissions, answers = results.counts()
    walls = results.noted("walls") or {}
    held = ["a process for each answer", *(name for name, holds in walls.items() if holds)]
    lacking = [name for name, holds in walls.items() if not holds]
    told = f"{counted(submissions, 'submission')} with {counted(answers, 'answer')}; this took {seconds:.1f} s.\n"
    told += f"Between them and this machine stood {', '.join(held)}."
    return told + (f" This system doesn't have {', '.join(lacking)}." if lacking else "")


def counted(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"
