"""The works that the course cites: a lesson says "Vaswani et al. (2017)", and the link is found here.

Each work has an entry in lessons/references.toml, under the name by which it is cited; spoken, "Vaswani and colleagues,
2017", is the same. Two of the same authors and year are told apart by a letter, "Liu et al. (2023a)". A report or a
documentation without personal authors goes by its own name, "DeepSeek-V3.2 (2025)" or "the vLLM documentation".
"""

import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from attncore.authoring.author import HOME
from attncore.exercises import LESSONS, Code, Exercise, lessons

REFERENCES = HOME / "attncore" / "lessons" / "references.toml"
KEPT = (  # markdown in which no citation is looked for: code, formulas, links, headings, tags
    r"```.*?```|`[^`]*`|\$\$.*?\$\$|\$(?!\s)[^$]+?(?<!\s)\$(?!\d)|!?\[[^\]]*\]\([^)]*\)|https?://\S+"
    r"|^#{1,6} [^\n]*|<[/a-z][^>]*>"
)
NAME = r"[A-ZÀ-ÖØ-Þ](?:[\w-]|\.(?=\w))*"
AUTHORS = rf"{NAME}(?:\s+(?:{NAME}|\d[\w.]*))*(?:\s+et\s+al\.|\s+and\s+(?:colleagues|{NAME}))?"
YEAR = r"(?:19|20)\d\d[a-z]?"
WITHOUT_PROSE = {"seen", "choices", "right"}  # keys of an exercise's words


@dataclass(frozen=True)
class Work:
    """A work that the course cites; `name` is how a sentence names it: "Vaswani et al. (2017)"."""

    name: str
    title: str
    where: str
    link: str

    @property
    def authors(self) -> str:
        return self.name.partition(" (")[0]

    @property
    def year(self) -> str:
        """The year, with its letter; empty for what changes, as a documentation does."""
        return self.name.partition(" (")[2].rstrip(")")

    @property
    def line(self) -> str:
        """It in a list of sources, as markdown."""
        stop = "" if self.title.endswith("?") else "."
        return f"- {self.name[0].upper()}{self.name[1:]}. [{self.title}]({self.link}){stop} {self.where}."


@dataclass(frozen=True)
class Citation:
    """What looks like a citation in a text, from `start` to `end`, and the work that it names, if there is one."""

    start: int
    end: int
    text: str
    work: Work | None


@cache
def works() -> tuple[Work, ...]:
    """All works that may be cited, in the order of their authors."""
    entries = tomllib.loads(REFERENCES.read_text(encoding="utf-8"))
    return tuple(sorted((Work(name, **entry) for name, entry in entries.items()), key=in_order))


def in_order(work: Work) -> tuple[str, str]:
    return work.authors.removeprefix("the ").casefold(), work.year


@cache
def pattern() -> re.Pattern[str]:
    """Finds what is kept as it is, and the citations: by authors and year, or by the name of a documentation."""
    names = "|".join(f"(?i:{re.escape(work.authors)})".replace(r"\ ", r"\s+") for work in works() if not work.year)
    year = rf"(?:,\s+(?P<after>{YEAR})\b|\s+\((?P<inside>{YEAR})\)|(?=\s+\((?P<beside>{YEAR})[,;]))"
    named = rf"|\b(?P<named>{names})\b" if names else ""
    return re.compile(rf"{KEPT}|(?P<authors>{AUTHORS})(?:['’]s)?{year}{named}", re.DOTALL | re.MULTILINE)


def citations(text: str) -> Iterator[Citation]:
    """What looks like a citation in a markdown text."""
    for match in pattern().finditer(text):
        authors, named = match["authors"], match["named"] if "named" in match.re.groupindex else None
        year = match["after"] or match["inside"] or match["beside"] if authors else ""
        if authors or named:
            skipped, work = found(authors or named or "", year)
            text = match[0][skipped:] + (f" ({year})" if match["beside"] else "")
            yield Citation(match.start() + skipped, match.end(), text, work)


def found(authors: str, year: str) -> tuple[int, Work | None]:
    """The work of that name and year; and how many letters, as in "So Vaswani et al.", are no part of the name."""
    by_name = {(work.authors.casefold(), work.year): work for work in works()}
    for word in re.finditer(r"\S+", authors):
        if word[0] == "and":
            break  # "Dao" alone is not "Gu and Dao"
        name = " ".join(authors[word.start() :].split()).replace("and colleagues", "et al.")
        if work := by_name.get((name.casefold(), year)):
            return word.start(), work
    return 0, None


def linked(text: str) -> str:
    """A markdown text in which each citation leads to its work; as it is read, nothing changes."""
    parts, end = [], 0
    for citation in citations(text):
        if citation.work:
            parts += [text[end : citation.start], f"[{text[citation.start : citation.end]}]({citation.work.link})"]
            end = citation.end
    return "".join([*parts, text[end:]])


def sources(texts: Iterable[str]) -> str:
    """A section with the works that these texts cite, in the order of their authors; empty where they cite none."""
    cited = {citation.work for text in texts for citation in citations(text) if citation.work}
    return "\n".join(["## Sources", "", *(work.line for work in works() if work in cited)]) if cited else ""


def texts_of(exercise: Exercise) -> Iterator[str]:
    """The prose of an exercise: its words, and of a function the docstring."""
    yield from strings(exercise.words)
    if isinstance(exercise, Code):
        yield exercise.reference.__doc__ or ""


def strings(words: object) -> Iterator[str]:
    """The texts in an exercise's words, at any depth."""
    if isinstance(words, str):
        yield words
    elif isinstance(words, list):
        for part in words:
            yield from strings(part)
    elif isinstance(words, dict):
        for key, part in words.items():
            if key not in WITHOUT_PROSE:
                yield from strings(part)


def lesson_texts(lesson: str) -> Iterator[tuple[str, str]]:
    """All prose of a lesson, each piece after the name of where it stands."""
    from attncore.authoring.render import lesson_cells  # which links through this module

    for cell in lesson_cells(lesson):
        if cell.cell_type == "markdown":
            yield lesson, cell.source
    for exercise in lessons[lesson]:
        for text in texts_of(exercise):
            yield f"{lesson}, {exercise.id}", text


def source_problems() -> Iterator[str]:
    """Citations that name no work."""
    for lesson in LESSONS:
        for where, text in lesson_texts(lesson):
            for citation in citations(text):
                if not citation.work:
                    yield f'{where}: "{" ".join(citation.text.split())}" is not in references.toml{meant(citation)}'


def meant(citation: Citation) -> str:
    """The works of the same year that a citation may mean, where a letter is missing."""
    said = re.sub(r"\W+", " ", citation.text).strip()
    near = [work.name for work in works() if re.sub(r"\W+", " ", work.name).rstrip("abc ") == said]
    return f"; say which: {', '.join(near)}" if near else ""


def unused_problems() -> Iterator[str]:
    """Works that no lesson cites, and no docstring of the mathematics."""
    texts = [text for lesson in LESSONS for _, text in lesson_texts(lesson)]
    texts += [path.read_text(encoding="utf-8") for path in (HOME / "attncore").glob("*.py")]
    cited = {citation.work for text in texts for citation in citations(text)}
    yield from (f"references.toml: nothing cites {work.name}" for work in works() if work not in cited)
