"""A question of the bank: said aloud, its directions chosen, then read beside a model answer."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from attncore.exercises.exercise import Exercise

TYPES = ("concept", "code", "numeric", "debug", "design")


class Claim(NamedTuple):
    """A statement with a direction, as choices of which one is right; `why` says so in a sentence."""

    ask: str
    choices: list[str]
    right: str
    why: str


class FollowUp(NamedTuple):
    """What the interviewer asks next, with its own answer."""

    ask: str
    answer: str


@dataclass(eq=False)
class Card(Exercise):
    """A question answered aloud; all of it is words, and they stand in `cards.toml`.

    Its type is one of TYPES. `seen` are public addresses at which the question was reported.
    """

    kind: str = "explain"

    @property
    def question(self) -> str:
        return self.words["question"]

    @property
    def answer(self) -> str:
        return self.words["answer"]

    @property
    def worked(self) -> str:
        """The answer of a design at length, with its numbers; other questions have none."""
        return self.words.get("worked", "")

    @property
    def points(self) -> list[str]:
        return self.words["points"]

    @property
    def type(self) -> str:
        return self.words.get("type", "concept")

    @property
    def seen(self) -> list[str]:
        return self.words.get("seen", [])

    @cached_property
    def claims(self) -> list[Claim]:
        return [Claim(**claim) for claim in self.words.get("claims", [])]

    @cached_property
    def follow_ups(self) -> list[FollowUp]:
        return [FollowUp(**asked) for asked in self.words.get("follow_ups", [])]

    @property
    def common_wrong(self) -> str:
        """What is often said, and wrong; `what_is_wrong` says what."""
        return self.words.get("common_wrong", "")

    @property
    def what_is_wrong(self) -> str:
        return self.words.get("what_is_wrong", "")
