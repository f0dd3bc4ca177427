"""A real JupyterLab on a working copy of its own, driven in headless Chromium."""

import os
import re
import shutil
import subprocess
import sys
import threading

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def browser():
    """Chromium as the system has it; skipped, with the reason, where there is none."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on the PATH")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """The address of a JupyterLab that `attncore lab` started on a new working copy, and that working copy."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on the PATH")
    workbook = tmp_path_factory.mktemp("workbook")
    command = [sys.executable, "-m", "attncore.app.cli", "lab", "--workbook", str(workbook), "--no-browser"]
    command += ["--IdentityProvider.token=", "--ServerApp.allow_root=True"]
    environment = {k: v for k, v in os.environ.items() if k != "ATTNCORE_PROGRESS"}
    environment["JUPYTERLAB_SETTINGS_DIR"] = str(tmp_path_factory.mktemp("settings"))
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    address = next(
        (m.group(1) for line in server.stderr if (m := re.search(r"(http://(?:localhost|127\.0\.0\.1):\d+/)", line))),
        None,
    )
    assert address, "JupyterLab said no address"
    threading.Thread(target=server.stderr.read, daemon=True).start()  # a full pipe would stop it
    yield address, workbook
    server.terminate()
    server.wait(timeout=30)


@pytest.fixture
def open_lesson(browser, lab, request):
    """Open a lesson in a fresh page and wait until its kernel is idle."""
    pages = []

    def opened(lesson: str, theme: str = "JupyterLab Light"):
        address, _ = lab
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        pages.append(page)
        page.goto(f"{address}lab/tree/{lesson}.ipynb?reset")
        page.wait_for_function("() => document.body.innerText.includes('Python 3 (ipykernel) | Idle')", timeout=60_000)
        if theme != "JupyterLab Light":
            page.evaluate("theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", theme)
            page.wait_for_selector("body[data-jp-theme-light='false']", state="attached")
        return page

    yield opened
    for page in pages:
        page.close()
