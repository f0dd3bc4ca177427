"""A question that is answered aloud: asked, revealed, and marked by the learner."""

import sqlite3
from html import escape
from typing import Any

import ipywidgets

from attncore.app.progress import progress_here
from attncore.exercises import Exercise
from attncore.look import INK

TEXT = f'style="max-width:50em;line-height:1.5;{INK}"'


class Card:
    """Shown with widgets where a kernel runs, as folded HTML where none does, and as plain text in a terminal."""

    def __init__(self, exercise: Exercise):
        self.exercise = exercise
        words = exercise.words
        self.question, self.answer = words["question"], words["answer"]
        self.points, self.follow_ups = words["points"], words.get("follow_ups", [])

    def __repr__(self) -> str:
        points = "\n".join(f"  - {point}" for point in self.points)
        follow_ups = "\n".join(f"  - {question}" for question in self.follow_ups)
        return f"{self.question}\n\nModel answer: {self.answer}\n\nKey points:\n{points}\n\nFollow-ups:\n{follow_ups}"

    def _repr_html_(self) -> str:
        folded = f"{self.revealed()}{listed('Key points', self.points)}{self.followed()}"
        return f"{self.asked()}<details><summary>Model answer</summary>{folded}</details>"

    def _repr_mimebundle_(self, **_kwargs: Any) -> dict[str, Any]:
        live: dict[str, Any] = self.widget()._repr_mimebundle_()
        return live | {"text/html": self._repr_html_(), "text/plain": repr(self)}

    def asked(self) -> str:
        return f"<p {TEXT}><b>{escape(self.question)}</b></p>"

    def revealed(self) -> str:
        return "".join(f"<p {TEXT}>{escape(part)}</p>" for part in self.answer.split("\n\n"))

    def followed(self) -> str:
        return listed("They may go on to ask", self.follow_ups)

    def widget(self) -> ipywidgets.VBox:
        """The question; behind a button the answer, a box to tick for each key point, and a button to save."""
        wide = {"layout": {"width": "auto"}}
        boxes = [ipywidgets.Checkbox(False, description=point, indent=False, **wide) for point in self.points]
        save, said = ipywidgets.Button(description="Save my marks"), ipywidgets.HTML()
        hidden = ipywidgets.VBox(
            [
                ipywidgets.HTML(self.revealed()),
                ipywidgets.HTML(f"<p {TEXT}>What did you say?</p>"),
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
            said.value = f"<p {TEXT}>{escape(self.mark(sum(box.value for box in boxes)))}</p>"

        reveal.on_click(show)
        save.on_click(keep)
        return ipywidgets.VBox([ipywidgets.HTML(self.asked()), reveal, hidden])

    def mark(self, ticked: int) -> str:
        """Keep how many key points the learner ticked, and say so."""
        marks = f"{ticked} of {len(self.points)}"
        try:
            progress_here().record(self.exercise.id, "marks", marks)
        except (OSError, sqlite3.Error) as problem:
            return f"{marks}, but it could not be saved: {problem}."
        return f"Saved: {marks} key points."


def listed(heading: str, items: list[str]) -> str:
    if not items:
        return ""
    return f"<p {TEXT}>{heading}:</p><ul {TEXT}>" + "".join(f"<li>{escape(item)}</li>" for item in items) + "</ul>"
