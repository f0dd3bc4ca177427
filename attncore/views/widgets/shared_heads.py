"""Lesson 13: which key head serves which query head, and what the cache then costs."""

from collections.abc import Callable
from typing import NamedTuple

import ipywidgets
import numpy as np

from attncore.look import BLUE, GREEN, ORANGE, PINK
from attncore.shared_heads import grouped_query_attention, kv_bytes_per_token
from attncore.views.live import WIDE, Live, asked_of, choice
from attncore.views.style import Picture, beside, picture
from attncore.views.svg import document, element, line, rect, text
from attncore.views.tables import bars

LATENT = "latent"
D_LATENT, D_ROPE = 512, 64  # DeepSeek-V2 and V3
RIDGE = 295  # FLOPs a byte: an H100 SXM's 989 TFLOP/s in bfloat16 over its 3.35 TB/s (NVIDIA, 2023)
WIDTH, TOP, BOTTOM = 680, 34, 170


class Model(NamedTuple):
    layers: int
    n_heads: int
    d_head: int


# Grattafiori et al. (2024), table 3; DeepSeek-V2 (2024), section 4.2
MODELS = {
    "Llama 3 8B": Model(32, 32, 128),
    "Llama 3 70B": Model(80, 64, 128),
    "DeepSeek-V3": Model(61, 128, 128),
}
CAPTION = (
    "Llama 3 has 8 KV heads, DeepSeek-V3 the latent of 512 + 64 numbers; the rest is what they would take otherwise, "
    "at two bytes a number."
)


def sharing_picture(function: Callable = grouped_query_attention) -> Live:
    """Lesson 13: wires from query heads to key heads, as the given function lays them, and what a cache takes."""

    def draw(model: str, key_heads: int | str, tokens: int) -> Picture:
        layers, heads, width = sizes = MODELS[model]
        latent = key_heads == LATENT
        groups = 1 if latent else min(int(key_heads), heads)
        kind = "mla" if latent else "gqa"
        size = kv_bytes_per_token(kind, *sizes, groups, D_LATENT, D_ROPE)
        whole = kv_bytes_per_token("mha", *sizes)
        used = np.zeros((heads, 2)) if latent else heads_used(function, heads, groups)
        drawn = wires(used, groups, finding(used, heads, groups, latent), latent)
        sizes_in_gib = {
            "all heads": whole * tokens / 2**30,
            "as drawn": size * tokens / 2**30,
            "one head": kv_bytes_per_token("mqa", *sizes) * tokens / 2**30,
        }
        less = "as much as multi-head" if size == whole else f"{whole / size:.3g} times less than multi-head"
        title = f"{size:,} bytes a token, {less}; {tokens:,} tokens take {sizes_in_gib['as drawn']:.3g} GiB"
        memory = bars(list(sizes_in_gib.values()), sizes_in_gib, title, top=sizes_in_gib["all heads"])
        done = {"all heads": 1.0, "as drawn": flops_a_byte(heads, groups, latent), "one head": heads}
        flops = "1 FLOP" if done["as drawn"] == 1 else f"{done['as drawn']:.3g} FLOPs"
        form = " in the absorbed form" if latent else ""
        title = f"{flops} on each byte that is read{form}; an H100 has time for {RIDGE}"
        work = bars(list(done.values()), done, title, top=RIDGE)
        return beside(drawn, memory, work)

    return Live(
        draw,
        model=choice("model", list(MODELS), "Llama 3 8B"),
        key_heads=ipywidgets.SelectionSlider(
            options=[*(2**k for k in range(8)), LATENT], value=8, description="key heads, at most", **WIDE
        ),
        tokens=choice("tokens in the cache", [(f"{n:,}", n) for n in (8192, 32768, 131072)], 8192),
    )


def heads_used(function: Callable, heads: int, groups: int) -> np.ndarray:
    """Which key head and which value head each query head reads, (h, 2), measured on the function itself.

    Key head j matches at token j alone, and value head j says at token t: (t, j).
    """
    places = np.arange(groups, dtype=float)
    value = np.stack(np.broadcast_arrays(places, places[:, None]), axis=-1)
    key = 100 * np.eye(groups)[..., None]
    got = asked_of(function, np.ones((heads, 1, 1)), key, value, None, 1.0, shape=(heads, 1, 2))
    return got[:, 0].astype(float).round(6)


def finding(used: np.ndarray, heads: int, groups: int, latent: bool) -> str:
    """What the wires show, or the first query head that they lead astray."""
    if latent:
        return f"All {heads} query heads unpack one latent"
    share = heads // groups
    expected = np.arange(heads) // share
    astray = np.abs(used - expected[:, None]).max(axis=-1) > 1e-3
    if astray.any():
        head = int(np.argmax(astray))
        key, value = used[head]
        return f"Query head {head} reads key head {key:.3g} and value head {value:.3g}, expected {expected[head]}"
    if share == 1:
        return f"Each of the {heads} query heads has a key head of its own"
    if groups == 1:
        return f"All {heads} query heads share one key head"
    return f"{share} neighboring query heads share a key head"


def flops_a_byte(heads: int, groups: int, latent: bool) -> float:
    """What decode computes on each byte of cache that it reads, at two bytes a number.

    A number of a key or a value meets every query head of its group in one multiplication and one addition.
    """
    if not latent:
        return heads / groups
    return heads * (D_LATENT + D_ROPE + D_LATENT) / (D_LATENT + D_ROPE)


def wires(used: np.ndarray, groups: int, title: str, latent: bool) -> Picture:
    """Query heads in a row, key heads below, a line for each pair; dashes where the value head is another."""
    heads, colors = len(used), (BLUE, ORANGE, GREEN, PINK)

    def across(place, count):
        return WIDTH * (place + 0.5) / count

    lines, dots = [], []
    radius = min(7.0, 0.4 * WIDTH / heads)
    for head, (key, value) in enumerate(used):
        color = colors[round(float(np.nan_to_num(key))) % len(colors)]
        x = across(head, heads)
        ends = {float(key): None, float(value): "4 3"} if key != value else {float(key): None}
        lines += [
            line(x, TOP, across(end, groups), BOTTOM, color, radius / 4, stroke_dasharray=dash)
            for end, dash in ends.items()
            if np.isfinite(end)
        ]
        dots.append(element("circle", cx=x, cy=TOP, r=radius, fill=color))
    side, tall = (120, 14) if latent else (2 * radius, 2 * radius)
    boxes = [
        rect(across(group, groups) - side / 2, BOTTOM, side, tall, colors[group % len(colors)])
        for group in range(groups)
    ]
    below = (
        f"one latent, {D_LATENT} + {D_ROPE} numbers" if latent else f"{groups} key and value head{'s' * (groups > 1)}"
    )
    if (used[:, 0] != used[:, 1]).any():
        below += " (solid lines: the key, dashed lines: the value)"
    words = [text(8, 16, f"{heads} query heads"), text(8, BOTTOM + 32, below)]
    svg = document(WIDTH, BOTTOM + 42, "".join(lines + dots + boxes + words))
    alt = f"{title}. Lines from {heads} query heads above to {below} below."
    return picture(svg, title, alt, CAPTION)
