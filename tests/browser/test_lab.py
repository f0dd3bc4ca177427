"""The lessons as a learner uses them: run one, make a mistake, mend it, move a slider, come back, begin again."""

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


def write_and_start(page, starts: str, source: str) -> int:
    """Put a source into the cell in which a line starts so, and begin to run it."""
    index = page.evaluate(
        """([starts, source]) => {
            const panel = window.jupyterapp.shell.currentWidget;
            const cells = panel.content.widgets;
            const index = cells.findIndex(cell => ('\\n' + cell.model.sharedModel.source).includes('\\n' + starts));
            cells[index].model.sharedModel.setSource(source);
            panel.content.activeCellIndex = index;
            return index;
        }""",
        [starts, source],
    )
    page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-cell') }")
    return index


def write_and_run(page, starts: str, source: str) -> str:
    """Put a source into the cell in which a line starts so, run it, and return what it shows."""
    index = write_and_start(page, starts, source)
    page.wait_for_function("() => !document.body.innerText.includes('| Busy')")
    return text_of(page, index)


def scroll_to(page, starts: str):
    """The cell that starts so, in view: JupyterLab draws no other."""
    index = page.evaluate(
        """starts => {
            const notebook = window.jupyterapp.shell.currentWidget.content;
            const index = notebook.widgets.findIndex(c => c.model.sharedModel.source.startsWith(starts));
            notebook.scrollToItem(index, 'center');
            return index;
        }""",
        starts,
    )
    return page.locator(f".jp-NotebookPanel:not(.lm-mod-hidden) [data-windowed-list-index='{index}']")


def toast(page, text: str):
    """Wait for the notification that says so."""
    page.locator(".Toastify").get_by_text(text, exact=True).wait_for()


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
    assert "The smallest that fails" in said
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


def test_a_lesson_that_is_opened_again_shows_stills(open_lesson):
    page = open_lesson("00_start")
    run_all(page)
    card = scroll_to(page, "card(")
    card.locator("textarea").fill("It compares a query with keys.")
    card.get_by_role("button", name="That's my answer").click()
    card.get_by_text("so this is no mark").wait_for()
    for choices in card.locator(".widget-radio-box").all():
        choices.locator("input").first.check()
    card.get_by_role("button", name="These are my choices").click()
    card.locator("input[type=checkbox]").first.check()
    card.get_by_role("button", name="Save my ticks").press("Enter")
    card.get_by_text("Saved: 1 of 3 key points.").wait_for()
    assert page.evaluate("() => document.activeElement.innerText") == "Save my ticks"
    page.evaluate("() => window.jupyterapp.shell.currentWidget.context.save()")
    assert scroll_to(page, "reading_picture()").locator(".noUi-handle").count(), "what the page shows stays alive"
    page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    page.close()

    page = open_lesson("00_start")
    scroll_to(page, "reading_picture()").get_by_text("To move it, run").wait_for()
    scroll_to(page, "card(").get_by_text("Last time: 1 of 3 key points.").wait_for()
    assert "model not found" not in page.inner_text("body")


def test_after_a_restart_an_exercise_says_what_to_run(open_lesson):
    page = open_lesson("02_softmax")
    assert "Run the notebook's first code cell" in write_and_run(page, "def softmax", "check(softmax)")


def test_reset_keeps_what_is_on_the_screen(open_lesson, lab):
    page, (_, workbook) = open_lesson("05_self_attention"), lab
    write_and_run(page, "def self_attention", "'never saved'")
    write_and_start(page, "progress()", "reset()")
    toast(page, "05_self_attention is back to its original; your version is kept as 05_self_attention.old-1.ipynb.")
    shown = page.evaluate("() => JSON.stringify(window.jupyterapp.shell.currentWidget.context.model.toJSON())")
    assert "never saved" not in shown
    assert "never saved" in (workbook / "05_self_attention.old-1.ipynb").read_text()
    page.evaluate("() => window.jupyterapp.shell.currentWidget.context.save()")
    assert page.locator(".jp-Dialog").count() == 0, "the tab and the file are at one"


def test_reset_of_another_lesson_opens_it(open_lesson, lab):
    page, (_, workbook) = open_lesson("06_masks"), lab
    write_and_start(page, "progress()", 'reset("long_context")')
    toast(page, "15_long_context is back to its original.")
    assert page.evaluate("() => window.jupyterapp.shell.currentWidget.context.path") == "15_long_context.ipynb"
    assert not list(workbook.glob("15_long_context.*-*"))


def test_after_the_last_hint_the_solution_is_one_click_away(open_lesson):
    page = open_lesson("02_softmax")
    source = "from attncore import hint\nfor _ in range(3):\n    hint('softmax')"
    write_and_run(page, "import", source)
    scroll_to(page, "from attncore import hint").get_by_role("link", name="solutions/02_softmax.ipynb").click()
    page.wait_for_function(
        "() => window.jupyterapp.shell.currentWidget.context.path === 'solutions/02_softmax.ipynb'", timeout=60_000
    )
    heading = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) h3", has_text="Softmax that no input breaks")
    heading.wait_for(state="attached", timeout=60_000)  # only what is near the window is drawn


def test_progress_keeps_its_columns_in_a_narrow_window(open_lesson):
    page = open_lesson("03_alignment")
    page.set_viewport_size({"width": 900, "height": 900})
    write_and_run(page, "import", "from attncore import progress\nprogress()")
    row = scroll_to(page, "from attncore import progress").get_by_role("listitem").first
    middles = row.evaluate(
        "row => [...row.children].map(part => part.getBoundingClientRect()).map(box => (box.top + box.bottom) / 2)"
    )
    name, marks, _ = middles
    assert abs(name - marks) < 15, "a lesson's marks stand beside its name; the counts may go below"
    assert row.evaluate("row => row.scrollWidth <= row.clientWidth"), "nothing is cut off"
