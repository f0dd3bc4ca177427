"""A picture of a server's memory: who holds which block."""

from collections.abc import Mapping, Sequence

from attncore.look import GREY
from attncore.views.style import Picture
from attncore.views.tables import Cell, table

HANDS = ("#cfe3f1", "#f6d5bf", "#cdeade", "#efd9e6")  # one request's blocks, another's, and so on
SHARED, FREE = "#d9d9d9", "#ffffff"


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
