"""Train one layer of attention, in PyTorch, on texts that repeat themselves: a model, a step, a schedule, a loop.

`batch`, `Model`, `loss`, `new_optimizer`, `factor`, `train_step`, `evaluate` and `train` are called from elsewhere, so
they keep their names and arguments, and the model's parameters keep theirs: token, position, attention.query,
attention.key, attention.value and out, each with a weight. Everything else in this file is yours to change.
"""

import copy
import math

import torch
from torch import nn
from torch.nn import functional as F

TOKENS, WIDTH, LENGTH, PERIOD = 8, 16, 12, 4
IGNORE = -100


def batch(size, generator):
    """Texts that repeat their first PERIOD tokens: (size, LENGTH)."""
    starts = torch.randint(TOKENS, (size, PERIOD), generator=generator)
    return starts.repeat(1, LENGTH // PERIOD)


def inputs_and_targets(ids):
    """Each token and the one that follows it; what can't be known, before the text repeats, isn't asked for."""
    inputs, targets = ids[:, :-1], ids[:, 1:].clone()
    targets[:, : PERIOD - 1] = IGNORE
    return inputs, targets


def initialize(module):
    """Start every matrix small and random."""
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=1 / math.sqrt(WIDTH))


class Attention(nn.Module):
    """Causal attention with one head: (b, n, m) -> (b, n, m)."""

    def __init__(self, dropout):
        super().__init__()
        self.query = nn.Linear(WIDTH, WIDTH, bias=False)
        self.key = nn.Linear(WIDTH, WIDTH, bias=False)
        self.value = nn.Linear(WIDTH, WIDTH, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        query, key, value = self.query(x), self.key(x), self.value(x)
        scores = query @ key.transpose(-2, -1) / math.sqrt(WIDTH)
        future = torch.ones_like(scores, dtype=torch.bool).triu(1)
        weights = F.softmax(scores.masked_fill(future, float("-inf")), dim=-1)
        return self.dropout(weights @ value)


class Model(nn.Module):
    """Embeddings, a layer of attention beside its residual, and the logits: (b, n) -> (b, n, c)."""

    def __init__(self, dropout=0.1):
        super().__init__()
        self.token = nn.Embedding(TOKENS, WIDTH)
        self.position = nn.Embedding(LENGTH, WIDTH)
        self.attention = Attention(dropout)
        self.out = nn.Linear(WIDTH, TOKENS, bias=False)
        self.apply(initialize)

    def forward(self, ids):
        positions = torch.arange(ids.shape[1], device=ids.device)
        x = self.token(ids) + self.position(positions)
        x = x + self.attention(x)
        return self.out(x)


def loss(model, ids):
    """The mean surprise, in nats, at the targets that are asked for."""
    inputs, targets = inputs_and_targets(ids)
    logits = model(inputs)
    return F.cross_entropy(logits.transpose(1, 2), targets, ignore_index=IGNORE)


def new_optimizer(model, rate=0.02, decay=0.01):
    """AdamW, with weight decay on the layers and none on the two tables of embeddings."""
    parameters = list(model.named_parameters())
    tables = [p for name, p in parameters if name in ("token.weight", "position.weight")]
    layers = [p for name, p in parameters if name not in ("token.weight", "position.weight")]
    groups = [{"params": layers, "weight_decay": decay}, {"params": tables, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.99))


def factor(step, steps, warmup=10):
    """What LambdaLR multiplies the rate by: up to 1 in `warmup` steps, then down along a cosine; steps count from 0."""
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))


def train_step(model, optimizer, scheduler, ids, parts=2):
    """One step on a batch, read in equal parts to save memory; returns the mean loss, a float."""
    model.train()
    optimizer.zero_grad()
    total = 0.0
    for part in ids.chunk(parts):
        part_loss = loss(model, part) / parts
        part_loss.backward()
        total += part_loss.item()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    scheduler.step()
    return total


def evaluate(model, ids):
    """The loss of a batch of texts, without dropout: a float."""
    model.eval()
    with torch.no_grad():
        return loss(model, ids).item()


def train(model, generator, steps=60, size=16, rate=0.02):
    """Train, and leave the model with its best parameters; the loss on texts that weren't trained on, by step."""
    held_out = batch(32, torch.Generator().manual_seed(10_000))
    optimizer = new_optimizer(model, rate)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: factor(step, steps))
    losses = []
    for _ in range(steps):
        train_step(model, optimizer, scheduler, batch(size, generator))
        losses.append(evaluate(model, held_out))
        if losses[-1] == min(losses):
            best = copy.deepcopy(model.state_dict())
    model.load_state_dict(best)
    return losses
