"""What an interviewer asks for once the bugs are repaired: a cache, a classifier, more speed.

A round is a prompt and a judge. The judge gets the learner's module and the healthy one, and returns the sentences that
say what is open, none where nothing is, and one that says what was measured.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from attncore import tiny_gpt
from attncore.hunts.trial import outcome, same


class Judged(NamedTuple):
    open: list[str]
    measured: str = ""


@dataclass(frozen=True)
class FollowUp:
    """One round. `spoiled` are lines that break what was asked for, each of which a test has to notice."""

    title: str
    ask: str
    judge: Callable[[ModuleType, ModuleType], Judged]
    spoiled: tuple[str, ...] = ()


class Counted(np.ndarray):
    """An array that counts the multiplications of the matrix products it takes part in."""

    done = 0

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, out: Any = None, **how: Any) -> Any:
        plain = [np.asarray(value) if isinstance(value, Counted) else value for value in inputs]
        result = getattr(ufunc, method)(*plain, **how)
        if ufunc is np.matmul:
            Counted.done += int(np.size(result)) * np.shape(plain[0])[-1]
        return np.asarray(result).view(Counted) if isinstance(result, np.ndarray) else result


def counted(weights: Any) -> Any:
    """The same weights, as arrays that count."""
    if isinstance(weights, np.ndarray):
        return weights.view(Counted)
    if hasattr(weights, "_fields"):
        return type(weights)(*map(counted, weights))
    return tuple(map(counted, weights))


def cost(work: Callable[[], Any]) -> int:
    before = Counted.done
    work()
    return Counted.done - before


def missing(module: ModuleType, *functions: str) -> list[str]:
    """A sentence where the learner has not written yet what the round asks for."""
    lacks = [name for name in functions if not callable(getattr(module, name, None))]
    return [f"`{name}` isn't there yet." for name in lacks]


def caching(weights: Any, ids: Any) -> FollowUp:
    """`start` and `step`: equal to the full pass, in requests that don't disturb each other, at a constant cost."""

    def judge(module: ModuleType, healthy: ModuleType) -> Judged:
        if lacks := missing(module, "start", "step"):
            return Judged(lacks)
        full = healthy.logits(weights, ids)
        said = []
        if not same(outcome(lambda: stepped(module, ids)), full):
            said.append("Token by token it doesn't give what one pass over the whole text gives.")
        elif not same(outcome(lambda: interleaved(module)), [full, healthy.logits(weights, ids[::-1].copy())]):
            said.append("Two requests that take turns disturb each other.")
        if not said and (times := growth(module)) > 2:
            said.append(
                f"The last of {len(ids)} steps costs {times:.0f} times as much as the first, as without a cache."
            )
        return Judged(said)

    def growth(module: ModuleType) -> float:
        many = counted(weights)
        state = module.start(many)
        costs = [cost(partial(module.step, many, state, int(token))) for token in ids]
        return costs[-1] / max(1, costs[0])

    def stepped(module: ModuleType, text: Any) -> np.ndarray:
        state = module.start(weights)
        return np.stack([np.asarray(module.step(weights, state, int(token))) for token in text])

    def interleaved(module: ModuleType) -> list[np.ndarray]:
        texts, states = [ids, ids[::-1]], [module.start(weights), module.start(weights)]
        rows: list[list[Any]] = [[], []]
        for tokens in zip(*texts, strict=True):
            for i, token in enumerate(tokens):
                rows[i].append(np.asarray(module.step(weights, states[i], int(token))))
        return [np.stack(row) for row in rows]

    return FollowUp(
        "Add a cache, and prove it equal",
        "Add a cache. `start(weights)` makes an empty state for one request; `step(weights, state, token)` reads one "
        "token into it and returns the logits after it, (c). It has to give what `logits` gives for the whole text, "
        "and a late step may cost hardly more than an early one. Then prove it: write a test that would notice a cache "
        "that forgets, or one that reads a token twice.",
        judge,
        (
            "_step = step\ndef step(weights, state, token): return _step(weights, start(weights), token)",
            "_step = step\ndef step(weights, state, token):\n    _step(weights, state, token)\n"
            "    return _step(weights, state, token)",
        ),
    )


def classifying(weights: Any, texts: list[Any], hidden: Callable[[ModuleType, Any, Any], Any]) -> FollowUp:
    """`classify`: which token, and which padding."""

    def judge(module: ModuleType, healthy: ModuleType) -> Judged:
        if lacks := missing(module, "classify"):
            return Judged(lacks)
        W = np.random.default_rng(5).standard_normal((weights.gain.shape[0], 3))
        expected = np.stack([hidden(healthy, weights, text)[-1] @ W for text in texts])
        alone = outcome(lambda: np.concatenate([module.classify(weights, [text], W) for text in texts]))
        together = outcome(lambda: module.classify(weights, texts, W))
        if same(together, expected) and same(alone, expected):
            return Judged([])
        if not same(alone, expected):
            first = np.stack([hidden(healthy, weights, text)[0] @ W for text in texts])
            mean = np.stack([hidden(healthy, weights, text).mean(axis=0) @ W for text in texts])
            if same(alone, first):
                return Judged(["It reads the first token, and under a causal mask that one has seen nothing else."])
            if same(alone, mean):
                return Judged(["It takes the mean over the tokens; what is asked for is the last token's vector."])
            return Judged(["Each text by itself doesn't get the scores of its last token after the last norm."])
        return Judged(["Alone the texts are right, and in a batch they aren't. Where does the padding go?"])

    return FollowUp(
        "Make it a classifier",
        "Turn it into a classifier. `classify(weights, texts, W)` takes a list of texts of different lengths, lists of "
        "ids, and returns (b, classes): the vector of each text's last token, after the last norm, times W. Which "
        "token, and which padding? In a batch every text has to get the scores that it gets alone.",
        judge,
    )


def speeding(factor: float, task: str, work: Callable[[ModuleType, Any], Any]) -> FollowUp:
    """The same results in a fraction of the time: the ratio of two best times, taken in turns in one run."""

    def judge(module: ModuleType, healthy: ModuleType) -> Judged:
        weights = tiny_gpt.load()
        if not same(outcome(lambda: work(module, weights)), work(healthy, weights)):
            return Judged(["It doesn't give what it gave before."])
        times: dict[ModuleType, list[float]] = {module: [], healthy: []}
        for _ in range(3):
            for one, own in times.items():
                begun = time.perf_counter()
                work(one, weights)
                own.append(time.perf_counter() - begun)
        ratio = min(times[healthy]) / min(times[module])
        told = f"It's {ratio:.1f} times as fast as the file was before."
        return Judged([] if ratio >= factor else [f"{told} It should be {factor:g} times as fast."], told)

    return FollowUp(
        f"Make it {factor:g} times as fast",
        f"Make it faster: {task} has to take at most 1/{factor:g} of the time, and give the same. Measure first where "
        "the time goes.",
        judge,
    )
