"""What questions with redrawn numbers share: values drawn by chance, and figures as one writes them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
)
ONES = [*UNITS.split(), "eighteen", "nineteen"]
TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
ODD = {"one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth"}
ODD |= {"twelve": "twelfth"}


@dataclass(frozen=True)
class Among:
    """A draw: each value by chance among its choices, all of them again until `fits` holds."""

    choices: dict[str, Sequence[Any]]
    fits: Callable[..., bool]

    def __call__(self, rng: np.random.Generator) -> dict[str, Any]:
        while True:
            given = {name: one_of(rng, values) for name, values in self.choices.items()}
            if self.fits(**given):
                return given

    def every(self) -> Iterator[dict[str, Any]]:
        """All that can be drawn."""
        for values in product(*self.choices.values()):
            given = dict(zip(self.choices, values, strict=True))
            if self.fits(**given):
                yield given


def among(fits: Callable[..., bool] = lambda **given: True, **choices: Sequence[Any]) -> Among:
    """A draw for `numeric`: among(tokens=(1024, 2048), heads=(8, 16))."""
    return Among(choices, fits)


def one_of(rng: np.random.Generator, values: Sequence[Any]) -> Any:
    """One of several values, as it stands there and not as NumPy's."""
    return values[int(rng.integers(len(values)))]


def apart(*functions: Callable[..., float], by: float = 0.02) -> Callable[..., bool]:
    """Do functions of the numbers differ from one another, by that share? For `among`."""

    def fits(**given: Any) -> bool:
        values = sorted(float(function(**given)) for function in functions)
        return all(low < high - by * abs(high) for low, high in zip(values, values[1:], strict=False))

    return fits


def binary(count: float) -> str:
    """Bytes in units of 1,024: "512 KiB", "6.54 GiB"."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{digits(count)} {unit}"
        count /= 1024
    return f"{digits(count)} TiB"


def decimal(count: float, of: str = "B") -> str:
    """A number in units of 1,000: "13.5 GB"."""
    for unit in ("", "k", "M", "G"):
        if count < 1000:
            return f"{digits(count)} {unit}{of}"
        count /= 1000
    return f"{digits(count)} T{of}"


def digits(value: float) -> str:
    """A whole number as it is, another one to three figures."""
    if value == int(value) or value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def scientific(value: float, figures: int) -> str:
    """A small number to so many figures: "3.7e-6"."""
    return f"{value:.{figures - 1}e}".replace("e-0", "e-")


def spelled(n: int) -> str:
    """A whole number below 100 in words: "twenty-five"."""
    tens, ones = divmod(n, 10)
    if n < 20:
        return ONES[n]
    return TENS[tens - 2] + (f"-{ONES[ones]}" if ones else "")


def placed(n: int) -> str:
    """A place in words: "third", "thirty-second"."""
    head, dash, last = spelled(n).rpartition("-")
    regular = f"{last[:-1]}ieth" if last.endswith("y") else f"{last}th"
    return f"{head}{dash}{ODD.get(last, regular)}"


def numbered(n: int) -> str:
    """A place in figures: "31st"."""
    suffix = "th" if n // 10 % 10 == 1 else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n:,}{suffix}"


def part(n: int) -> str:
    """One part of so many, without its article: "half", "quarter", "eighth"."""
    return {2: "half", 4: "quarter"}.get(n) or placed(n)


def times(ratio: float) -> str:
    """How many times: "twice", "four times", "2.3 times"."""
    if ratio == 2:
        return "twice"
    return f"{spelled(int(ratio)) if ratio == int(ratio) < 100 else digits(ratio)} times"


def capital(text: str) -> str:
    """The text as a sentence begins."""
    return text[:1].upper() + text[1:]
