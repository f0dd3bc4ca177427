"""The glossary: any name of a term finds it, a near miss is helped, and the page is what the file gives."""

import pytest

from attncore.app.glossary import glossary, terms
from attncore.authoring.glossary import glossary_page, glossary_problems


def test_every_term_is_listed_with_its_meaning():
    text, page = glossary().message, glossary()._repr_html_()
    assert len(terms()) >= 110
    assert all(term.meaning in text for term in terms())
    assert page.count('role="listitem"') == len(terms())


@pytest.mark.parametrize("term", terms(), ids=lambda term: term.name)
def test_a_term_is_found_under_each_of_its_names(term):
    for name in term.names:
        assert glossary(f" {name.upper()} ").message == term.row()[0]


@pytest.mark.parametrize(
    "word, meant", [("logit", "logits"), ("memory bound", "memory-bandwidth-bound"), ("nucleus", "top-p sampling")]
)
def test_a_near_miss_is_helped(word, meant):
    message = glossary(word).message
    assert message.startswith(f'The glossary has no "{word}". Did you mean one of these?')
    assert f"\n{meant}" in message


def test_what_comes_near_nothing_is_told_so():
    assert glossary("qqqq").message == 'The glossary has no "qqqq".'


def test_the_page_leads_to_lessons_that_there_are():
    assert "| **logits**<br>pre-softmax scores |" in glossary_page()
    assert "[lesson 02](../solutions/02_softmax.ipynb)" in glossary_page()


def test_the_glossary_and_its_page_are_in_step():
    assert list(glossary_problems()) == []


def test_the_verb_takes_a_function_too(capsys):
    from attncore import glossary as verb
    from attncore.softmax import softmax

    verb(softmax)
    assert "softmax: Exponentials divided by their sum" in capsys.readouterr().out
