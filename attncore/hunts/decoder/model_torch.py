"""A small language model that writes one character at a time, in PyTorch.

`Config`, `GPT`, which turns ids (b, n) into logits (b, n, c), `loss`, `probabilities` and `generate` are called from
elsewhere, so they keep their names and arguments. Trained weights are loaded by the names of the modules: token,
position, norm and head, and in each of the blocks attention_norm, attention.qkv, attention.output, feed_forward_norm,
feed_forward.wide and feed_forward.narrow. Everything else in this file is yours to change.
"""

import math
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F


@dataclass
class Config:
    n_tokens: int
    context: int
    width: int
    hidden: int
    n_layers: int
    n_heads: int = 4
    dropout: float = 0.1


def initialize(module):
    """Start every matrix small and random, and every bias at zero."""
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=0.02)
    if isinstance(module, nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)


def split_heads(x, n_heads):
    """(b, n, m) -> (b, h, n, m/h)."""
    b, n, m = x.shape
    return x.reshape(b, n, n_heads, m // n_heads).transpose(1, 2)


def merge_heads(x):
    """(b, h, n, d) -> (b, n, h*d)."""
    b, h, n, d = x.shape
    return x.transpose(1, 2).reshape(b, n, h * d)


class Attention(nn.Module):
    """Causal self-attention with several heads: (b, n, m) -> (b, n, m)."""

    def __init__(self, config):
        super().__init__()
        self.n_heads = config.n_heads
        self.qkv = nn.Linear(config.width, 3 * config.width, bias=False)
        self.output = nn.Linear(config.width, config.width, bias=False)
        self.dropout = nn.Dropout(config.dropout)
        future = torch.ones(config.context, config.context, dtype=torch.bool).triu(1)
        self.register_buffer("future", future, persistent=False)

    def forward(self, x):
        n = x.shape[1]
        query, key, value = (split_heads(part, self.n_heads) for part in self.qkv(x).chunk(3, dim=-1))
        scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
        scores = scores.masked_fill(self.future[:n, :n], float("-inf"))
        weights = self.dropout(F.softmax(scores, dim=-1))
        return self.output(merge_heads(weights @ value))


class FeedForward(nn.Module):
    """Two layers for every token by itself: (b, n, m) -> (b, n, m)."""

    def __init__(self, config):
        super().__init__()
        self.wide = nn.Linear(config.width, config.hidden)
        self.narrow = nn.Linear(config.hidden, config.width)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x):
        return self.dropout(self.narrow(F.gelu(self.wide(x))))


class Block(nn.Module):
    """A pre-norm block: each part reads the normalized x and adds to x."""

    def __init__(self, config):
        super().__init__()
        self.attention_norm = nn.LayerNorm(config.width)
        self.attention = Attention(config)
        self.feed_forward_norm = nn.LayerNorm(config.width)
        self.feed_forward = FeedForward(config)

    def forward(self, x):
        x = x + self.attention(self.attention_norm(x))
        return x + self.feed_forward(self.feed_forward_norm(x))


class GPT(nn.Module):
    """Embeddings, blocks, a last norm, and a head that shares its weight with the embedding."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.token = nn.Embedding(config.n_tokens, config.width)
        self.position = nn.Embedding(config.context, config.width)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.n_layers))
        self.norm = nn.LayerNorm(config.width)
        self.head = nn.Linear(config.width, config.n_tokens, bias=False)
        self.head.weight = self.token.weight
        self.apply(initialize)

    def forward(self, ids):
        x = self.token(ids) + self.position(torch.arange(ids.shape[1], device=ids.device))
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


def loss(model, ids):
    """The mean surprise, in nats, at each token of each text but the first."""
    logits, targets = model(ids[:, :-1]), ids[:, 1:]
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


def probabilities(logits, temperature=1.0, top_k=None):
    """The distribution to draw the next token from, (b, c); with top_k, over the k most likely alone."""
    logits = logits / temperature
    if top_k is not None:
        weakest = logits.topk(top_k, dim=-1).values[:, -1:]
        logits = logits.masked_fill(logits < weakest, float("-inf"))
    return F.softmax(logits, dim=-1)


def generate(model, ids, n_new, generator=None, temperature=1.0, top_k=None):
    """Continue each text of a batch, without dropout: (b, n) -> (b, n_new). The model's mode stays as it was."""
    training, texts = model.training, ids
    model.eval()
    with torch.no_grad():
        for _ in range(n_new):
            logits = model(texts[:, -model.config.context :])[:, -1]
            token = torch.multinomial(probabilities(logits, temperature, top_k), 1, generator=generator)
            texts = torch.cat([texts, token], dim=1)
    model.train(training)
    return texts[:, ids.shape[1] :]
