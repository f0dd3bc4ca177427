"""Lesson 08: the hands that rotary turns, and what is new past the training length."""

from collections.abc import Callable
from html import escape

import numpy as np

from attncore.look import BLUE, GREY, ORANGE
from attncore.positions import alibi_slopes, apply_rotary
from attncore.views.live import Live, asked_of, choice, slider
from attncore.views.style import Picture, captioned, image
from attncore.views.tables import TITLE

BASES = [("100", 100.0), ("10,000", 10_000.0), ("500,000", 500_000.0)]
WORDS = 'font-size="12" font-family="sans-serif"'


def hands_picture(function: Callable = apply_rotary) -> Live:
    """Lesson 08: a query and a key as clock hands, a clock for each pair, turned by the given function."""
    hands = np.tile([1.0, 0.0], (4, 4))  # four rows, each with four hands that point to the right

    def draw(key: int, distance: int, base: float) -> Picture:
        query = key + distance
        turned = asked_of(function, hands, np.array([query, key, distance, 0]), base, shape=(4, 8))
        score, at_the_start = turned[0] @ turned[1], turned[2] @ turned[3]
        title = f"Query at {query}, key at {key}: the score is {score:.2f}"
        if not np.isclose(score, at_the_start, atol=1e-6):
            title += f", but {at_the_start:.2f} at {distance} and 0"
        elif key:
            title += f", just as at {distance} and 0"
        query_hands, key_hands = turned[:2].reshape(2, 4, 2)
        return clocks(query_hands, key_hands, title)

    return Live(
        draw,
        key=slider("position of the key", 0, 100, 0),
        distance=slider("query after it by", 0, 30, 3),
        base=choice("base", BASES, 10_000.0),
    )


def clocks(query, key, title: str) -> Picture:
    """A dial for each pair of coordinates; the query's hand in blue, the key's in orange and dashed."""
    dials, read = [], []
    for i, (q, k) in enumerate(zip(query, key, strict=True)):
        apart = abs(np.degrees(np.arctan2(k[0] * q[1] - k[1] * q[0], q @ k)))
        told = f"{apart:.1f}° apart: {q @ k:.2f}"
        x = 62 + 124 * i
        dials += [
            f'<circle cx="{x}" cy="52" r="46" fill="none" stroke="{GREY}"/>',
            hand(x, k, ORANGE, 'stroke-width="6" stroke-dasharray="7 4"'),
            hand(x, q, BLUE, 'stroke-width="3"'),
            f'<text x="{x}" y="118" text-anchor="middle" {WORDS}>pair {i}</text>',
            f'<text x="{x}" y="135" text-anchor="middle" {WORDS}>{told}</text>',
        ]
        read.append(f"pair {i}: {told}")
    caption = "Blue: the query. Orange, dashed: the key. Under each dial, what its pair adds to the score."
    return drawing(496, 142, dials, title, f"{title}. {'; '.join(read)}.", caption)


def hand(x: int, point, colour: str, style: str) -> str:
    tip = np.nan_to_num(np.array([x, 52]) + 44 * point * (1, -1))
    return f'<line x1="{x}" y1="52" x2="{tip[0]:.2f}" y2="{tip[1]:.2f}" stroke="{colour}" {style}/>'


def drawing(width: int, height: int, parts: list[str], title: str, alt: str, caption: str = "") -> Picture:
    """Parts of an SVG as an image under its title."""
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{"".join(parts)}</svg>'
    return captioned(f'<div style="{TITLE}">{escape(title)}</div>{image(svg.encode(), alt)}', alt, caption)


WIDTH = 128  # of a head; 64 pairs
SCHEMES = (
    "sinusoidal, position with position",
    "rotary, base 10,000",
    "rotary, base 500,000",
    "rotary, interpolated",
    "linear bias, head 1 of 8",
    "linear bias, head 8 of 8",
)


def distance_picture() -> Live:
    """Lesson 08: score against distance, inside and past the training length."""

    def draw(scheme: str, exponent: int, times: int) -> Picture:
        trained = 2**exponent
        distances = np.union1d(np.geomspace(1, times * trained, 500).round(), [trained])
        scores = score_at(scheme, distances, times)
        title = finding(scheme, trained, times, scores[-1])
        at_the_limit = scores[distances <= trained][-1]
        alt = (
            f"{title}. {scheme}, trained on {trained:,} tokens, distances up to {times * trained:,}. The score is "
            f"{figures(scores[0])} at distance 1, {figures(at_the_limit)} at the training length, "
            f"{figures(scores[-1])} at the end."
        )
        return strip(distances, scores, trained, title, alt)

    return Live(
        draw,
        scheme=choice("scheme", SCHEMES, "rotary, base 10,000"),
        exponent=choice("trained on", [(f"{2**k:,} tokens", k) for k in range(9, 15)], 12),
        times=slider("text, times as long", 1, 8, 4),
    )


def figures(score: float) -> str:
    return f"{round(score, 2) + 0:,.2f}"  # + 0 takes the sign off a zero


def base_of(scheme: str) -> float:
    return 500_000.0 if scheme.endswith("500,000") else 10_000.0


def score_at(scheme: str, distances: np.ndarray, times: int) -> np.ndarray:
    """The bias, or the mean over all pairs of what two hands of length one that start alike add to the score."""
    if scheme.startswith("linear"):
        return -alibi_slopes(8)[0 if "head 1" in scheme else 7] * distances
    hands = np.tile([1.0, 0.0], (len(distances), WIDTH // 2))
    positions = distances / times if scheme.endswith("interpolated") else distances
    return apply_rotary(hands, positions, base_of(scheme)) @ hands[0] / (WIDTH // 2)


def finding(scheme: str, trained: int, times: int, last: float) -> str:
    longer = times > 1
    if scheme.startswith("linear"):
        where = "Past the training length" if longer else "Within the training length"
        return f"{where} the score only falls: by {-last:,.0f} points at distance {times * trained:,}"
    if scheme.endswith("interpolated"):
        squeezed = f"No angle leaves the trained range, and neighbours are 1/{times} of a step apart"
        return squeezed if longer else "Positions as they are: nothing to squeeze yet"
    turns = 2 * np.pi * base_of(scheme) ** (np.arange(0, WIDTH, 2) / WIDTH)
    slow = np.sum(turns > trained)
    return f"{slow} of 64 pairs " + (
        f"leave the angles that {trained:,} tokens have shown" if longer else f"complete no turn in {trained:,} tokens"
    )


def strip(distances, scores, trained: int, title: str, alt: str) -> Picture:
    """A curve over a logarithmic axis of distances, orange where training never went."""
    width, height, left, floor = 620, 230, 58, 190
    top, bottom = max(scores.max(), 0.0), min(scores.min(), 0.0)
    x = left + (width - left - 22) * np.log(distances) / np.log(distances[-1])
    y = 14 + (floor - 14) * (top - scores) / (top - bottom)
    inside = distances <= trained
    limit = x[inside][-1]
    past = np.append(np.flatnonzero(inside)[-1], np.flatnonzero(~inside))
    parts = [
        f'<rect x="{limit:.1f}" y="10" width="{x[-1] - limit:.1f}" height="{floor - 6}" fill="{ORANGE}" opacity=".1"/>'
    ]
    for value in (top, bottom) if 0 in (top, bottom) else (top, 0.0, bottom):
        at = 14 + (floor - 14) * (top - value) / (top - bottom)
        label = figures(value) if top else f"{value:,.0f}"
        parts += [
            f'<line x1="{left}" y1="{at:.1f}" x2="{x[-1]:.1f}" y2="{at:.1f}" stroke="{GREY}" opacity=".4"/>',
            f'<text x="{left - 6}" y="{at + 4:.1f}" text-anchor="end" {WORDS}>{label}</text>',
        ]
    for power in range(int(np.log10(distances[-1])) + 1):
        at = left + (width - left - 22) * np.log(10.0**power) / np.log(distances[-1])
        parts.append(f'<text x="{at:.1f}" y="{floor + 20}" text-anchor="middle" {WORDS}>{10**power:,}</text>')
    parts.append(f'<text x="{width // 2}" y="{height - 4}" text-anchor="middle" {WORDS}>distance</text>')
    for colour, part in ((BLUE, np.flatnonzero(inside)), (ORANGE, past)):
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x[part], y[part], strict=True))
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.6"/>')
    caption = "Score against distance. Blue: met in training. Orange, shaded: new."
    return drawing(width, height, parts, title, alt, caption)
