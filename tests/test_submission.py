"""attncore check FILE: what is read, what is judged, and what is said of files that hold nothing."""

import json

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

import attncore
from attncore.app.cli import main
from attncore.authoring.render import NOTEBOOKS, SOLUTIONS

RIGHT = "def weighted_sum(weights, values):\n    return weights @ values\n"
WRONG = "import numpy as np\ndef softmax(x, axis=-1):\n    return np.exp(x) / np.exp(x).sum(axis=axis, keepdims=True)\n"
STUB = "def causal_mask(n_query, n_key=None):\n    ...\n"


@pytest.fixture
def check(tmp_path, capsys):
    """Check a file of this content; its exit status, and what was printed."""

    def checked(content, name="answers.py", *options):
        path = tmp_path / name
        if isinstance(content, list):
            nbformat.write(new_notebook(cells=[new_code_cell(source) for source in content]), path)
        else:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        status = main(["check", str(path), *options])
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return checked


def test_all_right_is_status_0(check):
    assert check(RIGHT) == (0, "weighted_sum: right, in all 10 cases.\n\n1 right\n", "")


def test_one_wrong_answer_is_status_1_and_named(check):
    status, out, _ = check(RIGHT + WRONG + STUB)
    assert status == 1
    assert "softmax: no maximum subtracted." in out
    assert out.endswith("1 right, 1 wrong, 1 not attempted\n")


def test_nothing_attempted_is_not_all_right(check):
    assert check(STUB)[:2] == (1, "1 not attempted\n")


def test_values_are_judged_where_answer_is_called(check):
    status, out, _ = check('from attncore import answer\nanswer("score-bytes", "1 GiB")\nanswer("score-std", 1024)\n')
    assert status == 1
    assert "score-bytes: right" in out and "score-std: the variance." in out


def test_a_function_of_another_name_counts_for_the_exercise_that_it_was_checked_as(check):
    source = "import attncore\n" + RIGHT.replace("weighted_sum", "mine") + 'attncore.check(mine, "weighted_sum")\n'
    assert check(source)[0] == 0


def test_the_course_s_own_function_is_no_answer(check):
    status, _, err = check("from attncore import check\nfrom attncore.softmax import softmax\ncheck(softmax)\n")
    assert (status, err) == (2, "answers.py holds no answer to an exercise of the course.\n")


def test_a_piece_that_raises_costs_only_what_it_defines(check):
    status, out, _ = check("undefined\n" + RIGHT + "1 / 0\n@missing\ndef softmax(x, axis=-1):\n    return x\n")
    assert status == 1
    assert "softmax: its cell raises NameError: name 'missing' is not defined" in out
    assert "1 right, 1 raised" in out


def test_a_notebook_with_magics_a_broken_cell_and_a_picture(check):
    cells = ["%matplotlib inline\nimport numpy as np", "!ls", "%%bash\nls", "def softmax(x:", RIGHT, "raise SystemExit"]
    status, out, _ = check(cells, "answers.ipynb")
    assert status == 1
    assert "softmax: its cell is no Python" in out and "weighted_sum: right" in out


def test_a_timed_cell_is_read(check):
    assert check(["%%time\n" + RIGHT], "answers.ipynb")[0] == 0


def test_the_solutions_are_right_and_the_notebooks_are_not_attempted(capsys):
    assert main(["check", str(SOLUTIONS / "06_masks.ipynb")]) == 0
    assert main(["check", str(NOTEBOOKS / "06_masks.ipynb")]) == 1
    assert capsys.readouterr().out.splitlines()[-1].endswith("not attempted")


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        (b"\xff\xfe\x00x", "answers.py", "answers.py is not text in UTF-8."),
        ("x = (", "answers.py", "answers.py is no Python, line 1: '(' was never closed."),
        ("x = 1\0", "answers.py", "answers.py is no Python"),
        ("", "answers.py", "answers.py holds no answer to an exercise of the course."),
        ("def softmix(x):\n    return x\n", "answers.py", "answers.py holds no answer to an exercise of the course."),
        (b'{"cells": [{"cell_type": "co', "cut.ipynb", "cut.ipynb is no whole notebook; it may have been cut short."),
        ("{}", "other.ipynb", "other.ipynb is no whole notebook; it may have been cut short."),
        ("[]", "list.ipynb", "list.ipynb is no whole notebook; it may have been cut short."),
        (RIGHT, "answers.txt", "answers.txt is neither a notebook (.ipynb) nor a Python file (.py)."),
    ],
)
def test_a_file_that_cannot_be_judged_gets_a_sentence(check, content, name, said):
    status, out, err = check(content, name)
    assert (status, out) == (2, "")
    assert err.startswith(said)


def test_a_file_that_is_not_there(tmp_path, capsys):
    assert main(["check", str(tmp_path / "none.py")]) == 2
    assert capsys.readouterr().err.endswith("none.py cannot be read: No such file or directory.\n")


def test_json_says_the_same(check):
    status, out, _ = check(RIGHT + WRONG, "answers.py", "--json")
    results = json.loads(out)["results"]
    assert status == 1
    assert [(r["exercise"], r["outcome"]) for r in results] == [("weighted_sum", "right"), ("softmax", "wrong")]
    assert results[1]["mistake"] == "no maximum subtracted"
    assert results[1]["message"].startswith("softmax: no maximum subtracted.\n")


def test_json_of_a_bad_file_is_an_error(check):
    status, out, _ = check("x = (", "answers.py", "--json")
    assert status == 2
    assert json.loads(out)["error"] == "answers.py is no Python, line 1: '(' was never closed."


def test_the_verbs_are_the_learner_s_again_afterwards(check):
    check(RIGHT)
    assert attncore.check.__module__ == "attncore.app.cell"


def test_prose_and_other_cells_are_no_answers(check, tmp_path, capsys):
    path = tmp_path / "prose.ipynb"
    nbformat.write(new_notebook(cells=[new_markdown_cell("def softmax(x): return x")]), path)
    assert main(["check", str(path)]) == 2


def test_a_module_beside_the_file_can_be_imported(check, tmp_path):
    (tmp_path / "mine_beside.py").write_text(RIGHT)
    assert check("from mine_beside import weighted_sum\n")[0] == 0


def test_input_and_print_neither_wait_nor_show(check):
    status, out, _ = check("print('hello')\nname = input()\n" + RIGHT)
    assert status == 0
    assert "hello" not in out


@pytest.mark.parametrize(
    "more",
    [
        'from attncore import answer\nanswer("score-byte", "5 GiB")\n',
        'from attncore import answer\nanswer("score-bytes", 1 / 0)\n',
        "softmax = nope(3)\n",
        "if True:\n    1 / 0\n    def softmax(x, axis=-1): ...\n",
        "from attncore import check\ndef my_softmax(x, axis=-1):\n    return x\ncheck(my_softmax)\n",
    ],
)
def test_an_answer_that_is_lost_is_not_passed_over(check, more):
    status, out, _ = check(RIGHT + more)
    assert status == 1
    assert "1 right, 1 raised" in out


def test_the_last_definition_counts(check):
    again = "from attncore import check\ncheck(weighted_sum)\n" + RIGHT.replace("@ values", "@ values * 0")
    assert check(RIGHT + again)[0] == 1
    assert check(RIGHT.replace("@ values", "@ values * 0") + again.partition("def")[0] + RIGHT)[0] == 0
