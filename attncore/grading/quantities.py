"""Read what a learner types as an answer: 131072, "128 KiB", "1/8", "50 %", (2, 3), "keys"."""

import re
from fractions import Fraction
from numbers import Number
from typing import Any

PREFIXES = {"": 1, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15}
BINARY = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
WORDS = {"thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12}
UNITS = ("B", "byte", "bytes", "FLOP", "FLOPs", "bit", "bits", "parameters", "numbers", "")
NUMBER = re.compile(r"\s*([-+]?[\d.,_]+(?:e[-+]?\d+)?(?:\s*/\s*[\d.]+)?)\s*(.*?)\s*", re.IGNORECASE)


def read(answer: Any, expected: Any) -> Any:
    """The answer in the expected value's form. Raises ValueError with a sentence where it cannot be read."""
    if isinstance(expected, tuple):
        return read_shape(answer)
    if isinstance(expected, bool):
        return read_truth(answer)
    if isinstance(expected, str):
        return str(answer).strip().lower()
    if isinstance(answer, str):
        return read_quantity(answer)
    if isinstance(answer, Number) or getattr(answer, "shape", None) == ():
        return float(answer)
    raise ValueError(f"{answer!r} is no number")


def read_shape(answer: Any) -> tuple[int, ...]:
    try:
        if isinstance(answer, str):
            answer = re.findall(r"\d+", answer)
        return tuple(int(length) for length in ([answer] if isinstance(answer, int) else answer))
    except (TypeError, ValueError):
        raise ValueError(f"{answer!r} is no shape; a shape looks like (2, 3)") from None


def read_truth(answer: Any) -> bool:
    words = {"true": True, "yes": True, "false": False, "no": False}
    word = str(answer).strip().lower()
    if word not in words:
        raise ValueError(f"{answer!r} is neither True nor False")
    return words[word]


def read_quantity(text: str) -> float:
    """A number with or without a unit, in the base unit: "128 KiB" is 131072."""
    found = NUMBER.fullmatch(text)
    if not found:
        raise ValueError(f'"{text}" is no number')
    digits, unit = found.groups()
    try:
        number = float(Fraction(digits.replace(",", "").replace("_", "").replace(" ", "")))
    except (ValueError, ZeroDivisionError):
        raise ValueError(f'"{text}" is no number') from None
    return number * factor(unit)


def factor(unit: str) -> float:
    if unit == "%":
        return 0.01
    first, _, rest = unit.partition(" ")
    if first.lower() in WORDS and rest in UNITS:
        return WORDS[first.lower()]
    for prefix, times in (BINARY | PREFIXES).items():
        for spelled in {prefix, prefix.upper()} if prefix == "k" else {prefix}:
            if unit.startswith(spelled) and unit.removeprefix(spelled) in UNITS:
                return times
    raise ValueError(f'the unit "{unit}" is not known here; bytes are B, KiB, MB and the like')
