"""Explorables: each a still picture that is complete, and a script that draws the same and computes the mathematics."""

import base64
import inspect
import re
from functools import cache
from html import escape
from importlib import import_module
from pkgutil import iter_modules
from xml.etree import ElementTree

import numpy as np
import pytest
from contrast import contrast
from javascript import assert_drawn_alike, script

from attncore.dot_product import scaled_dot_product_attention
from attncore.example import KEY, QUERY, VALUE
from attncore.views import explorables
from attncore.views.explorables import frame, parts
from attncore.views.explorables.arrows import arrows
from attncore.views.explorables.paint import SCALES, THEMES

FRAME = {"frame", "paint", "parts"}
EXPLORABLES = {
    found.name: getattr(import_module(f"{explorables.__name__}.{found.name}"), found.name)
    for found in iter_modules(explorables.__path__)
    if found.name not in FRAME
}
EACH = pytest.mark.parametrize("name", EXPLORABLES)
OWN = [name for name, make in EXPLORABLES.items() if "function" in inspect.signature(make).parameters]


@cache
def made(name):
    return EXPLORABLES[name]()


@EACH
def test_the_still_picture_is_complete(name):
    shown = made(name)._repr_mimebundle_()
    root = ElementTree.fromstring(shown["image/svg+xml"])
    assert root.find("{*}title").text == shown["text/plain"]
    assert root.find("{*}rect").get("fill") == "#ffffff", "a card of its own"
    assert float(root.get("width")) <= 680
    assert len(shown["text/plain"]) > 30
    assert not re.search(r"<(script|style|foreignObject|image|use)\b|\bhref=|\bstyle=", shown["image/svg+xml"])


@EACH
def test_the_page_needs_nothing_from_elsewhere(name):
    html = made(name).html
    assert not re.search(r"\bid=|url\(|\bimport\b|\bfetch\(|\bXMLHttpRequest\b", html), (
        "no id, so that several fit a page"
    )
    assert set(re.findall(r"https?://[^\"'\\ ]*", html)) == {"http://www.w3.org/2000/svg"}


@EACH
def test_where_scripts_are_cut_the_picture_stands_alone(name):
    rest = re.sub(r"<(script|style)\b.*?</\1>", "", made(name).html, flags=re.DOTALL)
    assert re.fullmatch(
        r'<figure[^>]*><div[^>]*><img alt="[^"]{30,}"[^>]*></div><p[^>]*></p>(<figcaption>.*</figcaption>)?</figure>',
        rest,
    )
    still = base64.b64decode(re.search('base64,([^"]*)', rest)[1]).decode()
    assert still == made(name).svg


@EACH
def test_the_script_draws_what_python_has_drawn(name):
    assert_drawn_alike(made(name))


@EACH
def test_what_takes_the_focus_has_a_name_and_a_role(name):
    for tag in re.findall(r"<[^>]*tabindex=[^>]*>", made(name).svg):
        assert 'role="' in tag
        assert 'aria-label="' in tag


@pytest.mark.parametrize("name", OWN)
@pytest.mark.parametrize("answer", [lambda *a: None, lambda *a: 1 / 0, lambda *a: np.zeros((9, 9)), lambda *a: "no"])
def test_a_function_in_progress_gives_a_sentence(name, answer):
    explorable = EXPLORABLES[name](function=answer)
    assert re.search("returns nothing yet|raises|expected the shape", explorable.asked.told)
    assert escape(explorable.asked.told) in explorable.html
    assert explorable.asked.told in explorable._repr_mimebundle_()["text/plain"]
    assert explorable.svg == made(name).svg, "the course's own is drawn"


@pytest.mark.parametrize("name", OWN)
def test_a_function_is_asked_once(name):
    asked = []
    EXPLORABLES[name](function=lambda *a: asked.append(a))
    assert len(asked) == 1


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("ground", ["paper", "wash"])
def test_words_and_shapes_stand_out_in_both_themes(theme, ground):
    on = {name: contrast(colors[theme], THEMES[ground][theme]) for name, colors in THEMES.items()}
    assert min(on["ink"], on["soft"]) >= 4.5
    assert min(on[name] for name in ("blue", "orange", "green", "grey", "pink")) >= 2.5


@pytest.mark.parametrize("name", SCALES)
def test_numbers_can_be_read_on_every_colour_of_a_scale(name):
    assert min(contrast(*colors) for colors in SCALES[name]) >= 4.5


@pytest.mark.parametrize("value", [0, -0.001, 0.005, 0.125, 0.375, -0.125, 1, 2.5, 1 / 3, -2 / 3, 99.995, 1234.5])
@pytest.mark.parametrize("digits", [0, 1, 2, 3])
def test_numbers_read_alike_in_python_and_in_the_script(value, digits):
    assert script("arrows").call("number", value, digits) == parts.number(value, digits)


def test_a_number_reads_as_one_would_write_it():
    assert [parts.number(x) for x in (2.0, -0.5, 1 / 3, -0.001)] == ["2", "−0.5", "0.33", "0"]


@pytest.mark.parametrize("ends", [(1, 2, 30, 40), (5, 5, 5, 5), (0, 0, -3, 0), (9, 9, 0, -20)])
def test_an_arrow_is_drawn_alike(ends):
    assert script("arrows").call("arrow", *ends) == parts.arrow(*ends)


def test_softmax_holds_out():
    softmax = [script("arrows").call("softmax", row) for row in ([1000, 1001], [-1000, 0])]
    np.testing.assert_allclose(softmax, [[1 / (1 + np.e), np.e / (1 + np.e)], [0, 1]], atol=1e-12)


def test_a_function_may_spoil_its_arguments():
    def spoils(query, key, value):
        query *= 0
        key += 1
        return value[:1]

    assert arrows(function=spoils).state["query"] == [1, 1]


def test_whose_numbers_are_drawn():
    def attend(query, key, value):
        return scaled_dot_product_attention(query, key, value)

    assert arrows(function=attend).asked.told.startswith("Computed by attend.")
    assert arrows(function=lambda q, k, v: q).asked.told.startswith("<lambda> gives (1, 1), drawn beside the course's")
    assert "can't be drawn" in arrows(function=lambda q, k, v: q * np.nan).asked.told


def test_arguments_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match=r"keys has shape \(2, 2\), expected \(3, 2\)"):
        arrows(keys=KEY[:2])
    with pytest.raises(ValueError, match="query has an entry that isn't finite"):
        frame.array_of("query", [1, np.nan], 2)


def test_the_example_is_the_same_everywhere():
    assert np.shape(QUERY) == np.shape(KEY) == np.shape(VALUE) == (3, 2)


def test_the_courses_own_function_is_not_shown_as_the_learners():
    from attncore.dot_product import scaled_dot_product_attention
    from attncore.views.explorables.cell_by_cell import cell_by_cell

    handed_over = cell_by_cell(function=scaled_dot_product_attention)
    assert handed_over.html == cell_by_cell().html
    assert "your function" in cell_by_cell(function=lambda q, k, v: scaled_dot_product_attention(q, k, v)).svg
