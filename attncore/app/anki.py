"""The cards as a file for Anki: `attncore cards --anki out.apkg`.

Every id in it is fixed, so that importing a later export brings the cards up to date, and doubles none.
"""

import os
import re
import sqlite3
import tempfile
import zlib
from html import escape
from pathlib import Path

from attncore.exercises import Card, exercises

MODEL, DECK = 1_764_150_001, 1_764_150_000  # chosen once; Anki tells note types and decks by them
FIELDS = ("Id", "Question", "Answer", "Points", "Often said", "What is wrong", "Lesson")
FRONT = "{{Question}}"
BACK = """{{FrontSide}}<hr id="answer">{{Answer}}
{{#Points}}<h4>Key points</h4>{{Points}}{{/Points}}
{{#Often said}}<h4>Often said, and wrong</h4><p><i>{{Often said}}</i></p><p>{{What is wrong}}</p>{{/Often said}}
<p class="lesson">{{Lesson}}</p>"""
LOOK = """.card { font-family: sans-serif; font-size: 18px; line-height: 1.45; text-align: left; max-width: 40em;
  margin: 0 auto }
code { font-size: 90% }
.lesson { color: #8c8c8c; font-size: 14px }"""


def export(path: str | Path) -> str:
    """Write all cards to a file, and return the sentence that says so. Raises ValueError or OSError with another."""
    target = Path(path)
    if target.is_dir():
        raise ValueError(f"{target} is a folder. Name a file in it, such as {target / 'attncore.apkg'}.")
    if target.suffix.lower() != ".apkg":
        raise ValueError(f"Anki reads files that end in .apkg, and {target} doesn't.")
    if not target.parent.is_dir():
        raise ValueError(f"There is no folder {target.parent}.")
    cards = [exercise for exercise in exercises if isinstance(exercise, Card)]
    try:
        write(cards, target)
    except (OSError, sqlite3.Error) as problem:  # an .apkg is a database in a zip
        raise OSError(f"{target} could not be written: {getattr(problem, 'strerror', '') or problem}.") from None
    return f"{len(cards)} cards are in {target}. In Anki: File, Import. Importing it again later doubles nothing."


def write(cards: list[Card], target: Path) -> None:
    """Write the file whole or not at all: what had its name before is replaced at the end."""
    import genanki

    model = genanki.Model(
        MODEL,
        "attncore: said aloud",
        fields=[{"name": name} for name in FIELDS],
        templates=[{"name": "Say it aloud", "qfmt": FRONT, "afmt": BACK}],
        css=LOOK,
    )
    decks: dict[str, genanki.Deck] = {}
    for card in cards:
        deck = decks.setdefault(card.lesson, genanki.Deck(deck_id(card.lesson), f"attncore::{card.lesson}"))
        tags = ["attncore", card.lesson, *filter(None, [card.words.get("level")]), card.type]
        deck.add_note(genanki.Note(model, fields(card), guid=genanki.guid_for("attncore", card.id), tags=tags))
    handle, beside = tempfile.mkstemp(suffix=".apkg", dir=target.parent)
    os.close(handle)
    try:
        genanki.Package(list(decks.values())).write_to_file(beside)
        os.chmod(beside, 0o644)
        os.replace(beside, target)
    except BaseException:
        os.unlink(beside)
        raise


def deck_id(lesson: str) -> int:
    """A deck for each topic, whatever number its lesson has."""
    return DECK + zlib.crc32(lesson[3:].encode()) % 10**6


def fields(card: Card) -> list[str]:
    points = "".join(f"<li>{inline(point)}</li>" for point in card.points)
    said = [inline(card.common_wrong), inline(card.what_is_wrong)]
    return [card.id, paragraphs(card.question), paragraphs(card.answer), f"<ul>{points}</ul>", *said, card.lesson]


def paragraphs(text: str) -> str:
    return "".join(f"<p>{inline(part)}</p>" for part in text.split("\n\n"))


def inline(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text, quote=False))
