"""A notebook that an instructor publishes, as a page to read: text, code, output, pictures, and nothing that runs."""

import base64
import binascii
import json
import re
from html import escape
from typing import Any

LARGEST = 10_000_000  # bytes of a notebook
COLORS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")  # of a traceback, as a terminal has them
STYLE = """
:root { color-scheme: light dark; }
body { max-width: 50rem; margin: 2rem auto; padding: 0 1rem; font: 1rem/1.5 system-ui, sans-serif; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font: .9rem/1.45 ui-monospace, monospace; margin: .4rem 0; }
pre.code { background: #8882; padding: .5rem .8rem; border-radius: .3rem; }
p { white-space: pre-wrap; overflow-wrap: anywhere; margin: .5rem 0; }
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
    if cell["cell_type"] != "code":
        return [block(paragraph) for paragraph in re.split(r"\n\s*\n", source) if paragraph.strip()]
    outputs = [output(each) for each in cell.get("outputs", [])]
    return [f'<pre class="code">{escape(source)}</pre>' if source.strip() else "", *outputs]


def block(paragraph: str) -> str:
    """A paragraph of prose, whose lines stay where it is a list; a heading as one; bold and code, and no other mark."""
    heading = re.fullmatch(r"(#{1,4}) +(\S[^\n]*)", paragraph.strip())
    if heading:
        level = min(len(heading[1]) + 1, 4)
        return f"<h{level}>{escape(heading[2])}</h{level}>"
    listed = re.search(r"^\s*([|>]|([-*]|\d+\.) )", paragraph, re.MULTILINE)
    text = escape(paragraph if listed else " ".join(paragraph.split()))
    text = re.sub(r"`([^`]+)`", r"<code>\1</code>", re.sub(r"\*\*([^*`]+)\*\*", r"<b>\1</b>", text))
    return f"<p>{text}</p>"


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
