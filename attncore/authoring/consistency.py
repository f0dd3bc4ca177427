"""What is missing or out of step in the course: `python course.py check` prints each problem as a sentence."""

import ast
from collections import Counter
from collections.abc import Iterator
from statistics import median, quantiles
from typing import Any

import nbformat

from attncore import loops
from attncore.authoring.render import NOTEBOOKS, SOLUTIONS, broken, lesson_cells, render, source_of, stub
from attncore.exercises import KINDS, LESSONS, Exercise, exercises, lessons
from attncore.grading import judge

WITHOUT_LOOPS = {  # what is asked and has no definition in loops.py, and why
    "dot_product_std": "a measurement of random draws",
    "corrupt_tokens": "random draws, judged by their shares",
    "permutation_effect": "random draws, judged by their mean",
    "KVCache": "it computes nothing; its tests compare it with the arrays that went in",
    "attend_with_cache": "by definition the last rows of multi_head_attention under a causal mask",
    "latent_attention_absorbed": "by definition equal to latent_attention",
}
BASICS = {"shapes", "look", "words", "recorded", "views", "start"}
NEEDED = {
    "code": {"title", "level", "minutes", "hints", "walkthrough"},
    "debug": {"title", "level", "minutes", "prompt", "hints", "walkthrough"},
    "numeric": {"title", "level", "question", "because"},
    "predict": {"title", "level", "question", "because"},
    "explain": {"title", "level", "question", "answer", "points"},
}
LEVELS = ("basic", "intermediate", "advanced")


def problems() -> Iterator[str]:
    for exercise in exercises:
        yield from words_problems(exercise)
        yield from loop_problems(exercise)
        if exercise.kind in ("code", "debug"):
            yield from judged_problems(exercise)
        elif exercise.kind != "explain":
            yield from value_problems(exercise)
    for lesson in LESSONS:
        yield from lesson_problems(lesson)
        yield from size_problems(lesson)
        yield from notebook_problems(lesson)
    yield from stray_notebooks()


def words_problems(exercise: Exercise) -> Iterator[str]:
    """Words that are missing, and words that belong to nothing."""
    words, name = exercise.words, exercise.id
    missing = NEEDED[exercise.kind] - words.keys()
    if missing:
        yield f"{name}: no {', '.join(sorted(missing))} in {exercise.lesson[3:]}.toml"
        return
    if words["level"] not in LEVELS:
        yield f'{name}: the level "{words["level"]}" is none of {", ".join(LEVELS)}'
    if exercise.kind == "code" and len(exercise.hints) != 3:
        yield f"{name}: {len(exercise.hints)} hints, expected three"
    why = words.get("why", {})
    labels = {label.replace(" ", "_") for label in (*exercise.wrong, *exercise.conventions)}
    if "points_to" not in words:  # a diagnostic does not explain, it sends to a lesson
        for label in sorted(labels - why.keys()):
            yield f'{name}: no sentence for the wrong solution "{label}"'
    for label in sorted(why.keys() - labels):
        yield f'{name}: a sentence for "{label}", which is no wrong solution'


def loop_problems(exercise: Exercise) -> Iterator[str]:
    """A function that is asked has its definition in loops.py, or stands in WITHOUT_LOOPS."""
    has_loop, is_exempt = hasattr(loops, exercise.id), exercise.id in WITHOUT_LOOPS
    if exercise.kind == "code" and has_loop == is_exempt:
        yield f"{exercise.id}: no definition in loops.py" if not has_loop else f"{exercise.id}: it has a loop after all"


def judged_problems(exercise: Exercise) -> Iterator[str]:
    """What the judge makes of the stub, the solution, the other ways and the wrong solutions."""
    name = exercise.id
    if exercise.kind == "code":
        if judge(exercise, run_in_its_notebook(exercise, stub(exercise.reference))).outcome != "unattempted":
            yield f"{name}: the stub counts as an attempt"
        if not exercise.right:
            yield f"{name}: no other way to write it"
    elif (bug := judge(exercise, run_in_its_notebook(exercise, broken(exercise))).mistake) != exercise.bug:
        yield f'{name}: run in its notebook, the cell is named "{bug}"'
    for label, function in {"the reference": exercise.reference, **exercise.right}.items():
        if judge(exercise, function).outcome != "right":
            yield f"{name}: {label} is refused"
    for label, function in exercise.wrong.items():
        report = judge(exercise, function)
        if report.outcome not in ("wrong", "raised"):
            yield f'{name}: the wrong solution "{label}" passes'
        elif report.mistake != label:
            yield f'{name}: the wrong solution "{label}" is named "{report.mistake}"'
    for label, function in exercise.conventions.items():
        if judge(exercise, function).convention != label:
            yield f'{name}: the convention "{label}" is not told'


def run_in_its_notebook(exercise: Exercise, source: str) -> Any:
    """What a cell defines, run with the names that its lesson imports."""
    first = next(cell for cell in lesson_cells(exercise.lesson) if cell.cell_type == "code")
    names: dict = {}
    exec(f"{first.source}\n\n{source}", names)
    return names[exercise.id]


def value_problems(exercise: Exercise) -> Iterator[str]:
    if judge(exercise, exercise.reference()).outcome != "right":
        yield f"{exercise.id}: its own answer is refused"
    for label, value in exercise.wrong.items():
        if "points_to" not in exercise.words and judge(exercise, value()).mistake != label:
            yield f'{exercise.id}: the wrong answer "{label}" is not named'
    choices = exercise.words.get("choices", [])
    if isinstance(exercise.reference(), str) and exercise.reference() not in choices:
        yield f"{exercise.id}: the right answer is not among the choices"
    for label, value in exercise.wrong.items():
        if choices and value() not in choices:
            yield f'{exercise.id}: the wrong answer "{label}" is not among the choices'


def lesson_problems(lesson: str) -> Iterator[str]:
    """Each exercise stands once in its lesson, all kinds are there, and nothing is used before it is taught."""
    cells = lesson_cells(lesson)
    placed = Counter(cell.metadata["exercise"] for cell in cells if "exercise" in cell.metadata)
    own = lessons[lesson].exercises
    for id in sorted(own.keys() - placed.keys()):
        yield f"{lesson}: the exercise {id} has no cell"
    for id, times in placed.items():
        if times > 1 or id not in own:
            yield f"{lesson}: the cell of {id} stands {times} times, or belongs to another lesson"
    for id in sorted(lessons[lesson].words.keys() - own.keys()):
        yield f"{lesson}: words for {id}, which is no exercise"
    for kind in KINDS:
        if kind not in {exercise.kind for exercise in own.values()}:
            yield f"{lesson}: no exercise of the kind {kind}"
    taught = BASICS | {name[3:] for name in LESSONS[: LESSONS.index(lesson) + 1]}
    for cell in cells:
        if cell.cell_type == "code" and lesson != "00_start":
            for module in imported(cell.source):
                if module not in taught:
                    yield f"{lesson}: it imports {module}, which a later lesson teaches"


def imported(source: str) -> set[str]:
    """The modules of attncore that a cell imports from, by their second name."""
    nodes = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom))
    names = [(node.module or "").split(".") for node in nodes]
    return {name[1] for name in names if name[0] == "attncore" and len(name) > 1}


def size_problems(lesson: str) -> Iterator[str]:
    """The cell sizes that style asks for, in the lesson as it is written."""
    cells = [cell for cell in lesson_cells(lesson) if "exercise" not in cell.metadata]
    code = [len(cell.source.splitlines()) for cell in cells if cell.cell_type == "code"]
    prose = [len(cell.source.split()) for cell in cells if cell.cell_type == "markdown"]
    if median(code) > 5:
        yield f"{lesson}: the median code cell has {median(code)} lines, at most 5 are wanted"
    if quantiles(code, n=10)[-1] > 12:
        yield f"{lesson}: more than one code cell in ten has over 12 lines"
    for cell in render(lesson, solved=False).cells:
        if cell.cell_type == "code" and len(cell.source.splitlines()) > 25:
            yield f"{lesson}: a code cell has {len(cell.source.splitlines())} lines: {cell.source.splitlines()[0]}"
    if max(prose) > 150:
        yield f"{lesson}: a prose cell has {max(prose)} words, at most 150 are wanted"


def notebook_problems(lesson: str) -> Iterator[str]:
    """The rendered notebooks are those of the lessons, and the learner's holds no solution."""
    for folder, solved in ((NOTEBOOKS, False), (SOLUTIONS, True)):
        path = folder / f"{lesson}.ipynb"
        where = f"{folder.name}/{path.name}"
        try:
            notebook = nbformat.read(path, as_version=4)
        except (OSError, ValueError) as problem:
            yield f"{where} cannot be read: {problem}"
            continue
        if skeleton(notebook) != skeleton(render(lesson, solved)):
            yield f"{where} is not what the lesson renders to: run python course.py render"
        if not solved:
            if any(cell.get("outputs") for cell in notebook.cells):
                yield f"{where} holds outputs"
            yield from leaks(lesson, notebook)
        elif any(cell.cell_type == "code" and cell.execution_count is None for cell in notebook.cells):
            yield f"{where} is not executed"


def skeleton(notebook: nbformat.NotebookNode) -> list:
    """What rendering decides: everything but outputs."""
    cells = [(cell.id, cell.cell_type, cell.source, dict(cell.metadata)) for cell in notebook.cells]
    return [dict(notebook.metadata), cells]


def leaks(lesson: str, notebook: nbformat.NotebookNode) -> Iterator[str]:
    """Lines of a reference's body that the learner could read before writing them."""
    shown = [
        line.strip()
        for cell in notebook.cells
        if cell.cell_type == "code" and "def fix_" not in cell.source
        for line in cell.source.splitlines()
    ]
    for exercise in lessons[lesson]:
        if exercise.kind == "code":
            for line in body_lines(exercise):
                if line in shown:
                    yield f"notebooks/{lesson}.ipynb shows a line of the solution of {exercise.id}: {line}"


def body_lines(exercise: Exercise) -> list[str]:
    """The telling lines of a reference: those that the stub does not show, and not too short to give anything away."""
    shown = stub(exercise.reference)
    lines = [line.strip() for line in source_of(exercise.reference).splitlines()]
    return [line for line in lines if len(line) > 24 and line not in shown]


def stray_notebooks() -> Iterator[str]:
    for folder in (NOTEBOOKS, SOLUTIONS):
        for path in sorted(folder.glob("*.ipynb")):
            if path.stem not in LESSONS:
                yield f"{folder.name}/{path.name} belongs to no lesson"
