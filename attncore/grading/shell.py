"""What IPython gives to a cell by itself: magics that measure run their code, and all others do nothing."""

import re
from collections.abc import Callable
from typing import Any

MEASURE = ("time", "timeit", "prun", "capture", "memit", "mprun", "lprun")
PYLAB = "import numpy as np\nimport matplotlib.pyplot as plt\nfrom pylab import *\n"


class Nothing:
    """Whatever is asked of it, it does nothing: `get_ipython().events.register(...)`."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Nothing()

    def __call__(self, *args: Any, **kwargs: Any) -> None:
        return None


class Shell(Nothing):
    """What get_ipython() returns. `run` runs a cell's text in the file's names and returns its last value."""

    def __init__(self, run: Callable[[str], Any]):
        self._run = run

    def run_line_magic(self, name: str, line: str, *args: Any, **kwargs: Any) -> Any:
        if name == "pylab":
            return self._run(PYLAB)
        if name in MEASURE:
            return self._run(without_options(line))
        return None

    def run_cell_magic(self, name: str, line: str, cell: str) -> Any:
        return self._run(cell) if name in MEASURE else None

    def magic(self, line: str) -> Any:
        name, _, rest = line.lstrip("%").partition(" ")
        return self.run_line_magic(name, rest)

    def run_cell(self, cell: str, *args: Any, **kwargs: Any) -> Any:
        return self._run(cell)

    ex = run_cell

    def getoutput(self, command: str, *args: Any, **kwargs: Any) -> list[str]:
        return []


def without_options(line: str) -> str:
    """The statement of `%timeit -n 10 -r3 softmax(x)`."""
    return re.sub(r"^(\s*-[a-zA-Z]+\s*\d*\s+)+", "", line).strip()


def given_names(run: Callable[[str], Any]) -> dict[str, Any]:
    """The names that a cell finds without having defined them."""
    shell = Shell(run)

    def get_ipython() -> Shell:
        return shell

    def display(*shown: Any, **how: Any) -> None:
        return None

    outputs: dict[int, Any] = {}
    lines = [""]
    return {
        "get_ipython": get_ipython,
        "display": display,
        "exit": Nothing(),
        "quit": Nothing(),
        "In": lines,
        "Out": outputs,
        **dict.fromkeys(("_", "__", "___", "_i", "_ii", "_iii"), ""),
        "_ih": lines,
        "_oh": outputs,
        "_dh": ["."],
    }
