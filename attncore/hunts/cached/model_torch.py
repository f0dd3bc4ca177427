"""The same small language model, in PyTorch, served with a cache: batches that are sampled, and a beam search.

`Config`, `GPT`, which reads ids (b, n) behind what its caches hold, `new_caches`, `prefill`, `probabilities`,
`generate` and `beam_search` are called from elsewhere, so they keep their names and arguments. Weights are loaded by
the names token, position and norm, and in each of the blocks attention_norm, attention.qkv, attention.output,
feed_forward_norm, feed_forward.0 and feed_forward.2. Everything else in this file is yours to change.
"""

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


class Cache:
    """Room for the keys and values of one layer, (b, h, context, d) each; those of the first n tokens are there."""

    def __init__(self, b, config, like):
        shape = (b, config.n_heads, config.context, config.width // config.n_heads)
        self.key, self.value, self.n = like.new_zeros(shape), like.new_zeros(shape), 0

    def append(self, key, value):
        """Write the keys and values of new tokens behind the others; return those of all tokens so far."""
        end = self.n + key.shape[2]
        self.key[:, :, self.n : end], self.value[:, :, self.n : end] = key, value
        self.n = end
        return self.key[:, :, :end], self.value[:, :, :end]

    def select(self, rows):
        """Go on with these rows of the batch, in this order."""
        self.key, self.value = self.key[rows], self.value[rows]


def visible(n_query, n_key, device):
    """What the last n_query of n_key tokens may look at, True where they may: (q, k)."""
    return torch.ones(n_query, n_key, dtype=torch.bool, device=device).tril(n_key - n_query)


class Attention(nn.Module):
    """From the tokens of a chunk to all tokens so far, themselves included: (b, n, m) -> (b, n, m)."""

    def __init__(self, config):
        super().__init__()
        self.n_heads, self.dropout = config.n_heads, config.dropout
        self.qkv = nn.Linear(config.width, 3 * config.width, bias=False)
        self.output = nn.Linear(config.width, config.width, bias=False)

    def forward(self, x, cache):
        b, n, m = x.shape
        query, key, value = self.qkv(x).view(b, n, 3, self.n_heads, m // self.n_heads).permute(2, 0, 3, 1, 4)
        key, value = cache.append(key, value)
        mask, dropout = visible(n, key.shape[2], x.device), self.dropout if self.training else 0.0
        heads = F.scaled_dot_product_attention(query, key, value, attn_mask=mask, dropout_p=dropout)
        return self.output(heads.transpose(1, 2).reshape(b, n, m))


class Block(nn.Module):
    """A pre-norm block: each part reads the normalized x and adds to x."""

    def __init__(self, config):
        super().__init__()
        self.attention_norm = nn.LayerNorm(config.width)
        self.attention = Attention(config)
        self.feed_forward_norm = nn.LayerNorm(config.width)
        wide, narrow = nn.Linear(config.width, config.hidden), nn.Linear(config.hidden, config.width)
        self.feed_forward = nn.Sequential(wide, nn.GELU(), narrow, nn.Dropout(config.dropout))

    def forward(self, x, cache):
        x = x + self.attention(self.attention_norm(x), cache)
        return x + self.feed_forward(self.feed_forward_norm(x))


class GPT(nn.Module):
    """The logits after each token of a chunk, which the caches take in: (b, n) -> (b, n, c)."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.token = nn.Embedding(config.n_tokens, config.width)
        self.position = nn.Embedding(config.context, config.width)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.n_layers))
        self.norm = nn.LayerNorm(config.width)

    def forward(self, ids, caches):
        x = self.token(ids) + self.position(caches[0].n + torch.arange(ids.shape[1], device=ids.device))
        for block, cache in zip(self.blocks, caches, strict=True):
            x = block(x, cache)
        return F.linear(self.norm(x), self.token.weight)


def new_caches(model, b):
    """An empty cache for each block, for a batch of b texts."""
    return [Cache(b, model.config, like=model.token.weight) for _ in model.blocks]


def prefill(model, prompt, caches, chunk=8):
    """Read a batch of prompts, (b, n), chunk by chunk; the logits after their last token, (b, c)."""
    for part in prompt.split(chunk, dim=1):
        logits = model(part, caches)
    return logits[:, -1]


def probabilities(logits, temperature=1.0, top_p=1.0):
    """The distributions to draw from, (b, c): the fewest tokens whose probabilities reach top_p, and nothing else."""
    p, order = F.softmax(logits / temperature, dim=-1).sort(dim=-1, descending=True)
    p = p.masked_fill(p.cumsum(dim=-1) - p >= top_p, 0.0)
    p = torch.zeros_like(p).scatter(-1, order, p)
    return p / p.sum(dim=-1, keepdim=True)


def generate(model, prompt, n_new, generator=None, temperature=1.0, top_p=1.0, stop=None):
    """Continue each text of a batch, without dropout: (b, n) -> (b, n_new). After `stop` comes nothing but `stop`."""
    model.eval()
    caches, tokens = new_caches(model, len(prompt)), []
    done = torch.zeros_like(prompt[:, :1], dtype=torch.bool)
    with torch.no_grad():
        logits = prefill(model, prompt, caches)
        for _ in range(n_new):
            token = torch.multinomial(probabilities(logits, temperature, top_p), 1, generator=generator)
            if stop is not None:
                token = token.masked_fill(done, stop)
                done = token == stop
            tokens.append(token)
            logits = model(token, caches)[:, -1]
    return torch.cat(tokens, dim=1)


def beam_search(model, prompt, n_new, k):
    """The likeliest continuation of one prompt that k beams find: a list of n_new ids, and its log-probability."""
    model.eval()
    caches, texts = new_caches(model, k), prompt.new_zeros(k, 0)
    with torch.no_grad():
        logits = prefill(model, prompt.expand(k, -1), caches)
        total = logits.new_tensor([[0.0]] + [[float("-inf")]] * (k - 1))  # at first all beams are one and the same
        for _ in range(n_new):
            total, best = (total + F.log_softmax(logits, dim=-1)).flatten().topk(k)
            rows, token = best // logits.shape[1], best % logits.shape[1]
            total, texts = total[:, None], torch.cat([texts[rows], token[:, None]], dim=1)
            for cache in caches:
                cache.select(rows)
            logits = model(token[:, None], caches)[:, -1]
    return texts[0].tolist(), total[0].item()
