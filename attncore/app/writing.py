"""Lesson 21: SmolLM2 writes into a cell, on the course's functions or on the learner's, token by token.

Where the model isn't there, what it wrote was recorded; and what a wrong function does to it is looked up by the name
that the judge gives the mistake.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from html import escape
from typing import Any

import numpy as np
from IPython.core.getipython import get_ipython
from IPython.display import display

from attncore.app.progress import DONE
from attncore.bug_kinds import FACT, QUESTION, Symptoms, kind_of, symptoms
from attncore.exercises import find
from attncore.grading import judge
from attncore.grading.report import PANEL, Panel
from attncore.grading.run import quietly
from attncore.language_model import OURS, Parts, write
from attncore.look import GREY
from attncore.real_model import model_folder
from attncore.recorded import Mistake, recorded_mistakes, recorded_writing
from attncore.smollm2 import FILE, LanguageModel, load_model

LIVE = "To have it live, get the model (93 MB) with: attncore get-model smollm2"
RECORDED = f"This was recorded. {LIVE}"
OFTEN = 0.05  # seconds between two updates of a cell
KINDS = {
    "right": "the same as before",
    "harmless": "nothing changes",
    "loud": "loud, it shows in what is written",
    "late": "late, a text read at once is right, and decoding isn't",
    "silent": "silent, the text stays fluent and the losses hardly move",
    "too good": "too good, the loss of a text read at once falls",
    "error": "it ends in an error",
}


class Unrecorded(ValueError):
    """What can't be shown without the model; the message says why."""


@cache
def loaded(_when: float) -> Any:
    """The model in the file of that time."""
    return load_model()


def model_here() -> LanguageModel | None:
    """SmolLM2, read once; or None where it isn't there yet."""
    path = model_folder("SmolLM2-135M-Instruct") / FILE
    model: LanguageModel | None = loaded(path.stat().st_mtime) if path.is_file() else None
    return model


class Written:
    """A text that is written as it comes: the prompt in gray, then its pieces, and below them a note."""

    def __init__(self, prompt: str, pieces: Iterable[str], note: str = ""):
        self.prompt, self.pieces, self.note, self.text = prompt, pieces, note, ""

    def __repr__(self) -> str:
        return f"{self.prompt} ▸{self.text}\n\n{self.note}".rstrip()

    def _repr_html_(self) -> str:
        said = f'<span style="color:{GREY}">{escape(self.prompt)}</span>{escape(self.text)}'
        note = f'<p style="margin:.4em 0 0;font-size:.85em;color:{GREY}">{escape(self.note)}</p>' if self.note else ""
        words = f'<p style="margin:0;white-space:pre-wrap;max-height:24em;overflow:auto">{said}</p>{note}'
        return f'<div role="status" style="{PANEL.format(GREY)}">{words}</div>'

    def bundle(self) -> dict[str, str]:
        return {"text/html": self._repr_html_(), "text/plain": repr(self)}

    def _ipython_display_(self) -> None:
        if not hasattr(get_ipython(), "kernel"):  # a terminal shows nothing twice
            "".join(self.grow())
            print(self)
            return
        handle: Any = display(self.bundle(), raw=True, display_id=True)
        shown = 0.0
        for _ in self.grow():
            if time.monotonic() > shown + OFTEN:
                handle.update(self.bundle(), raw=True)
                shown = time.monotonic()
        handle.update(self.bundle(), raw=True)

    def grow(self) -> Iterator[str]:
        """Take the pieces as they come. An error in a learner's function, or a stop, ends the text with a sentence."""
        begun, count = time.monotonic(), 0
        try:
            for piece in self.pieces:
                self.text, count = self.text + piece, count + 1
                yield piece
        except KeyboardInterrupt:
            self.note = "Stopped."
        except Exception as problem:
            self.note = f"Here it ends in {type(problem).__name__}: {problem}"
        else:
            n = count - 1  # the last piece is what the decoder had held back
            self.note = self.note or f"{n} tokens, {n / (time.monotonic() - begun):.0f} a second"


def written(
    prompt: str,
    n_new: int,
    temperature: float,
    top_k: int | None,
    top_p: float | None,
    seed: int,
    **parts: Callable[..., Any],
) -> Written | Panel:
    """What the model writes behind a prompt on these parts; or what was recorded of it."""
    chosen, model = parts_of(parts), model_here()
    if model is not None:
        rng = np.random.default_rng(seed)
        return Written(prompt, write(model, prompt, n_new, rng, temperature, top_k, top_p, chosen))
    try:
        return Written(prompt, [recorded_text(prompt, n_new, own(parts))], RECORDED)
    except Unrecorded as reason:
        return not_here(reason)


def not_here(reason: Unrecorded) -> Panel:
    """Why there's nothing to show, and what would help."""
    return Panel("info", [("head", str(reason)), ("next", LIVE)])


def parts_of(parts: dict[str, Callable[..., Any]]) -> Parts:
    """The parts of the model, with those named in the place of the course's. Raises ValueError for any other name."""
    if strangers := parts.keys() - set(Parts._fields):
        named = ", ".join(sorted(strangers))
        raise ValueError(f"The model has no part {named}; its parts are {', '.join(Parts._fields)}.")
    return OURS._replace(**parts)


def own(parts: dict[str, Callable[..., Any]]) -> dict[str, Callable[..., Any]]:
    """Those that aren't the course's."""
    return {name: part for name, part in parts.items() if part is not getattr(OURS, name)}


def recorded_text(prompt: str, n_new: int, parts: dict[str, Callable[..., Any]]) -> str:
    """What was recorded behind a prompt."""
    mistake = known_mistake(parts)
    if not mistake.part and prompt in recorded_writing():
        return "".join(recorded_writing()[prompt][:n_new])
    if prompt not in (FACT, QUESTION):
        raise Unrecorded("The model isn't here, and what it writes behind this prompt wasn't recorded.")
    if mistake.kind == "error":
        raise Unrecorded(f"{mistake.part}: {mistake.label}. With it, the model ends in an error.")
    return texts_of(mistake)[(FACT, QUESTION).index(prompt)]


def texts_of(mistake: Mistake) -> tuple[str, str]:
    fact, _, question = mistake.text.partition(" / ")
    return fact, question


def known_mistake(parts: dict[str, Callable[..., Any]]) -> Mistake:
    """What was recorded of these parts, by the name that the judge gives a mistake in one of them."""
    right: Mistake
    right, *mistakes = recorded_mistakes()
    found: list[Mistake] = []
    for part, function in parts.items():
        report = judge(find(part), function)
        names = [name for name in (report.mistake, report.convention, *report.edges) if name]
        known = [mistake for mistake in mistakes if mistake.part == part and mistake.label in names]
        if known:
            found += known[:1]
        elif report.outcome not in DONE:
            called = f' ("{report.mistake}")' if report.mistake else ""
            raise Unrecorded(f"{part} isn't right{called}, and what that does to the model wasn't recorded.")
    if len(found) > 1:
        raise Unrecorded("Several of these parts aren't right; what was recorded knows one at a time.")
    return found[0] if found else right


def shown_symptoms(**parts: Callable[..., Any]) -> Panel:
    """Both losses and both texts on these parts, beside those on the course's."""
    chosen, model = parts_of(parts), model_here()
    if model is not None:
        right = healthy()
        try:
            with quietly():
                found = symptoms(model, chosen)
        except Exception as problem:
            return Panel("info", [("head", f"{named(parts)}: it ends in {type(problem).__name__}: {problem}")])
        return Panel("info", told(named(parts), kind_of(found, right), right, found))
    try:
        mistake = known_mistake(own(parts))
    except Unrecorded as reason:
        return not_here(reason)
    name = f"{mistake.part}, {mistake.label}" if mistake.part else named(parts)
    right = measured(recorded_mistakes()[0])
    lines = told(name, mistake.kind, right, measured(mistake)) if mistake.kind != "error" else []
    return Panel("info", [*(lines or [("head", f"{name}: {KINDS['error']}")]), ("next", RECORDED)])


@cache
def healthy() -> Symptoms:
    """The model on the course's own functions, measured once."""
    measured: Symptoms = symptoms(model_here())
    return measured


def named(parts: dict[str, Callable[..., Any]]) -> str:
    return ", ".join(parts) or "The course's functions"


def measured(mistake: Mistake) -> Symptoms:
    return Symptoms(mistake.whole, mistake.decoding, texts_of(mistake), 0.0)


def told(name: str, kind: str, right: Symptoms, found: Symptoms) -> list[tuple[str, str]]:
    """A verdict on the kind of a mistake, and what it was read from."""
    rows = [
        ("", "the course's", "these"),
        ("loss, read at once", f"{right.whole:.2f}", f"{found.whole:.2f}"),
        ("loss, decoded", f"{right.decoding:.2f}", f"{found.decoding:.2f}"),
    ]
    table = "\n".join(f"{what:<20}{ours:>14}{theirs:>10}" for what, ours, theirs in rows)
    texts = "\n".join(
        f"{asked}\n  the course's  {before!r}\n  these         {after!r}"
        for asked, before, after in zip(
            ("The capital of France is", "Name three colors."), right.texts, found.texts, strict=True
        )
    )
    return [("head", f"{name}: {KINDS[kind]}"), ("input", table), ("input", texts)]
