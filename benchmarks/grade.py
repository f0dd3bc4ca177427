"""How fast a folder of submissions is graded; and nbgrader's autograde on the same ones, in the same run.

nbgrader needs an environment of its own, with this course in it: python benchmarks/grade.py --nbgrader PYTHON, where
PYTHON is that environment's.
"""

import argparse
import os
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

from attncore.app.handout import nbgrader_course, write
from attncore.authoring.readme import write_between
from attncore.exercises import Exercise, exercises
from attncore.grading.batch import grade
from attncore.grading.results import Results

LESSON = "02_softmax"
ASKED = [exercise for exercise in exercises if exercise.lesson == LESSON and exercise.kind != "explain"]
ANSWERED = len(ASKED)
TEN = Path(__file__).with_name("ten_functions.py")  # as a learner writes them
OURS, THEIRS = 100, 5  # submissions
LOT = 10  # of which the seconds are taken together: several are graded at once


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nbgrader", metavar="PYTHON", help="an environment's Python, with nbgrader and this course")
    parser.add_argument("--readme", action="store_true")
    chosen = parser.parse_args()
    with TemporaryDirectory() as place:
        folder = Path(place)
        write(folder, nbgrader_course([LESSON]))
        ten = seconds_of_ten(folder / "ten")
        own = seconds_of_ours(hand_in(folder, OURS), ASKED)
        told = (
            f"A file with ten functions is graded in {ten:.2f} s, a notebook with {ANSWERED} answers in {own:.2f} s "
            f"(the median of {OURS}, ten by ten, on {os.cpu_count()} cores)."
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


def seconds_of_ten(place: Path) -> float:
    """The same for a file of ten functions, which a hundred have handed in."""
    text = TEN.read_text(encoding="utf-8")
    asked = [exercise for exercise in exercises if f"\ndef {exercise.id}(" in text]
    assert len(asked) == 10
    place.mkdir()
    for number in range(OURS):
        (place / f"s{number:03}.py").write_text(text, encoding="utf-8")
    return seconds_of_ours(place, asked)


def seconds_of_ours(place: Path, asked: list[Exercise]) -> float:
    """The seconds a submission: the median of the lots, so that starting up doesn't count. All of them are right."""
    results = Results(place.with_suffix(".sqlite"))
    done = [perf_counter()]
    grade(place, results, asked, tell=lambda count, of: done.append(perf_counter()))
    found = [result.outcome for submission in results.submissions() for result in submission.results]
    assert len(found) == OURS * len(asked) and set(found) <= {"right", "edge"}
    return median(later - sooner for sooner, later in pairwise(done[1::LOT])) / LOT


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
