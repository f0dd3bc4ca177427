"""The receipt: six characters that tell an instructor's board that somebody's machine is ready."""

import hashlib
import re
import secrets
from importlib.metadata import version

ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # no 0 and O, no 1, I and L
DRAWN, CHECKED = 4, 2


def receipt() -> str:
    """A new receipt: four characters drawn at random, and two that follow from them and the course's version.

    It proves that `doctor` of this version of the course ran through for somebody. It doesn't prove for whom: it can be
    passed on, and whoever reads this file can make one. In a room of 200, two people get the same one with a chance
    of 2 %.
    """
    drawn = "".join(secrets.choice(ALPHABET) for _ in range(DRAWN))
    return drawn + check(drawn)


def is_receipt(text: str) -> bool:
    """Is this a receipt of this version of the course? It may be typed in any case, with spaces and hyphens.

    A typo, a guess, or a receipt of another version passes with a chance of 1 in 961.
    """
    typed = re.sub(r"[\s-]", "", text).upper()
    return bool(re.fullmatch(f"[{ALPHABET}]{{{DRAWN + CHECKED}}}", typed)) and typed[DRAWN:] == check(typed[:DRAWN])


def check(drawn: str) -> str:
    """The characters that go with those that were drawn."""
    digest = hashlib.sha256(f"{version('attncore')} {drawn}".encode()).digest()
    number = int.from_bytes(digest, "big")
    return "".join(ALPHABET[number // len(ALPHABET) ** place % len(ALPHABET)] for place in range(CHECKED))
