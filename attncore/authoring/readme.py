"""The README's figures: each stands between two markers, and the command that measured it writes it there."""

from attncore.authoring.author import HOME

README = HOME / "README.md"


def between(name: str) -> str:
    """What stands between the markers of that name. Raises ValueError where there are none."""
    return _parts(name)[1].strip()


def write_between(name: str, text: str) -> None:
    """Put a text between the markers of that name. Raises ValueError where there are none."""
    before, _, after = _parts(name)
    README.write_text(f"{before}\n{text}\n{after}", encoding="utf-8")


def _parts(name: str) -> tuple[str, str, str]:
    opening, closing = f"<!-- {name} -->", f"<!-- /{name} -->"
    before, found, rest = README.read_text(encoding="utf-8").partition(opening)
    middle, ended, after = rest.partition(closing)
    if not (found and ended):
        raise ValueError(f"the README has no markers {opening} and {closing}")
    return before + opening, middle, closing + after
