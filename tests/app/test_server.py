"""What the lab asks of its server and its kernels."""

import subprocess
import sys

from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from traitlets.config import Config

from attncore import VERBS
from attncore.app.fresh_kernel import ADVICE
from attncore.app.lab import settings
from attncore.app.server import WIDGET, CourseKernel, keep_stills


def saved(*outputs):
    cells = [{"cell_type": "markdown"}, {"cell_type": "code", "outputs": [{"data": data} for data in outputs]}]
    model = {"type": "notebook", "content": {"cells": cells}}
    keep_stills(model=model, path="a.ipynb", contents_manager=None)
    return [output["data"] for output in cells[1]["outputs"]]


def test_a_widget_is_saved_as_its_still():
    still, alone = (
        {"text/html": "a still", "text/plain": "a still"},
        {WIDGET: {"model_id": "1"}, "text/plain": "VBox()"},
    )
    assert saved(still | {WIDGET: {"model_id": "2"}}, alone, {}) == [still, alone, {}]


def test_what_is_no_notebook_is_saved_as_it_is():
    for model in ({"type": "file", "content": "text"}, {"type": "directory"}, {"type": "notebook", "content": None}):
        before = dict(model)
        keep_stills(model=model)
        assert model == before


def test_an_error_without_data_is_saved_as_it_is():
    model = {"type": "notebook", "content": {"cells": [{"outputs": [{"output_type": "error", "ename": "E"}]}]}}
    keep_stills(model=model)
    assert model["content"]["cells"][0]["outputs"][0]["ename"] == "E"


def test_the_lab_has_kernels_of_ours(tmp_path):
    manager = AsyncMappingKernelManager(config=Config(settings(tmp_path, None)))
    assert isinstance(manager.kernel_manager_factory(kernel_name="python3", parent=manager), CourseKernel)


def test_a_kernel_of_python_loads_our_extension_and_no_other_does():
    ours = "--InteractiveShellApp.extra_extensions=attncore.app.fresh_kernel"
    assert ours in CourseKernel(kernel_name="python3").format_kernel_cmd()
    other = CourseKernel(kernel_name="julia")
    other._kernel_spec = CourseKernel(kernel_name="python3").kernel_spec
    assert ours not in other.format_kernel_cmd()


def run(*cells, served=""):
    """What a kernel's shell says to cells, run one after another."""
    code = (
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "import sys; shell = InteractiveShell.instance(colors='NoColor')\n"
        "shell.extension_manager.load_extension('attncore.app.fresh_kernel')\n"
        "for cell in sys.argv[1:]: shell.run_cell(cell)"
    )
    environment = {"JPY_SESSION_NAME": served, "ATTNCORE_PROGRESS": ":memory:"}
    done = subprocess.run([sys.executable, "-c", code, *cells], capture_output=True, text=True, env=environment)
    return done.stdout + done.stderr


def test_a_verb_in_a_kernel_that_has_just_started_says_what_to_run():
    for verb in set(VERBS) - {"reset"}:
        said = run(f"{verb}()")
        assert f"name '{verb}' is not defined" in said
        assert ADVICE in said


def test_any_name_of_a_lesson_does_too_but_not_once_the_first_cell_was_run():
    lesson = "somewhere/07_heads.ipynb"
    assert ADVICE in run("split_picture()", served=lesson)
    assert ADVICE not in run("split_picture()", served="somewhere/mine.ipynb")
    assert ADVICE not in run("from attncore import check", "split_picture()", served=lesson)


def test_reset_is_ours_from_the_first_moment_on():
    assert 'There is no lesson "no such"' in run("reset('no such')")
