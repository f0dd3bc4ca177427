"""The form of links: https, without tracking, one spelling an address, and words that say where it leads."""

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

from attncore.authoring.author import HOME

PLACES = ("attncore/lessons", "attncore/exercises", "attncore/data", "docs", "*.md")
ADDRESS = re.compile(r"https?://[\w.-]+\.[a-z]{2,}(?::\d+)?(?:/[^\s<>()\"'`]*)?")  # none of a laptop in a room
TRACKING = re.compile(r"utm_\w+|fbclid|gclid|ref(_src)?|si|trk|noredirect|share")
EMPTY_WORDS = re.compile(r"\[(here|click here|this|link|this link)\]\(", re.IGNORECASE)


def link_problems() -> Iterator[str]:
    """What is wrong with the form of a link, file by file; and addresses that are written in two ways."""
    written: dict[str, set[str]] = defaultdict(set)
    for path in files():
        text, where = path.read_text(encoding="utf-8"), path.relative_to(HOME).as_posix()
        for address in addresses(text):
            written[canonical(address)].add(address)
            yield from (f"{where}: {address} {problem}" for problem in address_problems(address))
        for words in EMPTY_WORDS.findall(text):
            yield f'{where}: a link is called "{words}"; say where it leads'
    for several in written.values():
        if len(several) > 1:
            yield f"one address in several forms: {', '.join(sorted(several))}"


def files() -> list[Path]:
    """All that a learner reads and that may hold links."""
    found = [
        path for place in PLACES for path in ([*HOME.glob(place)] if "*" in place else [*(HOME / place).rglob("*")])
    ]
    return sorted(path for path in found if path.suffix in (".md", ".toml", ".py"))


def addresses(text: str) -> Iterator[str]:
    """The addresses in a text, without the punctuation that follows."""
    return (found.rstrip(".,;:!?") for found in ADDRESS.findall(text))


def address_problems(address: str) -> Iterator[str]:
    """What is wrong with one address."""
    parts = urlsplit(address)
    if parts.scheme != "https":
        yield "begins with http; write https"
    if tracked := [key for key, _ in parse_qsl(parts.query, keep_blank_values=True) if TRACKING.fullmatch(key)]:
        yield f"tracks its readers: leave out {', '.join(tracked)}"
    if parts.netloc == "arxiv.org" and not re.fullmatch(r"/abs/(\d{4}\.\d{4,5}|[a-z-]+/\d{7})", parts.path):
        yield "is no page of arXiv about a paper; write arxiv.org/abs/ and the number, without a version"


def canonical(address: str) -> str:
    """What all forms of one address have in common."""
    parts = urlsplit(address)
    host = parts.netloc.lower().removeprefix("www.").removeprefix("dx.")
    path = parts.path.rstrip("/").removesuffix(".pdf")
    if host == "arxiv.org":
        path = re.sub(r"v\d+$", "", path.replace("/pdf/", "/abs/"))
    if host == "github.com":
        path = re.sub(r"/blob/[^/]+/", "/blob/", path)
    query = urlencode([pair for pair in parse_qsl(parts.query) if not TRACKING.fullmatch(pair[0])])
    return f"{host}{path}?{query}#{parts.fragment}"
