"""course.py: what it installs and when, whom it hands over to, and what it says when it cannot."""

import ast
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import course

ROOT = Path(course.__file__).parent


class Installer:
    """Stands in for uv and pip: notes what it was asked, makes no more than a folder, downloads nothing."""

    def __init__(self, home):
        self.home, self.asked, self.dies = home, [], False

    def execute(self, command, home):
        making = "venv" in command
        self.asked.append("make" if making else "install " + command[command.index("-e") + 1])
        if making:
            (home / ".venv").mkdir()
            (home / ".venv" / "python-starts").touch()
        elif self.dies:
            raise KeyboardInterrupt

    def works(self, python, module="sys"):
        return (self.home / ".venv" / "python-starts").exists()

    def asked_by(self, extra):
        self.asked.clear()
        course.prepare(self.home, extra)
        return list(self.asked)


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "the course"
    folder.mkdir()
    (folder / "pyproject.toml").write_text("packages")
    (folder / "constraints.txt").write_text("versions")
    return folder


@pytest.fixture
def installer(home, monkeypatch):
    stand_in = Installer(home)
    monkeypatch.setattr(course, "execute", stand_in.execute)
    monkeypatch.setattr(course, "works", stand_in.works)
    monkeypatch.setattr(course.shutil, "which", lambda name: None)
    monkeypatch.setattr(course.shutil, "disk_usage", lambda path: SimpleNamespace(free=10**12))
    monkeypatch.setattr(course.importlib.util, "find_spec", lambda name: "found")
    return stand_in


# What is installed, and when


def test_first_run_makes_and_installs_and_the_second_does_neither(installer):
    assert installer.asked_by("dev") == ["make", "install .[dev]"]
    assert installer.asked_by("dev") == []


def test_the_authors_installation_serves_the_lab_and_not_the_other_way_round(installer):
    assert installer.asked_by("") == ["make", "install ."]
    assert installer.asked_by("dev") == ["install .[dev]"]
    assert installer.asked_by("") == []


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_a_change_installs_anew_into_the_same_environment(installer, home, name):
    installer.asked_by("")
    (home / name).write_text("changed")
    assert installer.asked_by("") == ["install ."]


def test_an_environment_whose_installation_never_ended_is_made_anew(installer, home):
    installer.dies = True
    with pytest.raises(KeyboardInterrupt):
        course.prepare(home, "")
    installer.dies = False
    assert installer.asked_by("") == ["make", "install ."]
    assert installer.asked_by("") == []


def test_an_environment_whose_python_does_not_start_is_made_anew(installer, home):
    installer.asked_by("")
    (home / ".venv" / "python-starts").unlink()
    assert installer.asked_by("") == ["make", "install ."]


def test_an_environment_that_was_moved_is_made_anew(installer, home):
    installer.asked_by("")
    installer.home = home.rename(home.parent / "elsewhere")
    assert installer.asked_by("") == ["make", "install ."]


def test_an_environment_that_somebody_else_made_is_kept(installer, home):
    (home / ".venv").mkdir()
    (home / ".venv" / "python-starts").touch()
    assert installer.asked_by("") == ["install ."]


def test_pip_is_looked_for_in_the_environment_only_where_there_is_no_uv(installer, home, monkeypatch):
    installer.asked_by("")
    (home / "constraints.txt").write_text("changed")
    monkeypatch.setattr(course, "works", lambda python, module="sys": module != "pip")
    monkeypatch.setattr(course.shutil, "which", lambda name: "/bin/uv")
    assert installer.asked_by("") == ["install ."]
    (home / "constraints.txt").write_text("changed again")
    monkeypatch.setattr(course.shutil, "which", lambda name: None)
    assert installer.asked_by("") == ["make", "install ."]


@pytest.mark.parametrize("extra, what", [("", "."), ("dev", ".[dev]")])
def test_the_commands_with_uv_and_with_pip(extra, what, monkeypatch):
    monkeypatch.setattr(course.sys, "_base_executable", "python3", raising=False)
    assert course.commands("P", extra, uv="/bin/uv") == (
        ["/bin/uv", "venv", "--python", "python3", ".venv"],
        ["/bin/uv", "pip", "install", "--python", "P", "-e", what, "-c", "constraints.txt"],
    )
    assert course.commands("P", extra, uv=None) == (
        ["python3", "-m", "venv", ".venv"],
        ["P", "-m", "pip", "install", "--no-input", "-e", what, "-c", "constraints.txt"],
    )


def test_where_the_python_of_an_environment_is():
    assert course.python_in(Path("a b"), windows=False) == os.path.join("a b", "bin", "python")
    assert course.python_in(Path("a b"), windows=True) == os.path.join("a b", "Scripts", "python.exe")


def test_whether_a_python_works(tmp_path, monkeypatch):
    assert course.works(sys.executable)
    assert not course.works(sys.executable, module="no_such_module")
    assert not course.works(str(tmp_path / "python"))
    monkeypatch.setattr(course, "OLDEST", (99, 0))
    assert not course.works(sys.executable)


# Whom it hands over to


@pytest.mark.parametrize("verb", course.VERBS)
def test_a_verb_is_handed_over_with_its_arguments(verb, monkeypatch):
    extras = []
    monkeypatch.setattr(course, "prepare", lambda home, extra: extras.append((home, extra)) or "P")
    monkeypatch.setattr(course, "run", lambda command, home: (command, home))
    learner = verb in ("lab", "doctor")
    command = ["P", "-m", "attncore.app.cli" if learner else "attncore.authoring.author", verb, "--flag", "a b"]
    assert course.main([verb, "--flag", "a b"]) == (command, ROOT)
    assert extras == [(ROOT, "" if learner else "dev")]


@pytest.mark.parametrize("arguments, status", [([], 2), (["tset"], 2), (["--help"], 0), (["-h"], 0)])
def test_usage_has_a_line_for_every_verb(arguments, status, monkeypatch, capsys):
    monkeypatch.setattr(course, "prepare", lambda *_: pytest.fail("nothing may be installed"))
    assert course.main(arguments) == status
    out, err = capsys.readouterr()
    asked, other = (err, out) if status else (out, err)
    assert [line.split()[0] for line in asked.splitlines()[2:]] == list(course.VERBS)
    assert other == ""


RUN = "import course, sys; sys.exit(course.run([sys.executable, '-c', sys.argv[1]], '.'))"


def test_the_status_is_the_verbs():
    assert subprocess.run([sys.executable, "-c", RUN, "raise SystemExit(7)"], cwd=ROOT).returncode == 7


@pytest.mark.skipif(os.name == "nt", reason="Windows ends a process without a signal")
@pytest.mark.parametrize(
    "number, everybody, status",
    [(signal.SIGINT, True, 7), (signal.SIGTERM, False, 128 + signal.SIGTERM)],
    ids=["Ctrl-C is the verb's to answer", "the verb ends with the launcher"],
)
def test_signals(number, everybody, status):
    answer = "signal.signal(signal.SIGINT, lambda *_: sys.exit(7))"
    verb = f"import signal, sys; {answer}; print('ready', flush=True); signal.pause()"
    command = [sys.executable, "-c", RUN, verb]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, start_new_session=True) as launcher:
        assert launcher.stdout.readline() == b"ready\n"
        (os.killpg if everybody else os.kill)(launcher.pid, number)
        assert launcher.wait(timeout=60) == status


# What it says when it cannot


def one_sentence(capsys):
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


def test_an_old_python_can_read_the_launcher():
    source = (ROOT / "course.py").read_text(encoding="utf-8")
    ast.parse(source, feature_version=(3, 6))
    with pytest.raises(SyntaxError):
        ast.parse("(newer := 1)", feature_version=(3, 6))


def test_an_old_python_is_told_so_before_anything_else(monkeypatch, capsys):
    monkeypatch.setattr(course, "sys", SimpleNamespace(version_info=(3, 8, 18, "final", 0), stderr=sys.stderr))
    assert course.main(["lab"]) == 1
    assert one_sentence(capsys) == "The course needs Python 3.11 or newer, not 3.8."


def test_a_python_without_ensurepip_names_the_package(installer, home, monkeypatch):
    monkeypatch.setattr(course.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(course.Stop, match=r"install the package python3\.\d+-venv, or uv\.$"):
        course.prepare(home, "")
    monkeypatch.setattr(course.shutil, "which", lambda name: "/bin/uv")
    assert installer.asked_by("") == ["make", "install ."]


def test_a_full_disk_is_seen_before_anything_is_fetched(installer, home, monkeypatch):
    monkeypatch.setattr(course.shutil, "disk_usage", lambda path: SimpleNamespace(free=10**6))
    with pytest.raises(course.Stop, match="The disk is full"):
        course.prepare(home, "")
    assert installer.asked == []


FAILURES = [  # the installer's output, the sentence, and a part of the line that follows it
    ("Collecting a\nERROR: OSError: [Errno 28] No space left on device", course.FULL, "OSError"),
    ("error: Failed to install: a\n  cause: not enough space (os error 112)", course.FULL, "os error 112"),
    ("ERROR: OSError: [WinError 5] Access is denied: 'a.pyd'", course.BUSY, "a.pyd"),
    ("error: Failed to fetch: a\n  cause: dns error\n  cause: unknown", course.AWAY, "cause: dns error"),
    ("connection broken by 'SSLError'\nERROR: No matching distribution found for a", course.AWAY, "SSLError"),
    (
        "ERROR: No matching distribution found for a\nnote: read this",
        course.OTHER,
        "distribution found for a",
    ),
    ("ERROR: Cannot install a and b\nERROR: ResolutionImpossible: for help", course.OTHER, "a and b"),
    ("ERROR: Cannot install a\nerror: subprocess-exited-with-error", course.OTHER, "Cannot install a"),
    ("error: No solution\n  cause: Because a was not found\n    And so", course.OTHER, "a was not found"),
    ("something\nnobody expected", course.OTHER, "nobody expected"),
]


@pytest.mark.parametrize("output, sentence, shown", FAILURES)
def test_a_failed_installation_is_one_sentence_and_its_useful_line(output, sentence, shown, tmp_path):
    code = "import sys; print(sys.argv[1]); print(); sys.exit(1)"
    with pytest.raises(course.Stop) as stop:
        course.execute([sys.executable, "-c", code, output], tmp_path)
    assert str(stop.value).startswith(sentence)
    assert shown in str(stop.value)
    assert "\n" not in str(stop.value)


def test_an_installer_that_succeeds_or_says_nothing(tmp_path):
    course.execute([sys.executable, "-c", "print('error: not at all')"], tmp_path)
    with pytest.raises(course.Stop, match="status 3"):
        course.execute([sys.executable, "-c", "raise SystemExit(3)"], tmp_path)


@pytest.mark.parametrize(
    "raised, status, said",
    [
        (course.Stop("A sentence."), 1, "A sentence."),
        (OSError(28, "No space left on device"), 1, "The disk is full"),
        (PermissionError(13, "Permission denied", ".venv"), 1, "Permission denied: '.venv'"),
        (KeyboardInterrupt(), 130, "Stopped."),
    ],
    ids=["stop", "disk", "permission", "Ctrl-C"],
)
def test_whatever_goes_wrong_there_is_one_sentence_and_no_traceback(raised, status, said, monkeypatch, capsys):
    def fail(home, extra):
        raise raised

    monkeypatch.setattr(course, "prepare", fail)
    assert course.main(["lab"]) == status
    assert said in one_sentence(capsys)
