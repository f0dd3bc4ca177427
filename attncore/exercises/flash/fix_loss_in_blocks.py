"""A large vocabulary's loss, without ever holding all logits."""

import numpy as np

from attncore.exercises.exercise import case, code
from attncore.exercises.heads.cases import matrix
from attncore.flash import slices
from attncore.shapes import shaped
from attncore.softmax import log_softmax


def take_in(maximum, total, logits):
    larger = np.maximum(maximum, logits.max(axis=-1))
    total = total * np.exp(maximum - larger)
    total = total + np.exp(logits - larger[:, None]).sum(axis=-1)
    return larger, total


@shaped("(n,m),(m,c),(n):int->()", axes={"c": "vocabulary"})
def fix_loss_in_blocks(x, W, targets, block):
    """Measure a language model's loss, with the logits of only `block` words in memory at a time.

    The logits are x @ W; the loss is the mean over the tokens of the cross-entropy, in nats: the
    logarithm of the summed exponentials of a row, minus the target's logit. The size of the blocks
    doesn't change it; the last one may be smaller. Logits in the thousands don't overflow.
    """
    maximum, total = np.full(len(x), -np.inf), np.zeros(len(x))
    wanted = np.zeros(len(x))
    for words in slices(0, W.shape[1], block):
        logits = x @ W[:, words]
        maximum, total = take_in(maximum, total, logits)
        here = (words.start <= targets) & (targets < words.stop)
        wanted[here] = logits[here, targets[here] - words.start]
    return np.mean(maximum + np.log(total) - wanted)


def loss_case(name, targets, words, block, m=8, **more):
    small = m < 5
    sizes = {"n": len(targets), "m": m, "c": words}
    W = more.pop("W", matrix("m", "c"))
    return case(name, small=small, sizes=sizes, targets=np.array(targets), W=W, block=block, **more)


def rising(rng, s):
    return np.arange(s.m * s.c).reshape(s.m, s.c) / (s.m * s.c)


def falling(rng, s):
    return -rising(rng, s)


exercise = code(
    fix_loss_in_blocks,
    loss_case("one block", [2, 0], 3, 3, m=2),
    loss_case("two words, one at a time", [1], 2, 1, m=2),
    loss_case("three words, one at a time", [2, 0], 3, 1, m=2),
    loss_case("a smaller last block", [4, 0, 2], 5, 2, m=2),
    loss_case("logits that rise", [0, 3], 4, 2, m=1, x=np.ones((2, 1)), W=rising),
    loss_case("logits that fall", [0, 3], 4, 2, m=1, x=np.ones((2, 1)), W=falling),
    loss_case("many words", [3, 30, 17, 99, 0, 64], 100, 16),
    loss_case("float32", [3, 30, 17], 40, 7, dtype=np.float32),
    loss_case("large logits", [3, 30, 17], 40, 7, magnitude=2000.0, promise="Logits in the thousands don't overflow."),
    bug="the total is in the unit of an old maximum",
)


def take_in_(maximum, total, logits):
    larger = np.maximum(maximum, logits.max(axis=-1))
    total = total + np.exp(logits - larger[:, None]).sum(axis=-1)
    return larger, total


@exercise.mistake("the total is in the unit of an old maximum")
def loss_of_the_model(x, W, targets, block):
    maximum, total = np.full(len(x), -np.inf), np.zeros(len(x))
    wanted = np.zeros(len(x))
    for words in slices(0, W.shape[1], block):
        logits = x @ W[:, words]
        maximum, total = take_in_(maximum, total, logits)
        here = (words.start <= targets) & (targets < words.stop)
        wanted[here] = logits[here, targets[here] - words.start]
    return np.mean(maximum + np.log(total) - wanted)


def collected(x, W, targets, block, take, end=lambda maximum, total: maximum + np.log(total)):
    """With `take(maximum, total, logits)` for each block, and `end` for what comes of the two."""
    logits = x @ W
    maximum, total = np.full(len(x), -np.inf), np.zeros(len(x))
    for words in slices(0, W.shape[1], block):
        maximum, total = take(maximum, total, logits[:, words])
    return np.mean(end(maximum, total) - logits[np.arange(len(x)), targets])


@exercise.mistake("rescaled the wrong way round")
def upside_down(x, W, targets, block):
    def take(maximum, total, logits):
        larger = np.maximum(maximum, logits.max(axis=-1))
        factor = np.where(np.isinf(maximum), 0, np.exp(larger - maximum))
        return larger, total * factor + np.exp(logits - larger[:, None]).sum(axis=-1)

    return collected(x, W, targets, block, take)


@exercise.mistake("the block's maximum replaces the larger one")
def replaced(x, W, targets, block):
    def take(maximum, total, logits):
        newest = logits.max(axis=-1)
        return newest, total + np.exp(logits - newest[:, None]).sum(axis=-1)

    return collected(x, W, targets, block, take)


@exercise.mistake("the new exponentials are rescaled with the old")
def both_rescaled(x, W, targets, block):
    def take(maximum, total, logits):
        newest = logits.max(axis=-1)
        larger = np.maximum(maximum, newest)
        total = total + np.exp(logits - newest[:, None]).sum(axis=-1)
        return larger, np.where(np.isinf(maximum), total, total * np.exp(maximum - larger))

    return collected(x, W, targets, block, take)


@exercise.mistake("the maximum is left out at the end")
def maximum_left_out(x, W, targets, block):
    return collected(x, W, targets, block, take_in, end=lambda maximum, total: np.log(total))


@exercise.mistake("only the last block's words compete")
def last_block(x, W, targets, block):
    def take(maximum, total, logits):
        return take_in(np.full_like(maximum, -np.inf), np.zeros_like(total), logits)

    return collected(x, W, targets, block, take)


@exercise.another_way
def all_logits_at_once(x, W, targets, block):
    return -np.mean(log_softmax(x @ W)[np.arange(len(x)), targets])


@exercise.another_way
def by_logaddexp(x, W, targets, block):
    logits = x @ W
    whole = np.full(len(x), -np.inf)
    for words in slices(0, W.shape[1], block):
        whole = np.logaddexp(whole, np.logaddexp.reduce(logits[:, words], axis=-1))
    return np.mean(whole - logits[np.arange(len(x)), targets])
