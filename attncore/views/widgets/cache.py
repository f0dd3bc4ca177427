"""Lesson 12: what fits into the memory of a GPU."""

from collections.abc import Callable
from typing import NamedTuple

import ipywidgets

from attncore.cache import kv_cache_bytes
from attncore.look import BLUE, GREY, ORANGE, PINK
from attncore.views.live import WIDE, Live, asked_of, choice
from attncore.views.style import Picture, picture
from attncore.views.svg import document, rect, text, width_of


class Model(NamedTuple):
    """A published configuration."""

    weights: int
    layers: int
    heads: int
    kv_heads: int
    d_head: int
    longest: int


# Radford et al. (2019); Grattafiori et al. (2024), whose weights are counted from the configurations.
MODELS = {
    "GPT-2 small": Model(124_439_808, 12, 12, 12, 64, 1024),
    "Llama 3 8B": Model(8_030_261_248, 32, 32, 8, 128, 131_072),
    "Llama 3 70B": Model(70_553_706_496, 80, 64, 8, 128, 131_072),
}
TRACK = 330  # the width of a bar in pixels


def memory_picture(function: Callable = kv_cache_bytes) -> Live:
    """Lesson 12: weights and cache against the memory of a GPU, and the scores if they were kept."""

    def draw(model: str, tokens: int, batch: int, card: int) -> Picture:
        m = MODELS[model]
        weights = 2 * m.weights
        cache = int(asked_of(function, m.layers, m.kv_heads, m.d_head, tokens, batch, shape=()))
        scores = 2 * batch * m.heads * tokens**2
        memory = card * 10**9
        total = weights + cache
        larger = "the cache" if cache > weights else "the weights"
        if total <= memory:
            caption = f"{amount(total)} of {card} GB, most of it {larger}."
        elif weights > memory:
            caption = f"The weights alone, {amount(weights)}, are more than {card} GB."
        else:
            caption = f"{amount(total)}, most of it {larger}, is more than {card} GB."
        rows = [
            ("weights", [(weights, BLUE)]),
            ("cache", [(cache, ORANGE)]),
            ("together", [(weights, BLUE), (cache, ORANGE)]),
            ("scores, one layer", [(scores, GREY)]),
        ]
        one = cache / batch
        room = int((memory - weights) // one) if weights < memory and one else 0
        caption += f" Sequences of {tokens:,} tokens that fit beside the weights: {room:,}."
        if tokens > m.longest:
            caption += f" {model} was trained on {m.longest:,} tokens at most."
        return measured(rows, 2 * memory, (memory, f"the memory, {card} GB"), amount, "Does it fit?", caption)

    return Live(
        draw,
        model=choice("model", list(MODELS), "Llama 3 8B"),
        tokens=powers("tokens a sequence", 8, 17, 13),
        batch=powers("sequences at once", 0, 9, 4),
        card=choice("memory", [("24 GB", 24), ("80 GB", 80)], 80),
    )


def powers(label: str, low: int, high: int, start: int) -> ipywidgets.ValueWidget:
    """A slider over powers of two."""
    options = [(f"{2**k:,}", 2**k) for k in range(low, high + 1)]
    return ipywidgets.SelectionSlider(options=options, value=2**start, description=label, **WIDE)


def measured(rows, whole, line, words: Callable[[float], str], title: str, caption: str) -> Picture:
    """Bars of colored parts, an amount behind each, and a line (where, name) across them or None."""
    drawn, read, left = [], [], 14 + max(width_of(name) for name, _ in rows)
    for place, (name, parts) in enumerate(rows):
        total, x, y = sum(size for size, _ in parts), 0.0, 26 * place + 6
        drawn += [text(left - 8, y + 13, name, anchor="end"), rect(left, y, TRACK, 17, "#e6e6e6")]
        for size, color in parts:
            wide = min(TRACK * size / whole, TRACK - x)
            drawn.append(rect(left + x, y, wide, 17, color))
            x += wide
        if line:
            drawn.append(rect(left + TRACK * line[0] / whole, y - 4, 2, 25, PINK))
        cut = " (beyond the bar)" if total > 1.001 * whole else ""
        drawn.append(text(left + TRACK + 8, y + 13, words(total) + cut))
        read.append(f"{name} {words(total)}")
    under = (f"The line is {line[1]}. " if line else "") + caption
    svg = document(left + TRACK + 190, 26 * len(rows) + 8, "".join(drawn))
    return picture(svg, title, f"{title} {'; '.join(read)}. {caption}", under)


def amount(size: float) -> str:
    """Bytes in words: 16.1 GB."""
    for unit, factor in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if size >= factor:
            return f"{size / factor:.3g} {unit}"
    return f"{size / 1e3:.3g} kB"
