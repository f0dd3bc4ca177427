"""A prompt in one go, then token by token: the rotation has to go on where it stopped."""

import numpy as np

from attncore.dot_product import scaled_dot_product_attention
from attncore.exercises.exercise import case, code
from attncore.exercises.heads.cases import matrix
from attncore.masks import causal_mask
from attncore.positions import apply_rotary
from attncore.shapes import shaped


def read_on(x, past_key, past_value, W_query, W_key, W_value):
    positions = len(past_key) + np.arange(len(x))
    query, key = apply_rotary(x @ W_query, positions), apply_rotary(x @ W_key, positions)
    past_key = np.concatenate([past_key, key])
    past_value = np.concatenate([past_value, x @ W_value])
    mask = causal_mask(len(query), len(past_key))
    return scaled_dot_product_attention(query, past_key, past_value, mask), past_key, past_value


@shaped("(n,m),_,(m,d),(m,d),(m,v)->(n,v)")
def fix_rotary_decoding(x, n_prompt, W_query, W_key, W_value):
    """Attend as a model does that generates: to a prompt in one go, then token by token.

    The first n_prompt rows of x are the prompt. Queries and keys are rotated, values are not; the
    keys are kept rotated. The rows are those of one causal pass over all of x, wherever the prompt
    ends.
    """
    past_key, past_value = x[:0] @ W_key, x[:0] @ W_value
    rows, past_key, past_value = read_on(x[:n_prompt], past_key, past_value, W_query, W_key, W_value)
    for i in range(n_prompt, len(x)):
        row, past_key, past_value = read_on(x[i : i + 1], past_key, past_value, W_query, W_key, W_value)
        rows = np.concatenate([rows, row])
    return rows


def decoded(name, n, n_prompt, small=False, **more):
    given = {"W_query": matrix("m", "d"), "W_key": matrix("m", "d"), "W_value": matrix("m", "v")}
    return case(name, small=small, sizes={"n": n}, n_prompt=n_prompt, **given, **more)


exercise = code(
    fix_rotary_decoding,
    decoded("a prompt of two, then one token", 3, 2, small=True),
    decoded("a prompt of one, then two tokens", 3, 1, small=True),
    decoded("a prompt and nothing else", 4, 4, small=True),
    decoded("a prompt of four, then three tokens", 7, 4),
    decoded("a prompt of one, then many tokens", 9, 1),
    decoded("float32", 8, 3, dtype=np.float32),
    decoded("a width of two", 6, 2, magnitude=2.0),
    decoded("large scores", 6, 3, magnitude=10.0),
    bug="positions restart at zero",
)


def read_on_(x, past_key, past_value, W_query, W_key, W_value):
    positions = np.arange(len(x))
    query, key = apply_rotary(x @ W_query, positions), apply_rotary(x @ W_key, positions)
    past_key = np.concatenate([past_key, key])
    past_value = np.concatenate([past_value, x @ W_value])
    mask = causal_mask(len(query), len(past_key))
    return scaled_dot_product_attention(query, past_key, past_value, mask), past_key, past_value


@exercise.mistake("positions restart at zero")
def prompt_then_tokens(x, n_prompt, W_query, W_key, W_value):
    past_key, past_value = x[:0] @ W_key, x[:0] @ W_value
    rows, past_key, past_value = read_on_(x[:n_prompt], past_key, past_value, W_query, W_key, W_value)
    for i in range(n_prompt, len(x)):
        row, past_key, past_value = read_on_(x[i : i + 1], past_key, past_value, W_query, W_key, W_value)
        rows = np.concatenate([rows, row])
    return rows


def with_positions(x, W_query, W_key, W_value, asked, kept):
    """One causal pass whose queries and keys stand at these positions."""
    query, key = apply_rotary(x @ W_query, asked), apply_rotary(x @ W_key, kept)
    return scaled_dot_product_attention(query, key, x @ W_value, causal_mask(len(x)))


def restarted(x, n_prompt):
    return np.where(np.arange(len(x)) < n_prompt, np.arange(len(x)), 0)


@exercise.mistake("the queries go on counting, the keys restart")
def only_queries_count(x, n_prompt, W_query, W_key, W_value):
    return with_positions(x, W_query, W_key, W_value, np.arange(len(x)), restarted(x, n_prompt))


@exercise.mistake("the keys go on counting, the queries restart")
def only_keys_count(x, n_prompt, W_query, W_key, W_value):
    return with_positions(x, W_query, W_key, W_value, restarted(x, n_prompt), np.arange(len(x)))


@exercise.mistake("new tokens stand one place too far")
def one_place_too_far(x, n_prompt, W_query, W_key, W_value):
    positions = np.arange(len(x)) + (np.arange(len(x)) >= n_prompt)
    return with_positions(x, W_query, W_key, W_value, positions, positions)


@exercise.mistake("new tokens all stand where the prompt ended")
def stuck_at_the_prompt(x, n_prompt, W_query, W_key, W_value):
    positions = np.minimum(np.arange(len(x)), n_prompt)
    return with_positions(x, W_query, W_key, W_value, positions, positions)


@exercise.mistake("the cached keys are turned again at each step")
def turned_again_at_each_step(x, n_prompt, W_query, W_key, W_value):
    keys, rows = x[:0] @ W_key, []
    for begin, end in [(0, n_prompt), *((i, i + 1) for i in range(n_prompt, len(x)))]:
        keys = apply_rotary(np.concatenate([keys, x[begin:end] @ W_key]), np.arange(end))
        query = apply_rotary(x[begin:end] @ W_query, np.arange(begin, end))
        rows.append(scaled_dot_product_attention(query, keys, x[:end] @ W_value, causal_mask(end - begin, end)))
    return np.concatenate(rows)


@exercise.another_way
def in_one_pass(x, n_prompt, W_query, W_key, W_value):
    positions = np.arange(len(x))
    query, key = apply_rotary(x @ W_query, positions), apply_rotary(x @ W_key, positions)
    return scaled_dot_product_attention(query, key, x @ W_value, causal_mask(len(x)))
