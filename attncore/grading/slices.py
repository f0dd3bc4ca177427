"""What of a file an answer depends on: the statements that bind the names it reads, and theirs, and no others.

Nothing runs here. Demonstrations, pictures and checks are no part of an answer, so what they do costs nobody anything.
"""

import ast
import re
import symtable
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from attncore.grading.pieces import Piece, text_shown

MAKERS = r"\b(globals|exec)\("  # names are made of their text
BY_TEXT = {"globals", "locals", "vars", "eval", "exec", "__main__"}  # or read by it
BINDING = (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.FunctionDef)
LOOKS = {"print", "display", "check", "answer", "repr", "str", "len", "type", "id", "help", "list", "sum", "max", "min"}


@dataclass(frozen=True)
class Slice:
    """An answer: an expression, and which pieces of the file it needs, in order."""

    answer: str
    needs: list[int]


def slices(pieces: list[Piece], functions: Iterable[str], values: Iterable[str]) -> dict[str, Slice]:
    """The answers of a file, by exercise: functions by name or by check(mine, "id"), values by answer("id", ...).

    An answer stands as its last check finds it, whatever the file makes of its names further down.
    """
    end, book = len(pieces), Book(pieces)
    found: dict[str, tuple[ast.expr, int]] = {
        id: (ast.Name(id, ast.Load()), end) for id in functions if is_defined(pieces, id) or id in book.made
    }
    asked = {"check": set(functions), "answer": set(values)}
    for place, verb, id, expression in calls(pieces):
        if id in asked[verb] and not (id in found and is_defined(pieces[place:], id)):
            found[id] = expression, place
    return {id: Slice(ast.unparse(answer), book.needs(answer, before)) for id, (answer, before) in found.items()}


def is_defined(pieces: list[Piece], name: str) -> bool:
    """Does the file bind the name itself, last of all, and not by an import from the course?"""
    last = next((piece for piece in reversed(pieces) if name in piece.defines), None)
    return last is not None and not (
        isinstance(last.node, ast.ImportFrom) and str(last.node.module).partition(".")[0] == "attncore"
    )


def calls(pieces: list[Piece]) -> Iterator[tuple[int, str, str, ast.expr]]:
    """Every check(mine, "id"), check(id) and answer("id", value) of a file: its place, the verb, the id, the answer."""
    for place, piece in enumerate(pieces):
        for call in ast.walk(piece.node) if piece.node else ():
            verb = getattr(call.func, "id", getattr(call.func, "attr", "")) if isinstance(call, ast.Call) else ""
            if isinstance(call, ast.Call) and verb in ("check", "answer"):
                given = arguments(call, ("function", "exercise") if verb == "check" else ("exercise", "value"))
                answer = given.get("function" if verb == "check" else "value")
                id = given.get("exercise", ast.Constant(getattr(answer, "id", "")))
                if isinstance(id, ast.Constant) and answer:
                    yield place, verb, str(id.value), answer


def arguments(call: ast.Call, names: tuple[str, ...]) -> dict[str, ast.expr]:
    placed = dict(zip(names, call.args, strict=False))
    return placed | {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}


class Book:
    """Where each name of a file is bound, changed and read."""

    def __init__(self, pieces: list[Piece]):
        self.pieces = pieces
        self.read: dict[int, tuple[set[str], set[str]]] = {}
        self.binds: dict[str, list[int]] = {}
        self.changes: dict[str, list[int]] = {}
        self.imported: set[str] = set()
        self.made: set[str] = set()  # words in statements that make names by their text: globals()["softmax"] = f
        self.always: list[int] = []
        effects = dict(effects_of(pieces))
        for place, piece in enumerate(pieces):
            for name in piece.defines:
                self.binds.setdefault(name, []).append(place)
            if isinstance(piece.node, ast.Import | ast.ImportFrom):
                self.imported |= set(piece.defines)
            changed = set(names_changed(piece.node))
            if not isinstance(piece.node, BINDING):  # who hands a function on shows it, and doesn't change it
                changed -= effects.keys()
            for name in changed.union(*(effects.get(name, ()) for name in names_called(piece.node))):
                self.changes.setdefault(name, []).append(place)
            text = text_shown(piece)[1]
            if re.search(MAKERS, text):
                self.always.append(place)
                self.made |= set() if piece.answers else set(re.findall(r"\w+", text))
            if isinstance(piece.node, ast.ImportFrom) and (
                piece.node.module == "__future__" or piece.node.names[0].name == "*"
            ):
                self.always.append(place)

    def needs(self, expression: ast.expr, end: int) -> list[int]:
        """The pieces that an expression depends on, of those that stand before a place."""
        asked = [(name, end) for name in set().union(*names_read(ast.unparse(expression)))]
        chosen = {place for place in self.always if place < end}
        asked += [pair for place in chosen for pair in self.wanted(place, end)]
        for name, before in asked:
            if name in BY_TEXT:
                chosen |= {place for places in self.binds.values() for place in places if place < end}
            for place in self.last_bindings(name, before):
                chosen.add(place)
                asked += [pair for pair in self.wanted(place, end) if pair not in asked]
        return sorted(chosen)

    def wanted(self, place: int, end: int) -> list[tuple[str, int]]:
        """The names that a piece reads, and before which piece each has to be bound: a function's when it's called."""
        now, later = self.reads(place)
        return [(name, place) for name in now] + [(name, end) for name in later]

    def reads(self, place: int) -> tuple[set[str], set[str]]:
        """The names that a piece reads, at once and later; looked at when somebody asks."""
        if place not in self.read:
            self.read[place] = names_read(text_shown(self.pieces[place])[1])
        return self.read[place]

    def last_bindings(self, name: str, before: int) -> list[int]:
        """Those from the last one on that doesn't read the name itself: a wrapper needs what it wraps."""
        places = [place for place in self.binds.get(name, ()) if place < before]
        places = places or self.binds.get(name, [])  # cells are run in another order than they stand in
        fresh = [place for place in places if name not in self.reads(place)[0]]
        first = fresh[-1] if fresh else 0
        changes = [] if name in self.imported else self.changes.get(name, [])  # np.testing.assert_equal(...)
        return [
            *places[places.index(first) if fresh else 0 :],
            *(place for place in changes if first <= place < before),
        ]


def names_read(text: str) -> tuple[set[str], set[str]]:
    """The names of the file that a statement reads: at once, and when its functions are called."""
    try:
        table = symtable.symtable(text, "", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set(), set()
    now, later = {s.get_name() for s in table.get_symbols() if s.is_referenced()}, set[str]()
    scopes = [(child, False) for child in table.get_children()]
    for scope, is_later in scopes:
        is_later = is_later or (scope.get_type() == "function" and scope.get_name() not in AT_ONCE)
        found = {s.get_name() for s in scope.get_symbols() if s.is_referenced() and s.is_global()}
        (later if is_later else now).update(found)
        scopes += [(child, is_later) for child in scope.get_children()]
    return now | increased(text), later


def increased(text: str) -> set[str]:
    """The names of x += 1, which are read as well."""
    if not re.search(r"[-+*/%@&|^<>]=", text):
        return set()
    changed = (node.target for node in ast.parse(text).body if isinstance(node, ast.AugAssign))
    return {target.id for target in changed if isinstance(target, ast.Name)}


def names_called(node: ast.AST | None) -> Iterator[str]:
    """The functions that a statement calls at once, and its decorators."""
    nodes = [node] if node else []
    for part in nodes:
        if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield from (root_of(d.func if isinstance(d, ast.Call) else d) for d in part.decorator_list)
            nodes += part.body if isinstance(part, ast.ClassDef) else []
        elif not isinstance(part, ast.Lambda):
            if isinstance(part, ast.Call) and isinstance(part.func, ast.Name):
                yield part.func.id
            nodes += ast.iter_child_nodes(part)


def effects_of(pieces: list[Piece]) -> Iterator[tuple[str, set[str]]]:
    """Of each function of the file, the names of the file that it binds or changes when it is called."""
    for piece in pieces:
        if isinstance(piece.node, ast.FunctionDef):
            parts = list(ast.walk(piece.node))
            bound = {name for part in parts if isinstance(part, ast.Global) for name in part.names}
            own = {arg.arg for part in parts if isinstance(part, ast.arguments) for arg in part.args}
            changed = {name for part in piece.node.body for name in names_changed(part)}
            yield piece.node.name, bound | changed - own


AT_ONCE = ("listcomp", "setcomp", "dictcomp", "genexpr")


def names_changed(node: ast.AST | None) -> Iterator[str]:
    """The names whose values a statement changes without binding them: table[0] = 1, table.append(1), del table[0]."""
    if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Delete):
        targets = node.targets if isinstance(node, ast.Assign | ast.Delete) else [node.target]
        yield from (root for target in targets if (root := root_of(target)) and not isinstance(target, ast.Name))
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield from names_handed(node.value)
    elif isinstance(node, ast.FunctionDef):  # @softmax.register
        marks = [d.func if isinstance(d, ast.Call) else d for d in node.decorator_list]
        yield from (root_of(mark) for mark in marks if isinstance(mark, ast.Attribute))
    elif isinstance(node, ast.For | ast.While | ast.If | ast.With | ast.Try | ast.Match):
        for part in ast.iter_child_nodes(node):
            yield from (name for inner in [part, *getattr(part, "body", ())] for name in names_changed(inner))


def names_handed(call: ast.Call) -> Iterator[str]:
    """The names that a call may change: table.append(1), heappush(table, 1), np.add(1, 1, out=table)."""
    if isinstance(call.func, ast.Attribute) and (root := root_of(call.func)):
        yield root
    if getattr(call.func, "id", getattr(call.func, "attr", "")) not in LOOKS:
        given = [*call.args, *(keyword.value for keyword in call.keywords)]
        yield from (part.id for part in given if isinstance(part, ast.Name))


def root_of(target: ast.expr) -> str:
    """The name at the bottom of rows[0].weights."""
    while isinstance(target, ast.Attribute | ast.Subscript):
        target = target.value
    return target.id if isinstance(target, ast.Name) else ""
