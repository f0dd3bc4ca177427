"""attncore check FILE...: what is read, what is judged, what hostile files cost, and what is said of them."""

import asyncio
import io
import json
import os
import subprocess
import sys

import pytest

from attncore.app import check_files
from attncore.app.cli import main
from attncore.authoring.render import NOTEBOOKS, SOLUTIONS
from attncore.grading import Report, hear, reading

RIGHT = "def weighted_sum(weights, values):\n    return weights @ values\n"
WRONG = "import numpy as np\ndef softmax(x, axis=-1):\n    return np.exp(x) / np.exp(x).sum(axis=axis, keepdims=True)\n"
STUB = "def causal_mask(n_query, n_key=None):\n    ...\n"
posix = pytest.mark.skipif(os.name != "posix", reason="a thing of POSIX")


def notebook(*cells, **more):
    cells = [{"cell_type": "code", "source": source} for source in cells]
    return json.dumps({"cells": cells, "nbformat": 4, "nbformat_minor": 5, "metadata": {}, **more})


@pytest.fixture
def check(tmp_path, capsys):
    """Check a file of this content; its exit status, and what was printed."""

    def checked(content, name="answers.py", *options):
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        status = main(["check", str(tmp_path / name), *options])
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return checked


@pytest.fixture
def verdicts(check):
    """Check a file; its exit status, the outcomes by exercise, and all that is told beside them."""

    def checked(content, name="answers.py"):
        status, out, err = check(content, name, "--json")
        assert err == ""
        said = json.loads(out)
        return status, {r["exercise"]: r["outcome"] for r in said["results"]}, "\n".join(said["told"])

    return checked


@pytest.fixture
def short(monkeypatch):
    """Little patience."""
    monkeypatch.setattr(hear, "PIECE", 0.2)
    monkeypatch.setattr(hear, "ANSWER", 0.2)
    monkeypatch.setattr(hear, "GRACE", 0.6)


# Verdicts and exit status


def test_all_right_is_status_0(check):
    status, out, err = check(RIGHT)
    assert (status, err) == (0, "")
    assert out.startswith("weighted_sum: right, in all ") and out.endswith(" cases.\n\n1 right\n")


def test_one_wrong_answer_is_status_1_and_named(check):
    status, out, _ = check(RIGHT + WRONG + STUB)
    assert status == 1
    assert out.endswith("1 right, 1 wrong, 1 not attempted\n")


def test_what_is_not_attempted_does_not_count(check):
    assert check(RIGHT + STUB)[0] == 0


def test_an_open_corner_counts_where_that_is_asked():
    judged = check_files.Checked("answers.py", [Report("edge", [("head", "softmax: right.")], "softmax")])
    assert (judged.status(strict=False), judged.status(strict=True)) == (0, 1)
    assert judged.counts() == "1 right with an open corner"


def test_nothing_attempted_is_nothing_judged(check):
    status, out, _ = check(STUB)
    assert (status, out) == (2, "Nothing is attempted yet, so nothing was judged.\n\n1 not attempted\n")


def test_the_solutions_are_right_and_the_notebooks_are_not_attempted(capsys):
    assert main(["check", str(SOLUTIONS / "06_masks.ipynb"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["told"] == []
    assert main(["check", str(NOTEBOOKS / "06_masks.ipynb"), "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["told"] == []


def test_values_are_judged_where_answer_is_called(check):
    status, out, _ = check('from attncore import answer\nanswer("score-bytes", "1 GiB")\nanswer("score-std", 1024)\n')
    assert status == 1
    assert "score-bytes: right" in out and "score-std: " in out
    assert out.endswith("1 right, 1 wrong\n")


def test_a_value_that_is_none_of_ours_is_told_by_its_kind(check):
    status, out, _ = check('import attncore\nattncore.answer("score-bytes", object())\n')
    assert status == 1
    assert "<object> isn't a number" in out


@pytest.mark.parametrize("call", ['check(mine, "weighted_sum")', 'check(function=mine, exercise="weighted_sum")'])
def test_a_function_of_another_name_counts_for_the_exercise_that_it_was_checked_as(verdicts, call):
    source = f"from attncore import check, hint, card\n{RIGHT.replace('weighted_sum', 'mine')}{call}\nhint(mine)\n"
    assert verdicts(source) == (0, {"weighted_sum": "right"}, "")


def test_all_verbs_are_there_and_silent(verdicts):
    source = (
        "from attncore import *\nimport attncore\nimport attncore.app.cell as cell\nprogress()\nattncore.reset('x')\n"
    )
    source += RIGHT + "cell.check(weighted_sum)\nanswer()\ncheck()\ncheck(3)\n"
    assert verdicts(source) == (0, {"weighted_sum": "right"}, "")


def test_the_course_s_own_function_is_no_answer(check):
    status, _, err = check("from attncore import check\nfrom attncore.softmax import softmax\ncheck(softmax)\n")
    assert (status, err) == (2, "answers.py holds no answer to an exercise of the course.\n")


def test_the_last_definition_counts(verdicts):
    again = "from attncore import check\ncheck(weighted_sum)\n" + RIGHT.replace("@ values", "@ values * 0")
    assert verdicts(RIGHT + again)[0] == 1
    assert verdicts(RIGHT.replace("@ values", "@ values * 0") + again.partition("def")[0] + RIGHT)[0] == 0


# What fails is told, and the rest is judged


def test_a_statement_that_raises_costs_only_what_it_defines(verdicts):
    source = "undefined\n" + RIGHT + "raise ValueError('boom')\n@missing\ndef softmax(x, axis=-1):\n    return x\n"
    status, outcomes, told = verdicts(source)
    assert (status, outcomes) == (1, {"weighted_sum": "right", "softmax": "raised"})
    assert "line 1 raises NameError: name 'undefined' is not defined." in told
    assert "line 4 raises ValueError: boom.\n    raise ValueError('boom')" in told
    assert "missing" not in told  # the verdict says it


def test_an_answer_without_its_import_says_which(check):
    status, out, _ = check("import nothere as nt\ndef softmax(x, axis=-1):\n    return nt.softmax(x)\n")
    assert status == 1
    assert "`nt` is missing: line 1 raises ModuleNotFoundError: No module named 'nothere'." in out


@pytest.mark.parametrize(
    "more",
    [
        'from attncore import answer\nanswer("score-byte", "5 GiB")\n',
        'from attncore import answer\nanswer("score-bytes", 1 / 0)\n',
        "softmax = nope(3)\n",
        "if True:\n    1 / 0\n    def softmax(x, axis=-1): ...\n",
        "from attncore import check\ndef my_softmax(x, axis=-1):\n    return x\ncheck(my_softmax)\n",
        "def softmax(x, x): ...\n",
    ],
)
def test_an_answer_that_is_lost_is_not_passed_over(check, more):
    status, out, _ = check(RIGHT + more)
    assert status == 1
    assert "1 right, 1 raised" in out


def test_a_function_with_a_near_name_is_asked_about(check):
    status, _, err = check("def sofmax(x, axis=-1):\n    return x\n")
    assert status == 2
    assert err.endswith('of the course.\nNo exercise has the name sofmax. Did you mean "softmax"?\n')
    status, out, _ = check(RIGHT + "def cusal_mask(n): ...\ndef helper(): ...\n")
    assert status == 0
    assert 'Did you mean "causal_mask"?' in out and "helper" not in out


def test_many_failures_are_counted(check):
    out = check(RIGHT + "1 / 0\n" * 20)[1]
    assert out.count("ZeroDivisionError") == 8
    assert "And 12 more statements failed." in out


def test_a_name_beyond_unicode_s_letters_and_a_cookie(verdicts):
    source = "# -*- coding: latin-1 -*-\nnäme = 'é'\nassert len(näme) == 1\n" + RIGHT
    assert verdicts(source.encode("latin-1")) == (0, {"weighted_sum": "right"}, "")


def test_lines_are_those_of_python(verdicts):
    source = "\ufeffa = 1\x0c\r\n'''\x0b\x85\u2028'''\r\n\x0c\r\n1 / 0\r\n" + RIGHT.replace("\n", "\r\n")
    status, outcomes, told = verdicts(source)
    assert (status, outcomes) == (0, {"weighted_sum": "right"})
    assert told == "line 4 raises ZeroDivisionError: division by zero.\n    1 / 0"


def test_a_future_import_holds_for_all_that_follows(verdicts):
    source = "from __future__ import annotations\ndef weighted_sum(weights: Nope, values: Nope) -> Nope:\n"
    assert verdicts(source + "    return weights @ values\n") == (0, {"weighted_sum": "right"}, "")


def test_the_file_is_a_module_named_main(verdicts):
    source = "import inspect, sys, dataclasses, os\n@dataclasses.dataclass\nclass Point:\n    x: 'int' = 1\n" + RIGHT
    source += "assert sys.modules['__main__'].weighted_sum is weighted_sum and __file__ == 'answers.py'\n"
    source += "assert 'weights @ values' in inspect.getsource(weighted_sum)\nassert os.path.exists(__file__)\n"
    source += "if __name__ == '__main__':\n    sys.exit()\n"
    assert verdicts(source) == (0, {"weighted_sum": "right"}, "")


def test_a_module_beside_the_file_can_be_imported(verdicts, tmp_path):
    (tmp_path / "mine_beside.py").write_text(RIGHT)
    assert verdicts("from mine_beside import weighted_sum\n")[0] == 0


def test_modules_beside_the_file_take_no_place_of_ours(verdicts, tmp_path):
    for name in ("json", "numpy", "attncore", "random", "re"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit(3)")
    assert verdicts(RIGHT) == (0, {"weighted_sum": "right"}, "")


# Hostile files: what they do costs nothing, or what stands there


HARMLESS = {
    "output": """
import sys, os
print('x' * 10**6)
os.write(1, b'spoilt')
os.write(2, b'{')
sys.stdout.write('}')
import os
for _ in range(2000):
    os.write(1, b'x' * 65536)
    os.write(2, b'x' * 65536)
name = input() if False else __import__('sys').stdin.read()
assert name == ''
import os, sys
sys.stdout.close()
sys.stderr = None
for d in (0, 1, 2):
    os.close(d)
""",
    "processes": """
import subprocess, sys
subprocess.run([sys.executable, '-c', 'print(1)'])
import subprocess
subprocess.Popen(['sleep', '1000'])
import atexit, os
atexit.register(os._exit, 3)
atexit.register(print, 'late')
import threading, time
threading.Thread(target=time.sleep, args=(1000,)).start()
import sys
sys.exit(0)
""",
    "interpreter": """
import warnings, numpy as np
warnings.simplefilter('error')
np.seterr(all='raise')
import os, sys
os.chdir('/')
sys.path.clear()
import json, sys
json.dumps = json.loads = None
sys.exit = None
import gc
gc.disable()
x = [0]
x.append(x)
import builtins
builtins.print = builtins.open = builtins.input = None
import sys
sys.setrecursionlimit(80)
import sys
sys.settrace(lambda *a: None)
""",
    "modules": """
import sys
sys.modules['attncore'] = sys.modules['numpy.random'] = None
""",
    "NumPy": """
import numpy as np
np.isclose = np.allclose = np.array_equal = lambda *a, **k: True
import numpy as np
np.random.default_rng = np.round = np.zeros_like = None
""",
}
POSIX = """
import os
if os.fork() == 0:
    raise SystemExit
os.wait()
import os
os.fork()
import signal
for s in (2, 15):
    signal.signal(s, signal.SIG_IGN)
"""


@pytest.mark.parametrize("name", HARMLESS)
def test_what_stands_beside_an_answer_costs_it_nothing(verdicts, name):
    assert verdicts(HARMLESS[name] + RIGHT) == (0, {"weighted_sum": "right"}, "")


@posix
def test_forks_and_signals_cost_an_answer_nothing(verdicts):
    assert verdicts(POSIX + RIGHT) == (0, {"weighted_sum": "right"}, "")


def test_patched_numpy_makes_nothing_right(verdicts):
    lies = "lambda *a, **k: np.float64(0)"
    source = f"import numpy as np\nnp.exp = np.sum = np.max = np.asarray = np.array = {lies}\n" + RIGHT
    source += "def softmax(x, axis=-1):\n    return 0 * x\n"
    source += "def causal_mask(n_query, n_key=None):\n    return np.exp(1)\n"
    status, outcomes, _ = verdicts(source)
    assert (status, outcomes["softmax"], outcomes["causal_mask"]) == (1, "wrong", "wrong")


def test_no_exception_of_a_file_is_ours(verdicts):
    raised = dict(softmax="KeyboardInterrupt", causal_mask="SystemExit(3)", padding_mask="GeneratorExit")
    raised |= dict(combine_masks="BaseException", log_softmax="MemoryError", masked_softmax="StopIteration")
    source = RIGHT + "".join(f"raise {name}\ndef {id}(*args):\n    raise {name}\n" for id, name in raised.items())
    status, outcomes, told = verdicts(source)
    assert (status, outcomes) == (1, {"weighted_sum": "right"} | dict.fromkeys(raised, "raised"))
    assert all(name in told for name in raised.values() if name != "SystemExit(3)")
    assert "line 6 calls exit: 3." in told


def test_answers_that_end_the_program_cost_themselves(check):
    source = RIGHT + "import os, ctypes\ndef softmax(x, axis=-1):\n    os._exit(0)\n"
    source += "def causal_mask(n_query, n_key=None):\n    ctypes.string_at(0)\n"
    status, out, _ = check(source)
    assert status == 1
    assert "softmax: it ends the program that it runs in, with exit status 0." in out
    assert "causal_mask: it makes Python crash" in out if os.name == "posix" else "causal_mask: it ends" in out
    assert out.endswith("1 right, 2 raised\n")


def test_statements_that_end_the_program_cost_themselves(verdicts):
    source = "import os, ctypes\nos._exit(0)\n" + RIGHT + "ctypes.string_at(0)\n"
    status, outcomes, told = verdicts(source)
    assert (status, outcomes) == (1, {"weighted_sum": "right"})
    assert "line 2 ends the program that it runs in, with exit status 0." in told
    assert "line 5 makes Python crash" in told or os.name != "posix"


def test_a_file_that_ends_the_program_and_holds_nothing_else(check):
    status, _, err = check("import os\nos._exit(0)\n")
    assert status == 2
    assert "line 2 ends the program" in err


def test_loops_without_end_are_stopped(verdicts, short):
    source = "while True:\n    pass\n" + RIGHT
    source += "while True:\n    try:\n        while True: pass\n    except BaseException: pass\n"
    source += "import time\ntime.sleep(1000)\n"
    status, outcomes, told = verdicts(source)
    assert (status, outcomes) == (1, {"weighted_sum": "right"})
    assert "line 1 was stopped after 0.2 seconds." in told
    assert "line 5 " in told and "line 10 runs too long, and was stopped." in told


def test_an_answer_without_end_is_stopped(verdicts, short):
    source = RIGHT + "import time\ndef softmax(x, axis=-1):\n    time.sleep(1000)\n"
    assert verdicts(source)[:2] == (1, {"weighted_sum": "right", "softmax": "raised"})


def test_a_file_that_takes_too_long_as_a_whole(verdicts, monkeypatch):
    monkeypatch.setattr(hear, "WHOLE", 3.0)
    source = "import time\n" + RIGHT + "def softmax(x, axis=-1):\n    time.sleep(1000)\n"
    status, outcomes, told = verdicts(source)
    assert (status, outcomes) == (1, {"weighted_sum": "right", "softmax": "raised"})
    assert "The file was not run to its end: it was stopped after 3 seconds." in told


def test_a_file_that_ends_every_process(check, monkeypatch):
    monkeypatch.setattr(hear, "CHILDREN", 2)
    status, _, err = check(RIGHT + "import os\nos._exit(1)\nos._exit(2)\nos._exit(3)\n")
    assert (status, err.splitlines()[-1]) == (2, "The file was not run to its end: it has ended 2 processes.")


@posix
def test_whoever_writes_to_every_descriptor_is_not_believed(verdicts):
    source = RIGHT + "import os, contextlib\nfor d in range(3, 64):\n"
    source += "    with contextlib.suppress(OSError):\n        os.write(d, b'x' * 200)\n"
    status, outcomes, told = verdicts(source)
    assert (status, outcomes) == (1, {"weighted_sum": "right"})
    assert "line 4 spoils the pipe" in told or "line 4 ends" in told or "line 4 makes" in told


@posix
def test_whoever_closes_every_descriptor_ends_itself(verdicts):
    assert verdicts(RIGHT + "import os\nos.closerange(3, 256)\n")[:2] == (1, {"weighted_sum": "right"})


@posix
def test_memory_and_processes_are_bounded(verdicts):
    source = "import os, resource\nx = bytearray(2**36)\n" + RIGHT
    source += "assert 0 < resource.getrlimit(resource.RLIMIT_AS)[0] < 2**40\n" * sys.platform.startswith("linux")
    source += "assert resource.getrlimit(resource.RLIMIT_CORE)[0] == 0\n"
    status, outcomes, told = verdicts(source)
    assert (status, outcomes) == (0, {"weighted_sum": "right"})
    assert told.startswith("line 2 raises MemoryError") and told.count("line") == 1


def test_odd_results_are_told_by_their_kind(check):
    source = "def softmax(x, axis=-1):\n    yield x\ndef causal_mask(n_query, n_key=None):\n    return {'a': 1}\n"
    status, out, _ = check(source)
    assert status == 1
    assert "It returns a generator. Did you write `yield`" in out and "It returns a dict, expected an array" in out


@posix
def test_nothing_is_left_running(check, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    reading_end = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    left = "import time; pipe = open('pipe', 'w'); pipe.write('begun'); pipe.flush(); print(flush=True)"
    left += "; time.sleep(30); pipe.write(', and gone on')"
    source = f"import subprocess, sys\np = subprocess.Popen([sys.executable, '-c', {left!r}], stdout=subprocess.PIPE)\n"
    assert check(f"{RIGHT}{source}p.stdout.readline()\n")[0] == 0
    os.set_blocking(reading_end, True)
    with open(reading_end) as pipe:
        assert pipe.read() == "begun"  # it ends when the last process that holds it has ended


# Notebooks


def test_a_notebook_with_magics_a_broken_cell_and_a_picture(verdicts):
    cells = ["%matplotlib inline\nimport numpy as np", "!ls", "%%bash\nls", "def softmax(x:", RIGHT, "raise SystemExit"]
    status, outcomes, told = verdicts(notebook(*cells), "answers.ipynb")
    assert (status, outcomes) == (1, {"weighted_sum": "right", "softmax": "raised"})
    assert told == ""


IPYTHON = [
    "display('hello', display_id=1)\nget_ipython().run_line_magic('load_ext', 'autoreload')",
    "%load_ext autoreload\n%autoreload 2\n%config InlineBackend.figure_format = 'retina'",
    "%pip install nothing\n!pip install nothing\npip_said = !pip list\nassert pip_said == []",
    "pip install nothing",
    "%%time\nmade_by_time = 1",
    "%%capture out --no-stdout\nmade_by_capture = made_by_time\n%time timed = 7",
    "%%timeit -n 1 -r 1\nmade_by_timeit = 1",
    "%timeit -n 2 -r2 len('a')\nx = %time 3 + 4\nassert x == 7 and timed == 7",
    "assert made_by_capture == made_by_timeit == 1",
    "%%html\n<b>hello</b>",
    "%%javascript\nalert(1)",
    "%%writefile other.py\nx = ",
    "import asyncio\nawait asyncio.sleep(0)\nresult = await asyncio.sleep(0, 5)",
    "async def ask():\n    return result\nassert (await ask()) == 5",
    "async with asyncio.Lock():\n    pass",
    "len?",
    "?len",
    "len??",
    "1 + 1",
    "assert _ == 2 and In and Out == {} and _i == ''",
    "text = '''\n%d items\n!ls\n''' % 3\nassert text == '\\n3 items\\n!ls\\n'",
    "index = (\n    7\n    % 4\n)\nassert index == 3",
    ">>> prompt = 1\n>>> assert prompt == 1",
    "    indented = 1\n    assert indented == 1",
    "if True:\n    %time nested = 1\nassert nested == 1",
    "get_ipython().ast_node_interactivity = 'all'\nget_ipython().events.register('x', print)\nexit()",
    "from IPython.display import display, HTML\ndisplay(HTML('x'))",
    "%cd ..\n%env X=1\n%who\n%prun len('a')\n%debug",
    "get_ipython().system('ls')\nget_ipython().getoutput('ls')\nget_ipython().magic('time y = 2')\nassert y == 2",
    "",
    "# only a comment",
]


def test_what_ipython_gives_costs_no_answer(verdicts):
    assert verdicts(notebook(*IPYTHON, RIGHT), "answers.ipynb") == (0, {"weighted_sum": "right"}, "")


@pytest.mark.parametrize(
    "magic",
    [
        "%%time",
        "%%timeit",
        "%%capture",
        "display(1)",
        "%matplotlib inline",
        "!ls",
        "await ready()",
    ],
)
def test_an_answer_below_a_magic_is_judged(magic):
    """In this process, since nothing here is hostile."""
    from attncore.grading.pieces import pieces
    from attncore.grading.program import Program
    from attncore.grading.reading import Source

    source = Source("answers.ipynb", ".", [f"{magic}\n{RIGHT}"], True)
    kept, main_module, arguments = sys.path[:], sys.modules["__main__"], sys.argv
    program = Program(source)
    try:
        program.names["ready"] = lambda: asyncio.sleep(0)
        assert [program.run(piece, 5.0) for piece in pieces(source)] == [None] * len(pieces(source))
        assert list(program.answers()) == ["weighted_sum"]
    finally:
        program.loop.close()
        sys.path[:], sys.modules["__main__"], sys.argv = kept, main_module, arguments
        sys.modules.pop("attncore.app.cell", None)


def test_cells_that_fail_are_told_by_their_place(verdicts):
    cells = ["x = 1", "1 / 0\n" + RIGHT, "x ===", "check(weighted_sum)", "return 3", "\ud800"]
    status, outcomes, told = verdicts(notebook(*cells), "answers.ipynb")
    assert (status, outcomes) == (0, {"weighted_sum": "right"})
    assert "cell 2 raises ZeroDivisionError: division by zero.\n    1 / 0" in told
    assert "cell 3 isn't valid Python in its line 1: invalid syntax." in told
    assert "cell 4 raises NameError: name 'check' is not defined." in told
    assert "cell 5 isn't valid Python: 'return' outside function." in told
    assert "cell 6 isn't valid Python" in told


ODD_NOTEBOOKS = {
    "source null": {"cells": [{"cell_type": "code", "source": None}, {"cell_type": "code", "source": RIGHT}]},
    "source a number": {"cells": [{"cell_type": "code", "source": 3}, {"cell_type": "code", "source": RIGHT}]},
    "source missing": {"cells": [{"cell_type": "code"}, {"cell_type": "code", "source": RIGHT}]},
    "source lines": {"cells": [{"cell_type": "code", "source": RIGHT.splitlines(keepends=True)}]},
    "source odd lines": {"cells": [{"cell_type": "code", "source": [None, *RIGHT.splitlines(keepends=True), 3]}]},
    "odd cells": {"cells": [None, 3, [], {}, {"cell_type": "code", "source": RIGHT}]},
    "newer": {"cells": [{"cell_type": "code", "source": RIGHT, "new": {}}], "nbformat": 4, "nbformat_minor": 99},
    "no metadata": {"cells": [{"cell_type": "code", "source": RIGHT}]},
    "third edition": {"nbformat": 3, "worksheets": [{"cells": [{"cell_type": "code", "input": RIGHT}]}]},
    "prose": {"cells": [{"cell_type": "markdown", "source": "def f("}, {"cell_type": "code", "source": RIGHT}]},
}


def test_notebooks_in_which_a_tool_has_left_something_out():
    from attncore.grading.reading import source_of

    for name, content in ODD_NOTEBOOKS.items():
        for encoding in ("utf-8", "utf-8-sig", "utf-16"):
            data = json.dumps(content).encode(encoding)
            assert "".join(source_of(data, "x.ipynb", ".", ".ipynb").cells) == RIGHT, (name, encoding)


# What cannot be judged gets a sentence


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        (b"\xff\xfe\x00x", "answers.py", "answers.py is not text in UTF-8."),
        ("x = (", "answers.py", "answers.py isn't valid Python, line 1: '(' was never closed."),
        ("x = 1\0", "answers.py", "answers.py isn't valid Python"),
        ("-" * 100_000 + "1", "answers.py", "answers.py "),
        ("(" * 5_000 + ")" * 5_000, "answers.py", "answers.py isn't valid Python"),
        ("", "answers.py", "answers.py is empty."),
        ("", "answers.ipynb", "answers.ipynb is empty."),
        ("# nothing", "answers.py", "answers.py holds no answer to an exercise of the course."),
        (
            b'{"cells": [{"cell_type": "co',
            "cut.ipynb",
            "cut.ipynb isn't a complete notebook; it may have been cut short.",
        ),
        ("[" * 100_000, "deep.ipynb", "deep.ipynb isn't a complete notebook; it may have been cut short."),
        ("{}", "other.ipynb", "other.ipynb is no notebook: it has no cells."),
        ("[]", "list.ipynb", "list.ipynb is no notebook: it has no cells."),
        ('{"cells": 3, "worksheets": 4}', "odd.ipynb", "odd.ipynb is no notebook: it has no cells."),
        (notebook(), "bare.ipynb", "bare.ipynb is no notebook: it has no cells."),
        (b"\x89PNG\r\n\x1a\n\xff", "picture.ipynb", "picture.ipynb is "),
        (RIGHT, "answers.txt", "answers.txt is neither a notebook (.ipynb) nor a Python file (.py)."),
        (RIGHT, "answers", "answers is neither a notebook (.ipynb) nor a Python file (.py)."),
        ("x = 1\n" * 200_000, "long.py", "long.py holds 1 MB of code; more than 1 MB is not run."),
        ("{" + " " * 53_000_000, "big.ipynb", "big.ipynb is larger than 50 MB; clear its outputs and try again."),
    ],
)
def test_a_file_that_cannot_be_judged_gets_a_sentence(check, content, name, said):
    status, out, err = check(content, name)
    assert (status, out) == (2, "")
    assert err.startswith(said)


def test_a_file_that_is_not_there_and_an_empty_folder(tmp_path, capsys):
    assert main(["check", str(tmp_path / "none.py")]) == 2
    assert capsys.readouterr().err.endswith("none.py cannot be read: No such file or directory.\n")
    assert main(["check", str(tmp_path)]) == 2
    assert capsys.readouterr().err.endswith("holds no notebook (.ipynb) and no Python file (.py).\n")
    assert main(["check", "nul\0.py"]) == 2
    assert "cannot be read" in capsys.readouterr().err


def test_a_refusal_loads_no_numpy(tmp_path):
    (tmp_path / "broken.py").write_text("x = (")
    code = "import sys; from attncore.app.cli import main; status = main(sys.argv[1:])\n"
    code += "print(status, sorted({'numpy', 'IPython', 'nbformat', 'matplotlib'} & set(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", code, "check", tmp_path / "broken.py"], capture_output=True, text=True)
    assert ran.stdout == "2 []\n"


def test_a_python_file_needs_numpy_alone(tmp_path):
    (tmp_path / "mine.py").write_text(
        f"import sys\nassert not {{'IPython', 'nbformat', 'matplotlib', 'ipywidgets'}} & set(sys.modules)\n{RIGHT}"
    )
    code = "import sys; from attncore.app.cli import main; status = main(sys.argv[1:])\n"
    code += "print(status, sorted({'IPython', 'nbformat', 'matplotlib', 'ipywidgets'} & set(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", code, "check", tmp_path / "mine.py"], capture_output=True, text=True)
    assert ran.stdout.endswith("1 right\n0 []\n") and "raises" not in ran.stdout


# JSON, several files, pipes, and watching


def test_json_says_the_same(check):
    status, out, _ = check(RIGHT + WRONG + "1 / 0\n", "answers.py", "--json")
    said = json.loads(out)
    assert status == 1
    assert [(r["exercise"], r["outcome"]) for r in said["results"]] == [("weighted_sum", "right"), ("softmax", "wrong")]
    assert set(said["results"][0]) == {"exercise", "outcome", "mistake", "edges", "convention", "message"}
    assert said["results"][1]["message"].startswith("softmax: ")
    assert said["told"][0].startswith("line 6 raises ZeroDivisionError")


def test_json_of_a_bad_file_is_an_error(check):
    status, out, err = check("x = (", "answers.py", "--json")
    assert (status, err) == (2, "")
    assert json.loads(out)["error"] == "answers.py isn't valid Python, line 1: '(' was never closed."


def test_a_folder_is_read_in_order_without_hidden_files(tmp_path, capsys):
    for name in ("b.PY", "a/c.IPYNB", ".ipynb_checkpoints/d.py", "a/.e.py", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(notebook(WRONG) if name.endswith("IPYNB") else RIGHT)
    assert main(["check", str(tmp_path), "--json"]) == 1
    said = json.loads(capsys.readouterr().out)["files"]
    assert [os.path.relpath(one["file"], tmp_path).replace(os.sep, "/") for one in said] == ["a/c.IPYNB", "b.PY"]


def test_of_several_files_the_largest_status(tmp_path, capsys):
    (tmp_path / "right.py").write_text(RIGHT)
    assert main(["check", str(tmp_path / "right.py"), str(tmp_path / "none.py")]) == 2
    printed = capsys.readouterr()
    assert printed.out.startswith(f"== {tmp_path / 'right.py'}\n\nweighted_sum: right")
    assert "none.py cannot be read" in printed.err


@pytest.mark.parametrize("content", [RIGHT, notebook(RIGHT)])
def test_a_pipe_holds_a_python_file_or_a_notebook(capsys, monkeypatch, content):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content.encode())))
    assert main(["check", "-"]) == 0
    assert capsys.readouterr().out.endswith("1 right\n")


def test_watching_goes_on_to_the_next_exercise(tmp_path, capsys):
    path = tmp_path / "mine.py"
    path.write_text(STUB + RIGHT.replace("@ values", "@ values * 0"))
    saves = iter([STUB + RIGHT, "x = (", RIGHT])
    shown = []

    def pause():
        shown.append(capsys.readouterr().out)
        if (content := next(saves, None)) is None:
            raise KeyboardInterrupt
        path.write_text(content)

    with pytest.raises(KeyboardInterrupt):
        check_files.watch([str(path)], pause)
    first, second, broken, last = shown
    assert first.startswith("weighted_sum: ") and first.endswith("0 of 2 done\n") and "causal_mask" not in first
    assert second == "causal_mask: not attempted yet.\n\n" + "█" * 10 + "░" * 10 + " 1 of 2 done\n"
    assert broken == "mine.py isn't valid Python, line 1: '(' was never closed.\n"
    assert last == "Everything in this file is done.\n\n" + "█" * 20 + " 1 of 1 done\n"


def test_watching_takes_one_file(tmp_path, capsys):
    assert main(["check", "--watch", str(tmp_path)]) == 2
    assert capsys.readouterr().err == "--watch takes one file: a notebook, or a Python file.\n"


def test_objects_that_resist_being_looked_at_cost_nothing_else(verdicts):
    source = "class Hostile:\n    def __getattribute__(self, name):\n        raise SystemError\n"
    source += "softmax = Hostile()\ncausal_mask = Hostile\nx = Hostile()\n"
    status, outcomes, _ = verdicts(source + RIGHT)
    assert status == 1
    assert outcomes.pop("weighted_sum") == "right"
    assert set(outcomes.values()) <= {"wrong", "raised"} and set(outcomes) == {"softmax", "causal_mask"}


def test_a_folder_that_has_gone_is_a_sentence(monkeypatch):
    source = reading.Source("answers.py", "/no/such/folder", [RIGHT], False)
    with pytest.raises(reading.Unreadable, match="answers.py cannot be run: No such file or directory."):
        hear.hear(source)
