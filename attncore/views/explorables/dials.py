"""Rotary positions as dials: each pair of coordinates is a hand that turns with the position, at a speed of its own."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from attncore.positions import apply_rotary
from attncore.views.explorables.frame import Explorable, array_of, asked, button, note, slider
from attncore.views.explorables.parts import arrow, decimal, drawing, element, number, path, seen, text

QUERY = (1.0, 0.5, 1.0, 0.0, 0.5, 1.0, 1.0, 0.5)
KEY = (1.0, 0.0, 0.5, 1.0, 1.0, 0.5, 1.0, 0.0)
MOST = 63  # the last position
CENTERS, MIDDLE, RADIUS = (82, 250, 418, 586), 124, 60  # of the dials
BAR = 40  # of a contribution of one, above or below its line
LEFT, RIGHT, TOP, BOTTOM = 56, 660, 322, 436  # the curve
HELP = "Move the query and the key, then both together: what stays as it is?"


def dials(
    query=QUERY, key=KEY, positions=(9, 4), base: float = 100.0, function: Callable[..., Any] | None = None
) -> Explorable:
    """A query and a key of width 8 under rotary positions: four pairs of coordinates, four dials.

    On each dial the hands of the query and the key turn by position times base^(-2i / 8). What a pair adds to the score
    stands below it, and the score against the distance between the two below that. `positions` are the query's and the
    key's, from 0 to 63. `function(x, positions, base)` is the learner's apply_rotary: where its hands point is marked.
    Raises ValueError for other positions, for vectors that aren't of width 8, and for a base of one or less. Su et al.
    (2021).
    """
    vectors = np.array([array_of("query", query, 8), array_of("key", key, 8)])
    if any(int(one) != one or not 0 <= one <= MOST for one in positions) or len(positions) != 2:
        raise ValueError(f"dials: positions are {positions}, expected two whole numbers from 0 to {MOST}")
    if not base > 1:
        raise ValueError(f"dials: base is {base}, expected more than 1")
    places = [int(one) for one in positions]
    turned = apply_rotary(vectors, np.array(places), base)
    answer = asked(function, vectors, np.array(places), base, course=turned)
    most = float(np.abs(products(vectors)).max())
    state = {
        "vectors": vectors.tolist(),
        "positions": places,
        "base": base,
        "theirs": answer.state(),
        "most": most,
    }
    alt = spoken(turned, places)
    drawn = drawing(
        462,
        alt,
        *(dial(pair, state, turned, answer.array) for pair in range(4)),
        curve(state, turned),
        legend(answer.array),
    )
    slides = "".join(
        slider(part, f"{name}'s position", 0, MOST, place, 1, says=f"{part}-says")
        for part, name, place in zip(("query-at", "key-at"), ("query", "key"), places, strict=True)
    )
    both = button("earlier", "Both one earlier") + button("later", "Both one later")
    return Explorable("dials", drawn, alt, state, note(HELP) + slides + both, asked=answer)


def products(vectors: np.ndarray) -> np.ndarray:
    """For each pair, the longest that its contribution can be: the product of the two hands' lengths."""
    lengths = np.hypot(vectors[:, 0::2], vectors[:, 1::2])
    return lengths[0] * lengths[1]


def shares(turned: np.ndarray) -> np.ndarray:
    """What each pair adds to the score."""
    each = turned[0] * turned[1]
    return each[0::2] + each[1::2]


def speed(state: dict[str, Any], pair: int) -> float:
    """Radians a position."""
    return float(state["base"] ** (-pair / 4))


def dial(pair: int, state: dict[str, Any], turned: np.ndarray, theirs: np.ndarray | None) -> str:
    """A pair's circle, its two hands, and what it adds to the score."""
    x, longest = CENTERS[pair], hands_longest(state)
    drawn = [
        text(x, 46, f"pair {pair}", 13, text_anchor="middle", font_weight=600),
        element("circle", cx=x, cy=MIDDLE, r=RADIUS, fill="wash", stroke="line", stroke_width=1.5),
        text(
            x, MIDDLE + RADIUS + 20, f"{number(speed(state, pair), 3)} rad a position", 12, "soft", text_anchor="middle"
        ),
    ]
    for row, (name, color) in enumerate((("query", "blue"), ("key", "orange"))):
        end = tip(x, turned[row, 2 * pair : 2 * pair + 2], longest)
        drawn.append(
            element(
                "path",
                d=arrow(x, MIDDLE, *end),
                part=f"{name}-{pair}",
                fill="none",
                stroke=color,
                stroke_width=3,
                stroke_linecap="round",
            )
        )
        at = tip(x, theirs[row, 2 * pair : 2 * pair + 2], longest) if theirs is not None else end
        drawn.append(
            element(
                "path",
                d="M0 -7L7 0L0 7L-7 0Z",
                part=f"theirs-{name}-{pair}",
                fill="none",
                stroke=color,
                stroke_width=2,
                transform=f"translate({decimal(at[0])} {decimal(at[1])})",
                visibility=seen(theirs is not None),
            )
        )
    share = float(shares(turned)[pair])
    drawn.append(text(x - 54, 232, "adds", 12, "soft"))
    width = BAR * abs(share) / state["most"]
    drawn.append(element("path", d=path([(x, 216), (x, 240)]), stroke="soft", stroke_width=1))
    drawn.append(
        element(
            "rect",
            x=x + min(0, share / state["most"]) * BAR,
            y=221,
            width=width,
            height=14,
            fill="green",
            part=f"bar-{pair}",
        )
    )
    drawn.append(text(x + 48, 232, number(share), 13, part=f"share-{pair}"))
    return "".join(drawn)


def hands_longest(state: dict[str, Any]) -> float:
    vectors = np.array(state["vectors"])
    return float(np.hypot(vectors[:, 0::2], vectors[:, 1::2]).max()) or 1.0


def tip(x: float, hand: Any, longest: float) -> tuple[float, float]:
    """Where a hand ends: counterclockwise is forward, as in a plane."""
    length = (RADIUS - 4) / longest
    return x + length * float(hand[0]), MIDDLE - length * float(hand[1])


def score_at(state: dict[str, Any], distance: float) -> float:
    """The score of the query `distance` positions after the key: nothing else of the positions takes part."""
    (a, b), total = np.array(state["vectors"]), 0.0
    for pair in range(4):
        (q, r), (k, m) = a[2 * pair : 2 * pair + 2], b[2 * pair : 2 * pair + 2]
        angle = distance * speed(state, pair)
        total += (q * k + r * m) * math.cos(angle) + (q * m - r * k) * math.sin(angle)
    return float(total)


def curve(state: dict[str, Any], turned: np.ndarray) -> str:
    """The score against the distance, and where the two stand now."""
    most = sum_most(state)
    line = [(across(distance), up(score_at(state, distance), most)) for distance in range(-MOST, MOST + 1)]
    distance = state["positions"][0] - state["positions"][1]
    score = float(shares(turned).sum())
    return "".join(
        [
            text(16, 24, "How far has each pair turned?", 14, font_weight=600),
            text(16, 284, f"Score {number(score)}", 14, part="score", font_weight=600),
            text(130, 284, sum_of(shares(turned)), 13, "soft", part="sum"),
            text(16, 306, "against the distance, query's position minus the key's", 12, "soft"),
            element("path", d=path([(LEFT, up(0, most)), (RIGHT, up(0, most))]), stroke="line", stroke_width=1),
            element("path", d=path([(across(0), TOP), (across(0), BOTTOM)]), stroke="line", stroke_width=1),
            *(
                text(across(tick), BOTTOM + 16, number(tick), 12, "soft", text_anchor="middle")
                for tick in (-60, -40, -20, 0, 20, 40, 60)
            ),
            text(LEFT - 8, up(0, most) + 4, "0", 12, "soft", text_anchor="end"),
            element("path", d=path(line), part="curve", fill="none", stroke="green", stroke_width=2),
            element(
                "circle",
                cx=across(distance),
                cy=up(score, most),
                r=7,
                fill="green",
                stroke="paper",
                stroke_width=2,
                part="now",
            ),
        ]
    )


def sum_most(state: dict[str, Any]) -> float:
    """The largest score that any distance could give."""
    return float(products(np.array(state["vectors"])).sum()) or 1.0


def across(distance: float) -> float:
    return LEFT + (RIGHT - LEFT) * (distance + MOST) / (2 * MOST)


def up(score: float, most: float) -> float:
    return (TOP + BOTTOM) / 2 - (BOTTOM - TOP) / 2 * score / most


def sum_of(each: Any) -> str:
    written = " + ".join(number(one) if one >= 0 else f"({number(one)})" for one in each)
    return f"= {written}"


def legend(theirs: np.ndarray | None) -> str:
    drawn = []
    for x, color, words in ((300, "blue", "query"), (370, "orange", "key")):
        drawn.append(element("rect", x=x, y=14, width=14, height=10, fill=color))
        drawn.append(text(x + 20, 24, words, 12))
    drawn.append(
        text(440, 24, "◇ what your function gives", 12, "soft", part="legend", visibility=seen(theirs is not None))
    )
    return "".join(drawn)


def spoken(turned: np.ndarray, places: list[int]) -> str:
    each = shares(turned)
    added = ", ".join(f"pair {pair} adds {number(one)}" for pair, one in enumerate(each))
    return (
        f"The query at {places[0]}, the key at {places[1]}, {number(places[0] - places[1])} apart: "
        f"{added}; score {number(float(each.sum()))}."
    )
