"""The notebook's tab in the browser, from the kernel's side: which one it is, and how it is brought to save itself.

The tab holds edits that no file has yet, and writes over a file that changes under it. So before a notebook is put
back as it was, its tab is asked to save; once the kernel has done its work, the tab reads the file anew.
"""

import json
import os
import time
from pathlib import Path

from IPython.core.getipython import get_ipython
from IPython.display import HTML, clear_output, display

from attncore.app.workbook import readable

ANSWERS_WITHIN = 30.0  # seconds in which a tab opens and is saved, on a machine that is busy

# Run by the page that shows the cell. A stored output does nothing: its cell isn't running.
SAVE_THEN_RELOAD = """<div id="{mark}"></div><script>(async () => {{
  const app = window.jupyterapp, here = document.getElementById("{mark}");
  const tabs = app ? [...app.shell.widgets("main")] : [];
  const asking = tabs.find(tab => tab.node.contains(here));
  const cell = asking?.content.widgets?.find(cell => cell.node.contains(here));
  if (cell?.model.executionState !== "running") return;
  const parts = [...asking.context.path.split("/").slice(0, -1), ...{path}.split("/")];
  const path = parts.reduce((all, part) => part === ".." ? all.slice(0, -1) : [...all, part], []).join("/");
  const open = tabs.find(tab => tab.context?.path === path);
  const tab = open ?? await app.commands.execute("docmanager:open", {{path}});
  await tab.context.ready;
  await tab.context.save();
  const wait = milliseconds => new Promise(resolve => setTimeout(resolve, milliseconds));
  while (cell.model.executionState === "running") await wait(50);
  await wait(200);  // for the last output to be shown
  const message = cell.node.querySelector("[role=status]").textContent;
  await tab.context.revert();
  app.commands.execute("apputils:notify", {{message, type: "success", options: {{autoClose: 20000}}}});
}})()</script>"""


def session_path() -> str:
    """The path of the notebook that this kernel serves, as Jupyter's server or VS Code says it; or nothing."""
    shell = get_ipython()
    if shell is None:
        return ""
    return os.environ.get("JPY_SESSION_NAME", "") or str(shell.user_ns.get("__vsc_ipynb_file__", ""))


def of_our_lab() -> bool:
    """Is this a kernel of `attncore lab`, whose page can be asked?"""
    shell = get_ipython()
    extensions = shell.extension_manager if shell else None
    return extensions is not None and "attncore.app.fresh_kernel" in extensions.loaded


def saved_by_its_tab(notebook: Path) -> bool:
    """Has JupyterLab saved the notebook, with all that is on the screen? It will read it anew when the cell ends."""
    if not of_our_lab():
        return False
    path = Path(os.path.relpath(notebook, Path.cwd())).as_posix()
    before, mark = notebook.stat().st_mtime_ns, f"attncore-{time.monotonic_ns()}"
    display(HTML(SAVE_THEN_RELOAD.format(mark=mark, path=json.dumps(path))))
    until = time.monotonic() + ANSWERS_WITHIN
    saved = False
    while not saved and time.monotonic() < until:
        time.sleep(0.05)
        saved = notebook.stat().st_mtime_ns != before and readable(notebook)
    clear_output()
    return saved
