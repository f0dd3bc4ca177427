"""What of a file an answer depends on: the statements that bind the names it reads, and theirs, and no others.

Nothing runs here. Demonstrations, pictures and checks are no part of an answer, so what they do costs nobody anything.
"""

import ast
import re
import symtable
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from attncore.grading.pieces import Piece, all_parts, names_bound, parts, text_shown

MAKERS = r"\b(?:(?:globals|exec)\(|sys\.modules\[)"  # names are made of their text
BY_TEXT = {"globals", "locals", "vars", "eval", "exec", "__main__"}  # or read by it
BINDING = (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.FunctionDef)
CHANGES = {"append", "extend", "insert", "pop", "popitem", "remove", "clear", "update", "setdefault", "add", "discard"}
CHANGES |= {"sort", "reverse", "appendleft", "extendleft", "popleft", "rotate", "fill"}
COMPOUND = (ast.For, ast.While, ast.If, ast.With, ast.Try, ast.Match)
LOOKS = {"print", "display", "check", "answer", "repr", "str", "len", "type", "id", "help", "list", "sum", "max", "min"}


@dataclass(frozen=True)
class Slice:
    """An answer: an expression, and which pieces of the file it needs, in order."""

    answer: str
    needs: list[int]


def slices(
    pieces: list[Piece], given: Iterable["Handed"], functions: Iterable[str], values: Iterable[str]
) -> dict[str, Slice]:
    """The answers of a file, by exercise: functions by name or by check(mine, "id"), values by answer("id", ...).

    An answer stands as its last check finds it, whatever the file makes of its names further down. Without a check,
    as the file leaves it, or has it where it imports the course's own under that name, as some repairs do.
    """
    book = Book(pieces)
    found: dict[str, tuple[ast.expr, int]] = {
        id: (ast.Name(id, ast.Load()), end) for id in functions if (end := end_of(pieces, id, book)) is not None
    }
    asked = {"check": set(functions), "answer": set(values)}
    for call in filter(is_plain, given):
        id, answer = str(call.id), call.answer
        if answer and id in asked[call.verb] and not (id in found and is_defined(pieces[call.place :], id)):
            found[id] = answer, call.place
    return {id: Slice(ast.unparse(answer), book.needs(answer, before)) for id, (answer, before) in found.items()}


def end_of(pieces: list[Piece], name: str, book: "Book") -> int | None:
    """Up to which piece the file's own function of that name counts; None where it has none."""
    if name in book.made:
        return len(pieces)
    binding = [place for place, piece in enumerate(pieces) if name in piece.defines]
    own = max((place for place in binding if not is_the_courses(pieces[place])), default=None)
    return None if own is None else min((place for place in binding if place > own), default=len(pieces))


def is_defined(pieces: list[Piece], name: str) -> bool:
    """Does the file bind the name itself, last of all, and not by an import from the course?"""
    last = next((piece for piece in reversed(pieces) if name in piece.defines), None)
    return last is not None and not is_the_courses(last)


def is_the_courses(piece: Piece) -> bool:
    """Is it an import from the course?"""
    return isinstance(piece.node, ast.ImportFrom) and str(piece.node.module).partition(".")[0] == "attncore"


VERBS = ("check", "answer")
GIVEN = {"check": ("function", "exercise"), "answer": ("exercise", "value")}
DEEPEST = 3  # functions that call one another until one of them calls check
UNKNOWN: ast.expr = ast.Constant(...)  # what a name stands for that a function gives to itself
Meanings = dict[str, ast.expr]


@dataclass(frozen=True)
class Handed:
    """A call of check or answer: its place, for which exercise it is, and what it hands over; None if nobody knows."""

    place: int
    verb: str
    id: str | None
    answer: ast.expr | None


@dataclass(frozen=True)
class Scope:
    """What names stand for: those of the file, where a statement says so, and those of a function or loop in it."""

    known: Meanings
    functions: dict[str, ast.FunctionDef]
    own: Meanings = field(default_factory=dict)
    depth: int = 0

    def inside(self, names: Meanings, depth: int = 0) -> "Scope":
        return replace(self, own=self.own | names, depth=self.depth + depth)

    def own_meaning(self, expression: ast.expr) -> ast.expr:
        return self.own.get(expression.id, expression) if isinstance(expression, ast.Name) else expression

    def meaning(self, expression: ast.expr) -> ast.expr:
        found = self.own_meaning(expression)
        return self.known.get(found.id, found) if isinstance(found, ast.Name) else found

    def verb(self, call: ast.Call) -> str:
        function = self.meaning(call.func)
        name = str(getattr(function, "id", getattr(function, "attr", "")))
        return name if name in VERBS else ""


def calls(pieces: list[Piece]) -> Iterator[Handed]:
    """Every check(mine, "id"), check(id) and answer("id", value) of a file, by whatever name it is called.

    An id may be a name for a text, and a call may stand in a loop over what is written there, or in a function.
    """
    scope, speaking = Scope({}, {}), names_of_verbs(pieces)
    for place, piece in enumerate(pieces):
        if isinstance(piece.node, ast.FunctionDef):
            scope.functions[piece.node.name] = piece.node
        if piece.node:
            if called(piece) & speaking:
                yield from (handed(place, call, within) for call, within in calls_in(piece.node, scope))
            for name in (*piece.defines, *names_changed(piece.node)):
                scope.known[name] = UNKNOWN
            scope.known.update(meanings_of(piece.node))


def names_of_verbs(pieces: list[Piece]) -> set[str]:
    """All names by which a verb may be called: its own and others, and functions that come to call one."""
    found = set(VERBS).union(*(meanings_of(piece.node) for piece in pieces if piece.node))
    functions = [(piece.node, called(piece)) for piece in pieces if isinstance(piece.node, ast.FunctionDef)]
    while new := {f.name for f, names in functions if names & (found | {arg.arg for arg in f.args.args})} - found:
        found |= new
    return found


def called(piece: Piece) -> set[str]:
    """The names of all that a piece calls, wherever in it."""
    return {getattr(call.func, "id", getattr(call.func, "attr", "")) for call in piece.calls}


def meanings_of(node: ast.stmt) -> Meanings:
    """The names that a statement gives to a text, to a table, or to a verb of the course."""
    if isinstance(node, ast.ImportFrom):
        return {alias.asname or alias.name: ast.Name(alias.name) for alias in node.names if alias.name in VERBS}
    value = node.value if isinstance(node, ast.Assign) else None
    is_verb = getattr(value, "id", getattr(value, "attr", "")) in VERBS
    if isinstance(node, ast.Assign) and (is_verb or isinstance(value, ast.Constant | ast.List | ast.Tuple | ast.Dict)):
        return {target.id: node.value for target in node.targets if isinstance(target, ast.Name)}
    return {}


def calls_in(node: ast.AST, scope: Scope) -> Iterator[tuple[ast.Call, Scope]]:
    """The calls of the verbs that running a statement comes to, each with what the names stand for there.

    In the body of a function that nobody is seen to call, those that are plain from it alone.
    """
    nodes = [node]  # and not by recursion: a long sum is deep
    for part in nodes:
        if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef):
            found = calls_in_all(part.body, scope.inside(names_of_its_own(part)))
            yield from ((call, within) for call, within in found if is_plain(handed(0, call, within)))
        elif isinstance(part, ast.For) and (turns := list(turns_of(part, scope))):
            for meanings in turns:
                yield from calls_in_all(part.body, scope.inside(meanings))
        elif isinstance(part, ast.Call) and scope.verb(part):
            yield part, scope
        else:
            function = scope.functions.get(getattr(getattr(part, "func", None), "id", ""))
            if isinstance(part, ast.Call) and function and scope.depth < DEEPEST:
                given = arguments(part, tuple(arg.arg for arg in function.args.args))
                names = {name: scope.own_meaning(value) for name, value in given.items()}
                yield from calls_in_all(function.body, scope.inside(names_of_its_own(function) | names, depth=1))
            nodes += parts(part)


def calls_in_all(body: list[ast.stmt], scope: Scope) -> Iterator[tuple[ast.Call, Scope]]:
    return (pair for part in body for pair in calls_in(part, scope))


def names_of_its_own(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Meanings:
    """The names that a function gives to itself, of which nobody knows what they stand for."""
    given = {arg.arg for part in ast.walk(function) if isinstance(part, ast.arguments) for arg in part.args}
    return dict.fromkeys(given.union(*map(names_bound, function.body)), UNKNOWN)


def turns_of(loop: ast.For, scope: Scope) -> Iterator[Meanings]:
    """What a loop's names stand for, turn by turn, where it runs over values that are written in the file."""
    values = scope.meaning(loop.iter)
    if isinstance(values, ast.Call) and isinstance(values.func, ast.Attribute) and values.func.attr == "items":
        table = scope.meaning(values.func.value)
        pairs = zip(table.keys, table.values, strict=True) if isinstance(table, ast.Dict) else ()
        values = ast.List([ast.Tuple([key, value]) for key, value in pairs if key])
    for value in getattr(values, "elts", ()):
        if isinstance(loop.target, ast.Name):
            yield {loop.target.id: value}
        elif isinstance(loop.target, ast.Tuple) and isinstance(value, ast.Tuple | ast.List):
            names = [getattr(target, "id", "") for target in loop.target.elts]
            yield dict(zip(names, value.elts, strict=False))


def handed(place: int, call: ast.Call, scope: Scope) -> Handed:
    """What a call of a verb hands over, and for which exercise."""
    verb = scope.verb(call)
    given = arguments(call, GIVEN[verb])
    written = given.get("function" if verb == "check" else "value", UNKNOWN)
    answer = scope.own_meaning(written)
    id = scope.meaning(given["exercise"]) if "exercise" in given else ast.Constant(getattr(answer, "id", None))
    found = id.value if isinstance(id, ast.Constant) and isinstance(id.value, str) else None
    beyond = answer is UNKNOWN or any(getattr(part, "id", "") in scope.own for part in ast.walk(answer))
    return Handed(place, verb, found, None if beyond else answer)


def is_plain(call: Handed) -> bool:
    return call.id is not None and call.answer is not None


def arguments(call: ast.Call, names: tuple[str, ...]) -> Meanings:
    placed = {} if any(isinstance(arg, ast.Starred) for arg in call.args) else dict(zip(names, call.args, strict=False))
    return placed | {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}


def not_followed(pieces: list[Piece], given: Iterable[Handed]) -> str:
    """A sentence on what hands over an answer in a way that only running the file would show; mostly nothing."""
    passed_over = [(pieces[call.place].where, call.verb) for call in given if not is_plain(call)]
    passed_over += [(piece.where, "%%writefile") for piece in pieces if writes_a_file(piece)]
    if not passed_over:
        return ""
    where, what = passed_over[0]
    return (
        f"{where} uses {what} in a way that only running the file would show, so that is passed over. "
        "A function that has its exercise's name in the file is judged all the same."
    )


def writes_a_file(piece: Piece) -> bool:
    """Is it a cell of %%writefile, as IPython writes it?"""
    call = getattr(piece.node, "value", None)
    return (
        isinstance(call, ast.Call)
        and getattr(call.func, "attr", "") == "run_cell_magic"
        and getattr(call.args[0], "value", "") in ("writefile", "file")
    )


class Book:
    """Where each name of a file is bound, changed and read."""

    def __init__(self, pieces: list[Piece]):
        self.pieces = pieces
        self.read: dict[int, tuple[set[str], set[str]]] = {}
        self.binds: dict[str, list[int]] = {}
        self.changes: dict[str, list[int]] = {}
        self.imported: set[str] = set()
        self.made: set[str] = set()  # made in a function, or words where text makes names: globals()["softmax"] = f
        self.always: list[int] = []
        self.same = same_things(pieces)
        effects, fillers = effects_of(pieces)
        functions = {piece.node.name for piece in pieces if isinstance(piece.node, ast.FunctionDef)}
        for place, piece in enumerate(pieces):
            for name in piece.defines:
                self.binds.setdefault(name, []).append(place)
            if isinstance(piece.node, ast.Import | ast.ImportFrom):
                self.imported |= set(piece.defines)
            changed = {other for name in names_changed(piece.node) for other in self.same.get(name, [name])}
            changed |= {name for call in piece.calls if root_of(call.func) in fillers for name in names_handed(call)}
            if not isinstance(piece.node, BINDING):  # who hands a function on shows it, and doesn't change it
                changed -= functions
            for name in changed.union(*(effects.get(name, ()) for name in names_called(piece.node))):
                self.changes.setdefault(name, []).append(place)
            if isinstance(piece.node, ast.FunctionDef):  # global softmax
                self.made |= names_made_global(all_parts(piece.node))
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
        """Those from the last sure one on that doesn't read the name itself: a wrapper needs what it wraps."""
        places = [place for place in self.binds.get(name, ()) if place < before]
        places = places or self.binds.get(name, [])  # cells are run in another order than they stand in
        fresh = [place for place in places if self.surely_binds(place) and name not in self.reads(place)[0]]
        first = fresh[-1] if fresh else 0
        changes = [] if name in self.imported else self.changes.get(name, [])  # np.testing.assert_equal(...)
        return [
            *places[places.index(first) if fresh else 0 :],
            *(place for place in changes if first <= place < before),
        ]

    def surely_binds(self, place: int) -> bool:
        """An `if`, a loop or a `try` may bind nothing, and `rate: float` never does; so an earlier value may hold."""
        node = self.pieces[place].node
        return not isinstance(node, COMPOUND) and not (isinstance(node, ast.AnnAssign) and node.value is None)


def same_things(pieces: list[Piece]) -> dict[str, set[str]]:
    """For each name that was given to another's value, alias = table, the names of that value: changed is changed."""
    same: dict[str, set[str]] = {}
    for piece in pieces:
        node = piece.node
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name):
            names = {target.id for target in node.targets if isinstance(target, ast.Name)} | {node.value.id}
            names = names.union(*(same.get(name, ()) for name in names))
            same |= dict.fromkeys(names, names)
    return same


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
    if re.search(r"[-+*/%@&|^<>]=", text):  # the name of x += 1 is read as well
        inside = all_parts(ast.parse(text))
        functions = [part for part in inside if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef)]
        own = [part for function in functions for part in all_parts(function)]
        now |= names_increased(inside) - names_increased(own)
        later |= names_increased(own) & names_made_global(own)
    return now, later


def names_increased(inside: list[ast.AST]) -> set[str]:
    targets = [part.target for part in inside if isinstance(part, ast.AugAssign)]
    return {target.id for target in targets if isinstance(target, ast.Name)}


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
            nodes += parts(part)


def effects_of(pieces: list[Piece]) -> tuple[dict[str, set[str]], set[str]]:
    """Of each function and class of the file, the names of the file that it binds or changes when it is called.

    And those that change what they are handed: size = fill(table).
    """
    effects: dict[str, set[str]] = {}
    callers: dict[str, set[str]] = {}
    fillers: set[str] = set()
    for piece in pieces:
        if isinstance(piece.node, ast.FunctionDef | ast.ClassDef):
            inside = all_parts(piece.node)
            bound = names_made_global(inside)
            given = {arg.arg for part in inside if isinstance(part, ast.arguments) for arg in part.args}
            own = {part.id for part in inside if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)}
            changed = {name for part in inside if isinstance(part, ast.stmt) for name in names_changed(part)}
            effects[piece.node.name] = bound | changed - given - own
            callers[piece.node.name] = called(piece)
            if isinstance(piece.node, ast.FunctionDef) and changed & {arg.arg for arg in piece.node.args.args}:
                fillers.add(piece.node.name)
    grows = True
    while grows:  # a function that calls another, which calls another
        before = sum(map(len, effects.values()))
        for name, names in callers.items():
            effects[name] = effects[name].union(*(effects[other] for other in names if other in effects))
        grows = sum(map(len, effects.values())) > before
    return effects, fillers


def names_made_global(inside: list[ast.AST]) -> set[str]:
    return {name for part in inside if isinstance(part, ast.Global) for name in part.names}


AT_ONCE = ("listcomp", "setcomp", "dictcomp", "genexpr")


def names_changed(node: ast.AST | None) -> Iterator[str]:
    """The names whose values a statement changes without binding them: table[0] = 1, table.append(1), del table[0]."""
    if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Delete):
        targets = node.targets if isinstance(node, ast.Assign | ast.Delete) else [node.target]
        yield from (root for target in targets if (root := root_of(target)) and not isinstance(target, ast.Name))
        yield from roots_of_changes(node)
    elif isinstance(node, ast.Expr):
        yield from names_handed(node.value) if isinstance(node.value, ast.Call) else ()
        yield from roots_of_changes(node)
    elif isinstance(node, ast.FunctionDef):  # @softmax.register
        marks = [d.func if isinstance(d, ast.Call) else d for d in node.decorator_list]
        yield from (root_of(mark) for mark in marks if isinstance(mark, ast.Attribute))
    elif isinstance(node, COMPOUND):
        for part in ast.iter_child_nodes(node):
            yield from (name for inner in [part, *getattr(part, "body", ())] for name in names_changed(inner))


def roots_of_changes(node: ast.AST) -> Iterator[str]:
    """The names of which something that changes them is named: first = table.pop(0), list(map(table.append, rows))."""
    for part in all_parts(node):
        if isinstance(part, ast.Attribute) and part.attr in CHANGES and (root := root_of(part)):
            yield root


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
