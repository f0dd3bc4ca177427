"""A state that's read and written token by token: how it fills, fades and overwrites."""

from typing import Any

import numpy as np

from attncore.recurrent import gated_delta_rule
from attncore.views.explorables.frame import Explorable, array_of, note, numbers, slider, switch
from attncore.views.explorables.paint import signed_color
from attncore.views.explorables.parts import cells, drawing, element, number, text

KEYS = ((1, 0, 0), (0, 1, 0), (0, 0, 1), (0.6, 0.8, 0), (1, 0, 0))
VALUES = (8, 4, 6, 10, 2)
TOLD = ("a is 8", "b is 4", "c is 6", "a, b: 10", "a is 2")
LEFT, TOP, WIDE, HIGH, RIGHT = 60, 74, 70, 36, 436
HELP = "Choose a token, change decay and beta, or leave out the subtraction."


def state(keys=KEYS, values=VALUES, told=TOLD) -> Explorable:
    """Three features, a value of one number for each of five keys, and the state after each token.

    It starts with the delta rule: no decay, a beta of 1. Raises ValueError unless there are five finite keys of width
    three, and five values.
    """
    keys, values = array_of("keys", keys, 5, 3), array_of("values", values, 5)
    after = history(keys, values)
    start: dict[str, Any] = {
        "keys": keys.tolist(),
        "values": values.tolist(),
        "told": list(told),
        "step": 4,
        "decay": 1,
        "beta": 1,
        "subtract": True,
    }
    alt = (
        f"The state after token 5, {told[4]}, is {numbers(after[:, 4])}, "
        "with a decay of 1 and a beta of 1, and what was there taken off first."
    )
    drawn = drawing(240, alt, grid(after, told), steps(keys, values, after))
    controls = [
        slider("step", "token", 1, 5, 5, 1),
        slider("decay", "decay", 0, 1, 1, 0.05),
        slider("beta", "beta", 0, 1, 1, 0.05),
        switch("subtract", "take off what's there", True),
    ]
    return Explorable("state", drawn, alt, start, note(HELP) + "".join(controls))


def history(keys: np.ndarray, values: np.ndarray, beta: float = 1.0, decay: float = 1.0) -> np.ndarray:
    """The state after each token, (3, tokens): asked with one feature at a time by tokens that write nothing."""
    states = []
    for n in range(1, len(keys) + 1):
        query = np.vstack([np.zeros((n, 3)), np.eye(3)])
        key, value = np.vstack([keys[:n], np.zeros((3, 3))]), np.append(values[:n], np.zeros(3))[:, None]
        rates, decays = np.full(n + 3, beta), np.append(np.full(n, decay), np.ones(3))
        states.append(gated_delta_rule(query, key, value, rates, decays)[n:])
    return np.hstack(states)


def grid(after: np.ndarray, told) -> str:
    """A column for each token, a row for each feature, and a frame around the token that's looked at."""
    drawn = [text(20, 28, "The state after each token", 14, font_weight=600)]
    for j, words in enumerate(told):
        drawn.append(text(LEFT + WIDE * (j + 0.5), TOP - 12, words, 12, text_anchor="middle"))
    for i, name in enumerate("abc"):
        drawn.append(text(LEFT - 14, TOP + HIGH * (i + 0.5) + 4, name, 13, text_anchor="end"))
    most = float(np.abs(after).max())
    drawn.append(cells("state", after, LEFT, TOP, lambda x: signed_color(x, most), width=WIDE, height=HIGH))
    frame = {"y": TOP - 5, "width": WIDE + 6, "height": 3 * HIGH + 8, "rx": 5, "fill": "none"}
    drawn.append(element("rect", part="frame", x=LEFT + 4 * WIDE - 4, stroke="orange", stroke_width=2.5, **frame))
    return "".join(drawn)


def steps(keys: np.ndarray, values: np.ndarray, after: np.ndarray) -> str:
    """What the last token does, line by line."""
    there = float(keys[4] @ after[:, 3])
    missing = float(values[4]) - there
    lines = [
        f"its key is {numbers(keys[4])}",
        f"the state has faded to {numbers(after[:, 3])}",
        f"it answers {number(there)} for the key",
        f"missing: {number(values[4])} less {number(there)}, {number(missing)}",
        f"written: {numbers(missing * keys[4])}",
        f"the state is now {numbers(after[:, 4])}",
    ]
    drawn = [text(RIGHT, 28, "What token 5 does", 14, font_weight=600, part="heading")]
    drawn += [text(RIGHT, 62 + 26 * i, line, 12, part=f"line-{i}") for i, line in enumerate(lines)]
    return "".join(drawn)
