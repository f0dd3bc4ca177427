"""Answers that are right only by luck: each reference, made to fail where a small test would not look.

`lucky(exercise)` gives a name and an answer for every kind of luck that makes sense for the exercise.
"""

import inspect
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from attncore.exercises import Code
from attncore.grading.trial import trial
from attncore.shapes import drawable


def lucky(exercise: Code) -> Iterator[tuple[str, Callable[..., Any]]]:
    """The kinds of luck, each with the answer that relies on it."""
    if inspect.isclass(exercise.reference):
        yield from lucky_classes(exercise)
        return
    for name, holds in CONDITIONS.items():
        if name in EXEMPT.get(exercise.id, {}):
            continue
        if any(not holds(list(given.values())) for given in answered(exercise)):
            yield f"only {name}", where(exercise, holds)
        elif applies(name, exercise):
            yield f"only {name}", where(exercise, holds)  # no case breaks the luck: it will pass, and be told
    yield "only the first call", first_call(exercise)
    yield "state kept between calls", with_state(exercise)
    yield "randomness inside", with_noise(exercise)
    yield "zeros", changed(exercise, lambda value: value * 0)
    yield "the first argument returned", lambda *args, **kwargs: args[0] if args else next(iter(kwargs.values()), 0)
    if any(arrays(given.values()) for given in answered(exercise)):
        yield "an argument written to", writes(exercise)
        yield "sizes of the first case", where(exercise, same_sizes_as(answered(exercise)[0]))


def answered(exercise: Code) -> list[dict[str, Any]]:
    """The cases that have an answer, and are no promised error."""
    known = trial(exercise)
    return [given for given, ran in zip(known.arguments, known.expected, strict=True) if not ran.raised]


def lucky_classes(exercise: Code) -> Iterator[tuple[str, Callable[..., Any]]]:
    """The same for a class: what it keeps is right only where the luck holds."""
    for name, holds in CONDITIONS.items():
        if any(not holds(list(given.values())) for given in answered(exercise)):
            yield f"only {name}", subclass(exercise, holds)
    yield "an argument written to", subclass(exercise, lambda arguments: arguments[0].fill(0) or True)


def subclass(exercise: Code, holds: Callable[[list[Any]], bool]) -> type:
    base: Any = exercise.reference

    def append(self: Any, *arguments: Any) -> None:
        base.append(self, *(arguments if holds(list(arguments)) else map(spoilt, arguments)))

    return type("Mine", (base,), {"append": append})


def arrays(values: Iterable[Any]) -> list[np.ndarray]:
    """Every array among the arguments, in tuples and lists as well."""
    found: list[np.ndarray] = []
    for value in values:
        if isinstance(value, np.ndarray):
            found.append(value)
        elif isinstance(value, tuple | list):
            found += arrays(value)
    return found


def is_square(values: Iterable[Any]) -> bool:
    return all(a.ndim < 2 or a.shape[-1] == a.shape[-2] for a in arrays(values))


def one_length(values: Iterable[Any]) -> bool:
    """Do all arrays agree in their last two axes?"""
    return len({a.shape[-2:] for a in arrays(values) if a.ndim}) <= 1


def no_batch(values: Iterable[Any]) -> bool:
    return all(np.prod(a.shape[:-2], dtype=int) <= 1 for a in arrays(values))


def in_float64(values: Iterable[Any]) -> bool:
    return all(a.dtype != np.float32 for a in arrays(values))


def even_widths(values: Iterable[Any]) -> bool:
    return all(a.ndim == 0 or a.shape[-1] % 2 == 0 for a in arrays(values) if a.dtype != bool)


def no_empty_row(values: Iterable[Any]) -> bool:
    masks = [a for a in arrays(values) if a.dtype == bool and a.ndim > 1]
    return all(mask.any(axis=-1).all() for mask in masks)


def small_numbers(values: Iterable[Any]) -> bool:
    return all(np.abs(a[np.isfinite(a)]).max(initial=0) < 50 for a in arrays(values) if a.dtype.kind == "f")


CONDITIONS: dict[str, Callable[[list[Any]], bool]] = {
    "for square inputs": is_square,
    "where all arrays are of one size": one_length,
    "for a batch of one": no_batch,
    "in float64": in_float64,
    "for even widths": even_widths,
    "without an empty row": no_empty_row,
    "for small numbers": small_numbers,
}


EXEMPT = {
    "influence": {"in float64": "it measures differences of 1e-9, which float32 does not have"},
    "leaks_future": {"in float64": "it measures differences of 1e-9, which float32 does not have"},
    "decode_with_cache": {"where all arrays are of one size": "it is given a single array"},
    "sentence_vectors": {"without an empty row": "a text has tokens"},
}


def applies(name: str, exercise: Code) -> bool:
    """Does the shape line promise what no case tries?"""
    try:
        inputs = drawable(exercise.reference).values()
    except ValueError:
        return False
    promises = {
        "for square inputs": any(len(axes) > 1 and axes[-1] != axes[-2] for axes in inputs),
        "for a batch of one": any("..." in axes for axes in inputs),
        "in float64": bool(inputs),
        "without an empty row": "mask" in inspect.signature(exercise.reference).parameters,
    }
    return promises.get(name, False)


def same_sizes_as(given: dict[str, Any]) -> Callable[[list[Any]], bool]:
    shapes = [a.shape for a in arrays(given.values())]
    return lambda values: [a.shape for a in arrays(values)] == shapes


def spoilt(value: Any) -> Any:
    """A result of the same shape, with other numbers."""
    if isinstance(value, tuple):
        return type(value)(*map(spoilt, value)) if hasattr(value, "_fields") else tuple(map(spoilt, value))
    array = np.asarray(value)
    if array.dtype == bool:
        return ~array
    return array * 0.5 + 0.25 if array.dtype.kind == "f" else array + 1


def where(exercise: Code, holds: Callable[[list[Any]], bool]) -> Callable[..., Any]:
    def answer(*given: Any, **kwargs: Any) -> Any:
        args = [list(a) if isinstance(a, Iterator) else a for a in given]
        value = exercise.reference(*args, **kwargs)
        return value if holds([*args, *kwargs.values()]) else spoilt(value)

    return answer


def changed(exercise: Code, change: Callable[..., Any]) -> Callable[..., Any]:
    def answer(*args: Any, **kwargs: Any) -> Any:
        value = exercise.reference(*args, **kwargs)
        return tuple(map(change, value)) if isinstance(value, tuple) else change(np.asarray(value))

    return answer


def first_call(exercise: Code) -> Callable[..., Any]:
    seen: list[int] = []

    def answer(*args: Any, **kwargs: Any) -> Any:
        seen.append(1)
        value = exercise.reference(*args, **kwargs)
        return value if len(seen) == 1 else spoilt(value)

    return answer


def with_state(exercise: Code) -> Callable[..., Any]:
    seen: list[int] = []

    def answer(*args: Any, **kwargs: Any) -> Any:
        value = exercise.reference(*args, **kwargs)
        seen.append(1)
        half = len(seen) > len(exercise.cases)  # right the first time through
        return spoilt(value) if half else value

    return answer


def with_noise(exercise: Code) -> Callable[..., Any]:
    rng = np.random.default_rng()

    def noisy(value: Any) -> Any:
        array = np.asarray(value)
        if array.dtype == bool:
            return array ^ (rng.random(array.shape) < 0.5)
        return array + rng.standard_normal(array.shape)

    return changed(exercise, noisy)


def writes(exercise: Code) -> Callable[..., Any]:
    def answer(*given: Any, **kwargs: Any) -> Any:
        args = [list(a) if isinstance(a, Iterator) else a for a in given]
        value = exercise.reference(*args, **kwargs)
        for array in arrays([*args, *kwargs.values()])[:1]:
            array[...] = 0
        return value

    return answer
