"""Judge what a learner types as an answer: 131072, "128 KiB", "1/8", "50 %", (2, 3), "keys"."""

import re
from fractions import Fraction
from typing import Any

import numpy as np

from attncore.exercises import Exercise
from attncore.grading.report import Report, said

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
SECONDS = {"s": 1, "sec": 1, "second": 1, "seconds": 1, "ms": 1e-3, "millisecond": 1e-3, "milliseconds": 1e-3}
SECONDS |= {"us": 1e-6, "µs": 1e-6, "microseconds": 1e-6, "min": 60, "minute": 60, "minutes": 60}
RATE = re.compile(r"(\s*/|\s+per|\s+an?|\s+each)\s*s(ec(ond)?)?$")  # "GB/s", "tokens a second"
NOUNS = "tokens positions heads layers keys queries requests"  # what a number may be followed by anywhere
LONGEST = 200  # characters of a number with its unit
UNITS = ("B", "byte", "bytes", "FLOP", "FLOPs", "parameters", "")
NUMBER = re.compile(r"([-+]?[\d.,_]+(?:e[-+]?\d{1,3})?(?:\s*/\s*[\d.]+)?)\s*(.*)", re.IGNORECASE)


def judge_value(exercise: Exercise, answer: Any) -> Report:
    """Judge a number, a shape or a choice."""
    expected, choices = exercise.reference(), exercise.words.get("choices", [])
    try:
        got = read(answer, expected, f"{exercise.words.get('question', '')} {NOUNS}")
    except ValueError as problem:
        return said(exercise, "wrong", f"{problem}.", unread=True)
    if is_value(got, expected, exercise.tolerance):
        return said(exercise, "right", f"right. {exercise.words.get('because', '')}".strip())
    for label, value in exercise.wrong.items():
        if is_value(got, value(), exercise.tolerance):
            return said(exercise, "wrong", f"not right: {label}.", ("why", exercise.why(label)), mistake=label)
    if choices and got not in [choice.lower() for choice in choices]:
        every = ", ".join(f'"{choice}"' for choice in choices)
        return said(exercise, "wrong", f"choose one of {every}.", unread=True)
    return said(exercise, "wrong", nearly(answer, got, expected, exercise.tolerance))


def nearly(answer: Any, got: Any, expected: Any, tolerance: float) -> str:
    """What is said of a value that is no known mistake: units of 1,000 for 1,024, a few digits, or nothing more."""
    binary = re.sub(r"(\d ?)([KMGT])B$", r"\1\2iB", answer.replace("kB", "KB")) if isinstance(answer, str) else answer
    if binary != answer and is_value(read(binary, expected), expected, tolerance):
        return f"nearly. {answer} counts in thousands; units of 1,024 are KiB, MiB and GiB."
    shown = as_text(answer)
    if isinstance(got, float) and tolerance and is_value(got, expected, 5 * tolerance):
        return f"{shown} is close. Give it more precisely, to within {100 * tolerance:g} %."
    return f'"{shown}" is not right.' if isinstance(expected, str) else f"{shown} is not right."


def as_text(answer: Any) -> str:
    """An answer as Python writes it; a number with thousands of digits can't be written."""
    try:
        return str(answer)
    except ValueError:
        return "that"


def is_value(got: Any, expected: Any, tolerance: float) -> bool:
    if isinstance(expected, str):
        return bool(got == expected.lower())
    if isinstance(expected, tuple):
        return bool(got == expected)
    return bool(np.isclose(got, expected, rtol=tolerance, atol=0))


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
        raise ValueError(f"{answer!r} isn't a number") from None


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
    except (TypeError, ValueError, OverflowError):
        pass
    raise ValueError("that isn't a shape; a shape looks like (2, 3)")


def read_quantity(text: str, question: str) -> float:
    """A number with or without a unit, in the base unit: "128 KiB" is 131072."""
    found = NUMBER.fullmatch(text) if len(text) <= LONGEST else None
    if not found:
        raise ValueError(f'"{text}" isn\'t a number. 0.25, 1/4 and 4096 are; in a cell, 2**10 without quotes is, too')
    digits, unit = found.groups()
    if re.fullmatch(r"[-+]?\d+,\d{1,2}|[-+]?0,\d+", digits):
        raise ValueError(f'write "{digits.replace(",", ".")}", with a point')
    try:
        number = float(Fraction(re.sub(r"[,_\s]", "", digits)))
    except (ValueError, ZeroDivisionError, OverflowError):
        raise ValueError(f'"{text}" isn\'t a number') from None
    return number * factor(unit, question)


def factor(unit: str, question: str) -> float:
    if unit in ("%", "percent", "per cent"):
        return 0.01
    unit = RATE.sub("", unit)
    if unit in SECONDS and "second" in question.lower():
        return SECONDS[unit] * (1000 if "milliseconds" in question.lower() else 1)
    first, _, rest = unit.partition(" ")
    if first.lower() in WORDS:
        return WORDS[first.lower()] * factor(rest, question)
    if unit.isalpha() and unit.lower() in question.lower() and unit not in UNITS:
        return 1
    for prefix, times in PREFIXES.items():
        if unit.startswith(prefix) and unit.removeprefix(prefix) in UNITS:
            return times
    raise ValueError(f'"{unit}" is not known here. Give a number, or let Python work it out without quotes')
