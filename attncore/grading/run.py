"""Call somebody's function: within a time, without its prints, noticing what it does to its arguments."""

import contextlib
import ctypes
import inspect
import io
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

SECONDS = 5.0
PACKAGE = str(Path(__file__).parents[1])


class TimeUp(BaseException):
    """The answer ran too long. No Exception, so that an answer's own except clause lets it through."""


@dataclass(frozen=True)
class Ran:
    """What one call did: it returned a value, or it raised (an exception's name, a sentence, and the line)."""

    value: Any = None
    raised: str = ""
    message: str = ""
    line: str = ""
    wrote_to: str = ""


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TimeUp in this thread, again and again until it ends, once the time is up."""
    thread = threading.get_ident()
    done = threading.Event()

    def interrupt() -> None:
        if done.wait(seconds):
            return
        while not done.is_set():
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(TimeUp))
            done.wait(0.2)

    watch = threading.Thread(target=interrupt, daemon=True)
    watch.start()
    try:
        yield
    finally:
        done.set()
        watch.join()
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), None)


def run(answer: Callable, reference: Callable, arguments: dict[str, Any]) -> Ran:
    """Call the answer with a case's arguments. Nothing that it raises gets out, but for TimeUp."""
    given = deepcopy(arguments)
    try:
        args, kwargs = bind(answer, reference, given)
    except TypeError as problem:
        return Ran(raised="signature", message=str(problem))
    try:
        value = kept(answer(*args, **kwargs))
    except (KeyboardInterrupt, TimeUp):
        raise
    except RecursionError:
        return Ran(raised="RecursionError", message="it calls itself without end.")
    except BaseException as problem:  # SystemExit too: an answer must not end the kernel
        text = str(problem).strip().splitlines()
        return Ran(raised=type(problem).__name__, message=text[0] if text else "", line=last_line(problem))
    wrote_to = [name for name, value in given.items() if not unchanged(value, arguments[name])]
    return Ran(value, wrote_to=wrote_to[0] if wrote_to else "")


def quietly() -> contextlib.ExitStack:
    """Prints and warnings of an answer are no mistake; they stay out of the verdict."""
    stack = contextlib.ExitStack()
    stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
    stack.enter_context(warnings.catch_warnings())
    warnings.simplefilter("ignore")
    stack.enter_context(np.errstate(all="ignore"))
    return stack


def bind(answer: Callable, reference: Callable, given: dict[str, Any]) -> tuple[list, dict[str, Any]]:
    """Place the arguments: required ones in order, optional ones by name where the answer has the name.

    Raises TypeError, as a sentence, where the answer cannot take them.
    """
    parameters = inspect.signature(reference).parameters
    variadic = [name for name, p in parameters.items() if p.kind is p.VAR_POSITIONAL]
    if variadic:
        return list(given.get(variadic[0], ())), {}
    required = [name for name, p in parameters.items() if p.default is p.empty and name in given]
    optional = [name for name in given if name not in required]
    try:
        own = inspect.signature(answer).parameters
    except (TypeError, ValueError):  # some built-ins have no signature
        return list(given.values()), {}
    by_any_name = any(p.kind is p.VAR_KEYWORD for p in own.values())
    keyword_only = {name for name, p in own.items() if p.kind is p.KEYWORD_ONLY}
    args = [given[name] for name in required if name not in keyword_only]
    kwargs = {name: given[name] for name in required if name in keyword_only}
    for name in optional:
        if name in own or by_any_name:
            kwargs[name] = given[name]
        else:  # renamed: its place decides
            before = [p for p in list(parameters)[: list(parameters).index(name)] if p not in required]
            args += [
                parameters[p].default for p in before if p not in given and len(args) < len(required) + len(before)
            ]
            args.append(given[name])
    try:
        inspect.signature(answer).bind(*args, **kwargs)
    except TypeError:
        expected = ", ".join(parameters)
        raise TypeError(
            f"it cannot be called as {reference.__name__}({expected}): its own parameters are ({', '.join(own)})."
        ) from None
    return args, kwargs


def kept(value: Any) -> Any:
    """The result as it is now: an answer may write to the same buffer again."""
    return value.copy() if isinstance(value, np.ndarray) else value


def unchanged(now: Any, before: Any) -> bool:
    if isinstance(before, np.ndarray):
        return (
            isinstance(now, np.ndarray)
            and now.shape == before.shape
            and np.array_equal(now, before, equal_nan=before.dtype.kind in "fc")
        )
    if isinstance(before, list | tuple):
        return len(now) == len(before) and all(map(unchanged, now, before))
    return True


def last_line(problem: BaseException) -> str:
    """The learner's own line that raised, without our frames."""
    frames = traceback.extract_tb(problem.__traceback__)
    own = [frame for frame in frames if not frame.filename.startswith(PACKAGE)]
    return (own[-1].line or "") if own else ""
