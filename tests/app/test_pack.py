"""`attncore pack`: which wheels it fetches for whom, what else it writes, and what it says when it cannot.

A small index stands in for the real one; proofs/test_room.py installs from a real pack.
"""

import json
import re
import subprocess
import sys
import zipfile
from importlib.metadata import version
from types import SimpleNamespace

import pytest
from packaging.utils import parse_wheel_filename

import course
from attncore.app import pack as packs
from attncore.app.cli import main

CONSTRAINTS = """\
# made by hand
Jupyter-Lab==4.6 ; python_full_version < '3.12'
jupyter-lab==4.7 ; python_full_version >= '3.12'
numpy==2.5
pywinpty==3.1 ; os_name == 'nt'
pexpect==4.9 ; sys_platform != 'win32'
soup==2.10 ; python_full_version < '3.11.5'
soup==4.1 ; python_full_version >= '3.11.5'
colors==1.0
extra==7.0
setuptools==84.0
unused==1.0
"""
REQUIRED = {
    "attncore": ["jupyter-lab", "NumPy>=2", "unused; extra == 'dev'"],
    "jupyter-lab": ["pywinpty; os_name == 'nt'", "pexpect; os_name != 'nt'", "soup[fast]", "colors", "numpy"],
    "soup": ["extra; extra == 'fast'", "unused; extra == 'slow'", "soup"],
    "extra": ["soup[fast]"],
}
NATIVE = {"numpy", "pywinpty"}


def write_wheel(folder, name, number, tag="py3-none-any"):
    stem = f"{name.replace('-', '_')}-{number}"
    requires = "".join(f"Requires-Dist: {line}\n" for line in REQUIRED.get(name, []))
    with zipfile.ZipFile(folder / f"{stem}-{tag}.whl", "w") as archive:
        text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {number}\n{requires}"
        archive.writestr(f"{stem}.dist-info/METADATA", text)


class Index:
    """Stands in for pip and the index behind it: notes what it was asked for, and writes wheels that hold no code."""

    def __init__(self):
        self.asked, self.refuses, self.misled, self.version = [], None, None, version("attncore")

    def run(self, command, **options):
        if "wheel" in command:
            place = packs.Path(command[command.index("--wheel-dir") + 1])
            if command[-1] == "pip":
                write_wheel(place, "pip", "30.0")
            else:
                self.built_from = {path.name for path in packs.Path(command[-1]).iterdir()}
                write_wheel(place, "attncore", self.version)
            return SimpleNamespace(returncode=0, stdout="")
        self.asked.append([word for word in command if "==" in word])
        if self.refuses is not None:
            return SimpleNamespace(returncode=1, stdout=self.refuses)
        platforms = [after for word, after in zip(command, command[1:], strict=False) if word == "--platform"]
        python = "cp" + "".join(command[command.index("--python-version") + 1].split(".")[:2])
        assert "--no-deps" in command and command[command.index("--only-binary") + 1] == ":all:"
        for name, number in (word.split("==") for word in self.asked[-1]):
            tag = f"{python}-{python}-{self.misled or platforms[-1]}" if name in NATIVE else "py3-none-any"
            write_wheel(packs.Path(command[command.index("--dest") + 1]), name, number, tag)
        return SimpleNamespace(returncode=0, stdout="")


@pytest.fixture
def index(tmp_path, monkeypatch):
    home = tmp_path / "course"
    (home / "attncore" / "__pycache__").mkdir(parents=True)
    for folder in ("notebooks", "solutions", ".venv", "workbook"):
        (home / folder).mkdir()
    for name in ("course.py", "pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE"):
        (home / name).write_text(name)
    (home / "constraints.txt").write_text(CONSTRAINTS)
    stand_in = Index()
    monkeypatch.setattr(packs, "COURSE", home)
    monkeypatch.setattr(packs.subprocess, "run", stand_in.run)
    return stand_in


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "a pack"


def fetched(folder):
    """The wheels in a folder, as name, version and the system that they are for."""
    names = (parse_wheel_filename(path.name) for path in folder.glob("*.whl"))
    return {(name, str(number), min(tag.platform for tag in tags).split("_")[0]) for name, number, _, tags in names}


OWN, BUILDER = ("attncore", version("attncore"), "any"), ("setuptools", "84.0", "any")
COMMON = {
    OWN,
    BUILDER,
    ("pip", "30.0", "any"),
    ("soup", "4.1", "any"),
    ("colors", "1.0", "any"),
    ("extra", "7.0", "any"),
}


@pytest.mark.parametrize(
    "system, python, own",
    [
        (
            "linux",
            "3.12",
            {("jupyter-lab", "4.7", "any"), ("pexpect", "4.9", "any"), ("numpy", "2.5", "manylinux1")},
        ),
        ("macos", "3.12", {("jupyter-lab", "4.7", "any"), ("pexpect", "4.9", "any"), ("numpy", "2.5", "macosx")}),
        ("windows", "3.13", {("jupyter-lab", "4.7", "any"), ("pywinpty", "3.1", "win"), ("numpy", "2.5", "win")}),
    ],
)
def test_conditions_are_read_for_the_target_and_not_for_this_machine(system, python, own, index, folder):
    assert packs.pack(folder, [system], [python]) == 0
    assert fetched(folder) == COMMON | own


def test_a_condition_on_the_patch_release_gets_both(index, folder):
    packs.pack(folder, ["linux"], ["3.11"])
    assert {("soup", "2.10", "any"), ("soup", "4.1", "any"), ("jupyter-lab", "4.6", "any")} <= fetched(folder)


def test_what_is_there_is_not_fetched_again(index, folder):
    packs.pack(folder, ["linux"], ["3.12"])
    index.asked.clear()
    packs.pack(folder, ["linux", "windows"], ["3.12"])
    assert sorted(sum(index.asked, [])) == ["numpy==2.5", "pywinpty==3.1"]


def test_a_wheel_that_was_cut_short_is_fetched_again_and_an_old_one_goes(index, folder):
    packs.pack(folder, ["linux"], ["3.12"])
    (cut,) = folder.glob("numpy-*.whl")
    cut.write_bytes(cut.read_bytes()[:50])
    write_wheel(folder, "colors", "0.9")
    packs.pack(folder, ["linux"], ["3.12"])
    assert zipfile.is_zipfile(cut)
    assert ("colors", "0.9", "any") not in fetched(folder)


def test_without_names_it_is_for_what_a_room_brings(index, folder):
    assert main(["pack", str(folder)]) == 0
    targets = json.loads((folder / "pack.json").read_text())["for"]
    assert {(system, machine) for system, machine, _ in targets} == {
        ("linux", "x86_64"),
        ("darwin", "arm64"),
        ("win32", "AMD64"),
    }
    assert {python for *_, python in targets} == set(packs.known_pythons()) >= {"3.11", "3.14"}


def test_a_wheel_is_built_of_the_course_alone(index, folder):
    packs.pack(folder, ["linux"], ["3.12"])
    assert index.built_from == set(packs.SOURCES)


def test_the_course_is_never_fetched_though_its_version_has_moved_on(index, folder):
    index.version = "99.0"
    packs.pack(folder, ["linux"], ["3.12"])
    assert ("attncore", "99.0", "any") in fetched(folder)
    assert not [word for asked in index.asked for word in asked if word.startswith("attncore")]


def test_the_launcher_reads_what_is_written(index, folder):
    packs.pack(folder, ["linux"], ["3.12", "3.13"])
    pack = course.opened(str(folder))
    targets = [("linux", "x86_64", "3.12"), ("linux", "x86_64", "3.13")]
    assert course.described(pack.text)[:2] == (targets, course.edition(packs.COURSE))
    assert (folder / course.described(pack.text).pip).is_file()
    assert (folder / "course.py").read_text() == "course.py"
    assert (folder / "constraints.txt").read_text() == CONSTRAINTS


def test_the_page_links_every_wheel_and_says_how_to_begin(index, folder):
    packs.pack(folder, ["linux", "macos", "windows"], ["3.12", "3.13"])
    page = (folder / "index.html").read_text(encoding="utf-8")
    linked = set(re.findall(r'<a href="(.*?)">', page))
    assert linked == {path.name for path in folder.iterdir()} - {"index.html", "pack.json"}
    assert page.count("<pre>") == 2, "one start for macOS and Linux, one for Windows"
    assert "python3 course.py lab --from ADDRESS" in page and "py course.py lab --from ADDRESS" in page
    assert "Python 3.12 or 3.13 on Linux (x86_64), macOS (Apple silicon) or Windows" in page
    assert not re.search(r'(src|href)="(?!#)\w+:', page), "there is no internet to fetch it from"


# What it says when it cannot


def refused(folder, capsys, *arguments):
    assert main(["pack", str(folder), *arguments]) == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if not line.endswith(" ...")]
    assert len(lines) == 1, lines
    assert not (folder / "pack.json").exists()
    return lines[0]


@pytest.mark.parametrize(
    "arguments, told",
    [
        (["--for", "amiga"], "Packs can be made for linux, linux-arm, macos and windows; amiga is none of them."),
        (["--python", "3.9"], "; 3.9 is none of them."),
        (["--python", "new"], "; new is none of them."),
    ],
)
def test_systems_and_pythons_that_mean_none(arguments, told, index, folder, capsys):
    assert refused(folder, capsys, *arguments).endswith(told)
    assert not folder.exists()


NO_WHEEL = "ERROR: Could not find a version\nERROR: No matching distribution found for numpy==2.5"
FAILURES = [
    (NO_WHEEL, "numpy 2.5 has no wheel for Python 3.12 on Windows. Leave that system or Python out."),
    (
        f"WARNING: Retrying: NewConnectionError(refused)\n{NO_WHEEL}",
        "The packages could not be fetched: check the network",
    ),
    ("ERROR: OSError: [Errno 28] No space left on device", "The disk is full"),
    ("Traceback\nKeyError: 'odd'", "pip did not get what it needs for Python 3.12 on Windows. (KeyError: 'odd')"),
    ("", "pip did not get what it needs for Python 3.12 on Windows. (status 1)"),
]


@pytest.mark.parametrize("output, told", FAILURES)
def test_what_pip_says_becomes_a_sentence(output, told, index, folder, capsys):
    index.refuses = output
    assert told in refused(folder, capsys, "--for", "windows", "--python", "3.12")


def test_a_wheel_that_would_not_run_there_is_none(index, folder, capsys):
    index.misled = "win32"
    assert refused(folder, capsys, "--for", "windows", "--python", "3.12").startswith(
        "numpy 2.5 has no wheel for Python"
    )


def test_a_pack_that_could_not_be_renewed_is_none(index, folder, capsys):
    packs.pack(folder, ["linux"], ["3.12"])
    index.refuses = NO_WHEEL
    refused(folder, capsys, "--for", "windows", "--python", "3.12")
    with pytest.raises(course.Stop, match="There is no pack of the course at"):
        course.opened(str(folder))


def test_a_package_that_the_constraints_forgot(index, folder, capsys):
    text = CONSTRAINTS.replace("colors==1.0\n", "")
    (packs.COURSE / "constraints.txt").write_text(text)
    told = refused(folder, capsys, "--for", "linux", "--python", "3.12")
    assert told == "constraints.txt has no version of colors, which the course needs: compile it anew."


def test_a_folder_that_holds_other_things_is_left_alone(index, folder, capsys):
    folder.mkdir()
    (folder / "thesis.doc").write_text("years of work")
    assert "holds other things, such as thesis.doc" in refused(folder, capsys)
    assert [path.name for path in folder.iterdir()] == ["thesis.doc"]


def test_a_folder_that_cannot_be_made(index, folder, capsys):
    folder.write_text("this is a file")
    assert refused(folder / "inside", capsys).startswith("The pack can't be made: ")


def test_a_course_from_a_wheel_has_no_launcher_to_give_away(index, folder, capsys, monkeypatch):
    monkeypatch.setattr(packs, "COURSE", None)
    assert "clone the course" in refused(folder, capsys)
    assert not folder.exists()


def test_ctrl_c_leaves_what_was_fetched(index, folder, capsys, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(packs.subprocess, "run", interrupt)
    assert packs.pack(folder, ["linux"], ["3.12"]) == 130
    assert "The same command goes on from here." in capsys.readouterr().err


def test_pip_is_this_environments_or_that_of_uv(monkeypatch):
    assert packs.pip() == [sys.executable, "-m", "pip"]
    monkeypatch.setattr(packs, "find_spec", lambda name: None)
    monkeypatch.setattr(packs.shutil, "which", lambda name: "/bin/uv")
    assert packs.pip() == ["/bin/uv", "tool", "run", "--python", sys.executable, "pip"]
    monkeypatch.setattr(packs.shutil, "which", lambda name: None)
    with pytest.raises(packs.Stop, match="Neither pip nor uv"):
        packs.pip()


def test_the_command_reaches_a_real_pip():
    command = [*packs.pip(), "download", "--no-input", "--disable-pip-version-check", "--retries", "2", "--help"]
    assert subprocess.run(command, capture_output=True).returncode == 0
