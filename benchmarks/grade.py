"""How fast a folder of submissions is graded; and nbgrader's autograde on the same ones, in the same run.

nbgrader needs an environment of its own, with this course in it: python benchmarks/grade.py --nbgrader PYTHON, where
PYTHON is that environment's.
"""

import argparse
import os
import shutil
import subprocess
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

from attncore.app.handout import nbgrader_course, write
from attncore.authoring.readme import write_between
from attncore.exercises import exercises
from attncore.grading.batch import grade
from attncore.grading.results import Results

LESSON = "02_softmax"  # eleven exercises
ASKED = [exercise for exercise in exercises if exercise.lesson == LESSON and exercise.kind != "explain"]
ANSWERED = len(ASKED)
OURS, THEIRS = 100, 5  # submissions


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nbgrader", metavar="PYTHON", help="an environment's Python, with nbgrader and this course")
    parser.add_argument("--readme", action="store_true")
    chosen = parser.parse_args()
    with TemporaryDirectory() as place:
        folder = Path(place)
        write(folder, nbgrader_course([LESSON]))
        own, every = seconds_of_ours(folder)
        told = (
            f"A notebook with {ANSWERED} answers is graded in {own:.2f} s (the median of {OURS}; all of them took "
            f"{every:.0f} s on {os.cpu_count()} cores)."
        )
        if chosen.nbgrader:
            peer = seconds_of_nbgrader(folder, chosen.nbgrader)
            told += f"\nnbgrader's autograde takes {peer:.1f} s for each of the same: {peer / own:.0f} times as long."
    print(told)
    if chosen.readme:
        write_between("bench-grade", told)


def hand_in(folder: Path, count: int) -> Path:
    """So many submissions, all of them right: the source that nbgrader makes assignments from has the solutions."""
    for number in range(count):
        place = folder / "submitted" / f"s{number:03}" / LESSON
        place.mkdir(parents=True, exist_ok=True)
        shutil.copy(folder / "source" / LESSON / f"{LESSON}.ipynb", place)
    return folder / "submitted"


def seconds_of_ours(folder: Path) -> tuple[float, float]:
    """From one submission to the next in the median, and for all of them, starting up included."""
    done = [perf_counter()]
    results = Results(folder / "results.sqlite")
    grade(hand_in(folder, OURS), results, ASKED, tell=lambda count, of: done.append(perf_counter()))
    found = [result.outcome for submission in results.submissions() for result in submission.results]
    assert len(found) == OURS * ANSWERED and set(found) <= {"right", "edge"}
    return median(late - early for early, late in zip(done[1:], done[2:], strict=False)), done[-1] - done[0]


def seconds_of_nbgrader(folder: Path, python: str) -> float:
    """For each submission beyond the first, so that starting up isn't counted."""
    shutil.rmtree(folder / "submitted")
    command = [python, "-m", "nbgrader"]
    path = os.pathsep.join([str(Path(python).parent), os.environ.get("PATH", "")])  # nbgrader calls alembic
    environment = os.environ | {"PATH": path}

    def run(*arguments: str) -> float:
        began = perf_counter()
        subprocess.run([*command, *arguments], cwd=folder, check=True, capture_output=True, env=environment)
        return perf_counter() - began

    run("generate_assignment", LESSON)
    hand_in(folder, 1)
    one = run("autograde", LESSON, "--force")
    hand_in(folder, 1 + THEIRS)
    return (run("autograde", LESSON, "--force") - one) / THEIRS


if __name__ == "__main__":
    main()
