"""Lesson 18: a server on a simulated clock, and keys in few bits."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from attncore.dot_product import scaled_dot_product_attention
from attncore.loops import kept_probabilities
from attncore.serving import BlockTable, dequantize, quantize, step_time

# Llama 3 8B on an H100 (the data sheets' numbers): weights, layers, key heads, query heads, width; FLOP/s, bytes/s.
WEIGHTS, LAYERS, KV_HEADS, HEADS, WIDTH = 8.03e9, 32, 8, 32, 128
FLOPS, BYTES = 989e12, 3.35e12
CACHED = 2 * LAYERS * KV_HEADS * WIDTH * 2  # bytes of a token


@dataclass
class Request:
    """When it arrives, in seconds, how long its prompt is, and how many tokens it wants."""

    name: str
    arrival: float
    prompt: int
    output: int


@dataclass(eq=False)
class Going:
    """A request on its way: how many tokens are in its cache, and when each of its own was written."""

    request: Request
    read: int = 0
    times: list = field(default_factory=list)

    @property
    def name(self):
        return self.request.name

    @property
    def left(self):
        """How many tokens it has to read before it writes the next one: the newest alone, once it writes."""
        return self.request.prompt + len(self.times) - self.read

    @property
    def is_writing(self):
        return bool(self.times) and self.left == 1


class Step(NamedTuple):
    """What the machine does at once, from `start` to `end` in seconds.

    `prefill` has how many tokens of its prompt each request reads, `decode` who writes one token, `preempted` who was
    sent away to make room, and `blocks` how many blocks of the pool are in use.
    """

    start: float
    end: float
    prefill: dict
    decode: list
    preempted: list
    blocks: int


class Served(NamedTuple):
    """What happened, step by step, and what was felt.

    `ttft` is the time to the first token, `tpot` the mean time from one token to the next, `gap` the longest: all in
    milliseconds, by request.
    """

    steps: list
    ttft: dict
    tpot: dict
    gap: dict


class Server:
    """Steps of at most `budget` tokens on a simulated clock: one for each request that writes, the rest for prompts.

    Without chunks a prompt is read whole, in a step of its own, once the pool has room for all of it. Where a request
    that has begun finds no room, the latest is preempted: its blocks are freed, and it has to be read again. The latest
    itself skips a step. Raises ValueError for a pool that a single request doesn't fit into.
    """

    def __init__(self, requests, budget, is_chunked, n_blocks, block, timed):
        most = max(-(-(request.prompt + request.output) // block) for request in requests)
        if n_blocks < most:
            raise ValueError(f"the pool is too small for a single request: n_blocks is {n_blocks}, expected {most}")
        self.budget, self.is_chunked, self.timed = budget, is_chunked, timed
        self.table, self.n_blocks, self.clock, self.steps = BlockTable(n_blocks, block), n_blocks, 0.0, []
        self.all = [Going(request) for request in sorted(requests, key=lambda request: request.arrival)]
        self.waiting, self.running = list(self.all), []

    def plan(self):
        """How many tokens each request would get in the next step: who writes comes before who reads."""
        writers = [going for going in self.running if going.is_writing]
        readers = [going for going in self.running if not going.is_writing]
        readers += [going for going in self.waiting if going.request.arrival <= self.clock]
        if readers and not self.is_chunked and readers[0].left <= self.table.n_free * self.table.block:
            return [(readers[0], readers[0].left)]
        plan = [(going, 1) for going in writers]
        room = self.budget - len(writers)
        for going in readers if self.is_chunked else ():
            n = min(room, going.left)
            room -= n
            if n > 0:
                plan.append((going, n))
        return plan

    def make_room(self, plan):
        """What of a plan gets its blocks, and who was sent away for it: nobody comes in while somebody has no room."""
        kept: dict = {}
        sent, is_full = [], False
        for going, n in plan:
            is_new = going in self.waiting
            if is_new and is_full:
                continue
            while not (fits := self.grow(going, n)) and going in self.running[:-1]:
                sent.append(self.preempt_latest())
                kept.pop(sent[-1], None)
            if fits:
                kept[going.name] = going, n
            if fits and is_new:
                self.waiting.remove(going)
                self.running.append(going)
            is_full = is_full or bool(sent) or not fits
        return kept, sent

    def grow(self, going, n):
        """Take the blocks for n more tokens; says whether there was room."""
        try:
            self.table.append(going.name, n)
        except MemoryError:
            return False
        return True

    def preempt_latest(self):
        going = self.running.pop()
        self.table.free(going.name)
        self.waiting.insert(0, going)
        going.read = 0
        return going.name

    def step(self):
        kept, sent = self.make_room(self.plan())
        prefill = {name: n for name, (going, n) in kept.items() if not going.is_writing}
        decode = [name for name in kept if name not in prefill]
        start, blocks = self.clock, self.n_blocks - self.table.n_free
        self.clock += seconds([(going.read, n) for going, n in kept.values()], self.timed)
        self.steps.append(Step(start, self.clock, prefill, decode, sent, blocks))
        for going, n in kept.values():
            going.read += n
            if going.left == 0:
                going.times.append(self.clock)
            if len(going.times) == going.request.output:
                self.table.free(going.name)
                self.running.remove(going)


def seconds(parts, timed=step_time):
    """How long a step takes in which each request, with so many tokens in its cache, reads so many more.

    `timed` is the function that makes seconds of its phases.
    """
    tokens = sum(n for _, n in parts)
    scores = sum(4 * n * (read + n / 2) for read, n in parts) * HEADS * WIDTH * LAYERS
    cache = sum(read + n for read, n in parts) * CACHED
    return timed([(2 * WEIGHTS * tokens, 2 * WEIGHTS), (scores, cache)], FLOPS, BYTES)


def ten_requests():
    """Eight chats, and two long documents among them."""
    prompts = [300, 500, 200, 6000, 400, 300, 700, 8000, 200, 400]
    outputs = [120, 80, 140, 60, 100, 120, 80, 60, 120, 80]
    sizes = enumerate(zip(prompts, outputs, strict=True))
    return [Request(f"request {i}", round(0.04 * i, 2), prompt, output) for i, (prompt, output) in sizes]


def serve(requests=None, budget=512, is_chunked=True, n_blocks=4000, block=16, timed=step_time):
    """Serve requests, the ten if none are given, and say what happened: returns `Served`."""
    server = Server(ten_requests() if requests is None else requests, budget, is_chunked, n_blocks, block, timed)
    while server.waiting or server.running:
        if not server.running:
            server.clock = max(server.clock, min(going.request.arrival for going in server.waiting))
        server.step()
    served = Served(server.steps, {}, {}, {})
    for going in server.all:
        name, between = going.name, np.diff(going.times)
        served.ttft[name] = 1e3 * (going.times[0] - going.request.arrival)
        served.tpot[name] = 1e3 * float(between.mean())
        served.gap[name] = 1e3 * float(between.max())
    return served


def outlier_experiment(bits=(2, 4, 8), n=256, d=64, outliers=4, size=12.0, seed=0):
    """How far attention is off with keys or values in few bits, by the axis that shares a scale: {name: {bits: error}}.

    Random keys of which a few channels are `size` times as large as the others, the same ones for every token; values
    without such channels. The control has no outliers. The error is that of the output, relative to its size.
    """
    rng = np.random.default_rng(seed)
    query, key, value = rng.standard_normal((n, d)), rng.standard_normal((n, d)), rng.standard_normal((n, d))
    large = key.copy()
    large[:, :outliers] = size * (1 + 0.1 * key[:, :outliers])
    errors: dict = {}
    for name, keys, axis, is_key in (
        ("keys with outliers, by token", large, 1, True),
        ("keys with outliers, by channel", large, 0, True),
        ("keys without, by token", key, 1, True),
        ("keys without, by channel", key, 0, True),
        ("values, by token", large, 1, False),
        ("values, by channel", large, 0, False),
    ):
        exact = scaled_dot_product_attention(query, keys, value)
        errors[name] = {}
        for b in bits:
            k = dequantize(*quantize(keys, b, axis)) if is_key else keys
            v = value if is_key else dequantize(*quantize(value, b, axis))
            off = scaled_dot_product_attention(query, k, v) - exact
            errors[name][b] = float(np.linalg.norm(off) / np.linalg.norm(exact))
    return errors


def first_token(draft_probs, target_probs):
    """How likely each class is the first token kept, over all drafts of as many tokens: by enumeration, not by draws.

    "the rule" is speculative decoding, "the draft" what comes out if everything is accepted, and "redrawn" what does if
    a rejected token is drawn again from the target as it is. The target's own probabilities stand beside them.
    """
    q, p = np.array(draft_probs), np.array(target_probs)
    found = np.zeros(p.shape[1])
    for draft in np.ndindex(*[p.shape[1]] * len(q)):
        drawn = np.prod([row[token] for row, token in zip(q, draft, strict=True)])
        for kept, share in kept_probabilities(draft, q.tolist(), p.tolist()).items():
            found[kept[0]] += drawn * share
    accepted = np.minimum(p[0], q[0])
    redrawn = accepted + (1 - accepted.sum()) * p[0]
    return {"the target": p[0], "the rule": found, "the draft": q[0], "redrawn": redrawn}


def sums_in_parts(n=4096, parts=(1, 2, 8, 64), seed=0):
    """One dot product in float32, added up in so many parts, as kernels for other batches do: {parts: sum}."""
    rng = np.random.default_rng(seed)
    products = (rng.standard_normal(n) * rng.standard_normal(n)).astype(np.float32)
    sums = {}
    for count in parts:
        partial = np.zeros(count, np.float32)
        for row in products.reshape(-1, count):
            partial += row
        total = np.float32(0)
        for number in partial:
            total += number
        sums[count] = total
    return sums


def prompt_seconds(chunk, tokens=100_000):
    """How long a prompt takes that is read in chunks of so many tokens, alone on the card."""
    return sum(seconds([(read, min(chunk, tokens - read))]) for read in range(0, tokens, chunk))
