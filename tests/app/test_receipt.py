"""The receipt: what verifies, what doesn't, and what the doctor prints with it."""

from itertools import combinations

import pytest

from attncore.app import cli, doctor
from attncore.app import receipt as receipts
from attncore.app.receipt import ALPHABET, is_receipt, receipt


def test_a_receipt_is_six_characters_that_nobody_confuses_and_verifies():
    for made in (receipt() for _ in range(200)):
        assert len(made) == 6 and not set(made) & set("0O1IL")
        assert is_receipt(made)


def test_two_people_differ():
    assert len({receipt() for _ in range(20)}) == 20


@pytest.mark.parametrize("typed", [str.lower, "  {} ".format, lambda made: f"{made[:3]} {made[3:]}", "-".join])
def test_it_may_be_typed_in_any_way(typed):
    assert is_receipt(typed(receipt()))


@pytest.mark.parametrize("text", ["", "ABC", "ABCDEFGH", "ABC0DE", "ÄBCDEF", "²²²²²²", "ABCDEF\n" * 1000])
def test_what_is_none(text):
    assert not is_receipt(text)


def test_a_typo_or_a_guess_seldom_passes():
    made = receipt()
    typos = [made[:place] + other + made[place + 1 :] for place in range(6) for other in ALPHABET]
    swapped = [swap(made, *places) for places in combinations(range(6), 2)]
    assert sum(is_receipt(typo) for typo in {*typos, *swapped} - {made}) <= 6  # of about 195; 0.2 expected
    assert sum(is_receipt("2345" + a + b) for a in ALPHABET for b in ALPHABET) == 1  # of 961 guesses


def swap(text, first, second):
    characters = list(text)
    characters[first], characters[second] = characters[second], characters[first]
    return "".join(characters)


def test_a_receipt_of_another_version_does_not_count(monkeypatch):
    monkeypatch.setattr(receipts, "version", lambda name: "99.0")
    elsewhere = [receipt() for _ in range(20)]
    monkeypatch.undo()
    assert sum(map(is_receipt, elsewhere)) <= 2


def well(_workbook):
    return "all is well"


def lost(_workbook):
    raise doctor.Missing("It is gone.")


def test_the_doctor_prints_the_receipt_and_nothing_else(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(doctor, "EXAMINATIONS", [well])
    assert cli.main(["doctor", "--receipt", "--workbook", str(tmp_path)]) == 0
    out, err = capsys.readouterr()
    (line,) = out.splitlines()
    assert len(line) == 6 and is_receipt(line)
    assert "all is well" in err


def test_where_something_is_missing_there_is_no_receipt(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(doctor, "EXAMINATIONS", [well, lost])
    assert cli.main(["doctor", "--receipt", "--workbook", str(tmp_path)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "missing It is gone."
    assert not any(map(is_receipt, lines))
