"""A question that is answered aloud: said and typed first, then its directions chosen, then read beside an answer."""

from collections.abc import Callable
from functools import cached_property
from html import escape
from typing import Any

import ipywidgets
from IPython.display import DisplayHandle, display

from attncore.app.comment import comment, has_commenter
from attncore.app.progress import NOT_KEPT, progress_here
from attncore.app.spoken import named, told
from attncore.exercises import Card
from attncore.look import INK

TEXT = f'style="max-width:50em;line-height:1.5;margin:.3em 0;{INK}"'
WIDE = {"width": "auto", "max_width": "50em"}
HIDDEN, SHOWN = "none", "flex"


class CardPanel:
    """Shown with widgets where a kernel runs, as folded HTML where none does, and as plain text in a terminal."""

    def __init__(self, card: Card):
        self.card = card
        self.handle: DisplayHandle | None = None

    def __repr__(self) -> str:
        card = self.card
        points = "\n".join(f"  - {point}" for point in card.points)
        follow_ups = "\n".join(f"  - {asked.ask} {asked.answer}" for asked in card.follow_ups)
        worked = f"With its numbers: {card.worked}\n\n" if card.worked else ""
        wrong = f"Often said, and wrong: {card.common_wrong} {card.what_is_wrong}"
        return (
            f"{card.question}\n\nModel answer: {card.answer}\n\n{worked}Key points:\n{points}\n\n{wrong}\n\n"
            f"They may go on to ask:\n{follow_ups}"
        )

    def _ipython_display_(self) -> None:
        self.handle = display(self._repr_mimebundle_(), raw=True, display_id=True)

    def _repr_mimebundle_(self, **_kwargs: Any) -> dict[str, Any]:
        """The widgets; and for a notebook opened again, the card as it stands, and how to wake it."""
        bundle: dict[str, Any] = self.box._repr_mimebundle_()
        return bundle | {"text/html": self._repr_html_(), "text/plain": repr(self)}

    def _repr_html_(self) -> str:
        parts = [self.revealed(), listed("Key points", self.card.points), self.often_wrong(), *self.followed()]
        details = f"<details><summary>Model answer</summary>{''.join(parts)}</details>"
        return f"{self.asked()}{details}{paragraph(f'{self.last_time()} Run this cell to answer.'.strip())}"

    def last_time(self) -> str:
        """What the learner had at the last marking; nothing before the first."""
        try:
            marks = progress_here().marks().get(self.card.id)
        except NOT_KEPT:
            marks = None
        return f"Last time: {marks} key points." if marks else ""

    def asked(self) -> str:
        seen = len(self.card.seen)
        where = "".join(f' <a href="{escape(address)}">{place}</a>' for place, address in enumerate(self.card.seen, 1))
        reported = f" Reported in {seen} public source{'s' if seen != 1 else ''}:{where}." if seen else ""
        level = f"{self.card.words['level'].capitalize()}.{reported}"
        return f"<p {TEXT}><b>{escape(self.card.question)}</b></p><p {TEXT}><small>{level}</small></p>"

    def revealed(self) -> str:
        """The model answer; of a design the one with its numbers as well, folded."""
        answer, worked = ("".join(map(paragraph, t.split("\n\n"))) for t in (self.card.answer, self.card.worked))
        folded = f"<details {TEXT}><summary>The same with its numbers</summary>{worked}</details>"
        return answer + (folded if self.card.worked else "")

    def often_wrong(self) -> str:
        said = f"Often said, and wrong: <i>{escape(self.card.common_wrong)}</i> {escape(self.card.what_is_wrong)}"
        return f"<p {TEXT}>{said}</p>"

    def followed(self) -> list[str]:
        """The follow-ups, each with its answer folded."""
        return [
            f"<details {TEXT}><summary>They may go on to ask: {escape(asked.ask)}</summary>{paragraph(asked.answer)}"
            "</details>"
            for asked in self.card.follow_ups
        ]

    @cached_property
    def box(self) -> ipywidgets.VBox:
        """Four steps, each shown once the one before it is done: say, choose, read, tick."""
        steps = [self.saying(), self.choosing(), self.reading()]
        for step in steps[1:]:
            step.layout.display = HIDDEN
        for before, after in zip(steps, steps[1:], strict=False):
            before.then = after
        return ipywidgets.VBox([ipywidgets.HTML(self.asked()), *steps])

    def saying(self) -> "Step":
        label = "Say it, then type what you said or dictate it."
        self.field = ipywidgets.Textarea(placeholder=label, rows=5, layout=WIDE)
        button = ipywidgets.Button(description="That's my answer")
        said = ipywidgets.HTML()
        step = Step([self.field, button, said])

        def done(_button: Any) -> None:
            text = self.field.value.strip()
            if not text:
                said.value = paragraph("One sentence is enough, and it has to come before the answer.")
                return
            said.value = paragraph(told(text, self.card.points) + self.keep("said", text))
            self.field.disabled, button.layout.display = True, HIDDEN
            step.go_on()

        button.on_click(done)
        return step

    def choosing(self) -> "Step":
        asked = [self.claim(claim.ask, claim.choices) for claim in self.card.claims]
        choices = [pair[1] for pair in asked]
        button, said = (
            ipywidgets.Button(description="These are my choices", layout={"width": "14em"}),
            ipywidgets.HTML(),
        )
        step = Step([*(pair[0] for pair in asked), button, said])

        def done(_button: Any) -> None:
            if any(choice.value is None for choice in choices):
                said.value = paragraph("Choose one for each.")
                return
            chosen = [choice.value for choice in choices]
            lines, right = self.graded(chosen)
            said.value = "".join(map(paragraph, lines)) + paragraph(self.keep("claims", f"{right} of {len(chosen)}"))
            button.layout.display = HIDDEN
            for choice in choices:
                choice.disabled = True
            step.go_on()

        button.on_click(done)
        return step

    def claim(self, ask: str, choices: list[str]) -> tuple[ipywidgets.VBox, ipywidgets.RadioButtons]:
        buttons = ipywidgets.RadioButtons(options=choices, value=None, layout={"width": "auto"})
        return ipywidgets.VBox([ipywidgets.HTML(paragraph(ask)), buttons]), buttons

    def graded(self, chosen: list[str]) -> tuple[list[str], int]:
        """What is said of each choice, and how many are right."""
        pairs = list(zip(chosen, self.card.claims, strict=True))
        lines = [
            f"{verdict(choice, claim.right)}. {claim.ask} The answer is: {claim.right}. {claim.why}"
            for choice, claim in pairs
        ]
        return lines, sum(choice == claim.right for choice, claim in pairs)

    def reading(self) -> "Step":
        """The model answer, and a box to tick for each point that the learner made."""
        near = ipywidgets.HTML()
        boxes = [ipywidgets.Checkbox(False, description=point, indent=False, layout=WIDE) for point in self.card.points]
        save, said = ipywidgets.Button(description="Save my ticks"), ipywidgets.HTML(paragraph(self.last_time()))
        step = Step(
            [
                ipywidgets.HTML(self.revealed() + self.often_wrong()),
                near,
                ipywidgets.HTML(paragraph("Your own ticks: which of these did you say?")),
                *boxes,
                ipywidgets.HBox([save, said]),
                ipywidgets.HTML("".join(self.followed())),
            ]
        )

        def opens() -> None:
            lines = named(self.field.value, self.card.points)
            if has_commenter():
                lines.append(comment(self.card, self.field.value))
            near.value = "".join(map(paragraph, lines))

        def keep(_button: Any) -> None:
            said.value = paragraph(self.mark(sum(box.value for box in boxes)))
            if self.handle:
                self.handle.update(self._repr_mimebundle_(), raw=True)
                save.focus()  # what was shown is drawn anew, and whoever uses the keyboard goes on from here

        step.opens = opens
        save.on_click(keep)
        return step

    def mark(self, ticked: int) -> str:
        """Keep how many key points the learner ticked, and say so."""
        marks = f"{ticked} of {len(self.card.points)}"
        problem = self.keep("marks", marks)
        return f"{marks}.{problem}" if problem else f"Saved: {marks} key points."

    def keep(self, event: str, outcome: str) -> str:
        """Keep what was said, chosen or ticked; where that fails, return the sentence that says so."""
        try:
            progress_here().record(self.card.id, event, outcome)
        except NOT_KEPT as problem:
            return f" It could not be saved: {problem}."
        return ""


class Step(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """One step of a card; `then` is the next, and `opens` is called when it is shown."""

    then: "Step | None" = None
    opens: Callable[[], None] | None = None

    def go_on(self) -> None:
        if self.then is not None:
            if self.then.opens:
                self.then.opens()
            self.then.layout.display = SHOWN


def verdict(choice: str, right: str) -> str:
    return "✓ Right" if choice == right else f'✗ Not right, you chose "{choice}"'


def paragraph(text: str) -> str:
    return f"<p {TEXT}>{escape(text)}</p>" if text else ""


def listed(heading: str, items: list[str]) -> str:
    if not items:
        return ""
    return f"<p {TEXT}>{heading}:</p><ul {TEXT}>" + "".join(f"<li>{escape(item)}</li>" for item in items) + "</ul>"
