"""A mock interview in JupyterLab: clock, answers by keyboard, a function from a cell, report; and opened again."""

LESSON = "99_interview"
ROUND = 'interview("basic", minutes=20, seed=7)'
MINE = "def {name}(*args, **kwargs):\n    return 7\n\nsubmit({name})"


def run(page, starts: str, source: str = ""):
    """Run the cell that starts so, with another source where one is given."""
    page.evaluate(
        """([starts, source]) => {
            const notebook = window.jupyterapp.shell.currentWidget.content;
            const cells = notebook.widgets.map(cell => cell.model.sharedModel);
            notebook.activeCellIndex = cells.findIndex(cell => cell.source.startsWith(starts));
            if (source) cells[notebook.activeCellIndex].setSource(source);
            window.jupyterapp.commands.execute('notebook:run-cell');
        }""",
        [starts, source],
    )


def round_in(page):
    """The cell of the round, in view: JupyterLab draws no other."""
    index = page.evaluate(
        """() => {
            const notebook = window.jupyterapp.shell.currentWidget.content;
            const index = notebook.widgets.findIndex(c => c.model.sharedModel.source.startsWith('interview('));
            notebook.scrollToItem(index, 'start');
            return index;
        }"""
    )
    return page.locator(f".jp-NotebookPanel:not(.lm-mod-hidden) [data-windowed-list-index='{index}']")


def begun(page):
    run(page, "import numpy")
    run(page, "interview(", ROUND)
    cell = round_in(page)
    cell.get_by_role("button", name="Begin", exact=True).click()
    cell.get_by_text("left in this part").wait_for()
    return cell


def counts_down(page, cell):
    clock = cell.get_by_role("timer")
    before = clock.inner_text()
    page.wait_for_function("([clock, before]) => clock.innerText !== before", arg=[clock.element_handle(), before])


def leave(page, cell):
    """Move on, and wait until something else is asked."""
    was = cell.get_by_role("status").inner_text()
    cell.get_by_role("button", name="Move on").or_(cell.get_by_role("button", name="Go on")).first.click()
    asked = "([cell, was]) => cell.querySelector('[role=status]').innerText !== was"
    page.wait_for_function(asked, arg=[cell.element_handle(), was])


def test_a_round_from_its_beginning_to_its_report(open_lesson, lab):
    page, (_, workbook) = open_lesson(LESSON), lab
    cell = begun(page)
    counts_down(page, cell)
    page.wait_for_function("() => document.activeElement.tagName === 'TEXTAREA'")
    page.keyboard.type("Values are what is mixed.")
    cell.get_by_role("button", name="That's my answer").click()
    cell.get_by_text("You said: Values are what is mixed.").wait_for()
    while not cell.get_by_placeholder("such as 128 KiB").count():
        leave(page, cell)
    page.wait_for_function("() => document.activeElement.tagName === 'INPUT'")
    page.keyboard.type("12 foo")
    page.keyboard.press("Enter")
    cell.get_by_text('"foo" is not known here.').wait_for()
    while not cell.get_by_text("submit(").count():
        leave(page, cell)
    name = cell.locator("b code, p code").last.inner_text()
    run(page, "hunt(", MINE.format(name=name))
    cell.get_by_text("Not yet.").wait_for()
    cell.get_by_role("button", name="End the round").click()
    cell.get_by_text("Do it once more if you mean it.").wait_for()
    cell.get_by_role("button", name="End the round").click()
    cell.get_by_text("The whole report, with the rules").wait_for()
    (report,) = workbook.glob("interviews/*/report.html")
    assert "Points said" in report.read_text() or "moved on" in report.read_text()
    cell.locator("a", has_text="report.html").click()
    page.frame_locator("iframe").get_by_role("heading", name="The rubric").wait_for()


def test_the_clock_of_a_page_that_is_opened_again_runs_without_a_kernel(open_lesson):
    page = open_lesson(LESSON)
    begun(page)
    page.evaluate("() => window.jupyterapp.shell.currentWidget.context.save()")
    page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    page.close()

    page = open_lesson(LESSON)
    cell = round_in(page)
    cell.get_by_text("Run this cell to go on.").wait_for()
    counts_down(page, cell)
    run(page, "import numpy")
    run(page, "interview(")
    cell.get_by_role("button", name="Go on with that one").click()
    cell.get_by_text("left in this part").wait_for()
