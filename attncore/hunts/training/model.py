"""Train one layer of attention, in NumPy, on texts that repeat themselves: loss, gradients, Adam, a schedule.

`batch`, `loss_and_gradients`, `evaluate`, `clip`, `learning_rate`, `Adam` and `train` are called from elsewhere, so
they keep their names and arguments. Everything else in this file is yours to change.
"""

import math

import numpy as np

TOKENS, WIDTH, LENGTH = 8, 16, 12
IGNORE = -100


def batch(rng, size, period=4):
    """Texts that repeat their first `period` tokens: (size, LENGTH)."""
    starts = rng.integers(TOKENS, size=(size, period))
    return np.tile(starts, (1, LENGTH // period))


def inputs_and_targets(ids, period=4):
    """Each token and the one that follows it; what can't be known, before the text repeats, isn't asked for."""
    inputs, targets = ids[:, :-1], ids[:, 1:].copy()
    targets[:, : period - 1] = IGNORE
    return inputs, targets


def initial(rng):
    """Parameters by name, small and random."""
    shapes = {"token": (TOKENS, WIDTH), "position": (LENGTH, WIDTH), "out": (WIDTH, TOKENS)}
    shapes |= {name: (WIDTH, WIDTH) for name in ("query", "key", "value")}
    return {name: rng.standard_normal(shape) / math.sqrt(WIDTH) for name, shape in shapes.items()}


def softmax(x):
    exponentials = np.exp(x - x.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def forward(params, inputs, keep=1.0, rng=None):
    """The logits, (b, n, c), and what the backward pass needs. With keep < 1, dropout on the attended values."""
    n = inputs.shape[1]
    x = params["token"][inputs] + params["position"][:n]
    query, key, value = x @ params["query"], x @ params["key"], x @ params["value"]
    scores = query @ key.swapaxes(-1, -2) / math.sqrt(WIDTH)
    weights = softmax(np.where(np.tri(n, dtype=bool), scores, -np.inf))
    attended = weights @ value
    dropped = np.ones_like(attended) if keep == 1 else (rng.random(attended.shape) < keep) / keep
    h = x + attended * dropped
    return h @ params["out"], (x, query, key, value, weights, dropped, h)


def cross_entropy(logits, targets):
    """The mean loss over the targets that are asked for, in nats, and its gradient with respect to the logits."""
    asked = targets != IGNORE
    p = softmax(logits)
    picked = np.where(asked, targets, 0)[..., None]
    right = np.take_along_axis(p, picked, axis=-1)[..., 0]
    largest = logits.max(axis=-1)
    log_total = largest + np.log(np.exp(logits - largest[..., None]).sum(axis=-1))
    loss = (log_total - np.take_along_axis(logits, picked, axis=-1)[..., 0])[asked].mean()
    d_logits = p.copy()
    np.put_along_axis(d_logits, picked, right[..., None] - 1, axis=-1)
    return loss, d_logits * asked[..., None] / asked.sum()


def backward(params, inputs, saved, d_logits):
    """The gradient of the loss with respect to every parameter, by name."""
    x, query, key, value, weights, dropped, h = saved
    d_h = d_logits @ params["out"].T
    d_attended = d_h * dropped
    d_value = weights.swapaxes(-1, -2) @ d_attended
    d_weights = d_attended @ value.swapaxes(-1, -2)
    d_scores = weights * (d_weights - (weights * d_weights).sum(axis=-1, keepdims=True)) / math.sqrt(WIDTH)
    d_query, d_key = d_scores @ key, d_scores.swapaxes(-1, -2) @ query
    d_x = d_h.copy()
    gradients = {"out": product(h, d_logits)}
    for name, d in (("query", d_query), ("key", d_key), ("value", d_value)):
        gradients[name] = product(x, d)
        d_x += d @ params[name].T
    gradients["position"] = np.zeros_like(params["position"])
    gradients["position"][: x.shape[1]] = d_x.sum(axis=0)
    gradients["token"] = np.zeros_like(params["token"])
    np.add.at(gradients["token"], inputs, d_x)
    return gradients


def product(x, d):
    """The gradient of a matrix W where d is that of x @ W, summed over batch and tokens."""
    return np.einsum("bnm,bnk->mk", x, d)


def loss_and_gradients(params, ids, keep=1.0, rng=None):
    """What a training step needs to know about a batch of texts."""
    inputs, targets = inputs_and_targets(ids)
    logits, saved = forward(params, inputs, keep, rng)
    loss, d_logits = cross_entropy(logits, targets)
    return loss, backward(params, inputs, saved, d_logits)


def evaluate(params, ids):
    """The loss of a batch of texts, without dropout."""
    inputs, targets = inputs_and_targets(ids)
    return cross_entropy(forward(params, inputs)[0], targets)[0]


def clip(gradients, limit):
    """Shorten all gradients by one factor, so that together they are no longer than the limit."""
    length = math.sqrt(sum((g**2).sum() for g in gradients.values()))
    factor = min(1.0, limit / (length + 1e-12))
    return {name: g * factor for name, g in gradients.items()}


def learning_rate(step, steps, peak=0.02, warmup=10):
    """From near zero up to the peak in `warmup` steps, then down along a cosine; steps count from 0."""
    if step < warmup:
        return peak * (step + 1) / warmup
    return peak * 0.5 * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup)))


class Adam:
    """Adam with decoupled weight decay, as in AdamW."""

    def __init__(self, params, betas=(0.9, 0.99), eps=1e-8, decay=0.01):
        self.betas, self.eps, self.decay, self.steps = betas, eps, decay, 0
        self.mean = {name: np.zeros_like(value) for name, value in params.items()}
        self.square = {name: np.zeros_like(value) for name, value in params.items()}

    def step(self, params, gradients, rate):
        """Change the parameters in place."""
        self.steps += 1
        first, second = self.betas
        for name, g in gradients.items():
            self.mean[name] = first * self.mean[name] + (1 - first) * g
            self.square[name] = second * self.square[name] + (1 - second) * g**2
            mean = self.mean[name] / (1 - first**self.steps)
            square = self.square[name] / (1 - second**self.steps)
            params[name] -= rate * (mean / (np.sqrt(square) + self.eps) + self.decay * params[name])


def train(seed, steps=60, size=16, keep=0.9):
    """Train from scratch: the parameters, and the loss on texts that weren't trained on, after every step."""
    rng = np.random.default_rng(seed)
    held_out = batch(np.random.default_rng(10_000), 32)
    params = initial(rng)
    adam, losses = Adam(params), []
    for step in range(steps):
        _, gradients = loss_and_gradients(params, batch(rng, size), keep, rng)
        adam.step(params, clip(gradients, 1.0), learning_rate(step, steps))
        losses.append(evaluate(params, held_out))
    return params, losses
