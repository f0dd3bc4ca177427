"""Latent attention in a decode step, unpacked and absorbed side by side, its edges as thick as what is read."""

import math
from typing import Any

from attncore.shared_heads import kv_bytes_per_token
from attncore.views.explorables.frame import Explorable, note, slider
from attncore.views.explorables.parts import arrow, drawing, element, number, path, ring, seen, text

THICK, BAR = 64, 84
LEFT = {"unpacked": 6, "absorbed": 352}
HALF, WHOLE, HIGH = 82, 168, 32  # of boxes
QUERY, ROPE, KEY, VALUE = 0, 94, 152, 238  # columns
# Where the boxes stand: left, top, width and height.
SHARED = {
    "rope": (ROPE, 34, 54, HIGH),
    "latent": (KEY, 34, WHOLE, HIGH),
    "rope-query": (QUERY, 258, HALF, HIGH),
    "scores": (ROPE, 222, KEY - ROPE + HALF, 62),
    "sum": (KEY, 330, WHOLE, HIGH),
    "output": (KEY, 436, WHOLE, HIGH),
}
PLACES = {
    "unpacked": SHARED
    | {
        "up-key": (KEY, 90, HALF, HIGH),
        "up-value": (VALUE, 90, HALF, HIGH),
        "key": (KEY, 146, HALF, HIGH),
        "value": (VALUE, 146, HALF, HIGH),
        "query": (QUERY, 216, HALF, HIGH),
    },
    "absorbed": SHARED
    | {
        "query": (QUERY, 90, HALF, HIGH),
        "up-key": (QUERY, 146, HALF, HIGH),
        "moved": (QUERY, 216, HALF, HIGH),
        "up-value": (KEY + 43, 384, HALF, HIGH),
    },
}
EDGES = {  # of cached tokens, straight down: x, from, to
    "unpacked": {
        "latent-key": (193, 66, 90),
        "latent-value": (279, 66, 90),
        "made-key": (193, 122, 146),
        "made-value": (279, 122, 146),
        "key-scores": (193, 178, 222),
        "value-sum": (279, 178, 330),
        "rope-scores": (121, 66, 222),
    },
    "absorbed": {"latent-scores": (193, 66, 222), "latent-sum": (279, 66, 330), "rope-scores": (121, 66, 222)},
}
STEPS = {  # of the new token, once a step
    "unpacked": [(82, 232, 94, 232), (82, 274, 94, 274), (193, 284, 193, 330), (236, 362, 236, 436)],
    "absorbed": [
        (41, 122, 41, 146),
        (41, 178, 41, 216),
        (82, 232, 94, 232),
        (82, 274, 94, 274),
        (193, 284, 193, 330),
        (236, 362, 236, 384),
        (236, 416, 236, 436),
    ],
}
TITLES = {
    "unpacked": ("Unpacked", "a key and a value for every head"),
    "absorbed": ("Absorbed", "every head in the latent itself"),
}
HELP = "Point at a box to see it in both forms, or press Tab and walk with the arrow keys."


def latent(
    n_heads: int = 128, d_head: int = 128, d_latent: int = 512, d_rope: int = 64, n_groups: int = 8
) -> Explorable:
    """Multi-head latent attention as a flow of data in two columns, a decode step over n cached tokens.

    Left, keys and values are unpacked from the latent; right, the up-projections are absorbed into the query and the
    output. Edges are as thick as the numbers of a cached token that pass. Below, what a token and layer cost,
    two bytes a number, beside multi-head attention and grouped-query attention with `n_groups` heads of keys and
    values. The sizes at the beginning are DeepSeek-V3's. Raises ValueError for a width below 1, for heads that are no
    power of two up to 128, and for an odd rotary width. DeepSeek-AI (2024).
    """
    for name, given in (("d_head", d_head), ("d_latent", d_latent), ("d_rope", d_rope), ("n_groups", n_groups)):
        if given < 1:
            raise ValueError(f"latent: {name} is {given}, expected at least 1")
    if n_heads not in [2**i for i in range(8)]:
        raise ValueError(f"latent: n_heads is {n_heads}, expected a power of two up to 128")
    if d_rope % 2:
        raise ValueError(f"latent: d_rope is {d_rope}, expected an even number")
    state = {"h": n_heads, "d": d_head, "z": d_latent, "r": d_rope, "g": n_groups, "chosen": "up-key", "places": PLACES}
    costs = bytes_of(state)
    title = f"W_up_key {names(state)['up-key'][1]}"
    lines = (
        "Unpacked, it's multiplied with every cached token. Absorbed, with the query, once a step:",
        "q · (c W_up_key) = (q W_up_keyᵀ) · c, head by head.",
    )
    alt = alternative(state, costs, f"W_up_key: {' '.join(lines)}")
    drawn = [
        *(part for side in PLACES for part in column(state, side)),
        text(6, 494, title, 13, font_weight=600, part="told-title"),
        *(text(6, 512 + 17 * i, line, 12, part=f"told-{i}") for i, line in enumerate(lines)),
        *bars(state, costs),
        cursor(f"{title}: {' '.join(lines)}"),
    ]
    return Explorable("latent", drawing(622, alt, *drawn), alt, state, controls(state))


def names(s: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """What each box says: its name and its shape."""
    h, d, z, r = s["h"], s["d"], s["z"], s["r"]
    return {
        "rope": ("rotary", f"(n, {r})"),
        "latent": ("latent c", f"(n, {z})"),
        "up-key": ("W_up_key", f"({z}, {h * d})"),
        "up-value": ("W_up_value", f"({z}, {h * d})"),
        "key": ("K", f"({h}, n, {d})"),
        "value": ("V", f"({h}, n, {d})"),
        "query": ("query", f"({h}, {d})"),
        "rope-query": ("rotary query", f"({h}, {r})"),
        "moved": ("latent query", f"({h}, {z})"),
        "scores": ("scores, softmax", f"({h}, n)"),
        "sum": ("weighted sum", ""),
        "output": ("W_output", f"({h * d}, m)"),
    }


def passing(s: dict[str, Any]) -> dict[str, dict[str, int]]:
    """Numbers of one cached token and layer that pass along each edge in a decode step."""
    h, d, z, r = s["h"], s["d"], s["z"], s["r"]
    packed, made = (
        {"latent-key": z, "latent-value": z, "rope-scores": r},
        ("made-key", "made-value", "key-scores", "value-sum"),
    )
    return {
        "unpacked": packed | dict.fromkeys(made, h * d),
        "absorbed": {"latent-scores": z, "latent-sum": z, "rope-scores": r},
    }


def bytes_of(s: dict[str, Any]) -> dict[str, int]:
    """Bytes of a token and layer: what three kinds cache, and what a decode step reads in the two forms."""
    h, d, z, r = s["h"], s["d"], s["z"], s["r"]
    cached = {
        "MHA": kv_bytes_per_token("mha", 1, h, d),
        "GQA": kv_bytes_per_token("gqa", 1, h, d, n_groups=min(s["g"], h)),
        "MLA": kv_bytes_per_token("mla", 1, h, d, d_latent=z, d_rope=r),
    }
    return cached | {"unpacked": 2 * (2 * h * d + r), "absorbed": cached["MLA"]}


def intensity(s: dict[str, Any], costs: dict[str, int]) -> dict[str, float]:
    """Floating-point operations for each byte that attention reads in a decode step."""
    return {
        side: 2 * s["h"] * (2 * width + s["r"]) / costs[side]
        for side, width in (("unpacked", s["d"]), ("absorbed", s["z"]))
    }


def kib(count: int) -> str:
    return f"{number(count / 1024, 2 if count < 1024 * 9.95 else 1)} KiB"


def rate(flops: float) -> str:
    return f"{number(flops, 1 if flops < 9.95 else 0)} FLOPs a byte"


def alternative(s: dict[str, Any], costs: dict[str, int], chosen: str) -> str:
    per = intensity(s, costs)
    return (
        f"Latent attention in a decode step, {s['h']} heads of width {s['d']}, a latent of {s['z']} and a rotary key "
        f"of {s['r']}. Both forms cache {kib(costs['MLA'])} a token and layer; MHA {kib(costs['MHA'])}, GQA "
        f"{kib(costs['GQA'])}. Unpacked, attention reads {kib(costs['unpacked'])} of keys and values a token, "
        f"{rate(per['unpacked'])}. Absorbed, it reads {kib(costs['absorbed'])}, "
        f"{rate(per['absorbed'])}. {chosen}"
    )


def column(s: dict[str, Any], side: str) -> list[str]:
    """One form: the cache on top, what passes down from it, and the new token's own way."""
    left, flows, says = LEFT[side], passing(s)[side], names(s)
    most = max(s["h"] * s["d"], s["z"])
    title, subtitle = TITLES[side]
    drawn = [text(left, 20, title, 14, font_weight=600), text(left + 84, 20, subtitle, 12, "soft")]
    for edge, (x, top, bottom) in EDGES[side].items():
        color = "orange" if edge.startswith("rope") else "blue"
        width = max(1, THICK * flows[edge] / most)
        way = path([(left + x, top), (left + x, bottom)])
        drawn.append(element("path", d=way, stroke=color, stroke_width=width, part=f"{side}-{edge}"))
    for x, y, to_x, to_y in STEPS[side]:
        way = arrow(left + x, y, left + to_x, to_y, 6)
        drawn.append(element("path", d=way, fill="none", stroke="soft", stroke_width=1.5))
    for edge, (x, top, bottom) in EDGES[side].items():
        if not edge.startswith("made"):
            drawn.append(count(left + x, (top + bottom) / 2 + 4, flows[edge], f"{side}-{edge}-says"))
    for box, (x, y, width, height) in PLACES[side].items():
        title, shape = says[box]
        if box == "sum":
            shape = f"({s['h']}, {s['d' if side == 'unpacked' else 'z']})"
        drawn.append(labeled(f"{side}-{box}", box, left + x, y, width, height, title, shape))
    frame: dict[str, Any] = {
        "x": left + ROPE - 5,
        "y": 29,
        "width": 236,
        "height": 42,
        "rx": 8,
        "stroke": "ink",
        "stroke_width": 1.5,
    }
    drawn.append(element("rect", **frame, fill="none", stroke_dasharray="5 3"))
    drawn.append(text(left + ROPE - 9, 54, "cached", 12, "soft", text_anchor="end"))
    return [*drawn, lit(side)]


def count(x: float, y: float, numbers: int, part: str) -> str:
    """How many numbers of a token pass, written over the edge, with a rim that keeps it legible."""
    rim: dict[str, Any] = {"stroke": "paper", "stroke_width": 4, "stroke_linejoin": "round", "paint_order": "stroke"}
    return text(x, y, f"{numbers:,}", 12, text_anchor="middle", part=part, **rim)


COLORS = {"latent": "blue", "key": "blue", "value": "blue", "rope": "orange", "rope-query": "orange"}


def labeled(part: str, box: str, x: float, y: float, width: float, height: float, title: str, shape: str) -> str:
    """A box with its name and shape; the matrices that change places are green."""
    color = "green" if box.startswith("up-") else COLORS.get(box, "grey")
    middle = height / 2
    return element(
        "g",
        element("rect", width=width, height=height, rx=5, fill="wash", stroke=color, stroke_width=2),
        text(width / 2, middle - 3, title, 12, text_anchor="middle"),
        text(width / 2, middle + 12, shape, 12, "soft", text_anchor="middle", part=f"{part}-says"),
        part=part,
        transform=f"translate({x} {y})",
        class_="point",
    )


def lit(side: str) -> str:
    """The frame around what is pointed at, in this column."""
    x, y, width, height = PLACES[side]["up-key"]
    place = {"x": LEFT[side] + x - 3, "y": y - 3, "width": width + 6, "height": height + 6}
    return element(
        "rect", **place, rx=7, fill="none", stroke="ink", stroke_width=2.5, part=f"{side}-lit", visibility=seen(True)
    )


def cursor(says: str) -> str:
    """One stop for the keyboard, from which the arrow keys go on."""
    x, y, width, height = PLACES["unpacked"]["up-key"]
    box = {"x": LEFT["unpacked"] + x - 7, "y": y - 7, "width": width + 14, "height": height + 14, "rx": 10}
    return ring("box", "Box of the diagram, chosen by the arrow keys", 11, 2, says, **box)


def bars(s: dict[str, Any], costs: dict[str, int]) -> list[str]:
    """What a token and layer cost: in the cache, and to read."""
    per, widest = intensity(s, costs), max(costs.values())
    drawn = [
        text(LEFT["unpacked"], 560, "Cached, a token and layer", 13, font_weight=600),
        text(LEFT["absorbed"], 560, "Read by a decode step, a token and layer", 13, font_weight=600),
    ]
    labels = {"GQA": f"GQA of {min(s['g'], s['h'])}"}
    for row, name in enumerate(("MHA", "GQA", "MLA", "unpacked", "absorbed")):
        cached = row < 3
        x, y = (LEFT["unpacked"], 579 + 17 * row) if cached else (LEFT["absorbed"], 579 + 17 * (row - 3))
        more = "" if cached else f", {rate(per[name])}"
        width = BAR * costs[name] / widest
        color = "green" if name in ("MLA", "absorbed") else "blue"
        drawn.append(text(x, y, labels.get(name, name), 12, "soft", part="gqa" if name == "GQA" else ""))
        drawn.append(element("rect", x=x + 66, y=y - 10, width=width, height=11, fill=color, part=f"bar-{name}"))
        drawn.append(text(x + 156, y, kib(costs[name]) + more, 12, part=f"bar-{name}-says"))
    return drawn


def controls(s: dict[str, Any]) -> str:
    return (
        note(HELP)
        + slider("heads", "heads", 0, 7, round(math.log2(s["h"])), 1)
        + slider("head-width", "d_head", 16, 256, s["d"], 16)
        + slider("latent-width", "d_latent", 64, 1024, s["z"], 64)
        + slider("rope-width", "d_rope", 16, 128, s["r"], 16)
        + '<span data-part="widths"></span>'
    )
