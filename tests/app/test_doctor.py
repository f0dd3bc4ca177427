"""`attncore doctor`: each thing that may be missing, taken away, and the sentence that says so."""

import errno
import sqlite3
from importlib.metadata import PackageNotFoundError
from types import SimpleNamespace

import pytest

from attncore.app import doctor
from attncore.app.places import progress_place
from attncore.app.progress import Progress


@pytest.fixture(autouse=True)
def nothing_runs(monkeypatch, tmp_path):
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))


def test_what_is_there_is_told_and_the_status_is_0(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(doctor, "in_a_kernel", lambda code: "python 2")
    assert doctor.doctor(tmp_path) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(doctor.EXAMINATIONS) + 2
    assert all(line.startswith("ok ") for line in lines[:-2])
    assert lines[-1] == "The course has everything it needs."


def test_what_is_missing_is_told_and_the_rest_is_still_looked_at(monkeypatch, tmp_path, capsys):
    def lost(_workbook):
        raise doctor.Missing("It is gone.")

    def needs_a_package(_workbook):
        raise ModuleNotFoundError("No module named 'jupyter_client'")

    monkeypatch.setattr(doctor, "EXAMINATIONS", [lost, needs_a_package, doctor.notebooks])
    assert doctor.doctor(tmp_path) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "missing It is gone."
    assert lines[1] == "missing No module named 'jupyter_client'"
    assert lines[2].startswith("ok ")
    assert "2 of 3 things" in lines[-1]


def sentence(examination, workbook):
    with pytest.raises(doctor.Missing) as missing:
        examination(workbook)
    return str(missing.value)


def test_an_old_python(monkeypatch, tmp_path):
    monkeypatch.setattr(doctor, "sys", SimpleNamespace(version_info=(3, 10, 2)))
    assert sentence(doctor.python, tmp_path) == "This is Python 3.10.2; the course needs >=3.11."


def test_a_course_that_is_not_installed(monkeypatch, tmp_path):
    def unknown(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(doctor, "metadata", unknown)
    assert sentence(doctor.python, tmp_path).startswith("The course is not installed in this Python.")


def test_packages_that_are_missing_or_of_another_version():
    needed = ["numpy>=2", "numpy>=99", "no-such-package", 'no-such-either; extra == "dev"']
    missing, *others = sorted(doctor.package_problems(needed), key=len)
    assert missing == "no-such-package is not installed."
    assert len(others) == 1 and "and the course needs >=99." in others[0]


def test_a_version_that_shows_no_widgets_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(doctor, "version", lambda name: "8.1.9" if name == "ipywidgets" else "99")
    assert "ipywidgets is 8.1.9, and the course needs <8.1.9,>=8.1." in sentence(doctor.packages, tmp_path)


def test_a_kernel_that_does_not_start(monkeypatch, tmp_path):
    def dies(code):
        raise RuntimeError("Kernel died before replying")

    monkeypatch.setattr(doctor, "in_a_kernel", dies)
    assert sentence(doctor.kernel, tmp_path).startswith("No notebook kernel starts: RuntimeError: Kernel died")


def test_a_kernel_of_another_python(monkeypatch, tmp_path):
    monkeypatch.setattr(doctor, "in_a_kernel", lambda code: "ModuleNotFoundError: No module named 'attncore'")
    assert "can't import the course: ModuleNotFoundError" in sentence(doctor.kernel, tmp_path)


def test_a_kernel_says_what_it_computes_and_what_it_raises():
    assert doctor.in_a_kernel("print(1 + 1)") == "2"
    assert doctor.in_a_kernel("1 / 0") == "ZeroDivisionError: division by zero"


def test_notebooks_that_are_gone(monkeypatch, tmp_path):
    monkeypatch.setattr(doctor, "NOTEBOOKS", tmp_path)
    assert f"such as {tmp_path / '00_start.ipynb'}" in sentence(doctor.notebooks, tmp_path)


def test_a_working_copy_that_is_not_there_yet_is_looked_for_above(tmp_path):
    assert "can be written" in doctor.working_copy(tmp_path / "a" / "b")
    assert not (tmp_path / "a").exists()


def test_a_folder_that_cannot_be_written(monkeypatch, tmp_path):
    def refuse(dir):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(doctor.tempfile, "TemporaryFile", refuse)
    assert sentence(doctor.working_copy, tmp_path).startswith(f"Nothing can be written in {tmp_path}: Permission")


def test_a_full_disk(monkeypatch, tmp_path):
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: SimpleNamespace(free=3 * 2**20))
    assert "has 3 MB left; the course needs 100 MB." in sentence(doctor.working_copy, tmp_path)


def test_progress_that_cannot_be_read_and_progress_that_can(tmp_path):
    assert doctor.progress(tmp_path) == "no progress yet: the first check begins it"
    kept = Progress(progress_place(tmp_path))
    kept.record("softmax", "attempt", "right")
    assert doctor.progress(tmp_path) == "your progress: exercises tried so far: 1"
    kept.connection.close()
    progress_place(tmp_path).write_bytes(b"this is no database, and long enough to be looked at" * 20)
    assert str(sqlite3.DatabaseError("file is not a database")) in sentence(doctor.progress, tmp_path)


def test_a_port_that_is_taken_is_no_trouble_and_a_machine_without_ports_is(monkeypatch, tmp_path):
    monkeypatch.setattr(doctor, "port_trouble", lambda port: "taken" if port == doctor.PORT else "")
    assert "is taken, so the lab will open on the next" in doctor.port(tmp_path)
    monkeypatch.setattr(doctor, "port_trouble", lambda port: "taken")
    assert sentence(doctor.port, tmp_path).startswith("No port of this machine")


def test_a_judge_that_errs(monkeypatch, tmp_path):
    import attncore.grading

    monkeypatch.setattr(attncore.grading, "judge", lambda name, answer: SimpleNamespace(outcome="right"))
    assert sentence(doctor.judge, tmp_path) == "The judge calls a right softmax right and a wrong one right."
