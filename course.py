"""Start the course: every command goes through this file.

    python course.py lab        (on Windows: py course.py lab)

It makes an environment, .venv, beside itself, installs the course into it, and hands over to the verb. In a room
without internet it installs from a pack, which an instructor made with `attncore pack`, and needs no clone either:

    python course.py lab --from ADDRESS

It needs Python and nothing else, and keeps to the syntax of Python 3.6, so that an old one can say so.
"""

import hashlib
import importlib.util
import io
import json
import os
import platform
import re
import shutil
import signal
import sys
import urllib.request
import zipfile
from collections import namedtuple
from http.client import HTTPException
from pathlib import Path
from subprocess import DEVNULL, PIPE, STDOUT, Popen
from urllib.error import HTTPError
from urllib.parse import urlsplit

OLDEST = (3, 11)
INTERNET = "internet"  # as an address to install from: no pack any more
PATIENCE = 10  # seconds in which a pack has to answer
REMEMBERED = ".course-from"  # the pack of last time, beside this file
ROOM = 600 * 2**20  # bytes that the environment takes

LEARNERS = {
    "lab": "open the course in JupyterLab; flags such as --no-browser go to it; --from ADDRESS installs from a pack",
    "doctor": "say what is missing on this machine",
}
INSTRUCTORS = {
    "board": "a live view of a workshop: what the room gets wrong, by name",
    "handout": "write the notebooks for a class, or an nbgrader course",
    "grade": "grade a folder of submissions, safely, with reports",
    "pack": "make a folder from which a room without internet installs the course",
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
VERBS = dict(LEARNERS, **dict(INSTRUCTORS, **AUTHORS))
EXTRAS = ["", "workshop", "dev"]  # what is installed beside the course; each has what stands before it

FULL = "The disk is full: free about 1 GB and run this again."
BUSY = "Something is using the files in .venv: close JupyterLab and run this again."
AWAY = "The packages could not be fetched: check the network and run this again."
OTHER = "The course could not be installed."
ALONE = (
    "There is no course beside course.py. From an instructor's pack, install it with --from ADDRESS; "
    "with internet, clone the course and run the course.py in it."
)

TROUBLES = {  # what an installer says, and what it means; the first that fits
    r"no space left|not enough space|quota exceeded": FULL,
    r"WinError (5|32)\b|used by another process": BUSY,
    r"failed to fetch|connection (broken|refused|reset|error)|dns error|timed out": AWAY,
    r"(error|cause):(?!.*(ResolutionImpossible|subprocess-exited))": OTHER,
    r"": OTHER,
}


Pack = namedtuple("Pack", "address text")  # where it is, and what its pack.json says
Described = namedtuple("Described", "targets edition pip")  # for whom, of which course, and the name of pip's wheel


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
        if asked in AUTHORS:
            python = prepare(home, extra="dev")
        else:
            source, arguments = named(arguments)
            python = prepare(home, extra="workshop" if asked == "board" else "", pack=chosen(home, source))
        door = "attncore.authoring.author" if asked in AUTHORS else "attncore.app.cli"
        return run([python, "-m", door] + arguments, Path.cwd() if asked in INSTRUCTORS else home)
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


def named(arguments):
    """The address after --from, and the arguments without it."""
    for at, argument in enumerate(arguments):
        if argument == "--from":
            if at + 1 == len(arguments):
                raise Stop("--from needs the address of a pack, or its folder.")
            return arguments[at + 1], arguments[:at] + arguments[at + 2 :]
        if argument.startswith("--from="):
            return argument[len("--from=") :], arguments[:at] + arguments[at + 1 :]
    return "", arguments


def chosen(home, source):
    """The pack to install from: the one that is named, or else that of last time; None stands for the internet."""
    note = home / REMEMBERED
    kept = Pack(*note.read_text(encoding="utf-8").partition("\n")[::2]) if note.exists() else None
    if not source:
        return kept
    if source == INTERNET:
        if alone(home):
            raise Stop(ALONE)
        if note.exists():
            note.unlink()
        return None
    try:
        return remember(home, opened(tidy(source)))
    except Stop:
        if kept and kept.address == tidy(source):
            return kept  # the laptop went home, and what it gave may be all here
        raise


def remember(home, pack):
    (home / REMEMBERED).write_text("\n".join(pack), encoding="utf-8")
    return pack


def tidy(source):
    """An address as installers take it: a folder from the root on, or with http:// and no page."""
    if os.path.isdir(source):
        return os.path.abspath(source)
    if re.match(r"[\w-]+(\.[\w-]+)*(:\d+)?(/.*)?$", source):
        source = "http://" + source
    return re.sub(r"/(index\.html)?$", "", source)


def opened(address):
    """The pack at an address."""
    try:
        text = content(address, "pack.json").decode("utf-8")
        described(text)
        return Pack(address, text)
    except (
        FileNotFoundError,
        NotADirectoryError,
        HTTPException,
        LookupError,
        TypeError,
        AttributeError,
        ValueError,
    ):
        raise Stop("There is no pack of the course at %s." % address) from None
    except OSError as error:
        raise Stop(
            "%s does not answer: it has to be served, in the network that you are in. "
            "To install over the internet: --from %s. (%s)" % (address, INTERNET, getattr(error, "reason", error))
        ) from None


def content(address, name):
    """The bytes of a file of a pack."""
    if "://" not in address:
        return Path(address, name).read_bytes()
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # in the same room: no proxy knows the way
    try:
        with opener.open(address + "/" + name, timeout=PATIENCE) as answer:
            return answer.read()
    except HTTPError as problem:
        with problem:
            raise FileNotFoundError(problem.url) from None


def described(text):
    """What a pack.json says."""
    about = json.loads(text)
    targets = [(system, machine.lower(), python) for system, machine, python in about["for"]]
    return Described(targets, about["edition"], about["pip"])


def fitting(pack, home):
    """The pack as it is now. Stops where it is for other machines, or for another edition of the course."""
    pack = opened(pack.address)
    targets, packed, _ = described(pack.text)
    system, machine, python = sys.platform, platform.machine().lower(), "%d.%d" % sys.version_info[:2]
    pythons = [target[2] for target in targets if target[:2] == (system, machine)]
    if python not in pythons:
        has = "only for Python %s" % ", ".join(pythons) if pythons else "for other systems"
        raise Stop("This is Python %s on %s (%s); the pack at %s is %s." % (python, system, machine, pack.address, has))
    if not alone(home) and packed != edition(home):
        raise Stop(
            "The pack at %s is of another edition of the course than this folder. "
            "Download its course.py into a new folder, and run it there." % pack.address
        )
    return remember(home, pack)


def alone(home):
    """Is there no course beside this file? Then the pack's is installed."""
    return not (home / "pyproject.toml").exists()


def prepare(home, extra, pack=None):
    """Bring the environment up to date where it is not, and return its Python."""
    if alone(home) and (extra or not pack):
        raise Stop(ALONE)
    venv, uv = home / ".venv", shutil.which("uv")
    python, stamp = python_in(venv), venv / "course-installed"
    found = stamp.read_text(encoding="utf-8") if stamp.exists() else None
    enough = [wanted(home, more, pack) for more in EXTRAS[EXTRAS.index(extra) :]]
    if found in enough and works(python):
        return python

    if pack:
        pack = fitting(pack, home)
    print("Installing the course into .venv; the first time, this takes a minute.", file=sys.stderr)
    bare = not uv and importlib.util.find_spec("ensurepip") is None  # as on Debian, without a package of its own
    make, install = commands(python, extra, uv, pack, alone(home))
    # An empty stamp: the installation never ended. The stamp of another folder: .venv was moved here. And another pack
    # may hold another course under the same version, which installers would keep.
    spoilt = found is not None and (alone(home) or not found.startswith(place(home)))
    if spoilt or not works(python, module="sys" if uv else "pip"):
        if bare and not pack:
            package = "python%d.%d-venv" % sys.version_info[:2]
            raise Stop("This Python cannot make environments: install the package %s, or uv." % package)
        if venv.exists():
            shutil.rmtree(str(venv))
        if shutil.disk_usage(str(home)).free < ROOM:
            raise Stop(FULL)
        execute(make + ["--without-pip"] if bare else make, home)
        if bare:
            unpack_pip(pack, venv)
    stamp.write_text("", encoding="utf-8")
    execute(install, home, secluded(os.environ, pack.address) if pack else None)
    stamp.write_text(wanted(home, extra, pack), encoding="utf-8")
    return python


def unpack_pip(pack, venv):
    """Install pip from the pack: its wheel needs no more than to be unpacked."""
    wheel = zipfile.ZipFile(io.BytesIO(content(pack.address, described(pack.text).pip)))
    wheel.extractall(str(venv / "lib" / ("python%d.%d" % sys.version_info[:2]) / "site-packages"))


def python_in(venv, windows=os.name == "nt"):
    return str(venv / "Scripts" / "python.exe" if windows else venv / "bin" / "python")


def place(home):
    return os.path.normcase(os.path.realpath(str(home))) + "\n"


def wanted(home, extra, pack=None):
    """What the stamp says once this has been installed here."""
    return place(home) + (hashed(pack.text.encode()) if alone(home) else edition(home)) + " " + extra


def edition(home):
    """Which packages the course in this folder asks for."""
    return hashed(b"".join((home / name).read_bytes() for name in ("pyproject.toml", "constraints.txt")))


def hashed(content):
    return hashlib.sha256(content).hexdigest()


def works(python, module="sys"):
    """Does this Python start, is it new enough, and has it the module?"""
    probe = "import sys, %s; sys.exit(sys.version_info < %r)" % (module, OLDEST)
    try:
        return Popen([python, "-c", probe], stderr=DEVNULL).wait() == 0
    except OSError:
        return False


def commands(python, extra, uv, pack=None, lone=False):
    """How to make the environment, and how to install the course into it, from a pack or from the internet."""
    base = getattr(sys, "_base_executable", sys.executable)  # never the Python of the .venv that we replace
    course = ["-e", ".[%s]" % extra if extra else ".", "-c", "constraints.txt"]
    if lone:
        course = ["attncore", "-c", pack.address + "/constraints.txt"]
    if pack:
        course += ["--no-index", "--find-links", pack.address]
    if uv:
        return [uv, "venv", "--python", base, ".venv"], [uv, "pip", "install", "--python", python] + course
    if pack and "://" in pack.address:
        course += ["--trusted-host", urlsplit(pack.address).netloc]
    return [base, "-m", "venv", ".venv"], [python, "-m", "pip", "install", "--no-input"] + course


def secluded(environment, address):
    """The environment for an installer that is to know the pack at an address alone, and to ask it directly."""
    kept = {name: value for name, value in environment.items() if not re.match("(PIP|UV)_.*(INDEX|LINKS)", name)}
    host = urlsplit(address).hostname if "://" in address else None
    direct = {"NO_PROXY": host, "no_proxy": host} if host else {}
    return dict(kept, PIP_CONFIG_FILE=os.devnull, UV_NO_CONFIG="1", **direct)


def execute(command, home, environment=None):
    """Run an installer, its latest line shown to whoever watches; where it fails, stop and say why."""
    output = []
    with Popen(
        command,
        cwd=str(home),
        env=environment,
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=STDOUT,
        encoding="utf-8",
        errors="replace",
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
