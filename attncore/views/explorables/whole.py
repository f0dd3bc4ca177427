"""The whole Transformer: a trunk with branches, whose parts can be exchanged."""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from attncore.transformer import encoder_block
from attncore.views.depth import MASK, N_HEADS, N_LAYERS, curves_of, size, small_model
from attncore.views.explorables.frame import Asked, Explorable, asked, button, choice, note, slider, switch
from attncore.views.explorables.parts import arrow, drawing, element, hatching, number, path, ring, seen, text

PANEL, RIGHT = 446, 668
BARS, BAR = 556, 54
CHART = {"x": 466, "y": 446, "width": 200, "height": 86}
ROWS = 8  # of what is said about a box
HELP = "Point at a part, or press Tab and walk along the trunk with the arrow keys."

BASE = {
    "types": 0,  # rows of BERT's embedding of first and second text
    "embeddingNorm": 0,
    "patch": 0,  # numbers in an image's patch
    "cross": False,
    "bias": True,
    "rms": False,
    "ratio": 4,  # of the inner width to the width
    "tied": True,
    "mlp": "GELU",
    "position": "learned",
    "norm": "before",
    "causal": True,
}
MODELS: dict[str, dict[str, Any]] = {
    "BERT": BASE
    | {"n": 512, "m": 768, "h": 12, "g": 12, "layers": 12, "c": 30522, "types": 2, "embeddingNorm": 1}
    | {"norm": "after", "causal": False},
    "GPT-2": BASE | {"n": 1024, "m": 768, "h": 12, "g": 12, "layers": 12, "c": 50257},
    "Transformer": BASE
    | {"n": 512, "m": 512, "h": 8, "g": 8, "layers": 6, "c": 37000, "cross": True, "mlp": "ReLU"}
    | {"position": "sinusoidal", "norm": "after"},
    "Llama 3": BASE
    | {"n": 8192, "m": 4096, "h": 32, "g": 8, "layers": 32, "c": 128256, "bias": False, "rms": True, "ratio": 3.5}
    | {"tied": False, "mlp": "SwiGLU", "position": "rotary"},
    "ViT": BASE
    | {"n": 197, "m": 768, "h": 12, "g": 12, "layers": 12, "c": 1000, "patch": 768, "tied": False, "causal": False},
}
LABELS = {"learned": "learned positions", "sinusoidal": "sinusoidal positions", "rotary": "rotary"}
LESSONS = {
    "heads": "07_heads",
    "positions": "08_positions",
    "transformer": "09_transformer",
    "vision": "10_vision",
    "gradients": "11_gradients",
    "shared_heads": "13_shared_heads",
}


class Column(NamedTuple):
    """Where one stack of blocks stands: its trunk, its boxes beside it, and the places in each sublayer's slot."""

    trunk: int
    left: int  # of the boxes
    width: int
    ends: int  # left of the boxes at both ends
    top: int  # of the trunk
    side: int  # 1 where the boxes are right of the trunk, -1 where they are left of it
    slots: dict[str, int]
    add: int
    after: int  # a norm after the addition
    box: int
    height: int
    pill: int  # a norm before the branch
    leave: int


SINGLE: dict[str, Any] = {
    "slots": {"mlp": 130, "attention": 296},
    "add": 16,
    "after": -4,
    "box": 36,
    "height": 66,
    "pill": 121,
    "leave": 142,
}
CROSSED: dict[str, Any] = {
    "slots": {"mlp": 128, "cross": 240, "attention": 352},
    "add": 12,
    "after": -5,
    "box": 24,
    "height": 44,
    "pill": 82,
    "leave": 96,
}
COLUMNS = {
    "alone": Column(trunk=66, left=116, width=300, ends=14, top=64, side=1, **SINGLE),
    "a": Column(trunk=46, left=76, width=134, ends=6, top=70, side=1, **SINGLE),
    "b": Column(trunk=398, left=222, width=140, ends=262, top=64, side=-1, **CROSSED),
}
SUBLAYERS = {"a": ("attention", "mlp"), "b": ("attention", "cross", "mlp")}
COLORS = {"attention": "blue", "cross": "orange", "mlp": "green"}


def whole(architecture: str = "gpt2", function: Callable[..., Any] | None = None) -> Explorable:
    """A whole Transformer as a trunk with branches: its shapes, formulas and parameters, and a run of a small one.

    `architecture` is where it begins: "bert", "gpt2", "transformer", "llama3" or "vit". Each part can be exchanged; the
    sizes at the beginning are those of BERT-base, GPT-2 small, the base model of 2017, Llama 3 8B and ViT-B/16. The run
    is of a small random model, 12 blocks with the norms before the branches or after the additions, forward and
    backward. `function(x, weights, n_heads, mask)` is the learner's `encoder_block`; what it makes of the first block
    is marked. Raises ValueError for another architecture. Vaswani et al. (2017); where the norm stands: Xiong et al.
    (2020).
    """
    names = {name.lower().replace("-", "").replace(" ", ""): name for name in MODELS}
    if architecture not in names:
        raise ValueError(f'whole: architecture is "{architecture}", expected one of {", ".join(names)}')
    answer = answer_of(function)
    model = names[architecture]
    state = MODELS[model] | {
        "model": model,
        "models": MODELS,
        "at": {name: column._asdict() for name, column in COLUMNS.items()},
        "lessons": LESSONS,
        "run": {where: curves_of(where)._asdict() for where in ("before", "after")},
        "theirs": None if answer.array is None else size(answer.array),
        "chosen": "a-attention",
        "back": False,
        "layer": 1,
    }
    counts = parameters(state)
    detail = attention_detail(state)
    alt = alternative(state, counts, detail)
    drawn = [
        text(20, 22, heading(state), 14, font_weight=600, part="heading"),
        *diagram(state),
        cursor(state, f"{detail[0]}: {'; '.join(detail[1:])}"),
        panel(detail),
        *bars(counts),
        *chart(state),
    ]
    return Explorable("whole", drawing(580, alt, *drawn), alt, state, controls(state), asked=answer)


def answer_of(function: Callable[..., Any] | None) -> Asked:
    """What the learner's block makes of the small model's first; where it can be drawn, the sentence gives its size."""
    x, (block, *_), _ = small_model()
    course = encoder_block(x, block, N_HEADS, MASK)
    answer = asked(function, x, block, N_HEADS, MASK, course=course)
    if function is None or answer.array is None:
        return answer
    name = getattr(function, "__name__", "your function")
    told = f"◇ is the size after block 1, norm before, as {name} computes it."
    if not np.allclose(answer.array, course, rtol=1e-4, atol=1e-6):
        told = f"{told} Its numbers aren't the course's: size {number(size(answer.array))}, not {number(size(course))}."
    return answer._replace(told=told, moved=told)


# What is counted and said.


def shape(*lengths: int) -> str:
    return f"({', '.join(map(str, lengths))})"


def amount(count: float) -> str:
    """A count to read: 124.4 M."""
    for unit, word, digits in ((1e9, " B", 2), (1e6, " M", 1), (1e3, " K", 1)):
        if count >= unit:
            return number(count / unit, digits) + word
    return number(count, 0)


def parameters(s: dict[str, Any]) -> dict[str, int]:
    """The numbers that the whole model learns, by part."""
    n, m, c, layers, f = s["n"], s["m"], s["c"], s["layers"], round(s["ratio"] * s["m"])
    stacks = 2 if s["cross"] else 1
    norms = (5 if s["cross"] else 2) * layers + stacks * (s["norm"] == "before") + s["embeddingNorm"]
    two_layers = 2 * m * f + (f + m if s["bias"] else 0)
    return {
        "embedding": s["patch"] * m + 2 * m if s["patch"] else (c + s["types"]) * m,
        "positions": stacks * n * m if s["position"] == "learned" else 0,
        "attention": stacks * layers * attention_parameters(s, s["g"]),
        "cross-attention": layers * attention_parameters(s, s["h"]) if s["cross"] else 0,
        "feed-forward": stacks * layers * (3 * m * f if s["mlp"] == "SwiGLU" else two_layers),
        "norms": norms * (m if s["rms"] else 2 * m),
        "output": 0 if s["tied"] else m * c + (c if s["patch"] else 0),
    }


def attention_parameters(s: dict[str, Any], groups: int) -> int:
    m, shared = s["m"], s["m"] // s["h"] * groups
    return 2 * m * m + 2 * m * shared + (2 * m + 2 * shared if s["bias"] else 0)


def heading(s: dict[str, Any]) -> str:
    kind = "an encoder and a decoder" if s["cross"] else "a decoder" if s["causal"] else "an encoder"
    return f"{s['model']}: {kind} of {s['layers']} blocks{' each' if s['cross'] else ''}"


def attention_detail(s: dict[str, Any]) -> list[str]:
    """A title and lines on the attention of the first column, what is looked at first."""
    n, h, g, d = s["n"], s["h"], s["g"], s["m"] // s["h"]
    sees_all = s["cross"] or not s["causal"]
    lesson = LESSONS["shared_heads" if g < h else "heads"]
    return [
        attention_name(s),
        f"softmax(Q Kᵀ / √{d}{'' if sees_all else ' + mask'}) V",
        "heads side by side, times W_output",
        f"Q {shape(h, n, d)}",
        f"K, V {shape(g, n, d)}",
        f"weights {shape(h, n, n)}",
        "every token sees every token" if sees_all else "causal: no token sees a later one",
        f"{attention_parameters(s, g):,} parameters a block",
        f"Lesson {lesson[:2]}",
    ]


def attention_name(s: dict[str, Any]) -> str:
    return "grouped-query attention" if s["g"] < s["h"] else "attention"


def alternative(s: dict[str, Any], counts: dict[str, int], detail: list[str]) -> str:
    where = "in each branch" if s["norm"] == "before" else "on the trunk after each addition"
    asks = " in the decoder, which asks the encoder's output" if s["cross"] else ""
    listed = ", ".join(f"{name} {amount(count)}" for name, count in counts.items() if count)
    sizes = ", ".join(number(x) for x in s["run"][s["norm"]]["sizes"][:3])
    return (
        f"{heading(s)}. {'Two residual streams' if s['cross'] else 'A residual stream'} of shape "
        f"{shape(s['n'], s['m'])}, the {'RMSNorm' if s['rms'] else 'layer norm'} {where}, {LABELS[s['position']]}"
        f"{' positions' if s['position'] == 'rotary' else ''}, {'a causal mask' if s['causal'] else 'no mask'}{asks}, "
        f"{s['h']} heads with {s['g']} heads of keys and values, {s['mlp']} of inner width "
        f"{round(s['ratio'] * s['m'])}. {amount(sum(counts.values()))} parameters: {listed}. "
        f"Chosen: {detail[0]}, {'; '.join(detail[1:])}. In a small random model, the size of the stream in block 1: "
        f"{sizes}."
    )


# The drawing.


def diagram(s: dict[str, Any]) -> list[str]:
    """The two columns, of which the second is seen where an encoder's output is asked."""
    first, second = COLUMNS["a" if s["cross"] else "alone"], COLUMNS["b"]
    frame = element("rect", x=4, y=108, width=430, height=356, rx=8, fill="none", stroke="line", stroke_dasharray="5 4")
    times = text(9, 458, f"×{s['layers']}", 13, "soft", font_weight=600, part="times")
    memory = element(
        "g",
        edge("memory-way", [(COLUMNS["a"].trunk, 70), (215, 70), (215, 286), (221, 286)], "orange"),
        text(56, 62, f"memory {shape(s['n'], s['m'])}", 12, "soft", part="memory-says"),
        part="memory",
        visibility=seen(s["cross"]),
    )
    b = element("g", *column(s, "b", second), part="b", visibility=seen(s["cross"]))
    return [frame, times, memory, *column(s, "a", first), b, *stream(s, first)]


def stream(s: dict[str, Any], at: Column) -> list[str]:
    """Beside the first trunk: its shape, and the sizes in the small model."""
    sizes, drawn = s["run"][s["norm"]]["sizes"], []
    for step, (where, y) in enumerate((("in", 456), ("between", 296), ("out", 102))):
        x = at.trunk + (40 if step == 2 or s["norm"] == "after" and step == 1 else 10)
        drawn.append(text(x, y, f"{sizes[step]:.2f}", 12, font_weight=600, part=f"size-{where}"))
        drawn.append(text(x + 36, y, shape(s["n"], s["m"]), 12, "soft", part=f"stream-{where}"))
    return drawn


def column(s: dict[str, Any], name: str, at: Column) -> list[str]:
    """A trunk from bottom to top, its branches, and what stands on them."""
    middle, first = at.left + at.width / 2, name == "a"
    shown = first or s["cross"]
    drawn = [
        element(
            "path",
            d=path([(at.trunk, 516), (at.trunk, at.top)]),
            fill="none",
            stroke="blue",
            stroke_width=8,
            part=f"{name}-trunk",
        ),
        element(
            "path",
            d=arrow(at.trunk, 96, at.trunk, at.top, 12),
            fill="none",
            stroke="blue",
            stroke_width=4,
            part=f"{name}-end",
            visibility=seen(shown and not (first and s["cross"])),
        ),
    ]
    for part in SUBLAYERS[name]:
        y = at.slots[part]
        inward = [(at.trunk, y + at.leave), (middle, y + at.leave), (middle, y + at.box + at.height + 1)]
        outward = [(middle, y + at.box - 1), (middle, y + at.add), (at.trunk + 10 * at.side, y + at.add)]
        drawn += [edge(f"{name}-{part}-in", inward), edge(f"{name}-{part}-out", outward)]
        drawn.append(sublayer(s, name, part, at))
        drawn.append(plus(f"{name}-{part}-add", at.trunk, y + at.add))
        x, y = (middle, y + at.pill) if s["norm"] == "before" else (at.trunk, y + at.after)
        drawn.append(pill(f"{name}-{part}-norm", x, y, 34, norm_name(s)))
    rotary = s["position"] == "rotary"
    x, y = (at.left + 34, y_of(at, "attention") - 5) if rotary else (at.trunk + 92 * at.side, 488)
    way = edge(
        f"{name}-position-way",
        [(at.trunk + 26 * at.side, 488), (at.trunk + 5 * at.side, 488)],
        visible=shown and not rotary,
    )
    ends = {"width": 170, "height": 26, "rx": 5, "fill": "wash", "stroke": "grey", "stroke_width": 1.5}
    first_words = "patches" if s["patch"] else "embedding"
    last_words = f"classes {shape(s['c'])}" if s["patch"] else f"logits {shape(s['n'], s['c'])}"
    ids = f"image, {s['n'] - 1} patches" if s["patch"] else f"token ids {shape(s['n'])}"
    return [
        *drawn,
        way,
        pill(f"{name}-position", x, y, 29 if rotary else 66, LABELS[s["position"]]),
        pill(f"{name}-final", at.trunk, 84, 34, norm_name(s), visible=shown and s["norm"] == "before"),
        pointed(f"{name}-embed", at.ends, 516, ends, f"{first_words} {shape(s['n'], s['m'])}"),
        text(at.ends + 85, 562, ids, 12, "soft", text_anchor="middle", part=f"{name}-ids"),
        pointed(f"{name}-head", at.ends, 36, ends, last_words, shown and not (first and s["cross"])),
    ]


def norm_name(s: dict[str, Any]) -> str:
    return "RMSNorm" if s["rms"] else "norm"


def edge(part: str, points: Sequence[tuple[float, float]], color: str = "soft", visible: bool | None = None) -> str:
    """A way with corners, with an arrowhead; `route` of whole.js draws the same."""
    (x, y), (to_x, to_y) = points[-2:]
    shown = {} if visible is None else {"visibility": seen(visible)}
    d = path(points) + arrow(x, y, to_x, to_y, 7)
    return element("path", d=d, fill="none", stroke=color, stroke_width=1.6, part=part, **shown)


def sublayer(s: dict[str, Any], name: str, part: str, at: Column) -> str:
    """The box of attention or of the feed-forward layers, with what they're made of."""
    roomy, n, m, h, g = not s["cross"], s["n"], s["m"], s["h"], s["g"]
    f = round(s["ratio"] * m)
    y = (at.height - 22) / 2 if at.height < 60 else 20
    box = f"{name}-{part}"
    inside = [
        element(
            "rect",
            width=at.width,
            height=at.height,
            rx=6,
            fill="wash",
            stroke=COLORS[part],
            stroke_width=2,
            part=f"{box}-box",
        )
    ]
    if part == "attention":
        inside.append(
            text(9, y + 5, attention_name(s) if roomy else "attention", 13, font_weight=600, part=f"{box}-says")
        )
        more = f"Q {shape(h, n, m // h)}  K, V {shape(g, n, m // h)}" if roomy else f"{h} heads of {m // h}"
        most = f"weights {shape(h, n, n)}" if roomy else f"{g} K, V heads" if name == "a" and g < h else ""
        inside.append(mask(name, s["causal"] and not (name == "a" and s["cross"]), at, 1 if roomy else 0.75))
    else:
        title = "cross-attention" if part == "cross" else "feed-forward"
        inside.append(text(9, y + 5, title, 13, font_weight=600))
        more = f"{s['mlp']}, inner width {f}" if roomy else f"inside {f} wide"
        most = f"{shape(n, m)} → {shape(n, f)} → {shape(n, m)}" if roomy else s["mlp"] if name == "a" else ""
    if part == "cross":
        inside.append(text(9, y + 21, "K, V of the memory", 12, "soft"))
    else:
        inside.append(text(9, y + 21, more, 12, "soft", part=f"{box}-more"))
        inside.append(text(9, y + 37, most, 12, "soft", part=f"{box}-most"))
    return element("g", *inside, part=box, transform=f"translate({at.left} {y_of(at, part)})", class_="point")


def y_of(at: Column, part: str) -> int:
    return at.slots[part] + at.box


def mask(name: str, causal: bool, at: Column, scale: float) -> str:
    """Who may look at whom: rows are queries, what is hidden is hatched."""
    way = "M0 0H9V9H18V18H27V27H36V36H0Z" if causal else "M0 0H36V36H0Z"
    return element(
        "g",
        element("rect", width=36, height=36, fill="paper", stroke="line"),
        hatching(36, 36),
        element("path", d=way, fill="blue", part=f"{name}-mask-open"),
        part=f"{name}-mask",
        transform=f"translate({at.width - 3 - 36 * scale} {at.height / 2 - 18 * scale}) scale({scale})",
    )


def plus(part: str, x: float, y: float) -> str:
    circle = element("circle", r=9, fill="paper", stroke="ink", stroke_width=1.6)
    cross = element("path", d="M-5 0H5M0 -5V5", stroke="ink", stroke_width=1.6)
    return element("g", circle, cross, part=part, transform=f"translate({x} {y})", class_="point")


def pill(part: str, x: float, y: float, half: int, words: str, visible: bool | None = None) -> str:
    """A small part of the way: a norm, or positions."""
    box = element(
        "rect",
        x=-half,
        y=-9,
        width=2 * half,
        height=18,
        rx=9,
        fill="paper",
        stroke="grey",
        stroke_width=1.8,
        part=f"{part}-box",
    )
    says = text(0, 4, words, 12, text_anchor="middle", part=f"{part}-says")
    shown = {} if visible is None else {"visibility": seen(visible)}
    return element("g", box, says, part=part, transform=f"translate({x} {y})", class_="point", **shown)


def pointed(part: str, x: float, y: float, box: dict[str, Any], words: str, visible: bool | None = None) -> str:
    says = text(85, 17, words, 12, text_anchor="middle", part=f"{part}-says")
    shown = {} if visible is None else {"visibility": seen(visible)}
    return element(
        "g", element("rect", **box), says, part=part, transform=f"translate({x} {y})", class_="point", **shown
    )


def cursor(s: dict[str, Any], says: str) -> str:
    """The part that is looked at: one stop for the keyboard, from which the arrow keys go on."""
    at = COLUMNS["a" if s["cross"] else "alone"]
    place = {"x": at.left - 3, "y": y_of(at, "attention") - 3, "width": at.width + 6, "height": at.height + 6}
    wider = {"x": at.left - 7, "y": y_of(at, "attention") - 7, "width": at.width + 14, "height": at.height + 14}
    order = boxes(s)
    chosen = element("rect", **place, rx=8, fill="none", stroke="ink", stroke_width=2.5, part="chosen")
    label, now = "Part of the model, chosen by the arrow keys", order.index("a-attention")
    return chosen + ring("part", label, len(order) - 1, now, says, **wider, rx=11)


def panel(detail: list[str]) -> str:
    """What there is to say of the chosen part."""
    title, *lines = detail
    drawn = [text(PANEL, 50, title, 15, font_weight=600, part="detail-title")]
    for row in range(ROWS):
        words = lines[row] if row < len(lines) else ""
        drawn.append(text(PANEL, 73 + 18 * row, words, 12, "ink" if row < 2 else "soft", part=f"detail-{row}"))
    return "".join(drawn)


def bars(counts: dict[str, int]) -> list[str]:
    """The parameters by part, as bars."""
    drawn = [text(PANEL, 244, f"Parameters: {amount(sum(counts.values()))}", 14, font_weight=600, part="total")]
    for row, (name, count) in enumerate(counts.items()):
        y = 266 + 19 * row
        drawn.append(text(PANEL, y, name, 12, "soft"))
        width = BAR * count / max(counts.values())
        drawn.append(element("rect", x=BARS, y=y - 10, width=width, height=11, fill="blue", part=f"count-{name}"))
        says = amount(count) if count else "none"
        drawn.append(text(RIGHT, y, says, 12, text_anchor="end", part=f"count-{name}-says"))
    return drawn


def chart(s: dict[str, Any]) -> list[str]:
    """The two curves of the run, and the block that is followed."""
    x, y, width, height = CHART.values()
    steps, most = 2 * N_LAYERS, math.ceil(max(s["run"]["before"]["sizes"]))

    def place(value: float, step: int) -> tuple[float, float]:
        return x + width * step / steps, y + height * (1 - min(value / most, 1))

    def pen(where: str) -> dict[str, Any]:
        own = where == s["norm"]
        return {"stroke": "blue" if own else "grey", "stroke_width": 3.5 if own else 1.5}

    curves = [
        element(
            "path",
            d=path(place(value, step) for step, value in enumerate(s["run"][where]["sizes"])),
            fill="none",
            part=f"curve-{where}",
            **pen(where),
        )
        for where in ("before", "after")
    ]
    here, high = place(s["theirs"] or 0, 2)
    mark = element("path", d="M0 -7L7 0L0 7L-7 0Z", fill="paper", stroke="ink", stroke_width=2)
    return [
        text(PANEL, 417, "Size of the stream", 14, font_weight=600, part="chart-title"),
        text(PANEL, 435, "a small random model; bold at left", 12, "soft", part="chart-note"),
        element("rect", x=x, y=y, width=2 * width / steps, height=height, fill="wash", part="followed"),
        text(x + width / steps, y + height + 15, "block 1", 12, "soft", text_anchor="middle", part="followed-says"),
        element("path", d=path([(x, y), (x, y + height), (x + width, y + height)]), fill="none", stroke="line"),
        element(
            "path",
            d=path([place(1, 0), place(1, steps)]),
            fill="none",
            stroke="line",
            stroke_dasharray="3 3",
            part="one",
        ),
        text(x - 6, y + 6, number(most), 12, "soft", text_anchor="end", part="most-says"),
        text(x - 6, place(1, 0)[1] + 4, "1", 12, "soft", text_anchor="end", part="one-says"),
        *curves,
        element(
            "g", mark, part="theirs", transform=f"translate({here} {high})", visibility=seen(s["theirs"] is not None)
        ),
        element("path", d="M446 566H464", part="legend-before", **pen("before")),
        text(470, 570, "norm before", 12, "soft"),
        element("path", d="M560 566H578", part="legend-after", **pen("after")),
        text(584, 570, "norm after", 12, "soft"),
    ]


def boxes(s: dict[str, Any]) -> list[str]:
    """Everything that can be looked at, in the order of a forward pass; `boxes` of whole.js gives the same."""
    before, rotary, order = s["norm"] == "before", s["position"] == "rotary", []
    for name in "ab" if s["cross"] else "a":
        parts = ["embed"] if rotary else ["embed", "position"]
        for part in SUBLAYERS[name]:
            branch = ["position", part] if rotary and part == "attention" else [part]
            parts += [f"{part}-norm", *branch, f"{part}-add"] if before else [*branch, f"{part}-add", f"{part}-norm"]
        last = s["cross"] and name == "a"
        order += [f"{name}-{part}" for part in parts + ["final"] * before + ["head"] * (not last)]
    return order


def controls(s: dict[str, Any]) -> str:
    """The models; the run; and, folded, every part."""
    models = "".join(button(f"model-{i}", name) for i, name in enumerate(MODELS))
    runs = button("forward", "Run forward") + button("backward", "Run backward")
    followed = slider("layer", "block", 1, N_LAYERS, 1, 1)
    lesson = '<a data-part="lesson" target="_blank"></a>'
    choices = (
        choice("norm", "norm", ("before", "after"), s["norm"])
        + choice("kind", "its kind", ("layer norm", "RMSNorm"), "RMSNorm" if s["rms"] else "layer norm")
        + choice("position", "positions", tuple(LABELS), s["position"])
        + choice("mlp", "feed-forward", ("ReLU", "GELU", "SwiGLU"), s["mlp"])
        + switch("causal", "causal mask", s["causal"])
        + switch("cross", "encoder and decoder", s["cross"])
    )
    sizes = (
        slider("tokens", "tokens", 3, 15, round(math.log2(s["n"])), 1)
        + slider("layers", "blocks", 1, 96, s["layers"], 1)
        + slider("width", "width", 0, 9, 0, 1)
        + slider("heads", "heads", 0, 9, 0, 1)
        + slider("groups", "key and value heads", 0, 9, 0, 1)
    )
    folded = f'<details><summary>Exchange the parts</summary><div class="controls">{choices}{sizes}</div></details>'
    return note(HELP) + models + runs + followed + lesson + folded
