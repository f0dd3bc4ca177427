"""A question that is answered aloud: asked, revealed, and marked by the learner."""

from functools import cached_property
from html import escape
from typing import Any

import ipywidgets
from IPython.display import DisplayHandle, display

from attncore.app.progress import NOT_KEPT, progress_here
from attncore.exercises import Card as Question
from attncore.look import INK

TEXT = f'style="max-width:50em;line-height:1.5;{INK}"'


class Card:
    """Shown with widgets where a kernel runs, as folded HTML where none does, and as plain text in a terminal."""

    def __init__(self, exercise: Question):
        self.exercise = exercise
        self.question, self.answer, self.points = exercise.question, exercise.answer, exercise.points
        self.follow_ups = [f"{asked.ask} ({asked.answer})" for asked in exercise.follow_ups]
        self.handle: DisplayHandle | None = None

    def __repr__(self) -> str:
        points = "\n".join(f"  - {point}" for point in self.points)
        follow_ups = "\n".join(f"  - {question}" for question in self.follow_ups)
        return f"{self.question}\n\nModel answer: {self.answer}\n\nKey points:\n{points}\n\nFollow-ups:\n{follow_ups}"

    def _ipython_display_(self) -> None:
        self.handle = display(self._repr_mimebundle_(), raw=True, display_id=True)

    def _repr_mimebundle_(self, **_kwargs: Any) -> dict[str, Any]:
        """The widgets; and for a notebook opened again, the card as it stands, and how to wake it."""
        bundle: dict[str, Any] = self.box._repr_mimebundle_()
        return bundle | {"text/html": self._repr_html_(), "text/plain": repr(self)}

    def _repr_html_(self) -> str:
        folded = f"{self.revealed()}{listed('Key points', self.points)}{self.followed()}"
        details = f"<details><summary>Model answer</summary>{folded}</details>"
        return f"{self.asked()}{details}{paragraph(f'{self.last_time()} Run this cell to mark yourself.')}"

    def last_time(self) -> str:
        """What the learner had at the last marking; nothing before the first."""
        try:
            marks = progress_here().marks().get(self.exercise.id)
        except NOT_KEPT:
            marks = None
        return f"Last time: {marks} key points." if marks else ""

    def asked(self) -> str:
        return f"<p {TEXT}><b>{escape(self.question)}</b></p>"

    def revealed(self) -> str:
        return "".join(map(paragraph, self.answer.split("\n\n")))

    def followed(self) -> str:
        return listed("They may go on to ask", self.follow_ups)

    @cached_property
    def box(self) -> ipywidgets.VBox:
        """The question; behind a button the answer, a box to tick for each key point, and a button to save."""
        wide = {"layout": {"width": "auto"}}
        boxes = [ipywidgets.Checkbox(False, description=point, indent=False, **wide) for point in self.points]
        save, said = ipywidgets.Button(description="Save my marks"), ipywidgets.HTML(paragraph(self.last_time()))
        hidden = ipywidgets.VBox(
            [
                ipywidgets.HTML(self.revealed()),
                ipywidgets.HTML(paragraph("What did you say?")),
                *boxes,
                ipywidgets.HBox([save, said]),
                ipywidgets.HTML(self.followed()),
            ],
            layout={"display": "none"},
        )
        reveal = ipywidgets.Button(description="Show the model answer", layout={"width": "14em"})

        def show(_button: Any) -> None:
            hidden.layout.display, reveal.layout.display = "flex", "none"

        def keep(_button: Any) -> None:
            said.value = paragraph(self.mark(sum(box.value for box in boxes)))
            if self.handle:
                self.handle.update(self._repr_mimebundle_(), raw=True)
                save.focus()  # what was shown is drawn anew, and whoever uses the keyboard goes on from here

        reveal.on_click(show)
        save.on_click(keep)
        return ipywidgets.VBox([ipywidgets.HTML(self.asked()), reveal, hidden])

    def mark(self, ticked: int) -> str:
        """Keep how many key points the learner ticked, and say so."""
        marks = f"{ticked} of {len(self.points)}"
        try:
            progress_here().record(self.exercise.id, "marks", marks)
        except NOT_KEPT as problem:
            return f"{marks}, but it could not be saved: {problem}."
        return f"Saved: {marks} key points."


def paragraph(text: str) -> str:
    return f"<p {TEXT}>{escape(text)}</p>"


def listed(heading: str, items: list[str]) -> str:
    if not items:
        return ""
    return f"<p {TEXT}>{heading}:</p><ul {TEXT}>" + "".join(f"<li>{escape(item)}</li>" for item in items) + "</ul>"
