"""Lesson 04 as a learner uses it: run it, make a mistake, mend it, move a slider."""

RIGHT = """def scaled_dot_product_attention(query, key, value, mask=None, scale=None):
    return weighted_sum(attention_weights(query, key, mask, scale), value)

check(scaled_dot_product_attention)"""

UNSCALED = """def scaled_dot_product_attention(query, key, value, mask=None, scale=None):
    return masked_softmax(query @ np.swapaxes(key, -1, -2), mask) @ value

check(scaled_dot_product_attention)"""

WITH_THE_COURSE = "from attncore.dot_product import attention_scores, attention_weights\n"


def run_all(page):
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')")
    page.wait_for_function("() => !document.body.innerText.includes('| Busy')", timeout=120_000)


def write_and_run(page, starts: str, source: str) -> str:
    """Put a source into the cell that starts so, run it, and return what it shows."""
    index = page.evaluate(
        """([starts, source]) => {
            const panel = window.jupyterapp.shell.currentWidget;
            const cells = panel.content.widgets;
            const index = cells.findIndex(cell => cell.model.sharedModel.source.startsWith(starts));
            cells[index].model.sharedModel.setSource(source);
            panel.content.activeCellIndex = index;
            return index;
        }""",
        [starts, source],
    )
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-cell')")
    page.wait_for_function("() => !document.body.innerText.includes('| Busy')")
    return text_of(page, index)


def text_of(page, index: int) -> str:
    cell = page.locator(f".jp-Notebook-cell[data-windowed-list-index='{index}']")
    cell.scroll_into_view_if_needed()
    output = cell.locator(".jp-Cell-outputArea")
    output.wait_for()
    return output.inner_text()


def test_a_mistake_is_named_and_mended(open_lesson):
    page = open_lesson("04_dot_product")
    run_all(page)
    assert "Jupyter news" not in page.inner_text("body")
    said = write_and_run(page, "def scaled_dot_product_attention", WITH_THE_COURSE + UNSCALED)
    assert "scaled_dot_product_attention: not scaled." in said
    assert "Smallest failing case" in said
    said = write_and_run(page, WITH_THE_COURSE, WITH_THE_COURSE + RIGHT)
    assert "scaled_dot_product_attention: right" in said
    said = write_and_run(page, "progress()", "progress()")
    assert "04_dot_product" in said
    assert "1 exercise right" in said


def test_a_slider_changes_the_picture(open_lesson):
    page = open_lesson("04_dot_product")
    run_all(page)
    page.evaluate(
        """() => {
            const notebook = window.jupyterapp.shell.currentWidget.content;
            const index = notebook.widgets.findIndex(c => c.model.sharedModel.source.startsWith('scale_picture'));
            notebook.scrollToItem(index, 'center');
        }"""
    )
    picture = page.locator(".widget-html img, .widget-html-content img").first
    picture.wait_for()
    before = picture.get_attribute("alt")
    page.locator(".noUi-handle").first.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function(
        "before => document.querySelector('.widget-html-content img').alt !== before", arg=before, timeout=10_000
    )
    assert "At width 64" in before
    assert "At width 128" in picture.get_attribute("alt")
