"""`attncore doctor`: look at what the course needs on this machine, and say in a sentence what is missing."""

import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from pathlib import Path
from subprocess import DEVNULL

from attncore.app.lab import open_already, port_trouble
from attncore.app.places import NOTEBOOKS, SOLUTIONS, progress_place
from attncore.app.progress import Progress
from attncore.app.receipt import receipt

ROOM = 100 * 2**20  # bytes: a working copy with all its pictures, and JupyterLab's own files
PORT = 8888  # where JupyterLab looks first
PATIENCE = 30  # seconds for a kernel to start
PROBE = "import sys, attncore; print(sys.executable, 1 + 1)"


class Missing(Exception):
    """What is missing, in a sentence, and what helps."""


def doctor(workbook: Path, with_receipt: bool = False) -> int:
    """Print what was looked at, a line each; the exit status is 1 where something is missing.

    With a receipt, that is all of the standard output where nothing is missing, and the rest goes to standard error.
    """
    aside = sys.stderr if with_receipt else sys.stdout
    failed = 0
    for examine in EXAMINATIONS:
        try:
            print("ok     ", examine(workbook), file=aside, flush=True)
        except (Missing, ModuleNotFoundError) as problem:
            print("missing", problem, flush=True)
            failed += 1
    if failed:
        print(f"\nThe course can't run as it should: {failed} of {len(EXAMINATIONS)} things need your attention.")
    else:
        print("\nThe course has everything it needs.", file=aside)
        if with_receipt:
            print(receipt())
    return int(failed > 0)


def python(_workbook: Path) -> str:
    from packaging.specifiers import SpecifierSet

    here, wanted = ".".join(map(str, sys.version_info[:3])), pythons_wanted()
    if here not in SpecifierSet(wanted):
        raise Missing(f"This is Python {here}; the course needs {wanted}.")
    return f"Python {here} ({sys.executable})"


def pythons_wanted() -> str:
    """The versions of Python that the course says it needs."""
    try:
        return str(metadata("attncore")["Requires-Python"])
    except PackageNotFoundError:
        raise Missing("The course is not installed in this Python. In a checkout: python course.py lab") from None


def packages(_workbook: Path) -> str:
    needed = requires("attncore") or []
    if problems := list(package_problems(needed)):
        raise Missing(" ".join(problems) + " Installing the course again mends that.")
    return "the packages that the course needs, in versions that it works with"


def package_problems(needed: list[str]) -> Iterator[str]:
    """A sentence for each package that is missing or of another version."""
    from packaging.requirements import Requirement

    for requirement in map(Requirement, needed):
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            found = version(requirement.name)
        except PackageNotFoundError:
            yield f"{requirement.name} is not installed."
            continue
        if not requirement.specifier.contains(found, prereleases=True):
            yield f"{requirement.name} is {found}, and the course needs {requirement.specifier}."


def judge(_workbook: Path) -> str:
    try:
        from attncore.grading import judge
        from attncore.softmax import softmax

        outcomes = [judge("softmax", answer).outcome for answer in (softmax, lambda scores: scores)]
    except Exception as error:  # whatever a broken installation raises
        raise Missing(f"The judge does not run: {type(error).__name__}: {error}") from None
    if outcomes != ["right", "wrong"]:
        raise Missing(f"The judge calls a right softmax {outcomes[0]} and a wrong one {outcomes[1]}.")
    return "the judge: it accepts a right softmax and refuses a wrong one"


def kernel(_workbook: Path) -> str:
    try:
        said = in_a_kernel(PROBE)
    except Exception as error:  # Jupyter raises many kinds: no kernel of that name, a process that died, a time-out
        raise Missing(f"No notebook kernel starts: {type(error).__name__}: {error}") from None
    if not said.endswith(" 2"):
        raise Missing(
            f"The notebook kernel can't import the course: {said} `jupyter kernelspec list` shows where it is."
        )
    return f"a notebook kernel starts and computes ({said.removesuffix(' 2')})"


def in_a_kernel(code: str) -> str:
    """What a new kernel prints when it runs a line, or the error that it raises."""
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(startup_timeout=PATIENCE, cwd=tempfile.gettempdir(), stderr=DEVNULL)
    said: list[str] = []

    def listen(message: dict[str, dict[str, str]]) -> None:
        content = message["content"]
        said.append(content.get("text") or ": ".join(filter(None, (content.get("ename"), content.get("evalue")))))

    try:
        client.execute_interactive(code, timeout=PATIENCE, output_hook=listen)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    return "".join(said).strip()


def notebooks(_workbook: Path) -> str:
    from attncore.exercises import LESSONS

    lost = [folder / f"{name}.ipynb" for folder in (NOTEBOOKS, SOLUTIONS) for name in LESSONS]
    lost = [path for path in lost if not path.exists()]
    if lost:
        raise Missing(f"{len(lost)} notebooks of the course are gone, such as {lost[0]}. Install the course again.")
    return f"the notebooks of {len(LESSONS)} lessons and their solutions"


def working_copy(workbook: Path) -> str:
    existing = next(folder for folder in (workbook, *workbook.absolute().parents) if folder.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        raise Missing(
            f"Nothing can be written in {existing}: {error.strerror}. --workbook names another folder."
        ) from None
    free = shutil.disk_usage(existing).free
    if free < ROOM:
        raise Missing(f"The disk of {existing} has {free / 2**20:.0f} MB left; the course needs {ROOM / 2**20:.0f} MB.")
    return f"the working copy {workbook} can be written"


def progress(workbook: Path) -> str:
    path = progress_place(workbook)
    if not path.exists():
        return "no progress yet: the first check begins it"
    try:
        tried = len(Progress(path).outcomes())
    except (OSError, sqlite3.Error) as error:
        raise Missing(f"Your progress, {path}, can't be read: {error}. Move it away and a new one begins.") from None
    return f"your progress: exercises tried so far: {tried}"


def port(workbook: Path) -> str:
    if address := open_already(workbook):
        return f"the lab is open at {address}"
    if not port_trouble(PORT):
        return f"port {PORT} is free"
    if port_trouble(0):
        raise Missing("No port of this machine can be listened on, so JupyterLab can't start.")
    return f"port {PORT} is taken, so the lab will open on the next one that is free"


Examination = Callable[[Path], str]
EXAMINATIONS: list[Examination] = [python, packages, judge, kernel, notebooks, working_copy, progress, port]
