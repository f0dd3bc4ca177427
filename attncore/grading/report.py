"""What a learner is told: one object, shown as plain text or as a panel, always in the same order."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from html import escape
from typing import Any

import numpy as np

from attncore.exercises.exercise import count_numbers
from attncore.look import BLUE, GREY, INK, ORANGE, WASH

TONES = {"right": BLUE, "wrong": ORANGE, "raised": ORANGE, "unattempted": GREY, "info": GREY}
PANEL = f"border-left:4px solid {{}};padding:.5em .9em;margin:.3em 0;max-width:60em;line-height:1.45;{INK}"
STYLES = {
    "head": "margin:.2em 0;font-weight:600",
    "input": f"margin:.3em 0;padding:.4em .6em;background:{WASH};color:inherit;overflow-x:auto;line-height:1.35",
}
MARKS = {"right": "✓", "wrong": "✗", "raised": "✗", "unattempted": "○"}


@dataclass
class Panel:
    """Lines of (role, text), to be read in order. Roles: head, why, case, input (kept as typed), where, next."""

    tone: str
    lines: list[tuple[str, str]] = field(default_factory=list)

    @property
    def message(self) -> str:
        """All of it as plain text."""
        return "\n".join(text for _, text in self.lines)

    def __repr__(self) -> str:
        return self.message

    def _repr_html_(self) -> str:
        mark = f'<span aria-hidden="true">{MARKS[self.tone]}</span> ' if self.tone in MARKS else ""
        parts = []
        for place, (role, text) in enumerate(self.lines):
            tag = "pre" if role == "input" else "p"
            style = STYLES.get(role, "margin:.2em 0")
            parts.append(f'<{tag} style="{style}">{mark if place == 0 else ""}{escape(text)}</{tag}>')
        return f'<div role="status" style="{PANEL.format(TONES[self.tone])}">{"".join(parts)}</div>'


class Report(Panel):
    """The verdict on one answer. `outcome` is "right", "wrong", "raised" or "unattempted".

    `mistake` is the label of the labelled wrong solution that the answer equals, `convention` the name of another
    valid convention that it follows; each is None where there is none.
    """

    def __init__(
        self,
        exercise: str,
        outcome: str,
        lines: list[tuple[str, str]],
        mistake: str | None = None,
        convention: str | None = None,
    ):
        super().__init__(outcome, lines)
        self.exercise, self.outcome, self.mistake, self.convention = exercise, outcome, mistake, convention


def show_arguments(given: dict[str, Any]) -> str:
    """The arguments, one a line, as a learner would type them; large arrays by their shape."""
    longest = 40 if count_numbers(tuple(given.values())) <= 150 else 12
    return "\n".join(f"{name} = {show(value, len(name) + 3, longest)}" for name, value in spread(given.items()))


def spread(items: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    """Tuples taken apart: weights.W_query, weights.attention.W_query, masks[0]."""
    for name, value in items:
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            yield from spread((f"{name}.{field}", item) for field, item in zip(value._fields, value, strict=True))
        elif isinstance(value, tuple) and value:
            yield from ((f"{name}[{place}]", item) for place, item in enumerate(value))
        else:
            yield name, value


def show(value: Any, indent: int, longest: int) -> str:
    if isinstance(value, np.ndarray):
        if value.size > longest:
            return f"an array of shape {value.shape}"
        if value.ndim > 2 and value.shape[-1] == 1:
            return f"{show(value[..., 0], indent, longest)}[..., None]"
        large = value.dtype.kind == "f" and np.abs(value[np.isfinite(value)]).max(initial=0) >= 1e4
        text = np.array2string(value, precision=4, suppress_small=not large, separator=", ", prefix=" " * indent)
        return re.sub(r"\n+", "\n", text)
    if isinstance(value, np.generic):
        return repr(value.item())
    if isinstance(value, np.random.Generator):
        return "a Generator"
    return getattr(value, "__name__", repr(value)) if callable(value) else repr(value)
