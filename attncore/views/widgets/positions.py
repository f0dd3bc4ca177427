"""Lesson 08: the hands that rotary turns."""

from collections.abc import Callable

import numpy as np

from attncore.look import BLUE, GREY, ORANGE
from attncore.positions import apply_rotary
from attncore.views.live import Live, asked_of, choice, slider
from attncore.views.style import Picture, picture

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


def hand(x: int, point, color: str, style: str) -> str:
    tip = np.nan_to_num(np.array([x, 52]) + 44 * point * (1, -1))
    return f'<line x1="{x}" y1="52" x2="{tip[0]:.2f}" y2="{tip[1]:.2f}" stroke="{color}" {style}/>'


def drawing(width: int, height: int, parts: list[str], title: str, alt: str, caption: str = "") -> Picture:
    """Parts of an SVG as an image under its title."""
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{"".join(parts)}</svg>'
    return picture(svg, title, alt, caption)
