"""A notebook that an instructor publishes, as a page to read: text, code, output, pictures, and nothing that runs."""

import base64
import binascii
import json
import re
from functools import cache
from html import escape
from typing import Any

import mistune

from attncore.app.board.mathml import formula

LARGEST = 10_000_000  # bytes of a notebook
COLORS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")  # of a traceback, as a terminal has them
STYLE = """
:root { color-scheme: light dark; }
body { max-width: 50rem; margin: 2rem auto; padding: 0 1rem; font: 1rem/1.5 system-ui, sans-serif; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font: .9rem/1.45 ui-monospace, monospace; margin: .4rem 0; }
pre.code { background: #8882; padding: .5rem .8rem; border-radius: .3rem; }
p, li { overflow-wrap: anywhere; margin: .5rem 0; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
th, td { padding: .2rem .7rem; text-align: left; border-bottom: 1px solid #8886; }
blockquote { margin: .5rem 0; padding-left: .8rem; border-left: 3px solid #8888; }
code { font: .9em ui-monospace, monospace; }
math[display=block] { padding: .6rem 0; overflow-x: auto; overflow-y: hidden; }
a { color: LinkText; }
img { max-width: 100%; height: auto; background: #fff; }
"""


def page(notebook: bytes, title: str) -> str:
    """The page. Everything in the notebook is escaped; of pictures, PNG alone is shown.

    Raises ValueError, with a sentence, where it is no notebook.
    """
    try:
        cells = json.loads(notebook)["cells"]
        body = "\n".join(part for cell in cells for part in cell_parts(cell))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise ValueError("This isn't a Jupyter notebook (.ipynb).") from None
    text = (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{escape(title)}</title>\n'
        f"<style>{STYLE}</style>\n<h1>{escape(title)}</h1>\n{body}\n</html>\n"
    )
    return text.encode(errors="replace").decode()  # half a surrogate pair is no letter, and can't be kept


def cell_parts(cell: dict[str, Any]) -> list[str]:
    source = joined(cell["source"])
    if cell["cell_type"] == "markdown":
        return [str(reader()(source))]
    if cell["cell_type"] != "code":
        return [f"<pre>{escape(source)}</pre>"]
    outputs = [output(each) for each in cell.get("outputs", [])]
    return [f'<pre class="code">{escape(source)}</pre>' if source.strip() else "", *outputs]


@cache
def reader() -> mistune.Markdown:
    """What turns Markdown into HTML; HTML in it is text."""
    return mistune.create_markdown(renderer=Prose(escape=True), plugins=["table", "strikethrough", formulas])


class Prose(mistune.HTMLRenderer):
    """Markdown as a page shows it: nothing is loaded, and links go only to the web."""

    def heading(self, text: str, level: int, **_attributes: Any) -> str:
        level = min(level + 1, 6)  # the page has a title of its own
        return f"<h{level}>{text}</h{level}>\n"

    def link(self, text: str, url: str, title: str | None = None) -> str:
        if not url.startswith(("https://", "http://")):
            return text
        return f'<a href="{escape(url)}" target="_blank" rel="noopener noreferrer">{text}</a>'

    def image(self, text: str, url: str, title: str | None = None) -> str:
        return text

    def table_cell(self, text: str, align: str | None = None, head: bool = False) -> str:
        tag = "th" if head else "td"
        return f"<{tag}>{text}</{tag}>"

    def formula(self, latex: str, display: str) -> str:
        return formula(latex, display)


def formulas(md: mistune.Markdown) -> None:
    """Formulas between dollar signs, over several lines too; a price is none."""
    md.block.register("formula", r"^ {0,3}\$\$(?P<displayed>[^$]+)\$\$[ \t]*(?:\n|$)", read_formula, before="list")
    md.inline.register(
        "formula",
        r"\$\$(?P<displayed>[^$]+)\$\$|\$(?![\s$])(?P<inline>[^$]*[^$\s\\])\$(?!\d)",
        read_formula,
        before="link",
    )


def read_formula(_parser: Any, found: re.Match[str], state: Any) -> int:
    inline, displayed = found.groupdict().get("inline"), found["displayed"]
    display = "inline" if inline else "block"
    state.append_token({"type": "formula", "raw": inline or displayed, "attrs": {"display": display}})
    return found.end()


def output(given: dict[str, Any]) -> str:
    """What a cell showed: a picture, or else its text."""
    data = given.get("data", {})
    text = joined(data.get("text/plain", given.get("text", "")))
    if given["output_type"] == "error":
        text = COLORS.sub("", "\n".join(map(str, given.get("traceback", []))))
    if picture := png(joined(data.get("image/png", ""))):
        return f'<img alt="{escape(text)}" src="data:image/png;base64,{picture}">'
    return f"<pre>{escape(text)}</pre>" if text.strip() else ""


def png(text: str) -> str:
    """A picture in base 64, written anew; empty where it is none."""
    try:
        picture = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return ""
    return base64.b64encode(picture).decode() if picture.startswith(b"\x89PNG\r\n\x1a\n") else ""


def joined(text: Any) -> str:
    """Text that a notebook keeps whole or in lines."""
    return text if isinstance(text, str) else "".join(map(str, text))
