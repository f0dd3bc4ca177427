"""Each query reads its own block and the best of the earlier ones."""

import numpy as np

from attncore.dot_product import scaled_dot_product_attention
from attncore.exercises.exercise import case, code
from attncore.masks import causal_mask
from attncore.shapes import shaped
from attncore.sparse import block_mask, mean_blocks


def routing_scores(query, key, block):
    means = mean_blocks(key, block)
    scores = query @ means.T
    own = np.arange(len(query)) // block
    candidate = np.arange(len(means)) < own[:, None]
    return np.where(candidate, scores, -np.inf)


def routing_scores_(query, key, block):
    means = mean_blocks(key, block)
    scores = query @ means.T
    return scores


def own_block(n, block):
    number = np.arange(n) // block
    return number[:, None] == number


@shaped("(n,d),(n,d),(n,v)->(n,v)")
def fix_block_attention(query, key, value, block, n_keep):
    """Attend, causally, each token to its own block and to the n_keep best blocks before it.

    A block is as good as the dot product of the query with the mean of the block's keys. Where fewer
    blocks lie before its own, a token reads all of them. What a token gets doesn't change when the
    text goes on. Lu et al. (2025).
    """
    n = len(query)
    scores = routing_scores(query, key, block)
    chosen = block_mask(scores, block, n, n_keep)
    mask = chosen | own_block(n, block)
    return scaled_dot_product_attention(query, key, value, mask & causal_mask(n))


def of(name, n, block, n_keep, **more):
    return case(name, sizes={"n": n}, block=block, n_keep=n_keep, **more)


exercise = code(
    fix_block_attention,
    of("a single block", 2, 4, 1, small=True),
    of("blocks of one", 3, 1, 1, small=True),
    of("four tokens in blocks of two", 4, 2, 1, small=True),
    of("six tokens in blocks of two", 6, 2, 1, small=True),
    of("nine tokens in blocks of two", 9, 2, 1),
    of("two blocks beside the own", 14, 3, 2),
    of("all blocks", 9, 2, 5),
    of("keys in the hundreds", 11, 3, 1, magnitude=10.0),
    of("float32", 12, 4, 1, dtype=np.float32),
    bug="blocks that lie ahead take places in the selection",
)


@exercise.mistake("blocks that lie ahead take places in the selection")
def look_ahead(query, key, value, block, n_keep):
    n = len(query)
    scores = routing_scores_(query, key, block)
    chosen = block_mask(scores, block, n, n_keep)
    mask = chosen | own_block(n, block)
    return scaled_dot_product_attention(query, key, value, mask & causal_mask(n))


def routed(query, key, value, block, n_keep, candidates, keep_own=True):
    """With `candidates(own, number)` for the blocks that may be chosen."""
    n = len(query)
    scores = query @ mean_blocks(key, block).T
    number = np.arange(n) // block
    allowed = candidates(number[:, None], np.arange(scores.shape[-1]))
    chosen = block_mask(np.where(allowed, scores, -np.inf), block, n, n_keep)
    chosen = chosen & np.repeat(allowed, block, axis=-1)[:, :n]
    mask = (chosen | ((number[:, None] == number) & keep_own)) & causal_mask(n)
    return scaled_dot_product_attention(query, key, value, mask)


@exercise.mistake("the own block takes a place in the selection")
def own_takes_a_place(query, key, value, block, n_keep):
    return routed(query, key, value, block, n_keep, lambda own, number: number <= own)


@exercise.mistake("the own block is lost")
def own_is_lost(query, key, value, block, n_keep):
    return routed(query, key, value, block, n_keep, lambda own, number: number < own, keep_own=False)


@exercise.mistake("the own block has to be chosen like any other")
def own_competes(query, key, value, block, n_keep):
    return routed(query, key, value, block, n_keep, lambda own, number: number <= own, keep_own=False)


@exercise.mistake("the block just before is left out")
def block_before_left_out(query, key, value, block, n_keep):
    return routed(query, key, value, block, n_keep, lambda own, number: number < own - 1)


@exercise.mistake("everything earlier is read")
def everything_earlier(query, key, value, block, n_keep):
    return scaled_dot_product_attention(query, key, value, causal_mask(len(query)))


@exercise.mistake("no causal mask in the own block")
def own_block_seen_whole(query, key, value, block, n_keep):
    n = len(query)
    chosen = block_mask(routing_scores(query, key, block), block, n, n_keep)
    number = np.arange(n) // block
    mask = (chosen & (number < number[:, None])) | own_block(n, block)
    return scaled_dot_product_attention(query, key, value, mask)


@exercise.mistake("one place more, and blocks that lie ahead may take it")
def one_place_more(query, key, value, block, n_keep):
    return look_ahead(query, key, value, block, n_keep + 1)


@exercise.another_way
def token_by_token(query, key, value, block, n_keep):
    means = [key[start : start + block].mean(axis=0) for start in range(0, len(key), block)]
    rows = []
    for i, q in enumerate(query):
        own = i // block
        earlier = sorted(range(own), key=lambda b: -(q @ means[b]))[:n_keep]
        places = [j for j in range(i + 1) if j // block == own or j // block in earlier]
        rows.append(scaled_dot_product_attention(q[None], key[places], value[places])[0])
    return np.stack(rows)
