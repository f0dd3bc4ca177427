"""Everything that calls an answer. It knows no reference, so that it can run where no reference may be."""

import dis
import inspect
import sys
import types
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from attncore.exercises.exercise import Case, Signature
from attncore.grading.run import SECONDS, Ran, TimeUp, call, quietly, within


@dataclass(frozen=True)
class Observed:
    """What an answer did: case by case, and once more in another order, which shows what it keeps between calls.

    `again` is empty where an answer was called once, because it gave nothing or runs again in another process.
    `blank`: there is no work in it. `waits_for`: a function that it calls, and that is blank. `endless`: it was stopped
    in the case after those of `first`. `calls`: who calls whom, see calls_of. `seconds`: the time it had.
    """

    first: list[Ran] = field(default_factory=list)
    again: list[Ran] = field(default_factory=list)
    blank: bool = False
    waits_for: str = ""
    endless: bool = False
    callable: bool = True
    calls: tuple[tuple[str, str], ...] = ()
    seconds: float = SECONDS


def observe(
    answer: Any, signature: Signature, cases: Sequence[Case], seconds: float = SECONDS, times: int = 2
) -> Observed:
    """Call the answer on every case, and again in another order. Nothing that it prints or raises gets out.

    Only once where the second time is another process's.
    """
    if not callable(answer):
        return Observed(callable=False, seconds=seconds)
    blank, waits_for, calls = is_blank(answer), unwritten(answer), tuple(sorted(calls_of(answer)))
    seen = repeat(answer, signature, cases, seconds, times)
    return replace(seen, blank=blank, waits_for=waits_for, calls=calls)


def repeat(answer: Any, signature: Signature, cases: Sequence[Case], seconds: float, times: int = 1) -> Observed:
    """No more than the calls of an answer, which is callable."""
    arguments = [case.make() for case in cases]
    first: list[Ran] = []
    again: list[Ran] = []

    def work() -> None:
        first.extend(call(answer, signature, given) for given in arguments)
        if times > 1 and not all(map(is_nothing, first)):
            again.extend(call(answer, signature, given) for given in reversed(arguments))

    try:
        with quietly():
            within(seconds, work)
    except TimeUp:
        if len(first) < len(arguments):
            return Observed(first, endless=True, seconds=seconds)
        again = []  # slow, and every case has been seen once
    return Observed(first, again[::-1], seconds=seconds)


def is_nothing(ran: Ran) -> bool:
    """Did the call give nothing, as a function does that is not written yet?"""
    value = ran.value
    return ran.raised == "NotImplementedError" or (
        not ran.raised and (value is None or value is ... or value is NotImplemented)
    )


# What the code of a function holds that has no more than a docstring, dots, `pass` or `raise NotImplementedError`.
NO_WORK = {"RESUME", "NOP", "CACHE", "POP_TOP", "LOAD_CONST", "RETURN_VALUE", "RETURN_CONST"}
NO_WORK |= {"LOAD_GLOBAL", "LOAD_COMMON_CONSTANT", "PUSH_NULL", "PRECALL", "CALL", "RAISE_VARARGS"}


GLOBAL = ("LOAD_GLOBAL", "LOAD_NAME")


@lru_cache(64)
def steps_of(code: types.CodeType) -> list[tuple[str, Any]]:
    """What code does, step by step, each with what it does it to."""
    return [(step.opname, step.argval) for step in dis.get_instructions(code)]


def is_blank(answer: Any) -> bool:
    """Is there no work in a function, or in any method of a class?"""
    if inspect.isclass(answer):
        methods = [method for method in vars(answer).values() if inspect.isfunction(method)]
        return bool(methods) and all(map(is_blank, methods))
    code = getattr(answer, "__code__", None)
    if code is None or not set(code.co_names) <= {"NotImplementedError"}:
        return False
    constant = all(value is None or value is ... or isinstance(value, str) for value in code.co_consts)
    return constant and {opname for opname, _ in steps_of(code)} <= NO_WORK


def unwritten(answer: Any) -> str:
    """The name of a function that the answer calls while there is no work in it yet; or nothing."""
    names = getattr(answer, "__globals__", {})
    return next((name for name in sorted(called(answer, set())) if is_blank(names.get(name))), "")


def called(function: Any, seen: set[str]) -> set[str]:
    """The global names that a function reads, itself or in a helper of its own."""
    codes, names = [getattr(function, "__code__", None)], getattr(function, "__globals__", {})
    for code in codes:
        if code is not None:
            codes += [part for part in code.co_consts if inspect.iscode(part)]  # comprehensions, functions inside
            found = {argument for opname, argument in steps_of(code) if opname in GLOBAL} - seen
            seen |= found
            for name in found:
                if inspect.isfunction(names.get(name)) and names[name].__globals__ is names:
                    called(names[name], seen)
    return seen


def calls_of(answer: Any) -> set[tuple[str, str]]:
    """Who calls whom, in pairs: the answer, which has no name here, and each function of its file that it reaches.

    Those of its own file are called by their names ("mine"), those of the course with their modules
    ("attncore.softmax.softmax"), however they were imported.
    """
    parts = [("", part) for part in (vars(answer).values() if inspect.isclass(answer) else [answer])]
    found: set[tuple[str, str]] = set()
    seen: list[Any] = []
    for caller, part in parts:
        function = plain(part)
        if function is None or function in seen:
            continue
        seen.append(function)
        own = function.__globals__
        for value in read_by(function):
            module, name = str(getattr(value, "__module__", "")), str(getattr(value, "__name__", ""))
            if getattr(plain(value), "__globals__", None) is own:
                found.add((caller, name))
                parts.append((name, value))
            elif module.startswith("attncore."):
                found.add((caller, f"{module}.{name}"))
    return found


def plain(value: Any) -> Any:
    """The function under its decorators; None where there is none."""
    try:
        function = inspect.unwrap(value)
    except Exception:  # a stranger's object may raise whatever it is asked
        return None
    return function if inspect.isfunction(function) else None


def read_by(function: Any) -> Iterator[Any]:
    """The callables that a function reads by name, or of a module of the course, imported in its body or above it."""
    codes, names = [function.__code__], function.__globals__
    for code in codes:
        codes += [part for part in code.co_consts if inspect.iscode(part)]
        steps = steps_of(code)
        read = [names[name] for opname, name in steps if opname in GLOBAL and name in names]
        read += [sys.modules[name] for opname, name in steps if opname == "IMPORT_NAME" and name in sys.modules]
        parts = {name for opname, name in steps if opname in ("LOAD_ATTR", "LOAD_METHOD", "IMPORT_FROM")}
        for value in read:
            if inspect.ismodule(value) and value.__name__.partition(".")[0] == "attncore":
                read += [inside for name, inside in vars(value).items() if name in parts and inside not in read]
            elif callable(value):
                yield value
