"""The glossary as a page, docs/glossary.md, and what is wrong in it."""

from collections import Counter
from collections.abc import Iterator

from attncore.app.glossary import Term, terms
from attncore.authoring.author import HOME
from attncore.exercises import LESSONS

PAGE = HOME / "docs" / "glossary.md"
HEAD = """# Glossary

The words that interviews use, what else people say for them, and the lesson that teaches each. In a notebook,
`glossary("logits")` shows one of them.

| Term | Meaning |
|---|---|
"""


def glossary_page() -> str:
    """The page, as it is written to docs/glossary.md."""
    return HEAD + "".join(f"| {term_cell(term)} | {term.meaning} *{place(term)}* |\n" for term in terms())


def term_cell(term: Term) -> str:
    return f"**{term.name}**" + (f"<br>{', '.join(term.also)}" if term.also else "")


def place(term: Term) -> str:
    """The lesson, as a link to its solution, which reads well where no kernel runs."""
    return f"[{term.where}](../solutions/{term.lesson}.ipynb)" if term.lesson in LESSONS else term.where


def write() -> None:
    """Write docs/glossary.md anew."""
    PAGE.write_text(glossary_page(), encoding="utf-8", newline="\n")


def glossary_problems() -> Iterator[str]:
    """Words that two terms claim, meanings that are too long, and a page that is out of step."""
    claimed = Counter(name.casefold() for term in terms() for name in term.names)
    yield from (f'glossary.toml: "{name}" stands {times} times' for name, times in claimed.items() if times > 1)
    for term in terms():
        if len(term.meaning.split()) > 40:
            yield f"glossary.toml: {term.name} takes {len(term.meaning.split())} words, at most 40 are wanted"
    if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != glossary_page():
        yield "docs/glossary.md is not what glossary.toml gives: run python3 course.py render"
