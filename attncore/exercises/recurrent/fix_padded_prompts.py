"""The gated delta rule in a server: prompts of different lengths, padded to one, are read into a state each."""

import numpy as np

from attncore.exercises.exercise import case, code, usual
from attncore.recurrent import gated_delta_rule
from attncore.shapes import shaped


def unit(x):
    return x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-6)


def gate(x, w):
    return 1 / (1 + np.exp(-(x @ w)))


def remember(key, value, beta, decay):
    state = np.zeros((len(key), key.shape[-1], value.shape[-1]), key.dtype)
    for i in range(key.shape[1]):
        state = decay[:, i, None, None] * state
        error = value[:, i, None] - key[:, i, None] @ state
        state = state + beta[:, i, None, None] * key[:, i, :, None] * error
    return state


@shaped("(b,n,m),(b):int,(m,d),(m,d),(m,v),(m),(m)->(b,v)")
def fix_padded_prompts(x, lengths, W_query, W_key, W_value, w_beta, w_decay):
    """Read a batch of prompts into a state each, and answer the query of each prompt's last token.

    The first `lengths[i]` tokens of row i are its prompt, at least one, and what stands behind them is padding. Every
    prompt gets what it would get alone, without padding. The states follow the gated delta rule, with keys of
    length one; beta and decay of a token are the sigmoids of x @ w_beta and x @ w_decay. Yang et al. (2024b).
    """
    is_token = np.arange(x.shape[1]) < lengths[:, None]
    x = np.where(is_token[..., None], x, 0)
    beta, decay = gate(x, w_beta), np.where(is_token, gate(x, w_decay), 1)
    state = remember(unit(x @ W_key), x @ W_value, beta, decay)
    last = x[np.arange(len(x)), lengths - 1]
    return ((last @ W_query)[:, None] @ state)[:, 0]


def lasting(*lengths):
    """Prompts of these lengths, padded to the longest."""
    return {"lengths": np.array(lengths), "sizes": {"b": len(lengths), "n": max(lengths)}}


exercise = code(
    fix_padded_prompts,
    usual(lengths=np.array([3, 2])),
    case("one prompt", small=True, **lasting(3)),
    case("one token and two", small=True, **lasting(1, 2)),
    case("a short prompt behind a long one", small=True, **lasting(4, 1)),
    case("two prompts of one length", small=True, **lasting(3, 3)),
    case("five prompts", **lasting(7, 2, 5, 1, 7)),
    case("all shorter than the table", lengths=np.array([3, 1, 4]), sizes={"b": 3, "n": 6}),
    case("large numbers", magnitude=3.0, **lasting(4, 2, 5)),
    bug="padding fades the state",
)


@exercise.mistake("padding fades the state")
def zeroed_and_read(x, lengths, W_query, W_key, W_value, w_beta, w_decay):
    is_token = np.arange(x.shape[1]) < lengths[:, None]
    x = np.where(is_token[..., None], x, 0)
    beta, decay = gate(x, w_beta), gate(x, w_decay)
    state = remember(unit(x @ W_key), x @ W_value, beta, decay)
    last = x[np.arange(len(x)), lengths - 1]
    return ((last @ W_query)[:, None] @ state)[:, 0]


def labeled(label, beta_of_padding=0.0, decay_of_padding=1.0, more=0, is_zeroed=True, last=None):
    """A wrong repair: the gates of padding (None: whatever x gives), how many tokens more count, which one asks."""

    @exercise.mistake(label)
    def answered(x, lengths, W_query, W_key, W_value, w_beta, w_decay):
        is_token = np.arange(x.shape[1]) < lengths[:, None] + more
        asking = x[np.arange(len(x)), lengths - 1] if last is None else x[:, last]
        x = np.where(is_token[..., None], x, 0) if is_zeroed else x
        beta, decay = gate(x, w_beta), gate(x, w_decay)
        beta = beta if beta_of_padding is None else np.where(is_token, beta, beta_of_padding)
        decay = decay if decay_of_padding is None else np.where(is_token, decay, decay_of_padding)
        state = remember(unit(x @ W_key), x @ W_value, beta, decay)
        return ((asking @ W_query)[:, None] @ state)[:, 0]


labeled("the decay of padding is 0", decay_of_padding=0.0)
labeled("padding is read like any token", beta_of_padding=None, decay_of_padding=None, is_zeroed=False)
labeled("padding doesn't fade the state, and is written to it", beta_of_padding=None, is_zeroed=False)
labeled("beta is 0 for padding, and its decay still acts", decay_of_padding=None, is_zeroed=False)
labeled("the first number of padding counts as a token", more=1, beta_of_padding=None, is_zeroed=False)
labeled("the last token of a prompt is taken for padding", more=-1)
labeled("the last column asks", last=-1)


@exercise.mistake("nothing fades any more")
def never_fading(x, lengths, W_query, W_key, W_value, w_beta, w_decay):
    beta = gate(x, w_beta) * (np.arange(x.shape[1]) < lengths[:, None])
    state = remember(unit(x @ W_key), x @ W_value, beta, np.ones_like(beta))
    last = x[np.arange(len(x)), lengths - 1]
    return ((last @ W_query)[:, None] @ state)[:, 0]


@exercise.mistake("padding is taken to stand in front")
def padded_in_front(x, lengths, W_query, W_key, W_value, w_beta, w_decay):
    is_token = np.arange(x.shape[1])[::-1] < lengths[:, None]
    beta, decay = gate(x, w_beta) * is_token, np.where(is_token, gate(x, w_decay), 1)
    state = remember(unit(x @ W_key), x @ W_value, beta, decay)
    return ((x[:, -1] @ W_query)[:, None] @ state)[:, 0]


@exercise.another_way
def each_alone(x, lengths, W_query, W_key, W_value, w_beta, w_decay):
    answers = []
    for row, n in zip(x, lengths, strict=True):
        prompt = row[:n]
        key, value = unit(prompt @ W_key), prompt @ W_value
        rows = gated_delta_rule(prompt @ W_query, key, value, gate(prompt, w_beta), gate(prompt, w_decay))
        answers.append(rows[-1])
    return np.stack(answers)


@exercise.another_way
def state_kept_behind_the_end(x, lengths, W_query, W_key, W_value, w_beta, w_decay):
    key, value = unit(x @ W_key), x @ W_value
    beta, decay = gate(x, w_beta), gate(x, w_decay)
    state = np.zeros((len(x), key.shape[-1], value.shape[-1]))
    for i in range(max(lengths)):
        faded = decay[:, i, None, None] * state
        error = value[:, i, None] - key[:, i, None] @ faded
        new = faded + beta[:, i, None, None] * key[:, i, :, None] * error
        state = np.where((i < lengths)[:, None, None], new, state)
    return np.stack([x[i, n - 1] @ W_query @ state[i] for i, n in enumerate(lengths)])
