"""The shape line of a docstring, made to work: it checks what comes in, in axis words."""

import inspect
import re
from functools import wraps

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
    "h*r": "joined rotary width",
    "h*v": "joined value width",
    "n+1": "token",
    "t": "place",
}


def shape_line(function):
    """The inputs and the outputs of a docstring's shape line, each a tuple of axis letters.

    Raises ValueError where the docstring has none.
    """
    found = re.search(r"^\s*(\(.*\))?->(\(.*\))\s*$", inspect.getdoc(function) or "", re.MULTILINE)
    if not found:
        raise ValueError(f"the docstring of {function.__name__} has no shape line")
    inputs, outputs = found.groups()
    return letters(inputs or ""), letters(outputs)


def letters(line):
    """The axes of each array in "(...,q,d),(...,k,d)", a tuple of letters each."""
    return [tuple(filter(None, axes.split(","))) for axes in re.findall(r"\(([^)]*)\)", line)]


def shaped(function=None, *, broadcasts=(), **fields):
    """Check the first arguments of a function against its shape line, and promote integers to float64.

    An argument named in `broadcasts` may lack axes or have them of length one, as a mask does, and may be None or
    boolean. A keyword names an argument that is a NamedTuple of arrays, with the shape line of its fields:
    weights="(m,m),(m,m)". Raises ValueError with the argument, what came and what was expected.
    """
    if function is None:
        return lambda function: shaped(function, broadcasts=broadcasts, **fields)
    inputs, _ = shape_line(function)
    names = list(inspect.signature(function).parameters)
    axes_of = {name: letters(line) for name, line in fields.items()}
    who = function.__name__

    @wraps(function)
    def checked(*given, **kwargs):
        args = list(given)
        arrays = {}
        for place, (name, axes) in enumerate(zip(names, inputs, strict=False)):
            came = args[place] if place < len(args) else kwargs.get(name)
            if came is None and (name in broadcasts or place >= len(args) and name not in kwargs):
                continue
            array = as_floats(came, f"{who}: {name}", booleans=name in broadcasts)
            if place < len(args):
                args[place] = array
            else:
                kwargs[name] = array
            arrays[name] = (array.shape, axes)
        for name, lines in axes_of.items():
            place = names.index(name)
            came = args[place] if place < len(args) else kwargs[name]
            arrays |= {f: (np.shape(a), axes) for f, a, axes in zip(came._fields, came, lines, strict=True)}
        fit(who, arrays, broadcasts)
        return function(*args, **kwargs)

    return checked


def as_floats(given, name, booleans=False):
    """An array of floats, integers promoted to float64; where `booleans` may stand, they stay, and integers may not."""
    try:
        array = np.asarray(given)
    except ValueError:
        raise ValueError(f"{name} is no array: its rows differ in length") from None
    if array.dtype.kind == "f" or (booleans and array.dtype == bool):
        return array
    if array.dtype.kind in "iu" and not booleans:
        return array.astype(np.float64)
    expected = "booleans or floats" if booleans else "real numbers"
    raise ValueError(f"{name} holds {array.dtype}, expected {expected}")


def fit(who, arrays, broadcasts=()):
    """See that every letter stands for one length; `arrays` maps a name to (shape, axes)."""
    lengths: dict[str, tuple[str, int]] = {}
    leading = {}
    for name, (shape, axes) in arrays.items():
        own = [axis for axis in axes if axis != "..."]
        loose = name in broadcasts
        if not loose and (len(shape) < len(own) or ("..." not in axes and len(shape) > len(own))):
            raise ValueError(f"{who}: {name} has shape {shape}, expected ({', '.join(axes)})")
        named = shape[len(shape) - len(own) :] if len(shape) >= len(own) else shape
        leading[name] = shape[: len(shape) - len(named)]
        for axis, length in zip(own[len(own) - len(named) :], named, strict=True):
            other, expected = lengths.setdefault(axis, (name, length))
            word = AXES.get(axis, axis)
            count = f"{word} {length}" if "width" in word else f"{length} on the {word} axis"
            if length != expected and not (loose and length == 1):
                raise ValueError(f"{who}: {name} has {count}, but {other} has {expected}: {shapes(arrays)}")
            if length == 0:
                raise ValueError(f"{who}: {name} has {count}, expected at least 1")
    try:
        np.broadcast_shapes(*leading.values())
    except ValueError:
        raise ValueError(f"{who}: the leading axes do not broadcast: {shapes(arrays)}") from None


def shapes(arrays):
    return ", ".join(f"{name} is {shape}" for name, (shape, _) in arrays.items())


def as_array(value):
    """A stranger's value as an array of numbers or booleans; None where it is neither."""
    try:
        if callable(getattr(value, "detach", None)):  # a PyTorch tensor that may require gradients
            value = value.detach()
        array = np.ma.filled(np.asanyarray(value), 0)
        if array.dtype.kind == "O":
            if any(item is None for item in array.flat):  # float(None) is no number, though NumPy makes it NaN
                return None
            array = array.astype(float)
        array = np.asarray(array)
    except Exception:  # __array__ may raise anything; ragged lists raise ValueError
        return None
    return array if array.dtype.kind in "biufc" else None
