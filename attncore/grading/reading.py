"""A file of answers, read: its code, as text, and a sentence where it holds none. Nothing here needs NumPy."""

import io
import json
import re
import tokenize
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILE, CODE = 50 * 2**20, 2**20  # bytes: notebooks hold pictures, and nobody writes a megabyte of code
SUFFIXES = (".py", ".ipynb")
GIVEN = "application/vnd.attncore.answer+json"  # in a cell's output: what was given by a button or a field
OPEN = r"\banswer\(\s*([\"'])(?P<id>[\w-]+)\1\s*,\s*\.\.\.\s*\)"  # answer("kv-bytes", ...)


class Unreadable(ValueError):
    """A file that holds no answers; the message says why."""


@dataclass(frozen=True)
class Source:
    """The code of one file: the cells of a notebook, or the one text of a Python file."""

    name: str
    folder: str
    cells: list[str]
    notebook: bool


def read(path: Path) -> Source:
    """Read a notebook or a Python file; a pipe holds either. Raises Unreadable."""
    suffix = path.suffix.lower()
    try:
        if path.is_dir():
            raise Unreadable(f"{path} is a folder.")
        if suffix not in SUFFIXES and (path.is_file() or not path.exists()):
            raise Unreadable(f"{path.name} is neither a notebook (.ipynb) nor a Python file (.py).")
        with path.open("rb") as file:
            data = file.read(FILE + 1)
    except (OSError, ValueError) as problem:  # a name with a null character is a ValueError
        if isinstance(problem, Unreadable):
            raise
        raise Unreadable(f"{path} cannot be read: {getattr(problem, 'strerror', None) or problem}.") from None
    return source_of(data, path.name, str(path.resolve().parent), suffix)


def source_of(data: bytes, name: str, folder: str, suffix: str = "") -> Source:
    """The code in these bytes; without a suffix, what begins as JSON is a notebook. Raises Unreadable."""
    if len(data) > FILE:
        raise Unreadable(f"{name} is larger than {FILE // 2**20} MB; clear its outputs and try again.")
    if not data.strip():
        raise Unreadable(f"{name} is empty.")
    notebook = suffix == ".ipynb" or (suffix != ".py" and data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"))
    cells = code_cells(data, name) if notebook else [python_text(data, name)]
    size = sum(map(len, cells))
    if size > CODE:
        raise Unreadable(f"{name} holds {size / 2**20:.0f} MB of code; more than {CODE // 2**20} MB is not run.")
    return Source(name, folder, cells, notebook)


def python_text(data: bytes, name: str) -> str:
    """The text of a Python file, in the encoding that its first lines name."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        return data.decode(encoding)
    except (SyntaxError, ValueError, LookupError):
        raise Unreadable(f"{name} is not text in UTF-8.") from None


def code_cells(data: bytes, name: str) -> list[str]:
    """The code cells of a notebook of any edition, and of one in which a tool has left something out."""
    try:
        notebook = json.loads(data)
    except UnicodeDecodeError:
        raise Unreadable(f"{name} is not text in UTF-8.") from None
    except (ValueError, RecursionError):
        raise Unreadable(f"{name} isn't a complete notebook; it may have been cut short.") from None
    cells = cells_in(notebook)
    if not cells:
        raise Unreadable(f"{name} is no notebook: it has no cells.")
    return [text_of(cell) for cell in cells if isinstance(cell, dict) and cell.get("cell_type") == "code"]


def cells_in(notebook: Any) -> list[Any]:
    """The cells, which stood in worksheets before the fourth edition."""
    if not isinstance(notebook, dict):
        return []
    sheets = notebook["worksheets"] if isinstance(notebook.get("worksheets"), list) else []
    holders = [notebook, *(sheet for sheet in sheets if isinstance(sheet, dict))]
    return [cell for holder in holders if isinstance(holder.get("cells"), list) for cell in holder["cells"]]


def text_of(cell: dict[str, Any]) -> str:
    """A cell's code: a text, or a list of lines; called `input` before the fourth edition.

    An answer that was given in the page stands in place of the dots.
    """
    source = cell.get("source", cell.get("input"))
    lines = source if isinstance(source, list) else [source]
    text = "".join(line for line in lines if isinstance(line, str))
    given = given_in_page(cell) if "answer(" in text else {}
    return re.sub(OPEN, lambda call: written(call, given), text)


def written(call: re.Match[str], given: dict[str, str]) -> str:
    id = call["id"]
    return f'answer("{id}", {given[id]!r})' if id in given else call[0]


def given_in_page(cell: dict[str, Any]) -> dict[str, str]:
    """What a cell's outputs say was given, by exercise."""
    outputs = cell.get("outputs")
    shown = [output for output in outputs if isinstance(output, dict)] if isinstance(outputs, list) else []
    kept = [output["data"].get(GIVEN) for output in shown if isinstance(output.get("data"), dict)]
    pairs = [(found.get("exercise"), found.get("answer")) for found in kept if isinstance(found, dict)]
    return {id: answer for id, answer in pairs if isinstance(id, str) and isinstance(answer, str)}
