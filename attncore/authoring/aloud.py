"""What comparing words makes of spoken answers: found and not found, beside what was said and what was not.

The answers stand in tests/judge/spoken, a file for each hand that wrote them: to a card, in one of four styles, with a
mark for each point that it makes. A "false" answer is fluent, uses the points' words, and turns their signs; it makes
no point.
"""

import tomllib
from collections import Counter
from dataclasses import dataclass
from functools import cache

from attncore.app.spoken import NEAR_BY_VECTORS, NEAR_BY_WORDS, cosines, has_model, shares
from attncore.authoring.author import HOME
from attncore.authoring.readme import write_between
from attncore.exercises import Card, find

FOLDER = HOME / "tests" / "judge" / "spoken"
STYLES = {"good": "good", "partial": "half of it", "vague": "vague", "false": "fluent and false"}


@dataclass(frozen=True)
class Said:
    """One answer to a card, and for each of the card's points whether it makes it."""

    hand: str
    card: str
    style: str
    text: str
    makes: tuple[bool, ...]


@cache
def answers() -> tuple[Said, ...]:
    """All answers of all hands."""
    return tuple(
        Said(path.stem, said["card"], said["style"], said["text"], tuple(said["makes"]))
        for path in sorted(FOLDER.glob("*.toml"))
        for said in tomllib.loads(path.read_text(encoding="utf-8"))["answer"]
    )


def answer_problems() -> list[str]:
    """Answers that don't fit their card."""
    said = []
    for answer in answers():
        card = find(answer.card)
        if not isinstance(card, Card) or len(card.points) != len(answer.makes) or answer.style not in STYLES:
            said.append(f"{answer.hand}: {answer.card}, {answer.style}")
        elif answer.style == "false" and any(answer.makes):
            said.append(f"{answer.hand}: {answer.card}, a false answer that makes a point")
    return said


@cache
def counts(by_vectors: bool) -> Counter[tuple[str, bool, bool]]:
    """How many points there are of each style, made or not, found or not."""
    counted: Counter[tuple[str, bool, bool]] = Counter()
    for answer in answers():
        points = find(answer.card).words["points"]
        found = (
            [cosine >= NEAR_BY_VECTORS for cosine in cosines(answer.text, points)]
            if by_vectors
            else [share >= NEAR_BY_WORDS for share in shares(answer.text, points)]
        )
        counted.update((answer.style, made, near) for made, near in zip(answer.makes, found, strict=True))
    return counted


def table(by_vectors: bool = False) -> str:
    """The matrix as the README shows it."""
    counted = counts(by_vectors)
    lines = [
        "| An answer that is | Points it makes | found | Points it doesn't make | found all the same |",
        "|---|---|---|---|---|",
    ]
    for style, words in STYLES.items():
        made = {near: counted[style, True, near] for near in (True, False)}
        not_made = {near: counted[style, False, near] for near in (True, False)}
        lines.append(
            f"| {words} | {sum(made.values())} | {share(made)} | {sum(not_made.values())} | {share(not_made)} |"
        )
    return "\n".join(lines)


def share(counted: dict[bool, int]) -> str:
    every = sum(counted.values())
    return f"{100 * counted[True] / every:.0f} %" if every else ""


def told(by_vectors: bool = False) -> str:
    """The matrix, and what it was measured on."""
    cards, hands = ({getattr(answer, name) for answer in answers()} for name in ("card", "hand"))
    how = "by MiniLM's sentence vectors" if by_vectors else "by words alone"
    head = f"{len(answers())} answers to {len(cards)} cards, by {len(hands)} hands, compared {how}:"
    return f"{head}\n\n{table(by_vectors)}"


def write() -> None:
    """Write the README's matrices, that of the sentence vectors only where the model is there."""
    write_between("said-words", told())
    if has_model():
        write_between("said-vectors", told(by_vectors=True))
