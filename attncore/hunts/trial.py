"""Run a file, and see what of it is healthy: all of it, or one unit among healthy others.

A unit is tried alone: everything else that the healthy file defines takes the place of what the file has under that
name, and what the file has beside (a new helper) stays. So each bug is judged by what its unit does, however it is
written and whatever else is still sick.
"""

import linecache
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

import numpy as np

from attncore.grading.run import TimeUp, quietly, within
from attncore.hunts.planting import Kind, units

SECONDS = 20.0  # for all scenarios
Outcomes = dict[str, Any]


class Raised(str):
    """What a scenario ended with in place of a result."""


def module_of(source: str, name: str = "model") -> ModuleType:
    """The module that a file is. Raises whatever the file raises."""
    filename = f"{name}.py"
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    module = ModuleType(name)
    module.__file__ = filename
    exec(compile(source, filename, "exec"), module.__dict__)
    return module


def alone(source: str, unit: str, healthy: str) -> ModuleType:
    """The healthy file with one unit of another. Raises KeyError where that has no such unit."""
    module = module_of(source)
    kept = module.__dict__[unit]
    exec(compile(healthy, "model.py", "exec"), module.__dict__)
    module.__dict__[unit] = kept
    return module


def outcomes(module: ModuleType, kind: Kind) -> Outcomes:
    """What every scenario gives, or how it ends."""
    scenarios = kind.rig.scenarios(module)
    found: Outcomes = {}

    def work() -> None:
        for name, scenario in scenarios.items():
            found[name] = outcome(scenario)

    try:
        with quietly():
            within(SECONDS, work)
    except TimeUp:
        pass
    return {name: found.get(name, Raised(f"takes longer than {SECONDS:g} seconds")) for name in scenarios}


def outcome(scenario: Callable[[], Any]) -> Any:
    try:
        return scenario()
    except TimeUp:
        raise
    except BaseException as problem:
        return Raised(f"raises {type(problem).__name__}: {problem}"[:200])


def departures(found: Outcomes, healthy: Outcomes) -> list[str]:
    """The scenarios in which a file gives something else than the healthy one."""
    return [name for name, expected in healthy.items() if not same(found[name], expected)]


def same(one: Any, other: Any) -> bool:
    """Are two results equal, up to the rounding of another order of operations?"""
    if isinstance(one, Raised) or isinstance(other, Raised):
        return isinstance(one, Raised) and isinstance(other, Raised)
    if isinstance(other, list | tuple):
        return isinstance(one, list | tuple) and len(one) == len(other) and all(map(same, one, other))
    if isinstance(other, bool | int | str | None):
        return bool(one == other)
    try:
        left, right = np.asarray(one, dtype=float), np.asarray(other, dtype=float)
    except (TypeError, ValueError):
        return False
    return left.shape == right.shape and np.allclose(left, right, rtol=1e-6, atol=1e-9, equal_nan=True)


def healthy_units(source: str, kind: Kind, among: Iterable[str], expected: Outcomes) -> list[str]:
    """Those units that do what the healthy file's do, each tried alone."""
    return [unit for unit in among if not departures(tried_alone(source, unit, kind), expected)]


def tried_alone(source: str, unit: str, kind: Kind) -> Outcomes:
    try:
        with quietly():
            module = alone(source, unit, kind.healthy)
    except BaseException as problem:
        return dict.fromkeys(kind.rig.scenarios(module_of(kind.healthy)), Raised(type(problem).__name__))
    return outcomes(module, kind)


def changed_units(source: str, sick: str) -> list[str]:
    """The units of the sick file that a file has changed or dropped, whatever their layout."""
    import ast

    before, after = units(sick), units(source)
    return [name for name, node in before.items() if name not in after or ast.dump(after[name]) != ast.dump(node)]
