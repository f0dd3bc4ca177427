"""Lesson 15: long texts: windows, what they lose, and sinks."""

import numpy as np

from attncore.masks import causal_mask
from attncore.shapes import shaped
from attncore.softmax import softmax


@shaped("->(n,n)")
def sliding_window_mask(n, window, sinks=0):
    """Allow each token itself, the window - 1 tokens before it, and the first `sinks` tokens.

    Booleans, True = may attend; sinks are causal too. A window or a number of sinks that covers
    the whole sequence gives the causal mask. Raises ValueError for a window below 1. Beltagy et
    al. (2020); sinks: Xiao et al. (2023).
    """
    if window < 1:
        raise ValueError(f"sliding_window_mask: window is {window}, expected at least 1")
    position = np.arange(n)
    near = position > position[:, None] - window
    return causal_mask(n) & (near | (position < sinks))


@shaped("(...,q,k)->(...,q,k)")
def softmax_with_sink(scores, sink):
    """Softmax over the keys and one more score, the sink, whose share is dropped.

    So a row may sum to less than one: a head can attend to nothing. `sink` is a number, or an
    array with one number for each head. It may be any array that broadcasts over the leading axes.
    A sink of -inf gives plain softmax. A row of -inf gives zeros, never NaN, whatever the sink.
    Miller (2023); gpt-oss (OpenAI, 2025).
    """
    sink = np.asarray(sink, dtype=scores.dtype)
    try:
        leading = np.broadcast_shapes(sink.shape, scores.shape[:-2])
    except ValueError:
        raise ValueError(
            f"softmax_with_sink: sink is {sink.shape}, which does not broadcast over the leading axes of scores, "
            f"{scores.shape}"
        ) from None
    column = np.broadcast_to(sink[..., None, None], (*leading, scores.shape[-2], 1))
    scores = np.broadcast_to(scores, (*column.shape[:-1], scores.shape[-1]))
    return softmax(np.concatenate([scores, column], axis=-1))[..., :-1]


@shaped("(...,n,d),(...,n,v)->(...,t,d),(...,t,v)", returns="key, value")
def rolling_cache(key, value, window, sinks=0):
    """Keep the keys and values that the newest token still sees: returns (key, value).

    What the last row of `sliding_window_mask(n, window, sinks)` allows, each token once and in
    order. A window or a number of sinks that covers the whole sequence keeps all of it. Raises
    ValueError for a window below 1. Xiao et al. (2023).
    """
    n = key.shape[-2]
    if window < 1:
        raise ValueError(f"rolling_cache: window is {window}, expected at least 1")
    position = np.arange(n)  # one row of the mask, not its square
    seen = (position >= n - window) | (position < sinks)
    return key[..., seen, :], value[..., seen, :]


@shaped("(...,n,v),(...,n,m),(m,v)->(...,n,v)")
def gated_output(output, x, W_gate):
    """Let each token decide how much of its attention's output passes.

    The output of a head, or of all heads joined, times the sigmoid of x @ W_gate, entry by entry,
    where x is what the queries were made from. The leading axes broadcast. Numbers in the thousands
    give no NaN. Qiu et al. (2025).
    """
    return output * (0.5 + 0.5 * np.tanh(x @ W_gate / 2))  # the sigmoid, without an exponential that overflows
