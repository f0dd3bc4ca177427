"""A batch that doesn't fit, read in parts: what the parts have to hand on."""

import numpy as np

from attncore.exercises.exercise import case, code
from attncore.exercises.heads.cases import matrix
from attncore.shapes import shaped
from attncore.softmax import log_softmax, softmax


def part_of_the_loss(x, targets, W):
    counted = targets != -100
    x, targets = x[counted], targets[counted]
    p, rows = softmax(x @ W), np.arange(len(targets))
    loss = -np.sum(np.log(p[rows, targets]))
    p[rows, targets] -= 1
    return loss, x.T @ p


@shaped("(n,m),(n):int,(m,c)->(),(m,c)", axes={"c": "vocabulary"}, returns="loss, d_W")
def fix_accumulation(x, targets, W, size):
    """Measure the loss of a last layer and its gradient on a batch, in parts: returns (loss, d_W).

    The logits are x @ W; the loss is the mean cross-entropy, in nats, over all tokens of the batch
    whose target isn't -100. Parts of `size` tokens, the last one possibly shorter, keep the memory
    small, and change neither the loss nor the gradient. At least one target counts. A part may have
    none.
    """
    loss, d_W = 0.0, np.zeros(W.shape)
    for start in range(0, len(x), size):
        part = slice(start, start + size)
        more_loss, more_d_W = part_of_the_loss(x[part], targets[part], W)
        loss, d_W = loss + more_loss, d_W + more_d_W
    count = np.sum(targets != -100)
    return loss / count, d_W / count


def batch(name, targets, size, small=False, **more):
    n = len(targets)
    sizes = {"n": n, "m": 3 if small else 8, "c": max(targets) + 1 if small else 11}
    return case(name, small=small, sizes=sizes, targets=np.array(targets), W=matrix("m", "c"), size=size, **more)


exercise = code(
    fix_accumulation,
    batch("one part", [1, 0, 2], 3, small=True),
    batch("two equal parts", [1, 0, 2, 1], 2, small=True),
    batch("a shorter last part", [1, 0, 2], 2, small=True),
    batch("two parts, and padding", [1, -100, 0, 2], 2, small=True),
    batch("as much padding in each part", [1, -100, -100, 2], 2, small=True),
    batch("one token a part", [3, 1, 4, 1, 5, 9, 2], 1),
    batch("four parts", [3, 1, 4, 1, 5, 9, -100, -100, -100, 6, 5, 3, 5, 8, 9, -100], 4),
    batch("a part larger than the batch", [3, 1, -100, 4, 1, 5], 10),
    batch("float32", [3, 1, -100, 4, 1, 5, -100, -100], 3, dtype=np.float32),
    batch("a part with nothing that counts", [1, 0, -100, -100, 2], 2, small=True, promise="A part may have none."),
    bug="a mean of the parts' means",
)


def part_of_the_loss_(x, targets, W):
    counted = targets != -100
    x, targets = x[counted], targets[counted]
    p, rows = softmax(x @ W), np.arange(len(targets))
    loss = -np.mean(np.log(p[rows, targets]))
    p[rows, targets] -= 1
    return loss, x.T @ p / len(targets)


@exercise.mistake("a mean of the parts' means")
def in_parts(x, targets, W, size):
    loss, d_W = 0.0, np.zeros(W.shape)
    for start in range(0, len(x), size):
        part = slice(start, start + size)
        more_loss, more_d_W = part_of_the_loss_(x[part], targets[part], W)
        loss, d_W = loss + more_loss, d_W + more_d_W
    count = len(range(0, len(x), size))
    return loss / count, d_W / count


def parts(x, targets, W, size):
    """Of each part the summed loss, the summed gradient, its tokens, and those that count."""
    for start in range(0, len(x), size):
        part = slice(start, start + size)
        sums = part_of_the_loss(x[part], targets[part], W)
        yield *sums, len(targets[part]), np.sum(targets[part] != -100)


def summed(numbers):
    loss, d_W = zip(*numbers, strict=True)
    return sum(loss), sum(d_W)


@exercise.mistake("parts without a counting token are skipped, and the means averaged")
def empty_parts_skipped(x, targets, W, size):
    kept = [(loss / count, d_W / count) for loss, d_W, _, count in parts(x, targets, W, size) if count]
    return tuple(total / len(kept) for total in summed(kept))


@exercise.mistake("each part weighs by its tokens, the ignored ones too")
def by_tokens(x, targets, W, size):
    return summed(
        [(loss / count * n / len(x), d_W / count * n / len(x)) for loss, d_W, n, count in parts(x, targets, W, size)]
    )


@exercise.mistake("divided by all tokens, the ignored ones too")
def by_all_tokens(x, targets, W, size):
    loss, d_W = summed([(loss, d_W) for loss, d_W, _, _ in parts(x, targets, W, size)])
    return loss / len(x), d_W / len(x)


@exercise.mistake("the loss is repaired and the gradient is not")
def loss_alone(x, targets, W, size):
    return fix_accumulation(x, targets, W, size)[0], in_parts(x, targets, W, size)[1]


@exercise.mistake("the gradient is repaired and the loss is not")
def gradient_alone(x, targets, W, size):
    return in_parts(x, targets, W, size)[0], fix_accumulation(x, targets, W, size)[1]


@exercise.mistake("the sums, not divided")
def not_divided(x, targets, W, size):
    return summed([(loss, d_W) for loss, d_W, _, _ in parts(x, targets, W, size)])


@exercise.another_way
def all_at_once(x, targets, W, size):
    x, targets = x[targets != -100], targets[targets != -100]
    log_p = log_softmax(x @ W)
    d_logits = (np.exp(log_p) - np.eye(W.shape[1])[targets]) / len(x)
    return -np.mean(log_p[np.arange(len(x)), targets]), x.T @ d_logits
