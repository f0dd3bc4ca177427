"""Flash attention tile by tile: what lies in which memory, the running sums, and how many numbers have moved."""

from typing import Any

import numpy as np

from attncore.dot_product import attention_scores
from attncore.views.explorables.frame import Explorable, button, note, switch
from attncore.views.explorables.parts import decimal, drawing, element, hatching, number, seen, text

N, BLOCK, D = 8, 2, 2
BLOCKS = N // BLOCK
QUERY = [(1, 0), (0, 2), (2, 1), (1, 1), (0, -1), (2, 0), (1, 2), (-1, 1)]
KEY = [(0, 1), (1, 0), (-1, 1), (2, 0), (1, 1), (0, 2), (2, 1), (1, -1)]
VALUE = [(1, 0), (0, 1), (2, 1), (1, 2), (0, 0), (3, 1), (1, 1), (0, 2)]
GRID, TOP, CELL = 46, 58, 26  # the scores
FAR, NEAR, ROWS = 44, 158, 318  # tops of the two memories and of the table
COLUMNS = {"query": 16, "scores": 76, "maximum": 176, "factor": 286, "sum": 396, "accumulator": 476}
HEADINGS = {"query": "query", "scores": "new scores", "maximum": "maximum", "factor": "rescaled by", "sum": "sum"}
HEADINGS |= {"accumulator": "accumulator"}
BAR_AT, BAR = 200, 330
COLORS = {"now": "orange", "before": "blue", "later": "wash", "hidden": "paper"}
HELP = "Step through the tiles, and watch the factor when a larger score comes."


def tiles(is_causal: bool = False) -> Explorable:
    """Attention of eight queries to eight keys in tiles of two by two, one step a tile.

    On the left the tiles of scores, of which one at a time exists; on the right which blocks of queries, keys, values
    and outputs lie in the large memory and which in the small one; below, for the two queries in work, the running
    maximum, the factor by which the old sums shrink, the sum and the accumulator; and how many numbers have moved,
    beside the plain computation, which writes its scores and weights out. Dao et al. (2022); the order of the loops is
    that of FlashAttention-2 (Dao, 2023).
    """
    state: dict[str, Any] = {
        "runs": {"all": walk(False), "causal": walk(True)},
        "causal": is_causal,
        "step": 0,
        "playing": False,
        "plain": plain(),
    }
    alt = spoken(state)
    drawn = drawing(462, alt, grid(state), memories(state), table(state), counter(state))
    buttons = button("back", "Back") + button("next", "Next tile") + button("play", "Play")
    return Explorable("tiles", drawn, alt, state, note(HELP) + buttons + switch("causal", "causal mask", is_causal))


def walk(is_causal: bool) -> list[dict[str, Any]]:
    """Every tile in order, with the two rows' sums after it; a maximum of minus infinity is None."""
    query, key, value = (np.array(each, dtype=float) for each in (QUERY, KEY, VALUE))
    steps, moved = [], 0
    for r in range(BLOCKS):
        rows = slice(BLOCK * r, BLOCK * (r + 1))
        maximum, total, summed = np.full(BLOCK, -np.inf), np.zeros(BLOCK), np.zeros((BLOCK, D))
        visible = [c for c in range(BLOCKS) if c <= r or not is_causal]
        for c in visible:
            keys = slice(BLOCK * c, BLOCK * (c + 1))
            scores = attention_scores(query[rows], key[keys])
            hidden = ~np.tri(BLOCK, BLOCK, BLOCK * (r - c), dtype=bool) & is_causal
            scores = np.where(hidden, -np.inf, scores)
            larger = np.maximum(maximum, scores.max(axis=-1))
            factor = np.exp(maximum - larger)
            weights = np.exp(scores - larger[:, None])
            total = total * factor + weights.sum(axis=-1)
            summed = summed * factor[:, None] + weights @ value[keys]
            moved += BLOCK * D * (2 + (c == visible[0]) + (c == visible[-1]))
            steps.append(
                {
                    "tile": [r, c],
                    "scores": finite_of(scores),
                    "old": finite_of(maximum),
                    "maximum": finite_of(larger),
                    "factor": factor.tolist(),
                    "sum": total.tolist(),
                    "accumulator": summed.tolist(),
                    "output": (summed / total[:, None]).tolist() if c == visible[-1] else None,
                    "moved": moved,
                }
            )
            maximum = larger
    return steps


def finite_of(array: np.ndarray) -> Any:
    """As JSON can hold it: None for minus infinity."""
    listed: Any = array.astype(object)
    listed[~np.isfinite(array)] = None
    return listed.tolist()


def plain() -> int:
    """The numbers that the plain computation moves: both products read and write, and softmax does between them."""
    return 4 * N * D + 4 * N * N


def now(state: dict[str, Any]) -> dict[str, Any]:
    return run_of(state)[state["step"]]


def run_of(state: dict[str, Any]) -> list[dict[str, Any]]:
    return state["runs"]["causal" if state["causal"] else "all"]


def kind(state: dict[str, Any], r: int, c: int) -> str:
    """What has become of a tile: computed now or before, still to come, or hidden and never computed."""
    if state["causal"] and c > r:
        return "hidden"
    order = [each["tile"] for each in run_of(state)]
    at = order.index([r, c])
    return "now" if at == state["step"] else "before" if at < state["step"] else "later"


def grid(state: dict[str, Any]) -> str:
    """The scores: rows are queries, columns are keys. The numbers of one tile alone are there."""
    r, c = now(state)["tile"]
    drawn = [
        text(16, 24, "Which scores exist at once?", 14, font_weight=600),
        text(GRID + CELL * N / 2, TOP - 10, "keys", 12, "soft", text_anchor="middle"),
        text(
            GRID - 8,
            TOP + CELL * N / 2,
            "queries",
            12,
            "soft",
            text_anchor="middle",
            transform=f"rotate(-90 {GRID - 14} {TOP + CELL * N / 2})",
        ),
    ]
    for i in range(N):
        for j in range(N):
            here = kind(state, i // BLOCK, j // BLOCK)
            covered = state["causal"] and j > i
            says = score_said(now(state)["scores"][i % BLOCK][j % BLOCK]) if [r, c] == [i // BLOCK, j // BLOCK] else ""
            x = GRID + CELL * j + 3 * (j // BLOCK)
            y = TOP + CELL * i + 3 * (i // BLOCK)
            drawn.append(
                element(
                    "g",
                    element(
                        "rect",
                        width=CELL - 2,
                        height=CELL - 2,
                        rx=2,
                        fill=COLORS[here],
                        stroke="line",
                        part=f"cell-{i}-{j}",
                    ),
                    hatching(CELL - 2, CELL - 2, part=f"cell-{i}-{j}-hatch", visibility=seen(covered)),
                    text(
                        CELL / 2 - 1, CELL / 2 + 4, says, 12, "paper", text_anchor="middle", part=f"cell-{i}-{j}-says"
                    ),
                    transform=f"translate({decimal(x)} {decimal(y)})",
                )
            )
    return "".join(drawn)


def score_said(score: float | None) -> str:
    return "" if score is None else number(score, 1)


def memories(state: dict[str, Any]) -> str:
    """The large memory with all blocks, and the small one with those that are in work."""
    r, c = now(state)["tile"]
    drawn = [
        element("rect", x=300, y=FAR - 14, width=364, height=104, rx=6, fill="none", stroke="line", stroke_width=1.5),
        text(312, FAR + 4, "High-bandwidth memory: large, slow", 13, font_weight=600),
        element("rect", x=300, y=NEAR - 14, width=364, height=128, rx=6, fill="none", stroke="ink", stroke_width=1.5),
        text(312, NEAR + 4, "On-chip memory: small, fast", 13, font_weight=600),
    ]
    done = finished(state)
    for place, name in enumerate("QKVO"):
        x = 316 + 88 * place
        drawn.append(text(x, FAR + 38, name, 13, text_anchor="middle"))
        for block in range(BLOCKS):
            color = block_color(state, name, block, done)
            drawn.append(
                element(
                    "rect",
                    x=x + 12,
                    y=FAR + 14 + 18 * block,
                    width=48,
                    height=15,
                    rx=2,
                    fill=color,
                    stroke="line",
                    part=f"{name}-{block}",
                )
            )
    for place, (name, block) in enumerate((("Q", r), ("K", c), ("V", c))):
        x = 316 + 88 * place
        drawn.append(element("rect", x=x - 4, y=NEAR + 16, width=76, height=26, rx=3, fill="orange"))
        drawn.append(
            text(x + 34, NEAR + 34, f"{name} block {block}", 13, "paper", text_anchor="middle", part=f"held-{name}")
        )
    drawn.append(text(312, NEAR + 66, kept(state)[0], 13, part="kept-0"))
    drawn.append(text(312, NEAR + 84, kept(state)[1], 13, part="kept-1"))
    drawn.append(text(312, NEAR + 102, kept(state)[2], 13, part="kept-2"))
    return "".join(drawn)


def finished(state: dict[str, Any]) -> int:
    """How many blocks of outputs have been written."""
    return sum(each["output"] is not None for each in run_of(state)[: state["step"] + 1])


def block_color(state: dict[str, Any], name: str, block: int, done: int) -> str:
    """Moved in this step, there already, or an output that isn't there yet."""
    step, (r, c) = now(state), now(state)["tile"]
    if name == "O":
        return "orange" if step["output"] is not None and block == done - 1 else "blue" if block < done else "wash"
    if name == "Q":
        return "orange" if block == r and c == 0 else "blue"
    return "orange" if block == c else "blue"


def kept(state: dict[str, Any]) -> list[str]:
    """What happens in this step, in three lines."""
    step, (r, c) = now(state), now(state)["tile"]
    came = f"Queries {two(r)}, keys and values {two(c)} come in." if c == 0 else f"Keys and values {two(c)} come in."
    left = (
        f"Outputs {two(r)} are divided by the sum and go out."
        if step["output"] is not None
        else "The sums stay here, and no output goes out yet."
    )
    return [came, f"{BLOCK * BLOCK} scores exist, then the next tile takes their place.", left]


def two(block: int) -> str:
    return f"{BLOCK * block} and {BLOCK * block + 1}"


def table(state: dict[str, Any]) -> str:
    """The running sums of the two queries in work."""
    drawn = [text(x, ROWS, HEADINGS[name], 12, "soft") for name, x in COLUMNS.items()]
    for row, told in enumerate(rows_of(state)):
        for name, x in COLUMNS.items():
            drawn.append(text(x, ROWS + 22 + 20 * row, told[name], 13, part=f"{name}-{row}"))
    return "".join(drawn)


def rows_of(state: dict[str, Any]) -> list[dict[str, str]]:
    step = now(state)
    r, _ = step["tile"]
    told = []
    for row in range(BLOCK):
        old, new = step["old"][row], step["maximum"][row]
        changed = old is None or new > old
        output = step["output"]
        summed = vector(step["accumulator"][row])
        told.append(
            {
                "query": str(BLOCK * r + row),
                "scores": ", ".join(score_said(one) or "hidden" for one in step["scores"][row]),
                "maximum": f"{'−∞' if old is None else number(old)} → {number(new)}" if changed else number(new),
                "factor": f"e^({'−∞' if old is None else number(old - new)}) = {number(step['factor'][row])}"
                if changed
                else "1",
                "sum": number(step["sum"][row]),
                "accumulator": summed if output is None else f"{summed}, out {vector(output[row])}",
            }
        )
    return told


def vector(numbers: Any) -> str:
    return f"({', '.join(number(one) for one in numbers)})"


def counter(state: dict[str, Any]) -> str:
    """Numbers that have moved between the two memories."""
    drawn = [text(16, 398, "Numbers moved", 13, font_weight=600)]
    for row, (words, part, count, color) in enumerate(
        (
            ("in tiles, so far", "tiled", now(state)["moved"], "green"),
            ("scores written out, in all", "plain", state["plain"], "grey"),
        )
    ):
        y = 420 + 24 * row
        drawn += [
            text(16, y, words, 13),
            element("rect", x=BAR_AT, y=y - 12, width=BAR, height=14, fill="wash"),
            element(
                "rect",
                x=BAR_AT,
                y=y - 12,
                width=BAR * count / state["plain"],
                height=14,
                fill=color,
                part=f"{part}-bar",
            ),
            text(BAR_AT + BAR + 10, y, number(count), 13, part=f"{part}-says"),
        ]
    return "".join(drawn)


def spoken(state: dict[str, Any]) -> str:
    step, (r, c) = now(state), now(state)["tile"]
    rows = "; ".join(
        f"query {told['query']}: scores {told['scores']}, maximum {told['maximum']}, rescaled by {told['factor']}, "
        f"sum {told['sum']}, accumulator {told['accumulator']}"
        for told in rows_of(state)
    )
    masked = " with a causal mask" if state["causal"] else ""
    return (
        f"Tile {state['step'] + 1} of {len(run_of(state))}{masked}: queries {two(r)}, keys {two(c)}. {rows}. "
        f"{step['moved']} numbers moved so far, where the plain computation moves {state['plain']} in all."
    )
