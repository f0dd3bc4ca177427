"""Explorables where they are read: in a notebook opened again, without its kernel, and in nbconvert's page."""

import nbformat
import pytest
from nbconvert import HTMLExporter
from nbformat.v4 import new_code_cell, new_notebook, new_output

from attncore.views.explorables.arrows import arrows

CELLS = [
    "from attncore.views.explorables.arrows import arrows\narrows()",
    "arrows(query=(2, 0))",
    "from attncore.views.explorables.cell_by_cell import cell_by_cell\ncell_by_cell()",
    "from attncore.views.explorables.simplex import simplex\nsimplex(function=lambda scores: [1, 0, 0])",
]

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


@pytest.fixture
def reopened(open_lesson, lab):
    """A notebook with explorables, run, saved, closed and opened again, its kernel gone."""
    _, workbook = lab
    notebook = new_notebook(cells=[new_code_cell(source) for source in CELLS], metadata={"kernelspec": KERNEL})
    nbformat.write(notebook, workbook / "explorables.ipynb")
    page = open_lesson("explorables")
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')")
    page.locator(".attncore-explorable").nth(1).wait_for()
    page.evaluate("() => window.jupyterapp.shell.currentWidget.context.save()")
    page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    page.close()
    return open_lesson("explorables")


@pytest.fixture
def exported(browser, tmp_path):
    """Two explorables in nbconvert's page."""
    cells = [new_code_cell("arrows()", outputs=[shown(arrows())]), new_code_cell("", outputs=[shown(arrows())])]
    body, _ = HTMLExporter().from_notebook_node(new_notebook(cells=cells))
    (tmp_path / "page.html").write_text(body, encoding="utf-8")
    page = browser.new_page(viewport={"width": 700, "height": 900})
    page.goto((tmp_path / "page.html").as_uri())
    yield page
    page.close()


def shown(explorable):
    return new_output("display_data", explorable._repr_mimebundle_())


def drag(page, part, dx, dy):
    """Take hold of a part and move it by so many pixels."""
    part.scroll_into_view_if_needed()
    box = part.locator("circle").first.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + dx, y + dy, steps=3)
    page.mouse.up()


def state_of(page):
    """What a shortcut of the notebook would change."""
    return page.evaluate(
        """() => {
            const notebook = window.jupyterapp.shell.currentWidget.content;
            return [notebook.activeCellIndex, notebook.mode, notebook.widgets.length, notebook.widgets[0].model.type];
        }"""
    )


def press(page, *keys):
    for key in keys:
        page.keyboard.press(key)


def test_a_reopened_notebook_is_alive_and_keeps_its_keys(reopened):
    first, second, grid, triangle = reopened.locator(".attncore-explorable").all()
    query = first.locator("[data-part=query]")
    drag(reopened, query, 0, -60)
    assert query.get_attribute("aria-valuetext") in ("1, 2.5", "1, 3")
    before = state_of(reopened)
    press(reopened, "ArrowDown", "ArrowRight", "ArrowRight", "b", "d", "d", "j", "m", "Enter")
    assert query.get_attribute("aria-valuetext").startswith("2, ")
    assert state_of(reopened) == before
    first.locator("[data-part=aloud]").get_by_text("Query (2, ").wait_for()
    assert second.locator("[data-part=query]").get_attribute("aria-valuetext") == "2, 0"
    first.get_by_role("button", name="Reset").focus()
    press(reopened, "Enter")
    assert query.get_attribute("aria-valuetext") == "1, 1"
    assert state_of(reopened)[2:] == before[2:]

    cursor = grid.locator("[data-part=cursor]")
    cursor.focus()
    before = state_of(reopened)
    press(reopened, "ArrowLeft", "ArrowDown", "ArrowLeft")
    assert cursor.get_attribute("aria-valuetext").startswith("weight of query 1 and key 1 = e^0.71 / ")
    assert state_of(reopened) == before

    assert "drawn beside the course's" in triangle.locator("[data-part=whose]").inner_text()
    score = triangle.get_by_role("slider", name="score 1")
    score.focus()
    before = state_of(reopened)
    press(reopened, "ArrowRight", "ArrowUp")
    assert score.input_value() == "2"
    assert state_of(reopened) == before
    assert triangle.locator("[data-part=theirs]").get_attribute("visibility") == "hidden"
    assert triangle.locator("[data-part=whose]").inner_text().startswith("Computed in the page")

    grid.locator("summary").click()
    typed = grid.get_by_label("value 0, column 0")
    typed.click()
    before = state_of(reopened)
    press(reopened, "Control+a", "1", "0", "ArrowUp")
    assert typed.input_value() == "11"
    assert grid.locator("[data-part=value-0-0]").text_content() == "11"
    assert state_of(reopened) == before


def test_an_exported_page_is_alive_without_a_kernel(exported):
    first, second = exported.locator(".attncore-explorable").all()
    drag(exported, second.locator("[data-part=key-0]"), -40, -40)
    assert "keys (2, 1)" in first.locator("svg").get_attribute("aria-label")
    assert "keys (2, 1)" not in second.locator("svg").get_attribute("aria-label")
    assert exported.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), "it fits 700 pixels"
