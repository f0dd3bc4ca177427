"""The code of a file in pieces: one statement each, so that a statement that fails costs only what it defines."""

import __future__

import ast
import io
import linecache
import re
from collections.abc import Iterator
from dataclasses import dataclass

from attncore.grading.reading import Source, Unreadable

# What `from __future__ import` asks of every later piece, as the flags of compiled code have it.
FUTURE = sum(getattr(__future__, name).compiler_flag for name in __future__.all_feature_names)
UNPARSED = (SyntaxError, ValueError, RecursionError, MemoryError)  # what ast.parse raises
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
IMPORTS = (ast.Import, ast.ImportFrom)
PATTERNS = (ast.MatchAs, ast.MatchStar, ast.MatchMapping)  # which bind names of their own
MAGICS = r"(pip|conda|uv|ls|cd|pwd|cat|mkdir|rm|cp|mv|matplotlib|pylab|load_ext|reload_ext|autoreload|time\w*)"

# What measures a cell or a statement, which is run all the same: "%%time" keeps its line, "%time x = 1" its statement.
MEASURED = re.compile(r"(?m)\A\s*%%(?:time|capture)\b[^\n]*$|^%time[ \t]+(?=[^\s-])")


@dataclass(frozen=True)
class Piece:
    """A statement, where it stands, and in which file; or a cell that is no Python, with what is wrong in it."""

    where: str
    filename: str
    node: ast.stmt | None = None
    problem: str = ""
    defines: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    ends_cell: bool = False
    calls: tuple[ast.Call, ...] = ()


def pieces(source: Source) -> list[Piece]:
    """The pieces of a file in order. Raises Unreadable where a Python file is no Python."""
    if source.notebook:
        return [piece for place, text in enumerate(source.cells, 1) for piece in cell_pieces(source.name, place, text)]
    filename = f"<{source.name}>"
    text = source.cells[0].removeprefix("\ufeff")
    try:
        tree = ast.parse(text)
    except UNPARSED as problem:
        line = getattr(problem, "lineno", None)
        where = f", line {line}" if line else ""
        raise Unreadable(f"{source.name} isn't valid Python{where}: {reason(problem)}.") from None
    show_lines(filename, text)
    return [piece_of(node, f"line {node.lineno}", filename) for node in tree.body]


def cell_pieces(name: str, place: int, text: str) -> Iterator[Piece]:
    filename = f"<{name}, cell {place}>"
    try:
        python, tree = as_python(text)
    except UNPARSED as problem:
        line = getattr(problem, "lineno", None)
        where = f" in its line {line}" if line else ""
        defines = tuple(re.findall(r"(?m)^(?:async def|def|class)\s+(\w+)|^(?=\w+\s*=[^=])(\w+)", text))
        names = tuple(name for pair in defines for name in pair if name)
        yield Piece(f"cell {place}", filename, problem=f"isn't valid Python{where}: {reason(problem)}", defines=names)
        return
    show_lines(filename, python)
    for node in tree.body:
        yield piece_of(node, f"cell {place}", filename, ends_cell=node is tree.body[-1])


def as_python(text: str) -> tuple[str, ast.Module]:
    """A cell as Python; what is not Python as it stands is IPython's. Raises what ast.parse raises."""
    text = MEASURED.sub("", text)
    try:
        return text, ast.parse(text)
    except UNPARSED as problem:
        from IPython.core.inputtransformer2 import TransformerManager

        if re.fullmatch(rf"\s*{MAGICS}\b[^\n]*\s*", text):  # a magic alone in its cell needs no %
            text = f"%{text.strip()}"
        try:
            python = TransformerManager().transform_cell(text)
            return python, ast.parse(python)
        except UNPARSED:
            raise problem from None


def show_lines(filename: str, text: str) -> None:
    """Let tracebacks and inspect find the lines, split where Python splits them."""
    lines = io.StringIO(text, newline=None).readlines()
    linecache.cache[filename] = (len(text), None, lines, filename)


def text_shown(piece: Piece) -> tuple[int, str]:
    """The line on which a piece begins, and its text, as `show_lines` has it."""
    node = piece.node
    if node is None:
        return 1, ""
    lines = linecache.cache[piece.filename][2]  # type: ignore[misc]
    first = min([node.lineno, *(part.lineno for part in getattr(node, "decorator_list", ()))])
    end = node.end_lineno or first
    text = [line.encode() for line in lines[first - 1 : end]]
    text[-1] = text[-1][: node.end_col_offset]
    if first == node.lineno:  # behind a semicolon
        text[0] = text[0][node.col_offset :]
    return first, b"".join(text).decode()


def piece_of(node: ast.stmt, where: str, filename: str, ends_cell: bool = False) -> Piece:
    calls = tuple(part for part in all_parts(node) if isinstance(part, ast.Call))
    return Piece(where, filename, node, "", tuple(names_bound(node)), tuple(values_answered(calls)), ends_cell, calls)


def all_parts(node: ast.AST) -> list[ast.AST]:
    """A node and all below it, as ast.walk has them."""
    nodes = [node]
    for part in nodes:
        nodes += parts(part)
    return nodes


def parts(node: ast.AST) -> list[ast.AST]:
    """The nodes right below one: ast.iter_child_nodes, in half the time and without load and store."""
    found: list[ast.AST] = []
    for name in node._fields:
        if name != "ctx":
            value = getattr(node, name, None)
            if isinstance(value, list):
                found += [part for part in value if isinstance(part, ast.AST)]
            elif isinstance(value, ast.AST):
                found.append(value)
    return found


def names_bound(node: ast.stmt) -> list[str]:
    """The names that a statement gives to the file, also within its if, try or with."""
    names: list[str] = []
    nodes: list[ast.AST] = [node]
    for part in nodes:
        if isinstance(part, ast.Name):
            names += [part.id] if isinstance(part.ctx, ast.Store) else []
        elif isinstance(part, DEFINITIONS):
            names.append(part.name)
        elif isinstance(part, IMPORTS):
            names += [alias.asname or alias.name.partition(".")[0] for alias in part.names]
        elif isinstance(part, PATTERNS):
            name = part.rest if isinstance(part, ast.MatchMapping) else part.name
            names += [name] if name else []
            nodes += parts(part)
        else:
            nodes += parts(part)
    return names


def values_answered(calls: tuple[ast.Call, ...]) -> Iterator[str]:
    """The exercises that a statement answers with a value: answer("score-bytes", ...)."""
    for call in calls:
        if call.args and isinstance(call.args[0], ast.Constant):
            called = getattr(call.func, "id", getattr(call.func, "attr", ""))
            if called == "answer" and isinstance(call.args[0].value, str):
                yield call.args[0].value


def reason(problem: BaseException) -> str:
    text = problem.msg if isinstance(problem, SyntaxError) else str(problem)
    return text or "it is nested too deeply"
