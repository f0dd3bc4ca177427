"""The words of the trade: what they mean, the lesson that teaches them, and what else people say."""

import tomllib
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from html import escape
from pathlib import Path

from attncore.app.listed import Listed, link
from attncore.exercises import LESSONS

FILE = Path(__file__).parents[1] / "lessons" / "glossary.toml"
TERM, MEANING = "flex:0 0 13em;font-weight:600", "flex:1 1 20em"


@dataclass(frozen=True)
class Term:
    """One entry; `also` are the other words for it."""

    name: str
    meaning: str
    lesson: str
    also: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return self.name, *self.also

    @property
    def head(self) -> str:
        """The term, with its other words in brackets."""
        return f"{self.name} ({', '.join(self.also)})" if self.also else self.name

    @property
    def where(self) -> str:
        return f"lesson {self.lesson[:2]}"

    def row(self) -> tuple[str, str]:
        """It as a row of a list: as text, and as HTML."""
        others = f'<br><small style="font-weight:400">{escape(", ".join(self.also))}</small>' if self.also else ""
        where = link(self.where, f"{self.lesson}.ipynb") if self.lesson in LESSONS else self.where
        page = f'<span style="{TERM}">{escape(self.name)}{others}</span>'
        page += f'<span style="{MEANING}">{escape(self.meaning)} <small>{where}</small></span>'
        return f"{self.head}: {self.meaning} [{self.where}]", page


@cache
def terms() -> tuple[Term, ...]:
    """All terms, in alphabetical order."""
    entries = tomllib.loads(FILE.read_text(encoding="utf-8"))
    found = [
        Term(name, entry["meaning"], entry["lesson"], tuple(entry.get("also", ()))) for name, entry in entries.items()
    ]
    return tuple(sorted(found, key=lambda term: term.name.casefold()))


def glossary(word: str = "") -> Listed:
    """Every term; or the one that is asked for, under any of its names; or those whose names come close."""
    wanted = word.strip().casefold()
    if not wanted:
        return listed(f"{len(terms())} words of the trade", terms())
    if same := [term for term in terms() if wanted in map(str.casefold, term.names)]:
        return listed("", same)
    near = near_terms(wanted)
    return listed(f'The glossary has no "{word.strip()}"' + (". Did you mean one of these?" if near else "."), near)


def near_terms(wanted: str) -> list[Term]:
    """The terms that have the word in one of their names, or else a name that is spelled much like it."""
    by_name = {name.casefold(): term for term in terms() for name in term.names}
    within = [term for name, term in by_name.items() if wanted in name]
    return list(dict.fromkeys(within or [by_name[name] for name in get_close_matches(wanted, by_name)]))


def listed(head: str, found: "tuple[Term, ...] | list[Term]") -> Listed:
    panel = Listed("info", [("head", head)] if head else [])
    if found:
        panel.add(term.row() for term in found)
    return panel
