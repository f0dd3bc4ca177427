"""What the tests of the learner's doors share."""

import pytest

from attncore.app import cell
from attncore.app.places import COPIED
from attncore.app.progress import Progress, notices, progress_here


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The folder that we are in: a working copy of its own, and a kernel that has said nothing yet."""
    workbook = tmp_path / "workbook"
    (workbook / COPIED).parent.mkdir(parents=True)
    (workbook / COPIED).write_text("{}")
    monkeypatch.delenv("ATTNCORE_PROGRESS", raising=False)
    monkeypatch.chdir(workbook)
    monkeypatch.setattr(Progress, "stuck", False)
    for state in (progress_here.cache_clear, cell.told.clear, cell.opened_here.clear, notices.clear):
        state()
    yield workbook
    progress_here.cache_clear()


@pytest.fixture
def shown(monkeypatch):
    """What the verbs display."""
    seen = []
    monkeypatch.setattr(cell, "display", seen.append)
    return seen
