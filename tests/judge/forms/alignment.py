"""What is said of alignment as courses and tutorials write it."""

import numpy as np


def softmax(x):
    e = np.exp(x - np.max(x, axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def bahdanau_layer(query, values, W1, W2, V):
    """As TensorFlow's translation tutorial: two dense layers, a tanh, a third."""
    with_time = np.expand_dims(query, -2)
    return np.squeeze(np.tanh(with_time @ W1.T + values @ W2.T) @ V[:, None], axis=-1)


def bahdanau_with_sigmoid_energies(query, values, W1, W2, V):
    return np.tanh(np.expand_dims(query, -2) @ W1.T) @ V + np.tanh(values @ W2.T) @ V


def additive_with_weights_as_given(query, values, W1, W2, V):
    return np.tanh(np.expand_dims(query @ W1.T, -2) + values @ W2.T).sum(-1)


def luong_dot(hidden, encoder_output):
    """As PyTorch's chatbot tutorial."""
    return np.sum(np.expand_dims(hidden, -2) * encoder_output, axis=-1)


def luong_dot_scaled(hidden, encoder_output):
    return np.einsum("...d,...kd->...k", hidden, encoder_output) / np.sqrt(hidden.shape[-1])


def luong_general(hidden, encoder_output, W):
    return np.matmul(encoder_output @ W.T, hidden[..., None])[..., 0]


def luong_general_turned(hidden, encoder_output, W):
    return np.einsum("...s,ms,...km->...k", hidden, W, encoder_output)


def luong_concat(hidden, encoder_output, W, v):
    expanded = np.broadcast_to(hidden[..., None, :], (*encoder_output.shape[:-1], hidden.shape[-1]))
    return (v * np.tanh(np.concatenate((expanded, encoder_output), -1) @ W.T)).sum(-1)


def luong_concat_memory_first(hidden, encoder_output, W, v):
    expanded = np.broadcast_to(hidden[..., None, :], (*encoder_output.shape[:-1], hidden.shape[-1]))
    return (v * np.tanh(np.concatenate((encoder_output, expanded), -1) @ W.T)).sum(-1)


def local_p(scores, center, half_width):
    """Hidden by -inf, softmax as everybody writes it, times the bell."""
    offset = np.arange(scores.shape[-1]) - np.asarray(center)[..., None]
    weights = softmax(np.where(np.abs(offset) <= half_width, scores, -np.inf))
    return weights * np.exp(-(offset**2) / (2 * (half_width / 2) ** 2))


def local_p_with_a_large_negative_number(scores, center, half_width):
    offset = np.arange(scores.shape[-1]) - np.asarray(center)[..., None]
    weights = softmax(np.where(np.abs(offset) <= half_width, scores, -1e9))
    return weights * np.exp(-(offset**2) / (2 * (half_width / 2) ** 2))


def local_p_with_a_penalty_added(scores, center, half_width):
    offset = np.arange(scores.shape[-1]) - np.asarray(center)[..., None]
    weights = softmax(scores + (np.abs(offset) > half_width) * -1e9)
    return weights * np.exp(-(offset**2) / (2 * (half_width / 2) ** 2))


def local_p_without_a_window(scores, center, half_width):
    """As most repositories have it: the bell does all."""
    offset = np.arange(scores.shape[-1]) - np.asarray(center)[..., None]
    return softmax(scores) * np.exp(-(offset**2) / (2 * (half_width / 2) ** 2))


def local_p_masked_afterwards(scores, center, half_width):
    offset = np.arange(scores.shape[-1]) - np.asarray(center)[..., None]
    inside = (np.abs(offset) <= half_width).astype(float)
    weights = softmax(scores) * inside
    weights = weights / (weights.sum(-1, keepdims=True) + 1e-8)
    return weights * np.exp(-(offset**2) / (2 * (half_width / 2) ** 2))


def context_by_expanding(scores, memory):
    return np.sum(np.expand_dims(softmax(scores), -1) * memory, axis=-2)


def context_by_bmm(scores, memory):
    return np.matmul(softmax(scores)[..., None, :], memory)[..., 0, :]


def context_with_plain_exponentials(scores, memory):
    weights = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    return np.einsum("...k,...km->...m", weights, memory)


def context_by_dot(scores, memory):
    return np.dot(softmax(scores), memory)


POSITIVE = "Raises ValueError unless the half width is positive."


def context_with_one_maximum(scores, memory):
    w = np.exp(scores - np.max(scores))
    w /= w.sum(axis=-1, keepdims=True)
    return np.sum(memory * w[..., np.newaxis], -2)


def local_by_plain_exponentials(e, pt, D):
    d = np.arange(e.shape[-1]) - np.expand_dims(pt, -1)
    x = np.exp(e) * (np.abs(d) <= D)
    return x / x.sum(-1, keepdims=True) * np.exp(-d * d / (2 * (D / 2) ** 2))


def local_between_two_ends(scores, center, half_width):
    lo = np.ceil(np.asarray(center) - half_width)
    hi = np.floor(np.asarray(center) + half_width)
    pos = np.arange(scores.shape[-1])
    inside = (pos >= lo[..., None]) & (pos <= hi[..., None])
    m = np.where(inside, scores, -np.inf).max(-1, keepdims=True)
    e = np.where(inside, np.exp(np.minimum(scores - m, 0)), 0.0)
    g = np.exp(-(((pos - np.asarray(center)[..., None]) / (half_width / 2)) ** 2) / 2)
    z = e.sum(-1, keepdims=True)
    return np.divide(e, z, out=np.zeros_like(e), where=z > 0) * g


FORMS = [
    ("additive_scores", "TensorFlow's tutorial", bahdanau_layer, "right", None),
    (
        "additive_scores",
        "each energy by itself",
        bahdanau_with_sigmoid_energies,
        "wrong",
        "tanh of each term before the sum",
    ),
    ("additive_scores", "without v", additive_with_weights_as_given, "wrong", "hidden units added without v"),
    ("dot_scores", "PyTorch's tutorial", luong_dot, "right", None),
    ("dot_scores", "scaled", luong_dot_scaled, "wrong", "divided by the square root of the width"),
    ("general_scores", "memory projected", luong_general, "right", None),
    ("general_scores", "W turned", luong_general_turned, "wrong", "W transposed"),
    ("concat_scores", "PyTorch's tutorial", luong_concat, "right", None),
    ("concat_scores", "memory first", luong_concat_memory_first, "wrong", "memory first"),
    ("local_weights", "-inf", local_p, "edge", "an empty window gives NaN"),
    (
        "local_weights",
        "-1e9 in place",
        local_p_with_a_large_negative_number,
        "edge",
        "an empty window shares its weight equally",
    ),
    ("local_weights", "-1e9 added", local_p_with_a_penalty_added, "edge", "an empty window sees everything"),
    ("local_weights", "no window", local_p_without_a_window, "wrong", "no window"),
    (
        "local_weights",
        "masked afterwards",
        local_p_masked_afterwards,
        "wrong",
        "softmax over everything, then cut and renormalized",
    ),
    ("align", "expanded", context_by_expanding, "right", None),
    ("align", "bmm", context_by_bmm, "right", None),
    ("align", "plain exponentials", context_with_plain_exponentials, "edge", "large scores overflow"),
    ("align", "np.dot", context_by_dot, "wrong", "np.dot on a batch"),
    ("align", "one maximum", context_with_one_maximum, "edge", "one maximum for the whole batch"),
    (
        "local_weights",
        "plain exponentials",
        local_by_plain_exponentials,
        "edge",
        "Scores in the thousands don't overflow.",
    ),
    (
        "local_weights",
        "between two ends",
        local_between_two_ends,
        "edge",
        "Raises ValueError unless the half width is positive.",
    ),
]
