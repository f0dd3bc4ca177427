"""Pictures: each with alternative text, each through one helper, none that breaks on a function in progress."""

import ast
import inspect
import re
from importlib import import_module
from pkgutil import iter_modules
from xml.etree import ElementTree

import numpy as np
import pytest

from attncore.authoring.render import lesson_cells
from attncore.dot_product import scaled_dot_product_attention
from attncore.exercises import LESSONS
from attncore.masks import causal_mask
from attncore.views import tables, widgets
from attncore.views.live import Waiting, asked_of
from attncore.views.style import canvas, figure
from attncore.views.widgets import dot_product, masks, softmax

MODULES = [import_module(f"attncore.views.widgets.{found.name}") for found in iter_modules(widgets.__path__)]
PICTURES = {
    name.removesuffix("_picture"): make
    for module in MODULES
    for name, make in inspect.getmembers(module, inspect.isfunction)
    if name.endswith("_picture")
}
OWN = [name for name, make in PICTURES.items() if inspect.signature(make).parameters]  # they ask the learner's function


def bundle(picture):
    return picture._repr_mimebundle_()


@pytest.mark.parametrize("make", PICTURES.values(), ids=PICTURES)
def test_a_live_picture_stands_still_without_a_kernel(make):
    shown = bundle(make())
    assert "application/vnd.jupyter.widget-view+json" in shown
    assert len(shown["text/plain"]) > 20
    assert "<img" in shown["text/html"]
    assert shown["image/svg+xml"].startswith("<svg") and shown["image/svg+xml"].endswith("</svg>")


@pytest.mark.parametrize("make", PICTURES.values(), ids=PICTURES)
def test_every_image_has_alternative_text(make):
    html = bundle(make())["text/html"]
    assert all(re.search(r'alt="[^"]{20,}"', image) for image in re.findall(r"<img[^>]*>", html))


@pytest.mark.parametrize("make", PICTURES.values(), ids=PICTURES)
def test_what_stands_alone_is_well_formed(make):
    ElementTree.fromstring(bundle(make())["image/svg+xml"])


@pytest.mark.parametrize("name", OWN)
@pytest.mark.parametrize("answer", [lambda *a: None, lambda *a: 1 / 0, lambda *a: np.zeros((9, 9)), lambda *a: "no"])
def test_a_picture_does_not_break_on_a_function_in_progress(name, answer):
    assert re.search("returns nothing yet|raises|expected the shape", bundle(PICTURES[name](answer))["text/plain"])


def test_a_slider_changes_the_picture():
    live = dot_product.scale_picture()
    before = live.canvas.value
    live.controls["exponent"].value = 9
    assert live.canvas.value != before
    assert "At width 512" in live.canvas.value


def test_a_picture_draws_what_the_learners_function_computes():
    wrong = softmax.softmax_picture(lambda scores: np.full(3, 0.5))
    assert "softmax: key 0 0.500, key 1 0.500, key 2 0.500." in bundle(wrong)["text/plain"]


def test_a_painted_mask_leaks_where_it_should():
    painter = masks.MaskPainter(scaled_dot_product_attention, causal_mask)
    assert "leaks into no earlier output" in painter.still.alt
    painter.buttons[1][3].value = True
    assert "leaks back to cat" in painter.still.alt


def test_asked_of_says_what_came():
    with pytest.raises(Waiting, match=r"named returns the shape \(2,\), expected the shape \(3,\)"):

        def named():
            return [1, 2]

        asked_of(named, shape=(3,))


def test_a_figure_is_the_same_bytes_each_time():
    def draw():
        drawn, (ax,) = canvas()
        ax.plot([1, 2, 3])
        return figure(drawn, "three points").html

    assert draw() == draw()


def test_labels_are_escaped():
    html = tables.heat_map([[1.0]], ["<b>"], ['"'], title="a & b").svg
    assert "<b>" not in html
    assert "&lt;b&gt;" in html
    assert "a &amp; b" in html


@pytest.mark.parametrize("weight", np.linspace(0, 1, 21))
def test_numbers_can_be_read_on_every_colour(weight):
    from contrast import contrast

    for cell in (tables.shade(weight), tables.signed(2 * weight - 1)):
        assert contrast(cell.fill, cell.ink) >= 4.5


@pytest.mark.parametrize("style", [tables.changed_or_not(True), tables.changed_or_not(False), tables.yes_no(True)])
def test_words_can_be_read_on_their_cells(style):
    from contrast import contrast

    assert contrast(style.fill, style.ink) >= 4.5


@pytest.mark.parametrize("lesson", LESSONS)
def test_lessons_draw_through_the_helpers_alone(lesson):
    for cell in lesson_cells(lesson):
        if cell.cell_type == "code":
            modules = {n.module for n in ast.walk(ast.parse(cell.source)) if isinstance(n, ast.ImportFrom)}
            modules |= {a.name for n in ast.walk(ast.parse(cell.source)) if isinstance(n, ast.Import) for a in n.names}
            assert not {m for m in modules if m.split(".")[0] in ("matplotlib", "IPython", "ipywidgets")}
