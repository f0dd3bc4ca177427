"""How often each rotary pair turns within a text, and what stretching the text does to it: PI, NTK-aware, YaRN."""

import math
from typing import Any

import numpy as np

from attncore.positions import scaled_frequencies
from attncore.views.explorables.frame import Explorable, choice, note, slider
from attncore.views.explorables.parts import decimal, drawing, element, number, path, ring, text

KINDS = {"as trained": "linear", "position interpolation": "linear", "NTK-aware": "ntk", "YaRN": "yarn"}
LEFT, RIGHT, TOP, BOTTOM = 60, 664, 62, 262  # the turns
LOWEST, HIGHEST = -3, 5  # of the powers of ten
SPEEDS, FLOOR = 306, 366  # the second panel: as fast as trained, and standing still
RIM: dict[str, Any] = {"stroke": "paper", "stroke_width": 4, "stroke_linejoin": "round", "paint_order": "stroke"}
HELP = "Stretch the text, then choose how to slow the pairs down. What does each way do to the fast ones?"


def turns(
    d: int = 128, base: float = 10_000.0, trained: int = 4096, factor: int = 8, kind: str = "as trained"
) -> Explorable:
    """The turns that each of d/2 rotary pairs makes in a text `factor` times as long as the trained length.

    A tick marks the turns of training. A pair that had made less than one turn meets angles that it never saw, where it
    goes beyond its tick. Below stands how fast each turns, as a share of its speed in training. `kind` is "as trained",
    "position interpolation" (Chen et al., 2023a), "NTK-aware" or "YaRN" (Peng et al., 2023). Raises ValueError for
    another kind, for a width that is odd or above 128, and unless the factor is a power of two up to 64.
    """
    if kind not in KINDS:
        raise ValueError(f'turns: kind is "{kind}", expected one of {", ".join(KINDS)}')
    if d % 2 or not 4 <= d <= 128:
        raise ValueError(f"turns: d is {d}, expected an even width from 4 to 128")
    if factor not in [2**i for i in range(7)]:
        raise ValueError(f"turns: factor is {factor}, expected a power of two up to 64")
    state = {"d": d, "base": base, "trained": trained, "factor": factor, "kind": kind, "pair": d // 4}
    alt = spoken(state)
    drawn = drawing(438, alt, bars(state), axes(), speeds(state), told_of(state), cursor(state))
    slides = slider("factor", "text, in trained lengths", 0, 6, math.log2(factor), 1, says="factor-says")
    return Explorable("turns", drawn, alt, state, note(HELP) + choice("kind", "scaling", list(KINDS), kind) + slides)


def frequencies(state: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Radians a position of each pair: in training, and scaled."""
    d, base, kind = state["d"], state["base"], state["kind"]
    plain = scaled_frequencies(d, base)
    factor = 1 if kind == "as trained" else state["factor"]
    return plain, scaled_frequencies(d, base, KINDS[kind], factor, state["trained"])


def turned(state: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Turns of each pair: within the trained length, and within the stretched text."""
    plain, scaled = frequencies(state)
    once = state["trained"] / (2 * math.pi)
    return plain * once, scaled * once * state["factor"]


def unseen(state: dict[str, Any]) -> np.ndarray:
    """Of each pair: does it reach angles that it never saw in training?"""
    before, now = turned(state)
    return (before < 1) & (now > before * (1 + 1e-9))


def across(state: dict[str, Any], pair: int) -> float:
    return LEFT + (RIGHT - LEFT) * pair / (state["d"] // 2)


def up(turns_: float) -> float:
    share = (math.log10(max(turns_, 10.0**LOWEST)) - LOWEST) / (HIGHEST - LOWEST)
    return BOTTOM - (BOTTOM - TOP) * min(share, 1)


def axes() -> str:
    drawn = [text(16, 24, "How often does each pair turn in the whole text?", 14, font_weight=600)]
    for power in range(LOWEST, HIGHEST + 1):
        y = up(10.0**power)
        once = power == 0
        drawn.append(
            element(
                "path",
                d=path([(LEFT, y), (RIGHT, y)]),
                stroke="soft" if once else "line",
                stroke_width=1.5 if once else 0.6,
            )
        )
        label = f"{10**power:,}" if power >= 0 else number(10.0**power, 3)
        drawn.append(text(LEFT - 8, y + 4, label, 12, "soft", text_anchor="end"))
    drawn += [
        text(LEFT, TOP - 16, "turns", 12, "soft"),
        text(RIGHT, BOTTOM + 18, "pairs, the fastest first", 12, "soft", text_anchor="end"),
        text(RIGHT - 4, up(1) - 7, "one full turn", 12, text_anchor="end", **RIM),
        text(16, SPEEDS - 14, "Speed, as a share of that in training", 13, font_weight=600),
        text(LEFT - 8, SPEEDS + 8, "1", 12, "soft", text_anchor="end"),
        text(LEFT - 8, FLOOR + 4, "0", 12, "soft", text_anchor="end"),
        element("path", d=path([(LEFT, FLOOR), (RIGHT, FLOOR)]), stroke="line", stroke_width=1),
    ]
    for x, color, words in ((250, "blue", "angles seen in training"), (424, "orange", "angles never seen")):
        drawn.append(element("rect", x=x, y=TOP - 26, width=12, height=10, fill=color))
        drawn.append(text(x + 18, TOP - 16, words, 12))
    drawn.append(element("path", d=path([(572, TOP - 21), (588, TOP - 21)]), stroke="ink", stroke_width=2))
    drawn.append(text(594, TOP - 16, "in training", 12))
    return "".join(drawn)


def bars(state: dict[str, Any]) -> str:
    drawn, width = [], (RIGHT - LEFT) / (state["d"] // 2)
    before, now = turned(state)
    new = unseen(state)
    for pair in range(state["d"] // 2):
        x, y = across(state, pair), up(now[pair])
        size = {"x": x + 0.1 * width, "width": 0.8 * width}
        color = "orange" if new[pair] else "blue"
        drawn.append(element("rect", **size, y=y, height=BOTTOM - y, fill=color, part=f"bar-{pair}"))
        tick = up(before[pair])
        drawn.append(element("path", d=path([(x, tick), (x + width, tick)]), stroke="ink", stroke_width=2))
    return "".join(drawn)


def speeds(state: dict[str, Any]) -> str:
    plain, scaled = frequencies(state)
    width = (RIGHT - LEFT) / (state["d"] // 2)
    drawn = []
    for pair, share in enumerate(scaled / plain):
        x, high = across(state, pair), (FLOOR - SPEEDS) * share
        drawn.append(
            element(
                "rect",
                x=x + 0.1 * width,
                width=0.8 * width,
                y=FLOOR - high,
                height=high,
                fill="green",
                part=f"speed-{pair}",
            )
        )
    return "".join(drawn)


def told_of(state: dict[str, Any]) -> str:
    """Two lines: on the pair that is looked at, and on all of them."""
    one, all_ = lines(state)
    return text(16, 398, one, 13, part="one") + text(16, 420, all_, 13, part="all")


def lines(state: dict[str, Any]) -> tuple[str, str]:
    before, now = turned(state)
    plain, scaled = frequencies(state)
    pair, new = state["pair"], unseen(state)
    share = float(scaled[pair] / plain[pair])
    one = f"Pair {pair}: {said(before[pair])} turns in training, {said(now[pair])} now, "
    one += f"at {number(100 * share, 0)} % of its speed."
    return one, f"{int(new.sum())} of {len(new)} pairs reach angles that they never saw in training."


def said(turns_: float) -> str:
    return number(float(turns_), 3 if turns_ < 1 else 1 if turns_ < 100 else 0)


def cursor(state: dict[str, Any]) -> str:
    """One stop for the keyboard, which the arrow keys move from pair to pair."""
    width = (RIGHT - LEFT) / (state["d"] // 2)
    box = {"x": across(state, state["pair"]) - 2, "y": TOP - 4, "width": width + 4, "height": FLOOR - TOP + 8, "rx": 3}
    last = state["d"] // 2 - 1
    line = element(
        "path",
        d=path([(0, TOP), (0, FLOOR)]),
        stroke="ink",
        stroke_width=1,
        stroke_dasharray="3 3",
        part="at",
        transform=f"translate({decimal(across(state, state['pair']) + width / 2)} 0)",
    )
    catch = element(
        "rect",
        x=LEFT,
        y=TOP,
        width=RIGHT - LEFT,
        height=FLOOR - TOP,
        fill="paper",
        opacity=0,
        part="catch",
        class_="point",
    )
    return line + catch + ring("pair", "Pair, chosen by the arrow keys", last, state["pair"], lines(state)[0], **box)


def spoken(state: dict[str, Any]) -> str:
    one, all_ = lines(state)
    length = f"{state['trained'] * state['factor']:,}"
    return f"A text of {length} tokens, {state['factor']} times the trained length, {state['kind']}. {all_} {one}"
