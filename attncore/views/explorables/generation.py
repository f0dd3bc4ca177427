"""Generation, step by step: the rows of the causal mask that are computed, and the cache of keys and values."""

from typing import Any

import numpy as np

from attncore.long_context import sliding_window_mask
from attncore.views.explorables.frame import Explorable, button, note, slider, switch
from attncore.views.explorables.parts import decimal, drawing, element, hatching, number, seen, text

WORDS = ("the", "cat", "sat", "on", "the", "mat", "and", "then", "it", "ran", "off", "with", "the")
MOST, MOST_LAYERS = len(WORDS) - 1, 4  # what fits; one more word is predicted
SQUARE, ROOM = 62, 324  # where the mask begins, and how wide it may be
STRIPS, STRIP = 44, 16  # where the cache begins, and how high a row of it is
PANEL, BAR_AT, BAR = 462, 520, 96
COLORS = {"now": "orange", "before": "blue", "hidden": "wash", "absent": "paper"}
LEGEND = {"now": "computed in this step", "before": "in an earlier step", "hidden": "hidden by the mask"}
HELP = "Step through it. Switch the cache off to see what each step would have to compute again."


def generation(prompt_length: int = 4, steps: int = 5, window: int | None = None, n_layers: int = 1) -> Explorable:
    """The causal mask while tokens are generated: the prompt's square at once, then a row a step; above it the cache.

    It counts the scores that the mask allows and the keys and values that are computed, in all layers, with the cache
    and without. A `window` lets each token see itself and the window - 1 before it, and the cache drops the others. The
    sentence is fixed: no model runs. Raises ValueError unless each number is at least 1, for more than 12 tokens
    together, and for more than 4 layers.
    """
    at_most("prompt_length", prompt_length, MOST - 1)
    at_most("steps", steps, MOST - prompt_length)
    at_most("n_layers", n_layers, MOST_LAYERS)
    n = prompt_length + steps
    window = n if window is None else window
    at_most("window", window, None)
    state: dict[str, Any] = {
        "words": WORDS[: n + 1],
        "prompt": prompt_length,
        "steps": steps,
        "window": min(window, n),
        "layers": n_layers,
        "step": 1,
        "cached": True,
        "playing": False,
        "cell": min(32, ROOM / n),
        "top": STRIPS + 2 * STRIP * n_layers + 28,
    }
    alt = spoken(state)
    height = max(state["top"] + state["cell"] * n + 34, 324)
    drawn = drawing(height, alt, labels(state), cache(state), square(state), panel(state), legend(height - 12))
    return Explorable("generation", drawn, alt, state, controls(state))


def at_most(name: str, given: int, most: int | None) -> None:
    """Refuse a number that isn't there to be drawn."""
    if given < 1 or (most is not None and given > most):
        raise ValueError(f"{name} is {given}, expected at least 1" + (f" and at most {most}" if most else ""))


def masks(state: dict[str, Any], step: int, cached: bool) -> np.ndarray:
    """The mask of a step, a row for each query: all tokens so far, or with the cache the new ones alone."""
    mask = sliding_window_mask(state["prompt"] + step, state["window"])
    return mask[-1:] if cached and step else mask


def counts(state: dict[str, Any], step: int, cached: bool) -> tuple[int, int]:
    """How many scores and how many keys and values a step computes, in all layers."""
    mask = masks(state, step, cached)
    return int(mask.sum()) * state["layers"], 2 * len(mask) * state["layers"]


def totals(state: dict[str, Any], step: int, cached: bool) -> tuple[int, ...]:
    """The same for all steps up to this one."""
    return tuple(map(sum, zip(*(counts(state, one, cached) for one in range(step + 1)), strict=True)))


def kinds(state: dict[str, Any]) -> list[list[str]]:
    """For each query and key, what this step makes of their score, with the cache."""
    n = state["prompt"] + state["steps"]
    drawn = [["absent"] * n for _ in range(n)]
    for step in range(state["step"] + 1):
        mask, kind = masks(state, step, True), "now" if step == state["step"] else "before"
        for i, row in enumerate(mask, start=mask.shape[1] - len(mask)):
            drawn[i][: len(row)] = [kind if allowed else "hidden" for allowed in row]
    return drawn


def held(state: dict[str, Any]) -> list[str]:
    """For each token, what the cache has of it: the last `window` tokens stay."""
    tokens, n = state["prompt"] + state["step"], state["prompt"] + state["steps"]
    new = state["prompt"] if state["step"] == 0 else 1
    drawn = ["now" if tokens - new <= token < tokens else "before" for token in range(tokens)]
    dropped = max(0, tokens - state["window"])
    return ["hidden"] * dropped + drawn[dropped:] + ["absent"] * (n - tokens)


def heading(state: dict[str, Any]) -> str:
    return f"Step {state['step']}: one new token" if state["step"] else f"Prefill: {state['prompt']} tokens at once"


def sizes(state: dict[str, Any]) -> str:
    """The step's queries, keys and scores, with the cache."""
    mask = masks(state, state["step"], True)
    keys = int(mask.any(axis=0).sum())
    return f"{some(len(mask), 'query', 'queries')}, {some(keys, 'key')}: {some(int(mask.sum()), 'score')}"


def some(count: int, one: str, many: str = "") -> str:
    return f"{count} {one if count == 1 else many or one + 's'}"


def kept(state: dict[str, Any]) -> str:
    """What the cache holds after the step."""
    tokens = min(state["prompt"] + state["step"], state["window"])
    layers = "" if state["layers"] == 1 else f" in {state['layers']} layers"
    return f"{some(tokens, 'token')}: K and V{layers}"


def spoken(state: dict[str, Any]) -> str:
    """The alternative text."""
    step = state["step"]
    (scores, vectors), (all_scores, all_vectors) = totals(state, step, True), totals(state, step, False)
    return (
        f"{heading(state)}, {sizes(state)} in each layer. So far {scores} scores with a cache, {all_scores} without; "
        f"{vectors} keys and values computed with it, {all_vectors} without. Kept for the next step: {kept(state)}."
    )


def labels(state: dict[str, Any]) -> str:
    """The words so far, as queries down the side and as keys over the mask, and the one that comes next."""
    tokens, cell, top = state["prompt"] + state["step"], state["cell"], state["top"]
    drawn = [
        text(16, 26, "What does each step compute?", 14, font_weight=600),
        text(SQUARE - 8, top - 8, "keys", 12, "soft", text_anchor="end"),
    ]
    for token, word in enumerate(state["words"][:-1]):
        shown, new = word if token < tokens else "", token == tokens - 1
        y, x = top + cell * (token + 0.5) + 4, SQUARE + cell * (token + 0.5) - 1
        weight = 700 if new else 400
        drawn.append(text(SQUARE - 8, y, shown, 12, text_anchor="end", font_weight=weight, part=f"query-{token}"))
        drawn.append(text(x, top - 8, shown, 12, text_anchor="middle", font_weight=weight, part=f"key-{token}"))
    y, word = top + cell * (tokens - 0.5) + 4, state["words"][tokens]
    drawn.append(
        text(SQUARE + cell * len(state["words"][:-1]) + 6, y, f"→ {word}", 12, part="predicted", font_weight=600)
    )
    return "".join(drawn)


def cache(state: dict[str, Any]) -> str:
    """A row for the keys and one for the values of each layer; a token's stand over its column."""
    drawn = []
    for layer in range(state["layers"]):
        for which, name in enumerate("KV"):
            y = STRIPS + STRIP * (2 * layer + which)
            label = name if state["layers"] == 1 else f"{name} layer {layer}"
            drawn.append(text(SQUARE - 8, y + 11, label, 12, "soft", text_anchor="end"))
            for token, kind in enumerate(held(state)):
                place = SQUARE + state["cell"] * token, y
                drawn.append(box(f"{name}-{layer}-{token}", *place, state["cell"] - 2, STRIP - 2, kind))
    return "".join(drawn)


def box(part: str, x: float, y: float, width: float, height: float, kind: str) -> str:
    """A score or a vector: computed now or before, hidden, or not there."""
    return element(
        "g",
        element(
            "rect", width=width, height=height, rx=2, fill=COLORS[kind], stroke="line", stroke_width=0.7, part=part
        ),
        hatching(width, height, part=f"{part}-hatch", visibility=seen(kind == "hidden")),
        transform=f"translate({decimal(x)} {decimal(y)})",
    )


def square(state: dict[str, Any]) -> str:
    """The mask: rows are queries, columns are keys."""
    cell, top = state["cell"], state["top"]
    return "".join(
        box(f"score-{i}-{j}", SQUARE + cell * j, top + cell * i, cell - 2, cell - 2, kind)
        for i, row in enumerate(kinds(state))
        for j, kind in enumerate(row)
    )


def panel(state: dict[str, Any]) -> str:
    """What this step computes, and what all have so far, with the cache and without."""
    step, last = state["step"], totals(state, state["steps"], False)
    drawn = [
        text(PANEL, 26, heading(state), 14, font_weight=600, part="heading"),
        text(PANEL, 50, sizes(state), 13, part="sizes"),
        text(PANEL, 67, "in each layer" if state["layers"] > 1 else "", 12, "soft"),
    ]
    for place, name in enumerate(("Scores", "Keys and values")):
        y = 96 + 82 * place
        drawn.append(text(PANEL, y, f"{name} so far", 13, font_weight=600))
        for row, cached in enumerate((True, False)):
            total, below = totals(state, step, cached)[place], y + 24 + 24 * row
            part = f"{'scores' if place == 0 else 'vectors'}-{'with' if cached else 'without'}"
            width = BAR * total / last[place]
            drawn += [
                text(PANEL, below, "cache" if cached else "no cache", 12, "soft"),
                element("rect", x=BAR_AT, y=below - 11, width=BAR, height=14, fill="wash"),
                element(
                    "rect",
                    x=BAR_AT,
                    y=below - 11,
                    width=width,
                    height=14,
                    fill="blue" if cached else "grey",
                    part=part,
                ),
                text(BAR_AT + BAR + 8, below, number(total), 12, part=f"{part}-says"),
            ]
    drawn.append(text(PANEL, 260, "Kept for the next step", 13, font_weight=600))
    drawn.append(text(PANEL, 280, kept(state), 13, part="kept"))
    return "".join(drawn)


def legend(y: float) -> str:
    drawn = [text(664, y, "rows: queries, columns: keys", 12, "soft", text_anchor="end")]
    for place, (kind, words) in enumerate(LEGEND.items()):
        x = (16, 178, 312)[place]
        drawn += [box(f"legend-{kind}", x, y - 10, 12, 12, kind), text(x + 18, y, words, 12)]
    return "".join(drawn)


def controls(state: dict[str, Any]) -> str:
    n = state["prompt"] + state["steps"]
    buttons = button("back", "Back") + button("next", "Next step") + button("play", "Play")
    window = slider("window", "window", 1, n, state["window"], 1, says="window-says")
    return note(HELP) + buttons + switch("cached", "cache", True) + window
