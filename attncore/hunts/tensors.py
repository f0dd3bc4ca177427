"""What the rigs of PyTorch files share: tensors in, arrays out, every run from the same state of PyTorch."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from attncore.hunts.trial import outcome

Runs = dict[str, Callable[[], Any]]


def array(tensor: Any) -> np.ndarray:
    """The numbers of a tensor as float64, without its graph."""
    return np.asarray(torch.as_tensor(tensor).detach().double().numpy())


def tensor(values: Any) -> Any:
    """An array or a list as a tensor of its own: int64, float64 or bool."""
    return torch.as_tensor(np.array(values))


def generator(seed: int) -> Any:
    return torch.Generator().manual_seed(seed)


@contextmanager
def from_the_start() -> Iterator[None]:
    """PyTorch as it is after a start, whatever a file has set, and on one thread; afterwards it is as it was before."""
    dtype, grad, threads = torch.get_default_dtype(), torch.is_grad_enabled(), torch.get_num_threads()
    with torch.random.fork_rng(devices=[]):
        torch.set_default_dtype(torch.float32)
        torch.set_grad_enabled(True)
        torch.set_num_threads(1)
        torch.manual_seed(0)
        try:
            yield
        finally:
            torch.set_default_dtype(dtype)
            torch.set_grad_enabled(grad)
            torch.set_num_threads(threads)


def steady(runs: Runs) -> Runs:
    """The same functions, each called with PyTorch as it is after a start."""
    return {name: from_the_start()(run) for name, run in runs.items()}


def measured(runs: Runs) -> dict[str, Any]:
    """What each gives; where one raises, the sentence that says so: the others are shown all the same."""
    return {name: outcome(run) for name, run in steady(runs).items()}


def filled(model: Any, weights: dict[str, np.ndarray]) -> Any:
    """The model in float64 with these parameters; it keeps its own where it has others."""
    model.double().load_state_dict({name: tensor(value) for name, value in weights.items()}, strict=False)
    return model


def gradients(model: Any, loss: Any) -> list[tuple[str, np.ndarray]]:
    """The gradient of a loss with respect to each parameter, by name; without a number where none arrives."""
    model.zero_grad()
    loss.backward()
    found = sorted(model.named_parameters())
    return [(name, array([] if p.grad is None else p.grad)) for name, p in found]


@contextmanager
def watched(model: Any) -> Iterator[list[tuple[bool, bool]]]:
    """Of every call of the model inside: is it training, and is a graph built?"""
    seen: list[tuple[bool, bool]] = []
    handle = model.register_forward_pre_hook(lambda *_: seen.append((model.training, torch.is_grad_enabled())))
    try:
        yield seen
    finally:
        handle.remove()


def left_behind(model: Any) -> list[str]:
    """The tensors that a model holds as plain attributes, which no .to() moves."""
    return [name for part in model.modules() for name, value in vars(part).items() if isinstance(value, torch.Tensor)]
