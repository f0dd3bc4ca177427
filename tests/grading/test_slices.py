"""Of a file, what an answer depends on: however it is written, it runs as it does in the file."""

import json

import pytest

from attncore.grading.errand import Bench, step
from attncore.grading.pieces import pieces
from attncore.grading.reading import source_of
from attncore.grading.slices import calls, not_followed, slices

WRITTEN = {
    "an increase": "e = 1\ne += 1\ndef f(): return e",
    "a counter": "e = 1\ndef f():\n    global e\n    e += 1\n    return e",
    "a counter in a method": "e = 1\nclass C:\n    def go(self):\n        global e\n        e += 1\n        return e\n"
    "def f(): return C().go()",
    "an increase in a loop": "e = 0\nfor i in range(2):\n    e += 1\ndef f(): return e",
    "a table increased in a loop": "t = []\nfor i in range(3):\n    if i:\n        t += [i]\ndef f(): return t[1]",
    "a table filled in a comprehension": "t = []\n[t.append(n) for n in range(3)]\ndef f(): return t[2]",
    "a table filled on the way": "t = []\n_ = [t.append(n) for n in range(3)]\ndef f(): return t[2]",
    "a table filled by a map": "t = []\nlist(map(t.append, range(3)))\ndef f(): return t[2]",
    "a table filled if it's empty": "t = []\nt.extend([1, 2]) if not t else None\ndef f(): return t[1]",
    "a table that loses its first": "t = [1, 2]\nfirst = t.pop(0)\ndef f(): return t[0]",
    "a table filled by a function's function": "t = {}\ndef put(n): t[n] = n\ndef go(): put(2)\ngo()\n"
    "def f(): return t[2]",
    "a table filled by whom it is handed to": "t = []\ndef fill(rows):\n    rows.append(2)\n    return 1\n"
    "size = fill(t)\ndef f(): return t[0]",
    "a table filled by a class": "t = {}\nclass C:\n    def __init__(self): t['a'] = 2\nC()\ndef f(): return t['a']",
    "a table filled by a decorator with a name": "t = {}\ndef add(name):\n    def inner(g):\n        t[name] = g\n"
    "        return g\n    return inner\n@add('g')\ndef g(): return 2\ndef f(): return t['g']()",
    "a default that a try leaves": "e = 2\ntry:\n    import no_such_module\n    e = 3\nexcept ImportError:\n    pass\n"
    "def f(): return e",
    "a default that an if leaves": "e = 2\nif not e:\n    e = 3\ndef f(): return e",
    "a default that a loop leaves": "e = 2\nfor e in []:\n    pass\ndef f(): return e",
    "a default that a match leaves": "e = 2\nmatch e:\n    case 3:\n        e = 4\ndef f(): return e",
    "a default that a guard leaves": "import contextlib as c\ne = 2\nwith c.suppress(Exception):\n    e = 1 // 0\n"
    "def f(): return e",
    "a helper that an import would replace": "def g(): return 2\ntry:\n    from no_such_module import g\n"
    "except ImportError:\n    pass\ndef f(): return g()",
    "an answer that an if would replace": "def f(): return 2\nif False:\n    def f(): return 3",
    "a value that is only annotated below": "e = 2\ne: int\ndef f(): return e",
    "a merge": "t = {}\nt |= {'a': 2}\ndef f(): return t['a']",
    "a global bound by a call": "def begin():\n    global e\n    e = 2\nbegin()\ndef f(): return e",
    "a global bound anew by a call": "e = 1\ndef go():\n    global e\n    e = 2\nif 1:\n    go()\ndef f(): return e",
    "a table filled by a decorator": "t = []\ndef add(g):\n    t.append(g)\n    return g\n@add\ndef g(): return 2\n"
    "def f(): return t[0]()",
    "a table filled by a call": "t = []\ndef add(g): t.append(g)\ndef g(): return 2\nadd(g)\ndef f(): return t[0]()",
    "a table handed over": "import heapq\nq = []\nheapq.heappush(q, 2)\ndef f(): return q[0]",
    "an attribute set by its name": "class C: e = 1\nsetattr(C, 'e', 2)\ndef f(): return C.e",
    "a table filled in an else": "t = {}\nif t:\n    pass\nelse:\n    t['a'] = 2\ndef f(): return t['a']",
    "a captured name": "match [2, 3]:\n    case [e, *rest]:\n        pass\ndef f(): return e + 0 * len(rest)",
    "a registered case": "from functools import singledispatch\n@singledispatch\ndef g(x): return 1\n"
    "@g.register\ndef _(x: int): return 2\ndef f(): return g(1)",
    "names by their text": "def g(): return 2\ndef f(): return globals()['g']() + 0 * eval('g')()",
    "names made of text": "import math\nexec('def g(): return int(math.sqrt(4))')\ndef f(): return g()",
    "an answer made of text": "def g(): return 2\nglobals()['f'] = g",
    "an answer made in a function": "def begin():\n    global f\n    def f(): return 2\nbegin()",
    "an answer hung on the module": "import sys\ndef g(): return 2\nsetattr(sys.modules[__name__], 'f', g)",
    "a table changed by another name": "t = {}\nalias = t\nalias['a'] = 2\ndef f(): return t['a']",
    "a table changed, and read by another name": "t = {}\nalias = t\nt['a'] = 2\ndef f(): return alias['a']",
    "an id with a name": "ID = 'f'\ndef mine(): return 2\ncheck(mine, ID)\nID = 'g'",
    "a loop of checks": "def mine(): return 2\nfor g, id in [(max, 'g'), (mine, 'f')]:\n    check(g, exercise=id)",
    "a loop over a table": "def mine(): return 2\nall = {'f': mine, 'g': max}\nfor id, g in all.items(): check(g, id)",
    "a check in a function": "def mine(): return 2\ndef go(g, id):\n    check(g, id)\ngo(mine, id='f')",
    "a check imported by another name": "from attncore import check as judge\ndef mine(): return 2\njudge(mine, 'f')",
    "a check by another name": "from attncore import check\ntry_it = check\ndef mine(): return 2\ntry_it(mine, 'f')",
    "a long sum": "x = " + "+".join(["1"] * 500) + "\ndef mine(): return 2\ncheck(mine, 'f')",
    "the course's own below": "def f(): return 2\nfrom attncore.softmax import softmax as f",
    "an import below": "def f(): return int(math.sqrt(4))\ncheck(f, 'f')\nimport math",
}
CELLS = {
    "a measured cell": ["%%time\ne = 2", "def f(): return e"],
    "a captured cell": ["%%capture out\ndef f(): return 2"],
    "a measured line": ["%time e = 2", "def f(): return e"],
}
PASSED_OVER = {
    "an id that is made": "def mine(): return 2\ncheck(mine, 'f' + '')",
    "arguments in a list": "def mine(): return 2\ncheck(*[mine, 'f'])",
    "a function within a function": "def go():\n    def mine(): return 2\n    check(mine, 'f')\ngo()",
    "a table that was changed": "def mine(): return 2\nt = {}\nt['f'] = mine\nfor id, g in t.items(): check(g, id)",
    "a file that is written": "%%writefile f.py\ndef f(): return 2",
}
NOT_NEEDED = {
    "a demonstration": "def f(): return 2\nprint(f())\nraise SystemExit",
    "a demonstration that is handed the answer": "def f(): return 2\ndef show(g):\n    while True: g()\nshow(f)",
    "a loop of demonstrations": "def f(): return 2\ndef show(g): raise SystemExit\nfor _ in range(3):\n    show(f)",
}


def answers(data, name):
    """What the function f of a file returns."""
    parts = pieces(source_of(data, name, "", name[-6:] if name.endswith(".ipynb") else ".py"))
    found = slices(parts, calls(parts), ["f"], [])["f"]
    bench = Bench({}, 5.0)
    (f,) = bench.answer([step(parts[place]) for place in found.needs], found.answer) or [lambda: bench.told]
    return f(), bench.told


@pytest.fixture(autouse=True)
def a_shelf(monkeypatch):
    """Bench puts its course on the shelf that stands first among the finders, and its module in place of ours."""
    import sys
    from types import SimpleNamespace

    nothing = SimpleNamespace(texts={}, find_spec=lambda *given: None)
    monkeypatch.setattr(sys, "meta_path", [nothing, *sys.meta_path])
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])


@pytest.mark.parametrize("name", [*WRITTEN, *NOT_NEEDED])
def test_a_function_finds_what_it_needs(name):
    text = WRITTEN.get(name) or NOT_NEEDED[name]
    assert answers(text.encode(), "mine.py") == (2, [])


@pytest.mark.parametrize("name", CELLS)
def test_a_cell_that_is_measured_is_run(name):
    cells = [{"cell_type": "code", "source": text} for text in CELLS[name]]
    assert answers(json.dumps({"cells": cells}).encode(), "mine.ipynb") == (2, [])


@pytest.mark.parametrize("name", PASSED_OVER)
def test_what_is_not_followed_is_told_and_is_no_answer(name):
    cells = [{"cell_type": "code", "source": PASSED_OVER[name]}]
    parts = pieces(source_of(json.dumps({"cells": cells}).encode(), "mine.ipynb", "", ".ipynb"))
    assert slices(parts, calls(parts), ["f"], []) == {}
    assert not_followed(parts, calls(parts)).startswith("cell 1 uses ")


@pytest.mark.parametrize("name", [*WRITTEN, *NOT_NEEDED])
def test_nothing_is_told_of_what_is_followed(name):
    text = WRITTEN.get(name) or NOT_NEEDED[name]
    parts = pieces(source_of(text.encode(), "mine.py", "", ".py"))
    told = not_followed(parts, calls(parts))
    assert told == ""


def test_a_loop_gives_no_answer_to_another_exercise():
    text = b"def f(): return 2\ndef g(): return 3\nfor id in ['f', 'g']: check(globals()[id], id)"
    parts = pieces(source_of(text, "mine.py", "", ".py"))
    found = slices(parts, calls(parts), ["f", "g"], [])
    assert {id: slice.answer for id, slice in found.items()} == {"f": "f", "g": "g"}


def test_a_check_of_ones_own_is_none():
    parts = pieces(source_of(b"def mine(): return 2\ndef check(g, id): pass\ncheck(mine, 'f')", "mine.py", "", ".py"))
    assert slices(parts, calls(parts), ["f"], []) == {} and not_followed(parts, calls(parts)) == ""


def test_a_value_stands_as_it_was_when_it_was_given():
    text = b"ID = 'q'\nt = [1]\nt.append(2)\nanswer(ID, t)\nt.append(3)"
    parts = pieces(source_of(text, "mine.py", "", ".py"))
    found = slices(parts, calls(parts), [], ["q"])["q"]
    assert (found.answer, found.needs) == ("t", [1, 2])
