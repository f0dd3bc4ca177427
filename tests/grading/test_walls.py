"""Each wall by itself: what still holds where a system doesn't have the others, and what the report says of it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hostile import RIGHT_MASK, RIGHT_SOFTMAX

from attncore.exercises import find
from attncore.grading import run, sandbox
from attncore.grading.batch import grade
from attncore.grading.results import Results

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox forks, and knows Linux's walls")

# What a system has that doesn't have a wall: a flag or calls that its kernel refuses, a library that isn't there.
REFUSED = {
    "namespaces": ("MEMORY_OF_ITS_OWN, NETWORK = 0x10000000", "MEMORY_OF_ITS_OWN, NETWORK = 0x00000001"),
    "Landlock": ("CREATE, ADD_RULE, RESTRICT = 444, 445, 446", "CREATE, ADD_RULE, RESTRICT = 9999, 9999, 9999"),
    "seccomp": ("libseccomp.so.2", "libnowhere.so.2"),
}
# Each is a right answer once it has done what it must not do, or else leaves traces of it.
ATTACKS = {
    "memory of the judge": "open('/proc/{judge}/mem', 'rb')",
    "descriptors of the judge": "os.readlink('/proc/{judge}/fd/0')",
    "a file removed": "if os.path.exists('{files}/removed'): os.unlink('{files}/removed')",
    "a file made": "os.makedirs('{files}/made', exist_ok=True)",
    "a file opened to be written": "os.open('{files}/kept', os.O_RDWR)",
    "limits of another": "resource.prlimit({victim}, resource.RLIMIT_NOFILE, (0, 0))",
    "a signal by a pipe": """
    ours, theirs = os.pipe()
    fcntl.fcntl(ours, fcntl.F_SETOWN, {victim})
    fcntl.fcntl(ours, 10, 9)
    fcntl.fcntl(ours, fcntl.F_SETFL, os.O_ASYNC)
    os.write(theirs, b'x')
    raise OSError""",
    "what flees its group": """
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.setsid()
            ctypes.CDLL(None).prctl(15, b'{fled}', 0, 0, 0)
            time.sleep(1000)
        os._exit(0)
    raise OSError""",
    "all threads": """
    threading.stack_size(2**15)
    while True:
        try: threading.Thread(target=time.sleep, args=(1000,)).start()
        except RuntimeError: time.sleep(0.001)""",
}
FALLS = {  # what no other wall holds
    ("namespaces", "seccomp"): {"limits of another"},
    ("Landlock", "seccomp"): {"a file removed", "a file made", "a file opened to be written"},
}


@pytest.fixture(scope="module")
def all_walls():
    with sandbox.Sandbox() as whole:
        return whole.walls


@pytest.fixture
def victim():
    """A process of the same user that ends when it isn't needed any more."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def without(walls, monkeypatch):
    """Let the next sandboxes be those of a system that lacks these walls, and bubblewrap."""
    texts = dict(sandbox.tools())
    for old, new in map(REFUSED.get, walls):
        assert old in texts["attncore.grading.walls"]
        texts["attncore.grading.walls"] = texts["attncore.grading.walls"].replace(old, new)
    monkeypatch.setattr(sandbox, "tools", lambda: texts)
    monkeypatch.setattr(sandbox, "bubblewrap", list)


def attack(text, **places):
    text = text.format(**places)
    return (
        "import ctypes, fcntl, os, resource, threading, time\nimport numpy as np\n"
        + RIGHT_SOFTMAX.replace("    x = np.asarray(x)", f"    x = np.asarray(x)\n    {text.strip()}")
        + RIGHT_MASK
    )


@pytest.mark.parametrize(
    "lacking",
    [("namespaces",), ("Landlock",), ("seccomp",), ("namespaces", "Landlock"), *FALLS],
    ids=" and ".join,
)
def test_each_wall_holds_by_itself(lacking, all_walls, tmp_path, monkeypatch, victim):
    if not all(all_walls[name] for name in REFUSED):
        pytest.skip("this system doesn't have all walls anyway")
    without(lacking, monkeypatch)
    for folder in ("work", "files"):
        (tmp_path / folder).mkdir()
    for name in ("kept", "removed"):
        (tmp_path / "files" / name).write_text("x")
    fled = f"fled{os.getpid()}"
    for name, text in ATTACKS.items():
        places = {"judge": os.getpid(), "victim": victim.pid, "files": tmp_path / "files", "fled": fled}
        (tmp_path / "work" / f"{name}.py").write_text(attack(text, **places))
    for name in ("ann", "bob", "z"):
        (tmp_path / "work" / f"{name}.py").write_text("import numpy as np\n" + RIGHT_SOFTMAX + RIGHT_MASK)
    results = Results(tmp_path / "results.sqlite")
    grade(tmp_path / "work", results, [find("softmax"), find("causal_mask")], seconds=0.5, workers=2)
    found = {s.learner: {r.exercise: r.outcome for r in s.results} for s in results.submissions()}
    assert {name for name, held in results.noted("walls").items() if not held} == {"bubblewrap", *lacking}
    assert {name for name, outcomes in found.items() if outcomes["causal_mask"] != "right"} == set()
    right = {name for name, outcomes in found.items() if outcomes["softmax"] == "right"}
    assert right - FALLS.get(lacking, set()) == {"ann", "bob", "z"}
    assert victim.poll() is None
    assert fled not in names_of_processes()


def names_of_processes():
    found = set()
    for path in Path("/proc").glob("[0-9]*/comm"):
        try:
            found.add(path.read_text().strip())
        except OSError:
            continue
    return found


def test_where_no_thread_can_start_an_answer_is_called_all_the_same(monkeypatch):
    def none(*given):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(run._thread, "start_new_thread", none)
    assert run.within(1.0, lambda: 2) == 2
