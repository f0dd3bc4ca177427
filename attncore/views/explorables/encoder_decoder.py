"""An encoder and a decoder, one word and one stage at a time: which state asks, and where the context goes."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from attncore.alignment import additive_scores, align, dot_scores
from attncore.softmax import softmax
from attncore.views.explorables.frame import Explorable, asked, button, choice, note, numbers
from attncore.views.explorables.paint import weight_color
from attncore.views.explorables.parts import arrow, drawing, element, number, path, seen, text

SOURCE, TARGET = ("the", "tired", "cat", "sleeps"), ("el", "gato", "cansado", "duerme")
MEMORY = np.array([[3.0, -2.0], [3.0, 2.0], [-1.0, 3.0], [-3.0, -1.0]])
W_STATE = np.array([[1.0, 1.6], [0.8, 0.0], [-1.9, 0.6]])
W_MEMORY = np.array([[0.6, -0.1], [-0.4, 0.8], [-0.3, -0.5]])
V = np.array([-2.2, -1.6, -2.1])
TARGET_VECTORS = np.array([[2.0, -1.0], [0.0, 2.0], [2.0, 1.0], [-2.0, -1.0]])
FIRST = {"bahdanau": [0.9, 0.6], "luong": [0.5, 0.3]}  # the state in which the decoder starts
FED = {  # what the word before adds to the state, from the start sign on
    "bahdanau": [[-0.9, -0.4], [-1.4, -1.8], [-1.5, 1.6], [1.2, -0.5]],
    "luong": [[0.6, -1.0], [-0.5, 1.8], [1.2, 0.4], [-1.9, -0.8]],
}
TITLES = {"bahdanau": "Bahdanau et al. (2014)", "luong": "Luong et al. (2015)"}
ORDERS = {
    "bahdanau": ("scores", "weights", "context", "state", "word"),
    "luong": ("state", "scores", "weights", "context", "word"),
}
FACTS = {
    "bahdanau": ("sₜ₋₁ asks", "score: additive", "cₜ into sₜ and the word"),
    "luong": ("sₜ asks", "score: dot", "cₜ into the word alone"),
}
ROWS, APART = 84, 38  # the source words: the middle of the first, and how far the next
STATES, STATE = 50, 62  # the same of the decoder's states
GRID, ACROSS, DOWN = (84, 268), 58, 22  # the alignment and its cells
CHIPS = 376
SUBSCRIPTS = "₀₁₂₃₄"
HELP = "Step through a word and watch the order; then switch between the two papers."


class Step(NamedTuple):
    """All that is worked out for one target word."""

    scores: np.ndarray
    weights: np.ndarray
    context: np.ndarray
    state: np.ndarray
    output: np.ndarray
    word: int


def encoder_decoder(kind: str = "bahdanau", function: Callable[..., Any] | None = None) -> Explorable:
    """A decoder that translates four words, stage by stage, with `kind` "bahdanau" or "luong", to be switched.

    Bahdanau's scores are additive, and the state before the step asks; Luong's are dot products, and the state after it
    asks. Each has small weights of its own over one memory; the recurrent unit is a single tanh. `function(scores,
    memory)` is the learner's `align`: its context for the second word is drawn. Raises ValueError for another kind.
    Bahdanau et al. (2014); Luong et al. (2015).
    """
    if kind not in TITLES:
        raise ValueError(f'kind is "{kind}", expected "bahdanau" or "luong"')
    steps = translated(kind)
    answer = asked(function, steps[1].scores, MEMORY, course=steps[1].context)
    state = {
        "source": SOURCE,
        "target": TARGET,
        "memory": MEMORY.tolist(),
        "scorer": [W_STATE.tolist(), W_MEMORY.tolist(), V.tolist()],
        "vectors": TARGET_VECTORS.tolist(),
        "first": FIRST,
        "fed": FED,
        "kind": kind,
        "word": 1,
        "stage": 4,
        "theirs": answer.state(),
    }
    said = sentences(kind, steps, 1)
    alt = f"{TITLES[kind]}, word 2 of 4. {'. '.join(said[stage] for stage in ORDERS[kind])}."
    drawn = drawing(
        444,
        alt,
        memory(kind, steps[1]),
        context(steps[1], answer.array),
        decoder(kind, steps),
        flow(kind),
        alignment(steps),
        order(kind),
        text(16, 430, said["word"], 14, part="sentence"),
    )
    papers = choice("kind", "paper", list(TITLES.values()), TITLES[kind])
    buttons = button("back", "Back") + button("next", "Next stage") + button("forward", "Next word")
    return Explorable("encoder_decoder", drawn, alt, state, note(HELP) + buttons + papers, asked=answer)


def translated(kind: str) -> list[Step]:
    """The four steps of the decoder."""
    state, steps = np.array(FIRST[kind]), []
    for fed in FED[kind]:
        if kind == "bahdanau":
            scores = additive_scores(state, MEMORY, W_STATE, W_MEMORY, V)
            state = np.tanh(0.5 * state + 0.2 * align(scores, MEMORY) + fed)
        else:
            state = np.tanh(0.5 * state + fed)
            scores = dot_scores(state, MEMORY)
        found = align(scores, MEMORY)
        output = np.tanh(0.3 * found + 0.1 * state)
        steps.append(Step(scores, softmax(scores), found, state, output, int(np.argmax(TARGET_VECTORS @ output))))
    return steps


def sentences(kind: str, steps: Sequence[Step], word: int) -> dict[str, str]:
    """What each stage of a word does, in numbers."""
    step, before, now = steps[word], SUBSCRIPTS[word], SUBSCRIPTS[word + 1]
    added = " + ".join(f"{number(w)}·{numbers(h)}" for w, h in zip(step.weights, MEMORY, strict=True))
    fed = f"“{TARGET[steps[word - 1].word]}”" if word else "start"
    return {
        "scores": f"s{before} asks: scores v · tanh(W s{before} + U hⱼ) = {numbers(step.scores)}"
        if kind == "bahdanau"
        else f"s{now} asks: scores s{now} · hⱼ = {numbers(step.scores)}",
        "weights": f"weights = softmax of the scores = {numbers(step.weights)}",
        "context": f"c{now} = {added} = {numbers(step.context)}",
        "state": f"s{now} = tanh(0.5 s{before} + 0.2 c{now} + {fed}) = {numbers(step.state)}"
        if kind == "bahdanau"
        else f"s{now} = tanh(0.5 s{before} + {fed}) = {numbers(step.state)}",
        "word": f"output tanh(0.3 c{now} + 0.1 s{now}) = {numbers(step.output)}, which says “{TARGET[step.word]}”",
    }


def memory(kind: str, step: Step) -> str:
    """The source words with their states, one below the other, and beside each its score and its weight."""
    drawn = [text(16, 26, "Which state asks?", 14, font_weight=600)]
    for x, words in ((106, "memory hⱼ"), (184, "score"), (248, "weight")):
        drawn.append(text(x, ROWS - 24, words, 12, "soft", text_anchor="middle"))
    for j, word in enumerate(SOURCE):
        y = ROWS + APART * j
        drawn += [
            text(16, y + 5, word, 14),
            element("rect", x=70, y=y - 13, width=72, height=26, rx=4, fill="wash", stroke="line"),
            text(106, y + 4, numbers(MEMORY[j]), 12, text_anchor="middle"),
            text(184, y + 4, number(step.scores[j]), 12, text_anchor="middle", part=f"score-{j}"),
            patch(f"weight-{j}", 220, y - 13, 56, 26, step.weights[j]),
        ]
        if j:
            drawn.append(element("path", d=arrow(98, y - APART + 14, 98, y - 14, 6), stroke="soft", fill="none"))
            back = arrow(114, y - 14, 114, y - APART + 14, 6)
            visible = seen(kind == "bahdanau")
            drawn.append(element("path", part=f"read-back-{j}", d=back, stroke="soft", fill="none", visibility=visible))
    return "".join(drawn)


def patch(part: str, x: float, y: float, width: float, height: float, weight: float | None) -> str:
    """A weight as a cell, or one that isn't known yet."""
    box, words = ("wash", "ink") if weight is None else weight_color(weight)
    says = "" if weight is None else number(weight)
    return element("rect", part=part, x=x, y=y, width=width, height=height, rx=3, fill=box) + text(
        x + width / 2, y + height / 2 + 4, says, 12, words, text_anchor="middle", part=f"{part}-says"
    )


def context(step: Step, theirs: np.ndarray | None) -> str:
    """The context, to which each weight brings its memory state; below it what the learner's function gave."""
    middle = ROWS + 1.5 * APART
    drawn = [text(390, middle - 24, "context", 12, "soft", text_anchor="middle")]
    for j, weight in enumerate(step.weights):
        tie = path([(278, ROWS + APART * j), (340, middle)])
        thick = {"stroke_width": 12 * weight, "opacity": 0.7}
        drawn.append(element("path", part=f"tie-{j}", d=tie, stroke="blue", **thick, visibility="visible"))
    own = theirs is not None
    drawn += [
        element("rect", x=340, y=middle - 18, width=100, height=36, rx=4, fill="wash", stroke="blue", stroke_width=2),
        text(390, middle + 5, numbers(step.context), 12, text_anchor="middle", part="context"),
        text(390, middle + 34, f"yours {numbers(theirs)}" if own else "", 12, text_anchor="middle", part="theirs"),
    ]
    return "".join(drawn)


def decoder(kind: str, steps: Sequence[Step]) -> str:
    """The decoder's states so far, one below the other, and the words that came of them."""
    drawn = [text(532, 20, "decoder", 12, "soft", text_anchor="middle"), text(606, STATES + 5, "start", 13, "soft")]
    for t, state in enumerate([np.array(FIRST[kind]), *(step.state for step in steps)]):
        y, there = STATES + STATE * t, t <= 2
        color = "orange" if t == asking(kind, 1) else "line"
        size = {"x": 482, "y": y - 20, "width": 100, "height": 40, "rx": 4}
        drawn += [
            element("rect", part=f"state-{t}", **size, fill="wash", stroke=color, stroke_width=2),
            text(532, y - 4, f"s{SUBSCRIPTS[t]}", 12, text_anchor="middle", font_weight=600),
            text(532, y + 12, numbers(state) if there else "", 12, text_anchor="middle", part=f"state-{t}-says"),
        ]
        if t:
            into = arrow(532, y - STATE + 20, 532, y - 21, 6) + arrow(620, y - STATE + 12, 584, y - 10, 6)
            drawn.append(line(f"recur-{t}", into, "soft", there, 1))
            word = TARGET[steps[t - 1].word] if there else ""
            drawn.append(text(606, y + 5, word, 14, font_weight=600, part=f"word-{t}"))
    return "".join(drawn)


def line(part: str, d: str, color: str, shown: bool, width: float = 2) -> str:
    return element("path", part=part, d=d, stroke=color, fill="none", stroke_width=width, visibility=seen(shown))


def asking(kind: str, word: int) -> int:
    """The state that asks for a word: the one before, or its own."""
    return word if kind == "bahdanau" else word + 1


def flow(kind: str) -> str:
    """The arrows of the second word: from the state that asks to the scores, and from the context on."""
    y, middle = STATES + STATE * 2, ROWS + 1.5 * APART
    return (
        line("ask", question(asking(kind, 1)), "orange", True)
        + line("into-state", arrow(440, middle, 480, y), "blue", kind == "bahdanau")
        + line("into-word", answer_path(2), "blue", True)
        + line("says", arrow(582, y, 602, y, 6), "blue", True)
    )


def question(asks: int) -> str:
    """From a state over the top of the table down to the scores."""
    y = STATES + STATE * asks
    return path([(482, y), (462, y), (462, 38), (184, 38)]) + arrow(184, 38, 184, 46, 6)


def answer_path(t: int) -> str:
    """From the context, below a state, to its word."""
    y, middle = STATES + STATE * t + 27, ROWS + 1.5 * APART
    return path([(440, middle + 10), (472, y), (588, y)]) + arrow(588, y, 606, y - 16, 6)


def alignment(steps: Sequence[Step]) -> str:
    """The weights of the words so far, a row for each; and in words what the papers do."""
    x, y = GRID
    drawn = [text(16, y - 26, "Alignment", 14, font_weight=600)]
    for j, word in enumerate(SOURCE):
        drawn.append(text(x + ACROSS * (j + 0.5) - 1, y - 6, word, 12, "soft", text_anchor="middle"))
    for i, word in enumerate(TARGET):
        drawn.append(text(x - 8, y + DOWN * i + 15, word if i < 2 else "", 12, text_anchor="end", part=f"row-{i}"))
        for j, weight in enumerate(steps[i].weights):
            known = weight if i < 2 else None
            drawn.append(patch(f"cell-{i}-{j}", x + ACROSS * j, y + DOWN * i, ACROSS - 2, DOWN - 2, known))
    return "".join(drawn)


def order(kind: str) -> str:
    """The paper's choices, and the stages in its order."""
    drawn = [text(340, GRID[1] - 2, kind.capitalize(), 14, font_weight=600, part="paper")]
    for place, fact in enumerate(FACTS[kind]):
        drawn.append(text(340, GRID[1] + 20 + 20 * place, fact, 12, part=f"fact-{place}"))
    for place, stage in enumerate(ORDERS[kind]):
        x, (fill, ink) = 16 + 98 * place, chip_colors(place, 4)
        drawn.append(element("rect", part=f"chip-{place}", x=x, y=CHIPS, width=76, height=26, rx=13, fill=fill))
        words = chip_words(kind, 1)[stage]
        drawn.append(text(x + 38, CHIPS + 17, words, 12, ink, text_anchor="middle", part=f"chip-{place}-says"))
        if place:
            drawn.append(text(x - 11, CHIPS + 17, "→", 13, "soft", text_anchor="middle"))
    return "".join(drawn)


def chip_colors(place: int, stage: int) -> tuple[str, str]:
    """A stage that is being worked out, one that is done, one to come."""
    return ("ink", "paper") if place == stage else ("wash", "ink" if place < stage else "soft")


def chip_words(kind: str, word: int) -> dict[str, str]:
    now = SUBSCRIPTS[word + 1]
    asks = f"s{SUBSCRIPTS[asking(kind, word)]} asks"
    return {"scores": asks, "weights": "weights", "context": f"c{now}", "state": f"s{now}", "word": "word"}
