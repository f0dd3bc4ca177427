"""A stranger's file as it runs: its names, and what it has given to check and answer."""

import ast
import asyncio
import builtins
import inspect
import sys
import types
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from functools import partial
from typing import Any

from attncore.exercises import Case, Code, exercises
from attncore.grading.observe import Observed, observe
from attncore.grading.pieces import FUTURE, Piece, as_python, reason, show_lines
from attncore.grading.reading import Source
from attncore.grading.run import Ran, TimeUp, first_line, is_own, last_line, within
from attncore.grading.shell import given_names
from attncore.grading.wire import pack

FUNCTIONS = {exercise.id: exercise for exercise in exercises if isinstance(exercise, Code)}
DESK = "attncore.app.cell"  # where the front door finds the learner's verbs


class Desk(types.ModuleType):
    """The learner's verbs, silent: check and answer note what they are given, all others do nothing."""

    def __init__(self) -> None:
        super().__init__(DESK)
        self.noted: dict[str, Any] = {}
        self.by_own_name: dict[str, Any] = {}
        self.yours = types.SimpleNamespace(**{id: e.reference for id, e in FUNCTIONS.items()})  # nobody's is right yet

    def check(self, function: Any = None, exercise: Any = None, *more: Any, **others: Any) -> None:
        if exercise is not None:
            self.noted[str(exercise)] = function
        elif name := getattr(function, "__name__", ""):
            self.by_own_name[str(name)] = function

    def answer(self, exercise: Any = "", value: Any = None, *more: Any, **others: Any) -> None:
        if exercise:
            self.noted[str(exercise)] = value

    def __getattr__(self, verb: str) -> Any:
        if verb.startswith("__"):
            raise AttributeError(verb)
        return lambda *args, **kwargs: None


class Program:
    """The file as a module named __main__, run piece by piece."""

    def __init__(self, source: Source):
        self.notebook, self.flags = source.notebook, 0
        text = "\n".join(source.cells)
        self.cases = {id: made(e.cases) for id, e in FUNCTIONS.items() if id in text}  # before NumPy may be changed
        self.desk = sys.modules[DESK] = Desk()
        module = sys.modules["__main__"] = types.ModuleType("__main__")
        self.names = vars(module)
        self.names |= {"__file__": source.name, "__builtins__": builtins}
        if source.notebook:
            self.names |= given_names(self.run_text)
            self.loop = asyncio.new_event_loop()
            asyncio.set_event_loop(self.loop)
        sys.path.insert(0, source.folder)
        sys.argv = [source.name]

    def run(self, piece: Piece, seconds: float) -> tuple[str, str] | None:
        """Run one piece. Where it fails: a sentence that begins with the place, and the line."""
        if piece.node is None:
            return piece.problem, ""
        try:
            within(seconds, partial(self.execute, piece.node, piece.filename, piece.ends_cell))
        except TimeUp:
            return f"was stopped after {seconds:g} seconds", ""
        except SystemExit as problem:
            return None if problem.code in (None, 0) else (f"calls exit: {first_line(problem)}", "")
        except SyntaxError as problem:
            return f"isn't valid Python: {reason(problem)}", ""
        except BaseException as problem:
            return f"raises {type(problem).__name__}: {first_line(problem)}"[:300], last_line(problem)[0]
        return None

    def run_text(self, text: str) -> Any:
        """Run what stands behind a magic, as a cell; its last value."""
        python, tree = as_python(text)
        filename = f"<magic {len(self.names)}>"
        show_lines(filename, python)
        value = None
        for node in tree.body:
            value = self.execute(node, filename, node is tree.body[-1])
        return value

    def execute(self, node: ast.stmt, filename: str, shows: bool) -> Any:
        """Run a statement; the value of an expression that ends a cell is kept as `_`, as IPython does."""
        last = node.value if shows and isinstance(node, ast.Expr) else None
        tree = ast.Expression(last) if last else ast.Module([node], [])
        flags = self.flags | (ast.PyCF_ALLOW_TOP_LEVEL_AWAIT if self.notebook else 0)
        code = compile(tree, filename, "eval" if last else "exec", flags, dont_inherit=True)
        value = eval(code, self.names)
        if inspect.iscoroutine(value) and code.co_flags & inspect.CO_COROUTINE:
            value = self.loop.run_until_complete(value)
        self.flags |= code.co_flags & FUTURE
        if last and value is not None:
            self.names["_"] = value
        return value

    def answers(self) -> dict[str, Any]:
        """What the file gives to each exercise, or to a name that is none; the last definition counts."""
        own = {id: self.names[id] for id in FUNCTIONS if id in self.names}
        found = {id: answer for id, answer in {**self.desk.by_own_name, **own}.items() if is_own(answer)}
        return found | self.desk.noted

    def observed(self, id: str, answer: Any) -> str:
        """What an answer does, or the value that it is, packed."""
        if id not in FUNCTIONS:
            return pack(answer)
        cases = self.cases.get(id, FUNCTIONS[id].cases)
        try:
            return pack(observe(answer, FUNCTIONS[id].signature, cases))
        except BaseException as problem:  # a KeyboardInterrupt, which in a kernel is the learner's own
            kin = tuple(kind.__name__ for kind in type(problem).__mro__)
            ran = [Ran(raised=kin[0], message=first_line(problem), kin=kin)] * len(cases)
            return pack(Observed(ran, ran))

    def functions(self) -> list[str]:
        """The names of the functions that the file defines."""
        return [name for name, value in self.names.items() if type(value) is types.FunctionType and is_own(value)]


def made(cases: Sequence[Case]) -> list[Case]:
    """The same cases, whose arguments are made now, and only copied later."""
    return [replace(case, make=partial(deepcopy, case.make())) for case in cases]
