"""`attncore handout DIR`: the notebooks for a class, with or without solutions; or the source of an nbgrader course.

nbgrader's metadata is put in here, so that the course's own notebooks stay plain. An assignment is a lesson. Each of
its exercises is a cell to write in, which holds what is handed out and below it the solution that nbgrader takes out,
and a locked cell that judges it, for one point.
"""

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from attncore.app.places import NOTEBOOKS, SOLUTIONS
from attncore.app.workbook import cell_name, lesson_named
from attncore.exercises import LESSONS

CHECK = re.compile(r"(?:(?P<answer>.*)\n\n\n)?check\((?P<id>\w+)\)", re.DOTALL)
ANSWER = re.compile(r'answer\("(?P<id>[^"]+)", (?P<answer>.*)\)', re.DOTALL)
SOLUTION = "{}\n### BEGIN SOLUTION\n{}\n### END SOLUTION"
JUDGE = "-check"  # what ends the grade_id of a cell that judges
CONFIG = "nbgrader_config.py"
CONFIGURATION = """\
c = get_config()  # noqa: F821

c.CourseDirectory.course_id = "attncore"
c.ClearSolutions.code_stub = {"python": ""}  # what is handed out stands above each solution
c.OverwriteCells.add_missing_cells = True  # a check that a learner has deleted is judged all the same

# Without the # before them, these lines let autograde judge in the course's sandbox, where no answer can give itself
# points, in place of a kernel.
# from attncore.app.nbgrader import PREPROCESSORS
# c.Autograde.autograde_preprocessors = PREPROCESSORS
"""

Files = dict[str, bytes]  # by their paths in the folder


def handout(chosen: argparse.Namespace) -> int:
    """Write what was asked for; return the exit status, 1 where that can't be done."""
    try:
        lessons = list(dict.fromkeys(map(lesson_named, chosen.lesson))) or list(LESSONS)
        files = nbgrader_course(lessons) if chosen.nbgrader else notebooks(lessons, chosen.solutions)
        write(chosen.folder, files)
    except ValueError as problem:
        print(problem, file=sys.stderr)
        return 1
    except OSError as problem:
        print(f"{problem.filename or chosen.folder} can't be written: {problem.strerror}.", file=sys.stderr)
        return 1
    named = ", ".join(lessons) if chosen.lesson else f"all {len(lessons)} lessons"
    print(f"{chosen.folder} holds {named}.")
    if chosen.nbgrader:
        print(f"Next, in {chosen.folder}: nbgrader generate_assignment {lessons[0]}")
    return 0


def notebooks(lessons: list[str], solutions: bool) -> Files:
    """The learner's notebooks, and the solutions in a folder beside them, which is where hints say that they are."""
    files = {f"{lesson}.ipynb": (NOTEBOOKS / f"{lesson}.ipynb").read_bytes() for lesson in lessons}
    if solutions:
        files |= {f"solutions/{lesson}.ipynb": (SOLUTIONS / f"{lesson}.ipynb").read_bytes() for lesson in lessons}
    return files


def nbgrader_course(lessons: list[str]) -> Files:
    """The source of each lesson's assignment, and nbgrader's configuration."""
    files = {f"source/{lesson}/{lesson}.ipynb": as_bytes(assignment(lesson)) for lesson in lessons}
    return files | {CONFIG: CONFIGURATION.encode()}


def write(folder: Path, files: Files) -> None:
    """Write the files that aren't there; a configuration that is there stays, since it is the instructor's.

    Raises ValueError, and writes nothing, where another file is there and says something else; OSError as it comes.
    """
    missing = {name: data for name, data in files.items() if not (folder / name).exists()}
    for name in files.keys() - missing.keys() - {CONFIG}:
        if (folder / name).read_bytes() != files[name]:
            raise ValueError(
                f"{folder / name} is there already, and says something else. Move it, or name another folder."
            )
    for name, data in missing.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def as_bytes(notebook: NotebookNode) -> bytes:
    nbformat.validate(notebook)
    return f"{nbformat.writes(notebook, indent=1)}\n".encode()


def assignment(lesson: str) -> NotebookNode:
    """A lesson as nbgrader's source: the learner's notebook with the solutions in it."""
    notebook: NotebookNode = nbformat.read(NOTEBOOKS / f"{lesson}.ipynb", as_version=4)
    solved = answers(lesson)
    notebook.cells = [new for cell in notebook.cells for new in graded_cells(cell, solved)]
    return notebook


def answers(lesson: str) -> dict[str, str]:
    """The code of a lesson's solutions, by exercise: that above its check, or what stands in its answer."""
    solutions = nbformat.read(SOLUTIONS / f"{lesson}.ipynb", as_version=4)
    found = [CHECK.fullmatch(cell.source) or ANSWER.fullmatch(cell.source) for cell in solutions.cells]
    return {match["id"]: match["answer"] for match in found if match}


def graded_cells(cell: NotebookNode, solved: dict[str, str]) -> Iterator[NotebookNode]:
    """What stands in the place of a learner's cell: where it asks or judges, cells that nbgrader knows."""
    if match := ANSWER.fullmatch(cell.source):
        name = variable(match["id"])
        yield to_write(match["id"], f"{name} = {match['answer']}", f"{name} = {solved[match['id']]}")
        yield to_judge(match["id"], f'answer("{match["id"]}", {name})')
    elif match := CHECK.fullmatch(cell.source):
        if match["answer"]:
            yield to_write(match["id"], match["answer"], solved[match["id"]])
        yield to_judge(match["id"], f"check({match['id']})")
    elif id := repaired(cell, solved):
        yield to_write(id, cell.source, solved[id])
    else:
        yield cell


def variable(id: str) -> str:
    """The name for a value that is asked for; the lessons use none that ends like it."""
    return f"{id.replace('-', '_')}_answer"


def repaired(cell: NotebookNode, solved: dict[str, str]) -> str:
    """The exercise whose broken code a cell holds, if it does."""
    defined = re.findall(r"^(?:def|class) (\w+)", cell.source, re.MULTILINE) if cell.cell_type == "code" else []
    return next((name for name in reversed(defined) if name in solved), "")


def to_write(id: str, given: str, solution: str) -> NotebookNode:
    return known_cell(id, SOLUTION.format(given, solution), solution=True)


def to_judge(id: str, source: str) -> NotebookNode:
    return known_cell(id + JUDGE, source, grade=True, locked=True, points=1)


def known_cell(grade_id: str, source: str, **special: Any) -> NotebookNode:
    """A cell with the metadata of nbgrader 0.9."""
    plain = {"grade": False, "locked": False, "solution": False, "task": False, "schema_version": 3}
    metadata = {"nbgrader": {"grade_id": grade_id, **plain, **special}}
    cell: NotebookNode = new_code_cell(source, id=cell_name("code", source), metadata=metadata)
    return cell
