"""The command line: what it knows, and what it says of what it does not."""

from importlib.metadata import version

import pytest

from attncore.app.cli import main
from attncore.authoring import author


def test_the_version_is_the_packages(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["--version"])
    assert stopped.value.code == 0
    assert capsys.readouterr().out == f"attncore {version('attncore')}\n"


def test_an_unknown_lesson_is_not_rendered(capsys):
    assert author.main(["render", "04_dots"]) == 2
    assert "There is no lesson 04_dots" in capsys.readouterr().err
