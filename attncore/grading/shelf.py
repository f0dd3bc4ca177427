"""What of the course a stranger's answer may have: the mathematics taught before it, and never what it asks for.

Modules travel as text. Out of each are cut the function that is judged, all that calls it, and what is taught later; so
there is nothing to be read off. What the answer's own reference calls is always there.
"""

import ast
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from attncore.exercises import LESSONS, Code, Exercise, exercises
from attncore.grading.pieces import names_bound
from attncore.grading.slices import names_read

HOME = Path(__file__).parents[1]
TAUGHT = tuple(lesson[3:] for lesson in LESSONS if (HOME / f"{lesson[3:]}.py").exists())
# What observes an answer; none of it knows a reference. A name with nothing behind it is an empty package.
ROOMS = ("exercises", "grading", "app")
TOOLS = (
    "shapes",
    "exercises.exercise",
    *(f"grading.{name}" for name in ("errand", "observe", "pieces", "reading", "run", "shell", "slices", "walls")),
    *("grading.warm", "grading.wire"),
)
APART = ("__init__", "example", "loops", "look", "shapes", "recorded", "tiny_gpt", "words")  # nothing to hand out
# What answers an exercise without calling what it asks for.
SAME = {
    "KVCache": ("exercises/fixtures", "PlainCache"),
    "latent_attention_absorbed": ("shared_heads", "latent_attention"),
    "linear_attention_recurrent": ("recurrent", "linear_attention"),
}
HELPERS = ("exercises/fixtures", "exercises/drivers")  # what cases hand over, and how answers are called
SILENT = """
import importlib


class Course:
    def __getattr__(self, name):
        if name not in HOMES:
            raise AttributeError(name)
        return getattr(importlib.import_module("attncore." + HOMES[name]), name)


yours = Course()  # here nobody's own is right yet


def __getattr__(verb):
    if verb.startswith("__"):
        raise AttributeError(verb)
    return lambda *args, **given: None
"""
MISSING = """

def __getattr__(name):
    if name not in {names}:
        raise AttributeError(name)

    def missing(*args, **kwargs):
        raise RuntimeError(name + " is not at hand here: it is what is judged, it computes that, or it comes later")

    missing.__name__ = name
    return missing
"""


@dataclass(frozen=True)
class Definition:
    """Something that a module of the mathematics defines: its lines, and the definitions that it reads."""

    module: str
    defines: frozenset[tuple[str, str]]
    lines: range
    reads: frozenset[tuple[str, str]]
    is_class: bool


def tools() -> dict[str, str]:
    """The modules with which every child begins, by name."""
    found = {f"attncore.{room}": "" for room in ROOMS}
    found |= {f"attncore.{tool}": text_of(tool.replace(".", "/")) for tool in TOOLS}
    return {"attncore": text_of("__init__"), **found, "attncore.app.cell": f"HOMES = {homes()}\n{SILENT}"}


def homes() -> dict[str, str]:
    """The module of each function that is asked."""
    return {exercise.id: exercise.lesson[3:] for exercise in exercises if exercise.kind == "code"}


def text_of(module: str) -> str:
    return (HOME / f"{module}.py").read_text(encoding="utf-8")


def shelf(exercise: Exercise) -> dict[str, str]:
    """The mathematics for one exercise, module by module; who asks for what was cut out is told so."""
    with one_at_a_time:
        return filled(exercise)


one_at_a_time = threading.Lock()  # Python 3.11 raises SystemError where two threads parse at once


@cache
def filled(exercise: Exercise) -> dict[str, str]:
    book = definitions()
    topic, asked = exercise.lesson[3:], exercise.reference.__name__ if isinstance(exercise, Code) else ""
    own = [place for place, d in enumerate(book) if (d.module, asked) in d.defines]
    of_lesson = [place for place, d in enumerate(book) if d.module == topic]
    stop = own[0] if own else max(of_lesson, default=len(book) - 1) + 1
    open_ = {place for place in range(stop) if book[place].module in TAUGHT}
    open_ |= reached(book, own) | {place for place, d in enumerate(book) if d.is_class}
    answers = {place for place, d in enumerate(book) if place in own or SAME.get(exercise.id) in d.defines}
    open_ -= {place for place in open_ if answers & (reached(book, [place]) | {place})}
    texts = {
        module: cut(module, [d for p, d in enumerate(book) if d.module == module and p not in open_])
        for module in dict.fromkeys(d.module for d in book)
    }
    for module in HELPERS:
        texts[module] = cut(module, [d for d in defined_in(module) if SAME.get(exercise.id) in d.defines])
    return {f"attncore.{module.replace('/', '.')}": text for module, text in texts.items()}


def reached(book: list[Definition], start: list[int]) -> set[int]:
    """The places of all that these definitions read, and what that reads in turn."""
    at = {name: place for place, d in enumerate(book) for name in d.defines}
    found: set[int] = set()
    places = list(start)
    for place in places:
        new = {at[name] for name in book[place].reads if name in at} - found
        found |= new
        places += new
    return found


@cache
def definitions() -> list[Definition]:
    """All that the modules of the mathematics define, in the order in which it is taught; what is not taught, last."""
    rest = sorted(path.stem for path in HOME.glob("*.py") if path.stem not in (*TAUGHT, *APART))
    return [definition for module in (*TAUGHT, *rest) for definition in defined_in(module)]


def defined_in(module: str) -> Iterator[Definition]:
    tree = ast.parse(text_of(module))
    names = {name: (module, name) for node in tree.body for name in names_bound(node)}
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("attncore."):
            home = str(node.module).removeprefix("attncore.")
            names |= {alias.asname or alias.name: (home, alias.name) for alias in node.names}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign):
            first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])
            lines = range(first - 1, node.end_lineno or first)
            read = set().union(*names_read(ast.unparse(node)))
            reads = frozenset(names[name] for name in read if name in names)
            defines = frozenset((module, name) for name in names_bound(node))
            yield Definition(module, defines, lines, reads - defines, isinstance(node, ast.ClassDef))


def cut(module: str, hidden: list[Definition]) -> str:
    """A module's text without some of its definitions, on the same lines; of one without any, nothing is left."""
    lines = text_of(module).split("\n")
    for definition in hidden:
        for line in definition.lines:
            lines[line] = ""
    missing = MISSING.format(names={name for d in hidden for _, name in d.defines})
    return missing if hidden == list(defined_in(module)) else "\n".join(lines) + missing
