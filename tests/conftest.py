"""What the tests of the mathematics share."""

import re

import numpy as np
import pytest
from hypothesis import settings

from attncore import loops
from attncore.app import cell
from attncore.app.places import COPIED
from attncore.app.progress import progress_here
from attncore.shapes import shape_line

settings.register_profile("course", max_examples=50, deadline=None, derandomize=True)
settings.load_profile("course")


@pytest.fixture
def rng():
    return np.random.default_rng(2017)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The folder that we are in: a working copy of its own, and a kernel that has said nothing yet."""
    workbook = tmp_path / "workbook"
    (workbook / COPIED).parent.mkdir(parents=True)
    (workbook / COPIED).write_text("{}")
    monkeypatch.delenv("ATTNCORE_PROGRESS", raising=False)
    monkeypatch.chdir(workbook)
    for state in (progress_here.cache_clear, cell.told.clear, cell.opened_here.clear):
        state()
    yield workbook
    progress_here.cache_clear()


@pytest.fixture
def shown(monkeypatch):
    """What the verbs display."""
    seen = []
    monkeypatch.setattr(cell, "display", seen.append)
    return seen


@pytest.fixture
def by_loop():
    """Apply the definition of the same name in loops.py, once at every place of the leading axes."""

    def apply(function, *arrays, **others):
        inputs, (output, *_) = shape_line(function)
        inputs = inputs + [("q", "k")] * (len(arrays) - len(inputs))  # a mask may follow
        signature = ",".join(map(core, inputs)) + "->" + core(output)
        definition = getattr(loops, function.__name__)
        return np.vectorize(lambda *rows: np.array(definition(*rows, **others)), signature=signature)(*arrays)

    return apply


def core(axes):
    """The axes that are not leading, as NumPy writes them: ("...", "h", "m/h") is "(h,mh)"."""
    own = ["row"] if axes == ("...",) else [axis for axis in axes if axis != "..."]
    return "(" + re.sub(r"[/*]", "", ",".join(own)) + ")"
