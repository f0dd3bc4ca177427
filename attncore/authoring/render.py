"""Lessons to notebooks: `notebooks/` for the learner, without outputs, and `solutions/`, executed.

A lesson is a Jupytext percent file. A cell `# %% exercise="softmax"` stands for the exercise of that id: its question,
the learner's cell, and in the solutions the answer, a walk-through and another way to write it.
`# %% again="why-scale"` asks a card of an earlier lesson again; `# %% [markdown] folded="What happened?"` is prose that
opens on a click, and `# %% sources="here"` the list of what the lesson cites.
"""

import ast
import asyncio
import inspect
import os
import re
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from attncore.app.places import NOTEBOOKS, SOLUTIONS
from attncore.app.workbook import cell_name
from attncore.authoring import glossary
from attncore.authoring.sources import lesson_texts, linked, sources
from attncore.exercises import LESSONS, Code, Exercise, find
from attncore.grading.breaks import blank_call, shown_in
from attncore.grading.report import literal

LESSON_FILES = Path(__file__).parents[1] / "lessons"
CHECKED = "nbval-check-output"
WIDGET = "application/vnd.jupyter.widget-view+json"
FIRST_AN_INPUT = (
    "First replace the dots after `breaks` by an input on which this code fails. Then repair the code, and run `check`."
)
KIND = {
    "code": "Write the function",
    "debug": "Find the bug",
    "numeric": "Work it out",
    "predict": "Predict",
    "explain": "Say it aloud",
}


def lesson_cells(lesson: str) -> list[NotebookNode]:
    """The cells of a lesson as its author wrote them."""
    text = (LESSON_FILES / f"{lesson}.py").read_text(encoding="utf-8")
    cells: list[NotebookNode] = jupytext.reads(text, fmt="py:percent").cells
    return cells


def render(lesson: str, solved: bool) -> NotebookNode:
    """A lesson as a notebook: the learner's, or with `solved` the solutions', not yet executed."""
    cells: list[NotebookNode] = []
    for cell in lesson_cells(lesson):
        if "exercise" in cell.metadata:
            exercise = find(cell.metadata["exercise"])
            cells += solution_cells(exercise) if solved else learner_cells(exercise)
        elif "sources" in cell.metadata:
            cells.append(new_markdown_cell(sources(text for _, text in lesson_texts(lesson))))
        elif "again" in cell.metadata:
            cells.append(new_code_cell(f'card("{find(cell.metadata["again"]).id}")'))
        elif cell.cell_type == "markdown":
            cells.append(new_markdown_cell(folded(cell)))
        else:
            tags = [tag for tag in cell.metadata.get("tags", []) if solved or tag != CHECKED]
            cells.append(new_code_cell(cell.source.strip(), metadata={"tags": tags} if tags else {}))
    for cell in cells:
        if cell.cell_type == "markdown" and not cell.source.startswith("## Sources"):
            cell.source = linked(cell.source)
    notebook: NotebookNode = new_notebook(cells=cells)
    notebook.metadata["kernelspec"] = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    notebook.metadata["language_info"] = {"name": "python"}
    name_cells(notebook)
    return notebook


def folded(cell: NotebookNode) -> str:
    """A cell's prose; where the cell says so, behind a line to click on."""
    if "folded" not in cell.metadata:
        return str(cell.source)
    return f"<details><summary><b>{cell.metadata['folded']}</b></summary>\n\n{cell.source}\n\n</details>"


def name_cells(notebook: NotebookNode) -> None:
    """Give each cell an id that changes only with its source."""
    seen: dict[str, int] = {}
    for cell in notebook.cells:
        name = cell_name(cell.cell_type, cell.source)
        seen[name] = seen.get(name, 0) + 1
        cell["id"] = name if seen[name] == 1 else f"{name}-{seen[name]}"


def learner_cells(exercise: Exercise) -> list[NotebookNode]:
    """The question, and the cell in which the learner answers it."""
    if exercise.kind == "explain":
        return [new_code_cell(f'card("{exercise.id}")')]
    if exercise.kind == "code":
        source = f"{stub(exercise.reference)}\n\n\ncheck({exercise.id})"
    elif exercise.kind == "debug":
        return hunt_cells(exercise)
    else:
        source = f'answer("{exercise.id}", ...)'
    return [new_markdown_cell(question(exercise)), new_code_cell(source)]


def hunt_cells(exercise: Exercise) -> list[NotebookNode]:
    """The broken code; below it a cell for an input on which it fails, and one that judges the repair."""
    assert isinstance(exercise, Code)
    sources = [broken(exercise), blank_call(exercise), f"check({exercise.id})"]
    return [new_markdown_cell(f"{question(exercise)}\n\n{FIRST_AN_INPUT}"), *map(new_code_cell, sources)]


def solution_cells(exercise: Exercise) -> list[NotebookNode]:
    """The question, the answer with its verdict, the walk-through, and another way to write it."""
    if exercise.kind == "explain":
        return [new_code_cell(f'card("{exercise.id}")')]
    asked = new_markdown_cell(question(exercise))
    if not isinstance(exercise, Code):
        given = exercise.reference()
        given = f"{given:.6g}" if isinstance(given, float) and not given.is_integer() else repr(given)
        return [asked, verdict(f'answer("{exercise.id}", {given})')]
    told = new_markdown_cell(unfilled(exercise.words["walkthrough"]))
    if exercise.kind == "debug":
        fails = verdict(failing_call(exercise))
        return [asked, fails, verdict(f"{solution(exercise)}\n\n\ncheck({exercise.id})"), told]
    other = next(iter(exercise.right.values()))
    return [
        asked,
        verdict(f"{solution(exercise)}\n\n\ncheck({exercise.id})"),
        told,
        new_markdown_cell("Another way:"),
        verdict(f'{runnable(exercise, source_of(other), other)}\n\n\ncheck({other.__name__}, "{exercise.id}")'),
    ]


def failing_call(exercise: Code) -> str:
    """A call of `breaks` with the smallest case in which the broken code fails."""
    case = shown_in(exercise)
    given = case.make()
    texts = {name: literal(value, len(name) + 5, 40) for name, value in given.items()}
    if not all(texts.values()):
        return (
            "from attncore.exercises import inputs\n\n"
            f'breaks("{exercise.id}", **inputs("{exercise.id}", "{case.name}"))'
        )
    lines = [f"    {name}={text}," for name, text in texts.items()]
    return "\n".join(["breaks(", f'    "{exercise.id}",', *lines, ")"])


def verdict(source: str) -> NotebookNode:
    cell: NotebookNode = new_code_cell(source, metadata={"tags": [CHECKED]})
    return cell


def question(exercise: Exercise) -> str:
    """The heading of an exercise, and what is asked beyond the docstring."""
    words = exercise.words
    time = f" · {words['minutes']} minutes" if "minutes" in words else ""
    parts = [f"### {exercise.title}", f"*{KIND[exercise.kind]} · {words['level']}{time}*"]
    parts += [unfilled(words[key]) for key in ("prompt", "question") if key in words]
    if "choices" in words:
        parts.append("\n".join(f"- {choice}" for choice in words["choices"]))
    return "\n\n".join(parts)


def unfilled(text: str) -> str:
    """The text with one line a paragraph, however it was wrapped in the TOML file."""
    return "\n\n".join(" ".join(part.split()) for part in text.strip().split("\n\n"))


def source_of(function: Callable[..., Any]) -> str:
    """A function's source without its decorators."""
    source = whole_source_of(function)
    return source[re.search(r"^(def|class) ", source, re.MULTILINE).start() :]  # type: ignore[union-attr]


def whole_source_of(function: Callable[..., Any]) -> str:
    """A function's source with its decorators, but for those that put it into an exercise."""
    source = textwrap.dedent(inspect.getsource(inspect.unwrap(function))).strip()
    return re.sub(r"^@exercise\..*\n", "", source, flags=re.MULTILINE)


def shape_comment(function: Callable[..., Any]) -> str:
    """The shape line of a function as a comment above it, nothing where it has none."""
    return f"# {function.contract.line}\n" if hasattr(function, "contract") else ""


def renamed(source: str, function: Callable[..., Any], name: str) -> str:
    return re.sub(rf"\b{function.__name__}\b", name, source)


def solution(exercise: Exercise) -> str:
    """The reference as it runs, with its decorators and where they come from."""
    source = renamed(whole_source_of(exercise.reference), exercise.reference, exercise.id)
    return runnable(exercise, source, exercise.reference)


def runnable(exercise: Exercise, source: str, function: Callable[..., Any]) -> str:
    """A function's source after what it needs and its lesson doesn't import: `shaped`, or helpers of its own module."""
    module: Any = inspect.getmodule(inspect.unwrap(function))
    own, imports, sources = {exercise.id} | imported_first(exercise.lesson), set(), {}
    parts = [source]
    for part in parts:  # which grow by what they need
        for name in sorted(names_read(part) - own):
            value = vars(module).get(name)
            own.add(name)
            if inspect.ismodule(value):
                imports.add(import_line(value.__name__, name))
            elif is_of(value, module):
                sources[name] = whole_source_of(value)
                parts.append(sources[name])
            elif hasattr(value, "__module__"):
                imports.add(f"from {value.__module__} import {value.__name__}")
    helpers = sorted(sources, key=lambda name: inspect.getsourcelines(inspect.unwrap(vars(module)[name]))[1])
    return "\n\n\n".join(filter(None, ["\n".join(sorted(imports)), *(sources[name] for name in helpers), source]))


def names_read(source: str) -> set[str]:
    """The names that a source reads and doesn't make itself."""
    nodes = list(ast.walk(ast.parse(source)))
    made = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    made |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    return {node.id for node in nodes if isinstance(node, ast.Name)} - made


def import_line(module: str, name: str) -> str:
    return f"import {module}" + (f" as {name}" if name != module else "")


def is_of(value: Any, module: Any) -> bool:
    return bool(getattr(value, "__module__", "") == module.__name__)


def imported_first(lesson: str) -> set[str]:
    """The names that a lesson's first code cell imports."""
    first = next(cell for cell in lesson_cells(lesson) if cell.cell_type == "code")
    nodes = (node for node in ast.walk(ast.parse(first.source)) if isinstance(node, ast.Import | ast.ImportFrom))
    return {alias.asname or alias.name for node in nodes for alias in node.names}


def broken(exercise: Exercise) -> str:
    """The code of a find-the-bug exercise: the reference's docstring over the body of the wrong solution.

    Where a helper is the broken part, its module has it twice: `weigh` and, for the wrong solution, `weigh_`. The cell
    says `weigh`.
    """
    bug = exercise.wrong[exercise.bug or ""]
    source = with_docstring(exercise, renamed(source_of(bug), bug, exercise.id))
    cell = runnable(exercise, shape_comment(exercise.reference) + source, bug)
    return re.sub(r"\b([a-z]\w*)_\b", r"\1", cell)


def with_docstring(exercise: Exercise, source: str) -> str:
    """A function's or a class's source with the reference's docstring in place of its own."""
    head, _, body = source.partition(":\n")
    if body.lstrip().startswith('"""'):
        body = body.partition('"""')[2].partition('"""')[2].lstrip("\n")
    docstring = source_of(exercise.reference).partition('"""')[2].partition('"""')[0]
    return f'{head}:\n    """{docstring}"""\n{body}'


def stub(function: Callable[..., Any]) -> str:
    """A function's shape line, first line and docstring, its body cut; of a class, those of its public methods."""
    if inspect.isclass(function):
        stubs = [textwrap.indent(method_stub(m), "    ") for name, m in vars(function).items() if is_promised(name, m)]
        return "\n\n".join([f'class {function.__name__}:\n    """{function.__doc__}"""', *stubs])
    source = source_of(function)
    head, _, rest = source.partition('"""')
    docstring, _, _ = rest.partition('"""')
    return f'{shape_comment(function)}{head}"""{docstring}"""\n    ...'


def is_promised(name: str, member: Any) -> bool:
    """What others call, and what Python itself calls."""
    is_public = inspect.isfunction(member) and not name.startswith("_")
    return name in ("__init__", "__len__") or isinstance(member, property) or is_public


def method_stub(method: Any) -> str:
    """A method's first line, with its docstring where it has one."""
    is_property = isinstance(method, property)
    function: Any = method.fget if is_property else method
    source = source_of(function)
    told = f'    """{function.__doc__}"""\n' if function.__doc__ else ""
    head, _, _ = source.partition(":\n")
    return ("@property\n" if is_property else "") + f"{head}:\n{told}    ..."


def execute(notebook: NotebookNode, seconds: int = 120) -> NotebookNode:
    """Run a notebook and keep the outputs that read well without a kernel. Nobody's progress is in them but its own.

    A widget cell may stall for ever in nbclient (issue 312), so that the whole has a time limit and three tries.
    """
    alone = os.environ | {"ATTNCORE_PROGRESS": ":memory:"}
    for attempt in range(3):
        trial: NotebookNode = nbformat.from_dict(notebook)
        client = NotebookClient(
            trial,
            timeout=60,
            kernel_name="python3",
            store_widget_state=False,
            resources={"metadata": {"path": str(LESSON_FILES)}},
        )
        try:
            asyncio.run(asyncio.wait_for(client.async_execute(env=alone), seconds))
            break
        except TimeoutError:
            if attempt == 2:
                raise
    trial.metadata = notebook.metadata
    for cell in trial.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", []):
            keep_what_lasts(output.get("data", {}))
    return trial


def keep_what_lasts(bundle: dict[str, Any]) -> None:
    """Leave of an output what reads anywhere: GitHub takes styles and scripts out of HTML; widgets need a kernel."""
    bundle.pop(WIDGET, None)
    if {"image/svg+xml", "text/plain"} & bundle.keys():
        bundle.pop("text/html", None)


def write(path: Path, notebook: NotebookNode) -> None:
    path.parent.mkdir(exist_ok=True)
    nbformat.validate(notebook)
    path.write_text(nbformat.writes(notebook, indent=1) + "\n", encoding="utf-8", newline="\n")


def render_course(lessons: tuple[str, ...] = LESSONS) -> None:
    """Write every notebook and execute every solution."""
    for lesson in lessons:
        write(NOTEBOOKS / f"{lesson}.ipynb", render(lesson, solved=False))
        write(SOLUTIONS / f"{lesson}.ipynb", execute(render(lesson, solved=True)))
        print(f"{lesson}: written")
    glossary.write()
