"""What a hunt is made of: a healthy file, the bugs that can be planted in it, and how they get there."""

import ast
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType

HERE = Path(__file__).parent
LEVELS = ("basic", "intermediate", "senior", "staff")
FRAMEWORKS = ("numpy", "torch")


@dataclass(frozen=True)
class Bug:
    """One mistake, as data: in which unit of the file (a function, a class, a constant) which text becomes which.

    `line` is its first line in a sick file, 0 before it is planted.
    """

    label: str
    unit: str
    before: str
    after: str
    why: str
    level: str
    line: int = 0


@dataclass(frozen=True, eq=False)
class Kind:
    """One kind of file in one framework. `stages` says of each unit in which part of the file it stands."""

    name: str
    framework: str
    healthy: str
    bugs: tuple[Bug, ...]
    stages: dict[str, str]

    @property
    def rig(self) -> ModuleType:
        """What makes a file of this kind run: `scenarios(module)`, `symptoms(module)`."""
        return import_module(f"attncore.hunts.{self.name}.rig{suffix(self.framework)}")


def suffix(framework: str) -> str:
    return "" if framework == "numpy" else f"_{framework}"


def names(framework: str = "numpy") -> list[str]:
    """The kinds of file that there are in a framework."""
    return sorted(path.parent.name for path in HERE.glob(f"*/model{suffix(framework)}.py"))


@cache
def kind_named(name: str, framework: str) -> Kind:
    folder = HERE / name
    data = tomllib.loads((folder / f"bugs{suffix(framework)}.toml").read_text(encoding="utf-8"))
    healthy = (folder / f"model{suffix(framework)}.py").read_text(encoding="utf-8")
    return Kind(name, framework, healthy, tuple(Bug(**bug) for bug in data["bug"]), data["stages"])


def units(source: str) -> dict[str, ast.stmt]:
    """What a file defines at its top level, by name. Raises SyntaxError where it is no Python."""
    found: dict[str, ast.stmt] = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found[node.name] = node
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found[node.targets[0].id] = node
    return found


def planted(healthy: str, bugs: Sequence[Bug]) -> tuple[str, list[Bug]]:
    """The file with these bugs in it, and the bugs with their lines, in the order of the file.

    Raises ValueError where the text of a bug does not stand exactly once in its unit.
    """
    places = sorted((place(healthy, bug), bug) for bug in bugs)
    source = healthy
    for start, bug in reversed(places):
        source = source[:start] + bug.after + source[start + len(bug.before) :]
    grown, found = 0, []
    for start, bug in places:
        found.append(replace(bug, line=source.count("\n", 0, start + grown) + 1))
        grown += len(bug.after) - len(bug.before)
    return source, found


def place(healthy: str, bug: Bug) -> int:
    """Where in a healthy file the text of a bug begins."""
    node = units(healthy)[bug.unit]
    lines = healthy.splitlines(keepends=True)
    start = len("".join(lines[: node.lineno - 1]))
    unit = "".join(lines[node.lineno - 1 : node.end_lineno])
    if unit.count(bug.before) != 1:
        raise ValueError(f'"{bug.label}": its text stands {unit.count(bug.before)} times in {bug.unit}')
    return start + unit.index(bug.before)
