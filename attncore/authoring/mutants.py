"""Mutants: every reference, changed in one small way, by program.

A mutant is the reference with one operator, comparison, constant, index, argument, name or statement changed. Guards
that raise for bad input are left as they are, since no case holds bad input. What calls a private helper of its module
has the helper's mutants too.
"""

import ast
import copy
import inspect
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from attncore.exercises import Code, exercises

OPERATORS: dict[type, list[type]] = {
    ast.Add: [ast.Sub],
    ast.Sub: [ast.Add],
    ast.Mult: [ast.Div, ast.Add],
    ast.Div: [ast.Mult],
    ast.FloorDiv: [ast.Mod],
    ast.Mod: [ast.FloorDiv],
    ast.Pow: [ast.Mult],
    ast.BitAnd: [ast.BitOr],
    ast.BitOr: [ast.BitAnd],
    ast.Lt: [ast.LtE, ast.Gt],
    ast.LtE: [ast.Lt, ast.GtE],
    ast.Gt: [ast.GtE, ast.Lt],
    ast.GtE: [ast.Gt, ast.LtE],
    ast.Eq: [ast.NotEq],
    ast.NotEq: [ast.Eq],
    ast.Is: [ast.IsNot],
    ast.IsNot: [ast.Is],
    ast.And: [ast.Or],
    ast.Or: [ast.And],
}
NAMES = {
    "max": ["min", "mean"],
    "sum": ["mean", "max"],
    "mean": ["sum"],
    "argmax": ["argmin"],
    "maximum": ["minimum"],
    "minimum": ["maximum"],
    "exp": ["exp2", "expm1"],
    "log": ["log2"],
    "sqrt": ["square"],
    "sin": ["cos"],
    "cos": ["sin"],
    "any": ["all"],
    "all": ["any"],
    "argsort": ["sort"],
    "concatenate": ["sort"],
}
ORDERED = (ast.Sub, ast.Div, ast.MatMult, ast.Pow)  # a - b is not b - a
EXERCISES = {exercise.id for exercise in exercises}


@dataclass(frozen=True)
class Mutant:
    """One change: "x - shift -> x + shift", and the function that has it."""

    change: str
    function: Callable[..., Any]


def mutants(exercise: Code) -> Iterator[Mutant]:
    """All mutants of an exercise's reference, each change once."""
    function = inspect.unwrap(exercise.reference)
    names = vars(inspect.getmodule(function))
    seen: set[str] = set()
    for part in [function, *helpers(function, names)]:
        tree = ast.parse(textwrap.dedent(inspect.getsource(part))).body[0]
        for change, changed in changes(tree):
            if change in seen:
                continue
            seen.add(change)
            room = dict(names)
            exec(compile(ast.fix_missing_locations(ast.Module([changed], [])), "<mutant>", "exec"), room)
            if part is not function:  # the function again, so that it calls the changed helper
                exec(compile(inspect.cleandoc(inspect.getsource(function)), "<mutant>", "exec"), room)
            yield Mutant(change, room[function.__name__])


def helpers(function: Callable[..., Any], names: dict[str, Any]) -> list[Callable[..., Any]]:
    """The functions of the same module that it calls and that are no exercise of their own."""
    called = {
        node.id
        for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function))))
        if isinstance(node, ast.Name)
    }
    own = [names[name] for name in sorted(called - EXERCISES) if inspect.isfunction(names.get(name))]
    return [helper for helper in own if helper.__module__ == function.__module__ and helper is not function]


def changes(tree: ast.stmt) -> Iterator[tuple[str, ast.stmt]]:
    """Each change as text, and the whole with that one change."""
    decorators, tree.decorator_list = tree.decorator_list, []  # type: ignore[attr-defined]
    for place, node in enumerate(ast.walk(tree)):
        for told, new in replacements(node):
            whole = copy.deepcopy(tree)
            old = list(ast.walk(whole))[place]
            change = told or f"{text(node)} -> {text(new)}"
            if text(node) != text(new) and not guarded(whole, old):
                whole = Swap(old, new).visit(whole)
                whole.decorator_list = decorators  # the shape line promotes what comes in
                yield change, whole


class Swap(ast.NodeTransformer):
    """Put one node in the place of another."""

    def __init__(self, old: ast.AST, new: ast.AST):
        self.old, self.new = old, new

    def visit(self, node: ast.AST) -> Any:
        return copy.deepcopy(self.new) if node is self.old else self.generic_visit(node)


def guarded(tree: ast.AST, node: ast.AST) -> bool:
    """Does it stand in a guard, an `if` that raises, in a docstring or in a message?"""
    for other in ast.walk(tree):
        is_guard = isinstance(other, ast.If) and any(isinstance(part, ast.Raise) for part in other.body)
        is_check = isinstance(other, ast.Expr) and isinstance(other.value, ast.Call) and "check" in ast.unparse(other)
        if (is_guard or is_check or isinstance(other, ast.Raise | ast.Try)) and node in list(ast.walk(other)):
            return True
    return False


def text(node: ast.AST) -> str:
    return " ".join(ast.unparse(node).split())


def replacements(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """What may stand in a node's place; with words where the two nodes are too long to be shown."""
    if isinstance(node, ast.FunctionDef | ast.For | ast.If):
        yield from other_bodies(node)
    else:
        yield from (("", new) for new in other_expressions(node))


def other_expressions(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.BinOp):
        yield from (changed(node, op=other()) for other in OPERATORS.get(type(node.op), []))
        yield from (node.left, node.right)
        if isinstance(node.op, ORDERED):
            yield changed(node, left=node.right, right=node.left)
    elif isinstance(node, ast.Compare):
        yield from (changed(node, ops=[other(), *node.ops[1:]]) for other in OPERATORS.get(type(node.ops[0]), []))
    elif isinstance(node, ast.BoolOp):
        yield from (changed(node, op=other()) for other in OPERATORS[type(node.op)])
    elif isinstance(node, ast.UnaryOp):
        yield node.operand
    elif isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        yield from map(ast.Constant, other_values(node.value))
    elif isinstance(node, ast.Attribute):
        yield from (changed(node, attr=other) for other in NAMES.get(node.attr, []))
    elif isinstance(node, ast.Call):
        yield from other_calls(node)
    elif isinstance(node, ast.IfExp):
        yield from (node.body, node.orelse)


def changed(node: ast.AST, **fields: Any) -> ast.AST:
    new = copy.copy(node)
    for name, value in fields.items():
        setattr(new, name, value)
    return new


def other_values(value: float) -> list[float]:
    if isinstance(value, bool):
        return [not value]
    return sorted({value + 1, value - 1, 2 * value, 0} - {value})


def other_calls(node: ast.Call) -> Iterator[ast.AST]:
    """Two arguments exchanged, one left out."""
    for i in range(len(node.args) - 1):
        args = list(node.args)
        args[i], args[i + 1] = args[i + 1], args[i]
        yield changed(node, args=args)
    for i in range(1, len(node.args)):
        yield changed(node, args=node.args[:i] + node.args[i + 1 :])
    for i in range(len(node.keywords)):
        yield changed(node, keywords=node.keywords[:i] + node.keywords[i + 1 :])


def other_bodies(node: ast.FunctionDef | ast.For | ast.If) -> Iterator[tuple[str, ast.AST]]:
    """One statement left out, or two neighbors exchanged."""
    for i, one in enumerate(node.body):
        before, after = node.body[:i], node.body[i + 1 :]
        if isinstance(one, ast.Assign | ast.AugAssign | ast.For | ast.If) and not raises(one):
            yield f"without: {text(one)}", changed(node, body=[*before, ast.Pass(), *after])
            if (
                after
                and not isinstance(after[0], ast.Return)
                and not raises(after[0])
                and not independent(one, after[0])
            ):
                swapped = [*before, after[0], one, *after[1:]]
                yield f"exchanged: {text(one)} | {text(after[0])}", changed(node, body=swapped)


def independent(one: ast.stmt, other: ast.stmt) -> bool:
    """Does neither set a name that the other uses, and neither leave the function?"""
    if any(isinstance(part, ast.Return | ast.Continue | ast.Break) for s in (one, other) for part in ast.walk(s)):
        return False
    return not (stored(one) & named(other) or stored(other) & named(one))


def named(statement: ast.stmt) -> set[str]:
    return {part.id for part in ast.walk(statement) if isinstance(part, ast.Name)}


def stored(statement: ast.stmt) -> set[str]:
    """The names that a statement sets or writes into."""
    targets = [part for part in ast.walk(statement) if isinstance(getattr(part, "ctx", None), ast.Store)]
    return {part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)}


def raises(statement: ast.stmt) -> bool:
    return any(isinstance(part, ast.Raise) for part in ast.walk(statement))
