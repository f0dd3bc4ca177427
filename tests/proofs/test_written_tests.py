"""Three hundred tests by other hands, on healthy and on sick files: the judge says of each what a plain pytest says.

Each file in tests/hunts/written is by one hand for one kind of file, and names in UNSOUND those tests that ask for
more than a healthy file promises.
"""

import ast
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from attncore import hunts
from attncore.hunts.hear import hear
from attncore.hunts.planting import kind_named, planted

WRITTEN = sorted((Path(__file__).parents[1] / "hunts" / "written").glob("*_*.py"))
FLAKY = {"test_dropout_share"}  # draws without a seed: the judge fixes chance, a plain pytest doesn't
EACH = 2  # bugs, of those of a kind, that a file's tests are run on
by_hand = pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.stem)


def unsound(tests):
    (named,) = (node.value for node in ast.parse(tests).body if isinstance(node, ast.Assign) and is_unsound(node))
    return set(ast.literal_eval(named))


def is_unsound(node):
    return isinstance(node.targets[0], ast.Name) and node.targets[0].id == "UNSOUND"


def plainly(tests, model, folder):
    """Which tests pass in a pytest of their own, with `model` beside them, by name."""
    folder.mkdir()
    (folder / "model.py").write_text(model, encoding="utf-8")
    (folder / "test_model.py").write_text(f"from model import *\n{tests}", encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--junitxml=found.xml", "test_model.py"]
    subprocess.run(command, cwd=folder, capture_output=True)
    cases = ElementTree.parse(folder / "found.xml").iter("testcase")
    return {name_of(case): not [part for part in case if part.tag in ("failure", "error")] for case in cases}


def name_of(case):
    """As pytest writes it: with the class in front, where there is one."""
    of = case.get("classname").partition(".")[2]
    return f"{of}::{case.get('name')}" if of else case.get("name")


def test_there_are_three_hundred_of_three_hands():
    tests = [node for path in WRITTEN for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))]
    assert sum(isinstance(node, ast.FunctionDef) and node.name.startswith("test") for node in tests) >= 300
    assert len({path.stem.partition("_")[0] for path in WRITTEN}) >= 3


@by_hand
def test_no_test_gets_a_false_verdict(path, tmp_path):
    tests, kind = path.read_text(encoding="utf-8"), kind_named(path.stem.rpartition("_")[2], "numpy")
    start = WRITTEN.index(path) * EACH
    bugs = [kind.bugs[(start + step * 5) % len(kind.bugs)] for step in range(EACH)]
    hunt = hunts.Hunt(0, "staff", kind, kind.healthy, tuple(bugs))
    heard = hear(hunt, kind.healthy, tests)
    sound = {name for name, passed in heard.tests[""].items() if passed and name != path.name}
    assert {name.partition("[")[0] for name in heard.tests[""].keys() - sound} - {"test_model.py"} == unsound(tests)
    for place, bug in enumerate(bugs):
        found = plainly(tests, planted(kind.healthy, [bug])[0], tmp_path / str(place))
        judged = heard.tests[bug.label]
        for name, passed in found.items():
            if name in sound - FLAKY:
                assert judged[name] == passed, (name, bug.label)
