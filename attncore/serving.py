"""Lesson 18: many requests on one machine, and every piece of it equal to the plain computation."""

import hashlib
from collections import Counter

import numpy as np

from attncore.dot_product import scaled_dot_product_attention
from attncore.masks import causal_mask
from attncore.shapes import shaped


class BlockTable:
    """Which slots of a pool hold the tokens of which request: `n_blocks` blocks of `block` slots each.

    `append` makes room for n more tokens of a request, which may be new; `fork` makes a copy that shares all its
    blocks; `free` forgets it; `n_free` counts the blocks that nobody holds. When a holder of a last block that's
    shared and not full appends, it gets one of its own for all tokens in it. Where no token is appended, nothing is
    copied. `slots` has the slot of each token, in order: block b begins at slot b * block. Where there isn't room for
    all that `append` asks for, it raises MemoryError and nothing changes. A request that isn't there raises KeyError.
    Raises ValueError for a copy that is there already. Kwon et al. (2023).
    """

    def __init__(self, n_blocks, block):
        self.block = block
        self.unused = list(range(n_blocks))
        self.blocks: dict = {}  # of each request, in order
        self.length: dict = {}
        self.holders: Counter = Counter()  # of each block

    @property
    def n_free(self):
        return len(self.unused)

    def append(self, request, n=1):
        blocks, length = self.blocks.get(request, []), self.length.get(request, 0)
        is_copied = n > 0 and length % self.block > 0 and self.holders[blocks[-1]] > 1
        kept = blocks[:-1] if is_copied else blocks
        wanted = -(-(length + n) // self.block) - len(kept)
        if wanted > self.n_free:
            raise MemoryError(f"{wanted} blocks are wanted, {self.n_free} are free")
        self.holders.subtract(blocks[len(kept) :])
        new = [self.unused.pop() for _ in range(wanted)]
        self.holders.update(new)
        self.blocks[request], self.length[request] = kept + new, length + n

    def fork(self, request, copy):
        if copy in self.blocks:
            raise ValueError(f"there is a request {copy!r} already")
        self.blocks[copy], self.length[copy] = list(self.blocks[request]), self.length[request]
        self.holders.update(self.blocks[copy])

    def free(self, request):
        self.length.pop(request)
        for block in self.blocks.pop(request):
            self.holders[block] -= 1
            if self.holders[block] == 0:
                self.unused.append(block)

    def slots(self, request):
        blocks, size = self.blocks[request], self.block
        return [blocks[token // size] * size + token % size for token in range(self.length[request])]


@shaped("(...,q,d),(...,p,d),(...,p,v),(k):int->(...,q,v)", axes={"p": "slot"})
def paged_attention(query, key_pool, value_pool, slots, scale=None):
    """Attend to keys and values that lie scattered in a pool.

    Token j of the request is in slot `slots[j]`. Causal, and the queries are the last tokens. `scale`
    is that of scaled dot-product attention. The result is that of keys and values in one piece. With
    more queries than slots the first rows are zeros. Raises ValueError for a slot that the pool
    doesn't have. Kwon et al. (2023).
    """
    n_slots = key_pool.shape[-2]
    if slots.min() < 0 or slots.max() >= n_slots:
        raise ValueError(f"paged_attention: slots are {slots}, expected 0 to {n_slots - 1}")
    mask = causal_mask(query.shape[-2], len(slots))
    return scaled_dot_product_attention(query, key_pool[..., slots, :], value_pool[..., slots, :], mask, scale)


@shaped("(n):int->(c)", axes={"c": "block"})
def prefix_hashes(tokens, block):
    """Name each whole block of a sequence by everything up to its end: a list of hashes.

    Two blocks have equal hashes if their tokens and all tokens before them are equal, and otherwise
    different ones. A last block that isn't whole has none. What a hash is, is free: a number, a string or
    bytes. Raises ValueError for a block below 1. Kwon et al. (2023); the vLLM page on prefix caching.
    """
    if block < 1:
        raise ValueError(f"prefix_hashes: block is {block}, expected at least 1")
    hashes, parent = [], ""
    for start in range(0, len(tokens) - block + 1, block):
        whole = tokens[start : start + block].tolist()
        parent = hashlib.sha256(f"{parent}{whole}".encode()).hexdigest()
        hashes.append(parent)
    return hashes


def draw(p, rng):
    """An index, by weights that needn't sum to one."""
    return int(rng.choice(len(p), p=p / p.sum()))


@shaped("(n):int,(n,c),(n+1,c)->(t)", axes={"n": "draft", "n+1": "place", "c": "class", "t": "place"})
def speculative_accept(draft, draft_probs, target_probs, rng):
    """Keep of a draft what makes the tokens come out as if the target had drawn each of them.

    Row i of `draft_probs` are the probabilities from which token i was drawn, row i of `target_probs` those
    of the target at the same place; its last row is for the token behind the draft. `rng` is a Generator.
    Returns a list: the tokens accepted, each with probability min(1, target / draft), up to the first that
    isn't, and one more. That one is drawn from what the target has in excess of the draft at that
    place, renormalized; or from the last row, if all were accepted. Leviathan et al. (2023).
    """
    for i, token in enumerate(draft):
        if rng.random() * draft_probs[i, token] >= target_probs[i, token]:
            excess = np.maximum(target_probs[i] - draft_probs[i], 0)
            return [*draft[:i].tolist(), draw(excess, rng)]
    return [*draft.tolist(), draw(target_probs[-1], rng)]


@shaped("->()")
def expected_tokens(acceptance, n_draft):
    """How many tokens one pass of the target gives on average, by speculative decoding.

    Each of `n_draft` tokens is accepted with the probability `acceptance`, whatever happened to the others;
    what follows a rejected one is lost. The token that the target adds counts. With an acceptance of
    1 it's n_draft + 1. Leviathan et al. (2023).
    """
    if acceptance == 1:
        return n_draft + 1
    return (1 - acceptance ** (n_draft + 1)) / (1 - acceptance)


@shaped("(n):int->(n,n)", axes={"n": "node"})
def tree_mask(parents):
    """Allow each node of a tree of drafts itself and its ancestors.

    `parents[i]` is the place of node i's parent, which comes before it; a root has -1, and there may be
    several. Booleans, True = may attend; rows are queries. Raises ValueError for a parent that doesn't come
    before its node. Miao et al. (2023).
    """
    mask = np.eye(len(parents), dtype=bool)
    for node, parent in enumerate(parents):
        if not -1 <= parent < node:
            raise ValueError(f"tree_mask: the parent of node {node} is {parent}, expected -1 to {node - 1}")
        if parent >= 0:
            mask[node] |= mask[parent]
    return mask


@shaped("(...)->(...),(...),(...)", returns="codes, scale, zero")
def quantize(x, bits, axis):
    """Round the numbers of each line along `axis` to whole codes from 0 to 2^bits - 1.

    Code 0 stands for the least number of a line, the highest code for its largest, and the others lie evenly
    between them: a number is about code * scale + zero. Codes are whole numbers; `scale` and `zero` keep
    the axis, with length one. A line of equal numbers has scale 1 and gives its number back.
    Raises ValueError for bits below 1 or above 8.
    """
    if not 1 <= bits <= 8:
        raise ValueError(f"quantize: bits is {bits}, expected 1 to 8")
    zero = x.min(axis=axis, keepdims=True)
    scale = (x.max(axis=axis, keepdims=True) - zero) / (2**bits - 1)
    scale = np.where(scale == 0, np.ones_like(scale), scale)
    return np.round((x - zero) / scale).astype(np.uint8), scale, zero


@shaped("(...):any,(...),(...)->(...)")
def dequantize(codes, scale, zero):
    """The numbers that codes stand for: code 0 is `zero`, and each step adds `scale`.

    `scale` and `zero` may have length one on any axis, and stand for the whole of it. Codes may be bytes.
    """
    return codes * scale + zero


@shaped("->()")
def step_time(phases, flops_per_second, bytes_per_second):
    """How many seconds a step takes whose phases run one after another.

    `phases` is a list of pairs: the floating-point operations and the bytes that a phase reads. Within a
    phase, computing and reading go on at the same time, so the slower one counts; a phase waits for
    the one before it. A step without phases takes no time.
    """
    return sum(max(flops / flops_per_second, read / bytes_per_second) for flops, read in phases)
