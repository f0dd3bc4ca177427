"""Pictures of a server: requests on a time line, and who holds which block."""

from collections.abc import Mapping, Sequence

from attncore.look import BLUE, GREEN, GREY, ORANGE
from attncore.views.style import Picture, picture
from attncore.views.svg import document, rect, text, width_of
from attncore.views.tables import Cell, table

SHADES = {"prefill": ORANGE, "decode": BLUE, "preempted": GREEN}
WIDE, ROW, SIZE = 620, 22, 12
HANDS = ("#cfe3f1", "#f6d5bf", "#cdeade", "#efd9e6")  # one request's blocks, another's, and so on
SHARED, FREE = "#d9d9d9", "#ffffff"


def timeline(bars: Sequence[tuple[str, float, float, str]], arrivals: Mapping[str, float], title: str) -> Picture:
    """Bars of (row, start, end, kind) in seconds, and a tick where each row's request arrives."""
    end = max(stop for _, _, stop, _ in bars)
    left = max(width_of(name, SIZE) for name in arrivals) + 12
    parts = []
    for place, (name, arrival) in enumerate(arrivals.items()):
        y = 6 + place * ROW
        parts.append(text(left - 8, y + 13, name, SIZE, "end"))
        parts.append(rect(left, y + 8, WIDE, 1, "#dddddd"))
        for _, start, stop, kind in (bar for bar in bars if bar[0] == name):
            wide = max(WIDE * (stop - start) / end - 0.4, 2.5 if kind == "preempted" else 0.6)
            parts.append(rect(left + WIDE * start / end, y, wide, 16, SHADES[kind]))
        parts.append(rect(left + WIDE * arrival / end - 1, y - 2, 2, 20, "#000"))
    bottom = 6 + len(arrivals) * ROW
    for tick in range(5):
        x = left + WIDE * tick / 4
        parts.append(text(x, bottom + 14, f"{end * tick / 4:.2f} s", SIZE, "middle"))
    x = left
    for kind, shade in (*SHADES.items(), ("arrives", "#000")):
        parts += [
            rect(x, bottom + 26, 2 if kind == "arrives" else 12, 12, shade),
            text(x + 16, bottom + 36, kind, SIZE),
        ]
        x += 34 + width_of(kind, SIZE)
    counts = {kind: sum(bar[3] == kind for bar in bars) for kind in SHADES}
    told = ", ".join(f"{n} pieces of {kind}" for kind, n in counts.items() if n)
    alt = f"{title} {len(arrivals)} requests over {end:.2f} seconds: {told}."
    return picture(document(left + WIDE + 30, bottom + 46, "".join(parts)), title, alt)


def block_map(slots: Mapping[str, Sequence[int]], n_blocks: int, block: int, title: str) -> Picture:
    """Who has a token in which slot: a row for each block of the pool, a column for each place in it."""
    held: dict[int, list[str]] = {}
    for name, places in slots.items():
        for token, slot in enumerate(places):
            held.setdefault(slot, []).append(f"{name}{token}")
    shade = dict(zip(slots, HANDS, strict=False))
    cells = [[slot_cell(held.get(b * block + i, []), shade) for i in range(block)] for b in range(n_blocks)]
    rows = [f"block {b}" for b in range(n_blocks)]
    holders = [sorted({who for i in range(block) for who in held.get(b * block + i, [])}) for b in range(n_blocks)]
    told = "; ".join(f"block {b} holds {', '.join(who) or 'nothing'}" for b, who in enumerate(holders))
    return table(cells, rows, range(block), title, f"{title} {told}.")


def slot_cell(holders: list[str], shade: Mapping[str, str]) -> Cell:
    """A slot with its tokens: a color of one request, gray where several share it."""
    if not holders:
        return Cell(FREE, GREY, "·")
    color = SHARED if len(holders) > 1 else shade[holders[0].rstrip("0123456789")]
    return Cell(color, "#000000", " = ".join(holders))
