"""What crosses the pipe between a stranger's process and ours: a small tagged tree as JSON, never a pickle.

Plain values stand for themselves; everything else is an object with one key, its tag. Arrays travel as the bytes of a
.npy file. What has no tag arrives as a Foreign, of which only the name of its type is known.
"""

import base64
import io
import re
from collections.abc import Callable
from dataclasses import fields
from functools import cache
from json import dumps, loads
from typing import Any

import numpy as np

from attncore.grading.observe import Observed
from attncore.grading.run import Ran

ARRAY = 2**24  # bytes; the largest array that an exercise expects has 48,000
ITEMS, TEXT, DEPTH = 2_000, 10_000, 12
RECORDS: dict[str, type] = {"Ran": Ran, "Observed": Observed}
SINGLES = {"ellipsis": ..., "not implemented": NotImplemented}


class Foreign:
    """A value that stayed where it was. Its class has the name of the value's own, and is no array."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


def foreign(name: str) -> Foreign:
    return foreign_type(re.sub(r"[^\w ]", "_", name)[:60] or "object")()


@cache
def foreign_type(name: str) -> type[Foreign]:
    return type(name, (Foreign,), {})


def pack(value: Any) -> str:
    """A value as a text. Nothing in it is trusted: what resists being looked at becomes a Foreign."""
    return dumps(tree(value))


def unpack(text: str) -> Any:
    """What was packed. Raises ValueError where the text is none of ours."""
    try:
        return value_of(loads(text))
    except (TypeError, AttributeError, LookupError, RecursionError, MemoryError, EOFError) as problem:
        raise ValueError(f"no packed value: {problem}") from None


def tree(value: Any, depth: int = 0) -> Any:
    try:
        return branch(value, depth)
    except Exception:  # a stranger's type may raise anything from anywhere
        return {"foreign": type(value).__name__}


def branch(value: Any, depth: int) -> Any:
    if isinstance(value, np.generic | np.ndarray):  # first, since some of NumPy's scalars are Python's, too
        return array_branch(value)
    if value is None or type(value) in (bool, float):
        return value
    if isinstance(value, str):
        return str.__str__(value)[:TEXT]
    if isinstance(value, int):
        return {"int": hex(value)} if value.bit_length() <= 4 * TEXT else {"foreign": "int"}
    if isinstance(value, complex):
        return {"complex": [value.real, value.imag]}
    for tag, single in SINGLES.items():
        if value is single:
            return {tag: None}
    if depth < DEPTH:
        if type(value) in RECORDS.values():
            parts = {field.name: tree(getattr(value, field.name), depth + 1) for field in fields(value)}
            return {type(value).__name__: parts}
        if isinstance(value, list | tuple) and len(value) <= ITEMS:
            return {"tuple" if isinstance(value, tuple) else "list": [tree(part, depth + 1) for part in value]}
    return {"foreign": type(value).__name__}


def array_branch(value: np.generic | np.ndarray) -> Any:
    if value.nbytes > ARRAY:
        return {"foreign": "very large array"}
    if value.dtype.hasobject:
        return {"objects": list(value.shape)}
    file = io.BytesIO()
    np.save(file, np.asarray(value), allow_pickle=False)
    return {"scalar" if isinstance(value, np.generic) else "array": base64.b64encode(file.getvalue()).decode()}


def value_of(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    ((tag, content),) = node.items()
    if tag in SINGLES:
        return SINGLES[tag]
    if tag in RECORDS:
        return RECORDS[tag](**{name: value_of(part) for name, part in content.items()})
    return READ[tag](content)


def array_of(text: str) -> np.ndarray:
    array: np.ndarray = np.load(io.BytesIO(base64.b64decode(text)), allow_pickle=False)
    return array


READ: dict[str, Callable[[Any], Any]] = {
    "int": lambda digits: int(digits, 16),
    "complex": lambda parts: complex(*parts),
    "array": array_of,
    "scalar": lambda text: array_of(text)[()],
    "objects": lambda shape: np.empty(shape, dtype=object),
    "tuple": lambda parts: tuple(map(value_of, parts)),
    "list": lambda parts: list(map(value_of, parts)),
    "foreign": foreign,
}
