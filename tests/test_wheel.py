"""What the wheel carries. That one can learn from it is proven in proofs/."""

import zipfile

import pytest
from packing import ROOT, wheel

LARGEST = 5 * 10**6  # bytes


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def carried(path):
    with zipfile.ZipFile(path) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def files(folder, place):
    found = (path for path in folder.rglob("*") if path.is_file())
    inside = {path.relative_to(folder) for path in found if path.suffix != ".pyc"}
    return {f"{place}/{path.as_posix()}" for path in inside if not any(part.startswith(".") for part in path.parts)}


def test_a_wheel_carries_the_whole_package_and_the_notebooks_and_nothing_else(carried):
    package = files(ROOT / "attncore", "attncore") - {"attncore/lessons/ruff.toml"}
    notebooks = files(ROOT / "notebooks", "attncore/notebooks")
    solutions = files(ROOT / "solutions", "attncore/solutions")
    assert notebooks and solutions
    assert carried - {"attncore/lessons/ruff.toml"} == package | notebooks | solutions


def test_a_wheel_is_small(path):
    assert path.stat().st_size < LARGEST
