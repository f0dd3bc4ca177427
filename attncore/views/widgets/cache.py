"""Lesson 12: what fits on a graphics card, and what a step waits for."""

from collections.abc import Callable
from typing import NamedTuple

import ipywidgets

from attncore.cache import kv_cache_bytes
from attncore.look import BLUE, GREEN, GREY, ORANGE, PINK
from attncore.views.live import WIDE, Live, asked_of, choice
from attncore.views.style import Picture, picture
from attncore.views.svg import document, rect, text, width_of


class Model(NamedTuple):
    """A published configuration; `looked_up` weights are rows of a table, never multiplied."""

    weights: int
    looked_up: int
    layers: int
    heads: int
    kv_heads: int
    d_head: int
    longest: int


# Radford et al. (2019); Grattafiori et al. (2024), whose weights are counted from the configurations.
MODELS = {
    "GPT-2 small": Model(124_439_808, 1024 * 768, 12, 12, 12, 64, 1024),
    "Llama 3 8B": Model(8_030_261_248, 128_256 * 4096, 32, 32, 8, 128, 131_072),
    "Llama 3 70B": Model(70_553_706_496, 128_256 * 8192, 80, 64, 8, 128, 131_072),
}
FLOPS, BANDWIDTH = 989e12, 3.35e12  # H100 SXM, dense bfloat16; NVIDIA's data sheet
MEMORY = 80e9
TRACK = 330  # the width of a bar in pixels


def memory_picture(function: Callable = kv_cache_bytes) -> Live:
    """Lesson 12: weights and cache against the memory of a card, and the scores if they were kept."""

    def draw(model: str, tokens: int, batch: int, card: int) -> Picture:
        m = MODELS[model]
        weights = 2 * m.weights
        cache = int(asked_of(function, m.layers, m.kv_heads, m.d_head, tokens, batch, shape=()))
        scores = 2 * batch * m.heads * tokens**2
        memory = card * 10**9
        total = weights + cache
        larger = "the cache" if cache > weights else "the weights"
        if total <= memory:
            title = f"It fits: {amount(total)} of {card} GB, most of it {larger}"
        elif weights > memory:
            title = f"The weights alone, {amount(weights)}, are more than {card} GB"
        else:
            title = f"It does not fit into {card} GB: {amount(total)}, most of it {larger}"
        rows = [
            ("weights", [(weights, BLUE)]),
            ("cache", [(cache, ORANGE)]),
            ("together", [(weights, BLUE), (cache, ORANGE)]),
            ("scores, one layer", [(scores, GREY)]),
        ]
        one = cache / batch
        room = int((memory - weights) // one) if weights < memory and one else 0
        caption = f"Texts of {tokens:,} tokens that fit beside the weights: {room:,}."
        if tokens > m.longest:
            caption += f" {model} was trained on {m.longest:,} tokens at most."
        return measured(rows, 2 * memory, (memory, f"the {card} GB of the card"), amount, title, caption)

    return Live(
        draw,
        model=choice("model", list(MODELS), "Llama 3 8B"),
        tokens=powers("tokens a text", 8, 17, 13),
        batch=powers("texts at once", 0, 9, 0),
        card=choice("card", [("24 GB", 24), ("80 GB", 80)], 80),
    )


def step_picture() -> Live:
    """Lesson 12: one pass of Llama 3 8B on one card: what takes longest, reading or calculating."""
    m = MODELS["Llama 3 8B"]
    used = m.weights - m.looked_up

    def draw(new: int, batch: int, tokens: int) -> Picture:
        held = kv_cache_bytes(m.layers, m.kv_heads, m.d_head, tokens, batch)
        pairs = new * tokens + new * (new + 1) // 2  # what each new token may see
        logits = 2 * m.looked_up  # the output matrix, as large as the table, for the last token alone
        flops = batch * (2 * (used - m.looked_up) * new + logits + 4 * m.layers * m.heads * m.d_head * pairs)
        weights, cache, arithmetic = 2 * used / BANDWIDTH, held / BANDWIDTH, flops / FLOPS
        reading = weights + cache
        if arithmetic > reading:
            title = f"Limited by arithmetic: {duration(arithmetic)}, against {duration(reading)} of reading"
        else:
            most = "the weights" if weights >= cache else "the cache"
            title = f"Limited by memory: {duration(reading)} of reading, most of it {most}, "
            title += f"against {duration(arithmetic)} of arithmetic"
        rows = [
            ("read the weights", [(weights, BLUE)]),
            ("read the cache", [(cache, ORANGE)]),
            ("read both", [(weights, BLUE), (cache, ORANGE)]),
            ("calculate", [(arithmetic, GREEN)]),
        ]
        longest = max(reading, arithmetic)
        caption = f"At most {batch * new / longest:,.0f} new tokens a second; "
        intensity = flops / (2 * used + held)
        caption += f"{intensity:,.{0 if intensity >= 100 else 1}f} operations for each byte read."
        total = 2 * m.weights + held + kv_cache_bytes(m.layers, m.kv_heads, m.d_head, new, batch)
        if total > MEMORY:
            caption += f" But weights and cache, {amount(total)}, do not fit into 80 GB."
        return measured(rows, longest, None, duration, title, caption)

    return Live(
        draw,
        new=powers("new tokens a text", 0, 13, 0),
        batch=powers("texts at once", 0, 10, 0),
        tokens=powers("tokens in the cache", 6, 16, 6),
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
    return picture(svg, title, f"{title}. {'; '.join(read)}. {caption}", under)


def amount(size: float) -> str:
    """Bytes in words: 16.1 GB."""
    for unit, factor in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if size >= factor:
            return f"{size / factor:.3g} {unit}"
    return f"{size / 1e3:.3g} kB"


def duration(seconds: float) -> str:
    return f"{seconds:.3g} s" if seconds >= 1 else f"{seconds * 1e3:.3g} ms"
