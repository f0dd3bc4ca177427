"""The working copy: what is brought up to date, what is kept, and how a notebook is put back."""

import json

import pytest

from attncore.app import cell, open_tab, workbook
from attncore.app.workbook import copy_notebooks, lesson_named, restore


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A small course of our own, whose lessons can change."""
    folder = tmp_path / "course"
    for place in ("notebooks", "solutions"):
        (folder / place).mkdir(parents=True)
        monkeypatch.setattr(workbook, place.upper(), folder / place)
    for lesson in ("07_heads", "19_interpret"):
        write(folder / "notebooks" / f"{lesson}.ipynb", "first edition", "...")
        write(folder / "solutions" / f"{lesson}.ipynb", "first edition", "solved")
    return folder


def write(path, *sources, **more):
    cells = [
        {"cell_type": "code", "id": workbook.cell_name("code", source), "source": source, "outputs": [], "metadata": {}}
        for source in sources
    ]
    path.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5} | more))


def edit(path, change):
    notebook = json.loads(path.read_text())
    change(notebook)
    path.write_text(json.dumps(notebook, indent=3))


def sources(path):
    return ["".join(each["source"]) for each in json.loads(path.read_text())["cells"]]


def run(notebook):
    """What JupyterLab leaves when every cell was run and the file saved."""
    for number, each in enumerate(notebook["cells"]):
        each |= {"execution_count": number, "id": f"new-{number}", "metadata": {"trusted": True}}
        each["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "said"}]
        each["source"] = each["source"].splitlines(keepends=True)
    notebook["cells"].append({"cell_type": "code", "source": "", "metadata": {}, "outputs": []})
    notebook["metadata"] = {"language_info": {"name": "python", "version": "3.13"}}


def write_an_answer(notebook):
    notebook["cells"][1]["source"] = "mine"


def test_a_lesson_that_was_only_run_is_corrected(here, course):
    copy_notebooks(here)
    edit(here / "07_heads.ipynb", run)
    write(course / "notebooks" / "07_heads.ipynb", "second edition", "...")
    assert copy_notebooks(here) == []
    assert sources(here / "07_heads.ipynb") == ["second edition", "..."]


def test_a_lesson_that_was_only_run_keeps_its_outputs_while_nothing_is_new(here, course):
    copy_notebooks(here)
    edit(here / "07_heads.ipynb", run)
    before = (here / "07_heads.ipynb").read_bytes()
    assert copy_notebooks(here) == []
    assert (here / "07_heads.ipynb").read_bytes() == before


def test_an_edited_lesson_is_kept_and_its_newer_edition_announced(here, course):
    copy_notebooks(here)
    edit(here / "07_heads.ipynb", write_an_answer)
    assert copy_notebooks(here) == []
    write(course / "notebooks" / "07_heads.ipynb", "second edition", "...")
    newer = ['07_heads has a newer edition; reset("07_heads") gets it and keeps yours.']
    assert copy_notebooks(here) == newer == copy_notebooks(here)
    assert sources(here / "07_heads.ipynb") == ["first edition", "mine"]
    restore("07_heads", here)
    assert copy_notebooks(here) == []


def test_a_solution_is_brought_with_its_outputs_unless_it_was_edited(here, course):
    copy_notebooks(here)
    edit(here / "solutions" / "07_heads.ipynb", run)
    edit(here / "solutions" / "19_interpret.ipynb", write_an_answer)
    assert copy_notebooks(here) == []
    fresh, mine = (here / "solutions" / f"{lesson}.ipynb" for lesson in ("07_heads", "19_interpret"))
    assert fresh.read_bytes() == (course / "solutions" / "07_heads.ipynb").read_bytes()
    assert sources(mine) == ["first edition", "mine"]


@pytest.mark.parametrize(
    "content", ['{"cells": [', "{}", "[]", '{"cells": 3}', '{"cells": [{"source": null}]}', "\x00"]
)
def test_what_is_no_notebook_is_kept_and_told(here, course, content):
    copy_notebooks(here)
    (here / "07_heads.ipynb").write_text(content)
    (told,) = copy_notebooks(here)
    assert 'reset("07_heads") restores it' in told
    assert (here / "07_heads.ipynb").read_text() == content
    assert "kept as 07_heads.old-1.ipynb" in restore("07_heads", here)
    assert (here / "07_heads.old-1.ipynb").read_text() == content


@pytest.mark.parametrize("edited", [False, True])
def test_lessons_of_an_old_number_are_taken_over(here, course, edited):
    for lesson in ("16_interpret", "solutions/16_interpret"):
        (here / lesson).parent.mkdir(exist_ok=True)
        write(here / f"{lesson}.ipynb", "zeroth edition", "mine" if edited else "...")
    ids = {"16_interpret.ipynb": "a1" * 32, "solutions/16_interpret.ipynb": "b2" * 32}  # as they were once recorded
    workbook.write_copied(here, ids)
    if edited:
        edit(here / "16_interpret.ipynb", lambda notebook: notebook["cells"][1].update(id="of-another-source"))
    told = copy_notebooks(here)
    assert not list(here.rglob("16_*"))
    assert sources(here / "19_interpret.ipynb")[0] == ("zeroth edition" if edited else "first edition")
    assert any("16_interpret is called 19_interpret now" in line for line in told) == edited
    assert any("19_interpret has a newer edition" in line for line in told) == edited


def test_an_old_number_never_replaces_what_has_the_new_one(here, course):
    copy_notebooks(here)
    write(here / "16_interpret.ipynb", "mine")
    (told,) = copy_notebooks(here)
    assert "19_interpret.old-1" in told
    assert sources(here / "19_interpret.old-1.ipynb") == ["mine"]
    assert sources(here / "19_interpret.ipynb") == ["first edition", "..."]


def test_every_lesson_is_untouched_when_it_is_copied(tmp_path):
    copy_notebooks(tmp_path)
    notebooks = [*workbook.NOTEBOOKS.glob("*.ipynb"), *workbook.SOLUTIONS.glob("*.ipynb")]
    assert all(workbook.untouched(path, workbook.fingerprint(path)) for path in notebooks)
    assert all(workbook.untouched(path, "a record of the first edition") for path in notebooks)
    assert copy_notebooks(tmp_path) == []


def test_a_lesson_goes_by_many_names():
    for name in ("07_heads", "07_heads.ipynb", "07", "7", 7, "heads", " heads "):
        assert lesson_named(name) == "07_heads"
    assert lesson_named("16_interpret") == "19_interpret"
    for name, meant in {
        "07_head": '"07_heads"',
        "98": "There are 00_start",
        "²": "There are",
        None: "There are",
    }.items():
        with pytest.raises(ValueError, match=meant):
            lesson_named(name)


def test_reset_keeps_what_was_edited_and_nothing_else(here, course, shown):
    copy_notebooks(here)
    cell.reset("07_heads")
    edit(here / "07_heads.ipynb", run)
    cell.reset(7)
    assert not list(here.glob("*.old-*"))
    for number in (1, 2):
        edit(here / "07_heads.ipynb", write_an_answer)
        cell.reset("heads")
        assert sources(here / f"07_heads.old-{number}.ipynb") == ["first edition", "mine"]
    assert sources(here / "07_heads.ipynb") == ["first edition", "..."]
    assert shown[-1].message == "07_heads is back to its original; your version is kept as 07_heads.old-2.ipynb."
    (here / "07_heads.ipynb").unlink()
    cell.reset("heads")
    assert sources(here / "07_heads.ipynb") == ["first edition", "..."]


def test_reset_leaves_alone_what_an_editor_holds_and_cannot_be_asked_to_save(here, course, shown, monkeypatch):
    copy_notebooks(here)
    edit(here / "07_heads.ipynb", write_an_answer)
    monkeypatch.setattr(cell, "session_path", lambda: r"C:\course\07_heads.ipynb")
    monkeypatch.setattr(cell, "saved_by_its_tab", lambda notebook: False)
    cell.reset()
    assert "07_heads.fresh.ipynb" in shown[0].message
    assert sources(here / "07_heads.fresh.ipynb") == ["first edition", "..."]
    assert sources(here / "07_heads.ipynb") == ["first edition", "mine"]


def test_the_tab_has_saved_when_the_file_is_new_and_whole(here, course, monkeypatch):
    copy_notebooks(here)
    notebook = here / "07_heads.ipynb"
    asked = []
    monkeypatch.setattr(open_tab, "display", asked.append)
    monkeypatch.setattr(open_tab, "clear_output", lambda: None)
    clock = iter(range(100))
    monkeypatch.setattr(open_tab.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(open_tab.time, "sleep", lambda _: None)
    assert not open_tab.saved_by_its_tab(notebook)
    assert asked == []
    monkeypatch.setattr(open_tab, "of_our_lab", lambda: True)
    assert not open_tab.saved_by_its_tab(notebook)
    assert '"07_heads.ipynb"' in asked[0].data
    halves = iter(["", '{"cells": [', '{"cells": []}'])
    monkeypatch.setattr(open_tab.time, "sleep", lambda _: notebook.write_text(next(halves)))
    assert open_tab.saved_by_its_tab(notebook)
    assert list(halves) == []
