"""Where the numbers go when heads are split: reshape and transpose beside reshape alone, each number with its name."""

from collections.abc import Callable
from typing import Any

import numpy as np

from attncore.heads import split_heads
from attncore.views.explorables.frame import Asked, Explorable, asked, button, note, slider
from attncore.views.explorables.parts import drawing, element, ring, seen, text

WIDE, HIGH, GAP, TOP = 66, 30, 14, 76
LEFT = {"right": 16, "wrong": 392}
COLORS = ("blue", "orange", "green", "pink")  # of heads
MOST_TOKENS, MOST_NUMBERS = 4, 4
HELP = "Pull the slider and watch. Point at a number, or press Tab and walk with the arrow keys."


def swaps(
    n_tokens: int = 3, n_heads: int = 2, head_width: int = 2, function: Callable[..., Any] | None = None
) -> Explorable:
    """Every number of a tiny tensor by its name, token, head and width, on its way through `split_heads`.

    Left, the reshape to (n, h, w) and the transpose; right, the reshape to (h, n, w) alone, whose shape is right too
    and whose heads are mixed. `function(x, n_heads)` is the learner's `split_heads`: where it gives every number of x
    once, the right side shows it. Raises ValueError for more than 4 tokens or a model width above 4. Vaswani et al.
    (2017).
    """
    n, h, w = n_tokens, n_heads, head_width
    if not 1 <= n <= MOST_TOKENS:
        raise ValueError(f"swaps: n_tokens is {n}, expected 1 to {MOST_TOKENS}")
    if min(h, w) < 1 or h * w > MOST_NUMBERS:
        raise ValueError(f"swaps: {h} heads of {w} are {h * w} wide, expected 1 to {MOST_NUMBERS}")
    answer = answer_of(function, n, h, w)
    state: dict[str, Any] = {
        "n": n,
        "h": h,
        "w": w,
        "theirs": None if answer.array is None else np.rint(answer.array).astype(int).tolist(),
        "step": 2,
        "chosen": w if h > 1 else 0,
    }
    x = numbered(n, h * w)
    split = {
        "right": split_heads(x, h).astype(int),
        "wrong": np.array(state["theirs"]) if state["theirs"] else x.reshape(h, n, w).astype(int),
    }
    titles = {
        "right": f"then transpose to (h, n, w): ({h}, {n}, {w})",
        "wrong": f"{'your function' if state['theirs'] else 'reshape to (h, n, w)'}: ({h}, {n}, {w})",
    }
    says, goes = sentences(state, split)
    blocks = {side: [of_block(block, i, w, h) for i, block in enumerate(array)] for side, array in split.items()}
    orders = {side: f"read in order: {' '.join(map(str, array.ravel()))}" for side, array in split.items()}
    alt = (
        f"{n * h * w} numbers of {n} tokens, {h} heads of {w}. Left: {titles['right']}, {orders['right']}. Right: "
        f"{titles['wrong']}, {orders['wrong']}. {'; '.join(blocks['right'] + blocks['wrong'])}. {says} {goes}"
    )
    bottom = TOP + h * n * HIGH + (h - 1) * (GAP + 14) + 22
    drawn = [part for side in split for part in half(state, side, split[side], titles[side], blocks[side])]
    drawn += [text(LEFT[side], bottom, orders[side], 12, "soft", part=f"{side}-order") for side in split]
    drawn += [text(16, bottom + 28, says, 13, part="says"), text(16, bottom + 47, goes, 13, part="goes")]
    drawn.append(cursor(state, split["right"], f"{says} {goes}"))
    return Explorable("swaps", drawing(bottom + 62, alt, *drawn), alt, state, controls(), asked=answer)


def numbered(n: int, m: int) -> np.ndarray:
    """x, each number its own place in memory."""
    return np.arange(n * m, dtype=float).reshape(n, m)


def answer_of(function: Callable[..., Any] | None, n: int, h: int, w: int) -> Asked:
    """The learner's split, if it gives every number of x once; else the sentence says that it doesn't."""
    x = numbered(n, h * w)
    answer = asked(function, x, h, course=split_heads(x, h))
    if answer.array is None or np.array_equal(np.sort(np.rint(answer.array), axis=None), x.ravel()):
        return answer
    told = (
        f"{getattr(function, '__name__', 'your function')} doesn't give every number of x once, so it can't be drawn."
    )
    return Asked(None, told, told)


def sentences(s: dict[str, Any], split: dict[str, np.ndarray]) -> tuple[str, str]:
    """What the chosen number is, and where it goes on both sides."""
    flat, h, w = s["chosen"], s["h"], s["w"]
    token, head, column = flat // (h * w), flat // w % h, flat % w
    goes = {side: [int(i) for i in np.argwhere(array == flat)[0]] for side, array in split.items()}
    says = f"Token {token}, head {head}, number {column} is x[{token}, {w * head + column}], number {flat} in memory."
    who = "Your function" if s["theirs"] else "Reshape alone"
    return says, f"It belongs at {goes['right']}. {who} puts it at {goes['wrong']}."


def of_block(block: np.ndarray, i: int, w: int, h: int) -> str:
    """Which heads a block of the result has numbers of."""
    heads = sorted({int(flat) // w % h for flat in block.ravel()})
    return f"block {i}: {'heads' if len(heads) > 1 else 'head'} {' and '.join(map(str, heads))}"


def half(s: dict[str, Any], side: str, split: np.ndarray, title: str, blocks: list[str]) -> list[str]:
    """One side: its numbers in their blocks."""
    left, n, h, w = LEFT[side], s["n"], s["h"], s["w"]
    name = "Reshape, then transpose" if side == "right" else "Reshape alone"
    name = "Yours" if side == "wrong" and s["theirs"] else name
    drawn = [
        text(left, 22, name, 14, font_weight=600, part=f"{side}-name"),
        text(left, 42, title, 12, "soft", part=f"{side}-title"),
    ]
    for i, words in enumerate(blocks):
        y = TOP - 8 + i * (n * HIGH + GAP + 14)
        drawn.append(text(left, y, words, 12, part=f"{side}-block-{i}"))
    drawn += [tile(side, flat, *place_of(side, split, flat, n), h, w) for flat in range(n * h * w)]
    x, y = place_of(side, split, s["chosen"], n)
    frame: dict[str, Any] = {"width": WIDE + 2, "height": HIGH + 2, "rx": 6, "stroke": "ink", "stroke_width": 2.5}
    lit = element(
        "rect", x=x - 3, y=y - 3, **frame, fill="none", pointer_events="none", part=f"{side}-lit", visibility=seen(True)
    )
    return [*drawn, lit]


def place_of(side: str, split: np.ndarray, flat: int, n: int) -> tuple[int, int]:
    block, row, column = (int(i) for i in np.argwhere(split == flat)[0])
    return LEFT[side] + WIDE * column, TOP + HIGH * row + (n * HIGH + GAP + 14) * block


def tile(side: str, flat: int, x: int, y: int, h: int, w: int) -> str:
    """One number, under its name: token, head, width."""
    token, head, column = flat // (h * w), flat // w % h, flat % w
    box: dict[str, Any] = {
        "width": WIDE - 4,
        "height": HIGH - 4,
        "rx": 4,
        "fill": "wash",
        "stroke": COLORS[head],
        "stroke_width": 2.5,
    }
    says = text(WIDE / 2 - 2, HIGH / 2 + 2, f"t{token} h{head} w{column}", 12, text_anchor="middle")
    return element(
        "g", element("rect", **box), says, part=f"{side}-{flat}", transform=f"translate({x} {y})", class_="point"
    )


def cursor(s: dict[str, Any], split: np.ndarray, says: str) -> str:
    """One stop for the keyboard, from which the arrow keys go on."""
    x, y = place_of("right", split, s["chosen"], s["n"])
    last = s["n"] * s["h"] * s["w"] - 1
    box = {"x": x - 6, "y": y - 6, "width": WIDE + 8, "height": HIGH + 8, "rx": 8}
    return ring("number", "Number of x, chosen by the arrow keys", last, s["chosen"], says, **box)


def controls() -> str:
    return note(HELP) + button("back", "Back") + slider("step", "step", 0, 2, 2, 0.05) + button("next", "Next")
