"""The shape line of a function, made to work: it checks and promotes what comes in, and speaks in axis words.

    @shaped("(...,q,d),(...,k,d),(...,k,v)->(...,q,v)")

Before the arrow stand the function's first parameters, in order; behind it, what it returns:

    (...,q,d)       real numbers; "..." are leading axes, which broadcast, and integers become float64
    (...,n):int     integers, which stay as they are: targets, lengths, ids
    (b,n):bool      booleans
    (H,W,c):any     numbers of any kind, which stay as they are
    _               no array: a callable, a list, a number
    ()              a single number

Every letter is one length in a call. A sum, n+1, is worked out where its letters are known; m/h and h*w are letters of
their own.
"""

import inspect
import re
from collections.abc import Callable
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache, partial, wraps
from typing import Any, NamedTuple

import numpy as np

AXES = {
    "b": "batch",
    "q": "query",
    "k": "key",
    "d": "width",
    "v": "value width",
    "n": "token",
    "m": "model width",
    "h": "head",
    "w": "head width",
    "m/h": "head width",
    "h*w": "model width",
    "g": "group",
    "s": "state width",
    "a": "score width",
    "s+m": "joined width",
    "f": "inner width",
    "l": "layer",
    "p": "patch width",
    "H": "row",
    "W": "column",
    "c": "channel",
    "z": "latent width",
    "r": "rotary width",
    "h*d": "joined key width",
    "g*d": "grouped key width",
    "h*r": "joined rotary width",
    "h*v": "joined value width",
    "n+1": "token",
    "t": "place",
}
KINDS = {"float": "real numbers", "int": "integers", "bool": "booleans", "any": "numbers"}
Axes = tuple[str, ...]


class Array(NamedTuple):
    """What the shape line says of one array."""

    axes: Axes
    kind: str = "float"


class Contract(NamedTuple):
    """What a shape line says: of the arrays that come in, by name, and of what a function returns."""

    line: str
    inputs: dict[str, Array]
    outputs: list[Axes]
    results: tuple[str, ...]
    broadcasts: tuple[str, ...]
    fields: dict[str, list[Array]]
    words: dict[str, str]
    check_lengths: Callable[[tuple["Came", ...]], None]

    def admit(self, arguments: dict[str, Any]) -> None:
        """Check the arguments against the line, and promote them in place."""
        came = []
        for name, array in self.inputs.items():
            loose = name in self.broadcasts
            if name in arguments and not (loose and arguments[name] is None):
                arguments[name] = as_kind(arguments[name], name, array.kind, loose)
                came.append(Came(name, arguments[name].shape, array.axes, loose))
        for name, arrays in self.fields.items():
            arguments[name] = with_arrays(arguments[name], name, len(arrays))
            named = zip(arguments[name]._fields, arguments[name], arrays, strict=True)
            came += [Came(f"{name}.{field}", value.shape, array.axes, False) for field, value, array in named]
        self.check_lengths(tuple(came))


class Came(NamedTuple):
    """An array that came in, beside what its line says; a `loose` one may lack axes or have them of length one."""

    name: str
    shape: tuple[int, ...]
    axes: Axes
    loose: bool

    def split(self) -> tuple[tuple[int, ...], list[tuple[str, int]]]:
        """The leading axes that "..." stands for, and the letters, each with its length."""
        has_leading = "..." in self.axes
        cut = self.axes.index("...") if has_leading else 0
        before, after = self.axes[:cut], self.axes[cut + has_leading :]
        missing = len(before) + len(after) - len(self.shape)
        if not self.loose and (missing > 0 or missing < 0 and not has_leading):
            raise ValueError(f"{self.name} has shape {self.shape}, expected ({', '.join(self.axes)})")
        after = after[max(missing, 0) :]
        end = len(self.shape) - len(after)
        letters = zip(before + after, self.shape[: len(before)] + self.shape[end:], strict=True)
        return self.shape[len(before) : end], list(letters)


def shaped(line, *, broadcasts=(), returns="", axes=None, **fields):
    """Check and promote the arguments of a function as its shape line says.

    An argument named in `broadcasts` may lack axes or have them of length one, as a mask does, and may be None or
    boolean. `returns` names several results: "maximum, total". `axes` gives letters another word: {"c": "class"}. Any
    other keyword names an argument that is a NamedTuple of arrays, with the shape line of its fields:
    weights="(m,m),(m,m)". Raises ValueError with the argument, what came and what was expected, and the name of the
    function that was called from outside, even where one inside it found the fault.
    """

    def decorate(function):
        name = function.__qualname__.rpartition("<locals>.")[-1]  # of a method: KVCache.append
        parameters = inspect.signature(function).parameters
        places = [each for each, parameter in parameters.items() if parameter.kind is parameter.POSITIONAL_OR_KEYWORD]
        required = {each for each, parameter in parameters.items() if parameter.default is parameter.empty}
        contract = read(line, list(parameters), returns, broadcasts, axes or {}, fields)

        @wraps(function)
        def checked(*args, **kwargs):
            if TRUSTED.get():
                return function(*args, **kwargs)
            arguments = dict(zip(places, args, strict=False)) | kwargs
            given = arguments.keys()
            if len(given) < len(args) + len(kwargs) or not required <= given <= parameters.keys():
                return function(*args, **kwargs)  # Python says what is missing, or too much
            try:
                contract.admit(arguments)
            except ValueError as problem:
                raise ValueError(f"{name}: {problem}") from None
            try:
                return function(**arguments)
            except ValueError as error:
                if not any(map(callable, arguments.values())):  # what a given function raises is its own
                    rename(error, name)
                raise

        checked.contract = contract  # type: ignore[attr-defined]
        SHAPED.add(name)
        return checked

    return decorate


SHAPED: set[str] = set()  # the names of all functions with a shape line
TRUSTED: ContextVar[bool] = ContextVar("trusted", default=False)


@contextmanager
def unchecked():
    """Inside, nothing is checked or promoted: for a program that makes all arrays itself and calls very often."""
    token = TRUSTED.set(True)
    try:
        yield
    finally:
        TRUSTED.reset(token)


def rename(error, outer):
    """Make an error that names a function with a shape line name the outer one."""
    inner, separator, rest = str(error).partition(": ")
    if separator and inner in SHAPED:
        error.args = (f"{outer}: {rest}",)


def read(line, parameters, returns, broadcasts, words, fields):
    """The contract that a shape line and the decorator's other arguments state."""
    inputs, _, outputs = line.partition("->")
    words = AXES | words
    arrays = zip(parameters, read_arrays(inputs), strict=False)
    return Contract(
        line,
        {name: array for name, array in arrays if array is not None},
        [array.axes for array in read_arrays(outputs)],
        tuple(re.split(r",\s*", returns)) if returns else (),
        tuple(broadcasts),
        {name: read_arrays(each) for name, each in fields.items()},
        words,
        lru_cache(256)(partial(check_lengths, words=words)),  # mostly a function is called with the same lengths
    )


def read_arrays(line):
    """The arrays of "(...,q,d),_,(n):int": for each its axes and its kind, and None for what is no array."""
    return [
        None if item == "_" else Array(tuple(filter(None, axes.split(","))), kind or "float")
        for item, axes, kind in re.findall(r"(_|\(([^)]*)\)(?::(\w+))?)", line)
    ]


def contract_of(function):
    """The contract of a function. Raises ValueError where it has no shape line."""
    try:
        return function.contract
    except AttributeError:
        raise ValueError(f"{function.__name__} has no shape line") from None


def shape_line(function):
    """The arrays that a function takes and those that it returns, each a tuple of axis letters."""
    contract = contract_of(function)
    return [array.axes for array in contract.inputs.values()], contract.outputs


def drawable(function):
    """The parameters that may hold any real numbers, each with its axis letters: these can be drawn at random."""
    inputs = contract_of(function).inputs.items()
    return {name: array.axes for name, array in inputs if array.kind in ("float", "any")}


def results(function):
    """The names of what a function returns; none where it is one thing without a name."""
    return contract_of(function).results


def as_kind(given, name, kind, loose=False):
    """An array of a kind, real numbers promoted from integers; a loose one may be boolean, and then not of integers."""
    try:
        array = np.asarray(given)
    except ValueError:
        raise ValueError(f"{name} is no array: its rows differ in length") from None
    came = {"b": "bool", "i": "int", "u": "int", "f": "float"}.get(array.dtype.kind)
    if came == kind or came and kind == "any" or loose and came == "bool":
        return array
    if came == "int" and kind == "float" and not loose:
        return array.astype(np.float64)
    expected = "booleans or floats" if loose else KINDS[kind]
    raise ValueError(f"{name} holds {array.dtype}, expected {expected}")


def with_arrays(given, name, count):
    """A NamedTuple of real numbers, its fields made arrays."""
    if not hasattr(given, "_fields") or len(given) != count:
        raise ValueError(f"{name} is a {type(given).__name__}, expected a NamedTuple of {count} arrays")
    return given._make(as_kind(value, f"{name}.{field}", "float") for field, value in given._asdict().items())


def check_lengths(came, words):
    """See that every letter stands for one length, and that the leading axes broadcast."""
    shapes = ", ".join(f"{array.name} is {array.shape}" for array in came)
    lengths: dict[str, int] = {}
    first: dict[str, str] = {}  # the array that each length comes from
    named = [(array, axis, length) for array in came for axis, length in array.split()[1]]
    for array, axis, length in sorted(named, key=lambda each: "+" in each[1]):  # a sum after its letters
        has = f"{array.name} has {counted(axis, length, words)}"
        if length == 0:
            raise ValueError(f"{has}, expected at least 1")
        if array.loose and length == 1:
            continue
        if length != worked_out(axis, lengths, length):
            terms = " + ".join(counted(term, lengths.get(term), words) for term in axis.split("+"))
            raise ValueError(f"{has}, expected {terms}: {shapes}")
        if length != lengths.setdefault(axis, length):
            raise ValueError(f"{has}, but {first[axis]} has {lengths[axis]}: {shapes}")
        first.setdefault(axis, array.name)
    try:
        np.broadcast_shapes(*(array.split()[0] for array in came))
    except ValueError:
        raise ValueError(f"the leading axes do not broadcast: {shapes}") from None


def worked_out(axis, lengths, otherwise):
    """What a sum of axes comes to, where the length of each term is known."""
    terms = [int(term) if term.isdigit() else lengths.get(term) for term in axis.split("+")]
    return otherwise if len(terms) == 1 or None in terms else sum(terms)


def counted(axis, length, words):
    """A length in axis words: "model width 8", "5 on the key axis"; a number in a sum is itself."""
    word = words.get(axis, axis)
    if axis.isdigit():
        return axis
    return f"{word} {length}" if "width" in word else f"{length} on the {word} axis"


def as_array(value):
    """A stranger's value as an array of numbers or booleans; None where it is neither."""
    if type(value) is np.ndarray and value.dtype.kind in "biufc":
        return value
    try:
        if callable(getattr(value, "detach", None)):  # a PyTorch tensor that may require gradients
            value = value.detach()
            value = value.float() if "bfloat16" in str(value.dtype) else value  # NumPy has no bfloat16
        array = np.ma.filled(np.asanyarray(value), 0)
        if array.dtype.kind == "O":
            if any(item is None for item in array.flat):  # float(None) is no number, though NumPy makes it NaN
                return None
            array = array.astype(float)
        array = np.asarray(array, np.float32 if array.dtype.name == "bfloat16" else None)
    except Exception:  # __array__ may raise anything; ragged lists raise ValueError
        return None
    return array if array.dtype.kind in "biufc" else None
