"""The bank of spoken questions: what each has to hold, and what the whole has to."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from attncore.exercises import LESSONS, STORIES, Card, Exercise, exercises
from attncore.exercises.card import TYPES

ASKED = 150  # questions, in all
CARDS = tuple(exercise for exercise in exercises if isinstance(exercise, Card))
SIZES = {"points": (3, 6), "claims": (2, 4), "follow_ups": (2, 2)}
WORDS = (60, 150)  # of a model answer, as one would say it
WORKED = (150, 350)  # of a design's answer with its numbers
ADDRESS = re.compile(r"https://[\w.-]+\.\w+(/\S*)?")


def card_problems(card: Card) -> Iterator[str]:
    """What is missing in one question."""
    if card.type not in TYPES:
        yield f'{card.id}: the type "{card.type}" is none of {", ".join(TYPES)}'
    for key, (least, most) in SIZES.items():
        if not least <= (number := len(card.words[key])) <= most:
            yield f"{card.id}: {number} {key}, expected {least if least == most else f'{least} to {most}'}"
    if not WORDS[0] <= (number := len(card.answer.split())) <= WORDS[1]:
        yield f"{card.id}: the model answer has {number} words, expected {WORDS[0]} to {WORDS[1]}"
    long = card.worked or (card.type == "design" and card.lesson == "99_interview")  # those of lessons may be short
    if long and not WORKED[0] <= (number := len(card.worked.split())) <= WORKED[1]:
        yield f"{card.id}: the worked answer has {number} words, expected {WORKED[0]} to {WORKED[1]}"
    for text in (card.question, card.answer, card.worked):
        if found := re.search(r"\{\w[^}]*\}", text):
            yield f"{card.id}: {found[0]} is not filled; questions.py has no figures for it"
    for claim in card.claims:
        if len(set(claim.choices)) != len(claim.choices) or len(claim.choices) < 2 or claim.right not in claim.choices:
            yield f'{card.id}: "{claim.ask}" needs two choices or more, all different, the right one among them'
    spoken = [card.common_wrong, card.what_is_wrong, *(claim.why for claim in card.claims)]
    spoken += [part for asked in card.follow_ups for part in asked]
    for text in [card.question, *spoken]:
        if not text or text[-1] not in '.?!)"`':
            yield f"{card.id}: no sentence, or no end to it: {text!r}"
    yield from section_problems(card)
    for address in card.seen:
        if not ADDRESS.fullmatch(address):
            yield f"{card.id}: {address} is no https address"
    if len(set(card.seen)) != len(card.seen):
        yield f"{card.id}: a source is named twice"


def section_problems(exercise: Exercise) -> Iterator[str]:
    """A section that isn't there."""
    lesson, heading = exercise.section
    if lesson not in LESSONS or heading not in headings(lesson):
        yield f'{exercise.id}: {lesson} has no section "{heading}"'


def headings(lesson: str) -> list[str]:
    """The headings of a lesson's sections."""
    story = (STORIES / f"{lesson}.py").read_text(encoding="utf-8")
    return re.findall(r"^# ##+ (.+)$", story, re.MULTILINE)


def bank_problems(cards: Sequence[Card] = CARDS) -> Iterator[str]:
    """What is missing in the bank as a whole."""
    if len(cards) < ASKED:
        yield f"the bank has {len(cards)} questions, at least {ASKED} are wanted"
    for type in TYPES:
        if type not in {card.type for card in cards}:
            yield f"the bank has no question of the type {type}"
    for question, times in Counter(card.question for card in cards).items():
        if times > 1:
            yield f"asked {times} times: {question}"
