"""What an exercise is: a reference, the cases it is tried on, and the answers known to be wrong or right.

An exercise is one file, `masks/causal_mask.py`, with its words beside it in `causal_mask.toml`:

    exercise = code(
        causal_mask,
        case("three tokens", n_query=3),
        case("more queries than keys", promise="With more queries than keys the first rows are empty.", ...),
    )

    @exercise.mistake("the diagonal is hidden")
    def diagonal_hidden(n_query, n_key=None): ...

    @exercise.another_way
    def positions_compared(n_query, n_key=None): ...

A label is a sentence that a learner reads; it stands over several functions where a mistake is written in several ways.
A case with a promise is an edge: a corner that this sentence of the prompt names. Every other case is core.
"""

import inspect
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
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

    `promise` makes it an edge: the sentence of the prompt, word for word, that says what happens in this corner. Where
    the reference raises on a case, an answer has to raise too. `redraw` gives other numbers in these shapes, by a seed.
    """

    name: str
    make: Callable[[], dict[str, Any]]
    promise: str = ""
    redraw: Callable[[int], dict[str, Any]] | None = None

    @cached_property
    def size(self) -> int:
        """How many numbers a reader of this case has to look at."""
        return count_numbers(tuple(self.make().values()))


Maker = Callable[[Callable], list[Case]]  # given the function that is asked, its cases


def count_numbers(value: Any) -> int:
    if isinstance(value, list | tuple):
        return sum(map(count_numbers, value))
    return value.size if isinstance(value, np.ndarray) else 1


class Lengths(dict):
    """Axis letters to lengths, read as attributes: s.q is the number of queries."""

    __getattr__ = dict.__getitem__


def case(name: str, /, **how: Any) -> Maker:
    """A case whose arrays are drawn from the shape line of the function that is asked; `how` is that of `draw`."""
    return lambda reference: [draw(reference, name, **how)]


def usual(**how: Any) -> Maker:
    """The cases that every exercise with a shape line gets; `how` goes into each."""

    def made(reference: Callable) -> list[Case]:
        batched = any("..." in axes for axes in shape_line(reference)[0])
        kinds: dict[str, dict[str, Any]] = {
            "a small example": {"small": True},
            "another small example": {"small": True},
            "no two axes of one length": {},
        }
        if batched:
            kinds |= {
                "a batch of two": {"small": True, "lead": (2,)},
                "a batch of one": {"small": True, "lead": (1,)},
                "two leading axes": {"lead": (2, 4)},
            }
        kinds["float32"] = {"dtype": np.float32}
        return [draw(reference, name, **kind, **how) for name, kind in kinds.items()]

    return made


def draw(
    reference, name, /, *, promise="", small=False, lead=(), dtype=np.float64, magnitude=1.0, sizes=None, **given
) -> Case:
    """A case whose arrays are drawn from the reference's shape line.

    `lead` are the leading axes, `magnitude` multiplies the draws, `sizes` replaces some axis lengths. `given` sets
    parameters by name: a value, or a function (rng, s) that makes one, where s holds the axis lengths. Other parameters
    keep their default.
    """
    s = Lengths((SMALL if small else LENGTHS) | (sizes or {}))
    arrays = drawable(reference)
    parameters = list(inspect.signature(reference).parameters)
    seed = zlib.crc32(f"{reference.__name__} {name}".encode())

    def make(*more: int) -> dict[str, Any]:
        rng = np.random.default_rng([seed, *more] if more else seed)
        arguments: dict[str, Any] = {}
        for parameter, axes in arrays.items():
            if parameter not in given:
                shape = [lead if axis == "..." else (s[axis],) for axis in axes]
                numbers = rng.standard_normal(sum(shape, ())) * magnitude
                arguments[parameter] = np.round(numbers, 1 if small else 12).astype(dtype)
        for parameter, value in given.items():
            value = value(rng, s) if callable(value) else value
            is_float = isinstance(value, np.ndarray) and value.dtype.kind == "f"
            arguments[parameter] = value.astype(dtype) if is_float else value
        return {name: arguments[name] for name in parameters if name in arguments} | arguments

    return Case(name, make, promise, make)


class Output(NamedTuple):
    """One result of a function: its name, empty where there is only one, and its axes, by the function's own words."""

    name: str
    axes: tuple[str, ...]


class Signature(NamedTuple):
    """How an answer is called, and all that its caller knows: no reference, no expected value.

    `drive(answer, ...)` takes the arguments of a case where they are not those of the function itself: it makes a cache
    and fills it, or draws often and counts. `several` is how many results there are.
    """

    name: str
    parameters: inspect.Signature
    drive: Callable | None
    several: int


@dataclass(eq=False)
class Exercise:
    """One question of the course: a number, a prediction, a card to answer aloud, or, as Code, a function.

    The reference takes nothing and returns the answer, and so do the wrong ones, by label; a card has neither. Where
    the numbers are redrawn, the `template` holds functions of the numbers, and words with their names in braces.
    """

    id: str
    kind: str
    reference: Callable = lambda: None
    wrong: dict[str, Callable] = field(default_factory=dict)
    tolerance: float = 0.01
    lesson: str = ""
    words: dict[str, Any] = field(default_factory=dict)
    bug: str = ""
    template: "Drill | None" = None

    def drawn(self, seed: int | None = None) -> "Exercise":
        """The same question with numbers drawn anew, or without a seed with the first ones."""
        return self if self.template is None else self.template.drawn(self, seed)

    @property
    def title(self) -> str:
        return self.words["title"]

    @property
    def hints(self) -> list[str]:
        return self.words.get("hints", [])

    @property
    def section(self) -> tuple[str, str]:
        """The lesson and the heading that answer it, where its words name them: "Bytes", or "12_cache: Bytes"."""
        lesson, heading = re.fullmatch(r"(?:(\d\d_\w+): )?(.*)", self.words["section"]).groups()  # type: ignore[union-attr]
        return lesson or self.lesson, heading

    @property
    def taught_in(self) -> str:
        """The lesson that teaches what it asks: mostly its own."""
        return self.section[0] if "section" in self.words else self.lesson

    def why(self, label: str) -> str:
        """The sentence that explains a wrong solution or a convention."""
        return self.words.get("why", {})[label]


@dataclass(eq=False)
class Code(Exercise):
    """A function to write, or with a `bug`, the label of one of its mistakes, a broken one to repair.

    `wrong`, `right` and `conventions` map a label to a function like the reference. `rewritten` are further writings of
    a wrong one, each with its label.
    """

    cases: list[Case] = field(default_factory=list)
    right: dict[str, Callable] = field(default_factory=dict)
    conventions: dict[str, Callable] = field(default_factory=dict)
    drive: Callable | None = None
    rewritten: list[tuple[str, Callable]] = field(default_factory=list)

    @cached_property
    def outputs(self) -> list[Output]:
        """What a function returns, as its shape line says; several where it is a tuple."""
        called = self.drive or self.reference
        if not hasattr(called, "contract"):
            return [Output("", ())]
        _, axes = shape_line(called)
        words = called.contract.words
        return [
            Output(name, tuple(words.get(axis, axis) for axis in each))
            for name, each in zip(results(called) or ("",), axes, strict=True)
        ]

    @cached_property
    def signature(self) -> Signature:
        parameters = inspect.signature(self.reference)
        return Signature(self.reference.__name__, parameters, self.drive, len(self.outputs))

    @property
    def writings(self) -> list[tuple[str, Callable]]:
        """Every wrong solution with its label, all writings of a mistake among them."""
        return [*self.wrong.items(), *self.rewritten]

    def mistake(self, label: str) -> Callable[[Callable], Callable]:
        """Add a labeled wrong solution, or another writing of one."""

        def add(function: Callable) -> Callable:
            if self.wrong.setdefault(label, function) is not function:
                self.rewritten.append((label, function))
            return function

        return add

    def another_way(self, function: Callable) -> Callable:
        """Add a right solution in another style; the first one is shown beside the reference."""
        return _adder(self.right, function.__name__.replace("_", " "))(function)

    def other_convention(self, label: str) -> Callable[[Callable], Callable]:
        """Add what is right elsewhere and is told so by name."""
        return _adder(self.conventions, label)


def _adder(where: dict[str, Callable], label: str) -> Callable[[Callable], Callable]:
    def add(function: Callable) -> Callable:
        if label in where:
            raise ValueError(f"the label {label!r} is taken")
        where[label] = function
        return function

    return add


def code(
    reference: Callable,
    *cases: Case | Maker,
    tolerance: float = 1e-7,
    drive: Callable | None = None,
    id: str = "",
    bug: str = "",
) -> Code:
    """A function to write; with a `bug`, one to repair."""
    made = [c for item in cases for c in ([item] if isinstance(item, Case) else item(reference))]
    kind = "debug" if bug else "code"
    return Code(id or reference.__name__, kind, reference, {}, tolerance, bug=bug, cases=made, drive=drive)


@dataclass(frozen=True)
class Drill:
    """A number asked with other values each time.

    `first` are the values of the lesson's page, `draw(rng)` gives others. The reference and the wrong ones take them by
    name, and so does `worked`, which gives further figures for the words; the answer itself is {answer} there.
    """

    reference: Callable
    wrong: dict[str, Callable]
    first: dict[str, Any]
    draw: Callable[[np.random.Generator], dict[str, Any]]
    worked: Callable[..., dict[str, Any]] = lambda **given: {}
    words: dict[str, Any] = field(default_factory=dict)

    def drawn(self, exercise: Exercise, seed: int | None) -> Exercise:
        template = self if self.words else replace(self, words=exercise.words)
        given = (
            self.first if seed is None else self.draw(np.random.default_rng([seed, zlib.crc32(exercise.id.encode())]))
        )
        figures = given | {"answer": self.reference(**given)} | self.worked(**given)
        return replace(
            exercise,
            reference=partial(self.reference, **given),
            wrong={label: partial(function, **given) for label, function in self.wrong.items()},
            words=filled(template.words, figures),
            template=template,
        )


def filled(words: Any, figures: dict[str, Any]) -> Any:
    """Words in which every name in braces is replaced by its figure."""
    if isinstance(words, str):
        return words.format(**figures)
    if isinstance(words, list):
        return [filled(part, figures) for part in words]
    return {key: filled(value, figures) for key, value in words.items()} if isinstance(words, dict) else words


def numeric(
    id: str,
    reference: Callable,
    wrong: dict[str, Callable],
    tolerance: float = 0.01,
    first: dict[str, Any] | None = None,
    draw: Callable[[np.random.Generator], dict[str, Any]] | None = None,
    worked: Callable[..., dict[str, Any]] = lambda **given: {},
) -> Exercise:
    """A number to work out; the wrong ones are told by their labels. With `first` and `draw`, see Drill."""
    drill = Drill(reference, wrong, first or {}, draw, worked) if draw else None
    return Exercise(id, "numeric", reference, wrong, tolerance, template=drill)


def predict(id: str, reference: Callable, wrong: dict[str, Callable], tolerance: float = 0.01) -> Exercise:
    """A shape, a number or a choice to predict."""
    return Exercise(id, "predict", reference, wrong, tolerance)
