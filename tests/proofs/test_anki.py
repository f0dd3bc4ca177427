"""Anki itself reads the file of cards, in an environment of its own; a later export doubles nothing."""

import json
import subprocess
import sys
import time

import pytest

from attncore.app import anki
from attncore.exercises import exercises

CARDS = {e.id: e for e in exercises if e.kind == "explain"}
IMPORT = """
import json, sys
from anki.collection import Collection, ImportAnkiPackageOptions, ImportAnkiPackageRequest

collection = Collection(sys.argv[1])
told = []
for path in sys.argv[2:]:
    request = ImportAnkiPackageRequest(package_path=path, options=ImportAnkiPackageOptions())
    log = collection.import_anki_package(request).log
    every = [collection.get_note(id) for id in collection.find_notes("")]
    told.append({
        "new": len(log.new), "updated": len(log.updated), "cards": collection.card_count(),
        "notes": {note["Id"]: dict(note.items()) for note in every},
        "decks": [deck.name for deck in collection.decks.all_names_and_ids()],
        "shown": {note["Id"]: note.cards()[0].answer() for note in every},
    })
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """The Python of an environment that has Anki."""
    place = tmp_path_factory.mktemp("anki") / "venv"
    python = place / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    for command in ([sys.executable, "-m", "venv", place], [python, "-m", "pip", "install", "--quiet", "anki"]):
        ran = subprocess.run(command, capture_output=True, text=True)
        if ran.returncode:
            pytest.skip(f"anki could not be installed: {(ran.stderr or ran.stdout).strip()[-300:]}")
    return python


def test_anki_imports_the_cards_and_a_later_export_doubles_none(python, tmp_path, monkeypatch):
    anki.export(tmp_path / "first.apkg")
    time.sleep(1.1)  # Anki compares times in seconds
    card = CARDS["why-scale"]
    changed = {"answer": "Another answer.", "common_wrong": "Often said.", "what_is_wrong": "It is wrong."}
    monkeypatch.setattr(card, "words", card.words | changed)
    anki.export(tmp_path / "later.apkg")
    paths = [tmp_path / name for name in ("collection.anki2", "first.apkg", "first.apkg", "later.apkg")]
    ran = subprocess.run([python, "-c", IMPORT, *paths], capture_output=True, text=True, encoding="utf-8")
    assert ran.returncode == 0, ran.stderr
    first, again, later = json.loads(ran.stdout)
    assert (first["new"], first["cards"], set(first["notes"])) == (len(CARDS), len(CARDS), set(CARDS))
    assert {f"attncore::{card.lesson}" for card in CARDS.values()} <= set(first["decks"])
    assert (again["new"], again["cards"]) == (0, len(CARDS))
    assert (later["new"], later["cards"]) == (0, len(CARDS))
    assert later["notes"]["why-scale"]["Answer"] == "<p>Another answer.</p>"
    assert "Often said." in later["shown"]["why-scale"] and "It is wrong." in later["shown"]["why-scale"]
    assert all(set(note) == set(anki.FIELDS) for note in first["notes"].values())
