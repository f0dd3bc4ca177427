"""Right answers in other styles: each reference, wrapped as people write functions. None may be refused."""

import functools
import inspect
import warnings
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import numpy as np

from attncore.exercises import Code

LIBRARIES = {"tensors of PyTorch", "tensors in bfloat16", "arrays of JAX"}  # where they are installed


def styles(exercise: Code) -> Iterator[tuple[str, Callable[..., Any]]]:
    """The name of a style, and an answer in it."""
    reference = exercise.reference
    yield from exercise.right.items()
    if inspect.isclass(reference):
        yield "a subclass", type("Mine", (reference,), {})
        return
    yield "a partial", functools.partial(reference)
    yield "decorated", decorated(reference)
    yield "a class with __call__", WithCall(reference)
    yield "prints", prints(reference)
    yield "warns", warns(reference)
    yield "more optional parameters", more_parameters(reference)
    yield "parameters of other names", other_names(reference)
    yield "all of them in *args", lambda *args: reference(*args)
    yield "compiled", Compiled(reference)
    if all(p.kind is p.POSITIONAL_OR_KEYWORD for p in inspect.signature(reference).parameters.values()):
        yield "parameters by place alone", of_kind(reference, inspect.Parameter.POSITIONAL_ONLY)
        yield "parameters by name alone", of_kind(reference, inspect.Parameter.KEYWORD_ONLY)
    yield "lists", changed(reference, as_lists)
    yield "arrays laid out by columns", changed(reference, lambda value: np.array(value, order="F"))
    yield "read-only arrays", changed(reference, read_only)
    if not exercise.drive:
        yield "float32", changed(reference, as_float32)
        yield "float32, cast back", changed(reference, lambda value: as_float32(value).astype(value.dtype))
    if find_spec("torch"):
        import torch

        yield "tensors of PyTorch", changed(reference, lambda value: torch.as_tensor(np.array(value)))
        if not exercise.drive:
            yield "tensors in bfloat16", changed(reference, lambda value: in_bfloat16(torch.as_tensor(np.array(value))))
    if find_spec("jax"):
        import jax.numpy as jnp

        yield "arrays of JAX", changed(reference, jnp.asarray)


def changed(reference: Callable[..., Any], change: Callable[[np.ndarray], Any]) -> Callable[..., Any]:
    """The same function with each of its arrays in another form."""

    @functools.wraps(reference)
    def answer(*args: Any, **kwargs: Any) -> Any:
        value = reference(*args, **kwargs)
        if isinstance(value, tuple):
            return tuple(change(np.asarray(part)) for part in value)
        return change(np.asarray(value)) if isinstance(value, np.ndarray | np.generic) else value

    return answer


def as_lists(value: np.ndarray) -> Any:
    return value.tolist()


def as_float32(value: np.ndarray) -> np.ndarray:
    return value.astype(np.float32) if value.dtype.kind == "f" else value


def read_only(value: np.ndarray) -> np.ndarray:
    value = np.array(value)
    value.setflags(write=False)
    return value


def decorated(reference: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(reference)
    def answer(*args: Any, **kwargs: Any) -> Any:
        return reference(*args, **kwargs)

    return answer


class WithCall:
    """An object that is called, as a module of PyTorch is."""

    def __init__(self, function: Callable[..., Any]):
        self.function = function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)


def prints(reference: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(reference)
    def answer(*args: Any, **kwargs: Any) -> Any:
        print("working")
        return reference(*args, **kwargs)

    return answer


def warns(reference: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(reference)
    def answer(*args: Any, **kwargs: Any) -> Any:
        warnings.warn("harmless", stacklevel=1)
        return reference(*args, **kwargs)

    return answer


class Compiled:
    """A function that takes its arguments by place alone, and does not say so."""

    def __init__(self, function: Callable[..., Any]):
        self.function = function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if kwargs:
            raise TypeError("keyword arguments are not supported")
        return self.function(*args)


def of_kind(reference: Callable[..., Any], kind: Any) -> Callable[..., Any]:
    """The same function with parameters that all have to come by place, or by name."""

    def answer(*args: Any, **kwargs: Any) -> Any:
        return reference(*args, **kwargs)

    signature = inspect.signature(reference)
    parameters = [parameter.replace(kind=kind) for parameter in signature.parameters.values()]
    answer.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return answer


def in_bfloat16(tensor: Any) -> Any:
    return tensor.bfloat16() if tensor.is_floating_point() else tensor


def more_parameters(reference: Callable[..., Any]) -> Callable[..., Any]:
    signature = inspect.signature(reference)
    more = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None) for name in ("dropout", "verbose")]

    def answer(*args: Any, dropout: Any = None, verbose: Any = None, **kwargs: Any) -> Any:
        return reference(*args, **kwargs)

    answer.__signature__ = signature.replace(parameters=[*signature.parameters.values(), *more])  # type: ignore
    return answer


def other_names(reference: Callable[..., Any]) -> Callable[..., Any]:
    """The parameters by place, under other names."""
    parameters = list(inspect.signature(reference).parameters.values())
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return reference
    inner = [p.replace(name=f"a{i}") for i, p in enumerate(parameters)]

    def answer(*args: Any, **kwargs: Any) -> Any:
        given = inspect.Signature(inner).bind(*args, **kwargs).arguments
        return reference(**{p.name: given[f"a{i}"] for i, p in enumerate(parameters) if f"a{i}" in given})

    answer.__signature__ = inspect.Signature(inner)  # type: ignore
    return answer
