"""Lesson 21: what the course's own mistakes do to SmolLM2, as points and one by one; and its heads at a glance."""

from collections.abc import Sequence

import numpy as np

from attncore.look import BLUE, GREEN, GREY, ORANGE, PINK
from attncore.recorded import Mistake, recorded_mistakes
from attncore.views.live import Live, choice
from attncore.views.plots import label
from attncore.views.style import Picture, canvas, figure, sentence

COLORS = {"loud": ORANGE, "late": PINK, "silent": BLUE, "too good": GREEN, "harmless": GREY}
MARKS = {"loud": "o", "late": "^", "silent": "s", "too good": "v", "harmless": "."}
ERROR = "error"


def changes(mistakes: Sequence[Mistake]) -> np.ndarray:
    """By how much each takes the two losses up, (mistakes, 2)."""
    right = recorded_mistakes()[0]
    return np.array([[mistake.whole - right.whole, mistake.decoding - right.decoding] for mistake in mistakes])


def symptoms_drawn(chosen: Mistake | None = None) -> Picture:
    """Lesson 21: every labeled mistake by what it does to the loss of a text read at once, and decoded."""
    mistakes = [m for m in recorded_mistakes()[1:] if m.kind in COLORS and np.isfinite(m.whole)]
    drawn, (ax,) = canvas(7.0, 4.2)
    for kind, color in COLORS.items():
        at = changes([m for m in mistakes if m.kind == kind])
        ax.scatter(
            at[:, 0], at[:, 1], s=34, color=color, marker=MARKS[kind], alpha=0.75, label=f"{kind} ({len(at)})", zorder=3
        )
    if chosen is not None and np.isfinite(chosen.whole):
        at = changes([chosen])
        ax.scatter(at[:, 0], at[:, 1], s=190, facecolors="none", edgecolors="black", linewidths=2, zorder=4)
    ax.axhline(0, color=GREY, lw=0.8, zorder=0)
    ax.axvline(0, color=GREY, lw=0.8, zorder=0)
    reach = (-4, 2500)  # from the best of the too good ones to the worst of the loud
    ax.set(xscale="symlog", yscale="symlog", xlim=reach, ylim=reach)
    ticks = (-1, 0, 1, 10, 100, 1000)
    ax.set_xticks(ticks, map(str, ticks))
    ax.set_yticks(ticks, map(str, ticks))
    label(ax, "What does a mistake do to the loss?", "nats more, read at once", "nats more, decoded")
    ax.legend(loc="lower right")
    counts = ", ".join(f"{sum(m.kind == kind for m in mistakes)} {kind}" for kind in COLORS)
    late = [m for m in mistakes if m.kind == "late"]
    alt = f"{len(mistakes)} mistakes as points, by how much they raise both losses: {counts}. "
    alt += f"The late ones lie above zero: {'; '.join(f'{m.part}, {m.label}' for m in late)}."
    return figure(drawn, alt)


def mistakes_picture() -> Live:
    """Lesson 21: one mistake at a time, its point and what it makes the model write."""
    right, *mistakes = recorded_mistakes()
    named = {f"{m.part}: {m.label}": m for m in sorted(mistakes, key=lambda m: (list(COLORS) + [ERROR]).index(m.kind))}

    def draw(mistake: str) -> Picture:
        chosen = named[mistake]
        if chosen.kind == ERROR:
            return sentence(f"{mistake}. With it, the model ends in an error.")
        fact, _, question = chosen.text.partition(" / ")
        told = f"{chosen.kind}: {chosen.whole:.2f} nats read at once ({right.whole:.2f} without it), "
        told += f'{chosen.decoding:.2f} decoded ({right.decoding:.2f}). "The capital of France is" goes on {fact!r}, '
        told += f'and "Name three colors." is answered {question!r}.'
        drawn = symptoms_drawn(chosen)
        return Picture(drawn.svg, f"{mistake}, {told}", f"{mistake}. {told[:1].upper()}{told[1:]}")

    return Live(draw, mistake=choice("mistake", list(named), "apply_rotary: opposite direction"))
