"""Start the course: every command goes through this file.

    python course.py lab        (on Windows: py course.py lab)

It makes an environment, .venv, beside itself, installs the course into it, and hands over to the verb.
It needs Python and nothing else, and keeps to the syntax of Python 3.6, so that an old one can say so.
"""

import hashlib
import importlib.util
import os
import re
import shutil
import signal
import sys
from pathlib import Path
from subprocess import DEVNULL, PIPE, STDOUT, Popen

OLDEST = (3, 11)
ROOM = 600 * 2**20  # bytes that the environment takes

LEARNERS = {
    "lab": "open the course in JupyterLab; flags such as --no-browser go to it",
    "doctor": "say what is missing on this machine",
}
AUTHORS = {
    "check": "say what is missing in the course or in the exercises named; lint, format, types",
    "test": "run every test and every notebook, or those named",
    "prove": "run the long proofs: thousands of answers to judge, a wheel to install",
    "test-browser": "drive a real JupyterLab in headless Chromium",
    "render": "make notebooks/ and solutions/ from the lessons, or from those named",
    "judge-report": "what the judge says of thousands of answers",
    "bench": "measure what is fast, or what is named, such as judge",
}
VERBS = dict(LEARNERS, **AUTHORS)

FULL = "The disk is full: free about 1 GB and run this again."
BUSY = "Something is using the files in .venv: close JupyterLab and run this again."
AWAY = "The packages could not be fetched: check the network and run this again."
OTHER = "The course could not be installed."

TROUBLES = {  # what an installer says, and what it means; the first that fits
    r"no space left|not enough space|quota exceeded": FULL,
    r"WinError (5|32)\b|used by another process": BUSY,
    r"failed to fetch|connection (broken|refused|reset|error)|dns error|timed out": AWAY,
    r"(error|cause):(?!.*(ResolutionImpossible|subprocess-exited))": OTHER,
    r"": OTHER,
}


class Stop(Exception):
    """The one sentence with which the launcher gives up."""


def main(arguments):
    """Run the verb and return its exit status."""
    try:
        if sys.version_info < OLDEST:
            raise Stop("The course needs Python %d.%d or newer, not %d.%d." % (OLDEST + sys.version_info[:2]))
        asked = arguments[0] if arguments else ""
        if asked not in VERBS:
            helped = asked in ("-h", "--help")
            print(usage(), file=sys.stdout if helped else sys.stderr)
            return 0 if helped else 2
        home = Path(os.path.abspath(__file__)).parent
        python = prepare(home, extra="dev" if asked in AUTHORS else "")
        door = "attncore.authoring.author" if asked in AUTHORS else "attncore.app.cli"
        return run([python, "-m", door] + arguments, home)
    except Stop as stop:
        print(stop, file=sys.stderr)
    except OSError as error:
        print(explain([str(error)]), file=sys.stderr)
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 130
    return 1


def usage():
    lines = ["  %-14s%s" % line for line in VERBS.items()]
    return "\n".join(["usage: python course.py VERB [arguments]", ""] + lines)


def prepare(home, extra):
    """Bring the environment up to date where it is not, and return its Python."""
    venv, uv = home / ".venv", shutil.which("uv")
    python, stamp = python_in(venv), venv / "course-installed"
    found = stamp.read_text(encoding="utf-8") if stamp.exists() else None
    if found in (wanted(home, extra), wanted(home, "dev")) and works(python):
        return python

    print("Installing the course into .venv; the first time, this takes a minute.", file=sys.stderr)
    make, install = commands(python, extra, uv)
    # An empty stamp: the installation never ended. The stamp of another folder: .venv was moved here.
    spoilt = found is not None and not found.startswith(place(home))
    if spoilt or not works(python, module="sys" if uv else "pip"):
        if not uv and importlib.util.find_spec("ensurepip") is None:
            package = "python%d.%d-venv" % sys.version_info[:2]
            raise Stop("This Python cannot make environments: install the package %s, or uv." % package)
        if venv.exists():
            shutil.rmtree(str(venv))
        if shutil.disk_usage(str(home)).free < ROOM:
            raise Stop(FULL)
        execute(make, home)
    stamp.write_text("", encoding="utf-8")
    execute(install, home)
    stamp.write_text(wanted(home, extra), encoding="utf-8")
    return python


def python_in(venv, windows=os.name == "nt"):
    return str(venv / "Scripts" / "python.exe" if windows else venv / "bin" / "python")


def place(home):
    return os.path.normcase(os.path.realpath(str(home))) + "\n"


def wanted(home, extra):
    """What the stamp says once this has been installed here."""
    content = b"".join((home / name).read_bytes() for name in ("pyproject.toml", "constraints.txt"))
    return place(home) + hashlib.sha256(content).hexdigest() + " " + extra


def works(python, module="sys"):
    """Does this Python start, is it new enough, and has it the module?"""
    probe = "import sys, %s; sys.exit(sys.version_info < %r)" % (module, OLDEST)
    try:
        return Popen([python, "-c", probe], stderr=DEVNULL).wait() == 0
    except OSError:
        return False


def commands(python, extra, uv):
    """How to make the environment, and how to install the course into it."""
    base = getattr(sys, "_base_executable", sys.executable)  # never the Python of the .venv that we replace
    course = ["-e", ".[%s]" % extra if extra else ".", "-c", "constraints.txt"]
    if uv:
        return [uv, "venv", "--python", base, ".venv"], [uv, "pip", "install", "--python", python] + course
    return [base, "-m", "venv", ".venv"], [python, "-m", "pip", "install", "--no-input"] + course


def execute(command, home):
    """Run an installer, its latest line shown to whoever watches; where it fails, stop and say why."""
    output = []
    with Popen(
        command, cwd=str(home), stdin=DEVNULL, stdout=PIPE, stderr=STDOUT, encoding="utf-8", errors="replace"
    ) as installer:
        for line in filter(None, map(str.strip, installer.stdout or [])):
            output.append(line)
            show(line)
    show("")
    if installer.returncode != 0:
        raise Stop(explain(output or ["error: no output, status %d" % installer.returncode]))


def show(line):
    if sys.stderr.isatty():
        width = shutil.get_terminal_size().columns - 1
        print("\r" + line[:width].ljust(width), end="\r", file=sys.stderr, flush=True)


def explain(output):
    """One sentence on what went wrong, and the line of the output that says so."""
    told = (
        (sentence, line)
        for pattern, sentence in TROUBLES.items()
        for line in reversed(output)
        if re.search(pattern, line, re.IGNORECASE)
    )
    sentence, line = next(told)
    return "%s (%s)" % (sentence, line if len(line) < 240 else "... " + line[-200:])


def run(command, home):
    """Run the verb. Ctrl-C reaches it too, and is its to answer; so we wait for it, whatever comes."""
    verb = Popen(command, cwd=str(home))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: verb.terminate())
    status = verb.wait()
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
