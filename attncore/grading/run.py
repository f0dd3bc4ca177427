"""Call somebody's function: within a time, without its prints, noticing what it does to its arguments."""

import _thread
import contextlib
import ctypes
import dis
import inspect
import io
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import chain, cycle
from pathlib import Path
from typing import Any

import numpy as np

from attncore.exercises.exercise import Signature
from attncore.shapes import as_array

SECONDS = 5.0
PACKAGE = str(Path(__file__).parents[1])
COARSE = {"float32": 1e-4, "float16": 0.01, "bfloat16": 0.02}  # numbers, and how far they may be off after some steps
SAID = {  # what is said of an exception in place of its own message
    "RecursionError": "it calls itself without end.",
    "SystemExit": "it calls exit; return the value instead.",
    "KeyboardInterrupt": "it raises KeyboardInterrupt, which is for whoever stops a program by hand.",
}


class WrongSignature(TypeError):
    """The answer cannot be called as the reference is; the message says so in a sentence."""


class TimeUp(BaseException):
    """The answer ran too long. No Exception, so that an answer's own except clause lets it through."""


@dataclass(frozen=True)
class Ran:
    """What one call did: it returned a value, or it raised (an exception's name, its bases', a sentence, a line).

    Numbers come as an array. `inside` names a function that the answer calls and that raised, `lacks` the optional
    parameters of the case that the answer does not have; `precision` is the relative error that numbers of fewer bits
    than float32's cannot help.
    """

    value: Any = None
    raised: str = ""
    kin: tuple[str, ...] = ()
    message: str = ""
    line: str = ""
    inside: str = ""
    wrote_to: str = ""
    lacks: tuple[str, ...] = ()
    precision: float = 0.0


def within(seconds: float, work: Callable[[], Any]) -> Any:
    """Return what work() returns; raise TimeUp in it once the time is up. A trace or profile function stays."""
    trace, profile = sys.gettrace(), sys.getprofile()
    try:
        return interrupted_after(seconds, work)
    finally:  # Python switches off a trace function in which an exception comes up, and a TimeUp may
        if trace is not None and sys.gettrace() is None:
            sys.settrace(trace)
        if profile is not None and sys.getprofile() is None:
            sys.setprofile(profile)


def interrupted_after(seconds: float, work: Callable[[], Any]) -> Any:
    """Return what work() returns, or raise TimeUp in it; afterwards no TimeUp is left over.

    It is raised in bursts, so that an answer's own bare except is hit as well. A call that waits in C (a lock, a sleep)
    is stopped when it comes back. Locks and thread are bare: a TimeUp in the middle of an Event would leave it locked.
    """
    thread = ctypes.c_ulong(threading.get_ident())
    working, done, watching = [True], threading.Lock(), threading.Lock()

    def interrupt() -> None:
        for pause in chain([seconds], cycle([0.0002] * 19 + [0.05])):
            if done.acquire(timeout=pause) or not working[0]:
                break
            ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, ctypes.py_object(TimeUp))
        watching.release()

    done.acquire()
    watching.acquire()
    try:
        try:
            try:
                _thread.start_new_thread(interrupt, ())
            except RuntimeError:  # somebody else has taken all threads; who watches from outside keeps the time
                watching.release()
            return work()
        finally:
            working[0] = False  # before any call: from here on at most one more TimeUp comes
    finally:
        working[0] = False  # again: one may have come up in a trace function, on the line above
        try:
            done.release()
            # What is pending is raised when this returns; to unset it would break tracing in Python 3.11. A fork has no
            # watcher, and waits in vain.
            watching.acquire(timeout=1)
        except TimeUp:
            pass


def call(answer: Callable[..., Any], signature: Signature, arguments: Mapping[str, Any]) -> Ran:
    """Call an answer as the exercise is called; where several results are expected, they come as a tuple."""
    if signature.drive:
        driven = signature._replace(parameters=inspect.signature(partial(signature.drive, answer)), drive=None)
        return call(partial(signature.drive, adapted(answer, signature)), driven, arguments)
    ran = run(answer, signature, arguments)
    if signature.several > 1 and is_listed(ran.value) and len(ran.value) == signature.several:
        return replace(ran, value=kept(tuple(ran.value)))
    return ran


def is_listed(value: Any) -> bool:
    return isinstance(value, list) or (isinstance(value, np.ndarray) and value.ndim > 0)


def run(answer: Callable[..., Any], signature: Signature, arguments: Mapping[str, Any]) -> Ran:
    """Call the answer with a case's arguments. Nothing that it raises gets out, but for TimeUp."""
    given = deepcopy(dict(arguments))
    lacks: tuple[str, ...] = ()
    try:
        args, kwargs, lacks = bind(answer, signature, given)
        value = answer(*args, **kwargs)
        precision, value = precision_of(value), kept(value)
    except WrongSignature as problem:
        return Ran(raised="signature", message=str(problem))
    except TimeUp:
        raise
    except BaseException as problem:  # GeneratorExit and the like must not end the kernel either
        if isinstance(problem, KeyboardInterrupt) and not by_a_raise(problem):
            raise
        return raised(problem, lacks)
    wrote_to = [name for name, value in given.items() if not unchanged(value, arguments[name])]
    return Ran(value, wrote_to=wrote_to[0] if wrote_to else "", lacks=lacks, precision=precision)


def by_a_raise(problem: BaseException) -> bool:
    """Was it raised by a `raise` statement? Ctrl-C is not."""
    here = problem.__traceback__
    while here and here.tb_next:
        here = here.tb_next
    return here is not None and here.tb_frame.f_code.co_code[here.tb_lasti] == dis.opmap["RAISE_VARARGS"]


def raised(problem: BaseException, lacks: tuple[str, ...] = ()) -> Ran:
    name = type(problem).__name__
    if message := SAID.get(name):
        return Ran(raised=name, message=message)
    kin = tuple(base.__name__ for base in type(problem).__mro__)
    line, inside = last_line(problem)
    return Ran(raised=name, kin=kin, message=first_line(problem), line=line, inside=inside, lacks=lacks)


def quietly() -> contextlib.ExitStack:
    """Prints and warnings of an answer are no mistake; they stay out of the verdict."""
    stack = contextlib.ExitStack()
    stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
    stack.enter_context(contextlib.redirect_stderr(io.StringIO()))
    stack.enter_context(warnings.catch_warnings())
    warnings.simplefilter("ignore")
    stack.enter_context(np.errstate(all="ignore"))
    return stack


def bind(
    answer: Callable[..., Any], signature: Signature, given: Mapping[str, Any]
) -> tuple[list[Any], dict[str, Any], tuple[str, ...]]:
    """Place the arguments: required ones in order, optional ones by name, or by place where they are renamed.

    The third result names optional parameters that the answer lacks; it is called without them. Raises WrongSignature
    where the answer cannot take the rest.
    """
    parameters = signature.parameters.parameters
    try:
        own = own_signature(answer)
    except Exception:  # some built-ins have no signature, and a stranger's __signature__ may raise
        return by_place(parameters, given), {}, ()
    if takes_the_same(own, signature.parameters):
        in_order = [name for name, p in parameters.items() if p.default is p.empty]
        named = {name: given[name] for name in given if name in parameters and name not in in_order}
        return [given[name] for name in in_order], named, ()
    if any(p.kind is p.VAR_POSITIONAL for p in own.parameters.values()):  # def f(*args), or a compiled function
        named = {name: value for name, value in given.items() if only_by_name(own, name)}
        rest = {name: p for name, p in parameters.items() if name not in named}
        return by_place(rest, given), named, ()
    args, kwargs, lacks = [], {}, []
    by_any_name = any(p.kind is p.VAR_KEYWORD for p in own.parameters.values())  # def f(**given): no places at all
    places = sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in own.parameters.values())
    for place, (name, parameter) in enumerate(parameters.items()):
        if parameter.kind is parameter.VAR_POSITIONAL:
            args += given.get(name, ())
        elif (
            name in given
            and parameter.default is parameter.empty
            and not only_by_name(own, name)
            and not (by_any_name and place >= places)
        ):
            args.append(given[name])
        elif (called := own_name(own, name, place, parameters)) is None:
            lacks += [name] if name in given else []
        elif name in given or own.parameters.get(called, parameter).default is parameter.empty:
            kwargs[called] = given.get(name, parameter.default)
    place_only = [p for p in own.parameters.values() if p.kind is p.POSITIONAL_ONLY]
    last = max((i for i, p in enumerate(place_only) if p.name in kwargs), default=-1)
    args += [kwargs.pop(p.name, p.default) for p in place_only[len(args) : last + 1]]
    try:
        own.bind(*args, **kwargs)
    except TypeError:
        line = f"{signature.name}{signature.parameters}"
        raise WrongSignature(f"it cannot be called as {line}: it takes {own}.") from None
    return args, kwargs, tuple(lacks)


@lru_cache(8)
def remembered_signature(answer: Callable[..., Any]) -> inspect.Signature:
    return inspect.signature(answer)


def own_signature(answer: Callable[..., Any]) -> inspect.Signature:
    """The signature of an answer, which is called in many cases. What inspect.signature raises comes out."""
    return remembered_signature(answer) if inspect.isfunction(answer) else inspect.signature(answer)


def by_place(parameters: Mapping[str, inspect.Parameter], given: Mapping[str, Any]) -> list[Any]:
    """All arguments in order, defaults filled in up to the last that is given."""
    names = list(parameters)
    last = max((names.index(name) for name in given if name in parameters), default=-1)
    args: list[Any] = []
    for name in names[: last + 1]:
        if parameters[name].kind is inspect.Parameter.VAR_POSITIONAL:
            args += given.get(name, ())
        else:
            args.append(given.get(name, parameters[name].default))
    return args


def adapted(answer: Callable[..., Any], signature: Signature) -> Callable[..., Any]:
    """The answer under the parameters that the exercise promised, whatever its own are called."""
    with contextlib.suppress(Exception):  # as in bind
        if takes_the_same(own_signature(answer), signature.parameters):
            return answer

    def called(*args: Any, **kwargs: Any) -> Any:
        given = signature.parameters.bind(*args, **kwargs).arguments
        own_args, own_kwargs, _ = bind(answer, signature, given)
        return answer(*own_args, **own_kwargs)

    return called


def takes_the_same(own: inspect.Signature, promised: inspect.Signature) -> bool:
    """Are its parameters called as promised and in that order, with and without names, and optional where promised?"""
    return list(own.parameters) == list(promised.parameters) and all(
        mine.kind is theirs.kind is mine.POSITIONAL_OR_KEYWORD
        and (mine.default is not mine.empty or theirs.default is theirs.empty)
        for mine, theirs in zip(own.parameters.values(), promised.parameters.values(), strict=True)
    )


def only_by_name(signature: inspect.Signature, name: str) -> bool:
    return name in signature.parameters and signature.parameters[name].kind is inspect.Parameter.KEYWORD_ONLY


def own_name(signature: inspect.Signature, name: str, place: int, parameters: Mapping[str, Any]) -> str | None:
    """What the answer calls an optional parameter: the same, or what stands in its place; None where it has none."""
    own = list(signature.parameters.values())
    if name in signature.parameters or any(p.kind is p.VAR_KEYWORD for p in own):
        return name
    at_place = own[place] if place < len(own) else None
    if at_place is None or at_place.name in parameters or at_place.kind is at_place.VAR_POSITIONAL:
        return None
    return at_place.name


def kept(value: Any) -> Any:
    """Numbers as an array of their own, since an answer may write to its buffer again; other things as they are."""
    if inspect.iscoroutine(value):
        value.close()
    if isinstance(value, tuple):
        return tuple(map(kept, value))
    array = None if value is None else as_array(value)
    if array is None and isinstance(value, list):
        return [kept(part) for part in value]
    return value if array is None else array.copy()


def precision_of(value: Any) -> float:
    """How far the coarsest numbers in it may be off; 0 for float64."""
    parts = [*value, as_array(value)] if isinstance(value, list) else value if isinstance(value, tuple) else [value]
    return max(map(coarseness, parts), default=0.0)


def coarseness(numbers: Any) -> float:
    if isinstance(numbers, np.ndarray) and numbers.dtype == np.float64:
        return COARSE["float32"] if holds_float32(numbers) else 0.0
    kind = str(getattr(numbers, "dtype", ""))
    return max((off for name, off in COARSE.items() if kind.endswith(name)), default=0.0)


def holds_float32(value: Any) -> bool:
    """Is every number one that float32 has too, and some are no short fractions, as after work in float32?"""
    if not isinstance(value, np.ndarray) or value.dtype != np.float64:
        return False
    with np.errstate(over="ignore", invalid="ignore"):
        return equal(value, value.astype(np.float32)) and not equal(value * 1024, np.rint(value * 1024))


def equal(one: np.ndarray, two: np.ndarray) -> bool:
    """Are numbers of one shape equal, NaN to NaN? What np.array_equal says, in a fraction of its time."""
    return bool(((one == two) | ((one != one) & (two != two))).all())


def is_own(function: Any) -> bool:
    """Not one that was imported from the course."""
    try:
        return not str(getattr(function, "__module__", "")).startswith("attncore.")
    except Exception:  # a stranger's object may raise whatever it is asked
        return True


def first_line(problem: BaseException) -> str:
    try:
        return (str(problem).strip().splitlines() or [""])[0]
    except Exception:  # a stranger's __str__ may raise
        return ""


def unchanged(now: Any, before: Any) -> bool:
    if isinstance(before, np.ndarray):
        return isinstance(now, np.ndarray) and now.shape == before.shape and equal(now, before)
    if isinstance(before, list | tuple):
        return len(now) == len(before) and all(map(unchanged, now, before))
    return True


def last_line(problem: BaseException) -> tuple[str, str]:
    """The learner's own line that raised, without our frames and those of a library, and the function it stands in.

    The function is named only where it is another one than we have called.
    """
    frames = traceback.extract_tb(problem.__traceback__)
    foreign = (PACKAGE, str(Path(np.__file__).parents[1]), "<__array_function__")
    own = [frame for frame in frames if not frame.filename.startswith(foreign)]
    if not own:
        return "", ""
    elsewhere = own[-1].name.isidentifier() and own[-1].name != own[0].name
    return own[-1].line or "", own[-1].name if elsewhere else ""
