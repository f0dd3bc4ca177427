"""Read what a learner types as an answer: 131072, "128 KiB", "1/8", "50 %", (2, 3), "keys"."""

import re
from fractions import Fraction
from typing import Any

PREFIXES = {
    "Ki": 2**10,
    "Mi": 2**20,
    "Gi": 2**30,
    "Ti": 2**40,
    "k": 1e3,
    "K": 1e3,
    "M": 1e6,
    "G": 1e9,
    "T": 1e12,
    "": 1,
}
WORDS = {"thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12}
UNITS = ("B", "byte", "bytes", "FLOP", "FLOPs", "parameters", "")
NUMBER = re.compile(r"([-+]?[\d.,_]+(?:e[-+]?\d{1,3})?(?:\s*/\s*[\d.]+)?)\s*(.*)", re.IGNORECASE)


def read(answer: Any, expected: Any, question: str = "") -> Any:
    """The answer in the expected value's form. Raises ValueError, with a sentence, where it cannot be read.

    Any word of the question may stand behind a number: "512 layers".
    """
    if isinstance(expected, tuple):
        return read_shape(answer)
    if isinstance(expected, str):
        return str(answer).strip(" .\"'").lower()
    if isinstance(answer, str):
        return read_quantity(answer.strip(), question)
    try:
        return float(answer)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{answer!r} is no number") from None


def read_shape(answer: Any) -> tuple[int, ...]:
    if isinstance(answer, str):
        answer = (
            [int(length) for length in re.findall(r"\d+", answer)]
            if re.fullmatch(r"[\d\s,x×()\[\]]*", answer)
            else None
        )
    lengths = (answer,) if isinstance(answer, int) else answer
    try:
        if all(length == int(length) >= 0 for length in lengths):
            return tuple(map(int, lengths))
    except (TypeError, ValueError):
        pass
    raise ValueError("that is no shape; a shape looks like (2, 3)")


def read_quantity(text: str, question: str) -> float:
    """A number with or without a unit, in the base unit: "128 KiB" is 131072."""
    found = NUMBER.fullmatch(text)
    if not found:
        raise ValueError(f'"{text}" is no number; without quotes, Python works it out')
    digits, unit = found.groups()
    if re.fullmatch(r"[-+]?\d+,\d{1,2}|[-+]?0,\d+", digits):
        raise ValueError(f'write "{digits.replace(",", ".")}", with a point')
    try:
        number = float(Fraction(re.sub(r"[,_\s]", "", digits)))
    except (ValueError, ZeroDivisionError, OverflowError):
        raise ValueError(f'"{text}" is no number') from None
    return number * factor(unit, question)


def factor(unit: str, question: str) -> float:
    if unit == "%":
        return 0.01
    first, _, rest = unit.partition(" ")
    if first.lower() in WORDS:
        return WORDS[first.lower()] * factor(rest, question)
    if unit.isalpha() and unit.lower() in question.lower() and unit not in UNITS:
        return 1
    for prefix, times in PREFIXES.items():
        if unit.startswith(prefix) and unit.removeprefix(prefix) in UNITS:
            return times
    raise ValueError(f'"{unit}" is not known here. Give a number, or let Python work it out without quotes')
