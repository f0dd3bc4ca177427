"""`attncore check FILE...`: the verdicts on files from anybody, as text or as JSON, once or at every save."""

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attncore.grading.hear import hear
from attncore.grading.reading import FILE, SUFFIXES, Source, Unreadable, read, source_of

if TYPE_CHECKING:
    from attncore.grading.report import Report

COUNTED = {"right": "right", "edge": "right with an open corner", "wrong": "wrong", "raised": "raised"}
COUNTED |= {"unattempted": "not attempted"}
DONE = ("right", "edge")
CLEAR = "\033[2J\033[H"
TOLD = 8  # sentences, in the text; the JSON has all of them


@dataclass(frozen=True)
class Checked:
    """One file and all that is said of it; `error` where there is nothing to judge."""

    file: str
    reports: "list[Report]" = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    broken: bool = False
    error: str = ""

    def status(self, strict: bool) -> int:
        """0 where all that was attempted is right, 1 where something is not, 2 where nothing was judged."""
        outcomes = {report.outcome for report in self.reports}
        if self.broken or outcomes & {"wrong", "raised"} or (strict and "edge" in outcomes):
            return 1
        return 0 if outcomes & set(DONE) else 2

    def as_json(self) -> dict[str, Any]:
        if self.error:
            return {"file": self.file, "error": self.error}
        keys = ("exercise", "outcome", "mistake", "edges", "convention", "message")
        results = [{key: getattr(report, key) for key in keys} for report in self.reports]
        return {"file": self.file, "results": results, "told": self.told}

    def as_text(self) -> str:
        more = [f"And {len(self.told) - TOLD} more statements failed."] if len(self.told) > TOLD else []
        judged = [report.message for report in self.reports if report.outcome != "unattempted" or says_more(report)]
        nothing = [] if judged else ["Nothing is attempted yet, so nothing was judged."]
        return "\n\n".join([*judged, *map(sentence, [*self.told[:TOLD], *more, *nothing]), self.counts()])

    def counts(self) -> str:
        counts = Counter(report.outcome for report in self.reports)
        return ", ".join(f"{counts[outcome]} {words}" for outcome, words in COUNTED.items() if counts[outcome])


def says_more(report: "Report") -> bool:
    """Is there work in an answer that counts as not attempted? A `return` may be missing."""
    return not report.message.endswith("not attempted yet.")


def add_check(verbs: Any) -> None:
    parser = verbs.add_parser("check", help="judge the answers in notebooks and Python files")
    parser.add_argument("files", nargs="+", metavar="FILE", help="a notebook, a Python file, a folder; - reads a pipe")
    parser.add_argument("--json", action="store_true", help="the verdicts as JSON")
    parser.add_argument("--strict", action="store_true", help="exit status 1 for an open corner, too")
    parser.add_argument("--watch", action="store_true", help="judge one file at every save, exercise by exercise")
    parser.set_defaults(run=check_files)


def check_files(chosen: argparse.Namespace) -> int:
    """Judge files, print what is said of them, and return the exit status: of several files, the largest."""
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # a console of old, an odd name
    try:
        if chosen.watch:
            return watch(chosen.files, partial(time.sleep, 0.3))
        return judge_all(chosen)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # whoever reads has seen enough
        sys.stderr.close()
        return 1


def judge_all(chosen: argparse.Namespace) -> int:
    several = len(chosen.files) > 1 or Path(chosen.files[0]).is_dir()
    found: list[Checked] = []
    for name in chosen.files:
        for checked in checked_in(name):
            found.append(checked)
            if not chosen.json:
                show(checked, several)
    if chosen.json:
        everything = [checked.as_json() for checked in found]
        print(json.dumps({"files": everything} if several else everything[0], indent=2))
    return max(checked.status(chosen.strict) for checked in found)


def show(checked: Checked, several: bool) -> None:
    if checked.error:
        print(checked.error, file=sys.stderr, flush=True)
    else:
        head = f"== {checked.file}\n\n" if several else ""
        print(f"{head}{checked.as_text()}", end="\n\n" if several else "\n", flush=True)


def checked_in(name: str) -> Iterator[Checked]:
    """A file; or those below a folder, in order, without hidden ones."""
    folder = Path(name)
    if name == "-" or not folder.is_dir():
        yield checked(name)
        return
    below = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    files = [path for path in below if not any(part.startswith(".") for part in path.relative_to(folder).parts)]
    if not files:
        yield Checked(name, error=f"{name} holds no notebook (.ipynb) and no Python file (.py).")
    yield from (checked(str(path)) for path in files)


def checked(name: str) -> Checked:
    """Judge one file, each refusal a sentence."""
    try:
        source = read_input() if name in ("-", "/dev/stdin") else read(Path(name))
        heard = hear(source)
        from attncore.grading.submission import judged  # and NumPy with it, for a file that can be read

        found = judged(source.name, heard)
    except Unreadable as problem:
        return Checked(name, error=str(problem))
    return Checked(name, found.reports, found.told, found.broken)


def read_input() -> Source:
    return source_of(sys.stdin.buffer.read(FILE + 1), "standard input", str(Path.cwd()))


def watch(files: list[str], pause: Callable[[], None]) -> int:
    """Judge a file at every save, and show the first exercise that is not done, until it is interrupted."""
    if len(files) != 1 or not Path(files[0]).is_file():
        print("--watch takes one file: a notebook, or a Python file.", file=sys.stderr)
        return 2
    while True:
        saved = stamp(Path(files[0]))
        found = checked(files[0])
        print(f"{CLEAR if sys.stdout.isatty() else ''}{next_step(found)}", flush=True)
        while stamp(Path(files[0])) == saved:
            pause()


def stamp(path: Path) -> tuple[int, int]:
    """What changes with every save; an editor may take a file away for a moment."""
    try:
        found = path.stat()
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size


def next_step(found: Checked) -> str:
    """The first exercise that is not done, and how far that is."""
    if found.error:
        return found.error
    open_ones = [report for report in found.reports if report.outcome not in DONE]
    count, done = len(found.reports), len(found.reports) - len(open_ones)
    bar = "█" * round(20 * done / count)
    corners = [report.message for report in found.reports if report.outcome == "edge"]
    lines = [open_ones[0].message] if open_ones else [*corners, "Everything in this file is done."]
    return "\n\n".join([*lines, *map(sentence, found.told[:TOLD]), f"{bar:░<20} {done} of {count} done"])


def sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
