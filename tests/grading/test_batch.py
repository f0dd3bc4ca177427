"""A batch: what counts as a submission, and that whoever is cut off ends with what an undisturbed run finds."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hostile import RIGHT_MASK, RIGHT_SOFTMAX

from attncore.app.cli import main
from attncore.exercises import find
from attncore.grading.batch import grade, handed_in, passed_over
from attncore.grading.results import Results

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox forks, and knows Linux's walls")
ASKED = [find("softmax"), find("causal_mask"), find("score-bytes")]
RIGHT = f"import numpy as np\n{RIGHT_SOFTMAX}\n{RIGHT_MASK}"
SAMPLES = {"right": RIGHT, "wrong": RIGHT.replace("np.exp(", "np.exp2("), "half": RIGHT + "\nbroken(", "empty": "\n"}


def notebook(*cells: str) -> str:
    made = [{"cell_type": "code", "source": text, "metadata": {}, "outputs": []} for text in cells]
    return json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


@pytest.fixture
def folder(tmp_path):
    (place := tmp_path / "submissions").mkdir()
    return place


@pytest.fixture
def outcomes(tmp_path, folder):
    """Grade the folder, or an archive: learner, exercise, outcome; and what is told of each file."""

    def found(place=folder):
        results = Results(tmp_path / f"{place.name}.sqlite")
        grade(place, results, ASKED)
        everyone = [*results.submissions()]
        return {s.learner: {r.exercise: r.outcome for r in s.results} for s in everyone}, {
            s.learner: s.told for s in everyone
        }

    return found


def test_notebooks_and_python_files_in_folders_of_their_own_or_not(folder, outcomes):
    (folder / "ada.py").write_text(RIGHT)
    (folder / "bob.ipynb").write_text(
        notebook("import numpy as np", RIGHT_SOFTMAX, "%%time\nprint(softmax(np.ones(3)))")
    )
    (folder / "carl").mkdir()
    (folder / "carl" / "one.py").write_text(f"import numpy as np\n{RIGHT_SOFTMAX}")
    (folder / "carl" / "two.ipynb").write_text(notebook("import numpy as np", RIGHT_MASK, 'answer("score-bytes", 3)'))
    (folder / ".ipynb_checkpoints").mkdir()
    (folder / ".ipynb_checkpoints" / "ada-checkpoint.ipynb").write_text(notebook(RIGHT_SOFTMAX))
    (folder / "notes.txt").write_text("no submission")
    found, told = outcomes()
    both = {"softmax": "right", "causal_mask": "right"}
    assert found == {"ada": both, "bob": {"softmax": "right"}, "carl": both | {"score-bytes": "wrong"}}
    assert not any(told.values())


def test_the_same_learner_twice_is_told_apart_and_nothing_is_lost(folder, outcomes):
    (folder / "ada.py").write_text(RIGHT)
    (folder / "ada.ipynb").write_text(notebook("import numpy as np", RIGHT_SOFTMAX))
    found, _ = outcomes()
    assert found == {
        "ada (ada.ipynb)": {"softmax": "right"},
        "ada (ada.py)": {"softmax": "right", "causal_mask": "right"},
    }


def test_of_two_files_of_one_learner_the_better_answer_counts(folder, outcomes):
    (folder / "ada").mkdir()
    (folder / "ada" / "a.py").write_text(RIGHT.replace("np.exp(", "np.exp2("))
    (folder / "ada" / "b.py").write_text(RIGHT)
    assert outcomes()[0] == {"ada": {"softmax": "right", "causal_mask": "right"}}


def test_files_of_one_learner_may_import_one_another(folder, outcomes):
    (folder / "ada").mkdir()
    (folder / "ada" / "helpers.py").write_text("import numpy as np\ndef shifted(x): return np.exp(x - np.max(x))")
    mine = RIGHT.replace("import numpy as np", "import numpy as np\nfrom helpers import shifted")
    (folder / "ada" / "mine.py").write_text(mine.replace("e = np.exp(", "shifted(x)\n    e = np.exp("))
    (folder / "bob.py").write_text("from helpers import shifted\n" + RIGHT)
    assert outcomes()[0]["ada"] == {"softmax": "right", "causal_mask": "right"}


def test_an_archive_is_read_without_being_unpacked(tmp_path, outcomes):
    with zipfile.ZipFile(place := tmp_path / "all.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("ada.py", RIGHT)
        archive.writestr("../../bob.py", RIGHT)
        archive.writestr("__MACOSX/ada.py", RIGHT)
        archive.writestr("bomb.ipynb", b" " * (60 * 2**20))
    found, told = outcomes(place)
    assert found["ada"] == {"softmax": "right", "causal_mask": "right"}
    assert told["bomb"] == ["bomb.ipynb is larger than 50 MB; clear its outputs and try again."]
    assert not [*tmp_path.parent.glob("bob.py"), *tmp_path.parent.parent.glob("bob.py")]


@pytest.mark.parametrize(
    ("names", "learners"),
    [
        (["all/ada.py", "all/bob.py"], ["ada", "bob"]),
        (["all/ada/a.py", "all/ada/b.py", "all/bob/a.py", "__MACOSX/all/._a.py"], ["ada", "bob"]),
        (["ada/a.py"], ["ada"]),
        (["Ada_1_assignsubmission_file/a.py", "Ada_1_assignsubmission_file/b.py"], ["Ada_1_assignsubmission_file"]),
    ],
)
def test_the_folder_around_everything_in_an_archive_is_nobody(tmp_path, names, learners):
    with zipfile.ZipFile(place := tmp_path / "all.zip", "w") as archive:
        for name in names:
            archive.writestr(name, RIGHT)
    assert [handed.learner for handed in handed_in(place)] == learners


def test_what_holds_no_answers_is_named(folder):
    for name in ("ada/a.py", "ada/notes.txt", "bob/a.zip", "eve.pdf", ".hidden/a.txt"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("")
    assert passed_over(folder) == ["bob", "eve.pdf"]


def test_a_cell_that_is_no_python_is_told(folder, outcomes):
    (folder / "ada.ipynb").write_text(notebook("import numpy as np", RIGHT_SOFTMAX, 'answer("score-bytes", 4 MB)'))
    (folder / "bob.ipynb").write_text(
        notebook("def softmax(x, axis=-1):\n    return (x", "from attncore.softmax import softmax")
    )
    found, told = outcomes()
    assert found == {"ada": {"softmax": "right"}, "bob": {"softmax": "raised"}}
    assert [text.partition(":")[0] for text in told["ada"]] == ["Cell 3 isn't valid Python in its line 1"]
    assert told["bob"] == []  # that stands with the exercise


def test_files_that_cannot_be_read_are_told(folder, outcomes):
    (folder / "cut.ipynb").write_text(notebook("x = 1")[:-9])
    (folder / "bytes.py").write_bytes(b"\xff\xfe\x00")
    (folder / "latin.py").write_bytes("# -*- coding: latin-1 -*-\n# é\n".encode("latin-1") + RIGHT.encode())
    (folder / "large.ipynb").write_text(" " * (51 * 2**20))
    (folder / "gone.py").symlink_to(folder / "nowhere.py")
    (folder / "ok.py").write_text(RIGHT)
    found, told = outcomes()
    assert found["latin"] == found["ok"] == {"softmax": "right", "causal_mask": "right"}
    assert told["cut"] == ["cut.ipynb isn't a complete notebook; it may have been cut short."]
    assert told["bytes"] == ["bytes.py is not text in UTF-8."]
    assert "larger than 50 MB" in told["large"][0]


def rows(report: Path) -> list[tuple]:
    connection = sqlite3.connect(report / "results.sqlite")
    return connection.execute(
        "select learner, exercise, outcome, mistake, edges, lines from results order by 1, 2"
    ).fetchall()


def done_in(report: Path) -> int:
    try:
        return sqlite3.connect(report / "results.sqlite").execute("select count(*) from submissions").fetchone()[0]
    except sqlite3.Error:
        return 0


def test_of_a_lesson_as_much_is_graded_as_the_room_was_asked(folder, tmp_path, capsys):
    (folder / "ada.py").write_text(RIGHT)
    command = ["grade", str(folder), "-o", str(tmp_path / "report")]
    assert main([*command, "--exercise", "softmax", "--exercise", "log_softmax"]) == 0
    assert "1 submission with 1 answer;" in capsys.readouterr().out
    assert rows(tmp_path / "report")[0][:3] == ("ada", "softmax", "right")
    for wrong in (["--exercise", "sofmax"], ["--exercise", "softmax", "--lesson", "04"]):
        assert main([*command, *wrong]) == 2
    assert capsys.readouterr().err == (
        'There is no exercise "sofmax". Did you mean "softmax"?\n'
        "Nothing of that name is graded in 04_dot_product: softmax.\n"
    )


@pytest.mark.parametrize("given", [("--jobs", "-1"), ("--jobs", "0.5"), ("--edge-points", "nan"), ("--seconds", "0")])
def test_numbers_that_would_never_end_a_batch_or_spoil_it_are_refused(folder, given, capsys):
    with pytest.raises(SystemExit):
        main(["grade", str(folder), "-o", str(folder / "report"), *given])
    assert f"{given[1]} is not a number from" in capsys.readouterr().err


@pytest.mark.parametrize("done", [1, 5])
def test_a_batch_that_is_killed_goes_on_and_ends_with_the_same_results(folder, tmp_path, done):
    for number in range(12):
        (folder / f"{number:02}.py").write_text([*SAMPLES.values()][number % 4])
    killed, undisturbed = tmp_path / "killed", tmp_path / "undisturbed"
    command = [sys.executable, "-m", "attncore.app.cli", "grade", str(folder), "-o"]
    process = subprocess.Popen([*command, str(killed)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and done_in(killed) < done:
        os.sched_yield()
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert done <= done_in(killed) < 12
    for report in (killed, undisturbed):
        assert subprocess.run([*command, str(report)], capture_output=True).returncode == 0
    assert rows(killed) == rows(undisturbed)
    assert (killed / "results.csv").read_bytes() == (undisturbed / "results.csv").read_bytes()


def test_only_what_is_new_is_graded_again(folder, tmp_path, capsys):
    report = tmp_path / "report"
    (folder / "ada.py").write_text(RIGHT)
    (folder / "bob.py").write_text(RIGHT)
    assert main(["grade", str(folder), "-o", str(report)]) == 0
    with sqlite3.connect(report / "results.sqlite") as connection:
        connection.execute("update results set outcome = 'wrong' where learner = 'ada'")
    (folder / "bob.py").unlink()
    (folder / "carl.py").write_text(RIGHT)
    assert main(["grade", str(folder), "-o", str(report)]) == 0
    assert {(row[0], row[2]) for row in rows(report)} == {("ada", "wrong"), ("carl", "right")}
    assert "stood a process for each answer" in capsys.readouterr().out


def test_what_stops_a_batch_is_a_sentence(folder, tmp_path, capsys, monkeypatch):
    (empty := tmp_path / "empty").mkdir()
    (file := tmp_path / "file").write_text("no archive")
    (folder / "ada.py").write_text(RIGHT)
    for arguments, status, sentence in (
        ([tmp_path / "nowhere", "-o", tmp_path / "report"], 2, "can't be read: No such file or directory."),
        ([file, "-o", tmp_path / "report"], 2, "can't be read: File is not a zip file."),
        ([empty, "-o", tmp_path / "report"], 2, "holds no notebook (.ipynb) and no Python file (.py)."),
        ([folder, "-o", file / "report"], 1, "can't be written: Not a directory."),
        ([folder, "-o", tmp_path / "report", "--lesson", "77_none"], 2, 'There is no lesson "77_none".'),
    ):
        assert main(["grade", *map(str, arguments)]) == status
        assert sentence in capsys.readouterr().err

    def full(*rest):
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(Results, "keep", full)
    assert main(["grade", str(folder), "-o", str(tmp_path / "report")]) == 1
    assert "disk is full. What was graded is kept" in capsys.readouterr().err
