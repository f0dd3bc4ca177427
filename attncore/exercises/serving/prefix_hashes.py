"""A name for each block, and for all that comes before it."""

import hashlib

import numpy as np

from attncore.exercises.drivers import blocks_named
from attncore.exercises.exercise import Case, code
from attncore.serving import prefix_hashes


def named(name, block, *texts, promise=""):
    return Case(name, lambda: {"texts": [list(text) for text in texts], "block": block}, promise)


FIVE = np.random.default_rng(3).integers(0, 50_000, 40).tolist()
LONG = np.random.default_rng(4).integers(0, 50_000, 1300).tolist()
BELOW_ONE = "Raises ValueError for a block below 1."
exercise = code(
    prefix_hashes,
    named("two texts that are equal", 2, [5, 7, 5, 9], [5, 7, 5, 9]),
    named("a text that differs in its first block", 2, [5, 7, 8, 9], [6, 7, 8, 9]),
    named("a text that differs in its last block", 2, [5, 7, 8, 9], [5, 7, 8, 6]),
    named("a block that repeats", 2, [5, 7, 5, 7, 5, 7]),
    named("three blocks and a rest", 3, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]),
    named("a prefix that is longer than the other text", 2, [1, 2, 3, 4, 5, 6], [1, 2, 3], [1, 2, 3, 4]),
    named("the same tokens in another order", 3, [1, 2, 3, 4, 5, 6], [3, 2, 1, 4, 5, 6], [4, 5, 6, 1, 2, 3]),
    named("equal sums, and equal products", 2, [2, 6, 1, 1], [3, 5, 1, 1], [3, 4, 1, 1], [4, 3, 1, 1]),
    named("the same digits, cut elsewhere", 2, [1, 23, 4, 5], [12, 3, 4, 5]),
    named("blocks change places", 2, [1, 2, 3, 4, 5, 6], [3, 4, 1, 2, 5, 6]),
    named("one block goes missing in the middle", 2, [1, 2, 3, 4, 5, 6], [1, 2, 5, 6]),
    named("texts that share their second block and no other", 1, [1, 5, 2], [3, 5, 4], [1, 6, 2]),
    named("blocks of one token", 1, [4, 4, 4], [4, 4]),
    named("token 0", 2, [0, 0, 0, 0], [0, 0], [1, 0, 0, 0]),
    named("a long text, and one that leaves it in the middle", 8, FIVE, [*FIVE[:20], 3, *FIVE[21:]]),
    named("numbers that a small base mixes up", 2, [1, 31, 4, 5], [2, 0, 4, 5], [1, 100, 4, 5], [11, 0, 4, 5]),
    named("tokens 256 and 65,536 apart", 2, [7, 5, 1, 2], [263, 5, 1, 2], [65_543, 5, 1, 2]),
    named("a long text that differs in the middle", 600, LONG, [*LONG[:500], 3, *LONG[501:]]),
    named("a block longer than the text", 9, [1, 2, 3], [1, 2], promise="A last block that isn't whole has none."),
    named("blocks of no tokens", 0, [1, 2, 3], promise=BELOW_ONE),
    named("a block below zero", -2, [1, 2, 3, 4], promise=BELOW_ONE),
    drive=blocks_named,
)


def blocks_of(tokens, block):
    return [tuple(int(t) for t in tokens[i : i + block]) for i in range(0, len(tokens) - block + 1, block)]


@exercise.mistake("the parent is left out")
def parent_left_out(tokens, block):
    return blocks_of(tokens, block)


@exercise.mistake("the block's place stands in for its parent")
def place_for_the_parent(tokens, block):
    return list(enumerate(blocks_of(tokens, block)))


@exercise.mistake("only the block before is looked at, not its parents")
def block_before_alone(tokens, block):
    blocks = blocks_of(tokens, block)
    return list(zip([None, *blocks], blocks, strict=False))


@exercise.mistake("only the first block counts as the parent")
def first_block_as_parent(tokens, block):
    blocks = blocks_of(tokens, block)
    return [(i, blocks[0], each) for i, each in enumerate(blocks)]


@exercise.mistake("the last block has a name though it isn't whole")
def rest_named_too(tokens, block):
    return [tuple(tokens[: i + block].tolist()) for i in range(0, len(tokens), block)]


@exercise.mistake("the last whole block is left out")
def last_whole_block_left_out(tokens, block):
    return prefix_hashes(tokens, block)[:-1]


@exercise.mistake("the order of the tokens is lost")
def order_lost(tokens, block):
    return [tuple(sorted(tokens[: i + block].tolist())) for i in range(0, len(tokens) - block + 1, block)]


@exercise.mistake("the order of the tokens is lost")
def order_lost_in_a_block(tokens, block):
    return chained([tuple(sorted(each)) for each in blocks_of(tokens, block)])


@exercise.mistake("the order of the tokens is lost")
def sums(tokens, block):
    return [int(total) for total in np.cumsum(tokens)[block - 1 :: block]]


@exercise.mistake("the order of the tokens is lost")
def sums_in_a_chain(tokens, block):
    return chained([sum(each) for each in blocks_of(tokens, block)])


@exercise.mistake("the order of the blocks is lost")
def order_of_blocks_lost(tokens, block):
    blocks = blocks_of(tokens, block)
    return [tuple(sorted(blocks[: i + 1])) for i in range(len(blocks))]


@exercise.mistake("the digits run together")
def digits_run_together(tokens, block):
    return ["".join(map(str, tokens[: i + block])) for i in range(0, len(tokens) - block + 1, block)]


@exercise.mistake("the digits run together")
def digits_run_together_in_a_block(tokens, block):
    return chained(["".join(map(str, each)) for each in blocks_of(tokens, block)])


@exercise.mistake("only the last token of a block counts")
def last_token_alone(tokens, block):
    return chained([each[-1] for each in blocks_of(tokens, block)])


@exercise.mistake("only the first token of a block counts")
def first_token_alone(tokens, block):
    return chained([each[0] for each in blocks_of(tokens, block)])


@exercise.mistake("a name for each token")
def a_name_for_each_token(tokens, block):
    return prefix_hashes(tokens, 1)


@exercise.mistake("each block's name covers the whole text")
def whole_text(tokens, block):
    return [(i, *tokens.tolist()) for i in range(len(tokens) // block)]


@exercise.mistake("names from the end instead of the beginning")
def suffixes(tokens, block):
    return [tuple(tokens[i:].tolist()) for i in range(0, len(tokens) - block + 1, block)]


def chained(parts):
    return [tuple(parts[: i + 1]) for i in range(len(parts))]


@exercise.mistake("different tokens give the same number")
def small_base(tokens, block):
    names, name = [], 0
    for i, token in enumerate(tokens.tolist(), 1):
        name = 31 * name + token
        names += [name] if i % block == 0 else []
    return names


@exercise.mistake("the tokens are cut to a byte or two")
def cut_to_a_byte(tokens, block):
    return chained([np.array(each).astype(np.uint8).tobytes() for each in blocks_of(tokens, block)])


@exercise.mistake("the tokens are cut to a byte or two")
def cut_to_two_bytes(tokens, block):
    return chained([np.array(each).astype(np.uint16).tobytes() for each in blocks_of(tokens, block)])


@exercise.mistake("a long text is named by its ends alone")
def printed(tokens, block):
    return [str(tokens[: i + block]) for i in range(0, len(tokens) - block + 1, block)]


@exercise.mistake("the block's own tokens are left out")
def own_tokens_left_out(tokens, block):
    return [tuple(tokens[:i].tolist()) for i in range(0, len(tokens) - block + 1, block)]


@exercise.mistake("a block below one isn't refused")
def any_block(tokens, block):
    return prefix_hashes(tokens, max(abs(block), 1))


@exercise.mistake("only the parent's last token counts")
def one_token_before(tokens, block):
    blocks = blocks_of(tokens, block)
    return list(zip([None, *(each[-1] for each in blocks)], blocks, strict=False))


@exercise.another_way
def all_tokens_so_far(tokens, block):
    if block < 1:
        raise ValueError(f"a block of {block} tokens")
    return [tuple(tokens[:end].tolist()) for end in range(block, len(tokens) + 1, block)]


@exercise.another_way
def bytes_of_a_chain(tokens, block):
    names, parent = [], b""
    for start in range(0, len(tokens) - block + 1, block):
        whole = np.asarray(tokens[start : start + block], np.int64)
        parent = hashlib.blake2b(parent + whole.tobytes()).digest()
        names.append(parent)
    return names


@exercise.another_way
def pythons_own_hash(tokens, block):
    names, parent = [], None
    for start in range(0, len(tokens) - block + 1, block):
        parent = hash((parent, *map(int, tokens[start : start + block])))
        names.append(parent)
    return names
