"""Where the course lies: in a checkout beside the package, in a wheel inside it."""

from pathlib import Path

PACKAGE = Path(__file__).parents[1]
COURSE = PACKAGE.parent if (PACKAGE.parent / "course.py").exists() else None  # the checkout, if this is one
NOTEBOOKS = (COURSE or PACKAGE) / "notebooks"
SOLUTIONS = (COURSE or PACKAGE) / "solutions"
