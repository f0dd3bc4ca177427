"""What the verbs say in a terminal, and the file for Anki."""

import json
import os
import sqlite3
import subprocess
import sys
import zipfile

import pytest

from attncore.app import anki
from attncore.app.cli import main
from attncore.app.placement import KEPT, bank
from attncore.app.places import progress_place
from attncore.app.progress import Progress, progress_here
from attncore.exercises import exercises

CARDS = [e for e in exercises if e.kind == "explain"]


def told(capsys, *arguments):
    status = main(list(arguments))
    out, err = capsys.readouterr()
    return status, out, err


@pytest.mark.parametrize("verb, begins", [
    ("progress", "0 exercises right\n"),
    ("review", "Nothing to go over yet."),
    ("plan", "A plan for 7 days of 2 h\n"),
    ("placement", "Question 1, of at most 20\n"),
])  # fmt: skip
def test_the_verbs_print_plain_text(here, capsys, verb, begins):
    status, out, err = told(capsys, verb)
    assert (status, err) == (0, "")
    assert out.startswith(begins)


def test_plan_takes_days_and_hours_and_refuses_what_is_neither(here, capsys):
    assert told(capsys, "plan", "--days", "2", "--hours", "1.5")[1].startswith("A plan for 2 days of 1 h 30 min")
    assert told(capsys, "plan", "--days", "no")[::2] == (2, "days is a whole number from 1 to 60, not 'no'.\n")
    assert told(capsys, "plan", "--hours", "nan")[0] == 2


def ask(id):
    """Let the placement have asked this."""
    progress_here().keep(*KEPT, {"answers": [], "asked": id})


def test_calls_are_told_as_one_types_them_in_a_terminal(here, capsys):
    shape = next(id for id, question in bank().items() if isinstance(question.exercise.reference(), tuple))
    choice = next(id for id, question in bank().items() if question.choices)
    for id, typed in {"kv-bytes": "128", shape: '"(2, 3)"', choice: '"a"'}.items():
        ask(id)
        asked = told(capsys, "placement")[1]
        assert f'`attncore placement {typed}` answers, say; `attncore placement "?"` says' in asked
    while "Question" in (out := told(capsys, "placement", "?")[1]):
        assert out.startswith("Never mind: ")
    assert "`attncore plan` makes a plan of it; `attncore placement --again` asks anew." in out


def test_an_answer_from_a_terminal_is_read(here, capsys):
    right = bank()["kv-bytes"].exercise.drawn(0).reference()
    for typed, begins in {"7": "Not right: ", f"{right / 1024} KiB": "Right."}.items():
        ask("kv-bytes")
        assert told(capsys, "placement", typed)[1].startswith(begins)


def test_a_store_that_cannot_be_read_is_told(here, capsys):
    path = progress_place(here)
    Progress(path).close()
    with sqlite3.connect(path) as later:
        later.execute("pragma user_version = 99")
    later.close()
    status, out, err = told(capsys, "review")
    assert (status, out) == (1, "")
    assert err.startswith("Progress cannot be read at the moment: progress.sqlite belongs to a newer edition")


def test_a_damaged_store_is_told_and_a_new_one_begun(here, capsys):
    progress_place(here).write_bytes(b"no database" * 100)
    status, out, err = told(capsys, "progress")
    assert status == 0 and out.startswith("0 exercises right")
    assert "It is kept as progress.damaged-1.sqlite" in err


@pytest.mark.parametrize("verb", ["review", "progress", "plan"])
def test_a_terminal_loads_no_notebook_and_no_plots(tmp_path, verb):
    code = (
        f"import sys; from attncore.app.cli import main; main(['{verb}'])\n"
        "print(sorted({'IPython', 'matplotlib', 'ipywidgets', 'genanki'} & set(sys.modules)))"
    )
    kept = {"ATTNCORE_PROGRESS": str(tmp_path / "p.sqlite"), "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-c", code]
    ran = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", env=os.environ | kept)
    assert ran.stdout.endswith("[]\n"), ran.stderr


def test_importing_the_verbs_loads_neither_fsrs_nor_genanki():
    code = "import sys; import attncore.app.cell; print(sorted({'fsrs', 'genanki', 'matplotlib'} & set(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ran.stdout == "[]\n", ran.stderr


# Anki


def notes(path, folder):
    """The guid, the fields and the tags of each note of an .apkg, by the card's id; and the decks."""
    with zipfile.ZipFile(path) as archive:
        archive.extract("collection.anki2", folder)
    with sqlite3.connect(folder / "collection.anki2") as collection:
        rows = collection.execute("select guid, mid, flds, tags from notes").fetchall()
        decks = json.loads(collection.execute("select decks from col").fetchone()[0])
    return {row[2].split("\x1f")[0]: row for row in rows}, {int(id): deck["name"] for id, deck in decks.items()}


def test_every_card_is_in_the_file_with_ids_that_stay(here, tmp_path, capsys):
    for name in ("first.apkg", "second.apkg"):
        status, out, _ = told(capsys, "cards", "--anki", str(tmp_path / name))
        assert status == 0 and out.startswith(f"{len(CARDS)} cards are in {tmp_path / name}.")
    (first, decks), (second, again) = (notes(tmp_path / f"{n}.apkg", tmp_path) for n in ("first", "second"))
    assert set(first) == {card.id for card in CARDS}
    assert {id: row[0] for id, row in first.items()} == {id: row[0] for id, row in second.items()}
    assert {row[1] for row in first.values()} == {anki.MODEL}
    assert decks == again
    assert len({row[0] for row in first.values()}) == len(CARDS)


def test_a_card_has_all_that_it_is_asked_and_answered_with(monkeypatch, tmp_path):
    card = next(card for card in CARDS if card.id == "why-scale")
    words = {"common_wrong": "To keep `x < 1`.", "what_is_wrong": "Nothing keeps it so."}
    monkeypatch.setattr(card, "words", card.words | words)
    anki.export(tmp_path / "a.apkg")
    fields = notes(tmp_path / "a.apkg", tmp_path)[0]["why-scale"][2].split("\x1f")
    text = dict(zip(anki.FIELDS, fields, strict=True))
    assert text["Often said"] == "To keep <code>x &lt; 1</code>."
    assert text["What is wrong"] == "Nothing keeps it so."
    assert text["Points"].count("<li>") == len(card.points)
    assert text["Question"].startswith("<p>Why")
    assert text["Answer"].count("<p>") == card.answer.count("\n\n") + 1
    assert text["Lesson"] == "04_dot_product"


def test_no_field_holds_markup_of_its_own():
    for card in CARDS:
        for text in anki.fields(card):
            left = text
            for tag in ("p", "ul", "li", "code"):
                left = left.replace(f"<{tag}>", "").replace(f"</{tag}>", "")
            assert "<" not in left and ">" not in left, card.id


def test_ids_of_anki_never_change():
    assert (anki.MODEL, anki.DECK) == (1_764_150_001, 1_764_150_000), "or every card is doubled at the next import"
    assert anki.deck_id("06_masks") == anki.deck_id("07_masks") != anki.deck_id("02_softmax")


def test_paths_that_cannot_be_written_are_told(tmp_path, capsys):
    (tmp_path / "folder.apkg").mkdir()
    (tmp_path / "file").write_text("")
    told_of = {
        "cards.txt": "Anki reads files that end in .apkg, and",
        "cards": "Anki reads files that end in .apkg, and",
        "folder.apkg": "is a folder. Name a file in it, such as",
        "nowhere/cards.apkg": "There is no folder",
        "file/cards.apkg": "There is no folder",
    }
    for name, sentence in told_of.items():
        status, out, err = told(capsys, "cards", "--anki", str(tmp_path / name))
        assert (status, out) == (2, "")
        assert sentence in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder.apkg"]


def test_a_file_that_cannot_be_written_stays_as_it_was(tmp_path, capsys, monkeypatch):
    old = tmp_path / "cards.apkg"
    old.write_bytes(b"what was there")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    status, _, err = told(capsys, "cards", "--anki", str(old))
    assert (status, err) == (1, f"{old} could not be written: No space left on device.\n")
    assert [path.name for path in tmp_path.iterdir()] == ["cards.apkg"]
    assert old.read_bytes() == b"what was there"
