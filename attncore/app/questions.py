"""A number, a shape or a choice, answered in the page: buttons where there are choices, a field where there are none.

What was given is kept in the cell's output, under a type of its own, so that a notebook that is handed in holds it.
"""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import ipywidgets
from IPython.display import DisplayHandle, display

from attncore.exercises import Exercise
from attncore.grading.reading import GIVEN
from attncore.grading.report import Panel, Report

WIDE = {"width": "auto", "max_width": "46em"}


class QuestionPanel:
    """The fields of a question that has no answer yet; `judged` takes what is given, and keeps it."""

    def __init__(self, asked: Exercise, judged: Callable[[Any], Report]):
        self.asked, self.judged = asked, judged
        self.given: Any = None
        self.report = Panel("unattempted", [("head", self.ask())])
        self.handle: DisplayHandle | None = None
        self.said = ipywidgets.HTML()
        self.last: ipywidgets.DOMWidget = self.said

    def ask(self) -> str:
        choices = self.asked.words.get("choices", [])
        how = "choose one" if choices else "type your answer"
        written = f'answer("{self.asked.id}", {choices[0]!r})'.replace("'", '"') if choices else "in place of the dots"
        return f"{self.asked.id}: {how}, or write it in the cell" + (f", as {written}." if choices else f" {written}.")

    def __repr__(self) -> str:
        return self.report.message

    def _ipython_display_(self) -> None:
        self.handle = display(self.bundle(), raw=True, display_id=True)

    def bundle(self) -> dict[str, Any]:
        """The fields; and for a notebook opened again, or handed in, the verdict as it stands and what was given."""
        still: dict[str, Any] = {"text/html": self.report._repr_html_(), "text/plain": self.report.message}
        if self.given is not None:
            still[GIVEN] = {"exercise": self.asked.id, "answer": self.given}
        fields: dict[str, Any] = self.box._repr_mimebundle_()
        return fields | still

    @cached_property
    def box(self) -> ipywidgets.VBox:
        choices = self.asked.words.get("choices", [])
        return ipywidgets.VBox([*(map(self.button, choices) if choices else [self.field()]), self.said])

    def button(self, choice: str) -> ipywidgets.Button:
        button = ipywidgets.Button(description=choice, tooltip=choice, layout={"width": "auto", "max_width": "46em"})
        button.on_click(lambda _: self.take(choice, button))
        return button

    def field(self) -> ipywidgets.HBox:
        field = ipywidgets.Text(placeholder="your answer", continuous_update=False, layout={"width": "16em"})
        field.observe(lambda _: self.take(field.value, field), "value")  # Enter, or when the field is left
        send = ipywidgets.Button(description="Check", layout={"width": "7em"})
        send.on_click(lambda _: self.take(field.value, field))
        return ipywidgets.HBox([field, send])

    def take(self, given: str, by: ipywidgets.DOMWidget) -> None:
        """Judge what was given, show the verdict, and keep both in the output."""
        if given.strip() in ("", self.given):
            return
        self.given, self.last = given.strip(), by
        self.report = self.judged(self.given)
        self.said.value = self.report._repr_html_()
        if self.handle:
            self.handle.update(self.bundle(), raw=True)
            self.last.focus()  # what was shown is drawn anew, and whoever uses the keyboard goes on from here
