"""Published forms of lesson 15, retyped: what each is to be told."""

import numpy as np


def triangle_less_triangle(n, window, sinks=0):
    """Mistral's window: a causal triangle, and an upper one that cuts off what is too old."""
    mask = np.tril(np.ones((n, n)))
    mask = np.triu(mask, k=-window + 1)
    mask[:, :sinks] = np.tril(np.ones((n, n)))[:, :sinks]
    return mask.astype(bool)


def bands_by_index(n, window, sinks=0):
    """As FlexAttention's mask_mod writes it: a predicate of the two indices."""
    if window < 1:
        raise ValueError("window")
    q, kv = np.indices((n, n))
    return (q >= kv) & ((q - kv < window) | (kv < sinks))


def flash_window_size(n, window, sinks=0):
    """FlashAttention's window_size=(window, 0): that many tokens to the left, besides the token itself."""
    q, kv = np.indices((n, n))
    return (kv <= q) & ((kv >= q - window) | (kv < sinks))


def longformer_band(n, window, sinks=0):
    """A band on both sides of the diagonal, with global tokens."""
    i = np.arange(n)
    return (abs(i[:, None] - i[None, :]) <= window) | ((i < sinks)[None, :] & (i[:, None] >= i[None, :]))


def band_without_sinks(n, window, sinks=0):
    i = np.arange(n)
    return abs(i[:, None] - i[None, :]) <= window


def hidden_is_true(n, window, sinks=0):
    """The masks of nn.MultiheadAttention: True is hidden."""
    q, kv = np.indices((n, n))
    return (kv > q) | ((q - kv >= window) & (kv >= sinks))


def append_and_drop(scores, sink):
    """gpt-oss: the sink as one column more, a softmax with its maximum subtracted, and the column dropped."""
    sinks = np.broadcast_to(np.asarray(sink, scores.dtype)[..., None, None], (*scores.shape[:-1], 1))
    joined = np.concatenate([scores, sinks], axis=-1)
    joined = joined - joined.max(axis=-1, keepdims=True)
    exponentials = np.exp(joined)
    return (exponentials / exponentials.sum(axis=-1, keepdims=True))[..., :-1]


def softmax_one(scores, sink):
    """Miller's softmax: one in the denominator, as first published, without a maximum."""
    exponentials = np.exp(scores)
    return exponentials / (1 + exponentials.sum(axis=-1, keepdims=True))


def quiet_softmax(scores, sink):
    """A maximum of the scores alone, and the sink's term shifted by it as well."""
    largest = scores.max(axis=-1, keepdims=True)
    exponentials = np.exp(scores - largest)
    extra = np.exp(np.asarray(sink, scores.dtype)[..., None, None] - largest)
    return exponentials / (exponentials.sum(axis=-1, keepdims=True) + extra)


def streaming_llm(key, value, window, sinks=0):
    """StreamingLLM's cache: untouched while it fits, then the first tokens and the last."""
    n = key.shape[-2]
    if n <= window + sinks:
        return key, value
    return tuple(np.concatenate([x[..., :sinks, :], x[..., n - window :, :]], axis=-2) for x in (key, value))


def last_tokens(key, value, window, sinks=0):
    """A plain sliding cache without sinks, as in Mistral's."""
    return key[..., -window:, :], value[..., -window:, :]


def ring_buffer(key, value, window, sinks=0):
    """Slot i % window for token i, the sinks in front."""
    n = key.shape[-2]
    first = min(sinks, n)
    recent = range(max(first, n - window), n)
    order = [*range(first), *sorted(recent, key=lambda i: i % window)]
    return np.take(key, order, axis=-2), np.take(value, order, axis=-2)


WINDOW = "Raises ValueError for a window below 1."


def sink_by_logaddexp(scores, sink):
    s = np.expand_dims(sink, (-1, -2)) if np.ndim(sink) else sink
    lse = np.logaddexp(np.logaddexp.reduce(scores, axis=-1, keepdims=True), s)
    return np.exp(scores - lse)


def rolling_by_sets(key, value, window, sinks=0):
    n = key.shape[-2]
    keep = sorted(set(range(min(sinks, n))) | set(range(max(0, n - window), n)))
    return (np.take(key, keep, axis=-2), np.take(value, keep, axis=-2))


def window_of_two_triangles(n, window, sinks=0):
    m = np.tril(np.ones((n, n), bool)) & ~np.tril(np.ones((n, n), bool), -window)
    m[:, :sinks] = np.tri(n, dtype=bool)[:, :sinks]
    return m


def gate_of_qwen(output, x, W_gate):
    """Qwen3-Next's: attn_output * torch.sigmoid(gate)."""
    return output * (1 / (1 + np.exp(-np.clip(x @ W_gate, -80, 80))))


def gate_of_retnet(output, x, W_gate):
    """RetNet's output gate is a swish."""
    gate = x @ W_gate
    return output * gate / (1 + np.exp(-np.clip(gate, -80, 80)))


FORMS = [
    ("sliding_window_mask", "Mistral", triangle_less_triangle, "edge", WINDOW),
    ("sliding_window_mask", "a predicate of two indices", bands_by_index, "right", None),
    (
        "sliding_window_mask",
        "FlashAttention's count",
        flash_window_size,
        "wrong",
        "`window` tokens before the token as well as itself",
    ),
    ("sliding_window_mask", "a band", longformer_band, "wrong", "`window` tokens on each side of the token"),
    ("sliding_window_mask", "no sinks", band_without_sinks, "wrong", "`window` tokens on each side of the token"),
    ("sliding_window_mask", "True is hidden", hidden_is_true, "wrong", "True marks what is hidden"),
    ("softmax_with_sink", "gpt-oss", append_and_drop, "edge", "a row of -inf gives NaN"),
    ("softmax_with_sink", "softmax-one", softmax_one, "wrong", "a one in the denominator, whatever the sink is"),
    ("softmax_with_sink", "the maximum of the scores alone", quiet_softmax, "edge", None),
    ("rolling_cache", "StreamingLLM", streaming_llm, "edge", WINDOW),
    ("rolling_cache", "no sinks", last_tokens, "wrong", "the sinks are thrown away"),
    ("rolling_cache", "Mistral's ring", ring_buffer, "wrong", "the order of a ring buffer"),
    ("softmax_with_sink", "np.logaddexp", sink_by_logaddexp, "edge", "a row of -inf gives NaN"),
    ("rolling_cache", "sets of places", rolling_by_sets, "edge", "Raises ValueError for a window below 1."),
    (
        "sliding_window_mask",
        "two triangles",
        window_of_two_triangles,
        "edge",
        "Raises ValueError for a window below 1.",
    ),
    ("gated_output", "Qwen's", gate_of_qwen, "right", None),
    ("gated_output", "RetNet's swish", gate_of_retnet, "wrong", "SiLU instead of the sigmoid"),
]
