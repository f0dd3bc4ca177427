"""The report of a run of a sick file: what it shows, beside what the healthy one does."""

import textwrap
from functools import cache
from typing import Any

from attncore.grading.run import TimeUp, first_line, quietly, within
from attncore.hunts.planting import Kind
from attncore.hunts.trial import module_of

SECONDS = 20.0


def told(source: str, kind: Kind) -> str:
    """The report, a line or a paragraph for each thing that was measured."""
    expected = measured(kind)
    try:
        with quietly():
            shown = within(SECONDS, lambda: kind.rig.symptoms(module_of(source)))
    except TimeUp:
        return f"The run was stopped after {SECONDS:g} seconds."
    except Exception as problem:
        return f"The run ends with {type(problem).__name__}: {first_line(problem)}"
    return "\n".join(line(name, value, expected[name]) for name, value in shown.items())


@cache
def measured(kind: Kind) -> dict[str, Any]:
    """What the healthy file shows."""
    return dict(kind.rig.symptoms(module_of(kind.healthy)))


def line(name: str, value: Any, expected: Any) -> str:
    if isinstance(expected, str):
        return f"{name}:\n{quoted(value)}\n  and of a healthy file:\n{quoted(expected)}"
    return f"{name}: {figures(value)} (a healthy file: {figures(expected)})"


def quoted(text: str) -> str:
    return textwrap.indent(textwrap.fill(" ".join(text.split()), 76), "    | ")


def figures(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {figures(part)}" for name, part in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(figures, value))
    return f"{value:.3g}" if isinstance(value, float) else str(value)
