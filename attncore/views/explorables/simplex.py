"""Three weights that sum to one, as a point in a triangle: where softmax puts it, and how temperature moves it."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from attncore.softmax import softmax
from attncore.views.explorables.frame import Explorable, array_of, asked, note, numbers, slider, switch
from attncore.views.explorables.parts import drawing, element, number, path, seen, text

CORNERS = ((46, 304), (346, 304), (196, 44))  # all the weight on key 0, 1 or 2
NAMED = ((46, 326, "middle"), (346, 326, "middle"), (210, 48, "start"))
KEYS = ("blue", "green", "pink")
BARS, BAR, BLOCK = 410, 130, 84
LEVELS = (0.5, 1.0, 1.4)  # bits of entropy, each a line in the triangle
TEMPERATURES = [2.0 ** (step / 4) for step in range(-24, 25)]
HELP = "Move the scores and the temperature, or hide a key, as a mask does."


def simplex(scores=(2, 1, 0), function: Callable[..., Any] | None = None) -> Explorable:
    """The softmax of three scores as a point in the triangle of all weights, with its path as the temperature changes.

    Lines join weights of equal entropy. `function(scores)` is the learner's softmax: what it gives is marked in the
    triangle, if its weights sum to one, and on the bars. Raises ValueError unless there are three finite scores.
    """
    scores = array_of("scores", scores, 3)
    weights = softmax(scores)
    answer = asked(function, scores, course=weights)
    state = {
        "scores": scores.tolist(),
        "octaves": 0,
        "hidden": [False, False, False],
        "theirs": answer.state(),
        "corners": CORNERS,
        "temperatures": TEMPERATURES,
    }
    alt = (
        f"Scores {numbers(scores)} at temperature 1 give the weights {numbers(weights)}: "
        f"entropy {number(entropy(weights))} of at most {number(math.log2(3))} bits."
    )
    drawn = drawing(340, alt, triangle(scores, weights, answer.array), bars(scores, weights, answer.array))
    sliders = [slider(f"score-{key}", f"score {key}", -6, 6, scores[key], 0.5) for key in range(3)]
    hides = [switch(f"hide-{key}", f"hide key {key}") for key in range(3)]
    warmth = slider("octaves", "temperature", -5, 5, 0, 0.25)
    return Explorable("simplex", drawn, alt, state, note(HELP) + "".join([*sliders, warmth, *hides]), asked=answer)


def triangle(scores: np.ndarray, weights: np.ndarray, theirs: np.ndarray | None) -> str:
    """All weights of three keys, lines of equal entropy, the path of softmax, and its point."""
    drawn = [text(20, 28, "Weights in a triangle", 14, font_weight=600)]
    drawn.append(element("path", d=path(CORNERS) + "Z", fill="wash", stroke="soft", stroke_width=1.5))
    for bits in LEVELS:
        line = contour(bits)
        drawn.append(element("path", d=path(line) + "Z", fill="none", stroke="soft", stroke_width=0.8))
        x, y = min(line, key=lambda point: point[1])
        said, narrow = f"{number(bits)} {'bit' if bits == 1 else 'bits'}", bits < 1
        drawn.append(
            text(x + (24 if narrow else 0), y + 14, said, 12, "soft", text_anchor="start" if narrow else "middle")
        )
    for key, (corner, (x, y, anchor)) in enumerate(zip(CORNERS, NAMED, strict=True)):
        drawn.append(element("circle", cx=corner[0], cy=corner[1], r=5, fill=KEYS[key]))
        drawn.append(text(x, y, f"all on key {key}", 12, text_anchor=anchor))
    along = [place(softmax(scores / temperature)) for temperature in TEMPERATURES]
    drawn.append(element("path", part="path", d=path(along), fill="none", stroke="orange", stroke_width=2.5))
    for part, (x, y), words in (("cold", along[0], "T→0"), ("hot", along[-1], "T→∞")):
        drawn.append(text(x + 10, y - 8, words, 12, part=part))
    x, y = place(weights)
    drawn.append(element("circle", part="point", cx=x, cy=y, r=8, fill="orange", stroke="paper", stroke_width=2))
    on_plane = theirs is not None and on_simplex(theirs)
    at = place(theirs) if theirs is not None and on_plane else (x, y)
    mark = element("path", d="M0 -13L13 0L0 13L-13 0Z", fill="none", stroke="ink", stroke_width=2)
    shift = f"translate({at[0]} {at[1]})"
    drawn.append(element("g", mark, part="theirs", transform=shift, visibility=seen(on_plane)))
    return "".join(drawn)


def bars(scores: np.ndarray, weights: np.ndarray, theirs: np.ndarray | None) -> str:
    """For each key how its weight is worked out."""
    raised = np.exp(scores)
    drawn = [text(BARS, 28, "How they are worked out", 14, font_weight=600)]
    for key, color in enumerate(KEYS):
        y = 60 + BLOCK * key
        power = f"e^({number(scores[key])} / 1) = {number(raised[key])}"
        share = f"{number(raised[key])} / {number(raised.sum())} = {number(weights[key])}"
        drawn += [
            element("circle", cx=BARS + 5, cy=y - 4, r=5, fill=color),
            text(BARS + 18, y, power, part=f"power-{key}"),
            text(BARS + 18, y + 20, share, part=f"share-{key}"),
            element("rect", x=BARS, y=y + 30, width=BAR, height=14, fill="wash"),
            element("rect", part=f"bar-{key}", x=BARS, y=y + 30, width=BAR * weights[key], height=14, fill=color),
        ]
        length = BAR * min(max(theirs[key], 0), 1.2) if theirs is not None else 0
        shift = f"translate({BARS + length} {y + 37})"
        mark = element("path", d="M0 -10L10 0L0 10L-10 0Z", fill="none", stroke="ink", stroke_width=2)
        drawn.append(element("g", mark, part=f"theirs-{key}", transform=shift, visibility=seen(theirs is not None)))
    bits = f"entropy {number(entropy(weights))} of at most {number(math.log2(3))} bits"
    drawn.append(text(BARS, 312, bits, part="bits"))
    drawn.append(
        text(BARS, 330, "◇ what your function gives", 12, "soft", part="legend", visibility=seen(theirs is not None))
    )
    return "".join(drawn)


def place(weights) -> tuple[float, float]:
    """Where weights stand in the triangle: the mean of the corners that they weigh."""
    x, y = np.asarray(weights, dtype=float) @ np.array(CORNERS, dtype=float)
    return float(x), float(y)


def on_simplex(weights: np.ndarray) -> bool:
    return bool(np.all(weights >= 0) and abs(weights.sum() - 1) < 0.01)


def entropy(weights: np.ndarray) -> float:
    """Minus the sum of p log2 p: how many bits the choice is worth."""
    some = weights[weights > 0]
    return float(-np.sum(some * np.log2(some)))


def contour(bits: float, angles: int = 180) -> list[tuple[float, float]]:
    """The line of an entropy, seen from the middle, where entropy is largest; it ends at the triangle's sides."""
    line = []
    for angle in np.linspace(0, 2 * np.pi, angles, endpoint=False):
        across = np.cos(angle + 2 * np.pi / 3 * np.arange(3))  # sums to zero
        near, far = 0.0, float(-1 / 3 / across.min())
        for _ in range(40):
            middle = (near + far) / 2
            near, far = (middle, far) if entropy(1 / 3 + middle * across) > bits else (near, middle)
        line.append(place(1 / 3 + near * across))
    return line
