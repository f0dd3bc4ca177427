"""What crosses the pipe between a stranger's process and ours: a small tagged tree as JSON, never a pickle.

Plain values stand for themselves; everything else is an object with one key, its tag. An array is its dtype,
its shape and its bytes; a record, its fields but for those that are as usual. What has no tag arrives as a Foreign, of
which only the name of its type is known.
"""

import base64
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from functools import lru_cache
from importlib import import_module
from json import dumps, loads
from typing import Any

import numpy as np

from attncore.grading.observe import Observed
from attncore.grading.run import COARSE, Ran, holds_float32

ARRAY = 2**20  # bytes; the largest array that an exercise expects has 48,000
ITEMS, TEXT, DEPTH = 2_000, 10_000, 12
FIXTURES = "attncore.exercises.fixtures"
NAMED = ('["attncore.', '["TwiceAsWide"')  # what is handed over by its name
ONE_KIND = r"[<>|=]?[a-zA-Z]\d{0,7}(\[\w{1,9}\])?"  # a dtype without parts: "<f8", "<M8[ns]"
RECORDS = {kind: {field.name: field.default for field in fields(kind)} for kind in (Ran, Observed)}
SINGLES = {"ellipsis": ..., "not implemented": NotImplemented}


class Foreign:
    """A value that stayed where it was. Its class has the name of the value's own, and is no array."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


def foreign(name: str) -> Foreign:
    return foreign_type(re.sub(r"[^\w ]", "_", name)[:60] or "object")()


@lru_cache(256)
def foreign_type(name: str) -> type[Foreign]:
    return type(name, (Foreign,), {})


def pack(value: Any) -> str:
    """A value as a text. Nothing in it is trusted: what resists being looked at becomes a Foreign."""
    return dumps(tree(value))


def pack_given(value: Any) -> str:
    """What a case hands to an answer, as a text; it may hold what strangers' values may not. For unpack_given."""
    return dumps(tree(value, more=given_branch))


def names_course(text: str) -> bool:
    """Is a part of the course in what pack_given has packed?"""
    return any(named in text for named in NAMED)


def unpack_given(text: str) -> Any:
    return value_of(loads(text), GIVEN)


def unpack(text: str) -> Any:
    """What was packed. Raises ValueError where the text is none of ours."""
    try:
        return value_of(loads(text), READ)
    except Exception as problem:  # whoever made it may have looked for what NumPy or Python stumbles over
        raise ValueError(f"no packed value: {problem}") from None


def tree(value: Any, depth: int = 0, more: "More | None" = None) -> Any:
    try:
        return branch(value, depth, more)
    except Exception:  # a stranger's type may raise anything from anywhere
        return {"foreign": type(value).__name__}


def branch(value: Any, depth: int, more: "More | None") -> Any:
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
    if more and (found := more(value, depth)):
        return found
    if depth < DEPTH:
        if type(value) in RECORDS:
            usual = RECORDS[type(value)]
            told = {name: part for name in usual if (part := getattr(value, name)) is not usual[name]}
            return {type(value).__name__: {name: tree(part, depth + 1, more) for name, part in told.items()}}
        if isinstance(value, list | tuple) and len(value) <= ITEMS:
            return {"tuple" if isinstance(value, tuple) else "list": [tree(part, depth + 1, more) for part in value]}
    return {"foreign": type(value).__name__}


def array_branch(value: np.generic | np.ndarray) -> Any:
    if value.nbytes > ARRAY:
        return {"foreign": "very large array"}
    if value.dtype.hasobject:
        return {"objects": list(value.shape)}
    if value.dtype.names:
        return {"foreign": "structured array"}
    data = base64.b64encode(value.tobytes()).decode()
    return {"scalar" if isinstance(value, np.generic) else "array": [value.dtype.str, list(value.shape), data]}


def given_branch(value: Any, depth: int) -> Any:
    """What only we hand over: records with their types, generators of random numbers, and callables by their names."""
    kind = type(value)
    if hasattr(value, "_fields"):
        parts = [tree(part, depth + 1, given_branch) for part in value]
        return {"record": [kind.__module__, kind.__qualname__, parts]}
    if isinstance(value, np.random.Generator):
        return {"generator": [kind.__name__, value.bit_generator.state]}
    if isinstance(value, dict):
        return {"dict": {name: tree(part, depth + 1, given_branch) for name, part in value.items()}}
    if callable(value):
        return {"callable": [value.__module__ or "numpy", value.__name__]}
    return None


def value_of(node: Any, read: "Readers") -> Any:
    if isinstance(node, str) and read is READ:
        return node[:TEXT]  # and not as long as a stranger likes: texts are searched
    if isinstance(node, list):
        raise ValueError("a list without its tag")
    if not isinstance(node, dict):
        return node
    ((tag, content),) = node.items()
    return read[tag](content, read)


def array_of(content: list[Any]) -> np.ndarray:
    """An array, whose shape is held against the bytes that came before anything is made for it."""
    kind, shape, text = content
    if not re.fullmatch(ONE_KIND, kind):
        raise ValueError("an array holds one kind of things")
    dtype, data = np.dtype(kind), base64.b64decode(text)
    if dtype.hasobject or min(shape, default=0) < 0 or len(data) != math.prod(shape) * dtype.itemsize:
        raise ValueError("an array's shape isn't that of its bytes")
    return np.frombuffer(data, dtype).reshape(shape).copy()


def objects_of(shape: list[int], _read: "Readers") -> Foreign | np.ndarray:
    """An array of objects, none of which came: every place holds None."""
    if math.prod(map(abs, shape)) > ITEMS:
        return foreign("large array of objects")
    return np.empty(shape, dtype=object)


def ran_of(parts: dict[str, Any], read: "Readers") -> Ran:
    ran = Ran(**{name: value_of(part, read) for name, part in parts.items()})
    texts = (ran.raised, ran.message, ran.line, ran.inside, ran.wrote_to, *ran.kin, *ran.lacks)
    if not all(isinstance(text, str) and len(text) <= TEXT for text in texts) or not may_be_off(ran):
        raise ValueError("no call was observed like this")
    return ran


def may_be_off(ran: Ran) -> bool:
    """Are its numbers as coarse as it says? How far they may be off is for us to say."""
    if type(ran.precision) is not float or ran.precision == 0:
        return type(ran.precision) is float
    arrays = list(arrays_in(ran.value))
    coarse = {COARSE["float16"] for array in arrays if array.dtype == np.float16}
    coarse |= {COARSE["float32"] for array in arrays if array.dtype == np.float32 or holds_float32(array)}
    singles = [array for array in arrays if array.dtype == np.float32]
    coarse |= {
        COARSE["bfloat16"] for array in singles if not (np.ascontiguousarray(array).view(np.uint32) & 0xFFFF).any()
    }
    return ran.precision in (coarse if arrays else COARSE.values())


def arrays_in(value: Any) -> Iterator[np.ndarray]:
    """Every array in a value, however deep."""
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, tuple | list):
        for part in value:
            yield from arrays_in(part)


def observed_of(parts: dict[str, Any], read: "Readers") -> Observed:
    observed = Observed(**{name: value_of(part, read) for name, part in parts.items()})
    calls = [*observed.first, *observed.again]
    names = [observed.waits_for, *(name for pair in observed.calls for name in pair)]
    flags = (observed.blank, observed.endless, observed.callable)
    if not (
        all(type(ran) is Ran for ran in calls)
        and len(observed.calls) <= ITEMS
        and all(isinstance(name, str) and len(name) <= TEXT for name in names)
        and all(len(pair) == 2 for pair in observed.calls)
        and all(isinstance(flag, bool) for flag in flags)
        and isinstance(observed.seconds, float)
    ):
        raise ValueError("nothing was observed like this")
    return observed


def record_of(content: list[Any], read: "Readers") -> Any:
    module, name, parts = content
    return getattr(import_module(module), name)(*(value_of(part, read) for part in parts))


def callable_of(content: list[Any], _read: "Readers") -> Any:
    module, name = content
    return getattr(import_module(module), name)


def generator_of(content: list[Any], _read: "Readers") -> np.random.Generator:
    name, state = content
    bits = getattr(np.random, state["bit_generator"])()
    bits.state = state
    kind = np.random.Generator if name == "Generator" else getattr(import_module(FIXTURES), name)
    made: np.random.Generator = kind(bits)
    return made


More = Callable[[Any, int], Any]
Readers = Mapping[str, Callable[[Any, Any], Any]]
READ: Readers = {
    "ellipsis": lambda content, read: ...,
    "not implemented": lambda content, read: NotImplemented,
    "int": lambda digits, read: int(digits, 16),
    "complex": lambda parts, read: complex(*parts),
    "array": lambda content, read: array_of(content),
    "scalar": lambda content, read: array_of(content)[()],
    "objects": objects_of,
    "tuple": lambda parts, read: tuple(value_of(part, read) for part in parts),
    "list": lambda parts, read: [value_of(part, read) for part in parts],
    "foreign": lambda name, read: foreign(name),
    "Ran": ran_of,
    "Observed": observed_of,
}
GIVEN: Readers = READ | {  # type: ignore[operator]
    "record": record_of,
    "generator": generator_of,
    "callable": callable_of,
    "dict": lambda parts, read: {name: value_of(part, read) for name, part in parts.items()},
}
