"""What makes a server run: requests in turn, copies, requests that are cut back, guesses that are right and wrong."""

from functools import partial
from types import ModuleType
from typing import Any

import numpy as np

from attncore import tiny_gpt
from attncore.hunts.cached.rig import surprise
from attncore.hunts.decoder.rig import CONTEXT, IDS, TOKENS, small_weights
from attncore.hunts.follow_ups import FollowUp, Judged, cost, counted, speeding
from attncore.hunts.trial import outcome, same
from attncore.transformer import GPTWeights

OTHER = np.random.default_rng(3).integers(TOKENS, size=CONTEXT)
MODEL, FLAT = small_weights(1), small_weights(3, size=0.05)
DRAWS = 2000
P, Q = np.array([[0.5, 0.3, 0.2], [0, 0, 1]]), np.array([[0.2, 0.2, 0.6]])  # of a model and of its draft


def near(weights: GPTWeights, noise: float = 0.15) -> GPTWeights:
    """A draft: the same model, with other embeddings of its tokens."""
    rng = np.random.default_rng(4)
    moved = weights.token_embedding + noise * rng.standard_normal(weights.token_embedding.shape)
    return weights._replace(token_embedding=moved)


def scenarios(model: Any) -> dict[str, Any]:
    """By name, functions that use a server from outside; what each returns is compared."""

    def room(n_blocks: int = 9, weights: GPTWeights = MODEL) -> Any:
        return model.Pool(weights, n_blocks)

    def in_parts(*lengths: int) -> list[np.ndarray]:
        table, ends = model.Table(room(3)), np.cumsum(lengths)
        return [model.forward(part, table) for part in np.split(IDS, ends[:-1])]

    def in_turn() -> list[Any]:
        pool = room()
        tables = model.Table(pool), model.Table(pool)
        found = []
        for begin, end in ((0, 3), (3, 4), (4, 9), (9, 10)):
            found += [model.forward(text[begin:end], table) for text, table in zip((IDS, OTHER), tables, strict=True)]
        return [*found, len(pool.unused)]

    def forked(n: int) -> list[Any]:
        """A request and two copies after n tokens: each goes on in its own way; what is unused after each step."""
        pool = room()
        first = model.Table(pool)
        found = [model.forward(IDS[:n], first)]
        second = model.fork(first)
        third = model.fork(second)
        counts = [len(pool.unused)]
        for begin in range(n, n + 3):
            for table, text in ((second, OTHER), (first, IDS), (third, IDS[::-1])):
                found.append(model.forward(text[begin : begin + 1], table))
                counts.append(len(pool.unused))
        for table in (first, third, second):
            model.cut(table, 0)
            counts.append(len(pool.unused))
        return [found, counts]

    def outlived() -> list[Any]:
        """The original ends, others take what they find unused, and the copy goes on."""
        pool = room(5)
        first, other = model.Table(pool), model.Table(pool)
        model.forward(IDS[:6], first)
        second = model.fork(first)
        model.cut(first, 0)
        return [model.forward(OTHER[:10], other), model.forward(IDS[6:8], second), len(pool.unused)]

    def cut_back(n: int) -> list[Any]:
        """A request loses all but its first n tokens, another takes what is unused, and both go on."""
        pool = room(5)
        first, other = model.Table(pool), model.Table(pool)
        model.forward(IDS[:9], first)
        model.cut(first, n)
        counts = [len(pool.unused)]
        model.cut(first, 12)
        found = [model.forward(OTHER[:7], other), model.forward(OTHER[n : n + 3], first), len(pool.unused)]
        model.cut(first, 0)
        return [*found, *counts, len(pool.unused)]

    def served(prompts: list[Any], n_texts: int, n_new: int, n_blocks: int) -> list[Any]:
        """Twice in a row from one pool."""
        pool = room(n_blocks)
        return [model.serve(pool, prompts, n_texts, n_new) for _ in range(2)] + [len(pool.unused)]

    def accepted(guesses: list[int], q: Any, p: Any) -> Any:
        return list(model.accept(guesses, np.array(q), np.array(p), np.random.default_rng(0)))

    def shares() -> Any:
        """How often each token comes out first, to one decimal."""
        return np.round(np.bincount(first_tokens(model), minlength=3) / DRAWS, 1)

    def guessed(n: int, read: int, temperature: float) -> list[Any]:
        """The guesses behind a text of which so much has been read; of several tokens the ids, too."""
        table = model.Table(room())
        if read:
            model.forward(IDS[:read], table)
        ids, q = model.guess(list(IDS[:6]), n, table, np.random.default_rng(0), temperature)
        return [list(ids) if n > 1 else len(ids), np.asarray(q)]

    def chance() -> tuple[bool, bool]:
        """The same generator state gives the same guesses, and another one others."""
        one, same, other = (
            list(model.guess([1], 8, model.Table(room(3, FLAT)), np.random.default_rng(seed), 1.0)[0])
            for seed in (0, 0, 1)
        )
        return one == same, one == other

    def speculated(draft: GPTWeights, n_guess: int, n_new: int = 9) -> list[Any]:
        """Without chance: the ids, the passes, and what is unused then."""
        pools = room(3), room(3, draft)
        found = model.speculate(*pools, [3, 1, 4], n_new, n_guess, np.random.default_rng(0), temperature=1e-4)
        return [*found, *(len(pool.unused) for pool in pools)]

    def speculated_at_random() -> tuple[bool, bool]:
        texts = [
            model.speculate(room(3, FLAT), room(3, near(FLAT)), [1], 10, 3, np.random.default_rng(seed))[0]
            for seed in (0, 0, 1)
        ]
        return texts[0] == texts[1], texts[0] == texts[2]

    sure = np.eye(5)
    return {
        "the logits of a whole text": lambda: in_parts(12),
        "the logits of a text, token by token": lambda: in_parts(*[1] * 12),
        "the logits of a text in parts": lambda: in_parts(5, 3, 1, 3),
        "two requests in turn": in_turn,
        "two copies that begin inside a block": lambda: forked(6),
        "two copies that begin at the end of a block": lambda: forked(8),
        "a copy that outlives its original": outlived,
        "a request that is cut back into a block": lambda: cut_back(5),
        "a request that is cut back to whole blocks": lambda: cut_back(4),
        "one prompt, served": lambda: served([[3, 1, 4]], 1, 6, 4),
        "three prompts, three texts each": lambda: served([[3, 1, 4], [2], list(IDS[:6])], 3, 6, 24),
        "guesses that are all accepted": lambda: accepted([2, 0], sure[[2, 0]], sure[[2, 0, 3]]),
        "guesses of which the second is rejected": lambda: accepted([2, 0, 1], sure[[2, 0, 1]], sure[[2, 4, 1, 3]]),
        "guesses of which the first is rejected": lambda: accepted([2, 0], sure[[2, 0]], sure[[1, 0, 3]]),
        "what comes out first, in many draws": shares,
        "the distribution of a guess": lambda: guessed(1, 0, 0.7),
        "the distribution of a guess behind a text that is read in part": lambda: guessed(1, 4, 1.5),
        "three guesses without chance": lambda: guessed(3, 5, 1e-4),
        "guesses with chance": chance,
        "a draft that is the model itself": lambda: speculated(MODEL, 3),
        "a draft that is often right": lambda: speculated(near(MODEL), 3),
        "a draft that is often right, two guesses a pass": lambda: speculated(near(MODEL), 2, 7),
        "a draft that is another model": lambda: speculated(small_weights(2), 2),
        "texts from guesses with chance": speculated_at_random,
    }


def symptoms(model: Any) -> dict[str, Any]:
    """What a server shows on real text: losses, texts, the passes they take, and what becomes of the pool."""
    weights = tiny_gpt.load()
    draft = weights._replace(blocks=weights.blocks[:2])
    ids = np.array(tiny_gpt.encode(tiny_gpt.held_out()))[: tiny_gpt.CONTEXT + 1]
    prompts = [tiny_gpt.encode(text) for text in ("said the queen, ", "alice thought ")]
    pool, draft_pool = model.Pool(weights, 48), model.Pool(draft, 16)
    shown: dict[str, Any] = {
        "loss on held-out text, read in one pass": surprise(forward_in_parts(model, weights, ids, 64), ids),
        "loss on the same text, read 6 tokens at a time": surprise(forward_in_parts(model, weights, ids, 6), ids),
        "loss of a copy, whose original reads on and ends": surprise(forward_by_a_copy(model, weights, ids), ids),
    }
    shown["unused of 16 blocks when a copy of 16 tokens has read one more"] = unused_after_a_fork(model, weights)
    texts = model.serve(pool, prompts, 2, 24)
    shown["two prompts, two texts each"] = " / ".join(map(tiny_gpt.decode, texts))
    shown["unused blocks before, and after"] = [48, len(pool.unused)]
    written, passes = model.speculate(pool, draft_pool, prompts[0], 48, 3, np.random.default_rng(2), temperature=0.5)
    shown["a text from guesses"] = tiny_gpt.decode(written)
    shown["passes for its 48 tokens"] = passes
    shown["unused blocks then, the draft's too"] = [len(pool.unused), len(draft_pool.unused)]
    first = first_tokens(model)
    shown["shares of three tokens in 2,000 draws, of which the model says 0.5, 0.3, 0.2"] = [
        first.count(token) / DRAWS for token in range(3)
    ]
    return shown


def first_tokens(model: Any) -> list[int]:
    """What comes out first where the draft guesses one token, in many draws."""
    rng = np.random.default_rng(1)
    return [model.accept([int(token)], Q, P, rng)[0] for token in rng.choice(3, size=DRAWS, p=Q[0])]


def forward_in_parts(model: Any, weights: GPTWeights, ids: np.ndarray, part: int) -> np.ndarray:
    """The logits after each token of a text but the last, with so many in a pass."""
    table, inputs = model.Table(model.Pool(weights, 16)), ids[:-1]
    return np.concatenate([model.forward(inputs[at : at + part], table) for at in range(0, len(inputs), part)])


def forward_by_a_copy(model: Any, weights: GPTWeights, ids: np.ndarray) -> np.ndarray:
    """The same, the second half read by a copy; its original reads something else, and ends, and others come."""
    pool = model.Pool(weights, 23)
    table, inputs, half, end = model.Table(pool), ids[:-1], 30, 52
    rows = [model.forward(inputs[:half], table)]
    copy = model.fork(table)
    for at in range(half, len(inputs)):
        if at == end:
            model.cut(table, 0)
            model.forward([0] * 24, model.Table(pool))
        rows.append(model.forward(inputs[at : at + 1], copy))
        if at < end:
            model.forward([0], table)
    return np.concatenate(rows)


def unused_after_a_fork(model: Any, weights: GPTWeights) -> int:
    """Of 16 blocks, when a copy of a request of four blocks has read one token more."""
    pool = model.Pool(weights, 16)
    table = model.Table(pool)
    model.forward([0] * 16, table)
    model.forward([0], model.fork(table))
    return len(pool.unused)


def served(model: Any, weights: GPTWeights) -> Any:
    prompts = [tiny_gpt.encode(text) for text in ("the queen ", "alice thought ")]
    return model.serve(model.Pool(weights, 48), prompts, 2, 24)


def sharing() -> FollowUp:
    """`serve`, with the whole blocks that prompts have in common read once: equal, cheaper, and nothing left behind."""
    alike = [[*IDS[:8], token] for token in (1, 2, 3, 4)]
    crossed = [[*IDS[:8], 1], [*OTHER[:4], *IDS[4:8], 1]]  # equal second blocks behind different first ones

    def judge(module: ModuleType, healthy: ModuleType) -> Judged:
        said = []
        for prompts in ([[3, 1, 4], [2]], alike, crossed):
            pool = module.Pool(MODEL, 24)
            if not same(outcome(partial(module.serve, pool, prompts, 2, 3)), once(healthy, prompts)):
                wrong = "Requests whose second block is alike, and whose first isn't, get each other's texts."
                return Judged([wrong if prompts is crossed else "The texts aren't what they were."])
            if len(pool.unused) != 24:
                said.append("When all is written, not every block is unused again.")
        share = passed(module) / passed(healthy)
        if share > 0.6:
            said.append(f"Four prompts that share 8 of their 9 tokens still cost {share:.0%} of what they did.")
        return Judged(said[:1], f"Four prompts that share 8 of their 9 tokens cost {share:.0%} of what they did.")

    def once(healthy: ModuleType, prompts: list[Any]) -> Any:
        return healthy.serve(healthy.Pool(MODEL, 24), prompts, 2, 3)

    def passed(module: ModuleType) -> int:
        """How many multiplications it takes."""
        return cost(lambda: module.serve(module.Pool(counted(MODEL), 24), alike, 1, 2))

    return FollowUp(
        "Share what prompts have in common",
        "Four requests begin with the same system prompt, and nobody forks them. Let `serve` find whole blocks that "
        "are there already: a block may be used again if its tokens and all tokens before it are the same. The texts "
        "stay what they are, the common part is read once, and when all is written every block is unused again.",
        judge,
    )


FOLLOW_UPS = {
    "prefix": sharing(),
    "faster": speeding(2, "`serve`, for two prompts with two texts each,", served),
}
