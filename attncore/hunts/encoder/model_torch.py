"""A small encoder for sentences of different lengths, in PyTorch: padding, attention, a vector for each sentence.

`Config`, `Encoder`, which turns ids (b, n) and which of them are real (b, n) into vectors (b, n, m), `Classifier`,
`encode`, `sentence_vectors`, `most_similar`, `mask_tokens` and `masked_loss` are called from elsewhere, so they keep
their names and arguments; `texts` is a list of lists of ids. Trained weights are loaded by the names of the modules:
token, and in each of the blocks attention, attention_norm, feed_forward.wide, feed_forward.narrow and
feed_forward_norm; head in the classifier. Everything else in this file is yours to change.
"""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

PAD, IGNORE = 0, -100


@dataclass
class Config:
    n_tokens: int
    context: int
    width: int
    hidden: int
    n_layers: int
    n_heads: int = 4
    dropout: float = 0.1


def pad(texts):
    """Fill up to the longest text: ids (b, n), and which of them are real, (b, n)."""
    ids = nn.utils.rnn.pad_sequence([torch.tensor(text) for text in texts], batch_first=True, padding_value=PAD)
    lengths = torch.tensor([len(text) for text in texts])
    return ids, torch.arange(ids.shape[1]) < lengths[:, None]


def sinusoids(n, m):
    """Sine and cosine of each position, at m/2 frequencies in turn: (n, m)."""
    frequencies = 10000.0 ** (-torch.arange(0, m, 2) / m)
    angles = torch.arange(n)[:, None] * frequencies
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)


class FeedForward(nn.Module):
    """Two layers for every token by itself: (b, n, m) -> (b, n, m)."""

    def __init__(self, config):
        super().__init__()
        self.wide = nn.Linear(config.width, config.hidden)
        self.narrow = nn.Linear(config.hidden, config.width)

    def forward(self, x):
        return self.narrow(F.gelu(self.wide(x)))


class Block(nn.Module):
    """A post-norm block, as in BERT: what a part adds is normalized together with x."""

    def __init__(self, config):
        super().__init__()
        self.attention = nn.MultiheadAttention(
            config.width, config.n_heads, dropout=config.dropout, bias=False, batch_first=True
        )
        self.attention_norm = nn.LayerNorm(config.width, eps=1e-12)
        self.feed_forward = FeedForward(config)
        self.feed_forward_norm = nn.LayerNorm(config.width, eps=1e-12)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x, real):
        attended, _ = self.attention(x, x, x, key_padding_mask=~real, need_weights=False)
        x = self.attention_norm(x + self.dropout(attended))
        return self.feed_forward_norm(x + self.dropout(self.feed_forward(x)))


class Encoder(nn.Module):
    """Embeddings with fixed positions, and the blocks."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.token = nn.Embedding(config.n_tokens, config.width)
        self.register_buffer("positions", sinusoids(config.context, config.width), persistent=False)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.n_layers))

    def forward(self, ids, real):
        x = self.token(ids) + self.positions[: ids.shape[1]]
        for block in self.blocks:
            x = block(x, real)
        return x


class Classifier(nn.Module):
    """The scores of each class, from the first token of each text: (b, c). Encoder and head are trained together."""

    def __init__(self, encoder, n_classes):
        super().__init__()
        self.encoder = encoder
        self.head = nn.Linear(encoder.config.width, n_classes, bias=False)

    def forward(self, ids, real):
        return self.head(self.encoder(ids, real)[:, 0])


def encode(encoder, texts):
    """The vector of every token, (b, n, m), and which tokens are real, (b, n); without dropout, without a graph."""
    ids, real = pad(texts)
    encoder.eval()
    with torch.no_grad():
        return encoder(ids, real), real


def sentence_vectors(encoder, texts):
    """The mean of each text's own tokens, at length one: (b, m)."""
    x, real = encode(encoder, texts)
    mean = (x * real[..., None]).sum(dim=1) / real.sum(dim=1, keepdim=True)
    return F.normalize(mean, dim=-1)


def most_similar(encoder, text, texts, k):
    """The places of the k texts whose vectors have the largest cosine with that of a text, best first."""
    vectors = sentence_vectors(encoder, [text, *texts])
    return (vectors[1:] @ vectors[0]).topk(k).indices.tolist()


def mask_tokens(ids, real, mask_id, generator, rate=0.15):
    """Hide a share of the real tokens: what the model reads, and the labels, IGNORE wherever nothing is hidden."""
    hidden = (torch.rand(ids.shape, generator=generator) < rate) & real
    return ids.masked_fill(hidden, mask_id), ids.masked_fill(~hidden, IGNORE)


def masked_loss(encoder, ids, real, labels):
    """The mean loss at the hidden tokens; a word's score is the product of the vector there with its embedding."""
    logits = F.linear(encoder(ids, real), encoder.token.weight)
    return F.cross_entropy(logits.transpose(1, 2), labels, ignore_index=IGNORE)
