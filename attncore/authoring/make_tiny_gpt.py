"""Train the small language model of this course, attncore/data/tiny_gpt.npz, with its own functions.

    python attncore/authoring/make_tiny_gpt.py PATH/TO/alice29.txt

The text is Alice's Adventures in Wonderland in the version of the Canterbury corpus; the source distribution of brotli
1.2.1 on PyPI has it in the folder tests/testdata. Set OPENBLAS_NUM_THREADS=1: one thread is fastest, and takes about
ten minutes. The same processor gives the same model again. On another one, sums are rounded differently, and you get a
different model that's just as good.
"""

import math
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np

from attncore import transformer
from attncore.backpropagation import gpt_backward
from attncore.tiny_gpt import CHARACTERS, CONTEXT, INNER, KEPT, N_HEADS, N_LAYERS, WIDTH, encode
from attncore.training import Adam, named_arrays, start_gpt

HELD_OUT = 6000  # the last characters of the book
STEPS, BATCH = 5000, 16
RATE, WARM_UP, DECAY = 4e-3, 100, 0.1
WRONG = 0.05  # this share of what it reads is replaced at random, so that it memorizes the book less
MEMORY = 0.999  # of the running mean of the weights, which is what's kept


def main(path: str) -> None:
    transformer.ERF = error_function  # type: ignore[assignment]
    text = plain(Path(path).read_text(encoding="ascii"))
    rng, ids = np.random.default_rng(1), np.array(encode(text[:-HELD_OUT]))
    weights = start_gpt(rng, len(CHARACTERS), CONTEXT, WIDTH, N_LAYERS, INNER, np.float32)
    adam, arrays = Adam(weights, square_decay=0.99), named_arrays(weights)
    means = {name: array.copy() for name, array in arrays.items()}
    losses: list[float] = []
    for step in range(STEPS):
        loss, gradients = gpt_backward(*batch(ids, rng), weights, N_HEADS)
        adam.rate = RATE * min((step + 1) / WARM_UP, 0.51 + 0.5 * math.cos(math.pi * step / STEPS))
        adam.step(gradients)
        for name, array in arrays.items():
            if "W_" in name:
                array *= 1 - adam.rate * DECAY
            means[name] += (1 - min(MEMORY, (step + 1) / (step + 10))) * (array - means[name])
        losses.append(loss)
        if (step + 1) % 500 == 0:
            print(f"{step + 1} steps, loss {np.mean(losses[-500:]):.3f}", flush=True)
    halves: dict[str, Any] = {name: mean.astype(np.float16) for name, mean in means.items()}
    np.savez_compressed(KEPT, held_out=np.array(text[-HELD_OUT:]), **halves)


def plain(text: str) -> str:
    """The book without its title, in lower case, one line per paragraph, with one kind of single quotes."""
    book = text[text.index("Alice was beginning") : text.index("THE END")].lower()
    book = re.sub(r"[_*\x1a]", "", book.translate(str.maketrans("`[]", "'()")))
    paragraphs = (" ".join(re.sub(r"-\n\s*", "-", paragraph).split()) for paragraph in re.split(r"\n\s*\n", book))
    return "\n".join(filter(None, paragraphs))


def batch(ids: Any, rng: np.random.Generator) -> tuple[Any, Any]:
    """Random pieces of the book, some of their characters replaced, and what follows each character."""
    starts = rng.integers(len(ids) - CONTEXT, size=(BATCH, 1))
    pieces = ids[starts + np.arange(CONTEXT + 1)]
    read = pieces[:, :-1]
    wrong = rng.random(read.shape) < WRONG
    return np.where(wrong, rng.integers(len(CHARACTERS), size=read.shape), read), pieces[:, 1:]


def error_function(x: Any) -> Any:
    """The error function to within 6e-7, which is enough for float32 and ten times as fast as the course's own.

    Abramowitz and Stegun (1964), formula 7.1.26.
    """
    size = np.abs(x)
    t = 1 / (1 + 0.3275911 * size)
    polynomial = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    return np.copysign(1 - polynomial * np.exp(-size * size), x)


if __name__ == "__main__":
    main(*sys.argv[1:])
