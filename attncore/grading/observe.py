"""Everything that calls an answer. It knows no reference, so that it can run where no reference may be."""

import dis
import inspect
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from attncore.exercises.exercise import Case, Signature
from attncore.grading.run import SECONDS, Ran, TimeUp, call, quietly, within


@dataclass(frozen=True)
class Observed:
    """What an answer did: case by case, and once more in another order, which shows what it keeps between calls.

    `blank`: there is no work in it. `waits_for`: a function that it calls, and that is blank. `endless`: it was stopped
    in the case after those of `first`.
    """

    first: list[Ran] = field(default_factory=list)
    again: list[Ran] = field(default_factory=list)
    blank: bool = False
    waits_for: str = ""
    endless: bool = False
    callable: bool = True


def observe(answer: Any, signature: Signature, cases: Sequence[Case]) -> Observed:
    """Call the answer on every case, twice. Nothing that it prints or raises gets out."""
    if not callable(answer):
        return Observed(callable=False)
    arguments = [case.make() for case in cases]
    blank, waits_for = is_blank(answer), unwritten(answer)
    first: list[Ran] = []
    again: list[Ran] = []

    def work() -> None:
        first.extend(call(answer, signature, given) for given in arguments)
        if not all(map(is_nothing, first)):
            again.extend(call(answer, signature, given) for given in reversed(arguments))

    try:
        with quietly():
            within(SECONDS, work)
    except TimeUp:
        return Observed(first, [], blank, waits_for, endless=True)
    return Observed(first, again[::-1] or first, blank, waits_for)


def is_nothing(ran: Ran) -> bool:
    """Did the call give nothing, as a function does that is not written yet?"""
    value = ran.value
    return ran.raised == "NotImplementedError" or (
        not ran.raised and (value is None or value is ... or value is NotImplemented)
    )


# What the code of a function holds that has no more than a docstring, dots, `pass` or `raise NotImplementedError`.
NO_WORK = {"RESUME", "NOP", "CACHE", "POP_TOP", "LOAD_CONST", "RETURN_VALUE", "RETURN_CONST"}
NO_WORK |= {"LOAD_GLOBAL", "LOAD_COMMON_CONSTANT", "PUSH_NULL", "PRECALL", "CALL", "RAISE_VARARGS"}


def is_blank(answer: Any) -> bool:
    """Is there no work in a function, or in any method of a class?"""
    if inspect.isclass(answer):
        methods = [method for method in vars(answer).values() if inspect.isfunction(method)]
        return bool(methods) and all(map(is_blank, methods))
    code = getattr(answer, "__code__", None)
    if code is None or not set(code.co_names) <= {"NotImplementedError"}:
        return False
    constant = all(value is None or value is ... or isinstance(value, str) for value in code.co_consts)
    return constant and {step.opname for step in dis.get_instructions(code)} <= NO_WORK


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
            found = {i.argval for i in dis.get_instructions(code) if i.opname in ("LOAD_GLOBAL", "LOAD_NAME")} - seen
            seen |= found
            for name in found:
                if inspect.isfunction(names.get(name)) and names[name].__globals__ is names:
                    called(names[name], seen)
    return seen
