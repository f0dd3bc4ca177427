"""What of the course a stranger's answer may have: enough to stand on, and nothing that answers for it."""

import ast
from concurrent.futures import ThreadPoolExecutor

import pytest

from attncore.exercises import Code, exercises, find
from attncore.grading.shelf import definitions, filled, reached, shelf, tools

FUNCTIONS = [e for e in exercises if isinstance(e, Code)]


def defined(texts):
    return {
        (module, node.name)
        for module, text in texts.items()
        for node in ast.parse(text).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
    }


@pytest.mark.parametrize("exercise", FUNCTIONS, ids=lambda e: e.id)
def test_neither_the_function_nor_what_calls_it_is_there(exercise):
    book = definitions()
    asked = {p for p, d in enumerate(book) if (exercise.lesson[3:], exercise.reference.__name__) in d.defines}
    there = defined(shelf(exercise))
    calling = {p for p in range(len(book)) if p in asked or asked & reached(book, [p])}
    hidden = {(f"attncore.{module}", name) for place in calling for module, name in book[place].defines}
    assert not hidden & there
    assert exercise.kind == "debug" or asked


@pytest.mark.parametrize("exercise", FUNCTIONS, ids=lambda e: e.id)
def test_what_it_calls_and_what_was_taught_before_is_there(exercise):
    there, lesson = defined(shelf(exercise)), exercise.lesson
    taught = [e for e in FUNCTIONS if e.kind == "code" and e.lesson < lesson]
    missing = {e.id for e in taught if (f"attncore.{e.lesson[3:]}", e.reference.__name__) not in there}
    assert not missing


def test_softmax_cannot_be_had_by_another_way():
    there = {name for _, name in defined(shelf(find("softmax")))}
    assert {"uniform_attention", "weighted_sum", "finite", "HeadWeights"} <= there
    assert not there & {"softmax", "log_softmax", "masked_softmax", "attention_weights", "tiled_attention"}


def test_what_observes_an_answer_imports_nothing_that_is_not_handed_out():
    texts = tools()
    for name, text in texts.items():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("attncore.app"):
                continue  # the verbs, which are silent there
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("attncore"):
                assert node.module in texts, f"{name} imports {node.module}"


def test_threads_may_ask_at_once():
    filled.cache_clear()
    definitions.cache_clear()
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(shelf, FUNCTIONS[:40]))
    assert found == [shelf(exercise) for exercise in FUNCTIONS[:40]]
