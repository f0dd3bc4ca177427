"""The learner's working copy: copied from the rendered notebooks, never overwritten once edited."""

import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

from attncore.app.places import COPIED, NOTEBOOKS, SOLUTIONS, workbook_here

RENAMED = {"16_interpret": "19_interpret", "17_real_model": "20_real_model"}  # lessons that had another number

Cells = list[tuple[str, str, str]]  # of each cell its type, source and id


def copy_notebooks(workbook: Path) -> list[str]:
    """Bring the working copy up to date; return the sentences that the learner needs to know.

    What nobody has edited is brought up to date, though it was run. What was edited stays as it is.
    """
    workbook.mkdir(parents=True, exist_ok=True)
    known = read_copied(workbook)
    told = list(move_renamed(workbook, known))
    for source in sorted(NOTEBOOKS.glob("*.ipynb")):
        told += bring(source, workbook, source.name, known)
    for source in sorted(SOLUTIONS.glob("*.ipynb")):
        bring_solution(source, workbook, f"solutions/{source.name}", known)
    write_copied(workbook, known)
    return told


def bring(source: Path, workbook: Path, name: str, known: dict[str, str]) -> list[str]:
    """Bring one lesson up to date; return a sentence where it stays as it is though the course's is another."""
    target, edition = workbook / name, fingerprint(source)
    if target.exists():
        if not readable(target):
            return [f'{target} cannot be read as a notebook; reset("{source.stem}") restores it and keeps this file.']
        if fingerprint(target) == edition:  # it may have been run: its outputs stay
            known[name] = edition
            return []
        if not untouched(target, known.get(name, "")):
            newer = known.get(name, edition) != edition
            text = f'{source.stem} has a newer edition; reset("{source.stem}") gets it and keeps yours.'
            return [text] if newer else []
    shutil.copyfile(source, target)
    known[name] = edition
    return []


def bring_solution(source: Path, workbook: Path, name: str, known: dict[str, str]) -> None:
    """Bring a solution up to date, its outputs too, unless somebody has edited it."""
    target = workbook / name
    if target.exists() and not untouched(target, known.get(name, "")):
        return
    target.parent.mkdir(exist_ok=True)
    if not target.exists() or target.read_bytes() != source.read_bytes():
        shutil.copyfile(source, target)
    known[name] = fingerprint(source)


def move_renamed(workbook: Path, known: dict[str, str]) -> Iterator[str]:
    """Give what was edited its lesson's new name, drop what was not, and say so."""
    for old, new in [(p + old, p + new) for old, new in RENAMED.items() for p in ("", "solutions/")]:
        path, target = workbook / f"{old}.ipynb", workbook / f"{new}.ipynb"
        edition = known.pop(f"{old}.ipynb", "")
        if not path.exists():
            continue
        if untouched(path, edition):
            path.unlink()
            continue
        if target.exists():
            target = spare(target)
        else:
            known[f"{new}.ipynb"] = edition
        path.rename(target)
        yield f"{old} is called {target.relative_to(workbook).with_suffix('')} now, with all you wrote in it."


def read_copied(workbook: Path) -> dict[str, str]:
    """Of each notebook, by its name, the edition that was copied."""
    try:
        return dict(json.loads((workbook / COPIED).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


def write_copied(workbook: Path, known: dict[str, str]) -> None:
    (workbook / COPIED).parent.mkdir(exist_ok=True)
    (workbook / COPIED).write_text(json.dumps(known, indent=1), encoding="utf-8")


def cells_of(path: Path) -> Cells:
    """The cells that say something: running the last cell adds an empty one. Raises ValueError if it is no notebook."""
    try:
        cells = json.loads(path.read_text(encoding="utf-8-sig"))["cells"]
        every = [(cell["cell_type"], "".join(cell["source"]).strip(), str(cell.get("id"))) for cell in cells]
    except (LookupError, TypeError, AttributeError, RecursionError) as problem:
        raise ValueError(f"{path} is no notebook") from problem
    return [cell for cell in every if cell[1]]


def readable(path: Path) -> bool:
    try:
        cells_of(path)
    except (OSError, ValueError):
        return False
    return True


def fingerprint(path: Path) -> str:
    """What a notebook says, whatever was run in it, and however a front end has written it."""
    sources = [(kind, source) for kind, source, _ in cells_of(path)]
    return "cells:" + hashlib.sha256(json.dumps(sources).encode()).hexdigest()


def untouched(path: Path, edition: str) -> bool:
    """Does a notebook still say what the course had copied?"""
    if not readable(path):
        return False
    if not edition or edition.startswith("cells:"):
        return fingerprint(path) == edition
    # Older records are of the file's bytes, which change when it is run. But a cell was named after its source.
    return all(id.partition("-")[0] == cell_name(kind, source) for kind, source, id in cells_of(path))


def cell_name(kind: str, source: str) -> str:
    """The id of a cell as the course renders it."""
    return hashlib.sha256(f"{kind} {source}".encode()).hexdigest()[:12]


def spare(target: Path) -> Path:
    """The name under which a notebook is kept: 07_heads.old-1.ipynb, or the next that is free."""
    number = 1
    while (kept := target.with_name(f"{target.stem}.old-{number}.ipynb")).exists():
        number += 1
    return kept


def lesson_named(named: object) -> str:
    """The lesson that is meant by "07_heads", "07", 7 or "heads". Raises ValueError, with the nearest name."""
    every = [path.stem for path in sorted(NOTEBOOKS.glob("*.ipynb"))]
    text = str(named).strip().removesuffix(".ipynb")
    text = RENAMED.get(text, text)
    number = f"{int(text):02d}" if re.fullmatch(r"\d{1,2}", text, re.ASCII) else None
    for lesson in every:
        if text in (lesson, lesson[3:]) or number == lesson[:2]:
            return lesson
    near = get_close_matches(text, every, n=1, cutoff=0.4)
    meant = f'Did you mean "{near[0]}"?' if near else f"There are {', '.join(every)}."
    raise ValueError(f'There is no lesson "{named}". {meant}')


def restore(lesson: str, workbook: Path | None = None) -> str:
    """Put a lesson's notebook back as it was, and return a sentence; what was edited is kept under a new name."""
    workbook = workbook or workbook_here()
    name = f"{lesson_named(lesson)}.ipynb"
    target, known, edition = workbook / name, read_copied(workbook), fingerprint(NOTEBOOKS / name)
    kept_as = ""
    if target.exists() and not (untouched(target, known.get(name, "")) or untouched(target, edition)):
        kept = spare(target)
        target.rename(kept)
        kept_as = f"; your version is kept as {kept.name}"
    workbook.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(NOTEBOOKS / name, target)
    write_copied(workbook, known | {name: edition})
    return f"{target.stem} is back to its original{kept_as}."


def restore_beside(lesson: str, workbook: Path) -> str:
    """Put a fresh copy of a lesson beside the learner's, which is open somewhere and may not be saved."""
    fresh = workbook / f"{lesson}.fresh.ipynb"
    shutil.copyfile(NOTEBOOKS / f"{lesson}.ipynb", fresh)
    return f"A fresh copy is in {fresh.name}, beside this notebook, which stays as it is."
