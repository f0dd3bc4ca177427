"""Where things are: the course, the learner's working copy, and what is kept of the learner's work."""

from pathlib import Path

PACKAGE = Path(__file__).parents[1]
COURSE = PACKAGE.parent if (PACKAGE.parent / "course.py").exists() else None  # the checkout, if this is one
NOTEBOOKS = (COURSE or PACKAGE) / "notebooks"
SOLUTIONS = (COURSE or PACKAGE) / "solutions"
WORKBOOK = COURSE / "workbook" if COURSE else Path.home() / "attncore-workbook"  # where nobody names another
COPIED = ".attncore/copied.json"  # in every working copy, and nowhere else


def workbook_here() -> Path:
    """The working copy that the current folder lies in; from any other folder, the course's own."""
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if (folder / COPIED).exists()), WORKBOOK)


def progress_place(workbook: Path) -> Path:
    """The file that keeps what was done in a working copy."""
    return workbook / ".attncore" / "progress.sqlite"
