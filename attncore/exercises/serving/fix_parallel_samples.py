"""One prompt, read once, and several samples that go on from it in shared blocks."""

import numpy as np

from attncore.dot_product import scaled_dot_product_attention
from attncore.exercises.exercise import case, code
from attncore.exercises.heads.cases import matrix
from attncore.masks import causal_mask
from attncore.serving import BlockTable, paged_attention
from attncore.shapes import shaped


def extend(table, sample, n, keys, values):
    before = table.slots(sample)
    table.append(sample, n)
    slots = table.slots(sample)
    keys[slots[: len(before)]] = keys[before]
    values[slots[: len(before)]] = values[before]
    return slots


def extend_(table, sample, n, keys, values):
    before = table.slots(sample)
    table.append(sample, n)
    slots = table.slots(sample)
    keys[slots[: len(before)]] = keys[before]
    values[slots[-n:]] = values[slots[-n:]]
    return slots


def pools_for(n_slots, W_key, W_value):
    return np.zeros((n_slots, W_key.shape[1])), np.zeros((n_slots, W_value.shape[1]))


@shaped("(k,m),(b,n,m),_,(m,d),(m,d),(m,v)->(b,n,v)", axes={"k": "prompt", "b": "sample"})
def fix_parallel_samples(prompt, samples, block, W_query, W_key, W_value):
    """Read a prompt once, and go on from it in several samples, in blocks of `block` tokens.

    The samples share the prompt's blocks until they write. One causal attention layer; the rows of a
    sample are those of a pass over the prompt and this sample alone.
    """
    n_blocks = (len(samples) + 1) * ((len(prompt) + samples.shape[1]) // block + 1)
    table = BlockTable(n_blocks, block)
    keys, values = pools_for(n_blocks * block, W_key, W_value)
    table.append("prompt", len(prompt))
    keys[table.slots("prompt")] = prompt @ W_key
    values[table.slots("prompt")] = prompt @ W_value
    for i in range(len(samples)):
        table.fork("prompt", i)
    table.free("prompt")
    rows = np.zeros((*samples.shape[:2], W_value.shape[1]))
    for t in range(samples.shape[1]):
        for i, x in enumerate(samples[:, t : t + 1]):
            slots = extend(table, i, 1, keys, values)
            keys[slots[-1]], values[slots[-1]] = x[0] @ W_key, x[0] @ W_value
            rows[i, t] = paged_attention(x @ W_query, keys, values, slots)[0]
    return rows


def asked(name, n_prompt, n_samples, n, block, small=False, **more):
    given = {"W_query": matrix("m", "d"), "W_key": matrix("m", "d"), "W_value": matrix("m", "v"), "block": block}
    return case(name, small=small, sizes={"k": n_prompt, "b": n_samples, "n": n}, **given, **more)


exercise = code(
    fix_parallel_samples,
    asked("one sample", 2, 1, 1, 2, small=True),
    asked("two samples, a prompt of full blocks", 2, 2, 1, 2, small=True),
    asked("two samples, a prompt that ends in a block", 1, 2, 1, 2, small=True),
    asked("three samples of two tokens", 3, 3, 2, 2, small=True),
    asked("a long prompt", 21, 3, 4, 4),
    asked("blocks of sixteen", 21, 4, 9, 16),
    asked("blocks of one", 5, 3, 4, 1),
    asked("float32", 6, 3, 5, 4, dtype=np.float32),
    bug="the values of a copied block are left behind",
)


@exercise.mistake("the values of a copied block are left behind")
def answered_side_by_side(prompt, samples, block, W_query, W_key, W_value):
    n_blocks = (len(samples) + 1) * ((len(prompt) + samples.shape[1]) // block + 1)
    table = BlockTable(n_blocks, block)
    keys, values = pools_for(n_blocks * block, W_key, W_value)
    table.append("prompt", len(prompt))
    keys[table.slots("prompt")] = prompt @ W_key
    values[table.slots("prompt")] = prompt @ W_value
    for i in range(len(samples)):
        table.fork("prompt", i)
    table.free("prompt")
    rows = np.zeros((*samples.shape[:2], W_value.shape[1]))
    for t in range(samples.shape[1]):
        for i, x in enumerate(samples[:, t : t + 1]):
            slots = extend_(table, i, 1, keys, values)
            keys[slots[-1]], values[slots[-1]] = x[0] @ W_key, x[0] @ W_value
            rows[i, t] = paged_attention(x @ W_query, keys, values, slots)[0]
    return rows


def served(prompt, samples, block, W_query, W_key, W_value, moved):
    """The samples side by side, each token that changes its slot moved as `moved` says: which pools, and from where."""
    n_blocks = (len(samples) + 1) * ((len(prompt) + samples.shape[1]) // block + 1)
    table = BlockTable(n_blocks, block)
    keys, values = pools_for(n_blocks * block, W_key, W_value)
    table.append("prompt", len(prompt))
    keys[table.slots("prompt")], values[table.slots("prompt")] = prompt @ W_key, prompt @ W_value
    for i in range(len(samples)):
        table.fork("prompt", i)
    table.free("prompt")
    rows = np.zeros((*samples.shape[:2], W_value.shape[1]))
    for t in range(samples.shape[1]):
        for i, x in enumerate(samples[:, t : t + 1]):
            before = table.slots(i)
            table.append(i)
            slots = table.slots(i)
            moved(keys, values, before, slots)
            keys[slots[-1]], values[slots[-1]] = x[0] @ W_key, x[0] @ W_value
            rows[i, t] = paged_attention(x @ W_query, keys, values, slots)[0]
    return rows


@exercise.mistake("nothing of a copied block is moved")
def nothing_moved(*given):
    return served(*given, moved=lambda keys, values, before, slots: None)


@exercise.mistake("the keys of a copied block are left behind")
def keys_left_behind(*given):
    def moved(keys, values, before, slots):
        values[slots[: len(before)]] = values[before]

    return served(*given, moved=moved)


@exercise.mistake("only the last token before is moved")
def last_alone(*given):
    def moved(keys, values, before, slots):
        keys[slots[len(before) - 1]], values[slots[len(before) - 1]] = keys[before[-1]], values[before[-1]]

    return served(*given, moved=moved)


@exercise.mistake("the samples see each other")
def all_together(prompt, samples, block, W_query, W_key, W_value):
    rows = []
    for i, sample in enumerate(samples):
        x = np.concatenate([prompt, *samples[:i], sample])
        mask = causal_mask(len(sample), len(x))
        rows.append(scaled_dot_product_attention(sample @ W_query, x @ W_key, x @ W_value, mask))
    return np.stack(rows)


@exercise.mistake("copied from the new block to the old")
def copied_backwards(*given):
    def moved(keys, values, before, slots):
        keys[slots[: len(before)]] = keys[before]
        values[before] = values[slots[: len(before)]]

    return served(*given, moved=moved)


@exercise.mistake("the prompt isn't read")
def prompt_not_read(prompt, samples, block, W_query, W_key, W_value):
    mask = causal_mask(samples.shape[1])
    return scaled_dot_product_attention(samples @ W_query, samples @ W_key, samples @ W_value, mask)


@exercise.mistake("a token sees those that come after it")
def not_causal(prompt, samples, block, W_query, W_key, W_value):
    texts = [np.concatenate([prompt, sample]) for sample in samples]
    rows = [
        scaled_dot_product_attention(sample @ W_query, x @ W_key, x @ W_value)
        for sample, x in zip(samples, texts, strict=True)
    ]
    return np.stack(rows)


@exercise.another_way
def one_pass_for_each(prompt, samples, block, W_query, W_key, W_value):
    rows = []
    for sample in samples:
        x = np.concatenate([prompt, sample])
        mask = causal_mask(len(sample), len(x))
        rows.append(scaled_dot_product_attention(sample @ W_query, x @ W_key, x @ W_value, mask))
    return np.stack(rows)
