"""Names and texts of people we don't know: how they are shown, and what files are called after them."""

import re
from hashlib import sha256
from unicodedata import normalize

LONG = 4_000  # characters of a text that are shown; of a name, SHORT
SHORT = 80
# What a reader doesn't see, or sees in another place than where it stands: control characters but the tab and the end
# of a line, marks that turn the direction of writing, halves of characters.
UNSEEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)
PLAIN = re.compile(r"(?!(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$))[a-z0-9_][a-z0-9_-]*(?:[.@][a-z0-9_-]+)*")
MARKED = re.compile(r"-[0-9a-f]{12}$")


def shown(text: str, most: int = LONG) -> str:
    """A text as it can be shown: with what isn't seen written out, as \\u202e, and not too long."""
    short = text if len(text) <= most else text[: most - 1] + "…"
    return UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", short.replace("\r\n", "\n"))


def shown_name(name: str) -> str:
    """A name on one line; never empty."""
    return shown(re.sub(r"\s+", " ", name), SHORT) or "(no name)"


def page_name(learner: str) -> str:
    """The file name of a learner's page, safe on every system, and another one for every learner.

    A plain name is kept. Any other gets a mark made of the whole name, and no plain name ends like such a mark.
    """
    if len(learner) <= SHORT and PLAIN.fullmatch(learner) and not MARKED.search(learner):
        return f"{learner}.html"
    words = re.sub(r"[\W_]+", "-", normalize("NFKC", learner).casefold()).strip("-")[:40]
    return f"{words or 'learner'}-{sha256(learner.encode('utf-8', 'surrogatepass')).hexdigest()[:12]}.html"
