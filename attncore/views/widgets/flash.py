"""Lesson 14: the memory that tiles take."""

import tracemalloc
from collections.abc import Callable
from functools import cache

import numpy as np

from attncore.dot_product import scaled_dot_product_attention
from attncore.flash import peak_floats, tiled_attention
from attncore.views.live import Live, asked_of, choice
from attncore.views.style import Picture
from attncore.views.tables import bars

WIDTH = 64


def memory_picture(function: Callable = tiled_attention) -> Live:
    """Lesson 14: the memory that the given tiled attention takes when it runs, and what the count says."""

    def draw(n: int, block: int) -> Picture:
        whole = plain_peak(n)
        mine = peak(function, *drawn(n), block, shape=(n, WIDTH))
        counted = peak_floats(n, WIDTH, block) * 4 / 2**20
        much = f"{whole / mine:.1f} times less memory" if whole / mine > 1.05 else "no less memory"
        title = f"{n:,} tokens in blocks of {block}: {much} than the plain formula, in MiB"
        return bars([whole, mine, counted], ["plain", "in tiles", "by count"], title, top=max(whole, mine))

    lengths = [(f"{n:,} tokens", n) for n in (128, 256, 512, 1024)]
    return Live(draw, n=choice("length", lengths, 1024), block=choice("block", [128, 256, 512, 1024], 128))


@cache
def drawn(n: int) -> tuple[np.ndarray, ...]:
    return tuple(np.random.default_rng(0).standard_normal((3, n, WIDTH)).astype(np.float32))


@cache
def plain_peak(n: int) -> float:
    return peak(scaled_dot_product_attention, *drawn(n), shape=(n, WIDTH))


def peak(function: Callable, *args, shape: tuple[int, ...]) -> float:
    """The most memory that a call takes at once, beyond its arguments, in MiB."""
    tracing = tracemalloc.is_tracing()
    if not tracing:
        tracemalloc.start()
    try:
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        asked_of(function, *args, shape=shape)
        return (tracemalloc.get_traced_memory()[1] - before) / 2**20
    finally:
        if not tracing:
            tracemalloc.stop()
