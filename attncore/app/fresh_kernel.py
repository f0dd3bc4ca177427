"""What a kernel says before a lesson's first cell was run: an IPython extension, loaded into the kernels of our lab.

That cell imports all that the others use. After a restart an exercise would only say that `check` is not defined; here
it says what to do. And `reset(...)` would be IPython's own %reset, which offers to delete every variable.
"""

import os
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

import attncore
from attncore.app.places import NOTEBOOKS

ADVICE = "This kernel has just started and knows nothing yet. Run the notebook's first code cell, then this one again."


def load_ipython_extension(shell: Any) -> None:
    shell.set_custom_exc((NameError,), show)
    shell.push({"reset": reset}, interactive=False)


def show(shell: Any, kind: type, problem: NameError, trace: TracebackType, tb_offset: int | None = None) -> None:
    """The traceback as ever; below it, where that is why, the advice to run the first cell."""
    lesson = NOTEBOOKS / Path(os.environ.get("JPY_SESSION_NAME", "")).name
    started = "attncore.app.cell" in sys.modules  # what the first cell imports
    if not started and (problem.name in attncore.__all__ or lesson.is_file()):
        problem.add_note(ADVICE)
    shell.showtraceback((kind, problem, trace), tb_offset=tb_offset)


def reset(*lesson: Any) -> None:
    from attncore import reset

    reset(*lesson)
