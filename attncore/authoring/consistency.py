"""What is missing or out of step in the course: `python course.py check` prints each problem as a sentence."""

import ast
import inspect
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from statistics import median, quantiles
from typing import Any

import nbformat

from attncore import loops
from attncore.app.places import NOTEBOOKS, SOLUTIONS
from attncore.authoring import bank, glossary, links, sources, trust
from attncore.authoring.author import HOME
from attncore.authoring.render import CHECKED, broken, lesson_cells, render, source_of, stub
from attncore.exercises import KINDS, LESSONS, Card, Code, Exercise, UnknownExercise, drivers, exercises, find, lessons
from attncore.exercises.unseen import UNSEEN
from attncore.grading import judge
from attncore.grading.breaks import judge_input, shown_in
from attncore.grading.given import expected_of_others, has_real
from attncore.grading.observe import calls_of
from attncore.grading.trial import trial
from attncore.grading.wire import pack_given, unpack_given

BASICS = {"shapes", "look", "words", "recorded", "views", "start", "backpropagation", "training", "toy", "tiny_gpt"}
BASICS |= {"example", "experiments", "gguf", "tokenizer", "smollm2", "ablation", "wrong_head"}
NEEDED = {
    "code": {"title", "level", "minutes", "hints", "walkthrough"},
    "debug": {"title", "level", "minutes", "prompt", "hints", "walkthrough"},
    "numeric": {"title", "level", "question", "because"},
    "predict": {"title", "level", "question", "because"},
    "explain": {"title", "level", "type", "section", "question", "answer", "points", "claims", "follow_ups"}
    | {"common_wrong", "what_is_wrong"},
}
FOLDER = HOME / "attncore" / "exercises"
WITHOUT_CELLS = {"99_interview"}  # what it asks is drawn by rounds and reviews, from all lessons and its own folder
DRAWS = 20  # of redrawn numbers that are looked at
JARGON = re.compile(r"\b(label|mutant|trial|oracle|reference|kwargs|ndarray|callable|stub)\b", re.IGNORECASE)
LEVELS = ("basic", "intermediate", "senior", "staff")


def problems(names: Sequence[str] = ()) -> Iterator[str]:
    """All that is missing in the exercises named; or in the whole course, but for the judge's long proofs."""
    for name in names:
        try:
            yield from exercise_problems(find(name))
        except UnknownExercise as problem:
            yield from half_written(name) or [str(problem)]
    if names:
        return
    for id, times in Counter(exercise.id for exercise in exercises).items():
        if times > 1:
            yield f"{id}: {times} exercises have this id"
    for exercise in exercises:
        yield from exercise_problems(exercise, whole=False)
    for lesson in LESSONS:
        yield from lesson_problems(lesson)
        yield from size_problems(lesson)
        yield from notebook_problems(lesson)
    yield from stray_notebooks()
    yield from bank.bank_problems()
    yield from sources.source_problems()
    yield from sources.unused_problems()
    yield from links.link_problems()
    yield from glossary.glossary_problems()


def half_written(name: str) -> list[str]:
    """Of an exercise that is not whole yet, the files that are missing; nothing where there are none at all."""
    there = {path.suffix: path for path in FOLDER.glob(f"*/{name}.*") if path.suffix in (".py", ".toml")}
    folders = {path.parent for path in there.values()}
    missing = [folder / f"{name}{suffix}" for folder in folders for suffix in (".py", ".toml") if suffix not in there]
    return [f"{name}: missing is {path.relative_to(HOME)}" for path in missing]


def exercise_problems(exercise: Exercise, whole: bool = True) -> Iterator[str]:
    """All that is missing in one exercise; with `whole`, also what the judge makes of its mutants and styles."""
    missing = list(words_problems(exercise))
    yield from missing
    if missing:
        return
    if isinstance(exercise, Card):
        yield from bank.card_problems(exercise)
        return
    if not isinstance(exercise, Code):
        yield from value_problems(exercise)
        return
    yield from reason_problems(exercise)
    yield from judged_problems(exercise)
    yield from promise_problems(exercise)
    yield from unseen_problems(exercise)
    if exercise.kind == "code":
        yield from definition_problems(exercise)
        if whole:
            yield from trust.problems(exercise)
            yield from notebook_problems(exercise.lesson)
    if whole:
        yield from (problem for problem in lesson_problems(exercise.lesson) if exercise.id in problem)


def words_problems(exercise: Exercise) -> Iterator[str]:
    """Words that are missing, and words that belong to nothing."""
    words, name = exercise.words, exercise.id
    needed = NEEDED[exercise.kind] | ({"section"} if exercise.lesson in WITHOUT_CELLS else set())
    missing = needed - words.keys()
    if missing:
        yield f"{name}: no {', '.join(sorted(missing))} in {exercise.lesson[3:]}/{words_of(exercise)}"
        return
    if words["level"] not in LEVELS:
        yield f'{name}: the level "{words["level"]}" is none of {", ".join(LEVELS)}'
    if isinstance(exercise, Code) and len(exercise.hints) != 3:
        yield f"{name}: {len(exercise.hints)} hints, expected three"
    why = words.get("why", {})
    labels = {*exercise.wrong, *exercise.conventions} if isinstance(exercise, Code) else {*exercise.wrong}
    if "points_to" not in words:  # a diagnostic does not explain, it sends to a lesson
        for label in sorted(labels - why.keys()):
            yield f'{name}: no sentence for "{label}"; add it under [why] in {words_of(exercise)}'
    for label in sorted(why.keys() - labels):
        yield f'{name}: a sentence for "{label}", which is no wrong solution'


def words_of(exercise: Exercise) -> str:
    """The file that holds an exercise's words."""
    if isinstance(exercise, Code):
        return f"{exercise.id}.toml"
    return "cards.toml" if isinstance(exercise, Card) else "questions.toml"


def reason_problems(exercise: Code) -> Iterator[str]:
    """A reason is one sentence, without words of our own, that doesn't repeat its label."""
    for label in (*exercise.wrong, *exercise.conventions):
        why = exercise.why(label)
        if not re.fullmatch(r"[A-Z`\"(0-9[].*[.?]", why):
            yield f'{exercise.id}: the reason of "{label}" is no sentence from capital or code to full stop: {why}'
        if len(why.split()) > 45:
            yield f'{exercise.id}: the reason of "{label}" has {len(why.split())} words, at most 45 are wanted'
        if found := JARGON.search(f"{label} {why}"):
            yield f'{exercise.id}: the learner does not know our word "{found[0]}", in "{label}" or its reason'
        if label in why.lower():
            yield f'{exercise.id}: the reason of "{label}" repeats it'


def judged_problems(exercise: Code) -> Iterator[str]:
    """What the judge makes of the cell in the notebook, of the solution, the other ways and the wrong solutions."""
    name = exercise.id
    if judge(exercise, exercise.reference).outcome != "right":
        yield f"{name}: the reference is refused"
    if exercise.kind == "debug":
        if (bug := judge(exercise, run_in_its_notebook(exercise, broken(exercise))).mistake) != exercise.bug:
            yield f'{name}: run in its notebook, the cell is named "{bug}"'
        yield from hunt_problems(exercise)
    elif judge(exercise, run_in_its_notebook(exercise, stub(exercise.reference))).outcome != "unattempted":
        yield f"{name}: the stub counts as an attempt"
    if not exercise.right and exercise.kind == "code":
        yield f"{name}: no other way to write it"
    for label, function in exercise.right.items():
        report = judge(exercise, function)
        if report.outcome != "right" and not trust.leaves_errors_open(exercise, report):
            yield f'{name}: "{label}" is refused: {report.message.splitlines()[0]}'
    yield from label_problems(exercise)


HUNTED = range(12, 31)  # lines of code in the cell of a bug to find


def hunt_problems(exercise: Code) -> Iterator[str]:
    """A bug to find hides in composed code that nobody has just written, and shows on a case of its own."""
    name, bug = exercise.id, exercise.wrong[exercise.bug]
    if exercise.reference.__name__ != name:
        yield f"{name}: its function is called {exercise.reference.__name__}"
    if list(inspect.signature(bug).parameters) != list(exercise.signature.parameters.parameters):
        yield f"{name}: the broken code takes {inspect.signature(bug)}, the right one {exercise.signature.parameters}"
    yield from composition_problems(exercise, broken(exercise))
    for other in lessons[exercise.lesson]:
        if other.kind == "code" and judge(exercise, other.reference).outcome in ("right", "edge"):
            yield f"{name}: {other.id} as it is would solve it"
    if judge_input(exercise, (), shown_in(exercise).make()).outcome != "right":
        yield f"{name}: breaks says nothing of the smallest case that shows the bug"


def composition_problems(exercise: Code, cell: str) -> Iterator[str]:
    """The cell has several functions, which are no copies, and a length that can be read."""
    name, functions = exercise.id, [n for n in ast.parse(cell).body if isinstance(n, ast.FunctionDef | ast.ClassDef)]
    if (lines := code_lines(cell)) not in HUNTED:
        yield f"{name}: the cell has {lines} lines of code, from {HUNTED[0]} to {HUNTED[-1]} are wanted"
    for helper, times in Counter(function.name for function in functions).items():
        if times > 1:
            yield f"{name}: the cell defines {helper} twice"
    for other in lessons[exercise.lesson]:
        if isinstance(other, Code) and other.bug and other is not exercise:
            for helper in helpers(cell) & helpers(broken(other)) - {exercise.id}:
                yield f"{name}: {helper} is also defined by {other.id}, and in a notebook the last one counts"
    if not calls_of(exercise.wrong[exercise.bug]):
        yield f"{name}: the cell is a single function that calls no other"
    asked = {bare(source_of(other.reference)): other.id for other in exercises if other.kind == "code"}
    for function in functions:
        if copied := asked.get(bare(ast.unparse(function))):
            yield f"{name}: it holds a copy of {copied}, which is an exercise"


def helpers(cell: str) -> set[str]:
    """The names of the functions and classes in a cell."""
    return {node.name for node in ast.parse(cell).body if isinstance(node, ast.FunctionDef | ast.ClassDef)}


def code_lines(source: str) -> int:
    """The lines that are neither empty nor docstring nor comment, nor import."""
    lines = re.sub(r'"""[^"]*"""', "", source).splitlines()
    return sum(bool(re.match(r"\s*(?!#|import |from )\S", line)) for line in lines)


def bare(source: str) -> str:
    """The body of a function or class as Python writes it, without its docstring."""
    node: Any = ast.parse(source).body[0]
    body = node.body[1:] if ast.get_docstring(node) else node.body
    return "\n".join(map(ast.unparse, body))


def unseen_problems(exercise: Code) -> Iterator[str]:
    """A grader can try it on inputs that stand nowhere, and can hand over every case."""
    if exercise.id not in UNSEEN and not any(map(has_real, expected_of_others(exercise, 7))):
        yield f"{exercise.id}: its cases draw no real numbers anew; say in unseen.py how its inputs are drawn"
    if exercise.drive and exercise.drive.__module__ != drivers.__name__:
        yield f"{exercise.id}: its driver stands in {exercise.drive.__module__}, expected {drivers.__name__}"
    for case in exercise.cases:
        try:
            unpack_given(pack_given(case.make()))
        except (LookupError, AttributeError, TypeError, ImportError):
            yield f'{exercise.id}: the case "{case.name}" holds something that can\'t be handed over; see fixtures.py'


def label_problems(exercise: Code) -> Iterator[str]:
    """Every wrong solution is refused and named, every convention is told."""
    rewritten = [(label, judge(exercise, function)) for label, function in exercise.rewritten]
    for label, report in [*trust.label_verdicts(exercise).items(), *rewritten]:
        if report.outcome not in ("wrong", "raised", "edge"):
            yield f'{exercise.id}: the wrong solution "{label}" passes'
        elif label not in (report.mistake, *report.edges):
            seen = report.mistake or report.edges
            yield f'{exercise.id}: the wrong solution "{label}" looks like "{seen}" in all cases'
    for label, function in exercise.conventions.items():
        if judge(exercise, function).convention != label:
            yield f'{exercise.id}: the convention "{label}" is not told'


def promise_problems(exercise: Code) -> Iterator[str]:
    """An edge quotes the prompt, word for word; and an error that the prompt promises has a case."""
    prompt = " ".join((inspect.getdoc(exercise.reference) or "").split())
    for case in exercise.cases:
        if case.promise and case.promise not in prompt:
            yield f'{exercise.id}: "{case.name}" promises what the docstring does not say word for word: {case.promise}'
    for case, ran in zip(exercise.cases, trial(exercise).expected, strict=True):
        unknown = set() if exercise.drive else case.make().keys() - exercise.signature.parameters.parameters.keys()
        if unknown:
            yield f'{exercise.id}: the case "{case.name}" sets {", ".join(sorted(unknown))}, which {exercise.id} lacks'
        elif ran.raised and not case.promise:
            yield f'{exercise.id}: it raises {ran.raised} on "{case.name}", which has no promise: {ran.message}'
    raised = any(ran.raised for ran in trial(exercise).expected)
    if exercise.kind == "code" and "ValueError" in prompt and not raised:
        yield f"{exercise.id}: the prompt promises a ValueError, and no case tries it"


WITHOUT_LOOPS = {  # what is asked and has no definition in loops.py, and why
    "dot_product_std": "a measurement of random draws",
    "corrupt_tokens": "random draws, judged by their shares",
    "permutation_effect": "random draws, judged by their mean",
    "KVCache": "it computes nothing; its tests compare it with the arrays that went in",
    "BlockTable": "it computes nothing; its driver writes tokens into the slots and reads them again",
    "attend_with_cache": "by definition the last rows of multi_head_attention under a causal mask",
    "latent_attention_absorbed": "by definition equal to latent_attention",
}


def definition_problems(exercise: Code) -> Iterator[str]:
    """Every function that is asked is defined in loops.py, one number at a time, or it is said why not."""
    defined = hasattr(loops, exercise.id)
    if defined and exercise.id in WITHOUT_LOOPS:
        yield f"{exercise.id}: defined in loops.py, and exempt"
    elif not defined and exercise.id not in WITHOUT_LOOPS:
        yield f"{exercise.id}: no definition in loops.py; write it there, one number at a time"


def run_in_its_notebook(exercise: Exercise, source: str) -> Any:
    """What a cell defines, run with the names that its lesson imports."""
    first = next(cell for cell in lesson_cells(exercise.lesson) if cell.cell_type == "code")
    names: dict[str, Any] = {}
    exec(f"{first.source}\n\n{source}", names)
    return names[exercise.id]


def value_problems(exercise: Exercise) -> Iterator[str]:
    """The right value passes, the wrong ones are named; where numbers are redrawn, in every draw."""
    yield from drawn_problems(exercise, exercise.id)
    if "section" in exercise.words or exercise.lesson in WITHOUT_CELLS:
        yield from bank.section_problems(exercise)
    for seed in range(DRAWS if exercise.template else 0):
        yield from drawn_problems(exercise.drawn(seed), f"{exercise.id}, draw {seed}")


def drawn_problems(exercise: Exercise, name: str) -> Iterator[str]:
    right = exercise.reference()
    if judge(exercise, right).outcome != "right":
        yield f"{name}: its own answer is refused"
    for label, value in exercise.wrong.items():
        if "points_to" not in exercise.words and judge(exercise, value()).mistake != label:
            yield f'{name}: the wrong answer "{label}" is not named'
    choices = exercise.words.get("choices", [])
    if isinstance(right, str) and right not in choices:
        yield f"{name}: the right answer is not among the choices"
    explained = [right, *(value() for value in exercise.wrong.values())]
    for choice in choices if "points_to" not in exercise.words else []:
        if choice not in explained:
            yield f'{name}: nothing says why "{choice}" is wrong'
    for label, value in exercise.wrong.items():
        if choices and value() not in choices:
            yield f'{name}: the wrong answer "{label}" is not among the choices'


def lesson_problems(lesson: str) -> Iterator[str]:
    """Each exercise stands once in its lesson, all kinds are there, and nothing is used before it is taught."""
    cells = lesson_cells(lesson)
    placed = Counter(cell.metadata["exercise"] for cell in cells if "exercise" in cell.metadata)
    own = {exercise.id: exercise for exercise in lessons[lesson]}
    unplaced = [] if lesson in WITHOUT_CELLS else [id for id in own.keys() - placed.keys() if own[id].kind != "explain"]
    for id in sorted(unplaced):  # the bank has more cards than the lesson
        yield f'{lesson}: {id} has no cell; add the line # %% exercise="{id}" to attncore/lessons/{lesson}.py'
    for id, times in placed.items():
        if times > 1 or id not in own:
            yield f"{lesson}: the cell of {id} stands {times} times, or belongs to another lesson"
    for kind in KINDS if lesson not in WITHOUT_CELLS else ():
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
        lines = re.sub(r'"""[^"]*"""', '""', cell.source).splitlines()  # a prompt is prose
        longest = 40 if re.search(r"^(def|class) fix_", cell.source, re.MULTILINE) else 25
        if cell.cell_type == "code" and len(lines) > longest:
            yield f"{lesson}: a code cell has {len(lines)} lines: {lines[0]}"
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
            yield f"{where} is not what the lesson renders to: run python3 course.py render {lesson}"
        if not solved:
            if any(cell.get("outputs") for cell in notebook.cells):
                yield f"{where} holds outputs"
            yield from leaks(lesson, notebook)
        elif any(cell.cell_type == "code" and cell.execution_count is None for cell in notebook.cells):
            yield f"{where} is not executed"
        else:
            yield from (f"{where} shows what isn't right: {text}" for text in refused_in(notebook))


def refused_in(notebook: nbformat.NotebookNode) -> Iterator[str]:
    """The verdicts of the solutions that aren't right, by their first lines."""
    for cell in notebook.cells:
        if CHECKED in cell.metadata.get("tags", []):
            for output in cell.outputs:
                first = str(output.get("data", {}).get("text/plain", "")).partition("\n")[0]
                if re.search(r": (not yet right|not right|raises)", first):
                    yield first


def skeleton(notebook: nbformat.NotebookNode) -> list[Any]:
    """What rendering decides: everything but outputs."""
    cells = [(cell.id, cell.cell_type, cell.source, dict(cell.metadata)) for cell in notebook.cells]
    return [dict(notebook.metadata), cells]


def leaks(lesson: str, notebook: nbformat.NotebookNode) -> Iterator[str]:
    """Lines of a reference's body that the learner could read before writing them."""
    shown = [
        line.strip()
        for cell in notebook.cells
        if cell.cell_type == "code" and not re.search(r"^(def|class) fix_", cell.source, re.MULTILINE)
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
