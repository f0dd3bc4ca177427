"""Paraphrases for lesson 18."""

import hashlib
import itertools

import numpy as np
from paraphrase import paraphrase


def softmax(scores, seen):
    top = np.where(seen, scores, -np.inf).max(axis=-1, keepdims=True)
    heights = np.where(seen, np.exp(np.minimum(scores - np.nan_to_num(top, neginf=0), 0)), 0)
    total = heights.sum(axis=-1, keepdims=True)
    return heights / np.where(total == 0, 1, total)


def attend(query, key, value, scale, seen=None):
    n_query, n_key = query.shape[-2], key.shape[-2]
    seen = np.tri(n_query, n_key, n_key - n_query, dtype=bool) if seen is None else seen
    scores = query @ key.swapaxes(-1, -2) * (query.shape[-1] ** -0.5 if scale is None else scale)
    return softmax(scores, seen) @ value


def inside(slots, pool):
    slots = np.asarray(slots)
    if not ((slots >= 0) & (slots < pool.shape[-2])).all():
        raise ValueError("slots")
    return slots


@paraphrase("paged_attention", "the table is read the wrong way round")
def inverse_table(query, key_pool, value_pool, slots, scale=None):
    back = np.argsort(inside(slots, key_pool))
    return attend(query, np.take(key_pool, back, -2), np.take(value_pool, back, -2), scale)


@paraphrase("paged_attention", "what isn't the request's scores 0 instead of being hidden")
def zeros_for_the_others(query, key_pool, value_pool, slots, scale=None):
    held = np.bincount(inside(slots, key_pool), minlength=key_pool.shape[-2]) > 0
    everything = np.ones((query.shape[-2], len(held)), bool)
    return attend(query, key_pool * held[:, None], value_pool, scale, everything)


@paraphrase("paged_attention", "no causal mask")
def held_in_place(query, key_pool, value_pool, slots, scale=None):
    held = np.bincount(inside(slots, key_pool), minlength=key_pool.shape[-2]) > 0
    return attend(query, key_pool, value_pool, scale, np.tile(held, (query.shape[-2], 1)))


def sha(*parts):
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def whole_blocks(tokens, block):
    if block < 1:
        raise ValueError("block")
    return [tokens[at : at + block].tolist() for at in range(0, len(tokens) - block + 1, block)]


@paraphrase("prefix_hashes", "the parent is left out")
def content_hash(tokens, block):
    return [sha(each) for each in whole_blocks(tokens, block)]


@paraphrase("prefix_hashes", "the block's place stands in for its parent")
def content_and_index(tokens, block):
    return [sha(i, each) for i, each in enumerate(whole_blocks(tokens, block))]


@paraphrase("prefix_hashes", "different tokens give the same number")
def rolling_hash(tokens, block):
    numbers = list(itertools.accumulate(tokens.tolist(), lambda h, t: 31 * h + t, initial=0))
    return numbers[block :: block if block > 0 else None] if whole_blocks(tokens, block) else []


@paraphrase("prefix_hashes", "the tokens are cut to a byte or two")
def bytes_of_the_prefix(tokens, block):
    ends = range(block, block * len(whole_blocks(tokens, block)) + 1, block)
    return [hashlib.md5(tokens[:end].astype("u1").tobytes()).hexdigest() for end in ends]


@paraphrase("prefix_hashes", "a long text is named by its ends alone")
def repr_of_the_prefix(tokens, block):
    ends = range(block, block * len(whole_blocks(tokens, block)) + 1, block)
    return [sha(tokens[:end]) for end in ends]


@paraphrase("prefix_hashes", "the block's own tokens are left out")
def hashed_before_it_is_read(tokens, block):
    names, parent = [], ""
    for each in whole_blocks(tokens, block):
        names.append(parent)
        parent = sha(parent, each)
    return names


@paraphrase("prefix_hashes", "the order of the blocks is lost")
def exclusive_or(tokens, block):
    names, name = [], 0
    for each in whole_blocks(tokens, block):
        name += int(sha(each)[:12], 16)
        names.append(name)
    return names


def drawn(weights, rng):
    return int(rng.choice(len(weights), p=weights / weights.sum()))


def missing(p, q):
    return np.clip(p - q, 0, None)


@paraphrase("speculative_accept", "a rejected token is skipped, and the others are judged as before")
def continue_in_place_of_break(draft, draft_probs, target_probs, rng):
    out = []
    for i, token in enumerate(draft):
        if rng.random() >= target_probs[i, token] / draft_probs[i, token]:
            continue
        out.append(int(token))
    return [*out, drawn(target_probs[-1], rng)]


@paraphrase("speculative_accept", "the last row's token is added after a rejection as well")
def break_and_bonus(draft, draft_probs, target_probs, rng):
    out = []
    for p, q, token in zip(target_probs, draft_probs, draft, strict=False):
        if rng.random() >= p[token] / q[token]:
            out.append(drawn(missing(p, q), rng))
            break
        out.append(int(token))
    return [*out, drawn(target_probs[-1], rng)]


@paraphrase("speculative_accept", "the target draws, and its token is compared with the draft")
def exact_match(draft, draft_probs, target_probs, rng):
    out = []
    for p, token in zip(target_probs, [*draft, -1], strict=True):
        out.append(drawn(p, rng))
        if out[-1] != token:
            break
    return out


@paraphrase("speculative_accept", "after a rejection the target without the rejected token")
def resampled_without_it(draft, draft_probs, target_probs, rng):
    for i, token in enumerate(draft):
        if rng.random() >= target_probs[i, token] / draft_probs[i, token]:
            others = target_probs[i].copy()
            others[token] = 0
            return [*map(int, draft[:i]), drawn(others, rng)]
    return [*map(int, draft), drawn(target_probs[-1], rng)]


@paraphrase("speculative_accept", "accepted with the draft's probability")
def confident_drafts(draft, draft_probs, target_probs, rng):
    for i, token in enumerate(draft):
        if rng.random() >= draft_probs[i, token]:
            return [*map(int, draft[:i]), drawn(missing(target_probs[i], draft_probs[i]), rng)]
    return [*map(int, draft), drawn(target_probs[-1], rng)]


@paraphrase("expected_tokens", "the case where all are accepted is left out")
def until_the_rejection(acceptance, n_draft):
    return sum(k * (1 - acceptance) * acceptance ** (k - 1) for k in range(1, n_draft + 1))


@paraphrase("expected_tokens", "the target's token counted twice")
def one_and_the_powers(acceptance, n_draft):
    return 1 + sum(acceptance**k for k in range(n_draft + 1))


@paraphrase("expected_tokens", "rounded to whole tokens")
def as_an_integer(acceptance, n_draft):
    return sum(acceptance**k for k in range(n_draft + 1)) // 1


def parents_of(parents):
    parents = [int(parent) for parent in parents]
    if any(not -1 <= parent < node for node, parent in enumerate(parents)):
        raise ValueError("parents")
    return parents


def ancestors(parents):
    rows = []
    for node, parent in enumerate(parents):
        rows.append({node} | (rows[parent] if parent >= 0 else set()))
    return rows


def as_mask(rows):
    return np.array([[node in row for node in range(len(rows))] for row in rows])


@paraphrase("tree_mask", "the parent and its parent are seen, and nothing above")
def grandparents(parents):
    parents = parents_of(parents)
    up = [{node, parent, parents[parent] if parent >= 0 else -1} for node, parent in enumerate(parents)]
    return as_mask(up)


@paraphrase("tree_mask", "the roots are not seen")
def root_is_the_prompt(parents):
    parents = parents_of(parents)
    roots = {node for node, parent in enumerate(parents) if parent == -1}
    return as_mask([row - roots | {node} for node, row in enumerate(ancestors(parents))])


@paraphrase("tree_mask", "node 0 is seen by all")
def first_column(parents):
    mask = as_mask(ancestors(parents_of(parents)))
    mask[:, 0] = True
    return mask


@paraphrase("tree_mask", "everything up to the parent's place is seen")
def up_to_the_parent(parents):
    return as_mask([{*range(parent + 1), node} for node, parent in enumerate(parents_of(parents))])


def coded(x, bits, axis, levels=None, rounding=np.rint):
    if bits not in range(1, 9):
        raise ValueError("bits")
    least = np.amin(x, axis, keepdims=True)
    scale = np.ptp(x, axis, keepdims=True) / (levels or (1 << bits) - 1)
    scale = scale + (scale == 0)
    return rounding((x - least) / scale), scale, least


@paraphrase("quantize", "rounded up instead of to the nearest")
def ceiling(x, bits, axis):
    return coded(x, bits, axis, rounding=np.ceil)


@paraphrase("quantize", "lines along the last axis, whatever `axis` says")
def rowwise(x, bits, axis):
    return coded(x, bits, x.ndim - 1)


@paraphrase("quantize", "the codes begin below zero")
def int8_codes(x, bits, axis):
    codes, scale, least = coded(x, bits, axis)
    middle = 1 << (bits - 1)
    return codes - middle, scale, least + middle * scale


@paraphrase("quantize", "codes for the middles of equal ranges")
def histogram_bins(x, bits, axis):
    codes, scale, least = coded(x, bits, axis, levels=1 << bits, rounding=np.floor)
    return np.minimum(codes, (1 << bits) - 1), scale, least + 0.5 * scale


@paraphrase("quantize", "code 0 is the largest number")
def from_the_top(x, bits, axis):
    codes, scale, least = coded(x, bits, axis)
    highest = (1 << bits) - 1
    return highest - codes, -scale, least + highest * scale


@paraphrase("quantize", "codes above 127 overflow")
def stored_as_int8(x, bits, axis):
    codes, scale, least = coded(x, bits, axis)
    return codes.astype(np.int16).astype(np.int8), scale, least


@paraphrase("quantize", "the zero is a code: (codes - zero) * scale")
def affine(x, bits, axis):
    _, scale, least = coded(x, bits, axis)
    zero_point = np.rint(-least / scale)
    return np.clip(np.rint(x / scale) + zero_point, 0, (1 << bits) - 1), scale, zero_point


@paraphrase("dequantize", "half a step is added")
def middle_of_a_bin(codes, scale, zero):
    return np.add(codes, 0.5) * scale + zero


@paraphrase("dequantize", "codes taken to lie around 128")
def signed_again(codes, scale, zero):
    return (codes.astype(int) - 128) * scale + zero


@paraphrase("dequantize", "rounded to whole numbers")
def whole_numbers(codes, scale, zero):
    return np.rint(np.multiply(codes, scale) + zero)


@paraphrase("step_time", "milliseconds instead of seconds")
def in_milliseconds(phases, flops_per_second, bytes_per_second):
    return sum(max(1e3 * f / flops_per_second, 1e3 * b / bytes_per_second) for f, b in phases)


@paraphrase("step_time", "the first phase says what counts in all of them")
def bound_by_the_first(phases, flops_per_second, bytes_per_second):
    f, b = phases[0] if phases else (0, 0)
    is_compute_bound = f * bytes_per_second >= b * flops_per_second
    return sum(f / flops_per_second if is_compute_bound else b / bytes_per_second for f, b in phases)


@paraphrase("step_time", "the largest of the sums, not the sum of the largest")
def roofline_of_the_totals(phases, flops_per_second, bytes_per_second):
    totals = np.sum(phases, axis=0) if phases else np.zeros(2)
    return float(np.max(totals / [flops_per_second, bytes_per_second]))


class Pool:
    """A right table that counts references; what a mistake changes is a method."""

    def __init__(self, n_blocks, block):
        self.size, self.references, self.tables = block, [0] * n_blocks, {}

    @property
    def n_free(self):
        return self.references.count(0)

    def moves(self, request, blocks, length, n):
        return n > 0 and length % self.size > 0 and self.references[blocks[-1]] > 1

    def append(self, request, n=1):
        blocks, length = self.tables.get(request, ([], 0))
        leaves = self.moves(request, blocks, length, n)
        n_new = -(-(length + n) // self.size) - len(blocks) + leaves
        free = [block for block, count in enumerate(self.references) if count == 0]
        if n_new > len(free):
            raise MemoryError
        if leaves:
            self.references[blocks[-1]] -= 1
        for block in free[:n_new]:
            self.references[block] = 1
        self.tables[request] = (blocks[: len(blocks) - leaves] + free[:n_new], length + n)

    def fork(self, request, copy):
        if copy in self.tables:
            raise ValueError
        self.tables[copy] = self.tables[request]
        for block in self.tables[copy][0]:
            self.references[block] += 1

    def free(self, request):
        for block in self.tables.pop(request)[0]:
            self.references[block] -= 1

    def slots(self, request):
        blocks, length = self.tables[request]
        return [blocks[i // self.size] * self.size + i % self.size for i in range(length)]


@paraphrase("BlockTable", "a shared block is written into")
class NeverMoves(Pool):
    def moves(self, request, blocks, length, n):
        return False


@paraphrase("BlockTable", "a full block is copied too")
class MovesFromFullBlocks(Pool):
    def moves(self, request, blocks, length, n):
        return n > 0 and bool(blocks) and self.references[blocks[-1]] > 1


@paraphrase("BlockTable", "a block is freed while others still hold it")
class FreesAtOnce(Pool):
    def free(self, request):
        for block in self.tables.pop(request)[0]:
            self.references[block] = 0


@paraphrase("BlockTable", "only the copy leaves a shared block, the original writes into it")
class OnlyCopiesMove(Pool):
    def __init__(self, n_blocks, block):
        super().__init__(n_blocks, block)
        self.copies = []

    def moves(self, request, blocks, length, n):
        return request in self.copies and super().moves(request, blocks, length, n)

    def fork(self, request, copy):
        super().fork(request, copy)
        self.copies.append(copy)


@paraphrase("BlockTable", "slots from 0 on, as if the request were alone")
class LogicalSlots(Pool):
    def slots(self, request):
        return np.arange(self.tables[request][1])


@paraphrase("BlockTable", "the last free block is never given out")
class OffByOne(Pool):
    def append(self, request, n=1):
        blocks, length = self.tables.get(request, ([], 0))
        wanted = -(-(length + n) // self.size) - len(blocks) + self.moves(request, blocks, length, n)
        if wanted and wanted >= self.n_free:
            raise MemoryError
        super().append(request, n)


@paraphrase("BlockTable", "an append of no token copies the block")
class MovesForNothing(Pool):
    def moves(self, request, blocks, length, n):
        return super().moves(request, blocks, length, 1)


@paraphrase("BlockTable", "a request that was refused is there all the same")
class NamedBeforeItFits(Pool):
    def append(self, request, n=1):
        if request not in self.tables:
            self.tables[request] = ([], 0)
        super().append(request, n)
