"""The scripts of explorables without a browser: their pure functions, called with plain values; what they draw."""

import json
import re
from functools import cache
from typing import Any
from xml.etree import ElementTree

import pytest
from py_mini_racer import MiniRacer

from attncore.views.explorables.frame import source
from attncore.views.explorables.paint import THEMES
from attncore.views.explorables.parts import decimal


class Script:
    """What an explorable's script says, in an engine of its own."""

    def __init__(self, name: str):
        self.engine = MiniRacer()
        self.engine.eval(re.sub(r"^export ", "", source(name), flags=re.MULTILINE))

    def call(self, function: str, *arguments: Any) -> Any:
        """What a function returns. Arrays go as lists; NaN and infinities come back as None."""
        given = ", ".join(json.dumps(getattr(one, "tolist", lambda one=one: one)()) for one in arguments)
        return json.loads(self.engine.eval(f"JSON.stringify({function}({given}))"))


script = cache(Script)


def assert_drawn_alike(explorable):
    picture = script(explorable.name).call("picture", explorable.state)
    assert picture.pop("say") == explorable.alt
    picture.pop("told", "")
    drawn = drawn_parts(explorable.svg)
    named = set(re.findall(r'data-part="([^"]+)"', explorable.alive))
    assert set(picture) <= named
    assert len(re.findall(r'data-part="', explorable.svg)) == len(drawn), "a part's name stands once"
    for part in set(picture) & set(drawn):
        for attribute, value in picture[part].items():
            words, numbers = numbers_and_words(value)
            drawn_words, drawn_numbers = numbers_and_words(drawn[part][attribute])
            assert drawn_words == words, f"{part}, {attribute}"
            assert drawn_numbers == pytest.approx(numbers, abs=0.011), f"{part}, {attribute}"


def drawn_parts(svg):
    """Each named part of an SVG: its attributes and its words."""
    elements = [one for one in ElementTree.fromstring(svg).iter() if "data-part" in one.attrib]
    return {one.attrib["data-part"]: one.attrib | {"text": "".join(one.itertext())} for one in elements}


def numbers_and_words(value):
    """A value as what stands between its numbers, and the numbers."""
    value = THEMES.get(value, [value])[0] if isinstance(value, str) else value
    text = decimal(value) if isinstance(value, int | float) else str(value).strip()
    number = r"-?\d+\.?\d*(?:e-?\d+)?"
    return re.sub(number, "#", text), [float(one) for one in re.findall(number, text)]
