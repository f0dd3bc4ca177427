"""The roofline: what a GPU can reach at each arithmetic intensity, and where the parts of a model stand."""

import math
from typing import Any

from attncore.views.explorables.frame import Explorable, choice, note, slider
from attncore.views.explorables.parts import decimal, drawing, element, number, path, text

# FLOPs a second in bfloat16 without sparsity, and bytes a second: the makers' data sheets.
CARDS = {
    "A100": (312e12, 2.039e12),
    "H100": (989e12, 3.35e12),
    "H200": (989e12, 4.8e12),
    "B200": (2250e12, 8e12),
}
WIDTH_OF_MODEL, HEADS, HEAD_WIDTH, GROUP, LATENT, ROTARY = 8192, 128, 128, 8, 512, 64
DOTS = {
    "A": "matrix products, decode",
    "B": "matrix products, prefill",
    "C": "attention, decode, MHA",
    "D": f"attention, decode, GQA of {GROUP} to one",
    "E": f"attention, decode, MLA, {HEADS} heads",
    "F": "attention, prefill, in tiles",
    "G": "attention, prefill, scores written out",
}
COLORS = dict(zip("ABCDEFG", ("blue", "blue", "orange", "orange", "orange", "green", "green"), strict=True))
LEFT, RIGHT, TOP, BOTTOM = 64, 660, 40, 268  # the chart
LOWEST, HIGHEST, LEAST, MOST = -1, 17, 11.8, 15.8  # its powers: of two in FLOPs a byte, of ten in FLOPs a second
LIST, ROW, STEM = 342, 22, 24  # the list below; how much lower a dot hangs that would cover another
HELP = "Change the batch, the length of the prompt, or the GPU. Which dots move, and which never do?"


def roofline(card: str = "H100", batch: int = 1, tokens: int = 2048) -> Explorable:
    """The floating-point operations a second that a GPU can reach, against the operations done for each byte it moves.

    The dots are the parts of a model in bfloat16: matrix products (width 8,192) in a decode step for `batch` texts and
    in a prefill of `tokens` tokens; attention in a decode step with a key head for each query head, for each eight, and
    with DeepSeek-V3's latent; and attention in the prefill, in tiles and with its scores written to memory. Bytes are
    what has to move at least: activations count, caches between kernels don't. Raises ValueError for a GPU that isn't
    there, and unless batch and tokens are powers of two, up to 1,024 and from 16 to 131,072. Williams et al. (2009).
    """
    if card not in CARDS:
        raise ValueError(f'roofline: card is "{card}", expected one of {", ".join(CARDS)}')
    for name, given, least, most in (("batch", batch, 1, 1024), ("tokens", tokens, 16, 131_072)):
        if not least <= given <= most or 2 ** round(math.log2(given)) != given:
            raise ValueError(f"roofline: {name} is {given}, expected a power of two from {least} to {most}")
    state = {"card": card, "batch": batch, "tokens": tokens, "cards": CARDS}
    alt = spoken(state)
    height = LIST + ROW * len(DOTS) + 4
    drawn = drawing(height, alt, axes(), roof(state), *(dot(state, name) for name in DOTS), *listed(state))
    slides = (
        choice("card", "GPU", list(CARDS), card)
        + slider("batch", "batch", 0, 10, math.log2(batch), 1, says="batch-says")
        + slider("tokens", "tokens of the prompt", 4, 17, math.log2(tokens), 1, says="tokens-says")
    )
    return Explorable("roofline", drawn, alt, state, note(HELP) + slides)


def intensities(batch: int, tokens: int) -> dict[str, float]:
    """Floating-point operations for each byte moved, two bytes a number.

    A product of n rows with a square matrix of width m takes 2nm^2 operations and moves m^2 weights and 2nm
    activations. A decode step reads every cached key and value once for all the heads that share it, so neither batch
    nor context change what is done for a byte. The prefill has 4n^2 d operations a head, and moves queries, keys,
    values and outputs; written out, the scores and the weights are stored and read again.
    """
    m, d = WIDTH_OF_MODEL, HEAD_WIDTH

    def product(rows: int) -> float:
        return rows * m / (m + 2 * rows)

    return {
        "A": product(batch),
        "B": product(tokens),
        "C": 1,
        "D": GROUP,
        "E": HEADS * (2 * LATENT + ROTARY) / (LATENT + ROTARY),
        "F": tokens / 2,
        "G": tokens * d / (2 * d + 2 * tokens),
    }


def reached(state: dict[str, Any], intensity: float) -> float:
    """Operations a second: what the memory feeds, or all that the GPU has."""
    flops, bytes_ = CARDS[state["card"]]
    return min(flops, intensity * bytes_)


def across(intensity: float) -> float:
    return LEFT + (RIGHT - LEFT) * (math.log2(intensity) - LOWEST) / (HIGHEST - LOWEST)


def up(rate: float) -> float:
    return BOTTOM - (BOTTOM - TOP) * (math.log10(rate) - LEAST) / (MOST - LEAST)


def ridge(state: dict[str, Any]) -> float:
    """The intensity from which a GPU's arithmetic limits, no longer its memory."""
    flops, bytes_ = CARDS[state["card"]]
    return flops / bytes_


def axes() -> str:
    drawn = [text(16, 24, "What limits each part?", 14, font_weight=600)]
    for power in range(0, HIGHEST + 1, 2):
        x = across(2**power)
        drawn.append(element("path", d=path([(x, TOP), (x, BOTTOM)]), stroke="line", stroke_width=0.6))
        drawn.append(text(x, BOTTOM + 17, f"{2**power:,}", 12, "soft", text_anchor="middle"))
    for power, label in ((12, "1"), (13, "10"), (14, "100"), (15, "1,000")):
        y = up(10**power)
        drawn.append(element("path", d=path([(LEFT, y), (RIGHT, y)]), stroke="line", stroke_width=0.6))
        drawn.append(text(LEFT - 8, y + 4, label, 12, "soft", text_anchor="end"))
    drawn.append(text(RIGHT, BOTTOM + 34, "FLOPs for each byte that is moved", 12, "soft", text_anchor="end"))
    drawn.append(text(RIGHT, 24, "up: TFLOP/s that can be reached", 12, "soft", text_anchor="end"))
    return "".join(drawn)


def roof(state: dict[str, Any]) -> str:
    x = across(ridge(state))
    return "".join(
        [
            element(
                "path",
                d=roof_line(state),
                part="roof",
                fill="none",
                stroke="ink",
                stroke_width=2.5,
                stroke_linejoin="round",
            ),
            element(
                "path",
                d=path([(x, up(CARDS[state["card"]][0])), (x, BOTTOM)]),
                part="ridge",
                stroke="soft",
                stroke_width=1.2,
                stroke_dasharray="4 4",
            ),
            text(x + 6, BOTTOM - 8, f"ridge: {number(ridge(state), 0)}", 12, "soft", part="ridge-says"),
        ]
    )


def roof_line(state: dict[str, Any]) -> str:
    ends = (2.0**LOWEST, ridge(state), 2.0**HIGHEST)
    return path([(across(end), up(reached(state, end))) for end in ends])


def hung(state: dict[str, Any]) -> dict[str, int]:
    """How many places each dot hangs below the roof, so that none covers another."""
    found: dict[str, int] = {}
    places = {name: across(intensity) for name, intensity in intensities(state["batch"], state["tokens"]).items()}
    for name, x in places.items():
        taken = {level for other, level in found.items() if abs(places[other] - x) < STEM}
        found[name] = min(set(range(len(DOTS))) - taken)
    return found


def dot(state: dict[str, Any], name: str) -> str:
    intensity = intensities(state["batch"], state["tokens"])[name]
    x, y = across(intensity), up(reached(state, intensity))
    low = y + STEM * hung(state)[name]
    return element(
        "path", d=path([(x, y), (x, low)]), part=f"stem-{name}", stroke=COLORS[name], stroke_width=1.5
    ) + element(
        "g",
        element("circle", r=10, fill=COLORS[name], stroke="paper", stroke_width=2),
        text(0, 4, name, 12, "paper", text_anchor="middle", font_weight=700),
        part=f"dot-{name}",
        transform=f"translate({decimal(x)} {decimal(low)})",
    )


def listed(state: dict[str, Any]) -> list[str]:
    """Each dot in words and numbers."""
    drawn = [
        text(x, LIST - 12, words, 12, "soft", text_anchor=anchor)
        for x, words, anchor in ((432, "FLOPs a byte", "end"), (546, "TFLOP/s", "end"), (566, "limited by", "start"))
    ]
    for row, (name, words) in enumerate(DOTS.items()):
        y = LIST + 10 + ROW * row
        intensity, rate, limit = told(state, name)
        drawn += [
            element("circle", cx=26, cy=y - 4, r=9, fill=COLORS[name]),
            text(26, y, name, 12, "paper", text_anchor="middle", font_weight=700),
            text(44, y, words, 13),
            text(432, y, intensity, 13, text_anchor="end", part=f"intensity-{name}"),
            text(546, y, rate, 13, text_anchor="end", part=f"rate-{name}"),
            text(566, y, limit, 13, part=f"limit-{name}"),
        ]
    return drawn


def told(state: dict[str, Any], name: str) -> tuple[str, str, str]:
    """Of a part: its intensity, what it can reach, and what limits it."""
    intensity = intensities(state["batch"], state["tokens"])[name]
    rate = reached(state, intensity) / 1e12
    limit = "memory" if intensity < ridge(state) else "arithmetic"
    return short(intensity), short(rate), limit


def short(value: float) -> str:
    """A number to three digits or so."""
    return number(value, 1 if value < 99.95 else 0)


def spoken(state: dict[str, Any]) -> str:
    parts = []
    for name, words in DOTS.items():
        intensity, _, limit = told(state, name)
        parts.append(f"{words}: {intensity} FLOPs a byte, limited by {limit}")
    return (
        f"The roofline of {state['card']}, its ridge at {number(ridge(state), 0)} FLOPs a byte, "
        f"batch {state['batch']}, a prompt of {state['tokens']} tokens. {'; '.join(parts)}."
    )
