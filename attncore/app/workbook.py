"""The learner's working copy: copied from the rendered notebooks, never overwritten once edited."""

import hashlib
import json
import shutil
from difflib import get_close_matches
from pathlib import Path

from attncore.app.places import NOTEBOOKS, SOLUTIONS

COPIED = Path(".attncore") / "copied.json"


def copy_notebooks(workbook: Path) -> list[str]:
    """Bring the working copy up to date; return a sentence for each notebook that is kept though it is broken.

    A notebook that is new, or that nobody has touched since it was copied, is copied; any other stays as it is.
    """
    workbook.mkdir(parents=True, exist_ok=True)
    known = read_copied(workbook)
    broken = []
    for source in [*sorted(NOTEBOOKS.glob("*.ipynb")), *sorted(SOLUTIONS.glob("*.ipynb"))]:
        name = source.name if source.parent == NOTEBOOKS else f"solutions/{source.name}"
        target = workbook / name
        if not target.exists() or known.get(name) == fingerprint(target):
            target.parent.mkdir(exist_ok=True)
            shutil.copyfile(source, target)
            known[name] = fingerprint(target)
        elif not readable(target):
            broken.append(
                f'{target} cannot be read as a notebook; reset("{source.stem}") restores it and keeps this file.'
            )
    write_copied(workbook, known)
    return broken


def read_copied(workbook: Path) -> dict[str, str]:
    try:
        return dict(json.loads((workbook / COPIED).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


def write_copied(workbook: Path, known: dict[str, str]) -> None:
    (workbook / COPIED).parent.mkdir(exist_ok=True)
    (workbook / COPIED).write_text(json.dumps(known, indent=1), encoding="utf-8")


def fingerprint(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def readable(path: Path) -> bool:
    try:
        return "cells" in json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False


def restore(lesson: str, workbook: Path | None = None) -> str:
    """Put a lesson's notebook back as it was; the old one stays beside it under a new name.

    Raises ValueError, with the nearest name, where there is no such lesson.
    """
    workbook = workbook or Path.cwd()
    source = NOTEBOOKS / f"{lesson}.ipynb"
    if not source.exists():
        lessons = [path.stem for path in sorted(NOTEBOOKS.glob("*.ipynb"))]
        near = get_close_matches(str(lesson), lessons, n=1, cutoff=0.4)
        meant = f'Did you mean "{near[0]}"?' if near else f"There are {', '.join(lessons)}."
        raise ValueError(f'There is no lesson "{lesson}". {meant}')
    target = workbook / source.name
    kept_as = ""
    if target.exists():
        number = 1
        while (kept := workbook / f"{lesson}.old-{number}.ipynb").exists():
            number += 1
        target.rename(kept)
        kept_as = f"; your version is kept as {kept.name}"
    shutil.copyfile(source, target)
    known = read_copied(workbook)
    known[source.name] = fingerprint(target)
    write_copied(workbook, known)
    return f"{target.name} is as it was{kept_as}. Close its tab and open it again."
