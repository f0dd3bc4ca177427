"""What a board knows of: rooms, learners, attempts and polls, each as its store gives it."""

import unicodedata
from dataclasses import dataclass
from typing import NamedTuple

LONGEST_NAME = 24


@dataclass(frozen=True)
class Room:
    """One workshop; `exercise` is the one that is open, since `opened` and until `closes`.

    Where it is `shut`, nobody new gets in.
    """

    id: int
    name: str
    code: str
    secret: str
    created: float
    until: float
    exercise: str | None
    opened: float | None
    closes: float | None
    poll: int | None
    shut: bool


@dataclass(frozen=True)
class Learner:
    """Somebody in a room. Two who chose the same name are told apart by their numbers."""

    id: int
    name: str
    number: int
    joined: float
    note: str
    noted: float | None

    @property
    def called(self) -> str:
        return self.name if self.number == 1 else f"{self.name} {self.number}"


class Event(NamedTuple):
    """An attempt, by the number that it has with its learner."""

    id: int
    at: float
    exercise: str
    outcome: str
    labels: list[str]


class Attempt(NamedTuple):
    """An attempt as the room sees it."""

    learner: int
    id: int
    at: float
    exercise: str
    outcome: str


VOTING, TALKING, AGAIN, OVER = range(4)  # the stages of a poll
HIDDEN, BARS, ANSWER = range(3)  # what the room sees of it once a vote is closed


class Poll(NamedTuple):
    """A vote on one question: its stage, and how much of it is shown to the room."""

    id: int
    exercise: str
    stage: int
    shown: int

    @property
    def round(self) -> int | None:
        """The round in which one can vote now."""
        return {VOTING: 0, AGAIN: 1}.get(self.stage)

    @property
    def closed(self) -> tuple[bool, bool]:
        """Which rounds have bars. While the second is on, those of the first are hidden: they'd sway it."""
        return self.stage in (TALKING, OVER), self.stage == OVER


class Full(Exception):
    """A room has as many as it can hold; the message says of what."""


def tidy(name: str) -> str:
    """A nickname on one line, without marks that nobody sees or that turn the writing around."""
    plain = "".join(letter for letter in unicodedata.normalize("NFC", name) if unicodedata.category(letter)[0] != "C")
    return " ".join(plain.split())[:LONGEST_NAME].strip()
