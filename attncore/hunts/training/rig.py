"""What makes a training run: its parts on small inputs, a few steps, and the report of sixty."""

from typing import Any

import numpy as np

PARAMS = {"token": (8, 16), "position": (12, 16), "out": (16, 8), "query": (16, 16), "key": (16, 16), "value": (16, 16)}


def drawn_params(size: float = 0.4) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    return {name: rng.standard_normal(shape) * size for name, shape in PARAMS.items()}


def scenarios(model: Any) -> dict[str, Any]:
    """By name, functions that use a training file from outside; what each returns is compared."""
    ids = np.random.default_rng(2).integers(8, size=(3, 12))
    gradients = {name: value * (1 + place) for place, (name, value) in enumerate(drawn_params().items())}

    def step(keep: float, size: float = 0.4) -> tuple[float, list[np.ndarray]]:
        loss, found = model.loss_and_gradients(drawn_params(size), ids, keep, np.random.default_rng(3))
        return float(loss), [found[name] for name in sorted(PARAMS)]

    def clipped(limit: float) -> list[np.ndarray]:
        found = model.clip({name: value.copy() for name, value in gradients.items()}, limit)
        return [found[name] for name in sorted(PARAMS)]

    def adam(**how: Any) -> list[np.ndarray]:
        params = drawn_params()
        optimizer = model.Adam(params, **how)
        for k in (1.0, 0.1, 3.0):
            optimizer.step(params, {name: k * value for name, value in gradients.items()}, 0.05)
        return [params[name] for name in sorted(PARAMS)]

    def trained(steps: int) -> tuple[list[np.ndarray], list[float]]:
        params, losses = model.train(5, steps=steps, size=4)
        return [params[name] for name in sorted(PARAMS)], list(losses)

    def repeated() -> tuple[Any, bool]:
        """A batch's shape, and whether its texts repeat what they begin with."""
        texts = model.batch(np.random.default_rng(0), 5)
        return texts.shape, bool((texts[:, :8] == texts[:, 4:]).all())

    return {
        "a batch": repeated,
        "the loss and the gradients": lambda: step(1.0),
        "the loss and the gradients with dropout": lambda: step(0.7),
        "the loss and the gradients of large parameters": lambda: step(1.0, size=1.5),
        "the loss of an evaluation": lambda: [model.evaluate(drawn_params(), ids) for _ in range(2)],
        "long gradients, clipped": lambda: clipped(1.0),
        "short gradients, clipped": lambda: clipped(1e6),
        "the learning rate": lambda: [model.learning_rate(step, 40) for step in (0, 1, 9, 10, 11, 25, 39)],
        "the learning rate without a warmup": lambda: [model.learning_rate(s, 8, peak=1, warmup=0) for s in (0, 4, 7)],
        "three steps of Adam": adam,
        "three steps of Adam, other settings": lambda: adam(betas=(0.5, 0.9), eps=1e-3, decay=0.1),
        "a training of two steps": lambda: trained(2),
        "a training of twelve steps": lambda: trained(12),
    }


def symptoms(model: Any) -> dict[str, Any]:
    """What a training shows: the loss on texts that weren't trained on, and the sizes of what is moved."""
    params, losses = model.train(0)
    ids = model.batch(np.random.default_rng(1), 16)
    loss, gradients = model.loss_and_gradients(drawn_params(), ids)
    return {
        "loss on other texts after 1, 15, 30, 45, 60 steps": [float(losses[i]) for i in (0, 14, 29, 44, 59)],
        "loss of a guess, for comparison": float(np.log(8)),
        "the same evaluation twice": [float(model.evaluate(params, ids)) for _ in range(2)],
        "length of the gradients before the first step": {
            name: float(np.linalg.norm(gradients[name])) for name in gradients
        },
        "spread of the parameters at the end": {name: float(value.std()) for name, value in params.items()},
        "learning rate at steps 0, 10, 30, 59": [float(model.learning_rate(step, 60)) for step in (0, 10, 30, 59)],
    }
