"""What is handed in, and what counts of it: odd files and names, guesses, values that nobody expects."""

import os
import sys

import numpy as np
import pytest
from hostile import RIGHT_SOFTMAX

from attncore.exercises import find
from attncore.grading.batch import answers_in, counted, grade, handed_in, judged_value
from attncore.grading.compare import agree
from attncore.grading.given import others, packed_cases, packed_others
from attncore.grading.report import said
from attncore.grading.results import Results
from attncore.grading.run import Ran
from attncore.grading.sandbox import needs_course

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox forks, and knows Linux's walls")


def test_an_exception_whose_base_has_no_name_is_no_value():
    nameless = Ran(raised="Yes", kin=("Yes", "", "Exception"))
    assert not agree(nameless, Ran(np.ones(3)), 1e-7) and not agree(Ran(np.ones(3)), nameless, 1e-7)
    assert agree(Ran(raised="Own", kin=("Own", "ValueError")), Ran(raised="ValueError", kin=("ValueError",)), 1e-7)


@pytest.mark.parametrize("id", ["softmax", "masked_softmax", "fix_forecast", "temperature_for_entropy"])
def test_what_nobody_has_seen_is_in_no_case(id):
    assert others(find(id), 7)
    assert not set(packed_others(find(id), 7)) & set(packed_cases(find(id)))


def test_a_file_for_every_choice_is_no_answer():
    question, function = find("start-shift"), find("softmax")
    right, wrong, none = (said(question, outcome, "…") for outcome in ("right", "wrong", "unattempted"))
    assert counted(wrong, right) is counted(right, wrong) is wrong
    assert counted(none, right) is counted(right, none) is right
    right, wrong = (said(function, outcome, "…") for outcome in ("right", "wrong"))
    assert counted(wrong, right) is counted(right, wrong) is right


@pytest.mark.parametrize("id", ["uniform-shape", "equal-weight", "start-shift"])
def test_a_value_that_nobody_expects_is_wrong(id):
    for value in (10**5000, (10**5000, 2), (float("inf"), 2), float("nan"), [["x" * 10**4] * 100], "\ud800"):
        assert judged_value(find(id), value).outcome == "wrong"


@pytest.fixture
def folder(tmp_path):
    """Odd files: a link, a name that is no text, a name that is made for another's, a file with no end."""
    place = tmp_path / "submissions"
    place.mkdir()
    (tmp_path / "solutions.py").write_text(RIGHT_SOFTMAX)
    (place / "link.py").symlink_to(tmp_path / "solutions.py")
    (place / "folder").mkdir()
    (place / "folder" / "nowhere.py").symlink_to("/nowhere")
    for name in ("ann.py", "ann.ipynb", "ann (ann.py).py", os.fsdecode(b"\xff\xfe.py")):
        (place / name).write_text("import numpy as np\n" + RIGHT_SOFTMAX)
    with (place / "long.py").open("wb") as file:
        file.truncate(2**40)
    return place


@on_linux
def test_odd_files_are_told_and_cost_nobody_anything(folder, tmp_path):
    results = Results(tmp_path / "results.sqlite")
    grade(folder, results, [find("softmax")])
    found = {s.learner: s for s in results.submissions()}
    right = {learner for learner, s in found.items() if [r.outcome for r in s.results] == ["right"]}
    assert right == {"ann (ann.py)", "ann (ann.py) (another)", r"\udcff\udcfe"}
    assert "it is a link" in found["link"].told[0] and "it is a link" in found["folder"].told[0]
    assert "larger than" in found["long"].told[0]


def test_a_broken_archive_is_told(tmp_path):
    import zipfile

    for kind in (zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2):
        with zipfile.ZipFile(tmp_path / "all.zip", "w", kind) as archive:
            archive.writestr("ann.py", os.urandom(1000) * 2)
        data = bytearray((tmp_path / "all.zip").read_bytes())
        data[40:90] = bytes(50)
        (tmp_path / "all.zip").write_bytes(data)
        (ann,) = handed_in(tmp_path / "all.zip")
        assert ann.digest()
        assert "can't be read" in answers_in(None, ann, "ann.py", [])["told"][0]


@on_linux
def test_what_never_ends_in_a_corner_is_right_but_for_that(tmp_path):
    (tmp_path / "work").mkdir()
    corner = RIGHT_SOFTMAX.replace("    top =", "    while np.isneginf(x).all(axis=-1).any(): pass\n    top =")
    (tmp_path / "work" / "ann.py").write_text("import numpy as np\n" + corner)
    results = Results(tmp_path / "results.sqlite")
    grade(tmp_path / "work", results, [find("softmax")], seconds=1.0)
    (ann,) = results.submissions()
    assert [r.outcome for r in ann.results] == ["edge"]


@on_linux
def test_rights_and_times_of_files_stay_without_bubblewrap(tmp_path, monkeypatch):
    monkeypatch.setattr("attncore.grading.sandbox.bubblewrap", list)
    stands = tmp_path / "stands"
    stands.write_text("x")
    stands.chmod(0o644)
    changes = f"""import os
def softmax(x, axis=-1):
    for change, new in (os.chmod, 0), (os.utime, (1, 1)):
        try: change({str(stands)!r}, new)
        except OSError: pass
"""
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "ann.py").write_text(changes)
    results = Results(tmp_path / "results.sqlite")
    grade(tmp_path / "work", results, [find("softmax")])
    if not results.noted("walls")["seccomp"]:
        pytest.skip("no other wall keeps rights and times")
    assert stands.stat().st_mode & 0o777 == 0o644 and stands.stat().st_mtime > 1


ANNOTATED = """from __future__ import annotations
import numpy as np

def causal_mask(n_query: Nowhere, n_key: Nowhere = None):
    raise LookupError("no mask")

""" + RIGHT_SOFTMAX.replace("x, axis=-1", "x: Nowhere, axis: Nowhere = -1")


@on_linux
def test_a_future_import_holds_for_all_that_follows_and_a_line_is_shown_where_it_stands(tmp_path):
    (place := tmp_path / "submissions").mkdir()
    (place / "ann.py").write_text(ANNOTATED)
    results = Results(tmp_path / "results.sqlite")
    grade(place, results, [find("softmax"), find("causal_mask")])
    found = {r.exercise: r for submission in results.submissions() for r in submission.results}
    assert (found["softmax"].outcome, found["causal_mask"].outcome) == ("right", "raised")
    assert 'raise LookupError("no mask")' in str(found["causal_mask"].lines)


@pytest.mark.parametrize(
    ("text", "needed"),
    [
        ("from attncore.shapes import shaped", False),
        ("import attncore.shapes", False),
        ("import numpy as np", False),
        ("from attncore.shapes import shaped\nfrom attncore.softmax import softmax", True),
        ("import attncore.shapes\nattncore.softmax.softmax(x)", True),
        ("from attncore import softmax", True),
        ("import attncore.shapes_of_mine", True),
    ],
)
def test_who_names_a_part_of_the_course_that_is_not_there_anyway_is_given_it(text, needed):
    assert needs_course({"steps": [{"text": text}]}) == needed
