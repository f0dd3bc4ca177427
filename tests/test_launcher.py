"""course.py: what it installs and when, whom it hands over to, and what it says when it cannot."""

import ast
import json
import os
import platform
import signal
import socket
import subprocess
import sys
import threading
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest

import course

ROOT = Path(course.__file__).parent


class Installer:
    """Stands in for uv and pip: notes what it was asked, makes no more than a folder, downloads nothing."""

    def __init__(self, home):
        self.home, self.asked, self.dies = home, [], False

    def execute(self, command, home, environment=None):
        making = "venv" in command
        what = command[command.index("-e") + 1] if "-e" in command else "attncore"
        source = " from " + command[command.index("--find-links") + 1] if "--find-links" in command else ""
        made = "make without pip" if "--without-pip" in command else "make"
        self.asked.append(made if making else "install " + what + source)
        self.environment = environment
        if making:
            (home / ".venv").mkdir()
            (home / ".venv" / "python-starts").touch()
        elif self.dies:
            raise KeyboardInterrupt

    def works(self, python, module="sys"):
        return (self.home / ".venv" / "python-starts").exists()

    def asked_by(self, extra, source=""):
        self.asked.clear()
        course.prepare(self.home, extra, course.chosen(self.home, source))
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


def test_what_the_board_needs_is_there_for_whoever_needs_less(installer):
    assert installer.asked_by("workshop") == ["make", "install .[workshop]"]
    assert installer.asked_by("") == installer.asked_by("workshop") == []
    assert installer.asked_by("dev") == ["install .[dev]"]
    assert installer.asked_by("workshop") == []


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


# A room without internet

HERE = [sys.platform, platform.machine(), ".".join(map(str, sys.version_info[:2]))]


@pytest.fixture
def pack(tmp_path, home):
    """A pack for this machine, as far as the launcher reads it."""
    folder = tmp_path / "the pack"
    folder.mkdir()
    describe(folder, edition=course.edition(home))
    return folder


def describe(pack, targets=(HERE,), **about):
    (pack / "pack.json").write_text(json.dumps({"for": targets, "edition": "another", "pip": "pip.whl", **about}))


@pytest.fixture
def served(pack):
    """The address at which the pack is served."""
    handler = type("Silent", (SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(pack))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def alone(home, pack):
    """The launcher has nothing beside itself."""
    (home / "pyproject.toml").unlink()
    (home / "constraints.txt").unlink()


def refused(home, source, extra=""):
    with pytest.raises(course.Stop) as stop:
        course.prepare(home, extra, course.chosen(home, source))
    return str(stop.value)


def test_a_pack_is_installed_from_and_remembered(installer, home, pack):
    assert installer.asked_by("", str(pack)) == ["make", f"install . from {pack}"]
    (home / ".venv" / "course-installed").write_text("")
    assert installer.asked_by("") == ["make", f"install . from {pack}"]
    assert installer.asked_by("") == []


@pytest.mark.usefixtures("alone")
def test_a_launcher_alone_installs_the_course_of_the_pack(installer, pack):
    assert installer.asked_by("", str(pack)) == ["make", f"install attncore from {pack}"]
    assert installer.asked_by("", str(pack)) == []
    assert installer.asked_by("") == []


def test_a_python_without_ensurepip_gets_pip_from_the_pack(installer, home, pack, served, monkeypatch):
    monkeypatch.setattr(course.importlib.util, "find_spec", lambda name: None)
    with zipfile.ZipFile(pack / "pip.whl", "w") as wheel:
        wheel.writestr("pip/__main__.py", "")
    assert installer.asked_by("", served) == ["make without pip", f"install . from {served}"]
    (main,) = (home / ".venv").glob("lib/python3.*/site-packages/pip/__main__.py")
    assert main.parts[-4] == f"python{HERE[2]}"


@pytest.mark.usefixtures("alone")
def test_another_pack_of_the_same_version_is_installed_anew(installer, pack):
    installer.asked_by("", str(pack))
    describe(pack, wheel="mended")
    assert installer.asked_by("") == [], "what is installed starts without a question to the network"
    assert installer.asked_by("", str(pack)) == ["make", f"install attncore from {pack}"]


@pytest.mark.usefixtures("alone")
def test_a_launcher_alone_needs_a_pack_and_keeps_the_one_it_has(installer, home, pack):
    for source, extra in [("", ""), (course.INTERNET, ""), (str(pack), "dev")]:
        assert refused(home, source, extra) == course.ALONE
    assert installer.asked == []
    installer.asked_by("", str(pack))
    assert refused(home, course.INTERNET) == course.ALONE
    assert installer.asked_by("") == []


@pytest.mark.parametrize("again", ["", "the same"], ids=["lab", "lab --from the same address"])
def test_a_pack_that_went_home_hinders_nobody_who_has_it(again, installer, pack, served):
    assert installer.asked_by("", served) == ["make", f"install . from {served}"]
    (pack / "pack.json").unlink()
    assert installer.asked_by("", again and served) == []


def test_a_note_that_was_cut_short_costs_a_look_at_the_pack(installer, home, pack):
    installer.asked_by("", str(pack))
    (home / course.REMEMBERED).write_text(str(pack))
    assert installer.asked_by("") == []
    (home / ".venv" / "course-installed").write_text("")
    assert installer.asked_by("") == ["make", f"install . from {pack}"]


def test_the_pack_is_forgotten_for_the_internet(installer, home, pack):
    installer.asked_by("", str(pack))
    (home / "constraints.txt").write_text("changed")
    assert "another edition of the course" in refused(home, "")
    assert installer.asked_by("", course.INTERNET) == ["install ."]
    assert installer.asked_by("") == []


def test_authors_work_with_the_internet(installer, home, pack):
    installer.asked_by("", str(pack))
    course.prepare(home, "dev")
    assert installer.asked[-1] == "install .[dev]"


def test_a_pack_is_told_from_other_places(installer, home, served, tmp_path):
    (tmp_path / "empty").mkdir()
    for place in (str(tmp_path / "empty"), str(tmp_path / "no folder"), f"{served}/elsewhere", "C:\\pack"):
        assert refused(home, place).startswith("There is no pack of the course at "), place
    assert installer.asked == [] and not (home / course.REMEMBERED).exists()


@pytest.mark.parametrize("text", ["", "[]", "7", '{"for": 7}', '{"for": [7]}', '{"for": [[7, 7, 7]]}', "\xff<html>"])
def test_what_is_no_pack(text, home, pack):
    (pack / "pack.json").write_text(text, encoding="latin-1")
    assert refused(home, str(pack)) == f"There is no pack of the course at {pack}."


def test_an_address_where_nobody_answers(home):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        told = refused(home, f"127.0.0.1:{closed.getsockname()[1]}")
    assert told.startswith("http://127.0.0.1:") and "does not answer" in told and "--from internet" in told


@pytest.mark.parametrize(
    "targets, told",
    [
        ([HERE[:2] + ["3.98"], HERE[:2] + ["3.99"]], "is only for Python 3.98, 3.99."),
        ([["amiga", "m68k", HERE[2]]], "is for other systems."),
        ([], "is for other systems."),
    ],
)
def test_a_pack_for_other_machines(targets, told, installer, home, pack):
    describe(pack, targets, edition=course.edition(home))
    sentence = refused(home, str(pack))
    assert sentence.startswith(f"This is Python {HERE[2]} on {HERE[0]}") and sentence.endswith(told)
    assert installer.asked == []


def test_a_pack_of_another_edition(installer, home, pack):
    (home / "constraints.txt").write_text("other versions")
    assert "is of another edition of the course than this folder" in refused(home, str(pack))
    assert installer.asked == []


@pytest.mark.parametrize(
    "typed, address",
    [
        ("192.168.1.5:8000", "http://192.168.1.5:8000"),
        ("http://192.168.1.5:8000/", "http://192.168.1.5:8000"),
        ("http://laptop.local:8000/pack/index.html", "http://laptop.local:8000/pack"),
        ("laptop", "http://laptop"),
    ],
)
def test_an_address_may_be_typed_as_one_does(typed, address):
    assert course.tidy(typed) == address


def test_a_folder_is_meant_from_the_folder_that_one_is_in(pack, monkeypatch):
    monkeypatch.chdir(pack.parent)
    assert course.tidy(pack.name) == str(pack)


def test_the_commands_know_the_pack_alone(monkeypatch):
    monkeypatch.setattr(course.sys, "_base_executable", "python3", raising=False)
    pack, only = course.Pack("http://10.0.0.7:8000", ""), ["--no-index", "--find-links", "http://10.0.0.7:8000"]
    with_pip, with_uv = ["P", "-m", "pip", "install", "--no-input"], ["/bin/uv", "pip", "install", "--python", "P"]
    clone, lone = ["-e", ".", "-c", "constraints.txt"], ["attncore", "-c", "http://10.0.0.7:8000/constraints.txt"]
    trusted = ["--trusted-host", "10.0.0.7:8000"]  # else pip refuses an address of the room: it's http
    assert course.commands("P", "", None, pack)[1] == with_pip + clone + only + trusted
    assert course.commands("P", "", None, pack, lone=True)[1] == with_pip + lone + only + trusted
    assert course.commands("P", "", "/bin/uv", pack, lone=True)[1] == with_uv + lone + only


def test_the_installer_sees_no_other_index_and_no_proxy(installer, pack, served, monkeypatch):
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "UV_DEFAULT_INDEX", "UV_FIND_LINKS"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert installer.asked_by("", served)[-1] == f"install . from {served}"
    assert not [name for name in installer.environment if name.startswith(("PIP_", "UV_")) and "IND" in name]
    assert installer.environment["NO_PROXY"] == "127.0.0.1"
    assert installer.environment["PATH"] == os.environ["PATH"]


@pytest.mark.parametrize(
    "given, expected",
    [
        (["lab", "--from", "A", "--no-browser"], ("A", ["lab", "--no-browser"])),
        (["lab", "--port", "7", "--from=A"], ("A", ["lab", "--port", "7"])),
        (["doctor"], ("", ["doctor"])),
    ],
)
def test_the_address_does_not_go_to_the_verb(given, expected):
    assert course.named(given) == expected


def test_from_needs_an_address(capsys):
    assert course.main(["lab", "--from"]) == 1
    assert one_sentence(capsys) == "--from needs the address of a pack, or its folder."


# Whom it hands over to


@pytest.mark.parametrize("verb", course.VERBS)
def test_a_verb_is_handed_over_with_its_arguments(verb, monkeypatch, tmp_path):
    extras = []
    monkeypatch.setattr(course, "prepare", lambda home, extra, pack=None: extras.append((home, extra)) or "P")
    monkeypatch.setattr(course, "run", lambda command, folder: (command, folder))
    monkeypatch.chdir(tmp_path)  # where an instructor's files are
    author = verb in course.AUTHORS
    command = ["P", "-m", "attncore.authoring.author" if author else "attncore.app.cli", verb, "--flag", "a b"]
    folder = tmp_path if verb in course.INSTRUCTORS else ROOT
    assert course.main([verb, "--flag", "a b"]) == (command, folder)
    assert extras == [(ROOT, "dev" if author else "workshop" if verb == "board" else "")]


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
    def fail(home, extra, pack=None):
        raise raised

    monkeypatch.setattr(course, "prepare", fail)
    assert course.main(["lab"]) == status
    assert said in one_sentence(capsys)
