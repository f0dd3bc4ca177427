"""Ten requests on one machine: what each of them does at every moment of a simulated clock."""

import math
from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from attncore.experiments import serving
from attncore.experiments.serving import Served, Step, serve, ten_requests
from attncore.views.explorables.frame import Asked, Explorable, asked, button, note, slider, switch
from attncore.views.explorables.parts import decimal, drawing, element, number, path, ring, seen, text
from attncore.views.live import Waiting, asked_of

REQUESTS, BLOCK = ten_requests(), 16  # tokens
BUDGETS, POOLS = (64, 4096), (510, 1200)  # what can be chosen
LEFT, RIGHT, TOP, ROW = 112, 486, 60, 20  # the chart
BAR_AT, BAR = 76, 270  # the bars of a step
PANEL = 354
BOTTOM = TOP + ROW * len(REQUESTS)
CHART = {"y": TOP - 5, "height": BOTTOM - TOP + 4}
COLUMNS = {"ttft": ("TTFT", 546), "tpot": ("TPOT", 604), "gap": ("pause", 664)}
COLORS = {"waiting": "grey", "prefill": "orange", "decode": "blue", "preempted": "pink"}
HEIGHTS = {"waiting": 2, "prefill": 14, "decode": 8, "preempted": 5}
HELP = "Point at a moment, or press Tab and walk with the arrow keys. Then change the server: who pays?"

Spans = dict[str, list[tuple[float, float]]]


def timeline(
    budget: int = 512, is_chunked: bool = True, n_blocks: int = 1200, function: Callable[..., Any] | None = None
) -> Explorable:
    """Eight chats and two long documents on a server: when each waits, reads its prompt, writes, or has been sent away.

    A step has a token budget, prompts are read in chunks or whole, and the cache has `n_blocks` blocks of 16 tokens.
    `function` is the learner's `step_time`, by which the same requests are served once more. Raises ValueError for a
    budget that is no power of two from 64 to 4,096, and for other than 510 to 1,200 blocks. Agrawal et al. (2023).
    """
    if not BUDGETS[0] <= budget <= BUDGETS[1] or budget & (budget - 1):
        raise ValueError(f"timeline: budget is {budget}, expected a power of two from {BUDGETS[0]} to {BUDGETS[1]}")
    if not POOLS[0] <= n_blocks <= POOLS[1]:
        raise ValueError(f"timeline: n_blocks is {n_blocks}, expected {POOLS[0]} to {POOLS[1]}")
    server = {"budget": budget, "is_chunked": is_chunked, "n_blocks": n_blocks, "block": BLOCK}
    served = serve(**server)
    theirs = asked(timed_by(function, server), course=figures(served)) if function else Asked()
    state: dict[str, Any] = {
        "requests": [[request.arrival, request.prompt, request.output] for request in REQUESTS],
        "model": {
            "weights": serving.WEIGHTS,
            "scored": serving.HEADS * serving.WIDTH * serving.LAYERS,
            "cached": serving.CACHED,
            "flops": serving.FLOPS,
            "bytes": serving.BYTES,
            "block": BLOCK,
        },
        "budget": budget,
        "chunked": is_chunked,
        "blocks": n_blocks,
        "step": served.steps.index(max(served.steps, key=tokens_of)),
        "playing": False,
        "theirs": theirs.state(),
    }
    alt = spoken(state, served)
    chart = [axis(served), band(state, served), *rows(served), felt(served), legend(), cursor(state, served)]
    drawn = drawing(PANEL + (126 if theirs.state() else 106), alt, *chart, panel(state, served))
    return Explorable("timeline", drawn, alt, state, controls(state), asked=theirs)


def figures(served: Served) -> np.ndarray:
    """Median and worst of TTFT, TPOT and the longest pause, in milliseconds."""
    felt = [list(times.values()) for times in (served.ttft, served.tpot, served.gap)]
    return np.array([np.median(felt, axis=1), np.max(felt, axis=1)])


def timed_by(function: Callable[..., Any], server: dict[str, Any]) -> Callable[[], np.ndarray]:
    """What is felt on a server whose steps take as long as the learner's function says."""

    def seconds(*args: Any) -> float:
        time = float(asked_of(function, *args, shape=()))
        if not 0 <= time < math.inf:
            raise Waiting(f"{getattr(function, '__name__', 'your function')} gives {time:g} seconds for a step.")
        return time

    @wraps(function)
    def felt() -> np.ndarray:
        return figures(serve(**server, timed=seconds))

    return felt


def spans(served: Served, name: str) -> Spans:
    """When a request waits, reads, writes, or has been sent away: pairs of seconds; what touches is one span."""
    found: Spans = {kind: [] for kind in COLORS}
    arrival = next(request.arrival for request in REQUESTS if request.name == name)
    last = max(place for place, step in enumerate(served.steps) if name in step.prefill or name in step.decode)
    is_away = False
    for step in served.steps[: last + 1]:
        start = max(step.start, arrival)
        is_away = (is_away or name in step.preempted) and name not in step.prefill
        kind = kind_of(step, name, is_away)
        if start < step.end:
            same = found[kind]
            begun = same.pop()[0] if same and same[-1][1] == start else start
            same.append((begun, step.end))
    return found


def kind_of(step: Step, name: str, is_away: bool) -> str:
    if name in step.prefill:
        return "prefill"
    return "decode" if name in step.decode else "preempted" if is_away else "waiting"


def end_of(served: Served) -> float:
    """Where the axis ends, in seconds: at a multiple of 0.4, so that four ticks have short numbers."""
    return 0.4 * max(2, math.ceil(served.steps[-1].end / 0.4))


def across(served: Served, seconds: float) -> float:
    return LEFT + (RIGHT - LEFT) * seconds / end_of(served)


def boxes(served: Served, times: list[tuple[float, float]], y: float, height: float) -> str:
    """Rectangles as one path: each from one moment to another."""
    drawn = ((across(served, start), across(served, end) - across(served, start)) for start, end in times)
    return "".join(
        f"M{decimal(x)} {decimal(y)}h{decimal(width)}v{decimal(height)}h{decimal(-width)}z" for x, width in drawn
    )


def axis(served: Served) -> str:
    drawn = [
        text(16, 26, "Who waits for whom?", 14, font_weight=600),
        text(16, TOP - 10, "prompt + answer", 12, "soft"),
        text(COLUMNS["gap"][1], 26, "milliseconds", 12, "soft", text_anchor="end"),
    ]
    for tick in range(5):
        x = LEFT + (RIGHT - LEFT) * tick / 4
        says = f"{number(end_of(served) * tick / 4)} s"
        drawn.append(element("path", d=path([(x, TOP - 4), (x, BOTTOM)]), stroke="line", stroke_width=0.7))
        drawn.append(text(x, BOTTOM + 16, says, 12, "soft", text_anchor="middle", part=f"tick-{tick}"))
    for words, x in COLUMNS.values():
        drawn.append(text(x, TOP - 10, words, 12, "soft", text_anchor="end"))
    return "".join(drawn)


def rows(served: Served) -> list[str]:
    """A request a row: its lengths, its time, and what was felt of it."""
    drawn = []
    for place, request in enumerate(REQUESTS):
        y = TOP + ROW * place
        drawn.append(text(16, y + 12, str(place), 13, font_weight=600))
        drawn.append(text(LEFT - 10, y + 12, f"{request.prompt} + {request.output}", 12, text_anchor="end"))
        for kind, times in spans(served, request.name).items():
            high = HEIGHTS[kind]
            shape = boxes(served, times, y + 7 - high / 2, high)
            drawn.append(element("path", d=shape, fill=COLORS[kind], part=f"{kind}-{place}"))
        x = across(served, request.arrival)
        drawn.append(
            element("path", d=path([(x, y - 2), (x, y + 16)]), stroke="ink", stroke_width=2, part=f"arrival-{place}")
        )
        for what, (_, right) in COLUMNS.items():
            says = number(getattr(served, what)[request.name], 1)
            drawn.append(text(right, y + 12, says, 13, text_anchor="end", part=f"{what}-{place}"))
    return drawn


def felt(served: Served) -> str:
    """Median and worst, below their columns."""
    y = BOTTOM + 34
    drawn = [element("path", d=path([(RIGHT + 18, y - 24), (664, y - 24)]), stroke="line", stroke_width=1)]
    for row, (how, line) in enumerate(zip(("median", "worst"), figures(served), strict=True)):
        drawn.append(text(RIGHT - 6, y + 18 * row, how, 12, "soft", text_anchor="end"))
        for (what, (_, right)), value in zip(COLUMNS.items(), line, strict=True):
            drawn.append(
                text(
                    right, y + 18 * row, number(value, 1), 13, text_anchor="end", font_weight=600, part=f"{what}-{how}"
                )
            )
    return "".join(drawn)


def legend() -> str:
    y, x = BOTTOM + 44, 16
    drawn = []
    for kind, color in COLORS.items():
        high = HEIGHTS[kind]
        drawn.append(element("rect", x=x, y=y - 4 - high / 2, width=16, height=high, fill=color))
        drawn.append(text(x + 22, y, kind, 12))
        x += 96 if kind == "preempted" else 82
    drawn.append(element("path", d=path([(x + 6, y - 12), (x + 6, y + 4)]), stroke="ink", stroke_width=2))
    return "".join([*drawn, text(x + 14, y, "arrives", 12)])


def band(state: dict[str, Any], served: Served) -> str:
    """The step that is looked at, behind all rows."""
    x, width = moment(state, served)
    return element("rect", part="now", x=x, width=width, **CHART, fill="ink", opacity=0.3)


def cursor(state: dict[str, Any], served: Served) -> str:
    """What catches the pointer, and the stop for the keyboard."""
    x, width = moment(state, served)
    box, last = {"x": x - 3, "width": width + 6, **CHART}, len(served.steps) - 1
    catch = element(
        "rect", part="catch", class_="point", x=LEFT, width=RIGHT - LEFT, **CHART, fill="paper", fill_opacity=0
    )
    return catch + ring("step", "Step, chosen by the arrow keys", last, state["step"], told(state, served), **box)


def moment(state: dict[str, Any], served: Served) -> tuple[float, float]:
    """Where the step begins on the axis, and how wide it is there."""
    step = served.steps[state["step"]]
    x = across(served, step.start)
    return x, max(across(served, step.end) - x, 2)


def panel(state: dict[str, Any], served: Served) -> str:
    """What the step holds."""
    step = served.steps[state["step"]]
    written, read = len(step.decode), sum(step.prefill.values())
    most = most_tokens(state, served)
    in_use = BAR * step.blocks / state["blocks"]
    bars = {
        "decode-bar": ("tokens", BAR_AT, BAR * written / most, "blue"),
        "prefill-bar": ("", BAR_AT + BAR * written / most, BAR * read / most, "orange"),
        "blocks-bar": ("blocks", BAR_AT, in_use, "green"),
    }
    drawn = [text(16, PANEL, heading(state, served), 14, font_weight=600, part="heading")]
    for part, (label, x, width, color) in bars.items():
        y = PANEL + (36 if part == "blocks-bar" else 14)
        if label:
            drawn.append(text(16, y + 11, label, 12, "soft"))
            drawn.append(element("rect", x=BAR_AT, y=y, width=BAR, height=14, fill="wash"))
        drawn.append(element("rect", x=x, y=y, width=width, height=14, fill=color, part=part))
    drawn.append(text(BAR_AT + BAR + 12, PANEL + 25, tokens_said(state, served), 13, part="tokens-says"))
    drawn.append(text(BAR_AT + BAR + 12, PANEL + 47, blocks_said(state, served), 13, part="blocks-says"))
    for place, (kind, words) in enumerate(who(state, served).items()):
        x, y = (16, BAR_AT + BAR + 12)[place % 2], PANEL + 72 + 20 * (place // 2)
        drawn.append(text(x, y, f"{kind}: {words}", 13, part=f"who-{kind}"))
    drawn.append(text(16, PANEL + 114, yours(state), 12, part="yours", visibility=seen(bool(state["theirs"]))))
    return "".join(drawn)


def tokens_of(step: Step) -> int:
    return len(step.decode) + sum(step.prefill.values())


def most_tokens(state: dict[str, Any], served: Served) -> int:
    """How many tokens fill the bar: the budget, or the longest prompt."""
    return state["budget"] if state["chunked"] else max(map(tokens_of, served.steps))


def heading(state: dict[str, Any], served: Served) -> str:
    step = served.steps[state["step"]]
    times = f"{number(step.start, 3)} s, for {number(1e3 * (step.end - step.start), 1)} ms"
    return f"Step {state['step'] + 1} of {len(served.steps)}: from {times}"


def tokens_said(state: dict[str, Any], served: Served) -> str:
    step = served.steps[state["step"]]
    limit = f", budget {state['budget']}" if state["chunked"] else ""
    return f"{len(step.decode)} written + {sum(step.prefill.values())} read{limit}"


def blocks_said(state: dict[str, Any], served: Served) -> str:
    return f"{served.steps[state['step']].blocks} of {state['blocks']} in use"


def who(state: dict[str, Any], served: Served) -> dict[str, str]:
    """Which requests do what in the step."""
    step = served.steps[state["step"]]
    middle = (step.start + step.end) / 2
    found: dict[str, list[str]] = {kind: [] for kind in ("decode", "waiting", "prefill", "preempted")}
    for place, request in enumerate(REQUESTS):
        for kind, times in spans(served, request.name).items():
            if any(start <= middle < end for start, end in times):
                count = f" ({step.prefill[request.name]})" if kind == "prefill" else ""
                found[kind].append(f"{place}{count}")
    return {kind: ", ".join(names) or "none" for kind, names in found.items()}


def told(state: dict[str, Any], served: Served) -> str:
    """The step in one sentence."""
    listed = "; ".join(f"{kind}: {words}" for kind, words in who(state, served).items())
    counts = f"{tokens_said(state, served)}; blocks: {blocks_said(state, served)}"
    return f"{heading(state, served)}. Tokens: {counts}. {listed}."


def yours(state: dict[str, Any]) -> str:
    """The same requests by the learner's function."""
    if not state["theirs"]:
        return ""
    median, worst = state["theirs"]
    columns = zip(COLUMNS.values(), median, worst, strict=True)
    listed = ", ".join(f"{name} {number(one, 1)} and {number(most, 1)}" for (name, _), one, most in columns)
    return f"By your function, median and worst: {listed}."


def spoken(state: dict[str, Any], served: Served) -> str:
    """The alternative text."""
    how = f"in chunks, {state['budget']} tokens a step" if state["chunked"] else "whole"
    sent = sum(len(step.preempted) for step in served.steps)
    names = ("TTFT", "TPOT", "longest pause")
    all_felt = zip(names, *figures(served), strict=True)
    summary = ", ".join(f"{name} {number(median, 1)} and {number(worst, 1)}" for name, median, worst in all_felt)
    each = "; ".join(
        f"request {place}, {request.prompt} + {request.output} tokens: "
        + ", ".join(
            f"{name} {number(getattr(served, what)[request.name], 1)}"
            for what, name in zip(COLUMNS, names, strict=True)
        )
        for place, request in enumerate(REQUESTS)
    )
    return (
        f"Ten requests, prompts read {how}, {state['blocks']} blocks: done after {number(served.steps[-1].end)} s, "
        f"{sent} sent away. Median and worst in milliseconds: {summary}. Each: {each}. {told(state, served)}"
    )


def controls(state: dict[str, Any]) -> str:
    least, most, now = map(math.log2, (*BUDGETS, state["budget"]))
    budget = slider("budget", "budget", least, most, now, 1, says="budget-says")
    pool = slider("blocks", "blocks", *POOLS, state["blocks"], 10, says="pool-says")
    return (
        note(HELP)
        + button("back", "Back")
        + button("next", "Next step")
        + button("play", "Play")
        + switch("chunked", "chunks", state["chunked"])
        + budget
        + pool
    )
