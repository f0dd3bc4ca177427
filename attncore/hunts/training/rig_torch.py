"""What makes a training run in PyTorch: its parts on small inputs, a few steps, and the report of sixty."""

from typing import Any

import numpy as np
import torch

from attncore.hunts.tensors import (
    array,
    filled,
    from_the_start,
    generator,
    gradients,
    measured,
    steady,
    tensor,
    watched,
)
from attncore.hunts.training.rig import drawn_params

IDS = np.random.default_rng(2).integers(8, size=(6, 12))
STEPS = 40  # of a schedule


def state(size: float = 0.4) -> dict[str, np.ndarray]:
    """The parameters of the NumPy file under the names of the modules, as (out, in) where it has (in, out)."""
    drawn = drawn_params(size)
    layers = {f"attention.{name}.weight": drawn[name].T for name in ("query", "key", "value")}
    return {
        "token.weight": drawn["token"],
        "position.weight": drawn["position"],
        **layers,
        "out.weight": drawn["out"].T,
    }


def scenarios(module: Any) -> dict[str, Any]:
    """By name, functions that use a training file from outside; what each returns is compared."""
    torch.optim.SGD([torch.zeros(1)]).zero_grad()  # the first optimizer loads much of PyTorch: not in the file's time

    def model(dropout: float = 0.0, size: float = 0.4) -> Any:
        return filled(module.Model(dropout), state(size))

    def graded(size: float) -> tuple[float, Any]:
        one = model(size=size)
        loss = module.loss(one, tensor(IDS))
        return loss.item(), gradients(one, loss)

    def numbers(one: Any) -> list[np.ndarray]:
        return [array(p) for _, p in sorted(one.named_parameters())]

    def optimized(**how: float) -> list[np.ndarray]:
        one, given = model(), state()
        optimizer = module.new_optimizer(one, **how)
        for k in (1.0, 0.1, 3.0):
            for name, p in one.named_parameters():
                p.grad = tensor(k * given[name]).double()
            optimizer.step()
        return numbers(one)

    def new_training(one: Any) -> tuple[Any, Any]:
        """An optimizer that knows nothing of the file, and the same for its schedule."""
        optimizer = torch.optim.AdamW(one.parameters(), lr=0.05)
        return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 / (1 + step))

    def stepped(size: float, parts: int) -> tuple[list[float], list[np.ndarray]]:
        one = model(size=size)
        how = new_training(one)
        return [float(module.train_step(one, *how, tensor(IDS), parts)) for _ in range(3)], numbers(one)

    def what_a_step_returns() -> tuple[bool, bool]:
        """Does it hang on the graph of the step?"""
        one = model()
        loss = module.train_step(one, *new_training(one), tensor(IDS))
        return bool(getattr(loss, "requires_grad", False)), bool(np.isfinite(float(loss)))

    def in_turns() -> list[Any]:
        """Which mode a model is in while it is evaluated and trained."""
        one, seen = model(), []
        how = new_training(one)
        for work in (module.evaluate, module.train_step, module.evaluate, module.train_step):
            with watched(one) as calls:
                work(one, tensor(IDS)) if work is module.evaluate else work(one, *how, tensor(IDS))
            seen.append(sorted(set(calls)))
        return seen

    def trained(steps: int, rate: float = 0.02) -> tuple[list[float], list[np.ndarray]]:
        one = model()
        losses = module.train(one, generator(5), steps=steps, size=4, rate=rate)
        return list(map(float, losses)), numbers(one)

    def repeated() -> list[Any]:
        """A batch's shape, whether its texts repeat what they begin with, and on which generator they depend."""
        batches = []
        for seed, other in ((0, 1), (0, 2), (3, 4)):
            torch.manual_seed(other)
            batches.append(array(module.batch(5, generator(seed))))
        one, same, new = batches
        return [one.shape, bool((one[:, :8] == one[:, 4:]).all()), bool((one == same).all()), bool((one == new).all())]

    def started() -> list[Any]:
        """Of each parameter: is its mean near 0, is its spread near 1/4?"""
        found = [(name, array(p)) for name, p in sorted(module.Model(0.0).named_parameters())]
        return [(name, bool(abs(p.mean()) < 0.11), bool(0.18 < p.std() < 0.32)) for name, p in found]

    def evaluated(dropout: float) -> list[float]:
        one = model(dropout)
        return [float(module.evaluate(one, tensor(IDS))) for _ in range(2)]

    def dropped() -> bool:
        """Do two passes in training differ?"""
        one = model(dropout=0.5).train()
        return bool(torch.equal(one(tensor(IDS)), one(tensor(IDS))))

    return steady(
        {
            "a batch": repeated,
            "a new model": started,
            "the logits of a batch": lambda: array(model()(tensor(IDS[:, :7]))),
            "the logits of a model in evaluation": lambda: array(model(dropout=0.5).eval()(tensor(IDS[:2]))),
            "two passes in training": dropped,
            "the loss and the gradients": lambda: graded(0.4),
            "the loss and the gradients of large parameters": lambda: graded(1.5),
            "the loss of an evaluation": lambda: evaluated(0.5),
            "the mode of the model, in turns": in_turns,
            "three updates by the optimizer": optimized,
            "three updates with much decay": lambda: optimized(rate=0.05, decay=0.5),
            "the schedule": lambda: [module.factor(step, STEPS) for step in (0, 1, 9, 10, 11, 25, 39, 40)],
            "the schedule without a warmup": lambda: [module.factor(step, 8, warmup=0) for step in (0, 4, 7)],
            "three steps": lambda: stepped(0.4, 2),
            "three steps with long gradients": lambda: stepped(1.5, 3),
            "three steps in one part": lambda: stepped(1.5, 1),
            "what a step returns": what_a_step_returns,
            "a training of two steps": lambda: trained(2),
            "a training of twelve steps": lambda: trained(12),
            "a training at much too high a rate": lambda: trained(12, rate=1.0),
        }
    )


@from_the_start()
def symptoms(module: Any) -> dict[str, Any]:
    """What a training shows: the losses on the way, the mode of the model, what moves and what doesn't."""
    model, new = module.Model(), module.Model()
    begun = {name: p.detach().clone() for name, p in model.named_parameters()}
    losses: list[float] = []
    texts = tensor(np.tile(np.random.default_rng(1).integers(8, size=(32, 4)), (1, 3)))

    def moved() -> dict[str, float]:
        return {name: float(array(p - begun[name]).std()) for name, p in model.named_parameters()}

    def rates() -> list[float]:
        return [0.02 * float(module.factor(step, 60)) for step in (0, 9, 30, 59)]

    def lengths() -> dict[str, float]:
        return {name: float(np.linalg.norm(g)) for name, g in gradients(new, module.loss(new, texts))}

    def of_training() -> list[float]:
        losses.extend(map(float, module.train(model, generator(0))))
        return [losses[step] for step in (0, 14, 29, 44, 59)]

    return measured(
        {
            "loss on other texts after 1, 15, 30, 45, 60 steps": of_training,
            "the lowest on the way": lambda: min(losses, default=float("nan")),
            "the model that is returned, evaluated twice": lambda: [module.evaluate(model, texts) for _ in range(2)],
            "loss of a guess, for comparison": lambda: float(np.log(8)),
            "how far the parameters have moved": moved,
            "spread of the parameters of a new model": lambda: {
                name: float(array(p).std()) for name, p in module.Model().named_parameters()
            },
            "length of the gradients of a new model": lengths,
            "rate at steps 0, 9, 30, 59": rates,
        }
    )
