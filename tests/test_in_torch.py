"""The same in PyTorch: what a lesson shows runs there, and prints what stands below it."""

import contextlib
import io
import re

import pytest

from attncore.authoring.render import lesson_cells
from attncore.exercises import LESSONS

SHOWN = re.compile(r"```python\n(.*?)```\n+```text\n(.*?)```", re.DOTALL)
BLOCKS = [
    pytest.param(code, output, id=f"{lesson}-{place}")
    for lesson in LESSONS
    for place, (code, output) in enumerate(SHOWN.findall("\n\n".join(c.source for c in lesson_cells(lesson))))
]


@pytest.mark.parametrize("code, output", BLOCKS)
def test_it_compiles_and_is_short(code, output):
    compile(code, "lesson", "exec")
    assert len(code.splitlines()) <= 20 and "print(" in code and output.strip()


@pytest.mark.parametrize("code, output", BLOCKS)
def test_it_prints_what_stands_below_it(code, output):
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(code, {})
    assert rounded(printed.getvalue()) == rounded(output)


def rounded(text):
    """The text with its numbers to three digits: the last one is the processor's."""
    return re.sub(r"-?\d+\.\d+", lambda number: f"{float(number[0]):.3g}", " ".join(text.split()))
