"""A panel with lists in it: lines in a terminal, and in a page rows that wrap where it is narrow, with links."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from html import escape

from attncore.grading.report import Panel
from attncore.look import WASH

ROW = "display:flex;flex-wrap:wrap;align-items:baseline;gap:.1em .8em;margin:.25em 0"
CODE = f"background:{WASH};padding:.05em .35em;white-space:pre-wrap;overflow-wrap:anywhere"


@dataclass(repr=False)
class Listed(Panel):
    """A panel in which some lines, the lists, have HTML of their own: `pages` has it by the line's text."""

    pages: dict[str, str] = field(default_factory=dict)

    def add(self, rows: Iterable[tuple[str, str]]) -> None:
        """Add a list, whose rows are pairs of text and HTML."""
        texts, pages = zip(*rows, strict=True)
        text = "\n".join(texts)
        items = "".join(f'<div role="listitem" style="{ROW}">{page}</div>' for page in pages)
        self.pages[text] = f'<div role="list">{items}</div>'
        self.lines.append(("input", text))

    def block(self, role: str, text: str, mark: str = "") -> str:
        return self.pages.get(text) or super().block(role, text, mark)


def link(words: str, address: str, style: str = "") -> str:
    styled = f' style="{style}"' if style else ""
    return f'<a{styled} href="{escape(address)}">{escape(words)}</a>'


def prose(text: str) -> str:
    """Text as HTML, with its `code`."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def code(text: str) -> str:
    return f'<code style="{CODE}">{escape(text)}</code>'
