"""Data flows one way: numpy, mathematics, exercises, grading, hunts, app; and mathematics, views, app."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "attncore"
MATHEMATICS = [
    "shapes",
    "look",
    "words",
    "recorded",
    "example",
    "loops",
    "start",
    "weighted_sum",
    "softmax",
    "alignment",
    "dot_product",
    "self_attention",
    "masks",
    "heads",
    "positions",
    "transformer",
    "vision",
    "gradients",
    "backpropagation",
    "training",
    "toy",
    "tiny_gpt",
    "cache",
    "shared_heads",
    "flash",
    "threads",
    "tiles",
    "long_context",
    "recurrent",
    "sparse",
    "serving",
    "interpret",
    "real_model",
    "wrong_head",
    "gguf",
    "tokenizer",
    "smollm2",
    "language_model",
    "ablation",
    "bug_kinds",
]
MAY_IMPORT = {
    "exercises": {"exercises"},
    "grading": {"exercises", "grading"},
    "views": {"experiments", "views"},
    "hunts": {"exercises", "grading", "hunts"},
    "app": {"exercises", "grading", "hunts", "views", "app"},
    "authoring": {"exercises", "grading", "hunts", "views", "app", "authoring"},
    "data": set(),
    "experiments": {"experiments"},
}
FILES = [*PACKAGE.glob("*.py"), *(f for room in MAY_IMPORT for f in (PACKAGE / room).rglob("*.py"))]


def imports(path: Path) -> set[str]:
    """The modules that a file imports, in full."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_file_imports_only_from_its_left(path):
    room = path.relative_to(PACKAGE).parts[0] if path.parent != PACKAGE else ""
    own = {name.split(".")[1] for name in imports(path) if name.startswith("attncore.")}
    if room:
        allowed = MAY_IMPORT[room] | set(MATHEMATICS)
    elif path.stem == "__init__":
        allowed = {"app"}  # the verbs, imported when they are used
    else:
        allowed = set(MATHEMATICS[: MATHEMATICS.index(path.stem)])
    assert own <= allowed


@pytest.mark.parametrize("module", MATHEMATICS)
def test_the_mathematics_needs_numpy_alone(module):
    allowed = {"attncore", "numpy"} | ({"threadpoolctl"} if module == "threads" else set())
    outside = {name.split(".")[0] for name in imports(PACKAGE / f"{module}.py")} - allowed
    assert outside <= set(sys.stdlib_module_names)


def test_importing_the_package_loads_nothing_heavy():
    code = "import sys, attncore; print(sorted({'matplotlib', 'IPython', 'numpy', 'ipywidgets'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_the_judge_loads_neither_plots_nor_notebooks():
    code = "import sys, attncore.grading; print(sorted({'matplotlib', 'IPython', 'ipywidgets'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"
