"""Behind the walls: whatever a stranger's answer does, it earns nothing and costs nobody else anything."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from hostile import CALLED, FILES, RIGHT_MASK, RIGHT_SOFTMAX, inside

from attncore.exercises import Code, exercises, find
from attncore.grading.batch import DONE, grade
from attncore.grading.results import Results
from attncore.grading.sandbox import Sandbox

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox forks, and knows Linux's walls")
FUNCTIONS = [e for e in exercises if isinstance(e, Code)]
ASKED = [find("softmax"), find("causal_mask")]


@pytest.fixture(scope="module")
def others_children():
    """Processes that other tests have started here."""
    return children()


@pytest.fixture(scope="module")
def found(tmp_path_factory, others_children):
    """What was found of every hostile submission, by its name: exercise by exercise."""
    with Sandbox() as sandbox:
        if not (sandbox.walls["namespaces"] or sandbox.walls["seccomp"]):
            pytest.skip("without walls, some of these would end whatever their user runs")
    folder = tmp_path_factory.mktemp("submissions")
    place = {}
    for number, (name, text) in enumerate([*CALLED.items(), *FILES.items()]):
        place[f"{number:03}"] = name
        answer = inside(text) if name in CALLED else text + RIGHT_SOFTMAX
        (folder / f"{number:03}.py").write_text(f"import numpy as np\nimport time\n{answer}\n{RIGHT_MASK}")
    results = Results(tmp_path_factory.mktemp("report") / "results.sqlite")
    grade(folder, results, ASKED, seconds=1.0)
    return {place[s.learner]: {r.exercise: r for r in s.results} for s in results.submissions()}


@pytest.mark.parametrize("name", CALLED)
def test_what_is_hostile_earns_nothing(found, name):
    assert found[name]["softmax"].outcome in ("wrong", "raised", "unattempted"), found[name]["softmax"]


@pytest.mark.parametrize("name", [*CALLED, *FILES])
def test_what_stands_beside_it_is_right(found, name):
    assert found[name]["causal_mask"].outcome == "right", found[name]["causal_mask"]


@pytest.mark.parametrize("name", FILES)
def test_what_an_answer_does_not_depend_on_costs_it_nothing(found, name):
    assert found[name]["softmax"].outcome == "right", found[name]["softmax"]


def test_nothing_was_written_and_nothing_runs_on(found, others_children):
    assert found and not Path("/tmp/attncore-was-here").exists()
    assert children() <= others_children


def children():
    """The processes that this one has started, and that have not been waited for."""
    mine = str(os.getpid())
    return {path.parent.name for path in Path("/proc").glob("[0-9]*/stat") if stat_of(path)[1:2] == [mine]}


def stat_of(path):
    """State and parent of a process."""
    try:
        return path.read_text().rpartition(")")[2].split()[:2]
    except OSError:
        return []


LOOKED_UP = """
import numpy as np
TABLE = {table}
def softmax(x, axis=-1):
    key = np.asarray(x).tobytes(), np.shape(x), axis
    return np.frombuffer(TABLE[key], x.dtype if x.dtype.kind == "f" else float).reshape(x.shape).copy()
"""


def looked_up():
    """What softmax gives in all cases that the course shows."""
    softmax, table = find("softmax"), {}
    for case in softmax.cases:
        given = case.make()
        key = np.asarray(given["x"]).tobytes(), np.shape(given["x"]), given.get("axis", -1)
        table[key] = softmax.reference(**given).tobytes()
    return table


@pytest.fixture
def graded(tmp_path):
    """Grades a text; the outcomes, exercise by exercise."""

    def outcomes(text, asked, seconds=2.0):
        (tmp_path / "submissions").mkdir()
        (tmp_path / "submissions" / "ann.py").write_text(text)
        results = Results(tmp_path / "results.sqlite")
        grade(tmp_path / "submissions", results, list(map(find, asked)), seconds)
        return {result.exercise: result.outcome for ann in results.submissions() for result in ann.results}

    return outcomes


def test_results_that_were_looked_up_are_no_answer(graded):
    assert graded(LOOKED_UP.format(table=looked_up()), ["softmax"])["softmax"] in ("wrong", "raised")


BORROWED = (
    LOOKED_UP.replace(
        "    return",
        """    if key not in TABLE:
        from attncore.softmax import softmax as theirs
        return theirs(x, axis)
    return""",
    )
    + """
from attncore.softmax import masked_softmax
def scaled_dot_product_attention(query, key, value, mask=None, scale=None, return_weights=False):
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    weights = masked_softmax(query @ np.swapaxes(key, -1, -2) * scale, mask)
    return (weights @ value, weights) if return_weights else weights @ value
"""
)


def test_what_one_answer_is_given_of_the_course_is_no_answer_to_another(graded):
    found = graded(BORROWED.format(table=looked_up()), ["softmax", "scaled_dot_product_attention"])
    assert found["scaled_dot_product_attention"] in DONE and found["softmax"] not in DONE


TOGETHER = """
import os, sys
import numpy as np

{right_softmax}
def causal_mask(n_query, n_key=None):
    if hasattr(sys, "somebody was here"):
        {spoils}
    n_key = n_query if n_key is None else n_key
    return np.arange(n_key) <= np.arange(n_query)[:, None] + n_key - n_query

def log_softmax(x, axis=-1):
    setattr(sys, "somebody was here", True)
    x = x - x.max(axis=axis, keepdims=True)
    return x - np.log(np.exp(x).sum(axis=axis, keepdims=True))
"""
SPOILING = ["os._exit(3)", "while True: pass", "np.exp = None", "sys.setrecursionlimit(40)", "return [[1e9]] * 10**6"]


@pytest.mark.parametrize("spoils", SPOILING)
def test_what_an_answer_does_to_others_of_its_file_costs_none_of_them_anything(graded, spoils):
    """Only the functions' second process is one for all."""
    asked = ["log_softmax", "causal_mask", "softmax"]
    found = graded(TOGETHER.format(right_softmax=RIGHT_SOFTMAX, spoils=spoils), asked, seconds=0.5)
    assert list(found) == asked and set(found.values()) <= set(DONE), found


def test_a_second_process_is_one_for_all_functions_and_is_not_waited_for_as_long_as_for_each(graded, monkeypatch):
    done = []
    errand = Sandbox.errand

    def noted(self, what, *args, **given):
        done.append((what, given.get("seconds"), *args[:1]))
        return errand(self, what, *args, **given)

    monkeypatch.setattr(Sandbox, "errand", noted)
    text = TOGETHER.format(right_softmax=RIGHT_SOFTMAX, spoils="pass")
    graded(text, ["log_softmax", "causal_mask", "softmax"], seconds=60.0)
    assert [what for what, *_ in done] == ["nothing", "read", *["functions"] * 4]
    assert done[2:5] == [("functions", 60.0, 60.0)] * 3
    (_, seconds, limit) = done[5]
    assert seconds == 120.0 and limit < 180.0


def test_what_is_endless_leaves_others_the_time_to_be_seen_again(graded, monkeypatch):
    monkeypatch.setattr("attncore.grading.batch.LONGEST", 3.0)
    endless = ["masked_softmax", "log_softmax", "causal_mask", "padding_mask", "split_heads"]
    text = "import numpy as np\n" + RIGHT_SOFTMAX
    text += "".join(f"def {name}(*given, **more):\n    while True: pass\n" for name in endless)
    found = graded(text, ["softmax", *endless], seconds=1.0)
    assert found.pop("softmax") == "right" and set(found.values()) <= {"wrong", "raised"}


HANDED = {  # what the course has that answers an exercise
    "KVCache": "from attncore.exercises.fixtures import PlainCache\nclass KVCache(PlainCache): pass",
    "latent_attention_absorbed": """
from attncore.shared_heads import latent_attention
def latent_attention_absorbed(*args, **given): return latent_attention(*args, **given)""",
    "linear_attention_recurrent": """
from attncore.recurrent import linear_attention
def linear_attention_recurrent(*args, **given): return linear_attention(*args, **given)""",
}


def test_what_answers_an_exercise_is_not_handed_out(tmp_path):
    (submissions := tmp_path / "submissions").mkdir()
    for id, text in HANDED.items():
        (submissions / f"{id}.py").write_text(text)
    results = Results(tmp_path / "results.sqlite")
    grade(submissions, results, [e for e in FUNCTIONS if e.id in HANDED])
    found = {r.exercise: r.outcome for submission in results.submissions() for r in submission.results}
    assert found.keys() == {e.id for e in FUNCTIONS} & HANDED.keys()
    assert set(found.values()) == {"raised"}
