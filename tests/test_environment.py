"""environment.yml, pyproject.toml, constraints.txt, course.py and the two CI files: in step."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import course

ROOT = Path(course.__file__).parent


def text(name):
    return (ROOT / name).read_text(encoding="utf-8")


def requirements(lines):
    return {canonicalize_name(r.name): r for r in map(Requirement, lines)}


PROJECT = tomllib.loads(text("pyproject.toml"))["project"]
COURSE = requirements(PROJECT["dependencies"])
AUTHORS = requirements(PROJECT["optional-dependencies"]["dev"])
CONDA = yaml.safe_load(text("environment.yml"))
CI = yaml.safe_load(text(".github/workflows/course.yml"))["jobs"]["test"]
HEADER = [line for line in text("constraints.txt").splitlines() if line.startswith("#")]
PINS = [Requirement(line) for line in text("constraints.txt").splitlines() if not line.startswith("#")]
OLDEST = PROJECT["requires-python"].removeprefix(">=")


def test_conda_installs_what_pip_installs():
    *names, pip = CONDA["dependencies"]
    assert names[:2] == [f"python>={OLDEST}", "pip"]
    assert set(names[2:]) == set(COURSE), "names alone, and the same as in pyproject.toml"
    assert pip == {"pip": ["-e ."]}
    assert CONDA["channels"] == ["conda-forge"]


@pytest.mark.parametrize("name, wanted", [*COURSE.items(), *AUTHORS.items()])
def test_every_package_that_we_name_is_pinned_to_a_version_that_we_allow(name, wanted):
    pins = [pin for pin in PINS if canonicalize_name(pin.name) == name]
    assert pins, "compile constraints.txt anew"
    assert all(wanted.specifier.contains(version(pin)) for pin in pins)


def version(pin):
    (clause,) = pin.specifier
    assert clause.operator == "==" and not clause.version.endswith("*"), f"{pin} is no exact version"
    return clause.version


def test_constraints_are_exact_versions_for_every_system_and_name_no_place():
    assert all(version(pin) and not pin.url and not pin.extras for pin in PINS)
    assert {"appnope", "colorama"} <= {pin.name for pin in PINS}, "of macOS alone, and of Windows alone"
    assert not re.search(r"://|^-|^/", text("constraints.txt"), re.MULTILINE)


def test_constraints_say_how_they_were_made():
    options = f"--universal --python-version {OLDEST} --extra dev --no-annotate"
    assert HEADER[-1] == f"#    uv pip compile {options} pyproject.toml -o constraints.txt"


def test_ipywidgets_is_a_version_that_shows_its_widgets_in_vs_code():
    assert [version(pin) for pin in PINS if pin.name == "ipywidgets"] == ["8.1.8"]


def test_the_launcher_refuses_the_pythons_that_the_package_refuses():
    assert ".".join(map(str, course.OLDEST)) == OLDEST


def test_ci_runs_the_one_command_on_every_system_and_on_both_ends():
    rows = CI["strategy"]["matrix"]["include"]
    assert {row["os"] for row in rows} == {"ubuntu", "macos", "windows"}
    assert OLDEST in {row["python"] for row in rows}
    numpy = {Requirement(row["numpy"]) for row in rows if "numpy" in row}
    assert COURSE["numpy"] in numpy
    assert Requirement(f"numpy=={str(COURSE['numpy'].specifier).removeprefix('>=')}.*") in numpy
    assert "python course.py test" in [step.get("run") for step in CI["steps"]]
    assert text(".ci/run").splitlines()[-1] == "exec python3 course.py test"
