"""What a learner is told: one object, shown as plain text or as a panel, always in the same order."""

import re
from dataclasses import dataclass, field
from html import escape
from inspect import Parameter
from typing import Any

import numpy as np

from attncore.exercises.exercise import Code, Exercise, count_numbers
from attncore.look import BLUE, GREEN, GREY, INK, ORANGE, WASH

TONES = {"right": GREEN, "edge": BLUE, "wrong": ORANGE, "raised": ORANGE, "unattempted": GREY, "info": GREY}
PANEL = f"border-left:4px solid {{}};padding:.5em .9em;margin:.3em 0;max-width:60em;line-height:1.45;{INK}"
STYLES = {
    "where": "margin:.2em 0;white-space:pre-line",  # a line of code may follow
    "head": "margin:.2em 0;font-weight:600",
    "input": f"margin:.3em 0;padding:.4em .6em;background:{WASH};color:inherit;overflow-x:auto;white-space:pre;"
    "line-height:1.35",
}
Lines = list[tuple[str, str]]  # (role, text); roles: head, why, case, input (kept as typed), where, next
MARKS = {"right": "✓", "edge": "✓", "wrong": "✗", "raised": "✗", "unattempted": "○"}


@dataclass(repr=False)
class Panel:
    """Lines to be read in order. `links` says where words in them lead: {"the solution": its address}."""

    tone: str
    lines: Lines = field(default_factory=list)
    links: dict[str, str] = field(default_factory=dict, kw_only=True)

    @property
    def message(self) -> str:
        """All of it as plain text."""
        return "\n".join(text for _, text in self.lines)

    def __repr__(self) -> str:
        return self.message

    def _repr_html_(self) -> str:
        mark = f'<span aria-hidden="true">{MARKS[self.tone]}</span> ' if self.tone in MARKS else ""
        blocks = [self.block(role, text, "" if place else mark) for place, (role, text) in enumerate(self.lines)]
        return f'<div role="status" style="{PANEL.format(TONES[self.tone])}">{"".join(blocks)}</div>'

    def block(self, role: str, text: str, mark: str = "") -> str:
        """One line as HTML."""
        tag = "pre" if role == "input" else "p"
        body = escape(text) if role == "input" else self.linked(text)
        return f'<{tag} style="{STYLES.get(role, "margin:.2em 0")}">{mark}{body}</{tag}>'

    def linked(self, text: str) -> str:
        """The text as HTML, with its links and its `code`."""
        text = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))
        for words, address in self.links.items():
            text = text.replace(escape(words), f'<a href="{escape(address)}">{escape(words)}</a>')
        return text


@dataclass(repr=False)
class Report(Panel):
    """The verdict on one answer, whose outcome, the tone, is "right", "edge", "wrong", "raised" or "unattempted".

    `mistake` is the label of the labeled wrong solution that the answer equals, `convention` the name of another
    valid convention that it follows; each is None where there is none. `edges` are the corners that are open: the
    labels of the mistakes that show there, or else the sentence of the prompt. `unread`: it could not even be read.
    """

    exercise: str = ""
    mistake: str | None = None
    convention: str | None = None
    edges: list[str] = field(default_factory=list)
    unread: bool = False

    @property
    def outcome(self) -> str:
        return self.tone


def said(exercise: Exercise, outcome: str, sentence: str, *lines: tuple[str, str], **named: Any) -> Report:
    """A report: its sentence under the exercise's name, then the lines."""
    return Report(outcome, [("head", f"{exercise.id}: {sentence}"), *lines], exercise.id, **named)


def show_arguments(exercise: Code, case: str, given: dict[str, Any]) -> str:
    """A case as code that runs where NumPy is np; what is too long to be read comes from the exercise itself."""
    longest = 40 if count_numbers(tuple(given.values())) <= 150 else 12
    texts = {name: literal(value, len(name) + 3, longest) for name, value in given.items()}
    lines = [f"{name} = {text}" for name, text in texts.items() if text]
    lines += [f'{name} = given["{name}"]  # {brief(given[name])}' for name, text in texts.items() if not text]
    if not all(texts.values()):
        lines.insert(0, f'from attncore.exercises import inputs\n\ngiven = inputs("{exercise.id}", "{case}")')
    return "\n".join([*lines, *shown_call(exercise, given)])


def shown_call(exercise: Code, given: dict[str, Any]) -> list[str]:
    """The call that shows what differs; of a class, or where a driver stands between, nothing."""
    if exercise.drive or isinstance(exercise.reference, type):
        return []
    parameters = exercise.signature.parameters.parameters.values()
    parts = [written(parameter) for parameter in parameters if parameter.name in given]
    return [f"{exercise.id}({', '.join(parts)})"]


def written(parameter: Parameter) -> str:
    if parameter.kind is parameter.VAR_POSITIONAL:
        return f"*{parameter.name}"
    return parameter.name if parameter.default is parameter.empty else f"{parameter.name}={parameter.name}"


def literal(value: Any, indent: int, longest: int) -> str:
    """A value as Python writes it with NumPy as np; empty where it is too long or cannot be written."""
    if isinstance(value, np.ndarray):
        return array_literal(value, indent) if value.size <= longest else ""
    if isinstance(value, np.generic):
        return f"np.{value.dtype.name}({literal(value.item(), indent, longest)})"
    if isinstance(value, tuple | list) and not hasattr(value, "_fields"):
        parts = [literal(part, indent + 1, longest // max(1, len(value))) for part in value]
        comma = "," if isinstance(value, tuple) and len(value) == 1 else ""
        brackets = "()" if isinstance(value, tuple) else "[]"
        between = ",\n" + " " * (indent + 1) if any("\n" in part for part in parts) else ", "
        return f"{brackets[0]}{between.join(parts)}{comma}{brackets[1]}" if all(parts) else ""
    if isinstance(value, np.ufunc):
        return f"np.{value.__name__}"
    if isinstance(value, float) and not np.isfinite(value):
        return f"np.{value}" if value > 0 or value != value else "-np.inf"
    return repr(value) if value is None or isinstance(value, bool | int | float | str) else ""


def array_literal(value: np.ndarray, indent: int) -> str:
    """np.array([[1.5, -0.2]]): with its dtype where the numbers alone would give another one."""
    large = value.dtype.kind == "f" and np.abs(value[np.isfinite(value)]).max(initial=0) >= 1e4
    prefix = " " * (indent + len("np.array("))
    # Eight digits: what is drawn for small cases has one decimal, and no one should be misled by a rounded literal.
    text = np.array2string(value, precision=8, suppress_small=not large, separator=", ", prefix=prefix, threshold=10**6)
    text = re.sub(r"\b(inf|nan)\b", r"np.\1", re.sub(r"\n+", "\n", text))
    plain = np.array(value.tolist()).dtype == value.dtype
    return f"np.array({text})" if plain and value.size else f"np.array({text}, dtype=np.{value.dtype.name})"


def brief(value: Any) -> str:
    """What stands behind a name that is not written out."""
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    name = getattr(value, "__name__", type(value).__name__)
    return f"the function {name}" if callable(value) else f"{'an' if name[0] in 'AEIOU' else 'a'} {name}"
