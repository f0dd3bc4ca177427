"""What an exercise is: a reference, the cases it is tried on, and the answers known to be wrong or right.

A topic file names its lesson and adds to it:

    lesson = Lesson("02_softmax")
    softmax_exercise = lesson.code(softmax, cases(softmax, ...))

    @softmax_exercise.mistake
    def base_two(x, axis=-1): ...

    @softmax_exercise.another_way
    def with_exp2(x, axis=-1): ...

The name of a wrong solution, its underscores read as spaces, is the label that a learner reads. The words (title,
hints, one sentence on each mistake) stand in the TOML file beside it.
"""

import inspect
import tomllib
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from attncore.shapes import drawable, results, shape_line

KINDS = ("code", "predict", "numeric", "debug", "explain")
LENGTHS = {"b": 2, "q": 3, "k": 5, "d": 8, "v": 6, "n": 5, "m": 12, "h": 6, "w": 2}
LENGTHS |= {"s": 7, "a": 4, "s+m": 19, "g": 3, "l": 4, "H": 6, "W": 4, "c": 3, "f": 9, "z": 7, "r": 4}
SMALL = {"b": 2, "q": 2, "k": 3, "d": 4, "v": 1, "n": 3, "m": 4, "h": 2, "w": 2}
SMALL |= {"s": 2, "a": 3, "s+m": 6, "g": 1, "l": 2, "H": 4, "W": 2, "c": 1, "f": 3, "z": 3, "r": 2}


@dataclass(frozen=True)
class Case:
    """One set of arguments. `make` builds them afresh, so that no answer can spoil them for the next.

    `stage` says what fails where this case is the first to fail: "the mask", "very large scores".
    """

    name: str
    make: Callable[[], dict[str, Any]]
    stage: str = ""

    @cached_property
    def size(self) -> int:
        """How many numbers a reader of this case has to look at."""
        return count_numbers(tuple(self.make().values()))


def count_numbers(value: Any) -> int:
    if isinstance(value, list | tuple):
        return sum(map(count_numbers, value))
    return value.size if isinstance(value, np.ndarray) else 1


class Output(NamedTuple):
    """One result of a function: its name, empty where there is only one, and its axis letters."""

    name: str
    axes: tuple[str, ...]


class Lengths(dict):
    """Axis letters to lengths, read as attributes: s.q is the number of queries."""

    __getattr__ = dict.__getitem__


def case(
    reference, name, *, stage="", small=False, lead=(), dtype=np.float64, magnitude=1.0, sizes=None, **given
) -> Case:
    """A case whose arrays are drawn from the reference's shape line.

    `lead` are the leading axes, `magnitude` multiplies the draws, `sizes` replaces some axis lengths. `given` sets
    parameters by name: a value, or a function (rng, s) that makes one, where s holds the axis lengths. Other parameters
    keep their default.
    """
    s = Lengths((SMALL if small else LENGTHS) | (sizes or {}))
    drawn = drawable(reference)
    parameters = list(inspect.signature(reference).parameters)
    seed = zlib.crc32(f"{reference.__name__} {name}".encode())

    def make() -> dict[str, Any]:
        rng = np.random.default_rng(seed)
        arguments: dict[str, Any] = {}
        for parameter, axes in drawn.items():
            if parameter not in given:
                shape = [lead if axis == "..." else (s[axis],) for axis in axes]
                numbers = rng.standard_normal(sum(shape, ())) * magnitude
                arguments[parameter] = np.round(numbers, 1 if small else 12).astype(dtype)
        for parameter, value in given.items():
            value = value(rng, s) if callable(value) else value
            is_float = isinstance(value, np.ndarray) and value.dtype.kind == "f"
            arguments[parameter] = value.astype(dtype) if is_float else value
        return {name: arguments[name] for name in parameters if name in arguments} | arguments

    return Case(name, make, stage)


def cases(reference, *more: Case, **given) -> list[Case]:
    """The cases that every exercise with a shape line gets, then `more`. `given` goes into each of the first."""
    batched = any("..." in axes for axes in shape_line(reference)[0])
    plain = [
        case(reference, "a small example", small=True, **given),
        case(reference, "another small example", small=True, **given),
        case(reference, "no two axes of one length", **given),
    ]
    if batched:
        plain += [
            case(reference, "a batch of two", small=True, lead=(2,), **given),
            case(reference, "a batch of one", small=True, lead=(1,), **given),
            case(reference, "two leading axes", lead=(2, 4), **given),
        ]
    plain += [case(reference, "float32", dtype=np.float32, **given)]
    return [*plain, *more]


@dataclass(eq=False)
class Exercise:
    """One question of the course. `wrong`, `right` and `conventions` map a label to a function like the reference.

    In "numeric" and "predict" the reference and the wrong ones take nothing and return the answer. Where the arguments
    of a case are not those of the reference, `drive(answer, ...)` takes them: it makes a cache and fills it, or draws
    often and counts.
    """

    id: str
    kind: str
    lesson: str
    reference: Callable
    cases: list[Case] = field(default_factory=list)
    tolerance: float = 1e-6
    bug: str | None = None
    wrong: dict[str, Callable] = field(default_factory=dict)
    right: dict[str, Callable] = field(default_factory=dict)
    conventions: dict[str, Callable] = field(default_factory=dict)
    words: dict[str, Any] = field(default_factory=dict)
    drive: Callable | None = None

    @cached_property
    def outputs(self) -> list[Output]:
        """What a function returns, as its shape line says; several where it is a tuple."""
        called = self.drive or self.reference
        if not hasattr(called, "contract"):
            return [Output("", ())]
        _, axes = shape_line(called)
        return [Output(*both) for both in zip(results(called) or ("",), axes, strict=True)]

    @property
    def title(self) -> str:
        return self.words["title"]

    @property
    def hints(self) -> list[str]:
        return self.words.get("hints", [])

    def mistake(self, function: Callable) -> Callable:
        """Add a labelled wrong solution."""
        return _add(self.wrong, function)

    def another_way(self, function: Callable) -> Callable:
        """Add a right solution in another style; the first one is shown beside the reference."""
        return _add(self.right, function)

    def other_convention(self, function: Callable) -> Callable:
        """Add what is right elsewhere and is told so by name."""
        return _add(self.conventions, function)

    def why(self, label: str) -> str:
        """The sentence that explains a wrong solution or a convention."""
        return self.words.get("why", {})[label.replace(" ", "_")]


def _add(where: dict[str, Callable], function: Callable) -> Callable:
    label = label_of(function)
    if label in where:
        raise ValueError(f"the label {label!r} is taken")
    where[label] = function
    return function


def label_of(function: Callable) -> str:
    return function.__name__.replace("_", " ").strip()


class Lesson:
    """The exercises of one lesson, with their words from the TOML file of the same name."""

    def __init__(self, name: str):
        self.name = name
        self.topic = name[3:]
        with open(Path(__file__).with_name(f"{self.topic}.toml"), "rb") as file:
            self.words: dict[str, dict] = tomllib.load(file)
        self.exercises: dict[str, Exercise] = {}

    def code(self, reference: Callable, cases: Iterable[Case], tolerance: float = 1e-6, **how: Any) -> Exercise:
        """A function to write; `how` may set its driver, `drive`."""
        return self._add(Exercise(reference.__name__, "code", self.name, reference, list(cases), tolerance, **how))

    def debug(self, id: str, code: Exercise, bug: Callable) -> Exercise:
        """A broken function to repair: one wrong solution of a code exercise, judged as that exercise is."""
        kept = replace(code, id=id, kind="debug", lesson=self.name, bug=label_of(bug))
        return self._add(kept, why=code.words.get("why", {}))

    def numeric(self, id: str, reference: Callable, tolerance: float = 0.01, **wrong: Callable) -> Exercise:
        return self._value("numeric", id, reference, tolerance, wrong)

    def predict(self, id: str, reference: Callable, tolerance: float = 0.01, **wrong: Callable) -> Exercise:
        return self._value("predict", id, reference, tolerance, wrong)

    def explain(self, *ids: str) -> None:
        for id in ids:
            self._add(Exercise(id, "explain", self.name, lambda: None))

    def _value(self, kind, id, reference, tolerance, wrong) -> Exercise:
        labels = {label.replace("_", " "): value for label, value in wrong.items()}
        return self._add(Exercise(id, kind, self.name, reference, tolerance=tolerance, wrong=labels))

    def _add(self, exercise: Exercise, why: dict | None = None) -> Exercise:
        exercise.words = self.words.get(exercise.id, {})
        if why is not None:
            exercise.words.setdefault("why", why)
        self.exercises[exercise.id] = exercise
        return exercise

    def __iter__(self) -> Iterator[Exercise]:
        return iter(self.exercises.values())
