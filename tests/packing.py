"""A wheel of the course, built without a network from a copy: a build leaves its files where it runs."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PARTS = ("attncore", "notebooks", "solutions", "pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE")
BUILD = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"


def wheel(folder: Path) -> Path:
    copy, built = folder / "copy", folder / "built"
    copy.mkdir()
    built.mkdir()
    for part in map(ROOT.joinpath, PARTS):
        if part.is_dir():
            shutil.copytree(part, copy / part.name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
        else:
            shutil.copy(part, copy)
    subprocess.run([sys.executable, "-c", BUILD, built], cwd=copy, check=True, capture_output=True)
    (path,) = built.glob("*.whl")
    return path
