"""Formulas of a published notebook as MathML, which every browser shows by itself."""

from html import escape, unescape
from xml.etree.ElementTree import Element, tostring

LONGEST = 5_000  # letters of a formula
DRAWN = {  # attributes that say how a formula looks; style, href and their like aren't among them
    *("display", "displaystyle", "scriptlevel", "mathvariant", "stretchy", "fence", "form", "movablelimits", "accent"),
    *("minsize", "maxsize", "width", "height", "depth", "lspace", "rspace", "linethickness", "notation", "rowlines"),
    *("columnalign", "columnspacing", "columnlines", "rowspacing"),
}


def formula(latex: str, display: str = "inline") -> str:
    """A formula, "inline" or a "block" of its own; what can't be read stays LaTeX."""
    from latex2mathml.converter import Converter

    try:
        if len(latex) > LONGEST:
            raise ValueError("too long")
        drawn = Converter(display=display).convert_to_element(latex)
    except Exception:  # it has many of its own, and a stranger's formula may find others
        return f"<code>{escape(latex)}</code>"
    clean(drawn)
    return tostring(drawn, encoding="unicode", short_empty_elements=False)


def clean(element: Element) -> None:
    """Leave attributes that only draw. Texts have their entities read, since they're escaped when written."""
    element.attrib = {name: value for name, value in element.attrib.items() if name in DRAWN}
    element.text = unescape(element.text or "")
    for child in element:
        clean(child)
